"""Set 2: how the grader draws cases, what people get wrong, what else is right."""

import numpy as np

from checks.cases import Seed
from grading.spec import Answer, Exercise
from reference_impl import activations, data, init, layers, mlp, train

GIVEN = ["activations.elu", "activations.silu", "init.lecun_normal", "mlp.MLPConfig"]


def trained_net(file):
    """digits.npz: a small net trained on handwritten digits, and images it was neither trained nor chosen on."""
    x, targets = data.load_digits()
    rng = np.random.default_rng(2)
    rows, val, test = data.train_val_test_split(targets, rng)
    config = mlp.MLPConfig((64, 32, 32, 10), activations.elu, init.lecun_normal)
    recipe = train.TrainConfig(epochs=60, batch_size=32, lr=0.5)
    params = mlp.mlp_init(config, rng)
    params, _ = train.train(params, (x[rows], targets[rows]), (x[val], targets[val]), config, recipe, rng)
    arrays = {f"{name}{i}": np.round(layer[name], 3) for i, layer in enumerate(params, 1) for name in ("W", "b")}
    np.savez_compressed(file, x=x[test], targets=targets[test], **arrays)


DATA = {"digits.npz": trained_net}


# Parameters, by hand --------------------------------------------------------------------------------------------------

COUNTS = Answer(
    "ch02.parameter_counts",
    value={"3-4": 16, "784-100-10": 79510, "8-16-16-1": 433, "8-32-32-1": 1377},
    section="Counting the parameters",
    mutants={
        "These are the weights. Each of the 4 units has a bias as well.": ("3-4", 12),
        "There is a bias for each unit that computes something, so 4 of them, not one for each of the 3 inputs.": (
            "3-4",
            15,
        ),
        "These are the weights alone: the hidden units and the output units have a bias each.": ("784-100-10", 79400),
        "The biases of the output units are missing.": ("784-100-10", 79500),
        "This counts units. A parameter belongs to a connection between two units, or is a unit's bias.": (
            "784-100-10",
            894,
        ),
        "The inputs have been given biases. They compute nothing: they are the data.": ("784-100-10", 80294),
        "The weights are right, the biases are missing: every unit but the inputs has one.": ("8-16-16-1", 400),
        "One bias is missing: the output unit's.": ("8-16-16-1", 432),
        "A layer is missing: three pairs of neighbours, 8-16, 16-16 and 16-1, make three layers of weights.": (
            "8-16-16-1",
            161,
        ),
        "This is twice the count for 8-16-16-1. The weights from 32 units to 32 units are four times as many as from "
        "16 to 16.": ("8-32-32-1", 866),
    },
)


# A layer --------------------------------------------------------------------------------------------------------------


def linear_cases(rng):
    for note, lead, d_in, d_out in [
        ("a batch of rows", (5,), 3, 4),
        ("one row", (1,), 2, 3),
        ("one unit with one input", (4,), 1, 1),
        ("as many rows as inputs and units", (3,), 3, 3),
        ("two leading axes", (2, 5), 3, 4),
        ("a single vector, no leading axis", (), 3, 2),
    ]:
        yield note, rng.standard_normal((*lead, d_in)), rng.standard_normal((d_in, d_out)), rng.standard_normal(d_out)
    yield "inputs that are all 0", np.zeros((2, 3)), rng.standard_normal((3, 4)), rng.standard_normal(4)
    yield "large inputs", 1e6 * rng.standard_normal((3, 2)), rng.standard_normal((2, 5)), 1e6 * rng.standard_normal(5)


def linear_by_loops(x, W, b):
    out = np.zeros((*x.shape[:-1], len(b)))
    for row in np.ndindex(x.shape[:-1]):
        for j in range(len(b)):
            out[(*row, j)] = sum(x[(*row, i)] * W[i, j] for i in range(len(W))) + b[j]
    return out, None


def linear_unit_by_unit(x, W, b):
    return np.stack([(x * W[:, j]).sum(axis=-1) + b[j] for j in range(len(b))], axis=-1), (x, W)


