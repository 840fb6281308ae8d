"""Every forward/backward pair: against central differences, against PyTorch's autograd, and as callers rely on it.

The pairs are found in the modules. One without a twin in TWINS fails: no layer is done before PyTorch agrees with it.
Whole models, and their training, are in test_models.py.
"""

import copy
import inspect
from collections.abc import Callable
from functools import partial, reduce
from operator import getitem
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from reference_impl import activations, attention, contract, conv, gpt, init, layers, losses, mlp, rnn, tree

# All different within a pair, so that a swapped axis cannot pass.
B, T, C, D_IN, HIDDEN, D_OUT = 2, 3, 7, 4, 8, 5
LEADS = {"B, T": (B, T), "no leading axis": (), "B": (B,), "1": (1,), "B, 1": (B, 1)}  # the usual ones first
OR_NO_ROWS = LEADS | {"no rows": (0,)}  # where no mean is taken over them


def discovered(ending):
    """{"layers.linear": layers.linear_forward, …}: the functions of all these modules whose name ends so."""
    return {
        f"{module.__name__.split('.')[-1]}.{name.removesuffix(ending)}": function
        for module in (activations, layers, losses, mlp, conv, rnn, attention, gpt)
        for name, function in vars(module).items()
        if name.endswith(ending) and inspect.isfunction(function) and function.__module__ == module.__name__
    }


FORWARD, BACKWARD = discovered("_forward"), discovered("_backward")


# What each pair is drawn with, and what it is compared with -----------------------------------------------------------


class Twin(NamedTuple):
    """What a pair is tried on, and the same formula in PyTorch.

    cases : {label: rng -> forward's arguments}, the usual one first
    torch : forward's arguments, as tensors -> out
    by : the arguments backward answers for, in order
    extreme : the arguments that may have entries of ±1e4
    """

    cases: dict
    torch: Callable
    by: str
    extreme: str

    def draw(self, rng):
        """The usual arguments."""
        return next(iter(self.cases.values()))(rng)


def leading(draw, leads=OR_NO_ROWS):
    """The cases of a pair with free leading axes: draw(rng, lead, size), with size for the last axis of the output."""
    return {
        label + ", last axis 1" * (size == 1): partial(draw, lead=lead, size=size)
        for size in (D_OUT, 1)
        for label, lead in leads.items()
    }


def varied(draw, *changes):
    """The cases of a pair with a fixed number of axes: draw(rng) with its own sizes, and with each change of them."""

    def said(name, value):  # not by where a function lies in memory: every worker of a test run has to say the same
        return f"{name} = {value.forward.__name__ if isinstance(value, rnn.Cell) else value}"

    return {"usual": draw} | {
        ", ".join(said(*one) for one in change.items()): partial(draw, **change) for change in changes
    }


def away(rng, shape, kinks=()):
    """Numbers of both signs that stay 0.05 away from the kinks: a central difference across one is no slope."""
    x = 1.5 * rng.standard_normal(shape)
    for kink in kinks:
        x = np.where(np.abs(x - kink) < 0.05, kink + 0.3, x)
    return x


