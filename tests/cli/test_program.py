#!/usr/bin/env python3
"""The program as a whole: help, unknown words, wrong values, logs, a closed stdout, interrupts."""
import json
import os
import pathlib
import pty
import signal
import struct
import subprocess
import time
import unittest

from support import BINARY, CommandLineCase, ModelCase, blip2, png, rows_of, without_a_reader


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
        self.assertNotIn("vqa", text.replace("vqav2", ""))
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
        self.assert_error(blip2("caption", "--batch-size", "0", *model), 2, "--batch-size", "\"0\"")
        self.assert_error(blip2("caption", "--batch-size", "8x", *model), 2, "\"8x\"")
        self.assert_error(blip2("caption", "--temperature", "nan", *model), 2, "--temperature")
        self.assert_error(blip2("caption", "--format", "xml", *model), 2, "text, jsonl", "\"xml\"")
        self.assert_error(blip2("caption", "--device", "tpu", *model), 2, "--device", "\"tpu\"")
        self.assert_error(blip2("caption", "--device", "cuda:1", *model), 2, "cuda:1")
        self.assert_error(blip2("caption", "--dtype", "float16", *model), 2, "float16", "for GPUs", "not in this version")
        self.assert_error(blip2("caption", "--dtype", "int8", *model), 2, "float32, bfloat16, auto", "\"int8\"")
        self.assert_error(blip2("evaluate", "--task", "captions", "--model", "x", "--data", "y"), 2, "\"captions\"")
        self.assert_error(blip2("caption", "--log-level", "loud", *model), 2, "\"loud\"")
        self.assert_error(blip2("caption", "--seed", "-1", *model), 2, "--seed")
        self.assert_error(blip2("caption", "x.png"), 2, "--model")
        self.assert_error(blip2("caption", "--model", "x"), 2, "IMAGE")
        self.assert_error(blip2("caption", *model, "--prompt"), 2, "--prompt: expected TEXT, found nothing")
        self.assert_error(blip2("match", *model, "--text"), 2, "--text: expected TEXT, found nothing")
        self.assert_error(blip2("caption", *model, "--prompt", "a", "--prompt", "b"), 2,
                          "--prompt: expected one value, found 2: 'a', 'b'")
        for option, value in (("--num-beams", 0), ("--num-beams", 100_000), ("--num-return-sequences", 100_000),
                              ("--top-p", 1.5), ("--temperature", 0), ("--max-new-tokens", 0)):
            self.assert_error(blip2("caption", *model, option, value), 2, f"{option}: expected a", f'"{value}"')

    def test_a_switch_is_true_or_false(self):
        for switch in ("--do-sample", "--log-json", "--exif-rotate"):
            self.assert_error(blip2("caption", "x.png", "--model", "nowhere", f"{switch}=maybe"), 2,
                              f"{switch}: expected true or false, found \"maybe\"")
        self.assert_error(blip2("caption", "x.png", "--model", "nowhere", "--log-json=false", "--do-sample=true",
                                "--exif-rotate", "--exif-rotate"), 1, "nowhere")

    def test_an_error_is_one_line(self):
        self.assert_error(blip2("inspect", "no\nsuch\tplace\x1b[31m"), 1, "no\\nsuch\\tplace\\x1b[31m")
        self.assert_error(blip2("caption", "x.png", "--model", "no\u2028place"), 1, "no\\u2028place")

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

    def test_log_json_is_json_for_a_wrong_command_line_too(self):
        result = blip2("caption", "x.png", "--no-such-option", "--log-json")
        self.assertEqual(result.returncode, 2)
        self.assertIn("--no-such-option", json.loads(result.stderr)["message"])

    def test_log_json_is_json(self):
        result = blip2("caption", "x.png", "--model", self.folder / "gone\n", "--log-json")
        self.assertEqual(result.returncode, 1)
        for line in result.stderr.splitlines():
            self.assertIn("message", json.loads(line))

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

    def test_an_empty_path_is_named(self):
        self.assert_error(blip2("caption", "x.png", "--model", ""), 2, "--model: expected a path", '""')
        self.assert_error(blip2("caption", "", "--model", "x"), 2, "IMAGE: expected a path", '""')
        self.assert_error(blip2("match", "x.png", "--model=", "--text", ""), 2, "--model: expected a path")

    def test_an_output_that_cannot_be_written_is_said_at_once(self):
        (self.folder / "file").write_text("")
        page = self.folder / "file/page.html"
        self.assert_error(blip2("search", "a", "--index", self.folder, "--report", page), 1, str(self.folder / "file"))
        self.assert_error(blip2("report", self.folder, "--output", self.folder), 2, str(self.folder), "folder")


class WithModels(ModelCase):
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

    def test_every_verb_computes_in_bfloat16(self):
        narrow = ("--dtype", "bfloat16", "--format", "jsonl")
        pictures = sorted(self.pictures.iterdir())
        values = []
        for dtype in ("float32", "bfloat16", "auto"):
            output = self.folder / f"{dtype}.safetensors"
            result = blip2("embed", *pictures, "--model", self.stage1, "--features", "itc_image",
                           "--output", output, "--dtype", dtype)
            self.assertEqual(result.returncode, 0, result.stderr)
            data = output.read_bytes()
            begin = 8 + struct.unpack("<Q", data[:8])[0]
            values.append(struct.unpack(f"<{(len(data) - begin) // 4}f", data[begin:]))
        exact, narrow_weights, automatic = values

        def farthest(found):
            return max(abs(a - b) for a, b in zip(exact, found, strict=True))
        self.assertTrue(0 < farthest(narrow_weights) < 0.05, farthest(narrow_weights))
        self.assertLess(farthest(automatic), 0.05)
        if "_bf16" not in blip2("--version").stdout:
            self.assertEqual(automatic, exact)  # float32 where the processor has no bfloat16
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


if __name__ == "__main__":
    unittest.main()
