"""Set 3: how the grader draws cases, what people get wrong, what else is right."""

import math

import numpy as np

from grading.spec import Answer, Exercise
from reference_impl import activations, data, init, mlp, train

GIVEN = ["activations.elu", "activations.silu"]

erf = np.vectorize(math.erf, otypes=[float])


def in_float32(function):
    """A variant: the same method, every array in float32."""

    def cast(value):
        if isinstance(value, tuple):
            return tuple(cast(v) for v in value)
        return value.astype(np.float32) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value

    return lambda *args: function(*cast(args))


def sigmoid_slope(v):
    s = 1 / (1 + math.exp(-v))
    return s * (1 - s)


def last_share(logits):
    e = [math.exp(v) for v in logits]
    return e[-1] / sum(e)


# By hand --------------------------------------------------------------------------------------------------------------

BY_HAND = Answer(
    "ch03.by_hand",
    value={
        "sigmoid": 0.75,
        "slope": 0.1875,
        "tanh dx": 6.4,
        "leaky": -0.5,
        "leaky dx": 0.4,
        "p": 0.5,
        "sharp": 16 / 26,
    },
    section="Which one",
    mutants={
        "That is with the logarithm to base 10. This one is natural, np.log: e^(log 3) is 3.": (
            "sigmoid",
            1 / (1 + math.exp(-math.log10(3))),
        ),
        "That is with the logarithm to base 10. With the natural one the sigmoid of log 3 is ¾.": (
            "slope",
            sigmoid_slope(math.log10(3)),
        ),
        "That is with the logarithm to base 10. With the natural one e^z is 1, 3 and 4.": (
            "p",
            last_share([0, math.log10(3), math.log10(4)]),
        ),
        "That is with the logarithm to base 10. With the natural one e^(2z) is 1, 9 and 16.": (
            "sharp",
            last_share([0, 2 * math.log10(3), 2 * math.log10(4)]),
        ),
        "That is right to two digits. Give three.": ("sharp", 0.62),
        "That is right to one digit. Give three of them.": ("sharp", 0.6),
        "That is right to two digits. Give three, or all four.": ("slope", 0.19),
        "That is the sigmoid of minus log 3. e to the power of -log 3 is ⅓, and it stands in the denominator.": (
            "sigmoid",
            0.25,
        ),
        "1 + e^(-log 3) is 1 + ⅓. The minus in the exponent has been lost on the way.": ("sigmoid", 1 / 3),
        "The slope is s(1 - s) with s the output, 0.75; log 3 itself is no part of it.": (
            "slope",
            math.log(3) * (1 - math.log(3)),
        ),
        "That is s². The slope is s(1 - s).": ("slope", 0.5625),
        "That is the sigmoid's slope at 0, the largest it has. At log 3 it is less.": ("slope", 0.25),
        "That is tanh's slope. What comes from behind, 10, multiplies it.": ("tanh dx", 0.64),
        "The slope of tanh is 1 - out²: the output is squared.": ("tanh dx", 4),
        "That is the sigmoid's rule, out(1 - out). Tanh has another.": ("tanh dx", 2.4),
        "That is the output times 10. The slope is asked for, times 10.": ("tanh dx", 6),
        "That is ReLU. A leaky one lets a tenth of a negative input through.": ("leaky", 0),
        "The sign is lost: a tenth of a negative number is negative.": ("leaky", 0.5),
        "The input was negative, so the slope there is 0.1, not 1.": ("leaky dx", 4),
        "That is ReLU's slope. A leaky one has 0.1 there.": ("leaky dx", 0),
        "That is the output times 4. Backward multiplies by the slope.": ("leaky dx", -2),
        "That is the slope. What comes from behind, 4, multiplies it.": ("leaky dx", 0.1),
        "These are shares of e^z, not of z: e to the power of log 4 is 4, and e to the power of 0 is 1.": (
            "p",
            math.log(4) / (math.log(3) + math.log(4)),
        ),
        "The first class has e^0 = 1, not 0: it takes a share as well.": ("p", 4 / 7),
        "That is e^z without its share: divide by the sum over the classes.": ("p", 4),
        "A temperature divides the logits, and dividing by ½ doubles them. This halves them.": (
            "sharp",
            2 / (3 + 3**0.5),
        ),
        "The temperature scales the logits, not the probabilities: those would not add up to 1.": ("sharp", 1),
        "That is at temperature 1. Dividing by ½ doubles each logit, which squares each e^z.": ("sharp", 0.5),
        "The first class keeps e^0 = 1 at any temperature, and takes its share.": ("sharp", 16 / 25),
    },
)


# What all pairs have in common ----------------------------------------------------------------------------------------


def entry_shapes():
    yield "a row of entries", (5,)
    yield "one entry", (1,)
    yield "a table: four examples, three units", (4, 3)
    yield "two leading axes", (2, 3, 4)
    yield "a single column", (6, 1)


def mixed(rng, shape, scale=2.0):
    """Entries of both signs, none near 0."""
    x = rng.uniform(0.1, scale, shape)
    return x * np.where(rng.permutation(np.arange(x.size)).reshape(shape) % 2, -1, 1)


def thousands(rng):
    return rng.uniform(700, 3000, (2, 3)) * np.array([1, -1, 1])


def forward_cases(rng):
    for note, shape in entry_shapes():
        yield note, mixed(rng, shape, 3.0)
    yield "zeros", np.zeros((2, 2))
    yield "entries in the thousands", thousands(rng)


def backward_cases(forward):
    """Cases of a backward half: its cache comes from the forward half."""

    def cases(rng):
        for note, shape in entry_shapes():
            yield note, rng.standard_normal(shape), forward(mixed(rng, shape, 3.0))[1]
        yield "dout all 1: the slope itself", np.ones((3, 2)), forward(mixed(rng, (3, 2)))[1]
        yield "an input of 0", mixed(rng, (3,)), forward(np.array([-0.5, 0.0, 0.5]))[1]
        yield "inputs in the thousands", mixed(rng, (2, 3)), forward(thousands(rng))[1]

    return cases


def by_entries(entry):
    """A forward in loops: entry works on one Python float."""

    def forward(x, *rest):
        out = np.empty(x.shape)
        for i in np.ndindex(x.shape):
            out[i] = entry(float(x[i]), *rest)
        return out, None

    return forward


