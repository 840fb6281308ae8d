"""The training loop: sample, forward, loss, backward, update; validate; stop."""

from dataclasses import dataclass

import numpy as np

from reference_impl import contract, data, losses, mlp, optim, schedule, tree


@dataclass(frozen=True)
class TrainConfig:
    """What there is to choose about a run: patience None never stops early."""

    epochs: int
    batch_size: int
    lr: float
    weight_decay: float = 0.0
    patience: int | None = None

    def __post_init__(self):
        contract.at_least(self, epochs=0, batch_size=1, lr=0, weight_decay=0, patience=1)


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
    Returns the params of the epoch with the lowest validation loss, and history, a
    dict of lists: batch_loss has a number for each update; train_loss, val_loss and
    val_accuracy have one for each epoch.
    """
    x, targets = train_set
    names = "batch_loss", "train_loss", "val_loss", "val_accuracy"
    history = {name: [] for name in names}
    best, best_loss = params, np.inf
    lr, weight_decay = recipe.lr, recipe.weight_decay
    for _ in range(recipe.epochs):
        for rows in data.minibatches(len(x), recipe.batch_size, rng):
            batch = x[rows], targets[rows]
            params, loss = train_step(params, *batch, config, lr, weight_decay)
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


@dataclass(frozen=True)
class AdamWConfig:
    """What there is to choose about a longer run: warm-up and cosine, AdamW, clipping. lr falls to final_lr · lr."""

    n_steps: int
    lr: float
    n_warmup: int = 0
    final_lr: float = 0.1
    betas: tuple[float, float] = (0.9, 0.95)
    eps: float = 1e-8
    weight_decay: float = 0.1
    max_norm: float = 1.0

    def __post_init__(self):
        contract.at_least(self, n_steps=1, lr=0, n_warmup=0, final_lr=0, eps=0, weight_decay=0)
        if self.n_warmup >= self.n_steps:
            raise ValueError(f"AdamWConfig: n_warmup must be 0 to {self.n_steps - 1}, not {self.n_warmup}")
        if not self.max_norm > 0:
            raise ValueError(f"AdamWConfig: max_norm must be above 0, not {self.max_norm}")


def adamw_step(params, grads, states, step, recipe):
    """One update of a whole tree: clip, look up the rate, AdamW; only what has two axes or more decays.

    grads : shaped like params
    states : {path: (m, v)}, empty before the first step
    step : 0 or more
    recipe : AdamWConfig
    Returns the new params, and the new states.
    """
    lr = schedule.warmup_cosine(step + 1, recipe.lr, recipe.n_warmup, recipe.n_steps, recipe.final_lr * recipe.lr)
    if recipe.max_norm < np.inf:
        grads, _ = optim.clip_grad_norm(grads, recipe.max_norm)

    def update(p, g, state):
        decay = recipe.weight_decay if p.ndim > 1 else 0.0
        return optim.adamw_update(p, g, state or (0.0, 0.0), step + 1, lr, recipe.betas, recipe.eps, decay)

    return optim.update_tree(update, params, grads, states)


def adamw_train(params, batches, loss_and_grads, recipe, after_step=None):
    """Train any model. Ctrl-C ends the run early and keeps what was learnt.

    params : a tree
    batches : an iterator of tuples, one an update; it may end before recipe.n_steps, or never
    loss_and_grads : (params, *batch) -> a number, and a tree like params
    recipe : AdamWConfig
    after_step : called with the losses so far after every update, for a progress bar
    Returns params, and the losses, one an update. Raises FloatingPointError where a loss is not a finite number.
    """
    states, batch_losses = {}, []
    try:
        for step, batch in zip(range(recipe.n_steps), batches, strict=False):
            loss, grads = loss_and_grads(params, *batch)
            if not np.isfinite(loss):
                raise FloatingPointError(f"the loss is {loss} at step {step}: a smaller learning rate may help")
            params, states = adamw_step(params, grads, states, step, recipe)
            batch_losses.append(float(loss))
            if after_step:
                after_step(batch_losses)
    except KeyboardInterrupt:
        pass
    return params, batch_losses


def lr_range_test(params, batches, loss_and_grads, lrs):
    """The loss while the learning rate grows from one SGD step to the next: where it falls fastest is a good rate.

    params : a tree; left as it was
    batches, loss_and_grads : as in adamw_train
    lrs : a list of rates, growing
    Returns a list of losses, each before the update with its rate; it ends once one is above four times the lowest, or
    not finite. (Smith 2015, arXiv 1506.01186.)
    """
    seen = []
    for lr, batch in zip(lrs, batches, strict=False):
        loss, grads = loss_and_grads(params, *batch)
        seen.append(float(loss))
        if not (np.isfinite(loss) and loss <= 4 * min(seen)):
            break
        params = tree.map_tree(lambda p, g, lr=lr: optim.sgd_update(p, g, lr), params, grads)
    return seen


def accumulate(params, x, targets, loss_and_grads, n):
    """The loss and gradients of a large batch from n small ones, one after another: the same, in less memory.

    x : (B, ...)
    targets : B of them; every part counts as much as it has examples
    loss_and_grads : (params, x, targets) -> the mean loss, and its gradients
    n : 1 or more, at most B
    Returns the loss, and a tree like params. Raises ValueError where there are more parts than examples.
    """
    if n > len(x):
        raise ValueError(f"accumulate: {n} parts are more than the {len(x)} examples")
    total, sums = 0.0, None
    for part, y in zip(np.array_split(x, n), np.array_split(targets, n), strict=True):
        loss, grads = loss_and_grads(params, part, y)
        share = len(part) / len(x)
        total += share * loss
        grads = tree.map_tree(lambda g, share=share: share * g, grads)
        sums = grads if sums is None else tree.map_tree(np.add, sums, grads)
    return total, sums


def loss_scale_update(scale, good_steps, finite, growth_interval=2000):
    """Dynamic loss scaling for float16: halve the factor after an overflow, double it after a long time without one.

    scale : what the loss is multiplied with, above 0
    good_steps : updates since it last changed, 0 or more
    finite : whether this step's gradients are; where not, the step is left out
    growth_interval : 1 or more
    Returns the new scale and good_steps. (Micikevicius et al. 2017, arXiv 1710.03740.)
    """
    if not finite:
        return scale / 2, 0
    return (scale * 2, 0) if good_steps + 1 == growth_interval else (scale, good_steps + 1)


contract.enforce(globals())
