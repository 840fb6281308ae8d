"""The fast functions: each equals the clear one of its name, and speed() puts them in place and takes them away."""

import copy
import dataclasses
import inspect
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from reference_impl import (
    activations,
    attention,
    conv,
    fast,
    fast_conv,
    gpt,
    init,
    layers,
    losses,
    mlp,
    recipes,
    train,
    tree,
)

FAST = SimpleNamespace(**vars(fast) | {name: f for name, f in vars(fast_conv).items() if inspect.isfunction(f)})
CLEAR = activations, attention, conv, layers, losses, mlp, train
# Of the largest entry. float32 is precise to 6e-8 of a number; a sum, or a chain of passes, loses some of it.
TOLERANCE = {np.float64: 1e-12, np.float32: 3e-6}

both_types = pytest.mark.parametrize("dtype", TOLERANCE, ids=lambda dtype: dtype.__name__)


@pytest.fixture
def rng():
    return np.random.default_rng(12)


@pytest.fixture(params=[None, 40], ids=["", "many small blocks"])
def blocks(request, monkeypatch):
    """Blocks as they are, which hold a test's arrays whole, and blocks so small that every array has several."""
    if request.param:
        monkeypatch.setattr(fast, "BLOCK", request.param)


def arrays(value):
    """All arrays in nested tuples, lists and dicts, in order."""
    if isinstance(value, np.ndarray | np.floating):
        return [value]
    branches = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else []
    return [array for branch in branches for array in arrays(branch)]


def assert_equal(got, expected, dtype, times=1):
    """Same shapes, the type that came in, and every entry within so many times the tolerance."""
    got, expected = arrays(got), arrays(expected)
    assert [np.shape(a) for a in got] == [np.shape(a) for a in expected] != []
    assert {a.dtype for a in got} == {np.dtype(dtype)}
    for a, e in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, e, rtol=0, atol=times * TOLERANCE[dtype] * np.max(np.abs(e), initial=0))


# Every pair -----------------------------------------------------------------------------------------------------------


def normal(*shapes):
    return lambda rng: [rng.standard_normal(shape) for shape in shapes]


def of(draw, *rest):
    return lambda rng: [*draw(rng), *rest]


def masked(T, S):
    return of(normal((2, 3, T, 4), (2, 3, S, 4), (2, 3, S, 6)), attention.causal_mask(T, S))


def equal_pixels(rng):
    """Whole numbers, of which many windows have several that are the largest."""
    return [rng.integers(0, 3, (2, 7, 9, 3)).astype(float)]


def split(rng):
    """Views that attention is given: heads cut from one array, not in C order."""
    qkv = rng.standard_normal((2, 5, 3 * 12))
    return [attention.split_heads(part, 3) for part in np.split(qkv, 3, axis=-1)]


IDS = np.array([[3, 0, 3, 3, 8], [0, 8, 8, 3, 1]])  # several of one kind, and some of the ten rows not at all
far = np.array([[1e4, -1e4, 0.0, 3.0], [-800.0, -801.0, -802.0, -800.5], [90.0, 800.0, -90.0, 2.0]])
CASES = {
    "activations.gelu": [normal((5, 3, 7)), normal((4,)), normal(()), lambda rng: [far]],
    "layers.layernorm": [normal((6, 5), 5, 5), normal(4, 4, 4), normal((2, 3, 4), 4, 4), normal((3, 1), 1, 1)],
    "layers.linear": [normal((6, 4), (4, 5), 5), normal((4,), (4, 5), 5), normal((2, 3, 4), (4, 5), 5)],
    "losses.cross_entropy": [
        lambda rng: [rng.standard_normal((2, 5, 9)), IDS],
        lambda rng: [rng.standard_normal(9), np.array(8)],
        lambda rng: [far, np.array([1, 0, 3])],
    ],
    "attention.attention": [
        normal((5, 4), (7, 4), (7, 6)),
        normal((3, 5, 4), (3, 7, 4), (3, 7, 6)),
        split,
        masked(5, 5),
        masked(5, 8),
        of(lambda rng: [20 * x for x in split(rng)], attention.causal_mask(5)),  # e^400 is too large for any type
    ],
    "conv.conv2d": [
        normal((3, 5, 6, 2), (3, 3, 2, 4), 4),
        of(normal((3, 5, 6, 7), (3, 2, 7, 4), 4), 1, 1),
        of(normal((3, 8, 9, 1), (2, 3, 1, 4), 4), 2, 1),
        of(normal((3, 8, 9, 5), (3, 3, 5, 4), 4), 3, 2),
        of(normal((2, 4, 5, 5), (2, 1, 5, 3), 3), 1, 4),  # more padding than kernel
    ],
    "conv.maxpool": [
        of(normal((3, 6, 8, 5)), 2),
        of(normal((3, 7, 9, 5)), 2),
        of(normal((3, 7, 9, 5)), 3, 2),
        of(equal_pixels, 2),
        of(equal_pixels, 3, 1),
        of(normal((1, 20, 17, 2)), 17),  # 289 places in a window: more than a byte can number
    ],
}
PAIRS = [(name, i) for name, draws in CASES.items() for i in range(len(draws))]


