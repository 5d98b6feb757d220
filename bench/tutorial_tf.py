"""The tutorial's network in TensorFlow 2: its layers, its ways down, Adam. Shared by the peers_tf scripts."""
import tensorflow as tf

SIZES = ((3, 64), (64, 64), (64, 10))


def un_max_pool(net, mask, shape):
    """The tutorial's: every value to its place, by scatter_nd."""
    n, h, w, c = shape
    one = tf.ones_like(mask)
    b = one * tf.reshape(tf.range(n, dtype=tf.int64), [n, 1, 1, 1])
    f = one * tf.range(c, dtype=tf.int64)
    index = tf.stack([b, mask // (w * c), mask % (w * c) // c, f], axis=-1)
    return tf.scatter_nd(tf.reshape(index, [-1, 4]), tf.reshape(net, [-1]), shape)


def un_max_pool_by_gradient(net, mask, shape):
    """The same by the kernel that TensorFlow has for the gradient."""
    return tf.raw_ops.MaxPoolGradWithArgmax(input=tf.zeros(shape), grad=net, argmax=mask, padding="SAME",
                                            ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1])


class Tutorial:
    """NHWC throughout. weights: {conv1.weight: (O,I,H,W), conv1.bias, ...}; none: first weights."""

    def __init__(self, weights=None):
        if weights:
            self.kernels = [tf.Variable(weights[f"conv{i}.weight"].transpose(2, 3, 1, 0)) for i in (1, 2, 3)]
            self.biases = [tf.Variable(weights[f"conv{i}.bias"]) for i in (1, 2, 3)]
        else:
            self.kernels = [tf.Variable(tf.random.truncated_normal([5, 5, *s], stddev=0.01)) for s in SIZES]
            self.biases = [tf.Variable(tf.fill([k], 0.01)) for _, k in SIZES]
        self.weights = self.kernels + self.biases
        self.moments = None

    def layer(self, x, i):
        return tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, self.kernels[i], 1, "SAME"), self.biases[i]))

    def logits(self, x):
        p1 = tf.nn.max_pool2d(self.layer(x, 0), 2, 2, "SAME")
        p2 = tf.nn.max_pool2d(self.layer(p1, 1), 2, 2, "SAME")
        return tf.reduce_mean(self.layer(p2, 2), [1, 2])

    def begin(self):
        """What Adam keeps; before the first step, outside of a tf.function."""
        self.moments = [[tf.Variable(tf.zeros_like(w)) for w in self.weights] for _ in range(2)]
        self.powers = tf.Variable(0.9), tf.Variable(0.999)

    def step(self, x, y, rate=1e-4):
        """Adam is TensorFlow's own kernel."""
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=self.logits(x)))
        for w, g, m, v in zip(self.weights, tape.gradient(loss, self.weights), *self.moments):
            tf.raw_ops.ResourceApplyAdam(var=w.handle, m=m.handle, v=v.handle, beta1_power=self.powers[0],
                                         beta2_power=self.powers[1], lr=rate, beta1=0.9, beta2=0.999,
                                         epsilon=1e-8, grad=g)
        self.powers[0].assign(self.powers[0] * 0.9)
        self.powers[1].assign(self.powers[1] * 0.999)
        return loss

    def up(self, x):
        """What the ways down need: both pooled layers with their switches."""
        p1, s1 = tf.nn.max_pool_with_argmax(self.layer(x, 0), 2, 2, "SAME")
        p2, s2 = tf.nn.max_pool_with_argmax(self.layer(p1, 1), 2, 2, "SAME")
        return p1, s1, p2, s2

    def down(self, p1, s1, p2, s2, unpool=un_max_pool, turned=False):
        """The pictures of layer 1 and layer 2; turned: by convolutions with the kernel turned."""
        n = len(p1)
        big, middle = (n, 24, 24, 64), (n, 12, 12, 64)

        def deconv(z, i, shape):
            z = z - self.biases[i]
            if turned:
                kernel = tf.transpose(self.kernels[i][::-1, ::-1], [0, 1, 3, 2])
                return tf.nn.conv2d(z, kernel, 1, "SAME")
            return tf.nn.conv2d_transpose(z, self.kernels[i], shape, 1, "SAME")
        t1 = deconv(unpool(p1, s1, big), 0, (n, 24, 24, 3))
        t2 = deconv(unpool(p2, s2, middle), 1, middle)
        return t1, deconv(unpool(t2, s1, big), 0, (n, 24, 24, 3))
