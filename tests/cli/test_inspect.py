#!/usr/bin/env python3
"""`blip2 inspect` and `blip2 tokenize`: summaries, ids and pieces."""
import json
import shutil
import struct
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


    def test_check_names_the_tensors_that_are_not_numbers(self):
        text = blip2("inspect", self.stage2).stdout
        self.assertIn("values were not read: --check looks for NaN", text)
        self.assertFalse(rows_of(blip2("inspect", self.stage2, "--format", "jsonl").stdout)[0]["values_read"])
        self.assertIn("every value is finite", blip2("inspect", self.stage2, "--check").stdout)
        model = self.folder / "model"
        shutil.copytree(self.stage2, model)
        data = bytearray((model / "model.safetensors").read_bytes())
        length = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8:8 + length])
        name = "language_model.model.layers.1.mlp.up_proj.weight"
        self.assertEqual(header[name]["dtype"], "F32")
        place = 8 + length + header[name]["data_offsets"][0]
        data[place:place + 8] = struct.pack("<ff", float("nan"), float("inf"))
        (model / "model.safetensors").write_bytes(data)
        self.assertEqual(blip2("inspect", model).returncode, 0)
        result = blip2("inspect", model, "--check")
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"not finite: {name}: 1 NaN, 1 infinite\n", result.stdout)
        row = rows_of(blip2("inspect", model, "--check", "--format", "jsonl").stdout)[0]
        self.assertEqual(row["not_finite"], [{"name": name, "nan": 1, "infinite": 1}])
        self.assert_error(blip2("caption", self.pictures / "red.png", "--model", model), 1, name, "not finite (1 NaN, 1 infinite)")


if __name__ == "__main__":
    unittest.main()
