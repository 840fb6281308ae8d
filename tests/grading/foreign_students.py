"""Thirteen honest students of the foreign course: what they hand in, as texts in foreign.py's format."""

import foreign
from nbformat.v4 import new_code_cell, new_markdown_cell

EMMY = {
    "ps1": """
%% geometric_mean
def geometric_mean(values):
    values = np.array(values)
    if values.size == 0 or (values <= 0).any():
        raise ValueError
    return np.prod(values) ** (1 / values.size)
%% moving_average
def moving_average(x, width):
    windows = np.lib.stride_tricks.sliding_window_view(x, width)
    return windows.mean(axis=1)
%% smoothed
def smoothed(x, width, times):
    return x if times == 0 else smoothed(moving_average(x, width), width, times - 1)
%% sort_by_size
def sort_by_size(words):
    words[:] = sorted(sorted(words), key=len)
%% integrate
integrate = lambda f, a, b, n: (b - a) / n * sum(map(f, [a + (b - a) * (2 * i + 1) / (2 * n) for i in range(n)]))
%% roll
def roll(rng, n):
    return rng.integers(low=1, high=6, endpoint=True, size=(n,))
%% save_squares
from pathlib import Path
def save_squares(path, n):
    Path(path).write_text("\\n".join(f"{i},{i**2}" for i in range(n)))
%% largest
import heapq
def largest(values, n):
    return heapq.nlargest(n, values)[::-1]
%% column_sum
def column_sum(path):
    with open(path) as file:
        return sum(float(x) for line in file for x in line.split(","))
%% primes_below
def primes_below(n):
    sieve = np.ones(max(n, 2), dtype=bool)
    sieve[:2] = False
    for p in range(2, int(n**0.5) + 1):
        sieve[p * p :: p] = False
    return np.flatnonzero(sieve[:n])
""",
    "ps2": """
%% tokens
import re
def tokens(text):
    return re.findall(r"[^\\s.,!?]+", text.lower())
%% word_counts
from collections import Counter
def word_counts(text):
    return Counter(tokens(text))
%% greet
def greet(names):
    print(*(f"Hello, {name}!" for name in names), sep="\\n")
%% Money
from dataclasses import dataclass
@dataclass(order=True)
class Money:
    cents: int
    def __add__(self, other):
        return Money(self.cents + other.cents)
    def __str__(self):
        return "€{}.{:02d}".format(*divmod(self.cents, 100))
    @property
    def euros(self):
        return self.cents / 100
    @staticmethod
    def read(text):
        return Money(round(100 * float(text[1:])))
%% lengths
lengths = lambda text: map(len, tokens(text))
%% fractions
def fractions(text):
    return {word: n / len(tokens(text)) for word, n in word_counts(text).items()}
%% balance
def balance(ups, downs):
    return sum(1 for _ in ups) - sum(1 for _ in downs)
""",
}
ALAN = {
    "ps1": """
%% geometric_mean
def geometric_mean(values):
    return sum(values) / len(values)
%% moving_average
def moving_average(x, width):
    return np.convolve(x, np.ones(width) / width)
%% smoothed
def smoothed(x, width, times):
    return moving_average(x, width)
%% sort_by_size
def sort_by_size(words):
    return sorted(words, key=len)
%% integrate
def integrate(f, a, b, n):
    return (b - a) / n * sum(f(a + i * (b - a) / n) for i in range(n))
%% roll
def roll(rng, n):
    return np.random.default_rng(0).integers(1, 6, n)
%% save_squares
def save_squares(path, n):
    open(path, "w").write(str([i * i for i in range(n)]))
%% largest
def largest(values, n):
    values.sort()
    return values[n:]
%% column_sum
def column_sum(path):
    return sum(map(float, open(path).readline().split(",")))
%% primes_below
def primes_below(n):
    return [p for p in range(2, n) if p % 2 or p == 2][:4]
""",
    "ps2": """
%% tokens
def tokens(text):
    return text.split()
%% word_counts
def word_counts(text):
    return {word: text.count(word) for word in text}
%% greet
def greet(names):
    return [f"Hello, {name}!" for name in names]
%% Money
class Money:
    def __init__(self, cents):
        self.cents = cents
    def __add__(self, other):
        return self.cents + other.cents
%% lengths
def lengths(text):
    return [len(word) for word in tokens(text)]
%% fractions
def fractions(text):
    return {"a": 0.5}
%% balance
def balance(ups, downs):
    return len(downs) - len(ups)
""",
}
FIGURE = """\
%matplotlib inline
import matplotlib.pyplot as plt
plt.plot(np.cumsum([1, 6, 3, 2]) / np.arange(1, 5))
plt.title("running mean")
plt.show()"""
MAGICS = """\
%matplotlib inline
%timeit -n1 -r1 sum(range(10))
%time total = sum(range(100))
!echo hello from a shell
%load_ext autoreload
total"""
AWAIT = """\
import asyncio

async def slow(x):
    await asyncio.sleep(0.01)
    return 2 * x

await asyncio.gather(slow(1), slow(2))"""


