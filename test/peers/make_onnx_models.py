"""make_onnx_models.py FOLDER [--small] [--only WORDS] [--exporter script|dynamo|both] [--seed N]

Writes ONNX files as other people's programs write them: every torchvision classification family
with random weights through both of PyTorch's exporters, small networks that show one thing each,
networks that must be refused, and (with TensorFlow, Keras and tf2onnx installed) Keras ones.
Beside NAME.onnx stands NAME.txt: "ok" or "refused" and the height, width and channels of a picture.

--small  smaller pictures where the network allows it
--only   names that hold one of these words, separated by commas
Running statistics of batch-norms are taken from one batch of noise, so that values stay tame."""
import argparse
import os
import sys
import traceback

# name: (constructor, arguments, side, smallest useful side)
TORCHVISION = {
    "alexnet": ({}, 224, 224), "vgg11": ({}, 224, 224), "vgg16": ({}, 224, 224),
    "vgg19": ({}, 224, 224), "vgg11_bn": ({}, 224, 224), "vgg16_bn": ({}, 224, 224),
    "vgg19_bn": ({}, 224, 224), "resnet18": ({}, 224, 64), "resnet50": ({}, 224, 64),
    "resnext50_32x4d": ({}, 224, 64), "wide_resnet50_2": ({}, 224, 64),
    "squeezenet1_0": ({}, 224, 64), "squeezenet1_1": ({}, 224, 64),
    "googlenet": ({"init_weights": False, "transform_input": True, "aux_logits": False}, 224, 64),
    "inception_v3": ({"init_weights": False, "transform_input": True}, 299, 128),
    "densenet121": ({}, 224, 64), "mobilenet_v2": ({}, 224, 64),
    "mobilenet_v3_small": ({}, 224, 64), "mobilenet_v3_large": ({}, 224, 64),
    "shufflenet_v2_x1_0": ({}, 224, 64), "efficientnet_b0": ({}, 224, 128),
    "efficientnet_v2_s": ({}, 384, 128), "regnet_x_400mf": ({}, 224, 64),
    "regnet_y_400mf": ({}, 224, 64), "mnasnet0_5": ({}, 224, 64), "mnasnet1_0": ({}, 224, 64),
}
REFUSED = {
    "vit_b_16": ({}, 224, 224), "swin_t": ({}, 224, 224), "convnext_tiny": ({}, 224, 64),
}


def note(path, verdict, shape):
    with open(os.path.splitext(path)[0] + ".txt", "w", encoding="ascii") as f:
        f.write("%s %d %d %d\n" % ((verdict,) + tuple(shape)))
    print(os.path.basename(path), flush=True)


def settle(model, side, channels=3):
    """Running statistics of noise, and scales that are not all 1."""
    import torch

    torch.manual_seed(7)
    with torch.no_grad():
        for m in model.modules():
            if isinstance(m, torch.nn.BatchNorm2d):
                m.weight.uniform_(0.8, 1.2)
                m.bias.uniform_(-0.2, 0.2)
                m.momentum = None
                m.reset_running_stats()
        model.train()
        for m in model.modules():
            if isinstance(m, (torch.nn.Dropout, torch.nn.Dropout2d)):
                m.eval()
        if any(isinstance(m, torch.nn.BatchNorm2d) for m in model.modules()):
            model(torch.randn(4, channels, side, side))
        model.eval()
    return model


def export_torch(model, shape, folder, name, exporter, verdict="ok", **options):
    import torch

    x = torch.randn(1, *shape)
    done = []
    for kind in ("script", "dynamo"):
        if exporter not in (kind, "both"):
            continue
        path = os.path.join(folder, "%s.%s.onnx" % (name, kind))
        own = dict(options)
        if kind == "script":
            own.pop("dynamic_shapes", None)
        else:
            for key in ("dynamic_axes", "training", "do_constant_folding", "opset_version"):
                own.pop(key, None)
        try:
            with torch.no_grad():
                torch.onnx.export(model, (x,), path, dynamo=kind == "dynamo",
                                  input_names=["input"], verbose=False, **own)
            # The old exporter writes local response normalisation with an If.
            told = "refused" if name.startswith("lrn") and kind == "script" else verdict
            note(path, told, (shape[1], shape[2], shape[0]))
            done.append(path)
        except Exception as e:              # vit_b_16 has no form in the old exporter
            print("%s: the exporter failed: %s" % (path, str(e).split("\n")[-1][:200]),
                  file=sys.stderr)
    return done


