"""Set 6: how the grader draws cases, what people get wrong, what else is right."""

import math

import numpy as np

from grading.spec import Answer, Exercise
from reference_impl import activations, data, losses
from reference_impl.activations import sigmoid_forward

GIVEN = ["activations.sigmoid_forward", "activations.log_softmax_forward"]


def write_digits(file):
    """The digits as they lie in the set's folder: x : (1797, 64) uint8, 0 to 16, and y : (1797,) uint8."""
    x, y = data.load_digits()
    np.savez_compressed(file, x=np.round(16 * x).astype(np.uint8), y=y.astype(np.uint8))


DATA = {"digits.npz": write_digits}


def in_float32(function):
    """A variant: the same method, every array in float32."""

    def cast(value):
        if isinstance(value, tuple):
            return tuple(cast(v) for v in value)
        return value.astype(np.float32) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value

    return lambda *args: function(*cast(args))


# By hand --------------------------------------------------------------------------------------------------------------

BY_HAND = Answer(
    "ch06.by_hand",
    value={"mse": 7.5, "mae": 2.0, "huber": 1.625, "binary": -math.log(0.8 * 0.2) / 2, "clueless": math.log(10)},
    section="Which loss for which task",
    mutants={
        "mse is a mean: the sum of the squares, 30, is still to be divided by the number of predictions.": ("mse", 30),
        "There is no ½ in the mean squared error: that belongs to Huber's parabola.": ("mse", 3.75),
        "That is the root of the mean squared error; the root is not asked for.": ("mse", math.sqrt(7.5)),
        "The residuals cancel where you add them with their signs. Take each one's absolute value first.": ("mae", 1),
        "mae is a mean: the sum of the |r|, 8, is still to be divided by the number of predictions.": ("mae", 8),
        "On the line Huber's loss is δ(|r| - ½δ): without the ½δ it would not meet the parabola.": ("huber", 1.875),
        "The parabola of Huber's loss is ½r², not r².": ("huber", 1.75),
        "huber is a mean: the sum, 6.5, is still to be divided by the number of predictions.": ("huber", 6.5),
        "Two of the four residuals are beyond δ = 1: for them the line counts, not the parabola.": ("huber", 3.75),
        "That is -log p for both. Where the target is 0, what came true had the probability 1 - p.": (
            "binary",
            -math.log(0.8),
        ),
        "It is the mean over the two examples, not their sum.": ("binary", -math.log(0.8 * 0.2)),
        "That is in bits, with log₂. The losses take the natural logarithm.": ("binary", -math.log2(0.8 * 0.2) / 2),
        "log p is negative where p is below 1; the loss is -log p.": ("binary", math.log(0.8 * 0.2) / 2),
        "That is the probability of the right class. The loss is its -log.": ("clueless", 0.1),
        "That is with log₂. The losses take the natural logarithm.": ("clueless", math.log2(10)),
        "That is with the logarithm to base 10. The losses take the natural one.": ("clueless", 1),
        "The loss is 0 only where the right class has the probability 1. Here it has one tenth.": ("clueless", 0),
    },
)


# Mean squared error ---------------------------------------------------------------------------------------------------


def regression_shapes():
    yield "a row of predictions", (5,)
    yield "one prediction", (1,)
    yield "a table: four examples, three outputs", (4, 3)
    yield "two leading axes", (2, 3, 4)
    yield "a single column", (6, 1)


def mse_cases(rng):
    for note, shape in regression_shapes():
        targets = rng.standard_normal(shape)
        yield note, targets + 1.5 * rng.standard_normal(shape) + 0.3, targets
    yield "residuals in the thousands", 1e3 * rng.standard_normal((3, 2)), rng.standard_normal((3, 2))
    targets = rng.standard_normal((2, 3))
    yield "every prediction right", targets.copy(), targets


def mse_by_loops(pred, targets):
    total = 0.0
    for p, t in zip(pred.ravel(), targets.ravel(), strict=True):
        total += (p - t) * (p - t)
    return total / pred.size, None


def mse_by_expanding(pred, targets):
    return np.mean(pred**2) - 2 * np.mean(pred * targets) + np.mean(targets**2), (pred, targets)


