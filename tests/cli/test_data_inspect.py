#!/usr/bin/env python3
"""`blip2 data inspect`: what it counts in each source."""
import json
import unittest

from support import CommandLineCase, blip2, png, rows_of, write_shard


class WithoutModel(CommandLineCase):
    def test_data_inspect(self):
        (self.folder / "there.png").write_bytes(png(2, 2, (1, 2, 3)))
        captions = ["one", "two words", "three words\tand more", " ", "x " * 30, "last"]
        lines = [json.dumps({"image": "there.png" if i else "gone.png", "caption": text})
                 for i, text in enumerate(captions)]
        (self.folder / "pairs.jsonl").write_text("\n".join(lines) + "\n{broken\n")
        write_shard(self.folder / "00000.tar", [
            ("a.png", png(2, 2, (1, 2, 3))), ("a.json", b'{"caption": ["best", "second"]}'),
            ("b.png", png(2, 2, (1, 2, 3))), ("b.txt", b"by text")])
        config = self.folder / "run.yaml"
        config.write_text(f"""
datasets:
  pairs: {{format: jsonl, annotations: {self.folder / 'pairs.jsonl'}}}
  web: {{format: webdataset, annotations: {self.folder / '00000.tar'}}}
run: {{output_dir: {self.folder / 'out'}}}
""")
        result = blip2("data", "inspect", config, "--format", "jsonl")
        self.assertEqual(result.returncode, 0, result.stderr)
        pairs, web = rows_of(result.stdout)
        self.assertEqual((pairs["source"], pairs["records"], pairs["missing_pictures"], pairs["unusable"],
                          pairs["captions"]), ("pairs", 7, 1, 2, 5))
        self.assertIn("gone.png", pairs["first_missing"])
        self.assertIn("empty caption", pairs["first_unusable"])
        self.assertEqual(pairs["words"], {"min": 1, "median": 2, "mean": 7.6, "p95": 30, "max": 30})
        self.assertEqual(len({sample["record"] for sample in pairs["samples"]}), 5)
        self.assertEqual((web["format"], web["records"], web["missing_pictures"], web["captions"]),
                         ("webdataset", 2, 0, 3))
        self.assertEqual(web["samples"][0], {"record": 0, "key": str(self.folder / "00000.tar/a"),
                                             "image": str(self.folder / "00000.tar/a.png"),
                                             "captions": ["best", "second"]})
        few = rows_of(blip2("data", "inspect", config, "--format", "jsonl", "--records", 2).stdout)
        self.assertEqual([(row["records"], row["inspected"]) for row in few], [(7, 2), (2, 2)])
        text = blip2("data", "inspect", config).stdout
        for words in ("pairs (jsonl)", "records: 7", "missing pictures: 1 (the first: ", "words: 1 to 30",
                      f"0\t{self.folder / '00000.tar/a'}\t", "\tbest\tsecond\n"):
            self.assertIn(words, text)
        partly = blip2("data", "inspect", config, "--set", "datasets.pairs.annotations=none.jsonl", "--format", "jsonl")
        self.assertEqual(partly.returncode, 3, partly.stderr)
        failed, web = rows_of(partly.stdout)
        self.assertIn("none.jsonl", failed["error"])
        self.assertEqual((failed["source"], web["source"], len(partly.stderr.splitlines())), ("pairs", "web", 1))
        self.assert_error(blip2("data", "look", config), 2, "data inspect")


if __name__ == "__main__":
    unittest.main()
