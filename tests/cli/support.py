"""What the tests that run the program share. Standard library alone."""
import io
import json
import math
import os
import pathlib
import struct
import tarfile
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


def require_assets():
    for asset in (ENCODER, BERT / "model.safetensors", LANGUAGE_MODEL):
        if not asset.exists():
            raise AssertionError(f"{asset}: run tools/fetch_assets")


def log_rows(output):
    """The rows of a run's log.jsonl, without what the clock says."""
    lines = (pathlib.Path(output) / "log.jsonl").read_text().splitlines()
    return [{key: value for key, value in json.loads(line).items() if key not in CLOCK} for line in lines]
