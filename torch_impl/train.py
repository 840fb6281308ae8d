"""Train a recipe on a CPU, a GPU or many: python -m torch_impl.train char_gpt lr=1e-3 n_layer=2

Many take part by torchrun --nproc-per-node 8 -m torch_impl.train gpt3_xl --shard. A run has a folder. In it are
recipe.json (what is run, and on what), log.jsonl (a line every few steps), loss.svg, and a checkpoint, from which
--resume goes on with what was changed then: on a CPU with the very numbers of a run that was never interrupted, and on
as many processes as you like. Ctrl-C and SIGTERM end a run soon, and keep it.
"""

import argparse
import json
import os
import re
import sys
from pathlib import Path

import torch

from reference_impl import progress
from torch_impl import checkpoint, config, loop, parallel, plot, presets, recipes


def arguments_of(words):
    """The command line's words, or the end in one sentence."""
    parser = argparse.ArgumentParser(prog="python -m torch_impl.train", description=__doc__.splitlines()[0])
    parser.error = lambda message: parser.exit(2, f"train: {message}\n")
    parser.add_argument("recipe", choices=recipes.RECIPES, metavar="RECIPE", help=", ".join(recipes.RECIPES))
    parser.add_argument("changes", nargs="*", metavar="FIELD=VALUE", help="as lr=1e-3, n_layer=2, micro_batch=8")
    parser.add_argument("--preset", help=f"make it fit: cpu, {', '.join(presets.PRESETS)}")
    kind = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--device", default=kind, choices=["cpu", "cuda"])
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="of the run, if not runs/RECIPE")
    parser.add_argument("--shard", action="store_true", help="torchrun's processes share the model out among them")
    several = "so many neighbouring processes share every matrix of a GPT"
    parser.add_argument("--tensor", type=int, default=1, metavar="N", help=several)
    parser.add_argument("--resume", action="store_true", help="go on from the folder's checkpoint")
    parser.add_argument("--save-every", type=int, default=500, metavar="STEPS")
    chosen = parser.parse_intermixed_args(words)
    if chosen.save_every < 1:
        parser.error(f"--save-every must be 1 or more, not {chosen.save_every}")
    return chosen


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
        raise loop.Stopped(f"{folder} holds no checkpoint to go on from")
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
        memory = f"at most {loop.peak_memory(run.device) / 2**20:,.0f} MiB"
        print(f"{chosen.recipe}: {run.step} of {recipe.n_steps} steps, {told}, {memory}; in {folder}")
    return 0


def main(words=None):
    chosen, code = arguments_of(words), 1
    try:
        group = parallel.begin(chosen.device, chosen.tensor)
    except ValueError as problem:
        sys.exit(f"train: {problem}")
    try:
        code = follow(chosen, group)
    except (loop.Stopped, ValueError, ModuleNotFoundError) as problem:
        code = f"train: {problem}" if group.rank == 0 else 1
        if group.rank and isinstance(problem, loop.Full):  # perhaps the only one's
            code = f"train: process {group.rank}: {problem}"
    except KeyboardInterrupt:
        code = "train: stopped"
    except RuntimeError as problem:
        if group.size == 1 or not re.search("gloo|nccl", str(problem), re.IGNORECASE):
            raise
        first = str(problem).splitlines()[0]
        code = f"train: process {group.rank} has lost another; --resume goes on from the last checkpoint ({first})"
    finally:
        parallel.end()
    sys.exit(code)


if __name__ == "__main__":
    main()
