"""The training loop: sample, forward, loss, backward, update; validate; stop."""

from dataclasses import dataclass

import numpy as np

from reference_impl import data, losses, mlp, optim, tree


@dataclass(frozen=True)
class TrainConfig:
    """What there is to choose about a run: patience None never stops early."""

    epochs: int
    batch_size: int
    lr: float
    weight_decay: float = 0.0
    patience: int | None = None


def train_step(params, x, targets, config, lr, weight_decay=0.0):
    """One update of an MLP classifier by SGD on one mini-batch, with cross-entropy as the loss.

    params : as from mlp_init; left as they were
    x : (B, d_0)
    targets : (B,), class numbers
    config : MLPConfig
    lr, weight_decay : as in sgd_update, for every weight and bias
    Returns the new params, and the batch's loss before the update.
    """
    logits, c_mlp = mlp.mlp_forward(params, x, config)
    loss, c_loss = losses.cross_entropy_forward(logits, targets)
    dlogits = losses.cross_entropy_backward(1.0, c_loss)
    grads = mlp.mlp_backward(dlogits, c_mlp)
    params = tree.map_tree(lambda p, g: optim.sgd_update(p, g, lr, weight_decay), params, grads)
    return params, loss


def evaluate(params, x, targets, config):
    """How good an MLP classifier is on a set: no update.

    params : as from mlp_init
    x : (N, d_0)
    targets : (N,), class numbers
    Returns the mean cross-entropy, and the accuracy: the share of rows whose largest logit is the target's.
    """
    logits, _ = mlp.mlp_forward(params, x, config)
    loss, _ = losses.cross_entropy_forward(logits, targets)
    return loss, np.mean(logits.argmax(axis=-1) == targets)


def should_stop(val_losses, patience):
    """Early stopping: True once the last `patience` epochs have brought no new lowest validation loss.

    val_losses : a list of numbers, one an epoch, oldest first; may be empty
    patience : how many epochs without a new lowest loss are too many, 1 or more
    Returns a bool: False until there are more than `patience` epochs. An equal loss is not a new lowest; nan never is.
    """
    if len(val_losses) <= patience:
        return False
    best_before = np.nanmin([np.inf, *val_losses[:-patience]])
    return not any(loss < best_before for loss in val_losses[-patience:])


def train(params, train_set, val_set, config, recipe, rng, after_epoch=None):
    """Train an MLP classifier with early stopping.

    train_set, val_set : (x : (N, d_0), targets : (N,))
    config : MLPConfig
    recipe : TrainConfig
    after_epoch : called with the history after every epoch, for a progress bar
    Returns the params of the epoch with the lowest validation loss, and history : {"batch_loss", "train_loss",
    "val_loss", "val_accuracy"}, lists; batch_loss has one number an update, the others one an epoch.
    """
    x, targets = train_set
    history = {"batch_loss": [], "train_loss": [], "val_loss": [], "val_accuracy": []}
    best, best_loss = params, np.inf
    for _ in range(recipe.epochs):
        for rows in data.minibatches(len(x), recipe.batch_size, rng):
            params, loss = train_step(params, x[rows], targets[rows], config, recipe.lr, recipe.weight_decay)
            history["batch_loss"].append(loss)
        val_loss, val_accuracy = evaluate(params, *val_set, config)
        if val_loss < best_loss:
            best, best_loss = params, val_loss
        history["train_loss"].append(evaluate(params, x, targets, config)[0])
        history["val_loss"].append(val_loss)
        history["val_accuracy"].append(val_accuracy)
        if after_epoch:
            after_epoch(history)
        if recipe.patience and should_stop(history["val_loss"], recipe.patience):
            break
    return best, history
