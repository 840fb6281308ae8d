"""What the benchmark measures: training four models, and their kernels, by the reference and by PyTorch."""

import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from bench import twins
from reference_impl import activations, attention, conv, gpt, init, layers, mlp, recipes, train, tree

# Adam is AdamW without decay and without clipping; final_lr=1 keeps the rate.
ADAM = train.AdamWConfig(10**9, 1e-3, final_lr=1.0, betas=(0.9, 0.999), weight_decay=0.0, max_norm=math.inf)
ADAMW = train.AdamWConfig(10**9, 1e-3, final_lr=1.0, betas=(0.9, 0.95), weight_decay=0.1, max_norm=1.0)


@dataclass(frozen=True)
class Workload:
    """A piece of work that every contender can do.

    says : what it is, for people
    draw : rng -> a batch, a tuple of arrays
    numpy : () -> step, with step(*batch) -> what all must agree on: a loss, or arrays
    torch : {settings' name: () -> step}, "eager" first; best is the fastest of them all
    repeat : steps in one measurement
    rtol : how far results may differ, of the largest number: float32 has seven digits, and sums lose some
    """

    says: str
    draw: Callable
    numpy: Callable
    torch: dict
    repeat: int = 1
    rtol: float = 1e-5


# Training -------------------------------------------------------------------------------------------------------------


def numpy_training(forward, backward, config, params, recipe):
    """Training by the reference: step(x, targets) -> loss."""
    params, states, step = params, {}, 0

    def one(x, targets):
        nonlocal params, states, step
        loss, grads = recipes.loss_and_grads(forward, backward, config, params, x, targets)
        params, states = train.adamw_step(params, grads, states, step, recipe)
        step += 1
        return loss

    return one


def torch_training(model, params, recipe, **settings):
    """model : (**parts) -> torch.nn.Module; settings : of the optimizer, and parts, channels_last, compile"""
    model = model(**settings.pop("parts", {}))
    twins.load(model, params)
    channels_last, compiled = settings.pop("channels_last", False), settings.pop("compile", False)
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
    groups = [[p for p in model.parameters() if (p.ndim > 1) == decays] for decays in (True, False)]
    optimizer = torch.optim.AdamW(
        [{"params": groups[0], "weight_decay": recipe.weight_decay}, {"params": groups[1], "weight_decay": 0.0}],
        lr=recipe.lr,
        betas=recipe.betas,
        eps=recipe.eps,
        **settings,
    )
    run = torch.compile(model) if compiled else model

    def one(x, targets):
        x, targets = torch.from_numpy(x), torch.from_numpy(targets)
        if x.ndim == 4:  # (B, H, W, C) to PyTorch's (B, C, H, W): a view, and channels last in memory
            x = x.permute(0, 3, 1, 2)
            x = x if channels_last else x.contiguous()
        optimizer.zero_grad()
        loss = F.cross_entropy(run(x).flatten(0, -2), targets.flatten())
        loss.backward()
        if recipe.max_norm < math.inf:
            torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.max_norm)
        optimizer.step()
        return loss.detach()

    return one


def training(says, draw, pair, config, params, model, recipe, best, **kwargs):
    """params : as from the reference's init, float64; model : () -> Module; best : {settings' name: settings}"""
    params = tree.cast(params, np.float32)
    contenders = {"eager": {}} | best
    return Workload(
        says,
        draw,
        lambda: numpy_training(*pair(), config, params, recipe),
        {name: partial(torch_training, model, params, recipe, **settings) for name, settings in contenders.items()},
        **kwargs,
    )


def classes(shape, n_classes):
    """draw for images or rows of noise, and a class for each."""

    def draw(rng):
        return rng.standard_normal(shape, np.float32), rng.integers(0, n_classes, shape[0])

    return draw


def mlp_workload(sizes, batch, best, **kwargs):
    """Training an MLP with Adam on noise."""
    config = mlp.MLPConfig(sizes, activations.relu, init.he_normal)
    return training(
        f"MLP {'-'.join(map(str, sizes))}, batch {batch}, Adam",
        classes((batch, sizes[0]), sizes[-1]),
        lambda: (mlp.mlp_forward, mlp.mlp_backward),
        config,
        mlp.mlp_init(config, np.random.default_rng(0)),
        lambda: twins.MLP(sizes),
        ADAM,
        best,
        **kwargs,
    )


def cnn_workload(best):
    """Training a CNN with Adam on noise."""
    config = conv.CNNConfig((28, 28, 1), (16, 32), 10)
    return training(
        "CNN, 16 and 32 channels, 3×3, on 28×28, batch 64, Adam",
        classes((64, 28, 28, 1), 10),
        lambda: (conv.cnn_forward, conv.cnn_backward),
        config,
        conv.cnn_init(config, np.random.default_rng(0)),
        lambda: twins.CNN(config.channels, config.n_classes),
        ADAM,
        best,
    )


def gpt_workload(best):
    """Training a GPT with AdamW on noise."""
    config = gpt.GPTConfig(n_layer=4, n_head=4, n_embd=128, block_size=128, vocab_size=65)

    def draw(rng):
        ids = rng.integers(0, 65, (16, 129))
        return np.ascontiguousarray(ids[:, :-1]), np.ascontiguousarray(ids[:, 1:])

    return training(
        "GPT, 4 layers, 4 heads, width 128, 128 tokens, batch 16, 65 characters, AdamW and clipping",
        draw,
        lambda: (gpt.gpt_forward, gpt.gpt_backward),
        config,
        gpt.gpt_init(config, np.random.default_rng(0)),
        partial(twins.GPT, config),
        ADAMW,
        best,
    )


