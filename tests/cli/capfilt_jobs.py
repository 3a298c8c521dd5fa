"""What the tests of `blip2 capfilt` share: a tiny model, inputs of every kind, and what came out. Standard library alone."""
import colorsys
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import unittest

from support import BINARY, ENCODER, png, require_assets, write_shard

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "faults"))
from run import write_bert  # noqa: E402

ENVIRONMENT = dict(os.environ, OMP_WAIT_POLICY="PASSIVE", OMP_NUM_THREADS="1")


def make_model(folder):
    """A stage-1 model of a few thousand weights: it writes captions, ranks them, and matches."""
    write_bert(folder / "bert")
    (folder / "red.png").write_bytes(png(24, 24, (220, 30, 30)))
    (folder / "blue.png").write_bytes(png(24, 24, (30, 40, 220)))
    with open(folder / "pairs.jsonl", "w", encoding="utf-8") as pairs:
        for name in ("red", "blue"):
            print(json.dumps({"image": f"{name}.png", "caption": f"a {name} square"}), file=pairs)
    (folder / "model.yaml").write_text(f"""
model: {{arch: blip2, image_encoder: {ENCODER}, qformer: {folder / 'bert'}, num_query_token: 4, embed_dim: 8, max_txt_len: 12}}
datasets:
  squares: {{format: jsonl, annotations: {folder / 'pairs.jsonl'}, augment: none}}
run: {{task: image_text_pretrain_stage1, max_steps: 2, batch_size_train: 2, warmup_steps: 1, num_workers: 0, output_dir: {folder / 'run'}}}
""")
    result = subprocess.run([BINARY, "train", str(folder / "model.yaml")], env=ENVIRONMENT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return folder / "run" / "model"


def picture(number, side=20):
    """A PNG of a colour of its own."""
    red, green, blue = colorsys.hsv_to_rgb(number * 0.381966 % 1, 0.3 + 0.6 * (number % 5) / 5, 0.95 - 0.5 * (number % 7) / 7)
    return png(side, side, (int(255 * red), int(255 * green), int(255 * blue)))


def sample(key, number, **fields):
    """The members of a webdataset sample."""
    fields = {"caption": f"a red square {number}", "url": f"https://example.org/{number}.png", **fields}
    return [(f"{key}.png", picture(number)), (f"{key}.json", json.dumps(fields).encode())]


def make_shards(folder, shards=3, records=5):
    folder.mkdir(parents=True, exist_ok=True)
    for shard in range(shards):
        members = []
        for record in range(records):
            members += sample(f"{shard:05}{record:04}", shard * records + record)
        write_shard(folder / f"{shard:05}.tar", members)
    return [folder / f"{shard:05}.tar" for shard in range(shards)]


OPTIONS = {"--prompt": "", "--num-return-sequences": "3", "--max-length": "8", "--min-length": "3", "--batch-size": "2",
           "--lease-s": "2", "--threads": "1"}


def command(model, output, *more):
    more = list(map(str, more))
    options = [word for name, value in OPTIONS.items() if name not in more for word in (name, value)]
    return [BINARY, "capfilt", "--captioner", str(model), "--ranker", str(model), "--output", str(output), *options, *more]


def capfilt(model, output, *more, timeout=300):
    return subprocess.run(command(model, output, *more), env=ENVIRONMENT, capture_output=True, text=True, timeout=timeout)


def outcome(output):
    """The bytes of all that does not tell the time: by path."""
    output = pathlib.Path(output)
    files = {str(path.relative_to(output)): path.read_bytes() for path in sorted(output.rglob("*"))
             if path.is_file() and path.relative_to(output).parts[0] != "job"}
    summary = json.loads(files["summary.json"])
    del summary["seconds"]
    files["summary.json"] = summary
    return files


def read_tar(path):
    """Name -> bytes, in order."""
    with tarfile.open(path) as shard:
        return {member.name: shard.extractfile(member).read() for member in shard}


def status(output):
    result = subprocess.run([BINARY, "capfilt", "status", str(output), "--format", "jsonl"], capture_output=True, text=True,
                            env=ENVIRONMENT)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


class CapFiltCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        require_assets()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.shared = pathlib.Path(folder.name)
        cls.model = make_model(cls.shared)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.output = self.folder / "out"

    def run_capfilt(self, *arguments, expect=0):
        result = capfilt(self.model, self.output, *arguments)
        self.assertEqual(result.returncode, expect, result.stderr)
        return result

    def assert_refused(self, result, code, *words):
        self.assertEqual(result.returncode, code, result.stderr)
        lines = [line for line in result.stderr.splitlines() if line.startswith("blip2: ")]
        self.assertEqual(len(lines), 1, result.stderr)
        for word in words:
            self.assertIn(str(word), lines[0])

    def counts(self):
        return json.loads((self.output / "summary.json").read_text())
