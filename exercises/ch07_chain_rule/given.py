"""What set 7 gives you, from the course's reference implementation."""

import math


def add(a, b):
    """a + b. Returns the sum and (slope by a, slope by b), all numbers."""
    return a + b, (1.0, 1.0)


def exp(a):
    """eᵃ. Returns it and (slope by a,), all numbers."""
    out = math.exp(a)
    return out, (out,)


def log(a):
    """The natural logarithm of a. Returns it and (slope by a,). Raises ValueError where a is not above 0."""
    if a <= 0:
        raise ValueError(f"log needs a number above 0, not {a:g}")
    return math.log(a), (1 / a,)


def sigmoid(a):
    """1/(1 + e^-a), for any a. Returns it and (slope by a,), all numbers."""
    out = 0.5 * (1 + math.tanh(0.5 * a))
    return out, (out * (1 - out),)
