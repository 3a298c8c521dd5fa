#!/usr/bin/env python3
"""Writes tests/golden/vit/: what the vision transformers of transformers 4.57.6 compute, in float64.

{blip2,blip2_no_bias,blip,clip}.safetensors: a tiny model of each kind under Hugging Face's names, pixels,
the output of every layer (`golden.layer.N`), what follows the post layer norm (`golden.normed`, `golden.pooled`),
and the last layer's output for pictures of other sizes (`golden.HxW`, interpolate_pos_encoding=True).
{blip2,clip}_gradients.safetensors: of those models, the gradient of sum(last layer's output * golden.weights) by
each parameter, and the position table resized for twice the grid as LAVIS does (`golden.positions`).
Run by hand with the packages of tools/requirements-goldens.txt.
"""

import pathlib

import torch
from safetensors.torch import save_file
from transformers import (
    Blip2VisionConfig,
    Blip2VisionModel,
    BlipVisionConfig,
    BlipVisionModel,
    CLIPVisionConfig,
    CLIPVisionModel,
)

OUTPUT = pathlib.Path(__file__).parent.parent / "tests/golden/vit"
TINY = {  # all dimensions distinct; the head width is 6, 10 or 8
    "blip2": (
        Blip2VisionModel,
        Blip2VisionConfig(
            hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
            image_size=21, patch_size=7, hidden_act="gelu", layer_norm_eps=3e-4, qkv_bias=True,
        ),
    ),
    "blip2_no_bias": (
        Blip2VisionModel,
        Blip2VisionConfig(
            hidden_size=18, intermediate_size=28, num_hidden_layers=2, num_attention_heads=3,
            image_size=14, patch_size=7, hidden_act="gelu", layer_norm_eps=5e-4, qkv_bias=False,
        ),
    ),
    "blip": (
        BlipVisionModel,
        BlipVisionConfig(
            hidden_size=20, intermediate_size=36, num_hidden_layers=3, num_attention_heads=2,
            image_size=20, patch_size=4, hidden_act="gelu", layer_norm_eps=2e-3,
        ),
    ),
    "clip": (
        CLIPVisionModel,
        CLIPVisionConfig(
            hidden_size=24, intermediate_size=44, num_hidden_layers=3, num_attention_heads=3,
            image_size=24, patch_size=6, hidden_act="quick_gelu", layer_norm_eps=7e-3,
        ),
    ),
}  # fmt: skip
SIZES = {  # in patches: larger, oblong either way, as many patches in another shape, smaller; and cut-off pixels
    "blip2": [(35, 35), (21, 56), (63, 7), (14, 14), (34, 24)],
    "blip2_no_bias": [(21, 28)],
    "blip": [(32, 24), (100, 4)],
    "clip": [(42, 30), (12, 48), (29, 41)],
}


def fill(model, deviation):
    """No bias is zero, no norm weight is one."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name and name.endswith("weight"):
                parameter.uniform_(0.5, 1.5)
            elif parameter.ndim > 1:
                parameter.normal_(0, deviation(parameter))
            else:
                parameter.normal_(0, 0.25)


def weights_of(model):
    return {k.removeprefix("vision_model."): v.clone() for k, v in model.state_dict().items()}


def run(model, pixels):
    """The outputs of all layers, and the model's own output."""
    body = getattr(model, "vision_model", model)
    outputs = []
    hooks = [
        layer.register_forward_hook(
            lambda _, __, out: outputs.append(out if torch.is_tensor(out) else out[0])
        )
        for layer in body.encoder.layers
    ]
    with torch.no_grad():
        whole = model(pixels, interpolate_pos_encoding=True)
    for hook in hooks:
        hook.remove()
    return outputs, whole


def write_gradients(name, body, pixels):
    """`body` in float64. CLIP's positions keep the corners where LAVIS resizes them, EVA's do not."""
    outputs = []
    hook = body.encoder.layers[-1].register_forward_hook(
        lambda _, __, out: outputs.append(out if torch.is_tensor(out) else out[0])
    )
    body(pixels)
    hook.remove()
    weights = torch.randn(outputs[0].shape, generator=torch.Generator().manual_seed(1)).double()
    body.zero_grad()
    (outputs[0] * weights).sum().backward()
    tensors = {k: v.grad for k, v in body.named_parameters() if v.grad is not None}
    table = dict(body.named_parameters())[
        "embeddings.position_embedding" + (".weight" if name == "clip" else "")
    ].detach()
    table = table.reshape(-1, table.shape[-1])
    side = round((table.shape[0] - 1) ** 0.5)
    grid = table[1:].float().reshape(1, side, side, -1).permute(0, 3, 1, 2)
    grid = torch.nn.functional.interpolate(
        grid, size=(2 * side, 2 * side), mode="bicubic", align_corners=name == "clip"
    )
    resized = grid.permute(0, 2, 3, 1).flatten(1, 2)[0]
    tensors["golden.weights"] = weights
    tensors["golden.positions"] = torch.cat([table[:1].float(), resized])
    path = OUTPUT / f"{name}_gradients.safetensors"
    save_file({k: v.float().contiguous() for k, v in tensors.items()}, path)
    print(path, path.stat().st_size)


def write_tiny(name):
    kind, config = TINY[name]
    torch.manual_seed(100 + list(TINY).index(name))
    config._attn_implementation = "eager"
    model = kind(config).eval()
    fill(model, lambda parameter: 0.25 if parameter.ndim == 2 else 0.1 if parameter.ndim == 4 else 0.5)
    tensors = weights_of(model)
    model = model.double()
    pixels = torch.randn(3, 3, config.image_size, config.image_size)
    layers, whole = run(model, pixels.double())
    golden = {"pixels": pixels, "normed": whole.last_hidden_state, "pooled": whole.pooler_output}
    golden |= {f"layer.{i}": out for i, out in enumerate(layers)}
    for height, width in SIZES[name]:
        other = torch.randn(1, 3, height, width)
        golden[f"{height}x{width}.pixels"] = other
        golden[f"{height}x{width}"] = run(model, other.double())[0][-1]
    tensors |= {"golden." + k: v.float() for k, v in golden.items()}
    path = OUTPUT / f"{name}.safetensors"
    save_file({k: v.contiguous() for k, v in tensors.items()}, path)
    print(path, path.stat().st_size)
    if name in ("blip2", "clip"):
        write_gradients(name, getattr(model, "vision_model", model), pixels.double())


if __name__ == "__main__":
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for name in TINY:
        write_tiny(name)
