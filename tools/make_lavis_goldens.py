#!/usr/bin/env python3
"""Makes tests/golden/lavis: tiny checkpoints with LAVIS's and BLIP's names, and what Hugging Face calls their tensors.

Needs transformers 4.57 and torch. The renaming here works on strings, in the order of the published conversions, and is
held against Hugging Face's own classes: each checkpoint must load into its class with nothing missing and nothing left,
except what is listed. The arithmetic of the fused projections is held against torch's MultiheadAttention.
expected.json has for each file: title, unused (the file's own names), and for each Hugging Face name dtype, shape, CRC-32.
"""
import argparse
import json
import pathlib
import sys
import types
import zlib

import numpy as np
import torch
import transformers as hf

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/lavis"
D, LAYERS, FFN, VOCAB, POSITIONS, QUERIES, JOINT = 12, 3, 20, 37, 11, 5, 7
DV, BLOCKS, MLP, PATCH, SIDE = 16, 2, 24, 4, 2
DL = 18
BLIP_LAYERS = 2
expected = {}


def rand(*shape):
    return torch.randn(shape) * 0.3 + 0.05


def linear(state, name, out, width, bias=True):
    state[name + ".weight"] = rand(out, width)
    if bias:
        state[name + ".bias"] = rand(out)


def norm(state, name, width):
    state[name + ".weight"] = 1 + rand(width)
    state[name + ".bias"] = rand(width)


# ---- LAVIS's and BLIP's models, by the names of their modules -------------------------------------------------------


def bert_attention(state, name, width, key_width):
    linear(state, name + ".self.query", width, width)
    linear(state, name + ".self.key", width, key_width)
    linear(state, name + ".self.value", width, key_width)
    linear(state, name + ".output.dense", width, width)
    norm(state, name + ".output.LayerNorm", width)


def feed_forward(state, layer, suffix):
    linear(state, f"{layer}.intermediate{suffix}.dense", FFN, D)
    linear(state, f"{layer}.output{suffix}.dense", D, FFN)
    norm(state, f"{layer}.output{suffix}.LayerNorm", D)


def lm_head(state, name, words):
    state[name + ".predictions.bias"] = rand(VOCAB)
    linear(state, name + ".predictions.transform.dense", D, D)
    norm(state, name + ".predictions.transform.LayerNorm", D)
    state[name + ".predictions.decoder.weight"] = words
    state[name + ".predictions.decoder.bias"] = state[name + ".predictions.bias"]


def qformer(state, text, head, width=DV):
    state["query_tokens"] = rand(1, QUERIES, D)
    norm(state, "ln_vision", width)
    bert = "Qformer.bert."
    state[bert + "embeddings.position_ids"] = torch.arange(POSITIONS)[None]
    if text:
        state[bert + "embeddings.word_embeddings.weight"] = rand(VOCAB, D)
        state[bert + "embeddings.position_embeddings.weight"] = rand(POSITIONS, D)
    norm(state, bert + "embeddings.LayerNorm", D)
    for i in range(LAYERS):
        layer = f"{bert}encoder.layer.{i}"
        bert_attention(state, layer + ".attention", D, D)
        if i % 2 == 0:
            bert_attention(state, layer + ".crossattention", D, width)
        if text:
            feed_forward(state, layer, "")
        feed_forward(state, layer, "_query")
    if head:
        lm_head(state, "Qformer.cls", state[bert + "embeddings.word_embeddings.weight"])


def heads(state):
    linear(state, "vision_proj", JOINT, D)
    linear(state, "text_proj", JOINT, D)
    linear(state, "itm_head", 2, D)


def eva(state, prefix, blocks=BLOCKS, half=False):
    state[prefix + "cls_token"] = rand(1, 1, DV)
    state[prefix + "pos_embed"] = rand(1, 1 + SIDE * SIDE, DV)
    state[prefix + "patch_embed.proj.weight"] = rand(DV, 3, PATCH, PATCH)
    state[prefix + "patch_embed.proj.bias"] = rand(DV)
    for i in range(blocks):
        block = f"{prefix}blocks.{i}"
        norm(state, block + ".norm1", DV)
        state[block + ".attn.q_bias"] = rand(DV)
        state[block + ".attn.v_bias"] = rand(DV)
        linear(state, block + ".attn.qkv", 3 * DV, DV, bias=False)
        linear(state, block + ".attn.proj", DV, DV)
        norm(state, block + ".norm2", DV)
        linear(state, block + ".mlp.fc1", MLP, DV)
        linear(state, block + ".mlp.fc2", DV, MLP)
    if half:
        for name in list(state):
            if "qkv" in name or "proj" in name or "fc" in name:
                state[name] = state[name].half()


