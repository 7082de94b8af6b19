"""Losses with every reduction, extreme logits, and gradients."""

import torch
from golden import GoldenFile, integers, normal, uniform
from torchvision.ops import sigmoid_focal_loss

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


def weighted_binaries(file):
    """Binary losses with weights; probabilities of exactly 0 and 1 among them."""
    probabilities = uniform("probabilities", 0.05, 0.95, 4, 3)
    operands = {"input": probabilities, "target": uniform("probability target", 0, 1, 4, 3)}
    edges = {"input": torch.tensor([0.0, 1.0, 0.0, 1.0]), "target": torch.tensor([0.0, 1.0, 1.0, 0.0])}
    weights = {"weight": uniform("binary weight", 0.5, 2, 3)}
    for reduction in REDUCTIONS:
        evaluate_all(file, f"binaryCrossEntropy.plain.{reduction}", functional.binary_cross_entropy, operands, reduction)
        evaluate_all(file, f"binaryCrossEntropy.weighted.{reduction}", functional.binary_cross_entropy, {**operands, **weights},
                     reduction, gradients_of=["input"])
        evaluate_all(file, f"binaryCrossEntropy.edges.{reduction}", functional.binary_cross_entropy, edges, reduction,
                     gradients_of=[])
        logits = {"logits": normal("binary logits", 4, 3, scale=3), "target": operands["target"]}
        file.evaluate(f"binaryCrossEntropyWithLogits.rows.{reduction}", "binaryCrossEntropyWithLogits",
                      lambda logits, target, weight: functional.binary_cross_entropy_with_logits(
                          logits, target, weight, reduction=reduction), {**logits, **weights}, {"reduction": reduction},
                      gradients_of=["logits", "target"])
        for alpha, gamma in ((0.25, 2.0), (-1, 1.5)):
            file.evaluate(f"focal.{alpha}.{reduction}", "focal",
                          lambda logits, target: sigmoid_focal_loss(logits, target, alpha, gamma, reduction),
                          {"logits": logits["logits"], "target": (logits["target"] > 0.5).float()},
                          {"reduction": reduction, "alpha": alpha if alpha >= 0 else None, "gamma": gamma},
                          gradients_of=["logits"])
        regions = {"input": uniform("regions", 0, 1, 2, 3, 4, 2), "target": uniform("region target", 0, 1, 2, 3, 4, 2)}
        file.evaluate(f"dice.{reduction}", "dice", lambda input, target: dice(input, target, 0.5, reduction), regions,
                      {"reduction": reduction, "smoothing": 0.5}, gradients_of=["input", "target"])


def reduced(losses, reduction):
    return losses.mean() if reduction == "mean" else losses.sum() if reduction == "sum" else losses


def dice(p, t, smoothing, reduction):
    """By the formula: PyTorch has none."""
    total = p.sum((2, 3)) + t.sum((2, 3)) + smoothing
    return reduced(1 - (2 * (p * t).sum((2, 3)) + smoothing) / total, reduction)


def evaluate_all(file, name, function, operands, reduction, options=None, attributes=None, gradients_of=None):
    """A loss whose arguments have their names in PyTorch, differentiated by all that are floating point."""
    wanted = [key for key, value in operands.items() if value.is_floating_point()] if gradients_of is None else gradients_of
    file.evaluate(name, name.split(".")[0], lambda **given: function(**given, reduction=reduction, **(options or {})), operands,
                  {"reduction": reduction, **(attributes or {})}, gradients_of=wanted)


def likelihoods(file):
    images = torch.log_softmax(normal("dense logits", 2, 4, 3, 3), 1)
    labels = integers("dense labels", 0, 4, 2, 3, 3)
    weights = uniform("likelihood weights", 0.2, 2, 4)
    counts, rates = integers("counts", 0, 5, 4, 3).float(), uniform("rates", 0.1, 4, 4, 3)
    divergence = {"input": torch.log_softmax(normal("kl", 4, 3), 1), "target": torch.log_softmax(normal("kl target", 4, 3), 1)}
    for reduction in REDUCTIONS:
        for name, options in {"dense": {}, "weighted": {"weight": weights}, "ignoring": {"ignore_index": 2}}.items():
            operands = {"logProbabilities": images, "labels": labels} | {k: v for k, v in options.items() if k == "weight"}
            file.evaluate(f"negativeLogLikelihood.{name}.{reduction}", "negativeLogLikelihood",
                          lambda logProbabilities, labels, weight=None: functional.nll_loss(
                              logProbabilities, labels, weight, ignore_index=options.get("ignore_index", -100),
                              reduction=reduction),
                          operands, {"reduction": reduction, "ignoreIndex": options.get("ignore_index")},
                          gradients_of=["logProbabilities"])
        for logarithm in (True, False):
            for stirling in (True, False):
                operands = {"input": normal("poisson", 4, 3) if logarithm else rates, "target": counts}
                options = {"log_input": logarithm, "full": stirling}
                evaluate_all(file, f"poisson.{logarithm}.{stirling}.{reduction}", functional.poisson_nll_loss, operands, reduction,
                             options, {"isLogarithm": logarithm, "addsStirling": stirling}, gradients_of=["input"])
        for constant in (True, False):
            operands = {"input": normal("gaussian", 4, 3), "target": normal("gaussian target", 4, 3),
                        "var": uniform("variances", 0.1, 3, 4, 1)}
            evaluate_all(file, f"gaussian.{constant}.{reduction}", functional.gaussian_nll_loss, operands, reduction,
                         {"full": constant}, {"addsConstant": constant})
        spelling = "batchmean" if reduction == "mean" else reduction
        file.evaluate(f"klDivergence.logarithms.{reduction}", "klDivergence",
                      lambda input, target: functional.kl_div(input, target, reduction=spelling, log_target=True), divergence,
                      {"reduction": reduction, "targetsAreLogarithms": True}, gradients_of=["input", "target"])


