"""A small nbgrader course that is not ours: two problem sets as teachers write them, with everything nbgrader allows.

    make(folder)            the course, released; returns folder
    submit(folder, student, slug, change, late=hours)

A set is a text of cells, each under a line `%% code NAME KIND POINTS`; a cell with no kind is plain and unlocked, as
teachers leave their imports and helpers. The students are in foreign_students.py.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

KINDS = {  # (grade, solution, locked, task)
    "answer": (False, True, False, False),
    "test": (True, False, True, False),
    "manual": (True, True, False, False),
    "locked": (False, False, True, False),
    "task": (False, False, True, True),
}
DUE = "2031-03-01 12:00:00 UTC"
CONFIG = """\
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

c = get_config()
c.CourseDirectory.course_id = "numerics"
c.CourseDirectory.db_url = "sqlite:///" + os.path.join(os.path.dirname(os.path.abspath(__file__)), "gradebook.db")
c.ExecutePreprocessor.timeout = c.TrustedExecute.timeout = 10
c.AssignLatePenalties.plugin_class = "latepolicy.AnHourAPoint"
c.ClearSolutions.code_stub = {"python": "# your code here\\nraise NotImplementedError"}
"""
LATE = '''\
"""One point an hour."""

from nbgrader.plugins import LateSubmissionPlugin


class AnHourAPoint(LateSubmissionPlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return total_seconds_late // 3600
'''
RELEASE = f"""\
import sys
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from nbgrader.utils import parse_utc
from traitlets.config import PyFileConfigLoader

config = PyFileConfigLoader("nbgrader_config.py").load_config()
for slug in sys.argv[1:]:
    done = NbGraderAPI(config=config).generate_assignment(slug)
    if not done["success"]:
        sys.exit(done["error"] or done["log"])
with Gradebook(config.CourseDirectory.db_url, "numerics") as gradebook:
    for slug in sys.argv[1:]:
        gradebook.find_assignment(slug).duedate = parse_utc("{DUE}")
    gradebook.db.commit()
"""

NUMBERS = '''
%% markdown
# Problem set 1: numbers
Write each function in its cell. Any correct method is welcome.
%% code
import math
import numpy as np
%% code
def close(a, b, tolerance=1e-9):
    """Whether two numbers, or two lists of numbers, agree."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    return a.shape == b.shape and bool(np.all(np.abs(a - b) <= tolerance))
%% code setup locked
SAMPLES = [[2.0, 8.0], [1.0, 1.0, 1.0], [3.0, 9.0, 27.0]]
TOLERANCE = 1e-9
%% code geometric_mean answer
def geometric_mean(values):
    """The n-th root of the product of n positive numbers. Raises ValueError for none, or one that is not."""
    ### BEGIN SOLUTION
    if not len(values) or min(values) <= 0:
        raise ValueError("positive numbers only, and at least one")
    return math.exp(sum(math.log(v) for v in values) / len(values))
    ### END SOLUTION
%% code test_geometric_mean test 2
for sample, expected in zip(SAMPLES, [4.0, 1.0, 9.0]):
    assert abs(geometric_mean(sample) - expected) < TOLERANCE, f"wrong for {sample}"
### BEGIN HIDDEN TESTS
quince_7351 = geometric_mean([5.0, 20.0, 10.0])
assert math.isclose(quince_7351, 10.0), "wrong for a list of three"
### END HIDDEN TESTS
%% code test_geometric_mean_errors test 1
assert math.isclose(geometric_mean([4.0]), 4.0)
for bad in ([], [1.0, 0.0], [-2.0, 2.0]):
    try:
        geometric_mean(bad)
    except ValueError:
        pass
    else:
        raise AssertionError(f"{bad} should raise a ValueError")
%% code moving_average answer
def moving_average(x, width):
    """The means of all windows of `width` neighbours of a one-dimensional array, as an array."""
    ### BEGIN SOLUTION
    return np.convolve(x, np.ones(width) / width, mode="valid")
    ### END SOLUTION
