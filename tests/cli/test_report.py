#!/usr/bin/env python3
"""`blip2 report`: the page of training runs."""
import unittest

from support import ModelCase, blip2


class WithModels(ModelCase):
    def test_report_of_runs(self):
        page = self.folder / "pages/page.html"
        result = blip2("report", self.shared / "stage1", self.shared / "stage2", "--output", page)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout, f"{page}\n")
        html = page.read_text()
        for word in ("stage1", "stage2", "LAVIS, ViT-g", "LAVIS, OPT-2.7B", "model.arch"):
            self.assertIn(word, html)
        self.assert_error(blip2("report", self.folder, "--output", self.folder / "no.html"), 1, "log.jsonl")
        self.assertFalse((self.folder / "no.html").exists())
        result = blip2("train", self.shared / "stage1.yaml", "--set", f"run.output_dir={self.notes()}")
        self.assert_error(result, 2, "model: expected", "older model", "found notes.txt")


if __name__ == "__main__":
    unittest.main()