def apart(rng, shape):
    """Numbers of both signs, no two nearer than 0.1: the largest of a window stays so under a small step."""
    n = int(np.prod(shape))
    return 0.1 * (rng.permutation(n) - n // 2).reshape(shape)


def far(rng, shape):
    """Every kind of large number, and 0, in random order: e^x overflows beyond 709, and is rounded to 0 below -745."""
    kinds = [1e4, -1e4, 800.0, -800.0, 700.0, -700.0, 40.0, -40.0, 0.0, 1e-4]
    return rng.permutation(np.resize(kinds, int(np.prod(shape)))).reshape(shape)


def drawn_like(rng, params, scale=0.6):
    """params with every entry drawn: gains are not 1 and biases not 0, and weights are large enough to matter."""
    return mapped(lambda p: scale * rng.standard_normal(p.shape), params)


def activation(formula, kinks=(), parameters=()):
    def draw(rng, lead, size):
        return away(rng, (*lead, size), kinks), *parameters

    return Twin(leading(draw), formula, "x", "x")


def regression(formula, kinks=(), parameters=()):
    def draw(rng, lead, size):
        targets = rng.standard_normal((*lead, size))
        return targets + away(rng, (*lead, size), kinks), targets, *parameters

    return Twin(leading(draw, LEADS), formula, "pred", "pred")


def classification(formula, draw_targets):
    def draw(rng, lead, size):
        return away(rng, (*lead, size)), draw_targets(rng, lead, size)

    return Twin(leading(draw, LEADS), formula, "logits", "logits")


def penalty(formula):
    def draw(rng, lead, size):
        return away(rng, (*lead, size), kinks=(0,)), 0.3

    return Twin(leading(draw), formula, "W", "W")


def draw_linear(rng, lead, size):
    return away(rng, (*lead, D_IN)), rng.standard_normal((D_IN, size)), rng.standard_normal(size)


def draw_embedding(rng, lead, size, V=4):
    return rng.integers(0, V, lead), away(rng, (V, size))  # of B · T = 6 ids, some are equal


def draw_norm(rng, lead, size):
    return away(rng, (*lead, size)), away(rng, size), away(rng, size), 0.1  # an eps that is felt


def draw_norm_eval(rng, lead, size):
    *args, eps = draw_norm(rng, lead, size)
    return *args, away(rng, size), rng.uniform(0.2, 3, size), eps


def torch_batchnorm(x, g, b, eps):
    """F.batch_norm refuses a single row; the function behind it does not."""
    rows = x.reshape(-1, x.shape[-1])
    return torch.batch_norm(rows, g, b, None, None, True, 0.0, eps, False).reshape(x.shape)


def torch_batchnorm_eval(x, g, b, mean, var, eps):
    return F.batch_norm(x.reshape(-1, x.shape[-1]), mean, var, g, b, eps=eps).reshape(x.shape)


def draw_dropout(rng, lead, size, rate=0.4):
    """rng always gives the same numbers, so that a function of x is left to be differentiated."""
    numbers = rng.random((*lead, size))
    return away(rng, (*lead, size)), rate, SimpleNamespace(random=lambda shape: numbers.reshape(shape))


def torch_dropout(x, rate, rng):
    return torch.where(torch.from_numpy(rng.random(x.shape) < rate), 0, x / (1 - rate))


def draw_mlp(rng, lead, size, activation=activations.silu):
    config = mlp.MLPConfig((D_IN, HIDDEN, C, size), activation, init.lecun_normal)
    params = [layer | {"b": rng.standard_normal(layer["b"].shape)} for layer in mlp.mlp_init(config, rng)]
    return params, away(rng, (*lead, D_IN)), config


def torch_activation(activation, x):
    """The torch twin of an Activation."""
    return TWINS[f"activations.{activation.forward.__name__.removesuffix('_forward')}"].torch(x)


def torch_linear(params, x):
    return F.linear(x, params["W"].T, params["b"])


def torch_mlp(params, x, config):
    *hidden, last = params
    for layer in hidden:
        x = torch_activation(config.activation, torch_linear(layer, x))
    return torch_linear(last, x)


def draw_ffn(rng, lead, size):
    params = {
        "fc": {"W": away(rng, (size, HIDDEN)), "b": away(rng, HIDDEN)},
        "proj": {"W": away(rng, (HIDDEN, size)), "b": away(rng, size)},
    }
    return params, away(rng, (*lead, size)), activations.silu


def torch_ffn(params, x, activation):
    return torch_linear(params["proj"], torch_activation(activation, torch_linear(params["fc"], x)))


def first(x):
    """An image with its channels as torch has them."""
    return x.permute(0, 3, 1, 2)


def last(x):
    """An image with its channels as ours."""
    return x.permute(0, 2, 3, 1)


def draw_conv2d(rng, B=B, image=(6, 7), d_in=4, kernel=(3, 2), d_out=5, stride=1, padding=0):
    x, W = away(rng, (B, *image, d_in)), away(rng, (*kernel, d_in, d_out))
    return x, W, away(rng, d_out), stride, padding


def torch_conv2d(x, W, b, stride, padding):
    return last(F.conv2d(first(x), W.permute(3, 2, 0, 1), b, stride, padding))


def draw_pool(rng, B=B, image=(6, 7), C=5, size=2, stride=None):
    return apart(rng, (B, *image, C)), size, stride


POOLS = [
    {"size": 3, "stride": 2},  # windows overlap, and a column or two are left over
    {"size": 3, "stride": 1},
    {"size": 2, "stride": 3},  # pixels between windows are in none
    {"size": 4},
    {"size": 1},
    {"image": (3, 4), "size": 3},
    {"B": 1, "C": 1},
    {"B": 0},
]


def draw_cnn(rng, B=B, image=(6, 9, 3), channels=(4, 5), n_classes=7, kernel=3, pool=2):
    """No unit's sum, and no two of a window, happen to be so near the kink that a central difference crosses it."""
    config = conv.CNNConfig(image, channels, n_classes, kernel, pool)
    return drawn_like(rng, conv.cnn_init(config, rng)), away(rng, (B, *image)), config


def torch_cnn(params, x, config):
    x = first(x)
    for stage in params["conv"]:
        x = F.conv2d(x, stage["W"].permute(3, 2, 0, 1).contiguous(), stage["b"], padding=config.kernel // 2)
        x = F.max_pool2d(F.relu(x), config.pool)
    return torch_linear(params["linear"], last(x).flatten(1))


def draw_state(rng, cell, B, H):
    return {name: away(rng, (B, H)) for name in cell.state}


def draw_step(rng, cell=rnn.vanilla, B=B, C=C, H=5):
    return drawn_like(rng, rnn.cell_init(cell, C, H, rng)), away(rng, (B, C)), draw_state(rng, cell, B, H)


def draw_gates(rng, gates=3, **sizes):
    params, x, state = draw_step(rng, **sizes)
    G = gates * state["h"].shape[1]
    params = {"Wx": away(rng, (x.shape[1], G)), "Wh": away(rng, (state["h"].shape[1], G)), "b": away(rng, G)}
    return params, x, state["h"]


def draw_unroll(rng, cell=rnn.vanilla, B=B, T=T, C=C, H=5):
    params, _, state = draw_step(rng, cell, B, C, H)
    return cell, params, away(rng, (B, T, C)), state


def draw_rnn(rng, cell=rnn.vanilla, B=B, T=T, V=4, C=C, H=5, truncate=None, state=True):
    config = rnn.RNNConfig(cell, V, C, H, truncate)
    params = drawn_like(rng, rnn.rnn_init(config, rng))
    return params, rng.integers(0, V, (B, T)), config, draw_state(rng, cell, B, H) if state else None


TORCH_CELLS = {rnn.vanilla: torch.rnn_tanh_cell, rnn.gru: torch.gru_cell}
CELLS = {"vanilla": rnn.vanilla, "lstm": rnn.lstm, "gru": rnn.gru}
STEP_SIZES = [{"B": 1}, {"C": 1}, {"H": 1}, {"B": 0}]


def torch_step(cell, params, x, state):
    """One step of torch's cell, whose second bias is 0: ours has one."""
    weights = params["Wx"].T, params["Wh"].T, params["b"], torch.zeros_like(params["b"])
    if cell is rnn.lstm:
        return dict(zip("hc", torch.lstm_cell(x, (state["h"], state["c"]), *weights), strict=True))
    return {"h": TORCH_CELLS[cell](x, state["h"], *weights)}


def torch_unroll(cell, params, x, state, truncate=None):
    hs = []
    for t in range(x.shape[1]):
        if truncate and t % truncate == 0:
            state = {name: part.detach() for name, part in state.items()}
        state = torch_step(cell, params, x[:, t], state)
        hs.append(state["h"])
    return torch.stack(hs, dim=1)


def torch_rnn(params, ids, config, state):
    x = params["embedding"][ids]
    state = state or {name: torch.zeros(len(ids), config.n_hidden, dtype=x.dtype) for name in config.cell.state}
    return torch_linear(params["linear"], torch_unroll(config.cell, params["cell"], x, state, config.truncate))


def step(cell):
    draw = partial(draw_step, cell=cell)
    return Twin(varied(draw, *STEP_SIZES), partial(torch_step, cell), "params, x, state", "x, state")


def draw_attention(rng, lead=(B, 7), T=T, S=4, D=6, d_out=5, mask=None):
    """mask : None, "causal", or "any": half of all, and one key at least for every query."""
    if mask == "any":
        mask = (rng.random((T, S)) < 0.5) | (np.arange(S) == rng.integers(0, S, (T, 1)))
    elif mask == "causal":
        mask = attention.causal_mask(T, S)
    return away(rng, (*lead, T, D)), away(rng, (*lead, S, D)), away(rng, (*lead, S, d_out)), mask


def draw_block(rng, B=4, T=5, C=6, n_head=3):
    params = gpt.block_init(gpt.GPTConfig(1, n_head, C, T, 1), rng)
    return drawn_like(rng, params), away(rng, (B, T, C)), n_head


def draw_mha(rng, **sizes):
    params, x, n_head = draw_block(rng, **sizes)
    return params["attn"], x, n_head


def torch_mha(params, x, n_head):
    heads = [part.unflatten(-1, (n_head, -1)).transpose(1, 2) for part in torch_linear(params["qkv"], x).chunk(3, -1)]
    with sdpa_kernel(SDPBackend.MATH):  # the fused one has noise of 1e-4 for gradients that are 0, at values of 1e4
        out = F.scaled_dot_product_attention(*heads, is_causal=True)
    return torch_linear(params["proj"], out.transpose(1, 2).flatten(2))


def torch_layernorm(x, g, b, eps=1e-5):
    return F.layer_norm(x, x.shape[-1:], g, b, eps)


def torch_block(params, x, n_head):
    x = x + torch_mha(params["attn"], torch_layernorm(x, **params["ln_1"]), n_head)
    return x + torch_ffn(params["ffn"], torch_layernorm(x, **params["ln_2"]), activations.gelu)


BLOCK_SIZES = [
    {"C": 4, "n_head": 1},
    {"C": 3},
    *({"C": 4, "n_head": 2, size: n} for size, n in [("B", 1), ("B", 0), ("T", 1)]),
]


def draw_gpt(rng, n_layer=1, B=4, T=5, C=6, n_head=3, block_size=8, V=9):
    config = gpt.GPTConfig(n_layer, n_head, C, block_size, V)
    return drawn_like(rng, gpt.gpt_init(config, rng)), rng.integers(0, V, (B, T)), config


def torch_gpt(params, ids, config):
    x = params["wte"][ids] + params["wpe"][: ids.shape[1]]
    for block in params["blocks"]:
        x = torch_block(block, x, config.n_head)
    return torch_layernorm(x, **params["ln_f"]) @ params["wte"].T


GPT_SIZES = [
    {"n_layer": 2, "C": 3},
    {"C": 4, "n_head": 1},
    {"C": 3, "T": 8},  # as long as can be
    {"C": 3, "B": 1, "T": 1},
    {"C": 3, "B": 0},
    {"C": 3, "V": 1},
]

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
    "layers.linear": Twin(leading(draw_linear), lambda x, W, b: F.linear(x, W.T, b), "x, W, b", "x"),
    "layers.embedding": Twin(leading(draw_embedding), lambda ids, W: W[ids], "W", "W"),
    "layers.layernorm": Twin(leading(draw_norm), torch_layernorm, "x, g, b", "x"),
    "layers.batchnorm": Twin(leading(draw_norm, LEADS), torch_batchnorm, "x, g, b", "x"),
    "layers.batchnorm_eval": Twin(leading(draw_norm_eval), torch_batchnorm_eval, "x, g, b", "x"),
    "layers.dropout": Twin(
        leading(draw_dropout) | {"rate 0": partial(draw_dropout, lead=(B, T), size=D_OUT, rate=0)},
        torch_dropout,
        "x",
        "x",
    ),
    "losses.mse": regression(F.mse_loss),
    "losses.mae": regression(F.l1_loss, kinks=(0,)),
    "losses.huber": regression(
        lambda pred, targets, delta: F.huber_loss(pred, targets, delta=delta), kinks=(-0.6, 0.6), parameters=(0.6,)
    ),
    "losses.binary_cross_entropy": classification(
        F.binary_cross_entropy_with_logits, lambda rng, lead, size: rng.uniform(0, 1, (*lead, size))
    ),
    "losses.cross_entropy": classification(
        lambda logits, targets: F.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)),
        lambda rng, lead, size: rng.integers(0, size, lead),
    ),
    "losses.soft_cross_entropy": classification(
        lambda logits, targets: F.cross_entropy(*(a.reshape(-1, a.shape[-1]) for a in (logits, targets))),
        lambda rng, lead, size: rng.dirichlet(np.ones(size), lead),
    ),
    "losses.l1": penalty(lambda W, strength: strength * F.l1_loss(W, torch.zeros_like(W), reduction="sum")),
    "losses.l2": penalty(lambda W, strength: strength / 2 * F.mse_loss(W, torch.zeros_like(W), reduction="sum")),
    "mlp.mlp": Twin(leading(draw_mlp), torch_mlp, "params", "x"),
    "mlp.ffn": Twin(leading(draw_ffn), torch_ffn, "params, x", "x"),
    "mlp.residual": Twin(leading(draw_ffn), lambda params, x, f: x + torch_ffn(params, x, f), "params, x", "x"),
    "conv.conv2d": Twin(
        varied(
            draw_conv2d,
            {"padding": 2},
            {"stride": 2},  # a row and no column is left over
            {"stride": 3, "padding": 1},
            {"stride": 4},  # pixels between windows are in none
            {"kernel": (2, 5), "stride": 2, "padding": 1},
            {"kernel": (6, 7)},
            {"kernel": (1, 1)},
            {"kernel": (7, 9), "padding": 1, "d_in": 1, "d_out": 2},  # larger than the image
            {"B": 1, "d_in": 1, "d_out": 1},
            {"B": 0},
        ),
        torch_conv2d,
        "x, W, b",
        "x",
    ),
    "conv.maxpool": Twin(
        varied(draw_pool, *POOLS), lambda *args: last(F.max_pool2d(first(args[0]), *args[1:])), "x", "x"
    ),
    "conv.avgpool": Twin(
        varied(draw_pool, *POOLS), lambda *args: last(F.avg_pool2d(first(args[0]), *args[1:])), "x", "x"
    ),
    "conv.cnn": Twin(
        varied(
            draw_cnn,
            {"image": (4, 6, 3), "kernel": 5, "channels": (5,), "pool": 3},
            {"image": (4, 5, 1), "kernel": 1},
            {"B": 1, "n_classes": 1, "channels": (1, 2)},
            {"B": 0, "image": (4, 5, 1), "channels": (2,)},
        ),
        torch_cnn,
        "params",
        "x",
    ),
    "rnn.gates": Twin(
        varied(draw_gates, {"gates": 1}, *STEP_SIZES),
        lambda params, x, h: F.linear(x, params["Wx"].T, params["b"]) + F.linear(h, params["Wh"].T),
        "params, x, h",
        "x, h",
    ),
    "rnn.rnn_step": step(rnn.vanilla),
    "rnn.lstm_step": step(rnn.lstm),
    "rnn.gru_step": step(rnn.gru),
    "rnn.unroll": Twin(
        varied(draw_unroll, {"cell": rnn.lstm}, {"cell": rnn.gru}, {"T": 1}, *STEP_SIZES),
        torch_unroll,
        "params, x, state",
        "x, state",
    ),
    "rnn.rnn": Twin(
        varied(
            draw_rnn,
            {"cell": rnn.lstm},
            {"cell": rnn.gru},
            {"state": False},
            {"cell": rnn.lstm, "state": False},
            {"V": 1},
            {"T": 1},
            *STEP_SIZES,
        ),
        torch_rnn,
        "params",
        "params",
    ),
    "attention.attention": Twin(
        varied(
            draw_attention,
            {"mask": "causal"},
            {"mask": "any"},
            {"T": 4, "S": 3},
            {"lead": (), "mask": "any"},
            {"lead": (B,), "T": 4, "mask": "causal"},
            {"lead": (0,)},
            {"T": 1},
            {"S": 1},
            {"D": 1},
            {"d_out": 1},
        ),
        lambda q, k, v, mask: F.scaled_dot_product_attention(q, k, v, attn_mask=mask),
        "q, k, v",
        "q, k, v",
    ),
    "attention.mha": Twin(varied(draw_mha, *BLOCK_SIZES), torch_mha, "params, x", "x"),
    "attention.block": Twin(varied(draw_block, *BLOCK_SIZES), torch_block, "params, x", "x"),
    "gpt.gpt": Twin(varied(draw_gpt, *GPT_SIZES), torch_gpt, "params", "params.wte, params.wpe"),
}


