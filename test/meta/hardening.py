"""hardening.py SOURCE CC: script/check-hardening, check-symbols and lint name what is planted for them."""
import importlib.machinery
import importlib.util
import os
import platform
import re
import subprocess
import sys
import tempfile
import unittest

SOURCE, CC = sys.argv[1:3]

# 4 pages of stack, a buffer, a copy of unknown length, functions that are called through pointers.
PROGRAM = """
#include <stdio.h>
#include <string.h>
typedef int step(int);
%s
step *const steps[] = { %s };
int main(int n, char **words)
{
    char large[16384], small[16];
    memset(large, n, sizeof large);
    memcpy(small, words[0], (size_t)n * 4);
    strcpy(small, words[0]);
    return printf("%%s %%s %%d", large, small, steps[n & 15](n));
}
""" % ("\n".join(f"int f{i}(int x) {{ return x + {i}; }}" for i in range(32)), ", ".join(f"f{i}" for i in range(32)))
GOOD = ["-O2", "-fPIE", "-pie", "-fstack-protector-strong", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=3",
        "-Wl,-z,relro", "-Wl,-z,now", "-Wl,-z,noexecstack", "-Wl,-rpath,$ORIGIN:$ORIGIN/../lib",
        "-Wl,--enable-new-dtags"]
if platform.machine() == "x86_64":
    GOOD += ["-fstack-clash-protection", "-fcf-protection=full"]


class Hardening(unittest.TestCase):
    def check(self, *changes):
        """What check-hardening says to a program with GOOD and these flags."""
        with tempfile.TemporaryDirectory() as folder:
            with open(f"{folder}/p.c", "w", encoding="utf-8") as file:
                file.write(PROGRAM)
            subprocess.run([CC, "-w", *GOOD, *changes, f"{folder}/p.c", "-o", f"{folder}/p"], check=True)
            done = subprocess.run([f"{SOURCE}/script/check-hardening", f"{folder}/p"], text=True,
                                  capture_output=True, check=False)
            return done.returncode, done.stdout + done.stderr

    def refuse(self, expected, *changes):
        code, output = self.check(*changes)
        self.assertEqual(code, 1, output)
        self.assertIn(f"missing: {expected}", output)

    def test_good(self):
        self.assertEqual(self.check()[0], 0, self.check()[1])

    def test_each(self):
        self.refuse("position independent", "-fno-pie", "-no-pie")
        self.refuse("read-only after relocation", "-Wl,-z,norelro")
        self.refuse("bound at the start", "-Wl,-z,lazy")
        self.refuse("no executable stack", "-Wl,-z,execstack")
        self.refuse("stack protector", "-fno-stack-protector")
        self.refuse("checked copies", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=0")
        self.refuse("no RPATH", "-Wl,--disable-new-dtags")

    def test_machine(self):
        if platform.machine() != "x86_64":
            self.skipTest("flags of x86-64")
        self.refuse("marked targets", "-fcf-protection=none")
        self.refuse("probed stack", "-fno-stack-clash-protection")

    def test_places(self):
        for place in ("$ORIGIN:", ":$ORIGIN", "lib", "/tmp/lib", "$ORIGIN::$ORIGIN/x"):
            self.refuse("libraries from fixed places", f"-Wl,-rpath,{place}")


class Symbols(unittest.TestCase):
    def check(self, code):
        with tempfile.TemporaryDirectory() as folder:
            with open(f"{folder}/d.h", "w", encoding="utf-8") as file:
                file.write("#define DCN_API\nDCN_API int dcn_a(int x);\n")
            with open(f"{folder}/d.c", "w", encoding="utf-8") as file:
                file.write(f'#include "d.h"\n#include <stdio.h>\n#include <stdlib.h>\n#include <locale.h>\n{code}\n')
            subprocess.run([CC, "-O2", "-D_FORTIFY_SOURCE=2", "-shared", "-fPIC", "-o", f"{folder}/d.so",
                            f"{folder}/d.c"], check=True)
            done = subprocess.run([f"{SOURCE}/script/check-symbols", f"{folder}/d.so", f"{folder}/d.h"],
                                  text=True, capture_output=True, check=False)
            return done.returncode, done.stdout

    def test_calls(self):
        for name, code in (("abort", "abort();"), ("setlocale", 'setlocale(LC_ALL, "");'),
                           ("printf", 'printf("%d", x);'), ("getenv", 'return getenv("HOME") != 0;'),
                           ("sscanf", 'sscanf("1", "%d", &x);')):
            code, output = self.check(f"int dcn_a(int x) {{ {code} return x; }}")
            self.assertEqual(code, 1, output)
            self.assertIn(f" {name}() is called", output)
        self.assertEqual(self.check("int dcn_a(int x) { return malloc(9) ? x : 0; }")[0], 0)


def lint():
    loader = importlib.machinery.SourceFileLoader("lint", f"{SOURCE}/script/lint")
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("lint", loader))
    loader.exec_module(module)
    return module


