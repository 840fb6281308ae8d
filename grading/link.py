"""The trusted process's hold on a submission's process: it starts it, asks it, and replaces it when it dies."""

import collections
import contextlib
import ctypes
import functools
import random
import signal
import time

import numpy as np

from grading import proxy, sandbox
from grading.shared import Objects, Shared
from grading.template import ask
from grading.wire import Channel, Closed, Codec, Late, WireError, pair

GRACE = 1.0  # seconds a submission has to end after it was told to
DEEPEST_CALL = 40  # calls back and forth inside one another
MOST_CALLBACKS = 1_000_000


SENTENCES = {
    "crash": "the submission's process ended: it left Python, or used more memory than it may",
    "time": "the submission's code did not stop when its time was over",
    "disk": "the submission wrote more to disk than it may",
    "threads": "the submission started more threads than it may",
    "wire": "the submission's process sent what no answer looks like",
}


class ProcessEnded(Exception):
    """The submission's process ended; why is a key of SENTENCES."""

    def __init__(self, why):
        super().__init__(SENTENCES[why])
        self.why = why


class TooLong(TimeoutError):
    """A request took longer than it may; reply is what came when the submission was told to stop, or None."""

    def __init__(self, seconds, reply):
        super().__init__(f"still running after {seconds:g} seconds")
        self.reply = reply


