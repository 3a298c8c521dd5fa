#!/usr/bin/env python3
"""Ends training runs in every bad way and goes on with them: python tests/faults/run.py [--kills N].

BLIP2_BINARY is the program, BLIP2_FAULTS the preloaded library (fault_injection.cpp). Runs of a tiny stage 1 and of a tiny stage 2
are killed at every write, fsync and rename of a snapshot, at those of all other files and at random instants, find the disk full, or
their folder read-only. Each time a run is started again and must come out as the undisturbed one: the same model bit for bit, the
same rows, every record seen once.
"""
import argparse
import itertools
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
GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden"
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


class Weights:
    """Named tensors of random values."""

    def __init__(self, seed):
        self.rng, self.tensors = random.Random(seed), {}

    def add(self, name, *shape):
        count = 1
        for size in shape:
            count *= size
        self.tensors[name] = (list(shape), [self.rng.gauss(0, 0.3) for _ in range(count)])

    def linear(self, name, out, into):
        self.add(name + ".weight", out, into)
        self.add(name + ".bias", out)

    def norm(self, name, width):
        self.add(name + ".weight", width)
        self.add(name + ".bias", width)


def write_bert(folder, width=12, inner=20, layers=1):
    folder.mkdir()
    weights = Weights(1)
    for name, rows in (("word", len(WORDS)), ("position", 16), ("token_type", 2)):
        weights.add(f"embeddings.{name}_embeddings.weight", rows, width)
    weights.norm("embeddings.LayerNorm", width)
    for i in range(layers):
        layer = f"encoder.layer.{i}."
        for part in ("query", "key", "value"):
            weights.linear(layer + "attention.self." + part, width, width)
        weights.linear(layer + "attention.output.dense", width, width)
        weights.norm(layer + "attention.output.LayerNorm", width)
        weights.linear(layer + "intermediate.dense", inner, width)
        weights.linear(layer + "output.dense", width, inner)
        weights.norm(layer + "output.LayerNorm", width)
    write_safetensors(folder / "model.safetensors", weights.tensors)
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    (folder / "config.json").write_text(json.dumps(dict(
        model_type="bert", hidden_size=width, num_hidden_layers=layers, num_attention_heads=3, intermediate_size=inner,
        vocab_size=len(WORDS), max_position_embeddings=16, hidden_act="gelu", layer_norm_eps=1e-12)))


def write_opt(folder, width=10, inner=14, vocabulary=504, positions=40):
    """A language model of one layer, with the tests' tokenizer."""
    shutil.copytree(GOLDEN / "text/opt_like", folder)
    weights = Weights(2)
    weights.add("model.decoder.embed_tokens.weight", vocabulary, width)
    weights.add("model.decoder.embed_positions.weight", positions + 2, width)
    layer = "model.decoder.layers.0."
    for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
        weights.linear(layer + "self_attn." + name, width, width)
    weights.linear(layer + "fc1", inner, width)
    weights.linear(layer + "fc2", width, inner)
    for name in (layer + "self_attn_layer_norm", layer + "final_layer_norm", "model.decoder.final_layer_norm"):
        weights.norm(name, width)
    write_safetensors(folder / "model.safetensors", weights.tensors)
    (folder / "config.json").write_text(json.dumps(dict(
        model_type="opt", hidden_size=width, ffn_dim=inner, num_hidden_layers=1, num_attention_heads=2, word_embed_proj_dim=width,
        vocab_size=vocabulary, max_position_embeddings=positions, bos_token_id=2, eos_token_id=2, pad_token_id=1)))


def faulty(folder, **fault):
    """What the environment says to a program that meets a fault below `folder` (fault_injection.cpp)."""
    return {"LD_PRELOAD": str(pathlib.Path(LIBRARY).resolve()), "FAULT_FOLDER": str(folder),
            **{f"FAULT_{key.upper()}": str(value) for key, value in fault.items()}}


