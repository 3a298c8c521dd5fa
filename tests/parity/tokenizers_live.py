#!/usr/bin/env python3
"""Compares our tokenizers with PyPI tokenizers over random combinations of all components (tools/tokenizer_pipelines.py), live:

    python tests/parity/tokenizers_live.py BUILD/text_test [--tokenizers 2000] [--seed 7]
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import tokenizers

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
import tokenizer_pipelines  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("--tokenizers", type=int, default=600)
    parser.add_argument("--strings", type=int, default=12, help="strings for each")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "pipelines.jsonl"
        with open(path, "w") as out:
            for line in tokenizer_pipelines.cases(options.tokenizers, options.seed, options.strings):
                print(line, file=out)
        result = subprocess.run([options.binary, "--gtest_brief=1", "--gtest_filter=Pipelines.*"],
                                env={**os.environ, "BLIP2_PIPELINE_CASES": str(path)})
    print(f"{options.tokenizers} random tokenizers against tokenizers {tokenizers.__version__}: "
          + ("all equal" if result.returncode == 0 else "DIFFERENCES, see above"))
    return result.returncode


if __name__ == "__main__":
    raise SystemExit(main())
