"""What several tests share."""

import os
import shutil
import signal

import hypothesis
import pytest

os.environ.setdefault("MPLBACKEND", "Agg")
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background inherits "ignore"
slow = [hypothesis.HealthCheck.too_slow]  # the same examples everywhere, however slow the machine
hypothesis.settings.register_profile("course", derandomize=True, deadline=None, suppress_health_check=slow)
hypothesis.settings.load_profile("course")


@pytest.fixture
def graded_folder(tmp_path):
    """slug -> a folder as the grader prepares it: the released files, and fresh cases with stand-ins."""
    from checks import cases
    from grading import fresh, spec  # here, since nbgrader takes seconds to import

    def make(slug, seed=11):
        folder = tmp_path / slug
        shutil.copytree(spec.ROOT / "exercises" / slug, folder)
        (folder / cases.FILE).write_bytes(fresh.drawn(slug, seed))
        return folder

    return make
