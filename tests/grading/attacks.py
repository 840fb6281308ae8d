"""The corpus of attacks: submissions that cheat or do harm, and hold no right answer.

    for attack in ATTACKS: attack.apply(notebook, folder)

apply changes a released notebook and the folder it lies in, COURSE/submitted/STUDENT/SET; where it returns False it has
written the notebook's file itself. Attacks that are Python in a notebook stand in attacks.txt; those on the notebook's
metadata, its bytes and the folder stand here. Each bounds itself, and writes nowhere but in COURSE: a course made for
the purpose by prepare().
"""

import ast
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nbformat.v4 import new_code_cell

FOREIGN, OWN = "ps1", "ch02_layers"
NAMES = {FOREIGN: "numbers", OWN: OWN}
SECRETS = ("quince_7351", "medlar_2946")  # the one in a hidden test, the other in a file and in the environment
CANARY = "untouched\n"
WRONG = "return 0.5"


@dataclass(frozen=True)
class Attack:
    """One submission.

    slug : the set it is handed in to, FOREIGN or OWN
    apply : (notebook, folder) -> None, or False where it has written the notebook's file itself
    merited : points of the checks that it earns by right
    """

    name: str
    family: str
    slug: str
    apply: Callable
    merited: float = 0.0


def prepare(course, port=9):
    """Put into a course's folder what attacks look for: a canary, a secret, and the port of a line to connect to."""
    (course / "canary.txt").write_text(CANARY, encoding="utf-8")
    (course / "canary.txt").chmod(0o644)
    (course / "secret.txt").write_text(SECRETS[1], encoding="utf-8")
    (course / "line.txt").write_text(str(port), encoding="utf-8")


# Python in a notebook -------------------------------------------------------------------------------------------------

PREAMBLE = """\
COURSE = {course!r}
CANARY = COURSE + "/canary.txt"
LINE = {port}
def SECRET():
    return "_".join(["quince", "7351"])
"""


def course_of(folder):
    """The course's folder, of a submission's."""
    return folder.parent.parent.parent


def entry(cell):
    """A cell's nbgrader metadata, or {}."""
    return cell.metadata.get("nbgrader", {})


def answers(notebook):
    """The cells a student is to fill in with code."""
    return [c for c in notebook.cells if c.cell_type == "code" and entry(c).get("solution") and not entry(c)["grade"]]


def checks(notebook):
    """The locked graded cells."""
    return [c for c in notebook.cells if entry(c).get("grade") and not entry(c)["solution"]]


def answer(cell, body, value):
    """Put body into a cell's function, or value where it asks for a value."""
    node = ast.parse(cell.source).body[0]
    if isinstance(node, ast.FunctionDef):
        names = [a.arg for a in node.args.args]
        lines = [f"def {node.name}({', '.join(names)}):", f"    args, name = ({', '.join(names)},), {node.name!r}"]
        cell.source = "\n".join([*lines, *(f"    {line}" for line in body.splitlines())])
    elif value:
        cell.source = f"{ast.unparse(node.targets[0])} = {value}"


def python(prelude, body, value):
    """The apply of an attack that is Python: prelude in a cell before the first answer, body in every function."""

    def apply(notebook, folder):
        course = course_of(folder)
        port = (course / "line.txt").read_text() if (course / "line.txt").exists() else 9
        found = answers(notebook)
        for cell in found:
            answer(cell, body, value)
        preamble = PREAMBLE.format(course=str(course), port=port)
        notebook.cells.insert(notebook.cells.index(found[0]), new_code_cell(preamble + prelude))

    return apply


