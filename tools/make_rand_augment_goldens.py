#!/usr/bin/env python3
"""Writes tests/golden/image/rand_augment.tsv: operation, sign, width, height, seed, hash of what LAVIS's
lavis/processors/randaugment.py makes of noise at level 5. Run by hand with numpy<2 and opencv-python-headless==4.5.5.64:

    python tools/make_rand_augment_goldens.py UNPACKED_WHEEL_OF_SALESFORCE_LAVIS_1.0.2

AutoContrast is given 16-bit pictures: of 8-bit ones its `-low` wraps around, and it does not equal Pillow, which it
says it does.
"""
import importlib.util
import pathlib
import sys
import types

import numpy as np

OUTPUT = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/image/rand_augment.tsv"
SIGNED = ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate")
PLAIN = ("Identity", "AutoContrast", "Brightness", "Sharpness", "Equalize")
SIZES = [(40, 30), (31, 57), (7, 5)]


def fnv(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def dull_noise(seed, width, height):
    """As tests/image/rand_augment_test.cpp: 40 to 125."""
    x = (np.arange(width * height * 3, dtype=np.uint64) + seed * 0x9E3779B9) & 0xFFFFFFFF
    x ^= x >> 16
    x = x * 0x85EBCA6B & 0xFFFFFFFF
    x ^= x >> 13
    x = x * 0xC2B2AE35 & 0xFFFFFFFF
    x ^= x >> 16
    return (40 + (x & 255) // 3).astype(np.uint8).reshape(height, width, 3)


def load(wheel):
    sys.modules.setdefault("torch", types.ModuleType("torch"))  # imported for videos alone
    path = pathlib.Path(wheel) / "lavis/processors/randaugment.py"
    spec = importlib.util.spec_from_file_location("randaugment", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main():
    augment = load(sys.argv[1])
    rows = []
    for name in PLAIN + SIGNED:
        for sign in (1, -1) if name in SIGNED else (1,):
            for seed, (width, height) in enumerate(SIZES):
                arguments = list(augment.arg_dict[name](5))
                if name in SIGNED:
                    arguments[0] = sign * abs(arguments[0])
                picture = dull_noise(seed, width, height)
                if name == "AutoContrast":
                    picture = picture.astype(np.int16)
                out = np.ascontiguousarray(augment.func_dict[name](picture, *arguments))
                assert out.dtype == np.uint8
                rows.append(f"{name}\t{sign}\t{width}\t{height}\t{seed}\t{fnv(out.tobytes())}")
    OUTPUT.write_text("\n".join(rows) + "\n")
    print(OUTPUT, len(rows))


main()
