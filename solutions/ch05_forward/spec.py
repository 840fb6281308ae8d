"""Set 5: how the grader draws cases, what people get wrong, what else is right."""

import math

import numpy as np

from grading.spec import Answer, Exercise
from reference_impl import activations, data, init, mlp, train

GIVEN = ["activations.relu", "activations.silu", "activations.softmax_forward", "init.lecun_normal"]
GIVEN += ["mlp.MLPConfig", "mlp.mlp_forward"]


def trained_net(file):
    """digits.npz: a 64-32-10 net trained on handwritten digits, and images it was neither trained nor chosen on."""
    x, targets = data.load_digits()
    rng = np.random.default_rng(5)
    rows, val, test = data.train_val_test_split(targets, rng, val=0.15, test=0.35)
    config = mlp.MLPConfig((64, 32, 10), activations.relu, init.lecun_normal)
    recipe = train.TrainConfig(epochs=20, batch_size=32, lr=0.2)
    params = mlp.mlp_init(config, rng)
    params, _ = train.train(params, (x[rows], targets[rows]), (x[val], targets[val]), config, recipe, rng)
    arrays = {f"{name}{i}": np.round(layer[name], 3) for i, layer in enumerate(params, 1) for name in ("W", "b")}
    np.savez_compressed(file, x=x[test], targets=targets[test], **arrays)


DATA = {"digits.npz": trained_net}


def in_float32(function):
    """A variant: the same method, every array in float32."""

    def cast(value):
        match value:
            case dict():
                return {k: cast(v) for k, v in value.items()}
            case list():
                return [cast(v) for v in value]
            case np.ndarray():
                return value.astype(np.float32)
        return value

    return lambda *args: function(*map(cast, args))


# Shapes and bytes, by hand --------------------------------------------------------------------------------------------

PARTS = {"hidden": "(128, 48)", "one image": "(48,)", "films": "(8, 20, 10)"}
PAIRS = {"shares": "error", "kept": "(128, 10)", "table": "(128, 128)"}
COSTS = {"parameters": 14440, "hidden bytes": 24576, "flops": 7162}
ROWS = "Shapes are the grammar of a network"

