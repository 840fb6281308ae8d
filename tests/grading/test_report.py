"""The report on a class, against cases computed by hand, and the CSV that learning management systems read."""

import csv
import io
import json
import re
import shutil

import pytest
from nbgrader.coursedir import CourseDirectory
from test_feedback import CHECK, NOTEBOOK, gradebook
from traitlets.config import Config

from grading import lms, marks, measures, report

ITEM = [1, 1, 1, 1, 1, 0, 0, 0, 0, 0]
OTHER = [1, 1, 1, 1, 0, 1, 0, 0, 0, 0]  # agrees with ITEM on four ones and four zeros: phi = (4·4 - 1·1)/25 = 0.6


def test_discrimination_leaves_the_exercise_itself_out():
    totals = [a + b for a, b in zip(ITEM, OTHER, strict=True)]
    assert measures.discrimination(ITEM, totals) == pytest.approx(0.6)
    assert measures.correlation(ITEM, totals) == pytest.approx(0.8**0.5)  # with itself: 1.6/√3.2


def test_discrimination_needs_students_and_differences():
    assert measures.discrimination(ITEM[:9], [2] * 9) is None
    assert measures.discrimination([1] * 10, ITEM) is None
    assert measures.discrimination(ITEM, [1 + a for a in ITEM]) is None  # the rest is 1 for everybody


def test_alpha():
    assert measures.alpha([ITEM, OTHER]) == pytest.approx(0.75)  # 2·(1 - 2v/(2v + 2·0.6·v)) = 2·(1 - 2/3.2)
    assert measures.alpha([ITEM, ITEM, ITEM]) == pytest.approx(1)
    assert measures.alpha([ITEM, [1 - x for x in ITEM]]) is None  # all sums are equal
    assert measures.alpha([ITEM]) is None
    assert measures.alpha([ITEM[:9], OTHER[:9]]) is None


def test_mean_share_and_median():
    assert measures.mean_share([0, 1, 2, 1], 2) == 0.5
    assert measures.mean_share([], 2) is None
    assert measures.mean_share([1.0], 0) is None
    assert measures.median([3, 1, 2, 10]) == 2.5
    assert measures.median([]) is None


def test_histogram():
    found = measures.histogram({"a": 0.0, "b": 0.1, "c": 0.3, "d": 0.999, "e": 1.0, "f": 1.2})
    assert [names for _, _, names in found] == [["a"], ["b"], [], ["c"], [], [], [], [], [], ["d", "e", "f"]]
    assert found[3][:2] == (30, 40)


def test_grouping_counts_a_student_once():
    pairs = [("a", "x"), ("b", "y"), ("c", "y"), ("a", "x"), ("d", "w")]
    assert measures.grouped(pairs) == [("y", ["b", "c"]), ("w", ["d"]), ("x", ["a"])]
    assert measures.kind("The check of `f` was put 3 times.") == measures.kind("The check of `g` was put 12 times.")


def row(name, first, second, **other):
    """A student with scores for two exercises of 2 points; None waits for a grader."""
    grades = {
        ("work", key): {"score": score or 0.0, "max_score": 2.0, "waiting": score is None, "by_hand": score is None}
        for key, score in (("one", first), ("two", second))
    }
    score, _, waiting = marks.total(grades.values())
    made = {"id": name, "state": "graded", "late": 0.0, "grades": grades, "score": score, "waiting": waiting}
    made |= {"first_name": "", "last_name": "", "email": "", "lms_user_id": "", "error": None}
    return made | other


CELLS = {("work", "one"): {"max_score": 2.0, "type": "code"}, ("work", "two"): {"max_score": 2.0, "type": "code"}}


@pytest.fixture
def summed():
    """Ten students graded as ITEM and OTHER say, one failed, one absent."""
    rows = [row(f"s{i}", 2.0 * a, 2.0 * b) for i, (a, b) in enumerate(zip(ITEM, OTHER, strict=True))]
    rows.append(row("sick", 0, 0, state="failed", score=None, grades={}, error="It was not JSON."))
    rows.append(row("zoe", 0, 0, state="none", score=None, grades={}))
    told = [(f"s{i}", ("work", "one"), "mistake", "Forgot N.") for i in (5, 6, 7)]
    told += [("s8", ("work", "one"), "mistake", "Too late."), ("s5", ("work", "one"), "seconds", 4.0)]
    told += [("s6", ("work", "one"), "seconds", 1.0), ("s1", None, "repair", "Put back `f`.")]
    told += [("s2", None, "repair", "Put back `g`."), ("s3", ("work", "two"), "stopped", "memory")]
    return report.summary("set2", CELLS, rows, told, {"s1": {"seconds": 3.0, "memory": 100.0}})


def test_the_summary_of_a_class(summed):
    one, two = summed["exercises"]
    assert (one["mean"], one["full"], one["part"], one["none"]) == (0.5, 5, 0, 5)
    assert one["discrimination"] == two["discrimination"] == pytest.approx(0.6)
    assert one["mistakes"] == [("Forgot N.", ["s5", "s6", "s7"]), ("Too late.", ["s8"])]
    assert one["seconds"] == 2.5
    assert summed["alpha"] == pytest.approx(0.75)
    assert summed["mean"] == 0.5
    assert summed["counts"]["graded"] == 10
    assert summed["counts"]["handed in"] == 11
    assert summed["repairs"] == [("Put back ….", ["s1", "s2"])]
    assert summed["stops"] == [("out of memory, in two", ["s3"])]
    assert summed["histogram"][0] == (90, 100, ["s0", "s1", "s2", "s3"])


