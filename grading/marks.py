"""What an nbgrader course knows of a set: its gradebook read in a few queries, its graded notebooks, its journal."""

import json
from pathlib import Path

from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    GradeCell,
    Notebook,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
    TaskCell,
)
from nbgrader.coursedir import CourseDirectory
from sqlalchemy.engine import make_url


class MarksError(Exception):
    """Something the instructor can put right; the message is one sentence."""


def course(config=None):
    """The CourseDirectory of a config, or of the nbgrader_config.py that nbgrader would read in this folder."""
    if config is None:
        from nbgrader.apps.baseapp import NbGrader

        app = NbGrader()
        app.load_config_file()
        config = app.config
    return CourseDirectory(config=config)


def book(coursedir):
    """The course's gradebook, to be used in a `with`. Raises MarksError where there is none yet."""
    url = make_url(coursedir.db_url)
    if url.get_backend_name() == "sqlite" and not Path(coursedir.root, url.database or "").is_file():
        raise MarksError(f"There is no gradebook at {url.database}: grade a set first.")
    return Gradebook(coursedir.db_url, coursedir.course_id or "default_course")


def read(gradebook, assignment):
    """All marks of a set as plain dicts. Raises MarksError for a set the gradebook does not know.

    {"cells": {(notebook, cell): {"max_score", "type"}},
     "students": {id: {"first_name", "last_name", "email", "lms_user_id"}},
     "submissions": {student: {"timestamp", "late": seconds,
                               "notebooks": {name: {"penalty", "grades": {cell: grade}, "comments": {cell: text}}}}}}
    with a grade {"score", "max_score", "waiting": not graded yet, "by_hand"}
    """
    rows = gradebook.db.query(Assignment.name, Assignment.id, Assignment.duedate)  # columns: an object costs 20 ms
    known = {name: (key, due) for name, key, due in rows}
    if assignment not in known:
        raise MarksError(f"The gradebook knows no set {assignment}; it has {', '.join(sorted(known)) or 'none yet'}.")
    key, due = known[assignment]
    cells = {}
    for kind in (GradeCell, TaskCell):
        rows = gradebook.db.query(Notebook.name, kind.name, kind.max_score, kind.cell_type)
        for notebook, name, most, form in rows.join(Notebook, kind.notebook_id == Notebook.id).filter(
            Notebook.assignment_id == key
        ):
            cells[notebook, name] = {"max_score": float(most or 0), "type": form}
    fields = ("first_name", "last_name", "email", "lms_user_id")
    rows = gradebook.db.query(Student.id, *(getattr(Student, field) for field in fields))
    students = {student: dict(zip(fields, (text or "" for text in told), strict=True)) for student, *told in rows}
    return {"cells": cells, "students": students, "submissions": _submissions(gradebook, key, due, cells)}


def _submissions(gradebook, assignment, duedate, cells):
    """{student: submission} of an assignment, in the form `read` gives."""
    found, notebooks = {}, {}
    columns = (SubmittedAssignment.student_id, SubmittedAssignment.timestamp, SubmittedAssignment.extension)
    columns += (SubmittedNotebook.id, Notebook.name, SubmittedNotebook.late_submission_penalty)
    rows = gradebook.db.query(*columns).filter(SubmittedAssignment.assignment_id == assignment)
    rows = rows.join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
    for student, when, extension, key, name, penalty in rows.join(
        Notebook, SubmittedNotebook.notebook_id == Notebook.id
    ):
        due = duedate + (extension or when - when) if duedate and when else None
        late = max(0.0, (when - due).total_seconds()) if due else 0.0
        submission = found.setdefault(student, {"timestamp": when, "late": late, "notebooks": {}})
        notebooks[key] = {"name": name, "penalty": float(penalty or 0), "grades": {}, "comments": {}}
        submission["notebooks"][name] = notebooks[key]
    columns = (Grade.notebook_id, BaseCell.name, Grade.score, Grade.manual_score, Grade.needs_manual_grade)
    for key, name, score, manual, waiting in _of(gradebook, assignment, Grade, columns):
        notebook = notebooks[key]
        if cell := cells.get((notebook["name"], name)):
            by_hand = manual is not None or bool(waiting) or cell["type"] == "markdown"
            grade = {"score": float(score or 0), "max_score": cell["max_score"], "waiting": bool(waiting)}
            notebook["grades"][name] = grade | {"by_hand": by_hand}
    for key, name, comment in _of(
        gradebook, assignment, Comment, (Comment.notebook_id, BaseCell.name, Comment.comment)
    ):
        if comment:
            notebooks[key]["comments"][name] = comment
    return found


def _of(gradebook, assignment, table, columns):
    """The rows of a table that hang on a cell and on a notebook submitted for an assignment."""
    rows = gradebook.db.query(*columns).join(BaseCell, table.cell_id == BaseCell.id)
    rows = rows.join(SubmittedNotebook, table.notebook_id == SubmittedNotebook.id)
    rows = rows.join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
    return rows.filter(SubmittedAssignment.assignment_id == assignment)


def total(grades, penalty=0.0):
    """(score, max_score, how many wait for a grader) of some grades. A score is never below 0, as in nbgrader."""
    grades = list(grades)
    score = max(0.0, sum(grade["score"] for grade in grades) - penalty)
    return score, sum(grade["max_score"] for grade in grades), sum(grade["waiting"] for grade in grades)


def notebook(path):
    """A graded notebook as nbformat 4 has it, its sources joined to text. Raises MarksError where it cannot be read."""
    try:
        found = json.loads(Path(path).read_bytes())
        for cell in found["cells"]:
            cell["source"] = text(cell["source"])
        return found
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise MarksError(f"{Path(path).name} of {Path(path).parents[1].name} cannot be read: {error}.") from None


def text(value):
    """nbformat stores a text whole or as a list of lines."""
    return value if isinstance(value, str) else "".join(value)


def grade_id(cell):
    """The name of a cell in the gradebook, or None."""
    return cell.get("metadata", {}).get("nbgrader", {}).get("grade_id")


def beside(coursedir, name):
    """The folder `name` of the class: beside the folder with the graded notebooks."""
    return Path(coursedir.root, coursedir.autograded_directory).parent / name
