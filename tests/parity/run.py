#!/usr/bin/env python3
"""Compares the program with Hugging Face's transformers, live: python tests/parity/run.py [FAMILY...].

BLIP2_BINARY is the program. Random-weight checkpoints of every class are built, and what the program says of pictures and texts is
held against the reference: pixel values, features and logits to 1e-4 of the largest value (with --dtype bfloat16 to 5e-2, T5 to 15e-2), generated ids exactly. Ids that the
reference itself changes for a noise of NOISE are left out, at most one in twenty: that comparison would be one of luck. What LAVIS
has a file for goes to LAVIS's names and back, and Hugging Face must load what comes back without a missing or an unexpected key.

With --saved-by PYTHON, of an environment with transformers 5, the tiny checkpoints are opened and saved by that generation first. The
program reads what it saved, and must give the numbers that this environment's transformers gives with the originals.
"""
import argparse
import gc
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import torch
import transformers
from PIL import Image
from safetensors.torch import load_file

import checkpoints
import configurations
import events
import files
import pictures
import program
import small_tokenizers
import transforms

TOLERANCE = 1e-4
NARROW_TOLERANCE = 5e-2  # with --dtype bfloat16, whose numbers have eight bits
T5_NARROW_TOLERANCE = 15e-2  # T5's values grow from layer to layer: the reference's own bfloat16 is off by 13e-2 at Flan-T5-XL's width
NOISE = 2e-5  # of the largest score: above what the program and the reference differ by
GENERATION = [
    {"max_new_tokens": 12},
    {},
    {"num_beams": 3, "max_new_tokens": 10},
    {"num_beams": 4, "length_penalty": 1.8, "max_new_tokens": 9},
    {"num_beams": 3, "length_penalty": -1.0, "early_stopping": True, "max_new_tokens": 9},
    {"num_beams": 2, "early_stopping": "never", "max_new_tokens": 8},
    {"min_new_tokens": 6, "max_new_tokens": 9},
    {"repetition_penalty": 1.5, "max_new_tokens": 12},
    {"no_repeat_ngram_size": 2, "max_new_tokens": 14},
    {"num_beams": 4, "num_return_sequences": 3, "max_new_tokens": 8, "repetition_penalty": 1.2},
]
FEW = [{"max_new_tokens": 5}, {"num_beams": 3, "max_new_tokens": 5}]
TEXTS = ["a woman sitting on the beach with her dog", "two dogs", "San Diego: 12 o'clock, it's a beach!"]
PROMPT = "a photo of"
QUESTION = "how many dogs are there?"


class Report:
    def __init__(self):
        self.faults = 0
        self.checks = 0
        self.generated = 0
        self.close_calls = 0  # texts that a noise changes: not compared
        self.narrow_tokens = self.narrow_equal = 0  # of captions in bfloat16: all, and the reference's

    def line(self, family, what, good, found):
        self.checks += 1
        self.faults += not good
        print(f"{'ok  ' if good else 'FAIL'} {family:20} {what:62} {found}", flush=True)

    def close(self, family, what, found, expected, tolerance=TOLERANCE):
        found, expected = torch.as_tensor(found).double(), torch.as_tensor(expected).double()
        if found.shape != expected.shape:
            return self.line(family, what, False, f"shape {tuple(found.shape)}, expected {tuple(expected.shape)}")
        difference = ((found - expected).abs().max() / expected.abs().max()).item()
        return self.line(family, what, difference <= tolerance, f"{difference:.1e}")

    def equal(self, family, what, found, expected):
        self.line(family, what, found == expected, found if found == expected else f"{found}, expected {expected}")


    def end(self, started):
        self.line("all", "texts left out, for a noise changes them", 20 * self.close_calls <= self.generated,
                  f"{self.close_calls} of {self.generated}")
        if self.narrow_tokens:
            share = self.narrow_equal / self.narrow_tokens
            self.line("all", "tokens of captions that bfloat16 leaves", share >= 0.75, f"{share:.0%} of {self.narrow_tokens}")
        print(f"{self.checks} checks, {self.faults} faults, {time.monotonic() - started:.0f} s")
        return self.faults > 0


