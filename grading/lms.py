"""The scores of a set as CSV, in the form a learning management system reads.

canvas: the columns of Canvas' own gradebook export and its row of points possible. Canvas finds a student by the ID
(nbgrader's lms_user_id); who has none has nbgrader's id as SIS ids. moodle: one header row; the import asks which
column identifies a student.
"""

import csv
import io

from grading.feedback import number


def generic(report):
    """Everything there is: one row a student, one column an exercise; empty what is not graded."""
    keys = [exercise["key"] for exercise in report["exercises"]]
    several = len({notebook for notebook, _ in keys}) > 1
    names = [f"{notebook}/{cell}" if several else cell for notebook, cell in keys]
    yield ["student_id", "first_name", "last_name", "email", "score", "max_score", "late", "state", *names]
    for row in report["students"]:
        grades = [row["grades"].get(key) for key in keys]
        points = ["" if grade is None or grade["waiting"] else number(grade["score"]) for grade in grades]
        yield [
            *_person(row),
            _score(row),
            number(report["most"]),
            "yes" if row["late"] else "no",
            row["state"],
            *points,
        ]


def canvas(report):
    """The rows of a file that Canvas's gradebook imports."""
    yield ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", report["assignment"]]
    yield ["    Points Possible", "", "", "", "", number(report["most"])]
    for row in report["students"]:
        name = f"{row['last_name']}, {row['first_name']}" if row["last_name"] else row["first_name"] or row["id"]
        sis = "" if row["lms_user_id"] else row["id"]
        yield [name, row["lms_user_id"], sis, sis, "", _score(row)]


def moodle(report):
    """The rows of a file that Moodle's gradebook imports."""
    yield ["First name", "Last name", "ID number", "Email address", report["assignment"]]
    for row in report["students"]:
        yield [row["first_name"], row["last_name"], row["id"], row["email"], _score(row)]


FORMS = {"generic": generic, "canvas": canvas, "moodle": moodle}


def text(report, form="generic"):
    """The CSV file's text for one of FORMS.

    Who handed in nothing, or a notebook that could not be graded, has an empty score: an import leaves it as it is.
    """
    file = io.StringIO()
    csv.writer(file, lineterminator="\r\n").writerows(FORMS[form](report))
    return file.getvalue()


def _person(row):
    return [row["id"], row["first_name"], row["last_name"], row["email"]]


def _score(row):
    return "" if row["score"] is None else number(row["score"])
