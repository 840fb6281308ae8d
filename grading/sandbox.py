"""Locks a Linux process in a folder, with nothing but what every user's process may do to itself.

A locked process reads and writes that folder, reads the interpreter and its packages, and has threads: no other file,
no network, no other program or process, bounded memory. Where a layer is missing, SandboxError is raised: nothing goes
on half locked.
"""

import contextlib
import functools
import json
import os
import platform
import shutil
import site
import stat
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from grading import landlock, process, syscalls
from grading.process import attempt, namespaces

__all__ = ["SandboxError", "complete", "lock", "namespaces", "prepare", "support", "watch"]

MiB = 1 << 20
SYSTEM = ["/usr/lib", "/usr/lib32", "/usr/lib64", "/lib", "/lib32", "/lib64", "/usr/share"]
SYSTEM += ["/etc/ld.so.cache", "/etc/localtime", "/etc/timezone", "/etc/fonts", "/etc/mime.types", "/etc/os-release"]
SYSTEM += ["/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu", "/dev/zero", "/dev/random", "/dev/urandom"]
NETWORK = [f"/etc/{name}" for name in ("resolv.conf", "hosts", "nsswitch.conf", "gai.conf", "services", "ssl", "pki")]


class SandboxError(Exception):
    """A layer of the sandbox cannot be had; the message says which."""


def lock(
    folder, *, readable=(), memory=2048 * MiB, file_size=64 * MiB, cpu_seconds=None, keep=(), network=False, parent=None
):
    """Lock this process, which must have one thread, in folder for good.

    readable : more files and folders it may read
    memory : bytes it may map beyond what it has; file_size : bytes of any one file
    cpu_seconds : SIGXCPU comes after so many, SIGKILL a second later
    keep : descriptors to leave open; all others are closed, and 0, 1 and 2 lead nowhere
    network : leave it Internet connections
    parent : the number of the process it may not outlive, which may have gone already
    Raises SandboxError; the process must then end, since it may be locked in part.
    """
    with layer("system"):
        if not syscalls.machine():
            raise OSError(f"it knows {' and '.join(syscalls.MACHINES)}, not {platform.machine()}")
        if len(os.listdir("/proc/self/task")) != 1:
            raise OSError("the process has started threads")
        paths = [*everywhere(), *(os.path.realpath(path) for path in [*readable, *(NETWORK if network else ())])]
        folder = os.path.realpath(folder)
        for path in paths:
            if f"{folder}/".startswith(path.rstrip("/") + "/"):
                raise OSError(f"{folder} lies in {path}, which every submission may read")
    with layer("process"):
        process.close_descriptors(keep)
        process.limit(memory, file_size, cpu_seconds)
        process.drop_capabilities()
        process.separate(parent)
    with layer("Landlock"):
        landlock.confine(folder, paths, network)
    with layer("seccomp"):
        syscalls.install(syscalls.program(os.getpid(), network=network, truncate=landlock.version() >= 3))


