"""Docstrings that are kept: every form of the language, every function that speaks it, and the sentences it says."""

import ast
import importlib
import inspect
import itertools
import pkgutil
import re

import numpy as np
import pytest

import reference_impl
from reference_impl import (
    activations,
    attention,
    contract,
    conv,
    data,
    gpt,
    gradcheck,
    init,
    layers,
    losses,
    mlp,
    optim,
    parallel,
    rnn,
    schedule,
    search,
    tokenizer,
    train,
)

# fast says nothing of its own: its functions stand in for clear ones.
NAMES = sorted({m.name for m in pkgutil.iter_modules(reference_impl.__path__)} - {"fast"})
MODULES = [importlib.import_module(f"reference_impl.{name}") for name in NAMES]
FUNCTIONS = {
    f"{module.__name__.removeprefix('reference_impl.')}.{name}": f
    for module in MODULES
    for name, f in vars(module).items()
    if inspect.isfunction(f) and f.__module__ == module.__name__ and not name.startswith("_") and f.__doc__
}
RULES = {name: rules for name, f in FUNCTIONS.items() if (rules := contract.rules_of(f))}
del RULES["tokenizer.train"]  # it speaks for itself, in a sentence below: its module knows no NumPy
EVERY = {f"{name}({argument})": (FUNCTIONS[name], argument) for name, rules in RULES.items() for argument in rules}


def toy(*lines, names="x, y, z"):
    """A function of three arguments that says this of them, checked: it returns them."""
    scope = {"__name__": "toys"}
    exec(f"def toy({', '.join(f'{name}=None' for name in names.split(', '))}): return {names}", scope)
    scope["toy"].__doc__ = "What it does.\n\n" + "\n".join(f"    {line}" for line in lines) + "\n    "
    contract.enforce(scope)
    return scope["toy"]


def zeros(*shape, dtype=float):
    return np.zeros(shape, dtype)


def said(f, *args, **kwargs):
    """The sentence with which f refuses, or None."""
    try:
        f(*args, **kwargs)
    except ValueError as error:
        return str(error)
    return None


# The language ---------------------------------------------------------------------------------------------------------

ONE, TWO, FREE = "x : (N,)", "x : (N, d_in)", "x : (..., d_in)"


