"""The page on which a student reads what was right, what was not, and where to look.

python -m grading feedback SET [--student S ...]

From autograded/STUDENT/SET/*.ipynb and the gradebook to feedback/STUDENT/SET/NOTEBOOK.html, where nbgrader's own
feedback stands and `nbgrader release_feedback` takes it from. For formgrader's button and `nbgrader generate_feedback`:
c.GenerateFeedback.exporter_class = "grading.feedback.PageExporter"
"""

import argparse
import functools
import html
import os
import re
import shutil
import sys
from pathlib import Path

import jinja2
from markupsafe import Markup
from nbconvert.exporters import Exporter
from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme

from grading import marks, markup, outputs

ROOM = 150_000  # characters of source; what comes after them is left out, graded cells excepted
COPIED = ("timestamp.txt", "submission_secret.txt")  # nbgrader's exchange needs them to release a page


@functools.cache
def templates():
    """The Jinja2 environment of the pages."""
    loader = jinja2.FileSystemLoader(Path(__file__).parent / "templates")
    made = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    made.filters |= {"ticks": lambda text: Markup(markup.ticks(text)), "points": points, "number": number}
    made.filters |= {"seconds": seconds, "breakable": lambda name: Markup(html.escape(name).replace("_", "_<wbr>"))}
    return made


def number(value):
    """A score as people write it: at most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def points(value):
    """A number of points in words."""
    return f"{number(value)} point{'' if value == 1 else 's'}"


def seconds(value):
    """A time in the largest unit that suits it."""
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if value >= size:
            return f"{number(round(value / size, 1))} {unit}{'' if round(value / size, 1) == 1 else 's'}"
    return f"{number(value)} second{'' if value == 1 else 's'}"


def regions(config):
    """The (begin, end) delimiters of what students never see, as this course writes them."""
    tests, scheme = ClearHiddenTests(config=config), ClearMarkScheme(config=config)
    return (
        (tests.begin_test_delimeter, tests.end_test_delimeter),
        (scheme.begin_mark_scheme_delimeter, scheme.end_mark_scheme_delimeter),
    )


def page(nb, student, assignment, name, entry, *, hidden, folder=None, others=None):
    """One page, as HTML.

    nb : a graded notebook, as marks.notebook reads it
    entry : the notebook's part of marks.read: {"penalty", "grades", "comments"}
    hidden : what `regions` gives
    folder : where the notebook's pictures are
    others : where a set has several notebooks, (score, max_score) of the whole set
    """
    cells, exercises = contents(nb, entry, hidden, folder)
    score, most, waiting = marks.total(entry["grades"].values(), entry["penalty"])
    missing = [name for name in entry["grades"] if name not in {row["name"] for row in exercises}]
    told = nb.get("metadata", {}).get("grading", {})
    heading = next((m[1] for c in nb["cells"] if (m := re.match(r"# +(.+)", c["source"]))), None)
    return (
        templates()
        .get_template("feedback.html")
        .render(
            title=heading if heading and nb["cells"][0]["cell_type"] == "markdown" else name,
            student=student,
            assignment=assignment,
            cells=cells,
            exercises=exercises,
            missing=missing,
            score=score,
            most=most,
            waiting=waiting,
            penalty=entry["penalty"],
            others=others,
            repairs=[str(sentence) for sentence in told.get("repairs", [])],
            words=outputs.WORDS,
            stopped=outputs.STOPPED,
        )
    )


def contents(nb, entry, hidden, folder):
    """The cells of a page, and the rows of its table of exercises."""
    seen = [outputs.visible(cell["source"], hidden) for cell in nb["cells"]]
    secrets = sorted({line for _, lines in seen for line in lines if len(line) > 7}, key=len, reverse=True)
    stops = nb.get("metadata", {}).get("grading", {}).get("cells", {})
    language = nb.get("metadata", {}).get("kernelspec", {}).get("language", "python")
    cells, exercises, heading, room = [], [], "", ROOM
    for cell, (source, taken) in zip(nb["cells"], seen, strict=True):
        name = marks.grade_id(cell)
        grade, stop = entry["grades"].get(name), stops.get(name, {}).get("stopped")
        shown = {"kind": "code", "grade": grade, "stopped": stop, "outputs": []}
        shown |= {"comment": None, "anchor": None, "state": None}
        room -= len(source)
        if room < 0 and not grade:
            shown |= {"html": "<p>This cell is left out: the notebook is too long for a page.</p>"}
        elif cell["cell_type"] == "code":
            shown |= {"html": markup.code(source, language), "outputs": outputs.rendered(cell, taken, secrets, folder)}
        else:
            shown |= {"kind": "text", "html": markup.markdown(source, folder, cell.get("attachments"))}
            heading = next(reversed(re.findall(r"(?m)^#+ +(.+)", source)), heading)
        if name in entry["comments"]:
            shown["comment"] = markup.headless(markup.markdown(entry["comments"][name]))
        if grade:
            shown["anchor"] = f"exercise-{len(exercises) + 1}"
            shown["state"] = outputs.state(grade, shown["outputs"], stop)
            called = title(name, source, heading)
            exercises.append({"name": name, "called": called, "under": heading if heading != called else ""} | shown)
        cells.append(shown)
    texts = [cell for cell in cells if cell["kind"] == "text"]
    for cell, text in zip(texts, markup.in_order([cell["html"] for cell in texts], 3), strict=True):
        cell["html"] = text
    return cells, exercises


def title(name, source, heading):
    """What an exercise is called on a page: what its check judges, else its grade_id, else the heading above it."""
    check = re.match(r'check\("[\w.]+\.(\w+)"', source)
    made_up = re.fullmatch(r"cell-[0-9a-f]{6,}", name)  # by nbgrader, for a cell the instructor gave no name
    return check[1] if check else heading if made_up and heading else name


def feedback(coursedir, assignment, students=None, done=None):
    """Write the pages of a set, all or those of some students, and return how many.

    coursedir : nbgrader's CourseDirectory
    students : ids, or None for all that handed in
    done : called after each student, with their number so far and in all
    Raises marks.MarksError for a set or a student the gradebook does not know, and, when all
    other pages are written, for notebooks that cannot be read.
    """
    with marks.book(coursedir) as gradebook:
        submissions = marks.read(gradebook, assignment)["submissions"]
    unknown = [student for student in students or () if student not in submissions]
    if unknown:
        raise marks.MarksError(f"{', '.join(unknown)} handed in nothing for {assignment}.")
    hidden, written, unread = regions(coursedir.config), 0, []
    wanted = sorted(students or submissions)
    for count, student in enumerate(wanted, 1):
        try:
            written += _pages(coursedir, assignment, student, submissions[student]["notebooks"], hidden)
        except marks.MarksError as error:  # the others get their pages all the same
            unread.append(str(error))
        if done:
            done(count, len(wanted))
    if unread:
        raise marks.MarksError("\n".join(unread))
    return written


def _pages(coursedir, assignment, student, notebooks, hidden):
    """Write one student's pages, each whole or not at all."""
    source = Path(coursedir.format_path(coursedir.autograded_directory, student, assignment))
    target = Path(coursedir.format_path(coursedir.feedback_directory, student, assignment))
    found = {name: entry for name, entry in notebooks.items() if (source / f"{name}.ipynb").is_file()}
    whole = [marks.total(entry["grades"].values(), entry["penalty"])[:2] for entry in notebooks.values()]
    others = [sum(column) for column in zip(*whole, strict=True)] if len(notebooks) > 1 else None
    if found:
        target.mkdir(parents=True, exist_ok=True)
    for name, entry in found.items():
        nb = marks.notebook(source / f"{name}.ipynb")
        text = page(nb, student, assignment, name, entry, hidden=hidden, folder=source, others=others)
        write(target / f"{name}.html", text, 0o664 if coursedir.groupshared else 0o644)
    for path in [source / name for name in COPIED if found and (source / name).is_file()]:
        shutil.copyfile(path, target / path.name)
    return len(found)


