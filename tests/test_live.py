"""Notebooks elsewhere: chapters taken away, Binder, Colab."""

import os
import re
import subprocess
import sys

import nbclient
import nbformat
import pytest
import yaml

from grading import notebooks, spec

TAKEN = sorted((spec.ROOT / "_build" / "html" / "_sources" / "book").glob("ch*.ipynb"))
BINDER = spec.ROOT / ".binder"


def test_every_chapter_can_be_taken_away():
    chapters = {path.stem for path in (spec.ROOT / "book").glob("ch*.md")}
    assert {path.stem for path in TAKEN} == chapters
    for path in TAKEN:
        page = (spec.ROOT / "_build" / "html" / "book" / f"{path.stem}.html").read_text(encoding="utf-8")
        assert f"_sources/book/{path.name}" in page


@pytest.mark.parametrize("path", TAKEN, ids=lambda path: path.stem)
def test_a_chapter_taken_away_is_markdown_that_jupyter_shows(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert "pip install" in notebook.cells[0].source
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert not re.findall(r"\{[a-z]+(?::[a-z]+)?\}`|^`{3,}\{.*|^\([\w-]+\)=$", text, re.M)
    assert not re.findall(r"\]\((?!https?:)[^)]*\)", text)
    assert text.count("<details>") >= 15  # its quiz


@pytest.mark.slow
def test_a_chapter_taken_away_runs_in_a_folder_of_its_own(tmp_path):
    notebook = nbformat.read(next(path for path in TAKEN if path.stem == "ch08_backprop"), as_version=4)
    client = nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    assert any(cell.get("outputs") for cell in notebook.cells)


def needs(path):
    """{package: the whole line} of a list of requirements."""
    lines = [line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
    return {re.split(r"[=\[]", line)[0]: line for line in lines if line}


def test_binder_installs_what_is_pinned_and_no_more_than_exercises_and_chapters_need():
    binder, pinned = needs(BINDER / "requirements.txt"), needs(spec.ROOT / "requirements.txt")
    assert binder.items() <= pinned.items()
    assert {"numpy", "matplotlib", "jupyterlab", "jupytext"} <= binder.keys() and "torch" not in binder
    assert os.access(BINDER / "postBuild", os.X_OK)
    subprocess.run(["bash", "-n", BINDER / "postBuild"], check=True)


def test_without_an_address_no_notebook_asks_colab_for_anything(monkeypatch):
    monkeypatch.setattr(yaml, "safe_load", lambda text: {"repository": {"url": "", "branch": "main"}})
    assert notebooks.colab("ch01_neuron") == []


def test_in_colab_the_first_cell_fetches_the_set(monkeypatch, tmp_path):
    """Colab opens a notebook alone; the repository here stands for the public one."""
    public = tmp_path / "public"
    for folder in ("exercises/ch01_neuron", "checks"):
        (public / folder).parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-r", spec.ROOT / folder, public / folder], check=True)
    git = ["git", "-C", public, "-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run([*git, "init", "--quiet", "--initial-branch", "main"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "x"], check=True)
    repository = {"url": public.as_uri(), "branch": "main"}
    monkeypatch.setattr(yaml, "safe_load", lambda text: {"repository": repository})
    (cell,) = notebooks.colab("ch01_neuron")
    there = tmp_path / "content"
    there.mkdir()
    run = "import sys; from IPython import InteractiveShell as S; [S.instance().run_cell(c) for c in sys.argv[1:]]"
    code = [sys.executable, "-c", run, cell.source, 'from checks import check\ncheck("neuron.step", None)']
    for colab, points in (({}, False), ({"COLAB_RELEASE_TAG": "release"}, True)):
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | colab
        said = subprocess.run(code, cwd=there, env=environment, capture_output=True, text=True, check=False).stdout
        assert ("step: 0 of 0.5 points" in said) is points, said
        assert (there / "checks" / "judge.py").exists() is points
