"""The multilayer perceptron: linear layers with an activation between them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from reference_impl import activations, contract, layers


@dataclass(frozen=True)
class MLPConfig:
    """What there is to choose about an MLP.

    sizes : units per layer, from the input's d_0 to the output's d_L: (64, 32, 10)
    activation : after every linear layer but the last
    init : (d_in, d_out, rng) -> W : (d_in, d_out)
    """

    sizes: tuple[int, ...]
    activation: activations.Activation
    init: Callable

    def __post_init__(self):
        if len(self.sizes) < 2 or min(self.sizes) < 1:
            right = "two or more numbers, each 1 or more"
            raise ValueError(f"MLPConfig: sizes must be {right}, not {self.sizes}")


def mlp_init(config, rng):
    """Parameters of an MLP: one {"W", "b"} for each pair of neighbouring sizes, from input to output.

    config : MLPConfig
    rng : numpy.random.Generator, used by config.init(d_in, d_out, rng) alone, once a layer, first layer first
    Returns params : a list of L dicts, W : (d_in, d_out) and b : (d_out,) zeros.
    """
    return [{"W": config.init(d_in, d_out, rng), "b": np.zeros(d_out)} for d_in, d_out in pairwise(config.sizes)]


def mlp_param_count(config):
    """How many numbers mlp_init draws or sets for this config: weights and biases of every layer.

    config : MLPConfig
    Returns an int.
    """
    return sum(d_in * d_out + d_out for d_in, d_out in pairwise(config.sizes))


def mlp_forward(params, x, config):
    """Linear layers in a row, config.activation after each but the last.

    params : as from mlp_init
    x : (..., d_0)
    config : MLPConfig; config.activation.forward(z) -> out, cache
    Returns logits : (..., d_L), and cache = (caches, config), with caches a list of
    (c_linear, c_act), c_act None for the last layer.
    """
    caches = []
    for i, layer in enumerate(params):
        x, c_linear = layers.linear_forward(x, layer["W"], layer["b"])
        c_act = None
        if i < len(params) - 1:
            x, c_act = config.activation.forward(x)
        caches.append((c_linear, c_act))
    return x, (caches, config)


def mlp_backward(dout, cache):
    """The gradient of every parameter of an MLP, from the gradient of its logits.

    dout : (..., d_L)
    cache : (caches, config), with caches a list of (c_linear, c_act), c_act None for the last layer;
        config.activation.backward(dout, c_act) -> dz
    Returns grads : a list of {"W", "b"}, shaped like params.
    """
    caches, config = cache
    grads = []
    for c_linear, c_act in reversed(caches):
        if c_act is not None:
            dout = config.activation.backward(dout, c_act)
        x, W = c_linear
        if len(grads) == len(caches) - 1:  # nobody asks for the gradient by the data: without rows of W it is empty
            W = W[:0]
        dout, dW, db = layers.linear_backward(dout, (x, W))
        grads.append({"W": dW, "b": db})
    return grads[::-1]


def predict(params, x, config):
    """The likeliest class of every row, and how sure the network is: the largest entry of softmax(logits), and where.

    params : as from mlp_init
    x : (..., d_0)
    config : MLPConfig
    Returns classes : (...,) int, and p : (...,) their probabilities.
    """
    logits, _ = mlp_forward(params, x, config)
    p, _ = activations.softmax_forward(logits)
    return p.argmax(axis=-1), p.max(axis=-1)


def mlp_flops(config, n):
    """Floating-point operations of mlp_forward for n rows: 2 · d_in · d_out a row and layer for xW, d_out for + b.

    config : MLPConfig; its activation is left out
    n : 0 or more
    Returns an int.
    """
    return n * sum(2 * d_in * d_out + d_out for d_in, d_out in pairwise(config.sizes))


def variance_probe(params, x, config):
    """How far a batch's numbers spread on their way through: the standard deviation of every layer's weighted sums.

    params : as from mlp_init
    x : (N, d_0)
    config : MLPConfig
    Returns (L,), over all rows and units of a layer, first layer first.
    """
    spreads = []
    for layer in params:
        z, _ = layers.linear_forward(x, layer["W"], layer["b"])
        spreads.append(z.std())
        x, _ = config.activation.forward(z)
    return np.array(spreads)


def width_for_budget(d_in, d_out, depth, budget):
    """The widest an MLP can be within a budget: depth hidden layers of one width.

    d_in, d_out, depth, budget : 1 or more; the budget counts weights and biases
    Returns an int. Raises ValueError where even a width of 1 is too much.
    """
    a, b, c = depth - 1, d_in + depth + d_out, d_out - budget  # a width w costs aw² + bw + d_out
    width = (math.isqrt(max(b * b - 4 * a * c, 0)) - b) // (2 * a) if a else -c // b
    if width < 1:
        raise ValueError(f"width_for_budget: {budget} parameters are too few: a width of 1 has {a + b + d_out}")
    return width


def ffn_forward(params, x, activation):
    """A Transformer's feed-forward network: linear, activation, linear, at every position alike.

    params : {"fc": {"W": (C, hidden), "b": (hidden,)}, "proj": {"W": (hidden, C), "b": (C,)}}
    x : (..., C)
    activation : Activation
    Returns out : (..., C) and cache = (c_fc, c_act, c_proj, activation).
    """
    z, c_fc = layers.linear_forward(x, params["fc"]["W"], params["fc"]["b"])
    z, c_act = activation.forward(z)
    out, c_proj = layers.linear_forward(z, params["proj"]["W"], params["proj"]["b"])
    return out, (c_fc, c_act, c_proj, activation)


def ffn_backward(dout, cache):
    """The gradients of ffn_forward.

    dout : (..., C)
    cache : (c_fc, c_act, c_proj, activation)
    Returns dparams, shaped like params, and dx : (..., C).
    """
    c_fc, c_act, c_proj, activation = cache
    dz, dW_proj, db_proj = layers.linear_backward(dout, c_proj)
    dz = activation.backward(dz, c_act)
    dx, dW_fc, db_fc = layers.linear_backward(dz, c_fc)
    return {"fc": {"W": dW_fc, "b": db_fc}, "proj": {"W": dW_proj, "b": db_proj}}, dx


def residual_forward(params, x, activation):
    """out = x + ffn(x): a block that has to learn only what x lacks (He et al. 2015, arXiv 1512.03385).

    params, activation : as in ffn_forward
    x : (..., C)
    Returns out : (..., C) and cache, ffn_forward's.
    """
    out, cache = ffn_forward(params, x, activation)
    return x + out, cache


def residual_backward(dout, cache):
    """The gradients of out = x + ffn(x): dout reaches x by both ways.

    dout : (..., C)
    cache : as from residual_forward
    Returns dparams, shaped like params, and dx : (..., C).
    """
    dparams, dx = ffn_backward(dout, cache)
    return dparams, dout + dx


contract.enforce(globals())
