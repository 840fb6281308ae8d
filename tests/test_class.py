"""The sample class, graded by nbgrader end to end (make grade): scores, feedback, grades."""

import csv
import re

import nbformat
import pytest

from grading import fresh, notebooks, sample, spec

SETS = spec.slugs()
GRADES = sample.FOLDER / "grades.csv"


@pytest.fixture(scope="module")
def scores():
    """{(student, set): points nbgrader gave by itself}."""
    if not GRADES.exists():
        pytest.fail("the sample class is not graded yet: make grade")
    with open(GRADES, newline="") as file:
        return {(row["student_id"], row["assignment"]): float(row["score"]) for row in csv.DictReader(file)}


def possible(slug, skip=lambda name: False):
    """The points of a set's checks; written answers, which nbgrader leaves to a person, are not among them."""
    asked = notebooks.build(slug).metadata["course"]["exercises"]
    return sum(e["points"] for name, e in asked.items() if e["kind"] != "written" and not skip(name))


def experiment(name):
    return any(e.name == name and isinstance(e, spec.Experiment) for slug in SETS for e in spec.load(slug).EXERCISES)


def test_the_class_is_large_enough():
    assert len(sample.CLASS) >= 12


@pytest.mark.parametrize("slug", SETS)
def test_right_answers_earn_full_points(scores, slug):
    assert scores["ada", slug] == scores["emmy", slug] == possible(slug)


@pytest.mark.parametrize("slug", SETS)
def test_an_untouched_notebook_earns_nothing(scores, slug):
    assert scores["edsger", slug] == 0


@pytest.mark.parametrize("slug", SETS)
@pytest.mark.parametrize("student", ["alan", "grace", "kurt"])
def test_a_mistake_in_every_function_costs_points_in_every_function(scores, student, slug):
    functions = {e.name for e in sample.functions(slug).values()}
    assert scores[student, slug] < possible(slug, skip=experiment)
    assert scores[student, slug] >= possible(slug, skip=lambda name: experiment(name) or name in functions)


@pytest.mark.parametrize(
    ("student", "slug"), [(s, k) for s in sample.EVERY_OTHER for k in SETS if sample.hands_in(s, k)]
)
def test_one_function_that_fails_costs_its_points_alone(scores, student, slug):
    """A syntax error, an exception, an endless loop, a destroyed argument, a deleted cell, lists for arrays."""
    name = sample.functions(slug)[sample.first(slug)].name
    lost = possible(slug, skip=experiment) - scores[student, slug]
    points = possible(slug) - possible(slug, skip=lambda other: other == name)
    if student == "hedy":  # a function that returns numbers alone returns no arrays, and is right
        assert lost in (0, points)
    else:
        assert lost == points


@pytest.mark.parametrize("slug", SETS)
def test_half_a_set_earns_something(scores, slug):
    assert 0 < scores["sofia", slug] < possible(slug)


@pytest.mark.parametrize("slug", SETS)
def test_every_submission_has_feedback_that_says_what_went_wrong(slug):
    for student in (student for student in sample.CLASS if sample.hands_in(student, slug)):
        page = sample.FOLDER / "feedback" / student / slug / f"{slug}.html"
        assert page.stat().st_size > 10_000, page
    if not sample.hands_in("claude", slug):
        return
    name = next(iter(sample.functions(slug).values())).name.split(".")[-1]
    text = (sample.FOLDER / "feedback" / "claude" / slug / f"{slug}.html").read_text(encoding="utf-8")
    text = re.sub("<[^>]*>", "", text)
    assert f"{name}: 0 of" in text and "still running after" in text and "Read again: chapter" in text


def test_cases_for_grading_are_drawn_anew_and_nobody_gets_them():
    for slug in SETS:
        released = (spec.ROOT / "exercises" / slug / "cases.npz").read_bytes()
        assert fresh.drawn(slug, 1) != released != fresh.drawn(slug, 2)
        for folder in ("autograded", "feedback"):
            for path in (sample.FOLDER / folder).glob(f"*/{slug}/cases.npz"):
                assert path.read_bytes() == released


def test_a_skip_execution_tag_on_a_check_earns_nothing(tmp_path):
    """Plain nbgrader gives full marks to a check that was not run; here submitted tags count for nothing."""
    slug = SETS[0]
    notebook = nbformat.read(spec.ROOT / "exercises" / slug / f"{slug}.ipynb", as_version=4)
    for cell in notebook.cells:
        cell.metadata["tags"] = ["skip-execution"]
    resources = {"nbgrader": {"assignment": slug}, "metadata": {"path": str(tmp_path)}}
    notebook, _ = fresh.SkipDemos().preprocess(notebook, resources)
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            assert "skip-execution" not in cell.metadata["tags"]