def test_what_waits_for_a_grader_is_left_out():
    rows = [row(f"s{i}", 2.0 * a, None) for i, a in enumerate(ITEM)]
    found = report.summary("set2", CELLS, rows, [], {})
    assert found["exercises"][1]["mean"] is None
    assert found["exercises"][1]["waiting"] == 10
    assert (found["alpha"], found["settled"]) == (None, 1)
    rows = [row(f"s{i}", 2.0 * a, 2.0 * b) for i, (a, b) in enumerate(zip(ITEM, OTHER, strict=True))]
    found = report.summary("set2", CELLS, [*rows, row("late", 2.0, None)], [], {})
    assert found["alpha"] == pytest.approx(0.75)  # one student who waits does not take the exercise away


def test_nothing_graded_yet(tmp_path):
    found = report.summary("set2", CELLS, [row("a", 0, 0, state="open", score=None, grades={})], [], {})
    assert found["mean"] is None
    assert found["counts"]["not graded yet"] == 1


def parsed(report_, form):
    return list(csv.reader(io.StringIO(lms.text(report_, form))))


def test_csv(summed):
    rows = parsed(summed, "generic")
    assert rows[0][-2:] == ["one", "two"]
    assert rows[1] == ["s0", "", "", "", "4", "4", "no", "graded", "2", "2"]
    assert rows[-1][4] == "" and rows[-1][7] == "none"
    assert len(rows) == 13


def test_canvas_and_moodle(summed):
    summed["students"][0] |= {"first_name": "Ada", "last_name": "Love, lace", "email": "a@b.c", "lms_user_id": "77"}
    header, possible, first, second, *_ = parsed(summed, "canvas")
    assert header == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "set2"]
    assert possible == ["    Points Possible", "", "", "", "", "4"]
    assert first == ["Love, lace, Ada", "77", "", "", "", "4"] and second[:4] == ["s1", "", "s1", "s1"]
    header, first, *_ = parsed(summed, "moodle")
    assert header == ["First name", "Last name", "ID number", "Email address", "set2"]
    assert first == ["Ada", "Love, lace", "s0", "a@b.c", "4"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("report")
    (root / "gradebook.db").write_bytes(gradebook())
    for student in ("ada", "carl"):  # carl's folder has not been graded
        (root / "submitted" / student / "set2").mkdir(parents=True)
    (root / "autograded" / "ada" / "set2").mkdir(parents=True)
    (root / "autograded" / "ada" / "set2" / "work.ipynb").write_text(json.dumps(NOTEBOOK))
    return root


@pytest.fixture
def coursedir(made, tmp_path):
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return CourseDirectory(config=Config({"CourseDirectory": {"root": str(tmp_path)}}))


def test_the_files(coursedir, tmp_path):
    (tmp_path / ".grading").mkdir()
    entry = {"student": "carl", "state": "failed", "error": "The notebook is not JSON.", "seconds": 2.0, "memory": 90}
    (tmp_path / ".grading" / "set2.jsonl").write_text(json.dumps(entry) + "\n" + '{"student": "ada", "st')
    page, table, found = report.report(coursedir, "set2")
    assert (page, table) == (tmp_path / "report" / "set2.html", tmp_path / "report" / "set2.csv")
    assert [(row["id"], row["state"]) for row in found["students"]] == [
        ("ada", "graded"),
        ("bob", "none"),
        ("carl", "failed"),
    ]
    assert found["students"][0]["late"] == 7200
    assert found["students"][0]["score"] == 1.5
    mistakes = {entry["called"]: [text for text, _ in entry["mistakes"]] for entry in found["exercises"]}
    assert mistakes["linear_forward"] == ["The bias is missing: every unit adds its own b."]
    assert mistakes["check-double"] == ["AssertionError: no luck"]
    text = page.read_text(encoding="utf-8")
    assert "<strong>carl</strong>: The notebook is not JSON." in text
    assert "<dt>most memory</dt><dd>90 " in text
    assert "Handed in nothing" in text and "bob" in text
    assert not re.search(r'(src|href)="(?!#)', text)
    assert "<script" not in text
    assert table.read_text(encoding="utf-8").splitlines()[1].startswith("ada,Ada,Lovelace,,1.5,9,yes,graded,")


def test_mistakes_of_this_course_and_of_others():
    told = {"cell_type": "code", "source": "check()", "outputs": [{"output_type": "stream", "text": [CHECK]}]}
    assert report.wrong(told) == ["The bias is missing: every unit adds its own b."]
    source = "assert f(1) == 2\nassert f(20) == 40"
    trace = ["      1 assert f(1) == 2\n----> 2 assert f(20) == 40\n"]
    error = {"output_type": "error", "ename": "AssertionError", "evalue": "", "traceback": trace}
    assert report.wrong({"source": source, "outputs": [error]}) == ["AssertionError in `assert f(20) == 40`"]
    error |= {"ename": "ValueError", "evalue": "shapes (3,4) and (5,) at 0x7f2a"}
    assert report.wrong({"source": source, "outputs": [error]}) == ["ValueError: shapes (…,…) and (…,) at …"]


def test_the_command(coursedir, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert report.main(["set2", "--output", "out", "--lms", "canvas"]) == 0
    assert "1 answers wait" not in capsys.readouterr().out
    assert (tmp_path / "out" / "set2.csv").read_text().startswith("Student,ID,SIS User ID,SIS Login ID,Section,set2")
    assert report.main(["set9"]) == 2
    assert "no set set9" in capsys.readouterr().err