MSE = Exercise(
    losses.mse_forward,
    returns="loss, _cache",
    section="One number to make small",
    cases=mse_cases,
    mutants={
        "The squares are added up. The loss is their mean: it should not grow with the batch.": {"np.mean(": "np.sum("},
        "You divide by the length of the first axis. The mean is over all entries, whatever axes they lie on.": {
            "np.mean(residual**2)": "np.sum(residual**2) / len(residual)"
        },
        "There is a factor ½ here. Some books have it, to cancel the 2 of the slope; the docstring asks for the plain "
        "mean.": {"np.mean(": "0.5 * np.mean("},
        "This is the root of the mean squared error. The docstring asks for the mean of the squares itself.": {
            "np.mean(residual**2)": "np.sqrt(np.mean(residual**2))"
        },
        "This is the mean absolute error: the residuals are not squared.": {"residual**2": "np.abs(residual)"},
        "You average first and square then, so errors up and errors down cancel. Square each residual first.": {
            "np.mean(residual**2)": "np.mean(residual) ** 2"
        },
        "The mean is taken along the last axis only, which leaves many losses. A loss is one number.": {
            "np.mean(residual**2)": "np.mean(residual**2, axis=-1)"
        },
        "Every entry has its own squared error here. A loss is one number: their mean is missing.": {
            "np.mean(residual**2)": "residual**2"
        },
    },
    variants={
        "loops": mse_by_loops,
        "multiplied out": mse_by_expanding,
        "a dot product": {"np.mean(residual**2)": "np.vdot(residual, residual) / residual.size"},
        "float32": in_float32(losses.mse_forward),
        "targets - pred": {"pred - targets": "targets - pred"},
    },
)


def mse_backward_cases(rng):
    for (note, shape), dout in zip(regression_shapes(), (1.0, 1.0, 1.0, 1.0, 0.25), strict=True):
        yield note + ("" if dout == 1 else ", dout = 0.25"), dout, rng.standard_normal(shape) + 0.3
    yield "a loss that is to grow, dout = -2", -2.0, rng.standard_normal((3, 2))
    yield "residuals in the thousands", 1.0, 1e3 * rng.standard_normal((2, 4))
    yield "every prediction right", 1.0, np.zeros((2, 3))


def mse_backward_by_loops(dout, cache):
    dpred = np.empty_like(cache)
    for i in np.ndindex(cache.shape):
        dpred[i] = dout * (cache[i] + cache[i]) / cache.size
    return dpred


MSE_BACK = Exercise(
    losses.mse_backward,
    returns="dpred",
    section="One number to make small",
    cases=mse_backward_cases,
    mutants={
        "The 2 is missing: the slope of r² is 2r.": {"* 2 *": "*"},
        "The 1/n is missing. The loss is a mean, so one entry moves it by one n-th of its own square.": {
            " / residual.size": ""
        },
        "You divide by the length of the first axis. The loss is a mean over all entries: n is their number.": {
            "residual.size": "len(residual)"
        },
        "The sign is turned. A prediction above its target makes the loss grow when it rises: the slope is positive "
        "there.": {"dout * 2 * residual": "-dout * 2 * residual"},
        "dout is left out. What comes after the loss scales its gradient.": {"dout * ": ""},
        "This is the slope of |r|. The square's slope grows with the residual.": {"2 * residual": "np.sign(residual)"},
        "You have averaged the gradient. Every prediction has a slope of its own: dpred is shaped like pred.": {
            "dout * 2 * residual / residual.size": "np.mean(dout * 2 * residual)"
        },
        "This is the loss over again: the residual is squared. Its slope is asked for.": {
            "2 * residual /": "residual**2 /"
        },
    },
    variants={
        "loops": mse_backward_by_loops,
        "scaled in another order": {"dout * 2 * residual / residual.size": "residual * (2.0 * dout / residual.size)"},
        "an array of dout": {"dout * 2": "np.full(residual.shape, dout) * 2"},
        "float32": in_float32(losses.mse_backward),
    },
)


# Huber ----------------------------------------------------------------------------------------------------------------


def huber_cases(rng):
    for (note, shape), delta in zip(regression_shapes(), (1.0, 0.4, 1.0, 0.6, 1.7), strict=True):
        targets = rng.standard_normal(shape)
        yield note, targets + 2 * rng.standard_normal(shape) + 0.2, targets, delta
    targets = rng.standard_normal((3, 2))
    yield "all residuals within δ", targets + rng.uniform(-2, 2, (3, 2)), targets, 2.5
    side = np.where(np.arange(6) % 3, -1, 1).reshape(2, 3)
    yield "all residuals beyond δ", side * rng.uniform(1, 4, (2, 3)), np.zeros((2, 3)), 0.5
    yield "residuals in the thousands", 1e3 * rng.standard_normal(7), rng.standard_normal(7), 3.0


