"""The parts around the pairs: trees, initial weights, the gradient check, and the training loop."""

import inspect
import itertools
import math

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings

from reference_impl import activations, data, gradcheck, init, layers, losses, mlp, optim, train, tree

# The same examples on every run, and no deadline: the machine may be busy.
examples = settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture
def rng():
    return np.random.default_rng(10)


# Trees ----------------------------------------------------------------------------------------------------------------

numbers = st.floats(-1e3, 1e3)
leaves = numbers | hnp.arrays(np.float64, hnp.array_shapes(min_dims=0, max_dims=3, max_side=4), elements=numbers)
names = st.text("Wbgx_", min_size=1, max_size=3)
trees = st.recursive(
    leaves,
    lambda branch: (
        st.lists(branch, max_size=3) | st.tuples(branch, branch) | st.dictionaries(names, branch, max_size=3)
    ),
    max_leaves=8,
)


def same(a, b):
    """Whether two trees have one structure, types included, and equal leaves."""
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and np.array_equal(a, b)


@examples
@given(trees)
def test_unflatten_brings_back_what_flatten_took_apart(original):
    assert same(tree.unflatten(tree.flatten(original), original), original)


@examples
@given(trees)
def test_unflatten_puts_new_values_in_the_old_places(original):
    flat = {path: np.size(leaf) for path, leaf in tree.flatten(original).items()}
    assert same(tree.unflatten(flat, original), tree.map_tree(np.size, original))


@examples
@given(trees)
def test_map_tree_of_several_trees_meets_corresponding_leaves(original):
    double = tree.map_tree(lambda a: 2 * a, original)
    assert same(tree.map_tree(lambda a, b: b - a, original, double), tree.map_tree(lambda a: 2 * a - a, original))


def test_paths_of_a_tree_are_dotted_and_in_order():
    params = {"blocks": [{"W": 1.0, "b": 2.0}, {"W": 3.0, "b": 4.0}], "head": (5.0, 6.0)}
    assert list(tree.flatten(params).items()) == [
        ("blocks.0.W", 1.0),
        ("blocks.0.b", 2.0),
        ("blocks.1.W", 3.0),
        ("blocks.1.b", 4.0),
        ("head.0", 5.0),
        ("head.1", 6.0),
    ]


def test_dicts_correspond_by_key_not_by_order():
    assert tree.map_tree(lambda a, b: a - b, {"W": 5.0, "b": 3.0}, {"b": 1.0, "W": 2.0}) == {"W": 3.0, "b": 2.0}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"W": 1.0, "b": 2.0}, {"W": 1.0}),
        ({"W": 1.0}, {"W": 1.0, "b": 2.0}),
        ({"W": 1.0, "b": 2.0}, {"W": 1.0, "c": 2.0}),
        ([1.0, 2.0], [1.0]),
        ([{"W": 1.0}], [{"W": 1.0}, {"W": 1.0}]),
        ([{"W": [1.0, 2.0]}], [{"W": [1.0]}]),
        ([1.0, 2.0], {"W": 1.0, "b": 2.0}),
        ([1.0, 2.0], np.ones(2)),
        ({"W": 1.0}, 1.0),
    ],
)
def test_trees_of_different_structure_are_refused(one, other):
    with pytest.raises(ValueError, match="structure"):
        tree.map_tree(lambda a, b: a, one, other)


@pytest.mark.parametrize("flat", [{"W": 1.0}, {"W": 1.0, "b": 2.0, "c": 3.0}, {"W": 1.0, "c": 2.0}])
def test_unflatten_refuses_other_paths(flat):
    with pytest.raises(ValueError, match="structure"):
        tree.unflatten(flat, {"W": np.ones(2), "b": np.ones(3)})


@examples
@given(trees)
def test_count_and_norm_are_those_of_all_leaves_laid_end_to_end(original):
    line = np.concatenate([np.zeros(0), *(np.ravel(leaf) for leaf in tree.flatten(original).values())])
    assert tree.count(original) == len(line)
    assert tree.global_norm(original) == pytest.approx(np.linalg.norm(line), rel=1e-12)


