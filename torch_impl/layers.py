"""The reference's layers in PyTorch: functions of the same arguments, and modules that hold them as parameters."""

import torch
import torch.nn.functional as F
from torch import nn


def linear(x, W, b):
    """out = xW + b. x : (..., d_in); W : (d_in, d_out); b : (d_out,); returns (..., d_out)."""
    return F.linear(x, W.T, b)


def embedding(ids, W):
    """out = W[ids]. ids : (...,) int, 0 to V - 1; W : (V, C); returns (..., C)."""
    return F.embedding(ids, W)


def layernorm(x, g, b, eps=1e-5):
    """Every row brought to mean 0 and variance 1, then g · x̂ + b. x : (..., C); g, b : (C,); returns (..., C)."""
    return F.layer_norm(x, g.shape, g, b, eps)


def batchnorm(x, g, b, eps=1e-5):
    """Every column brought to mean 0 and variance 1 over the batch. x : (..., C); g, b : (C,); returns (..., C)."""
    return F.batch_norm(x.reshape(-1, x.shape[-1]), None, None, g, b, training=True, eps=eps).view_as(x)


def batchnorm_running(x, mean, var, momentum=0.1):
    """Running statistics after one more batch.

    x : (..., C), two rows or more
    mean, var : (C,); the batch's variance is the unbiased one
    Returns the new mean and var, (C,) each.
    """
    rows = x.reshape(-1, x.shape[-1])
    if len(rows) < 2:
        raise ValueError(f"batchnorm_running: a variance needs two rows or more, not {len(rows)}")
    return torch.lerp(mean, rows.mean(dim=0), momentum), torch.lerp(var, rows.var(dim=0), momentum)


def batchnorm_eval(x, g, b, mean, var, eps=1e-5):
    """g · (x - mean)/√(var + eps) + b, the statistics being constants. x : (..., C); the others (C,)."""
    return F.batch_norm(x.reshape(-1, x.shape[-1]), mean, var, g, b, training=False, eps=eps).view_as(x)


def dropout(x, rate, rng):
    """Each entry is 0 with probability rate, else x/(1 - rate).

    x : (...,)
    rate : in [0, 1); 0 when the network is in use
    rng : torch.Generator, on x's device, or None
    """
    return x * (torch.rand(x.shape, generator=rng, device=x.device) >= rate) / (1 - rate)


class Linear(nn.Module):
    """W : (d_in, d_out), not yet drawn, and b : (d_out,) zeros."""

    def __init__(self, d_in, d_out):
        super().__init__()
        self.W, self.b = nn.Parameter(torch.empty(d_in, d_out)), nn.Parameter(torch.zeros(d_out))

    def forward(self, x):
        """(..., d_in) to (..., d_out)."""
        return linear(x, self.W, self.b)


class LayerNorm(nn.Module):
    """g : (C,) ones and b : (C,) zeros."""

    def __init__(self, C):
        super().__init__()
        self.g, self.b = nn.Parameter(torch.ones(C)), nn.Parameter(torch.zeros(C))

    def forward(self, x):
        """(..., C) to (..., C)."""
        return layernorm(x, self.g, self.b)
