"""The book's figures: one module a chapter. Functions from arrays to axes; they train nothing."""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from IPython import get_ipython
from IPython.display import publish_display_data
from matplotlib_inline.backend_inline import set_matplotlib_formats

plt.style.use(Path(__file__).parent / "nn.mplstyle")
set_matplotlib_formats("svg")

PREFIX = "application/papermill.record/"


def note(**numbers):
    """Remember numbers that a cell computed, for the prose: {glue:text}`name:.1%`."""
    for name, number in numbers.items():  # as myst_nb.glue does, whose import takes seconds
        record = {"scrapbook": {"name": name, "mime_prefix": PREFIX}}
        publish_display_data({f"{PREFIX}text/plain": repr(np.asarray(number).item())}, record)


def power(number):
    """A very large or small number as people write it: 2 × 10⁻¹³."""
    digits, exponent = f"{number:.0e}".split("e")
    return f"{digits} × 10{str(int(exponent)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def table(head, rows):
    """An HTML table: column names, and rows whose first cell names them. Columns of numbers stand at the right."""
    rows = [[str(cell) for cell in row] for row in rows]
    right = [all(re.fullmatch(r"[\d.,]+( of [\d.]+)?", cell) for cell in column) for column in zip(*rows, strict=True)]
    marks = [' class="number"' if numbers else "" for numbers in right]

    def line(cells, first, others):
        kinds = [first] + [others] * (len(cells) - 1)
        return "".join(f"<{k}{mark}>{c}</{k[:2]}>" for k, mark, c in zip(kinds, marks, cells, strict=True))

    names = line(head, 'th scope="col"', 'th scope="col"')
    body = "".join("<tr>" + line(row, 'th scope="row"', "td") + "</tr>" for row in rows)
    return f'<table class="table"><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>'


def plain_scalars(shell):
    """Let NumPy's numbers print as 0.5, not as np.float64(0.5), in every cell (np.set_printoptions lasts for one)."""
    formatter = shell.display_formatter.formatters["text/plain"]
    for kind in (np.float64, np.float32, np.int64, np.bool_):
        formatter.for_type(kind, lambda number, printer, cycle: printer.text(repr(number.item())))


if get_ipython():
    plain_scalars(get_ipython())
