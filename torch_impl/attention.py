"""The reference's attention in PyTorch: scaled dot products by the fastest kernel there is, heads, and the block."""

import torch
import torch.nn.functional as F
from torch import nn

from torch_impl import layers, mlp


def causal_mask(T, S=None, device=None):
    """Who may look where when the last T of S positions ask: (T, S) bool, True where query t may look at key s."""
    S = S or T
    return torch.ones(T, S, dtype=torch.bool, device=device).tril(S - T)


def sinusoidal_positions(T, C):
    """sin and cos of t / 10000^(2i/C), side by side. C : even; returns (T, C)."""
    if C % 2:
        raise ValueError(f"sinusoidal_positions: C must be even, not {C}")
    angle = torch.arange(T)[:, None] / 10000 ** (torch.arange(0, C, 2) / C)
    return torch.stack([angle.sin(), angle.cos()], dim=-1).reshape(T, C)


def attention(q, k, v, mask=None):
    """out = softmax(qkᵀ/√D) v.

    q : (..., T, D)
    k : (..., S, D)
    v : (..., S, d_out)
    mask : (T, S) bool, True where a query may look; None is everywhere; "causal" is causal_mask(T), which no kernel
        has to read
    Returns (..., T, d_out).
    """
    if isinstance(mask, str):
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    return F.scaled_dot_product_attention(q, k, v, mask)


def split_heads(x, n_head):
    """(B, T, C) to (B, H, T, D), a view: head h has channels hD to (h + 1)D."""
    B, T, C = x.shape
    if C % n_head:
        raise ValueError(f"{n_head} heads do not divide {C} channels")
    return x.view(B, T, n_head, C // n_head).transpose(1, 2)


def merge_heads(x):
    """The inverse of split_heads. x : (B, H, T, D); returns (B, T, HD)."""
    return x.transpose(1, 2).flatten(2)


def attend(qkv, n_head, past=None):
    """Causal attention in every head, from queries, keys and values side by side.

    qkv : (B, T, 3 · H · D)
    past : as in MHA
    Returns (B, T, H · D).
    """
    q, k, v = (split_heads(part, n_head) for part in qkv.chunk(3, dim=-1))
    mask = "causal"
    if past:
        k, v = torch.cat([past[0], k], dim=2), torch.cat([past[1], v], dim=2)
        mask = causal_mask(q.shape[2], k.shape[2], q.device)
    if past is not None:
        past[:] = k, v
    return merge_heads(attention(q, k, v, mask))


class MHA(nn.Module):
    """Causal multi-head self-attention. C : channels; n_head : a divisor of C."""

    def __init__(self, C, n_head):
        super().__init__()
        self.qkv, self.proj, self.n_head = layers.Linear(C, 3 * C), layers.Linear(C, C), n_head

    def forward(self, x, past=None):
        """x : (B, T, C); past : None, or a list, empty or of keys and values of S earlier positions, (B, H, S, D) each.

        Returns out : (B, T, C). A list then holds keys and values with the new ones.
        """
        return self.proj(attend(self.qkv(x), self.n_head, past))


class Block(nn.Module):
    """One layer of GPT: x + mha(layernorm(x)), then the same with a feed-forward network."""

    def __init__(self, C, n_head):
        super().__init__()
        self.ln_1, self.attn = layers.LayerNorm(C), MHA(C, n_head)
        self.ln_2, self.ffn = layers.LayerNorm(C), mlp.FFN(C, 4 * C)

    def forward(self, x, past=None):
        """x : (B, T, C); past : as in MHA. Returns out : (B, T, C)."""
        x = x + self.attn(self.ln_1(x), past)
        return x + self.ffn(self.ln_2(x))
