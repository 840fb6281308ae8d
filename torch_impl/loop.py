"""A recipe being trained, on a CPU, a GPU or many: the run, and its loop."""

import contextlib
import dataclasses
import math
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torch.distributed.checkpoint.api import CheckpointException

from torch_impl import checkpoint, config, data, gpt, losses, mlp, models, mup, optim, parallel, schedule, tensor
from torch_impl.machine import peak_memory, utilisation
from torch_impl.stops import Signals, Stopped, not_finite, told_when_full

LOG_EVERY = 10  # steps: only then is the device waited for
ALONE = parallel.Group(0, 1, torch.device("cpu"))
# What a run that goes on may not change; how it is computed may.
FIXED = [f.name for f in dataclasses.fields(config.Recipe) if f.name not in ("micro_batch", "compile", "checkpoint")]


class Run:
    """A recipe being trained: its model and optimizer on a device, how many steps are done, and their losses.

    group : parallel.Group; sharded : its processes share the model out among them
    """

    def __init__(self, recipe, group=ALONE, sharded=False):
        self.recipe, self.group, self.device = recipe, group, group.device
        self.of_one = recipe.batch_size // group.data  # rows of a batch that are this process's
        self.parts = config.parts_of(recipe, group.data)
        if sharded and not dist.is_initialized():
            raise ValueError(
                "--shard is for processes that torchrun starts: torchrun --nproc-per-node 2 -m torch_impl.train …"
            )
        self.source = group.first(lambda: data.load(recipe.data, getattr(recipe.model, "block_size", 24)))
        models.suits(recipe, self.source)
        if recipe.dtype == "bfloat16" and self.device.type == "cuda" and not torch.cuda.is_bf16_supported(False):
            raise ValueError(
                f"{torch.cuda.get_device_name(self.device)} does not compute in bfloat16: dtype=float32 does"
            )
        self.dtype = torch.float64 if recipe.dtype == "float64" else torch.float32
        self.mesh, self.sharded = parallel.mesh_of(group) if sharded or group.tensor > 1 else None, sharded
        self.model = self.made()
        self.model.recompute = recipe.checkpoint
        copied = group.size > 1 and not self.mesh
        self.spread = parallel.copies(self.model) if copied else self.model
        self.forward, self.loss = self.spread, losses.cross_entropy
        if recipe.compile:
            self.compile()
        if recipe.mup_base:
            groups = mup.groups(self.model, recipe.model.sizes[1], recipe.mup_base)
        else:
            groups = optim.groups(self.model, recipe.weight_decay)
        self.optimizer = optim.adamw(groups, recipe.lr, recipe.betas, recipe.eps, weight_decay=0.0, fused=True)
        self.step, self.losses = 0, []

    def made(self):
        """The model, drawn on the CPU: the same start everywhere. No process ever has the whole of a sharded GPT."""
        recipe, model = self.recipe, models.MODELS[type(self.recipe.model)]
        rng, large = torch.Generator().manual_seed(recipe.seed), self.sharded and model is gpt.GPT
        with torch.device("meta" if large else "cpu"):
            model = model(recipe.model, None if large else rng).to(self.dtype)
        model = model if large else model.to(self.device)
        if self.group.tensor > 1:
            tensor.share(model, self.mesh["tensor"])
        if self.sharded:
            parallel.shard(model, self.mesh["data"], torch.bfloat16 if recipe.dtype == "bfloat16" else None)
        if large:
            model.to_empty(device=self.device).draw(rng)
        return model

    def compile(self):
        """Have PyTorch compile model and loss; a GPT that is shared out, block by block. Shapes are taken as fixed."""
        self.loss = torch.compile(losses.cross_entropy, dynamic=False)
        if self.mesh and hasattr(self.model, "blocks"):
            for block in self.model.blocks:
                block.compile(dynamic=False)
        else:
            self.forward = torch.compile(self.spread, dynamic=False)

    def loss_of(self, x, targets):
        """The mean cross-entropy of a batch, in the recipe's precision."""
        x = x.flatten(1) if isinstance(self.recipe.model, mlp.MLPConfig) else x
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.dtype == "bfloat16"):
            return self.loss(self.forward(x), targets)

    def update(self, x, targets):
        """One step on a batch, micro-batch after micro-batch.

        Returns its loss, still on the device; nan where a gradient is not finite.
        """
        total = 0.0
        for i, part in enumerate(zip(x.chunk(self.parts), targets.chunk(self.parts), strict=True), start=1):
            parallel.waiting(self.spread, i == self.parts)
            loss = self.loss_of(*part) / self.parts
            loss.backward()
            total = total + loss.detach()
        if self.mesh and not self.sharded:
            tensor.average(self.model, self.mesh)
        norm = optim.clip_grad_norm(self.model, self.recipe.max_norm)
        total = torch.where(norm.isfinite(), total, torch.nan)  # nobody waits for the device to know it
        schedule.set_lr(self.optimizer, self.lr())
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1
        return total

    def lr(self):
        """The rate of the next step."""
        r = self.recipe
        return schedule.warmup_cosine(self.step + 1, r.lr, r.n_warmup, r.n_steps, r.final_lr * r.lr)

    @torch.no_grad()
    def evaluate(self):
        """{"val_loss", "accuracy"} on what no batch comes from."""
        seen, n = [], self.of_one // self.parts
        self.model.eval()
        for x, targets in self.source.val_batches(n):
            x, targets = (data.on(self.device, array, self.dtype) for array in (x, targets))
            x = x.flatten(1) if isinstance(self.recipe.model, mlp.MLPConfig) else x
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.dtype == "bfloat16"):
                logits = self.model(x)
                right = (logits.argmax(dim=-1) == targets).double().mean()
                seen.append((losses.cross_entropy(logits, targets).double(), right, len(x)))
        self.model.train()
        whole = sum(n for *_, n in seen)
        loss, accuracy = (sum(part[i] * part[2] for part in seen).item() / whole for i in (0, 1))
        return {"val_loss": loss, "accuracy": accuracy}

    def save(self, folder):
        """Write everything a run goes on from, all of it or nothing."""
        about = {"step": self.step, "losses": self.losses, "recipe": config.described(self.recipe)}
        checkpoint.save(Path(folder), self.model, self.optimizer, about)

    def restore(self, folder):
        """Go on from what save wrote last. Raises Stopped where it is another recipe's."""
        path = checkpoint.latest(Path(folder))
        if path is None:
            raise Stopped(f"{folder} holds no checkpoint")
        ours = config.described(self.recipe)
        try:
            about = checkpoint.about(path)
            step, losses_so_far, theirs = about["step"], about["losses"], about["recipe"]
            other = [name for name in FIXED if ours[name] != theirs[name]]
            if not other:
                checkpoint.load(path, self.model, self.optimizer)
        except (Exception, CheckpointException) as problem:  # whatever is said of files that are not whole
            raise Stopped(f"{path} cannot be read, {type(problem).__name__}: {str(problem)[:200]}") from None
        if other:
            was = f"{other[0]} = {theirs[other[0]]}, not {ours[other[0]]}"
            raise Stopped(f"{path} is of a run with {was}: leave it as it was, or begin another by --out FOLDER")
        self.step, self.losses = step, losses_so_far


