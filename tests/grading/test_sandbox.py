"""A locked process: what it tries is refused, and goes through once the layer is lifted; honest work works."""

import contextlib
import fcntl
import importlib
import json
import mmap
import os
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import types
import warnings
from pathlib import Path

import pytest

from grading import landlock, process, sandbox, syscalls
from grading.syscalls import call

ROOT = Path(sandbox.__file__).parents[1]
MiB = sandbox.MiB
NOBODY = 65534
YAMA = Path("/proc/sys/kernel/yama/ptrace_scope")
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root has capabilities, and can become another user")
USERS = ["me", pytest.param("nobody", marks=ROOT_ONLY)]
LAYERS = {  # layer: the function that makes it
    "files": (landlock, "confine"),
    "calls": (syscalls, "install"),
    "limits": (process, "limit"),
    "descriptors": (process, "close_descriptors"),
    "capabilities": (process, "drop_capabilities"),
}
MISSING = sandbox.complete(sandbox.support())
pytestmark = pytest.mark.skipif(bool(MISSING), reason=" ".join(MISSING))


def become(who):
    """Be an ordinary user, as one who has logged in."""
    if who == "nobody":
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        call("prctl", 4, 1, 0, 0, 0)  # PR_SET_DUMPABLE, which a change of user takes away


def fork():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other threads are of no account to the child
        return os.fork()


@contextlib.contextmanager
def child(action):
    """The number of a process that runs action(); it is killed at the end."""
    if (pid := fork()) == 0:
        with contextlib.suppress(BaseException):
            action()
        os._exit(0)
    try:
        yield pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)


@pytest.fixture
def world():
    """A folder to be locked in, one beside it that is not to be touched, and an open file."""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o777)
        folder, outside = Path(place, "folder"), Path(place, "outside")
        for path in (folder, outside):
            (path / "sub").mkdir(parents=True)
            (path / "note").write_text("text")
        (folder / "way").symlink_to(outside)
        if os.geteuid() == 0:
            for path in (folder, outside, *folder.iterdir(), *outside.iterdir()):
                os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
        for path in (folder, outside, folder / "sub", outside / "sub"):
            path.chmod(0o777)
        for path in (folder / "note", outside / "note"):
            path.chmod(0o666)
        with open(outside / "note") as file:
            yield types.SimpleNamespace(folder=folder, outside=outside, descriptor=file.fileno())


def locked(world, action, who="me", lifted=(), before=lambda: None, patience=0.02, **options):
    """What action(world) returns in a process locked in world.folder; ["error", its name] where it raises one.

    lifted : layers to leave out
    before : called in the process before it is locked
    patience : seconds in which the other process, world.victim, may end
    """

    def run():
        become(who)
        before()
        for name in lifted:
            setattr(*LAYERS[name], lambda *args, **kwargs: None)
            call("prctl", 38, 1, 0, 0, 0)  # no_new_privs, of which drop_capabilities takes care
        try:
            sandbox.lock(world.folder, **{"keep": (writer,), "memory": 512 * MiB, "file_size": MiB} | options)
            value = action(world)
        except BaseException as error:
            value = ["error", type(error).__name__, str(error)]
        os.write(writer, json.dumps(value).encode())

    with contextlib.ExitStack() as stack:
        ready, tell = os.pipe()
        world.victim = stack.enter_context(child(lambda: become(who) or (os.write(tell, b"x") and signal.pause())))
        os.read(ready, 1)
        os.close(ready)
        os.close(tell)
        reader, writer = os.pipe()  # which the victim has no part in
        pid = stack.enter_context(child(run))
        os.close(writer)
        with open(reader, "rb") as answer:
            assert select.select([answer], [], [], 30)[0], "the locked process hangs"
            text = answer.read()
        status = os.waitpid(pid, 0)[1]
        deadline = time.monotonic() + patience
        while (alive := os.waitpid(world.victim, os.WNOHANG) == (0, 0)) and time.monotonic() < deadline:
            time.sleep(0.01)
        world.victim_lives = alive
    return json.loads(text) if text else ["ended", os.waitstatus_to_exitcode(status)]


