"""Matrix products of every rank, `einsum`, and their gradients."""

import torch
from golden import GoldenFile, integers, normal

SHAPES = {
    "dot": ((5,), (5,)), "matrixVector": ((3, 4), (4,)), "vectorMatrix": ((3,), (3, 4)), "matrix": ((3, 4), (4, 5)),
    "one": ((1, 1), (1, 1)), "row": ((1, 7), (7, 1)), "outer": ((7, 1), (1, 3)), "batched": ((2, 3, 4), (2, 4, 5)),
    "broadcastRight": ((2, 3, 4), (4, 5)), "broadcastLeft": ((3, 4), (2, 4, 5)),
    "broadcastBoth": ((2, 1, 3, 4), (5, 4, 2)), "batchedVector": ((2, 3, 4), (4,)), "vectorBatched": ((4,), (2, 4, 3)),
    "empty": ((3, 0), (0, 4)), "noRows": ((0, 4), (4, 2)), "tiles": ((33, 70), (70, 19)),
}
EINSUMS = {
    "transpose": ("ij->ji", [(3, 4)]), "trace": ("ii->", [(4, 4)]), "diagonal": ("ii->i", [(4, 4)]),
    "rowSums": ("ij->i", [(3, 4)]), "dot": ("i,i->", [(5,), (5,)]), "outer": ("i,j->ij", [(3,), (4,)]),
    "product": ("ij,jk->ik", [(3, 4), (4, 5)]), "implicit": ("ij,jk", [(3, 4), (4, 5)]),
    "batched": ("bij,bjk->bik", [(2, 3, 4), (2, 4, 5)]), "attention": ("bqhd,bkhd->bhqk", [(2, 3, 2, 4), (2, 5, 2, 4)]),
    "bilinear": ("bi,oij,bj->bo", [(2, 3), (4, 3, 5), (2, 5)]), "ellipsis": ("...ij,jk->...ik", [(2, 2, 3, 4), (4, 5)]),
    "hadamardSum": ("ij,ij->", [(3, 4), (3, 4)]), "permuted": ("ijk,kl->lij", [(2, 3, 4), (4, 5)]),
    "tensordot": ("ijk,jkl->il", [(2, 3, 4), (3, 4, 5)]),
}

file = GoldenFile("matmul")
for name, (left, right) in SHAPES.items():
    file.evaluate(f"matmul.{name}", "matmul", lambda a, b: torch.matmul(a, b),
                  {"a": normal(f"{name}/a", *left), "b": normal(f"{name}/b", *right)}, gradients_of=["a", "b"])
for dtype in (torch.int32, torch.int64):
    operands = {"a": integers("a", -9, 9, 3, 4, dtype=dtype), "b": integers("b", -9, 9, 4, 2, dtype=dtype)}
    file.add(f"matmul.{str(dtype).removeprefix('torch.')}", "matmul", operands,
             {"output": operands["a"] @ operands["b"]})
for name, (equation, shapes) in EINSUMS.items():
    operands = {"abc"[index]: normal(f"einsum {name}/{index}", *shape) for index, shape in enumerate(shapes)}
    file.evaluate(f"einsum.{name}", "einsum", lambda **given: torch.einsum(equation, *given.values()), operands,
                  {"equation": equation}, gradients_of=list(operands))
file.evaluate("linear", "linear", torch.nn.functional.linear,
              {"input": normal("linear/input", 2, 3, 4), "weight": normal("linear/weight", 5, 4),
               "bias": normal("linear/bias", 5)}, gradients_of=["input", "weight", "bias"])
file.write()
