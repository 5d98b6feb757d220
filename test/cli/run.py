#!/usr/bin/env python3
"""run.py COMMAND [PART...]: runs the deconvnet command as a user would and checks what it does.

Every failing call must end with a known status and one error line of the known shape. Prints
nothing but unittest's summary."""
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import tool  # noqa: E402

PARTS = ("arguments", "files", "train", "resume", "show", "channels", "atlas", "parts", "onnx", "bench",
         "manual")   # and minimal


def main():
    if len(sys.argv) < 2:
        sys.exit("run.py: error: arguments: the command is missing; give its path")
    tool.COMMAND = os.path.abspath(sys.argv[1])
    parts = sys.argv[2:] or PARTS
    loader, suite = unittest.TestLoader(), unittest.TestSuite()
    with tempfile.TemporaryDirectory(prefix="deconvnet-cli-") as folder:
        tool.FOLDER = folder
        for part in parts:
            suite.addTests(loader.loadTestsFromName("case_" + part))
        if not suite.countTestCases():
            sys.exit("run.py: error: arguments: no tests; name one of " + " ".join(PARTS))
        result = unittest.TextTestRunner(stream=sys.stdout, verbosity=1).run(suite)
    if result.skipped and len(result.skipped) == result.testsRun:
        sys.exit(77)
    sys.exit(not result.wasSuccessful())


if __name__ == "__main__":
    main()
