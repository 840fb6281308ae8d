"""Recurrent networks: a cell that is applied step by step, the unrolling, and a model of characters.

A cell's state is a dict: {"h"} of a vanilla RNN and a GRU, {"h", "c"} of an LSTM, each (B, H). A step is a pair
forward(params, x, state) -> state, cache and backward(dstate, cache) -> dparams, dx, dstate.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from reference_impl import activations, contract, init, layers, tree


class Cell(NamedTuple):
    """A step that a config can name. gates : blocks of H columns in Wx, Wh and b; state : the names in its state."""

    forward: Callable
    backward: Callable
    gates: int
    state: tuple[str, ...]


def gates_forward(params, x, h):
    """z = xWx + hWh + b: what every cell makes of its input and its past.

    params : {"Wx": (C, G), "Wh": (H, G), "b": (G,)}, with G = gates · H
    x : (B, C)
    h : (B, H)
    Returns z : (B, G) and cache = (params, x, h).
    """
    return x @ params["Wx"] + h @ params["Wh"] + params["b"], (params, x, h)


def gates_backward(dout, cache):
    """The gradients of z = xWx + hWh + b.

    dout : (B, G)
    cache : (params, x, h), with x : (B, C) and h : (B, H)
    Returns dparams, shaped like params, dx : (B, C) and dh : (B, H).
    """
    params, x, h = cache
    return {"Wx": x.T @ dout, "Wh": h.T @ dout, "b": dout.sum(axis=0)}, dout @ params["Wx"].T, dout @ params["Wh"].T


def rnn_step_forward(params, x, state):
    """h' = tanh(xWx + hWh + b) (Elman 1990).

    params : {"Wx": (C, H), "Wh": (H, H), "b": (H,)}
    x : (B, C)
    state : {"h": (B, H)}
    Returns the new state and cache = (c_gates, h').
    """
    z, c_gates = gates_forward(params, x, state["h"])
    h = np.tanh(z)
    return {"h": h}, (c_gates, h)


def rnn_step_backward(dstate, cache):
    """The gradients of one step of a vanilla RNN.

    dstate : {"h": (B, H)}, by the new state
    cache : (c_gates, h'), c_gates being gates_forward's cache
    Returns dparams, dx : (B, C) and dstate : {"h": (B, H)}, by the old state.
    """
    c_gates, h = cache
    dparams, dx, dh = gates_backward(dstate["h"] * (1 - h**2), c_gates)
    return dparams, dx, {"h": dh}


def lstm_step_forward(params, x, state):
    """c' = f·c + i·u and h' = o·tanh(c'), with i, f, o = sigmoid and u = tanh of four blocks of xWx + hWh + b.

    params : {"Wx": (C, 4H), "Wh": (H, 4H), "b": (4H,)}, blocks in the order i, f, u, o
    x : (B, C)
    state : {"h": (B, H), "c": (B, H)}
    Returns the new state and cache = (c_gates, i, f, u, o, c, tanh(c')). (Hochreiter & Schmidhuber 1997; its f
    is Gers et al. 2000.)
    """
    z, c_gates = gates_forward(params, x, state["h"])
    i, f, u, o = np.split(z, 4, axis=-1)
    (i, _), (f, _), (o, _) = map(activations.sigmoid_forward, (i, f, o))
    u = np.tanh(u)
    c = f * state["c"] + i * u
    squashed = np.tanh(c)
    return {"h": o * squashed, "c": c}, (c_gates, i, f, u, o, state["c"], squashed)


def lstm_step_backward(dstate, cache):
    """The gradients of one step of an LSTM.

    dstate : {"h": (B, H), "c": (B, H)}, by the new state
    cache : (c_gates, i, f, u, o, c, tanh(c')), all but c_gates (B, H)
    Returns dparams, dx : (B, C) and dstate : {"h", "c"}, by the old state.
    """
    c_gates, i, f, u, o, c, squashed = cache
    dh = dstate["h"]
    dc = dstate["c"] + dh * o * (1 - squashed**2)
    dz = [dc * u * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - u**2), dh * squashed * o * (1 - o)]
    dparams, dx, dh = gates_backward(np.concatenate(dz, axis=-1), c_gates)
    return dparams, dx, {"h": dh, "c": dc * f}


def gru_step_forward(params, x, state):
    """h' = (1 - z)·n + z·h, with r, z = sigmoid(a + s) and n = tanh(a + r·s) of the blocks of a = xWx + b and s = hWh.

    params : {"Wx": (C, 3H), "Wh": (H, 3H), "b": (3H,)}, blocks in the order r, z, n
    x : (B, C)
    state : {"h": (B, H)}
    Returns the new state and cache. (Cho et al. 2014, arXiv 1406.1078; r after the product, as in cuDNN and PyTorch.)
    """
    h = state["h"]
    s = h @ params["Wh"]
    (ar, az, an), (sr, sz, sn) = np.split(x @ params["Wx"] + params["b"], 3, axis=-1), np.split(s, 3, axis=-1)
    r, _ = activations.sigmoid_forward(ar + sr)
    z, _ = activations.sigmoid_forward(az + sz)
    n = np.tanh(an + r * sn)
    return {"h": (1 - z) * n + z * h}, (params, x, h, r, z, n, sn)


def gru_step_backward(dstate, cache):
    """The gradients of one step of a GRU.

    dstate : {"h": (B, H)}, by the new state
    cache : (params, x, h, r, z, n, sn), with sn the last block of hWh
    Returns dparams, dx : (B, C) and dstate : {"h": (B, H)}, by the old state.
    """
    params, x, h, r, z, n, sn = cache
    dh = dstate["h"]
    dn = dh * (1 - z) * (1 - n**2)
    dr, dz = dn * sn * r * (1 - r), dh * (h - n) * z * (1 - z)
    da, ds = np.concatenate([dr, dz, dn], axis=-1), np.concatenate([dr, dz, dn * r], axis=-1)
    dparams = {"Wx": x.T @ da, "Wh": h.T @ ds, "b": da.sum(axis=0)}
    return dparams, da @ params["Wx"].T, {"h": dh * z + ds @ params["Wh"].T}


def cell_init(cell, d_in, n_hidden, rng):
    """Parameters of one cell: Wx and Wh drawn from N(0, 1/d_in) and N(0, 1/H), b zeros. d_in, n_hidden : 1 or more."""
    G = cell.gates * n_hidden
    return {"Wx": init.lecun_normal(d_in, G, rng), "Wh": init.lecun_normal(n_hidden, G, rng), "b": np.zeros(G)}


def start(cell, batch_size, n_hidden, dtype=np.float64):
    """The state before the first step: zeros, {name: (B, H)}."""
    return {name: np.zeros((batch_size, n_hidden), dtype) for name in cell.state}


def unroll_forward(cell, params, x, state):
    """Apply a cell to every step of x in turn.

    x : (B, T, C)
    state : before the first step
    Returns out : (B, T, H), the h after every step, and cache = (cell, caches, the last state).
    """
    if x.shape[1] == 0:
        raise ValueError("unroll_forward: a sequence has one step or more, not 0")
    hs, caches = [], []
    for t in range(x.shape[1]):
        state, c_step = cell.forward(params, x[:, t], state)
        hs.append(state["h"])
        caches.append(c_step)
    return np.stack(hs, axis=1), (cell, caches, state)


def unroll_backward(dout, cache, truncate=None):
    """Backpropagation through time: from the last step to the first, every step's gradients added up.

    dout : (B, T, H)
    cache : as from unroll_forward
    truncate : the gradient is cut off before every truncate-th step, as if the state had been given; None never cuts;
        1 or more
    Returns dparams, dx : (B, T, C) and dstate, by the state before the first step. (Werbos 1990.)
    """
    cell, caches, last = cache
    dstate = tree.map_tree(np.zeros_like, last)
    total, dxs = None, []
    for t in reversed(range(len(caches))):
        dparams, dx, dstate = cell.backward(dstate | {"h": dstate["h"] + dout[:, t]}, caches[t])
        total = dparams if total is None else tree.map_tree(np.add, total, dparams)
        dxs.append(dx)
        if truncate and t % truncate == 0:
            dstate = tree.map_tree(np.zeros_like, dstate)
    return total, np.stack(dxs[::-1], axis=1), dstate


@dataclass(frozen=True)
class RNNConfig:
    """What there is to choose about a recurrent model of characters. truncate : as in unroll_backward."""

    cell: Cell
    vocab_size: int
    n_embd: int
    n_hidden: int
    truncate: int | None = None

    def __post_init__(self):
        contract.at_least(self, vocab_size=1, n_embd=1, n_hidden=1, truncate=1)


def rnn_init(config, rng):
    """Parameters: the characters' embedding, one cell, and a linear layer to the next character's logits.

    Returns {"embedding": (V, C), "cell": {"Wx", "Wh", "b"}, "linear": {"W", "b"}}.
    """
    return {
        "embedding": rng.standard_normal((config.vocab_size, config.n_embd)),
        "cell": cell_init(config.cell, config.n_embd, config.n_hidden, rng),
        "linear": {
            "W": init.lecun_normal(config.n_hidden, config.vocab_size, rng),
            "b": np.zeros(config.vocab_size),
        },
    }


def rnn_forward(params, ids, config, state=None):
    """Logits of the character after each one: embedding, cell through time, linear.

    params : as from rnn_init
    ids : (B, T) int
    state : before the first character; None is zeros
    Returns logits : (B, T, V) and cache = (c_embedding, c_unroll, c_linear, config).
    """
    if state is None:
        state = start(config.cell, len(ids), config.n_hidden, params["embedding"].dtype)
    x, c_embedding = layers.embedding_forward(ids, params["embedding"])
    h, c_unroll = unroll_forward(config.cell, params["cell"], x, state)
    logits, c_linear = layers.linear_forward(h, params["linear"]["W"], params["linear"]["b"])
    return logits, (c_embedding, c_unroll, c_linear, config)


def rnn_backward(dout, cache):
    """The gradient of every parameter, from the gradient of the logits.

    dout : (B, T, V)
    cache : as from rnn_forward
    Returns grads, shaped like params.
    """
    c_embedding, c_unroll, c_linear, config = cache
    dh, dW, db = layers.linear_backward(dout, c_linear)
    dcell, dx, _ = unroll_backward(dh, c_unroll, config.truncate)
    dembedding = layers.embedding_backward(dx, c_embedding)
    return {"embedding": dembedding, "cell": dcell, "linear": {"W": dW, "b": db}}


def rnn_generate(params, ids, n_new, config, rng, temperature=1.0):
    """Continue ids by n_new characters, each drawn from softmax(logits / temperature).

    ids : (B, T) int, one character or more
    n_new : 0 or more
    temperature : above 0
    Returns (B, T + n_new) int.
    """
    state, new = None, ids
    for _ in range(n_new):
        logits, (_, (_, _, state), _, _) = rnn_forward(params, new, config, state)
        p, _ = activations.softmax_forward(logits[:, -1] / temperature)
        new = activations.draw(p, rng)[:, None]
        ids = np.concatenate([ids, new], axis=1)
    return ids


contract.enforce(globals())

vanilla = Cell(rnn_step_forward, rnn_step_backward, 1, ("h",))
lstm = Cell(lstm_step_forward, lstm_step_backward, 4, ("h", "c"))
gru = Cell(gru_step_forward, gru_step_backward, 3, ("h",))
