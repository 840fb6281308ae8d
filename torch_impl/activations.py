"""The reference's activations in PyTorch, (...,) to (...,). Each is its forward; autograd knows the backward."""

import torch
import torch.nn.functional as F


def sigmoid(x):
    """1 / (1 + e^-x)."""
    return torch.sigmoid(x)


def tanh(x):
    """tanh x."""
    return torch.tanh(x)


def relu(x):
    """max(0, x)."""
    return F.relu(x)


def leaky_relu(x, slope=0.01):
    """x where x > 0, else slope · x."""
    return F.leaky_relu(x, slope)


def elu(x, alpha=1.0):
    """x where x > 0, else α(e^x - 1)."""
    return F.elu(x, alpha)


def silu(x):
    """x · sigmoid(x)."""
    return F.silu(x)


def gelu(x):
    """½x(1 + tanh(√(2/π)(x + 0.044715x³))), GPT-2's form."""
    return F.gelu(x, approximate="tanh")


def softmax(x):
    """e^x_i / Σ_j e^x_j along the last axis."""
    return x.softmax(dim=-1)


def log_softmax(x):
    """x_i - log Σ_j e^x_j along the last axis."""
    return x.log_softmax(dim=-1)


def log_sum_exp(x):
    """log Σ_j e^x_j along the last axis. x : (..., K); returns (...,)."""
    return x.logsumexp(dim=-1)


def draw(p, rng):
    """One class for every row of probabilities, as likely as the row says.

    p : (..., K), each row adding up to 1
    rng : torch.Generator, on p's device, or None
    Returns (...,) int64.
    """
    cumulated = p.cumsum(dim=-1)
    u = torch.rand((*p.shape[:-1], 1), generator=rng, dtype=p.dtype, device=p.device)
    return (cumulated / cumulated[..., -1:] > u).int().argmax(dim=-1)


def twin(f, names):
    """What a module here calls the function that a config of the reference names.

    f : a function of the reference, as he_normal or relu_forward
    names : the module's globals()
    Raises ValueError where there is none.
    """
    name = f.__name__.removesuffix("_forward")
    if name not in names:
        raise ValueError(f"{names['__name__']} has no {name}: a model here is made of the reference's own functions")
    return names[name]


def of(activation):
    """The function here for an Activation of the reference: activations.relu's is relu."""
    return twin(activation.forward, globals())