def slope_by_entries(slope):
    """A backward in loops: slope works on one entry of the cache."""

    def backward(dout, cache):
        dx = np.empty(dout.shape)
        for i in np.ndindex(dout.shape):
            dx[i] = dout[i] * slope(cache[i])
        return dx

    return backward


# ReLU -----------------------------------------------------------------------------------------------------------------

RELU = Exercise(
    activations.relu_forward,
    returns="out, _cache",
    section="Half straight: ReLU",
    cases=forward_cases,
    mutants={
        "np.max(x, 0) is the largest entry along axis 0. The larger of two, entry by entry, is np.maximum.": {
            "np.maximum(x, 0)": "np.max(x, 0)"
        },
        "This is the smaller of x and 0: negative numbers pass and positive ones are cut off.": {
            "np.maximum(x, 0)": "np.minimum(x, 0)"
        },
        "Negative inputs come out positive: this is |x|. They should come out as 0.": {"np.maximum(x, 0)": "np.abs(x)"},
        "Positive inputs come out as 1: that is the step of chapter 1. They should pass as they are.": {
            "np.maximum(x, 0)": "(x > 0) * 1.0"
        },
        "Outputs stop at 1. ReLU has no upper limit.": {"np.maximum(x, 0)": "np.clip(x, 0, 1)"},
        "A little of a negative input comes through: that is the leaky sibling. Here it is 0.": {
            "np.maximum(x, 0)": "np.where(x > 0, x, 0.01 * x)"
        },
        "This is ReLU with its corner rounded off, log(1 + e^x). ReLU itself has a sharp corner at 0.": {
            "np.maximum(x, 0)": "np.logaddexp(0, x)"
        },
        "One maximum is taken over the whole array. Every entry is judged by itself.": {
            "np.maximum(x, 0)": "np.full_like(x, max(x.max(), 0))"
        },
    },
    variants={
        "loops": by_entries(lambda v: v if v > 0 else 0.0),
        "a mask": {"np.maximum(x, 0)": "x * (x > 0)"},
        "where": {"np.maximum(x, 0)": "np.where(x < 0, 0, x)"},
        "half of x and |x|": {"np.maximum(x, 0)": "(x + np.abs(x)) / 2"},
        "float32": in_float32(activations.relu_forward),
    },
)

RELU_BACK = Exercise(
    activations.relu_backward,
    returns="dx",
    section="Half straight: ReLU",
    cases=backward_cases(activations.relu_forward),
    mutants={
        "The mask looks at dout. Whether a unit lets anything through was decided on the way forward, by x.": {
            "(x > 0)": "(dout > 0)"
        },
        "dout is multiplied by x. The slope of x is 1.": {"(x > 0)": "x"},
        "dout is multiplied by max(0, x), the output. Where x is positive the slope is 1.": {
            "(x > 0)": "np.maximum(x, 0)"
        },
        "dout is left out: this is the slope alone. Backward multiplies what comes from behind by it.": {
            "dout * (x > 0)": "(x > 0) * 1.0"
        },
        "Everything passes, as if there were no bend. Where x is negative the slope is 0.": {
            "dout * (x > 0)": "dout * 1"
        },
        "The mask is turned round: dout passes where x is negative.": {"(x > 0)": "(x < 0)"},
        "At x = 0 dout passes. The docstring settles the corner the other way.": {"(x > 0)": "(x >= 0)"},
        "Some of dout passes where x is negative: that is the leaky sibling.": {"(x > 0)": "np.where(x > 0, 1, 0.01)"},
        "Where x is negative the sign of dout is turned: that is the slope of |x|.": {"(x > 0)": "np.sign(x)"},
    },
    variants={
        "loops": slope_by_entries(lambda v: 1.0 if v > 0 else 0.0),
        "where": {"dout * (x > 0)": "np.where(x > 0, dout, 0)"},
        "a copy with holes": {"return dout * (x > 0)": "dx = dout.copy()\n    dx[x <= 0] = 0\n    return dx"},
        "float32": in_float32(activations.relu_backward),
    },
)


# Leaky ReLU -----------------------------------------------------------------------------------------------------------


def leaky_cases(rng):
    slopes = (0.01, 0.3, 0.2, 0.1, 0.05, 0.2, 0.01)
    for (note, x), slope in zip(forward_cases(rng), slopes, strict=True):
        yield note, x, slope


def leaky_backward_cases(rng):
    slopes = (0.01, 0.3, 0.2, 0.1, 0.05, 0.2, 0.3, 0.01)
    for (note, dout, (x, _)), slope in zip(backward_cases(activations.leaky_relu_forward)(rng), slopes, strict=True):
        yield note, dout, (x, slope)


def leaky_backward_by_entries(dout, cache):
    x, slope = cache
    dx = np.empty(x.shape)
    for i in np.ndindex(x.shape):
        dx[i] = dout[i] if x[i] > 0 else slope * dout[i]
    return dx


LEAKY = Exercise(
    activations.leaky_relu_forward,
    returns="out, _cache",
    section="Half straight: ReLU",
    cases=leaky_cases,
    mutants={
        "Nothing comes through where x is negative: that is ReLU. A leaky one lets slope · x through.": {
            "slope * x)": "0 * x)"
        },
        "The slope is 0.01 here, whatever is passed in.": {"slope * x)": "0.01 * x)"},
        "Every entry is multiplied by the slope. Positive ones pass as they are.": {
            "np.where(x > 0, x, slope * x)": "slope * x"
        },
        "A negative input gives the slope itself. It should give slope times x.": {"slope * x)": "slope)"},
        "A negative input gives a positive output: the leak has the wrong sign.": {"slope * x)": "-slope * x)"},
        "The two sides have changed places: positive entries are scaled and negative ones pass.": {"x > 0": "x < 0"},
        "Every negative input gives -slope: a floor, not a line. The leak grows with x.": {"slope * x)": "-slope)"},
        "A negative input is divided by the slope, which makes it larger. The leak makes it smaller.": {
            "slope * x)": "x / slope)"
        },
    },
    variants={
        "loops": by_entries(lambda v, slope: v if v > 0 else slope * v),
        "the larger of two lines": {"np.where(x > 0, x, slope * x)": "np.maximum(x, slope * x)"},
        "two ReLUs": {"np.where(x > 0, x, slope * x)": "np.maximum(x, 0) + slope * np.minimum(x, 0)"},
        "a mask": {"np.where(x > 0, x, slope * x)": "x * (slope + (1 - slope) * (x > 0))"},
        "float32": in_float32(activations.leaky_relu_forward),
    },
)

