"""Steps of torchvision's networks, for bench_peers.py; `python bench_torchvision.py ROW PATH` writes a row's ONNX file."""

import sys

import patterned
import torch
import torchvision
from bench_networks import CLASSES, NETWORK_ROWS, SIDE
from bench_worker import NETWORK_RECORDED

MAKERS = {
    "alexnet": torchvision.models.alexnet, "vgg16": torchvision.models.vgg16, "resnet50": torchvision.models.resnet50,
    "googlenet": lambda: torchvision.models.GoogLeNet(aux_logits=False, init_weights=False),
}


def network_of(row):
    return patterned.fill(MAKERS[row.network]()).train(row.is_training)


def images_of(row):
    return torch.from_numpy(patterned.pattern((row.batch, 3, SIDE, SIDE)))


def precision(row):
    return torch.autocast("cpu", torch.bfloat16, enabled=row.is_mixed)


def training_step(row, compiled):
    network, images = (value.to(memory_format=torch.channels_last) for value in (network_of(row), images_of(row)))
    labels = torch.from_numpy(patterned.labels(row.batch, CLASSES))
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-4, fused=True)
    dropouts = [layer.eval() for layer in network.modules() if isinstance(layer, torch.nn.Dropout)]
    taken = 0

    def forward(images, labels):
        with precision(row):
            return torch.nn.functional.cross_entropy(network(images), labels)
    if compiled:
        forward = torch.compile(forward)

    def step():
        nonlocal taken
        if taken == NETWORK_RECORDED:
            for layer in dropouts:
                layer.train()
        taken += 1
        optimizer.zero_grad()
        loss = forward(images, labels)
        loss.backward()
        optimizer.step()
        return loss
    return step


def inference_step(row, compiled):
    network, images = (value.to(memory_format=torch.channels_last) for value in (network_of(row), images_of(row)))
    if compiled:
        from torch._inductor import config

        config.freezing = True
        network = torch.compile(network)

    def step():
        # Freezing wants no_grad; inference_mode saves nothing more that could be measured.
        with torch.no_grad(), precision(row):
            value = network(images).abs().float().mean()
        value.item()
        return value
    return step


def make_step(row, compiled):
    if compiled:
        torch._dynamo.reset()
    return training_step(row, compiled) if row.is_training else inference_step(row, compiled)


if __name__ == "__main__":
    row = NETWORK_ROWS[sys.argv[1]]
    torch.onnx.export(network_of(row), (images_of(row),), dynamo=True, verbose=False).save(sys.argv[2])
