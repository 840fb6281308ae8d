"""Chapter 3's comparison: seven activations in a shallow and in a deep network on the digits. Writes ch03_compare.json.

    python book/data/make_ch03_compare.py

Each activation gets weights at the scale made for it, and four learning rates, of which it keeps the one with the
lowest validation loss: what suits one may not suit another. The test digits are looked at once, with that rate.
"""

import json
import platform
import subprocess
from itertools import product
from pathlib import Path

import numpy as np

from reference_impl import activations, data, init, mlp, train

RATES, SEEDS, EPOCHS = (0.03, 0.1, 0.3, 1.0), range(5), 30
RECIPE = {
    "images": "load_digits, split by train_val_test_split(y, default_rng(seed), val=0.15, test=0.35)",
    "networks": {"1 hidden layer": [64, 32, 10], "8 hidden layers": [64, *[32] * 8, 10]},
    "init": "lecun_normal for sigmoid, tanh and ELU, he_normal for the others; biases 0",
    "training": f"SGD, {EPOCHS} epochs, batches of 32, the epoch with the lowest validation loss",
    "learning rates": RATES,
    "seeds": list(SEEDS),
}
STARTS = {
    "sigmoid": init.lecun_normal,
    "tanh": init.lecun_normal,
    "elu": init.lecun_normal,
    "relu": init.he_normal,
    "leaky_relu": init.he_normal,
    "silu": init.he_normal,
    "gelu": init.he_normal,
}


def run(x, y, sizes, name, seed, lr):
    """The lowest validation loss of one run, and its accuracy on the test digits."""
    rng = np.random.default_rng(seed)
    rows, val, test = data.train_val_test_split(y, rng, val=0.15, test=0.35)
    config = mlp.MLPConfig(tuple(sizes), getattr(activations, name), STARTS[name])
    recipe = train.TrainConfig(epochs=EPOCHS, batch_size=32, lr=lr)
    params = mlp.mlp_init(config, rng)
    params, history = train.train(params, (x[rows], y[rows]), (x[val], y[val]), config, recipe, rng)
    return min(history["val_loss"]), train.evaluate(params, x[test], y[test], config)[1]


def main():
    x, y = data.load_digits()
    found = {}
    for (title, sizes), name in product(RECIPE["networks"].items(), STARTS):
        best = [min((*run(x, y, sizes, name, s, lr), lr) for lr in RATES) for s in SEEDS]
        accuracy, lrs = ([round(float(one[k]), 4) for one in best] for k in (1, 2))
        found.setdefault(title, {})[name] = {"accuracy": accuracy, "lr": lrs}
        print(title, name, accuracy, lrs, flush=True)
    head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    record = {
        "recipe": RECIPE,
        "device": f"one core of a {platform.machine()} CPU, NumPy {np.__version__}",
        "commit": head.stdout.strip(),
        "found": found,
    }
    path = Path(__file__).with_name("ch03_compare.json")
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
