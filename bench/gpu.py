"""How fast a GPU trains GPT, in minutes, with nothing else on it: python -m bench.gpu --json book/data/gpu_bench.json

For every size three recipes do the same updates in turn, in one process: ours; nanoGPT's way, which is compiled bf16 in
micro-batches of 12; and plain, which is not compiled, in float32 with products in TF32. Time ÷ ours is taken within a
round. Where there is no GPU a tiny model is trained instead, to see that it works, and no utilisation is told.
"""

import argparse
import gc
import json
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from bench.cpu import quartiles
from reference_impl import progress, scale
from torch_impl import data, gpt, loop, machine, recipes
from torch_impl.parallel import Group

PATH = Path("book/data/gpu_bench.json")
SMALL = gpt.GPTConfig(n_layer=2, n_head=2, n_embd=64, block_size=64, vocab_size=128)
SIZES = {"124M": ("gpt2_124m", 64), "350M": ("gpt2_350m", 32), "1.3B": ("gpt3_xl", 4)}
"""The recipe of each size, and how many texts of it go through at once on 80 GB."""
# What a kernel belongs to, by what its name holds: the first that fits.
KINDS = {
    "attention": ("flash", "attention", "fmha", "sdpa", "cudnn_generated"),
    "matmul": ("gemm", "nvjet", "cutlass", "addmm", "mm", "linear", "cublas", "xmma"),
    "optimizer": ("adam", "multi_tensor", "foreach", "lpnorm"),
    "loss": ("softmax", "nll", "cross_entropy"),
    "data": ("memcpy", "memset", "embedding", "index"),
}


