"""Any notebook a student hands in comes through nbgrader's sanitizing with each graded cell once and in its place."""

import copy
import json
import os
import random
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader import preprocessors as pp
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from grading.expected import planned
from grading.reading import tidy
from grading.repair import SENTENCES, Repair, Unreadable, read, repaired

ROOT = Path(__file__).parents[2]
CHAIN = [Repair, pp.ClearOutput, pp.DeduplicateIds, pp.OverwriteKernelspec, pp.OverwriteCells, pp.CheckCellMetadata]
WORK = {
    "area": "def area(w, h):\n    size = w * h\n    return size",
    "total": "total = sum(\n    [1, 2]\n)",
    "essay": "Because *I* say so.",
}


def marked(cell, name, grade=False, solution=False, locked=False, task=False, points=None):
    """A cell as nbgrader's editor marks it."""
    entry = {"grade_id": name, "grade": grade, "solution": solution, "locked": locked, "task": task}
    cell.metadata["nbgrader"] = entry | {"schema_version": 3} | ({} if points is None else {"points": points})
    return cell


def foreign_source():
    """Somebody else's course: hidden tests, several checks of one answer, an essay, a task, a stub without names."""
    answer = "### BEGIN SOLUTION\n{}\n### END SOLUTION"
    return nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        cells=[
            new_markdown_cell("# Shapes"),
            marked(new_code_cell("import math"), "setup", locked=True),
            new_markdown_cell("Write `area`."),
            marked(new_code_cell("def area(w, h):\n    " + answer.format("return w * h").replace("\n", "\n    ")),
                   "area", solution=True),
            marked(new_code_cell("assert area(2, 3) == 6"), "area_test_1", grade=True, locked=True, points=1),
            marked(new_code_cell("assert area(1, 1) == 1\n### BEGIN HIDDEN TESTS\nassert area(5, 5) == 25\n"
                                 "### END HIDDEN TESTS"), "area_test_2", grade=True, locked=True, points=2),
            new_code_cell("area(3, 4)", metadata={"tags": ["example"]}),
            marked(new_code_cell("total = 0\n" + answer.format("total = 3")), "total", solution=True),
            marked(new_code_cell("assert total == 3"), "total_test", grade=True, locked=True, points=1),
            new_markdown_cell("Why?"),
            marked(new_markdown_cell("Your reasons here."), "essay", grade=True, solution=True, points=3),
            marked(new_markdown_cell("Draw a triangle."), "draw", locked=True, task=True, points=2),
            marked(new_code_cell(answer.format("spare = 1")), "spare", solution=True),
        ],
    )  # fmt: skip


def sanitizer(coursedir, assignment):
    """submission -> the notebook that Autograde's sanitizing makes of it."""
    config = Config({"Autograde": {"sanitize_preprocessors": CHAIN}, "Exporter": {"default_preprocessors": []}})
    converter = Autograde(coursedir=coursedir, config=config)
    converter.exporter = converter.exporter_class(parent=converter, config=converter.config)
    converter._init_preprocessors()
    where = {"student": "ada", "assignment": assignment, "notebook": assignment, "db_url": coursedir.db_url}

    def sanitize(nb):
        text, _ = converter.exporter.from_notebook_node(tidy(nb), {"nbgrader": where})
        return nbformat.reads(text, as_version=4)

    return sanitize


@pytest.fixture(scope="module", autouse=True)
def alembic():
    """nbgrader starts it by its name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
        yield


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    """A course made with nbgrader's own generate_assignment: its release, and its sanitizer."""
    root = tmp_path_factory.mktemp("foreign")
    (root / "source" / "shapes").mkdir(parents=True)
    nbformat.write(foreign_source(), root / "source" / "shapes" / "shapes.ipynb")
    coursedir = CourseDirectory(config=Config({"CourseDirectory": {"root": str(root), "course_id": "abc"}}))
    result = NbGraderAPI(coursedir).generate_assignment("shapes")
    assert result["success"], result
    return course(coursedir, "shapes", WORK)


