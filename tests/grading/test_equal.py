"""Honest submissions get from us, cell by cell, what nbgrader gives them; where not, INTENDED says why."""

import shutil

import foreign
import foreign_students
import ground
import pytest

OWN_SETS = ("ch02_layers", "ch06_losses")
OWN_STUDENTS = ("emmy", "alan", "edsger", "marie")
DELETED = {"ch02_layers": "layers-linear_forward", "ch06_losses": "losses-mse_forward"}  # by marie, with their checks
PUT_BACK = "nbgrader leaves a deleted check to a person; we put it back, and nothing was answered"
INTENDED = {  # (set, student, what): (nbgrader's, ours, why)
    ("ps2", "alan", "test_fractions"): (2.0, 1.0, "nbgrader gives full marks to np.float64(1.0), which is half of 2"),
    ("ps2", "alan", "test_balance"): (1.0, 0.0, "nbgrader gives full marks to a number below 0"),
}
for slug, name in DELETED.items():
    INTENDED[slug, "marie", f"check-{name}"] = (None, 0.0, PUT_BACK)
    INTENDED[slug, "marie", (f"check-{name}", "by hand")] = (True, False, PUT_BACK)
    INTENDED[slug, "marie", (name, "comment")] = (None, "No response.", PUT_BACK)


def gradebook(path, slug):
    """{student: {what: value}} of everything that a gradebook says of the submissions to a set."""
    from nbgrader.api import Gradebook

    found = {}
    with Gradebook(f"sqlite:///{path}/gradebook.db") as book:
        for submission in book.assignment_submissions(slug):
            rows = found[submission.student.id] = {"timestamp": submission.timestamp}
            for notebook in submission.notebooks:
                rows["late penalty", notebook.name] = notebook.late_submission_penalty
                for grade in notebook.grades:
                    rows[grade.name] = grade.auto_score
                    rows[grade.name, "of"] = grade.max_score
                    rows[grade.name, "by hand"] = bool(grade.needs_manual_grade)
                for comment in notebook.comments:
                    rows[comment.name, "comment"] = comment.auto_comment
    return found


def both(make, tmp, grade_plain, grade_trusted):
    """The two gradebooks' folders: one class, graded twice."""
    course = make(tmp / "plain")
    shutil.copytree(course, tmp / "trusted")
    for grade, folder in ((grade_plain, tmp / "plain"), (grade_trusted, tmp / "trusted")):
        done = grade(folder)
        assert done.returncode == 0, done.stdout[-3000:]
    return tmp / "plain", tmp / "trusted"


@pytest.fixture(scope="module")
def foreign_books(tmp_path_factory):
    """The foreign course's folders, graded by nbgrader and by us."""

    def make(folder):
        foreign.make(folder)
        for slug in foreign.SETS:
            foreign_students.hand_in(folder, slug)
        return folder

    def run(*words):
        def grade(folder):
            done = [foreign.python(folder, "-m", *words, slug) for slug in foreign.SETS]
            return max(done, key=lambda process: process.returncode)

        return grade

    return both(make, tmp_path_factory.mktemp("foreign"), run("nbgrader", "autograde"), run("grading", "run"))


@pytest.fixture(scope="module", params=[pytest.param(s, marks=pytest.mark.xdist_group(f"equal-{s}")) for s in OWN_SETS])
def own_books(request, tmp_path_factory):
    """(set, folders of a class of this course, graded by nbgrader and by us)."""
    from grading import sample

    slug = request.param

    def make(folder):
        ground.make(folder, slug)
        for student in OWN_STUDENTS:
            sample.submit(folder, student, slug)
        return folder

    def run(plain):
        return lambda folder: ground.grade(ground.Ground(folder, slug), plain, seconds=90)

    return slug, both(make, tmp_path_factory.mktemp(slug), run(True), run(False))


def differences(slug, plain, ours):
    """{(set, student, what): (nbgrader's, ours)} of all in which two gradebooks differ."""
    plain, ours = gradebook(plain, slug), gradebook(ours, slug)
    assert plain.keys() == ours.keys()
    return {
        (slug, student, what): (rows.get(what), ours[student].get(what))
        for student, rows in plain.items()
        for what in rows.keys() | ours[student].keys()
        if rows.get(what) != ours[student].get(what)
    }


def intended(slug):
    """What differences should find in a set."""
    return {what: (plain, ours) for what, (plain, ours, _) in INTENDED.items() if what[0] == slug}


@pytest.mark.slow
@pytest.mark.xdist_group("equal-foreign")
@pytest.mark.parametrize("slug", foreign.SETS)
def test_a_foreign_course_gets_the_same_points_comments_and_penalties(foreign_books, slug):
    assert differences(slug, *foreign_books) == intended(slug)


@pytest.mark.slow
@pytest.mark.xdist_group("equal-foreign")
def test_foreign_students_get_what_they_should(foreign_books):
    """Full marks for all that is right, less for what is not, nothing for nothing."""
    totals = {}
    for slug in foreign.SETS:
        for student, rows in gradebook(foreign_books[1], slug).items():
            totals[slug, student] = sum(v for what, v in rows.items() if str(what).startswith("test_") and v)
    for slug in foreign.SETS:
        full = totals[slug, "ada"]
        right = ("emmy", "leonhard", "florence", "grace", "margaret", "katherine", "ida")
        assert {totals[slug, student] for student in right} == {full}
        assert totals[slug, "edsger"] == 0
        assert all(0 < totals[slug, s] < full for s in ("sofia", "alan", "barbara", "claude"))


@pytest.mark.slow
@pytest.mark.xdist_group("equal-foreign")
def test_the_late_pay(foreign_books):
    assert gradebook(foreign_books[1], "ps1")["ida"]["late penalty", "numbers"] == 3
    assert gradebook(foreign_books[1], "ps1")["ada"]["late penalty", "numbers"] is None


@pytest.mark.slow
def test_this_courses_sample_class_gets_the_same(own_books):
    slug, folders = own_books
    assert differences(slug, *folders) == intended(slug)
