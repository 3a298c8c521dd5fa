#!/usr/bin/env python3
"""Writes tests/golden/llama/: what transformers' LlamaForCausalLM computes.

tiny_NAME.safetensors: random weights, packed inputs, logits and gradients (float64 inside), for each of CASES; tiny_NAME.json: its
configuration as transformers saves it.
smollm2.safetensors: selected logits of the real SmolLM2-135M-Instruct, from the same GGUF file.
Run by hand with the packages of tools/requirements-goldens.txt; the GGUF is in $BLIP2_ASSETS or ~/.cache/blip2.
"""

import copy
import os
import pathlib

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

OUTPUT = pathlib.Path(__file__).parent.parent / "tests/golden/llama"
LENGTHS = [7, 3, 11, 1]
TINY = dict(  # all dimensions distinct; heads * head_dim differs from the width
    hidden_size=20,
    intermediate_size=28,
    num_hidden_layers=3,
    num_attention_heads=6,
    num_key_value_heads=2,
    head_dim=8,
    rope_theta=5000.0,
    rms_norm_eps=3e-4,
    vocab_size=37,
    max_position_embeddings=64,
)


CASES = {  # seed, what differs from TINY
    "untied": (11, dict(tie_word_embeddings=False)),
    "tied": (12, dict(tie_word_embeddings=True)),
    # As LLaMA 3: some frequencies kept, some divided, one between; with biases, which some descendants have.
    "llama3": (13, dict(tie_word_embeddings=False, attention_bias=True, mlp_bias=True, rope_scaling=dict(
        rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
        original_max_position_embeddings=96))),
    # As Vicuna: every query head has its own key head; positions stretched.
    "vicuna": (14, dict(tie_word_embeddings=False, hidden_size=24, num_attention_heads=3,
                        num_key_value_heads=3, rope_scaling=dict(rope_type="linear", factor=2.5))),
    # Some of the sequences are longer than the positions, others are not.
    "dynamic": (15, dict(tie_word_embeddings=False, max_position_embeddings=8, rope_scaling=dict(rope_type="dynamic", factor=3.0))),
    # Some frequencies kept, some divided, and some between.
    "yarn": (16, dict(tie_word_embeddings=False, rope_scaling=dict(
        rope_type="yarn", factor=4.0, original_max_position_embeddings=16, beta_fast=4.0, beta_slow=0.5))),
    "yarn_scales": (17, dict(tie_word_embeddings=False, rope_scaling=dict(
        rope_type="yarn", factor=8.0, mscale=0.7, mscale_all_dim=1.3, truncate=False))),
    "yarn_factor": (18, dict(tie_word_embeddings=False, rope_scaling=dict(rope_type="yarn", factor=2.0, attention_factor=1.7))),
}


def forward(model, inputs, mask):
    """The logits of a batch. Dynamic frequencies depend on the longest sequence of a batch: each row by itself, and no state."""
    if (model.config.rope_scaling or {}).get("rope_type") != "dynamic":
        return model(inputs_embeds=inputs, attention_mask=mask).logits
    rows = [copy.deepcopy(model)(inputs_embeds=inputs[i:i + 1, :length]).logits[0] for i, length in enumerate(LENGTHS)]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)


def write_tiny(name):
    seed, different = CASES[name]
    torch.manual_seed(seed)
    config = LlamaConfig(**{**TINY, **different}, attn_implementation="eager")
    model = LlamaForCausalLM(config).eval()
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
    ids = torch.randint(0, TINY["vocab_size"], (batch, longest))
    # Not the embeddings of ids: queries of a picture are not either.
    embeds = (torch.randn(batch, longest, config.hidden_size) * 0.5).float()
    inputs = embeds.double().requires_grad_()
    logits = forward(model, inputs, mask)
    coefficients = torch.randn(batch, longest, TINY["vocab_size"]).float()
    real = mask.bool()
    (logits[real] * coefficients.double()[real]).sum().backward()
    golden = {
        "ids": ids,
        "mask": mask.float(),
        "inputs_embeds": embeds[real],
        "coefficients": coefficients[real],
        "logits": logits[real].detach().float(),
        "gradient": inputs.grad[real].float(),
    }
    # What follows ids[0, :4], token by token, with a cache: dynamic frequencies leave its keys as they are.
    model, text, cache = copy.deepcopy(model), ids[:1, :4], None
    for _ in range(6):
        output = model(text if cache is None else text[:, -1:], past_key_values=cache, use_cache=True)
        cache = output.past_key_values
        text = torch.cat([text, output.logits[:, -1:].argmax(-1)], 1)
    golden["greedy"] = text[0, 4:].contiguous()
    config.architectures = ["LlamaForCausalLM"]
    (OUTPUT / f"tiny_{name}.json").write_text(config.to_json_string())
    path = OUTPUT / f"tiny_{name}.safetensors"
    save_file({**{"golden." + k: v.contiguous() for k, v in golden.items()}, **weights}, path)
    print(path, path.stat().st_size)


def gguf_tokenizer(path):
    from gguf import GGUFReader  # the real model alone needs it

    fields = GGUFReader(path).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(m.split(" ")) for m in fields["tokenizer.ggml.merges"].contents()]
    tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def load_gguf(path):
    """As from_pretrained(gguf_file=...), which wants a package more."""
    config = LlamaConfig(**load_gguf_checkpoint(path)["config"])
    model = LlamaForCausalLM(config).eval()
    tensors = load_gguf_checkpoint(path, return_tensors=True, model_to_load=model)["tensors"]
    missing, unexpected = model.load_state_dict(tensors, strict=False)
    assert missing in ([], ["lm_head.weight"]) and not unexpected, (missing, unexpected)
    model.tie_weights()
    return model.float()


def write_smollm2():
    assets = pathlib.Path(os.environ.get("BLIP2_ASSETS", "~/.cache/blip2")).expanduser()
    path = assets / "models/smollm2_135m_instruct/smollm2.gguf"
    model = load_gguf(path)
    tokenizer = gguf_tokenizer(path)
    golden = {}
    columns = torch.arange(0, model.config.vocab_size, 401)  # 123 of them
    for name, text in [
        ("fox", "The quick brown fox jumps over the lazy dog."),
        ("capital", "The capital of France is"),
    ]:
        ids = torch.tensor([tokenizer.encode(text).ids])
        with torch.no_grad():
            logits = model(ids).logits[0]
        losses = torch.nn.functional.cross_entropy(logits[:-1], ids[0, 1:])
        print(name, ids.tolist(), "mean NLL", losses.item())
        golden[f"{name}.ids"] = ids[0]
        golden[f"{name}.logits"] = logits[:, columns][[0, 1, 4]]
        golden[f"{name}.nll"] = losses.reshape(1)
    golden["rows"] = torch.tensor([0, 1, 4])
    golden["columns"] = columns
    with torch.no_grad():
        new = model.generate(
            golden["capital.ids"][None],
            attention_mask=torch.ones(1, 5, dtype=torch.long),
            max_new_tokens=6,
            do_sample=False,
            pad_token_id=2,
        )[0, 5:]
    print("capital goes on", new.tolist())
    golden["capital.greedy"] = new
    out = OUTPUT / "smollm2.safetensors"
    save_file({k: v.contiguous() for k, v in golden.items()}, out)
    print(out, out.stat().st_size)


if __name__ == "__main__":
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for case in CASES:
        write_tiny(case)
    write_smollm2()