@pytest.fixture(scope="module")
def ours(foreign, tmp_path_factory):
    """Set 2 of this course, as handed out."""
    root = tmp_path_factory.mktemp("ours")
    slug = "ch02_layers"
    layout = {"root": str(root), "release_directory": str(ROOT / "exercises"), "db_url": foreign.coursedir.db_url}
    layout["directory_structure"] = os.path.join("{nbgrader_step}", "{student_id}", "{assignment_id}")
    coursedir = CourseDirectory(config=Config({"CourseDirectory": layout}))
    nb = nbformat.read(ROOT / "exercises" / slug / f"{slug}.ipynb", 4)
    with Gradebook(coursedir.db_url) as gb:
        gb.add_assignment(slug)
    pp.SaveCells().preprocess(nb, {"nbgrader": {"notebook": slug, "assignment": slug, "db_url": coursedir.db_url}})
    return course(coursedir, slug, {})


def course(coursedir, slug, work):
    """What the tests need of a course: the released notebook, a student's, the sanitizer, the locked cells' texts."""
    path = Path(coursedir.format_path(coursedir.release_directory, ".", slug), f"{slug}.ipynb")
    released = nbformat.read(path, 4)
    done = copy.deepcopy(released)
    for cell in done.cells:
        if entry(cell).get("solution"):
            cell.source = work.get(
                entry(cell)["grade_id"], cell.source.replace("raise NotImplementedError", "return 7")
            )
    with Gradebook(coursedir.db_url) as gb:
        notebook = gb.find_notebook(slug, slug)
        sources = {cell.name: cell.source for cell in notebook.source_cells if cell.locked}
        plan = planned(notebook, released)
    order = [entry(cell)["grade_id"] for cell in released.cells if entry(cell)]
    return SimpleNamespace(
        released=released, done=done, sanitize=sanitizer(coursedir, slug), locked=sources, order=order, slug=slug,
        coursedir=coursedir, plan=plan,
    )  # fmt: skip


def entry(cell):
    return cell.metadata.get("nbgrader", {})


def cells_of(nb):
    """{grade_id: cell}"""
    return {entry(cell)["grade_id"]: cell for cell in nb.cells if entry(cell)}


def at(nb, name):
    return next(i for i, cell in enumerate(nb.cells) if entry(cell).get("grade_id") == name)


def told(nb):
    return nb.metadata.get("grading", {}).get("repairs", [])


def assert_whole(nb, course, answers=True):
    """Every marked cell once and in order, locked ones as in the gradebook, answers as the student's."""
    assert [entry(cell)["grade_id"] for cell in nb.cells if entry(cell)] == course.order
    released, done = cells_of(course.released), cells_of(course.done)
    for name, cell in cells_of(nb).items():
        assert cell.cell_type == released[name].cell_type
        for key in ("grade", "solution", "locked", "points", "task"):
            assert entry(cell).get(key) == entry(released[name]).get(key), (name, key)
        if name in course.locked:
            assert cell.source == course.locked[name], name
        elif answers:
            assert cell.source.split() == done[name].source.split(), name


@pytest.fixture
def shapes(foreign):
    """A student's finished notebook of the foreign course, to be damaged."""
    return copy.deepcopy(foreign.done)


@pytest.mark.parametrize("name", ["foreign", "ours"])
def test_a_whole_notebook_is_left_alone(name, request):
    course = request.getfixturevalue(name)
    for nb in (course.released, course.done):
        after = course.sanitize(nb)
        assert told(after) == []
        if name == "foreign":  # nbgrader has put the hidden tests back
            nb = copy.deepcopy(nb)
            hidden = cells_of(after)["area_test_2"]
            assert "area(5, 5)" in hidden.source
            cells_of(nb)["area_test_2"].source = hidden.source
            cells_of(nb)["area_test_2"].metadata.nbgrader.checksum = hidden.metadata.nbgrader.checksum
        assert after.cells == nb.cells
        assert after.metadata == nb.metadata


