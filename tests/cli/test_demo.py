#!/usr/bin/env python3
"""`blip2 demo` from end to end on a few of its own pictures: interrupted, resumed, watched, and everything that it writes.

BLIP2_BINARY is the program. BLIP2_ASSETS (else ~/.cache/blip2) holds what tools/fetch_assets fetched. The models are the
demo's real ones; a handful of steps teaches them nothing, so no score is judged here.
"""
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import tempfile
import time
import unittest

BINARY = pathlib.Path(os.environ.get("BLIP2_BINARY", "build/blip2")).resolve()
ASSETS = pathlib.Path(os.environ.get("BLIP2_ASSETS", pathlib.Path.home() / ".cache/blip2"))
# Emoji that both styles draw, and a folder of Tux Paint's stamps: some 200 pictures.
EMOJI = [f"{code:x}" for code in range(0x1F400, 0x1F450)]
STAMPS = "animals/birds"

RETRIEVAL = {f"{way}": {"r1", "r5", "r10"} for way in ("image_to_text", "text_to_image")}
CAPTIONS = {"cider", "bleu4", "rouge_l", "distinct", "noun_accuracy"}


def few_assets(folder):
    """The real models and a part of the real pictures, by links."""
    (folder / "pictures").mkdir(parents=True)
    for name in ("models", "unicode"):
        (folder / name).symlink_to(ASSETS / name)
    for style, name in (("tanuki", "emoji_u{}.png"), ("gemojione", "{}.png")):
        (folder / "pictures" / style).mkdir()
        for code in EMOJI:
            picture = ASSETS / "pictures" / style / name.format(code if style == "tanuki" else code.upper())
            if picture.exists():
                (folder / "pictures" / style / picture.name).symlink_to(picture)
    stamps = folder / "pictures/tuxpaint" / STAMPS
    stamps.mkdir(parents=True)
    for stamp in (ASSETS / "pictures/tuxpaint" / STAMPS).iterdir():
        if stamp.is_file():
            (stamps / stamp.name).symlink_to(stamp)


