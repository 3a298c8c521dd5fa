#!/usr/bin/env python3
"""Runs the tests of every verb in one process, so that they share the models of support.py.

These are the files that have no entry of their own in tests/CMakeLists.txt. With names ("caption answer") it runs those
files alone; each file also runs by itself.
"""
import pathlib
import re
import sys
import unittest

if __name__ == "__main__":
    here = pathlib.Path(__file__).resolve().parent
    own_entries = set(re.findall(r"cli/test_(\w+)\.py", (here.parent / "CMakeLists.txt").read_text()))
    verbs = {path.stem.removeprefix("test_") for path in here.glob("test_*.py")} - own_entries
    chosen = sys.argv[1:] or sorted(verbs)
    suite = unittest.defaultTestLoader.loadTestsFromNames([f"test_{verb}" for verb in chosen])
    sys.exit(not unittest.TextTestRunner().run(suite).wasSuccessful())
