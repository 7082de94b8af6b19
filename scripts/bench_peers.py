"""The peers' half of the benchmarks: PyTorch as a worker that answers one line for each line it reads.

Request:   run ROW STEPS
Answer:    {"row": ROW, "steps": STEPS, "seconds": S, "losses": [first five losses]}     (one line of JSON)
Or:        {"row": ROW, "error": "..."}         for a row or a request that the worker does not know.
At the end of its input a worker exits. The worker of ours, martlet-bench, keeps the same rules:

A run makes the model afresh and gives it the initial values below. It takes five steps and reads each loss, then
twenty more steps and reads the last one's loss, so that nothing is under way; none of these is timed. Then it takes
STEPS steps, reads the last one's loss, and `seconds` is the wall time of those, from before the first to after that
read. No other loss is read while time is taken. A step is: clear the gradients, forward, loss, backward, optimizer
step, on the same batch each time, which is made before. Rows with classic networks differ in some of this: see
bench_networks.py, and rows with an optimizer alone in bench_optimizers.py.

Rows (float32; two threads; betas 0.9 and 0.999, epsilon 1e-8; layouts as they come, but PyTorch's `cnn` is channels-last in
all its columns, model and inputs, which is its quicker way):
  mlp   Linear(784, 128), ReLU, Linear(128, 10); batch 32; mean cross entropy; Adam, learning rate 1e-3
  cnn   Conv2d(1, 32, 3), ReLU, MaxPool2d(2), Conv2d(32, 64, 3), ReLU, MaxPool2d(2), Flatten, Linear(1600, 128), ReLU,
        Linear(128, 10); batch 128; mean cross entropy; Adam, learning rate 1e-3
  tiny  Linear(2, 16), ReLU, Linear(16, 1); batch 1; mean squared error; plain SGD, learning rate 0.01
  epoch Flatten and the layers of mlp; MNIST's 60,000 training images from their files (MARTLET_DATA), opened anew, shuffled,
        in batches of 64 through the loader of program 03; Adam, learning rate 1e-3. A step is an epoch and gives the mean
        of the batches' losses; one is taken before time is. PyTorch's data is torchvision's MNIST with ToTensor and
        Normalize, unzipped beforehand; the plain column loads in the loop, as the notes do, the fused one with two workers
  add   c = a + b for a = [0.5], b = [0.25], then c.item(), which counts as the loss; every step reads it

Numbers, each computed in float64 and rounded to float32 once:
  parameter number p in state-dictionary order (from 0), flat element i (row-major, from 0):
      bound * sin(1 + 0.7 i + 1.3 p)      with bound = 1 / sqrt(fan in of the layer), for its weight and its bias
  input of example b (from 0), flat element i (from 0; images are 1 x 28 x 28):
      0.5 + 0.5 sin(0.01 (i + 1) (b + 1))
  label of example b: (7 b + 3) mod 10;  target of `tiny`: that divided by 10, shape [1, 1]
"""

import argparse
import gzip
import math
import os
import pathlib
import tempfile

import numpy
import torch
from bench_networks import NETWORK_ROWS
from bench_optimizers import OPTIMIZER_ROWS, make_step as optimizer_step
from bench_worker import EPOCH_ROW, serve
from torch import nn

BATCHES = {"mlp": 32, "cnn": 128, "tiny": 1}
INPUTS = {"mlp": (784,), "cnn": (1, 28, 28), "tiny": (2,)}


def make_model(row):
    if row == EPOCH_ROW:
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    if row == "mlp":
        return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    if row == "cnn":
        return nn.Sequential(
            nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 10))
    return nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1))


def initial_value(number, shape, fan_in):
    """The initial value of parameter `number` as a float32 array."""
    elements = numpy.arange(math.prod(shape), dtype=numpy.float64)
    values = numpy.sin(1 + 0.7 * elements + 1.3 * number) / math.sqrt(fan_in)
    return values.astype(numpy.float32).reshape(shape)


def initial_values(model):
    """(name, float32 array) of every parameter, in state-dictionary order."""
    values, fan_in = [], 1
    for number, (name, parameter) in enumerate(model.state_dict().items()):
        if name.endswith("weight"):
            fan_in = parameter[0].numel()
        values.append((name, initial_value(number, tuple(parameter.shape), fan_in)))
    return values


