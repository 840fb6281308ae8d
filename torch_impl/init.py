"""How weights start, in PyTorch: (d_in, d_out, rng) to W : (d_in, d_out), with rng a torch.Generator or None.

They draw from the reference's distributions, on the default device and in the default dtype; the numbers are others.
"""

import math

import torch

from reference_impl.init import fans
from torch_impl import activations

__all__ = [
    "constant", "fans", "he_normal", "he_uniform", "lecun_normal", "normal", "of", "orthogonal", "xavier_normal",
    "xavier_uniform",
]  # fmt: skip


def constant(d_in, d_out, rng, value=0.0):
    """W = value everywhere."""
    return torch.full((d_in, d_out), value)


def normal(d_in, d_out, rng, std=0.01):
    """W ~ N(0, std²)."""
    return std * torch.randn(d_in, d_out, generator=rng)


def lecun_normal(d_in, d_out, rng):
    """W ~ N(0, 1/d_in)."""
    return normal(d_in, d_out, rng, math.sqrt(1 / d_in))


def he_normal(d_in, d_out, rng):
    """W ~ N(0, 2/d_in)."""
    return normal(d_in, d_out, rng, math.sqrt(2 / d_in))


def he_uniform(d_in, d_out, rng):
    """W ~ U(-a, a), a = √(6/d_in)."""
    return math.sqrt(6 / d_in) * (2 * torch.rand(d_in, d_out, generator=rng) - 1)


def xavier_normal(d_in, d_out, rng):
    """W ~ N(0, 2/(d_in + d_out))."""
    return normal(d_in, d_out, rng, math.sqrt(2 / (d_in + d_out)))


def xavier_uniform(d_in, d_out, rng):
    """W ~ U(-a, a), a = √(6/(d_in + d_out))."""
    return math.sqrt(6 / (d_in + d_out)) * (2 * torch.rand(d_in, d_out, generator=rng) - 1)


def orthogonal(d_in, d_out, rng):
    """Rows or columns, whichever are fewer, of length 1 and at right angles."""
    wide = d_in < d_out
    Q, R = torch.linalg.qr(normal(d_out, d_in, rng, 1.0) if wide else normal(d_in, d_out, rng, 1.0))
    Q = Q * R.diagonal().sign()
    return Q.T if wide else Q


def of(f):
    """The function here for one of the reference's."""
    return activations.twin(f, globals())
