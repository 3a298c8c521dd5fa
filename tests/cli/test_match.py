#!/usr/bin/env python3
"""`blip2 match`: rows for every pair, and heat maps."""
import unittest

from support import ModelCase, blip2, png, rows_of, write_shard


class WithModels(ModelCase):
    def test_attention_of_a_shards_pictures(self):
        shard = self.folder / "00000.tar"
        write_shard(shard, [("red.png", (self.pictures / "red.png").read_bytes())])
        maps = self.folder / "maps"
        result = blip2("match", shard, "--text", "a", "--model", self.stage1, "--attention", maps)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual([path.name for path in maps.iterdir()], ["0000_red_00.png"])

    def test_heat_maps_of_long_names_and_bad_pictures(self):
        long = self.folder / ("a" * 251 + ".png")
        long.write_bytes((self.pictures / "red.png").read_bytes())
        bad = self.folder / "bad.png"
        bad.write_bytes(b"no picture")
        maps = self.folder / "maps"
        result = blip2("match", long, bad, self.pictures / "blue.png", "--text", "a", "b", "--model", self.stage1,
                       "--attention", maps, "--format", "jsonl")
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertEqual([("error" in row, row["image"]) for row in rows_of(result.stdout)],
                         [(False, str(long))] * 2 + [(True, str(bad))] + [(False, str(self.pictures / "blue.png"))] * 2)
        self.assertEqual(sorted(path.name for path in maps.iterdir()),
                         [f"0000_{'a' * 200}_0{i}.png" for i in range(2)] + [f"0002_blue_0{i}.png" for i in range(2)])

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


if __name__ == "__main__":
    unittest.main()