LEAKY_BACK = Exercise(
    activations.leaky_relu_backward,
    returns="dx",
    section="Half straight: ReLU",
    cases=leaky_backward_cases,
    mutants={
        "Nothing passes where x is negative: that is ReLU. There the slope is `slope`.": {"slope * dout": "0 * dout"},
        "The slope is 0.01 here. It is in the cache, as forward was given it.": {"slope * dout": "0.01 * dout"},
        "dout is left out: this is the slope alone. Backward multiplies what comes from behind by it.": {
            "np.where(x > 0, dout, slope * dout)": "np.where(x > 0, 1.0, slope)"
        },
        "The choice looks at dout. It was made on the way forward, by x.": {"x > 0": "dout > 0"},
        "Where x is negative this gives slope · x, the output. Backward gives slope · dout.": {
            "slope * dout": "slope * x"
        },
        "dout is multiplied by the output. It is the slope that multiplies it: 1, or `slope`.": {
            "np.where(x > 0, dout, slope * dout)": "dout * np.where(x > 0, x, slope * x)"
        },
        "The two sides have changed places.": {"x > 0": "x < 0"},
        "At x = 0 all of dout passes. The docstring counts the corner to the leaky side.": {"x > 0": "x >= 0"},
        "Where x is negative the sign of dout is turned. The leak is a slope upwards too.": {
            "slope * dout": "-slope * dout"
        },
    },
    variants={
        "loops": leaky_backward_by_entries,
        "dout times the slope": {"np.where(x > 0, dout, slope * dout)": "dout * np.where(x > 0, 1, slope)"},
        "a mask": {"np.where(x > 0, dout, slope * dout)": "dout * (slope + (1 - slope) * (x > 0))"},
        "float32": in_float32(activations.leaky_relu_backward),
    },
)


# Sigmoid --------------------------------------------------------------------------------------------------------------


def sigmoid_of(v):
    """One Python float, either way safe."""
    if v >= 0:
        return 1 / (1 + math.exp(-v))
    e = math.exp(v)
    return e / (1 + e)


SIGMOID_E = "e = np.exp(-np.abs(x))  # never above 1"
SIGMOID_OUT = "out = np.where(x >= 0, 1, e) / (1 + e)"
SIGMOID = Exercise(
    activations.sigmoid_forward,
    returns="out, _cache",
    section="Squashed: sigmoid and tanh",
    cases=forward_cases,
    mutants={
        "e^x / (1 + e^x) is right on paper, but for a large x it is ∞/∞. Keep every exponent at 0 or below.": {
            SIGMOID_OUT: "out = np.exp(x) / (1 + np.exp(x))"
        },
        "The curve is mirrored: it falls where it should rise. Look at the sign in the exponent.": {"x >= 0": "x < 0"},
        "Negative inputs come out above ½, as if they were positive: the sign of x is lost in |x|.": {
            SIGMOID_OUT: "out = 1 / (1 + e)"
        },
        "This is tanh, from -1 to 1. Sigmoid goes from 0 to 1.": {SIGMOID_OUT: "out = np.tanh(x)"},
        "The entries share a sum of 1: that is a softmax. A sigmoid looks at one entry and no other.": {
            SIGMOID_OUT: "out = np.exp(x - x.max(axis=-1, keepdims=True))\n"
            "    out = out / out.sum(axis=-1, keepdims=True)"
        },
        "These are 0s and 1s: the step of chapter 1. Sigmoid climbs smoothly.": {
            SIGMOID_OUT: "out = np.where(x > 0, 1.0, 0.0)"
        },
        "This is a straight line, cut off at 0 and 1. Sigmoid has the same slope in the middle, and bends.": {
            SIGMOID_OUT: "out = np.clip(0.5 + 0.25 * x, 0, 1)"
        },
        "This is the slope, s(1 - s). Forward returns s.": {SIGMOID_OUT: "out = e / (1 + e) ** 2"},
        "The curve is too steep: this is the sigmoid of 2x.": {SIGMOID_OUT: "out = 0.5 * (1 + np.tanh(x))"},
        "e^-x alone is not squashed: the 1 + and the fraction are missing.": {SIGMOID_OUT: "out = np.exp(-x)"},
        "1 / 1 + e^-x is 1 + e^-x for Python: the denominator wants brackets.": {
            SIGMOID_OUT: "out = 1 / 1 + np.exp(-x)"
        },
    },
    variants={
        "loops": by_entries(sigmoid_of),
        "1 / (1 + e^-x)": {SIGMOID_OUT: "out = 1 / (1 + np.exp(-x))"},
        "through tanh": {SIGMOID_OUT: "out = 0.5 * (1 + np.tanh(0.5 * x))"},
        "through a logarithm": {SIGMOID_OUT: "out = np.exp(-np.logaddexp(0, -x))"},
        "float32": in_float32(activations.sigmoid_forward),
    },
)

