"""Convolution and pooling, faster: what fast.py has in place of conv's functions."""

import numpy as np

from reference_impl import activations, conv, layers

BLOCK = 1 << 17  # numbers in the windows of a few images: they stay in the cache


def _columns(x, kernel, stride):
    """Some images at a time, and every place of a kernel on them as a row: (n, H_out · W_out, rows · columns · C)."""
    patches = np.lib.stride_tricks.sliding_window_view(x, kernel, axis=(1, 2))[:, ::stride, ::stride]
    n = max(1, BLOCK // patches[0].size)
    for start in range(0, len(x), n):
        part = patches[start : start + n]  # (n, H_out, W_out, C, rows, columns)
        if x.shape[3] < 4:  # a pixel is too short to be copied by itself: copy rows of an image
            columns = part.transpose(0, 4, 5, 3, 1, 2).reshape(len(part), part[0, 0, 0].size, -1).swapaxes(1, 2)
        else:
            columns = part.transpose(0, 1, 2, 4, 5, 3).reshape(len(part), -1, part[0, 0, 0].size)
        yield slice(start, start + n), columns


def conv2d_forward(x, W, b, stride=1, padding=0):
    """conv.conv2d_forward, x : (B, H, W, C): windows become rows of a matrix (im2col), one for every image."""
    padded = np.zeros((x.shape[0], x.shape[1] + 2 * padding, x.shape[2] + 2 * padding, x.shape[3]), x.dtype)
    conv.unpadded(padded, padding)[...] = x
    size = [(padded.shape[i + 1] - W.shape[i]) // stride + 1 for i in (0, 1)]
    out, bias = np.empty((len(x), size[0] * size[1], len(b)), x.dtype), np.tile(b, (size[0] * size[1], 1))
    for images, columns in _columns(padded, W.shape[:2], stride):
        part = np.matmul(columns, W.reshape(-1, len(b)), out=out[images])
        part += bias
    return out.reshape(len(x), *size, len(b)), (padded, W, stride, padding)


def conv2d_backward(dout, cache):
    """conv.conv2d_backward, dout : (B, H_out, W_out, d_out); with None for the padding there is no dx."""
    x, W, stride, padding = cache
    rows, dx, dW = dout.reshape(len(x), -1, W.shape[3]), None, np.zeros_like(W)
    for images, columns in _columns(x, W.shape[:2], stride):
        dW += (columns.swapaxes(1, 2) @ rows[images]).sum(axis=0).reshape(W.shape)
    if padding is not None:
        dx, turned = np.zeros_like(x), W.swapaxes(2, 3).copy()
        for i, j in np.ndindex(W.shape[:2]):
            place = conv.places(dx, i, j, stride, dout.shape)
            place += (rows @ turned[i, j]).reshape(place.shape)
        dx = conv.unpadded(dx, padding)
    return dx, dW, np.ones(rows[..., 0].size, rows.dtype) @ rows.reshape(-1, W.shape[3])


def maxpool_forward(x, size, stride=None):
    """conv.maxpool_forward, x : (B, H, W, C)."""
    stride = stride or size
    shape = len(x), (x.shape[1] - size) // stride + 1, (x.shape[2] - size) // stride + 1, x.shape[3]
    out, winner = conv.places(x, 0, 0, stride, shape).copy(), np.zeros(shape, np.uint16)
    for k, (i, j) in list(enumerate(np.ndindex(size, size)))[1:]:
        place = conv.places(x, i, j, stride, shape)
        np.maximum(winner, (place > out) * np.uint16(k), out=winner)
        np.maximum(out, place, out=out)
    return out, (winner, x.shape, size, stride)


def maxpool_backward(dout, cache):
    """conv.maxpool_backward, dout : (B, H_out, W_out, C)."""
    winner, shape, size, stride = cache
    dx = np.zeros(shape, dout.dtype)
    for k, (i, j) in enumerate(np.ndindex(size, size)):
        place = conv.places(dx, i, j, stride, dout.shape)
        place += dout * (winner == k).astype(dout.dtype)
    return dx


def cnn_forward(params, x, config):
    """conv.cnn_forward, x : (B, H, W, C), with ReLU after the pooling: the largest is the same, and there are fewer."""
    stages = []
    for stage in params["conv"]:
        x, c_conv = conv2d_forward(x, stage["W"], stage["b"], padding=config.kernel // 2)
        x, c_pool = maxpool_forward(x, config.pool)
        x, c_act = activations.relu_forward(x)
        stages.append((c_conv, c_pool, c_act))
    logits, c_linear = layers.linear_forward(x.reshape(len(x), -1), params["linear"]["W"], params["linear"]["b"])
    (x_first, W, stride, _), *others = stages[0]
    return logits, ([((x_first, W, stride, None), *others), *stages[1:]], x.shape, c_linear)


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
