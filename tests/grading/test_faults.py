"""What goes wrong around a run: it is killed at any moment, the disk fills up, the gradebook is not to be written."""

import os
import random
import shutil
import subprocess
import time

import pytest
from small import RIGHT, WRONG, submit
from test_run import autograded, command, grades, sqlite, start

KILLS = int(os.environ.get("GRADING_KILLS", "3"))  # of one run after another
CLASS = [RIGHT, WRONG, {}, RIGHT | {"half": "def half(x):\n    return x"}] * 2


def hand_in(course):
    """Eight submissions."""
    for number, answers in enumerate(CLASS):
        submit(course, f"student{number}", answers, late=number % 3)


def test_a_run_that_is_killed_again_and_again_ends_with_the_same_gradebook(course, tmp_path):
    """GRADING_KILLS=20 makes it twenty. Each falls at a moment of the time that grading takes when undisturbed."""
    hand_in(course)
    calm = tmp_path / "calm"
    shutil.copytree(course, calm)
    begin = time.monotonic()
    assert command(calm, "run", "hw", "--workers", "2").returncode == 0
    whole = time.monotonic() - begin
    rng = random.Random(5)
    for _ in range(KILLS):
        process = start(course, "--workers", "2")
        time.sleep(rng.uniform(0, whole))
        process.kill()
        process.wait()
    done = command(course, "run", "hw", "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert grades(sqlite(course)) == grades(sqlite(calm))
    assert autograded(course) == autograded(calm)


def test_a_full_disk(course, tmp_path):
    """On a file system of 2 MB: one sentence, and with more room the run goes on where it was."""
    hand_in(course)
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", place], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        here = shutil.copytree(course, place / "course")
        free = os.statvfs(place)
        (here / "ballast").write_bytes(bytes(max(free.f_bavail * free.f_frsize - 120_000, 0)))
        done = command(here, "run", "hw", "--workers", "1")
        assert done.returncode == 1 and "Traceback" not in done.stderr
        assert "run again to go on" in done.stderr
        (here / "ballast").unlink()
        assert command(here, "run", "hw", "--workers", "1").returncode == 0
        assert command(course, "run", "hw", "--workers", "1").returncode == 0
        assert grades(sqlite(here)) == grades(sqlite(course))
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def test_a_gradebook_that_is_not_to_be_written(course):
    submit(course, "ada", RIGHT)
    with open(course / "nbgrader_config.py", "a") as file:
        file.write(f"c.CourseDirectory.db_url = 'sqlite:///file:{course}/gradebook.db?mode=ro&uri=true'\n")
    done = command(course, "run", "hw", "--workers", "1")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "the gradebook cannot be used" in done.stderr and "readonly" in done.stderr
    assert not (course / "autograded" / "ada" / "hw").exists()
