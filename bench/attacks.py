"""Cheats and harms, graded by plain nbgrader and by us: what each earns, and whom it hurts.

    python -m bench.attacks [--only NAME …] [--workers N] --json PATH

Every attack of tests/grading/attacks.py is handed in to a class, between a student whose work is graded already and one
who comes later in the alphabet: to nbgrader each in a class of its own, since one may end it, to us twenty at a time.
Harm is what these two, the course's files, the machine and the secrets of the course suffer; all that a class suffers
is told of each attack in it. Where the machine allows, a class is graded in a process and mount namespace of its own.
"""

import argparse
import concurrent.futures
import json
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "grading"))

import attacks as corpus
import ground

PATH = Path("book/data/attacks.json")
SECONDS = 300  # for a submission
CLASS = 20  # attacks on us that share a class
KILOBYTES = 8_000_000  # of address space for a process: an attack must not take the machine along
INSIDE = """\
left() {
    for p in /proc/[0-9]*; do
        n=${p#/proc/}
        [ $n -gt 1 ] && [ $n -ne $$ ] && [ $n -ne $BASHPID ] && grep -q %s= $p/environ 2>/dev/null &&
            echo "LEFT $(tr '\\0' ' ' < $p/cmdline)"
    done
}
ulimit -v %d
"$@"
code=$?
for try in $(seq 40); do
    found=$(left)
    [ -z "$found" ] && exit $code
    sleep 0.5
done
echo
echo "$found"
exit $code"""
NAMESPACE = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]


def contained():
    """The words before a command that keep it to itself as far as this machine allows."""
    can = shutil.which("unshare") and subprocess.run([*NAMESPACE, "true"], check=False, capture_output=True)
    return [
        *(NAMESPACE if can and can.returncode == 0 else []),
        "bash",
        "-c",
        INSIDE % (ground.MARK, KILOBYTES),
        "class",
    ]


def base(folder, slug, plain):
    """A class in which aaron is graded already: the folder to copy for each attack, and everybody's right points."""
    place = ground.make(folder, slug)
    ground.hand_in(place, "aaron", ground.honest(place, "aaron"))
    done = ground.grade(place, plain)
    if done.returncode:
        sys.exit(f"the honest student could not be graded: {done.stdout[-2000:]}")
    ground.hand_in(place, "zoe", ground.honest(place, "zoe"))
    return place, ground.points(place)["aaron"]


def moved(place, folder):
    """A copy of a class in another folder."""
    shutil.copytree(place.folder, folder, symlinks=True)
    return ground.Ground(folder, place.slug)


def tried(attacks, place, right, plain, prefix):
    """Some attacks in one class, graded: [{"points", "harm", "seconds"}, …], the class's harm being each one's."""
    with tempfile.TemporaryDirectory(prefix="attack-") as folder, ground.line() as (port, heard):
        here = moved(place, Path(folder).resolve() / "course")
        corpus.prepare(here.folder, port)
        for number, attack in enumerate(attacks):
            ground.hand_in(here, f"mallory{number}", attack.apply)
        before, start = ground.state(here), time.monotonic()
        try:
            done = ground.grade(here, plain, prefix=prefix, timeout=SECONDS * len(attacks), **{ground.MARK: "1"})
        except subprocess.TimeoutExpired:
            done = None
        seconds = (time.monotonic() - start) / len(attacks)
        try:
            points = ground.points(here)
        except Exception:
            points = {}
        shared = {
            "the grader was killed or hung": done is None or done.returncode < 0 or done.returncode > 100,
            "the rest of the class was not graded": points.get("zoe") is None,
            "another student's points changed": any(points.get(s, right) != right for s in ("aaron", "zoe")),
            "processes went on": done is not None and "\nLEFT " in done.stdout,
            "a line was opened": bool(heard),
            "files outside were changed": bool(ground.harm(here, before)),
        }
        rows = []
        for number, attack in enumerate(attacks):
            name = f"mallory{number}"
            found = shared | {
                "the submission was lost": not any((here.folder / "autograded" / name).glob("*/*.ipynb")),
                "a secret was shown": bool(ground.secrets_shown(here, name)),
                "more than 100 MB were left behind": ground.megabytes(here.folder / "autograded" / name) > 100,
            }
            earned = sum(points.get(name, {}).values()) - attack.merited
            harm = [what for what, so in found.items() if so]
            rows.append({"points": round(earned, 2), "harm": harm, "seconds": round(seconds, 1)})
        return rows


def measured(only=(), workers=2, keep=lambda rows: None):
    """Every attack, or those of some names, by both graders: a list of dicts. keep is given it after every class."""
    chosen = [attack for attack in corpus.ATTACKS if not only or attack.name in only]
    rows = {attack.name: {"attack": attack.name, "family": attack.family, "set": attack.slug} for attack in chosen}
    prefix, done = contained(), 0
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for who, size in (("ours", CLASS), ("plain", 1)):
            for slug in sorted({attack.slug for attack in chosen}):
                place, right = base(Path(folder).resolve() / who / slug, slug, who == "plain")
                todo = [attack for attack in chosen if attack.slug == slug]
                classes = [todo[i : i + size] for i in range(0, len(todo), size)]
                todo = {pool.submit(tried, c, place, right, who == "plain", prefix): c for c in classes}
                for future in concurrent.futures.as_completed(todo):
                    for attack, found in zip(todo[future], future.result(), strict=True):
                        rows[attack.name][who] = found
                        rows[attack.name]["possible"] = round(sum(right.values()), 2)
                    done += len(todo[future])
                    keep(list(rows.values()))
                    if sys.stderr.isatty():
                        print(f"\r{done} of {2 * len(chosen)}", end="", file=sys.stderr)
    return list(rows.values())


def table(rows):
    """A Markdown table: for each family, how many attacks earned points or did harm."""
    lines = [
        "| attacks | tried | earned points: nbgrader | ours | did harm: nbgrader | ours |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    families = {}
    for row in rows:
        families.setdefault(row["family"], []).append(row)
    families["**all**"] = rows
    for family, found in families.items():
        earned = [sum(row[who]["points"] > 0 for row in found) for who in ("plain", "ours")]
        harmed = [sum(bool(row[who]["harm"]) for row in found) for who in ("plain", "ours")]
        lines.append(f"| {family} | {len(found)} | {earned[0]} | {earned[1]} | {harmed[0]} | {harmed[1]} |")
    return "\n".join(lines)


def write(path, rows):
    """The rows as a file, with what they were measured with."""
    versions = {"python": platform.python_version(), "nbgrader": version("nbgrader")}
    record = {"command": "python -m bench.attacks", "system": platform.system(), "versions": versions, "rows": rows}
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser("bench.attacks", description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", default=(), metavar="NAME", help="these attacks alone")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="classes graded at a time (%(default)s)")
    parser.add_argument("--json", type=Path, default=PATH, metavar="PATH", help="where to write it (%(default)s)")
    options = parser.parse_args()
    unknown = set(options.only) - {attack.name for attack in corpus.ATTACKS}
    if unknown:
        parser.error(f"there is no attack {', '.join(sorted(unknown))}")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    rows = measured(options.only, options.workers, lambda rows: write(options.json, rows))
    print(table(rows))


if __name__ == "__main__":
    main()