def huber_by_loops(pred, targets, delta=1.0):
    total = 0.0
    for p, t in zip(pred.ravel(), targets.ravel(), strict=True):
        far = abs(p - t)
        total += far * far / 2 if far < delta else delta * far - delta * delta / 2
    return total / pred.size, None


def huber_by_clipping(pred, targets, delta=1.0):
    r = pred - targets
    inner = np.clip(r, -delta, delta)
    return np.mean(inner * (r - inner / 2)), (r, delta)


def huber_by_masks(pred, targets, delta=1.0):
    far = np.abs(pred - targets)
    near = far <= delta
    inside = 0.5 * np.sum(far[near] ** 2)
    return (inside + delta * np.sum(far[~near] - 0.5 * delta)) / far.size, None


HUBER = Exercise(
    losses.huber_forward,
    returns="loss, _cache",
    section="Huber: a parabola with straight arms",
    cases=huber_cases,
    mutants={
        "The line does not meet the parabola: at |r| = δ it is ½δ² too high. What you take off makes them join.": {
            "(np.abs(r) - 0.5 * delta)": "np.abs(r)"
        },
        "The parabola has lost its ½. With r² the slope at δ would be 2δ, and the line has the slope δ.": {
            "0.5 * r**2": "r**2"
        },
        "The line has the slope 1 whatever δ is. Its slope is δ, so that it goes on as the parabola ends.": {
            "delta * (np.abs(r) - 0.5 * delta)": "np.abs(r) - 0.5 * delta"
        },
        "The line takes r with its sign: for a prediction far too low the loss falls below 0. Both arms rise.": {
            "(np.abs(r) - 0.5 * delta)": "(r - 0.5 * delta)"
        },
        "The choice looks at r, not at |r|: a prediction far too low gets the parabola as well.": {
            "np.where(np.abs(r) <= delta": "np.where(r <= delta"
        },
        "δ is taken to be 1 here, whatever is passed in.": {"r = pred - targets": "r, delta = pred - targets, 1.0"},
        "Parabola and line have changed places: near 0 it is the parabola.": {"<= delta": "> delta"},
        "Every residual gets the parabola. Beyond δ the loss goes on as a line.": {
            "np.where(np.abs(r) <= delta, parabola, line)": "parabola"
        },
        "The losses are added up. It is a mean over all entries.": {"np.mean(": "np.sum("},
        "You divide by the length of the first axis. The mean is over all entries.": {
            "np.mean(np.where(np.abs(r) <= delta, parabola, line))": "np.where(np.abs(r) <= delta, parabola, line)"
            ".sum() / len(r)"
        },
    },
    variants={
        "loops": huber_by_loops,
        "the clipped residual": huber_by_clipping,
        "two masks": huber_by_masks,
        "float32": in_float32(losses.huber_forward),
    },
)


def huber_backward_cases(rng):
    for (note, shape), delta in zip(regression_shapes(), (1.0, 0.4, 1.0, 0.6, 1.7), strict=True):
        yield note, 1.0, (2 * rng.standard_normal(shape), delta)
    yield "a loss that is weighted, dout = 0.5", 0.5, (3 * rng.uniform(-1, 1, (4, 2)), 1.2)
    yield "a loss that is to grow, dout = -3", -3.0, (2 * rng.standard_normal(6), 0.8)
    side = np.where(np.arange(6) % 3, -1, 1).reshape(3, 2)
    yield "all residuals beyond δ", 1.0, (side * rng.uniform(1, 4, (3, 2)), 0.5)
    yield "residuals in the thousands, and one that is 0", 1.0, (1e3 * np.array([1.5, 0.0, -2.5]), 3.0)


def huber_backward_by_loops(dout, cache):
    r, delta = cache
    dpred = np.zeros(r.shape)
    for i in np.ndindex(r.shape):
        slope = r[i] if abs(r[i]) < delta else delta if r[i] > 0 else -delta
        dpred[i] = dout * slope / r.size
    return dpred


