#!/usr/bin/env python3
"""`blip2 index build` and `blip2 search`: results, reports, damaged indexes."""
import unittest

from support import CommandLineCase, ModelCase, blip2, limited, png, rows_of, without_a_reader


class WithoutModel(CommandLineCase):
    def test_queries_are_looked_at_before_anything_is_read(self):
        picture = self.folder / "a.png"
        picture.write_bytes(png(8, 8, (255, 0, 0)))
        self.assert_error(blip2("search", "a cat", picture, "--index", "nowhere", "--rerank", 2), 2, "--rerank", picture.name)
        for query in (self.folder / "gone.png", self.folder):
            warning, error = blip2("search", "a cat", query, "--index", "nowhere").stderr.splitlines()
            self.assertIn(f"warning: {query}: ", warning)
            self.assertIn("searched as a text", warning)
            self.assertTrue(error.startswith("blip2: nowhere: "), error)

    def test_missing_index(self):
        self.assert_error(blip2("search", "a cat", "--index", self.folder), 1, "index.json")


class WithModels(ModelCase):
    def test_an_index_whose_rows_nobody_reads_leaves_nothing(self):
        result = without_a_reader("index", "build", self.pictures, "--index", self.folder / "index", "--model", self.stage1)
        self.assertEqual((result.returncode, result.stderr), (1, "blip2: stopped: nobody reads stdout any more\n"))
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_index_and_search(self):
        index = self.folder / "index"
        bad = self.folder / "bad.png"
        bad.write_bytes(b"no picture")
        built = blip2("index", "build", self.pictures, bad, "--index", index, "--model", self.stage1,
                      "--format", "jsonl")
        self.assertEqual(built.returncode, 3, built.stderr)
        self.assertEqual([row.get("row") for row in rows_of(built.stdout)], [0, 1, 2, 3, None])
        red = self.pictures / "red.png"
        found = blip2("search", "a red square", red, "--index", index, "--top", 3, "--format", "jsonl",
                      "--report", self.folder / "pages/report.html")
        self.assertEqual(found.returncode, 0, found.stderr)
        rows = rows_of(found.stdout)
        self.assertEqual([row["rank"] for row in rows], [1, 2, 3] * 2)
        self.assertEqual([row["query"] for row in rows], ["a red square"] * 3 + [str(red)] * 3)
        for query in (rows[:3], rows[3:]):
            scores = [row["score"] for row in query]
            self.assertEqual(scores, sorted(scores, reverse=True))
        self.assertEqual(rows[3]["image"], str(red))
        self.assertAlmostEqual(rows[3]["score"], 1, places=4)
        self.assertIn("a red square", (self.folder / "pages/report.html").read_text())
        reranked = blip2("search", "a red square", "--index", index, "--rerank", 4)
        self.assertEqual(reranked.returncode, 0, reranked.stderr)
        self.assertEqual(len(reranked.stdout.splitlines()), 4)
        empty = blip2("search", "", "--index", index, "--top", 1).stdout
        self.assertRegex(empty, r"^\t1\t0\.\d+\t")
        mixed = blip2("search", bad, "a", "--index", index, "--format", "jsonl")
        self.assertEqual(mixed.returncode, 3)
        self.assertIn("error", rows_of(mixed.stdout)[0])
        self.assert_error(blip2("index", "build", red, "--index", self.pictures, "--model",
                                self.stage1), 2, "older index", "found blue.png")
        project = self.folder / "project"
        project.mkdir()
        (project / "index.json").write_text('{"name": "webapp"}')
        self.assert_error(blip2("index", "build", red, "--index", project, "--model", self.stage1), 2,
                          "another index.json")
        self.assertEqual((project / "index.json").read_text(), '{"name": "webapp"}')
        (index / "images.jsonl").write_text("{}\n")
        self.assert_error(blip2("search", "a", "--index", index), 1, "images.jsonl")
        (index / "images.jsonl").unlink()
        (index / "images.jsonl").mkdir()
        self.assert_error(blip2("search", "a", "--index", index), 1, "images.jsonl: expected a file, found a folder")
        full = limited("ulimit -f 1", "index", "build", *[self.pictures] * 3, "--model", self.stage1, "--index", self.folder / "full")
        self.assertEqual(full.returncode, 1)
        self.assertIn(f"{self.folder}/full/features.safetensors: cannot write", full.stderr)
        self.assertNotIn(".partial", full.stderr)


if __name__ == "__main__":
    unittest.main()
