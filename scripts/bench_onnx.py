"""ONNX Runtime as a worker for scripts/bench, inference rows only; the protocol and the rows are those of bench_networks.py.

PyTorch exports the network in a process of its own, so that this one's peak memory is ONNX Runtime's.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy
import onnxruntime
import patterned
from bench_networks import NETWORK_ROWS, SIDE
from bench_worker import serve

EXPORTER = pathlib.Path(__file__).with_name("bench_torchvision.py")


def session_of(name, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/{name}.onnx"
        # Standard output belongs to the protocol.
        subprocess.run([sys.executable, EXPORTER, name, path], check=True, stdout=sys.stderr)
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def make_step(name, threads):
    session = session_of(name, threads)
    images = patterned.pattern((NETWORK_ROWS[name].batch, 3, SIDE, SIDE))
    feed = {session.get_inputs()[0].name: images}

    def step():
        return numpy.abs(session.run(None, feed)[0]).mean()
    return step


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="ONNX Runtime's worker for scripts/bench")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    rows = [name for name, row in NETWORK_ROWS.items() if not row.is_training and not row.is_mixed]
    serve(lambda name: make_step(name, arguments.threads), rows)
