"""Convolution and pooling, faster. Images are (B, H, W, C), but lie as (H, W, C, B) or (H, C, W, B): B is long."""

import numpy as np

from reference_impl import conv, layers


def _windows(x, kernel, stride):
    """A view of what a kernel meets: (H_out, rows · (columns · C + 1), W_out, B), a 1 after every row for the bias."""
    places = np.lib.stride_tricks.sliding_window_view(x, kernel[1], axis=2)[:, :, ::stride]
    B, H, W_out, C, columns = places.shape
    spread = np.empty((H, columns * C + 1, W_out, B), x.dtype)
    spread[:, :-1].reshape(H, columns, C, W_out, B)[...] = places.transpose(1, 4, 3, 2, 0)
    spread[:, -1] = 1
    shape = conv.output_size(H, kernel[0], stride), kernel[0] * spread.shape[1], W_out, B
    return np.lib.stride_tricks.as_strided(spread, shape, (stride * spread.strides[0], *spread.strides[1:]))


def conv2d_forward(x, W, b, stride=1, padding=0):
    """conv.conv2d_forward, x : (B, H, W, C): a matrix of W, with b where a row's 1 is, times what every place meets."""
    (B, H, width, C), (rows, columns, _, d_out) = x.shape, W.shape
    if padding:
        x, inside = np.zeros((H + 2 * padding, C, width + 2 * padding, B), x.dtype).transpose(3, 0, 2, 1), x
        conv.unpadded(x, padding)[...] = inside
    windows = _windows(x, (rows, columns), stride)
    both = np.zeros((d_out, rows, columns * C + 1), x.dtype)
    both[..., :-1], both[:, 0, -1] = W.transpose(3, 0, 1, 2).reshape(d_out, rows, -1), b
    out = (both.reshape(d_out, -1) @ windows.swapaxes(1, 2)).transpose(3, 0, 1, 2)
    return out, (windows, x.shape, W, stride, padding)


def conv2d_backward(dout, cache):
    """conv.conv2d_backward, dout : (B, H_out, W_out, d_out); with None for the padding there is no dx."""
    windows, (B, H, width, C), W, stride, padding = cache
    (rows, columns, _, d_out), (n, _, W_out, _), dx = W.shape, windows.shape, None
    dout = dout.transpose(1, 3, 2, 0).reshape(n, d_out, -1)
    both = (windows.reshape(n, -1, W_out * B) @ dout.swapaxes(1, 2)).sum(axis=0).reshape(rows, -1, d_out)
    if padding is not None:
        spread = np.zeros((H + rows - 1, d_out, W_out * B), dout.dtype)
        spread[rows - 1 : rows - 1 + stride * n : stride] = dout
        shape = H - 2 * padding, rows * d_out, W_out * B  # what a row of dx comes from: some neighbours
        near = np.lib.stride_tricks.as_strided(spread[padding:], shape, spread.strides)
        parts = W[::-1].transpose(1, 2, 0, 3).reshape(columns * C, -1) @ near
        dx = np.zeros((len(near), C, width, B), dout.dtype)
        for j, part in enumerate(parts.reshape(-1, columns, C, W_out, B).swapaxes(0, 1)):
            dx[:, :, j : j + stride * W_out : stride] += part
        dx = dx[:, :, padding : width - padding].transpose(3, 0, 2, 1)
    return dx, both[:, :-1].reshape(W.shape), both[0, -1]


def maxpool_forward(x, size, stride=None):
    """conv.maxpool_forward, x : (B, H, W, C), with, for every entry of a window, where it is the winner."""
    stride = stride or size
    shape = len(x), (x.shape[1] - size) // stride + 1, (x.shape[2] - size) // stride + 1, x.shape[3]
    entries = [conv.places(x, i, j, stride, shape) for i, j in np.ndindex(size, size)]
    out, won = entries[0].copy("K"), [np.ones_like(entries[0], bool)]
    for entry in entries[1:]:
        larger = entry > out
        won = [before > larger for before in won] + [larger]
        np.maximum(out, entry, out=out)
    return out, (won, x.shape, size, stride)


def maxpool_backward(dout, cache):
    """conv.maxpool_backward, dout : (B, H_out, W_out, C): where windows lie apart, nothing adds up."""
    won, (B, H, W, C), size, stride = cache
    whole = stride == size and H % size == W % size == 0  # the windows leave nothing out
    dx = (np.empty if whole else np.zeros)((H, C, W, B), dout.dtype).transpose(3, 0, 2, 1)
    for (i, j), here in zip(np.ndindex(size, size), won, strict=True):
        part = conv.places(dx, i, j, stride, dout.shape)
        if whole:
            np.multiply(dout, here, out=part)
        else:
            part += dout * here
    return dx


def cnn_forward(params, x, config):
    """conv.cnn_forward, x : (B, H, W, C), with ReLU after the pooling: the largest is the same, and there are fewer."""
    stages = []
    for stage in params["conv"]:
        x, c_conv = conv2d_forward(x, stage["W"], stage["b"], padding=config.kernel // 2)
        x, (won, *rest) = maxpool_forward(x, config.pool)
        positive = x > 0
        np.maximum(x, 0, out=x)
        stages.append((c_conv if stages else (*c_conv[:4], None), ([here & positive for here in won], *rest)))
    logits, c_linear = layers.linear_forward(x.reshape(len(x), -1), params["linear"]["W"], params["linear"]["b"])
    return logits, (stages, x.shape, c_linear)


def cnn_backward(dout, cache):
    """conv.cnn_backward, dout : (B, n_classes), without the gradient by the images, which nobody asks for."""
    stages, shape, c_linear = cache
    dout, dW, db = layers.linear_backward(dout, c_linear)
    dout, grads = dout.reshape(shape), {"conv": [], "linear": {"W": dW, "b": db}}
    for c_conv, c_pool in reversed(stages):
        dout = maxpool_backward(dout, c_pool)
        dout, dW, db = conv2d_backward(dout, c_conv)
        grads["conv"].insert(0, {"W": dW, "b": db})
    return grads
