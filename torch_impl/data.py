"""What a recipe learns from: examples in memory, or tokens in a file that is read where it is needed.

Nothing is downloaded: every set comes inside a Python package. A batch depends on the seed and its step alone, so that
a run that is resumed, or spread over many processes, sees the very same ones.
"""

import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from pathlib import Path

import numpy as np
import torch

from reference_impl import data, ngram, progress, tokenizer

FOLDER = Path(os.environ.get("TOKENS", "_build/tokens"))
"""Where tokens are kept once they are made: the environment's TOKENS names another place."""


@dataclass(frozen=True)
class Examples:
    """Rows in memory. x : (N, ...); targets : (N,) int; train, val : row numbers."""

    x: np.ndarray
    targets: np.ndarray
    train: np.ndarray
    val: np.ndarray

    def batch(self, step, n, seed, part=slice(None)):
        """The step-th n rows of an endless walk through all training rows, shuffled anew each time; part of them."""
        places = (step * n + np.arange(n))[part]
        epochs, places = np.divmod(places, len(self.train))
        rows = [self.train[_shuffled(len(self.train), seed, int(e))[i]] for e, i in zip(epochs, places, strict=True)]
        return self.x[rows], self.targets[rows]

    def val_batches(self, n):
        """All validation rows once, n at a time: a list of x and targets."""
        return [(self.x[rows], self.targets[rows]) for rows in np.split(self.val, range(n, len(self.val), n))]


@lru_cache(maxsize=4)
def _shuffled(n, seed, epoch):
    return np.random.default_rng([seed, epoch]).permutation(n)