def name_of(options):
    return ", ".join(f"{k} {v}" for k, v in options.items()) or "no options"


def cut(ids, eos):
    """New ids up to and with the first end token."""
    result = []
    for token in ids:
        result.append(int(token))
        if token in eos:
            break
    return result


def new_ids(output, prompt_length, eos):
    return [cut(row[prompt_length:], eos) for row in output.tolist()]


class Noise(transformers.LogitsProcessor):
    def __init__(self, seed):
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, ids, scores):
        largest = scores[scores.isfinite()].abs().max()
        return scores + torch.randn(scores.shape, generator=self.generator) * NOISE * largest


class Family:
    """A checkpoint of one class, and what its reference answers."""

    has_narrow = True  # whether --dtype bfloat16 is compared too

    def __init__(self, name, build, folder, report, generation):
        self.name, self.report, self.generation = name, report, generation
        self.folder = folder / name
        self.kind, self.processor = build(self.folder)
        gc.collect()
        # What the directory says, not what memory holds.
        self.model = self.kind.from_pretrained(self.folder, attn_implementation="eager", dtype=torch.float32).eval()

    def images(self, paths):
        return [Image.open(path).convert("RGB") for path in paths]

    def pixels(self, paths):
        return self.processor.image_processor(self.images(paths), return_tensors="pt").pixel_values

    def compare_features(self, paths, texts, expected, *more, what=""):
        found = program.features(self.folder, list(expected), paths, texts, *more)
        for name, tensor in expected.items():
            self.report.close(self.name, f"embed {name}{what}", found[name], tensor)
        if not self.has_narrow:
            return
        narrow = program.features(self.folder, list(expected), paths, texts, *more, "--dtype", "bfloat16")
        for name, tensor in expected.items():
            self.report.close(self.name, f"embed {name}{what}, bfloat16", narrow[name], tensor, self.narrow_tolerance())

    def narrow_tolerance(self):
        return T5_NARROW_TOLERANCE if "t5" in self.name else NARROW_TOLERANCE

    def compare_captions(self, verb, paths, arguments, options, expected, scores=None):
        rows = program.rows(verb, *paths, "--model", self.folder, *arguments, *program.options(options))
        key = "tokens" if verb == "caption" else "token_ids"
        what = f"{verb} {'with a prompt' if arguments else 'alone'}: {name_of(options)}"
        if verb == "caption":
            self.report.equal(self.name, what, [row[key] for row in rows], expected)
            if scores is not None:
                self.report.close(self.name, what + ": scores", [row["scores"] for row in rows], scores)

    def prompt_length(self, inputs):
        """Of what `generate` returns before the new ids."""
        if self.model.config.text_config.is_encoder_decoder:
            return 1
        return inputs["input_ids"].shape[1] if "input_ids" in inputs else self.model.config.num_query_tokens + 1

    def end(self):
        return self.model.config.text_config.eos_token_id

    @torch.no_grad()
    def generate(self, inputs, options):
        """The new ids of one picture, and the beams' scores."""
        def run(*processors):
            output = self.model.generate(**inputs, **options, return_dict_in_generate=True, output_scores=True,
                                         logits_processor=transformers.LogitsProcessorList(processors))
            return new_ids(output.sequences, self.prompt_length(inputs), {self.end()}), output

        ids, output = run()
        self.report.generated += 1
        if run(Noise(seed=1))[0] != ids:
            self.report.close_calls += 1
            return None, None
        return ids, (output.sequences_scores.tolist() if output.get("sequences_scores") is not None else None)

    @torch.no_grad()
    def through_lavis(self):
        """To LAVIS's names and back: the same tensors for Hugging Face, the same bytes for LAVIS."""
        first, again, back = (self.folder.with_suffix(end) for end in (".lavis.safetensors", ".again.safetensors", ".back"))
        program.run("convert", self.folder, "--names", "lavis", "--to", first)
        pth = self.folder.with_suffix(".pth")
        torch.save({"model": load_file(first)}, pth)
        program.run("convert", pth, "--base", self.folder, "--to", back)
        program.run("convert", back, "--names", "lavis", "--to", again)
        self.report.line(self.name, "convert to LAVIS, back, and to LAVIS", first.read_bytes() == again.read_bytes(), "the same bytes")
        model, info = self.kind.from_pretrained(back, output_loading_info=True, dtype=torch.float32)
        self.report.equal(self.name, "from_pretrained of it: missing, unexpected, mismatched",
                          [sorted(info[key]) for key in ("missing_keys", "unexpected_keys", "mismatched_keys")], [[], [], []])
        expected, found = self.model.state_dict(), model.state_dict()
        different = [name for name in expected if not torch.equal(expected[name], found[name])]
        self.report.equal(self.name, "tensors that differ", different, [])

    def captions(self, paths, prompt):
        for options in self.generation:
            compared, ids, scores = [], [], []
            for path in paths:
                inputs = self.processor(images=self.images([path])[0], text=prompt, return_tensors="pt")
                one, score = self.generate(inputs, options)
                if one is not None:
                    compared.append(path)
                    ids.append(one)
                    scores.append(score)
            arguments = [] if prompt is None else ["--prompt", prompt]
            if compared:
                self.compare_captions("caption", compared, arguments, options, ids, scores if scores[0] is not None else None)
                if self.has_narrow:
                    self.compare_narrow_captions(compared, arguments, options, ids)

    def compare_narrow_captions(self, paths, arguments, options, expected):
        """In eight bits a text turns where two words are nearly as good: counted over all families."""
        rows = program.rows("caption", *paths, "--model", self.folder, "--dtype", "bfloat16", *arguments, *program.options(options))
        pairs = [(a, b) for row, ids in zip(rows, expected, strict=True) for found, text in zip(row["tokens"], ids) for a, b in zip(found, text)]
        self.report.narrow_tokens += len(pairs)
        self.report.narrow_equal += sum(a == b for a, b in pairs)


