"""How much of a GPU's memory a recipe takes, and recipes made to fit."""

from dataclasses import replace

from reference_impl.gpt import GPTConfig, gpt_param_count

PRESETS = {"8GB": 8e9, "16GB": 16e9, "24GB": 24e9, "80GB": 80e9}
"""Bytes of a GPU's memory, by the preset's name; "cpu" is a preset too."""


def memory_needed(recipe, shards=1, tensor=1):
    """An estimate of the bytes that training a GPT takes on every GPU.

    shards : GPUs that each keep a part of the model and its optimizer (--shard); tensor : as in parallel.Group
    16 a parameter for weights, gradients and Adam's moments, and where they are shared out, 6 for what is lent in bf16,
    with its gradient, of two blocks and the embeddings; of every text that goes through at once, 34 a channel and token
    for what a block keeps of its activations in bf16 (Korthikanti et al. 2022, arXiv 2205.05198, without the attention
    map), or 2 where it is computed again, and of a logit 8, or 12 where the loss is not compiled.
    """
    model, texts = recipe.model, recipe.micro_batch or recipe.batch_size
    block = gpt_param_count(replace(model, n_layer=2)) - gpt_param_count(replace(model, n_layer=1))
    outside, block = gpt_param_count(model) - model.n_layer * block, block / tensor
    own = 16 * (model.n_layer * block + outside) / shards
    lent = 6 * (2 * block + outside) if shards > 1 else 0
    kept = model.n_layer * (2 if recipe.checkpoint else 34) + (34 if recipe.checkpoint else 0)
    of_a_token = kept * model.n_embd + (8 if recipe.compile else 12) * model.vocab_size
    of_a_token *= 1 if recipe.dtype == "bfloat16" else 2
    return own + lent + texts * model.block_size * of_a_token


def preset(recipe, name, shards=1, tensor=1):
    """A recipe made to fit: "cpu" multiplies in float32 and does not compile; a GPU's size chooses micro_batch.

    The batch stays what it is, and a micro_batch that there is already. Where nothing else helps, activations are
    computed again.
    shards, tensor : as in memory_needed
    Raises ValueError for an unknown preset, and where not even one text fits.
    """
    if name == "cpu":
        return replace(recipe, dtype="float32", compile=False)
    if name not in PRESETS:
        raise ValueError(f"there is no preset {name!r}, but cpu, {', '.join(PRESETS)}")
    if not isinstance(recipe.model, GPTConfig):
        return recipe
    sizes = [n for n in range(min(recipe.batch_size, 64), 0, -1) if recipe.batch_size % n == 0]
    sizes = [recipe.micro_batch] if recipe.micro_batch else sizes
    tries = [replace(recipe, micro_batch=n, checkpoint=again) for again in (False, True) for n in sizes]
    for fitting in tries:
        if memory_needed(fitting, shards, tensor) < 0.9 * PRESETS[name]:
            return fitting
    smallest, limit, whole = tries[-1], 0.9 * PRESETS[name], f"{gpt_param_count(recipe.model):,} parameters"
    need = memory_needed(smallest, shards, tensor) / 0.9e9
    shared = (n for n in range(2, recipe.batch_size + 1) if recipe.batch_size % n == 0)  # each has as many texts
    n = next((n for n in shared if memory_needed(smallest, n, tensor) < limit), None)
    hint = f"{n * tensor} such GPUs with --shard will do" if n else "it takes larger ones"
    hint = "leave micro_batch to the preset" if (recipe.micro_batch or 1) > 1 else hint
    raise ValueError(f"{whole} take {need:.0f} GB of a GPU at the least, more than {name}: {hint}")
