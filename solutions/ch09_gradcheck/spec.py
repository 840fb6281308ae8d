"""Set 9: how the grader draws cases, what people get wrong, what else is right."""

import math

import numpy as np

from grading.spec import Answer, Exercise
from reference_impl import activations, gradcheck, tree

GIVEN = ["tree.global_norm", "activations.log_sum_exp", "activations.sigmoid_forward"]
GIVEN += ["losses.cross_entropy_forward", "losses.cross_entropy_backward"]


# By hand --------------------------------------------------------------------------------------------------------------

BY_HAND = Answer(
    "ch09.by_hand",
    value={
        "forward": 6.5,
        "central": 6.0,
        "corner": 0.25,
        "finer forward": 0.02,
        "finer central": 5e-5,
        "best forward": 1e-6,
        "best central": 1e-4,
        "relative": 0.2,
    },
    section={
        "forward": "Two points and a slope",
        "central": "Two points and a slope",
        "corner": "False alarms",
        "finer forward": "Two points and a slope",
        "finer central": "Two points and a slope",
        "best forward": "How small a step",
        "best central": "How small a step",
        "relative": "How far apart is too far",
    },
    mutants={
        "That is the central difference. The forward one takes x itself and one step up.": ("forward", 6.0),
        "That is the rise. It is still to be divided by the step.": ("forward", 3.25),
        "That is one step down and x itself: the backward difference. Forward goes up.": ("forward", 5.5),
        "That is the forward difference. The central one takes a step up and a step down.": ("central", 6.5),
        "From x - h to x + h the way is 2h long.": ("central", 12.0),
        "That is the slope at 0.25 itself. The difference does not know it: its two points lie on two sides of the "
        "corner, at 1.25 and -0.75. What is |x| there?": ("corner", 1.0),
        "That is the slope if both points lay left of the corner. One lies right of it.": ("corner", -1.0),
        "That is the rise, 1.25 - 0.75, over h. From x - h to x + h the way is 2h long.": ("corner", 0.5),
        "A step a quarter as long: the forward error is in proportion to h itself, not to its square.": (
            "finer forward",
            0.005,
        ),
        "That is half of the error. The step is not half as long, it is a quarter as long.": ("finer forward", 0.04),
        "That would be right for the forward difference. The central error goes with the square of h.": (
            "finer central",
            2e-4,
        ),
        "That is half of the error. The step is a quarter as long, and the central error goes with the square of h.": (
            "finer central",
            4e-4,
        ),
        "That is the best step for the central difference: its error falls faster, so rounding meets it earlier.": (
            "best forward",
            1e-4,
        ),
        "That is the best step for the forward difference. The central error falls as h², which asks for another root.": (
            "best central",
            1e-6,
        ),
        "At h = ε the two values differ in no digit, or hardly one. The best step lies far above.": (
            "best central",
            1e-12,
        ),
        "That is ε itself: with such a step the two values differ in hardly a digit. Take a root of it.": (
            "best forward",
            1e-12,
        ),
        "That is the step for float64, which has 16 digits. This computer has 12.": ("best forward", 1e-8),
        "That is the step for float64, with its 16 digits. This computer has 12.": ("best central", 6e-6),
        "That is the third root of float64's ε. This computer's ε is larger.": ("best central", 6.06e-6),
        "That is the root of float64's ε. This computer's ε is larger.": ("best forward", 1.49e-8),
        "That is the formula with its factor. Leave the factor out, and a power of ten remains.": (
            "best central",
            (1.5 * 1e-12) ** (1 / 3),
        ),
        "That has the factor 3 in it. Leave it out, and a power of ten remains.": ("best central", 3e-12 ** (1 / 3)),
        "That has a factor in it, the root of 2. Leave it out, and a power of ten remains.": (
            "best forward",
            2e-12**0.5,
        ),
        "That has the factor 2 in it. Leave it out, and a power of ten remains.": ("best forward", 2e-6),
        "It is the difference over the larger of the two.": ("relative", 0.25),
        "That is the difference itself. It is to be compared with the size of the larger one.": ("relative", 1.0),
        "It is divided by the larger of the two, not by their sum.": ("relative", 1 / 9),
    },
)


# The tools ------------------------------------------------------------------------------------------------------------


def entries(rng, shape):
    """Numbers of both signs, none near 0, no two of one size."""
    return rng.choice([-1.0, 1.0], shape) * rng.uniform(0.4, 2, shape)


def numerical_cases(rng):
    norm, lse = tree.global_norm, activations.log_sum_exp
    yield "a vector", norm, entries(rng, 4), 1e-5
    yield "a table with more columns than rows", norm, entries(rng, (2, 5)), 1e-5
    yield "one entry", lse, entries(rng, 1), 1e-4
    yield "another function", lse, entries(rng, 5), 1e-5
    yield "three axes", norm, entries(rng, (2, 1, 3)), 1e-4
    yield "a single column", norm, entries(rng, (4, 1)), 1e-5
    yield "a step that is not small, h = 0.8", lse, entries(rng, 6), 0.8
    yield "the same, a table", norm, entries(rng, (3, 2)), 0.6
    yield "entries in the thousands", norm, 1e3 * entries(rng, (2, 3)), 1e-2
    yield "entries far smaller than the step", lse, 1e-3 * entries(rng, 4), 0.5  # x + h - h is never x here


