"""Set 10: how the grader draws cases, what people get wrong, what else is right."""

from itertools import pairwise

import numpy as np

from checks.cases import Seed
from grading.spec import Answer, Exercise, Experiment
from reference_impl import activations, data, init, losses, mlp, optim, train, tree

GIVEN = ["activations.relu", "activations.tanh", "init.lecun_normal", "tree.map_tree"]
GIVEN += ["mlp.MLPConfig", "mlp.mlp_init", "mlp.mlp_forward", "mlp.mlp_backward"]
GIVEN += ["losses.cross_entropy_forward", "losses.cross_entropy_backward"]
GIVEN += ["data.minibatches", "data.train_val_test_split"]


# One update -----------------------------------------------------------------------------------------------------------


def sgd_cases(rng):
    for note, shape, lr, weight_decay in [
        ("a matrix, no decay", (3, 4), 0.1, 0.0),
        ("a bias, with decay", (5,), 0.3, 0.2),
        ("three axes, with decay", (2, 3, 4), 0.05, 0.5),
        ("one entry", (1,), 0.7, 0.01),
        ("a learning rate of 0", (2, 3), 0.0, 0.1),
        ("a gradient of 0: decay alone", (4,), 0.2, 0.25),
    ]:
        g = np.zeros(shape) if "alone" in note else rng.standard_normal(shape)
        yield note, rng.standard_normal(shape), g, lr, weight_decay


def sgd_update_by_loop(p, g, lr, weight_decay=0.0):
    new = np.zeros_like(p)
    for i in np.ndindex(p.shape):
        new[i] = p[i] - lr * g[i] - lr * weight_decay * p[i]
    return new


def sgd_update_in_float32(p, g, lr, weight_decay=0.0):
    return optim.sgd_update(p.astype(np.float32), g.astype(np.float32), np.float32(lr), np.float32(weight_decay))


SGD = Exercise(
    optim.sgd_update,
    returns="p_new",
    section="A step downhill",
    cases=sgd_cases,
    mutants={
        "The step goes uphill. The gradient points where the loss grows, so the parameter moves against it.": {
            "p - lr * (": "p + lr * ("
        },
        "weight_decay has no effect here. It adds weight_decay · p to the gradient.": {" + weight_decay * p": ""},
        "The decay is not scaled by lr. It is part of what lr multiplies.": {
            "p - lr * (g + weight_decay * p)": "p - lr * g - weight_decay * p"
        },
        "The decay's sign is turned: it blows weights up, where it should pull them towards 0.": {
            "g + weight_decay": "g - weight_decay"
        },
        "This is the step alone. What is asked for is where p is after it.": {
            "p - lr * (g + weight_decay * p)": "-lr * (g + weight_decay * p)"
        },
        "lr multiplies p as well. Only the step is scaled; p is where it starts from.": {
            "p - lr * (g + weight_decay * p)": "lr * (p - (g + weight_decay * p))"
        },
        "The decay pulls every entry by the same amount, by its sign. It is in proportion to p.": {
            "weight_decay * p": "weight_decay * np.sign(p)"
        },
    },
    variants={
        "entry by entry": sgd_update_by_loop,
        "float32": sgd_update_in_float32,
        "shrink first, then step": {"p - lr * (g + weight_decay * p)": "(1 - lr * weight_decay) * p - lr * g"},
        "on a copy": {
            "return p - lr * (g + weight_decay * p)": "p = p.copy(); p -= lr * (g + weight_decay * p); return p"
        },
    },
)


# One turn of the loop -------------------------------------------------------------------------------------------------


def network(rng, sizes, activation=activations.tanh, scale=1.0):
    """A small network whose biases are not 0."""
    config = mlp.MLPConfig(sizes, activation, init.lecun_normal)
    params = mlp.mlp_init(config, rng)
    return [{"W": scale * layer["W"], "b": 0.5 * rng.standard_normal(layer["b"].shape)} for layer in params], config


def step_cases(rng):
    for note, sizes, activation, n, lr, weight_decay in [
        ("a mini-batch, two layers", (3, 6, 4), activations.tanh, 5, 0.5, 0.0),
        ("with weight decay", (4, 5, 3), activations.relu, 7, 0.2, 0.3),
        ("a batch of one", (2, 5, 3), activations.tanh, 1, 0.1, 0.05),
        ("one layer, no activation", (3, 2), activations.tanh, 4, 1.0, 0.0),
        ("four layers", (2, 4, 5, 6, 3), activations.tanh, 8, 0.4, 0.1),
    ]:
        params, config = network(rng, sizes, activation)
        yield note, params, rng.standard_normal((n, sizes[0])), rng.integers(0, sizes[-1], n), config, lr, weight_decay


