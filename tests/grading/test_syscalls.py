"""The filter's decisions, for both machines: its instructions are run here as the kernel runs them."""

import errno
import re
import struct
from pathlib import Path

import pytest

from grading import syscalls

PID = 4711
COLUMNS = {name: column for name, (column, _, _) in syscalls.MACHINES.items()}
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}
EVERY = ["REFUSED", "NETWORK", "TRUNCATE", "UNKNOWN", "PRETENDED", "TESTED"]


@pytest.fixture(params=COLUMNS)
def machine(request, monkeypatch):
    """Each machine in turn, in place of this one."""
    monkeypatch.setattr(syscalls, "machine", lambda: request.param)
    syscalls.fixed.cache_clear()
    yield request.param
    syscalls.fixed.cache_clear()


def decide(program, audit, number, *arguments):
    """What the kernel does with a call: "allow", "kill", or an error's number."""
    data = struct.pack("=IIQ6Q", number, audit, 0, *(value % 2**64 for value in (*arguments, *[0] * 6)[:6]))
    code, at, word = list(struct.iter_unpack("HBBI", program)), 0, None
    while True:
        operation, then, otherwise, value = code[at]
        at += 1
        if operation == syscalls.LOAD:
            word = struct.unpack_from("=I", data, value)[0]
        elif operation == syscalls.AND:
            word &= value
        elif operation == syscalls.RETURN:
            return {syscalls.ALLOW: "allow", syscalls.KILL: "kill"}.get(value, value & 0xFFFF)
        else:
            holds = word == value if operation == syscalls.EQUAL else word > value
            at += then if holds else otherwise


def ask(machine, name, *arguments, **options):
    column, audit, _ = syscalls.MACHINES[machine]
    table = {}
    for calls in EVERY:
        table |= syscalls.numbers(getattr(syscalls, calls), column)
    return decide(syscalls.program(PID, **options), audit, table[name], *arguments)


def test_calls_by_number(machine):
    column, audit, _ = syscalls.MACHINES[machine]
    program = syscalls.program(PID)
    expected = {"REFUSED": errno.EPERM, "NETWORK": errno.EPERM, "UNKNOWN": errno.ENOSYS, "PRETENDED": 0}
    named = set()
    for calls, value in expected.items():
        for name, number in syscalls.numbers(getattr(syscalls, calls), column).items():
            named.add(number)
            assert decide(program, audit, number, *[1] * 6) == value, name
    named |= set(syscalls.numbers(syscalls.TESTED, column).values())
    assert all(decide(program, audit, n) == "allow" for n in range(syscalls.LAST + 1) if n not in named)
    assert decide(program, audit, syscalls.LAST + 1) == decide(program, audit, 0x3FFFFFFF) == errno.ENOSYS


def test_other_interfaces_end_the_process(machine):
    program = syscalls.program(PID)
    assert decide(program, 0x40000003, 11) == "kill"  # i386's
    if machine == "x86_64":
        assert decide(program, syscalls.MACHINES[machine][1], 0x40000000 + 59) == "kill"  # x32's


@pytest.mark.parametrize(
    ("name", "allowed", "refused"),
    [
        ("clone", [0x003D0F00], [17, 0x01200011, 0x00010000 | 0x10000000, 0x00010000 | 0x40000000]),
        ("kill", [PID], [0, 1, -1, -PID, PID + 1]),
        ("tgkill", [PID], [0, 1, -1]),
        ("rt_sigqueueinfo", [PID], [0, 1]),
        ("rt_tgsigqueueinfo", [PID], [0, 1]),
        ("prlimit64", [0, PID], [1, PID + 1]),
        ("sched_setaffinity", [0, PID], [1, PID + 1]),
        ("prctl", [15, 22, 38, 0x53564D41], [1, 4, 0x59616D61]),
    ],
)
def test_calls_by_first_argument(machine, name, allowed, refused):
    assert [ask(machine, name, value) for value in allowed] == ["allow"] * len(allowed)
    assert [ask(machine, name, value) for value in refused] == [errno.EPERM] * len(refused)


def test_calls_by_other_arguments(machine):
    for allowed, name, *arguments in [
        (True, "fcntl", 5, 4),
        (True, "fcntl", 5, 1030),
        *((False, "fcntl", 5, command) for command in (8, 10, 15, 1024, 1026, 1031)),
        (True, "ioctl", 5, 0x5401),
        *((False, "ioctl", 5, command) for command in (0x5412, 0x541C, 0x8901, 0x8902, 0x5412 + 2**32)),
        (True, "socketpair", 1, 1),
        (True, "socketpair", 1, 0o2004001),
        (False, "socketpair", 1, 2),
        (False, "socketpair", 1, 0o2000005),
        (False, "socketpair", 2, 1),
        (True, "sendto", 5, 1, 1, 0, 0, 0),
        (False, "sendto", 5, 1, 1, 0, 0x7F00, 16),
        (False, "sendto", 5, 1, 1, 0, 0x100000000, 16),
        (True, "openat", -100, 1, 0o100),
        (True, "openat", -100, 1, 0o1101),
        (True, "openat", -100, 1, 0o1102),
        (False, "openat", -100, 1, 0o1000),
        (False, "openat", -100, 1, 0o1003),
    ]:
        assert ask(machine, name, *arguments) == ("allow" if allowed else errno.EPERM), (name, arguments)
    if machine == "x86_64":
        assert ask(machine, "open", 1, 0o1000) == errno.EPERM
        assert ask(machine, "open", 1, 0o1001) == "allow"


def test_options(machine):
    assert ask(machine, "truncate") == "allow"
    assert ask(machine, "truncate", truncate=False) == errno.EPERM
    assert ask(machine, "connect", network=True) == ask(machine, "sendmsg", network=True) == "allow"
    assert [ask(machine, "socket", family, network=True) for family in (2, 10)] == ["allow"] * 2
    assert [ask(machine, "socket", family, network=True) for family in (1, 16, 17, 38)] == [errno.EPERM] * 4


@pytest.mark.parametrize("machine", COLUMNS)
def test_numbers_are_the_kernels(machine):
    """Against the C library's headers, where they are installed."""
    if not HEADERS[machine].exists():
        pytest.skip("no kernel headers here")
    text = HEADERS[machine].read_text()
    kernels = {name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+) (\d+)", text)}
    for calls in EVERY:
        for name, number in syscalls.numbers(getattr(syscalls, calls), COLUMNS[machine]).items():
            assert kernels.get(name, number) == number, name
