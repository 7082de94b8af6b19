"""Moments and bounds of default initial values and of the named initializers: numbers only, since no two generators of
random bits agree. `bound` is what the peer's formula says (null for a normal distribution); the rest is measured on
at least 200,000 numbers drawn by the peer."""

import math

import torch
from golden import write_json

nn = torch.nn
LAYERS = {
    "Linear(784, 512)": lambda: nn.Linear(784, 512), "Linear(16, 20000)": lambda: nn.Linear(16, 20000),
    "Conv1d(32, 4096, 3)": lambda: nn.Conv1d(32, 4096, 3), "Conv2d(3, 8192, 3)": lambda: nn.Conv2d(3, 8192, 3),
    "Conv2d(64, 512, 3)": lambda: nn.Conv2d(64, 512, 3), "Conv2d(64, 2048, 3, groups: 4)":
    lambda: nn.Conv2d(64, 2048, 3, groups=4), "ConvTranspose2d(64, 512, 3)": lambda: nn.ConvTranspose2d(64, 512, 3),
    "Embedding(1000, 256)": lambda: nn.Embedding(1000, 256), "BatchNorm2d(64)": lambda: nn.BatchNorm2d(64),
    "LayerNorm(64)": lambda: nn.LayerNorm(64),
}
SHAPES = {"linear": (600, 400), "convolution": (512, 64, 3, 3)}
INITIALIZERS = {
    "xavierUniform": lambda x: nn.init.xavier_uniform_(x), "xavierNormal": lambda x: nn.init.xavier_normal_(x),
    "kaimingUniform": lambda x: nn.init.kaiming_uniform_(x, nonlinearity="relu"),
    "kaimingNormal": lambda x: nn.init.kaiming_normal_(x, nonlinearity="relu"),
    "kaimingNormal.fanOut": lambda x: nn.init.kaiming_normal_(x, mode="fan_out", nonlinearity="relu"),
    "truncatedNormal(0.02)": lambda x: nn.init.trunc_normal_(x, std=0.02),
}


def moments(values):
    values = values.detach().double()
    return {"shape": list(values.shape), "mean": round(values.mean().item(), 6),
            "standardDeviation": round(values.std(correction=0).item(), 6),
            "minimum": round(values.min().item(), 6), "maximum": round(values.max().item(), 6)}


def layer_bound(layer):
    """The uniform bound of weight and bias: 1 / sqrt(fan in), the fan counted from the weight's second axis on."""
    if isinstance(layer, (nn.Embedding, nn.BatchNorm2d, nn.LayerNorm)):
        return None
    return 1 / math.sqrt(layer.weight[0].numel())


def bound_of(name, shape):
    fan_in = math.prod(shape[1:])
    fan_out = shape[0] * math.prod(shape[2:])
    return {"xavierUniform": math.sqrt(6 / (fan_in + fan_out)), "kaimingUniform": math.sqrt(6 / fan_in)}.get(name)


torch.manual_seed(0)
layers = {}
for title, make in LAYERS.items():
    layer = make()
    layers[title] = {name: {"bound": layer_bound(layer), **moments(value)}
                     for name, value in layer.named_parameters()}
initializers = {name: {kind: {"bound": bound_of(name, shape), **moments(function(torch.empty(shape)))}
                       for kind, shape in SHAPES.items()} for name, function in INITIALIZERS.items()}
write_json("initializers", {"layers": layers, "initializers": initializers})
