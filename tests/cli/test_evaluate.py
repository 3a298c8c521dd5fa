#!/usr/bin/env python3
"""`blip2 evaluate`: scores, predictions, and a disk that is full."""
import json
import unittest

from support import CommandLineCase, ModelCase, blip2, limited, png


class WithoutModel(CommandLineCase):
    def test_an_empty_folder_is_named(self):
        (self.folder / "pictures").mkdir()
        self.assert_error(blip2("evaluate", "--model", "x", "--task", "caption", "--format", "folder", "--data",
                                self.folder / "pictures"), 1, str(self.folder / "pictures"), "no picture")


class WithModels(ModelCase):
    def test_evaluate(self):
        data = ("--data", self.shared / "pairs.jsonl", "--images", self.pictures, "--output",
                self.folder / "scores")
        captions = blip2("evaluate", "--model", self.stage2, "--task", "caption", *data,
                         "--max-new-tokens", 3)
        self.assertEqual(captions.returncode, 0, captions.stderr)
        metrics = json.loads(captions.stdout)
        self.assertLessEqual({"Bleu_1", "Bleu_2", "Bleu_3", "Bleu_4", "ROUGE_L", "CIDEr"},
                             set(metrics))
        predictions = json.loads((self.folder / "scores/predictions.json").read_text())
        self.assertEqual([row["image_id"] for row in predictions], [3, 5, 4, 5])
        published = self.folder / "val.json"  # LAVIS's coco_karpathy_val.json has no ids
        (self.folder / "val2014").symlink_to(self.pictures)
        for name in ("COCO_val2014_000000391895.png", "000000000042.png"):
            picture = self.pictures / name
            picture.write_bytes((self.pictures / "red.png").read_bytes())
            self.addCleanup(picture.unlink)
        published.write_text(json.dumps([
            {"image": "val2014/COCO_val2014_000000391895.png", "caption": ["a red square"]},
            {"image": "val2014/000000000042.png", "caption": ["a red square"]},
            {"image": "val2014/red.png", "caption": ["a red square"]}]))
        coco = blip2("evaluate", "--model", self.stage2, "--task", "caption", "--data", published, "--format",
                     "coco_karpathy", "--output", self.folder / "coco", "--max-new-tokens", 1)
        self.assertEqual(coco.returncode, 0, coco.stderr)
        predictions = json.loads((self.folder / "coco/predictions.json").read_text())
        self.assertEqual([row["image_id"] for row in predictions], [391895, 42, "val2014/red.png"])
        retrieval = blip2("evaluate", "--model", self.stage1, "--task", "retrieval", *data)
        self.assertEqual(retrieval.returncode, 0, retrieval.stderr)
        metrics = json.loads(retrieval.stdout)
        for name in ("txt_r1 txt_r5 txt_r10 txt_r_mean img_r1 img_r5 img_r10 img_r_mean "
                     "r_mean").split():
            self.assertTrue(0 <= metrics[name] <= 100)
        self.assert_error(blip2("evaluate", "--model", self.stage1, "--task", "vqa", *data), 2,
                          "not in this version")
        (self.folder / "empty.jsonl").write_text("")
        self.assert_error(blip2("evaluate", "--model", self.stage1, "--task", "retrieval", "--data", self.folder / "empty.jsonl",
                                "--output", self.folder / "scores"), 2, "--data", "empty.jsonl: no records")

    def test_a_full_disk_leaves_no_half_of_an_evaluation(self):
        data = self.folder / "many.jsonl"  # predictions of over 1024 bytes, metrics of fewer
        data.write_text("".join(json.dumps({"image": "red.png", "caption": "a red square", "image_id": i}) + "\n"
                                for i in range(40)))
        output = self.folder / "scores"
        command = ("evaluate", "--model", self.stage2, "--task", "caption", "--data", data, "--images", self.pictures,
                   "--max-new-tokens", 1, "--output", output)
        result = limited("ulimit -f 1", *command)
        self.assert_error(result, 1, "predictions.json: cannot write: File too large")
        self.assertEqual(list(output.iterdir()), [])
        self.assertEqual(blip2(*command).returncode, 0)
        written = {path.name: path.read_bytes() for path in output.iterdir()}
        self.assertEqual(set(written), {"metrics.json", "predictions.json"})
        self.assertEqual(limited("ulimit -f 1", *command, "--prompt", "a").returncode, 1)
        self.assertEqual({path.name: path.read_bytes() for path in output.iterdir()}, written)


if __name__ == "__main__":
    unittest.main()
