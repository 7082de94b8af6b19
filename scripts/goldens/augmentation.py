"""Tests/Goldens/augmentation.safetensors: what torchvision's transforms.v2 functionals make of parts of three photos.

The photos are those of shared/data/imagenet (SOURCES.md there names them); parts of 48 by 32 samples are stored with the
answers, so that the tests need neither.
"""

import os
import pathlib

import torch
import torchvision
from torchvision import tv_tensors
from torchvision.io import decode_jpeg, read_file
from torchvision.transforms.v2 import AugMix, AutoAugment, RandAugment, TrivialAugmentWide
from torchvision.transforms.v2 import functional as F
from torchvision.transforms import AutoAugmentPolicy

import golden

DATA = pathlib.Path(os.environ.get("MARTLET_DATA", golden.DEFAULT_FOLDER.parents[2] / "shared" / "data"))
PHOTOS = {
    "hamster": ("n02342885_hamster.JPEG", 120, 140),
    "corn": ("n12144580_corn.JPEG", 90, 60),
    "light": ("n06874185_traffic_light.JPEG", 150, 200),
}
HEIGHT, WIDTH = 32, 48
BOXES = torch.tensor([[4.0, 6.0, 30.0, 28.0], [20.5, 10.25, 47.0, 31.0], [0.0, 0.0, 5.0, 5.0]])
POINTS = torch.tensor([[3.0, 4.0], [31.5, 20.25], [47.0, 31.0]])


def photos():
    for name, (file, top, left) in PHOTOS.items():
        image = decode_jpeg(read_file(str(DATA / "imagenet" / "jpeg" / file)))
        yield name, image[:, top : top + HEIGHT, left : left + WIDTH].contiguous()


def masks():
    y, x = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    disc = ((x - 24) ** 2 + (y - 15) ** 2 < 120).to(torch.uint8)
    return torch.stack([disc * 3, (x + 2 * y > 50).to(torch.uint8)])


def kernel(function, image, **parameters):
    """A functional's answer, without the wrapper of its type."""
    return function(image, **parameters).as_subclass(torch.Tensor).contiguous()


PERSPECTIVE = dict(
    startpoints=[[0, 0], [47, 0], [47, 31], [0, 31]], endpoints=[[5, 3], [44, 1], [40, 28], [2, 25]])
GEOMETRY = {
    "flip_horizontal": (F.horizontal_flip, {}),
    "flip_vertical": (F.vertical_flip, {}),
    "affine": (F.affine, dict(angle=25.0, translate=[5, -3], scale=1.2, shear=[10.0, -6.0])),
    "affine_center": (F.affine, dict(angle=-40.0, translate=[0, 2], scale=0.7, shear=[0.0, 0.0], center=[10.0, 20.0])),
    "rotate": (F.rotate, dict(angle=33.0)),
    "rotate_expand": (F.rotate, dict(angle=33.0, expand=True)),
    "rotate_90": (F.rotate, dict(angle=90.0, expand=True)),
    "rotate_180": (F.rotate, dict(angle=180.0)),
    "rotate_270": (F.rotate, dict(angle=-90.0, expand=True)),
    "rotate_center": (F.rotate, dict(angle=-20.0, center=[0.0, 0.0])),
    "perspective": (F.perspective, PERSPECTIVE),
}
WARPS = ("affine", "affine_center", "rotate", "rotate_expand", "rotate_center", "perspective")
PLACES = {
    "crop": (F.crop, dict(top=5, left=9, height=15, width=30)),
    "crop_outside": (F.crop, dict(top=-4, left=30, height=40, width=30)),
    "center_crop": (F.center_crop, dict(output_size=[21, 20])),
    "center_crop_larger": (F.center_crop, dict(output_size=[40, 33])),
    "pad": (F.pad, dict(padding=[3, 4, 5, 6], fill=7)),
    "resize_down": (F.resize, dict(size=[15, 22])),
    "resize_up": (F.resize, dict(size=[44, 61])),
    "resize_shorter": (F.resize, dict(size=[21])),
    "resize_longest": (F.resize, dict(size=[21], max_size=26)),
    "resized_crop": (F.resized_crop, dict(top=3, left=7, height=28, width=34, size=[20, 20])),
}
PADDINGS = ("edge", "reflect", "symmetric")
FILTERS = ("nearest", "nearest-exact", "bilinear", "bicubic")
COLORS = {
    "brightness_0.6": (F.adjust_brightness, dict(brightness_factor=0.6)),
    "brightness_1.7": (F.adjust_brightness, dict(brightness_factor=1.7)),
    "contrast_0.3": (F.adjust_contrast, dict(contrast_factor=0.3)),
    "contrast_1.8": (F.adjust_contrast, dict(contrast_factor=1.8)),
    "saturation_0.2": (F.adjust_saturation, dict(saturation_factor=0.2)),
    "saturation_1.9": (F.adjust_saturation, dict(saturation_factor=1.9)),
    "hue_-0.3": (F.adjust_hue, dict(hue_factor=-0.3)),
    "hue_0.15": (F.adjust_hue, dict(hue_factor=0.15)),
    "gamma_0.5": (F.adjust_gamma, dict(gamma=0.5, gain=1.0)),
    "gamma_2.2": (F.adjust_gamma, dict(gamma=2.2, gain=1.3)),
    "sharpness_0": (F.adjust_sharpness, dict(sharpness_factor=0.0)),
    "sharpness_2.5": (F.adjust_sharpness, dict(sharpness_factor=2.5)),
    "grayscale_1": (F.rgb_to_grayscale, dict(num_output_channels=1)),
    "grayscale_3": (F.rgb_to_grayscale, dict(num_output_channels=3)),
    "invert": (F.invert, {}),
    "posterize_3": (F.posterize, dict(bits=3)),
    "equalize": (F.equalize, {}),
    "autocontrast": (F.autocontrast, {}),
    "blur_5x9": (F.gaussian_blur, dict(kernel_size=[5, 9], sigma=[1.1, 2.5])),
    "permute": (F.permute_channels, dict(permutation=[2, 0, 1])),
}


