"""Every set, through its real notebooks: empty is 0, solved is full, and one mistake costs one mark."""

import json
import subprocess
import sys

import nbformat
import pytest
from running import run_notebook

from checks import cases
from grading import notebooks, qualify, release, spec

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # a notebook leaves its data files open
SETS = spec.slugs()


def points_of(notebook):
    """{grade_id: points} of the check cells."""
    entries = [cell.metadata.get("nbgrader", {}) for cell in notebook.cells]
    return {e["grade_id"]: float(e["points"]) for e in entries if e.get("grade") and not e.get("solution")}


def experiments_of(slug):
    return [e.name for e in spec.load(slug).EXERCISES if isinstance(e, spec.Experiment)]


def released(slug):
    return nbformat.read(spec.ROOT / "exercises" / slug / f"{slug}.ipynb", as_version=4)


@pytest.mark.parametrize("slug", SETS)
@pytest.mark.parametrize("seed", [None, 5])
def test_every_mutant_is_named_and_every_variant_is_right(slug, seed):
    """And the book's table is what is found."""
    assert qualify.qualify(slug, seed) == json.loads(qualify.TABLE.read_text(encoding="utf-8"))[slug]


def test_a_draw_that_a_check_is_wrong_about_is_told(monkeypatch, capsys):
    def wrong_of_the_third(slug, seed):
        if seed == 3:
            raise qualify.Unqualified("tiny.affine: a variant earns 0%")
        return []

    monkeypatch.setattr(qualify, "qualify", wrong_of_the_third)
    qualify.main(["ch01_neuron", "--seeds", "2"])
    with pytest.raises(SystemExit) as stop:
        qualify.main(["ch01_neuron", "--seeds", "4"])
    assert stop.value.code == "ch01_neuron, seed 3: tiny.affine: a variant earns 0%"
    with pytest.raises(SystemExit) as stop:
        qualify.main(["ch99"])
    assert stop.value.code == 2 and "there is no set ch99, but ch01_neuron, " in capsys.readouterr().err


@pytest.mark.parametrize("slug", SETS)
def test_every_function_has_enough_mutants_and_variants(slug):
    for exercise in spec.load(slug).EXERCISES:
        if isinstance(exercise, spec.Exercise):
            assert len(exercise.mutants) >= 4, exercise.name
            assert len(exercise.variants) >= 2, exercise.name


@pytest.mark.parametrize("slug", SETS)
def test_an_empty_notebook_earns_nothing(slug, graded_folder):
    earned = run_notebook(released(slug), graded_folder(slug))
    assert earned and set(earned.values()) == {0.0}


@pytest.mark.parametrize("slug", SETS)
def test_the_solved_notebook_earns_everything(slug, graded_folder):
    solved = notebooks.build(slug)
    assert run_notebook(solved, graded_folder(slug)) == points_of(solved)


@pytest.mark.parametrize("slug", SETS)
def test_leaving_one_answer_out_costs_its_points_alone(slug, graded_folder):
    solved, folder = notebooks.build(slug), graded_folder(slug)
    full = points_of(solved)
    experiments = {
        f"check-{spec.grade_id(e.name)}" for e in spec.load(slug).EXERCISES if isinstance(e, spec.Experiment)
    }
    quick = {k: v for k, v in full.items() if k not in experiments}
    for check in quick:
        left_out = check.removeprefix("check-")
        earned = run_notebook(solved, folder, skip={left_out, "demo", *experiments})
        assert earned == quick | {check: 0.0}, left_out


@pytest.mark.parametrize("slug", [k for k in SETS if experiments_of(k)])
def test_an_experiment_stands_on_its_own(slug, graded_folder):
    """With every other answer left out, an experiment still earns its points: right functions stand in."""
    experiments = {spec.grade_id(name) for name in experiments_of(slug)}
    solved = notebooks.build(slug)
    full = points_of(solved)
    others = {check.removeprefix("check-") for check in full} - experiments
    earned = run_notebook(solved, graded_folder(slug), skip={"demo", *others})
    for name in experiments:
        assert earned[f"check-{name}"] == full[f"check-{name}"]


@pytest.mark.parametrize("slug", [k for k in SETS if experiments_of(k)])
def test_a_solved_experiment_earns_its_points_whatever_the_rng(slug, graded_folder):
    """The solution that is handed out may not depend on a lucky start: the grader draws another one."""
    solved, folder = notebooks.build(slug), graded_folder(slug)
    points, checks = points_of(solved), {f"check-{spec.grade_id(name)}" for name in experiments_of(slug)}
    others = points.keys() - checks
    skip = {"demo", *others, *(check.removeprefix("check-") for check in others)}
    records = cases.load(folder / cases.FILE)
    for seed in range(10):
        for name in experiments_of(slug):
            records[name]["seed"] = seed
        cases.save(folder / cases.FILE, records)
        assert run_notebook(solved, folder, skip) == {check: points[check] for check in checks}, seed


@pytest.mark.parametrize("slug", SETS)
def test_points_and_minutes_are_stated(slug):
    asked = notebooks.build(slug).metadata["course"]["exercises"]
    assert 8 <= sum(e["points"] for e in asked.values()) <= 14
    for name, entry in asked.items():
        assert entry["points"] > 0 and entry["minutes"] > 0 and entry["difficulty"] in (1, 2, 3), name


def test_exercises_are_what_the_builder_makes(tmp_path):
    """Committed exercises are regenerated and compared: notebooks and given.py to the byte, cases up to rounding."""
    for slug in SETS:
        source, target = spec.SOLUTIONS / slug, spec.ROOT / "exercises" / slug
        assert (source / "given.py").read_text() == (target / "given.py").read_text()
        for path in source.glob("*.npz"):
            assert release.same_arrays(slug, path, target / path.name), path
        mine, theirs = notebooks.build(slug), released(slug)
        assert [c["id"] for c in mine.cells] == [c["id"] for c in theirs.cells]
        for cell, other in zip(mine.cells, theirs.cells, strict=True):
            if not cell.metadata.get("nbgrader", {}).get("solution"):
                assert cell.source == other.source
    files = {p.relative_to(spec.ROOT / "exercises") for p in (spec.ROOT / "exercises").rglob("*") if p.is_file()}
    assert not [f for f in files if f.suffix not in (".ipynb", ".npz", ".py") or f.name == "spec.py"]


def test_two_builds_are_the_same_to_the_byte():
    for slug in SETS:
        assert nbformat.writes(notebooks.build(slug)) == nbformat.writes(notebooks.build(slug))


@pytest.mark.parametrize("slug", SETS)
def test_the_released_notebook_holds_no_solution(slug):
    text = "\n".join(cell.source for cell in released(slug).cells)
    assert "BEGIN SOLUTION" not in text and "MARK SCHEME" not in text
    for cell in notebooks.build(slug).cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            assert cell.source not in text


@pytest.mark.parametrize("slug", SETS)
def test_a_set_needs_numpy_matplotlib_and_checks_alone(slug, graded_folder):
    """In a folder of its own, with reference_impl and the rest of the course out of reach, the first cells run."""
    folder = graded_folder(slug)
    blocked = ["reference_impl", "grading", "torch", "sklearn", "nbgrader", "book"]
    first = next(c.source for c in released(slug).cells if c.metadata.get("nbgrader", {}).get("grade_id") == "imports")
    code = f"import sys\nsys.modules.update(dict.fromkeys({blocked!r}))\n{first}\nimport checks.judge"
    subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=folder, check=True)
