#!/usr/bin/env python3
"""Writes tests/golden/dinov2/: what DINOv2 of transformers 4.57.6 computes, in float64.

{tiny,no_bias}.safetensors: a tiny model under Hugging Face's names, pixels, the last hidden state (`golden.output`), and that of
pictures of other sizes (`golden.HxW`). {tiny,no_bias}.json: its configuration.
Run by hand with the packages of tools/requirements-goldens.txt.
"""

import pathlib

import torch
from safetensors.torch import save_file
from transformers import Dinov2Config, Dinov2Model

OUTPUT = pathlib.Path(__file__).parent.parent / "tests/golden/dinov2"
TINY = {  # all dimensions distinct; the head width is 8 or 6
    "tiny": Dinov2Config(
        hidden_size=24, mlp_ratio=1.5, num_hidden_layers=2, num_attention_heads=3,
        image_size=21, patch_size=7, layer_norm_eps=3e-4,
    ),
    "no_bias": Dinov2Config(
        hidden_size=18, mlp_ratio=2, num_hidden_layers=2, num_attention_heads=3,
        image_size=20, patch_size=5, layer_norm_eps=5e-4, qkv_bias=False, use_mask_token=False,
    ),
}  # fmt: skip
SIZES = {  # in patches: larger, oblong either way, as many patches in another shape, smaller; and cut-off pixels
    "tiny": [(35, 35), (21, 56), (63, 7), (14, 14), (34, 24)],
    "no_bias": [(15, 30)],
}


def fill(model):
    """No bias is zero; no norm weight and no LayerScale is one."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("lambda1") or ("norm" in name and name.endswith("weight")):
                parameter.uniform_(0.5, 1.5)
            elif parameter.ndim > 1:
                parameter.normal_(0, 0.25 if parameter.ndim == 2 else 0.1 if parameter.ndim == 4 else 0.5)
            else:
                parameter.normal_(0, 0.25)


def write(name, seed):
    config = TINY[name]
    torch.manual_seed(seed)
    config._attn_implementation = "eager"
    model = Dinov2Model(config).eval()
    fill(model)
    tensors = {k: v.clone() for k, v in model.state_dict().items()}
    model = model.double()
    golden = {}
    with torch.no_grad():
        pixels = torch.randn(3, 3, config.image_size, config.image_size)
        golden |= {"pixels": pixels, "output": model(pixels.double()).last_hidden_state}
        for height, width in SIZES[name]:
            other = torch.randn(1, 3, height, width)
            golden |= {f"{height}x{width}.pixels": other, f"{height}x{width}": model(other.double()).last_hidden_state}
    tensors |= {"golden." + k: v.float() for k, v in golden.items()}
    path = OUTPUT / f"{name}.safetensors"
    save_file({k: v.contiguous() for k, v in tensors.items()}, path)
    config.to_json_file(OUTPUT / f"{name}.json")
    print(path, path.stat().st_size)


if __name__ == "__main__":
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(TINY):
        write(name, 300 + seed)
