#!/usr/bin/env python3
"""Lets every verb that writes find the disk full: python tests/faults/verbs.py.

BLIP2_BINARY is the program, BLIP2_FAULTS the preloaded library (fault_injection.cpp). A verb fails at the first, a middle and the
last write, at the first and the last fsync, rename, ..., and at all that follow. It must end with one line that names the file and the
reason, leave what stood there before and nothing else, and do its work when it is started again. (train and capfilt have tests of
their own: run.py, capfilt.py.)
"""
import dataclasses
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
from capfilt_jobs import ENVIRONMENT, make_model, picture  # noqa: E402
from run import faulty, wrong_end  # noqa: E402
from support import BINARY, ENCODER  # noqa: E402

ROWS = "rows"  # where stdout goes


@dataclasses.dataclass
class Verb:
    arguments: list  # {} is the folder to write in
    target: str = ""  # what is written there, beside the rows
    is_whole: bool = True  # else file by file, each of them whole
    older: dict = dataclasses.field(default_factory=dict)  # files that the target replaces
    kept: str = ""  # what may stay unfinished: it need not be computed again


def verbs(shared):
    model = make_model(shared)
    pictures = shared / "pictures"
    pictures.mkdir()
    for number in range(3):
        (pictures / f"{number}.png").write_bytes(picture(number))
    index = shared / "index"
    of_model = ["--model", model]
    subprocess.run([BINARY, "index", "build", pictures, *of_model, "--index", index], env=ENVIRONMENT, check=True, capture_output=True)
    rows = ["--format", "jsonl"]
    config = shared / "model.yaml"
    return [
        Verb(["caption", pictures, *of_model, *rows, "--max-new-tokens", 2]),
        Verb(["match", pictures, *of_model, *rows, "--text", "a red square", "--attention", "{}/maps"], "maps", is_whole=False),
        Verb(["embed", pictures, *of_model, *rows, "--features", "itc_image,query_output", "--output", "{}/x.safetensors"], "x.safetensors",
             older={"x.safetensors": b"older"}),
        Verb(["index", "build", pictures, *of_model, *rows, "--index", "{}/index"], "index",
             older={"index/index.json": b'{"format": "blip2-index-0"}', "index/images.jsonl": b"older"}),
        Verb(["search", "a red square", "--index", index, *rows, "--report", "{}/found.html"], "found.html"),
        Verb(["evaluate", *of_model, "--task", "caption", "--data", shared / "pairs.jsonl", "--output", "{}/scores"], "scores",
             is_whole=False),
        Verb(["convert", ENCODER, "--to", "{}/encoder"], "encoder"),
        Verb(["report", shared / "run", "--output", "{}/page.html"], "page.html"),
        Verb(["train", config, "--resume", "never", "--set", f"run.output_dir={shared / 'cached'}", "--set",
              "datasets.squares.feature_cache={}/cache"], "cache", is_whole=False, kept="cache/view-000.safetensors.partial"),
        Verb(["inspect", model]),
        Verb(["tokenize", "a red square", *of_model, "--tokenizer", "qformer"]),
        Verb(["config", "show", config]),
        Verb(["data", "inspect", config]),
        Verb(["data", "inspect", config, *rows]),
    ]


def contents(folder):
    """Path -> bytes, or None of a folder."""
    return {str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes() for path in folder.rglob("*")}