def linear_with_the_bias_as_a_weight(x, W, b):
    ones = np.ones((*x.shape[:-1], 1))
    return np.concatenate([x, ones], axis=-1) @ np.vstack([W, b]), (x, W)


def linear_in_float32(x, W, b):
    return layers.linear_forward(*(a.astype(np.float32) for a in (x, W, b)))


LINEAR = Exercise(
    layers.linear_forward,
    returns="out, _cache",
    section="A layer is a matrix",
    cases=linear_cases,
    mutants={
        "The bias is missing: every unit adds its own b to its weighted sum.": {"x @ W + b": "x @ W"},
        "The bias is subtracted. A threshold would be; a bias is added.": {"+ b": "- b"},
        "W is transposed. Column j of W holds the weights of unit j, so rows of x meet columns of W.": {
            "x @ W": "x @ W.T"
        },
        "W and x have changed places: a row of x goes in on the left, x @ W.": {"x @ W": "W @ x"},
        "This is W.T @ x, the formula for one example as a column. Here the examples are the rows of x: x @ W.": {
            "x @ W": "W.T @ x"
        },
        "This multiplies entry by entry. A weighted sum multiplies and adds up: that is the matrix product.": {
            "x @ W": "x * W"
        },
        "The bias is added to the inputs. It belongs to the units: it comes after the weighted sum.": {
            "x @ W + b": "(x + b) @ W"
        },
        "b runs down the rows here, a number for each example. It must run across: a number for each unit.": {
            "+ b": "+ b[:, None]"
        },
        "All rows have been laid in one long batch. Leading axes stay: x of (2, 5, 3) gives out of (2, 5, units).": {
            "x @ W + b": "x.reshape(-1, x.shape[-1]) @ W + b"
        },
        "The rows are added up. Each row is an example with an output of its own.": {
            "x @ W + b": "(x @ W).sum(axis=tuple(range(x.ndim - 1))) + b"
        },
        "An activation has slipped in: negative sums have become 0. This layer is the weighted sum alone.": {
            "x @ W + b": "np.maximum(x @ W + b, 0)"
        },
    },
    variants={
        "einsum": {"x @ W": "np.einsum('...i,io->...o', x, W)"},
        "loops": linear_by_loops,
        "one unit at a time": linear_unit_by_unit,
        "the bias as one more weight": linear_with_the_bias_as_a_weight,
        "float32": linear_in_float32,
    },
)


# The output layer -----------------------------------------------------------------------------------------------------

RENT = {"rent units": 1, "rent output": "none", "rent loss": "mean squared error"}
HOURS = {"hours units": 24, "hours output": "none", "hours loss": "mean squared error"}
LEAK = {"leak units": 1, "leak output": "sigmoid", "leak loss": "binary cross-entropy"}
LEAF = {"leaf units": 32, "leaf output": "softmax", "leaf loss": "cross-entropy"}
FILM = {"film units": 18, "film output": "sigmoid", "film loss": "binary cross-entropy"}

