"""Data: what goes in, and how it is cut up."""

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np


def load_digits():
    """The 1,797 handwritten digits that come with scikit-learn, read without importing it (Alpaydin & Kaynak 1998).

    Returns x : (1797, 64) float64, the ink of 8 × 8 pixels in [0, 1], row by row, and y : (1797,) int64, 0 to 9.
    """
    package = find_spec("sklearn")
    if package is None:
        raise ModuleNotFoundError("load_digits reads a file of scikit-learn: pip install scikit-learn")
    with gzip.open(Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz") as file:
        table = np.loadtxt(file, delimiter=",")
    return table[:, :-1] / 16, table[:, -1].astype(np.int64)


def one_hot(targets, n_classes):
    """1.0 in the column of each target's class, 0.0 elsewhere.

    targets : (...,), 0 to n_classes - 1
    Returns (..., n_classes) float64.
    """
    return (np.arange(n_classes) == np.asarray(targets)[..., None]).astype(np.float64)


def train_val_test_split(targets, rng, val=0.15, test=0.15):
    """Three disjoint sets of row numbers, each class shared out in the same proportions (stratified).

    targets : (N,), the class of each row
    val, test : shares of each class, rounded to whole rows
    Returns train, val, test : arrays of row numbers, shuffled, together 0 to N - 1.
    """
    parts = [[], [], []]
    for k in np.unique(targets):
        rows = rng.permutation(np.flatnonzero(targets == k))
        n_test = round(test * len(rows))
        n_val = min(round(val * len(rows)), len(rows) - n_test)
        for part, chosen in zip(parts, np.split(rows, [len(rows) - n_test - n_val, len(rows) - n_test]), strict=True):
            part.append(chosen)
    return [rng.permutation(np.concatenate(part)) for part in parts]


def minibatches(n, batch_size, rng):
    """The row numbers 0 to n - 1, shuffled and cut into batches; the last one may be smaller.

    Returns a list of arrays of row numbers.
    """
    order = rng.permutation(n)
    return [order[i : i + batch_size] for i in range(0, n, batch_size)]
