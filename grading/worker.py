"""What a worker does: a submission's bytes in, its executed notebooks out.

`work(job, submission)` needs no gradebook and leaves nothing behind, so it may run in any process of any machine that
has this package and the course's own modules, and may run again.
"""

import atexit
import contextlib
import errno
import functools
import hashlib
import json
import os
import resource
import shutil
import sys
import tempfile
import threading
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path

from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory

from grading import chain, folders
from grading.gradebook import standing_in

try:
    import cloudpickle as pickle  # for classes that a configuration file defines itself
except ImportError:
    import pickle

UNSAFE = ("NoSandbox", "SandboxError")  # what the executor raises where it cannot lock a submission in
LOCK = threading.Lock()  # one submission a process at a time: a Dask worker may have several threads


@dataclass(frozen=True, eq=False)
class Job:
    """What all submissions to an assignment have in common.

    config    : pickled (configuration, sanitizing preprocessors, preprocessors up to the executor)
    files     : {relative path: bytes} of the instructor's files, which replace a student's
    sources   : {relative path: bytes} of the instructor's notebooks, which no submission sees
    notebooks : their names
    seed      : of the fresh cases
    """

    root: str
    assignment: str
    notebooks: tuple
    config: bytes
    snapshot: object
    files: dict
    sources: dict
    seed: int
    ignore: tuple

    @functools.cached_property
    def digest(self):
        """A hexadecimal digest of the cells and of the instructor's files."""
        return hashed(self.files | self.sources, self.assignment, self.snapshot.digest())


@dataclass(frozen=True, eq=False)
class Submission:
    """A student's files: {relative path: bytes}. The digest is of all that the grade hangs on."""

    student: str
    files: dict
    digest: str = ""


@dataclass(eq=False)
class Result:
    """What came of a submission.

    notebooks : {name: JSON text}, executed
    errors    : {name: sentence} of the notebooks that could not be
    files     : {relative path: bytes} that the run made or changed
    traces    : tracebacks of our own faults
    memory    : MiB at the peak
    """

    notebooks: dict = field(default_factory=dict)
    errors: dict = field(default_factory=dict)
    files: dict = field(default_factory=dict)
    traces: list = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    memory: float = 0.0


def hashed(files, *words):
    """The SHA-256 of {path: bytes} and of words, in hexadecimal."""
    digest = hashlib.sha256()
    for part in (*map(str.encode, words), *(p for name in sorted(files) for p in (os.fsencode(name), files[name]))):
        digest.update(len(part).to_bytes(8) + part)
    return digest.hexdigest()


@functools.lru_cache(maxsize=1)
def prepared(job):
    """(converter, sanitizing preprocessors, those up to the executor, the instructor's folder), made once a process."""
    if job.root not in sys.path:
        sys.path.insert(0, job.root)
    config, sanitize, execute = pickle.loads(job.config)
    coursedir = CourseDirectory(config=config)
    coursedir.assignment_id = job.assignment
    source = Path(tempfile.mkdtemp(prefix="grading-"))
    atexit.register(shutil.rmtree, source, ignore_errors=True)
    folders.write(source, job.files | job.sources)
    return Autograde(coursedir=coursedir, config=config), sanitize, execute, source


def execute(job, submission, name, folder):
    """A notebook of a submission, which lies in folder, cleaned, repaired and executed, as JSON text."""
    from grading import repair

    converter, sanitize, run, source = prepared(job)
    path = folder / f"{name}.ipynb"
    tidies = sanitize[0] is repair.Repair and not chain.exporter_of(converter)[1]  # what comes first does so itself

    def resources():
        told = chain.resources_of(converter, job.assignment, submission.student, name, folder)
        return told | {"grading": {"seed": job.seed}, "source": source}

    with standing_in(job.snapshot, [*sanitize, *run]):
        nb = chain.convert(converter, sanitize, (repair.opened if tidies else repair.read)(path), resources())
        path.write_text(json.dumps(nb), encoding="utf-8")
        return json.dumps(chain.convert(converter, run, nb, resources()))


def work(job, submission):
    """The Result of a submission. Raises what no submission is at fault for, as a full disk."""
    result = Result()
    usage, start = cpu_seconds(), time.monotonic()
    os.environ["NBGRADER_EXECUTION"] = "autograde"
    home = job.root if os.path.isdir(job.root) else os.curdir
    with (
        LOCK,
        contextlib.chdir(home),
        tempfile.TemporaryDirectory(prefix="grading-", ignore_cleanup_errors=True) as place,
    ):
        prepared(job)  # here, where it fails, no submission is at fault
        folder = Path(os.path.realpath(place), job.assignment)
        given = submission.files | job.files
        folders.write(folder, given)
        for name in sorted(name for name in job.notebooks if f"{name}.ipynb" in submission.files):
            attempt(result, job, submission, name, folder)
        result.files = made(folder, given, job.ignore)
    result.seconds, result.cpu_seconds = time.monotonic() - start, cpu_seconds() - usage
    result.memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (
        2**20 if sys.platform == "darwin" else 2**10
    )
    return result


def attempt(result, job, submission, name, folder):
    """Add to a result the executed notebook, or the sentence that says why there is none."""
    from grading.repair import Unreadable

    try:
        result.notebooks[name] = execute(job, submission, name, folder)
    except Unreadable as error:
        result.errors[name] = str(error)
    except (Exception, SystemExit) as error:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or type(error).__name__ in UNSAFE:
            raise  # the machine's fault
        result.errors[name] = fault(name, error)
        result.traces.append(traceback.format_exc())


def fault(name, error):
    """The sentence for a notebook that could not be graded through no fault of its format."""
    reason = " ".join(str(error).split())
    return f"{name}.ipynb could not be graded: {type(error).__name__}{': ' * bool(reason)}{reason[:300]}"


def made(folder, given, ignore):
    """{relative path: bytes} of the files that a run made or changed: none where they are too many or too large."""
    try:
        found = folders.files_in(folder, (*ignore, "*.ipynb"))
    except (folders.TooLarge, OSError):
        return {}
    return {name: data for name, data in found.items() if given.get(name) != data and name != "timestamp.txt"}


def cpu_seconds():
    """CPU seconds of this process and of its children that have ended."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