OUTPUT_LAYERS = Answer(
    "ch02.output_layers",
    value=RENT | HOURS | LEAK | LEAF | FILM,
    section="The task chooses the output layer",
    mutants={
        "One number is wanted. Size, storey and year are inputs: they say nothing about the outputs.": (
            "rent units",
            3,
        ),
        "A sigmoid ends at 1, and a rent does not.": ("rent output", "sigmoid"),
        "Softmax of a single number is always 1.": ("rent output", "softmax"),
        "Right, but write it as “none”.": ("rent output", "linear"),
        "Right, but write it as “none”: the identity leaves the number as it is.": ("rent output", "identity"),
        "Right, but write it out: mean squared error.": ("rent loss", "mse"),
        "The answer is 24 numbers, one an hour, and a unit gives only one number.": ("hours units", 1),
        "Softmax would make the 24 temperatures positive, and their sum 1.": ("hours output", "softmax"),
        "A temperature is not confined to (0, 1).": ("hours output", "sigmoid"),
        "Hours are not classes to choose from: all 24 numbers are wanted, each as near as can be.": (
            "hours loss",
            "cross-entropy",
        ),
        "Two units would do, but one is enough: the probability of no leak is 1 minus that of a leak.": (
            "leak units",
            2,
        ),
        "Softmax of a single number is always 1: this net would cry leak every time.": ("leak output", "softmax"),
        "A bare number can leave (0, 1), and a probability cannot.": ("leak output", "none"),
        "Close: with one unit that gives the probability of yes, it is the binary one.": ("leak loss", "cross-entropy"),
        "One unit would have to say “species 7”, as if that lay between 6 and 8. Each species needs its own.": (
            "leaf units",
            1,
        ),
        "Sigmoids would judge each species alone, and could say yes to five. Exactly one is right.": (
            "leaf output",
            "sigmoid",
        ),
        "That is for yes or no. Here one of 32 is right.": ("leaf loss", "binary cross-entropy"),
        "Softmax shares out one budget of 1 among the genres. A film may be comedy and western, both for certain.": (
            "film output",
            "softmax",
        ),
        "That is for exactly one right class. Here 18 questions are asked, each with yes or no for an answer.": (
            "film loss",
            "cross-entropy",
        ),
        "One unit answers one question. Each genre is a question of its own.": ("film units", 1),
    },
)


# Parameters, counted --------------------------------------------------------------------------------------------------


def config_of(*sizes, activation=activations.elu):
    return mlp.MLPConfig(sizes, activation, init.lecun_normal)


def count_cases(rng):
    yield "one hidden layer", config_of(64, 32, 10)
    yield "no hidden layer", config_of(7, 3)
    yield "one unit everywhere", config_of(1, 1, 1)
    yield "all layers of one width", config_of(5, 5, 5, 5)
    yield "sizes drawn at random", config_of(*map(int, 2 + rng.permutation(30)[:6]))
    yield "a layer of the largest GPT-3", config_of(12288, 4 * 12288, 12288)


def count_by_index(config):
    total = 0
    for i in range(1, len(config.sizes)):
        total += (config.sizes[i - 1] + 1) * config.sizes[i]
    return total


def count_by_dot(config):
    sizes = np.array(config.sizes)
    return sizes[:-1] @ sizes[1:] + sizes[1:].sum()


COUNT = Exercise(
    mlp.mlp_param_count,
    returns="count",
    section="Counting the parameters",
    cases=count_cases,
    mutants={
        "The biases are missing: a layer has d_out of them beside its d_in · d_out weights.": {" + d_out": ""},
        "The biases are counted by the inputs of a layer. Each of its d_out units has one.": {"+ d_out": "+ d_in"},
        "One bias is counted for a whole layer. Every unit of it has its own.": {"+ d_out": "+ 1"},
        "The last layer is missing: neighbouring sizes make one layer each, the last pair too.": {
            "pairwise(config.sizes)": "pairwise(config.sizes[:-1])"
        },
        "The biases of the output layer are missing.": {"return sum(": "return -config.sizes[-1] + sum("},
        "The inputs have been given biases. They compute nothing, so they have none.": {
            "return sum(": "return config.sizes[0] + sum("
        },
        "This counts the units. Every connection has a weight: multiply neighbouring sizes.": {
            "sum(d_in * d_out + d_out for d_in, d_out in pairwise(config.sizes))": "sum(config.sizes)"
        },
        "Neighbouring sizes are added up. Every unit is connected to every unit before it: multiply them.": {
            "d_in * d_out": "d_in + d_out"
        },
        "All sizes are multiplied together. Only neighbouring layers are connected: a product for each pair.": {
            "sum(d_in * d_out + d_out for d_in, d_out in pairwise(config.sizes))": "int(np.prod(config.sizes))"
        },
    },
    variants={
        "by index, the bias as one more input": count_by_index,
        "a dot product": count_by_dot,
        "weights first, biases after": {
            "sum(d_in * d_out + d_out for d_in, d_out in pairwise(config.sizes))": "sum(config.sizes[1:]) + sum("
            "a * b for a, b in zip(config.sizes, config.sizes[1:]))"
        },
    },
)


