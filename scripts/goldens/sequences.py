"""Recurrent layers, attention and transformers: outputs, states, gradients of inputs, states and parameters."""

import torch
from golden import GoldenFile, normal
from modules import evaluate

nn = torch.nn
TIME, BATCH, INPUTS, HIDDEN = 4, 3, 2, 3


def recurrent(file):
    variants = {
        "plain": {}, "layers": {"num_layers": 2, "batch_first": True}, "both": {"num_layers": 2, "bidirectional": True},
        "noBias": {"bias": False},
    }
    for kind in ("RNN", "LSTM", "GRU"):
        for variant, options in variants.items():
            recurrent_case(file, kind, variant, options, None, False)
            if variant != "noBias":
                recurrent_case(file, kind, variant, options, torch.tensor([4, 1, 3]), True)
    recurrent_case(file, "RNN", "relu", {"nonlinearity": "relu"}, None, False)


def recurrent_case(file, kind, variant, options, lengths, start):
    module = getattr(nn, kind)(INPUTS, HIDDEN, **options)
    layers, first = options.get("num_layers", 1), options.get("batch_first", False)
    both = options.get("bidirectional", False)
    name = f"{kind}.{variant}{'.lengths' if lengths is not None else ''}{'.start' if start else ''}"
    shape = (layers * (2 if both else 1), BATCH, HIDDEN)
    inputs = {"input": normal(f"{name}/input", *((BATCH, TIME, INPUTS) if first else (TIME, BATCH, INPUTS)))}
    if start:
        inputs["hidden"] = normal(f"{name}/hidden", *shape)
        if kind == "LSTM":
            inputs["cell"] = normal(f"{name}/cell", *shape)
    if lengths is not None:
        inputs["lengths"] = lengths

    def call(module, input, hidden=None, cell=None, lengths=None):
        state = hidden if cell is None else (hidden, cell)
        if lengths is not None:
            packed = nn.utils.rnn.pack_padded_sequence(input, lengths, batch_first=first, enforce_sorted=False)
            output, last = module(packed, state)
            output, _ = nn.utils.rnn.pad_packed_sequence(output, batch_first=first, total_length=TIME)
        else:
            output, last = module(input, state)
        last = last if kind == "LSTM" else (last,)
        return {"output": output, **dict(zip(("lastHidden", "lastCell"), last))}

    attributes = {"inputs": INPUTS, "hidden": HIDDEN, "layers": layers, "batchFirst": first, "bidirectional": both,
                  "bias": options.get("bias", True), "nonlinearity": options.get("nonlinearity", "tanh")}
    evaluate(file, name, kind, module, inputs, attributes, call)


def cells(file):
    for kind in ("RNNCell", "LSTMCell", "GRUCell"):
        inputs = {"input": normal(f"{kind}/input", BATCH, INPUTS), "hidden": normal(f"{kind}/hidden", BATCH, HIDDEN)}
        if kind == "LSTMCell":
            inputs["cell"] = normal(f"{kind}/cell", BATCH, HIDDEN)

        def call(module, input, hidden, cell=None):
            last = module(input, hidden if cell is None else (hidden, cell))
            return dict(zip(("lastHidden", "lastCell"), last if cell is not None else (last,)))

        evaluate(file, kind, kind, getattr(nn, kind)(INPUTS, HIDDEN), inputs, {"inputs": INPUTS, "hidden": HIDDEN}, call)


def masks(queries, keys):
    generator = torch.Generator().manual_seed(queries * 100 + keys)
    allowed = torch.rand(queries, keys, generator=generator) > 0.3
    allowed[:, 0] = True
    padding = torch.zeros(BATCH, keys, dtype=torch.bool)
    padding[1, -2:] = True
    return allowed, padding


