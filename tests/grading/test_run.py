"""`python -m grading run`: nbgrader's results, whatever happens on the way."""

import contextlib
import fcntl
import json
import multiprocessing
import os
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, nullcontext
from types import SimpleNamespace

import nbformat
import pytest
from nbgrader.api import Gradebook
from small import DUE, RIGHT, WRONG, nbgrader, submit

from grading import chain, cli, folders, gradebook, journal, pool, record, runner, worker

pytestmark = pytest.mark.xdist_group("run")  # one process, which makes nbgrader's own results once
OPTIONS = {"assignment": "hw", "student": [], "force": False, "workers": 1, "scheduler": None, "config": None}
OPTIONS |= {"executor": "trusted", "no_sandbox": False}


@pytest.fixture
def inline(monkeypatch):
    """Grade in this process, where templates stay warm from test to test."""

    @contextlib.contextmanager
    def here(job, workers):
        def submit(submission):
            future = pool.Future()
            try:
                future.set_result(worker.work(job, submission))
            except Exception as error:
                future.set_exception(error)
            return future

        yield SimpleNamespace(submit=submit, workers=1)

    monkeypatch.setattr(pool, "local", here)


def grade(course, **options):
    """The summary of a run in this process."""
    with contextlib.chdir(course):
        return runner.run(SimpleNamespace(**OPTIONS | options))


def command(course, *arguments):
    """A finished `python -m grading`."""
    line = [sys.executable, "-m", "grading", *arguments]
    return subprocess.run(line, cwd=course, capture_output=True, text=True, timeout=300)


def start(course, *arguments):
    """A `python -m grading run hw` that has begun, with one worker unless told otherwise."""
    line = [sys.executable, "-m", "grading", "run", "hw", "--workers", "1", *arguments]
    with open(course / "output", "w") as output:
        return subprocess.Popen(line, cwd=course, stdout=output, stderr=output)


def wait_for(condition, seconds=60):
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def grades(url):
    """All that a gradebook says of its submissions."""
    found = {}
    with Gradebook(url) as gb:
        for submission in (s for a in gb.assignments for s in a.submissions):
            student = submission.student.id
            found[student] = submission.timestamp, submission.score, submission.max_score
            for notebook in submission.notebooks:
                found[student, notebook.name] = notebook.late_submission_penalty
                for g in notebook.grades:
                    value = g.auto_score, g.manual_score, g.needs_manual_grade, g.max_score
                    found[student, notebook.name, g.name] = value
                for c in notebook.comments:
                    found[student, notebook.name, "comment", c.name] = c.auto_comment, c.manual_comment
    return found


def sqlite(course):
    return f"sqlite:///{course}/gradebook.db"


def autograded(course):
    """{path: what is there} below autograded; the cells' ids and times, which differ from run to run, left out."""
    found = {}
    for path in sorted((course / "autograded").rglob("*")):
        name = str(path.relative_to(course))
        if path.is_dir() or "__pycache__" in name:
            continue
        text = path.read_text()
        if path.suffix == ".ipynb":
            nb = nbformat.read(path, as_version=4)
            text = [(c.source, [(o.output_type, o.get("data")) for o in c.get("outputs", [])]) for c in nb.cells]
        found[name] = text, oct(path.stat().st_mode)
    return found


def hand_in(course):
    """A class of five: right, wrong, late, with a notebook missing, and nothing done."""
    submit(course, "ada", RIGHT, mine="my own", data="mine", extra="more")
    submit(course, "bob", WRONG)
    submit(course, "lee", RIGHT, late=5)
    submit(course, "mia", RIGHT, leave_out=["half.ipynb"])
    submit(course, "noa", {})


@pytest.fixture(scope="module")
def plain(released_course, tmp_path_factory):
    """(course, gradebook) after nbgrader's own autograde."""
    folder = tmp_path_factory.mktemp("plain") / "course"
    shutil.copytree(released_course, folder)
    hand_in(folder)
    assert nbgrader(folder, "autograde", "hw") == 0
    return folder, grades(sqlite(folder))


