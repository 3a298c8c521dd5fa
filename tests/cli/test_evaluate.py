#!/usr/bin/env python3
"""`blip2 evaluate`: scores, predictions, and a disk that is full."""
import json
import math
import unittest

from support import CommandLineCase, ModelCase, blip2, limited, png, rows_of


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
        self.assertEqual([row["image_id"] for row in predictions], [0, 1, 2, 3])
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

    def seven(self):
        """A list of seven pictures of which two cannot be read and one row is broken; the names of the good ones."""
        names = ["red", "green", "cut", "blue", "gone", "white"]
        folder = self.folder / "seven"
        folder.mkdir()
        for number, name in enumerate(names):
            if name in ("red", "green", "blue", "white"):
                (folder / f"{number}.png").write_bytes((self.pictures / f"{name}.png").read_bytes())
        (folder / "2.png").write_bytes((folder / "0.png").read_bytes()[:60])
        rows = [json.dumps({"image": f"{number}.png", "caption": [f"a {name} square", f"one {name} square"], "image_id": number})
                for number, name in enumerate(names)]
        rows.insert(3, "{broken")
        (folder / "list.jsonl").write_text("\n".join(rows) + "\n")
        good = [row for number, row in enumerate(rows) if number not in (2, 3, 5)]
        (folder / "good.jsonl").write_text("\n".join(good) + "\n")
        return folder

    def test_a_picture_that_cannot_be_read_is_one_failed_input(self):
        folder = self.seven()
        for task, model in (("caption", self.stage2), ("retrieval", self.stage1)):
            command = ("evaluate", "--model", model, "--task", task, *(("--max-new-tokens", 2) if task == "caption" else ()))
            expected = json.loads(blip2(*command, "--data", folder / "good.jsonl", "--output", self.folder / "good").stdout)
            self.assertEqual((expected["num_images"], expected["num_failed"]), (4, 0))
            for batch_size in (1, 2, 3, 16):
                output = self.folder / f"{task}-{batch_size}"
                result = blip2(*command, "--data", folder / "list.jsonl", "--output", output, "--batch-size", batch_size)
                self.assertEqual(result.returncode, 3, result.stderr)
                lines = [line for line in result.stderr.splitlines() if line.startswith("blip2: ")]
                self.assertEqual(len(lines), 3, result.stderr)
                for line, words in zip(lines, (f"{folder}/list.jsonl:4", f"{folder}/2.png", f"{folder}/4.png"), strict=True):
                    self.assertIn(words, line)
                metrics = json.loads(result.stdout)
                self.assertEqual((metrics.pop("num_images"), metrics.pop("num_failed")), (4, 3))
                for name, value in metrics.items():
                    self.assertEqual(value, expected[name], name)
                def rounded(path):
                    return [{**row, "texts": [(text["text"], round(text["itc"], 2)) for text in row["texts"]]} if "texts" in row else row
                            for row in json.loads((path / "predictions.json").read_text())]
                self.assertEqual(rounded(output), rounded(self.folder / "good"))

    def test_nothing_is_written_where_no_picture_can_be_read(self):
        data = self.folder / "gone.jsonl"
        data.write_text("".join(json.dumps({"image": f"gone{i}.png", "caption": "a"}) + "\n" for i in range(3)))
        for task, model in (("caption", self.stage2), ("retrieval", self.stage1)):
            result = blip2("evaluate", "--model", model, "--task", task, "--data", data, "--output", self.folder / "scores")
            self.assertEqual((result.returncode, result.stdout), (1, ""))
            lines = result.stderr.splitlines()
            self.assertEqual(len(lines), 4, result.stderr)
            self.assertIn("no scores: none of the 3 records could be used", lines[-1])
            self.assertEqual(list((self.folder / "scores").iterdir()), [])

    def ranks(self, data, texts, owners):
        """LAVIS's rule in plain loops, over the cosines and logits that `match` gives."""
        rows = rows_of(blip2("match", *data, "--text", *texts, "--model", self.stage1, "--max-text-length", 35,
                             "--format", "jsonl").stdout)
        width = len(texts)
        def recalls(by_image, by_text):
            at = lambda all_ranks, k: 100 * sum(rank < k for rank in all_ranks) / len(all_ranks)
            def rank(score, others):  # no candidate: found nowhere
                return sum(other > score for other in others) if score > -100 else math.inf
            text_ranks = [min(rank(by_image[i][j], by_image[i]) for j in range(width) if owners[j] == i)
                          for i in range(len(data))]
            image_ranks = [rank(by_text[owners[j]][j], [row[j] for row in by_text]) for j in range(width)]
            return {f"{side}_r{k}": at(found, k) for side, found in (("txt", text_ranks), ("img", image_ranks)) for k in (1, 5, 10)}
        cosines = [[row["itc"] for row in rows[i * width:(i + 1) * width]] for i in range(len(data))]
        yes = [[row["itm_logits"][1] for row in rows[i * width:(i + 1) * width]] for i in range(len(data))]
        def best(scores, k, own=lambda place: True):
            return sorted(range(len(scores)), key=lambda place: (-scores[place], not own(place)))[:k]
        def reranked(k):
            by_image = [[-100.0] * width for _ in data]
            by_text = [[-100.0] * width for _ in data]
            for i, row in enumerate(cosines):
                for j in best(row, k, lambda j: owners[j] == i):
                    by_image[i][j] = row[j] + yes[i][j]
            for j in range(width):
                for i in best([row[j] for row in cosines], k):
                    by_text[i][j] = cosines[i][j] + yes[i][j]
            return recalls(by_image, by_text)
        return recalls(cosines, cosines), reranked

    def test_a_text_is_right_for_its_own_picture_alone(self):
        names = ("red", "green", "blue", "white")
        pictures = [self.folder / f"{number}.png" for number in range(12)]
        for number, path in enumerate(pictures):
            path.write_bytes(png(30 + number, 40, (20 * number, 255 - 20 * number, 30 + 50 * (number % 4))))
        # Three texts each; a third of them stands under the next picture too.
        texts, owners = [], []
        for number in range(12):
            for text in (f"a {names[number % 4]} square {number}", f"a {names[number % 4]} square {(number + 1) % 12}", f"the {number}th"):
                texts.append(text)
                owners.append(number)
        texts[1::3] = [texts[(3 * number + 3) % 36] for number in range(12)]
        self.assertLess(len(set(texts)), 36)
        itc, reranked = self.ranks(pictures, texts, owners)
        data = self.folder / "shared.jsonl"
        data.write_text("".join(json.dumps({"image": path.name, "caption": texts[3 * i:3 * i + 3]}) + "\n"
                                for i, path in enumerate(pictures)))
        shuffled = [{"image": pictures[owner].name, "caption": text} for text, owner in zip(texts, owners)]
        rows = self.folder / "rows.jsonl"
        rows.write_text("".join(json.dumps(row) + "\n" for row in sorted(shuffled, key=lambda row: texts.index(row["caption"]) % 3)))
        for k in (0, 4, 128):
            for file in (data, rows):
                result = blip2("evaluate", "--model", self.stage1, "--task", "retrieval", "--data", file, "--rerank", k,
                               "--output", self.folder / "scores")
                self.assertEqual(result.returncode, 0, result.stderr)
                metrics = json.loads(result.stdout)
                self.assertEqual((metrics["num_images"], metrics["num_texts"]), (12, 36))
                for name, value in (reranked(k) if k > 0 else itc).items():
                    self.assertAlmostEqual(metrics[name], value, places=6, msg=f"{name} of {file.name}, --rerank {k}")
                    self.assertAlmostEqual(metrics["itc"][name], itc[name], places=6)

    def test_a_row_for_each_caption_is_a_row_for_each_picture(self):
        names = ("red", "green", "blue", "white")
        said = {row["image"]: row["captions"][0] for row in
                rows_of(blip2("caption", self.pictures, "--model", self.stage2, "--max-new-tokens", 5, "--format", "jsonl").stdout)}
        captions = [[said[str(self.pictures / f"{name}.png")], f"a {name} kite", f"the tower {number}"]
                    for number, name in enumerate(names)]
        pictures = [{"image": f"{name}.png", "caption": captions[i], "image_id": i} for i, name in enumerate(names)]
        spelt = (lambda i: i, lambda i: float(i), lambda i: str(i), lambda i: f"{i}.0")
        rows = [{"image": f"{name}.png", "caption": captions[i][turn], "image_id": spelt[(i + turn) % 4](i)}
                for turn in range(3) for i, name in enumerate(names)]
        expected = None
        for number, lines in enumerate((pictures, rows, sorted(rows, key=lambda row: row["caption"]), rows[::-1])):
            data = self.folder / f"{number}.jsonl"
            data.write_text("".join(json.dumps(line) + "\n" for line in lines))
            output = self.folder / f"out{number}"
            result = blip2("evaluate", "--model", self.stage2, "--task", "caption", "--data", data, "--images", self.pictures,
                           "--output", output, "--max-new-tokens", 5)
            self.assertEqual(result.returncode, 0, result.stderr)
            metrics = json.loads(result.stdout)
            expected = expected or metrics
            for name in ("Bleu_1", "Bleu_4", "ROUGE_L", "CIDEr"):
                self.assertAlmostEqual(metrics[name], expected[name], places=9, msg=name)
            self.assertEqual(metrics["num_images"], 4)
            self.assertAlmostEqual(metrics["ROUGE_L"], 1, places=6)
            predictions = json.loads((output / "predictions.json").read_text())
            self.assertEqual({row["image_id"]: row["caption"] for row in predictions},
                             {i: captions[i][0].strip() for i in range(4)})
            self.assertEqual(len(predictions), 4)

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
