#!/usr/bin/env python3
"""run.py FAKE_BOOK [PART...]: reads books in headless Chromium as a user would, and checks what
stands there. Exits with 77, saying why, where there is no Chromium or no Selenium."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

PARTS = ("look", "walk", "order", "pointing", "single", "large")


def main():
    if len(sys.argv) < 2:
        sys.exit("run.py: error: arguments: the program that makes books is missing; give its path")
    try:
        import browser
    except ImportError as error:
        print(f"skipped: Selenium is not installed ({error}); script/bootstrap test installs it")
        sys.exit(77)
    missing = browser.missing()
    if missing:
        print(f"skipped: {missing} is not installed; script/bootstrap test installs it")
        sys.exit(77)
    loader, suite = unittest.TestLoader(), unittest.TestSuite()
    with tempfile.TemporaryDirectory(prefix="deconvnet-page-") as folder:
        browser.MAKER, browser.FOLDER = os.path.abspath(sys.argv[1]), folder
        for part in sys.argv[2:] or PARTS:
            suite.addTests(loader.loadTestsFromName("case_" + part))
        if not suite.countTestCases():
            sys.exit("run.py: error: arguments: no tests; name one of " + " ".join(PARTS))
        result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
    sys.exit(not result.wasSuccessful())


if __name__ == "__main__":
    main()