def test_the_gradebook_and_the_folders_are_nbgraders(plain, course, inline):
    hand_in(course)
    summary = grade(course)
    assert (summary["graded"], summary["failed"]) == (5, {})
    assert grades(sqlite(course)) == plain[1]
    assert autograded(course) == autograded(plain[0])
    assert summary["students"]["ada"]["score"] == 7
    assert summary["students"]["lee"]["score"] == 0  # the late policy takes all


def test_the_plain_executor_gives_the_same(plain, course, inline):
    hand_in(course)
    grade(course, executor="plain", student=["bob"])
    found = grades(sqlite(course))
    assert found == {key: value for key, value in plain[1].items() if "bob" in (key, key[0])}


def test_a_second_run_skips_and_a_changed_submission_is_graded_anew(course, inline):
    submit(course, "ada", RIGHT)
    submit(course, "bob", WRONG)
    assert grade(course)["graded"] == 2
    assert grade(course)["skipped"] == 2
    submit(course, "bob", RIGHT)
    summary = grade(course)
    assert (summary["graded"], summary["skipped"]) == (1, 1)
    assert summary["students"]["bob"]["score"] == 7
    assert grade(course, force=True)["graded"] == 2


def test_what_is_not_there_any_more_is_graded_anew(course, inline):
    submit(course, "ada", RIGHT)
    submit(course, "bob", RIGHT)
    grade(course)
    shutil.rmtree(course / "autograded" / "ada")
    with Gradebook(sqlite(course)) as gb:
        gb.remove_submission("hw", "bob")
    assert grade(course)["graded"] == 2


def test_the_instructors_change_has_all_graded_anew(course, inline):
    submit(course, "ada", RIGHT)
    grade(course)
    (course / "source" / "hw" / "data.txt").write_text("another")
    assert grade(course)["graded"] == 1


def test_one_student_alone_late_or_not(course, inline):
    for student in ("ada", "bob", "lee"):
        submit(course, student, RIGHT, late=2 * (student == "lee"))
    assert list(grade(course, student=["lee"])["students"]) == ["lee"]
    with Gradebook(sqlite(course)) as gb:
        assert gb.find_submission("hw", "lee").total_seconds_late == 3600
        gb.grant_extension("hw", "lee", hours=3)
    assert grade(course, student=["lee"], force=True)["students"]["lee"]["score"] == 7


def test_a_resubmission_without_its_tests_keeps_no_points(course, inline, monkeypatch):
    """Without Repair, which would put the tests back, as in a course that leaves it out."""
    folder = submit(course, "ada", RIGHT)
    grade(course)
    for path in folder.glob("*.ipynb"):
        nb = nbformat.read(path, as_version=4)
        nb.cells = [c for c in nb.cells if not c.metadata.get("nbgrader", {}).get("grade")]
        nbformat.write(nb, path)
    chains = chain.chains
    monkeypatch.setattr(chain, "chains", lambda *a: (chains(*a)[0][1:], *chains(*a)[1:]))
    assert grade(course)["students"]["ada"]["score"] == 0
    assert grades(sqlite(course))["ada", "half", "test-half"] == (None, None, True, 2)


def test_a_graders_points_stay(course, inline):
    submit(course, "ada", RIGHT)
    grade(course)
    with Gradebook(sqlite(course)) as gb:
        gb.find_grade("why", "double", "hw", "ada").manual_score = 2.5
        gb.db.commit()
    assert grade(course, force=True)["students"]["ada"]["score"] == 9.5


@pytest.mark.parametrize(
    ("value", "points"), [("nan", 0), ("-1", 0), ("1e9", 2), ("inf", 2), ("1.5", 1.5), ("'all'", 2), ("", 0)]
)
def test_points_stay_within_their_bounds(value, points):
    cell = nbformat.v4.new_code_cell("", outputs=[nbformat.v4.new_output("execute_result", data={"text/plain": value})])
    cell.metadata["nbgrader"] = {"grade": True, "solution": False, "points": 2, "grade_id": "a"}
    gradebook.bound_points(SimpleNamespace(cells=[cell]))
    assert gradebook.utils.determine_grade(cell) == (points, 2)