def contenders(name, on_gpu):
    """{"ours", "nanogpt", "plain"}: recipes of one size with the same batch, some hundred thousand tokens."""
    if not on_gpu:
        base = replace(recipes.char_gpt(), model=SMALL, batch_size=24, micro_batch=None)
        return {"ours": base, "nanogpt": replace(base, micro_batch=12), "plain": replace(base, micro_batch=8)}
    recipe, at_once = SIZES[name]
    base = replace(recipes.RECIPES[recipe](), data="sources_bpe", batch_size=192, micro_batch=at_once)
    slow = replace(base, dtype="float32", compile=False, micro_batch=min(at_once // 2, 8))  # float32 is twice as large
    return {"ours": base, "nanogpt": replace(base, micro_batch=min(at_once, 12)), "plain": slow}


def finished(device):
    """Wait until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def stepper(recipe, device):
    """A run, and a function that makes one update and returns its seconds and its loss."""
    run = loop.Run(recipe, Group(0, 1, device))
    batches = data.batches(run.source, recipe.batch_size, 0, device, dtype=run.dtype)

    def step():
        batch = next(batches)
        finished(device)
        start = time.perf_counter()
        loss = run.update(*batch)
        finished(device)
        return time.perf_counter() - start, loss.item()

    return run, step


def measured(name, device, rounds, show):
    """One size: a row a contender, and what one update of ours is made of."""
    chosen, on_gpu = contenders(name, device.type == "cuda"), device.type == "cuda"
    steps, memory, first = {}, {}, {}
    for who, recipe in chosen.items():
        before = torch.cuda.memory_allocated(device) if on_gpu else 0
        if on_gpu:
            torch.cuda.reset_peak_memory_stats(device)
        steps[who] = stepper(recipe, device)
        first[who] = [steps[who][1]()[1] for _ in range(3)]  # it compiles, and chooses its kernels
        memory[who] = machine.peak_memory(device) - before
        show()
    for who, losses in first.items():
        if max(abs(a - b) for a, b in zip(losses, first["plain"], strict=True)) > 0.05:
            sys.exit(f"{name}: {who} has the losses {losses}, not {first['plain']}")
    seconds = {who: [] for who in steps}
    for _ in range(rounds):
        for who, (_, step) in steps.items():
            seconds[who].append(step()[0])
            show()
    rows = [row(name, who, chosen[who], seconds[who], seconds["ours"], memory[who], device) for who in chosen]
    return rows, parts_of(steps["ours"][1], device)


def row(name, who, recipe, seconds, ours, memory, device):
    """What was measured of one contender, as a dict."""
    rate = recipe.tokens / statistics.median(seconds)
    told = {"size": name, "contender": who, "tokens_per_second": rate, "ms": quartiles([1e3 * s for s in seconds])}
    told |= {"ratio": quartiles([s / o for s, o in zip(seconds, ours, strict=True)]), "memory": memory}
    told |= {"micro_batch": recipe.micro_batch, "tokens": recipe.tokens, "rounds": len(seconds)}
    return told | machine.utilisation(recipe, rate, device)


def kind_of(kernel):
    """Which of KINDS a kernel or operator belongs to, by its name; else "elementwise".

    A compiled kernel is named after all it does: unless it is a template, its loss is what counts, or nothing.
    """
    if kernel.startswith("triton_"):
        loss = "softmax" in kernel or "nll" in kernel
        return "matmul" if kernel.startswith("triton_tem") else "loss" if loss else "elementwise"
    return next((kind for kind, marks in KINDS.items() if any(mark in kernel.lower() for mark in marks)), "elementwise")


def parts_of(step, device):
    """{kind: share of one update's time on the device}, by torch.profiler; "idle" is when the device waited."""
    on_gpu = device.type == "cuda"
    for _ in range(2):  # once for the profiler to get ready
        with profile(activities=[ProfilerActivity.CUDA if on_gpu else ProfilerActivity.CPU]) as seen:
            whole, _ = step()
    parts = dict.fromkeys([*KINDS, "elementwise"], 0.0)
    where = DeviceType.CUDA if on_gpu else DeviceType.CPU  # what calls a kernel has its time too
    for event in (e for e in seen.key_averages() if e.device_type == where and not e.is_user_annotation):
        micros = event.self_device_time_total if on_gpu else event.self_cpu_time_total
        parts[kind_of(event.key)] += micros / 1e6
    busy = sum(parts.values())
    if on_gpu and busy > 1.05 * whole:
        sys.exit(f"the profiler counts {busy:.3f} s of kernels in {whole:.3f} s: something is counted twice")
    whole = max(whole, busy)
    return {kind: part / whole for kind, part in parts.items()} | {"idle": (whole - busy) / whole}


def roofline(config, rows, device, dtype, repeat=20):
    """The matrices of one block and the head, each multiplied alone: {"layer", "intensity", "flops"}.

    rows : how many vectors are multiplied at once
    intensity : FLOPs a byte; flops : reached, a second
    """
    C, found = config.n_embd, []
    shapes = {
        "qkv": (C, 3 * C),
        "proj": (C, C),
        "fc": (C, 4 * C),
        "ffn proj": (4 * C, C),
        "head": (C, config.vocab_size),
    }
    for layer, (d_in, d_out) in shapes.items():
        x, W = (torch.randn(shape, device=device, dtype=dtype) for shape in ((rows, d_in), (d_in, d_out)))
        times = []
        for _ in range(3 + repeat):
            finished(device)
            start = time.perf_counter()
            x @ W
            finished(device)
            times.append(time.perf_counter() - start)
        seconds = statistics.median(times[3:])
        intensity = float(scale.matmul_intensity(rows, d_in, d_out, x.element_size()))
        found.append({"layer": layer, "intensity": intensity, "flops": 2 * rows * d_in * d_out / seconds})
    return found


def stall(recipe, device, n=20):
    """The share of its time that training waits for the loader, of n updates."""
    run = loop.Run(recipe, Group(0, 1, device))
    batches, waited = data.batches(run.source, recipe.batch_size, 0, device, dtype=run.dtype), 0.0
    run.update(*next(batches))
    finished(device)
    start = time.perf_counter()
    for _ in range(n):
        asked = time.perf_counter()
        batch = next(batches)
        waited += time.perf_counter() - asked
        run.update(*batch)
        finished(device)
    return waited / (time.perf_counter() - start)


def table(rows):
    """The rows as lines of text."""
    head = f"{'':6} {'':8} {'tokens/s':>10} {'ms':>9} {'÷ ours':>7} {'quartiles':>13}"
    yield f"{head} {'MFU12':>6} {'MFU6':>6} {'GiB':>6}"
    for r in rows:
        mfu = [f"{r[name]:.1%}" if name in r else "" for name in ("mfu12", "mfu6")]
        under, ratio, over = r["ratio"]
        yield (
            f"{r['size']:6} {r['contender']:8} {r['tokens_per_second']:10,.0f} {r['ms'][1]:9.1f} {ratio:7.2f}"
            f" {under:6.2f}-{over:6.2f} {mfu[0]:>6} {mfu[1]:>6} {r['memory'] / 2**30:6.1f}"
        )


def arguments_of(words):
    """The command line's words, or the end in one sentence."""
    parser = argparse.ArgumentParser(prog="python -m bench.gpu", description=__doc__.split("\n")[0])
    parser.error = lambda message: parser.exit(2, f"gpu: {message}\n")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="updates of each (5), 2 or more")
    parser.add_argument("--only", choices=SIZES, action="append", help="one size; may be given again")
    parser.add_argument("--json", type=Path, metavar="PATH", help=f"write the result, as in {PATH}")
    chosen = parser.parse_args(words)
    if chosen.rounds < 2:
        parser.error(f"--rounds must be 2 or more, not {chosen.rounds}")
    if chosen.only and not torch.cuda.is_available():
        parser.error("--only is for a GPU, and there is none here")
    if chosen.json and not torch.cuda.is_available():
        parser.error("--json is for a GPU's figures, and there is no GPU here")
    if chosen.json and not chosen.json.parent.is_dir():
        parser.error(f"--json: there is no folder {chosen.json.parent}")
    return chosen


def main(words=None):
    chosen = arguments_of(words)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    on_gpu = device.type == "cuda"
    torch.set_float32_matmul_precision("high")  # TF32
    names, rows, parts = (chosen.only or list(SIZES)) if on_gpu else ["tiny"], [], {}
    bar, done = progress.bar(len(names) * 3 * (1 + chosen.rounds)), [0]

    def show():
        done[0] += 1
        bar(done[0])

    record = {"command": "python -m bench.gpu " + " ".join(sys.argv[1:] if words is None else words)}
    record |= {"device": torch.cuda.get_device_name(device) if on_gpu else "cpu", "torch": torch.__version__}
    record |= {"commit": machine.commit(), "rows": rows, "parts": parts}
    for name in names:
        torch.compiler.reset()  # else a second batch size makes all shapes dynamic
        try:
            found, parts[name] = measured(name, device, chosen.rounds, show)
            rows += found
        except torch.OutOfMemoryError:
            print(f"gpu: {name} does not fit into this GPU's memory, and is left out", file=sys.stderr)
        gc.collect()
        if on_gpu:
            torch.cuda.empty_cache()
        if chosen.json:
            chosen.json.write_text(json.dumps(record, indent=1) + "\n")  # what comes after may need too much memory
    ours = contenders(names[0], on_gpu)["ours"]
    dtype, vectors = (torch.bfloat16, 16 * 1024) if on_gpu else (torch.float32, 512)
    record["roofline"] = roofline(ours.model, vectors, device, dtype)
    record["waiting_for_data"] = stall(ours, device, 10)
    print("\n".join(table(rows)))
    for name, shares in parts.items():
        print(f"{name}: " + ", ".join(f"{kind} {share:.0%}" for kind, share in shares.items()))
    print(", ".join(f"{layer['layer']} {layer['flops'] / 1e9:,.0f} GFLOP/s" for layer in record["roofline"]))
    print(f"waiting for data: {record['waiting_for_data']:.2%} of the time")
    if chosen.json:
        chosen.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("Stopped: nothing is written.")
