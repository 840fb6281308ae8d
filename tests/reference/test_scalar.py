"""The scalar autograd engine against PyTorch's, and one neuron."""

import math
import operator
import re

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from reference_impl import neuron, scalar
from reference_impl.scalar import Value

examples = settings(max_examples=60)


# Value ----------------------------------------------------------------------------------------------------------------


UNARY = {
    "neg": operator.neg,
    "square": lambda a: a**2,
    "cube": lambda a: a**3,
    "to the 0": lambda a: a**0,
    "root": lambda a: (a * a + 0.5) ** 0.5,
    "inverse": lambda a: (a * a + 0.5) ** -1,
    "exp": lambda a: a.tanh().exp(),
    "log": lambda a: (a * a + 0.25).log(),
    "tanh": lambda a: a.tanh(),
    "relu": lambda a: a.relu(),
    "sigmoid": lambda a: a.sigmoid(),
    "plus a number": lambda a: a + 1.5,
    "a number plus": lambda a: 1.5 + a,
    "minus a number": lambda a: a - 1.5,
    "a number minus": lambda a: 1.5 - a,
    "times a number": lambda a: a * -2,
    "a number times": lambda a: -2 * a,
    "by a number": lambda a: a / 4,
    "a number by": lambda a: 4 / (a * a + 1),
}
BINARY = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda a, b: a / (b * b + 1),
}


