#!/usr/bin/env python3
"""Seconds for CapFilt on a batch of pictures: this program against transformers doing the same work, in one run.

Both encode a picture once by each model, write ten captions of it (nucleus sampling, p 0.9, top-k 50, repetition penalty 1.1, 20 tokens with the
prompt's four) and rank these and a web caption by CLIP's cosine; theirs is BlipForConditionalGeneration.generate with num_return_sequences=10, then
CLIPModel. Models have the published sizes of blip-image-captioning-large and clip-vit-large-patch14, and random weights, which never end a text: so
its least length is its greatest. The same threads and dtype; runs alternate. By default one thread and
the processor's time, since the machine may be shared. Prints medians and ratios, and compares the scores.

  python3 -m venv .venv-bench && .venv-bench/bin/pip install -r bench/compare/requirements.txt
  .venv-bench/bin/python bench/compare/capfilt.py build/bench_capfilt [--pictures 4] [--rounds 3] [--threads 2 --clock wall] [--dtype bfloat16]
"""
import argparse
import itertools
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy
import torch
from PIL import Image
from transformers import (BertTokenizerFast, BlipConfig, BlipForConditionalGeneration, BlipImageProcessor, BlipProcessor, CLIPConfig,
                          CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizer)

WEB_CAPTION = "babebi bobubabi"
PROMPT = "a picture of"
CAPTIONS, LENGTH = 10, 20
VIT_L = dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16)
TEXT = dict(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12)
CLOCKS = {"processor": time.process_time, "wall": time.perf_counter}
SYLLABLES = [c + v for c in "bcdfghjklmnprstvwxyz" for v in "aeiou"]


def words(count):
    """Words of three syllables, each a token of both models, as captions' words mostly are."""
    return ["".join(three) for three in itertools.islice(itertools.product(SYLLABLES, repeat=3), count)]


def bert_tokenizer(folder):
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "picture", "of"]
    path = folder / "vocab.txt"
    path.write_text("\n".join(pieces + words(30522 - len(pieces))) + "\n")
    return BertTokenizerFast(vocab_file=str(path), bos_token="[DEC]", additional_special_tokens=["[ENC]"])


def clip_tokenizer(folder):
    from transformers.models.clip.tokenization_clip import bytes_to_unicode
    letters = list(bytes_to_unicode().values())
    heads = {three[:4] for three in words(30514)}
    merges = ([(s[0], s[1]) for s in SYLLABLES] + [(s[0], s[1] + "</w>") for s in SYLLABLES] + [(h[:2], h[2:]) for h in sorted(heads)] +
              [(w[:4], w[4:] + "</w>") for w in words(30514)])
    pieces = letters + [letter + "</w>" for letter in letters] + ["".join(pair) for pair in merges]
    pieces += [f"<filler{i}>" for i in range(49406 - len(pieces))] + ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({piece: i for i, piece in enumerate(pieces)}))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))


def make_captioner(folder):
    folder.mkdir()
    tokenizer = bert_tokenizer(folder)
    ids = dict(bos_token_id=tokenizer.bos_token_id, sep_token_id=tokenizer.sep_token_id, pad_token_id=0, eos_token_id=2)
    config = BlipConfig(vision_config=dict(image_size=384, patch_size=16, **VIT_L),
                        text_config=dict(vocab_size=30524, encoder_hidden_size=1024, max_position_embeddings=512, **TEXT, **ids))
    model = BlipForConditionalGeneration(config).eval()
    processor = BlipProcessor(BlipImageProcessor(size={"height": 384, "width": 384}), tokenizer)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return model, processor


def make_ranker(folder):
    folder.mkdir()
    tokenizer = clip_tokenizer(folder)
    config = CLIPConfig(vision_config=dict(image_size=224, patch_size=14, **VIT_L),
                        text_config=dict(vocab_size=49408, max_position_embeddings=77, bos_token_id=49406, eos_token_id=49407, **TEXT),
                        projection_dim=768)
    model = CLIPModel(config).eval()
    processor = CLIPProcessor(CLIPImageProcessor(size={"shortest_edge": 224}, crop_size=224), tokenizer)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return model, processor


def write_pictures(folder, count):
    rng = numpy.random.default_rng(1)
    paths = []
    for i in range(count):
        x, y = numpy.meshgrid(numpy.arange(640), numpy.arange(480))
        waves = [127 + 90 * numpy.sin(x * rng.uniform(0.02, 0.2) + y * rng.uniform(0.02, 0.2)) for _ in range(3)]
        paths.append(str(folder / f"{i}.png"))
        Image.fromarray((numpy.stack(waves, -1) + rng.normal(0, 12, (480, 640, 3))).clip(0, 255).astype(numpy.uint8)).save(paths[-1])
    return paths


