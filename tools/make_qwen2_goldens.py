#!/usr/bin/env python3
"""Writes tests/golden/qwen2/: what transformers' Qwen2ForCausalLM computes (float64 inside).

tiny_NAME.json: the configuration as transformers saves it. tiny_NAME.safetensors: random weights, packed inputs, logits and
gradients. Run by hand with the packages of tools/requirements-goldens.txt.
"""

import pathlib

import torch
from safetensors.torch import save_file
from transformers import Qwen2Config, Qwen2ForCausalLM

OUTPUT = pathlib.Path(__file__).parent.parent / "tests/golden/qwen2"
LENGTHS = [5, 2, 9, 1]
TINY = dict(  # all dimensions distinct
    hidden_size=24,
    intermediate_size=28,
    num_hidden_layers=3,
    num_attention_heads=4,
    num_key_value_heads=2,
    rope_theta=5000.0,
    rms_norm_eps=3e-4,
    vocab_size=37,
    max_position_embeddings=64,
    bos_token_id=33,
    eos_token_id=35,
)
CASES = {  # seed, what differs from TINY
    "tied": (21, dict(tie_word_embeddings=True)),  # as the published 0.5B; a head is hidden_size / num_attention_heads wide
    "untied": (22, dict(tie_word_embeddings=False, head_dim=10)),  # as the published 7B; heads * head_dim differs from the width
    "yarn": (23, dict(tie_word_embeddings=True, rope_scaling=dict(type="yarn", factor=4.0, original_max_position_embeddings=16))),
}


def write_tiny(name):
    seed, different = CASES[name]
    torch.manual_seed(seed)
    config = Qwen2Config(**{**TINY, **different}, attn_implementation="eager")
    model = Qwen2ForCausalLM(config).eval()
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            if "norm" in parameter_name:
                parameter.uniform_(0.5, 1.5)
            else:
                parameter.normal_(0, 0.25)
    weights = {k: v.clone() for k, v in model.state_dict().items()}
    if config.tie_word_embeddings:
        del weights["lm_head.weight"]
    model = model.double()
    batch, longest = len(LENGTHS), max(LENGTHS)
    mask = torch.zeros(batch, longest, dtype=torch.long)
    for row, length in enumerate(LENGTHS):
        mask[row, :length] = 1
    # Not the embeddings of ids: queries of a picture are not either.
    embeds = (torch.randn(batch, longest, config.hidden_size) * 0.5).float()
    inputs = embeds.double().requires_grad_()
    logits = model(inputs_embeds=inputs, attention_mask=mask).logits
    coefficients = torch.randn(batch, longest, config.vocab_size).float()
    real = mask.bool()
    (logits[real] * coefficients.double()[real]).sum().backward()
    # What follows a prompt, token by token.
    prompt = torch.randint(0, config.vocab_size, (1, 4))
    text = prompt
    for _ in range(6):
        text = torch.cat([text, model(text).logits[:, -1:].argmax(-1)], 1)
    golden = {
        "mask": mask.float(),
        "inputs_embeds": embeds[real],
        "coefficients": coefficients[real],
        "logits": logits[real].detach().float(),
        "gradient": inputs.grad[real].float(),
        "prompt": prompt,
        "greedy": text[0, 4:],
    }
    config.architectures = ["Qwen2ForCausalLM"]
    (OUTPUT / f"tiny_{name}.json").write_text(config.to_json_string())
    path = OUTPUT / f"tiny_{name}.safetensors"
    save_file({**{"golden." + k: v.contiguous() for k, v in golden.items()}, **weights}, path)
    print(path, path.stat().st_size)


if __name__ == "__main__":
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for case in CASES:
        write_tiny(case)
