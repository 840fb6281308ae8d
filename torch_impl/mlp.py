"""The reference's multilayer perceptron in PyTorch, and a Transformer's feed-forward network."""

from itertools import pairwise

import torch
from torch import nn

from reference_impl.mlp import MLPConfig, mlp_flops, mlp_param_count, width_for_budget
from torch_impl import activations, init, layers

__all__ = [
    "FFN", "MLP", "MLPConfig", "Residual", "mlp_flops", "mlp_param_count", "predict", "variance_probe",
    "width_for_budget",
]  # fmt: skip


class MLP(nn.ModuleList):
    """Linear layers in a row, config.activation after each but the last; config.init's twin draws the weights.

    config : MLPConfig, the reference's
    rng : torch.Generator, or None
    """

    def __init__(self, config, rng=None):
        super().__init__(layers.Linear(d_in, d_out) for d_in, d_out in pairwise(config.sizes))
        self.config, self.activation = config, activations.of(config.activation)
        draw = init.of(config.init)
        with torch.no_grad():
            for layer in self:
                layer.W.copy_(draw(*layer.W.shape, rng))

    def forward(self, x):
        """x : (..., d_0); returns logits : (..., d_L)."""
        *hidden, last = self
        for layer in hidden:
            x = self.activation(layer(x))
        return last(x)


@torch.no_grad()
def predict(model, x):
    """The likeliest class of every row, and its probability. x : (..., d_0); returns (...,) int64 and (...,)."""
    p, classes = activations.softmax(model(x)).max(dim=-1)
    return classes, p


@torch.no_grad()
def variance_probe(model, x):
    """The standard deviation of every layer's weighted sums. x : (N, d_0); returns (L,)."""
    spreads = []
    for layer in model:
        z = layer(x)
        spreads.append(z.std(correction=0))
        x = model.activation(z)
    return torch.stack(spreads)


class FFN(nn.Module):
    """Linear, activation, linear, at every position alike. C : channels; hidden : units between."""

    def __init__(self, C, hidden, activation=activations.gelu):
        super().__init__()
        self.fc, self.proj, self.activation = layers.Linear(C, hidden), layers.Linear(hidden, C), activation

    def forward(self, x):
        """(..., C) to (..., C)."""
        return self.proj(self.activation(self.fc(x)))


class Residual(FFN):
    """x + ffn(x)."""

    def forward(self, x):
        """(..., C) to (..., C)."""
        return x + super().forward(x)