def flat_central(f, x, h=1e-5):
    grad = np.zeros(x.size)
    for k in range(x.size):
        moved = x.copy()
        moved.flat[k] = x.flat[k] + h
        up = f(moved)
        moved.flat[k] = x.flat[k] - h
        grad[k] = (up - f(moved)) / (2 * h)
    return grad.reshape(x.shape)


def central_by_unit_steps(f, x, h=1e-5):
    steps = h * np.eye(x.size).reshape(x.size, *x.shape)
    return np.array([(f(x + step) - f(x - step)) / 2 / h for step in steps]).reshape(x.shape)


def mean_of_two_one_sided(f, x, h=1e-5):
    grad = np.empty(x.shape)
    for i in np.ndindex(*x.shape):
        step = np.zeros(x.shape)
        step[i] = h
        grad[i] = 0.5 * ((f(x + step) - f(x)) / h + (f(x) - f(x - step)) / h)
    return grad


def never_put_back(f, x, h=1e-5):
    grad, moved = np.zeros_like(x), x.copy()
    for i in np.ndindex(x.shape):
        moved[i] += h
        up = f(moved)
        moved[i] -= 2 * h
        grad[i] = (up - f(moved)) / (2 * h)
    return grad


CHANGED = type("changed its argument x", (Exception,), {})  # named as the check says it


def put_back_by_adding(f, x, h=1e-5):
    grad, moved = np.zeros_like(x), x.copy()
    for i in np.ndindex(x.shape):
        moved[i] += h
        up = f(moved)
        moved[i] -= 2 * h
        grad[i] = (up - f(moved)) / (2 * h)
        moved[i] += h
    if not np.array_equal(moved, x):
        raise CHANGED
    return grad


def put_back_twice_by_adding(f, x, h=1e-5):
    grad, moved = np.zeros_like(x), x.copy()
    for i in np.ndindex(x.shape):
        moved[i] += h
        up = f(moved)
        moved[i] -= h
        moved[i] -= h
        grad[i] = (up - f(moved)) / (2 * h)
        moved[i] += h
    if not np.array_equal(moved, x):
        raise CHANGED
    return grad


def whole_rows(f, x, h=1e-5):
    grad = np.zeros_like(x)
    for i in range(len(x)):
        up, down = x.copy(), x.copy()
        up[i] += h
        down[i] -= h
        grad[i] = (f(up) - f(down)) / (2 * h)
    return grad


def first_axis_diagonal(f, x, h=1e-5):
    return np.full(x.shape, (f(x + h) - f(x - h)) / (2 * h))


NUMERICAL = Exercise(
    gradcheck.numerical_gradient,
    returns="grad",
    section="Two points and a slope",
    cases=numerical_cases,
    mutants={
        "This is the forward difference: one step up, and x itself. Its error is in proportion to h, the central one's "
        "to h².": {"(f(up) - f(down)) / (2 * h)": "(f(up) - f(x)) / h"},
        "This is the backward difference: x itself, and one step down. Step to both sides.": {
            "(f(up) - f(down)) / (2 * h)": "(f(x) - f(down)) / h"
        },
        "From x - h to x + h the way is 2h long, and you divide by h.": {"(2 * h)": "h"},
        "You multiply by h where you should divide: / 2 * h reads from left to right.": {"/ (2 * h)": "/ 2 * h"},
        "The rise is not divided by the step: a slope is rise over run.": {" / (2 * h)": ""},
        "The sign is turned: up minus down, so that a rising f has a positive slope.": {
            "f(up) - f(down)": "f(down) - f(up)"
        },
        "All entries are nudged together, which gives one number: the sum of all slopes. Nudge one entry, and leave "
        "the others where they are.": first_axis_diagonal,
        "A whole row moves at a time here. With more than one axis an entry has more than one index.": whole_rows,
        "An entry that has been nudged is not put back, so each later slope is measured at another place.": (
            never_put_back
        ),
        "x comes back changed in its last digits: adding h and taking it off again is not exact. Save the entry and write "
        "it back, or work on a copy.": put_back_by_adding,
        "x does not always come back as it was, to the last digit: x + h - h is not exactly x. Save the entry and write it "
        "back, or work on a copy.": put_back_twice_by_adding,
        "up and down are one and the same array: what is added to the one is taken off again. Each needs a copy of its "
        "own.": {"up, down = x.copy(), x.copy()": "up = down = x.copy()"},
        "h is not used: the step is always 1e-5. Whoever passes another h wants another step.": {
            "up[i] += h": "h = 1e-5; up[i] += h"
        },
        "The step grows with the entry: h times x. The docstring asks for h itself.": {
            "up[i] += h": "up[i] += h * x[i]",
            "down[i] -= h": "down[i] -= h * x[i]",
            "(2 * h)": "(2 * h * x[i])",
        },
        "The slopes lie in one long row. They should be shaped like x.": {"return grad": "return grad.ravel()"},
    },
    variants={
        "one flat index": flat_central,
        "rows of an identity matrix": central_by_unit_steps,
        "the mean of two one-sided slopes": mean_of_two_one_sided,
    },
)


