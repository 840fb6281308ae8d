"""Convolution and pooling, faster: what fast.py has in place of conv's functions."""

import inspect

import numpy as np

from reference_impl import activations, conv, layers

BLOCK = 1 << 17  # numbers in the patches of a few images: they stay in the cache


def _patches(x, kernel, stride):
    """Some images at a time, and every place of a kernel on them as a row with a 1 at its end, for the bias."""
    view = conv.windows(x, kernel, stride)
    (B, *size, C, rows, columns), narrow = view.shape, x.shape[3] < 4
    n = max(1, BLOCK // view[0].size)
    for start in range(0, B, n):
        part = view[start : start + n]
        patches = np.ones((part[..., 0, 0, 0].size, rows * columns * C + 1), x.dtype, order="F" if narrow else "C")
        if narrow:  # a pixel is too short to be copied by itself: copy rows of an image
            patches.T[:-1].reshape(rows, columns, C, len(part), *size)[...] = part.transpose(4, 5, 3, 0, 1, 2)
        else:
            patches[:, :-1].reshape(len(part), *size, rows, columns, C)[...] = part.transpose(0, 1, 2, 4, 5, 3)
        yield slice(start, start + n), patches


def conv2d_forward(x, W, b, stride=1, padding=0):
    """conv.conv2d_forward, x : (B, H, W, C): b is one more row of W, and meets the 1 at the end of every patch."""
    padded = np.zeros((x.shape[0], x.shape[1] + 2 * padding, x.shape[2] + 2 * padding, x.shape[3]), x.dtype)
    conv.unpadded(padded, padding)[...] = x
    both = np.concatenate([W.reshape(-1, len(b)), b[None]])
    size = [(padded.shape[i + 1] - W.shape[i]) // stride + 1 for i in (0, 1)]
    out = np.empty((len(x), *size, len(b)), x.dtype)
    for images, patches in _patches(padded, W.shape[:2], stride):
        np.matmul(patches, both, out=out[images].reshape(-1, len(b)))
    return out, (padded, W, stride, padding)


def conv2d_backward(dout, cache):
    """conv.conv2d_backward, dout : (B, H_out, W_out, d_out); with None for the padding there is no dx."""
    x, W, stride, padding = cache
    dx, turned, both = np.zeros_like(x), W.swapaxes(2, 3).copy(), 0
    for images, patches in _patches(x, W.shape[:2], stride):
        rows = dout[images].reshape(-1, W.shape[3])
        both = both + patches.T @ rows
        for i, j in np.ndindex(W.shape[:2] if padding is not None else (0, 0)):
            place = conv.places(dx[images], i, j, stride, dout.shape)
            place += (rows @ turned[i, j]).reshape(place.shape)
    return None if padding is None else conv.unpadded(dx, padding), both[:-1].reshape(W.shape), both[-1]


def maxpool_forward(x, size, stride=None):
    """conv.maxpool_forward, x : (B, H, W, C)."""
    stride = stride or size
    shape = len(x), (x.shape[1] - size) // stride + 1, (x.shape[2] - size) // stride + 1, x.shape[3]
    out = conv.places(x, 0, 0, stride, shape).copy()
    winner = np.zeros(shape, np.min_scalar_type(size * size))
    for k, (i, j) in list(enumerate(np.ndindex(size, size)))[1:]:
        entry = conv.places(x, i, j, stride, shape).copy()
        np.maximum(winner, (entry > out) * winner.dtype.type(k), out=winner)
        np.maximum(out, entry, out=out)
    return out, (winner, x.shape, size, stride)


def maxpool_backward(dout, cache):
    """conv.maxpool_backward, dout : (B, H_out, W_out, C): where windows lie apart, nothing adds up."""
    winner, shape, size, stride = cache
    if stride < size:
        return _clear_maxpool_backward(dout, cache)
    dx = np.zeros(shape, dout.dtype)
    for k, (i, j) in enumerate(np.ndindex(size, size)):
        np.multiply(dout, winner == k, out=conv.places(dx, i, j, stride, dout.shape))
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
    (*first, _), *others = stages[0]
    return logits, ([((*first, None), *others), *stages[1:]], x.shape, c_linear)


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


_clear_maxpool_backward = inspect.unwrap(conv.maxpool_backward)
