"""Recipes: everything a run is, as one frozen config, from a hundred digits to GPT-3's rows."""

import ast
import inspect
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace

from reference_impl import activations, init, rnn, scale
from reference_impl.conv import CNNConfig
from reference_impl.gpt import GPTConfig, gpt_param_count
from reference_impl.mlp import MLPConfig
from reference_impl.rnn import RNNConfig
from reference_impl.train import AdamWConfig

DTYPES = "float32", "bfloat16", "float64"


@dataclass(frozen=True)
class Recipe:
    """What there is to choose about a run.

    model : MLPConfig, CNNConfig, RNNConfig or GPTConfig of the reference
    data : a name or a folder, as data.load takes it
    n_steps, batch_size : updates, and examples or texts in each
    lr, n_warmup, final_lr, betas, eps, weight_decay, max_norm : as in the reference's AdamWConfig
    micro_batch : examples that go through at once, a divisor of batch_size; None is all
    dtype : bfloat16 multiplies in it and keeps weights in float32 (a sharded model also adds up in it)
    compile : by torch.compile
    checkpoint : keep no activations within a block, compute them again when going back
    mup_base : None, or the width at which lr was found for an MLP that is trained by µP, without decay
    """

    model: object
    data: str
    n_steps: int
    batch_size: int
    lr: float
    n_warmup: int = 0
    final_lr: float = 0.1
    betas: tuple[float, float] = (0.9, 0.95)
    eps: float = 1e-8
    weight_decay: float = 0.1
    max_norm: float = 1.0
    micro_batch: int | None = None
    dtype: str = "float32"
    compile: bool = False
    checkpoint: bool = False
    mup_base: int | None = None
    seed: int = 0

    def __post_init__(self):
        for name in ("batch_size", "micro_batch"):
            value = getattr(self, name)
            if not (value is None and name == "micro_batch") and not (isinstance(value, int) and value >= 1):
                raise ValueError(f"Recipe: {name} must be a whole number, 1 or more, not {value!r}")
        if self.batch_size % (self.micro_batch or 1):
            raise ValueError(f"Recipe: micro_batch = {self.micro_batch} does not divide batch_size = {self.batch_size}")
        if self.dtype not in DTYPES:
            raise ValueError(f"Recipe: dtype must be {', '.join(DTYPES)}, not {self.dtype!r}")
        if self.mup_base is not None and (self.weight_decay or not isinstance(self.model, MLPConfig)):
            raise ValueError("Recipe: mup_base is for an MLP with weight_decay = 0")
        _ = self.updates  # which checks the rest

    @property
    def updates(self):
        """The reference's AdamWConfig."""
        names = [field.name for field in fields(AdamWConfig)]
        return AdamWConfig(**{name: getattr(self, name) for name in names})

    @property
    def tokens(self):
        """Of an update, or examples where there are no tokens."""
        return self.batch_size * getattr(self.model, "block_size", 1)


def digits():
    """An MLP on scikit-learn's digits: seconds on a CPU."""
    model = MLPConfig((64, 128, 10), activations.relu, init.he_normal)
    return Recipe(model, "digits", n_steps=600, batch_size=64, lr=5e-3, n_warmup=20)


def mnist_mlp():
    """An MLP on 5,000 digits of MNIST, as images of one channel: seconds on a CPU."""
    model = MLPConfig((784, 256, 10), activations.relu, init.he_normal)
    return Recipe(model, "mnist", n_steps=600, batch_size=64, lr=2e-3, n_warmup=20)


def mnist():
    """The reference's CNN on the same digits: half a minute on a CPU."""
    return Recipe(CNNConfig((28, 28, 1), (16, 32), 10), "mnist", 600, 64, lr=6e-3, n_warmup=20, weight_decay=0.01)


def cifar10():
    """A CNN on 50,000 small photographs, which torch_impl.fetch downloads: minutes on a GPU."""
    return Recipe(CNNConfig((32, 32, 3), (64, 128, 256), 10), "data/cifar10", 8000, 128, lr=2e-3, n_warmup=200)


def _names(cell):
    model = RNNConfig(cell, vocab_size=27, n_embd=24, n_hidden=128)
    return Recipe(model, "names", n_steps=1500, batch_size=64, lr=5e-3, n_warmup=50, weight_decay=0.01)


def names_rnn():
    """A vanilla RNN on the letters of surnames: a minute on a CPU."""
    return _names(rnn.vanilla)


def names_lstm():
    """An LSTM on the same."""
    return _names(rnn.lstm)


def names_gru():
    """A GRU on the same, as the reference's recipe "names"."""
    return _names(rnn.gru)


