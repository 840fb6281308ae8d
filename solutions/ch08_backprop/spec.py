"""Set 8: how the grader draws cases, what people get wrong, what else is right."""

import numpy as np

from grading.spec import Answer, Exercise
from reference_impl import activations, init, layers, losses, mlp

GIVEN = ["activations.silu", "activations.tanh", "init.lecun_normal", "mlp.MLPConfig"]
GIVEN += ["mlp.mlp_init", "mlp.mlp_forward", "losses.cross_entropy_forward"]


# A linear layer -------------------------------------------------------------------------------------------------------


def linear_cases(rng):
    for note, lead, d_in, d_out in [
        ("a batch of rows", (5,), 3, 4),
        ("one row", (1,), 2, 3),
        ("as many units out as in", (4,), 3, 3),
        ("two leading axes", (2, 5), 3, 4),
        ("a single vector, no leading axis", (), 3, 2),
    ]:
        x, W = rng.standard_normal((*lead, d_in)), rng.standard_normal((d_in, d_out))
        yield note, rng.standard_normal((*lead, d_out)), (x, W)


def linear_backward_by_einsum(dout, cache):
    x, W = cache
    return (
        np.einsum("...o,io->...i", dout, W),
        np.einsum("ni,no->io", x.reshape(-1, x.shape[-1]), dout.reshape(-1, dout.shape[-1])),
        np.einsum("no->o", dout.reshape(-1, dout.shape[-1])),
    )


def linear_backward_by_loops(dout, cache):
    x, W = cache
    dx, dW, db = np.zeros_like(x), np.zeros_like(W), np.zeros(W.shape[1])
    for row in np.ndindex(dout.shape[:-1]):
        for i in range(W.shape[0]):
            for o in range(W.shape[1]):
                dx[(*row, i)] += dout[(*row, o)] * W[i, o]
                dW[i, o] += x[(*row, i)] * dout[(*row, o)]
        db += dout[row]
    return dx, dW, db


def linear_backward_in_float32(dout, cache):
    return layers.linear_backward(dout.astype(np.float32), tuple(a.astype(np.float32) for a in cache))


LINEAR = Exercise(
    layers.linear_backward,
    returns="dx, dW, db",
    section="A linear layer",
    cases=linear_cases,
    mutants={
        "dW is averaged over the rows. W takes part in every row, so the rows' gradients add up; the loss has "
        "divided by N already.": {".T @ rows": ".T @ rows / len(rows)"},
        "db is averaged over the rows. b is added to every row, so its gradients add up.": {
            "rows.sum(axis=0)": "rows.mean(axis=0)"
        },
        "db is one number for the whole layer. Every unit has a bias of its own: sum over the rows only.": {
            "rows.sum(axis=0)": "rows.sum()"
        },
        "db is summed over the first axis only. All leading axes are rows: sum over every axis but the last.": {
            "rows.sum(axis=0)": "dout.sum(axis=0)"
        },
        "db is not summed at all: it has a row for each example, where b has only one row.": {
            "rows.sum(axis=0)": "dout"
        },
        "dW is transposed. It must have W's own shape: features of x down, units of out across.": {
            "x.reshape(-1, x.shape[-1]).T @ rows": "rows.T @ x.reshape(-1, x.shape[-1])"
        },
        "This works for one leading axis. All leading axes hold rows: lay x and dout out as rows before you sum over them.": {
            "x.reshape(-1, x.shape[-1]).T @ rows": "x.T @ dout",
            "rows.sum(axis=0)": "dout.sum(axis=0)",
        },
        "dx uses W where it needs its transpose: going back, the units of out are what you sum over.": {
            "dout @ W.T": "dout @ W"
        },
        "dx and dW have changed places. Gradients come in the order of forward's arguments: x, W, b.": {
            "return dx, dW, db": "return dW, dx, db"
        },
    },
    variants={
        "einsum": linear_backward_by_einsum,
        "loops": linear_backward_by_loops,
        "float32": linear_backward_in_float32,
        "a column of ones": {"rows.sum(axis=0)": "np.ones(len(rows)) @ rows"},
    },
)


