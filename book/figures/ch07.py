"""Figures of chapter 7: the chain rule on a graph."""

import matplotlib.pyplot as plt
import numpy as np

from book.figures.play import Play

LINE, SOFT, HOT = "#555555", "#8a8f98", "C1"


def engine_play():
    """Three small graphs, computed forwards and then walked backwards, one node at a time."""
    used_twice = {
        "name": "a number used twice",
        "formula": "L = (x + y) · x",
        "nodes": [
            {"id": "x", "value": 3, "at": [48, 76], "up": True},
            {"id": "y", "value": 2, "at": [48, 228]},
            {"id": "s", "op": "add", "of": ["x", "y"], "at": [228, 196]},
            {"id": "L", "op": "mul", "of": ["s", "x"], "at": [430, 112], "up": True},
        ],
    }
    trap = {
        "name": "the trap",
        "formula": "L = a · b, a = x², b = a + 1",
        "walks": [["L", "b", "a"], ["L", "a", "b"]],
        "nodes": [
            {"id": "x", "value": 3, "at": [48, 190]},
            {"id": "a", "op": "square", "of": ["x"], "at": [172, 190]},
            {"id": "b", "op": "plus_one", "of": ["a"], "at": [300, 76], "up": True},
            {"id": "L", "op": "mul", "of": ["a", "b"], "at": [430, 190]},
        ],
    }
    neuron = {
        "name": "a neuron",
        "formula": "L = (tanh(x · w + b) − y)²",
        "nodes": [
            {"id": "x", "value": 2, "at": [36, 76], "up": True},
            {"id": "w", "value": 0.5, "at": [36, 214]},
            {"id": "m", "op": "mul", "of": ["x", "w"], "at": [138, 138], "up": True},
            {"id": "b", "value": -0.5, "at": [138, 238]},
            {"id": "z", "op": "add", "of": ["m", "b"], "at": [240, 138], "up": True},
            {"id": "a", "op": "tanh", "of": ["z"], "at": [342, 138], "up": True},
            {"id": "y", "value": 1, "at": [342, 238]},
            {"id": "d", "op": "sub", "of": ["a", "y"], "at": [444, 138], "up": True},
            {"id": "L", "op": "square", "of": ["d"], "at": [444, 232]},
        ],
    }
    return Play(
        "ch07_play.js",
        "Values forwards, derivatives backwards, node by node",
        "Forwards, each node is computed from its parents, and the slopes by them are noted on the arrows. Backwards, "
        "each node hands its derivative, times the slope on the arrow, to its parents; what arrives at a parent from "
        "several sides adds up. In the trap a node may be told to hand on too early.",
        graphs=[used_twice, trap, neuron],
    )


def plain(number, digits=2):
    """A number as people write it, with a true minus."""
    return f"{number:.{digits}f}".rstrip("0").rstrip(".").replace("-", "−")


def tangent(w, losses, at, slope, step):
    """w, losses : (n,), a curve. Its tangent at the point `at`, and the triangle of a nudge by `step`."""
    _, ax = plt.subplots(figsize=(5.2, 3.2))
    here = np.interp(at, w, losses)
    ax.plot(w, losses, label="loss")
    near = np.array([at - 1.3, at + 1.9])
    ax.plot(near, here + slope * (near - at), "--", color=HOT, label=f"slope {plain(slope)}")
    ax.plot([at, at + step, at + step], [here, here, here + slope * step], color=LINE, linewidth=1.2)
    ax.plot([at], [here], "o", color="black", markersize=7)
    ax.annotate("nudge", (at + step / 2, here), (0, 5), textcoords="offset points", ha="center")
    change = (at + step, here + slope * step / 2)
    ax.annotate(f"{plain(slope)} times as far", change, (6, -3), textcoords="offset points")
    ax.set(xlabel="weight w₁, all else held", ylabel="loss of one flower")
    ax.legend(loc="upper right")


def draw(ax, places, edges, shown=None, hot=(), backwards=False):
    """A graph. places : {name: (x, y)}; edges : {(parent, node): text}; shown : {name: a second line}; hot : edges."""
    ax.set_axis_off()
    for (parent, node), text in edges.items():
        (x0, y0), (x1, y1) = places[parent], places[node]
        color, width = (HOT, 3) if (parent, node) in hot else (SOFT, 1.5)
        style = {"arrowstyle": "-|>", "color": color, "linewidth": width, "shrinkA": 19, "shrinkB": 19}
        ends = ((x0, y0), (x1, y1)) if backwards else ((x1, y1), (x0, y0))
        ax.annotate("", *ends, arrowprops=style)
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        at = (x0 + x1) / 2, (y0 + y1) / 2 + 0.17 * (y0 == y1)  # above an arrow that lies flat
        ax.text(*at, text, ha="center", va="center", fontsize=10, color="#b04a00", bbox=box)
    for name, (x, y) in places.items():
        made = any(node == name for _, node in edges)
        ax.plot([x], [y], "o", markersize=37, markerfacecolor="#dbe9f4" if made else "white", markeredgecolor="C0")
        second = (shown or {}).get(name, "")
        ax.text(x, y, f"{name}\n{second}" if second else name, ha="center", va="center", fontsize=10)
    xs, ys = zip(*places.values(), strict=True)
    ax.set(xlim=(min(xs) - 0.5, max(xs) + 0.5), ylim=(min(ys) - 0.5, max(ys) + 0.5))