@contextlib.contextmanager
def layer(name):
    """Tell an error as one sentence about the layer."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise SandboxError(f"The sandbox cannot be closed ({name}): {error}.") from error


def prepare():
    """Work out what every lock needs: a process that forks those to be locked saves each of them milliseconds so."""
    if sys.platform == "linux" and syscalls.machine():
        everywhere()
        syscalls.program(os.getpid())


@functools.cache
def everywhere():
    """The paths that every locked process may read."""
    return sorted({os.path.realpath(path) for path in [*interpreter(), *SYSTEM] if os.path.exists(path)})


def interpreter():
    """This Python and its packages: no whole prefix, which may hold a course, and nothing that a .pth file leads to."""
    found = [sys.executable, *places(), *site.getsitepackages()]
    found += [site.getusersitepackages()] if site.ENABLE_USER_SITE else []
    for prefix in {sys.base_prefix, sys.base_exec_prefix}:
        found += [f"{prefix}/lib", f"{prefix}/lib64", *places(base=prefix, platbase=prefix)]
    return found


def places(**prefixes):
    """Where an installation has the standard library and the packages."""
    paths = sysconfig.get_paths(vars=prefixes)
    return [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]


def watch(pid, folder, *, disk=256 * MiB, files=10_000, threads=64):
    """What a locked process has too much of: "disk" or "threads", else None.

    disk : bytes, files : how many, in folder and open without a name; for a supervisor to ask a few times a second
    """
    total = 0
    for number, size in enumerate(sizes(pid, folder), 1):
        total += size
        if total > disk or number > files:
            return "disk"
    with contextlib.suppress(OSError, IndexError):  # it has ended
        if int(Path(f"/proc/{pid}/status").read_text().partition("\nThreads:")[2].split()[0]) > threads:
            return "threads"
    return None


def sizes(pid, folder):
    """Bytes on disk of all that is in folder, and of the files that pid has removed and holds open."""
    left = [folder]
    while left:
        try:
            with os.scandir(left.pop()) as entries:
                for entry in entries:
                    info = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(info.st_mode):
                        left.append(entry.path)
                    yield 512 * info.st_blocks
        except FileNotFoundError:  # removed meanwhile
            continue
        except OSError:  # too deep or unreadable, as no honest notebook makes it
            yield float("inf")
    with contextlib.suppress(OSError):  # it has ended, or belongs to another user
        for name in os.listdir(f"/proc/{pid}/fd"):
            info = os.stat(f"/proc/{pid}/fd/{name}")
            if stat.S_ISREG(info.st_mode) and info.st_nlink == 0:
                yield 512 * info.st_blocks


def support():
    """What this machine has, found by trying it in other processes.

    {"platform", "architecture", "landlock": version or 0, "seccomp", "rlimits", "capabilities", "user_namespaces",
    "cgroups": whether there are some for this user to fill, "bubblewrap": path or None}
    """
    found = {"platform": sys.platform, "landlock": 0, "bubblewrap": bubblewrap()}
    found |= dict.fromkeys(("seccomp", "rlimits", "capabilities", "user_namespaces", "cgroups"), False)
    found["architecture"] = platform.machine() if sys.maxsize > 2**32 else "32-bit"
    if sys.platform == "linux" and syscalls.machine():
        command = [sys.executable, "-m", "grading.sandbox"]  # a process without threads, which may fork
        with contextlib.suppress(subprocess.SubprocessError, OSError, ValueError):
            tried = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, timeout=60, check=True)
            found |= json.loads(tried.stdout)
    return found


def complete(support):
    """What the sandbox needs and this machine lacks: sentences, none where everything is there."""
    way = "grade on Linux, or give --no-sandbox if you trust every submission"
    if support["platform"] != "linux":
        return [f"There is no sandbox on {support['platform']}: {way}."]
    if support["architecture"] not in syscalls.MACHINES:
        return [f"The sandbox knows {' and '.join(syscalls.MACHINES)}, not {support['architecture']}: {way}."]
    way = "grade on another Linux machine, or give --no-sandbox if you trust every submission"
    needs = {
        "landlock": "Landlock (Linux 5.13 or newer, with landlock among its security modules)",
        "seccomp": "seccomp filters",
        "rlimits": "limits on a process's memory",
        "capabilities": "a way to give up capabilities",
    }
    missing = [what for name, what in needs.items() if not support[name]]
    return [f"This machine has no {what}, or a container hides it: {way}." for what in missing]


def trials():
    """support's answers that take trying; this process must have one thread."""
    return {
        "landlock": landlock.version() * attempt(lambda: refused(only_landlock, lambda: os.listdir("/"))),
        "seccomp": attempt(lambda: refused(only_seccomp, lambda: syscalls.call("socket", 1, 1, 0))),
        "rlimits": attempt(lambda: refused(lambda: process.limit(64 * MiB, MiB, 60), lambda: bytearray(256 * MiB))),
        "capabilities": attempt(lambda: process.drop_capabilities() is None),
        "user_namespaces": attempt(namespaces),
        "cgroups": os.access(control_group(), os.W_OK),
    }


def refused(prepare, action):
    """Whether action() is refused after prepare()."""
    prepare()
    try:
        action()
    except (PermissionError, MemoryError):
        return True
    return False


def only_landlock():
    """Shut all files but the temporary ones."""
    process.drop_capabilities()
    landlock.confine(tempfile.gettempdir(), [], False)


def only_seccomp():
    """Refuse system calls."""
    process.drop_capabilities()
    syscalls.install(syscalls.program(os.getpid()))


def control_group():
    """The file through which this process's control group (version 2) takes processes in."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            if line.startswith("0::/"):
                return Path("/sys/fs/cgroup", line[4:], "cgroup.procs")
    return Path("/sys/fs/cgroup/none")


def bubblewrap():
    """Where bwrap is, if it works."""
    path = shutil.which("bwrap")
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        if (
            path
            and not subprocess.run([path, "--ro-bind", "/", "/", "true"], capture_output=True, timeout=20).returncode
        ):
            return path
    return None


if __name__ == "__main__":
    print(json.dumps(trials()))
