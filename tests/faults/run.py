#!/usr/bin/env python3
"""Ends training runs in every bad way and goes on with them: python tests/faults/run.py [--kills N].

BLIP2_BINARY is the program, BLIP2_FAULTS the preloaded library (fault_injection.cpp). A run of a tiny stage 1 is killed at every
write, fsync and rename of a snapshot and at random instants, finds the disk full, or its folder read-only. Each time it is started
again and must come out as the undisturbed run: the same model bit for bit, the same rows, every record seen once.
"""
import argparse
import json
import os
import pathlib
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
from support import BINARY, ENCODER, log_rows, png  # noqa: E402

LIBRARY = os.environ.get("BLIP2_FAULTS", "build/libfault_injection.so")
STEPS, EVERY = 8, 2
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "red", "green", "blue", "white", "grey", "square"]


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, (shape, values) in tensors.items():
        raw = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def write_bert(folder, width=12, inner=20, layers=2):
    folder.mkdir()
    rng = random.Random(1)
    tensors = {}

    def add(name, *shape):
        count = 1
        for size in shape:
            count *= size
        tensors[name] = (list(shape), [rng.gauss(0, 0.3) for _ in range(count)])

    def norm(name):
        add(name + ".weight", width)
        add(name + ".bias", width)

    def linear(name, out, into):
        add(name + ".weight", out, into)
        add(name + ".bias", out)

    for name, rows in (("word", len(WORDS)), ("position", 16), ("token_type", 2)):
        add(f"embeddings.{name}_embeddings.weight", rows, width)
    norm("embeddings.LayerNorm")
    for i in range(layers):
        layer = f"encoder.layer.{i}."
        for part in ("query", "key", "value"):
            linear(layer + "attention.self." + part, width, width)
        linear(layer + "attention.output.dense", width, width)
        norm(layer + "attention.output.LayerNorm")
        linear(layer + "intermediate.dense", inner, width)
        linear(layer + "output.dense", width, inner)
        norm(layer + "output.LayerNorm")
    write_safetensors(folder / "model.safetensors", tensors)
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    (folder / "config.json").write_text(json.dumps(dict(
        model_type="bert", hidden_size=width, num_hidden_layers=layers, num_attention_heads=3, intermediate_size=inner,
        vocab_size=len(WORDS), max_position_embeddings=16, hidden_act="gelu", layer_norm_eps=1e-12)))


class Runs:
    """Runs of one configuration in folders of their own."""

    def __init__(self, shared):
        self.shared = shared
        write_bert(shared / "bert")
        colours = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (30, 40, 220), "white": (250, 250, 250), "grey": (120, 120, 120)}
        with open(shared / "pairs.jsonl", "w", encoding="utf-8") as pairs:
            for name, colour in colours.items():
                (shared / f"{name}.png").write_bytes(png(24, 24, colour))
                print(json.dumps({"image": f"{name}.png", "caption": f"a {name} square"}), file=pairs)
            print(json.dumps({"image": "gone.png", "caption": "a red square"}), file=pairs)
        self.config = shared / "run.yaml"
        self.config.write_text(f"""
model: {{arch: blip2, image_encoder: {ENCODER}, qformer: {shared / 'bert'}, num_query_token: 4, embed_dim: 8, max_txt_len: 8}}
datasets:
  squares: {{format: jsonl, annotations: {shared / 'pairs.jsonl'}, augment: random_resized_crop_flip}}
run:
  task: image_text_pretrain_stage1
  max_steps: {STEPS}
  batch_size_train: 2
  warmup_steps: 2
  log_every: 1
  checkpoint_every: {EVERY}
  keep_checkpoints: 2
  num_workers: 2
  drop_rate: 0.1
  max_skipped_fraction: 0.5
  average_weights_from: 3
""")

    def start(self, folder, **fault):
        environment = dict(os.environ, OMP_WAIT_POLICY="PASSIVE", OMP_NUM_THREADS="1")
        if fault:
            environment.update(LD_PRELOAD=str(pathlib.Path(LIBRARY).resolve()), FAULT_FOLDER=str(folder),
                               **{f"FAULT_{key.upper()}": str(value) for key, value in fault.items()})
        return subprocess.Popen([BINARY, "train", str(self.config), "--set", f"run.output_dir={folder}"], env=environment,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self, folder, **fault):
        process = self.start(folder, **fault)
        stderr = process.communicate(timeout=300)[1]
        return process.returncode, stderr


