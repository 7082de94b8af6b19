"""What scikit-learn's metrics say of made-up answers, in float64.

Operations: `classification` (probabilities `[n, classes]` and labels), `binary` (the probability of class 1 and labels) and
`regression` (values and targets, `[n]` or `[n, columns]`). `expected` holds one float64 number a metric, by the name it has in
MetricName, and for zero divisions by NAME.CHOICE.
"""

import warnings

import numpy
import sklearn
import sklearn.metrics as peer
import torch
import golden
from golden import GoldenFile, generator

golden.peer = lambda: f"scikit-learn {sklearn.__version__}"
warnings.simplefilter("ignore")
file = GoldenFile("metrics")


def number(value):
    return torch.tensor(float(value), dtype=torch.float64)


def calibration_error(probabilities, labels, bins=15):
    """Not in the peer: Guo et al.'s equation 3."""
    confidence, predicted = probabilities.max(1), probabilities.argmax(1)
    place = numpy.clip(numpy.ceil(confidence * bins) - 1, 0, bins - 1).astype(int)
    total = 0.0
    for each in range(bins):
        chosen = place == each
        if chosen.any():
            total += abs((predicted[chosen] == labels[chosen]).mean() - confidence[chosen].mean()) * chosen.mean()
    return total


def counted(labels, predicted, classes):
    found = {
        "accuracy": peer.accuracy_score(labels, predicted),
        "balanced_accuracy": peer.balanced_accuracy_score(labels, predicted),
        "balanced_accuracy.adjusted": peer.balanced_accuracy_score(labels, predicted, adjusted=True),
        "matthews": peer.matthews_corrcoef(labels, predicted),
        "cohen_kappa": peer.cohen_kappa_score(labels, predicted, labels=range(classes)),
        "cohen_kappa_linear": peer.cohen_kappa_score(labels, predicted, labels=range(classes), weights="linear"),
        "cohen_kappa_quadratic": peer.cohen_kappa_score(labels, predicted, labels=range(classes), weights="quadratic"),
    }
    kinds = {"precision": peer.precision_score, "recall": peer.recall_score, "f1": peer.f1_score}
    for name, score in kinds.items():
        averages = ["micro", "macro", "weighted"] + (["binary"] if classes == 2 else [])
        for average in averages:
            key = name if average == "binary" else f"{name}_{average}"
            found[key] = score(labels, predicted, average=average, zero_division=0)
            for choice, value in {"one": 1.0, "undefined": numpy.nan}.items():
                found[f"{key}.{choice}"] = score(labels, predicted, average=average, zero_division=value)
    for average in ["micro", "macro", "weighted"]:
        found[f"fbeta2_{average}"] = peer.fbeta_score(labels, predicted, beta=2.0, average=average, zero_division=0)
    return found


def classification(name, count, classes, sharpness, absent=(), rounding=None):
    random = generator(name)
    labels = random.integers(0, classes, count)
    for label in absent:
        labels[labels == label] = (label + 1) % classes
    logits = random.standard_normal((count, classes))
    logits[numpy.arange(count), labels] += sharpness
    logits = logits.astype(numpy.float32).astype(numpy.float64)
    probabilities = numpy.exp(logits - logits.max(1, keepdims=True))
    probabilities /= probabilities.sum(1, keepdims=True)
    if rounding:  # Coarse scores have ties.
        probabilities = numpy.round(probabilities * rounding) / rounding
        logits = None
    predicted = probabilities.argmax(1)
    names = list(range(classes))
    found = counted(labels, predicted, classes)
    found["ece"] = calibration_error(probabilities, labels)
    found["log_loss"] = peer.log_loss(labels, probabilities, labels=names)
    found["brier"] = peer.brier_score_loss(labels, probabilities, labels=names)
    if not rounding:
        for k in (3, 5, 10):
            if k < classes:
                found[f"top_{k}"] = peer.top_k_accuracy_score(labels, probabilities, k=k, labels=names)
    if classes == 2:
        found["auroc"] = peer.roc_auc_score(labels, probabilities[:, 1])
        found["average_precision"] = peer.average_precision_score(labels, probabilities[:, 1])
    elif not absent:
        hot = numpy.eye(classes)[labels]
        for average, key in {"macro": "", "weighted": "_weighted"}.items():
            # roc_auc_score refuses rows that do not sum to one; per class it is the same figure.
            areas = [peer.roc_auc_score(hot[:, c], probabilities[:, c]) for c in names]
            found[f"auroc{key}"] = numpy.average(areas, weights=hot.sum(0) if key else None)
            found[f"average_precision{key}"] = peer.average_precision_score(hot, probabilities, average=average)
        if not rounding:
            assert abs(found["auroc"] - peer.roc_auc_score(labels, probabilities, multi_class="ovr")) < 1e-14
    inputs = {"probabilities": torch.from_numpy(probabilities), "labels": torch.from_numpy(labels)}
    if logits is not None:
        inputs["logits"] = torch.from_numpy(logits)
    expected = {key: number(value) for key, value in found.items()}
    file.add(name, "classification", inputs, expected, {"classes": classes})