@pytest.mark.parametrize(
    ("lines", "args", "sentence"),
    [
        ([ONE], [zeros(3)], None),
        ([ONE], [zeros(0)], None),
        ([ONE], [zeros()], "toy: x must have shape (N,), not ()"),
        ([ONE], [zeros(3, 4)], "toy: x must have shape (N,), not (3, 4)"),
        ([ONE], [5.0], "toy: x must have shape (N,), not ()"),
        ([TWO], [zeros(3, 4)], None),
        ([TWO], [zeros(4)], "toy: x must have shape (N, d_in), not (4,)"),
        (["x : (N, N)"], [zeros(4, 4)], None),
        (["x : (N, N)"], [zeros(4, 3)], "toy: x must have shape (N, N), not (4, 3)"),
        (["x : (N, 2)"], [zeros(4, 2)], None),
        (["x : (N, 2)"], [zeros(4, 3)], "toy: x must have shape (N, 2), not (4, 3)"),
        ([FREE], [zeros(4)], None),
        ([FREE], [zeros(0, 4)], None),
        ([FREE], [zeros(2, 1, 3, 4)], None),
        ([FREE], [zeros()], "toy: x must have shape (..., d_in), not ()"),
        ([FREE, "y : (d_in, C)"], [zeros(2, 3), zeros(3, 5)], None),
        (
            [FREE, "y : (d_in, C)"],
            [zeros(2, 3), zeros(4, 5)],
            "toy: y must have shape (d_in, C) with d_in = 3, not (4, 5)",
        ),
        (["x, y : (...,)"], [zeros(2, 3), zeros(2, 3)], None),
        (["x, y : (...,)"], [zeros(), 1.0], None),
        (["x, y : (...,)"], [zeros(2, 3), zeros(2, 1)], "toy: y must have shape (...,) with ... = (2, 3), not (2, 1)"),
        (["x, y : (...,)"], [zeros(2, 3), zeros(3)], "toy: y must have shape (...,) with ... = (2, 3), not (3,)"),
        (["x : (..., K)", "y : (...,)"], [zeros(4, 2, 3), zeros(4, 2)], None),
        (["x : (..., K)", "y : (...,)"], [zeros(3), zeros()], None),
        (
            ["x : (..., K)", "y : (...,)"],
            [zeros(4, 2, 3), zeros(4, 3)],
            "toy: y must have shape (...,) with ... = (4, 2), not (4, 3)",
        ),
        (["x : (B, ...)", "y : (B,)"], [zeros(4, 2, 3), zeros(4)], None),
        (["x : (B, ...)", "y : (B,)"], [zeros(4), zeros(4)], None),
        (["x : (B, ...)"], [zeros()], "toy: x must have shape (B, ...), not ()"),
        (["x : (B, ...)", "y : (B,)"], [zeros(4, 2), zeros(2)], "toy: y must have shape (B,) with B = 4, not (2,)"),
        (["x : (B, ..., K)", "y : (K, B)"], [zeros(4, 7, 8, 3), zeros(3, 4)], None),
        (
            ["x : (B, ..., K)", "y : (K, B)"],
            [zeros(4, 7, 8, 3), zeros(4, 3)],
            "toy: y must have shape (K, B) with K = 3, B = 4, not (4, 3)",
        ),
        (["x : (N,) int"], [np.arange(3)], None),
        (["x : (N,) int"], [np.arange(3, dtype=np.uint8)], None),
        (["x : (N,) int"], [zeros(3)], "toy: x must be whole numbers, not float64"),
        (["x : (N,) int"], [zeros(3, dtype=bool)], "toy: x must be whole numbers, not bool"),
        (["x : (N,) int"], [zeros(3, dtype=complex)], "toy: x must be whole numbers, not complex128"),
        (["x : (N,) integral, says a person"], [zeros(3)], None),
        (["x : (N,) bool"], [zeros(3, dtype=bool)], None),
        (["x : (N,) bool"], [zeros(3, dtype=int)], "toy: x must be booleans, not int64"),
        (["x : (N,) bool"], [zeros(3)], "toy: x must be booleans, not float64"),
        (["x : a number, 0 or more"], [0], None),
        (["x : a number, 0 or more"], [np.float32(2.5)], None),
        (["x : a number, 0 or more"], [-1e-300], "toy: x must be 0 or more, not -1e-300"),
        (["x : a number, 0 or more"], [np.nan], "toy: x must be 0 or more, not nan"),
        (["x : a number, 256 or more"], [256], None),
        (["x : a number, 256 or more"], [255], "toy: x must be 256 or more, not 255"),
        (["x : above 0"], [1e-300], None),
        (["x : above 0"], [0], "toy: x must be above 0, not 0"),
        (["x : above 0"], [np.nan], "toy: x must be above 0, not nan"),
        (["x : in [0, 1)"], [0.0], None),
        (["x : in [0, 1)"], [1.0], "toy: x must be in [0, 1), not 1.0"),
        (["x : in [0, 1)"], [-0.25], "toy: x must be in [0, 1), not -0.25"),
        (["x : in (0, 1]"], [1.0], None),
        (["x : in (0, 1]"], [0.0], "toy: x must be in (0, 1], not 0.0"),
        (["x : in (0, 1]"], [1.5], "toy: x must be in (0, 1], not 1.5"),
        (["x : in [0, 1]"], [np.array([0.0, 1.0])], None),
        (["x : in [0, 1]"], [np.array([0.0, 1.5, 0.5])], "toy: x must be in [0, 1], not 1.5"),
        (["x : in (0, 1)"], [0.0], "toy: x must be in (0, 1), not 0.0"),
        (["x : in (0, 1)"], [1.0], "toy: x must be in (0, 1), not 1.0"),
        (["x : in [0, 1]"], [np.nan], "toy: x must be in [0, 1], not nan"),
        (["x : (...,) int, 0 to V - 1", "y : (V, C)"], [np.array([0, 4]), zeros(5, 2)], None),
        (["x : (...,) int, 0 to V - 1", "y : (V, C)"], [zeros(0, dtype=int), zeros(5, 2)], None),
        (
            ["x : (...,) int, 0 to V - 1", "y : (V, C)"],
            [np.array([0, 5]), zeros(5, 2)],
            "toy: x must be 0 to 4, not 5",
        ),
        (
            ["x : (...,) int, 0 to V - 1", "y : (V, C)"],
            [np.array([[0], [-1]]), zeros(5, 2)],
            "toy: x must be 0 to 4, not -1",
        ),
        (["x : (...,), 0 to y - 1"], [np.array([0, 3]), 3], "toy: x must be 0 to 2, not 3"),  # y is an argument itself
        (["x : (...,), 0 to y - 1"], [np.array([0, 2]), np.int64(3)], None),
        (["x : 0 to V - 1"], [7], None),  # nobody said what V is
        (["x, y, z : 1 or more"], [1, 1, 0], "toy: z must be 1 or more, not 0"),
        (["x, y : (N,), above 0"], [np.ones(2), np.array([1.0, -2.0])], "toy: y must be above 0, not -2.0"),
        (["x : cut off at every x-th step;", "    1 or more"], [0], "toy: x must be 1 or more, not 0"),
        (["x : as it is", "y : 1 or more"], [0, 1], None),  # a line is of its own argument
        (["Returns x : 1 or more"], [0], None),
        (["x : one row or more"], [0], None),
        (["cache : (N, C)", "x : (N,)"], [zeros(3)], None),
    ],
)
def test_the_language(lines, args, sentence):
    assert said(toy(*lines), *args) == sentence


