"""The student's side of a check: whatever an answer does, points are just, sentences clear, and stderr stays empty."""

import contextlib
import functools
import json
import logging
import math
import signal
import subprocess
import sys
import time
import warnings
import zipfile
from dataclasses import replace
from itertools import product

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from checks import answers, cases, check, compare, judge
from grading import sources, spec

N, D_IN, D_OUT, SIDE = 5, 4, 2, 3  # all different, so that a swapped axis cannot pass
SECONDS = 0.3  # for endless answers; the others have five, as the machine may be busy


# A tiny set -----------------------------------------------------------------------------------------------------------


def affine(x, W):
    """out = xW, and total, its sum over the rows."""
    out = x @ W
    return out, out.sum(axis=0)


def affine_cases(rng):
    yield "a batch", rng.standard_normal((N, D_IN)), rng.standard_normal((D_IN, D_OUT))
    yield "one row", rng.standard_normal((1, D_IN)), rng.standard_normal((D_IN, SIDE))


AVERAGED, TURNED, ROWS = "total is averaged.", "The sign of out is turned.", "total is summed along the rows."
AFFINE = spec.Exercise(
    affine,
    module="tiny",
    returns="out, total",
    section="A layer",
    cases=affine_cases,
    mutants={
        AVERAGED: {"out.sum(axis=0)": "out.mean(axis=0)"},
        TURNED: lambda x, W: (-(x @ W), affine(x, W)[1]),
        ROWS: {"axis=0": "axis=1"},
    },
    variants={},
)


HURRIED = replace(AFFINE, seconds=SECONDS)


def square(x):
    """xx, of the shape of x."""
    return x @ x


SQUARE = spec.Exercise(
    square,
    module="tiny",
    returns="out",
    section="A square",
    cases=lambda rng: [("a square", rng.standard_normal((SIDE, SIDE)))],
    mutants={},
    variants={},
)


def step(params, x):
    """A tree in, and out come a tree and a number."""
    return [{"W": layer["W"] - x.mean(), "b": layer["b"]} for layer in params], np.mean(x**2)


STEP = spec.Exercise(
    step,
    module="tiny",
    returns="params, loss",
    section="A step",
    cases=lambda rng: [("two layers", [{"W": rng.standard_normal((3, 4)), "b": np.zeros(4)}] * 2, rng.random(N))],
    mutants={},
    variants={},
)


@pytest.fixture
def judged(tmp_path, monkeypatch, capfd):
    """(answer, exercise) -> points and what was printed, by way of a cases file. Stderr must stay empty, always."""

    def run(answer, exercise=AFFINE, points=3):
        path = tmp_path / cases.FILE
        cases.save(path, {exercise.name: spec.record(exercise, points, seed=1, chapter="chapter 2")})
        monkeypatch.setenv("CHECKS_CASES", str(path))
        capfd.readouterr()
        earned = check(exercise.name, answer)
        told = capfd.readouterr()
        assert told.err == ""
        assert type(earned) is float
        assert 0 <= earned <= points
        assert (earned == points) == (", " in told.out.splitlines()[0])  # "affine: right, 3 of 3 points"
        return earned, told.out

    return run


def square_through(change):
    """An answer that gives the right square, changed."""
    return lambda x: change(x @ x)


# Right answers --------------------------------------------------------------------------------------------------------


class Callable:
    def __call__(self, x, W):
        return affine(x, W)


def by_loops(x, W):
    out = np.zeros((len(x), W.shape[1]))
    for n, i, j in product(range(len(x)), range(len(W)), range(W.shape[1])):
        out[n, j] += x[n, i] * W[i, j]
    return out, np.add.reduce(out)


@pytest.mark.parametrize(
    "answer",
    [
        affine,
        by_loops,
        lambda x, W: affine(x, W),
        lambda x, W: list(affine(x, W)),
        lambda x, W: affine(x.astype(np.float32), W.astype(np.float32)),
        lambda *args: affine(*args),
        functools.partial(affine),
        Callable(),
    ],
    ids=["reference", "loops", "lambda", "a list for a tuple", "float32", "star", "partial", "callable object"],
)
def test_a_right_answer_earns_all_points(answer, judged):
    earned, told = judged(answer)
    assert earned == 3
    assert told == "affine: right, 3 of 3 points\n  out: right\n  total: right\n"


def read_only(y):
    y.flags.writeable = False
    return y


@pytest.mark.parametrize(
    "change",
    [
        read_only,
        lambda y: np.broadcast_to(y, (2, *y.shape))[1],
        lambda y: np.asfortranarray(y),
        lambda y: np.repeat(y, 2, axis=1)[:, ::2],
        lambda y: y.astype(np.float32),
        lambda y: y.astype(np.longdouble),
        lambda y: y.astype(">f8"),
    ],
    ids=["read-only", "broadcast view", "Fortran order", "strided view", "float32", "longdouble", "big-endian"],
)
def test_how_a_right_array_lies_in_memory_does_not_matter(change, judged):
    assert judged(square_through(change), SQUARE)[0] == 3


def test_a_tolerance_is_relative_to_the_largest_entry(judged):
    """tol is 1e-5: rounding passes, a fifth digit that is wrong does not, whatever the scale."""
    for scale in (1, 1e6):
        exercise = spec.Exercise(
            square, "out", "s", lambda rng, s=scale: [("", s * np.eye(SIDE))], {}, {}, module="tiny"
        )
        assert judged(square_through(lambda y: y + 0.9e-5 * y.max()), exercise)[0] == 3
        assert judged(square_through(lambda y: y + 1.1e-5 * y.max()), exercise)[0] == 0


