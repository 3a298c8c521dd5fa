#!/usr/bin/env python3
"""Writes tests/golden/text/newer: small tokenizers as transformers 5 saves them, and what it makes of strings with them.

Run by hand, in a venv with transformers 5: python tools/make_newer_text_goldens.py
"""
import json
import pathlib
import shutil
import tempfile

from transformers import AutoTokenizer, BertTokenizer

import text_oracle

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/text"
MADE = GOLDEN / "newer"


class Oracle:
    def __init__(self, tokenizer):
        self.tokenizer = tokenizer

    def encode(self, text):
        return self.tokenizer._tokenizer.encode(text)

    def decode(self, ids, skip_special_tokens):
        return self.tokenizer.decode(ids, skip_special_tokens=skip_special_tokens)


def bert(folder):
    pieces = [piece for piece, _ in sorted(json.loads((GOLDEN / "cased_wordpiece/tokenizer.json").read_text())["model"]["vocab"].items(),
                                           key=lambda entry: entry[1])]
    path = pathlib.Path(folder) / "vocab.txt"
    path.write_text("\n".join(pieces) + "\n")
    tokenizer = BertTokenizer(vocab=str(path), do_lower_case=False, bos_token="[DEC]")
    tokenizer.add_special_tokens({"extra_special_tokens": ["<image>"]})
    return tokenizer


def main():
    shutil.rmtree(MADE, ignore_errors=True)
    oracles = {}
    with tempfile.TemporaryDirectory() as folder:
        made = {"bert": bert(folder)}
        for name in ("clip_json", "llama_json", "opt_like", "qwen2_like"):
            made[name.split("_")[0]] = AutoTokenizer.from_pretrained(GOLDEN / name)
    for name, tokenizer in made.items():
        tokenizer.save_pretrained(MADE / name)
        assert sorted(path.name for path in (MADE / name).iterdir()) == ["tokenizer.json", "tokenizer_config.json"]
        oracles[name] = Oracle(AutoTokenizer.from_pretrained(MADE / name))
    cases = [entry for entry in text_oracle.strings(150, seed=9) if entry[0] != "repeat" or entry[1][1] <= 10_000]
    with open(GOLDEN / "newer.jsonl", "w") as out:
        for entry in cases:
            print(text_oracle.case(*entry, oracles, full=False), file=out)


main()
