"""A small nbgrader course with two notebooks in one set, and a PostgreSQL server where there is one."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # nbgrader starts alembic by name
CONFIG = """\
c = get_config()
c.CourseDirectory.course_id = "small"
c.ExecutePreprocessor.timeout = c.TrustedExecute.timeout = 10
c.LateSubmissionPlugin.penalty_method = "zero"
c.Autograde.exclude_overwriting = {"hw": ["mine.txt"]}
"""
RIGHT = {"double": "def double(x):\n    return 2 * x", "half": "def half(x):\n    return x / 2", "why": "Because."}
WRONG = RIGHT | {"double": "def double(x):\n    return x * x"}
DUE = "2030-01-10 12:00:00"


def marked(cell, grade_id, grade=False, solution=False, points=0):
    """A cell with nbgrader's metadata."""
    entry = {
        "grade_id": grade_id,
        "grade": grade,
        "solution": solution,
        "locked": grade and not solution,
        "task": False,
    }
    cell.metadata["nbgrader"] = entry | {"schema_version": 3} | ({"points": points} if grade else {})
    return cell


def released(name):
    """The instructor's notebook: a function, its test, its partial credit, and a written answer."""
    answer = RIGHT[name].split("\n")
    source = "\n".join([answer[0], "    ### BEGIN SOLUTION", *answer[1:], "    ### END SOLUTION"])
    test = {"double": "assert double(3) == 6", "half": "assert half(3) == 1.5"}[name]
    partial = {"double": "sum([double(1) == 2, double(2) == 4]) / 2", "half": "2 * float(half(4) == 2)"}[name]
    cells = [
        new_code_cell("import math"),
        marked(new_code_cell(source), name, solution=True),
        marked(new_code_cell(test), f"test-{name}", grade=True, points=2),
        marked(new_code_cell(partial), f"partial-{name}", grade=True, points=1 if name == "double" else 2),
    ]
    if name == "double":
        cells.append(marked(new_markdown_cell("Why?"), "why", grade=True, solution=True, points=3))
    spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return new_notebook(cells=cells, metadata=spec)


@pytest.fixture(scope="session")
def released_course(tmp_path_factory):
    """A course whose set hw is released and has no submissions. Copy it."""
    folder = tmp_path_factory.mktemp("course")
    (folder / "nbgrader_config.py").write_text(CONFIG)
    (folder / "source" / "hw").mkdir(parents=True)
    for name in ("double", "half"):
        nbformat.write(released(name), folder / "source" / "hw" / f"{name}.ipynb")
    (folder / "source" / "hw" / "data.txt").write_text("the instructor's")
    (folder / "source" / "hw" / "mine.txt").write_text("the instructor's")
    nbgrader(folder, "generate_assignment", "hw")
    nbgrader(folder, "db", "assignment", "add", "hw", f"--duedate={DUE} UTC")
    return folder


def nbgrader(folder, *arguments):
    """Run an nbgrader command in a course. Returns its exit code; fails unless it is 0 or autograde's."""
    quick = "import sys; sys.modules['rfc3987_syntax'] = None; from nbgrader.apps.nbgraderapp import main; main()"
    done = subprocess.run([sys.executable, "-c", quick, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0 or arguments[0] == "autograde", done.stderr
    return done.returncode


@pytest.fixture
def course(released_course, tmp_path):
    """A course of this test's own."""
    folder = tmp_path / "course"
    shutil.copytree(released_course, folder)
    return folder


def submit(course, student, answers, late=0, leave_out=(), **files):
    """Hand in the released notebooks with these answers, some hours after the due date."""
    folder = course / "submitted" / student / "hw"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(course / "release" / "hw", folder)
    for path in folder.glob("*.ipynb"):
        nb = nbformat.read(path, as_version=4)
        for cell in nb.cells:
            cell.source = answers.get(cell.metadata.get("nbgrader", {}).get("grade_id"), cell.source)
        nbformat.write(nb, path)
    for name in leave_out:
        (folder / name).unlink()
    hour = 11 + late
    (folder / "timestamp.txt").write_text(f"2030-01-10 {hour}:00:00 UTC")
    for name, text in files.items():
        (folder / f"{name}.txt").write_text(text)
    return folder


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    """The URL of a database in a PostgreSQL server of our own; skips where there is no server to start."""
    pytest.importorskip("psycopg")
    found = shutil.which("initdb") or next(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")), None)
    if not found:
        pytest.skip("no PostgreSQL on this machine")
    folder, programs = Path(tempfile.mkdtemp(prefix="pg")), Path(found).resolve().parent  # short: it holds a socket
    user = "nobody" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name  # PostgreSQL refuses to run as root
    shutil.chown(folder, user)
    options = {"check": True, "cwd": "/", "capture_output": True, "env": os.environ | {"LC_ALL": "C"}}
    options |= {"user": user, "extra_groups": []} if os.getuid() == 0 else {}
    subprocess.run(
        [programs / "initdb", "-D", folder / "data", "-U", "grader", "-A", "trust", "--no-sync", "-E", "UTF8"],
        **options,
    )
    settings = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"]
    command = [programs / "postgres", "-D", folder / "data", *settings]
    log = subprocess.DEVNULL
    kept = {key: value for key, value in options.items() if key not in ("check", "capture_output")}
    server = subprocess.Popen(command, stdout=log, stderr=log, **kept)
    try:
        for _ in range(100):
            ready = subprocess.run([programs / "pg_isready", "-h", folder], capture_output=True)
            if ready.returncode == 0:
                break
            time.sleep(0.1)
        yield f"postgresql+psycopg://grader@/postgres?host={folder}"
    finally:
        server.terminate()
        server.wait(20)
        shutil.rmtree(folder, ignore_errors=True)
