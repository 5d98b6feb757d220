#!/usr/bin/env python3
"""run.py COMMAND CASE...: runs test/faults/case_CASE.py with the deconvnet command.

DECONVNET_TEST_FULL=1 asks for the longer way. Prints unittest's summary, and figures."""
import os
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, os.pardir, "cli")]
sys.dont_write_bytecode = True

import tool  # noqa: E402


def main():
    if len(sys.argv) < 3:
        sys.exit("run.py: error: arguments: the command and a case are wanted; give both")
    tool.COMMAND = os.path.abspath(sys.argv[1])
    loader, suite = unittest.TestLoader(), unittest.TestSuite()
    with tempfile.TemporaryDirectory(prefix="deconvnet-fault-") as folder:
        tool.FOLDER = folder
        for case in sys.argv[2:]:
            suite.addTests(loader.loadTestsFromName("case_" + case))
        if not suite.countTestCases():
            sys.exit("run.py: error: arguments: no tests in case_%s.py; see test/faults" % sys.argv[2])
        result = unittest.TextTestRunner(stream=sys.stdout, verbosity=1).run(suite)
    if result.skipped and len(result.skipped) == result.testsRun:
        sys.exit(77)
    sys.exit(not result.wasSuccessful())


if __name__ == "__main__":
    main()