# Tools ----------------------------------------------------------------------------------------------------------------


def arrays(value):
    """All arrays in nested tuples, lists and dicts, in order."""
    if isinstance(value, np.ndarray | np.floating | torch.Tensor):
        return [value]
    branches = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else []
    return [array for branch in branches for array in arrays(branch)]


def mapped(f, value):
    """value with f done to every array in it; all else, a config or a number, as it is."""
    if isinstance(value, np.ndarray | np.floating | torch.Tensor):
        return f(value)
    if isinstance(value, dict):
        return {k: mapped(f, v) for k, v in value.items()}
    if isinstance(value, list) or type(value) is tuple:
        return type(value)(mapped(f, v) for v in value)
    return value


def dout_for(rng, out):
    """A gradient from behind: arrays like out's, or a number for a loss."""
    return mapped(lambda a: rng.standard_normal(np.shape(a)) if np.ndim(a) else float(rng.standard_normal()), out)


def gradients(name, dout, cache, **options):
    """What backward returns, always as a tuple: one array or tree for each argument in TWINS[name].by."""
    grads = BACKWARD[name](dout, cache, **options)
    return grads if type(grads) is tuple else (grads,)


def picked(name, args, which):
    """The arguments, or parts of them, that which names, such as "x, W" or "params.wte"."""
    given = dict(zip(inspect.signature(FORWARD[name]).parameters, args, strict=False))
    return tuple(reduce(getitem, path.split("."), given) for path in which.split(", "))