def wrong_end(kind, status, stderr, named=""):
    """What is wrong about how a program ended that met a fault, or None: one line is to say the reason, and `named`."""
    if kind in ("kill", "torn"):
        return None if status == -9 else f"exit status {status}"
    lines = [line for line in stderr.splitlines() if line.startswith("blip2: ") or " error: " in line]
    said = "No space" if kind == "full" else "Read-only"
    if status == 1 and len(lines) == 1 and said in lines[0] and named in lines[0]:
        return None
    return f"exit status {status}, {lines or stderr[-200:]}"


class Runs:
    """Runs of one stage in folders of their own."""

    def __init__(self, shared, stage):
        self.shared, self.stage = shared, stage
        write_bert(shared / "bert")
        language_model = ""
        if stage == 2:
            write_opt(shared / "opt")
            language_model = f"language_model: {shared / 'opt'}, prompt: a photo of,"
        colours = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (30, 40, 220), "white": (250, 250, 250), "grey": (120, 120, 120)}
        with open(shared / "pairs.jsonl", "w", encoding="utf-8") as pairs:
            for name, colour in colours.items():
                (shared / f"{name}.png").write_bytes(png(24, 24, colour))
                print(json.dumps({"image": f"{name}.png", "caption": f"a {name} square"}), file=pairs)
            print(json.dumps({"image": "gone.png", "caption": "a red square"}), file=pairs)
        self.config = shared / "run.yaml"
        self.config.write_text(f"""
model: {{arch: {"blip2" if stage == 1 else "blip2_opt"}, image_encoder: {ENCODER}, qformer: {shared / 'bert'}, {language_model}
  num_query_token: 4, embed_dim: 8, max_txt_len: 16}}
datasets:
  squares: {{format: jsonl, annotations: {shared / 'pairs.jsonl'}, augment: random_resized_crop_flip}}
run:
  task: image_text_pretrain_stage{stage}
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

    def start(self, folder, snapshots=False, **fault):
        """With a fault: of the calls below checkpoints/, which the snapshots' thread makes, or of the others, which the loop makes."""
        environment = dict(os.environ, OMP_WAIT_POLICY="PASSIVE", OMP_NUM_THREADS="1")
        if fault:
            of_snapshots = folder / "checkpoints"
            environment |= faulty(of_snapshots, **fault) if snapshots else faulty(folder, but=of_snapshots, **fault)
        return subprocess.Popen([BINARY, "train", str(self.config), "--set", f"run.output_dir={folder}"], env=environment,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self, folder, snapshots=False, **fault):
        process = self.start(folder, snapshots, **fault)
        stderr = process.communicate(timeout=300)[1]
        return process.returncode, stderr


def outcome(folder):
    return (folder / "model" / "model.safetensors").read_bytes(), log_rows(folder), sorted((folder / "skipped.jsonl").read_text().splitlines())


def newest_step(folder):
    steps = [int(path.name[5:]) for path in (folder / "checkpoints").glob("step-*") if re.fullmatch(r"step-\d{9}", path.name)]
    return max(steps, default=0)


class Campaign:
    """Of one stage."""

    def __init__(self, stage, scratch):
        scratch.mkdir()
        self.stage, self.scratch, self.runs = stage, scratch, Runs(scratch, stage)
        self.done = self.faults = 0
        started = time.monotonic()
        status, stderr = self.runs.finish(scratch / "undisturbed")
        self.seconds = time.monotonic() - started
        assert status == 0, stderr
        self.expected = outcome(scratch / "undisturbed")
        _, rows, skipped = self.expected
        assert [row["step"] for row in rows] == list(range(1, STEPS + 1)) and len(skipped) == 1, (rows, skipped)
        self.calls = {snapshots: self.count(snapshots) for snapshots in (True, False)}

    def count(self, snapshots):
        folder = self.scratch / f"counted-{snapshots}"
        status, stderr = self.runs.finish(folder, snapshots, kind="count", calls=self.scratch / "calls")
        assert status == 0, stderr
        assert outcome(folder) == self.expected, "two runs of one seed differ"
        return len((self.scratch / "calls").read_text().splitlines())

    def cases(self):
        """(kind, whether the snapshots' call, which call): every call of the third snapshot, whose rotation removes the first; samples of
        the other snapshots' and the other files'; random instants."""
        share = self.calls[True] // (STEPS // EVERY)
        third = range(2 * share + 1, 3 * share + 1)
        of_snapshots = [number for number in range(1, self.calls[True] + 1) if number in third or number % 12 == 0]
        of_others = list(range(1, self.calls[False] + 1, 6))
        cases = []
        for snapshots, numbers in ((True, of_snapshots), (False, of_others)):
            for kind, every in (("kill", 1), ("torn", 9), ("full", 16), ("readonly", 24)):
                cases += [(kind, snapshots, number) for number in numbers[::every]]
        return cases + [("instant", None, i) for i in range(40)]

    def run(self, case, rng):
        kind, snapshots, number = case
        folder = self.scratch / "run"
        shutil.rmtree(folder, ignore_errors=True)
        self.done += 1
        if kind == "instant":
            seconds = rng.uniform(0, self.seconds)
            what = f"kill after {seconds:.2f} s"
            process = self.runs.start(folder)
            time.sleep(seconds)
            process.kill()
            process.communicate()
        else:
            what = f"{kind} at call {number} of {'a snapshot' if snapshots else 'another file'}"
            status, stderr = self.runs.finish(folder, snapshots, kind=kind, at=number)
            # Where it is the last snapshot's rotation that fails, there is nothing left to be lost.
            is_done = kind in ("full", "readonly") and status == 0 and snapshots and newest_step(folder) == STEPS
            wrong = None if is_done else wrong_end(kind, status, stderr)
            if wrong:
                return self.fault(what, wrong)
        return self.go_on(what, folder)

    def fault(self, what, message):
        self.faults += 1
        print(f"FAIL stage {self.stage}, {what}: {message}", flush=True)

    def go_on(self, what, folder):
        """The run is started again without a fault; what came out must be the undisturbed run's."""
        promised = newest_step(folder)
        status, stderr = self.runs.finish(folder)
        if status != 0:
            return self.fault(what, f"going on: exit status {status}: {stderr[-300:]}")
        if promised and promised < STEPS and f"resuming after step {promised} of" not in stderr:
            return self.fault(what, f"the snapshot of step {promised} was not taken: {stderr[-300:]}")
        for name, found, expected in zip(("model", "log", "skipped"), outcome(folder), self.expected):
            if found != expected:
                return self.fault(what, f"another {name} than the undisturbed run's")
        left = [path.name for path in folder.rglob("*") if ".partial" in path.name]
        if left:
            self.fault(what, f"left behind: {left[0]}")
        return None


def drawn(cases, number, rng):
    """`number` of the cases, as many of each kind, snapshots' and others' alike."""
    kinds = {(kind, snapshots) for kind, snapshots, _ in cases}
    groups = [[case for case in cases if case[:2] == kind] for kind in sorted(kinds, key=str)]
    for group in groups:
        rng.shuffle(group)
    rows = itertools.zip_longest(*groups)
    return [case for row in rows for case in row if case is not None][:number]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=0,
                        help="so many faults in all [every call of a snapshot, samples of all others, 40 instants, for each stage]")
    parser.add_argument("--stage", type=int, choices=(1, 2), help="this stage alone")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    stages = [options.stage] if options.stage else [1, 2]
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        for stage in stages:
            started = time.monotonic()
            campaign = Campaign(stage, pathlib.Path(name) / f"stage{stage}")
            cases = campaign.cases()
            if options.kills:
                cases = drawn(cases, options.kills // len(stages), rng)
            for case in cases:
                campaign.run(case, rng)
                if campaign.done % 50 == 0:
                    print(f"stage {stage}: {campaign.done} of {len(cases)}, {campaign.faults} wrong", flush=True)
            kinds = {kind: sum(case[0] == kind for case in cases) for kind in ("kill", "torn", "instant", "full", "readonly")}
            print(f"stage {stage}: {len(cases)} faults injected ({', '.join(f'{n} {kind}' for kind, n in kinds.items())}; a run makes "
                  f"{campaign.calls[True]} calls for snapshots and {campaign.calls[False]} for other files), {campaign.faults} wrong "
                  f"outcomes, {time.monotonic() - started:.0f} s", flush=True)
            wrong += campaign.faults
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