def test_what_a_student_says_was_repaired_is_not_believed(foreign, shapes):
    shapes.metadata["grading"] = {"repairs": ["All points are mine."], "cells": {"total_test": {"seconds": 0}}}
    assert "grading" not in foreign.sanitize(shapes).metadata


def test_a_deleted_check_comes_back_after_its_answer(foreign, shapes):
    del shapes.cells[at(shapes, "area_test_2")]
    after = foreign.sanitize(shapes)
    assert_whole(after, foreign)
    assert at(after, "area_test_2") == at(after, "area") + 2
    assert told(after) == ["The check of `area` (`area_test_2`) was deleted; it was put back."]


def test_deleted_answers_and_imports_come_back(foreign, shapes):
    shapes.cells = [cell for cell in shapes.cells if entry(cell).get("grade_id") not in ("setup", "total", "draw")]
    after = foreign.sanitize(shapes)
    assert_whole(after, foreign, answers=False)
    assert cells_of(after)["total"].source == cells_of(foreign.released)["total"].source
    assert at(after, "setup") == 1
    assert "`total` was deleted; it was put back as it was handed out." in told(after)
    assert "The locked cell `setup` was deleted; it was put back." in told(after)


def test_an_empty_notebook_becomes_the_one_handed_out(ours):
    after = ours.sanitize(nbformat.v4.new_notebook())
    assert_whole(after, ours, answers=False)
    assert len(told(after)) == len(ours.order)


def test_copies_of_a_check_go(foreign, shapes):
    shapes.cells.insert(0, copy.deepcopy(shapes.cells[at(shapes, "total_test")]))
    after = foreign.sanitize(shapes)
    assert_whole(after, foreign)
    assert len(after.cells) == len(foreign.done.cells)
    assert told(after) == ["The check of `total` stood in the notebook more than once; one copy was kept."]


@pytest.mark.parametrize("place", [0, 1])
def test_of_two_copies_the_changed_one_is_the_students(foreign, shapes, place):
    i = at(shapes, "area")
    shapes.cells.insert(i + place, copy.deepcopy(cells_of(foreign.released)["area"]))
    after = foreign.sanitize(shapes)
    assert_whole(after, foreign)
    assert len(after.cells) == len(foreign.done.cells)
    assert "did not change were removed" in told(after)[0]


@pytest.mark.parametrize(
    ("place", "kept"), [("area", "return size"), ("total_test", "return size"), ("setup", "first")]
)
def test_of_two_versions_the_last_above_the_check_counts(foreign, shapes, place, kept):
    """As Jupyter runs it; the other still runs, as an ordinary cell."""
    other = copy.deepcopy(shapes.cells[at(shapes, "area")])
    other.source = "def area(w, h):\n    return 'first'"
    if place == "setup":  # the first version above, the second below
        cells_of(shapes)["area"].source, other.source = other.source, cells_of(shapes)["area"].source
        place = "total_test"
    shapes.cells.insert(at(shapes, place), other)
    after = foreign.sanitize(shapes)
    assert_whole(after, foreign, answers=False)
    assert kept in cells_of(after)["area"].source
    assert [cell.source for cell in after.cells if "def area" in cell.source and not entry(cell)]
    assert "was written more than once" in told(after)[0]


def split(nb, name, line, marks=True):
    """Split a cell before a line, as JupyterLab does (the metadata go to both) or VS Code (to the first)."""
    i = at(nb, name)
    lines = nb.cells[i].source.split("\n")
    first, second = copy.deepcopy(nb.cells[i]), copy.deepcopy(nb.cells[i])
    first.source, second.source = "\n".join(lines[:line]), "\n".join(lines[line:])
    first["id"], second["id"] = ("half1", "half2") if marks else (first.id, "half2")
    if not marks:
        second.metadata = nbformat.NotebookNode()
    nb.cells[i : i + 1] = [first, second]


