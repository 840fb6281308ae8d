"""Figures of chapter 9: gradient checks."""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from book.figures.play import Play

GREY = "#777777"


def bugs():
    """The runs of make_ch09_bugs.py: a dict, with its recipe."""
    path = Path(__file__).parents[1] / "data" / "ch09_bugs.json"
    return json.loads(path.read_text(encoding="utf-8"))


def step_play():
    """A function, a point, a precision, and a step h to move: three ways to measure a slope."""
    return Play(
        "ch09_play.js",
        "Too long, too short",
        "The error of a measured slope against the step h, both logarithmic. From the right, where steps are "
        "long, forward differences of a smooth function fall ten times for each tenfold shorter step and central ones "
        "a hundred times. Then rounding takes over, and both rise again. The complex step falls with the central one "
        "and never rises. ReLU is straight but for its corner: beside it there is only rounding, and across it the "
        "slope is that of neither side.",
    )


def two_runs(histories):
    """histories : {name: one training loss an epoch}."""
    _, ax = plt.subplots(figsize=(7, 3.2))
    for (name, history), style in zip(histories.items(), ("-", "--"), strict=True):
        ax.plot(np.arange(1, len(history) + 1), history, style, label=f"network {name}")
    ax.set(title="Two networks learn to read digits", xlabel="epoch", ylabel="training loss", ylim=(0, None))
    ax.legend()


def secants(f, x, h, slope):
    """f : a function of arrays; x : the point; h : the step; slope : the true one at x."""
    _, axes = plt.subplots(1, 2, figsize=(7, 3.4), sharey=True)
    grid = np.linspace(x - 1.4 * h, x + 1.25 * h, 100)
    for ax, low, title in zip(axes, (x, x - h), ("forward: x and x + h", "central: x − h and x + h"), strict=True):
        rise = (f(x + h) - f(low)) / (x + h - low)
        ax.plot(grid, f(grid), color=GREY)
        ax.plot(grid, f(x) + slope * (grid - x), ":", color="black", label=f"tangent, slope {slope:g}")
        ax.plot(grid, f(low) + rise * (grid - low), color="C1", label=f"through two points, {rise:g}")
        ax.plot([low, x + h], [f(low), f(x + h)], "o", color="C1", markersize=8)
        ax.plot(x, f(x), "s", color="black")
        ax.set(title=title, xlabel="x", ylim=(f(x) - 1.2 * slope * h, f(x + h) * 1.15))
        ax.legend(loc="upper left", fontsize=9)


def step_sizes(steps, errors):
    """steps : (n,); errors : {title: {label: (n,)}}: a panel for each title, a curve for each label."""
    _, axes = plt.subplots(len(errors), 1, figsize=(5.6, 5.8), sharex=True, sharey=True)
    for ax, (title, curves) in zip(axes, errors.items(), strict=True):
        for (label, error), style, marker in zip(curves.items(), ("--", "-"), ("s", "o"), strict=True):
            ax.loglog(steps, error, style, label=label, linewidth=1.2)
            ax.plot(steps[error.argmin()], error.min(), marker, color="black", markersize=8, fillstyle="none", mew=2)
        ax.set(title=title, ylabel="relative error")
        ax.set_xticks(10.0 ** np.arange(-12, 1, 2))
    axes[-1].set_xlabel("step h")
    axes[-1].legend(loc="lower left")


def ramp(z, measured, h):
    """z, measured : (n,): ReLU's slope measured with step h at each z."""
    _, ax = plt.subplots(figsize=(7, 3))
    scaled = z / h
    ax.plot(scaled[scaled <= 0], np.zeros(np.sum(scaled <= 0)), color="black", label="ReLU's slope")
    ax.plot(scaled[scaled > 0], np.ones(np.sum(scaled > 0)), color="black")
    ax.plot(scaled, measured, "--", color="C1", label="measured by a central difference")
    ax.set(title="Within one step of the kink", xlabel="z, in steps of h", ylabel="slope")
    ax.legend(loc="upper left")


def wrong_and_learning(found):
    """found : {bug: {"check": relative error, "wrong": [a share for each start]}}."""
    _, (top, bottom) = plt.subplots(2, 1, figsize=(5.6, 5.8), sharey=True)
    for row, one in enumerate(found.values()):
        top.plot(one["check"], row, "s", color="C0", markersize=8)
        bottom.plot(100 * np.array(one["wrong"]), np.full(len(one["wrong"]), row), "o", color="C0", alpha=0.5)
        bottom.plot(100 * np.median(one["wrong"]), row, "|", color="C1", markersize=18, markeredgewidth=3)
    top.set(title="what the check says", xlabel="relative error", xscale="log", xlim=(1e-12, 10))
    top.axvspan(1e-7, 10, color="#eeeeee", zorder=0)
    top.set_xticks([1e-10, 1e-6, 1e-2])
    top.set_yticks(range(len(found)), ["no bug" if name == "none" else name for name in found])
    bottom.set(title="what training says", xlabel="% wrong, of unseen digits", xscale="log")
    bottom.set_xticks([3, 10, 30, 90], ["3", "10", "30", "90"])
    bottom.xaxis.set_minor_locator(plt.NullLocator())
    top.invert_yaxis()