# Kernels --------------------------------------------------------------------------------------------------------------


def kernel(says, shapes, forward, torch_forward, best=None, n_grads=None, fixed=None, **kwargs):
    """One pair. shapes : of the arrays drawn, dout's last; forward(*arrays) -> out, and cache -> the gradients.

    forward : () -> (forward, backward), looked up in every step, since speed() replaces them
    torch_forward : the same formula; best : {name: another}
    fixed : arguments before the drawn ones that need no gradient
    """
    fixed = () if fixed is None else fixed

    def draw(rng):
        return tuple(rng.standard_normal(shape, np.float32) for shape in shapes)

    def numpy_kernel():
        def one(*arrays):
            *args, dout = arrays
            ahead, back = forward()
            out, cache = ahead(*fixed, *args)
            grads = back(dout, cache)
            return out, *(grads if isinstance(grads, tuple) else (grads,))

        return one

    def torch_kernel(formula):
        constants = [torch.from_numpy(a) for a in fixed]

        def one(*arrays):
            *args, dout = (torch.from_numpy(a) for a in arrays)
            args = [a.requires_grad_() for a in args]
            out = formula(*constants, *args)
            return out.detach(), *torch.autograd.grad(out, args, dout)

        return one

    formulas = {"eager": torch_forward} | (best or {})
    return Workload(
        says, draw, numpy_kernel, {name: partial(torch_kernel, formula) for name, formula in formulas.items()}, **kwargs
    )


def conv_nchw(x, W, b):
    """PyTorch's usual layout: images are copied to channels first."""
    return F.conv2d(x.permute(0, 3, 1, 2).contiguous(), W.permute(3, 2, 0, 1), b, padding=1).permute(0, 2, 3, 1)


def conv_nhwc(x, W, b):
    """Channels last in memory, which oneDNN has kernels for too."""
    return F.conv2d(x.permute(0, 3, 1, 2), W.permute(3, 2, 0, 1), b, padding=1).permute(0, 2, 3, 1)


MASK = attention.causal_mask(128)
IDS = np.random.default_rng(1).integers(0, 65, (16, 128))
HEADS = (16, 4, 128, 32)


def masked_attention():
    """The pair, with GPT's mask."""

    def ahead(q, k, v):
        return attention.attention_forward(q, k, v, MASK)

    return ahead, attention.attention_backward


FUSED = {"fused": {"fused": True}, "foreach": {"foreach": True}}
SDPA = {"fused, SDPA": {"fused": True, "parts": {"attend": twins.fused_attention}}}
COMPILED = {"compiled, fused": {"fused": True, "compile": True}} if shutil.which("g++") else {}
WORKLOADS = {
    "mlp": lambda: mlp_workload((784, 512, 512, 10), 128, FUSED, repeat=4),
    "tiny": lambda: mlp_workload((2, 16, 16, 2), 32, FUSED, repeat=50),
    "cnn": lambda: cnn_workload(FUSED | {"fused, channels last": {"fused": True, "channels_last": True}}),
    "gpt": lambda: gpt_workload(FUSED | SDPA | COMPILED),
    "layernorm": lambda: kernel(
        "layer norm, 2048×128",
        [(2048, 128), (128,), (128,), (2048, 128)],
        lambda: (layers.layernorm_forward, layers.layernorm_backward),
        lambda x, g, b: F.layer_norm(x, (128,), g, b),
        repeat=10,
        rtol=1e-4,
    ),
    "embedding": lambda: kernel(
        "embedding, 2048 tokens of 65, width 128",
        [(65, 128), (16, 128, 128)],
        lambda: (layers.embedding_forward, layers.embedding_backward),
        F.embedding,
        fixed=(IDS,),
        repeat=10,
    ),
    "gelu": lambda: kernel(
        "GELU, 2048×512",
        [(2048, 512), (2048, 512)],
        lambda: (activations.gelu_forward, activations.gelu_backward),
        lambda x: F.gelu(x, approximate="tanh"),
        repeat=4,
    ),
    "softmax": lambda: kernel(
        "softmax, 8192×128",
        [(8192, 128), (8192, 128)],
        lambda: (activations.softmax_forward, activations.softmax_backward),
        lambda x: F.softmax(x, dim=-1),
        repeat=4,
    ),
    "conv2d": lambda: kernel(
        "convolution, 3×3, 16 to 32 channels, 64 images of 14×14",
        [(64, 14, 14, 16), (3, 3, 16, 32), (32,), (64, 14, 14, 32)],
        lambda: (partial(conv.conv2d_forward, padding=1), conv.conv2d_backward),
        conv_nchw,
        {"channels last": conv_nhwc},
        repeat=4,
        rtol=1e-4,
    ),
    "attention": lambda: kernel(
        "causal attention, 16 × 4 heads, 128 tokens, width 32",
        [HEADS, HEADS, HEADS, HEADS],
        masked_attention,
        twins.attention,
        {"scaled_dot_product_attention": twins.fused_attention},
        repeat=4,
        rtol=1e-4,
    ),
}
