"""The wire's end in a submission's process: it runs the submission's cells and answers what the trusted process asks.

Nothing here is secret, and nothing here is trusted: the submission's code shares this process and may change all of it.
"""

import builtins
import contextlib
import functools
import io
import operator
import os
import random
import signal
import socket
import sys
import traceback
import types
import warnings

import numpy as np

from grading import sandbox
from grading.shared import Objects, Shared
from grading.wire import BASES, Channel, Closed, Codec, WireError

MOST_PRINTED = 20_000  # characters of one call
FUNCTIONS = types.FunctionType | types.BuiltinFunctionType | types.MethodType | functools.partial | np.ufunc
OPERATORS = {
    name.strip("_"): getattr(operator, name)
    for name in dir(operator)
    if name.startswith("__") and name not in ("__doc__", "__name__")
} | {
    name: getattr(builtins, name)
    for name in ("len", "iter", "next", "bool", "str", "repr", "float", "int", "complex", "round", "abs", "dir")
}
OPERATORS |= {
    name: getattr(builtins, name) for name in ("isinstance", "getattr", "setattr", "delattr", "divmod", "format")
}
OPERATORS |= {"call": lambda function, *args, **kwargs: function(*args, **kwargs), "reversed": reversed}


def main(request, descriptors, shell):
    """Serve one submission.

    request : {"folder", "sandbox", "readable", "memory", "file_size", "shared"}
    descriptors : one, the wire
    """
    channel = Channel(socket.socket(fileno=descriptors[0]))
    os.chdir(request["folder"])
    os.environ |= {"HOME": request["folder"], "TMPDIR": request["folder"], "MPLCONFIGDIR": request["folder"]}
    sys.path.insert(0, "")
    sys.setrecursionlimit(5000)
    if request["sandbox"]:
        sandbox.lock(
            request["folder"],
            readable=request["readable"],
            memory=request["memory"],
            file_size=request["file_size"],
            keep=(channel.sock.fileno(),),
        )
    Student(channel, shell, request["shared"]).serve()


class Callback:
    """A function of the trusted process; calling it asks over there."""

    def __init__(self, student, number, name):
        self._ask, self._number, self.__name__ = student.call_back, number, name

    def __call__(self, *args, **kwargs):
        return self._ask(self._number, args, kwargs)


