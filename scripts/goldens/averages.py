"""Averages of weights (exponential and equal), batch normalisation's statistics gathered anew for them, and clipped
gradients, in float64.

`averages`: a network Linear - BatchNorm1d - Linear, whose parameters `weights.<name>` change along a first axis of ten
steps, with the averages after each, and the running statistics of the averaged network over three batches. `clipping`:
gradients before and after clipping by each unit's norm, the rule of A. Brock et al. (2021) written out.
"""

import torch
from golden import GoldenFile, normal

STEPS, DECAY = 10, 0.9
torch.set_default_dtype(torch.float64)
network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4, momentum=0.3), torch.nn.Linear(4, 2))
names = [name for name, _ in network.named_parameters()]
weights = {name: normal(f"averages/{name}", STEPS, *parameter.shape) for name, parameter in network.named_parameters()}
batches = normal("averages/batches", 3, 6, 3)
swa = torch.optim.swa_utils
forms = {
    "exponential": swa.AveragedModel(network, multi_avg_fn=swa.get_ema_multi_avg_fn(DECAY)),
    "equal": swa.AveragedModel(network),
}
found = {form: {name: [] for name in names} for form in forms}
for step in range(STEPS):
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(weights[name][step].double())
    for form, average in forms.items():
        average.update_parameters(network)
        for name, parameter in average.module.named_parameters():
            found[form][name].append(parameter.detach().clone())

file = GoldenFile("averages")
for form, average in forms.items():
    swa.update_bn([batch.double() for batch in batches], average)
    expected = {f"average.{name}": torch.stack(rows) for name, rows in found[form].items()}
    expected |= {f"buffer.{name}": buffer.clone() for name, buffer in average.module.named_buffers()}
    inputs = {f"weights.{name}": rows for name, rows in weights.items()} if form == "exponential" else {}
    file.add(form, "averages", {**inputs, "batches": batches} if inputs else {}, expected, {
        "names": names, "decay": DECAY if form == "exponential" else None})

inputs = {
    f"{kind}.{index}": normal(f"clipping/{kind}.{index}", *shape, scale=scale)
    for index, shape in enumerate([(3, 4), (2, 3, 2, 2), (5,)])
    for kind, scale in [("parameter", 1.0), ("gradient", 0.05)]
}
expected = {}
for index in range(3):
    weight, gradient = (inputs[f"{kind}.{index}"].double() for kind in ["parameter", "gradient"])
    axes = tuple(range(1, weight.dim()))

    def unit_norms(tensor):
        return tensor.abs() if not axes else tensor.square().sum(axes, keepdim=True).sqrt()

    limit = 0.05 * unit_norms(weight).clamp(min=1e-3)
    norms = unit_norms(gradient)
    expected[f"clipped.{index}"] = torch.where(norms > limit, gradient * limit / norms, gradient)
file.add("adaptive", "clipping", inputs, expected, {"limit": 0.05, "epsilon": 1e-3})
file.write()
