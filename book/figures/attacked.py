"""The page on what was tried against grading, from book/data/attacks.json and book/data/grading_bench.json."""

import json
from html import escape
from pathlib import Path

from IPython.display import HTML

from book.figures import table

DATA = Path(__file__).parents[1] / "data"
ATTACKS = json.loads((DATA / "attacks.json").read_text(encoding="utf-8"))
SPEED = json.loads((DATA / "grading_bench.json").read_text(encoding="utf-8"))


def families():
    """{family: its attacks}, in their order."""
    found = {}
    for row in ATTACKS["rows"]:
        found.setdefault(row["family"], []).append(row)
    return found


def count(rows):
    """How many attacks there are, and how many earned points and did harm, by nbgrader and by us."""
    earned, harmed = ([sum(bool(test(r[who])) for r in rows) for who in ("plain", "ours")] for test in (paid, hurt))
    return {"tried": len(rows), "earned": earned, "harmed": harmed}


def paid(found):
    """Whether an attack earned points that it did not merit."""
    return found["points"] > 0


def hurt(found):
    """The harm that an attack did."""
    return found["harm"]


def summary():
    """One row a family."""
    head = ["attacks", "tried", "earned points with nbgrader", "here", "did harm with nbgrader", "here"]
    groups = families() | {"<strong>all</strong>": ATTACKS["rows"]}
    counts = {name: count(rows) for name, rows in groups.items()}
    return HTML(table(head, [[name, c["tried"], *c["earned"], *c["harmed"]] for name, c in counts.items()]))


def details():
    """Every attack with nbgrader alone, by family, folded."""
    folded = []
    for name, rows in families().items():
        body = table(
            ["attack", "points", "harm"],
            [
                [escape(r["attack"].replace("_", " ")), f"{r['plain']['points']:g} of {r['possible']:g}", harm(r)]
                for r in rows
            ],
        )
        folded.append(f"<details><summary>{escape(name.capitalize())} ({len(rows)})</summary>{body}</details>")
    return HTML("".join(folded))


def harm(row):
    """The harm that an attack did with plain nbgrader, in words."""
    return escape("; ".join(row["plain"]["harm"])) or "–"


def speed():
    """One row a grader: students, seconds, and the memory of the largest of its processes."""
    head = ["graded by", "students", "wall seconds a student", "CPU seconds a student", "MiB of its largest process"]
    names = {"plain": "<code>nbgrader autograde</code>", "ours": "<code>grading run</code>"}
    rows = [(name, SPEED[key]) for key, name in names.items()] + [("the same, a larger class", SPEED["large"])]
    return HTML(
        table(
            head,
            [[n, f"{r['students']:,}", f"{r['wall']:.2f}", f"{r['cpu']:.2f}", f"{r['memory']:.0f}"] for n, r in rows],
        )
    )