def test_a_cache_is_never_looked_at():
    assert said(toy("cache : (N, C), 0 or more", names="dout, cache"), zeros(3), (-1, "anything")) is None


@pytest.mark.parametrize("value", [None, [1.0, 2.0], (1.0, 2.0), (zeros(3), zeros(4, 5))])
def test_none_and_parts_of_a_tuple_or_list_are_not_measured(value):
    assert said(toy("x : (m, v), each alike"), value) is None


@pytest.mark.parametrize("value", [[0.5, 1.0], (0.5, 1.0)])
def test_bounds_hold_for_every_part_of_a_tuple_or_list(value):
    assert said(toy("x : (β₁, β₂), each in [0, 1)"), value) == "toy: x must be in [0, 1), not 1.0"


def test_a_function_as_an_argument_is_not_an_array():
    """`(setting, budget) -> a loss` says what it takes, not its shape."""
    assert said(toy("x : (setting, budget) -> a loss, 0 or less"), lambda setting, budget: 0) is None


def test_arguments_may_come_by_name_or_by_default():
    checked = toy("x : (N,)", "y : (N,)", "z : 1 or more")
    one, other = zeros(3), zeros(4)
    assert checked(y=one, x=one) == (one, one, None)
    assert said(checked, y=other, x=one) == "toy: y must have shape (N,) with N = 3, not (4,)"
    assert said(checked, one, z=0) == "toy: z must be 1 or more, not 0"


def test_a_letter_means_one_size_in_one_call_only():
    checked = toy("x, y : (N,)")
    for n in (2, 3):
        checked(zeros(n), zeros(n))


def test_only_a_modules_own_public_functions_are_checked_and_only_once():
    scope = {"__name__": "toys", "linear_forward": layers.linear_forward}
    exec('def own(x):\n    "x : 1 or more"\ndef _hidden(x):\n    "\\n    x : 1 or more\\n    "', scope)
    scope["own"].__doc__ = "\n    x : 1 or more\n    "
    kept = dict(scope)
    contract.enforce(scope)
    assert {name for name in scope if scope[name] is not kept[name]} == {"own"}
    again = dict(scope)
    contract.enforce(scope)
    assert scope == again


# Every function that speaks it ----------------------------------------------------------------------------------------


def test_every_statement_is_found():
    """Looked for line by line, and more crudely than contract does it: what a person would call a statement."""
    rule = re.compile(r"^\(([\w.]+,? ?)+\)(?! ->)|\bint\b|\d or more|\babove \d|in [\[(]\d|\d to \w+ - 1")
    for name, f in FUNCTIONS.items():
        if name == "tokenizer.train":
            continue
        stated = {
            argument
            for line in f.__doc__.split("Returns")[0].splitlines()[1:]
            if " : " in line and rule.search(line.split(" : ", 1)[1])
            for argument in line.split(" : ", 1)[0].strip().split(", ")
        }
        stated &= set(inspect.signature(f).parameters) - {"cache"}
        assert stated <= set(RULES.get(name, {})), name
    assert len(EVERY) > 150