def test_whole_numbers_are_exact(judged):
    def count(x):
        return int(1e7) + len(x)

    exercise = spec.Exercise(count, "n", "s", lambda rng: [("", np.zeros(N))], {}, {}, module="tiny")
    assert judged(count, exercise)[0] == 3
    assert judged(lambda x: np.int32(1e7) + len(x), exercise)[0] == 3
    earned, told = judged(lambda x: int(1e7) + len(x) + 1, exercise)
    assert earned == 0
    assert "n is 10000006, should be 10000005" in told


@pytest.mark.parametrize(
    ("right", "alike", "other"),
    [(True, np.True_, False), (True, True, 1), ("relu", "relu", "tanh"), (False, np.False_, None)],
)
def test_a_truth_or_a_word_must_be_the_one(right, alike, other, judged):
    exercise = spec.Exercise(lambda x: right, "answer", "s", lambda rng: [("", 1.0)], {}, {}, module="tiny")
    assert judged(lambda x: alike, exercise)[0] == 3
    assert judged(lambda x: other, exercise)[0] == 0


def test_nan_is_right_where_nan_is_right(judged):
    def roots(x):
        with np.errstate(invalid="ignore"):
            return np.sqrt(x)

    exercise = spec.Exercise(roots, "out", "s", lambda rng: [("", np.array([-1.0, 4.0, np.inf]))], {}, {}, module="t")
    assert judged(np.sqrt, exercise)[0] == 3
    assert judged(lambda x: np.sqrt(np.abs(x)), exercise)[0] == 0


# What is told, and in which order -------------------------------------------------------------------------------------


def test_shape_is_told_before_dtype_and_dtype_before_value(judged):
    for answer, said in [
        (lambda x: np.ones((SIDE, 1), complex), "out has shape (3, 1), should be (3, 3)"),
        (lambda x: np.ones((SIDE, SIDE), complex), "out has dtype complex128, should be float64"),
        (lambda x: np.ones((SIDE, SIDE)), "out[0, 0] is 1, should be "),
    ]:
        earned, told = judged(answer, SQUARE)
        assert earned == 0
        assert said in told
        assert sum(word in told for word in ("has shape", "has dtype", " is 1, should")) == 1


def test_the_first_wrong_entry_and_their_number_are_told(judged):
    def answer(x):
        y = x @ x
        y[1, 2] += 1
        y[2, 0] = -7
        return y

    earned, told = judged(answer, SQUARE)
    assert earned == 0
    assert "out[1, 2] is " in told
    assert "relative error" in told
    assert "2 of 9 entries differ" in told


def test_what_went_wrong_is_told_with_its_case_and_what_went_well(judged):
    _, told = judged(lambda x, W: affine(x, W) if len(x) > 1 else affine(2 * x, W))
    assert "In the case “one row”, with x: (1, 4), W: (4, 3):" in told
    assert "Right in: a batch." in told
    assert "Every entry is 2 times the right one" in told


def test_where_to_read_again_is_told_to_those_who_need_it(judged):
    assert "Read again: chapter 2, “A layer”" in judged(lambda x, W: (x, W))[1]
    assert "Read again" not in judged(affine)[1]


def test_every_output_has_its_share_of_the_points(judged):
    earned, told = judged(lambda x, W: (x @ W, np.zeros(W.shape[1])))
    assert earned == 1.5
    assert told.startswith("affine: 1.5 of 3 points\n")
    assert "  out: right\n" in told
    assert "  total: not yet.\n" in told
    assert judged(lambda x, W: (0 * (x @ W), affine(x, W)[1]))[0] == 1.5


@pytest.mark.parametrize("points", [1, 2, 0.5, 7])
def test_points_are_floats_and_add_up(points, judged):
    assert judged(affine, points=points)[0] == points
    assert judged(lambda x, W: (x @ W, None), points=points)[0] == points / 2


@pytest.mark.parametrize(("sentence", "earned"), [(AVERAGED, 1.5), (TURNED, 1.5), (ROWS, 1.5)])
def test_a_known_mistake_is_named(sentence, earned, judged):
    told = judged(spec.altered(AFFINE, AFFINE.mutants[sentence]))
    assert told[0] == earned
    assert sentence in told[1]
    assert not any(other in told[1] for other in AFFINE.mutants if other != sentence)


def test_two_known_mistakes_are_both_named(judged):
    earned, told = judged(lambda x, W: (-(x @ W), (x @ W).mean(axis=0)))
    assert earned == 0
    assert AVERAGED in told
    assert TURNED in told


def test_a_mistake_that_shows_in_one_case_only_is_not_named(judged):
    """A named mistake explains all cases: here the batch is turned and the single row is not."""
    earned, told = judged(lambda x, W: (x @ W * (-1 if len(x) > 1 else 1), affine(x, W)[1]))
    assert earned == 1.5
    assert TURNED not in told


# Mistakes nobody listed -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        (lambda y: -y, "The numbers are right, their sign is not"),
        (lambda y: 2 * y, "Every entry is 2 times the right one"),
        (lambda y: y / 4, "Every entry is 1/4 of the right one"),
        (lambda y: -3 * y, "Every entry is -3 times the right one"),
        (lambda y: y.T, "It is the transpose of the right one"),
        (lambda y: y[::-1], "The numbers are right, their order is not"),
        (lambda y: y + 0.5, "Every entry is off by the same 0.5"),
        (lambda y: 0 * y, "All are 0"),
        (lambda y: np.full_like(y, np.nan), "A nan or inf comes from an overflow, a log of 0, or a 0/0"),
        (lambda y: y / 0, "A nan or inf"),
        (lambda y: y[0], "An axis is missing: was it summed over?"),
        (lambda y: y[None], "There is an axis of length 1 too many"),
        (lambda y: y[..., None] * np.ones(N), "There is an axis too many: should it be summed or averaged over?"),
    ],
)
def test_what_all_wrong_entries_have_in_common_is_told(change, hint, judged):
    earned, told = judged(square_through(change), SQUARE)
    assert earned == 0
    assert f". {hint}" in told


