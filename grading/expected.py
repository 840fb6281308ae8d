"""What cells a submission should hold, in which order, and which of its cells they are."""

import re
from typing import NamedTuple

import nbformat
from nbgrader import utils
from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme

BINDS = re.compile(  # the name that a line at a cell's left edge defines, in Python, R or Julia
    r"^(?:(?:async[ \t]+def|def|class|function)[ \t]+(\w+)|([A-Za-z_]\w*)[ \t]*(?::[^=\n]*)?(?:<-|=(?!=)))",
    re.MULTILINE,
)


class Expected(NamedTuple):
    """A cell as the instructor handed it out; ordinary cells have no name."""

    name: str  # nbgrader's grade_id, or ""
    type: str
    source: str  # what a locked cell is restored to: with its hidden tests
    texts: tuple  # the texts it may have had when it was handed out, the released one first
    id: str
    metadata: dict  # all of it
    marks: tuple  # (graded, the student's, locked, task, points)
    binds: frozenset  # names that its released text defines, and no other graded cell does
    called: str  # how the student is told of it

    @property
    def locked(self):
        """Whether it is the instructor's, and restored."""
        return bool(self.name) and not self.marks[1]

    def untouched(self, cell):
        """Whether a cell has the text that was handed out."""
        return cell.source.strip() in {text.strip() for text in self.texts}


def marks(metadata):
    """(graded, the student's, locked, task, points) that a cell's metadata tell nbgrader; points 0 where not graded."""
    cell = nbformat.NotebookNode(metadata=nbformat.from_dict({"nbgrader": metadata.get("nbgrader", {})}))
    graded, task = bool(utils.is_grade(cell)), bool(utils.is_task(cell))
    points = cell.metadata.nbgrader.get("points") if graded or task else 0
    return graded, bool(utils.is_solution(cell)), bool(utils.is_locked(cell)), task, points


def grade_id(cell):
    """The name that nbgrader's metadata give a cell, or ""."""
    name = cell.metadata.get("nbgrader", {}).get("grade_id")
    return name if isinstance(name, str) else ""


def bound(text):
    """The names that a cell's text defines at its left edge."""
    return {first or second for first, second in BINDS.findall(text)}


def planned(notebook, released, parent=None):
    """The list of Expected of a set, from its first cell to its last.

    notebook : nbgrader's gradebook entry of it
    released : the notebook as handed out, or None; then the ordinary cells are not known
    parent : whose configuration says how hidden tests are marked
    """
    sources = {cell.name: cell for cell in notebook.source_cells}
    graded = {cell.name: cell.max_score for cell in notebook.grade_cells}
    tasks = {cell.name: cell.max_score for cell in notebook.task_cells}
    solutions = {cell.name for cell in notebook.solution_cells}
    handed = {grade_id(cell): cell for cell in released.cells} if released else {}
    order = [(grade_id(cell), cell) for cell in released.cells] if released else []
    order += [(name, None) for name in sources if name not in handed]
    plan = []
    for name, cell in order:
        if name in sources:
            points = graded.get(name, tasks.get(name))
            facts = (name in graded, name in solutions, name in tasks, points)
            plan.append(expected(sources[name], facts, cell, parent))
        else:
            plan.append(
                Expected("", cell.cell_type, cell.source, (cell.source,), cell.id, cell.metadata, (), frozenset(), "")
            )
    return christened(plan)


def expected(source, facts, cell, parent):
    """A graded, locked or answer cell: what the gradebook knows of it, and the released cell where there is one."""
    graded, solution, task, points = facts
    entry = {
        "schema_version": 3,
        "grade_id": source.name,
        "grade": graded,
        "solution": solution,
        "locked": bool(source.locked),
        "task": task,
        "cell_type": source.cell_type,
        "checksum": source.checksum,
    }
    entry |= {"points": points} if graded or task else {}
    metadata = {"deletable": False, "nbgrader": {key: value for key, value in entry.items() if value is not None}}
    metadata |= {"editable": False} if source.locked else {}
    if cell and (cell.metadata["nbgrader"].get("schema_version"), *marks(cell.metadata)) == (3, *marks(metadata)):
        metadata = cell.metadata
    texts = ([cell.source] if cell else []) + [shown(source, metadata, parent), source.source]
    name, kind, where = source.name, source.cell_type, cell.id if cell else source.name
    binds = frozenset(bound(texts[0])) if solution and kind == "code" else frozenset()
    return Expected(name, kind, source.source, tuple(texts), where, metadata, marks(metadata), binds, name)