@pytest.mark.parametrize("marks", [True, False], ids=["JupyterLab", "VS Code"])
@pytest.mark.parametrize(("name", "line"), [("area", 1), ("area", 2), ("total", 1), ("total", 2)])
def test_a_split_answer_is_joined(foreign, shapes, name, line, marks):
    split(shapes, name, line, marks)
    after = foreign.sanitize(shapes)
    assert_whole(after, foreign)
    assert len(after.cells) == len(foreign.done.cells)
    assert told(after) == [f"`{name}` was split; its parts were joined."]


def test_a_split_check_and_a_split_essay_are_joined(foreign, shapes):
    cells_of(shapes)["essay"].source = cells_of(foreign.done)["essay"].source
    split(shapes, "area_test_2", 1)
    essay = shapes.cells[at(shapes, "essay")]
    more = copy.deepcopy(essay)
    essay.source, more.source = "Because *I*", "say so."
    shapes.cells.insert(at(shapes, "essay") + 1, more)
    after = foreign.sanitize(shapes)
    assert_whole(after, foreign)
    assert "The answer `essay` was split; its parts were joined." in told(after)


def test_an_indented_scratch_cell_is_not_swallowed(foreign, shapes):
    shapes.cells.insert(at(shapes, "total") + 1, new_code_cell("  print(total)"))
    after = foreign.sanitize(shapes)
    assert_whole(after, foreign)
    assert told(after) == []


def merge(nb, first, second, active, glue="\n\n"):
    """Merge two neighbours (grade_ids or places); the active one's type and metadata stay."""
    i, j = (at(nb, cell) if isinstance(cell, str) else cell for cell in (first, second))
    assert j == i + 1
    one = copy.deepcopy(nb.cells[(i, j)[active]])
    one.source, one["id"] = nb.cells[i].source + glue + nb.cells[j].source, "merged"
    nb.cells[i : j + 1] = [one]


@pytest.mark.parametrize("glue", ["\n\n", "\n"], ids=["JupyterLab", "VS Code"])
@pytest.mark.parametrize("active", [0, 1])
@pytest.mark.parametrize(("first", "second"), [("area", "area_test_1"), ("total", "total_test")])
def test_an_answer_merged_with_its_check_is_recovered(foreign, shapes, first, second, active, glue):
    merge(shapes, first, second, active, glue)
    after = foreign.sanitize(shapes)
    assert_whole(after, foreign)
    assert len(told(after)) == 1 and "was merged into another cell" in told(after)[0]


@pytest.mark.parametrize("active", [0, 1, 2])
def test_two_answers_and_the_checks_between_them_merged(foreign, shapes, active):
    shapes.cells = [cell for cell in shapes.cells if cell.source != "area(3, 4)"]
    i, j = at(shapes, "area"), at(shapes, "total")
    host = shapes.cells[(i, i + 1, j)[active]]
    host.source = "\n\n".join(cell.source for cell in shapes.cells[i : j + 1])
    shapes.cells[i : j + 1] = [host]
    after = foreign.sanitize(shapes)
    assert_whole(after, foreign)
    assert len(told(after)) == 3 and all("was merged" in sentence for sentence in told(after))


@pytest.mark.parametrize("active", [0, 1])
def test_an_answer_merged_with_the_text_above_it_is_recovered(foreign, shapes, active):
    merge(shapes, at(shapes, "area") - 1, "area", active)
    after = foreign.sanitize(shapes)
    assert_whole(after, foreign)
    assert "`area` had text merged into it; the text was taken out." in told(after)


