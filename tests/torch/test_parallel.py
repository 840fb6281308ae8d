"""Many processes are one: the same losses to rounding, checkpoints that any number of them goes on from."""

import json
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.testing._internal.distributed.fake_pg import FakeStore
from torch.utils._python_dispatch import TorchDispatchMode

from reference_impl import parallel as plans
from reference_impl import scale
from torch_impl import checkpoint, config, data, loop, parallel, plot, recipes, tensor, train
from torch_impl import gpt as torch_gpt
from torch_impl.losses import cross_entropy

ROOT = Path(__file__).parents[2]
SIZES = {"n_layer": 2, "n_head": 2, "n_embd": 8, "block_size": 8, "vocab_size": 7, "n_steps": 12, "batch_size": 8}
WORDS = [*(f"{name}={value}" for name, value in SIZES.items()), "dtype=float64", "lr=1e-2", "micro_batch=1"]
pytestmark = pytest.mark.slow


CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["torch_impl.runs", "torch._dynamo", "fsspec.core"])  # takes seconds: once is enough


def work(environment, words, told):
    """What torchrun would start: one process of several."""
    os.environ.update(environment)
    sys.stdout = sys.stderr = open(told, "a", buffering=1)  # noqa: SIM115
    torch.set_num_threads(1)
    train.main(words)


def started(processes, *words, out):
    """The command in so many processes, which find one another as torchrun's do."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        where = {"MASTER_ADDR": "localhost", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": str(processes)}
    words = [*words, "--device", "cpu", "--out", str(out)]
    children = []
    for rank in range(processes):
        environment = where | {"RANK": str(rank), "LOCAL_RANK": str(rank)} if processes > 1 else {}
        children.append(CONTEXT.Process(target=work, args=(environment, words, f"{out}.told")))
        children[-1].start()
    return children


def done(processes, *words, out):
    """Every process's exit code, and what was told."""
    children = started(processes, *words, out=out)
    for child in children:
        child.join(120)
    return {child.exitcode for child in children}, Path(f"{out}.told").read_text()


def losses_of(folder):
    return checkpoint.about(checkpoint.latest(folder))["losses"]


@pytest.fixture(scope="module")
def alone(text, tmp_path_factory):
    """The folder of the run by one process, and its command's words."""
    words = ["char_gpt", *WORDS, f"data={text}"]
    out = tmp_path_factory.mktemp("alone") / "run"
    code, told = done(1, *words, out=out)
    assert code == {0}, told
    return out, words


WAYS = [
    (2, []),
    (4, []),
    (2, ["--shard"]),
    (4, ["--shard"]),
    (2, ["--tensor", "2"]),
    (4, ["--tensor", "2"]),
    (4, ["--tensor", "2", "--shard"]),
]


@pytest.mark.parametrize(("processes", "way"), WAYS)
def test_many_processes_have_the_losses_of_one(alone, tmp_path, processes, way):
    folder, words = alone
    code, told = done(processes, *words, *way, out=tmp_path / "run")
    assert code == {0}, told
    np.testing.assert_allclose(losses_of(tmp_path / "run"), losses_of(folder), rtol=1e-11)
    ours, right = plot.lines_of(tmp_path / "run"), plot.lines_of(folder)
    assert [line["step"] for line in ours] == [line["step"] for line in right]  # one process writes
    np.testing.assert_allclose(ours[-1]["val_loss"], right[-1]["val_loss"], rtol=1e-11)
    assert told.count("12 of 12 steps") == 1


@pytest.mark.parametrize("way", [[], ["--shard"], ["--tensor", "2"], ["--tensor", "2", "--shard"]])
def test_two_save_and_one_or_four_go_on(alone, tmp_path, way):
    """After one of the two was killed: the other cannot go on, and what was saved last is whole."""
    folder, words = alone
    children = started(2, *words, *way, "--save-every", "2", out=tmp_path / "two")
    while not checkpoint.latest(tmp_path / "two") and children[1].is_alive():
        time.sleep(0.01)
    children[1].kill()
    for child in children:
        child.join(120)
    assert children[0].exitcode != 0 or checkpoint.latest(tmp_path / "two").name == "00000012"
    shutil.copytree(tmp_path / "two", tmp_path / "copy")
    for processes, out in ((1, tmp_path / "two"), (4, tmp_path / "copy")):
        code, told = done(processes, *words, *(way if processes > 1 else []), "--resume", out=out)
        assert code == {0}, told
        np.testing.assert_allclose(losses_of(out), losses_of(folder), rtol=1e-11)


