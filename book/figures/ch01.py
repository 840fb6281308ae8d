"""Figures of chapter 1: one neuron."""

import matplotlib.pyplot as plt
import numpy as np

from book.figures.play import Play

INK, SOFT, LIGHT = "#1c1f24", "#8a8f98", "#c9ced6"
MIDDLE, LEFT = (2.5, 1.5), (0.5, 1.5)  # the upper left corners of two fields of pixels, 2 wide and 4 high


def line_play(x, targets):
    """Two weights and a bias against the points of a data set. x : (n, 2); targets : (n,), each 0 or 1."""
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    sets = {"digits": {"name": "0 against 1", "x": x, "y": targets.astype(int), "start": [1, 1, -5], "lr": 0.1}}
    for name, y in {"AND": [0, 0, 0, 1], "OR": [0, 1, 1, 1], "NAND": [1, 1, 1, 0], "XOR": [0, 1, 1, 0]}.items():
        sets[name] = {"name": name, "x": corners, "y": y, "start": [1, -0.5, 0.2], "lr": 0.5}
    return Play(
        "ch01_play.js",
        "One neuron, one line",
        "The neuron fires on the side its arrow points to. The weights turn the line, the bias shifts it. For the "
        "digits, AND, OR and NAND some line makes no mistake; for XOR every line makes at least one.",
        sets=sets,
    )


def plain(number, digits=1):
    return f"{number:.{digits}f}".replace("-", "−")


def picture(ax, image, **style):
    """One image of 64 pixels, without axes."""
    ax.imshow(image.reshape(8, 8), **{"cmap": "gray_r", "vmin": 0, "vmax": 1} | style)
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set(visible=True, color=LIGHT)


def fields(images):
    """images : (n, 64). Each with the two fields of pixels in which the neuron's inputs count ink."""
    _, axes = plt.subplots(1, len(images), figsize=(7, 1.9))
    for ax, image in zip(axes, images, strict=True):
        picture(ax, image)
        for corner, color, style in [(MIDDLE, "C1", "-"), (LEFT, "C0", "--")]:
            ax.add_patch(plt.Rectangle(corner, 2, 4, fill=False, edgecolor=color, linestyle=style, linewidth=2.5))


def zoom():
    """A nerve cell and the neuron of this book, part beside part."""
    _, (cell, unit) = plt.subplots(2, 1, figsize=(7, 5.4))
    for ax in (cell, unit):
        ax.set_axis_off()
        ax.set(xlim=(-0.2, 10.4), ylim=(-2.1, 2.1), aspect="equal")
    heights = [1.3, 0, -1.3]
    t = np.linspace(0, 1, 40)
    for y, width in zip(heights, [4.5, 2.2, 3.3], strict=True):
        cell.plot(1.5 + 3 * t, y * (1 - t) ** 1.3 + 0.12 * np.sin(9 * t), color="C0", linewidth=width)
        cell.plot([0.2, 1.25], [y + 0.1, y], color=SOFT, linewidth=1.6)
        cell.plot([1.32], [y], "o", color="C1", markersize=5 + 2 * width)
    angle = np.linspace(0, 2 * np.pi, 200)
    radius = 0.72 * (1 + 0.09 * np.cos(5 * angle + 0.6))
    cell.fill(4.8 + radius * np.cos(angle), radius * np.sin(angle), facecolor="#dbe9f4", edgecolor="C0", linewidth=2)
    cell.plot([4.8], [0], "o", color="C0", markersize=11, alpha=0.6)
    cell.plot(5.5 + 3.3 * t, 0.1 * np.sin(7 * t), color="C0", linewidth=4)
    for y in (0.7, 0, -0.7):
        cell.plot(8.8 + 0.9 * t, 0.1 * np.sin(7) + y * t, color="C0", linewidth=2)
        cell.plot([9.75], [0.1 * np.sin(7) + y], "o", color="C1", markersize=7)
    for x, y, text in [
        (0.1, 1.75, "from other cells"),
        (2.3, 1.45, "dendrites"),
        (0.75, -1.95, "synapses, strong and weak"),
        (4.8, -1.15, "cell body"),
        (7.1, 0.45, "axon"),
        (9.4, 1.1, "to others"),
    ]:
        centred = x > 4
        cell.text(x, y, text, ha="center" if centred else "left", fontsize=10)
    for i, (y, width) in enumerate(zip(heights, [4.5, 2.2, 3.3], strict=True), 1):
        unit.plot([0.75, 4.2], [y, 0.25 * y], color="C0", linewidth=width, zorder=1)
        unit.add_patch(plt.Circle((0.6, y), 0.34, facecolor="white", edgecolor=INK, zorder=2))
        unit.text(0.6, y, f"$x_{i}$", ha="center", va="center", fontsize=12)
        unit.text(2.2, 0.7 * y + 0.26, f"$w_{i}$", ha="center", color="C1", fontsize=12)
    unit.add_patch(plt.Circle((4.8, 0), 0.74, facecolor="#dbe9f4", edgecolor="C0", linewidth=2, zorder=2))
    unit.text(4.8, 0, "sum + $b$", ha="center", va="center", fontsize=11)
    unit.annotate("", (6.9, 0), (5.56, 0), arrowprops={"arrowstyle": "->", "color": "C0", "linewidth": 2})
    unit.text(6.2, 0.2, "$z$", ha="center", fontsize=12)
    unit.add_patch(plt.Rectangle((6.95, -0.6), 1.3, 1.2, facecolor="white", edgecolor="C0", linewidth=2))
    unit.plot([7.1, 7.6, 7.6, 8.1], [-0.35, -0.35, 0.35, 0.35], color=INK, linewidth=2.5)
    unit.annotate("", (9.4, 0), (8.3, 0), arrowprops={"arrowstyle": "->", "color": "C0", "linewidth": 2})
    unit.text(9.5, 0, "out", va="center", fontsize=11)
    for x, y, text in [
        (0.1, -1.95, "inputs"),
        (1.9, -1.6, "weights"),
        (4.0, -1.15, "sum and bias"),
        (6.7, -1.15, "activation"),
    ]:
        unit.text(x, y, text, fontsize=10)
    cell.set_title("A nerve cell, simplified")
    unit.set_title("The neuron of this book")


