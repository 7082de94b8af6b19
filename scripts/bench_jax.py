"""JAX's jit as a worker for scripts/bench; the protocol, the rows and the numbers are those of bench_peers.py.

A step is one jitted function of parameters and optimizer state, both donated; Adam and SGD are written out, so that no
further package is needed.
"""

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
from bench_peers import BATCHES, batch, initial_values, make_model  # noqa: E402
from bench_networks import JAX_NETWORK_ROW, NETWORK_ROWS  # noqa: E402
from bench_worker import serve  # noqa: E402

RATE, BETA1, BETA2, EPSILON, SGD_RATE = 1e-3, 0.9, 0.999, 1e-8, 0.01


def linear(x, weight, bias):
    return x @ weight.T + bias


def convolution(x, weight, bias):
    y = jax.lax.conv_general_dilated(x, weight, (1, 1), "VALID", dimension_numbers=("NCHW", "OIHW", "NCHW"))
    return y + bias[None, :, None, None]


def halved(x):
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")


def output(row, parameters, x):
    pairs = list(zip(parameters[::2], parameters[1::2]))
    if row == "cnn":
        for weight, bias in pairs[:2]:
            x = halved(jax.nn.relu(convolution(x, weight, bias)))
        x, pairs = x.reshape(x.shape[0], -1), pairs[2:]
    for weight, bias in pairs[:-1]:
        x = jax.nn.relu(linear(x, weight, bias))
    return linear(x, *pairs[-1])


def loss_of(row):
    def loss(parameters, inputs, targets):
        y = output(row, parameters, inputs)
        if row == "tiny":
            return jnp.mean((y - targets) ** 2)
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(y), targets[:, None], 1))
    return loss


def adam(parameters, gradients, state):
    count, first, second = state
    count = count + 1
    first = [BETA1 * m + (1 - BETA1) * g for m, g in zip(first, gradients)]
    second = [BETA2 * v + (1 - BETA2) * g * g for v, g in zip(second, gradients)]
    correction1, correction2 = 1 - BETA1**count, 1 - BETA2**count
    parameters = [p - RATE / correction1 * m / (jnp.sqrt(v / correction2) + EPSILON)
                  for p, m, v in zip(parameters, first, second)]
    return parameters, (count, first, second)


def training_step(row):
    loss = loss_of(row)
    inputs, targets = (jnp.asarray(array) for array in batch(row, BATCHES[row]))
    parameters = [jnp.asarray(value) for _, value in initial_values(make_model(row))]
    state = (jnp.zeros((), jnp.float32), [jnp.zeros_like(p) for p in parameters], [jnp.zeros_like(p) for p in parameters])

    @jax.jit(donate_argnums=(0, 1))
    def update(parameters, state, inputs, targets):
        value, gradients = jax.value_and_grad(loss)(parameters, inputs, targets)
        if row == "tiny":
            return value, [p - SGD_RATE * g for p, g in zip(parameters, gradients)], state
        return value, *adam(parameters, gradients, state)

    def step():
        nonlocal parameters, state
        value, parameters, state = update(parameters, state, inputs, targets)
        return value
    return step


def addition_step():
    a, b = jnp.asarray([0.5]), jnp.asarray([0.25])

    def step():
        c = a + b
        c.item()
        return c
    return step


def make_step(row):
    if row == JAX_NETWORK_ROW:
        import bench_jax_networks
        return bench_jax_networks.training_step(NETWORK_ROWS[row].batch)
    return addition_step() if row == "add" else training_step(row)


if __name__ == "__main__":
    serve(make_step, [*BATCHES, "add", JAX_NETWORK_ROW])