def as_colab(nb):
    """What Colab leaves: format 4.0, ids in the metadata, its own entries, and no marks of nbgrader."""
    for cell in nb.cells:
        cell.metadata = nbformat.from_dict({"id": cell.pop("id"), "executionInfo": {"elapsed": 3}, "outputId": "a-b"})
    nb.metadata = nbformat.from_dict(
        {"colab": {"provenance": []}, "kernelspec": {"name": "python3", "display_name": "P"}}
    )
    mount = new_code_cell("from google.colab import drive\ndrive.mount('/content/drive')\n!pip install torch")
    mount.metadata["id"] = mount.pop("id")
    nb.cells.insert(0, mount)
    nb.nbformat_minor = 0
    return nb


def as_vscode(nb):
    """What an old VS Code leaves: no metadata at all, no ids, its language in each cell."""
    for cell in nb.cells:
        cell.pop("id")
        cell.metadata = nbformat.from_dict({"vscode": {"languageId": "python"}})
    nb.metadata = nbformat.from_dict({"orig_nbformat": 4, "language_info": {"name": "python"}})
    nb.nbformat_minor = 2
    return nb


@pytest.mark.parametrize("editor", [as_colab, as_vscode])
@pytest.mark.parametrize("name", ["foreign", "ours"])
def test_cells_without_marks_are_recognised(name, editor, request, tmp_path):
    course = request.getfixturevalue(name)
    (tmp_path / "n.ipynb").write_text(json.dumps(editor(copy.deepcopy(course.done))))
    after = course.sanitize(read(tmp_path / "n.ipynb"))
    assert_whole(after, course)
    assert len(told(after)) == 1 and told(after)[0].startswith("Without their grading marks, and recognised: ")


def test_a_single_cell_retyped_without_marks_is_recognised(foreign, shapes):
    """Students delete a cell and write it anew."""
    for name in ("area", "essay"):
        i = at(shapes, name)
        make = new_code_cell if name == "area" else new_markdown_cell
        shapes.cells[i] = make(shapes.cells[i].source)
    after = foreign.sanitize(shapes)
    assert_whole(after, foreign)
    assert told(after) == ["Without their grading marks, and recognised: `area`, the answer `essay`."]


def test_changed_marks_are_restored(foreign, shapes):
    cells = cells_of(shapes)
    cells["area_test_1"].metadata.nbgrader |= {"points": 1000}
    cells["area_test_2"].metadata.nbgrader |= {"solution": True, "locked": False}
    cells["area_test_2"].source = "pass"
    cells["area"].metadata.nbgrader |= {"grade": True, "points": 5, "colour": "red"}
    cells["total"].metadata.nbgrader = {"grade_id": "total"}
    after = foreign.sanitize(shapes)
    assert_whole(after, foreign)
    assert "The grading marks of `area` were changed; they were restored." in told(after)
    assert "The check of `area` (`area_test_2`) was changed; it was restored." in told(after)


def test_what_was_added_to_a_locked_cell_still_runs(foreign, shapes):
    cells_of(shapes)["setup"].source += "\nimport random"
    after = foreign.sanitize(shapes)
    assert_whole(after, foreign)
    assert after.cells[at(after, "setup") + 1].source == "import random"
    assert "runs in a cell of its own" in told(after)[0]


def test_unknown_marks_are_taken_off(foreign, shapes):
    shapes.cells.append(marked(new_code_cell("1.0"), "bonus", grade=True, points=50))
    shapes.cells.append(marked(new_code_cell("2.0"), "quiet"))
    shapes.cells[0].metadata["nbgrader"] = "mine"
    after = foreign.sanitize(shapes)
    assert_whole(after, foreign)
    assert after.cells[-2].source == "1.0"
    assert len(told(after)) == 1 and "`bonus`" in told(after)[0]


