"""What a learning management system packs is collected as the instructor guide says."""

import re
import zipfile

import pytest

from grading import spec
from tests.grading.small import nbgrader

GUIDE = (spec.ROOT / "book" / "instructor.md").read_text(encoding="utf-8")
MOODLE = re.search(r"'(--FileNameCollectorPlugin\.named_regexp=.+)'", GUIDE)[1]


@pytest.fixture
def collect(tmp_path, monkeypatch):
    """collect(set, names of the files in a download, options): the files that come of it, each with its old name."""

    def collect(slug, names, *options):
        archive = tmp_path / slug / "archive"
        archive.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(archive / "submissions.zip", "w") as bundle:
            for name in names:
                bundle.writestr(name, name)
        where = f"--ZipCollectApp.collect_directory_structure={tmp_path}/{{assignment_id}}/{{collect_step}}"
        nbgrader(spec.ROOT, "zip_collect", slug, "--force", where, *options)
        base = tmp_path / "class" / "submitted"
        return {str(path.relative_to(base)): path.read_text() for path in base.rglob("*") if path.is_file()}

    monkeypatch.setenv("COURSE_CLASS", str(tmp_path / "class"))
    return collect


@pytest.mark.parametrize("slug", ["ch08_backprop", "ch07_chain_rule"])
def test_canvas(collect, slug):
    on_time, late = f"lovelaceada_4711_90210_{slug}.ipynb", f"müller-lüdenscheidtx2_LATE_4712_90211_{slug}-1.ipynb"
    assert collect(slug, [on_time, late, "readme.txt"]) == {
        f"4711/{slug}/{slug}.ipynb": on_time,
        f"4712/{slug}/{slug}.ipynb": late,
    }


def test_moodle(collect):
    slug = "ch07_chain_rule"
    ada = f"Ada Lovelace_31337_assignsubmission_file/{slug}.ipynb"
    karl = f"Karl-Heinz O’Müller_31338_assignsubmission_file_/{slug}.ipynb"
    assert collect(slug, [ada, karl], MOODLE) == {
        f"Ada Lovelace/{slug}/{slug}.ipynb": ada,
        f"Karl-Heinz O’Müller/{slug}/{slug}.ipynb": karl,
    }