def relative_cases(rng):
    a = entries(rng, (3, 4))
    wrong = a.copy()
    wrong[1, 2] *= 0.5
    yield "one entry of a table wrong", a, wrong
    yield "all entries off by a little", a, a * 1.03
    yield "a is the smaller", 0.8 * a, a
    yield "alike", a, a.copy()
    yield "both all zeros", np.zeros((2, 3)), np.zeros((2, 3))
    yield "one of them all zeros", np.zeros(4), entries(rng, 4)
    yield "opposite signs", entries(rng, 5) * 0.3, -np.abs(entries(rng, 5))
    yield "the largest is negative", np.array([0.5, -4.0, 1.0]), np.array([0.5, -4.4, 1.1])
    tiny = rng.uniform(1e-9, 3e-9, (2, 2))
    yield "gradients of a billionth", tiny, tiny * [[1, 1.2], [1, 1]]
    yield "a tiny entry that is off by as much again", np.array([2.0, 1e-3]), np.array([2.01, 2e-3])
    yield "one number each", np.array([4.0]), np.array([3.0])
    yield (
        "three axes, both signs of error",
        *(lambda x: (x, x + 0.2 * entries(rng, (2, 1, 3))))(entries(rng, (2, 1, 3))),
    )


def relative_by_loops(a, b):
    largest, apart = 0.0, 0.0
    for p, q in zip(np.ravel(a).tolist(), np.ravel(b).tolist(), strict=True):
        largest, apart = max(largest, abs(p), abs(q)), max(apart, abs(p - q))
    return 0.0 if apart == 0 else apart / largest


def relative_by_stacking(a, b):
    largest = np.abs(np.stack([a, b])).max()
    return 0.0 if largest == 0 else np.abs(a - b).max() / largest


def relative_by_norms(a, b):
    top = max(np.linalg.norm(np.ravel(a), np.inf), np.linalg.norm(np.ravel(b), np.inf))
    return np.linalg.norm(np.ravel(a - b), np.inf) / top if top > 0 else 0.0


def entry_by_entry(a, b):
    scale = np.maximum(np.abs(a), np.abs(b))
    return np.max(np.abs(a - b) / np.where(scale == 0, 1, scale))


def entry_by_entry_unguarded(a, b):
    return np.max(np.abs(a - b) / np.maximum(np.abs(a), np.abs(b)))


def by_a_unguarded(a, b):
    return np.max(np.abs(a - b)) / np.max(np.abs(a))


def by_b_unguarded(a, b):
    return np.max(np.abs(a - b)) / np.max(np.abs(b))


def signed(a, b):
    return np.max(a - b) / (max(np.max(np.abs(a)), np.max(np.abs(b))) or 1)


def signed_unguarded(a, b):
    return np.max(a - b) / max(np.max(np.abs(a)), np.max(np.abs(b)))


def over_the_sum(a, b):
    apart = np.max(np.abs(a - b))
    return apart / ((np.max(np.abs(a)) + np.max(np.abs(b))) or 1)


def by_lengths(a, b):
    return np.linalg.norm(a.ravel() - b.ravel()) / (max(np.linalg.norm(a), np.linalg.norm(b)) or 1)


APART, SCALE = "np.max(np.abs(a - b), initial=0)", "max(np.max(np.abs(a), initial=0), np.max(np.abs(b), initial=0))"
RELATIVE = Exercise(
    gradcheck.relative_error,
    returns="error",
    section="How far apart is too far",
    cases=relative_cases,
    mutants={
        "Each entry is divided by its own size. A slope that is nearly 0 consists of rounding, and would raise the "
        "alarm: the scale is the largest entry of all.": entry_by_entry,
        "This is the mean difference. One wrong entry among thousands would drown in it: take the largest.": {
            APART: "np.mean(np.abs(a - b))"
        },
        "Only a gives the scale. Where a is all zeros, or much too small, this is inf or far too large.": {
            SCALE: "np.max(np.abs(a))"
        },
        "Only b gives the scale. If b is the gradient that is wrong, it measures itself.": {SCALE: "np.max(np.abs(b))"},
        "Each entry is divided by its own size, which for a slope of exactly 0 is 0 / 0. And a slope that is nearly 0 "
        "consists of rounding, and would raise the alarm: the scale is the largest entry of all.": (
            entry_by_entry_unguarded
        ),
        "Only a gives the scale. Where a is all zeros this is 0 / 0 or inf: take the larger of the two.": by_a_unguarded,
        "Only b gives the scale. It may be all zeros, or be the wrong one: take the larger of the two.": by_b_unguarded,
        "The largest difference is taken with its sign, so it may be negative, or not the one furthest off. Take |a - b|.": (
            signed
        ),
        "The largest difference is taken with its sign: take |a - b|. And two gradients that are all zeros make 0 / 0.": (
            signed_unguarded
        ),
        "You divide by the sum of the two sizes. The docstring asks for the larger of them.": over_the_sum,
        "Differences keep their sign here, so the largest is not the one that is furthest off. Take |a - b|.": {
            "np.abs(a - b)": "(a - b)"
        },
        "The scale is the largest entry with its sign. A gradient whose largest entry is negative is taken for small.": {
            SCALE: "max(np.max(a), np.max(b))"
        },
        "This is the largest difference as it is. Whether 0.001 is much depends on how large the gradients are.": {
            " / (scale or 1)": ""
        },
        "Two gradients that are both all zeros agree. Here 0 / 0 makes a nan of it.": {"(scale or 1)": "scale"},
        "A small number is added to the scale, to keep the division safe. Gradients may be that small themselves, and "
        "their errors vanish behind it.": {"(scale or 1)": "(scale + 1e-8)"},
        "You compare lengths: the root of the summed squares. One wrong entry among many is watered down by that; the "
        "docstring asks for the largest.": by_lengths,
        "This is the error of every entry. Their largest, one number, is missing.": {
            "np.max(np.abs(a - b), initial=0) /": "np.abs(a - b) /"
        },
    },
    variants={
        "loops": relative_by_loops,
        "stacked": relative_by_stacking,
        "norms": relative_by_norms,
    },
)