def small_networks():
    """One thing each, for which no family stands: name: (module, (C, H, W), options)."""
    import torch
    from torch import nn

    class Odd(nn.Module):
        """Asymmetric padding, dilation, groups, ceil mode, both averages."""

        def __init__(self):
            super().__init__()
            self.a = nn.Conv2d(3, 8, (3, 5), stride=(2, 1), padding=(1, 2))
            self.b = nn.Conv2d(8, 8, 3, dilation=2, padding=2, groups=4)
            self.p = nn.MaxPool2d(3, 2, 1, ceil_mode=True)
            self.q = nn.AvgPool2d(3, 2, 1, ceil_mode=True)
            self.r = nn.AvgPool2d(2, 1, count_include_pad=False, padding=1)
            self.fc = nn.Linear(8, 5)

        def forward(self, x):
            x = nn.functional.pad(torch.relu(self.a(x)), (1, 0, 2, 1))
            x = self.q(self.p(torch.relu(self.b(x))))
            x = self.r(nn.functional.leaky_relu(x, 0.1))
            return torch.softmax(self.fc(x.mean([2, 3])), 1)

    class Activations(nn.Module):
        def __init__(self):
            super().__init__()
            kinds = [nn.ReLU, nn.ReLU6, nn.Hardtanh, nn.LeakyReLU, nn.Sigmoid, nn.Hardsigmoid,
                     nn.Tanh, nn.SiLU, nn.Hardswish, nn.GELU, nn.Mish, nn.ELU, nn.SELU,
                     nn.Softplus]
            self.acts = nn.ModuleList(k() for k in kinds)
            self.tanh_gelu = nn.GELU(approximate="tanh")
            self.prelu = nn.PReLU(4)
            self.convs = nn.ModuleList(nn.Conv2d(4, 4, 1) for _ in self.acts)
            with torch.no_grad():
                self.prelu.weight.copy_(torch.tensor([0.1, 0.2, 0.3, -0.1]))
                for c in self.convs:
                    c.weight.mul_(3)

        def forward(self, x):
            for c, a in zip(self.convs, self.acts):
                x = a(c(x))
            return self.prelu(self.tanh_gelu(x)).flatten(1)

    class Views(nn.Module):
        """Reshapes, transposes, chunks: labels that move and cells that do not."""

        def __init__(self):
            super().__init__()
            self.c = nn.Conv2d(3, 12, 3, padding=1)
            self.fc1 = nn.Linear(12 * 5 * 4, 20)
            self.fc2 = nn.Linear(20, 7)

        def forward(self, x):
            x = self.c(x)
            n, c, h, w = x.shape
            a, b, d = torch.chunk(x, 3, 1)
            x = torch.cat([d, a * 2 + 1, b - 0.5], 1)
            x = x.reshape(n, 3, c // 3, h, w).transpose(1, 2).reshape(n, c, h, w)
            x = nn.functional.max_pool2d(x, 2)
            x = x.view(n, -1)
            x = torch.relu(self.fc1(x))
            return torch.log_softmax(self.fc2(x), -1)

    class Nhwc(nn.Module):
        """Channels last inside: the dense layer sees (H, W, C)."""

        def __init__(self):
            super().__init__()
            self.c = nn.Conv2d(3, 6, 3)
            self.fc = nn.Linear(6 * 6 * 5, 4)

        def forward(self, x):
            x = torch.relu(self.c(x)).permute(0, 2, 3, 1)
            return self.fc(x.reshape(x.shape[0], -1))

    class Gate(nn.Module):
        """Squeeze and excitation, and a map with a gate of its own shape."""

        def __init__(self):
            super().__init__()
            self.c = nn.Conv2d(3, 8, 3, padding=1)
            self.d = nn.Conv2d(8, 8, 1)
            self.s1 = nn.Conv2d(8, 2, 1)
            self.s2 = nn.Conv2d(2, 8, 1)
            self.fc = nn.Linear(8, 3)

        def forward(self, x):
            x = torch.relu(self.c(x))
            g = torch.sigmoid(self.s2(torch.relu(self.s1(nn.functional.adaptive_avg_pool2d(x, 1)))))
            x = g * x
            x = x * torch.sigmoid(self.d(x)) + x
            return self.fc(nn.functional.adaptive_max_pool2d(x, 1).flatten(1))

    class Stack(nn.Module):
        """torch.stack over channels, a gate that is expanded, a list that is turned twice."""

        def __init__(self):
            super().__init__()
            self.c = nn.Conv2d(3, 8, 3, padding=1)
            self.d = nn.Conv2d(16, 8, 3, padding=2, dilation=2)
            self.g = nn.Linear(8, 8)
            self.fc = nn.Linear(8 * 12, 5)

        def forward(self, x):
            x = self.d(torch.stack([self.c(x), torch.tanh(self.c(x))], 1).flatten(1, 2))
            y = torch.sigmoid(self.g(x.mean((2, 3)))).view(x.shape[0], 8, 1, 1)
            x = (x * y.expand_as(x)).view(x.shape[0], 8, -1).permute(0, 2, 1)
            return self.fc(torch.relu(x).transpose(1, 2).reshape(x.shape[0], -1))

    class Lrn(nn.Module):
        def __init__(self):
            super().__init__()
            self.c = nn.Conv2d(3, 16, 5)
            self.n = nn.LocalResponseNorm(5, 1e-2, 0.75, 2.0)
            self.fc = nn.Linear(16, 4)

        def forward(self, x):
            x = self.n(torch.relu(self.c(x)))
            return self.fc(nn.functional.adaptive_avg_pool2d(x, (1, 1)).view(-1, 16))

    class Mnist(nn.Module):
        """The first network of many tutorials."""

        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(1, 32, 3, 1)
            self.conv2 = nn.Conv2d(32, 64, 3, 1)
            self.drop = nn.Dropout(0.25)
            self.fc1 = nn.Linear(9216, 128)
            self.fc2 = nn.Linear(128, 10)

        def forward(self, x):
            x = torch.relu(self.conv2(torch.relu(self.conv1(x))))
            x = self.drop(nn.functional.max_pool2d(x, 2))
            x = torch.flatten(x, 1)
            return torch.log_softmax(self.fc2(torch.relu(self.fc1(x))), 1)

    class Pools(nn.Module):
        """Adaptive pools whose windows divide, a global maximum."""

        def __init__(self):
            super().__init__()
            self.c = nn.Conv2d(3, 6, 3, padding=1)
            self.a = nn.AdaptiveAvgPool2d(3)
            self.fc = nn.Linear(54, 4)

        def forward(self, x):
            return self.fc(torch.flatten(self.a(torch.relu(self.c(x))), 1))

    class Separable(nn.Sequential):
        def __init__(self):
            super().__init__(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU6(),
                             nn.Conv2d(8, 8, 3, groups=8, bias=False), nn.BatchNorm2d(8),
                             nn.ReLU6(), nn.Conv2d(8, 16, 1, bias=False), nn.BatchNorm2d(16),
                             nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10),
                             nn.Softmax(dim=1))

    class Upsample(nn.Sequential):
        def __init__(self):
            super().__init__(nn.Conv2d(3, 4, 3), nn.Upsample(scale_factor=2), nn.Conv2d(4, 2, 3))

    class Transposed(nn.Sequential):
        def __init__(self):
            super().__init__(nn.Conv2d(3, 4, 3), nn.ConvTranspose2d(4, 4, 3))

    class Volume(nn.Module):
        def __init__(self):
            super().__init__()
            self.c = nn.Conv1d(3, 4, 3)

        def forward(self, x):
            return self.c(x.flatten(2))

    batch = {"dynamic_axes": {"input": {0: "batch"}},
             "dynamic_shapes": ({0: torch.export.Dim("batch", min=1, max=64)},)}
    unfolded = {"training": torch.onnx.TrainingMode.PRESERVE, "do_constant_folding": False}
    return {
        "odd": (Odd(), (3, 33, 29), {}), "activations": (Activations(), (4, 9, 7), {}),
        "views": (Views(), (3, 10, 8), {}), "views_batch": (Views(), (3, 10, 8), batch),
        "nhwc": (Nhwc(), (3, 8, 7), {}), "nhwc_batch": (Nhwc(), (3, 8, 7), batch),
        "gate": (Gate(), (3, 12, 11), {}), "gate_batch": (Gate(), (3, 12, 11), batch),
        "stack": (Stack(), (3, 4, 3), {}), "stack_batch": (Stack(), (3, 4, 3), batch),
        "lrn": (Lrn(), (3, 17, 19), {}), "lrn_batch": (Lrn(), (3, 17, 19), batch),
        "mnist": (Mnist(), (1, 28, 28), {}), "mnist_batch": (Mnist(), (1, 28, 28), batch),
        "pools": (Pools(), (3, 12, 15), {}),
        "separable": (Separable(), (3, 32, 32), batch),
        "separable_unfolded": (Separable(), (3, 32, 32), unfolded),
    }, {
        "upsample": (Upsample(), (3, 16, 16), {}),
        "transposed": (Transposed(), (3, 16, 16), {}), "conv1d": (Volume(), (3, 16, 16), {}),
    }