def scatter(ax, x, targets, size=4):
    """Zeros as open circles, ones as filled dots."""
    for k, face, color, name in [(0, "white", "C2", "0"), (1, "C0", "C0", "1")]:
        rows = x[targets == k]
        ax.plot(*rows.T, "o", markersize=size, markerfacecolor=face, markeredgecolor=color, label=name, zorder=3)


def side(ax, w, b, limits, color=INK):
    """The line w·x + b = 0 in the box (x0, x1, y0, y1), and the side on which the neuron fires, tinted."""
    x0, x1, y0, y1 = limits
    u, v = np.meshgrid(np.linspace(x0, x1, 300), np.linspace(y0, y1, 300))
    z = w[0] * u + w[1] * v + b
    ax.contourf(u, v, z, levels=[0, np.inf], colors=["#e2edf6"], zorder=0)
    ax.contour(u, v, z, levels=[0], colors=[color], linewidths=2, zorder=2)
    ax.set(xlim=(x0, x1), ylim=(y0, y1))


def arrow(ax, start, move, color="C1", **style):
    ax.annotate(
        "",
        np.add(start, move),
        start,
        arrowprops={"arrowstyle": "-|>", "color": color, "linewidth": 2.5, "mutation_scale": 16} | style,
        zorder=5,
    )


def plane(x, targets, w, b):
    """x : (n, 2) ink in the middle and left of it; targets : (n,); the line of the neuron (w, b), and its mistakes."""
    _, ax = plt.subplots(figsize=(7, 4))
    limits = (-0.4, 8.4, -0.3, 6.3)
    side(ax, w, b, limits)
    scatter(ax, x, targets)
    wrong = (x @ w + b > 0) != (targets == 1)
    ax.plot(*x[wrong].T, "o", markersize=13, markerfacecolor="none", markeredgecolor="C1", markeredgewidth=2.5)
    ax.text(6.9, 5.7, "says 1", fontsize=11, fontweight="bold")
    ax.text(-0.2, 2.1, "says 0", fontsize=11, fontweight="bold")
    ax.set(title="What two numbers know", xlabel="ink in the middle, $x_1$", ylabel="ink left of it, $x_2$")
    ax.legend(title="it is a", loc="center left", bbox_to_anchor=(1.0, 0.5))