class Blip2Generation(Family):
    @torch.no_grad()
    def run(self, paths):
        pixels = self.pixels(paths)
        images = self.model.vision_model(pixels).last_hidden_state
        queries = self.model.qformer(query_embeds=self.model.query_tokens.expand(len(paths), -1, -1),
                                     encoder_hidden_states=images).last_hidden_state
        expected = {"pixel_values": pixels, "image_embeds": images, "query_output": queries,
                    "language_inputs": self.model.language_projection(queries)}
        self.compare_features(paths, [], expected)
        for prompt in (PROMPT, "Question: which city is this? Answer:"):
            logits = torch.cat([self.first_logits(path, prompt) for path in paths])
            self.compare_features(paths, [prompt] * len(paths), {"logits": logits}, what=f" after '{prompt}'")
        self.captions(paths, None)
        self.captions(paths, PROMPT)
        for question in (QUESTION, "which city is this?"):
            self.answer(paths, question)

    def first_logits(self, path, prompt):
        inputs = self.processor(images=self.images([path])[0], text=prompt, return_tensors="pt")
        if self.model.config.text_config.is_encoder_decoder:
            return self.model(**inputs, decoder_input_ids=torch.tensor([[0]])).logits[:, 0]
        return self.model(**inputs).logits[:, -1]

    def template(self):
        return "Question: {} Short answer:" if self.model.config.text_config.is_encoder_decoder else "Question: {} Answer:"

    def answer(self, paths, question):
        rows = program.rows("answer", *paths, "--model", self.folder, "--question", question, "--max-new-tokens", 9)
        found, expected = [], []
        for path, row in zip(paths, rows, strict=True):
            inputs = self.processor(images=self.images([path])[0], text=self.template().format(question), return_tensors="pt")
            ids, _ = self.generate(inputs, {"max_new_tokens": 9})
            if ids is not None:
                found.append(row["answer"])
                expected.append(self.processor.tokenizer.decode(ids[0], skip_special_tokens=True).strip(" \t\r\n"))  # as the program; strip() takes U+001C too
        self.report.equal(self.name, f"answer '{question}'", found, expected)


