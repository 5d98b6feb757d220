"""The tutorial's arithmetic once more, in float64 and with a rounding bound beside every number.

A pair (v, e) says that a float32 evaluation, in whatever order it adds, gives v +- e. Two sources:
- A sum of n products is itself off by at most gamma(n) * sum |a||b|: n u in the worst case, and
  8 sqrt(n) u with a probability near 1e-10 (Higham and Mary, "A new approach to probabilistic
  rounding error analysis", SISC 2019, theorem 2.4 with lambda = 8).
- Errors that come in with the operands are taken as independent and add as squares. Were they all
  to conspire, a sum of 1600 would grow them 40 times more in each layer, and after five layers the
  bound would exceed the numbers themselves and test nothing.
No number in here is tuned.

Independent of TensorFlow: make_tutorial.py checks the one against the other before it writes.
"""
import numpy as np

U = 2.0 ** -24


def gamma(n):
    return min(n, 8 * np.sqrt(n)) * U * 1.001


class Pair:
    def __init__(self, v, e=None):
        self.v = np.asarray(v, np.float64)
        self.e = np.zeros_like(self.v) if e is None else np.broadcast_to(e, self.v.shape)

    def top(self):
        """The largest magnitude that is possible."""
        return np.abs(self.v) + self.e

    def reshape(self, *shape):
        return Pair(self.v.reshape(*shape), self.e.reshape(*shape))


def product(a, b, more=0):
    """Matrix product; `more` terms are added to each sum later."""
    n = a.v.shape[-1] + more
    carried = np.square(a.e) @ np.square(b.top()) + np.square(a.top()) @ np.square(b.e)
    return Pair(a.v @ b.v, np.sqrt(carried) + gamma(n) * (a.top() @ b.top()))


def patches(x, r, s):
    """(N,H,W,C) -> (N*H*W, r*s*C), stride 1, SAME, odd kernels."""
    pad = ((0, 0), (r // 2, r // 2), (s // 2, s // 2), (0, 0))
    view = np.lib.stride_tricks.sliding_window_view(np.pad(x, pad), (r, s), axis=(1, 2))
    return view.transpose(0, 1, 2, 4, 5, 3).reshape(-1, r * s * x.shape[3])


def conv(x, w, b=None):
    """w: (R,S,in,out)."""
    r, s, c, k = w.v.shape
    cols = Pair(patches(x.v, r, s), patches(x.e, r, s))
    y = product(cols, w.reshape(-1, k), 1)
    if b is not None:
        y = Pair(y.v + b.v, y.e + b.e + gamma(r * s * c + 1) * b.top())
    return y.reshape(*x.v.shape[:3], k)


def deconv(z, w):
    """The adjoint of conv without bias."""
    def turn(a):
        return a[::-1, ::-1].transpose(0, 1, 3, 2)
    return conv(z, Pair(turn(w.v), turn(w.e)))


def weight_gradient(x, g, r, s):
    k, c = g.v.shape[3], x.v.shape[3]
    cols = Pair(patches(x.v, r, s).T, patches(x.e, r, s).T)
    return product(cols, g.reshape(-1, k)).reshape(r, s, c, k)


def bias_gradient(g):
    flat = g.reshape(-1, g.v.shape[3])
    carried = np.sqrt(np.square(flat.e).sum(0))
    return Pair(flat.v.sum(0), carried + gamma(len(flat.v)) * flat.top().sum(0))


def relu(x):
    return Pair(np.maximum(x.v, 0), x.e)


def masked(s, x):
    """The gradient of relu: s where x > 0 (whose sign is certain: see margin in make_tutorial)."""
    return Pair(np.where(x.v > 0, s.v, 0), np.where(x.v > 0, s.e, 0))


def subtract(s, b):
    v = s.v - b.v
    return Pair(v, s.e + b.e + U * np.abs(v))


def max_pool(x):
    """2x2, stride 2. Returns the pooled pair, TensorFlow's mask, and best minus second best."""
    n, h, w, c = x.v.shape

    def windows(a):
        a = a.reshape(n, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 5, 2, 4)
        return a.reshape(n, h // 2, w // 2, c, 4)
    v, e = windows(x.v), windows(x.e)
    best = v.argmax(-1)                     # NumPy's argmax is the first
    ordered = np.sort(v, -1)
    y, xx, cc = np.meshgrid(np.arange(h // 2), np.arange(w // 2), np.arange(c), indexing="ij")
    mask = ((2 * y + best // 2) * w + 2 * xx + best % 2) * c + cc
    return Pair(v.max(-1), e.max(-1)), mask, ordered[..., 3] - ordered[..., 2]


def unpool(p, mask, shape):
    n, size = shape[0], int(np.prod(shape[1:]))
    index = (np.arange(n).reshape(-1, 1, 1, 1) * size + mask).reshape(-1)
    v, e = np.zeros(n * size), np.zeros(n * size)
    np.add.at(v, index, p.v.reshape(-1))
    np.add.at(e, index, p.e.reshape(-1))
    return Pair(v.reshape(shape), e.reshape(shape))


def mean(x):
    """Over rows and columns."""
    n = x.v.shape[1] * x.v.shape[2]
    v, e2, top = (a.mean((1, 2), keepdims=True) for a in (x.v, np.square(x.e), x.top()))
    return Pair(v, np.sqrt(e2 / n) + (gamma(n) + U) * top)


def softmax(z):
    """z: (N,K). Moving each logit by up to d changes a probability by a factor of exp(2d) at most;
    12 u for exp, the sum and the division."""
    p = np.exp(z.v - z.v.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    d = z.e.max(1, keepdims=True)
    return Pair(p, p * (np.expm1(2 * d) + 12 * U))


def cross_entropy(z, labels):
    """Mean; returns it and the gradient of the logits."""
    p, n = softmax(z), len(labels)
    rows = np.arange(n)
    loss = -np.log(p.v[rows, labels])
    e = 2 * z.e.max(1) + 16 * U * (1 + np.abs(loss))
    g = p.v.copy()
    g[rows, labels] -= 1
    return Pair(loss.mean(), e.mean()), Pair(g / n, (p.e + 16 * U) / n)
