"""Damaged files of every format, through the real command: no death, no hang, one right line each.

The short way sends some of each format, the longer way 10,000; the seeds are fixed. With
DECONVNET_KEEP_MUTANTS=FOLDER the files of the first faults are kept there."""
import os
import time

import faults
import formats
import tool
from volley import Volley, remove

COUNT = int(os.environ.get("DECONVNET_MUTANTS", "10000" if faults.FULL else "150"))
SEED = 1
OPINIONS = 400                  # accepted files of a format that are also judged by a second reader
UNJUDGED = (formats.CifarNames, formats.Folder, formats.Anything)


class Mutants(tool.Case):
    def send(self, kind, count, seed):
        """Sends `count` mutants of one format; returns the volley and how many others were judged."""
        volley, judged = Volley(kind.name), 0
        format_ = formats.make(kind, seed)
        try:
            format_.prepare()
            self.try_sound(volley, format_)
            for _ in range(count):
                data = format_.draw()
                size = format_.put(data)
                _, arguments, codes, outputs = format_.way()
                ended = volley.run(arguments, size, (0, 3, *codes), outputs)
                format_.after()
                if ended.code == 0 and judged < OPINIONS and not isinstance(format_, UNJUDGED):
                    judged += 1
                    why = self.judge(volley, format_, data)
                    if why:
                        volley.keep("accepted, but " + why, arguments, ended)
        finally:
            volley.close()
        return volley, judged

    @staticmethod
    def judge(volley, format_, data):
        """Why a file that was accepted should not have been, or None."""
        if format_.sound:
            try:
                format_.sound(data)
            except Exception as error:                  # any: it is not sound
                return repr(error)
        return format_.second(volley)

    @staticmethod
    def try_sound(volley, format_):
        """What is not damaged is accepted; its memory is what that of others is measured by."""
        volley.good(["--version"])
        if not format_.ways:
            return
        format_.put(format_.seeds[0])
        for _, arguments, _, outputs in format_.ways if format_.sized else ():
            volley.good(arguments)
            format_.after()
            for name in outputs:
                remove(name)

    def test_all(self):
        began, total, faulty = time.monotonic(), 0, []
        for kind in formats.ALL:
            with self.subTest(kind.name):
                volley, judged = self.send(kind, COUNT, SEED)
                more = "; %d of the accepted judged by a second reader" % judged if judged else ""
                faults.figure("%s%s", volley.line(SEED), more)
                total += volley.runs
                faulty += volley.faults
                self.assertEqual(volley.faults[:5], [])
                self.assertEqual(volley.runs, COUNT)
        faults.figure("mutants: all: %s runs of the command in %.0f s, %d faults", format(total, ","),
                      time.monotonic() - began, len(faulty))

