"""Parameters and gradients from a model to the reference's trees, and back."""

import torch

from reference_impl import tree


def load(model, params):
    """Copy a tree of the reference into a model. Raises ValueError where paths or shapes differ."""
    flat, own = tree.flatten(params), dict(model.named_parameters())
    wrong = [path for path in {**flat, **own} if path not in flat or path not in own]
    wrong += [path for path in flat if path not in wrong and tuple(flat[path].shape) != tuple(own[path].shape)]
    if wrong:
        raise ValueError(f"load: {wrong[0]} does not fit: the tree is of another config")
    with torch.no_grad():
        for path, p in own.items():
            p.copy_(torch.as_tensor(flat[path]))


def params_of(model):
    """A model's parameters as the reference's tree of NumPy arrays."""
    return nested({path: p.detach().cpu().numpy() for path, p in model.named_parameters()})


def grads_of(model):
    """A model's gradients as the reference's tree of NumPy arrays."""
    return nested({path: p.grad.cpu().numpy() for path, p in model.named_parameters()})


def nested(flat):
    """The inverse of the reference's tree.flatten: {"0.W": w, "0.b": b} to [{"W": w, "b": b}]."""
    if "" in flat:
        return flat[""]
    branches = {}
    for path, leaf in flat.items():
        key, _, rest = path.partition(".")
        branches.setdefault(key, {})[rest] = leaf
    found = {key: nested(branch) for key, branch in branches.items()}
    return list(found.values()) if all(key.isdecimal() for key in found) else found
