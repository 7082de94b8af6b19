"""Result types: every pair of types, types with Swift-like weak numbers, reductions. "error" is the peer's refusal."""

import torch
from golden import write_json

DTYPES = ["float32", "float64", "bfloat16", "float16", "int8", "uint8", "int32", "int64", "bool"]
BINARY = {
    "add": torch.add, "subtract": torch.subtract, "multiply": torch.multiply, "divide": torch.true_divide,
    "floorDivide": torch.floor_divide, "remainder": torch.remainder, "power": torch.pow, "maximum": torch.maximum,
    "atan2": torch.atan2, "equal": torch.eq, "less": torch.lt, "logicalAnd": torch.logical_and,
}
# Functions without a scalar overload in the peer are left out of the weak numbers' table.
WEAK = {name: BINARY[name] for name in BINARY if name not in ("maximum", "atan2", "logicalAnd")}
NUMBERS = {"integer": 2, "float": 1.5, "bool": True}
UNARY = {
    "negate": torch.neg, "abs": torch.abs, "sign": torch.sign, "floor": torch.floor, "round": torch.round,
    "square": torch.square, "exp": torch.exp, "sqrt": torch.sqrt, "sigmoid": torch.sigmoid, "relu": torch.relu,
    "logicalNot": torch.logical_not, "isNaN": torch.isnan,
}
REDUCTIONS = {
    "sum": torch.sum, "prod": torch.prod, "mean": torch.mean, "max": torch.max, "argmax": torch.argmax,
    "any": torch.any, "all": torch.all, "cumulativeSum": lambda x: torch.cumsum(x, 0),
    "softmax": lambda x: torch.softmax(x, 0),
}


def tensor(dtype, shape=(2,)):
    return torch.ones(shape, dtype=getattr(torch, dtype))


def result(function, *operands):
    try:
        return str(function(*operands).dtype).removeprefix("torch.")
    except (RuntimeError, TypeError, NotImplementedError):
        return "error"


def pairs(table, make):
    return {name: {f"{a},{b}": result(function, tensor(a), make(b)) for a in DTYPES for b in DTYPES}
            for name, function in table.items()}


write_json("promotion", {
    "dtypes": DTYPES,
    "note": "keys are '<left>,<right>'; 'weak' has a number on the right and 'weakLeft' on the left; "
            "'zeroDimensional' has a tensor of shape [2] on the left and of shape [] on the right",
    "binary": pairs(BINARY, tensor),
    "zeroDimensional": pairs({"add": torch.add}, lambda dtype: tensor(dtype, ())),
    "weak": {name: {f"{a},{kind}": result(function, tensor(a), number) for a in DTYPES
                    for kind, number in NUMBERS.items()} for name, function in WEAK.items()},
    "weakLeft": {name: {f"{kind},{a}": result(function, number, tensor(a)) for a in DTYPES
                        for kind, number in NUMBERS.items()}
                 for name, function in {"add": lambda a, b: a + b, "subtract": lambda a, b: a - b,
                                        "divide": lambda a, b: a / b, "power": lambda a, b: a ** b}.items()},
    "unary": {name: {a: result(function, tensor(a)) for a in DTYPES} for name, function in UNARY.items()},
    "reductions": {name: {a: result(function, tensor(a)) for a in DTYPES} for name, function in REDUCTIONS.items()},
})
