"""What the fault tests share beside test/cli/tool.py: the longer way, figures, one guarded run."""
import os
import signal
import subprocess
import time

import tool

# script/test --full: more cases of the same kind. A test without it must be over in 20 s or so.
FULL = os.environ.get("DECONVNET_TEST_FULL") == "1"


def figure(text, *values):
    """One line for docs/reliability.md; script/test --full gathers them in build/test/figures.txt."""
    print("figure: " + text % values, flush=True)


class Ran:
    """How one run of the command ended: code (negative: a signal), seconds, KiB, out, err."""

    def __init__(self, arguments, seconds, *, env=None, cwd=None, stdin=subprocess.DEVNULL, before=None):
        began = time.monotonic()
        with open(os.path.join(tool.FOLDER, ".out"), "w+b") as out, \
                open(os.path.join(tool.FOLDER, ".err"), "w+b") as err:
            process = subprocess.Popen([tool.COMMAND, *map(str, arguments)], stdin=stdin, stdout=out, stderr=err,
                                       cwd=cwd or tool.FOLDER, env=env or tool.environment(), preexec_fn=before)
            self.hung = False
            while True:
                pid, status, usage = os.wait4(process.pid, os.WNOHANG)
                if pid:
                    break
                if time.monotonic() - began > seconds and not self.hung:
                    self.hung = True
                    os.kill(process.pid, signal.SIGKILL)
                time.sleep(0.0005)
            process.returncode = self.code = os.waitstatus_to_exitcode(status)
            self.seconds, self.kib = time.monotonic() - began, usage.ru_maxrss
            self.user_seconds = usage.ru_utime + usage.ru_stime
            out.seek(0)
            err.seek(0)
            self.out, self.err = out.read(), err.read()


def wrong(ran, codes):
    """Why this end is not one of the contract's, or None. codes: the exit codes that are."""
    if ran.hung:
        return "it did not end within %.1f s" % ran.seconds
    if ran.code < 0:
        return "signal %d" % -ran.code
    if ran.code not in codes:
        return "exit code %d" % ran.code
    if ran.code == 0:
        return None
    try:
        text = ran.err.decode()
    except UnicodeDecodeError:
        return "standard error is not UTF-8"
    errors = [line for line in text.split("\n") if ": error: " in line]
    if len(errors) != 1 or not text.endswith(errors[0] + "\n"):
        return "%d error lines, or not the last one: %r" % (len(errors), text[-300:])
    if not tool.ERROR.match(errors[0]) or len(errors[0].encode()) > 400:
        return "not a line of the shape: %r" % errors[0]
    return None
