#!/usr/bin/env python3
"""Goldens of the Q-Former and the stage-1 heads: a small random Blip2ForImageTextRetrieval of transformers 4.57.6.

All dimensions differ, no bias is zero, no norm weight is one, texts have unequal lengths. Writes
tests/golden/qformer/retrieval.safetensors: the weights under Hugging Face's names (`model.`), the inputs (`in.`)
and what the reference computes (`out.`).
"""
import pathlib

import torch
from safetensors.torch import save_file
from transformers import Blip2Config, Blip2ForImageTextRetrieval, Blip2QFormerConfig, Blip2VisionConfig

torch.manual_seed(7)
config = Blip2Config(
    vision_config=Blip2VisionConfig(hidden_size=20, intermediate_size=28, num_hidden_layers=1,
                                    num_attention_heads=2, image_size=42, patch_size=14).to_dict(),
    qformer_config=Blip2QFormerConfig(hidden_size=24, num_hidden_layers=3, num_attention_heads=3,
                                      intermediate_size=36, cross_attention_frequency=2, vocab_size=31,
                                      max_position_embeddings=11, encoder_hidden_size=20,
                                      use_qformer_text_input=True, layer_norm_eps=1e-12).to_dict(),
    num_query_tokens=5, image_text_hidden_size=7)
config._attn_implementation = "eager"
model = Blip2ForImageTextRetrieval(config).eval()
with torch.no_grad():
    for name, parameter in model.named_parameters():
        norm = "norm" in name.lower() and name.endswith("weight")
        parameter.copy_(torch.randn_like(parameter) * (0.3 if parameter.ndim > 1 else 0.2) + (1.1 if norm else 0))

pixels = torch.randn(3, 3, 42, 42)
lengths = [6, 2, 4]
mask = torch.tensor([[int(i < n) for i in range(6)] for n in lengths])
ids = torch.randint(1, 31, (3, 6)) * mask
with torch.no_grad():
    image = model.vision_model(pixels).last_hidden_state
    queries = model.qformer(query_embeds=model.query_tokens.expand(3, -1, -1),
                            encoder_hidden_states=image,
                            encoder_attention_mask=torch.ones(image.shape[:2], dtype=torch.long)).last_hidden_state
    itm = model(pixel_values=pixels, input_ids=ids, attention_mask=mask, use_image_text_matching_head=True)
    itc = model(pixel_values=pixels, input_ids=ids, attention_mask=mask, use_image_text_matching_head=False)
tensors = {"model." + k: v.clone() for k, v in model.state_dict().items() if not k.startswith("vision_model.encoder")
           and not k.startswith("vision_model.embeddings")}
tensors |= {"in.image": image, "in.ids": ids, "in.mask": mask,
            "out.queries": queries, "out.itm": itm.logits_per_image, "out.itm_states": itm.text_embeds[:, :5],
            "out.itc": itc.logits_per_image, "out.text": itc.text_embeds, "out.image": itc.image_embeds}
folder = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/qformer"
folder.mkdir(parents=True, exist_ok=True)
save_file({k: v.contiguous() for k, v in tensors.items()}, folder / "retrieval.safetensors")
print({k: tuple(v.shape) for k, v in tensors.items() if not k.startswith("model.q")})
