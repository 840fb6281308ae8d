"""The gradebook of a class, read once and written by one process.

nbgrader opens the gradebook nine times for every submission. Here a `Snapshot` of an assignment goes to the workers, a
`Writer` stays open in the head process, and `standing_in` puts either of them where nbgrader's preprocessors look.
"""

import contextlib
import functools
import hashlib
import json
import logging
import math
import sys
from pathlib import Path
from types import SimpleNamespace

from nbgrader import api, utils
from nbgrader.api import Gradebook, MissingEntry
from sqlalchemy import Column, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session, scoped_session, sessionmaker

FIELDS = {
    "source_cells": ("name", "cell_type", "locked", "source", "checksum"),
    "grade_cells": ("name", "cell_type", "max_score"),
    "solution_cells": ("name",),
    "task_cells": ("name", "cell_type", "max_score"),
}


class Snapshot:
    """An assignment's part of a gradebook, with the methods that read it. It can be sent to another process.

    assignment : an nbgrader.api.Assignment
    order      : {notebook: [grade_id]}, the order of their cells where it is known
    """

    def __init__(self, assignment, order=None):
        self.assignment = assignment.name
        self.duedate = assignment.duedate
        self._notebooks = {n.name: notebook_record(n, (order or {}).get(n.name, [])) for n in assignment.notebooks}
        self.plans = {}  # for grading.repair

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def close(self):
        """Nothing is open."""

    def digest(self):
        """A hexadecimal digest of what is to be graded, whatever the order of its cells."""
        cells = [
            [name, kind, *(getattr(cell, field) for field in FIELDS[kind])]
            for name, notebook in self._notebooks.items()
            for kind in FIELDS
            for cell in getattr(notebook, kind)
        ]
        return hashlib.sha256("".join(sorted(map(json.dumps, cells))).encode()).hexdigest()

    def find_assignment(self, name):
        """The assignment, by its name."""
        if name != self.assignment:
            raise MissingEntry(f"No such assignment: {name}")
        return SimpleNamespace(name=name, duedate=self.duedate, notebooks=list(self._notebooks.values()))

    def find_notebook(self, name, assignment):
        """A notebook with its kernelspec, source_cells, grade_cells, solution_cells and task_cells."""
        self.find_assignment(assignment)
        if name not in self._notebooks:
            raise MissingEntry(f"No such notebook: {assignment}/{name}")
        return self._notebooks[name]

    def _find(self, kinds, name, notebook, assignment):
        entry = self.find_notebook(notebook, assignment)
        for cell in (cell for kind in kinds for cell in getattr(entry, kind)):
            if cell.name == name:
                return cell
        raise MissingEntry(f"No such cell: {assignment}/{notebook}/{name}")

    def find_source_cell(self, name, notebook, assignment):
        """A source cell: cell_type, locked, source, checksum."""
        return self._find(["source_cells"], name, notebook, assignment)

    def find_grade_cell(self, name, notebook, assignment):
        """A grade cell: cell_type, max_score."""
        return self._find(["grade_cells"], name, notebook, assignment)

    def find_graded_cell(self, name, notebook, assignment):
        """A grade or task cell: cell_type, max_score."""
        return self._find(["grade_cells", "task_cells"], name, notebook, assignment)

    def find_solution_cell(self, name, notebook, assignment):
        """A solution cell, which has a name alone."""
        return self._find(["solution_cells"], name, notebook, assignment)

    def find_task_cell(self, name, notebook, assignment):
        """A task cell: cell_type, max_score."""
        return self._find(["task_cells"], name, notebook, assignment)


def notebook_record(notebook, order):
    """A notebook of the gradebook as plain records, its cells in the order of the list of grade ids."""
    place = {name: i for i, name in enumerate(order)}
    record = SimpleNamespace(name=notebook.name, kernelspec=notebook.kernelspec)
    for kind, fields in FIELDS.items():
        cells = sorted(getattr(notebook, kind), key=lambda cell: place.get(cell.name, len(place)))
        setattr(record, kind, [SimpleNamespace(**{f: getattr(cell, f) for f in fields}) for cell in cells])
    return record


class Held(Session):
    """A session in which commit() writes to the open transaction, and only keep() ends it.

    What is loaded stays loaded meanwhile, but what the database works out, such as sums of points.
    """

    def commit(self):
        if (self.new or self.dirty or self.deleted) and "later" not in self.info:
            self.flush()
            for entry in self.identity_map.values():
                if names := computed(type(entry)):
                    self.expire(entry, names)

    @contextlib.contextmanager
    def together(self):
        """Write what is done meanwhile at once, at the end, whatever commits in between."""
        self.info["later"] = True
        try:
            yield
        finally:
            del self.info["later"]
            self.commit()

    def keep(self):
        super().commit()


@functools.cache
def computed(cls):
    """The names of a mapped class's attributes that are no columns, but formulas of them."""
    return [a.key for a in inspect(cls).column_attrs if not isinstance(a.columns[0], Column)]