SIGMOID_BACK = Exercise(
    activations.sigmoid_backward,
    returns="dx",
    section="Squashed: sigmoid and tanh",
    cases=backward_cases(activations.sigmoid_forward),
    mutants={
        "The cache is squashed once more. It holds forward's output already, as the docstring says.": {
            "out = cache": "out, _ = sigmoid_forward(cache)"
        },
        "The factor 1 - out is missing: the slope is out(1 - out), small at both ends.": {" * (1 - out)": ""},
        "The factor out is missing: the slope is out(1 - out), small at both ends.": {"dout * out * ": "dout * "},
        "dout is left out: this is the slope alone. Backward multiplies what comes from behind by it.": {
            "dout * out": "out"
        },
        "This is tanh's rule, 1 - out². The sigmoid has another.": {"out * (1 - out)": "(1 - out**2)"},
        "1 + out should be 1 - out: the slope is never above ¼.": {"(1 - out)": "(1 + out)"},
        "The sign is turned. The sigmoid rises everywhere, so its slope is positive.": {"(1 - out)": "(out - 1)"},
        "This is dout(1 - dout): the slope is made from dout. It is made from the output, and dout multiplies it.": {
            "dout * out * (1 - out)": "dout * (1 - dout)"
        },
        "dout stands in the bracket: 1 - out belongs there. Slope first, and then dout times it.": {
            "dout * out * (1 - out)": "out * (1 - dout)"
        },
    },
    variants={
        "loops": slope_by_entries(lambda s: s * (1 - s)),
        "multiplied out": {"dout * out * (1 - out)": "dout * (out - out**2)"},
        "a quarter, less a square": {"dout * out * (1 - out)": "dout * (0.25 - (out - 0.5) ** 2)"},
        "float32": in_float32(activations.sigmoid_backward),
    },
)


# Tanh -----------------------------------------------------------------------------------------------------------------

TANH = Exercise(
    activations.tanh_forward,
    returns="out, _cache",
    section="Squashed: sigmoid and tanh",
    cases=forward_cases,
    mutants={
        "This is the sigmoid, from 0 to 1. Tanh goes from -1 to 1, and through 0.": {
            "np.tanh(x)": "0.5 * (1 + np.tanh(0.5 * x))"
        },
        "This rises half as fast as it should: 2σ(x) - 1 is tanh(x/2).": {"np.tanh(x)": "np.tanh(0.5 * x)"},
        "e^x overflows for a large x, and ∞/∞ is nan. NumPy has this function, safe for every x.": {
            "np.tanh(x)": "(np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))"
        },
        "This is the tangent, tan x. The h makes it another function: NumPy calls it tanh.": {
            "np.tanh(x)": "np.tan(x)"
        },
        "This is the arc tangent: it goes on to π/2, and gets there slowly.": {"np.tanh(x)": "np.arctan(x)"},
        "This is a straight line, cut off at -1 and 1. Tanh bends towards them.": {"np.tanh(x)": "np.clip(x, -1, 1)"},
        "This is the slope, 1 - tanh². Forward returns tanh itself.": {"np.tanh(x)": "1 - np.tanh(x) ** 2"},
        "These are the signs of x alone. Tanh is steep in the middle, and does not jump.": {"np.tanh(x)": "np.sign(x)"},
    },
    variants={
        "loops": by_entries(math.tanh),
        "two sigmoids minus one": by_entries(lambda v: 2 * sigmoid_of(2 * v) - 1),
        "from e^-2|x|": {
            "np.tanh(x)": "np.sign(x) * -np.expm1(-2 * np.abs(x)) / (1 + np.exp(-2 * np.abs(x)))",
        },
        "float32": in_float32(activations.tanh_forward),
    },
)

TANH_BACK = Exercise(
    activations.tanh_backward,
    returns="dx",
    section="Squashed: sigmoid and tanh",
    cases=backward_cases(activations.tanh_forward),
    mutants={
        "The cache goes through tanh once more. It holds forward's output already, as the docstring says.": {
            "out = cache": "out = np.tanh(cache)"
        },
        "The square is missing: the slope is 1 - out², the same on both sides of 0.": {"out**2": "out"},
        "This is the sigmoid's rule, out(1 - out). Tanh has another.": {"(1 - out**2)": "out * (1 - out)"},
        "dout is left out: this is the slope alone. Backward multiplies what comes from behind by it.": {
            "dout * (1 - out**2)": "1 - out**2"
        },
        "1 + out² should be 1 - out²: the slope is never above 1.": {"1 - out**2": "1 + out**2"},
        "The whole bracket is squared. It is out that is squared.": {"(1 - out**2)": "(1 - out) ** 2"},
        "The sign is turned. Tanh rises everywhere, so its slope is positive.": {"1 - out**2": "out**2 - 1"},
        "The 1 - is missing: the slope is largest where the output is 0.": {"1 - out**2": "out**2"},
    },
    variants={
        "loops": slope_by_entries(lambda t: 1 - t * t),
        "two factors": {"(1 - out**2)": "(1 - out) * (1 + out)"},
        "multiplied out": {"dout * (1 - out**2)": "dout - dout * out * out"},
        "float32": in_float32(activations.tanh_backward),
    },
)


# GELU -----------------------------------------------------------------------------------------------------------------


def gelu_of(v):
    u = math.sqrt(2 / math.pi) * (v + 0.044715 * v**3)
    return v * sigmoid_of(2 * u)  # ½(1 + tanh u) = σ(2u)


def gelu_exact(x):
    return x * 0.5 * (1 + erf(x / 2**0.5)), x


def gelu_slope_exact(dout, cache):
    x, _ = cache
    return dout * (0.5 * (1 + erf(x / 2**0.5)) + x * np.exp(-(x**2) / 2) / (2 * np.pi) ** 0.5)


def gelu_slope_by_a_nudge(dout, cache):
    x, _ = cache
    up, down = activations.gelu_forward(x + 1e-5)[0], activations.gelu_forward(x - 1e-5)[0]
    return dout * (up - down) / 2e-5


def gelu_slope_by_entries(dout, cache):
    x, t = cache
    dx = np.empty(x.shape)
    for i in np.ndindex(x.shape):
        du = (2 / math.pi) ** 0.5 * (1 + 0.134145 * x[i] ** 2)
        dx[i] = dout[i] * ((1 + t[i]) / 2 + x[i] / 2 * (1 - t[i]) * (1 + t[i]) * du)
    return dx


