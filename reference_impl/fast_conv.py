"""Convolution and pooling, faster. Images are (B, H, W, C), but lie as (H, W, C, B): a pixel is a matrix, (C, B)."""

import numpy as np

from reference_impl import activations, conv, layers


def _strips(x, kernel, stride):
    """For every row of a kernel's places, their windows: (W_out, columns · (rows · C + 1), B), matrices to multiply.

    They are a view: what neighbours share is there once. A 1 at the end of every column of pixels is for the bias.
    """
    (B, H, W, C), (rows, columns) = x.shape, kernel
    strip = np.ones((W, rows * C + 1, B), x.dtype)
    shape = (W - columns) // stride + 1, columns * strip.shape[1], B
    windows = np.lib.stride_tricks.as_strided(strip, shape, (stride * strip.strides[0], *strip.strides[1:]))
    for top in range(0, H - rows + 1, stride):
        strip[:, :-1].reshape(W, rows, C, B)[...] = x[:, top : top + rows].transpose(2, 1, 3, 0)
        yield windows


def conv2d_forward(x, W, b, stride=1, padding=0):
    """conv.conv2d_forward, x : (B, H, W, C): a matrix of W, with b where a column's 1 is, times every window."""
    (B, H, width, C), (rows, columns, _, d_out) = x.shape, W.shape
    if padding:
        x, inside = np.zeros((H + 2 * padding, width + 2 * padding, C, B), x.dtype).transpose(3, 0, 1, 2), x
        conv.unpadded(x, padding)[...] = inside
    both = np.zeros((d_out, columns, rows * C + 1), x.dtype)
    both[:, :, :-1], both[:, 0, -1] = W.transpose(3, 1, 0, 2).reshape(d_out, columns, -1), b
    size = [conv.output_size(x.shape[i + 1], W.shape[i], stride) for i in (0, 1)]
    out = np.empty((*size, d_out, B), x.dtype)
    for row, windows in zip(out, _strips(x, (rows, columns), stride), strict=True):
        np.matmul(both.reshape(d_out, -1), windows, out=row)
    return out.transpose(3, 0, 1, 2), (x, W, stride, padding)


def conv2d_backward(dout, cache):
    """conv.conv2d_backward, dout : (B, H_out, W_out, d_out); with None for the padding there is no dx."""
    x, W, stride, padding = cache
    (B, H, width, _), (rows, columns, C, d_out), both, dx = x.shape, W.shape, 0, None
    for i, windows in enumerate(_strips(x, (rows, columns), stride)):
        row = dout[:, i].swapaxes(0, 1)
        both += windows @ (row if C == 1 else np.ascontiguousarray(row))  # for one channel a copy takes too long
    both = both.sum(axis=0).reshape(columns, -1, d_out)
    if padding is not None:  # the kernel, turned round, goes over dout, spread out
        spread = np.zeros((H + rows - 1, width + columns - 1, d_out, B), x.dtype).transpose(3, 0, 1, 2)
        conv.places(spread, rows - 1, columns - 1, stride, dout.shape)[...] = dout
        dx, _ = conv2d_forward(conv.unpadded(spread, padding), W[::-1, ::-1].swapaxes(2, 3), 0)
    return dx, both[:, :-1].reshape(columns, rows, C, d_out).swapaxes(0, 1), both[0, -1]


def maxpool_forward(x, size, stride=None):
    """conv.maxpool_forward, x : (B, H, W, C)."""
    stride = stride or size
    shape = len(x), (x.shape[1] - size) // stride + 1, (x.shape[2] - size) // stride + 1, x.shape[3]
    out = conv.places(x, 0, 0, stride, shape)
    winner = np.zeros_like(out, np.min_scalar_type(size * size))
    for k, (i, j) in list(enumerate(np.ndindex(size, size)))[1:]:
        entry = conv.places(x, i, j, stride, shape)
        np.maximum(winner, (entry > out) * winner.dtype.type(k), out=winner)
        out = np.maximum(out, entry)
    return out, (winner, x.shape, size, stride)


def maxpool_backward(dout, cache):
    """conv.maxpool_backward, dout : (B, H_out, W_out, C): where windows lie apart, nothing adds up."""
    winner, (B, *image), size, stride = cache
    dx = np.zeros((*image, B), dout.dtype).transpose(3, 0, 1, 2)
    for k, (i, j) in enumerate(np.ndindex(size, size)):
        place = conv.places(dx, i, j, stride, dout.shape)
        if stride < size:
            place += dout * (winner == k)
        else:
            np.multiply(dout, winner == k, out=place)
    return dx


def cnn_forward(params, x, config):
    """conv.cnn_forward, x : (B, H, W, C), with ReLU after the pooling: the largest is the same, and there are fewer."""
    stages = []
    for stage in params["conv"]:
        x, c_conv = conv2d_forward(x, stage["W"], stage["b"], padding=config.kernel // 2)
        x, c_pool = maxpool_forward(x, config.pool)
        x, c_act = activations.relu_forward(x)
        stages.append((c_conv if stages else (*c_conv[:3], None), c_pool, c_act))
    logits, c_linear = layers.linear_forward(x.reshape(len(x), -1), params["linear"]["W"], params["linear"]["b"])
    return logits, (stages, x.shape, c_linear)


def cnn_backward(dout, cache):
    """conv.cnn_backward, dout : (B, n_classes), without the gradient by the images, which nobody asks for."""
    stages, shape, c_linear = cache
    dout, dW, db = layers.linear_backward(dout, c_linear)
    dout, grads = dout.reshape(shape), {"conv": [], "linear": {"W": dW, "b": db}}
    for c_conv, c_pool, c_act in reversed(stages):
        dout = maxpool_backward(activations.relu_backward(dout, c_act), c_pool)
        dout, dW, db = conv2d_backward(dout, c_conv)
        grads["conv"].insert(0, {"W": dW, "b": db})
    return grads
