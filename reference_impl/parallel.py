"""Many GPUs: what each one keeps, what it sends, and how long it waits."""

from dataclasses import dataclass

import numpy as np

from reference_impl import contract, gpt


def ring_all_reduce(arrays):
    """The sum of one array from each of P ranks, on every rank, by sending P-th parts to the next rank only.

    arrays : a list of P arrays of one shape, rank by rank, one rank or more
    Returns the P results, and sent : how many numbers each rank has sent, 2(P - 1)/P of an array where P divides it.
    """
    P, shapes = len(arrays), {np.shape(array) for array in arrays}
    if len(shapes) != 1:
        raise ValueError(f"ring_all_reduce: one shape is needed, not {len(shapes)}: {sorted(shapes)}")
    (shape,) = shapes
    parts = [np.array_split(np.ravel(array), P) for array in arrays]
    sent = [0] * P
    for turn in range(2 * (P - 1)):
        moving = [(rank, (rank - turn) % P) for rank in range(P)]  # turn by turn, each part moves on by one rank
        messages = [parts[rank][k] for rank, k in moving]
        for (rank, k), message in zip(moving, messages, strict=True):
            target = parts[(rank + 1) % P]
            target[k] = target[k] + message if turn < P - 1 else message  # first round adds up, second hands out
            sent[rank] += message.size
    return [np.concatenate(mine).reshape(shape) for mine in parts], sent


def all_reduce_bytes(n_bytes, ranks):
    """Bytes each rank sends in a ring all-reduce: 2(P - 1)/P of the array.

    n_bytes : 0 or more
    ranks : P, 1 or more
    """
    return 2 * (ranks - 1) / ranks * n_bytes


def sharded_bytes(n_params, ranks, stage):
    """Bytes each rank keeps for the parameters, mixed precision with Adam: 2 + 2 + 12 a parameter, shared out.

    n_params : 0 or more
    ranks : 1 or more
    stage : of ZeRO (Rajbhandari et al. 2019, arXiv 1910.02054): 0 shares nothing, 1 the optimizer's 12 bytes (float32
        weights and two moments), 2 the gradients' 2 too, 3 (FSDP) the weights' 2 as well; 0 to 3
    """
    if stage not in (0, 1, 2, 3):
        raise ValueError(f"sharded_bytes: stage must be 0, 1, 2 or 3, not {stage}")
    weights, gradients, optimizer = (
        size / ranks if stage >= first else size for size, first in ((2, 3), (2, 2), (12, 1))
    )
    return n_params * (weights + gradients + optimizer)


def zero_bytes(n_bytes, ranks, stage, microbatches=1):
    """Bytes each rank sends in an update for gradients to be added up and weights to be handed out.

    n_bytes : of the gradients, or of the weights, which are as large, 0 or more
    ranks : 1 or more
    stage : of ZeRO, as in sharded_bytes. 0 and 1 send one all-reduce an update: half of it adds up, half hands out. 2
        adds up after every micro-batch, for no rank keeps all gradients; 3 hands out before every forward and backward
    microbatches : in an update, 1 or more
    (Rajbhandari et al. 2019, section 7.)
    """
    halves = {0: 2, 1: 2, 2: microbatches + 1, 3: 3 * microbatches}
    if stage not in halves:
        raise ValueError(f"zero_bytes: stage must be 0, 1, 2 or 3, not {stage}")
    return halves[stage] * all_reduce_bytes(n_bytes, ranks) / 2


def pipeline_bubble(stages, microbatches):
    """The share of time a pipeline's ranks wait: (p - 1)/(m + p - 1) (Huang et al. 2018, arXiv 1811.06965).

    stages, microbatches : p and m, 1 or more
    """
    return (stages - 1) / (microbatches + stages - 1)


@dataclass(frozen=True)
class Plan:
    """How a model is spread over data · tensor · pipeline GPUs.

    data : copies of the model, among which a batch is shared out; ZeRO stage `stage` shares their memory
    tensor : GPUs that share every matrix
    pipeline : groups of layers
    micro_batch : texts that go through at once; batch_size : texts an update
    """

    data: int
    tensor: int
    pipeline: int
    micro_batch: int
    batch_size: int
    stage: int = 1

    def __post_init__(self):
        for name, value in vars(self).items():
            if name != "stage" and not (isinstance(value, int | np.integer) and value >= 1):
                raise ValueError(f"Plan: {name} must be a whole number, 1 or more, not {value!r}")
        if self.stage not in (0, 1, 2, 3):
            raise ValueError(f"Plan: stage must be 0 to 3, not {self.stage}")
        if self.batch_size % (self.data * self.micro_batch):
            raise ValueError(
                f"Plan: {self.data} copies of {self.micro_batch} texts do not divide a batch of {self.batch_size}"
            )

    @property
    def gpus(self):
        """How many."""
        return self.data * self.tensor * self.pipeline

    @property
    def microbatches(self):
        """How many go through every copy of the model in an update."""
        return self.batch_size // (self.data * self.micro_batch)


def plan(config, layout):
    """What a layout asks of every GPU.

    config : GPTConfig
    layout : Plan
    Returns {"params": of one GPU, "memory": bytes for these, "data_bytes", "tensor_bytes", "pipeline_bytes": sent by
    one GPU in an update, "bubble": the share of time it waits}.

    Parameters are counted as shared out evenly. In truth all tensor ranks keep norms, positions and the biases after a
    sum, and a pipeline's first and last stage both keep the embedding. Activations are in bf16; their memory is left
    out, and none is computed anew. Tensor ranks add up two a layer forward and two backward (Shoeybi et al. 2019, arXiv
    1909.08053); the embedding's and the loss's sums are left out. A stage in the middle of a pipeline sends one to the
    next, and a gradient to the one before, for every micro-batch (Narayanan et al. 2021, arXiv 2104.04473).
    """
    for name, size, what in [("tensor", config.n_head, "heads"), ("pipeline", config.n_layer, "layers")]:
        if size % getattr(layout, name):
            raise ValueError(f"plan: {name} = {getattr(layout, name)} does not divide {size} {what}")
    params = gpt.gpt_param_count(config) / (layout.tensor * layout.pipeline)
    activation = 2 * layout.micro_batch * config.block_size * config.n_embd  # bytes of one (B, T, C) in bf16
    sums = layout.microbatches * 4 * config.n_layer / layout.pipeline
    return {
        "params": params,
        "memory": sharded_bytes(params, layout.data, layout.stage),
        "data_bytes": zero_bytes(2 * params, layout.data, layout.stage, layout.microbatches),
        "tensor_bytes": sums * all_reduce_bytes(activation, layout.tensor),
        "pipeline_bytes": layout.microbatches * 2 * activation * (layout.pipeline > 1),
        "bubble": pipeline_bubble(layout.pipeline, layout.microbatches),
    }


contract.enforce(globals())
