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
    np.empty(31 << 20, np.int8)  # once so much was freed, glibc gives nothing back between steps: see mallopt(3)
    with contextlib.ExitStack() as kept:
        for module, name, ours in REPLACED:
            kept.callback(setattr, module, name, getattr(module, name))
            setattr(module, name, ours)
        yield


def _blocks(*arrays):
    """BLOCK numbers of every array at a time, as flat views."""
    arrays = [a.reshape(-1) for a in arrays]
    for start in range(0, len(arrays[0]), BLOCK):
        yield [a[start : start + BLOCK] for a in arrays]


def gelu_forward(x):
    """activations.gelu_forward, with (1 + tanh)/2 in the cache."""
    out, half = np.empty_like(x, order="C"), np.empty_like(x, order="C")
    for x_, out_, half_ in _blocks(x, out, half):
        np.tanh((0.044715 * ROOT * x_ * x_ + ROOT) * x_, out=half_)
        half_ *= 0.5
        half_ += 0.5
        np.multiply(x_, half_, out=out_)
    return out, (x, half)


def gelu_backward(dout, cache):
    """activations.gelu_backward."""
    (x, half), dx = cache, np.empty_like(dout, order="C")
    for dout_, x_, half_, dx_ in _blocks(dout, x, half, dx):
        slope = (6 * 0.044715 * ROOT * x_ * x_ + 2 * ROOT) * x_
        np.multiply(dout_, half_ * (1 + (1 - half_) * slope), out=dx_)
    return dx


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


def layernorm_forward(x, g, b, eps=1e-5):
    """layers.layernorm_forward, means by products."""
    xhat = x - (x @ np.full_like(g, 1 / len(g)))[..., None]
    rstd = 1 / np.sqrt(np.vecdot(xhat, xhat)[..., None] / len(g) + eps)
    xhat *= rstd
    return xhat * g + b, (xhat, rstd, g)


def layernorm_backward(dout, cache):
    """layers.layernorm_backward."""
    (xhat, rstd, g), rows = cache, _rows(dout)
    dxhat = dout * g
    mean, slope = dxhat @ np.full_like(g, 1 / len(g)), np.vecdot(dxhat, xhat) / len(g)
    dx = rstd * (dxhat - mean[..., None] - xhat * slope[..., None])
    return dx, np.einsum("nc,nc->c", rows, _rows(xhat)), np.ones_like(rows[:, 0]) @ rows


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
    dlogits = p * (float(dout) / len(right))
    dlogits.reshape(-1)[right] -= float(dout) / len(right)
    return dlogits


def attention_forward(q, k, v, mask=None):
    """attention.attention_forward, the heads of one example at a time."""
    out = np.empty_like(q, shape=(*q.shape[:-1], v.shape[-1]))  # laid out as q: merging its heads will copy nothing
    p = np.empty((*q.shape[:-1], k.shape[-2]), q.dtype)
    bias = 0 if mask is None else np.where(mask, 0, -np.inf).astype(q.dtype)
    for i in np.ndindex(q.shape[:-3]):
        scores = (q[i] * q.shape[-1] ** -0.5) @ k[i].swapaxes(-1, -2).copy()  # BLAS is faster at what lies in order
        scores += bias
        with np.errstate(over="ignore"):
            total = np.exp(scores, out=p[i]) @ np.ones(k.shape[-2], q.dtype)
        if not (total.min() > 1e-30 and total.max() < 1e30):  # only then is the maximum taken off
            np.exp(scores - scores.max(axis=-1, keepdims=True), out=p[i])
            total = p[i].sum(axis=-1)
        p[i] *= (1 / total)[..., None]
        np.matmul(p[i], v[i], out=out[i])
    return out, (q, k, v, p)


def attention_backward(dout, cache):
    """attention.attention_backward, the heads of one example at a time."""
    q, k, v, p = cache
    dq, dk, dv, scale = np.empty_like(q), np.empty_like(k), np.empty_like(v), q.shape[-1] ** -0.5
    for i in np.ndindex(q.shape[:-3]):
        np.matmul(p[i].swapaxes(-1, -2), dout[i], out=dv[i])
        dscores = dout[i] @ v[i].swapaxes(-1, -2).copy()
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
        if self.whole[0].size > BLOCK:
            return [block for path, g in tree.flatten(grads).items() for block in _blocks(g, self.p[path], *self[path])]
        for path, g in tree.flatten(grads).items():
            self.room[path][...] = g
        return [self.whole]


def adamw_step(params, grads, states, step, recipe):
    """train.adamw_step: the next step overwrites what it returns, but not the first params. All are of one dtype."""
    if not isinstance(states, Flat) or params is not states.params:
        states = Flat(params, states)
    blocks, t = states.beside(grads), step + 1
    lr = schedule.warmup_cosine(t, recipe.lr, recipe.n_warmup, recipe.n_steps, recipe.final_lr * recipe.lr)
    (b1, b2), scale, root = recipe.betas, 1.0, (1 - recipe.betas[1] ** t) ** 0.5
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


REPLACED = [(contract, "paused", True), (activations, "gelu", activations.Activation(gelu_forward, gelu_backward))] + [
    (module, name, ours)
    for module in (activations, attention, conv, layers, losses, train)
    for name, ours in [*globals().items(), *vars(fast_conv).items()]
    if name in vars(module) and inspect.isfunction(ours)
]
