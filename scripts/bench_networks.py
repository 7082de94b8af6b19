"""The benchmark's rows with classic networks. No peer is imported here: ONNX Runtime's worker should not carry PyTorch.

A row is NETWORK-train-BATCH or NETWORK-infer-BATCH, with -bf16 behind where products run in bfloat16 (autocast; parameters
stay float32); images are 3 x 224 x 224, 1,000 classes, float32; weights, images and labels are those of scripts/patterned.py.

  train  mean cross entropy, SGD with momentum 0.9, decay 1e-4, learning rate 1e-3. Three steps are recorded, with dropout
         silent, since no two generators of random numbers agree; with dropout on, two more, then the timed ones. A compiled
         step of Martlet clears the gradients with the update, all others before the next one.
  infer  evaluation, no gradients; a step reads mean |logits|, which counts as the loss and is compared like one.

A row that ends in -int8 runs a quantized network of ours (`QuantizedModel`, calibrated on the row's images), and no peer.

GoogLeNet is without its auxiliary classifiers. Peers in their best mode: PyTorch channels-last, with the fused optimizer;
PyTorch compile the same, in inference with constants frozen (batch normalisation folded, weights packed); ONNX Runtime with
every optimization. The step and its network are kept from one repeat to the next, and each row has processes of its own, so
that the peak of their resident memory is the row's.
"""

import typing


class NetworkRow(typing.NamedTuple):
    network: str
    title: str
    is_training: bool
    batch: int
    is_mixed: bool = False


TITLES = {"alexnet": "AlexNet", "vgg16": "VGG-16", "resnet50": "ResNet-50", "googlenet": "GoogLeNet"}
ROWS = ["resnet50-train-16", "alexnet-train-16", "vgg16-train-8", "googlenet-train-16", "resnet50-infer-1",
        "resnet50-infer-16", "vgg16-infer-16", "googlenet-infer-16", "alexnet-infer-16", "resnet50-train-16-bf16",
        "resnet50-infer-1-bf16", "resnet50-infer-16-bf16"]
CLASSES, SIDE = 1000, 224
# The one that is written in JAX too.
JAX_NETWORK_ROW = "resnet50-train-16"


def parsed(row):
    network, what, batch, *precision = row.split("-")
    title = f"{TITLES[network]} {'training' if what == 'train' else 'inference'}, batch {batch}"
    return NetworkRow(network, ", ".join([title, *precision]), what == "train", int(batch), precision == ["bf16"])


NETWORK_ROWS = {row: parsed(row) for row in ROWS}
# Rows that no peer runs; no table is published of them.
OWN_ROWS = {row: parsed(row) for row in ["resnet50-infer-16-int8"]}
ALL_NETWORK_ROWS = {**NETWORK_ROWS, **OWN_ROWS}
