"""Odd surroundings: closed streams, small stacks, few descriptors, folders that cannot be written."""
import os

import tool
from faults import wrong, Ran
from tool import Case


class Surroundings(Case):
    def test_closed_streams(self):
        """No file ever gets a descriptor of 0 to 2."""
        def close_all():
            for fd in (0, 1, 2):
                os.close(fd)
        ran = Ran(["info", tool.write("red.png", tool.png(3, 2, (255, 0, 0)))], 5, before=close_all)
        self.assertIsNone(wrong(ran, (4,)) if ran.code != 4 else None)
