"""The reference's GPT in PyTorch: its parameters, its logits, text from it, and GPT-2's weights."""

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from reference_impl.gpt import GPTConfig, gpt_param_count
from reference_impl.gpt import from_gpt2 as _from_gpt2
from torch_impl import activations, attention, layers, parallel, tree

__all__ = ["GPT", "GPTConfig", "from_gpt2", "generate", "gpt_param_count", "next_token_probabilities"]


class GPT(nn.Module):
    """Embeddings, blocks, and the embedding again as the head.

    config : GPTConfig, the reference's
    rng : torch.Generator on the default device, or None
    On the meta device (with torch.device("meta")) it takes no memory, and nothing is drawn. Where recompute is True,
    a block keeps nothing for its way back, and is computed again.
    """

    recompute = False

    def __init__(self, config, rng=None):
        super().__init__()
        self.config, C = config, config.n_embd
        self.wte = nn.Parameter(torch.empty(config.vocab_size, C))
        self.wpe = nn.Parameter(torch.empty(config.block_size, C))
        self.blocks = nn.ModuleList(attention.Block(C, config.n_head) for _ in range(config.n_layer))
        self.ln_f = layers.LayerNorm(C)
        self.draw(rng)

    @torch.no_grad()
    def draw(self, rng=None):
        """Weights from N(0, 0.02²), where a block ends 1/√(2L) of that; biases 0 and gains 1 (Radford et al. 2019).

        They are drawn on the CPU, whatever the device, and however many processes share them.
        """
        for name, p in self.named_parameters():
            ends = name.endswith("proj.W")
            std = 0.02 / (2 * self.config.n_layer) ** 0.5 if ends else 0.02
            if p.is_meta:
                continue
            if p.ndim > 1:
                value = torch.empty(p.shape, device="cpu").normal_(0, std, generator=rng)
            else:
                value = torch.full(p.shape, float(name.endswith("g")))
            p.copy_(parallel.like(p, value))

    def forward(self, ids, past=None):
        """Logits of the token after each one.

        ids : (B, T) int64, T with its past at most block_size
        past : None, or one list a layer, as attention.MHA takes it
        Returns (B, T, V).
        """
        start = past[0][0].shape[2] if past and past[0] else 0
        T = start + ids.shape[1]
        if self.config.block_size < T:
            raise ValueError(f"GPT: {T} tokens are more than block_size = {self.config.block_size}")
        x = layers.embedding(ids, self.wte) + self.wpe[start:T]
        for i, block in enumerate(self.blocks):
            if self.recompute and past is None and torch.is_grad_enabled():
                x = checkpoint(block, x, use_reentrant=False)
            else:
                x = block(x, past and past[i])
        return nn.functional.linear(self.ln_f(x), self.wte)

    def no_past(self):
        """What forward takes as past before there is any, and keeps keys and values in: a list a layer."""
        return [[] for _ in self.blocks]


def next_token_probabilities(logits, temperature=1.0, top_k=None, top_p=None):
    """softmax(logits / temperature), of the top_k likeliest tokens, of these the fewest that add up to top_p or more.

    logits : (..., V)
    temperature : 0 or more; 0 gives all to the likeliest token, of equals the first
    top_k : 1 or more; None keeps all
    top_p : in (0, 1]; None keeps all
    Returns p : (..., V), adding up to 1.
    """
    if temperature < 0 or (top_k is not None and top_k < 1) or (top_p is not None and not 0 < top_p <= 1):
        raise ValueError(
            "next_token_probabilities: temperature must be 0 or more, top_k 1 or more, top_p above 0 and at most 1, "
            f"not {temperature}, {top_k} and {top_p}"
        )
    top_k = 1 if temperature == 0 else top_k
    order = logits.argsort(dim=-1, descending=True, stable=True)
    p = activations.softmax(logits.gather(-1, order) / (temperature or 1))
    if top_k is not None:
        p[..., top_k:] = 0
        p /= p.sum(dim=-1, keepdim=True)
    if top_p is not None:
        p[p.cumsum(dim=-1) - p >= top_p] = 0
        p /= p.sum(dim=-1, keepdim=True)
    return torch.empty_like(p).scatter_(-1, order, p)


@torch.no_grad()
def generate(model, ids, n_new, rng=None, **sampling):
    """Continue ids by n_new tokens, each drawn from next_token_probabilities(logits, **sampling).

    ids : (B, T) int64, one token or more
    Returns (B, T + n_new). Each token sees the last block_size; while all fit, keys and values are kept.
    """
    if ids.shape[1] == 0:
        raise ValueError("generate: there must be one token or more to continue, not 0")
    size = model.config.block_size
    past, new = model.no_past(), ids[:, -size:]
    for _ in range(n_new):
        logits = model(new, past)
        new = activations.draw(next_token_probabilities(logits[:, -1].float(), **sampling), rng)[:, None]
        ids = torch.cat([ids, new], dim=1)
        if past[0][0].shape[2] == size:  # full: positions move, so everything is computed anew
            past, new = model.no_past(), ids[:, -size:]
    return ids


def from_gpt2(weights, config):
    """A model with GPT-2's published weights, {"wte.weight": array, …}, as the reference's from_gpt2 takes them."""
    model = GPT(config)
    tree.load(model, _from_gpt2(weights, config))
    return model
