"""How test programs written in Python tell what came of their tests."""

import sys
import unittest


class Lines(unittest.TextTestResult):
    """Writes a line for each test as it ends, and why it failed at the end."""

    def _tell(self, test, verdict):
        # What fails before the first test of a class is no test of it.
        method = getattr(test, "_testMethodName", str(test))
        name = f"{type(test).__name__.lower()}::{method.removeprefix('test_')}"
        print(f"test {name} ... {verdict}", flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self._tell(test, "ok")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._tell(test, "FAILED")

    def addError(self, test, err):
        super().addError(test, err)
        self._tell(test, "FAILED")


def run(tests):
    """Runs tests and ends the program: with 0 if all of them passed."""
    outcome = unittest.TextTestRunner(sys.stdout, verbosity=0, resultclass=Lines).run(tests)
    sys.exit(not outcome.wasSuccessful())
