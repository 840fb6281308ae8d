"""The wire: what goes over it comes back the same, and no bytes whatever do more than raise WireError."""

import collections
import contextlib
import fractions
import threading

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading import wire


def refuse(*_):
    raise wire.WireError("not here")


CODEC = wire.Codec(refuse, refuse)
NUMBERS = st.integers(-(2**200), 2**200) | st.floats(allow_nan=False) | st.booleans() | st.none()
SIMPLE = NUMBERS | st.text() | st.binary() | st.complex_numbers(allow_nan=False) | st.fractions()
VALUES = st.recursive(
    SIMPLE,
    lambda v: (
        st.lists(v) | st.tuples(v, v) | st.dictionaries(st.text(), v) | st.sets(NUMBERS) | st.frozensets(st.text())
    ),
)


def around(value):
    return CODEC.decode(msgpack.unpackb(msgpack.packb(CODEC.encode(value)), raw=False))


@given(VALUES)
def test_plain_values_come_back(value):
    back = around(value)
    assert back == value and type(back) is type(value)


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", ">f8", "i1", "u8", "?", "c8", "S3", "U4"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4), (2, 3)])
def test_arrays_come_back(dtype, shape):
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    back = around(array)
    assert back.dtype == array.dtype and back.shape == shape and np.array_equal(back, array)
    array[...] = back  # the copy and the original are apart, and both can be written
    assert back.flags.writeable


def test_other_types_come_back():
    values = [np.float32(1.5), range(2, 9, 3), slice(None, 4), ..., bytearray(b"ab"), fractions.Fraction(1, 3)]
    values += [collections.OrderedDict(a=1), collections.Counter("aab"), collections.deque([1, 2], 5)]
    for value in values:
        back = around(value)
        assert back == value and type(back) is type(value)
    rng = np.random.default_rng(3)
    rng.integers(10, size=7, dtype=np.uint32)
    assert np.array_equal(around(rng).random(5), rng.random(5))


RAW = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=40),
    lambda v: (
        st.lists(v, max_size=6)
        | st.tuples(st.sampled_from([*wire.PLAIN, "int", "array", "number", "pcg64", "handle"]), v, v).map(list)
        | st.tuples(
            st.sampled_from(["array", "number"]), st.sampled_from(["<f8", "|O", "<M8[s]", "<U2", "|V8"]), v, v
        ).map(list)
    ),
    max_leaves=30,
)


@settings(max_examples=400)
@given(RAW)
def test_no_message_does_more_than_raise_wire_error(message):
    with contextlib.suppress(wire.WireError):
        CODEC.decode(message)


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_raise(data):
    near, far = wire.pair()
    channel = wire.Channel(near)
    far.sendall(len(data).to_bytes(4, "big") + data)
    far.close()
    try:
        message = channel.receive(1)
        CODEC.decode(message)
    except wire.WireError:
        pass
    finally:
        channel.close()


@pytest.mark.parametrize(
    "message",
    [
        ["array", "|O", 1, b"12345678"],
        ["array", "<M8[s]", 1, b"12345678"],
        ["array", "<f8", 2, b"12345678"],
        ["array", "<f8", -1, b""],
        ["array", "<f8", 10**12, b""],
        ["array", "<f8", "3", b""],
        ["set", ["list"]],
        ["dict", 1],
        ["range", 1.5, 2, 3],
        ["fraction", 1, 0],
        ["int", b"x" * 10_000],
        ["bytearray", 10**12],
        ["pcg64", b""],
        [],
        [1, 2],
        {"a": 1},
        ["nonsense", 1],
    ],
)
def test_malformed_values_are_refused(message):
    with pytest.raises(wire.WireError):
        CODEC.decode(message)


def test_limits():
    deep = []
    for _ in range(wire.DEEPEST + 2):
        deep = [deep]
    with pytest.raises(wire.WireError, match="deeper"):
        CODEC.encode(deep)
    with pytest.raises(wire.WireError, match="bits"):
        CODEC.encode(1 << 100_000)
    near, far = wire.pair()
    far.sendall((2**32 - 1).to_bytes(4, "big"))
    with pytest.raises(wire.WireError, match="too large"):
        wire.Channel(near).receive(1)
    near.close(), far.close()


def test_silence_and_a_closed_end_are_told():
    near, far = wire.pair()
    channel = wire.Channel(near)
    with pytest.raises(wire.Late):
        channel.receive(0.05)
    with pytest.raises(wire.Late):  # nobody reads over there
        channel.send("x" * 10_000_000, 0.05)
    far.close()
    with pytest.raises(wire.Closed):
        channel.receive(1)
    near.close()


def test_large_messages_pass_in_pieces():
    near, far = wire.pair()
    here, there = wire.Channel(near), wire.Channel(far)
    data = b"\1" * 5_000_000
    sender = threading.Thread(target=here.send, args=(data,))
    sender.start()
    assert there.receive(10) == data
    sender.join()
    here.close(), there.close()


@given(st.integers(0, 2**32), st.integers(0, 5000))
def test_steps_counts_draws(seed, draws):
    rng = np.random.default_rng(seed)
    before, inc, *_ = wire.pcg64_state(rng)
    rng.bit_generator.random_raw(draws)
    assert wire.steps(before, wire.pcg64_state(rng)[0], inc) == draws