HUBER_BACK = Exercise(
    losses.huber_backward,
    returns="dpred",
    section="Huber: a parabola with straight arms",
    cases=huber_backward_cases,
    mutants={
        "The 1/n is missing. The loss is a mean over all entries.": {" / r.size": ""},
        "You divide by the length of the first axis. n is the number of all entries.": {"r.size": "len(r)"},
        "No residual is held back: this is the parabola's slope everywhere. Beyond δ the slope stays what it was at "
        "δ.": {"np.clip(r, -delta, delta)": "r"},
        "Beyond δ the slope here is 1 or -1. The line has the slope δ.": {
            "np.clip(r, -delta, delta)": "np.where(np.abs(r) <= delta, r, np.sign(r))"
        },
        "Beyond δ the slope here is always upwards. For a prediction far too low it is downwards.": {
            "np.clip(r, -delta, delta)": "np.where(np.abs(r) <= delta, r, delta)"
        },
        "Only residuals above δ are held back. Those below -δ are on a line too.": {
            "np.clip(r, -delta, delta)": "np.minimum(r, delta)"
        },
        "Beyond δ the gradient here is 0: those examples would never be learned. Their slope is constant, not 0.": {
            "np.clip(r, -delta, delta)": "np.where(np.abs(r) <= delta, r, 0)"
        },
        "You hold back the residual after dout has scaled it. δ speaks of residuals, so dout comes after.": {
            "dout * np.clip(r, -delta, delta)": "np.clip(dout * r, -delta, delta)"
        },
        "dout is left out. What comes after the loss scales its gradient.": {"dout * ": ""},
        "There is a 2 too many: Huber's parabola is ½r², and its slope is r.": {"dout * np.clip": "dout * 2 * np.clip"},
    },
    variants={
        "loops": huber_backward_by_loops,
        "where and sign": {"np.clip(r, -delta, delta)": "np.where(np.abs(r) < delta, r, delta * np.sign(r))"},
        "minimum and maximum": {"np.clip(r, -delta, delta)": "np.maximum(np.minimum(r, delta), -delta)"},
        "sign times the smaller": {"np.clip(r, -delta, delta)": "np.sign(r) * np.minimum(np.abs(r), delta)"},
        "float32": in_float32(losses.huber_backward),
    },
)


# Binary cross-entropy -------------------------------------------------------------------------------------------------


def coins(rng, shape):
    """Targets of 0.0 and 1.0, as nearly half and half as the shape allows, in random order."""
    return rng.permutation(np.arange(math.prod(shape)) % 2).reshape(shape).astype(float)


def binary_cases(rng):
    for note, shape in [
        ("a row of logits", (6,)),
        ("a table: four examples, three questions", (4, 3)),
        ("two leading axes", (2, 3, 4)),
        ("a single column", (5, 1)),
    ]:
        yield note, 2 * rng.standard_normal(shape), coins(rng, shape)
    yield "one logit", rng.uniform(0.5, 2, 1), np.zeros(1)
    yield "logits from 0 to 1", rng.uniform(0.1, 0.9, (3, 2)), coins(rng, (3, 2))
    yield "targets between 0 and 1", 2 * rng.standard_normal((2, 5)), rng.uniform(0.1, 0.9, (2, 5))
    sure = rng.uniform(700, 2000, (2, 4)) * np.array([1, -1, 1, -1])
    yield "logits in the thousands, half of them wrong", sure, np.array([[1.0, 0, 0, 1], [1, 0, 0, 1]])


def binary_backward_cases(rng):
    for number, (note, logits, targets) in enumerate(binary_cases(rng)):
        dout = 0.5 if number == 3 else 1.0
        yield note + (", dout = 0.5" if dout == 0.5 else ""), dout, (logits, targets)


def binary_by_loops(logits, targets):
    total = 0.0
    for z, y in zip(logits.ravel().tolist(), targets.ravel().tolist(), strict=True):
        wrong = math.log1p(math.exp(-abs(z)))
        total += y * (wrong + max(-z, 0)) + (1 - y) * (wrong + max(z, 0))
    return total / logits.size, None


def binary_as_two_classes(logits, targets):
    logp, _ = activations.log_softmax_forward(np.stack([np.zeros_like(logits), logits], axis=-1))
    return -np.mean((1 - targets) * logp[..., 0] + targets * logp[..., 1]), None


def binary_through(p_of, floor=0.0):
    """A wrong way: by probabilities, which are exactly 0 or 1 for large logits."""

    def forward(logits, targets):
        p = p_of(logits)
        if floor:
            p = np.clip(p, floor, 1 - floor)
        return -np.mean(targets * np.log(p) + (1 - targets) * np.log(1 - p)), None

    return forward


def sigmoid(z):
    return sigmoid_forward(z)[0]


def binary_by_choosing(logits, targets):
    logp = -np.logaddexp(0, np.where(targets == 1, -logits, logits))
    return -np.mean(logp), None


