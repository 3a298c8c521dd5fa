"""Pictures' files as they come: turned by what they state, and without their last bytes."""
import io
import json

import numpy
import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file

import pictures
import program

FORMATS = {"jpg": {"quality": 90}, "jpeg": {"quality": 80, "progressive": True}, "png": {}, "webp": {"quality": 80}, "gif": {}, "bmp": {}}


def opens(data):
    try:
        with Image.open(io.BytesIO(data)) as picture:
            return picture.convert("RGB")
    except (OSError, ValueError, SyntaxError):
        return None


def cut(folder, rng):
    """Files of every format, cut at many lengths, near the end most of all."""
    folder.mkdir()
    for ending, options in FORMATS.items():
        data = pictures.save(folder, f"whole.{ending}", pictures.of_mode(rng, "RGB", 40, 30), **options).read_bytes()
        lengths = {*rng.integers(1, len(data), 12).tolist(), *range(max(1, len(data) - 16), len(data))}
        for length in lengths:
            (folder / f"{length:05}.{ending}").write_bytes(data[:length])
    return sorted(folder.iterdir())


def pixels(model, paths, output, *more):
    """The paths that the program reads, and their pixel values."""
    text = program.run("embed", *paths, "--model", model, "--features", "pixel_values", "--output", output, "--format", "jsonl", *more,
                       statuses=(0, 3))
    rows = [json.loads(line) for line in text.splitlines()]
    return [row["image"] for row in rows if "error" not in row], load_file(output)["pixel_values"]


def compare(folder, model, processor, report):
    rng = numpy.random.default_rng(9)
    paths = cut(folder / "cut", rng)
    expected = {str(path): picture for path in paths if (picture := opens(path.read_bytes())) is not None}
    read, found = pixels(model, paths, folder / "cut.safetensors")
    report.equal("files", f"of {len(paths)} cut pictures, those that open", read, list(expected))
    values = processor(list(expected.values()), return_tensors="pt").pixel_values
    if read == list(expected):
        report.line("files", "their pixel values", bool((found - values).abs().max() <= 1e-6), f"{(found - values).abs().max().item():.1e}")
    turned = []
    for ending in ("jpg", "png", "webp"):
        for orientation in range(1, 9):
            exif = Image.Exif()
            exif[0x0112] = orientation
            turned.append(pictures.save(folder, f"turned_{orientation}.{ending}", pictures.of_mode(rng, "RGB", 30, 20), exif=exif))
    upright = [ImageOps.exif_transpose(Image.open(path)).convert("RGB") for path in turned]
    values = torch.cat([processor(picture, return_tensors="pt").pixel_values for picture in upright])
    _, found = pixels(model, turned, folder / "turned.safetensors", "--exif-rotate")
    report.line("files", f"pixel values of {len(turned)} turned pictures", bool((found - values).abs().max() <= 1e-6),
                f"{(found - values).abs().max().item():.1e}")
