"""Elementwise functions: ordinary values, special values, first and second derivatives; integer division; casts."""

import math

import torch
from golden import GoldenFile, integers, uniform

INFINITY, NAN = math.inf, math.nan
SPECIAL = [
    0.0, -0.0, INFINITY, -INFINITY, NAN, 1.0, -1.0, 1e-45, -1e-45, 1.1754942e-38, -1.1754942e-38, 1.1754944e-38,
    3.4028235e38, -3.4028235e38, 1e30, -1e30, 0.5, -0.5, 1.5, 2.5, -2.5, 8388609.0, 16777216.0, -16777216.0,
    1e-8, -1e-8, 1e-4, 87.5, -87.5, 88.8, 89.5, -104.5, 2147483648.0, 9.223372e18,
]
# Name: function, interval of ordinary arguments.
UNARY = {
    "negate": (torch.neg, -5, 5), "abs": (torch.abs, -5, 5), "sign": (torch.sign, -5, 5),
    "floor": (torch.floor, -50, 50), "ceil": (torch.ceil, -50, 50), "round": (torch.round, -50, 50),
    "truncate": (torch.trunc, -50, 50),
    "exp": (torch.exp, -20, 20), "expm1": (torch.expm1, -3, 3), "log": (torch.log, 1e-3, 50),
    "log1p": (torch.log1p, -0.9, 10), "sqrt": (torch.sqrt, 1e-3, 100), "rsqrt": (torch.rsqrt, 1e-3, 100),
    "reciprocal": (torch.reciprocal, 0.1, 10), "square": (torch.square, -5, 5),
    "sin": (torch.sin, -20, 20), "cos": (torch.cos, -20, 20), "tan": (torch.tan, -1.5, 1.5),
    "asin": (torch.asin, -0.99, 0.99), "acos": (torch.acos, -0.99, 0.99), "atan": (torch.atan, -10, 10),
    "sinh": (torch.sinh, -5, 5), "cosh": (torch.cosh, -5, 5), "tanh": (torch.tanh, -5, 5),
    "sigmoid": (torch.sigmoid, -10, 10), "erf": (torch.erf, -4, 4), "relu": (torch.relu, -3, 3),
    "softplus": (torch.nn.functional.softplus, -10, 10), "silu": (torch.nn.functional.silu, -10, 10),
    "gelu": (torch.nn.functional.gelu, -5, 5), "elu": (torch.nn.functional.elu, -5, 5),
    "geluTanh": (lambda x: torch.nn.functional.gelu(x, approximate="tanh"), -5, 5),
    "leakyReLU": (lambda x: torch.nn.functional.leaky_relu(x, 0.01), -5, 5),
}
TESTS = {"isNaN": torch.isnan, "isFinite": torch.isfinite, "isInfinite": torch.isinf, "logicalNot": torch.logical_not}
BINARY = {
    "add": torch.add, "subtract": torch.subtract, "multiply": torch.multiply, "divide": torch.divide,
    "power": torch.pow, "remainder": torch.remainder, "floorDivide": torch.floor_divide, "atan2": torch.atan2,
    "maximum": torch.maximum, "minimum": torch.minimum,
}
COMPARISONS = {
    "equal": torch.eq, "notEqual": torch.ne, "less": torch.lt, "lessOrEqual": torch.le, "greater": torch.gt,
    "greaterOrEqual": torch.ge, "logicalAnd": torch.logical_and, "logicalOr": torch.logical_or,
    "logicalXor": torch.logical_xor,
}
PAIRED = [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -3.5, INFINITY, -INFINITY, NAN]
INTEGERS = {"int8": torch.int8, "uint8": torch.uint8, "int32": torch.int32, "int64": torch.int64}


def second_order(function, *operands):
    """Output, gradient of its sum, and gradient of the sum of that gradient where there is one."""
    output = function(*operands)
    first = torch.autograd.grad(output.sum(), operands, create_graph=True)
    second = [torch.zeros_like(value) for value in operands]
    if any(value.requires_grad for value in first):
        second = torch.autograd.grad(sum(value.sum() for value in first), operands, allow_unused=True)
        second = [torch.zeros_like(x) if value is None else value for x, value in zip(operands, second)]
    return output, first, second


