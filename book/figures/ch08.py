"""Figures of chapter 8: backpropagation."""

import matplotlib.pyplot as plt
import numpy as np

from book.figures.play import Play


def stepper():
    """A 2-2-1 network with squared loss: values forward, then slopes backward, one step at a time."""
    return Play(
        "ch08_play.js",
        "A backward stepper: values go right, slopes go left",
        "A network with two inputs, two sigmoid units and one linear unit. Forward, each value is computed from the "
        "values to its left. Backward, each slope is the slope to its right times one local slope; where paths meet, "
        "slopes add.",
        x=np.array([1.0, -2.0]),
        W1=np.array([[0.5, -1.0], [0.8, 0.6]]),
        b1=np.array([0.3, 0.1]),
        W2=np.array([1.5, -2.0]),
        b2=0.2,
        y=1.0,
    )


def sigmoid_and_slope(x):
    """x : (n,), the points to draw at. Two axes: sigmoid, and its slope."""
    s = 1 / (1 + np.exp(-x))
    _, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8))
    left.plot(x, s)
    left.set(title="sigmoid", xlabel="x", ylim=(-0.05, 1.05))
    right.plot(x, s * (1 - s), color="C1")
    right.axhline(0.25, color="#555555", linewidth=1, linestyle=":")
    right.annotate("¼", (-7.6, 0.255))
    right.set(title="its slope, s(1 − s)", xlabel="x", ylim=(-0.01, 0.3))


def gradient_sizes(runs):
    """runs : {label: a list with one size a layer, first layer first}."""
    _, ax = plt.subplots(figsize=(7, 3.8))
    for (label, sizes), marker in zip(runs.items(), "os^", strict=False):
        ax.semilogy(range(1, len(sizes) + 1), sizes, marker=marker, label=label)
    ax.set(title="Size of dW by layer", xlabel="layer (1 is next to the input)", ylabel="size of dW")
    ax.set_xticks(range(1, len(sizes) + 1, 4))
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