# Softmax and cross-entropy --------------------------------------------------------------------------------------------


def softmax_cases(rng):
    for note, shape in [("a batch of rows", (4, 3)), ("one row", (1, 5)), ("two leading axes", (2, 3, 4))]:
        p, _ = activations.softmax_forward(2 * rng.standard_normal(shape))
        yield note, rng.standard_normal(shape), p
    p, _ = activations.softmax_forward(rng.standard_normal((3, 4)))
    yield "the same gradient for every class", np.ones((3, 4)) * 0.7, p


def softmax_backward_by_jacobian(dout, cache):
    rows = [
        (np.diag(p) - np.outer(p, p)) @ d
        for p, d in zip(cache.reshape(-1, cache.shape[-1]), dout.reshape(-1, dout.shape[-1]), strict=True)
    ]
    return np.reshape(rows, dout.shape)


SOFTMAX = Exercise(
    activations.softmax_backward,
    returns="dx",
    section="Softmax: every output depends on every input",
    cases=softmax_cases,
    mutants={
        "This is the slope of p_i by its own x_i only. Raising x_i also lowers every other p_j: those paths count too.": {
            "p * (dout - (dout * p).sum(axis=-1, keepdims=True))": "dout * p * (1 - p)"
        },
        "The sum runs over the whole batch. Each row is a softmax of its own: sum along the last axis.": {
            "sum(axis=-1, keepdims=True)": "sum()"
        },
        "The sum runs down the rows, not along the classes: use axis=-1.": {"axis=-1": "axis=0"},
        "The sum is of dout alone. It is weighted: Σ dout_j p_j.": {"(dout * p).sum": "dout.sum"},
        "The factor p_i in front is missing.": {"p * (dout -": "(dout -"},
        "The second term is added where it should be taken away: a class gains what the others lose.": {
            "(dout - (": "(dout + ("
        },
    },
    variants={
        "the whole Jacobian": softmax_backward_by_jacobian,
        "einsum": {"(dout * p).sum(axis=-1, keepdims=True)": "np.einsum('...k,...k->...', dout, p)[..., None]"},
        "multiplied out": {
            "p * (dout - (dout * p).sum(axis=-1, keepdims=True))": "p * dout - p * (p * dout).sum(-1)[..., None]"
        },
    },
)


def cross_entropy_cases(rng):
    for note, lead, n_classes, scale, dout in [
        ("a batch of rows", (6,), 4, 1, 1.0),
        ("one example", (1,), 3, 1, 1.0),
        ("two leading axes", (2, 5), 3, 1, 1.0),
        ("a loss that is weighted, dout = 0.5", (4,), 3, 1, 0.5),
        ("logits in the thousands", (3,), 4, 1e3, 1.0),
    ]:
        logits = scale * rng.standard_normal((*lead, n_classes))
        _, cache = losses.cross_entropy_forward(logits, rng.integers(0, n_classes, lead))
        yield note, dout, cache


def cross_entropy_backward_by_index(dout, cache):
    logp, targets = cache
    dlogits = np.exp(logp).reshape(-1, logp.shape[-1])
    dlogits[np.arange(targets.size), targets.ravel()] -= 1
    dlogits *= dout / targets.size
    return dlogits.reshape(logp.shape)


