"""Runs all tests here against the server at SALON_URL; prints a line for each."""

import logging
import pathlib
import sys
import unittest

import lines


if __name__ == "__main__":
    logging.getLogger("nio").setLevel(logging.ERROR)
    here = str(pathlib.Path(__file__).parent)
    pattern = f"test_{sys.argv[1]}.py" if len(sys.argv) > 1 else "test_*.py"
    tests = unittest.defaultTestLoader.discover(here, pattern=pattern)
    lines.run(tests)
