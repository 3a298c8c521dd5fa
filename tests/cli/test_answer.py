#!/usr/bin/env python3
"""`blip2 answer`: templates, files of questions, questions that fail, candidates."""
import json
import unittest

from support import ModelCase, blip2, png, rows_of


class WithModels(ModelCase):
    def test_answers_follow_the_question_in_its_template(self):
        questions = ["what colour is it?", "is it a very long and winding road?", "why"]
        options = ("--model", self.stage2, "--format", "jsonl", "--max-new-tokens", 6)
        result = blip2("answer", self.pictures, *options, "--question", *questions, "--batch-size", 3)
        self.assertEqual(result.returncode, 0, result.stderr)
        rows = rows_of(result.stdout)
        paths = sorted(map(str, self.pictures.iterdir()))
        self.assertEqual([(row["image"], row["question"]) for row in rows],
                         [(path, question) for path in paths for question in questions])
        for row in rows[:4]:
            prompt = f"Question: {row['question']} Answer:"
            alone, = rows_of(blip2("caption", row["image"], *options, "--prompt", prompt).stdout)
            self.assertEqual(row["answer"], alone["captions"][0])
            self.assertAlmostEqual(row["score"], alone["scores"][0], delta=1e-3)
        plain, = rows_of(blip2("answer", paths[0], *options, "--question", "why", "--template", "{}").stdout)
        bare, = rows_of(blip2("caption", paths[0], *options, "--prompt", "why").stdout)
        self.assertEqual(plain["answer"], bare["captions"][0])

    def test_answer_reads_a_file_of_questions(self):
        asked = [{"image": "red.png", "question": "why", "question_id": 7}, {"image": "gone.png", "question": "what"},
                 {"image": str(self.pictures / "blue.png"), "question": "who", "question_id": "x1"},
                 {"image": "red.png", "question": "when"}]
        file = self.pictures.parent / "pictures/questions.jsonl"
        file.write_text("".join(json.dumps(line) + "\n" for line in asked))
        self.addCleanup(file.unlink)
        result = blip2("answer", "--jsonl", file, "--model", self.stage2, "--format", "jsonl", "--max-new-tokens", 3)
        self.assertEqual(result.returncode, 3, result.stderr)
        rows = rows_of(result.stdout)
        self.assertEqual([(row.get("question"), row.get("question_id"), "error" in row) for row in rows],
                         [("why", 7, False), ("what", None, True), ("who", "x1", False), ("when", None, False)])
        self.assertIn("--images", rows[1]["error"])
        file.write_text('{"image": "red.png"}\n')
        self.assert_error(blip2("answer", "--jsonl", file, "--model", self.stage2), 1, "questions.jsonl:1", "question")

    def test_a_bad_question_fails_alone(self):
        red, blue = str(self.pictures / "red.png"), str(self.pictures / "blue.png")
        lines = [json.dumps({"image": red, "question": "why"}), "{broken", json.dumps({"image": red, "question": "<image>"}),
                 json.dumps({"image": blue, "question": "b <image>", "question_id": 4}),
                 json.dumps({"image": blue, "question": "why"}), json.dumps({"image": red, "question": "who"})]
        file = self.folder / "questions.jsonl"
        file.write_text("\n".join(lines))
        options = ("--model", self.stage2, "--format", "jsonl", "--max-new-tokens", 3)
        result = blip2("answer", "--jsonl", file, *options, "--log-level", "error")
        self.assertEqual(result.returncode, 3, result.stderr)
        rows = rows_of(result.stdout)
        self.assertEqual([(row.get("image"), row.get("line"), "error" in row) for row in rows],
                         [(red, None, False), (None, 2, True), (red, 3, True), (blue, 4, True), (blue, None, False),
                          (red, None, False)])
        self.assertEqual(rows[3]["question_id"], 4)
        messages = result.stderr.splitlines()
        self.assertEqual(len(messages), 3, result.stderr)
        for message, line, row, word in zip(messages, (2, 3, 4), (rows[1], rows[2], rows[3]),
                                            ("expected", "<image>", "<image>"), strict=True):
            self.assertTrue(message.startswith(f"blip2: {file}:{line}: "), message)
            self.assertIn(word, message)
            self.assertEqual(f"blip2: {row['error']}", message)
        alone = rows_of(blip2("answer", red, blue, "--question", "why", *options).stdout)
        self.assertEqual([rows[0]["answer"], rows[4]["answer"]], [row["answer"] for row in alone])
        file.write_text(json.dumps({"image": red, "question": "why"}))
        self.assert_error(blip2("answer", "--jsonl", file, "--model", self.stage1), 2, "stage-1")

    def test_answer_refuses(self):
        picture, model = self.pictures / "red.png", ("--model", self.stage2)
        self.assert_error(blip2("answer", picture, *model), 2, "--question", "--jsonl")
        self.assert_error(blip2("answer", picture, *model, "--question", "a", "--template", "no place"), 2, "{}")
        self.assert_error(blip2("answer", picture, "--jsonl", "x", *model), 2, "--jsonl")
        self.assert_error(blip2("answer", picture, "--model", self.stage1, "--question", "a"), 2, "stage-1")

    def test_the_best_candidate_is_the_answer(self):
        answers = ["yes", "a red square", "no"]
        file = self.folder / "answers.txt"
        file.write_text("".join(f"{answer}\n" for answer in answers))
        options = ("--model", self.stage2, "--format", "jsonl", "--question", "what is it?", "is it red?")
        result = blip2("answer", self.pictures, *options, "--candidates", file, "--batch-size", 3)
        self.assertEqual(result.returncode, 0, result.stderr)
        rows = rows_of(result.stdout)
        self.assertEqual([row["image"] for row in rows], [str(path) for path in sorted(self.pictures.iterdir()) for _ in "ab"])
        for row in rows:
            self.assertEqual(list(row), ["image", "question", "answer", "score"])
            self.assertIn(row["answer"], answers)
            self.assertLess(row["score"], 0)
        # The best of three is the best of each alone.
        singles = []
        for answer in answers:
            file.write_text(answer)
            singles.append(rows_of(blip2("answer", self.pictures, *options, "--candidates", file).stdout))
        for row, *alone in zip(rows, *singles, strict=True):
            best = max(alone, key=lambda one: one["score"])
            self.assertEqual(row["answer"], best["answer"])
            self.assertAlmostEqual(row["score"], best["score"], places=3)

    def test_candidates_that_are_refused(self):
        picture, file = self.pictures / "red.png", self.folder / "answers.txt"
        options = ("answer", picture, "--model", self.stage2, "--question", "why")
        self.assert_error(blip2(*options, "--candidates", file), 1, "answers.txt")
        file.write_text("\n")
        self.assert_error(blip2(*options, "--candidates", file), 2, "answers.txt", "found none")
        file.write_text("yes\nyes\n")
        self.assert_error(blip2(*options, "--candidates", file), 2, '"yes" is named twice')
        file.write_text("yes\nno\n")
        self.assert_error(blip2(*options, "--candidates", file, "--num-beams", 2), 2, "--candidates", "found --num-beams")
        self.assert_error(blip2("answer", picture, "--model", self.stage1, "--question", "why", "--candidates", file), 2, "stage-1")


if __name__ == "__main__":
    unittest.main()
