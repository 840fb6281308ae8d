"""Make any notebook that a student hands in gradable, and tell the student what was done to it.

c.Autograde.sanitize_preprocessors = [Repair, …nbgrader's own]. It works on any nbgrader course.
"""

import copy
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Unicode

from grading.expected import grade_id, marks, planned, recognised
from grading.reading import Unreadable, opened, read, tidy
from grading.untangle import created, index, partner, single, unjoined

__all__ = ["Repair", "Unreadable", "opened", "read", "repaired"]

SENTENCES = {
    "missing": "{cell} was deleted; it was put back.",
    "unanswered": "{cell} was deleted; it was put back as it was handed out.",
    "merged": "{cell} was merged into another cell; it has a cell of its own again.",
    "split": "{cell} was split; its parts were joined.",
    "copies": "{cell} stood in the notebook more than once; one copy was kept.",
    "untouched": "{cell} stood in the notebook more than once; the copies you did not change were removed.",
    "chosen": "{cell} was written more than once; as in Jupyter, the last one before its check counts, and the others "
    "run as ordinary cells.",
    "changed": "{cell} was changed; it was restored.",
    "added": "{cell} was changed; it was restored, and what you had added runs in a cell of its own.",
    "text": "{cell} had text merged into it; the text was taken out.",
    "type": "{cell} had become a {found} cell; it is a {type} cell again.",
    "marks": "The grading marks of {cell} were changed; they were restored.",
    "unmarked": "Without their grading marks, and recognised: {cell}.",
    "order": "Out of order, and moved back to their places: {cell}.",
    "unknown": "A cell has the grading mark `{cell}`, which this notebook does not know; it runs as an ordinary cell.",
    "skipped": "A cell was tagged skip-execution; the tag was removed.",
}


class Repair(NbGraderPreprocessor):
    """Find a submission's cells, put back what is missing, and note it in nb.metadata["grading"]["repairs"]."""

    released = Unicode("", help="Where the sets as handed out lie, when there is no course directory").tag(config=True)

    def preprocess(self, nb, resources):
        where = resources["nbgrader"]
        with Gradebook(where["db_url"]) as gb:
            plans, name = getattr(gb, "plans", {}), where["notebook"]  # a Snapshot, which does not change, keeps them
            if name not in plans:
                notebook = gb.find_notebook(name, where["assignment"])
                plans[name] = planned(notebook, self.handed_out(where["assignment"], name), self)
        nb = tidy(nb)
        nb.metadata.pop("grading", None)
        nb.cells, told = repaired(nb.cells, plans[name])
        if told:
            nb.metadata["grading"] = nbformat.from_dict({"repairs": told})
            nb = tidy(nb)
        return nb, resources

    def handed_out(self, assignment, notebook):
        """The notebook as students got it, or None where it is not to be found."""
        course = getattr(getattr(self.parent, "parent", None), "coursedir", None)
        folders = [course.format_path(course.release_directory, ".", assignment)] if course else []
        folders += [self.released, Path(self.released, assignment)] if self.released else []
        files = [Path(folder, f"{notebook}.ipynb") for folder in folders]
        try:
            return read(next(file for file in files if file.is_file()))
        except (StopIteration, Unreadable):
            return None


def repaired(cells, plan):
    """(cells with every named cell of plan once, in its order; the sentences that tell what was done).

    cells : tidy cells of a submission, which are changed
    plan : list of Expected
    """
    told = []

    def tell(what, cell="", **more):
        sentence = SENTENCES[what].format(cell=cell, **more)
        told.append(sentence[0].upper() + sentence[1:])

    named = [want for want in plan if want.name]
    cells = list(cells)
    found, plain, unmarked = recognised(cells, plan)
    if unmarked:
        tell("unmarked", ", ".join(want.called for want in named if want.name in unmarked))
    cells = unjoined(cells, plan, found, plain, tell)
    for i, want in enumerate(named):
        cells = single(cells, want, partner(named, i), found, tell)
    kept = {want.name: found[want.name][0] for want in named if found[want.name]}
    for want in named:
        if want.name in kept:
            restore(kept[want.name], want, want.name in unmarked, tell)
    unmark(cells, plan, kept, plain, tell)
    return ordered(placed(cells, plan, kept, plain, tell), named, kept, tell), told


def restore(cell, want, unmarked, tell):
    """Give a cell that was found the type, the marks and, where it is locked, the text that it should have."""
    if cell.cell_type != want.type:
        tell("type", want.called, found=cell.cell_type, type=want.type)
        cell.cell_type = want.type
    if want.locked and not want.untouched(cell):
        tell("changed", want.called)
    if want.locked:
        cell.source = want.source
    if grade_id(cell) == want.name and not unmarked and marks(cell.metadata) != want.marks:
        tell("marks", want.called)
    cell.metadata["nbgrader"] = nbformat.from_dict(want.metadata["nbgrader"])


def unmark(cells, plan, kept, plain, tell):
    """Take from cells the marks that are not theirs, and the tags that were not handed out."""
    tags = {id(kept[want.name]): want.metadata.get("tags") for want in plan if want.name in kept}
    tags |= {id(cell): plan[i].metadata.get("tags") for i, cell in plain.items()}
    right, names = {id(cell) for cell in kept.values()}, {want.name for want in plan}
    for cell in cells:
        if id(cell) not in right:
            name = grade_id(cell)
            if name and name not in names and any(marks(cell.metadata)):
                tell("unknown", name[:50])
            cell.metadata.pop("nbgrader", None)
        had, may = cell.metadata.pop("tags", None) or [], tags.get(id(cell))
        if "skip-execution" in had and "skip-execution" not in (may or []):
            tell("skipped")
        if may:
            cell.metadata["tags"] = copy.deepcopy(may)


def placed(cells, plan, kept, plain, tell):
    """cells with the missing ones put in, each after the nearest cell above it in plan that is there."""
    last = -1
    for i, want in enumerate(plan):
        if want.name and want.name not in kept:
            tell("missing" if want.locked else "unanswered", want.called)
            text = want.source if want.locked else want.texts[0]
            kept[want.name] = created(want.type, text, want.metadata)
            cells = [*cells[: last + 1], kept[want.name], *cells[last + 1 :]]
        here = kept.get(want.name) or plain.get(i)
        last = last if here is None else index(cells, here)
    return cells


def ordered(cells, named, kept, tell):
    """cells with no check above its answer, and no import below what follows it; what else was moved may stay there."""
    moved = []
    for i, want in enumerate(named):
        answer = partner(named, i)
        if want.locked and answer and index(cells, kept[want.name]) < index(cells, kept[answer.name]):
            above = named[named.index(answer) : i]  # the answer, and its checks before this one
            cells = move(cells, kept[want.name], max(index(cells, kept[cell.name]) for cell in above))
            moved.append(want.called)
    for i, want in enumerate(named):
        first = min((index(cells, kept[cell.name]) for cell in named[i + 1 :]), default=len(cells))
        if want.locked and not want.marks[0] and first < index(cells, kept[want.name]):
            cells = move(cells, kept[want.name], first)
            moved.append(want.called)
    if moved:
        tell("order", ", ".join(moved))
    return cells


def move(cells, cell, to):
    """cells with one of them standing at a place."""
    at = index(cells, cell)
    rest = [*cells[:at], *cells[at + 1 :]]
    return [*rest[:to], cell, *rest[to:]]