BINARY_STABLE = "softplus - targets * logits"
BINARY = Exercise(
    losses.binary_cross_entropy_forward,
    returns="loss, _cache",
    section="From the logit, and never through the probability",
    cases=binary_cases,
    mutants={
        "This goes through the probability. For a large logit it is rounded to exactly 1 or 0, and the log of 0 is "
        "infinite: stay with the logits.": binary_through(sigmoid),
        "Probabilities held back at 1e-12 put a ceiling of 28 on the loss, and above it a wrong answer costs nothing "
        "more. A sure and wrong logit of -1000 costs 1000: stay with the logits.": binary_through(sigmoid, 1e-12),
        "Probabilities held back at 1e-7 put a ceiling of 16 on the loss, and above it a wrong answer costs nothing "
        "more. A sure and wrong logit of -1000 costs 1000: stay with the logits.": binary_through(sigmoid, 1e-7),
        "Probabilities held back at 1e-15 put a ceiling of 35 on the loss, and above it a wrong answer costs nothing "
        "more. A sure and wrong logit of -1000 costs 1000: stay with the logits.": binary_through(sigmoid, 1e-15),
        "The sigmoid is missing: the logits are taken for probabilities.": binary_through(lambda z: z),
        "log(1 + e^z) is right on paper, but e^z overflows for a large z. Take the larger term out of the log first, "
        "as log-sum-exp does.": {
            "np.maximum(logits, 0) + np.log1p(np.exp(-np.abs(logits)))": "np.log1p(np.exp(logits))"
        },
        "The sign is turned: this is the log-likelihood, which is to grow. The loss is its negative.": {
            BINARY_STABLE: "targets * logits - softplus"
        },
        "Only the examples with target 1 count here. Those with target 0 cost -log(1 - p).": {
            BINARY_STABLE: "targets * (softplus - logits)"
        },
        "Only the examples with target 0 count here. Those with target 1 cost -log p.": {
            BINARY_STABLE: "(1 - targets) * softplus"
        },
        "0 and 1 have changed places: sureness in the right answer is punished.": {
            BINARY_STABLE: "softplus - (1 - targets) * logits"
        },
        "The losses are added up. It is a mean over all entries.": {"np.mean(": "np.sum("},
        "You divide by the length of the first axis. The mean is over all entries.": {
            "np.mean(softplus - targets * logits)": "np.sum(softplus - targets * logits) / len(logits)"
        },
        "A target between 0 and 1 is counted as 0 here. It weighs the two terms: y of the one, 1 - y of the "
        "other.": binary_by_choosing,
    },
    variants={
        "loops": binary_by_loops,
        "as two classes": binary_as_two_classes,
        "logaddexp": {"np.maximum(logits, 0) + np.log1p(np.exp(-np.abs(logits)))": "np.logaddexp(0, logits)"},
        "two softplus": {
            "np.mean(softplus - targets * logits)": "np.mean(targets * np.logaddexp(0, -logits)"
            " + (1 - targets) * np.logaddexp(0, logits))"
        },
        "float32": in_float32(losses.binary_cross_entropy_forward),
    },
)


def binary_backward_by_loops(dout, cache):
    logits, targets = cache
    dlogits = np.empty(logits.shape)
    for i in np.ndindex(logits.shape):
        z = float(logits[i])
        p = 1 / (1 + math.exp(-z)) if z > 0 else math.exp(max(z, -745)) / (1 + math.exp(max(z, -745)))
        dlogits[i] = dout / logits.size * (p - targets[i])
    return dlogits


SIGMOID_CALL = "p, _ = activations.sigmoid_forward(logits)"
BINARY_BACK = Exercise(
    losses.binary_cross_entropy_backward,
    returns="dlogits",
    section="Its gradient is p − y",
    cases=binary_backward_cases,
    mutants={
        "The 1/n is missing. The loss is a mean over all entries.": {" / logits.size": ""},
        "You divide by the length of the first axis. n is the number of all entries.": {"logits.size": "len(logits)"},
        "The sign is turned: this is y - p. The gradient points where the loss grows, so it is p - y.": {
            "(p - targets)": "(targets - p)"
        },
        "The sigmoid's pair is taken whole: sigmoid_forward returns out and its cache, and p is the first of the "
        "two.": {SIGMOID_CALL: "p = activations.sigmoid_forward(logits)"},
        "The sigmoid is missing: this compares the logit itself with the target.": {SIGMOID_CALL: "p = logits"},
        "dout is left out. What comes after the loss scales its gradient.": {"dout * ": ""},
        "The sigmoid's slope is counted twice: p - y is the slope by the logit already. With a factor p(1 - p) a "
        "sure and wrong unit learns nothing.": {"(p - targets)": "(p - targets) * p * (1 - p)"},
        "This is the slope by the probability. By the logit, the sigmoid's slope p(1 - p) multiplies it, and they "
        "cancel.": {"(p - targets)": "(p - targets) / (p * (1 - p))"},
        "The sigmoid overflows here: e^z / (1 + e^z) is ∞/∞ for a large z.": {
            SIGMOID_CALL: "p = np.exp(logits) / (1 + np.exp(logits))"
        },
        "The probability is rounded to 0 or 1 first, so an example that is right by a hair teaches nothing.": {
            SIGMOID_CALL: "p = (logits > 0) * 1.0"
        },
    },
    variants={
        "loops": binary_backward_by_loops,
        "through tanh": {SIGMOID_CALL: "p = 0.5 * (1 + np.tanh(logits / 2))"},
        "1 / (1 + e^-z)": {SIGMOID_CALL: "p = 1 / (1 + np.exp(-logits))"},
        "case by case": {
            "(p - targets)": "(targets * -activations.sigmoid_forward(-logits)[0] + (1 - targets) * p)",
        },
        "float32": in_float32(losses.binary_cross_entropy_backward),
    },
)


