"""What the tests that run the program share. Standard library alone.

BLIP2_BINARY is the program. BLIP2_ASSETS (else ~/.cache/blip2) holds what tools/fetch_assets fetched.
"""
import functools
import io
import json
import math
import os
import pathlib
import struct
import subprocess
import tarfile
import tempfile
import unittest
import zlib

BINARY = os.environ.get("BLIP2_BINARY", "build/blip2")
ASSETS = pathlib.Path(os.environ.get("BLIP2_ASSETS", pathlib.Path.home() / ".cache/blip2"))
ENCODER = ASSETS / "models/efficientnet_lite0/efficientnet_lite0.pth"
BERT = ASSETS / "models/all_minilm_l6_v2"
LANGUAGE_MODEL = ASSETS / "models/smollm2_135m_instruct/smollm2.gguf"
CLOCK = ("samples_per_second", "elapsed_s")  # of log.jsonl: another in every run


def png(width, height, colour, declared=None):
    """The bytes of a plain RGB picture; `declared` lies about its size."""
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
    rows = b"".join(b"\0" + bytes(colour) * width for _ in range(height))
    size = declared or (width, height)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def write_shard(path, members):
    """A webdataset shard of (name, bytes)."""
    with tarfile.open(path, "w") as shard:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            shard.addfile(entry, io.BytesIO(content))


def write_tensors(path, shapes):
    """A safetensors file of float32 zeros."""
    header, end = {}, 0
    for name, shape in shapes.items():
        begin, end = end, end + 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(end))


def read_tensors(path):
    """The float32 tensors of a safetensors file, each as (shape, flat values)."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    tensors = {}
    for name, entry in json.loads(content[8:8 + length]).items():
        if name != "__metadata__":
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            tensors[name] = entry["shape"], struct.unpack(f"<{(end - begin) // 4}f", content[begin:end])
    return tensors


def require_assets():
    for asset in (ENCODER, BERT / "model.safetensors", LANGUAGE_MODEL):
        if not asset.exists():
            raise AssertionError(f"{asset}: run tools/fetch_assets")


def log_rows(output):
    """The rows of a run's log.jsonl, without what the clock says."""
    lines = (pathlib.Path(output) / "log.jsonl").read_text().splitlines()
    return [{key: value for key, value in json.loads(line).items() if key not in CLOCK} for line in lines]


def blip2(*arguments, stdin="", timeout=300, cwd=None):
    """The finished process; rows and messages as text."""
    environment = dict(os.environ, OMP_WAIT_POLICY="PASSIVE", OMP_NUM_THREADS="2")
    return subprocess.run([BINARY, *map(str, arguments)], input=stdin, timeout=timeout, cwd=cwd,
                          capture_output=True, text=True, env=environment)


def without_a_reader(*arguments):
    """The finished process, whose stdout nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        return subprocess.run([BINARY, *map(str, arguments)], stdout=writing, stderr=subprocess.PIPE, text=True, timeout=300)
    finally:
        os.close(writing)


def limited(limit, *arguments):
    """The finished process under a limit of the shell, such as "ulimit -f 1" (blocks of 1024 bytes)."""
    return subprocess.run(["bash", "-c", f"trap '' XFSZ; {limit}; exec \"$@\"", "-", BINARY, *map(str, arguments)],
                          env=dict(os.environ, OMP_NUM_THREADS="2"), capture_output=True, text=True, timeout=300)


def rows_of(text):
    """JSONL rows, checked to be one a line with no control character but the line feed."""
    assert text == "" or text.endswith("\n"), text
    for character in text:
        code = ord(character)
        control = code < 0x20 or 0x7F <= code <= 0x9F or code in (0x2028, 0x2029)
        assert character == "\n" or not control, hex(code)
    return [json.loads(line) for line in text.split("\n")[:-1]]


class CommandLineCase(unittest.TestCase):
    """A case with a temporary folder of its own, `folder`."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def assert_error(self, result, status, *words):
        """Exit status, nothing on stdout, one line on stderr that says `words`."""
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertEqual(result.stdout, "")
        lines = result.stderr.splitlines()
        self.assertEqual(len(lines), 1, result.stderr)
        self.assertTrue(lines[0].startswith("blip2: "), lines[0])
        for word in words:
            self.assertIn(word, lines[0])


