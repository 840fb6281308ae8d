"""The same functions, faster: they take the place of the clear ones in long runs, and equal them.

What makes them fast: buffers used again, blocks that stay in the processor's cache, matrix products in place of sums,
and nothing computed that nobody asks for. They check nothing, and a cache is for the backward of this module alone.
"""

import contextlib
import inspect

import numpy as np

from reference_impl import activations, attention, contract, conv, fast_conv, layers, losses, schedule, train, tree

BLOCK = 1 << 16  # numbers in a block: a handful of blocks stay in the cache
ROOT = (2 / np.pi) ** 0.5


@contextlib.contextmanager
def speed():
    """Within it, the reference's modules call the faster functions of the same name, and nothing is checked."""
    kept = [(module, name, getattr(module, name)) for module, name, _ in REPLACED]
    np.empty(31 << 20, np.int8)  # once so much was freed, glibc gives nothing back between steps: see mallopt(3)
    try:
        for module, name, ours in REPLACED:
            setattr(module, name, ours)
        yield
    finally:
        for module, name, before in kept:
            setattr(module, name, before)


def _blocks(*arrays):
    """BLOCK numbers of every array at a time, as flat views."""
    arrays = [a.reshape(-1) for a in arrays]
    for start in range(0, len(arrays[0]), BLOCK):
        yield [a[start : start + BLOCK] for a in arrays]


def gelu_forward(x):
    """activations.gelu_forward."""
    out, t = np.empty_like(x, order="C"), np.empty_like(x, order="C")
    for x_, out_, t_ in _blocks(x, out, t):
        np.tanh((0.044715 * ROOT * x_ * x_ + ROOT) * x_, out=t_)
        np.multiply(0.5 * x_, 1 + t_, out=out_)
    return out, (x, t)


def gelu_backward(dout, cache):
    """activations.gelu_backward."""
    x, t = cache
    dx = np.empty_like(x, order="C")
    for dout_, x_, t_, dx_ in _blocks(dout, x, t, dx):
        slope = (3 * 0.044715 * ROOT * x_ * x_ + ROOT) * x_
        np.multiply(0.5 * dout_, (1 + t_) * (1 + (1 - t_) * slope), out=dx_)
    return dx


def _softmax(x, p):
    """Write x's softmax to p. The maximum is taken off only where e^x would be too large or too small without."""
    with np.errstate(over="ignore"):
        total = np.exp(x, out=p) @ np.ones(x.shape[-1], x.dtype)
    if not (total.min() > 1e-30 and total.max() < 1e30):
        np.exp(np.subtract(x, x.max(axis=-1, keepdims=True), out=p), out=p)
        total = p.sum(axis=-1)
    p *= (1 / total)[..., None]


def _rows(x):
    return x if x.ndim == 2 else x.reshape(-1, x.shape[-1])


def linear_forward(x, W, b):
    """layers.linear_forward: one product of two matrices, however many leading axes x has."""
    out = W.T.dot(x.T).T if x.ndim == 2 else _rows(x).dot(W)  # of a batch of rows BLAS is faster at the transpose
    out += b
    return out if x.ndim == 2 else out.reshape(*x.shape[:-1], -1), (x, W)


def linear_backward(dout, cache):
    """layers.linear_backward."""
    x, W = cache
    rows = _rows(dout)
    dx = W.dot(rows.T).T if x.ndim == 2 else rows.dot(W.T).reshape(*x.shape[:-1], len(W))
    return dx, _rows(x).T.dot(rows), np.add.reduce(rows)


def cross_entropy_forward(logits, targets):
    """losses.cross_entropy_forward, with probabilities in the cache, and where, laid flat, the right ones are."""
    p = np.subtract(logits, np.maximum.reduce(logits, axis=-1, keepdims=True), order="C")
    right = np.arange(0, p.size, p.shape[-1]) + targets.reshape(-1)
    picked = p.take(right)
    np.exp(p, out=p)
    total = np.add.reduce(p, axis=-1, keepdims=True)
    p /= total
    return np.add.reduce(np.log(total).reshape(-1) - picked) / targets.size, (p, right)


def cross_entropy_backward(dout, cache):
    """losses.cross_entropy_backward."""
    p, right = cache
    scale = float(dout) / len(right)
    dlogits = p * scale
    dlogits.reshape(-1)[right] -= scale
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


class Flat(dict):
    """What adamw_step remembers: {path: (m, v)}, views of flat arrays; params lie in such an array too."""

    def __init__(self, params, states):
        leaves = sorted(tree.flatten(params).items(), key=lambda leaf: leaf[1].ndim < 2)  # what decays comes first
        self.n_decay, end = sum(p.size for _, p in leaves if p.ndim > 1), 0
        self.whole = tuple(np.zeros((4, tree.count(params)), leaves[0][1].dtype))  # room for gradients, p, m and v
        self.room, self.p = {}, {}
        for path, p in leaves:
            start, end = end, end + p.size
            self.room[path], self.p[path], m, v = (a[start:end].reshape(p.shape) for a in self.whole)
            self.p[path][...], (m[...], v[...]) = p, states.get(path, (0.0, 0.0))
            self[path] = m, v
        self.params = tree.unflatten({path: self.p[path] for path in tree.flatten(params)}, params)

    def beside(self, grads):
        """Flat blocks [(g, p, m, v), …]: the whole where it is small, for fewer calls, else leaf by leaf."""
        grads = tree.flatten(grads)
        if self.whole[0].size > BLOCK:
            return [block for path, g in grads.items() for block in _blocks(g, self.p[path], *self[path])]
        for path, g in grads.items():
            self.room[path][...] = g
        return [self.whole]


def adamw_step(params, grads, states, step, recipe):
    """train.adamw_step, in place, with all leaves, of one dtype, in one array.

    The first params stay as they are. Those that are returned, and the states, are overwritten by the next step.
    """
    if not isinstance(states, Flat) or params is not states.params:
        states = Flat(params, states)
    blocks, t = states.beside(grads), step + 1
    lr = schedule.warmup_cosine(t, recipe.lr, recipe.n_warmup, recipe.n_steps, recipe.final_lr * recipe.lr)
    (b1, b2), scale = recipe.betas, 1.0
    root = (1 - b2**t) ** 0.5
    if recipe.max_norm < np.inf:
        scale = min(1.0, recipe.max_norm / (sum(float(np.dot(g, g)) for g, *_ in blocks) ** 0.5 + 1e-6))
    if recipe.weight_decay:
        states.whole[1][: states.n_decay] *= 1 - lr * recipe.weight_decay
    for g, p, m, v in blocks:  # in place: what is new lies elsewhere in memory, and costs time
        change = g * ((1 - b1) * scale)
        m *= b1
        m += change
        change *= change
        change *= (1 - b2) / (1 - b1) ** 2
        v *= b2
        v += change
        np.sqrt(v, out=change)
        change += recipe.eps * root
        np.divide(m, change, out=change)
        change *= lr * root / (1 - b1**t)
        p -= change
    return states.params, states


gelu = activations.Activation(gelu_forward, gelu_backward)
REPLACED = [(contract, "paused", True)] + [
    (module, name, ours)
    for module in (activations, attention, conv, layers, losses, train)
    for name, ours in [*globals().items(), *vars(fast_conv).items()]
    if name in vars(module) and (inspect.isfunction(ours) or isinstance(ours, activations.Activation))
]
