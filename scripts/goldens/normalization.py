"""Batch normalisation over three training steps and in evaluation, layer, group and root-mean-square normalisation."""

import torch
from golden import GoldenFile, normal, uniform

functional = torch.nn.functional


def batch_norm(file, name, shape, momentum=0.1, epsilon=1e-5, affine=True):
    """Three training steps on three batches: each output, the statistics after each; the last step's gradients."""
    channels = shape[1]
    operands = {f"input{step}": normal(f"{name}/{step}", *shape) * (step + 1) + step for step in range(3)}
    if affine:
        operands |= {"weight": uniform(f"{name}/weight", 0.5, 1.5, channels), "bias": normal(f"{name}/bias", channels)}

    def train(weight=None, bias=None, **inputs):
        mean, variance = torch.zeros(channels).double(), torch.ones(channels).double()
        results = {}
        for step in range(3):
            output = functional.batch_norm(
                inputs[f"input{step}"], mean, variance, weight, bias, training=True, momentum=momentum, eps=epsilon)
            results |= {f"output{step}": output, f"mean{step}": mean.clone(), f"variance{step}": variance.clone()}
        return results

    def evaluate(input, mean, variance, weight=None, bias=None):
        return functional.batch_norm(input, mean, variance, weight, bias, training=False, eps=epsilon)

    attributes = {"dimensions": len(shape) - 2, "momentum": momentum, "epsilon": epsilon, "affine": affine}
    file.evaluate(f"batchNorm.{name}.train", "batchNormTraining", train, operands, attributes,
                  gradients_of=list(operands))
    statistics = {"mean": normal(f"{name}/mean", channels), "variance": uniform(f"{name}/variance", 0.2, 3, channels)}
    parameters = {key: operands[key] for key in ("weight", "bias") if key in operands}
    file.evaluate(f"batchNorm.{name}.evaluate", "batchNormEvaluation", evaluate,
                  {"input": operands["input0"], **statistics, **parameters}, attributes,
                  gradients_of=["input", *parameters])


def layer_norms(file):
    for name, shape, normalized in (("last", (4, 6), [6]), ("sequence", (2, 3, 8), [8]), ("two", (2, 3, 4, 5), [4, 5])):
        operands = {"input": normal(f"layer {name}", *shape) * 2 + 1, "weight": uniform(f"weight {name}", 0.5, 1.5, *normalized),
                    "bias": normal(f"bias {name}", *normalized)}
        file.evaluate(f"layerNorm.{name}", "layerNorm",
                      lambda input, weight, bias: functional.layer_norm(input, normalized, weight, bias, 1e-5),
                      operands, {"normalizedShape": normalized, "epsilon": 1e-5}, gradients_of=list(operands))
        operands = {key: operands[key] for key in ("input", "weight")}
        file.evaluate(f"rmsNorm.{name}", "rmsNorm",
                      lambda input, weight: functional.rms_norm(input, normalized, weight, 1e-6), operands,
                      {"normalizedShape": normalized, "epsilon": 1e-6}, gradients_of=list(operands))
    for groups in (1, 2, 6):
        operands = {"input": normal("group", 2, 6, 4, 3), "weight": uniform("group weight", 0.5, 1.5, 6),
                    "bias": normal("group bias", 6)}
        file.evaluate(f"groupNorm.{groups}", "groupNorm",
                      lambda input, weight, bias: functional.group_norm(input, groups, weight, bias, 1e-5), operands,
                      {"groups": groups, "epsilon": 1e-5}, gradients_of=list(operands))


file = GoldenFile("normalization")
batch_norm(file, "1d.rows", (6, 4))
batch_norm(file, "1d.sequence", (3, 4, 5))
batch_norm(file, "2d.plain", (3, 4, 5, 5))
batch_norm(file, "2d.blocked", (2, 16, 4, 4))
batch_norm(file, "2d.momentum", (2, 3, 4, 4), momentum=0.3, epsilon=1e-3)
batch_norm(file, "2d.withoutAffine", (2, 3, 4, 4), affine=False)
layer_norms(file)
file.write()
