"""Small experiments that chapters draw: python -m bench.lab parity --json book/data/lab_parity.json

parity: one GPT, one start and the same batches through NumPy, PyTorch eager, compiled, and on a GPU where there is one.
char: a GPT on the standard library's characters, beside counting triples. mup: the best learning rate by width, with
standard settings and with µP. sizes: the loss of four sizes of GPT after the same text; isoflop: after the same FLOPs.
"""

import argparse
import ctypes
import json
import os
import platform
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from bench.cpu import device as processor
from reference_impl import fast, gpt, laws, ngram, progress
from reference_impl import recipes as reference_recipes
from reference_impl import train as reference_train
from reference_impl import tree as reference_tree
from torch_impl import config, data, loop, machine, recipes, stops, tree
from torch_impl.parallel import Group

PARITY = replace(recipes.char_gpt(), batch_size=8, n_steps=300, n_warmup=30, lr=1e-3)
CPU = torch.device("cpu")


# Energy ---------------------------------------------------------------------------------------------------------------


def joules(device):
    """What a device has used so far, as its counter tells, or None where there is none that may be read."""
    if device.type == "cuda":
        return _nvml(f"GPU-{torch.cuda.get_device_properties(device).uuid}")
    try:
        return int(Path("/sys/class/powercap/intel-rapl:0/energy_uj").read_text()) / 1e6
    except (OSError, ValueError):
        return None


def _nvml(uuid):
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return None
    handle, millijoules = ctypes.c_void_p(), ctypes.c_ulonglong()
    wrong = nvml.nvmlInit_v2() or nvml.nvmlDeviceGetHandleByUUID(uuid.encode(), ctypes.byref(handle))
    wrong = wrong or nvml.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(millijoules))
    return None if wrong else millijoules.value / 1e3


# Parity ---------------------------------------------------------------------------------------------------------------


def by_numpy(recipe, params):
    """A function that trains the reference on one batch, and returns the loss."""
    state, loss_and_grads = {"params": params, "states": {}, "step": 0}, reference_recipes.loss_and_grads

    def step(x, targets):
        with fast.speed():
            told = loss_and_grads(gpt.gpt_forward, gpt.gpt_backward, recipe.model, state["params"], x, targets)
            update = reference_train.adamw_step
            state["params"], state["states"] = update(state["params"], told[1], state["states"], state["step"], recipe)
        state["step"] += 1
        return float(told[0])

    return step


def by_torch(recipe, params, device):
    """The same by PyTorch."""
    run = loop.Run(recipe, Group(0, 1, device))
    tree.load(run.model, params)
    return lambda x, targets: run.update(*(data.on(device, a) for a in (x, targets))).item()


def parity(show, recipe=PARITY, compiled=True):
    """{"curves": {who: losses}, "seconds": {who}, "joules": {who or None}, …}: ten steps each in turn."""
    params = reference_tree.cast(gpt.gpt_init(recipe.model, np.random.default_rng(0)), np.float32)
    steps = {"NumPy": (by_numpy(recipe, params), CPU), "PyTorch": (by_torch(recipe, params, CPU), CPU)}
    if compiled:
        steps["compiled"] = by_torch(replace(recipe, compile=True), params, CPU), CPU
    if torch.cuda.is_available():
        gpu = torch.device("cuda")
        steps["GPU"] = by_torch(recipe, params, gpu), gpu
    source = data.load(recipe.data, recipe.model.block_size)
    curves, seconds, used = {who: [] for who in steps}, dict.fromkeys(steps, 0.0), dict.fromkeys(steps, 0.0)
    for start in range(0, recipe.n_steps, 10):
        batches = [source.batch(i, recipe.batch_size, 0) for i in range(start, min(start + 10, recipe.n_steps))]
        for who, (step, device) in steps.items():
            began, before = time.perf_counter(), joules(device)
            curves[who] += [step(*batch) for batch in batches]
            if start:  # the first ten compile
                seconds[who] += time.perf_counter() - began
                used[who] = None if before is None or used[who] is None else used[who] + joules(device) - before
        show(start + len(batches))
    used = {who: total if total is not None and total >= 0 else None for who, total in used.items()}  # counters wrap
    apart = {who: float(np.max(np.abs(np.subtract(curve, curves["NumPy"])))) for who, curve in curves.items()}
    timed = recipe.n_steps - 10
    return {"curves": curves, "steps_timed": timed, "seconds": seconds, "joules": used, "furthest_apart": apart}


# What is learnt -------------------------------------------------------------------------------------------------------