def test_an_array_that_is_transposed_and_not_square(judged):
    _, told = judged(lambda x, W: (affine(x, W)[0].T, affine(x, W)[1]))
    assert "out has shape (2, 5), should be (5, 2). It is transposed." in told


def test_outputs_that_have_changed_places(judged):
    earned, told = judged(lambda x, W: affine(x, W)[::-1])
    assert earned == 0
    assert "out has shape (2,), should be (5, 2). An axis is missing" in told
    assert "It is what total should be." in told
    assert "It is what out should be." in told


def test_an_output_in_the_place_of_a_leaf_of_another(judged):
    _, told = judged(lambda params, x: ([params[0] | {"W": np.mean(x**2)}, params[1]], 0.0), STEP)
    assert "params[0]['W'] is a float64, should be an array of shape (3, 4). It is what loss should be." in told


def test_numbers_that_have_changed_places(judged):
    def extremes(x):
        return x.min(), x.max()

    exercise = spec.Exercise(
        extremes, "low, high", "s", lambda rng: [("", rng.standard_normal(N))], {}, {}, module="tiny"
    )
    _, told = judged(lambda x: extremes(x)[::-1], exercise)
    assert "It is what high should be" in told
    assert "It is what low should be" in told


def test_no_hint_is_made_up(judged):
    _, told = judged(square_through(lambda y: y + np.arange(9).reshape(3, 3) ** 2 / 7), SQUARE)
    assert told.splitlines()[3].endswith("8 of 9 entries differ.")


# Answers of the wrong kind --------------------------------------------------------------------------------------------


def nothing(x):
    x @ x


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (nothing, "out is None: is a return missing?"),
        (square_through(np.ndarray.tolist), "out is a list, should be an array of shape (3, 3)"),
        (square_through(str), "out is a str, should be an array"),
        (square_through(lambda y: y.astype(object)), "out has dtype object, should be float64"),
        (square_through(lambda y: y.astype(complex)), "out has dtype complex128, should be float64"),
        (square_through(lambda y: y > 0), "out has dtype bool, should be float64"),
        (square_through(lambda y: y.astype(str)), "out has dtype <U32, should be float64"),
        (square_through(lambda y: y[:0]), "out has shape (0, 3), should be (3, 3)"),
        (square_through(lambda y: 3.0), "out is a float, should be an array of shape (3, 3)"),
        (square_through(lambda y: {"out": y}), "out is a dict, should be an array"),
        (square_through(lambda y: (y, None)), "it returned 2 values, should return 1: out"),
        (square_through(lambda y: (row for row in y)), "out is a generator, should be an array"),
        (square_through(lambda y: print), "out is a builtin_function_or_method, should be an array"),
    ],
    ids=lambda value: "" if callable(value) else value[:24],
)
def test_a_value_of_the_wrong_kind_is_told(answer, said, judged):
    earned, told = judged(answer, SQUARE)
    assert earned == 0
    assert said in told


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda x, W: None, "returned nothing (None), should return 2: out, total"),
        (lambda x, W: x @ W, "returned an array of shape (5, 2), should return 2: out, total"),
        (lambda x, W: (x @ W,), "returned 1 value, should return 2: out, total"),
        (lambda x, W: (*affine(x, W), x), "returned 3 values, should return 2: out, total"),
        (lambda x, W: "no", "returned a str, should return 2: out, total"),
        (lambda x: x, "stopped with TypeError: <lambda>() takes 1 positional argument but 2 were given"),
        (lambda: 1, "stopped with TypeError"),
        (lambda x, W, b: x, "stopped with TypeError"),
    ],
)
def test_the_wrong_number_of_values_or_arguments_is_told(answer, said, judged):
    earned, told = judged(answer)
    assert earned == 0
    assert said in told


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (3.0, "It should be a function, not a float."),
        ("affine", "It should be a function, not a str."),
        (np.zeros((2, 3)), "It should be a function, not an array of shape (2, 3)."),
        ([affine], "It should be a function, not a list."),
        (None, "It is not answered yet."),
        (..., "It is not answered yet."),
    ],
    ids=["number", "word", "array", "list", "None", "..."],
)
def test_an_answer_that_is_no_function_is_told(answer, said, judged):
    assert judged(answer) == (0.0, f"affine: 0 of 3 points\n  {said}\n  Read again: chapter 2, “A layer”\n")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda params, x: ({"W": 1}, 2.0), "params should be a list of 2, not a dict"),
        (lambda params, x: (params[:1], 2.0), "params should be a list of 2, not 1"),
        (lambda params, x: (params[0]["W"], 2.0), "params should be a list of 2, not an array of shape (3, 4)"),
        (
            lambda params, x: ([{"W": 1}, None], 2.0),
            "params[0] should be a dict with the keys ['W', 'b'], not keys ['W']",
        ),
        (lambda params, x: ([step(params, x)[0][0], None], 2.0), "params[1] should be a dict with the keys ['W', 'b']"),
        (lambda params, x: ([{1: 2, "a": 3}] * 2, 2.0), "not keys ['1', 'a']"),
        (lambda params, x: ([{"W": p["W"].T, "b": p["b"]} for p in params], 2.0), "params[0]['W'] has shape (4, 3)"),
        (lambda params, x: ([{"W": p["W"], "b": p["b"]} for p in params], 2.0), "params[0]['W'][0, 0] is"),
        (lambda params, x: (step(params, x)[0], x[:2]), "loss has shape (2,), should be ()"),
        (lambda params, x: (step(params, x)[0], [1.0]), "loss is a list, should be a number"),
        (lambda params, x: (step(params, x)[0], "0.5"), "loss is a str, should be a number"),
    ],
)
def test_where_in_a_tree_it_is_wrong_is_told(answer, said, judged):
    earned, told = judged(answer, STEP)
    assert earned < 3
    assert said in told