BEFORE = Answer(
    "ch05.before_running",
    value=PARTS | PAIRS | COSTS,
    section=dict.fromkeys(PARTS, ROWS)
    | dict.fromkeys(PAIRS, "Broadcasting, and the error it hides")
    | dict.fromkeys(COSTS, "What a pass costs"),
    choices=("error", "(10,)", "(48,)", "(64,)", "(160, 10)", "(128,)", "(128, 1)", "(128, 10)", "(128, 48)")
    + ("(128, 64)", "(128, 128)", "(48, 128)", "(1, 48)", "(64, 48)", "(8, 10)", "(20, 10)", "(8, 20, 10)")
    + ("(8, 20, 48)", "(8, 20, 64)", "(1, 128)", "(10, 128)"),
    mutants={
        "Rows are examples: the 128 stays in front, and the product puts the units last.": ("hidden", "(48, 128)"),
        "That is the shape of x. The product replaces its last size, 64, by the number of units.": (
            "hidden",
            "(128, 64)",
        ),
        "That is the shape of W1. The 64 it shares with x is summed over, and is gone afterwards.": (
            "hidden",
            "(64, 48)",
        ),
        "A vector has no row axis, and the product does not invent one: (64,) with (64, 48) leaves the units alone.": (
            "one image",
            "(1, 48)",
        ),
        "The 64 of the image and the 64 of W1 meet and are summed over. The units are left.": (
            "one image",
            "(64, 48)",
        ),
        "Leading axes are not laid together: the layer works on the last axis and leaves those in front as they are.": (
            "films",
            "(160, 10)",
        ),
        "The 20 pictures of a film do not disappear. Only the last axis is summed over, and gets a new size.": (
            "films",
            "(8, 10)",
        ),
        "That is after the first layer. The second turns 48 into 10.": ("films", "(8, 20, 48)"),
        "Sizes are compared from the last axis: 10 meets 128. Neither is 1, so NumPy refuses.": (
            "shares",
            "(128, 10)",
        ),
        "keepdims leaves an axis of length 1, and 10 against 1 fits.": ("kept", "error"),
        "The sums are (128, 1), and their single column is stretched to meet all 10: the larger size stays.": (
            "kept",
            "(128, 1)",
        ),
        "From the last axis: 128 meets 1 and stays 128; then nothing meets 128. Both axes are stretched.": (
            "table",
            "(128,)",
        ),
        "The column has one entry a row, but the row of 128 is laid against it, and its 128 columns win.": (
            "table",
            "(128, 1)",
        ),
        "There is no error, which is the trouble: 128 against 1 fits, and so does nothing against 128.": (
            "table",
            "error",
        ),
        "That is how many parameters there are. Each takes 4 bytes in float32.": ("parameters", 3610),
        "That is in float64, with 8 bytes a number.": ("parameters", 28880),
        "These are the weights alone: 48 and 10 biases are parameters too.": ("parameters", 14208),
        "That is how many numbers there are. Each takes 4 bytes in float32.": ("hidden bytes", 6144),
        "In float64 it would be; a number in float32 takes 4 bytes.": ("hidden bytes", 49152),
        "These are the bytes for one image. There are 128.": ("hidden bytes", 192),
        "That counts one operation a weight. Each weight is multiplied, and its product is added up: two.": (
            "flops",
            3610,
        ),
        "Adding the biases is missing: 48 and 10 operations more.": ("flops", 7104),
        "That is for the whole batch; one image is asked for.": ("flops", 7162 * 128),
        "That is the first layer. The second has its own.": ("flops", 6192),
    },
)


# A batch at once ------------------------------------------------------------------------------------------------------


def batch_forward(x, W1, b1, W2, b2):
    """The logits of a two-layer network, max(0, xW1 + b1)W2 + b2, for all rows at once.

    x : (..., d_in)
    W1 : (d_in, H)
    b1 : (H,)
    W2 : (H, K)
    b2 : (K,)
    Returns logits : (..., K).
    """
    hidden = np.maximum(x @ W1 + b1, 0)
    return hidden @ W2 + b2


def batch_forward_by_loops(x, W1, b1, W2, b2):
    """The logits of a two-layer network, max(0, xW1 + b1)W2 + b2, for all rows at once.

    x : (..., d_in)
    W1 : (d_in, H)
    b1 : (H,)
    W2 : (H, K)
    b2 : (K,)
    Returns logits : (..., K).
    """
    logits = np.zeros((len(x), len(b2)))
    for n in range(len(x)):
        hidden = np.zeros(len(b1))
        for j in range(len(b1)):
            z = b1[j]
            for i in range(len(W1)):
                z += x[n, i] * W1[i, j]
            hidden[j] = max(z, 0)
        for k in range(len(b2)):
            z = b2[k]
            for j in range(len(b1)):
                z += hidden[j] * W2[j, k]
            logits[n, k] = z
    return logits


