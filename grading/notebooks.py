"""Build nbgrader's source notebooks from solutions/chNN_slug/chNN_slug.md and spec.py.

A set's text is a MyST notebook. Beside ordinary cells it has these kinds, each with minutes and difficulty (1 to 3):

    :exercise: layers.linear_backward   the reference function: signature and docstring stand, the body is the solution
    :repair: layers.linear_forward      the same, but the student is handed a broken body instead of none
    :answer: ch02.parameters            one assignment; the student is handed it with None on the right
    :experiment: ch10.digits            a training procedure, its body between ### BEGIN SOLUTION and ### END SOLUTION
    :check: layers.linear_backward      the locked cell that grades it; :points: n
    +++ {"written": "why", "points": 2} a Markdown cell holding the model answer, graded by hand

A code cell that shows something and defines nothing that is graded bears :tags: [demo]: grading skips it.
"""

import ast
import difflib
import hashlib
import inspect
import textwrap

import jupytext
import nbformat
import yaml
from nbgrader.preprocessors import NbGraderPreprocessor

from checks import cases
from grading import sources, spec

KINDS = ("exercise", "repair", "answer", "experiment")
WHEEL = f"neuron_checks-{__import__('checks').__version__}-py3-none-any.whl"


class ReleaseSource(NbGraderPreprocessor):
    """In the released notebook, give a repair its broken body and an answer its empty right-hand side."""

    def preprocess_cell(self, cell, resources, index):
        cell.source = cell.metadata.pop("released", cell.source)
        return cell, resources


def build(slug):
    """One set's source notebook. Raises SpecError, with file and line, where the text and spec.py do not fit."""
    path = spec.SOLUTIONS / slug / f"{slug}.md"
    text = path.read_text(encoding="utf-8")
    module = spec.load(slug)
    known = {e.name: e for e in module.EXERCISES}
    notebook = jupytext.reads(text, fmt="md:myst")

    def fail(what, message):
        line = next((i for i, row in enumerate(text.splitlines(), 1) if what in row), 1)
        raise spec.SpecError(f"{path.relative_to(spec.ROOT)}:{line}: {message}")

    asked, checked, done = {}, {}, []
    for cell in notebook.cells:
        kind = next((k for k in (*KINDS, "check", "written") if k in cell.metadata), None)
        if kind is None:
            done.append(plain(cell))
            continue
        name = cell.metadata[kind]
        if kind != "written" and name not in known:
            near = difflib.get_close_matches(name, known, 1)
            fail(name, f"spec.py has no {name}" + (f"; did you mean {near[0]}?" if near else ""))
        seen = checked if kind == "check" else asked
        if name in seen:
            fail(f":{kind}: {name}", f"{kind} {name} stands twice")
        for key in ("points",) if kind == "check" else ("minutes", "difficulty"):
            if key not in cell.metadata:
                fail(name, f"{kind} {name} does not say its {key}")
        if kind == "check" and name not in asked:
            fail(f":check: {name}", f"the check of {name} comes before it")
        told = {key: cell.metadata.get(key) for key in ("points", "minutes", "difficulty")}
        try:
            done.append(MAKERS[kind](cell, name, known.get(name), asked))
        except (SyntaxError, sources.SourceError) as error:
            fail(name, str(error))
        seen[name] = told | {
            "kind": kind,
            "number": len(seen) + 1,  # a file's dicts are sorted by name
            "variable": assigned(cell.source) if kind in ("answer", "experiment") else None,
        }
    for name in known:
        if name not in asked or name not in checked:
            fail(name, f"{name} is in spec.py, but the text has no {'cell' if name not in asked else 'check'} for it")
    for name, entry in asked.items():
        entry["points"] = checked[name]["points"] if name in checked else entry["points"]
    title, *rest = done
    notebook.cells = [title, overview(asked), *colab(slug), imports(slug, known), *rest]
    for cell in notebook.cells:
        stable_id(cell)
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
            "course": {"set": slug, "exercises": asked},
        }
    )
    return notebook


def stable_id(cell):
    """A cell id that is the same on every build."""
    grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
    cell["id"] = grade_id or hashlib.sha256((cell.cell_type + cell.source).encode()).hexdigest()[:12]


def graded(cell, name, source, points=None, solution=False, released=None):
    """cell as nbgrader wants it: a solution when it is the student's, locked when it grades."""
    cell.source = source
    metadata = {
        "schema_version": 3,
        "grade_id": spec.grade_id(name),
        "cell_type": cell.cell_type,
        "grade": points is not None,
        "solution": solution,
        "locked": not solution,
        "task": False,
    }
    if points is not None:
        metadata["points"] = points
    cell.metadata = nbformat.from_dict({"nbgrader": metadata} | ({"released": released} if released else {}))
    return cell


def plain(cell):
    """A cell that is neither the student's nor the grader's; of its metadata, its tags stay."""
    tags = cell.metadata.get("tags", [])
    if "demo" in tags:  # "Run All" goes on past a demonstration of what is not written yet
        tags = [*tags, "raises-exception"]
    cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
    return cell


def make_exercise(cell, name, exercise, asked):
    """The reference function, its body fenced."""
    return graded(cell, name, sources.fenced(exercise.reference), solution=True)


