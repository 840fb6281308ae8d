"""Layers: each a pair of pure functions, forward and backward."""

import numpy as np

from reference_impl import contract


def linear_forward(x, W, b):
    """out = xW + b, for every row of x.

    x : (..., d_in)
    W : (d_in, d_out)
    b : (d_out,)
    Returns out : (..., d_out) and cache = (x, W).
    """
    return x @ W + b, (x, W)


def linear_backward(dout, cache):
    """The gradients of out = xW + b, summed over all rows for W and b.

    dout : (..., d_out)
    cache : (x, W), with x : (..., d_in) and W : (d_in, d_out)
    Returns dx : (..., d_in), dW : (d_in, d_out) and db : (d_out,).
    """
    x, W = cache
    rows = dout.reshape(-1, dout.shape[-1])
    dx = dout @ W.T
    dW = x.reshape(-1, x.shape[-1]).T @ rows
    db = rows.sum(axis=0)
    return dx, dW, db


def embedding_forward(ids, W):
    """out = W[ids]: one row of a table for each id. It equals one_hot(ids) @ W, without the multiplication.

    ids : (...,) int, 0 to V - 1
    W : (V, C)
    Returns out : (..., C) and cache = (ids, V).
    """
    return W[ids], (ids, len(W))


def embedding_backward(dout, cache):
    """dW = one_hot(ids)ᵀ dout: a row that was taken many times adds up as many gradients. Ids have none.

    dout : (..., C)
    cache : (ids, V), with ids : (...,)
    Returns dW : (V, C).
    """
    ids, V = cache
    one_hot = np.reshape(ids, -1) == np.arange(V)[:, None]  # (V, N)
    return one_hot.astype(dout.dtype) @ dout.reshape(-1, dout.shape[-1])


def layernorm_forward(x, g, b, eps=1e-5):
    """out = g · x̂ + b, with x̂ = (x - μ)/σ: every row brought to mean 0 and variance 1.

    x : (..., C)
    g, b : (C,)
    eps : added to the variance, a number above 0
    Returns out : (..., C) and cache = (xhat, rstd, g), with rstd = 1/√(variance + eps) : (..., 1).
    (Ba et al. 2016, arXiv 1607.06450.)
    """
    mu = x.mean(axis=-1, keepdims=True)
    centred = x - mu
    rstd = 1 / np.sqrt(np.vecdot(centred, centred)[..., None] / x.shape[-1] + eps)
    xhat = centred * rstd
    return g * xhat + b, (xhat, rstd, g)


def layernorm_backward(dout, cache):
    """The gradients of layernorm_forward: x moves its row's mean and variance too.

    dout : (..., C)
    cache : (xhat, rstd, g), with xhat : (..., C), rstd : (..., 1) and g : (C,)
    Returns dx : (..., C), dg : (C,) and db : (C,).
    """
    xhat, rstd, g = cache
    dxhat, C = dout * g, dout.shape[-1]
    dx = rstd * (dxhat - dxhat.mean(axis=-1, keepdims=True) - xhat * (np.vecdot(dxhat, xhat)[..., None] / C))
    rows = tuple(range(dout.ndim - 1))
    return dx, (dout * xhat).sum(axis=rows), dout.sum(axis=rows)


def batchnorm_forward(x, g, b, eps=1e-5):
    """out = g · x̂ + b in training: every column brought to mean 0 and variance 1 over the batch.

    x : (..., C), with all leading axes counted as the batch
    g, b : (C,)
    eps : added to the variance, a number above 0
    Returns out : (..., C) and cache = (xhat, rstd, g), with rstd : (C,). (Ioffe & Szegedy 2015, arXiv 1502.03167.)
    """
    rows = tuple(range(x.ndim - 1))
    rstd = 1 / np.sqrt(x.var(axis=rows) + eps)
    xhat = (x - x.mean(axis=rows)) * rstd
    return g * xhat + b, (xhat, rstd, g)


def batchnorm_backward(dout, cache):
    """The gradients of batchnorm_forward: x moves its column's mean and variance too.

    dout : (..., C)
    cache : (xhat, rstd, g), with xhat : (..., C), rstd : (C,) and g : (C,)
    Returns dx : (..., C), dg : (C,) and db : (C,).
    """
    xhat, rstd, g = cache
    rows = tuple(range(dout.ndim - 1))
    dxhat = dout * g
    dx = rstd * (dxhat - dxhat.mean(axis=rows) - xhat * (dxhat * xhat).mean(axis=rows))
    return dx, (dout * xhat).sum(axis=rows), dout.sum(axis=rows)


def batchnorm_running(x, mean, var, momentum=0.1):
    """Running statistics after one more training batch: old · (1 - momentum) + the batch's · momentum.

    x : (..., C), two rows or more
    mean, var : (C,); the batch's variance is the unbiased one, Σ(x - μ)²/(n - 1)
    momentum : a number in [0, 1]
    Returns the new mean and var, (C,) each.
    """
    rows = x.reshape(-1, x.shape[-1])
    if len(rows) < 2:
        raise ValueError(f"batchnorm_running: a variance needs two rows or more, not {len(rows)}")
    return mean + momentum * (rows.mean(axis=0) - mean), var + momentum * (rows.var(axis=0, ddof=1) - var)


def batchnorm_eval_forward(x, g, b, mean, var, eps=1e-5):
    """out = g · (x - mean)/√(var + eps) + b in use: the running statistics are constants.

    x : (..., C)
    g, b, mean, var : (C,)
    eps : added to the variance, a number above 0
    Returns out : (..., C) and cache = (xhat, rstd, g), with rstd : (C,).
    """
    rstd = 1 / np.sqrt(var + eps)
    xhat = (x - mean) * rstd
    return g * xhat + b, (xhat, rstd, g)


def batchnorm_eval_backward(dout, cache):
    """The gradients of batchnorm_eval_forward by x, g and b.

    dout : (..., C)
    cache : (xhat, rstd, g), with xhat : (..., C), rstd : (C,) and g : (C,)
    Returns dx : (..., C), dg : (C,) and db : (C,).
    """
    xhat, rstd, g = cache
    rows = tuple(range(dout.ndim - 1))
    return dout * g * rstd, (dout * xhat).sum(axis=rows), dout.sum(axis=rows)


def dropout_forward(x, rate, rng):
    """Each entry is 0 with probability rate, else x/(1 - rate), so that the mean stays x's (Srivastava et al. 2014).

    x : (...,)
    rate : a number in [0, 1); 0 when the network is in use, which leaves x as it is
    rng : one draw of rng.random(x.shape); an entry is kept where it is rate or more
    Returns out : (...,) and cache = scale : (...,), 0 or 1/(1 - rate).
    """
    scale = (rng.random(x.shape) >= rate).astype(x.dtype) / (1 - rate)
    return x * scale, scale


def dropout_backward(dout, cache):
    """dx = dout · scale: what was dropped gets no gradient. Shapes (...,); cache is forward's."""
    scale = cache
    return dout * scale


contract.enforce(globals())
