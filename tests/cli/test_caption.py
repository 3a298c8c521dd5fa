#!/usr/bin/env python3
"""`blip2 caption`: rows, beams, draws and what it refuses."""
import unittest

from support import CommandLineCase, ModelCase, blip2, png, rows_of


class WithoutModel(CommandLineCase):
    def test_help_of_caption_names_the_generation_options(self):
        text = blip2("caption", "--help").stdout
        for option in ("--max-new-tokens --min-new-tokens --max-length --min-length --num-beams "
                       "--length-penalty --early-stopping --no-repeat-ngram-size "
                       "--repetition-penalty --do-sample --temperature --top-k --top-p "
                       "--num-return-sequences --stop --prompt --batch-size --model "
                       "--exif-rotate --max-image-pixels --format").split():
            self.assertIn(option, text)


class WithModels(ModelCase):
    def test_caption_among_bad_inputs(self):
        inputs = self.bad_inputs()
        result = blip2("caption", *(path for path, _ in inputs), "--model", self.stage2, "--format",
                       "jsonl", "--max-new-tokens", 4, "--batch-size", 2)
        for row in self.assert_rows_in_order(result, inputs):
            self.assertEqual(set(row), {"image", "captions", "scores", "tokens"})
            self.assertLessEqual(len(row["tokens"][0]), 4)
            self.assertEqual(row["captions"][0], row["captions"][0].strip())

    def test_caption_text_and_beams(self):
        result = blip2("caption", self.pictures, "--model", self.stage2, "--num-beams", 2,
                       "--num-return-sequences", 2, "--max-new-tokens", 3, "--prompt", "a")
        self.assertEqual(result.returncode, 0, result.stderr)
        names = [line.split("\t")[0] for line in result.stdout.splitlines()]
        expected = sorted(map(str, self.pictures.iterdir()))
        self.assertEqual(names, [name for name in expected for _ in range(2)])

    def test_caption_refuses(self):
        picture = self.pictures / "red.png"
        self.assert_error(blip2("caption", picture, "--model", self.stage2, "--prompt", "<image> a"),
                          2, "<image>")

    def test_draws_depend_on_the_picture_and_the_prompt_alone(self):
        red, blue = self.pictures / "red.png", self.pictures / "blue.png"
        copy = self.folder / "copy.png"
        copy.write_bytes(red.read_bytes())
        options = ("--model", self.stage2, "--format", "jsonl", "--do-sample", "--max-new-tokens", 6)

        def drawn(*words):
            return [row["tokens"][0] for row in rows_of(blip2("caption", *words, *options).stdout)]
        (alone,), (other, second, third) = drawn(red), drawn(blue, red, copy, "--batch-size", 2)
        self.assertEqual([second, third], [alone, alone])
        self.assertNotEqual(other, alone)
        self.assertNotEqual(drawn(red, "--seed", 7), [alone])
        answers = [[row["answer"] for row in rows_of(blip2("answer", red, "--question", *questions, *options).stdout)]
                   for questions in (("what", "why"), ("why", "what"))]
        self.assertEqual(answers[0], answers[1][::-1])

    def test_a_batch_is_its_pictures(self):
        arguments = ("--model", self.stage1, "--format", "jsonl", "--max-new-tokens", 5)
        together = rows_of(blip2("caption", self.pictures, *arguments).stdout)
        self.assertEqual(len(together), 4)
        alone = rows_of(blip2("caption", self.pictures, *arguments, "--batch-size", 1).stdout)
        self.assertEqual([row["tokens"] for row in together], [row["tokens"] for row in alone])


if __name__ == "__main__":
    unittest.main()