def read(text):
    """The attacks in a text of the format that attacks.txt describes."""
    for head, source in zip(*[iter(re.split(r"^%% (.* \| .*)\n", text, flags=re.MULTILINE)[1:])] * 2, strict=True):
        name, family, slugs = (part.strip() for part in head.split("|"))
        prelude, *parts = re.split(r"^%% (body|value)\n", source, flags=re.MULTILINE)
        named = dict(zip(parts[::2], parts[1::2], strict=True))
        apply = python(prelude, named.get("body", WRONG).strip("\n"), named.get("value", "").strip())
        for slug in slugs.split():
            yield Attack(name if slug == slugs.split()[0] else f"{name}_own", family, slug, apply)


# The notebook's metadata and cells ------------------------------------------------------------------------------------


def wrong(notebook):
    """Put a wrong answer into every function."""
    for cell in answers(notebook):
        answer(cell, WRONG, "0.5")


def tags(notebook, _folder):
    """Checks that need not be run."""
    for cell in checks(notebook):
        cell.metadata["tags"] = ["skip-execution"]


def tags_that_allow_errors(notebook, _folder):
    for cell in checks(notebook):
        cell.metadata["tags"] = ["raises-exception", "remove-cell"]


def points_raised(notebook, _folder):
    """Every cell is worth a thousand points."""
    for cell in notebook.cells:
        if entry(cell):
            cell.metadata.nbgrader["points"] = 1000


def checks_are_solutions(notebook, _folder):
    for cell in checks(notebook):
        cell.metadata.nbgrader |= {"solution": True, "locked": False}
        cell.source = "2.0"


def answers_are_graded(notebook, _folder):
    for cell in answers(notebook):
        cell.metadata.nbgrader |= {"grade": True, "solution": False, "points": 10.0, "locked": False}


def checks_are_not_graded(notebook, _folder):
    for cell in checks(notebook):
        cell.metadata.nbgrader |= {"grade": False, "locked": False}
        cell.source = "pass"


def checks_deleted(notebook, _folder):
    gone = checks(notebook)
    notebook.cells = [c for c in notebook.cells if not any(c is g for g in gone)]


def checks_duplicated(notebook, _folder):
    """Each check once more, the copies empty."""
    copies = [json.loads(json.dumps(c)) | {"source": "2.0", "id": f"copy{i}"} for i, c in enumerate(checks(notebook))]
    notebook.cells = [*(type(notebook.cells[0])(c) for c in copies), *notebook.cells]
    for cell in notebook.cells[: len(copies)]:
        cell.metadata = type(notebook.metadata)({"nbgrader": type(notebook.metadata)(cell.metadata["nbgrader"])})


def answers_duplicated(notebook, _folder):
    """A second cell of each answer's grade id, of another kind."""
    for cell in answers(notebook):
        copy = new_code_cell("2.0", metadata={"nbgrader": dict(entry(cell)) | {"grade": True, "points": 3.0}})
        notebook.cells.append(copy)


def checks_edited(notebook, _folder):
    for cell in checks(notebook):
        cell.source = "float(2)"
        cell.metadata.nbgrader["checksum"] = "0" * 32


def checks_retyped(notebook, _folder):
    """Checks become text, texts become checks."""
    for cell in checks(notebook):
        cell.cell_type = "markdown"
        for word in ("outputs", "execution_count"):
            cell.pop(word, None)


def setup_edited(notebook, _folder):
    """The locked cells that are not graded say something else."""
    for cell in notebook.cells:
        if entry(cell).get("locked") and not entry(cell)["grade"] and cell.cell_type == "code":
            cell.source = "SAMPLES, TOLERANCE = [], 1e9\ndef check(name, answer):\n    return 1.0"
            cell.metadata.nbgrader["locked"] = False


def grade_ids_swapped(notebook, _folder):
    """Every check bears the name of the next."""
    found = checks(notebook)
    names = [entry(c)["grade_id"] for c in found]
    for cell, name in zip(found, [*names[1:], names[0]], strict=True):
        cell.metadata.nbgrader["grade_id"] = name


