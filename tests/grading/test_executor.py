"""The trusted executor: what a graded cell sees of a submission, and what a submission can do to it."""

import nbformat
import pytest
from nbgrader import utils

from grading.executor import TrustedExecute

V4 = nbformat.v4


def marked(source, name, **flags):
    settings = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3} | flags
    cell = V4.new_code_cell(source)
    cell.metadata["nbgrader"] = {"grade_id": name, "cell_type": "code"} | settings
    return cell


def notebook(parts):
    """A notebook of (kind, source): plain, locked, solution, graded (2 points)."""
    made = {
        "plain": lambda source, _: V4.new_code_cell(source),
        "locked": lambda source, name: marked(source, name, locked=True),
        "solution": lambda source, name: marked(source, name, solution=True),
        "graded": lambda source, name: marked(source, name, grade=True, locked=True, points=2),
    }
    return V4.new_notebook(cells=[made[kind](source, f"{kind}-{i}") for i, (kind, source) in enumerate(parts)])


@pytest.fixture
def graded(tmp_path):
    """(parts, {index: the submission's source}, **options) -> [score of each graded cell], the notebook."""

    def run(parts, changes=(), files=(), **options):
        source, folder = tmp_path / "source", tmp_path / "submission"
        for place in (source, folder):
            place.mkdir(exist_ok=True)
        for name, content in dict(files).items():
            (source / name).write_text(content)
        nbformat.write(notebook(parts), source / "lesson.ipynb")
        changes = dict(changes)
        nb = notebook([(kind, changes.get(i, text)) for i, (kind, text) in enumerate(parts)])
        resources = {"nbgrader": {"assignment": "a", "notebook": "lesson"}, "source": source}
        resources["metadata"] = {"path": str(folder)}
        options = {"timeout": 10} | options
        nb, _ = TrustedExecute(**options).preprocess(nb, resources)
        return [utils.determine_grade(cell)[0] for cell in nb.cells if utils.is_grade(cell)], nb

    return run


SQUARE = [
    ("plain", "import numpy as np\nLIMIT = 1e-6\ndef near(a, b):\n    return abs(a - b) < LIMIT"),
    ("solution", "def square(x):\n    return x * x"),
    ("graded", "assert near(square(3), 9)\nassert np.allclose(square(np.arange(3.0)), [0, 1, 4])"),
]


def test_right_and_wrong(graded):
    assert graded(SQUARE)[0] == [2]
    assert graded(SQUARE, {1: "def square(x):\n    return x + x"})[0] == [0]
    assert graded(SQUARE, {1: "raise NotImplementedError"})[0] == [0]
    assert graded(SQUARE, {1: "def square(x:"})[0] == [0]


ALWAYS = """
class Always:
    def __eq__(self, other): return True
    def __lt__(self, other): return True
    def __sub__(self, other): return 0.0
    def __abs__(self): return 0.0
    def __float__(self): return 9.0
    def __bool__(self): return True
    def __array__(self, *a, **k): raise TypeError
    def __getattr__(self, name): return lambda *a, **k: True
def square(x): return Always()
"""


@pytest.mark.parametrize("test", ["assert square(3) == 9", "assert abs(square(3) - 9) < 1e-6", "assert square(3) < 10"])
def test_an_object_that_agrees_with_everything_earns_nothing(graded, test):
    assert graded([*SQUARE[:2], ("graded", test)], {1: ALWAYS})[0] == [0]
    assert graded([*SQUARE[:2], ("graded", test)])[0] == [2]


def test_subclasses_count_as_what_they_extend(graded):
    cheat = "class F(float):\n    def __eq__(self, other): return True\ndef square(x):\n    return F(1.0)"
    assert graded([*SQUARE[:2], ("graded", "assert square(3) == 9")], {1: cheat})[0] == [0]
    cheat = """
import numpy as np
class A(np.ndarray):
    def __array_function__(self, *a): return True
    def __array_ufunc__(self, *a, **k): return np.bool_(True)
def square(x): return np.zeros(3).view(A)
"""
    assert graded(SQUARE, {1: cheat})[0] == [0]


