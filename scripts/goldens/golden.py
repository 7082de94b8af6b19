"""The golden files' form, and the helpers that every script here shares.

A file is safetensors. Its metadata holds `peer`, `script`, `rule` and `cases`: a JSON list, in order, of

    {"name": ..., "operation": ..., "inputs": [...], "expected": [...], "gradients": [...], "attributes": {...}}

and the tensors are named `<case>/<input or expected name>`. Where `gradients` lists inputs, the tensors
`<case>/cotangent.<expected>` seed the backward pass, loss = sum over the expected of sum(expected * cotangent), and
`<case>/gradient.<input>` is that loss's gradient. Inputs are float32 unless the operation wants others; everything
expected of floating point is evaluated in float64 from those float32 inputs and stored as float64, so that one file
serves the tests of both types. An attribute that is null or absent has the operation's default.
"""

import hashlib
import json
import os
import pathlib
import struct
import sys

import numpy
import torch

RULE = "floating-point expectations are evaluated in float64 from the stored inputs"
DEFAULT_FOLDER = pathlib.Path(__file__).resolve().parents[2] / "Tests" / "Goldens"
TAGS = {
    "bool": "BOOL", "int8": "I8", "uint8": "U8", "int32": "I32", "int64": "I64",
    "float16": "F16", "float32": "F32", "float64": "F64",
}


def peer():
    return f"PyTorch {torch.__version__.split('+')[0]}"


def folder():
    """Where files go: `Tests/Goldens`, or $MARTLET_GOLDENS for a comparison with what is committed."""
    path = pathlib.Path(os.environ.get("MARTLET_GOLDENS", DEFAULT_FOLDER))
    path.mkdir(parents=True, exist_ok=True)
    return path


def generator(name):
    """NumPy's generator seeded by a name, so that a case keeps its numbers when others are added beside it."""
    return numpy.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little"))


def normal(name, *shape, scale=1.0):
    """Normal float32 numbers that depend on the name and the shape only."""
    return torch.from_numpy(numpy.asarray(generator(name).standard_normal(shape) * scale, dtype=numpy.float32))


def uniform(name, low, high, *shape):
    return torch.from_numpy(numpy.asarray(generator(name).uniform(low, high, shape), dtype=numpy.float32))


def integers(name, low, high, *shape, dtype=torch.int64):
    return torch.from_numpy(generator(name).integers(low, high, shape)).to(dtype)


def distinct(name, *shape):
    """Float32 numbers at least 0.05 apart, for maxima and sorts that must not depend on ties or on rounding."""
    count = int(numpy.prod(shape))
    steps = generator(name).permutation(count).reshape(shape) - count // 2
    return torch.from_numpy((steps * 0.05).astype(numpy.float32))


def widened(tensor):
    return tensor.double() if tensor.is_floating_point() else tensor


class GoldenFile:
    def __init__(self, name):
        self.name = name
        self.cases = []
        self.tensors = {}

    def add(self, name, operation, inputs, expected, attributes=None, gradients=None, cotangents=None):
        """Adds a case whose expectations are known already."""
        self.cases.append({
            "name": name, "operation": operation, "inputs": list(inputs), "expected": list(expected),
            "gradients": list(gradients or {}), "attributes": attributes or {},
        })
        for key, tensor in {**inputs, **expected}.items():
            self._store(f"{name}/{key}", tensor)
        for key, tensor in (cotangents or {}).items():
            self._store(f"{name}/cotangent.{key}", tensor)
        for key, tensor in (gradients or {}).items():
            self._store(f"{name}/gradient.{key}", tensor)

    def evaluate(self, name, operation, function, inputs, attributes=None, gradients_of=()):
        """Evaluates `function(**inputs)` in float64; it gives one tensor, called `output`, or a dictionary of them."""
        arguments = {key: widened(tensor) for key, tensor in inputs.items()}
        for key in gradients_of:
            arguments[key].requires_grad_()
        results = function(**arguments)
        results = results if isinstance(results, dict) else {"output": results}
        cotangents, gradients = {}, {}
        if gradients_of:
            reached = {key: value for key, value in results.items() if value.requires_grad}
            cotangents = {key: normal(f"{name}/{key}", *value.shape) for key, value in reached.items()}
            loss = sum((value * cotangents[key].double()).sum() for key, value in reached.items())
            values = torch.autograd.grad(loss, [arguments[key] for key in gradients_of])
            gradients = dict(zip(gradients_of, values))
        self.add(name, operation, inputs, results, attributes, gradients, cotangents)

    def _store(self, name, tensor):
        assert name not in self.tensors, name
        self.tensors[name] = numpy.ascontiguousarray(tensor.numpy(force=True)).reshape(tuple(tensor.shape))

    def write(self, library=""):
        """Written by hand: the safetensors package orders metadata at random, and a golden file should not change
        when its numbers do not. `library` names a peer beside PyTorch."""
        header = {"__metadata__": {
            "peer": ", ".join(filter(None, [peer(), library])),
            "script": f"scripts/goldens/{pathlib.Path(sys.argv[0]).name}", "rule": RULE,
            "cases": json.dumps(self.cases),
        }}
        offset = 0
        # Widest elements first keeps every tensor aligned; the sort is stable, so cases stay together.
        ordered = sorted(self.tensors.items(), key=lambda item: -item[1].itemsize)
        for name, array in ordered:
            header[name] = {
                "dtype": TAGS[str(array.dtype)], "shape": list(array.shape),
                "data_offsets": [offset, offset + array.nbytes],
            }
            offset += array.nbytes
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        path = folder() / f"{self.name}.safetensors"
        with open(path, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for _, array in ordered:
                file.write(array.tobytes())
        print(f"{path.name}: {len(self.cases)} cases, {len(self.tensors)} tensors, {path.stat().st_size:,} bytes")


def write_json(name, content):
    path = folder() / f"{name}.json"
    script = f"scripts/goldens/{pathlib.Path(sys.argv[0]).name}"
    path.write_text(json.dumps({"peer": peer(), "script": script, **content}, indent=1) + "\n")
    print(f"{path.name}: {path.stat().st_size:,} bytes")