# A rare class ---------------------------------------------------------------------------------------------------------

RARE = Answer(
    "ch06.rare",
    value={
        "never": 1615 / 1797,
        "accuracy": 1745 / 1797,
        "recall": 150 / 182,
        "precision": 150 / 170,
        "weight": 1615 / 182,
    },
    section="When one class is rare",
    mutants={
        "That is the share of 1s: where the detector that never says 1 is wrong. Its accuracy is the share of the "
        "rest.": ("never", 182 / 1797),
        "The 20 false alarms are wrong answers too.": ("accuracy", 1765 / 1797),
        "The 32 missed 1s are wrong answers too.": ("accuracy", 1777 / 1797),
        "That is the share of 1s among what it called 1: the precision. Recall asks how many of the 1s it found.": (
            "recall",
            150 / 170,
        ),
        "That is the share of the 1s that it found: the recall. Precision asks how many of its alarms are right.": (
            "precision",
            150 / 182,
        ),
        "That makes the rare class count for even less: it is the other way up.": ("weight", 182 / 1615),
        "That is all digits to each 1. The 1s together are to weigh as much as the others together.": (
            "weight",
            1797 / 182,
        ),
    },
)


def weighted_bce(logits, targets, weight):
    """The mean over all entries of -w·y·log p - (1 - y)·log(1 - p), p = sigmoid(logits), finite for any finite logit.

    logits : (...,)
    targets : y, (...,), each entry in [0, 1]
    weight : w, a number above 0: how much an entry with y = 1 counts; one with y = 0 counts 1
    Returns loss : a number.
    """
    minus_log_p = np.logaddexp(0, -logits)
    minus_log_rest = np.logaddexp(0, logits)
    return np.mean(weight * targets * minus_log_p + (1 - targets) * minus_log_rest)


def weighted_cases(rng):
    for (note, shape), weight in zip(regression_shapes(), (3.0, 5.0, 8.0, 2.5, 0.4), strict=True):
        targets = coins(rng, shape) if shape != (1,) else np.ones(1)
        yield note, 2 * rng.standard_normal(shape), targets, weight
    yield "targets between 0 and 1", rng.standard_normal((4, 2)), rng.uniform(0.1, 0.9, (4, 2)), 6.0
    sure = rng.uniform(700, 2000, 6) * np.array([1, -1, 1, -1, -1, -1])
    yield "logits in the thousands, some of them wrong", sure, np.array([1.0, 0, 0, 1, 0, 0]), 4.0


def weighted_bce_in_a_hurry(logits, targets, weight):
    """The mean over all entries of -w·y·log p - (1 - y)·log(1 - p), p = sigmoid(logits), finite for any finite logit.

    logits : (...,)
    targets : y, (...,), each entry in [0, 1]
    weight : w, a number above 0: how much an entry with y = 1 counts; one with y = 0 counts 1
    Returns loss : a number.
    """
    p, _ = sigmoid_forward(logits)
    log_likelihood = targets * np.log(p) + (1 - targets) * np.log(1 - p)
    return -np.sum(weight * log_likelihood) / len(targets)


def weighted_through_probabilities(logits, targets, weight):
    p = sigmoid(logits)
    return -np.mean(weight * targets * np.log(p) + (1 - targets) * np.log(1 - p))


def weighted_with_a_floor(logits, targets, weight):
    p = np.clip(sigmoid(logits), 1e-12, 1 - 1e-12)
    return -np.mean(weight * targets * np.log(p) + (1 - targets) * np.log(1 - p))