def kill_by_file(world):
    """Let the kernel send the signal, when something arrives at a socket."""
    near, far = socket.socketpair()
    fcntl.fcntl(near, 10, signal.SIGKILL)  # F_SETSIG
    fcntl.fcntl(near, fcntl.F_SETOWN, world.victim)
    fcntl.fcntl(near, fcntl.F_SETFL, os.O_ASYNC)
    far.send(b"x")


def send_descriptors(world):
    near, far = socket.socketpair()
    socket.send_fds(near, [b"x"], [far.fileno()])


def make_process(world):
    if os.fork() == 0:
        os._exit(0)


FILES = {  # what Landlock refuses
    "read": lambda w: (w.outside / "note").read_text(),
    "read by a symlink": lambda w: (w.folder / "way" / "note").read_text(),
    "read by dots": lambda w: Path(f"{w.folder}/sub/../../outside/note").read_text(),
    "read the users": lambda w: Path("/etc/passwd").read_text(),
    "read the repository": lambda w: Path(ROOT, "pyproject.toml").read_text(),
    "read the parent": lambda w: Path(f"/proc/{os.getppid()}/status").read_text(),
    "list": lambda w: os.listdir(w.outside),
    "list everything": lambda w: os.listdir("/"),
    "list a process": lambda w: os.listdir("/proc/self"),
    "list shared memory": lambda w: os.listdir("/dev/shm"),
    "write": lambda w: (w.outside / "note").write_text("changed"),
    "create": lambda w: (w.outside / "new").write_text("made"),
    "truncate": lambda w: os.truncate(w.outside / "note", 0),
    "remove": lambda w: os.unlink(w.outside / "note"),
    "rename out": lambda w: os.rename(w.folder / "note", w.outside / "taken"),
    "rename in": lambda w: os.rename(w.outside / "note", w.folder / "taken"),
    "rename the folder": lambda w: os.rename(w.folder, w.folder.with_name("other")),
    "link out": lambda w: os.link(w.folder / "note", w.outside / "linked"),
    "link in": lambda w: os.link(w.outside / "note", w.folder / "linked"),
    "make a symlink": lambda w: os.symlink("/etc", w.folder / "etc"),
    "make a pipe": lambda w: os.mkfifo(w.folder / "fifo"),
    "make a socket": lambda w: os.mknod(w.folder / "socket", 0o140600),
}
CALLS = {  # what seccomp refuses
    "Internet": lambda w: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close(),
    "socket": lambda w: socket.socket(socket.AF_UNIX).close(),
    "datagrams": lambda w: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) and None,
    "descriptors sent": send_descriptors,
    "fork": make_process,
    "handle": lambda w: os.pidfd_open(w.victim),
    "limit another": lambda w: resource.prlimit(w.victim, resource.RLIMIT_CPU, (1, 1)),
    "be traced": lambda w: call("ptrace", 0, 0, 0, 0),
    "outlive the parent": lambda w: call("prctl", 1, 0, 0, 0, 0),
    "hide": lambda w: call("prctl", 4, 0, 0, 0, 0),
    "leave": lambda w: call("unshare", 0x200),
    "memory file": lambda w: os.memfd_create("hidden"),
    "shared memory": lambda w: call("shmctl", call("shmget", 0, 4096, 0o600), 0, 0),  # made, then removed
    "watch files": lambda w: call("inotify_init"),
}
BOTH = {
    "truncate by reading": lambda w: os.open(w.outside / "note", os.O_RDONLY | os.O_TRUNC),
    "truncate by neither": lambda w: os.open(w.outside / "note", 3 | os.O_TRUNC),
    "spawn": lambda w: os.posix_spawn("/bin/true", ["true"], {}),
    "become a program": lambda w: os.execv("/bin/true", ["true"]),
    "kill": lambda w: os.kill(w.victim, signal.SIGKILL),
    "kill a group": lambda w: os.kill(-os.getpgrp(), 0),
    "kill by a file": kill_by_file,
}
LIMITS = {
    "memory": lambda w: len(mmap.mmap(-1, 1024 * MiB)),
    "big file": lambda w: (w.folder / "big").write_bytes(bytes(2 * MiB)),
    "many files": lambda w: len([os.open(w.folder, os.O_RDONLY) for _ in range(300)]),
}
OTHERS = {  # what the kernel also refuses to one with fewer capabilities than the other has
    "read an environment": (("files", "capabilities"), lambda w: Path(f"/proc/{w.victim}/environ").read_bytes().hex()),
    "read memory": (("files", "capabilities"), lambda w: os.open(f"/proc/{w.victim}/mem", os.O_RDONLY)),
    "pin another": (("calls", "capabilities"), lambda w: os.sched_setaffinity(w.victim, os.sched_getaffinity(0))),
    "slow another": (("calls", "capabilities"), lambda w: os.setpriority(os.PRIO_PROCESS, w.victim, 19)),
    "use a descriptor": (("descriptors",), lambda w: os.fstat(w.descriptor).st_size),
}
GROUPS = {("files",): FILES, ("calls",): CALLS, ("files", "calls"): BOTH, ("limits",): LIMITS}
ATTACKS = OTHERS | {name: (layers, attack) for layers, group in GROUPS.items() for name, attack in group.items()}


