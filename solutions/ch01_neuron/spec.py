"""Set 1: how the grader draws cases, what people get wrong, what else is right."""

import numpy as np

from grading.spec import Answer, Exercise, Experiment
from reference_impl import data, neuron

GIVEN = []


# A threshold ----------------------------------------------------------------------------------------------------------


def step_cases(rng):
    yield "a row of numbers", rng.permutation([-2.5, -0.3, 0.4, 1.7, 3.0, -1.1]) * rng.uniform(0.5, 2)
    yield "a single number above 0", np.float64(rng.uniform(0.1, 0.9))  # NumPy's, as a weighted sum is
    yield "a single number below 0", -np.float64(rng.uniform(0.1, 3))
    yield "exactly 0, among others", np.array([0.0, rng.uniform(0.2, 2), 0.0, -rng.uniform(0.2, 2)])
    yield "a table of numbers", rng.permuted(np.array([[-2.0, 0.5, 1.5], [0.7, -0.8, 2.5]]) * rng.uniform(0.6, 1))
    yield "two leading axes", rng.standard_normal((2, 3, 4))
    yield "very large and very small numbers", np.array([1e300, -1e300, 1e-300, -1e-300])


def step_by_loop(z):
    fired = np.zeros(np.shape(z))
    for i in np.ndindex(fired.shape):
        if np.asarray(z)[i] > 0:
            fired[i] = 1
    return fired


def step_for_one_number(z):
    return 1.0 if z > 0 else 0.0


STEP = Exercise(
    neuron.step,
    returns="out",
    section="A sum and a threshold",
    cases=step_cases,
    mutants={
        "A neuron whose sum is exactly 0 fires here. It fires above 0 only.": {"z > 0": "z >= 0"},
        "This is the wrong way round: it fires below 0.": {"z > 0": "z < 0"},
        "Below 0 this says -1. A neuron that does not fire says 0.": {"1.0, 0.0": "1.0, -1.0"},
        "This is the sign: -1, 0 or 1. A neuron that does not fire says 0.": {
            "np.where(z > 0, 1.0, 0.0)": "np.sign(z)"
        },
        "Above 0 this hands on the number itself. All that comes out of a step is 1 or 0: fire or not.": {
            "1.0, 0.0": "z, 0.0"
        },
        "These are True and False. They are the right ones; the docstring asks for the numbers 1.0 and 0.0.": {
            "np.where(z > 0, 1.0, 0.0)": "np.asarray(z > 0)"
        },
        "The threshold is 1 here. It is 0: small positive sums fire too.": {"z > 0": "z >= 1"},
        "This is a ramp: between 0 and 1 it says how large the number is. A step knows only 0 and 1.": {
            "np.where(z > 0, 1.0, 0.0)": "np.clip(z, 0.0, 1.0)"
        },
        "An `if` can decide about one number, and z may hold many. np.where decides about each.": step_for_one_number,
    },
    variants={
        "a comparison turned into numbers": {"np.where(z > 0, 1.0, 0.0)": "np.asarray(z > 0).astype(float)"},
        "loop": step_by_loop,
        "heaviside": {"np.where(z > 0, 1.0, 0.0)": "np.heaviside(z, 0.0)"},
        "half of one plus the sign, rounded up": {
            "np.where(z > 0, 1.0, 0.0)": "np.floor((1 + np.sign(z)) / 2)",
        },
        "whole numbers": {"1.0, 0.0": "1, 0"},
    },
)


# By hand --------------------------------------------------------------------------------------------------------------