def char_gpt():
    """A GPT on the characters of Python's standard library: minutes on a CPU."""
    model = GPTConfig(n_layer=2, n_head=4, n_embd=96, block_size=64, vocab_size=128)
    return Recipe(model, "sources", n_steps=2000, batch_size=16, lr=5e-3, n_warmup=100)


def bpe_gpt():
    """A GPT on the same text in 2,048 tokens of byte-pair encoding: a GPU's minutes, or a CPU's hour."""
    model = GPTConfig(n_layer=6, n_head=6, n_embd=384, block_size=256, vocab_size=2048)
    return Recipe(model, "sources_bpe", n_steps=3000, batch_size=64, lr=1e-3, n_warmup=200, dtype="bfloat16")


def _gpt2(name, batch_size, lr):
    """A row of GPT-2: half a million tokens an update of what torch_impl.fetch downloads, the vocabulary padded."""
    model = replace(scale.GPT2[name], vocab_size=50304)
    return Recipe(model, "data/fineweb_edu", 10_000, batch_size, lr, n_warmup=700, dtype="bfloat16", compile=True)


def gpt2_124m():
    """GPT-2, 12 layers, width 768."""
    return _gpt2("124M", 512, 6e-4)


def gpt2_350m():
    """GPT-2, 24 layers, width 1024."""
    return _gpt2("350M", 512, 3e-4)


def gpt2_774m():
    """GPT-2, 36 layers, width 1280."""
    return _gpt2("774M", 512, 2.5e-4)


def gpt2_1558m():
    """GPT-2, 48 layers, width 1600."""
    return _gpt2("1.5B", 512, 2e-4)


def gpt3(name):
    """A row of GPT-3's table as it is meant: batch and rate printed, 300 billion tokens (Brown et al. 2020)."""
    row = scale.GPT3_PRINTED[name]
    model = replace(scale.GPT3[name], vocab_size=50304)
    texts = round(row.batch_size / model.block_size / 16) * 16
    n_steps, n_warmup = round(300e9 / row.batch_size), round(375e6 / row.batch_size)
    rest = {"dtype": "bfloat16", "compile": True}
    return Recipe(model, "data/fineweb_edu", n_steps, texts, row.lr, n_warmup, **rest)


def _row(name):
    def recipe():
        return gpt3(name)

    recipe.__doc__ = f"GPT-3's row {name}: see gpt3."
    return recipe


RECIPES = {
    f.__name__: f
    for f in (
        digits, mnist_mlp, mnist, cifar10, names_rnn, names_lstm, names_gru, char_gpt, bpe_gpt,
        gpt2_124m, gpt2_350m, gpt2_774m, gpt2_1558m,
    )
} | {f"gpt3_{name.lower().replace('.', '_')}": _row(name) for name in scale.GPT3_PRINTED}  # fmt: skip


# Sweeps ---------------------------------------------------------------------------------------------------------------


def mup_sweep(widths=(64, 256, 1024), powers=range(-13, -4)):
    """{(way, width, power): recipe}: MLPs on MNIST's digits at a rate of 2^power, "standard" and "µP" from width 64."""
    found = {}
    for way, base in [("standard", None), ("µP", 64)]:
        for width in widths:
            model = MLPConfig((784, width, width, 10), activations.relu, init.he_normal)
            for power in powers:
                rest = {"final_lr": 1.0, "betas": (0.9, 0.999), "weight_decay": 0.0, "max_norm": math.inf}
                found[way, width, power] = Recipe(model, "mnist", 300, 64, 2.0**power, mup_base=base, **rest)
    return found


def size_sweep(sizes=((2, 16), (2, 32), (2, 64), (3, 128)), n_steps=1000):
    """{(n_layer, n_embd): recipe}: char_gpt in other sizes, on as much text each."""
    return {size: _sized(*size, n_steps) for size in sizes}


def isoflop_sweep(budgets=(1e11, 2e11, 4e11), sizes=((2, 16), (2, 32), (2, 64), (2, 96))):
    """{(FLOPs, n_layer, n_embd): recipe}: char_gpt in sizes that each train until they have had so many FLOPs."""
    found = {}
    for budget in budgets:
        for size in sizes:
            recipe = _sized(*size, n_steps=1)
            n_steps = round(budget / scale.flops_per_token(recipe.model) / recipe.tokens)
            found[budget, *size] = _sized(*size, max(n_steps, 10))
    return found