def add_pictures(file):
    for name, photo in photos():
        boxes = tv_tensors.BoundingBoxes(BOXES, format="XYXY", canvas_size=(HEIGHT, WIDTH))
        points = tv_tensors.KeyPoints(POINTS, canvas_size=(HEIGHT, WIDTH))
        mask = tv_tensors.Mask(masks())
        file.add(f"{name}/photo", "photo", {"image": photo, "masks": masks(), "boxes": BOXES, "points": POINTS}, {})
        # Boxes, masks and points once: they do not depend on the photo.
        first = name == "hamster"
        for case, (function, parameters) in (GEOMETRY | PLACES).items():
            variants = [("", {})]
            if case in WARPS:
                variants = [("nearest", dict(interpolation="nearest")), ("bilinear", dict(interpolation="bilinear"))]
                variants += [(f"{kind}_fill", dict(interpolation=kind, fill=[20.0, 130.0, 250.0])) for kind in ("bilinear", "nearest")]
            if not first:
                variants = variants[1:2]
            for variant, more in variants:
                outputs = {"image": kernel(function, tv_tensors.Image(photo), **parameters, **more)}
                if first and not variant.endswith("fill"):
                    outputs |= {
                        "masks": kernel(function, mask, **parameters, **({} if case in PLACES else more)),
                        "boxes": kernel(function, boxes, **parameters),
                        "points": kernel(function, points, **parameters),
                    }
                file.add(f"{name}/{case}{'/' + variant if variant else ''}", case, {}, outputs,
                         {"photo": name, "interpolation": more.get("interpolation"), "fills": "fill" in more})
        if first:
            for kind in FILTERS:
                for antialias in (True, False):
                    for size in ([14, 19], [41, 60]):
                        output = F.resize(photo, size, interpolation=F._geometry.InterpolationMode(kind), antialias=antialias)
                        file.add(f"resize/{kind}/{antialias}/{size[0]}", "resize", {}, {"image": output}, {
                            "photo": name, "interpolation": kind, "antialias": antialias, "size": size})
            output = F.resize(photo, [14, 19], interpolation=F._geometry.InterpolationMode.LANCZOS)
            file.add("resize/lanczos", "resize", {}, {"image": output}, {
                "photo": name, "interpolation": "lanczos", "antialias": True, "size": [14, 19]})
            for mode in PADDINGS:
                file.add(f"pad/{mode}", "pad_mode", {}, {"image": F.pad(photo, [3, 4, 5, 6], padding_mode=mode)},
                         {"photo": name, "mode": mode})
            displacement = (torch.rand((1, HEIGHT, WIDTH, 2), generator=torch.Generator().manual_seed(5)) * 2 - 1) * 0.1
            for kind in ("nearest", "bilinear"):
                file.add(f"elastic/{kind}", "elastic", {"displacement": displacement[0]}, {
                    "image": F.elastic(photo, displacement, interpolation=F._geometry.InterpolationMode(kind), fill=9.0),
                    "masks": kernel(F.elastic, mask, displacement=displacement, fill=9.0),
                    "boxes": kernel(F.elastic, boxes, displacement=displacement),
                    "points": kernel(F.elastic, points, displacement=displacement),
                }, {"photo": name, "interpolation": kind})


