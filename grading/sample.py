"""A sample class: students who hand in what students hand in, graded end to end.

    python -m grading.sample [FOLDER]

Makes submissions to every set from the released notebooks, grades them, writes feedback, reports and grades.csv, all in
FOLDER (_build/class, emptied first).
"""

import contextlib
import io
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import nbformat

from grading import feedback, release, report, sources, spec

FOLDER = spec.ROOT / "_build" / "class"
BROKEN_SYNTAX = "def unfinished(x:\n    return x"
ENDLESS = "    while True:\n        pass"
NOISY = '    print("x" * 10_000)\n    for array in args:\n        array *= 0'


def solved(slug):
    """{grade_id: source} of a set's solved cells."""
    notebook = nbformat.read(spec.SOLUTIONS / slug / f"{slug}.ipynb", as_version=4)
    return {
        c.metadata.nbgrader.grade_id: c.source for c in notebook.cells if c.metadata.get("nbgrader", {}).get("solution")
    }


def functions(slug):
    """{grade_id: Exercise} of the functions a set asks for or hands out broken."""
    return {spec.grade_id(e.name): e for e in spec.load(slug).EXERCISES if isinstance(e, spec.Exercise)}


def changed(exercise, change):
    """An exercise's solved source with {old: new} done to it."""
    text = sources.flat(exercise.reference)
    for old, new in change.items():
        text = text.replace(sources.unqualified(exercise.reference, old), sources.unqualified(exercise.reference, new))
    return text


def with_body(exercise, body):
    """An exercise's signature over another body."""
    signature = sources.flat(exercise.reference).split("\n")[0]
    names = ", ".join(exercise.arguments)
    return f"{signature}\n    args = [a for a in ({names},) if hasattr(a, 'shape') and a.ndim]\n{body}"


# Each student is a function from a set to {grade_id: source}; cells left out stay as released.


def ada(slug):
    """Everything right."""
    return solved(slug)


def emmy(slug):
    """Everything right, by other methods where there are some."""
    cells = solved(slug)
    for grade_id, exercise in functions(slug).items():
        changes = [c for c in exercise.variants.values() if isinstance(c, dict)]
        if changes:
            cells[grade_id] = changed(exercise, changes[0])
    return cells


def mistaken(nth):
    """Makes the nth of the known mistakes in every function, and leaves out what takes long."""

    def student(slug):
        cells = {k: v for k, v in solved(slug).items() if not is_experiment(slug, k)}
        for grade_id, exercise in functions(slug).items():
            changes = [c for c in exercise.mutants.values() if isinstance(c, dict)]
            cells[grade_id] = changed(exercise, changes[nth % len(changes)])
        return cells

    student.__doc__ = f"Makes a known mistake (number {nth + 1}) in every function."
    return student