@pytest.mark.parametrize("name", RULES)
def test_no_statement_stands_unguarded(name):
    assert hasattr(FUNCTIONS[name], "__wrapped__")
    assert not hasattr(FUNCTIONS[name].__wrapped__, "__wrapped__")  # nor is it guarded twice


def fitting(dims, fill=0.0, size=2):
    """An array with an axis for every letter of dims, all of one size but those that are numbers."""
    named = [dim for dim in dims or () if dim != "..."]
    return np.full([int(dim) if dim.isdigit() else size for dim in named], fill)


def stated(f, argument):
    """(dims, kind, the bounds as a match of contract.BOUNDS), each None where the docstring says nothing."""
    dims, kind, limits = contract.rules_of(f)[argument]
    return dims, kind, limits and contract.BOUNDS.search(limits[-1])


def wrong(f, argument):
    """Arguments of which this one breaks its rule, each with what the sentence must say."""
    rules = contract.rules_of(f)
    dims, kind, bounds = stated(f, argument)
    if dims and "..." not in dims:
        yield {argument: zeros(*fitting(dims).shape, 2)}, f"{(*fitting(dims).shape, 2)}"
    if dims and "..." in dims and len(dims) > 1:
        yield {argument: zeros()}, "()"
    for other, (theirs, _, _) in rules.items():
        for dim in set(dims or ()) & set(theirs or ()) - {"..."}:
            if other != argument and not dim.isdigit():
                shape = [3 if d == dim else 2 for d in theirs if d != "..."]
                late = max(argument, other, key=list(rules).index)
                yield {argument: fitting(dims).astype(kind or float), other: zeros(*shape)}, f": {late} must have shape"
    if kind:
        yield {argument: fitting(dims, 0.5)}, "float64"
    if bounds and bounds["size"]:
        whole = next((other for other, (theirs, _, _) in rules.items() if bounds["size"] in (theirs or ())), None)
        size = {whole: fitting(rules[whole][0], size=3)} if whole else {bounds["size"]: 3}  # (V, C), or n_classes
        if whole or bounds["size"] in inspect.signature(f).parameters:
            lead = () if whole and "..." in rules[whole][0] else (2,)
            for bad in (3, -1):
                yield size | {argument: np.full(lead, bad)}, f"0 to 2, not {bad}"
    elif bounds:
        least = int(bounds["least"] or bounds["above"] or bounds["low"] or bounds["first"])
        bads = [least - 1] + [np.nan] * (not kind) + [least] * bool(bounds["above"] or bounds["open"] == "(")
        if bounds["high"]:
            bads += [int(bounds["high"]) + 1] + [int(bounds["high"])] * (bounds["close"] == ")")
        for bad in bads:
            value = (bad, bad) if argument == "betas" else fitting(dims, bad).astype(kind or float) if dims else bad
            yield {argument: value}, f"must be {bounds[0]}"


@pytest.mark.parametrize("case", EVERY)
def test_every_statement_is_kept(case):
    """One sentence that names the function, the argument and what was wrong with it."""
    f, argument = EVERY[case]
    for arguments, expected in wrong(f, argument):
        sentence = said(f, **arguments)
        assert sentence is not None, arguments
        assert sentence.startswith(f"{f.__name__}: ") and "\n" not in sentence
        assert expected in sentence


def test_nearly_every_statement_can_be_broken():
    """What wrong() finds no way to break: a lone (...,), and 0 to V - 1 where V is a tree's."""
    unbroken = {case for case, (f, argument) in EVERY.items() if not list(wrong(f, argument))}
    for case in unbroken:
        dims, kind, bounds = stated(*EVERY[case])
        assert dims == ("...",) and not kind and not bounds, case


@pytest.mark.parametrize("name", [name for name, rules in RULES.items() if list(rules.values())])
def test_leading_axes_must_agree(name):
    """Where two arguments have `...`, these are the same axes."""
    free = {argument: dims for argument, (dims, _, _) in RULES[name].items() if dims and dims[0] == "..."}
    for (one, dims), (other, theirs) in itertools.combinations(free.items(), 2):
        kinds = [RULES[name][argument][1] or float for argument in (one, other)]
        named = [(2,) * (len(d) - 1) for d in (dims, theirs)]
        arrays = [zeros(*lead, *n, dtype=k) for lead, n, k in zip([(5,), (6,)], named, kinds, strict=True)]
        sentence = said(FUNCTIONS[name], **dict(zip((one, other), arrays, strict=True)))
        assert sentence.startswith(f"{name.split('.')[1]}: {other} must have shape ({', '.join(theirs)}")
        assert "... = (5,)" in sentence


