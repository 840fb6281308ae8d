"""The builder's complaints name the file, the line and what to do."""

import shutil

import pytest

from grading import notebooks, release, spec

TEXT = "ch08_backprop.md"


@pytest.fixture
def altered(tmp_path, monkeypatch):
    """(old, new) -> the complaint about set 8 when its text has old replaced by new."""
    monkeypatch.setattr(spec, "SOLUTIONS", tmp_path / "solutions")
    monkeypatch.setattr(spec, "ROOT", tmp_path)
    folder = tmp_path / "solutions" / "ch08_backprop"
    shutil.copytree(release.RELEASED.parent / "solutions" / "ch08_backprop", folder)

    def complain(old, new):
        text = (folder / TEXT).read_text(encoding="utf-8")
        assert old in text
        (folder / TEXT).write_text(text.replace(old, new), encoding="utf-8")
        with pytest.raises(spec.SpecError) as error:
            notebooks.build("ch08_backprop")
        return str(error.value)

    yield complain
    spec.load.cache_clear()


def test_a_misspelt_name_is_told_with_file_and_line(altered):
    said = altered(":exercise: layers.linear_backward", ":exercise: layers.linear_bakward")
    line = int(said.split(":")[1])
    assert said.startswith("solutions/ch08_backprop/ch08_backprop.md:") and line > 20
    assert "did you mean layers.linear_backward?" in said


def test_an_exercise_that_stands_twice(altered):
    said = altered(":exercise: activations.softmax_backward", ":exercise: layers.linear_backward")
    assert "layers.linear_backward stands twice" in said


def test_an_exercise_without_its_check(altered):
    cell = "```{code-cell} python\n:check: mlp.mlp_backward\n:points: 2\n```\n"
    assert "mlp.mlp_backward is in spec.py, but the text has no check for it" in altered(cell, "")


def test_a_check_without_points(altered):
    assert "does not say its points" in altered(":check: mlp.mlp_backward\n:points: 2", ":check: mlp.mlp_backward")


def test_an_exercise_without_minutes(altered):
    assert "does not say its minutes" in altered(
        ":exercise: mlp.mlp_backward\n:minutes: 20", ":exercise: mlp.mlp_backward"
    )


def test_a_check_before_its_exercise(altered):
    assert "the check of mlp.mlp_backward comes before it" in altered(
        ":exercise: layers.linear_backward", ":check: mlp.mlp_backward\n:points: 1"
    )


def test_a_missing_spec(tmp_path, monkeypatch):
    monkeypatch.setattr(spec, "SOLUTIONS", tmp_path)
    monkeypatch.setattr(spec, "ROOT", tmp_path)
    with pytest.raises(spec.SpecError, match=r"ch99_none/spec\.py is missing"):
        spec.load("ch99_none")


def test_a_change_to_text_that_is_not_there_is_told():
    exercise = next(e for e in spec.load("ch08_backprop").EXERCISES if e.name == "layers.linear_backward")
    with pytest.raises(spec.SpecError, match="not in the reference"):
        spec.altered(exercise, {"no such text": ""})
