"""GPT: embeddings, blocks of attention and feed-forward networks, and the next token's logits; and text from them."""

from dataclasses import dataclass

import numpy as np

from reference_impl import activations, attention, contract, layers, tree


@dataclass(frozen=True)
class GPTConfig:
    """What there is to choose about a GPT: layers L, heads H, width C, the longest text T and the vocabulary V."""

    n_layer: int
    n_head: int
    n_embd: int
    block_size: int
    vocab_size: int

    def __post_init__(self):
        contract.at_least(self, **dict.fromkeys(vars(self), 1))
        if self.n_embd % self.n_head:
            raise ValueError(f"GPTConfig: {self.n_head} heads do not divide n_embd = {self.n_embd}")


def gpt_init(config, rng):
    """Parameters of a GPT as GPT-2's: weights from N(0, 0.02²), where a block ends 1/√(2L) of that, biases 0.

    Returns {"wte": (V, C), "wpe": (T, C), "blocks": one a layer, "ln_f": {"g", "b"}}. (Radford et al. 2019, 2.3.)
    """
    C = config.n_embd
    return {
        "wte": 0.02 * rng.standard_normal((config.vocab_size, C)),
        "wpe": 0.02 * rng.standard_normal((config.block_size, C)),
        "blocks": [block_init(config, rng) for _ in range(config.n_layer)],
        "ln_f": {"g": np.ones(C), "b": np.zeros(C)},
    }


def block_init(config, rng):
    """Parameters of one block, as attention.block_forward takes them."""
    C, last = config.n_embd, 0.02 / np.sqrt(2 * config.n_layer)

    def linear(d_in, d_out, std):
        return {"W": std * rng.standard_normal((d_in, d_out)), "b": np.zeros(d_out)}

    return {
        "ln_1": {"g": np.ones(C), "b": np.zeros(C)},
        "attn": {"qkv": linear(C, 3 * C, 0.02), "proj": linear(C, C, last)},
        "ln_2": {"g": np.ones(C), "b": np.zeros(C)},
        "ffn": {"fc": linear(C, 4 * C, 0.02), "proj": linear(4 * C, C, last)},
    }


def gpt_param_count(config):
    """How many numbers gpt_init draws or sets: V·C + T·C + L(12C² + 13C) + 2C; the head is the embedding, counted once.

    Returns an int.
    """
    C = config.n_embd
    return (config.vocab_size + config.block_size) * C + config.n_layer * (12 * C**2 + 13 * C) + 2 * C


def gpt_forward(params, ids, config, past=None):
    """Logits of the token after each one.

    params : as from gpt_init
    ids : (B, T) int, 0 to V - 1
    past : None, or keys_and_values of an earlier forward, whose text ids go on
    Returns logits : (B, T, V) and cache. The text, with its past, is at most config.block_size long.
    """
    start = 0 if past is None else past[0][0].shape[2]
    T = start + ids.shape[1]
    if config.block_size < T:
        raise ValueError(f"gpt_forward: {T} tokens are more than block_size = {config.block_size}")
    tokens, c_wte = layers.embedding_forward(ids, params["wte"])
    positions, c_wpe = layers.embedding_forward(np.arange(start, T), params["wpe"])
    x, blocks = tokens + positions, []
    for i, block in enumerate(params["blocks"]):
        x, c_block = attention.block_forward(block, x, config.n_head, past and past[i])
        blocks.append(c_block)
    x, c_ln_f = layers.layernorm_forward(x, params["ln_f"]["g"], params["ln_f"]["b"])
    return x @ params["wte"].T, (c_wte, c_wpe, blocks, c_ln_f, x, params["wte"])


def gpt_backward(dout, cache):
    """The gradient of every parameter; wte has two, as embedding and as head.

    dout : (B, T, V), by the logits
    cache : (c_wte, c_wpe, c_blocks, c_ln_f, x, wte), with x : (B, T, C) what the head multiplied
    Returns grads, shaped like params.
    """
    c_wte, c_wpe, c_blocks, c_ln_f, x, wte = cache
    dhead = dout.reshape(-1, len(wte)).T @ x.reshape(-1, x.shape[-1])
    dx, dg, db = layers.layernorm_backward(dout @ wte, c_ln_f)
    blocks = []
    for c_block in reversed(c_blocks):
        dparams, dx = attention.block_backward(dx, c_block)
        blocks.insert(0, dparams)
    return {
        "wte": layers.embedding_backward(dx, c_wte) + dhead,
        "wpe": layers.embedding_backward(dx.sum(axis=0), c_wpe),
        "blocks": blocks,
        "ln_f": {"g": dg, "b": db},
    }