def geometry(w, b, point):
    """The line of (w, b), the arrow w standing on it, and a point with its distance. point : (2,)."""
    _, ax = plt.subplots(figsize=(7, 4.3))
    limits = (-1.2, 7.2, -0.6, 5.2)
    side(ax, w, b, limits)
    w, point = np.asarray(w, float), np.asarray(point, float)
    length = np.linalg.norm(w)
    foot = point - (w @ point + b) / length**2 * w
    ax.plot(*np.stack([foot, point]).T, "--", color=INK, linewidth=1.6, zorder=4)
    ax.plot(*point, "o", color="C0", markersize=9, zorder=6)
    ax.text(*(point + [0.15, 0.12]), f"({point[0]:g}, {point[1]:g})", fontsize=11)
    ax.text(*((foot + point) / 2 + [0.15, -0.3]), "distance $z/|w|$", fontsize=11)
    base = np.array([0.0, -b / w[1]])
    arrow(ax, base, w / 2.5)
    ax.text(*(base + w / 2.5 + [0.1, 0.05]), "direction of $w$", color="C1", fontsize=11)
    ax.text(-1.0, 0.05, "$z < 0$: says 0", fontsize=11)
    ax.text(5.1, 4.7, "$z > 0$: says 1", fontsize=11)
    ax.text(3.5, -0.35, "$z = 0$", fontsize=11)
    ax.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal")


def weight_picture(image, other, w, b):
    """Two images (64,), the weights (64,) as a picture, and ink times weight for each, with the sums."""
    _, axes = plt.subplots(2, 3, figsize=(7, 4.6))
    for row, x in zip(axes, (image, other), strict=True):
        picture(row[0], x)
        picture(row[1], w, cmap="PuOr", vmin=-1, vmax=1)
        picture(row[2], w * x, cmap="PuOr", vmin=-1, vmax=1)
        z = w @ x + b
        row[2].set_xlabel(f"sum {plain(w @ x)}, with the bias {plain(z)}\nsays {int(z > 0)}", fontsize=10)
        row[0].set_ylabel("image", fontsize=10)
        for ax, sign in zip(row[1:], "×=", strict=True):
            ax.set_ylabel(sign, rotation=0, fontsize=18, labelpad=14, va="center")
    for ax, title in zip(axes[0], ("ink", "weights", "ink × weight"), strict=True):
        ax.set_title(title, fontsize=11)


def activations(z, soft):
    """z, soft : (n,): the step and sigmoid."""
    _, ax = plt.subplots(figsize=(7, 3))
    below = z[z <= 0]
    ax.plot(below, np.zeros(len(below)), color="C1", linewidth=2.5, label="step")
    ax.plot(z[z > 0], np.ones(np.sum(z > 0)), color="C1", linewidth=2.5)
    ax.plot(z, soft, "--", color="C0", linewidth=2.5, label="sigmoid")
    ax.set(title="Two ways to decide", xlabel="weighted sum z", ylabel="out", yticks=[0, 0.5, 1])
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def lesson(before, after, x, target, others, targets):
    """One step of the rule. before, after : (w, b); x : (2,) the example; others, targets : the rest."""
    _, axes = plt.subplots(1, 2, figsize=(7, 3.7), sharey=True)
    limits = (-2.6, 2.6, -2.6, 2.6)
    for ax, (w, b), title in zip(axes, (before, after), ("before: a 1 on the wrong side", "after"), strict=True):
        side(ax, w, b, limits)
        scatter(ax, others, targets, size=7)
        scatter(ax, x[None], np.array([target]), size=10)
        ax.plot(*x, "o", markersize=17, markerfacecolor="none", markeredgecolor=INK, markeredgewidth=1.5)
        base = -b * np.asarray(w) / (w @ w)
        arrow(ax, base, w, color="C1")
        ax.text(*(base + w / 2 + [-0.05, 0.2]), "$w$", color="C1", fontsize=13)
        ax.set(title=title, xlabel="$x_1$", aspect="equal")
    w, b = before
    base = -b * w / (w @ w)
    arrow(axes[0], base + w, x, color=INK, linestyle="--", linewidth=1.5)
    axes[0].text(*(base + w + x / 2 + [0.15, 0.05]), "$x$", fontsize=13)
    axes[0].set_ylabel("$x_2$")


