"""Layers: each a pair of pure functions, forward and backward."""


def linear_forward(x, W, b):
    """out = xW + b, for every row of x.

    x : (..., d_in)
    W : (d_in, d_out)
    b : (d_out,)
    Returns out : (..., d_out) and cache = (x, W).
    """
    return x @ W + b, (x, W)


def linear_backward(dout, cache):
    """The gradients of out = xW + b, summed over all rows for W and b.

    dout : (..., d_out)
    cache : (x, W), with x : (..., d_in) and W : (d_in, d_out)
    Returns dx : (..., d_in), dW : (d_in, d_out) and db : (d_out,).
    """
    x, W = cache
    rows = dout.reshape(-1, dout.shape[-1])
    dx = dout @ W.T
    dW = x.reshape(-1, x.shape[-1]).T @ rows
    db = rows.sum(axis=0)
    return dx, dW, db