@pytest.mark.parametrize("case", EVERY)
def test_what_is_just_allowed_is_allowed(case):
    """Other arguments are missing, so Python complains of those where the check does not: or the function answers."""
    f, argument = EVERY[case]
    dims, kind, bounds = stated(f, argument)
    if bounds and not bounds["size"]:
        goods = [int(bounds["least"])] if bounds["least"] else []
        goods += [int(bounds["above"]) + 1e-9] if bounds["above"] else []
        goods += [int(bounds["low"])] if bounds["open"] == "[" else []
        goods += [int(bounds["high"])] if bounds["close"] == "]" else []
    else:
        goods = [0]
    for good in goods:
        value = fitting(dims, good).astype(kind or float) if dims else good
        sentence = said_or_missing(f, {argument: value})
        assert sentence is None or f"{argument} must" not in sentence


def mha_with_a_past():
    """The backward that there is none of."""
    params = {part: {"W": zeros(4, n), "b": zeros(n)} for part, n in [("qkv", 12), ("proj", 4)]}
    past = zeros(1, 2, 3, 2), zeros(1, 2, 3, 2)
    attention.mha_backward(zeros(1, 1, 4), attention.mha_forward(params, zeros(1, 1, 4), 2, past)[1])


def said_or_missing(f, arguments):
    try:
        return said(f, **arguments)
    except TypeError as error:
        return None if "missing" in str(error) else str(error)


@pytest.mark.parametrize("name", RULES)
def test_a_checked_function_looks_like_itself(name):
    """To help(), to the book and to the builder of notebooks, which takes its source."""
    f = FUNCTIONS[name]
    source = inspect.getsource(f)
    assert source.startswith((f"def {f.__name__}(", "@"))
    assert inspect.getdoc(f) == ast.get_docstring(ast.parse(source).body[0])
    assert f.__module__.startswith("reference_impl.") and f.__qualname__ == f.__name__


def test_a_signature_stays():
    assert str(inspect.signature(optim.adamw_update)) == (
        "(p, g, state, t, lr, betas=(0.9, 0.999), eps=1e-08, weight_decay=0.01)"
    )


# What students meet most ----------------------------------------------------------------------------------------------

