"""`python -m grading run SET`: nbgrader's autograde for a class of any size, one gradebook writer over many workers."""

import contextlib
import fnmatch
import gc
import glob
import json
import os
import re
import time
from functools import partial
from pathlib import Path

from nbgrader.apps import AutogradeApp
from nbgrader.converters import Autograde
from sqlalchemy.exc import SQLAlchemyError
from traitlets.config import Config

from grading import chain, folders, gradebook, journal, pool, record, worker

VERSION = 1  # of the way to grade: a new number has everything graded anew
KILLED = "Grading the submission ended its worker process twice: it was killed, perhaps for want of memory."


class Stop(Exception):
    """Why a run cannot go on, in one sentence, and the exit code that says so."""

    def __init__(self, sentence, code=1):
        super().__init__(sentence)
        self.code = code


def load(config_file=None):
    """nbgrader's Autograde converter of the course in the current directory, configured as nbgrader does it."""
    app = AutogradeApp()
    app.raise_config_file_errors = True
    options = ["--Application.log_level=CRITICAL"]
    if config_file:
        if not Path(config_file).is_file():
            raise Stop(f"there is no file {config_file}", 2)
        options.append(f"--JupyterApp.config_file={os.path.abspath(config_file)}")
    try:
        app.initialize(options)
    except Exception as error:
        raise Stop(f"nbgrader_config.py does not load: {type(error).__name__}: {error}", 2) from error
    return Autograde(coursedir=app.coursedir, parent=app)


@contextlib.contextmanager
def opened(converter, assignment):
    """The open gradebook of a course, which must know the assignment."""
    coursedir = converter.coursedir
    missing = gradebook.missing_database(coursedir.db_url)
    if missing:
        raise Stop(f"there is no gradebook {missing}: {advice(coursedir, assignment)}", 2)
    writer = gradebook.Writer(coursedir.db_url, coursedir.course_id)
    try:
        names = sorted(known.name for known in writer.assignments)
        if assignment not in names:
            source = coursedir.format_path(coursedir.source_directory, ".", assignment)
            if os.path.isdir(source):
                raise Stop(f"the gradebook does not know {assignment}: {advice(coursedir, assignment)}", 2)
            raise Stop(f"there is no set {assignment}: there are {', '.join(names) or 'none yet'}", 2)
        yield writer
    finally:
        writer.leave()


def advice(coursedir, assignment):
    """What to do for a gradebook that does not know an assignment."""
    handed_out = os.path.isdir(coursedir.format_path(coursedir.release_directory, ".", assignment))
    return f"run `nbgrader generate_assignment {assignment}{' --force' * handed_out}` first"


def find(coursedir, assignment, students=()):
    """{student: folder} of the submissions to an assignment. Raises Stop for none, or none by those asked for."""
    mark = "\1"
    path = coursedir.format_path(coursedir.submitted_directory, mark, assignment)
    name = re.compile(re.escape(path).replace(mark, "([^/]+)", 1).replace(mark, "[^/]+"))
    handed_in = {
        name.fullmatch(p)[1]: p for p in sorted(glob.glob(glob.escape(path).replace(mark, "*"))) if os.path.isdir(p)
    }
    excluded = coursedir.student_id_exclude.split(",")
    handed_in = {s: p for s, p in handed_in.items() if s not in excluded and fnmatch.fnmatch(s, coursedir.student_id)}
    unknown = [student for student in students if student not in handed_in]
    if not handed_in:
        raise Stop(f"there are no submissions to {assignment} ({path.replace(mark, 'STUDENT')})", 2)
    if unknown:
        raise Stop(f"{', '.join(unknown)} handed in nothing to {assignment}: {some(handed_in)} did", 2)
    return {student: handed_in[student] for student in students} if students else handed_in


def some(names, most=10):
    """The first names of many, as a list in words."""
    names = list(names)
    return ", ".join(names[:most]) + f" and {len(names) - most} more" * (len(names) > most)


def make_job(converter, assignment, executor, seed):
    """The worker.Job of an assignment (a record of the gradebook)."""
    coursedir = converter.coursedir
    source = coursedir.format_path(coursedir.source_directory, ".", assignment.name)
    files = folders.files_in(source, [*coursedir.ignore, "*.ipynb"], trusted=True)
    for name in converter.exclude_overwriting.get(assignment.name, ()):
        files.pop(os.path.normpath(name), None)
    notebooks = tuple(notebook.name for notebook in assignment.notebooks)
    paths = {name: Path(source, f"{name}.ipynb") for name in notebooks}
    order = {name: grade_ids(path) for name, path in paths.items()}
    sources = {path.name: path.read_bytes() for path in paths.values() if path.exists()}
    chains = chain.chains(converter, executor)
    try:
        config = worker.pickle.dumps((portable(converter.config), *chains[:2]))
    except Exception as error:
        raise Stop(f"a preprocessor of nbgrader_config.py cannot be sent to other processes: {error}", 2) from error
    snapshot = gradebook.Snapshot(assignment, order)
    ignore = tuple(coursedir.ignore)
    return worker.Job(str(coursedir.root), assignment.name, notebooks, config, snapshot, files, sources, seed, ignore)