def attention(file):
    width, queries, keys = 4, 4, 5
    allowed, padding = masks(queries, keys)
    added = normal("added mask", queries, keys)
    variants = {"plain": {}, "mask": {"mask": allowed}, "padding": {"keyPadding": padding},
                "both": {"mask": allowed, "keyPadding": padding}, "added": {"mask": added}}
    for variant, extra in variants.items():
        for own in (False, True):
            options = {"kdim": 3, "vdim": 7} if own else {}
            module = nn.MultiheadAttention(width, 2, batch_first=variant == "both", **options)
            sizes = {"query": (queries, width), "key": (keys, options.get("kdim", width)),
                     "value": (keys, options.get("vdim", width))}
            name = f"MultiheadAttention.{variant}{'.widths' if own else ''}"
            inputs = {key: normal(f"{name}/{key}", *((BATCH, *size) if variant == "both" else (size[0], BATCH, size[1])))
                      for key, size in sizes.items()}

            def call(module, query, key, value, mask=None, keyPadding=None):
                forbidden = mask if mask is None or mask.is_floating_point() else ~mask
                if forbidden is not None and keyPadding is not None:
                    assert forbidden.dtype == torch.bool
                output, weights = module(query, key, value, attn_mask=forbidden, key_padding_mask=keyPadding)
                return {"output": output, "weights": weights}

            attributes = {"width": width, "heads": 2, "batchFirst": variant == "both", "keyWidth": options.get("kdim"),
                          "valueWidth": options.get("vdim")}
            evaluate(file, name, "MultiheadAttention", module, {**inputs, **extra}, attributes, call,
                     gradients_of=list(sizes))
    inputs = {"input": normal("self attention", queries, BATCH, width)}
    causal = torch.triu(torch.ones(queries, queries, dtype=torch.bool), 1)
    evaluate(file, "MultiheadAttention.self", "SelfAttention", nn.MultiheadAttention(width, 2, bias=False), inputs,
             {"width": width, "heads": 2, "bias": False, "isCausal": True},
             lambda module, input: module(input, input, input, attn_mask=causal, need_weights=False)[0])
    products(file)


def products(file):
    operands = {"query": normal("q", 2, 2, 4, 3), "key": normal("k", 2, 2, 5, 3), "value": normal("v", 2, 2, 5, 4)}
    allowed, _ = masks(4, 5)
    allowed[2] = False
    variants = {"plain": ({}, {}), "causal": ({"isCausal": True}, {}), "mask": ({}, {"mask": allowed}),
                "scale": ({"scale": 0.3}, {}), "added": ({}, {"mask": normal("added", 4, 5)})}
    for variant, (attributes, extra) in variants.items():
        file.evaluate(f"scaledDotProductAttention.{variant}", "scaledDotProductAttention",
                      lambda query, key, value, mask=None: nn.functional.scaled_dot_product_attention(
                          query, key, value, attn_mask=mask, is_causal="isCausal" in attributes,
                          scale=attributes.get("scale")),
                      {**operands, **extra}, attributes, gradients_of=list(operands))


def transformers(file):
    width, queries, keys = 4, 4, 5
    allowed, padding = masks(queries, queries)
    for first in (False, True):
        for activation in ("relu", "gelu"):
            options = {"dim_feedforward": 5, "dropout": 0.0, "activation": activation, "norm_first": first}
            attributes = {"width": width, "heads": 2, "feedforward": 5, "activation": activation, "normFirst": first}
            name = f"{activation}{'.normFirst' if first else ''}"
            inputs = {"input": normal(f"encoder {name}", queries, BATCH, width), "mask": allowed, "keyPadding": padding}
            evaluate(file, f"TransformerEncoderLayer.{name}", "TransformerEncoderLayer",
                     nn.TransformerEncoderLayer(width, 2, **options), inputs, attributes,
                     lambda module, input, mask, keyPadding: module(input, ~mask, keyPadding), gradients_of=["input"])
            layer = nn.TransformerEncoderLayer(width, 2, batch_first=True, **options)
            norm = nn.LayerNorm(width) if first else None
            evaluate(file, f"TransformerEncoder.{name}", "TransformerEncoder",
                     nn.TransformerEncoder(layer, 2, norm, enable_nested_tensor=False),
                     {"input": normal(f"encoders {name}", BATCH, queries, width)},
                     {**attributes, "batchFirst": True, "layers": 2, "norm": first})
            decoder_case(file, name, options, attributes, width, queries, keys)


def decoder_case(file, name, options, attributes, width, queries, keys):
    allowed, padding = masks(queries, keys)
    causal = torch.triu(torch.ones(queries, queries, dtype=torch.bool), 1)
    inputs = {"input": normal(f"target {name}", queries, BATCH, width), "memory": normal(f"memory {name}", keys, BATCH, width),
              "mask": allowed, "keyPadding": padding}

    def call(module, input, memory, mask, keyPadding):
        return module(input, memory, tgt_mask=causal, memory_mask=~mask, memory_key_padding_mask=keyPadding)

    layer = lambda: nn.TransformerDecoderLayer(width, 2, **options)
    evaluate(file, f"TransformerDecoderLayer.{name}", "TransformerDecoderLayer", layer(), inputs, attributes, call,
             gradients_of=["input", "memory"])
    evaluate(file, f"TransformerDecoder.{name}", "TransformerDecoder", nn.TransformerDecoder(layer(), 2, nn.LayerNorm(width)),
             inputs, {**attributes, "layers": 2, "norm": True}, call, gradients_of=["input", "memory"])


file = GoldenFile("sequences")
recurrent(file)
cells(file)
attention(file)
transformers(file)
file.write()
