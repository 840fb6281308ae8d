"""Call a student's function so that nothing it does gets out: output, warnings, exceptions, endless loops."""

import contextlib
import io
import signal
import threading
import traceback
import warnings

import numpy as np


class Failure(Exception):
    """The call gave no answer; the message says why."""


class _Stop(BaseException):
    """Time is up. Not an Exception, so that a student's `except Exception` cannot swallow it."""


@contextlib.contextmanager
def time_limit(seconds):
    """Raise _Stop in the main thread after so many seconds, where the platform has an alarm clock (not on Windows)."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    rung = leaving = False

    def ring(_signal, frame):
        nonlocal rung
        rung = True
        if not leaving and frame.f_code.co_filename not in (__file__, contextlib.__file__):
            raise _Stop

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1e-5)  # so often that it also rings inside an `except: pass`
    try:
        yield
    finally:
        leaving = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        if callable(before):  # else this handler stays, and does nothing: a last ring may still be on its way
            signal.signal(signal.SIGALRM, before)
    if rung:  # it swallowed the stop, and came to an end by it
        raise _Stop


def call(function, args, seconds):
    """function(*args), quietly and within its time.

    A function that lives elsewhere, as it does where submissions are graded, brings a call of its own.
    Returns what it returned and what it printed; raises Failure, with one sentence, where it gave nothing back.
    """
    printed, elsewhere = io.StringIO(), getattr(function, "call_elsewhere", None)
    try:
        if elsewhere:
            return elsewhere(args, seconds)
        with (
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
            warnings.catch_warnings(),
            np.errstate(all="ignore"),
            time_limit(seconds),
        ):
            warnings.simplefilter("ignore")
            return function(*args), printed.getvalue()
    except (_Stop, TimeoutError):  # the latter from a known mistake that would go on for ever
        time = "1 second" if seconds == 1 else f"{seconds:g} seconds"
        raise Failure(f"was still running after {time} (too much work, or an endless loop)") from None
    except KeyboardInterrupt:
        raise
    except NotImplementedError as error:
        inner = _frames(error)[-1].name
        own = getattr(function, "__name__", inner)
        raise Failure("is not written yet" if inner == own else f"calls {inner}, which is not written yet") from None
    except BaseException as error:
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise Failure(f"stopped with {said}{_line(error)}") from None


def _frames(error):
    """Where an error came from, innermost last; one that comes from elsewhere tells it itself."""
    return getattr(error, "remote_frames", None) or traceback.extract_tb(error.__traceback__)


def _line(error):
    """Where in the student's cell an error came from, as the end of a sentence."""
    frames = _frames(error)
    own = [f for f in frames if "ipykernel" in f.filename or f.filename.startswith("<ipython")]
    if not own or not own[-1].line:
        return ""
    return f", in the line `{own[-1].line.strip()}`"