@pytest.mark.parametrize("who", USERS)
@pytest.mark.parametrize("name", ATTACKS)
def test_refused_by_the_layer(world, name, who):
    layers, attack = ATTACKS[name]
    kills = name in ("kill", "kill by a file")
    told = locked(world, attack, who)
    assert told and told[0] == "error", told
    assert told[1] in ("PermissionError", "OSError", "MemoryError", "ValueError"), told
    assert world.victim_lives
    assert sorted(path.name for path in world.outside.iterdir()) == ["note", "sub"]
    assert (world.outside / "note").read_text() == "text"
    if name == "read memory" and YAMA.exists() and YAMA.read_text().strip() != "0":
        return  # this machine keeps it from every process that is no descendant
    told = locked(world, attack, who, lifted=layers, patience=5 if kills else 0)
    assert not isinstance(told, list) or told[:1] != ["error"], told
    assert world.victim_lives != kills


@pytest.mark.parametrize("known", [1, 2, 3, 4, 5, 6])
def test_older_kernels_refuse_the_same(world, known):
    def every(world):
        done = []
        for name, attack in (FILES | CALLS | BOTH).items():
            with contextlib.suppress(OSError):
                attack(world)
                done.append(name)
        return done

    if known > landlock.version():
        pytest.skip("a newer Landlock than this kernel's")
    assert locked(world, every, before=lambda: setattr(landlock, "version", lambda: known)) == []
    assert (world.outside / "note").read_text() == "text"
    assert world.victim_lives


def test_each_layer_alone_keeps_others_alive(world):
    for lifted in ("files", "calls"):
        for attack in (BOTH["kill"], kill_by_file):
            if lifted == "files" or landlock.version() >= 6:
                locked(world, attack, lifted=[lifted])
                assert world.victim_lives


@ROOT_ONLY
def test_root_has_no_capabilities(world):
    (world.folder / "note").chmod(0o600)  # nobody's

    def read(world):
        return (world.folder / "note").read_text()

    assert locked(world, read)[1] == "PermissionError"
    assert locked(world, read, lifted=["capabilities"]) == "text"


@pytest.mark.parametrize("who", USERS)
def test_changing_modes_does_nothing_and_succeeds(world, who):
    def change(world):
        for path in (world.outside / "note", world.folder / "note"):
            os.chmod(path, 0o640)
            os.utime(path, (1, 1))
        return True

    def mark(world):
        os.setxattr(world.outside / "note", "user.mark", b"1")
        return True

    def marks(world):
        info = (world.outside / "note").stat()
        return info.st_mode & 0o777, info.st_mtime == 1

    if os.geteuid() == 0 and who == "me":
        os.chown(world.outside / "note", 0, 0)
        os.chown(world.folder / "note", 0, 0)
    assert locked(world, change, who) is True
    assert marks(world) == (0o666, False)
    assert locked(world, mark, who) is True
    assert os.listxattr(world.outside / "note") == []
    assert locked(world, change, who, lifted=["calls"]) is True
    assert marks(world) == (0o640, True)
    assert locked(world, mark, who, lifted=["calls"]) is not True or os.listxattr(world.outside / "note")