def blip_vision(state, prefix):
    eva(state, prefix)
    for i in range(BLOCKS):
        attention = f"{prefix}blocks.{i}.attn."
        del state[attention + "q_bias"], state[attention + "v_bias"]
        state[attention + "qkv.bias"] = rand(3 * DV)
    norm(state, prefix + "norm", DV)


def clip_vision(state, prefix, blocks=BLOCKS):
    state[prefix + "class_embedding"] = rand(DV)
    state[prefix + "positional_embedding"] = rand(1 + SIDE * SIDE, DV)
    state[prefix + "conv1.weight"] = rand(DV, 3, PATCH, PATCH)
    norm(state, prefix + "ln_pre", DV)
    for i in range(blocks):
        block = f"{prefix}transformer.resblocks.{i}"
        state[block + ".attn.in_proj_weight"] = rand(3 * DV, DV)
        state[block + ".attn.in_proj_bias"] = rand(3 * DV)
        linear(state, block + ".attn.out_proj", DV, DV)
        norm(state, block + ".ln_1", DV)
        linear(state, block + ".mlp.c_fc", MLP, DV)
        linear(state, block + ".mlp.c_proj", DV, MLP)
        norm(state, block + ".ln_2", DV)


def blip_text(state, bert, head=None):
    state[bert + "embeddings.position_ids"] = torch.arange(POSITIONS)[None]
    state[bert + "embeddings.word_embeddings.weight"] = rand(VOCAB, D)
    state[bert + "embeddings.position_embeddings.weight"] = rand(POSITIONS, D)
    norm(state, bert + "embeddings.LayerNorm", D)
    for i in range(BLIP_LAYERS):
        layer = f"{bert}encoder.layer.{i}"
        bert_attention(state, layer + ".attention", D, D)
        bert_attention(state, layer + ".crossattention", D, DV)
        feed_forward(state, layer, "")
    if head:
        lm_head(state, head, state[bert + "embeddings.word_embeddings.weight"])


# ---- Hugging Face's names --------------------------------------------------------------------------------------------


def rename_timm(name):
    """The image encoders of EVA and BLIP-1, after "vision_model."."""
    for old, new in {"cls_token": "embeddings.class_embedding", "pos_embed": "embeddings.position_embedding",
                     "patch_embed.proj": "embeddings.patch_embedding"}.items():
        if name.startswith(old):
            return name.replace(old, new)
    if name.startswith("norm."):
        return "post_layer" + name
    for old, new in {"blocks": "encoder.layers", ".norm1": ".layer_norm1", ".norm2": ".layer_norm2",
                     ".attn": ".self_attn", "self_attn.proj": "self_attn.projection"}.items():
        name = name.replace(old, new)
    return name


def rename_clip(name):
    for old, new in {"class_embedding": "embeddings.class_embedding", "ln_pre": "pre_layrnorm",
                     "positional_embedding": "embeddings.position_embedding.weight",
                     "conv1": "embeddings.patch_embedding", "transformer.resblocks": "encoder.layers",
                     ".attn.": ".self_attn.", ".ln_": ".layer_norm", "c_fc": "fc1", "c_proj": "fc2"}.items():
        name = name.replace(old, new)
    return name


def convert_vision(state, prefix, kind):
    """The image encoder's part of a state, renamed, its biases joined and its projections split."""
    part = {name[len(prefix):]: value for name, value in state.items() if name.startswith(prefix)}
    result = {}
    for name, value in part.items():
        if name.endswith("q_bias"):
            value = torch.cat([value, torch.zeros_like(value), part[name.replace("q_bias", "v_bias")]])
            name = name.replace("q_bias", "qkv.bias")
        if name.endswith("v_bias"):
            continue
        if "in_proj_" in name:
            for piece, of in zip(value.chunk(3), "qkv"):
                result[rename_clip(name.replace("in_proj_", of + "_proj."))] = piece
        else:
            result[rename_clip(name) if kind == "clip" else rename_timm(name)] = value
    return result


