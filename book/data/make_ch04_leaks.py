"""Chapter 4's playable figure: four leaks, each at several strengths, on real data. Writes ch04_leaks.json.

    python book/data/make_ch04_leaks.py

Reported is what the leaking procedure finds on its own test rows; honest is what the same network reaches on rows that
had no part in anything.
"""

import json
import platform
import subprocess
from pathlib import Path

import numpy as np

from reference_impl import activations, data, init, mlp, train

REPEATS = 40
RECIPE = {
    "network": "ReLU, LeCun's normal initialisation, SGD, mini-batches of 16; a new split and a new start every time",
    "copies": "100 different digits and copies of them drawn at random, 70% of all to train on, 30% to test; 64-64-10, "
    "60 epochs, learning rate 0.2; honest: 1,000 other digits",
    "pixels": "100 MNIST images, the target a fair coin; of so many pixels drawn at random the 10 that go best with "
    "the coin on all 100 images; 10-2, 30 epochs, learning rate 0.1, 50 to train on, 50 to test; honest: the pixels "
    "chosen on the 50 training images alone",
    "late": "breast cancer, 200 rows to train on and a column 'treated', 1 or 0, that agrees with 'malignant' in such "
    "a share of all rows; 31-16-2, 30 epochs, learning rate 0.1; honest: the same rows to test on before anybody is "
    "treated: the column is 0",
    "best": "150 digits to train on, 60 to test; so many networks 64-32-10, 25 epochs, learning rate 0.2, each "
    "started anew, and the best on the test digits is reported; honest: that network on the other digits",
}


def learn(x, y, sizes, epochs, lr, rng):
    """A network trained for so many epochs: a function to its accuracy on (x, y)."""
    config = mlp.MLPConfig(sizes, activations.relu, init.lecun_normal)
    params = mlp.mlp_init(config, rng)
    for _ in range(epochs):
        for rows in data.minibatches(len(x), 16, rng):
            params, _ = train.train_step(params, x[rows], y[rows], config, lr)
    return lambda x, y: train.evaluate(params, x, y, config)[1]


def copies(share, rng, digits):
    """Rows twice: share of all rows are copies of others."""
    x, y = digits
    order = rng.permutation(len(x))
    rows = np.concatenate([order[:100], rng.choice(order[:100], round(100 * share / (1 - share)))])
    rows = rng.permutation(rows)
    cut = round(0.7 * len(rows))
    accuracy = learn(x[rows[:cut]], y[rows[:cut]], (64, 64, 10), 60, 0.2, rng)
    return accuracy(x[rows[cut:]], y[rows[cut:]]), accuracy(x[order[100:1100]], y[order[100:1100]])


def best_columns(x, coin, most):
    """The columns whose correlation with the coin is largest in size."""
    z = data.standardize(x, x)
    return np.argsort(-np.abs((coin - coin.mean()) @ z))[:most]


def pixels(looked_at, rng, images):
    """Columns chosen by all rows, where there is nothing to be found."""
    x, coin = images[rng.permutation(len(images))[:100]], rng.permutation(np.arange(100) % 2)
    x = x[:, rng.permutation(x.shape[1])[:looked_at]]

    def score(chosen):
        z = data.standardize(x[:, chosen], x[:50, chosen])
        return learn(z[:50], coin[:50], (10, 2), 30, 0.1, rng)(z[50:], coin[50:])

    return score(best_columns(x, coin, 10)), score(best_columns(x[:50], coin[:50], 10))


def late(share, rng, table):
    """A column that goes with the class in a share of the rows, and is 0 in all of them when the question is asked."""
    x, y = table
    order = rng.permutation(len(x))
    malignant = 1 - y
    treated = np.where(rng.random(len(x)) < share, malignant, 1 - malignant)
    seen, unseen = order[:200], order[200:]
    filed, asked = np.column_stack([x, treated]), np.column_stack([x, np.zeros(len(x))])
    known, now = (data.standardize(table, filed[seen]) for table in (filed, asked))
    accuracy = learn(known[seen], y[seen], (31, 16, 2), 30, 0.1, rng)
    return accuracy(known[unseen], y[unseen]), accuracy(now[unseen], y[unseen])


def best(most, rng, digits):
    """The best of 1, 2, 4… networks on the test rows: {how many: (reported, honest)}."""
    x, y = digits
    order = rng.permutation(len(x))
    seen, test, fresh = order[:150], order[150:210], order[210:]
    nets = [learn(x[seen], y[seen], (64, 32, 10), 25, 0.2, rng) for _ in range(most)]
    scores = np.array([[net(x[rows], y[rows]) for rows in (test, fresh)] for net in nets])
    return {n: scores[scores[:n, 0].argmax()] for n in 2 ** np.arange(int(np.log2(most)) + 1)}


def summary(pairs):
    """Means and standard errors of (reported, honest) pairs."""
    pairs = np.array(pairs)
    mean, error = pairs.mean(axis=0), pairs.std(axis=0) / np.sqrt(len(pairs))
    names = ("reported", "honest", "reported_error", "honest_error")
    return {name: float(f"{value:.4g}") for name, value in zip(names, [*mean, *error], strict=True)}


def swept(leak, strengths, source):
    rng = np.random.default_rng(4)
    return [{"strength": s} | summary([leak(s, rng, source) for _ in range(REPEATS)]) for s in strengths]


def leaks():
    digits = data.load_digits()
    mnist = data.load_mnist()[0].reshape(5000, -1)
    inked = mnist[:, (mnist > 0).mean(axis=0) > 0.05]  # pixels that at least one image in twenty has ink in
    rng = np.random.default_rng(4)
    chosen = [best(32, rng, digits) for _ in range(REPEATS // 2)]
    return {
        "copies": swept(copies, [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], digits),
        "pixels": swept(pixels, [10, 20, 40, 80, 160, 320, inked.shape[1]], inked),
        "late": swept(late, [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0], data.load_table("breast_cancer")),
        "best": [{"strength": int(n)} | summary([scores[n] for scores in chosen]) for n in chosen[0]],
    }


def main():
    head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    record = {
        "recipe": RECIPE | {"repeats": f"{REPEATS} of each, {REPEATS // 2} of best; errors are standard errors"},
        "device": f"one core of a {platform.machine()} CPU, NumPy {np.__version__}",
        "commit": head.stdout.strip(),
        "leaks": leaks(),
    }
    path = Path(__file__).with_name("ch04_leaks.json")
    path.write_text(json.dumps(record, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