def complex_cases(rng):
    norm, lse = tree.global_norm, activations.log_sum_exp
    yield "a vector", norm, entries(rng, 4), 1e-30
    yield "a table with more columns than rows", norm, entries(rng, (2, 5)), 1e-30
    yield "one entry", lse, entries(rng, 1), 1e-20
    yield "another function", lse, entries(rng, 5), 1e-30
    yield "three axes", norm, entries(rng, (2, 1, 3)), 1e-30
    yield "a single column", norm, entries(rng, (4, 1)), 1e-12
    yield "h = 1e-200", norm, entries(rng, (3, 2)), 1e-200
    yield "a step that is not small, h = 0.5", lse, entries(rng, 6), 0.5
    yield "entries in the thousands", norm, 1e3 * entries(rng, (2, 3)), 1e-30


def complex_flat(f, x, h=1e-30):
    grad = np.empty(x.size)
    for k in range(x.size):
        z = np.array(x, dtype=complex)
        z.flat[k] = complex(x.flat[k], h)
        grad[k] = f(z).imag / h
    return grad.reshape(x.shape)


def complex_by_unit_steps(f, x, h=1e-30):
    steps = 1j * h * np.eye(x.size).reshape(x.size, *x.shape)
    return np.reshape([np.imag(f(x + step)) / h for step in steps], x.shape)


def complex_both_sides(f, x, h=1e-30):
    grad = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        up, down = x + 0j, x + 0j
        up[i] += 1j * h
        down[i] -= 1j * h
        grad[i] = np.imag(f(up) - f(down)) / (2 * h)
    return grad


def complex_never_put_back(f, x, h=1e-30):
    grad, stepped = np.zeros_like(x), x.astype(complex)
    for i in np.ndindex(x.shape):
        stepped[i] += 1j * h
        grad[i] = np.imag(f(stepped)) / h
    return grad


COMPLEX = Exercise(
    gradcheck.complex_step,
    returns="grad",
    section="A step without a difference",
    cases=complex_cases,
    mutants={
        "This is the real part over h: f itself, blown up. The slope sits in the imaginary part.": {
            "np.imag(": "np.real("
        },
        "The imaginary part is h times the slope. It is still to be divided by h.": {" / h": ""},
        "You divide by 2h. There is one step here, h long, not one to each side.": {"/ h": "/ (2 * h)"},
        "The step is a real one: nothing imaginary comes out, and the slopes are all 0.": {"1j * h": "h"},
        "All entries are stepped together, which gives the sum of all slopes. Step one entry, and leave the others.": {
            "stepped[i] += 1j * h": "stepped += 1j * h"
        },
        "An entry that was stepped stays complex, so each slope has all the earlier ones added to it.": (
            complex_never_put_back
        ),
        "This is the size of the complex number. The size has no sign, and it is nearly f itself.": {
            "np.imag(": "np.abs("
        },
        "The size of the difference over h: all slopes come out positive. A slope has a sign.": {
            "np.imag(f(stepped))": "np.abs(np.imag(f(stepped)))"
        },
        "h is not used: the step is always 1e-30. Whoever passes another h wants another step.": {
            "stepped[i] += 1j * h": "h = 1e-30; stepped[i] += 1j * h"
        },
        "The sign is turned: you step down, and divide as if you had stepped up.": {"+= 1j": "-= 1j"},
        "The slopes lie in one long row. They should be shaped like x.": {"return grad": "return grad.ravel()"},
    },
    variants={
        "one flat index": complex_flat,
        "rows of an identity matrix": complex_by_unit_steps,
        "one step to each side": complex_both_sides,
    },
)


# The line-up ----------------------------------------------------------------------------------------------------------

SUSPECTS = (
    "forward",
    "central",
    "complex step",
    "central, float32",
    "forward, float32",
    "kink nearby",
    "wrong gradient",
    "dropout without a seed",
)


def lineup():
    """h, and {letter: relative errors}: six ways of checking the gradient of one function, with ever smaller steps."""
    x = np.array([0.003, 1.3, -0.7, 0.4, 0.9])
    f, right = activations.log_sum_exp, activations.softmax_forward(x)[0]
    single = x.astype(np.float32)
    wrong = right * [1, 1, 0.97, 1, 1]

    def forward(h):
        return np.array([(f(x + step) - f(x)) / h for step in h * np.eye(5)])

    def in_float32(h):
        steps = (h * np.eye(5)).astype(np.float32)
        return np.array([(f(single + s).item() - f(single - s).item()) / (2 * h) for s in steps])

    def bent(x):
        return f(np.maximum(x, 0))

    relu = activations.softmax_forward(np.maximum(x, 0))[0] * (x > 0)
    steps = 10.0 ** -np.arange(0.5, 15.1, 0.25)
    return steps, {
        "A": [gradcheck.relative_error(in_float32(h), right) for h in steps],
        "B": [gradcheck.relative_error(gradcheck.numerical_gradient(f, x, h), wrong) for h in steps],
        "C": [gradcheck.relative_error(forward(h), right) for h in steps],
        "D": [gradcheck.relative_error(gradcheck.complex_step(f, x, h), right) for h in steps],
        "E": [gradcheck.relative_error(gradcheck.numerical_gradient(bent, x, h), relu) for h in steps],
        "F": [gradcheck.relative_error(gradcheck.numerical_gradient(f, x, h), right) for h in steps],
    }


