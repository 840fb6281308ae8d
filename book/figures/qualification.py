"""The page on how the checks were examined, from book/data/qualification.json."""

import json
from html import escape
from pathlib import Path

from IPython.display import HTML

from book.figures import table

TABLE = json.loads((Path(__file__).parents[1] / "data" / "qualification.json").read_text(encoding="utf-8"))


def summary():
    """One row an exercise."""
    head = ["exercise", "set", "kind", "points", "mistakes named", "other methods"]
    rows = [
        [code(row), int(slug[2:4]), row["kind"], f"{row['points']:g}", len(row["mutants"]), len(row["variants"])]
        for slug, rows in TABLE.items()
        for row in rows
    ]
    return HTML(table(head, rows))


def code(row):
    """An exercise's name, as code."""
    return f"<code>{escape(row['exercise'])}</code>"


def details():
    """The mistakes and methods of each exercise, folded."""
    return HTML(
        "".join(
            f"<details><summary>Set {int(slug[2:4])}: {code(row)}</summary><ul>"
            + "".join(f"<li>{escape(sentence)}</li>" for sentence in row["mutants"])
            + "</ul>"
            + (f"<p>Also right: {escape(', '.join(row['variants']))}.</p>" if row["variants"] else "")
            + "</details>"
            for slug, rows in TABLE.items()
            for row in rows
        )
    )