INNER = "(2 / np.pi) ** 0.5 * (x + 0.044715 * x * x * x)"
GELU = Exercise(
    activations.gelu_forward,
    returns="out, _cache",
    section="Smooth bends: SiLU and GELU",
    cases=forward_cases,
    mutants={
        "This is the exact GELU, with the error function. The docstring asks for GPT-2's formula with tanh, which "
        "differs by up to 0.0005.": gelu_exact,
        "This is x · sigmoid(1.702x), the other short cut of that paper. The docstring asks for the one with tanh.": {
            "0.5 * (1 + t) * x": "x * 0.5 * (1 + np.tanh(0.851 * x))"
        },
        "This is SiLU, x · sigmoid(x). GELU is a little steeper.": {
            "0.5 * (1 + t) * x": "x * 0.5 * (1 + np.tanh(0.5 * x))"
        },
        "The x in front is missing: this is the share that is let through, and it multiplies x.": {
            "0.5 * (1 + t) * x": "0.5 * (1 + t)"
        },
        "The ½ is missing: a large x should come out as x, not as 2x.": {"0.5 * (1 + t)": "(1 + t)"},
        "x is squared where the formula cubes it: that makes the share rise again on the left.": {"x * x * x": "x * x"},
        "The factor √(2/π) is missing.": {INNER: "x + 0.044715 * x * x * x"},
        "The root is missing: the factor is √(2/π), not 2/π.": {"(2 / np.pi) ** 0.5": "(2 / np.pi)"},
        "Only the 2 is under the root: the factor is √(2/π), not √2/π.": {"(2 / np.pi) ** 0.5": "2**0.5 / np.pi"},
        "The cubic term is missing. It is small near 0, and counts further out.": {"x + 0.044715 * x * x * x": "x"},
        "The number before the cube is missing: 0.044715 keeps it small.": {"0.044715 * ": ""},
        "The number before the cube is ten times too large: it is 0.044715.": {"0.044715": "0.44715"},
        "The bracket closes too early: √(2/π) multiplies the cubic term as well.": {
            INNER: "(2 / np.pi) ** 0.5 * x + 0.044715 * x * x * x"
        },
        "It should be 1 + t: with the minus, negative inputs pass and positive ones do not.": {"1 + t": "1 - t"},
    },
    variants={
        "loops, with a sigmoid": by_entries(gelu_of),
        "written out": {INNER: "np.sqrt(2 / np.pi) * x * (1 + 0.044715 * x**2)"},
        "a share of x": {"0.5 * (1 + t) * x": "x * ((1 + t) / 2)"},
        "float32": in_float32(activations.gelu_forward),
    },
)

GELU_SUM = "(1 + t + x * (1 - t**2) * slope)"
GELU_BACK = Exercise(
    activations.gelu_backward,
    returns="dx",
    section="Smooth bends: SiLU and GELU",
    cases=backward_cases(activations.gelu_forward),
    mutants={
        "Only the x in front is differentiated. The tanh moves with x too: the product rule has a second term.": {
            GELU_SUM: "(1 + t)"
        },
        "Only the tanh is differentiated. The x in front moves too: the product rule has a first term, 1 + t.": {
            GELU_SUM: "x * (1 - t**2) * slope"
        },
        "The slope of what stands inside the tanh is missing: the chain rule multiplies by it.": {" * slope)": ")"},
        "What stands inside the tanh has been multiplied by; the chain rule multiplies by its slope.": {
            "(1 + 3 * 0.044715 * x**2)": "(x + 0.044715 * x**3)"
        },
        "The factor √(2/π) is missing: it belongs to what stands inside the tanh, and to its slope.": {
            "(2 / np.pi) ** 0.5 * (1 + 3": "(1 + 3"
        },
        "Only the 2 is under the root: the factor is √(2/π), not √2/π.": {"(2 / np.pi) ** 0.5": "2**0.5 / np.pi"},
        "Inside the tanh, the slope of x³ is 3x²: the 3 is missing.": {"3 * 0.044715": "0.044715"},
        "Inside the tanh, the slope of the cubic term is missing.": {"(1 + 3 * 0.044715 * x**2)": "1"},
        "Inside the tanh, the slope of the plain x is missing: it is 1.": {
            "(1 + 3 * 0.044715 * x**2)": "3 * 0.044715 * x**2"
        },
        "The slope of tanh is 1 - t²: the square is missing.": {"1 - t**2": "1 - t"},
        "The second term of the product rule lost its factor x.": {"+ x * (1 - t**2)": "+ (1 - t**2)"},
        "The ½ is missing: for a large x the slope should be 1, not 2.": {"0.5 * (1 + t + x": "(1 + t + x"},
        "dout is left out: this is the slope alone. Backward multiplies what comes from behind by it.": {
            " * slope) * dout": " * slope)"
        },
        "The root is missing: inside the tanh stands √(2/π), not 2/π.": {"(2 / np.pi) ** 0.5": "(2 / np.pi)"},
        "This is the slope of the exact GELU. The docstring asks for that of GPT-2's formula.": gelu_slope_exact,
        "The two terms are added: this takes the second from the first.": {"1 + t + x": "1 + t - x"},
    },
    variants={
        "loops": gelu_slope_by_entries,
        "a nudge instead of a formula": gelu_slope_by_a_nudge,
        "two terms": {
            f"0.5 * {GELU_SUM} * dout": "dout * (0.5 * (1 + t) + 0.5 * x * (1 + t) * (1 - t) * slope)",
        },
        "float32": in_float32(activations.gelu_backward),
    },
)


# Fingerprints ---------------------------------------------------------------------------------------------------------

HIDDEN = {
    "A": "silu",
    "B": "tanh",
    "C": "leaky relu",
    "D": "softmax",
    "E": "gelu",
    "F": "relu",
    "G": "sigmoid",
    "H": "elu",
}
DEAD = 5


def of_name(name):
    if name == "leaky relu":
        return lambda z: activations.leaky_relu_forward(z, 0.2)[0]
    return lambda z: getattr(activations, f"{name}_forward")(z)[0]


def hidden_outputs(rng):
    """{letter: (200, 16)}: what eight layers with weights of their own put out for real digits."""
    x, _ = data.load_digits()
    found = {}
    for letter, name in HIDDEN.items():
        seen = x[rng.choice(len(x), 200, replace=False)]
        b = np.zeros(16)
        if name == "relu":
            b[rng.choice(16, DEAD, replace=False)] = -12
        scale = 8 if name == "leaky relu" else 3
        z = (seen - 0.5) @ (scale * init.lecun_normal(64, 16, rng)) + b
        found[letter] = np.round(of_name(name)(z), 4) + 0.0
    return found


