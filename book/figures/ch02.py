"""Figures of chapter 2: layers."""

import json
from itertools import pairwise
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from book.figures.play import Play

INK, LINE, SOFT = "#1c1f24", "#8a8f98", "#c9ced6"


def fits():
    """The networks of the playable figure, fitted beforehand: a dict, with its recipe."""
    path = Path(__file__).parents[1] / "data" / "ch02_fits.json"
    return json.loads(path.read_text(encoding="utf-8"))


def canvas(width, height, columns=1, rows=1):
    """Axes for drawings: no frame, equal scales."""
    _, axes = plt.subplots(rows, columns, figsize=(width, height), squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
        ax.set_aspect("equal")
    return axes.ravel()


def units(ax, x, ys, color="C0", size=0.17):
    for y in ys:
        ax.add_patch(plt.Circle((x, y), size, facecolor=color, edgecolor=INK, linewidth=1, zorder=3))


def column(n, gap=0.55):
    """Heights of n units above each other, around 0."""
    return gap * (np.arange(n)[::-1] - (n - 1) / 2)


def connect(ax, x0, ys0, x1, ys1, **style):
    for y0 in ys0:
        for y1 in ys1:
            ax.plot([x0, x1], [y0, y1], **{"color": SOFT, "linewidth": 1, "zorder": 1} | style)


def layered(ax, sizes, step=1.3, colors=("C5", "C0", "C4")):
    """A fully connected network: sizes units a layer. Returns the x of every layer."""
    xs = step * np.arange(len(sizes))
    heights = [column(n) for n in sizes]
    for (x0, x1), (h0, h1) in zip(pairwise(xs), pairwise(heights), strict=True):
        connect(ax, x0, h0, x1, h1)
    kinds = [colors[0], *[colors[1]] * (len(sizes) - 2), colors[2]]
    for x, ys, color in zip(xs, heights, kinds, strict=True):
        units(ax, x, ys, color)
    return xs


def layer_as_matrix(W, b):
    """W : (2, 3), b : (3,). Three units on two inputs, the second one picked out, beside the matrix and its column."""
    left, right = canvas(7, 2.5, 2)
    connect(left, 0, column(2, 1.1), 2, column(3, 0.9))
    connect(left, 0, column(2, 1.1), 2, column(3, 0.9)[1:2], color="C1", linewidth=3)
    units(left, 0, column(2, 1.1), "C5", 0.27)
    units(left, 2, column(3, 0.9), "white", 0.27)
    units(left, 2, column(3, 0.9)[1:2], "C1", 0.27)
    for y, name in zip([*column(2, 1.1)], ["$x_1$", "$x_2$"], strict=True):
        left.text(-0.45, y, name, ha="right", va="center")
    for j, y in enumerate(column(3, 0.9)):
        left.text(2.45, y, f"unit {j + 1}", va="center", fontweight="bold" if j == 1 else None)
    left.set(xlim=(-1, 3.6), ylim=(-1.5, 1.5))
    right.add_patch(plt.Rectangle((0.55, -0.98), 0.9, 2.6, facecolor="none", edgecolor="C1", linewidth=3))
    for j in range(3):
        right.text(j, 2, f"unit {j + 1}", ha="center", va="center", fontsize=10)
        for y, value in zip([1.3, 0.65, -0.65], [*W[:, j], b[j]], strict=True):
            right.text(j, y, f"{value:g}".replace("-", "−"), ha="center", va="center", fontsize=13)
    for y, name in [(1.3, "weight of $x_1$"), (0.65, "weight of $x_2$"), (-0.65, "bias")]:
        right.text(-0.6, y, name, ha="right", va="center", fontsize=10)
    right.text(2.6, 0.97, "$W$", ha="left", va="center", fontsize=15)
    right.text(2.6, -0.65, "$b$", ha="left", va="center", fontsize=15)
    right.set(xlim=(-2.6, 3.2), ylim=(-1.3, 2.4))


def network(sizes):
    """A fully connected network, its layers named and explained below."""
    (ax,) = canvas(7, 3.4)
    xs = layered(ax, sizes, step=2.2)
    low = column(max(sizes)).min() - 0.55
    names = ["input layer", *[f"hidden layer {i}" for i in range(1, len(sizes) - 1)], "output layer"]
    for x, name in zip(xs, names, strict=True):
        ax.text(x, low, name, ha="center", va="top", fontweight="bold", fontsize=10)
    meanings = [(xs[0], "what is known"), (xs[1:-1].mean(), "what the network makes of it"), (xs[-1], "the answer")]
    for x, text in meanings:
        ax.text(x, low - 0.38, text, ha="center", va="top", fontsize=10)
    ax.set(xlim=(-1, xs[-1] + 1), ylim=(low - 0.8, -low))


def way_through(image, hidden, p):
    """image : (8, 8) ink, hidden : (16,) outputs of hidden units, p : (10,) probabilities."""
    _, (a, b, c) = plt.subplots(1, 3, figsize=(7, 2.5), width_ratios=[1, 1.2, 1.2])
    a.imshow(image, cmap="gray_r", vmin=0, vmax=1)
    a.set(title=f"{image.size} inputs", xticks=[], yticks=[])
    b.bar(range(1, len(hidden) + 1), hidden, color="C0")
    b.set(title=f"{len(hidden)} hidden units", xlabel="hidden unit", xticks=[1, len(hidden) // 2, len(hidden)])
    c.bar(range(10), p, color=["C1" if k == p.argmax() else "C5" for k in range(10)])
    c.set(title="10 outputs, as probabilities", xlabel="digit", xticks=range(10), ylim=(0, 1))


def heads(logits, sigmoids, softmax):
    """Three rows of numbers, one a unit: the logits, each through sigmoid, all through softmax."""
    _, axes = plt.subplots(1, 3, figsize=(7, 2.6))
    titles = ["as they are", "sigmoid", "softmax"]
    notes = ["any numbers", "each from 0 to 1", "together 1"]
    for ax, values, title, text, color in zip(
        axes, [logits, sigmoids, softmax], titles, notes, ["C0", "C2", "C1"], strict=True
    ):
        bars = ax.bar(range(1, 4), values, color=color, width=0.6)
        ax.bar_label(bars, [f"{v:.2f}".replace("-", "−") for v in values], fontsize=10, padding=3)
        ax.axhline(0, color=INK, linewidth=0.8)
        ax.set(title=title, xlabel=f"output unit\n{text}", xticks=[1, 2, 3])
        ax.set_ylim((-1.9, 2.7) if ax is axes[0] else (0, 1.15))


def accuracy_by_width(widths, accuracy):
    """widths, accuracy : lists of one length."""
    _, ax = plt.subplots(figsize=(6.4, 3.2))
    ax.plot(widths, 100 * np.array(accuracy), marker="o")
    for w, a in zip(widths, accuracy, strict=True):
        ax.annotate(f"{a:.0%}", (w, 100 * a), xytext=(0, -15), textcoords="offset points", ha="left", fontsize=10)
    ax.set_xscale("log", base=2)
    ax.set(
        title="Digits read right, by hidden units",
        xlabel="units in the hidden layer",
        ylabel="% right, of unseen digits",
    )
    ax.set_xticks(widths, [str(w) for w in widths])
    ax.set_ylim(0, 108)


def hat(x, parts):
    """x : (n,), parts : {label: (n,)}, whose sum is the hat."""
    _, (left, right) = plt.subplots(1, 2, figsize=(7, 2.7), sharex=True)
    for (label, part), style in zip(parts.items(), ["-", "--", ":"], strict=True):
        left.plot(x, part, style, label=label)
    left.set(title="three hidden units, weighted", xlabel="x", ylim=(-4.2, 3.4))
    left.legend(fontsize=9, loc="lower left")
    right.plot(x, sum(parts.values()), color="C6")
    right.set(title="their sum: a hat", xlabel="x", ylim=(-0.3, 1.5))


def approximations(x, target, drawn):
    """x, target : (n,); drawn : {number of hidden units: (n,)}."""
    _, axes = plt.subplots(1, len(drawn), figsize=(7, 2.6), sharey=True)
    for ax, (n, y) in zip(axes, drawn.items(), strict=True):
        ax.plot(x, target, color=LINE, linewidth=4, label="the curve")
        ax.plot(x, y, color="C1", linewidth=1.8, label="the network")
        ax.set(title=f"{n} hidden units", xlabel="x")
    axes[-1].legend(fontsize=9, loc="upper right")


def teeth(x, drawn):
    """x : (n,), drawn : {number of hidden layers: (n,)}."""
    _, axes = plt.subplots(1, len(drawn), figsize=(7, 2.3), sharey=True)
    for ax, (depth, y) in zip(axes, drawn.items(), strict=True):
        ax.plot(x, y, linewidth=1.5)
        layers = "1 hidden layer" if depth == 1 else f"{depth} hidden layers"
        ax.set(title=layers, xlabel="x", xticks=[0, 0.5, 1], yticks=[0, 1])
        ax.title.set_fontsize(11)


def structures():
    """Five drawings: shallow, deep, convolutional, recurrent, Transformer."""
    axes = canvas(7, 5.6, 3, 2)
    for ax, draw, title in zip(
        axes,
        [shallow, deep, convolutional, recurrent, transformer],
        ["Shallow", "Deep", "Convolutional", "Recurrent", "Transformer"],
        strict=False,
    ):
        draw(ax)
        ax.set_title(title, loc="center")
        ax.set(xlim=(-0.4, 3.4), ylim=(-2.1, 2.1))
    legend = axes[5]
    for y, color, name in [(1.6, "C5", "input"), (1.0, "C0", "hidden"), (0.4, "C4", "output")]:
        units(legend, 0.3, [y], color)
        legend.text(0.65, y, name, va="center")
    lines = [
        ({"color": SOFT}, "a weight of its own"),
        ({"color": "C1"}, "shared weights"),
        ({"color": "C3"}, "computed"),
    ]
    for y, (style, name) in zip([-0.3, -0.9, -1.5], lines, strict=True):
        legend.plot([0.1, 0.5], [y, y], **style)
        legend.text(0.65, y, name, va="center")
    legend.set(xlim=(-0.3, 3.4), ylim=(-2.1, 2.1))


def shallow(ax):
    layered(ax, (3, 7, 2), step=1.5)


def deep(ax):
    layered(ax, (3, 4, 4, 4, 2), step=0.75)


def convolutional(ax):
    """Each hidden unit sees three neighbours; the three weights are the same everywhere."""
    below, above = column(7), column(5)
    for j, y in enumerate(above):
        for i, style in enumerate(["-", "--", ":"]):
            ax.plot([0, 1.5], [below[j + i], y], style, color="C1", linewidth=2, zorder=1)
    connect(ax, 1.5, above, 3, column(2))
    units(ax, 0, below, "C5")
    units(ax, 1.5, above, "C0")
    units(ax, 3, column(2), "C4")


def arrow(ax, start, end, **style):
    ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "shrinkA": 8, "shrinkB": 8} | style)


def recurrent(ax):
    """Time runs to the right; the same weights are used at every step."""
    for t in range(4):
        arrow(ax, (t, -1.3), (t, 0), color="C1", linewidth=1.6, linestyle="--")
        arrow(ax, (t, 0), (t, 1.3), color="C1", linewidth=1.6, linestyle=":")
        if t:
            arrow(ax, (t - 1, 0), (t, 0), color="C1", linewidth=2.4)
        for y, color in [(-1.3, "C5"), (0, "C0"), (1.3, "C4")]:
            units(ax, t, [y], color)
    ax.text(1.5, -1.85, "time →", ha="center", va="center", fontsize=10)


def transformer(ax):
    """Every position looks at itself and at every earlier one."""
    for t in range(4):
        for s in range(t + 1):
            arrow(ax, (s, -1.3), (t, 0), color="C3", linewidth=0.8 + 0.7 * ((3 * s + 2 * t) % 4))
        arrow(ax, (t, 0), (t, 1.3), color="C1", linewidth=1.6, linestyle=":")
    for t in range(4):
        for y, color in [(-1.3, "C5"), (0, "C0"), (1.3, "C4")]:
            units(ax, t, [y], color)
    ax.text(1.5, -1.85, "position →", ha="center", va="center", fontsize=10)


def depth_and_width(record):
    """record : as from fits()."""
    shallow, deep = (best_of(record, depth, 150) for depth in (1, 4))
    return Play(
        "ch02_play.js",
        "Depth and width: what can a network draw?",
        "A handwritten 8 beside the drawing a network makes of it. Networks of 1 to 4 hidden layers with 1 to 32 units "
        f"in each were fitted beforehand. One hidden layer with {shallow['parameters']} parameters is off by "
        f"{shallow['error']:.2f} a pixel, four with {deep['parameters']} by {deep['error']:.2f}.",
        target=record["target"],
        fits=record["fits"],
    )


def best_of(record, depth, budget):
    """The fit of a depth with the lowest error, among those of at most so many parameters."""
    within = [fit for fit in record["fits"] if fit["depth"] == depth and fit["parameters"] <= budget]
    return min(within, key=lambda fit: fit["error"])