def plain_work(world):
    import asyncio
    import concurrent.futures
    import sqlite3
    import zipfile

    tempfile.tempdir = str(world.folder)
    os.chdir(world.folder)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(abs, range(-9, 0))) == 45
    assert asyncio.run(asyncio.sleep(0.01, "slept")) == "slept"
    with tempfile.TemporaryDirectory() as place, tempfile.TemporaryFile() as file:
        file.write(b"x")
        Path(place, "deep").mkdir()
        os.replace("note", Path(place, "deep", "note"))
        shutil.copy2(Path(place, "deep", "note"), "copy")
        with zipfile.ZipFile("pack.zip", "w") as pack:
            pack.write("copy")
    with contextlib.closing(sqlite3.connect("data.db")) as base:
        base.execute("create table t (x)")
    caught = []
    signal.signal(signal.SIGUSR1, lambda *_: caught.append(1))
    os.kill(os.getpid(), signal.SIGUSR1)
    signal.raise_signal(signal.SIGUSR1)
    signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
    near, far = socket.socketpair()
    near.sendall(b"wire")
    os.write(1, b"into nowhere")
    return [Path("copy").read_text(), far.recv(4).decode(), len(caught), len(os.urandom(8)), os.cpu_count() > 0]


@pytest.mark.parametrize("who", USERS)
def test_honest_work_works(world, who):
    import asyncio

    for name in ("concurrent.futures.thread", "sqlite3", "zipfile", "lzma", "bz2"):
        importlib.import_module(name)  # before: root's interpreter may not be another's to read
    asyncio.run(asyncio.sleep(0))
    assert locked(world, plain_work, who) == ["text", "wire", 3, 8, True]


def test_numpy_and_matplotlib_work(world):
    pytest.importorskip("matplotlib")

    def draw(world):
        os.environ |= {"HOME": str(world.folder), "MPLCONFIGDIR": str(world.folder), "MPLBACKEND": "agg"}
        for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
            del sys.modules[name]  # as in a process where nothing was imported before
        import numpy as np
        from matplotlib import font_manager, pyplot

        pyplot.figure()
        pyplot.plot(np.linalg.solve(np.eye(200), np.arange(200.0)))
        pyplot.title("café")
        pyplot.savefig(world.folder / "figure.png")
        np.save(world.folder / "array.npy", np.ones((300, 300)))
        return [font_manager.json_dump.__name__, *sorted(p.suffix for p in world.folder.iterdir() if p.is_file())]

    found = locked(world, draw, memory=1024 * MiB, file_size=16 * MiB)
    assert found[0] == "json_dump" and {".png", ".npy", ".json"} <= set(found), found


def test_the_reference_cannot_be_imported(world):
    def load(world):
        for name in [name for name in sys.modules if name.split(".")[0] == "reference_impl"]:
            del sys.modules[name]
        importlib.invalidate_caches()
        return importlib.import_module("reference_impl.layers").__name__

    assert locked(world, load)[:2] in (["error", "PermissionError"], ["error", "ModuleNotFoundError"])
    assert locked(world, load, lifted=["files"]) == "reference_impl.layers"
    assert locked(world, load, readable=[ROOT / "reference_impl"]) == "reference_impl.layers"


def test_what_readable_names_is_only_read(world):
    assert locked(world, FILES["read"], readable=[world.outside, "/not/there"]) == "text"
    assert locked(world, FILES["write"], readable=[world.outside])[1] == "PermissionError"


def test_a_folder_everyone_reads_is_turned_down(world):
    told = locked(world, FILES["read"], readable=[world.folder.parent])
    assert told[:2] == ["error", "SandboxError"] and "which every submission may read" in told[2]
    assert locked(world, lambda world: "fine", readable=[world.folder.parent / "fold"]) == "fine"