BY_HAND = Answer(
    "ch01.by_hand",
    value={"sum": 8, "out": 0, "crossing": 1.5, "distance": 1.6, "bias": 5},
    section="A line between yes and no",
    mutants={
        "The bias is missing: 3 · 2 - 4 · 1 is not all.": ("sum", 2),
        "The bias is subtracted here. It is added.": ("sum", -4),
        "The second weight is -4, not 4: its input speaks against firing.": ("sum", 16),
        "The inputs are added up as they are. Each is multiplied by its weight first.": ("sum", 9),
        "The sum is exactly 0 there, and a neuron fires above 0 only.": ("out", 1),
        "Say it as a number: 1 where it fires, 0 where it does not.": ("out", "does not fire"),
        "That is what Python says. What comes out of the neuron is a number, 1 or 0.": ("out", False),
        "Half is what a sigmoid says at a sum of 0. This neuron has a step, which says 0 or 1.": ("out", 0.5),
        "Upside down: in -4 · x₂ + 6 = 0 both signs turn.": ("crossing", -1.5),
        "That is where the line meets the x₁ axis. On the x₂ axis it is x₁ that is 0.": ("crossing", -2),
        "That is the bias. On the x₂ axis -4 · x₂ + 6 must be 0.": ("crossing", 6),
        "That is 4/6. From -4 · x₂ + 6 = 0 comes x₂ = 6/4.": ("crossing", 2 / 3),
        "That is the weighted sum. Divide it by the length of w, which is 5.": ("distance", 8),
        "The size is right. The sum at (2, 1) is above 0, so the point lies on the side that fires.": (
            "distance",
            -1.6,
        ),
        "You divide by |3| + |-4| = 7. The length of w is √(3² + 4²).": ("distance", 8 / 7),
        "You divide by 3² + 4² = 25. The length of w is the root of that.": ("distance", 0.32),
        "That is without the bias: the line does not run through the origin.": ("distance", 0.4),
        "The sign is turned: 3 · 1 - 4 · 2 is -5, and with the bias it must give 0.": ("bias", -5),
        "That is the old bias. With it the sum at (1, 2) is 1, not 0.": ("bias", 6),
        "The second weight is -4, not 4.": ("bias", -11),
    },
)


# One neuron -----------------------------------------------------------------------------------------------------------


def forward_cases(rng):
    for note, lead, d_in in [
        ("a few rows", (5,), 3),
        ("one example, no leading axis", (), 4),
        ("one row", (1,), 3),
        ("one input", (4,), 1),
        ("as many rows as inputs", (3,), 3),
        ("two leading axes", (2, 5), 3),
    ]:
        yield note, rng.standard_normal((*lead, d_in)), rng.standard_normal(d_in), float(rng.standard_normal())
    yield "inputs that are all 0", np.zeros((2, 3)), rng.standard_normal(3), 1 + float(rng.random())
    yield "large inputs", 1e6 * rng.standard_normal((4, 2)), rng.standard_normal(2), 1e6 * float(rng.standard_normal())


def forward_by_loops(x, w, b):
    z = np.zeros(x.shape[:-1])
    for row in np.ndindex(z.shape):
        z[row] = b
        for i in range(len(w)):
            z[row] += w[i] * x[(*row, i)]
    return z


def forward_input_by_input(x, w, b):
    z = b
    for i in range(len(w)):
        z = z + w[i] * x[..., i]
    return z


def forward_with_one_more_input(x, w, b):
    ones = np.ones((*x.shape[:-1], 1))
    return np.concatenate([x, ones], axis=-1) @ np.append(w, b)


FORWARD = Exercise(
    neuron.neuron_forward,
    returns="z",
    section="Sixty-four inputs",
    cases=forward_cases,
    mutants={
        "The bias is missing: a neuron adds its own b to the weighted sum.": {"+ b": ""},
        "The bias is subtracted. A threshold would be; a bias is added.": {"+ b": "- b"},
        "The step is in here already. What is asked for is the weighted sum before it.": {
            "return x @ w + b": "return np.where(x @ w + b > 0, 1.0, 0.0)"
        },
        "Every input is multiplied by its weight, and the products are not added up yet. A neuron says one number for "
        "each row.": {"x @ w + b": "x * w + b"},
        "The products of all rows are added up together. Each row has a sum of its own, along its last axis.": {
            "x @ w + b": "np.sum(x * w) + b"
        },
        "The bias is added once for every input. It belongs to the neuron: one b a row.": {
            "x @ w + b": "(x * w + b).sum(axis=-1)"
        },
        "The bias is added to the inputs, before the weights. It comes after the weighted sum.": {
            "x @ w + b": "(x + b) @ w"
        },
        "The inputs are added up without their weights.": {"x @ w + b": "x.sum(axis=-1) + b"},
        "This is a mean. A weighted sum is not divided by the number of inputs.": {
            "x @ w + b": "(x * w).mean(axis=-1) + b"
        },
        "w and x have changed places: w meets the rows' axis here. It belongs to the last one, that of the inputs.": {
            "x @ w": "w @ x"
        },
        "This is divided by the length of w: the distance from the line. The weighted sum itself is asked for.": {
            "return x @ w + b": "return (x @ w + b) / np.sqrt(np.sum(w**2))"
        },
        "All rows have been laid in one long list. Leading axes stay: x of (2, 5, 3) gives (2, 5).": {
            "x @ w + b": "x.reshape(-1, x.shape[-1]) @ w + b"
        },
        "Axis 1 is the last one only where x has two axes. The inputs lie along the last: axis=-1 is always that.": {
            "x @ w + b": "np.sum(x * w, axis=1) + b"
        },
        "Axis 0 is that of the rows, so the examples are added up. The inputs lie along the last axis.": {
            "x @ w + b": "np.sum(x * w, axis=0) + b"
        },
    },
    variants={
        "products, added up": {"x @ w": "(x * w).sum(axis=-1)"},
        "einsum": {"x @ w": "np.einsum('...i,i->...', x, w)"},
        "loops": forward_by_loops,
        "one input after the other": forward_input_by_input,
        "the bias as one more weight": forward_with_one_more_input,
    },
)