def write_lineup(file):
    steps, curves = lineup()
    arrays = {letter: [float(f"{max(e, 1e-16):.3g}") for e in errors] for letter, errors in curves.items()}
    np.savez_compressed(file, h=steps, **{letter: np.array(errors) for letter, errors in arrays.items()})


DATA = {"lineup.npz": write_lineup}
ROUNDING = {"lineup.npz"}

LINEUP = Answer(
    "ch09.lineup",
    value={
        "A": "central, float32",
        "B": "wrong gradient",
        "C": "forward",
        "D": "complex step",
        "E": "kink nearby",
        "F": "central",
    },
    section={
        "A": "How small a step",
        "B": "False alarms",
        "C": "How small a step",
        "D": "A step without a difference",
        "E": "False alarms",
        "F": "How small a step",
    },
    choices=SUSPECTS,
    mutants={
        "With other units dropped at every call, no step comes near the slope, and shorter steps only make it worse. This "
        "one falls at first.": ("A", "dropout without a seed"),
        "With other units dropped at every call, the error grows with every shortening of h. This one stays where it is.": (
            "B",
            "dropout without a seed",
        ),
        "In float32 nothing comes below about 1e-5. This one gets further down.": ("C", "central, float32"),
        "A gradient with a wrong entry never comes near what is measured. This one does.": ("C", "wrong gradient"),
        "A forward difference must rise again as h shrinks: it subtracts. Does this one?": ("D", "forward"),
        "In float32 nothing comes below about 1e-5. Look how far down this one gets.": ("E", "central, float32"),
        "For large steps it falls far too slowly for a forward difference, and then it drops at once. What happens when "
        "the step gets shorter than a certain distance?": ("E", "forward"),
        "A gradient with a wrong entry never comes near what is measured. This one comes near it.": (
            "F",
            "wrong gradient",
        ),
        "Come from the right, where steps are long. A forward difference gets ten times better with a step ten times "
        "shorter; this one gets a hundred times better.": ("A", "forward, float32"),
        "In float64 the central difference gets down to 1e-10 or so. This one has far fewer digits to lose.": (
            "A",
            "central",
        ),
        "This lies level over ten powers of ten: no step, long or short, brings the two together. What does that say "
        "about the other of the two?": ("B", "central"),
        "A kink goes away when the step gets small enough not to reach it. This stays.": ("B", "kink nearby"),
        "With few digits a curve falls, and soon rises again. This one does neither over ten powers of ten.": (
            "B",
            "central, float32",
        ),
        "Come from the right, where steps are long. The central difference gets a hundred times better with a step ten "
        "times shorter; this one ten times.": ("C", "central"),
        "In float32 there is nothing below about 1e-4 for a forward difference. This one gets further down.": (
            "C",
            "forward, float32",
        ),
        "A central difference must rise again as h shrinks: it subtracts. Does this one?": ("D", "central"),
        "Level, and in the end as good as any central difference: if the gradient were wrong, no step could bring it "
        "there.": ("E", "wrong gradient"),
        "For large steps it falls far too slowly, and then it drops at once. What happens when the step gets shorter "
        "than a certain distance?": ("E", "central"),
        "A run with other units dropped at every call gets worse from the first shortening of h on. This one gets "
        "better.": ("E", "dropout without a seed"),
        "Come from the right, where steps are long. With a step ten times shorter, does the error get ten times "
        "smaller, as a forward difference's does, or a hundred?": ("F", "forward"),
        "The complex step subtracts nothing, so it has no reason to rise again as h shrinks.": ("F", "complex step"),
    },
)


# Five bugs ------------------------------------------------------------------------------------------------------------


def masked_mse_backward(dout, cache):
    """The gradient of loss = Σ mask · r² / Σ mask: the mean square over the entries that count.

    dout : a number
    cache : (r, mask), with r = pred - targets : (...,) and mask : (...,), 1.0 for an entry that counts, 0.0 for padding
    Returns dpred : (...,).
    """
    r, mask = cache
    return dout * 2 * mask * r / mask.sum()


def masked_cases(rng):
    for note, shape, kept, dout in [
        ("a table, some of it padding", (3, 4), 7, 1.0),
        ("nothing padded", (2, 3), 6, 1.0),
        ("one entry counts", (4, 2), 1, 1.0),
        ("a single row", (5,), 3, 1.0),
        ("three axes", (2, 3, 4), 15, 1.0),
        ("a loss that is weighted, dout = 0.5", (4, 3), 10, 0.5),
    ]:
        mask = rng.permutation(np.arange(math.prod(shape)) < kept).reshape(shape).astype(float)
        if "table" in note or "weighted" in note:
            mask[:, 0] = 1.0  # every row has something that counts
        yield note, dout, (entries(rng, shape), mask)