def test_a_checkpoint_goes_from_any_way_to_any_other(alone, tmp_path):
    """From shared matrices to shards to one process."""
    folder, words = alone
    assert done(2, *words, "--tensor", "2", out=tmp_path / "run")[0] == {0}
    run = loop.Run(config.changed(recipes.char_gpt(), words[1:]))
    run.restore(tmp_path / "run")
    right = loop.Run(run.recipe)
    right.restore(folder)
    for p, q in zip(run.model.parameters(), right.model.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-10, atol=1e-12)
    for ours, whole in zip(run.optimizer.state.values(), right.optimizer.state.values(), strict=True):
        torch.testing.assert_close(ours["exp_avg"], whole["exp_avg"], rtol=1e-8, atol=1e-12)
    code, told = done(2, *words, "--shard", "--resume", out=tmp_path / "run")
    assert code == {0}, told
    assert json.loads((tmp_path / "run/log.jsonl").read_text().splitlines()[-1])["val_loss"] == pytest.approx(
        run.evaluate()["val_loss"], rel=1e-12
    )


@pytest.mark.parametrize(("processes", "way"), [(2, ["--tensor", "2"]), (4, ["--tensor", "2", "--shard"])])
def test_what_one_process_saved_goes_on_in_shared_matrices(alone, tmp_path, processes, way):
    folder, words = alone
    shutil.copytree(folder, tmp_path / "run")
    shutil.rmtree(checkpoint.latest(tmp_path / "run"))
    run = loop.Run(config.changed(recipes.char_gpt(), words[1:]))
    batches = data.batches(run.source, run.recipe.batch_size, 0, run.device, dtype=run.dtype)
    run.losses = [run.update(*next(batches)).item() for _ in range(6)]
    batches.close()
    run.save(tmp_path / "run")
    code, told = done(processes, "char_gpt", *way, "--resume", out=tmp_path / "run")
    assert code == {0}, told
    np.testing.assert_allclose(losses_of(tmp_path / "run"), losses_of(folder), rtol=1e-11)


def test_data_that_are_not_there_are_told_by_one_process(tmp_path):
    code, told = done(2, "gpt2_124m", out=tmp_path / "run")
    assert 0 not in code
    assert told.count("\n") == 1
    assert "python -m torch_impl.fetch fineweb_edu downloads it" in told


