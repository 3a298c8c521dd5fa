#!/usr/bin/env python3
"""The program as its users meet it: exit statuses, rows, errors. Standard library alone.

BLIP2_BINARY is the program. BLIP2_ASSETS (else ~/.cache/blip2) holds what tools/fetch_assets fetched; the models are made
from it by `train` with a handful of steps, once for all tests, in a temporary folder.
"""
import json
import os
import pathlib
import pty
import signal
import struct
import subprocess
import tempfile
import time
import unittest
import zlib

from support import (BERT, BINARY, ENCODER, LANGUAGE_MODEL, png, require_assets, write_shard,
                     write_tensors)


def blip2(*arguments, stdin="", timeout=300, cwd=None):
    """The finished process; rows and messages as text."""
    environment = dict(os.environ, OMP_WAIT_POLICY="PASSIVE", OMP_NUM_THREADS="2")
    return subprocess.run([BINARY, *map(str, arguments)], input=stdin, timeout=timeout, cwd=cwd,
                          capture_output=True, text=True, env=environment)


def without_a_reader(*arguments):
    """The finished process, whose stdout nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        return subprocess.run([BINARY, *map(str, arguments)], stdout=writing, stderr=subprocess.PIPE, text=True, timeout=300)
    finally:
        os.close(writing)


def limited(limit, *arguments):
    """The finished process under a limit of the shell, such as "ulimit -f 1" (blocks of 1024 bytes)."""
    return subprocess.run(["bash", "-c", f"trap '' XFSZ; {limit}; exec \"$@\"", "-", BINARY, *map(str, arguments)],
                          env=dict(os.environ, OMP_NUM_THREADS="2"), capture_output=True, text=True, timeout=300)


def rows_of(text):
    """JSONL rows, checked to be one a line with no control character but the line feed."""
    assert text == "" or text.endswith("\n"), text
    for character in text:
        code = ord(character)
        control = code < 0x20 or 0x7F <= code <= 0x9F or code in (0x2028, 0x2029)
        assert character == "\n" or not control, hex(code)
    return [json.loads(line) for line in text.split("\n")[:-1]]


class CommandLineCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def assert_error(self, result, status, *words):
        """Exit status, nothing on stdout, one line on stderr that says `words`."""
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertEqual(result.stdout, "")
        lines = result.stderr.splitlines()
        self.assertEqual(len(lines), 1, result.stderr)
        self.assertTrue(lines[0].startswith("blip2: "), lines[0])
        for word in words:
            self.assertIn(word, lines[0])


class WithoutModel(CommandLineCase):
    def test_version_is_quick(self):
        best = 1e9
        for _ in range(20):  # the machine may be busy: once is enough
            start = time.monotonic()
            result = blip2("--version")
            best = min(best, time.monotonic() - start)
            if best < 0.5:
                break
        self.assertEqual(result.returncode, 0)
        for word in ("blip2 ", "torch ", "CPU features: ", "devices: cpu"):
            self.assertIn(word, result.stdout)
        self.assertEqual(result.stderr, "")
        self.assertLess(best, 0.5)

    def test_help_names_every_verb_and_every_verb_has_help(self):
        overview = blip2("--help")
        self.assertEqual(overview.returncode, 0)
        verbs = ["demo", "train", "config show", "caption", "answer", "match", "zero-shot", "embed",
                 "search", "index build", "evaluate", "report", "inspect", "convert", "tokenize",
                 "data inspect", "capfilt", "capfilt status"]
        for verb in verbs:
            self.assertIn(f"  {verb} ", overview.stdout)
            result = blip2(*verb.split(), "--help")
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertIn(f"blip2 {verb}", result.stdout)
            for option in ("--device", "--dtype", "--threads", "--seed", "--log-level",
                           "--log-json"):
                self.assertIn(option, result.stdout)
        for verb in ("quantize", "serve", "bench"):
            self.assertNotIn(verb, overview.stdout)

    def test_help_of_caption_names_the_generation_options(self):
        text = blip2("caption", "--help").stdout
        for option in ("--max-new-tokens --min-new-tokens --max-length --min-length --num-beams "
                       "--length-penalty --early-stopping --no-repeat-ngram-size "
                       "--repetition-penalty --do-sample --temperature --top-k --top-p "
                       "--num-return-sequences --stop --prompt --batch-size --model "
                       "--exif-rotate --max-image-pixels --format").split():
            self.assertIn(option, text)

    def test_help_is_a_word_too(self):
        self.assertEqual(blip2("help").stdout, blip2("--help").stdout)
        self.assertEqual(blip2("help", "index", "build").stdout, blip2("index", "build", "--help").stdout)
        self.assertEqual(blip2("help", "caption").returncode, 0)
        self.assert_error(blip2("help", "captoin"), 2, "captoin", "'caption'")

    def test_help_says_what_must_be_given_and_offers_nothing_that_is_refused(self):
        for verb in ("caption", "answer", "match", "zero-shot", "embed", "index build", "evaluate", "tokenize"):
            self.assertRegex(blip2(*verb.split(), "--help").stdout, r"--model DIR .*\(required\)", verb)
        self.assertNotRegex(blip2("search", "--help").stdout, r"--model DIR .*\(required\)")
        text = blip2("evaluate", "--help").stdout
        self.assertIn("--task caption|retrieval", text)
        self.assertNotIn("vqa", text)
        self.assertNotIn("float16", text.replace("bfloat16", ""))
        text = blip2("capfilt", "--help").stdout
        for option in ("--captioner DIR", "--ranker DIR", "--matcher DIR", "--output DIR", "--report FILE.html"):
            self.assertIn(option, text)

    def test_no_arguments(self):
        result = blip2()
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertEqual(result.stderr, blip2("--help").stdout)

    def test_half_a_verb(self):
        for first, whole in (("index", "index build"), ("config", "config show"), ("data", "data inspect")):
            self.assert_error(blip2(first), 2, f"'{first}': did you mean '{whole}'?")
            self.assertEqual(blip2(first, "--help").stdout, blip2(*whole.split(), "--help").stdout)

    def test_unknown_words_name_the_nearest(self):
        self.assert_error(blip2("captoin", "x.png"), 2, "captoin", "'caption'")
        self.assert_error(blip2("caption", "--modle", "x", "y.png"), 2, "--modle", "'--model'")
        self.assert_error(blip2("caption", "--num_beams=3", "--model", "x", "y.png"), 2,
                          "--num_beams", "'--num-beams'")
        self.assert_error(blip2("index", "make"), 2, "index build")
        self.assert_error(blip2("capfilt", "status"), 2, "DIR")
        self.assert_error(blip2("capfilt", "a.tar", "--num-keep", "3"), 2, "--num-keep", "'--num-kept'")
        self.assert_error(blip2("--model", "x"), 2, "verb")
        for far in (("zzz",), ("caption", "x.png", "--model", "y", "--zzz"),
                    ("embed", "x.png", "--model", "y", "--output", "z", "--do")):
            result = blip2(*far)
            self.assert_error(result, 2, far[-1])
            self.assertNotIn("did you mean", result.stderr)
        self.assert_error(blip2("caption", "x.png", "--model", "y", "--max-image"), 2, "'--max-image-pixels'")

    def test_verbs_of_later_versions(self):
        for verb in ("score", "quantize", "serve", "bench"):
            self.assert_error(blip2(verb, "inspect", "--anything"), 2, verb, "not in this version")
        self.assert_error(blip2("evaluate", "run.yaml"), 2, "not in this version")

    def test_wrong_values(self):
        model = ("--model", "nowhere", "x.png")
        self.assert_error(blip2("caption", "--batch-size", "0", *model), 2, "--batch-size", "'0'")
        self.assert_error(blip2("caption", "--batch-size", "8x", *model), 2, "'8x'")
        self.assert_error(blip2("caption", "--temperature", "nan", *model), 2, "--temperature")
        self.assert_error(blip2("caption", "--format", "xml", *model), 2, "text, jsonl", "'xml'")
        self.assert_error(blip2("caption", "--device", "tpu", *model), 2, "--device", "'tpu'")
        self.assert_error(blip2("caption", "--device", "cuda:1", *model), 2, "cuda:1")
        self.assert_error(blip2("caption", "--dtype", "float16", *model), 2, "float16", "not in this version")
        self.assert_error(blip2("caption", "--dtype", "int8", *model), 2, "auto, float32, bfloat16", "'int8'")
        self.assert_error(blip2("evaluate", "--task", "captions", "--model", "x", "--data", "y"), 2, "'captions'")
        self.assert_error(blip2("caption", "--log-level", "loud", *model), 2, "'loud'")
        self.assert_error(blip2("caption", "--seed", "-1", *model), 2, "--seed")
        self.assert_error(blip2("caption", "x.png"), 2, "--model")
        self.assert_error(blip2("caption", "--model", "x"), 2, "IMAGE")
        self.assert_error(blip2("caption", *model, "--prompt"), 2, "--prompt: expected TEXT, found nothing")
        self.assert_error(blip2("match", *model, "--text"), 2, "--text: expected TEXT, found nothing")
        self.assert_error(blip2("caption", *model, "--prompt", "a", "--prompt", "b"), 2,
                          "--prompt: expected one value, found 2: 'a', 'b'")
        for option, value in (("--num-beams", 0), ("--num-beams", 100_000), ("--num-return-sequences", 100_000),
                              ("--top-p", 1.5), ("--temperature", 0), ("--max-new-tokens", 0)):
            self.assert_error(blip2("caption", *model, option, value), 2, f"{option}: expected a ", f"'{value}'")

    def test_a_switch_is_true_or_false(self):
        for switch in ("--do-sample", "--log-json", "--exif-rotate"):
            self.assert_error(blip2("caption", "x.png", "--model", "nowhere", f"{switch}=maybe"), 2,
                              f"{switch}: expected true or false, found 'maybe'")
        self.assert_error(blip2("caption", "x.png", "--model", "nowhere", "--log-json=false", "--do-sample=true",
                                "--exif-rotate", "--exif-rotate"), 1, "nowhere")

    def test_an_error_is_one_line(self):
        self.assert_error(blip2("inspect", "no\nsuch\tplace\x1b[31m"), 1, "no\\nsuch\\tplace\\x1b[31m")
        self.assert_error(blip2("caption", "x.png", "--model", "no\u2028place"), 1, "no\\u2028place")

    def test_queries_are_looked_at_before_anything_is_read(self):
        picture = self.folder / "a.png"
        picture.write_bytes(png(8, 8, (255, 0, 0)))
        self.assert_error(blip2("search", "a cat", picture, "--index", "nowhere", "--rerank", 2), 2, "--rerank", picture.name)
        for query in (self.folder / "gone.png", self.folder):
            warning, error = blip2("search", "a cat", query, "--index", "nowhere").stderr.splitlines()
            self.assertIn(f"warning: {query}: ", warning)
            self.assertIn("searched as a text", warning)
            self.assertTrue(error.startswith("blip2: nowhere: "), error)

    def waiting_for_paths(self, **options):
        """A process that has read one path from stdin and waits for more; it would end in status 1."""
        process = subprocess.Popen([BINARY, "caption", "-", "--model", str(self.folder / "gone")], text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        self.addCleanup(process.kill)
        process.stdin.write("a.png\n")
        process.stdin.flush()
        waiting = pathlib.Path(f"/proc/{process.pid}/syscall")
        for _ in range(600):  # until it reads stdin again: system call 0 of descriptor 0
            time.sleep(0.05)
            if waiting.read_text().startswith("0 0x0 "):
                break
        time.sleep(0.2)
        return process

    @unittest.skipUnless(os.uname().machine == "x86_64", "knows system calls by number")
    def test_an_interrupt_while_paths_are_awaited(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process = self.waiting_for_paths()
            process.send_signal(number)
            stdout, stderr = process.communicate(timeout=60)
            self.assertEqual((process.returncode, stdout, stderr), (130, "", "blip2: interrupted\n"), number)

    @unittest.skipUnless(os.uname().machine == "x86_64", "knows system calls by number")
    def test_a_closed_terminal_is_nothing_to_nohup(self):
        process = self.waiting_for_paths(preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        process.send_signal(signal.SIGHUP)
        _, stderr = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1)
        self.assertIn("gone", stderr)

    def test_resume_is_checked_before_anything_is_read(self):
        self.assert_error(blip2("train", "gone.yaml", "--resume", "maybe"), 2, "--resume", "auto, never", "'maybe'")

    def test_missing_and_lying_model_directories(self):
        picture = self.folder / "a.png"
        picture.write_bytes(png(8, 8, (255, 0, 0)))
        self.assert_error(blip2("caption", picture, "--model", self.folder / "gone"), 1, "gone")
        model = self.folder / "model"
        model.mkdir()
        self.assert_error(blip2("caption", picture, "--model", model), 1, "config.json")
        for text in ("", "{", "[]", '{"model_type": "blip-2"}', '{"model_type": "gpt2"}',
                     '{"model_type": "blip-2", "architectures": ["Blip2ForImageTextRetrieval"], '
                     '"qformer_config": {"hidden_size": 99999999999999}}'):
            (model / "config.json").write_text(text)
            result = blip2("caption", picture, "--model", model)
            self.assert_error(result, 1, str(model))

    def test_log_json_is_json_for_a_wrong_command_line_too(self):
        result = blip2("caption", "x.png", "--no-such-option", "--log-json")
        self.assertEqual(result.returncode, 2)
        self.assertIn("--no-such-option", json.loads(result.stderr)["message"])

    def test_log_json_is_json(self):
        result = blip2("caption", "x.png", "--model", self.folder / "gone\n", "--log-json")
        self.assertEqual(result.returncode, 1)
        for line in result.stderr.splitlines():
            self.assertIn("message", json.loads(line))

    def test_missing_index(self):
        self.assert_error(blip2("search", "a cat", "--index", self.folder), 1, "index.json")

    def test_a_full_disk_is_said(self):
        for arguments in (("--version",), ("--help",), ("caption", "--help")):
            with open("/dev/full", "w") as full:
                result = subprocess.run([BINARY, *arguments], stdout=full, stderr=subprocess.PIPE, text=True)
            self.assertEqual(result.returncode, 1, arguments)
            self.assertEqual(result.stderr, "blip2: stdout: cannot write: No space left on device\n")

    def test_a_reader_that_has_gone_is_no_crash(self):
        for arguments in (("--version",), ("caption", "--help")):
            result = without_a_reader(*arguments)
            self.assertEqual((result.returncode, result.stderr), (1, "blip2: stopped: nobody reads stdout any more\n"))
        reading, writing = os.pipe()
        os.close(reading)
        result = subprocess.run([BINARY, "inspect", "gone"], stdout=writing, stderr=writing)
        os.close(writing)
        self.assertEqual(result.returncode, 1)

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

    def test_data_inspect(self):
        (self.folder / "there.png").write_bytes(png(2, 2, (1, 2, 3)))
        captions = ["one", "two words", "three words\tand more", " ", "x " * 30, "last"]
        lines = [json.dumps({"image": "there.png" if i else "gone.png", "caption": text})
                 for i, text in enumerate(captions)]
        (self.folder / "pairs.jsonl").write_text("\n".join(lines) + "\n{broken\n")
        write_shard(self.folder / "00000.tar", [
            ("a.png", png(2, 2, (1, 2, 3))), ("a.json", b'{"caption": ["best", "second"]}'),
            ("b.png", png(2, 2, (1, 2, 3))), ("b.txt", b"by text")])
        config = self.folder / "run.yaml"
        config.write_text(f"""
