"""Set 4: how the grader draws cases, what people get wrong, what else is right."""

import math

import numpy as np

from checks.cases import Seed
from grading.spec import Answer, Exercise, Experiment
from reference_impl import data, neuron

GIVEN = ["data.unique_rows", "neuron.perceptron_train"]


# By hand --------------------------------------------------------------------------------------------------------------

BY_HAND = Answer(
    "ch04.by_hand",
    value={"median": 5, "upper fence": 16, "cleaned": 16, "z": math.sqrt(5), "test rows": 3, "batches": 16, "last": 40},
    section="A column by hand",
    mutants={
        "That is the mean of the five numbers, which the 40 has dragged upwards. The median is the one in the middle.": (
            "median",
            11.8,
        ),
        "7 is in the middle as they are written. Sort them first.": ("median", 7),
        "That is 1.5 quartile distances above Q₃. Here k is 3.": ("upper fence", 11.5),
        "That is three quartile distances above the median. They are counted from Q₃.": ("upper fence", 14),
        "That is three times Q₃ - Q₁. It stands that far above Q₃.": ("upper fence", 9),
        "A number beyond a fence is moved to the fence, and not to the median: it was large, as far as one knows.": (
            "cleaned",
            5,
        ),
        "40 lies beyond the upper fence, so it does not stay.": ("cleaned", 40),
        "10 is 5 above the mean: that is in the column's unit. Divide by its standard deviation.": ("z", 5),
        "That is divided by the variance, 5. It is divided by its root.": ("z", 1),
        "That is rounded too far: three digits are asked for.": ("z", 2.2),
        "The third digit is cut off. It is to be rounded.": ("z", 2.23),
        "The mean is still in it: take it off before you divide.": ("z", 10 / math.sqrt(5)),
        "That is the deviation of a sample, with n - 1 = 3 for a divisor. NumPy's std divides by n, and so do we.": (
            "z",
            5 / math.sqrt(20 / 3),
        ),
        "0.15 · 17 is 2.55. Rounded to a whole row that is not 2.": ("test rows", 2),
        "A row cannot be shared out: round 0.15 · 17 to a whole number.": ("test rows", 2.55),
        "What is left over after 15 full mini-batches has to be seen too.": ("batches", 15),
        "It is a whole number: the last mini-batch is smaller.": ("batches", 15.625),
        "Fifteen full mini-batches of 64 are 960 rows. How many are left?": ("last", 64),
    },
)


# Cleaning -------------------------------------------------------------------------------------------------------------


def holes(rng, x, share=0.2):
    """x with that share of its entries missing; of each column, the first three rows stay."""
    missing = rng.random(x.shape) < share
    missing[:3] = False
    return np.where(missing, np.nan, x)


def table(rng, n, d):
    """Columns of different place and spread, with a wild entry in each."""
    x = rng.standard_normal((n, d)) * rng.uniform(0.5, 2, d) + rng.uniform(-3, 3, d)
    x[3 % n] += rng.choice([-1, 1], d) * rng.uniform(15, 30, d)
    return x


def clean_cases(rng):
    train_x = holes(rng, table(rng, 11, 3))
    yield "training rows, cleaned by themselves", train_x, train_x, 3.0
    x = table(rng, 6, 3) + 1.0
    x[[0, 2, 5], [1, 0, 2]] = np.nan
    yield "new rows", x, holes(rng, table(rng, 13, 3)), 3.0
    yield "one new row, closer fences", table(rng, 1, 4), holes(rng, table(rng, 9, 4)), 1.5
    x = table(rng, 5, 1)
    x[1] = np.nan
    yield "a single column", x, table(rng, 8, 1), 2.0
    yield "nothing is missing, nothing is wild", rng.uniform(-1, 1, (4, 2)), np.linspace([-2.0, -3], [2.0, 3], 7), 3.0
    x = np.array([[1e6, np.nan], [-1e6, -1e6], [np.nan, 1e6], [0.5, 0.25]])
    yield "entries a million times too large", x, rng.standard_normal((10, 2)) + [0.5, 0], 1.0
    train_x = np.column_stack([np.full(6, 4.0), np.arange(6.0)])
    yield "a training column that is constant", np.array([[4.0, np.nan], [np.nan, 30]]), train_x, 3.0
    first, rest = table(rng, 4, 3)[:1], table(rng, 5, 3)
    yield "a single training row", np.where(np.arange(15).reshape(5, 3) % 4 == 0, np.nan, rest), first, 3.0


def clean_by_columns(x, train_x, k=3.0):
    out = np.empty_like(x)
    for j in range(x.shape[1]):
        known = sorted(value for value in train_x[:, j].tolist() if not math.isnan(value))
        q1, middle, q3 = (quartile(known, share) for share in (0.25, 0.5, 0.75))
        low, high = q1 - k * (q3 - q1), q3 + k * (q3 - q1)
        for i, value in enumerate(x[:, j]):
            out[i, j] = middle if math.isnan(value) else min(max(value, low), high)
    return out


def quartile(known, share):
    place = share * (len(known) - 1)
    low = int(place)
    high = min(low + 1, len(known) - 1)
    return known[low] + (place - low) * (known[high] - known[low])


