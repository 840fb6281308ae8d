"""The reference's recurrent networks in PyTorch: cells, the unrolling, and a model of characters.

A cell's state is a dict, as there: {"h"} of a vanilla RNN and a GRU, {"h", "c"} of an LSTM, each (B, H).
"""

import torch
from torch import nn

from reference_impl.rnn import RNNConfig
from torch_impl import activations, init, layers

__all__ = [
    "RNN", "RNNConfig", "cell_init", "gates", "gru_step", "lstm_step", "rnn_generate", "rnn_step", "start", "unroll",
]  # fmt: skip


def gates(params, x, h):
    """z = xWx + hWh + b. params : {"Wx": (C, G), "Wh": (H, G), "b": (G,)}; x : (B, C); h : (B, H); returns (B, G)."""
    return torch.addmm(layers.linear(x, params["Wx"], params["b"]), h, params["Wh"])


def rnn_step(params, x, state):
    """h' = tanh(xWx + hWh + b). x : (B, C); state : {"h": (B, H)}; returns the new state."""
    return {"h": torch.tanh(gates(params, x, state["h"]))}


def lstm_step(params, x, state):
    """c' = f·c + i·u and h' = o·tanh(c'), of blocks in the order i, f, u, o. Returns the new state."""
    i, f, u, o = gates(params, x, state["h"]).chunk(4, dim=-1)
    c = torch.sigmoid(f) * state["c"] + torch.sigmoid(i) * torch.tanh(u)
    return {"h": torch.sigmoid(o) * torch.tanh(c), "c": c}


def gru_step(params, x, state):
    """h' = (1 - z)·n + z·h, of blocks in the order r, z, n. Returns the new state."""
    h = state["h"]
    ar, az, an = layers.linear(x, params["Wx"], params["b"]).chunk(3, dim=-1)
    sr, sz, sn = (h @ params["Wh"]).chunk(3, dim=-1)
    z, n = torch.sigmoid(az + sz), torch.tanh(an + torch.sigmoid(ar + sr) * sn)
    return {"h": (1 - z) * n + z * h}


def cell_init(cell, d_in, n_hidden, rng):
    """Parameters of one cell of the reference: Wx ~ N(0, 1/d_in), Wh ~ N(0, 1/H), b zeros."""
    G = cell.gates * n_hidden
    Wx, Wh = init.lecun_normal(d_in, G, rng), init.lecun_normal(n_hidden, G, rng)
    return nn.ParameterDict({"Wx": Wx, "Wh": Wh, "b": torch.zeros(G)})


def start(cell, batch_size, n_hidden, like):
    """The state before the first step: zeros, {name: (B, H)}, of the tensor like's dtype and device."""
    return {name: like.new_zeros(batch_size, n_hidden) for name in cell.state}


def unroll(cell, params, x, state, truncate=None):
    """Apply a cell of the reference, by its twin here, to every step of x in turn.

    x : (B, T, C), one step or more
    state : before the first step
    truncate : no gradient goes back past every truncate-th step; None never cuts
    Returns out : (B, T, H), the h after every step, and the last state.
    """
    step, hs = activations.twin(cell.forward, globals()), []
    for t, x_t in enumerate(x.unbind(dim=1)):
        if truncate and t % truncate == 0:
            state = {name: part.detach() for name, part in state.items()}
        state = step(params, x_t, state)
        hs.append(state["h"])
    return torch.stack(hs, dim=1), state


class RNN(nn.Module):
    """A model of characters: embedding, one cell through time, linear.

    config : RNNConfig, the reference's
    rng : torch.Generator, or None
    """

    def __init__(self, config, rng=None):
        super().__init__()
        self.config = config
        self.embedding = nn.Parameter(init.normal(config.vocab_size, config.n_embd, rng, 1.0))
        self.cell = cell_init(config.cell, config.n_embd, config.n_hidden, rng)
        self.linear = layers.Linear(config.n_hidden, config.vocab_size)
        with torch.no_grad():
            self.linear.W.copy_(init.lecun_normal(*self.linear.W.shape, rng))

    def forward(self, ids, state=None):
        """Logits of the character after each one. ids : (B, T) int; returns (B, T, V)."""
        return self.with_state(ids, state)[0]

    def with_state(self, ids, state=None):
        """Logits : (B, T, V), and the state after the last character. state None is zeros."""
        config, cell = self.config, self.config.cell
        if state is None:
            state = start(cell, len(ids), config.n_hidden, self.embedding)
        h, state = unroll(cell, self.cell, layers.embedding(ids, self.embedding), state, config.truncate)
        return self.linear(h), state


@torch.no_grad()
def rnn_generate(model, ids, n_new, rng, temperature=1.0):
    """Continue ids by n_new characters, each drawn from softmax(logits / temperature).

    ids : (B, T) int64, one character or more
    temperature : above 0
    Returns (B, T + n_new) int64.
    """
    state, new = None, ids
    for _ in range(n_new):
        logits, state = model.with_state(new, state)
        new = activations.draw(activations.softmax(logits[:, -1] / temperature), rng)[:, None]
        ids = torch.cat([ids, new], dim=1)
    return ids