class DemoCase(unittest.TestCase):
    def setUp(self):
        for asset in ("models", "unicode", "pictures/tanuki", "pictures/gemojione", f"pictures/tuxpaint/{STAMPS}"):
            if not (ASSETS / asset).exists():
                raise AssertionError(f"{ASSETS / asset}: run tools/fetch_assets")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        few_assets(self.folder / "assets")
        self.run_folder = self.folder / "run"
        self.command = [str(BINARY), "demo", "--assets", str(self.folder / "assets"), "--output", str(self.run_folder),
                        "--minutes", "0.1"]
        self.environment = dict(os.environ, OMP_WAIT_POLICY="PASSIVE", OMP_NUM_THREADS="2")

    def start(self):
        process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env=self.environment, cwd=self.folder)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.kill)
        return process

    def interrupt_when(self, condition):
        process = self.start()
        deadline = time.monotonic() + 300
        while not condition() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        output, messages = process.communicate(timeout=300)
        self.assertEqual(process.returncode, 130, messages)
        self.assertEqual(output, "")
        self.assertIn("interrupted", messages)

    def pages_while(self, process):
        """What report.html held while a demo ran, each version once."""
        pages, page = [], self.run_folder / "report.html"
        while process.poll() is None:
            text = page.read_text() if page.exists() else ""
            if text and text not in pages[-1:]:
                pages.append(text)
            time.sleep(0.02)
        return pages

    def test_interrupted_resumed_and_watched(self):
        plan, log = self.run_folder / "plan.json", self.run_folder / "stage1/log.jsonl"
        self.interrupt_when(lambda: (self.run_folder / "report.html").exists())
        kept_plan, rows = plan.read_text(), log.read_text().splitlines()
        self.assertGreater(len(rows), 0)
        self.assertFalse((self.run_folder / "scores.json").exists())
        self.check_live_page((self.run_folder / "report.html").read_text(), "search", ("ITC", "ITM", "ITG"))

        process = self.start()
        pages = self.pages_while(process)
        output, messages = process.communicate(timeout=600)
        self.assertEqual(process.returncode, 0, messages)
        self.assertEqual(len(re.findall("to watch it learn", messages)), 1, messages)
        for page in pages:
            self.assertTrue(page.endswith("</html>\n"), "a half-written page")
        captioned = [page for page in pages if "steps of stage 2" in page]
        self.assertGreater(len(captioned), 0, messages)
        self.check_live_page(captioned[-1], "generated", ("ITC", "LM"))
        self.assertEqual(plan.read_text(), kept_plan)
        self.assertEqual(log.read_text().splitlines()[:len(rows)], rows, "the run began anew")
        scores = json.loads((self.run_folder / "scores.json").read_text())
        self.check_scores(scores)
        self.check_report((self.run_folder / "report.html").read_text(), scores)
        self.assertIn(str(self.run_folder / "report.html"), output)
        commands = [line.strip() for line in output.split("try next:\n")[1].splitlines()]
        self.assertEqual(len(commands), 4, output)
        for command in commands:
            result = subprocess.run(shlex.split(command), capture_output=True, text=True, timeout=300,
                                    env=self.environment, cwd=self.folder)
            self.assertEqual(result.returncode, 0, f"{command}\n{result.stderr}")

        # Once more: nothing is trained again, and the scores are the same.
        scores = json.loads((self.run_folder / "scores.json").read_text())
        steps = log.read_text()
        process = self.start()
        _, messages = process.communicate(timeout=600)
        self.assertEqual(process.returncode, 0, messages)
        self.assertEqual(log.read_text(), steps)
        again = json.loads((self.run_folder / "scores.json").read_text())
        del scores["seconds"], again["seconds"]
        self.assertEqual(again, scores)
        for stage in ("stage1", "stage2"):
            self.check_pages_change_nothing(stage)

    def check_pages_change_nothing(self, stage):
        """`blip2 train`, which writes no page, makes the same model and the same log from a stage's configuration."""
        plain = self.folder / f"plain_{stage}"
        command = [str(BINARY), "train", str(self.run_folder / stage / "config.yaml"), "--set", f"run.output_dir={plain}"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=600, env=self.environment, cwd=self.folder)
        self.assertEqual(result.returncode, 0, result.stderr)

        def results(run):
            rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
            for row in rows:
                del row["elapsed_s"], row["samples_per_second"]
            return rows, (run / "model/model.safetensors").read_bytes()

        expected_rows, expected_model = results(plain)
        rows, model = results(self.run_folder / stage)
        self.assertEqual(rows, expected_rows)
        self.assertTrue(model == expected_model, f"{stage}: another model")

    def check_live_page(self, page, kind, losses):
        """A page of a demo that trains: it loads itself again, and has losses, pictures and `kind` of eight of them."""
        self.assertIn('http-equiv="refresh"', page)
        self.assertNotRegex(page, r"<(script|link|iframe)\b")
        self.assertEqual(len(re.findall(rf'class="{kind}"[ >]', page)), 8)
        self.assertGreater(page.count('src="data:image/png'), 7)
        for loss in losses:
            self.assertRegex(page, rf"(?s)<svg[^>]*>(?:(?!</svg>).)*\b{loss}\b")

    def check_scores(self, scores):
        """The contract's keys, each a number in its range."""
        self.assertEqual(set(scores), {"unseen_concepts", "unseen_drawings", "ablation", "seconds", "samples"})
        for name in ("unseen_concepts", "unseen_drawings"):
            found = scores[name]
            self.assertEqual(set(found), {"n", "itc", "reranked", "itm_accuracy_random", "itm_accuracy_hard", "captions"})
            self.assertGreater(found["n"], 0)
            for kind in ("itc", "reranked"):
                self.assertEqual({way: set(found[kind][way]) for way in found[kind]}, RETRIEVAL)
                for way in RETRIEVAL:
                    recalls = [found[kind][way][key] for key in ("r1", "r5", "r10")]
                    self.assertEqual(recalls, sorted(recalls))
                    self.assertTrue(0 <= recalls[0] and recalls[2] <= 100, recalls)
            self.assertEqual(set(found["captions"]), CAPTIONS)
            self.assertTrue(1 <= found["captions"]["distinct"] <= found["n"])
        self.assertEqual(set(scores["ablation"]), {"lm_loss_with_stage1", "lm_loss_without_stage1"})
        self.assertTrue(all(0 < loss < 20 for loss in scores["ablation"].values()), scores["ablation"])
        self.assertLessEqual({"features", "stage1", "stage2", "ablation", "evaluation"}, set(scores["seconds"]))
        self.assertEqual(set(scores["samples"]), {"stage1", "stage2"})

    def check_report(self, page, scores):
        """One file that loads nothing and has all that it promises, every picture included."""
        self.assertNotRegex(page, r"<(script|link|iframe)\b")
        self.assertNotIn('http-equiv="refresh"', page)
        sources = re.findall(r"""\b(?:src|href)\s*=\s*["']([^"']*)""", page)
        self.assertGreater(len(sources), 40)
        self.assertEqual([source for source in sources if not source.startswith(("data:", "#"))], [])
        for word in ("ITC", "ITM", "ITG", "LM", "re-ranked by ITM", "chance", "query 1", "without",
                     "query similarity", "peak memory", "seed"):
            self.assertIn(word, page)
        captioned = sum(min(24, scores[name]["n"]) for name in ("unseen_drawings", "unseen_concepts"))
        for kind, expected in (("card", captioned), ("reference", captioned), ("generated", captioned),
                               ("search", 12), ("hits", 12), ("score", 12 * 5), ("attention", 3)):
            found = len(re.findall(rf'class="{kind}"[ >]', page))
            self.assertEqual(found, expected, kind)


if __name__ == "__main__":
    unittest.main()