def clean_by_masks(x, train_x, k=3.0):
    x = x.copy()
    low, high = np.nanpercentile(train_x, 25, axis=0), np.nanpercentile(train_x, 75, axis=0)
    low, high = low - k * (high - low), high + k * (high - low)
    for j in range(x.shape[1]):
        x[np.isnan(x[:, j]), j] = np.nanmedian(train_x[:, j])
        x[x[:, j] < low[j], j] = low[j]
        x[x[:, j] > high[j], j] = high[j]
    return x


def clean_in_float32(x, train_x, k=3.0):
    return data.clean(x.astype(np.float32), train_x.astype(np.float32), np.float32(k))


QUARTILES = "q1, median, q3 = np.nanquantile(train_x, [0.25, 0.5, 0.75], axis=0)"
CLIPPED = "np.clip(filled, q1 - k * (q3 - q1), q3 + k * (q3 - q1))"

CLEAN = Exercise(
    data.clean,
    returns="cleaned",
    section="Cleaning",
    cases=clean_cases,
    mutants={
        "Median and fences come from x itself. They are the training rows': whoever cleans the test rows by "
        "themselves has looked at them, and cleans a single row by nothing at all.": {
            "np.nanquantile(train_x,": "np.nanquantile(x,"
        },
        "A missing entry becomes the column's mean here. A single wild entry drags the mean away; the median stays.": {
            "filled = np.where(np.isnan(x), median, x)": "filled = np.where(np.isnan(x), np.nanmean(train_x, axis=0), x)"
        },
        "A missing entry becomes 0 here. For most columns 0 is an extreme value, or one that cannot be.": {
            "np.isnan(x), median, x": "np.isnan(x), 0.0, x"
        },
        "The missing entries are still missing.": {"np.isnan(x), median, x": "np.isnan(x), np.nan, x"},
        "One missing entry makes its whole column nan: np.quantile and np.median do not pass over nan.": {
            "np.nanquantile": "np.quantile"
        },
        "What lies beyond a fence becomes the median here. It moves to the fence, and stays the largest or the "
        "smallest.": {CLIPPED: "np.where(np.abs(filled - (q1 + q3) / 2) > (k + 0.5) * (q3 - q1), median, filled)"},
        "The fences stand at the quartiles themselves, so that half of the entries are moved. k quartile distances "
        "lie between.": {CLIPPED: "np.clip(filled, q1, q3)"},
        "The fences stand k quartile distances from the median. They are counted from Q₁ and Q₃.": {
            CLIPPED: "np.clip(filled, median - k * (q3 - q1), median + k * (q3 - q1))"
        },
        "These are fences of k standard deviations around the mean. A wild entry moves both of them; the quartiles do "
        "not mind it.": {
            CLIPPED: "np.clip(filled, np.nanmean(train_x, axis=0) - k * np.nanstd(train_x, axis=0), "
            "np.nanmean(train_x, axis=0) + k * np.nanstd(train_x, axis=0))"
        },
        "k is taken for 1.5, whatever is passed in.": {"q1, median, q3": "k = 1.5\n    q1, median, q3"},
        "k is taken for 3, whatever is passed in.": {"q1, median, q3": "k = 3.0\n    q1, median, q3"},
        "Only what is too large is moved. There is a fence below Q₁ as well.": {
            CLIPPED: "np.minimum(filled, q3 + k * (q3 - q1))"
        },
        "The wild entries are where they were: nothing is moved to a fence.": {CLIPPED: "filled"},
        "The holes were filled first, and the quartiles taken of the filled column: the medians that were put in draw the "
        "fences together. Quartiles are those of the entries that are there.": {
            "return": "q1, q3 = np.quantile(np.where(np.isnan(train_x), median, train_x), [0.25, 0.75], axis=0)\n    "
            "return"
        },
        "One median and one pair of fences serve the whole table. Every column has a unit of its own, and statistics "
        "of its own.": {"[0.25, 0.5, 0.75], axis=0)": "[0.25, 0.5, 0.75])"},
        "The statistics run along the rows, over quantities of different kinds. A column is one quantity.": {
            QUARTILES: QUARTILES.replace("axis=0", "axis=1, keepdims=True")
        },
    },
    variants={
        "column by column": clean_by_columns,
        "masks": clean_by_masks,
        "fences first, holes after": {
            "return " + CLIPPED: "x = np.clip(x, q1 - k * (q3 - q1), q3 + k * (q3 - q1)); "
            "return np.where(np.isnan(x), median, x)"
        },
        "float32": clean_in_float32,
    },
)


# Standardising --------------------------------------------------------------------------------------------------------


def standardize_cases(rng):
    def rows(n, d):
        return rng.standard_normal((n, d)) * rng.uniform(0.5, 3, d) + rng.uniform(-3, 3, d)

    train_x = rows(7, 3)
    yield "training rows, by themselves", train_x, train_x
    yield "new rows", rows(5, 4) + 1, rows(9, 4)
    yield "one new row", rows(1, 3), rows(6, 3)
    yield "a single column", rows(4, 1), rows(8, 1)
    yield "units a million times apart", rows(6, 2) * [1e-3, 1e3], rows(10, 2) * [1e-3, 1e3]
    x, train_x = rows(4, 3), rows(6, 3)
    x[:, 1] = train_x[:, 1] = 5.0
    yield "a column that is constant", x, train_x


