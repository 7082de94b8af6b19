"""The benchmark's rows with an optimizer's step alone.

A row is optimizer-NAME. The parameters are those of ResNet-50 with 40 channels where it has 64: 161 tensors of 10.5 million
elements (`muon`: only those of more than one axis, as matrices [outputs, all others]); values are those of
scripts/patterned.py, 0.1 T from place 101 p on for parameter number p, gradients 0.01 T from place 211 p + 7 on, the same in
each step. A step is the optimizer's, with settings as they come but for the rate 1e-3 where there is no usual one; momentum
is 0.9 with decay 1e-4; `adam-clipped` first clips all gradients together to the norm 1. It gives mean |last parameter|, which
counts as the loss. Three steps are recorded, two more are taken before those that are timed, and each is read.

PyTorch's columns: foreach=True, and fused=True where the optimizer has it. Times are scaled to ten million parameters.
"""

PREFIX = "optimizer-"
TITLES = {
    "sgd": "SGD", "momentum": "SGD, momentum, decay", "adam": "Adam", "adamw": "AdamW", "adam-clipped": "Adam, clipped by norm",
    "amsgrad": "AMSGrad", "rmsprop": "RMSProp", "rmsprop-centered": "RMSProp, centred, momentum, decay", "adagrad": "Adagrad",
    "adadelta": "AdaDelta", "adamax": "Adamax", "nadam": "NAdam", "radam": "RAdam", "lion": "Lion",
    "schedule-free": "schedule-free AdamW", "lamb": "LAMB", "lars": "LARS", "adafactor": "Adafactor", "muon": "Muon",
}
OPTIMIZER_ROWS = {PREFIX + name: title for name, title in TITLES.items()}
# PyTorch's Muon iterates in bfloat16.
LOSS_TOLERANCE = {PREFIX + "muon": 1e-2}
WIDTH = 40


def shapes(row):
    matrices, found = row == PREFIX + "muon", []

    def convolution(inputs, outputs, size):
        found.append((outputs, inputs * size * size) if matrices else (outputs, inputs, size, size))
        if not matrices:
            found.extend([(outputs,), (outputs,)])
    convolution(3, WIDTH, 7)
    inputs = WIDTH
    for stage, blocks in enumerate([3, 4, 6, 3]):
        inner = WIDTH << stage
        for block in range(blocks):
            convolution(inputs, inner, 1)
            convolution(inner, inner, 3)
            convolution(inner, inner * 4, 1)
            if block == 0:
                convolution(inputs, inner * 4, 1)
            inputs = inner * 4
    found.append((1000, inputs))
    return found if matrices else [*found, (1000,)]


def element_count(row):
    import math
    return sum(math.prod(shape) for shape in shapes(row))


def make_optimizer(name, parameters, fused):
    import torch

    # The classes and settings that stand for a row; those that PyTorch lacks are missing.
    optim = torch.optim
    known = {
        "sgd": (optim.SGD, {"lr": 1e-3}), "momentum": (optim.SGD, {"lr": 1e-3, "momentum": 0.9, "weight_decay": 1e-4}),
        "adam": (optim.Adam, {"lr": 1e-3}), "adamw": (optim.AdamW, {"lr": 1e-3}), "adam-clipped": (optim.Adam, {"lr": 1e-3}),
        "amsgrad": (optim.Adam, {"lr": 1e-3, "amsgrad": True}), "rmsprop": (optim.RMSprop, {}),
        "rmsprop-centered": (optim.RMSprop, {"weight_decay": 1e-4, "momentum": 0.9, "centered": True}),
        "adagrad": (optim.Adagrad, {}), "adadelta": (optim.Adadelta, {}), "adamax": (optim.Adamax, {}),
        "nadam": (optim.NAdam, {}), "radam": (optim.RAdam, {}), "adafactor": (optim.Adafactor, {}),
        "muon": (optim.Muon, {"lr": 1e-3}),
    }
    if name not in known:
        raise NotImplementedError(f"PyTorch has no {TITLES[name]}")
    kind, settings = known[name]
    has_fused = name in ("sgd", "momentum", "adam", "adamw", "adam-clipped", "amsgrad", "adagrad")
    if fused and not has_fused:
        raise NotImplementedError(f"PyTorch's {TITLES[name]} has no fused step")
    way = {} if name == "muon" else {"fused": True} if fused else {"foreach": True}
    return kind(parameters, **settings, **way)


def make_step(row, fused):
    import torch
    from patterned import pattern

    name = row.removeprefix(PREFIX)
    parameters = []
    for number, shape in enumerate(shapes(row)):
        parameter = torch.nn.Parameter(torch.from_numpy(pattern(shape, 101 * number, 0.1)))
        parameter.grad = torch.from_numpy(pattern(shape, 211 * number + 7, 0.01))
        parameters.append(parameter)
    optimizer = make_optimizer(name, parameters, fused)

    def step():
        if name == "adam-clipped":
            torch.nn.utils.clip_grad_norm_(parameters, 1, foreach=True)
        optimizer.step()
        with torch.no_grad():
            return parameters[-1].abs().mean()
    return step
