#!/usr/bin/env python3
"""`blip2 train` and `blip2 config show`: faults, sources of values, runs that resume."""
import json
import math
import pathlib
import shutil
import unittest

from support import CommandLineCase, ModelCase, blip2, log_rows, png, read_tensors, rows_of, write_shard, write_tensors


class WithoutModel(CommandLineCase):
    def test_resume_is_checked_before_anything_is_read(self):
        self.assert_error(blip2("train", "gone.yaml", "--resume", "maybe"), 2, "--resume", "auto, never", "\"maybe\"")

    def test_configuration_faults(self):
        config = self.folder / "run.yaml"
        self.assert_error(blip2("train", config), 1, "run.yaml")
        config.write_text("run:\n  max_stebs: 3\n")
        result = blip2("config", "show", config)
        self.assertEqual(result.returncode, 2)
        self.assertIn("max_steps", result.stderr)
        self.assertEqual(result.stdout, "")
        for line in result.stderr.splitlines():
            self.assertTrue(line.startswith("blip2: "), line)
        lacking = {line.removeprefix(f"blip2: {config}") for line in result.stderr.splitlines()}
        self.assertIn(": run.output_dir: expected a folder, found nothing", lacking)
        config.write_text("run: {max_steps: 3\n")
        self.assert_error(blip2("config", "show", config), 2, "run.yaml:2: expected YAML")

    def test_config_show_names_the_option_that_a_value_is_from(self):
        config = self.folder / "run.yaml"
        config.write_text("model: {arch: blip2, image_encoder: clip_L, qformer: bert-base}\n"
                          "datasets: {x: {format: jsonl, annotations: x.jsonl}}\n"
                          "run: {task: image_text_pretrain_stage1, output_dir: out}\n")
        shown = blip2("config", "show", config, "--seed", 7, "--dtype", "bfloat16", "--set", "run.seed=3").stdout
        self.assertRegex(shown, r"  seed: 7 +# --seed\n")
        self.assertRegex(shown, r"  frozen_dtype: bfloat16 +# --dtype\n")
        self.assert_error(blip2("config", "show", config, "--set", "datasets.x.format=foo"), 2, "datasets.x.format", "foo")