def as_tensors(name, args):
    """args in PyTorch, and those that backward answers for, whose tensors ask for a gradient."""
    args = mapped(lambda a: torch.from_numpy(np.array(a)), args)
    asked = picked(name, args, TWINS[name].by)
    for tensor in arrays(asked):
        tensor.requires_grad_()
    return args, asked


def assert_close(got, expected, rtol):
    """One structure, the same shapes, and every entry within rtol of the largest of its array."""

    def close(a, e):
        assert np.shape(a) == np.shape(e)
        largest = np.max(np.abs(e), initial=0)
        np.testing.assert_allclose(a, e, rtol=0, atol=max(rtol * largest, 1e-14))  # torch's 0 may be 1e-15

    tree.map_tree(close, got, expected)


@pytest.fixture
def rng():
    return np.random.default_rng(8)


every_pair = pytest.mark.parametrize("name", FORWARD)
every_case = pytest.mark.parametrize(
    ("name", "draw"),
    [
        pytest.param(name, draw, id=f"{name}-{label}")
        for name, twin in TWINS.items()
        for label, draw in twin.cases.items()
    ],
)


# The pairs ------------------------------------------------------------------------------------------------------------


def test_every_forward_has_a_backward_and_a_torch_twin():
    assert FORWARD.keys() == BACKWARD.keys() == TWINS.keys()