def standardize_by_columns(x, train_x):
    out = np.zeros(x.shape)
    for j in range(x.shape[1]):
        known = train_x[:, j].tolist()
        mean = sum(known) / len(known)
        spread = math.sqrt(sum((value - mean) ** 2 for value in known) / len(known))
        if spread > 0:
            out[:, j] = (x[:, j] - mean) / spread
    return out


def standardize_by_moments(x, train_x):
    mu = np.mean(train_x, axis=0, keepdims=True)
    centred = train_x - mu
    sigma = np.sqrt(np.mean(centred * centred, axis=0))
    return np.divide(x - mu, sigma, out=np.zeros(x.shape), where=sigma > 0)


def standardize_in_float32(x, train_x):
    return data.standardize(x.astype(np.float32), train_x.astype(np.float32))


STD = "np.where(np.ptp(train_x, axis=0) > 0, train_x.std(axis=0), 1)"
CENTRED = "(x - train_x.mean(axis=0)) / std"

STANDARDIZE = Exercise(
    data.standardize,
    returns="standardized",
    section="One scale for all columns",
    cases=standardize_cases,
    tol=1e-4,  # float32, at units a million times apart
    mutants={
        "Mean and deviation come from x itself. They are the training rows': new rows must go through the very same "
        "sum as those the network learned from, and a single row would always come out as 0.": {
            "std = np": "train_x = x\n    std = np"
        },
        "A constant column is divided by 0, which makes nan. It has nothing to tell; the docstring says what becomes "
        "of it.": {STD: "train_x.std(axis=0)"},
        "The mean is still in it: the columns are scaled, and not centred.": {"x - train_x.mean(axis=0)": "x"},
        "The columns are centred, and each still has its own scale.": {CENTRED: "x - train_x.mean(axis=0)"},
        "You divide by the variance. Its root is in the column's unit, so that the unit cancels.": {
            "train_x.std(axis=0)": "train_x.var(axis=0)"
        },
        "The deviation has n - 1 for its divisor. The docstring's is the plain one, with n, as NumPy's std.": {
            "train_x.std(axis=0)": "train_x.std(axis=0, ddof=1)"
        },
        "One mean and one deviation serve the whole table. Every column has a unit of its own, and statistics of its "
        "own.": {"mean(axis=0)": "mean()", "std(axis=0)": "std()"},
        "One mean and one deviation serve the whole table, and they are x's own. Every column has its own, and they "
        "are the training rows'.": {CENTRED: "(x - x.mean()) / x.std()"},
        "The statistics run along the rows, over quantities of different kinds. A column is one quantity.": {
            CENTRED: "(x - x.mean(axis=1, keepdims=True)) / np.where(x.std(axis=1, keepdims=True) > 0, "
            "x.std(axis=1, keepdims=True), 1)"
        },
        "This maps the smallest training value to 0 and the largest to 1. That is another scaling, which one wild "
        "entry can spoil.": {
            CENTRED: "(x - train_x.min(axis=0)) / std",
            "train_x.std(axis=0)": "np.ptp(train_x, axis=0)",
        },
        "You multiply with the deviation.": {CENTRED: CENTRED.replace("/", "*")},
        "Median and quartile distance are used here. They would do, but the docstring asks for μ and σ.": {
            "train_x.mean(axis=0)": "np.median(train_x, axis=0)",
            "train_x.std(axis=0)": "np.subtract(*np.quantile(train_x, [0.75, 0.25], axis=0))",
        },
    },
    variants={
        "column by column": standardize_by_columns,
        "from the moments": standardize_by_moments,
        "0 where the deviation is 0": {STD: "train_x.std(axis=0) + (train_x.std(axis=0) == 0)"},
        "float32": standardize_in_float32,
    },
)


# One-hot --------------------------------------------------------------------------------------------------------------


def one_hot_cases(rng):
    yield "a row of targets", np.array([2, 0, 3, 1, 3]), 4
    yield "a class that does not occur", rng.permutation(np.array([0, 1, 1, 3])), 6
    yield "one target", rng.integers(0, 3, 1), 3
    yield "one class", np.zeros(2, int), 1
    yield "two leading axes", np.concatenate([rng.integers(0, 5, (1, 3)), [[4, 0, 2]]]), 5
    yield "three leading axes", rng.integers(0, 4, (2, 1, 3)), 4
    yield "class 0 is missing", rng.permutation(np.array([1, 2, 2])), 3


def one_hot_by_loops(targets, n_classes):
    out = np.zeros((*targets.shape, n_classes))
    for i in np.ndindex(targets.shape):
        out[(*i, targets[i])] = 1
    return out


def one_hot_by_placing(targets, n_classes):
    out = np.zeros((*targets.shape, n_classes), np.float32)
    np.put_along_axis(out, targets[..., None], 1, axis=-1)
    return out