def test_a_redefined_tool_of_the_test_is_not_used(graded):
    changed = {0: "near = lambda a, b: True", 1: "def square(x): return 0"}
    assert graded([*SQUARE[:2], ("graded", "assert near(square(3), 9)")], changed)[0] == [0]
    changed = {1: "import builtins\nbuiltins.abs = lambda x: 0\nnp = 0\nLIMIT = 1e9\ndef square(x): return 0"}
    assert graded([*SQUARE[:2], ("graded", "assert near(square(3), 9)")], changed)[0] == [0]


CLASS = [
    (
        "solution",
        """
class Vector:
    def __init__(self, x, y): self.x, self.y = x, y
    def __add__(self, other): return Vector(self.x + other.x, self.y + other.y)
    def __eq__(self, other): return (self.x, self.y) == (other.x, other.y)
    def __len__(self): return 2
    def __iter__(self): return iter((self.x, self.y))
    def norm(self): return (self.x ** 2 + self.y ** 2) ** 0.5
def length(v): return v.norm()
""",
    ),
    ("graded", "v = Vector(3, 4) + Vector(0, 0)\nassert v == Vector(3, 4) and v.norm() == 5\nassert list(v) == [3, 4]"),
    ("graded", "assert length(Vector(3, 4)) == 5\nassert isinstance(Vector(0, 1), Vector) and len(Vector(1, 1)) == 2"),
]


def test_a_class_exercise_works_as_the_solution_needs_it(graded):
    assert graded(CLASS)[0] == [2, 2]
    assert graded(CLASS, {0: CLASS[0][1].replace("** 0.5", "")})[0] == [0, 0]
    assert graded(CLASS, learn=False)[0] == [0, 0]  # without the lesson nothing is permitted


def test_what_one_cell_may_ask_another_may_not(graded):
    parts = [*CLASS, ("solution", "def two():\n    return 2"), ("graded", "assert two() == 2")]
    cheat = "class E(Vector):\n    def __init__(self): pass\n    def __eq__(self, other): return True\n"
    cheat += "def two(): return E()"
    assert graded(parts, {3: cheat})[0] == [2, 2, 0]


def test_arguments_are_changed_only_where_the_solution_changes_them(graded):
    parts = [
        ("solution", "def order(items):\n    items.sort()"),
        ("graded", "items = [3, 1, 2]\norder(items)\nassert items == [1, 2, 3]"),
        ("solution", "def total(items):\n    return sum(items)"),
        ("graded", "items = [3, 1, 2]\nassert total(items) == sum(items)"),
    ]
    assert graded(parts)[0] == [2, 2]
    assert graded(parts, {2: "def total(items):\n    items.clear()\n    return 0"})[0] == [2, 0]


def test_a_generator_goes_on_and_cannot_be_rigged(graded):
    parts = [
        ("plain", "import numpy as np"),
        ("solution", "def noise(rng):\n    return rng.normal(size=3)"),
        (
            "graded",
            "rng, mine = np.random.default_rng(1), np.random.default_rng(1)\n"
            "for _ in range(3):\n    assert np.array_equal(noise(rng), mine.normal(size=3))",
        ),
        ("graded", "rng = np.random.default_rng(1)\nnoise(rng)\nassert rng.integers(1 << 60) > 0"),
    ]
    assert graded(parts)[0] == [2, 2]
    rigged = "def noise(rng):\n    rng.bit_generator.state = np.random.PCG64(7).state\n    return np.zeros(3)"
    assert graded(parts, {1: rigged})[0] == [0, 2]


