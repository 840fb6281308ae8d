"""A set's notebook, run without Jupyter."""

import ast
import contextlib
import sys


def run_notebook(notebook, folder, skip=()):
    """Run a notebook's code cells in this process, in folder, as `Run all` does and past every error.

    skip : grade ids and tags of cells to leave out
    Returns {grade_id: points} of the check cells that were run.
    """
    earned, scope = {}, {"__name__": "__main__"}
    sys.modules.pop("given", None)
    before = sys.path[:]
    sys.path.insert(0, str(folder))
    try:
        with contextlib.chdir(folder):
            for cell in notebook.cells:
                entry = cell.metadata.get("nbgrader", {})
                tags = set(cell.metadata.get("tags", ())) | {entry.get("grade_id")}
                if cell.cell_type != "code" or tags & set(skip):
                    continue
                graded = entry.get("grade") and not entry.get("solution")
                value = run_cell(cell.source, scope)
                if graded:
                    earned[entry["grade_id"]] = value if isinstance(value, float) else 0.0
    finally:
        sys.path[:] = before
        sys.modules.pop("given", None)
    return earned


def run_cell(source, scope):
    """The value of a cell's last expression, or None where it has none or fails."""
    try:
        tree = ast.parse(source)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, "<cell>", "exec"), scope)
        return eval(compile(ast.Expression(last.value), "<cell>", "eval"), scope) if last else None
    except Exception:
        return None
