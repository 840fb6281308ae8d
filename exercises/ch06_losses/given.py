"""What set 6 gives you, from the course's reference implementation."""

import numpy as np


def sigmoid_forward(x):
    """1 / (1 + e^-x): squashes to (0, 1); does not overflow for large negative x.

    x : (...,)
    Returns out : (...,) and cache = out.
    """
    e = np.exp(-np.abs(x))  # never above 1
    out = np.where(x >= 0, 1, e) / (1 + e)
    return out, out


def log_softmax_forward(x):
    """x_i - log Σ_j e^x_j along the last axis, with the maximum taken off first.

    x : (..., K)
    Returns logp : (..., K) and cache = logp.
    """
    shifted = x - x.max(axis=-1, keepdims=True)
    logp = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return logp, logp