def fit(run, after=None, save=None, save_every=500):
    """Train until the recipe's last step, or a signal, whose number is returned, else 0.

    after : called every LOG_EVERY steps with {"step", "loss", "lr", "per_second", …}
    save : called every save_every steps, and at the end, if all losses so far are finite
    Raises Stopped where a loss is not finite, or memory is not enough.
    """
    recipe = run.recipe
    group, rest = run.group, {"part": run.group.part, "dtype": run.dtype}
    batches = data.batches(run.source, recipe.batch_size, recipe.seed, run.device, run.step, **rest)
    waiting, since = [], time.perf_counter()
    with Signals() as signals, contextlib.closing(batches), told_when_full(recipe, group.data):
        for x, targets in batches if run.step < recipe.n_steps else ():
            lr = run.lr()
            waiting.append(run.update(x, targets))
            due = run.step % LOG_EVERY == 0 or run.step % save_every == 0
            got = group.any(signals.got)  # all must end at the same step
            last = run.step == recipe.n_steps or got
            if last or due:
                losses_now = group.mean(torch.stack(waiting)).tolist()
                if not all(map(math.isfinite, losses_now)):
                    raise Stopped(not_finite(run, losses_now))
                run.losses += losses_now
                per_second = recipe.tokens * len(waiting) / (time.perf_counter() - since)  # of all processes
                waiting = []
                if after:
                    line = {"step": run.step, "loss": losses_now[-1], "lr": lr, "per_second": per_second}
                    line |= utilisation(recipe, per_second / group.size, run.device)
                    after(line | {"memory": peak_memory(run.device)})
            if save and (last or run.step % save_every == 0):
                save()
            if not waiting:
                since = time.perf_counter()  # what was told and kept does not count
            if last:
                return got
    return 0
