"""Optimizers: how one parameter moves, given its gradient."""


def sgd_update(p, g, lr, weight_decay=0.0):
    """One step of stochastic gradient descent: p - lr · (g + weight_decay · p). p itself is left as it was.

    p, g : a parameter and its gradient, of one shape
    lr, weight_decay : numbers, 0 or more
    Returns the new p, of the same shape.
    """
    return p - lr * (g + weight_decay * p)
