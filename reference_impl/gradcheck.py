"""Is a gradient right? Compare it with slopes measured by small steps."""

import numpy as np

from reference_impl import contract


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


def complex_step(f, x, h=1e-30):
    """Im f(x + ih) / h for every entry of x: no difference is taken, so h can be as small as one likes.

    f : takes a complex array like x, returns a number; its formulas hold for complex numbers, as |x| does not
    x : (...,), float64
    Returns (...,). (Squire & Trapp 1998.)
    """
    grad = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        stepped = x.astype(complex)
        stepped[i] += 1j * h
        grad[i] = np.imag(f(stepped)) / h
    return grad


def relative_error(a, b):
    """The largest |a - b| over the largest |a| or |b|: 0 if both are all zeros."""
    scale = max(np.max(np.abs(a), initial=0), np.max(np.abs(b), initial=0))
    return np.max(np.abs(a - b), initial=0) / (scale or 1)


contract.enforce(globals())
