#!/usr/bin/env python3
"""Writes tests/golden/opt/: what transformers' OPTForCausalLM computes with small random weights.

prenorm.safetensors (as opt-125m to 6.7b), postnorm.safetensors (as opt-350m) and untied.safetensors (own output
matrix, GELU, no final norm, projections before and after): weights under Hugging Face's names, and as `golden.*`
packed inputs, logits and gradients (float64 inside), and the greedy continuation of a left-padded batch.
Run by hand with the packages of tools/requirements-goldens.txt.
"""

import pathlib

import torch
from safetensors.torch import save_file
from transformers import OPTConfig, OPTForCausalLM

OUTPUT = pathlib.Path(__file__).parent.parent / "tests/golden/opt"
LENGTHS = [7, 3, 11, 1]
PROMPTS = [5, 2]  # real tokens of the left-padded prompts
NEW_TOKENS = 6
TINY = dict(  # all dimensions distinct
    hidden_size=20,
    ffn_dim=28,
    num_hidden_layers=3,
    num_attention_heads=4,
    vocab_size=37,
    max_position_embeddings=24,
)
SEEDS = {"prenorm": 27, "postnorm": 26, "untied": 29}  # whose greedy texts are far from a tie
CASES = {
    "prenorm": dict(word_embed_proj_dim=20),
    "postnorm": dict(word_embed_proj_dim=14, do_layer_norm_before=False),
    "untied": dict(word_embed_proj_dim=14, tie_word_embeddings=False, activation_function="gelu",
                   _remove_final_layer_norm=True),
}


def randomise(model):
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name and name.endswith("weight"):
                parameter.uniform_(0.5, 1.5)
            else:
                parameter.normal_(0, 0.25)


def greedy(model, embeds, mask):
    """Uncached: [N, S, E] and its mask -> the next NEW_TOKENS ids of every row."""
    ids = []
    for _ in range(NEW_TOKENS):
        logits = model(inputs_embeds=embeds, attention_mask=mask, use_cache=False).logits[:, -1]
        best = logits.topk(2).values
        assert (best[:, 0] - best[:, 1]).min() > 0.01, "too close for an exact comparison: take another seed"
        ids.append(logits.argmax(-1))
        embeds = torch.cat([embeds, model.get_input_embeddings()(ids[-1])[:, None]], 1)
        mask = torch.cat([mask, torch.ones_like(mask[:, :1])], 1)
    return torch.stack(ids, 1)


def write(name, seed):
    torch.manual_seed(seed)
    config = OPTConfig(**TINY, **CASES[name], attn_implementation="eager")
    model = OPTForCausalLM(config).eval()
    randomise(model)
    weights = {k: v.clone() for k, v in model.state_dict().items()}
    if config.tie_word_embeddings:
        del weights["lm_head.weight"]
    model = model.double()
    width, vocabulary = config.word_embed_proj_dim, config.vocab_size
    batch, longest = len(LENGTHS), max(LENGTHS)
    mask = (torch.arange(longest)[None] < torch.tensor(LENGTHS)[:, None]).long()
    # Not the embeddings of tokens: queries of a picture are not either.
    embeds = (torch.randn(batch, longest, width) * 0.5).float()
    inputs = embeds.double().requires_grad_()
    logits = model(inputs_embeds=inputs, attention_mask=mask).logits
    coefficients = torch.randn(batch, longest, vocabulary).float()
    real = mask.bool()
    (logits[real] * coefficients.double()[real]).sum().backward()
    prompt_mask = (torch.arange(max(PROMPTS))[None] >= max(PROMPTS) - torch.tensor(PROMPTS)[:, None]).long()
    prompt = (torch.randn(len(PROMPTS), max(PROMPTS), width) * 0.5).float()
    with torch.no_grad():  # in float32: the lowest float64 in a mask becomes -inf in the softmax, and padding NaN
        written = greedy(model.float(), prompt, prompt_mask)
    golden = {
        "mask": mask.float(),
        "inputs_embeds": embeds[real],
        "coefficients": coefficients[real],
        "logits": logits[real].detach().float(),
        "gradient": inputs.grad[real].float(),
        "prompt": prompt,
        "prompt_mask": prompt_mask.float(),
        "greedy": written,
    }
    path = OUTPUT / f"{name}.safetensors"
    save_file({**{"golden." + k: v.contiguous() for k, v in golden.items()}, **weights}, path)
    print(path, path.stat().st_size, "largest logit", logits.abs().max().item(), "greedy", written.tolist())


if __name__ == "__main__":
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for case, seed in SEEDS.items():
        write(case, seed)
