"""The statistics of a set: pure functions of scores, each None where there is too little to say anything.

Difficulty, discrimination and reliability as in classical test theory: Lord and Novick (1968); Cronbach (1951).
"""

import re
import statistics

FEWEST = 10  # students; with fewer a correlation is mostly chance


def mean_share(scores, most):
    """The mean of the scores as a share of the most an exercise gives, or None without scores or points.

    0 is an exercise on which nobody earned anything, 1 one that everybody solved.
    """
    return statistics.fmean(scores) / most if scores and most > 0 else None


def correlation(x, y):
    """Pearson's correlation of two equally long lists, or None for fewer than FEWEST pairs or without variance."""
    if len(x) < FEWEST:
        return None
    try:
        return statistics.correlation(x, y)
    except statistics.StatisticsError:
        return None


def discrimination(item, totals):
    """How an exercise tells strong from weak: the correlation of its scores with those of all the rest.

    item, totals : scores by student in the same order, the item's own scores included in totals
    For an exercise that is right or wrong it is the corrected point-biserial correlation.
    """
    return correlation(item, [round(whole - own, 9) for own, whole in zip(item, totals, strict=True)])


def alpha(items):
    """Cronbach's alpha: k/(k-1) · (1 - Σ var(item) / var(sum)), or None where it means nothing.

    items : one list of scores per exercise, students in the same order; at least 2 exercises and FEWEST students
    """
    if len(items) < 2 or len(items[0]) < FEWEST:
        return None
    whole = statistics.variance([sum(row) for row in zip(*items, strict=True)])
    if whole < 1e-12:
        return None
    parts = sum(map(statistics.variance, items))
    return len(items) / (len(items) - 1) * (1 - parts / whole)


def histogram(shares, bins=10):
    """Who is where: [(from, to, [names])] in per cent, from the lowest bin to the highest; a full score is in the last.

    shares : {name: share of the points, 0 to 1}; more than 1, by extra credit, counts as 1
    """
    found = [(round(100 * i / bins), round(100 * (i + 1) / bins), []) for i in range(bins)]
    for name, share in shares.items():
        found[min(bins - 1, max(0, int(share * bins + 1e-9)))][2].append(name)
    return found


def grouped(pairs):
    """[(text, [names])] of (name, text) pairs, the commonest text first; a name counts once for a text."""
    found = {}
    for name, text in pairs:
        names = found.setdefault(text, [])
        if name not in names:
            names.append(name)
    return sorted(found.items(), key=lambda entry: (-len(entry[1]), entry[0]))


def kind(sentence):
    """A sentence without what differs between students: numbers, and names in quotes or backticks."""
    return re.sub(r"`[^`]+`|“[^”]+”|'[^']+'|\b\d+(\.\d+)?\b", "…", sentence)


def median(values):
    """The median, or None of nothing."""
    return statistics.median(values) if values else None