def learnt(recipe, show=lambda step: None):
    """Train a recipe; {"val_loss", "accuracy", "curve", "seconds"}, the curve's losses being means of ten."""
    began, run = time.perf_counter(), loop.Run(recipe, Group(0, 1, CPU))
    if loop.fit(run, lambda line: show(line["step"])):
        raise KeyboardInterrupt  # a run that was stopped is no result
    curve = np.array(run.losses)[: len(run.losses) // 10 * 10].reshape(-1, 10).mean(axis=1)
    return run.evaluate() | {"curve": curve.tolist(), "seconds": time.perf_counter() - began}


def char(show):
    """char_gpt, beside counting triples of characters in the same text."""
    recipe = recipes.char_gpt()
    source = data.load(recipe.data, recipe.model.block_size)
    texts = np.asarray(source.train, dtype=np.int64), np.asarray(source.val, dtype=np.int64)
    trigram = ngram.ngram_loss(*texts, 3, source.vocab_size)
    return learnt(recipe, show) | {"trigram": float(trigram), "n_steps": recipe.n_steps}


def sizes(show):
    """[{"n_layer", "n_embd", "params", "val_loss", …}], and the power law of the loss by the parameters of blocks."""
    found, done = [], 0
    for (n_layer, n_embd), recipe in recipes.size_sweep().items():
        told = learnt(recipe, lambda step, before=done: show(before + step))
        done += recipe.n_steps
        found.append({"n_layer": n_layer, "n_embd": n_embd, "params": of_blocks(recipe.model)} | told)
    scale, exponent = laws.fit_power_law([f["params"] for f in found], [f["val_loss"] for f in found])
    return {"sizes": found, "scale": float(scale), "exponent": float(exponent)}


def of_blocks(model):
    """A GPT's parameters without its embeddings (Kaplan et al. 2020)."""
    return gpt.gpt_param_count(model) - (model.vocab_size + model.block_size) * model.n_embd


def isoflop(show):
    """{"budgets": [{"flops", "runs": [{"params", "tokens", "val_loss"}, …]}, …]}: which size is best for a budget."""
    found = {}
    for done, ((flops, *_), recipe) in enumerate(recipes.isoflop_sweep().items(), start=1):
        told = learnt(recipe)
        run = {
            "params": of_blocks(recipe.model),
            "tokens": recipe.n_steps * recipe.tokens,
            "val_loss": told["val_loss"],
        }
        found.setdefault(flops, []).append(run)
        show(done)
    return {"budgets": [{"flops": flops, "runs": runs} for flops, runs in found.items()]}


def mup(show, sweep=None):
    """{"widths", "log2_lr", "losses": {way: [[of a rate, …] of a width, …]}, "best": {way: [log2 of the rate, …]}}

    A loss is the mean of a run's last 50 steps; it is None where it was no number.
    """
    sweep = sweep or recipes.mup_sweep()
    ways, widths, powers = (list(dict.fromkeys(key[i] for key in sweep)) for i in range(3))
    losses = {}
    for done, (key, recipe) in enumerate(sweep.items(), start=1):
        run = loop.Run(recipe, Group(0, 1, CPU))
        try:
            if loop.fit(run):
                raise KeyboardInterrupt
            losses[key] = statistics.fmean(run.losses[-50:])
        except stops.Stopped:
            losses[key] = None
        show(done)
    table = {way: [[losses[way, width, power] for power in powers] for width in widths] for way in ways}
    best = {way: [powers[np.nanargmin(np.array(row, float))] for row in rows] for way, rows in table.items()}
    return {"widths": widths, "log2_lr": powers, "losses": table, "best": best}


def _first(sweep):
    return next(iter(sweep.values()))


# {name: (what makes it, how many steps or runs the bar counts, its recipe, or the first of its sweep)}
EXPERIMENTS = {
    "parity": (parity, PARITY.n_steps, PARITY),
    "char": (char, recipes.char_gpt().n_steps, recipes.char_gpt()),
    "sizes": (sizes, sum(recipe.n_steps for recipe in recipes.size_sweep().values()), _first(recipes.size_sweep())),
    "isoflop": (isoflop, len(recipes.isoflop_sweep()), _first(recipes.isoflop_sweep())),
    "mup": (mup, len(recipes.mup_sweep()), _first(recipes.mup_sweep())),
}


def told(name, found):
    """The result in a line or two."""
    if name == "parity":
        for who, seconds in found["seconds"].items():
            ms = 1e3 * seconds / found["steps_timed"]
            yield f"{who:9} {ms:7.1f} ms a step, at most {found['furthest_apart'][who]:.1e} from NumPy's losses"
    elif name == "char":
        yield f"val_loss {found['val_loss']:.3f}, trigram {found['trigram']:.3f}, {found['seconds']:.0f} s"
    elif name == "sizes":
        for size in found["sizes"]:
            yield f"{size['params']:9,} parameters: {size['val_loss']:.3f}, {size['seconds']:.0f} s"
        yield f"L(N) = ({found['scale']:.3g} / N)^{found['exponent']:.3f}"
    elif name == "isoflop":
        for budget in found["budgets"]:
            best = min(budget["runs"], key=lambda run: run["val_loss"])
            yield f"{budget['flops']:.1e} FLOPs: best {best['params']:,} parameters on {best['tokens']:,} tokens"
    else:
        for way, best in found["best"].items():
            yield f"{way:9} best at 2^{best} for widths {found['widths']}"


def main(words=None):
    parser = argparse.ArgumentParser(prog="python -m bench.lab", description=__doc__.split("\n")[0])
    parser.error = lambda message: parser.exit(2, f"lab: {message}\n")
    parser.add_argument("experiment", choices=EXPERIMENTS)
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the result")
    chosen = parser.parse_args(words)
    if chosen.json and not chosen.json.parent.is_dir():
        parser.error(f"--json: there is no folder {chosen.json.parent}")
    experiment, total, recipe = EXPERIMENTS[chosen.experiment]
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    found = experiment(progress.bar(total))
    print("\n".join(told(chosen.experiment, found)))
    if chosen.json:
        versions = {"python": platform.python_version(), "numpy": np.__version__, "torch": torch.__version__}
        about = {"command": f"python -m bench.lab {chosen.experiment}", "recipe": config.described(recipe)}
        about |= {"device": processor(), "versions": versions, "commit": machine.commit()}
        chosen.json.write_text(json.dumps(about | found, indent=1) + "\n")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("Stopped: nothing is written.")