# Answers that misbehave -----------------------------------------------------------------------------------------------


class Odd(BaseException):
    """Not an Exception, as GeneratorExit and pytest's own are not."""


def raising(error):
    def answer(x, W):
        raise error

    return answer


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (raising(ValueError("too bad")), "it stopped with ValueError: too bad."),
        (raising(SystemExit(3)), "it stopped with SystemExit: 3."),
        (raising(GeneratorExit()), "it stopped with GeneratorExit"),
        (raising(Odd("well")), "it stopped with Odd: well."),
        (raising(NotImplementedError()), "it is not written yet."),
        (lambda x, W: sys.exit(), "it stopped with SystemExit"),
        (lambda x, W: undefined, "it stopped with NameError: name 'undefined' is not defined"),  # noqa: F821
        (lambda x, W: W @ x, "it stopped with ValueError: matmul"),
        (lambda x, W: x.nothing, "it stopped with AttributeError"),
    ],
)
def test_an_answer_that_raises_is_told_what_it_raised(answer, said, judged):
    earned, told = judged(answer)
    assert earned == 0
    assert said in told
    assert "In the case “a batch”" in told


def test_an_answer_without_end_to_its_recursion(judged):
    def answer(x, W):
        return answer(x, W)

    earned, told = judged(answer)
    assert earned == 0
    assert "RecursionError" in told


def test_an_answer_that_raises_in_one_case_is_told_which(judged):
    earned, told = judged(lambda x, W: affine(x, W) if len(x) > 1 else 1 / 0)
    assert earned == 0
    assert "In the case “one row”" in told
    assert "ZeroDivisionError" in told
    assert "Right in: a batch" in told


def for_ever():
    """For as long as matters here: a guard that does not stop a loop should fail a test, not hang it."""
    end = time.monotonic() + 8 * SECONDS
    return lambda: time.monotonic() < end


def endless(x, W):
    go_on = for_ever()
    while go_on():
        pass


def swallows_exceptions(x, W):
    go_on = for_ever()
    while go_on():
        try:
            while go_on():
                time.sleep(0.01)
        except Exception:
            pass


def swallows_everything_once(x, W):
    go_on = for_ever()
    try:
        while go_on():
            time.sleep(0.01)
    except:  # noqa: E722
        pass
    return x, W


def swallows_everything_always(x, W):
    go_on = for_ever()
    while go_on():
        with contextlib.suppress(BaseException):
            time.sleep(0.01)
        try:
            time.sleep(0.01)
        except:  # noqa: E722
            continue


@pytest.mark.parametrize("answer", [endless, swallows_exceptions, swallows_everything_once, swallows_everything_always])
def test_an_endless_answer_is_stopped_and_told(answer, judged):
    """In the first case; the second, which would take as long again, is not tried."""
    calls = []

    def counted(x, W):
        calls.append(x)
        return answer(x, W)

    earned, told = judged(counted, HURRIED)
    assert earned == 0
    assert "it was still running after 0.3 seconds (too much work, or an endless loop)" in told
    assert len(calls) == 1


def loud(x, W):
    print("on stdout")
    print("on stderr", file=sys.stderr)
    sys.stderr.write("once more")
    logging.getLogger("student").warning("by logging")
    warnings.warn("by warnings", stacklevel=1)
    np.float64(1) / np.zeros(2)
    np.seterr(all="warn")
    np.float64(1) / np.zeros(2)


def test_a_right_answer_may_print_and_warn(judged):
    def answer(x, W):
        loud(x, W)
        return affine(x, W)

    assert judged(answer) == judged(affine)


IN_A_PROCESS_OF_ITS_OWN = """
import warnings, numpy as np, checks
def affine(x, W):
    warnings.simplefilter("always")
    warnings.warn("loud")
    np.seterr(all="warn")
    return np.log(np.zeros(x.shape)), 1 / (0 * W[0])
points = checks.check("tiny.affine", affine)
points = checks.check("tiny.affine", 1 / np.array(3.0))
"""


