"""The reference's convolution, pooling and CNN in PyTorch. Images are (B, H, W, C), channels last, as there."""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from reference_impl.conv import CNNConfig, output_size, receptive_field
from torch_impl import activations, init, layers

__all__ = ["CNN", "CNNConfig", "Conv2d", "avgpool", "conv2d", "maxpool", "output_size", "receptive_field"]


def _channels_first(x):
    """A view: PyTorch names the axes (B, C, H, W) and lets them lie as they do here, its fastest way on a GPU."""
    return x.permute(0, 3, 1, 2)


def conv2d(x, W, b, stride=1, padding=0):
    """out[n, i, j] = Σ window(i, j) · W + b.

    x : (B, H, W, d_in)
    W : (rows, columns, d_in, d_out)
    b : (d_out,)
    stride : 1 or more
    padding : 0 or more
    Returns (B, H_out, W_out, d_out).
    """
    return F.conv2d(_channels_first(x), W.permute(3, 2, 0, 1), b, stride, padding).permute(0, 2, 3, 1)


def maxpool(x, size, stride=None):
    """The largest number of every window. x : (B, H, W, C); returns (B, H_out, W_out, C)."""
    return F.max_pool2d(_channels_first(x), size, stride).permute(0, 2, 3, 1)


def avgpool(x, size, stride=None):
    """The mean of every window. x : (B, H, W, C); returns (B, H_out, W_out, C)."""
    return F.avg_pool2d(_channels_first(x), size, stride).permute(0, 2, 3, 1)


class Conv2d(nn.Module):
    """W : (kernel, kernel, d_in, d_out), He's, and b : (d_out,) zeros. An image keeps its size: kernel is odd."""

    def __init__(self, kernel, d_in, d_out, rng):
        super().__init__()
        W = init.he_normal(kernel * kernel * d_in, d_out, rng).reshape(kernel, kernel, d_in, d_out)
        self.W, self.b = nn.Parameter(W), nn.Parameter(torch.zeros(d_out))

    def forward(self, x):
        """(B, H, W, d_in) to (B, H, W, d_out)."""
        return conv2d(x, self.W, self.b, padding=len(self.W) // 2)


class CNN(nn.Module):
    """Stages of convolution, ReLU and max pooling, then one linear layer.

    config : CNNConfig, the reference's
    rng : torch.Generator, or None
    """

    def __init__(self, config, rng=None):
        super().__init__()
        self.config = config
        widths = pairwise((config.image[2], *config.channels))
        self.conv = nn.ModuleList(Conv2d(config.kernel, d_in, d_out, rng) for d_in, d_out in widths)
        self.linear = layers.Linear(math.prod(config.features), config.n_classes)
        with torch.no_grad():
            self.linear.W.copy_(init.he_normal(*self.linear.W.shape, rng))

    def forward(self, x):
        """x : (B, H, W, C), images of config.image; returns logits : (B, n_classes)."""
        if x.shape[1:] != self.config.image:
            raise ValueError(f"CNN: images must be {self.config.image}, not {tuple(x.shape[1:])}")
        for stage in self.conv:
            x = maxpool(activations.relu(stage(x)), self.config.pool)
        return self.linear(x.flatten(1))