class Blip2WithoutStart(Blip2Generation):
    """Its tokenizer adds no start token. The reference adds one where it gets no text, and none before an empty text."""
    def captions(self, paths, prompt):
        super().captions(paths, prompt or "")


class InstructBlip(Family):
    def inputs(self, path, prompt):
        return self.processor(images=self.images([path])[0], text=prompt, return_tensors="pt")

    @torch.no_grad()
    def run(self, paths):
        self.compare_features(paths, [], {"pixel_values": self.pixels(paths),
                                          "image_embeds": self.model.vision_model(self.pixels(paths)).last_hidden_state})
        for prompt in ("What is unusual about this image?", "two dogs"):
            output = [self.model(**self.inputs(path, prompt), **self.decoder_start()) for path in paths]
            position = 0 if self.model.config.text_config.is_encoder_decoder else -1
            expected = {"query_output": torch.cat([o.qformer_outputs.last_hidden_state[:, :self.model.config.num_query_tokens] for o in output]),
                        "logits": torch.cat([o.logits[:, position] for o in output])}
            self.compare_features(paths, [prompt] * len(paths), expected, what=f" after '{prompt}'")
        self.captions(paths, "What is unusual about this image?")

    def decoder_start(self):
        return {"decoder_input_ids": torch.tensor([[0]])} if self.model.config.text_config.is_encoder_decoder else {}


class Blip2Retrieval(Family):
    @torch.no_grad()
    def run(self, paths):
        pixels = self.pixels(paths)
        texts = [TEXTS[i % len(TEXTS)] for i in range(len(paths))]
        images, joint, vectors, cosines, logits = [], [], [], [], []
        for path in paths:
            cosines.append([])
            logits.append([])
            for text in TEXTS:
                inputs = self.processor(images=self.images([path])[0], text=text, return_tensors="pt")
                itc = self.model(**inputs)
                cosines[-1].append(itc.logits_per_image[0, 0].item())
                logits[-1].append(self.model(**inputs, use_image_text_matching_head=True).logits_per_image[0].tolist())
            images.append(itc.image_embeds)
        for path, text in zip(paths, texts):
            inputs = self.processor(images=self.images([path])[0], text=text, return_tensors="pt")
            vectors.append(self.model(**inputs).text_embeds)
            itm = self.model(**inputs, use_image_text_matching_head=True)
            joint.append(itm.text_embeds[:, :self.model.config.num_query_tokens])
        encoded = self.model.vision_model(pixels).last_hidden_state
        queries = self.model.qformer(query_embeds=self.model.query_tokens.expand(len(paths), -1, -1),
                                     encoder_hidden_states=encoded).last_hidden_state
        self.compare_features(paths, texts, {"pixel_values": pixels, "image_embeds": encoded, "query_output": queries,
                                             "itc_image": torch.cat(images), "itc_text": torch.cat(vectors), "multimodal": torch.cat(joint)})
        compare_matches(self, paths, cosines, logits)


class Blip2Encoder(Family):
    """A BLIP-2 with an image encoder that Hugging Face's class does not take: the two are compared up to the tokens."""

    def __init__(self, name, build, folder, report, generation):
        self.name, self.report, self.generation = name, report, generation
        self.folder = folder / name
        self.encoder, self.norm, self.processor = build(self.folder)

    @torch.no_grad()
    def run(self, paths):
        pixels = self.pixels(paths)
        embeds = self.norm(self.encoder(pixels).last_hidden_state)
        self.compare_features(paths, [], {"pixel_values": pixels, "image_embeds": embeds})