def keys_and_values(cache):
    """The KV cache: what every layer's attention remembers of the text, one (k, v) a layer, (B, H, T, D) each."""
    return [c_attention[1:3] for _, (_, c_attention, _), _, _ in cache[2]]


def next_token_probabilities(logits, temperature=1.0, top_k=None, top_p=None):
    """softmax(logits / temperature), of the top_k likeliest tokens, of these the fewest that add up to top_p or more.

    logits : (..., V)
    temperature : 0 or more; 0 gives all to the likeliest token, of equals the first
    top_k : 1 or more; None keeps all
    top_p : in (0, 1]; None keeps all; the top_k are made to add up to 1 first (Holtzman et al. 2019, arXiv 1904.09751)
    Returns p : (..., V), adding up to 1 along the last axis.
    """
    top_k = 1 if temperature == 0 else top_k
    order = np.argsort(-logits, axis=-1, kind="stable")
    p, _ = activations.softmax_forward(np.take_along_axis(logits, order, axis=-1) / (temperature or 1))
    if top_k is not None:
        p[..., top_k:] = 0
        p /= p.sum(axis=-1, keepdims=True)
    if top_p is not None:
        p[p.cumsum(axis=-1) - p >= top_p] = 0
        p /= p.sum(axis=-1, keepdims=True)
    out = np.empty_like(p)
    np.put_along_axis(out, order, p, axis=-1)
    return out


def generate(params, ids, n_new, config, rng, **sampling):
    """Continue ids by n_new tokens, each drawn from next_token_probabilities(logits, **sampling).

    ids : (B, T) int, one token or more
    n_new : 0 or more
    Returns (B, T + n_new) int. Each token sees the last config.block_size; while all fit, keys and values are kept.
    """
    if ids.shape[1] == 0:
        raise ValueError("generate: there must be one token or more to continue, not 0")
    past, new = None, ids[:, -config.block_size :]
    for _ in range(n_new):
        logits, cache = gpt_forward(params, new, config, past)
        drawn = activations.draw(next_token_probabilities(logits[:, -1], **sampling), rng)[:, None]
        ids = np.concatenate([ids, drawn], axis=1)
        past, new = keys_and_values(cache), drawn
        if past[0][0].shape[2] == config.block_size:  # full: positions move, so everything is computed anew
            past, new = None, ids[:, -config.block_size :]
    return ids


# What GPT-2's published weights call our parameters.
GPT2_NAMES = {
    "wte": "wte.weight", "wpe": "wpe.weight", "blocks": "h", "attn.qkv": "attn.c_attn", "attn.proj": "attn.c_proj",
    "ffn.fc": "mlp.c_fc", "ffn.proj": "mlp.c_proj", ".W": ".weight", ".g": ".weight", ".b": ".bias",
}  # fmt: skip


def from_gpt2(weights, config):
    """Parameters from GPT-2's published weights, {"wte.weight": array, "h.0.attn.c_attn.weight": array, …}.

    weights : names as on the Hugging Face hub, with or without "transformer." before them; what else it holds is left
    Returns params, shaped like gpt_init's. Raises ValueError where an array is missing or has another shape.
    """
    like = gpt_init(config, np.random.default_rng(0))
    weights = {name.removeprefix("transformer."): array for name, array in weights.items()}
    found = {}
    for path, p in tree.flatten(like).items():
        name = path
        for ours, theirs in GPT2_NAMES.items():
            name = name.replace(ours, theirs)
        if np.shape(weights.get(name)) != p.shape:
            have = np.shape(weights[name]) if name in weights else "nothing"
            raise ValueError(f"from_gpt2: {name} must have shape {p.shape}, not {have}")
        found[path] = weights[name]
    return tree.unflatten(found, like)


contract.enforce(globals())
