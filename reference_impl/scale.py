"""Scale: GPT-2 and GPT-3 in numbers. Parameters, FLOPs, memory, use of a GPU, and schedules."""

import re
from dataclasses import dataclass

import numpy as np

from reference_impl import contract, gpt, schedule

PF_DAY = 1e15 * 24 * 3600  # FLOPs: a petaflop/s for a day

GPT2 = {
    name: gpt.GPTConfig(n_layer, n_head, n_embd, block_size=1024, vocab_size=50257)
    for name, n_layer, n_head, n_embd in [
        ("124M", 12, 12, 768),
        ("350M", 24, 16, 1024),
        ("774M", 36, 20, 1280),
        ("1.5B", 48, 25, 1600),
    ]
}
"""Radford et al. 2019, table 2, and the published checkpoints."""


@dataclass(frozen=True)
class GPT3Row:
    """A row of Brown et al. 2020 (arXiv 2005.14165), table 2.1, as printed. batch_size : tokens an update."""

    n_params: float
    n_layer: int
    n_embd: int
    n_head: int
    d_head: int
    batch_size: float
    lr: float


GPT3_PRINTED = {
    "Small": GPT3Row(125e6, 12, 768, 12, 64, 0.5e6, 6.0e-4),
    "Medium": GPT3Row(350e6, 24, 1024, 16, 64, 0.5e6, 3.0e-4),
    "Large": GPT3Row(760e6, 24, 1536, 16, 96, 0.5e6, 2.5e-4),
    "XL": GPT3Row(1.3e9, 24, 2048, 24, 128, 1e6, 2.0e-4),
    "2.7B": GPT3Row(2.7e9, 32, 2560, 32, 80, 1e6, 1.6e-4),
    "6.7B": GPT3Row(6.7e9, 32, 4096, 32, 128, 2e6, 1.2e-4),
    "13B": GPT3Row(13e9, 40, 5140, 40, 128, 2e6, 1.0e-4),
    "175B": GPT3Row(175e9, 96, 12288, 96, 128, 3.2e6, 0.6e-4),
}


def resolve(row):
    """The network that a printed row means.

    n_head · d_head is n_embd in six of the eight rows. In the other two, table D.1's parameters tell what is meant:
    XL's 24 heads of 128 are 16, and 13B's width of 5140 is 40 · 128 = 5120.
    """
    heads, width = row.n_head, row.n_embd
    if heads * row.d_head != width:
        heads = width // row.d_head if width % row.d_head == 0 else heads
        width = heads * row.d_head
    return gpt.GPTConfig(row.n_layer, heads, width, block_size=2048, vocab_size=50257)


GPT3 = {name: resolve(row) for name, row in GPT3_PRINTED.items()}


def training_flops(n_params, tokens):
    """6 · N · D: a multiply and an add for every parameter and token, forward once and backward twice.

    n_params, tokens : N and D, 0 or more
    Attention's own products are left out, as in table D.1 of Brown et al. 2020.
    """
    return 6 * n_params * tokens


def matmul_params(config):
    """The parameters that are multiplied with every token: L · 12C² + V · C. Not biases, norms or positions.

    config : GPTConfig
    """
    return config.n_layer * 12 * config.n_embd**2 + config.vocab_size * config.n_embd


def flops_per_token(config, causal=False):
    """Of training, forward and backward: 6 · matmul_params + 12 · L · C · T, the last for attention's own products.

    config : GPTConfig
    causal : count half of attention's, for a mask leaves half (6 · L · C · T, as llm.c does; else as PaLM does)
    """
    attention = 12 * config.n_layer * config.n_embd * config.block_size
    return 6 * matmul_params(config) + (attention // 2 if causal else attention)


def mfu(tokens_per_second, config, peak, causal=False):
    """Model FLOPs utilisation: the share of a device's peak that reaches the model (Chowdhery et al. 2022, appendix B).

    tokens_per_second : 0 or more
    config, causal : as in flops_per_token
    peak : FLOP/s of the device, above 0
    """
    return tokens_per_second * flops_per_token(config, causal) / peak


PEAKS = {
    "V100": 125e12,
    "A100": 312e12,
    "H100": 989e12,
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H200": 989e12,
    "H200 NVL": 835e12,
    "A10": 125e12,
    "L4": 121e12,
    "L40S": 362e12,
    "RTX 3090": 71e12,
    "RTX 4090": 165e12,
}
"""FLOP/s of dense matrix products in bf16 (fp16 on V100), summed in float32, by NVIDIA's data sheets and, of RTX, its
white papers on GA102 and Ada; SXM boards unless named."""


def peak_flops(device):
    """The peak of a device: "NVIDIA A100-SXM4-80GB" is an A100, by the longest name in PEAKS that its words hold.

    device : what the driver calls it
    Raises ValueError for an unknown device, and where the peak is not the name's: a MIG slice, a laptop's, a D, a Ti.
    """
    words = re.findall(r"\w+", device)
    names = [name for name in PEAKS if set(name.split()) <= set(words)]
    if not names or {"MIG", "Laptop", "D", "Ti"} & set(words):
        raise ValueError(f"peak_flops: no peak is known for {device!r}, but for {', '.join(PEAKS)}")
    return PEAKS[max(names, key=len)]


def memory_bytes(n_params, weights=4, gradients=4, moments=8):
    """Bytes that training keeps for its parameters, activations apart: weights, gradients and Adam's two moments.

    n_params, weights, gradients, moments : 0 or more; the last three in bytes a parameter, here all in float32
    """
    return n_params * (weights + gradients + moments)


def kv_cache_bytes(config, batch_size, tokens, itemsize=2):
    """Bytes of keys and values of a text: 2 · L · C numbers a token, of itemsize bytes each.

    config : GPTConfig
    batch_size, tokens, itemsize : 0 or more
    """
    return 2 * config.n_layer * config.n_embd * batch_size * tokens * itemsize


def matmul_intensity(n, d_in, d_out, itemsize=2):
    """FLOPs a byte of (n, d_in) @ (d_in, d_out), each array being read or written once.

    n, d_in, d_out, itemsize : 1 or more
    """
    return 2 * n * d_in * d_out / (itemsize * (n * d_in + d_in * d_out + n * d_out))


def roofline(intensity, peak, bandwidth):
    """The most FLOP/s an operation can reach: its intensity times the memory's bytes/s, and never above peak.

    intensity : (...,), FLOPs a byte, 0 or more
    peak, bandwidth : above 0
    (Williams et al. 2009.)
    """
    return np.minimum(peak, np.asarray(intensity) * bandwidth)


def gpt3_lr(tokens, lr):
    """The learning rate after so many tokens: warm-up for 375 million, cosine to a tenth at 260 billion, then constant.

    tokens : 0 or more
    lr : the row's, above 0
    (Brown et al. 2020, appendix B.)
    """
    return schedule.warmup_cosine(tokens, lr, 375e6, 260e9, 0.1 * lr)


def gpt3_batch_size(tokens, batch_size, n_ramp=4e9):
    """Tokens an update after so many tokens: from 32 thousand on a straight line to the row's batch size.

    tokens : 0 or more
    batch_size : the row's, above 0
    n_ramp : tokens of the ramp, 4 to 12 billion depending on the model, above 0
    (Brown et al. 2020, appendix B.)
    """
    return schedule.batch_ramp(tokens, 32e3, batch_size, n_ramp)


contract.enforce(globals())