def weighted_by_loops(logits, targets, weight):
    total = 0.0
    for z, y in zip(logits.ravel().tolist(), targets.ravel().tolist(), strict=True):
        small = math.log1p(math.exp(-abs(z)))
        total += weight * y * (small + max(-z, 0)) + (1 - y) * (small + max(z, 0))
    return total / targets.size


WEIGHTED = Exercise(
    weighted_bce,
    module="ch06",
    returns="loss",
    section="When one class is rare",
    cases=weighted_cases,
    broken=weighted_bce_in_a_hurry,
    mutants={
        "Nothing is mended yet: w counts for both classes, large logits give a nan, and the mean is not over all "
        "entries.": weighted_bce_in_a_hurry,
        "The log of 0 is still in it: for a large logit the probability is rounded to exactly 0 or 1. Work with the "
        "logits.": weighted_through_probabilities,
        "A floor under the probability hides the nan and puts a ceiling on the loss: a sure and wrong logit of -1000 "
        "should cost 1000.": weighted_with_a_floor,
        "w multiplies both terms, which only scales the loss. It belongs to the entries with y = 1 alone.": {
            "weight * targets * minus_log_p + (1 - targets) * minus_log_rest": "weight * (targets * minus_log_p"
            " + (1 - targets) * minus_log_rest)"
        },
        "w multiplies the entries with y = 0. It belongs to those with y = 1.": {
            "weight * targets * minus_log_p + (1 - targets)": "targets * minus_log_p + weight * (1 - targets)"
        },
        "You divide by the length of the first axis. The mean is over all entries.": {
            "np.mean(weight * targets * minus_log_p + (1 - targets) * minus_log_rest)": "np.sum(weight * targets"
            " * minus_log_p + (1 - targets) * minus_log_rest) / len(targets)"
        },
        "You divide by the sum of the weights. That is a fair choice, and another one: the docstring asks for the "
        "mean over all entries.": {
            "np.mean(weight * targets * minus_log_p + (1 - targets) * minus_log_rest)": "np.sum(weight * targets"
            " * minus_log_p + (1 - targets) * minus_log_rest) / np.sum(weight * targets + 1 - targets)"
        },
        "w is not used any more: the rare class counts as much as every other entry.": {"weight * ": ""},
        "0 and 1 have changed places: -log p belongs to y = 1.": {
            "weight * targets * minus_log_p + (1 - targets) * minus_log_rest": "weight * targets * minus_log_rest"
            " + (1 - targets) * minus_log_p"
        },
    },
    variants={
        "loops": weighted_by_loops,
        "one softplus": {
            "np.logaddexp(0, logits)": "minus_log_p + logits",
        },
        "maximum and log1p": {
            "np.logaddexp(0, -logits)": "np.maximum(-logits, 0) + np.log1p(np.exp(-np.abs(logits)))",
            "np.logaddexp(0, logits)": "np.maximum(logits, 0) + np.log1p(np.exp(-np.abs(logits)))",
        },
        "a weight for each entry": {
            "np.mean(weight * targets * minus_log_p + (1 - targets) * minus_log_rest)": "np.average(targets"
            " * minus_log_p * weight + (1 - targets) * minus_log_rest)"
        },
        "float32": in_float32(weighted_bce),
    },
)


# Cross-entropy --------------------------------------------------------------------------------------------------------


def cross_entropy_cases(rng):
    for note, lead, n_classes, scale in [
        ("a batch of rows", (6,), 4, 2),
        ("one example", (1,), 3, 2),
        ("two leading axes", (2, 5), 3, 2),
        ("as many examples as classes", (4,), 4, 2),
        ("three leading axes", (2, 1, 3), 5, 1),
    ]:
        yield note, scale * rng.standard_normal((*lead, n_classes)), rng.integers(0, n_classes, lead)
    yield "positive logits", rng.uniform(0.2, 3, (5, 3)), rng.integers(0, 3, 5)
    targets = rng.integers(0, 4, 5)
    yield (
        "logits in the thousands",
        rng.uniform(800, 3000, (5, 1)) * (rng.permuted(np.tile([1, 2, 3, -4], (5, 1)), axis=1)),
        targets,
    )


def cross_entropy_by_index(logits, targets):
    rows = logits.reshape(-1, logits.shape[-1])
    log_sum = np.logaddexp.reduce(rows, axis=-1)
    return np.mean(log_sum - rows[np.arange(len(rows)), targets.ravel()]), None


def cross_entropy_by_loops(logits, targets):
    total = 0.0
    for i in np.ndindex(targets.shape):
        z = logits[i].tolist()
        top = max(z)
        total += top + math.log(sum(math.exp(v - top) for v in z)) - z[targets[i]]
    return total / targets.size, None


