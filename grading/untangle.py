"""Take apart the cells of a submission that were merged, join what was split, and choose among copies."""

import ast
import re
import warnings

import nbformat

from grading.expected import bound

CONTINUES = re.compile(r"[ \t]+\S|[)\]}]")  # how a text starts that begins in the middle of a statement
MAGIC = re.compile(r"^([ \t]*)[%!].*", re.MULTILINE)
LONGEST = 200_000  # characters of a cell that are worth parsing


def index(cells, cell):
    """Where this very cell stands in cells; two cells may be equal."""
    return next(i for i, other in enumerate(cells) if other is cell)


def without(cells, gone):
    """cells but for these very ones."""
    gone = {id(cell) for cell in gone}
    return [cell for cell in cells if id(cell) not in gone]


def created(kind, text, metadata=()):
    """A cell of a type with a text and a copy of metadata; tidy completes it."""
    return nbformat.from_dict({"id": "new", "cell_type": kind, "metadata": dict(metadata), "source": text})


def partner(named, i):
    """The check that follows an answer, the answer that a check follows; None for what is neither, or alone."""
    if not named[i].locked:
        return next((cell for cell in named[i + 1 :] if cell.locked and cell.marks[0]), None)
    return next((cell for cell in named[:i][::-1] if not cell.locked), None) if named[i].marks[0] else None


def cut(text, block):
    """text without the lines of block, or None where it does not hold them."""
    block = block.strip("\n")
    if not block.strip() or block not in text:
        return None
    match = re.search(rf"(?:\A|(?<=\n)){re.escape(block)}(?:\n|\Z)", text)
    return match and (text[: match.start()] + text[match.end() :]).strip("\n")


def unjoined(cells, plan, found, plain, tell):
    """cells in which what was merged has been taken apart, and what VS Code split off has been joined again."""
    for want in (want for want in plan if want.locked):
        cells = freed(cells, want, plan, found, tell)
    for want in (want for want in plan if want.binds and not found[want.name]):
        cells = apart(cells, want, plan, found, tell)
    for i, want in enumerate(plan):
        if (want.locked and not found[want.name]) or (want.type == "markdown" and not want.name and i not in plain):
            cells = take_out(cells, want, plan, found, tell)
    known = {id(cell) for hits in [*found.values(), plain.values()] for cell in hits}
    for want in plan:
        for cell in found[want.name] if want.name and not want.locked and want.type == "code" else ():
            cells = continued(cells, cell, want, known, tell)
    return cells


def continued(cells, cell, want, known, tell):
    """cells in which an answer has got back its end, which begins in the middle of a statement in the next cell."""
    at = index(cells, cell) + 1
    after = [other for other in cells[at : at + 1] if id(other) not in known]
    if after and after[0].cell_type == "code" and CONTINUES.match(after[0].source.lstrip("\n")):
        text = cell.source.rstrip("\n") + "\n" + after[0].source.lstrip("\n")
        if runs(text) or not runs(cell.source):
            cell.source = text
            tell("split", want.called)
            return without(cells, after)
    return cells


def take_out(cells, want, plan, found, tell):
    """cells in which an instructor's text was taken out of the answer it was merged into; a locked cell has its own."""
    for host in (host for host in plan if host.name and not host.locked and host.type == "code"):
        for cell in found[host.name]:
            rest = next((rest for text in want.texts if (rest := cut(cell.source, text)) is not None), None)
            if rest is None:
                continue
            cell.source = rest
            tell("merged" if want.name else "text", want.called or host.called)
            if not want.name:
                return cells
            own = [created(want.type, want.texts[0], want.metadata)]
            at = beside(cells, cell, host, want, plan, found)
            found[want.name] = own
            return [*cells[:at], *own, *cells[at:]]
    return cells


def beside(cells, cell, host, want, plan, found):
    """The place of what was merged into host's cell: above it, or below it and all between them that is there."""
    between = plan[plan.index(host) : plan.index(want)]
    near = next((found[other.name][0] for other in between[::-1] if other.name and found[other.name]), None)
    return index(cells, cell) if near is None else index(cells, near) + 1


