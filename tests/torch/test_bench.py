"""The benchmarks of PyTorch run where there is no GPU, on little, and tell what they measured."""

import math
import signal

import numpy as np
import pytest
import torch

from bench import gpu, lab
from reference_impl import laws, mlp, scale
from reference_impl.activations import relu
from reference_impl.gpt import gpt_param_count
from reference_impl.init import he_normal
from torch_impl import config, loop, mup, presets, recipes, stops
from torch_impl.mlp import MLP

CPU = torch.device("cpu")


@pytest.fixture
def small(text, monkeypatch):
    """The benchmark's model on a short text."""
    base = gpu.contenders("tiny", on_gpu=False)
    own = {who: config.changed(recipe, [f"data={text}", "block_size=8"]) for who, recipe in base.items()}
    monkeypatch.setattr(gpu, "contenders", lambda name, on_gpu: own)
    return own


def test_every_contender_does_the_same_work_and_is_told(small):
    rows, parts = gpu.measured("tiny", CPU, 2, lambda: None)
    assert [row["contender"] for row in rows] == ["ours", "nanogpt", "plain"]
    assert all(row["tokens"] == 24 * 8 and row["tokens_per_second"] > 0 and row["memory"] > 0 for row in rows)
    assert rows[0]["ratio"] == [1, 1, 1]
    assert "mfu12" not in rows[0]  # no peak is known of a CPU
    assert len(list(gpu.table(rows))) == 4
    assert sum(parts.values()) == pytest.approx(1)
    assert parts["matmul"] > 0.05


def test_contenders_on_a_gpu_share_a_batch_of_whole_micro_batches():
    for name in gpu.SIZES:
        own = gpu.contenders(name, on_gpu=True)
        assert len({recipe.tokens for recipe in own.values()}) == 1
        assert own["ours"].compile
        assert own["nanogpt"].compile
        assert not own["plain"].compile
        assert own["ours"].model.vocab_size % 128 == 0
        idle = 2 * 12 * gpt_param_count(own["ours"].model)  # the two others keep weights and moments
        assert all(presets.memory_needed(recipe) + idle < 0.9 * presets.PRESETS["80GB"] for recipe in own.values())


def test_a_size_that_does_not_fit_is_left_out_and_said(small, monkeypatch, capsys):
    def full(*_):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(gpu, "measured", full)
    gpu.main(["--rounds", "2"])
    told = capsys.readouterr()
    assert "tiny does not fit into this GPU's memory, and is left out" in told.err
    assert "waiting for data" in told.out


@pytest.mark.parametrize("name", ["char", "mup"])
def test_a_stopped_experiment_has_no_result(name, monkeypatch):
    monkeypatch.setattr(loop, "fit", lambda *_: signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        lab.EXPERIMENTS[name][0](lambda done: None)


@pytest.mark.parametrize(
    ("kernel", "kind"),
    [
        ("void pytorch_flash::flash_fwd_kernel", "attention"),
        ("nvjet_tst_128x256_64x4", "matmul"),
        ("aten::addmm", "matmul"),
        ("multi_tensor_apply_kernel<FusedAdam>", "optimizer"),
        ("cunn_SoftMaxForward", "loss"),
        ("Memcpy HtoD", "data"),
        ("vectorized_layer_norm_kernel", "elementwise"),
        ("triton_per_fused__to_copy_add_native_layer_norm_3", "elementwise"),
        ("triton_poi_fused_addmm_gelu_view_4", "elementwise"),
        ("triton_red_fused__log_softmax_nll_loss_forward_9", "loss"),
        ("triton_tem_fused_mm_2", "matmul"),
        ("direct_copy_kernel_cuda", "elementwise"),
    ],
)
def test_a_kernel_belongs_where_its_name_says(kernel, kind):
    assert gpu.kind_of(kernel) == kind


def test_the_roofline_and_the_loader_are_measured(small):
    layers = gpu.roofline(gpu.SMALL, 64, CPU, torch.float32, repeat=3)
    assert [layer["layer"] for layer in layers] == ["qkv", "proj", "fc", "ffn proj", "head"]
    assert all(layer["flops"] > 0 and layer["intensity"] > 0 for layer in layers)
    assert 0 <= gpu.stall(small["ours"], CPU, 3) < 1


def test_no_figure_is_written_without_a_gpu(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit) as end:
        gpu.main(["--json", str(tmp_path / "x.json")])
    assert end.value.code == 2
    assert "there is no GPU here" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_numpy_and_pytorch_have_the_same_losses(text):
    words = ["n_layer=1", "n_embd=16", "block_size=8", "vocab_size=7", "n_steps=25", "n_warmup=2", f"data={text}"]
    found = lab.parity(lambda step: None, config.changed(lab.PARITY, words), compiled=False)
    assert len(found["curves"]["NumPy"]) == 25
    assert found["furthest_apart"]["PyTorch"] < 1e-4
    assert found["curves"]["NumPy"][-1] < found["curves"]["NumPy"][0]
    assert found["seconds"]["PyTorch"] > 0


def test_a_wide_network_starts_as_mup_has_it():
    """The readout's weights shrink with 1/width, and hidden and readout's rates too."""
    spread = {}
    for width in (64, 256):
        model = MLP(mlp.MLPConfig((10, width, width, 5), relu, he_normal), torch.Generator().manual_seed(0))
        groups = mup.groups(model, width, 64)
        scales = laws.mup_scales(width, 64)
        assert [group["scale"] for group in groups] == [scales[kind][0] for kind in ("input", "hidden", "readout")]
        assert sum(len(group["params"]) for group in groups) == 6
        spread[width] = [layer.W.std().item() for layer in model]
    np.testing.assert_allclose(np.divide(spread[64], spread[256]), [1, 2, 4], rtol=0.15)


def test_mup_changes_nothing_at_its_base_and_something_elsewhere():
    sweep = recipes.mup_sweep(widths=(64, 128), powers=[-8])
    runs = {key: loop.Run(config.changed(recipe, ["n_steps=10"])) for key, recipe in sweep.items()}
    for run in runs.values():
        loop.fit(run)
    assert runs["standard", 64, -8].losses == runs["µP", 64, -8].losses
    assert runs["standard", 128, -8].losses != runs["µP", 128, -8].losses


def test_a_sweep_tells_the_best_rate_of_every_width(monkeypatch):
    class Run:
        def __init__(self, recipe, group):
            self.losses = [abs(math.log2(recipe.lr) + 8)] * 50
            self.finite = recipe.lr < 0.05

    def fit(run):
        if not run.finite:
            raise stops.Stopped("the loss is nan")

    monkeypatch.setattr(loop, "Run", Run)
    monkeypatch.setattr(loop, "fit", fit)
    found = lab.mup(lambda done: None, recipes.mup_sweep(widths=(2, 4), powers=range(-10, -3)))
    assert found["best"] == {"standard": [-8, -8], "µP": [-8, -8]}
    assert found["losses"]["µP"][0][-1] is None
    assert list(lab.told("mup", found))


def test_runs_of_a_budget_have_as_many_flops():
    for (flops, *_), recipe in recipes.isoflop_sweep().items():
        spent = recipe.n_steps * recipe.tokens * scale.flops_per_token(recipe.model)
        assert abs(spent / flops - 1) < 0.05


def test_mup_is_for_mlps_without_decay():
    with pytest.raises(ValueError, match="mup_base is for an MLP"):
        config.changed(recipes.digits(), ["mup_base=64"])


def test_energy_is_a_number_or_nothing():
    told = lab.joules(CPU)
    assert told is None or told >= 0