ONE_HOT = Exercise(
    data.one_hot,
    returns="one_hot",
    section="Classes as vectors: one-hot",
    cases=one_hot_cases,
    mutants={
        "The number of columns is taken from the targets. A batch in which the last class does not occur would come "
        "out narrower: n_classes says how many there are.": {"np.arange(n_classes)": "np.arange(np.max(targets) + 1)"},
        "There is a column for each class that occurs, and the classes are counted anew. Class k belongs in column k, "
        "in every batch.": {"np.arange(n_classes)": "np.unique(targets)"},
        "The classes are counted from 1: column 0 stays empty, and the last class has none.": {
            "np.asarray(targets)": "(np.asarray(targets) + 1)"
        },
        "The 1 stands one column too early, and class 0's in the last. Classes are counted from 0, as columns are.": {
            "np.asarray(targets)": "((np.asarray(targets) - 1) % n_classes)"
        },
        "The classes lie on the first axis. They are features, and features come last.": {
            "return (np.arange(n_classes) == np.asarray(targets)[..., None]).astype(np.float64)": "return np.moveaxis("
            "(np.arange(n_classes) == np.asarray(targets)[..., None]).astype(np.float64), -1, 0)"
        },
        "True and False stand here. The docstring asks for the numbers 1.0 and 0.0: a loss computes with them.": {
            ".astype(np.float64)": ""
        },
        "This is 0 in the target's column and 1 elsewhere: the wrong way round.": {"==": "!="},
        "There is a 1 in every column up to the target's. Only the target's own has it.": {"==": "<="},
        "The leading axes have been flattened. They stay as they are; the classes come after them.": {
            "np.asarray(targets)[..., None]": "np.asarray(targets).reshape(-1, 1)"
        },
    },
    variants={
        "rows of the identity": {
            "(np.arange(n_classes) == np.asarray(targets)[..., None]).astype(np.float64)": "np.eye(n_classes)[targets]"
        },
        "loops": one_hot_by_loops,
        "placed, in float32": one_hot_by_placing,
        "whole numbers": {".astype(np.float64)": ".astype(int)"},
    },
)


# The split ------------------------------------------------------------------------------------------------------------


def stratified_split(targets, order, val=0.15, test=0.15):
    """The numbers of all rows, shared out among three sets, each class in the same proportions (stratified).

    targets : (N,), the class of each row
    order : (N,), the numbers 0 to N - 1, shuffled
    val, test : of a class of n rows, taken as they come in order, the first round(test * n) go to the test set, the
        next round(val * n) to the validation set, the others to the training set
    Returns train, val, test : arrays of row numbers, each as they come in order.
    """
    place = np.zeros(len(targets), int)  # 0 train, 1 validation, 2 test
    for k in np.unique(targets):
        rows = order[targets[order] == k]
        n_test, n_val = round(test * len(rows)), round(val * len(rows))
        place[rows[n_test : n_test + n_val]] = 1
        place[rows[:n_test]] = 2
    return tuple(order[place[order] == part] for part in (0, 1, 2))


def split_cases(rng):
    def shuffled(*sizes):
        return rng.permutation(np.repeat(np.arange(len(sizes)), sizes)), rng.permutation(sum(sizes))

    yield "three classes of different sizes", *shuffled(12, 23, 6), 0.15, 0.3
    targets, order = shuffled(9, 13, 19)
    yield "rows stored class by class", np.sort(targets), order, 0.1, 0.2
    yield "two classes, a large validation set", *shuffled(8, 17), 0.4, 0.25
    yield "one class", *shuffled(11), 0.2, 0.3
    yield "no validation set", *shuffled(7, 14), 0.0, 0.3
    targets, order = shuffled(16, 9, 5)
    yield "classes numbered 7, 2 and 40", np.array([7, 2, 40])[targets], order, 0.3, 0.2
    yield "a class with one row", *shuffled(1, 12, 6), 0.2, 0.35


def split_by_lists(targets, order, val=0.15, test=0.15):
    parts = [[], [], []]
    sizes = {k: int(np.sum(targets == k)) for k in set(targets.tolist())}
    seen = dict.fromkeys(sizes, 0)
    for row in order:
        k = int(targets[row])
        n_test, n_val = round(test * sizes[k]), round(val * sizes[k])
        parts[2 if seen[k] < n_test else 1 if seen[k] < n_test + n_val else 0].append(row)
        seen[k] += 1
    return tuple(np.array(part, int) for part in parts)


def split_by_ranks(targets, order, val=0.15, test=0.15):
    y = targets[order]
    same = y[:, None] == y
    rank, size = np.tril(same, -1).sum(axis=1), same.sum(axis=1)
    n_test, n_val = np.round(test * size), np.round(val * size)
    first = rank < n_test
    second = ~first & (rank < n_test + n_val)
    return order[~first & ~second], order[second], order[first]


def split_all_at_once(targets, order, val=0.15, test=0.15):
    n_test, n_val = round(test * len(order)), round(val * len(order))
    return order[n_test + n_val :], order[n_test : n_test + n_val], order[:n_test]


def split_by_class_and_joined(targets, order, val=0.15, test=0.15):
    train, val_rows, test_rows = stratified_split(targets, order, val, test)
    return tuple(rows[np.argsort(targets[rows], kind="stable")] for rows in (train, val_rows, test_rows))


def split_with_shared_rows(targets, order, val=0.15, test=0.15):
    train, _, test_rows = stratified_split(targets, order, val, test)
    _, _, val_rows = stratified_split(targets, order, 0.0, val)  # from the front as well
    return train, val_rows, test_rows


def split_validation_first(targets, order, val=0.15, test=0.15):
    train, test_rows, val_rows = stratified_split(targets, order, test, val)
    return train, val_rows, test_rows


def split_in_places(targets, order, val=0.15, test=0.15):
    where = np.argsort(order)  # of a row, its place in order
    return tuple(where[rows] for rows in stratified_split(targets, order, val, test))


