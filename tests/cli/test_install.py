#!/usr/bin/env python3
"""The installed tree: the program runs from it, and examples/ builds and runs against its CMake package."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

from support import BERT, ENCODER, LANGUAGE_MODEL, png, require_assets

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = os.environ.get("BLIP2_BUILD", "build")


def run(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        require_assets()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.prefix = cls.folder / "prefix"
        cls.must("cmake", "--install", BUILD, "--prefix", cls.prefix)
        cls.binary = cls.prefix / "bin/blip2"
        cls.must("cmake", "-S", SOURCE / "examples", "-B", cls.folder / "examples", "-G", "Ninja",
                 f"-DCMAKE_PREFIX_PATH={cls.prefix}", "-DCMAKE_BUILD_TYPE=Release")
        cls.must("cmake", "--build", cls.folder / "examples")
        cls.picture = cls.folder / "red.png"
        cls.picture.write_bytes(png(40, 30, (220, 30, 30)))
        (cls.folder / "pairs.jsonl").write_text(
            "".join(json.dumps({"image": "red.png", "caption": text}) + "\n" for text in ("a red square", "red")))
        cls.stage1 = cls.train("stage1", "blip2", BERT)
        cls.stage2 = cls.train("stage2", "blip2_llama", cls.stage1)

    @classmethod
    def must(cls, *command):
        result = run(*command)
        if result.returncode:
            raise AssertionError(f"{command}:\n{result.stdout}\n{result.stderr}")
        return result.stdout

    @classmethod
    def train(cls, name, arch, qformer):
        """The directory of a model after one step."""
        config = cls.folder / f"{name}.yaml"
        config.write_text(f"""
model:
  arch: {arch}
  image_encoder: {ENCODER}
  qformer: {qformer}
  {f'language_model: {LANGUAGE_MODEL}' if arch != 'blip2' else ''}
  num_query_token: 4
  embed_dim: 32
datasets:
  squares: {{format: jsonl, annotations: {cls.folder / 'pairs.jsonl'}, images: {cls.folder}, augment: none}}
run:
  task: image_text_pretrain_{name}
  output_dir: {cls.folder / name}
  max_steps: 1
  batch_size_train: 2
  warmup_steps: 0
  num_workers: 1
""")
        cls.must(cls.binary, "train", config)
        return cls.folder / name / "model"

    def example(self, name, *arguments):
        return run(self.folder / "examples" / name, *arguments)

    def test_missing_arguments_print_the_usage(self):
        for name in ("caption_picture", "match_picture"):
            result = self.example(name)
            self.assertEqual((result.returncode, result.stdout), (2, ""))
            self.assertIn(f"usage: {name} MODEL PICTURE", result.stderr)

    def test_an_example_captions_as_the_program_does(self):
        result = self.example("caption_picture", self.stage2, self.picture, self.picture)
        self.assertEqual(result.returncode, 0, result.stderr)
        row = json.loads(self.must(self.binary, "caption", self.picture, "--model", self.stage2, "--format", "jsonl"))
        self.assertEqual(result.stdout.split("\n"), row["captions"] * 2 + [""])

    def test_an_example_matches_as_the_program_does(self):
        texts = ("a red square", "a bicycle")
        result = self.example("match_picture", self.stage1, self.picture, *texts)
        self.assertEqual(result.returncode, 0, result.stderr)
        rows = self.must(self.binary, "match", self.picture, "--model", self.stage1, "--format", "jsonl", "--text", *texts)
        expected = "".join(f"cosine {row['itc']:.4f}  probability of a match {row['itm']:.4f}  {row['text']}\n"
                           for row in map(json.loads, rows.splitlines()))
        self.assertEqual(result.stdout, expected)

    def test_a_missing_model_is_one_line(self):
        result = self.example("caption_picture", self.folder / "gone", self.picture)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)


if __name__ == "__main__":
    unittest.main()
