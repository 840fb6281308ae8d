"""The reference's source text, cut so that it stands alone: given.py and the exercises are made of it."""

import ast
import importlib
import inspect
import re
import sys
import textwrap
from functools import cache


class SourceError(Exception):
    """A name is not in the reference implementation."""


@cache
def module(name):
    """A module of reference_impl by its short name."""
    try:
        return importlib.import_module(f"reference_impl.{name}")
    except ModuleNotFoundError:
        raise SourceError(f"reference_impl has no module {name}") from None


def find(dotted):
    """The object "module.name" of reference_impl. Raises SourceError where there is none."""
    short, _, name = dotted.rpartition(".")
    if not hasattr(module(short), name):
        raise SourceError(f"reference_impl/{short}.py has no {name}")
    return getattr(module(short), name)


@cache
def definitions(module_name):
    """Every top-level def, class and assignment of a module: {name: its node}, and {name: import text} beside it."""
    tree = ast.parse(inspect.getsource(sys.modules[module_name]))
    nodes, imports = {}, {}
    for node in tree.body:
        match node:
            case ast.FunctionDef() | ast.ClassDef():
                nodes[node.name] = node
            case ast.Assign(targets=[ast.Name(id=name)]):
                nodes[name] = node
            case ast.Import() | ast.ImportFrom():
                for alias in node.names:
                    bound = alias.asname or alias.name
                    kind = type(node)
                    one = (
                        kind(names=[alias]) if kind is ast.Import else ast.ImportFrom(node.module, [alias], node.level)
                    )
                    imports[bound] = ast.unparse(one)
    return nodes, imports


def is_room(import_text):
    """Whether an import binds modules of the reference itself."""
    return import_text.startswith("from reference_impl import")


def text_of(module_name, name):
    """The source of one definition, with `layers.linear_forward` written `linear_forward`."""
    nodes, imports = definitions(module_name)
    node = nodes[name]
    lines = inspect.getsource(sys.modules[module_name]).splitlines()
    start = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
    cuts = {}
    for inner in ast.walk(node):
        match inner:
            case ast.Attribute(value=ast.Name(id=room)) if is_room(imports.get(room, "")):
                cuts.setdefault(inner.lineno, []).append((inner.col_offset, inner.value.end_col_offset + 1))
    for row, spans in cuts.items():
        line = lines[row - 1].encode()
        for begin, end in sorted(spans, reverse=True):
            line = line[:begin] + line[end:]
        lines[row - 1] = line.decode()
    return textwrap.dedent("\n".join(lines[start - 1 : node.end_lineno]))


def flat(function):
    """A function's source, standing alone: other modules' names unqualified."""
    return text_of(function.__module__, function.__name__)


def names_used(function):
    """The names a function's flattened source reads."""
    return {n.id for n in ast.walk(ast.parse(flat(function))) if isinstance(n, ast.Name)}


def needs(module_name, name):
    """What one definition refers to: [(module, name)] in the reference, and the texts of its other imports."""
    nodes, imports = definitions(module_name)
    inside, outside = [], []
    for inner in ast.walk(nodes[name]):
        match inner:
            case ast.Attribute(value=ast.Name(id=room), attr=attr) if is_room(imports.get(room, "")):
                inside.append((f"reference_impl.{room}", attr))
            case ast.Name(id=other) if other in nodes and other != name:
                inside.append((module_name, other))
            case ast.Name(id=other) if other in imports and not is_room(imports[other]):
                outside.append(imports[other])
    return list(dict.fromkeys(inside)), list(dict.fromkeys(outside))


def closure(names):
    """Names ("module.name") with all they need of the reference, what is needed first: [(module, name)]."""
    done = []

    def add(module_name, name):
        if (module_name, name) not in done:
            for other in needs(module_name, name)[0]:
                add(*other)
            if (module_name, name) not in done:
                done.append((module_name, name))

    for dotted in names:
        find(dotted)
        short, _, name = dotted.rpartition(".")
        add(f"reference_impl.{short}", name)
    return done


def standalone(names, title):
    """A module's text that holds the named definitions and all they need, and imports nothing of ours."""
    parts = closure(names)
    imports = sorted(
        {text for part in parts for text in needs(*part)[1]}, key=lambda t: (t.startswith("import numpy"), t)
    )
    blocks = [text_of(*part) for part in parts]
    separated = "\n\n\n".join(blocks)
    return f'"""{title}"""\n\n' + "\n".join(imports) + "\n\n\n" + separated + "\n"


def unqualified(function, text):
    """A piece of a function's source as it stands in the flattened one."""
    rooms = [name for name, line in definitions(function.__module__)[1].items() if is_room(line)]
    return re.sub(rf"\b({'|'.join(rooms)})\.(?=[A-Za-z_])", "", text) if rooms else text


def fenced(function):
    """A function's flattened source with its body, docstring apart, between nbgrader's solution marks."""
    text = flat(function)
    body = ast.parse(text).body[0].body
    lines = text.splitlines()
    first = body[1].lineno - 1  # body[0] is the docstring
    while lines[first - 1].lstrip().startswith("#"):
        first -= 1
    return "\n".join([*lines[:first], "    ### BEGIN SOLUTION", *lines[first:], "    ### END SOLUTION"])
