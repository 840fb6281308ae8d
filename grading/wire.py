"""The wire between the trusted process and a submission's: values as closed tags in msgpack, no pickle, bounded.

A frame is four bytes of length and that many bytes of msgpack, which hold only None, bools, numbers, texts, bytes and
lists. A list stands for a value by its first item, a tag. What is not a plain value (a function, an object of the
student's own class) is left to the two ends: a `Codec` asks `other` how to send it and `find` what a reference means.
"""

import collections
import fractions
import math
import re
import select
import socket
import struct
import time

import msgpack
import numpy as np

MOST_BYTES = 256 << 20  # of one frame
MOST_VALUES = 4_000_000  # in one frame
DEEPEST = 400  # msgpack itself goes to 511
DTYPE = re.compile(r"[<>|=][biufcSU]\d{1,6}")
LONG = 4096  # bytes of the largest integer


class WireError(Exception):
    """The other end does not keep to the wire's rules."""


class Closed(WireError):
    """The other end is gone."""


class Late(WireError):
    """The other end did not answer in time."""


class Channel:
    """Frames over a socket."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.setblocking(False)

    def send(self, message, seconds=60.0):
        """Send one message. Raises Closed or Late."""
        data = msgpack.packb(message, use_bin_type=True)
        if len(data) > MOST_BYTES:
            raise WireError(f"a value of {len(data) >> 20} MiB is too large; {MOST_BYTES >> 20} MiB are allowed")
        view, end = memoryview(struct.pack(">I", len(data)) + data), time.monotonic() + seconds
        while view:
            try:
                view = view[self.sock.send(view) :]
            except BlockingIOError:
                self._wait(select.POLLOUT, end, None)
            except OSError:
                raise Closed("the other end is gone") from None

    def receive(self, seconds=None, watch=None):
        """The next message.

        seconds : how long to wait for the whole of it; None for ever
        watch : called a few times a second while nothing comes; what it raises ends the wait
        Raises Closed, Late or WireError.
        """
        end = None if seconds is None else time.monotonic() + seconds
        (length,) = struct.unpack(">I", self._exactly(4, end, watch))
        if length > MOST_BYTES:
            raise WireError(f"a frame of {length >> 20} MiB is too large")
        data = self._exactly(length, end, watch)
        try:
            return msgpack.unpackb(data, raw=False, use_list=True, strict_map_key=True)
        except Exception as error:
            raise WireError(f"not a message: {type(error).__name__}") from None

    def _exactly(self, count, end, watch):
        parts = bytearray()
        while len(parts) < count:
            try:
                part = self.sock.recv(min(count - len(parts), 1 << 20))
            except BlockingIOError:
                self._wait(select.POLLIN, end, watch)
                continue
            except OSError:
                part = b""
            if not part:
                raise Closed("the other end is gone")
            parts += part
        return bytes(parts)

    def _wait(self, event, end, watch):
        poll = select.poll()
        poll.register(self.sock, event)
        while True:
            left = math.inf if end is None else end - time.monotonic()
            if left <= 0:
                raise Late("no answer in time")
            if poll.poll(1000 * min(left, 0.2)):
                return
            if watch:
                watch()

    def close(self):
        self.sock.close()


def pair():
    """Two connected sockets."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)


# How each plain type is sent: tag -> (type, its parts as a list of values, the value of those parts).
PLAIN = {
    "list": (list, list, list),
    "tuple": (tuple, list, tuple),
    "set": (set, list, set),
    "frozenset": (frozenset, list, frozenset),
    "dict": (dict, lambda d: [x for pair in d.items() for x in pair], lambda x: dict(pairs(x))),
    "ordered": (
        collections.OrderedDict,
        lambda d: [x for pair in d.items() for x in pair],
        lambda x: collections.OrderedDict(pairs(x)),
    ),
    "counter": (
        collections.Counter,
        lambda d: [x for pair in d.items() for x in pair],
        lambda x: collections.Counter(dict(pairs(x))),
    ),
    "defaultdict": (
        collections.defaultdict,
        lambda d: [x for pair in d.items() for x in pair],
        lambda x: collections.defaultdict(None, pairs(x)),
    ),
    "deque": (collections.deque, lambda d: [d.maxlen, *d], lambda x: collections.deque(x[1:], x[0])),
    "slice": (slice, lambda s: [s.start, s.stop, s.step], lambda x: slice(*x)),
    "range": (range, lambda r: [r.start, r.stop, r.step], lambda x: range(*map(whole, x))),
    "complex": (complex, lambda c: [c.real, c.imag], lambda x: complex(*map(real, x))),
    "bytearray": (bytearray, lambda b: [bytes(b)], lambda x: bytearray(b"".join(x))),
    "fraction": (
        fractions.Fraction,
        lambda f: [f.numerator, f.denominator],
        lambda x: fractions.Fraction(*map(whole, x)),
    ),
    "ellipsis": (type(...), lambda _: [], lambda _: ...),
}
ATOMS = {type(None), bool, float, str, bytes}
TAG = {kind: tag for tag, (kind, _, _) in PLAIN.items()}
BASES = (bool, int, float, str, bytes, list, tuple, set, frozenset, dict)  # a subclass travels as what it extends


def pairs(items):
    """[k, v, k, v, …] as [(k, v), …]."""
    return list(zip(items[::2], items[1::2], strict=True))


