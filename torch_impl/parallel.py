"""Many processes, one model: what torchrun starts, how a model is spread over it, and what they tell one another.

Every process takes its share of every batch, and gradients are averaged. Copies (DDP) each keep the whole model; shards
(FSDP2, ZeRO's stage 3) each keep a part of every block, and borrow the rest while they compute with it. Tensor
parallelism (torch_impl.tensor) lets neighbouring processes work on the same rows, each with some heads and units, and
their parts can be sharded in turn.
"""

import os
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class Group:
    """The processes of a run.

    rank : this one's number; size : how many there are; device : this one's
    tensor : so many neighbours take the same rows of a batch, and share every matrix
    """

    rank: int
    size: int
    device: torch.device
    tensor: int = 1

    def __post_init__(self):
        if self.tensor < 1 or self.size % self.tensor:
            raise ValueError(
                f"--tensor {self.tensor} must divide the number of processes, {self.size}, that torchrun starts"
            )

    @property
    def data(self):
        """Into how many parts a batch is shared out."""
        return self.size // self.tensor

    @property
    def part(self):
        """The rows of every batch that are this process's."""
        return slice(self.rank // self.tensor, None, self.data)

    def mean(self, tensor):
        """The mean of every process's tensor."""
        if self.size > 1:
            dist.all_reduce(tensor)
            tensor /= self.size
        return tensor

    def any(self, number):
        """The largest of every process's whole number: what one has noticed, all know."""
        if self.size == 1:
            return number
        told = torch.tensor(number)  # on the CPU, where nobody waits for a GPU
        dist.all_reduce(told, dist.ReduceOp.MAX)
        return told.item()

    def first(self, f):
        """f() by the first process, then by the others, who fail as it did: it may leave on disk what they read."""
        if self.size == 1:
            return f()
        if self.rank:
            dist.barrier()
            return f()
        try:
            return f()
        finally:
            dist.barrier()


def begin(kind, tensor=1):
    """The group that torchrun started this process in, or a group of one.

    kind : "cpu" or "cuda"; tensor : as in Group
    """
    place = int(os.environ.get("LOCAL_RANK", "0"))
    if kind == "cuda" and torch.cuda.device_count() <= place:
        raise ValueError(
            f"there is no GPU for process {place}: PyTorch sees {torch.cuda.device_count()}; --device cpu needs none"
        )
    device = torch.device(kind, place) if kind == "cuda" else torch.device(kind)
    if "RANK" not in os.environ:
        return Group(0, 1, device, tensor)
    if kind == "cuda":
        torch.cuda.set_device(device)
    store, rank, size = next(dist.rendezvous("env://"))
    again = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")  # what a dead process has left in the store is not for us
    how = {"backend": "cpu:gloo,cuda:nccl", "device_id": device} if kind == "cuda" else {"backend": "gloo"}
    dist.init_process_group(store=dist.PrefixStore(again, store), rank=rank, world_size=size, **how)
    dist.barrier()  # whoever finds a mistake and ends must not leave others connecting to him
    return Group(rank, size, device, tensor)


def end():
    """Part in peace. Without a group it does nothing."""
    if dist.is_initialized():
        dist.destroy_process_group()


def copies(model):
    """The same model in every process: what to call in its place."""
    return DistributedDataParallel(model, gradient_as_bucket_view=True)  # else gradients are there twice


def shard(model, mesh, dtype=None):
    """Spread a model's parameters over a mesh, in place: block by block where it has blocks, then what is left.

    dtype : bfloat16 lends parameters in it, and hands on from block to block in it; gradients add up in float32
    """
    policy = MixedPrecisionPolicy(param_dtype=dtype, reduce_dtype=torch.float32) if dtype else MixedPrecisionPolicy()
    for block in getattr(model, "blocks", ()):
        fully_shard(block, mesh=mesh, mp_policy=policy)
    return fully_shard(model, mesh=mesh, mp_policy=policy)


def mesh_of(group):
    """The processes in rows of neighbours: its axes are "data" and "tensor"."""
    return init_device_mesh(group.device.type, (group.data, group.tensor), mesh_dim_names=("data", "tensor"))


def waiting(forward, last):
    """Let copies exchange gradients after the last micro-batch of an update alone. Shards, who keep none, always do."""
    if isinstance(forward, DistributedDataParallel):
        forward.require_backward_grad_sync = last


def like(p, value):
    """A tensor that every process has whole, laid out as p: of a shard, its own part."""
    if isinstance(p, DTensor):
        return distribute_tensor(value.to(p.device), p.device_mesh, p.placements, src_data_rank=None)
    return value
