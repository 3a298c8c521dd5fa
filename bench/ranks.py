#!/usr/bin/env python3
"""How much faster two ranks are than one: pairs a second of `blip2 train`, in wall time, both stages.

  BLIP2_BINARY=build/blip2 python3 bench/ranks.py [--ranks 2] [--rounds 3]

Each process has one thread and a core of its own, so that the machine needs a free core for each rank: on a shared one the figure says
little (the load is printed). One process has a batch of B, W ranks have W times B; efficiency is their pairs a second over W times
one process's. Runs alternate; of each the median of the steps after the third counts, of the runs the best. The models are the
demo's (tools/fetch_assets), features come from a cache. Standard library alone.
"""
import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "cli"))
from support import BERT, BINARY, ENCODER, LANGUAGE_MODEL, png, require_assets  # noqa: E402

BATCH = {1: 8, 2: 4}
STEPS, FIRST = 15, 3
WORDS = ["red", "a blue field", "one green flag by the sea", "dark", "a pale, pale sky at night"]


def write_pairs(folder, count=96):
    colours = random.Random(1)
    with open(folder / "pairs.jsonl", "w", encoding="utf-8") as pairs:
        for i in range(count):
            (folder / f"{i}.png").write_bytes(png(64, 64, [colours.randrange(256) for _ in range(3)]))
            print(json.dumps({"image": f"{i}.png", "caption": f"{WORDS[i % len(WORDS)]} {i}"}), file=pairs)


def write_config(folder, stage):
    language_model = f"language_model: {LANGUAGE_MODEL}" if stage == 2 else ""
    (folder / f"stage{stage}.yaml").write_text(f"""
model:
  arch: {"blip2" if stage == 1 else "blip2_llama"}
  image_encoder: {ENCODER}
  qformer: {BERT}
  {language_model}
  num_query_token: 16
  max_txt_len: 24
  freeze_embeddings: {"true" if stage == 1 else "false"}
datasets:
  pictures: {{format: jsonl, annotations: {folder / "pairs.jsonl"}, augment: none, feature_cache: {folder / "features"}}}
run:
  task: image_text_pretrain_stage{stage}
  max_steps: {STEPS}
  batch_size_train: {BATCH[stage]}
  warmup_steps: 3
  num_workers: 1
  log_every: 1
  checkpoint_every: 1000
""")


def pairs_a_second(folder, stage, ranks, mpirun):
    output = folder / f"run-{stage}-{ranks}"
    command = [BINARY, "train", str(folder / f"stage{stage}.yaml"), "--resume", "never", "--threads", "1", "--log-level", "error",
               "--set", f"run.output_dir={output}"]
    if ranks > 1:
        command = [mpirun, "--allow-run-as-root", "--bind-to", "core", "-n", str(ranks), *command]
    else:
        command = ["taskset", "-c", str(min(os.sched_getaffinity(0))), *command]
    subprocess.run(command, check=True, capture_output=True)
    rows = [json.loads(line) for line in (output / "log.jsonl").read_text().splitlines()]
    return statistics.median(row["samples_per_second"] for row in rows[FIRST:])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mpirun", default="mpirun")
    options = parser.parse_args()
    require_assets()
    if len(os.sched_getaffinity(0)) < options.ranks:
        sys.exit(f"expected a core for each of {options.ranks} ranks, found {len(os.sched_getaffinity(0))}")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_pairs(folder)
        for stage in (1, 2):
            write_config(folder, stage)
            pairs_a_second(folder, stage, 1, options.mpirun)  # fills the feature cache
            one, many = [], []
            for _ in range(options.rounds):
                one.append(pairs_a_second(folder, stage, 1, options.mpirun))
                many.append(pairs_a_second(folder, stage, options.ranks, options.mpirun))
            efficiency = max(many) / (options.ranks * max(one))
            print(f"stage {stage}: {max(one):.2f} pairs/s with one process, {max(many):.2f} with {options.ranks} ranks: efficiency "
                  f"{100 * efficiency:.0f} %   (load {os.getloadavg()[0]:.1f}; all runs "
                  f"{' '.join(f'{x:.2f}' for x in one)} | {' '.join(f'{x:.2f}' for x in many)})", flush=True)


if __name__ == "__main__":
    main()