def damage(course, student, name, data):
    submit(course, student, RIGHT)
    (course / "submitted" / student / "hw" / name).write_bytes(data)


def test_what_cannot_be_graded_is_told_and_the_class_goes_on(course, inline):
    submit(course, "ada", RIGHT)
    damage(course, "bad", "double.ipynb", b"not a notebook")
    damage(course, "big", "movie.bin", bytes(folders.MAX_BYTES + 1))
    damage(course, "day", "timestamp.txt", b"the day after tomorrow")
    submit(course, "nil", {}, leave_out=["double.ipynb", "half.ipynb"])
    many = submit(course, "lot", RIGHT)
    for i in range(folders.MAX_FILES + 1):
        (many / f"{i}.dat").touch()
    summary = grade(course)
    assert summary["graded"] == 1 and set(summary["failed"]) == {"bad", "big", "day", "nil", "lot"}
    assert summary["students"]["bad"]["score"] == 4  # the other notebook's
    assert all(summary["students"][student]["score"] == 0 for student in ("big", "day", "nil", "lot"))
    assert "50 MB" in summary["failed"]["big"] and "1000 files" in summary["failed"]["lot"]
    assert "the day after" in summary["failed"]["day"] and "no double.ipynb or half.ipynb" in summary["failed"]["nil"]
    page = nbformat.read(course / "autograded" / "bad" / "hw" / "double.ipynb", as_version=4)
    assert page.cells[0].source == page.metadata["grading"]["error"] == summary["failed"]["bad"]
    assert not grades(sqlite(course))["bad", "double", "test-double"][2]


def test_links_out_of_a_submission_are_not_followed(course, inline):
    folder = submit(course, "ada", RIGHT)
    (folder / "secret.txt").symlink_to(course / "gradebook.db")
    (folder / "all").symlink_to("/")
    (folder / "near.txt").symlink_to("data.txt")
    os.mkfifo(folder / "pipe")
    grade(course)
    left = {path.name for path in (course / "autograded" / "ada" / "hw").iterdir()}
    assert left == {"double.ipynb", "half.ipynb", "data.txt", "mine.txt", "near.txt", "timestamp.txt"}


def test_a_torn_journal_is_read_and_written_on(tmp_path):
    path = tmp_path / "hw.jsonl"
    journal.append(path, {"student": "ada", "score": 1})
    journal.append(path, {"student": "bob", "score": 2})
    path.write_bytes(path.read_bytes()[:-5])
    assert list(journal.read(path)) == ["ada"]
    journal.append(path, {"student": "eve", "score": 3})
    assert list(journal.read(path)) == ["ada", "eve"]


def test_usage_is_explained(course, inline):
    for options, words in [
        ({}, "no submissions to hw"),
        ({"assignment": "hv"}, "no set hv: there are hw"),
        ({"config": "nothing.py"}, "no file nothing.py"),
    ]:
        with pytest.raises(runner.Stop, match=words) as stop:
            grade(course, **options)
        assert stop.value.code == 2
    submit(course, "ada", RIGHT)
    with pytest.raises(runner.Stop, match="zoe handed in nothing to hw: ada did"):
        grade(course, student=["zoe"])
    (course / "source" / "new").mkdir()
    with pytest.raises(runner.Stop, match="generate_assignment new`"):
        grade(course, assignment="new")
    (course / "gradebook.db").unlink()
    with pytest.raises(runner.Stop, match="generate_assignment hw --force`"):
        grade(course)
    assert not (course / "gradebook.db").exists()
    (course / "nbgrader_config.py").write_text("c = get_config(")
    with pytest.raises(runner.Stop, match=r"nbgrader_config\.py does not load: SyntaxError"):
        grade(course)


def test_no_sandbox_is_an_exit_code_of_its_own(course, inline, monkeypatch):
    from grading import sandbox

    submit(course, "ada", RIGHT)
    monkeypatch.setattr(sandbox, "complete", lambda _: ["There is no sandbox."])
    with pytest.raises(runner.Stop, match=r"There is no sandbox\.") as stop:
        grade(course)
    assert stop.value.code == 4


