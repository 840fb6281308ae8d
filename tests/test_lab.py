"""The small experiments' figures are drawn from what was found."""

import matplotlib.pyplot as plt
import pytest

from bench import lab as experiments
from book.figures import lab


@pytest.mark.parametrize("name", experiments.EXPERIMENTS)
def test_an_experiment_has_its_file_and_its_figure(name):
    record = lab.record(name)
    assert record["command"] == f"python -m bench.lab {name}"
    assert record["recipe"]["n_steps"] and record["device"] and record["versions"] and record["commit"]
    getattr(lab, name)(record)
    axes = plt.gcf().axes
    assert all(ax.get_xlabel() or ax.get_ylabel() for ax in axes)
    assert sum(len(ax.lines) for ax in axes) >= 2
    plt.close("all")


def test_what_the_experiments_are_for_is_so():
    """NumPy's losses are PyTorch's; counting is beaten within four minutes; larger is better; µP's rate stays."""
    parity, char, sizes, mup = (lab.record(name) for name in ("parity", "char", "sizes", "mup"))
    assert max(parity["furthest_apart"].values()) < 0.01
    assert char["val_loss"] < char["trigram"] - 0.1
    assert char["seconds"] < 240
    losses = [size["val_loss"] for size in sizes["sizes"]]
    assert losses == sorted(losses, reverse=True)
    standard, by_mup = mup["best"]["standard"], mup["best"]["µP"]
    assert standard[0] - standard[-1] >= 2
    assert max(by_mup) - min(by_mup) <= 1
