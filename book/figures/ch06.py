"""Figures of chapter 6: losses."""

import matplotlib.pyplot as plt
import numpy as np

from book.figures.play import Play


def residual_play():
    """A residual against three losses and their slopes."""
    return Play(
        "ch06_play.js",
        "One residual, three losses",
        "First what a residual costs, then how hard the loss pulls on the prediction. The square's pull grows with "
        "the residual, the absolute value's is always 1 in size, Huber's grows as far as δ and stays there.",
        view="residual",
    )


def logit_play():
    """A logit against binary cross-entropy and the squared error of its probability."""
    return Play(
        "ch06_play.js",
        "One logit, two losses",
        "First what a logit costs, then its slope by the logit. Cross-entropy goes on rising the more wrong the "
        "logit is, with a slope near 1. The squared error of the probability levels out at 1, and its slope goes to 0.",
        view="logit",
    )


def residuals(top, ink, pred):
    """top, ink, pred : (n,): the ink of the first rows, of the whole picture, and what was predicted for it."""
    _, ax = plt.subplots(figsize=(7, 3.6))
    order = np.argsort(top)
    ax.vlines(top, np.minimum(ink, pred), np.maximum(ink, pred), color="C1", linewidth=1.5, label="residual")
    ax.plot(top[order], pred[order], color="C0", label="predicted")
    ax.plot(top, ink, "o", color="black", label="target")
    ax.set(title="Predicted ink and real ink", xlabel="ink in the first five rows", ylabel="ink in the whole picture")
    ax.legend(loc="lower right")


def best_constant(c, targets, mse, mae):
    """One panel for each set of targets: both losses against the constant c that is predicted for all.

    c : (n,); targets : {title: (m,)}; mse, mae : {title: (n,)}
    """
    _, axes = plt.subplots(1, len(targets), figsize=(7, 3.2), sharey=True)
    for ax, (title, y) in zip(axes, targets.items(), strict=True):
        for loss, style, label in [(mse[title], "-", "squared"), (mae[title], "--", "absolute")]:
            relative = loss / loss.min()
            (line,) = ax.plot(c, relative, style, label=label)
            ax.plot(c[relative.argmin()], 1, "o", color=line.get_color(), markersize=8)
        inside = y[y <= c[-1]]
        ax.plot(inside, np.full(len(inside), 0.8), "|", color="black", markersize=10)
        if len(inside) < len(y):
            ax.annotate(f"one more at {y.max():.0f} →", (0.98, 0.02), xycoords="axes fraction", ha="right", fontsize=9)
        ax.set(title=title, xlabel="the constant c", ylim=(0.6, 3))
    axes[0].set_ylabel("loss ÷ its lowest value")
    axes[0].legend()


def fits(top, ink, lines, limit):
    """Targets against input with a line for each loss; targets above limit are left out and counted.

    top, ink : (n,); lines : {label: (weight, bias)}, in the units of the picture
    """
    _, ax = plt.subplots(figsize=(7, 3.8))
    seen = ink <= limit
    ax.plot(top[seen], ink[seen], "o", color="#777777", markersize=3)
    ends = np.array([top.min(), top.max()])
    for (label, (weight, bias)), style in zip(lines.items(), ("-", "--", ":"), strict=False):
        ax.plot(ends, weight * ends + bias, style, linewidth=2.5, label=label)
    ax.annotate(f"{np.sum(~seen)} targets lie above, up to {ink.max():.0f} ↑", (0.02, 0.93), xycoords="axes fraction")
    ax.set(title="One line, three losses", xlabel="ink in the first five rows", ylabel="ink in the whole picture")
    ax.set_ylim(top=limit)
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def noise(r, gauss, laplace):
    """Two panels: how probable a residual is, and -log of that.

    r, gauss, laplace : (n,), residuals and the two densities at them
    """
    _, (left, right) = plt.subplots(1, 2, figsize=(7, 3))
    for density, style, label in [(gauss, "-", "Gaussian"), (laplace, "--", "Laplace")]:
        left.plot(r, density, style, label=label)
        right.plot(r, -np.log(density), style, label=label)
    left.set(title="how probable", xlabel="residual r", ylim=(0, None))
    right.set(title="−log of it", xlabel="residual r")
    right.legend()


def sure_and_wrong(histories):
    """histories : {label: one cross-entropy a step}."""
    _, ax = plt.subplots(figsize=(7, 3.4))
    for (label, history), style in zip(histories.items(), ("-", "--"), strict=False):
        ax.plot(history, style, label=label)
    ax.set(title="Started sure and wrong", xlabel="step", ylabel="cross-entropy of the answers", ylim=(0, None))
    ax.legend()


def pictures(images, titles):
    """images : (n, 64), 8 × 8 pixels each; titles : n texts. n an even number: two rows."""
    _, axes = plt.subplots(2, len(images) // 2, figsize=(7, 4))
    for ax, image, title in zip(axes.flat, images, titles, strict=True):
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        ax.set_title(title, fontsize=9, fontweight="normal", loc="center")
        ax.axis("off")


def recall_and_precision(curves, points):
    """curves : {label: (recall, precision)}, arrays; points : {label: (recall, precision)}, where p is above ½."""
    _, ax = plt.subplots(figsize=(7, 3.6))
    for (label, (recall, precision)), style, marker in zip(curves.items(), ("-", "--"), "os", strict=False):
        (line,) = ax.plot(recall, precision, style, label=label)
        ax.plot(*points[label], marker, color=line.get_color(), markersize=10)
    ax.set(title="Every threshold of two detectors", xlabel="recall", ylabel="precision", ylim=(0.4, 1.05))
    ax.set_xlim(0.5, 1.01)
    ax.legend(loc="lower left")
