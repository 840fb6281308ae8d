"""What the instructor's own notebook teaches about submissions to it."""

import ast
import contextlib

from IPython.core.inputtransformer2 import TransformerManager
from nbgrader import utils


def read(nb):
    """What an instructor's notebook says, without running it:

    definitions : {name: source} of what graded cells may use: imports, functions, classes and constants
    asked : the names the solution binds, which are the submission's to bind
    permitted, in_place : see grading.executor, which learns them by running the notebook
    """
    definitions, asked = {}, set()
    for cell in nb.cells:
        if cell.cell_type == "code":
            asked |= bound(cell.source) if utils.is_solution(cell) else set()
            definitions |= defined(cell.source, imports_only=utils.is_solution(cell))
    asked -= {name for name, source in definitions.items() if source.startswith(("import ", "from "))}
    return {"definitions": definitions, "asked": sorted(asked), "in_place": [], "permitted": {}}


def judges(cell):
    """Whether a graded cell judges by itself, rather than by calling check."""
    judged = utils.is_grade(cell) and utils.is_locked(cell) and cell.cell_type == "code"
    return judged and not cell.source.lstrip().startswith("check(")


def bound(source):
    """The names a cell binds at its top level, also by changing an item or an attribute of them."""
    names, todo = set(), [parsed(source)]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            while not isinstance(node, ast.Name | ast.Call | ast.Constant):
                node = getattr(node, "value", ast.Constant(0))
            names |= {node.id} if isinstance(node, ast.Name) else set()
        elif not isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            todo += ast.iter_child_nodes(node)
    return names


def defined(source, imports_only=False):
    """{name: source} of the imports, functions, classes and constants a cell defines at its top level."""
    found = {}
    for node in parsed(source).body:
        text = ast.unparse(node)
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(a.asname or a.name).split(".")[0]: text for a in node.names if a.name != "*"}
        elif imports_only:
            continue
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found[node.name] = text
        elif isinstance(node, ast.Assign) and all(isinstance(t, ast.Name) for t in node.targets):
            with contextlib.suppress(ValueError, TypeError):
                ast.literal_eval(node.value)
                found |= {t.id: text for t in node.targets}
    return found


def parsed(source):
    """A cell's syntax tree, magics taken out; an empty one where it is no Python."""
    try:
        return ast.parse(TransformerManager().transform_cell(source))
    except SyntaxError:
        return ast.Module([], [])