def margins(file):
    scores, signs = normal("margin scores", 4, 3), integers("signs", 0, 2, 4, 3).float() * 2 - 1
    vectors = {key: normal(key, 4, 3) for key in ("anchor", "positive", "negative")}
    for reduction in REDUCTIONS:
        for squared in (False, True):
            file.evaluate(f"hinge.{squared}.{reduction}", "hinge",
                          lambda input, target: reduced((1 - input * target).clamp(min=0) ** (2 if squared else 1), reduction),
                          {"input": scores, "target": signs}, {"reduction": reduction, "isSquared": squared}, gradients_of=["input"])
        operands = {"input": scores, "target": signs}
        evaluate_all(file, f"hingeEmbedding.{reduction}", functional.hinge_embedding_loss, operands, reduction, {"margin": 0.8},
                     {"margin": 0.8}, gradients_of=["input"])
        evaluate_all(file, f"softMargin.{reduction}", functional.soft_margin_loss, operands, reduction, gradients_of=["input"])
        for power in (1, 2):
            multi = {"input": scores, "target": integers("margin labels", 0, 3, 4)}
            if power == 2:
                multi["weight"] = uniform("margin weights", 0.5, 2, 3)
            evaluate_all(file, f"multiMargin.{power}.{reduction}", functional.multi_margin_loss, multi, reduction,
                         {"p": power, "margin": 0.7}, {"power": power, "margin": 0.7}, gradients_of=["input"])
        pairs = {"input1": scores, "input2": normal("second scores", 4, 3), "target": signs}
        evaluate_all(file, f"marginRanking.{reduction}", functional.margin_ranking_loss, pairs, reduction, {"margin": 0.3},
                     {"margin": 0.3}, gradients_of=["input1", "input2"])
        for swap in (False, True):
            for power in (2.0, 3.0):
                evaluate_all(file, f"tripletMargin.{swap}.{power}.{reduction}", functional.triplet_margin_loss, vectors, reduction,
                             {"swap": swap, "p": power}, {"swaps": swap, "power": power})
        cosines = {"input1": vectors["anchor"], "input2": vectors["positive"], "target": signs[:, 0]}
        evaluate_all(file, f"cosineEmbedding.{reduction}", functional.cosine_embedding_loss, cosines, reduction, {"margin": 0.1},
                     {"margin": 0.1}, gradients_of=["input1", "input2"])


def temporal(file):
    """By logits: PyTorch's gradient by log-probabilities takes them for a log-softmax's."""
    operands = {
        "logits": normal("ctc", 7, 4, 5), "targets": torch.tensor([[1, 2, 2], [3, 3, 3], [4, 1, 1], [2, 4, 3]]),
        "inputLengths": torch.tensor([7, 5, 6, 3]), "targetLengths": torch.tensor([3, 2, 0, 3]),
    }
    impossible = operands | {"inputLengths": torch.tensor([7, 2, 6, 3])}
    last = operands | {"targets": operands["targets"] - 1}
    variants = {"plain": (operands, 0, False), "zeroInfinity": (impossible, 0, True), "lastIsBlank": (last, 4, False)}
    for name, (given, blank, zero) in variants.items():
        for reduction in REDUCTIONS:
            file.evaluate(f"ctc.{name}.{reduction}", "ctc",
                          lambda logits, targets, inputLengths, targetLengths: functional.ctc_loss(
                              torch.log_softmax(logits, 2), targets, inputLengths, targetLengths, blank, reduction, zero),
                          given, {"reduction": reduction, "blank": blank, "zeroInfinity": zero}, gradients_of=["logits"])


file = GoldenFile("losses")
cross_entropies(file)
regressions(file)
binaries(file)
weighted_binaries(file)
likelihoods(file)
margins(file)
temporal(file)
file.write()
