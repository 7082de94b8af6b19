"""1001 steps of every optimizer in float64: the parameters after selected ones.

The problem: step t sees rows 2·(t mod 4) and 2·(t mod 4) + 1 of 8 (or all of them, where `batches` is 1), and

    loss = mean over rows of the squares of (inputs @ weight + bias - targets), plus 0.1 * sum(scale^4 / 4).

There are more equations than unknowns, so that gradients never vanish. Only the parameters in `parameters` are trained.
The peer's own optimizers are used where it has them; the others are their papers' formulas, written out below.

A line search that has converged to the loss' own rounding goes where rounding sends it, so that no two programs agree on
the rest. `until` is the last selected step at which the peer, started 1e-15 apart, agrees with itself to 1e-11; for all
but L-BFGS that is the last.
"""

import math

import torch
from golden import GoldenFile, normal

torch.set_default_dtype(torch.float64)  # NAdam keeps its product of momenta in the default type.
STEPS = [1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000, 1001]
PROBLEM = {
    "inputs": normal("inputs", 8, 5), "targets": normal("targets", 8, 3), "weight": normal("weight", 5, 3, scale=0.5),
    "bias": normal("bias", 3, scale=0.5), "scale": normal("scale", 4),
}
PARAMETERS = ["weight", "bias", "scale"]


class Formula:
    """An optimizer by its formula: `update(parameter, gradient, state, t)` gives the new parameter."""

    def __init__(self, parameters, update):
        self.parameters, self.update, self.t = list(parameters), update, 0
        self.states = [{} for _ in self.parameters]

    def zero_grad(self):
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self):
        self.t += 1
        for parameter, state in zip(self.parameters, self.states):
            parameter.copy_(self.update(parameter.clone(), parameter.grad.clone(), state, self.t))


def sgd_average(lr=0.1, momentum=0.9, nesterov=False, weight_decay=0.0):
    """The velocity an exponential average from 0, and decay beside the step."""
    def update(p, g, state, t):
        v = state["v"] = momentum * state.get("v", 0) + (1 - momentum) * g
        return p * (1 - lr * weight_decay) - lr * (momentum * v + (1 - momentum) * g if nesterov else v)
    return update


def lion(lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0):
    def update(p, g, state, t):
        m = state.get("m", torch.zeros_like(p))
        state["m"] = betas[1] * m + (1 - betas[1]) * g
        return p - lr * ((betas[0] * m + (1 - betas[0]) * g).sign() + weight_decay * p)
    return update


def lamb(lr=1e-3, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.0):
    def update(p, g, state, t):
        m = state["m"] = betas[0] * state.get("m", 0) + (1 - betas[0]) * g
        v = state["v"] = betas[1] * state.get("v", 0) + (1 - betas[1]) * g * g
        u = m / (1 - betas[0] ** t) / ((v / (1 - betas[1] ** t)).sqrt() + eps) + weight_decay * p
        ratio = p.norm() / u.norm() if p.norm() > 0 and u.norm() > 0 else 1.0
        return p - lr * ratio * u
    return update


def lars(lr=0.1, momentum=0.9, weight_decay=0.0, trust=1e-3, eps=0.0, nesterov=False, scales_vectors=False):
    def update(p, g, state, t):
        local = 1.0
        if (p.dim() > 1 or scales_vectors) and p.norm() > 0 and g.norm() > 0:
            local = trust * p.norm() / (g.norm() + weight_decay * p.norm() + eps)
        moved = lr * local * (g + weight_decay * p)
        v = state["v"] = momentum * state.get("v", 0) + moved
        return p - (momentum * v + moved if nesterov else v)
    return update


def schedule_free(lr, betas=(0.9, None), eps=1e-8, weight_decay=0.0, warmup=0, r=0.0, power=2.0):
    """The paper's three sequences, x and z kept and y made of them."""
    def update(y, g, state, t):
        z, x = state.get("z", y), state.get("x", y)
        rate = lr * min(1, t / warmup) if warmup else lr
        state["largest"] = max(rate, state.get("largest", 0))
        weight = t ** r * state["largest"] ** power
        state["sum"] = state.get("sum", 0) + weight
        c = weight / state["sum"]
        if betas[1] is not None:
            v = state["v"] = betas[1] * state.get("v", 0) + (1 - betas[1]) * g * g
            g = g / ((v / (1 - betas[1] ** t)).sqrt() + eps)
        z = state["z"] = z - rate * (g + weight_decay * y)
        x = state["x"] = (1 - c) * x + c * z
        return (1 - betas[0]) * z + betas[0] * x
    return update