def convert_qformer(state, instruct):
    result = {}
    for name, value in state.items():
        if name.startswith("visual_encoder.") or name.endswith("position_ids") or "predictions.decoder" in name:
            continue
        name = name.replace("ln_vision", "vision_model.post_layernorm")
        name = name.replace("Qformer.bert.embeddings.LayerNorm",
                            "qformer.embeddings.layernorm" if instruct else "qformer.layernorm")
        name = name.replace("Qformer.bert.embeddings.", "qformer.embeddings." if instruct else "embeddings.")
        name = name.replace("Qformer.bert", "qformer").replace("Qformer.cls", "cls")
        if "attention.self" in name:
            name = name.replace("self", "attention")
        for old, new in {"vision_proj.": "vision_projection.", "text_proj.": "text_projection.",
                         "opt_proj.": "language_projection.", "t5_proj.": "language_projection.",
                         "opt_model.": "language_model.", "t5_model.": "language_model."}.items():
            name = name.replace(old, new)
        result[name] = value
    return result


# ---- Hugging Face's classes ------------------------------------------------------------------------------------------

BERT = dict(hidden_size=D, num_hidden_layers=LAYERS, num_attention_heads=3, intermediate_size=FFN, vocab_size=VOCAB,
            max_position_embeddings=POSITIONS)
VISION = dict(hidden_size=DV, intermediate_size=MLP, num_hidden_layers=BLOCKS, num_attention_heads=2,
              image_size=PATCH * SIDE, patch_size=PATCH)


def check_loads(model, state, missing=(), unexpected=()):
    """Strict except for the prefixes."""
    result = model.load_state_dict(state, strict=False)
    rest = [n for n in result.missing_keys if not n.startswith(tuple(missing)) and not n.endswith("position_ids")]
    rest += [n for n in result.unexpected_keys if not n.startswith(tuple(unexpected))]
    assert not rest, rest
    return model.eval()


def blip2(cls, config_cls, text, **qformer_options):
    config = config_cls(vision_config=VISION, text_config=text, num_query_tokens=QUERIES,
                        image_text_hidden_size=JOINT,
                        qformer_config=dict(BERT, cross_attention_frequency=2, **qformer_options))
    return cls(config)


OPT = dict(model_type="opt", vocab_size=41, hidden_size=DL, ffn_dim=28, num_hidden_layers=1, num_attention_heads=2,
           max_position_embeddings=16, word_embed_proj_dim=DL)
T5 = dict(model_type="t5", vocab_size=41, d_model=DL, d_kv=4, d_ff=28, num_layers=1, num_heads=2)


def blip1(cls):
    return cls(hf.BlipConfig(vision_config=VISION, text_config=dict(
        BERT, num_hidden_layers=BLIP_LAYERS, encoder_hidden_size=DV, projection_dim=DL),
                             image_text_hidden_size=JOINT))


class OpenAiBlock(torch.nn.Module):
    """A block of CLIP with torch's own attention, as LAVIS has it."""

    def __init__(self):
        super().__init__()
        self.attn = torch.nn.MultiheadAttention(DV, VISION["num_attention_heads"], batch_first=True)
        self.ln_1, self.ln_2 = torch.nn.LayerNorm(DV), torch.nn.LayerNorm(DV)
        self.mlp = torch.nn.Sequential()
        self.mlp.c_fc, self.mlp.c_proj = torch.nn.Linear(DV, MLP), torch.nn.Linear(MLP, DV)

    def forward(self, x):
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, need_weights=False)[0]
        y = self.mlp.c_fc(self.ln_2(x))
        return x + self.mlp.c_proj(y * torch.sigmoid(1.702 * y))


@torch.no_grad()
def check_clip_arithmetic(state, model):
    pixels = rand(2, 3, PATCH * SIDE, PATCH * SIDE)
    x = torch.nn.functional.conv2d(pixels, state["conv1.weight"], stride=PATCH).flatten(2).transpose(1, 2)
    x = torch.cat([state["class_embedding"].expand(2, 1, DV), x], 1) + state["positional_embedding"]
    x = torch.nn.functional.layer_norm(x, (DV,), state["ln_pre.weight"], state["ln_pre.bias"])
    for i in range(BLOCKS):
        block, prefix = OpenAiBlock(), f"transformer.resblocks.{i}."
        block.load_state_dict({n[len(prefix):]: v for n, v in state.items() if n.startswith(prefix)})
        x = block(x)
    theirs = model.vision_model(pixels).last_hidden_state
    assert (x - theirs).abs().max() < 1e-5 * theirs.abs().max(), (x - theirs).abs().max()