SPLIT = Exercise(
    stratified_split,
    module="ch04",
    returns="train, val, test",
    section="Three sets, and what each is for",
    cases=split_cases,
    mutants={
        "This cuts the whole order at two places, and how many rows of each class a set gets is left to chance. Cut "
        "class by class.": split_all_at_once,
        "A class's rows are taken as they are stored, so that neighbours, often made alike, stay together. Take them "
        "as they come in order.": {"rows = order[targets[order] == k]": "rows = np.flatnonzero(targets == k)"},
        "The rows come class by class. Mini-batches cut from such a set would be of one class: in each set the rows "
        "come as they do in order.": split_by_class_and_joined,
        "The rows are sorted by their number. In each set they come as they do in order.": {
            "order[place[order] == part]": "np.flatnonzero(place == part)"
        },
        "The validation rows are those that come first of each class. The test rows come first, and the validation rows "
        "next; no row is in both.": split_with_shared_rows,
        "The test rows are those that come after the validation rows. The test comes first.": split_validation_first,
        "The training set holds all rows, those of the other two sets among them: the network would be tested on what "
        "it has learned by heart.": {
            "return tuple(order[place[order] == part] for part in (0, 1, 2))": "return order, order[place[order] == 1], "
            "order[place[order] == 2]"
        },
        "Shares are cut off to whole rows here, 2.9 to 2. They are to be rounded.": {
            "round(test * len(rows)), round(val * len(rows))": "int(test * len(rows)), int(val * len(rows))"
        },
        "The validation share is taken of what the test set has left. It is a share of the whole class.": {
            "round(val * len(rows))": "round(val * (len(rows) - round(test * len(rows))))"
        },
        "Validation and test set have changed places.": {"for part in (0, 1, 2)": "for part in (0, 2, 1)"},
        "These are places in order, not the numbers of rows: order[place] is the row at a place.": split_in_places,
        "The test rows are taken from the end of each class. They are the first that come in order.": {
            "rows = order[targets[order] == k]": "rows = order[targets[order] == k][::-1]"
        },
        "The last class is forgotten: all its rows are in the training set.": {
            "np.unique(targets)": "np.unique(targets)[:-1]"
        },
    },
    variants={
        "row by row, into lists": split_by_lists,
        "ranks within the class": split_by_ranks,
        "sorted back into order": {
            "order[place[order] == part] for": "np.array(sorted(np.flatnonzero(place == part), "
            "key=order.tolist().index), int) for"
        },
    },
)


# Mini-batches ---------------------------------------------------------------------------------------------------------


def minibatch_cases(rng):
    for note, n, batch_size in [
        ("a last mini-batch that is smaller", 11, 4),
        ("mini-batches that come out even", 12, 3),
        ("one row at a time", 5, 1),
        ("fewer rows than a mini-batch holds", 7, 10),
        ("one row left over", 13, 6),
        ("a single row", 1, 2),
        ("two mini-batches", 9, 5),
    ]:
        yield note, n, batch_size, Seed(rng.integers(1 << 30))


def minibatches_by_popping(n, batch_size, rng):
    left, batches = rng.permutation(n).tolist(), []
    while left:
        batches.append(np.array(left[:batch_size]))
        del left[:batch_size]
    return batches


