#!/usr/bin/env python3
"""Writes tests/golden/blip: what transformers 4.57's BLIP text models compute from given image embeddings.

captioner: BlipForConditionalGeneration whose head has a matrix of its own; matcher: BlipForImageTextRetrieval;
answerer: BlipForQuestionAnswering with a tied head. Each file holds the weights under Hugging Face's names (`model.`),
the inputs (`in.`) and the results (`out.`). All dimensions differ, no bias is zero, no norm weight is one, texts have
unequal lengths. Cross-attention ignores `encoder_attention_mask` in this version of transformers: questions are
answered one by one, so that there is no padding to be seen.

`make_blip_goldens.py base DIR` and `... large DIR` write the same at the published widths, with two layers, to compare
by hand.
"""
import pathlib
import sys

import torch
from safetensors.torch import save_file
from transformers import (BlipConfig, BlipForConditionalGeneration, BlipForImageTextRetrieval,
                          BlipForQuestionAnswering, BlipTextConfig)
from transformers.modeling_outputs import BaseModelOutputWithPooling
from transformers.models.blip.modeling_blip_text import BlipTextLMHeadModel

TINY = dict(vocab_size=41, hidden_size=24, encoder_hidden_size=20, intermediate_size=36, num_hidden_layers=3,
            num_attention_heads=3, max_position_embeddings=19)
PUBLISHED = dict(vocab_size=30524, hidden_size=768, intermediate_size=3072, num_hidden_layers=2,
                 num_attention_heads=12, max_position_embeddings=512)
SIZES = {"tiny": (TINY, 7, 7), "base": (dict(PUBLISHED, encoder_hidden_size=768), 577, 256),
         "large": (dict(PUBLISHED, encoder_hidden_size=1024), 577, 256)}  # text widths, image tokens, joint width
PAD, CLS, SEP = 0, 2, 3
LENGTHS = [6, 2, 4]


class GivenEmbeds(torch.nn.Module):
    """In place of the image encoder."""

    def __init__(self, embeds):
        super().__init__()
        self.embeds = embeds

    def forward(self, *args, **kwargs):
        return BaseModelOutputWithPooling(last_hidden_state=self.embeds)


def randomise(model):
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "LayerNorm.weight" in name:
                parameter.uniform_(0.6, 1.6)
            elif parameter.ndim == 1:
                parameter.normal_(0, 0.2)
            elif "embeddings" in name:
                parameter.normal_(0, 0.3)
            else:
                parameter.normal_(0, 1.5 / parameter.shape[1] ** 0.5)


def text_config(sizes, **more):
    dec = sizes["vocab_size"] - 2
    return dict(sizes, bos_token_id=dec, sep_token_id=SEP, eos_token_id=SEP, pad_token_id=PAD, **more)


def config_of(sizes, joint_width, **more):
    vision = dict(hidden_size=sizes["encoder_hidden_size"], intermediate_size=28, num_hidden_layers=1,
                  num_attention_heads=2, image_size=32, patch_size=16)
    config = BlipConfig(vision_config=vision, text_config=text_config(sizes, **more), image_text_hidden_size=joint_width)
    config.text_config.encoder_hidden_size = sizes["encoder_hidden_size"]
    return config


def texts(sizes, first, lengths):
    """Right-padded ids and mask; SEP ends each."""
    longest = max(lengths)
    mask = torch.tensor([[int(i < n) for i in range(longest)] for n in lengths])
    ids = torch.randint(4, sizes["vocab_size"] - 2, mask.shape)
    for row, n in enumerate(lengths):
        ids[row, 0], ids[row, n - 1] = first, SEP
    return ids * mask, mask


def weights(model):
    return {"model." + k: v.clone() for k, v in model.state_dict().items() if not k.startswith("vision_model")}


def margin(generated):
    """The least distance between the best two logits of a step, over the largest logit."""
    least = 1.0
    for scores in generated.logits:
        best = scores.topk(2, -1).values
        least = min(least, ((best[:, 0] - best[:, 1]) / scores.abs().max()).min().item())
    return least


def generate(model, **inputs):
    return model.generate(pixel_values=torch.zeros(len(inputs["input_ids"]) if "input_ids" in inputs else 3, 1),
                          do_sample=False, output_logits=True, return_dict_in_generate=True, **inputs)


def make_captioner(size):
    sizes, tokens, joint_width = SIZES[size]
    model = BlipForConditionalGeneration(config_of(sizes, joint_width, tie_word_embeddings=False)).eval()
    randomise(model)
    image = torch.randn(3, tokens, sizes["encoder_hidden_size"])
    model.vision_model = GivenEmbeds(image)
    ids, mask = texts(sizes, sizes["vocab_size"] - 2, LENGTHS)
    prompt = torch.randint(4, sizes["vocab_size"] - 2, (3, 4))
    prompt[:, 0], prompt[:, 3] = CLS, SEP
    with torch.no_grad():
        logits = model(pixel_values=image, input_ids=ids, attention_mask=mask).logits
        free = generate(model, max_length=12)
        prompted = generate(model, input_ids=prompt.clone(), attention_mask=torch.ones_like(prompt), max_length=14)
    result = {"in.image": image, "in.ids": ids, "in.mask": mask, "in.prompt": prompt, "out.logits": logits[mask.bool()],
              "out.free": free.sequences, "out.prompted": prompted.sequences}
    lengths = {len([t for t in row if t != PAD]) for row in free.sequences.tolist()}
    good = min(margin(free), margin(prompted)) > 3e-3 and len(lengths) > 1 and len(free.sequences.unique()) > 8
    own = not torch.equal(model.text_decoder.cls.predictions.decoder.weight,
                          model.text_decoder.bert.embeddings.word_embeddings.weight)
    assert own
    return weights(model) | result, good