def test_tags_are_those_handed_out(foreign, shapes):
    example = next(i for i, cell in enumerate(shapes.cells) if cell.source == "area(3, 4)")
    cells_of(shapes)["area_test_1"].metadata["tags"] = ["skip-execution"]
    cells_of(shapes)["area"].metadata["tags"] = ["raises-exception"]
    shapes.cells[example].metadata["tags"] = ["mine"]
    after = foreign.sanitize(shapes)
    assert [cell.metadata.get("tags") for cell in after.cells if cell.metadata.get("tags")] == [["example"]]
    assert told(after) == [SENTENCES["skipped"]]


def test_types_are_restored(foreign, shapes):
    for name, kind in {
        "area": "markdown",
        "area_test_1": "raw",
        "total": "raw",
        "essay": "code",
        "draw": "code",
    }.items():
        cell = cells_of(shapes)[name]
        cell.cell_type = kind
        for key in ("outputs", "execution_count"):
            cell.pop(key, None)
        if kind == "code":
            cell |= {"outputs": [], "execution_count": None}
    after = foreign.sanitize(shapes)
    assert_whole(after, foreign)
    assert "`area` had become a markdown cell; it is a code cell again." in told(after)
    assert len(told(after)) == 5


def test_a_check_above_its_answer_goes_back_below_it(foreign, shapes):
    shapes.cells.insert(1, shapes.cells.pop(at(shapes, "total_test")))
    shapes.cells.append(shapes.cells.pop(at(shapes, "setup")))
    after = foreign.sanitize(shapes)
    assert_whole(after, foreign)
    assert told(after) == [
        "Out of order, and moved back to their places: the check of `total`, the locked cell `setup`."
    ]


def test_pictures_stay_in_an_answer_and_outputs_go(foreign, shapes):
    cells_of(shapes)["essay"]["attachments"] = {"a.png": {"image/png": "AAAA"}}
    cells_of(shapes)["area"]["outputs"] = [nbformat.v4.new_output("stream", text="x" * 100_000)]
    shapes.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    after = foreign.sanitize(shapes)
    assert cells_of(after)["essay"].attachments == {"a.png": {"image/png": "AAAA"}}
    assert cells_of(after)["area"].outputs == [] and "widgets" not in after.metadata
    assert told(after) == []


def test_without_the_release_the_gradebook_is_enough(foreign, shapes):
    del shapes.cells[at(shapes, "total_test")]
    del shapes.cells[at(shapes, "area")].metadata["nbgrader"]
    shapes.cells.append(copy.deepcopy(shapes.cells[at(shapes, "area_test_1")]))
    where = {"assignment": "shapes", "notebook": "shapes", "db_url": foreign.coursedir.db_url}
    after, _ = Repair().preprocess(shapes, {"nbgrader": where})
    pp.CheckCellMetadata().preprocess(after, {})
    assert [entry(cell)["grade_id"] for cell in after.cells if entry(cell)] == foreign.order
    assert "`area`" in told(after)[0] and len(told(after)) == 3
    assert Repair().preprocess(copy.deepcopy(foreign.released), {"nbgrader": where})[0].metadata.get("grading") is None


def test_the_release_may_be_named(foreign):
    folder = Path(foreign.coursedir.root, "release")
    assert Repair(released=str(folder)).handed_out("shapes", "shapes") == tidy(foreign.released)
    assert Repair(released=str(folder / "shapes")).handed_out("shapes", "shapes") is not None
    assert Repair(released=str(folder)).handed_out("shapes", "other") is None


class Chance:
    """Hypothesis's strategies, as functions of a random.Random."""

    def integers(low, high):
        return lambda rng: rng.randint(low, high)

    def sampled_from(values):
        return lambda rng: rng.choice(values)