def functions(module, name):
    """forward and backward of that module; forward may be clear's alone."""
    owner, pair = name.split(".")
    clear = next(m for m in CLEAR if m.__name__.endswith(owner))
    return [getattr(module or clear, f"{pair}{ending}", getattr(clear, pair + ending)) for ending in ENDINGS]


ENDINGS = "_forward", "_backward"


def cast(value, dtype):
    return value.astype(dtype) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value


@pytest.mark.usefixtures("blocks")
@both_types
@pytest.mark.parametrize(("name", "i"), PAIRS)
def test_a_pair_equals_the_clear_one(name, i, dtype, rng):
    args = [cast(value, dtype) for value in CASES[name][i](rng)]
    kept = copy.deepcopy(args)
    (forward, backward), (clear_forward, clear_backward) = functions(FAST, name), functions(None, name)
    out, cache = forward(*args)
    expected, clear_cache = clear_forward(*args)
    assert_equal(out, expected, dtype)
    dout = 0.7 if np.ndim(out) == 0 and name.startswith("losses") else cast(rng.standard_normal(np.shape(out)), dtype)
    dout_kept = copy.deepcopy(dout)
    grads = backward(dout, cache)
    # A gradient of 1e-3 that is a difference of numbers near 1 has their errors, as the clear one's has.
    assert_equal(grads, clear_backward(dout, clear_cache), dtype, times=20)
    assert_equal(backward(dout, cache), grads, dtype)  # the cache is not used up
    for now, then in zip(arrays([args, dout]), arrays([kept, dout_kept]), strict=True):
        np.testing.assert_array_equal(now, then)


def test_every_fast_pair_is_compared():
    pairs = {
        f"{module.__name__.split('.')[-1]}.{name.removesuffix(ending)}"
        for module, name, _ in fast.REPLACED
        for ending in ENDINGS
        if name.endswith(ending)
    }
    assert pairs - {"mlp.mlp", "conv.cnn"} == CASES.keys()  # the models are trained below


# Taking their place ---------------------------------------------------------------------------------------------------


