#!/usr/bin/env python3
"""Writes tests/golden/generate/search.json: what transformers' generate() writes with a toy model.

The toy model's logits are a table keyed on the last two tokens, so that the test can be the same model.
Run by hand with the packages of tools/requirements-goldens.txt.
"""

import itertools
import json
import pathlib
import random
import warnings

import torch
from transformers import GenerationMixin, PretrainedConfig, PreTrainedModel
from transformers.generation.logits_process import (
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)
from transformers.generation.stopping_criteria import StoppingCriteria, StoppingCriteriaList
from transformers.modeling_outputs import CausalLMOutput

warnings.filterwarnings("ignore")
VOCABULARY = 13
PAD = 1  # 0 would count as unset
STOP_PAIR = [7, 4]  # the custom stopping criterion: a text that ends in these two new tokens
PROMPTS = [[5, 9], [3, 3, 8, 10], [11, 6, 2], [4, 7, 12, 10, 6]]


class ToyConfig(PretrainedConfig):
    model_type = "toy_table"

    def __init__(self, vocab_size=VOCABULARY, **kwargs):
        super().__init__(**kwargs)
        self.vocab_size = vocab_size


class ToyModel(PreTrainedModel, GenerationMixin):
    config_class = ToyConfig
    main_input_name = "input_ids"

    def __init__(self, config, table):
        super().__init__(config)
        self.table = torch.nn.Parameter(table)

    def prepare_inputs_for_generation(self, input_ids, attention_mask=None, **kwargs):
        return {"input_ids": input_ids}

    def forward(self, input_ids, attention_mask=None, **kwargs):
        return CausalLMOutput(logits=self.table[input_ids[:, -2], input_ids[:, -1]].unsqueeze(1))


class PairCriterion(StoppingCriteria):
    def __init__(self, prompt_length):
        self.prompt_length = prompt_length

    def __call__(self, input_ids, scores, **kwargs):
        new = input_ids[:, self.prompt_length :]
        if new.shape[1] < 2:
            return torch.zeros(new.shape[0], dtype=torch.bool)
        return (new[:, -2:] == torch.tensor(STOP_PAIR)).all(1)


def make_table():
    generator = torch.Generator().manual_seed(20240607)
    table = torch.randn(VOCABULARY, VOCABULARY, VOCABULARY, generator=generator) * 1.6
    table[:, :, PAD] = -25.0  # never written, so that padding can be told from text
    table[:, :, 2] += 0.4  # the first end token
    # Two cycles, so that repetition penalties and n-gram blocking have something to do.
    for a, b, c in [(3, 8, 5), (8, 5, 3), (5, 3, 8), (9, 4, 9), (4, 9, 4)]:
        table[a, b, c] += 4.0
    return (table * 1e4).round() / 1e4


def option_sets():
    chosen = [{}]
    rng = random.Random(3)
    axes = {
        "num_beams": [1, 1, 2, 3, 5],
        "max_new_tokens": [None, 1, 4, 9, 16],
        "max_length": [None, None, 12],
        "min_new_tokens": [None, None, None, 4],
        "min_length": [0, 0, 7],
        "length_penalty": [1.0, 0.0, 2.0, -1.0, 0.6],
        "early_stopping": ["false", "true", "never"],
        "no_repeat_ngram_size": [0, 0, 1, 2, 3],
        "repetition_penalty": [1.0, 1.0, 1.3, 0.8],
        "num_return_sequences": [1, 2, 3],
        "eos_ids": [[2], [2], [2, 6], []],
        "stop_pair": [False, False, True],
    }
    for _ in range(150):
        case = {name: rng.choice(values) for name, values in axes.items()}
        if case["num_return_sequences"] > case["num_beams"]:
            case["num_return_sequences"] = 1
        if case["no_repeat_ngram_size"] == 1:  # else the words run out
            case["max_new_tokens"], case["max_length"] = 4, None
        if case["max_new_tokens"] is not None:
            case["max_length"] = None
            if (case["min_new_tokens"] or 0) > case["max_new_tokens"]:
                case["min_new_tokens"] = None
        if case["num_beams"] == 1:
            case["length_penalty"], case["early_stopping"] = 1.0, "false"
        chosen.append({k: v for k, v in case.items() if v is not None})
    for beams, stopping, penalty in itertools.product(
        [2, 4], ["false", "true", "never"], [1.0, 0.0, 2.0, -1.0]
    ):
        chosen.append(
            {
                "num_beams": beams,
                "early_stopping": stopping,
                "length_penalty": penalty,
                "num_return_sequences": beams,
                "max_new_tokens": 14,
            }
        )
    return chosen


def run(model, prompt, options):
    options = dict(options)
    eos = options.pop("eos_ids", [2])
    stop_pair = options.pop("stop_pair", False)
    stopping = options.pop("early_stopping", "false")
    options["early_stopping"] = {"true": True, "false": False, "never": "never"}[stopping]
    if "max_length" not in options:
        options.setdefault("max_new_tokens", 20)
    criteria = StoppingCriteriaList([PairCriterion(len(prompt))] if stop_pair else [])
    beams = options.get("num_beams", 1) > 1
    with torch.no_grad():
        out = model.generate(
            torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            eos_token_id=eos or None,
            pad_token_id=PAD,
            do_sample=False,
            use_cache=False,
            output_scores=True,
            output_logits=True,
            return_dict_in_generate=True,
            stopping_criteria=criteria,
            **options,
        )
    results = []
    for i, sequence in enumerate(out.sequences.tolist()):
        ids = sequence[len(prompt) :]
        while ids and ids[-1] in (PAD, -1):  # -1: the filler without an end token
            ids.pop()
        if beams:
            score = out.sequences_scores[i].item()
        else:
            steps = [torch.log_softmax(x[i].double(), -1) for x in out.logits]
            score = sum(steps[t][token].item() for t, token in enumerate(ids))
        results.append({"ids": ids, "score": round(score, 7)})
    return results


def warped_distributions(table):
    """Probabilities of the first token under the warpers, in the order of generate()."""
    rows = []
    for prompt, (temperature, top_k, top_p) in itertools.product(
        PROMPTS[:2], [(1.0, 50, 1.0), (0.7, 5, 1.0), (1.4, 0, 0.8), (0.9, 6, 0.7)]
    ):
        scores = table[prompt[-2], prompt[-1]].unsqueeze(0)
        warpers = [TemperatureLogitsWarper(temperature)]
        if top_k:
            warpers.append(TopKLogitsWarper(top_k))
        if top_p < 1:
            warpers.append(TopPLogitsWarper(top_p))
        for warper in warpers:
            scores = warper(None, scores)
        probabilities = scores.double().softmax(-1)[0]
        rows.append(
            {
                "prompt": prompt,
                "temperature": temperature,
                "top_k": top_k,
                "top_p": top_p,
                "probabilities": [round(p, 9) for p in probabilities.tolist()],
            }
        )
    return rows


def main():
    table = make_table()
    model = ToyModel(ToyConfig(), table).eval()
    cases = []
    for options in option_sets():
        results = [run(model, prompt, options) for prompt in PROMPTS]
        cases.append({"options": options, "results": results})
    golden = {
        "vocabulary": VOCABULARY,
        "stop_pair": STOP_PAIR,
        "prompts": PROMPTS,
        "table_times_1e4": [round(v * 1e4) for v in table.double().flatten().tolist()],
        "cases": cases,
        "sampling": warped_distributions(table),
    }
    path = pathlib.Path(__file__).parent.parent / "tests/golden/generate/search.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size, "bytes,", len(cases), "cases")


if __name__ == "__main__":
    main()
