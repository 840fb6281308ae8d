"""How weights start. What a config can name takes (d_in, d_out, rng) and returns W : (d_in, d_out)."""

import numpy as np

from reference_impl import contract


def fans(shape):
    """How many inputs one output of a weight array has, and how many outputs one input reaches.

    shape : (d_in, d_out), or of a convolution (rows, columns, d_in, d_out): each place of the kernel is an input
    Returns fan_in, fan_out : rows · columns · d_in and rows · columns · d_out.
    """
    if len(shape) < 2:
        raise ValueError(f"fans: a weight array has two axes or more, not {tuple(shape)}")
    *kernel, d_in, d_out = shape
    return int(np.prod([*kernel, d_in])), int(np.prod([*kernel, d_out]))


def constant(d_in, d_out, rng, value=0.0):
    """W = value everywhere: all units of a layer stay the same for ever. rng is not used."""
    return np.full((d_in, d_out), value)


def normal(d_in, d_out, rng, std=0.01):
    """W ~ N(0, std²), whatever the size of the layer.

    std : 0 or more
    """
    return std * rng.standard_normal((d_in, d_out))


def lecun_normal(d_in, d_out, rng):
    """W ~ N(0, 1/d_in): keeps the variance of a linear unit (LeCun et al. 1998, *Efficient BackProp*)."""
    return rng.standard_normal((d_in, d_out)) * np.sqrt(1 / d_in)


def he_normal(d_in, d_out, rng):
    """W ~ N(0, 2/d_in): keeps the variance through ReLU (He et al. 2015, arXiv 1502.01852)."""
    return rng.standard_normal((d_in, d_out)) * np.sqrt(2 / d_in)


def he_uniform(d_in, d_out, rng):
    """W ~ U(-a, a), a = √(6/d_in): he_normal's variance, drawn flat (He et al. 2015, arXiv 1502.01852)."""
    limit = np.sqrt(6 / d_in)
    return rng.uniform(-limit, limit, (d_in, d_out))


def xavier_normal(d_in, d_out, rng):
    """W ~ N(0, 2/(d_in + d_out)): a compromise between forward and backward (Glorot & Bengio 2010)."""
    return rng.standard_normal((d_in, d_out)) * np.sqrt(2 / (d_in + d_out))


def xavier_uniform(d_in, d_out, rng):
    """W ~ U(-a, a), a = √(6/(d_in + d_out)): xavier_normal's variance, drawn flat (Glorot & Bengio 2010)."""
    limit = np.sqrt(6 / (d_in + d_out))
    return rng.uniform(-limit, limit, (d_in, d_out))


def orthogonal(d_in, d_out, rng):
    """Rows or columns, whichever are fewer, of length 1 and at right angles (Saxe et al. 2013, arXiv 1312.6120)."""
    wide = d_in < d_out
    Q, R = np.linalg.qr(rng.standard_normal((d_out, d_in) if wide else (d_in, d_out)))
    Q = Q * np.sign(np.diag(R))  # without this, not all rotations would be equally likely
    return Q.T if wide else Q


contract.enforce(globals())
