"""What was graded, one line a submission, on disk before the next one is; and the lock that keeps two runs apart.

All of it lies in the folder .grading beside a class's autograded folder. (Not in one called grading: Python would take
that for this package when it is started in the course's folder.)
"""

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
from pathlib import Path


class Busy(Exception):
    """Another run holds the class."""


def folder(coursedir):
    """The folder of a class's journals, made where it is missing."""
    path = Path(coursedir.root, coursedir.autograded_directory).parent / ".grading"
    path.mkdir(parents=True, exist_ok=True)
    return path


def path(coursedir, assignment):
    """The journal of an assignment: one JSON object a line."""
    return folder(coursedir) / f"{assignment}.jsonl"


def read(journal):
    """{student: entry}, the last entry of each. Lines that a death has torn are passed over."""
    entries = {}
    for line in journal.read_bytes().split(b"\n") if journal.exists() else ():
        with contextlib.suppress(ValueError):
            entry = json.loads(line)
            if isinstance(entry, dict) and "student" in entry:
                entries[entry["student"]] = entry
    return entries


def append(journal, entry):
    """Write an entry and wait until it is on disk."""
    line = json.dumps(entry, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    with open(journal, "ab+") as file:
        if file.tell() and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n":
            line = b"\n" + line
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def lock(place):
    """Hold a class's folder. Raises Busy while another process does; its death sets it free."""
    with open(place / "lock", "a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip()
            raise Busy(f"another run (process {holder or '?'}) is grading this class: wait for it") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def seed(place, assignment):
    """A number below 2^32 that stays the same for an assignment of a class and that no student can know."""
    secret = place / "secret"
    if not secret.exists():
        fresh = place / "secret.new"
        fresh.touch(mode=0o600)
        fresh.write_bytes(secrets.token_bytes(32))
        fresh.replace(secret)
    return int.from_bytes(hashlib.sha256(secret.read_bytes() + assignment.encode()).digest()[:4])