NEURON = {
    "x₁": (0, 3),
    "w₁": (0, 2),
    "w₂": (0, 1),
    "x₂": (0, 0),
    "m₁": (1.2, 2.5),
    "m₂": (1.2, 0.5),
    "s": (2.4, 1.5),
    "b": (2.4, 0.2),
    "z": (3.6, 1.5),
    "p": (4.8, 1.5),
    "L": (6, 1.5),
}
ARROWS = ["x₁m₁", "w₁m₁", "w₂m₂", "x₂m₂", "m₁s", "m₂s", "sz", "bz", "zp", "pL"]


def halves(arrow, names):
    """The names an arrow's text is made of, as a pair."""
    return next((a, arrow[len(a) :]) for a in names if arrow.startswith(a) and arrow[len(a) :] in names)


def neuron(values, slopes=None, hot=()):
    """One neuron's graph. values : {node: number}; slopes : {"m₁s": number} on the arrows; hot : such names."""
    _, ax = plt.subplots(figsize=(5.6, 4.2))
    edges = {halves(arrow, NEURON): plain((slopes or {})[arrow]) if slopes else "" for arrow in ARROWS}
    shown = {name: plain(value) for name, value in values.items()}
    draw(ax, NEURON, edges, shown, {halves(arrow, NEURON) for arrow in hot})


def two_paths():
    """The graph of L = (x + y) · x at x = 3, y = 2, each panel with one of the two paths from x to L."""
    _, axes = plt.subplots(1, 2, figsize=(5.8, 2.7))
    places = {"x": (0, 2), "y": (0, 0), "s": (1.6, 0.5), "L": (3.2, 1.6)}
    edges = {("x", "s"): "1", ("y", "s"): "1", ("s", "L"): "3", ("x", "L"): "5"}
    shown = {"x": "3", "y": "2", "s": "5", "L": "15"}
    ways = {"by way of s: 1 · 3 = 3": [("x", "s"), ("s", "L")], "straight: 5": [("x", "L")]}
    for ax, (title, hot) in zip(axes, ways.items(), strict=True):
        draw(ax, places, edges, shown, hot)
        ax.set_title(title, fontsize=11)


def in_order():
    """The graph of L = a · b with b = a + 1 and a = x · x at x = 3: values in the nodes, slopes on the arrows."""
    _, ax = plt.subplots(figsize=(5, 2.3))
    places = {"x": (0, 0), "a": (1.8, 0), "b": (3.6, 1), "L": (5.4, 0)}
    edges = {("x", "a"): "3 + 3", ("a", "b"): "1", ("a", "L"): "10", ("b", "L"): "9"}
    draw(ax, places, edges, {"x": "3", "a": "9", "b": "10", "L": "90"})


def passes():
    """One forward pass and one reverse pass over the same graph: what each reaches."""
    _, axes = plt.subplots(1, 2, figsize=(5.8, 3.1))
    places = {"w₁": (0, 3), "w₂": (0, 2), "w₃": (0, 1), "w₄": (0, 0)}
    places |= {"a": (1.4, 2.5), "c": (1.4, 0.5), "L": (2.8, 1.5)}
    edges = {(w, "a" if w in ("w₁", "w₂") else "c"): "" for w in ("w₁", "w₂", "w₃", "w₄")}
    edges |= {("a", "L"): "", ("c", "L"): ""}
    draw(axes[0], places, edges, hot=[("w₂", "a"), ("a", "L")])
    axes[0].set_title("one forward pass: by w₂ alone", fontsize=11)
    draw(axes[1], places, edges, hot=edges, backwards=True)
    axes[1].set_title("one reverse pass: by all four", fontsize=11)


def learned(petals, targets, surfaces):
    """petals : (N, 2); targets : (N,), 0 or 1; surfaces : {name: (across, up, p)}."""
    _, axes = plt.subplots(1, 2, figsize=(5.2, 3), sharey=True)
    for ax, (name, (across, up, p)) in zip(axes, surfaces.items(), strict=True):
        ax.contourf(across, up, p, levels=[0.5, 1.01], colors=["#cfe3f3"])
        ax.contour(across, up, p, levels=[0.5], colors="C0")
        for target, mark, color, label in [(0, "x", LINE, "the others"), (1, "o", "C1", "versicolor")]:
            ax.plot(*petals[targets == target].T, mark, color=color, label=label, markersize=4)
        ax.set(title=name, xlabel="petal length, in\nstandard deviations")
    axes[0].set(ylabel="petal width, in\nstandard deviations")
    axes[0].legend(loc="upper left", fontsize=9)