def write_layers(file):
    """layers.npz: the outputs of eight layers, A to H, and what a trained net says about two digits it never saw."""
    rng = np.random.default_rng(3)
    found = hidden_outputs(rng)
    x, targets = data.load_digits()
    rows, val, test = data.train_val_test_split(targets, rng)
    config = mlp.MLPConfig((64, 32, 10), activations.elu, init.lecun_normal)
    recipe = train.TrainConfig(epochs=20, batch_size=32, lr=0.2)
    params = mlp.mlp_init(config, rng)
    params, _ = train.train(params, (x[rows], targets[rows]), (x[val], targets[val]), config, recipe, rng)
    logits, _ = mlp.mlp_forward(params, x[test], config)
    lead = np.diff(np.sort(logits, axis=-1)[:, -2:], axis=-1)[:, 0]  # of the first class over the second
    unsure = np.argsort(lead)[[4, 1]]
    np.savez_compressed(
        file, **found, logits=np.round(logits[unsure], 3), x=x[test][unsure], targets=targets[test][unsure]
    )


DATA = {"layers.npz": write_layers}

TANHS, RELUS = (hidden_outputs(np.random.default_rng(3))[letter] for letter in "BF")
SATURATED = int(np.sum(1 - TANHS**2 < 0.1))
FINGERPRINTS = Answer(
    "ch03.fingerprints",
    value=HIDDEN | {"dead": DEAD, "saturated": SATURATED},
    section="Which one",
    choices=tuple(sorted(HIDDEN.values())),
    mutants={
        "GELU is nowhere below -0.17. What is the smallest number in A?": ("A", "gelu"),
        "ELU may come close to -1. What is the smallest number in A?": ("A", "elu"),
        "A leaky ReLU has no lower limit. A has: count how many entries lie near its smallest.": ("A", "leaky relu"),
        "A sigmoid is never negative. B has negative numbers.": ("B", "sigmoid"),
        "ELU has no upper limit. B has one.": ("B", "elu"),
        "ELU is nowhere below -1. What is the smallest number in C?": ("C", "elu"),
        "ReLU puts out no negative numbers. C has some.": ("C", "relu"),
        "All numbers in D are between 0 and 1, which fits; now add up a row.": ("D", "sigmoid"),
        "SiLU comes down to -0.278. What is the smallest number in E?": ("E", "silu"),
        "ELU may come close to -1. What is the smallest number in E?": ("E", "elu"),
        "A leaky ReLU has no lower limit. E has: what is it?": ("E", "leaky relu"),
        "A leaky ReLU puts out exactly 0 for an input of exactly 0 alone. How many zeros has F?": ("F", "leaky relu"),
        "GELU puts out negative numbers too. What is the smallest number in F?": ("F", "gelu"),
        "All numbers in G are between 0 and 1, which fits; now add up a row.": ("G", "softmax"),
        "Tanh is negative for half of its inputs. G has no negative numbers.": ("G", "tanh"),
        "A leaky ReLU has no lower limit. H has: what is it?": ("H", "leaky relu"),
        "SiLU is nowhere below -0.28. What is the smallest number in H?": ("H", "silu"),
        "Tanh is nowhere above 1. What is the largest number in H?": ("H", "tanh"),
        "That is the number of all units in the layer. A dead one is 0 for every image.": ("dead", 16),
        "That is a share of the units. Their number is asked for.": ("dead", DEAD / 16),
        "That counts all zeros. A silent entry is not yet a dead unit: look down the columns.": (
            "dead",
            int(np.sum(RELUS == 0)),
        ),
        "That is how many units are not dead.": ("dead", 16 - DEAD),
        "Every unit here is 0 for some images. A dead one is 0 for all of them: look down the columns.": ("dead", 0),
        "That is how many outputs are further than 0.9 from 0. It is the slope that is to be below 0.1, not the "
        "distance from the end.": ("saturated", int(np.sum(np.abs(TANHS) > 0.9))),
        "That is by the sigmoid's rule, out(1 - out). Tanh has another.": (
            "saturated",
            int(np.sum(TANHS * (1 - TANHS) < 0.1)),
        ),
        "Those are the entries whose slope is not that small: all the others are saturated.": (
            "saturated",
            int(np.sum(1 - TANHS**2 >= 0.1)),
        ),
        "That is a share of the entries. Their number is asked for.": (
            "saturated",
            float(np.mean(1 - TANHS**2 < 0.1)),
        ),
        "That counts the lower end alone. The upper end is as flat.": (
            "saturated",
            int(np.sum((1 - TANHS**2 < 0.1) & (TANHS < 0))),
        ),
        "That is the upper end alone, and from 0.95 on. The lower end is as flat, and the slope decides.": (
            "saturated",
            int(np.sum(TANHS > 0.95)),
        ),
        "That is from ±0.95 on. Near, but it is the slope, 1 - out², that is to be below 0.1.": (
            "saturated",
            int(np.sum(np.abs(TANHS) > 0.95)),
        ),
        "That counts the upper end alone. The lower end is as flat.": (
            "saturated",
            int(np.sum((1 - TANHS**2 < 0.1) & (TANHS > 0))),
        ),
    },
)


# Softmax --------------------------------------------------------------------------------------------------------------


def sixteenths(rng, shape):
    """Normal numbers that float32 holds exactly, also where thousands are added."""
    return np.round(16 * rng.standard_normal(shape)) / 16


SPREAD = np.array([[-1e3, 0, 1e3], [0, -1500, 0]])


def softmax_cases(rng):
    yield "a row of logits", rng.standard_normal(4)
    yield "a batch of rows", 2 * rng.standard_normal((5, 3))
    yield "as many rows as classes", 2 * rng.standard_normal((4, 4))
    yield "two leading axes", rng.standard_normal((2, 3, 5))
    yield "one class only", rng.standard_normal((3, 1))
    yield "equal logits", np.full((2, 4), rng.uniform(1, 2))
    yield "the same row, shifted by 100", sixteenths(rng, 5) + np.array([[0.0], [100.0]])
    yield "rows far apart: one near 3000, one near -3000", sixteenths(rng, (2, 3)) + np.array([[3e3], [-3e3]])
    yield "logits thousands apart in one row", sixteenths(rng, (2, 3)) + SPREAD


