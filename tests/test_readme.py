"""What the README shows is what happens."""

import contextlib
import json

import checks
from bench import cpu, training
from grading import sample, spec

README = (spec.ROOT / "README.md").read_text(encoding="utf-8")
TRAINED = "mlp", "tiny", "cnn", "gpt"  # the workloads it shows


def rows(name):
    """What the last benchmark wrote."""
    return json.loads((spec.ROOT / "book" / "data" / name).read_text(encoding="utf-8"))["rows"]


def test_its_tables_are_those_of_the_last_benchmark():
    shown = [row for row in rows("cpu_bench.json") if row["workload"] in TRAINED]
    assert len(shown) == 4 * len(TRAINED)
    assert "\n".join(line.rstrip() for line in cpu.table(shown)) in README
    assert "\n".join(training.table(rows("training_bench.json"))) in README


def test_the_check_it_shows_is_real(capsys):
    linear = next(e for e in spec.load("ch08_backprop").EXERCISES if e.name == "layers.linear_backward")
    averaged = spec.altered(linear, {"rows.sum(axis=0)": "rows.mean(axis=0)"})
    with contextlib.chdir(spec.ROOT / "exercises" / "ch08_backprop"):
        checks.check(linear.name, averaged)
    assert capsys.readouterr().out.strip() in README


def test_the_verbs_it_names_are_there():
    makefile = (spec.ROOT / "Makefile").read_text()
    for verb in ["book", "serve", "links", "exercises", "lab", "grade", "test", "clean", "help"]:
        assert f"\n{verb}:" in makefile


def test_the_guide_counts_the_class_right():
    words = {12: "twelve", 13: "thirteen", 14: "fourteen", 15: "fifteen"}
    guide = (spec.ROOT / "book" / "instructor.md").read_text(encoding="utf-8")
    assert f"a sample class of {words[len(sample.CLASS)]} students" in guide
