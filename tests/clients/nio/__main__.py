"""Runs all tests here against the server at SALON_URL; prints a line for each."""

import logging
import pathlib
import sys
import unittest


class Lines(unittest.TextTestResult):
    """Writes a line for each test as it ends, and why it failed at the end."""

    def _tell(self, test, verdict):
        print(f"test {type(test).__name__.lower()}::{test._testMethodName.removeprefix('test_')} ... {verdict}", flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self._tell(test, "ok")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._tell(test, "FAILED")

    def addError(self, test, err):
        super().addError(test, err)
        self._tell(test, "FAILED")


if __name__ == "__main__":
    logging.getLogger("nio").setLevel(logging.ERROR)
    here = str(pathlib.Path(__file__).parent)
    pattern = f"test_{sys.argv[1]}.py" if len(sys.argv) > 1 else "test_*.py"
    tests = unittest.defaultTestLoader.discover(here, pattern=pattern)
    outcome = unittest.TextTestRunner(sys.stdout, verbosity=0, resultclass=Lines).run(tests)
    sys.exit(not outcome.wasSuccessful())
