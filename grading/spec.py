"""What a set's spec.py says of its exercises, and how that becomes the recorded cases a check runs on.

A mistake people make, a *mutant*, and another correct method, a *variant*, are each either a function or a change to
the reference's source: {old text: new text}.
"""

import importlib.util
import inspect
import re
import sys
import textwrap
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from pathlib import Path

import numpy as np

from checks import answers, cases, compare
from grading import sources
from reference_impl import activations

ROOT = Path(__file__).parent.parent
SOLUTIONS = ROOT / "solutions"
RECORDED = 2026  # the seed of the cases a student has


class SpecError(Exception):
    """A set is not as it should be; the message says where and how."""


@dataclass(frozen=True)
class Exercise:
    """A function to write, or (with broken) to mend.

    reference : the right function; its signature and docstring are the statement
    returns : the names of what it returns, as in "dx, dW, db"; a name with _ before it is not judged
    section : the heading in the chapter to read again
    cases : rng -> an iterable of (note, *args); the note tells a student which case it was
    mutants : {the sentence a student reads: function or change}
    variants : {name: function or change}
    broken : for a repair, the function or change a student is handed
    tol : largest error allowed, relative to the largest entry
    seconds : for one call
    """

    reference: Callable
    returns: str
    section: str
    cases: Callable
    mutants: dict
    variants: dict
    broken: Callable | dict | None = None
    tol: float = 1e-5
    seconds: float = 5
    module: str = ""

    @property
    def name(self):
        return f"{self.module or self.reference.__module__.split('.')[-1]}.{self.reference.__name__}"

    @property
    def outputs(self):
        return [name.strip() for name in self.returns.split(",")]

    @property
    def arguments(self):
        return list(inspect.signature(self.reference).parameters)


@dataclass(frozen=True)
class Answer:
    """A number, a word, or a dict of them, that a student works out.

    value : the right answer
    section : the heading in the chapter to read again; where value is a dict, it may be a dict of headings by key
    mutants : {sentence: a wrong answer}, or {sentence: (key, a wrong answer)} where value is a dict
    choices : the words to choose from, where there are such; another word is told to be none of them
    """

    name: str
    value: object
    section: str | dict
    mutants: dict
    choices: tuple = ()


@dataclass(frozen=True)
class Experiment:
    """A training procedure, fit(x_train, y_train, x_val, y_val, rng) -> predict(x), judged on images it never saw.

    data : graded -> {"train": (x, y), "val": (x, y), "test": (x, y)}; graded False is what a student has
    bars : ((accuracy, share of the points), …), best first
    mutants : {"peeked" | "memorised" | "untrained": (sentence, function)}
    variants : {name: function}
    """

    name: str
    section: str
    data: Callable
    classes: int
    bars: tuple
    mutants: dict
    variants: dict = field(default_factory=dict)
    seconds: float = 60


@cache
def source_of(function):
    """A function's source."""
    return textwrap.dedent(inspect.getsource(function))


def altered(exercise, change):
    """A mutant or variant as a function: change itself, or the reference with {old: new} done to its source."""
    if callable(change):
        return change
    reference = exercise.reference
    source = source_of(reference)
    for old, new in change.items():
        if old not in source:
            raise SpecError(f"{exercise.name}: a change speaks of {old!r}, which is not in the reference")
        source = source.replace(old, new)
    scope = {"np": np} | vars(sys.modules[reference.__module__])
    exec(compile(source, f"<{exercise.name}, changed>", "exec"), scope)
    return scope[reference.__name__]


@cache
def load(slug):
    """The spec module of a set, as in load("ch08_backprop"). Raises SpecError where there is none."""
    path = SOLUTIONS / slug / "spec.py"
    if not path.exists():
        raise SpecError(f"{path.relative_to(ROOT)} is missing: every set has one")
    found = importlib.util.spec_from_file_location(f"spec_{slug}", path)
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module
    found.loader.exec_module(module)
    return module


def slugs():
    """The sets there are, in order."""
    return sorted(path.parent.name for path in SOLUTIONS.glob("ch*/spec.py"))


def asked(slug):
    """The functions a set asks for, name -> Exercise, in order (repairs of functions of the set's own left out)."""
    return {e.name: e for e in load(slug).EXERCISES if isinstance(e, Exercise) and not e.module}


def grade_id(name):
    """An exercise's name as nbgrader allows it."""
    return re.sub(r"\W", "-", name)


