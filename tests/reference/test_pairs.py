"""Every forward/backward pair: against central differences, against PyTorch's autograd, and as callers rely on it.

The pairs are found in the modules. One without a twin in TWINS fails: no layer is done before PyTorch agrees with it.
"""

import copy
import inspect
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from reference_impl import activations, init, layers, losses, mlp

# All different, so that a swapped axis cannot pass.
B, T, C, D_IN, HIDDEN, D_OUT, K = 2, 3, 7, 4, 8, 5, 6
LEADS = {"no leading axis": (), "B": (B,), "B, T": (B, T), "1": (1,), "B, 1": (B, 1)}


def discovered(ending):
    """{"layers.linear": layers.linear_forward, …}: the functions of all four modules whose name ends so."""
    return {
        f"{module.__name__.split('.')[-1]}.{name.removesuffix(ending)}": function
        for module in (activations, layers, losses, mlp)
        for name, function in vars(module).items()
        if name.endswith(ending) and inspect.isfunction(function) and function.__module__ == module.__name__
    }


FORWARD, BACKWARD = discovered("_forward"), discovered("_backward")


# What each pair is drawn with, and what it is compared with -----------------------------------------------------------


class Twin(NamedTuple):
    """How to draw a pair's arguments, and the same formula in PyTorch.

    draw : (rng, lead, size) -> forward's arguments: leading axes lead, and size for the last axis of the output
    torch : forward's arguments, as tensors -> out
    by : the arguments backward answers for, in order
    extreme : rng -> arguments with entries of ±1e4
    """

    draw: Callable
    torch: Callable
    by: str
    extreme: Callable


def away(rng, shape, kinks=()):
    """Numbers of both signs that stay 0.05 away from the kinks: a central difference across one is no slope."""
    x = 1.5 * rng.standard_normal(shape)
    for kink in kinks:
        x = np.where(np.abs(x - kink) < 0.05, kink + 0.3, x)
    return x


def far(rng):
    """Every kind of large number, and 0, in random order: e^x overflows beyond 709, and is rounded to 0 below -745."""
    return rng.permutation([1e4, -1e4, 800.0, -800.0, 700.0, -700.0, 40.0, -40.0, 0.0, 1e-4]).reshape(2, 5)


def activation(formula, kinks=(), parameters=()):
    return Twin(
        lambda rng, lead, size: (away(rng, (*lead, size), kinks), *parameters),
        formula,
        "x",
        lambda rng: (far(rng), *parameters),
    )


def regression(formula, kinks=(), parameters=()):
    def draw(rng, lead, size):
        targets = rng.standard_normal((*lead, size))
        return targets + away(rng, (*lead, size), kinks), targets, *parameters

    def extreme(rng):
        return far(rng), rng.standard_normal((2, 5)), *parameters

    return Twin(draw, formula, "pred", extreme)


def draw_linear(rng, lead, size):
    return away(rng, (*lead, D_IN)), rng.standard_normal((D_IN, size)), rng.standard_normal(size)


def draw_mlp(rng, lead, size, activation=activations.silu):
    config = mlp.MLPConfig((D_IN, HIDDEN, C, size), activation, init.lecun_normal)
    params = [layer | {"b": rng.standard_normal(layer["b"].shape)} for layer in mlp.mlp_init(config, rng)]
    return params, away(rng, (*lead, D_IN)), config


def torch_mlp(params, x, config):
    """The same network with torch.nn.functional; its activation is the torch twin of config's."""
    name = config.activation.forward.__name__.removesuffix("_forward")
    *hidden, last = params
    for layer in hidden:
        x = TWINS[f"activations.{name}"].torch(F.linear(x, layer["W"].T, layer["b"]))
    return F.linear(x, last["W"].T, last["b"])


