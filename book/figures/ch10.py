"""Figures of chapter 10: training."""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import FancyBboxPatch

from book.figures.play import Play

INK, GREY = "#1c1f24", "#8a8f98"
ABOVE = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "fontsize": 10}


def runs():
    """The runs of the playable figure, made beforehand: a dict, with its recipe."""
    path = Path(__file__).parents[1] / "data" / "ch10_runs.json"
    return json.loads(path.read_text(encoding="utf-8"))


def frame(ax):
    """Axes for a picture: a thin frame, no ticks."""
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    ax.spines[:].set(visible=True, color=GREY, linewidth=0.8)


def monitor(record):
    """record : from runs(). Learning curves to be read epoch by epoch, with early stopping."""
    return Play(
        "ch10_play.js",
        "Learning curves of eight runs: one healthy, seven broken",
        "Each run leaves three curves: the loss of every mini-batch, the training loss and the validation loss after "
        "every epoch. Their shapes tell what went wrong. A patience can be set: marks show where early stopping ends "
        "the run, and which epoch it keeps.",
        runs=record["runs"],
        recipes=record["recipe"]["runs"],
    )


def descents(loss, paths, edges):
    """loss : a function of an array of p; paths : {title: the p of each step}; edges : where the drawing ends."""
    _, axes = plt.subplots(1, len(paths), figsize=(7, 2.7), sharey=True)
    line = np.linspace(*edges, 101)
    for ax, (title, path) in zip(axes, paths.items(), strict=True):
        path = np.asarray(path)
        ax.plot(line, loss(line), color=GREY, linewidth=1.2)
        ax.plot(path, loss(path), "o-", color="C1", linewidth=1.2, markersize=4.5)
        ax.plot(path[0], loss(path[0]), "s", color="C0", markersize=8)
        ax.set(title=title, xlabel="p", xlim=edges, ylim=(-0.6, loss(line).max()))
    axes[0].set_ylabel("loss")


def loop(steps):
    """steps : [(name, what it needs and gives)], drawn in a ring, clockwise from the top."""
    _, ax = plt.subplots(figsize=(7, 3.6))
    ax.set_axis_off()
    angles = np.pi / 2 - 2 * np.pi * np.arange(len(steps)) / len(steps)
    places = np.stack([2.75 * np.cos(angles), 1.45 * np.sin(angles)], axis=1)
    box = {
        "boxstyle": "round,pad=0,rounding_size=0.12",
        "facecolor": "#eef4fa",
        "edgecolor": "C0",
        "linewidth": 1.5,
    }
    boxes = [ax.add_patch(FancyBboxPatch((x - 1.08, y - 0.33), 2.16, 0.66, **box)) for x, y in places]
    arrow = {
        "arrowstyle": "-|>",
        "color": "C1",
        "linewidth": 2,
        "mutation_scale": 18,
        "connectionstyle": "arc3,rad=-0.15",
        "shrinkA": 3,
        "shrinkB": 3,
    }
    for k, ((x, y), (name, what)) in enumerate(zip(places, steps, strict=True)):
        then = (k + 1) % len(steps)
        ax.annotate("", places[then], (x, y), arrowprops=arrow | {"patchA": boxes[k], "patchB": boxes[then]})
        ax.text(x, y + 0.13, f"{k + 1}. {name}", ha="center", va="center", fontweight="bold", fontsize=12)
        ax.text(x, y - 0.15, what, ha="center", va="center", fontsize=10)
    ax.set(xlim=(-3.9, 3.9), ylim=(-1.6, 1.9))


def weights_as_image(means, W):
    """means : {title: (64,)}, mean images; W : (64,), the weights of one neuron. Pictures of 8 × 8."""
    _, axes = plt.subplots(1, len(means) + 1, figsize=(7, 2.5))
    for ax in axes:
        frame(ax)
    for ax, (title, mean) in zip(axes, means.items(), strict=False):
        ax.imshow(mean.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        ax.set_title(title)
    top = np.abs(W).max()
    drawn = axes[-1].imshow(W.reshape(8, 8), cmap="PuOr", vmin=-top, vmax=top)
    for (row, column), weight in np.ndenumerate(W.reshape(8, 8)):
        if abs(weight) > 0.35 * top:  # the sign, for readers who see no colours
            color = "white" if abs(weight) > 0.65 * top else INK
            axes[-1].text(column, row, "+" if weight > 0 else "−", ha="center", va="center", color=color, fontsize=9)
    axes[-1].set_title("weights")
    plt.colorbar(drawn, ax=axes[-1], shrink=0.8)


def curves(history):
    """history : as from train.train. Left the losses, right the validation accuracy."""
    epochs = np.arange(1, len(history["val_loss"]) + 1)
    updates = np.arange(1, len(history["batch_loss"]) + 1) * epochs[-1] / len(history["batch_loss"])
    _, (left, right) = plt.subplots(1, 2, figsize=(7, 3), width_ratios=(3, 2))
    left.semilogy(updates, history["batch_loss"], color="#b4b9c2", linewidth=0.6, label="each mini-batch")
    left.semilogy(epochs, history["train_loss"], label="training")
    left.semilogy(epochs, history["val_loss"], "--", label="validation")
    left.set(title="Loss", xlabel="epoch")
    left.legend()
    right.plot(epochs, 100 * np.array(history["val_accuracy"]), "--", color="C1")
    right.set(title="Validation accuracy, %", xlabel="epoch", ylim=(80, 100))


def stops(history, stops):
    """history : as from train.train; stops : {patience: the epoch, from 1, at which it stops}."""
    epochs = np.arange(1, len(history["val_loss"]) + 1)
    best = int(np.argmin(history["val_loss"]))
    _, ax = plt.subplots(figsize=(7, 3.4))
    ax.semilogy(epochs, history["train_loss"], label="training")
    ax.semilogy(epochs, history["val_loss"], "--", label="validation")
    ax.plot(epochs[best], history["val_loss"][best], "*", color=INK, markersize=13, label="lowest validation loss")
    for patience, epoch in stops.items():
        ax.axvline(epoch, color=GREY, linewidth=1, linestyle=":")
        ax.annotate(f"patience {patience}", (epoch, 1), (0, 4), ha="center", **ABOVE)
    ax.set(xlabel="epoch", ylabel="loss")
    ax.legend(loc="lower left")


def shifted(images, titles):
    """images : (n, 64), one digit moved; titles : one for each."""
    _, axes = plt.subplots(1, len(images), figsize=(7, 1.9))
    for ax, image, title in zip(axes, images, titles, strict=True):
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        ax.set_title(title, fontsize=10, fontweight="normal", loc="center")
        frame(ax)


def readings(images, guesses, targets, columns=8):
    """images : (n, 64); guesses and targets : (n,). Each image with what was read, wrong ones marked."""
    rows = -(-len(images) // columns)
    _, axes = plt.subplots(rows, columns, figsize=(7, 1.25 * rows))
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, image, guess, target in zip(axes.flat, images, guesses, targets, strict=False):
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        right = guess == target
        title = str(guess) if right else f"{guess}, not {target}"
        ax.set_title(title, fontsize=10, loc="center", fontweight="normal" if right else "bold")
        if not right:
            ax.add_patch(plt.Rectangle((-0.5, -0.5), 8, 8, fill=False, edgecolor="C1", linewidth=2.5, clip_on=False))