MLP = mlp.MLPConfig((3, 5, 2), activations.relu, init.he_normal)
RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: layers.linear_forward(zeros(2, 3), zeros(4, 5), zeros(5)),
            "linear_forward: W must have shape (d_in, d_out) with d_in = 3, not (4, 5)",
        ),
        (
            lambda: layers.linear_forward(zeros(2, 3), zeros(3, 5), zeros(4)),
            "linear_forward: b must have shape (d_out,) with d_out = 5, not (4,)",
        ),
        (
            lambda: mlp.mlp_forward(mlp.mlp_init(MLP, np.random.default_rng(0)), zeros(7, 4), MLP),
            "linear_forward: W must have shape (d_in, d_out) with d_in = 4, not (3, 5)",
        ),
        (
            lambda: losses.cross_entropy_forward(zeros(2, 5), np.array([4, 5])),
            "cross_entropy_forward: targets must be 0 to 4, not 5",
        ),
        (
            lambda: losses.cross_entropy_forward(zeros(2, 5), np.array([4, -1])),
            "cross_entropy_forward: targets must be 0 to 4, not -1",
        ),
        (
            lambda: losses.cross_entropy_forward(zeros(2, 5), zeros(2)),
            "cross_entropy_forward: targets must be whole numbers, not float64",
        ),
        (
            lambda: losses.cross_entropy_forward(zeros(2, 5), zeros(2, 5, dtype=int)),
            "cross_entropy_forward: targets must have shape (...,) with ... = (2,), not (2, 5)",
        ),
        (
            lambda: losses.mse_forward(zeros(6), zeros(6, 1)),
            "mse_forward: targets must have shape (...,) with ... = (6,), not (6, 1)",
        ),
        (
            lambda: losses.binary_cross_entropy_forward(zeros(2), np.array([0.0, 2.0])),
            "binary_cross_entropy_forward: targets must be in [0, 1], not 2.0",
        ),
        (
            lambda: layers.embedding_forward(np.array([[0, 9]]), zeros(9, 4)),
            "embedding_forward: ids must be 0 to 8, not 9",
        ),
        (
            lambda: layers.embedding_forward(np.array([0.0]), zeros(9, 4)),
            "embedding_forward: ids must be whole numbers, not float64",
        ),
        (
            lambda: attention.attention_forward(zeros(4, 3), zeros(4, 3), zeros(4, 2), np.ones((4, 4))),
            "attention_forward: mask must be booleans, not float64",
        ),
        (
            lambda: attention.attention_forward(zeros(4, 3), zeros(5, 3), zeros(4, 2)),
            "attention_forward: v must have shape (..., S, d_out) with ... = (), S = 5, not (4, 2)",
        ),
        (lambda: attention.split_heads(zeros(2, 3, 8), 3), "3 heads do not divide 8 channels"),
        (lambda: attention.sinusoidal_positions(3, 5), "sinusoidal_positions: C must be even, not 5"),
        (lambda: optim.sgd_update(zeros(3), zeros(3), -0.1), "sgd_update: lr must be 0 or more, not -0.1"),
        (
            lambda: optim.adam_update(zeros(3), zeros(3), (0.0, 0.0), 0, 0.1),
            "adam_update: t must be 1 or more, not 0",
        ),
        (
            lambda: optim.adam_update(zeros(3), zeros(3), (0.0, 0.0), 1, 0.1, (0.9, 1.0)),
            "adam_update: betas must be in [0, 1), not 1.0",
        ),
        (lambda: optim.clip_grad_norm([zeros(3)], 0), "clip_grad_norm: max_norm must be above 0, not 0"),
        (lambda: layers.dropout_forward(zeros(3), 1.0, RNG), "dropout_forward: rate must be in [0, 1), not 1.0"),
        (lambda: conv.output_size(4, 7, padding=1), "a kernel of 7 does not fit into 4 + 2 · 1"),
        (
            lambda: conv.conv2d_forward(zeros(2, 8, 9, 3), zeros(3, 3, 4, 5), zeros(5)),
            "conv2d_forward: W must have shape (rows, columns, d_in, d_out) with d_in = 3, not (3, 3, 4, 5)",
        ),
        (
            lambda: conv.conv2d_forward(zeros(8, 9, 3), zeros(3, 3, 3, 5), zeros(5)),
            "conv2d_forward: x must have shape (B, H, W, d_in), not (8, 9, 3)",
        ),
        (lambda: data.one_hot(np.array([0, 3]), 3), "one_hot: targets must be 0 to 2, not 3"),
        (lambda: data.smooth_labels(np.array([-1]), 3, 0.1), "smooth_labels: targets must be 0 to 2, not -1"),
        (
            lambda: next(data.text_batches(np.arange(8), 2, 8, RNG)),
            "text_batches: 8 tokens are too few for pieces of 8 and the one after",
        ),
        (lambda: data.text_batches(np.arange(8), 0, 4, RNG), "text_batches: batch_size must be 1 or more, not 0"),
        (lambda: data.text_batches(zeros(8), 2, 4, RNG), "text_batches: ids must be whole numbers, not float64"),
        (lambda: tokenizer.train("text", 255), "train: vocab_size must be 256 or more, one for every byte, not 255"),
        (lambda: schedule.warmup_cosine(0, 0.1, 5, 5), "warmup_cosine: a warm-up of 5 leaves nothing of 5"),
        (lambda: schedule.one_cycle(0, 0.1, 9, share_up=1), "one_cycle: share_up must be in (0, 1), not 1"),
        (lambda: train.should_stop([1.0], 0), "should_stop: patience must be 1 or more, not 0"),
        (
            lambda: mlp.MLPConfig((3,), activations.relu, init.he_normal),
            "MLPConfig: sizes must be two or more numbers, each 1 or more, not (3,)",
        ),
        (
            lambda: mlp.MLPConfig((3, 0, 2), activations.relu, init.he_normal),
            "MLPConfig: sizes must be two or more numbers, each 1 or more, not (3, 0, 2)",
        ),
        (
            lambda: attention.attention_forward(zeros(2, 4), zeros(3, 4), zeros(3, 5), np.zeros((2, 3), bool)),
            "attention_forward: every query must have one key or more to look at",
        ),
        (mha_with_a_past, "mha_backward: a forward with a past has no backward"),
        (
            lambda: gpt.generate({}, zeros(2, 0, dtype=int), 3, gpt.GPTConfig(2, 2, 8, 4, 50), RNG),
            "generate: there must be one token or more to continue, not 0",
        ),
        (
            lambda: rnn.unroll_forward(rnn.gru, {}, zeros(2, 0, 3), {}),
            "unroll_forward: a sequence has one step or more, not 0",
        ),
        (lambda: conv.CNNConfig((8, 8, 1), (), 10), "CNNConfig: channels must name one stage or more, not ()"),
        (
            lambda: conv.cnn_forward({}, zeros(2, 8, 9, 1), conv.CNNConfig((8, 8, 1), (4,), 10)),
            "cnn_forward: images must be (8, 8, 1), not (8, 9, 1)",
        ),
        (
            lambda: layers.batchnorm_running(zeros(1, 4), zeros(4), zeros(4)),
            "batchnorm_running: a variance needs two rows or more, not 1",
        ),
        (lambda: mlp.width_for_budget(9, 5, 2, 16), "width_for_budget: 16 parameters are too few: a width of 1 has 22"),
        (lambda: gpt.GPTConfig(2, 3, 8, 16, 50), "GPTConfig: 3 heads do not divide n_embd = 8"),
        (lambda: gpt.GPTConfig(2, 2, 8, 0, 50), "GPTConfig: block_size must be 1 or more, not 0"),
        (lambda: gpt.GPTConfig(2, 0, 8, 4, 50), "GPTConfig: n_head must be 1 or more, not 0"),
        (lambda: conv.CNNConfig((8, 8, 1), (4,), 10, kernel=4), "CNNConfig: kernel must be odd, not 4"),
        (lambda: conv.CNNConfig((8, 8, 1), (4,) * 4, 10), "CNNConfig: 4 poolings by 2 leave nothing of (8, 8, 1)"),
        (lambda: train.TrainConfig(3, 0, 0.1), "TrainConfig: batch_size must be 1 or more, not 0"),
        (lambda: train.TrainConfig(3, 8, -0.1), "TrainConfig: lr must be 0 or more, not -0.1"),
        (lambda: train.TrainConfig(3, 8, 0.1, patience=0), "TrainConfig: patience must be 1 or more, not 0"),
        (lambda: train.AdamWConfig(0, 0.1), "AdamWConfig: n_steps must be 1 or more, not 0"),
        (lambda: train.AdamWConfig(5, -0.1), "AdamWConfig: lr must be 0 or more, not -0.1"),
        (lambda: train.AdamWConfig(5, np.nan), "AdamWConfig: lr must be 0 or more, not nan"),
        (lambda: train.AdamWConfig(5, "0.1"), "AdamWConfig: lr must be 0 or more, not '0.1'"),
        (lambda: train.AdamWConfig(None, 0.1), "AdamWConfig: n_steps must be 1 or more, not None"),
        (lambda: rnn.RNNConfig(rnn.lstm, 65, 16, 0), "RNNConfig: n_hidden must be 1 or more, not 0"),
        (lambda: rnn.RNNConfig(rnn.lstm, 65, 16, 32, truncate=0), "RNNConfig: truncate must be 1 or more, not 0"),
        (lambda: parallel.Plan("2", 1, 1, 1, 8), "Plan: data must be a whole number, 1 or more, not '2'"),
        (lambda: optim.sgd_update(zeros(3), zeros(3), "0.1"), "sgd_update: lr must be 0 or more, not '0.1'"),
        (lambda: train.AdamWConfig(5, 0.1, n_warmup=5), "AdamWConfig: n_warmup must be 0 to 4, not 5"),
        (lambda: train.AdamWConfig(5, 0.1, n_warmup=-1), "AdamWConfig: n_warmup must be 0 or more, not -1"),
        (lambda: train.AdamWConfig(5, 0.1, max_norm=0), "AdamWConfig: max_norm must be above 0, not 0"),
        (lambda: train.AdamWConfig(5, 0.1, weight_decay=-1), "AdamWConfig: weight_decay must be 0 or more, not -1"),
        (
            lambda: train.accumulate({}, zeros(3, 2), zeros(3), lambda *_: (0.0, {}), 4),
            "accumulate: 4 parts are more than the 3 examples",
        ),
        (lambda: init.fans((7,)), "fans: a weight array has two axes or more, not (7,)"),
        (lambda: search.successive_halving([], len, 1), "successive_halving: settings must not be empty"),
        (
            lambda: rnn.rnn_generate({}, zeros(1, 1, dtype=int), 3, None, RNG, 0),
            "rnn_generate: temperature must be above 0, not 0",
        ),
        (
            lambda: gpt.next_token_probabilities(zeros(5), top_p=0),
            "next_token_probabilities: top_p must be in (0, 1], not 0",
        ),
    ],
)
def test_the_whole_sentence(call, sentence):
    assert said(call) == sentence


