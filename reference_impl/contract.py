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


def at_least(config, **least):
    """Raise ValueError where a field of a config is not a number, or is too small; None passes where it is the default.

    least : {field: the smallest it may be}
    """
    for name, low in least.items():
        value = getattr(config, name)
        if value is None and type(config).__dataclass_fields__[name].default is None:
            continue
        if not (isinstance(value, int | float | np.number) and value >= low):
            raise ValueError(f"{type(config).__name__}: {name} must be {low} or more, not {value!r}")


def rules_of(f):
    """What f's docstring demands: {argument: (dims, kind, bounds)}, each None where it says nothing."""
    rules = {}
    statement = f.__doc__.split("Returns")[0]
    for _, names, text in LINE.findall(statement):
        shape, bounds = SHAPE.match(text), BOUNDS.search(text)
        dims = tuple(re.split(", ?", shape[1])) if shape else None
        rule = dims, shape and shape[2], bounds and _limits(bounds)
        for name in names.split(", "):
            if name in inspect.signature(f).parameters and name != "cache" and any(rule):
                rules[name] = rule
    return rules


def _limits(bounds):
    """(low, high, is low itself outside, is high itself outside, words); for `0 to V - 1` high is "V"."""
    if bounds["size"]:
        return int(bounds["first"]), bounds["size"], False, False, bounds[0]
    low = int(bounds["least"] or bounds["above"] or bounds["low"])
    high = int(bounds["high"]) if bounds["high"] else np.inf
    return low, high, bool(bounds["above"]) or bounds["open"] == "(", bounds["close"] == ")", bounds[0]


def _checked(f, rules):
    names = list(inspect.signature(f).parameters)
    shapes = [(name, dims, kind) for name, (dims, kind, _) in rules.items() if dims or kind]
    limits = [(name, bounds) for name, (_, _, bounds) in rules.items() if bounds]
    letters = {dim for _, dims, _ in shapes for dim in dims or ()} | {bounds[1] for _, bounds in limits}
    counts = [name for name in names if name in letters]

    @functools.wraps(f)
    def checked(*args, **kwargs):
        if paused:
            return f(*args, **kwargs)
        given = dict(zip(names, args, strict=False)) | kwargs
        sizes = {name: given[name] for name in counts if isinstance(given.get(name), int | np.integer)}
        for name, dims, kind in shapes:
            if (value := given.get(name)) is None:
                continue
            if dims and not isinstance(value, tuple | list):  # of these a docstring names the parts, not the shape
                _keep(f, name, _misshapen(np.shape(value), dims, sizes))
            if kind:
                _keep(f, name, _of_wrong_kind(np.asarray(value), kind))
        for name, bounds in limits:
            if (value := given.get(name)) is not None:
                _keep(f, name, _out_of_bounds(value, bounds, sizes))
        return f(*args, **kwargs)

    return checked


def _keep(f, name, complaint):
    if complaint:
        raise ValueError(f"{f.__name__}: {name} must {complaint}")


def _misshapen(shape, dims, sizes):
    """Compare a shape with dims, and note in sizes what each letter stands for."""
    known, lead = dict(sizes), dims.index("...") if "..." in dims else None
    if lead is None:
        right, pairs = len(shape) == len(dims), zip(dims, shape, strict=False)
    else:
        right, after = len(shape) >= len(dims) - 1, len(shape) - (len(dims) - 1 - lead)
        shortened = *shape[:lead], shape[lead:after], *shape[after:]
        pairs = zip(dims, shortened, strict=False)
    if right and all((int(dim) if dim.isdigit() else sizes.setdefault(dim, size)) == size for dim, size in pairs):
        return None
    where = ", ".join(f"{dim} = {known[dim]}" for dim in dims if dim in known)
    comma = "," if len(dims) == 1 else ""
    return f"have shape ({', '.join(dims)}{comma}){where and ' with ' + where}, not {shape}"


def _of_wrong_kind(value, kind):
    letters, words = KINDS[kind]
    return f"be {words}, not {value.dtype}" if value.size and value.dtype.kind not in letters else None


def _out_of_bounds(value, limits, sizes):
    low, high, low_is_out, high_is_out, words = limits
    if isinstance(high, str):
        if high not in sizes:
            return None
        high = sizes[high] - 1
        words = f"{low} to {high}"
    value = value if isinstance(value, int | float) else np.asarray(value)
    if isinstance(value, np.ndarray) and value.dtype.kind not in "biufc":
        return f"be {words}, not {value.tolist()!r}"
    right = (value > low if low_is_out else value >= low) & (value < high if high_is_out else value <= high)
    if right is True or np.all(right):
        return None
    return f"be {words}, not {np.asarray(value)[~np.asarray(right)].flat[0]}"  # a nan is in no bounds