def batch_cases(rng):
    for note, lead, d_in, width, n_classes in [
        ("a batch of rows", (5,), 3, 6, 4),
        ("one row", (1,), 4, 3, 2),
        ("as many rows, inputs and units as classes", (3,), 3, 3, 3),
        ("one input, one hidden unit, one output", (4,), 1, 1, 1),
        ("one of everything, one row too", (1,), 1, 1, 1),
        ("two leading axes", (2, 5), 3, 4, 6),
        ("a single vector, no leading axis", (), 3, 5, 2),
    ]:
        x = rng.standard_normal((*lead, d_in))
        W1, W2 = rng.standard_normal((d_in, width)), rng.standard_normal((width, n_classes))
        if x.size == 1:
            x, W1 = 1 + np.abs(x), 1 + np.abs(W1)  # large enough to pass the bend
        yield (
            note,
            x,
            W1,
            0.5 + rng.standard_normal(width),
            W2,
            rng.standard_normal(n_classes),
        )
    x, W1, W2 = rng.standard_normal((3, 2)), rng.standard_normal((2, 4)), rng.standard_normal((4, 3))
    b1, b2 = 1e3 * (0.5 + rng.random(4)), 1e3 * (0.5 + rng.random(3))
    yield "inputs and biases of a thousand each", 1e3 * x, W1, b1, W2, b2
    x = np.tile(rng.integers(-4, 5, (8, 128)) / 4, (128, 1))
    W1 = np.tile(rng.integers(-4, 5, (128, 8)) / 16, (1, 128))
    yield (
        "1,024 rows through 1,024 units, in five seconds: too many for loops",
        x,
        W1,
        np.tile(rng.integers(1, 5, 8) / 4, 128),
        np.tile(rng.integers(-4, 5, (8, 1)) / 16, (128, 1)),
        np.ones(1),
    )


def batch_by_einsum(x, W1, b1, W2, b2):
    z = np.einsum("...i,ij->...j", x, W1) + b1
    return np.einsum("...j,jk->...k", z * (z > 0), W2) + b2


def batch_with_biases_as_weights(x, W1, b1, W2, b2):
    def with_one(a):
        return np.concatenate([a, np.ones((*a.shape[:-1], 1))], axis=-1)

    hidden = np.clip(with_one(x) @ np.vstack([W1, b1]), 0, None)
    return with_one(hidden) @ np.vstack([W2, b2])


def batch_in_columns(x, W1, b1, W2, b2):
    columns = x.reshape(-1, x.shape[-1]).T
    hidden = np.maximum(W1.T @ columns + b1[:, None], 0)
    return (W2.T @ hidden + b2[:, None]).T.reshape(*x.shape[:-1], len(b2))


def batch_flattened(x, W1, b1, W2, b2):
    return batch_forward(x.reshape(-1, x.shape[-1]), W1, b1, W2, b2)


BATCH = Exercise(
    batch_forward,
    module="ch05",
    returns="logits",
    section="A batch is a stack of rows",
    cases=batch_cases,
    broken=batch_forward_by_loops,
    seconds=5,
    mutants={
        "There is nothing between the two layers, and so they are one. Negative sums must become 0.": {
            "np.maximum(x @ W1 + b1, 0)": "x @ W1 + b1"
        },
        "The logits have gone through max(0, …) too. Only the hidden layer does.": {
            "return hidden @ W2 + b2": "return np.maximum(hidden @ W2 + b2, 0)"
        },
        "np.max takes the largest along an axis: here it has kept one row out of the batch. np.maximum compares entry "
        "by entry.": {"np.maximum(x @ W1 + b1, 0)": "np.max(x @ W1 + b1, 0)"},
        "Python's own max compares two things once, and an array is many. np.maximum compares entry by entry.": {
            "np.maximum(x @ W1 + b1, 0)": "max(x @ W1 + b1, 0)"
        },
        "b1 is missing.": {"x @ W1 + b1": "x @ W1"},
        "b2 is missing.": {"hidden @ W2 + b2": "hidden @ W2"},
        "b1 is added after the bend. It belongs to the weighted sum, and decides where the bend is.": {
            "np.maximum(x @ W1 + b1, 0)": "np.maximum(x @ W1, 0) + b1"
        },
        "The bias runs down the rows, a number for each example. It must run across, a number for each unit.": {
            "x @ W1 + b1": "x @ W1 + b1[:, None]"
        },
        "W1 is transposed. Its columns are units, so rows of x meet columns of W1 as they are.": {"x @ W1": "x @ W1.T"},
        "x and W1 have changed places. Rows are examples: x goes in on the left.": {"x @ W1": "W1 @ x"},
        "The leading axes have been laid together. What stands in front of the last axis is to come out as it went "
        "in.": batch_flattened,
        "The rows have been added up somewhere. Each row is an example, with logits of its own.": {
            "return hidden @ W2 + b2": "return hidden.sum(axis=0) @ W2 + b2"
        },
        "This is the first row's answer alone.": {"x @ W1": "x[0] @ W1"},
        "Negative sums have changed their sign. They must become 0.": {
            "np.maximum(x @ W1 + b1, 0)": "np.abs(x @ W1 + b1)"
        },
    },
    variants={
        "einsum": batch_by_einsum,
        "biases as one more weight": batch_with_biases_as_weights,
        "with columns for examples, and turned back": batch_in_columns,
        "float32": in_float32(batch_forward),
    },
)


