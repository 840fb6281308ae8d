"""The outputs of a graded notebook's cells, ready for a page."""

import re

from grading import marks, markup, verdicts

MOST = 50  # outputs of one cell that are shown
SEED = re.compile(r"(default_rng|RandomState|SeedSequence|seed)\(\d+\)")
WORDS = {  # what happened, in a word: sign, words
    "right": ("✓", "right"),
    "partly": ("◐", "partly right"),
    "wrong": ("✗", "not right"),
    "empty": ("○", "not done"),
    "error": ("⚠", "stopped by an error"),
    "time": ("◔", "out of time"),
    "memory": ("⚠", "out of memory"),
    "crash": ("⚠", "crashed"),
    "output": ("⚠", "printed too much"),
    "disk": ("⚠", "wrote too much"),
    "waiting": ("…", "not graded yet"),
    "hand": ("✎", "graded by hand"),
}
STOPPED = {
    "time": "This cell ran longer than it may and was stopped. Look for a loop that never ends, or for work that grows "
    "much faster than its input.",
    "memory": "This cell asked for more memory than it may have and was stopped. Look for an array with an axis too "
    "many, or a list that grows in a loop.",
    "crash": "This cell ended Python itself: the cells after it started anew, with the earlier ones run again.",
    "output": "This cell printed more than can be kept and was stopped. Look for a print in a long loop.",
    "disk": "This cell wrote more to disk than it may and was stopped.",
}


def visible(source, regions):
    """A cell's source without what students do not see, and the list of the lines taken out, stripped.

    regions : pairs of delimiters, (begin, end), each standing in a line of its own
    """
    kept, hidden, ends = [], [], None
    for line in source.split("\n"):
        opened = next((end for begin, end in regions if begin in line), None)
        if ends is None and opened is None:
            kept.append(line)
            continue
        hidden.append(line.strip())
        if ends is None:
            ends = opened
        elif ends in line:
            ends = None
    return "\n".join(kept), hidden


def rendered(cell, hidden, secrets, folder):
    """A code cell's first outputs as {"kind": "verdict", "failure" or "html", …} in order.

    hidden : the hidden lines of this cell; an error here tells its last line alone
    secrets : the hidden lines of the whole notebook, which no output shows
    """
    found = []
    locked = cell.get("metadata", {}).get("nbgrader", {}).get("grade") and not cell["metadata"]["nbgrader"]["solution"]
    outputs = cell.get("outputs", [])
    for output in outputs[:MOST]:
        kind = output.get("output_type")
        if kind == "stream":
            text = said(marks.text(output.get("text", "")), secrets)
            verdict = verdicts.parse(SEED.sub(r"\1(…)", text)) if locked else None
            found.append({"kind": "verdict", "verdict": verdict} if verdict else _printed(text))
        elif kind == "error":
            found.append(_failed(output, cell["source"], hidden, secrets))
        elif kind in ("display_data", "execute_result") and not (locked and is_points(output)):
            found.append({"kind": "html", "html": shown(output.get("data", {}), secrets, folder)})
    if len(outputs) > MOST:
        found.append(_printed(f"… {len(outputs) - MOST:,} outputs more are left out here …"))
    return found


def said(text, secrets):
    """Printed text without paths and hidden lines."""
    text = markup.plain(text)
    for line in secrets:
        text = text.replace(line, "…")
    return text


def _printed(text):
    return {"kind": "html", "html": markup.as_text(text)}


def _failed(output, source, hidden, secrets):
    """An error as its line, its message and, where nothing is hidden, its whole traceback."""
    where, what = verdicts.failure(output, source, hidden)
    trace = "" if hidden else said("\n".join(output.get("traceback", [])), secrets)
    kind = "time" if output.get("ename") in ("KeyboardInterrupt", "CellTimeoutError") else "error"
    what = markup.shortened(said(what, secrets))
    return {"kind": "failure", "where": where, "what": what, "trace": markup.shortened(trace), "state": kind}


def is_points(output):
    """Whether an output is no more than the points a graded cell returns; they stand beside the cell anyway."""
    data = output.get("data", {})
    return set(data) == {"text/plain"} and re.fullmatch(r"-?\d+(\.\d+)?", marks.text(data["text/plain"]).strip())


def shown(data, secrets, folder):
    """A MIME bundle as clean HTML: the richest form that can be shown safely."""
    for kind in markup.PICTURES[:4]:
        if kind in data:
            return markup.picture(marks.text(data[kind]), kind, "What this cell drew")
    text = {kind: marks.text(value) for kind, value in data.items() if isinstance(value, str | list)}
    if "image/svg+xml" in text:
        return markup.clean(text["image/svg+xml"]).replace('alt=""', 'alt="What this cell drew"')
    if "text/html" in text:
        return _rich(markup.clean(said(text["text/html"][:50_000], secrets), folder))
    for kind in ("text/markdown", "text/latex"):
        if kind in text:
            return _rich(markup.markdown(said(text[kind], secrets), folder))
    return _printed(said(text.get("text/plain", ""), secrets))["html"]


def _rich(text):
    return f'<div class="rich">{markup.headless(text)}</div>'


def state(grade, outs, stopped):
    """The word of WORDS for what happened to a graded cell."""
    if grade["waiting"]:
        return "waiting"
    if stopped in STOPPED:
        return stopped
    if grade["by_hand"]:
        return "hand"
    if grade["score"] >= grade["max_score"]:
        return "right"
    verdict = next((out["verdict"] for out in outs if out["kind"] == "verdict"), None)
    if verdict and verdicts.not_done(verdict):
        return "empty"
    if grade["score"] > 0:
        return "partly"
    failed = next((out for out in outs if out["kind"] == "failure"), None)
    if failed:
        return "empty" if failed["what"].startswith("NotImplementedError") else failed["state"]
    told = " ".join(verdicts.mistakes(verdict)) if verdict else ""
    return "time" if "still running" in told else "error" if told.startswith("It stopped with") else "wrong"
