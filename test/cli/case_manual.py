"""The manual pages are those of the commands, and mandoc finds nothing wrong with them."""
import os
import shutil
import subprocess
import unittest

from tool import Case, call

PAGES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "man")
COMMANDS = (None, "train", "eval", "show", "atlas", "atlas-merge", "info", "convert", "bench", "fetch")


def name(command):
    return "deconvnet-%s.1" % command if command else "deconvnet.1"


class Manual(Case):
    def test_up_to_date(self):
        for command in COMMANDS:
            with open(os.path.join(PAGES, name(command)), encoding="utf-8") as file:
                page = file.read()
            made = self.good(call("help", "--man", *([command] if command else [])))
            self.assertEqual(page, made, "run script/man")

    @unittest.skipUnless(shutil.which("mandoc"), "mandoc is not installed")
    def test_lint(self):
        for command in COMMANDS:
            page = os.path.join(PAGES, name(command))
            result = subprocess.run(["mandoc", "-T", "lint", "-W", "style", page], capture_output=True)
            # The pages refer to each other, and need not be installed here.
            faults = [line for line in result.stdout.decode().splitlines()
                      if "referenced manual not found: Xr deconvnet" not in line]
            self.assertEqual(faults, [])
