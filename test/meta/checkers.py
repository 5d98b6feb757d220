"""checkers.py SOURCE CC: every checker of script/ passes a clean tree and names a planted fault."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE, CC = sys.argv[1:3]


class Tree:
    """A small tree with the real script/layers.txt and what a test puts there."""

    def __enter__(self):
        self.root = tempfile.mkdtemp(prefix="dcn-meta-")
        os.makedirs(f"{self.root}/script")
        shutil.copy(f"{SOURCE}/script/layers.txt", f"{self.root}/script/layers.txt")
        with open(f"{self.root}/script/layers.txt", encoding="utf-8") as file:
            kept = file.read().split("[exceptions]")
        words = kept[1][kept[1].index("[words]"):]
        self.put("script/layers.txt", kept[0] + "[exceptions]\n" + words)
        self.put("src/base/memory.c", '#include "base/memory.h"\nvoid *f(void) { return malloc(1); }\n')
        self.put("src/graph/graph.c", '#include "base/memory.h"\n#include "deconvnet.h"\n')
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.root)

    def put(self, path, text):
        path = f"{self.root}/{path}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def check(self, name):
        done = subprocess.run([f"{SOURCE}/script/{name}", self.root], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return done.returncode, done.stdout


class Layers(unittest.TestCase):
    def refuse(self, path, text, expected):
        with Tree() as tree:
            self.assertEqual(tree.check("check-layers")[0], 0)
            tree.put(path, text)
            code, output = tree.check("check-layers")
            self.assertNotEqual(code, 0, f"passed: {text}")
            self.assertIn(expected, output)

    def accept(self, path, text):
        with Tree() as tree:
            tree.put(path, text)
            code, output = tree.check("check-layers")
            self.assertEqual(code, 0, output)

    def test_upward(self):
        self.refuse("src/graph/x.c", '\n#include "engine/engine.h"\n', "src/graph/x.c:2:")

    def test_sideways(self):
        self.refuse("src/data/x.c", '#include "view/png.h"\n', "src/data/x.c:1:")

    def test_engine_sees_engine(self):
        self.refuse("src/engine/cpu/x.c", '#include "engine/ref/conv.h"\n', "src/engine/cpu/x.c:1:")

    def test_relative_path(self):
        self.refuse("src/graph/x.c", '#include "../engine/engine.h"\n', "src/graph/x.c:1:")

    def test_command_sees_inside(self):
        self.refuse("cli/x.c", '#include "base/text.h"\n', "cli/x.c:1:")

    def test_library_elsewhere(self):
        self.refuse("src/graph/x.c", "#include <png.h>\n", "belongs to src/codec")

    def test_header_counts(self):
        self.refuse("src/base/x.h", '# include "graph/graph.h"\n', "src/base/x.h:1:")

    def test_calls(self):
        for call in ("strcpy", "strcat", "sprintf", "gets", "atoi", "atof", "strtok", "rand",
                     "alloca", "malloc", "calloc", "realloc", "free", "getenv", "printf", "exit"):
            self.refuse("src/graph/x.c", f"int x;\nvoid f(void) {{ {call} (0); }}\n",
                        f"src/graph/x.c:2: {call}() is banned")

    def test_words(self):
        word = "TO" + "DO"
        self.refuse("src/graph/x.c", f"/* {word}: later */\n", "src/graph/x.c:1:")
        self.refuse("docs/x.md", f"\n{word}\n", "docs/x.md:2:")

    def test_exception(self):
        with Tree() as tree:
            tree.put("src/codec/x.c", "void f(void *p) { free(p); }\n")
            path = f"{tree.root}/script/layers.txt"
            with open(path, encoding="utf-8") as file:
                rules = file.read()
            tree.put("script/layers.txt",
                     rules.replace("[exceptions]", "[exceptions]\nsrc/codec/x.c free"))
            self.assertEqual(tree.check("check-layers")[0], 0)
            tree.put("src/codec/x.c", "\n")
            self.assertIn("is not needed", tree.check("check-layers")[1])

    def test_no_false_alarm(self):
        self.accept("src/graph/x.c", '/* malloc(1), never strcpy() */\n// rand()\n'
                    'const char *s = "exit(1) \\" printf(";\n'
                    'void f(struct t *t) { t->free(t); t.malloc(1); dcn__free(t); }\n')
        self.accept("src/codec/x.c", '#include <png.h>\n#include "events.pb-c.h"\n')
        self.accept("src/engine/ref/x.c", '#include "engine/ref/real.h"\n#include "graph/graph.h"\n')


class Sizes(unittest.TestCase):
    def refuse(self, text, expected):
        with Tree() as tree:
            self.assertEqual(tree.check("check-sizes")[0], 0)
            tree.put("src/graph/x.c", text)
            code, output = tree.check("check-sizes")
            self.assertNotEqual(code, 0)
            self.assertIn(expected, output)

    def test_file(self):
        self.refuse("int x;\n" * 5000, "src/graph/x.c:1: 35000 bytes")

    def test_line(self):
        self.refuse("\n" + "x" * 121 + "\n", "src/graph/x.c:2: 121 columns")

    def test_longer_line_in_test(self):
        with Tree() as tree:
            tree.put("test/unit/x.c", "x" * 140 + "\n")
            self.assertEqual(tree.check("check-sizes")[0], 0)
            tree.put("test/unit/x.c", "x" * 141 + "\n")
            self.assertNotEqual(tree.check("check-sizes")[0], 0)

    def test_the_page(self):
        for name, text in (("x.css", "x" * 121 + "\n"), ("x.html", "x" * 121 + "\n"), ("x.js", "x" * 33000),
                           ("x.js", "function f() {\n" + "    ;\n" * 120 + "}\n")):
            with Tree() as tree:
                tree.put("src/view/" + name, text[:20] + "\n")
                self.assertEqual(tree.check("check-sizes")[0], 0)
                tree.put("src/view/" + name, text)
                self.assertNotEqual(tree.check("check-sizes")[0], 0)

    def test_function(self):
        self.refuse("static int f(void)\n{\n" + "    ;\n" * 120 + "}\n", "f has 122 lines")

    def test_empty_tree(self):
        with Tree() as tree:
            shutil.rmtree(f"{tree.root}/src")
            self.assertNotEqual(tree.check("check-sizes")[0], 0)


class Symbols(unittest.TestCase):
    HEADER = '#define DCN_API __attribute__((visibility("default")))\nDCN_API int dcn_a(void);\n'

    def check(self, code):
        with tempfile.TemporaryDirectory() as folder:
            with open(f"{folder}/d.h", "w", encoding="utf-8") as file:
                file.write(self.HEADER)
            with open(f"{folder}/d.c", "w", encoding="utf-8") as file:
                file.write('#include "d.h"\n' + code)
            subprocess.run([CC, "-shared", "-fPIC", "-fvisibility=hidden", "-o",
                            f"{folder}/d.so", f"{folder}/d.c"], check=True)
            done = subprocess.run([f"{SOURCE}/script/check-symbols", f"{folder}/d.so",
                                   f"{folder}/d.h"], text=True, capture_output=True, check=False)
            return done.returncode, done.stdout

    def test_same(self):
        self.assertEqual(self.check("int dcn_a(void) { return 1; }")[0], 0)

    def test_missing(self):
        code, output = self.check("int dcn_b(void) { return 1; }")
        self.assertNotEqual(code, 0)
        self.assertIn("dcn_a is declared and not exported", output)

    def test_leaked(self):
        code, output = self.check("int dcn_a(void) { return 1; } DCN_API int dcn_b(void);"
                                  "int dcn_b(void) { return 1; }")
        self.assertNotEqual(code, 0)
        self.assertIn("dcn_b is exported and not declared", output)


class Bootstrap(unittest.TestCase):
    def test_unknown_group(self):
        done = subprocess.run([f"{SOURCE}/script/bootstrap", "nonsense"], text=True,
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("nonsense: no such group", done.stderr)


class Header(unittest.TestCase):
    def test_warning_is_an_error(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(f"{folder}/x.c", "w", encoding="utf-8") as file:
                file.write("int f(int x) { return 0; }\n")
            done = subprocess.run([f"{SOURCE}/test/headers/alone.sh", CC, "-std=c11", "-I", folder,
                                   f"{folder}/x.c"], capture_output=True, check=False)
            self.assertNotEqual(done.returncode, 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