TWINS = {
    "activations.sigmoid": activation(torch.sigmoid),
    "activations.tanh": activation(torch.tanh),
    "activations.relu": activation(F.relu, kinks=(0,)),
    "activations.leaky_relu": activation(F.leaky_relu, kinks=(0,), parameters=(0.3,)),
    "activations.elu": activation(F.elu, kinks=(0,), parameters=(0.7,)),
    "activations.silu": activation(F.silu),
    "activations.gelu": activation(lambda x: F.gelu(x, approximate="tanh")),
    "activations.softmax": activation(lambda x: F.softmax(x, dim=-1)),
    "activations.log_softmax": activation(lambda x: F.log_softmax(x, dim=-1)),
    "layers.linear": Twin(
        draw_linear,
        lambda x, W, b: F.linear(x, W.T, b),
        "x, W, b",
        lambda rng: (far(rng), rng.standard_normal((5, D_OUT)), rng.standard_normal(D_OUT)),
    ),
    "losses.mse": regression(F.mse_loss),
    "losses.mae": regression(F.l1_loss, kinks=(0,)),
    "losses.huber": regression(
        lambda pred, targets, delta: F.huber_loss(pred, targets, delta=delta), kinks=(-0.6, 0.6), parameters=(0.6,)
    ),
    "losses.binary_cross_entropy": Twin(
        lambda rng, lead, size: (away(rng, (*lead, size)), rng.uniform(0, 1, (*lead, size))),
        F.binary_cross_entropy_with_logits,
        "logits",
        lambda rng: (far(rng), rng.integers(0, 2, (2, 5)).astype(float)),
    ),
    "losses.cross_entropy": Twin(
        lambda rng, lead, size: (away(rng, (*lead, size)), rng.integers(0, size, lead)),
        lambda logits, targets: F.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)),
        "logits",
        lambda rng: (far(rng), rng.integers(0, 5, 2)),
    ),
    "mlp.mlp": Twin(
        draw_mlp,
        torch_mlp,
        "params",
        lambda rng: (lambda params, _, config: (params, far(rng)[:, :D_IN], config))(*draw_mlp(rng, (), D_OUT)),
    ),
}


# Tools ----------------------------------------------------------------------------------------------------------------


def arrays(value):
    """All arrays in nested tuples, lists and dicts, in order: the leaves that a gradient has."""
    if isinstance(value, np.ndarray | np.floating | torch.Tensor):
        return [value]
    branches = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else []
    return [array for branch in branches for array in arrays(branch)]


def mapped(f, value):
    """value with f done to every array in it; all else, a config or a number, as it is."""
    if isinstance(value, np.ndarray | np.floating):
        return f(value)
    if isinstance(value, dict):
        return {k: mapped(f, v) for k, v in value.items()}
    if isinstance(value, list) or type(value) is tuple:
        return type(value)(mapped(f, v) for v in value)
    return value


def dout_for(rng, out):
    """A gradient from behind: an array like out, or a number for a loss."""
    return float(rng.standard_normal()) if np.ndim(out) == 0 else rng.standard_normal(np.shape(out))


def gradients(name, dout, cache):
    """Every array that backward returns, in order."""
    return arrays(BACKWARD[name](dout, cache))


def wanted(name, args):
    """The arrays of args that backward answers for, in order."""
    names = list(inspect.signature(FORWARD[name]).parameters)
    return [array for argument in TWINS[name].by.split(", ") for array in arrays(args[names.index(argument)])]


def as_tensors(name, args):
    """args in PyTorch, and those of its tensors that backward answers for, which ask for a gradient."""
    args = mapped(lambda a: torch.from_numpy(np.array(a)), args)
    asked = wanted(name, args)
    for tensor in asked:
        tensor.requires_grad_()
    return args, asked


def assert_close(got, expected, rtol):
    """Same shapes, and every entry within rtol of the largest of its array."""
    assert [np.shape(a) for a in got] == [np.shape(a) for a in expected]
    for a, e in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, e, rtol=0, atol=rtol * np.max(np.abs(e), initial=0))


@pytest.fixture
def rng():
    return np.random.default_rng(8)


every_pair = pytest.mark.parametrize("name", FORWARD)
every_lead = pytest.mark.parametrize("lead", LEADS.values(), ids=LEADS)
one_or_more = pytest.mark.parametrize("size", [D_OUT, 1], ids=["", "last axis 1"])


# The pairs ------------------------------------------------------------------------------------------------------------


def test_every_forward_has_a_backward_and_a_torch_twin():
    assert FORWARD.keys() == BACKWARD.keys() == TWINS.keys()


@every_pair
def test_backward_takes_dout_and_cache(name):
    assert list(inspect.signature(BACKWARD[name]).parameters) == ["dout", "cache"]


@one_or_more
@every_lead
@every_pair
def test_gradients_are_the_measured_slopes(name, lead, size, rng):
    args = TWINS[name].draw(rng, lead, size)
    out, cache = FORWARD[name](*args)
    dout = dout_for(rng, out)
    measured = [slopes(lambda: np.sum(FORWARD[name](*args)[0] * dout), array) for array in wanted(name, args)]
    assert_close(gradients(name, dout, cache), measured, rtol=1e-6)


def slopes(f, array, h=1e-5):
    """Central differences of f(), which depends on array, by every entry of it."""
    found = np.empty(array.shape)
    for i in np.ndindex(array.shape):
        kept = array[i]
        array[i] = kept + h
        up = f()
        array[i] = kept - h
        found[i] = (up - f()) / (2 * h)
        array[i] = kept
    return found