def softmax_by_loops(x):
    p = np.empty(x.shape)
    for i in np.ndindex(x.shape[:-1]):
        top = max(x[i].tolist())
        e = [math.exp(v - top) for v in x[i].tolist()]
        p[i] = [v / math.fsum(e) for v in e]
    return p, p


def softmax_by_pairs(x):
    with np.errstate(over="ignore"):
        return 1 / np.exp(x[..., None, :] - x[..., :, None]).sum(axis=-1), None


SHIFTED = "np.exp(x - x.max(axis=-1, keepdims=True))"
SHARE = "e / e.sum(axis=-1, keepdims=True)"
SOFTMAX = Exercise(
    activations.softmax_forward,
    returns="p, _cache",
    section="Softmax: shares of one whole",
    cases=softmax_cases,
    mutants={
        "e^x overflows for a large logit, and ∞/∞ is nan. Take each row's maximum off first: no share changes.": {
            SHIFTED: "np.exp(x)"
        },
        "The smallest logit of each row is taken off: then the largest may still overflow. Take off the one that leaves "
        "no exponent above 0.": {SHIFTED: "np.exp(x - x.min(axis=-1, keepdims=True))"},
        "The mean of each row is taken off: a logit far above it still overflows. Take off the one that leaves no "
        "exponent above 0.": {SHIFTED: "np.exp(x - x.mean(axis=-1, keepdims=True))"},
        "The maximum of the whole array is taken off: a row far below it becomes 0/0. Each row has a maximum of its "
        "own.": {SHIFTED: "np.exp(x - x.max())"},
        "Maximum and sum are taken over the whole array. Each row is a whole of its own: work along the last axis.": {
            "axis=-1, keepdims=True": ""
        },
        "The sum runs over the whole array, and large logits overflow. Work along the last axis, and take each row's "
        "maximum off first.": {SHIFTED: "np.exp(x)", "e.sum(axis=-1, keepdims=True)": "e.sum()"},
        "axis=1 is the last axis of a table only. Of a single row there is none, and with leading axes it is another: "
        "the last one is -1 for all.": {"axis=-1": "axis=1"},
        "axis=1 is the last axis of a table only, and large logits overflow: work along axis -1, and take each row's "
        "maximum off first.": {SHIFTED: "np.exp(x)", "axis=-1": "axis=1"},
        "The shares add up to 1 down the columns, and large logits overflow. Work along the last axis, and take each "
        "row's maximum off first.": {SHIFTED: "np.exp(x)", "axis=-1": "axis=0"},
        "A row does not meet its own sum, which takes keepdims, and large logits overflow: take each row's maximum off "
        "first.": {SHIFTED: "np.exp(x)", ", keepdims=True": ""},
        "Row and maximum do not meet: without keepdims NumPy lays the maxima along the classes.": {
            "x.max(axis=-1, keepdims=True)": "x.max(axis=-1)"
        },
        "Neither maximum nor sum meets its row: without keepdims NumPy lays them along the classes.": {
            ", keepdims=True": ""
        },
        "The sum runs over the whole array. Each row is a whole of its own: sum along the last axis.": {
            "e.sum(axis=-1, keepdims=True)": "e.sum()"
        },
        "The shares add up to 1 down the columns. Classes lie on the last axis: each row is to add up to 1.": {
            "axis=-1": "axis=0"
        },
        "Row and sum do not meet: without keepdims NumPy lays the sums along the classes, where there are as many.": {
            "e.sum(axis=-1, keepdims=True)": "e.sum(axis=-1)"
        },
        "Every entry has been squashed by itself: that is the sigmoid. The shares of a row add up to 1.": {
            SHARE: "0.5 * (1 + np.tanh(0.5 * x))"
        },
        "The exponential is missing: these are shares of the logits, which may be negative, or of 0.": {
            SHARE: "x / x.sum(axis=-1, keepdims=True)"
        },
        "These are e^(x - max), not yet shares: divide by their sum.": {SHARE: "e"},
        "All goes to the largest logit. Softmax leaves every class its share.": {
            SHARE: "1.0 * (x == x.max(axis=-1, keepdims=True))"
        },
        "This gives most to the smallest logit: the sign of the exponent is turned.": {
            SHIFTED: "np.exp(x.min(axis=-1, keepdims=True) - x)"
        },
        "These are log-probabilities. The probabilities themselves are asked for.": {
            SHARE: "x - x.max(axis=-1, keepdims=True) - np.log(e.sum(axis=-1, keepdims=True))"
        },
    },
    variants={
        "loops": softmax_by_loops,
        "one over a sum of ratios": softmax_by_pairs,
        "through the logarithm": {SHARE: "np.exp(x - np.logaddexp.reduce(x, axis=-1, keepdims=True))"},
        "einsum": {SHARE: "e / np.einsum('...k->...', e)[..., None]"},
        "float32": in_float32(activations.softmax_forward),
    },
)


# A repair: reading logits ---------------------------------------------------------------------------------------------


def probabilities(logits, exclusive, temperature):
    """What logits mean, at a temperature: probabilities, finite for any finite logits.

    logits : (..., K), divided by the temperature first
    exclusive : True where one of the K is right: a softmax along the last axis; False where each is a yes or no of its
        own: a sigmoid of every entry
    temperature : a number above 0
    Returns p : (..., K).
    """
    z = logits / temperature
    e = np.exp(-np.abs(z))
    if not exclusive:
        return np.where(z >= 0, 1, e) / (1 + e)
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def probabilities_in_a_hurry(logits, exclusive, temperature):
    """What logits mean, at a temperature: probabilities, finite for any finite logits.

    logits : (..., K), divided by the temperature first
    exclusive : True where one of the K is right: a softmax along the last axis; False where each is a yes or no of its
        own: a sigmoid of every entry
    temperature : a number above 0
    Returns p : (..., K).
    """
    e = np.exp(logits / temperature)
    if not exclusive:
        return e / (1 + e)
    return e / e.sum(axis=0)


