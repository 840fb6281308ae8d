"""What a run runs on: how much memory it takes, how well it is used, and what to tell of it."""

import platform
import resource
import subprocess
import sys
from pathlib import Path

import torch

from reference_impl import scale
from torch_impl import config, gpt


def peak_memory(device):
    """The most bytes that were in use at once: of the GPU, or of the process on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def utilisation(recipe, tokens_per_second, device):
    """{"mfu12", "mfu6"}, the two ways to count attention, on a GPU whose peak is known; else {}."""
    if device.type != "cuda" or not isinstance(recipe.model, gpt.GPTConfig):
        return {}
    try:
        peak = scale.peak_flops(torch.cuda.get_device_name(device))
    except ValueError:
        return {}
    ways = {"mfu12": False, "mfu6": True}
    return {name: scale.mfu(tokens_per_second, recipe.model, peak, causal) for name, causal in ways.items()}


def commit():
    """The commit of the working tree, or None outside of one."""
    command = ["git", "-C", Path(__file__).parent, "rev-parse", "--short", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or None
    except OSError:  # there is no git
        return None


def about(run):
    """What is run, and on what, for recipe.json and the book's data."""
    name = torch.cuda.get_device_name(run.device) if run.device.type == "cuda" else platform.machine()
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    return {"recipe": config.described(run.recipe), "device": name, "versions": versions, "commit": commit()}
