"""Image processors with settings drawn at random, compared bit for bit: what transformers makes of a picture, and what the program does.

tools/make_transform_goldens.py writes some of them down for the C++ tests. As a script, python transforms.py MODEL, it compares in the
environment that it runs in, with the directory of a model whose other files are used.
"""
import json
import pathlib
import random
import sys
import tempfile

import numpy
import PIL
import transformers
from PIL import Image

import program

IS_5 = transformers.__version__.startswith("5.")
CLASSES = {"BlipImageProcessor": "blip-2", "CLIPImageProcessor": "clip", "BitImageProcessor": "dinov2", "SiglipImageProcessor": "siglip",
           "ViTImageProcessor": None, "DeiTImageProcessor": None}
SHAPES = [(61, 47), (40, 58), (42, 42), (150, 33), (20, 15), (33, 36)]
TRIPLES = [[0.5, 0.5, 0.5], [0.485, 0.456, 0.406], [0.1, 0.2, 0.30000001], 0.25]
HARMLESS = {"_valid_processor_keys": ["images", "size"], "size_divisor": 32, "data_format": "channels_first", "return_tensors": None,
            "device": None, "do_pad": None, "disable_grouping": None, "input_data_format": None}


def draw_size(rng, forms):
    height, width = rng.randint(16, 60), rng.randint(16, 60)
    return {"int": height, "square": {"height": height, "width": height}, "sides": {"height": height, "width": width},
            "list": [height, width], "shortest": {"shortest_edge": height}, "both": {"shortest_edge": height, "longest_edge": height + width // 3},
            "box": {"max_height": height, "max_width": width}}[rng.choice(forms)]


def draw(rng):
    """The name of a class, and settings of it. Each key is as often absent as not."""
    name = rng.choice([*CLASSES])
    is_shape_kept = name in ("CLIPImageProcessor", "BitImageProcessor")
    forms = ["int", "square", "square", "sides", "list", *(["shortest", "shortest", "both"] if is_shape_kept or IS_5 else [])]
    config = {"size": draw_size(rng, forms + (["box"] if IS_5 else []))}
    if rng.random() < 0.7:
        crop = rng.randint(16, 60)
        config["crop_size"] = rng.choice([crop, {"height": crop, "width": crop}, [crop, crop]])
    for key, values in (("do_center_crop", [True, True, True, False, None]), ("do_resize", [True, True, True, False, None]),
                        ("do_rescale", [True, False, None]), ("do_normalize", [True, False, None]), ("do_convert_rgb", [True, None]),
                        ("resample", [0, 1, 2, 3, 4, 5]), ("rescale_factor", [1 / 255, 0.00392156862745098, 1 / 127.5, 1]),
                        ("image_mean", [*TRIPLES, *([] if IS_5 else [None])]), ("image_std", [*TRIPLES, *([] if IS_5 else [None])]),
                        ("default_to_square", [True, False])):
        if rng.random() < 0.5:
            config[key] = rng.choice(values)
    config |= {key: HARMLESS[key] for key in rng.sample(sorted(HARMLESS), rng.choice([0, 0, 2]))}
    return name, config


def only_5_takes(name, config):
    """What the Pillow class of transformers 4 refuses is read as in 5 wherever it is written."""
    size = config["size"]
    is_exact = not isinstance(size, dict) or "height" in size
    is_shape_kept = name in ("CLIPImageProcessor", "BitImageProcessor") and "max_height" not in size if not is_exact else False
    is_shorter_side = isinstance(size, int) and name == "SiglipImageProcessor"
    return config.get("do_resize", True) is True and (is_shorter_side or not (is_exact or is_shape_kept))


def content(rng, name, config):
    """The file that says so, and the `model_type` beside it."""
    if IS_5 and only_5_takes(name, config):
        return config | {"image_processor_type": name}, "blip-2"
    if IS_5:
        return {"image_processor": config | {"image_processor_type": name}, "processor_class": "Processor", "num_query_tokens": 6}, "blip-2"
    spelling = rng.choice(["image_processor_type", "feature_extractor_type", "model_type" if CLASSES[name] else "image_processor_type"])
    if spelling == "model_type":
        return config, CLASSES[name]
    value = name if spelling == "image_processor_type" else name.replace("ImageProcessor", "FeatureExtractor")
    return config | {spelling: value}, "blip-2"


class Sizes:
    """Records what Pillow resizes: before 13.0 it had another order of the two passes, which these comparisons are not about."""

    def __enter__(self):
        self.resize, self.seen = Image.Image.resize, []

        def resize(image, size, *arguments, **options):
            self.seen.append((*image.size, *size))
            return self.resize(image, size, *arguments, **options)

        Image.Image.resize = resize
        return self

    def __exit__(self, *_):
        Image.Image.resize = self.resize

    def has_one_order(self):
        return all(width == to_width or height <= to_height or height - to_height <= 2 * (width - to_width)
                   for width, height, to_width, to_height in self.seen)


def expected(name, config, image):
    """[3, height, width] float32; None where transformers takes neither the settings nor this picture."""
    kind = getattr(transformers, name + "Pil") if IS_5 else getattr(transformers, name)
    try:
        with Sizes() as sizes:
            pixels = numpy.asarray(kind(**config)(image, return_tensors="np")["pixel_values"][0]).astype(numpy.float32)
    except (ValueError, KeyError, AttributeError, TypeError):
        return None
    return pixels if sizes.has_one_order() else None


def cases(seed, count):
    """(file, model_type, picture's number, its pixels), squares alone, which a model takes."""
    rng, found = random.Random(seed), []
    pictures = [noise_image(*shape, 400 + number) for number, shape in enumerate(SHAPES)]
    while len(found) < count:
        name, config = draw(rng)
        file, model_type = content(rng, name, config)
        number = rng.randrange(len(SHAPES))
        pixels = expected(name, config, pictures[number])
        if pixels is not None and pixels.shape[1] == pixels.shape[2]:
            found.append((file, model_type, number, pixels))
    return found


def noise_image(width, height, seed):
    """As noise_image() of tests/image/golden.h."""
    x = (numpy.arange(width * height * 3, dtype=numpy.uint64) + numpy.uint64(seed * 0x9e3779b9 & 0xffffffff)) & numpy.uint64(0xffffffff)
    for shift, factor in ((16, 0x85ebca6b), (13, 0xc2b2ae35), (16, 1)):
        x = ((x ^ (x >> numpy.uint64(shift))) * numpy.uint64(factor)) & numpy.uint64(0xffffffff)
    return Image.fromarray(x.astype(numpy.uint8).reshape(height, width, 3), "RGB")


def fnv(content):
    value = 0xcbf29ce484222325
    for byte in content:
        value = (value ^ byte) * 0x100000001b3 & 0xffffffffffffffff
    return f"{value:016x}"


def write_goldens(path, seed=7, count=160):
    """One row a case: the file, the model's type, the picture, the side, and the hash of some of the floats."""
    with open(path, "w", encoding="utf-8") as table:
        for file, model_type, number, pixels in cases(seed, count):
            values = pixels.reshape(-1)
            some = values[::-(-values.size // 2000)]
            row = (json.dumps(file), model_type, *SHAPES[number], 400 + number, pixels.shape[1], fnv(some.astype("<f4").tobytes()))
            table.write("\t".join(map(str, row)) + "\n")
    print(f"{path}: {count} rows by transformers {transformers.__version__}, Pillow {PIL.__version__}")


def different(folder, model, count):
    """Of `count` cases, those that the program has other pixels for. A directory for each case, a copy of `model` by links."""
    found = []
    for at, (file, model_type, number, pixels) in enumerate(cases(11, count)):
        place = folder / f"transform_{at}"
        place.mkdir()
        for source in pathlib.Path(model).iterdir():
            if source.name not in ("preprocessor_config.json", "processor_config.json"):
                (place / source.name).symlink_to(source)
        if model_type != "blip-2":
            file = file | {"image_processor_type": next(name for name, known in CLASSES.items() if known == model_type)}
        (place / ("processor_config.json" if "image_processor" in file else "preprocessor_config.json")).write_text(json.dumps(file))
        picture = place / "picture.png"
        noise_image(*SHAPES[number], 400 + number).save(picture)
        got = program.features(place, ["pixel_values"], [picture])["pixel_values"][0].numpy()
        if not numpy.array_equal(got, pixels):
            found.append((file, SHAPES[number], got.shape, pixels.shape))
    return found


def compare(folder, model, report, count=60):
    found = different(folder, model, count)
    report.line("transforms", f"{count} settings of image processors, bit for bit", not found, found or "the same bits")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        faults = different(pathlib.Path(name), sys.argv[1], 60)
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)