class Link:
    """One submission's process, made when first needed.

    request : what grading.student.main takes, with "timeout" in seconds and "disk" in bytes
    control : the socket of the template that makes submissions' processes
    permitted : operators that the present cell may use on the submission's objects; None permits all, noted in `used`
    """

    def __init__(self, request, control, scope):
        self.request, self.control, self.scope = request, control, scope
        self.shared, self.child, self.channel = Shared(request["shared"]), None, None
        self.permitted, self.used, self.in_place = frozenset(), set(), set(request["in_place"])
        self.after = None  # called after every operator
        self.history, self.why, self.number, self.depth = [], None, 0, 0
        self.codec, self.random = Codec(self.send, self.take), generators()
        self.proxies, self.callbacks, self.granted = {}, [], {}

    def permits(self, name, operands=()):
        """Whether the present cell may use an operator on a submission's objects; with a plain value it is another."""
        if not all(isinstance(operand, proxy.Proxy) for operand in operands):
            name = f"{name} plain"
        if self.permitted is None:
            self.used.add(name)
            return True
        return name in self.permitted

    # What travels that is not a plain value.

    def encode(self, value):
        self.objects = Objects(self.shared, self.codec)
        return self.codec.encode(value)

    def decode(self, message):
        self.objects = Objects(self.shared, self.codec)
        return self.codec.decode(message)

    def send(self, value, depth):
        if isinstance(value, proxy.Proxy):
            if vars(value)["_process"] is not self.child:
                raise ProcessEnded("crash")
            return ["handle", vars(value)["_number"]]
        if (reference := self.shared.name(value)) is not None:
            return reference
        if (found := self.objects.send(value, depth)) is not None:
            return found
        for base in (int, float, str, list, dict, tuple, set):
            if isinstance(value, base):
                return self.codec.encode(base(value), depth + 1)
        if not callable(value):
            raise TypeError(f"a {type(value).__name__} cannot be handed to a submission's function")
        if id(value) not in self.granted:
            self.granted[id(value)] = len(self.callbacks)
            self.callbacks.append(value)
        return ["callback", self.granted[id(value)], getattr(value, "__name__", "function")]

    def take(self, tag, parts, decode):
        if tag == "handle":
            number, kind, can_call, type_name, name = parts
            texts = kind in ("function", "class", "object") and type(type_name) is type(name) is str
            if not (texts and type(number) is int and type(can_call) is bool):
                raise WireError("not a handle")
            key = (number, kind, can_call, type_name[:60])
            if key not in self.proxies:
                base = proxy.Callable if can_call else proxy.Proxy
                offered = proxy.PROTOCOLS.keys() if self.permitted is None else self.permitted
                made = proxy.of_kind(base, type_name[:60], set(offered) if kind == "object" else set())
                self.proxies[key] = made(self, self.child, number, kind, type_name[:60], name[:60])
            return self.proxies[key]
        if tag == "callback":
            return self.callbacks[parts[0]]
        if tag == "named":
            return named_tuple(parts, decode)
        if tag == "global":
            found = self.shared.get(*parts)
            if found is None:
                raise WireError("not a shared name")
            return found
        return self.objects.take(tag, parts, decode)

    # Asking.

    def start(self):
        """A process, brought to where the last one was: the cells that ended well are run again."""
        self.stop()
        mine, theirs = pair()
        told = {key: self.request[key] for key in ("folder", "sandbox", "readable", "memory", "file_size", "shared")}
        self.child = ask(self.control, told, [theirs.fileno()])
        theirs.close()
        self.channel, self.why, self.number = Channel(mine), None, 0
        self.proxies, self.callbacks, self.granted = {}, [], {}
        for source, locked in self.history:
            with contextlib.suppress(ProcessEnded, TooLong):
                self.ask("cell", source, locked, seconds=self.request["timeout"])
            if self.why:
                return

    def ready(self):
        """See that there is a process; called between cells."""
        if self.child is None or self.why:
            self.start()

    def stop(self):
        """End the process."""
        if self.child is not None:
            self.child.close()
            self.channel.close()
            self.child = None

    def lost(self, why):
        """Give the process up until the next cell."""
        self.why = self.why or why
        self.child.kill()
        return ProcessEnded(self.why)

    def watch(self):
        """End a process that takes more than it may."""
        why = sandbox.watch(self.child.number, self.request["folder"], disk=self.request["disk"])
        if why:
            raise self.lost(why)

    def ask(self, what, *parts, seconds=None):
        """Send a request and wait for its reply; calls back are served meanwhile.

        Raises ProcessEnded, TooLong, or what was raised there.
        """
        if self.why:
            raise ProcessEnded(self.why)
        if self.depth > DEEPEST_CALL:
            raise RecursionError("the submission's functions and the test's call one another too deep")
        self.depth += 1
        try:
            self.number += 1
            return self.wait(self.number, [self.number, what, *parts], seconds)
        finally:
            self.depth -= 1

    def wait(self, number, message, seconds):
        end, whole = None if seconds is None else time.monotonic() + seconds, False
        try:
            self.channel.send(message)
            for _ in range(MOST_CALLBACKS):
                left = None if end is None else max(end - time.monotonic(), 0.01)
                reply = self.channel.receive(left, self.watch)
                if type(reply) is not list or reply[:1] != ["callback"]:
                    break
                self.serve(reply)
            whole = True
            return self.taken(reply, number)
        except Closed:
            raise self.lost("crash") from None
        except Late:
            raise TooLong(seconds, self.interrupt(number)) from None
        except WireError:
            raise self.lost("wire") from None
        except BaseException:  # a test's own alarm, or the end of the cell's time: the submission is still at it
            if not whole and not self.why:
                self.interrupt(number)
            raise

    def taken(self, reply, number):
        """The value of a reply. Raises what was raised over there."""
        match reply:
            case ["reply", n, "value", value] if n == number:
                return value
            case ["reply", n, "raised", str(name), str(message), list(frames)] if n == number:
                rows = [f for f in frames if list(map(type, f)) == [str, int, str, str]]
                raise proxy.raised(name, message, rows, self.scope)
        raise WireError("not a reply")

    def interrupt(self, number):
        """Stop what the submission does, and take its reply; a process that does not stop is given up."""
        self.child.signal(signal.SIGINT)
        end = time.monotonic() + GRACE
        try:
            while time.monotonic() < end:
                reply = self.channel.receive(end - time.monotonic(), self.watch)
                if reply[:2] == ["reply", number]:
                    return reply
                if reply[:1] == ["callback"]:
                    self.channel.send(["answer", "raised", "KeyboardInterrupt", ""])
        except BaseException:
            self.lost("time")
            return None
        self.lost("time")
        return None

    def serve(self, call):
        """Answer a call of one of the test's own functions. What it raises goes to the submission."""
        match call:
            case ["callback", int(number), args, kwargs] if 0 <= number < len(self.callbacks):
                function, values, named = self.callbacks[number], self.decode(args), self.decode(kwargs)
            case _:
                raise WireError("not a call of a function that was handed over")
        try:
            answer = ["value", self.encode(function(*values, **named))]
        except ProcessEnded:
            raise
        except Exception as error:
            answer = ["raised", type(error).__name__, str(error)[:2000]]
        self.channel.send(["answer", *answer])

    def get(self, name):
        """A global variable of the submission. Raises KeyError."""
        match self.ask("get", name):
            case [message]:
                return called(self.decoded(message), name)
        raise KeyError(name)

    def decoded(self, message):
        """decode, after which a submission that sent nonsense is given up."""
        try:
            return self.decode(message)
        except WireError:
            raise self.lost("wire") from None

    def operate(self, name, args, kwargs, seconds=None, carry=False):
        """Apply an operator over there: a call, a comparison, an attribute. Returns the value and what was printed."""
        parts = self.encode(args), self.encode(kwargs), self.random_state()
        try:
            reply = self.ask("operate", name, *parts, seconds=seconds)
        except proxy.SubmissionError as error:
            if name == "next" and type(error).__name__ == "StopIteration":
                raise StopIteration from None
            raise
        match reply:
            case [value, str(printed), list(changed)]:
                self.take_over(args, changed, carry)
                if self.after:
                    self.after()
                return self.decoded(value), printed
        raise self.lost("wire")

    def take_over(self, args, changed, carry):
        """Arguments the submission changed: a Generator goes on, others only where the call is meant to be in place."""
        name = vars(args[0]).get("_called", "") if args and isinstance(args[0], proxy.Proxy) else ""
        for change in changed:
            match change:
                case [int(position), message] if 0 < position < len(args):
                    new, old = self.decoded(message), args[position]
                case _:
                    raise self.lost("wire")
            if isinstance(old, np.random.Generator) and isinstance(new, np.random.Generator):
                proxy.advance(old, new)
            elif self.permitted is None:
                self.in_place.add(name)
            if carry or name in self.in_place:
                proxy.carry(old, new)

    def notice_seeds(self):
        """From now on, know of every seed a test gives the global generators, also of the one they had before."""
        for number, module, *names in ((0, np.random, "seed", "set_state"), (1, random, "seed", "setstate")):
            for name in names:
                setattr(module, name, self.noticed(number, getattr(module, name)))

    def noticed(self, number, seed):
        @functools.wraps(seed)
        def seeded(*args, **kwargs):
            self.random[number] = None
            return seed(*args, **kwargs)

        return seeded

    def random_state(self):
        """numpy's and Python's global generators, where a test seeded them or drew from them since the last call."""
        before, self.random = self.random, generators()
        if before == self.random:
            return None
        states = np.random.get_state(), random.getstate()  # noqa: NPY002
        pairs = zip(states, self.random, before, strict=True)
        return self.encode([None if now == then else state for state, now, then in pairs])


def called(value, name):
    """value, which the test has under a name; whether it works in place hangs on that."""
    if isinstance(value, proxy.Proxy):
        vars(value)["_called"] = name
    return value


def generators():
    """What differs when numpy's or Python's global generator does: a list of two."""
    bits = np.random.get_bit_generator()
    if not isinstance(bits, np.random.MT19937):
        return [str(bits.state), random.getstate()]
    return [ctypes.string_at(bits.ctypes.state_address, 4 * 625), random.getstate()]  # get_state takes 0.1 ms


def named_tuple(parts, decode):
    """A named tuple of a class that only the submission knows."""
    name, fields, *values = parts
    if len(fields) > 100 or len(fields) != len(values):
        raise WireError("not a named tuple")
    return collections.namedtuple(name, fields)(*(decode(v) for v in values))
