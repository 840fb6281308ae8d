"""System calls: making one, and the filter that decides which a sandboxed process may make (seccomp).

Numbers stand beside each name: x86_64, then aarch64 ("-" where that machine has no such call).
"""

import ctypes
import errno
import functools
import os
import platform
import struct
import sys

REFUSED = """
fork 57 -, vfork 58 -, execve 59 221, execveat 322 281, uselib 134 -,
ptrace 101 117, process_vm_readv 310 270, process_vm_writev 311 271, process_madvise 440 440, process_mrelease 448 448,
kcmp 312 272, tkill 200 130, pidfd_open 434 434, pidfd_getfd 438 438, pidfd_send_signal 424 424, setpriority 141 140,
ioprio_set 251 30, sched_setscheduler 144 119, sched_setparam 142 118, sched_setattr 314 274,
unshare 272 97, setns 308 268, chroot 161 51, pivot_root 155 41, mount 165 40, umount2 166 39, open_tree 428 428,
move_mount 429 429, fsopen 430 430, fsconfig 431 431, fsmount 432 432, fspick 433 433, mount_setattr 442 442,
bpf 321 280, perf_event_open 298 241, userfaultfd 323 282, io_setup 206 0,
io_uring_setup 425 425, io_uring_enter 426 426, io_uring_register 427 427,
add_key 248 217, request_key 249 218, keyctl 250 219, memfd_create 319 279, memfd_secret 447 447,
shmget 29 194, shmat 30 196, shmctl 31 195, msgget 68 186, msgsnd 69 189, msgrcv 70 188, msgctl 71 187,
semget 64 190, semop 65 193, semtimedop 220 192, semctl 66 191, mq_open 240 180, mq_unlink 241 181,
mq_timedsend 242 182, mq_timedreceive 243 183, mq_notify 244 184, mq_getsetattr 245 185,
name_to_handle_at 303 264, open_by_handle_at 304 265, fanotify_init 300 262, fanotify_mark 301 263,
inotify_init 253 -, inotify_init1 294 26, inotify_add_watch 254 27, personality 135 92, modify_ldt 154 -,
iopl 172 -, ioperm 173 -, init_module 175 105, finit_module 313 273, delete_module 176 106, create_module 174 -,
kexec_load 246 104, kexec_file_load 320 294, reboot 169 142, swapon 167 224, swapoff 168 225, quotactl 179 60,
quotactl_fd 443 443, acct 163 89, syslog 103 116, lookup_dcookie 212 18, nfsservctl 180 42, vhangup 153 58,
_sysctl 156 -, settimeofday 164 170, clock_settime 227 112, clock_adjtime 305 266, adjtimex 159 171,
sethostname 170 161, setdomainname 171 162, migrate_pages 256 238, move_pages 279 239"""
NETWORK = """socket 41 198, connect 42 203, bind 49 200, listen 50 201, accept 43 202, accept4 288 242,
sendmsg 46 211, sendmmsg 307 269"""
TRUNCATE = "truncate 76 45"
UNKNOWN = "clone3 435 435, openat2 437 437"  # their flags lie in memory; the C library falls back on clone and openat
PRETENDED = """
chmod 90 -, fchmod 91 52, fchmodat 268 53, fchmodat2 452 452, chown 92 -, fchown 93 55, lchown 94 -, fchownat 260 54,
utime 132 -, utimes 235 -, futimesat 261 -, utimensat 280 88, setxattr 188 5, lsetxattr 189 6, fsetxattr 190 7,
removexattr 197 14, lremovexattr 198 15, fremovexattr 199 16, sync 162 81, syncfs 306 267"""
TESTED = """clone 56 220, open 2 -, openat 257 56, kill 62 129, tgkill 234 131, rt_sigqueueinfo 129 138,
rt_tgsigqueueinfo 297 240, prlimit64 302 261, sched_setaffinity 203 122, socketpair 53 199, sendto 44 206,
fcntl 72 25, ioctl 16 29, prctl 157 167, socket 41 198"""
LAST = 456  # calls with higher numbers are newer than this list: unknown

MACHINES = {"x86_64": (0, 0xC000003E, 317), "aarch64": (1, 0xC00000B7, 277)}  # column, audit's name, number of seccomp
ALLOW, KILL, ERROR = 0x7FFF0000, 0x80000000, 0x00050000
LOAD, AND, EQUAL, GREATER, RETURN = 0x20, 0x54, 0x15, 0x25, 0x06
CLONE_THREAD, CLONE_NEW = 0x00010000, 0x7E020000
TRUNCATION, UNWRITTEN = 0x203, {0x200, 0x203}  # O_TRUNC and the access mode; O_TRUNC in a mode that does not write
MAXIMUM = 0xFFFFFFFF


def machine():
    """This process's machine, where its filter is known, else None."""
    return platform.machine() if platform.machine() in MACHINES and sys.maxsize > 2**32 else None


@functools.cache
def libc():
    """The C library."""
    return ctypes.CDLL(None, use_errno=True)


