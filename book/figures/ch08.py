"""Figures of chapter 8: backpropagation."""

import matplotlib.pyplot as plt
import numpy as np

from book.figures.ch05 import block
from book.figures.play import Play

BLUE, ORANGE, GREEN, PICKED = "#eaf3fa", "#fdf1e3", "#eaf5ef", "#D55E00"  # input, weights, output; as in chapter 5


def stepper():
    """A 2-2-1 network with squared loss: values forward, then slopes backward, one step at a time."""
    return Play(
        "ch08_play.js",
        "A backward stepper: values go forward, slopes go back",
        "A network with two inputs, two sigmoid units and one linear unit. Forward, each value is computed from the "
        "values before it. Backward, each slope is the slope after it times one local slope; where paths meet, slopes "
        "add.",
        x=np.array([1.0, -2.0]),
        W1=np.array([[0.5, -1.0], [0.8, 0.6]]),
        b1=np.array([0.3, 0.1]),
        W2=np.array([1.5, -2.0]),
        b2=0.2,
        y=1.0,
    )


def stripe(ax, corner, width, height, name, place, ha="center", va="center"):
    """A part of a matrix picked out, from its lower left corner; its name stands at a place of its own."""
    ax.add_patch(plt.Rectangle(corner, width, height, facecolor=PICKED, alpha=0.85, zorder=3))
    ax.text(*place, name, ha=ha, va=va, fontsize=10)


def linear_way_back():
    """dx and dW of a linear layer, each a product of two matrices: a row, a column and the entry they make."""
    _, (above, below) = plt.subplots(2, figsize=(7, 4.9))
    block(above, 0, 2, 1.5, 2, GREEN, "dout", r"$(N, d_\mathrm{out})$")
    block(above, 2.4, 1.75, 2.4, 1.5, ORANGE, r"$W^\top$", r"$(d_\mathrm{out}, d_\mathrm{in})$")
    block(above, 5.7, 2, 2.4, 2, BLUE, "dx", r"$(N, d_\mathrm{in})$")
    stripe(above, (0, 1.39), 1.5, 0.16, "row $n$", (-0.12, 1.47), ha="right")
    stripe(above, (4.4, 0.25), 0.16, 1.5, "column $i$", (4.48, 1.81), va="bottom")
    stripe(above, (7.7, 1.39), 0.16, 0.16, "entry $n, i$", (8.22, 1.47), ha="left")
    block(below, 0, 2.2, 2, 2.4, BLUE, r"$x^\top$", r"$(d_\mathrm{in}, N)$")
    block(below, 2.9, 2, 1.5, 2, GREEN, "dout", r"$(N, d_\mathrm{out})$")
    block(below, 5.3, 2.2, 1.5, 2.4, ORANGE, "dW", r"$(d_\mathrm{in}, d_\mathrm{out})$")
    stripe(below, (0, 1.54), 2, 0.16, "row $i$", (-0.12, 1.62), ha="right")
    stripe(below, (4.15, 0), 0.16, 2, "column $j$", (4.23, 2.06), va="bottom")
    stripe(below, (6.55, 1.54), 0.16, 0.16, "entry $i, j$", (6.92, 1.62), ha="left")
    for ax, times, equals in ((above, 1.95, 5.25), (below, 2.45, 4.85)):
        ax.text(times, 1, "@", ha="center", va="center", fontsize=15)
        ax.text(equals, 1, "=", ha="center", va="center", fontsize=15)
        ax.set(xlim=(-0.9, 9.5), ylim=(-0.75, 2.6), aspect="equal")
        ax.set_axis_off()


def gradient_sizes(runs):
    """runs : {label: a list with one size a layer, first layer first}."""
    _, ax = plt.subplots(figsize=(7, 3.8))
    for (label, sizes), marker in zip(runs.items(), "os^", strict=False):
        ax.semilogy(range(1, len(sizes) + 1), sizes, marker=marker, label=label)
    ax.set(title="Size of dW by layer", xlabel="layer (1 is next to the input)", ylabel="size of dW")
    ax.set_xticks(range(1, len(sizes) + 1, 4))
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
