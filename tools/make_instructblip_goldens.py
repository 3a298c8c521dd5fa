#!/usr/bin/env python3
"""Writes tests/golden/instructblip: InstructBLIP's Q-Former with an instruction, by transformers 4.57.

The weights of InstructBlipForConditionalGeneration's trained half under Hugging Face's names (`model.`), the inputs
(`in.`) and what goes into the language model (`out.`). All dimensions differ, no bias is zero, no norm weight is one,
instructions have unequal lengths.

`make_instructblip_goldens.py published DIR` writes the same for the published Q-Former (12 layers of 768, encoder
1408), to compare by hand.
"""
import pathlib
import sys

import torch
from safetensors.torch import save_file
from transformers import InstructBlipConfig, InstructBlipForConditionalGeneration
from transformers.modeling_outputs import BaseModelOutputWithPooling

TINY = dict(vocab_size=31, hidden_size=24, num_hidden_layers=3, num_attention_heads=3, intermediate_size=36,
            max_position_embeddings=11, encoder_hidden_size=20)
PUBLISHED = dict(vocab_size=30523, encoder_hidden_size=1408)
SIZES = {"tiny": (TINY, 5, 8, 28), "published": (PUBLISHED, 32, 257, 4096)}  # Q-Former, Q, P, language width
LENGTHS = [6, 2, 4]


class GivenEmbeds(torch.nn.Module):
    """The image encoder from its last layer norm on."""

    def __init__(self, norm, embeds):
        super().__init__()
        self.post_layernorm = norm
        self.embeds = embeds

    def forward(self, *args, **kwargs):
        return BaseModelOutputWithPooling(last_hidden_state=self.post_layernorm(self.embeds))


def main(size, folder):
    torch.manual_seed(11)
    qformer, num_queries, tokens, language_width = SIZES[size]
    text = dict(model_type="llama", vocab_size=37, hidden_size=language_width, intermediate_size=16,
                num_hidden_layers=1, num_attention_heads=4, num_key_value_heads=2)
    vision = dict(hidden_size=qformer["encoder_hidden_size"], intermediate_size=16, num_hidden_layers=1,
                  num_attention_heads=2, image_size=28, patch_size=14)
    config = InstructBlipConfig(vision_config=vision, qformer_config=qformer, text_config=text,
                                num_query_tokens=num_queries)
    model = InstructBlipForConditionalGeneration(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name.lower() and name.endswith("weight"):
                parameter.uniform_(0.6, 1.6)
            elif parameter.ndim == 1:
                parameter.normal_(0, 0.2)
            elif parameter.ndim == 3 or "embeddings" in name:
                parameter.normal_(0, 0.3)
            else:
                parameter.normal_(0, 1.5 / parameter.shape[1] ** 0.5)
    image = torch.randn(3, tokens, qformer["encoder_hidden_size"]) * 2 + 0.3
    model.vision_model = GivenEmbeds(model.vision_model.post_layernorm, image)
    mask = torch.tensor([[int(i < n) for i in range(max(LENGTHS))] for n in LENGTHS])
    ids = torch.randint(1, qformer["vocab_size"], mask.shape) * mask
    with torch.no_grad():
        inputs, vision_output, queries = model.get_image_features(
            image, qformer_input_ids=ids, qformer_attention_mask=mask, return_dict=True)
    tensors = {"model." + k: v.clone() for k, v in model.state_dict().items() if not k.startswith("language_model")}
    tensors |= {"in.image": image, "in.ids": ids, "in.mask": mask, "out.inputs": inputs,
                "out.queries": queries.last_hidden_state[:, :num_queries]}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "qformer.safetensors"
    save_file({k: v.contiguous() for k, v in tensors.items()}, path)
    print(path, path.stat().st_size, model.vision_model.post_layernorm.eps,
          {k: tuple(v.shape) for k, v in tensors.items() if not k.startswith("model.")})


if __name__ == "__main__":
    if len(sys.argv) == 3:
        main(sys.argv[1], pathlib.Path(sys.argv[2]))
    else:
        main("tiny", pathlib.Path(__file__).resolve().parent.parent / "tests/golden/instructblip")
