"""What an instructor reads after a run, and the scores for a learning management system.

python -m grading report SET [--output FOLDER] [--lms canvas|moodle|generic]
"""

import argparse
import glob
import re
import sys
from datetime import datetime
from pathlib import Path

from grading import feedback, journal, lms, marks, measures, outputs, verdicts

STATES = {"graded": "graded", "failed": "could not be graded", "open": "not graded yet", "none": "handed in nothing"}


def report(coursedir, assignment, output=None, form="generic"):
    """Write SET.html and SET.csv and return their paths and the report they show.

    output : a folder; without one, `report` beside the folder of the graded notebooks
    form : one of lms.FORMS
    Raises marks.MarksError for a set the gradebook does not know.
    """
    found = gather(coursedir, assignment)
    folder = Path(output) if output else marks.beside(coursedir, "report")
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / f"{assignment}.html", folder / f"{assignment}.csv"
    template = feedback.templates().get_template("report.html")
    feedback.write(paths[0], template.render(found | {"states": STATES, "fewest": measures.FEWEST}))
    feedback.write(paths[1], lms.text(found, form))
    return *paths, found


def gather(coursedir, assignment):
    """The report of a set as a dict: what the template and the CSV show."""
    with marks.book(coursedir) as gradebook:
        book = marks.read(gradebook, assignment)
    entries = journal.read(journal.path(coursedir, assignment))
    graded, told = {}, []
    for student, submission in book["submissions"].items():
        folder = Path(coursedir.format_path(coursedir.autograded_directory, student, assignment))
        paths = {name: folder / f"{name}.ipynb" for name in submission["notebooks"]}
        graded[student] = any(path.is_file() for path in paths.values())
        for name, path in paths.items():
            if path.is_file():
                told += notes(student, name, marks.notebook(path), submission["notebooks"][name]["grades"])
    handed = handed_in(coursedir, assignment) | set(book["submissions"])
    students = people(book, handed, graded, entries)
    return summary(assignment, book["cells"], students, told, entries)


def handed_in(coursedir, assignment):
    """The ids of the students who have a folder for a set under the submitted ones."""
    step = coursedir.submitted_directory
    shape = re.compile(coursedir.format_path(step, "(?P<student>[^/]+)", assignment, escape=True))
    paths = glob.glob(coursedir.format_path(step, "*", assignment))
    return {match["student"] for path in paths if (match := shape.fullmatch(path))}


def people(book, handed, graded, entries):
    """One row a student, sorted by id: who they are, what they scored, and in which of STATES their submission is."""
    blank = dict.fromkeys(("first_name", "last_name", "email", "lms_user_id"), "")
    rows = []
    for student in sorted(set(book["students"]) | handed):
        submission, entry = book["submissions"].get(student), entries.get(student, {})
        state = "none" if student not in handed else "graded" if graded.get(student) else "open"
        if entry.get("state") == "failed":
            state = "failed"
        row = {"id": student, "state": state, "late": submission["late"] if submission else 0.0, "grades": {}}
        row |= book["students"].get(student, blank) | {"error": entry.get("error"), "score": None, "waiting": 0}
        if state == "graded":
            notebooks = submission["notebooks"].items()
            row["grades"] = {(name, cell): g for name, n in notebooks for cell, g in n["grades"].items()}
            penalty = sum(n["penalty"] for _, n in notebooks)
            row["score"], _, row["waiting"] = marks.total(row["grades"].values(), penalty)
        rows.append(row)
    return rows


def notes(student, name, nb, grades):
    """What a graded notebook tells, as (student, (notebook, cell) or None, kind, value) with kind "called", "seconds",
    "stopped", "mistake" or "repair"."""
    told = nb.get("metadata", {}).get("grading", {})
    found = [(student, None, "repair", str(sentence)) for sentence in told.get("repairs", [])]
    heading = ""
    for cell in nb["cells"]:
        key, ours = marks.grade_id(cell), told.get("cells", {}).get(marks.grade_id(cell), {})
        if cell["cell_type"] == "markdown":
            heading = next(reversed(re.findall(r"(?m)^#+ +(.+)", cell["source"])), heading)
        if ours.get("stopped"):
            found.append((student, (name, key), "stopped", ours["stopped"]))
        if key not in grades:
            continue
        found.append((student, (name, key), "called", feedback.title(key, cell["source"], heading)))
        if (time := ours.get("seconds", ran(cell))) is not None:
            found.append((student, (name, key), "seconds", time))
        grade = grades[key]
        if not grade["by_hand"] and grade["score"] < grade["max_score"]:
            found += [(student, (name, key), "mistake", text) for text in wrong(cell)]
    return found


def ran(cell):
    """The seconds nbgrader's own executor noted for a cell, or None."""
    times = cell.get("metadata", {}).get("execution", {})
    try:
        start, end = (datetime.fromisoformat(times[k]) for k in ("iopub.execute_input", "shell.execute_reply"))
        return (end - start).total_seconds()
    except (KeyError, TypeError, ValueError):
        return None


