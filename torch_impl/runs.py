"""Runs in their folders: begun or gone on with, trained, logged and kept, as torch_impl.train's command line says."""

import argparse
import json
import os
import re
import sys
from pathlib import Path

import torch

from reference_impl import progress
from torch_impl import checkpoint, config, loop, machine, parallel, plot, presets, recipes, stops


def recipe_of(chosen, group):
    """The recipe that a command line means for a group."""
    recipe = config.changed(recipes.RECIPES[chosen.recipe](), chosen.changes)
    name = chosen.preset or ("cpu" if chosen.device == "cpu" else None)
    shards = group.data if chosen.shard else 1
    recipe = presets.preset(recipe, name, shards, group.tensor) if name else recipe
    return config.changed(recipe, chosen.changes)  # what was said has the last word


def load(folder, device="cpu"):
    """The run that a folder keeps, as loop.Run at its latest checkpoint: run.model, and run.source, which decodes.

    Raises OSError where there is no run, stops.Stopped where it holds no checkpoint, or what it holds is damaged.
    """
    name, changes, _, dtype = begun_as(Path(folder))
    words = [*changes, f"dtype={dtype}"]
    chosen = argparse.Namespace(recipe=name, changes=words, preset=None, device=device, shard=False)
    alone = parallel.Group(0, 1, torch.device(device))
    run = loop.Run(recipe_of(chosen, alone), alone)
    run.restore(folder)
    return run


def begun_as(folder):
    """(recipe's name, changes, preset, dtype) of the run in a folder. Raises Stopped where recipe.json is damaged."""
    told = folder / "recipe.json"
    try:
        before = json.loads(told.read_text())
        return before["name"], before["changes"], before["preset"], before["recipe"]["dtype"]
    except (ValueError, KeyError, TypeError) as problem:
        raise stops.Stopped(f"{told} is damaged, {type(problem).__name__}: {problem}") from None


def begun(chosen, group):
    """The run that a command line means, and its folder."""
    folder = chosen.out or Path("runs") / chosen.recipe
    kept = checkpoint.latest(folder)
    again = chosen.resume or int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0  # torchrun started it anew
    if kept and not again:
        raise stops.Stopped(f"{folder} holds a run already: --resume goes on with it, --out FOLDER begins another")
    if chosen.resume and not kept:
        raise stops.Stopped(f"{folder} holds no checkpoint to go on from: without --resume a run begins")
    if kept:  # as it was begun, and what is said anew
        name, words, preset, dtype = begun_as(folder)  # a GPU's dtype too, for what goes on on a CPU
        if name != chosen.recipe:
            raise stops.Stopped(f"{folder} holds a run of {name}, not of {chosen.recipe}")
        words = [f"dtype={dtype}", *words, *chosen.changes]
        chosen.changes = list({word.partition("=")[0]: word for word in words}.values())
        chosen.preset = chosen.preset or preset
    recipe = recipe_of(chosen, group)
    with stops.told_when_full(recipe, group.data):
        run = loop.Run(recipe, group, chosen.shard)
        if kept:
            run.restore(folder)
    if group.rank == 0:
        folder.mkdir(parents=True, exist_ok=True)
        if kept:
            lines = plot.lines_of(folder) if (folder / plot.LOG).exists() else []
            log = [line for line in lines if line["step"] <= run.step and "loss" in line]
            checkpoint.write(folder / plot.LOG, "".join(json.dumps(line) + "\n" for line in log))
        about = {"name": chosen.recipe, "changes": chosen.changes, "preset": chosen.preset} | machine.about(run)
        checkpoint.write(folder / "recipe.json", json.dumps(about, indent=1) + "\n")
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
    except stops.Stopped as problem:
        kept = checkpoint.latest(folder)
        raise type(problem)(f"{problem}{f'; {kept} is the last good checkpoint' if kept else ''}") from None
    if got:
        if group.rank == 0:
            print(f"train: stopped after {run.step} steps; --resume goes on", file=sys.stderr)
        return 128 + got
    with stops.told_when_full(recipe, group.data):
        score = run.evaluate()
    write({"step": run.step} | score)
    if group.rank == 0:
        plot.curves([folder], folder / "loss.svg")
        told = ", ".join(f"{name} {number:.4f}" for name, number in score.items())
        memory = f"at most {machine.peak_memory(run.device) / 2**20:,.0f} MiB of memory"
        print(f"{chosen.recipe}: {run.step} of {recipe.n_steps} steps, {told}, {memory}; in {folder}")
    return 0


def carry_out(chosen):
    """Do what the command line says, in one of many processes or alone. Returns the exit code, or says what is wrong.

    chosen : what torch_impl.train.arguments_of returns
    """
    first, folder = os.environ.get("RANK", "0") == "0", chosen.out or Path("runs") / chosen.recipe
    chosen.device = chosen.device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        group = parallel.begin(chosen.device, chosen.tensor)
    except ValueError as problem:
        return f"train: {problem}" if first or chosen.device == "cuda" else 1
    try:
        return follow(chosen, group)
    except (stops.Stopped, ValueError, ModuleNotFoundError, OSError) as problem:
        if group.rank and isinstance(problem, stops.Full):  # perhaps the only one's
            return f"train: process {group.rank}: {problem}"
        return f"train: {problem}" if group.rank == 0 else 1
    except RuntimeError as problem:
        if group.size == 1 or not re.search("gloo|nccl", str(problem), re.IGNORECASE):
            raise
        said = str(problem).splitlines()[0]
        hint = "; --resume goes on from the last checkpoint" if checkpoint.latest(folder) else ""
        return f"train: process {group.rank} has lost another{hint} ({said})"
    finally:
        parallel.end()
