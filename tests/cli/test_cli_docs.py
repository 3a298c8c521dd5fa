#!/usr/bin/env python3
"""docs/cli.md agrees with the program: its options are those of --help, and its examples and rows are well-formed.

BLIP2_BINARY is the program.
"""
import functools
import json
import os
import pathlib
import re
import shlex
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = pathlib.Path(os.environ.get("BLIP2_BINARY", ROOT / "build/blip2")).resolve()
TEMPLATE = (ROOT / "tools/cli_docs.md").read_text()


def sections():
    """(verb, text of its hand-written part)."""
    return re.findall(r"^## blip2 ([^\n]*)\n(.*?)(?=^## |\Z)", TEMPLATE, re.M | re.S)


@functools.cache
def help_of(verb):
    return subprocess.run([BINARY, *verb.split(), "--help"], capture_output=True, text=True, check=True).stdout


class CliDocsCase(unittest.TestCase):
    def test_page_is_what_help_says(self):
        result = subprocess.run([ROOT / "tools/make_cli_docs", "--check", BINARY], capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_examples_use_options_that_the_verb_has(self):
        for verb, text in sections():
            examples = [line for line in text.splitlines() if re.search(rf"\bblip2 {verb}\b", line)]
            self.assertTrue(examples, f"{verb}: no example")
            known = set(re.findall(r"(?<!\S)--[\w-]+", help_of(verb)))
            for example in examples:
                used = {word for word in shlex.split(example) if word.startswith("--")}
                self.assertLessEqual(used, known, example)

    def test_rows_are_json_and_every_verb_with_rows_shows_one(self):
        for verb, text in sections():
            rows = re.findall(r"```json\n(.*?)\n```", text, re.S)
            for row in rows:
                self.assertIsInstance(json.loads(row), dict, row)
            prints_rows = "format of the rows on stdout" in help_of(verb)
            if prints_rows and verb != "capfilt":  # whose row is capfilt status's
                self.assertTrue(rows, f"{verb}: no row")


if __name__ == "__main__":
    unittest.main()