def test_a_locked_gradebook_is_one_sentence_and_loses_nothing(course, inline, monkeypatch):
    submit(course, "ada", RIGHT)
    monkeypatch.setattr(record, "PATIENCE", 1)
    with contextlib.closing(sqlite3.connect(course / "gradebook.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(runner.Stop, match=r"the gradebook cannot be used .*locked.*run again") as stop:
            grade(course)
    assert stop.value.code == 1 and not (course / "autograded" / "ada" / "hw").exists()
    assert grade(course)["graded"] == 1


def test_a_full_disk_is_one_sentence_and_loses_nothing(course, inline, monkeypatch):
    def full(folder, files):
        raise OSError(28, "No space left on device", str(folder))

    submit(course, "ada", RIGHT)
    monkeypatch.setattr(folders, "write", full)
    with pytest.raises(runner.Stop, match="No space left on device; what is done is kept"):
        grade(course)
    monkeypatch.undo()
    assert "ada" not in grades(sqlite(course))


def test_a_preprocessor_of_the_course_that_fails_fails_its_submission_alone(course, inline):
    (course / "picky.py").write_text(
        "from nbgrader.preprocessors import NbGraderPreprocessor\n\n\n"
        "class Picky(NbGraderPreprocessor):\n"
        "    def preprocess(self, nb, resources):\n"
        "        if resources['nbgrader']['student'] == 'bob':\n"
        "            raise RuntimeError('not bob')\n"
        "        return nb, resources\n"
    )
    with open(course / "nbgrader_config.py", "a") as file:
        file.write("c.Autograde.sanitize_preprocessors = ['nbgrader.preprocessors.OverwriteCells', 'picky.Picky']\n")
    submit(course, "ada", RIGHT)
    submit(course, "bob", RIGHT)
    summary = grade(course)
    assert summary["students"]["ada"]["score"] == 7
    assert "could not be graded: RuntimeError: not bob" in summary["failed"]["bob"]
    assert "Traceback" in (course / ".grading" / "hw.log").read_text()


@pytest.mark.parametrize("moment", ["prepare", "commit", "rename", "journal"])
def test_a_death_at_any_step_leaves_what_the_next_run_mends(plain, course, inline, monkeypatch, moment):
    """The steps of recording a submission, each of them the last."""

    def die(*_):
        raise SystemExit

    hand_in(course)
    with monkeypatch.context() as patch:
        target = {"prepare": (record, "write"), "commit": (gradebook.Held, "keep")}
        target |= {"rename": (record, "publish"), "journal": (journal, "append")}
        place, name = target[moment]
        real, calls = getattr(place, name), []

        def third(*arguments):
            calls.append(1)
            return die() if len(calls) == 3 else real(*arguments)

        patch.setattr(place, name, third)
        patch.setattr(record.shutil, "rmtree", lambda *_, **__: None) if moment == "prepare" else None
        with pytest.raises(SystemExit):
            grade(course)
    summary = grade(course)
    assert summary["graded"] + summary["skipped"] == 5
    assert grades(sqlite(course)) == plain[1]
    assert autograded(course) == autograded(plain[0])


def children(pid):
    """The processes that a process has started."""
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return list(map(int, file.read().split()))


@pytest.mark.skipif(sys.platform != "linux", reason="it looks for processes in /proc")
def test_a_killed_run_goes_on(plain, course):
    """kill -9 of the head process, twice, while it grades; nobody is left behind."""
    hand_in(course)
    lines = course / ".grading" / "hw.jsonl"
    for n in (1, 3):
        process = start(course)
        wait_for(lambda n=n: lines.exists() and lines.read_bytes().count(b"\n") >= n)
        workers = children(process.pid)
        process.kill()
        process.wait()
        wait_for(lambda workers=workers: not any(os.path.exists(f"/proc/{pid}/exe") for pid in workers))
    done = command(course, "run", "hw", "--json")
    summary = json.loads(done.stdout)
    assert done.returncode == 0 and summary["graded"] + summary["skipped"] == 5 and summary["skipped"] >= 3
    assert grades(sqlite(course)) == plain[1]
    assert autograded(course) == autograded(plain[0])


@pytest.mark.skipif(sys.platform != "linux", reason="it looks for processes in /proc")
def test_a_killed_worker_costs_nothing_and_one_that_dies_twice_its_submission_alone(course):
    submit(course, "ada", RIGHT | {"double": "def double(x):\n    import time\n    time.sleep(0.4)\n    return 2 * x"})
    submit(course, "bob", RIGHT)
    (course / "deadly.py").write_text(
        "import os\n"
        "from pathlib import Path\n"
        "from nbgrader.preprocessors import NbGraderPreprocessor\n\n\n"
        "class Deadly(NbGraderPreprocessor):\n"
        "    def preprocess(self, nb, resources):\n"
        "        student = resources['nbgrader']['student']\n"
        "        if student == 'eve' or student == 'ada' and not Path('once').exists():\n"
        "            Path('once').touch()\n"
        "            os.kill(os.getpid(), 9)\n"
        "        return nb, resources\n"
    )
    with open(course / "nbgrader_config.py", "a") as file:
        file.write("c.Autograde.sanitize_preprocessors = ['nbgrader.preprocessors.OverwriteCells', 'deadly.Deadly']\n")
    submit(course, "eve", RIGHT)
    submit(course, "zoe", RIGHT)
    done = command(course, "run", "hw", "--workers", "2", "--json")
    students = json.loads(done.stdout)["students"]
    assert done.returncode == 1 and "eve: " in done.stderr and "ended its worker process twice" in done.stderr
    assert {name: s["score"] for name, s in students.items()} == {"ada": 7, "bob": 7, "eve": 0, "zoe": 7}


@pytest.mark.skipif(sys.platform != "linux", reason="it looks for processes in /proc")
def test_ctrl_c_stops_cleanly_and_leaves_nobody(course):
    loop = RIGHT | {"double": "def double(x):\n    while True:\n        pass"}
    submit(course, "ada", RIGHT)
    submit(course, "bob", loop)
    process = start(course)
    wait_for(lambda: (course / "autograded" / "ada" / "hw").exists())
    workers = children(process.pid)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert (course / "output").read_text() == "\ngrading: stopped; what is done is kept, run again to go on\n"
    wait_for(lambda: not any(os.path.exists(f"/proc/{pid}/exe") for pid in workers))
    assert list(journal.read(course / ".grading" / "hw.jsonl")) == ["ada"]


def test_hooks_are_called_as_nbgrader_calls_them(course, inline):
    with open(course / "nbgrader_config.py", "a") as file:
        file.write(
            "def hook(**told):\n"
            "    with open('told', 'a') as file:\n"
            "        print(sorted(told), told['assignment'], file=file)\n"
            "c.Autograde.pre_convert_hook = c.Autograde.post_convert_hook = hook\n"
        )
    submit(course, "ada", RIGHT)
    grade(course)
    assert (course / "told").read_text() == 2 * "['assignment', 'notebooks', 'student'] hw\n"


def test_a_set_of_this_course(tmp_path, inline, monkeypatch):
    from grading import notebooks, sample, spec

    slug = spec.slugs()[0]
    monkeypatch.setenv("COURSE_CLASS", str(tmp_path))
    nbgrader(
        spec.ROOT, "generate_assignment", slug, "--force", f"--CourseDirectory.release_directory={tmp_path}/release"
    )
    for student in ("ada", "edsger"):
        sample.submit(tmp_path, student, slug)
    students = grade(spec.ROOT, assignment=slug)["students"]
    asked = notebooks.build(slug).metadata["course"]["exercises"].values()
    by_itself = sum(exercise["points"] for exercise in asked if exercise["kind"] != "written")
    assert (students["ada"]["score"], students["edsger"]["score"]) == (by_itself, 0)


def test_the_progress_line_counts(capsys):
    done = {"ada": {"state": "done"}, "bob": {"state": "failed"}, "eve": {"state": "done"}}
    tell = cli.Progress()
    tell(SimpleNamespace(entries=done, skipped={"eve"}), 4)
    line = capsys.readouterr().err
    assert line.startswith("\r") and "3/4" in line and "1 failed" in line and " s left" in line


@pytest.mark.parametrize("times", [1, 2])
def test_the_first_ctrl_c_waits_until_a_result_is_recorded(times):
    """And is heard where the next one is waited for; the second waits for nothing."""
    graded, recorded = pool.Future(), []
    graded.set_result("graded")
    opened = nullcontext(SimpleNamespace(submit={"ada": graded, "bob": pool.Future()}.get, workers=1))

    def grade_all():
        with closing(pool.graded(["ada", "bob"], lambda: opened)) as results:
            for student, _ in results:
                for _ in range(times):
                    signal.raise_signal(signal.SIGINT)
                recorded.append(student)

    with pytest.raises(KeyboardInterrupt):
        grade_all()
    assert recorded == ["ada"] * (times == 1)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_worker_that_is_stopped_while_it_sends_its_result_leaves_nobody_waiting():
    workers = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("forkserver"))
    before = set(multiprocessing.active_children())
    workers.submit(int).result()
    processes = set(multiprocessing.active_children()) - before
    results = workers._result_queue._writer
    os.write(results.fileno(), struct.pack("!i", 1000))  # so much is to come, and nothing does
    stopping = threading.Thread(target=pool.stop, args=(workers, processes), daemon=True)
    stopping.start()
    stopping.join(30)
    waits = stopping.is_alive()
    results.close()  # else, where it waits, so does the end of these tests
    assert not waits


def test_a_second_run_says_so_and_leaves(course):
    submit(course, "ada", RIGHT)
    (course / ".grading").mkdir()
    with open(course / ".grading" / "lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write("4711")
        file.flush()
        done = command(course, "run", "hw")
    assert done.returncode == 3 and done.stderr == (
        "grading: another run (process 4711) is grading this class: wait for it\n"
    )


def test_the_command_line(course):
    assert command(course).returncode == command(course, "guess").returncode == 2
    assert command(course, "run", "hw", "--workers", "0").returncode == 2
    submit(course, "ada", RIGHT)
    done = command(course, "run", "hw")
    assert done.returncode == 0 and done.stdout.startswith("hw: graded 1, skipped 0, failed 0 in ") and not done.stderr
    done = command(course, "run", "hv")
    assert done.returncode == 2 and done.stderr == "grading: there is no set hv: there are hw\n"


def test_a_dask_cluster_does_the_same(plain, course):
    pytest.importorskip("distributed")
    hand_in(course)
    (course / "scheduler.py").write_text(
        "from distributed import LocalCluster\n\n"
        "if __name__ == '__main__':\n"
        "    with LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=None) as cluster:\n"
        "        print(cluster.scheduler_address, flush=True)\n"
        "        input()\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    line = [sys.executable, course / "scheduler.py"]
    with subprocess.Popen(line, cwd="/", start_new_session=True, **pipes) as scheduler:
        try:
            done = command(course, "run", "hw", "--scheduler", scheduler.stdout.readline().strip())
        finally:
            os.killpg(scheduler.pid, signal.SIGKILL)  # a cluster may take its time to close
    assert done.returncode == 0, done.stderr
    assert grades(sqlite(course)) == plain[1]
    assert autograded(course) == autograded(plain[0])


def test_a_cluster_that_is_not_there_is_one_sentence(course, inline, monkeypatch):
    submit(course, "ada", RIGHT)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(runner.Stop, match="pip install distributed"):
        grade(course, scheduler="tcp://127.0.0.1:1")


def test_postgresql_holds_the_same(plain, course, inline, postgres):
    hand_in(course)
    with open(course / "nbgrader_config.py", "a") as file:
        file.write(f"c.CourseDirectory.db_url = {postgres!r}\n")
    nbgrader(course, "generate_assignment", "hw", "--force")
    nbgrader(course, "db", "assignment", "add", "hw", f"--duedate={DUE} UTC")
    assert grade(course)["graded"] == 5
    assert grades(postgres) == plain[1]
