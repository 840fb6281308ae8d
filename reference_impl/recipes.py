"""Real training on real data, on two cores and within minutes: python -m reference_impl.recipes names"""

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from reference_impl import activations, conv, data, fast, gpt, init, losses, mlp, ngram, progress, rnn, train, tree


@dataclass(frozen=True)
class Run:
    """Everything one training run is.

    params : a tree, before training
    batches : of training data
    loss_and_grads : (params, *batch) -> loss, grads
    recipe : AdamWConfig
    score : params -> {name: number} on data that no batch comes from
    sample : (params, rng) -> str, or None
    """

    params: object
    batches: Iterator
    loss_and_grads: Callable
    recipe: train.AdamWConfig
    score: Callable
    sample: Callable | None = None


def loss_and_grads(forward, backward, config, params, x, targets):
    """Cross-entropy of a model on one batch, and the gradient of every parameter."""
    logits, c_model = forward(params, x, config)
    loss, c_loss = losses.cross_entropy_forward(logits, targets)
    return loss, backward(losses.cross_entropy_backward(1.0, c_loss).astype(logits.dtype, copy=False), c_model)


def mean_loss(forward, config, params, batches):
    """The mean cross-entropy over batches of one size, and the share of predictions that are right."""
    seen = []
    for x, targets in batches:
        logits, _ = forward(params, x, config)
        seen.append((losses.cross_entropy_forward(logits, targets)[0], np.mean(logits.argmax(axis=-1) == targets)))
    loss, accuracy = np.mean(seen, axis=0)
    return {"loss": float(loss), "accuracy": float(accuracy)}


def epochs(x, targets, batch_size, rng, augment=None):
    """Shuffled mini-batches of all rows, again and again, for ever."""
    while True:
        for rows in data.minibatches(len(x), batch_size, rng):
            yield (augment(x[rows], rng) if augment else x[rows]), targets[rows]


