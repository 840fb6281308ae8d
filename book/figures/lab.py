"""Figures of the small experiments that python -m bench.lab makes, each from its file in book/data."""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from book.figures import power

GREY = "#8a8f98"


def record(name):
    """What an experiment found: "parity", "char", "mup", "sizes" or "isoflop"."""
    return json.loads((Path(__file__).parents[1] / "data" / f"lab_{name}.json").read_text(encoding="utf-8"))


def parity(record):
    """The loss curves of one run in NumPy and in PyTorch, which lie on one another, and how far they are apart."""
    _, (ax, below) = plt.subplots(2, 1, figsize=(6.4, 4.6), sharex=True, height_ratios=[2, 1])
    first, *others = record["curves"].items()
    for i, (who, losses) in enumerate([first, *others]):
        ax.plot(losses, label=who, linewidth=3 - i, color=f"C{i}")
    for i, (who, losses) in enumerate(others, start=1):
        apart = np.abs(np.subtract(losses, first[1]))
        below.semilogy(np.where(apart > 0, apart, np.nan), label=who, color=f"C{i}", linewidth=1)
    ax.set_ylabel("loss")
    ax.legend()
    below.set(xlabel="step", ylabel=f"apart from {first[0]}")


def char(record):
    """The loss of a GPT of characters while it learns, and the line that counting triples reaches."""
    _, ax = plt.subplots()
    steps = 10 * np.arange(1, len(record["curve"]) + 1)
    ax.plot(steps, record["curve"], label="training")
    ax.plot(record["n_steps"], record["val_loss"], "o", color="C1", label="held-out text")
    ax.axhline(record["trigram"], color=GREY, linestyle="--", label="counting triples, held-out text")
    ax.set(xlabel="step", ylabel="loss, nats a character")
    ax.legend()


def mup(record):
    """The loss by learning rate, a curve a width: with standard settings, and with µP."""
    _, axes = plt.subplots(1, 2, figsize=(7, 3.2), sharey=True)
    for ax, (way, rows) in zip(axes, record["losses"].items(), strict=True):
        for width, row, best in zip(record["widths"], rows, record["best"][way], strict=True):
            losses = np.array(row, dtype=float)
            (curve,) = ax.semilogy(record["log2_lr"], losses, label=f"width {width}")
            ax.plot(best, losses[record["log2_lr"].index(best)], "o", color=curve.get_color())
        ax.set(title=way, xlabel="log₂ of the learning rate")
    axes[0].set_ylabel("loss")
    axes[0].legend()


def sizes(record):
    """The loss by the number of parameters, both in logarithms, and the power law through the points."""
    _, ax = plt.subplots()
    N = np.array([size["params"] for size in record["sizes"]])
    ax.loglog(N, [size["val_loss"] for size in record["sizes"]], "o", label="trained on the same text")
    line = np.geomspace(N[0] / 2, N[-1] * 2, 50)
    ax.plot(line, (record["scale"] / line) ** record["exponent"], color=GREY, label="the power law nearest to them")
    ax.set(xlabel="parameters of the blocks", ylabel="loss, nats a character")
    ax.legend()


def isoflop(record):
    """The loss by the number of parameters, a curve a budget of FLOPs, and each one's lowest point."""
    _, ax = plt.subplots()
    for budget in record["budgets"]:
        N, losses = zip(*((run["params"], run["val_loss"]) for run in budget["runs"]), strict=True)
        (curve,) = ax.semilogx(N, losses, ".-", label=f"{power(budget['flops'])} FLOPs")
        ax.plot(N[np.argmin(losses)], min(losses), "o", color=curve.get_color())
    ax.set(xlabel="parameters of the blocks", ylabel="loss, nats a character")
    ax.legend()
