"""What ties a Linux process to its machine, and how to cut it: descriptors, limits, capabilities, namespaces."""

import contextlib
import os
import signal
import struct
from pathlib import Path

from grading.syscalls import call

with contextlib.suppress(ImportError):
    import resource  # not on Windows

NAMESPACES = {"uts": 0x04000000, "ipc": 0x08000000, "net": 0x40000000}
USER_NAMESPACE = 0x10000000


def close_descriptors(keep):
    """Close every descriptor but those of keep; 0, 1 and 2 become /dev/null. Raises ValueError, OSError."""
    if min(keep, default=3) < 3:
        raise ValueError("descriptors 0, 1 and 2 cannot be kept")
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    first = 3
    for kept in [*sorted(set(keep)), 1 << 32]:
        if kept > first:
            call(436, first, kept - 1, 0)  # close_range: not every build of Python's os.closerange makes use of it
        first = kept + 1


def limit(memory, file_size, cpu_seconds):
    """Limit, for good, the bytes to map beyond those mapped, the bytes of a file, seconds (or None), and more."""
    with open("/proc/self/statm") as file:
        present = int(file.read().split()[0]) * resource.getpagesize()
    limits = {"AS": present + memory, "FSIZE": file_size, "NOFILE": 256, "MEMLOCK": 0, "MSGQUEUE": 0, "SIGPENDING": 256}
    limits |= {"NICE": 0, "RTPRIO": 0, "CORE": 1}  # 0 would still start the program that core_pattern may name
    for name, value in limits.items():
        number = getattr(resource, f"RLIMIT_{name}")
        most = resource.getrlimit(number)[1]
        value = int(value) if most == resource.RLIM_INFINITY else min(int(value), most)
        resource.setrlimit(number, (value, value))
    if cpu_seconds is not None:
        seconds = max(1, int(cpu_seconds))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))


def drop_capabilities():
    """Give up every capability, as root or in a user namespace, for good; the user stays the same. Raises OSError."""
    with contextlib.suppress(OSError):  # past the last one, or at the first without the right to
        for number in range(64):
            call("prctl", 24, number, 0, 0, 0)  # PR_CAPBSET_DROP
    with contextlib.suppress(OSError):
        call("prctl", 47, 4, 0, 0, 0)  # PR_CAP_AMBIENT, all
    call("capset", struct.pack("=Ii", 0x20080522, 0), bytes(24))
    call("prctl", 38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS, which Landlock and seccomp ask for


def separate(parent):
    """Leave the terminal and the process group; die with the parent, at once where that is not `parent` any more."""
    with contextlib.suppress(PermissionError):  # leads a group already
        os.setsid()
    call("prctl", 1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    if parent is not None and os.getppid() != parent:
        os._exit(1)


def namespaces(network=False):
    """Take this process, which must have one thread, and its children to namespaces of their own, where that works.

    They have no network (unless `network`) and no shared memory with others; files, users and groups stay as they are.
    Returns whether it worked.
    """
    flags = sum(flag for name, flag in NAMESPACES.items() if not (network and name == "net"))
    if os.geteuid() != 0:  # root in a user namespace would lose the files of others
        flags |= USER_NAMESPACE
    try:
        return attempt(lambda: enter(flags)) and enter(flags)
    except OSError:  # only this process has threads
        return False


def enter(flags):
    """Leave for new namespaces, the user and the group keeping their numbers; True. Raises OSError."""
    user, group = os.geteuid(), os.getegid()
    call("unshare", flags)
    if flags & USER_NAMESPACE:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            Path("/proc/self", name).write_text(text)
    return True


def attempt(action):
    """Whether action() returns True in a child of this process."""
    if (child := os.fork()) == 0:
        with contextlib.suppress(BaseException):
            os._exit(0 if action() is True else 1)
        os._exit(1)
    return os.waitpid(child, 0)[1] == 0