def damage(nb, draw, st=st):
    """One of the accidents that befall notebooks, at a place of chance."""
    i = draw(st.integers(0, len(nb.cells) - 1))
    cell, kind = (
        nb.cells[i],
        draw(st.sampled_from(["delete", "copy", "split", "strip", "move", "mark", "type", "merge"])),
    )
    if kind == "delete" and len(nb.cells) > 1:
        del nb.cells[i]
    elif kind == "copy":
        nb.cells.insert(draw(st.integers(0, len(nb.cells))), copy.deepcopy(cell))
    elif kind == "split":
        half, k = copy.deepcopy(cell), draw(st.integers(0, len(cell.source)))
        cell.source, half.source = cell.source[:k], cell.source[k:]
        nb.cells.insert(i + 1, half)
    elif kind == "strip":
        cell.metadata = nbformat.NotebookNode()
        cell["id"] = f"stripped-{i}"
    elif kind == "move":
        nb.cells.insert(draw(st.integers(0, len(nb.cells) - 1)), nb.cells.pop(i))
    elif kind == "mark":
        key = draw(st.sampled_from(["grade", "solution", "locked", "points", "grade_id", "task", "schema_version"]))
        value = draw(st.sampled_from([True, False, None, "area", "total", 1000, -1, [], {}]))
        cell.metadata["nbgrader"] = {**entry(cell), key: value}
    elif kind == "type":
        cell.cell_type = draw(st.sampled_from(["code", "markdown", "raw"]))
    elif i + 1 < len(nb.cells):
        cell.source += "\n" + nb.cells.pop(i + 1).source


def assert_gradable(nb, course):
    """Every marked cell once, locked ones with their text, no check above its answer; and nbgrader is content."""
    nbformat.validate(nb)
    pp.CheckCellMetadata().preprocess(nb, {})
    places = {entry(cell)["grade_id"]: i for i, cell in enumerate(nb.cells) if entry(cell)}
    assert sorted(entry(cell)["grade_id"] for cell in nb.cells if entry(cell)) == sorted(course.order)
    assert {name: nb.cells[places[name]].source for name in course.locked} == course.locked
    for check, answer in {"area_test_1": "area", "area_test_2": "area", "total_test": "total"}.items():
        assert places[answer] < places[check]
    assert places["setup"] < min(places[name] for name in course.order if name != "setup")


@settings(max_examples=50, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_accident_leaves_a_cell_out(foreign, data):
    nb = copy.deepcopy(foreign.done)
    for _ in range(data.draw(st.integers(1, 8))):
        damage(nb, data.draw)
    cells, _ = repaired(tidy(nb).cells, foreign.plan)
    assert_gradable(tidy({"cells": cells}), foreign)


@pytest.mark.parametrize("seed", range(10))
def test_no_accident_stops_the_class(foreign, seed):
    rng, nb = random.Random(seed), copy.deepcopy(foreign.done)
    for _ in range(8):
        damage(nb, lambda strategy: strategy(rng), Chance)
    assert_gradable(foreign.sanitize(nb), foreign)


def test_a_second_repair_finds_nothing(foreign, shapes):
    split(shapes, "area", 2)
    del shapes.cells[at(shapes, "total_test")]
    once = foreign.sanitize(shapes)
    assert told(once) and told(foreign.sanitize(once)) == []


GOOD = nbformat.writes(nbformat.v4.new_notebook(cells=[new_code_cell("x = 'é'", id="a")]))


@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_every_unicode_is_read(tmp_path, code):
    (tmp_path / "n.ipynb").write_bytes(GOOD.encode(code))
    assert read(tmp_path / "n.ipynb").cells[0].source == "x = 'é'"


CELL3 = {"cell_type": "code", "input": "x = 1", "language": "python", "outputs": [], "collapsed": False, "metadata": {}}
V3 = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"metadata": {}, "cells": [CELL3]}]}