CROSS_ENTROPY = Exercise(
    losses.cross_entropy_backward,
    returns="dlogits",
    section="Softmax and cross-entropy together",
    cases=cross_entropy_cases,
    mutants={
        "The 1/N is missing. The loss is a mean over the examples, so each one's gradient is divided by their number.": {
            " / targets.size": ""
        },
        "You divide by the number of entries, N·K. The loss is a mean over the N examples, not over their classes.": {
            "targets.size": "logp.size"
        },
        "You divide by the length of the first axis. All leading axes hold examples: their number is targets.size.": {
            "targets.size": "len(targets)"
        },
        "The sign is turned: this is y - p. The gradient points where the loss grows, so it is p - y.": {
            "(np.exp(logp) - one_hot)": "(one_hot - np.exp(logp))"
        },
        "dout is left out. What comes after the loss scales its gradient.": {"dout * ": ""},
        "This takes log p for p: the cache holds log-probabilities, so p is np.exp(logp).": {"np.exp(logp)": "logp"},
        "Only the right class has a gradient here. The others have one too: their p, which should fall to 0.": {
            "(np.exp(logp) - one_hot)": "(np.exp(logp) - 1) * one_hot"
        },
    },
    variants={
        "indexing": cross_entropy_backward_by_index,
        "an identity matrix": {"np.arange(logp.shape[-1]) == targets[..., None]": "np.eye(logp.shape[-1])[targets]"},
        "through log-softmax": {
            "return dout * (np.exp(logp) - one_hot) / targets.size": "return activations.log_softmax_backward("
            "-dout * one_hot / targets.size, logp)"
        },
    },
)


# The whole network ----------------------------------------------------------------------------------------------------


def mlp_cases(rng):
    for note, sizes, activation, lead in [
        ("two layers", (3, 5, 2), activations.tanh, (4,)),
        ("one layer, no activation", (3, 2), activations.silu, (4,)),
        ("four layers", (2, 4, 3, 5, 2), activations.silu, (6,)),
        ("two leading axes", (3, 4, 2), activations.tanh, (2, 3)),
        ("all layers of one width", (3, 3, 3, 3), activations.silu, (5,)),
    ]:
        config = mlp.MLPConfig(sizes, activation, init.lecun_normal)
        logits, cache = mlp.mlp_forward(mlp.mlp_init(config, rng), rng.standard_normal((*lead, sizes[0])), config)
        yield note, rng.standard_normal(logits.shape), cache


def mlp_backward_by_recursion(dout, cache):
    caches, config = cache
    if not caches:
        return []
    c_linear, c_act = caches[-1]
    dz = dout if c_act is None else config.activation.backward(dout, c_act)
    dx, dW, db = layers.linear_backward(dz, c_linear)
    return [*mlp_backward_by_recursion(dx, (caches[:-1], config)), {"W": dW, "b": db}]


def mlp_backward_by_index(dout, cache):
    caches, config = cache
    grads = [None] * len(caches)
    for i in range(len(caches) - 1, -1, -1):
        if i < len(caches) - 1:
            dout = config.activation.backward(dout, caches[i][1])
        dout, dW, db = layers.linear_backward(dout, caches[i][0])
        grads[i] = {"b": db, "W": dW}
    return grads


def forgets_the_activations(dout, cache):
    caches, config = cache
    return mlp.mlp_backward(dout, ([(c_linear, None) for c_linear, _ in caches], config))


def passes_the_same_dout_to_all(dout, cache):
    caches, config = cache
    grads = []
    for c_linear, c_act in caches:
        dz = dout if c_act is None else config.activation.backward(dout, c_act)
        _, dW, db = layers.linear_backward(dz, c_linear)
        grads.append({"W": dW, "b": db})
    return grads