def compare_matches(family, paths, cosines, logits):
    cosines = torch.as_tensor(cosines).flatten()
    logits = None if logits is None else torch.as_tensor(logits).flatten(0, 1)
    for dtype, tolerance in (("float32", TOLERANCE), ("bfloat16", NARROW_TOLERANCE))[:1 + family.has_narrow]:
        rows = program.rows("match", *paths, "--model", family.folder, "--dtype", dtype, *[a for text in TEXTS for a in ("--text", text)])
        what = "match" if dtype == "float32" else f"match, {dtype}"
        family.report.close(family.name, what + ": cosines", [row["itc"] for row in rows], cosines, tolerance)
        if logits is None:
            family.report.equal(family.name, what + ": no head", {row["itm"] for row in rows}, {None})
            continue
        family.report.close(family.name, what + ": logits", [row["itm_logits"] for row in rows], logits, tolerance)
        family.report.close(family.name, what + ": probabilities", [row["itm"] for row in rows], logits.softmax(1)[:, 1], tolerance)


class BlipCaptioning(Family):
    @torch.no_grad()
    def run(self, paths):
        pixels = self.pixels(paths)
        self.compare_features(paths, [], {"pixel_values": pixels, "image_embeds": self.model.vision_model(pixels).last_hidden_state})
        self.captions(paths, None)
        self.captions(paths, PROMPT)

    def prompt_length(self, inputs):
        return inputs["input_ids"].shape[1] - 1 if "input_ids" in inputs else 1

    def end(self):
        return self.model.config.text_config.sep_token_id


class BlipMatching(Family):
    @torch.no_grad()
    def run(self, paths):
        pixels = self.pixels(paths)
        cosines, logits = [], []
        for path in paths:
            for text in TEXTS:
                inputs = self.processor(images=self.images([path])[0], text=text, return_tensors="pt")
                cosines.append(self.model(**inputs, use_itm_head=False)[0].item())
                logits.append(self.model(**inputs, use_itm_head=True)[0][0].tolist())
        encoded = self.model.vision_model(pixels).last_hidden_state
        image = torch.nn.functional.normalize(self.model.vision_proj(encoded[:, 0]), dim=-1)
        self.compare_features(paths, [], {"image_embeds": encoded, "itc_image": image.unsqueeze(1)})
        compare_matches(self, paths, cosines, torch.tensor(logits).unflatten(0, (len(paths), len(TEXTS))))


class BlipAnswering(Family):
    @torch.no_grad()
    def run(self, paths):
        for options in ({"max_new_tokens": 8}, {"num_beams": 3, "max_new_tokens": 8}):
            expected = []
            for path in paths:  # one at a time: in a batch the reference shows padding to the answer
                inputs = self.processor(images=self.images([path])[0], text=QUESTION, return_tensors="pt")
                ids = self.model.generate(**inputs, **options)[0]
                expected.append(self.processor.tokenizer.decode(cut(ids[1:].tolist(), {self.model.config.text_config.sep_token_id}),
                                                                skip_special_tokens=True).strip())
            rows = program.rows("answer", *paths, "--model", self.folder, "--question", QUESTION, *program.options(options))
            self.report.equal(self.name, f"answer: {name_of(options)}", [row["answer"] for row in rows], expected)


