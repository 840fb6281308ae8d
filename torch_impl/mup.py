"""µP: settings that keep the best learning rate where it is while a network grows wider (Yang et al. 2022)."""

import torch

from reference_impl.laws import mup_scales


@torch.no_grad()
def groups(model, width, base_width):
    """Scale an MLP's first weights, drawn for its width, as µP has them, and group its parameters for Adam.

    model : mlp.MLP, three layers or more, drawn with a standard deviation that goes with 1/√d_in
    width, base_width : units of every hidden layer; at the base nothing changes
    Returns groups with a "scale" of the learning rate each, for schedule.set_lr.
    """
    scales, (first, *hidden, last) = mup_scales(width, base_width), model
    last.W.mul_(scales["readout"][1] / (base_width / width) ** 0.5)  # 1/√d_in has done the square root of it
    kinds = {
        "input": [first.W, *(layer.b for layer in model)],
        "hidden": [layer.W for layer in hidden],
        "readout": [last.W],
    }
    return [{"params": params, "scale": scales[kind][0]} for kind, params in kinds.items()]
