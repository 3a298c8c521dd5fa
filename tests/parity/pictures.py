"""Pictures of many kinds, in the formats and modes that people have."""
import pathlib

import numpy
from PIL import Image


def drawn(rng, width, height, channels):
    """A smooth ground with noise and a sharp edge."""
    x, y = numpy.meshgrid(numpy.arange(width), numpy.arange(height))
    waves = [127 + 90 * numpy.sin(x * rng.uniform(0.02, 0.4) + y * rng.uniform(0.02, 0.4) + rng.uniform(0, 6)) for _ in range(channels)]
    picture = numpy.stack(waves, -1) + rng.normal(0, 12, (height, width, channels))
    picture[height // 3:, width // 2:] = 255 - picture[height // 3:, width // 2:]
    return picture.clip(0, 255).astype(numpy.uint8)


def of_mode(rng, mode, width, height):
    if mode in ("1", "P", "L"):
        grey = Image.fromarray(drawn(rng, width, height, 1)[..., 0], "L")
        if mode == "1":
            return grey.convert("1")
        if mode == "P":
            return Image.fromarray(drawn(rng, width, height, 3), "RGB").quantize(23)
        return grey
    if mode == "I;16":
        return Image.fromarray((drawn(rng, width, height, 1)[..., 0].astype(numpy.uint16) * 257))
    channels = {"LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}[mode]
    return Image.fromarray(drawn(rng, width, height, channels), mode)


def save(folder, name, picture, **options):
    path = pathlib.Path(folder) / name
    picture.save(path, **options)
    return path


def few(folder):
    """For the models: sides of every proportion, none of 1 or 3 rows, which the reference takes for channels."""
    rng = numpy.random.default_rng(4)
    return [save(folder, "a.png", of_mode(rng, "RGB", 61, 47)), save(folder, "b.jpg", of_mode(rng, "RGB", 224, 160), quality=91),
            save(folder, "c.png", of_mode(rng, "L", 40, 118)), save(folder, "d.png", of_mode(rng, "RGBA", 42, 42)),
            save(folder, "e.webp", of_mode(rng, "RGB", 150, 33), quality=80)]


def many(folder, count=240):
    """For the transforms: every format and mode, sides from 1 up."""
    rng = numpy.random.default_rng(5)
    kinds = [("png", mode, {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")]
    kinds += [("jpg", mode, options) for mode in ("L", "RGB", "CMYK")
              for options in ({"quality": 75}, {"quality": 96, "progressive": True}, {"quality": 60, "subsampling": 0})]
    kinds += [("webp", mode, options) for mode in ("RGB", "RGBA") for options in ({"quality": 70}, {"lossless": True})]
    kinds += [("gif", "P", {}), ("bmp", "RGB", {}), ("bmp", "L", {}), ("bmp", "1", {}), ("bmp", "P", {})]
    sizes = [(1, 1), (1, 7), (2, 2), (5, 2), (2, 9), (224, 224), (600, 37), (37, 600), (301, 299)]
    paths = []
    for i in range(count):
        extension, mode, options = kinds[i % len(kinds)]
        width, height = sizes[i // len(kinds)] if i // len(kinds) < len(sizes) else (int(rng.integers(4, 400)), int(rng.integers(4, 400)))
        paths.append(save(folder, f"{i:03}_{mode.replace(';', '')}.{extension}", of_mode(rng, mode, width, height), **options))
    return paths