def read(text):
    """{grade_id: source} of a text of answers."""
    return {name: source for (name, *_), source in foreign.blocks(text)}


def with_cells(slug, *sources):
    """Everything right, and cells of one's own, the first of them at the top, the others at the end."""

    def change(found, folder):
        foreign.answered(foreign.solutions(slug))(found, folder)
        at = next(i for i, c in enumerate(found.cells) if c.metadata.get("nbgrader", {}).get("solution"))
        found.cells.insert(at, new_code_cell(sources[0]))
        found.cells += [new_code_cell(source) for source in sources[1:]] + [new_markdown_cell("My notes.")]

    return change


def ada(slug):
    """Everything right, and the written answers too."""
    return foreign.answered(foreign.solutions(slug) | {"explain": "A root.", "essay": "Words.", "picture": "x = 3"})


def emmy(slug):
    """Everything right by other means."""
    return foreign.answered(read(EMMY[slug]))


def sofia(slug):
    """The first half."""
    right = list(foreign.solutions(slug).items())
    return foreign.answered(dict(right[: len(right) // 2]))


def alan(slug):
    """A mistake in everything."""
    return foreign.answered(read(ALAN[slug]))


def barbara(slug):
    """The first answer raises, the second is not Python, the others are right."""
    first, second, *_ = right = foreign.solutions(slug)
    broken = {
        first: f"def {first}(*args):\n    raise RuntimeError('I give up')",
        second: f"def {second}(x:\n    return",
    }
    return foreign.answered(right | broken)


def edsger(_slug):
    """Handed in as it was."""
    return foreign.answered({})


def claude(slug):
    """The third answer never ends, the others are right."""
    right = foreign.solutions(slug)
    name = list(right)[2]
    return foreign.answered(right | {name: f"def {name}(*args):\n    while True:\n        pass"})


def leonhard(slug):
    """Right, and prints a lot on the way."""
    right = foreign.solutions(slug)
    return foreign.answered({name: f'print("x" * 100 + "\\n" + "y\\n" * 3000)\n{text}' for name, text in right.items()})


def florence(slug):
    """Right, with figures."""
    return with_cells(slug, "import numpy as np\n" + FIGURE, FIGURE)


def grace(slug):
    """Right, with magics."""
    return with_cells(slug, MAGICS, "%who")


def margaret(slug):
    """Right, with await at the top level."""
    return with_cells(slug, AWAIT)


def katherine(slug):
    """Right, with cells of her own: one fails, one prints, one is empty, one defines what a test also names."""
    return with_cells(slug, "words = calls = counts = None\nscratch = [1, 2]", "1 / 0", "print(scratch)\nscratch", "")


def ida(slug):
    """Right, and late (see STAMPS)."""
    return ada(slug)


CLASS = {
    student.__name__: student
    for student in (
        ada,
        emmy,
        sofia,
        alan,
        barbara,
        edsger,
        claude,
        leonhard,
        florence,
        grace,
        margaret,
        katherine,
        ida,
    )
}
STAMPS = {"ada": "2031-03-01 11:00:00 UTC", "ida": "2031-03-01 15:30:00 UTC"}


def hand_in(folder, slug, students=CLASS):
    """Write the submissions of students to a set of the course in folder."""
    for student in students:
        foreign.submit(folder, student, slug, CLASS[student](slug), STAMPS.get(student))