def masked_by_loops(dout, cache):
    r, mask = cache
    dpred, count = np.zeros(r.shape), sum(1 for m in mask.ravel() if m)
    for i in np.ndindex(r.shape):
        if mask[i]:
            dpred[i] = dout * (r[i] + r[i]) / count
    return dpred


MASKED = Exercise(
    masked_mse_backward,
    module="ch09",
    returns="dpred",
    section="What a careless check does not see",
    cases=masked_cases,
    broken={"mask.sum()": "r.size"},
    mutants={
        "The mean is taken over all entries, padding included: right when nothing is padded, too small by the share of "
        "the padding otherwise. By what does the loss divide?": {"mask.sum()": "r.size"},
        "The padding has a gradient now. The loss does not hear those entries.": {"mask * r": "r"},
        "The padding has a gradient, and counts in the mean.": {"mask * r": "r", "mask.sum()": "r.size"},
        "Each row is divided by its own count. The loss is one mean over everything that counts, in whatever row.": {
            "mask.sum()": "mask.sum(axis=-1, keepdims=True)"
        },
        "You divide by the length of the first axis. The loss divides by the number of entries that count.": {
            "mask.sum()": "len(mask)"
        },
        "The count is gone altogether: the loss is a mean, so an entry moves it by its share only.": {
            " / mask.sum()": ""
        },
        "The 2 is gone: the slope of r² is 2r.": {"* 2 *": "*"},
        "You divide by the mask, entry by entry: for the padding that is 0/0.": {"mask * r / mask.sum()": "r / mask"},
    },
    variants={
        "loops": masked_by_loops,
        "where": {"2 * mask * r / mask.sum()": "np.where(mask > 0, 2 * r, 0.0) / np.count_nonzero(mask)"},
        "a mean of the mask": {"/ mask.sum()": "/ (mask.mean() * mask.size)"},
    },
)


def tanh_layer_backward(dout, cache):
    """The gradients of out = tanh(z), z = xW + b, summed over all rows for W and b.

    dout : (..., d_out)
    cache : (x, W, z), with x : (..., d_in), W : (d_in, d_out) and z : (..., d_out)
    Returns dx : (..., d_in), dW : (d_in, d_out) and db : (d_out,).
    """
    x, W, z = cache
    dz = dout * (1 - np.tanh(z) ** 2)
    rows = dz.reshape(-1, dz.shape[-1])
    return dz @ W.T, x.reshape(-1, x.shape[-1]).T @ rows, rows.sum(axis=0)


def tanh_layer_cases(rng):
    for note, lead, d_in, d_out, scale in [
        ("a batch of rows", (5,), 3, 4, 1),
        ("one row", (1,), 4, 2, 1),
        ("two leading axes", (2, 3), 4, 5, 0.8),
        ("no leading axis", (), 3, 2, 1),
        ("small weights", (4,), 2, 3, 0.3),
        ("saturated units", (3,), 4, 2, 20),
    ]:
        x, W = entries(rng, (*lead, d_in)), scale * entries(rng, (d_in, d_out))
        z = x @ W + rng.standard_normal(d_out)
        yield note, rng.standard_normal(z.shape), (x, W, z)


def tanh_layer_by_einsum(dout, cache):
    x, W, z = cache
    s = 1 / (1 + np.exp(-2 * z))
    dz = dout * 4 * s * (1 - s)
    flat = dz.reshape(-1, W.shape[1])
    return np.einsum("...o,io->...i", dz, W), np.einsum("ni,no->io", x.reshape(-1, W.shape[0]), flat), flat.sum(0)


TANH_LAYER = Exercise(
    tanh_layer_backward,
    module="ch09",
    returns="dx, dW, db",
    section="What a careless check does not see",
    cases=tanh_layer_cases,
    broken={"np.tanh(z) ** 2": "z**2"},
    mutants={
        "1 - z² is tanh's slope only where z and tanh(z) are nearly the same, near 0. Beyond 1 it is even negative. "
        "What is to be squared?": {"np.tanh(z) ** 2": "z**2"},
        "The slope is held at 0 or above. That hides the worst of it; it is still not the slope of tanh.": {
            "(1 - np.tanh(z) ** 2)": "np.maximum(1 - z**2, 0)"
        },
        "The square is missing: for negative z this slope is above 1, and tanh is nowhere steeper than at 0.": {
            "np.tanh(z) ** 2": "np.tanh(z)"
        },
        "z is squared before the tanh. The slope is had from the output, squared after.": {
            "np.tanh(z) ** 2": "np.tanh(z**2)"
        },
        "That is the sigmoid's slope, s(1 - s), with tanh put in for s.": {
            "(1 - np.tanh(z) ** 2)": "np.tanh(z) * (1 - np.tanh(z))"
        },
        "tanh is taken twice: z is the weighted sum, so one tanh makes the output.": {
            "np.tanh(z) ** 2": "np.tanh(np.tanh(z)) ** 2"
        },
        "The activation has gone missing on the way back: this is a linear layer's gradient.": {
            "dout * (1 - np.tanh(z) ** 2)": "dout"
        },
        "dout is multiplied by the output. What counts is the slope at that output.": {
            "(1 - np.tanh(z) ** 2)": "np.tanh(z)"
        },
    },
    variants={
        "1/cosh²": {"(1 - np.tanh(z) ** 2)": "np.cosh(z) ** -2.0"},
        "a sigmoid of 2z, and einsum": tanh_layer_by_einsum,
        "the output computed again": {"np.tanh(z) ** 2": "np.square(np.tanh(x @ W + (z - x @ W)))"},
    },
)