@one_or_more
@every_lead
@every_pair
def test_pytorch_agrees(name, lead, size, rng):
    assert_equals_torch(name, TWINS[name].draw(rng, lead, size), rng)


@every_pair
def test_pytorch_agrees_on_extreme_values_and_all_is_finite(name, rng):
    args = TWINS[name].extreme(rng)
    out, cache = FORWARD[name](*args)
    assert np.isfinite(out).all()
    assert all(np.isfinite(g).all() for g in gradients(name, dout_for(rng, out), cache))
    assert_equals_torch(name, args, rng)


@pytest.mark.parametrize(
    "activated",
    [a for a in vars(activations).values() if isinstance(a, activations.Activation)],
    ids=lambda a: a.forward.__name__,
)
def test_pytorch_agrees_on_an_mlp_with_every_activation(activated, rng):
    assert_equals_torch("mlp.mlp", draw_mlp(rng, (B, T), D_OUT, activated), rng)


def assert_equals_torch(name, args, rng):
    out, cache = FORWARD[name](*args)
    dout = dout_for(rng, out)
    tensors, asked = as_tensors(name, args)
    out_torch = TWINS[name].torch(*tensors)
    out_torch.backward(torch.as_tensor(dout, dtype=torch.float64))
    assert_close([out], [out_torch.detach().numpy()], rtol=1e-10)
    assert_close(gradients(name, dout, cache), [t.grad.numpy() for t in asked], rtol=1e-10)


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("activations.leaky_relu", F.leaky_relu),
        ("activations.elu", F.elu),
        ("losses.huber", F.huber_loss),
    ],
)
def test_defaults_are_pytorchs(name, formula, rng):
    args = [arg for arg in TWINS[name].draw(rng, (B,), C) if isinstance(arg, np.ndarray)]
    assert_close([FORWARD[name](*args)[0]], [formula(*map(torch.from_numpy, args)).numpy()], rtol=1e-12)


@pytest.mark.parametrize("name", ["activations.relu", "losses.mae"])
def test_at_the_kink_the_slope_is_0(name):
    zeros = np.zeros((B, T))
    _, cache = FORWARD[name](*[zeros] * len(inspect.signature(FORWARD[name]).parameters))
    assert not np.any(gradients(name, 1.0, cache))


@every_lead
@every_pair
def test_float32_stays_float32(name, lead, rng):
    args = mapped(lambda a: a.astype(np.float32) if a.dtype.kind == "f" else a, TWINS[name].draw(rng, lead, D_OUT))
    out, cache = FORWARD[name](*args)
    dout = dout_for(rng, out) if np.ndim(out) == 0 else dout_for(rng, out).astype(np.float32)
    assert out.dtype == np.float32
    assert {g.dtype for g in gradients(name, dout, cache)} == {np.dtype(np.float32)}


ALONG_AN_AXIS = {"activations.softmax", "activations.log_softmax", "layers.linear", "losses.cross_entropy", "mlp.mlp"}


@pytest.mark.parametrize("name", sorted(FORWARD.keys() - ALONG_AN_AXIS))
def test_what_works_entry_by_entry_works_on_an_array_without_axes(name, rng):
    row = TWINS[name].draw(rng, (), 1)
    out, cache = FORWARD[name](*mapped(lambda a: a.reshape(()), row))
    out_row, cache_row = FORWARD[name](*row)
    assert_close([out], [np.reshape(out_row, ())], rtol=1e-15)
    assert_close(gradients(name, 0.7, cache), [g.reshape(()) for g in gradients(name, 0.7, cache_row)], rtol=1e-15)


@every_pair
def test_arguments_are_left_as_they_were(name, rng):
    args = TWINS[name].draw(rng, (B, T), D_OUT)
    before = copy.deepcopy(arrays(args))
    out, cache = FORWARD[name](*args)
    dout = dout_for(rng, out)
    kept = copy.deepcopy(arrays((dout, cache)))
    gradients(name, dout, cache)
    for now, then in zip(arrays(args) + arrays((dout, cache)), before + kept, strict=True):
        np.testing.assert_array_equal(now, then)


@every_pair
def test_backward_can_be_called_twice(name, rng):
    """The cache is not used up: gradient checks and plots call backward again."""
    out, cache = FORWARD[name](*TWINS[name].draw(rng, (B, T), D_OUT))
    dout = dout_for(rng, out)
    first = copy.deepcopy(gradients(name, dout, cache))
    for a, b in zip(gradients(name, dout, cache), first, strict=True):
        np.testing.assert_array_equal(a, b)


