#!/usr/bin/env python3
"""Writes tests/golden/t5/: what transformers' T5ForConditionalGeneration computes with small random weights.

flan_exact.safetensors (gated, exact GELU, own output matrix: BLIP-2's Flan-T5), flan.safetensors (gelu_new: the stock
one) and v1_0.safetensors (plain ReLU, tied and scaled output): weights under Hugging Face's names, and as `golden.*`
a right-padded batch's encoder output, teacher-forced logits, gradients, and the greedy text (float64 inside, except
what the model itself does in float32). Encoder and decoder have different depths.
Run by hand with the packages of tools/requirements-goldens.txt.
"""

import pathlib

import torch
from safetensors.torch import save_file
from transformers import T5Config, T5ForConditionalGeneration

OUTPUT = pathlib.Path(__file__).parent.parent / "tests/golden/t5"
SOURCE_LENGTHS = [13, 4, 9, 1]
LABEL_LENGTHS = [5, 11, 1, 7]
NEW_TOKENS = 6
TINY = dict(  # all dimensions distinct; heads * d_kv differs from the width
    d_model=20,
    d_kv=6,
    d_ff=28,
    num_layers=2,
    num_decoder_layers=3,
    num_heads=4,
    relative_attention_num_buckets=8,
    relative_attention_max_distance=12,
    vocab_size=37,
    layer_norm_epsilon=3e-4,
    decoder_start_token_id=3,
)
SEEDS = {"flan_exact": 38, "flan": 38, "v1_0": 49}  # whose greedy texts are far from a tie
CASES = {
    "flan_exact": dict(feed_forward_proj="gated-gelu", dense_act_fn="gelu", tie_word_embeddings=False),
    "flan": dict(feed_forward_proj="gated-gelu", tie_word_embeddings=False),
    "v1_0": dict(feed_forward_proj="relu", tie_word_embeddings=True),
}


def randomise(model):
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "layer_norm" in name:
                parameter.uniform_(0.5, 1.5)
            elif "relative_attention_bias" in name:
                parameter.normal_(0, 1.0)
            else:
                parameter.normal_(0, 0.25)


def lengths_mask(lengths):
    return (torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]).long()


def greedy(model, embeds, mask):
    """Uncached: the first NEW_TOKENS ids of every row."""
    ids = torch.full((embeds.shape[0], 1), model.config.decoder_start_token_id)
    for _ in range(NEW_TOKENS):
        logits = model(inputs_embeds=embeds, attention_mask=mask, decoder_input_ids=ids, use_cache=False).logits[:, -1]
        best = logits.topk(2).values
        assert (best[:, 0] - best[:, 1]).min() > 0.01, "too close for an exact comparison: take another seed"
        ids = torch.cat([ids, logits.argmax(-1, keepdim=True)], 1)
    return ids[:, 1:]


def write(name, seed):
    torch.manual_seed(seed)
    config = T5Config(**TINY, **CASES[name], attn_implementation="eager")
    print(name, config.dense_act_fn, config.is_gated_act)
    model = T5ForConditionalGeneration(config).eval()
    randomise(model)
    copies = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"]
    copies += ["lm_head.weight"] if config.tie_word_embeddings else []
    weights = {k: v.clone() for k, v in model.state_dict().items() if k not in copies}
    model = model.double()
    source_mask, label_mask = lengths_mask(SOURCE_LENGTHS), lengths_mask(LABEL_LENGTHS)
    real = label_mask.bool()
    embeds = torch.randn(*source_mask.shape, config.d_model).float()
    labels = torch.randint(0, config.vocab_size, label_mask.shape)
    inputs = embeds.double().requires_grad_()
    output = model(inputs_embeds=inputs, attention_mask=source_mask, labels=labels.masked_fill(~real, -100))
    coefficients = torch.randn(*label_mask.shape, config.vocab_size).float()
    (output.logits[real] * coefficients.double()[real]).sum().backward()
    with torch.no_grad():
        written = greedy(model, embeds.double(), source_mask)
    golden = {
        "source_mask": source_mask.float(),
        "inputs_embeds": embeds,
        "labels": labels,
        "label_mask": label_mask.float(),
        "encoded": output.encoder_last_hidden_state[source_mask.bool()].detach().float(),
        "coefficients": coefficients[real],
        "logits": output.logits[real].detach().float(),
        "gradient": inputs.grad[source_mask.bool()].float(),
        "greedy": written,
    }
    path = OUTPUT / f"{name}.safetensors"
    save_file({**{"golden." + k: v.contiguous() for k, v in golden.items()}, **weights}, path)
    print(path, path.stat().st_size, "largest logit", output.logits.abs().max().item(), "greedy", written.tolist())


if __name__ == "__main__":
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for case, seed in SEEDS.items():
        write(case, seed)
