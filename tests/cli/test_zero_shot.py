#!/usr/bin/env python3
"""`blip2 zero-shot`: probabilities of labels, and labels that are refused."""
import unittest

from support import ModelCase, blip2, png, rows_of


class WithModels(ModelCase):
    def test_zero_shot_shares_out_probability(self):
        labels = self.folder / "labels.txt"
        labels.write_text("a red square\n\na green square\n  a cat\n")
        for rerank in (0, 2):
            rows = rows_of(blip2("zero-shot", self.pictures, "--model", self.stage1, "--labels", labels,
                                 "--rerank", rerank, "--format", "jsonl").stdout)
            self.assertEqual(len(rows), 4)
            for row in rows:
                self.assertEqual(list(row["labels"]), ["a red square", "a green square", "a cat"])
                self.assertAlmostEqual(sum(row["labels"].values()), 1, delta=1e-9)
                self.assertEqual(row["label"], max(row["labels"], key=row["labels"].get))
                self.assertEqual(row["probability"], row["labels"][row["label"]])
        for encoded in ("utf-8-sig", "utf-16"):
            marked = self.folder / "marked.txt"
            marked.write_bytes("a red square\r\n\r\na green square\r\n  a cat".encode(encoded))
            self.assertEqual(rows_of(blip2("zero-shot", self.pictures, "--model", self.stage1, "--labels", marked, "--rerank", 2,
                                           "--format", "jsonl").stdout), rows)
        listed = rows_of(blip2("zero-shot", self.pictures, "--model", self.stage1, "--labels",
                               "a red square, a green square,a cat", "--format", "jsonl").stdout)
        plain = rows_of(blip2("zero-shot", self.pictures, "--model", self.stage1, "--labels", labels,
                              "--format", "jsonl").stdout)
        self.assertEqual(listed, plain)
        matched = rows_of(blip2("match", self.pictures / "red.png", "--model", self.stage1, "--text", "a red square",
                                "a cat", "--format", "jsonl").stdout)
        red, = [row["labels"] for row in plain if row["image"].endswith("red.png")]
        closer = matched[0]["itc"] > matched[1]["itc"]
        self.assertEqual(red["a red square"] > red["a cat"], closer)
        for wrong, word in (("a", "two"), ("a,,b", "empty"), ("a,a", "twice")):
            self.assert_error(blip2("zero-shot", self.pictures, "--model", self.stage1, "--labels", wrong), 2, word)

    def test_labels_that_are_no_labels(self):
        picture = self.pictures / "red.png"
        self.assert_error(blip2("zero-shot", picture, "--model", self.stage1, "--labels", "nosuch.txt"),
                          2, "nosuch.txt", "no file")
        self.assert_error(blip2("zero-shot", picture, "--model", self.stage1, "--labels", picture), 1, "red.png:1: ")


if __name__ == "__main__":
    unittest.main()
