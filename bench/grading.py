"""How fast a class is graded: `grading run` beside `nbgrader autograde` with nbgrader's own executor.

    python -m bench.grading [--students 200] [--rounds 3] [--large 1000] [--set ch02_layers] [--json PATH]

Every round makes the class twice anew: nbgrader grades one, a student after another as it does, and `grading run` the
other. Every cell's score must be the same. One student in 50 hands in an endless loop. At the end `grading run` grades
a class of --large students once.
"""

import argparse
import contextlib
import ctypes
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench import cpu
from grading import release, sample, spec
from reference_impl import progress

FOLDER = spec.ROOT / "_build" / "bench"
ENDLESS = "claude"
CHAIN = ["grading.fresh.FreshCases", "grading.fresh.SkipDemos"]
CHAIN += [
    f"nbgrader.preprocessors.{name}" for name in ("Execute", "LimitOutput", "SaveAutoGrades", "AssignLatePenalties")
]
PLAIN = [f"--Autograde.autograde_preprocessors={name}" for name in CHAIN] + ["--FreshCases.beside=True"]

# Starts a Python module and writes down the memory of its largest process; a process begins with its parent's peak, so
# the parent is to be small.
SMALL = """
import json, os, subprocess, sys
_, status, used = os.wait4(subprocess.Popen([sys.executable, "-m", *sys.argv[2:]]).pid, 0)
json.dump(used.ru_maxrss, open(sys.argv[1], "w"))
sys.exit(os.waitstatus_to_exitcode(status))
"""


def author(number):
    """Which student of the sample class hands in what student number `number` hands in."""
    kinds = [name for name in sample.CLASS if name != ENDLESS]
    return ENDLESS if number % 50 == 49 else kinds[number % len(kinds)]


def make(folder, slug, count):
    """A class of count students who have handed in a set."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ["COURSE_CLASS"] = str(folder.relative_to(spec.ROOT))
    release.hand_out([slug], folder / "release")
    for number in range(count):
        who = author(number)
        sample.submit(folder, who, slug)
        (folder / "submitted" / who).rename(folder / "submitted" / f"student{number:04}")


def timed(folder, *arguments):
    """(wall seconds, CPU seconds, MiB of the largest process) of a Python module run for the class in folder."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-c", SMALL, folder / "used.json", *arguments]
    with open(folder / "commands.log", "ab") as log:
        subprocess.run(command, cwd=spec.ROOT, stdout=log, stderr=log, check=True)
    wall = time.perf_counter() - start
    memory = json.loads((folder / "used.json").read_text())
    with contextlib.suppress(ChildProcessError):  # what outlived its parent has become ours: it counts
        while True:
            memory = max(memory, os.wait4(-1, 0)[2].ru_maxrss)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, memory / 1024


def scores(folder, slug):
    """{(student, cell): points} of a class."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{folder}/gradebook.db", "neuron") as gradebook:
        return {
            (submission.student.id, grade.name): grade.auto_score
            for submission in gradebook.assignment_submissions(slug)
            for notebook in submission.notebooks
            for grade in notebook.grades
        }


def graded(name, slug, count):
    """A class of count students graded by "plain" nbgrader or by us: {"students", "wall", "cpu", "memory"}."""
    folder = FOLDER / name
    make(folder, slug, count)
    command = ["nbgrader", "autograde", slug, *PLAIN] if name == "plain" else ["grading", "run", slug]
    wall, cpu, memory = timed(folder, *command)
    return {"students": count, "wall": wall, "cpu": cpu, "memory": memory}


def compare(slug, students):
    """One round: {"plain": …, "ours": …} of graded."""
    found = {name: graded(name, slug, students) for name in ("plain", "ours")}
    plain, ours = (scores(FOLDER / name, slug) for name in found)
    differ = [key for key in plain.keys() | ours.keys() if plain.get(key, "none") != ours.get(key, "none")]
    if differ:
        sys.exit(f"the scores differ: {differ[:5]}")
    return found


def spread(values):
    """The median of some values, with the least and the largest."""
    return {"median": statistics.median(values), "least": min(values), "largest": max(values)}


def table(result):
    """What came of the rounds, as lines of text."""
    yield f"{result['set']}, {result['rounds']} rounds, {result['cores']} cores"
    yield f"{'':6}{'students':>10}{'wall s/student':>16}{'CPU s/student':>15}{'MiB':>7}"
    for name, label in (("plain", "nbgrader"), ("ours", "grading"), ("large", "grading")):
        row = result[name]
        yield f"{label:8}{row['students']:8}{row['wall']:16.3f}{row['cpu']:15.3f}{row['memory']:7.0f}"
    for what, ratio in result["ratio"].items():
        yield f"{what}: {ratio['median']:.1f} times faster ({ratio['least']:.1f} to {ratio['largest']:.1f})"


def main():
    parser = argparse.ArgumentParser(prog="python -m bench.grading", description=__doc__.split("\n")[0])
    parser.add_argument("--students", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--large", type=int, default=1000, help="students of the class that is graded once")
    parser.add_argument("--set", default="ch02_layers", choices=spec.slugs())
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the results here")
    chosen = parser.parse_args()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    show, rounds = progress.bar(chosen.rounds + 1), []
    for number in range(chosen.rounds):
        rounds.append(compare(chosen.set, chosen.students))
        show(number + 1, "rounds")
    large = graded("ours", chosen.set, chosen.large)
    show(chosen.rounds + 1, "the large class")
    each = {
        name: [{k: r[name][k] / r[name]["students"] for k in ("wall", "cpu")} for r in rounds] for name in rounds[0]
    }
    result = {"command": f"python -m bench.grading --students {chosen.students}"}
    result |= {"set": chosen.set, "rounds": chosen.rounds, "cores": os.cpu_count(), "machine": cpu.device()}
    for name, rows in each.items():
        result[name] = {k: statistics.median(row[k] for row in rows) for k in ("wall", "cpu")}
        result[name] |= {"students": rounds[0][name]["students"], "memory": max(r[name]["memory"] for r in rounds)}
    pairs = list(zip(each["plain"], each["ours"], strict=True))
    result["ratio"] = {what: spread([a[what] / b[what] for a, b in pairs]) for what in ("wall", "cpu")}
    result["large"] = large | {k: large[k] / chosen.large for k in ("wall", "cpu")}
    print("\n".join(table(result)))
    if chosen.json:
        chosen.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
