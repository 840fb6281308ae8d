"""`TrustedExecute`, in place of nbgrader's `Execute`: locked cells run in a trusted process, all others in a sandbox.

c.Autograde.autograde_preprocessors = ["grading.executor.TrustedExecute", …the rest as nbgrader has it…]
"""

import atexit
import contextlib
import hashlib
import os
import time
from functools import cache
from pathlib import Path

import nbformat
from nbgrader import utils
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool, Float, Integer, List, default

from grading import folders, lessons, sandbox, shell
from grading.template import Gone, Template
from grading.wire import Channel, Closed, Late, pair

MEBI = 1 << 20


class NoSandbox(Exception):
    """This machine cannot lock a submission's code in."""


class TrustedExecute(NbGraderPreprocessor):
    """Run a submission's notebook so that its own code can neither see nor change how it is graded."""

    timeout = Float(help="seconds for one cell; as for nbgrader's own executor, where it is not said").tag(config=True)
    total = Float(600, help="seconds for one notebook").tag(config=True)
    memory = Integer(2048, help="MiB a submission may use").tag(config=True)
    disk = Integer(256, help="MiB a submission may write").tag(config=True)
    sandbox = Bool(True, help="lock submissions' code in; without it, it runs with your own rights").tag(config=True)
    learn = Bool(
        True,
        help="run the instructor's solution once, to learn what graded cells ask of objects and which functions work "
        "in place",
    ).tag(config=True)
    readable = List([], help="further folders that submissions' code may read, as of data sets").tag(config=True)
    preload = List([], help="modules to import once and for all, besides NumPy and matplotlib").tag(config=True)
    student_files = List(
        ["*.csv", "*.tsv", "*.txt", "*.json", "*.npy", "*.npz", "*.png"],
        help="files written by submissions' code that graded cells may read",
    ).tag(config=True)

    @default("timeout")
    def _timeout_default(self):
        sections = [self.config.get(name, {}) for name in ("Execute", "ExecutePreprocessor")]
        return next((section["timeout"] for section in sections if section.get("timeout")), 30)

    @classmethod
    def warm(cls, config):
        """Start what the first submission would start otherwise."""
        template((*cls(config=config).preload,))

    def preprocess(self, nb, resources):
        self.check_machine()
        folder = Path(resources["metadata"]["path"] or ".")
        lesson = self.lesson(resources, nb)
        given = self.given(self.source(resources), resources["nbgrader"].get("assignment"))
        with folders.workplace() as place:
            trusted, student = folders.lay_out(place, folder, given, resources.get("trusted_files", {}))
            run = Run(nb, self.request(trusted, student, lesson), (*self.preload,), lesson)
            start = time.monotonic()
            run.all()
        told = nb.metadata.setdefault("grading", {})
        told["cells"], told["seconds"] = run.told, round(time.monotonic() - start, 3)
        return nb, resources

    def check_machine(self):
        """Raise NoSandbox where there is none and one is wanted."""
        missing = sandbox.complete(support()) if self.sandbox else []
        if missing:
            raise NoSandbox(f"{' '.join(missing)} Use --no-sandbox if you trust every submission.")

    def request(self, trusted, student, lesson):
        """What the processes are told."""
        return {
            "trusted": str(trusted),
            "folder": str(student),
            "sandbox": self.sandbox,
            "readable": [str(Path(path).resolve()) for path in self.readable],
            "memory": self.memory * MEBI,
            "file_size": self.disk * MEBI,
            "disk": self.disk * MEBI,
            "timeout": self.timeout,
            "total": self.total,
            "files": list(self.student_files),
            "shared": sorted(path.stem for path in trusted.glob("*.py")),
            "definitions": lesson["definitions"],
            "asked": lesson["asked"],
            "in_place": lesson["in_place"],
        }

    def source(self, resources):
        """The folder of the instructor's version, None where it is not known."""
        if "source" in resources:
            return Path(resources["source"])
        course = getattr(getattr(self.parent, "parent", None), "coursedir", None)
        if course is None:
            return None
        path = Path(course.format_path(course.source_directory, ".", resources["nbgrader"]["assignment"]))
        return path if path.is_dir() else None

    def given(self, source, assignment):
        """{relative path: bytes} of what the instructor handed out, but what a student may hand in in another form."""
        if source is None:
            return {}
        converter = getattr(self.parent, "parent", None)
        course = getattr(converter, "coursedir", None)
        found = folders.files_in(source, [*(course.ignore if course else ()), "*.ipynb"], trusted=True)
        theirs = getattr(converter, "exclude_overwriting", {}).get(assignment, ())
        return {name: data for name, data in found.items() if name not in map(os.path.normpath, theirs)}

    def lesson(self, resources, nb):
        """What the instructor's own notebook teaches about this one."""
        source = self.source(resources)
        path = source / f"{resources['nbgrader']['notebook']}.ipynb" if source else None
        if path is None or not path.exists():
            return lessons.read(nbformat.v4.new_notebook())
        text = path.read_text(encoding="utf-8")
        key = hashlib.sha256(text.encode()).digest(), self.learn
        if key not in LESSONS:
            notebook = nbformat.reads(text, as_version=4)
            found = lessons.read(notebook)
            if self.learn and any(map(lessons.judges, notebook.cells)):
                found |= self.learnt(notebook, path.parent, found)
            LESSONS[key] = found
        return LESSONS[key]

    def learnt(self, notebook, folder, found):
        """Run the instructor's solution with everything permitted, and see what it needed."""
        with folders.workplace() as place:
            trusted, student = folders.lay_out(place, folder, self.given(folder, None), {})
            request = self.request(trusted, student, found)
            run = Run(notebook, request, (*self.preload,), found | {"permitted": None})
            seen = {}
            run.note = lambda cell, result, *_: seen.update({cell.metadata.get("nbgrader", {}).get("grade_id"): result})
            run.all()
        return {
            "permitted": {name: result["used"] for name, result in seen.items() if "used" in result},
            "in_place": sorted({name for result in seen.values() for name in result.get("in_place", [])}),
        }