def unit_rows_backward(dout, cache):
    """The gradient of out = x / |x|, every row brought to length 1: dx = (dout - out · s) / |x|, s = dout · out by rows.

    dout : (..., d)
    cache : (out, length), with out : (..., d) and length = |x| : (..., 1)
    Returns dx : (..., d).
    """
    out, length = cache
    s = (dout * out).sum(axis=-1, keepdims=True)
    return (dout - out * s) / length


def unit_rows_cases(rng):
    for note, shape, scale in [
        ("more rows than columns", (5, 3), 1),
        ("more columns than rows", (2, 4), 1),
        ("as many rows as columns", (3, 3), 1),
        ("one row", (1, 4), 1),
        ("two leading axes", (2, 4, 3), 1),
        ("no leading axis", (5,), 1),
        ("long rows", (4, 2), 1e3),
        ("short rows", (3, 4), 1e-2),
    ]:
        x = scale * entries(rng, shape)
        length = np.sqrt((x**2).sum(axis=-1, keepdims=True))
        yield note, rng.standard_normal(shape), (x / length, length)


def unit_rows_by_jacobian(dout, cache):
    out, length = cache
    d = out.shape[-1]
    dx = [
        (np.eye(d) - np.outer(row, row)) @ slope / n
        for row, slope, n in zip(out.reshape(-1, d), dout.reshape(-1, d), length.ravel(), strict=True)
    ]
    return np.reshape(dx, out.shape)


UNIT_ROWS = Exercise(
    unit_rows_backward,
    module="ch09",
    returns="dx",
    section="What a careless check does not see",
    cases=unit_rows_cases,
    broken={"sum(axis=-1, keepdims=True)": "sum(axis=0)"},
    mutants={
        "The sum runs down the columns, and NumPy spreads it over the rows without a word. Each row has a length of its "
        "own, so each row needs a sum of its own.": {"sum(axis=-1, keepdims=True)": "sum(axis=0)"},
        "The axis is right, and the sums lie in a row where they should stand in a column. With as many rows as columns "
        "NumPy does not complain, and gives each row its neighbour's sum.": {"axis=-1, keepdims=True": "axis=-1"},
        "One sum over everything. Each row has a length of its own, so each row needs a sum of its own.": {
            "sum(axis=-1, keepdims=True)": "sum()"
        },
        "The sums run along axis 1. With two leading axes the features are elsewhere, and with none there is no axis 1.": {
            "axis=-1": "axis=1"
        },
        "This is a mean along the row. What s takes off is the whole of dout that points along the row.": {
            ".sum(axis=-1": ".mean(axis=-1"
        },
        "s is the sum of dout alone. It is weighted by the row: dout · out.": {"(dout * out).sum": "dout.sum"},
        "The second term is gone: lengthening a row changes nothing in its output, so dx must not point along it.": {
            "(dout - out * s)": "dout"
        },
        "The division by the length has gone missing: the longer a row, the less a nudge turns it.": {
            "(dout - out * s) / length": "dout - out * s"
        },
        "s is taken off without out: it goes off along the row, in proportion to the row's entries.": {"out * s": "s"},
    },
    variants={
        "the whole Jacobian": unit_rows_by_jacobian,
        "einsum": {"(dout * out).sum(axis=-1, keepdims=True)": "np.einsum('...d,...d->...', dout, out)[..., None]"},
        "multiplied out": {"(dout - out * s) / length": "dout / length - (s / length) * out"},
    },
)


def skip_backward(dout, cache):
    """The gradients of out = x + t, t = tanh(xW + b): a layer that adds to its input, so that W must be square.

    dout : (..., d)
    cache : (x, W, t), with x : (..., d), W : (d, d) and t : (..., d)
    Returns grads, judged as one: (dx, dW, db), with dx : (..., d), dW : (d, d) and db : (d,).
    """
    x, W, t = cache
    dz = dout * (1 - t**2)
    rows = dz.reshape(-1, dz.shape[-1])
    dx = dout + dz @ W.T
    dW = x.reshape(-1, x.shape[-1]).T @ rows
    return dx, dW, rows.sum(axis=0)


def skip_cases(rng):
    for note, lead, d in [
        ("a batch of rows", (5,), 3),
        ("one row", (1,), 4),
        ("as many rows as units", (3,), 3),
        ("two leading axes", (2, 3), 4),
        ("no leading axis", (), 2),
    ]:
        x, W = entries(rng, (*lead, d)), rng.standard_normal((d, d))
        yield note, rng.standard_normal((*lead, d)), (x, W, np.tanh(0.6 * x @ W + 0.3 * rng.standard_normal(d)))


def skip_by_loops(dout, cache):
    x, W, t = cache
    d = len(W)
    dx, dW, db = dout.copy(), np.zeros((d, d)), np.zeros(d)
    for row in np.ndindex(dout.shape[:-1]):
        for j in range(d):
            slope = dout[(*row, j)] * (1 - t[(*row, j)] * t[(*row, j)])
            db[j] += slope
            for i in range(d):
                dx[(*row, i)] += slope * W[i, j]
                dW[i, j] += slope * x[(*row, i)]
    return dx, dW, db


