"""What settings of config.json do, live: rotary positions in both spellings, and where defaults of generation come from."""
import copy
import json

import torch
from PIL import Image

import checkpoints
import program
import small_tokenizers

TOLERANCE = 1e-4
PROMPT = "a photo of"
ROPE = {
    "linear": {"rope_type": "linear", "factor": 4.0},
    "dynamic": {"rope_type": "dynamic", "factor": 4.0},  # with 12 positions, fewer than the tokens
    "llama3": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
               "original_max_position_embeddings": 64},
    "yarn": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 40},
}
# What a directory says in text_config, and what it says in generation_config.json, which nobody reads.
SAID = [{"num_beams": 3, "length_penalty": 0.5}, {"repetition_penalty": 1.4, "max_new_tokens": 9}, {"no_repeat_ngram_size": 2, "max_length": 19},
        {"max_length": 20}, {"min_new_tokens": 3, "max_new_tokens": 6}]
UNREAD = {"num_beams": 5, "max_new_tokens": 3, "repetition_penalty": 2.5, "max_length": 11}
WRITERS = {"blip2_opt": None, "blip2_t5": None, "blip2_llama": PROMPT, "instructblip_vicuna": "what is it", "instructblip_t5": "what is it",
           "blip_captioning": None, "blip_answering": "how many dogs?"}


def rotary_model(folder, family, scaling):
    more = {"rope_scaling": dict(scaling), "rope_theta": 500.0}
    if scaling["rope_type"] == "dynamic":
        more["max_position_embeddings"] = 12
    if family == "llama":
        return checkpoints.blip2_generation(folder, checkpoints.llama_config(**more), small_tokenizers.llama(folder), 41)
    tokenizer = small_tokenizers.qwen2(folder)
    return checkpoints.blip2_generation(folder, checkpoints.qwen2_config(tokenizer, **more), tokenizer, 42)


def put_in_one_object(folder):
    """The spelling of transformers 5."""
    config = json.loads((folder / "config.json").read_text())
    text = config["text_config"]
    text["rope_parameters"] = {**text.pop("rope_scaling"), "rope_theta": text.pop("rope_theta")}
    (folder / "config.json").write_text(json.dumps(config))


@torch.no_grad()
def compare_rope(folder, paths, report):
    for family in ("llama", "qwen2"):
        for name, scaling in ROPE.items():
            directory = folder / f"{family}_{name}"
            kind, processor = rotary_model(directory, family, scaling)
            model = kind.from_pretrained(directory, attn_implementation="eager", dtype=torch.float32).eval()
            inputs = [processor(images=Image.open(path).convert("RGB"), text=PROMPT, return_tensors="pt") for path in paths]
            # Copies: dynamic frequencies remember the longest sequence that a model has seen.
            logits = torch.cat([copy.deepcopy(model)(**one).logits[:, -1] for one in inputs])
            start = [one["input_ids"].shape[1] for one in inputs]
            ids = [copy.deepcopy(model).generate(**one, max_new_tokens=10)[0, length:].tolist() for one, length in zip(inputs, start)]
            for spelling in ("rope_scaling", "rope_parameters"):
                if spelling == "rope_parameters":
                    put_in_one_object(directory)
                found = program.features(directory, ["logits"], paths, [PROMPT] * len(paths))["logits"]
                report.close(directory.name, f"logits, {spelling}", found, logits)
                rows = program.rows("caption", *paths, "--model", directory, "--prompt", PROMPT, "--max-new-tokens", 10)
                report.equal(directory.name, f"caption, {spelling}", [row["tokens"][0] for row in rows], ids)


def text_of(kind, processor, model, path, prompt):
    inputs = processor(images=Image.open(path).convert("RGB"), text=prompt, return_tensors="pt")
    sequence = model.generate(**inputs)[0].tolist()
    return processor.tokenizer.decode(sequence[written_from(kind, model, inputs):], skip_special_tokens=True).strip(" \t\r\n")


def written_from(kind, model, inputs):
    """Where the new ids begin in what generate() returns."""
    if kind.__name__ == "BlipForConditionalGeneration" or model.config.text_config.is_encoder_decoder:
        return 1
    if kind.__name__ == "BlipForQuestionAnswering":
        return 1
    return inputs["input_ids"].shape[1] if "input_ids" in inputs else model.config.num_query_tokens + 1


@torch.no_grad()
def compare_defaults(folder, paths, report):
    for name, prompt in WRITERS.items():
        directory = folder / f"defaults_{name}"
        kind, processor = getattr(checkpoints, name)(directory)
        (directory / "generation_config.json").write_text(json.dumps(UNREAD))
        original = json.loads((directory / "config.json").read_text())
        for said in SAID:
            changed = copy.deepcopy(original)
            changed["text_config"].update(said)
            (directory / "config.json").write_text(json.dumps(changed))
            model = kind.from_pretrained(directory, attn_implementation="eager", dtype=torch.float32).eval()
            expected = [text_of(kind, processor, model, path, prompt) for path in paths]
            verb, asked = ("answer", ["--question", prompt]) if "answering" in name else ("caption", ["--prompt", prompt] if prompt else [])
            rows = program.rows(verb, *paths, "--model", directory, *asked)
            found = [row["answer"] if verb == "answer" else row["captions"][0] for row in rows]
            report.equal(directory.name, f"text_config says {said}", found, expected)


def compare(folder, paths, report):
    compare_rope(folder, paths[:3], report)
    compare_defaults(folder, paths[:2], report)