def grade_ids(path):
    """The grade ids of a notebook file in its order; none where it cannot be read."""
    try:
        cells = json.loads(path.read_bytes())["cells"]
        return [cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in cells]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def portable(config):
    """The part of a configuration that other processes can have: hooks, for one, are called in this one."""
    kept = Config()
    for section, values in config.items():
        for name, value in values.items():
            with contextlib.suppress(Exception):
                worker.pickle.dumps(value)
                kept[section][name] = value
    return kept


def todo(run, found, force):
    """Yield the submissions that are to be graded, record those that cannot be."""
    old = {} if force else journal.read(run.journal)
    present = run.writer.submitters(run.job.assignment)
    for student, path in found.items():
        try:
            submission = read(run, student, path)
            entry = old.get(student, {})
            same = entry.get("state") == "done" and entry.get("hash") == submission.digest
            if same and student in present and run.folder(student).is_dir():
                run.entries[student] = entry
                run.skipped.add(student)
                continue
            if run.converter.pre_convert_hook:
                run.converter.run_pre_convert_hook()
                submission = read(run, student, path)
        except folders.TooLarge as error:
            record.record(
                run, worker.Submission(student, {}), record.refused(run, f"The submission was refused: {error}.")
            )
            continue
        if any(f"{name}.ipynb" in submission.files for name in run.job.notebooks):
            yield submission
        else:
            names = " or ".join(f"{name}.ipynb" for name in run.job.notebooks)
            record.record(run, submission, record.refused(run, f"There is no {names} in the submission."))


def read(run, student, path):
    """A student's submission with its digest. Raises folders.TooLarge."""
    notebooks = [f"{name}.ipynb" for name in run.job.notebooks]
    run.converter.notebooks = [os.path.join(path, name) for name in notebooks]
    files = folders.files_in(path, [*run.job.ignore, "*.ipynb"], keep=notebooks)
    return worker.Submission(student, files, worker.hashed(files, run.job.digest, run.executor, str(VERSION)))


def outcome(run, future):
    """The Result that a future holds. Raises Stop for what no submission is at fault for."""
    error = future.exception()
    if error is None:
        return future.result()
    if type(error).__name__ == "KilledWorker":  # ours, or Dask's
        return record.refused(run, KILLED)
    if isinstance(error, OSError):
        raise error
    raise Stop(
        f"a worker cannot go on: {type(error).__name__}: {error}", 4 * (type(error).__name__ in worker.UNSAFE) or 1
    )


def grade(run, found, options, tell):
    """Grade the submissions found: {student: folder}."""
    if options.scheduler:
        open_pool = partial(pool.cluster, run.job, options.scheduler)
    else:
        open_pool = partial(pool.local, run.job, options.workers or os.cpu_count() or 1)
    tell(run, len(found))
    gc.freeze()  # what is there by now, is there to the end
    with contextlib.closing(pool.graded(todo(run, found, options.force), open_pool)) as results:
        for submission, future in results:
            record.record(run, submission, outcome(run, future))
            if run.converter.post_convert_hook:
                run.converter.run_post_convert_hook()
            tell(run, len(found))


def run(options, tell=lambda *_: None):
    """Grade a set as the options of the command line say. Returns the summary. Raises Stop.

    tell : called as tell(run, number of submissions) whenever a submission is done
    """
    start = time.monotonic()
    try:
        converter = load(options.config)
        coursedir = converter.coursedir
        coursedir.assignment_id = options.assignment
        converter.config.TrustedExecute.sandbox = not options.no_sandbox
        check_sandbox(options)
        with contextlib.chdir(coursedir.root), opened(converter, options.assignment) as writer:
            found = find(coursedir, options.assignment, options.student)
            place = journal.folder(coursedir)
            with journal.lock(place):
                seed = journal.seed(place, options.assignment)
                job = make_job(converter, writer.find_assignment(options.assignment), options.executor, seed)
                after = chain.chains(converter, options.executor)[2]
                state = record.Run(converter, job, writer, options.executor, after, place)
                grade(state, found, options, tell)
    except journal.Busy as error:
        raise Stop(str(error), 3) from error
    except pool.Unreachable as error:
        raise Stop(str(error)) from error
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", error)).splitlines()[0]
        raise Stop(f"the gradebook cannot be used ({reason}); what is done is kept, run again to go on") from error
    except OSError as error:
        raise Stop(
            f"{error.filename or 'a file'}: {error.strerror}; what is done is kept, run again to go on"
        ) from error
    return summary(state, time.monotonic() - start)


def check_sandbox(options):
    """Raise Stop where submissions would run without a sandbox and nobody has said that they may."""
    if options.executor == "trusted" and not options.no_sandbox:
        from grading import sandbox

        lacking = sandbox.complete(sandbox.support())
        if lacking:
            raise Stop(" ".join(lacking), 4)


def summary(run, seconds):
    """What a run has done, as plain data."""
    failed = {student: e["error"] for student, e in run.entries.items() if e["state"] == "failed"}
    fields = ("state", "score", "max_score", "error")
    return {
        "graded": len(run.entries) - len(run.skipped) - len(failed),
        "skipped": len(run.skipped),
        "failed": failed,
        "seconds": round(seconds, 2),
        "students": {student: {f: e[f] for f in fields} for student, e in sorted(run.entries.items())},
    }