class WithModels(ModelCase):
    def test_a_shard_trains_as_files_do(self):
        members, lines = [], []
        for name in ("white", "bad", "red", "blue", "green"):
            picture = b"no picture" if name == "bad" else (self.pictures / f"{name}.png").read_bytes()
            caption = {"image": f"{name}.png", "caption": f"a {name} square"}
            (self.folder / f"{name}.png").write_bytes(picture)
            lines.append(json.dumps(caption) + "\n")
            members += [(f"{name}.json", lines[-1].encode()), (f"{name}.png", picture)]
        write_shard(self.folder / "00000.tar", members)
        (self.folder / "pairs.jsonl").write_text("".join(lines))
        (self.folder / "shouted.jsonl").write_text("".join(lines).replace('"a ', '"  A ').replace("square", "SQUARE!"))
        logs = []
        for form, place in (("jsonl", "pairs.jsonl"), ("webdataset", "00000.tar"), ("jsonl", "shouted.jsonl")):
            run = self.folder / place.split(".")[0]
            result = blip2("train", self.shared / "stage1.yaml", *(
                word for value in (f"datasets.squares.format={form}", f"run.output_dir={run}",
                                   f"datasets.squares.annotations={self.folder / place}",
                                   f"datasets.squares.images={self.folder if form == 'jsonl' else ''}",
                                   f"run.clean_captions={str(place.startswith('shouted')).lower()}",
                                   "run.shuffle=false", "run.max_skipped_fraction=0.5", "run.log_every=1",
                                   f"datasets.squares.feature_cache={self.folder / 'features' / place}")
                for word in ("--set", value)))
            self.assertEqual(result.returncode, 0, result.stderr)
            logs.append([json.loads(line)["loss"] for line in (run / "log.jsonl").read_text().splitlines()])
            skipped = [json.loads(line) for line in (run / "skipped.jsonl").read_text().splitlines()]
            self.assertEqual(len(skipped), 1)
            self.assertEqual(skipped[0]["source"], "squares")
            self.assertIn("bad", skipped[0]["key"])
            self.assertIn("bad.png", skipped[0]["reason"])
        self.assertEqual(logs[0], logs[1])
        self.assertEqual(logs[0], logs[2])  # cleaned

    def contrast_at_the_start(self, pictures, captions, temperature):
        """ITC over pairs of their own, each picture with its own text alone: the formula in plain loops."""
        features = self.folder / "features.safetensors"
        result = blip2("embed", *pictures, "--text", *captions, "--model", self.stage1, "--features", "itc_image,itc_text",
                       "--output", features)
        self.assertEqual(result.returncode, 0, result.stderr)
        tensors = read_tensors(features)
        (n, queries, width), images = tensors["itc_image"]
        texts = tensors["itc_text"][1]
        def cosine(i, q, j):
            return sum(images[(i * queries + q) * width + e] * texts[j * width + e] for e in range(width))
        scores = [[max(cosine(i, q, j) for q in range(queries)) / temperature for j in range(n)] for i in range(n)]
        total = 0
        for matrix in (scores, list(zip(*scores))):
            for i, row in enumerate(matrix):
                log_sum = math.log(sum(math.exp(score) for score in row))
                total -= sum((0.9 * (i == j) + 0.1 / n) * (score - log_sum) for j, score in enumerate(row)) / n / 2
        return total

    def test_shards_of_one_name_and_key_hold_different_pictures(self):
        names = ("red", "green", "blue", "white")
        for place, second in (("alike", "00000.tar"), ("apart", "00001.tar"), ("bad", "00000.tar")):
            for first, path in ((0, f"{place}/cc3m/00000.tar"), (2, f"{place}/sbu/{second}")):
                (self.folder / path).parent.mkdir(parents=True)
                members = []
                for key, name in enumerate(names[first:first + 2]):
                    picture = (self.pictures / f"{name}.png").read_bytes()
                    if place == "bad" and key == 1:
                        picture = b"no picture"
                    members += [(f"{key:09}.png", picture), (f"{key:09}.txt", f"a {name} square".encode())]
                write_shard(self.folder / path, members)
        def train(place, *settings):
            run = self.folder / "-".join((place, "run", *settings)).replace("=", "-")
            common = ("datasets.squares.format=webdataset", f"datasets.squares.images={self.folder / place}",
                      "datasets.squares.annotations=[]", f"model.qformer={self.stage1}", f"run.output_dir={run}",
                      "run.shuffle=false", "run.drop_rate=0", "run.max_steps=1", "run.log_every=1", *settings)
            result = blip2("train", self.shared / "stage1.yaml", *(word for value in common for word in ("--set", value)))
            self.assertEqual(result.returncode, 0, result.stderr)
            return json.loads((run / "log.jsonl").read_text().splitlines()[0]), run
        for settings in (("run.task=finetune_retrieval", "model.freeze_vit=true", "datasets.squares.image_size=224"),
                         ("run.mask_same_image=true",)):
            alike, apart = (train(place, "run.batch_size_train=4", *settings)[0] for place in ("alike", "apart"))
            self.assertEqual(alike["loss"], apart["loss"])
            expected = self.contrast_at_the_start([self.pictures / f"{name}.png" for name in names],
                                                  [f"a {name} square" for name in names], alike["temperature"])
            self.assertAlmostEqual(alike["loss_itc"], expected, delta=1e-4 * expected)
        _, run = train("bad", "run.batch_size_train=2", "run.max_steps=2", "run.max_skipped_fraction=0.9")
        skipped = [json.loads(line) for line in (run / "skipped.jsonl").read_text().splitlines()]
        self.assertEqual([(row["source"], row["record"], row["file"], row["key"]) for row in skipped],
                         [("squares", number, str(shard), str(shard / "000000001")) for number, shard in
                          ((1, self.folder / "bad/cc3m/00000.tar"), (3, self.folder / "bad/sbu/00000.tar"))])

    def test_train_replaces_nobodys_configuration(self):
        own = self.folder / "own"
        own.mkdir()
        config, elsewhere = own / "config.yaml", self.folder / "run.yaml"
        mine = "# tuned by hand\n" + (self.shared / "stage1.yaml").read_text().replace(str(self.shared / "stage1"), str(own))
        for path in (config, elsewhere):
            path.write_text(mine)
        self.assert_error(blip2("train", config), 2, f"{config}: the run would replace", "run.output_dir")
        self.assert_error(blip2("train", elsewhere), 2, f"{config}: expected no file or", str(elsewhere))
        self.assertEqual([path.name for path in own.iterdir()], ["config.yaml"])
        self.assertEqual(config.read_text(), mine)
        config.unlink()
        (own / "log.jsonl").write_text("my log\n")
        self.assert_error(blip2("train", elsewhere), 1, f"{own / 'log.jsonl'}:1: expected a row")
        self.assertEqual([path.name for path in own.iterdir()], ["log.jsonl"])

    def test_train_goes_on_from_its_own_configuration(self):
        run = self.folder / "run"
        result = blip2("train", self.shared / "stage1.yaml", "--set", f"run.output_dir={run}", "--set", "run.log_every=1")
        self.assertEqual(result.returncode, 0, result.stderr)
        resolved = (run / "config.yaml").read_text()
        finished = blip2("train", run / "config.yaml")
        self.assertEqual(finished.returncode, 0, finished.stderr)
        self.assertIn("nothing to do", finished.stderr)
        longer = blip2("train", run / "config.yaml", "--set", "run.max_steps=3")
        self.assertEqual(longer.returncode, 0, longer.stderr)
        self.assertEqual((run / "config.yaml").read_text(), resolved.replace("max_steps: 2", "max_steps: 3"))
        self.assertEqual([row["step"] for row in rows_of((run / "log.jsonl").read_text())], [1, 2, 3])

    def test_a_run_resumes_with_its_data_and_at_its_sample(self):
        names = ["red", "green", "blue", "white"]
        lines = [json.dumps({"image": f"{names[i % 4]}.png", "caption": f"a {names[i % 4]} square {i}"}) for i in range(12)]
        data, begun = self.folder / "data.jsonl", self.folder / "begun"

        def train(output, *settings, options=()):
            values = [f"datasets.squares.annotations={data}", f"run.output_dir={output}", "run.max_steps=6", "run.log_every=1",
                      "run.checkpoint_every=3", *settings]
            return blip2("train", self.shared / "stage1.yaml", *options, *(word for value in values for word in ("--set", value)))

        def resumed(name, rows, *settings, options=()):
            """A run that stopped after step 3, continued with `rows` in its list; the rows of its log."""
            output = self.folder / name
            shutil.copytree(begun, output)
            data.write_text("\n".join(rows) + "\n")
            return train(output, *settings, options=options), output

        data.write_text("\n".join(lines) + "\n")
        straight = self.folder / "straight"
        self.assertEqual(train(straight).returncode, 0)
        shutil.copytree(straight, begun)
        for folder in ("model", "checkpoints/step-000000006"):
            shutil.rmtree(begun / folder)

        same, output = resumed("same", lines, "run.num_workers=3", "run.log_every=2", "run.keep_checkpoints=2")
        self.assertEqual(same.returncode, 0, same.stderr)
        self.assertNotIn("warning", same.stderr)
        weights = "model/model.safetensors"
        self.assertEqual((output / weights).read_bytes(), (straight / weights).read_bytes())

        for name, rows, words in (
                ("longer", lines + lines[:2], "14 records instead of 12; the first 12 records are the same"),
                ("shorter", lines[:8], "8 records instead of 12; the first 8 records are the same"),
                ("turned", lines[::-1], "the same in another order; the first difference is at record 1"),
                ("reworded", [*lines[:5], lines[5].replace("square", "field"), *lines[6:]], "the first difference is at record 6")):
            refused, output = resumed(name, rows)
            self.assertEqual(refused.returncode, 2, refused.stderr)
            for word in ("datasets.squares has", words, "--resume-changed-data", "the snapshot of step 3"):
                self.assertIn(word, refused.stderr.splitlines()[-1])
            self.assertEqual(log_rows(output), log_rows(begun))
        taken = train(output, options=["--resume-changed-data"])
        self.assertEqual(taken.returncode, 0, taken.stderr)
        self.assertIn("of the 6 samples that it has seen, some may come again", taken.stderr)
        self.assertEqual(len(log_rows(output)), 6)

        larger, output = resumed("larger", lines, "run.batch_size_train=4")
        self.assertEqual(larger.returncode, 0, larger.stderr)
        self.assertIn("a step has 4 samples from step 4 on, 2 before", larger.stderr)
        self.assertIn("epoch 0: 6 of 12 samples are left, 1 batch of 4", larger.stderr)
        self.assertIn("its last 2 samples do not fill a batch and are not seen", larger.stderr)
        self.assertEqual([row["epoch"] for row in log_rows(output)], [0, 0, 0, 0, 1, 1])

    def test_frozen_parts_train_in_bfloat16(self):
        config = self.shared / "stage2.yaml"
        losses = []
        for dtype in ("float32", "bfloat16"):
            output = self.folder / dtype
            result = blip2("train", config, "--set", f"run.output_dir={output}", "--set",
                           "run.log_every=1", "--dtype", dtype)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertIn(f"frozen_dtype: {dtype}", (output / "config.yaml").read_text())
            losses.append([row["loss_lm"] for row in rows_of((output / "log.jsonl").read_text())])
            sizes = {path.name: path.stat().st_size for path in (output / "model").iterdir()}
            self.assertEqual(sizes, {path.name: path.stat().st_size for path in self.stage2.iterdir()})
        for exact, narrow in zip(*losses, strict=True):
            self.assertTrue(0 < abs(exact - narrow) < 0.05 * exact, losses)

    def test_a_prompt_longer_than_the_text_is_refused(self):
        result = blip2("train", self.shared / "stage2.yaml", "--set", "model.prompt=A picture of",
                       "--set", "model.max_txt_len=3", "--set", f"run.output_dir={self.folder}")
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn("model.max_txt_len", result.stderr.splitlines()[-1])

    def test_six_faults_are_told_at_once_before_the_first_step(self):
        language_model = self.folder / "opt"  # no tokenizer beside it
        language_model.mkdir()
        (language_model / "config.json").write_text(json.dumps(
            {"model_type": "opt", "hidden_size": 8, "ffn_dim": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
             "vocab_size": 9, "max_position_embeddings": 16}))
        write_tensors(language_model / "model.safetensors", {"model.decoder.embed_tokens.weight": [9, 8]})
        encoder = self.folder / "vit"  # 8 wide; the stage-1 model looks at tokens 1280 wide
        encoder.mkdir()
        (encoder / "config.json").write_text(json.dumps(
            {"model_type": "blip_2_vision_model", "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1,
             "num_attention_heads": 2, "image_size": 224, "patch_size": 56}))
        write_tensors(encoder / "model.safetensors", {"embeddings.class_embedding": [1, 1, 8]})
        config = self.folder / "run.yaml"
        config.write_text(f"""
model:
  arch: blip2_opt
  image_encoder: {encoder}
  qformer: {self.stage1}
  language_model: {language_model}
datasets:
  squares:
    format: jsonl
    annotations: {self.folder / 'gone.jsonl'}
    images: {self.pictures}
run:
  task: image_text_pretrain_stage2
  output_dir: {self.folder / 'out'}
  max_stepz: 2
  batch_size_train: two
  drop_rate: 1.5
""")
        result = blip2("train", config)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertEqual(result.stdout, "")
        lines = sorted(result.stderr.splitlines())
        self.assertEqual(len(lines), 6, result.stderr)
        for line, words in zip(sorted(lines), (
                (":10: datasets.squares.annotations:", "gone.jsonl"),
                (":15: run.max_stepz:", "'max_steps'"),
                (":16: run.batch_size_train:", "an integer", "\"two\""),
                (":17: run.drop_rate:", "1.5"),
                (":4: model.image_encoder:", "expected image tokens of width 1280", "found 8"),
                (":6: model.language_model:", "tokenizer"))):
            self.assertTrue(line.startswith(f"blip2: {config}{words[0]}"), line)
            for word in words[1:]:
                self.assertIn(word, line)
        self.assertFalse((self.folder / "out").exists())

    def test_lavis_files_are_read(self):
        published = pathlib.Path(__file__).parents[1] / "golden/lavis"
        shown = blip2("config", "show", published / "pretrain_stage1.yaml", "--set",
                      f"datasets.vg_caption.images={self.pictures}")
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertRegex(shown.stdout, r"warmup_steps: 5000 +# .*pretrain_stage1.yaml:\d+\n")
        self.assertRegex(shown.stdout, r"images: \S+ +# --set\n")
        warnings = shown.stderr.splitlines()
        self.assertEqual(len(warnings), 5, shown.stderr)
        for line in warnings:
            self.assertRegex(line, r"warning: \S+pretrain_stage1.yaml:\d+: run\.\w+: ignored: ")
        asked = blip2("train", published / "pretrain_stage1.yaml")
        self.assertEqual(asked.returncode, 2, asked.stderr)
        self.assertIn("--set model.qformer=PATH", asked.stderr)

    def test_config_show_names_sources(self):
        result = blip2("config", "show", self.shared / "stage1.yaml", "--set", "run.max_steps=9")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout, r"max_steps: 9 +# --set")
        self.assertRegex(result.stdout, r"batch_size_train: 2 +# .*stage1.yaml:\d+")


if __name__ == "__main__":
    unittest.main()