class Writer(Gradebook):
    """nbgrader's gradebook, kept open: what is written to it is there for good after keep(), or gone after forget()."""

    def __init__(self, db_url, course_id):
        logging.getLogger("tornado.application").setLevel(logging.CRITICAL)  # nbgrader logs what it then raises
        super().__init__(db_url, course_id)
        self.db.remove()
        self.db = scoped_session(sessionmaker(class_=Held, bind=self.engine))
        self.pieces = {}  # {(kind, notebook, assignment, student): {cell: grade or comment}}, since keep()

    def close(self):
        """Preprocessors close their gradebook after each notebook; this one stays open until leave()."""

    def leave(self):
        """Close the gradebook."""
        super().close()

    def keep(self):
        """Commit all that was written since the last time."""
        self.pieces.clear()
        self.db().keep()

    def forget(self):
        """Undo all that was written since keep()."""
        self.pieces.clear()
        self.db.rollback()

    def begin(self, assignment, student, timestamp, create=True):
        """A student's submission as for the first time: points, automatic comments and penalties of an earlier one are
        reset, what a person gave stays. Raises MissingEntry for an unknown student unless create."""
        if create:
            self.update_or_create_student(student)
        else:
            self.find_student(student)
        known = {"timestamp": timestamp} if timestamp else {}
        with self.db.no_autoflush, self.db().together():  # it builds a submission piece by piece
            submission = self.update_or_create_submission(assignment, student, **known)
            for notebook in submission.notebooks:
                notebook.late_submission_penalty = None
                for grade in notebook.grades:
                    grade.auto_score, grade.needs_manual_grade = None, True
                for comment in notebook.comments:
                    comment.auto_comment = None

    def find_grade(self, name, notebook, assignment, student):
        """nbgrader's find_grade, which asks for one at a time, and with a long question."""
        found = self._pieces("grades", notebook, assignment, student).get(name)
        return super().find_grade(name, notebook, assignment, student) if found is None else found

    def find_comment(self, name, notebook, assignment, student):
        """nbgrader's find_comment."""
        found = self._pieces("comments", notebook, assignment, student).get(name)
        return super().find_comment(name, notebook, assignment, student) if found is None else found

    def _pieces(self, kind, *where):
        if (kind, *where) not in self.pieces:
            entries = {entry.cell_id: entry for entry in getattr(self.find_submission_notebook(*where), kind)}
            cells = select(api.BaseCell.name, api.BaseCell.id).where(api.BaseCell.id.in_(entries))
            self.pieces[kind, *where] = {name: entries[cell] for name, cell in self.db.execute(cells)}
        return self.pieces[kind, *where]

    def zero(self, notebook, assignment, student):
        """No points for any cell of a notebook and nothing to grade by hand, as nbgrader has it for a missing one."""
        for grade in self.find_submission_notebook(notebook, assignment, student).grades:
            grade.auto_score, grade.needs_manual_grade = 0, False
        self.db.flush()

    def score(self, assignment, student):
        """(score, max_score) of a submission, the late penalty taken off."""
        self.db.flush()
        self.db.expire_all()
        submission = self.find_submission(assignment, student)
        return max(0.0, submission.score - submission.late_submission_penalty), submission.max_score

    def submitters(self, assignment):
        """The set of students with a submission to an assignment in the gradebook."""
        query = select(api.SubmittedAssignment.student_id).join(api.Assignment).where(api.Assignment.name == assignment)
        return set(self.db.scalars(query))


@contextlib.contextmanager
def standing_in(gradebook, preprocessors):
    """For the time, have these preprocessors (classes or instances) open this gradebook, whatever they ask for."""
    classes = [p if isinstance(p, type) else type(p) for p in preprocessors]
    modules = {sys.modules[base.__module__] for cls in classes for base in cls.__mro__}
    patched = [module for module in modules if vars(module).get("Gradebook") is Gradebook and module is not api]
    for module in patched:
        module.Gradebook = lambda *_, **__: gradebook
    try:
        yield
    finally:
        for module in patched:
            module.Gradebook = Gradebook


def missing_database(db_url):
    """The path of an SQLite gradebook that does not exist, else None. nbgrader would make an empty one."""
    url = make_url(db_url)
    path = (url.database or "").removeprefix("file:")
    return path if url.get_backend_name() == "sqlite" and path and not Path(path).exists() else None


def bound_points(nb):
    """Keep every graded cell's points within 0 and its maximum, in place: nan and negative numbers become 0.

    nbgrader gives full points for a negative number or nan, and stops at a number above the maximum.
    """
    for cell in nb.cells:
        if not utils.is_grade(cell) or utils.is_solution(cell) or cell.cell_type != "code":
            continue
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.data["text/plain"] = bounded(output.data.get("text/plain"), cell.metadata.nbgrader["points"])


def bounded(text, maximum):
    """The text of a cell's value, as it is unless it is empty or a number out of bounds."""
    try:
        value = float(text or "nan")
    except ValueError:
        return text
    if 0 <= value <= float(maximum):
        return text
    return "0.0" if math.isnan(value) or value < 0 else str(float(maximum))