class Clip(Family):
    @torch.no_grad()
    def run(self, paths):
        inputs = self.processor(images=self.images(paths), text=TEXTS, return_tensors="pt", padding=True)
        output = self.model(**inputs)
        self.compare_features(paths, [], {"pixel_values": inputs["pixel_values"], "itc_image": output.image_embeds.unsqueeze(1)})
        self.compare_features([], TEXTS, {"itc_text": output.text_embeds})
        cosines = output.image_embeds @ output.text_embeds.T
        compare_matches(self, paths, cosines, None)
        self.evaluate(paths[:len(TEXTS)], cosines[:, :len(paths)][:len(TEXTS)])

    def evaluate(self, paths, cosines):
        """Recalls at 1, each picture with one text of its own."""
        data = self.folder / "data.jsonl"
        data.write_text("".join(json.dumps({"image": str(path), "caption": text}) + "\n" for path, text in zip(paths, TEXTS)))
        scores = json.loads(program.run("evaluate", "--model", self.folder, "--task", "retrieval", "--data", data,
                                        "--output", self.folder / "evaluation"))
        own = torch.arange(len(paths))
        expected = [round(100 * (cosines.argmax(dim) == own).double().mean().item(), 6) for dim in (1, 0)]
        self.report.equal(self.name, "evaluate: txt_r1, img_r1", [round(scores[key], 6) for key in ("txt_r1", "img_r1")], expected)
        self.report.equal(self.name, "evaluate: no ITM", [key for key in scores if key.startswith("itm")], [])


TINY = {"blip2_opt": Blip2Generation, "blip2_opt_post_norm": Blip2Generation, "blip2_t5": Blip2Generation,
        "blip2_llama": Blip2Generation, "blip2_qwen2": Blip2WithoutStart, "blip2_retrieval": Blip2Retrieval,
        "instructblip_vicuna": InstructBlip, "instructblip_t5": InstructBlip, "blip_captioning": BlipCaptioning, "blip_matching": BlipMatching,
        "blip_answering": BlipAnswering, "clip": Clip, "blip2_dinov2": Blip2Encoder, "blip2_siglip": Blip2Encoder}
CONVERTED = ("blip2_opt", "blip2_retrieval", "blip_captioning", "instructblip_vicuna")  # of which LAVIS has a file, and each its class
WIDE = {"blip2_opt_float16": Blip2Generation, "blip2_t5_bfloat16": Blip2Generation, "opt_2_7b_width": Blip2Generation,
        "flan_t5_xl_width": Blip2Generation, "vicuna_7b_width": InstructBlip, "stage1_width": Blip2Retrieval,
        "blip_large_width": BlipCaptioning, "clip_vit_l_14_width": Clip}
BY_HAND = {"opt_125m_width": Blip2Generation, "opt_6_7b_width": Blip2Generation, "flan_t5_small_width": Blip2Generation,
           "flan_t5_xxl_width": Blip2Generation, "vicuna_13b_width": InstructBlip, "full_vit_g": Blip2Generation,
           "full_opt_2_7b": Blip2Generation}
FAMILIES = {**TINY, **WIDE, **BY_HAND}


def compare_pixels(folder, report):
    """The transforms alone, over every kind of picture."""
    checkpoints.blip2_retrieval(folder / "transform")
    processor = transformers.BlipImageProcessor.from_pretrained(folder / "transform")
    paths = pictures.many(folder)
    # The reference takes pictures of 1 or 3 rows for channels first.
    paths = [path for path in paths if Image.open(path).size[1] not in (1, 3)]
    expected = torch.cat([processor(Image.open(path).convert("RGB"), return_tensors="pt").pixel_values for path in paths])
    found = program.features(folder / "transform", ["pixel_values"], paths)["pixel_values"]
    report.line("transform", f"pixel_values of {len(paths)} pictures", bool((found - expected).abs().max() <= 1e-6),
                f"{(found - expected).abs().max().item():.1e}")
    files.compare(folder, folder / "transform", processor, report)


