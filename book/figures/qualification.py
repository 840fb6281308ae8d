"""The page on how the checks were examined, from book/data/qualification.json."""

import json
from html import escape
from pathlib import Path

from IPython.display import HTML

TABLE = json.loads((Path(__file__).parents[1] / "data" / "qualification.json").read_text(encoding="utf-8"))


def summary():
    """One row an exercise."""
    head = "".join(
        f'<th scope="col">{h}</th>' for h in ["set", "exercise", "kind", "points", "mistakes named", "other methods"]
    )
    rows = "".join(
        f"<tr><td>{int(slug[2:4])}</td><td><code>{escape(row['exercise'])}</code></td><td>{row['kind']}</td>"
        f"<td>{row['points']:g}</td><td>{len(row['mutants'])}</td><td>{len(row['variants'])}</td></tr>"
        for slug, rows in TABLE.items()
        for row in rows
    )
    return HTML(f'<table class="table"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>')


def details():
    """The mistakes and methods of each exercise, folded."""
    return HTML(
        "".join(
            f"<details><summary>Set {int(slug[2:4])}: <code>{escape(row['exercise'])}</code></summary><ul>"
            + "".join(f"<li>{escape(sentence)}</li>" for sentence in row["mutants"])
            + "</ul>"
            + (f"<p>Also right: {escape(', '.join(row['variants']))}.</p>" if row["variants"] else "")
            + "</details>"
            for slug, rows in TABLE.items()
            for row in rows
        )
    )
