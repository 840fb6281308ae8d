"""What a recipe is, how words of a command line change it, and how it is written down."""

import ast
import difflib
import inspect
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace

from reference_impl.mlp import MLPConfig
from reference_impl.train import AdamWConfig

DTYPES = "float32", "bfloat16", "float64"


@dataclass(frozen=True, kw_only=True)
class Recipe(AdamWConfig):
    """What there is to choose about a run: the reference's AdamWConfig, and what is trained, on what, and how.

    model : MLPConfig, CNNConfig, RNNConfig or GPTConfig of the reference
    data : a name or a folder, as data.load takes it
    batch_size : examples or texts in an update
    micro_batch : examples that go through at once, a divisor of batch_size; None is all
    dtype : bfloat16 multiplies in it and keeps weights in float32 (a sharded model also adds up in it)
    compile : by torch.compile
    checkpoint : keep no activations within a block, compute them again when going back
    mup_base : None, or the width at which lr was found for an MLP that is trained by µP, without decay
    """

    model: object
    data: str
    batch_size: int
    micro_batch: int | None = None
    dtype: str = "float32"
    compile: bool = False
    checkpoint: bool = False
    mup_base: int | None = None
    seed: int = 0

    def __post_init__(self):
        super().__post_init__()
        for name in ("batch_size", "micro_batch"):
            value = getattr(self, name)
            if not (value is None and name == "micro_batch") and not (isinstance(value, int) and value >= 1):
                raise ValueError(f"Recipe: {name} must be a whole number, 1 or more, not {value!r}")
        if self.batch_size % (self.micro_batch or 1):
            raise ValueError(f"Recipe: micro_batch = {self.micro_batch} does not divide batch_size = {self.batch_size}")
        if not (isinstance(self.seed, int) and 0 <= self.seed < 2**63):
            raise ValueError(f"Recipe: seed must be a whole number from 0 to 2^63 - 1, not {self.seed!r}")
        if not (len(self.betas) == 2 and all(isinstance(b, int | float) and 0 <= b < 1 for b in self.betas)):
            raise ValueError(f"Recipe: betas must be two numbers from 0 to below 1, not {self.betas!r}")
        if self.dtype not in DTYPES:
            raise ValueError(f"Recipe: dtype must be {', '.join(DTYPES)}, not {self.dtype!r}")
        if self.mup_base is not None:
            if self.weight_decay or not isinstance(self.model, MLPConfig) or len(self.model.sizes) < 3:
                raise ValueError("Recipe: mup_base is for an MLP with a hidden layer and weight_decay = 0")
            if not self.mup_base >= 1:
                raise ValueError(f"Recipe: mup_base must be 1 or more, not {self.mup_base}")

    @property
    def tokens(self):
        """Of an update, or examples where there are no tokens."""
        return self.batch_size * getattr(self.model, "block_size", 1)


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
            raise ValueError(_unknown(word, name if equals else "", [*_names_of(recipe), *_names_of(recipe.model)]))
        where[name] = _value(config, name, text)
    if "n_steps" in of_recipe and "n_warmup" not in of_recipe:
        of_recipe["n_warmup"] = min(recipe.n_warmup, of_recipe["n_steps"] // 10)
    return replace(recipe, **of_recipe, model=replace(recipe.model, **of_model))


def _unknown(word, name, known):
    near = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]}?" if near else f"fields are {', '.join(known)}"
    return f"{word!r} is not field=value, in one word and with a field that there is: {hint}"


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
    alike = type(value) is not tuple or all(type(v) in {int, type(before[0])} for v in value)
    if type(value) not in kinds or not alike:
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


def parts_of(recipe, processes):
    """Into how many micro-batches each of so many processes cuts its rows of a batch, so that none is too large."""
    whole, left = divmod(recipe.batch_size, processes)
    if left:
        raise ValueError(f"batch_size = {recipe.batch_size} cannot be shared out among {processes} processes")
    least = -(-whole // min(recipe.micro_batch or whole, whole))
    return next(n for n in range(least, whole + 1) if whole % n == 0)
