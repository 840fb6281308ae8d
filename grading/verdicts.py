"""What a check or a failing test said, taken apart: for the pages of the students and the report on the class."""

import re

from grading import markup

TITLE = re.compile(r"(\S+): (right, )?(-?[\d.]+(?:e[-+]?\d+)?) of ([\d.]+(?:e[-+]?\d+)?) points")
NOT_DONE = re.compile(r"is not written yet|not answered yet")


def parse(text):
    """What `check` printed, as {"name", "earned", "points", "parts", "reread"}, or None where it is something else.

    Each part is {"text", "state": "right", "wrong", "note" or "printed", "lines": [(kind, text)]}, the kind "case"
    (the input it was tried on), "finding" (what came out and what should have), "well" (the cases that went well) or
    "hint" (the sentence on a known mistake).
    """
    first, *lines = text.rstrip("\n").split("\n")
    title = TITLE.fullmatch(first)
    if not title:
        return None
    reread = None
    if lines and lines[-1].startswith("  Read again: "):
        reread = lines.pop().removeprefix("  Read again: ")
    parts = []
    for line in lines:
        _add(parts, line)
    earned, points = float(title[3]), float(title[4])
    return {"name": title[1], "earned": earned, "points": points, "parts": parts, "reread": reread}


def _add(parts, line):
    """One more line of a check: a new part, or a line of the last one."""
    printing = parts and parts[-1]["state"] == "printed"
    if parts and (printing or not line.startswith("  ")):  # text with line breaks of its own
        last = parts[-1]
        if last["lines"] and not printing:
            kind, text = last["lines"][-1]
            last["lines"][-1] = (kind, f"{text}\n{line}")
        else:
            last["text"] += "\n" + line
    elif line.startswith("      "):
        if not parts:
            parts.append({"text": "", "state": "wrong", "lines": []})
        lines = parts[-1]["lines"]
        lines.append((_kind(line.strip(), lines[-1][0] if lines else None), line.strip()))
    else:
        parts.append({"text": line.strip(), "state": _state(line.strip()), "lines": []})


def _kind(line, before):
    if line.startswith("In the case “"):
        return "case"
    if before == "case":
        return "finding"
    return "well" if line.startswith("Right in: ") else "hint"


def _state(line):
    if line.endswith(": right") or line == "It is right.":
        return "right"
    if line.startswith("It printed: "):
        return "printed"
    return "wrong" if re.search(r"not yet\.$|is not right\.$|not answered yet\.$", line) else "note"


def mistakes(verdict):
    """The sentences that name what went wrong, each once: known mistakes first, else what stopped it. [] when right."""
    if verdict["earned"] >= verdict["points"]:
        return []
    lines = [line for part in verdict["parts"] for line in part["lines"]]
    hints = [text for kind, text in lines if kind == "hint"]
    if hints:
        return list(dict.fromkeys(hints))
    said = [text for kind, text in lines if kind == "finding"] + [part["text"] for part in verdict["parts"]]
    if any(NOT_DONE.search(text) for text in said):
        return ["It is not done yet."]
    stopped = [m[1] for text in said if (m := re.search(r"(?:stopped with (\w+)|was (still running))", text)) and m[1]]
    if stopped:
        return [f"It stopped with {stopped[0]}."]
    if any("still running" in text for text in said):
        return ["It was still running when its time was up."]
    notes = [part["text"] for part in verdict["parts"] if part["state"] == "note"]
    notes = [text for text in notes if not re.search(r"\d%|^The last it printed: ", text)]
    return notes or ["Another mistake, which has no name here."]


def not_done(verdict):
    """Whether nothing was handed in for this exercise."""
    return verdict["earned"] == 0 and mistakes(verdict) == ["It is not done yet."]


def failure(output, source, hidden=()):
    """An error output in two lines: where in the cell it happened, if the student may see that line, and what it was.

    source : the cell's source
    hidden : the lines of the cell that students do not see, stripped
    """
    lines = source.split("\n")
    where = None
    for frame in re.finditer(r"(?m)^-+> ?(\d+)(?: (.*))?$", markup.plain("\n".join(output.get("traceback", [])))):
        number, text = int(frame[1]), (frame[2] or "").strip()
        if 0 < number <= len(lines) and text and lines[number - 1].strip() == text:
            where = None if text in hidden else text
            break
    value = markup.plain(str(output.get("evalue", "")))
    return where, f"{output.get('ename', 'Error')}: {value}" if value else str(output.get("ename", "Error"))


def group(output, source):
    """The name under which equal failures of many students are counted."""
    where, what = failure(output, source)
    said = output.get("evalue") or not where
    what = what.split("\n")[0] if said else f"{what} in `{where}`"
    return re.sub(r"0x[0-9a-fA-F]+|\d+(\.\d+)?(e[-+]?\d+)?", "…", what)[:160] if said else what[:160]
