"""Checkpoints: what a run goes on from, whatever it was spread over and will be.

A checkpoint is a folder named after its step, written by torch.distributed.checkpoint, every process its own part. It
is whole once it has an about.json. Older ones are removed when a newer one is whole.
"""

import contextlib
import json
import os
import shutil
import warnings

import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.state_dict import (
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)

ABOUT = "about.json"


def all_of(folder):
    """The whole checkpoints in a folder, oldest first."""
    return sorted(path.parent for path in folder.glob(f"*/{ABOUT}"))


def latest(folder):
    """The newest whole checkpoint in a folder, or None."""
    return next(reversed(all_of(folder)), None)


def about(path):
    """What save was given as about, at "step" and more."""
    return json.loads((path / ABOUT).read_text())


def write(path, text):
    """Write a file whole, or leave the one that is there."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(text)
    os.replace(new, path)


@contextlib.contextmanager
def _alone(alone):
    """One process is no mistake that PyTorch must warn of."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled")
        yield alone


def _state(model, optimizer):
    """What is kept, and the optimizer's whole state: its groups differ from one way to spread a model to another."""
    whole = get_optimizer_state_dict(model, optimizer)
    return {"model": get_model_state_dict(model), "optimizer": {"state": whole["state"]}}, whole


def _by_kind(state):
    """The same tensors, but queries, keys and values side by side, (C, 3, C), as tensor parallelism cuts them."""
    if isinstance(state, dict):
        return {key: _queries(part) if key.endswith("attn.qkv.W") else _by_kind(part) for key, part in state.items()}
    return state


def _queries(part):
    if isinstance(part, dict):  # an optimizer's means
        return {name: _queries(moment) for name, moment in part.items()}
    return part.view(len(part), 3, -1) if part.ndim == 2 else part


def save(folder, model, optimizer, about):
    """Write a checkpoint. about : what JSON can hold, with "step"; every process calls it."""
    path, together = folder / f"{about['step']:08d}", dist.is_initialized()
    if (path / ABOUT).exists():
        return
    if not together or dist.get_rank() == 0:
        shutil.rmtree(path, ignore_errors=True)  # begun once, and never finished
    if together:
        dist.barrier()
    with _alone(not together) as alone:
        dcp.save(_by_kind(_state(model, optimizer)[0]), checkpoint_id=path, no_dist=alone)
    if not together or dist.get_rank() == 0:
        write(path / ABOUT, json.dumps(about))
        for older in all_of(folder)[:-1]:
            shutil.rmtree(older)
    if together:
        dist.barrier()


def load(path, model, optimizer):
    """Bring a model and its optimizer to where a checkpoint has them; every process calls it."""
    state, optimizer_state = _state(model, optimizer)
    with _alone(not dist.is_initialized()) as alone:
        dcp.load(_by_kind(state), checkpoint_id=path, no_dist=alone)  # in place: views share their memory
    set_model_state_dict(model, state["model"])
    set_optimizer_state_dict(model, optimizer, optimizer_state)
