"""What the peer's learning-rate schedules say for selected steps, and reduce-on-plateau's rates for given figures.

`values` holds, for each schedule, the numbers of `steps`, taken from 1,001 steps of the peer's schedulers in float64.
"""

import math

import torch
from golden import write_json

STEPS = [0, 1, 2, 3, 5, 9, 10, 19, 20, 49, 50, 99, 100, 101, 199, 200, 249, 250, 299, 300, 301, 499, 500, 598, 600, 750,
         999, 1000]
scheduler = torch.optim.lr_scheduler


def numbers(make, base=0.1, momentum=False):
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=base, momentum=0.9)
    schedule = make(optimizer)
    found = []
    for _ in range(1001):
        found.append(optimizer.param_groups[0]["momentum" if momentum else "lr"])
        optimizer.step()
        try:
            schedule.step()
        except ValueError:  # OneCycleLR refuses steps beyond its last.
            pass
    return [float(found[step]) for step in STEPS]


def sequence(optimizer):
    return scheduler.SequentialLR(optimizer, [
        scheduler.ConstantLR(optimizer, factor=1.0, total_iters=1), scheduler.ExponentialLR(optimizer, gamma=0.99),
        scheduler.StepLR(optimizer, step_size=50, gamma=0.5)], milestones=[20, 300])


def chained(optimizer):
    return scheduler.ChainedScheduler([
        scheduler.LinearLR(optimizer, start_factor=0.1, end_factor=1.0, total_iters=50),
        scheduler.ExponentialLR(optimizer, gamma=0.995)])


def one_cycle(optimizer, **options):
    return scheduler.OneCycleLR(optimizer, max_lr=0.5, total_steps=1001, **options)


CASES = {
    "constant": lambda o: scheduler.LambdaLR(o, lambda step: 1.0),
    "step": lambda o: scheduler.StepLR(o, step_size=100, gamma=0.5),
    "multiStep": lambda o: scheduler.MultiStepLR(o, milestones=[50, 300, 600], gamma=0.2),
    "exponential": lambda o: scheduler.ExponentialLR(o, gamma=0.997),
    "linear": lambda o: scheduler.LinearLR(o, start_factor=0.25, end_factor=0.75, total_iters=200),
    "polynomial": lambda o: scheduler.PolynomialLR(o, total_iters=500, power=2.0),
    "cosine": lambda o: scheduler.CosineAnnealingLR(o, T_max=1000, eta_min=0.001),
    "warmRestarts": lambda o: scheduler.CosineAnnealingWarmRestarts(o, T_0=50, T_mult=2, eta_min=0.01),
    "warmRestartsEqual": lambda o: scheduler.CosineAnnealingWarmRestarts(o, T_0=100),
    "oneCycle": lambda o: one_cycle(o),
    "oneCycleLinear": lambda o: one_cycle(
        o, pct_start=0.2, anneal_strategy="linear", div_factor=10.0, final_div_factor=100.0),
    "oneCycleThree": lambda o: one_cycle(o, three_phase=True, pct_start=0.3),
    "triangular": lambda o: scheduler.CyclicLR(o, base_lr=0.01, max_lr=0.1, step_size_up=50),
    "triangular2": lambda o: scheduler.CyclicLR(
        o, base_lr=0.01, max_lr=0.1, step_size_up=50, step_size_down=150, mode="triangular2"),
    "expRange": lambda o: scheduler.CyclicLR(
        o, base_lr=0.01, max_lr=0.1, step_size_up=100, mode="exp_range", gamma=0.999),
    "sequence": sequence, "chained": chained,
    # Noam's rule has no class in the peer: its formula through LambdaLR.
    "inverseSquareRoot": lambda o: scheduler.LambdaLR(
        o, lambda step: min((step + 1) / 100, math.sqrt(100 / (step + 1)))),
}
MOMENTA = {
    "oneCycleMomentum": lambda o: one_cycle(o), "oneCycleMomentumThree": lambda o: one_cycle(
        o, three_phase=True, base_momentum=0.8, max_momentum=0.9)}

PLATEAUS = {
    "lowest": {"mode": "min", "factor": 0.1, "patience": 2, "threshold": 1e-2, "threshold_mode": "rel", "cooldown": 0,
               "min_lr": 0.0},
    "cooldown": {"mode": "min", "factor": 0.5, "patience": 1, "threshold": 0.05, "threshold_mode": "abs", "cooldown": 3,
                 "min_lr": 0.02},
    "highest": {"mode": "max", "factor": 0.5, "patience": 0, "threshold": 1e-3, "threshold_mode": "rel", "cooldown": 1,
                "min_lr": 1e-3},
}


def plateau(options):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    schedule = scheduler.ReduceLROnPlateau(optimizer, **options)
    figures = [1 / (1 + 0.3 * min(step, 12)) + 0.02 * math.sin(1.7 * step) for step in range(40)]
    rates = []
    for figure in figures:
        schedule.step(figure)
        rates.append(optimizer.param_groups[0]["lr"])
    names = {"threshold_mode": "thresholdForm", "min_lr": "least"}
    stated = {names.get(key, key): value for key, value in options.items()}
    return {"options": stated, "figures": figures, "rates": rates}


write_json("schedules", {
    "steps": STEPS,
    "values": {name: numbers(make) for name, make in CASES.items()}
    | {name: numbers(make, momentum=True) for name, make in MOMENTA.items()},
    "plateaus": {name: plateau(options) for name, options in PLATEAUS.items()},
})