def add_derivatives(file, name, function, operands):
    wide = [value.double().requires_grad_() for value in operands.values()]
    output, first, second = second_order(function, *wide)
    expected = {"output": output}
    expected |= {f"first.{key}": value for key, value in zip(operands, first)}
    expected |= {f"second.{key}": value for key, value in zip(operands, second)}
    file.add(f"{name}.derivatives", name, operands, expected,
             {"kind": "derivatives", "meaning": "first: gradient of sum(output); second: of the sum of the firsts"})


def unary(file):
    special = torch.tensor(SPECIAL)
    for name, (function, low, high) in UNARY.items():
        file.evaluate(name, name, lambda x: function(x), {"x": uniform(name, low, high, 48)}, {"kind": "ordinary"})
        file.evaluate(f"{name}.special", name, lambda x: function(x), {"x": special}, {"kind": "special"})
        add_derivatives(file, name, function, {"x": uniform(f"{name}.derivatives", low, high, 12)})
    for name, function in TESTS.items():
        file.evaluate(f"{name}.special", name, lambda x: function(x), {"x": special}, {"kind": "special"})


def binary(file):
    paired = torch.tensor(PAIRED)
    left, right = paired.repeat_interleave(len(PAIRED)), paired.repeat(len(PAIRED))
    for name, function in {**BINARY, **COMPARISONS}.items():
        file.evaluate(f"{name}.special", name, lambda a, b: function(a, b), {"a": left, "b": right}, {"kind": "special"})
    for name, function in BINARY.items():
        low = 0.1 if name == "power" else -5
        operands = {"a": uniform(f"{name}/a", low, 5, 32), "b": uniform(f"{name}/b", -5, 5, 32)}
        file.evaluate(name, name, lambda a, b: function(a, b), operands, {"kind": "ordinary"})
        if name != "floorDivide":
            add_derivatives(file, name, function, {key: value[:12].clone() for key, value in operands.items()})


def integer_division(file):
    for dtype_name, dtype in INTEGERS.items():
        low = 0 if dtype is torch.uint8 else -100
        signs = torch.tensor([7, 7, -7, -7, 0, 1, -1, 6, -6] if low else [7, 7, 8, 9, 0, 1, 255, 6, 200], dtype=dtype)
        others = torch.tensor([3, -3, 3, -3, 5, 2, 2, -3, 3] if low else [3, 2, 3, 4, 5, 2, 2, 3, 7], dtype=dtype)
        a = torch.cat([signs, integers(f"{dtype_name}/a", low, 100, 24, dtype=dtype)])
        b = integers(f"{dtype_name}/b", low, 100, 24, dtype=dtype)
        b = torch.cat([others, torch.where(b == 0, torch.ones_like(b), b)])
        for name in ("floorDivide", "remainder", "maximum", "minimum", "multiply", "add", "subtract"):
            file.evaluate(f"{name}.{dtype_name}", name, lambda a, b: BINARY[name](a, b), {"a": a, "b": b},
                          {"kind": "integer"})


def casts(file):
    values = torch.tensor([0.0, -0.0, 1.9, -1.9, 2.5, -2.5, 100.99, 1e-40, 0.49999997])
    for dtype in ("int32", "int64", "int8", "bool", "float64"):
        file.evaluate(f"cast.float32.{dtype}", "cast", lambda x: x.to(getattr(torch, dtype)), {"x": values}, {"to": dtype})
    whole = torch.tensor([0, 1, -1, 127, 128, 255, 256, -129, 2147483647, 2147483648, -2147483649, 16777217])
    for dtype in ("int32", "int8", "uint8", "bool", "float32", "float64"):
        file.add(f"cast.int64.{dtype}", "cast", {"x": whole}, {"output": whole.to(getattr(torch, dtype))}, {"to": dtype})
    halves = torch.tensor([1 / 3, 1 + 2**-8, 1 + 3 * 2**-9, 65504.0, 65520.0, 1e-7, 6e-8, -0.0, INFINITY, 3.3e38])
    for dtype in ("bfloat16", "float16"):
        rounded = halves.to(getattr(torch, dtype)).float()
        file.add(f"cast.through.{dtype}", "castThrough", {"x": halves}, {"output": rounded}, {"to": dtype})


file = GoldenFile("elementwise")
unary(file)
binary(file)
integer_division(file)
casts(file)
file.write()
