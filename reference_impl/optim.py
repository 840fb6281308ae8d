"""Optimizers: how one parameter moves, given its gradient. Every update takes one leaf and returns new ones.

A state holds what an update remembers; before the first step each of its parts is 0.0. weight_decay λ adds λp to the
gradient, as PyTorch does, but in AdamW, which shrinks p by itself.
"""

import numpy as np

from reference_impl import contract, tree


def sgd_update(p, g, lr, weight_decay=0.0):
    """One step of stochastic gradient descent: p - lr · (g + weight_decay · p). p itself is left as it was.

    p, g : (...,), a parameter and its gradient
    lr, weight_decay : numbers, 0 or more
    Returns the new p, of the same shape.
    """
    return p - lr * (g + weight_decay * p)


def momentum_update(p, g, velocity, lr, momentum=0.9, weight_decay=0.0):
    """velocity' = momentum · velocity + g; p' = p - lr · velocity' (Polyak 1964).

    p, g : (...,)
    velocity : of that shape, or 0.0 before the first step
    lr, weight_decay : numbers, 0 or more
    momentum : in [0, 1]
    Returns p', velocity'.
    """
    velocity = momentum * velocity + g + weight_decay * p
    return p - lr * velocity, velocity


def nesterov_update(p, g, velocity, lr, momentum=0.9, weight_decay=0.0):
    """velocity' = momentum · velocity + g; p' = p - lr · (g + momentum · velocity'): the next velocity's look ahead.

    p, g : (...,)
    velocity : of that shape, or 0.0 before the first step
    lr, weight_decay : numbers, 0 or more
    momentum : in [0, 1]
    Returns p', velocity'. (Nesterov 1983, in the form of Sutskever et al. 2013.)
    """
    g = g + weight_decay * p
    velocity = momentum * velocity + g
    return p - lr * (g + momentum * velocity), velocity


def adagrad_update(p, g, total, lr, eps=1e-10, weight_decay=0.0):
    """total' = total + g²; p' = p - lr · g / (√total' + eps): each entry's steps shrink with what it has seen.

    p, g : (...,)
    total : of that shape, or 0.0 before the first step
    lr, eps, weight_decay : numbers, 0 or more
    Returns p', total'. (Duchi et al. 2011.)
    """
    g = g + weight_decay * p
    total = total + g**2
    return p - lr * g / (np.sqrt(total) + eps), total


def rmsprop_update(p, g, v, lr, alpha=0.99, eps=1e-8, weight_decay=0.0):
    """v' = alpha · v + (1 - alpha) · g²; p' = p - lr · g / (√v' + eps): AdaGrad that forgets.

    p, g : (...,)
    v : of that shape, or 0.0 before the first step
    lr, eps, weight_decay : numbers, 0 or more
    alpha : in [0, 1]
    Returns p', v'. (Tieleman & Hinton 2012.)
    """
    g = g + weight_decay * p
    v = alpha * v + (1 - alpha) * g**2
    return p - lr * g / (np.sqrt(v) + eps), v


def adam_update(p, g, state, t, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
    """p' = p - lr · m̂ / (√v̂ + eps), with running means m of g and v of g², m̂ = m/(1 - β₁ᵗ) and v̂ = v/(1 - β₂ᵗ).

    p, g : (...,)
    state : (m, v), each of that shape, or (0.0, 0.0) before the first step
    t : the number of this step, 1 or more
    lr, eps, weight_decay : numbers, 0 or more
    betas : (β₁, β₂), each in [0, 1)
    Returns p', (m', v'). (Kingma & Ba 2014, arXiv 1412.6980, algorithm 1.)
    """
    g = g + weight_decay * p if weight_decay else g
    m = betas[0] * state[0] + (1 - betas[0]) * g
    v = betas[1] * state[1] + (1 - betas[1]) * g * g
    root = (1 - betas[1] ** t) ** 0.5  # √v̂ = √v / root: the fraction is multiplied with root above and below
    rate = lr * root / (1 - betas[0] ** t)
    new = np.asarray(np.sqrt(v) + eps * root)
    np.divide(m, new, out=new)  # in one array: making a large one takes longer than computing with it
    new *= -rate
    new += p
    return new, (m, v)


def adamw_update(p, g, state, t, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    """Adam's step from (1 - lr · weight_decay) · p: decay that the running means never see.

    p, g : (...,)
    state : (m, v), each of that shape, or (0.0, 0.0) before the first step
    t : the number of this step, 1 or more
    lr, eps, weight_decay : numbers, 0 or more
    betas : (β₁, β₂), each in [0, 1)
    Returns p', (m', v'). (Loshchilov & Hutter 2017, arXiv 1711.05101, algorithm 2.)
    """
    p = (1 - lr * weight_decay) * p if weight_decay else p
    return adam_update(p, g, state, t, lr, betas, eps)


def clip_grad_norm(grads, max_norm):
    """grads, scaled down to a length of max_norm where they are longer: the direction stays.

    grads : a tree
    max_norm : above 0
    Returns a tree like grads, and the length it had. (Pascanu et al. 2013, arXiv 1211.5063.)
    """
    norm = tree.global_norm(grads)
    scale = min(1.0, max_norm / (float(norm) + 1e-6))
    return tree.map_tree(lambda g: g * scale, grads), norm


def update_tree(update, params, grads, states):
    """One update for every leaf of a tree.

    update : (p, g, state) -> the new p and state
    states : {path: state}, paths as from tree.flatten; where a path is missing, update gets None
    Returns the new params, and the new states.
    """
    flat_p, flat_g = tree.flatten(params), tree.flatten(grads)
    done = {path: update(p, flat_g[path], states.get(path)) for path, p in flat_p.items()}
    params = tree.unflatten({path: p for path, (p, _) in done.items()}, params)
    return params, {path: state for path, (_, state) in done.items()}


contract.enforce(globals())