# FLOPs ----------------------------------------------------------------------------------------------------------------


def config_of(*sizes, activation=activations.relu):
    return mlp.MLPConfig(sizes, activation, init.lecun_normal)


def flops_cases(rng):
    yield "one hidden layer, one row", config_of(20, 12, 5), 1
    yield "a batch", config_of(3, 5, 4), int(rng.integers(7, 100))
    yield "no hidden layer", config_of(7, 3), 6
    yield "one unit everywhere", config_of(1, 1, 1), 5
    yield "all layers of one width", config_of(4, 4, 4, 4), 9
    yield "sizes drawn at random", config_of(*map(int, 2 + rng.permutation(30)[:6])), 11
    yield "no rows", config_of(5, 2), 0
    yield "a layer of the largest GPT-3, for two thousand words", config_of(12288, 4 * 12288, 12288), 2048


def flops_by_index(config, n):
    total = 0
    for i in range(1, len(config.sizes)):
        weights, biases = config.sizes[i - 1] * config.sizes[i], config.sizes[i]
        multiplications, additions = n * weights, n * (weights + biases)
        total += multiplications + additions
    return total


def flops_by_dot(config, n):
    sizes = np.array(config.sizes, dtype=np.int64)
    return int(n) * int(2 * sizes[:-1] @ sizes[1:] + sizes[1:].sum())


FLOPS_SUM = "sum(2 * d_in * d_out + d_out for d_in, d_out in pairwise(config.sizes))"
FLOPS = Exercise(
    mlp.mlp_flops,
    returns="flops",
    section="What a pass costs",
    cases=flops_cases,
    mutants={
        "Each weight counts once here. It is multiplied by its input, and the product is added to a sum: two "
        "operations.": {"2 * d_in * d_out": "d_in * d_out"},
        "Adding the biases is missing: one operation for each unit of a layer.": {" + d_out for": " for"},
        "The rows are missing: every row goes through all the layers.": {"return n * ": "return "},
        "The biases are added once for the whole batch. Each row gets them.": {
            "n * " + FLOPS_SUM: "sum(n * 2 * d_in * d_out + d_out for d_in, d_out in pairwise(config.sizes))"
        },
        "A bias counts twice here. It is added, not multiplied: one operation.": {"+ d_out for": "+ 2 * d_out for"},
        "The biases are counted by a layer's inputs. It has one for each unit of its output.": {
            "+ d_out for": "+ d_in for"
        },
        "The last layer is missing: neighbouring sizes make one layer each, the last pair too.": {
            "pairwise(config.sizes)": "pairwise(config.sizes[:-1])"
        },
        "The activation is counted too. The docstring leaves it out.": {
            FLOPS_SUM: f"({FLOPS_SUM} + sum(config.sizes[1:-1]))"
        },
        "This is three times too much: forward and backward. Only the pass forward is asked for.": {
            "return n * ": "return 3 * n * "
        },
        "All sizes are multiplied together. Only neighbours are connected: a product for each pair of layers.": {
            FLOPS_SUM: "(2 * math.prod(config.sizes) + sum(config.sizes[1:]))"
        },
    },
    variants={
        "multiplications and additions apart": flops_by_index,
        "a dot product": flops_by_dot,
        "twice the weights, and the biases": {
            FLOPS_SUM: "(2 * sum(a * b for a, b in zip(config.sizes, config.sizes[1:])) + sum(config.sizes[1:]))"
        },
    },
)


