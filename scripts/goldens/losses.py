"""Losses with every reduction, extreme logits, and gradients."""

import torch
from golden import GoldenFile, integers, normal, uniform

functional = torch.nn.functional
REDUCTIONS = ["mean", "sum", "none"]


def cross_entropies(file):
    logits = normal("logits", 6, 5, scale=2)
    labels = integers("labels", 0, 5, 6)
    ignoring = labels.clone()
    ignoring[1] = ignoring[4] = -100
    weights = uniform("class weights", 0.2, 2, 5)
    extreme = torch.tensor([[1e4, -1e4, 0.0], [-1e4, 1e4, 0.0], [1e4, 1e4, 1e4], [-1e4, -1e4, -1e4]])
    variants = {
        "plain": ({}, logits, labels, None), "smoothed": ({"labelSmoothing": 0.1}, logits, labels, None),
        "ignoring": ({"ignoreIndex": -100}, logits, ignoring, None), "weighted": ({}, logits, labels, weights),
        "everything": ({"labelSmoothing": 0.2, "ignoreIndex": -100}, logits, ignoring, weights),
        "ignoringClass": ({"ignoreIndex": 2}, logits, labels, None),
        "extreme": ({}, extreme, torch.tensor([0, 0, 1, 2]), None),
        "extremeSmoothed": ({"labelSmoothing": 0.1}, extreme, torch.tensor([0, 0, 1, 2]), None),
        "images": ({}, normal("dense logits", 2, 4, 3, 3), integers("dense labels", 0, 4, 2, 3, 3), None),
        "allIgnored": ({"ignoreIndex": -100}, logits[:2], torch.tensor([-100, -100]), None),
    }
    for name, (attributes, given, target, weight) in variants.items():
        for reduction in REDUCTIONS:
            def loss(logits, labels, weight=None):
                return functional.cross_entropy(
                    logits, labels, weight=weight, reduction=reduction,
                    label_smoothing=attributes.get("labelSmoothing", 0.0), ignore_index=attributes.get("ignoreIndex", -100))
            operands = {"logits": given, "labels": target} | ({} if weight is None else {"weight": weight})
            file.evaluate(f"crossEntropy.{name}.{reduction}", "crossEntropy", loss, operands,
                          {"reduction": reduction, **attributes}, gradients_of=["logits"])
    soft = {"logits": logits, "probabilities": torch.softmax(normal("soft", 6, 5), 1)}
    for reduction in REDUCTIONS:
        file.evaluate(f"crossEntropy.probabilities.{reduction}", "crossEntropyOfProbabilities",
                      lambda logits, probabilities: functional.cross_entropy(logits, probabilities, reduction=reduction),
                      soft, {"reduction": reduction}, gradients_of=["logits"])
        file.evaluate(f"negativeLogLikelihood.{reduction}", "negativeLogLikelihood",
                      lambda logProbabilities, labels: functional.nll_loss(logProbabilities, labels, reduction=reduction),
                      {"logProbabilities": torch.log_softmax(logits, 1), "labels": labels}, {"reduction": reduction},
                      gradients_of=["logProbabilities"])


def regressions(file):
    operands = {"input": normal("prediction", 4, 3), "target": normal("target", 4, 3)}
    functions = {
        "meanSquaredError": (functional.mse_loss, {}), "meanAbsoluteError": (functional.l1_loss, {}),
        "huber": (functional.huber_loss, {"delta": 0.7}), "smoothL1": (functional.smooth_l1_loss, {"beta": 0.5}),
    }
    for name, (function, options) in functions.items():
        for reduction in REDUCTIONS:
            file.evaluate(f"{name}.{reduction}", name,
                          lambda input, target: function(input, target, reduction=reduction, **options), operands,
                          {"reduction": reduction, **options}, gradients_of=["input", "target"])


def binaries(file):
    ordinary = {"logits": normal("binary logits", 4, 3, scale=3), "target": uniform("binary target", 0, 1, 4, 3)}
    extreme = {"logits": torch.tensor([1e4, -1e4, 1e4, -1e4, 0.0]), "target": torch.tensor([1.0, 0.0, 0.0, 1.0, 0.5])}
    for reduction in REDUCTIONS:
        for name, operands in {"plain": ordinary, "extreme": extreme}.items():
            file.evaluate(f"binaryCrossEntropyWithLogits.{name}.{reduction}", "binaryCrossEntropyWithLogits",
                          lambda logits, target: functional.binary_cross_entropy_with_logits(
                              logits, target, reduction=reduction),
                          operands, {"reduction": reduction}, gradients_of=["logits"])
        weighted = ordinary | {"positiveWeight": uniform("positive weight", 0.5, 3, 3)}
        file.evaluate(f"binaryCrossEntropyWithLogits.weighted.{reduction}", "binaryCrossEntropyWithLogits",
                      lambda logits, target, positiveWeight: functional.binary_cross_entropy_with_logits(
                          logits, target, pos_weight=positiveWeight, reduction=reduction),
                      weighted, {"reduction": reduction}, gradients_of=["logits"])
    divergence = {"input": torch.log_softmax(normal("kl", 4, 3), 1), "target": torch.softmax(normal("kl target", 4, 3), 1)}
    for reduction, spelling in {"batchMean": "batchmean", "sum": "sum", "none": "none"}.items():
        file.evaluate(f"klDivergence.{reduction}", "klDivergence",
                      lambda input, target: functional.kl_div(input, target, reduction=spelling), divergence,
                      {"reduction": reduction}, gradients_of=["input"])



file = GoldenFile("losses")
cross_entropies(file)
regressions(file)
binaries(file)
file.write()