def compare(name, folder, pictures_of, report):
    started = time.monotonic()
    try:
        is_tiny = name in TINY
        family = FAMILIES[name](name, getattr(checkpoints, name), folder, report, GENERATION if is_tiny else FEW)
        family.run(pictures_of if is_tiny else pictures_of[:2])
        if is_tiny and name not in ("blip2_llama", "blip2_qwen2", "clip", "blip2_dinov2", "blip2_siglip"):  # which LAVIS has no file of
            family.through_lavis()
    except program.Failed as error:
        report.line(name, "runs", False, error)
    finally:
        print(f"     {name:20} {time.monotonic() - started:.0f} s", flush=True)
        shutil.rmtree(folder / name, ignore_errors=True)
        gc.collect()


def resave(python, pairs):
    """What `python`'s transformers makes of directories: {source: target}."""
    script = pathlib.Path(__file__).with_name("resave.py")
    arguments = [str(path) for pair in pairs.items() for path in pair]
    done = subprocess.run([python, script, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{python} {script}: {done.stderr.strip()[-2000:]}")


def compare_resaved(python, names, folder, pictures_of, report):
    """Directories of transformers 5, and what the program wrote of this generation's, opened by 5 too."""
    small_tokenizers.SENTENCEPIECE_OPTIONS = {"add_prefix_space": True}
    first, second = folder / "first", folder / "second"
    built = {name: getattr(checkpoints, name)(first / name) for name in names}
    converted = [name for name in names if name in CONVERTED]
    for name in converted:
        file = first / f"{name}.safetensors"
        program.run("convert", first / name, "--names", "lavis", "--to", file)
        program.run("convert", file, "--base", first / name, "--to", first / f"{name}.back")
    trained = events.train(folder, pictures_of, steps=2) / "model"
    resave(python, {first / name: second / name for name in [*names, *(f"{name}.back" for name in converted)]} | {trained: second / "trained"})
    rows = [program.rows("match", *pictures_of, "--model", model, "--text", TEXTS[0]) for model in (trained, second / "trained")]
    report.equal("trained, read by 5", "match", rows[1], rows[0])
    script = pathlib.Path(__file__).with_name("transforms.py")
    done = subprocess.run([python, script, second / names[0]], capture_output=True, text=True, check=False)
    report.line("transforms of 5", "settings of image processors, bit for bit", done.returncode == 0, (done.stdout + done.stderr)[-400:] if done.returncode else "the same bits")
    for name in names:
        try:
            family = FAMILIES[name](name, lambda _, name=name: built[name], first, report, FEW)
            family.name, family.folder, family.has_narrow = f"{name}, saved by 5", second / name, False
            family.run(pictures_of)
        except program.Failed as error:
            report.line(f"{name}, saved by 5", "runs", False, error)
    for name in converted:
        again = load_file(second / f"{name}.back" / "model.safetensors")
        expected = load_file(second / name / "model.safetensors")
        different = [key for key in expected.keys() | again.keys() if key not in again or key not in expected or not torch.equal(again[key], expected[key])]
        report.equal(f"{name}, read by 5", "tensors that differ in what convert wrote", different, [])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("families", nargs="*", metavar="FAMILY",
                        help=f"of {', '.join(TINY)}, {', '.join(WIDE)} [all of these]; by hand, large: {', '.join(BY_HAND)}")
    parser.add_argument("--saved-by", metavar="PYTHON", help="compare with directories that this environment's transformers saves")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.families if name not in FAMILIES]:
        parser.error(f"{unknown[0]}: expected one of {', '.join(FAMILIES)}")
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(2)
    started, report = time.monotonic(), Report()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        paths = pictures.few(folder)
        if arguments.saved_by:
            names = arguments.families or [name for name in TINY if TINY[name] is not Blip2Encoder]
            compare_resaved(arguments.saved_by, names, folder, paths[:2], report)
            return report.end(started)
        if not arguments.families:
            compare_pixels(folder, report)
            transforms.compare(folder, folder / "transform", report)
            events.compare(folder, paths, report)
            configurations.compare(folder, paths, report)
        for family in arguments.families or [*TINY, *WIDE]:
            compare(family, folder, paths, report)
    return report.end(started)


if __name__ == "__main__":
    sys.exit(main())
