#!/usr/bin/env python3
"""Words that spell special tokens, in captions, questions, labels and texts: "<image>" is ordinary text, others are what the tokenizer
has them for, and none ends a command."""
import json
import shutil
import unittest

from support import ModelCase, blip2, rows_of

CAPTIONS = ["how to use the <image> tag", "[DEC] a [CLS] red [SEP] square", "</s> <pad> <s> [PAD] [MASK]", "<image>"]


def with_image_word(model, copy):
    """A copy whose tokenizer has <image> as the first id that the model's table of words lacks, as published models do."""
    shutil.copytree(model, copy)
    document = json.loads((copy / "tokenizer.json").read_text())
    ids = [*document["model"]["vocab"].values(), *(token["id"] for token in document["added_tokens"])]
    token = {"id": max(ids) + 1, "content": "<image>", "special": True, "normalized": False, "lstrip": False, "rstrip": False,
             "single_word": False}
    document["added_tokens"].append(token)
    (copy / "tokenizer.json").write_text(json.dumps(document))
    path = copy / "tokenizer_config.json"
    config = json.loads(path.read_text())
    config.get("added_tokens_decoder", {})[str(token["id"])] = {key: value for key, value in token.items() if key != "id"}
    path.write_text(json.dumps(config))
    return copy


class SpecialWords(ModelCase):
    def setUp(self):
        super().setUp()
        self.reading = with_image_word(self.stage1, self.folder / "reading")
        self.writing = with_image_word(self.stage2, self.folder / "writing")
        names = sorted(path.name for path in self.pictures.glob("*.png"))[:4]
        self.data = self.folder / "captions.jsonl"
        self.data.write_text("".join(json.dumps({"image": name, "caption": caption, "image_id": i}) + "\n"
                                     for i, (name, caption) in enumerate(zip(names, CAPTIONS))))

    def losses(self, name, config, *settings):
        run = self.folder / name
        values = (f"run.output_dir={run}", f"datasets.squares.annotations={self.data}", "run.log_every=1", "run.shuffle=false",
                  "run.batch_size_train=4", *settings)
        result = blip2("train", self.shared / config, *(word for value in values for word in ("--set", value)))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertFalse((run / "skipped.jsonl").exists() and (run / "skipped.jsonl").read_text())
        return [json.loads(line)["loss"] for line in (run / "log.jsonl").read_text().splitlines()]

    def test_training_reads_them_as_a_tokenizer_without_the_word_for_the_picture(self):
        for task in ("image_text_pretrain_stage1", "finetune_retrieval"):
            found, expected = (self.losses(f"{task}{i}", "stage1.yaml", f"model.qformer={model}", f"run.task={task}",
                                           "model.freeze_vit=true", "datasets.squares.image_size=224")
                               for i, model in enumerate((self.reading, self.stage1)))
            self.assertEqual(found, expected)
        found, expected = (self.losses(f"stage2{i}", "stage2.yaml", f"model.language_model={model}")
                           for i, model in enumerate((self.writing, self.stage2)))
        self.assertEqual(found, expected)

    def same(self, *command):
        """The output of a command for the model with the word, which is that of the one without."""
        found, expected = (blip2(*(model if word is None else word for word in command)) for model in (self.reading, self.stage1))
        self.assertEqual(found.returncode, 0, found.stderr)
        self.assertEqual(expected.returncode, 0, expected.stderr)
        self.assertEqual(found.stdout, expected.stdout)
        return found.stdout

    def test_texts_and_labels_are_read_as_by_a_tokenizer_without_the_word(self):
        picture, labels = self.pictures / "red.png", self.folder / "labels.txt"
        labels.write_text("\n".join(CAPTIONS) + "\n")
        self.same("match", picture, "--model", None, "--text", CAPTIONS[0])
        self.same("match", picture, "--model", None, "--text", CAPTIONS[2])
        self.same("zero-shot", picture, "--model", None, "--labels", labels, "--format", "jsonl")
        self.same("evaluate", "--model", None, "--task", "retrieval", "--data", self.data, "--images", self.pictures, "--output",
                  self.folder / "scores")

    def test_a_text_becomes_no_id_beyond_the_table(self):
        shown = json.loads(blip2("tokenize", CAPTIONS[0], "--model", self.reading, "--format", "jsonl").stdout)
        self.assertNotIn("<image>", shown["pieces"])
        self.assertEqual(shown["ids"], json.loads(blip2("tokenize", CAPTIONS[0], "--model", self.stage1, "--format", "jsonl").stdout)["ids"])

    def test_a_question_with_the_word_is_one_failed_row(self):
        picture = str(self.pictures / "red.png")
        questions = self.folder / "questions.jsonl"
        questions.write_text("".join(json.dumps({"image": picture, "question": question}) + "\n"
                                     for question in ("why </s> <s>", "what is <image>", "[DEC]?")))
        result = blip2("answer", "--jsonl", questions, "--model", self.writing, "--max-new-tokens", 2, "--format", "jsonl")
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertEqual(["error" in row for row in rows_of(result.stdout)], [False, True, False])


if __name__ == "__main__":
    unittest.main()
