"""Convolution and pooling over images, channels last, and a small convolutional network of them."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from reference_impl import activations, contract, init, layers


def output_size(size, kernel, stride=1, padding=0):
    """How many places a kernel has along one axis: ⌊(size + 2 · padding - kernel) / stride⌋ + 1.

    size, kernel, stride : 1 or more
    padding : zeros added on either side, 0 or more
    Raises ValueError where the kernel does not fit in once.
    """
    if kernel > size + 2 * padding:
        raise ValueError(f"a kernel of {kernel} does not fit into {size} + 2 · {padding}")
    return (size + 2 * padding - kernel) // stride + 1


def receptive_field(kernels, strides):
    """How many inputs along one axis one output of a stack of layers looks at: 1 + Σ (kernel - 1) · strides before it.

    kernels, strides : lists of whole numbers, one a layer, first layer first
    Returns an int.
    """
    field, step = 1, 1
    for kernel, stride in zip(kernels, strides, strict=True):
        field += (kernel - 1) * step
        step *= stride
    return field


def windows(x, kernel, stride=1):
    """Every place of a kernel on an image, as a view: no number is copied.

    x : (B, H, W, C)
    kernel : (rows, columns)
    Returns (B, H_out, W_out, C, rows, columns).
    """
    for size, k in zip(x.shape[1:3], kernel, strict=True):
        output_size(size, k, stride)
    return np.lib.stride_tricks.sliding_window_view(x, kernel, axis=(1, 2))[:, ::stride, ::stride]


def conv2d_forward(x, W, b, stride=1, padding=0):
    """out[n, i, j] = Σ window(i, j) · W + b: one linear layer, shared by all places of an image.

    x : (B, H, W, d_in), images, channels last
    W : (rows, columns, d_in, d_out)
    b : (d_out,)
    stride : 1 or more
    padding : rows and columns of zeros around the image, 0 or more
    Returns out : (B, H_out, W_out, d_out) and cache = (patches, shape, W, stride, padding), with one row of patches for
    every window ("im2col") and shape the padded x's.
    """
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    patches = windows(x, W.shape[:2], stride).transpose(0, 1, 2, 4, 5, 3)  # (B, H_out, W_out, rows, columns, d_in)
    out_shape = (*patches.shape[:3], W.shape[3])
    patches = patches.reshape(-1, W[..., 0].size)
    out = patches @ W.reshape(-1, W.shape[3]) + b
    return out.reshape(out_shape), (patches, x.shape, W, stride, padding)


def conv2d_backward(dout, cache):
    """The gradients of conv2d_forward: dW and db add up over all places, dx over all windows a pixel was in.

    dout : (B, H_out, W_out, d_out)
    cache : (patches, shape, W, stride, padding), with patches : (B · H_out · W_out, rows · columns · d_in)
    Returns dx : (B, H, W, d_in), dW : (rows, columns, d_in, d_out) and db : (d_out,).
    """
    patches, shape, W, stride, padding = cache
    rows = dout.reshape(-1, W.shape[3])
    dW, db, dx = patches.T @ rows, rows.sum(axis=0), np.zeros(shape, dout.dtype)
    for i, j in np.ndindex(W.shape[:2]):
        place = places(dx, i, j, stride, dout.shape)
        place += (rows @ W[i, j].T).reshape(place.shape)
    return unpadded(dx, padding), dW.reshape(W.shape), db


def places(x, i, j, stride, shape):
    """The pixels of x that entry (i, j) of a kernel meets, as a view: (B, H_out, W_out, C). shape is the output's."""
    return x[:, i : i + stride * shape[1] : stride, j : j + stride * shape[2] : stride]


def unpadded(x, padding):
    """x : (B, H + 2 · padding, W + 2 · padding, C) without its border, as a view: (B, H, W, C)."""
    return x[:, padding : x.shape[1] - padding, padding : x.shape[2] - padding]


def maxpool_forward(x, size, stride=None):
    """The largest number of every window, channel by channel.

    x : (B, H, W, C)
    size : rows and columns of a window, 1 or more
    stride : 1 or more; None is size: windows side by side
    Returns out : (B, H_out, W_out, C) and cache = (winner, x.shape, size, stride), winner : (B, H_out, W_out, C) being
    the number of the largest entry of its window, row by row, the first where several are equal.
    """
    stride = stride or size
    out = windows(x, (size, size), stride)[..., 0, 0]
    winner = np.zeros(out.shape, np.uint16)
    for k, (i, j) in enumerate(np.ndindex(size, size)):
        entry = places(x, i, j, stride, out.shape)
        winner = np.maximum(winner, (entry > out) * np.uint16(k))  # whoever wins later has the larger number
        out = np.maximum(out, entry)
    return out, (winner, x.shape, size, stride)


