"""Stand-ins, in the trusted process, for what lives in a submission's process.

Functions and classes may be called. An object of the submission's own class answers nothing that the instructor's own
solution did not need in the same cell: an object that equals everything, or whose difference from everything is 0, is
worth nothing where a number is asked for.
"""

import builtins
import io
import sys
import traceback

import numpy as np

from grading import wire

COMPARISONS = ("lt", "le", "gt", "ge")
ARITHMETIC = (
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "divmod",
    "pow",
    "matmul",
    "and",
    "or",
    "xor",
    "lshift",
    "rshift",
)
UNARY = (
    "neg",
    "pos",
    "abs",
    "invert",
    "float",
    "int",
    "complex",
    "index",
    "round",
    "len",
    "iter",
    "next",
    "reversed",
    "dir",
)


class SubmissionError(Exception):
    """An exception of a class that only the submission knows."""


class Refused(TypeError):
    """A submission's object was asked what only plain values may answer."""


class Proxy:
    """An object in the submission's process."""

    def __init__(self, link, process, number, kind, type_name, name):
        vars(self).update(_link=link, _process=process, _number=number, _type=type_name)
        if name:
            vars(self).update(__name__=name, __qualname__=name)

    def _do(self, name, *args, **kwargs):
        """Apply an operator over there, where the cell may."""
        if not self._link.permits(name, args):
            raise Refused(f"the submission's {self._type} is an object of its own: no {name} with it here")
        return self._link.operate(name, [*args], kwargs)[0]

    def __repr__(self):
        return self._do("repr", self) if self._link.permits("repr") else f"<{self._type} of the submission>"

    def __str__(self):
        return self._do("str", self) if self._link.permits("str") else repr(self)

    def __format__(self, spec):
        return format(str(self), spec)

    def __bool__(self):
        return self._do("bool", self) is True if self._link.permits("bool") else True

    def __hash__(self):
        return hash((Proxy, self._number))

    def __eq__(self, other):
        if self is other:
            return True
        return self._do("eq", self, other) if self._link.permits("eq", (self, other)) else False

    def __ne__(self, other):
        if self is other:
            return False
        return self._do("ne", self, other) if self._link.permits("ne", (self, other)) else True

    def __contains__(self, item):
        return self._do("contains", self, item) is True

    def __getitem__(self, key):
        return self._do("getitem", self, key)

    def __setitem__(self, key, value):
        self._do("setitem", self, key, value)

    def __delitem__(self, key):
        self._do("delitem", self, key)

    def __getattr__(self, name):
        if name.startswith("__") and name not in ("__doc__", "__dict__"):
            raise AttributeError(name)
        if not self._link.permits(f"getattr {name}"):
            raise AttributeError(f"the submission's {self._type} is an object of its own: no {name!r} of it here")
        value = self._link.operate("getattr", [self, name], {})[0]
        if isinstance(value, Proxy):
            vars(value)["_called"] = f".{name}"
        return value

    def __setattr__(self, name, value):
        self._do("setattr", self, name, value)

    def __instancecheck__(self, instance):
        return isinstance(instance, Proxy) and self._link.operate("isinstance", [instance, self], {})[0] is True


class Callable(Proxy):
    """A function, a class or a callable object in the submission's process."""

    def __call__(self, *args, **kwargs):
        value, printed = self._link.operate("call", [self, *args], kwargs)
        say(printed)
        return value

    def call_elsewhere(self, args, seconds):
        """Call it within a time, and carry over what it did to its arguments: the value, and what it printed.

        Raises TimeoutError, or what it raised.
        """
        return self._link.operate("call", [self, *args], {}, seconds=seconds, carry=True)

    @property
    def __globals__(self):
        return Globals(self._link)


def _binary(name):
    def forward(self, other):
        return self._do(name, self, other)

    def backward(self, other):
        return self._do(name, other, self)

    return forward, backward


def _unary(name):
    return lambda self, *args: self._do(name, self, *args)


for _name in (*COMPARISONS, *ARITHMETIC):
    forward, backward = _binary(_name)
    setattr(Proxy, f"__{_name}__", forward)
    if _name in ARITHMETIC:
        setattr(Proxy, f"__r{_name}__", backward)
for _name in UNARY:
    setattr(Proxy, f"__{_name}__", _unary(_name))
# NumPy and others ask for these by name and go on otherwise without them: a class of its own for each kind of object.
PROTOCOLS = {name: _unary(name) for name in ("len", "iter", "next", "float", "int", "complex", "index")}


def of_kind(base, type_name, protocols):
    """A class of proxies, named as the submission's own, with the protocols that the cell permits."""
    extra = {f"__{name}__": PROTOCOLS[name] for name in sorted(protocols & PROTOCOLS.keys())}
    return type(type_name if type_name.isidentifier() else "object", (base,), extra)


class Globals:
    """The global variables of the submission's process, as a check's stand-ins use them."""

    def __init__(self, link):
        self._link = link

    def __contains__(self, name):
        return bool(self._link.ask("get", name))

    def __getitem__(self, name):
        return self._link.get(name)

    def __delitem__(self, name):
        self._link.ask("unbind", name)

    def update(self, values):
        for name, value in values.items():
            self._link.ask("bind", name, self._link.encode(value))


def raised(name, message, frames, scope):
    """The exception a submission raised, of a class that is known here, with where in the submission it came from."""
    known = getattr(builtins, name, None) or scope.get(name)
    if not (isinstance(known, type) and issubclass(known, Exception)) or known is StopIteration:
        known = type(name if name.isidentifier() else "Exception", (SubmissionError,), {})
    try:
        error = known(message)
    except Exception:  # a class that wants other arguments, as UnicodeDecodeError does
        error = SubmissionError(f"{name}: {message}")
    error.remote_frames = [traceback.FrameSummary(f, n, where, line=line) for f, n, where, line in frames]
    return error


def carry(old, new):
    """Make old, an argument, what the submission made of it. Raises WireError where that cannot be."""
    if type(old) is not type(new):
        raise wire.WireError("an argument changed its type")
    if isinstance(old, np.ndarray):
        if old.shape != new.shape or old.dtype != new.dtype:
            raise wire.WireError("an argument changed its shape")
        old[...] = new
    elif isinstance(old, list | bytearray):
        old[:] = new
    elif isinstance(old, dict | set):
        old.clear()
        old.update(new)
    elif hasattr(old, "__dict__"):
        old.__dict__.update(new.__dict__)


def advance(old, new):
    """Let a Generator go on where the submission left it, if it can have come there by drawing from it."""
    state, inc, _, _ = wire.pcg64_state(old)
    there, other_inc, _, _ = wire.pcg64_state(new)
    if inc == other_inc and wire.steps(state, there, inc) < 2**32:
        old.bit_generator.state = new.bit_generator.state


def say(text):
    """Hand on what a call printed where the test reads it; a check's own page stays free of it."""
    if text and isinstance(sys.stdout, io.StringIO):
        print(text, end="")
