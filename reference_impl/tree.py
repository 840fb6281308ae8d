"""Trees: parameters and gradients as nested dicts, lists and tuples of arrays."""

import numpy as np


def map_tree(f, *trees):
    """Apply f to the corresponding leaves of trees of one structure; return a tree of that structure.

    f : called with one leaf from each tree
    trees : nested dicts, lists and tuples; anything else is a leaf
    Raises ValueError where the structures differ.
    """
    first = trees[0]
    _same([type(t).__name__ if isinstance(t, dict | list | tuple) else "a leaf" for t in trees])
    if isinstance(first, dict):
        _same([sorted(t) for t in trees])
        return {k: map_tree(f, *(t[k] for t in trees)) for k in first}
    if isinstance(first, list | tuple):
        _same([len(t) for t in trees])
        return type(first)(map_tree(f, *branches) for branches in zip(*trees, strict=True))
    return f(*trees)


def _same(descriptions):
    if any(d != descriptions[0] for d in descriptions):
        raise ValueError(f"trees differ in structure: {descriptions[0]} and {descriptions[1:]}")


def flatten(tree, prefix=""):
    """A tree as one dict from dotted paths to leaves, in order.

    >>> flatten([{"W": 1.0, "b": 2.0}])
    {'0.W': 1.0, '0.b': 2.0}
    """
    if not isinstance(tree, (dict, list, tuple)):
        return {prefix: tree}
    flat = {}
    for key, branch in tree.items() if isinstance(tree, dict) else enumerate(tree):
        path = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(branch, (dict, list, tuple)):
            flat |= flatten(branch, path)
        else:
            flat[path] = branch
    return flat


def unflatten(flat, like):
    """The inverse of flatten: the values of flat, in order, in the structure of like.

    Raises ValueError where flat has not exactly like's paths.
    """
    _same([list(flatten(like)), list(flat)])
    values = iter(flat.values())
    return map_tree(lambda _: next(values), like)


def count(tree):
    """How many numbers the tree holds."""
    return sum(np.size(leaf) for leaf in flatten(tree).values())


def global_norm(tree):
    """The length of all leaves laid end to end: the square root of the sum of all squares."""
    return np.sqrt(sum(np.sum(np.square(leaf)) for leaf in flatten(tree).values()))


def cast(tree, dtype):
    """The tree with every array as dtype: float32 halves the memory and more than halves the time."""
    return map_tree(lambda leaf: np.asarray(leaf, dtype), tree)


def save(path, tree):
    """Write a tree's arrays to a .npz file, each under its path."""
    np.savez(path, **flatten(tree))


def load(path, like):
    """Read what save wrote, in the structure of like. Raises ValueError where the file has not exactly like's paths."""
    with np.load(path) as file:
        return unflatten(dict(file), like)