def test_seeds_of_the_test_reach_the_submission(graded):
    parts = [
        ("plain", "import numpy as np, random"),
        ("solution", "def draw():\n    return np.random.rand(), random.random()"),
        (
            "graded",
            "np.random.seed(4)\nrandom.seed(4)\na = draw()\nnp.random.seed(4)\nrandom.seed(4)\n"
            "assert a == (np.random.rand(), random.random())",
        ),
        (
            "graded",
            "np.random.seed(4)\nrandom.seed(4)\na = draw()\nnp.random.seed(4)\nrandom.seed(4)\nassert a == draw()",
        ),
        ("graded", "np.random.seed(5)\na = draw()\nb = draw()\nassert a[0] != b[0]"),
    ]
    assert graded(parts)[0] == [2, 2, 2]


TWICE = """
def twice(f, x):
    if x < 0:
        raise ValueError("negative")
    print("hi")
    return f(f(x))
"""
RAISES = """
try:
    twice(abs, -1)
except ValueError as error:
    assert str(error) == "negative"
else:
    assert False
"""
PRINTS = """
import io, contextlib
with contextlib.redirect_stdout(io.StringIO()) as out:
    twice(abs, 1)
assert out.getvalue() == "hi\\n"
"""


def test_callbacks_exceptions_and_printing(graded):
    tests = ["assert twice(lambda x: x + 3, 1) == 7", RAISES, PRINTS]
    parts = [("solution", TWICE), *(("graded", test) for test in tests)]
    scores, nb = graded(parts)
    assert scores == [2, 2, 2]
    assert nb.cells[1].outputs == []  # what the submission prints is no part of a graded cell
    assert graded(parts, {0: "def twice(f, x):\n    return f(x)"})[0] == [0, 0, 0]


def test_a_crash_costs_the_cells_it_touches(graded):
    parts = [
        ("solution", "counter = [0]\ndef one():\n    return 1"),
        ("graded", "assert one() == 1"),
        ("solution", "def two():\n    return 2"),
        ("graded", "assert two() == 2"),
        ("solution", "three = one() + 2"),
        ("graded", "assert three == 3"),
    ]
    dies = "import os\ndef two():\n    os._exit(0)"
    scores, nb = graded(parts, {2: dies})
    assert scores == [2, 0, 2]
    assert nb.metadata["grading"]["cells"]["graded-3"]["stopped"] == "crash"
    scores, nb = graded(parts, {2: "import os\nos._exit(0)\ndef two(): return 2"})
    assert scores == [2, 0, 2]
    assert nb.metadata["grading"]["cells"]["solution-2"]["stopped"] == "crash"


@pytest.mark.parametrize(
    "loop",
    ["while True: pass", "while True:\n        try:\n            while True: pass\n        except BaseException: pass"],
)
def test_a_loop_without_end_costs_one_cell(graded, loop):
    parts = [
        ("solution", "def one():\n    return 1"),
        ("solution", "def two():\n    return 2"),
        ("graded", "assert two() == 2"),
        ("graded", "assert one() == 1"),
    ]
    scores, nb = graded(parts, {1: f"def two():\n    {loop}"}, timeout=1)
    assert scores == [0, 2]
    assert nb.cells[2].outputs[0].ename == "CellTimeoutError"
    scores, nb = graded(parts, {1: f"if True:\n    {loop}"}, timeout=1)
    assert scores == [0, 2]
    assert nb.metadata["grading"]["cells"]["solution-1"]["stopped"] == "time"


def test_memory_and_output_are_bounded(graded):
    parts = [("solution", "def two():\n    return 2"), ("graded", "assert two() == 2")]
    hungry = "print('x' * 3_000_000)\nimport numpy as np\ndef two():\n    return np.ones(1 << 30).sum()"
    scores, nb = graded(parts, {0: hungry}, memory=512)
    assert scores == [0] and "MemoryError" in nb.cells[1].outputs[0].ename
    assert sum(len(o.text) for o in nb.cells[0].outputs) < 1_100_000


def test_scores_are_safe(graded):
    def scored(value):
        return graded([("plain", "import numpy as np"), ("solution", f"x = {value}"), ("graded", "x")])[0][0]

    assert scored("float('nan')") == 0
    assert scored("-3") == 0
    assert scored("100") == 2
    assert scored("np.float64(1.5)") == 1.5
    assert scored("np.array(1.5)") == 1.5