@every_pair
def test_backward_takes_the_gradient_by_the_output_and_the_cache(name):
    first, second, *options = inspect.signature(BACKWARD[name]).parameters.values()
    assert (first.name, second.name) in {("dout", "cache"), ("dstate", "cache")}
    assert all(option.default is None for option in options)


@every_case
def test_gradients_are_the_measured_slopes(name, draw, rng):
    args = draw(rng)
    out, cache = FORWARD[name](*args)
    dout = dout_for(rng, out)

    def loss():
        pairs = zip(arrays(FORWARD[name](*args)[0]), arrays_or_number(dout), strict=True)
        return sum(np.sum(a * d) for a, d in pairs)

    measured = mapped(partial(slopes, loss), picked(name, args, TWINS[name].by))
    assert_close(gradients(name, dout, cache), measured, rtol=1e-6)


def arrays_or_number(dout):
    return [dout] if isinstance(dout, float) else arrays(dout)


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


@every_case
def test_pytorch_agrees(name, draw, rng):
    assert_equals_torch(name, draw(rng), rng)


@every_pair
def test_pytorch_agrees_on_extreme_values_and_all_is_finite(name, rng):
    args = TWINS[name].draw(rng)
    for argument in picked(name, args, TWINS[name].extreme):
        for array in arrays(argument):
            array[...] = far(rng, array.shape)
    out, cache = FORWARD[name](*args)
    assert all(np.isfinite(a).all() for a in arrays((out, gradients(name, dout_for(rng, out), cache))))
    assert_equals_torch(name, args, rng)


