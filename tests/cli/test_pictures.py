#!/usr/bin/env python3
"""The inputs that verbs share: files, folders, shards and what fails among them."""
import gzip
import json
import os
import random
import struct
import unittest
import zlib

from support import ModelCase, blip2, limited, log_rows, png, read_tensors, rows_of, write_shard


def noise(width, height, is_turned=False):
    """A PNG of random colours; turned: stored on its side, with the EXIF orientation (6) that rights it."""
    draw = random.Random(1)
    colours = [[tuple(draw.randrange(256) for _ in range(3)) for _ in range(width)] for _ in range(height)]
    if is_turned:  # a clockwise quarter turn of what is stored gives the picture
        colours = [[colours[y][x] for y in range(height)] for x in reversed(range(width))]

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + b"".join(map(bytes, row)) for row in colours)
    exif = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", len(colours[0]), len(colours), 8, 2, 0, 0, 0)) +
            (chunk(b"eXIf", exif) if is_turned else b"") + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


class WithModels(ModelCase):
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

    def test_only_what_a_person_put_there_is_read(self):
        red = (self.pictures / "red.png").read_bytes()
        good = ["IMG_1.png", "IMG_2.JFIF", "sub/IMG_3.jpe"]
        bad = ["._IMG_1.png", ".hidden.png", "__MACOSX/IMG_1.png", "sub/.ipynb_checkpoints/IMG_3-checkpoint.jpe"]
        for name in good + bad:
            path = self.folder / "pictures" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(red if name in good else b"left by a program")
        (self.folder / "pictures/sub/loop").symlink_to("..")
        shard = self.folder / "00000.tar"
        write_shard(shard, [(f"./{name}", red if name in good else b"left by a program") for name in bad + good])
        options = ("--model", self.stage1, "--format", "jsonl", "--text", "a red square")
        for place, names in ((self.folder / "pictures", good), (shard, [f"./{name}" for name in good])):
            result = blip2("match", place, *options)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual([row["image"] for row in rows_of(result.stdout)], [f"{place}/{name}" for name in names])
        # What is named itself is read, and a list on stdin may have a mark.
        named = self.folder / "pictures/.named.png"
        named.write_bytes(red)
        self.assertEqual(blip2("match", named, *options).returncode, 0)
        result = blip2("match", "-", *options, stdin=f"\ufeff{named}\r\n\r\n")
        self.assertEqual([row["image"] for row in rows_of(result.stdout)], [str(named)], result.stderr)
        packed = self.folder / "00000.tar.gz"
        packed.write_bytes(gzip.compress(shard.read_bytes()))
        for place, words in ((packed, "a gzip file: decompress it first"),):
            result = blip2("match", place, *options)
            self.assertEqual(result.returncode, 3)
            self.assertIn(words, rows_of(result.stdout)[0]["error"])

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

    def pixels(self, path, *options):
        output = self.folder / "pixels.safetensors"
        result = blip2("embed", path, "--model", self.stage1, "--features", "pixel_values", "--output", output, *options)
        self.assertEqual(result.returncode, 0, result.stderr)
        return read_tensors(output)["pixel_values"]

    def test_exif_rotate_reaches_every_verb(self):
        upright, turned = self.folder / "upright.png", self.folder / "turned.png"
        upright.write_bytes(noise(20, 36))
        turned.write_bytes(noise(20, 36, is_turned=True))
        # Not assertEqual, which would print all pixels.
        self.assertTrue(self.pixels(turned, "--exif-rotate") == self.pixels(upright))
        self.assertFalse(self.pixels(turned) == self.pixels(upright))
        scores, logs = {}, {}
        for path, options, settings in ((upright, (), ()), (turned, ("--exif-rotate",), ("exif_rotate=true",)), (turned, (), ())):
            data = self.folder / "data.jsonl"
            data.write_text("".join(json.dumps({"image": str(image), "caption": text}) + "\n" for image, text in
                                    ((path, "red above blue"), (self.pictures / "red.png", "red"))))
            name = f"{path.stem}{len(options)}"
            scores[name] = blip2("evaluate", "--model", self.stage1, "--task", "retrieval", "--data", data, "--rerank", 0,
                                 "--output", self.folder / "scores", *options).stdout
            self.assertIn("txt_r1", scores[name])
            for cache in ("", f"datasets.squares.feature_cache={self.folder / name}"):
                run = self.folder / f"run_{name}_{bool(cache)}"
                arguments = [word for value in (f"datasets.squares.annotations={data}", f"run.output_dir={run}", *([cache] if cache else []),
                                                *(f"datasets.squares.{setting}" for setting in settings)) for word in ("--set", value)]
                result = blip2("train", self.shared / "stage1.yaml", *arguments, "--set", "run.log_every=1")
                self.assertEqual(result.returncode, 0, result.stderr)
                logs[name, bool(cache)] = log_rows(run)
        for cached in (False, True):
            self.assertEqual(logs["turned1", cached], logs["upright0", cached])
            self.assertNotEqual(logs["turned0", cached], logs["upright0", cached])

    def test_the_resize_order_is_the_users(self):
        tall = self.folder / "tall.png"
        tall.write_bytes(noise(300, 901))
        new, old = self.pixels(tall), self.pixels(tall, "--resize-order", "pillow-12")
        self.assertTrue(self.pixels(tall, "--resize-order", "pillow-13") == new)
        self.assertFalse(old == new)
        self.assertLess(max(abs(a - b) for a, b in zip(old[1], new[1])), 0.5)  # what one pass rounds and clips, the other spreads
        self.assert_error(blip2("embed", tall, "--model", self.stage1, "--features", "pixel_values", "--output", "x",
                                "--resize-order", "pillow"), 2, "--resize-order", "pillow-13, pillow-12")

    def test_a_limit_of_pixels_holds_in_training(self):
        result = blip2("train", self.shared / "stage1.yaml", "--set", f"run.output_dir={self.folder / 'run'}",
                       "--set", "datasets.squares.max_image_pixels=1199")
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("expected at most 1199 pixels, found 40 x 30", result.stderr)

    def test_what_is_no_picture_is_named(self):
        heic = self.folder / "IMG_1.jpg"
        heic.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
        page = self.folder / "photo.jpg"
        page.write_bytes(b"<!DOCTYPE html><html><body>404</body></html>")
        result = blip2("caption", heic, page, "--model", self.stage2)
        self.assertEqual(result.returncode, 3, result.stderr)
        for line, words in zip(result.stderr.splitlines(), ("found a HEIC picture; convert it", "found an HTML page; the server"), strict=True):
            self.assertIn(words, line)

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


if __name__ == "__main__":
    unittest.main()