def make_matcher(size):
    sizes, tokens, joint_width = SIZES[size]
    model = BlipForImageTextRetrieval(config_of(sizes, joint_width)).eval()
    randomise(model)
    image = torch.randn(3, tokens, sizes["encoder_hidden_size"])
    model.vision_model = GivenEmbeds(image)
    ids, mask = texts(sizes, CLS, LENGTHS)
    with torch.no_grad():
        itm = model(input_ids=ids, attention_mask=mask, pixel_values=image, use_itm_head=True)
        itc = model(input_ids=ids, attention_mask=mask, pixel_values=image, use_itm_head=False)
    result = {"in.image": image, "in.ids": ids, "in.mask": mask, "out.itm": itm.itm_score, "out.itc": itc.itm_score,
              "out.grounded": itm.question_embeds[mask.bool()], "out.alone": itc.question_embeds[mask.bool()]}
    return weights(model) | result, True


def rank(decoder, states, answers, mask, num_candidates):
    """LAVIS's ranking of a list of answers for one question: the first word, then the smoothed loss."""
    start = decoder(answers[:1, :1], encoder_hidden_states=states).logits[:, 0]
    first = start.softmax(-1)[0, answers[:, 1]]
    kept = first.topk(num_candidates)
    labels = answers.masked_fill(mask == 0, -100)[kept.indices]
    loss = decoder(answers[kept.indices], attention_mask=mask[kept.indices], labels=labels, reduction="none",
                   encoder_hidden_states=states.expand(num_candidates, -1, -1)).loss
    order = loss.argsort()
    return kept.indices[order], -loss[order]


def make_answerer(size):
    sizes, tokens, joint_width = SIZES[size]
    config = config_of(sizes, joint_width, label_smoothing=0.1)
    model = BlipForQuestionAnswering(config)
    # transformers gives the decoder the encoder's configuration, which fits only where both widths are one.
    model.text_decoder = BlipTextLMHeadModel(BlipTextConfig(**text_config(
        dict(sizes, encoder_hidden_size=sizes["hidden_size"]), label_smoothing=0.1)))
    model.tie_weights()
    model.eval()
    randomise(model)
    decoder = model.text_decoder
    assert decoder.cls.predictions.decoder.weight is decoder.bert.embeddings.word_embeddings.weight
    image = torch.randn(3, tokens, sizes["encoder_hidden_size"])
    ids, mask = texts(sizes, sizes["vocab_size"] - 1, LENGTHS)
    answers, answer_mask = texts(sizes, sizes["vocab_size"] - 2, [4, 3, 5, 3, 4, 6])
    answers[4, 1] = answers[2, 1]  # the same first word
    states, sequences, ranked, scores, logits, good = [], [], [], [], [], True
    with torch.no_grad():
        for row, length in enumerate(LENGTHS):
            model.vision_model = GivenEmbeds(image[row:row + 1])
            question = ids[row:row + 1, :length]
            generated = generate(model, input_ids=question, attention_mask=torch.ones_like(question), max_length=9)
            good = good and margin(generated) > 3e-3
            sequences.append(torch.nn.functional.pad(generated.sequences[0], (0, 9 - generated.sequences.shape[1])))
            states.append(model.text_encoder(question, encoder_hidden_states=image[row:row + 1]).last_hidden_state)
            best, score = rank(decoder, states[-1], answers, answer_mask, 4)
            good = good and (score[:-1] - score[1:]).min() > 1e-2
            ranked.append(best)
            scores.append(score)
            logits.append(decoder(answers[row:row + 1], attention_mask=answer_mask[row:row + 1],
                                  encoder_hidden_states=states[-1]).logits[answer_mask[row:row + 1].bool()])
    result = {"in.image": image, "in.ids": ids, "in.mask": mask, "in.answers": answers, "in.answer_mask": answer_mask,
              "out.states": torch.cat(states, 1)[0], "out.logits": torch.cat(logits), "out.answers": torch.stack(sequences),
              "out.ranked": torch.stack(ranked), "out.scores": torch.stack(scores)}
    good = good and len({row.count(PAD) for row in torch.stack(sequences).tolist()}) > 1
    good = good and len(torch.stack(sequences).unique()) > 5
    return weights(model) | result, good


def main(size, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in [("captioner", make_captioner), ("matcher", make_matcher), ("answerer", make_answerer)]:
        for seed in range(1000):  # the first whose texts have unequal lengths and no two words nearly alike
            torch.manual_seed(seed)
            tensors, good = make(size)
            if good or size != "tiny":
                break
        path = folder / f"{name}.safetensors"
        save_file({k: v.contiguous() for k, v in tensors.items()}, path)
        print(path, "seed", seed, path.stat().st_size,
              {k: tuple(v.shape) for k, v in tensors.items() if not k.startswith("model.")})


if __name__ == "__main__":
    if len(sys.argv) == 3:
        main(sys.argv[1], pathlib.Path(sys.argv[2]))
    else:
        main("tiny", pathlib.Path(__file__).resolve().parent.parent / "tests/golden/blip")
