"""Train a recipe on a CPU, a GPU or many: python -m torch_impl.train char_gpt lr=1e-3 n_layer=2

A run has a folder. In it are recipe.json (what is run, and on what), log.jsonl (a line every few steps), loss.svg, and
a checkpoint, from which --resume goes on with what was changed then: on a CPU with the very numbers of a run that was
never interrupted, and on as many processes as you like. Ctrl-C and SIGTERM end a run soon, and keep it.

Many take part by torchrun --nproc-per-node 8 -m torch_impl.train gpt3_xl --shard. It has words of its own: before, that
each process computes with one thread, unless OMP_NUM_THREADS says otherwise; and after a run that was stopped or could
not begin, a traceback of torchrun's, in which nothing is said about the run: its reason stands above. After Ctrl-C it
waits for half a minute: what a step and a checkpoint take longer is lost, back to the checkpoint before.
"""

import argparse
import difflib
import os
import sys
from pathlib import Path

from torch_impl import presets, recipes


def arguments_of(words):
    """The command line's words, or the end in one sentence, which only the first of many processes says."""
    told = [f"  {name:12} {recipe.__doc__}" for name, recipe in recipes.RECIPES.items()]
    parser = argparse.ArgumentParser(
        prog="python -m torch_impl.train",
        description=__doc__,
        epilog="\n".join(["recipes:", *told]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    first = os.environ.get("RANK", "0") == "0"
    parser.error = lambda message: parser.exit(2, f"train: {message}\n" if first else None)
    parser.add_argument("recipe", nargs="?", metavar="RECIPE", help="one of those below")
    parser.add_argument("changes", nargs="*", metavar="FIELD=VALUE", help="as lr=1e-3, n_layer=2, micro_batch=8")
    parser.add_argument("--preset", help=f"make it fit: cpu, or a GPU of {', '.join(presets.PRESETS)}")
    parser.add_argument("--device", choices=["cpu", "cuda"], help="cuda, if not told and there is a GPU")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="of the run, if not runs/RECIPE")
    parser.add_argument("--shard", action="store_true", help="torchrun's processes share the model out among them")
    several = "so many neighbouring processes share every matrix of a GPT (1)"
    parser.add_argument("--tensor", type=int, default=1, metavar="N", help=several)
    again = "go on from the folder's checkpoint, up to the n_steps that the run was begun with"
    parser.add_argument("--resume", action="store_true", help=again)
    often = "write a checkpoint every so many steps (500), and at the end"
    parser.add_argument("--save-every", type=int, default=500, metavar="STEPS", help=often)
    chosen = parser.parse_intermixed_args(words)
    if chosen.recipe is None:
        parser.error("RECIPE is missing: --help lists them")
    if chosen.recipe not in recipes.RECIPES:
        near = difflib.get_close_matches(chosen.recipe, recipes.RECIPES, 1)
        hint = f"did you mean {near[0]}?" if near else f"it must be one of {', '.join(recipes.RECIPES)}"
        parser.error(f"there is no recipe {chosen.recipe!r}: {hint}")
    if chosen.save_every < 1:
        parser.error(f"--save-every must be 1 or more, not {chosen.save_every}")
    return chosen


def main(words=None):
    try:
        chosen = arguments_of(words)
        from torch_impl import runs  # PyTorch takes seconds: until then a mistake is told, and after it Ctrl-C heard

        code = runs.carry_out(chosen)
    except KeyboardInterrupt:
        print("train: stopped", file=sys.stderr)
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    main()