def binary(name, count, sharpness, rounding=None):
    random = generator(name)
    labels = random.integers(0, 2, count)
    logits = random.standard_normal(count) + sharpness * (2 * labels - 1)
    logits = logits.astype(numpy.float32).astype(numpy.float64)
    if rounding:
        logits = numpy.round(logits * rounding) / rounding
    scores = 1 / (1 + numpy.exp(-logits))
    predicted = (scores > 0.5).astype(int)
    found = counted(labels, predicted, 2)
    both = numpy.stack([1 - scores, scores], 1)
    found |= {
        "ece": calibration_error(both, labels), "log_loss": peer.log_loss(labels, scores),
        "brier": peer.brier_score_loss(labels, scores), "auroc": peer.roc_auc_score(labels, scores),
        "average_precision": peer.average_precision_score(labels, scores),
    }
    inputs = {"probabilities": torch.from_numpy(scores), "labels": torch.from_numpy(labels),
              "logits": torch.from_numpy(logits)}
    expected = {key: number(value) for key, value in found.items()}
    file.add(name, "binary", inputs, expected, {"classes": 2})


def regression(name, count, columns=None, offset=0.0, spread=1.0, constant=False):
    random = generator(name)
    shape = (count,) if columns is None else (count, columns)
    targets = offset + spread * random.standard_normal(shape)
    if constant:
        targets = numpy.full(shape, offset)
    values = targets + 0.3 * spread * random.standard_normal(shape) + 0.1 * spread
    found = {
        "mae": peer.mean_absolute_error(targets, values), "mse": peer.mean_squared_error(targets, values),
        "rmse": peer.root_mean_squared_error(targets, values),
        "mape": peer.mean_absolute_percentage_error(targets, values), "r2": peer.r2_score(targets, values),
        "explained_variance": peer.explained_variance_score(targets, values),
        "max_error": peer.max_error(targets.ravel(), values.ravel()),
    }
    inputs = {"values": torch.from_numpy(values), "targets": torch.from_numpy(targets)}
    file.add(name, "regression", inputs, {key: number(value) for key, value in found.items()})


classification("metrics.twelve", 240, 12, 1.5)
classification("metrics.four.ties", 257, 4, 0.7, rounding=8)
classification("metrics.five.absent", 120, 5, 0.0, absent=(3,))
classification("metrics.two", 150, 2, 0.8)
# Five examples of seven classes: some are never predicted, some never occur.
classification("metrics.few", 5, 7, 0.5, absent=(0, 6))
binary("metrics.binary", 200, 0.6)
binary("metrics.binary.ties", 211, 0.4, rounding=2)
regression("metrics.line", 250)
regression("metrics.columns", 90, columns=3, offset=2.0)
# The variance is twelve decades below the mean square.
regression("metrics.offset", 128, offset=1e6)
regression("metrics.tiny", 64, spread=1e-9)
regression("metrics.constant", 40, offset=0.75, constant=True)
file.write()