class TrainedModels:
    """A stage-1 and a stage-2 model of two training steps each, with four pictures, in a temporary folder."""

    def __init__(self):
        require_assets()
        self._folder = tempfile.TemporaryDirectory()  # removed with this object
        self.shared = pathlib.Path(self._folder.name)
        self.pictures = self.shared / "pictures"
        self.pictures.mkdir()
        colours = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (30, 40, 220),
                   "white": (255, 255, 255)}
        with open(self.shared / "pairs.jsonl", "w", encoding="utf-8") as pairs:
            for number, (name, colour) in enumerate(colours.items()):
                (self.pictures / f"{name}.png").write_bytes(png(40, 30, colour))
                pairs.write(json.dumps({"image": f"{name}.png", "caption": f"a {name} square",
                                        "image_id": number}) + "\n")
        self.stage1 = self.train("stage1", "blip2", "image_text_pretrain_stage1", BERT)
        self.stage2 = self.train("stage2", "blip2_llama", "image_text_pretrain_stage2", self.stage1)

    def train(self, name, arch, task, qformer):
        config = self.shared / f"{name}.yaml"
        config.write_text(f"""
model:
  arch: {arch}
  image_encoder: {ENCODER}
  qformer: {qformer}
  {f'language_model: {LANGUAGE_MODEL}' if arch != 'blip2' else ''}
  num_query_token: 4
  embed_dim: 32
datasets:
  squares:
    format: jsonl
    annotations: {self.shared / 'pairs.jsonl'}
    images: {self.pictures}
    augment: none
run:
  task: {task}
  output_dir: {self.shared / name}
  max_steps: 2
  batch_size_train: 2
  warmup_steps: 1
  num_workers: 1
""")
        result = blip2("train", config, "--set", "run.log_every=1")
        assert result.returncode == 0, result.stderr
        model = self.shared / name / "model"
        assert (model / "config.json").exists(), result.stderr
        return model


@functools.cache
def trained_models():
    """The models that all tests of a process share."""
    return TrainedModels()


class ModelCase(CommandLineCase):
    """A case with the two models and the pictures that they were trained on."""

    @classmethod
    def setUpClass(cls):
        models = trained_models()
        cls.shared, cls.pictures, cls.stage1, cls.stage2 = models.shared, models.pictures, models.stage1, models.stage2

    def notes(self):
        """A folder of somebody's with a folder `model` in it."""
        (self.folder / "project/model").mkdir(parents=True)
        (self.folder / "project/model/notes.txt").write_text("precious")
        return self.folder / "project"

    def bad_inputs(self):
        """A folder's worth of inputs in order: (path, is good)."""
        good = (self.pictures / "red.png").read_bytes()
        files = {"empty.png": b"", "cut.png": good[:len(good) // 2], "text.png": b"no picture",
                 "huge.png": png(4, 4, (1, 2, 3), declared=(100_000, 100_000))}
        inputs = [(self.pictures / "red.png", True)]
        for name, content in files.items():
            (self.folder / name).write_bytes(content)
            inputs += [(self.folder / name, False), (self.pictures / "blue.png", True)]
        return inputs + [(self.folder / "gone.png", False)]

    def assert_rows_in_order(self, result, inputs):
        self.assertEqual(result.returncode, 3, result.stderr)
        rows = rows_of(result.stdout)
        self.assertEqual([row["image"] for row in rows], [str(path) for path, _ in inputs])
        self.assertEqual(["error" not in row for row in rows], [good for _, good in inputs])
        self.assertEqual(len(result.stderr.splitlines()), sum(not good for _, good in inputs))
        return [row for row in rows if "error" not in row]
