"""Search for settings, the progress bar, and what an MLP costs."""

import io
import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from reference_impl import activations, init, mlp, progress, search, tree

examples = settings(max_examples=60)


@pytest.fixture
def rng():
    return np.random.default_rng(6)


# Grid and random search -----------------------------------------------------------------------------------------------


def test_a_grid_is_every_combination_the_last_name_fastest():
    assert search.grid({"lr": [0.1, 1.0], "depth": [2], "width": [8, 16, 32]}) == [
        {"lr": 0.1, "depth": 2, "width": 8},
        {"lr": 0.1, "depth": 2, "width": 16},
        {"lr": 0.1, "depth": 2, "width": 32},
        {"lr": 1.0, "depth": 2, "width": 8},
        {"lr": 1.0, "depth": 2, "width": 16},
        {"lr": 1.0, "depth": 2, "width": 32},
    ]
    assert search.grid({"lr": []}) == []
    assert search.grid({}) == [{}]


def test_log_uniform_is_as_likely_in_every_decade(rng):
    """Of 4,000 draws between 0.0001 and 1 a quarter in each of four, within five standard errors."""
    draw = search.log_uniform(1e-4, 1.0)
    drawn = np.array([draw(rng) for _ in range(4000)])
    assert drawn.min() >= 1e-4 and drawn.max() <= 1.0
    decades = np.bincount(np.floor(np.log10(drawn)).astype(int) + 4, minlength=4)
    np.testing.assert_allclose(decades, 1000, atol=5 * math.sqrt(4000 * 0.25 * 0.75))


def test_random_settings_are_drawn_from_samplers_and_lists(rng):
    space = {
        "lr": search.log_uniform(1e-3, 1e-1),
        "depth": [1, 2, 4],
        "fixed": ["only"],
        "rate": lambda rng: rng.random(),
    }
    drawn = search.random_search(space, 300, rng)
    assert len(drawn) == 300 and all(list(setting) == list(space) for setting in drawn)
    assert {setting["fixed"] for setting in drawn} == {"only"}
    assert len({setting["lr"] for setting in drawn}) == len({setting["rate"] for setting in drawn}) == 300
    depths = [sum(setting["depth"] == k for setting in drawn) for k in (1, 2, 4)]
    np.testing.assert_allclose(depths, 100, atol=5 * math.sqrt(300 * 2 / 9))
    assert search.random_search(space, 0, rng) == []


