"""The multilayer perceptron: linear layers with an activation between them."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from reference_impl import activations, layers


@dataclass(frozen=True)
class MLPConfig:
    """What there is to choose about an MLP.

    sizes : units per layer, from the input's d_0 to the output's d_L, as in (64, 32, 10)
    activation : after every linear layer but the last
    init : (d_in, d_out, rng) -> W : (d_in, d_out)
    """

    sizes: tuple[int, ...]
    activation: activations.Activation
    init: Callable


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
    Returns logits : (..., d_L), and cache = (caches, config), with caches a list of (c_linear, c_act), c_act None for
    the last layer.
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
        dout, dW, db = layers.linear_backward(dout, c_linear)
        grads.append({"W": dW, "b": db})
    return grads[::-1]
