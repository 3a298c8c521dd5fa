#!/usr/bin/env python3
"""Five optimiser steps of LAVIS: writes tests/golden/train/lavis_CASE/.

    tools/make_lavis_step_goldens.py FOLDER_OF_THE_UNPACKED_WHEEL [CASE...]

Needs tools/requirements-goldens.txt and the wheel (see lavis_reference.py, which also says what is changed in it). Every model is
LAVIS's class, built by its own constructor round tiny parts with random weights: image encoder (EVA's or CLIP's), Q-Former,
language model. No bias is zero, no norm one, widths differ, texts have unequal lengths, some are cut. Dropout is off. The one
exception is LLaMA, for which LAVIS has no class without an instruction: Blip2Llama below is ours, with transformers'
LlamaForCausalLM; its loss is that of LAVIS's OPT with a prompt, which is what its Vicuna makes of an instruction that the Q-Former
does not read.

Files of a case:
  initial.safetensors   the whole model under LAVIS's names, as LAVIS would save it with nothing frozen
  final.safetensors     the trained tensors after the last step
  steps.safetensors     NAME.STEP, steps from 1: pixels; of stage 1 ids, mask, the negatives that were drawn (negative_images,
                        negative_texts) and the weights they were drawn by (image_weights, text_weights), of retrieval too which
                        rows are of one picture (same_image); of a decoder-only model
                        ids, mask, targets (1 = scored); of T5 prefix_ids, prefix_mask, target_ids, target_mask, cuts (tokens of
                        the caption in the prefix)
  steps.json            the sizes that leave no trace in a shape, the run's hyper-parameters, and for each step captions, losses,
                        rate, temperature before the update, gradient norm
"""
import argparse
import functools
import json
import math
import pathlib
import re
import types
from unittest import mock

import torch
import transformers as hf
from safetensors.torch import save_file

import lavis_reference

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden" / "train"
STEPS, BATCH = 5, 5
# Three batches are an epoch: the warm-up, its end, and two batches of the next epoch's cosine.
RUN = {"recipe": "lavis", "init_lr": 2e-3, "min_lr": 2e-4, "warmup_lr": 5e-4, "warmup_steps": 2, "weight_decay": 0.05,
       "beta2": 0.999, "batches_per_epoch": 3, "max_epoch": 2}
SIDE, PATCH = 8, 4
MAX_TEXT = 9


# ---- parts -----------------------------------------------------------------------------------------------------------


class Tokens(types.SimpleNamespace):
    def to(self, _):
        return self