def easy_cells_named_as_checks(notebook, _folder):
    """Cells of one's own bear the names of checks, which lose theirs."""
    for cell in checks(notebook):
        notebook.cells.append(new_code_cell("1.0", metadata={"nbgrader": dict(entry(cell))}))
        cell.metadata.pop("nbgrader")


def checks_before_answers(notebook, _folder):
    """All checks at the top, after a cell that binds their names."""
    found = checks(notebook)
    rest = [c for c in notebook.cells if not any(c is f for f in found)]
    notebook.cells = [new_code_cell("check = lambda *a: 1.0\nclose = lambda *a: True"), *found, *rest]


def grading_forged(notebook, _folder):
    """The grader's own notes are there already, and so are outputs with points."""
    notebook.metadata["grading"] = {"repairs": ["All was right."], "cells": {}, "seconds": 0.0, "score": 1000}
    for cell in checks(notebook):
        cell.metadata.nbgrader |= {"score": 1000, "auto_score": 1000, "manual_score": 1000}
        data = {"output_type": "execute_result", "execution_count": 1, "data": {"text/plain": "1.0"}, "metadata": {}}
        cell.outputs = [type(notebook.metadata)(data)]


def schema_of_the_future(notebook, _folder):
    for cell in notebook.cells:
        if entry(cell):
            cell.metadata.nbgrader["schema_version"] = 99


def metadata_of_other_types(notebook, _folder):
    """Lists for dicts and numbers for names."""
    kinds = [[], "x", 7, {"grade_id": ["a"]}, {"grade": "yes"}, {"grade_id": None, "points": "many"}, None]
    for i, cell in enumerate(c for c in notebook.cells if entry(c)):
        cell.metadata["nbgrader"] = kinds[i % len(kinds)]
        cell.metadata["tags"] = i


def another_kernel(notebook, _folder):
    notebook.metadata["kernelspec"] = {"name": "../../bash", "display_name": "bash", "language": "bash"}
    notebook.metadata["language_info"] = {"name": "bash", "file_extension": ".sh", "version": 3}


def cell_ids_alike(notebook, _folder):
    for cell in notebook.cells:
        cell["id"] = "same"


METADATA = (
    tags,
    tags_that_allow_errors,
    points_raised,
    checks_are_solutions,
    answers_are_graded,
    checks_are_not_graded,
    checks_deleted,
    checks_duplicated,
    answers_duplicated,
    checks_edited,
    checks_retyped,
    setup_edited,
    grade_ids_swapped,
    easy_cells_named_as_checks,
    checks_before_answers,
    grading_forged,
    schema_of_the_future,
    metadata_of_other_types,
    another_kernel,
    cell_ids_alike,
)

# Files in the folder --------------------------------------------------------------------------------------------------

PLANTED_NUMPY = """\
import os, sys
here = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [p for p in sys.path if p not in ("", ".", here)]
sys.modules.pop("numpy")
import numpy
numpy.testing.assert_allclose = lambda *a, **k: None
numpy.abs = numpy.all = numpy.array_equal = lambda *a, **k: True
def check(*a):
    return 1.0
sys.modules["checks"] = sys.modules["numpy"].testing
numpy.testing.check = check
"""
PLANTED_CHECKS = "def check(name, answer):\n    return 1.0\n"
STARTUP = """\
import builtins, sys
try:
    import checks.judge
    checks.judge.judge = lambda *a: (1.0, [])
except ImportError:
    pass
try:
    open({canary!r}, "a").write("planted")
except OSError:
    pass
"""
READ_LINKS = """\
for name in ("book.csv", "secret.csv", "course/secret.txt", "hidden.csv"):
    try:
        text = open(name, errors="replace").read()
        for word in ("_".join(["quince", "7351"]), "_".join(["medlar", "2946"])):
            print(name, word if word in text else None)
        open(name, "a").close()
    except OSError as error:
        print(error)
"""
STARTUP_FILES = ("sitecustomize.py", "usercustomize.py", "conftest.py", "ipython_config.py", "nbgrader_config.py")


