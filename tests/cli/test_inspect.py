#!/usr/bin/env python3
"""`blip2 inspect` and `blip2 tokenize`: summaries, ids and pieces."""
import unittest

from support import ModelCase, blip2, rows_of


class WithModels(ModelCase):
    def test_inspect_and_tokenize(self):
        for model, family in ((self.stage1, "Blip2ForImageTextRetrieval"),
                              (self.stage2, "Blip2ForConditionalGeneration")):
            summary = rows_of(blip2("inspect", model, "--format", "jsonl").stdout)[0]
            self.assertEqual(summary["family"], family)
            self.assertGreater(summary["parameters"]["trained"], 0)
            self.assertGreater(summary["parameters"]["frozen"], 0)
            self.assertIn("image encoder", blip2("inspect", model).stdout)
        rows = rows_of(blip2("tokenize", "A cat", "[SEP]", "--model", self.stage1, "--tokenizer",
                             "qformer", "--format", "jsonl").stdout)
        self.assertEqual(rows[0], {"text": "A cat", "ids": [101, 1037, 4937, 102],
                                   "pieces": ["[CLS]", "a", "cat", "[SEP]"]})
        self.assertEqual(rows[1]["text"], "[SEP]")
        text = rows_of(blip2("tokenize", "A cat", "--model", self.stage2, "--format",
                             "jsonl").stdout)[0]
        self.assertEqual(len(text["ids"]), len(text["pieces"]))
        self.assert_error(blip2("tokenize", "a", "--model", self.stage2, "--tokenizer", "qformer"),
                          1, "qformer")


if __name__ == "__main__":
    unittest.main()
