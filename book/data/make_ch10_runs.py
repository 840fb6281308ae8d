"""Chapter 10's playable figure: one healthy run on the digits and seven with something wrong. Writes ch10_runs.json.

    python book/data/make_ch10_runs.py

Each run is logged as a monitor would show it. Beside the curves stands what early stopping would have done.
"""

import json
import platform
import subprocess
from pathlib import Path

import numpy as np

from reference_impl import activations, data, init, losses, mlp, optim, train, tree

EPOCHS, PATIENCE = 30, range(1, 16)
RECIPE = {
    "images": "load_digits, split by train_val_test_split(y, default_rng(10)): 1,259 to train on, 269 to validate",
    "network": "64-64-10, ReLU, LeCun's normal initialisation",
    "training": f"SGD, mini-batches of 32, {EPOCHS} epochs, learning rate 0.2 where nothing else is said",
    "runs": {
        "healthy": "as above",
        "rate too low": "learning rate 0.003",
        "rate too high": "learning rate 1.4",
        "too few images": "120 training images, a quarter of them with a random label; 64-256-10, mini-batches of 5",
        "never shuffled": "training images sorted by class, the same order every epoch",
        "labels shuffled apart": "training images and labels in two different random orders; 64-256-10",
        "validation leaks": "120 training images in mini-batches of 5, validated on 100 of them; tested on the true "
        "validation set",
        "uphill": "the sign of the update turned; learning rate 0.01",
    },
}


def logged(train_set, val_set, lr=0.2, width=64, batch_size=32, in_order=False, fresh_set=None, seed=0):
    """One run: its curves, and for each patience the epoch it stops at (None: never)."""
    rng = np.random.default_rng(seed)
    config = mlp.MLPConfig((64, width, 10), activations.relu, init.lecun_normal)
    params, (x, targets) = mlp.mlp_init(config, rng), train_set
    log = {"batch_loss": [], "train_loss": [], "val_loss": [], "val_accuracy": []}
    for _ in range(EPOCHS):
        order = np.argsort(targets, kind="stable") if in_order else rng.permutation(len(x))
        for rows in np.split(order, range(batch_size, len(x), batch_size)):
            params, loss = step(params, x[rows], targets[rows], config, lr)
            log["batch_loss"].append(loss)
        val_loss, val_accuracy = train.evaluate(params, *val_set, config)
        log["train_loss"].append(train.evaluate(params, x, targets, config)[0])
        log["val_loss"].append(val_loss)
        log["val_accuracy"].append(val_accuracy)
    log = {name: [short(number) for number in numbers] for name, numbers in log.items()}
    log["stops"] = [stop(log["val_loss"], patience) for patience in PATIENCE]
    return log | ({"fresh_accuracy": short(train.evaluate(params, *fresh_set, config)[1])} if fresh_set else {})


def step(params, x, targets, config, lr):
    """train.train_step, for a learning rate below 0 too."""
    logits, c_mlp = mlp.mlp_forward(params, x, config)
    loss, c_loss = losses.cross_entropy_forward(logits, targets)
    grads = mlp.mlp_backward(losses.cross_entropy_backward(1.0, c_loss), c_mlp)
    return tree.map_tree(lambda p, g: optim.sgd_update(p, g, lr), params, grads), loss


def short(number):
    """Four digits; None for what is no number, since JSON has none."""
    return float(f"{number:.4g}") if np.isfinite(number) else None


def stop(val_losses, patience):
    """The epoch, from 1, at which early stopping ends a run."""
    seen = [np.nan if loss is None else loss for loss in val_losses]
    return next((k for k in range(1, len(seen) + 1) if train.should_stop(seen[:k], patience)), None)


def runs():
    x, y = data.load_digits()
    train_rows, val_rows, _ = data.train_val_test_split(y, np.random.default_rng(10))
    full, val_set = (x[train_rows], y[train_rows]), (x[val_rows], y[val_rows])
    rng = np.random.default_rng(0)
    small = full[0][:120], full[1][:120]
    noisy = small[0], np.where(rng.random(120) < 0.25, rng.integers(0, 10, 120), small[1])
    return {
        "healthy": logged(full, val_set),
        "rate too low": logged(full, val_set, lr=0.003),
        "rate too high": logged(full, val_set, lr=1.4),
        "too few images": logged(noisy, val_set, width=256, batch_size=5),
        "never shuffled": logged(full, val_set, in_order=True),
        "labels shuffled apart": logged((full[0], rng.permutation(full[1])), val_set, width=256),
        "validation leaks": logged(small, tuple(a[:100] for a in small), batch_size=5, fresh_set=val_set),
        "uphill": logged(full, val_set, lr=-0.01),
    }


def main():
    head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    record = {
        "recipe": RECIPE,
        "device": f"one core of a {platform.machine()} CPU, NumPy {np.__version__}",
        "commit": head.stdout.strip(),
        "runs": runs(),
    }
    path = Path(__file__).with_name("ch10_runs.json")
    path.write_text(json.dumps(record, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
