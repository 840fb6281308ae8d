"""The trusted process: it runs a submission's locked cells, and has a process of their own run all others."""

import builtins
import contextlib
import fnmatch
import math
import numbers
import os
import resource
import signal
import socket
import stat
import sys
import threading
import time

import numpy as np

from grading import proxy
from grading.link import Link, ProcessEnded, TooLong
from grading.wire import Channel, Closed

GONE = {"crash": "crash", "time": "time", "disk": "disk", "threads": "memory", "wire": "crash"}


class Scope(dict):
    """The global variables of the locked cells.

    A name they have not bound is looked for, in this order: among the definitions the instructor gave in cells that are
    not locked (imports, functions, classes, constants), and in the submission's process. What the instructor's solution
    binds is the submission's to bind, whatever else has that name.
    """

    link, definitions, asked = None, {}, frozenset()

    def __missing__(self, name):
        if self.link is None or name.startswith("__") or (hasattr(builtins, name) and name not in self.asked):
            raise KeyError(name)
        if name in self.definitions and name not in self.asked:
            with contextlib.suppress(ModuleNotFoundError):  # a module that students hand in
                exec(compile(self.definitions[name], f"<definition of {name}>", "exec"), self)
                return self[name]
        return self.link.get(name)


def main(_request, descriptors, shell):
    """Serve one submission's grading.

    descriptors : the channel to the executor, the control socket of the template of submissions' processes
    The first message is what grading.executor's request() says; each later one a method of Session and its arguments.
    """
    channel, control = (socket.socket(fileno=descriptor) for descriptor in descriptors)
    channel = Channel(channel)
    request = channel.receive()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(request["trusted"])
    sys.path.insert(0, "")
    sys.setrecursionlimit(5000)
    with open("/proc/self/statm") if os.path.exists("/proc/self/statm") else contextlib.nullcontext() as file:
        if file:
            size = int(file.read().split()[0]) * resource.getpagesize() + 2 * request["memory"]
            resource.setrlimit(resource.RLIMIT_AS, (size, size))
    session = Session(request, control, shell)
    with contextlib.suppress(Closed):
        while True:
            what, *parts = channel.receive()
            channel.send(getattr(session, what)(*parts))