def wrong(cell):
    """The names of the mistakes that a graded cell's outputs tell."""
    for output in cell.get("outputs", []):
        if output.get("output_type") == "error":
            return [verdicts.group(output, cell["source"])]
        if output.get("output_type") == "stream" and (verdict := verdicts.parse(marks.text(output["text"]))):
            return verdicts.mistakes(verdict)
    return []


def summary(assignment, cells, students, told, entries):
    """Everything the report shows, of the rows of `people` and the `notes` of all notebooks."""
    rows = [row for row in students if row["state"] == "graded"]
    most = sum(cell["max_score"] for cell in cells.values())
    order = dict.fromkeys(key for _, key, kind, _ in told if kind == "called")
    keys = [*order, *(key for key in cells if key not in order)]
    columns, compared = comparable(keys, cells, rows)
    totals = [sum(column) for column in zip(*columns.values(), strict=True)]
    by_kind = {}
    for student, key, kind, value in told:
        by_kind.setdefault((kind, key), []).append((student, value))
    shares = {row["id"]: row["score"] / most for row in rows} if most else {}
    stops = [
        (s, f"{outputs.WORDS[v][1]}, in {k[1]}") for s, k, kind, v in told if kind == "stopped" and v in outputs.WORDS
    ]
    return {
        "assignment": assignment,
        "most": most,
        "students": students,
        "counts": counts(students),
        "mean": measures.mean_share([row["score"] for row in rows], most),
        "median": measures.median([row["score"] for row in rows]),
        "histogram": measures.histogram(shares)[::-1],
        "exercises": [exercise(key, cells[key], rows, by_kind, columns, totals) for key in keys],
        "alpha": measures.alpha(list(columns.values())),
        "settled": len(columns),
        "compared": compared,
        "repairs": measures.grouped((s, measures.kind(text)) for s, _, kind, text in told if kind == "repair"),
        "stops": measures.grouped(stops),
        "seconds": measures.median([e["seconds"] for e in entries.values() if e.get("seconds") is not None]),
        "memory": max((e["memory"] for e in entries.values() if e.get("memory") is not None), default=None),
    }


def comparable(keys, cells, rows):
    """The scores that can be compared: ({key: [score of each student]}, how many students).

    Without the exercises that wait for a grader in half of the notebooks, and the students who wait for another.
    """
    marks_of = {key: [row["grades"].get(key) for row in rows] for key in keys if cells[key]["max_score"] > 0}
    open_ = {key: sum(grade is None or grade["waiting"] for grade in found) for key, found in marks_of.items()}
    kept = [key for key in marks_of if 2 * open_[key] < len(rows)]
    whole = [row["grades"] for row in rows if all(k in row["grades"] and not row["grades"][k]["waiting"] for k in kept)]
    return {key: [grades[key]["score"] for grades in whole] for key in kept}, len(whole)


def counts(students):
    """How many handed in, were graded, failed, came late, wait for a grader."""
    states = [row["state"] for row in students]
    return {
        "handed in": len(states) - states.count("none"),
        "graded": states.count("graded"),
        "could not be graded": states.count("failed"),
        "not graded yet": states.count("open"),
        "late": sum(row["late"] > 0 for row in students),
        "answers to grade by hand": sum(row["waiting"] for row in students),
    }


def exercise(key, cell, rows, by_kind, columns, totals):
    """One exercise's part of the report."""
    grades = [(row["id"], row["grades"][key]) for row in rows if key in row["grades"]]
    done = [(student, grade["score"]) for student, grade in grades if not grade["waiting"]]
    most = cell["max_score"]
    full = sum(score >= most for _, score in done)
    none = sum(score <= 0 < most for _, score in done)
    called = by_kind.get(("called", key), [(None, key[1])])
    return {
        "key": key,
        "called": called[0][1],
        "most": most,
        "count": len(done),
        "waiting": len(grades) - len(done),
        "mean": measures.mean_share([score for _, score in done], most) if 2 * len(done) > len(grades) else None,
        "full": full,
        "part": len(done) - full - none,
        "none": none,
        "discrimination": measures.discrimination(columns[key], totals) if key in columns else None,
        "seconds": measures.median([value for _, value in by_kind.get(("seconds", key), [])]),
        "mistakes": measures.grouped(by_kind.get(("mistake", key), [])),
    }


def main(arguments=None):
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="grading report", description="Write the report on a graded set, and its CSV."
    )
    parser.add_argument("set")
    parser.add_argument(
        "--output", metavar="FOLDER", help="where to write; otherwise `report` beside the graded notebooks"
    )
    parser.add_argument("--lms", choices=sorted(lms.FORMS), default="generic", help="the form of the CSV")
    options = parser.parse_args(arguments)
    try:
        page, table, found = report(marks.course(), options.set, options.output, options.lms)
    except (marks.MarksError, OSError) as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, marks.MarksError) else 1
    print(f"{page}\n{table}")
    if waiting := found["counts"]["answers to grade by hand"]:
        answers = "1 answer waits" if waiting == 1 else f"{waiting} answers wait"
        print(f"{answers} for a grader: write the CSV again when all are graded.")
    return 0
