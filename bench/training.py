"""The real training runs, one after another: python -m bench.training [--json PATH]"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from reference_impl import recipes


def table(rows):
    """The rows as lines of text."""
    for row in rows:
        score = ", ".join(f"{name} {number:.3f}" for name, number in row["score"].items())
        yield f"{row['recipe']:8} {row['steps']:5} steps {row['seconds']:6.0f} s   {score}"


def main():
    parser = argparse.ArgumentParser(prog="python -m bench.training", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the results here")
    chosen = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for recipe in recipes.RECIPES:
            told = Path(folder) / f"{recipe}.json"
            command = [sys.executable, "-m", "reference_impl.recipes", recipe, "--json", str(told)]
            if subprocess.run(command, check=False).returncode:
                sys.exit(f"bench.training: {recipe} did not end well")
            results.append(json.loads(told.read_text()))
    print("\n".join(table(results)))
    if chosen.json:
        chosen.json.write_text(json.dumps({"command": "python -m bench.training", "rows": results}, indent=1) + "\n")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("bench.training: stopped; nothing was written")
