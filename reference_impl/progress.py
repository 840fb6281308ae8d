"""A progress bar on a terminal, and nothing elsewhere."""

import sys
import time

from reference_impl import contract


def bar(total, file=sys.stderr):
    """A function show(done, text) that redraws one line: how much is done, what is left in seconds, and a text.

    total : 1 or more
    """
    start, shown = time.monotonic(), [0.0]

    def show(done, text=""):
        now = time.monotonic()
        if file.isatty() and (now - shown[0] > 0.1 or done == total):
            shown[0] = now
            left = (now - start) * (total - done) / max(done, 1)
            filled = "#" * (24 * done // total)
            file.write(f"\r[{filled:<24}] {done}/{total}  {left:4.0f} s left  {text}\x1b[K" + "\n" * (done == total))
            file.flush()

    return show


contract.enforce(globals())