def test_cast_makes_every_leaf_of_one_type_and_leaves_the_tree():
    params = {"W": np.full((2, 3), 1 / 3), "more": [np.arange(4), 0.1]}
    cast = tree.cast(params, np.float32)
    assert {leaf.dtype for leaf in tree.flatten(cast).values()} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(cast["W"], np.float32(1 / 3))
    np.testing.assert_array_equal(cast["more"][0], [0, 1, 2, 3])
    assert params["W"].dtype == np.float64 and params["more"][0].dtype.kind == "i"


def test_what_was_saved_is_loaded_as_it_was(rng, tmp_path):
    params = {"blocks": [{"W": rng.standard_normal((3, 4)), "b": np.zeros(4, np.float32)}] * 11, "n": np.array(7)}
    tree.save(tmp_path / "model.npz", params)
    like = tree.map_tree(np.zeros_like, params)
    assert same(tree.load(tmp_path / "model.npz", like), params)  # blocks.10 comes after blocks.9
    with np.load(tmp_path / "model.npz") as file:
        assert "blocks.10.W" in file


@pytest.mark.parametrize("like", [{"W": 0.0}, {"W": 0.0, "c": 0.0}, {"W": 0.0, "b": 0.0, "c": 0.0}])
def test_a_file_of_another_structure_is_refused(like, tmp_path):
    tree.save(tmp_path / "model.npz", {"W": np.ones(2), "b": np.ones(3)})
    with pytest.raises(ValueError, match="structure"):
        tree.load(tmp_path / "model.npz", like)


# Running statistics ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lead", [(7,), (2, 3)], ids=["rows", "two leading axes"])
@pytest.mark.parametrize("momentum", [0.1, 0.7])
def test_batch_norms_running_statistics_are_torchs(lead, momentum, rng):
    """Over three batches; the arrays they start from stay as they are."""
    norm = torch.nn.BatchNorm1d(5, momentum=momentum, dtype=torch.float64)
    first = mean, var = np.zeros(5), np.ones(5)
    for _ in range(3):
        x = 2 + 3 * rng.standard_normal((*lead, 5))
        norm(torch.from_numpy(x.reshape(-1, 5)))
        mean, var = layers.batchnorm_running(x, mean, var, momentum)
        np.testing.assert_allclose(mean, norm.running_mean, rtol=1e-12)
        np.testing.assert_allclose(var, norm.running_var, rtol=1e-12)
    assert not first[0].any() and (first[1] == 1).all()


# Initial weights ------------------------------------------------------------------------------------------------------

D_IN, D_OUT = 200, 300

# {name: (variance, how peaked: E[w⁴]/variance², the largest |w| there may be)}
INITS = {
    "normal": (0.01**2, 3, math.inf),
    "lecun_normal": (1 / D_IN, 3, math.inf),
    "he_normal": (2 / D_IN, 3, math.inf),
    "he_uniform": (2 / D_IN, 9 / 5, math.sqrt(6 / D_IN)),
    "xavier_normal": (2 / (D_IN + D_OUT), 3, math.inf),
    "xavier_uniform": (2 / (D_IN + D_OUT), 9 / 5, math.sqrt(6 / (D_IN + D_OUT))),
}
every_init = pytest.mark.parametrize("name", INITS)


def test_every_init_is_tested():
    others = {"fans", "constant", "orthogonal"}  # below
    assert INITS.keys() | others == {name for name, value in vars(init).items() if inspect.isfunction(value)}


@every_init
def test_weights_have_the_mean_the_variance_and_the_form_they_promise(name, rng):
    """Five standard errors of 60,000 draws: 2.9 % of the variance at most, where 1/d_in and 1/d_out are 50 % apart."""
    variance, peaked, largest = INITS[name]
    W = getattr(init, name)(D_IN, D_OUT, rng)
    assert W.shape == (D_IN, D_OUT)
    assert abs(W.mean()) < 5 * math.sqrt(variance / W.size)
    assert W.var() == pytest.approx(variance, rel=5 * math.sqrt((peaked - 1) / W.size))
    assert np.mean((W / W.std()) ** 4) == pytest.approx(peaked, rel=0.1)  # a normal's standard error: 1.3 %
    assert np.abs(W).max() <= largest


@every_init
def test_weights_depend_on_rng_alone(name):
    def drawn(seed):
        return getattr(init, name)(5, 3, np.random.default_rng(seed))

    np.testing.assert_array_equal(drawn(1), drawn(1))
    assert not np.any(drawn(1) == drawn(2))


