"""Where attacks are tried: a class of the foreign course or of this one, graded by nbgrader or by us.

ground = make(folder, slug)          released, with canaries, no submissions
hand_in(ground, student, apply)
done = grade(ground, plain=False)    the finished process
points(ground), harm(ground, before)
"""

import contextlib
import json
import os
import shutil
import socket
import threading
from dataclasses import dataclass
from pathlib import Path

import attacks
import foreign
import nbformat
from attacks import FOREIGN, OWN

ROOT = Path(__file__).parent.parent.parent
HONEST = ("aaron", "mia", "zoe")  # everything right, half, everything right
SECONDS = 10  # for one cell
MARK = "GRADING_TEST_MARK"  # an environment variable that all processes of a run bear
CONFIG = f"""\
import os

import nbgrader.preprocessors as pp

os.environ["COURSE_CLASS"] = os.path.dirname(os.path.abspath(__file__))
load_subconfig("nbgrader_config.py", path={str(ROOT)!r})
c = get_config()
c.CourseDirectory.source_directory = {str(ROOT / "solutions")!r}
c.CourseDirectory.release_directory = {str(ROOT / "exercises")!r}
c.TrustedExecute.timeout = {SECONDS}
if os.environ.get("GRADING_TEST_PLAIN"):
    c.Autograde.sanitize_preprocessors = [p for p in c.Autograde.sanitize_preprocessors if p.__name__ != "Repair"]
    names = [p.__name__ for p in c.Autograde.autograde_preprocessors]
    c.Autograde.autograde_preprocessors[names.index("TrustedExecute")] = pp.Execute
    c.FreshCases.beside = True
"""  # this course's; and as it would be with nbgrader's own way to clean and to execute


@dataclass(frozen=True)
class Ground:
    """A class. folder : where its nbgrader_config.py, gradebook and submissions are."""

    folder: Path
    slug: str

    @property
    def released(self):
        return self.folder / "release" / self.slug if self.slug == FOREIGN else ROOT / "exercises" / self.slug


def make(folder, slug, port=9):
    """A Ground in an empty or new folder."""
    folder = Path(folder).resolve()
    if slug == FOREIGN:
        foreign.make(folder)
    else:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "nbgrader_config.py").write_text(CONFIG, encoding="utf-8")
        release = f"--CourseDirectory.release_directory={folder}/release"
        done = foreign.python(folder, "-m", "nbgrader", "generate_assignment", slug, "--force", release)
        if done.returncode:
            raise RuntimeError(f"nbgrader could not release {slug}: {done.stdout}")
    attacks.prepare(folder, port)
    return Ground(folder, slug)


def hand_in(ground, student, apply):
    """A student's submission: the released folder, changed by apply(notebook, folder)."""
    target = ground.folder / "submitted" / student / ground.slug
    shutil.copytree(ground.released, target)
    path = target / f"{attacks.NAMES[ground.slug]}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    if apply(notebook, target) is not False:
        path.write_text(json.dumps(notebook), encoding="utf-8")  # nbformat would mend what is wrong with it


def honest(ground, student):
    """The apply of an honest student."""
    if ground.slug == FOREIGN:
        cells = foreign.solutions(FOREIGN)
    else:
        from grading import sample

        cells = sample.quick(OWN)
    names = list(cells)[: len(cells) // 2 if student == "mia" else None]
    return foreign.answered({name: cells[name] for name in names})


def grade(ground, plain=False, seconds=SECONDS, workers=2, **options):
    """Grade the class by nbgrader as it is, or by us. The finished process."""
    command = ["-m", "grading", "run", ground.slug, "--workers", workers]
    if plain:
        command = ["-m", "nbgrader", "autograde", ground.slug, f"--ExecutePreprocessor.timeout={seconds}"]
        options["GRADING_TEST_PLAIN"] = "1"
    return foreign.python(ground.folder, *command, **options)


def points(ground):
    """{student: {check: points}} of all checks that have been graded; scores of manual cells too."""
    from nbgrader.api import Gradebook

    found = {}
    with Gradebook(f"sqlite:///{ground.folder}/gradebook.db") as gradebook:
        for submission in gradebook.assignment_submissions(ground.slug):
            grades = [g for n in submission.notebooks for g in n.grades]
            found[submission.student.id] = {g.name: max(g.auto_score or 0.0, g.manual_score or 0.0) for g in grades}
    return found


# What harm was done ---------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def line():
    """A port of this machine that submissions must not reach: yields (port, the list of what was heard)."""
    heard = []

    def listen():
        with contextlib.suppress(OSError):
            while True:
                heard.append(server.accept()[1])

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield server.getsockname()[1], heard
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def left_running(mark):
    """Command lines of the processes that bear a mark."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"{MARK}={mark}".encode() in (path / "environ").read_bytes():
                found[int(path.name)] = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return found


def state(ground):
    """What no submission may change: {what: how it is}."""
    canary = ground.folder / "canary.txt"
    there = canary.exists()
    return {
        "canary": canary.read_text(errors="replace") if there else "gone",
        "mode of the canary": oct(canary.stat().st_mode) if there else "gone",
        "home": sorted(str(p.relative_to(ground.folder)) for p in startup_files(ground.folder / "home")),
        "course": sorted(p.name for p in ground.folder.glob("*.py")),
        "late policy": (ground.folder / "latepolicy.py").read_text() if ground.slug == FOREIGN else "",
        "submissions": {s: digest(ground.folder / "submitted" / s / ground.slug) for s in HONEST},
    }


def startup_files(home):
    """What the next process would read at its start."""
    yield from home.glob(".ipython/profile_default/startup/*.py")
    yield from home.glob(".local/share/jupyter/kernels/*")


def digest(folder):
    """{file: its bytes} of a folder, as far as it is there."""
    return {p.name: p.read_bytes() for p in sorted(folder.glob("*")) if p.is_file()}


def secrets_shown(ground, student):
    """Which secrets stand in the outputs of a student's own cells, and of all where the checks show none of theirs."""
    shown = set()
    for path in (ground.folder / "autograded" / student / ground.slug).glob("*.ipynb"):
        with contextlib.suppress(Exception):
            cells = nbformat.read(path, as_version=4).cells
            own = [c for c in cells if c.cell_type == "code" and not attacks.entry(c).get("locked")]
            text = json.dumps([c.outputs for c in own])
            shown |= {secret for secret in attacks.SECRETS if secret in text}
    return shown


def harm(ground, before):
    """Sentences on what is not as it was: before is state() of then."""
    now = state(ground)
    return [f"{what} changed" for what in before if now[what] != before[what]]


def megabytes(folder):
    """How much lies in a folder."""
    sizes = [os.lstat(Path(here, name)).st_size for here, _, names in os.walk(folder) for name in names]
    return sum(sizes) / 1e6