# Parameters, made -----------------------------------------------------------------------------------------------------


def init_cases(rng):
    for note, sizes in [
        ("one hidden layer", (3, 5, 2)),
        ("no hidden layer", (4, 2)),
        ("three layers", (2, 7, 3, 5)),
        ("all layers of one width", (4, 4, 4)),
        ("one unit everywhere", (1, 1, 1)),
    ]:
        yield note, config_of(*sizes), Seed(rng.integers(1000))


def init_by_appending(config, rng):
    params = []
    for i in range(len(config.sizes) - 1):
        layer = {}
        layer["b"] = np.zeros((config.sizes[i + 1],), dtype=np.float32)
        layer["W"] = config.init(config.sizes[i], config.sizes[i + 1], rng)
        params.append(layer)
    return params


def init_with_weights_first(config, rng):
    weights = [config.init(d_in, d_out, rng) for d_in, d_out in zip(config.sizes[:-1], config.sizes[1:], strict=True)]
    return [{"W": W, "b": 0 * W[0]} for W in weights]


def init_from_the_last(config, rng):
    pairs = list(zip(config.sizes, config.sizes[1:], strict=False))
    return [{"W": config.init(d_in, d_out, rng), "b": np.zeros(d_out)} for d_in, d_out in reversed(pairs)][::-1]


INIT = Exercise(
    mlp.mlp_init,
    returns="params",
    section="A network is a list of layers",
    cases=init_cases,
    mutants={
        "W has changed its axes: config.init takes d_in first and d_out second, and gives W of (d_in, d_out).": {
            "config.init(d_in, d_out, rng)": "config.init(d_out, d_in, rng)"
        },
        "W is not what config.init draws: call it, with the numbers of inputs and units and rng.": {
            "config.init(d_in, d_out, rng)": "rng.standard_normal((d_in, d_out))"
        },
        "Every W is 0. Then all units of a layer compute the same, and learning cannot tell them apart.": {
            "config.init(d_in, d_out, rng)": "np.zeros((d_in, d_out))"
        },
        "W comes from a generator of your own. Hand the rng you were given to config.init.": {
            "d_out, rng)": "d_out, np.random.default_rng(0))"
        },
        "The biases are drawn at random. They start at 0, and take nothing from rng.": {
            "np.zeros(d_out)": "rng.standard_normal(d_out)"
        },
        "The biases are 1. They start at 0.": {"np.zeros(d_out)": "np.ones(d_out)"},
        "b has an entry for each input of the layer. It is the units that have biases: d_out of them.": {
            "np.zeros(d_out)": "np.zeros(d_in)"
        },
        "b is a matrix of one row. It is a plain row, (d_out,).": {"np.zeros(d_out)": "np.zeros((1, d_out))"},
        "The last layer is missing: each pair of neighbouring sizes makes one, the output's too.": {
            "pairwise(config.sizes)": "pairwise(config.sizes[:-1])"
        },
        "The layers are drawn last first. The first layer takes the first numbers from rng.": init_from_the_last,
    },
    variants={
        "by index": init_by_appending,
        "all weights, then all biases": init_with_weights_first,
        "zip": {"pairwise(config.sizes)": "zip(config.sizes, config.sizes[1:])"},
    },
)


# The whole network ----------------------------------------------------------------------------------------------------


