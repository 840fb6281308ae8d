"""Activations: what a unit makes of its weighted sum. Each is a pair, forward and backward.

Shapes: x, out, dout and dx are alike, (...,). softmax and log_softmax work along the last axis.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from reference_impl import contract


class Activation(NamedTuple):
    """A pair that a config can name: forward(x) -> out, cache and backward(dout, cache) -> dx."""

    forward: Callable
    backward: Callable


def sigmoid_forward(x):
    """1 / (1 + e^-x): squashes to (0, 1); does not overflow for large negative x.

    x : (...,)
    Returns out : (...,) and cache = out.
    """
    e = np.exp(-np.abs(x))  # never above 1
    out = np.where(x >= 0, 1, e) / (1 + e)
    return out, out


def sigmoid_backward(dout, cache):
    """dx = dout · out · (1 - out). Shapes (...,); cache is forward's."""
    out = cache
    return dout * out * (1 - out)


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


def relu_forward(x):
    """max(0, x), entry by entry.

    x : (...,)
    Returns out : (...,) and cache = x.
    """
    return np.maximum(x, 0), x


def relu_backward(dout, cache):
    """dx = dout where x > 0, else 0 (at the kink, 0). Shapes (...,); cache is forward's."""
    x = cache
    return dout * (x > 0)


def leaky_relu_forward(x, slope=0.01):
    """x where x > 0, else slope · x.

    x : (...,)
    Returns out : (...,) and cache = (x, slope).
    """
    return np.where(x > 0, x, slope * x), (x, slope)


def leaky_relu_backward(dout, cache):
    """dx = dout where x > 0, else slope · dout. Shapes (...,); cache is forward's."""
    x, slope = cache
    return np.where(x > 0, dout, slope * dout)


def elu_forward(x, alpha=1.0):
    """x where x > 0, else α(e^x - 1) (Clevert et al. 2015, arXiv 1511.07289).

    x : (...,)
    Returns out : (...,) and cache = (x, out, alpha).
    """
    out = np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))
    return out, (x, out, alpha)


def elu_backward(dout, cache):
    """dx = dout where x > 0, else dout · (out + α). Shapes (...,)."""
    x, out, alpha = cache
    return dout * np.where(x > 0, 1, out + alpha)


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


def gelu_forward(x):
    """½x(1 + tanh(√(2/π)(x + 0.044715x³))), GPT-2's form (Hendrycks & Gimpel 2016, arXiv 1606.08415).

    x : (...,)
    Returns out : (...,) and cache = (x, t) with t the tanh.
    """
    t = np.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x * x * x))
    return 0.5 * (1 + t) * x, (x, t)


def gelu_backward(dout, cache):
    """The derivative of gelu_forward's formula, times dout. Shapes (...,); cache is forward's."""
    x, t = cache
    slope = (2 / np.pi) ** 0.5 * (1 + 3 * 0.044715 * x**2)
    return 0.5 * (1 + t + x * (1 - t**2) * slope) * dout


def softmax_forward(x):
    """e^x_i / Σ_j e^x_j along the last axis: logits to probabilities, with the maximum taken off first.

    x : (..., K)
    Returns p : (..., K) and cache = p.
    """
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    p = e / e.sum(axis=-1, keepdims=True)
    return p, p


def softmax_backward(dout, cache):
    """dx_i = p_i (dout_i - Σ_j dout_j p_j) along the last axis.

    dout : (..., K)
    cache : p, the softmax's output, (..., K)
    Returns dx : (..., K).
    """
    p = cache
    return p * (dout - (dout * p).sum(axis=-1, keepdims=True))


def log_softmax_forward(x):
    """x_i - log Σ_j e^x_j along the last axis, with the maximum taken off first.

    x : (..., K)
    Returns logp : (..., K) and cache = logp.
    """
    shifted = x - x.max(axis=-1, keepdims=True)
    logp = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return logp, logp


def log_softmax_backward(dout, cache):
    """dx_i = dout_i - p_i Σ_j dout_j along the last axis, p = e^logp.

    dout : (..., K)
    cache : logp : (..., K)
    Returns dx : (..., K).
    """
    logp = cache
    return dout - np.exp(logp) * dout.sum(axis=-1, keepdims=True)


def log_sum_exp(x):
    """log Σ_j e^x_j along the last axis, with the maximum taken off first: it overflows for no x.

    x : (..., K)
    Returns (...,).
    """
    top = x.max(axis=-1, keepdims=True)
    return np.squeeze(top, -1) + np.log(np.exp(x - top).sum(axis=-1))


def draw(p, rng):
    """One class for every row of probabilities, as likely as the row says.

    p : (..., K), each row adding up to 1
    rng : one draw of rng.random((..., 1)); the class is the first whose cumulated probability is above it
    Returns (...,) int.
    """
    cumulated = p.cumsum(axis=-1)
    return (cumulated / cumulated[..., -1:] > rng.random((*p.shape[:-1], 1))).argmax(axis=-1)


contract.enforce(globals())

sigmoid = Activation(sigmoid_forward, sigmoid_backward)
tanh = Activation(tanh_forward, tanh_backward)
relu = Activation(relu_forward, relu_backward)
leaky_relu = Activation(leaky_relu_forward, leaky_relu_backward)
elu = Activation(elu_forward, elu_backward)
silu = Activation(silu_forward, silu_backward)
gelu = Activation(gelu_forward, gelu_backward)
