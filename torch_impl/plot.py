"""Loss curves of runs, from their folders: python -m torch_impl.plot runs/names_rnn runs/names_lstm --out loss.svg"""

import argparse
import json
import sys
from pathlib import Path

from matplotlib.figure import Figure

LOG = "log.jsonl"


def lines_of(folder):
    """What a run has logged, a dict a line: training's have "loss", an evaluation's "val_loss".

    Half a line, as of a run that was killed, is left out.
    """
    path = Path(folder) / LOG
    try:
        return [json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
    except FileNotFoundError:
        raise FileNotFoundError(f"{folder} is not the folder of a run: it has no {LOG}") from None


def curves(folders, path):
    """Draw the losses of runs by step, evaluations as points, to a file whose ending tells the format."""
    figure = Figure(figsize=(6.4, 4), layout="constrained")
    axes = figure.subplots()
    for folder in folders:
        lines = lines_of(folder)
        training = [line for line in lines if "loss" in line]
        (curve,) = axes.plot(
            [line["step"] for line in training], [line["loss"] for line in training], label=str(folder)
        )
        judged = [line for line in lines if "val_loss" in line]
        axes.plot(
            [line["step"] for line in judged], [line["val_loss"] for line in judged], "o", color=curve.get_color()
        )
    axes.set(xlabel="step", ylabel="loss (dots: on held-out data)")
    axes.legend(frameon=False)
    figure.savefig(path)


def main(words=None):
    parser = argparse.ArgumentParser(prog="python -m torch_impl.plot", description=__doc__)
    parser.add_argument("folders", nargs="+", metavar="FOLDER")
    parser.add_argument("--out", default="loss.svg", metavar="FILE")
    chosen = parser.parse_args(words)
    try:
        curves(chosen.folders, chosen.out)
    except (OSError, ValueError) as problem:
        sys.exit(f"plot: {problem}")


if __name__ == "__main__":
    main()
