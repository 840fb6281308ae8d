"""The command line: `python -m grading run SET` and what comes after it."""

import argparse
import importlib
import json
import sys
import time

EPILOG = """exit codes: 0 all graded; 1 some submissions could not be graded, or the run could not go on; 2 the command
makes no sense here; 3 another run holds the class; 4 no sandbox on this machine; 130 stopped by Ctrl-C"""


def parser():
    """The parser of `grading`."""
    top = argparse.ArgumentParser("grading", description="Grade an nbgrader course: safely, in parallel, resumably.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add_run(commands)
    commands.add_parser("feedback", help="write the pages that students get back")
    commands.add_parser("report", help="write the instructor's report on a set, and its points for an LMS")
    commands.add_parser("doctor", help="tell what sandbox this machine has")
    return top


def add_run(commands):
    """The parser of `grading run`."""
    run = commands.add_parser(
        "run",
        help="grade the submissions to a set",
        description="Grade the submissions to a set, as `nbgrader autograde` does: what was graded before and has not "
        "changed is skipped. A run that was stopped, however it was, goes on where it was when started again.",
        epilog=EPILOG,
    )
    run.add_argument("assignment", metavar="SET", help="the assignment's name, as nbgrader has it")
    run.add_argument("--student", action="append", default=[], metavar="ID", help="this one; may be repeated")
    run.add_argument("--force", action="store_true", help="grade again what was graded before")
    run.add_argument("--workers", type=positive, metavar="N", help="processes to grade with (all cores)")
    run.add_argument("--scheduler", metavar="ADDRESS", help="grade on the Dask cluster of this scheduler")
    run.add_argument("--json", action="store_true", help="print what was done as one JSON object")
    run.add_argument("--config", metavar="FILE", help="a configuration besides nbgrader_config.py")
    executors = ("trusted", "plain")
    run.add_argument("--executor", choices=executors, default="trusted", help="plain: nbgrader's own, not safe")
    run.add_argument("--no-sandbox", action="store_true", help="grade where there is no sandbox, at your own risk")


def positive(text):
    """A whole number above 0."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number above 0")
    return int(text)


def main(arguments=None):
    """Run a command. Returns its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        if arguments[:1] in (["feedback"], ["report"]):
            return importlib.import_module(f"grading.{arguments[0]}").main(arguments[1:])
        options = parser().parse_args(arguments)
        return doctor() if options.command == "doctor" else run(options)
    except KeyboardInterrupt:
        print("\ngrading: stopped; what is done is kept, run again to go on", file=sys.stderr)
        return 130


def run(options):
    """`grading run`."""
    if not options.scheduler:
        from grading import pool

        pool.warm()  # beside the next line
    from grading import runner  # takes seconds, and --help should not

    try:
        summary = runner.run(options, Progress() if sys.stderr.isatty() else lambda *_: None)
    except runner.Stop as stop:
        print(f"grading: {stop}", file=sys.stderr)
        return stop.code
    for student, sentence in sorted(summary["failed"].items()):
        print(f"{student}: {sentence}", file=sys.stderr)
    if options.json:
        print(json.dumps(summary))
    else:
        counts = f"graded {summary['graded']}, skipped {summary['skipped']}, failed {len(summary['failed'])}"
        print(f"{options.assignment}: {counts} in {summary['seconds']:.0f} s")
    return 1 if summary["failed"] else 0


class Progress:
    """A line on the terminal: how many are done, how fast, how long still."""

    def __init__(self):
        self.start = time.monotonic()

    def __call__(self, run, total):
        done, graded = len(run.entries), len(run.entries) - len(run.skipped)
        seconds = time.monotonic() - self.start
        left = f"{seconds * (total - done) / graded:.0f} s left" if graded else "starting"
        failed = sum(entry["state"] == "failed" for entry in run.entries.values())
        bar = "█" * (24 * done // total)
        rate = f"{graded / seconds:.1f}/s" if seconds else ""
        line = f"{bar:░<24} {done}/{total}  {rate}  {left}  {f'{failed} failed' * bool(failed)}"
        print(f"\r\033[K{line}", end="\r\033[K" if done == total else "", file=sys.stderr, flush=True)


def doctor():
    """`grading doctor`."""
    from grading import sandbox

    support = sandbox.support()
    for name, value in support.items():
        spare = "  (not needed)" if name in ("cgroups", "bubblewrap", "user_namespaces") else ""
        print(f"{name:20} {value}{spare}")
    lacking = sandbox.complete(support)
    print(*(lacking or ["This machine has all that the sandbox needs."]), sep="\n")
    return 4 if lacking else 0
