"""Figures of chapter 4: data."""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from book.figures.play import Play

GREY = "#777777"
STYLES = ("-", "--", ":", "-.")


def leaks():
    """The runs of the playable figure, made beforehand: a dict, with its recipe."""
    path = Path(__file__).parents[1] / "data" / "ch04_leaks.json"
    return json.loads(path.read_text(encoding="utf-8"))


def leak_play(record):
    """record : from leaks(). A leak and its strength: the score that is reported, and the honest one."""
    return Play(
        "ch04_play.js",
        "A leak that flatters the score",
        "Four leaks, each at several strengths, on real data. Mostly, the more there is of a leak, the further the "
        "reported score rises above the honest one, and nothing in the training says so.",
        leaks=record["leaks"],
    )


def samples(sizes, first, drawn, truth):
    """sizes : (n,); first : (n,), means of the first rows; drawn : (m, n), means of rows drawn by lot; truth : one."""
    _, ax = plt.subplots(figsize=(7, 3.2))
    ax.fill_between(sizes, *np.quantile(drawn, [0.05, 0.95], axis=0), alpha=0.25, label="drawn by lot, 9 times in 10")
    ax.plot(sizes, first, "--", color="C1", label="the first in the file")
    ax.axhline(truth, color="black", linewidth=1, label="all bottles")
    ax.set(title="How strong are the wines?", xlabel="bottles in the sample", ylabel="mean alcohol, %")
    ax.legend(loc="upper right", bbox_to_anchor=(1.0, 0.85))


def chances(by_lot, stratified, expected):
    """by_lot, stratified : counts of one class in the test set, one a draw; expected : its share of that set."""
    _, ax = plt.subplots(figsize=(7, 3))
    counts = np.arange(min(by_lot), max(by_lot) + 1)
    ax.bar(counts, [np.mean(by_lot == k) for k in counts], width=0.8, color="#9ec5e3", edgecolor="C0", label="by lot")
    ax.bar(counts, [np.mean(stratified == k) for k in counts], width=0.35, color="C1", label="stratified")
    ax.axvline(expected, color="black", linewidth=1, linestyle="--", label="its share")
    ax.set(title="Bottles of kind 2 in the test set", xlabel="how many", ylabel="share of 1,000 splits")
    ax.set_xticks(counts)
    ax.legend()


def fences(known, hole, quartiles, edges, slip):
    """One column on a line: its entries, quartiles, fences, what takes the place of the hole and of the slip.

    known : (n,), without hole and slip; hole : what fills it; quartiles : (q1, median, q3); edges : (low, high)
    """
    _, ax = plt.subplots(figsize=(7, 2.3))
    q1, median, q3 = quartiles
    ax.add_patch(plt.Rectangle((q1, -0.3), q3 - q1, 0.6, facecolor="#d6e6f3", edgecolor="C0", linewidth=1.5))
    ax.vlines(median, -0.3, 0.3, color="C0", linewidth=3)
    ax.plot(known, np.zeros(len(known)), "o", color="black", markersize=6)
    ax.plot(hole, 0, "D", color="white", markeredgecolor="black", markersize=8)
    for edge in edges:
        ax.vlines(edge, -0.6, 0.6, color="C1", linestyle="--")
    ax.plot(edges[1], 0, "s", color="C1", markersize=9)
    ax.annotate(f"{slip:.0f} →", (0.985, 0.86), xycoords="axes fraction", ha="right", color="black", fontsize=10)
    below = {"xytext": (0, -2), "textcoords": "offset points", "va": "top", "fontsize": 10}
    for place, text, side in [(edges[0], "fence", "center"), (q1, "Q₁", "right"), (q3, "Q₃", "left")]:
        ax.annotate(f"{text}\n{place:.0f}", (place, -0.62), ha=side, **below)
    ax.annotate(f"fence\n{edges[1]:.0f}", (edges[1], -0.62), ha="center", **below)
    ax.annotate(f"median {median:.0f}", (median, 0.42), ha="center", va="bottom", fontsize=10)
    ax.set(ylim=(-1.35, 0.9), xlim=(edges[0] - 12, edges[1] + 25), yticks=[], xlabel="magnesium, mg per litre")
    ax.spines["left"].set_visible(False)
    ax.grid(False)


