"""Losses of the first training steps of the benchmarks' networks from their given initial values.

The values and batches follow the formulas in scripts/bench_peers.py, so the file holds results only: the losses before
each step in float64 and in the peer's float32, and the Euclidean norm of each parameter after the last step.
"""

import pathlib
import sys

import torch
from golden import GoldenFile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import bench_peers  # noqa: E402

RUNS = {"mlp": (32, 20), "cnn": (8, 5)}


def train(row, size, steps, dtype):
    model, inputs, targets = bench_peers.prepared(row, size, dtype)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    norms = torch.stack([parameter.detach().norm() for parameter in model.parameters()])
    return torch.stack(losses), norms


file = GoldenFile("trajectories")
for row, (size, steps) in RUNS.items():
    losses, norms = train(row, size, steps, torch.float64)
    single, _ = train(row, size, steps, torch.float32)
    file.add(row, "training", {}, {"losses": losses, "lossesFloat32": single, "norms": norms}, {
        "network": row, "batchSize": size, "steps": steps, "optimizer": "Adam", "learningRate": 1e-3,
        "parameters": [name for name, _ in bench_peers.initial_values(bench_peers.make_model(row))]})
    print(f"{row}: losses {losses[0]:.6f} to {losses[-1]:.6f}, float32 off by {(single - losses).abs().max():.1e}")
file.write()
