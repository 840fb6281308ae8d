"""Figures of chapter 3: activations."""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from book.figures.play import Play

LINE = "#8a8f98"
SHOWN = {"relu": "ReLU", "leaky_relu": "leaky ReLU", "elu": "ELU", "silu": "SiLU", "gelu": "GELU"}


def compare():
    """The runs of make_ch03_compare.py: a dict, with its recipe."""
    path = Path(__file__).parents[1] / "data" / "ch03_compare.json"
    return json.loads(path.read_text(encoding="utf-8"))


def slope_play():
    """An activation, its slope, and a point to move."""
    return Play(
        "ch03_play.js",
        "An activation and its slope",
        "First, what an activation makes of its input x, with the slope drawn as a tangent; then that slope for every "
        "x. The slope is what backward multiplies by: where it is near 0, hardly anything from behind gets through.",
        view="slope",
    )


def dead_play(z):
    """z : (N, units), the weighted sums of a layer with bias 0."""
    biases = np.arange(-2, 1.01, 0.05)
    active = [float(np.mean(z + b > 0)) for b in biases]
    order = np.argsort(z.max(axis=0))
    low, high = z.min(axis=0)[order], z.max(axis=0)[order]
    return Play(
        "ch03_play.js",
        "A layer of ReLU units goes under",
        f"A bar for each of {z.shape[1]} ReLU units: its weighted sums for {len(z):,} digits, from the smallest to the "
        "largest. The bias moves all bars. Where a whole bar lies below 0 the unit is dead: it puts out 0 for every "
        "digit, and nothing gets through it.",
        view="dead",
        low=low,
        high=high,
        biases=biases,
        active=active,
    )


def strip(pictures):
    """pictures : (n, 64). One picture, (8, 9n - 1), of all side by side with gaps between."""
    padded = np.pad(pictures.reshape(-1, 8, 8), ((0, 0), (0, 0), (0, 1)), constant_values=np.nan)
    return np.concatenate(padded, axis=1)[:, :-1]


def looked_for(images, titles, one, each):
    """images, each : (n, 64); titles : n texts; one : (64,), the linear network's weights. Three rows of pictures."""
    _, axes = plt.subplots(3, 1, figsize=(7, 4.1))
    axes[0].imshow(strip(images), cmap="gray_r", vmin=0, vmax=1)
    for k, title in enumerate(titles):
        axes[0].text(9 * k + 3.5, -1.2, title, ha="center")
    for ax, weights in zip(axes[1:], (np.tile(one, (len(images), 1)), each), strict=True):
        row = strip(weights / np.abs(weights).max())
        ax.imshow(row, cmap="PuOr", vmin=-1, vmax=1)
        for i, j in np.argwhere(np.abs(row) > 0.4):  # the sign, for readers who see no colours
            color = "white" if abs(row[i, j]) > 0.65 else "black"
            ax.text(j, i, "+" if row[i, j] > 0 else "−", ha="center", va="center", color=color, fontsize=8)
    for ax, name in zip(axes, ["the digit", "no bend", "ReLU"], strict=True):
        ax.set(xticks=[], yticks=[], ylabel=name)
        ax.grid(visible=False)
        ax.spines[:].set_visible(False)
        for k in range(len(titles)):
            ax.add_patch(plt.Rectangle((9 * k - 0.5, -0.5), 8, 8, fill=False, edgecolor=LINE, linewidth=0.8))


def tangents(x, out, points):
    """x, out : (n,), a function; points : [(x, out, slope), …], where its tangent is drawn and told."""
    _, ax = plt.subplots(figsize=(7, 3.2))
    ax.plot(x, out, label="out")
    reach = np.array([-0.8, 0.8])
    for (x0, y0, slope), style in zip(points, ("--", ":", "-."), strict=False):
        ax.plot(x0 + reach, y0 + slope * reach, style, color="C1", linewidth=2.5)
        ax.plot(x0, y0, "o", color="C1", markersize=7)
        ax.annotate(f"slope {slope:.2f}", (x0, y0), xytext=(10, -16), textcoords="offset points")
    ax.set(title="ELU, and its slope at three places", xlabel="x", ylabel="out", ylim=(-1.6, 2.8))


def pair(x, curves, titles=("what comes out", "its slope")):
    """x : (n,); curves : {label: (out, slope)}, (n,) each. The functions on the left, their slopes on the right."""
    _, axes = plt.subplots(1, 2, figsize=(7, 3.1))
    for k, (ax, title) in enumerate(zip(axes, titles, strict=True)):
        for (label, both), style in zip(curves.items(), ("-", "--", ":", "-."), strict=False):
            ax.plot(x, both[k], style, label=label)
        ax.set(title=title, xlabel="x")
        ax.xaxis.set_major_locator(plt.MultipleLocator(2))
    axes[0].legend(fontsize=9, loc="upper left")


def saturation(outputs):
    """outputs : {title: (n,)}: how the outputs of a tanh layer lie between -1 and 1, with the flat ends marked."""
    _, axes = plt.subplots(1, len(outputs), figsize=(7, 2.7), sharey=True)
    flat = 0.9**0.5
    for ax, (title, out) in zip(axes, outputs.items(), strict=True):
        counts, edges = np.histogram(out, bins=41, range=(-1, 1))
        ends = np.abs(edges[:-1] + edges[1:]) / 2 > flat
        width = edges[1] - edges[0]
        share = 100 * counts / counts.sum()
        ax.bar(edges[:-1], share, width, align="edge", color=np.where(ends, "#D55E00", "#0072B2"))
        ax.set(title=title, xlabel="output of tanh")
        ax.title.set_fontsize(11)
    axes[0].set_ylabel("% of outputs")


def temperatures(p, right):
    """p : {title: (10,) probabilities}; right : the class that is true."""
    _, axes = plt.subplots(1, len(p), figsize=(7, 2.5), sharey=True)
    for ax, (title, shares) in zip(axes, p.items(), strict=True):
        ax.bar(range(10), shares, color=["C1" if k == right else "C5" for k in range(10)])
        ax.set(title=title, xlabel="digit", xticks=range(0, 10, 2), ylim=(0, 1))
        ax.title.set_fontsize(11)
    axes[0].set_ylabel("probability")


def race(found):
    """found : {title: {name: {"accuracy": [one a seed]}}}: a panel for each network, a row for each activation."""
    _, axes = plt.subplots(1, len(found), figsize=(7, 3.2), sharex=True, sharey=True)
    for ax, (title, by_name) in zip(axes, found.items(), strict=True):
        for row, one in enumerate(by_name.values()):
            wrong = 100 * (1 - np.array(one["accuracy"]))
            ax.plot(wrong, np.full(len(wrong), row), "o", color="C0", alpha=0.55, markersize=7)
            ax.plot(np.median(wrong), row, "|", color="C1", markersize=18, markeredgewidth=3)
        ax.set(title=title, xlabel="% wrong, of unseen digits", xscale="log")
        ax.set_yticks(range(len(by_name)), [SHOWN.get(name, name) for name in by_name])
        ax.set_xticks([2, 5, 10, 20, 50, 100], ["2", "5", "10", "20", "50", "100"])
        ax.xaxis.set_minor_locator(plt.NullLocator())
    axes[0].invert_yaxis()