@pytest.mark.parametrize(
    "activated",
    [a for a in vars(activations).values() if isinstance(a, activations.Activation)],
    ids=lambda a: a.forward.__name__,
)
def test_pytorch_agrees_on_an_mlp_with_every_activation(activated, rng):
    assert_equals_torch("mlp.mlp", draw_mlp(rng, (B, T), D_OUT, activated), rng)


@pytest.mark.parametrize("truncate", [1, 2, 3, 5, 6])
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_truncation_is_detaching_the_state_every_so_many_steps(cell, truncate, rng):
    assert_equals_torch("rnn.unroll", draw_unroll(rng, cell, T=5), rng, truncate=truncate)
    assert_equals_torch("rnn.rnn", draw_rnn(rng, cell, T=5, truncate=truncate), rng)


@pytest.mark.parametrize("change", POOLS, ids=str)
def test_of_equal_pixels_the_first_gets_the_gradient(change, rng):
    """As in PyTorch. After a ReLU, many windows hold nothing but zeros."""
    x, *rest = draw_pool(rng, **change)
    assert_equals_torch("conv.maxpool", (rng.integers(0, 2, x.shape).astype(float), *rest), rng)
    assert_equals_torch("conv.maxpool", (np.zeros(x.shape), *rest), rng)


def assert_equals_torch(name, args, rng, **options):
    out, cache = FORWARD[name](*args)
    dout = dout_for(rng, out)
    tensors, asked = as_tensors(name, args)
    out_torch = TWINS[name].torch(*tensors, **options)
    douts = [torch.as_tensor(d, dtype=torch.float64) for d in arrays_or_number(dout)]
    torch.autograd.backward(arrays(out_torch), douts)
    assert_close(out, mapped(lambda t: t.detach().numpy(), out_torch), rtol=1e-10)
    theirs = mapped(lambda t: np.zeros(t.shape) if t.grad is None else t.grad.numpy(), asked)
    assert_close(gradients(name, dout, cache, **options), theirs, rtol=1e-10)


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("activations.leaky_relu", F.leaky_relu),
        ("activations.elu", F.elu),
        ("losses.huber", F.huber_loss),
        ("layers.layernorm", lambda x, g, b: F.layer_norm(x, x.shape[-1:], g, b)),
        ("layers.batchnorm", lambda x, g, b: last_axis(F.batch_norm, x, None, None, g, b, training=True)),
        ("layers.batchnorm_eval", lambda x, g, b, mean, var: last_axis(F.batch_norm, x, mean, var, g, b)),
        ("conv.conv2d", lambda x, W, b: last(F.conv2d(first(x), W.permute(3, 2, 0, 1), b))),
        ("attention.attention", F.scaled_dot_product_attention),
    ],
)
def test_defaults_are_pytorchs(name, formula, rng):
    args = [arg for arg in TWINS[name].draw(rng) if isinstance(arg, np.ndarray)]
    assert_close(FORWARD[name](*args)[0], formula(*map(torch.from_numpy, args)).numpy(), rtol=1e-12)