def test_the_course_around_the_interpreter_stays_shut():
    opened = sandbox.everywhere()
    assert not [path for path in opened if ROOT.is_relative_to(path)]
    assert not [
        path
        for path in opened
        if Path(path).is_relative_to(ROOT)
        and "site-packages" not in path
        and not path.startswith(str(Path(sys.prefix, "lib")))
    ]


def test_network_leaves_internet_sockets_only(world):
    def listen(world):
        server = socket.create_server(("127.0.0.1", 0))
        with server, socket.create_connection(server.getsockname()) as near, server.accept()[0] as far:
            near.sendall(b"x")
            return far.recv(1).decode()

    assert locked(world, listen, network=True) == "x"
    assert locked(world, listen)[1] == "PermissionError"
    for name in ("socket", "datagrams"):
        assert locked(world, CALLS[name], network=True)[1] == "PermissionError"


def test_a_missing_layer_locks_nothing_by_halves(world, monkeypatch):
    def lacking(*_):
        raise OSError(38, "Function not implemented")

    for place, name in LAYERS.values():
        monkeypatch.setattr(place, name, lacking)
        told = locked(world, lambda world: "went on")
        assert told[:2] == ["error", "SandboxError"] and "Function not implemented" in told[2], name
        monkeypatch.undo()


def test_a_process_with_threads_is_turned_down(world):
    told = locked(
        world, FILES["read"], before=lambda: threading.Thread(target=time.sleep, args=(30,), daemon=True).start()
    )
    assert told[:2] == ["error", "SandboxError"] and "threads" in told[2]


def test_it_dies_with_its_parent(world):
    for gone in (True, False):
        reader, writer = os.pipe()

        def middle(reader=reader, writer=writer, gone=gone):
            os.close(reader)
            known = os.getpid() + gone
            if os.fork() == 0:
                sandbox.lock(world.folder, keep=(writer,), parent=known)
                os.write(writer, b"locked")
                time.sleep(60)
            os.close(writer)
            time.sleep(60)

        with child(middle):
            os.close(writer)
            assert os.read(reader, 6) == (b"" if gone else b"locked")
        assert select.select([reader], [], [], 10)[0], "it lives on"
        assert os.read(reader, 1) == b""
        os.close(reader)


def test_processor_time_ends(world):
    def spin(world):
        while True:
            pass

    started = time.monotonic()
    assert locked(world, spin, cpu_seconds=1) == ["ended", -signal.SIGXCPU]
    assert time.monotonic() - started < 20


