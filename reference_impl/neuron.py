"""One neuron: a weighted sum and a threshold; the first rule by which one learned; and what one cannot do."""

import numpy as np

from reference_impl import contract


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


def two_layer_forward(params, x):
    """Step neurons that feed one more: step(step(xW₁ + b₁) · w₂ + b₂).

    params : {"W1": (d_in, H), "b1": (H,), "w2": (H,), "b2": a number}
    x : (..., d_in)
    Returns out : (...,), 0.0 or 1.0.
    """
    hidden = step(x @ params["W1"] + params["b1"])
    return step(neuron_forward(hidden, params["w2"], params["b2"]))


def xor_params():
    """Weights by hand with which two_layer_forward computes XOR: its hidden neurons are OR and AND; OR and not AND."""
    return {
        "W1": np.array([[1.0, 1.0], [1.0, 1.0]]),
        "b1": np.array([-0.5, -1.5]),
        "w2": np.array([1.0, -1.0]),
        "b2": -0.5,
    }


contract.enforce(globals())