def mistakes(runs, learned):
    """runs : {label: mistakes of each epoch}; learned : {label: (64,) weights}. Counts, and weights as pictures."""
    _, axes = plt.subplots(1, 3, figsize=(7, 2.9), width_ratios=[2.4, 1, 1])
    for (label, counts), marker in zip(runs.items(), "osv", strict=False):
        axes[0].plot(range(1, len(counts) + 1), counts, marker + "-", label=label)
    axes[0].set(title="Mistakes in each epoch", xlabel="epoch", ylim=(0, None), xticks=range(1, 17, 3))
    axes[0].legend()
    for ax, (label, w) in zip(axes[1:], learned.items(), strict=True):
        size = np.abs(w).max()
        picture(ax, w, cmap="PuOr", vmin=-size, vmax=size)
        ax.set_title(label, fontsize=10, fontweight="normal", loc="center")


def restless(counts, accuracies):
    """counts : mistakes of each epoch; accuracies : {label: share right on unseen images after each epoch}."""
    _, (left, right) = plt.subplots(1, 2, figsize=(7, 3.2))
    epochs = range(1, len(counts) + 1)
    left.plot(epochs, counts, "o-", color="C3")
    left.set(title="Mistakes, odd against even", xlabel="epoch", ylim=(0, None))
    for (label, shares), style in zip(accuracies.items(), ("s--", "o-"), strict=True):
        right.plot(epochs, shares, style, label=label)
    right.set(title="Right on unseen images", xlabel="epoch", ylim=(0.7, 1))
    right.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    right.legend(loc="lower right")


def square(ax, x, y, answers, names=("$x_1$", "$x_2$"), size=13):
    """The corners of a square with an answer for each: filled where it is 1."""
    for corner, answer in zip(np.stack([x, y], axis=1), answers, strict=True):
        face = "C0" if answer else "white"
        ax.plot(*corner, "o", markersize=size, markerfacecolor=face, markeredgecolor="C0", markeredgewidth=2, zorder=4)
    ax.set(xlabel=names[0], ylabel=names[1], xticks=[0, 1], yticks=[0, 1], aspect="equal")


def gates(corners, table):
    """corners : (4, 2); table : {name: (answers, w, b)}, w None where there is no line."""
    _, axes = plt.subplots(1, len(table), figsize=(7, 2.5), sharey=True)
    for ax, (name, (answers, w, b)) in zip(axes, table.items(), strict=True):
        ax.set(xlim=(-0.5, 1.5), ylim=(-0.5, 1.5))
        if w is not None:
            side(ax, w, b, (-0.5, 1.5, -0.5, 1.5))
        square(ax, *corners.T, answers)
        ax.set_title(name)
    for ax in axes[1:]:
        ax.set_ylabel("")


def two_layers(corners, answers, hidden, lines, last):
    """The inputs with the lines of two neurons, and what these two say with the line of a third.

    corners, hidden : (4, 2); answers : (4,); lines : {name: (w, b)}; last : (w, b)
    """
    _, (left, right) = plt.subplots(1, 2, figsize=(7, 3.6))
    box = np.linspace(-0.5, 1.5, 2)
    for (name, (w, b)), style in zip(lines.items(), ("-", "--"), strict=True):
        left.plot(box, -(w[0] * box + b) / w[1], style, color="C1", linewidth=2.2, label=name)
        middle = 0.5 - (w @ [0.5, 0.5] + b) / (w @ w) * w[0]
        arrow(left, (middle, middle), 0.17 * w)
    square(left, *corners.T, answers)
    left.set(xlim=(-0.5, 1.5), ylim=(-0.5, 1.5), title="what the inputs say")
    left.legend(loc="upper right", fontsize=9)
    side(right, *last, (-0.5, 1.5, -0.5, 1.5))
    square(right, *hidden.T, answers, names=tuple(lines))
    for spot in np.unique(hidden, axis=0):
        met = [f"({a:g}, {b:g})" for (a, b), h in zip(corners, hidden, strict=True) if np.array_equal(h, spot)]
        right.text(spot[0] + 0.1, spot[1] + (0.13 if spot.any() else -0.32), "\n".join(met), fontsize=9)
    right.set_title("what A and B say")