def call(name, *arguments):
    """The C library's function, or the system call of that number, on ints and bytes. Raises OSError."""
    arguments = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    name, arguments = (name, arguments) if isinstance(name, str) else ("syscall", [ctypes.c_long(name), *arguments])
    result = getattr(libc(), name)(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


@functools.cache
def numbers(calls, column):
    """{name: number} of a list above."""
    rows = (entry.split() for entry in calls.split(","))
    return {row[0]: int(row[1 + column]) for row in rows if row[1 + column] != "-"}


def rules(pid, network):
    """{name: [(word, mask, values, whether these are the only ones allowed)]}: what decides on the calls of TESTED.

    A word is half an argument: number 2 n is the lower half of argument n.
    """
    own = [(0, MAXIMUM, {pid}, True)]
    found = {
        "clone": [(0, CLONE_THREAD | CLONE_NEW, {CLONE_THREAD}, True)],
        "open": [(2, TRUNCATION, UNWRITTEN, False)],
        "openat": [(4, TRUNCATION, UNWRITTEN, False)],
        "socketpair": [(0, MAXIMUM, {1}, True), (2, 0xF, {1}, True)],  # AF_UNIX, SOCK_STREAM: has no other address
        # signals to others (F_SETOWN, F_SETSIG, F_SETOWN_EX, F_NOTIFY), what others share (F_SETLEASE, F_SETPIPE_SZ)
        "fcntl": [(2, MAXIMUM, {8, 10, 15, 1024, 1026, 1031}, False)],
        "ioctl": [(2, MAXIMUM, {0x5412, 0x541C, 0x8901, 0x8902}, False)],  # TIOCSTI, TIOCLINUX, FIOSETOWN, SIOCSPGRP
        "prctl": [(0, MAXIMUM, {1, 4, 0x59616D61}, False)],  # PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_PTRACER
        "prlimit64": [(0, MAXIMUM, {0, pid}, True)],
        "sched_setaffinity": [(0, MAXIMUM, {0, pid}, True)],
    } | dict.fromkeys(("kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"), own)
    if network:
        return found | {"socket": [(0, MAXIMUM, {2, 10}, True)]}  # AF_INET, AF_INET6
    return found | {"sendto": [(8, MAXIMUM, {0}, True), (9, MAXIMUM, {0}, True)]}  # without an address


def program(pid, *, network=False, truncate=True):
    """The filter for the process pid, as the bytes of BPF instructions.

    network : let it have Internet sockets
    truncate : let it call truncate, where Landlock decides on that
    """
    column = MACHINES[machine()][0]
    code, tested = [fixed(column, network, truncate)], numbers(TESTED, column)
    for name, tests in rules(pid, network).items():
        if name in tested:
            body = [line for test in tests for line in decide(*test)]
            code += branch(EQUAL, tested[name], [*body, answer(ALLOW)])
    return b"".join([*code, answer(ALLOW)])


@functools.cache
def fixed(column, network, truncate):
    """The part of the filter that goes by the numbers of calls alone."""
    audit = MACHINES[machine()][1]
    refused = ",".join([REFUSED] + [NETWORK] * (not network) + [TRUNCATE] * (not truncate))
    code = [step(LOAD, 4), step(EQUAL, audit, 1, 0), answer(KILL), step(LOAD, 0)]
    if column == 0:
        code += branch(GREATER, 0x3FFFFFFF, [answer(KILL)])  # the x32 interface
    code += branch(GREATER, LAST, [answer(ERROR | errno.ENOSYS)])
    for calls, value in ((refused, errno.EPERM), (UNKNOWN, errno.ENOSYS), (PRETENDED, 0)):
        for number in numbers(calls, column).values():
            code += branch(EQUAL, number, [answer(ERROR | value)])
    return b"".join(code)


def step(operation, value, then=0, otherwise=0):
    """One instruction: jumps count the instructions to pass over."""
    return struct.pack("HBBI", operation, then, otherwise, value)


def answer(value):
    """The filter's last word."""
    return step(RETURN, value)


def branch(operation, value, then):
    """`then`, where the loaded word compares so with value."""
    return [step(operation, value, 0, len(then)), *then]


def decide(word, mask, values, only):
    """Refuse the call unless the word, masked, is among (only) or outside (not only) values."""
    code = [step(LOAD, 16 + 4 * word), step(AND, mask)]
    values = sorted(values)
    if not only:
        return code + [line for value in values for line in branch(EQUAL, value, [answer(ERROR | errno.EPERM)])]
    jumps = [step(EQUAL, value, len(values) - at, 0) for at, value in enumerate(values)]
    return [*code, *jumps, answer(ERROR | errno.EPERM)]


def install(instructions):
    """Put this process, which must have set no_new_privs, under a filter for good. Raises OSError."""
    text = ctypes.create_string_buffer(instructions, len(instructions))
    head = struct.pack("HxxxxxxQ", len(instructions) // 8, ctypes.addressof(text))
    if call(MACHINES[machine()][2], 1, 1, head):  # SECCOMP_SET_MODE_FILTER, TSYNC: the number of a thread it fails for
        raise OSError(errno.EBUSY, "another thread has a filter of its own")