%% code test_moving_average test 2
np.testing.assert_allclose(moving_average(np.array([1.0, 3.0, 5.0, 7.0]), 2), [2.0, 4.0, 6.0])
np.testing.assert_allclose(moving_average(np.arange(6.0), 6), [2.5], err_msg="one window")
assert close(moving_average(np.array([2.0, 4.0]), 1), [2.0, 4.0])
%% code smoothed answer
def smoothed(x, width, times):
    """moving_average, `times` times over."""
    ### BEGIN SOLUTION
    for _ in range(times):
        x = moving_average(x, width)
    return x
    ### END SOLUTION
%% code test_smoothed test 1
wanted = np.array([5.0, 7.0])
assert np.array_equal(smoothed(np.array([1.0, 3.0, 5.0, 7.0, 9.0][1:]), 2, 2), wanted)
assert smoothed(np.zeros(5), 2, 4).shape == (1,)
%% code sort_by_size answer
def sort_by_size(words):
    """Sort a list of words in place: shorter ones first, words of one length by the alphabet. Returns nothing."""
    ### BEGIN SOLUTION
    words.sort(key=lambda w: (len(w), w))
    ### END SOLUTION
%% code test_sort_by_size test 1
words = ["pear", "fig", "quince", "plum", "yam"]
assert sort_by_size(words) is None
assert words == ["fig", "yam", "pear", "plum", "quince"]
%% code integrate answer
def integrate(f, a, b, n):
    """The midpoint rule for f from a to b, with n strips of one width."""
    ### BEGIN SOLUTION
    h = (b - a) / n
    return h * sum(f(a + (i + 0.5) * h) for i in range(n))
    ### END SOLUTION
%% code test_integrate test 2
calls = []
assert close(integrate(lambda x: calls.append(x) or x * x, 0.0, 3.0, 3), 8.75)
assert calls == [0.5, 1.5, 2.5], "f is called once a strip, from left to right"
assert abs(integrate(math.sin, 0.0, math.pi, 200) - 2) < 1e-4
%% code roll answer
def roll(rng, n):
    """n throws of a die: an array of n whole numbers from 1 to 6, by one call of rng.integers."""
    ### BEGIN SOLUTION
    return rng.integers(1, 7, size=n)
    ### END SOLUTION
%% code test_roll test 1
thrown = roll(np.random.default_rng(11), 50)
assert len(thrown) == 50 and set(np.unique(thrown).tolist()) == {1, 2, 3, 4, 5, 6}
assert (thrown == np.random.default_rng(11).integers(1, 7, size=50)).all()
%% code save_squares answer
def save_squares(path, n):
    """Write the lines "0,0", "1,1", "2,4" … to a file: the numbers below n and their squares."""
    ### BEGIN SOLUTION
    with open(path, "w") as file:
        for i in range(n):
            file.write(f"{i},{i * i}\\n")
    ### END SOLUTION
%% code test_save_squares test 2
save_squares("squares.csv", 4)
with open("squares.csv") as file:
    assert file.read().split() == ["0,0", "1,1", "2,4", "3,9"]
%% code largest answer
def largest(values, n):
    """The n largest of a list of numbers, in rising order, as a list."""
    ### BEGIN SOLUTION
    return sorted(values)[len(values) - n :]
    ### END SOLUTION
%% code test_largest test 1
measured = [4, 9, 2, 7]
assert largest(measured, 2) == sorted(measured)[-2:]
assert len(largest(measured, 3)) == len(measured[1:])
%% code column_sum answer
def column_sum(path):
    """The sum of all numbers in a file where they stand with commas between them."""
    ### BEGIN SOLUTION
    return float(np.loadtxt(path, delimiter=",").sum())
    ### END SOLUTION
%% code test_column_sum test 1
assert close(column_sum("series.csv"), np.loadtxt("series.csv", delimiter=",").sum())
%% code primes_below answer
def primes_below(n):
    """The list of primes smaller than n."""
    ### BEGIN SOLUTION
    return [p for p in range(2, n) if all(p % d for d in range(2, int(p**0.5) + 1))]
    ### END SOLUTION
%% code test_primes_below test 3
score = 0
for n, primes in [(10, [2, 3, 5, 7]), (20, [2, 3, 5, 7, 11, 13, 17, 19]), (2, [])]:
    if list(primes_below(n)) == primes:
        score += 1