# A repair: the margin -------------------------------------------------------------------------------------------------


def margin(w, b, x, targets):
    """How far the row nearest to the line w·x + b = 0 is from it; below 0 where a row lies on the wrong side.

    w : (d_in,), not all 0
    b : a number
    x : (N, d_in), N above 0
    targets : (N,), 1 for rows that should lie where w·x + b > 0, 0 for the others
    Returns the smallest of the N distances, each counted negative where its row is on the wrong side.
    """
    side = 2 * targets - 1
    distances = neuron.neuron_forward(x, w, b) / np.sqrt(np.sum(w**2))
    return np.min(side * distances)


def margin_cases(rng):
    for note, n, d_in, size, wrong in [
        ("two inputs, all rows on their sides", 6, 2, 1.0, 0),
        ("the same line, written with weights ten times as large", 6, 2, 10.0, 0),
        ("three inputs, one row on the wrong side", 7, 3, 1.0, 1),
        ("one input", 5, 1, 2.0, 0),
        ("every row on the wrong side", 4, 3, 0.5, 4),
        ("sixty-four inputs", 9, 64, 0.1, 2),
    ]:
        w = size * (rng.standard_normal(d_in) + np.where(np.arange(d_in) % 2, -1, 1))
        b = size * float(rng.uniform(0.5, 1.5))
        z = size * (rng.permutation(n) + rng.uniform(0.6, 0.9, n)) * rng.choice([-1, 1], n)  # what the sums shall be
        free = rng.standard_normal((n, d_in))
        x = free + ((z - b - free @ w) / (w @ w))[:, None] * w
        targets = (z > 0).astype(int)
        targets[:wrong] = 1 - targets[:wrong]
        yield note, w, b, x, targets
    yield "one row, target 0", np.array([3.0, -4.0]), 6.0, rng.uniform(-1, 0, (1, 2)) - [9, 0], np.array([0])
    yield "one row, target 1", np.array([3.0, 4.0]), -2.0, rng.uniform(2, 3, (1, 2)), np.array([1])


def margin_by_loop(w, b, x, targets):
    length = np.linalg.norm(w)
    smallest = np.inf
    for row, target in zip(x, targets, strict=True):
        distance = (sum(w * row) + b) / length
        smallest = min(smallest, distance if target == 1 else -distance)
    return smallest


def margin_of_two_groups(w, b, x, targets):
    distances = (x @ w + b) / (w @ w) ** 0.5
    return min(distances[targets == 1].min(initial=np.inf), (-distances[targets == 0]).min(initial=np.inf))


HANDED_OUT = {
    "side = 2 * targets - 1": "side = targets",
    "np.sqrt(np.sum(w**2))": "np.sum(np.abs(w))",
    "np.min(": "np.max(",
}
NORM, SIDE = "np.sqrt(np.sum(w**2))", "2 * targets - 1"

