#!/usr/bin/env python3
"""Writes tests/golden/clip/clip.safetensors: what a tiny CLIPModel of transformers 4.57.6 computes, in float64.

The weights under Hugging Face's names, pixels, texts of unequal lengths, and for both rules of where a text ends
(`golden.largest.*`: eos_token_id 2, as in OpenAI's files; `golden.first.*`: the id itself) the pooled rows and what
follows. Run by hand with the packages of tools/requirements-goldens.txt.
"""

import pathlib

import torch
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPVisionConfig

OUTPUT = pathlib.Path(__file__).parent.parent / "tests/golden/clip"
END = 31  # of the rule that looks for the id; 40 is the largest
IDS = [
    # start, words, end and largest, padding with the largest, as Hugging Face pads
    [39, 5, 31, 7, 40, 40, 40],
    [39, 31, 40, 40, 40, 40, 40],
    [39, 38, 3, 31, 12, 31, 40],
    # no id 31: its rule takes row 0; padding with 0, as OpenAI pads
    [39, 17, 40, 0, 0, 0, 0],
]
MASK = [
    # hides words too, which padding on the right never does; not the start: a row that sees nothing is NaN there
    [1, 0, 1, 1, 1, 1, 0],
    [1, 1, 1, 0, 0, 0, 0],
    [1, 1, 0, 1, 1, 1, 1],
    [1, 1, 1, 0, 0, 0, 0],
]


def make(eos):
    text = CLIPTextConfig(  # all dimensions distinct; the head width is 6
        vocab_size=41, hidden_size=18, intermediate_size=26, num_hidden_layers=2, num_attention_heads=3,
        max_position_embeddings=9, hidden_act="quick_gelu", layer_norm_eps=4e-3, projection_dim=14,
        bos_token_id=39, eos_token_id=eos, pad_token_id=1,
    )  # fmt: skip
    vision = CLIPVisionConfig(
        hidden_size=20, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4, image_size=15,
        patch_size=5, hidden_act="gelu", layer_norm_eps=6e-3, projection_dim=14,
    )  # fmt: skip
    config = CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=14)
    config._attn_implementation = "eager"
    return CLIPModel(config).eval()


def main():
    torch.manual_seed(5)
    model = make(2)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name and name.endswith("weight"):
                parameter.uniform_(0.5, 1.5)
            else:
                parameter.normal_(0, 0.1 if parameter.ndim == 4 else 0.3)
        model.logit_scale.fill_(1.7)
    weights = {k: v.clone() for k, v in model.state_dict().items()}
    first = make(END)
    first.load_state_dict(weights)
    pixels = torch.randn(3, 3, 15, 15)
    model, first = model.double(), first.double()
    torch.set_default_dtype(torch.float64)  # the causal mask is made in it
    ids, mask = torch.tensor(IDS), torch.tensor(MASK)
    golden = {"pixels": pixels, "ids": ids, "mask": mask}
    with torch.no_grad():
        golden["image_features"] = model.get_image_features(pixels.double())
        for name, kind in [("largest", model), ("first", first)]:
            whole = kind(input_ids=ids, pixel_values=pixels.double())
            golden[f"{name}.hidden"] = whole.text_model_output.last_hidden_state
            golden[f"{name}.pooled"] = whole.text_model_output.pooler_output
            golden[f"{name}.features"] = kind.get_text_features(ids)
            golden[f"{name}.masked"] = kind.get_text_features(ids, mask)
            golden[f"{name}.text_embeds"] = whole.text_embeds
            golden[f"{name}.logits"] = whole.logits_per_image
        golden["image_embeds"] = whole.image_embeds
    for name, value in golden.items():
        weights["golden." + name] = value.float() if value.is_floating_point() else value
    OUTPUT.mkdir(parents=True, exist_ok=True)
    path = OUTPUT / "clip.safetensors"
    save_file({k: v.contiguous() for k, v in weights.items()}, path)
    print(path, path.stat().st_size)


if __name__ == "__main__":
    main()
