"""The reference's schedules, which are numbers, and how an optimizer of PyTorch follows one."""

from reference_impl.schedule import (
    batch_ramp,
    constant,
    cosine,
    exponential,
    one_cycle,
    scale_lr,
    step_decay,
    steps_for_tokens,
    steps_per_epoch,
    warmup_cosine,
)  # fmt: skip

__all__ = [
    "batch_ramp", "constant", "cosine", "exponential", "one_cycle", "scale_lr", "set_lr", "step_decay",
    "steps_for_tokens", "steps_per_epoch", "warmup_cosine",
]  # fmt: skip


def set_lr(optimizer, lr):
    """Let every group of an optimizer take its next step with lr, times the group's own "scale" where it has one."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group.get("scale", 1.0)