class Run:
    """One notebook's execution."""

    def __init__(self, nb, request, preload, lesson):
        self.nb, self.asked, self.preload, self.lesson = nb, request, preload, lesson
        self.told, self.past, self.channel, self.child = {}, [], None, None
        self.end = time.monotonic() + request["total"]

    def all(self):
        """Run every cell, and write its outputs into it."""
        count = 0
        try:
            for cell in self.nb.cells:
                if cell.cell_type != "code":
                    continue
                cell.outputs, cell.execution_count = [], None
                if not cell.source.strip() or (
                    "skip-execution" in cell.metadata.get("tags", ()) and not utils.is_locked(cell)
                ):
                    continue
                count += 1
                start = time.monotonic()
                found = self.cell(cell)
                self.note(cell, found, time.monotonic() - start, count)
        finally:
            self.stop()

    def note(self, cell, found, seconds, count):
        """Write down what came of a cell."""
        cell.outputs = [nbformat.from_dict(harmless(output)) for output in found["outputs"]]
        cell.execution_count = count
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name:
            self.told[name] = {"seconds": round(seconds, 3)}
            if "stopped" in found:
                self.told[name]["stopped"] = found["stopped"]

    def cell(self, cell):
        """Run one cell in the process it belongs to."""
        settings = cell.metadata.get("nbgrader", {})
        if time.monotonic() > self.end:
            return failure(
                "CellTimeoutError", f"the notebook was still running after {self.asked['total']:g} seconds", "time"
            )
        if not utils.is_locked(cell):
            message = ["student", cell.source, False]
        elif utils.is_grade(cell):
            permitted = self.lesson["permitted"]
            message = [
                "graded",
                cell.source,
                float(settings["points"]),
                permitted and permitted.get(settings["grade_id"], []),
            ]
        else:
            message = ["shared", cell.source]
        try:
            found = self.tell(message)
        except (Closed, Late, Gone):
            self.stop()
            return failure("DeadKernelError", "the process that ran this cell ended", "crash")
        if message[0] != "graded" and "stopped" not in found:
            self.past.append(message)
        return found

    def tell(self, message):
        """Send a message to the trusted process; a new one is first brought to where the last one was."""
        if self.channel is None:
            mine, theirs = pair()
            warm = template(self.preload)
            self.child = warm.child([theirs.fileno(), warm.student.fileno()])
            theirs.close()
            self.channel = Channel(mine)
            self.channel.send(self.asked)
            for past in self.past:
                self.send(past)
        return self.send(message)

    def send(self, message):
        self.channel.send(message)
        return self.channel.receive(max(self.end - time.monotonic(), 0) + 3 * self.asked["timeout"] + 10)

    def stop(self):
        """End the processes."""
        if self.channel is not None:
            self.channel.close()
            self.child.close()
            self.channel = None


def harmless(output):
    """An output without what would run in the browser of whoever looks at it in formgrader."""
    if "data" not in output:
        return output
    kept = {mime: text for mime, text in output["data"].items() if mime in shell.SHOWN}
    if "text/html" in kept:
        from grading import markup

        kept["text/html"] = markup.clean(kept["text/html"])
    return output | {"data": kept}


def failure(name, sentence, why):
    """What comes of a cell that could not be run to its end."""
    error = {"output_type": "error", "ename": name, "evalue": sentence, "traceback": [f"{name}: {sentence}"]}
    return {"outputs": [error], "stopped": why}


TEMPLATES = {}  # modules: Template, in this process
LOADED = None  # the socket of a process that templates are parted off from, where another process has started it
LESSONS = {}  # (digest of the notebook, learn): what it taught


def template(preload=()):
    """The template of this process, started when first needed."""
    kept = TEMPLATES.get(preload)
    if kept is None:
        kept = Template(preload, LOADED)
    if kept.ended():
        kept = Template(preload)
    TEMPLATES[preload] = kept
    return kept


@atexit.register
def close_templates():
    """End this process's templates."""
    for kept in TEMPLATES.values():
        with contextlib.suppress(OSError):
            kept.close()
    TEMPLATES.clear()


@cache
def support():
    """What this machine has."""
    return sandbox.support()