# Predict --------------------------------------------------------------------------------------------------------------


def predict_cases(rng):
    for note, sizes, lead, scale in [
        ("a batch of rows", (3, 5, 4), (6,), 1),
        ("one row", (4, 3, 5), (1,), 1),
        ("as many rows as classes", (2, 6, 4), (4,), 1),
        ("two leading axes", (3, 4, 5), (2, 6), 1),
        ("a single vector, no leading axis", (3, 4, 6), (), 1),
        ("two classes, no hidden layer", (4, 2), (5,), 1),
        ("logits in the thousands", (3, 5, 4), (6,), 1e4),
    ]:
        config = config_of(*sizes, activation=activations.silu)
        params = mlp.mlp_init(config, rng)
        params[-1] = {"W": params[-1]["W"], "b": rng.standard_normal(sizes[-1])}
        x = scale * rng.standard_normal((*lead, sizes[0]))
        yield note, params, x, config


def predict_by_one_and_the_rest(params, x, config):
    logits, _ = mlp.mlp_forward(params, x, config)
    classes = np.argmax(logits, axis=-1)
    largest = np.take_along_axis(logits, classes[..., None], axis=-1)
    return classes, 1 / np.exp(logits - largest).sum(axis=-1)


def predict_by_sorting(params, x, config):
    p, _ = activations.softmax_forward(mlp.mlp_forward(params, x, config)[0])
    return np.argsort(p, axis=-1)[..., -1], np.sort(p, axis=-1)[..., -1]


def predict_row_by_row(params, x, config):
    classes, sure = [], []
    for row in x.reshape(-1, x.shape[-1]):
        p = activations.softmax_forward(mlp.mlp_forward(params, row, config)[0])[0].tolist()
        sure.append(max(p))
        classes.append(p.index(sure[-1]))
    return np.reshape(classes, x.shape[:-1]), np.reshape(sure, x.shape[:-1])


def predict_by_picking(params, x, config):
    p, _ = activations.softmax_forward(mlp.mlp_forward(params, x, config)[0])
    classes = p.argmax(axis=-1)
    return classes, p[np.arange(len(classes)), classes]


SOFTMAX = "p, _ = activations.softmax_forward(logits)"
PREDICT = Exercise(
    mlp.predict,
    returns="classes, p",
    section="From logits to a prediction",
    cases=predict_cases,
    mutants={
        "argmax runs down the rows: for each class, the row that has most of it. The classes lie on the last axis.": {
            "p.argmax(axis=-1)": "p.argmax(axis=0)"
        },
        "argmax without an axis lays the whole batch in one line. Each row has a likeliest class.": {
            "p.argmax(axis=-1)": "p.argmax()"
        },
        "This is the least likely class of every row.": {"p.argmax": "p.argmin"},
        "max runs down the rows. The classes lie on the last axis.": {"p.max(axis=-1)": "p.max(axis=0)"},
        "max without an axis gives one number for the whole batch. Each row has a p of its own.": {
            "p.max(axis=-1)": "p.max()"
        },
        "These are the probabilities of all classes. Only that of the likeliest is asked for.": {"p.max(axis=-1)": "p"},
        "This is the largest logit. A logit may be any number; softmax makes a probability of it.": {
            "p.max(axis=-1)": "logits.max(axis=-1)"
        },
        "Each logit went through a sigmoid by itself. One of K classes is right, so they share one budget: softmax.": {
            SOFTMAX: "p = 1 / (1 + np.exp(-logits))"
        },
        "e^z overflows for large logits, and ∞/∞ is nan. The given softmax_forward takes the maximum off first.": {
            SOFTMAX: "p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)"
        },
        "The probabilities went through a softmax once more. That flattens them: none is above 0.73 for two classes.": {
            SOFTMAX: "p = activations.softmax_forward(activations.softmax_forward(logits)[0])[0]"
        },
        "The softmax runs down the rows: examples compete for a class. Classes lie on the last axis.": {
            SOFTMAX: "p = activations.softmax_forward(np.swapaxes(logits, 0, -1))[0].swapaxes(0, -1)"
        },
        "The axes are counted from the front, and axis 1 is the classes' only for a batch of rows. Count from the back: "
        "axis=-1.": {"axis=-1": "axis=1"},
        "p[np.arange(N), classes] picks one entry a row of a batch, and fits no other number of leading axes. The entry "
        "picked is the row's largest: there is a shorter way to it.": predict_by_picking,
        "The two have changed places: classes come first, then their probabilities.": {
            "return p.argmax(axis=-1), p.max(axis=-1)": "return p.max(axis=-1), p.argmax(axis=-1)"
        },
    },
    variants={
        "from the logits: one over the sum": predict_by_one_and_the_rest,
        "sorting": predict_by_sorting,
        "row by row": predict_row_by_row,
        "float32": in_float32(mlp.predict),
    },
)


