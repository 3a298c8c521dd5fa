#!/usr/bin/env python3
"""Compares our tokenizers with PyPI tokenizers on many more strings than the goldens hold, and checks that AutoTokenizer
reads what save() writes. Run by hand:

    python tools/compare_tokenizers.py BUILD/text_test [--strings 100000] [--seed 7] [--lines FILE]...
"""
import argparse
import os
import pathlib
import subprocess
import tempfile

from transformers import AutoTokenizer

import text_oracle


def every_character():
    """Each code point between letters, after a digit and a space, and before a mark and a contraction."""
    for c in range(0x110000):
        if 0xD800 <= c < 0xE000:
            continue
        text = f"a{chr(c)}b 1{chr(c)} {chr(c)}\u0301\u302e{chr(c)}'s"
        yield "text", text, text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("--strings", type=int, default=100_000, help="random strings")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--lines", type=pathlib.Path, action="append", default=[], help="text files, each line a string")
    parser.add_argument("--characters", action="store_true", help="also every code point of Unicode (slow)")
    options = parser.parse_args()
    oracles = {**text_oracle.oracles(), **text_oracle.small_oracles()}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        count = 0
        with open(folder / "cases.jsonl", "w") as out:
            def write(entries):
                nonlocal count
                for entry in entries:
                    print(text_oracle.case(*entry, oracles, full=True), file=out)
                    count += 1

            write(text_oracle.strings(options.strings, options.seed))
            for path in options.lines:
                write(("text", line, line) for line in path.read_text("utf-8", "replace").splitlines())
            if options.characters:
                write(every_character())
        (folder / "saved").mkdir()
        environment = {**os.environ, "BLIP2_TOKENIZER_CASES": str(folder / "cases.jsonl"),
                       "BLIP2_MORE_CASES": str(folder / "cases.jsonl"), "BLIP2_TOKENIZER_SAVE": str(folder / "saved")}
        result = subprocess.run([options.binary, "--gtest_brief=1",
                                 "--gtest_filter=Oracle.RealVocabularies*:Oracle.MoreVocabulariesGive*:TokenizerDirectory.Saved*"], env=environment)
        print(f"{count} strings compared: {'all equal' if result.returncode == 0 else 'DIFFERENCES, see above'}")
        different = 0
        for test, name in (("SavedMiniLm", "wordpiece"), ("SavedSmolLm2", "smollm2")):
            saved = AutoTokenizer.from_pretrained(folder / "saved" / test)
            for _, _, text in text_oracle.strings(2000, options.seed):
                different += saved(text).input_ids != oracles[name].encode(text).ids
            print(f"{name}: {type(saved).__name__} reads the saved directory, bos {saved.bos_token_id}, eos {saved.eos_token_id}, "
                  f"pad {saved.pad_token_id}, {len(saved)} tokens, differences so far: {different}")
        for name in text_oracle.SMALL:
            directory = folder / "saved/SavedSmallOnes" / name
            saved = text_oracle.small_oracle(name, directory)
            wrong = [text for _, _, text in text_oracle.strings(2000, options.seed)
                     if saved.encode(text).ids != oracles[name].encode(text).ids]
            print(f"{name}: {len(wrong)} differences of the saved directory {ascii(wrong[:1])[:200]}")
            different += len(wrong)
        return result.returncode or int(different > 0)


if __name__ == "__main__":
    raise SystemExit(main())
