"""Search: which hyperparameters? A setting is a dict {name: value}."""

import itertools
import math

import numpy as np

from reference_impl import contract


def grid(space):
    """Every combination of the values in space, {name: a list of values}; the last name changes fastest.

    >>> grid({"lr": [0.1, 1.0], "depth": [2]})
    [{'lr': 0.1, 'depth': 2}, {'lr': 1.0, 'depth': 2}]
    """
    return [dict(zip(space, values, strict=True)) for values in itertools.product(*space.values())]


def log_uniform(low, high):
    """A sampler, rng -> number, as likely to be between 1 and 10 as between 10 and 100.

    low, high : above 0
    """
    return lambda rng: math.exp(rng.uniform(math.log(low), math.log(high)))


def random_search(space, n, rng):
    """n settings, each value drawn by its own sampler (Bergstra & Bengio 2012).

    space : {name: a sampler, rng -> value}, or a list to choose from
    n : 0 or more
    Returns a list of n dicts.
    """

    def draw(values):
        return values(rng) if callable(values) else values[rng.integers(len(values))]

    return [{name: draw(values) for name, values in space.items()} for _ in range(n)]


def successive_halving(settings, evaluate, budget, factor=2):
    """Try all settings a little, keep the best 1/factor, try these factor times as long, and so on until one is left.

    settings : a list, not empty
    evaluate : (setting, budget) -> a loss, the lower the better; nan is the worst
    budget : of every setting in the first round, above 0
    factor : 2 or more
    Returns the last setting, and history : a list of rounds, each a list of (setting, budget, loss), best first.
    (Jamieson & Talwalkar 2015, arXiv 1502.07943.)
    """
    if not settings:
        raise ValueError("successive_halving: settings must not be empty")
    history = []
    while True:
        tried = [(setting, budget, evaluate(setting, budget)) for setting in settings]
        history.append(sorted(tried, key=lambda trial: np.nan_to_num(trial[2], nan=np.inf)))
        if len(settings) == 1:
            return settings[0], history
        settings = [setting for setting, _, _ in history[-1][: max(1, len(settings) // factor)]]
        budget *= factor


contract.enforce(globals())
