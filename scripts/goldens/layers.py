"""Layers of one input and one output: values, gradients of input and parameters, state dictionaries by PyTorch's names."""

import torch
from golden import GoldenFile, distinct, integers, normal
from modules import evaluate

nn = torch.nn
SPATIAL = {1: (9,), 2: (6, 5), 3: (3, 4, 3)}


def image(name, dimensions, channels=4, batch=2):
    return {"input": normal(name, batch, channels, *SPATIAL[dimensions])}


def add(file, name, operation, module, inputs, training=True, **attributes):
    evaluate(file, name, operation, module, inputs, attributes, training=training)


def activations(file):
    plain = {"input": normal("activations", 4, 6, scale=2)}
    rows = {
        "ReLU6": ({}, nn.ReLU6()), "Hardsigmoid": ({}, nn.Hardsigmoid()), "Hardswish": ({}, nn.Hardswish()),
        "Hardtanh": ({"low": -0.5, "high": 1.5}, nn.Hardtanh(-0.5, 1.5)),
        "Threshold": ({"threshold": 0.3, "value": -2}, nn.Threshold(0.3, -2)),
        "Hardshrink": ({"lambda": 0.7}, nn.Hardshrink(0.7)), "Softshrink": ({"lambda": 0.7}, nn.Softshrink(0.7)),
        "CELU": ({"alpha": 2}, nn.CELU(2)), "ELU": ({"alpha": 1.3}, nn.ELU(1.3)), "SELU": ({}, nn.SELU()),
        "LogSigmoid": ({}, nn.LogSigmoid()), "Softsign": ({}, nn.Softsign()), "Tanhshrink": ({}, nn.Tanhshrink()),
        "GELU": ({"approximate": False}, nn.GELU()), "SiLU": ({}, nn.SiLU()), "Mish": ({}, nn.Mish()),
        "Softplus": ({}, nn.Softplus()), "LeakyReLU": ({"negativeSlope": 0.2}, nn.LeakyReLU(0.2)),
        "ReLU": ({}, nn.ReLU()), "Sigmoid": ({}, nn.Sigmoid()), "Tanh": ({}, nn.Tanh()),
        "Softmax": ({"axis": 0}, nn.Softmax(0)), "LogSoftmax": ({"axis": 1}, nn.LogSoftmax(1)),
        "GLU": ({"axis": 1}, nn.GLU(1)),
    }
    for name, (attributes, module) in rows.items():
        add(file, name, name, module, plain, **attributes)
    add(file, "GELU.approximate", "GELU", nn.GELU("tanh"), plain, approximate=True)
    add(file, "RReLU.evaluation", "RReLU", nn.RReLU(0.1, 0.4), plain, training=False, lower=0.1, upper=0.4)
    add(file, "PReLU.one", "PReLU", nn.PReLU(), plain, slopes=1)
    add(file, "PReLU.channels", "PReLU", nn.PReLU(4), image("prelu", 2), slopes=4)


def convolutions(file):
    for dimensions in (1, 2, 3):
        make = getattr(nn, f"Conv{dimensions}d")
        add(file, f"Conv{dimensions}d.depthwise", f"Conv{dimensions}d", make(4, 8, 3, groups=4, padding=1),
            image("depthwise", dimensions), outputs=8, kernelSize=3, groups=4, padding=1)
        transposed = getattr(nn, f"ConvTranspose{dimensions}d")
        options = {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2}
        add(file, f"ConvTranspose{dimensions}d", f"ConvTranspose{dimensions}d", transposed(4, 6, 3, **options),
            image("transposed", dimensions), outputs=6, kernelSize=3, stride=2, padding=1, outputPadding=1, groups=2)


def poolings(file):
    for dimensions in (1, 2, 3):
        spread = {"input": distinct(f"pooled {dimensions}", 2, 3, *SPATIAL[dimensions])}
        layer = lambda name: getattr(nn, f"{name}{dimensions}d")
        add(file, f"MaxPool{dimensions}d", f"MaxPool{dimensions}d", layer("MaxPool")(3, 2, 1), spread, kernelSize=3, stride=2,
            padding=1)
        add(file, f"AvgPool{dimensions}d", f"AvgPool{dimensions}d", layer("AvgPool")(3, 2, 1, count_include_pad=False), spread,
            kernelSize=3, stride=2, padding=1, countIncludePad=False)
        for count in (2, 3):
            add(file, f"AdaptiveMaxPool{dimensions}d.{count}", f"AdaptiveMaxPool{dimensions}d",
                layer("AdaptiveMaxPool")(count), spread, outputSize=count)
            add(file, f"AdaptiveAvgPool{dimensions}d.{count}", f"AdaptiveAvgPool{dimensions}d",
                layer("AdaptiveAvgPool")(count), spread, outputSize=count)
        positive = {"input": spread["input"].abs() + 0.1}
        add(file, f"LpPool{dimensions}d", f"LpPool{dimensions}d", layer("LPPool")(3, 2, 2), positive, power=3, kernelSize=2,
            stride=2)


