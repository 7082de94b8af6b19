"""Modules of PyTorch with their state dictionaries: what they give, and the gradients of inputs and parameters."""

import torch
from golden import normal, uniform


def fill(module, name, scale=0.5):
    """Parameters and statistics that depend on names and shapes only, in float64 but exact in float32."""
    module.double()
    with torch.no_grad():
        for key, value in module.state_dict(keep_vars=True).items():
            if not value.is_floating_point():
                continue
            drawn = uniform(f"{name}/{key}", 0.5, 2, *value.shape) if key.endswith("running_var") \
                else normal(f"{name}/{key}", *value.shape, scale=scale)
            value.copy_(drawn.double())
    return module


def evaluate(file, name, operation, module, inputs, attributes=None, call=None, training=True, gradients_of=None):
    """Adds a case whose inputs are those of the call and, as `state.<name>`, the module's state before it.

    `call(module, **inputs)` gives a tensor, called `output`, or a dictionary of them."""
    fill(module, name).train(training)
    state = {f"state.{key}": value.detach().clone().float() if value.is_floating_point() else value.detach().clone()
             for key, value in module.state_dict().items()}
    arguments = {key: value.double() if value.is_floating_point() else value for key, value in inputs.items()}
    wanted = gradients_of if gradients_of is not None else [key for key, value in arguments.items()
                                                            if value.is_floating_point()]
    for key in wanted:
        arguments[key].requires_grad_()
    results = (call or (lambda module, input: module(input)))(module, **arguments)
    results = results if isinstance(results, dict) else {"output": results}
    cotangents = {key: normal(f"{name}/{key}", *value.shape) for key, value in results.items() if value.requires_grad}
    loss = sum((results[key] * cotangent.double()).sum() for key, cotangent in cotangents.items())
    leaves = {key: arguments[key] for key in wanted} | {f"state.{key}": value for key, value in module.named_parameters()}
    gradients = dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values()))))
    after = {f"after.{key}": value.detach() for key, value in module.named_buffers()} if training else {}
    file.add(name, operation, {**inputs, **state}, {**results, **after}, {**(attributes or {}), "training": training},
             gradients, cotangents)