SKIP = Exercise(
    skip_backward,
    module="ch09",
    returns="grads",  # as one: what was right before the repair earns nothing
    section="What a careless check does not see",
    cases=skip_cases,
    broken={"dz @ W.T": "dz @ W"},
    mutants={
        "dx, the first of the three: here the slope goes back through W the same way as x went forward. Follow one entry of "
        "x: through which row or column of W did it go, and where did that lead?": {"dz @ W.T": "dz @ W"},
        "The slope that comes back past the layer, straight to x, has gone missing.": {"dout + dz @ W.T": "dz @ W.T"},
        "Two things are wrong in dx: the slope that comes back past the layer is missing, and the rest goes through W the "
        "same way as x went forward.": {"dout + dz @ W.T": "dz @ W"},
        "The slope that comes back past the layer is dout, not 1: out has x in it once, so what out is blamed for, x is.": {
            "dout + dz @ W.T": "1 + dz @ W.T"
        },
        "Two things are wrong in dx: the slope that comes back past the layer is missing, and what goes back through W has "
        "not been through the tanh.": {"dout + dz @ W.T": "dout @ W.T"},
        "Only the way past the layer is left: x goes through W as well.": {"dout + dz @ W.T": "dout"},
        "What goes back through W has not been through the tanh yet: dout, where dz is needed.": {
            "dz @ W.T": "dout @ W.T"
        },
        "Both ways go through the tanh here. The one past the layer meets no activation.": {
            "dout + dz @ W.T": "dz + dz @ W.T"
        },
        "W is not in it any more: the slope reaches x through the weights.": {"dz @ W.T": "dz"},
        "The transpose has moved to dW, which was right before.": {
            "dW = x.reshape(-1, x.shape[-1]).T @ rows": "dW = rows.T @ x.reshape(-1, x.shape[-1])"
        },
        "Twice the way past the layer: out = x + t has x in it once.": {"dout + dz": "2 * dout + dz"},
    },
    variants={
        "loops": skip_by_loops,
        "einsum": {"dz @ W.T": "np.einsum('...j,ij->...i', dz, W)"},
        "from the left": {"dz @ W.T": "np.swapaxes(W @ dz.reshape(-1, len(W)).T, 0, 1).reshape(dz.shape)"},
    },
)


def gate_backward(dout, cache):
    """The gradients of out = a · s, s = sigmoid(z): a gate that lets a share of a through.

    dout : (...,)
    cache : (a, s), each (...,)
    Returns da : (...,) and dz : (...,). dout and the cache are left as they were.
    """
    a, s = cache
    return dout * s, dout * a * s * (1 - s)


def gate_backward_in_place(dout, cache):
    """The gradients of out = a · s, s = sigmoid(z): a gate that lets a share of a through.

    dout : (...,)
    cache : (a, s), each (...,)
    Returns da : (...,) and dz : (...,). dout and the cache are left as they were.
    """
    a, s = cache
    dout *= s
    return dout, dout * a * (1 - s)


def gate_cases(rng):
    for note, shape, scale in [
        ("a batch of rows", (4, 3), 1.5),
        ("one entry", (1,), 1.5),
        ("three axes", (2, 1, 5), 1.5),
        ("a row", (6,), 1.5),
        ("gates nearly shut or open", (3, 4), 8),
    ]:
        s, _ = activations.sigmoid_forward(scale * entries(rng, shape))
        yield note, rng.standard_normal(shape), (entries(rng, shape), s)


def gate_by_loops(dout, cache):
    a, s = cache
    da, dz = np.empty(a.shape), np.empty(a.shape)
    for i in np.ndindex(a.shape):
        da[i] = dout[i] * s[i]
        dz[i] = dout[i] * a[i] * (s[i] - s[i] * s[i])
    return da, dz


GATE = Exercise(
    gate_backward,
    module="ch09",
    returns="da, dz",
    section="What a careless check does not see",
    cases=gate_cases,
    broken=gate_backward_in_place,
    mutants={
        "dout is left alone now, and with that a factor has gone out of dz: it was s times as large before the line was "
        "mended.": {"dout * a * s * (1 - s)": "dout * a * (1 - s)"},
        "da has lost the gate: what was shut off on the way forward gets its slope in full.": {
            "return dout * s,": "return dout * 1.0,"
        },
        "That is tanh's slope. The gate is a sigmoid, and its slope is had from its output in another way.": {
            "s * (1 - s)": "(1 - s**2)"
        },
        "dz has a factor s too many: the scaled copy brings one, and the sigmoid's slope another.": {
            "dout * a * s * (1 - s)": "dout * s * a * s * (1 - s)"
        },
        "da and dz have changed places: first comes what the gate lets through.": {
            "return dout * s, dout * a * s * (1 - s)": "return dout * a * s * (1 - s), dout * s"
        },
        "a is missing in dz: the gate scales a, so moving it matters the more the larger a is.": {
            "dout * a * s": "dout * s"
        },
    },
    variants={
        "loops": gate_by_loops,
        "a copy scaled in place": {
            "return dout * s, dout * a * s * (1 - s)": "dout = dout.copy(); dout *= s; return dout, dout * a * (1 - s)"
        },
        "through the sigmoid's slope": {"a * s * (1 - s)": "a * (s - s**2)"},
    },
)

EXERCISES = [BY_HAND, NUMERICAL, RELATIVE, LINEUP, MASKED, TANH_LAYER, UNIT_ROWS, SKIP, GATE, COMPLEX]
