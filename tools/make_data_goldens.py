#!/usr/bin/env python3
"""Writes tests/golden/data/captions.json: captions cleaned as LAVIS's `blip_caption` processor cleans them.

The processor is stated here anew, from its published description, with Python's own `re` and `str`. Run by
hand: python3 tools/make_data_goldens.py
"""
import json
import pathlib
import random
import re

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/data/captions.json"

WRITTEN = [
    "", " ", "\n", "A cat.", "  A  cat\tsits \t on the   mat !!\n\n", "Two dogs; one: \"Rex\" (brown) #1 * ~",
    "no-change, really? yes/no & 42 'quotes'", "tab\tkept, two\t\tbecome one", "a\u00a0b\u00a0\u00a0c",
    "ÀÉÎ ÖÜ ŁÓDŹ ΚΑΛΗΜΕΡΑ Привет", "İstanbul", "日本の 猫。", "🐎 HORSE!", "\x1c\x1dx\x85\x85y",
    "trailing dots...\n", "...", "\nA\n", " \n mixed \n", "a. b.c..d", "emoji ❤️ heart", "\u2028\u2028z",
    " ".join(f"Word{i}" for i in range(60)), " ".join(f"w{i}." for i in range(50)), "x " * 50, "x " * 51,
]
ALPHABET = "aZé ßÅ \t\n.!\"()*#:;~,'-?&/\u3000\u00a0中5"


def blip_caption(caption, prompt="", max_words=50):
    caption = re.sub(r"([.!\"()*#:;~])", " ", caption.lower())
    caption = re.sub(r"\s{2,}", " ", caption)
    caption = caption.rstrip("\n").strip(" ")
    words = caption.split(" ")
    if len(words) > max_words:
        caption = " ".join(words[:max_words])
    return prompt + caption


def main():
    draw = random.Random(6)
    texts = WRITTEN + ["".join(draw.choices(ALPHABET, k=draw.randrange(1, 40))) for _ in range(200)]
    rows = [{"text": text, "prompt": "", "max_words": 50, "clean": blip_caption(text)} for text in texts]
    rows += [{"text": text, "prompt": "A photo of ", "max_words": 3,
              "clean": blip_caption(text, "A photo of ", 3)} for text in texts[:60]]
    GOLDEN.parent.mkdir(parents=True, exist_ok=True)
    GOLDEN.write_text(json.dumps(rows, ensure_ascii=True, indent=0) + "\n")


if __name__ == "__main__":
    main()