def wanted(name, only):
    return not only or any(word in name for word in only)


def make_torch(a):
    import warnings

    import torch
    import torchvision

    warnings.filterwarnings("ignore")
    torch.set_num_threads(2)
    for table, verdict in ((TORCHVISION, "ok"), (REFUSED, "refused")):
        for name, (options, side, small) in table.items():
            if not wanted(name, a.only):
                continue
            torch.manual_seed(a.seed)
            side = small if a.small else side
            model = getattr(torchvision.models, name)(weights=None, **options)
            if verdict == "ok":
                settle(model, 299 if name == "inception_v3" else min(side, 128))
            export_torch(model.eval(), (3, side, side), a.folder, name, a.exporter, verdict)
    good, bad = small_networks()
    for table, verdict in ((good, "ok"), (bad, "refused")):
        for name, (model, shape, options) in table.items():
            if wanted(name, a.only):
                if verdict == "ok" and name.startswith("separable"):
                    settle(model, shape[1], shape[0])
                export_torch(model.eval(), shape, a.folder, name, a.exporter, verdict, **options)
    extra = [("resnet18_batch", {"dynamic_axes": {"input": {0: "n"}, "output": {0: "n"}},
                                 "output_names": ["output"],
                                 "dynamic_shapes": ({0: torch.export.Dim("n", min=1, max=64)},)}),
             ("resnet18_unfolded", {"training": torch.onnx.TrainingMode.PRESERVE,
                                    "do_constant_folding": False}),
             ("resnet18_opset9", {"opset_version": 9}), ("resnet18_opset11", {"opset_version": 11}),
             ("mobilenet_v2_opset10", {"opset_version": 10}),
             ("shufflenet_v2_x1_0_opset12", {"opset_version": 12})]
    for name, options in extra:
        if not wanted(name, a.only) or (name.find("opset") > 0 and a.exporter == "dynamo"):
            continue
        torch.manual_seed(a.seed)
        base = name.split("_opset")[0].replace("_batch", "").replace("_unfolded", "")
        model = settle(getattr(torchvision.models, base)(weights=None), 64)
        export_torch(model, (3, 64, 64), a.folder, name,
                     "script" if "opset" in name or "unfolded" in name else a.exporter, **options)