def minibatches_of_equal_size(n, batch_size, rng):
    return np.array_split(rng.permutation(n), -(-n // batch_size))


MINIBATCHES = Exercise(
    data.minibatches,
    returns="batches",
    section="Mini-batches and shuffling",
    cases=minibatch_cases,
    mutants={
        "The rows come in the order they are stored in. Where they are stored by class, each mini-batch would be of "
        "one class.": {"rng.permutation(n)": "np.arange(n)"},
        "The rows that do not fill a whole mini-batch are left out, and never learned from.": {
            "range(0, n, batch_size)": "range(0, n - batch_size + 1, batch_size)"
        },
        "The rows are drawn with replacement: some come twice in an epoch, others not at all.": {
            "rng.permutation(n)": "rng.integers(0, n, n)"
        },
        "The last mini-batch is filled up from the beginning. It may be smaller; no row counts twice.": {
            "order[i : i + batch_size]": "np.resize(order, n + batch_size)[i : i + batch_size]"
        },
        "The mini-batches are shuffled, and the rows within them are neighbours still. Shuffle the rows, and cut then.": {
            "order = rng.permutation(n)": "order = np.concatenate([np.zeros(0, int), *(np.arange(n)[i * batch_size : "
            "(i + 1) * batch_size] for i in rng.permutation(-(-n // batch_size)))])"
        },
        "There are batch_size mini-batches here. batch_size says how many rows are in one.": {
            "[order[i : i + batch_size] for i in range(0, n, batch_size)]": "np.array_split(order, batch_size)"
        },
        "The rows are shared out so that all mini-batches are nearly alike in size. All are to be full but the last.": (
            minibatches_of_equal_size
        ),
        "Each mini-batch begins one row after the one before, so that rows come many times.": {
            "range(0, n, batch_size)": "range(-(-n // batch_size))"
        },
    },
    variants={
        "popping from a list": minibatches_by_popping,
        "shuffled in place": {"rng.permutation(n)": "np.arange(n); rng.shuffle(order)"},
        "np.split": {
            "[order[i : i + batch_size] for i in range(0, n, batch_size)]": "np.split(order, range(batch_size, n, "
            "batch_size))"
        },
    },
)


# The repair -----------------------------------------------------------------------------------------------------------


def prepare(x, targets, late, order, n_test):
    """A table made ready for training and testing, with nothing passing from the test rows to the training rows.

    x : (N, d_in); of rows that are equal the first counts, the others are left out
    targets : (N,), the class of each row
    late : the column that is known only when the target is; it is left out
    order : (N,), the numbers 0 to N - 1, shuffled: of the rows that count, the n_test that come first in it are the
        test rows, the others the training rows
    n_test : 1 or more, fewer than there are rows that count
    Returns train_x : (n, d_in - 1), train_y : (n,), test_x : (n_test, d_in - 1) and test_y : (n_test,), in order's
    order; train_x and test_x standardised with the training rows' mean and standard deviation.
    """
    order = order[np.isin(order, data.unique_rows(x))]
    test, train = order[:n_test], order[n_test:]
    x = np.delete(x, late, axis=1)
    mean, std = x[train].mean(axis=0), x[train].std(axis=0)
    x = (x - mean) / std
    return x[train], targets[train], x[test], targets[test]


def prepare_cases(rng):
    for note, n, d, again, late, n_test in [
        ("four rows twice", 14, 4, 4, 3, 4),
        ("one row three times, the late column first", 11, 3, 1, 0, 3),
        ("most rows twice", 12, 5, 7, 2, 3),
        ("one test row", 9, 3, 3, 1, 1),
        ("a second table, two columns left", 13, 3, 5, 2, 5),
    ]:
        x = rng.standard_normal((n, d)) * rng.uniform(0.5, 3, d) + rng.uniform(-2, 2, d)
        targets = np.arange(n) % 3
        x[:, late] = targets + 0.3 * rng.standard_normal(n)  # the target in disguise
        copies = rng.choice(n, again, replace=False)
        copies = np.concatenate([copies, copies]) if again == 1 else copies
        rows = np.concatenate([np.arange(n), copies])
        mixed = rng.permutation(len(rows))
        x, targets = x[rows][mixed], targets[rows][mixed]
        order = rng.permutation(len(x))
        twice = np.flatnonzero(~np.isin(np.arange(len(x)), data.unique_rows(x)))[0]
        first = np.flatnonzero((x == x[twice]).all(axis=1))[0]  # a pair across the split, whatever is drawn
        order = np.array([row for row in order if row not in (twice, first)])
        yield note, x, targets, late, np.concatenate([[twice], order, [first]]), n_test


def prepare_with(x, targets, late, order, n_test, together=False, everything=False, keep=False, own=False):
    """prepare, with some of its leaks open: duplicates, statistics of all rows, the late column, each part its own."""
    counted = order[np.isin(order, data.unique_rows(x))]
    if together:  # cut first, and look for duplicates within each part
        test, train = (rows[np.sort(data.unique_rows(x[rows]))] for rows in (order[:n_test], order[n_test:]))
    else:
        test, train = counted[:n_test], counted[n_test:]
    x = x if keep else np.delete(x, late, axis=1)
    base = x if everything else x[train]
    scaled = (x - base.mean(axis=0)) / base.std(axis=0)
    own_x = (x[test] - x[test].mean(axis=0)) / np.where(x[test].std(axis=0) > 0, x[test].std(axis=0), 1)
    return scaled[train], targets[train], own_x if own else scaled[test], targets[test]


AS_HANDED_OUT = {
    "order = order[np.isin(order, data.unique_rows(x))]\n    test, train = order[:n_test], order[n_test:]\n"
    "    x = np.delete(x, late, axis=1)\n    mean, std = x[train].mean(axis=0), x[train].std(axis=0)\n"
    "    x = (x - mean) / std\n": "x = (x - x.mean(axis=0)) / x.std(axis=0)\n"
    "    test, train = order[:n_test], order[n_test:]\n"
    "    test, train = test[data.unique_rows(x[test])], train[data.unique_rows(x[train])]\n",
}


def with_duplicates(x, targets, late, order, n_test):
    return prepare_with(x, targets, late, order, n_test, together=True)


def with_all_statistics(x, targets, late, order, n_test):
    return prepare_with(x, targets, late, order, n_test, everything=True)


def with_late_column(x, targets, late, order, n_test):
    return prepare_with(x, targets, late, order, n_test, keep=True)


def with_statistics_and_late(x, targets, late, order, n_test):
    return prepare_with(x, targets, late, order, n_test, everything=True, keep=True)


def with_duplicates_and_late(x, targets, late, order, n_test):
    return prepare_with(x, targets, late, order, n_test, together=True, keep=True)


def with_duplicates_and_statistics(x, targets, late, order, n_test):
    return prepare_with(x, targets, late, order, n_test, together=True, everything=True)


def with_statistics_of_their_own(x, targets, late, order, n_test):
    return prepare_with(x, targets, late, order, n_test, own=True)


def with_own_mean(x, targets, late, order, n_test):
    train_x, train_y, test_x, test_y = prepare(x, targets, late, order, n_test)
    return train_x, train_y, test_x - test_x.mean(axis=0), test_y


def with_statistics_of_all_that_count(x, targets, late, order, n_test):
    train_x, train_y, test_x, test_y = prepare(x, targets, late, order, n_test)
    both = np.concatenate([train_x, test_x])
    train_x, test_x = ((part - both.mean(axis=0)) / both.std(axis=0) for part in (train_x, test_x))
    return train_x, train_y, test_x, test_y


def with_first_in_order(x, targets, late, order, n_test):
    order = order[data.unique_rows(x[order])]
    test, train = order[:n_test], order[n_test:]
    x = np.delete(x, late, axis=1)
    x = (x - x[train].mean(axis=0)) / x[train].std(axis=0)
    return x[train], targets[train], x[test], targets[test]


def with_targets_of_duplicates(x, targets, late, order, n_test):
    """Of with_duplicates, the targets alone: they tell nothing of the columns."""
    _, train_y, _, test_y = with_duplicates(x, targets, late, order, n_test)
    return np.zeros(0), train_y, np.zeros(0), test_y


def with_every_copy(x, targets, late, order, n_test):
    x = np.delete(x, late, axis=1)
    test, train = order[:n_test], order[n_test:]
    x = (x - x[train].mean(axis=0)) / x[train].std(axis=0)
    return x[train], targets[train], x[test], targets[test]


def without_any_copy(x, targets, late, order, n_test):
    _, at, counts = np.unique(x, axis=0, return_inverse=True, return_counts=True)
    alone = counts[at.ravel()] == 1
    test, train = order[alone[order]][:n_test], order[alone[order]][n_test:]
    x = np.delete(x, late, axis=1)
    x = (x - x[train].mean(axis=0)) / x[train].std(axis=0)
    return x[train], targets[train], x[test], targets[test]


def prepare_by_tables(x, targets, late, order, n_test):
    seen, kept = set(), []
    for i, row in enumerate(x):
        if row.tobytes() not in seen:
            seen.add(row.tobytes())
            kept.append(i)
    rows = [i for i in order if i in kept]
    narrow = np.concatenate([x[:, :late], x[:, late + 1 :]], axis=1)[rows]
    y = targets[rows]
    mu, var = narrow[n_test:].mean(axis=0), narrow[n_test:].var(axis=0)
    z = (narrow - mu) / np.sqrt(var)
    return z[n_test:], y[n_test:], z[:n_test], y[:n_test]


def prepare_with_standardize(x, targets, late, order, n_test):
    first = data.unique_rows(x)
    order = order[np.array([row in first for row in order])]
    x = x[:, np.arange(x.shape[1]) != late]
    train_x, test_x = x[order[n_test:]], x[order[:n_test]]
    return (
        data.standardize(train_x, train_x),
        targets[order[n_test:]],
        data.standardize(test_x, train_x),
        targets[order[:n_test]],
    )


PREPARE = Exercise(
    prepare,
    module="ch04",
    returns="train_x, train_y, test_x, test_y",
    section="Leaks",
    cases=prepare_cases,
    broken=AS_HANDED_OUT,
    mutants={
        "These are the targets of rows among which duplicates were looked for on each side of the split by itself: a row "
        "and its copy can still be on both sides.": with_targets_of_duplicates,
        "Nothing has changed yet, or not for the result. Ask of every line which rows it looks at, and of every column "
        "when it is known.": AS_HANDED_OUT,
        "One leak is left: a row and its copy can still be on both sides of the split. Looking for duplicates within "
        "each side cannot find them.": with_duplicates,
        "One leak is left: mean and deviation are taken of all rows, those of the test among them.": (
            with_all_statistics
        ),
        "One leak is left: the column that is known only when the target is still goes in.": with_late_column,
        "Two leaks are left: mean and deviation are taken of all rows, and a column goes in that is known too late.": (
            with_statistics_and_late
        ),
        "Two leaks are left: a row and its copy can be on both sides of the split, and a column goes in that is known "
        "too late.": with_duplicates_and_late,
        "Two leaks are left: a row and its copy can be on both sides of the split, and mean and deviation are taken of "
        "all rows.": with_duplicates_and_statistics,
        "The test rows have a mean and a deviation of their own here. In use, rows come one at a time: they get the "
        "training rows' statistics.": with_statistics_of_their_own,
        "The test rows have a mean of their own here. It is the training rows' mean that is taken off, from all rows.": (
            with_own_mean
        ),
        "One leak is left: mean and deviation are taken of all rows that count, those of the test among them.": (
            with_statistics_of_all_that_count
        ),
        "Of rows that are equal the one that comes first in order is kept. The first in x stays.": with_first_in_order,
        "The copies are still there: rows that are equal count once.": with_every_copy,
        "Rows that occur twice are gone altogether. The first of them stays.": without_any_copy,
    },
    variants={
        "row by row, and one table": prepare_by_tables,
        "with standardize": prepare_with_standardize,
        "the column left out first, in another way": {
            "np.delete(x, late, axis=1)": "x[:, [j for j in range(x.shape[1]) if j != late]]"
        },
    },
)


# The experiment -------------------------------------------------------------------------------------------------------

MISSING = -999.0
CLASSES = np.array([12, 57])  # what malignant and benign are called in the file


def filed(x, targets, rows, rng, number):
    """Rows of the table as they were written down, with all that went wrong; column 0 is the number of the record.

    One entry in a hundred is a thousand times too large, one in twenty is missing.
    """
    x = x[rows].copy()
    x[rng.random(x.shape) < 0.01] *= 1000
    x[rng.random(x.shape) < 0.05] = MISSING
    numbers = number + np.sort(rng.choice(4 * len(rows), len(rows), replace=False))
    return np.column_stack([numbers, x]), CLASSES[targets[rows]]


def with_copies(pair, rng, copies):
    """Some rows twice, the second time right after the first."""
    x, targets = pair
    rows = np.sort(np.concatenate([np.arange(len(x)), rng.permutation(len(x))[:copies]]))
    return x[rows], targets[rows]


def records():
    """The breast cancer table as it was filed, four times: train, val, test at home, test of the grader alone."""
    x, targets = data.load_table("breast_cancer")
    rng = np.random.default_rng(4)
    known, _, hidden = data.train_val_test_split(targets, rng, val=0, test=0.2)
    train, val, test = (known[rows] for rows in data.train_val_test_split(targets[known], rng, val=0.1, test=0.15))
    train = train[np.argsort(targets[train], kind="stable")]  # one class was filed first, then the other
    numbers = (1000, 5000, 6000, 8000)
    parts = [filed(x, targets, rows, rng, n) for rows, n in zip((train, val, test, hidden), numbers, strict=True)]
    return [with_copies(parts[0], rng, 40), *parts[1:]]


def write_records(file):
    (x_train, y_train), (x_val, y_val), *_ = records()
    np.savez_compressed(file, x_train=x_train, y_train=y_train, x_val=x_val, y_val=y_val)


DATA = {"records.npz": write_records}


def experiment_data(graded):
    train, val, test, hidden = records()
    return {"train": train, "val": val, "test": hidden if graded else test}


def prepared(x_train, drop=True, mark=True, fences=3.0, scale=True):
    """The step from filed rows to rows ready for a neuron, with some of it left out."""

    def read(x):
        x = x[:, 1:] if drop else x
        return np.where(x == MISSING, np.nan, x) if mark else x

    known = read(x_train)
    base = data.clean(known, known, fences)

    def ready(x):
        x = data.clean(read(x), known, fences)
        return data.standardize(x, base) if scale else x

    return ready


def neuron_on(x_train, y_train, rng, epochs=20, shuffle=True, **how):
    """A neuron by the perceptron's rule on prepared rows."""
    ready, (low, high) = prepared(x_train, **how), np.unique(y_train)
    order = rng.permutation(len(x_train)) if shuffle else np.arange(len(x_train))
    w, b, _ = neuron.perceptron_train(ready(x_train)[order], (y_train[order] == high).astype(float), epochs)
    return lambda x: np.where(neuron.neuron_forward(ready(x), w, b) > 0, high, low)


def one_neuron(x_train, y_train, x_val, y_val, rng):
    return neuron_on(x_train, y_train, rng)


def several_neurons(x_train, y_train, x_val, y_val, rng):
    low, high = np.unique(y_train)
    members = [neuron_on(x_train, y_train, rng, epochs=10, fences=k) for k in (1.5, 2.0, 3.0)]
    return lambda x: np.where(np.mean([member(x) == high for member in members], axis=0) > 0.5, high, low)


def nearest_rows(x_train, y_train, x_val, y_val, rng):
    ready, (low, high) = prepared(x_train), np.unique(y_train)
    known = ready(x_train)

    def predict(x):
        distances = ((ready(x)[:, None] - known) ** 2).sum(axis=-1)
        votes = y_train[np.argsort(distances, axis=1)[:, :9]] == high
        return np.where(votes.mean(axis=1) > 0.5, high, low)

    return predict


def raw(x_train, y_train, x_val, y_val, rng):
    low, high = np.unique(y_train)
    order = rng.permutation(len(x_train))
    w, b, _ = neuron.perceptron_train(x_train[order], (y_train[order] == high).astype(float), 10)
    return lambda x: np.where(neuron.neuron_forward(x, w, b) > 0, high, low)


def by_number(x_train, y_train, x_val, y_val, rng):
    return lambda x: y_train[np.abs(x[:, :1] - x_train[:, 0]).argmin(axis=1)]


def with_labels_of_its_own(x_train, y_train, x_val, y_val, rng):
    x, targets = data.load_table("breast_cancer")
    scale = x.std(axis=0)

    def predict(new):
        off = np.minimum(np.abs(new[:, None, 1:] - x) / scale, 1).sum(axis=-1)
        return CLASSES[targets[off.argmin(axis=1)]]

    return predict


EXPERIMENT = Experiment(
    "ch04.records",
    section="The whole way, in order",
    data=experiment_data,
    classes=100,
    bars=((0.90, 1.0), (0.86, 0.5)),
    mutants={
        "peeked": (
            "The answers agree better with labels from elsewhere than with those handed to fit. The classes get new "
            "numbers before the check: only y_train and y_val say what they are called now.",
            with_labels_of_its_own,
        ),
        "memorised": (
            "It knows nearly all of its training rows, and new ones much less well. Is there a column that tells the "
            "class in this table, and cannot in the next?",
            by_number,
        ),
        "untrained": (
            "It is not sure even of the rows it was trained on. Does predict answer with the two numbers of y_train? "
            "Then draw a histogram of each column as the neuron gets it: are there entries that no patient can have, "
            "and have all columns one scale?",
            raw,
        ),
    },
    variants={"one neuron": one_neuron, "three neurons that vote": several_neurons, "nine nearest rows": nearest_rows},
)

EXERCISES = [BY_HAND, SPLIT, CLEAN, STANDARDIZE, ONE_HOT, MINIBATCHES, PREPARE, EXPERIMENT]