MLP = Exercise(
    mlp.mlp_backward,
    returns="grads",
    section="The whole network",
    cases=mlp_cases,
    mutants={
        "The gradients come last layer first. Going back you meet the last layer first: turn the list round at the end.": {
            "return grads[::-1]": "return grads"
        },
        "The activations are left out on the way back: each multiplies the gradient by its slope.": forgets_the_activations,
        "Every layer gets the gradient of the logits. Each must get the dx of the layer after it.": passes_the_same_dout_to_all,
        "W and b have changed places in the dict: linear_backward returns dx, dW, db, in this order.": {
            '{"W": dW, "b": db}': '{"W": db, "b": dW}'
        },
        "The layers are visited first to last. Blame starts at the loss and travels back: use reversed.": {
            "reversed(caches)": "caches",
            "return grads[::-1]": "return grads",
        },
    },
    variants={
        "recursion": mlp_backward_by_recursion,
        "by index": mlp_backward_by_index,
        "inserting in front": {"grads.append({": "grads.insert(0, {", "return grads[::-1]": "return grads"},
    },
)


# A repair: broadcasting -----------------------------------------------------------------------------------------------


def scale_shift_backward(dout, cache):
    """The gradients of out = x·g + b, where every row of x is scaled by the same g and shifted by the same b.

    dout : (..., d)
    cache : (x, g), with x : (..., d) and g : (d,)
    Returns dx : (..., d), dg : (d,) and db : (d,).
    """
    x, g = cache
    rows = tuple(range(dout.ndim - 1))
    dx = dout * g
    dg = (dout * x).sum(axis=rows)
    db = dout.sum(axis=rows)
    return dx, dg, db


def scale_shift_cases(rng):
    for note, lead, d in [
        ("a batch of rows", (5,), 3),
        ("two leading axes", (2, 4), 3),
        ("a single row", (1,), 4),
        ("no leading axis", (), 3),
    ]:
        yield note, rng.standard_normal((*lead, d)), (rng.standard_normal((*lead, d)), rng.standard_normal(d))


SCALE_SHIFT = Exercise(
    scale_shift_backward,
    module="ch08",
    returns="dx, dg, db",
    section="Where one value is used many times",
    cases=scale_shift_cases,
    broken={
        "dg = (dout * x).sum(axis=rows)": "dg = dout * x",
        "dx = dout * g": "dx = dout * x",
        "dout.sum(axis=rows)": "dout.sum(axis=0)",
    },
    mutants={
        "g has one row, and dg a row for each example. What becomes of the slopes of a value that is used many times?": {
            "(dout * x).sum(axis=rows)": "dout * x"
        },
        "dg is averaged over the rows. The slopes of a value that is used many times add up.": {
            "(dout * x).sum(": "(dout * x).mean("
        },
        "db is right for one leading axis. Which axes hold rows when there are two?": {
            "db = dout.sum(axis=rows)": "db = dout.sum(axis=0)"
        },
        "Follow one entry of x forward: what is it multiplied by? dx is not multiplied by that.": {
            "dx = dout * g": "dx = dout * x"
        },
        "Follow one entry of g forward: what is it multiplied by? dg leaves that out.": {"(dout * x).sum": "dout.sum"},
    },
    variants={
        "reshaped to rows": {"(dout * x).sum(axis=rows)": "(dout * x).reshape(-1, len(g)).sum(0)"},
        "einsum": {"(dout * x).sum(axis=rows)": "np.einsum('...d,...d->...d', dout, x).sum(rows)"},
    },
)

BY_HAND = Answer(
    "ch08.by_hand",
    value={"dlogit": 8.0, "dw": 16.0, "db": 8.0, "dx": -24.0},
    section="One unit, by hand",
    mutants={
        "The loss is (logit - target)², so its slope is 2(logit - target): the factor 2 is missing.": ("dlogit", 4.0),
        "That is logit - target with its sign turned. The loss grows with the logit here, so the slope is positive.": (
            "dlogit",
            -8.0,
        ),
        "dw is dlogit times what w was multiplied by: x.": ("dw", -24.0),
        "dx is dlogit times what x was multiplied by: w.": ("dx", 16.0),
        "b is added, so its slope is 1 and db is dlogit itself.": ("db", 1.0),
    },
)

EXERCISES = [BY_HAND, LINEAR, SCALE_SHIFT, SOFTMAX, CROSS_ENTROPY, MLP]
