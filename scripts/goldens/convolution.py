"""Convolutions in one to three dimensions, transposed ones too, with the gradients of input, weight and bias."""

import torch
from golden import GoldenFile, normal

functional = torch.nn.functional
FUNCTIONS = {
    ("convolution", 1): functional.conv1d, ("convolution", 2): functional.conv2d, ("convolution", 3): functional.conv3d,
    ("transposedConvolution", 1): functional.conv_transpose1d,
    ("transposedConvolution", 2): functional.conv_transpose2d,
    ("transposedConvolution", 3): functional.conv_transpose3d,
}
# Input shape, weight shape, attributes. `withoutBias` leaves the bias out.
FORWARD = {
    "1d.plain": ((2, 3, 8), (4, 3, 3), {}),
    "1d.strided": ((2, 3, 11), (4, 3, 4), {"stride": [3], "padding": [2]}),
    "1d.dilatedGroups": ((2, 4, 12), (6, 2, 3), {"dilation": [2], "padding": [1], "groups": 2}),
    "2d.plain": ((2, 1, 6, 6), (3, 1, 3, 3), {}),
    "2d.pointwise": ((2, 8, 5, 5), (16, 8, 1, 1), {}),
    "2d.pointwiseStrided": ((2, 4, 7, 6), (6, 4, 1, 1), {"stride": [2, 2]}),
    "2d.same": ((2, 3, 7, 5), (4, 3, 3, 3), {"padding": [1, 1]}),
    "2d.stem": ((1, 3, 17, 17), (16, 3, 7, 7), {"stride": [2, 2], "padding": [3, 3]}),
    "2d.blocked": ((2, 16, 6, 6), (32, 16, 3, 3), {"padding": [1, 1]}),
    "2d.uneven": ((2, 3, 9, 8), (5, 3, 3, 2), {"stride": [2, 1], "padding": [0, 1], "dilation": [1, 2]}),
    "2d.leftover": ((1, 2, 8, 8), (3, 2, 3, 3), {"stride": [3, 3]}),
    "2d.dilated": ((2, 3, 9, 9), (4, 3, 3, 3), {"dilation": [2, 2], "padding": [2, 2]}),
    "2d.groups": ((2, 6, 5, 5), (9, 2, 3, 3), {"padding": [1, 1], "groups": 3}),
    "2d.depthwise": ((2, 5, 7, 7), (5, 1, 3, 3), {"padding": [1, 1], "stride": [2, 2], "groups": 5}),
    "2d.depthwiseMultiplier": ((1, 3, 6, 6), (6, 1, 3, 3), {"groups": 3}),
    "2d.withoutBias": ((2, 3, 5, 5), (4, 3, 3, 3), {"withoutBias": True}),
    "2d.whole": ((2, 3, 4, 4), (5, 3, 4, 4), {}),
    "3d.plain": ((1, 2, 5, 5, 5), (3, 2, 3, 3, 3), {}),
    "3d.mixed": ((1, 4, 5, 6, 7), (4, 2, 2, 3, 3),
                 {"stride": [1, 2, 2], "padding": [1, 0, 1], "dilation": [2, 1, 1], "groups": 2}),
}
TRANSPOSED = {
    "1d.plain": ((2, 3, 6), (3, 4, 3), {}),
    "1d.strided": ((2, 3, 6), (3, 4, 4), {"stride": [3], "padding": [1], "outputPadding": [2]}),
    "2d.plain": ((2, 2, 4, 4), (2, 3, 3, 3), {}),
    "2d.double": ((2, 4, 4, 5), (4, 3, 4, 4), {"stride": [2, 2], "padding": [1, 1]}),
    "2d.outputPadding": ((2, 3, 4, 4), (3, 2, 3, 3), {"stride": [2, 2], "padding": [1, 1], "outputPadding": [1, 1]}),
    "2d.uneven": ((1, 3, 4, 5), (3, 2, 3, 2),
                  {"stride": [3, 2], "padding": [0, 1], "outputPadding": [2, 1], "dilation": [2, 1]}),
    "2d.groups": ((2, 4, 4, 4), (4, 3, 3, 3), {"stride": [2, 2], "groups": 2}),
    "3d.plain": ((1, 2, 3, 3, 3), (2, 2, 2, 3, 2), {"stride": [2, 1, 2], "outputPadding": [1, 0, 0]}),
}
NAMES = {"stride": "stride", "padding": "padding", "dilation": "dilation", "groups": "groups",
         "outputPadding": "output_padding"}

file = GoldenFile("convolution")
for operation, table in (("convolution", FORWARD), ("transposedConvolution", TRANSPOSED)):
    for name, (input_shape, weight_shape, attributes) in table.items():
        dimensions = len(input_shape) - 2
        options = {NAMES[key]: value for key, value in attributes.items() if key in NAMES}
        case = f"{operation}.{name}"
        operands = {"input": normal(f"{case}/input", *input_shape), "weight": normal(f"{case}/weight", *weight_shape)}
        if not attributes.get("withoutBias"):
            groups = attributes.get("groups", 1)
            channels = weight_shape[0] if operation == "convolution" else weight_shape[1] * groups
            operands["bias"] = normal(f"{case}/bias", channels)
        stated = {key: value for key, value in attributes.items() if key in NAMES}
        function = FUNCTIONS[operation, dimensions]
        file.evaluate(case, operation, lambda **given: function(**given, **options), operands,
                      {"dimensions": dimensions, **stated}, gradients_of=list(operands))
file.write()
