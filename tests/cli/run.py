#!/usr/bin/env python3
"""Runs the tests of every verb in one process, so that they share the models of support.py.

With names ("caption answer") it runs those files alone; each file also runs by itself.
"""
import pathlib
import sys
import unittest

OWN_ENTRIES = {"capfilt", "capfilt_workers", "demo", "fetch_assets", "many_ranks"}  # of CMakeLists.txt

if __name__ == "__main__":
    here = pathlib.Path(__file__).parent
    verbs = {path.stem.removeprefix("test_") for path in here.glob("test_*.py")} - OWN_ENTRIES
    chosen = sys.argv[1:] or sorted(verbs)
    suite = unittest.defaultTestLoader.loadTestsFromNames([f"test_{verb}" for verb in chosen])
    sys.exit(not unittest.TextTestRunner().run(suite).wasSuccessful())