class Lint(unittest.TestCase):
    """The judge, and each tool before a source with a fault that it knows."""

    FAULTS = {
        "tidy": ("bugprone-", "#include <string.h>\nint f(char *a);\n"
                 "int f(char *a) { memset(a, sizeof a, 0); return 0; }\n"),
        "cppcheck": ("nullPointer", "int f(void);\nint f(void) { int *p = 0; return *p; }\n"),
        "analyzer": ("Wanalyzer-", "#include <stdlib.h>\nvoid f(void);\n"
                     "void f(void) { int *a = malloc(4); if (a) { free(a); free(a); } }\n"),
    }

    def test_judge(self):
        module = lint()
        one = module.Finding("src/a.c", 3, "check-x", "odd")
        two = one._replace(line=9)
        self.assertEqual(module.judge([one], {("src/a.c", "check-x"): (1, 7)}), [])
        self.assertEqual(len(module.judge([one, two], {})), 2)
        self.assertIn("src/a.c:9: odd [check-x]", module.judge([one, two], {("src/a.c", "check-x"): (1, 7)}))
        self.assertIn("reviewed.txt:7", module.judge([one], {("src/a.c", "check-x"): (2, 7)})[0])
        self.assertIn("reviewed.txt:7", module.judge([], {("src/b.c", "check-x"): (1, 7)})[0])

    def test_list(self):
        module = lint()
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write("[tidy]\n# why\nsrc/a.c check-x 2: a reason\n")
            file.flush()
            self.assertEqual(module.read_reviewed(file.name)["tidy"], {("src/a.c", "check-x"): (2, 3)})
            for line in ("src/a.c check-x 2: again", "src/b.c check-x 2:", "src/b.c check-x: no number", "[nobody]"):
                file.write(line + "\n")
                file.flush()
                self.assertRaises(SystemExit, module.read_reviewed, file.name)
                file.truncate(file.seek(0))
                file.write("[tidy]\nsrc/a.c check-x 2: a reason\n")

    def test_tools(self):
        module = lint()
        for tool, (check, text) in self.FAULTS.items():
            if not module.shutil.which(module.PROGRAMS[tool]):
                print(f"not tried: {module.PROGRAMS[tool]} is missing")
                continue
            with tempfile.TemporaryDirectory() as folder:
                module.ROOT = module.BUILD = folder
                os.makedirs(f"{folder}/src")
                with open(f"{folder}/.clang-tidy", "w", encoding="utf-8") as file:
                    file.write("Checks: '-*,bugprone-*'\n")
                for number, body in enumerate((text, "int f(void) { return (; }", "int x;\n")):
                    with open(f"{folder}/src/{number}.c", "w", encoding="utf-8") as file:
                        file.write(body)
                found, known = module.look(tool, "1", (f"{folder}/src/0.c", ["-std=c11"]))
                self.assertEqual(([f.path for f in found][:1], known), (["src/0.c"], False), tool)
                self.assertTrue(any(check in f.check for f in found), found)
                self.assertEqual(module.look(tool, "1", (f"{folder}/src/0.c", ["-std=c11"])), (found, True))
                self.assertFalse(module.look(tool, "2", (f"{folder}/src/0.c", ["-std=c11"]))[1])
                self.assertTrue(module.look(tool, "1", (f"{folder}/src/1.c", []))[0], "no C, and no finding")
                self.assertEqual(module.look(tool, "1", (f"{folder}/src/2.c", []))[0], [])

    def test_tidy_is_asked(self):
        with open(f"{SOURCE}/.clang-tidy", encoding="utf-8") as file:
            self.assertTrue(re.search(r"bugprone-\*,cert-\*", file.read()))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