def keras_networks(folder, chosen, seed=1):
    """(name, Keras' model, its ONNX file, shape) of each network whose name is chosen."""
    import keras
    import tensorflow as tf
    import tf2onnx

    keras.utils.set_random_seed(seed)
    layers = keras.layers

    def plain():
        return keras.Sequential([
            layers.Input((28, 28, 1)), layers.Conv2D(8, 3, activation="relu", padding="same"),
            layers.MaxPooling2D(), layers.Conv2D(16, 3, strides=2, padding="same"),
            layers.BatchNormalization(), layers.ReLU(), layers.Dropout(0.3), layers.Flatten(),
            layers.Dense(32, activation="relu"), layers.Dense(10, activation="softmax")])

    def separable():
        x = i = layers.Input((33, 31, 3))
        x = layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
        x = layers.Conv2D(8, 3, strides=2, padding="valid", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU(6.0)(x)
        x = layers.DepthwiseConv2D(3, padding="same", strides=2)(x)
        y = layers.SeparableConv2D(8, 3, padding="same")(x)
        x = layers.Add()([x, layers.LeakyReLU()(y)])
        x = layers.Concatenate()([x, layers.AveragePooling2D(3, 1, padding="same")(x)])
        x = layers.GlobalAveragePooling2D()(x)
        return keras.Model(i, layers.Dense(5)(x))

    def activations():
        x = i = layers.Input((9, 8, 4))
        for kind in ("relu", "relu6", "sigmoid", "tanh", "silu", "elu", "selu", "softplus",
                     "hard_sigmoid", "hard_silu", "leaky_relu", "mish"):
            x = layers.Activation(kind)(layers.Conv2D(4, 1)(x))
        x = layers.PReLU(shared_axes=[1, 2], alpha_initializer="uniform")(x)
        x = layers.GlobalMaxPooling2D()(x)
        return keras.Model(i, layers.Dense(3)(x))

    kinds = {"keras_plain": (plain, (28, 28, 1)), "keras_separable": (separable, (33, 31, 3)),
             "keras_activations": (activations, (9, 8, 4))}
    for name, side in (("MobileNet", 64), ("MobileNetV2", 64), ("MobileNetV3Small", 64),
                       ("ResNet50", 64), ("ResNet50V2", 64), ("VGG16", 64), ("DenseNet121", 64),
                       ("InceptionV3", 96), ("NASNetMobile", 64),
                       ("Xception", 96)):
        options = {"weights": None, "input_shape": (side, side, 3), "classes": 17}
        kinds["keras_" + name.lower()] = (
            lambda n=name, o=options: getattr(keras.applications, n)(**o), (side, side, 3))
    for name, (make, shape) in kinds.items():
        if not chosen(name):
            continue
        try:
            model = make()
            for w in model.weights:          # batch-norms that do something, tame values
                if "moving_mean" in w.path or "beta" in w.path:
                    w.assign(tf.random.uniform(w.shape, -0.2, 0.2))
                elif "moving_variance" in w.path or "gamma" in w.path:
                    w.assign(tf.random.uniform(w.shape, 0.7, 1.3))
            path = os.path.join(folder, name + ".onnx")
            spec = [tf.TensorSpec((None,) + shape, tf.float32, name="input")]

            @tf.function(input_signature=spec)
            def call(x):
                return model(x, training=False)

            tf2onnx.convert.from_function(call, input_signature=spec, opset=17, output_path=path)
        except Exception:
            print("%s: the exporter failed" % name, file=sys.stderr)
            traceback.print_exc(limit=1)
            continue
        yield name, model, path, shape


def make_keras(a):
    for _, _, path, shape in keras_networks(a.folder, lambda name: wanted(name, a.only), a.seed):
        note(path, "ok", shape)


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder")
    p.add_argument("--small", action="store_true")
    p.add_argument("--only", default="", type=lambda s: [w for w in s.split(",") if w])
    p.add_argument("--exporter", choices=("script", "dynamo", "both"), default="both")
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    os.makedirs(a.folder, exist_ok=True)
    found = False
    for part, module in ((make_torch, "torch"), (make_keras, "tf2onnx")):
        try:
            __import__(module)
        except ImportError:
            continue
        found = True
        part(a)
    if not found:
        sys.exit("neither torch nor tf2onnx is installed; name a Python that has one of them")


if __name__ == "__main__":
    main()
