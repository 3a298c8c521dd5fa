"""The TensorBoard events of a training run, read back with TensorBoard's own reader."""
import json
import math
import struct

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import checkpoints
import program

STEPS = 5
AXES = ("step",)  # of a row of log.jsonl: not a curve


def train(folder, paths, steps):
    """A run of a tiny stage 1 until `steps` are done; a second call goes on."""
    model = folder / "blip2_retrieval"
    if not model.exists():
        checkpoints.blip2_retrieval(model)
        with open(folder / "pairs.jsonl", "w", encoding="utf-8") as pairs:
            for i, path in enumerate(paths):
                print(json.dumps({"image": str(path), "caption": f"two dogs {i}"}), file=pairs)
        size = json.loads((model / "config.json").read_text())["vision_config"]["image_size"]
        (folder / "run.yaml").write_text(f"""
model: {{arch: blip2, image_encoder: {model}, qformer: {model}, max_txt_len: 12}}
datasets:
  pictures: {{format: jsonl, annotations: {folder / 'pairs.jsonl'}, image_size: {size}}}
run:
  task: image_text_pretrain_stage1
  output_dir: {folder / 'run'}
  batch_size_train: 2
  warmup_steps: 2
  log_every: 1
""")
    program.run("train", folder / "run.yaml", "--set", f"run.max_steps={steps}")
    return folder / "run"


def curves(run):
    """{tag: {step: value}} as TensorBoard shows them, all files of the run together."""
    accumulator = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0})
    accumulator.Reload()
    return {tag: {event.step: event.value for event in accumulator.Scalars(tag)} for tag in accumulator.Tags()["scalars"]}


def expected_curves(run):
    """The same out of log.jsonl, in float32, which is what an event holds."""
    all_curves = {}
    for line in (run / "log.jsonl").read_text().splitlines():
        row = json.loads(line)
        for tag, value in row.items():
            if tag not in AXES:
                value = struct.unpack("f", struct.pack("f", math.nan if value is None else value))[0]
                all_curves.setdefault(tag, {})[row["step"]] = value
    return all_curves


def damaged(run, part):
    """Turns a byte of the run's last event file over, `part` (0 to 1) of the way in. Returns how to mend it."""
    path = sorted((run / "tensorboard").iterdir())[-1]
    whole = path.read_bytes()
    place = int(part * (len(whole) - 1))
    path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x40]) + whole[place + 1:])
    return lambda: path.write_bytes(whole)


def compare(folder, paths, report):
    for steps in (STEPS - 2, STEPS):  # the second call goes on, in a file of its own
        run = train(folder, paths, steps)
    expected = expected_curves(run)
    found = curves(run)
    missing = expected.keys() - found.keys()
    report.equal("tensorboard", "numbers of log.jsonl that are no curves", sorted(missing), ["epoch", "samples"])
    expected = {tag: expected[tag] for tag in found}
    report.line("tensorboard", f"{len(found)} curves of {STEPS} steps, read by TensorBoard", found == expected, sorted(found))
    seen = []
    for part in (0.6, 0.8, 0.98):  # TensorBoard stops at a record whose checksum is wrong
        mend = damaged(run, part)
        seen.append(curves(run) != expected)
        mend()
    report.equal("tensorboard", "a damaged file is seen", seen, [True] * len(seen))
