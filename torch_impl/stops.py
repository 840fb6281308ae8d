"""What ends a run before its last step: a signal, a loss that is no number, a memory that is full."""

import contextlib
import math
import signal
import threading

import torch

from torch_impl import gpt


class Stopped(Exception):
    """A run that cannot go on; the message says why, and what to do."""


class Signals:
    """Within it, Ctrl-C and SIGTERM only say that they came: the step at hand is finished first. got : their number."""

    def __enter__(self):
        self.got = 0
        heard = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
        self.before = {s: signal.signal(s, self.note) for s in heard}  # no other thread is told of any
        return self

    def note(self, number, frame):
        """Called by Python."""
        self.got = number

    def __exit__(self, *_):
        for number, handler in self.before.items():
            signal.signal(number, handler)


def not_finite(run, losses_now):
    """The sentence for a loss that is no number."""
    first = next(i for i, loss in enumerate(losses_now) if not math.isfinite(loss))
    step = run.step - len(losses_now) + first + 1
    return f"the loss, or its gradient, is no finite number at step {step}: a smaller lr or a longer n_warmup may help"


class Full(Stopped):
    """A device's memory is; the message says what to change."""


@contextlib.contextmanager
def told_when_full(recipe, processes=1):
    """Turn an out-of-memory error into a sentence that says what to change. processes : that share a batch."""
    try:
        yield
    except RuntimeError as problem:
        if not isinstance(problem, torch.OutOfMemoryError) and "can't allocate memory" not in str(problem):
            raise
        whole = recipe.batch_size // processes
        n = min(recipe.micro_batch or whole, whole)
        smaller = max((d for d in range(1, n) if recipe.batch_size % d == 0), default=None)
        wide = isinstance(recipe.model, gpt.GPTConfig) and not recipe.checkpoint
        hint = f"micro_batch={smaller}" if smaller else "checkpoint=True" if wide else "a smaller model"
        raise Full(f"memory is full with micro_batch={n}: try {hint}") from None
