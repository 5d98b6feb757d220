"""Arguments, the environment, the standard files."""
import os
import subprocess

import tool
from tool import Case, call, environment


class Arguments(Case):
    def test_help_and_version(self):
        self.assertIn("train", self.good(call("--help")))
        self.assertTrue(self.good(call("--version")).startswith("deconvnet "))
        for command in ("train", "eval", "show", "info", "convert", "bench", "fetch"):
            text = self.good(call(command, "--help"))
            self.assertIn("Usage: deconvnet " + command, text)
            self.assertIn("Exit codes:", text)
            self.assertIn("xample" if command != "train" else "--resume runs/a", text)
            self.assertEqual(text, self.good(call("help", command)))

    def test_wrong_commands(self):
        self.bad(call(), 2, "a command is missing")
        self.bad(call("trian"), 2, 'did you mean "deconvnet train"')
        self.bad(call("zzzzzzzz"), 2, "deconvnet --help")
        self.bad(call("--quiet", "train"), 2, "before the command")
        self.bad(call("help", "shw"), 2, "deconvnet show")

    def test_wrong_options(self):
        self.bad(call("train", "--stesp", "3"), 2, "did you mean --steps?")
        self.bad(call("train", "--steps"), 2, "--steps needs a value")
        self.bad(call("train", "-b"), 2, "-b needs a value")
        self.bad(call("train", "-Z"), 2, "-Z")
        self.bad(call("train", "--json=1"), 2, "takes no value")
        self.bad(call("train", "--s", "1"), 2, "in full")
        self.bad(call("train", "extra"), 2, '"extra"')
        self.bad(call("show"), 2, "--model")
        self.bad(call("info"), 2, "no path")
        self.bad(call("fetch"), 2, "cifar10")
        self.bad(call("fetch", "imagenet"), 2, "imagenet")

    def test_empty_names(self):
        for option in ("data", "net", "out", "resume"):
            self.bad(call("train", "--%s=" % option), 2, "--%s: " % option, "empty")
        for option in ("data", "model", "out", "dump", "input"):
            self.bad(call("show", "--" + option, ""), 2, "--%s: " % option, "empty")
        self.bad(call("bench", "--file="), 2, "--file: ", "empty")
        self.bad(call("fetch", "--to="), 2, "--to: ", "empty")
        self.bad(call("info", ""), 2, "arguments: ", "empty")

    def test_wrong_values(self):
        for value in ("", "3x", " 3", "+3", "0x3", "3.0", "1e3", "-", "--", "nan"):
            self.bad(call("train", "--steps=" + value), 2, "--steps: ", "whole number")
        for value in ("0", "-1", "1000000001", "99999999999999999999999"):
            self.bad(call("train", "--steps=" + value), 2, "--steps: ", "1..1000000000")
        for value in ("", "abc", "0x1p3", "inf", "nan", "1e999", "0", "-1", " 1"):
            self.bad(call("train", "--lr=" + value), 2, "--lr: ")
        self.bad(call("train", "--augment", "much"), 2, "none, cifar")
        self.bad(call("train", "--device", "abacus"), 2, "abacus")
        self.bad(call("train", "--device", "cuda"), 7, "--device auto")
        self.bad(call("train", "--engine", "gpu"), 2, "cpu, ref")

    def test_hostile_bytes_are_escaped(self):
        line = self.bad(call("train", "--steps", b"\x1b[31m\n\xff3".decode("latin-1")), 2)
        self.assertIn("\\x1b", line)
        self.bad(call("train", os.fsdecode(b"\xff\xfe" * 3000)), 2)
        self.bad(call("train", "--data", "synthetic", "--net", "/" + "n" * 3000), 4)

    def test_environment(self):
        def with_env(**names):
            return call("train", "--data", "synthetic", "--dry-run", env=environment(**names))
        self.assertIn("0 to 77", self.good(with_env(DECONVNET_STEPS="77")))
        self.assertIn("0 to 1500", self.good(with_env(DECONVNET_STEPS="")))
        self.bad(with_env(DECONVNET_STEPS="many"), 2, "DECONVNET_STEPS: ")
        self.bad(with_env(DECONVNET_JSON="perhaps"), 2, "DECONVNET_JSON: ")
        if "Jansson" in self.good(call("--version")):
            self.assertTrue(self.good(with_env(DECONVNET_JSON="1")).startswith("{"))
        both = call("train", "--data", "synthetic", "--dry-run", "--steps", "5",
                    env=environment(DECONVNET_STEPS="77"))
        self.assertIn("0 to 5\n", self.good(both))
        self.assertIn("synthetic", self.good(call("train", "--dry-run",
                                                  env=environment(DECONVNET_DATA="synthetic"))))

    def test_locale_changes_nothing(self):
        for locale in ("de_DE.UTF-8", "C", "tr_TR.UTF-8"):
            self.good(call("train", "--data", "synthetic", "--dry-run", "--lr", "0.5",
                           env=environment(LC_ALL=locale)))


class StandardFiles(Case):
    def test_full_output(self):
        with open("/dev/full", "w") as full:
            result = subprocess.run([tool.COMMAND, "train", "--help"], stdout=full,
                                    stderr=subprocess.PIPE, env=environment())
        self.bad(result, 4, "standard output", "No space")

    def test_reader_that_leaves(self):
        read_end, write_end = os.pipe()
        os.close(read_end)
        result = subprocess.run([tool.COMMAND, "--help"], stdout=write_end, stderr=subprocess.PIPE,
                                env=environment())
        os.close(write_end)
        self.bad(result, 4, "standard output", "its reader has gone")
        # More than one buffer of text: the write that fails is not the last.
        many = tool.write("many.txt", "input 12x12x3\n" + "relu\n" * 900 + "dense units=10\nsoftmax\n")
        script = '"$0" info "$1" | head -n 1 >/dev/null; exit ${PIPESTATUS[0]}'
        result = subprocess.run(["bash", "-c", script, tool.COMMAND, many], stderr=subprocess.PIPE,
                                env=environment())
        self.bad(result, 4, "standard output", "its reader has gone")

    def test_closed_files(self):
        """No file of the run gets number 0..2: nothing is written into them."""
        script = '"$0" train --data synthetic --net "$1" --steps 2 -b 4 --out closed 0<&- 1>&- 2>&-'
        result = subprocess.run(["sh", "-c", script, tool.COMMAND, tool.CROPPED], cwd=tool.FOLDER,
                                env=environment())
        self.assertEqual(result.returncode, 4)         # the results had nowhere to go
        self.assertTrue(tool.read("closed/model.safetensors")[8:9] == b"{")
        for name in os.listdir(tool.path("closed")):
            data = tool.read("closed", name)
            self.assertFalse(b"step 0, " in data or b"writing to" in data, name)
