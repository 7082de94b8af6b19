"""Writes Tests/Goldens/files/: small files made by the peers' own writers, for the readers of MartletFiles.

Needs: pip install numpy safetensors
"""

import gzip
import os
import sys
import zlib

import numpy
from safetensors.numpy import save_file


def tensors():
    ramp = numpy.arange(24, dtype=numpy.float32).reshape(2, 3, 4)
    return {
        "layer.weight": ramp / 8 - 1,
        "layer.bias": numpy.array([-2, 5, 9], numpy.int64),
        "half": numpy.array([[0.5], [-1.5]], numpy.float16),
        "mask": numpy.array([True, False, True], numpy.bool_),
        "bytes": numpy.array([250, 0, 7], numpy.uint8),
        "scalar": numpy.array(3.25, numpy.float64),
        "empty": numpy.zeros((0, 3), numpy.float32),
        "größe \"q\"\n": numpy.array([1], numpy.int32),
    }


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    values = tensors()
    save_file(values, f"{folder}/reference.safetensors", {"writer": "safetensors"})
    matrix = numpy.arange(6, dtype=numpy.float64).reshape(2, 3) + 0.5
    numpy.save(f"{folder}/plain.npy", matrix)
    numpy.save(f"{folder}/column_major.npy", numpy.asfortranarray(numpy.arange(24, dtype=numpy.int16).reshape(2, 3, 4)))
    numpy.save(f"{folder}/big_endian.npy", numpy.arange(5, dtype=">i4") - 2)
    numpy.save(f"{folder}/scalar.npy", numpy.array(True))
    for version in ((2, 0), (3, 0)):
        with open(f"{folder}/version{version[0]}.npy", "wb") as file:
            numpy.lib.format.write_array(file, numpy.arange(3, dtype=numpy.uint8), version)
    arrays = {"a": matrix.astype(numpy.float32), "b": numpy.zeros(300, numpy.int64)}
    numpy.savez(f"{folder}/stored.npz", **arrays)
    numpy.savez_compressed(f"{folder}/deflated.npz", **arrays)
    text = b"".join(b"line %d of a text that repeats itself\n" % (number % 37) for number in range(200))
    with open(f"{folder}/two_members.gz", "wb") as file:
        file.write(gzip.compress(text[:3000], 9, mtime=0) + gzip.compress(text[3000:], 1, mtime=0) + bytes(12))
    # Only literals and lengths of each kind that zlib's strategies write: Huffman only, run lengths, fixed codes.
    for name, strategy in (("huffman", zlib.Z_HUFFMAN_ONLY), ("rle", zlib.Z_RLE), ("fixed", zlib.Z_FIXED)):
        stream = zlib.compressobj(9, zlib.DEFLATED, 15, 9, strategy)
        with open(f"{folder}/{name}.zlib", "wb") as file:
            file.write(stream.compress(text) + stream.flush())


if __name__ == "__main__":
    main()
