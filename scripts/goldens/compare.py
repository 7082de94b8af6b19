"""Compares two folders of golden files: same names, same cases, numbers within 1e-9 (another machine's last bits)."""

import json
import pathlib
import sys

import numpy
from safetensors import safe_open


def content(path):
    """Everything a file says, by name."""
    if path.suffix == ".json":
        return {"": json.loads(path.read_text())}
    with safe_open(path, "numpy") as file:
        return {"": file.metadata(), **{name: file.get_tensor(name) for name in file.keys()}}


def same(left, right):
    if isinstance(left, numpy.ndarray):
        if left.dtype != right.dtype or left.shape != right.shape:
            return False
        if left.dtype.kind != "f":
            return numpy.array_equal(left, right)
        tolerance = 1e-9 if left.dtype == numpy.float64 else 1e-5
        return numpy.allclose(left, right, rtol=tolerance, atol=tolerance, equal_nan=True)
    return left == right


def differences(left_folder, right_folder):
    names = {path.name for folder in (left_folder, right_folder) for path in folder.iterdir()}
    for name in sorted(names):
        if not ((left_folder / name).exists() and (right_folder / name).exists()):
            yield f"{name}: only in one of the folders"
            continue
        left, right = content(left_folder / name), content(right_folder / name)
        for key in sorted(left.keys() | right.keys()):
            if key not in left or key not in right or not same(left[key], right[key]):
                yield f"{name}: {key or 'metadata'}"


found = list(differences(*(pathlib.Path(argument) for argument in sys.argv[1:3])))
print("\n".join(found) or "the golden files are what the peers give")
sys.exit(bool(found))