def last_axis(f, x, *args, **kwargs):
    """f of x's rows, for an f that takes a matrix."""
    return f(x.reshape(-1, x.shape[-1]), *args, **kwargs).reshape(x.shape)


@pytest.mark.parametrize("name", ["activations.relu", "losses.mae", "losses.l1"])
def test_at_the_kink_the_slope_is_0(name):
    zeros = np.zeros((B, T))
    args = (zeros, zeros) if name == "losses.mae" else (zeros, 0.3) if name == "losses.l1" else (zeros,)
    _, cache = FORWARD[name](*args)
    assert not np.any(gradients(name, 1.0, cache))


@every_case
def test_float32_stays_float32(name, draw, rng):
    args = mapped(lambda a: a.astype(np.float32) if a.dtype.kind == "f" else a, draw(rng))
    out, cache = FORWARD[name](*args)
    dout = mapped(lambda a: a.astype(np.float32), dout_for(rng, out))
    assert {a.dtype for a in arrays((out, gradients(name, dout, cache)))} == {np.dtype(np.float32)}


ENTRY_BY_ENTRY = [  # all that their docstrings say of shapes is (...,)
    name for name in FORWARD if {rule[0] for rule in contract.rules_of(FORWARD[name]).values()} - {None} == {("...",)}
]