# ---- files -----------------------------------------------------------------------------------------------------------


def expect(file, title, converted, unused):
    rows = {}
    for name, tensor in sorted(converted.items()):
        data = tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        rows[name] = f"{str(tensor.dtype)[6:]} {','.join(map(str, tensor.shape)) or 'scalar'} {zlib.crc32(data):08x}"
    expected[file] = {"title": title, "unused": sorted(unused), "tensors": rows}


def foreign_class(module, name):
    """A class that unpickles only where that module is."""
    cls = type(name, (dict,), {})
    cls.__module__ = module
    parts = module.split(".")
    for i in range(len(parts)):
        sys.modules.setdefault(".".join(parts[:i + 1]), types.ModuleType(".".join(parts[:i + 1])))
    setattr(sys.modules[module], name, cls)
    return cls


def wrapped(state):
    """What LAVIS's runner stores beside the weights, and some more."""
    config = foreign_class("omegaconf.dictconfig", "DictConfig")(arch="blip2", image_size=224)
    return {"model": state, "optimizer": {"state": {0: {"step": 7, "exp_avg": rand(2)}}, "param_groups": []},
            "config": config, "args": argparse.Namespace(lr=1e-4, names=["a", "b"], tensor=rand(2)),
            "scaler": None, "epoch": 3, "best": np.float64(0.5), "curve": np.arange(3)}


def save(file, content, **options):
    torch.save(content, OUT / file, **options)


POSITION_IDS = "Qformer.bert.embeddings.position_ids"
DECODER = [f"Qformer.cls.predictions.decoder.{kind}" for kind in ("weight", "bias")]


def make_stage1():
    state = {}
    qformer(state, text=True, head=True)
    heads(state)
    state["temp"] = torch.tensor(0.07)
    converted = convert_qformer(state, instruct=False)
    model = blip2(hf.Blip2ForImageTextRetrieval, hf.Blip2Config, OPT, use_qformer_text_input=True)
    check_loads(model, converted, ["vision_model.em", "vision_model.en"], ["temp", "cls."])
    save("stage1.pth", wrapped(state))
    expect("stage1.pth", "BLIP-2 stage 1", converted, [POSITION_IDS, *DECODER])

    vit = {}
    clip_vision(vit, "visual_encoder.")
    qformer(vit, text=True, head=True)
    heads(vit)
    vit["temp"] = torch.tensor(0.06)
    part = convert_vision(vit, "visual_encoder.", "clip")
    converted = convert_qformer(vit, instruct=False) | {f"vision_model.{n}": v for n, v in part.items()}
    save("stage1_clip.pth", {"model": vit}, _use_new_zipfile_serialization=False)
    expect("stage1_clip.pth", "BLIP-2 stage 1", converted, [POSITION_IDS, *DECODER])


def make_stage2():
    state = {}
    eva(state, "visual_encoder.")
    qformer(state, text=False, head=False)
    linear(state, "opt_proj", DL, D)
    state["opt_model.lm_head.weight"] = rand(41, DL)
    part = convert_vision(state, "visual_encoder.", "eva")
    converted = convert_qformer({n: v for n, v in state.items() if not n.startswith("opt_model")}, instruct=False)
    converted |= {f"vision_model.{n}": v for n, v in part.items()}
    model = blip2(hf.Blip2ForConditionalGeneration, hf.Blip2Config, OPT, use_qformer_text_input=False)
    check_loads(model, converted, ["language_model."])
    save("stage2_opt.pth", wrapped(state), _use_new_zipfile_serialization=False)
    expect("stage2_opt.pth", "BLIP-2 stage 2 for OPT", converted, [POSITION_IDS, "opt_model.lm_head.weight"])


