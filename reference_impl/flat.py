"""AdamW over one flat array: what fast.py has in place of train.adamw_step."""

import numpy as np

from reference_impl import schedule, tree

BLOCK = 1 << 16  # numbers in a block: a handful of blocks stay in the cache


class Flat(dict):
    """What adamw_step remembers: {path: (m, v)}, views of flat arrays; params and gradients lie in such arrays too."""

    def __init__(self, params, states):
        leaves = sorted(tree.flatten(params).items(), key=lambda leaf: leaf[1].ndim < 2)  # what decays comes first
        self.n_decay, end, parts = sum(p.size for _, p in leaves if p.ndim > 1), 0, {}
        self.p, self.g, self.m, self.v = np.zeros((4, tree.count(params)), leaves[0][1].dtype)
        for path, p in leaves:
            start, end = end, end + p.size
            parts[path], m, v = (a[start:end].reshape(p.shape) for a in (self.p, self.m, self.v))
            parts[path][...], (m[...], v[...]) = p, states.get(path, (0.0, 0.0))
            self[path] = m, v
        self.params = tree.unflatten({path: parts[path] for path in tree.flatten(params)}, params)


def adamw_step(params, grads, states, step, recipe):
    """train.adamw_step, in place, with all leaves, of one dtype, in one array.

    The first params stay as they are. Those that are returned, and the states, are overwritten by the next step.
    """
    if not isinstance(states, Flat) or params is not states.params:
        states = Flat(params, states)
    leaves, t = tree.flatten(grads), step + 1
    np.concatenate([leaves[path].reshape(-1) for path in states], out=states.g)
    lr = schedule.warmup_cosine(t, recipe.lr, recipe.n_warmup, recipe.n_steps, recipe.final_lr * recipe.lr)
    (b1, b2), scale = recipe.betas, 1.0
    root = (1 - b2**t) ** 0.5
    if recipe.max_norm < np.inf:
        scale = min(1.0, recipe.max_norm / (float(np.dot(states.g, states.g)) ** 0.5 + 1e-6))
    if recipe.weight_decay:
        states.p[: states.n_decay] *= 1 - lr * recipe.weight_decay
    for p, g, m, v in blocks(states.p, states.g, states.m, states.v):
        work = g * ((1 - b1) * scale)
        m *= b1
        m += work
        np.multiply(g, g, out=work)
        work *= (1 - b2) * scale**2
        v *= b2
        v += work
        np.sqrt(v, out=work)
        work += recipe.eps * root
        np.divide(m, work, out=work)
        work *= lr * root / (1 - b1**t)
        p -= work
    return states.params, states


def blocks(*arrays):
    """BLOCK numbers of every flat array at a time, as views."""
    for start in range(0, len(arrays[0]), BLOCK):
        yield [a[start : start + BLOCK] for a in arrays]