MARGIN = Exercise(
    margin,
    module="ch01",
    returns="margin",
    section="Will it ever end?",
    cases=margin_cases,
    broken=HANDED_OUT,
    mutants={
        "Nothing has changed yet, or not for the result. Follow one row with target 0 through the lines.": HANDED_OUT,
        "The first line is right now; two are left. For w = (3, -4), how long is w? And whose distance is asked for?": {
            NORM: "np.sum(np.abs(w))",
            "np.min(": "np.max(",
        },
        "The second line is right now; two are left. What becomes of a row with target 0? And whose distance is asked for?": {
            SIDE: "targets",
            "np.min(": "np.max(",
        },
        "The last line is right now; two are left. What becomes of a row with target 0? And how long is w = (3, -4)?": {
            SIDE: "targets",
            NORM: "np.sum(np.abs(w))",
        },
        "The bias is counted into the length, as in the chapter's room m. The distance from the line has the weights "
        "alone there.": {NORM: "np.sqrt(np.sum(w**2) + b**2)"},
        "The length of w is not the sum of |w|: for w = (3, -4) it is 5, not 7.": {NORM: "np.sum(np.abs(w))"},
        "This divides by the square of w's length. The root is missing.": {NORM: "np.sum(w**2)"},
        "The weighted sums are taken for distances: with weights ten times as large the same line would lie ten times "
        "as far away.": {f" / {NORM}": ""},
        "This is the distance of the farthest row. The margin belongs to the nearest.": {"np.min(": "np.max("},
        "Rows with target 0 count as 0 here, wherever they lie. Their side is the negative one: -1.": {SIDE: "targets"},
        "The sides are turned: rows with target 1 belong where w·x + b is above 0.": {SIDE: "1 - 2 * targets"},
        "No row is ever on the wrong side here: the sign of the distance is lost.": {
            "side * distances": "np.abs(distances)"
        },
        "The targets are not looked at: a row with target 0 should lie where w·x + b is below 0.": {
            "side * distances": "distances"
        },
        "The bias is left out, so the line runs through the origin.": {"x, w, b)": "x, w, 0.0)"},
        "This is the mean distance. The margin is that of the nearest row.": {"np.min(": "np.mean("},
    },
    variants={
        "loop": margin_by_loop,
        "the two groups apart": margin_of_two_groups,
        "np.where": {"side * distances": "np.where(targets == 1, distances, -distances)"},
        "w brought to length 1 first": {
            f"neuron.neuron_forward(x, w, b) / {NORM}": "neuron.neuron_forward(x, w / np.linalg.norm(w), "
            "b / np.linalg.norm(w))"
        },
    },
)


# The perceptron's rule ------------------------------------------------------------------------------------------------


def update_cases(rng):
    """w and x are drawn, and b such that the weighted sum is what the note says."""
    for note, d_in, z, target, lr in [
        ("it should fire and does not", 3, -0.7, 1, 1.0),
        ("it fires and should not", 4, 0.8, 0, 1.0),
        ("it fires, and rightly", 2, 1.3, 1, 1.0),
        ("it does not fire, and rightly", 3, -0.4, 0, 1.0),
        ("it should fire and does not, lr = 0.5", 2, -1.6, 1, 0.5),
        ("it fires and should not, lr = 0.01", 5, 2.1, 0, 0.01),  # so small that it still fires after it
        ("one input", 1, 0.6, 0, 0.3),
    ]:
        w, x = rng.standard_normal((2, d_in)) + np.where(rng.random((2, d_in)) < 0.5, -1, 1)
        yield note, w, float(z - w @ x), x, target, lr
    w, x = rng.integers(1, 6, (2, 3)).astype(float)
    yield "exactly on the line, should fire", w, float(-w @ x), x, 1, 1.0
    yield "exactly on the line, should not fire", w, float(-w @ x), x, 0, 1.0
    yield "all weights 0, as at the start", np.zeros(4), 0.0, rng.standard_normal(4), 1, 1.0
    w, x = rng.uniform(0.5, 2, (2, 3))
    yield "it should fire, and the bias alone keeps it from it", w, -float(w @ x) - 2.5, x, 1, 1.0
    yield "large inputs", rng.standard_normal(2), -1e9, 1e4 * rng.uniform(1, 2, 2), 1, 1.0


def update_by_cases(w, b, x, target, lr=1.0):
    fires = w @ x + b > 0
    if fires and target == 0:
        return w - lr * x, b - lr
    if not fires and target == 1:
        return w + lr * x, b + lr
    return w, b


def update_by_loop(w, b, x, target, lr=1.0):
    z = b
    for i in range(len(w)):
        z += w[i] * x[i]
    error = target - (1 if z > 0 else 0)
    return np.array([w[i] + lr * error * x[i] for i in range(len(w))]), b + lr * error


def update_with_the_bias_as_a_weight(w, b, x, target, lr=1.0):
    both, inputs = np.append(w, b), np.append(x, 1.0)
    new = both + lr * (target - (both @ inputs > 0)) * inputs
    return new[:-1], new[-1]