def _sized(n_layer, n_embd, n_steps):
    """char_gpt in another size: the smaller, the larger its rate."""
    model = replace(char_gpt().model, n_layer=n_layer, n_embd=n_embd)
    lr, n_warmup = 3e-3 * (128 / n_embd) ** 0.5, min(100, n_steps // 10)
    return replace(char_gpt(), model=model, lr=lr, n_steps=n_steps, n_warmup=n_warmup)


# Changed by hand ------------------------------------------------------------------------------------------------------


def changed(recipe, words):
    """A recipe with fields set as "lr=1e-3" says; what the recipe has not is looked for in its model, as "n_layer=2".

    A run that is made shorter warms up for a tenth of it at most.
    Raises ValueError for an unknown field, or a value that is not of its field's kind.
    """
    of_recipe, of_model = {}, {}
    for word in words:
        name, equals, text = word.partition("=")
        where = of_recipe if name in _names_of(recipe) else of_model
        config = recipe if where is of_recipe else recipe.model
        if not equals or name not in _names_of(config):
            known = ", ".join([*_names_of(recipe), *_names_of(recipe.model)])
            raise ValueError(f"{word!r} is not field=value with a field of {known}")
        where[name] = _value(config, name, text)
    if "n_steps" in of_recipe and "n_warmup" not in of_recipe:
        of_recipe["n_warmup"] = min(recipe.n_warmup, of_recipe["n_steps"] // 10)
    return replace(recipe, **of_recipe, model=replace(recipe.model, **of_model))


def _names_of(config):
    """The fields that a word of a command line can set."""
    settable = int, float, str, tuple, type(None)
    values = {field.name: getattr(config, field.name) for field in fields(config)}
    return [name for name, value in values.items() if isinstance(value, settable) and not hasattr(value, "forward")]


def _value(config, name, text):
    before = getattr(config, name)
    if isinstance(before, str):
        return text
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = text
    kinds = {float: {int, float}, type(None): {int}}.get(type(before), {type(before)})
    if type(config).__dataclass_fields__[name].default is None:
        kinds = {*kinds, type(None)}
    if type(value) not in kinds:
        raise ValueError(f"{name}={text} must be like {name}={before!r}")
    return value


def described(recipe):
    """A recipe as JSON can hold it; functions by their names."""

    def plain(value):
        if isinstance(value, dict):
            return {key: plain(v) for key, v in value.items()}
        if isinstance(value, tuple) and value and isinstance(value[0], Callable):  # an Activation or a Cell
            return value[0].__name__.removesuffix("_forward")
        if isinstance(value, list | tuple):
            return [plain(v) for v in value]
        return value.__name__ if inspect.isfunction(value) else value

    return plain(asdict(recipe))


# How much fits --------------------------------------------------------------------------------------------------------

PRESETS = {"8GB": 8e9, "16GB": 16e9, "24GB": 24e9, "80GB": 80e9}
"""Bytes of a GPU's memory, by the preset's name; "cpu" is a preset too."""


def memory_needed(recipe):
    """An estimate of the bytes that training a GPT takes on one GPU.

    16 a parameter for weights, gradients and Adam's moments; of every text that goes through at once, 34 a channel and
    token for what a block keeps of its activations in bf16 (Korthikanti et al. 2022, arXiv 2205.05198, without the
    attention map), or 2 where it is computed again, and of a logit 8, or 12 where the loss is not compiled.
    """
    model, texts = recipe.model, recipe.micro_batch or recipe.batch_size
    kept = model.n_layer * (2 if recipe.checkpoint else 34) + (34 if recipe.checkpoint else 0)
    of_a_token = kept * model.n_embd + (8 if recipe.compile else 12) * model.vocab_size
    of_a_token *= 1 if recipe.dtype == "bfloat16" else 2
    return 16 * gpt_param_count(model) + texts * model.block_size * of_a_token


def preset(recipe, name):
    """A recipe made to fit: "cpu" multiplies in float32 and does not compile; a GPU's size chooses micro_batch.

    The batch stays what it is. Where nothing else helps, activations are computed again.
    Raises ValueError for an unknown preset, and where not even one text fits.
    """
    if name == "cpu":
        return replace(recipe, dtype="float32", compile=False)
    if name not in PRESETS:
        raise ValueError(f"there is no preset {name!r}, but cpu, {', '.join(PRESETS)}")
    if not isinstance(recipe.model, GPTConfig):
        return recipe
    sizes = [n for n in range(min(recipe.batch_size, 64), 0, -1) if recipe.batch_size % n == 0]
    tries = [replace(recipe, micro_batch=n, checkpoint=again) for again in (False, True) for n in sizes]
    for fitting in tries:
        if memory_needed(fitting) < 0.9 * PRESETS[name]:
            return fitting
    need = memory_needed(tries[-1]) / 0.9e9
    raise ValueError(f"{gpt_param_count(recipe.model):,} parameters take {need:.0f} GB at the least, more than {name}")
