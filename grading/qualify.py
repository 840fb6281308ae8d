"""Qualification: is every check right about every answer we can think of?

    python -m grading.qualify [SET ...] [--seeds N]

For each exercise: the reference and every variant earn full points, every mutant earns less and is told its own
sentence, an empty answer earns nothing: on the cases that students have, and on N draws of the grader's. The table goes
to book/data/qualification.json, from which the book prints its page.
"""

import argparse
import io
import json
import sys

from checks import cases, judge
from grading import fresh, sources, spec
from reference_impl import progress

TABLE = spec.ROOT / "book" / "data" / "qualification.json"


class Unqualified(AssertionError):
    """A check is wrong about an answer; the message says which."""


def scope(slug):
    """What given.py binds, as a dict, straight from the reference."""
    return {name: getattr(sys.modules[module], name) for module, name in sources.closure(spec.load(slug).GIVEN)}


def judged(record, answer, namespace):
    """judge.judge, as its share and one text."""
    share, lines = judge.judge(record, answer, namespace)
    return share, "\n".join(lines)


def empty(*args):
    """A function as it is handed out."""
    raise NotImplementedError


def qualify(slug, seed=None):
    """One set's table: a list of rows {exercise, kind, points, mutants, variants}. Raises Unqualified.

    seed : None for the recorded cases, else for cases as the grader draws them
    """
    records = cases.load(io.BytesIO(fresh.drawn(slug, spec.RECORDED if seed is None else seed)))
    namespace = scope(slug)
    rows = []
    for exercise in spec.load(slug).EXERCISES:
        record = records[exercise.name]
        if isinstance(exercise, spec.Answer):
            right, wrong, variants = exercise.value, wrong_answers(exercise), {}
            nothing = dict.fromkeys(right) if isinstance(right, dict) else None
        elif isinstance(exercise, spec.Experiment):
            right, variants = None, exercise.variants
            wrong, nothing = list(exercise.mutants.values()), empty
        else:
            right, nothing = exercise.reference, empty
            wrong = [(s, spec.altered(exercise, change)) for s, change in exercise.mutants.items()]
            if exercise.broken is not None:
                broken = spec.altered(exercise, exercise.broken)
                if judged(record, broken, namespace)[0] >= 1:
                    raise Unqualified(f"{exercise.name}: the broken version earns full points")
            variants = {name: spec.altered(exercise, change) for name, change in exercise.variants.items()}
        if right is not None:
            variants = {"the reference": right} | variants
        for name, answer in variants.items():
            share, text = judged(record, answer, namespace)
            if share != 1:
                raise Unqualified(f"{exercise.name}: {name} earns {share:.0%}\n{text}")
        for sentence, answer in wrong:
            share, text = judged(record, answer, namespace)
            if share >= 1 or sentence not in text:
                raise Unqualified(f"{exercise.name}: the mutant “{sentence}” earns {share:.0%} and is told:\n{text}")
        if judged(record, nothing, namespace)[0] != 0 or judged(record, None, namespace)[0] != 0:
            raise Unqualified(f"{exercise.name}: an empty answer earns points")
        rows.append(
            {
                "exercise": exercise.name,
                "kind": "repair" if getattr(exercise, "broken", None) else type(exercise).__name__.lower(),
                "points": record["points"],
                "mutants": [sentence for sentence, _ in wrong],
                "variants": [name for name in variants if name != "the reference"],
            }
        )
        rows[-1]["kind"] = rows[-1]["kind"].replace("exercise", "function")
    return rows


def wrong_answers(exercise):
    """An Answer's mutants as (sentence, whole answer)."""
    if not isinstance(exercise.value, dict):
        return list(exercise.mutants.items())
    return [(sentence, exercise.value | {key: wrong}) for sentence, (key, wrong) in exercise.mutants.items()]


def main(words=None):
    parser = argparse.ArgumentParser("grading.qualify", description="Examine every check of the sets, or of all.")
    parser.add_argument("sets", nargs="*", metavar="SET")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="draws of the grader's to try (1)")
    options = parser.parse_args(words)
    unknown = [name for name in options.sets if name not in spec.slugs()]
    if unknown:
        parser.error(f"there is no set {unknown[0]}, but {', '.join(spec.slugs())}")
    table, names, seeds = {}, options.sets or spec.slugs(), [None, *range(1, options.seeds + 1)]
    for slug in names:
        show = progress.bar(len(seeds))
        for n, seed in enumerate(seeds, start=1):
            try:
                rows = qualify(slug, seed)
            except (Unqualified, spec.SpecError) as error:
                sys.exit(f"{slug}{f', seed {seed}' if seed else ''}: {error}")
            table.setdefault(slug, rows)
            show(n, slug)
        for row in table[slug]:
            print(
                f"{slug} {row['exercise']}: {len(row['mutants'])} mutants named, {len(row['variants'])} variants full"
            )
    if names == spec.slugs():
        text = json.dumps(table, indent=1, ensure_ascii=False) + "\n"
        if not TABLE.exists() or TABLE.read_text(encoding="utf-8") != text:
            TABLE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
