#!/usr/bin/env python3
"""Writes tests/golden/checkpoint: weight files made by PyPI safetensors, torch and gguf, and what they hold.

Run by hand with the environment of tools/requirements-goldens.txt. `expected.txt` has a line per tensor:
file, name, dtype, shape (comma-separated or "scalar") and the CRC-32 of the contiguous little-endian bytes.
With a folder of real models as argument (the layout of tools/fetch_assets), lines for those are added.
"""
import argparse
import collections
import datetime
import json
import pathlib
import pickle
import shutil
import struct
import sys
import types
import zlib

import gguf
import numpy as np
import safetensors.torch
import torch

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden" / "checkpoint"
lines = []


def crc(tensor):
    tensor = tensor.detach().contiguous()
    return zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())


def expect(file, name, tensor):
    shape = ",".join(map(str, tensor.shape)) or "scalar"
    lines.append(f"{file} {name} {str(tensor.dtype)[6:]} {shape} {crc(tensor):08x}")


def expect_all(file, tensors):
    for name in sorted(tensors):
        expect(file, name, tensors[name])


def make_safetensors():
    torch.manual_seed(1)
    tensors = {
        "scalar": torch.tensor(3.5),
        "empty": torch.zeros(0, 3),
        "f32": torch.randn(3, 5),
        "f64": torch.randn(4, dtype=torch.float64),
        "f16": torch.randn(2, 3).half(),
        "bf16": torch.randn(7).bfloat16(),
        "i64": torch.tensor([-1, 2**40]),
        "i32": torch.tensor([-5, 6, 7], dtype=torch.int32),
        "i16": torch.tensor([-300, 300], dtype=torch.int16),
        "i8": torch.tensor([-128, 127, 0], dtype=torch.int8),
        "u8": torch.tensor([0, 255, 3], dtype=torch.uint8),
        "u16": torch.tensor([0, 65535], dtype=torch.uint16),
        "u32": torch.tensor([0, 2**32 - 1], dtype=torch.uint32),
        "u64": torch.tensor([0, 2**63], dtype=torch.uint64),
        "bool": torch.tensor([True, False, True]),
        "c64": torch.tensor([1 + 2j, -3.5j], dtype=torch.complex64),
        "f8_e4m3": torch.randn(5).to(torch.float8_e4m3fn),
        "f8_e5m2": torch.randn(3).to(torch.float8_e5m2),
        'name "quoted" \\ \t é \x7f': torch.ones(1),
    }
    safetensors.torch.save_file(tensors, OUT / "dtypes.safetensors", metadata={"format": "pt"})
    expect_all("dtypes.safetensors", {k: v for k, v in tensors.items() if " " not in k})
    two = {"a": torch.tensor([1, -2.5]), "b": torch.tensor([[0.5], [65504.0]]).half()}
    safetensors.torch.save_file(two, OUT / "two.safetensors", metadata={"format": "pt"})


def make_shards():
    folder = OUT / "sharded"
    folder.mkdir()
    torch.manual_seed(2)
    shards = [{"a.weight": torch.randn(2, 2), "a.bias": torch.randn(2)}, {"b.weight": torch.randn(3)}]
    weight_map = {}
    for i, shard in enumerate(shards):
        file = f"model-{i + 1:05d}-of-00002.safetensors"
        safetensors.torch.save_file(shard, folder / file, metadata={"format": "pt"})
        weight_map |= {name: file for name in shard}
        expect_all("sharded", shard)
    index = {"metadata": {"total_size": 36}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2))
    lines.sort()


