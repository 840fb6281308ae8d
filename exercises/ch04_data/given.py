"""What set 4 gives you, from the course's reference implementation."""

import numpy as np


def unique_rows(x):
    """The numbers of the rows that no earlier row equals, in order.

    x : (N, d_in); a missing entry (nan) equals another
    Returns (n,) int.
    """
    missing = np.isnan(x)
    # nan is not equal to nan, but missing is equal to missing.
    comparable = np.concatenate([np.where(missing, 0, x), missing], axis=1)
    return np.sort(np.unique(comparable, axis=0, return_index=True)[1])


def step(z):
    """1.0 where z > 0, else 0.0: fire or not (McCulloch & Pitts 1943). Shapes (...,)."""
    return np.where(z > 0, 1.0, 0.0)


def neuron_forward(x, w, b):
    """w·x + b: the weighted sum of one neuron, for every row of x.

    x : (..., d_in)
    w : (d_in,)
    b : a number
    Returns z : (...,).
    """
    return x @ w + b


def perceptron_update(w, b, x, target, lr=1.0):
    """One step of the perceptron's rule: w + lr · (y - out) · x and b + lr · (y - out), out = step(w·x + b).

    w, x : (d_in,)
    b : a number
    target : y, 0 or 1
    lr : above 0
    Returns the new w : (d_in,) and b. (Rosenblatt 1958.)
    """
    error = target - step(neuron_forward(x, w, b))
    return w + lr * error * x, b + lr * error


def perceptron_train(x, targets, epochs, lr=1.0):
    """perceptron_update for every row, from weights of 0, until an epoch is right.

    x : (N, d_in)
    targets : (N,), each 0 or 1
    epochs : at most so many, 0 or more
    Returns w : (d_in,), b, and mistakes: a list, how many rows each epoch had wrong.
    """
    w, b, mistakes = np.zeros(x.shape[1]), 0.0, []
    while len(mistakes) < epochs and (not mistakes or mistakes[-1]):
        wrong = 0
        for row, target in zip(x, targets, strict=True):
            wrong += int(step(neuron_forward(row, w, b)) != target)
            w, b = perceptron_update(w, b, row, target, lr)
        mistakes.append(wrong)
    return w, b, mistakes