def planted(**files):
    """The apply of an attack that puts modules beside the notebook."""

    def apply(_notebook, folder):
        for name, text in files.items():
            (folder / f"{name}.py").write_text(text, encoding="utf-8")

    return apply


def startup_planted(_notebook, folder):
    """What Python, pytest, Jupyter and IPython read when they start in a folder."""
    text = STARTUP.format(canary=str(course_of(folder) / "canary.txt"))
    startup = folder / ".ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    for path in [*(folder / name for name in STARTUP_FILES), startup / "00.py", folder / "jupyter_config.py"]:
        path.write_text(text, encoding="utf-8")
    (folder / "evil.pth").write_text("import sitecustomize\n", encoding="utf-8")
    (folder / "pyvenv.cfg").write_text("home = /nowhere\n", encoding="utf-8")


def links(notebook, folder):
    """Links to the gradebook, to a secret, to the course's folder and to themselves, and a cell that reads them."""
    course = course_of(folder)
    targets = {
        "book.csv": "gradebook.db",
        "secret.csv": "secret.txt",
        "course": ".",
        "hidden.csv": "source/ps1/numbers.ipynb",
    }
    for name, target in targets.items():
        (folder / name).symlink_to(course / target)
    (folder / "itself").symlink_to(folder / "itself")
    notebook.cells.insert(0, new_code_cell(READ_LINKS))


def canary_linked(notebook, folder):
    """A link to a file outside is written to."""
    (folder / "notes.txt").symlink_to(course_of(folder) / "canary.txt")
    notebook.cells.insert(0, new_code_cell('open("notes.txt", "a").write("through a link")'))


def notebook_linked(_notebook, folder):
    """The notebook is a link to that of a student who has everything right."""
    name = f"{NAMES[folder.name]}.ipynb"
    (folder / name).unlink()
    (folder / name).symlink_to(folder.parent.parent / "aaron" / folder.name / name)
    return False


def cases_linked(_notebook, folder):
    """The file that grading writes is a link to one outside."""
    (folder / "cases.npz").unlink(missing_ok=True)
    (folder / "cases.npz").symlink_to(course_of(folder) / "canary.txt")


def cases_a_folder(_notebook, folder):
    (folder / "cases.npz").unlink(missing_ok=True)
    (folder / "cases.npz").mkdir()
    (folder / "cases.npz" / "x").write_text("x", encoding="utf-8")


def special_files(_notebook, folder):
    """Something that cannot be copied."""
    os.mkfifo(folder / "pipe")
    (folder / "unreadable").mkdir()


def odd_names(_notebook, folder):
    """File names that a shell, a log or a page may trip over."""
    for name in ("-rf", "a\nb.txt", "é" * 100, "x" * 240, "..data", "<b>.txt", "$(touch x)", "%s%n", "con.txt", " "):
        (folder / name).write_text("x", encoding="utf-8")
    with open(os.path.join(os.fsencode(folder), b"\xff\xfe.txt"), "w") as file:
        file.write("x")
    (folder / "deep" / "/".join("d" * 40)).mkdir(parents=True)


def much_handed_in(_notebook, folder):
    """60 MB in 1,500 files."""
    for i in range(1500):
        (folder / f"part{i}.bin").write_bytes(b"x" * 40_000)


def stamp_of_no_time(_notebook, folder):
    (folder / "timestamp.txt").write_text("the day after tomorrow", encoding="utf-8")


