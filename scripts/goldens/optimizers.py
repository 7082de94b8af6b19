"""Ten steps of every optimizer on a fixed problem: the parameters after each.

The problem: loss = mean over rows of the squares of (inputs @ weight + bias - targets), plus 0.1 * sum(scale^4 / 4),
where `scale` has no other use. Its gradients are smooth, so that the trajectories can be followed closely.
`steps` holds, for each parameter, the values after steps 1 to 10 along a new first axis.
"""

import torch
from golden import GoldenFile, normal

STEPS = 10
SGD, ADAM, ADAMW = torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW
VARIANTS = {
    "sgd.plain": (SGD, "SGD", {"lr": 0.05}), "sgd.momentum": (SGD, "SGD", {"lr": 0.05, "momentum": 0.9}),
    "sgd.dampened": (SGD, "SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.2}),
    "sgd.nesterov": (SGD, "SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    "sgd.weightDecay": (SGD, "SGD", {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.05}),
    "sgd.maximize": (SGD, "SGD", {"lr": 0.01, "maximize": True}),
    "adam.plain": (ADAM, "Adam", {"lr": 0.02}), "adam.weightDecay": (ADAM, "Adam", {"lr": 0.02, "weight_decay": 0.1}),
    "adam.betas": (ADAM, "Adam", {"lr": 0.02, "betas": [0.8, 0.9], "eps": 1e-3}),
    "adam.amsgrad": (ADAM, "Adam", {"lr": 0.02, "amsgrad": True}),
    "adamW.plain": (ADAMW, "AdamW", {"lr": 0.02}), "adamW.weightDecay": (ADAMW, "AdamW", {"lr": 0.02, "weight_decay": 0.1}),
    "rmsProp.plain": (torch.optim.RMSprop, "RMSProp", {"lr": 0.01}),
    "rmsProp.momentum": (torch.optim.RMSprop, "RMSProp", {"lr": 0.01, "momentum": 0.9, "alpha": 0.95}),
    "rmsProp.centered": (torch.optim.RMSprop, "RMSProp", {"lr": 0.01, "centered": True, "weight_decay": 0.05}),
    "adagrad.plain": (torch.optim.Adagrad, "Adagrad", {"lr": 0.1}),
    "adagrad.decay": (torch.optim.Adagrad, "Adagrad", {
        "lr": 0.1, "lr_decay": 0.05, "weight_decay": 0.05, "initial_accumulator_value": 0.1}),
}
NAMES = {
    "lr": "learningRate", "weight_decay": "weightDecay", "eps": "epsilon", "alpha": "smoothing",
    "lr_decay": "learningRateDecay", "initial_accumulator_value": "initialAccumulator",
}
# The peer's defaults, written out so that no test relies on ours being the same.
DEFAULTS = {
    "SGD": {"momentum": 0.0, "dampening": 0.0, "nesterov": False, "weight_decay": 0.0, "maximize": False},
    "Adam": {"betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.0, "amsgrad": False},
    "AdamW": {"betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.01, "amsgrad": False},
    "RMSProp": {"alpha": 0.99, "eps": 1e-8, "momentum": 0.0, "centered": False, "weight_decay": 0.0},
    "Adagrad": {"lr_decay": 0.0, "eps": 1e-10, "initial_accumulator_value": 0.0, "weight_decay": 0.0},
}
PROBLEM = {
    "inputs": normal("inputs", 8, 5), "targets": normal("targets", 8, 3), "weight": normal("weight", 5, 3, scale=0.5),
    "bias": normal("bias", 3, scale=0.5), "scale": normal("scale", 4),
}
PARAMETERS = ["weight", "bias", "scale"]


def loss_of(values):
    residual = values["inputs"] @ values["weight"] + values["bias"] - values["targets"]
    return (residual * residual).mean() + 0.1 * (values["scale"] ** 4 / 4).sum()


def trajectory(optimizer_class, options):
    values = {key: tensor.double() for key, tensor in PROBLEM.items()}
    for name in PARAMETERS:
        values[name].requires_grad_()
    optimizer = optimizer_class([values[name] for name in PARAMETERS], **options)
    losses, steps = [], {name: [] for name in PARAMETERS}
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of(values)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
        for name in PARAMETERS:
            steps[name].append(values[name].detach().clone())
    return {"losses": torch.stack(losses)} | {f"steps.{name}": torch.stack(rows) for name, rows in steps.items()}


file = GoldenFile("optimizers")
for name, (optimizer_class, operation, options) in VARIANTS.items():
    # The problem's tensors are the same in each case: 400 bytes are a fair price for cases that stand alone.
    defaults = torch.optim.__dict__[optimizer_class.__name__]([torch.zeros(1)], lr=0.1).defaults
    for key, value in DEFAULTS[operation].items():
        assert (list(defaults[key]) if key == "betas" else defaults[key]) == value, (operation, key)
    stated = {NAMES.get(key, key): value for key, value in {**DEFAULTS[operation], **options}.items()}
    file.add(name, operation, PROBLEM, trajectory(optimizer_class, options), {"parameters": PARAMETERS, **stated})
file.write()