def scales(names, means, stds):
    """One line a column: where its entries lie, mean ± standard deviation, on a logarithmic axis."""
    _, ax = plt.subplots(figsize=(7, 3.6))
    rows = np.arange(len(names))[::-1]
    ax.hlines(rows, np.maximum(means - stds, means / 4), means + stds, color="C0", linewidth=3)
    ax.plot(means, rows, "o", color="black")
    ax.set_xscale("log")
    ax.set(title="Thirteen columns, in their own units", xlabel="mean, and one standard deviation each way")
    ax.set_yticks(rows, names, fontsize=9)


def curves(runs):
    """runs : {label: one loss an epoch}."""
    _, ax = plt.subplots(figsize=(7, 3.2))
    for (label, curve), style in zip(runs.items(), STYLES, strict=False):
        ax.plot(np.arange(1, len(curve) + 1), curve, style, label=label)
    ax.set(title="The same network, the same rows", xlabel="times through the training rows", ylabel="training loss")
    ax.set_ylim(0, 2.2)
    ax.legend(loc="center", bbox_to_anchor=(0.6, 0.26))


def forgetting(said, steps, shown):
    """said : (10, n), share of unseen digits called each class; steps : (n,); shown : (n,), the class in the batch."""
    _, ax = plt.subplots(figsize=(7, 3.6))
    drawn = ax.imshow(said, aspect="auto", cmap="Blues", vmin=0, vmax=1, extent=(0, steps[-1], 9.5, -0.5))
    ax.plot(steps - (steps[1] - steps[0]) / 2, shown, "o", color="C1", markersize=4, label="digit in the mini-batch")
    ax.set(title="One time through the digits, sorted", xlabel="mini-batch", ylabel="what the network says")
    ax.set_yticks(range(10))
    ax.grid(False)
    ax.legend(loc="lower left")
    plt.colorbar(drawn, ax=ax, label="share of unseen digits")


def noise(sizes, relative):
    """sizes : (n,) rows in a mini-batch; relative : (n, draws), how far its step is off, in lengths of the full one."""
    low, middle, high = np.quantile(relative, [0.05, 0.5, 0.95], axis=1)
    _, ax = plt.subplots(figsize=(7, 3.4))
    ax.fill_between(sizes, low, high, alpha=0.25, label="nine draws in ten")
    ax.loglog(sizes, middle, "o-", label="median")
    ax.loglog(sizes, middle[0] / np.sqrt(sizes), "--", color="black", linewidth=1.2, label="∝ 1/√B")
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.set_yticks([0.25, 0.5, 1, 2, 4], ["0.25", "0.5", "1", "2", "4"])
    ax.minorticks_off()
    ax.set(title="How far off is a mini-batch's step?", xlabel="rows in the mini-batch, B")
    ax.set_ylabel("difference ÷ full step")
    ax.legend()


def moved(images):
    """images : (n, 8, 8, 1), one digit and copies of it that have moved."""
    _, axes = plt.subplots(1, len(images), figsize=(7, 1.4))
    for k, (ax, image) in enumerate(zip(axes, images, strict=True)):
        ax.imshow(image[..., 0], cmap="gray_r", vmin=0, vmax=1)
        ax.set_title("as scanned" if k == 0 else "", fontsize=9, fontweight="normal", loc="center")
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        ax.spines[:].set(visible=True, color=GREY, linewidth=0.8)


def worth(scores):
    """scores : {what was done: (m,) accuracies on test rows}. One line each, from nothing done to all."""
    _, ax = plt.subplots(figsize=(7, 2.8))
    rows = np.arange(len(scores))[::-1]
    for row, values in zip(rows, scores.values(), strict=True):
        ax.hlines(row, values.min(), values.max(), color="#9ec5e3", linewidth=8)
        ax.plot(values.mean(), row, "o", color="black", markersize=8)
        ax.annotate(f"{values.mean():.0%}", (values.mean(), row), (0, 9), textcoords="offset points", ha="center")
    ax.set_yticks(rows, list(scores))
    ax.set(title="What each step is worth", xlabel="accuracy on the test rows", ylim=(-0.6, len(scores) - 0.3))
    ax.set_xlim(0, 1.02)