def muon_in_float64(grad, ns_coefficients, ns_steps, eps):
    """torch.optim.Muon's iteration, which it runs in bfloat16, in the gradient's own type."""
    a, b, c = ns_coefficients
    x = grad.T if grad.size(0) > grad.size(1) else grad
    x = x / x.norm().clamp(min=eps)
    for _ in range(ns_steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if grad.size(0) > grad.size(1) else x


torch.optim._muon._zeropower_via_newtonschulz = muon_in_float64


class Lookahead:
    def __init__(self, base, period, share):
        self.base, self.period, self.share, self.t = base, period, share, 0
        self.parameters = [p for group in base.param_groups for p in group["params"]]
        self.slow = [p.detach().clone() for p in self.parameters]

    def zero_grad(self):
        self.base.zero_grad()

    @torch.no_grad()
    def step(self):
        self.base.step()
        self.t += 1
        if self.t % self.period == 0:
            for slow, fast in zip(self.slow, self.parameters):
                slow += self.share * (fast - slow)
                fast.copy_(slow)


def loss_of(values, step, batches):
    size = 8 // batches
    rows = slice(size * (step % batches), size * (step % batches) + size)
    residual = values["inputs"][rows] @ values["weight"] + values["bias"] - values["targets"][rows]
    return (residual * residual).mean() + 0.1 * (values["scale"] ** 4 / 4).sum()


def sam_step(base, parameters, rho, adaptive, evaluate):
    base.zero_grad()
    evaluate().backward()
    with torch.no_grad():
        old = [p.clone() for p in parameters]
        norm = sum(((p * p.grad if adaptive else p.grad) ** 2).sum() for p in parameters).sqrt()
        for p in parameters:
            p += rho / (norm + 1e-12) * ((p * p if adaptive else 1) * p.grad)
    base.zero_grad()
    evaluate().backward()
    with torch.no_grad():
        for p, before in zip(parameters, old):
            p.copy_(before)
    base.step()


def trace(make, names, batches, kind, settings, apart=0.0):
    values = {key: tensor.double() for key, tensor in PROBLEM.items()}
    for name in names:
        signs = (-1.0) ** torch.arange(values[name].numel()).reshape(values[name].shape)
        values[name] = values[name] * (1 + apart * signs)
    trained = [values[name].requires_grad_() for name in names]
    optimizer = make(trained)
    if kind == "lookahead":
        optimizer = Lookahead(optimizer, settings["period"], settings["share"])
    kept = {name: [] for name in names}
    for step in range(STEPS[-1]):
        def evaluate():
            return loss_of(values, step, batches)

        def closure():
            optimizer.zero_grad()
            loss = evaluate()
            loss.backward()
            return loss

        if kind == "sam":
            sam_step(optimizer, trained, settings["radius"], settings["adaptive"], evaluate)
        elif isinstance(optimizer, torch.optim.LBFGS):
            optimizer.step(closure)
        else:
            closure()
            optimizer.step()
        if step + 1 in STEPS:
            for name in names:
                kept[name].append(values[name].detach().clone())
    return {f"steps.{name}": torch.stack(rows) for name, rows in kept.items()}


def agreement(first, second):
    """The last selected step up to which two traces agree to 1e-11."""
    for index, step in enumerate(STEPS):
        for key, rows in first.items():
            if (rows[index] - second[key][index]).abs().max() > 1e-11 * rows[index].abs().max():
                return STEPS[index - 1]
    return STEPS[-1]


NAMES = {
    "lr": "learningRate", "weight_decay": "weightDecay", "eps": "epsilon", "alpha": "smoothing", "rho": "smoothing",
    "lr_decay": "learningRateDecay", "initial_accumulator_value": "initialAccumulator", "momentum_decay": "momentumDecay",
    "decoupled_weight_decay": "decouplesWeightDecay", "beta2_decay": "decayExponent", "d": "clipping",
    "ns_steps": "iterations", "adjust_lr_fn": "scaleForm", "max_iter": "iterations", "max_eval": "evaluations",
    "tolerance_grad": "gradientTolerance", "tolerance_change": "changeTolerance", "history_size": "historySize",
    "line_search_fn": "lineSearch", "scales_vectors": "scalesVectors", "r": "stepPower", "power": "ratePower",
}
FORMULAS = {
    "SGDAverage": sgd_average, "Lion": lion, "LAMB": lamb, "LARS": lars, "ScheduleFreeSGD": schedule_free, "ScheduleFreeAdamW": schedule_free,
}
CLASSES = {
    "SGD": torch.optim.SGD, "Adam": torch.optim.Adam, "AdamW": torch.optim.AdamW, "RMSProp": torch.optim.RMSprop,
    "Adagrad": torch.optim.Adagrad, "AdaDelta": torch.optim.Adadelta, "Adamax": torch.optim.Adamax,
    "NAdam": torch.optim.NAdam, "RAdam": torch.optim.RAdam, "Adafactor": torch.optim.Adafactor,
    "Muon": torch.optim.Muon, "LBFGS": torch.optim.LBFGS,
}
CASES = {
    "sgd.plain": ("SGD", {"lr": 0.05}), "sgd.momentum": ("SGD", {"lr": 0.02, "momentum": 0.9}),
    "sgd.dampened": ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01}),
    "sgd.nesterov": ("SGD", {"lr": 0.02, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    "sgd.maximize": ("SGD", {"lr": 1e-4, "maximize": True, "momentum": 0.5}),
    "sgd.average": ("SGDAverage", {"lr": 0.2, "momentum": 0.9, "weight_decay": 0.02}),
    "sgd.averageAhead": ("SGDAverage", {"lr": 0.2, "momentum": 0.8, "nesterov": True}),
    "adagrad.plain": ("Adagrad", {"lr": 0.1}),
    "adagrad.decay": ("Adagrad", {
        "lr": 0.1, "lr_decay": 0.05, "weight_decay": 0.05, "initial_accumulator_value": 0.1}),
    "adaDelta.plain": ("AdaDelta", {"lr": 1.0}),
    "adaDelta.decay": ("AdaDelta", {"lr": 0.5, "rho": 0.95, "eps": 1e-4, "weight_decay": 0.02}),
    "adaDelta.maximize": ("AdaDelta", {"lr": 0.01, "maximize": True}),
    "rmsProp.plain": ("RMSProp", {"lr": 0.01}),
    "rmsProp.momentum": ("RMSProp", {"lr": 0.002, "momentum": 0.9, "alpha": 0.95}),
    "rmsProp.centered": ("RMSProp", {"lr": 0.002, "centered": True, "momentum": 0.5, "weight_decay": 0.05}),
    "adam.plain": ("Adam", {"lr": 0.01}), "adam.decay": ("Adam", {"lr": 0.01, "weight_decay": 0.1, "betas": [0.8, 0.99]}),
    "adam.amsgrad": ("Adam", {"lr": 0.01, "amsgrad": True}),
    "adamW.decay": ("AdamW", {"lr": 0.01, "weight_decay": 0.05}),
    "adamW.amsgrad": ("AdamW", {"lr": 0.01, "weight_decay": 0.05, "amsgrad": True, "eps": 1e-5}),
    "adamax.plain": ("Adamax", {"lr": 0.01}),
    "adamax.decay": ("Adamax", {"lr": 0.01, "betas": [0.8, 0.99], "eps": 1e-4, "weight_decay": 0.02}),
    "nAdam.plain": ("NAdam", {"lr": 0.01}),
    "nAdam.l2": ("NAdam", {"lr": 0.01, "weight_decay": 0.02, "momentum_decay": 0.01}),
    "nAdam.decoupled": ("NAdam", {
        "lr": 0.01, "weight_decay": 0.02, "decoupled_weight_decay": True, "betas": [0.8, 0.99]}),
    "rAdam.plain": ("RAdam", {"lr": 0.01}), "rAdam.l2": ("RAdam", {"lr": 0.01, "weight_decay": 0.02}),
    "rAdam.decoupled": ("RAdam", {
        "lr": 0.01, "weight_decay": 0.02, "decoupled_weight_decay": True, "betas": [0.8, 0.99], "eps": 1e-5}),
    "adafactor.plain": ("Adafactor", {"lr": 0.05}),
    "adafactor.decay": ("Adafactor", {"lr": 0.02, "weight_decay": 0.1, "beta2_decay": -0.6, "d": 1.5, "eps": [1e-6, 1e-2]}),
    "muon.plain": ("Muon", {"lr": 0.001, "weight_decay": 0.0}), "muon.decay": ("Muon", {"lr": 0.002, "nesterov": False}),
    "muon.matching": ("Muon", {"lr": 0.01, "adjust_lr_fn": "match_rms_adamw", "momentum": 0.9}),
    "muon.spectral": ("Muon", {"lr": 0.003, "adjust_lr_fn": "spectral_unclamped", "ns_steps": 3}),
    "lbfgs.wolfe": ("LBFGS", {"lr": 1.0, "max_iter": 1, "max_eval": 20, "line_search_fn": "strong_wolfe"}),
    "lbfgs.short": ("LBFGS", {
        "lr": 1.0, "max_iter": 4, "max_eval": 9, "history_size": 3, "line_search_fn": "strong_wolfe"}),
    "lbfgs.fixed": ("LBFGS", {"lr": 0.3, "max_iter": 2, "max_eval": 3, "history_size": 5}),
    "lion.plain": ("Lion", {"lr": 0.001}), "lion.decay": ("Lion", {"lr": 0.002, "betas": [0.95, 0.98], "weight_decay": 0.1}),
    "lamb.plain": ("LAMB", {"lr": 0.005}), "lamb.decay": ("LAMB", {"lr": 0.003, "weight_decay": 0.05, "betas": [0.8, 0.99]}),
    "lars.plain": ("LARS", {"lr": 0.02, "trust": 0.02}),
    "lars.all": ("LARS", {
        "lr": 1.0, "trust": 0.02, "momentum": 0.8, "weight_decay": 0.05, "nesterov": True, "eps": 1e-3,
        "scales_vectors": True}),
    "scheduleFree.sgd": ("ScheduleFreeSGD", {"lr": 0.05}),
    "scheduleFree.sgdDecay": ("ScheduleFreeSGD", {
        "lr": 0.05, "momentum": 0.8, "weight_decay": 0.05, "warmup": 20, "r": 1.0, "power": 1.0}),
    "scheduleFree.adamW": ("ScheduleFreeAdamW", {"lr": 0.01}),
    "scheduleFree.adamWDecay": ("ScheduleFreeAdamW", {
        "lr": 0.02, "betas": [0.8, 0.99], "weight_decay": 0.05, "warmup": 50, "r": 0.5}),
    "lookahead.sgd": ("SGD", {"lr": 0.05, "momentum": 0.5}, "lookahead", {"period": 5, "share": 0.5}),
    "lookahead.adam": ("Adam", {"lr": 0.01}, "lookahead", {"period": 7, "share": 0.8}),
    "sam.sgd": ("SGD", {"lr": 0.02, "momentum": 0.9}, "sam", {"radius": 0.05, "adaptive": False}),
    "sam.adaptive": ("AdamW", {"lr": 0.01, "weight_decay": 0.01}, "sam", {"radius": 0.5, "adaptive": True}),
}
# Where a case leaves a number out the peer's default is written out, so that no test relies on ours being the same.
LEFT_OUT = {"foreach", "capturable", "differentiable", "fused", "ns_coefficients", "max_eval"}


def formula(operation, options):
    options = dict(options)
    if operation.startswith("ScheduleFree"):
        betas = options.pop("betas", [0.9, 0.999])
        momentum = options.pop("momentum", 0.9)
        options["betas"] = betas if operation.endswith("AdamW") else [momentum, None]
    return lambda parameters: Formula(parameters, FORMULAS[operation](**options))


def stated(operation, options):
    defaults = {}
    if operation in CLASSES:
        given = {"lr": 0.1} if operation == "SGD" else {}
        shape = (2, 2) if operation == "Muon" else (1,)
        defaults = CLASSES[operation]([torch.zeros(shape)], **given).defaults
    result = {}
    for key, value in {**defaults, **options}.items():
        if key in LEFT_OUT and key not in options:
            continue
        if operation == "Adafactor" and key == "eps":
            result["epsilon1"], result["epsilon2"] = value
            continue
        result[NAMES.get(key, key)] = list(value) if isinstance(value, tuple) else value
    return result


file = GoldenFile("optimizer_traces")
file.add("problem", "problem", PROBLEM, {}, {"steps": STEPS})
for name, (operation, options, *wrapper) in CASES.items():
    kind, settings = wrapper if wrapper else (None, {})
    names = ["weight"] if operation == "Muon" else PARAMETERS
    batches = 1 if operation == "LBFGS" else 4
    if operation in CLASSES:
        def make(parameters):
            keywords = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
            return CLASSES[operation](parameters, **keywords)
    else:
        make = formula(operation, options)
    rows = trace(make, names, batches, kind, settings)
    assert all(torch.isfinite(values).all() for values in rows.values()), name
    until = agreement(rows, trace(make, names, batches, kind, settings, apart=1e-15))
    assert until == STEPS[-1] or operation == "LBFGS", (name, until)
    count = STEPS.index(until) + 1
    rows = {key: values[:count] for key, values in rows.items()}
    file.add(name, operation, {}, rows, {
        "parameters": names, "batches": batches, "until": until, "wrapper": kind, **stated(operation, options), **settings})
file.write()