def test_nothing_reaches_the_stderr_of_a_process(tmp_path):
    """As in a kernel: where pytest does not catch warnings first."""
    cases.save(tmp_path / cases.FILE, {AFFINE.name: spec.record(AFFINE, 3, seed=1)})
    done = subprocess.run(
        [sys.executable, "-c", IN_A_PROCESS_OF_ITS_OWN], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert "UserWarning: loud" in done.stdout  # told with what was printed
    assert "A nan or inf" in done.stdout


def test_what_a_wrong_answer_prints_is_told_and_not_shown(judged):
    def answer(x, W):
        loud(x, W)
        return x, W

    earned, told = judged(answer)
    assert earned == 0
    assert "  It printed: on stdout\non stderr\nonce more" in told
    assert told.count("on stdout") == 1


def test_endless_printing_is_cut(judged):
    _, told = judged(lambda x, W: print("x" * 10_000))
    assert len(told) < 2_000


def test_a_check_leaves_everything_as_it_was(judged):
    def state():
        return (
            np.geterr(),
            warnings.filters[:],
            sys.gettrace(),
            sys.stdout,
            sys.stderr,
        )

    before = state()
    for answer in (affine, loud, endless, swallows_everything_always, raising(SystemExit())):
        judged(answer, HURRIED)
        assert state() == before
        assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_a_user_can_interrupt_a_check():
    with pytest.raises(KeyboardInterrupt):
        judge.guard.call(raising(KeyboardInterrupt()), (None, None), SECONDS)


# Answers that change what they are given ------------------------------------------------------------------------------


def adds_in_place(x, W):
    right = affine(x, W)
    x += 1
    return right


def sorts_in_place(x, W):
    right = affine(x, W)
    W.sort(axis=0)
    return right


def reshapes_in_place(x, W):
    right = affine(x, W)
    x.shape = (-1,)
    return right


@pytest.mark.parametrize(
    ("answer", "argument"), [(adds_in_place, "x"), (sorts_in_place, "W"), pytest.param(reshapes_in_place, "x")]
)
def test_an_answer_that_changes_its_arguments_earns_nothing_and_is_told_which(answer, argument, judged):
    earned, told = judged(answer)
    assert earned == 0
    assert f"it changed its argument {argument}: leave arguments as they are, work on a copy." in told


def update_first(params):
    params[0]["W"] -= 1


def new_key(params):
    params[0]["m"] = 0


def lost_key(params):
    del params[1]["b"]


def none_for_an_array(params):
    params[0]["W"] = None


def none_for_a_dict(params):
    params[1] = None


def another_layer(params):
    params.append({})


@pytest.mark.parametrize("change", [update_first, new_key, lost_key, none_for_an_array, none_for_a_dict, another_layer])
def test_a_change_deep_in_an_argument_is_seen(change, judged):
    def answer(params, x):
        right = step(params, x)
        change(params)
        return right

    earned, told = judged(answer, STEP)
    assert earned == 0
    assert "it changed its argument params" in told


def test_every_case_starts_from_fresh_arguments(judged):
    """An answer that remembers its arguments and spoils them later spoils no other case."""
    seen = []

    def answer(x, W):
        for old in seen:
            old += 1
        seen.append(x)
        return affine(x, W)

    assert judged(answer)[0] == 3


# Answers: numbers, words, dicts ---------------------------------------------------------------------------------------


def answer_of(value, mutants=()):
    return spec.Answer("tiny.answer", value, "By hand", dict(mutants))


@pytest.mark.parametrize(
    ("value", "right", "wrong"),
    [
        (16, [16, 16.0, np.int64(16), np.float32(16), "16"], [15, 17, 16.01, -16, True, "sixteen"]),
        (0.25, [0.25, np.float32(0.25), 0.2501, 0.2499, "0.25", " 2.5e-1"], [0.26, 0.24, -0.25, 0, 1, "1/4", "25%"]),
        (4778, [4778, "4,778"], ["4.778", 4777]),
        ("(256, 32)", ["(256, 32)", (256, 32), [256, 32], "256, 32", (np.int64(256), 32)], [(32, 256), "256x32", 256]),
        (1 / 3, [0.333, 0.3333, 0.334, 0.332], [0.3, 0.34, 1]),
        (2.0, [2, 2.0, 0.1 + 0.2 + 1.7, 2.0000000000000004], [2.01, 1.99, 20]),
        (-1.5e-7, [-1.5e-7, -1.501e-7], [1.5e-7, -1.5e-6, 0]),
        (175e9, [175e9, 175_000_000_000], [175e9 + 1, 1.75e10]),
        ("softmax", ["softmax", "Softmax", " SOFTMAX. ", np.str_("softmax")], ["soft max", "sigmoid", "", 0]),
        ("mean squared error", ["Mean  squared-error", "mean_squared_error"], ["mse", "mean squared"]),
        (True, [True, np.True_, "true"], [False, 1, 0]),
    ],
    ids=str,
)
def test_an_answer_may_be_written_in_any_sensible_way(value, right, wrong, judged):
    for given_answer in right:
        assert judged(given_answer, answer_of(value)) == (3.0, "answer: right, 3 of 3 points\n  It is right.\n"), (
            given_answer
        )
    for given_answer in wrong:
        assert judged(given_answer, answer_of(value))[0] == 0, given_answer


WORDS = spec.Answer("tiny.answer", "sigmoid", "By hand", {}, choices=("sigmoid", "tanh", "(8, 20)", "(8, 30)"))


@pytest.mark.parametrize(
    ("given_answer", "expected"),
    [
        ("sigmiod", "none of the words to choose from: did you mean 'sigmoid'?"),
        ("relu", "none of the words to choose from."),
        ("(8, 20, 1)", "none of the words to choose from."),  # a shape that is near might be the answer
        ("tanh", "'tanh' is not right.".replace("'", "")),
    ],
)
def test_only_a_slip_of_the_pen_is_told_what_was_meant(given_answer, expected, judged):
    earned, told = judged(given_answer, WORDS)
    assert earned == 0 and expected in told
    assert given_answer == "sigmiod" or "did you mean" not in told


def test_a_dict_of_answers_names_the_section_of_each_wrong_one_once(judged):
    sections = {"a": "One", "b": "Two", "c": "Three", "d": "Two"}
    several = spec.Answer("tiny.answer", {"a": 1, "b": 2, "c": 3, "d": 4}, sections, {})
    told = judged({"a": 1, "b": 0, "c": None, "d": 0}, several)[1]
    assert told.endswith("Read again: chapter 2, “Two”; chapter 2, “Three”\n") and told.count("Read again") == 1
    assert "Read again" not in judged({"a": 1, "b": 2, "c": 3, "d": 4}, several)[1]


def largest(x):
    """The column of each row's largest entry, whole numbers."""
    return x.argmax(axis=1)


def test_whole_numbers_must_be_whole(judged):
    exercise = replace(SQUARE, reference=largest)
    assert judged(largest, exercise)[0] == judged(lambda x: largest(x).astype(np.uint8), exercise)[0] == 3
    earned, told = judged(lambda x: largest(x).astype(float), exercise)
    assert earned == 0 and "out has dtype float64, should be whole numbers (int64)." in told


def fails(error):
    def function(x):
        raise error

    return function


def goes_on(x):
    while True:
        pass


def test_a_mistake_that_raises_is_known_by_its_exception(judged):
    mutants = {"A key.": fails(KeyError("u")), "A type.": fails(TypeError), "For ever.": fails(TimeoutError)}
    exercise = replace(SQUARE, mutants=mutants, seconds=1)
    for mistake, sentence in [
        (fails(KeyError("v")), "A key."),
        (fails(TypeError("x")), "A type."),
        (goes_on, "For ever."),
    ]:
        told = judged(mistake, exercise)[1]
        assert [s for s in mutants if s in told] == [sentence]
    assert "1 second (" in told
    for other in fails(ZeroDivisionError), fails(NotImplementedError):
        assert not [s for s in mutants if s in judged(other, exercise)[1]]


@pytest.mark.parametrize(
    ("given_answer", "said"),
    [
        (np.nan, "It: should be a number or a word, not a float."),
        (np.float64("nan"), "It: should be a number or a word, not a float64."),
        (np.array([0.5, 1]), "It: should be a number or a word, not an array of shape (2,)."),
        ([0.5], "It: should be a number or a word, not a list."),
        (0.5 + 0j, "It: should be a number or a word, not a complex."),
        (np.complex128(0.5), "It: should be a number or a word, not a complex128."),
        (abs, "It: should be a number or a word, not a builtin_function_or_method."),
        ({"It": 0.5}, "It: should be a number or a word, not a dict."),
        (None, "It is not answered yet."),
        (..., "It is not answered yet."),
        (np.inf, "inf is not right."),
        (np.finfo(float).max, "1.79769e+308 is not right."),
        (0.7, "0.7 is not right."),
    ],
    ids=str,
)
def test_an_answer_that_cannot_be_right_is_told_so(given_answer, said, judged):
    assert judged(given_answer, answer_of(0.5)) == (
        0.0,
        f"answer: 0 of 3 points\n  {said}\n  Read again: chapter 2, “By hand”\n",
    )


def test_a_known_wrong_answer_is_named(judged):
    exercise = answer_of(8.0, {"The 2 is missing.": 4.0, "The sign is turned.": -8})
    assert "The 2 is missing." in judged(4, exercise)[1]
    assert "The sign is turned." in judged(-8.0, exercise)[1]
    assert "The" not in judged(5, exercise)[1].replace("chapter", "")


PARTS = answer_of({"dw": 16.0, "db": 8.0, "name": "relu", "n": 3}, {"That is dx.": ("dw", -24.0), "Add.": ("db", 1.0)})
RIGHT = {"dw": 16, "db": 8, "name": "ReLU", "n": 3}


def test_every_entry_of_a_dict_has_its_share(judged):
    assert judged(RIGHT, PARTS)[0] == 3
    assert judged(RIGHT | {"more": None}, PARTS)[0] == 3
    earned, told = judged(RIGHT | {"dw": -24, "n": None}, PARTS)
    assert earned == 1.5
    assert "'dw': -24 is not right.\n      That is dx.\n  'db': right\n" in told
    assert "'n': not answered yet." in told


def test_a_mistake_is_named_at_its_own_entry_only(judged):
    _, told = judged(RIGHT | {"db": -24.0}, PARTS)
    assert "That is dx." not in told


@pytest.mark.parametrize("given_answer", [{"dw": 16}, {}, 16, [16, 8], "relu", np.ones(4)], ids=str)
def test_a_dict_must_have_its_keys(given_answer, judged):
    earned, told = judged(given_answer, PARTS)
    assert earned == 0
    assert "It should be a dict with the keys 'dw', 'db', 'name', 'n'." in told


def test_a_cases_file_does_not_show_an_answer(tmp_path):
    path = tmp_path / cases.FILE
    cases.save(path, {"tiny.answer": spec.record(answer_of("backpropagation", {"No.": "forward"}), 3, seed=1)})
    text = json.dumps(cases.load(path))
    assert "backprop" not in text
    assert "forward" not in text


@pytest.mark.parametrize("exercise", ["ch08.by_hand", "ch08.other"])
def test_equal_answers_of_different_exercises_look_different(exercise):
    assert answers.digest(exercise, 8.0) != answers.digest("tiny.answer", 8.0)


# An experiment --------------------------------------------------------------------------------------------------------


def bands(graded):
    """Numbers from 0 to 5, of class ⌊x⌋: easily learned from few."""
    rng = np.random.default_rng(3 + graded)
    xs = {part: rng.uniform(0, 5, (n, 1)) for part, n in [("train", 60), ("val", 20), ("test", 40)]}
    return {part: (x, x[:, 0].astype(int)) for part, x in xs.items()}


def nearest(x_train, y_train, x_val, y_val, rng):
    return lambda x: y_train[np.abs(x - x_train.T).argmin(axis=1)]


EXPERIMENT = spec.Experiment(
    "tiny.fit",
    "Learning",
    bands,
    classes=5,
    bars=((0.9, 1.0), (0.1, 0.5)),
    mutants={
        "peeked": ("You peeked.", lambda *_: lambda x: x[:, 0].astype(int)),
        "memorised": ("By heart.", None),
        "untrained": ("Not yet trained.", None),
    },
)


def test_an_experiment_is_judged_on_what_it_never_saw(judged):
    earned, told = judged(nearest, EXPERIMENT)
    assert earned == 3
    assert "on 40 examples it never saw" in told
    assert judged(lambda x, y, *_: lambda new: np.full(len(new), y[0]), EXPERIMENT)[0] == 1.5
    earned, told = judged(EXPERIMENT.mutants["peeked"][1], EXPERIMENT)
    assert earned < 3
    assert "You peeked." in told


@pytest.mark.parametrize(
    ("fit", "said"),
    [
        (lambda *_: None, "It returned a NoneType, should return a function"),
        (lambda *_: lambda x: None, "It predicts a NoneType for 60 examples"),
        (lambda *_: lambda x: np.full(len(x), 0.5), "It predicts an array of shape (60,) for 60 examples"),
        (lambda *_: lambda x: np.zeros((len(x), 3), int), "It predicts an array of shape (60, 3) for 60 examples"),
        (lambda *_: lambda x: 1 / 0, "It stopped with ZeroDivisionError"),
        (lambda x: x, "It stopped with TypeError"),
        (lambda *_: loud(0, 0), "It returned a NoneType"),
    ],
)
def test_an_experiment_that_fails_is_told_why(fit, said, judged):
    earned, told = judged(fit, EXPERIMENT)
    assert earned == 0
    assert said in told


def test_an_endless_experiment_is_stopped(judged):
    earned, told = judged(lambda *_: endless(0, 0), replace(EXPERIMENT, seconds=SECONDS))
    assert earned == 0
    assert "It was still running after 0.3 seconds" in told


# Where the student stands ---------------------------------------------------------------------------------------------


def test_missing_cases_end_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.delenv("CHECKS_CASES", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError) as error:
        check("tiny.affine", affine)
    said = f"cases.npz is not in {tmp_path}. It belongs beside the notebook: unpack the set's zip again."
    assert str(error.value) == said


def test_an_unknown_exercise_ends_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.delenv("CHECKS_CASES", raising=False)
    monkeypatch.chdir(tmp_path)  # beside the notebook is where cases.npz is looked for
    cases.save("cases.npz", {e.name: spec.record(e, 1, seed=1) for e in (AFFINE, SQUARE)})
    assert check("tiny.square", square) == 1.0
    with pytest.raises(KeyError) as error:
        check("tiny.affin", affine)
    said = "tiny.affin is not an exercise of this set. Its exercises: tiny.affine, tiny.square"
    assert error.value.args == (said,)


@pytest.fixture
def set_8(tmp_path, monkeypatch):
    """The namespace of set 8's solved notebook, with its given.py and its cases in reach."""
    slug = "ch08_backprop"
    (tmp_path / "given.py").write_text(sources.standalone(spec.load(slug).GIVEN, "Given."), encoding="utf-8")
    monkeypatch.setenv("CHECKS_CASES", str(spec.ROOT / "exercises" / slug / cases.FILE))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "given", raising=False)
    yield notebook_with(slug)
    sys.modules.pop("given", None)