ERROR = "target - step(neuron_forward(x, w, b))"
UPDATE = Exercise(
    neuron.perceptron_update,
    returns="w, b",
    section="Learning from mistakes",
    cases=update_cases,
    mutants={
        "The sign is turned: this takes out minus target, and every mistake pushes the line the wrong way.": {
            ERROR: "step(neuron_forward(x, w, b)) - target"
        },
        "The bias stays as it was. It learns as the weights do, as if it had an input that is always 1.": {
            "b + lr * error": "b"
        },
        "The weights stay as they were.": {"w + lr * error * x": "w"},
        "All weights move by the same amount. Each moves by its own input: what was not there is not to blame.": {
            "w + lr * error * x": "w + lr * error"
        },
        "The bias moves by the sum of the inputs. Its own input is 1.": {
            "b + lr * error": "b + lr * error * np.sum(x)"
        },
        "lr is left out. Weights and bias move by lr times what the rule says.": {
            "w + lr * error * x, b + lr * error": "w + error * x, b + error"
        },
        "This learns from right answers too. Where the neuron is right, nothing changes.": {ERROR: "2 * target - 1"},
        "The error is measured before the step: target minus the weighted sum. It is target minus what the neuron "
        "says, 0 or 1.": {ERROR: "target - neuron_forward(x, w, b)"},
        "This learns only where the neuron should have fired. Where it fired wrongly, it must learn too.": {
            ERROR: "max(target - step(neuron_forward(x, w, b)), 0)"
        },
        "Every mistake is taken for a missing yes. A wrong yes pulls the other way: the error has a sign.": {
            ERROR: "abs(target - step(neuron_forward(x, w, b)))"
        },
        "A weighted sum of exactly 0 counts as firing here. It does not fire.": {
            ERROR: "target - np.where(neuron_forward(x, w, b) >= 0, 1.0, 0.0)"
        },
        "The neuron answers without its bias here.": {ERROR: "target - step(neuron_forward(x, w, 0.0))"},
        "The bias learns from the answer that the new weights give. Both move by the error made before the step.": {
            "return w + lr * error * x, b + lr * error": "w = w + lr * error * x\n"
            "    return w, b + lr * (target - step(neuron_forward(x, w, b)))"
        },
    },
    variants={
        "three cases": update_by_cases,
        "loop": update_by_loop,
        "the bias as one more weight": update_with_the_bias_as_a_weight,
        "only where it is wrong": {
            "return w + lr * error * x, b + lr * error": "return (w, b) if error == 0 else (w + lr * error * x, "
            "b + lr * error)"
        },
    },
)


# XOR by hand ----------------------------------------------------------------------------------------------------------


def xor(x):
    """1.0 where exactly one of two inputs is on, else 0.0, by three neurons: A and B look at x, C looks at A and B.

    x : (..., 2), 1 for on and 0 for off, each up to 0.1 too high or too low
    Returns out : (...,), 0.0 or 1.0.
    """
    w_a, b_a = np.array([1.0, 1.0]), -0.5
    w_b, b_b = np.array([-1.0, -1.0]), 1.5
    w_c, b_c = np.array([1.0, 1.0]), -1.5
    a = neuron.step(neuron.neuron_forward(x, w_a, b_a))
    b = neuron.step(neuron.neuron_forward(x, w_b, b_b))
    return neuron.step(neuron.neuron_forward(np.stack([a, b], axis=-1), w_c, b_c))


CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])


def xor_cases(rng):
    yield from zip(["both off", "the second on", "the first on", "both on"], CORNERS, strict=True)
    yield "all four, in two rows", CORNERS.reshape(2, 2, 2)
    off = 0.099 * np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])  # a line that spares these spares all between them
    for name, corner in zip(["both off", "the second on", "the first on", "both on"], CORNERS, strict=True):
        yield f"{name}, each 0.099 too high or too low", corner + rng.permutation(off)


def xor_from_its_two_halves(x):
    only_first = x @ [20.0, -20.0] - 10 > 0
    only_second = x @ [-20.0, 20.0] - 10 > 0
    return np.where(20.0 * only_first + 20.0 * only_second - 10 > 0, 1.0, 0.0)


