"""Checkpoints with random weights of every published class, as Hugging Face saves them: tiny, but with every term felt.

No bias is 0, no norm is 1, all dimensions differ, so that a forgotten term or a swapped axis shows. The same classes then at the
published widths, with few layers; and at the published depth, for a machine that is given the time.
"""
import dataclasses
import json
import math

import torch
from safetensors.torch import load_file, save_file
from transformers import (BlipConfig, BlipForConditionalGeneration, BlipForImageTextRetrieval, BlipForQuestionAnswering, BlipImageProcessor,
                          BlipProcessor, Blip2Config, Blip2ForConditionalGeneration, Blip2ForImageTextRetrieval, Blip2Processor, CLIPConfig,
                          CLIPImageProcessor, CLIPModel, CLIPProcessor, Dinov2Config, Dinov2Model, InstructBlipConfig,
                          InstructBlipForConditionalGeneration, InstructBlipProcessor, LlamaConfig, OPTConfig, Qwen2Config,
                          SiglipVisionConfig, SiglipVisionModel, T5Config)

try:
    from transformers.modeling_utils import no_init_weights
except ImportError:  # transformers 5
    from transformers.initialization import no_init_weights

import small_tokenizers


@dataclasses.dataclass(frozen=True)
class Front:
    """What stands before the language model."""
    image_size: int
    queries: int
    vision: dict
    qformer: dict


TINY = Front(42, 6, dict(hidden_size=24, intermediate_size=44, num_hidden_layers=3, num_attention_heads=3, patch_size=14),
             dict(hidden_size=20, intermediate_size=36, num_hidden_layers=4, num_attention_heads=4, max_position_embeddings=64))
# EVA-CLIP ViT-g/14 and the whole Q-Former.
PUBLISHED = Front(224, 32, dict(hidden_size=1408, intermediate_size=6144, num_hidden_layers=2, num_attention_heads=16, patch_size=14),
                  dict(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12, max_position_embeddings=512))
FULL = dataclasses.replace(PUBLISHED, vision={**PUBLISHED.vision, "num_hidden_layers": 39})
BLIP = (BlipForConditionalGeneration, BlipForImageTextRetrieval, BlipForQuestionAnswering)
VIT_L_14 = dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=2, num_attention_heads=16, patch_size=14)


def randomise(model, seed, gain=1.0):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            low = name.lower()
            if parameter.dim() <= 1 and "norm" in low and name.endswith("weight"):
                parameter.uniform_(0.6, 1.4, generator=generator)
            elif name.endswith("logit_scale"):
                parameter.fill_(2.3)
            elif parameter.dim() <= 1:
                parameter.normal_(0, 0.15, generator=generator)
            elif "embed" in low or "shared" in low or "query_tokens" in low or "relative_attention_bias" in low:
                parameter.normal_(0, min(0.6, 3.4 / math.sqrt(parameter.shape[-1])), generator=generator)  # logits of a tied matrix: some units
            else:
                parameter.normal_(0, gain / math.sqrt(parameter[0].numel()), generator=generator)
    return model.eval()


def grow(tokenizer, text_config):
    """The id of <image> after a processor has added it, and the vocabulary that then is needed."""
    text_config.vocab_size = len(tokenizer)
    return tokenizer.convert_tokens_to_ids("<image>")


def vision(front, model_type="blip_2_vision_model"):
    return dict(model_type=model_type, image_size=front.image_size, **front.vision)


def qformer(front, model_type="blip_2_qformer", **more):
    return dict(model_type=model_type, encoder_hidden_size=front.vision["hidden_size"], **front.qformer, **more)


def image_processor(size):
    return BlipImageProcessor(size={"height": size, "width": size})


def opt_config(**changes):
    values = dict(hidden_size=32, ffn_dim=52, num_hidden_layers=3, num_attention_heads=4, max_position_embeddings=160,
                  word_embed_proj_dim=32, bos_token_id=2, pad_token_id=1)
    return OPTConfig(**{**values, **changes})


