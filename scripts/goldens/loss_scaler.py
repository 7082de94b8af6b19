"""What torch.amp.GradScaler does with a scripted sequence of overflows, in float64.

Each case trains `w`, with its first value and the gradients `rows` of each step (times the step's loss factor, which is
infinite or not a number where `overflows` says so), by the optimizer it names. `scales` and `trackers` are the scaler's
scale and growth tracker after each update, `values` the parameter after each step.
"""

import torch
from golden import GoldenFile, normal

STEPS = 24
# NAdam keeps a product of numbers in the default type.
torch.set_default_dtype(torch.float64)
file = GoldenFile("loss_scaler")
start, rows = normal("loss_scaler/start", 5), normal("loss_scaler/rows", STEPS, 5)
optimizers = {
    "Adam": lambda p: torch.optim.Adam([p], lr=0.05), "SGD": lambda p: torch.optim.SGD(
        [p], lr=0.05, momentum=0.9, dampening=0.3), "NAdam": lambda p: torch.optim.NAdam([p], lr=0.05),
}
CASES = {
    "first": ("Adam", [0, 1, 2], {"growth_interval": 4}),
    "between": ("Adam", [3, 9, 10, 17], {"growth_interval": 3, "init_scale": 1024.0}),
    "factors": ("SGD", [0, 6, 20], {"growth_interval": 2, "growth_factor": 1.7, "backoff_factor": 0.3,
                                    "init_scale": 100.0}),
    "nadam": ("NAdam", [0, 5], {"growth_interval": 5}),
    "largest": ("SGD", [7], {"growth_interval": 1, "growth_factor": 1e9, "init_scale": 2.0**100}),
    "defaults": ("SGD", [2, 4], {}),
}
for name, (kind, overflows, options) in CASES.items():
    parameter = torch.nn.Parameter(start.double())
    optimizer = optimizers[kind](parameter)
    scaler = torch.amp.GradScaler("cpu", **options)
    scales, trackers, values = [], [], []
    for step in range(STEPS):
        optimizer.zero_grad()
        factor = (float("inf") if step % 2 else float("nan")) if step in overflows else 1.0
        loss = (parameter * rows[step].double()).sum() * factor
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        scales.append(scaler.get_scale())
        trackers.append(scaler._get_growth_tracker())
        values.append(parameter.detach().clone())
    file.add(name, kind, {"start": start, "rows": rows}, {
        "scales": torch.tensor(scales, dtype=torch.float64), "trackers": torch.tensor(trackers),
        "values": torch.stack(values)}, {
            "overflows": overflows, "scale": options.get("init_scale"), "growthFactor": options.get("growth_factor"),
            "backoffFactor": options.get("backoff_factor"), "growthInterval": options.get("growth_interval")})
file.write()
