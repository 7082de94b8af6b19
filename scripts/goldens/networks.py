"""torchvision's networks: the names of their parameters and buffers in order, and logits, loss and gradients of some of
them on small images with the weights of scripts/patterned.py, evaluated in float64.

The training step comes first and moves the running statistics; evaluation follows on the same network."""

import pathlib
import sys

import torch
import torchvision
from golden import write_json

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
import patterned  # noqa: E402

models = torchvision.models
BATCH, SIDE, CLASSES = 2, 64, 10
VGGS = {f"VGG-{depth}{' batchNorm' if norm else ''}": getattr(models, f"vgg{depth}{'_bn' if norm else ''}")
        for depth in (11, 13, 16, 19) for norm in (False, True)}
RESNETS = {f"ResNet-{depth}": getattr(models, f"resnet{depth}") for depth in (18, 34, 50, 101, 152)}


def googlenet(auxiliary):
    silent = lambda options: {"dropout": 0.0, "dropout_aux": 0.0} if "dropout" in options else {}
    return lambda **options: models.GoogLeNet(
        aux_logits=auxiliary, init_weights=False, **{**options, **silent(options)})


NETWORKS = {"AlexNet": models.alexnet, **VGGS, **RESNETS, "GoogLeNet": googlenet(False),
            "GoogLeNet auxiliary": googlenet(True)}
COMPARED = ["AlexNet", "VGG-11 batchNorm", "VGG-16", "ResNet-18", "ResNet-50", "GoogLeNet auxiliary"]


def names(network):
    statistics = [name for name, _ in network.named_buffers()]
    return {"parameterCount": sum(value.numel() for value in network.parameters()),
            "parameters": " ".join(name for name, _ in network.named_parameters()), "buffers": " ".join(statistics)}


def loss_of(outputs, labels):
    """Cross entropy of the logits, and 0.3 times that of each auxiliary classifier."""
    criterion = torch.nn.functional.cross_entropy
    if isinstance(outputs, torch.Tensor):
        return outputs, criterion(outputs, labels)
    auxiliary = criterion(outputs.aux_logits1, labels) + criterion(outputs.aux_logits2, labels)
    return outputs.logits, criterion(outputs.logits, labels) + 0.3 * auxiliary


def rounded(value):
    """Nine significant digits and no more than twelve places: another machine's last bits do not show."""
    return round(float(f"{value.item():.9g}"), 12)


def numbers(make, name):
    options = {} if name.startswith("ResNet") else {"dropout": 0.0}
    network = patterned.fill(make(num_classes=CLASSES, **options)).double()
    images = torch.from_numpy(patterned.pattern((BATCH, 3, SIDE, SIDE))).double()
    logits, loss = loss_of(network(images), torch.from_numpy(patterned.labels(BATCH, CLASSES)))
    loss.backward()
    norms = {name: rounded(value.grad.norm()) for name, value in network.named_parameters()}
    with torch.no_grad():
        evaluated = network.eval()(images)
    return {"training": [rounded(value) for value in logits.flatten()], "loss": rounded(loss), "gradientNorms": norms,
            "evaluation": [rounded(value) for value in evaluated.flatten()]}


torch.manual_seed(0)
write_json("networks", {
    "torchvision": torchvision.__version__.split("+")[0],
    "names": {name: names(make()) for name, make in NETWORKS.items()},
    "numbers": {name: numbers(NETWORKS[name], name) for name in COMPARED},
})