FILES = {
    "numpy_planted": (planted(numpy=PLANTED_NUMPY), (FOREIGN, OWN)),
    "checks_planted": (planted(checks=PLANTED_CHECKS, given="from checks import *", judge=PLANTED_CHECKS), (OWN,)),
    "libraries_planted": (
        planted(**dict.fromkeys(("msgpack", "IPython", "json", "grading", "random"), PLANTED_CHECKS)),
        (FOREIGN,),
    ),
    "startup_files_planted": (startup_planted, (FOREIGN, OWN)),
    "links_out_of_the_folder": (links, (FOREIGN,)),
    "link_written_through": (canary_linked, (FOREIGN,)),
    "notebook_is_a_link": (notebook_linked, (FOREIGN, OWN)),
    "cases_are_a_link": (cases_linked, (OWN,)),
    "cases_are_a_folder": (cases_a_folder, (OWN,)),
    "special_files": (special_files, (FOREIGN,)),
    "odd_file_names": (odd_names, (FOREIGN,)),
    "much_handed_in": (much_handed_in, (FOREIGN,)),
    "timestamp_of_no_time": (stamp_of_no_time, (FOREIGN,)),
}

# What is no notebook --------------------------------------------------------------------------------------------------


def written(make):
    """The apply of an attack on the notebook's bytes: make(the notebook as a dict) -> bytes."""

    def apply(notebook, folder):
        wrong(notebook)
        data = make(json.loads(json.dumps(notebook)))
        (folder / f"{NAMES[folder.name]}.ipynb").write_bytes(data)
        return False

    return apply


def dumped(**changes):
    """bytes of a notebook with some of its entries changed."""
    return lambda notebook: json.dumps(notebook | changes).encode()


def with_first_source(source):
    """bytes of a notebook whose first cell has another source, of whatever type."""

    def make(notebook):
        notebook["cells"][0] |= {"source": source}
        return json.dumps(notebook).encode()

    return make


BYTES = {
    "empty_file": lambda notebook: b"",
    "not_json": lambda notebook: b"Dear teacher, here is my work.",
    "null_bytes": lambda notebook: b"\x00" * 4096,
    "nulls_at_the_end": lambda notebook: json.dumps(notebook).encode() + b"\x00" * 10,
    "half_a_file": lambda notebook: json.dumps(notebook).encode()[:3000],
    "another_encoding": lambda notebook: json.dumps(notebook).encode("utf-16"),
    "a_list": lambda notebook: b"[1, 2, 3]",
    "an_empty_dict": lambda notebook: b"{}",
    "nested_brackets": lambda notebook: b"[" * 200_000,
    "format_99": dumped(nbformat=99),
    "format_4_99": dumped(nbformat_minor=99, unknown={"a": 1}),
    "format_as_text": dumped(nbformat="four"),
    "no_cells": dumped(cells=None),
    "cells_of_numbers": dumped(cells=[1, None, "x", []]),
    "metadata_is_a_list": dumped(metadata=[]),
    "lone_surrogate": with_first_source("x = '\ud800'"),
    "source_of_numbers": with_first_source([1, 2]),
    "source_is_a_dict": with_first_source({"a": 1}),
    "fifty_megabytes": with_first_source("x" * 50_000_000),
    "twenty_thousand_cells": lambda n: json.dumps(n | {"cells": [*n["cells"], *[n["cells"][0]] * 20_000]}).encode(),
}


def with_wrong_answers(change):
    """The apply of an attack whose functions are all wrong, and that is told to change what it likes."""

    def apply(notebook, folder):
        wrong(notebook)
        return change(notebook, folder)

    return apply


def corpus():
    """All attacks, in order of family."""
    yield from read((Path(__file__).parent / "attacks.txt").read_text(encoding="utf-8"))
    for change in METADATA:
        for slug in (FOREIGN, OWN):
            name = change.__name__ + ("_own" if slug == OWN else "")
            yield Attack(name, "metadata and cells", slug, with_wrong_answers(change))
    for name, (change, slugs) in FILES.items():
        for slug in slugs:
            label = name + ("_own" if slug == OWN and len(slugs) > 1 else "")
            yield Attack(label, "files in the folder", slug, with_wrong_answers(change))
    for name, make in BYTES.items():
        yield Attack(name, "not a notebook", FOREIGN, written(make))


ATTACKS = tuple(corpus())