def whole(value):
    """value, where it is an int. Raises WireError."""
    if type(value) is not int:
        raise WireError("an integer was expected")
    return value


def real(value):
    """value, where it is a float. Raises WireError."""
    if type(value) is not float:
        raise WireError("a float was expected")
    return value


class Codec:
    """Values to messages and back.

    other(value) : how a value that is none of the plain ones is sent, as a list beginning with a tag of its own
    find(tag, parts) : the value such a list stands for
    """

    def __init__(self, other, find):
        self.other, self.find = other, find

    def encode(self, value, depth=0):
        """value as a message. Raises WireError where it is too deep."""
        kind = type(value)
        if kind in ATOMS:
            return value
        if kind is int:
            return value if -(2**63) <= value < 2**63 else ["int", integer_bytes(value)]
        if depth > DEEPEST:
            raise WireError(f"a value nested deeper than {DEEPEST} levels")
        if kind in TAG:
            return [TAG[kind], *[self.encode(v, depth + 1) for v in PLAIN[TAG[kind]][1](value)]]
        if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biufcSU" and not value.dtype.metadata:
            plain = np.ascontiguousarray(value.view(np.ndarray) if isinstance(value, np.ndarray) else value)
            tag = "array" if isinstance(value, np.ndarray) else "number"
            return [tag, plain.dtype.str, *value.shape, plain.tobytes()]
        if isinstance(value, np.random.Generator) and type(value.bit_generator) is np.random.PCG64:
            return ["pcg64", *map(integer_bytes, pcg64_state(value))]
        return self.other(value, depth)

    def decode(self, message):
        """The value of a message. Raises WireError where it is none."""
        self.left = MOST_VALUES
        return self._decode(message, 0)

    def _decode(self, message, depth):
        self.left -= 1
        if self.left < 0:
            raise WireError("too many values in one message")
        if type(message) is not list:
            if type(message) in ATOMS or type(message) is int:
                return message
            raise WireError(f"a {type(message).__name__} has no place on the wire")
        if not message or type(message[0]) is not str or depth > DEEPEST:
            raise WireError("a value without a tag, or one nested too deep")
        tag, *parts = message
        try:
            if tag in PLAIN:
                return PLAIN[tag][2]([self._decode(part, depth + 1) for part in parts])
            if tag == "int":
                return integer(parts[0])
            if tag in ("array", "number"):
                return array(tag, *parts)
            if tag == "pcg64":
                return generator(*map(integer, parts))
            return self.find(tag, parts, lambda part: self._decode(part, depth + 1))
        except WireError:
            raise
        except (TypeError, ValueError, IndexError, KeyError, OverflowError, ZeroDivisionError, AttributeError) as error:
            raise WireError(f"a malformed {tag[:20]}: {type(error).__name__}") from None


def integer_bytes(value):
    """An int of any size as bytes, least first. Raises WireError where it is larger than a student will need."""
    if value.bit_length() > 8 * LONG:
        raise WireError(f"an integer of more than {8 * LONG} bits")
    return value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)


def integer(data):
    """integer_bytes, undone."""
    if type(data) is not bytes or len(data) > LONG + 1:
        raise WireError("not an integer")
    return int.from_bytes(data, "little", signed=True)


def array(tag, dtype, *rest):
    """An array, or one of its numbers, of its dtype, shape and bytes; dtypes are of numbers and texts alone."""
    *shape, data = rest
    if type(dtype) is not str or not DTYPE.fullmatch(dtype) or type(data) is not bytes:
        raise WireError("not an array")
    dtype = np.dtype(dtype)
    if len(shape) > 32 or any(type(n) is not int or n < 0 for n in shape):
        raise WireError("not an array's shape")
    if math.prod(shape) * dtype.itemsize != len(data):
        raise WireError("an array whose bytes do not fit its shape")
    values = np.frombuffer(data, dtype).reshape(shape).copy() if data else np.empty(shape, dtype)
    return values[()] if tag == "number" else values


def pcg64_state(generator):
    """The four integers that make up a numpy Generator."""
    state = generator.bit_generator.state
    return state["state"]["state"], state["state"]["inc"], state["has_uint32"], state["uinteger"]


def generator(state, inc, has_uint32, uinteger):
    """A numpy Generator of the four integers of pcg64_state."""
    bits = np.random.PCG64()
    bits.state = {
        "bit_generator": "PCG64",
        "state": {"state": state, "inc": inc},
        "has_uint32": has_uint32,
        "uinteger": uinteger,
    }
    return np.random.Generator(bits)


def steps(old, new, inc):
    """How many steps of PCG64's generator lead from one state to another, 0 to 2¹²⁸ - 1.

    Source: the distance of a linear congruential generator, found bit by bit (M. E. O'Neill, PCG, 2014, section 4.3.1).
    """
    mask, factor, plus = (1 << 128) - 1, 0x2360ED051FC65DA44385DF649FCCF645, inc
    bit, distance = 1, 0
    while old != new:
        if (old ^ new) & bit:
            old = (old * factor + plus) & mask
            distance |= bit
        plus = (factor + 1) * plus & mask
        factor = factor * factor & mask
        bit = bit << 1 & mask
        if not bit:
            return distance
    return distance
