"""Read a notebook that a student handed in, whatever editor wrote it and whatever happened to the file."""

import itertools
import json
import re
import warnings
from collections.abc import Mapping
from pathlib import Path

import nbformat

LIMIT = 20 * 2**20  # bytes of a notebook file
MOST = 2000  # cells
DEPTH = 20  # levels of nested metadata; editors need five
TYPES = ("code", "markdown", "raw")
ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
SURROGATE = re.compile(r"\\ud[89a-f]", re.IGNORECASE)


class Unreadable(ValueError):
    """A file that is no notebook; its one sentence says why."""


def read(path, limit=LIMIT):
    """The notebook in a file, as nbformat 4.5 and tidy. Parameters and errors are opened's."""
    return tidy(opened(path, limit))


def opened(path, limit=LIMIT):
    """The notebook in a file, a dict for `tidy`.

    limit : bytes
    Raises Unreadable, and nothing else, where there is no notebook to be had.
    """
    path = Path(path)
    try:
        if path.stat().st_size > limit:
            raise Unreadable(
                f"{path.name} is larger than {limit / 2**20:.0f} MB: clear its outputs and hand it in again."
            )
        raw = path.read_bytes()
    except OSError as error:
        raise Unreadable(f"{path.name} could not be opened: {error.strerror}.") from None
    try:
        return version4(parsed(decoded(raw, path.name), path.name), path.name)
    except RecursionError:
        raise Unreadable(f"{path.name} is nested too deeply to be a notebook.") from None


def decoded(raw, name):
    """A file's text: UTF-8, or UTF-16 and UTF-32 as their first bytes tell."""
    if not raw.strip(b"\0 \t\r\n"):
        raise Unreadable(f"{name} is empty.")
    try:
        text = raw.decode(json.detect_encoding(raw))
    except UnicodeDecodeError as error:
        raise Unreadable(f"{name} is not a text file in UTF-8 (byte {error.start:,}).") from None
    if "\0" in text:
        raise Unreadable(f"{name} holds null bytes: it was damaged when it was saved or copied.")
    return text


def parsed(text, name):
    """The dict that a text of JSON holds, its strings free of half characters, which no file could hold again."""
    try:
        notebook = json.loads(text, strict=False, parse_constant=lambda constant: None)
        if SURROGATE.search(text):
            whole = json.dumps(notebook, ensure_ascii=False).encode("utf-8", "replace")
            notebook = json.loads(whole, strict=False)
    except json.JSONDecodeError as error:
        if error.msg.startswith("Unterminated") or error.pos >= len(text.rstrip()):
            raise Unreadable(f"{name} ends in the middle: it was not saved or copied to its end.") from None
        raise Unreadable(f"{name} is not JSON: {error.msg} in line {error.lineno}, column {error.colno}.") from None
    except ValueError:
        raise Unreadable(f"{name} holds a number too long to be read.") from None
    if not isinstance(notebook, dict) or not ({"cells", "worksheets"} & notebook.keys()):
        raise Unreadable(f"{name} is JSON, but not a notebook.")
    return notebook


def version4(notebook, name):
    """notebook in nbformat 4 of any minor version; a file that does not say its version is taken for 4."""
    major = notebook.get("nbformat", 4)
    if not isinstance(major, int) or major < 1:
        raise Unreadable(f"{name} is JSON, but not a notebook.")
    if major > 4:
        raise Unreadable(f"{name} has notebook format {major}; grading reads 4 and older.")
    if major < 4:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                notebook = nbformat.convert(nbformat.from_dict(notebook), 4)
        except RecursionError:
            raise
        except Exception:  # nbformat's converters trust their input, and fail on a broken one in any way
            raise Unreadable(f"{name} has notebook format {major}, and could not be brought to format 4.") from None
        for cell in notebook["cells"]:
            cell.pop("id", None)  # made of chance; tidy's are the same at every reading
    if not isinstance(notebook.get("cells"), list):
        raise Unreadable(f"{name} is JSON, but not a notebook.")
    if len(notebook["cells"]) > MOST:
        raise Unreadable(f"{name} has {len(notebook['cells']):,} cells; grading reads at most {MOST:,}.")
    return notebook


def tidy(notebook):
    """notebook (nbformat 4) as valid nbformat 4.5: each cell with a known type, one text, metadata, an id of its own.

    Outputs, widgets' states, code cells' attachments and what no notebook should hold are dropped. A new NotebookNode.
    """
    taken, numbers = set(), itertools.count()
    cells = [tidy_cell(cell, taken, numbers) for cell in notebook["cells"] if isinstance(cell, Mapping)]
    metadata = {key: value for key, value in mapping(notebook.get("metadata")).items() if key != "widgets"}
    tidied = nbformat.from_dict({"cells": cells, "metadata": shallow(metadata), "nbformat": 4, "nbformat_minor": 5})
    if not valid(tidied):
        if not valid({**tidied, "cells": []}):
            tidied["metadata"] = nbformat.NotebookNode()
        for cell in tidied["cells"]:
            if not valid({**tidied, "cells": [cell]}):
                cell.pop("attachments", None)
                cell["metadata"] = nbformat.from_dict({k: v for k, v in cell["metadata"].items() if k == "nbgrader"})
    return tidied


def tidy_cell(cell, taken, numbers):
    """One cell with the keys that its type has. taken: the ids of the cells before it; numbers: to make new ids of."""
    kind = cell.get("cell_type") if cell.get("cell_type") in TYPES else "raw"
    metadata = shallow(mapping(cell.get("metadata")))
    if not isinstance(metadata.get("nbgrader", {}), Mapping):
        del metadata["nbgrader"]
    name = next(filter(proper, (cell.get("id"), metadata.get("id"))), None)  # Colab writes it into the metadata
    while name is None or name in taken:
        name = f"cell-{next(numbers)}"
    taken.add(name)
    tidied = {"id": name, "cell_type": kind, "metadata": metadata, "source": joined(cell.get("source"))}
    if kind == "code":
        tidied |= {"outputs": [], "execution_count": None}
    elif attachments := shallow(mapping(cell.get("attachments"))):
        tidied["attachments"] = attachments
    return tidied


def joined(source):
    """A cell's text from a string or a list of lines, with the line ends of Unix."""
    lines = source if isinstance(source, list) else [source]
    text = "".join(line for line in lines if isinstance(line, str))
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def mapping(value):
    """value where it is a dict, and else an empty one."""
    return value if isinstance(value, Mapping) else {}


def proper(name):
    """Whether nbformat takes name for a cell's id."""
    return isinstance(name, str) and ID.fullmatch(name) is not None


def shallow(metadata):
    """metadata without the entries that are nested deeper than any editor does, which copying could not follow."""
    return {key: value for key, value in metadata.items() if fits(value, DEPTH)}


def fits(value, levels):
    """Whether value is nested no deeper than levels."""
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return levels > 0 and all(fits(part, levels - 1) for part in inner)


def valid(notebook):
    """Whether nbformat finds nothing wrong with notebook."""
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError:
        return False
    return True
