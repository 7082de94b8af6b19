"""Numbers that Martlet's tests and benchmarks make too (Sources/MartletTesting/PatternedNumbers.swift), so that both sides
have the same network without a file of weights.

A table T of 8191 numbers, T[k] = ((k^3 + 31 k^2) mod 8191) / 4095 - 1, from -1 to 1, is repeated over a tensor in row-major
order, from place `start` on. Computed in float64 and rounded to float32 once:

  parameter number p (in the order of the properties), shape [outputs, inputs, ...]: sqrt(6 / fan in) T, start 101 p
  another one called `weight` (a normalisation's scale):                             1 + 0.25 T
  any other (biases):                                                                0.1 T
  running_mean, running_var number b:                                                0.1 T, 1 + 0.25 T, start 101 b
  images:                                                                            T
  label of example b:                                                                (7 b + 3) mod classes
"""

import math

import numpy

PERIOD, STRIDE = 8191, 101


def pattern(shape, start=0, scale=1.0, offset=0.0):
    index = numpy.arange(PERIOD, dtype=numpy.int64)
    table = ((index**3 + 31 * index**2) % PERIOD) / 4095 - 1
    table = (offset + scale * table).astype(numpy.float32)
    count = math.prod(shape)
    return numpy.resize(numpy.roll(table, -start), count).reshape(shape)


def parameter(name, number, shape):
    if len(shape) > 1:
        return pattern(shape, STRIDE * number, math.sqrt(6 / math.prod(shape[1:])))
    if name.endswith("weight"):
        return pattern(shape, STRIDE * number, 0.25, 1.0)
    return pattern(shape, STRIDE * number, 0.1)


def fill(network):
    """Gives every parameter and every running statistic of a PyTorch network its numbers."""
    import torch

    with torch.no_grad():
        for number, (name, value) in enumerate(network.named_parameters()):
            value.copy_(torch.from_numpy(parameter(name, number, tuple(value.shape))))
        statistics = [item for item in network.named_buffers() if not item[0].endswith("num_batches_tracked")]
        for number, (name, value) in enumerate(statistics):
            form = (0.1, 0.0) if name.endswith("running_mean") else (0.25, 1.0)
            value.copy_(torch.from_numpy(pattern(tuple(value.shape), STRIDE * number, *form)))
    return network


def labels(batch, classes):
    return (numpy.arange(batch, dtype=numpy.int64) * 7 + 3) % classes
