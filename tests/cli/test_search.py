#!/usr/bin/env python3
"""`blip2 index build` and `blip2 search`: results, reports, damaged indexes."""
import os
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

    def test_a_picture_that_is_gone_is_one_failed_candidate(self):
        pictures = self.folder / "pictures"
        pictures.mkdir()
        for path in self.pictures.glob("*.png"):
            (pictures / path.name).write_bytes(path.read_bytes())
        index = self.folder / "index"
        self.assertEqual(blip2("index", "build", pictures, "--index", index, "--model", self.stage1).returncode, 0)
        command = ("search", "a red square", "a blue square", "--index", index, "--rerank", 4, "--format", "jsonl")
        before = rows_of(blip2(*command).stdout)
        gone = pictures / "green.png"
        gone.unlink()
        result = blip2(*command, "--report", self.folder / "report.html")
        self.assertEqual(result.returncode, 3, result.stderr)
        rows = rows_of(result.stdout)
        self.assertEqual([(row["query"], row["image"]) for row in rows if "error" in row],
                         [(query, str(gone)) for query in command[1:3]])
        self.assertEqual([(row["query"], row["image"], row["score"]) for row in rows if "error" not in row],
                         [(row["query"], row["image"], row["score"]) for row in before if row["image"] != str(gone)])
        self.assertEqual([row["rank"] for row in rows if "error" not in row], [1, 2, 3] * 2)
        self.assertEqual([str(gone) in line for line in result.stderr.splitlines()], [True, True])
        self.assertIn("a blue square", (self.folder / "report.html").read_text())

    def test_names_of_any_bytes_are_indexed_and_found(self):
        pictures = self.folder / "pictures"
        pictures.mkdir()
        picture = (self.pictures / "red.png").read_bytes()
        for name in (b"caf\xe9.png", b"caf\xe8.png", b"two\nlines.png"):
            (pictures / os.fsdecode(name)).write_bytes(picture)
        index = self.folder / "index"
        built = blip2("index", "build", pictures, "--index", index, "--model", self.stage1, "--format", "jsonl")
        self.assertEqual(built.returncode, 0, built.stderr)
        self.assertEqual(len(rows_of(built.stdout)), 3)
        found = blip2("search", "a red square", "--index", index, "--rerank", 3, "--format", "jsonl")
        self.assertEqual((found.returncode, len(rows_of(found.stdout))), (0, 3), found.stderr)

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