def make_instruct():
    state = {}
    qformer(state, text=True, head=False)
    linear(state, "t5_proj", DL, D)
    language = hf.T5ForConditionalGeneration(hf.T5Config(**T5)).state_dict()
    state |= {f"t5_model.{name}": value for name, value in language.items()}
    converted = convert_qformer(state, instruct=True)
    model = blip2(hf.InstructBlipForConditionalGeneration, hf.InstructBlipConfig, T5)
    check_loads(model, converted, ["vision_model.em", "vision_model.en"])
    save("instruct_t5.pth", {"model": state}, pickle_protocol=4)
    expect("instruct_t5.pth", "InstructBLIP for T5", converted, [POSITION_IDS])


def make_image_encoders():
    state = {}
    eva(state, "", blocks=BLOCKS + 1, half=True)
    last = [name for name in state if name.startswith(f"blocks.{BLOCKS}.")]
    norm(state, "norm", DV)
    linear(state, "head", JOINT, DV)
    unused = last + [name for name in state if name.startswith(("norm.", "head."))]
    converted = convert_vision({n: v for n, v in state.items() if n not in unused}, "", "eva")
    model = hf.Blip2VisionModel(hf.Blip2VisionConfig(**VISION))
    check_loads(model, converted, ["post_layernorm"])
    save("eva_vit.pth", state)
    expect("eva_vit.pth", "EVA-CLIP image encoder", converted, unused)

    state = {}
    clip_vision(state, "", blocks=BLOCKS + 1)
    last = [name for name in state if name.startswith(f"transformer.resblocks.{BLOCKS}.")]
    norm(state, "ln_post", DV)
    state["proj"] = rand(DV, JOINT)
    unused = last + ["ln_post.weight", "ln_post.bias", "proj"]
    converted = convert_vision({n: v for n, v in state.items() if n not in unused}, "", "clip")
    model = hf.CLIPVisionModel(hf.CLIPVisionConfig(**VISION, hidden_act="quick_gelu"))
    check_loads(model, {f"vision_model.{n}": v for n, v in converted.items()}, ["vision_model.post_layernorm"])
    check_clip_arithmetic(state, model)
    save("clip_vit.pth", state, _use_new_zipfile_serialization=False)
    expect("clip_vit.pth", "CLIP image encoder", converted, unused)


def make_blip1():
    def convert(state, unused):
        part = convert_vision(state, "visual_encoder.", "blip")
        text = {n: v for n, v in state.items() if not n.startswith("visual_encoder") and n not in unused}
        return text | {f"vision_model.{n}": v for n, v in part.items()}

    caption, match, answer = {}, {}, {}
    for state in (caption, match, answer):
        blip_vision(state, "visual_encoder.")
    blip_text(caption, "text_decoder.bert.", "text_decoder.cls")
    blip_text(match, "text_encoder.")
    heads(match)
    linear(match, "vision_proj", JOINT, DV)
    for name in list(match):  # momentum copies of everything
        match[name.split(".")[0] + "_m." + name.split(".", 1)[1]] = match[name] + 1
    for name in [n for n in match if n.startswith("itm_head_m.")]:
        del match[name]
    match |= {"image_queue": rand(JOINT, 6), "text_queue": rand(JOINT, 6), "idx_queue": torch.full((1, 6), -100),
              "ptr_queue": torch.zeros(1, dtype=torch.long), "temp": torch.tensor(0.07)}
    blip_text(answer, "text_encoder.")
    blip_text(answer, "text_decoder.bert.", "text_decoder.cls")
    for file, title, cls, state in (
            ("blip_caption.pth", "BLIP captioner", hf.BlipForConditionalGeneration, caption),
            ("blip_itm.pth", "BLIP image-text matcher", hf.BlipForImageTextRetrieval, match),
            ("blip_vqa.pth", "BLIP question answerer", hf.BlipForQuestionAnswering, answer)):
        unused = [n for n in state if n.split(".")[0].endswith("_m") or "queue" in n or n == "temp"
                  or n.endswith("position_ids")]
        converted = convert(state, unused)
        check_loads(blip1(cls), converted)
        save(file, {"model": state}, _use_new_zipfile_serialization=False)
        expect(file, title, converted, unused)


def main():
    torch.manual_seed(11)
    OUT.mkdir(parents=True, exist_ok=True)
    make_stage1()
    make_stage2()
    make_instruct()
    make_image_encoders()
    make_blip1()
    (OUT / "expected.json").write_text(json.dumps(expected, indent=0) + "\n")


if __name__ == "__main__":
    main()