datasets:
  pairs: {{format: jsonl, annotations: {self.folder / 'pairs.jsonl'}}}
  web: {{format: webdataset, annotations: {self.folder / '00000.tar'}}}
run: {{output_dir: {self.folder / 'out'}}}
""")
        result = blip2("data", "inspect", config, "--format", "jsonl")
        self.assertEqual(result.returncode, 0, result.stderr)
        pairs, web = rows_of(result.stdout)
        self.assertEqual((pairs["source"], pairs["records"], pairs["missing_pictures"], pairs["unusable"],
                          pairs["captions"]), ("pairs", 7, 1, 2, 5))
        self.assertIn("gone.png", pairs["first_missing"])
        self.assertIn("empty caption", pairs["first_unusable"])
        self.assertEqual(pairs["words"], {"min": 1, "median": 2, "mean": 7.6, "p95": 30, "max": 30})
        self.assertEqual(len({sample["record"] for sample in pairs["samples"]}), 5)
        self.assertEqual((web["format"], web["records"], web["missing_pictures"], web["captions"]),
                         ("webdataset", 2, 0, 3))
        self.assertEqual(web["samples"][0], {"record": 0, "key": "00000.tar/a",
                                             "image": str(self.folder / "00000.tar/a.png"),
                                             "captions": ["best", "second"]})
        few = rows_of(blip2("data", "inspect", config, "--format", "jsonl", "--records", 2).stdout)
        self.assertEqual([(row["records"], row["inspected"]) for row in few], [(7, 2), (2, 2)])
        text = blip2("data", "inspect", config).stdout
        for words in ("pairs (jsonl)", "records: 7", "missing pictures: 1 (the first: ", "words: 1 to 30",
                      "0\t00000.tar/a\t", "\tbest\tsecond\n"):
            self.assertIn(words, text)
        partly = blip2("data", "inspect", config, "--set", "datasets.pairs.annotations=none.jsonl", "--format", "jsonl")
        self.assertEqual(partly.returncode, 3, partly.stderr)
        failed, web = rows_of(partly.stdout)
        self.assertIn("none.jsonl", failed["error"])
        self.assertEqual((failed["source"], web["source"], len(partly.stderr.splitlines())), ("pairs", "web", 1))
        self.assert_error(blip2("data", "look", config), 2, "data inspect")

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

    def test_an_empty_path_is_named(self):
        self.assert_error(blip2("caption", "x.png", "--model", ""), 2, "--model: expected a path", "''")
        self.assert_error(blip2("caption", "", "--model", "x"), 2, "IMAGE: expected a path", "''")
        self.assert_error(blip2("match", "x.png", "--model=", "--text", ""), 2, "--model: expected a path")

    def test_an_output_that_cannot_be_written_is_said_at_once(self):
        (self.folder / "file").write_text("")
        page = self.folder / "file/page.html"
        self.assert_error(blip2("search", "a", "--index", self.folder, "--report", page), 1, str(self.folder / "file"))
        self.assert_error(blip2("report", self.folder, "--output", self.folder), 2, str(self.folder), "folder")

    def test_an_empty_folder_is_named(self):
        (self.folder / "pictures").mkdir()
        self.assert_error(blip2("evaluate", "--model", "x", "--task", "caption", "--format", "folder", "--data",
                                self.folder / "pictures"), 1, str(self.folder / "pictures"), "no picture")


class WithModels(CommandLineCase):
    """Verbs on two models of a few training steps."""

    @classmethod
    def setUpClass(cls):
        require_assets()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.shared = pathlib.Path(folder.name)
        cls.pictures = cls.shared / "pictures"
        cls.pictures.mkdir()
        colours = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (30, 40, 220),
                   "white": (255, 255, 255)}
        with open(cls.shared / "pairs.jsonl", "w", encoding="utf-8") as pairs:
            for name, colour in colours.items():
                (cls.pictures / f"{name}.png").write_bytes(png(40, 30, colour))
                pairs.write(json.dumps({"image": f"{name}.png", "caption": f"a {name} square",
                                        "image_id": len(name)}) + "\n")
        cls.stage1 = cls.train("stage1", "blip2", "image_text_pretrain_stage1", BERT)
        cls.stage2 = cls.train("stage2", "blip2_llama", "image_text_pretrain_stage2", cls.stage1)

    @classmethod
    def train(cls, name, arch, task, qformer):
        config = cls.shared / f"{name}.yaml"
        config.write_text(f"""
