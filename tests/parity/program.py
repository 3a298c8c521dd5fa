"""The program under test: runs a verb, reads its rows and its tensors."""
import json
import os
import pathlib
import subprocess
import tempfile

import PIL
from safetensors.torch import load_file

BINARY = os.environ.get("BLIP2_BINARY", "build/blip2")
READS_PICTURES = ("caption", "answer", "match", "zero-shot", "embed", "index", "search", "evaluate")
# The order of a resize's passes is that of the Pillow at hand.
RESIZE_ORDER = "pillow-13" if int(PIL.__version__.split(".")[0]) >= 13 else "pillow-12"


class Failed(Exception):
    pass


def run(*arguments, statuses=(0,)):
    arguments = [*arguments, *(("--resize-order", RESIZE_ORDER) if arguments[0] in READS_PICTURES else ())]
    done = subprocess.run([BINARY, *map(str, arguments), "--log-level", "warning"], capture_output=True, text=True, check=False)
    if done.returncode not in statuses:
        raise Failed(f"{' '.join(map(str, arguments))}: exit status {done.returncode}: {done.stderr.strip()[-400:]}")
    return done.stdout


def rows(*arguments):
    return [json.loads(line) for line in run(*arguments, "--format", "jsonl").splitlines()]


def features(model, names, pictures=(), texts=(), *more):
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder) / "features.safetensors"
        arguments = ["embed", *pictures, "--model", model, "--features", ",".join(names), "--output", output]
        for text in texts:
            arguments += ["--text", text]
        run(*arguments, *more)
        return load_file(output)


def options(values):
    """{"num_beams": 3, "do_sample": True} as the command line has them."""
    arguments = []
    for name, value in values.items():
        option = "--" + name.replace("_", "-")
        if name == "early_stopping":
            arguments += [option, str(value).lower()]
        elif value is True:
            arguments.append(option)
        elif value is not False:
            arguments += [option, str(value)]
    return arguments
