"""The reference's updates as PyTorch's optimizers: the same names and defaults, the same steps.

Each takes what torch.optim takes: parameters, or groups of them. rest goes on to torch.optim, as fused=True.
"""

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.tensor import DTensor


def sgd(params, lr, weight_decay=0.0, **rest):
    """p - lr · (g + weight_decay · p)."""
    return torch.optim.SGD(params, lr, weight_decay=weight_decay, **rest)


def momentum(params, lr, momentum=0.9, weight_decay=0.0, **rest):
    """velocity' = momentum · velocity + g; p' = p - lr · velocity'."""
    return torch.optim.SGD(params, lr, momentum, weight_decay=weight_decay, **rest)


def nesterov(params, lr, momentum=0.9, weight_decay=0.0, **rest):
    """p' = p - lr · (g + momentum · velocity')."""
    return torch.optim.SGD(params, lr, momentum, weight_decay=weight_decay, nesterov=True, **rest)


def adagrad(params, lr, eps=1e-10, weight_decay=0.0, **rest):
    """p' = p - lr · g / (√total' + eps)."""
    return torch.optim.Adagrad(params, lr, weight_decay=weight_decay, eps=eps, **rest)


def rmsprop(params, lr, alpha=0.99, eps=1e-8, weight_decay=0.0, **rest):
    """p' = p - lr · g / (√v' + eps)."""
    return torch.optim.RMSprop(params, lr, alpha, eps, weight_decay, **rest)


def adam(params, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, **rest):
    """p' = p - lr · m̂ / (√v̂ + eps)."""
    return torch.optim.Adam(params, lr, betas, eps, weight_decay, **rest)


def adamw(params, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01, **rest):
    """Adam's step from (1 - lr · weight_decay) · p."""
    return torch.optim.AdamW(params, lr, betas, eps, weight_decay, **rest)


def _mesh_of(p):
    """The processes that share a tensor, or None."""
    return p.device_mesh if isinstance(p, DTensor) else None


def groups(model, weight_decay):
    """A model's parameters in groups, as train.adamw_step of the reference has them: two axes or more decay.

    What is spread over processes has groups of its own, a mesh each: PyTorch does not update them at once.
    """
    found = {}
    for p in model.parameters():
        found.setdefault((p.ndim > 1, _mesh_of(p)), []).append(p)
    return [
        {"params": params, "weight_decay": weight_decay if decays else 0.0} for (decays, _), params in found.items()
    ]


def clip_grad_norm(model, max_norm):
    """Scale a model's gradients down to a length of max_norm where they are longer; returns the length they had."""
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    own = [g.to_local() if isinstance(g, DTensor) else g for g in grads]
    square = 0.0
    for mesh in {_mesh_of(g): None for g in grads}:
        part = nn.utils.get_total_norm([o for g, o in zip(grads, own, strict=True) if _mesh_of(g) == mesh]) ** 2
        for group in mesh.get_all_groups() if mesh else ():  # one axis after the other: the same number everywhere
            dist.all_reduce(part, group=group)
        square = square + part
    norm = square.sqrt()
    scale = (max_norm / (norm + 1e-6)).clamp(max=1.0)
    for o in own:
        o.mul_(scale)
    return norm
