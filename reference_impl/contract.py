"""Docstrings that are kept: a function refuses, in one sentence, an argument that its docstring does not allow.

A docstring states an argument as `x, y : (..., T, C) int, 0 to V - 1`. Enforced are the shape, in which a letter
stands for one size throughout a call; `int` or `bool` after it; and the bounds `0 to V - 1`, `0 or more`,
`above 0` and `in [0, 1)`. Whatever else a line says is for people.
"""

import functools
import inspect
import re

import numpy as np

KINDS = {"int": ("iu", "whole numbers"), "bool": ("b", "booleans")}
LINE = re.compile(r"^( *)(\w+(?:, \w+)*) : (.*(?:\n\1 +\S.*)*)", re.MULTILINE)  # what is indented further belongs to it
SHAPE = re.compile(r"\(([\w.]+(?:, ?[\w.]+)*),?\)(?! ->)(?: (int|bool)\b)?")  # (a, b) -> c is a function
BOUNDS = re.compile(
    r"(?P<first>\d+) to (?P<size>\w+) - 1"
    r"|(?P<least>\d+) or more"
    r"|\babove (?P<above>\d+)"
    r"|in (?P<open>[\[(])(?P<low>\d+), (?P<high>\d+)(?P<close>[\])])"
)

paused = False  # fast.speed() sets it: a long run makes the same calls again and again


def enforce(namespace):
    """Let every public function of a module, given by its globals(), check its arguments; none does twice."""
    for name, f in list(namespace.items()):
        ours = inspect.isfunction(f) and f.__module__ == namespace["__name__"] and not name.startswith("_")
        if ours and not hasattr(f, "__wrapped__") and (rules := rules_of(f)):
            namespace[name] = _checked(f, rules)


def rules_of(f):
    """What f's docstring demands: {argument: (dims, kind, bounds)}, each None where it says nothing."""
    rules = {}
    statement = f.__doc__.split("Returns")[0]
    for _, names, text in LINE.findall(statement):
        shape, bounds = SHAPE.match(text), BOUNDS.search(text)
        dims = tuple(re.split(", ?", shape[1])) if shape else None
        for name in names.split(", "):
            if name in inspect.signature(f).parameters and name != "cache" and (shape or bounds):
                rules[name] = dims, shape and shape[2], bounds
    return rules


def _checked(f, rules):
    names = list(inspect.signature(f).parameters)

    @functools.wraps(f)
    def checked(*args, **kwargs):
        if paused:
            return f(*args, **kwargs)
        given = dict(zip(names, args, strict=False)) | kwargs
        sizes = {name: value for name, value in given.items() if isinstance(value, int | np.integer)}
        stated = [(name, given[name], *rule) for name, rule in rules.items() if given.get(name) is not None]
        for name, value, dims, kind, _ in stated:
            if dims and not isinstance(value, tuple | list):  # of these a docstring names the parts, not the shape
                _keep(f, name, _misshapen(np.shape(value), dims, sizes))
            if kind:
                _keep(f, name, _of_wrong_kind(np.asarray(value), kind))
        for name, value, _, _, bounds in stated:
            if bounds:
                _keep(f, name, _out_of_bounds(np.asarray(value), bounds, sizes))
        return f(*args, **kwargs)

    return checked


def _keep(f, name, complaint):
    if complaint:
        raise ValueError(f"{f.__name__}: {name} must {complaint}")


def _misshapen(shape, dims, sizes):
    """Compare a shape with dims, and note in sizes what each letter stands for."""
    known = {dim: sizes[dim] for dim in dims if dim in sizes}
    first, free = (dims.index("..."), True) if "..." in dims else (len(dims), False)
    after = len(shape) - len(dims[first + 1 :])
    pairs = [*zip(dims[:first], shape, strict=False), *zip(dims[first + 1 :], shape[after:], strict=False)]
    if free:
        pairs.append(("...", shape[first:after]))
    right = len(shape) >= len(dims) - 1 if free else len(shape) == len(dims)
    if right and all((int(dim) if dim.isdigit() else sizes.setdefault(dim, size)) == size for dim, size in pairs):
        return None
    where = ", ".join(f"{dim} = {size}" for dim, size in known.items())
    comma = "," if len(dims) == 1 else ""
    return f"have shape ({', '.join(dims)}{comma}){where and ' with ' + where}, not {shape}"


def _of_wrong_kind(value, kind):
    letters, words = KINDS[kind]
    return f"be {words}, not {value.dtype}" if value.size and value.dtype.kind not in letters else None


def _out_of_bounds(value, bounds, sizes):
    low, high, words = bounds["low"], bounds["high"], bounds[0]
    if bounds["size"]:
        if bounds["size"] not in sizes:
            return None
        low, high = bounds["first"], sizes[bounds["size"]] - 1
        words = f"{low} to {high}"
    low = bounds["least"] or bounds["above"] or low
    above = value > int(low) if bounds["above"] or bounds["open"] == "(" else value >= int(low)
    below = True if high is None else value < int(high) if bounds["close"] == ")" else value <= int(high)
    wrong = value[~(above & below)]  # a nan is wrong too
    return f"be {words}, not {wrong.flat[0]}" if wrong.size else None