def forward_cases(rng):
    for note, sizes, lead, scale in [
        ("one hidden layer", (3, 5, 2), (4,), 1),
        ("no hidden layer", (3, 2), (4,), 1),
        ("three hidden layers", (2, 4, 3, 5, 2), (6,), 1),
        ("all layers of one width", (3, 3, 3, 3), (5,), 1),
        ("a hidden layer of one unit", (2, 1, 4, 3), (5,), 1),
        ("two leading axes", (3, 4, 2), (2, 3), 1),
        ("a single vector, no leading axis", (3, 4, 2), (), 1),
        ("inputs in the thousands", (2, 3, 4), (5,), 1e3),
    ]:
        activation = activations.silu if len(sizes) > 3 else activations.elu
        config = config_of(*sizes, activation=activation)
        params = [layer | {"b": rng.standard_normal(layer["b"].shape)} for layer in mlp.mlp_init(config, rng)]
        yield note, params, scale * rng.standard_normal((*lead, sizes[0])), config


def forward_by_recursion(params, x, config):
    first, *rest = params
    z, c_linear = layers.linear_forward(x, first["W"], first["b"])
    if not rest:
        return z, ([(c_linear, None)], config)
    h, c_act = config.activation.forward(z)
    logits, (caches, _) = forward_by_recursion(rest, h, config)
    return logits, ([(c_linear, c_act), *caches], config)


def forward_with_the_last_apart(params, x, config):
    for layer in params[:-1]:
        x = config.activation.forward(x @ layer["W"] + layer["b"])[0]
    return x @ params[-1]["W"] + params[-1]["b"], None


def forward_row_by_row(params, x, config):
    rows = []
    for row in x.reshape(-1, x.shape[-1]):
        for i, layer in enumerate(params):
            row = np.einsum("i,io->o", row, layer["W"]) + layer["b"]
            if i + 1 < len(params):
                row, _ = config.activation.forward(row)
        rows.append(row)
    return np.reshape(rows, (*x.shape[:-1], -1)), None


def forward_in_float32(params, x, config):
    params = [{name: array.astype(np.float32) for name, array in layer.items()} for layer in params]
    return mlp.mlp_forward(params, x.astype(np.float32), config)


def activation_first(params, x, config):
    for layer in params:
        x = config.activation.forward(x)[0] @ layer["W"] + layer["b"]
    return x, None


def softmax_at_the_end(params, x, config):
    logits, cache = mlp.mlp_forward(params, x, config)
    return activations.softmax_forward(logits)[0], cache


FORWARD = Exercise(
    mlp.mlp_forward,
    returns="logits, _cache",
    section="One layer after another",
    cases=forward_cases,
    mutants={
        "The last layer has an activation too. It goes without: the logits are bare weighted sums.": {
            "if i < len(params) - 1:": "if True:"
        },
        "There is no activation at all: such a stack is one linear layer in disguise.": {
            "if i < len(params) - 1:": "if False:"
        },
        "The last hidden layer has no activation: only the output layer goes without.": {
            "if i < len(params) - 1:": "if i < len(params) - 2:"
        },
        "Only the first layer has an activation. Every hidden layer has one.": {
            "if i < len(params) - 1:": "if i < 1 < len(params):"
        },
        "The input goes through the activation before the first layer. First the weighted sum, then the activation.": (
            activation_first
        ),
        "Every layer is fed the network's input. Each takes what the one before it gave.": {
            "caches = []": "caches, first = [], x",
            "linear_forward(x,": "linear_forward(first,",
        },
        "The biases are left out.": {'layer["b"]': '0 * layer["b"]'},
        "The layers are visited last to first. params stands in the order of travel.": {
            "enumerate(params)": "enumerate(reversed(params))"
        },
        "The activation is ReLU. Take the one the config names: config.activation.": {
            "config.activation.forward(x)": "activations.relu.forward(x)"
        },
        "The activation is ELU whatever the config says. Take the one it names: config.activation.": {
            "config.activation.forward(x)": "activations.elu.forward(x)"
        },
        "The activation is tanh. Take the one the config names: config.activation.": {
            "config.activation.forward(x)": "activations.tanh.forward(x)"
        },
        "These are probabilities: a softmax has been put at the end. Logits are wanted.": softmax_at_the_end,
    },
    variants={
        "recursion": forward_by_recursion,
        "the last layer apart, no caches": forward_with_the_last_apart,
        "row by row": forward_row_by_row,
        "float32": forward_in_float32,
    },
)