def assert_is_torchs(formula, numbers):
    """formula of Values and of tensors: the same result, and the same derivative by every number."""
    ours = [Value(x) for x in numbers]
    theirs = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in numbers]
    out, expected = formula(*ours), formula(*theirs)
    assert out.data == pytest.approx(expected.item(), rel=1e-12, abs=1e-12)
    grads = torch.autograd.grad(expected, theirs, allow_unused=True)
    out.backward()
    for value, grad in zip(ours, grads, strict=True):
        assert value.grad == pytest.approx(0.0 if grad is None else grad.item(), rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("x", [-1.7, -0.3, 0.0, 0.4, 2.5])
@pytest.mark.parametrize("name", UNARY)
def test_every_operation_is_torchs(name, x):
    assert_is_torchs(UNARY[name], [x])


@pytest.mark.parametrize("name", BINARY)
def test_every_operation_of_two_is_torchs(name):
    assert_is_torchs(BINARY[name], [1.3, -0.7])
    assert_is_torchs(lambda a: BINARY[name](a, a), [1.3])  # both parents are one Value


@pytest.mark.parametrize(("a", "b"), [(3.0, -4.0), (-0.5, 0.25)])
def test_a_quotient_is_a_quotient(a, b):
    assert_is_torchs(operator.truediv, [a, b])
    assert_is_torchs(lambda b: a / b, [b])


def test_every_operation_of_value_is_tested():
    operations = {name for name, f in vars(Value).items() if callable(f)} - {"__init__", "__repr__", "backward"}
    used = {"__add__", "__mul__", "__pow__", "__neg__", "__sub__", "__truediv__"}
    used |= {"__radd__", "__rmul__", "__rsub__", "__rtruediv__", "exp", "log", "tanh", "relu", "sigmoid"}
    assert operations == used


steps = st.lists(
    st.tuples(st.sampled_from([*UNARY, *BINARY]), st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=15
)


@examples
@given(steps, st.lists(st.floats(-2, 2), min_size=1, max_size=3))
def test_any_expression_with_shared_parts_is_torchs(steps, numbers):
    """Each step takes results of any earlier ones, so most are used more than once; large ones are squashed."""

    def formula(*known):
        known = list(known)
        for name, i, j in steps:
            a, b = known[i % len(known)], known[j % len(known)]
            out = UNARY[name](a) if name in UNARY else BINARY[name](a, b)
            known.append(out.tanh() if abs(out.data) > 30 else out)
        return sum(known[1:], known[0])

    assert_is_torchs(formula, numbers)


def test_backward_adds_to_no_old_gradient():
    a = Value(3.0)
    square, double = a * a, 2 * a
    square.backward()
    square.backward()
    assert a.grad == 6
    double.backward()
    assert a.grad == 2
    assert square.grad == 1  # it is no part of double


def test_every_part_of_the_graph_has_its_gradient():
    a, b = Value(2.0), Value(-3.0)
    product = a * b
    total = product + a
    loss = total**2  # (ab + a)²
    loss.backward()
    assert (loss.grad, total.grad, product.grad) == (1, -8, -8)
    assert (a.grad, b.grad) == (-8 * (-3 + 1), -8 * 2)


def test_numpys_numbers_are_numbers():
    a = Value(2.0)
    for out, data in ((a * np.float64(3), 6), (np.float64(3) * a, 6), (np.float64(3) - a, 1), (a + np.int64(1), 3)):
        assert isinstance(out, Value) and out.data == data


def test_sigmoid_and_tanh_do_not_overflow():
    for x, limit in ((1e4, 1.0), (-1e4, 0.0)):
        out = Value(x).sigmoid()
        out.backward()
        assert out.data == limit
        assert Value(x).tanh().data == math.copysign(1, x)


@pytest.mark.parametrize("x", [0.0, -2.0])
def test_log_of_no_positive_number_is_refused(x):
    with pytest.raises(ValueError, match=f"^log needs a number above 0, not {x:g}$"):
        Value(x).log()


@pytest.mark.parametrize(("x", "k"), [(0.0, -1), (0.0, 0.5), (-8.0, 1 / 3), (-8.0, -0.5)])
def test_a_power_without_a_derivative_is_refused(x, k):
    with pytest.raises(ValueError, match=re.escape(f"{x:g} to the power of {k:g} has no derivative")):
        Value(x) ** k


def test_division_by_0_is_refused():
    with pytest.raises(ValueError, match="0 to the power of -1"):
        1 / Value(0.0)


def test_a_value_as_exponent_is_refused():
    with pytest.raises(TypeError, match="an exponent must be a plain number, not a Value"):
        Value(2.0) ** Value(3.0)


def test_what_a_value_shows_of_itself():
    a = Value(2)
    (a * 1.5).backward()
    assert repr(a) == "Value(2, grad=1.5)"
    assert (a.op, a.parents, type(a.data)) == ("", (), float)


def chain(length):
    first = last = Value(1.0)
    for _ in range(length):
        last = last * 1.0001 + 0.0
    return first, last


def test_a_chain_of_ten_thousand_does_not_recurse():
    first, last = chain(10_000)
    last.backward()
    assert first.grad == pytest.approx(1.0001**10_000, rel=1e-9)
    assert len(scalar.graph(last)[0]) == 4 * 10_000 + 1


def test_a_graph_whose_paths_double_at_every_step_is_walked_once():
    a = last = Value(1.0)
    for _ in range(60):
        last = last + last
    last.backward()
    assert a.grad == 2**60
    assert len(scalar.graph(last)[0]) == 61


@examples
@given(steps, st.floats(-2, 2))
def test_parents_come_first_and_everything_once(steps, x):
    known = [Value(x)]
    for name, i, j in steps:
        a, b = known[i % len(known)].tanh(), known[j % len(known)]
        known.append(UNARY[name](a) if name in UNARY else BINARY[name](a, b.tanh()))
    order = scalar.graph(known[-1])[0]
    place = {id(value): i for i, value in enumerate(order)}
    assert len(place) == len(order) and order[-1] is known[-1]
    assert all(place[id(parent)] < place[id(value)] for value in order for parent, _ in value.parents)
    nodes, edges = scalar.graph(known[-1])
    assert all(a is b for a, b in zip(nodes, order, strict=True))
    assert edges == [(place[id(p)], place[id(value)], slope) for value in order for p, slope in value.parents]


def test_the_graph_by_hand():
    a, b = Value(2.0), Value(5.0)
    nodes, edges = scalar.graph(a * b + a)
    assert [node.op for node in nodes] == ["", "", "*", "+"]
    assert [node.data for node in nodes] == [2, 5, 10, 12]
    assert edges == [(0, 2, 5.0), (1, 2, 2.0), (2, 3, 1.0), (0, 3, 1.0)]
    assert [node.data for node in scalar.graph(a * b)[0]] == [2, 5, 10]  # a drawing reads from left to right


def test_the_drawing_is_in_the_language_dot():
    a, b = Value(2.0), Value(-1 / 3)
    last = (a * b + a).tanh() ** 2
    last.backward()
    first, settings_, *body, end = scalar.to_dot(last).splitlines()
    assert (first, settings_, end) == ("digraph {", "  rankdir=LR; node [shape=box];", "}")
    nodes, edges = scalar.graph(last)
    boxes, arrows = body[: len(nodes)], body[len(nodes) :]
    for i, (box, node) in enumerate(zip(boxes, nodes, strict=True)):
        op, data, grad = re.fullmatch(rf'  {i} \[label="([^"\\]*)\\n([^"\\]*)\\ngrad ([^"\\]*)"\];', box).groups()
        assert op == (node.op or "given")
        assert float(data) == pytest.approx(node.data, rel=1e-3)
        assert float(grad) == pytest.approx(node.grad, rel=1e-3)
    for arrow, (i, j, slope) in zip(arrows, edges, strict=True):
        assert float(re.fullmatch(rf'  {i} -> {j} \[label="([^"]*)"\];', arrow)[1]) == pytest.approx(slope, rel=1e-3)


# One neuron -----------------------------------------------------------------------------------------------------------

CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR = np.array([0, 1, 1, 0])


@pytest.mark.parametrize("lead", [(), (4,), (2, 3), (0,)])
def test_a_neuron_is_a_weighted_sum_for_every_row(lead):
    rng = np.random.default_rng(1)
    x, w, b = rng.standard_normal((*lead, 5)), rng.standard_normal(5), 0.7
    z = neuron.neuron_forward(x, w, b)
    assert np.shape(z) == lead
    for i in np.ndindex(lead):
        assert z[i] == pytest.approx(sum(x[i][k] * w[k] for k in range(5)) + b, rel=1e-12)


def test_a_step_fires_above_0_only():
    np.testing.assert_array_equal(neuron.step(np.array([[-1.0, 0.0], [1e-300, 5.0]])), [[0, 0], [1, 1]])


def test_the_perceptrons_rule_by_hand():
    x, w = np.array([1.0, -2.0, 3.0]), np.array([0.5, 0.5, 0.5])  # w·x = 1
    kept = w.copy()
    w_new, b_new = neuron.perceptron_update(w, 0.25, x, 0, lr=0.1)  # fired, but should not
    np.testing.assert_allclose(w_new, [0.4, 0.7, 0.2])
    assert b_new == pytest.approx(0.15)
    w_new, b_new = neuron.perceptron_update(w, -1.5, x, 1)  # should fire, but did not
    np.testing.assert_allclose(w_new, [1.5, -1.5, 3.5])
    assert b_new == -0.5
    for b, target in ((0.25, 1), (-1.5, 0)):  # right already
        w_new, b_new = neuron.perceptron_update(w, b, x, target)
        np.testing.assert_array_equal(w_new, w)
        assert b_new == b
    np.testing.assert_array_equal(w, kept)


@examples
@given(st.integers(0, 10**6), st.integers(1, 5), st.floats(0.05, 0.5), st.floats(0.1, 3))
def test_the_perceptron_learns_whatever_a_line_parts(seed, d_in, margin, lr):
    """And with no more mistakes than (R/margin)², R the longest row, the bias being a feature too (Novikoff 1962)."""
    rng = np.random.default_rng(seed)
    x, true = rng.uniform(-1, 1, (40, d_in)), rng.standard_normal(d_in + 1)
    true /= np.linalg.norm(true)
    z = neuron.neuron_forward(x, true[:-1], true[-1])
    x, targets = x[np.abs(z) > margin], (z > 0)[np.abs(z) > margin].astype(int)
    bound = (1 + d_in) / margin**2
    w, b, mistakes = neuron.perceptron_train(x, targets, int(bound) + 2, lr)
    assert mistakes[-1] == 0 and 0 not in mistakes[:-1]
    assert sum(mistakes) <= bound
    np.testing.assert_array_equal(neuron.step(neuron.neuron_forward(x, w, b)), targets)


@pytest.mark.parametrize(("targets", "name"), [([0, 0, 0, 1], "and"), ([0, 1, 1, 1], "or"), ([1, 0, 1, 0], "not x₂")])
def test_the_perceptron_learns_logic(targets, name):
    w, b, mistakes = neuron.perceptron_train(CORNERS, np.array(targets), 50)
    assert mistakes[-1] == 0 and len(mistakes) < 50
    np.testing.assert_array_equal(neuron.step(neuron.neuron_forward(CORNERS, w, b)), targets)


def test_the_perceptron_never_learns_xor():
    w, b, mistakes = neuron.perceptron_train(CORNERS, XOR, 200)
    assert len(mistakes) == 200 and min(mistakes) > 0
    assert np.any(neuron.step(neuron.neuron_forward(CORNERS, w, b)) != XOR)


def test_no_neuron_at_all_computes_xor():
    """w₂ + b > 0 and w₁ + b > 0 and b <= 0 give w₁ + w₂ + b > 0: here, a grid of weights agrees."""
    around = np.linspace(-2, 2, 17)
    for w1 in around:
        for w2 in around:
            z = neuron.neuron_forward(CORNERS, np.array([w1, w2]), 0.0)
            assert not any(np.array_equal(neuron.step(z + b), XOR) for b in around)


def test_no_epochs_are_no_training():
    w, b, mistakes = neuron.perceptron_train(CORNERS, XOR, 0)
    assert (w.tolist(), b, mistakes) == ([0, 0], 0, [])


def test_two_layers_compute_xor_with_weights_by_hand():
    out = neuron.two_layer_forward(neuron.xor_params(), CORNERS)
    np.testing.assert_array_equal(out, XOR)
    np.testing.assert_array_equal(
        neuron.two_layer_forward(neuron.xor_params(), CORNERS.reshape(2, 2, 2)), [[0, 1], [1, 0]]
    )


def test_the_hidden_neurons_of_xor_are_or_and_and():
    params = neuron.xor_params()
    hidden = [neuron.step(neuron.neuron_forward(CORNERS, params["W1"][:, k], params["b1"][k])) for k in range(2)]
    np.testing.assert_array_equal(hidden, [[0, 1, 1, 1], [0, 0, 0, 1]])