model:
  arch: {arch}
  image_encoder: {ENCODER}
  qformer: {qformer}
  {f'language_model: {LANGUAGE_MODEL}' if arch != 'blip2' else ''}
  num_query_token: 4
  embed_dim: 32
datasets:
  squares:
    format: jsonl
    annotations: {cls.shared / 'pairs.jsonl'}
    images: {cls.pictures}
    augment: none
run:
  task: {task}
  output_dir: {cls.shared / name}
  max_steps: 2
  batch_size_train: 2
  warmup_steps: 1
  num_workers: 1
""")
        result = blip2("train", config, "--set", "run.log_every=1")
        assert result.returncode == 0, result.stderr
        model = cls.shared / name / "model"
        assert (model / "config.json").exists(), result.stderr
        return model

    def notes(self):
        """A folder of somebody's with a folder `model` in it."""
        (self.folder / "project/model").mkdir(parents=True)
        (self.folder / "project/model/notes.txt").write_text("precious")
        return self.folder / "project"

    def bad_inputs(self):
        """A folder's worth of inputs in order: (path, is good)."""
        good = (self.pictures / "red.png").read_bytes()
        files = {"empty.png": b"", "cut.png": good[:len(good) // 2], "text.png": b"no picture",
                 "huge.png": png(4, 4, (1, 2, 3), declared=(100_000, 100_000))}
        inputs = [(self.pictures / "red.png", True)]
        for name, content in files.items():
            (self.folder / name).write_bytes(content)
            inputs += [(self.folder / name, False), (self.pictures / "blue.png", True)]
        return inputs + [(self.folder / "gone.png", False)]

    def assert_rows_in_order(self, result, inputs):
        self.assertEqual(result.returncode, 3, result.stderr)
        rows = rows_of(result.stdout)
        self.assertEqual([row["image"] for row in rows], [str(path) for path, _ in inputs])
        self.assertEqual(["error" not in row for row in rows], [good for _, good in inputs])
        self.assertEqual(len(result.stderr.splitlines()), sum(not good for _, good in inputs))
        return [row for row in rows if "error" not in row]

    def test_caption_among_bad_inputs(self):
        inputs = self.bad_inputs()
        result = blip2("caption", *(path for path, _ in inputs), "--model", self.stage2, "--format",
                       "jsonl", "--max-new-tokens", 4, "--batch-size", 2)
        for row in self.assert_rows_in_order(result, inputs):
            self.assertEqual(set(row), {"image", "captions", "scores", "tokens"})
            self.assertLessEqual(len(row["tokens"][0]), 4)
            self.assertEqual(row["captions"][0], row["captions"][0].strip())

    def test_a_bad_input_fails_alone(self):
        (self.folder / "empty").mkdir()
        write_shard(self.folder / "empty.tar", [])
        (self.folder / "no.tar").write_bytes(b"no tar")
        red = self.pictures / "red.png"
        inputs = [(self.folder / "empty", False), (self.folder / "empty.tar", False), (red, True),
                  (self.folder / "no.tar", False), ("x" * 300, False), (red, True)]
        result = blip2("match", *(path for path, _ in inputs), "--text", "a", "--model", self.stage1, "--format", "jsonl")
        self.assert_rows_in_order(result, inputs)

    def test_nothing_but_failed_inputs(self):
        bad = self.folder / "bad.png"
        bad.write_bytes(b"no picture")
        made = self.folder / "made"
        for verb in (("caption",), ("match", "--text", "a"), ("index", "build", "--index", made),
                     ("embed", "--features", "itc_image", "--output", made)):
            result = blip2(*verb, "--model", self.stage1, "--format", "jsonl", "--log-level", "error", "--", bad)
            self.assertEqual(result.returncode, 3, (verb, result.stderr))
            self.assertEqual([row["image"] for row in rows_of(result.stdout)], [str(bad)])
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["bad.png"])

    def test_attention_of_a_shards_pictures(self):
        shard = self.folder / "00000.tar"
        write_shard(shard, [("red.png", (self.pictures / "red.png").read_bytes())])
        maps = self.folder / "maps"
        result = blip2("match", shard, "--text", "a", "--model", self.stage1, "--attention", maps)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual([path.name for path in maps.iterdir()], ["0000_red_00.png"])

    def test_a_shards_pictures_are_answered_like_files(self):
        names = sorted(path.name for path in self.pictures.iterdir())
        members = [(f"deep/{name}", (self.pictures / name).read_bytes()) for name in names]
        members[1:1] = [("deep/notes.txt", b"no picture"), ("deep/bad.png", b"no picture")]
        shard = self.folder / "00000.tar"
        write_shard(shard, members)
        options = ("--model", self.stage2, "--format", "jsonl", "--max-new-tokens", 4)
        loose = rows_of(blip2("caption", self.pictures, *options).stdout)
        packed = blip2("caption", shard, *options)
        inputs = [(f"{shard}/{name}", "bad" not in name) for name, _ in members if "notes" not in name]
        rows = self.assert_rows_in_order(packed, inputs)
        self.assertEqual([row["tokens"] for row in rows], [row["tokens"] for row in loose])
        content = shard.read_bytes()
        shard.write_bytes(content[:content.rindex(b"IEND")])
        inputs = inputs[:-1] + [(shard, False)]
        self.assert_rows_in_order(blip2("caption", shard, *options), inputs)
        one = blip2("caption", f"{shard}/deep/blue.png", *options)
        self.assertEqual(rows_of(one.stdout)[0]["tokens"], loose[0]["tokens"])

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

    def test_a_model_that_cannot_is_named(self):
        picture = self.pictures / "red.png"
        for command in (("index", "build", picture, "--index", self.folder / "index"), ("match", picture, "--text", "a"),
                        ("zero-shot", picture, "--labels", "a,b")):
            self.assert_error(blip2(*command, "--model", self.stage2), 1, f"--model {self.stage2}: expected a model for")
        self.assertFalse((self.folder / "index").exists())

    def test_train_replaces_nobodys_configuration(self):
        own = self.folder / "own"
        own.mkdir()
        config, elsewhere = own / "config.yaml", self.folder / "run.yaml"
        mine = "# tuned by hand\n" + (self.shared / "stage1.yaml").read_text().replace(str(self.shared / "stage1"), str(own))
        for path in (config, elsewhere):
            path.write_text(mine)
        self.assert_error(blip2("train", config), 2, f"{config}: the run writes", "run.output_dir")
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

    def test_an_index_whose_rows_nobody_reads_leaves_nothing(self):
        result = without_a_reader("index", "build", self.pictures, "--index", self.folder / "index", "--model", self.stage1)
        self.assertEqual((result.returncode, result.stderr), (1, "blip2: stopped: nobody reads stdout any more\n"))
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_no_bar_among_json_on_a_terminal(self):
        outside, terminal = pty.openpty()
        subprocess.run([BINARY, "caption", str(self.pictures), "--model", str(self.stage1), "--max-new-tokens", "2",
                        "--batch-size", "1", "--log-json", str(self.folder / "gone.png")],
                       stdout=subprocess.DEVNULL, stderr=terminal, timeout=300)
        os.close(terminal)
        lines = os.read(outside, 1 << 16).decode().splitlines()
        os.close(outside)
        self.assertEqual(len(lines), 1, lines)
        self.assertIn("gone.png", json.loads(lines[0])["message"])

    def test_a_batch_is_its_pictures(self):
        arguments = ("--model", self.stage1, "--format", "jsonl", "--max-new-tokens", 5)
        together = rows_of(blip2("caption", self.pictures, *arguments).stdout)
        self.assertEqual(len(together), 4)
        alone = rows_of(blip2("caption", self.pictures, *arguments, "--batch-size", 1).stdout)
        self.assertEqual([row["tokens"] for row in together], [row["tokens"] for row in alone])

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
                         [("why", 7, False), ("when", None, False), (None, None, True), ("who", "x1", False)])
        file.write_text('{"image": "red.png"}\n')
        self.assert_error(blip2("answer", "--jsonl", file, "--model", self.stage2), 1, "questions.jsonl:1", "question")

    def test_a_bad_question_fails_alone(self):
        red, blue = str(self.pictures / "red.png"), str(self.pictures / "blue.png")
        lines = [json.dumps({"image": red, "question": "why"}), "{broken", json.dumps({"image": red, "question": "<image>"}),
                 json.dumps({"image": blue, "question": "a " * 9000, "question_id": 4}),
                 json.dumps({"image": blue, "question": "why"}), json.dumps({"image": red, "question": "who"})]
        file = self.folder / "questions.jsonl"
        file.write_text("\n".join(lines))
        options = ("--model", self.stage2, "--format", "jsonl", "--max-new-tokens", 3)
        result = blip2("answer", "--jsonl", file, *options, "--log-level", "error")
        self.assertEqual(result.returncode, 3, result.stderr)
        rows = rows_of(result.stdout)
        self.assertEqual([(row.get("image"), row.get("line"), "error" in row) for row in rows],
                         [(None, 2, True), (red, None, False), (red, 3, True), (red, None, False), (blue, 4, True),
                          (blue, None, False)])
        self.assertEqual(rows[4]["question_id"], 4)
        messages = result.stderr.splitlines()
        self.assertEqual(len(messages), 3, result.stderr)
        for message, line, row, word in zip(messages, (2, 3, 4), (rows[0], rows[2], rows[4]),
                                            ("expected", "<image>", "positions"), strict=True):
            self.assertTrue(message.startswith(f"blip2: {file}:{line}: "), message)
            self.assertIn(word, message)
            self.assertEqual(f"blip2: {row['error']}", message)
        alone = rows_of(blip2("answer", red, blue, "--question", "why", *options).stdout)
        self.assertEqual([rows[1]["answer"], rows[5]["answer"]], [row["answer"] for row in alone])
        file.write_text(json.dumps({"image": red, "question": "why"}))
        self.assert_error(blip2("answer", "--jsonl", file, "--model", self.stage1), 2, "stage-1")

    def test_answer_refuses(self):
        picture, model = self.pictures / "red.png", ("--model", self.stage2)
        self.assert_error(blip2("answer", picture, *model), 2, "--question", "--jsonl")
        self.assert_error(blip2("answer", picture, *model, "--question", "a", "--template", "no place"), 2, "{}")
        self.assert_error(blip2("answer", picture, "--jsonl", "x", *model), 2, "--jsonl")
        self.assert_error(blip2("answer", picture, "--model", self.stage1, "--question", "a"), 2, "stage-1")

    def test_zero_shot_shares_out_probability(self):
        labels = self.folder / "labels.txt"
        labels.write_text("a red square\n\na green square\n  a cat\n")
        for rerank in (0, 2):
            rows = rows_of(blip2("zero-shot", self.pictures, "--model", self.stage1, "--labels", labels,
                                 "--rerank", rerank, "--format", "jsonl").stdout)
            self.assertEqual(len(rows), 4)
            for row in rows:
                self.assertEqual(list(row["labels"]), ["a red square", "a green square", "a cat"])
                self.assertAlmostEqual(sum(row["labels"].values()), 1, delta=1e-9)
                self.assertEqual(row["label"], max(row["labels"], key=row["labels"].get))
                self.assertEqual(row["probability"], row["labels"][row["label"]])
        listed = rows_of(blip2("zero-shot", self.pictures, "--model", self.stage1, "--labels",
                               "a red square, a green square,a cat", "--format", "jsonl").stdout)
        plain = rows_of(blip2("zero-shot", self.pictures, "--model", self.stage1, "--labels", labels,
                              "--format", "jsonl").stdout)
        self.assertEqual(listed, plain)
        matched = rows_of(blip2("match", self.pictures / "red.png", "--model", self.stage1, "--text", "a red square",
                                "a cat", "--format", "jsonl").stdout)
        red, = [row["labels"] for row in plain if row["image"].endswith("red.png")]
        closer = matched[0]["itc"] > matched[1]["itc"]
        self.assertEqual(red["a red square"] > red["a cat"], closer)
        for wrong, word in (("a", "two"), ("a,,b", "empty"), ("a,a", "twice")):
            self.assert_error(blip2("zero-shot", self.pictures, "--model", self.stage1, "--labels", wrong), 2, word)

    def test_match_reads_paths_from_stdin(self):
        paths = [self.pictures / "blue.png", self.pictures / "red.png"]
        result = blip2("match", "-", "--model", self.stage1, "--text", "a red square", "[SEP] \u2028 x",
                       "--format", "jsonl", "--attention", self.folder / "maps",
                       stdin="".join(f"{path}\n" for path in paths))
        self.assertEqual(result.returncode, 0, result.stderr)
        rows = rows_of(result.stdout)
        self.assertEqual([(row["image"], row["text"]) for row in rows],
                         [(str(p), t) for p in paths for t in ("a red square", "[SEP] \u2028 x")])
        for row in rows:
            self.assertTrue(0 <= row["itm"] <= 1 and -1.001 <= row["itc"] <= 1.001)
            self.assertEqual(len(row["itm_logits"]), 2)
        maps = sorted((self.folder / "maps").iterdir())
        self.assertEqual(len(maps), 4)
        self.assertTrue(maps[0].read_bytes().startswith(b"\x89PNG"))
        empty = blip2("match", "-", "--model", self.stage1, "--text", "a", stdin="\n")
        self.assertEqual(empty.returncode, 1)

    def read_shapes(self, path):
        data = path.read_bytes()
        size = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8:8 + size])
        return {name: info["shape"] for name, info in header.items() if name != "__metadata__"}

    def test_embed_has_no_row_for_a_failed_input(self):
        inputs = self.bad_inputs()
        output = self.folder / "features.safetensors"
        result = blip2("embed", *(path for path, _ in inputs), "--model", self.stage1, "--features",
                       "pixel_values,image_embeds,query_output,itc_image", "--output", output,
                       "--format", "jsonl", "--batch-size", 3)
        rows = self.assert_rows_in_order(result, inputs)
        self.assertEqual([row["row"] for row in rows], list(range(5)))
        self.assertEqual(self.read_shapes(output),
                         {"pixel_values": [5, 3, 224, 224], "image_embeds": [5, 49, 1280],
                          "query_output": [5, 4, 384], "itc_image": [5, 4, 32]})

    def test_embed_with_texts(self):
        output = self.folder / "features.safetensors"
        one = blip2("embed", self.pictures / "red.png", "--model", self.stage1, "--text", "a", "b",
                    "c", "--features", "itc_text,multimodal", "--output", output, "--format", "jsonl")
        self.assertEqual(one.returncode, 0, one.stderr)
        self.assertEqual([row["row"] for row in rows_of(one.stdout)], [0, 1, 2])
        self.assertEqual(self.read_shapes(output), {"itc_text": [3, 32], "multimodal": [3, 4, 384]})
        self.assert_error(blip2("embed", self.pictures, "--model", self.stage1, "--text", "a", "b",
                                "--features", "itc_text", "--output", output), 2, "--text")
        stage2 = blip2("embed", self.pictures / "red.png", "--model", self.stage2, "--features",
                       "language_inputs,logits", "--output", output)
        self.assertEqual(stage2.returncode, 0, stage2.stderr)
        shapes = self.read_shapes(output)
        self.assertEqual(shapes["language_inputs"], [1, 4, 576])
        self.assertEqual(shapes["logits"][0], 1)
        self.assert_error(blip2("embed", self.pictures, "--model", self.stage1, "--features",
                                "itc_images", "--output", output), 2, "'itc_image'")

    def test_every_verb_computes_in_bfloat16(self):
        narrow = ("--dtype", "bfloat16", "--format", "jsonl")
        pictures = sorted(self.pictures.iterdir())
        values = []
        for dtype in ("float32", "bfloat16"):
            output = self.folder / f"{dtype}.safetensors"
            result = blip2("embed", *pictures, "--model", self.stage1, "--features", "itc_image",
                           "--output", output, "--dtype", dtype)
            self.assertEqual(result.returncode, 0, result.stderr)
            data = output.read_bytes()
            begin = 8 + struct.unpack("<Q", data[:8])[0]
            values.append(struct.unpack(f"<{(len(data) - begin) // 4}f", data[begin:]))
        farthest = max(abs(a - b) for a, b in zip(*values, strict=True))
        self.assertTrue(0 < farthest < 0.05, farthest)
        index = self.folder / "index"
        labels = self.folder / "labels.txt"
        labels.write_text("a red square\na fish\n")
        for command in (
                ("caption", *pictures, "--model", self.stage2, "--num-beams", 2, "--max-new-tokens", 4),
                ("caption", *pictures, "--model", self.stage1, "--max-new-tokens", 4),
                ("answer", *pictures, "--model", self.stage2, "--question", "what?", "--max-new-tokens", 4),
                ("match", *pictures, "--model", self.stage1, "--text", "a red square"),
                ("zero-shot", *pictures, "--model", self.stage1, "--labels", labels),
                ("index", "build", *pictures, "--model", self.stage1, "--index", index),
                ("search", "--index", index, "a red square", "--top", 2)):
            result = blip2(*command, *narrow)
            self.assertEqual(result.returncode, 0, (command, result.stderr))
            self.assertTrue(rows_of(result.stdout), command)

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

    def test_only_files_are_read_and_replaced(self):
        red, pipe = self.pictures / "red.png", self.folder / "d.png"
        (self.folder / "a.png").write_bytes(red.read_bytes())
        (self.folder / "b.png").symlink_to("gone")
        (self.folder / "c.png").symlink_to("c.png")
        os.mkfifo(pipe)
        result = blip2("caption", self.folder, "--model", self.stage2, "--max-new-tokens", 1, timeout=60)
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertEqual(len(result.stdout.splitlines()), 1)
        for line, words in zip(result.stderr.splitlines(), ("b.png: cannot open", "c.png: cannot open",
                                                            "d.png: expected a file, found a pipe"), strict=True):
            self.assertIn(words, line)
        self.assert_error(blip2("train", pipe, timeout=60), 1, "d.png: expected a file, found a pipe")
        for command in (("embed", red, "--features", "itc_image", "--output", pipe),
                        ("index", "build", red, "--index", pipe)):
            self.assert_error(blip2(*command, "--model", self.stage1, timeout=60), 2, "d.png: expected a f", "to write, found a")
        self.assertTrue(pipe.is_fifo())
        result = blip2("caption", "-", "--model", self.stage2, stdin=f"{red}\0.png\n")
        self.assert_error(result, 3, "red.png\\x00.png: expected a path, which has no zero byte")

    def test_a_picture_that_memory_does_not_hold_is_a_failed_input(self):
        width = height = 40000  # 4.8 GB in RGB, a bit a pixel in the file
        packer = zlib.compressobj(1)
        rows = b"".join(packer.compress(bytes(1 + width // 8) * 1000) for _ in range(height // 1000)) + packer.flush()
        chunks = ((b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)), (b"IDAT", rows), (b"IEND", b""))
        (self.folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks))
        result = limited("ulimit -v 4500000", "caption", self.folder / "a.png", self.pictures / "red.png", "--model", self.stage2,
                         "--max-new-tokens", 1, "--max-image-pixels", 4000000000)
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertIn("a.png: not enough memory for this picture", result.stderr)
        self.assertEqual(len(result.stdout.splitlines()), 1)
        # Nor does torch's allocator speak for itself.
        self.assert_error(limited("ulimit -v 4500000", "caption", *[self.pictures / "red.png"] * 4, "--model", self.stage2,
                                  "--num-beams", 1024, "--max-new-tokens", 200), 1, "out of memory; a smaller --batch-size")

    def test_inspect_and_tokenize(self):
        for model, family in ((self.stage1, "Blip2ForImageTextRetrieval"),
                              (self.stage2, "Blip2ForConditionalGeneration")):
            summary = rows_of(blip2("inspect", model, "--format", "jsonl").stdout)[0]
            self.assertEqual(summary["family"], family)
            self.assertGreater(summary["parameters"]["trained"], 0)
            self.assertGreater(summary["parameters"]["frozen"], 0)
            self.assertIn("image encoder", blip2("inspect", model).stdout)
        rows = rows_of(blip2("tokenize", "A cat", "[SEP]", "--model", self.stage1, "--tokenizer",
                             "qformer", "--format", "jsonl").stdout)
        self.assertEqual(rows[0], {"text": "A cat", "ids": [101, 1037, 4937, 102],
                                   "pieces": ["[CLS]", "a", "cat", "[SEP]"]})
        self.assertEqual(rows[1]["text"], "[SEP]")
        text = rows_of(blip2("tokenize", "A cat", "--model", self.stage2, "--format",
                             "jsonl").stdout)[0]
        self.assertEqual(len(text["ids"]), len(text["pieces"]))
        self.assert_error(blip2("tokenize", "a", "--model", self.stage2, "--tokenizer", "qformer"),
                          1, "qformer")

    def test_a_damaged_copy_of_a_model(self):
        model = self.folder / "model"
        model.mkdir()
        for file in self.stage1.iterdir():
            (model / file.name).symlink_to(file)
        weights = model / "model.safetensors"
        weights.unlink()
        picture = self.pictures / "red.png"
        self.assert_error(blip2("caption", picture, "--model", model), 1, "model.safetensors")
        data = (self.stage1 / "model.safetensors").read_bytes()
        weights.write_bytes(data[:-1000])
        self.assert_error(blip2("caption", picture, "--model", model), 1, "model.safetensors")
        weights.write_bytes(struct.pack("<Q", 1 << 60) + data[8:])
        self.assert_error(blip2("caption", picture, "--model", model), 1, "model.safetensors")

    def changed_copy(self, source, file, change):
        """A copy of a model whose JSON `file` is changed by change(value)."""
        model = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        for one in source.iterdir():
            (model / one.name).symlink_to(one)
        value = json.loads((source / file).read_text())
        change(value)
        (model / file).unlink()
        (model / file).write_text(json.dumps(value))
        return model

    def test_faults_of_a_models_small_files_are_said_by_name(self):
        picture = self.pictures / "red.png"
        strange = self.changed_copy(self.stage1, "tokenizer.json",
                                    lambda value: value["model"]["vocab"].update(kitten=60000))
        said = (f"{strange}/tokenizer.json: expected ids below", '60000 of "kitten"')
        self.assert_error(blip2("match", picture, "--text", "a kitten", "--model", strange), 1, *said)
        self.assert_error(blip2("inspect", strange), 1, *said)
        for file, change, words in (
                ("generation_config.json", {"early_stopping": 5}, 'true, false or "never", found 5'),
                ("generation_config.json", {"num_beams": 0}, "num_beams: expected a whole number of at least 1"),
                ("generation_config.json", {"num_beams": 2.9}, "and at most 1024, found 2.9"),
                ("config.json", {"prompt": "<image> a"}, "prompt: expected a text without")):
            model = self.changed_copy(self.stage2, file, lambda value, change=change: value.update(change))
            self.assert_error(blip2("caption", picture, "--model", model), 1, f"{model}/{file}: ", words)
        model = self.changed_copy(self.stage2, "config.json",
                                  lambda value: value["text_config"].update(eos_token_id=-1))
        self.assert_error(blip2("caption", picture, "--model", model), 1, f"{model}/config.json: text_config: eos_token_id")

    def test_labels_that_are_no_labels(self):
        picture = self.pictures / "red.png"
        self.assert_error(blip2("zero-shot", picture, "--model", self.stage1, "--labels", "nosuch.txt"),
                          2, "nosuch.txt", "no file")
        self.assert_error(blip2("zero-shot", picture, "--model", self.stage1, "--labels", picture), 1, "red.png:1: ")

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
                (":16: run.batch_size_train:", "an integer", "'two'"),
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

    def test_report_of_runs(self):
        page = self.folder / "pages/page.html"
        result = blip2("report", self.shared / "stage1", self.shared / "stage2", "--output", page)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout, f"{page}\n")
        html = page.read_text()
        for word in ("stage1", "stage2", "LAVIS, ViT-g", "LAVIS, OPT-2.7B", "model.arch"):
            self.assertIn(word, html)
        self.assert_error(blip2("report", self.folder, "--output", self.folder / "no.html"), 1, "log.jsonl")
        self.assertFalse((self.folder / "no.html").exists())
        result = blip2("train", self.shared / "stage1.yaml", "--set", f"run.output_dir={self.notes()}")
        self.assert_error(result, 2, "model: expected", "older model", "found notes.txt")

    def test_interrupt(self):
        paths = "".join(f"{self.pictures / 'red.png'}\n" for _ in range(3000))
        process = subprocess.Popen([BINARY, "caption", "-", "--model", str(self.stage2),
                                    "--max-new-tokens", "20"], text=True, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdin.write(paths)
        process.stdin.close()
        process.stdout.readline()  # it is at work
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        messages = process.stderr.read()
        process.stdout.close()
        process.stderr.close()
        self.assertEqual(process.wait(), 130, messages)
        self.assertIn("interrupted", messages)


if __name__ == "__main__":
    unittest.main()
