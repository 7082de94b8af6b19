"""Slices, gathering and scattering, one-hot, padding, sorting, top-k, flips, joins."""

import torch
from golden import GoldenFile, distinct, integers, normal

functional = torch.nn.functional
# Start, end, step for each axis as the user writes them: null is open, negatives count from the end. PyTorch has no
# negative steps; NumPy's meaning of them is x[start:end:step], evaluated here by a flip.
SLICES = {
    "middle": [[1, 3, 1]], "openStart": [[None, 2, 1]], "openEnd": [[2, None, 1]], "negative": [[-3, -1, 1]],
    "step": [[0, None, 2]], "stepOffset": [[1, None, 3]], "second": [[None, None, 1], [1, 4, 2]],
    "beyond": [[2, 100, 1]], "empty": [[3, 3, 1]], "crossed": [[4, 2, 1]], "three": [[1, None, 2], [-2, None, 1], [0, 1, 1]],
    "reversed": [[None, None, -1]], "reversedStep": [[4, 0, -2]], "reversedOpen": [[None, 1, -2], [None, None, -1]],
}
PADS = {"constant": "constant", "reflect": "reflect", "replicate": "replicate"}


def sliced(x, ranges):
    for axis, (start, end, step) in enumerate(ranges):
        chosen = list(range(x.shape[axis]))[start:end:step]
        x = torch.index_select(x, axis, torch.tensor(chosen, dtype=torch.int64))
    return x


def slices(file):
    for name, ranges in SLICES.items():
        file.evaluate(f"slice.{name}", "slice", lambda x: sliced(x, ranges), {"x": normal("slice", 6, 5, 3)},
                      {"ranges": ranges}, gradients_of=["x"])


def gathers(file):
    for axis in (0, 1, 2, -1):
        size = (4, 5, 3)[axis]
        shape = [3, 4, 2]
        shape[axis] = 6
        index = integers(f"gather {axis}", 0, size, *shape)
        file.evaluate(f"gather.{axis}", "gather", lambda x, index: torch.gather(x, axis, index),
                      {"x": normal("gather", 4, 5, 3), "index": index}, {"axis": axis}, gradients_of=["x"])
        operands = {"x": normal("scatter", 4, 5, 3), "index": index, "updates": normal(f"updates {axis}", *shape)}
        file.evaluate(f"scatterAdd.{axis}", "scatterAdd",
                      lambda x, index, updates: torch.scatter_add(x, axis, index, updates), operands, {"axis": axis},
                      gradients_of=["x", "updates"])
        rows = integers(f"rows {axis}", 0, size, 7)
        file.evaluate(f"indexSelect.{axis}", "indexSelect", lambda x, index: torch.index_select(x, axis, index),
                      {"x": normal("select", 4, 5, 3), "index": rows}, {"axis": axis}, gradients_of=["x"])
        added = [4, 5, 3]
        added[axis] = 7
        operands = {"x": normal("indexAdd", 4, 5, 3), "index": rows, "updates": normal(f"added {axis}", *added)}
        file.evaluate(f"indexAdd.{axis}", "indexAdd",
                      lambda x, index, updates: torch.index_add(x, axis, index, updates), operands, {"axis": axis},
                      gradients_of=["x", "updates"])
    # Without duplicates, because the peer leaves the order of competing writes open.
    index = torch.tensor([[0, 3, 1], [2, 0, 4]])
    operands = {"x": normal("scatter", 2, 5), "index": index, "updates": normal("scatter updates", 2, 3)}
    file.evaluate("scatter.1", "scatter", lambda x, index, updates: torch.scatter(x, 1, index, updates), operands,
                  {"axis": 1}, gradients_of=["x", "updates"])
    table = {"table": normal("embedding", 6, 4), "index": integers("embedding index", 0, 6, 3, 5)}
    file.evaluate("embedding", "embedding", lambda table, index: functional.embedding(index, table), table,
                  gradients_of=["table"])
    mask = integers("mask", 0, 2, 3, 4).bool()
    operands = {"condition": mask, "a": normal("where a", 3, 4), "b": normal("where b", 4)}
    file.evaluate("where", "where", lambda condition, a, b: torch.where(condition, a, b), operands,
                  gradients_of=["a", "b"])


