"""coverage.py SOURCE: script/coverage compares with its floors as it should, and fails when it should."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

SOURCE = sys.argv[1]


def line(number, count, *branches):
    return {"line_number": number, "count": count, "gcovr/noncode": False,
            "branches": [{"count": b, "fallthrough": False, "throw": False} for b in branches]}


class Floors(unittest.TestCase):
    # 3 of 4 lines, 3 of 4 branches of src/base; nothing of src/base/deep.
    COUNTS = {"src/base/a.c": [line(1, 5), line(2, 5, 5, 0), line(3, 0)], "src/base/b.c": [line(1, 1, 1, 1)],
              "src/base/deep/c.c": [line(1, 0)]}

    def judge(self, floors, counts=None):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in (("counts", json.dumps({"files": [{"file": name, "lines": lines} for name, lines in (
                    counts or self.COUNTS).items()]})), ("floors", floors)):
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(text)
            done = subprocess.run([f"{SOURCE}/script/coverage", "--judge", f"{folder}/counts", "--floors",
                                   f"{folder}/floors"], text=True, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, check=False)
            return done.returncode, done.stdout

    def test_at_the_floor(self):
        code, output = self.judge("[floors]\nsrc/base 75 75\nsrc/base/deep 0 100\n")
        self.assertEqual(code, 0, output)
        self.assertRegex(output, r"src/base +4 +75\.00 +75\.0 +4 +75\.00 +75\.0\n")
        self.assertNotIn("raise", output)

    def test_noise(self):
        self.assertEqual(self.judge("[floors]\nsrc/base 75.2 75\nsrc/base/deep 0 0\n")[0], 0)

    def test_lines_below(self):
        code, output = self.judge("[floors]\nsrc/base 75.3 75\nsrc/base/deep 0 0\n")
        self.assertEqual(code, 1)
        self.assertIn("FAILED  src/base: 75.00 % of the lines are executed, the floor is 75.3", output)

    def test_branches_below(self):
        code, output = self.judge("[floors]\nsrc/base 75 76\nsrc/base/deep 0 0\n")
        self.assertEqual(code, 1)
        self.assertIn("FAILED  src/base: 75.00 % of the branches are executed, the floor is 76.0", output)

    def test_far_above(self):
        code, output = self.judge("[floors]\nsrc/base 73.9 75\nsrc/base/deep 0 100\n")
        self.assertEqual(code, 0)
        self.assertIn("src/base: 75.00 % of the lines; raise its floor of 73.9", output)

    def test_group(self):
        code, output = self.judge("[groups]\nall : src/**\none : src/base/a.c\n[floors]\nall 60 75\none 66.6 50\n"
                                  "src/base 75 75\nsrc/base/deep 0 0\n")
        self.assertEqual(code, 0, output)
        self.assertRegex(output, r"all +5 +60\.00")
        self.assertRegex(output, r"one +3 +66\.67")

    def test_room_without_a_floor(self):
        code, output = self.judge("[floors]\nsrc/base 75 75\n")
        self.assertEqual(code, 1)
        self.assertIn("src/base/deep: has no floor", output)

    def test_group_of_nothing(self):
        code, output = self.judge("[groups]\nold : src/gone.c\n[floors]\nold 0 0\nsrc/base 75 75\nsrc/base/deep 0 0\n")
        self.assertEqual(code, 1)
        self.assertIn("old: nothing is counted in src/gone.c", output)

    def test_wrong_line(self):
        code, output = self.judge("[floors]\nsrc/base 75\n")
        self.assertEqual(code, 2)
        self.assertIn(":2: cannot be understood", output)

    def test_no_counts(self):
        done = subprocess.run([f"{SOURCE}/script/coverage", "--judge", "/nowhere"], text=True, capture_output=True,
                              check=False)
        self.assertEqual(done.returncode, 4)

    def test_every_room_has_a_floor(self):
        with open(f"{SOURCE}/test/coverage.txt", encoding="utf-8") as file:
            named = {text.split()[0] for text in file.read().split("[floors]")[1].splitlines() if text.strip()}
        for top in ("src", "cli"):
            for folder, _, names in os.walk(f"{SOURCE}/{top}"):
                if any(name.endswith(".c") for name in names):
                    self.assertIn(os.path.relpath(folder, SOURCE), named)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