def chosen(calls):
    """(number, kind) of what is to fail: the first and the last call of a kind, the first write of a file, and a middle one."""
    kinds, first_writes = {}, {}
    calls = [call.split(" ", 1) for call in calls]
    removed = [path for kind, path in calls if kind == "unlink"]
    for number, (kind, path) in enumerate(calls, 1):
        # Whether a folder can be synced is up to the file system; a file that is only tried is closed whatever comes of it.
        if kind == "unlink" or path.endswith("/") or (kind == "close" and path in removed):
            continue
        kinds.setdefault(kind, []).append(number)
        if kind == "write":
            first_writes.setdefault(path, number)
    numbers = {(numbers[place], kind) for kind, numbers in kinds.items()
               for place in ((0, len(numbers) // 2, -1) if kind in ("write", "fflush") else (0, -1))}
    return sorted(numbers | {(number, "write") for number in first_writes.values()})


class Campaign:
    def __init__(self, scratch):
        self.calls, self.folder = scratch / "calls", scratch / "out"
        self.faults = self.wrong = 0

    def complain(self, what, message):
        self.wrong += 1
        print(f"FAIL {what}: {message}", flush=True)

    def run(self, verb, stdout=None, **fault):
        """Exit status and stderr; with `stdout` the rows go there."""
        arguments = [str(word).replace("{}", str(self.folder)) for word in verb.arguments]
        environment = ENVIRONMENT | faulty(self.folder, **fault) if fault else ENVIRONMENT
        with open(stdout or self.folder / ROWS, "w", encoding="utf-8") as rows:
            result = subprocess.run([BINARY, *arguments, "--threads", "1"], env=environment, stdout=rows, stderr=subprocess.PIPE,
                                    text=True, timeout=300)
        return result.returncode, result.stderr

    def clear(self, older):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        for name, content in older.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_bytes(content)
        return contents(self.folder)

    def check(self, what, verb, before, expected):
        """The folder after a fault: every file is whole or as it was; the rows are the first ones."""
        after = contents(self.folder)
        rows = after.pop(ROWS, b"")
        if not expected[ROWS].startswith(rows):
            self.complain(what, f"other rows: {rows}")
        for name, content in after.items():
            is_kept = name in before and content == before[name]
            if not is_kept and name != verb.kept and (name not in expected or content != expected[name]):
                self.complain(what, f"left behind: {name}")
        return after

    def go_on(self, what, verb, expected):
        status, stderr = self.run(verb)
        if status != 0:
            self.complain(what, f"started again: exit status {status}: {stderr[-300:]}")
        elif contents(self.folder) != expected:
            self.complain(what, f"started again: other files than the undisturbed verb's: {contents(self.folder).keys()}")

    def full_at(self, verb, older, number, kind, expected):
        what = f"{verb.arguments[0]}{' over an older one' if older else ''}, full at call {number} ({kind})"
        before = self.clear(older)
        self.faults += 1
        if wrong := wrong_end("full", *self.run(verb, kind="full", at=number), "stdout" if kind == "fflush" else verb.target):
            self.complain(what, wrong)
        after = self.check(what, verb, before, expected)
        if verb.is_whole and kind != "fflush" and after != before:
            self.complain(what, f"not as it was before: {after.keys()}")
        if kind == "rename" or verb.kept in after:
            self.go_on(what, verb, expected)

    def full_everywhere(self, verb):
        for older in (({}, verb.older) if verb.older else ({},)):
            self.clear(older)
            status, stderr = self.run(verb, kind="count", calls=self.calls)
            assert status == 0, stderr
            expected = contents(self.folder)
            for number, kind in chosen(self.calls.read_text().splitlines()):
                if not older or kind == "rename":
                    self.full_at(verb, older, number, kind, expected)
        before = self.clear({})
        self.faults += 1
        what = f"{verb.arguments[0]} to a full stdout"
        if wrong := wrong_end("full", *self.run(verb, stdout="/dev/full"), "stdout"):
            self.complain(what, wrong)
        self.check(what, verb, before, expected)


def main():
    with tempfile.TemporaryDirectory() as name:
        scratch = pathlib.Path(name)
        started = time.monotonic()
        campaign = Campaign(scratch)
        for verb in verbs(scratch):
            campaign.full_everywhere(verb)
        print(f"{campaign.faults} faults injected, {campaign.wrong} wrong outcomes, {time.monotonic() - started:.0f} s")
        return campaign.wrong > 0


if __name__ == "__main__":
    sys.exit(main())
