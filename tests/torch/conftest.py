"""What the tests of PyTorch share: one thread, for runs that can be compared, and a short text in a folder."""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # also of the processes that a test starts

import numpy as np
import pytest
import torch

from torch_impl import config, data, recipes

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def text(tmp_path_factory):
    """A folder of tokens: letters of a text that repeats itself, so that there is something to learn."""
    folder = tmp_path_factory.mktemp("tokens") / "text"
    rng = np.random.default_rng(0)
    ids = np.concatenate([rng.permutation(5) for _ in range(400)])
    data.write_tokens(folder, {"letters": "abcde"}, ids[:1600], ids[1600:])
    return folder


@pytest.fixture
def tiny(text):
    """A recipe of a small GPT on that text, in float64."""
    words = "n_layer=2 n_head=2 n_embd=8 block_size=8 vocab_size=7 n_steps=24 batch_size=6 dtype=float64 lr=1e-2"
    return config.changed(recipes.char_gpt(), [*words.split(), f"data={text}"])
