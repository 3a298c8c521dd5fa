#!/usr/bin/env python3
"""Makes tests/golden/image/transforms_*.tsv: settings of image processors drawn at random, and the pixels that transformers gives with them.

Run it in both environments of `make parity`: .venv-parity/bin/python tools/make_transform_goldens.py, then .venv-parity5/bin/python.
"""
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent / "tests"
sys.path.insert(0, str(ROOT / "parity"))

import transforms  # noqa: E402

transforms.write_goldens(ROOT / "golden" / "image" / f"transforms_{5 if transforms.IS_5 else 4}.tsv")