def maxpool_backward(dout, cache):
    """dx: each dout goes to the pixel that was the largest of its window.

    dout : (B, H_out, W_out, C)
    cache : (winner, shape, size, stride), with winner : (B, H_out, W_out, C) and shape = (B, H, W, C)
    Returns dx : (B, H, W, C).
    """
    winner, shape, size, stride = cache
    dx = np.zeros(shape, dout.dtype)
    for i, j in np.ndindex(size, size):
        places(dx, i, j, stride, dout.shape)[...] += dout * (winner == i * size + j)
    return dx


def avgpool_forward(x, size, stride=None):
    """The mean of every window, channel by channel.

    x : (B, H, W, C)
    size : rows and columns of a window, 1 or more
    stride : 1 or more; None is size: windows side by side
    Returns out : (B, H_out, W_out, C) and cache = (x.shape, size, stride).
    """
    stride = stride or size
    return windows(x, (size, size), stride).mean(axis=(-2, -1)), (x.shape, size, stride)


def avgpool_backward(dout, cache):
    """dx: each dout is shared out evenly over its window.

    dout : (B, H_out, W_out, C)
    cache : (shape, size, stride), with shape = (B, H, W, C)
    Returns dx : (B, H, W, C).
    """
    shape, size, stride = cache
    dx = np.zeros(shape, dout.dtype)
    for i, j in np.ndindex(size, size):
        places(dx, i, j, stride, dout.shape)[...] += dout / size**2
    return dx


@dataclass(frozen=True)
class CNNConfig:
    """What there is to choose about a CNN: stages of convolution, ReLU and max pooling, then one linear layer.

    image : (H, W, C)
    channels : of each stage's output, as in (16, 32)
    kernel : rows and columns of every kernel, odd: the padding is kernel // 2, which keeps an image's size
    pool : rows and columns of every pooling window
    n_classes : logits
    """

    image: tuple[int, int, int]
    channels: tuple[int, ...]
    n_classes: int
    kernel: int = 3
    pool: int = 2

    def __post_init__(self):
        if not self.channels:
            raise ValueError("CNNConfig: channels must name one stage or more, not ()")
        if self.kernel % 2 == 0:
            raise ValueError(f"CNNConfig: kernel must be odd, not {self.kernel}")
        if min(self.features[:2]) < 1:
            raise ValueError(f"CNNConfig: {len(self.channels)} poolings by {self.pool} leave nothing of {self.image}")

    @property
    def features(self):
        """(H, W, C) of what the last stage hands to the linear layer."""
        shrink = self.pool ** len(self.channels)
        return self.image[0] // shrink, self.image[1] // shrink, self.channels[-1]


def cnn_init(config, rng):
    """Parameters of a CNN, with He's normal weights and biases of 0.

    Returns {"conv": one {"W", "b"} a stage, "linear": {"W", "b"}}.
    """
    k = config.kernel
    stages = []
    for d_in, d_out in pairwise((config.image[2], *config.channels)):
        W = init.he_normal(k * k * d_in, d_out, rng).reshape(k, k, d_in, d_out)
        stages.append({"W": W, "b": np.zeros(d_out)})
    W = init.he_normal(int(np.prod(config.features)), config.n_classes, rng)
    return {"conv": stages, "linear": {"W": W, "b": np.zeros(config.n_classes)}}


def cnn_forward(params, x, config):
    """Convolution, ReLU and max pooling, stage by stage, then all that is left through one linear layer.

    params : as from cnn_init
    x : (B, H, W, C), images of config.image
    Returns logits : (B, n_classes) and cache.
    """
    if x.shape[1:] != config.image:
        raise ValueError(f"cnn_forward: images must be {config.image}, not {x.shape[1:]}")
    stages = []
    for stage in params["conv"]:
        x, c_conv = conv2d_forward(x, stage["W"], stage["b"], padding=config.kernel // 2)
        x, c_act = activations.relu_forward(x)
        x, c_pool = maxpool_forward(x, config.pool)
        stages.append((c_conv, c_act, c_pool))
    features = x.reshape(len(x), np.prod(x.shape[1:]))
    logits, c_linear = layers.linear_forward(features, params["linear"]["W"], params["linear"]["b"])
    return logits, (stages, x.shape, c_linear)


def cnn_backward(dout, cache):
    """The gradient of every parameter of a CNN, from the gradient of its logits.

    dout : (B, n_classes)
    cache : as from cnn_forward
    Returns grads, shaped like params.
    """
    stages, shape, c_linear = cache
    dout, dW, db = layers.linear_backward(dout, c_linear)
    grads = {"conv": [], "linear": {"W": dW, "b": db}}
    dout = dout.reshape(shape)
    for c_conv, c_act, c_pool in reversed(stages):
        dout = maxpool_backward(dout, c_pool)
        dout = activations.relu_backward(dout, c_act)
        dout, dW, db = conv2d_backward(dout, c_conv)
        grads["conv"].insert(0, {"W": dW, "b": db})
    return grads


contract.enforce(globals())
