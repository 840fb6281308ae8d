"""Folders of files from elsewhere: read with care, laid out, and gone afterwards."""

import contextlib
import errno
import fnmatch
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

MAX_FILES, MAX_BYTES = 1000, 50 * 10**6  # of a submission


class TooLarge(Exception):
    """A folder holds more than a submission may."""


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


def lay_out(place, folder, given, secret):
    """Two folders in place: the instructor's files alone, and the submission's with the instructor's over them.

    folder : the submission's files
    given, secret : {relative path: bytes} of the instructor's; a submission sees nothing of the secret ones
    """
    trusted, student = place / "trusted", place / "student"
    trusted.mkdir(mode=0o700)
    shutil.copytree(folder, student, ignore=left_aside)
    for name in secret:
        with contextlib.suppress(IsADirectoryError):
            (student / name).unlink(missing_ok=True)
    write(student, given)
    write(trusted, given | secret)
    return trusted, student


def left_aside(folder, names):
    """What a submission's process has no use for: links, and notebooks, which have the hidden tests by now."""
    return [name for name in names if name.endswith(".ipynb") or not plain_entry(os.path.join(folder, name))]


def plain_entry(path):
    """Whether a path is an ordinary file or a folder, not a link, a pipe or a device."""
    mode = os.lstat(path).st_mode
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


@contextlib.contextmanager
def workplace():
    """A folder that is gone afterwards, however a submission has left it."""
    place = Path(tempfile.mkdtemp(prefix="grading-"))
    try:
        yield place
    finally:
        try:
            shutil.rmtree(place)
        except (OSError, RecursionError):  # folders without rights, or one in another a thousand times
            subprocess.run(["chmod", "-R", "u+rwx", place], stderr=subprocess.DEVNULL)
            subprocess.run(["rm", "-rf", place], stderr=subprocess.DEVNULL)