# A repair: layers that are one layer ----------------------------------------------------------------------------------


def collapse(params):
    """The one linear layer that computes what a stack of linear layers with no activation computes.

    params : a list of {"W", "b"}, with W : (d_in, d_out) and b : (d_out,); a layer's d_out is the next one's d_in
    Returns W : (d_0, d_L) and b : (d_L,), so that xW + b is the stack's output for every x.
    """
    W, b = params[0]["W"], params[0]["b"]
    for layer in params[1:]:
        W = W @ layer["W"]
        b = b @ layer["W"] + layer["b"]
    return W, b


def collapse_cases(rng):
    for note, sizes in [
        ("two layers", (2, 4, 3)),
        ("three layers", (3, 5, 2, 4)),
        ("a single layer", (3, 2)),
        ("all layers of one width", (3, 3, 3, 3)),
        ("a layer of one unit", (2, 1, 3)),
    ]:
        params = mlp.mlp_init(config_of(*sizes), rng)
        yield note, [layer | {"b": rng.standard_normal(layer["b"].shape)} for layer in params]


def collapse_by_asking(params):
    def stack(x):
        for layer in params:
            x = x @ layer["W"] + layer["b"]
        return x

    b = stack(np.zeros(len(params[0]["W"])))
    return stack(np.eye(len(params[0]["W"]))) - b, b


def collapse_from_the_end(params):
    W, b = params[-1]["W"], params[-1]["b"]
    for layer in reversed(params[:-1]):
        W, b = layer["W"] @ W, layer["b"] @ W + b
    return W, b


def collapse_by_bordered_matrices(params):
    whole = None
    for layer in params:
        d_in = len(layer["W"])
        bordered = np.block([[layer["W"], np.zeros((d_in, 1))], [layer["b"][None], np.ones((1, 1))]])
        whole = bordered if whole is None else whole @ bordered
    return whole[:-1, :-1], whole[-1, :-1]


COLLAPSE = Exercise(
    collapse,
    module="ch02",
    returns="W, b",
    section="Without an activation, depth is nothing",
    cases=collapse_cases,
    broken={'W = W @ layer["W"]': 'W = layer["W"] @ W', 'b = b @ layer["W"] + layer["b"]': 'b = b + layer["b"]'},
    mutants={
        "The matrices are multiplied in the wrong order. x meets the first layer's W first: it stands leftmost.": {
            'W = W @ layer["W"]': 'W = layer["W"] @ W'
        },
        "The biases are added up. What an earlier layer added still goes through this layer's weights.": {
            'b @ layer["W"] + layer["b"]': 'b + layer["b"]'
        },
        "Only the last layer's bias is left. The earlier ones reach the output too, through the weights behind them.": {
            'b @ layer["W"] + layer["b"]': 'layer["b"]'
        },
        "This layer's own bias goes through its weights. It is added after them.": {
            'b @ layer["W"] + layer["b"]': '(b + layer["b"]) @ layer["W"]'
        },
        "The bias goes through all weights so far. It comes after the earlier ones: only this layer's are due.": {
            'b @ layer["W"] +': "b @ W +"
        },
        "The matrices are multiplied entry by entry. One layer's outputs are the next one's inputs: that is @.": {
            'W = W @ layer["W"]': 'W = W * layer["W"]'
        },
        "The first layer is taken twice: it is where W and b start, so the loop goes on with the second.": {
            "params[1:]": "params"
        },
        "The last layer is left out.": {"params[1:]": "params[1:-1]"},
    },
    variants={
        "asking the stack: zeros give b, unit vectors give W": collapse_by_asking,
        "from the last layer to the first": collapse_from_the_end,
        "bordered matrices": collapse_by_bordered_matrices,
        "in float32": {'W = W @ layer["W"]': 'W = (W @ layer["W"]).astype(np.float32)'},
    },
)

EXERCISES = [COUNTS, LINEAR, OUTPUT_LAYERS, COUNT, INIT, FORWARD, COLLAPSE]
