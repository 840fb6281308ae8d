"""Chapter 9's runs with wrong gradients: five bugs on the digits, ten starts each. Writes ch09_bugs.json.

python book/data/make_ch09_bugs.py
"""

import json
import platform
import subprocess
from pathlib import Path

import numpy as np

from reference_impl import activations, data, gradcheck, init, layers, losses, mlp, tree

SEEDS, EPOCHS, LR = 10, 15, 0.2
RECIPE = {
    "network": "64-64-64-10, tanh, LeCun's normal initialisation, cross-entropy, SGD, mini-batches of 32, learning "
    f"rate {LR}, {EPOCHS} epochs; half of the digits to train on, 35% to test; a new split and a new start for each "
    "seed",
    "check": "largest relative error of all parameters' gradients against central differences with h = 1e-5, on a "
    "network 4-5-5-3 and 6 rows",
    "forgets the biases": "every db is 0",
    "forgets tanh's slope": "dz = dout in both hidden layers",
    "W for its transpose": "dx = dout W in the second hidden layer",
    "divides by N twice": "dW and db divided by the batch once more",
    "one layer uphill": "the first layer's dW with its sign turned",
}
BUGS = ["none", *list(RECIPE)[2:]]


def gradients(params, x, targets, bug):
    """The gradients of the loss by params, with a bug in them, and the logits' loss."""
    caches = []
    for i, layer in enumerate(params):
        x, c_linear = layers.linear_forward(x, layer["W"], layer["b"])
        x, out = activations.tanh_forward(x) if i < len(params) - 1 else (x, None)
        caches.append((c_linear, out))
    _, c_loss = losses.cross_entropy_forward(x, targets)
    dout, grads = losses.cross_entropy_backward(1.0, c_loss), []
    for i in reversed(range(len(params))):
        c_linear, out = caches[i]
        if out is not None and bug != "forgets tanh's slope":
            dout = activations.tanh_backward(dout, out)
        dx, dW, db = layers.linear_backward(dout, c_linear)
        if bug == "W for its transpose" and i == 1:
            dx = dout @ c_linear[1]
        if bug == "forgets the biases":
            db = np.zeros_like(db)
        if bug == "divides by N twice":
            dW, db = dW / len(targets), db / len(targets)
        if bug == "one layer uphill" and i == 0:
            dW = -dW
        grads.append({"W": dW, "b": db})
        dout = dx
    return grads[::-1]


def network(sizes, rng):
    config = mlp.MLPConfig(sizes, activations.tanh, init.lecun_normal)
    return mlp.mlp_init(config, rng), config


def wrong_share(bug, seed):
    """The share of unseen digits a network has wrong that learned by these gradients."""
    x, y = data.load_digits()
    rng = np.random.default_rng(seed)
    rows, _, test = data.train_val_test_split(y, rng, val=0.15, test=0.35)
    params, config = network((64, 64, 64, 10), rng)
    for _ in range(EPOCHS):
        for batch in data.minibatches(len(rows), 32, rng):
            grads = gradients(params, x[rows[batch]], y[rows[batch]], bug)
            params = tree.map_tree(lambda p, g: p - LR * g, params, grads)
    logits, _ = mlp.mlp_forward(params, x[test], config)
    return float(np.mean(logits.argmax(axis=-1) != y[test]))


def check(bug):
    """The largest relative error of any parameter's gradient, on a small network."""
    rng = np.random.default_rng(0)
    params, config = network((4, 5, 5, 3), rng)
    x, targets = rng.standard_normal((6, 4)), rng.integers(0, 3, 6)
    flat, worst = tree.flatten(params), 0.0
    grads = tree.flatten(gradients(params, x, targets, bug))
    for path, p in flat.items():

        def loss(p, path=path):
            moved = tree.unflatten(flat | {path: p}, params)
            return losses.cross_entropy_forward(mlp.mlp_forward(moved, x, config)[0], targets)[0]

        worst = max(worst, gradcheck.relative_error(grads[path], gradcheck.numerical_gradient(loss, p)))
    return float(f"{worst:.3g}")


def main():
    found = {}
    for bug in BUGS:
        wrong = [round(wrong_share(bug, seed), 4) for seed in range(SEEDS)]
        found[bug] = {"check": check(bug), "wrong": wrong}
        print(bug, found[bug]["check"], np.median(wrong))
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    made = {"commit": commit, "device": f"CPU, {platform.machine()}", "numpy": np.__version__}
    text = json.dumps({"recipe": RECIPE, "made": made, "found": found}, indent=1, ensure_ascii=False)
    Path(__file__).with_name("ch09_bugs.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