def test_configs_are_those_of_given_py(set_8, capfd):
    """A config reaches an answer as an instance of the class that the notebook imported from given.py."""
    notebook = set_8
    exec("from given import MLPConfig", notebook)
    exec(
        sources.flat(exercise_of("ch08_backprop", "mlp.mlp_backward").reference).replace(
            "    grads = []", "    assert isinstance(config, MLPConfig)\n    grads = []"
        ),
        notebook,
    )
    assert check("mlp.mlp_backward", notebook["mlp_backward"]) == 2.0
    assert capfd.readouterr().err == ""


# Under the grader: right functions stand in for siblings --------------------------------------------------------------


def exercise_of(slug, name):
    return next(e for e in spec.load(slug).EXERCISES if e.name == name)


def notebook_with(slug, **changed):
    """The namespace of a notebook with every function of a set defined, some of them changed: {name: (old, new)}."""
    scope = {"np": np}
    for exercise in spec.asked(slug).values():
        text = sources.flat(exercise.reference)
        if exercise.reference.__name__ in changed:
            old, new = changed[exercise.reference.__name__]
            assert old in text
            text = text.replace(old, new)
        exec(text, scope)
    return scope


@pytest.fixture
def graded():
    """(notebook, name, standing_in) -> the share that mlp_backward earns in set 8, as the grader judges it."""
    slug, name = "ch08_backprop", "mlp.mlp_backward"
    exercise, namespace = exercise_of(slug, name), {}
    exec(sources.standalone(spec.load(slug).GIVEN, "Given."), namespace)
    records = {
        standing_in: spec.record(exercise, 2, 1, standins=spec.standins(slug, exercise) if standing_in else None)
        for standing_in in (True, False)
    }

    def run(notebook, standing_in=True):
        return judge.judge(records[standing_in], notebook["mlp_backward"], namespace)[0]

    return run


