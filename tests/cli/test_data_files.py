#!/usr/bin/env python3
"""What people's files hold: leftovers of other programs, other encodings, Python's JSON, official layouts. By `data inspect`."""
import codecs
import gzip
import io
import json
import os
import tarfile
import unittest

from support import CommandLineCase, blip2, png, rows_of, write_shard

PICTURE = png(8, 8, (1, 2, 3))


class WithoutModel(CommandLineCase):
    def inspect(self, status=0, **dataset):
        """The row of one data set."""
        settings = ", ".join(f"{key}: {json.dumps(str(value) if not isinstance(value, list) else value)}"
                             for key, value in dataset.items())
        config = self.folder / "run.yaml"
        config.write_text(f"datasets:\n  one: {{{settings}}}\nrun: {{output_dir: {self.folder / 'out'}}}\n")
        result = blip2("data", "inspect", config, "--format", "jsonl")
        self.assertEqual(result.returncode, status, result.stderr)
        row, = rows_of(result.stdout)
        return row

    def captions(self, row):
        self.assertEqual((row["missing_pictures"], row["unusable"]), (0, 0), row)
        return sorted(caption for sample in row["samples"] for caption in sample["captions"])

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def test_a_folder_holds_what_a_person_put_there(self):
        for name in ("IMG_1.jpg", "sub/IMG_2.JFIF", "IMG_3.jpe"):
            self.write(f"train/{name}", PICTURE)
            self.write(f"train/{name.rsplit('.', 1)[0]}.txt", f"caption of {name}")
        for leftover in ("._IMG_1.jpg", "._IMG_1.txt", ".ipynb_checkpoints/IMG_1-checkpoint.jpg", "__MACOSX/IMG_1.jpg",
                         "@eaDir/IMG_1.jpg/SYNOPHOTO_THUMB_M.jpg", "Thumbs.db", "desktop.ini", ".DS_Store", ".hidden.jpg"):
            self.write(f"train/{leftover}", b"not a picture")
        self.write("disk/IMG_4.png", PICTURE)
        self.write("disk/IMG_4.caption", "from a side-car")
        os.symlink(self.folder / "disk", self.folder / "train/linked")
        os.symlink("..", self.folder / "train/sub/loop")
        row = self.inspect(format="folder", images=self.folder / "train")
        self.assertEqual(row["records"], 4)
        self.assertEqual(self.captions(row), ["caption of IMG_1.jpg", "caption of IMG_3.jpe", "caption of sub/IMG_2.JFIF",
                                              "from a side-car"])

    def test_python_writes_json_of_its_own(self):
        lines = [{"image": "a.png", "caption": "one", "width": float("nan")},
                 {"image": "a.png", "caption": "two", "similarity": float("-inf"), "image_id": 1.0},
                 {"image": "a.png", "caption": "three", "noise": "\ud800", "hash": 2 ** 70}]
        self.write("a.png", PICTURE)
        jsonl = self.write("a.jsonl", "".join(json.dumps(line) + "\r\n" for line in lines))
        self.assertEqual(self.captions(self.inspect(format="jsonl", annotations=jsonl)), ["one", "three", "two"])
        whole = self.write("a.json", json.dumps(lines))
        self.assertEqual(self.captions(self.inspect(format="blip_json", annotations=whole)), ["one", "three", "two"])
        members = []
        for number, line in enumerate(lines):
            members += [(f"{number}.jpg", PICTURE), (f"{number}.json", json.dumps(line).encode())]
        write_shard(self.folder / "0.tar", members)
        self.assertEqual(self.captions(self.inspect(format="webdataset", images=self.folder / "0.tar")), ["one", "three", "two"])
        lines[1]["caption"] = float("nan")
        row = self.inspect(format="jsonl", annotations=self.write("a.jsonl", "\n".join(map(json.dumps, lines))))
        self.assertEqual((row["records"], row["unusable"]), (3, 1))
        self.assertIn("a.jsonl:2", row["first_unusable"])
        self.assertIn("NaN", row["first_unusable"])

    def test_every_text_may_have_a_mark_and_be_utf_16(self):
        self.write("a.png", PICTURE)
        text = "".join(json.dumps({"image": "a.png", "caption": f"cäption {i}"}, ensure_ascii=False) + "\n" for i in range(2))
        for content in (codecs.BOM_UTF8 + text.encode(), text.encode("utf-16"), codecs.BOM_UTF16_BE + text.encode("utf-16-be")):
            row = self.inspect(format="jsonl", annotations=self.write("a.jsonl", content))
            self.assertEqual(self.captions(row), ["cäption 0", "cäption 1"])
        table = "filepath\ttitle\r\na.png\tcäption\r\n".encode("utf-16")
        self.assertEqual(self.captions(self.inspect(format="csv", annotations=self.write("a.csv", table))), ["cäption"])
        # Other bytes cost the record that holds them, and are never a caption.
        latin = text.encode().splitlines(True)[0] + text.encode("latin-1").splitlines(True)[1]
        row = self.inspect(format="jsonl", annotations=self.write("a.jsonl", latin))
        self.assertEqual((row["records"], row["unusable"], row["captions"]), (2, 1, 1))
        self.assertIn("UTF-8", row["first_unusable"])
        write_shard(self.folder / "0.tar", [("0.jpg", PICTURE), ("0.txt", codecs.BOM_UTF8 + b"one"), ("1.jpg", PICTURE),
                                            ("1.txt", "zwei".encode("utf-16")), ("2.jpg", PICTURE), ("2.txt", b"caf\xe9")])
        row = self.inspect(format="webdataset", annotations=self.folder / "0.tar")
        self.assertEqual((row["records"], row["unusable"]), (3, 1))
        self.assertEqual(sorted(sample["captions"][0] for sample in row["samples"]), ["one", "zwei"])
        folder = self.write("pictures/a.png", PICTURE).parent
        self.write("pictures/a.txt", b"caf\xe9")
        self.assertIn("UTF-8", self.inspect(format="folder", images=folder)["first_unusable"])

    def test_official_files(self):
        for name in ("val2014/COCO_val2014_000000000042.jpg", "2.jpg"):
            self.write(f"coco/{name}", PICTURE)
        captions = {"info": {}, "images": [{"id": 42, "file_name": "COCO_val2014_000000000042.jpg"}], "licenses": [],
                    "annotations": [{"image_id": 42, "id": i, "caption": f"coco {i}"} for i in range(2)]}
        official = self.write("captions_val2014.json", json.dumps(captions))
        row = self.inspect(format="coco", annotations=official, images=self.folder / "coco")
        self.assertEqual(self.captions(row), ["coco 0", "coco 1"])
        karpathy = {"dataset": "coco", "images": [
            {"filepath": "val2014", "filename": "COCO_val2014_000000000042.jpg", "cocoid": 42, "split": "test",
             "sentences": [{"raw": "test 0"}, {"raw": "test 1"}]},
            {"filename": "2.jpg", "imgid": 2, "split": "restval", "sentences": [{"raw": "restval"}]}]}
        split = self.write("dataset_coco.json", json.dumps(karpathy))
        options = dict(format="coco_karpathy", annotations=split, images=self.folder / "coco")
        self.assertEqual(self.captions(self.inspect(**options)), ["restval"])
        self.assertEqual(self.captions(self.inspect(split="test", **options)), ["test 0", "test 1"])
        self.assertEqual(self.captions(self.inspect(split=["test", "restval"], **options)), ["restval", "test 0", "test 1"])
        questions = self.write("questions.json", json.dumps({"data_subtype": "val2014", "questions": [
            {"image_id": 42, "question": "What?", "question_id": 420}]}))
        answers = self.write("annotations.json", json.dumps({"data_subtype": "val2014", "annotations": [
            {"question_id": 420, "image_id": 42, "answers": [{"answer": "shoes"}, {"answer": "boots"}]}]}))
        row = self.inspect(format="vqav2", annotations=[str(questions), str(answers)], images=self.folder / "coco")
        self.assertEqual(self.captions(row), ["boots", "shoes"])
        self.assertIn("format coco reads", self.inspect(3, format="jsonl", annotations=official)["error"])
        self.assertIn("format vqav2 reads", self.inspect(3, format="blip_json", annotations=questions)["error"])

    def test_tables_and_imagefolders(self):
        self.write("data/a,b.png", PICTURE)
        self.write("data/sub/c.png", PICTURE)
        table = self.write("data/train.csv", 'filepath,title\n"a,b.png","one, ""two"""\nsub/c.png,three\n')
        self.assertEqual(self.captions(self.inspect(format="csv", annotations=table)), ['one, "two"', "three"])
        table = self.write("data/train.tsv", "url|words|where\nx|four|a,b.png\n")
        row = self.inspect(format="csv", annotations=table, img_key="where", caption_key="words", separator="|")
        self.assertEqual(self.captions(row), ["four"])
        self.write("data/metadata.csv", 'file_name,text\n"a,b.png",five\n')
        self.write("data/sub/metadata.jsonl", json.dumps({"file_name": "c.png", "text": "six"}))
        self.assertEqual(self.captions(self.inspect(format="imagefolder", images=self.folder / "data")), ["five", "six"])

    def test_shards_of_other_tools(self):
        write_shard(self.folder / "apart.tar", [(f"{i}.jpg", PICTURE) for i in range(2)] + [(f"{i}.caption", f"c{i}".encode())
                                                                                          for i in range(2)])
        self.assertEqual(self.captions(self.inspect(format="webdataset", images=self.folder / "apart.tar")), ["c0", "c1"])
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as shard:
            shard.addfile(tarfile.TarInfo("0.jpg"))
        packed = gzip.compress(buffer.getvalue())
        error = self.inspect(3, format="webdataset", annotations=self.write("0.tar.gz", packed))["error"]
        self.assertIn("a gzip file", error)
        self.assertIn("decompress", error)
        row = self.inspect(format="webdataset", images=self.write("0.tar", packed))
        self.assertIn("a gzip file", row["first_unusable"])
        error = self.inspect(3, format="webdataset", annotations=self.write("0.parquet", b"PAR1...PAR1"))["error"]
        self.assertIn("a parquet file", error)

    def test_a_configuration_may_have_a_mark(self):
        self.write("a.png", PICTURE)
        self.write("a.jsonl", json.dumps({"image": "a.png", "caption": "one"}))
        text = (f"datasets:\r\n  one: {{format: jsonl, annotations: {self.folder / 'a.jsonl'}}}\r\n"
                f"run: {{output_dir: {self.folder / 'out'}}}\r\n")
        for content in (codecs.BOM_UTF8 + text.encode(), text.encode("utf-16")):
            result = blip2("data", "inspect", self.write("run.yaml", content), "--format", "jsonl")
            self.assertEqual(result.returncode, 0, result.stderr)
        result = blip2("data", "inspect", self.write("run.yaml", text.encode() + b"# caf\xe9\n"))
        self.assert_error(result, 2, "run.yaml:4", "UTF-8")
        result = blip2("data", "inspect", self.write("run.yaml", text.replace("jsonl,", "jsonl, split: test,")))
        self.assert_error(result, 2, "datasets.one.split", "no use")


if __name__ == "__main__":
    unittest.main()
