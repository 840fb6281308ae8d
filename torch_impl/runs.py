"""Runs in their folders: begun or gone on with, trained, logged and kept, as torch_impl.train's command line says."""

import json
import os
import re
import sys
from pathlib import Path

import torch

from reference_impl import progress
from torch_impl import checkpoint, config, loop, parallel, plot, presets, recipes


def recipe_of(chosen, group):
    """The recipe that a command line means for a group."""
    recipe = recipes.RECIPES[chosen.recipe]()
    name = chosen.preset or ("cpu" if chosen.device == "cpu" else None)
    shards = group.data if chosen.shard else 1
    recipe = presets.preset(recipe, name, shards, group.tensor) if name else recipe
    return config.changed(recipe, chosen.changes)


def begun(chosen, group):
    """The run that a command line means, and its folder."""
    folder = chosen.out or Path("runs") / chosen.recipe
    kept = checkpoint.latest(folder)
    again = chosen.resume or int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0  # torchrun started it anew
    if kept and not again:
        raise loop.Stopped(f"{folder} holds a run already: --resume goes on with it, --out FOLDER begins another")
    if chosen.resume and not kept:
        raise loop.Stopped(f"{folder} holds no checkpoint to go on from: without --resume a run begins")
    told = folder / "recipe.json"
    if kept and told.exists():  # as it was begun, and what is said anew
        before = json.loads(told.read_text())
        words = [*before.get("changes", []), *chosen.changes]
        chosen.changes = list({word.partition("=")[0]: word for word in words}.values())
        chosen.preset = chosen.preset or before.get("preset")
    recipe = recipe_of(chosen, group)
    with loop.told_when_full(recipe, group.data):
        run = loop.Run(recipe, group, chosen.shard)
        if kept:
            run.restore(folder)
    if group.rank == 0:
        folder.mkdir(parents=True, exist_ok=True)
        if kept:
            log = [line for line in plot.lines_of(folder) if line["step"] <= run.step and "loss" in line]
            (folder / plot.LOG).write_text("".join(json.dumps(line) + "\n" for line in log))
        about = loop.about(run) | {"changes": chosen.changes, "preset": chosen.preset}
        told.write_text(json.dumps(about, indent=1) + "\n")
    return run, folder


def follow(chosen, group):
    """Train what the command line chose, keep it, and say how good it is. Returns the exit code."""
    run, folder = begun(chosen, group)
    recipe, show = run.recipe, progress.bar(run.recipe.n_steps)
    unit = "tokens" if hasattr(recipe.model, "block_size") else "examples"

    def write(line):
        if group.rank == 0:
            with (folder / plot.LOG).open("a") as log:
                log.write(json.dumps(line) + "\n")

    def after(line):
        write(line)
        if group.rank == 0:
            mfu = f", MFU {line['mfu12']:.1%}/{line['mfu6']:.1%}" if "mfu12" in line else ""
            show(line["step"], f"loss {line['loss']:.3f}, {line['per_second']:,.0f} {unit}/s{mfu}")

    try:
        got = loop.fit(run, after, lambda: run.save(folder), chosen.save_every)
    except loop.Stopped as problem:
        kept = checkpoint.latest(folder)
        raise type(problem)(f"{problem}{f'; {kept} is the last good checkpoint' if kept else ''}") from None
    if got:
        if group.rank == 0:
            print(f"train: stopped after {run.step} steps; --resume goes on", file=sys.stderr)
        return 128 + got
    with loop.told_when_full(recipe, group.data):
        score = run.evaluate()
    write({"step": run.step} | score)
    if group.rank == 0:
        plot.curves([folder], folder / "loss.svg")
        told = ", ".join(f"{name} {number:.4f}" for name, number in score.items())
        memory = f"at most {loop.peak_memory(run.device) / 2**20:,.0f} MiB of memory"
        print(f"{chosen.recipe}: {run.step} of {recipe.n_steps} steps, {told}, {memory}; in {folder}")
    return 0


def carry_out(chosen):
    """Do what the command line says, in one of many processes or alone. Returns the exit code, or says what is wrong.

    chosen : what torch_impl.train.arguments_of returns
    """
    chosen.device = chosen.device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        group = parallel.begin(chosen.device, chosen.tensor)
    except ValueError as problem:
        return f"train: {problem}"
    try:
        return follow(chosen, group)
    except (loop.Stopped, ValueError, ModuleNotFoundError) as problem:
        if group.rank and isinstance(problem, loop.Full):  # perhaps the only one's
            return f"train: process {group.rank}: {problem}"
        return f"train: {problem}" if group.rank == 0 else 1
    except RuntimeError as problem:
        if group.size == 1 or not re.search("gloo|nccl", str(problem), re.IGNORECASE):
            raise
        first = str(problem).splitlines()[0]
        return f"train: process {group.rank} has lost another; --resume goes on from the last checkpoint ({first})"
    finally:
        parallel.end()