def outcome(folder):
    return (folder / "model" / "model.safetensors").read_bytes(), log_rows(folder), sorted((folder / "skipped.jsonl").read_text().splitlines())


def newest_step(folder):
    steps = [int(path.name[5:]) for path in (folder / "checkpoints").glob("step-*") if re.fullmatch(r"step-\d{9}", path.name)]
    return max(steps, default=0)


class Campaign:
    def __init__(self, runs, scratch, expected):
        self.runs, self.scratch, self.expected = runs, scratch, expected
        self.done = self.faults = 0

    def fault(self, what, message):
        self.faults += 1
        print(f"FAIL {what}: {message}", flush=True)

    def go_on(self, what, folder):
        """The run is started again without a fault; what came out must be the undisturbed run's."""
        self.done += 1
        promised = newest_step(folder)
        status, stderr = self.runs.finish(folder)
        if status != 0:
            return self.fault(what, f"going on: exit status {status}: {stderr[-300:]}")
        if promised and promised < STEPS and f"going on after step {promised} of" not in stderr:
            return self.fault(what, f"the snapshot of step {promised} was not taken: {stderr[-300:]}")
        for name, found, expected in zip(("model", "log", "skipped"), outcome(folder), self.expected):
            if found != expected:
                return self.fault(what, f"another {name} than the undisturbed run's")
        left = [path.name for path in folder.rglob("*") if ".partial" in path.name]
        if left:
            self.fault(what, f"left behind: {left[0]}")
        return None

    def at_call(self, kind, number):
        what, folder = f"{kind} at call {number}", self.scratch / "run"
        shutil.rmtree(folder, ignore_errors=True)
        status, stderr = self.runs.finish(folder, kind=kind, at=number)
        if kind in ("kill", "torn"):
            if status != -9:
                return self.fault(what, f"exit status {status}")
        else:
            lines = [line for line in stderr.splitlines() if line.startswith("blip2: ") or " error: " in line]
            if status != 1 or len(lines) != 1 or ("No space" if kind == "full" else "Read-only") not in lines[0]:
                return self.fault(what, f"exit status {status}, {lines or stderr[-200:]}")
        return self.go_on(what, folder)

    def at_instant(self, seconds):
        what, folder = f"kill after {seconds:.2f} s", self.scratch / "run"
        shutil.rmtree(folder, ignore_errors=True)
        process = self.runs.start(folder)
        time.sleep(seconds)
        process.kill()
        process.communicate()
        return self.go_on(what, folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=0, help="so many faults in all [every call of a snapshot, and 60 instants]")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as name:
        scratch = pathlib.Path(name)
        runs = Runs(scratch)
        started = time.monotonic()
        status, stderr = runs.finish(scratch / "undisturbed")
        seconds = time.monotonic() - started
        assert status == 0, stderr
        expected = outcome(scratch / "undisturbed")
        assert [row["step"] for row in expected[1]] == list(range(1, STEPS + 1)) and len(expected[2]) == 1, expected[1:]
        status, stderr = runs.finish(scratch / "counted", kind="count", count=scratch / "count")
        assert status == 0 and outcome(scratch / "counted") == expected, "two runs of one seed differ"
        calls = int((scratch / "count").read_text())
        # From the start to the end of the second snapshot, every call; then the end of the run.
        numbers = list(range(1, calls // 2)) + list(range(calls - 60, calls + 1))
        cases = [("kill", n) for n in numbers] + [("torn", n) for n in numbers[::7]]
        cases += [("full", n) for n in numbers[::11]] + [("readonly", n) for n in numbers[::17]] + [("instant", i) for i in range(60)]
        if options.kills:
            kinds = ("kill", "torn", "full", "readonly", "instant")
            share = [rng.sample([case for case in cases if case[0] == kind], max(1, options.kills // len(kinds))) for kind in kinds]
            cases = [case for group in share for case in group]
        campaign = Campaign(runs, scratch, expected)
        for kind, number in cases:
            if kind == "instant":
                campaign.at_instant(rng.uniform(0, seconds))
            else:
                campaign.at_call(kind, number)
            if campaign.done % 50 == 0 and campaign.done:
                print(f"{campaign.done} of {len(cases)}, {campaign.faults} faults", flush=True)
        print(f"{len(cases)} faults injected ({calls} calls a run), {campaign.faults} wrong outcomes, {time.monotonic() - started:.0f} s")
        return campaign.faults > 0


if __name__ == "__main__":
    sys.exit(main())
