"""What set 3 gives you, from the course's reference implementation."""

from collections.abc import Callable
from typing import NamedTuple
import numpy as np


class Activation(NamedTuple):
    """A pair that a config can name: forward(x) -> out, cache and backward(dout, cache) -> dx."""

    forward: Callable
    backward: Callable


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


elu = Activation(elu_forward, elu_backward)


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
