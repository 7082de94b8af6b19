"""Broadcasting, reductions over axes with and without keeping them, arguments of extrema, scans, softmax."""

import itertools
import math

import torch
from golden import GoldenFile, distinct, integers, normal, uniform

AXES = [None, [0], [1], [-1], [0, 2], [1, 2], [0, 1, 2]]


def every_axis(x, axes):
    return list(range(x.dim())) if axes is None else axes


def over_axes(function):
    """A reduction over one axis at a time, for the peers' functions that take no list."""
    def reduce(x, axes, keep):
        for axis in sorted((a % x.dim() for a in every_axis(x, axes)), reverse=True):
            x = function(x, axis, keep)
        return x
    return reduce


def over_list(function):
    return lambda x, axes, keep: function(x, every_axis(x, axes), keep)


SMOOTH = {
    "sum": over_list(torch.sum), "mean": over_list(torch.mean), "prod": over_axes(torch.prod),
    "max": over_list(torch.amax), "min": over_list(torch.amin), "logSumExp": over_list(torch.logsumexp),
    "variance": lambda x, axes, keep: torch.var(x, every_axis(x, axes), correction=1, keepdim=keep),
    "varianceBiased": lambda x, axes, keep: torch.var(x, every_axis(x, axes), correction=0, keepdim=keep),
    "standardDeviation": lambda x, axes, keep: torch.std(x, every_axis(x, axes), correction=1, keepdim=keep),
}


def label(axes, keep):
    return ("all" if axes is None else "_".join(map(str, axes))) + (".keep" if keep else "")


def reductions(file):
    for name, function in SMOOTH.items():
        for axes, keep in itertools.product(AXES, (False, True)):
            x = distinct(name, 3, 4, 5) + 0.01 if name in ("max", "min") else uniform(name, 0.5, 1.6, 3, 4, 5)
            file.evaluate(f"{name}.{label(axes, keep)}", name, lambda x: function(x, axes, keep), {"x": x},
                          {"axes": axes, "keepingAxes": keep}, gradients_of=["x"])


def arguments_and_truth(file):
    x = distinct("arguments", 4, 5, 3)
    truth = integers("truth", 0, 5, 4, 5, 3).clamp(max=1).bool()
    for axis, keep in itertools.product((None, 0, 1, -1), (False, True)):
        suffix = label(None if axis is None else [axis], keep)
        for name, function in {"argmax": torch.argmax, "argmin": torch.argmin}.items():
            if axis is None and keep:
                continue
            file.evaluate(f"{name}.{suffix}", name, lambda x: function(x, axis, keep), {"x": x},
                          {"axis": axis, "keepingAxes": keep})
        for name, function in {"any": torch.any, "all": torch.all}.items():
            reduced = function(truth) if axis is None else function(truth, axis, keep)
            if axis is None and keep:
                continue
            file.add(f"{name}.{suffix}", name, {"x": truth}, {"output": reduced}, {"axis": axis, "keepingAxes": keep})
    ties = torch.tensor([[1.0, 3.0, 3.0, 2.0], [0.0, 0.0, -1.0, -1.0]])
    for name, function in {"argmax": torch.argmax, "argmin": torch.argmin}.items():
        file.evaluate(f"{name}.ties", name, lambda x: function(x, 1), {"x": ties}, {"axis": 1, "keepingAxes": False})


def special(file):
    """Infinities and NaN in extrema and log-sum-exp; sums and means of nothing."""
    rows = torch.tensor([[1.0, math.nan, 2.0], [math.inf, 1.0, -math.inf], [-math.inf, -math.inf, -math.inf],
                         [1e4, -1e4, 9.9e3], [-0.0, 0.0, -0.0]])
    for name in ("sum", "mean", "prod", "max", "min", "logSumExp"):
        file.evaluate(f"{name}.special", name, lambda x: SMOOTH[name](x, [1], False), {"x": rows},
                      {"axes": [1], "keepingAxes": False})
    for name in ("sum", "mean", "prod"):
        file.evaluate(f"{name}.empty", name, lambda x: SMOOTH[name](x, [1], False), {"x": torch.zeros(2, 0, 3)},
                      {"axes": [1], "keepingAxes": False})
    whole = integers("integer sums", -50, 50, 4, 6)
    for dtype in (torch.int8, torch.int32, torch.int64):
        for name, function in {"sum": torch.sum, "prod": torch.prod}.items():
            x = whole.to(dtype) if name == "sum" else whole.to(dtype).remainder(4) + 1
            file.add(f"{name}.{str(dtype).removeprefix('torch.')}", name, {"x": x}, {"output": function(x, 1)},
                     {"axes": [1], "keepingAxes": False})
    # 100,000 times a tenth: what a naive float32 running sum gets wrong by 1 %.
    many = torch.full((1,), 0.1).double() * 100_000
    file.add("sum.long", "sumOfRepeated", {"x": torch.full((1,), 0.1)}, {"output": many}, {"count": 100_000})


def scans(file):
    for axis in (0, 1, -1):
        file.evaluate(f"cumulativeSum.{axis}", "cumulativeSum", lambda x: torch.cumsum(x, axis),
                      {"x": normal("scan", 3, 4, 2)}, {"axis": axis}, gradients_of=["x"])
        for name, function in {"softmax": torch.softmax, "logSoftmax": torch.log_softmax}.items():
            file.evaluate(f"{name}.{axis}", name, lambda x: function(x, axis), {"x": normal(name, 3, 4, 2, scale=3)},
                          {"axis": axis}, gradients_of=["x"])
    x = torch.tensor([[1e4, -1e4, 0.0], [1e4, 1e4, 9999.0], [-1e4, -1e4, -1e4]])
    for name, function in {"softmax": torch.softmax, "logSoftmax": torch.log_softmax}.items():
        file.evaluate(f"{name}.large", name, lambda x: function(x, 1), {"x": x}, {"axis": 1}, gradients_of=["x"])


def broadcasting(file):
    shapes = [((3, 4), (4,)), ((3, 1), (1, 4)), ((2, 1, 4), (3, 1)), ((), (2, 3)), ((5, 1, 3, 1), (4, 1, 2)),
              ((1,), (3, 2)), ((2, 0, 3), (1, 3)), ((1, 1, 1), (2,))]
    for index, (left, right) in enumerate(shapes):
        for name, function in {"add": torch.add, "multiply": torch.multiply, "divide": torch.divide}.items():
            operands = {"a": normal(f"a{index}", *left), "b": uniform(f"b{index}", 0.5, 2, *right)}
            file.evaluate(f"broadcast.{name}.{index}", name, lambda a, b: function(a, b), operands,
                          gradients_of=["a", "b"])


file = GoldenFile("reductions")
reductions(file)
arguments_and_truth(file)
special(file)
scans(file)
broadcasting(file)
file.write()