def step_from(params, x, targets, config, lr, weight_decay=0.0, dout=1.0, squash=False):
    """A step whose backward starts from dout, from probabilities taken for logits where squash."""
    logits, c_mlp = mlp.mlp_forward(params, x, config)
    if squash:
        logits, _ = activations.softmax_forward(logits)
    loss, c_loss = losses.cross_entropy_forward(logits, targets)
    start = loss if dout == "loss" else len(x) if dout == "sum" else dout
    grads = mlp.mlp_backward(losses.cross_entropy_backward(start, c_loss), c_mlp)
    return tree.map_tree(lambda p, g: optim.sgd_update(p, g, lr, weight_decay), params, grads), loss


def starts_from_the_loss(params, x, targets, config, lr, weight_decay=0.0):
    return step_from(params, x, targets, config, lr, weight_decay, dout="loss")


def of_the_sum(params, x, targets, config, lr, weight_decay=0.0):
    return step_from(params, x, targets, config, lr, weight_decay, dout="sum")


def softmax_twice(params, x, targets, config, lr, weight_decay=0.0):
    return step_from(params, x, targets, config, lr, weight_decay, squash=True)


def loss_afterwards(params, x, targets, config, lr, weight_decay=0.0):
    params, _ = train.train_step(params, x, targets, config, lr, weight_decay)
    return params, train.evaluate(params, x, targets, config)[0]


def one_row_at_a_time(params, x, targets, config, lr, weight_decay=0.0):
    _, loss = train.train_step(params, x, targets, config, lr, weight_decay)
    for i in range(len(x)):
        params, _ = train.train_step(params, x[i : i + 1], targets[i : i + 1], config, lr, weight_decay)
    return params, loss


def last_layer_only(params, x, targets, config, lr, weight_decay=0.0):
    new, loss = train.train_step(params, x, targets, config, lr, weight_decay)
    return [*params[:-1], new[-1]], loss


def weights_only(params, x, targets, config, lr, weight_decay=0.0):
    new, loss = train.train_step(params, x, targets, config, lr, weight_decay)
    return [{"W": after["W"], "b": before["b"]} for before, after in zip(params, new, strict=True)], loss


def biases_without_decay(params, x, targets, config, lr, weight_decay=0.0):
    new, loss = train.train_step(params, x, targets, config, lr, weight_decay)
    plain, _ = train.train_step(params, x, targets, config, lr)
    return [{"W": decayed["W"], "b": free["b"]} for decayed, free in zip(new, plain, strict=True)], loss


def step_layer_by_layer(params, x, targets, config, lr, weight_decay=0.0):
    inputs, acts, h = [], [], x
    for i, layer in enumerate(params):
        inputs.append(h)
        h = h @ layer["W"] + layer["b"]
        if i < len(params) - 1:
            h, c_act = config.activation.forward(h)
            acts.append(c_act)
    logp, _ = activations.log_softmax_forward(h)
    dz = (np.exp(logp) - np.eye(h.shape[-1])[targets]) / len(x)
    new = []
    for i in reversed(range(len(params))):
        W, b = params[i]["W"], params[i]["b"]
        shrink = 1 - lr * weight_decay
        new.insert(0, {"W": shrink * W - lr * (inputs[i].T @ dz), "b": shrink * b - lr * dz.sum(0)})
        if i:
            dz = config.activation.backward(dz @ W.T, acts[i - 1])
    return new, -np.mean([logp[i, t] for i, t in enumerate(targets)])


def step_over_dicts(params, x, targets, config, lr, weight_decay=0.0):
    logits, c_mlp = mlp.mlp_forward(params, x, config)
    loss, c_loss = losses.cross_entropy_forward(logits, targets)
    grads = mlp.mlp_backward(losses.cross_entropy_backward(1.0, c_loss), c_mlp)
    new = []
    for layer, grad in zip(params, grads, strict=True):
        new.append({key: optim.sgd_update(layer[key], grad[key], lr, weight_decay) for key in ("b", "W")})
    return new, float(loss)


def step_in_float32(params, x, targets, config, lr, weight_decay=0.0):
    params = tree.map_tree(lambda p: p.astype(np.float32), params)
    return train.train_step(params, x.astype(np.float32), targets, config, np.float32(lr), np.float32(weight_decay))


