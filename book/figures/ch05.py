"""Figures of chapter 5: the pass forward."""

import matplotlib.pyplot as plt
import numpy as np

from book.figures.play import Play

INK, SOFT = "#1c1f24", "#c9ced6"


def forward_play():
    """A 2-3-2 network and a batch of three rows: one weighted sum at a time."""
    return Play(
        "ch05_play.js",
        "A batch goes through 2-3-2, one number at a time",
        "The network, with the numbers of one row in its nodes, and the matrix product that makes them. Each number of "
        "the product takes one row of the left matrix and one column of the right one; the next row meets the same "
        "columns again.",
        x=np.array([[1.0, 2.0], [3.0, 2.0], [-1.0, 1.0]]),
        W1=np.array([[1.0, 3.0, 1.0], [0.0, -1.0, 1.0]]),
        b1=np.array([0.0, 0.0, -4.0]),
        W2=np.array([[1.0, 0.0], [-0.5, 1.0], [2.0, 1.0]]),
        b2=np.array([1.0, -1.0]),
    )


def bare(width, height, columns=1):
    """Axes for drawings: no frame, equal scales."""
    _, axes = plt.subplots(1, columns, figsize=(width, height), squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
        ax.set_aspect("equal")
    return axes.ravel()


def block(ax, x, y, width, height, color, name, shape):
    """A matrix as a rectangle with its upper left corner at (x, y), named inside, its shape below."""
    ax.add_patch(plt.Rectangle((x, y - height), width, height, facecolor=color, edgecolor=INK, linewidth=1.2))
    ax.text(x + width / 2, y - height / 2, name, ha="center", va="center", fontsize=16, zorder=4)
    ax.text(x + width / 2, y - height - 0.12, shape, ha="center", va="top", fontsize=14)


def row_meets_column():
    """x, W and their product as rectangles; one row, one column and the entry they make picked out."""
    (ax,) = bare(6, 2.3)
    block(ax, 0, 2, 2.4, 2, "#eaf3fa", "$x$", "(N, 64)")
    block(ax, 3.3, 2.2, 1.5, 2.4, "#fdf1e3", "$W_1$", "(64, 32)")
    block(ax, 5.9, 2, 1.5, 2, "#eaf5ef", "$xW_1$", "(N, 32)")
    picked = {"facecolor": "#D55E00", "edgecolor": "none", "zorder": 3, "alpha": 0.85}
    ax.add_patch(plt.Rectangle((0, 1.4), 2.4, 0.16, **picked))
    ax.add_patch(plt.Rectangle((4.5, -0.2), 0.16, 2.4, **picked))
    ax.add_patch(plt.Rectangle((7.1, 1.4), 0.16, 0.16, **picked))
    ax.text(-0.12, 1.48, "row $n$", ha="right", va="center", fontsize=14)
    ax.text(4.58, 2.28, "column $j$", ha="center", va="bottom", fontsize=14)
    ax.text(7.18, 2.28, "entry $n, j$", ha="center", va="bottom", fontsize=14)
    ax.text(2.85, 1, "@", ha="center", va="center", fontsize=15)
    ax.text(5.35, 1, "=", ha="center", va="center", fontsize=15)
    ax.set(xlim=(-1.15, 8.1), ylim=(-0.8, 2.75))


def grid(ax, x, rows, columns, real_rows, real_columns, color):
    """rows × columns cells from (x, 0) down; those beyond the real ones are ghosts of a stretched axis."""
    for r in range(rows):
        for c in range(columns):
            real = r < real_rows and c < real_columns
            style = {"facecolor": color, "edgecolor": INK} if real else {"facecolor": "white", "edgecolor": SOFT}
            line = "-" if real else (0, (2, 2))
            ax.add_patch(plt.Rectangle((x + c, -r - 1), 0.92, 0.92, linewidth=1.1, linestyle=line, **style))


def stretched():
    """Three sums of two arrays: one row for all, one column for all, and a row against a column."""
    axes = bare(7, 2.8, 3)
    pairs = [
        ("a bias: right", (3, 4), (1, 4), "(3, 4) + (4,)\ngives (3, 4)"),
        ("a mean a row: right", (3, 4), (3, 1), "(3, 4) + (3, 1)\ngives (3, 4)"),
        ("the accident", (1, 3), (3, 1), "(3,) + (3, 1)\ngives (3, 3)"),
    ]
    for ax, (title, a, b, text) in zip(axes, pairs, strict=True):
        rows, columns = max(a[0], b[0]), max(a[1], b[1])
        grid(ax, 0, rows, columns, *a, "#9ecae9")
        ax.text(columns + 0.45, -rows / 2, "+", ha="center", va="center", fontsize=15)
        grid(ax, columns + 1, rows, columns, *b, "#f5b683")
        ax.text(columns + 0.45, -rows - 0.5, text, ha="center", va="top", fontsize=14)
        ax.set_title(title, loc="center", fontsize=14)
        ax.set(xlim=(columns + 0.5 - 4.7, columns + 0.5 + 4.7), ylim=(-rows - 2.9, 0.3))


def pictures(images, titles):
    """images : (n, 64), 8 × 8 pixels each; titles : n texts. n an even number: two rows."""
    _, axes = plt.subplots(2, len(images) // 2, figsize=(6, 4))
    for ax, image, title in zip(axes.flat, images, titles, strict=True):
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        ax.set_title(title, fontsize=14, fontweight="normal", loc="center")
        ax.axis("off")


def intensity(n, by_layer, balance):
    """Operations a byte against rows in a batch. n : (k,); by_layer : {label: (k,)}; balance : a chip's own ratio."""
    _, ax = plt.subplots(figsize=(7, 3.4))
    for (label, values), style in zip(by_layer.items(), ("-", "--"), strict=True):
        ax.loglog(n, values, style, label=label)
    ax.axhline(balance, color="#555555", linewidth=1.2, linestyle=":")
    ax.annotate(f"an H100: {balance:.0f}", (1, 1.2 * balance), fontsize=10)
    ax.set(title="Operations for each byte that is moved", xlabel="rows in the batch", ylabel="operations a byte")
    ax.legend(loc="lower right")


def times(by_way):
    """Microseconds an image, a dot a round. by_way : {label: (rounds,)}."""
    _, ax = plt.subplots(figsize=(7, 2.4))
    for y, (values, marker) in enumerate(zip(by_way.values(), "os^", strict=True)):
        ax.semilogx(values, np.full(len(values), y), marker, alpha=0.5, markersize=8)
    ax.set(title="Time for one image", xlabel="microseconds (logarithmic)", ylim=(len(by_way) - 0.5, -0.5))
    ax.set_yticks(range(len(by_way)), by_way)
    ax.grid(axis="y", visible=False)


def gaps(sizes, by_format):
    """sizes : (n,); by_format : {label: (n,) the gap from a number of that size to the next}."""
    _, ax = plt.subplots(figsize=(7, 3.4))
    for (label, values), style in zip(by_format.items(), ("-", "--"), strict=True):
        ax.loglog(sizes, values, style, label=label)
    ax.axhline(1, color="#555555", linewidth=1.2, linestyle=":")
    ax.axvline(2.0**24, color="#555555", linewidth=1.2, linestyle=":")
    ax.annotate("from $2^{24}$ on, float32\nlacks some whole numbers", (2.6e7, 1e-18), fontsize=10)
    ax.set(title="The gap to the next number", xlabel="size of the number", ylabel="gap")
    ax.legend(loc="upper left")


def cancelled(offsets, by_formula):
    """offsets : (n,); by_formula : {label: (n,) relative error of a variance}."""
    _, ax = plt.subplots(figsize=(7, 3.4))
    for (label, values), style in zip(by_formula.items(), ("-", "--"), strict=True):
        ax.loglog(offsets, np.maximum(values, 1e-9), style, label=label)
    ax.axhline(1, color="#555555", linewidth=1.2, linestyle=":")
    ax.annotate("error as large as the variance itself", (offsets[0], 2), fontsize=12)
    ax.set(title="The variance of numbers far from 0", xlabel="mean ÷ standard deviation", ylabel="relative error")
    ax.set_ylim(1e-9, 1e7)
    ax.legend(loc="upper left")


def soft_maximum(z, largest, smooth):
    """z : (n,); largest : (n,) max(z, 0); smooth : (n,) log(e^z + 1)."""
    _, ax = plt.subplots(figsize=(7, 3.2))
    ax.plot(z, smooth, label="log-sum-exp of $z$ and 0")
    ax.plot(z, largest, "--", label="the larger of $z$ and 0")
    ax.annotate("log 2", (-0.1, 0.1), ha="right", fontsize=10)
    ax.vlines(0, 0, np.log(2), color="#555555", linewidth=1.2)
    ax.set(title="A maximum with its corner rounded off", xlabel="$z$")
    ax.legend(loc="upper left")
