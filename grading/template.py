"""Warm processes that fork those grading needs: Python, NumPy and IPython are imported once, not for each.

    python -P -m grading.template FD FD MODULE …

imports the modules and parts in two, of which one forks trusted processes and the other submissions' processes, as they
are asked to on the two sockets. A request is one JSON object and the descriptors a child is to have; the answer is the
child's number, with a pidfd where the platform has such.
"""

import contextlib
import gc
import importlib
import json
import os
import secrets
import select
import signal
import socket
import subprocess
import sys

KIND = getattr(socket, "SOCK_SEQPACKET", socket.SOCK_STREAM) if sys.platform == "linux" else socket.SOCK_STREAM
PRELOAD = ["numpy", "matplotlib.pyplot", "matplotlib_inline.backend_inline", "checks"]


class Gone(Exception):
    """The template is not there any more."""


class Child:
    """A process forked by a template."""

    def __init__(self, number, handle):
        self.number, self.handle = number, handle

    def signal(self, which):
        """Send it a signal; nothing happens where it has ended."""
        with contextlib.suppress(ProcessLookupError):
            if self.handle is None:
                os.kill(self.number, which)
            else:
                signal.pidfd_send_signal(self.handle, which)

    def kill(self):
        """End it at once."""
        self.signal(signal.SIGKILL)

    def ended(self, seconds=0.0):
        """Whether it has ended, or does so within some seconds (without a pidfd: unknown, False)."""
        if self.handle is None:
            return False
        poll = select.poll()
        poll.register(self.handle, select.POLLIN)
        return bool(poll.poll(1000 * seconds))

    def close(self):
        """Kill it and forget it."""
        self.kill()
        self.ended(1.0)
        if self.handle is not None:
            os.close(self.handle)


class Template:
    """The near end: starts the two, and asks for trusted processes; `student` is the socket to ask for the others."""

    def __init__(self, preload=()):
        (self.trusted, one), (self.student, other) = (socket.socketpair(socket.AF_UNIX, KIND) for _ in range(2))
        environment = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "LC_ALL", "TZ")}
        environment |= {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "PYTHONHASHSEED": "0"}
        environment |= {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL")}
        far = [one.fileno(), other.fileno()]
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "grading.template", *map(str, far), *PRELOAD, *preload],
            pass_fds=far,
            env=environment,
            cwd="/" if os.name == "posix" else None,
            stdin=subprocess.DEVNULL,
        )
        one.close()
        other.close()

    def child(self, descriptors):
        """A trusted process. Raises Gone."""
        return ask(self.trusted, {}, descriptors)

    def close(self):
        """End both and every child of theirs."""
        self.trusted.close()
        self.student.close()
        self.process.kill()
        self.process.wait()


def ask(control, request, descriptors):
    """Ask the template at the other end of control for a child. Raises Gone."""
    ticket = secrets.token_hex(4)
    try:
        socket.send_fds(control, [json.dumps(request | {"ticket": ticket}).encode()], descriptors)
        while True:
            answer, handles, _, _ = socket.recv_fds(control, 1 << 16, 1)
            if not answer:
                break
            number, told = json.loads(answer)
            child = Child(number, handles[0] if handles else None)
            if told == ticket:
                return child
            child.close()  # asked for by someone who died before the answer came
    except OSError:
        pass
    raise Gone("the process that starts others has ended")


def die_with_parent(parent=None):
    """Let the kernel kill this process when its parent ends, where it can; end now where that has ended already."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    if parent is not None and os.getppid() != parent:
        os._exit(0)


def serve(control, run, shell):
    """Fork a child, which runs run, for every request until the other end closes."""
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, 1 << 20, 8)
        if not request:
            return
        parent, number = os.getpid(), os.fork()
        if number == 0:
            control.close()
            with contextlib.suppress(BaseException):
                die_with_parent(parent)
                run(json.loads(request), descriptors, shell)
            os._exit(0)
        handle = os.pidfd_open(number) if hasattr(os, "pidfd_open") and sys.platform == "linux" else None
        answer = json.dumps([number, json.loads(request)["ticket"]]).encode()
        socket.send_fds(control, [answer], [handle] if handle else [])
        for descriptor in [*descriptors, *([handle] if handle else [])]:
            os.close(descriptor)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def warm():
    """A shell that has run a cell of each kind once, so that children find everything loaded."""
    from grading import shell

    made = shell.make({})
    for source in ("1 / 0", "1", "%matplotlib inline"):
        made.run(source)
    made.reset(new_session=True)
    made.execution_count = 1
    return made


def main():
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is the runner's to handle
    trusted, student = (socket.socket(fileno=int(descriptor)) for descriptor in sys.argv[1:3])
    for name in sys.argv[3:]:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    from grading import sandbox, shell
    from grading import student as submission
    from grading import trusted as judge

    warmed, parent = warm(), os.getpid()
    gc.collect()
    gc.freeze()  # or a child's first collection would touch, and so copy, all that is shared
    if os.fork() == 0:
        die_with_parent(parent)
        trusted.close()
        sandbox.namespaces()
        sandbox.prepare()
        serve(student, submission.main, warmed)
    else:
        student.close()
        serve(trusted, judge.main, shell.make(judge.Scope()))


if __name__ == "__main__":
    main()
