"""What a GPU would refuse and a CPU does not notice: numbers on two devices.

A device is pretended: PyTorch lets Python register one, and its fake tensors have shapes, types and devices but no
numbers. An operation that mixes devices fails on them as it does on a GPU.
"""

import dataclasses
import subprocess
import sys

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils import backend_registration

from torch_impl import gpt, loop, models, parallel, recipes

RECIPES = ("digits", "mnist", "names_rnn", "names_lstm", "names_gru", "char_gpt", "bpe_gpt", "gpt2_124m")


def on_the_pretended(batch, *names):
    """What a process says that does the work of main; it is its own, since a device once registered stays."""
    return subprocess.run([sys.executable, __file__, batch, *names], capture_output=True, text=True, check=False)


def test_an_update_and_sampling_stay_on_their_device():
    told = on_the_pretended("moved", *RECIPES)
    assert told.returncode == 0, told.stderr[-2000:]
    assert told.stdout.split("\n")[:-1] == [f"{name} gpu:0" for name in RECIPES]


def test_a_batch_left_behind_is_noticed():
    assert "Expected all tensors to be on the same device" in on_the_pretended("left", "char_gpt").stderr


def main(batch, *names):
    """Print each recipe, and where the loss of its update lies. batch : "moved" to the pretended device, or "left"."""
    backend_registration._setup_privateuseone_for_python_backend("gpu")
    torch.gpu.get_amp_supported_dtype = lambda: [torch.bfloat16]
    loop.Run.made = lambda run: models.MODELS[type(run.recipe.model)](run.recipe.model)  # what is fake cannot be moved
    for name in names:
        print(name, update(name, torch.device("gpu", 0), batch == "moved").device)


def update(name, device, moved):
    """The loss of a recipe's update on a device; a GPT also continues texts. moved : whether the batch is there too."""
    recipe = getattr(recipes, name)()
    recipe = dataclasses.replace(
        recipe,
        data="sources" if isinstance(recipe.model, gpt.GPTConfig) else recipe.data,
        dtype="float32",
        compile=False,
        batch_size=8,
        micro_batch=4,
        checkpoint=name == "bpe_gpt",
    )
    with FakeTensorMode(allow_non_fake_inputs=True):
        with device:
            run = loop.Run(recipe, parallel.Group(0, 1, device))
        x, targets = map(torch.from_numpy, run.source.batch(0, recipe.batch_size, 0))
        x = x.to(device) if moved else x
        loss = run.update(x, targets.to(device))
        if isinstance(recipe.model, gpt.GPTConfig):
            ids = gpt.generate(run.model, x[:, :5], 3, top_k=9, top_p=0.9)
            assert ids.shape == (8, 8)
            assert ids.device == device
    return loss


if __name__ == "__main__":
    main(*sys.argv[1:])
