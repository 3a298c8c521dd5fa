"""Checkpoints with random weights of every published class, as Hugging Face saves them: tiny, but with every term felt.

No bias is 0, no norm is 1, all dimensions differ, so that a forgotten term or a swapped axis shows.
"""
import math

import torch
from transformers import (BlipConfig, BlipForConditionalGeneration, BlipForImageTextRetrieval, BlipForQuestionAnswering, BlipImageProcessor,
                          BlipProcessor, Blip2Config, Blip2ForConditionalGeneration, Blip2ForImageTextRetrieval, Blip2Processor, CLIPConfig,
                          CLIPImageProcessor, CLIPModel, CLIPProcessor, InstructBlipConfig, InstructBlipForConditionalGeneration,
                          InstructBlipProcessor, LlamaConfig, OPTConfig, T5Config)

import small_tokenizers

IMAGE_SIZE = 42
QUERIES = 6


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
                parameter.normal_(0, 0.6, generator=generator)
            else:
                parameter.normal_(0, gain / math.sqrt(parameter[0].numel()), generator=generator)
    return model.eval()


def grow(tokenizer, text_config):
    """The id of <image> after a processor has added it, and the vocabulary that then is needed."""
    text_config.vocab_size = len(tokenizer)
    return tokenizer.convert_tokens_to_ids("<image>")


def vision(model_type="blip_2_vision_model"):
    return dict(model_type=model_type, hidden_size=24, intermediate_size=44, num_hidden_layers=3, num_attention_heads=3,
                image_size=IMAGE_SIZE, patch_size=14)


def qformer(model_type="blip_2_qformer", **more):
    return dict(model_type=model_type, hidden_size=20, intermediate_size=36, num_hidden_layers=4, num_attention_heads=4,
                max_position_embeddings=64, encoder_hidden_size=24, **more)


def image_processor():
    return BlipImageProcessor(size={"height": IMAGE_SIZE, "width": IMAGE_SIZE})


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


def save(model, processor, folder):
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return model, processor


def blip2_generation(folder, text_config, tokenizer, seed):
    processor = Blip2Processor(image_processor(), tokenizer, num_query_tokens=QUERIES)
    image_token = grow(tokenizer, text_config)
    if text_config.model_type == "opt":
        text_config.eos_token_id = tokenizer("\n", add_special_tokens=False).input_ids[-1]
    config = Blip2Config(vision_config=vision(), qformer_config=qformer(vocab_size=30), text_config=text_config.to_dict(),
                         num_query_tokens=QUERIES, image_token_index=image_token)
    torch.manual_seed(seed)
    return save(randomise(Blip2ForConditionalGeneration(config), seed), processor, folder)


def blip2_opt(folder, seed=1, **changes):
    return blip2_generation(folder, opt_config(**changes), small_tokenizers.opt(folder), seed)


def blip2_opt_post_norm(folder, seed=2):
    """The layers of opt-350m. Its narrower embeddings cannot take what Hugging Face's projection gives."""
    return blip2_opt(folder, seed, do_layer_norm_before=False)


def blip2_t5(folder, seed=3, **changes):
    return blip2_generation(folder, t5_config(**changes), small_tokenizers.t5(folder), seed)


def blip2_llama(folder, seed=4):
    return blip2_generation(folder, llama_config(), small_tokenizers.llama(folder), seed)


def blip2_retrieval(folder, seed=5):
    tokenizer = small_tokenizers.bert(folder, bos_token="[DEC]")
    vocabulary = len(tokenizer)  # <image> comes after the table
    processor = Blip2Processor(image_processor(), tokenizer, num_query_tokens=QUERIES)
    config = Blip2Config(vision_config=vision(), qformer_config=qformer(vocab_size=vocabulary, use_qformer_text_input=True),
                         text_config=opt_config().to_dict(), num_query_tokens=QUERIES, image_text_hidden_size=14,
                         image_token_index=tokenizer.convert_tokens_to_ids("<image>"))
    torch.manual_seed(seed)
    return save(randomise(Blip2ForImageTextRetrieval(config), seed), processor, folder)


def instructblip(folder, text_config, tokenizer, seed):
    reader = small_tokenizers.bert(folder / "qformer_tokenizer", bos_token="[DEC]")
    processor = InstructBlipProcessor(image_processor(), tokenizer, reader, num_query_tokens=QUERIES)
    image_token = grow(tokenizer, text_config)
    config = InstructBlipConfig(vision_config=vision("instructblip_vision_model"),
                                qformer_config=qformer("instructblip_qformer", vocab_size=len(reader)),
                                text_config=text_config.to_dict(), num_query_tokens=QUERIES, image_token_index=image_token)
    torch.manual_seed(seed)
    return save(randomise(InstructBlipForConditionalGeneration(config), seed), processor, folder)


def instructblip_vicuna(folder, seed=6):
    return instructblip(folder, llama_config(num_key_value_heads=6), small_tokenizers.llama(folder), seed)


def instructblip_t5(folder, seed=7):
    return instructblip(folder, t5_config(), small_tokenizers.t5(folder), seed)


def blip(folder, kind, seed):
    tokenizer = small_tokenizers.bert(folder, bos_token="[DEC]", additional_special_tokens=["[ENC]"])
    ids = dict(bos_token_id=tokenizer.bos_token_id, sep_token_id=tokenizer.sep_token_id, pad_token_id=tokenizer.pad_token_id,
               eos_token_id=2)
    # Answering works in the reference only where the text is as wide as the vision.
    width = 24 if kind is BlipForQuestionAnswering else 20
    text = dict(vocab_size=len(tokenizer), hidden_size=width, encoder_hidden_size=24, intermediate_size=36, num_hidden_layers=3,
                num_attention_heads=4, max_position_embeddings=64, projection_dim=14, **ids)
    config = BlipConfig(vision_config={**vision("blip_vision_model"), "layer_norm_eps": 1e-5}, text_config=text, projection_dim=14,
                        image_text_hidden_size=14)
    torch.manual_seed(seed)
    return save(randomise(kind(config), seed), BlipProcessor(image_processor(), tokenizer), folder)


def blip_captioning(folder, seed=8):
    return blip(folder, BlipForConditionalGeneration, seed)


def blip_matching(folder, seed=9):
    return blip(folder, BlipForImageTextRetrieval, seed)


def blip_answering(folder, seed=10):
    return blip(folder, BlipForQuestionAnswering, seed)


def clip(folder, seed=11):
    tokenizer = small_tokenizers.clip(folder)
    text = dict(vocab_size=len(tokenizer), hidden_size=20, intermediate_size=36, num_hidden_layers=3, num_attention_heads=4,
                max_position_embeddings=48, bos_token_id=tokenizer.bos_token_id, eos_token_id=2, pad_token_id=tokenizer.pad_token_id)
    config = CLIPConfig(vision_config={**vision("clip_vision_model"), "hidden_act": "quick_gelu"}, text_config=text, projection_dim=14)
    processor = CLIPProcessor(CLIPImageProcessor(size={"shortest_edge": IMAGE_SIZE}, crop_size=IMAGE_SIZE), tokenizer)
    torch.manual_seed(seed)
    return save(randomise(CLIPModel(config), seed), processor, folder)


BUILDERS = {f.__name__: f for f in (blip2_opt, blip2_opt_post_norm, blip2_t5, blip2_llama, blip2_retrieval, instructblip_vicuna, instructblip_t5,
                                    blip_captioning, blip_matching, blip_answering, clip)}