@pytest.mark.parametrize("name", ENTRY_BY_ENTRY)
def test_what_works_entry_by_entry_works_on_an_array_without_axes(name, rng):
    row = TWINS[name].cases["no leading axis, last axis 1"](rng)
    out, cache = FORWARD[name](*mapped(lambda a: a.reshape(()), row))
    out_row, cache_row = FORWARD[name](*row)
    assert_close(out, np.reshape(out_row, ()), rtol=1e-15)
    assert_close(gradients(name, 0.7, cache)[0], gradients(name, 0.7, cache_row)[0].reshape(()), rtol=1e-15)


@every_pair
def test_arguments_are_left_as_they_were(name, rng):
    args = TWINS[name].draw(rng)
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
    out, cache = FORWARD[name](*TWINS[name].draw(rng))
    dout = dout_for(rng, out)
    first = copy.deepcopy(gradients(name, dout, cache))
    tree.map_tree(np.testing.assert_array_equal, gradients(name, dout, cache), first)


@every_case
def test_backward_is_linear_in_dout(name, draw, rng):
    """To rounding, which the recurrent and deep pairs gather."""
    out, cache = FORWARD[name](*draw(rng))
    one, two = dout_for(rng, out), dout_for(rng, out)

    def mixed(a, b):
        return -3 * a + 0.5 * b

    sums = tree.map_tree(mixed, gradients(name, one, cache), gradients(name, two, cache))
    assert_close(gradients(name, tree.map_tree(mixed, one, two), cache), sums, rtol=1e-12)


@pytest.mark.parametrize(
    "name",
    ["activations.softmax", "activations.log_softmax", "losses.cross_entropy", "losses.soft_cross_entropy"],
)
def test_a_constant_added_to_all_logits_changes_nothing(name, rng):
    logits, *rest = TWINS[name].draw(rng)
    out, _ = FORWARD[name](logits, *rest)
    shifted, _ = FORWARD[name](logits + 100, *rest)
    assert_close(shifted, out, rtol=1e-12)  # 100 takes two of the sixteen digits


@pytest.mark.parametrize(
    "name", [name for name in FORWARD if name.startswith("losses.") and name[-2:] not in ("l1", "l2")]
)
def test_a_loss_does_not_grow_with_the_batch(name, rng):
    args = TWINS[name].draw(rng)
    twice = mapped(lambda a: np.concatenate([a, a]), args)
    assert FORWARD[name](*twice)[0] == pytest.approx(FORWARD[name](*args)[0], rel=1e-12)