def freed(cells, want, plan, found, tell):
    """cells in which what was added to a locked cell has its own cell: as a missing answer, or as an ordinary one."""
    for cell in found[want.name]:
        rest = next((rest for text in want.texts if (rest := cut(cell.source, text)) is not None), "")
        if not rest.strip() or want.untouched(cell):
            continue
        own = created(want.type, rest)
        named = [cell for cell in plan if cell.name]
        nearest = partner(named, named.index(want))
        answers = [answer for answer in named if answer.binds & bound(rest)] + [nearest] * bool(nearest)
        answers = [
            answer for answer in answers if not found[answer.name] and (answer.binds & bound(rest) or not answer.binds)
        ]
        for answer in answers[:1]:
            found[answer.name] = [own]
            tell("merged", answer.called)
        if not answers:
            tell("added", want.called)
        cell.source = want.texts[0]
        at = index(cells, cell) + (not want.marks[0])  # before a check, after what is imported
        cells = [*cells[:at], own, *cells[at:]]
    return cells


def apart(cells, want, plan, found, tell):
    """cells in which a missing answer that stands in another answer's cell has its own beside that cell."""
    for host in (host for host in plan if host.name and host.name != want.name and not host.locked):
        for cell in found[host.name]:
            lines = cell.source.split("\n")
            starts = [i for i, line in enumerate(lines) if bound(line) & want.binds]
            if not starts:
                continue
            start = starts[0]
            while start and lines[start - 1].startswith(("@", "#")):
                start -= 1
            others = set().union(*(other.binds for other in plan)) - want.binds
            end = next((i for i in range(starts[0], len(lines)) if bound(lines[i]) & others), len(lines))
            own = created(want.type, "\n".join(lines[start:end]).strip("\n"))
            cell.source = "\n".join(lines[:start] + lines[end:]).strip("\n")
            tell("merged", want.called)
            at = beside(cells, cell, host, want, plan, found)
            found[want.name] = [own]
            return [*cells[:at], own, *cells[at:]]
    return cells


def single(cells, want, other, found, tell):
    """cells in which at most one, found[want.name][0], is this one: copies go, other versions of an answer stay.

    other : its partner
    """
    hits = found[want.name]
    if len(hits) < 2:
        return cells
    there = index(cells, found[other.name][-1 if want.marks[0] else 0]) if other and found[other.name] else None
    placed = cells if there is None else cells[there:] if want.locked else cells[:there]
    keep, gone, what = (one_locked if want.locked else one_answer)(hits, want, {id(cell) for cell in placed})
    found[want.name] = [keep]
    tell(what, want.called)
    return without(cells, gone)


def one_locked(hits, want, placed):
    """Of several copies or parts of a locked cell: (the one to keep, those to remove, what to tell).

    placed : the ids, in memory, of the cells below its answer
    """
    whole = [cell for cell in hits if want.untouched(cell)]
    keep = next((cell for cell in whole or hits if id(cell) in placed), hits[-1])
    parts = [cell for cell in without(hits, [keep]) if any(cell.source.strip() in text for text in want.texts)]
    if not whole and len(parts) == len(hits) - 1:
        keep.source = want.texts[0]
    return keep, parts, "copies" if whole else "split"


def one_answer(hits, want, placed):
    """Of several copies or parts of an answer: (the one to keep, those to remove, what to tell).

    placed : the ids, in memory, of the cells above its check
    """
    changed = [cell for cell in hits if not want.untouched(cell)]
    if len({cell.source.strip() for cell in changed}) < 2:
        keep = (changed or hits)[0]
        return keep, without(hits, [keep]), "untouched" if 0 < len(changed) < len(hits) else "copies"
    gone = without(hits, changed)
    whole = [cell for cell in changed if want.binds and want.binds <= bound(cell.source)]
    text = ("\n" if want.type == "code" else "\n\n").join(cell.source for cell in changed)
    if len(whole) == 1 and runs(whole[0].source) and not runs(text):
        return whole[0], gone, "chosen"
    if len(whole) < 2:
        changed[0].source = text
        return changed[0], without(hits, changed[:1]), "split"
    return ([cell for cell in whole if id(cell) in placed] or whole)[-1], gone, "chosen"


def runs(text):
    """Whether text can be Python, IPython's magics included."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(MAGIC.sub(r"\1pass", text[:LONGEST]))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return len(text) < LONGEST