BROKEN = {"linear_backward": ("dout @ W.T", "0 * dout @ W.T")}


def test_a_broken_sibling_does_not_cost_its_callers_points(graded):
    assert graded(notebook_with("ch08_backprop", **BROKEN), standing_in=False) == 0  # as the student sees it at home
    assert graded(notebook_with("ch08_backprop", **BROKEN)) == 1


def test_a_missing_sibling_does_not_cost_its_callers_points(graded):
    notebook = notebook_with("ch08_backprop")
    del notebook["linear_backward"]
    assert graded(notebook) == 1
    assert "linear_backward" not in notebook


def test_the_students_own_sibling_is_back_afterwards(graded):
    notebook = notebook_with("ch08_backprop", **BROKEN)
    before = dict(notebook)
    graded(notebook)
    assert notebook == before
    notebook = notebook_with("ch08_backprop", mlp_backward=("caches, config = cache", "raise SystemExit"))
    before = dict(notebook)
    assert graded(notebook) == 0
    assert notebook == before


def test_the_students_own_sibling_stays_where_it_has_earned_its_points(set_8, tmp_path, monkeypatch):
    """What is right runs in grading as it does at home; another function of its name does not."""
    slug, calls = "ch08_backprop", []
    records = {
        name: spec.record(e, 2, 1, standins=spec.standins(slug, e))
        for name, e in spec.asked(slug).items()
        if name in ("layers.linear_backward", "mlp.mlp_backward")
    }
    cases.save(tmp_path / cases.FILE, records)
    monkeypatch.setenv("CHECKS_CASES", str(tmp_path / cases.FILE))
    own = set_8["linear_backward"]

    @functools.wraps(own)
    def counted(*args):
        calls.append(args)
        return own(*args)

    set_8["linear_backward"] = counted
    assert check("mlp.mlp_backward", set_8["mlp_backward"]) == 2.0
    assert not calls  # it has not been judged yet
    assert check("layers.linear_backward", counted) == 2.0
    calls.clear()
    assert check("mlp.mlp_backward", set_8["mlp_backward"]) == 2.0
    assert calls
    set_8["linear_backward"] = lambda *args: 1 / 0
    assert check("mlp.mlp_backward", set_8["mlp_backward"]) == 2.0