score * 3 / 3
%% markdown explain manual 2
YOUR ANSWER HERE
%% code picture manual 2
# Draw the running means of 100 throws.
%% markdown data task 1
Find three series of numbers, smooth them, and put what you see into cells below.
'''

WORDS = '''
%% markdown
# Problem set 2: words, files and classes
%% code imports locked
import contextlib
import io

import numpy as np

TEXT = "the fig and the plum and the pear"
%% code tokens answer
def tokens(text):
    """The words of a text, in lower case and without the marks . , ! ? around them; a list."""
    ### BEGIN SOLUTION
    return [word for word in (w.strip(".,!?").lower() for w in text.split()) if word]
    ### END SOLUTION
%% code test_tokens test 1
assert tokens("Figs, plums!") == ["figs", "plums"]
assert tokens(TEXT)[:2] == ["the", "fig"] and tokens("") == []
%% code word_counts answer
def word_counts(text):
    """{word: how often it is among tokens(text)}"""
    ### BEGIN SOLUTION
    counts = {}
    for word in tokens(text):
        counts[word] = counts.get(word, 0) + 1
    return counts
    ### END SOLUTION
%% code test_word_counts test 1
counts = word_counts(TEXT)
assert counts == {"the": 3, "fig": 1, "and": 2, "plum": 1, "pear": 1}
%% code test_word_counts_more test 1
assert sorted(counts) == ["and", "fig", "pear", "plum", "the"]
assert sum(counts.values()) == 8 and max(counts, key=counts.get) == "the"
%% code greet answer
def greet(names):
    """Print `Hello, NAME!` for each of the names, a line each."""
    ### BEGIN SOLUTION
    for name in names:
        print(f"Hello, {name}!")
    ### END SOLUTION
%% code test_greet test 1
with contextlib.redirect_stdout(io.StringIO()) as printed:
    greet(["Ada", "Max"])
assert printed.getvalue() == "Hello, Ada!\\nHello, Max!\\n", f"it printed {printed.getvalue()!r}"
%% code Money answer
class Money:
    """An amount in cents: Money(250). It adds, compares, knows its euros and prints as €2.50."""

    ### BEGIN SOLUTION
    def __init__(self, cents):
        self.cents = cents

    def __add__(self, other):
        return Money(self.cents + other.cents)

    def __eq__(self, other):
        return isinstance(other, Money) and self.cents == other.cents

    def __lt__(self, other):
        return self.cents < other.cents

    def __str__(self):
        return f"€{self.cents // 100}.{self.cents % 100:02}"

    @property
    def euros(self):
        return self.cents / 100

    @classmethod
    def read(cls, text):
        """Money from a text such as "€2.50"."""
        return cls(int(text.strip("€").replace(".", "")))
    ### END SOLUTION
%% code test_money test 2
purse = Money(250) + Money(199)
assert purse == Money(449) and not purse == Money(448)
assert purse.cents == 449 and purse.euros == 4.49
assert str(purse) == "€4.49" and str(Money(5)) == "€0.05"
%% code test_money_more test 2
assert Money.read("€3.05") == Money(305)
assert sorted([Money(3), Money(1), Money(2)])[0].cents == 1
assert isinstance(purse, Money) and Money(1) < Money(2)
purse.cents += 1
assert purse.cents == 450
%% code lengths answer
def lengths(text):
    """The lengths of the words of a text, one after the other: a generator."""
    ### BEGIN SOLUTION
    for word in tokens(text):
        yield len(word)
    ### END SOLUTION
%% code test_lengths test 1
found = lengths(TEXT)
assert next(found) == 3 and next(found) == 3
assert list(found) == [3, 3, 4, 3, 3, 4]
%% code fractions answer
def fractions(text):
    """{word: its share of tokens(text)}, from 0 to 1"""
    ### BEGIN SOLUTION
    counts = word_counts(text)
    return {word: n / sum(counts.values()) for word, n in counts.items()}
    ### END SOLUTION
%% code test_fractions test 2
right = [fractions("a b a b").get("a") == 0.5, fractions("a").get("a") == 1, fractions("") == {}]
right.append(fractions("a b") != {})
2 * np.mean(right)
%% code balance answer
def balance(ups, downs):
    """How many more ups there are than downs: a whole number."""
    ### BEGIN SOLUTION
    return len(ups) - len(downs)
    ### END SOLUTION