class Session:
    """One submission's grading."""

    def __init__(self, request, control, shell):
        self.request, self.shell, self.scope = request, shell, shell.user_ns
        self.link = Link(request, control, self.scope)
        self.link.notice_seeds()
        self.scope.link, self.scope.asked = self.link, frozenset(request["asked"])
        self.scope.definitions = request["definitions"]
        self.mine, self.fetched, self.link.after = set(os.listdir()), {}, self.fetch_files

    def student(self, source, locked):
        """Run a cell in the submission's process: its outputs, and why it was stopped, if it was."""
        try:
            self.link.ready()
            outputs, _ = self.link.ask("cell", source, locked, seconds=self.request["timeout"])
        except TooLong as error:
            outputs = error.reply[3][0] if error.reply and error.reply[2] == "value" else []
            return {"outputs": readable(outputs) + [stopped(error)], "stopped": "time"}
        except ProcessEnded as error:
            return {"outputs": [stopped(error)], "stopped": GONE[error.why]}
        except Exception as error:  # its own, raised where the shell should have caught it, or a reply of another form
            return {"outputs": [stopped(error)], "stopped": "crash"}
        self.link.history.append((source, locked))
        return {"outputs": readable(outputs)}

    def shared(self, source):
        """Run a locked cell that is not graded: it defines what graded ones use. What it shows, it shows over there."""
        shown = self.student(source, True)
        before = dict(self.scope)
        self.link.permitted = frozenset()
        with self.within():
            self.shell.run(source)
        self.link.shared.learn(self.scope, before)
        for name in self.scope.asked:
            self.scope.pop(name, None)
        return shown

    def graded(self, source, points, permitted):
        """Run a graded cell: its outputs, its score where it says one, and what it used of the submission's objects."""
        self.link.permitted = None if permitted is None else frozenset(permitted)
        self.link.used = set()
        with contextlib.suppress(ProcessEnded):  # while earlier cells were run again
            self.link.ready()
        self.fetch_files()
        with self.within() as late:
            outputs, result = self.shell.run(source)
        self.link.callbacks, self.link.granted = [], {}
        found = {"outputs": score(outputs, result.result, points), "used": sorted(self.link.used)}
        if late:
            found["outputs"] = [o for o in outputs if o["output_type"] != "error"] + [
                stopped(TooLong(self.request["timeout"], None))
            ]
            found["stopped"] = "time"
        elif self.link.why:
            found["stopped"] = GONE[self.link.why]
        return found | {"in_place": sorted(self.link.in_place)}

    def fetch_files(self):
        """Copy the data files the submission wrote; none of the instructor's is ever replaced, and none is code."""
        with os.scandir(self.request["folder"]) as entries:
            for entry in entries:
                if entry.name in self.mine or not entry.is_file(follow_symlinks=False):
                    continue
                if not any(fnmatch.fnmatch(entry.name, pattern) for pattern in self.request["files"]):
                    continue
                with contextlib.suppress(OSError):
                    state = entry.stat(follow_symlinks=False)
                    if self.fetched.get(entry.name) != (state.st_mtime_ns, state.st_size):
                        copy_data(entry.path, entry.name, self.request["disk"])
                        self.fetched[entry.name] = state.st_mtime_ns, state.st_size

    @contextlib.contextmanager
    def within(self):
        """Interrupt this process's cell when its time is over; yields a list that is not empty then."""
        late, main = [], threading.main_thread().ident

        def ring():
            late.append(time.monotonic())
            signal.pthread_kill(main, signal.SIGINT)

        clock = threading.Timer(self.request["timeout"], ring)
        clock.daemon = True
        clock.start()
        try:
            yield late
        except KeyboardInterrupt:
            pass
        finally:
            clock.cancel()


def copy_data(source, target, most):
    """Copy an ordinary file of at most so many bytes; a link, a pipe or a device is not one. Raises OSError."""
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{source} is no ordinary file")
        content = file.read(most)
    with open(target, "wb") as file:
        file.write(content)


def stopped(error):
    """An exception of ours as an output."""
    name = "CellTimeoutError" if isinstance(error, TooLong) else type(error).__name__
    return {"output_type": "error", "ename": name, "evalue": str(error), "traceback": [f"{name}: {error}"]}


def readable(outputs):
    """Outputs as a submission's process tells them, as nbformat has them; what is not one is left out."""
    done = []
    for output in outputs if type(outputs) is list else []:
        match output:
            case ["stream", "stdout" | "stderr" as name, str(text)]:
                done.append({"output_type": "stream", "name": name, "text": text})
            case ["error", str(name), str(value), list(rows)]:
                rows = [row for row in rows if type(row) is str]
                done.append({"output_type": "error", "ename": name, "evalue": value, "traceback": rows})
            case ["display_data" | "execute_result" as kind, count, list(data)] if all(type(x) is str for x in data):
                made = {"output_type": kind, "data": dict(zip(data[::2], data[1::2], strict=False)), "metadata": {}}
                if kind == "execute_result":
                    made["execution_count"] = count if type(count) is int else None
                done.append(made)
    return done


def score(outputs, value, points):
    """A graded cell's outputs, its value a plain float from 0 to points where it is a number.

    nbgrader gives full marks to nan, to a negative number and to np.float64, and stops at a number above the points.
    """
    if isinstance(value, proxy.Proxy):  # what it looks like is its own affair
        return [o | {"data": {"text/plain": object.__repr__(value)}} if "data" in o else o for o in outputs]
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        return outputs
    earned = float(value)
    earned = 0.0 if math.isnan(earned) else min(max(earned, 0.0), points)
    for output in outputs:
        if output["output_type"] == "execute_result":
            output["data"] = {"text/plain": repr(earned)}
    return outputs