def test_a_wrong_caller_is_not_saved_by_right_siblings(graded):
    assert graded(notebook_with("ch08_backprop", mlp_backward=("grads[::-1]", "grads"))) == 0


def test_a_sibling_of_a_sibling_stands_in_too():
    """Whatever set: what stands in calls nothing that the student wrote."""
    for slug in spec.slugs():
        for exercise in spec.load(slug).EXERCISES:
            standing_in = spec.standins(slug, exercise)
            names = {e.reference.__name__ for e in spec.asked(slug).values()}
            for source in standing_in.values():
                called = {n for n in names if f"{n}(" in source.split('"""')[-1]}
                assert called <= standing_in.keys()


# The cases file -------------------------------------------------------------------------------------------------------

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=["Cs"]))
arrays = hnp.arrays(
    hnp.floating_dtypes() | hnp.integer_dtypes() | hnp.boolean_dtypes() | hnp.complex_number_dtypes(),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
)
given_names = st.builds(cases.Given, st.sampled_from(["tanh", "MLPConfig"]))
values = st.recursive(
    scalars | arrays | given_names | st.builds(cases.Seed, st.integers(0, 1 << 40)),
    lambda v: (
        st.lists(v, max_size=3)
        | st.lists(v, max_size=3).map(tuple)
        | st.dictionaries(st.sampled_from(["W", "b", "sizes"]), v)
        | st.builds(cases.Given, st.just("MLPConfig"), st.dictionaries(st.sampled_from(["sizes", "init"]), v))
    ),
    max_leaves=6,
)


def same(a, b):
    if isinstance(a, cases.Given):
        return isinstance(b, cases.Given) and a.name == b.name and same(a.arguments, b.arguments)
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and (a.dtype, a.shape) == (b.dtype, b.shape) and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and (a == b or (a != a and b != b))


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(values)
def test_what_is_saved_is_loaded_bit_by_bit(tmp_path, value):
    cases.save(tmp_path / "cases.npz", {"value": value})
    assert same(cases.load(tmp_path / "cases.npz"), {"value": value})


def test_a_loaded_array_is_ones_own_to_write(tmp_path):
    cases.save(tmp_path / "cases.npz", {"x": np.zeros(3)})
    x = cases.load(tmp_path / "cases.npz")["x"]
    x += 1
    assert x.tolist() == [1, 1, 1]


def test_views_and_numpy_numbers_are_saved_by_their_value(tmp_path):
    x = np.arange(12.0).reshape(3, 4)
    cases.save(tmp_path / "cases.npz", {"turned": x.T[::2], "loss": np.float32(0.5), "yes": np.True_})
    loaded = cases.load(tmp_path / "cases.npz")
    np.testing.assert_array_equal(loaded["turned"], x.T[::2])
    assert (loaded["loss"].dtype, loaded["loss"].shape, loaded["loss"].item()) == (np.float32, (), 0.5)
    assert loaded["yes"].item() is True


def test_nothing_in_a_cases_file_is_pickled(tmp_path):
    path = tmp_path / "cases.npz"
    cases.save(path, {e.name: spec.record(e, 3, seed=1) for e in (AFFINE, STEP, PARTS, EXPERIMENT)})
    with zipfile.ZipFile(path) as bundle:
        assert sorted(bundle.namelist()) == ["arrays.npy", "json.npy"]
    with np.load(path, allow_pickle=False) as file:
        assert {file[name].dtype for name in file.files} == {np.dtype(np.uint8)}
        assert AFFINE.name in json.loads(file["json"].tobytes())


@pytest.mark.parametrize(
    "value", [np.array([1, None], object), {1, 2}, b"x", affine, 1j, np.random.default_rng(0)], ids=compare.a
)
def test_what_cannot_be_recorded_is_refused(value, tmp_path):
    with pytest.raises(TypeError, match="a case cannot hold a"):
        cases.save(tmp_path / "cases.npz", {"value": [value]})


def test_recorded_values_are_resolved_where_the_function_lives():
    class Config:
        def __init__(self, sizes, activation):
            self.sizes, self.activation = sizes, activation

    array = np.ones(2)
    recorded = {
        "config": cases.Given("Config", {"sizes": (2, 3), "activation": cases.Given("tanh")}),
        "rng": cases.Seed(4),
        "list": [array, (array,)],
    }
    found = cases.resolve(recorded, {"Config": Config, "tanh": math.tanh})
    assert (found["config"].sizes, found["config"].activation) == ((2, 3), math.tanh)
    assert found["rng"].random() == np.random.default_rng(4).random()
    assert cases.resolve(recorded["rng"], {}).random() == np.random.default_rng(4).random()  # a fresh one every time
    assert found["list"][0] is not array
    assert found["list"][1][0].tolist() == [1, 1]


# Comparing ------------------------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(
    hnp.arrays(float, hnp.array_shapes(max_dims=2, max_side=3), elements=st.floats(width=32)),
    hnp.arrays(
        hnp.floating_dtypes() | hnp.integer_dtypes() | hnp.boolean_dtypes(),
        hnp.array_shapes(min_dims=0, max_dims=2, max_side=3),
    ),
)
def test_any_two_arrays_can_be_compared_without_a_warning(wanted, found):
    """Warnings are errors here. Equal is right, and a sentence is one line."""
    assert compare.differences(wanted.copy(), wanted, 1e-5) == []
    for _, sentence, *_ in compare.differences(found, wanted, 1e-5):
        assert isinstance(sentence, str) and "\n" not in sentence
