"""Attention: scaled dot products, heads, and the Transformer's block."""

import numpy as np

from reference_impl import activations, contract, layers, mlp


def causal_mask(T, S=None):
    """Who may look where when the last T of S positions ask: nobody ahead of himself.

    T, S : 1 or more; S None is T
    Returns (T, S) bool, True where query t, at position S - T + t, may look at key s.
    """
    S = S or T
    return np.tri(T, S, S - T, dtype=bool)


def sinusoidal_positions(T, C):
    """sin and cos of t / 10000^(2i/C), side by side: a position's own row of numbers.

    T, C : 1 or more; C even
    Returns (T, C): column 2i holds the sine, column 2i + 1 the cosine. (Vaswani et al. 2017, section 3.5.)
    """
    if C % 2:
        raise ValueError(f"sinusoidal_positions: C must be even, not {C}")
    angle = np.arange(T)[:, None] / 10000 ** (np.arange(0, C, 2) / C)
    return np.stack([np.sin(angle), np.cos(angle)], axis=-1).reshape(T, C)


def attention_forward(q, k, v, mask=None):
    """out = softmax(qkᵀ/√D) v: each query takes a mean of the values, weighted by how well it fits their keys.

    q : (..., T, D)
    k : (..., S, D)
    v : (..., S, d_out)
    mask : (T, S) bool, True where a query may look, one True or more a row; None is everywhere
    Returns out : (..., T, d_out) and cache = (q, k, v, p), with p : (..., T, S) the weights.
    (Vaswani et al. 2017, arXiv 1706.03762, eq. 1.)
    """
    scores = (q * q.shape[-1] ** -0.5) @ np.swapaxes(k, -1, -2)  # (..., T, S)
    if mask is not None:
        if not mask.any(axis=-1).all():
            raise ValueError("attention_forward: every query must have one key or more to look at")
        np.copyto(scores, -np.inf, where=~mask)
    p, _ = activations.softmax_forward(scores)
    return p @ v, (q, k, v, p)


def attention_backward(dout, cache):
    """The gradients of out = softmax(qkᵀ/√D) v; what was masked has p = 0 and gets none.

    dout : (..., T, d_out)
    cache : (q, k, v, p), with q : (..., T, D), k : (..., S, D), v : (..., S, d_out) and p : (..., T, S)
    Returns dq : (..., T, D), dk : (..., S, D) and dv : (..., S, d_out).
    """
    q, k, v, p = cache
    dp = dout @ np.swapaxes(v, -1, -2)
    dscores = activations.softmax_backward(dp, p) * q.shape[-1] ** -0.5
    return dscores @ k, np.swapaxes(dscores, -1, -2) @ q, np.swapaxes(p, -1, -2) @ dout


def split_heads(x, n_head):
    """Cut the channels into n_head equal parts, each a sequence of its own.

    x : (B, T, C)
    n_head : 1 or more, a divisor of C
    Returns (B, H, T, D), with H = n_head and D = C/H: head h has channels hD to (h + 1)D.
    """
    B, T, C = x.shape
    if C % n_head:
        raise ValueError(f"{n_head} heads do not divide {C} channels")
    return x.reshape(B, T, n_head, C // n_head).swapaxes(1, 2)


def merge_heads(x):
    """The inverse of split_heads. x : (B, H, T, D); returns (B, T, C), with C = HD."""
    B, H, T, D = x.shape
    return x.swapaxes(1, 2).reshape(B, T, H * D)


def mha_forward(params, x, n_head, past=None):
    """Causal multi-head self-attention: queries, keys and values by one linear layer, attention in every head, another.

    params : {"qkv": {"W": (C, 3C), "b": (3C,)}, "proj": {"W": (C, C), "b": (C,)}}
    x : (B, T, C)
    n_head : H, a divisor of C
    past : None, or the keys and values of S earlier positions, (B, H, S, D) each
    Returns out : (B, T, C) and cache = (c_qkv, c_attention, c_proj).
    """
    qkv, c_qkv = layers.linear_forward(x, params["qkv"]["W"], params["qkv"]["b"])
    q, k, v = (split_heads(part, n_head) for part in np.split(qkv, 3, axis=-1))
    if past is not None:
        k, v = (np.concatenate(pair, axis=2) for pair in zip(past, (k, v), strict=True))
    out, c_attention = attention_forward(q, k, v, causal_mask(q.shape[2], k.shape[2]))
    out, c_proj = layers.linear_forward(merge_heads(out), params["proj"]["W"], params["proj"]["b"])
    return out, (c_qkv, c_attention, c_proj)


def mha_backward(dout, cache):
    """The gradients of mha_forward without a past.

    dout : (B, T, C)
    cache : (c_qkv, c_attention, c_proj)
    Returns dparams, shaped like params, and dx : (B, T, C).
    """
    c_qkv, c_attention, c_proj = cache
    if c_attention[0].shape != c_attention[1].shape:
        raise ValueError("mha_backward: a forward with a past has no backward")
    n_head = c_attention[0].shape[1]
    dout, dW_proj, db_proj = layers.linear_backward(dout, c_proj)
    dq, dk, dv = attention_backward(split_heads(dout, n_head), c_attention)
    dqkv = np.concatenate([merge_heads(d) for d in (dq, dk, dv)], axis=-1)
    dx, dW_qkv, db_qkv = layers.linear_backward(dqkv, c_qkv)
    return {"qkv": {"W": dW_qkv, "b": db_qkv}, "proj": {"W": dW_proj, "b": db_proj}}, dx


def block_forward(params, x, n_head, past=None):
    """One layer of GPT: x + mha(layernorm(x)), then the same with a feed-forward network.

    params : {"ln_1": {"g", "b"}, "attn": mha's, "ln_2": {"g", "b"}, "ffn": mlp.ffn's}
    x : (B, T, C)
    n_head, past : as in mha_forward
    Returns out : (B, T, C) and cache = (c_ln_1, c_attn, c_ln_2, c_ffn). (Radford et al. 2019: layer norm comes first.)
    """
    normed, c_ln_1 = layers.layernorm_forward(x, params["ln_1"]["g"], params["ln_1"]["b"])
    out, c_attn = mha_forward(params["attn"], normed, n_head, past)
    x = x + out
    normed, c_ln_2 = layers.layernorm_forward(x, params["ln_2"]["g"], params["ln_2"]["b"])
    out, c_ffn = mlp.ffn_forward(params["ffn"], normed, activations.gelu)
    return x + out, (c_ln_1, c_attn, c_ln_2, c_ffn)


def block_backward(dout, cache):
    """The gradients of block_forward without a past: each sum hands its gradient to both of its terms.

    dout : (B, T, C)
    cache : (c_ln_1, c_attn, c_ln_2, c_ffn)
    Returns dparams, shaped like params, and dx : (B, T, C).
    """
    c_ln_1, c_attn, c_ln_2, c_ffn = cache
    dffn, dnormed = mlp.ffn_backward(dout, c_ffn)
    dx, dg_2, db_2 = layers.layernorm_backward(dnormed, c_ln_2)
    dout = dout + dx
    dattn, dnormed = mha_backward(dout, c_attn)
    dx, dg_1, db_1 = layers.layernorm_backward(dnormed, c_ln_1)
    dparams = {"ln_1": {"g": dg_1, "b": db_1}, "attn": dattn, "ln_2": {"g": dg_2, "b": db_2}, "ffn": dffn}
    return dparams, dout + dx


contract.enforce(globals())
