"""Writes Tests/Goldens/images.safetensors: PNG and BMP files and the pixels that Pillow decodes from them.

Every colour type, depth and interlacing of PNG, every row filter, transparency, several IDAT chunks. Pillow cannot
write most of these, so the files are encoded here and only decoded by Pillow.

Needs: pip install pillow numpy safetensors
"""

import io
import random
import struct
import sys
import zlib

import numpy
import PIL
from PIL import Image
from safetensors.numpy import save_file

WIDTH, HEIGHT = 11, 9
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
PALETTE_SIZES = {1: 2, 2: 4, 4: 13, 8: 40}
ADAM7 = ((0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2))


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def paeth(a, b, c):
    distances = (abs(b - c), abs(a - c), abs(a + b - 2 * c))
    return (a, b, c)[distances.index(min(distances))]


def packed(samples, depth):
    if depth == 16:
        return b"".join(struct.pack(">H", sample) for sample in samples)
    bits = "".join(format(sample, f"0{depth}b") for sample in samples)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[start : start + 8], 2) for start in range(0, len(bits), 8))


def filtered(rows, distance, first):
    output, above = b"", bytes(len(rows[0]))
    for number, row in enumerate(rows):
        kind = (first + number) % 5
        left = bytes(distance) + row
        corner = bytes(distance) + above
        guess = {
            0: lambda i: 0,
            1: lambda i: left[i],
            2: lambda i: above[i],
            3: lambda i: (left[i] + above[i]) // 2,
            4: lambda i: paeth(left[i], above[i], corner[i]),
        }[kind]
        output += bytes([kind]) + bytes((row[i] - guess(i)) % 256 for i in range(len(row)))
        above = row
    return output


def png(color, depth, interlaced, transparency, rng):
    largest = PALETTE_SIZES[depth] - 1 if color == 3 else (1 << depth) - 1
    count = SAMPLES[color]
    # Smooth ramps with some noise, and few distinct colours so that a transparent one is hit.
    pixel = lambda x, y: [min(largest, max(0, (x * (c + 1) + y * 2) * largest // 50 + rng.randint(-1, 1))) for c in range(count)]
    pixels = [[pixel(x, y) for x in range(WIDTH)] for y in range(HEIGHT)]
    data = b""
    for x0, dx, y0, dy in ADAM7 if interlaced else ((0, 1, 0, 1),):
        rows = [packed(sum(row[x0::dx], []), depth) for row in pixels[y0::dy]]
        if rows and rows[0]:
            data += filtered(rows, max(1, depth * count // 8), rng.randint(0, 4))
    output = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, color, 0, 0, interlaced))
    output += chunk(b"tEXt", b"Comment\0passed over")
    if color == 3:
        output += chunk(b"PLTE", bytes(rng.randint(0, 255) for _ in range(3 * PALETTE_SIZES[depth])))
    if transparency:
        if color == 3:
            output += chunk(b"tRNS", bytes((0, 128)))
        else:
            output += chunk(b"tRNS", b"".join(struct.pack(">H", sample) for sample in pixels[4][5]))
    packed_data = zlib.compress(data, 9)
    half = len(packed_data) // 2
    return output + chunk(b"IDAT", packed_data[:half]) + chunk(b"IDAT", packed_data[half:]) + chunk(b"IEND", b"")


def decoded(data, color, depth, transparency):
    image = Image.open(io.BytesIO(data))
    if color == 0 and depth == 16 and not transparency:
        # Pillow keeps 16 bits here and clips them in conversions: the upper halves are what an 8-bit reader wants.
        return (numpy.asarray(image).astype(numpy.uint16) >> 8).astype(numpy.uint8)[:, :, None]
    mode = {0: "LA" if transparency else "L", 2: "RGBA" if transparency else "RGB", 4: "LA", 6: "RGBA"}.get(color)
    if color == 3:
        mode = "RGBA" if transparency else "RGB"
    pixels = numpy.asarray(image.convert(mode))
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


def bitmap(mode, rng):
    image = Image.new(mode, (5, 4))
    if mode == "P":
        image.putpalette([rng.randint(0, 255) for _ in range(3 * 7)])
        image.putdata([rng.randint(0, 6) for _ in range(20)])
    else:
        bands = len(image.getbands())
        draw = lambda: tuple(rng.randint(0, 255) for _ in range(bands))
        image.putdata([draw() if bands > 1 else draw()[0] for _ in range(20)])
    stream = io.BytesIO()
    image.save(stream, "BMP")
    image = Image.open(io.BytesIO(stream.getvalue())).convert("L" if mode == "L" else "RGB")
    pixels = numpy.asarray(image)
    return stream.getvalue(), pixels[:, :, None] if pixels.ndim == 2 else pixels


def main():
    rng = random.Random(7)
    tensors = {}

    def add(name, data, pixels):
        tensors[name + ".file"] = numpy.frombuffer(data, numpy.uint8)
        tensors[name + ".pixels"] = numpy.ascontiguousarray(pixels)

    for color, depths in DEPTHS.items():
        for depth in depths:
            for interlaced in (0, 1):
                data = png(color, depth, interlaced, False, rng)
                add(f"png.color{color}.depth{depth}.interlace{interlaced}", data, decoded(data, color, depth, False))
    for color, depth in ((0, 2), (0, 8), (2, 8), (3, 4)):
        data = png(color, depth, 0, True, rng)
        add(f"png.color{color}.depth{depth}.transparent", data, decoded(data, color, depth, True))
    for mode in ("L", "P", "RGB", "RGBA"):
        add(f"bmp.{mode}", *bitmap(mode, rng))
    save_file(tensors, sys.argv[1], {"pillow": PIL.__version__})


if __name__ == "__main__":
    main()