def make_torch():
    torch.manual_seed(3)
    base = torch.randn(6, 4)
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    state = model.state_dict()  # an OrderedDict with _metadata, int64 num_batches_tracked
    tensors = {
        "f32": torch.randn(2, 3),
        "f16": torch.randn(3).half(),
        "bf16": torch.randn(2, 2).bfloat16(),
        "f64": torch.randn(2, dtype=torch.float64),
        "i64": torch.arange(5),
        "i32": torch.arange(3, dtype=torch.int32),
        "u8": torch.arange(3, dtype=torch.uint8),
        "bool": torch.tensor([[True, False], [False, False]]),
        "scalar": torch.tensor(2.25),
        "empty": torch.zeros(2, 0),
        "shared": base,
        "rows": base[2:4],
        "transposed": base.t(),
        "strided": base[1::2, 1:4:2],
        "expanded": base[0, :3].expand(2, 3),
        "parameter": torch.nn.Parameter(torch.randn(2)),
        "f8": torch.randn(4).to(torch.float8_e4m3fn),
        "u16": torch.tensor([1, 65535], dtype=torch.uint16),
    }
    saved = collections.OrderedDict(tensors)
    saved["model"] = state
    saved["values"] = {"epoch": 7, "rate": 1e-4, "name": "tiny", "on": True, "none": None, "huge": 2**80,
                       "negative": -300, "long": 2**40, "size": torch.Size([2, 3]), "set": {1},
                       "list": [1, 2.5, "x"], "device": torch.device("cpu"), "bytes": b"ab", 3: "three"}
    flat = tensors | {f"model.{name}": value for name, value in state.items()}
    torch.save(saved, OUT / "zip.pth")
    expect_all("zip.pth", flat)
    del saved["f8"], saved["u16"]  # the legacy form has no storage types for these
    torch.save(saved, OUT / "legacy.pth", _use_new_zipfile_serialization=False)
    expect_all("legacy.pth", {k: v for k, v in flat.items() if k not in ("f8", "u16")})
    wrapped = {"model": {"w": base}, "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}}, "epoch": 3}
    torch.save(wrapped, OUT / "wrapped.pth")
    expect_all("wrapped.pth", {"w": base})
    torch.save(wrapped, OUT / "wrapped_legacy.pth", _use_new_zipfile_serialization=False)
    expect_all("wrapped_legacy.pth", {"w": base})
    torch.save(base, OUT / "bare.pt")
    expect_all("bare.pt", {"tensor": base})


class Evil:
    def __reduce__(self):
        import os
        return os.system, ("touch /tmp/pickle_was_executed",)


def make_evil():
    torch.save({"w": torch.ones(2), "x": Evil()}, OUT / "evil_zip.pth")
    torch.save({"w": torch.ones(2), "x": Evil()}, OUT / "evil_legacy.pth", _use_new_zipfile_serialization=False)


def foreign(module, name):
    """A dictionary class that unpickles only where that module is."""
    cls = type(name, (dict,), {})
    cls.__module__ = module
    for i in range(len(parts := module.split("."))):
        sys.modules.setdefault(".".join(parts[:i + 1]), types.ModuleType(".".join(parts[:i + 1])))
    setattr(sys.modules[module], name, cls)
    return cls


class Rebuilt:
    """A tensor that only a function of ours can make."""

    def __init__(self, tensor):
        self.tensor = tensor

    def __reduce__(self):
        return make_rebuilt, (self.tensor,)


def make_rebuilt(tensor):
    return tensor


def make_opaque():
    torch.manual_seed(5)
    parameter = torch.nn.Parameter(torch.randn(3))
    parameter.note = "with attributes"
    tensors = {"w": torch.randn(2, 3), "parameter": parameter}
    saved = tensors | {"needed": Rebuilt(torch.randn(2)), "packed": foreign("omegaconf.dictconfig", "DictConfig")(a=1)}
    content = {"model": collections.OrderedDict(saved), "args": argparse.Namespace(lr=0.5, names=["a"]),
               "best": np.float64(0.5), "curve": np.arange(3), "path": pathlib.PurePosixPath("a/b"),
               "when": datetime.date(2023, 1, 30), "epoch": 4}
    torch.save(content, OUT / "opaque.pth")
    torch.save(content, OUT / "opaque_legacy.pth", _use_new_zipfile_serialization=False)
    for protocol in (3, 4, 5):
        torch.save(content, OUT / f"protocol{protocol}.pth", pickle_protocol=protocol)
    for file in ("opaque.pth", "opaque_legacy.pth", "protocol3.pth", "protocol4.pth", "protocol5.pth"):
        expect_all(file, tensors)
    torch.save(torch.nn.Linear(2, 3), OUT / "module.pth")
    torch.save(torch.nn.Linear(2, 3), OUT / "module_legacy.pth", _use_new_zipfile_serialization=False)


class ViewPickler(pickle.Pickler):
    """Writes storages as torch before 0.4 did: a view is a run of a root storage's elements."""

    def persistent_id(self, value):
        if not isinstance(value, View):
            return None
        view = None if value.view is None else (value.key + "-view", *value.view)
        return ("storage", torch.FloatStorage, value.key, "cpu", value.size, view)


class View:
    def __init__(self, key, size, view):
        self.key, self.size, self.view = key, size, view


class Rebuild:
    """_rebuild_tensor(storage, offset, shape, strides), the first form."""

    def __init__(self, *arguments):
        self.arguments = arguments

    def __reduce__(self):
        return torch._utils._rebuild_tensor, self.arguments


def make_views():
    torch.manual_seed(6)
    root, other = torch.randn(10), torch.randn(3)
    state = {"whole": Rebuild(View("1", 10, None), 0, (2, 5), (5, 1)),
             "part": Rebuild(View("1", 10, (3, 6)), 1, (2, 2), (2, 1)),
             "other": Rebuild(View("2", 3, (0, 3)), 0, (3,), (1,))}
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    with open(OUT / "views_legacy.pth", "wb") as file:
        for value in (0x1950a86a20f9469cfc6c, 1001, system):
            pickle.dump(value, file, protocol=2)
        ViewPickler(file, protocol=2).dump(state)
        pickle.dump(["1", "2"], file, protocol=2)
        for storage in (root, other):
            file.write(struct.pack("<q", storage.numel()) + storage.numpy().tobytes())
    loaded = torch.load(OUT / "views_legacy.pth", weights_only=False)
    assert torch.equal(loaded["part"], root[4:8].reshape(2, 2))
    expect_all("views_legacy.pth", loaded)


def make_torch_shards():
    folder = OUT / "sharded_bin"
    folder.mkdir()
    torch.manual_seed(7)
    shards = [{"a.weight": torch.randn(2, 2), "a.bias": torch.randn(2).half()}, {"b.weight": torch.randn(3)}]
    weight_map = {}
    for i, shard in enumerate(shards):
        file = f"pytorch_model-{i + 1:05d}-of-00002.bin"
        torch.save(shard, folder / file)
        weight_map |= {name: file for name in shard}
        expect_all("sharded_bin", shard)
    index = {"metadata": {"total_size": 32, "total_parameters": 9}, "weight_map": weight_map}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))


