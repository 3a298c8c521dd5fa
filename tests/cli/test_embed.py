#!/usr/bin/env python3
"""`blip2 embed`: shapes of the features, and the rows of failed inputs."""
import json
import struct
import unittest

from support import ModelCase, blip2, png, rows_of


class WithModels(ModelCase):
    def read_shapes(self, path):
        data = path.read_bytes()
        size = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8:8 + size])
        return {name: info["shape"] for name, info in header.items() if name != "__metadata__"}

    def test_embed_has_no_row_for_a_failed_input(self):
        inputs = self.bad_inputs()
        output = self.folder / "features.safetensors"
        result = blip2("embed", *(path for path, _ in inputs), "--model", self.stage1, "--features",
                       "pixel_values,image_embeds,query_output,itc_image", "--output", output,
                       "--format", "jsonl", "--batch-size", 3)
        rows = self.assert_rows_in_order(result, inputs)
        self.assertEqual([row["row"] for row in rows], list(range(5)))
        self.assertEqual(self.read_shapes(output),
                         {"pixel_values": [5, 3, 224, 224], "image_embeds": [5, 49, 1280],
                          "query_output": [5, 4, 384], "itc_image": [5, 4, 32]})

    def test_embed_with_texts(self):
        output = self.folder / "features.safetensors"
        one = blip2("embed", self.pictures / "red.png", "--model", self.stage1, "--text", "a", "b",
                    "c", "--features", "itc_text,multimodal", "--output", output, "--format", "jsonl")
        self.assertEqual(one.returncode, 0, one.stderr)
        self.assertEqual([row["row"] for row in rows_of(one.stdout)], [0, 1, 2])
        self.assertEqual(self.read_shapes(output), {"itc_text": [3, 32], "multimodal": [3, 4, 384]})
        self.assert_error(blip2("embed", self.pictures, "--model", self.stage1, "--text", "a", "b",
                                "--features", "itc_text", "--output", output), 2, "--text")
        stage2 = blip2("embed", self.pictures / "red.png", "--model", self.stage2, "--features",
                       "language_inputs,logits", "--output", output)
        self.assertEqual(stage2.returncode, 0, stage2.stderr)
        shapes = self.read_shapes(output)
        self.assertEqual(shapes["language_inputs"], [1, 4, 576])
        self.assertEqual(shapes["logits"][0], 1)
        self.assert_error(blip2("embed", self.pictures, "--model", self.stage1, "--features",
                                "itc_images", "--output", output), 2, "'itc_image'")


if __name__ == "__main__":
    unittest.main()