@every_lead
@every_pair
def test_backward_is_linear_in_dout(name, lead, rng):
    out, cache = FORWARD[name](*TWINS[name].draw(rng, lead, D_OUT))
    one, two = dout_for(rng, out), dout_for(rng, out)
    sums = [-3 * a + 0.5 * b for a, b in zip(gradients(name, one, cache), gradients(name, two, cache), strict=True)]
    assert_close(gradients(name, -3 * one + 0.5 * two, cache), sums, rtol=1e-12)


@pytest.mark.parametrize("name", ["activations.softmax", "activations.log_softmax", "losses.cross_entropy"])
def test_a_constant_added_to_all_logits_changes_nothing(name, rng):
    logits, *rest = TWINS[name].draw(rng, (B, T), K)
    out, _ = FORWARD[name](logits, *rest)
    shifted, _ = FORWARD[name](logits + 100, *rest)
    assert_close([shifted], [out], rtol=1e-12)  # 100 takes two of the sixteen digits


@pytest.mark.parametrize("name", [name for name in FORWARD if name.startswith("losses.")])
def test_a_loss_does_not_grow_with_the_batch(name, rng):
    args = TWINS[name].draw(rng, (B, T), K)
    twice = mapped(lambda a: np.concatenate([a, a]), args)
    assert FORWARD[name](*twice)[0] == pytest.approx(FORWARD[name](*args)[0], rel=1e-12)


# A whole network ------------------------------------------------------------------------------------------------------


@pytest.fixture
def network(rng):
    """An MLP, the same in torch.nn, and a batch: (params, config, model, x, targets)."""
    config = mlp.MLPConfig((D_IN, HIDDEN, C, K), activations.relu, init.he_normal)
    params = [layer | {"b": 0.1 * rng.standard_normal(layer["b"].shape)} for layer in mlp.mlp_init(config, rng)]
    model = torch.nn.Sequential(
        torch.nn.Linear(D_IN, HIDDEN),
        torch.nn.ReLU(),
        torch.nn.Linear(HIDDEN, C),
        torch.nn.ReLU(),
        torch.nn.Linear(C, K),
    ).double()
    with torch.no_grad():
        for layer, theirs in zip(params, model[::2], strict=True):
            theirs.weight.copy_(torch.from_numpy(layer["W"].T))
            theirs.bias.copy_(torch.from_numpy(layer["b"]))
    n = 11
    return params, config, model, rng.standard_normal((n, D_IN)), rng.integers(0, K, n)


def backpropagated(params, config, x, targets):
    logits, c_mlp = mlp.mlp_forward(params, x, config)
    loss, c_loss = losses.cross_entropy_forward(logits, targets)
    return logits, loss, mlp.mlp_backward(losses.cross_entropy_backward(1.0, c_loss), c_mlp)


def as_params(model, get):
    """A torch model's weights, or their gradients, as the list of {"W", "b"} an MLP has."""
    return [{"W": get(layer.weight).numpy().T, "b": get(layer.bias).numpy()} for layer in model[::2]]


def test_a_network_equals_torch_nn(network):
    params, config, model, x, targets = network
    logits, loss, grads = backpropagated(params, config, x, targets)
    logits_torch = model(torch.from_numpy(x))
    loss_torch = F.cross_entropy(logits_torch, torch.from_numpy(targets))
    loss_torch.backward()
    assert_close([logits, loss], [logits_torch.detach().numpy(), loss_torch.item()], rtol=1e-10)
    assert_close(arrays(grads), arrays(as_params(model, lambda p: p.grad)), rtol=1e-10)
    assert [layer.keys() for layer in grads] == [layer.keys() for layer in params]


def test_ten_steps_downhill_lead_where_torchs_lead(network):
    params, config, model, x, targets = network
    lr = 0.3
    for _ in range(10):
        _, loss, grads = backpropagated(params, config, x, targets)
        params = [{k: layer[k] - lr * grad[k] for k in layer} for layer, grad in zip(params, grads, strict=True)]
        loss_torch = F.cross_entropy(model(torch.from_numpy(x)), torch.from_numpy(targets))
        theirs = list(model.parameters())
        for p, g in zip(theirs, torch.autograd.grad(loss_torch, theirs), strict=True):
            p.data -= lr * g  # torch.optim takes five seconds to import; test_parts has it
        assert loss == pytest.approx(loss_torch.item(), rel=1e-10)
    assert_close(arrays(params), arrays(as_params(model, lambda p: p.detach())), rtol=1e-10)
