#!/usr/bin/env python3
"""`blip2 convert`: sources that are refused, and directories that are replaced."""
import unittest

from support import ENCODER, CommandLineCase, blip2, require_assets


class WithoutModel(CommandLineCase):
    def test_convert_refuses_other_files(self):
        source = self.folder / "a.pth"
        source.write_bytes(b"no model")
        self.assert_error(blip2("convert", source, "--to", self.folder / "out"), 1, "a.pth")
        self.assertFalse((self.folder / "out").exists())

    def test_convert_refuses_a_base_that_nothing_needs(self):
        source = self.folder / "a.gguf"
        source.write_bytes(b"GGUF")
        self.assert_error(blip2("convert", source, "--to", self.folder / "out", "--base", self.folder), 2,
                          "--base", "a.gguf")

    def test_convert_replaces_a_model_and_nothing_else(self):
        require_assets()
        project = self.folder / "project"
        (project / "src").mkdir(parents=True)
        (project / "src/notes.txt").write_text("precious")
        (project / "config.json").write_text('{"name": "webapp"}')
        convert = ("convert", ENCODER, "--to")
        self.assert_error(blip2(*convert, project), 2, str(project), "found src/")
        self.assertEqual((project / "src/notes.txt").read_text(), "precious")
        (project / "src/notes.txt").rename(self.folder / "notes.txt")
        (project / "src").rmdir()
        self.assert_error(blip2(*convert, project), 2, "another config.json")
        self.assertEqual((project / "config.json").read_text(), '{"name": "webapp"}')
        model = self.folder / "model"
        for _ in range(2):
            self.assertEqual(blip2(*convert, model).returncode, 0)
        (self.folder / "notes.txt").rename(model / "notes.txt")
        self.assert_error(blip2(*convert, model), 2, "found notes.txt")
        self.assertEqual((model / "notes.txt").read_text(), "precious")


if __name__ == "__main__":
    unittest.main()