@pytest.mark.parametrize(
    "raw",
    [
        V3,
        {"nbformat": 4, "nbformat_minor": 99, "metadata": {}, "cells": [
            {"cell_type": "code", "source": ["x ", "= 1"], "metadata": {}, "colour": "red", "outputs": 5}]},
        {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": 3}, "cells": [
            {"cell_type": "code", "id": "a b", "source": "x = 1", "metadata": {"tags": "no", "collapsed": 9}}, 7,
            {"cell_type": "code", "id": "c", "source": None}, {"cell_type": "code", "id": "c", "source": "\ud800"}]},
    ],
    ids=["format 3", "minor 99", "loose"],
)  # fmt: skip
def test_what_can_be_read_is_read(tmp_path, raw):
    (tmp_path / "n.ipynb").write_text(json.dumps(raw))
    nb = read(tmp_path / "n.ipynb")
    nbformat.validate(nb)
    assert nb.cells[0].source == "x = 1" and len({cell.id for cell in nb.cells}) == len(nb.cells)
    assert nb == read(tmp_path / "n.ipynb")
    nbformat.write(nb, tmp_path / "again.ipynb")


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "empty"),
        (b"\0" * 4096, "empty"),
        (GOOD.encode() + b"\0" * 10, "null bytes"),
        (GOOD.encode()[:-30], "ends in the middle"),
        (GOOD.encode()[:40], "ends in the middle"),
        (b"<html>Sign in</html>", "not JSON"),
        (b"print('hello')", "not JSON"),
        (b"[1, 2]", "not a notebook"),
        (b'{"name": "config"}', "not a notebook"),
        (b'{"cells": 3}', "not a notebook"),
        (b'{"cells": [], "nbformat": "four"}', "not a notebook"),
        (b'{"cells": [], "nbformat": 5}', "format 5"),
        (b'{"worksheets": 5, "nbformat": 3}', "format 3"),
        (GOOD.encode("latin-1"), "UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"cells": [], "nbformat": ' + b"9" * 5000 + b"}", "too long"),
        (b'{"cells": [' + b"{}," * 2000 + b"{}]}", "2,001 cells"),
        (b" " * 2000 + b"{}", "larger than"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_sentence(tmp_path, raw, why):
    (tmp_path / "n.ipynb").write_bytes(raw)
    with pytest.raises(Unreadable, match=why) as caught:
        read(tmp_path / "n.ipynb", limit=200 if why == "larger than" else 2**20)
    assert str(caught.value).startswith("n.ipynb ") and str(caught.value).endswith(".")


def test_a_missing_file_is_told(tmp_path):
    for path in (tmp_path / "none.ipynb", tmp_path):
        with pytest.raises(Unreadable, match="could not be opened"):
            read(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["code", "raw"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["cells", "source", "metadata", "nbgrader", "tags", "id", "cell_type", "grade_id",
                                       "attachments", "kernelspec", "outputs", "worksheets"]), inner, max_size=5),
    max_leaves=20,
)  # fmt: skip


def mutated(seed):
    """The bytes of a notebook with a few of them replaced, removed or doubled."""
    rng, raw = random.Random(seed), bytearray(GOOD.encode())
    for _ in range(rng.randrange(1, 6)):
        i = rng.randrange(len(raw))
        raw[i : i + rng.randrange(3)] = rng.choice(
            [b"", b"{", b"}", b"]", b"0", b'"', bytes([rng.randrange(256)]), raw[i : i + 20]]
        )
    return bytes(raw)


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(raw=st.binary(max_size=200) | st.integers().map(mutated)
       | st.tuples(JSON, st.sampled_from([1, 2, 3, 4, None])).map(
           lambda pair: json.dumps({"cells": pair[0], "worksheets": pair[0], "nbformat": pair[1]}).encode())
       | JSON.map(lambda cell: json.dumps({"cells": [cell, cell], "metadata": cell}).encode()))  # fmt: skip
def test_any_bytes_are_a_notebook_or_unreadable(tmp_path_factory, raw):
    path = tmp_path_factory.getbasetemp() / "any.ipynb"
    path.write_bytes(raw)
    try:
        nb = read(path)
    except Unreadable:
        return
    nbformat.validate(nb)
    nbformat.writes(nb).encode("utf-8")