# Log-sum-exp ----------------------------------------------------------------------------------------------------------


def lse_cases(rng):
    for note, shape in [
        ("a batch of rows", (4, 3)),
        ("one row", (1, 5)),
        ("as many rows as classes", (3, 3)),
        ("two leading axes", (2, 4, 3)),
        ("a single vector, no leading axis", (6,)),
        ("a single class", (5, 1)),
    ]:
        yield note, 2 * rng.standard_normal(shape)
    yield "all entries of a row alike", np.repeat(rng.standard_normal((3, 1)), 4, axis=1)
    yield "logits in the thousands", rng.uniform(800, 3000, (3, 4))
    yield "logits of about minus twenty thousand", -rng.uniform(2e4, 2e4 + 10, (2, 5))
    yield "one row far above, one far below", np.array([[[2000.0], [-2000.0]]]) + rng.standard_normal((3, 2, 4))
    yield "one entry far below the others", np.array([-400.0, 500.0, 500.0]) + rng.standard_normal((2, 3))
    yield "far apart within a row", np.array([1500.0, -1500.0, 0.0]) + rng.standard_normal((2, 3))


def lse_by_loops(x):
    out = np.empty(x.shape[:-1])
    for i in np.ndindex(out.shape):
        row = sorted(x[i].tolist())
        out[i] = row[-1] + math.log1p(math.fsum(math.exp(v - row[-1]) for v in row[:-1]))
    return out


def lse_pair_by_pair(x):
    total = x[..., 0]
    for k in range(1, x.shape[-1]):
        low, high = np.minimum(total, x[..., k]), np.maximum(total, x[..., k])
        total = high + np.log1p(np.exp(low - high))
    return total


def lse_by_softmax(x):
    p, _ = activations.softmax_forward(x)
    return x.max(axis=-1) - np.log(p.max(axis=-1))


def lse_as_a_table(x):
    top = x.max(axis=-1, keepdims=True)
    return top + np.log(np.exp(x - top).sum(axis=-1))


def lse_with_maximum_lying(x):
    top = x.max(axis=-1)
    return top + np.log(np.exp(x - top).sum(axis=-1))


def lse_with_one_maximum(x):
    return x.max() + np.log(np.exp(x - x.max()).sum(axis=-1))