def normalizations(file):
    for dimensions in (1, 2, 3):
        make = getattr(nn, f"InstanceNorm{dimensions}d")
        options = {"affine": True, "track_running_stats": True}
        add(file, f"InstanceNorm{dimensions}d", f"InstanceNorm{dimensions}d", make(4), image("instance", dimensions), channels=4)
        for training in (True, False):
            add(file, f"InstanceNorm{dimensions}d.running.{training}", f"InstanceNorm{dimensions}d", make(4, **options),
                image("instance", dimensions), training=training, channels=4, affine=True, tracksRunningStatistics=True)
    for training in (True, False):
        add(file, f"BatchNorm3d.{training}", "BatchNorm3d", nn.BatchNorm3d(4), image("batch norm", 3), training=training,
            channels=4)
    for size in (1, 3, 4, 5):
        add(file, f"LocalResponseNorm.{size}", "LocalResponseNorm", nn.LocalResponseNorm(size, 0.3, 0.6, 1.2),
            image("response", 2, channels=6), size=size, alpha=0.3, beta=0.6, k=1.2)
    add(file, "LocalResponseNorm.sequence", "LocalResponseNorm", nn.LocalResponseNorm(3), image("response", 1, channels=6),
        size=3)


def shapes(file):
    for dimensions in (1, 2, 3):
        options = list(range(1, 2 * dimensions + 1)) if dimensions < 3 else [1, 2, 0, 1, 2, 1]
        for kind in ("ZeroPad", "ReflectionPad", "ReplicationPad"):
            add(file, f"{kind}{dimensions}d", f"{kind}{dimensions}d", getattr(nn, f"{kind}{dimensions}d")(options),
                image("padded", dimensions, channels=1), padding=options)
    images = {"input": normal("shuffled", 1, 8, 4, 2)}
    add(file, "PixelShuffle", "PixelShuffle", nn.PixelShuffle(2), images, factor=2)
    add(file, "PixelUnshuffle", "PixelUnshuffle", nn.PixelUnshuffle(2), images, factor=2)
    add(file, "Unflatten", "Unflatten", nn.Unflatten(1, (2, 4)), images, axis=1, sizes=[2, 4])
    modes = {1: {"linear": "linear"}, 2: {"linear": "bilinear", "cubic": "bicubic"}, 3: {"linear": "trilinear"}}
    for dimensions in (1, 2, 3):
        for mode, spelling in {"nearest": "nearest", **modes[dimensions]}.items():
            for corners in (False, True) if mode != "nearest" else (False,):
                options = {} if mode == "nearest" else {"align_corners": corners}
                size = [7, 8, 4][:dimensions]
                title = f"Upsample.{dimensions}.{mode}{'.corners' if corners else ''}"
                add(file, f"{title}.size", "Upsample", nn.Upsample(size=size, mode=spelling, **options),
                    image("upsampled", dimensions, channels=1, batch=1), size=size, mode=mode, alignsCorners=corners)
                for factor in (2.0, 1.6):
                    add(file, f"{title}.{factor}", "Upsample", nn.Upsample(scale_factor=factor, mode=spelling, **options),
                        image("upsampled", dimensions, channels=1, batch=1), factor=factor, mode=mode, alignsCorners=corners)


def embeddings(file):
    indices = {"input": integers("indices", 0, 5, 3, 4)}
    evaluate(file, "Embedding.padding", "Embedding", nn.Embedding(5, 3, padding_idx=2), indices,
             {"count": 5, "width": 3, "paddingIndex": 2})


def parametrizations(file):
    """Weight and spectral normalisation; PyTorch's iteration in training moves u and v, which are recorded after the call."""
    norms = nn.utils.parametrizations
    layers = {"Linear": (lambda: nn.Linear(4, 3), (5, 4)), "Conv1d": (lambda: nn.Conv1d(4, 3, 2), (2, 4, 5)),
              "Conv2d": (lambda: nn.Conv2d(4, 3, 2), (2, 4, 3, 4)), "Conv3d": (lambda: nn.Conv3d(2, 3, 2), (2, 2, 3, 3, 2)),
              "ConvTranspose1d": (lambda: nn.ConvTranspose1d(4, 3, 2), (2, 4, 5)),
              "ConvTranspose2d": (lambda: nn.ConvTranspose2d(4, 3, 2), (2, 4, 3, 2)),
              "ConvTranspose3d": (lambda: nn.ConvTranspose3d(2, 3, 2), (1, 2, 2, 3, 2))}
    for name, (make, shape) in layers.items():
        inputs = {"input": normal(f"parametrized {name}", *shape)}
        for axis in (0, 1, None) if name == "Linear" else (0,):
            add(file, f"WeightNorm.{name}.{axis}", "WeightNorm", norms.weight_norm(make(), dim=axis), inputs, layer=name, axis=axis)
        for training in (True, False):
            add(file, f"SpectralNorm.{name}.{training}", "SpectralNorm", norms.spectral_norm(make()), inputs, training=training,
                layer=name)


file = GoldenFile("layers")
activations(file)
convolutions(file)
poolings(file)
normalizations(file)
shapes(file)
embeddings(file)
parametrizations(file)
file.write()
