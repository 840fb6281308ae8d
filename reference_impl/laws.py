"""Scaling laws: how the loss falls with parameters, data and compute, and what follows for a budget."""

from typing import NamedTuple

import numpy as np

from reference_impl import contract


def power_law(x, scale, exponent):
    """(scale / x)^exponent, the form of Kaplan et al. 2020 (arXiv 2001.08361). x : (...,), above 0."""
    return (scale / np.asarray(x)) ** exponent


KAPLAN_N = 8.8e13, 0.076
"""scale and exponent of the loss by parameters, embeddings apart."""
KAPLAN_D = 5.4e13, 0.095
"""… by tokens."""
KAPLAN_C = 3.1e8, 0.050
"""… by compute in PF-days, used as well as can be."""


def fit_power_law(x, y):
    """The scale and exponent with which power_law(x, scale, exponent) is nearest to y: least squares of the logarithms.

    x, y : (N,), above 0, two different x or more
    Returns scale, exponent. Raises ValueError where y rises and falls so little that no scale is finite.
    """
    if np.size(x) < 2 or np.ptp(x) == 0:
        raise ValueError(f"fit_power_law: two different x or more are needed, not {np.unique(x).size}")
    slope, offset = np.polyfit(np.log(x), np.log(y), 1)
    if abs(offset) > 700 * abs(slope):
        raise ValueError(f"fit_power_law: y must change with x, not with an exponent of {-slope:.1e}")
    return np.exp(-offset / slope), -slope


class Chinchilla(NamedTuple):
    """L(N, D) = E + A/N^alpha + B/D^beta, N parameters and D tokens (Hoffmann et al. 2022, arXiv 2203.15556, eq. 2)."""

    E: float
    A: float
    B: float
    alpha: float
    beta: float


HOFFMANN = Chinchilla(1.69337368, 406.401018, 410.722827, 0.33917084, 0.2849083)
"""As in the paper's TeX source; rounded in print."""
BESIROGLU = Chinchilla(1.8172, 482.01, 2085.43, 0.3478, 0.3658)
"""The same data, fitted again (Besiroglu et al. 2024, arXiv 2404.10102)."""


def chinchilla_loss(N, D, law):
    """E + A/N^α + B/D^β. N, D : (...,), parameters and tokens; law : Chinchilla; returns (...,)."""
    return law.E + law.A / np.asarray(N, float) ** law.alpha + law.B / np.asarray(D, float) ** law.beta


def compute_optimal(C, law):
    """The parameters and tokens that bring the loss of a law lowest for C = 6 · N · D FLOPs.

    C : (...,), above 0
    law : Chinchilla
    Returns N and D, (...,) each. (Hoffmann et al. 2022, eq. 4.)
    """
    G = (law.alpha * law.A / (law.beta * law.B)) ** (1 / (law.alpha + law.beta))
    N = G * (np.asarray(C) / 6) ** (law.beta / (law.alpha + law.beta))
    return N, np.asarray(C) / (6 * N)


def fit_chinchilla(N, D, loss, rounds=30):
    """The law nearest to measured losses, by least squares.

    N, D, loss : (n,), above 0, five runs or more; log D no linear function of log N, for then nothing parts A from B
    rounds : of Gauss and Newton's, from the best of a grid of exponents; of E, A and B the fit is linear
    Returns Chinchilla, with exponents between 0 and 2. (Hoffmann et al. 2022, section 3.3, minimise Huber's loss of the
    logarithms instead.)
    """
    if len(N) < 5:
        raise ValueError(f"fit_chinchilla: five runs or more are needed, not {len(N)}")
    logs = np.stack([np.ones(len(N)), np.log(N), np.log(D)], axis=1)
    if np.linalg.matrix_rank(logs - logs.mean(axis=0) * [0, 1, 1], tol=1e-6) < 3:
        raise ValueError("fit_chinchilla: N and D must vary independently, or nothing tells A from B")
    logs -= logs.min(axis=0) * [0, 1, 1]  # from the smallest run on, so that no power is tiny
    grid = np.linspace(0.05, 1, 20)
    exponents = min(np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2), key=lambda e: _fit(logs, loss, e)[2])
    for _ in range(rounds):
        found, terms, left = _fit(logs, loss, exponents)
        slopes = -found[1:] * terms[:, 1:] * logs[:, 1:]  # of the loss, by the exponents
        step = np.linalg.lstsq(np.hstack([terms, slopes]), loss - terms @ found, rcond=None)[0][3:]
        while np.any(np.abs(exponents + step - 1) >= 1) or _fit(logs, loss, exponents + step)[2] > left:
            step = step / 2  # too far: at 0 it is at least not worse
        exponents = exponents + step
    E, A, B = _fit(logs, loss, exponents)[0] * [1, *np.array([np.min(N), np.min(D)]) ** exponents]
    return Chinchilla(float(E), float(A), float(B), *map(float, exponents))


def _fit(logs, loss, exponents):
    """The best E, A and B for given exponents, what they multiply, and the sum of squares that is left."""
    terms = np.exp(-logs * [0, *exponents])
    found = np.linalg.lstsq(terms, loss, rcond=None)[0]
    return found, terms, np.sum((terms @ found - loss) ** 2)


def mup_scales(width, base_width):
    """How µP changes a network's settings with its width, so that the best learning rate stays.

    width, base_width : units of every hidden layer, 1 or more; the base is where the settings were found
    Returns {layer: (of the learning rate under Adam, of the initial standard deviation)}: factors of the base's own,
    for "input" (with all biases, embeddings and norms), "hidden" and "readout". Attention's scores are divided by D,
    not by √D. (Yang et al. 2022, arXiv 2203.03466, table 3.)
    """
    ratio = base_width / width
    return {"input": (1.0, 1.0), "hidden": (ratio, ratio**0.5), "readout": (ratio, ratio)}


contract.enforce(globals())
