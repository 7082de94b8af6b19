"""Solving and factoring, batched too, with gradients. Factors are unique up to signs: the attributes say what holds.

For `qr` and `svd` the compared quantities do not depend on the signs of columns: R's diagonal is made positive, and the
singular vectors enter as U diag(s) V' and as |U|, |V'|.
"""

import torch
from golden import GoldenFile, normal


def well_conditioned(name, *shape):
    return normal(name, *shape) + 3 * torch.eye(shape[-1])


def positive(name, *shape):
    x = normal(name, *shape)
    return x @ x.mT + torch.eye(shape[-1])


def symmetric(x):
    """A gradient-safe way to say that only symmetric inputs are meant."""
    return (x + x.mT) / 2


def qr(a):
    q, r = torch.linalg.qr(a)
    signs = torch.sign(torch.diagonal(r, dim1=-2, dim2=-1)).detach()
    return {"q": q * signs.unsqueeze(-2), "r": r * signs.unsqueeze(-1)}


def svd(a):
    u, s, vt = torch.linalg.svd(a, full_matrices=False)
    return {"s": s, "absoluteU": u.abs(), "absoluteVt": vt.abs()}


def solves(file):
    shapes = {"vector": ((4, 4), (4,)), "matrix": ((4, 4), (4, 2)), "batched": ((3, 4, 4), (3, 4, 2)), "one": ((1, 1), (1, 1))}
    for name, (left, right) in shapes.items():
        operands = {"a": well_conditioned(f"solve {name}", *left), "b": normal(f"right {name}", *right)}
        file.evaluate(f"solve.{name}", "solve", lambda a, b: torch.linalg.solve(a, b), operands, gradients_of=["a", "b"])
    for upper in (False, True):
        for unit in (False, True):
            for transposed in (False, True):
                operands = {"a": well_conditioned("triangle", 2, 4, 4), "b": normal("triangle right", 2, 4, 3)}
                attributes = {"upper": upper, "unitDiagonal": unit, "transposed": transposed}

                def solve(a, b):
                    part = torch.triu(a) if upper else torch.tril(a)
                    effective = part.mT if transposed else part
                    return torch.linalg.solve_triangular(effective, b, upper=upper != transposed, unitriangular=unit)
                suffix = ".".join(key for key, value in attributes.items() if value) or "lower"
                file.evaluate(f"triangularSolve.{suffix}", "triangularSolve", solve, operands, attributes,
                              gradients_of=["a", "b"])


def factors(file):
    for name, shape in {"plain": (4, 4), "batched": (3, 5, 5), "one": (1, 1)}.items():
        file.evaluate(f"cholesky.{name}", "cholesky", lambda a: torch.linalg.cholesky(symmetric(a)),
                      {"a": positive(f"cholesky {name}", *shape)},
                      {"note": "the gradient is that of cholesky((a + transpose of a) / 2)"}, gradients_of=["a"])
    for name, shape in {"square": (4, 4), "tall": (5, 3), "batched": (2, 4, 3)}.items():
        file.evaluate(f"qr.{name}", "qr", qr, {"a": normal(f"qr {name}", *shape)},
                      {"note": "signs chosen so that r's diagonal is positive"}, gradients_of=["a"])
    for name, shape in {"square": (4, 4), "tall": (5, 3), "wide": (3, 5), "batched": (2, 4, 3)}.items():
        file.evaluate(f"svd.{name}", "svd", svd, {"a": normal(f"svd {name}", *shape)},
                      {"note": "reduced; absolute values of the vectors, whose signs are open"}, gradients_of=["a"])


def inverses(file):
    for name, shape in {"plain": (4, 4), "batched": (3, 3, 3), "one": (1, 1)}.items():
        x = well_conditioned(f"inverse {name}", *shape)
        file.evaluate(f"inverse.{name}", "inverse", lambda a: torch.linalg.inv(a), {"a": x}, gradients_of=["a"])
        file.evaluate(f"determinant.{name}", "determinant", lambda a: torch.linalg.det(a), {"a": x}, gradients_of=["a"])

        def logarithm(a):
            sign, value = torch.linalg.slogdet(a)
            return {"sign": sign.detach(), "logarithm": value}
        file.evaluate(f"logAbsDeterminant.{name}", "logAbsDeterminant", logarithm, {"a": x * torch.tensor(-1.0)},
                      gradients_of=["a"])
    # Pivoting: a zero on the diagonal, a permutation, a negative determinant; and a singular matrix.
    permuted = torch.tensor([[0.0, 2.0, 1.0], [1.0, 0.0, 3.0], [4.0, 1.0, 0.0]])
    file.evaluate("determinant.pivoted", "determinant", lambda a: torch.linalg.det(a), {"a": permuted}, gradients_of=["a"])
    file.evaluate("inverse.pivoted", "inverse", lambda a: torch.linalg.inv(a), {"a": permuted}, gradients_of=["a"])
    singular = torch.tensor([[1.0, 2.0], [2.0, 4.0]])
    file.evaluate("determinant.singular", "determinant", lambda a: torch.linalg.det(a), {"a": singular})


file = GoldenFile("linear_algebra")
solves(file)
factors(file)
inverses(file)
file.write()
