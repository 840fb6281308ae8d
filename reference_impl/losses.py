"""Losses: how wrong a batch of predictions is, as one number, and its gradient.

Every loss is a mean over all entries (over all examples, for cross-entropy), so it does not grow with the
batch. Its backward takes the gradient of the loss itself, dout, which is 1.0 when the loss is what is minimised.
"""

import numpy as np

from reference_impl import activations, contract


def mse_forward(pred, targets):
    """Mean squared error: the mean of (pred - targets)² over all entries.

    pred, targets : (...,), of one shape
    Returns loss : a number, and cache = pred - targets.
    """
    residual = pred - targets
    return np.mean(residual**2), residual


def mse_backward(dout, cache):
    """dpred = dout · 2 · residual / n, with n the number of entries.

    dout : a number
    cache : residual = pred - targets, (...,)
    Returns dpred : (...,).
    """
    residual = cache
    return dout * 2 * residual / residual.size


def mae_forward(pred, targets):
    """Mean absolute error: the mean of |pred - targets| over all entries.

    pred, targets : (...,), of one shape
    Returns loss : a number, and cache = pred - targets.
    """
    residual = pred - targets
    return np.mean(np.abs(residual)), residual


def mae_backward(dout, cache):
    """dpred = dout · sign(residual) / n, n the number of entries; sign(0) is 0.

    dout : a number
    cache : residual = pred - targets, (...,)
    Returns dpred : (...,).
    """
    residual = cache
    return dout * np.sign(residual) / residual.size


def huber_forward(pred, targets, delta=1.0):
    """Huber's loss: the mean over all entries of ½r² where |r| ≤ δ, else δ(|r| - ½δ), with r = pred - targets.

    pred, targets : (...,), of one shape
    delta : where the parabola turns into a line, a number above 0
    Returns loss : a number, and cache = (r, delta). (Huber 1964.)
    """
    r = pred - targets
    parabola = 0.5 * r**2
    line = delta * (np.abs(r) - 0.5 * delta)
    return np.mean(np.where(np.abs(r) <= delta, parabola, line)), (r, delta)


def huber_backward(dout, cache):
    """dpred = dout · clip(r, -δ, δ) / n, with n the number of entries.

    dout : a number
    cache : (r, delta), with r = pred - targets : (...,)
    Returns dpred : (...,).
    """
    r, delta = cache
    return dout * np.clip(r, -delta, delta) / r.size


def binary_cross_entropy_forward(logits, targets):
    """The mean over all entries of -y log p - (1 - y) log(1 - p), p = sigmoid(logits), finite for any finite logit.

    logits : (...,)
    targets : (...,), y, each entry in [0, 1]
    Returns loss : a number, and cache = (logits, targets).
    """
    softplus = np.maximum(logits, 0) + np.log1p(np.exp(-np.abs(logits)))  # log(1 + e^z), for any z
    return np.mean(softplus - targets * logits), (logits, targets)


def binary_cross_entropy_backward(dout, cache):
    """dlogits = dout · (sigmoid(logits) - targets) / n, with n the number of entries.

    dout : a number
    cache : (logits, targets), each (...,)
    Returns dlogits : (...,).
    """
    logits, targets = cache
    p, _ = activations.sigmoid_forward(logits)
    return dout * (p - targets) / logits.size


def cross_entropy_forward(logits, targets):
    """The mean over all examples of -log p[target], p = softmax(logits), finite for any finite logits.

    logits : (..., K)
    targets : (...,) int, the number of the right class, 0 to K - 1
    Returns loss : a number, and cache = (logp, targets), with logp = log softmax(logits) : (..., K).
    """
    logp, _ = activations.log_softmax_forward(logits)
    picked = np.take_along_axis(logp, targets[..., None], axis=-1)
    return -np.mean(picked), (logp, targets)


def cross_entropy_backward(dout, cache):
    """dlogits = dout · (p - one_hot(targets)) / N, with p = e^logp and N the number of examples.

    dout : a number
    cache : (logp, targets), with logp = log softmax(logits) : (..., K) and targets : (...,)
    Returns dlogits : (..., K).
    """
    logp, targets = cache
    one_hot = np.arange(logp.shape[-1]) == targets[..., None]
    return dout * (np.exp(logp) - one_hot) / targets.size


def soft_cross_entropy_forward(logits, targets):
    """The mean over all examples of -Σ_k y_k log p_k, p = softmax(logits): a target is a distribution.

    logits : (..., K)
    targets : (..., K), y, each entry in [0, 1] and each row adding up to 1
    Returns loss : a number, and cache = (logp, targets).
    """
    logp, _ = activations.log_softmax_forward(logits)
    return -np.mean(np.sum(targets * logp, axis=-1)), (logp, targets)


def soft_cross_entropy_backward(dout, cache):
    """dlogits = dout · (p - targets) / N, with p = e^logp and N the number of examples.

    dout : a number
    cache : (logp, targets), each (..., K)
    Returns dlogits : (..., K).
    """
    logp, targets = cache
    return dout * (np.exp(logp) - targets) / (logp.size // logp.shape[-1])


def l1_forward(W, strength):
    """strength · Σ|W|, added to the loss: it pulls weights to exactly 0.

    W : (...,)
    strength : λ, a number, 0 or more
    Returns penalty : a number, and cache = (W, strength).
    """
    return strength * np.sum(np.abs(W)), (W, strength)


def l1_backward(dout, cache):
    """dW = dout · λ · sign(W), with sign(0) = 0. Shapes (...,); dout is a number, cache is forward's."""
    W, strength = cache
    return dout * strength * np.sign(W)


def l2_forward(W, strength):
    """½ · strength · ΣW², added to the loss: it pulls weights towards 0, large ones most.

    W : (...,)
    strength : λ, a number, 0 or more
    Returns penalty : a number, and cache = (W, strength).
    """
    return 0.5 * strength * np.sum(np.square(W)), (W, strength)


def l2_backward(dout, cache):
    """dW = dout · λ · W. Shapes (...,); dout is a number, cache is forward's."""
    W, strength = cache
    return dout * strength * W


contract.enforce(globals())