@dataclass(frozen=True)
class Texts:
    """Two long rows of tokens, and how to read them. decode : a list of tokens -> str."""

    train: np.ndarray
    val: np.ndarray
    vocab_size: int
    decode: Callable
    block_size: int

    def __post_init__(self):
        for name in ("train", "val"):
            if len(getattr(self, name)) <= self.block_size:
                have = len(getattr(self, name))
                raise ValueError(f"Texts: {name} has {have} tokens, too few for pieces of {self.block_size} and one")

    def batch(self, step, n, seed, part=slice(None)):
        """n pieces from anywhere in the text, and targets one place further on; part of them: (n, T) int64 each."""
        starts = np.random.default_rng([seed, step]).integers(0, len(self.train) - self.block_size, n)[part]
        pieces = self.train[starts[:, None] + np.arange(self.block_size + 1)].astype(np.int64)
        return pieces[:, :-1], pieces[:, 1:]

    def val_batches(self, n):
        """The validation text's first 1,024 pieces, or all, side by side, n at a time: a list of x and targets."""
        pieces = min(1024, (len(self.val) - 1) // self.block_size)
        ids = self.val[: pieces * self.block_size + 1].astype(np.int64)
        x, targets = (row.reshape(pieces, -1) for row in (ids[:-1], ids[1:]))
        return [(x[i : i + n], targets[i : i + n]) for i in range(0, pieces, n)]


def split_in_two(x, targets):
    """Four fifths of every class to learn from, one to be judged by, as the reference's recipes with seed 0."""
    train, _, val = data.train_val_test_split(targets, np.random.default_rng(0), val=0.0, test=0.2)
    return Examples(x.astype(np.float32), targets, train, val)


def name_texts():
    """88,799 surnames with a dot between them, shuffled: to learn from, and 4,000 of them to be judged by."""
    every = data.load_names()
    order = np.random.default_rng(0).permutation(len(every))
    return ["." + ".".join(every[i] for i in part) + "." for part in (order[4000:], order[:4000])]


def source_texts():
    """The standard library: to learn from, and 2,000 characters from the middle of each of 40 files that are not."""
    files = data.load_sources()
    order = np.random.default_rng(0).permutation(len(files))
    held_out = [files[i][len(files[i]) // 2 :][:2000] for i in order[:40]]
    return "".join(files[i] for i in order[40:]), "".join(held_out)


def by_letter(texts):
    """{"letters"}, and every text's tokens, one a character."""
    letters, *ids = ngram.encode(*texts)
    return {"letters": "".join(letters)}, *ids


def by_bpe(texts, vocab_size=2048, learn_from=2_000_000):
    """{"merges"} learnt from so many characters, and every text's tokens. It takes half a minute, with a bar."""
    show = progress.bar(vocab_size - 256)
    merges = tokenizer.train(texts[0][:learn_from], vocab_size, lambda done: show(done, "merges"))
    bpe = tokenizer.Tokenizer(merges)
    return {"merges": merges}, *(np.array(bpe.encode(text)) for text in texts)


TOKENS = {
    "names": lambda: by_letter(name_texts()),
    "sources": lambda: by_letter(source_texts()),
    "sources_bpe": lambda: by_bpe(source_texts()),
}
EXAMPLES = {"digits": data.load_digits, "mnist": data.load_mnist}


def _appear(folder, write):
    """Let a folder appear with all that write(path) puts into it, or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        write(made)
        made.rename(folder)
    except BaseException:
        shutil.rmtree(made)
        if not folder.exists():  # else someone was faster
            raise


def write_tokens(folder, vocabulary, train, val):
    """Keep two rows of tokens and what reads them: train.npy, val.npy, vocabulary.json. All appear at once, or none.

    vocabulary : {"letters": str}, {"merges": [(left, right), …]} or {"tiktoken": its name there, "size": int}
    train, val : (N,) int, 0 to 2³² - 1, written in two bytes each where that is enough
    """

    def write(made):
        for name, ids in [("train", train), ("val", val)]:
            np.save(made / f"{name}.npy", ids.astype(np.uint16 if ids.max(initial=0) < 1 << 16 else np.uint32))
        (made / "vocabulary.json").write_text(json.dumps(vocabulary))

    _appear(folder, write)


def write_examples(folder, images, targets, n_train):
    """Keep images and their classes. images : (N, H, W, C) uint8; targets : (N,); the first n_train to learn from."""
    _appear(folder, lambda made: np.savez(made / "examples.npz", images=images, targets=targets, n_train=n_train))


def read_tokens(folder, block_size):
    """What write_tokens kept, as Texts, of which no more is in memory than is in use. Raises FileNotFoundError."""
    vocabulary = json.loads((folder / "vocabulary.json").read_text())
    if "letters" in vocabulary:
        letters = vocabulary["letters"]
        size = len(letters)

        def decode(ids):  # a padded vocabulary has more than there are letters
            return "".join(letters[i] if i < size else "�" for i in ids)

    elif "merges" in vocabulary:
        bpe = tokenizer.Tokenizer(vocabulary["merges"])
        size, decode = len(bpe.vocab), bpe.decode
    else:
        size, decode = vocabulary["size"], lambda ids: _tiktoken(vocabulary["tiktoken"]).decode(ids)
    train, val = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("train", "val"))
    return Texts(train, val, size, decode, block_size)


def _tiktoken(name):
    import tiktoken  # optional, and its merges come by the network: only text needs it

    return tiktoken.get_encoding(name)


def read_examples(folder):
    """What write_examples kept, as Examples, the ink in [0, 1]."""
    with np.load(folder / "examples.npz") as kept:
        x, targets, n = kept["images"].astype(np.float32) / 255, kept["targets"].astype(np.int64), int(kept["n_train"])
    return Examples(x, targets, np.arange(n), np.arange(n, len(x)))


def load(name, block_size=None):
    """A set by its name: one of EXAMPLES or TOKENS, or a folder that write_tokens or write_examples made.

    block_size : tokens of a piece of text
    Raises ValueError where there is none of that name.
    """
    if name in EXAMPLES:
        return split_in_two(*EXAMPLES[name]())
    folder = Path(name)
    if name in TOKENS:
        folder = FOLDER / f"{name}-{platform.python_version()}"  # the standard library differs by version
        if not folder.exists():
            print(f"cutting {name} into tokens, once: {folder}", file=sys.stderr)
            write_tokens(folder, *TOKENS[name]())
    if (folder / "examples.npz").is_file():
        return read_examples(folder)
    if not (folder / "vocabulary.json").is_file():
        known = ", ".join([*EXAMPLES, *TOKENS])
        hint = f"python -m torch_impl.fetch {folder.name} downloads it" if folder.parent.name == "data" else None
        raise ValueError(f"there is no data {name!r}: {hint or f'it must be one of {known}, or a folder of tokens'}")
    return read_tokens(folder, block_size)


def batches(source, n, seed, device, start=0, part=slice(None), dtype=torch.float32):
    """Batches as tensors on a device, from step start on, for ever; the next is made while this one is in use.

    source : Examples or Texts
    part : of each batch of n, what this process takes
    dtype : of x where it is not whole numbers
    Yields x and targets.
    """

    def made(step):
        return [on(device, array, dtype) for array in source.batch(step, n, seed, part)]

    with ThreadPoolExecutor(1) as pool:
        ahead = pool.submit(made, start)
        for step in count(start + 1):
            ready, ahead = ahead, pool.submit(made, step)
            yield ready.result()


def on(device, array, dtype=torch.float32):
    """An array as a tensor on a device; to a GPU it goes from pinned memory, while Python goes on."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    tensor = tensor.to(dtype) if tensor.is_floating_point() else tensor
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor
