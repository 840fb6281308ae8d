"""Recorded cases: what a check calls an answer with and what it expects, in one `cases.npz`.

The file holds one JSON text and one run of bytes in which the text's arrays lie end to end. Nothing in it is pickled.
"""

import functools
import json
import os
from pathlib import Path

import numpy as np

FILE = "cases.npz"


class Given:
    """A name to be looked up where the student's function lives: a config class, an activation pair.

    arguments : None, or what to call it with
    """

    def __init__(self, name, arguments=None):
        self.name, self.arguments = name, arguments

    def find(self, namespace):
        found = namespace[self.name]
        if self.arguments is None:
            return found
        return found(**{k: resolve(v, namespace) for k, v in self.arguments.items()})


class Seed(int):
    """The seed of a fresh numpy Generator, made anew for every call."""


def resolve(value, namespace):
    """A recorded value as a function is called with it: arrays copied, Given looked up, Seed a new Generator."""
    match value:
        case Given():
            return value.find(namespace)
        case Seed():
            return np.random.default_rng(int(value))
        case dict():
            return {k: resolve(v, namespace) for k, v in value.items()}
        case list() | tuple() if not hasattr(value, "_fields"):
            return type(value)(resolve(v, namespace) for v in value)
        case np.ndarray():
            return value.copy()
    return value


def save(path, records, compressed=True):
    """Write records (dicts of JSON values, arrays, tuples, Given and Seed) to an npz file at path."""
    blob = bytearray()

    def pack(value):
        match value:
            case Seed():
                return {"$seed": int(value)}
            case np.ndarray() | np.generic() if not value.dtype.hasobject:
                blob.extend(bytes(-len(blob) % 16))
                start = len(blob)
                blob.extend(np.ascontiguousarray(value).tobytes())
                return {"$array": [value.dtype.str, list(value.shape), start]}
            case bool() | str() | None | int() | float():
                return value
            case Given():
                return {"$given": value.name, "arguments": pack(value.arguments)}
            case tuple():
                return {"$tuple": [pack(v) for v in value]}
            case list():
                return [pack(v) for v in value]
            case dict() if all(isinstance(k, str) for k in value):
                return {k: pack(v) for k, v in value.items()}
        raise TypeError(f"a case cannot hold a {type(value).__name__}: {value!r}")

    text, write = json.dumps(pack(records)), np.savez_compressed if compressed else np.savez
    with open(path, "wb") as file:  # an open file, so that NumPy leaves the name as it is
        write(file, json=np.frombuffer(text.encode(), np.uint8), arrays=np.frombuffer(blob, np.uint8))


def load(path=None):
    """The records in a cases file: path (or an open file), else where CHECKS_CASES says, else in the working directory.

    Raises FileNotFoundError, with what to do, where there is none.
    """
    path = path or os.environ.get("CHECKS_CASES") or FILE
    if isinstance(path, str | os.PathLike) and not Path(path).exists():
        folder = Path(path).resolve().parent
        raise FileNotFoundError(
            f"{FILE} is not in {folder}. It belongs beside the notebook: unpack the set's zip again."
        )
    if isinstance(path, str | os.PathLike):
        status = os.stat(path)
        return _load(os.path.abspath(path), status.st_mtime_ns, status.st_size)
    return _load.__wrapped__(path)


@functools.lru_cache(maxsize=1)
def _load(path, *_changed):
    """load, once for all checks of a notebook. Records are not altered: `resolve` copies."""
    with np.load(path, allow_pickle=False) as file:
        text, blob = file["json"].tobytes(), file["arrays"]

    def unpack(entry):
        if "$array" in entry:
            dtype, shape, start = entry["$array"]
            return np.ndarray(shape, dtype, blob, start)
        if "$tuple" in entry:
            return tuple(entry["$tuple"])
        if "$given" in entry:
            return Given(entry["$given"], entry["arguments"])
        if "$seed" in entry:
            return Seed(entry["$seed"])
        return entry

    return json.loads(text, object_hook=unpack)  # the innermost objects first
