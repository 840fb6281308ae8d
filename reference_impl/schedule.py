"""Schedules: a learning rate, or a batch size, for every step of a run.

A step's number counts from 0; warm-up, ramp and run may as well be counted in tokens. lr is the largest rate.
"""

import math

from reference_impl import contract


def constant(step, lr):
    """lr at every step."""
    return lr


def step_decay(step, lr, every, factor=0.1):
    """lr · factor^⌊step / every⌋: a staircase.

    step : 0 or more
    every : steps on each stair, above 0
    """
    return lr * factor ** (step // every)


def exponential(step, lr, factor):
    """lr · factor^step.

    step : 0 or more
    factor : in (0, 1]
    """
    return lr * factor**step


def cosine(step, lr, n_steps, final=0.0):
    """Half a cosine from lr at step 0 down to final at step n_steps, and final ever after.

    step : 0 or more
    n_steps : above 0
    (Loshchilov & Hutter 2016, arXiv 1608.03983.)
    """
    progress = min(step / n_steps, 1.0)
    return final + (lr - final) * 0.5 * (1 + math.cos(math.pi * progress))


def warmup_cosine(step, lr, n_warmup, n_steps, final=0.0):
    """A straight line from 0 to lr at step n_warmup, then half a cosine down to final at step n_steps.

    step, n_warmup : 0 or more
    n_steps : above n_warmup
    Raises ValueError where the warm-up is as long as the run.
    """
    if n_warmup >= n_steps:
        raise ValueError(f"warmup_cosine: a warm-up of {n_warmup} leaves nothing of {n_steps}")
    if step < n_warmup:
        return lr * step / n_warmup
    return cosine(step - n_warmup, lr, n_steps - n_warmup, final)


def one_cycle(step, lr, n_steps, share_up=0.3, start=25.0, end=1e4):
    """Half a cosine from lr/start up to lr, then one down to lr/(start · end) at the last step.

    step : 0 or more
    n_steps : 2 or more
    share_up : of the run that goes up, in (0, 1)
    start, end : 1 or more
    (Smith & Topin 2017, arXiv 1708.07120.)
    """
    top, last = share_up * n_steps - 1, n_steps - 1
    if step < top:
        return cosine(step, lr / start, top, lr)
    return cosine(step - top, lr, last - top, lr / (start * end))


def batch_ramp(step, start, end, n_ramp):
    """A batch size that grows on a straight line from start at step 0 to end at step n_ramp, and stays.

    step : 0 or more
    start, end : 1 or more
    n_ramp : above 0
    """
    return start + (end - start) * min(step / n_ramp, 1.0)


def steps_per_epoch(n, batch_size):
    """Updates that see n examples once, the last batch being smaller where batch_size does not divide n.

    n : 0 or more
    batch_size : 1 or more
    """
    return math.ceil(n / batch_size)


def steps_for_tokens(tokens, batch_size, block_size):
    """Updates until a number of tokens is reached, each seeing batch_size texts of block_size.

    tokens : 0 or more
    batch_size, block_size : 1 or more
    """
    return math.ceil(tokens / (batch_size * block_size))


def scale_lr(lr, batch_size, base_batch_size, power=1.0):
    """The rate for another batch size: lr · (batch_size / base_batch_size)^power, 1 for SGD (Goyal et al. 2017, arXiv
    1706.02677), ½ where noise is what is kept.

    batch_size, base_batch_size : 1 or more
    """
    return lr * (batch_size / base_batch_size) ** power


contract.enforce(globals())