def shown(source, metadata, parent):
    """The gradebook's text of a cell as students see it: without hidden tests and mark schemes."""
    cell = nbformat.from_dict({"cell_type": source.cell_type, "source": source.source, "metadata": metadata})
    for hide in (ClearHiddenTests, ClearMarkScheme):
        cell, _ = hide(parent=parent, enforce_metadata=False).preprocess_cell(cell, {}, 0)
    return cell.source


def christened(plan):
    """plan with what students call its cells, and with only those names in binds that no other cell of it defines."""
    named, called, checks = [], "", {}
    for cell in plan:
        others = (name for other in plan if other is not cell for name in other.binds)
        named.append(cell._replace(binds=cell.binds.difference(others)))
    for i, cell in enumerate(named):
        graded, solution, _, task, _ = cell.marks if cell.name else (False,) * 5
        if solution:
            first = next((name for pair in BINDS.findall(cell.texts[0]) for name in pair if name), None)
            called = f"`{first}`" if cell.binds and first in cell.binds else f"the answer `{cell.name}`"
            named[i] = cell._replace(called=called)
        elif graded and called:
            checks.setdefault(called, []).append(i)
        elif cell.name:
            named[i] = cell._replace(called=f"the {'task' if task else 'locked cell'} `{cell.name}`")
    for called, places in checks.items():
        for i in places:
            extra = f" (`{named[i].name}`)" if len(places) > 1 else ""
            named[i] = named[i]._replace(called=f"the check of {called}{extra}")
    return named


def recognised(cells, plan):
    """Which submitted cells the named cells of plan are, and which the ordinary ones.

    Returns ({name: [cells]}, {index in plan: ordinary cell}, the names recognised without nbgrader's metadata).
    """
    named = [cell for cell in plan if cell.name]
    found, lost = {want.name: [] for want in named}, []
    for cell in cells:
        found.get(grade_id(cell), lost).append(cell)
    plain, unmarked = {}, []

    def take(want, hits):
        if hits and not found[want.name]:
            found[want.name] = hits
            unmarked.append(want.name)
            gone = {id(cell) for cell in hits}
            lost[:] = [cell for cell in lost if id(cell) not in gone]

    once = [want for want in named if sum(want.texts[0] == other.texts[0] for other in plan) == 1]
    for want in named:
        take(want, [cell for cell in lost if cell.id == want.id])
    for want in once:
        take(want, [cell for cell in lost if want.untouched(cell) and cell.source.strip()])
    for i, want in enumerate(plan):
        hit = next((cell for cell in lost if not want.name and cell.source == want.source), None)
        if hit is not None:
            plain[i] = hit
            lost[:] = [cell for cell in lost if cell is not hit]
    for want in named:
        whole = [cell for cell in lost if want.binds and want.binds <= bound(cell.source)]
        take(want, whole or [cell for cell in lost if want.binds & bound(cell.source)][-1:])
    for want, hits in between(cells, plan, found, plain, lost):
        take(want, hits)
    return found, plain, unmarked


def between(cells, plan, found, plain, lost):
    """Pairs of an answer nothing else tells (written, or without a name) and the unknown cells where it stood."""
    place = {id(cell): i for i, cell in enumerate(cells)}
    known = [plain.get(i) or next(iter(found.get(want.name, ())), None) for i, want in enumerate(plan)]
    known = [None if cell is None else place[id(cell)] for cell in known]
    gaps = {}
    for i, want in enumerate(plan):
        if want.name and not want.locked and known[i] is None and (want.marks[0] or not want.binds):
            above = max((k for k in known[:i] if k is not None), default=-1)
            below = min((k for k in known[i:] if k is not None and k > above), default=len(cells))
            gaps.setdefault((above, below, want.type), []).append(want)
    for (above, below, kind), wants in gaps.items():
        there = [c for c in lost if above < place[id(c)] < below and c.cell_type == kind and c.source.strip()]
        for i, want in enumerate(wants):
            yield want, there[i : i + 1] if i < len(wants) - 1 else there[i:]
