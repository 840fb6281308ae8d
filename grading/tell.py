"""The last words of `make`: where everything is, and how to open it."""

import csv
from collections import defaultdict

from grading import spec
from grading.sample import FOLDER


def main():
    site = spec.ROOT / "_build" / "html" / "index.html"
    totals = defaultdict(float)
    with open(FOLDER / "grades.csv", newline="") as file:
        for row in csv.DictReader(file):
            totals[row["student_id"]] += float(row["score"] or 0)
    ranked = sorted(totals.items(), key=lambda item: -item[1])
    feedback = FOLDER / "feedback" / ranked[0][0]
    lines = [
        ("The site", site.as_uri(), "open it in a browser, or: make serve"),
        ("The exercises", "exercises/", "make lab opens them in JupyterLab"),
        (
            "The grades",
            (FOLDER / "grades.csv").relative_to(spec.ROOT),
            f"{len(totals)} students, from {ranked[-1][1]:g} to {ranked[0][1]:g} points",
        ),
        (
            "The feedback",
            FOLDER.relative_to(spec.ROOT) / "feedback",
            f"one page a submission, as {next(feedback.glob('*/*.html')).relative_to(spec.ROOT)}",
        ),
        (
            "The reports",
            FOLDER.relative_to(spec.ROOT) / "report",
            "one a set, for the teacher, and a CSV for an LMS",
        ),
    ]
    print()
    for what, where, how in lines:
        print(f"{what:14} {where}\n{'':14} {how}")


if __name__ == "__main__":
    main()