# What must not be refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda: activations.sigmoid_forward(0.5),
        lambda: activations.relu_forward(np.float32(2)),
        lambda: activations.softmax_forward(zeros(0, 3)),
        lambda: layers.linear_forward(W=zeros(3, 5), b=zeros(5), x=zeros(0, 3)),
        lambda: layers.linear_forward(zeros(3), zeros(3, 5), zeros(5)),
        lambda: layers.linear_forward(zeros(2, 3, dtype=complex), zeros(3, 5), zeros(5)),
        lambda: layers.embedding_forward(zeros(0, 4, dtype=int), zeros(9, 2)),
        lambda: layers.embedding_forward(np.uint8(3), zeros(9, 2)),
        lambda: layers.embedding_forward([3, 4], zeros(9, 2)),
        lambda: losses.cross_entropy_forward(np.array([0.0, 1.0]), np.int64(1)),
        lambda: losses.mse_forward(1.0, 2.0),
        lambda: losses.l2_forward(zeros(2, 3), np.array(0.5)),
        lambda: attention.attention_forward(zeros(4, 3), zeros(5, 3), zeros(5, 2), None),
        lambda: attention.attention_forward(zeros(7, 4, 3), zeros(7, 5, 3), zeros(7, 5, 2), np.ones((4, 5), bool)),
        lambda: optim.adam_update(zeros(2, 3), zeros(2, 3), (0.0, 0.0), 1, 0),
        lambda: optim.adam_update(zeros(2, 3), zeros(2, 3), [zeros(2, 3), zeros(2, 3)], 1, 0.1, betas=[0.9, 0.99]),
        lambda: optim.sgd_update(1.5, 0.5, np.float32(0.1)),
        lambda: optim.sgd_update(1.5, 0.5, np.array(0.1)),
        lambda: data.one_hot(2, 3),
        lambda: data.one_hot([], 3),
        lambda: data.minibatches(0, 4, RNG),
        lambda: conv.windows(zeros(2, 5, 6, 3), [2, 3]),
        lambda: conv.maxpool_forward(zeros(2, 5, 6, 3), 2, None),
        lambda: init.fans([3, 3, 4, 5]),
        lambda: search.successive_halving([1, 2], lambda setting, budget: 0.0, 1),
        lambda: gpt.next_token_probabilities(zeros(5), temperature=0, top_k=None, top_p=None),
        lambda: train.adamw_step({"b": zeros(3)}, {"b": zeros(3)}, {}, 0, train.AdamWConfig(5, 0.1)),
        lambda: train.accumulate({}, zeros(6, 5, 2), zeros(6), lambda p, x, y: (0.0, {}), 2),
        lambda: gradcheck.complex_step(lambda x: layers.linear_forward(x, zeros(3, 5), zeros(5))[0].sum(), zeros(2, 3)),
        lambda: gradcheck.complex_step(lambda k: losses.l2_forward(zeros(3), k)[0], np.array(0.5)),
        lambda: gradcheck.complex_step(lambda y: losses.binary_cross_entropy_forward(zeros(3), y)[0], 0.5 + zeros(3)),
    ],
)  # fmt: skip
def test_what_is_right_is_not_refused(call):
    call()
