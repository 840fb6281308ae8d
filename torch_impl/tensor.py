"""Tensor parallelism: processes that share every matrix of a GPT's blocks (Shoeybi et al. 2019, arXiv 1909.08053).

Each has some of the heads and some of the feed-forward network's units: columns of what comes in, rows of what goes
out. A block adds up twice forward, and twice backward. Embeddings, norms and biases are everybody's.
"""

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.tensor import DTensor, Shard, distribute_tensor

from torch_impl import attention, gpt, layers


class _Enter(torch.autograd.Function):
    """What all have alike goes different ways: forward nothing, backward the sum of all ways' gradients."""

    @staticmethod
    def forward(ctx, x, group):
        ctx.group = group
        return x.view_as(x)

    @staticmethod
    def backward(ctx, dout):
        dout = dout.contiguous()
        dist.all_reduce(dout, group=ctx.group)
        return dout, None


class _Leave(torch.autograd.Function):
    """Different parts add up to what all have alike: forward their sum, backward nothing."""

    @staticmethod
    def forward(ctx, x, group):
        x = x.contiguous()
        dist.all_reduce(x, group=group)
        return x

    @staticmethod
    def backward(ctx, dout):
        return dout, None


class _Part(nn.Module):
    """A linear layer of which a process has a part: W cut along an axis, and all of b."""

    def __init__(self, W, b, mesh, axis):
        super().__init__()
        self.W = nn.Parameter(distribute_tensor(W.detach(), mesh, [Shard(axis)], src_data_rank=None))
        self.b, self.mesh = nn.Parameter(b.detach()), mesh

    def columns(self, x, kinds):
        """Some columns of xW + b, of each kind as many: (..., d_in) to (..., kinds · d_out / n)."""
        rank, n, group = self.mesh.get_local_rank(), self.mesh.size(), self.mesh.get_group()
        b = _Enter.apply(self.b, group).view(kinds, n, -1)[:, rank]
        return layers.linear(_Enter.apply(x, group), self.W.to_local().flatten(1), b.flatten())

    def rows(self, x):
        """The sum of all processes' x times their rows of W, + b: (..., d_in / n) to (..., d_out)."""
        return _Leave.apply(x @ self.W.to_local(), self.mesh.get_group()) + self.b


class MHA(nn.Module):
    """attention.MHA with some of its heads. Its qkv.W is (C, 3, C), cut along the last axis."""

    def __init__(self, whole, mesh):
        super().__init__()
        C = len(whole.qkv.W)
        self.qkv = _Part(whole.qkv.W.view(C, 3, C), whole.qkv.b, mesh, 2)
        self.proj, self.n_head = _Part(whole.proj.W, whole.proj.b, mesh, 0), whole.n_head // mesh.size()

    def forward(self, x, past=None):
        """As attention.MHA; past holds this process's heads."""
        out = attention.attend(self.qkv.columns(x, kinds=3), self.n_head, past)
        return self.proj.rows(out)


class FFN(nn.Module):
    """mlp.FFN with some of its units."""

    def __init__(self, whole, mesh):
        super().__init__()
        self.fc, self.proj = _Part(whole.fc.W, whole.fc.b, mesh, 1), _Part(whole.proj.W, whole.proj.b, mesh, 0)
        self.activation = whole.activation

    def forward(self, x):
        """(..., C) to (..., C)."""
        return self.proj.rows(self.activation(self.fc.columns(x, kinds=1)))


def share(model, mesh):
    """Let the processes of a mesh share a GPT's blocks, in place; every one has drawn the same model.

    Raises ValueError for another model, and where the heads cannot be shared out.
    """
    if not isinstance(model, gpt.GPT) or model.config.n_head % mesh.size():
        have = f"{model.config.n_head} heads" if isinstance(model, gpt.GPT) else type(model).__name__
        raise ValueError(f"--tensor {mesh.size()} must divide the heads of a GPT, not {have}")
    for block in model.blocks:
        block.attn, block.ffn = MHA(block.attn, mesh), FFN(block.ffn, mesh)


@torch.no_grad()
def average(model, mesh):
    """The mean of every gradient over the copies of a shared model, and over neighbours of what they have alike.

    mesh : of parallel.mesh_of, with the axes "data" and "tensor"
    """
    for p in model.parameters():
        if isinstance(p.grad, DTensor):
            grad, group, n = p.grad.to_local(), mesh["data"].get_group(), mesh["data"].size()
        else:
            grad, group, n = p.grad, None, dist.get_world_size()
        if n > 1:
            dist.all_reduce(grad, group=group)
            grad /= n