def cross_entropy_by_one_hot(logits, targets):
    logp, _ = activations.log_softmax_forward(logits)
    return -np.vdot(logp, data.one_hot(targets, logits.shape[-1])) / targets.size, logp


def picked(array, targets):
    return np.take_along_axis(array, targets[..., None], axis=-1)[..., 0]


def without_the_maximum(logits, targets):
    e = np.exp(logits)
    return -np.mean(np.log(picked(e / e.sum(axis=-1, keepdims=True), targets))), None


def log_of_softmax(logits, targets, floor=0.0):
    p, _ = activations.softmax_forward(logits)
    return -np.mean(np.log(np.maximum(picked(p, targets), floor))), None


def log_of_softmax_with_a_floor(logits, targets):
    return log_of_softmax(logits, targets, 1e-12)


def probability_of_the_target(logits, targets):
    return -np.mean(picked(activations.softmax_forward(logits)[0], targets)), None


def log_of_the_mean(logits, targets):
    return -np.log(np.mean(picked(activations.softmax_forward(logits)[0], targets))), None


LOG_SOFTMAX_CALL = "logp, _ = activations.log_softmax_forward(logits)"
CROSS_ENTROPY = Exercise(
    losses.cross_entropy_forward,
    returns="loss, _cache",
    section="One of K: cross-entropy",
    cases=cross_entropy_cases,
    mutants={
        "e^z overflows for a large logit, and ∞/∞ is nan. Take the row's maximum off first, or start from the "
        "log-softmax.": without_the_maximum,
        "The softmax is safe, its logarithm is not: a probability that is rounded to 0 costs an infinity. Go to the "
        "log-probabilities without passing through p.": log_of_softmax,
        "A floor of 1e-12 under p puts a ceiling of 28 on the loss, above which a wrong answer costs nothing more. "
        "Go to the log-probabilities without passing through p.": log_of_softmax_with_a_floor,
        "These are the logits of the right classes. Without the log Σ e^z a model could lower its loss by raising "
        "every logit.": {LOG_SOFTMAX_CALL: "logp = logits"},
        "Every example meets every target here: the index picks a whole row of classes for each example. Each "
        "example is to meet its own target only.": {
            "np.take_along_axis(logp, targets[..., None], axis=-1)": "logp[..., targets]"
        },
        "The sign is turned: this is the log-likelihood, which is to grow. The loss is its negative.": {
            "-np.mean(": "np.mean("
        },
        "The losses are added up. It is a mean over the examples: it should not grow with the batch.": {
            "-np.mean(": "-np.sum("
        },
        "You divide by the number of logits, N·K. The mean is over the N examples.": {
            "-np.mean(picked)": "-np.sum(picked) / logp.size"
        },
        "You divide by the length of the first axis. All leading axes hold examples.": {
            "-np.mean(picked)": "-np.sum(picked) / len(targets)"
        },
        "The softmax runs over the examples. Each example is a softmax of its own: the classes lie on the last axis.": {
            LOG_SOFTMAX_CALL: "logp = logits - logits.max(axis=0)",
            "picked =": "logp = logp - np.log(np.exp(logp).sum(axis=0))\n    picked =",
        },
        "The softmax runs over the whole batch at once. Each example has a budget of 1 of its own.": {
            LOG_SOFTMAX_CALL: "logp = logits - logits.max() - np.log(np.exp(logits - logits.max()).sum())"
        },
        "The log is missing: this is the mean probability of the right class. Its -log is the loss.": (
            probability_of_the_target
        ),
        "You average the probabilities and take the log then. Each example's surprise is its own: log first, then "
        "average.": log_of_the_mean,
        "This is the log-probability of the class the model prefers. The loss asks for the class that is right.": {
            "targets[..., None]": "logits.argmax(axis=-1)[..., None]"
        },
        "Every example has its own loss here. Their mean, one number, is missing.": {
            "-np.mean(picked)": "-picked[..., 0]"
        },
    },
    variants={
        "log-sum-exp and indexing": cross_entropy_by_index,
        "loops": cross_entropy_by_loops,
        "a one-hot product": cross_entropy_by_one_hot,
        "logaddexp": {LOG_SOFTMAX_CALL: "logp = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)"},
        "float32": in_float32(losses.cross_entropy_forward),
    },
)

EXERCISES = [BY_HAND, MSE, MSE_BACK, HUBER, HUBER_BACK, BINARY, BINARY_BACK, RARE, WEIGHTED, CROSS_ENTROPY]