def test_normals_deviation_may_be_chosen(rng):
    assert init.normal(D_IN, D_OUT, rng, std=0.5).std() == pytest.approx(0.5, rel=0.015)  # five standard errors


def test_constant_weights_are_constant(rng):
    state = rng.bit_generator.state
    np.testing.assert_array_equal(init.constant(2, 3, rng), np.zeros((2, 3)))
    np.testing.assert_array_equal(init.constant(2, 3, rng, 0.5), np.full((2, 3), 0.5))
    assert rng.bit_generator.state == state


@pytest.mark.parametrize(("d_in", "d_out"), [(7, 4), (4, 7), (5, 5), (1, 3), (3, 1)])
def test_orthogonal_weights_keep_lengths(d_in, d_out, rng):
    W = init.orthogonal(d_in, d_out, rng)
    assert W.shape == (d_in, d_out)
    np.testing.assert_allclose(W @ W.T if d_in < d_out else W.T @ W, np.eye(min(d_in, d_out)), atol=1e-14)
    x = rng.standard_normal((6, d_in))
    if d_in <= d_out:
        np.testing.assert_allclose(np.linalg.norm(x @ W, axis=1), np.linalg.norm(x, axis=1), rtol=1e-12)


def test_orthogonal_weights_take_every_rotation_with_equal_chances(rng):
    """Each entry of 2,000 matrices is as often negative as positive: QR alone makes the first one always negative."""
    drawn = np.array([init.orthogonal(2, 3, rng) for _ in range(2000)])
    np.testing.assert_allclose((drawn > 0).mean(axis=0), 0.5, atol=5 * 0.5 / math.sqrt(2000))
    np.testing.assert_allclose(drawn.mean(axis=0), 0, atol=5 / math.sqrt(3 * 2000))
    np.testing.assert_allclose((drawn**2).mean(axis=0), 1 / 3, atol=0.04)


@pytest.mark.parametrize(
    ("shape", "fans"), [((3, 5), (3, 5)), ((3, 2, 5, 7), (30, 42)), ((1, 1, 5, 7), (5, 7)), ((4, 2, 6), (8, 24))]
)
def test_fans_count_every_place_of_a_kernel(shape, fans):
    assert init.fans(shape) == fans
    if len(shape) < 4:
        return
    theirs = torch.nn.init._calculate_fan_in_and_fan_out(torch.zeros(shape[3], shape[2], *shape[:2]))
    assert init.fans(shape) == theirs