QUANTISED = "Q4_0 Q4_1 Q5_0 Q5_1 Q8_0".split()
RANDOM_BLOCKS = "Q4_K Q5_K Q6_K".split()


def random_blocks(generator, kind, rows, blocks):
    """Blocks of any bytes, with finite half-precision scales at fixed places."""
    size = gguf.GGML_QUANT_SIZES[kind][1]
    data = generator.integers(0, 256, (rows, blocks, size), dtype=np.uint8)
    halves = {"Q6_K": [208]}.get(kind.name, [0, 2])
    for place in halves:
        scale = generator.normal(size=(rows, blocks, 1)).astype(np.float16)
        data[..., place:place + 2] = scale.view(np.uint8)
    return data.reshape(rows, blocks * size)


def make_gguf():
    generator = np.random.default_rng(4)
    writer = gguf.GGUFWriter(OUT / "types.gguf", "llama")
    writer.add_uint32("a.uint32", 7)
    writer.add_uint8("a.uint8", 200)
    writer.add_int8("a.int8", -3)
    writer.add_uint16("a.uint16", 60000)
    writer.add_int16("a.int16", -300)
    writer.add_int32("a.int32", -70000)
    writer.add_uint64("a.uint64", 2**63)
    writer.add_int64("a.int64", -(2**40))
    writer.add_float32("a.float32", 0.5)
    writer.add_float64("a.float64", 0.1)
    writer.add_bool("a.bool", True)
    writer.add_string("a.string", "tést")
    writer.add_array("a.strings", ["x", "", "yz"])
    writer.add_array("a.integers", [1, -2, 3])
    writer.add_array("a.fractions", [0.5, -1.5])
    tensors = {}

    def add(name, raw, kind):
        if kind.name in ("F32", "F16", "F64", "I8", "I16", "I32", "I64"):
            writer.add_tensor(name, raw)
            tensors[name] = torch.from_numpy(raw.copy())
        elif kind.name == "BF16":
            writer.add_tensor(name, raw, raw_dtype=kind)
            tensors[name] = torch.from_numpy(raw.view(np.int16).copy()).view(torch.bfloat16)
        else:
            writer.add_tensor(name, raw, raw_dtype=kind)
            tensors[name] = torch.from_numpy(gguf.quants.dequantize(raw, kind).copy())

    types = gguf.GGMLQuantizationType
    values = generator.normal(size=(3, 64)).astype(np.float32)
    for kind in QUANTISED:
        add(f"{kind}.weight", gguf.quants.quantize(values, types[kind]), types[kind])
        add(f"{kind}.any", random_blocks(generator, types[kind], 2, 3), types[kind])
    for kind in RANDOM_BLOCKS:
        add(f"{kind}.any", random_blocks(generator, types[kind], 2, 2), types[kind])
    add("BF16.weight", gguf.quants.quantize(values, types.BF16), types.BF16)
    add("F32.weight", values, types.F32)
    add("F16.weight", values.astype(np.float16), types.F16)
    add("F64.weight", values[0].astype(np.float64), types.F64)
    add("I8.weight", np.arange(-4, 4, dtype=np.int8), types.I8)
    add("I16.weight", np.arange(-4, 4, dtype=np.int16), types.I16)
    add("I32.weight", np.arange(6, dtype=np.int32).reshape(1, 2, 3), types.I32)
    add("I64.weight", np.arange(5, dtype=np.int64), types.I64)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    expect_all("types.gguf", tensors)


def expect_assets(models):
    efficientnet = torch.load(models / "efficientnet_lite0/efficientnet_lite0.pth", weights_only=True)
    expect_all("asset:efficientnet_lite0/efficientnet_lite0.pth", efficientnet)
    mini = safetensors.torch.load_file(models / "all_minilm_l6_v2/model.safetensors")
    expect_all("asset:all_minilm_l6_v2/model.safetensors", mini)
    reader = gguf.GGUFReader(models / "smollm2_135m_instruct/smollm2.gguf")
    smol = {t.name: torch.from_numpy(gguf.quants.dequantize(t.data, t.tensor_type).copy()) for t in reader.tensors}
    expect_all("asset:smollm2_135m_instruct/smollm2.gguf", smol)


def main():
    if OUT.exists():
        shutil.rmtree(OUT)
    OUT.mkdir(parents=True)
    make_safetensors()
    make_shards()
    make_torch()
    make_evil()
    make_gguf()
    make_opaque()
    make_views()
    make_torch_shards()
    if len(sys.argv) > 1:
        expect_assets(pathlib.Path(sys.argv[1]))
    (OUT / "expected.txt").write_text("\n".join(lines) + "\n")


main()