def adamw(n_steps, lr, n_warmup, **rest):
    """The recipe of a run that may be cut short: a tenth of it, or less, warms up."""
    return train.AdamWConfig(n_steps, lr=lr, n_warmup=min(n_warmup, n_steps // 10), **rest)


def digits(n_steps=1000, seed=0):
    """An MLP on scikit-learn's 8 × 8 digits: 80 % to learn from, with noise added, and 20 % to be judged by."""
    rng = np.random.default_rng(seed)
    x, targets = data.load_digits()
    train_rows, _, test_rows = data.train_val_test_split(targets, rng, val=0.0, test=0.2)
    config = mlp.MLPConfig((64, 128, 10), activations.relu, init.he_normal)
    return Run(
        mlp.mlp_init(config, rng),
        epochs(x[train_rows], targets[train_rows], 64, rng, lambda x, rng: x + 0.2 * rng.standard_normal(x.shape)),
        partial(loss_and_grads, mlp.mlp_forward, mlp.mlp_backward, config),
        adamw(n_steps, lr=5e-3, n_warmup=20),
        lambda params: mean_loss(mlp.mlp_forward, config, params, [(x[test_rows], targets[test_rows])]),
    )


def mnist(n_steps=1000, seed=0):
    """A CNN on 5,000 digits of MNIST: 4,000 to learn from, 1,000 to be judged by."""
    rng = np.random.default_rng(seed)
    x, targets = data.load_mnist()
    train_rows, _, test_rows = data.train_val_test_split(targets, rng, val=0.0, test=0.2)
    config = conv.CNNConfig((28, 28, 1), (16, 32), 10)
    test = [(x[rows], targets[rows]) for rows in np.split(test_rows, 10)]
    return Run(
        tree.cast(conv.cnn_init(config, rng), np.float32),
        epochs(x[train_rows], targets[train_rows], 64, rng, data.shift_images),
        partial(loss_and_grads, conv.cnn_forward, conv.cnn_backward, config),
        adamw(n_steps, lr=6e-3, n_warmup=20, weight_decay=0.01),
        lambda params: mean_loss(conv.cnn_forward, config, params, test),
    )


def names(n_steps=1500, seed=0):
    """A GRU on the letters of 88,799 surnames, against counting pairs of letters."""
    rng = np.random.default_rng(seed)
    every = data.load_names()
    order = rng.permutation(len(every))
    texts = ["." + ".".join(every[i] for i in part) + "." for part in (order[4000:], order[:4000])]
    letters, train_ids, val_ids = ngram.encode(*texts)
    config = rnn.RNNConfig(rnn.gru, len(letters), n_embd=24, n_hidden=128)
    val = ngram.whole_batches(val_ids, 64, 24)
    baseline = ngram.ngram_loss(train_ids, val_ids, 2, len(letters))

    def sample(params, rng):
        start = np.full((20, 1), letters.index("."))
        ids = rnn.rnn_generate(params, start, 16, config, rng)
        return "\n".join("".join(letters[i] for i in row).split(".")[1] for row in ids)

    return Run(
        tree.cast(rnn.rnn_init(config, rng), np.float32),
        data.text_batches(train_ids, 64, 24, rng),
        partial(loss_and_grads, rnn.rnn_forward, rnn.rnn_backward, config),
        adamw(n_steps, lr=5e-3, n_warmup=50, weight_decay=0.01),
        lambda params: mean_loss(rnn.rnn_forward, config, params, val) | {"bigram": float(baseline)},
        sample,
    )


def sources(n_steps=2000, seed=0):
    """A GPT on the characters of Python's standard library, against counting triples of characters."""
    rng = np.random.default_rng(seed)
    files = data.load_sources()
    order = rng.permutation(len(files))
    texts = "".join(files[i] for i in order[40:]), "".join(files[i][len(files[i]) // 2 :][:2000] for i in order[:40])
    letters, train_ids, val_ids = ngram.encode(*texts)
    config = gpt.GPTConfig(n_layer=2, n_head=4, n_embd=96, block_size=64, vocab_size=len(letters))
    wider = (768 / config.n_embd) ** 0.5  # GPT-2's spread of 0.02 is that of a width of 768
    val = ngram.whole_batches(val_ids, 16, 64)
    baseline = ngram.ngram_loss(train_ids, val_ids, 3, len(letters))

    def sample(params, rng):
        start = np.array([[letters.index(c) for c in "def "]])
        ids = gpt.generate(params, start, 400, config, rng, temperature=0.8, top_k=20)
        return "".join(letters[i] for i in ids[0])

    return Run(
        tree.map_tree(lambda p: np.float32(wider * p if p.ndim > 1 else p), gpt.gpt_init(config, rng)),
        data.text_batches(train_ids, 8, 64, rng),
        partial(loss_and_grads, gpt.gpt_forward, gpt.gpt_backward, config),
        adamw(n_steps, lr=5e-3, n_warmup=100),
        lambda params: mean_loss(gpt.gpt_forward, config, params, val) | {"trigram": float(baseline)},
        sample,
    )


RECIPES = {recipe.__name__: recipe for recipe in (digits, mnist, names, sources)}


def whole_number(text, least):
    """A word of the command line as a number."""
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"must be a whole number, {least} or more, not {text!r}")
    return int(text)


def writable(path, ending):
    """A path of the command line, tried before hours of work are lost; what stands there stays."""
    path = Path(path)
    if path.suffix != ending:
        raise argparse.ArgumentTypeError(f"must end in {ending}, not {str(path)!r}")
    new = not path.exists()
    try:
        path.open("ab").close()
    except OSError as problem:
        raise argparse.ArgumentTypeError(f"{path} cannot be written: {problem.strerror}") from None
    if new:
        path.unlink()
    return path


def arguments_of(words):
    """The command line's words, or the end in one sentence."""
    parser = argparse.ArgumentParser(prog="python -m reference_impl.recipes", description=__doc__)
    parser.error = lambda message: parser.exit(2, f"recipes: {message}\n")
    parser.add_argument("recipe", choices=RECIPES)
    parser.add_argument("--steps", type=partial(whole_number, least=1), help="updates, if not the recipe's own number")
    parser.add_argument("--seed", type=partial(whole_number, least=0), default=0)
    parser.add_argument("--save", metavar="FILE.npz", type=partial(writable, ending=".npz"), help="keep the parameters")
    parser.add_argument("--json", metavar="FILE.json", type=partial(writable, ending=".json"), help="keep the score")
    return parser.parse_args(words)


def fit(run, after_step=None):
    """Train as a run says. Ctrl-C ends it early and keeps what was learnt. Returns params, and the losses."""
    with fast.speed():
        return train.adamw_train(run.params, run.batches, run.loss_and_grads, run.recipe, after_step)


def follow(chosen):
    """Train what the command line chose, keep it, say how good it is, and show a sample."""
    began = time.monotonic()
    run = RECIPES[chosen.recipe](seed=chosen.seed, **({"n_steps": chosen.steps} if chosen.steps else {}))
    n_steps, show = run.recipe.n_steps, progress.bar(run.recipe.n_steps)
    params, seen = fit(run, lambda seen: show(len(seen), f"loss {np.mean(seen[-50:]):.3f}"))
    if len(seen) < n_steps:
        print("\n" * sys.stderr.isatty() + f"stopped after {len(seen)} steps; what was learnt is kept", file=sys.stderr)
    if chosen.save:
        tree.save(chosen.save, params)
    with fast.speed():
        score = run.score(params)
    if chosen.json:
        versions = {"python": platform.python_version(), "numpy": np.__version__}
        done = {"recipe": chosen.recipe, "seed": chosen.seed, "steps": len(seen), "score": score}
        done |= {"seconds": round(time.monotonic() - began, 1), "device": platform.machine(), "versions": versions}
        chosen.json.write_text(json.dumps(done, indent=1) + "\n")
    told = ", ".join(f"{name} {number:.4f}" for name, number in score.items())
    print(f"{chosen.recipe}: {len(seen)} of {n_steps} steps, {told}")
    if run.sample:
        print(run.sample(params, np.random.default_rng(chosen.seed)))


def main(arguments=None):
    chosen = arguments_of(arguments)
    try:
        follow(chosen)
    except KeyboardInterrupt:
        sys.exit("recipes: stopped")
    except ModuleNotFoundError as problem:
        sys.exit(f"recipes: {problem}")


if __name__ == "__main__":
    main()
