"""How weights start. Each takes (d_in, d_out, rng) and returns W : (d_in, d_out)."""

import numpy as np


def lecun_normal(d_in, d_out, rng):
    """W ~ N(0, 1/d_in): keeps the variance of a linear unit (LeCun et al. 1998, *Efficient BackProp*)."""
    return rng.standard_normal((d_in, d_out)) * np.sqrt(1 / d_in)


def he_normal(d_in, d_out, rng):
    """W ~ N(0, 2/d_in): keeps the variance through ReLU (He et al. 2015, arXiv 1502.01852)."""
    return rng.standard_normal((d_in, d_out)) * np.sqrt(2 / d_in)


def xavier_normal(d_in, d_out, rng):
    """W ~ N(0, 2/(d_in + d_out)): a compromise between forward and backward (Glorot & Bengio 2010)."""
    return rng.standard_normal((d_in, d_out)) * np.sqrt(2 / (d_in + d_out))


def xavier_uniform(d_in, d_out, rng):
    """W ~ U(-a, a), a = √(6/(d_in + d_out)): xavier_normal's variance, drawn flat (Glorot & Bengio 2010)."""
    limit = np.sqrt(6 / (d_in + d_out))
    return rng.uniform(-limit, limit, (d_in, d_out))