def test_random_search_depends_on_rng_alone():
    space = {"lr": search.log_uniform(1e-3, 1e-1), "depth": [1, 2, 4]}
    one, again, other = (search.random_search(space, 5, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one == again != other


# Successive halving ---------------------------------------------------------------------------------------------------


@examples
@given(st.lists(st.floats(allow_nan=True), min_size=1, max_size=20), st.integers(2, 4), st.integers(1, 5))
def test_the_best_go_on_with_a_larger_budget(told, factor, budget):
    """Where a setting's loss stays the same, the best of all is left: nan is worse than inf."""
    calls = []

    def evaluate(i, budget):
        calls.append((i, budget))
        return told[i]

    last, history = search.successive_halving(list(range(len(told))), evaluate, budget, factor)
    order = sorted(range(len(told)), key=lambda i: (math.isnan(told[i]), told[i] if told[i] == told[i] else 0, i))
    size, expected_calls = len(told), 0
    for k, trials in enumerate(history):
        assert [i for i, _, _ in trials] == order[:size]
        assert all(spent == budget * factor**k for _, spent, _ in trials)
        assert all(loss is told[i] for i, _, loss in trials)
        expected_calls += size
        size = max(1, size // factor)
    assert last == order[0] == history[-1][0][0]
    assert len(history[-1]) == 1 and all(len(trials) > 1 for trials in history[:-1])
    assert len(calls) == expected_calls == len(set(calls))


def test_a_setting_that_is_slow_at_first_may_lose():
    """b is the best of all in the end, but has to get there."""
    losses = {"a": [3, 3, 3], "b": [9, 1, 1], "c": [4, 2, 2], "d": [5, 5, 5]}
    budgets = {10: 0, 20: 1, 40: 2}
    last, history = search.successive_halving(list("dbca"), lambda name, n: losses[name][budgets[n]], 10)
    assert last == "c"
    assert history == [
        [("a", 10, 3), ("c", 10, 4), ("d", 10, 5), ("b", 10, 9)],
        [("c", 20, 2), ("a", 20, 3)],
        [("c", 40, 2)],
    ]


def test_the_list_of_settings_is_left_as_it_was():
    given_ = [3, 1, 2]
    search.successive_halving(given_, lambda setting, budget: setting, 1)
    assert given_ == [3, 1, 2]


# Progress -------------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_bar_is_silent_where_nobody_watches():
    """nbgrader gives nothing for a cell that writes to stderr."""
    file = io.StringIO()
    show = progress.bar(3, file)
    for done in range(4):
        show(done, "loss 1.0")
    assert file.getvalue() == ""


def test_a_bar_is_one_line_that_is_drawn_anew(monkeypatch):
    now = iter([100.0, 100.0, 101.0, 101.05, 102.0, 102.01])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(now))
    file = Terminal()
    show = progress.bar(4, file)
    show(0, "loss 12.5")
    show(1, "loss 2.25")
    show(2, "too soon to be drawn")
    show(2, "loss 1")
    assert "\n" not in file.getvalue()
    show(4, "done")  # at once, since it is the end
    first, *lines = file.getvalue().split("\r")
    assert first == "" and lines == [
        "[                        ] 0/4     0 s left  loss 12.5\x1b[K",
        "[######                  ] 1/4     3 s left  loss 2.25\x1b[K",
        "[############            ] 2/4     2 s left  loss 1\x1b[K",
        "[########################] 4/4     0 s left  done\x1b[K\n",
    ]


# What an MLP costs, and how it behaves --------------------------------------------------------------------------------


def network(sizes, activation=activations.relu, start=init.he_normal, seed=0):
    config = mlp.MLPConfig(tuple(sizes), activation, start)
    return mlp.mlp_init(config, np.random.default_rng(seed)), config


@examples
@given(st.lists(st.integers(1, 9), min_size=2, max_size=5), st.integers(0, 7))
def test_flops_are_a_multiply_and_an_add_for_every_weight_and_an_add_for_every_bias(sizes, n):
    params, config = network(sizes)
    weights = sum(layer["W"].size for layer in params)
    biases = sum(layer["b"].size for layer in params)
    flops = mlp.mlp_flops(config, n)
    assert flops == n * (2 * weights + biases) and isinstance(flops, int)


@examples
@given(st.integers(1, 12), st.integers(1, 6), st.integers(1, 4), st.integers(1, 600))
def test_the_widest_network_within_a_budget_is_that_of_trying_all(d_in, d_out, depth, budget):
    def cost(width):
        return tree.count(network([d_in, *[width] * depth, d_out])[0])

    fits = [width for width in range(1, 61) if cost(width) <= budget] if cost(60) > budget else None
    if fits == []:
        with pytest.raises(ValueError, match=f"{budget} parameters are too few: a width of 1 has {cost(1)}"):
            mlp.width_for_budget(d_in, d_out, depth, budget)
    elif fits is None:
        width = mlp.width_for_budget(d_in, d_out, depth, budget)
        assert cost(width) <= budget < cost(width + 1)
    else:
        assert mlp.width_for_budget(d_in, d_out, depth, budget) == fits[-1]


def test_a_width_is_exact_where_a_float_would_not_be():
    """isqrt knows all digits: a budget one short of a width's cost gives the width before it."""
    width, depth = 123_456_789, 3
    cost = (depth - 1) * (width**2 + width) + width * (7 + 1 + 5) + 5
    assert mlp.width_for_budget(7, 5, depth, cost) == width
    assert mlp.width_for_budget(7, 5, depth, cost - 1) == width - 1


@pytest.mark.parametrize("lead", [(), (4,), (2, 3)])
def test_predictions_are_the_largest_logit_and_its_probability(lead, rng):
    params, config = network((5, 7, 6))
    x = rng.standard_normal((*lead, 5))
    classes, p = mlp.predict(params, x, config)
    logits, _ = mlp.mlp_forward(params, x, config)
    assert np.shape(classes) == np.shape(p) == lead and classes.dtype.kind == "i"
    for i in np.ndindex(lead):
        assert classes[i] == np.argmax(logits[i])
        assert p[i] == pytest.approx(1 / np.sum(np.exp(logits[i] - logits[i].max())), rel=1e-12)


def test_the_variance_probe_measures_every_layers_weighted_sums(rng):
    params, config = network((4, 9, 8, 3), activations.tanh)
    params = [layer | {"b": rng.standard_normal(layer["b"].shape)} for layer in params]
    x = rng.standard_normal((50, 4))
    z_1 = x @ params[0]["W"] + params[0]["b"]
    z_2 = np.tanh(z_1) @ params[1]["W"] + params[1]["b"]
    z_3 = np.tanh(z_2) @ params[2]["W"] + params[2]["b"]
    np.testing.assert_allclose(mlp.variance_probe(params, x, config), [z.std() for z in (z_1, z_2, z_3)], rtol=1e-12)


def test_the_probe_sees_hes_weights_keep_a_signal_that_small_ones_lose(rng):
    x = rng.standard_normal((200, 100))

    def kept(start):
        params, config = network([100] * 9, start=start)
        spreads = mlp.variance_probe(params, x, config)
        return spreads[-1] / spreads[0]

    assert 0.4 < kept(init.he_normal) < 2.5
    assert kept(init.normal) < 1e-6