LSE = Exercise(
    activations.log_sum_exp,
    returns="out",
    section="Log-sum-exp",
    cases=lse_cases,
    mutants={
        "e^x overflows for a large x, and for a very negative one it is 0, whose log is -∞. Bring the largest exponent "
        "to 0 first.": lambda x: np.log(np.exp(x).sum(axis=-1)),
        "The maximum is taken off and not added again: e^x was divided by e^max, so the log is too small by max.": {
            "np.squeeze(top, -1) + ": ""
        },
        "The maximum is taken off twice: inside, and again at the end. What was taken off inside is to be added.": {
            "np.squeeze(top, -1) + ": "-np.squeeze(top, -1) + "
        },
        "The maxima are (N, 1) and the logs (N,), so their sum is a table, every maximum with every log. Do not sum "
        "it: take the maxima's last axis away before you add. See “Broadcasting, and the error it hides”.": lse_as_a_table,
        "The maxima have lost their last axis, so they are laid across the columns of x. keepdims=True leaves them one "
        "a row.": lse_with_maximum_lying,
        "The mean is taken off. Then the largest exponent is max - mean, and it overflows where one entry stands far "
        "above the rest.": {"x.max(": "x.mean("},
        "The first entry is taken off. Where another stands far above it, the exponent of that one overflows.": lambda x: (
            x[..., 0] + np.log(np.exp(x - x[..., :1]).sum(axis=-1))
        ),
        "One maximum serves the whole batch. A row far below it underflows to 0: every row needs its own.": (
            lse_with_one_maximum
        ),
        "The minimum is taken off. Then the largest exponent is max - min, and it overflows where a row spreads far.": {
            "x.max(": "x.min("
        },
        "Exponents are cut off at 700. That keeps e^x finite and the answer wrong: a logit of 2000 must give 2000.": (
            lambda x: np.log(np.exp(np.clip(x, -700, 700)).sum(axis=-1))
        ),
        "This is the maximum alone. The others count as well where they come near it.": lambda x: x.max(axis=-1),
        "This is the log of the mean, too small by log K. The sum is asked for.": {".sum(axis=-1)": ".mean(axis=-1)"},
        "The last axis is still there, with length 1. A row gives one number.": {
            "np.squeeze(top, -1)": "top",
            ".sum(axis=-1)": ".sum(axis=-1, keepdims=True)",
        },
        "The sum runs down the rows. The entries to add up lie along the last axis.": lambda x: (
            x.max(axis=0) + np.log(np.exp(x - x.max(axis=0)).sum(axis=0))
        ),
        "The sum runs over the whole array. Each row has its own.": lambda x: (
            x.max() + np.log(np.exp(x - x.max()).sum())
        ),
        "This is the log-softmax: x minus what is asked for.": lambda x: activations.log_softmax_forward(x)[0],
        "That is the logarithm to base 2. log is the natural one.": {"np.log(": "np.log2("},
        "The log of each e^x is x, and these are added up. The sum comes first, then the log.": lambda x: x.sum(
            axis=-1
        ),
    },
    variants={
        "logaddexp": lambda x: np.logaddexp.reduce(x, axis=-1),
        "loops, and log1p of the others": lse_by_loops,
        "pair by pair": lse_pair_by_pair,
        "by the largest share": lse_by_softmax,
        "float32": in_float32(activations.log_sum_exp),
    },
)


# A repair: distances --------------------------------------------------------------------------------------------------


def squared_distances(x, centres):
    """How far every row of x lies from every centre, squared: the sum of (x_i - c_i)² over the d coordinates.

    x : (N, d) float32, near the origin or far from it
    centres : (K, d) float32
    Returns (N, K): row n, column k for row n of x and centre k.
    """
    difference = x[:, None] - centres  # (N, K, d)
    return (difference**2).sum(axis=-1)


def squared_distances_handed_out(x, centres):
    """How far every row of x lies from every centre, squared: the sum of (x_i - c_i)² over the d coordinates.

    x : (N, d) float32, near the origin or far from it
    centres : (K, d) float32
    Returns (N, K): row n, column k for row n of x and centre k.
    """
    # (x - c)² = x² - 2xc + c², summed over the coordinates
    return (x**2).sum(axis=1) - 2 * x @ centres.T + (centres**2).sum(axis=1)