def test_watch_sees_files_and_threads(world):
    def hoard(world):
        (world.folder / "sub" / "much").write_bytes(bytes(MiB))
        time.sleep(30)

    def hide(world):
        for name in "abc":
            held = os.open(world.folder / name, os.O_CREAT | os.O_WRONLY)
            os.unlink(world.folder / name)
            os.write(held, bytes(MiB // 2))
        time.sleep(30)

    def thread(world):
        [threading.Thread(target=time.sleep, args=(30,)).start() for _ in range(9)]
        time.sleep(30)

    limits = {"disk": MiB * 3 // 4, "threads": 8}
    for act, why in ((hoard, "disk"), (hide, "disk"), (thread, "threads"), (lambda world: time.sleep(30), None)):
        with child(lambda act=act: sandbox.lock(world.folder) or act(world)) as pid:
            deadline = time.monotonic() + (0.5 if why is None else 10)
            while (seen := sandbox.watch(pid, world.folder, **limits)) is None and time.monotonic() < deadline:
                time.sleep(0.02)
        assert seen == why
        (world.folder / "sub" / "much").unlink(missing_ok=True)
    assert sandbox.watch(pid, world.folder, files=2) == "disk"
    assert sandbox.watch(pid, world.folder / "gone") is None


@pytest.mark.parametrize("who", USERS)
@pytest.mark.parametrize("refuse", [False, True])
def test_namespaces_keep_files_and_users(world, who, refuse):
    """With unshare refused, as in many containers, nothing changes; else the network is gone. Both can be locked."""

    def enter():
        if refuse:
            call("prctl", 38, 1, 0, 0, 0)
            number = syscalls.numbers(syscalls.REFUSED, syscalls.MACHINES[syscalls.machine()][0])["unshare"]
            code = [
                syscalls.step(syscalls.LOAD, 0),
                *syscalls.branch(syscalls.EQUAL, number, [syscalls.answer(0x50001)]),
            ]
            syscalls.install(b"".join([*code, syscalls.answer(syscalls.ALLOW)]))
        world.before = os.getuid(), os.getgid(), (world.outside / "note").read_text()
        world.entered = process.namespaces()
        world.after = os.getuid(), os.getgid(), (world.outside / "note").read_text()
        world.devices = len(socket.if_nameindex())
        (world.folder / "made").write_text("mine")

    def tell(world):
        return [world.entered, world.devices, world.before == world.after, (world.folder / "made").read_text()]

    entered, devices, same, made = locked(world, tell, who, before=enter)
    assert same and made == "mine"
    if refuse or who == "me":  # what this user may, says nothing of another
        assert entered == (not refuse and sandbox.support()["user_namespaces"])
    assert not entered or devices == 1
    assert locked(world, FILES["read"], who, before=enter)[1] == "PermissionError"
    assert (world.folder / "made").stat().st_uid == (NOBODY if who == "nobody" else os.getuid())


def test_an_ordinary_users_interpreter(world):
    """A Python started by an ordinary user, which can read its own library, locks itself and works on."""
    if os.geteuid() != 0:
        pytest.skip("every other test here is this one")
    grading = world.folder.parent / "grading"
    grading.mkdir()
    for module in (sandbox, landlock, process, syscalls):
        shutil.copy(module.__file__, grading)
    (grading / "__init__.py").touch()
    code = """if True:
        import os, sys, threading
        assert sys.version_info >= (3, 11), "too old"
        from grading import sandbox
        print(sandbox.complete(sandbox.support()), flush=True)
        out = os.dup(1)
        sandbox.namespaces()
        sandbox.lock("folder", keep=(out,))
        import decimal, email.message, xml.dom.minidom
        thread = threading.Thread(target=open("folder/done", "w").write, args=("yes",))
        thread.start(), thread.join()
        try:
            open("outside/note")
        except PermissionError:
            os.write(out, b"refused")
        """
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        with contextlib.suppress(OSError):
            done = subprocess.run(
                [python, "-c", code],
                cwd=grading.parent,
                user=NOBODY,
                group=NOBODY,
                extra_groups=[],
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            if "too old" not in done.stderr and "encodings" not in done.stderr:
                assert done.stdout == "[]\nrefused", done.stderr
                assert (world.folder / "done").stat().st_uid == NOBODY
                return
    pytest.skip("no Python here of 3.11 or newer that an ordinary user may start")


def test_support_and_complete():
    found = sandbox.support()
    assert sandbox.complete(found) == []
    for name in ("landlock", "seccomp", "rlimits", "capabilities"):
        assert len(sandbox.complete(found | {name: 0})) == 1
    for other in ({"platform": "darwin"}, {"platform": "win32"}, {"architecture": "riscv64"}):
        (sentence,) = sandbox.complete(found | other)
        assert "--no-sandbox" in sentence and next(iter(other.values())) in sentence


def test_trials_find_what_is_missing(monkeypatch):
    """Each trial is of the thing itself: without the layer it says no."""
    for name, (layer, answer) in {
        "landlock": ("files", 0), "seccomp": ("calls", False), "rlimits": ("limits", False),
    }.items():  # fmt: skip
        monkeypatch.setattr(*LAYERS[layer], lambda *args: None)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            assert sandbox.trials()[name] == answer
        monkeypatch.undo()


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_elsewhere_it_imports_and_says_so(platform):
    code = f"""if True:
        import sys
        import platform, os, site, sysconfig, ctypes, tempfile, subprocess, shutil, pathlib
        sys.platform = {platform!r}
        sys.modules["resource"] = None
        shutil.which = lambda name: None  # which would ask Windows itself
        from grading import sandbox
        print(sandbox.complete(sandbox.support())[0])
        """
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert (
        told
        == f"There is no sandbox on {platform}: grade on Linux, or give --no-sandbox if you trust every submission.\n"
    )
