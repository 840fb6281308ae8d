"""The benchmark's models in PyTorch, written as its users write them."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from reference_impl import tree


class MLP(nn.Sequential):
    """Linear layers with ReLU between them. sizes : units a layer, from input to output."""

    def __init__(self, sizes):
        layers = []
        for d_in, d_out in pairwise(sizes):
            layers += [nn.Linear(d_in, d_out), nn.ReLU()]
        super().__init__(*layers[:-1])


class CNN(nn.Module):
    """Two stages of convolution, ReLU and max pooling, and a linear layer, on (B, 1, 28, 28)."""

    def __init__(self, channels, n_classes):
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels[0], 3, padding=1)
        self.conv2 = nn.Conv2d(channels[0], channels[1], 3, padding=1)
        self.linear = nn.Linear(7 * 7 * channels[1], n_classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.linear(x.flatten(1))


def attention(q, k, v):
    """Causal attention written out. q, k, v : (B, H, T, D)"""
    T = q.shape[-2]
    scores = (q @ k.transpose(-2, -1)) * q.shape[-1] ** -0.5
    mask = torch.ones(T, T, dtype=torch.bool).tril()
    return scores.masked_fill(~mask, float("-inf")).softmax(dim=-1) @ v


def fused_attention(q, k, v):
    """The same by PyTorch's own kernel."""
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


class Block(nn.Module):
    """One layer of GPT. attend : (q, k, v) -> out, each (B, H, T, D)"""

    def __init__(self, n_embd, n_head, attend):
        super().__init__()
        self.n_head, self.attend = n_head, attend
        self.ln_1 = nn.LayerNorm(n_embd)
        self.qkv, self.proj = nn.Linear(n_embd, 3 * n_embd), nn.Linear(n_embd, n_embd)
        self.ln_2 = nn.LayerNorm(n_embd)
        self.fc, self.fc_proj = nn.Linear(n_embd, 4 * n_embd), nn.Linear(4 * n_embd, n_embd)

    def forward(self, x):
        B, T, C = x.shape
        heads = (part.view(B, T, self.n_head, -1).transpose(1, 2) for part in self.qkv(self.ln_1(x)).split(C, dim=-1))
        x = x + self.proj(self.attend(*heads).transpose(1, 2).reshape(B, T, C))
        return x + self.fc_proj(F.gelu(self.fc(self.ln_2(x)), approximate="tanh"))


class GPT(nn.Module):
    """config : reference_impl.gpt.GPTConfig; attend : as in Block"""

    def __init__(self, config, attend=attention):
        super().__init__()
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.wpe = nn.Embedding(config.block_size, config.n_embd)
        self.blocks = nn.ModuleList(Block(config.n_embd, config.n_head, attend) for _ in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.n_embd)

    def forward(self, ids):
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.ln_f(x) @ self.wte.weight.T


def load(model, params):
    """Copy the reference's params, a tree in the order of the model's layers, into a model of this module."""
    with torch.no_grad():
        for p, (path, array) in zip(model.parameters(), tree.flatten(params).items(), strict=True):
            p.copy_(as_here(model, path, torch.from_numpy(array)))


def as_here(model, path, array):
    """An array of the reference in PyTorch's layout: outputs first, then inputs, then a kernel's rows and columns."""
    if isinstance(model, CNN) and path == "linear.W":
        return array.reshape(7, 7, -1, array.shape[1]).permute(3, 2, 0, 1).flatten(1)  # (H, W, C) to (C, H, W)
    if path.endswith(".W"):
        return array.T if array.ndim == 2 else array.permute(3, 2, 0, 1)
    return array
