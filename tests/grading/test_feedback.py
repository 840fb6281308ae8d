"""The feedback pages: what a student reads, what nobody may read, and what must not run."""

import functools
import json
import os
import re
import shutil
import tempfile
import warnings
from itertools import pairwise
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from grading import feedback, marks, markup, outputs, verdicts

CHECK = """linear_forward: 1 of 2 points
  out: right
  cache: not yet.
      In the case “a batch of rows”, with x: (5, 3), rng: default_rng(4711):
      cache[0] is 2, should be 3 (relative error 0.3).
      Right in: one row.
      The bias is missing: every unit adds its own b.
  Read again: chapter 2, “A layer is a matrix”
"""
JUDGED = 'check("layers.linear_forward", f)'
HIDDEN = """assert double(1) == 2
### BEGIN HIDDEN TESTS
assert double(21) == 42, "no luck"
### END HIDDEN TESTS"""
ATTACK = """<script>alert(1)</script><img src=x onerror="alert(2)"><iframe src="https://evil.example"></iframe>
<a href="javascript:alert(3)">press</a><a href="data:text/html,x">data</a><svg onload="alert(4)"><circle r="1"/></svg>
<img src="https://evil.example/pixel.png" alt="a pixel">
<p style="position:fixed" class="verdict" id="result">covered</p>
<table><tr><th>kept</th></tr></table><form action="https://evil.example"><input name="password"></form>"""


def cell(kind, source, name=None, outputs=(), **flags):
    metadata = {"grade": False, "solution": False, "locked": False, "task": False, "grade_id": name} | flags
    made = {"cell_type": kind, "metadata": {"nbgrader": metadata} if name else {}, "source": source}
    return made | ({"outputs": list(outputs), "execution_count": None} if kind == "code" else {})


def printed(text):
    return {"output_type": "stream", "name": "stdout", "text": text}


def result(**data):
    return {"output_type": "execute_result", "data": data, "metadata": {}, "execution_count": 1}


def failed(line, code, name="AssertionError", value=""):
    trace = f"File /srv/course/class/x.py:{line}\n      1 shown\n----> {line} {code}\n\n{name}: {value}"
    return {"output_type": "error", "ename": name, "evalue": value, "traceback": [trace]}


NOTEBOOK = {
    "nbformat": 4,
    "nbformat_minor": 4,
    "metadata": {
        "kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"},
        "grading": {
            "repairs": ["The check of `double` was deleted; it was put back."],
            "cells": {"slow": {"seconds": 9.0, "stopped": "time"}},
        },
    },
    "cells": [
        cell("markdown", "# Set 2\n\n### Deep at once\n\nThe slope is $\\frac{1}{2}$."),
        cell("code", "def double(x):\n    return x", "double", solution=True),
        cell("code", HIDDEN, "check-double", [failed(3, "assert double(21) == 42", value="no luck")], grade=True),
        cell("code", JUDGED, "check", [printed(CHECK), result(**{"text/plain": "1.0"})], grade=True),
        cell("code", "while True: pass", "slow", grade=True, solution=True),
        cell("markdown", ATTACK, "why", grade=True, solution=True),
        cell("markdown", "Say it.\n### BEGIN MARK SCHEME\nthe word is plum\n### END MARK SCHEME", "task", task=True),
        cell("code", "open('/etc')", None, [result(**{"text/html": ATTACK}), printed("in /srv/teacher/class/x.py")]),
    ],
}  # fmt: skip
POINTS = {"check-double": 2, "check": 2, "slow": 1, "why": 3}


@functools.cache
def gradebook():
    """The bytes of a gradebook with a set of five exercises; ada handed in two hours late, bob nothing."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nbgrader's own use of SQLAlchemy
        with Gradebook(f"sqlite:///{folder}/gradebook.db") as book:
            fill(book)
        return Path(folder, "gradebook.db").read_bytes()


def fill(book):
    book.add_assignment("set2", duedate="2026-03-01 12:00:00")
    book.add_notebook("work", "set2")
    for name, most in POINTS.items():
        kind = "markdown" if name == "why" else "code"
        book.add_grade_cell(name, "work", "set2", max_score=most, cell_type=kind)
    book.add_task_cell("task", "work", "set2", max_score=1, cell_type="markdown")
    for name in ("double", "slow", "why"):
        book.add_solution_cell(name, "work", "set2")
    book.add_student("ada", first_name="Ada", last_name="Lovelace")
    book.add_student("bob")
    submission = book.add_submission("set2", "ada", timestamp="2026-03-01 14:00:00")
    submission.notebooks[0].late_submission_penalty = 0.5
    for grade in submission.notebooks[0].grades:
        grade.auto_score = {"check": 1.0, "check-double": 0.0, "slow": 0.0}.get(grade.name)
        grade.manual_score = {"task": 1.0}.get(grade.name)
        grade.needs_manual_grade = grade.name == "why"
    next(c for c in submission.notebooks[0].comments if c.name == "why").manual_comment = "**Nearly.**"
    book.db.commit()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A class of one set, with ada's graded notebook; to be copied, or left as it is."""
    root = tmp_path_factory.mktemp("class")
    (root / "gradebook.db").write_bytes(gradebook())
    folder = root / "autograded" / "ada" / "set2"
    folder.mkdir(parents=True)
    (folder / "work.ipynb").write_text(json.dumps(NOTEBOOK))
    (folder / "timestamp.txt").write_text("2026-03-01 14:00:00 UTC")
    return root