class Theirs:
    """transformers; the seconds of a model's image encoder are taken where it begins and ends."""

    def __init__(self, captioner, ranker, paths, clock, dtype):
        self.clock = clock
        for model, _ in (captioner, ranker):
            model.to(dtype)
        self.captioner, self.captioner_processor = captioner
        self.ranker, self.ranker_processor = ranker
        self.pictures = [Image.open(path).convert("RGB") for path in paths]
        self.encoding = 0.0
        for encoder in (self.captioner.vision_model, self.ranker.vision_model):
            encoder.register_forward_pre_hook(lambda *_: setattr(self, "start", self.clock()))
            encoder.register_forward_hook(lambda *_: setattr(self, "encoding", self.encoding + self.clock() - self.start))

    def timed(self, work):
        """What `work` gives, its seconds without the image encoder's, and those."""
        self.encoding, start = 0.0, self.clock()
        result = work()
        return result, self.clock() - start - self.encoding, self.encoding

    def generate(self, inputs, count):
        return self.captioner.generate(**inputs, num_return_sequences=count, do_sample=True, top_p=0.9, top_k=50, repetition_penalty=1.1,
                                       min_length=LENGTH, max_length=LENGTH)

    def similarities(self, inputs):
        return self.ranker(**inputs).logits_per_image / self.ranker.logit_scale.exp()

    @torch.no_grad()
    def measure(self):
        result, start = {}, self.clock()
        inputs = self.captioner_processor(self.pictures, [PROMPT] * len(self.pictures), return_tensors="pt")
        pixels = self.ranker_processor.image_processor(self.pictures, return_tensors="pt")
        result["prepare"] = self.clock() - start
        inputs["pixel_values"], pixels["pixel_values"] = (x["pixel_values"].to(self.captioner.dtype) for x in (inputs, pixels))
        _, result["decode_1"], _ = self.timed(lambda: self.generate(inputs, 1))
        ids, result[f"decode_{CAPTIONS}"], result["encode_captioner"] = self.timed(lambda: self.generate(inputs, CAPTIONS))
        result["tokens_10"] = sum(len(row) - 4 for row in ids)

        def rank():
            texts = self.captioner_processor.batch_decode(ids, skip_special_tokens=True)
            texts = [text[len(PROMPT) + 1:] for text in texts] + [WEB_CAPTION] * len(self.pictures)
            return self.similarities(dict(pixels, **self.ranker_processor.tokenizer(texts, padding=True, truncation=True, return_tensors="pt")))
        _, result["rank"], result["encode_ranker"] = self.timed(rank)
        result["all"] = sum(result[name] for name in ("prepare", "encode_captioner", "encode_ranker", f"decode_{CAPTIONS}", "rank"))
        return result

    @torch.no_grad()
    def largest_difference(self, candidates):
        """Between our scores and theirs of the same texts."""
        largest = 0.0
        for picture, found in zip(self.pictures, candidates):
            inputs = self.ranker_processor(text=[c["text"] for c in found], images=picture, padding=True, truncation=True, return_tensors="pt")
            inputs["pixel_values"] = inputs["pixel_values"].to(self.ranker.dtype)
            expected = self.similarities(inputs)[0]
            largest = max(largest, max(abs(c["score"] - e.item()) for c, e in zip(found, expected)))
        return largest


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", nargs="?", default="build/bench_capfilt")
    parser.add_argument("--pictures", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32", help="of both")
    parser.add_argument("--clock", choices=CLOCKS, default="processor", help="wall: for a machine that does nothing else")
    arguments = parser.parse_args()
    binary = str(pathlib.Path(arguments.binary).resolve())
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        paths = write_pictures(folder, arguments.pictures)
        theirs = Theirs(make_captioner(folder / "captioner"), make_ranker(folder / "ranker"), paths, CLOCKS[arguments.clock],
                        getattr(torch, arguments.dtype))
        command = [binary, str(folder / "captioner"), str(folder / "ranker"), str(arguments.threads), arguments.clock, arguments.dtype, *paths]
        runs = {"ours": [], "theirs": []}
        theirs.measure()  # warms up, as ours does
        for _ in range(arguments.rounds):
            runs["ours"].append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout))
            runs["theirs"].append(theirs.measure())
        ours = runs["ours"][0]
        if ours["tokens_10"] != runs["theirs"][0]["tokens_10"]:
            sys.exit(f"not the same work: {ours['tokens_10']} tokens and {runs['theirs'][0]['tokens_10']}")
        difference = theirs.largest_difference(ours["candidates"])
    print(f"{arguments.pictures} pictures, {arguments.threads} threads, {arguments.dtype}, medians of {arguments.rounds} rounds, seconds by the {arguments.clock}'s clock")
    middle = {side: {step: statistics.median(run[step] for run in runs[side]) for step in runs["theirs"][0]} for side in runs}
    for step in ("prepare", "encode_captioner", "encode_ranker", "decode_1", "decode_10", "rank", "all"):
        a, b = middle["ours"][step], middle["theirs"][step]
        print(f"  {step:17} {a:8.3f}  transformers {b:8.3f}  {b / a:6.2f} times")
    print(f"  ten captions cost {middle['ours']['decode_10'] / middle['ours']['decode_1']:.2f} times one (transformers "
          f"{middle['theirs']['decode_10'] / middle['theirs']['decode_1']:.2f})")
    print(f"  scores differ by at most {difference:.1e}")


if __name__ == "__main__":
    main()
