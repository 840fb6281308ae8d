"""Warm processes that fork those grading needs: Python, NumPy and IPython are imported once, not for each.

    python -P -m grading.template FD MODULE …

imports the modules, and for every request on its socket parts off two processes, a template: one forks trusted
processes and the other submissions' processes, as they are asked to on two sockets that came with the request. Requests
are JSON objects with descriptors. What a template answers is the child's number, with a pidfd where the platform has
such.
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
import time

KIND = getattr(socket, "SOCK_SEQPACKET", socket.SOCK_STREAM) if sys.platform == "linux" else socket.SOCK_STREAM
PRELOAD = ["numpy.random", "matplotlib.pyplot", "matplotlib_inline.backend_inline", "checks", "encodings.cp437"]


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


class Loaded:
    """A process that has imported all that templates need, the near end; it ends with this process."""

    def __init__(self):
        self.control, far = socket.socketpair(socket.AF_UNIX, KIND)
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "grading.template", str(far.fileno()), *PRELOAD],
            pass_fds=[far.fileno()],
            env=environment(),
            cwd="/" if os.name == "posix" else None,
            stdin=subprocess.DEVNULL,
        )
        far.close()

    def close(self):
        """End it, its templates and their children."""
        self.control.close()
        self.process.kill()
        self.process.wait()


class Template:
    """The near end: asks for trusted processes; `student` is the socket to ask for submissions' processes.

    preload : modules to import besides
    control : the socket of a Loaded process to part off from, which another process may have started; None for its own
    """

    def __init__(self, preload=(), control=None):
        (self.trusted, one), (self.student, other) = (socket.socketpair(socket.AF_UNIX, KIND) for _ in range(2))
        self.loaded = None if control else Loaded()
        request = json.dumps({"preload": preload, "environment": environment()}).encode()
        with one, other, contextlib.suppress(OSError):  # it has ended, and so has this template
            socket.send_fds(control or self.loaded.control, [request], [one.fileno(), other.fileno()])

    def child(self, descriptors):
        """A trusted process. Raises Gone."""
        return ask(self.trusted, {}, descriptors)

    def ended(self):
        """Whether it is there no more."""
        poll = select.poll()
        poll.register(self.trusted, 0)
        return bool(poll.poll(0))

    def close(self):
        """End both and every child of theirs."""
        self.trusted.close()
        self.student.close()
        if self.loaded:
            self.loaded.close()


def environment():
    """The environment of everything that runs a submission: of this process's, what is nobody's secret."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL", "TZ") if name in os.environ}
    kept |= {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "PYTHONHASHSEED": "0"}
    return kept | {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL")}


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
    """Fork a child, which runs run, for every request until the other end closes; tell it where there is a ticket."""
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
        if ticket := json.loads(request).get("ticket"):
            socket.send_fds(control, [json.dumps([number, ticket]).encode()], [handle] if handle else [])
        for descriptor in [*descriptors, *([handle] if handle else [])]:
            os.close(descriptor)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def warm(namespace):
    """A shell that has run a cell of each kind once, so that children find everything loaded."""
    from grading import shell

    made = shell.make(namespace)
    for source in ("1 / 0", "1", "%matplotlib inline"):
        made.run(source)
    made.reset(new_session=True)
    made.execution_count = 1
    return made


def part(request, descriptors, warmed):
    """Be a template: one process for trusted processes, and one, its child, for submissions' processes."""
    from grading import sandbox
    from grading import student as submission
    from grading import trusted as judge

    trusted, student = (socket.socket(fileno=descriptor) for descriptor in descriptors)
    os.environ.clear()
    os.environ |= request["environment"]
    time.tzset()
    load(request["preload"])
    gc.freeze()
    parent = os.getpid()
    if os.fork() == 0:
        die_with_parent(parent)
        trusted.close()
        sandbox.namespaces()
        sandbox.prepare()
        serve(student, submission.main, warmed)
    else:
        student.close()
        serve(trusted, judge.main, warm(judge.Scope()))


def load(modules):
    """Import modules, those that there are."""
    for name in modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def main():
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is the runner's to handle
    load([*sys.argv[2:], "grading.sandbox", "grading.student", "grading.trusted"])
    warmed = warm({})
    gc.collect()
    gc.freeze()  # or a child's first collection would touch, and so copy, all that is shared
    serve(socket.socket(fileno=int(sys.argv[1])), part, warmed)


if __name__ == "__main__":
    main()