STEP = Exercise(
    train.train_step,
    returns="params, loss",
    section="One turn of the loop",
    cases=step_cases,
    mutants={
        "The new params are not kept: these are the ones that came in.": {
            "params = tree.map_tree": "_ = tree.map_tree"
        },
        "weight_decay is not handed on to sgd_update.": {"lr, weight_decay), params": "lr, 0.0), params"},
        "The way back starts from the loss itself. It starts from ∂loss/∂loss, which is 1 whatever the loss is.": (
            starts_from_the_loss
        ),
        "This is a step on the sum of the examples' losses. The loss is their mean: 1/B is in its gradient already.": (
            of_the_sum
        ),
        "The loss gets probabilities. cross_entropy_forward takes logits: its softmax is inside.": softmax_twice,
        "This is the loss after the update. What is asked for is the one the step was made from.": loss_afterwards,
        "There is one update a row. The whole mini-batch makes one gradient, and one update.": one_row_at_a_time,
        "Only the last layer moves. Every layer has its gradient in grads.": last_layer_only,
        "The biases stay where they were. They have gradients too, and decay as the weights do.": weights_only,
        "The biases move without weight decay. Here every parameter decays.": biases_without_decay,
        "lr and weight_decay have changed places on their way to sgd_update.": {
            "sgd_update(p, g, lr, weight_decay)": "sgd_update(p, g, weight_decay, lr)"
        },
        "The step goes uphill: the loss of this batch has grown.": {"sgd_update(p, g, lr": "sgd_update(p, -g, lr"},
        "These are the gradients. What is asked for is the parameters after a step along them.": {
            "return params, loss": "return grads, loss"
        },
    },
    variants={
        "layer by layer": step_layer_by_layer,
        "a loop over the dicts": step_over_dicts,
        "float32": step_in_float32,
    },
)


# How good is it? ------------------------------------------------------------------------------------------------------