%% code test_balance test 1
balance([1, 2, 3], [4]) - 1
%% markdown essay manual 2
YOUR ANSWER HERE
'''
SETS = {"ps1": ("numbers", NUMBERS), "ps2": ("words", WORDS)}
FENCED = re.compile(r"^( *)### BEGIN SOLUTION\n(.*?)^ *### END SOLUTION\n?", re.MULTILINE | re.DOTALL)


def blocks(text):
    """[(the words of a block's headline, its source)] of a text in the format of this file."""
    parts = re.split(r"^%% (.*)\n", text.strip() + "\n", flags=re.MULTILINE)[1:]
    return [(head.split(), source.strip("\n")) for head, source in zip(parts[::2], parts[1::2], strict=True)]


def notebook(text):
    """The notebook of a set, with its solutions."""
    found = new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}})
    for (cell_type, *entry), source in blocks(text):
        cell = new_code_cell(source) if cell_type == "code" else new_markdown_cell(source)
        if entry:
            name, kind, *points = entry
            flags = dict(zip(("grade", "solution", "locked", "task"), KINDS[kind], strict=True))
            cell.metadata["nbgrader"] = {"grade_id": name, "schema_version": 3, **flags}
            cell.metadata["nbgrader"] |= {"points": float(points[0])} if points else {}
        found.cells.append(cell)
    return found


def solutions(slug):
    """{grade_id: the teacher's source} of a set's answers."""
    entries = [(entry, source) for entry, source in blocks(SETS[slug][1]) if entry[2:3] == ["answer"]]
    return {entry[1]: FENCED.sub(r"\2", source + "\n").rstrip() for entry, source in entries}


def environment(folder):
    """Environment variables under which a course is graded: a home of its own, and nbgrader's helpers on the path."""
    home = Path(folder) / "home"
    home.mkdir(exist_ok=True)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # nbgrader starts alembic by name
    return os.environ | {"PATH": path, "HOME": str(home), "MPLCONFIGDIR": str(home), "COLUMNS": "120"}


def python(folder, *arguments, timeout=900, prefix=(), cwd=None, **variables):
    """`python …` in a course's folder, with environment variables: the finished process, its words in stdout."""
    return subprocess.run(
        [*prefix, sys.executable, *map(str, arguments)],
        cwd=cwd or folder,
        env=environment(folder) | variables,
        timeout=timeout,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )


def make(folder):
    """Write the course into an empty or new folder and release its sets. Returns the folder.

    There are then nbgrader_config.py, gradebook.db, source/, release/, and submitted/ is to be filled by submit.
    """
    folder = Path(folder)
    for slug, (name, text) in SETS.items():
        (folder / "source" / slug).mkdir(parents=True)
        nbformat.write(notebook(text), folder / "source" / slug / f"{name}.ipynb")
    (folder / "source" / "ps1" / "series.csv").write_text("1,2,3.5\n4,5,6\n", encoding="utf-8")
    (folder / "nbgrader_config.py").write_text(CONFIG, encoding="utf-8")
    (folder / "latepolicy.py").write_text(LATE, encoding="utf-8")
    done = python(folder, "-c", RELEASE, *SETS)
    if done.returncode:
        raise RuntimeError(f"nbgrader could not release the sets: {done.stdout}")
    return folder


def submit(folder, student, slug, change, stamp=None):
    """Hand in a released set: change(notebook, its folder) does to the copy what the student does.

    stamp : the time of submission as in DUE, or None
    Returns the submission's folder.
    """
    target = Path(folder) / "submitted" / student / slug
    shutil.copytree(Path(folder) / "release" / slug, target)
    path = target / f"{SETS[slug][0]}.ipynb"
    found = nbformat.read(path, as_version=4)
    if stamp:
        (target / "timestamp.txt").write_text(stamp, encoding="utf-8")
    if change(found, target) is not False:
        nbformat.write(found, path)
    return target


def answered(cells):
    """A change for submit: {grade_id: source} written into the cells."""

    def change(found, _folder):
        for cell in found.cells:
            cell.source = cells.get(cell.metadata.get("nbgrader", {}).get("grade_id"), cell.source)

    return change