class NumberTokenizer:
    """Texts are numbers with spaces between; a number is its own id, a line feed is `newline`."""

    def __init__(self, prefix, suffix, pad, newline=None):
        self.prefix, self.suffix, self.pad_token_id, self.newline = prefix, suffix, pad, newline
        self.padding_side = "right"
        self.calls = []

    def ids(self, text, max_length):
        ids = [self.newline if word == "\n" else int(word) for word in re.findall(r"\d+|\n", text)]
        if max_length is not None:
            ids = ids[:max_length - len(self.prefix) - len(self.suffix)]
        return self.prefix + ids + self.suffix

    def __call__(self, texts, padding=False, truncation=False, max_length=None, return_tensors=None, add_special_tokens=True):
        if not add_special_tokens:
            return Tokens(input_ids=[self.newline])
        rows = [self.ids(text, max_length if truncation else None) for text in ([texts] if isinstance(texts, str) else texts)]
        width = max_length if padding == "max_length" else max(map(len, rows))
        ids = torch.tensor([row + [self.pad_token_id] * (width - len(row)) for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
        self.calls.append((ids, mask))
        return Tokens(input_ids=ids.clone(), attention_mask=mask.clone())


class BertNumbers(NumberTokenizer):
    VOCAB = 43

    def __init__(self):
        super().__init__([3], [4], 0)
        self.bos_token_id = self.VOCAB - 1  # [DEC]

    def __len__(self):
        return self.VOCAB


def qformer_config(lavis, width, queries, frequency):
    config = lavis("models.blip2_models.Qformer").BertConfig(
        vocab_size=BertNumbers.VOCAB, hidden_size=12, num_hidden_layers=4, num_attention_heads=3, intermediate_size=22,
        max_position_embeddings=14, layer_norm_eps=1e-12, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, pad_token_id=0)
    config.encoder_width, config.add_cross_attention = width, True
    config.cross_attention_freq, config.query_length = frequency, queries
    return config


def image_encoder(lavis, kind):
    """LAVIS's class, and what it is in Hugging Face's config.json."""
    sizes = {"image_size": SIDE, "patch_size": PATCH, "num_hidden_layers": 2}
    if kind == "eva":
        config = {"model_type": "blip_2_vision_model", "hidden_size": 16, "intermediate_size": 24, "num_attention_heads": 2,
                  "hidden_act": "gelu", "layer_norm_eps": 1e-6, **sizes}
        encoder = lavis("models.eva_vit").VisionTransformer(
            img_size=SIDE, patch_size=PATCH, embed_dim=16, depth=2, num_heads=2, mlp_ratio=1.5, qkv_bias=True, use_mean_pooling=False,
            norm_layer=functools.partial(torch.nn.LayerNorm, eps=1e-6))
    else:
        config = {"model_type": "clip_vision_model", "hidden_size": 20, "intermediate_size": 80, "num_attention_heads": 4,
                  "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5, **sizes}
        encoder = lavis("models.clip_vit").VisionTransformer(
            input_resolution=SIDE, patch_size=PATCH, width=20, layers=3, heads=4, use_grad_checkpointing=False)
    return encoder, config


def tiny_parts(lavis, kind):
    """Replaces what LAVIS's constructors would download."""
    qformer = lavis("models.blip2_models.Qformer")
    blip2 = lavis("models.blip2_models.blip2")
    encoder, vision_config = image_encoder(lavis, kind)

    class Parts:
        vision = vision_config

        @classmethod
        def init_tokenizer(cls):
            return BertNumbers()

        @classmethod
        def init_vision_encoder(cls, *_):
            return encoder, blip2.LayerNorm(encoder.num_features)

        @classmethod
        def init_Qformer(cls, queries, width, frequency=2):
            config = qformer_config(lavis, width, queries, frequency)
            return qformer.BertLMHeadModel(config), torch.nn.Parameter(torch.zeros(1, queries, config.hidden_size))

    return Parts


# What is added to an image encoder's stream of residuals. Small, so that the features' variance is not far from the epsilon of the
# norms that read them, and a wrong epsilon shows (1e-5 in ln_vision, 1e-6 in EVA).
RESIDUALS = r"visual_encoder\..*(cls_token|pos_embed|patch_embed\.proj|attn\.proj|mlp\.fc2|ln_pre|attn\.out_proj|mlp\.c_proj)\b"


def randomise(model):
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name == "temp":
                p.fill_(0.09)
                continue
            is_norm = p.ndim == 1 and re.search(r"(norm\d*|ln_\w+|LayerNorm|layer_norm|layernorm)\.weight$", name)
            p.copy_(torch.randn(p.shape) * (0.3 if p.ndim > 1 else 0.2) + (1.1 if is_norm else 0.0))
            if re.match(RESIDUALS, name):
                p.mul_(0.02)
    return model


# ---- models ----------------------------------------------------------------------------------------------------------


def stage1(lavis, kind, freeze_vit=True):
    module = lavis("models.blip2_models.blip2_qformer")
    model_type = type("Stage1", (tiny_parts(lavis, kind), module.Blip2Qformer), {})
    return model_type(vit_precision="fp32", freeze_vit=freeze_vit, num_query_token=5, embed_dim=7, max_txt_len=MAX_TEXT)


OPT = dict(vocab_size=37, hidden_size=18, word_embed_proj_dim=18, ffn_dim=26, num_hidden_layers=2, num_attention_heads=3,
           max_position_embeddings=24, dropout=0.0, attention_dropout=0.0, activation_function="relu", bos_token_id=2, eos_token_id=2,
           pad_token_id=1)
# As FlanT5's own directory: nothing says "gelu".
T5 = dict(vocab_size=39, d_model=18, d_kv=5, d_ff=26, num_layers=2, num_decoder_layers=3, num_heads=4,
          relative_attention_num_buckets=8, relative_attention_max_distance=12, dropout_rate=0.0, feed_forward_proj="gated-gelu",
          tie_word_embeddings=False, pad_token_id=0, eos_token_id=1, decoder_start_token_id=0)
LLAMA = dict(vocab_size=41, hidden_size=20, intermediate_size=26, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
             head_dim=6, max_position_embeddings=32, rms_norm_eps=1e-6, rope_theta=10000.0, attention_dropout=0.0,
             tie_word_embeddings=False, bos_token_id=1, eos_token_id=2, pad_token_id=0)


def from_pretrained(value):
    """Something whose from_pretrained() gives `value`, whatever it is asked for."""
    return types.SimpleNamespace(from_pretrained=lambda *_, **__: value)


def opt(lavis, kind, prompt, freeze_vit=True):
    module = lavis("models.blip2_models.blip2_opt")
    modeling = lavis("models.blip2_models.modeling_opt")
    tokenizer = NumberTokenizer([2], [], 1, newline=5)
    language = modeling.OPTForCausalLM(modeling.OPTConfig(**OPT))
    model_type = type("Opt", (tiny_parts(lavis, kind), module.Blip2OPT), {})
    with mock.patch.object(module, "AutoTokenizer", from_pretrained(tokenizer)), \
            mock.patch.object(module, "OPTForCausalLM", from_pretrained(language)):
        model = model_type(vit_precision="fp32", freeze_vit=freeze_vit, num_query_token=4, prompt=prompt, max_txt_len=MAX_TEXT)
    model.text_config = language.config.to_diff_dict() | {"model_type": "opt"}
    return model


def t5(lavis, kind):
    module = lavis("models.blip2_models.blip2_t5")
    modeling = lavis("models.blip2_models.modeling_t5")
    tokenizer = NumberTokenizer([], [1], 0)
    given = modeling.T5Config(**T5)
    written = given.to_diff_dict() | {"model_type": "t5"}
    for name in ("dense_act_fn", "is_gated_act"):
        written.pop(name, None)
    languages = types.SimpleNamespace(from_pretrained=lambda *_, config: modeling.T5ForConditionalGeneration(config))
    model_type = type("T5", (tiny_parts(lavis, kind), module.Blip2T5), {})
    with mock.patch.object(module, "T5TokenizerFast", from_pretrained(tokenizer)), \
            mock.patch.object(module, "T5Config", from_pretrained(given)), \
            mock.patch.object(module, "T5ForConditionalGeneration", languages):
        model = model_type(vit_precision="fp32", num_query_token=4, max_txt_len=MAX_TEXT)
    assert given.dense_act_fn == "gelu"
    model.text_config = written
    return model


def llama(lavis, kind, prompt):
    parts = tiny_parts(lavis, kind)

    class Blip2Llama(parts, lavis("models.blip2_models.blip2").Blip2Base):
        def __init__(self):
            super().__init__()
            self.visual_encoder, self.ln_vision = self.init_vision_encoder()
            self.Qformer, self.query_tokens = self.init_Qformer(4, self.visual_encoder.num_features)
            # The text side of a stage-2 Q-Former is not there, as in models/blip2_models/blip2_opt.py.
            self.Qformer.cls = self.Qformer.bert.embeddings.word_embeddings = None
            self.Qformer.bert.embeddings.position_embeddings = None
            for layer in self.Qformer.bert.encoder.layer:
                layer.output = layer.intermediate = None
            self.llm_model = hf.LlamaForCausalLM(hf.LlamaConfig(**LLAMA, attn_implementation="eager"))
            self.llm_proj = torch.nn.Linear(self.Qformer.config.hidden_size, LLAMA["hidden_size"])
            self.llm_tokenizer = NumberTokenizer([1], [], 0, newline=2)  # the end token is written as a line feed
            for part in (self.visual_encoder, self.llm_model):
                part.requires_grad_(False)

        def forward(self, samples):
            image = self.ln_vision(self.visual_encoder(samples["image"]))
            queries = self.query_tokens.expand(len(image), -1, -1)
            seen = self.Qformer.bert(query_embeds=queries, encoder_hidden_states=image, return_dict=True,
                                     encoder_attention_mask=torch.ones(image.shape[:2], dtype=torch.long))
            inputs = self.llm_proj(seen.last_hidden_state)
            text = self.llm_tokenizer([t + "\n" for t in samples["text_input"]], truncation=True, max_length=MAX_TEXT)
            targets = text.input_ids.masked_fill(text.attention_mask == 0, -100)
            if prompt:
                targets[:, :len(self.llm_tokenizer.ids(prompt, None))] = -100
            ones = torch.ones(inputs.shape[:2], dtype=torch.long)
            return {"loss": self.llm_model(
                inputs_embeds=torch.cat([inputs, self.llm_model.get_input_embeddings()(text.input_ids)], 1),
                attention_mask=torch.cat([ones, text.attention_mask], 1), labels=torch.cat([ones * -100, targets], 1)).loss}

    model = Blip2Llama()
    model.text_config = LLAMA | {"model_type": "llama"}
    return model


# ---- steps -----------------------------------------------------------------------------------------------------------


def captions(step, low, high):
    """Captions of 1 to 9 words; one is too long for the limit."""
    lengths = torch.randint(1, 6, (BATCH,)).tolist()
    lengths[step % BATCH] = MAX_TEXT
    return [" ".join(map(str, torch.randint(low, high, (n,)).tolist())) for n in lengths]


def stage1_step(model, pixels, texts, record, samples=None):
    drawn, weights, draw = [], [], torch.multinomial

    def multinomial(row, count):
        weights.append(row / row.sum())
        drawn.append(draw(row, count))
        return drawn[-1]

    with mock.patch.object(torch, "multinomial", multinomial):
        output = model({"image": pixels, "text_input": texts} | (samples or {}))
    assert len(drawn) == 2 * BATCH
    record["ids"], record["mask"] = model.tokenizer.calls[-1]
    record["negative_images"], record["negative_texts"] = torch.cat(drawn[:BATCH]), torch.cat(drawn[BATCH:])
    record["image_weights"], record["text_weights"] = torch.stack(weights[:BATCH]), torch.stack(weights[BATCH:])
    return {"loss": output.loss, "loss_itc": output.loss_itc, "loss_itm": output.loss_itm, "loss_itg": output.loss_lm}


def retrieval_step(model, pixels, texts, record):
    """Some pictures have several captions in the batch."""
    ids = [0, 1] + torch.randint(0, 3, (BATCH - 2,)).tolist()
    record["same_image"] = (torch.tensor(ids)[:, None] == torch.tensor(ids)[None, :]).long()
    return stage1_step(model, pixels, texts, record, {"image_id": ids})


def causal_step(model, pixels, texts, record):
    language = model.opt_model if hasattr(model, "opt_model") else model.llm_model
    labels = []
    hook = language.register_forward_pre_hook(lambda _, __, named: labels.append(named["labels"]), with_kwargs=True)
    output = model({"image": pixels, "text_input": texts})
    hook.remove()
    record["ids"], record["mask"] = (model.opt_tokenizer if hasattr(model, "opt_model") else model.llm_tokenizer).calls[-1]
    record["targets"] = (labels[0][:, -record["ids"].shape[1]:] != -100).long()
    return {"loss": output["loss"], "loss_lm": output["loss"]}


def t5_step(model, pixels, texts, record, split):
    """Where it is cut, a caption is cut between two tokens, from the first to the middle one; one token alone is not cut."""
    words = [text.split() for text in texts]
    cuts = [int(torch.randint(1, len(w) // 2 + 1, ())) if split and len(w) > 1 else 0 for w in words]
    model.t5_tokenizer.calls.clear()
    output = model({"image": pixels, "text_input": [" ".join(w[:c]) for w, c in zip(words, cuts)],
                    "text_output": [" ".join(w[c:]) for w, c in zip(words, cuts)]})
    (record["prefix_ids"], record["prefix_mask"]), (record["target_ids"], record["target_mask"]) = model.t5_tokenizer.calls
    record["cuts"] = torch.tensor(cuts)
    return {"loss": output["loss"], "loss_lm": output["loss"]}


TIED = [("Qformer.bert.embeddings.word_embeddings.weight", "Qformer.cls.predictions.decoder.weight"),
        ("Qformer.cls.predictions.bias", "Qformer.cls.predictions.decoder.bias"),
        ("opt_model.model.decoder.embed_tokens.weight", "opt_model.lm_head.weight"),
        ("t5_model.shared.weight", "t5_model.encoder.embed_tokens.weight"),
        ("t5_model.shared.weight", "t5_model.decoder.embed_tokens.weight")]


def check_ties(model):
    """Today's transformers ties weights by other means than LAVIS's; what is tied there must be so here."""
    state = model.state_dict(keep_vars=True)
    for one, other in TIED:
        assert one not in state or state[one] is state[other], f"{one} and {other} are two tensors"


CASES = {
    "stage1_eva": (lambda lavis: stage1(lavis, "eva"), stage1_step, ""),
    "stage1_clip": (lambda lavis: stage1(lavis, "clip"), stage1_step, ""),
    "opt_eva": (lambda lavis: opt(lavis, "eva", ""), causal_step, ""),
    "opt_prompt_clip": (lambda lavis: opt(lavis, "clip", "30 31"), causal_step, "30 31"),
    "t5_eva": (lambda lavis: t5(lavis, "eva"), functools.partial(t5_step, split=False), ""),
    "t5_split_clip": (lambda lavis: t5(lavis, "clip"), functools.partial(t5_step, split=True), ""),
    "retrieval_eva": (lambda lavis: stage1(lavis, "eva", freeze_vit=False), retrieval_step, ""),
    "retrieval_clip": (lambda lavis: stage1(lavis, "clip", freeze_vit=False), retrieval_step, ""),
    "caption_opt_eva": (lambda lavis: opt(lavis, "eva", "30 31", freeze_vit=False), causal_step, "30 31"),
    "llama_clip": (lambda lavis: llama(lavis, "clip", "30 31"), causal_step, "30 31"),
}


def contiguous(tensors):
    return {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}


def write(lavis, case):
    torch.manual_seed(17)
    build, step, prompt = CASES[case]
    model = randomise(build(lavis).float()).train()
    check_ties(model)
    folder = OUT / f"lavis_{case}"
    folder.mkdir(parents=True, exist_ok=True)
    save_file(contiguous(model.state_dict()), folder / "initial.safetensors")

    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    assert not any(name.startswith(("opt_model", "t5_model", "llm_model")) for name in trained)
    is_tuned = case.startswith(("retrieval", "caption"))
    assert any(name.startswith("visual_encoder") for name in trained) == is_tuned
    optimizer = torch.optim.AdamW(lavis_reference.parameter_groups(model, RUN["weight_decay"]), lr=RUN["init_lr"],
                                  weight_decay=RUN["weight_decay"], betas=(0.9, RUN["beta2"]))
    schedule = lavis("common.optims").LinearWarmupCosineLRScheduler(
        optimizer, max_epoch=RUN["max_epoch"], min_lr=RUN["min_lr"], init_lr=RUN["init_lr"], warmup_steps=RUN["warmup_steps"],
        warmup_start_lr=RUN["warmup_lr"])
    tensors, rows = {}, []
    for number in range(1, STEPS + 1):
        schedule.step(cur_epoch=(number - 1) // RUN["batches_per_epoch"], cur_step=(number - 1) % RUN["batches_per_epoch"])
        record = {"pixels": torch.randn(BATCH, 3, SIDE, SIDE)}
        texts = captions(number, 6, 30)
        losses = step(model, record["pixels"], [f"{prompt} {text}" if prompt else text for text in texts], record)
        optimizer.zero_grad()
        losses["loss"].backward()
        norm = math.sqrt(sum(p.grad.double().square().sum().item() for p in trained.values()))
        row = {"captions": texts, **{name: loss.item() for name, loss in losses.items()}, "lr": optimizer.param_groups[0]["lr"],
               "grad_norm": norm}
        if hasattr(model, "temp"):
            row["temperature"] = model.temp.item()
        optimizer.step()
        rows.append(row)
        tensors |= {f"{name}.{number}": tensor for name, tensor in record.items()}
    save_file(contiguous(tensors), folder / "steps.safetensors")
    save_file(contiguous(trained), folder / "final.safetensors")
    described = {"vision_config": model.vision, "text_config": getattr(model, "text_config", None), "qformer_heads": 3,
                 "prompt": prompt, "max_text_length": MAX_TEXT, "dec_id": BertNumbers.VOCAB - 1, "run": RUN, "steps": rows}
    (folder / "steps.json").write_text(json.dumps(described, indent=1) + "\n")
    print(case, [round(row["loss"], 4) for row in rows], [round(row["grad_norm"], 3) for row in rows],
          sum(file.stat().st_size for file in folder.iterdir()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", help="folder that holds the wheel's lavis/")
    parser.add_argument("cases", nargs="*", help=", ".join(CASES) + "; all of them where none is named")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    lavis = lavis_reference.import_lavis(arguments.wheel)
    for case in arguments.cases or CASES:
        write(lavis, case)


if __name__ == "__main__":
    main()