ZEROS = {
    "w_a, b_a = np.array([1.0, 1.0]), -0.5": "w_a, b_a = np.array([0.0, 0.0]), 0.0",
    "w_b, b_b = np.array([-1.0, -1.0]), 1.5": "w_b, b_b = np.array([0.0, 0.0]), 0.0",
    "w_c, b_c = np.array([1.0, 1.0]), -1.5": "w_c, b_c = np.array([0.0, 0.0]), 0.0",
}
C = "w_c, b_c = np.array([1.0, 1.0]), -1.5"

XOR = Exercise(
    xor,
    module="ch01",
    returns="out",
    section="Two layers can",
    cases=xor_cases,
    broken=ZEROS,
    mutants={
        "It never fires: C's sum is nowhere above 0. Choose A and B first, two questions about x that one line each can "
        "answer. If you have, see whether what they say can ever lift C over its threshold.": ZEROS,
        "It always fires: C's bias alone is above 0, whatever A and B say.": {
            C: "w_c, b_c = np.array([1.0, 1.0]), 0.5"
        },
        "This is OR: it fires where both are on, too.": {C: "w_c, b_c = np.array([1.0, 0.0]), -0.5"},
        "This is AND: it fires where both are on, and nowhere else.": {C: "w_c, b_c = np.array([0.0, -1.0]), 0.5"},
        "This is NAND: it fires where both are off, too.": {C: "w_c, b_c = np.array([0.0, 1.0]), -0.5"},
        "It fires where both inputs are alike: that is the opposite. Turn round the sign of C's weights and of its "
        "bias.": {C: "w_c, b_c = np.array([-1.0, -1.0]), 1.5"},
        "It fires where both are off, and nowhere else: that is NOR.": {C: "w_c, b_c = np.array([-1.0, 0.0]), 0.5"},
        "Right at the corners and wrong beside them: a line runs too near the corner where both are off. Move it away "
        "from every corner.": {"-0.5": "-0.1"},
        "Right at the corners and wrong beside them: a line runs too near the corner where both are on. Move it away "
        "from every corner.": {"]), 1.5": "]), 1.9"},
        "Right at the corners and wrong beside them: both lines run too near a corner, one where both are off, one "
        "where both are on. Move them away.": {"-0.5": "-0.1", "]), 1.5": "]), 1.9"},
        "Right at the corners and wrong beside them: the line that parts both off from one on runs too near the "
        "corners where one is on. Move it away from every corner.": {"-0.5": "-0.9"},
        "Right at the corners and wrong beside them: the line that parts one on from both on runs too near the "
        "corners where one is on. Move it away from every corner.": {"]), 1.5": "]), 1.1"},
        "This compares the inputs, and two numbers that are each a little off are never equal. Let three neurons "
        "decide.": {
            "neuron.step(neuron.neuron_forward(np.stack([a, b], axis=-1), w_c, b_c))": "1.0 * (x[..., 0] != x[..., 1])"
        },
    },
    variants={
        "the first without the second, or the second without the first": xor_from_its_two_halves,
        "OR, less AND": {
            "w_b, b_b = np.array([-1.0, -1.0]), 1.5": "w_b, b_b = np.array([1.0, 1.0]), -1.5",
            C: "w_c, b_c = np.array([1.0, -1.0]), -0.5",
        },
        "other lines": {"-0.5": "-0.3", "]), 1.5": "]), 1.25", C: "w_c, b_c = np.array([2.0, 3.0]), -4.0"},
        "large weights": {
            "np.array([1.0, 1.0]), -0.5": "np.array([100.0, 90.0]), -40.0",
            "np.array([-1.0, -1.0]), 1.5": "np.array([-7.0, -7.0]), 10.0",
        },
    },
)


# Ten neurons read digits ----------------------------------------------------------------------------------------------

SPLIT = 1  # the seed that sets the images apart that only the grader has


def digits():
    """The digits, (x, y) twice: the 80 % that students have, and the hidden rest."""
    x, y = data.load_digits()
    known, _, hidden = data.train_val_test_split(y, np.random.default_rng(SPLIT), val=0, test=0.2)
    return (x[known], y[known]), (x[hidden], y[hidden])


def three(pair, val, test, seed=SPLIT):
    """A pair (x, y) cut into train, validation and test pairs."""
    x, y = pair
    return [(x[rows], y[rows]) for rows in data.train_val_test_split(y, np.random.default_rng(seed), val, test)]