def portable(value):
    """An argument as a cases file holds it: configs, activations and functions by name."""
    if isinstance(value, activations.Activation):
        names = [name for name, known in vars(activations).items() if known is value]
        return cases.Given(names[0])
    if is_dataclass(value):
        return cases.Given(type(value).__name__, {f.name: portable(getattr(value, f.name)) for f in fields(value)})
    if isinstance(value, dict):
        return {k: portable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(portable(v) for v in value)
    return cases.Given(value.__name__) if callable(value) else value


def shapes(value):
    """An argument in a few words, for the line that says which case failed."""
    if isinstance(value, np.ndarray):
        return str(value.shape)
    if isinstance(value, activations.Activation) or callable(value):
        return "…"
    if isinstance(value, cases.Seed):
        return f"default_rng({int(value)})"
    if isinstance(value, str):
        return repr(value)
    if is_dataclass(value):
        return f"{type(value).__name__}({', '.join(shapes(getattr(value, f.name)) for f in fields(value))})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {shapes(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        if value and all(isinstance(v, int) for v in value):
            return str(value)
        text = ", ".join(map(shapes, value))
        text = f"[{text}]" if isinstance(value, list) else f"({text})"
        return text if len(text) < 60 else f"a {type(value).__name__} of {len(value)}"
    return compare.show(value)


def outputs_of(exercise, function, args):
    """{output: value} of one call, judged outputs only."""
    return named(exercise, function(*cases.resolve(args, {})))


def named(exercise, value):
    """{output: value} of what a call returned, judged outputs only. Raises an exception where it is not as many."""
    values = (
        dict(zip(exercise.outputs, value, strict=True)) if len(exercise.outputs) > 1 else {exercise.outputs[0]: value}
    )
    return {name: np.asarray(v) if isinstance(v, np.generic) else v for name, v in values.items() if name[0] != "_"}


def tried(exercise, function, args):
    """outputs_of; where the call fails, as a mutant's may, a word of the sentence that tells a student so.

    A mutant raises TimeoutError in place of going on for ever.
    """
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = function(*cases.resolve(args, {}))
        except TimeoutError:
            return "still running"
        except Exception as error:
            return type(error).__name__
    try:
        return named(exercise, value)
    except Exception:
        return "returned"


def record(exercise, points, seed, chapter="", standins=None, graded=False):
    """What a check needs of one exercise, with cases drawn from seed."""
    common = {"name": exercise.name, "points": points, "section": in_chapter(exercise.section, chapter)}
    if isinstance(exercise, Answer):
        return common | record_answer(exercise)
    if isinstance(exercise, Experiment):
        return common | record_experiment(exercise, seed, graded) | {"standins": standins or {}}
    drawn = list(exercise.cases(np.random.default_rng([seed, zlib.crc32(exercise.name.encode())])))
    mutants = {sentence: altered(exercise, change) for sentence, change in exercise.mutants.items()}
    names = exercise.arguments
    return common | {
        "kind": "function",
        "standins": standins or {},
        "returns": exercise.outputs,
        "arguments": names[: len(drawn[0]) - 1],
        "tol": exercise.tol,
        "seconds": exercise.seconds,
        "cases": [
            {
                "note": note,
                "shapes": ", ".join(f"{name}: {shapes(arg)}" for name, arg in zip(names, args, strict=False)),
                "args": [portable(arg) for arg in args],
                "expected": outputs_of(exercise, exercise.reference, args),
            }
            for note, *args in drawn
        ],
        "mutants": [
            {"sentence": sentence, "outputs": [tried(exercise, mutant, args) for _, *args in drawn]}
            for sentence, mutant in mutants.items()
        ],
    }


def in_chapter(section, chapter):
    """A heading, or a dict of them, with the chapter it is in."""
    if isinstance(section, dict):
        return {key: in_chapter(heading, chapter) for key, heading in section.items()}
    return f"{chapter}, “{section}”" if chapter else section


def record_answer(answer):
    """An answer's record: fingerprints of the right value and of the known wrong ones."""
    value = answer.value
    many = isinstance(value, dict)
    wrong = [(s, *(w if many else ("It", w))) for s, w in answer.mutants.items()]
    return {
        "kind": "answer",
        "choices": list(answer.choices),
        "digests": {k: answers.digest(answer.name, v) for k, v in value.items()}
        if many
        else answers.digest(answer.name, value),
        "mutants": [
            {"sentence": s, "digest": answers.digest(f"{answer.name} {repr(k) if many else k}", w)} for s, k, w in wrong
        ],
    }


def record_experiment(experiment, seed, graded):
    """An experiment's record: its data, its bars, and what to say."""
    data = experiment.data(graded)
    arrays = {f"{axis}_{part}": array for part, pair in data.items() for axis, array in zip("xy", pair, strict=True)}
    return arrays | {
        "kind": "experiment",
        "seed": seed,
        "classes": experiment.classes,
        "bars": [list(bar) for bar in experiment.bars],
        "seconds": experiment.seconds,
        "sentences": {kind: sentence for kind, (sentence, _) in experiment.mutants.items()},
    }


def standins(slug, exercise):
    """Correct sources of the set's other exercises that this one's reference calls, by name."""
    if not isinstance(exercise, Exercise):
        return {e.reference.__name__: sources.flat(e.reference) for e in asked(slug).values()}
    called = sources.names_used(exercise.reference)
    others = {e.reference.__name__: e for e in asked(slug).values() if e.name != exercise.name}
    found = {}
    for name, other in others.items():
        if name in called:
            found |= standins(slug, other) | {name: sources.flat(other.reference)}
    return found