def t5_config(**changes):
    values = dict(d_model=28, d_kv=6, d_ff=44, num_layers=3, num_decoder_layers=3, num_heads=5, feed_forward_proj="gated-gelu",
                  dense_act_fn="gelu", tie_word_embeddings=False, decoder_start_token_id=0, bos_token_id=1, eos_token_id=1, pad_token_id=0)
    return T5Config(**{**values, **changes})


def llama_config(**changes):
    values = dict(hidden_size=30, intermediate_size=50, num_hidden_layers=3, num_attention_heads=6, num_key_value_heads=2, head_dim=6,
                  max_position_embeddings=160, bos_token_id=2, eos_token_id=2, pad_token_id=0)
    return LlamaConfig(**{**values, **changes})


def qwen2_config(tokenizer, **changes):
    values = dict(hidden_size=36, intermediate_size=50, num_hidden_layers=3, num_attention_heads=6, num_key_value_heads=3,
                  max_position_embeddings=160, tie_word_embeddings=True, bos_token_id=tokenizer.eos_token_id,
                  eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id)
    return Qwen2Config(**{**values, **changes})


def save(kind, config, seed, processor, folder, dtype=torch.float32):
    with no_init_weights():
        model = kind(config)
    randomise(model, seed)
    if kind not in BLIP:  # EVA-CLIP has no bias of the keys, which a softmax over keys would not feel
        for name, parameter in model.named_parameters():
            if name.endswith("qkv.bias"):
                parameter.data[parameter.numel() // 3:2 * parameter.numel() // 3] = 0
    model.to(dtype).save_pretrained(folder)
    processor.save_pretrained(folder)
    return kind, processor


def blip2_generation(folder, text_config, tokenizer, seed, front=TINY, dtype=torch.float32):
    processor = Blip2Processor(image_processor(front.image_size), tokenizer, num_query_tokens=front.queries)
    image_token = grow(tokenizer, text_config)
    if text_config.model_type == "opt":
        text_config.eos_token_id = tokenizer("\n", add_special_tokens=False).input_ids[-1]
    config = Blip2Config(vision_config=vision(front), qformer_config=qformer(front, vocab_size=30), text_config=text_config.to_dict(),
                         num_query_tokens=front.queries, image_token_index=image_token)
    return save(Blip2ForConditionalGeneration, config, seed, processor, folder, dtype)


def blip2_opt(folder, seed=1, front=TINY, dtype=torch.float32, **changes):
    return blip2_generation(folder, opt_config(**changes), small_tokenizers.opt(folder), seed, front, dtype)


def blip2_opt_post_norm(folder):
    """The layers of opt-350m. Its narrower embeddings cannot take what Hugging Face's projection gives."""
    return blip2_opt(folder, 2, do_layer_norm_before=False)


def blip2_t5(folder, seed=3, front=TINY, dtype=torch.float32, **changes):
    return blip2_generation(folder, t5_config(**changes), small_tokenizers.t5(folder), seed, front, dtype)


def blip2_llama(folder):
    return blip2_generation(folder, llama_config(), small_tokenizers.llama(folder), 4)


def blip2_qwen2(folder):
    tokenizer = small_tokenizers.qwen2(folder)
    return blip2_generation(folder, qwen2_config(tokenizer), tokenizer, 15)


def blip2_opt_float16(folder):
    return blip2_opt(folder, 12, dtype=torch.float16)


def blip2_t5_bfloat16(folder):
    return blip2_t5(folder, 13, dtype=torch.bfloat16)


def blip2_retrieval(folder, seed=5, front=TINY, projection=14):
    tokenizer = small_tokenizers.bert(folder, bos_token="[DEC]")
    vocabulary = len(tokenizer)  # <image> comes after the table
    processor = Blip2Processor(image_processor(front.image_size), tokenizer, num_query_tokens=front.queries)
    config = Blip2Config(vision_config=vision(front), qformer_config=qformer(front, vocab_size=vocabulary, use_qformer_text_input=True),
                         text_config=opt_config().to_dict(), num_query_tokens=front.queries, image_text_hidden_size=projection,
                         image_token_index=tokenizer.convert_tokens_to_ids("<image>"))
    return save(Blip2ForImageTextRetrieval, config, seed, processor, folder)


def instructblip(folder, text_config, tokenizer, seed, front=TINY):
    reader = small_tokenizers.bert(folder / "qformer_tokenizer", bos_token="[DEC]")
    processor = InstructBlipProcessor(image_processor(front.image_size), tokenizer, reader, num_query_tokens=front.queries)
    image_token = grow(tokenizer, text_config)
    config = InstructBlipConfig(vision_config=vision(front, "instructblip_vision_model"),
                                qformer_config=qformer(front, "instructblip_qformer", vocab_size=len(reader)),
                                text_config=text_config.to_dict(), num_query_tokens=front.queries, image_token_index=image_token)
    return save(InstructBlipForConditionalGeneration, config, seed, processor, folder)


def instructblip_vicuna(folder, seed=6, front=TINY, **changes):
    return instructblip(folder, llama_config(**{"num_key_value_heads": 6, **changes}), small_tokenizers.llama(folder), seed, front)


def instructblip_t5(folder):
    return instructblip(folder, t5_config(), small_tokenizers.t5(folder), 14)


def blip(folder, kind, seed, front=TINY, projection=14, **changes):
    tokenizer = small_tokenizers.bert(folder, bos_token="[DEC]", additional_special_tokens=["[ENC]"])
    ids = dict(bos_token_id=tokenizer.bos_token_id, sep_token_id=tokenizer.sep_token_id, pad_token_id=tokenizer.pad_token_id,
               eos_token_id=2)
    text = dict(vocab_size=len(tokenizer), hidden_size=20, encoder_hidden_size=front.vision["hidden_size"], intermediate_size=36,
                num_hidden_layers=3, num_attention_heads=4, max_position_embeddings=64, projection_dim=projection, **ids)
    config = BlipConfig(vision_config={**vision(front, "blip_vision_model"), "layer_norm_eps": 1e-5}, text_config={**text, **changes},
                        projection_dim=projection, image_text_hidden_size=projection)
    return save(kind, config, seed, BlipProcessor(image_processor(front.image_size), tokenizer), folder)


def blip_captioning(folder):
    return blip(folder, BlipForConditionalGeneration, 8)


def blip_matching(folder):
    return blip(folder, BlipForImageTextRetrieval, 9)


def blip_answering(folder):
    """Works in the reference only where the text is as wide as the vision."""
    return blip(folder, BlipForQuestionAnswering, 10, hidden_size=24)


def clip(folder, seed=11, image_size=42, sizes=TINY.vision, projection=14, **changes):
    tokenizer = small_tokenizers.clip(folder)
    text = dict(vocab_size=len(tokenizer), hidden_size=20, intermediate_size=36, num_hidden_layers=3, num_attention_heads=4,
                max_position_embeddings=48, bos_token_id=tokenizer.bos_token_id, eos_token_id=2, pad_token_id=tokenizer.pad_token_id)
    config = CLIPConfig(vision_config=dict(model_type="clip_vision_model", image_size=image_size, hidden_act="quick_gelu", **sizes),
                        text_config={**text, **changes}, projection_dim=projection)
    processor = CLIPProcessor(CLIPImageProcessor(size={"shortest_edge": image_size}, crop_size=image_size), tokenizer)
    return save(CLIPModel, config, seed, processor, folder)


def with_encoder(folder, encoder, seed):
    """A stage-1 model with another image encoder, as training writes it: encoder, BLIP-2's layer norm and processor."""
    kind, processor = blip2_retrieval(folder, seed)
    norm = kind.from_pretrained(folder).vision_model.post_layernorm
    norm.eps = encoder.config.layer_norm_eps
    path = folder / "model.safetensors"
    tensors = {name: tensor for name, tensor in load_file(path).items()
               if not name.startswith("vision_model.") or name.startswith("vision_model.post_layernorm.")}
    randomise(encoder, seed)
    save_file(tensors | {"vision_model." + name: tensor for name, tensor in encoder.state_dict().items()}, path)
    config = json.loads((folder / "config.json").read_text())
    config["vision_config"] = encoder.config.to_dict()
    (folder / "config.json").write_text(json.dumps(config))
    return encoder, norm, processor


def blip2_dinov2(folder):
    sizes = {name: value for name, value in TINY.vision.items() if name != "intermediate_size"}
    return with_encoder(folder, Dinov2Model(Dinov2Config(image_size=TINY.image_size, mlp_ratio=1.5, **sizes)), 15)


def blip2_siglip(folder):
    return with_encoder(folder, SiglipVisionModel(SiglipVisionConfig(image_size=TINY.image_size, **TINY.vision)), 16)


def opt_sizes(width, heads):
    return dict(hidden_size=width, word_embed_proj_dim=width, ffn_dim=4 * width, num_attention_heads=heads, num_hidden_layers=2,
                max_position_embeddings=2048)


def t5_sizes(width, inner, heads):
    return dict(d_model=width, d_kv=64, d_ff=inner, num_heads=heads, num_layers=2, num_decoder_layers=2)


def llama_sizes(width, inner, heads):
    return dict(hidden_size=width, intermediate_size=inner, num_attention_heads=heads, num_key_value_heads=heads, head_dim=128,
                num_hidden_layers=2, max_position_embeddings=2048)


def opt_2_7b_width(folder):
    return blip2_opt(folder, 21, PUBLISHED, **opt_sizes(2560, 32))


def flan_t5_xl_width(folder):
    return blip2_t5(folder, 22, PUBLISHED, **t5_sizes(2048, 5120, 32))


def vicuna_7b_width(folder):
    return instructblip_vicuna(folder, 23, PUBLISHED, **llama_sizes(4096, 11008, 32))


def stage1_width(folder):
    return blip2_retrieval(folder, 24, PUBLISHED, 256)


def blip_large_width(folder):
    front = Front(384, 0, {**VIT_L_14, "patch_size": 16}, {})
    return blip(folder, BlipForConditionalGeneration, 25, front, 256, hidden_size=768, intermediate_size=3072, num_attention_heads=12,
                num_hidden_layers=2, max_position_embeddings=512)


def clip_vit_l_14_width(folder):
    return clip(folder, 26, 224, VIT_L_14, 768, hidden_size=768, intermediate_size=3072, num_hidden_layers=2, num_attention_heads=12,
                max_position_embeddings=77)


def opt_6_7b_width(folder):
    return blip2_opt(folder, 27, PUBLISHED, **opt_sizes(4096, 32))


def opt_125m_width(folder):
    return blip2_opt(folder, 28, PUBLISHED, **opt_sizes(768, 12))


def flan_t5_xxl_width(folder):
    return blip2_t5(folder, 29, PUBLISHED, **t5_sizes(4096, 10240, 64))


def flan_t5_small_width(folder):
    return blip2_t5(folder, 30, PUBLISHED, **t5_sizes(512, 1024, 6))


def vicuna_13b_width(folder):
    return instructblip_vicuna(folder, 31, PUBLISHED, **llama_sizes(5120, 13824, 40))


def full_vit_g(folder):
    return blip2_opt(folder, 32, FULL)


def full_opt_2_7b(folder):
    """All 32 layers, stored in bfloat16 as 16-bit checkpoints are; computed in float32 on both sides."""
    return blip2_opt(folder, 33, PUBLISHED, torch.bfloat16, **{**opt_sizes(2560, 32), "num_hidden_layers": 32})
