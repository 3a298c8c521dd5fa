#!/usr/bin/env python3
"""Pictures a second of one core's time: this program's pipeline against Pillow + PyTorch's DataLoader, in one run.

Both read the same JPEGs, decode, crop at random (0.5 to 1 of the area), resize to 224 bicubically, flip, normalise and
stack batches of 50, in one thread; runs alternate. The pictures are crops of real photographs (tools/fetch_assets) at the
size and quality that img2dataset and the COCO set have. Prints each run, the medians and the ratio.

  python3 -m venv .venv-bench && .venv-bench/bin/pip install -r bench/compare/requirements.txt
  .venv-bench/bin/python bench/compare/pictures.py build/bench_pictures
"""
import json
import math
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time

import torch
import torch.utils.data
from PIL import Image

ASSETS = pathlib.Path(os.environ.get("BLIP2_ASSETS", pathlib.Path.home() / ".cache/blip2"))
COUNT, ROUNDS = 400, 5
MEAN = torch.tensor((0.48145466, 0.4578275, 0.40821073)).view(3, 1, 1)
STD = torch.tensor((0.26862954, 0.26130258, 0.27577711)).view(3, 1, 1)
KINDS = {"640 x 480, quality 90 (COCO)": ((640, 480), 90), "short side 256, quality 95 (img2dataset)": ((341, 256), 95)}


def write_pictures(folder, size, quality):
    """COUNT JPEGs, a jsonl of them and a shard."""
    draw = random.Random(1)
    photographs = [Image.open(ASSETS / "photographs" / name).convert("RGB")
                   for name in ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png")]
    with open(folder / "pictures.jsonl", "w") as lines, tarfile.open(folder / "00000.tar", "w") as shard:
        for i in range(COUNT):
            photograph = draw.choice(photographs)
            share = draw.uniform(0.6, 1)
            width, height = (int(side * share) for side in photograph.size)
            left, top = draw.randint(0, photograph.width - width), draw.randint(0, photograph.height - height)
            name = f"{i:09}"
            photograph.crop((left, top, left + width, top + height)).resize(size, Image.BICUBIC).save(
                folder / f"{name}.jpg", quality=quality)
            caption = {"image": f"{name}.jpg", "caption": f"picture {i}"}
            lines.write(json.dumps(caption) + "\n")
            (folder / f"{name}.json").write_text(json.dumps(caption))
            shard.add(folder / f"{name}.jpg", f"{name}.jpg")
            shard.add(folder / f"{name}.json", f"{name}.json")


class Pictures(torch.utils.data.Dataset):
    """What torchvision's RandomResizedCrop, RandomHorizontalFlip, ToTensor and Normalize do."""

    def __init__(self, folder):
        self.folder = folder
        self.records = [json.loads(line) for line in (folder / "pictures.jsonl").read_text().splitlines()]

    def __len__(self):
        return len(self.records)

    @staticmethod
    def box(width, height):
        for _ in range(10):
            target = width * height * random.uniform(0.5, 1)
            ratio = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
            w, h = round(math.sqrt(target * ratio)), round(math.sqrt(target / ratio))
            if 0 < w <= width and 0 < h <= height:
                left, top = random.randint(0, width - w), random.randint(0, height - h)
                return left, top, left + w, top + h
        return 0, 0, width, height

    def __getitem__(self, index):
        record = self.records[index]
        image = Image.open(self.folder / record["image"]).convert("RGB")
        image = image.crop(self.box(*image.size)).resize((224, 224), Image.BICUBIC)
        if random.random() < 0.5:
            image = image.transpose(Image.FLIP_LEFT_RIGHT)
        pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).view(224, 224, 3)
        pixels = pixels.permute(2, 0, 1).contiguous().to(torch.float32).div(255)
        return pixels.sub_(MEAN).div_(STD), record["caption"]


def theirs(folder):
    torch.set_num_threads(1)
    loader = torch.utils.data.DataLoader(Pictures(folder), batch_size=50, shuffle=True, num_workers=0)
    next(iter(loader))
    start = time.process_time()  # of one thread: the machine may be shared
    for _ in loader:
        pass
    return COUNT / (time.process_time() - start)


def ours(binary, form, path):
    return float(subprocess.run([binary, form, path, "1"], check=True, capture_output=True, text=True).stdout)


def main():
    os.sched_setaffinity(0, {0})  # and of what is started from here
    binary = str(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build/bench_pictures").resolve())
    for kind, (size, quality) in KINDS.items():
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            write_pictures(folder, size, quality)
            runs = {"Pillow + DataLoader": [], "blip2, files": [], "blip2, shard": []}
            for _ in range(ROUNDS):
                runs["Pillow + DataLoader"].append(theirs(folder))
                runs["blip2, files"].append(ours(binary, "jsonl", folder / "pictures.jsonl"))
                runs["blip2, shard"].append(ours(binary, "webdataset", folder / "00000.tar"))
            print(kind)
            base = statistics.median(runs["Pillow + DataLoader"])
            for name, values in runs.items():
                middle = statistics.median(values)
                print(f"  {name:20} {middle:7.1f} pictures/s, {middle / base:.2f} times"
                      f"   ({' '.join(f'{value:.1f}' for value in values)})", flush=True)


if __name__ == "__main__":
    main()