def test_torchrun_starts_it_and_starts_it_again(alone, tmp_path):
    """A worker that dies is started anew with the others, and all go on from the last checkpoint."""
    folder, words = alone
    mortal = tmp_path / "mortal.py"
    mortal.write_text(
        "import os, sys\n"
        "from torch_impl import loop, train\n"
        "update = loop.Run.update\n"
        "def once(run, *batch):\n"
        "    if run.step == 7 and run.group.rank == 1 and os.environ['TORCHELASTIC_RESTART_COUNT'] == '0':\n"
        "        os._exit(1)\n"
        "    return update(run, *batch)\n"
        "loop.Run.update = once\n"
        "train.main(sys.argv[1:])\n"
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "--max-restarts=1"]
    command += [mortal, *words, "--device", "cpu", "--out", tmp_path / "run", "--save-every", "3"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    told = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert told.returncode == 0, told.stderr
    assert "12 of 12 steps" in told.stdout
    np.testing.assert_allclose(losses_of(tmp_path / "run"), losses_of(folder), rtol=1e-11)


def test_a_wrong_word_is_told_once(tmp_path):
    code, told = done(2, "digit", out=tmp_path / "run")
    assert code == {2}
    assert told == "train: there is no recipe 'digit': did you mean digits?\n"


@pytest.mark.parametrize(
    ("processes", "way", "sentence"),
    [
        (2, ["--tensor", "2", "n_head=1"], "--tensor 2 must divide the heads of a GPT, not 1 heads"),
        (3, ["--tensor", "2"], "--tensor 2 must divide the number of processes, 3"),
    ],
)
def test_what_cannot_be_shared_is_told(text, tmp_path, processes, way, sentence):
    code, told = done(processes, "char_gpt", *WORDS, f"data={text}", *way, out=tmp_path / "run")
    assert 0 not in code
    assert sentence in told
    assert "Traceback" not in told


def test_a_batch_that_cannot_be_shared_out_is_told(text, tmp_path):
    code, told = done(3, "char_gpt", *WORDS, f"data={text}", out=tmp_path / "run")
    assert 0 not in code
    assert told.count("batch_size = 8 cannot be shared out among 3 processes") == 1
    assert "Traceback" not in told


# On paper -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def ranks():
    """ranks(n): this process as the first of n that are not there; what it would send goes nowhere."""

    def pretend(n):
        dist.init_process_group("fake", rank=0, world_size=n, store=FakeStore())
        return parallel.mesh_of(parallel.Group(0, n, torch.device("cpu")))["data"]

    yield pretend
    dist.destroy_process_group()


@pytest.mark.parametrize("n", [64, 256, 1024])
def test_175_billion_are_shared_out_as_planned(ranks, n):
    """On the meta device: every GPU's parameters, and with gradients and moments its memory."""
    config = scale.GPT3["175B"]
    with torch.device("meta"):
        model = parallel.shard(torch_gpt.GPT(config), ranks(n), torch.bfloat16)
    kept = sum(p.to_local().numel() for p in model.parameters())
    layout = plans.Plan(data=n, tensor=1, pipeline=1, micro_batch=1, batch_size=n, stage=3)
    np.testing.assert_allclose(16 * kept, plans.plan(config, layout)["memory"], rtol=1e-3)


@pytest.mark.parametrize(("n", "tensor"), [(2, 1), (4, 1), (8, 2)])
def test_a_sharded_run_keeps_its_part_alone(ranks, text, n, tensor):
    """Of what neighbours have alike, embeddings, norms and biases, it keeps its part of their row."""
    ranks(n)
    recipe = config.changed(recipes.char_gpt(), [*WORDS, f"data={text}"])
    run = loop.Run(recipe, parallel.Group(0, n, torch.device("cpu"), tensor), sharded=True)
    planned = sum(p.numel() / n * (1 if name.endswith(".W") else tensor) for name, p in run.model.named_parameters())
    kept = sum(p.to_local().numel() for p in run.model.parameters())
    assert planned <= kept < 1.1 * planned
    assert run.of_one == 8 * tensor // n


class Sent(TorchDispatchMode):
    """Counts the bytes that a rank sends by ring, of every collective within it but for those of biases."""

    def __init__(self, n):
        super().__init__()
        self.n, self.bytes = n, 0

    def __torch_dispatch__(self, f, types, args=(), kwargs=None):
        if f.namespace == "c10d" and "allreduce" in f.name():
            (array,) = args[0]
            self.bytes += plans.all_reduce_bytes(array.numel() * array.element_size(), self.n) * (array.ndim > 1)
        elif f.namespace == "c10d":
            whole = max(a.numel() * a.element_size() for a in args[:2])
            self.bytes += whole * (self.n - 1) / self.n
        return f(*args, **(kwargs or {}))


@pytest.mark.parametrize(("n", "n_layer"), [(64, 96), (1024, 2)])
def test_175_billion_send_as_planned(ranks, n, n_layer):
    """An update without memory for it, the vocabulary padded. With 1,024 ranks PyTorch takes seconds for a layer."""
    config, data = replace(scale.GPT3["175B"], n_layer=n_layer, vocab_size=51200), ranks(n)
    with FakeTensorMode():
        with torch.device("meta"):
            model = torch_gpt.GPT(config)
        model = parallel.shard(model, data, torch.bfloat16).to_empty(device="cpu")
        ids = torch.zeros(1, 8, dtype=torch.int64)
        with Sent(n) as sent:
            cross_entropy(model(ids), ids).backward()
    layout = plans.Plan(data=n, tensor=1, pipeline=1, micro_batch=1, batch_size=n, stage=3)
    planned = plans.plan(config, layout)["data_bytes"]
    outside = sum(p.numel() for name, p in model.named_parameters() if not name.startswith("blocks."))
    once_less = plans.zero_bytes(2 * outside, n, stage=3) / 3  # embeddings stay after their forward
    in_float32 = planned / 3  # gradients add up in it, and the plan has them in bf16
    np.testing.assert_allclose(sent.bytes, planned + in_float32 - once_less, rtol=1e-12)


@pytest.mark.parametrize("n", [4, 64])
def test_what_shards_send_is_as_planned(ranks, n):
    """Blocks are handed out twice and added up once; what is outside of blocks stays after its forward."""
    config = torch_gpt.GPTConfig(3, 2, 128, 64, 192)
    model = parallel.shard(torch_gpt.GPT(config), ranks(n))
    ids = torch.zeros(2, 8, dtype=torch.int64)
    with Sent(n) as sent:
        cross_entropy(model(ids), ids).backward()
    blocks = 4 * sum(p.numel() for p in model.blocks.parameters())
    outside = 4 * sum(p.numel() for p in model.parameters()) - blocks
    planned = plans.zero_bytes(blocks, n, stage=3) + 2 / 3 * plans.zero_bytes(outside, n, stage=3)
    np.testing.assert_allclose(sent.bytes, planned, rtol=1e-12)  # n divides every array: nothing is filled up


@pytest.mark.parametrize("n", [2, 8])
def test_what_shared_matrices_send_is_as_planned(ranks, n):
    """Two sums a layer forward, two backward, of activations: in float32 here, in bf16 on paper."""
    config = torch_gpt.GPTConfig(3, 8, 64, 16, 32)
    ranks(n)
    mesh = parallel.mesh_of(parallel.Group(0, n, torch.device("cpu"), tensor=n))["tensor"]
    model = torch_gpt.GPT(config)
    tensor.share(model, mesh)
    ids = torch.zeros(4, 16, dtype=torch.int64)
    with Sent(n) as sent:
        cross_entropy(model(ids), ids).backward()
    layout = plans.Plan(data=1, tensor=n, pipeline=1, micro_batch=4, batch_size=4)
    assert sent.bytes == pytest.approx(2 * plans.plan(config, layout)["tensor_bytes"])