def public(module):
    """The functions and pairs of a module, by name."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, activations.Activation))
    }


def test_a_public_name_of_fast_is_in_exactly_one_clear_module():
    for name in public(FAST) - {"speed"}:
        assert sum(name in public(module) for module in CLEAR) == 1, name


def test_a_fast_function_has_the_clear_ones_arguments():
    for module, name, _ in fast.REPLACED:
        if inspect.isfunction(getattr(FAST, name, None)):
            assert inspect.signature(getattr(FAST, name)) == inspect.signature(getattr(module, name)), name


def state():
    return {(module, name): value for module in CLEAR for name, value in vars(module).items()}


def test_speed_replaces_every_function_that_has_a_faster_one_and_nothing_else():
    before = state()
    with fast.speed():
        changed = {key for key, value in state().items() if value is not before[key]}
        assert changed - {(activations, "gelu")} == {(m, name) for m in CLEAR for name in public(FAST) & public(m)}
        assert all(getattr(m, name) is getattr(FAST, name) for m, name in changed if name != "gelu")
        assert activations.gelu == (fast.gelu_forward, fast.gelu_backward)


def test_speed_puts_everything_back_even_after_an_exception():
    before = state()
    with pytest.raises(ZeroDivisionError), fast.speed():
        1 / 0  # noqa: B018
    assert state() == before
    with fast.speed():
        pass
    assert state() == before


def test_speed_may_stand_within_speed():
    before = state()
    with fast.speed():
        within = state()
        with fast.speed():
            assert state() == within
        assert state() == within != before
    assert state() == before


def test_fast_is_short():
    """With what it has of convolution."""
    lengths = [len(Path(module.__file__).read_text(encoding="utf-8").splitlines()) for module in (fast, fast_conv)]
    assert sum(lengths) < 300


# Training -------------------------------------------------------------------------------------------------------------


def an_mlp(rng, activation=activations.relu):
    config = mlp.MLPConfig((5, 8, 6, 4), activation, init.he_normal)
    batches = [(rng.standard_normal((7, 5)), rng.integers(0, 4, 7)) for _ in range(4)]
    return (
        mlp.mlp_init(config, rng),
        batches,
        lambda: partial(recipes.loss_and_grads, mlp.mlp_forward, mlp.mlp_backward, config),
    )


def a_cnn(rng):
    config = conv.CNNConfig((9, 8, 2), (5, 6), 4)
    batches = [(rng.standard_normal((7, 9, 8, 2)), rng.integers(0, 4, 7)) for _ in range(4)]
    return (
        conv.cnn_init(config, rng),
        batches,
        lambda: partial(recipes.loss_and_grads, conv.cnn_forward, conv.cnn_backward, config),
    )


def a_gpt(rng):
    config = gpt.GPTConfig(n_layer=2, n_head=3, n_embd=12, block_size=5, vocab_size=11)
    batches = [tuple(rng.integers(0, 11, (2, 4, 5))) for _ in range(4)]
    return (
        gpt.gpt_init(config, rng),
        batches,
        lambda: partial(recipes.loss_and_grads, gpt.gpt_forward, gpt.gpt_backward, config),
    )


MODELS = {"mlp": an_mlp, "mlp, gelu": partial(an_mlp, activation=activations.gelu), "cnn": a_cnn, "gpt": a_gpt}
MODELS |= {"mlp, tanh": partial(an_mlp, activation=activations.tanh)}  # which has no faster one
# No two numbers are alike, the gradients are long enough to be clipped, and eps is larger than rounding errors: Adam
# divides by √v + eps, and a key's bias, which changes no attention, has no other gradient than these.
RECIPE = train.AdamWConfig(
    9, 0.03, n_warmup=2, final_lr=0.2, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.3, max_norm=0.1
)
every_model = pytest.mark.parametrize("model", MODELS)


def trained(model, rng, dtype, recipe):
    """The first gradients, the params after four steps, the moments and the losses."""
    params, batches, loss_and_grads = MODELS[model](rng)
    params = tree.map_tree(lambda p: (p + 0.1 * rng.standard_normal(p.shape)).astype(dtype), params)
    batches = [(cast(x, dtype), targets) for x, targets in batches]
    _, first = loss_and_grads()(params, *batches[0])
    states, seen = {}, []
    for step, batch in enumerate(batches):
        loss, grads = loss_and_grads()(params, *batch)
        params, states = train.adamw_step(params, grads, states, step, recipe)
        seen.append(loss)
    return first, params, states, seen


@pytest.mark.usefixtures("blocks")
@both_types
@pytest.mark.parametrize("max_norm", [0.1, 50.0, np.inf], ids=["clipped", "short enough", "never clipped"])
@every_model
def test_training_with_speed_equals_training_without(model, max_norm, dtype):
    recipe = dataclasses.replace(RECIPE, max_norm=max_norm)
    clear = trained(model, np.random.default_rng(5), dtype, recipe)
    with fast.speed():
        quick = trained(model, np.random.default_rng(5), dtype, recipe)
    for got, expected in zip(quick, clear, strict=True):
        got, expected = (tree.flatten(t) for t in (got, expected))
        assert got.keys() == expected.keys()
        for path, e in expected.items():
            assert got[path].dtype == dtype == e.dtype
            # Four steps hand every error on, and Adam divides small gradients' errors by eps.
            np.testing.assert_allclose(got[path], e, rtol=0, atol=30 * TOLERANCE[dtype] * max(np.abs(e).max(), 0.03))


@both_types
def test_the_first_params_are_left_as_they_were_and_clear_states_are_taken_over(dtype, rng):
    params, grads, more = (
        {"W": rng.standard_normal((3, 4)).astype(dtype), "b": [rng.standard_normal(5).astype(dtype)]} for _ in range(3)
    )
    kept = copy.deepcopy((params, grads, more))
    after, states = train.adamw_step(params, grads, {}, 0, RECIPE)
    kept_states = copy.deepcopy(states)
    expected = train.adamw_step(after, more, states, 1, RECIPE)
    got = fast.adamw_step(after, more, states, 1, RECIPE)
    for g, e in zip(got, expected, strict=True):
        assert g.keys() == e.keys()
        assert_equal([g[key] for key in e], e, dtype)
    assert_equal([params, grads, more], list(kept), dtype, times=0)
    assert_equal(states, kept_states, dtype, times=0)


def test_params_from_elsewhere_are_taken_over_between_two_steps(rng):
    """As after a restart from the best ones so far: the states are the run's, the params are not."""
    params, other, grads = ({"W": rng.standard_normal((3, 4)), "b": rng.standard_normal(5)} for _ in range(3))
    kept, ends = copy.deepcopy(other), []
    for step in (train.adamw_step, fast.adamw_step):
        _, states = step(params, grads, {}, 0, RECIPE)
        ends.append(step(other, grads, states, 1, RECIPE)[0])
    assert_equal(ends[1], ends[0], np.float64)
    assert_equal(other, kept, np.float64, times=0)


def test_backward_leaves_out_the_gradient_by_the_input(rng):
    """Nobody asks for it, and it is a large part of a small network's work."""
    caches = []
    with fast.speed(), pytest.MonkeyPatch.context() as patch:
        for module, name in (layers, "linear_backward"), (fast_conv, "conv2d_backward"):
            kept = getattr(module, name)
            patch.setattr(module, name, lambda *args, kept=kept: caches.append(kept(*args)) or caches[-1])
        for model in (an_mlp, a_cnn):
            params, batches, loss_and_grads = model(rng)
            loss_and_grads()(params, *batches[0])
    # Three linear layers; then one, and two convolutions: the first of either network comes last.
    assert [grads[0] is None or not grads[0].size for grads in caches] == [False, False, True, False, False, True]
