"""What a worker does: a submission's bytes in, its executed notebooks out.

`work(job, submission)` needs no gradebook and leaves nothing behind, so it may run in any process of any machine that
has this package and the course's own modules, and may run again.
"""

import atexit
import contextlib
import errno
import fnmatch
import functools
import hashlib
import json
import os
import resource
import shutil
import stat
import sys
import tempfile
import threading
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path

from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory

from grading import chain
from grading.gradebook import standing_in

try:
    import cloudpickle as pickle  # for classes that a configuration file defines itself
except ImportError:
    import pickle

MAX_FILES, MAX_BYTES = 1000, 50 * 10**6
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


class TooLarge(Exception):
    """A folder holds more than a submission may."""


def hashed(files, *words):
    """The SHA-256 of {path: bytes} and of words, in hexadecimal."""
    digest = hashlib.sha256()
    for part in (*map(str.encode, words), *(p for name in sorted(files) for p in (os.fsencode(name), files[name]))):
        digest.update(len(part).to_bytes(8) + part)
    return digest.hexdigest()


def files_in(folder, ignore=(), keep=(), trusted=False):
    """{relative path: bytes} of the regular files below a folder.

    ignore  : patterns of names, as in CourseDirectory.ignore
    keep    : relative paths that are read whatever ignore says
    trusted : without limits, and through links that lead out of the folder; else such links are left aside
    Raises TooLarge.
    """
    base, found, room = os.path.realpath(folder), {}, sys.maxsize if trusted else MAX_BYTES
    for here, folders, names in os.walk(base):
        folders[:] = sorted(name for name in folders if not ignored(name, ignore))
        for path in (os.path.join(here, name) for name in sorted(names)):
            name = os.path.relpath(path, base)
            real = os.path.realpath(path)
            if (name not in keep and ignored(os.path.basename(path), ignore)) or not (
                trusted or real.startswith(base + os.sep)
            ):
                continue
            data = contents(real, room)
            if data is not None:
                found[name] = data
                room -= len(data)
            if len(found) > MAX_FILES and not trusted:
                raise TooLarge(f"it has more than {MAX_FILES} files")
    return found


def contents(path, room):
    """The bytes of a regular file, else None. Raises TooLarge for more than room."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)  # a pipe must not hold us up
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP, errno.ENXIO):
            return None  # a link to nothing, a link to itself, a socket
        raise
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        if os.fstat(descriptor).st_size > room:
            raise TooLarge(f"it is larger than {MAX_BYTES // 10**6} MB")
        return file.read()


def ignored(name, patterns):
    """Whether a name fits one of the patterns, of which those with a star fit no hidden name, as in a shell."""
    return any(fnmatch.fnmatchcase(name, p) and (p.startswith(".") or not name.startswith(".")) for p in patterns)


def write(folder, files):
    """Write {relative path: bytes} below a folder; where a file and a folder have one name, the later one stays."""
    for name, data in files.items():
        target = Path(folder, name)
        for parent in reversed(target.relative_to(folder).parents[:-1]):
            if (folder / parent).is_file():
                (folder / parent).unlink()
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            shutil.rmtree(target)
        target.write_bytes(data)


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
    write(source, job.files | job.sources)
    return Autograde(coursedir=coursedir, config=config), sanitize, execute, source


def execute(job, submission, name, folder):
    """A notebook of a submission, which lies in folder, cleaned, repaired and executed, as JSON text."""
    from grading import repair

    converter, sanitize, run, source = prepared(job)
    path = folder / f"{name}.ipynb"

    def resources():
        told = chain.resources_of(converter, job.assignment, submission.student, name, folder)
        return told | {"grading": {"seed": job.seed}, "source": source}

    with standing_in(job.snapshot, [*sanitize, *run]):
        nb = chain.convert(converter, sanitize, repair.read(path), resources())
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
        write(folder, given)
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
        found = files_in(folder, (*ignore, "*.ipynb"))
    except (TooLarge, OSError):
        return {}
    return {name: data for name, data in found.items() if given.get(name) != data and name != "timestamp.txt"}


def cpu_seconds():
    """CPU seconds of this process and of its children that have ended."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