def sofia(slug):
    """Ran out of time: the first half only."""
    cells = list(solved(slug).items())
    return dict(cells[: len(cells) // 2])


def edsger(slug):
    """Handed in the notebook as it was."""
    return {}


def john(slug):
    """A syntax error in the first function, the others right."""
    return quick(slug) | {first(slug): BROKEN_SYNTAX}


def barbara(slug):
    """The first function raises, the others are right."""
    exercise = functions(slug)[first(slug)]
    return quick(slug) | {first(slug): with_body(exercise, '    raise RuntimeError("I give up")')}


def claude(slug):
    """An endless loop in the first function, the others right."""
    return quick(slug) | {first(slug): with_body(functions(slug)[first(slug)], ENDLESS)}


def leonhard(slug):
    """The first function prints a lot and destroys its arguments, the others are right."""
    exercise = functions(slug)[first(slug)]
    right = textwrap.indent(sources.flat(exercise.reference), "    ")
    names = ", ".join(exercise.arguments)
    return quick(slug) | {
        first(slug): with_body(exercise, f"{NOISY}\n{right}\n    return {exercise.reference.__name__}({names})")
    }


def marie(slug):
    """Deleted the first function's cell and the check after it (see DELETES)."""
    return quick(slug)


def hedy(slug):
    """Computes in float32 and returns lists: right numbers in the wrong clothes for the first function."""
    exercise = functions(slug)[first(slug)]
    inner = textwrap.indent(sources.flat(exercise.reference), "    ")
    names = ", ".join(exercise.arguments)
    call = f"{exercise.reference.__name__}({names})"
    body = f"{inner}\n    value = {call}\n    listed = lambda v: v.tolist() if hasattr(v, 'tolist') and v.ndim else v"
    body += "\n    return tuple(map(listed, value)) if isinstance(value, tuple) else listed(value)"
    return quick(slug) | {first(slug): with_body(exercise, body)}


CLASS = {
    "ada": ada,
    "emmy": emmy,
    "alan": mistaken(0),
    "grace": mistaken(1),
    "kurt": mistaken(2),
    "sofia": sofia,
    "edsger": edsger,
    "john": john,
    "barbara": barbara,
    "claude": claude,
    "leonhard": leonhard,
    "marie": marie,
    "hedy": hedy,
}
DELETES = {"marie"}
EVERY_OTHER = [
    "john",
    "barbara",
    "claude",
    "leonhard",
    "marie",
    "hedy",
]  # the first the even sets, the next the odd ones


def hands_in(student, slug):
    """Whether a student hands a set in: those in EVERY_OTHER do so for every other one."""
    return student not in EVERY_OTHER or (EVERY_OTHER.index(student) + spec.slugs().index(slug)) % 2 == 0


def first(slug):
    """The grade id of a set's first function."""
    return next(iter(functions(slug)))


def is_experiment(slug, grade_id):
    """Whether a cell is an experiment of the set."""
    names = [e.name for e in spec.load(slug).EXERCISES if isinstance(e, spec.Experiment)]
    return grade_id in [spec.grade_id(name) for name in names]


def quick(slug):
    """The solved cells, without the experiments, which take long."""
    return {k: v for k, v in solved(slug).items() if not is_experiment(slug, k)}


def submit(folder, student, slug):
    """Write one student's submission to one set: the released folder with their cells."""
    target = folder / "submitted" / student / slug
    shutil.copytree(spec.ROOT / "exercises" / slug, target)
    path = target / f"{slug}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    cells = CLASS[student](slug)
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = cells.get(grade_id, cell.source)
    if student in DELETES:
        gone = {first(slug), f"check-{first(slug)}"}
        notebook.cells = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") not in gone]
    nbformat.write(notebook, path)


def command(*arguments):
    """Run a Python module's command for the class that make() has made. Exits where it fails."""
    code = subprocess.call([sys.executable, "-m", *arguments], cwd=spec.ROOT)
    if code:
        sys.exit(f"{' '.join(map(str, arguments))} failed with exit code {code}")


def make(folder=FOLDER, sets=None):
    """Release the sets to a class in folder, which is emptied, and hand in its submissions."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ["COURSE_CLASS"] = str(folder.relative_to(spec.ROOT))
    release.hand_out(sets or spec.slugs(), folder / "release")
    for slug in sets or spec.slugs():
        for student in CLASS:
            if hands_in(student, slug):
                submit(folder, student, slug)


def grade(folder=FOLDER, sets=None):
    """Make the class and grade it. Returns the path of grades.csv."""
    make(folder, sets)
    for slug in sets or spec.slugs():
        command("grading", "run", slug)
        with contextlib.redirect_stdout(io.StringIO()):
            if feedback.main([slug]) or report.main([slug]):
                sys.exit(f"there is no feedback or no report on {slug}")
    command("nbgrader", "export", "--log-level=ERROR", "--to", str(folder / "grades.csv"))
    return folder / "grades.csv"


if __name__ == "__main__":
    grade(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else FOLDER)
