#!/usr/bin/env python3
"""Does CapFilt help? The demo's small model, trained on web titles and on CapFilt's captions of the same pictures.

Pictures and titles are Debian's openclipart-png and openclipart-svg: drawings by many hands, whose titles are what their authors left in the files
("Clipart by Nicu Buculei - arrow08_4", "Part of the Flat Icon Collection"). Captioner and ranker are the demo's own stage-2 and stage-1 models; both
arms start from the demo's frozen parts, not from its trained ones, with its settings, and see equally many samples. Scored on pictures that neither
saw: the demo's held-out sets, whose captions are clean, and openclipart's own tenth, whose titles are not. What is done is kept: an interrupted run goes
on.

  make bench-openclipart     (= make demo, then bench/openclipart.py build/blip2; half an hour on two idle cores)
"""
import argparse
import hashlib
import html
import io
import json
import math
import pathlib
import re
import struct
import subprocess
import tarfile
import time

PACKAGES = ("openclipart-png", "openclipart-svg")
ARMS = ("web", "capfilt")
SHARD = 250


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def fetch(folder):
    """The packages' pictures folder, unpacked and not installed."""
    for package in PACKAGES:
        if (folder / f"{package}.done").exists():
            continue
        subprocess.run(["apt-get", "download", package], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deb = next(folder.glob(f"{package}_*.deb"))
        subprocess.run(["dpkg-deb", "-x", deb, folder / "unpacked"], check=True)
        (folder / f"{package}.done").touch()
    return folder / "unpacked/usr/share/openclipart"


def web_title(svg):
    found = re.search(r"<dc:title[^>]*>(.*?)</dc:title>", svg.read_bytes().decode("utf-8", "replace"), re.S)
    return " ".join(html.unescape(found[1]).split()) if found else ""


def records(clipart):
    """(key, picture, title) of each picture once that has a title with a letter; in an order that names do not decide."""
    seen, found = set(), []
    for png in clipart.glob("png/**/*.png"):
        key = str(png.relative_to(clipart / "png").with_suffix(""))
        title = web_title(clipart / "svg" / f"{key}.svg")
        digest = hashlib.sha256(png.read_bytes()).hexdigest()
        if any(c.isalpha() for c in title) and png.stat().st_size < 2_000_000:
            found.append((digest, key, png, title))
    for digest, key, png, title in sorted(found):
        if digest not in seen:
            seen.add(digest)
            yield key.replace("/", "__").replace(".", "_"), png, title


def num_pixels(png):
    return math.prod(struct.unpack(">2I", png.read_bytes()[16:24]))


def is_held_out(title):
    """A tenth, by title: pictures of one title lie on one side."""
    return int(hashlib.sha256(title.lower().encode()).hexdigest(), 16) % 10 == 0


def write_shards(folder, pictures):
    folder.mkdir()
    for first in range(0, len(pictures), SHARD):
        with tarfile.open(folder / f"{first // SHARD:05d}.tar", "w") as tar:
            for key, png, title in pictures[first:first + SHARD]:
                for suffix, data in (("png", png.read_bytes()), ("txt", title.encode())):
                    member = tarfile.TarInfo(f"{key}.{suffix}")
                    member.size = len(data)
                    tar.addfile(member, io.BytesIO(data))


def prepare(work, count):
    """Shards of `count` training pictures, and the held-out ones' annotations."""
    if (work / "held_out.jsonl").exists():
        return
    everything = list(records(fetch(work)))
    # One title in ten thousand drawings would be a fifth of them: no title has more than twenty.
    times, pictures = {}, []
    for record in everything:
        times[record[2]] = times.get(record[2], 0) + 1
        if times[record[2]] <= 20:
            pictures.append(record)
    training = [record for record in pictures if not is_held_out(record[2])][:count]
    # A few drawings are larger than is decoded: as training pictures they are counted as failed.
    held_out = [record for record in pictures if is_held_out(record[2]) and num_pixels(record[1]) < 50_000_000][:count // 10]
    write_shards(work / "web", training)
    lines = [json.dumps({"image": str(png), "caption": title, "image_id": key}) for key, png, title in held_out]
    (work / "held_out.jsonl").write_text("\n".join(lines) + "\n")
    say(f"{len(everything)} different pictures with a title; {len(training)} to train on, {len(held_out)} held out")


def run(blip2, *arguments):
    say(" ".join(str(argument) for argument in arguments))
    began = time.monotonic()
    status = subprocess.run([blip2, *map(str, arguments)]).returncode
    if status not in (0, 3):  # 3: some pictures failed, two of openclipart's are too large
        raise SystemExit(f"{arguments[0]}: exit status {status}")
    return time.monotonic() - began


def captions(arguments, arm):
    """The shards of an arm: as they are, or with CapFilt's captions."""
    if arm == "web":
        return arguments.work / "web"
    output = arguments.work / "capfilt_captions"
    run(arguments.blip2, "capfilt", "--captioner", arguments.demo / "stage2/model", "--ranker", arguments.demo / "stage1/model",
        arguments.work / "web", "--output", output, "--report", arguments.work / "capfilt.html", "--batch-size", arguments.batch_size)
    return output


def train(arguments, arm, shards):
    """Stage 1 and stage 2 of an arm, with the demo's settings and the given numbers of steps."""
    folder = arguments.work / f"{arm}_model"
    data = {"annotations": "[]", "images": shards, "format": "webdataset", "feature_cache": arguments.work / f"features_{arm}"}
    for stage, steps in (("stage1", arguments.stage1_steps), ("stage2", arguments.stage2_steps)):
        settings = {"run.output_dir": folder / stage, "run.max_steps": steps, "run.average_weights_from": steps * 2 // 3,
                    "run.warmup_steps": max(1, steps // (10 if stage == "stage1" else 20))}
        settings |= {f"datasets.demo.{name}": value for name, value in data.items()}
        if stage == "stage1":
            settings["run.hard_negatives_from"] = steps * 88 // 100
        else:
            settings["model.qformer"] = folder / "stage1/model"
        if (folder / stage / "model/config.json").exists():
            continue
        overrides = [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]
        run(arguments.blip2, "train", arguments.demo / stage / "config.yaml", *overrides)


def score(arguments, arm):
    """Metrics by set and task."""
    sets = {"unseen concepts": arguments.demo / "data/unseen_concepts.jsonl", "unseen drawings": arguments.demo / "data/unseen_drawings.jsonl",
            "openclipart, held out": arguments.work / "held_out.jsonl"}
    scores = {}
    for name, data in sets.items():
        for task, stage in (("retrieval", "stage1"), ("caption", "stage2")):
            output = arguments.work / f"{arm}_model" / f"{name.replace(', ', '_').replace(' ', '_')}_{task}"
            if not (output / "metrics.json").exists():
                run(arguments.blip2, "evaluate", "--model", arguments.work / f"{arm}_model" / stage / "model", "--task", task, "--data", data,
                    "--output", output, *(["--rerank", 0] if task == "retrieval" else []))
            scores[name, task] = json.loads((output / "metrics.json").read_text())
    return scores


def flat(metrics, prefix=""):
    for name, value in metrics.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name} ")
        elif isinstance(value, (int, float)):
            yield prefix + name, value


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("blip2")
    parser.add_argument("--demo", type=pathlib.Path, default=pathlib.Path("demo-run"), help="the folder of a finished demo")
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("openclipart"))
    parser.add_argument("--pictures", type=int, default=2500)
    parser.add_argument("--stage1-steps", type=int, default=150)
    parser.add_argument("--stage2-steps", type=int, default=320)
    parser.add_argument("--batch-size", type=int, default=16, help="pictures that are captioned at a time")
    arguments = parser.parse_args()
    arguments.work = arguments.work.resolve()
    arguments.work.mkdir(parents=True, exist_ok=True)
    prepare(arguments.work, arguments.pictures)
    scores = {}
    for arm in ARMS:
        train(arguments, arm, captions(arguments, arm))
        scores[arm] = score(arguments, arm)
    for name, task in scores[ARMS[0]]:
        print(f"\n{name + ', ' + task:40}" + "".join(f"{arm:>14}" for arm in scores))
        rows = {arm: dict(flat(scores[arm][name, task])) for arm in scores}
        for metric in rows[ARMS[0]]:
            print(f"  {metric:38}" + "".join(f"{row[metric]:14.2f}" for row in rows.values()))


if __name__ == "__main__":
    main()