def write(path, text, mode=0o644):
    """Write a page beside its place and rename it, so that nobody reads half of it."""
    beside = path.with_name(f".{path.name}.part")
    beside.write_bytes(text.encode("utf-8", "replace"))
    beside.chmod(mode)
    os.replace(beside, path)


class PageExporter(Exporter):
    """Our page for nbgrader's own `generate_feedback`."""

    file_extension = ".html"

    def from_notebook_node(self, nb, resources=None, **_):
        nb, resources = super().from_notebook_node(nb, resources)
        told = resources["nbgrader"]
        with marks.Gradebook(told["db_url"]) as gradebook:
            submission = marks.read(gradebook, told["assignment"])["submissions"][told["student"]]
        entry = submission["notebooks"][told["notebook"]]
        keys = (told["student"], told["assignment"], told["notebook"])
        folder = resources.get("metadata", {}).get("path")
        return page(nb, *keys, entry, hidden=regions(self.config), folder=folder), resources


def progress(count, number):
    """A counter on a terminal, nothing elsewhere."""
    if sys.stderr.isatty():
        print(f"\r{count} of {number}", end="\n" if count == number else "", file=sys.stderr, flush=True)


def main(arguments=None):
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="grading feedback", description="Write the feedback pages of a graded set.")
    parser.add_argument("set")
    parser.add_argument("--student", action="append", metavar="S", help="only this student; may be repeated")
    options = parser.parse_args(arguments)
    try:
        coursedir = marks.course()
        count = feedback(coursedir, options.set, options.student, done=progress)
    except (marks.MarksError, OSError) as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, marks.MarksError) else 1
    print(f"{count} page{'s' * (count != 1)} in {coursedir.feedback_directory}")
    return 0