class Student:
    """One submission's process: its shell, and the objects it has handed out."""

    def __init__(self, channel, shell, shared):
        self.channel, self.shell, self.shared = channel, shell, Shared(shared)
        self.handles, self.numbers, self.busy = [], {}, False
        self.codec = Codec(self.send, self.take)
        signal.signal(signal.SIGINT, self.interrupt)

    def interrupt(self, *_):
        """SIGINT stops the submission's code, and nothing else."""
        if self.busy:
            raise KeyboardInterrupt

    def encode(self, value):
        self.objects = Objects(self.shared, self.codec)
        return self.codec.encode(value)

    def decode(self, message):
        self.objects = Objects(self.shared, self.codec)
        return self.codec.decode(message)

    def send(self, value, depth):
        """How a value travels that is not a plain one."""
        if isinstance(value, Callback):
            return ["callback", value._number, value.__name__]
        if isinstance(value, types.FunctionType | type) and (reference := self.shared.name(value)):
            return reference
        if (found := self.objects.send(value, depth)) is not None:
            return found
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return [
                "named",
                type(value).__name__,
                list(value._fields),
                *(self.codec.encode(v, depth + 1) for v in value),
            ]
        if isinstance(value, BASES) and not isinstance(value, type):
            return self.codec.encode(plain(value), depth + 1)
        number = self.numbers.setdefault(id(value), len(self.handles))
        if number == len(self.handles):
            self.handles.append(value)
        kind = "class" if isinstance(value, type) else "function" if isinstance(value, FUNCTIONS) else "object"
        name = getattr(value, "__name__", "") if kind != "object" else ""
        return ["handle", number, kind, callable(value), type(value).__name__, name if isinstance(name, str) else ""]

    def take(self, tag, parts, decode):
        """send, undone."""
        if tag == "handle":
            return self.handles[parts[0]]
        if tag == "callback":
            return Callback(self, parts[0], parts[1])
        if tag == "global":
            return self.shared.get(*parts)
        return self.objects.take(tag, parts, decode)

    def serve(self):
        """Answer until the other end closes."""
        with contextlib.suppress(Closed):
            while True:
                self.answer(self.channel.receive())

    def answer(self, message):
        """Do what one message asks for, and send the reply."""
        number, what, *parts = message
        try:
            self.busy = True
            reply = ["value", getattr(self, f"do_{what}")(*parts)]
        except BaseException as error:
            self.busy = False
            reply = ["raised", *told(error)]
        self.busy = False
        try:
            self.channel.send(["reply", number, *reply])
        except (TypeError, ValueError, OverflowError, WireError) as error:
            self.channel.send(["reply", number, "raised", *told(error)])

    def do_cell(self, source, locked):
        """Run a cell: its outputs, and whether it ended well. What a locked one defines is shared from then on."""
        before = dict(self.shell.user_ns) if locked else {}
        outputs, result = self.shell.run(source)
        if locked:
            self.shared.learn(self.shell.user_ns, before)
        return [[plain_output(output) for output in outputs], bool(result.success)]

    def do_get(self, name):
        """A global variable: [its value] or []."""
        return [self.encode(self.shell.user_ns[name])] if name in self.shell.user_ns else []

    def do_bind(self, name, value):
        """Bind a global variable."""
        self.shell.user_ns[name] = self.decode(value)

    def do_unbind(self, name):
        """Unbind a global variable."""
        self.shell.user_ns.pop(name, None)

    def do_operate(self, name, args, kwargs, state):
        """Apply an operator: the value, what was printed, and [number, argument] of each that was changed by it."""
        values, named = self.decode(args), self.decode(kwargs)
        if state is not None:
            set_random_state(self.decode(state))
        printed, alike = Printed(), not any(map(varies, args[2:]))
        before = ["list", self.encode(values[0]), *args[2:]] if alike else self.encode(list(values))
        with quiet(printed):
            value = OPERATORS[name](*values, **named)
            value = self.encode(value)
        after = self.encode(list(values))
        changed = [[i, now] for i, (now, then) in enumerate(zip(after[1:], before[1:], strict=True)) if now != then]
        return [value, printed.getvalue(), changed]

    def call_back(self, number, args, kwargs):
        """Call a function of the trusted process."""
        self.busy = False
        self.channel.send(["callback", number, self.encode(list(args)), self.encode(kwargs)])
        while True:
            message = self.channel.receive()
            if message[0] != "answer":
                self.answer(message)
                continue
            self.busy = True
            if message[1] == "raised":
                raise getattr(builtins, message[2], RuntimeError)(message[3])
            return self.decode(message[2])


class Printed(io.StringIO):
    """What a call prints, the beginning of it."""

    def write(self, text):
        if self.tell() < MOST_PRINTED:
            super().write(text[:MOST_PRINTED])
        return len(text)


@contextlib.contextmanager
def quiet(printed):
    """Keep what a call prints, and ignore its warnings, as a check does on a student's own machine."""
    with (
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
        np.errstate(all="ignore"),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield


def plain(value):
    """An instance of a subclass of float, int, str … as what it extends."""
    base = next(base for base in BASES if isinstance(value, base))
    if base in (int, float):
        return getattr(base, f"__{base.__name__}__")(value)
    if base is dict:
        return dict(dict.items(value))
    return base(base.__iter__(value)) if base is not str else "".join(str.__iter__(value))


def plain_output(output):
    """An output as messages may hold it, without what no page should show: scripts travel no further than this."""
    kind = output["output_type"]
    if kind == "stream":
        return [kind, output["name"], output["text"]]
    if kind == "error":
        return [kind, output["ename"], output["evalue"], output["traceback"]]
    data = [x for mime, v in output["data"].items() if isinstance(v, str) for x in (mime, v)]
    return [kind, output.get("execution_count"), data]


def varies(message):
    """Whether a message, taken and sent on, may be another: a handle is told in full, and a set has no order."""
    return type(message) is list and (message[0] in ("handle", "set", "frozenset") or any(map(varies, message)))


def set_random_state(states):
    """Put numpy's and Python's global generators where the trusted process has them."""
    for put, state in zip((np.random.set_state, random.setstate), states, strict=True):
        if state is not None:
            put(state)


def told(error):
    """An exception as [name, message, frames]: where in the submission it came from, innermost last."""
    with contextlib.suppress(BaseException):
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith("<ipython")]
        rows = [[f.filename, f.lineno or 0, f.name, f.line or ""] for f in frames[-5:]]
        return [type(error).__name__[:100], str(error)[:2000], rows]
    return [type(error).__name__[:100], "", []]
