"""The reference's losses in PyTorch: each the mean over all entries, or over all examples for cross-entropy."""

import torch.nn.functional as F


def mse(pred, targets):
    """The mean of (pred - targets)². pred, targets : (...,)."""
    return F.mse_loss(pred, targets)


def mae(pred, targets):
    """The mean of |pred - targets|. pred, targets : (...,)."""
    return F.l1_loss(pred, targets)


def huber(pred, targets, delta=1.0):
    """The mean of ½r² where |r| ≤ δ, else δ(|r| - ½δ), with r = pred - targets : (...,)."""
    return F.huber_loss(pred, targets, delta=delta)


def binary_cross_entropy(logits, targets):
    """The mean of -y log p - (1 - y) log(1 - p), p = sigmoid(logits). logits, targets : (...,)."""
    return F.binary_cross_entropy_with_logits(logits, targets)


def cross_entropy(logits, targets):
    """The mean of -log softmax(logits)[target]. logits : (..., K); targets : (...,) int64."""
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1))


def soft_cross_entropy(logits, targets):
    """The mean of -Σ_k y_k log p_k, p = softmax(logits). logits, targets : (..., K)."""
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1, logits.shape[-1]))


def l1(W, strength):
    """strength · Σ|W|. W : (...,)."""
    return strength * W.abs().sum()


def l2(W, strength):
    """½ · strength · ΣW². W : (...,)."""
    return 0.5 * strength * W.square().sum()
