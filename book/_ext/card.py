"""The picture that a shared link shows: 1200 × 630, a title and a question, beside a small network."""

import itertools
import textwrap
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

STYLE = Path(__file__).parents[1] / "figures" / "nn.mplstyle"
UNITS = [2, 4, 4, 2]


def draw(title, question, path):
    """Write the picture to path.  question : "" for a page that has none"""
    with matplotlib.rc_context(fname=STYLE):
        blue, orange = matplotlib.rcParams["axes.prop_cycle"].by_key()["color"][:2]
        figure = Figure(figsize=(12, 6.3), dpi=100, layout="none")
        axes = figure.add_axes((0.68, 0.16, 0.26, 0.68))
        axes.set_axis_off()
        axes.margins(0.12)
        places = [[(i, (n - 1) / 2 - j) for j in range(n)] for i, n in enumerate(UNITS)]
        for left, right in itertools.pairwise(places):
            for a, b in itertools.product(left, right):
                axes.plot(*zip(a, b, strict=True), color="#b8c4d0", linewidth=2, zorder=1)
        for i, layer in enumerate(places):
            axes.scatter(*zip(*layer, strict=True), s=900, color=orange if i == len(UNITS) - 1 else blue, zorder=2)
        text = {"ha": "left", "linespacing": 1.3}
        figure.text(0.06, 0.52, textwrap.fill(title, 20), fontsize=40, fontweight="bold", va="bottom", **text)
        figure.text(0.06, 0.45, textwrap.fill(question, 34), fontsize=26, va="top", color="#444444", **text)
        figure.text(0.06, 0.09, "From one neuron to GPT scale", fontsize=18, color=blue)
        figure.savefig(path, facecolor="white")