def experiment_data(graded):
    """Graded: all images students have to learn from, the hidden ones to test on. At home: the known ones alone."""
    known, hidden = digits()
    if graded:
        train_set, val_set, _ = three(known, val=0.1, test=0)
        return {"train": train_set, "val": val_set, "test": hidden}
    return dict(zip(("train", "val", "test"), three(known, val=0.1, test=0.2, seed=7), strict=True))


def write_digits(file):
    """The known images as they lie in the set's folder: x : (1438, 64), ink from 0 to 1, and y : (1438,)."""
    (x, y), _ = digits()
    np.savez_compressed(file, x=x.astype(np.float32), y=y)


def neurons(x, y, rng, epochs, averaged=True):
    """Ten neurons, each taught by the perceptron's rule to tell one digit from the others: W : (64, 10), b : (10,)."""
    W, b, W_sum, b_sum = np.zeros((64, 10)), np.zeros(10), np.zeros((64, 10)), np.zeros(10)
    wanted = data.one_hot(y, 10)
    for _ in range(epochs):
        for i in rng.permutation(len(x)):
            error = wanted[i] - (x[i] @ W + b > 0)
            W, b = W + np.outer(x[i], error), b + error
            W_sum, b_sum = W_sum + W, b_sum + b
    return (W_sum, b_sum) if averaged else (W, b)


def reader(W, b):
    return lambda x: (x @ W + b).argmax(axis=1)


def averaged(x_train, y_train, x_val, y_val, rng):
    return reader(*neurons(x_train, y_train, rng, epochs=4))


def best_on_validation(x_train, y_train, x_val, y_val, rng):
    rounds = [neurons(x_train, y_train, rng, epochs) for epochs in (2, 3, 5)]
    return reader(*max(rounds, key=lambda pair: np.mean(reader(*pair)(x_val) == y_val)))


def multiclass_rule(x_train, y_train, x_val, y_val, rng):
    """Where the largest sum belongs to a wrong neuron: that one down, the right one up; averaged."""
    x, W, total = np.c_[x_train, np.ones(len(x_train))], np.zeros((65, 10)), np.zeros((65, 10))
    for _ in range(6):
        for i in rng.permutation(len(x)):
            guess = (x[i] @ W).argmax()
            if guess != y_train[i]:
                W[:, guess] -= x[i]
                W[:, y_train[i]] += x[i]
            total += W
    return reader(total[:-1], total[-1])


def nearest_neighbour(x_train, y_train, x_val, y_val, rng):
    return lambda x: y_train[(-2 * x @ x_train.T + (x_train**2).sum(axis=1)).argmin(axis=1)]


def with_labels_of_its_own(x_train, y_train, x_val, y_val, rng):
    return nearest_neighbour(*data.load_digits(), None, None, None)


def lookup_table(x_train, y_train, x_val, y_val, rng):
    table = {row.tobytes(): label for row, label in zip(x_train, y_train, strict=True)}
    return lambda x: np.array([table.get(row.tobytes(), 0) for row in x])


def seen_a_few(x_train, y_train, x_val, y_val, rng):
    return reader(*neurons(x_train[:60], y_train[:60], rng, epochs=1, averaged=False))


EXPERIMENT = Experiment(
    "ch01.ten_neurons",
    section="Will it ever end?",
    data=experiment_data,
    classes=10,
    bars=((0.93, 1.0), (0.85, 0.5)),
    mutants={
        "peeked": (
            "The answers agree better with labels from elsewhere than with those handed to fit. The digits are renamed "
            "at random before the check: only y_train and y_val say what they are called now.",
            with_labels_of_its_own,
        ),
        "memorised": (
            "It knows the images it was taught with, and new ones less well. Going over them more often will not help: "
            "the last weights bear the marks of the last mistakes. What would be a better choice than the last?",
            lookup_table,
        ),
        "untrained": (
            "It is not yet sure of the images it was taught with. If several neurons fire, or none, who decides? And "
            "where no line is perfect, the last weights are not the best ones: what would be a better choice?",
            seen_a_few,
        ),
    },
    variants={
        "averaged weights": averaged,
        "the best of three on validation images": best_on_validation,
        "the right one up, the wrong one down": multiclass_rule,
        "nearest neighbour": nearest_neighbour,
    },
)

DATA = {"digits.npz": write_digits}
EXERCISES = [STEP, BY_HAND, FORWARD, MARGIN, UPDATE, EXPERIMENT, XOR]