def add_colors(file):
    for name, photo in photos():
        for case, (function, parameters) in COLORS.items():
            file.add(f"{name}/{case}", "color", {}, {"image": function(photo, **parameters)}, {"photo": name, "color": case})
            if name == "light":
                small = photo[:, :12, :16].float() / 255
                file.add(f"float/{case}", "color", {}, {"image": function(small, **parameters)}, {"photo": name, "color": case, "float": True})
        file.add(f"{name}/solarize", "color", {}, {"image": F.solarize(photo, 110.0)}, {"photo": name, "color": "solarize"})


def add_boxes(file):
    for format in ("XYWH", "CXCYWH"):
        boxes = F.convert_bounding_box_format(BOXES, old_format="XYXY", new_format=format)
        wrapped = tv_tensors.BoundingBoxes(boxes, format=format, canvas_size=(HEIGHT, WIDTH))
        file.add(f"boxes/{format}", "boxes", {}, {
            "boxes": boxes,
            "flipped": kernel(F.horizontal_flip, wrapped),
            "affine": kernel(F.affine, wrapped, **GEOMETRY["affine"][1]),
        }, {"format": format.lower()})


def add_spaces(file):
    """The magnitudes of each step of the policies' operations, for a picture of 48 by 32."""
    policies = {
        "AutoAugment": (AutoAugment._AUGMENTATION_SPACE, 10), "RandAugment": (RandAugment._AUGMENTATION_SPACE, 31),
        "TrivialAugmentWide": (TrivialAugmentWide._AUGMENTATION_SPACE, 31), "AugMix": (AugMix._AUGMENTATION_SPACE, 10),
    }
    for policy, (space, bins) in policies.items():
        for operation, (magnitudes, signed) in space.items():
            values = magnitudes(bins, HEIGHT, WIDTH)
            values = torch.zeros(bins) if values is None else values.float()
            file.add(f"{policy}/{operation}", "space", {}, {"magnitudes": values}, {
                "policy": policy, "operation": operation, "signed": signed, "bins": bins})
    for policy in AutoAugmentPolicy:
        steps = [step for pair in AutoAugment(policy)._get_policies(policy) for step in pair]
        file.add(f"AutoAugment/{policy.value}", "policy", {}, {
            "probabilities": torch.tensor([step[1] for step in steps]),
            "bins": torch.tensor([step[2] or 0 for step in steps]),
        }, {"policy": policy.value, "operations": ",".join(step[0] for step in steps)})


def add_operations(file):
    """Each operation of the policies at a fixed magnitude."""
    photo = dict(photos())["corn"]
    operate = RandAugment()._apply_image_or_video_transform
    magnitudes = {"ShearX": -0.21, "ShearY": 0.3, "TranslateX": 9.7, "TranslateY": -5.2, "Rotate": -30.0, "Brightness": 0.5,
                  "Color": -0.7, "Contrast": 0.4, "Sharpness": -0.9, "Posterize": 4.0, "Solarize": 0.4, "AutoContrast": 0.0,
                  "Equalize": 0.0, "Invert": 0.0, "Identity": 0.0}
    for operation, magnitude in magnitudes.items():
        output = operate(photo, operation, magnitude, "nearest", {"others": None})
        file.add(f"operation/{operation}", "operation", {}, {"image": output}, {
            "photo": "corn", "operation": operation, "magnitude": magnitude})


def main():
    if not DATA.is_dir():
        print(f"augmentation.safetensors: not made, there are no photos in {DATA} (MARTLET_DATA names another folder)")
        return
    file = golden.GoldenFile("augmentation")
    add_pictures(file)
    add_colors(file)
    add_boxes(file)
    add_spaces(file)
    add_operations(file)
    file.write(f"torchvision {torchvision.__version__.split('+')[0]}")


if __name__ == "__main__":
    main()
