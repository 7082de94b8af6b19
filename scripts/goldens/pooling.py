"""Maximum, average and adaptive average pooling in one to three dimensions, with gradients."""

import torch
from golden import GoldenFile, distinct, normal

functional = torch.nn.functional
MAXIMUM = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}
AVERAGE = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}
ADAPTIVE = {1: functional.adaptive_avg_pool1d, 2: functional.adaptive_avg_pool2d, 3: functional.adaptive_avg_pool3d}
# Input shape and attributes; a null stride means the kernel's size.
MAXIMUM_CASES = {
    "1d.plain": ((2, 3, 8), {"kernelSize": [2]}),
    "1d.overlapping": ((2, 3, 9), {"kernelSize": [3], "stride": [2], "padding": [1], "ceilMode": True}),
    "1d.dilated": ((2, 3, 11), {"kernelSize": [3], "stride": [1], "dilation": [2]}),
    "2d.plain": ((2, 3, 6, 6), {"kernelSize": [2, 2]}),
    "2d.dropped": ((2, 3, 7, 5), {"kernelSize": [2, 2]}),
    "2d.ceil": ((2, 3, 7, 5), {"kernelSize": [2, 2], "ceilMode": True}),
    "2d.stem": ((2, 16, 9, 9), {"kernelSize": [3, 3], "stride": [2, 2], "padding": [1, 1]}),
    "2d.ceilPadded": ((1, 2, 6, 7), {"kernelSize": [3, 3], "stride": [2, 2], "padding": [1, 1], "ceilMode": True}),
    "2d.dilated": ((1, 2, 9, 8), {"kernelSize": [3, 2], "stride": [2, 1], "padding": [1, 1], "dilation": [2, 2]}),
    "2d.same": ((1, 2, 5, 5), {"kernelSize": [3, 3], "stride": [1, 1], "padding": [1, 1]}),
    "3d.plain": ((1, 2, 4, 5, 6), {"kernelSize": [2, 2, 2]}),
    "3d.mixed": ((1, 2, 5, 5, 6), {"kernelSize": [3, 2, 3], "stride": [2, 2, 1], "padding": [1, 0, 1], "ceilMode": True}),
}
AVERAGE_CASES = {
    "1d.plain": ((2, 3, 8), {"kernelSize": [2]}),
    "1d.padded": ((2, 3, 9), {"kernelSize": [4], "stride": [3], "padding": [2], "ceilMode": True}),
    "2d.plain": ((2, 3, 6, 6), {"kernelSize": [2, 2]}),
    "2d.padded": ((2, 3, 7, 5), {"kernelSize": [3, 3], "stride": [2, 2], "padding": [1, 1]}),
    "2d.paddedExcluded": (
        (2, 3, 7, 5), {"kernelSize": [3, 3], "stride": [2, 2], "padding": [1, 1], "countsPadding": False}),
    "2d.ceil": ((2, 3, 7, 6), {"kernelSize": [2, 3], "stride": [2, 2], "ceilMode": True}),
    "2d.ceilPadded": ((1, 2, 6, 7), {"kernelSize": [3, 3], "stride": [2, 2], "padding": [1, 1], "ceilMode": True}),
    "2d.ceilPaddedExcluded": ((1, 2, 6, 7), {
        "kernelSize": [3, 3], "stride": [2, 2], "padding": [1, 1], "ceilMode": True, "countsPadding": False}),
    "3d.plain": ((1, 2, 4, 5, 6), {"kernelSize": [2, 2, 3]}),
    "3d.padded": ((1, 2, 4, 5, 5), {
        "kernelSize": [2, 3, 3], "stride": [2, 2, 1], "padding": [1, 1, 0], "countsPadding": False}),
}
ADAPTIVE_CASES = {
    "1d.three": ((2, 3, 7), [3]), "2d.one": ((2, 3, 5, 7), [1, 1]), "2d.even": ((1, 2, 6, 6), [3, 2]),
    "2d.uneven": ((1, 2, 7, 5), [3, 4]), "2d.larger": ((1, 2, 3, 3), [5, 4]), "3d.mixed": ((1, 2, 4, 5, 3), [2, 3, 1]),
}
NAMES = {"kernelSize": "kernel_size", "stride": "stride", "padding": "padding", "dilation": "dilation",
         "ceilMode": "ceil_mode", "countsPadding": "count_include_pad"}

file = GoldenFile("pooling")
for operation, table, functions in (("maxPool", MAXIMUM_CASES, MAXIMUM), ("averagePool", AVERAGE_CASES, AVERAGE)):
    for name, (shape, attributes) in table.items():
        function, case = functions[len(shape) - 2], f"{operation}.{name}"
        options = {NAMES[key]: value for key, value in attributes.items()}
        x = distinct(case, *shape) if operation == "maxPool" else normal(case, *shape)
        file.evaluate(case, operation, lambda input: function(input, **options), {"input": x},
                      {"dimensions": len(shape) - 2, **attributes}, gradients_of=["input"])
for name, (shape, sizes) in ADAPTIVE_CASES.items():
    function, case = ADAPTIVE[len(shape) - 2], f"adaptiveAveragePool.{name}"
    file.evaluate(case, "adaptiveAveragePool", lambda input: function(input, sizes), {"input": normal(case, *shape)},
                  {"dimensions": len(shape) - 2, "outputSize": sizes}, gradients_of=["input"])
file.write()