def course(root):
    return CourseDirectory(config=Config({"CourseDirectory": {"root": str(root)}}))


@pytest.fixture
def coursedir(made, tmp_path):
    """The class in a folder of the test's own."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return course(tmp_path)


@pytest.fixture(scope="module")
def page(made):
    assert feedback.feedback(course(made), "set2") == 1
    return (made / "feedback" / "ada" / "set2" / "work.html").read_text(encoding="utf-8")


def body(page):
    return page.partition("</style>")[2]


def test_the_result_stands_at_the_top(page):
    top = body(page).partition('id="notebook"')[0]
    assert "<strong>1.5</strong> of 9 points" in top  # 1 for the check, 1 by hand, half a point late
    assert "0.5 points</strong> were taken off" in top
    assert "1 answer is not graded yet" in top
    words = re.findall(r'class="word is-(\w+)"', top)
    assert words == ["error", "partly", "time", "waiting", "hand"]
    assert "The check of <code>double</code> was deleted; it was put back." in top
    assert 'href="#exercise-2">linear_<wbr>forward</a>' in top
    assert 'id="exercise-2"' in page


def test_the_check_is_told_in_full(page):
    for text in ("cache[0] is 2, should be 3", "The bias is missing", "Read again: chapter 2, “A layer is a matrix”"):
        assert text in page
    assert "default_rng(…)" in page
    assert "4711" not in page


def test_comments_and_stops_are_told(page):
    assert "<strong>Nearly.</strong>" in page
    assert outputs.STOPPED["time"] in page


def test_hidden_code_is_nowhere(page):
    assert "assert double(1) == 2" in re.sub("<[^>]+>", "", page)
    assert "double(21)" not in re.sub("<[^>]+>", "", page)
    assert "plum" not in page
    assert "HIDDEN" not in page
    assert "AssertionError: no luck" in page  # the last line of its traceback, and no more
    assert "shown" not in page


def test_a_visible_line_that_fails_is_named(coursedir, tmp_path):
    nb = json.loads(json.dumps(NOTEBOOK))
    nb["cells"][2]["outputs"] = [failed(1, "assert double(1) == 2")]
    (tmp_path / "autograded/ada/set2/work.ipynb").write_text(json.dumps(nb))
    feedback.feedback(coursedir, "set2")
    page = (tmp_path / "feedback/ada/set2/work.html").read_text(encoding="utf-8")
    assert "It stopped in this line: <code>assert double(1) == 2</code>" in page
    assert "shown" not in page


def test_printed_hidden_lines_are_taken_out():
    secret = "assert double(21) == 42"
    assert outputs.said(f"found: {secret}!", [secret]) == "found: …!"


def test_nothing_runs_and_nothing_is_asked_for(page):
    assert "default-src 'none'" in page
    for bad in ("<script", "onerror", "onload", "javascript:", "<iframe", "<form", "<input", "<svg", "data:text"):
        assert bad not in body(page), bad
    assert not re.search(r'(src|href)="(?!data:image/|#)', body(page))
    assert 'style="position' not in page
    assert page.count('id="result"') == 1
    assert '<th scope="col">kept</th>' in page or '<th scope="row">kept</th>' in page
    assert "[a picture: a pixel]" in page
    assert '<img src="data:image/svg+xml;base64,' in page


def test_no_path_of_the_machine(page, made):
    assert "/srv/teacher" not in page
    assert "…/x.py" in page
    assert "/srv/course" not in page
    assert str(made) not in page


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("File /srv/a/b.py:3", "File …/b.py:3"),
        ("in C:\\Users\\me\\b.py", "in …/b.py"),
        ("https://example.org/a/b stays", "https://example.org/a/b stays"),
        ("1/2/3 and a / b stay", "1/2/3 and a / b stay"),
        ("file:///srv/x/y.txt", "…/y.txt"),
        ("'/var/tmp1/x'", "'…/x'"),
    ],
)
def test_paths(text, wanted):
    assert markup.pathless(text) == wanted


def test_the_outline_leaves_out_no_step(page):
    levels = [int(level) for level in re.findall(r"<h([1-6])", body(page))]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_formulas_are_mathml(page):
    assert "<mfrac><mrow><mn>1</mn></mrow><mrow><mn>2</mn></mrow></mfrac>" in page


@pytest.mark.parametrize("tex", ["{" * 3000, r"\unknown{x}", r"\text{", "", r"\href{javascript:alert(1)}{y}"])
def test_any_tex_is_safe(tex):
    for text in (tex, tex + "<script>", rf"\text{{<script>}}{tex}"):
        assert re.match("<(math|code)", markup.math(text))
        assert "<script" not in markup.math(text)
        assert "href=" not in markup.math(text)


def test_tex_that_cannot_be_drawn_stays_readable():
    assert markup.math(r"\unknown{x}") == r'<code class="tex">\unknown{x}</code>'
    assert f"a {markup.MARK}0{markup.MARK} b" not in markup.markdown(f"a {markup.MARK}0{markup.MARK} b")


def test_a_page_is_small_and_whole(page, made):
    assert len(page.encode()) < 40_000
    folder = made / "feedback" / "ada" / "set2"
    assert sorted(os.listdir(folder)) == ["timestamp.txt", "work.html"]


def test_deep_and_long_things_are_shown_as_text():
    assert markup.clean("<ul><li>" * 1000).startswith("<pre")
    assert "characters are left out" in markup.as_text("x" * 100_000)
    assert len(markup.as_text("x" * 100_000)) < 13_000


def test_pictures_come_from_the_folder_alone(tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "a.png").write_bytes(b"in")
    (tmp_path / "b.png").write_bytes(b"out")
    (inside / "link.png").symlink_to(tmp_path / "b.png")
    assert "data:image/png;base64,aW4=" in markup.markdown("![a](a.png)", inside)
    assert "base64" not in markup.markdown("![b](../b.png) ![c](link.png) <img src='/etc/passwd'>", inside)


def test_other_verdicts():
    empty = "f: 0 of 1 points\n      In the case “one”, with x: 1:\n      it is not written yet.\n"
    assert verdicts.not_done(verdicts.parse(empty))
    verdict = verdicts.parse(CHECK)
    assert verdict["parts"][1]["lines"][3] == ("hint", "The bias is missing: every unit adds its own b.")
    assert verdicts.mistakes(verdict) == ["The bias is missing: every unit adds its own b."]
    assert verdicts.parse("my own words") is None
    two = "f: 0 of 1 points\n      In the case “one”, with x: 1:\n      it stopped with ValueError: a\nb.\n"
    assert verdicts.parse(two)["parts"][0]["lines"][1][1].endswith("a\nb.")
    assert verdicts.mistakes(verdicts.parse(two)) == ["It stopped with ValueError."]


def test_mistakes_are_one_sentence(coursedir, tmp_path, monkeypatch, capsys):
    with pytest.raises(marks.MarksError, match="no set set9; it has set2"):
        feedback.feedback(coursedir, "set9")
    with pytest.raises(marks.MarksError, match="bob handed in nothing"):
        feedback.feedback(coursedir, "set2", ["bob"])
    (tmp_path / "autograded/ada/set2/work.ipynb").write_text("{")
    with pytest.raises(marks.MarksError, match=r"work.ipynb of ada cannot be read"):
        feedback.feedback(coursedir, "set2")
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    assert feedback.main(["set2"]) == 2
    assert "There is no gradebook" in capsys.readouterr().err
    assert not os.listdir(empty)


def test_the_command(coursedir, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert feedback.main(["set2", "--student", "ada"]) == 0
    assert "1 page in feedback" in capsys.readouterr().out


def test_nbgrader_makes_our_page_too(coursedir, tmp_path):
    from nbgrader.apps import NbGraderAPI

    coursedir.config.GenerateFeedback.exporter_class = "grading.feedback.PageExporter"
    done = NbGraderAPI(coursedir, config=coursedir.config).generate_feedback("set2", "ada")
    assert done["success"], done
    page = (tmp_path / "feedback/ada/set2/work.html").read_text(encoding="utf-8")
    assert "<strong>1.5</strong> of 9 points" in page
