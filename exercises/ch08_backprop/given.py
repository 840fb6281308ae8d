"""What set 8 gives you, from the course's reference implementation."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple
import numpy as np


class Activation(NamedTuple):
    """A pair that a config can name: forward(x) -> out, cache and backward(dout, cache) -> dx."""

    forward: Callable
    backward: Callable


def silu_forward(x):
    """x · sigmoid(x): a smooth ReLU (Elfwing et al. 2017, arXiv 1702.03118).

    x : (...,)
    Returns out : (...,) and cache = (x, s) with s = sigmoid(x).
    """
    s = 0.5 * (1 + np.tanh(0.5 * x))  # sigmoid(x), which overflows for no x
    return x * s, (x, s)


def silu_backward(dout, cache):
    """dx = dout · s · (1 + x(1 - s)). Shapes (...,); cache is forward's."""
    x, s = cache
    return dout * s * (1 + x * (1 - s))


silu = Activation(silu_forward, silu_backward)


def tanh_forward(x):
    """tanh x: squashes to (-1, 1), centred on 0.

    x : (...,)
    Returns out : (...,) and cache = out.
    """
    out = np.tanh(x)
    return out, out


def tanh_backward(dout, cache):
    """dx = dout · (1 - out²). Shapes (...,); cache is forward's."""
    out = cache
    return dout * (1 - out**2)


tanh = Activation(tanh_forward, tanh_backward)


def lecun_normal(d_in, d_out, rng):
    """W ~ N(0, 1/d_in): keeps the variance of a linear unit (LeCun et al. 1998, *Efficient BackProp*)."""
    return rng.standard_normal((d_in, d_out)) * np.sqrt(1 / d_in)


@dataclass(frozen=True)
class MLPConfig:
    """What there is to choose about an MLP.

    sizes : units per layer, from the input's d_0 to the output's d_L: (64, 32, 10)
    activation : after every linear layer but the last
    init : (d_in, d_out, rng) -> W : (d_in, d_out)
    """

    sizes: tuple[int, ...]
    activation: Activation
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


def linear_forward(x, W, b):
    """out = xW + b, for every row of x.

    x : (..., d_in)
    W : (d_in, d_out)
    b : (d_out,)
    Returns out : (..., d_out) and cache = (x, W).
    """
    return x @ W + b, (x, W)


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
        x, c_linear = linear_forward(x, layer["W"], layer["b"])
        c_act = None
        if i < len(params) - 1:
            x, c_act = config.activation.forward(x)
        caches.append((c_linear, c_act))
    return x, (caches, config)


def log_softmax_forward(x):
    """x_i - log Σ_j e^x_j along the last axis, with the maximum taken off first.

    x : (..., K)
    Returns logp : (..., K) and cache = logp.
    """
    shifted = x - x.max(axis=-1, keepdims=True)
    logp = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return logp, logp


def cross_entropy_forward(logits, targets):
    """The mean over all examples of -log p[target], p = softmax(logits), finite for any finite logits.

    logits : (..., K)
    targets : (...,) int, the number of the right class, 0 to K - 1
    Returns loss : a number, and cache = (logp, targets), with logp = log softmax(logits) : (..., K).
    """
    logp, _ = log_softmax_forward(logits)
    picked = np.take_along_axis(logp, targets[..., None], axis=-1)
    return -np.mean(picked), (logp, targets)
