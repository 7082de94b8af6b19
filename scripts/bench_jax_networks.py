"""ResNet-50's training step in JAX, for bench_jax.py: channels last, one jitted function, everything it replaces donated."""

import jax
import jax.numpy as jnp
import patterned
import torchvision
from bench_networks import CLASSES, SIDE

RATE, MOMENTUM, DECAY, EPSILON, TRACKING = 1e-3, 0.9, 1e-4, 1e-5, 0.1
STAGES = (3, 4, 6, 3)


def initial():
    """Parameters and running statistics as torchvision names them; kernels as [height, width, in, out]."""
    parameters, statistics = {}, {}
    for name, tensor in patterned.fill(torchvision.models.resnet50()).state_dict().items():
        value = tensor.numpy()
        if "running" in name:
            statistics[name] = jnp.asarray(value)
        elif "num_batches" not in name:
            parameters[name] = jnp.asarray(value.transpose(2, 3, 1, 0) if value.ndim == 4 else value)
    return parameters, statistics


def convolution(p, name, x, stride=1):
    weight = p[f"{name}.weight"]
    padding = [(weight.shape[0] // 2,) * 2] * 2
    return jax.lax.conv_general_dilated(
        x, weight, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))


def normalized(p, old, new, name, x):
    mean, variance = jnp.mean(x, (0, 1, 2)), jnp.var(x, (0, 1, 2))
    count = x.size // x.shape[-1]
    for key, value in (("running_mean", mean), ("running_var", variance * count / (count - 1))):
        new[f"{name}.{key}"] = (1 - TRACKING) * old[f"{name}.{key}"] + TRACKING * value
    return (x - mean) * (jax.lax.rsqrt(variance + EPSILON) * p[f"{name}.weight"]) + p[f"{name}.bias"]


def loss(p, old, images, labels):
    new = {}
    relu = jax.nn.relu
    x = relu(normalized(p, old, new, "bn1", convolution(p, "conv1", images, 2)))
    x = jax.lax.reduce_window(
        x, -jnp.inf, jax.lax.max, (1, 3, 3, 1), (1, 2, 2, 1), [(0, 0), (1, 1), (1, 1), (0, 0)])
    for stage, count in enumerate(STAGES, 1):
        for block in range(count):
            name, stride = f"layer{stage}.{block}", 2 if block == 0 and stage > 1 else 1
            y = relu(normalized(p, old, new, f"{name}.bn1", convolution(p, f"{name}.conv1", x)))
            y = relu(normalized(p, old, new, f"{name}.bn2", convolution(p, f"{name}.conv2", y, stride)))
            y = normalized(p, old, new, f"{name}.bn3", convolution(p, f"{name}.conv3", y))
            if block == 0:
                x = normalized(
                    p, old, new, f"{name}.downsample.1", convolution(p, f"{name}.downsample.0", x, stride))
            x = relu(x + y)
    logits = jnp.mean(x, (1, 2)) @ p["fc.weight"].T + p["fc.bias"]
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], 1)), new


def training_step(batch):
    parameters, statistics = initial()
    velocity = {name: jnp.zeros_like(value) for name, value in parameters.items()}
    images = jnp.asarray(patterned.pattern((batch, 3, SIDE, SIDE)).transpose(0, 2, 3, 1))
    labels = jnp.asarray(patterned.labels(batch, CLASSES))

    @jax.jit(donate_argnums=(0, 1, 2))
    def update(parameters, velocity, statistics, images, labels):
        (value, statistics), gradients = jax.value_and_grad(loss, has_aux=True)(parameters, statistics, images, labels)
        velocity = {n: MOMENTUM * velocity[n] + gradients[n] + DECAY * parameters[n] for n in parameters}
        return value, {n: parameters[n] - RATE * velocity[n] for n in parameters}, velocity, statistics

    def step():
        nonlocal parameters, velocity, statistics
        value, parameters, velocity, statistics = update(parameters, velocity, statistics, images, labels)
        return value
    return step
