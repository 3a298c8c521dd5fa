#!/usr/bin/env python3
"""`blip2 capfilt` with a tiny model: every input and output, bad input. Standard library alone.

BLIP2_BINARY is the program, BLIP2_ASSETS (else ~/.cache/blip2) what tools/fetch_assets fetched.
"""
import json
import pathlib
import shutil
import subprocess
import unittest

from capfilt_jobs import ENVIRONMENT, CapFiltCase, capfilt, command, make_shards, outcome, picture, read_tar, sample
from support import BINARY, png, write_shard

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden"


class Outputs(CapFiltCase):
    def test_shards_in_shards_out(self):
        shards = make_shards(self.folder / "in")
        result = self.run_capfilt(*shards)
        self.assertIn("15 records = 15 kept + 0 opted out", result.stdout)
        rows = json.loads((self.output / "captions.json").read_text())
        self.assertEqual(len(rows), 15)
        for shard in shards:
            before, after = read_tar(shard), read_tar(self.output / shard.name)
            keys = sorted({name.split(".")[0] for name in before})
            self.assertEqual(list(after), [f"{key}.{kind}" for key in keys for kind in ("png", "json", "txt")])
            for key in keys:
                self.assertEqual(after[f"{key}.png"], before[f"{key}.png"])
                fields, old = json.loads(after[f"{key}.json"]), json.loads(before[f"{key}.json"])
                self.assertEqual((fields["url"], fields["web_captions"]), (old["url"], [old["caption"]]))
                self.assertEqual(after[f"{key}.txt"].decode(), fields["caption"][0])
                self.check_candidates(fields, old["caption"])
                row = next(row for row in rows if row["image"] == f"{shard.name}/{key}.png")
                self.assertEqual((row["caption"], row["candidates"]), (fields["caption"], fields["candidates"]))
                tar = (self.output / shard.name).read_bytes()
                self.assertEqual(tar[row["offset"]:row["offset"] + row["size"]], before[f"{key}.png"])

    def check_candidates(self, fields, web):
        candidates = fields["candidates"]
        self.assertEqual([c["rank"] for c in candidates], list(range(1, 5)))
        self.assertEqual([c["score"] for c in candidates], sorted((c["score"] for c in candidates), reverse=True))
        self.assertEqual([c["text"] for c in candidates if c["source"] == "web"], [web])
        kept = [c["text"] for c in candidates if c["kept"]]
        self.assertEqual(fields["caption"], kept)
        self.assertIn(len(kept), (1, 2))
        for candidate in candidates:
            self.assertEqual(candidate["kept"], "dropped_by" not in candidate)

    def test_train_reads_both_outputs(self):
        self.run_capfilt(*make_shards(self.folder / "in", shards=2))
        for name, data in (("tars", f"format: webdataset, images: {self.output}"),
                           ("list", f"format: blip_json, annotations: {self.output / 'captions.json'}")):
            config = self.folder / f"{name}.yaml"
            config.write_text(f"""
model: {{arch: blip2, image_encoder: {self.model}, qformer: {self.model}, num_query_token: 4, embed_dim: 8, max_txt_len: 12}}
datasets: {{web: {{{data}}}}}
run: {{task: image_text_pretrain_stage1, max_steps: 2, batch_size_train: 4, warmup_steps: 1, output_dir: {self.folder / name}}}
""")
            seen = subprocess.run([BINARY, "data", "inspect", str(config), "--format", "jsonl"], env=ENVIRONMENT,
                                  capture_output=True, text=True)
            source = json.loads(seen.stdout)
            self.assertEqual((source["records"], source["missing_pictures"], source["unusable"]), (10, 0, 0), seen.stdout)
            trained = subprocess.run([BINARY, "train", str(config)], env=ENVIRONMENT, capture_output=True, text=True)
            self.assertEqual(trained.returncode, 0, trained.stderr)
            self.assertFalse((self.folder / name / "skipped.jsonl").exists())

    def test_sources_without_shards_are_cut(self):
        loose = self.folder / "loose"
        loose.mkdir()
        with open(loose / "pairs.jsonl", "w", encoding="utf-8") as pairs:
            for i in range(5):
                (loose / f"{i}.png").write_bytes(picture(i))
                (loose / f"{i}.txt").write_text(f"a red square {i}\n")
                print(json.dumps({"image": f"{i}.png", "caption": f"a red square {i}", "mine": i}), file=pairs)
        self.run_capfilt(loose / "pairs.jsonl", "--records-per-shard", 2)
        names = sorted(path.name for path in self.output.glob("*.tar"))
        self.assertEqual(names, ["pairs-00000.tar", "pairs-00001.tar", "pairs-00002.tar"])
        last = read_tar(self.output / names[-1])
        self.assertEqual(list(last), ["000000004.png", "000000004.json", "000000004.txt"])
        fields = json.loads(last["000000004.json"])
        self.assertEqual((fields["mine"], fields["image"]), (4, "4.png"))
        # The folder holds the same pictures. The list is part of a record's name, so its draws are others.
        self.output = self.folder / "again"
        self.run_capfilt(loose, "--records-per-shard", 3)
        self.assertEqual(len(json.loads((self.output / "captions.json").read_text())), 5)

    def test_without_shards_the_list_names_the_pictures_where_they_are(self):
        shard, = make_shards(self.folder / "in", shards=1)
        self.run_capfilt(shard, "--output-formats", "blip_json")
        self.assertEqual(list(self.output.glob("*.tar")), [])
        for row in json.loads((self.output / "captions.json").read_text()):
            key = row["image"].removeprefix(f"{shard}/")
            self.assertEqual(shard.read_bytes()[row["offset"]:row["offset"] + row["size"]], read_tar(shard)[key])
        self.output = self.folder / "tars"
        self.run_capfilt(shard, "--output-formats", "webdataset")
        self.assertFalse((self.output / "captions.json").exists())

    def test_folders_in_a_folder_stay_apart(self):
        make_shards(self.folder / "in/part0", shards=1)
        make_shards(self.folder / "in/part1", shards=1)
        self.assert_refused(capfilt(self.model, self.output, *(self.folder / f"in/part{i}/00000.tar" for i in (0, 1))), 2,
                            "part0/00000.tar", "part1/00000.tar", "both")
        self.run_capfilt(self.folder / "in")
        self.assertTrue((self.output / "part0/00000.tar").exists() and (self.output / "part1/00000.tar").exists())
        self.assertTrue(json.loads((self.output / "captions.json").read_text())[-1]["image"].startswith("part1/00000.tar/"))

    def test_captions_in_parquet_beside_the_shard(self):
        """What img2dataset writes; the plug-in that reads it is optional (make parquet), and where it is not, that is said."""
        folder = self.folder / "in"
        folder.mkdir()
        write_shard(folder / "00000.tar", [(f"00000000{i}.png", picture(i)) for i in (0, 1, 2)])
        shutil.copyfile(GOLDEN / "data/img2dataset.parquet", folder / "00000.parquet")
        if not pathlib.Path(BINARY).with_name("libblip2_parquet.so").exists():
            refused = capfilt(self.model, self.output, folder / "00000.parquet")
            self.assertEqual(refused.returncode, 1)
            self.assertIn("make parquet", refused.stderr)
            return
        self.run_capfilt(folder / "00000.parquet")
        shard = read_tar(self.output / "00000.tar")
        self.assertEqual(list(shard)[:3], ["000000000.png", "000000000.json", "000000000.txt"])
        webs = [json.loads(text)["web_captions"] for name, text in shard.items() if name.endswith(".json")]
        self.assertEqual(webs, [["a red apple"], ["caf\u00e9 \u65e5\u672c"], []])  # null in the parquet

    def test_a_configuration_file_and_a_report(self):
        make_shards(self.folder / "in", shards=2, records=12)
        config = self.folder / "job.yaml"
        config.write_text(f"""
captioner: {self.model}
ranker: {self.model}
shards: {self.folder / 'in'}
output: {self.output}
report: {self.folder / 'report.html'}
prompt: ""
num_kept: 1
generation: {{num_return_sequences: 2, max_length: 8, min_length: 3}}
""")
        result = subprocess.run([BINARY, "capfilt", str(config), "--num-kept", "3", "--format", "jsonl"], env=ENVIRONMENT,
                                capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        summary = json.loads(result.stdout)
        self.assertTrue(summary["complete"])
        self.assertEqual(summary["counts"]["kept"], 24)
        self.assertEqual(summary["counts"]["web_candidates"] + summary["counts"]["synthetic_candidates"], 72)
        self.assertIn("num_kept: 3", (self.output / "job/config.yaml").read_text())
        page = (self.folder / "report.html").read_text()
        self.assertEqual(page.count('class="candidate"'), 20)
        self.assertEqual(page.count("<img "), 20)
        self.assertIn("a red square 0", page)
        self.assertIn("<svg", page)
        self.assertFalse("://" in page.replace("http://www.w3.org/2000/svg", ""))


    def test_a_picture_without_a_web_caption_is_captioned_all_the_same(self):
        folder = self.folder / "in"
        folder.mkdir()
        for i in range(2):
            (folder / f"{i}.png").write_bytes(picture(i))
        (folder / "1.caption").write_text("a red square")
        (folder / "._0.png").write_bytes(b"left by macOS")
        write_shard(self.folder / "a.tar", [("0.png", picture(0)), ("0.json", b'{"caption": null, "width": NaN}'), ("1.png", picture(1)),
                                            ("1.caption", b"a red square"), ("./._1.png", b"left by macOS")])
        list_file = self.folder / "list.jsonl"
        list_file.write_text(json.dumps({"image": str(folder / "0.png"), "caption": float("nan")}) + "\n" +
                             json.dumps({"image": str(folder / "1.png"), "caption": "a red square", "size": float("inf")}) + "\n")
        for place in (folder, self.folder / "a.tar", list_file):
            self.output = self.folder / f"out-{place.name}"
            self.assertIn("2 records = 2 kept", self.run_capfilt(place).stdout)
            rows = json.loads((self.output / "captions.json").read_text())
            sources = [{candidate["source"] for candidate in row["candidates"]} for row in rows]
            self.assertEqual(sources, [{"synthetic"}, {"synthetic", "web"}])
            shard = read_tar(next(self.output.glob("*.tar")))
            for name, content in shard.items():
                if name.endswith(".json"):
                    json.loads(content, parse_constant=self.fail)  # strict JSON comes out, whatever went in


class Rules(CapFiltCase):
    def test_who_says_no_is_left_out(self):
        write_shard(self.folder / "a.tar", sample("0", 0, robots="noai") + sample("1", 1, opt_out=True) + sample("2", 2) +
                    sample("3", 3, **{"X-Robots-Tag": "noindex"}) + sample("4", 4, opt_out=False))
        result = self.run_capfilt(self.folder / "a.tar")
        self.assertIn("5 records = 2 kept + 3 opted out", result.stdout)
        self.assertEqual([name for name in read_tar(self.output / "a.tar") if name.endswith("png")], ["2.png", "4.png"])
        self.output = self.folder / "all"
        self.assertIn("5 kept", self.run_capfilt(self.folder / "a.tar", "--opt-out-fields", "none").stdout)

    def test_duplicates_are_dropped_where_that_is_asked_for(self):
        near = png(31, 17, (221, 31, 31))
        members = []
        for key, content in (("a", png(20, 20, (220, 30, 30))), ("b", png(20, 20, (30, 40, 220))),
                             ("c", png(20, 20, (220, 30, 30))), ("d", near)):
            members += [(f"{key}.png", content), (f"{key}.txt", b"a red square")]
        write_shard(self.folder / "a.tar", members)
        self.assertIn("4 kept", self.run_capfilt(self.folder / "a.tar").stdout)
        self.output = self.folder / "dedup"
        result = self.run_capfilt(self.folder / "a.tar", "--dedup")
        self.assertIn("4 records = 2 kept + 0 opted out + 1 duplicates + 1 near duplicates", result.stdout)
        self.assertEqual([name for name in read_tar(self.output / "a.tar") if name.endswith("png")], ["a.png", "b.png"])

    def test_what_is_on_by_default_can_be_switched_off(self):
        write_shard(self.folder / "a.tar", [("0.png", picture(0)), ("0.json", b'{"caption": ["A RED  square!", "a red square"]}')])
        def web_captions(*options):
            self.output = self.folder / "-".join(("out", *options))
            self.run_capfilt(self.folder / "a.tar", *options, "--num-kept", 5)
            row, = json.loads((self.output / "captions.json").read_text())
            return sorted((c["text"], c["kept"]) for c in row["candidates"] if c["source"] == "web")
        self.assertEqual(web_captions(), [("a red square", False), ("a red square", True)])
        self.assertEqual(web_captions("--remove-duplicates", "false"), [("a red square", True)] * 2)
        raw = web_captions("--clean-web-captions", "false")
        self.assertEqual([text for text, _ in raw], ["A RED  square!", "a red square"])
        self.assertEqual(sum(kept for _, kept in raw), 1)

    def test_thresholds_that_nothing_passes(self):
        shard, = make_shards(self.folder / "in", shards=1)
        self.assertIn("5 records = 0 kept", self.run_capfilt(shard, "--min-similarity", 1).stdout)
        self.assertEqual(json.loads((self.output / "captions.json").read_text()), [])
        self.assertEqual(self.counts()["no_caption"], 5)
        self.output = self.folder / "original"
        self.run_capfilt(shard, "--min-similarity", 1, "--keep-original")
        self.assertEqual([row["caption"] for row in json.loads((self.output / "captions.json").read_text())],
                         [[f"a red square {i}"] for i in range(5)])


class BadInput(CapFiltCase):
    def failures(self):
        return [json.loads(line) for line in (self.output / "failures.jsonl").read_text().splitlines()]

    def test_bad_records_are_listed_and_counted(self):
        good = sample("00", 0)
        huge = png(4, 4, (1, 2, 3), declared=(100_000, 100_000))
        write_shard(self.folder / "a.tar", good + [
            ("01.json", b'{"caption": "no picture"}'), ("02.png", picture(2)), ("03.png", b"no picture"), ("03.txt", b"a"),
            ("04.png", picture(4)[:60]), ("04.txt", b"a"), ("05.png", huge), ("05.txt", b"a"), ("06.png", picture(6)),
            ("06.txt", b" \n"), ("07.png", picture(7)), ("07.json", b'{"caption": '), ("08.png", b"x" * 5000), ("08.txt", b"a"),
            ("09.png", picture(9)), ("09.txt", b"a red square"), ("00.png", picture(0)), ("00.txt", b"the same name again")])
        result = self.run_capfilt(self.folder / "a.tar", "--max-image-bytes", 4000, expect=3)
        self.assertIn("11 records = 4 kept + 0 opted out + 0 duplicates + 0 near duplicates + "
                      "0 without a caption that passes + 7 failed", result.stdout)
        reasons = {failure["record"]: failure["error"] for failure in self.failures()}
        for record, words in {1: "expected a picture", 3: "JPEG, PNG, WebP", 4: "cut off", 5: "pixels",
                              7: "syntax error", 8: "at most 4000 bytes", 10: "found it twice"}.items():
            self.assertIn(words, reasons[record])
        lines = [line for line in result.stderr.splitlines() if line.startswith("blip2: ")]
        self.assertEqual(len(lines), 7, result.stderr)
        self.assertEqual([name for name in read_tar(self.output / "a.tar") if name.endswith("png")],
                         ["00.png", "02.png", "06.png", "09.png"])

    def test_a_file_of_a_gigabyte_is_refused_by_its_size(self):
        (self.folder / "in").mkdir()
        with open(self.folder / "in/huge.png", "wb") as file:
            file.truncate(1 << 30)
        (self.folder / "in/huge.txt").write_text("a red square")
        (self.folder / "in/good.png").write_bytes(picture(1))
        (self.folder / "in/good.txt").write_text("a red square")
        result = self.run_capfilt(self.folder / "in", expect=3)
        self.assertIn("2 records = 1 kept", result.stdout)
        self.assertIn("at most 100000000 bytes, found 1073741824", self.failures()[0]["error"])

    def test_a_cut_shard_loses_what_is_cut(self):
        shards = make_shards(self.folder / "in")
        whole = shards[1].read_bytes()
        shards[1].write_bytes(whole[:whole.index(b"000010003.png") + 520])
        result = self.run_capfilt(*shards, expect=3)
        self.assertIn("14 records = 13 kept", result.stdout)
        self.assertIn("cut: 000010003.png", self.failures()[0]["error"])
        shards[1].write_bytes(b"no tar at all")
        self.output = self.folder / "again"
        self.assertIn("11 records = 10 kept", self.run_capfilt(*shards, expect=3).stdout)

    def test_what_is_not_there(self):
        self.assert_refused(capfilt(self.model, self.output, self.folder / "gone.tar"), 1, "gone.tar")
        self.assert_refused(capfilt(self.model, self.output, self.folder / "gone"), 1, "gone")
        self.assert_refused(capfilt(self.folder / "gone", self.output, *make_shards(self.folder / "in")), 1, "gone")
        self.assertFalse(self.output.exists())

    def test_another_jobs_folder_is_refused(self):
        shards = make_shards(self.folder / "in")
        self.run_capfilt(*shards)
        before = outcome(self.output)
        self.assert_refused(capfilt(self.model, self.output, *shards, "--num-kept", 1), 2, self.output, "num_kept", "expected 1")
        self.assert_refused(capfilt(self.model, self.output, *shards[:2]), 2, self.output, "num_shards 3, expected 2")
        write_shard(shards[1], sample("another", 3))
        self.assert_refused(capfilt(self.model, self.output, *shards), 2, self.output, "inputs")
        self.assertEqual(outcome(self.output), before)
        other = self.folder / "documents"
        other.mkdir()
        (other / "letter.txt").write_text("dear")
        self.assert_refused(capfilt(self.model, other, *shards), 2, other, "found other files")
        self.assertEqual(list(other.iterdir()), [other / "letter.txt"])

    def test_a_full_disk_is_said_and_nothing_is_lost(self):
        shards = make_shards(self.folder / "in")
        self.run_capfilt(*shards)
        expected = outcome(self.output)
        full = self.folder / "full"
        limited = "ulimit -f 2; exec \"$@\""  # blocks of 1024 bytes
        result = subprocess.run(["bash", "-c", f"trap '' XFSZ; {limited}", "-", *command(self.model, full, *shards)],
                                env=ENVIRONMENT, capture_output=True, text=True)
        self.assert_refused(result, 1, "cannot write", "File too large")
        self.assertEqual([path for path in full.rglob("*") if ".partial" in path.name or path.suffix == ".tar"], [])
        self.output = full
        self.run_capfilt(*shards)
        self.assertEqual(outcome(full), expected)


if __name__ == "__main__":
    unittest.main()