def one_hot_and_padding(file):
    labels = integers("labels", 0, 5, 2, 3)
    file.add("oneHot", "oneHot", {"index": labels}, {"output": functional.one_hot(labels, 5)}, {"classes": 5})
    widths = {"constant": [[0, 0], [0, 0], [1, 2], [3, 0]], "reflect": [[0, 0], [0, 0], [1, 2], [3, 1]],
              "replicate": [[0, 0], [0, 0], [2, 1], [0, 4]]}
    for name, mode in PADS.items():
        flat = [width for pair in reversed(widths[name]) for width in pair]
        trimmed = flat[:4] if mode != "constant" else flat
        options = {"value": 1.5} if mode == "constant" else {}
        file.evaluate(f"pad.{name}", "pad", lambda x: functional.pad(x, trimmed, mode=mode, **options),
                      {"x": normal("pad", 2, 3, 4, 5)}, {"mode": mode, "widths": widths[name], **options},
                      gradients_of=["x"])


def orders(file):
    x = distinct("order", 3, 6, 4)
    for axis in (0, 1, -1):
        for descending in (False, True):
            def sort(x):
                values, indices = torch.sort(x, dim=axis, descending=descending, stable=True)
                return {"values": values, "indices": indices}
            file.evaluate(f"sort.{axis}{'.descending' if descending else ''}", "sort", sort, {"x": x},
                          {"axis": axis, "descending": descending}, gradients_of=["x"])

            def top(x):
                values, indices = torch.topk(x, 2, dim=axis, largest=descending)
                return {"values": values, "indices": indices}
            file.evaluate(f"topK.{axis}{'' if descending else '.smallest'}", "topK", top, {"x": x},
                          {"axis": axis, "count": 2, "largest": descending}, gradients_of=["x"])
    ties = torch.tensor([2.0, 1.0, 2.0, 1.0, 0.0, 2.0])
    values, indices = torch.sort(ties, stable=True)
    file.add("sort.stable", "sort", {"x": ties}, {"values": values, "indices": indices}, {"axis": 0, "descending": False})
    numbers = torch.tensor([3.0, float("nan"), -1.0, float("inf"), -float("inf"), 0.0])
    values, indices = torch.sort(numbers, stable=True)
    file.add("sort.nan", "sort", {"x": numbers}, {"values": values, "indices": indices}, {"axis": 0, "descending": False})


def movements(file):
    x = normal("move", 2, 3, 4)
    for axes in ([0], [1], [-1], [0, 2], [0, 1, 2]):
        file.evaluate(f"flip.{'_'.join(map(str, axes))}", "flip", lambda x: torch.flip(x, axes), {"x": x},
                      {"axes": axes}, gradients_of=["x"])
    for order in ([1, 0, 2], [2, 0, 1], [-1, -2, -3]):
        file.evaluate(f"permute.{'_'.join(map(str, order))}", "permute", lambda x: torch.permute(x, order), {"x": x},
                      {"order": order}, gradients_of=["x"])
    for axis in (0, 1, -1):
        shape = [2, 3, 4]
        shape[axis] = 2
        operands = {"a": x, "b": normal(f"joined {axis}", *shape)}
        file.evaluate(f"concatenate.{axis}", "concatenate", lambda a, b: torch.cat([a, b], axis), operands,
                      {"axis": axis}, gradients_of=["a", "b"])
        file.evaluate(f"stack.{axis}", "stack", lambda a, b: torch.stack([a, b], axis),
                      {"a": x, "b": normal("stacked", 2, 3, 4)}, {"axis": axis}, gradients_of=["a", "b"])
    for shift, axis in ((1, 0), (-2, 2)):
        file.evaluate(f"roll.{shift}.{axis}", "roll", lambda x: torch.roll(x, shift, axis), {"x": x},
                      {"shift": shift, "axis": axis}, gradients_of=["x"])
    for offset in (-1, 0, 2):
        square = normal("triangle", 2, 4, 5)
        for name, function in {"lowerTriangle": torch.tril, "upperTriangle": torch.triu}.items():
            file.evaluate(f"{name}.{offset}", name, lambda x: function(x, offset), {"x": square}, {"offset": offset},
                          gradients_of=["x"])


file = GoldenFile("indexing")
slices(file)
gathers(file)
one_hot_and_padding(file)
orders(file)
movements(file)
file.write()
