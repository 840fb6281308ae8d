"""Is a gradient right? Compare it with slopes measured by small steps."""

import numpy as np


def numerical_gradient(f, x, h=1e-5):
    """Central differences: (f(x + h) - f(x - h)) / 2h for every entry of x, one at a time.

    f : takes an array like x, returns a number
    x : (...,), float64
    Returns (...,).
    """
    grad = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] += h
        down[i] -= h
        grad[i] = (f(up) - f(down)) / (2 * h)
    return grad


def relative_error(a, b):
    """The largest |a - b| over the largest |a| or |b|: 0 if both are all zeros."""
    scale = max(np.max(np.abs(a), initial=0), np.max(np.abs(b), initial=0))
    return np.max(np.abs(a - b), initial=0) / (scale or 1)