def batch(row, size):
    """Inputs and labels (or targets) of one batch, as arrays."""
    shape = INPUTS[row]
    elements = numpy.arange(1, math.prod(shape) + 1, dtype=numpy.float64)
    examples = numpy.arange(1, size + 1, dtype=numpy.float64)
    inputs = 0.5 + 0.5 * numpy.sin(0.01 * elements[None, :] * examples[:, None])
    labels = (numpy.arange(size, dtype=numpy.int64) * 7 + 3) % 10
    targets = (labels / 10).astype(numpy.float32).reshape(-1, 1) if row == "tiny" else labels
    return inputs.astype(numpy.float32).reshape(size, *shape), targets


def prepared(row, size, dtype=torch.float32):
    """Model with its initial values, inputs, targets."""
    model = make_model(row)
    model.load_state_dict({name: torch.from_numpy(value) for name, value in initial_values(model)})
    inputs, targets = (torch.from_numpy(array) for array in batch(row, size))
    targets = targets.to(dtype) if targets.is_floating_point() else targets
    return model.to(dtype), inputs.to(dtype), targets


def training_step(row, fused, compiled):
    model, inputs, targets = prepared(row, BATCHES[row])
    if row == "cnn":
        model, inputs = (value.to(memory_format=torch.channels_last) for value in (model, inputs))
    options = {"fused": True} if fused else {}
    if row == "tiny":
        optimizer, criterion = torch.optim.SGD(model.parameters(), lr=0.01, **options), nn.functional.mse_loss
    else:
        optimizer, criterion = torch.optim.Adam(model.parameters(), lr=1e-3, **options), nn.functional.cross_entropy

    def forward(inputs, targets):
        return criterion(model(inputs), targets)
    if compiled:
        torch._dynamo.reset()
        forward = torch.compile(forward)

    def step():
        optimizer.zero_grad()
        loss = forward(inputs, targets)
        loss.backward()
        optimizer.step()
        return loss
    return step


def mnist_folder():
    """A folder as torchvision's MNIST wants it, with the training files of MARTLET_DATA unzipped."""
    source = pathlib.Path(os.environ["MARTLET_DATA"], "mnist")
    folder = tempfile.TemporaryDirectory()
    raw = pathlib.Path(folder.name, "MNIST", "raw")
    raw.mkdir(parents=True)
    for path in source.glob("*-ubyte.gz"):
        (raw / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    return folder


def epoch_step(fused):
    from torchvision import datasets, transforms

    folder = mnist_folder()
    model = make_model(EPOCH_ROW)
    model.load_state_dict({name: torch.from_numpy(value) for name, value in initial_values(model)})
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, **({"fused": True} if fused else {}))
    pixels = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])

    def step():
        train = datasets.MNIST(folder.name, train=True, transform=pixels)
        loader = torch.utils.data.DataLoader(train, batch_size=64, shuffle=True, num_workers=2 if fused else 0)
        total = torch.zeros(())
        for inputs, labels in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            total += loss.detach()
        return total / len(loader)
    return step


def addition_step():
    a, b = torch.tensor([0.5]), torch.tensor([0.25])

    def step():
        c = a + b
        c.item()
        return c
    return step


def main():
    parser = argparse.ArgumentParser(description="PyTorch's worker for scripts/bench")
    parser.add_argument("--fused", action="store_true", help="the optimizers' fused implementations")
    parser.add_argument("--compile", action="store_true", help="forward, loss and backward through torch.compile")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    def make_step(row):
        if row in NETWORK_ROWS:
            import bench_torchvision
            return bench_torchvision.make_step(NETWORK_ROWS[row], arguments.compile)
        if row in OPTIMIZER_ROWS:
            return optimizer_step(row, arguments.fused)
        if row == EPOCH_ROW:
            return epoch_step(arguments.fused)
        return addition_step() if row == "add" else training_step(row, arguments.fused, arguments.compile)
    serve(make_step, [*BATCHES, EPOCH_ROW, "add", *NETWORK_ROWS, *OPTIMIZER_ROWS])


if __name__ == "__main__":
    main()