def evaluate_cases(rng):
    for note, sizes, n, scale in [
        ("a set of rows", (3, 6, 4), 9, 1),
        ("one row", (2, 3), 1, 1),
        ("as many rows as classes", (2, 6, 8), 8, 1),
        ("logits in the thousands", (4, 3), 8, 1000),
        ("three layers", (5, 4, 6, 3), 12, 2),
    ]:
        params, config = network(rng, sizes, activations.relu, scale)
        x, targets = rng.standard_normal((n, sizes[0])), rng.integers(0, sizes[-1], n)
        guesses = mlp.mlp_forward(params, x, config)[0].argmax(axis=-1)
        targets[: (2 * n) // 3] = guesses[: (2 * n) // 3]  # two in three right: a share that tells mistakes apart
        yield note, params, x, targets, config


def evaluate_by_rows(params, x, targets, config):
    total, right = 0.0, 0
    for row, target in zip(x, targets, strict=True):
        logits, _ = mlp.mlp_forward(params, row, config)
        logp, _ = activations.log_softmax_forward(logits)
        total -= logp[target]
        right += int(max(range(len(logits)), key=logits.__getitem__) == target)
    return total / len(x), right / len(x)


def evaluate_in_batches(params, x, targets, config):
    total = np.zeros(2)
    for i in range(0, len(x), 4):
        total += np.multiply(train.evaluate(params, x[i : i + 4], targets[i : i + 4], config), len(x[i : i + 4]))
    return tuple(total / len(x))


def evaluate_in_float32(params, x, targets, config):
    params = tree.map_tree(lambda p: p.astype(np.float32), params)
    return train.evaluate(params, x.astype(np.float32), targets, config)


EVALUATE = Exercise(
    train.evaluate,
    returns="loss, accuracy",
    section="How good is it?",
    cases=evaluate_cases,
    tol=1e-4,  # float32, at logits in the thousands
    mutants={
        "This counts the rows that are right. The accuracy is their share.": {"np.mean(logits": "np.sum(logits"},
        "This is the share that is wrong.": {"== targets": "!= targets"},
        "This is a percentage. A share lies between 0 and 1.": {"np.mean(logits": "100 * np.mean(logits"},
        "The largest logit is looked for down the rows. Each row has its own: along the last axis.": {
            "axis=-1": "axis=0"
        },
        "argmax without an axis finds one place in the whole array. Each row has its own largest logit.": {
            "axis=-1": ""
        },
        "This takes the smallest logit for the guess. The class that is likeliest has the largest.": {
            "argmax": "argmin"
        },
        "This is the sum of the rows' losses. It is their mean, so that sets of different sizes can be compared.": {
            "return loss,": "return loss * len(x),"
        },
        "The loss is measured against the network's own guesses. What counts is the targets.": {
            "cross_entropy_forward(logits, targets)": "cross_entropy_forward(logits, logits.argmax(axis=-1))"
        },
        "The loss gets probabilities. cross_entropy_forward takes logits: its softmax is inside.": {
            "loss, _ = losses.cross_entropy_forward(logits": "loss, _ = losses.cross_entropy_forward("
            "np.exp(logits - logits.max(-1, keepdims=True)) "
            "/ np.exp(logits - logits.max(-1, keepdims=True)).sum(-1, keepdims=True)"
        },
        "Loss and accuracy have changed places.": {
            "return loss, np.mean(logits.argmax(axis=-1) == targets)": (
                "return np.mean(logits.argmax(-1) == targets), loss"
            )
        },
    },
    variants={
        "row by row": evaluate_by_rows,
        "in batches": evaluate_in_batches,
        "float32": evaluate_in_float32,
    },
)


# A repair: one epoch --------------------------------------------------------------------------------------------------


def train_epoch(params, x, targets, config, lr, batch_size, rng):
    """One epoch: every row of the set in one update, in the order of one rng.permutation(N), batch_size rows at a time.

    params : as from mlp_init; left as they were
    x : (N, d_0)
    targets : (N,), class numbers
    config : MLPConfig
    lr : as in train_step
    batch_size : rows in a mini-batch; the last one has what is left
    rng : numpy.random.Generator
    Returns the new params, and the mean over the N rows of the loss each had in its mini-batch.
    """
    order = rng.permutation(len(x))
    total = 0.0
    for start in range(0, len(x), batch_size):
        rows = order[start : start + batch_size]
        params, loss = train.train_step(params, x[rows], targets[rows], config, lr)
        total += loss * len(rows)
    return params, total / len(x)


def epoch_cases(rng):
    for note, sizes, n, batch_size, lr in [
        ("a last mini-batch that is smaller", (3, 5, 4), 10, 4, 0.5),
        ("mini-batches that come out even", (2, 5, 3), 6, 3, 0.3),
        ("one row at a time", (3, 4), 5, 1, 0.2),
        ("the whole set in one mini-batch", (4, 3, 2), 7, 7, 0.4),
        ("two left over", (2, 4, 5, 3), 11, 3, 0.6),
    ]:
        params, config = network(rng, sizes)
        x, targets = rng.standard_normal((n, sizes[0])), np.arange(n) % sizes[-1]
        yield note, params, x, targets, config, lr, batch_size, Seed(rng.integers(1 << 30))


def epoch_by_minibatches(params, x, targets, config, lr, batch_size, rng):
    losses_seen = []
    for rows in data.minibatches(len(x), batch_size, rng):
        params, loss = train.train_step(params, x[rows], targets[rows], config, lr)
        losses_seen += [loss] * len(rows)
    return params, np.mean(losses_seen)


def epoch_by_shuffling_first(params, x, targets, config, lr, batch_size, rng):
    order = rng.permutation(len(x))
    x, targets = x[order], targets[order]
    sizes, batch_losses = [], []
    while len(x):
        params, loss = train.train_step(params, x[:batch_size], targets[:batch_size], config, lr)
        sizes.append(len(x[:batch_size]))
        batch_losses.append(loss)
        x, targets = x[batch_size:], targets[batch_size:]
    return params, np.average(batch_losses, weights=sizes)


AS_HANDED_OUT = {
    "order = rng.permutation(len(x))\n    total = 0.0": "x = x[rng.permutation(len(x))]\n"
    "    targets = targets[rng.permutation(len(targets))]\n    batch_losses = []",
    "range(0, len(x), batch_size)": "range(0, len(x) - batch_size + 1, batch_size)",
    "rows = order[start : start + batch_size]": "rows = slice(start, start + batch_size)",
    "total += loss * len(rows)": "batch_losses.append(loss)",
    "total / len(x)": "np.mean(batch_losses)",
}

EPOCH = Exercise(
    train_epoch,
    module="ch10",
    returns="params, loss",
    section="Epochs and iterations",
    cases=epoch_cases,
    broken=AS_HANDED_OUT,
    mutants={
        "Images and labels are shuffled apart: each image now comes with another one's label.": {
            "total = 0.0": "total, targets = 0.0, targets[rng.permutation(len(x))][np.argsort(order)]"
        },
        "Nothing has changed yet, or not for the result. Follow one image through the function, and its label.": (
            AS_HANDED_OUT
        ),
        "The rows that do not fill a whole mini-batch are never used.": {
            "range(0, len(x), batch_size)": "range(0, len(x) - batch_size + 1, batch_size)"
        },
        "This is the mean over the mini-batches. A smaller last one counts as much as a full one there; rows should "
        "count alike.": {"loss * len(rows)": "loss", "total / len(x)": "total / -(-len(x) // batch_size)"},
        "The rows come in the order they are stored in, not in that of rng.permutation.": {
            "rng.permutation(len(x))": "np.arange(len(x))"
        },
        "The rows are drawn with replacement: some come twice in the epoch, others not at all.": {
            "rng.permutation(len(x))": "rng.integers(0, len(x), len(x))"
        },
        "Every mini-batch starts from the params of the beginning, so only the last one's step is kept.": {
            "params, loss = train": "new, loss = train",
            "return params": "return new",
        },
        "The losses are added up, and never divided by the number of rows.": {"total / len(x)": "total"},
        "This is the loss of the whole set after the epoch. What is asked for is what each row's loss was in its "
        "mini-batch, before that update.": {"total / len(x)": "train.evaluate(params, x, targets, config)[0]"},
    },
    variants={"minibatches": epoch_by_minibatches, "shuffled first, cut after": epoch_by_shuffling_first},
)


# When to stop ---------------------------------------------------------------------------------------------------------


def stop_cases(rng):
    def near(*losses):
        return [float(loss) for loss in np.array(losses) * rng.uniform(0.5, 1.5)]

    nan = float("nan")
    yield from [
        ("no epoch yet", [], 3),
        ("one epoch", near(0.9), 1),
        ("falling all the time", near(0.9, 0.7, 0.6, 0.5, 0.45), 2),
        ("no new lowest for just `patience` epochs", near(0.9, 0.5, 0.7, 0.6), 2),
        ("the same, one epoch earlier", near(0.9, 0.5, 0.7), 2),
        ("no new lowest for more than `patience` epochs", near(0.9, 0.3, 0.6, 0.5, 0.4, 0.35), 3),
        ("patience 1, and the loss has risen", near(0.8, 0.6, 0.7), 1),
        ("patience 3, and the loss has risen once", near(0.8, 0.6, 0.5, 0.7), 3),
        ("patience 3, and only two epochs so far", near(0.8, 0.9), 3),
        ("a long wait in the past, a new lowest now", near(0.5, 0.6, 0.7, 0.8, 0.4), 2),
        ("the lowest is the first of the last `patience`", near(0.8, 0.7, 0.4, 0.5, 0.6), 3),
        ("the lowest again, not lower", near(0.8, 0.5, 0.5, 0.5), 2),
        ("lower than `patience` epochs ago, not than the lowest", near(0.3, 0.9, 0.8, 0.7), 2),
        ("a nan long ago", [nan, *near(0.9, 0.8)], 1),
        ("the loss has become nan", [*near(0.9, 0.8), nan, nan], 2),
        ("drawn at random", [float(loss) for loss in rng.uniform(0.3, 1, 12)], int(rng.integers(1, 6))),
    ]


def stop_by_counting(val_losses, patience):
    best, waited = np.inf, 0
    for loss in val_losses:
        waited = 0 if loss < best else waited + 1
        best = min(best, loss)
    return waited >= patience


def stop_by_place(val_losses, patience):
    if len(val_losses) == 0:
        return False
    best = np.nanargmin(val_losses)
    return bool(len(val_losses) - 1 - best >= patience)


def stop_by_minima(val_losses, patience):
    old, new = val_losses[:-patience], val_losses[-patience:]
    return len(old) > 0 and not np.fmin.reduce(new) < np.fmin.reduce(old)


def waits_too_long(val_losses, patience):
    return train.should_stop(val_losses, patience + 1)


def does_not_wait_enough(val_losses, patience):
    return stop_by_counting(val_losses, max(patience - 1, 1))


def ignores_patience(val_losses, patience):
    return train.should_stop(val_losses, 1)


def wants_rises(val_losses, patience):
    last = val_losses[-patience - 1 :]
    return len(last) > patience and all(b > a for a, b in pairwise(last))


def compares_with_then(val_losses, patience):
    return len(val_losses) > patience and not val_losses[-1] < val_losses[-patience - 1]


def remembers_old_waits(val_losses, patience):
    return any(train.should_stop(val_losses[:i], patience) for i in range(len(val_losses) + 1))


def lowest_of_the_last_against_all(val_losses, patience):
    return len(val_losses) > patience and min(val_losses[-patience:]) > min(val_losses)


def looks_at_the_last_only(val_losses, patience):
    return len(val_losses) > patience and not val_losses[-1] < np.nanmin(val_losses[:-1])


STOP = Exercise(
    train.should_stop,
    returns="stop",
    section="When to stop",
    cases=stop_cases,
    mutants={
        "You wait one epoch too many: after exactly `patience` epochs without a new lowest it is time.": waits_too_long,
        "You stop one epoch too early: `patience` epochs without a new lowest must have passed.": does_not_wait_enough,
        "This stops at the first epoch without a new lowest. Validation losses are noisy: patience waits for a few.": (
            ignores_patience
        ),
        "This asks whether the loss has risen `patience` times in a row. It may go up and down and still bring no new "
        "lowest.": wants_rises,
        "This compares with the loss `patience` epochs ago. It is the lowest so far that must be beaten.": (
            compares_with_then
        ),
        "A wait that is over still counts here. Only the last `patience` epochs do: if one of them is a new lowest, "
        "training goes on.": remembers_old_waits,
        "Only the very last epoch is looked at. A new lowest in any of the last `patience` epochs is enough.": (
            looks_at_the_last_only
        ),
        "An equal loss is taken for a new lowest. It is not lower, so training has got nowhere.": {
            "loss < best_before": "loss <= best_before"
        },
        "An equal loss counts as a new lowest here, and so may nan. Neither is lower than the lowest of the epochs "
        "before.": lowest_of_the_last_against_all,
        "A nan long ago has spoilt the minimum: no later loss counts as lower, since comparing with nan gives False.": {
            "np.nanmin([np.inf, *val_losses[:-patience]])": "np.min(val_losses[:-patience])"
        },
        "A run whose loss became nan never stops. Every comparison with nan is False: ask whether any of the last "
        "losses is lower, not whether all are high.": {"not any(loss < best_before for": "all(loss >= best_before for"},
        "The answer is the wrong way round: this says True where training should go on.": {
            "return False": "return True",
            "return not any": "return any",
        },
    },
    variants={
        "counting epochs since the lowest": stop_by_counting,
        "the place of the lowest": stop_by_place,
        "two minima": stop_by_minima,
    },
)


# The clinic -----------------------------------------------------------------------------------------------------------

SPLIT = 1  # the seed that sets the images apart that only the grader has


def digits():
    """The digits, (x, y) twice: the 80 % that students have, and the hidden rest."""
    x, y = data.load_digits()
    known, _, hidden = data.train_val_test_split(y, np.random.default_rng(SPLIT), val=0, test=0.2)
    return (x[known], y[known]), (x[hidden], y[hidden])


def three(pair, val, test, seed=SPLIT):
    """A pair (x, y) cut into train, validation and test pairs."""
    x, y = pair
    return [(x[rows], y[rows]) for rows in data.train_val_test_split(y, np.random.default_rng(seed), val, test)]


def monitored_run(train_set, val_set, fresh_set, config, lr, epochs, batch_size=32, in_order=False, seed=0):
    """Train by SGD and write down what a monitor shows: {name: array}."""
    rng = np.random.default_rng(seed)
    params, (x, targets) = mlp.mlp_init(config, rng), train_set
    log = {
        "batch_loss": [],
        "train_loss": [],
        "train_accuracy": [],
        "val_loss": [],
        "val_accuracy": [],
        "grad_norm": [],
    }
    for _ in range(epochs):
        order = np.argsort(targets, kind="stable") if in_order else rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            rows = order[start : start + batch_size]
            logits, c_mlp = mlp.mlp_forward(params, x[rows], config)
            loss, c_loss = losses.cross_entropy_forward(logits, targets[rows])
            grads = mlp.mlp_backward(losses.cross_entropy_backward(1.0, c_loss), c_mlp)
            params = tree.map_tree(lambda p, g: optim.sgd_update(p, g, lr), params, grads)
            log["batch_loss"].append(loss)
        for name, pair in {"train": train_set, "val": val_set}.items():
            loss, accuracy = train.evaluate(params, *pair, config)
            log[f"{name}_loss"].append(loss)
            log[f"{name}_accuracy"].append(accuracy)
        log["grad_norm"].append([np.linalg.norm(grad["W"]) for grad in grads])
    log["fresh_accuracy"] = train.evaluate(params, *fresh_set, config)[1]
    return log


def clinic_runs():
    """{letter: a run's log}: eight runs on the digits, seven of them with something wrong."""
    train_set, val_set, fresh_set = three(digits()[0], val=0.15, test=0.15)
    rng = np.random.default_rng(8)
    x, y = train_set
    chosen = rng.permutation(len(x))[:200]
    few = x[chosen], np.where(rng.random(200) < 0.2, rng.integers(0, 10, 200), y[chosen])  # a fifth mislabelled
    apart = x, rng.permutation(y)
    small = x[chosen[:150]], y[chosen[:150]]

    def config(*sizes, activation=activations.relu):
        return mlp.MLPConfig(sizes, activation, init.lecun_normal)

    net, wide = config(64, 64, 10), config(64, 256, 10)
    deep = config(64, *[32] * 6, 10, activation=activations.sigmoid)
    return {
        "A": monitored_run(apart, val_set, fresh_set, wide, lr=0.2, epochs=40),
        "B": monitored_run(train_set, val_set, fresh_set, net, lr=0.002, epochs=40),
        "C": monitored_run(train_set, val_set, fresh_set, net, lr=0.1, epochs=40, in_order=True),
        "D": monitored_run(few, val_set, fresh_set, wide, lr=0.15, epochs=80, batch_size=16),
        "E": monitored_run(train_set, val_set, fresh_set, deep, lr=0.1, epochs=40),
        "F": monitored_run(train_set, val_set, fresh_set, net, lr=0.2, epochs=40),
        "G": monitored_run(small, tuple(a[:100] for a in small), fresh_set, net, lr=0.3, epochs=40, batch_size=16),
        "H": monitored_run(train_set, val_set, fresh_set, net, lr=3.0, epochs=40),
    }


def write_clinic(file):
    arrays = {f"{letter}.{name}": np.array(log) for letter, run in clinic_runs().items() for name, log in run.items()}
    np.savez_compressed(file, **{name: np.vectorize(four_digits)(array) for name, array in arrays.items()})


def four_digits(number):
    return float(f"{number:.4g}")


def write_digits(file):
    x, y = digits()[0]
    np.savez_compressed(file, x=x, y=y)


DATA = {"digits.npz": write_digits, "clinic.npz": write_clinic}

DIAGNOSES = (
    "healthy",
    "learning rate too low",
    "learning rate too high",
    "overfitting",
    "never shuffled",
    "labels shuffled apart",
    "validation leaks",
    "gradient vanishes",
    "weights start at zero",
    "steps go uphill",
)

CLINIC = Answer(
    "ch10.clinic",
    value={
        "A": "labels shuffled apart",
        "B": "learning rate too low",
        "C": "never shuffled",
        "D": "overfitting",
        "E": "gradient vanishes",
        "F": "healthy",
        "G": "validation leaks",
        "H": "learning rate too high",
    },
    section="Reading the curves",
    choices=DIAGNOSES,
    mutants={
        "Overfitting starts by learning something: the validation accuracy rises first. Here it never leaves chance, "
        "while the training loss falls. What can be learnt by heart and be of no use at all for other images?": (
            "A",
            "overfitting",
        ),
        "Nothing is wrong yet, and nothing has been reached: the curve is as steep at the end as at the start.": (
            "B",
            "healthy",
        ),
        "In an overfitting run the validation loss turns up and leaves the training loss behind. Here both fall "
        "slowly, side by side.": ("B", "overfitting"),
        "The losses after each epoch do look well. Look at the mini-batches: what comes back with every epoch?": (
            "C",
            "healthy",
        ),
        "Too high a learning rate makes jumps without a rhythm. How many updates lie between two of these?": (
            "C",
            "learning rate too high",
        ),
        "If images and labels did not belong together, the validation accuracy could not pass 10 %.": (
            "D",
            "labels shuffled apart",
        ),
        "Too low a rate makes small steps of good gradients. Compare the size of the first layer's gradient with the "
        "last one's.": ("E", "learning rate too low"),
        "With zero weights the first layer's gradient is exactly 0. Here the gradients are small, and smaller the "
        "earlier the layer.": ("E", "weights start at zero"),
        "The two validation curves do look perfect. What does the accuracy on fresh images say?": ("G", "healthy"),
        "The validation loss does not turn up here: it is as low as the training loss to the end. Yet on fresh images "
        "the network is worse. How can both be?": ("G", "overfitting"),
        "With zero weights the loss starts at ln 10 = 2.30 and stays there. Look at this run's first mini-batches.": (
            "H",
            "weights start at zero",
        ),
        "Uphill, the loss would grow without end. This one jumped once, and has not moved since.": (
            "H",
            "steps go uphill",
        ),
        "There is no gradient left in any layer, true; but look at the first hundred mini-batches. What threw the "
        "weights that far?": ("H", "gradient vanishes"),
    },
)


# The experiment -------------------------------------------------------------------------------------------------------


def experiment_data(graded):
    """Graded: all images students have to learn from, the hidden ones to test on. At home: the known ones alone."""
    known, hidden = digits()
    if graded:
        train_set, val_set, _ = three(known, val=0.1, test=0)
        return {"train": train_set, "val": val_set, "test": hidden}
    return dict(zip(("train", "val", "test"), three(known, val=0.1, test=0.2, seed=7), strict=True))


def nearest(x_known, y_known):
    """The classifier that answers with the label of the nearest known image."""

    def predict(x):
        squares = (x**2).sum(1)[:, None] - 2 * x @ x_known.T + (x_known**2).sum(1)
        return y_known[squares.argmin(axis=1)]

    return predict


def with_labels_of_its_own(x_train, y_train, x_val, y_val, rng):
    return nearest(*data.load_digits())


def lookup_table(x_train, y_train, x_val, y_val, rng):
    table = {row.tobytes(): label for row, label in zip(x_train, y_train, strict=True)}
    return lambda x: np.array([table.get(row.tobytes(), 0) for row in x])


def sgd_on_shifts(x_train, y_train, rng, sizes, lr, epochs, weight_decay=0.0, shifts=True):
    """Train on images that are shifted by up to one pixel, anew in every epoch; the rate falls linearly to 0."""
    config = mlp.MLPConfig(sizes, activations.relu, init.lecun_normal)
    params = mlp.mlp_init(config, rng)
    padded = np.pad(x_train.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
    for epoch in range(epochs):
        x = x_train.copy()
        for i in np.flatnonzero(rng.random(len(x)) < 0.5 * shifts):
            down, right = rng.integers(0, 3, 2)
            x[i] = padded[i, down : down + 8, right : right + 8].ravel()
        for rows in data.minibatches(len(x), 32, rng):
            rate = lr * (1 - epoch / epochs)
            params, _ = train.train_step(params, x[rows], y_train[rows], config, rate, weight_decay)
    return lambda x: mlp.mlp_forward(params, x, config)[0]


def one_epoch(x_train, y_train, x_val, y_val, rng):
    logits = sgd_on_shifts(x_train, y_train, rng, (64, 32, 10), lr=0.05, epochs=1, shifts=False)
    return lambda x: logits(x).argmax(axis=1)


def shifted_images(x_train, y_train, x_val, y_val, rng):
    logits = sgd_on_shifts(x_train, y_train, rng, (64, 128, 64, 10), lr=0.3, epochs=80, weight_decay=1e-4)
    return lambda x: logits(x).argmax(axis=1)


def ensemble(x_train, y_train, x_val, y_val, rng):
    x, y = np.concatenate([x_train, x_val]), np.concatenate([y_train, y_val])
    members = [sgd_on_shifts(x, y, rng, (64, 128, 10), lr=0.3, epochs=40) for _ in range(3)]
    return lambda x: sum(member(x) for member in members).argmax(axis=1)


def nearest_neighbour(x_train, y_train, x_val, y_val, rng):
    return nearest(x_train, y_train)


def random_features(x_train, y_train, x_val, y_val, rng):
    """Ridge regression on 2,000 random cosine features (Rahimi & Recht 2007)."""
    x, y = np.concatenate([x_train, x_val]), np.concatenate([y_train, y_val])
    W, b = 0.5 * rng.standard_normal((64, 2000)), rng.uniform(0, 2 * np.pi, 2000)
    features = np.cos(x @ W + b)
    weights = np.linalg.solve(features.T @ features + 0.1 * np.eye(2000), features.T @ data.one_hot(y, 10))
    return lambda x: (np.cos(x @ W + b) @ weights).argmax(axis=1)


EXPERIMENT = Experiment(
    "ch10.digits",
    section="What it still gets wrong",
    data=experiment_data,
    classes=10,
    bars=((0.97, 1.0), (0.94, 0.5)),
    mutants={
        "peeked": (
            "The answers agree better with labels from elsewhere than with those handed to fit. The classes are "
            "renamed at random before the check: only y_train and y_val say what they are called now.",
            with_labels_of_its_own,
        ),
        "memorised": (
            "It knows nearly all of its training images, and new ones less well: training longer will not help. In "
            "what ways may an image change and still be the same digit, and could the network see more of that?",
            lookup_table,
        ),
        "untrained": (
            "It is not yet sure of the images it was trained on. Draw the training loss by epoch: does it still fall "
            "when you stop, or did it never fall as it should?",
            one_epoch,
        ),
    },
    variants={
        "shifted images": shifted_images,
        "three networks together": ensemble,
        "nearest neighbour": nearest_neighbour,
        "random features": random_features,
    },
)

EXERCISES = [SGD, STEP, EVALUATE, EPOCH, STOP, CLINIC, EXPERIMENT]