def make_repair(cell, name, exercise, asked):
    """The reference function, handed out with the body of its broken version."""
    right = sources.flat(exercise.reference)
    if callable(exercise.broken):
        broken = textwrap.dedent(inspect.getsource(exercise.broken))
        broken = broken.replace(f"def {exercise.broken.__name__}(", f"def {exercise.reference.__name__}(")
    else:
        broken = right
        for old, new in exercise.broken.items():
            broken = broken.replace(
                sources.unqualified(exercise.reference, old), sources.unqualified(exercise.reference, new)
            )
    if ast.dump(ast.parse(broken)) == ast.dump(ast.parse(right)):
        raise sources.SourceError(f"the broken version of {name} is the right one")
    return graded(cell, name, right, solution=True, released=broken)


def make_answer(cell, name, exercise, asked):
    """One assignment is handed out with None for its value, or for every value of its dict."""
    node = ast.parse(cell.source).body[-1]
    if not isinstance(node, ast.Assign):
        raise sources.SourceError(f"the last statement of answer {name} must be an assignment")
    lines = cell.source.splitlines()[: node.lineno - 1]
    target = ast.unparse(node.targets[0])
    if isinstance(node.value, ast.Dict):
        rows = [f"    {ast.unparse(key)}: None," for key in node.value.keys]
        released = [*lines, f"{target} = {{", *rows, "}"]
    else:
        released = [*lines, f"{target} = None"]
    return graded(cell, name, cell.source, solution=True, released="\n".join(released))


def make_experiment(cell, name, exercise, asked):
    """The text's own cell, its solution fenced."""
    if "### BEGIN SOLUTION" not in cell.source:
        raise sources.SourceError(f"experiment {name} marks no solution")
    return graded(cell, name, cell.source, solution=True)


def make_check(cell, name, exercise, asked):
    """The locked cell that grades an exercise."""
    return graded(
        cell,
        f"check-{name}",
        f'check("{name}", {asked[name]["variable"] or name.split(".")[-1]})',
        points=cell.metadata["points"],
    )


def make_written(cell, name, exercise, asked):
    """A model answer, handed out empty and graded by hand."""
    return graded(cell, name, cell.source, points=cell.metadata["points"], solution=True)


MAKERS = {
    "exercise": make_exercise,
    "repair": make_repair,
    "answer": make_answer,
    "experiment": make_experiment,
    "check": make_check,
    "written": make_written,
}


def assigned(source):
    """The name the last statement of an answer or experiment cell binds."""
    node = ast.parse(source).body[-1]
    return node.name if isinstance(node, ast.FunctionDef) else ast.unparse(node.targets[0])


def overview(asked):
    """The table of a set's exercises, and how to work with it."""
    rows = []
    for name, entry in asked.items():
        called = f"`{entry['variable'] or name.split('.')[-1]}`" if entry["kind"] != "written" else "in your own words"
        marks = "●" * entry["difficulty"]
        rows.append(f"| {called} | {entry['kind']} | {entry['points']:g} | {entry['minutes']} | {marks} |")
    points, minutes = (sum(entry[key] for entry in asked.values()) for key in ("points", "minutes"))
    return nbformat.v4.new_markdown_cell(
        "| exercise | kind | points | minutes | difficulty |\n|---|---|---|---|---|\n"
        + "\n".join(rows)
        + f"\n| **together** | | **{points:g}** | **{minutes}** | |\n\n"
        "Run the cells from top to bottom with Shift+Enter. Write each function in its cell, in place of "
        "`raise NotImplementedError`; its check follows at once and says what is right, what is not, and where to "
        "look. Any correct method earns the points. When you hand the notebook in, functions are checked again on "
        "other numbers.\n\n"
        f"If the next cell finds no `checks`, run `%pip install {WHEEL}` once: the file lies beside this notebook."
    )


def colab(slug):
    """Where the course is public, a cell that fetches the set's files in Colab, which opens the notebook alone."""
    repository = yaml.safe_load((spec.ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]
    if not repository["url"]:
        return []
    source = f"""# In Colab, this cell fetches the set's files. Elsewhere it does nothing.
import os

if "COLAB_RELEASE_TAG" in os.environ:
    !git clone --quiet --depth 1 --branch {repository["branch"]} {repository["url"]} course
    !cp -r course/exercises/{slug}/. course/checks ."""
    return [plain(nbformat.v4.new_code_cell(source, metadata={"tags": ["demo"]}))]


def imports(slug, known):
    """The locked first cell: NumPy, the check, and what the set is given."""
    outside = {
        text
        for e in known.values()
        if isinstance(e, spec.Exercise) and not e.module
        for text in sources.needs(e.reference.__module__, e.reference.__name__)[1]
    }
    given = sorted(name.split(".")[-1] for name in spec.load(slug).GIVEN)
    lines = sorted(outside - {"import numpy as np"})
    lines += ["", "import numpy as np", "", "from checks import check"]
    if given:
        joined = f"from given import {', '.join(given)}"
        lines.append(joined if len(joined) < 100 else "from given import (\n    " + ",\n    ".join(given) + ",\n)")
    return graded(nbformat.v4.new_code_cell(), "imports", "\n".join(lines).strip())


def write_records(path, slug, asked, seed, graded=False):
    """Draw a set's cases from seed and write them to path; graded are those that no student sees."""
    module = spec.load(slug)
    cases.save(
        path,
        {
            e.name: spec.record(
                e,
                asked[e.name]["points"],
                seed,
                chapter=f"chapter {int(slug[2:4])}",
                standins=spec.standins(slug, e) if graded else None,
                graded=graded,
            )
            for e in module.EXERCISES
        },
        compressed=not graded,  # they travel no further
    )
