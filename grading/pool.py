"""Workers: processes of this machine or of a Dask cluster, and what to do when one of them dies."""

import contextlib
import gc
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections import deque
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from functools import cache, partial
from itertools import chain, islice
from multiprocessing import forkserver
from types import SimpleNamespace

from grading.template import Loaded

JOB = None  # of this worker process


class Unreachable(Exception):
    """There are no workers to be had."""


class KilledWorker(Exception):
    """A submission's worker died twice. (Dask's own exception has the same name.)"""


@contextlib.contextmanager
def undisturbed():
    """Hold the first Ctrl-C back. Yields a function that raises it, if it has come; so does the end.

    A Ctrl-C that falls anywhere may fall where a lock was just taken, and whoever waits for that waits for ever.
    """
    held = []

    def look():
        if held:
            raise KeyboardInterrupt

    def hold(*_):
        look()  # the second is not held
        held.append(True)

    before = signal.signal(signal.SIGINT, hold)
    try:
        yield look
    finally:
        signal.signal(signal.SIGINT, before)
    look()


def graded(submissions, open_pool):
    """Yield (submission, future) as they finish, twice as many under way as there are workers.

    open_pool : makes a context with .submit(submission) -> concurrent Future and .workers
    The first Ctrl-C is heard while this waits: what the caller does between two submissions is done to its end.
    A worker that dies takes the others of its pool along. All that was under way is then done again in a new pool, one
    submission at a time, so that the one that kills its worker again is known: its future raises KilledWorker.
    """
    suspects, running, submissions = deque(), {}, iter(submissions)
    with undisturbed() as look, contextlib.ExitStack() as stack:
        first = next(submissions, None)  # before there is a pool: there may be nothing to do
        if first is None:
            return
        submissions = chain([first], submissions)
        pool = stack.enter_context(open_pool())
        while True:
            careful = bool(suspects)
            room = 2 * pool.workers - len(running)
            for submission in [suspects.popleft()] if careful else islice(submissions, room):
                running[started(pool, submission)] = submission
            if not running:
                return
            try:
                yield from finished(running, look)
            except BrokenExecutor:
                stack.pop_all().close()
                pool = stack.enter_context(open_pool())
                if careful:
                    yield running.popitem()[1], failed(KilledWorker())
                suspects.extend(running.values())
                running.clear()


def started(pool, submission):
    """The future of a submission, which fails where the pool is broken already."""
    try:
        return pool.submit(submission)
    except BrokenExecutor as error:
        return failed(error)


def failed(error):
    """A future that has raised an exception."""
    future = Future()
    future.set_exception(error)
    return future


def finished(running, look):
    """Take those that are finished out of {future: submission} and yield them. Raises BrokenExecutor after the last."""
    done = ()
    while not done:
        look()
        done, _ = wait(running, 0.1, FIRST_COMPLETED)
    broken = [future for future in done if isinstance(future.exception(), BrokenExecutor)]
    for future in done.difference(broken):
        yield running.pop(future), future
    if broken:
        raise broken[0].exception()


@cache
def warm():
    """(the context whose processes begin with all that grading needs, the process that their templates come from).

    Both start to load what they need, beside what this process does next.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["grading.executor", "grading.fresh", "grading.repair", "grading.pool"])
    forkserver.ensure_running()
    return context, Loaded()


@contextlib.contextmanager
def local(job, workers):
    """A pool of processes on this machine. Leaving it by an exception stops them at once."""
    before = set(multiprocessing.active_children())
    context, loaded = warm()
    given = job, dict(os.environ), loaded.control
    with ProcessPoolExecutor(workers, mp_context=context, initializer=begin, initargs=given) as pool:
        try:
            error = pool.submit(ready).exception()
            if error:  # else a pool that cannot start would cost everyone's points
                raise Unreachable(f"the worker processes cannot be started: {error}") from error
            yield SimpleNamespace(submit=partial(pool.submit, run), workers=workers)
        except BaseException:
            stop(pool, set(multiprocessing.active_children()) - before)
            raise


def stop(pool, processes):
    """End the processes of a ProcessPoolExecutor at once, whatever they are at, and wait until it is closed.

    A pool that is still closing when Python ends fails aloud.
    """
    for process in processes:
        process.kill()
    pool._result_queue._writer.close()  # ours: else it would wait for the rest of a result that a kill has cut short
    pool.shutdown(cancel_futures=True)


def begin(job, environment, loaded):
    """First thing in a worker process: Ctrl-C is the head's alone, and its end is ours."""
    global JOB
    from grading import executor

    JOB, executor.LOADED = job, loaded
    os.environ |= environment  # as nbgrader_config.py may have changed it
    os.setsid()
    threading.Thread(target=follow, daemon=True).start()


def follow():
    """Leave when the head process is gone. (The parent is the fork server, which waits for its children's end.)"""
    multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


def ready():
    """Load what every submission needs, which stays for good; the template loads beside."""
    from grading import worker

    converter, _, execute, _ = worker.prepared(JOB)
    for preprocessor in execute:
        getattr(preprocessor, "warm", lambda config: None)(converter.config)
    gc.freeze()


def run(submission):
    """The work of a pool's process."""
    from grading import worker

    return worker.work(JOB, submission)


@contextlib.contextmanager
def cluster(job, address, patience=10):
    """The workers of a Dask cluster, which must answer within patience seconds."""
    try:
        from distributed import Client
    except ImportError:
        raise Unreachable("--scheduler needs the package distributed: pip install distributed") from None
    try:
        client = Client(address, timeout=patience, set_as_default=False)
    except (OSError, TimeoutError, ValueError, TypeError) as error:
        raise Unreachable(f"no Dask scheduler answers at {address}") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=patience)
        except TimeoutError:
            raise Unreachable(f"the Dask scheduler at {address} has no workers") from None
        from grading import worker

        shared = client.scatter(job, broadcast=True, hash=False)
        pool = client.get_executor(pure=False)
        workers = sum(client.nthreads().values())
        yield SimpleNamespace(submit=partial(pool.submit, worker.work, shared), workers=workers)
