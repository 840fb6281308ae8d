"""What set 10 gives you, from the course's reference implementation."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple
import numpy as np


class Activation(NamedTuple):
    """A pair that a config can name: forward(x) -> out, cache and backward(dout, cache) -> dx."""

    forward: Callable
    backward: Callable


def relu_forward(x):
    """max(0, x), entry by entry.

    x : (...,)
    Returns out : (...,) and cache = x.
    """
    return np.maximum(x, 0), x


def relu_backward(dout, cache):
    """dx = dout where x > 0, else 0 (at the kink, 0). Shapes (...,); cache is forward's."""
    x = cache
    return dout * (x > 0)


relu = Activation(relu_forward, relu_backward)


def tanh_forward(x):
    """tanh x: squashes to (-1, 1), centred on 0.

    x : (...,)
    Returns out : (...,) and cache = out.
    """
    out = np.tanh(x)
    return out, out


def tanh_backward(dout, cache):
    """dx = dout · (1 - out²). Shapes (...,); cache is forward's."""
    out = cache
    return dout * (1 - out**2)


tanh = Activation(tanh_forward, tanh_backward)


def lecun_normal(d_in, d_out, rng):
    """W ~ N(0, 1/d_in): keeps the variance of a linear unit (LeCun et al. 1998, *Efficient BackProp*)."""
    return rng.standard_normal((d_in, d_out)) * np.sqrt(1 / d_in)


def _same(descriptions):
    if any(d != descriptions[0] for d in descriptions):
        raise ValueError(f"trees differ in structure: {descriptions[0]} and {descriptions[1:]}")


def map_tree(f, *trees):
    """Apply f to the corresponding leaves of trees of one structure; return a tree of that structure.

    f : called with one leaf from each tree
    trees : nested dicts, lists and tuples; anything else is a leaf
    Raises ValueError where the structures differ.
    """
    first = trees[0]
    _same([type(t).__name__ if isinstance(t, dict | list | tuple) else "a leaf" for t in trees])
    if isinstance(first, dict):
        _same([sorted(t) for t in trees])
        return {k: map_tree(f, *(t[k] for t in trees)) for k in first}
    if isinstance(first, list | tuple):
        _same([len(t) for t in trees])
        return type(first)(map_tree(f, *branches) for branches in zip(*trees, strict=True))
    return f(*trees)


@dataclass(frozen=True)
class MLPConfig:
    """What there is to choose about an MLP.

    sizes : units per layer, from the input's d_0 to the output's d_L: (64, 32, 10)
    activation : after every linear layer but the last
    init : (d_in, d_out, rng) -> W : (d_in, d_out)
    """

    sizes: tuple[int, ...]
    activation: Activation
    init: Callable

    def __post_init__(self):
        if len(self.sizes) < 2 or min(self.sizes) < 1:
            right = "two or more numbers, each 1 or more"
            raise ValueError(f"MLPConfig: sizes must be {right}, not {self.sizes}")


def mlp_init(config, rng):
    """Parameters of an MLP: one {"W", "b"} for each pair of neighbouring sizes, from input to output.

    config : MLPConfig
    rng : numpy.random.Generator, used by config.init(d_in, d_out, rng) alone, once a layer, first layer first
    Returns params : a list of L dicts, W : (d_in, d_out) and b : (d_out,) zeros.
    """
    return [{"W": config.init(d_in, d_out, rng), "b": np.zeros(d_out)} for d_in, d_out in pairwise(config.sizes)]


def linear_forward(x, W, b):
    """out = xW + b, for every row of x.

    x : (..., d_in)
    W : (d_in, d_out)
    b : (d_out,)
    Returns out : (..., d_out) and cache = (x, W).
    """
    return x @ W + b, (x, W)


def mlp_forward(params, x, config):
    """Linear layers in a row, config.activation after each but the last.

    params : as from mlp_init
    x : (..., d_0)
    config : MLPConfig; config.activation.forward(z) -> out, cache
    Returns logits : (..., d_L), and cache = (caches, config), with caches a list of
    (c_linear, c_act), c_act None for the last layer.
    """
    caches = []
    for i, layer in enumerate(params):
        x, c_linear = linear_forward(x, layer["W"], layer["b"])
        c_act = None
        if i < len(params) - 1:
            x, c_act = config.activation.forward(x)
        caches.append((c_linear, c_act))
    return x, (caches, config)


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


def mlp_backward(dout, cache):
    """The gradient of every parameter of an MLP, from the gradient of its logits.

    dout : (..., d_L)
    cache : (caches, config), with caches a list of (c_linear, c_act), c_act None for the last layer;
        config.activation.backward(dout, c_act) -> dz
    Returns grads : a list of {"W", "b"}, shaped like params.
    """
    caches, config = cache
    grads = []
    for c_linear, c_act in reversed(caches):
        if c_act is not None:
            dout = config.activation.backward(dout, c_act)
        x, W = c_linear
        if len(grads) == len(caches) - 1:  # nobody asks for the gradient by the data: without rows of W it is empty
            W = W[:0]
        dout, dW, db = linear_backward(dout, (x, W))
        grads.append({"W": dW, "b": db})
    return grads[::-1]


def log_softmax_forward(x):
    """x_i - log Σ_j e^x_j along the last axis, with the maximum taken off first.

    x : (..., K)
    Returns logp : (..., K) and cache = logp.
    """
    shifted = x - x.max(axis=-1, keepdims=True)
    logp = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return logp, logp


def cross_entropy_forward(logits, targets):
    """The mean over all examples of -log p[target], p = softmax(logits), finite for any finite logits.

    logits : (..., K)
    targets : (...,) int, the number of the right class, 0 to K - 1
    Returns loss : a number, and cache = (logp, targets), with logp = log softmax(logits) : (..., K).
    """
    logp, _ = log_softmax_forward(logits)
    picked = np.take_along_axis(logp, targets[..., None], axis=-1)
    return -np.mean(picked), (logp, targets)


def cross_entropy_backward(dout, cache):
    """dlogits = dout · (p - one_hot(targets)) / N, with p = e^logp and N the number of examples.

    dout : a number
    cache : (logp, targets), with logp = log softmax(logits) : (..., K) and targets : (...,)
    Returns dlogits : (..., K).
    """
    logp, targets = cache
    one_hot = np.arange(logp.shape[-1]) == targets[..., None]
    return dout * (np.exp(logp) - one_hot) / targets.size


def minibatches(n, batch_size, rng):
    """Row numbers 0 to n - 1, in the order of one rng.permutation(n), in batches.

    n : 0 or more
    batch_size : 1 or more
    Returns a list of arrays of row numbers, of which the last may be shorter.
    """
    order = rng.permutation(n)
    return [order[i : i + batch_size] for i in range(0, n, batch_size)]


def train_val_test_split(targets, rng, val=0.15, test=0.15):
    """Three disjoint sets of row numbers, each class shared out in the same proportions (stratified).

    targets : (N,), the class of each row
    val, test : shares of each class, in [0, 1], rounded to whole rows
    Returns train, val, test : arrays of row numbers, shuffled, together 0 to N - 1.
    """
    parts = [[], [], []]
    for k in np.unique(targets):
        rows = rng.permutation(np.flatnonzero(targets == k))
        n_test = round(test * len(rows))
        n_val = min(round(val * len(rows)), len(rows) - n_test)
        for part, chosen in zip(parts, np.split(rows, [len(rows) - n_test - n_val, len(rows) - n_test]), strict=True):
            part.append(chosen)
    return [rng.permutation(np.concatenate(part)) for part in parts]
