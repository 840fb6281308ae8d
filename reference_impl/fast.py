"""The same functions, faster: they take the place of the clear ones in long runs, and equal them.

What makes them fast: buffers used again, blocks that stay in the processor's cache, matrix products in place of sums,
and nothing computed that nobody asks for. They check nothing, and a cache is for the backward of this module alone.
"""

import contextlib
import dataclasses
import functools
import inspect

import numpy as np

from reference_impl import activations, attention, contract, conv, fast_conv, flat, layers, losses, mlp, train

BLOCK = 1 << 16  # numbers in a block: a handful of blocks stay in the cache
ROOT = (2 / np.pi) ** 0.5


@contextlib.contextmanager
def speed():
    """Within it, the reference's modules call the functions of this module of the same name, and nothing is checked."""
    kept = [(module, name, getattr(module, name)) for module, name in REPLACED]
    kept.append((contract, "paused", contract.paused))
    try:
        contract.paused = True
        for module, name in REPLACED:
            setattr(module, name, globals()[name])
        yield
    finally:
        for module, name, before in kept:
            setattr(module, name, before)


def _blocks(*arrays):
    """The same rows of every array at a time, about BLOCK numbers of the first, as views of two axes."""
    rows = [a.reshape(-1, a.shape[-1]) if a.ndim else a.reshape(1, 1) for a in arrays]
    n = max(1, BLOCK // rows[0].shape[1])
    for start in range(0, len(rows[0]), n):
        yield [a[start : start + n] for a in rows]


def _column_sums(rows):
    return np.ones(len(rows), rows.dtype) @ rows if rows.size > BLOCK >> 4 else np.add.reduce(rows)


def relu_forward(x):
    """activations.relu_forward."""
    return np.maximum(x, 0), x


def relu_backward(dout, cache):
    """activations.relu_backward: a mask of numbers multiplies faster than one of booleans."""
    return np.multiply(dout, (cache > 0).astype(dout.dtype))


def gelu_forward(x):
    """activations.gelu_forward."""
    out, t = np.empty_like(x, order="C"), np.empty_like(x, order="C")
    for x_, out_, t_ in _blocks(x, out, t):
        np.multiply(x_, x_, out=t_)
        t_ *= 0.044715 * ROOT
        t_ += ROOT
        t_ *= x_
        np.tanh(t_, out=t_)
        np.add(t_, 1, out=out_)
        out_ *= x_
        out_ *= 0.5
    return out, (x, t)


def gelu_backward(dout, cache):
    """activations.gelu_backward."""
    x, t = cache
    dx = np.empty_like(x, order="C")
    for dout_, x_, t_, dx_ in _blocks(dout, x, t, dx):
        slope = x_ * x_
        slope *= 3 * 0.044715 * ROOT
        slope += ROOT
        slope *= x_
        np.multiply(t_, t_, out=dx_)
        np.subtract(1, dx_, out=dx_)
        dx_ *= slope
        dx_ += t_
        dx_ += 1
        dx_ *= dout_
        dx_ *= 0.5
    return dx


def softmax_forward(x):
    """activations.softmax_forward."""
    p = np.empty_like(x, order="C")
    for x_, p_ in _blocks(x, p):
        _softmax(x_, p_)
    return p, p


def _softmax(x, p):
    """Write x's softmax to p. The maximum is taken off only where e^x would be too large or too small without."""
    with np.errstate(over="ignore"):
        total = np.exp(x, out=p) @ np.ones(x.shape[-1], x.dtype)
    if not (total.min() > 1e-30 and total.max() < 1e30):
        np.exp(np.subtract(x, x.max(axis=-1, keepdims=True), out=p), out=p)
        total = p.sum(axis=-1)
    p *= (1 / total)[..., None]


def softmax_backward(dout, cache):
    """activations.softmax_backward."""
    dx = np.empty_like(dout, order="C")
    for dout_, p_, dx_ in _blocks(dout, cache, dx):
        np.subtract(dout_, np.vecdot(dout_, p_)[:, None], out=dx_)
        dx_ *= p_
    return dx


def linear_forward(x, W, b):
    """layers.linear_forward: one product of two matrices, however many leading axes x has."""
    out = x.reshape(-1, x.shape[-1]) @ W
    out += b
    return out.reshape(*x.shape[:-1], W.shape[1]), (x, W)


def linear_backward(dout, cache):
    """layers.linear_backward; where the cache says None for W, nobody asks for dx."""
    x, W = cache
    rows = dout.reshape(-1, dout.shape[-1])
    dx = None if W is None else (rows @ W.T).reshape(x.shape)
    return dx, x.reshape(-1, x.shape[-1]).T @ rows, _column_sums(rows)


def embedding_backward(dout, cache):
    """layers.embedding_backward: rows sorted by their id, and each run of one id added up."""
    ids, V = np.reshape(cache[0], -1), cache[1]
    order = np.argsort(ids, kind="stable")
    runs = np.flatnonzero(np.diff(ids[order], prepend=-1))
    dW = np.zeros((V, dout.shape[-1]), dout.dtype)
    dW[ids[order[runs]]] = np.add.reduceat(dout.reshape(-1, dout.shape[-1])[order], runs, axis=0)
    return dW


def layernorm_forward(x, g, b, eps=1e-5):
    """layers.layernorm_forward."""
    out, xhat, rstd = np.empty_like(x, order="C"), np.empty_like(x, order="C"), np.empty((*x.shape[:-1], 1), x.dtype)
    share = np.full(x.shape[-1], 1 / x.shape[-1], x.dtype)
    for x_, out_, xhat_, rstd_ in _blocks(x, out, xhat, rstd):
        np.subtract(x_, (x_ @ share)[:, None], out=xhat_)
        rstd_[:, 0] = 1 / np.sqrt(np.vecdot(xhat_, xhat_) / x.shape[-1] + eps)
        xhat_ *= rstd_
        np.multiply(xhat_, g, out=out_)
        out_ += b
    return out, (xhat, rstd, g)


def layernorm_backward(dout, cache):
    """layers.layernorm_backward: every mean and every sum is a product of a matrix and a vector."""
    xhat, rstd, g = cache
    dx, dg, db, share = np.empty_like(dout, order="C"), np.zeros_like(g), np.zeros_like(g), g / len(g)
    for dout_, xhat_, rstd_, dx_ in _blocks(dout, xhat, rstd, dx):
        product = dout_ * xhat_
        dg += _column_sums(product)
        db += _column_sums(dout_)
        np.multiply(xhat_, (product @ share)[:, None], out=product)
        np.multiply(dout_, g, out=dx_)
        dx_ -= (dout_ @ share)[:, None]
        dx_ -= product
        dx_ *= rstd_
    return dx, dg, db


def cross_entropy_forward(logits, targets):
    """losses.cross_entropy_forward."""
    logp = logits - logits.max(axis=-1, keepdims=True)
    logp -= np.log(np.exp(logp).sum(axis=-1, keepdims=True))
    picked = logp.reshape(-1, logp.shape[-1])[np.arange(targets.size), targets.reshape(-1)]
    return -picked.sum() / targets.size, (logp, targets)


def cross_entropy_backward(dout, cache):
    """losses.cross_entropy_backward."""
    logp, targets = cache
    dlogits = np.exp(logp)
    dlogits.reshape(-1, logp.shape[-1])[np.arange(targets.size), targets.reshape(-1)] -= 1
    dlogits *= dout / targets.size
    return dlogits


def attention_forward(q, k, v, mask=None):
    """attention.attention_forward, the heads of one example at a time."""
    out = np.empty_like(q, shape=(*q.shape[:-1], v.shape[-1]))  # laid out as q: merging its heads will copy nothing
    p = np.empty((*q.shape[:-1], k.shape[-2]), q.dtype)
    bias = 0 if mask is None else np.where(mask, 0, -np.inf).astype(q.dtype)
    for i in np.ndindex(q.shape[:-3]):
        scores = (q[i] * q.shape[-1] ** -0.5) @ k[i].swapaxes(-1, -2)
        scores += bias
        _softmax(scores, p[i])
        np.matmul(p[i], v[i], out=out[i])
    return out, (q, k, v, p)


def attention_backward(dout, cache):
    """attention.attention_backward, the heads of one example at a time."""
    q, k, v, p = cache
    dq, dk, dv, scale = np.empty_like(q), np.empty_like(k), np.empty_like(v), q.shape[-1] ** -0.5
    for i in np.ndindex(q.shape[:-3]):
        np.matmul(p[i].swapaxes(-1, -2), dout[i], out=dv[i])
        dscores = dout[i] @ v[i].swapaxes(-1, -2)
        dscores -= np.vecdot(dscores, p[i])[..., None]
        dscores *= p[i]
        np.matmul(dscores, k[i] * scale, out=dq[i])
        np.matmul(dscores.swapaxes(-1, -2), q[i] * scale, out=dk[i])
    return dq, dk, dv


@functools.cache
def _with_faster_activation(config):
    return dataclasses.replace(config, activation=FASTER.get(config.activation, config.activation))


def mlp_forward(params, x, config):
    """mlp.mlp_forward, whose backward leaves out the gradient by x: nobody asks for it."""
    config = _with_faster_activation(config)
    logits, (caches, _) = _clear_mlp_forward(params, x, config)
    c_linear, c_act = caches[0]
    return logits, ([((c_linear[0], None), c_act), *caches[1:]], config)


adamw_step = flat.adamw_step
conv2d_forward, conv2d_backward = fast_conv.conv2d_forward, fast_conv.conv2d_backward
maxpool_forward, maxpool_backward = fast_conv.maxpool_forward, fast_conv.maxpool_backward
cnn_forward, cnn_backward = fast_conv.cnn_forward, fast_conv.cnn_backward
relu, gelu = activations.Activation(relu_forward, relu_backward), activations.Activation(gelu_forward, gelu_backward)
FASTER = {activations.relu: relu, activations.gelu: gelu}  # what a config made outside of speed() holds
_clear_mlp_forward = inspect.unwrap(mlp.mlp_forward)
mlp_backward = inspect.unwrap(mlp.mlp_backward)  # as it is, without the checks
REPLACED = [
    (module, name)
    for module in (activations, attention, conv, layers, losses, mlp, train)
    for name, ours in list(globals().items())
    if name in vars(module) and (inspect.isfunction(ours) or isinstance(ours, activations.Activation))
]
