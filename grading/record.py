"""What the head process does with a worker's result: the gradebook, then the folder, then the journal.

A death at any point leaves the submission unfinished in the journal, and the next run does it again from the start.
"""

import json
import shutil
import traceback
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import nbformat
from nbformat.v4 import new_markdown_cell, new_notebook
from nbgrader.api import Gradebook, InvalidEntry, MissingEntry
from nbgrader.converters import Autograde
from nbgrader.preprocessors import SaveAutoGrades
from nbgrader.utils import parse_utc
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from grading import chain, gradebook, journal, worker
from grading.folders import write

PATIENCE = 6  # times that a locked gradebook is tried; SQLite waits five seconds each time


@dataclass
class Run:
    """A run in progress.

    after   : the preprocessors that follow the executor
    place   : the folder of the journals
    entries : {student: entry of the journal}, of those skipped too
    """

    converter: Autograde
    job: worker.Job
    writer: gradebook.Writer
    executor: str
    after: list
    place: Path
    entries: dict = field(default_factory=dict)
    skipped: set = field(default_factory=set)

    def folder(self, student):
        """Where a student's results go."""
        coursedir = self.converter.coursedir
        return Path(coursedir.format_path(coursedir.autograded_directory, student, self.job.assignment))

    @property
    def journal(self):
        return journal.path(self.converter.coursedir, self.job.assignment)


def refused(run, sentence):
    """The Result of a submission that cannot be graded at all."""
    return worker.Result(errors=dict.fromkeys(run.job.notebooks, sentence))


def record(run, submission, result):
    """Write a result to the gradebook, to the student's folder and to the journal."""
    result = replace(result, errors=dict(result.errors))
    try:
        beside, points = patiently(run.writer, lambda: settle(run, submission, result))
        publish(run, submission.student, beside)
    except MissingEntry as error:  # a student whom the gradebook does not know and may not be told of
        run.writer.forget()
        result.errors, points = {"": f"{error}."}, (0.0, 0.0)
    if result.traces:
        with open(run.place / f"{run.job.assignment}.log", "a", encoding="utf-8") as log:
            log.writelines(f"{submission.student}\n{trace}\n" for trace in result.traces)
    run.entries[submission.student] = entry(submission, result, *points)
    journal.append(run.journal, run.entries[submission.student])


def patiently(writer, action):
    """The action's value, tried again while another process has the gradebook locked."""
    for attempt in range(PATIENCE):
        try:
            return action()
        except (OperationalError, InvalidEntry) as error:
            writer.forget()
            cause = error.__context__ if isinstance(error, InvalidEntry) else error  # nbgrader wraps some
            if "locked" not in str(error) or attempt == PATIENCE - 1:
                raise cause or error from None


def settle(run, submission, result):
    """Commit a result to the gradebook, its files written beside their place. Returns (their folder, points)."""
    texts = written(run, submission, result)
    texts |= {name: told(sentence) for name, sentence in result.errors.items()}
    notebooks = {f"{name}.ipynb" for name in run.job.notebooks}
    files = {name: data for name, data in submission.files.items() if name not in notebooks}
    files |= run.job.files | result.files | {f"{name}.ipynb": text.encode() for name, text in texts.items()}
    beside = run.folder(submission.student)
    beside = beside.with_name(f".{beside.name}.tmp")
    clear(beside)
    try:
        beside.mkdir(parents=True)
        write(beside, files)
        points = run.writer.score(run.job.assignment, submission.student)
        run.writer.keep()
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return beside, points


def written(run, submission, result):
    """{notebook: JSON text} after the gradebook has its points. What fails here joins the result's errors."""
    handed_in = {name for name in run.job.notebooks if f"{name}.ipynb" in submission.files}
    run.writer.begin(
        run.job.assignment, submission.student, timestamp(submission, result), run.converter.create_student
    )
    for name in run.job.notebooks:
        if name in result.errors or name not in handed_in:
            run.writer.zero(name, run.job.assignment, submission.student)
    texts = {}
    for name in sorted(result.notebooks.keys() - result.errors.keys()):
        try:
            texts[name] = marked(run, submission.student, name, result.notebooks[name])
        except SQLAlchemyError:
            raise
        except Exception as error:
            run.writer.forget()
            result.errors[name] = worker.fault(name, error)
            result.traces.append(traceback.format_exc())
            return written(run, submission, result)
    return texts


def timestamp(submission, result):
    """When a submission was handed in, in UTC, or None. What is no date makes all its notebooks errors."""
    text = submission.files.get("timestamp.txt", b"").decode(errors="replace").strip()
    try:
        return parse_utc(text) if text else None
    except (ValueError, OverflowError):
        sentence = f"The submission's timestamp.txt holds no date: {text[:40]!r}."
        result.errors |= dict.fromkeys(result.notebooks, sentence)
        return None


def marked(run, student, name, text):
    """An executed notebook's JSON text after the preprocessors that write its points to the gradebook."""
    nb = nbformat.from_dict(json.loads(text))
    gradebook.bound_points(nb)
    resources = chain.resources_of(run.converter, run.job.assignment, student, name, run.folder(student))
    after = [SaveTogether if p is SaveAutoGrades else p for p in run.after]
    with gradebook.standing_in(run.writer, after):
        nb = chain.convert(run.converter, after, nb, resources)
    nbformat.validate(nb, relax_add_props=True)
    return json.dumps(nb, ensure_ascii=False) + "\n"  # nbformat itself, which indents, takes ten times as long


class SaveTogether(SaveAutoGrades):
    """nbgrader's SaveAutoGrades, which commits after every cell, here once at the end."""

    def preprocess(self, nb, resources):
        with Gradebook(resources["nbgrader"]["db_url"]).db().together():
            return super().preprocess(nb, resources)


def told(sentence):
    """The JSON text of a notebook that tells why there is no other."""
    metadata = {"grading": {"repairs": [], "cells": {}, "seconds": 0.0, "error": sentence}}
    return nbformat.writes(new_notebook(cells=[new_markdown_cell(sentence, id="error")], metadata=metadata)) + "\n"


def publish(run, student, beside):
    """Put the folder that was written beside in the place of the one before."""
    target = run.folder(student)
    old = target.with_name(f".{target.name}.old")
    clear(old)
    if target.exists():
        target.rename(old)
    beside.rename(target)
    clear(old)
    run.converter.set_permissions(run.job.assignment, student)


def clear(folder):
    """Remove a folder that an earlier run may have left."""
    if folder.exists():
        shutil.rmtree(folder)


def entry(submission, result, score, most):
    """The journal's entry of a submission."""
    notes = [json.loads(text)["metadata"].get("grading", {}) for text in result.notebooks.values()]
    cells = {name: cell for note in notes for name, cell in note.get("cells", {}).items()}
    return {
        "student": submission.student,
        "hash": submission.digest,
        "state": "failed" if result.errors else "done",
        "score": score,
        "max_score": most,
        "seconds": round(result.seconds, 3),
        "cpu_seconds": round(sum([result.cpu_seconds, *(note.get("cpu_seconds", 0.0) for note in notes)]), 3),
        "memory": round(max([result.memory, *(note.get("memory", 0.0) for note in notes)]), 1),
        "repairs": [sentence for note in notes for sentence in note.get("repairs", [])],
        "stopped": {name: cell["stopped"] for name, cell in cells.items() if cell.get("stopped")},
        "error": " ".join(dict.fromkeys(result.errors.values())) or None,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