def test_the_value_of_a_submissions_own_object_is_no_score(graded):
    parts = [("solution", "x = 1"), ("graded", "x")]
    _, nb = graded(parts, {0: "class S:\n    def __repr__(self): return '1e9'\nx = S()"})
    assert "1e9" not in str(nb.cells[1].outputs)


def test_files(graded):
    parts = [
        ("solution", "open('out.csv', 'w').write('1,2')"),
        ("graded", "assert open('out.csv').read() == '1,2'"),
        ("graded", "assert open('given.csv').read() == 'mine'"),
    ]
    files = {"given.csv": "mine", "helper.py": "def f(): return 1"}
    assert graded(parts, files=files)[0] == [2, 2]
    bad = "open('out.csv', 'w').write('x')\nopen('given.csv', 'w').write('y')\nopen('helper.py', 'w').write('1/0')"
    assert graded([*parts, ("graded", "import helper\nassert helper.f() == 1")], {0: bad}, files)[0] == [0, 2, 2]


KIT = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Config:
    n: int
    f: object = abs
"""
NODE = """
from kit import Config

class Node:
    def __init__(self, value, next=None):
        self.value, self.next = value, next
"""
FLIP = """
def size(config):
    return config.n

def flip(node):
    back = None
    while node:
        node.next, back, node = back, node, node.next
    return back
"""
FLIPPED = """
n = flip(Node(1, Node(2, Node(3))))
assert (n.value, n.next.value, n.next.next.value, n.next.next.next) == (3, 2, 1, None)
"""


def test_instructors_classes_travel_by_value(graded):
    parts = [("locked", NODE), ("solution", FLIP), ("graded", "assert size(Config(3)) == 3"), ("graded", FLIPPED)]
    assert graded(parts, files={"kit.py": KIT})[0] == [2, 2]
    wrong = "def size(config):\n    return 0\ndef flip(node):\n    return node"
    assert graded(parts, {1: wrong}, {"kit.py": KIT})[0] == [0, 0]


def test_secrets_stay_out_of_a_submissions_reach(graded):
    hunt = """
import gc, os, sys
found = []
for path in ("/etc/passwd", "../trusted", "..", "/proc/self/environ"):
    try:
        found.append(open(path).read() if os.path.isfile(path) else os.listdir(path))
    except OSError:
        pass
hits = [o for o in gc.get_objects() if isinstance(o, str) and "SECRET" in o]
def two():
    return len(found)
"""
    parts = [("solution", "def two():\n    return 0"), ("graded", "SECRET = 'SECRET'\nassert two() == 0")]
    assert graded(parts, {0: hunt})[0] == [2]


def test_without_a_sandbox_it_refuses(graded, monkeypatch):
    from grading import executor

    monkeypatch.setattr(executor, "support", lambda: {})
    monkeypatch.setattr(executor.sandbox, "complete", lambda _: ["There is no Landlock here."])
    with pytest.raises(executor.NoSandbox, match="--no-sandbox"):
        graded(SQUARE)
    assert graded(SQUARE, sandbox=False)[0] == [2]


def test_outputs_run_nothing_in_the_graders_browser(graded):
    shows = """
from IPython.display import HTML, Javascript, display
display(HTML("<table><tr><td>7</td></tr></table><script>steal()</script><img src=x onerror=steal()>"))
display(Javascript("steal()"))
"""
    _, nb = graded([("solution", "two = 2"), ("graded", "assert two == 2")], {0: shows})
    assert "steal" not in str([o.get("data", {}).get("text/html") for o in nb.cells[0].outputs])
    assert "<td>7</td>" in nb.cells[0].outputs[0].data["text/html"]
    assert {mime for o in nb.cells[0].outputs for mime in o.data} == {"text/plain", "text/html"}
