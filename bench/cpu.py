"""NumPy against PyTorch on one CPU core, float32: forward, backward and update.

    python -m bench.cpu [--rounds N] [--only NAME] [--json PATH]

Four contenders do the same work on the same numbers, each with one thread, in one process that is the workload's own:
the reference as it is listed, the reference within fast.speed(), PyTorch as it comes, and PyTorch's best, which is the
fastest here of several settings. They must agree before they are timed. In every round each takes its turn, in an order
that is drawn, and time ÷ eager is taken within a round: what else the machine does falls on all of them. Time is the
processor's, which does not count other programs' turns. Memory is what three steps and their model add at most to a
fresh process, not told where PyTorch compiles.
"""

import argparse
import contextlib
import gc
import json
import multiprocessing
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch

from bench.workloads import WORKLOADS
from reference_impl import fast, progress

torch.set_num_threads(1)
CONTENDERS = ("clear", "fast", "eager", "best")
PATH = Path("book/data/cpu_bench.json")


def within(contender):
    """What a contender's steps run within."""
    return fast.speed() if contender == "fast" else contextlib.nullcontext()


def built(workload, contender, settings):
    """A contender's step; settings is the name in workload.torch for PyTorch's best."""
    if contender in ("clear", "fast"):
        with within(contender):
            return workload.numpy()
    return workload.torch["eager" if contender == "eager" else settings]()


def timed(step, batches):
    """Seconds of processor time a step."""
    start = time.process_time()
    for batch in batches:
        step(*batch)
    return (time.process_time() - start) / len(batches)


def fastest(name):
    """The settings of PyTorch that are fastest here, of five tries in turn each."""
    workload, rng = WORKLOADS[name](), np.random.default_rng(0)
    if len(workload.torch) == 1:
        return "eager"
    steps = {name: build() for name, build in workload.torch.items()}
    times = {name: [] for name in steps}
    for _ in range(6):
        batches = [workload.draw(rng) for _ in range(workload.repeat)]
        for name, step in steps.items():
            times[name].append(timed(step, batches))
    return min(times, key=lambda name: np.median(times[name][1:]))


def disagreement(workload, steps, rng, n_steps=3):
    """The largest difference from eager in the first steps, of the largest number; the program ends above rtol."""
    worst = 0.0
    for _ in range(n_steps):
        batch, found = workload.draw(rng), {}
        for contender, step in steps.items():
            with within(contender):
                result = step(*batch)
            found[contender] = [np.asarray(a) for a in (result if isinstance(result, tuple) else (result,))]
        for contender, arrays in found.items():
            for ours, theirs in zip(arrays, found["eager"], strict=True):
                worst = max(worst, np.abs(ours - theirs).max() / np.abs(theirs).max())
                if not worst <= workload.rtol:
                    sys.exit(
                        f"{workload.says}: {contender} differs from PyTorch by {worst:.1e}, not {workload.rtol:.0e}."
                    )
    return float(worst)


def in_fork(f, *args):
    """f(*args) in a process of its own, which leaves nothing behind in this one's memory."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)

    def work():
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this one too
        sender.send(f(*args))

    child = context.Process(target=work, daemon=True)
    child.start()
    sender.close()
    try:
        found = receiver.recv()
    except EOFError:
        sys.exit("A contender failed: see above.")
    child.join()
    return found


def peak_memory(name, contender, settings):
    """MiB that three steps and what they need take at most, or None of what is compiled first."""
    if contender == "best" and "compiled" in settings:
        return None
    workload, rng, tiny = WORKLOADS[name](), np.random.default_rng(0), WORKLOADS["tiny"]()
    for who in ("clear", "eager"):
        built(tiny, who, None)(*tiny.draw(rng))  # what the libraries load and keep is there before
    before = resident("RssAnon")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    with within(contender):
        step = built(workload, contender, settings)
        for _ in range(3):
            step(*workload.draw(rng))
    return (resident("VmHWM") - resident("RssFile") - before) / 2**20  # without the libraries' code


def resident(field):
    """Bytes in memory, as Linux says: RssAnon what a process made, RssFile what it read, VmHWM both at their peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(field))


def quartiles(numbers):
    """The lower quartile, the median and the upper quartile."""
    return [float(q) for q in np.percentile(numbers, (25, 50, 75))]


def measured(name, settings, memory, rounds, show):
    """One workload's rows, one a contender. settings : PyTorch's fastest; memory : {contender: MiB}"""
    workload, rng = WORKLOADS[name](), np.random.default_rng(0)
    steps = {contender: built(workload, contender, settings) for contender in CONTENDERS}
    worst = disagreement(workload, steps, rng)
    times = {contender: [] for contender in CONTENDERS}
    for done in range(rounds):
        batches = [workload.draw(rng) for _ in range(workload.repeat)]
        for contender in rng.permutation(CONTENDERS):
            with within(contender):
                times[contender].append(timed(steps[contender], batches))
        show(done + 1)
    return [
        {
            "workload": name,
            "says": workload.says,
            "contender": contender,
            "settings": {"eager": "as it comes", "best": settings}.get(contender, ""),
            "ms": quartiles(1e3 * np.array(times[contender])),
            "ratio": quartiles(np.array(times[contender]) / np.array(times["eager"])),
            "memory": memory[contender],
            "rounds": rounds,
            "steps_a_round": workload.repeat,
            "largest_difference": worst,
        }
        for contender in CONTENDERS
    ]


def table(rows):
    """The rows as lines of text."""
    yield f"{'':10} {'':6} {'ms':>9} {'quartiles':>19} {'÷ eager':>8} {'quartiles':>13} {'MiB':>7}"
    for row in rows:
        (low, ms, high), (under, ratio, over) = row["ms"], row["ratio"]
        memory = "" if row["memory"] is None else f"{row['memory']:.1f}"
        yield (
            f"{row['workload']:10} {row['contender']:6} {ms:9.3f} {low:9.3f}-{high:9.3f}"
            f" {ratio:8.2f} {under:6.2f}-{over:6.2f} {memory:>7}  {row['settings']}"
        )


def device():
    """The processor's name."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m bench.cpu", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--only", choices=WORKLOADS, action="append", help="one workload; may be given again")
    parser.add_argument("--json", type=Path, metavar="PATH", help=f"write the result, as in {PATH}")
    chosen = parser.parse_args(arguments)
    if chosen.rounds < 1:
        parser.error(f"--rounds must be 1 or more, not {chosen.rounds}")
    if chosen.json and not chosen.json.parent.is_dir():
        parser.error(f"--json: there is no folder {chosen.json.parent}")
    gc.disable()
    rows, names = [], chosen.only or list(WORKLOADS)
    show = progress.bar(len(names) * (chosen.rounds + 1))
    for i, name in enumerate(names):  # each on its own: what it leaves in memory changes no other's time
        before = i * (chosen.rounds + 1) + 1
        settings = in_fork(fastest, name)
        memory = {c: in_fork(peak_memory, name, c, settings) for c in CONTENDERS}
        show(before, name)
        rows += in_fork(
            measured, name, settings, memory, chosen.rounds, lambda n, b=before, name=name: show(b + n, name)
        )
    print("\n".join(table(rows)))
    if chosen.json:
        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
        record = {
            "command": "python -m bench.cpu " + " ".join(sys.argv[1:] if arguments is None else arguments),
            "device": device(),
            "cores": os.cpu_count(),
            "versions": {"python": platform.python_version(), "numpy": np.__version__, "torch": torch.__version__},
            "commit": commit.stdout.strip(),
            "rows": rows,
        }
        chosen.json.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("Stopped: nothing is written.")