def distance_cases(rng):
    for note, n, k, d in [
        ("five points, three centres", 5, 3, 2),
        ("as many points as centres", 4, 4, 3),
        ("one point", 1, 3, 2),
        ("one centre", 4, 1, 3),
        ("a single coordinate", 3, 2, 1),
        ("as many coordinates as centres", 5, 3, 3),
    ]:
        yield note, rng.standard_normal((n, d)).astype(np.float32), rng.standard_normal((k, d)).astype(np.float32)
    far = 30000 + rng.uniform(0, 500, 3)
    points, centres = far + rng.standard_normal((9, 3)), far + rng.standard_normal((7, 3))
    yield "points and centres near one another, far from the origin", *(a.astype(np.float32) for a in (points, centres))
    points = (1000 * rng.standard_normal((4, 2))).astype(np.float32)
    yield "points that lie on the centres", points, points[[2, 0, 1]]


def multiplied_out(x, centres, number=np.float32, twice=2):
    x, centres = x.astype(number), centres.astype(number)
    return (x**2).sum(axis=1)[:, None] - twice * x @ centres.T + (centres**2).sum(axis=1)


def distances_by_loops(x, centres):
    out = np.zeros((len(x), len(centres)), dtype=np.float32)
    for n, point in enumerate(x):
        for k, centre in enumerate(centres):
            out[n, k] = np.dot(point - centre, point - centre)
    return out


def distances_moved_to_the_origin(x, centres):
    return multiplied_out(x - centres[0], centres - centres[0])


SUM_OF_SQUARES = "(difference**2).sum(axis=-1)"
DISTANCES = Exercise(
    squared_distances,
    module="ch05",
    returns="out",
    section="Taking a little from a lot",
    cases=distance_cases,
    broken=squared_distances_handed_out,
    tol=1e-3,
    mutants={
        "The squares of x, (N,), run across the columns; they belong to the rows of (N, K). This may hide the second "
        "mistake, that of numbers.": squared_distances_handed_out,
        "The shapes are right. But far from the origin the terms are in the hundreds of millions, where float32 has no "
        "digits left after the point, and what is left of their difference is rounding.": multiplied_out,
        "Negative squares are held at 0, and so out of sight. What made them negative is still there: far from the "
        "origin the terms have no digits left for their difference.": lambda x, centres: np.maximum(
            multiplied_out(x, centres), 0
        ),
        "The cross term is taken off once. (x - c)² has it twice.": lambda x, centres: multiplied_out(
            x, centres, np.float64, 1
        ),
        "These are the distances. Their squares are asked for.": {SUM_OF_SQUARES: f"np.sqrt({SUM_OF_SQUARES})"},
        "This is the mean over the coordinates. Their squares are added up.": {
            SUM_OF_SQUARES: "(difference**2).mean(axis=-1)"
        },
        "The absolute differences are added up, not their squares.": {"difference**2": "np.abs(difference)"},
        "The differences are added up and then squared, so that they can cancel. Square each one first.": {
            SUM_OF_SQUARES: "difference.sum(axis=-1) ** 2"
        },
        "The sum runs over the centres. It is to run over the coordinates.": {"axis=-1": "axis=1"},
        "The sum runs over the points. It is to run over the coordinates.": {"axis=-1": "axis=0"},
        "Points and centres have changed places: a row for each point, a column for each centre.": {
            SUM_OF_SQUARES: f"{SUM_OF_SQUARES}.T"
        },
        "Row n of x meets centre n alone. Every row is to meet every centre: give x an axis for them.": {
            "x[:, None]": "x"
        },
    },
    variants={
        "loops": distances_by_loops,
        "multiplied out, in float64": lambda x, centres: multiplied_out(x, centres, np.float64),
        "moved to the origin first": distances_moved_to_the_origin,
        "einsum": {SUM_OF_SQUARES: "np.einsum('nkd,nkd->nk', difference, difference)"},
    },
)

EXERCISES = [BEFORE, BATCH, FLOPS, PREDICT, LSE, DISTANCES]