def probabilities_cases(rng):
    for note, shape, exclusive, temperature in [
        ("one of four", (4,), True, 1.0),
        ("four times yes or no", (4,), False, 1.0),
        ("a batch, one of three", (5, 3), True, 1.0),
        ("a batch, three times yes or no", (5, 3), False, 1.0),
        ("warm, one of four, two leading axes", (2, 3, 4), True, 2.5),
        ("cold, yes or no, two leading axes", (2, 3, 4), False, 0.4),
    ]:
        yield note, 2 * mixed(rng, shape), exclusive, temperature
    yield "yes or no, logits in the thousands", thousands(rng), False, 1.0
    apart = sixteenths(rng, (2, 3)) + np.array([[2e3], [-2e3]])
    yield "one of three, one row near 2000 and one near -2000", apart, True, 1.0
    yield "one of three, logits thousands apart in one row", sixteenths(rng, (2, 3)) + SPREAD, True, 1.0


def probabilities_by_loops(logits, exclusive, temperature):
    z = logits / temperature
    if exclusive:
        return softmax_by_loops(z)[0]
    return by_entries(sigmoid_of)(z)[0]


SOFTMAX_LINES = "e = np.exp(z - z.max(axis=-1, keepdims=True))\n    return e / e.sum(axis=-1, keepdims=True)"
SIGMOID_LINE = "return np.where(z >= 0, 1, e) / (1 + e)"
OVERFLOWING = {SIGMOID_LINE: "return np.exp(z) / (1 + np.exp(z))"}
PROBABILITIES = Exercise(
    probabilities,
    module="ch03",
    returns="p",
    section="Softmax: shares of one whole",
    cases=probabilities_cases,
    broken=probabilities_in_a_hurry,
    mutants={
        "Nothing is mended yet: large logits give nan, and the softmax adds up to 1 down the columns.": (
            probabilities_in_a_hurry
        ),
        "The sigmoid still overflows: e^z / (1 + e^z) is ∞/∞ for a large z.": OVERFLOWING,
        "The rows add up to 1 now. Both nan are left: sigmoid and softmax still overflow, each in its own way.": (
            OVERFLOWING | {SOFTMAX_LINES: "e = np.exp(z)\n    return e / e.sum(axis=-1, keepdims=True)"}
        ),
        "The sigmoid is mended. The softmax still overflows, and still adds up to 1 down the columns.": {
            SOFTMAX_LINES: "e = np.exp(z)\n    return e / e.sum(axis=0)"
        },
        "The maximum is taken off before the sigmoid too. That leaves the shares of a softmax as they are, but a "
        "sigmoid counts the logit itself: take it off for the softmax alone.": {
            "z = logits / temperature": "z = logits / temperature\n    z = z - z.max(axis=-1, keepdims=True)"
        },
        "The maximum of the whole array is taken off before the sigmoid too. Take off each row's own, and for the "
        "softmax alone.": {
            "z = logits / temperature": "z = logits / temperature\n    z = z - z.max()",
            "z.max(axis=-1, keepdims=True)": "0",
            "return np.where(z >= 0, 1, e) / (1 + e)": "return np.exp(z) / (1 + np.exp(z))",
        },
        "The sigmoid is mended. In the softmax, maximum and sum are to be each row's own: along the last axis.": {
            "z.max(axis=-1, keepdims=True)": "z.max()",
            "e.sum(axis=-1, keepdims=True)": "e.sum(axis=0)",
        },
        "The maximum of each row is off, but the sum still runs over the examples. It runs along the last axis too.": {
            "e.sum(axis=-1, keepdims=True)": "e.sum(axis=0)"
        },
        "The axis is right, but a row does not meet its own sum or maximum: keepdims=True lays them side by side.": {
            "e.sum(axis=-1, keepdims=True)": "e.sum(axis=-1)"
        },
        "The axis is right, but rows do not meet their sums, which takes keepdims=True. And both still overflow.": (
            OVERFLOWING | {SOFTMAX_LINES: "e = np.exp(z)\n    return e / e.sum(axis=-1)"}
        ),
        "Not the largest logit of each row is taken off but the smallest: the largest may still overflow.": {
            "z.max(axis=-1, keepdims=True)": "z.min(axis=-1, keepdims=True)"
        },
        "The mean of each row is taken off: a logit far above it still overflows.": {
            "z.max(axis=-1, keepdims=True)": "z.mean(axis=-1, keepdims=True)"
        },
        "The softmax still overflows for logits in the thousands. What can be taken off a row without changing a "
        "share?": {SOFTMAX_LINES: "e = np.exp(z)\n    return e / e.sum(axis=-1, keepdims=True)"},
        "The softmax runs over the examples. Each example has its classes on the last axis.": {"axis=-1": "axis=0"},
        "The maximum of the whole array is taken off, and the row near -2000 becomes 0/0. Each row has its own.": {
            "z.max(axis=-1, keepdims=True)": "z.max()"
        },
        "The softmax's sum runs over the whole array. Each example is a whole of its own.": {
            "e.sum(axis=-1, keepdims=True)": "e.sum()"
        },
        "The logits are multiplied by the temperature. They are divided: a low one makes the answer surer.": {
            "logits / temperature": "logits * temperature"
        },
        "The temperature is not used any more.": {"logits / temperature": "logits / 1"},
        "The two readings have changed places: softmax is for classes that exclude each other.": {
            "if not exclusive": "if exclusive"
        },
        "Everything is read by a softmax. Where the answers do not exclude each other, each has a sigmoid of its "
        "own.": {"if not exclusive": "if False"},
    },
    variants={
        "loops": probabilities_by_loops,
        "tanh, and a clipped difference": {
            SIGMOID_LINE: "return 0.5 * (1 + np.tanh(z / 2))",
            "np.exp(z - z.max(axis=-1, keepdims=True))": "np.exp(np.maximum(z - z.max(-1)[..., None], -700))",
        },
        "through logarithms": {
            SIGMOID_LINE: "return np.exp(-np.logaddexp(0, -z))",
            SOFTMAX_LINES: "return np.exp(z - np.logaddexp.reduce(z, axis=-1, keepdims=True))",
        },
        "float32": in_float32(probabilities),
    },
)

EXERCISES = [
    BY_HAND,
    RELU,
    RELU_BACK,
    LEAKY,
    LEAKY_BACK,
    SIGMOID,
    SIGMOID_BACK,
    TANH,
    TANH_BACK,
    GELU,
    GELU_BACK,
    FINGERPRINTS,
    SOFTMAX,
    PROBABILITIES,
]