# The gradient check ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(), (1,), (2, 3), (2, 1, 4)])
def test_numerical_gradient_measures_every_entry(shape, rng):
    """Of a cubic, central differences give 3a x² + a h² exactly: only rounding is left, about 1e-16/h."""
    x, a, h = rng.standard_normal(shape), rng.uniform(1, 2, shape), 1e-2
    kept = x.copy()
    grad = gradcheck.numerical_gradient(lambda x: np.sum(a * x**3), x, h)
    assert grad.shape == shape
    np.testing.assert_allclose(grad, 3 * a * x**2 + a * h**2, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(x, kept)


def test_numerical_gradient_takes_a_step_that_is_neither_too_small_nor_too_large(rng):
    x = rng.uniform(-2, 2, 50)
    assert gradcheck.relative_error(gradcheck.numerical_gradient(lambda x: np.sum(np.exp(x)), x), np.exp(x)) < 1e-9


SMOOTH = {
    "cubic": (lambda x: np.sum(x**3), lambda x: 3 * x**2),
    "exp": (lambda x: np.sum(np.exp(x)), np.exp),
    "sin": (lambda x: np.sum(np.sin(x)), np.cos),
    "log": (lambda x: np.sum(np.log(2 + x * x)), lambda x: 2 * x / (2 + x * x)),
    "length": (lambda x: np.sqrt(np.sum(x * x)), lambda x: x / np.sqrt(np.sum(x * x))),
    "product": (np.prod, lambda x: np.prod(x) / x),
}


@pytest.mark.parametrize("shape", [(), (1,), (2, 3)])
@pytest.mark.parametrize("name", SMOOTH)
def test_a_complex_step_has_every_digit_where_a_difference_has_half(name, shape, rng):
    f, slope = SMOOTH[name]
    x = rng.uniform(0.5, 2, shape)
    kept = x.copy()
    grad = gradcheck.complex_step(f, x)
    assert grad.dtype == np.float64 and grad.shape == shape
    np.testing.assert_allclose(grad, slope(x), rtol=2e-15)  # a few roundings of 1.1e-16
    np.testing.assert_array_equal(x, kept)


def test_a_central_difference_has_ten_digits_at_most(rng):
    x = rng.uniform(0.5, 2, 50)
    f, slope = SMOOTH["exp"]
    errors = [
        gradcheck.relative_error(find(f, x), slope(x))
        for find in (gradcheck.numerical_gradient, gradcheck.complex_step)
    ]
    assert errors[1] < 1e-15 < 1e-12 < errors[0] < 1e-9


def test_a_complex_step_through_a_layer_is_its_backward(rng):
    x, dout = rng.standard_normal((2, 3, 5))
    _, cache = activations.gelu_forward(x)
    measured = gradcheck.complex_step(lambda x: np.sum(activations.gelu_forward(x)[0] * dout), x)
    np.testing.assert_allclose(activations.gelu_backward(dout, cache), measured, rtol=1e-13)


@pytest.mark.parametrize(
    ("a", "b", "error"),
    [
        ([1.0, -4.0], [1.0, -4.0], 0),
        ([1.0, -4.0], [1.0, -3.0], 0.25),
        ([1e-9, 0.0], [0.0, 0.0], 1),
        ([0.0, 0.0], [0.0, 0.0], 0),
        ([2.0], [-2.0], 2),
        ([], [], 0),
        ([np.nan], [1.0], np.nan),
        ([1.0], [np.nan], np.nan),
        ([0.0], [np.nan], np.nan),
    ],
)
def test_relative_error_is_the_largest_difference_by_the_largest_entry(a, b, error):
    """nan is never taken for right: nan < tolerance is False."""
    a, b = np.array(a), np.array(b)
    for k in (1, 1e-6, 1e6):
        assert gradcheck.relative_error(k * a, k * b) == pytest.approx(error, nan_ok=True)
        assert gradcheck.relative_error(k * b, k * a) == pytest.approx(error, nan_ok=True)


# When to stop ---------------------------------------------------------------------------------------------------------


def epochs_since_the_lowest(val_losses):
    """Counted one epoch at a time. The first epoch is a new lowest, whatever its loss."""
    lowest, since = math.inf, 0
    for epoch, loss in enumerate(val_losses):
        new_lowest = loss < lowest
        since = 0 if new_lowest or epoch == 0 else since + 1
        lowest = loss if new_lowest else lowest
    return since


@pytest.mark.parametrize("patience", [1, 2, 3, 4])
def test_should_stop_has_the_right_truth_table(patience):
    """Every list of up to five epochs, ties, nan and inf among them."""
    for length in range(6):
        for val_losses in itertools.product([0.5, 1.0, 2.0, math.nan, math.inf], repeat=length):
            stop = train.should_stop(list(val_losses), patience)
            assert isinstance(stop, bool)
            assert stop == (length > 0 and epochs_since_the_lowest(val_losses) >= patience), val_losses


@pytest.mark.parametrize(
    ("val_losses", "patience", "stop"),
    [
        ([], 1, False),
        ([1.0], 1, False),
        ([1.0, 1.0], 1, True),  # a tie is not a new lowest
        ([1.0, 0.9], 1, False),
        ([1.0, 2.0, 1.5], 2, True),  # better than the last, but not than the lowest
        ([1.0, 2.0, 0.9], 2, False),
        ([math.nan, math.nan], 1, True),
        ([math.nan, 1.0], 1, False),
        ([1.0, math.nan, 0.5], 2, False),
        ([0.5, math.nan, math.nan], 2, True),
    ],
)
def test_should_stop_in_words(val_losses, patience, stop):
    assert train.should_stop(val_losses, patience) is stop


def test_should_stop_leaves_the_list_as_it_was():
    val_losses = [3.0, 1.0, 2.0]
    train.should_stop(val_losses, 1)
    assert val_losses == [3.0, 1.0, 2.0]


# Training -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def points(rng):
    """Points with a class by their angle, and a net: (config, params, train_set, val_set), of 90 and 36 points."""
    x = rng.standard_normal((126, 2))
    targets = (np.arctan2(x[:, 0], x[:, 1]) // (2 * np.pi / 3) % 3).astype(int)
    config = mlp.MLPConfig((2, 8, 3), activations.tanh, init.lecun_normal)
    return config, mlp.mlp_init(config, rng), (x[:90], targets[:90]), (x[90:], targets[90:])


@pytest.mark.parametrize("seed", range(5))
def test_a_small_step_lowers_the_loss_of_its_batch(seed, points):
    config, _, (x, targets), _ = points
    params = mlp.mlp_init(config, np.random.default_rng(seed))
    new, loss = train.train_step(params, x, targets, config, lr=0.1)
    assert loss == train.evaluate(params, x, targets, config)[0]
    assert train.evaluate(new, x, targets, config)[0] < loss


def test_a_step_is_sgd_on_every_weight_and_bias(points):
    config, params, (x, targets), _ = points
    kept = tree.map_tree(np.copy, params)
    new, _ = train.train_step(params, x, targets, config, lr=0.3, weight_decay=0.2)
    theirs = tree.map_tree(lambda p: torch.from_numpy(p).requires_grad_(), kept)
    hidden = torch.tanh(torch.from_numpy(x) @ theirs[0]["W"] + theirs[0]["b"])
    logits = hidden @ theirs[1]["W"] + theirs[1]["b"]
    torch.nn.functional.cross_entropy(logits, torch.from_numpy(targets)).backward()
    moved = tree.map_tree(lambda p, t: optim.sgd_update(p, t.grad.numpy(), 0.3, 0.2), kept, theirs)
    for path, p in tree.flatten(new).items():
        np.testing.assert_allclose(p, tree.flatten(moved)[path], rtol=1e-12)


def test_a_step_leaves_params_as_they_were(points):
    config, params, (x, targets), _ = points
    kept = tree.map_tree(np.copy, params)
    train.train_step(params, x, targets, config, lr=0.5, weight_decay=0.1)
    assert same(params, kept)


def test_evaluate_is_the_mean_loss_and_the_share_that_is_right():
    config = mlp.MLPConfig((3, 3), activations.relu, init.lecun_normal)
    params = [{"W": np.eye(3), "b": np.zeros(3)}]  # logits are x
    x = np.log([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4], [0.5, 0.25, 0.25]])
    loss, accuracy = train.evaluate(params, x, np.array([0, 1, 0, 2]), config)
    assert accuracy == 0.5
    assert loss == pytest.approx(-np.mean(np.log([0.7, 0.8, 0.3, 0.25])), rel=1e-12)


def test_training_learns_and_writes_down_what_it_saw(points):
    config, params, train_set, val_set = points
    recipe = train.TrainConfig(epochs=15, batch_size=16, lr=0.5)
    seen = []
    _, history = train.train(
        params, train_set, val_set, config, recipe, np.random.default_rng(1), lambda h: seen.append(len(h["val_loss"]))
    )
    updates = 15 * math.ceil(90 / 16)
    assert {name: len(numbers) for name, numbers in history.items()} == {
        "batch_loss": updates,
        "train_loss": 15,
        "val_loss": 15,
        "val_accuracy": 15,
    }
    assert seen == list(range(1, 16))
    assert history["train_loss"][-1] < 0.5 * history["train_loss"][0]
    assert (
        history["val_accuracy"][-1] > 0.85 > 0.5 > np.bincount(val_set[1]).max() / 36
    )  # more than the commonest class


def test_training_returns_the_best_epochs_params(points):
    """Every fourth label of the validation set is wrong: the surer the net becomes, the more these cost."""
    config, params, train_set, (x, targets) = points
    val_set = x, np.where(np.arange(len(x)) % 4, targets, (targets + 1) % 3)
    recipe = train.TrainConfig(epochs=40, batch_size=16, lr=0.5)
    best, history = train.train(params, train_set, val_set, config, recipe, np.random.default_rng(1))
    assert 0 < np.argmin(history["val_loss"]) < 39  # neither the first nor the last would do
    assert train.evaluate(best, *val_set, config)[0] == min(history["val_loss"])


@pytest.mark.parametrize(
    ("val_losses", "best"),
    [
        ([3.0, 1.0, 2.0], 2),
        ([1.0, 1.0, 1.0], 1),  # of equals the first: the others have brought nothing
        ([2.0, math.nan, 1.0], 3),
        ([2.0, 3.0, math.nan], 1),
        ([math.nan, 2.0, 1.0], 3),
    ],
)
def test_the_best_epoch_is_the_first_with_the_lowest_validation_loss(val_losses, best, points, monkeypatch):
    config, _, train_set, val_set = points
    told = iter(val_losses)
    monkeypatch.setattr(train, "train_step", lambda params, *_: ([params[0] + 1], 0.0))  # counts the updates
    monkeypatch.setattr(train, "evaluate", lambda params, x, *_: (next(told) if x is val_set[0] else 0.0, 0.0))
    recipe = train.TrainConfig(epochs=3, batch_size=90, lr=0.1)
    params, history = train.train([0], train_set, val_set, config, recipe, np.random.default_rng(0))
    np.testing.assert_array_equal(history["val_loss"], val_losses)
    assert params == [best]


@pytest.mark.parametrize(("patience", "epochs"), [(1, 3), (2, 4), (3, 5), (4, 9), (None, 9)])
def test_training_stops_when_patience_is_at_an_end(patience, epochs, points, monkeypatch):
    config, params, train_set, val_set = points
    told = iter([5.0, 4.0, 4.0, 4.5, 4.25, 3.0, 3.5, 3.25, 2.0])
    evaluate = train.evaluate
    monkeypatch.setattr(
        train, "evaluate", lambda p, x, *rest: (next(told), 0.0) if x is val_set[0] else evaluate(p, x, *rest)
    )
    recipe = train.TrainConfig(epochs=9, batch_size=90, lr=0.1, patience=patience)
    _, history = train.train(params, train_set, val_set, config, recipe, np.random.default_rng(0))
    assert len(history["val_loss"]) == epochs


def test_the_same_rng_gives_the_same_run(points):
    config, params, train_set, val_set = points
    kept = tree.map_tree(np.copy, params)
    recipe = train.TrainConfig(epochs=3, batch_size=16, lr=0.5, weight_decay=0.01)
    (one, seen), (again, seen_again), (other, _) = (
        train.train(params, train_set, val_set, config, recipe, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert same(one, again) and seen == seen_again
    assert not same(one, other)
    assert same(params, kept)


def test_weight_decay_keeps_weights_smaller(points):
    config, params, train_set, val_set = points
    norms = []
    for weight_decay in (0.0, 0.1):
        recipe = train.TrainConfig(epochs=10, batch_size=16, lr=0.5, weight_decay=weight_decay)
        trained, _ = train.train(params, train_set, val_set, config, recipe, np.random.default_rng(1))
        norms.append(tree.global_norm(trained))
    assert norms[1] < 0.8 * norms[0]


# The network's parameters ---------------------------------------------------------------------------------------------


@examples
@given(st.lists(st.integers(1, 9), min_size=2, max_size=5))
def test_a_networks_parameters_are_those_that_are_counted(sizes):
    config = mlp.MLPConfig(tuple(sizes), activations.relu, init.he_normal)
    params = mlp.mlp_init(config, np.random.default_rng(0))
    assert tree.count(params) == mlp.mlp_param_count(config)
    assert [layer["W"].shape for layer in params] == list(itertools.pairwise(sizes))
    assert all(layer["b"].shape == layer["W"].shape[1:] and not layer["b"].any() for layer in params)


def test_a_network_draws_from_rng_once_a_layer_first_layer_first(rng):
    calls = []

    def numbered(d_in, d_out, given_rng):
        assert given_rng is rng
        calls.append((d_in, d_out))
        return np.full((d_in, d_out), len(calls))

    params = mlp.mlp_init(mlp.MLPConfig((2, 3, 5, 4), activations.relu, numbered), rng)
    assert calls == [(2, 3), (3, 5), (5, 4)]
    assert [layer["W"][0, 0] for layer in params] == [1, 2, 3]


def test_an_untrained_network_is_as_unsure_as_the_number_of_classes(rng):
    """Weights near 0 give every class 1/K: the loss starts at log K, 2.30 for ten digits."""
    x, targets = data.load_digits()
    config = mlp.MLPConfig((64, 32, 10), activations.relu, lambda *args: 1e-3 * init.he_normal(*args))
    logits, _ = mlp.mlp_forward(mlp.mlp_init(config, rng), x, config)
    assert losses.cross_entropy_forward(logits, targets)[0] == pytest.approx(math.log(10), rel=1e-4)
