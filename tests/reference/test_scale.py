"""Scale in numbers: what the papers print, what the formulas promise, and what a fit or a ring must do on any input."""

import dataclasses
import itertools
import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from reference_impl import activations, gpt, init, laws, losses, mlp, optim, parallel, scale, tree

# The same examples on every run, and no deadline: the machine may be busy.
examples = settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow],
)

PADDED = dataclasses.replace(scale.GPT2["124M"], vocab_size=50304)

# Table D.1 of Brown et al. 2020: parameters in millions, FLOPs and PF-days; before them the exact number of parameters.
TABLE_D1 = {
    "Small": (125_226_240, 125, 2.25e20, 2.60),
    "Medium": (355_871_744, 356, 6.41e20, 7.42),
    "Large": (760_300_032, 760, 1.37e21, 15.8),
    "XL": (1_315_723_264, 1_320, 2.38e21, 27.5),
    "2.7B": (2_651_553_280, 2_650, 4.77e21, 55.2),
    "6.7B": (6_658_404_352, 6_660, 1.20e22, 139),
    "13B": (12_853_386_240, 12_850, 2.31e22, 268),
    "175B": (174_604_259_328, 174_600, 3.14e23, 3_640),
}
every_gpt3 = pytest.mark.parametrize("name", TABLE_D1)


# Parameters -----------------------------------------------------------------------------------------------------------


def test_every_row_of_the_papers_table_is_there():
    assert scale.GPT3.keys() == scale.GPT3_PRINTED.keys() == TABLE_D1.keys()


@every_gpt3
def test_a_gpt3_has_the_papers_parameters(name):
    """To the last one, and to the digits that table D.1 prints."""
    exact, millions, _, _ = TABLE_D1[name]
    assert gpt.gpt_param_count(scale.GPT3[name]) == exact
    assert exact / 1e6 == pytest.approx(millions, rel=5e-3)


@pytest.mark.parametrize(
    ("name", "exact"),
    [("124M", 124_439_808), ("350M", 354_823_168), ("774M", 774_030_080), ("1.5B", 1_557_611_200)],
)
def test_a_gpt2_has_the_published_checkpoints_parameters(name, exact):
    assert gpt.gpt_param_count(scale.GPT2[name]) == exact


@examples
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.integers(1, 9), st.integers(1, 11))
def test_parameters_are_counted_as_they_are_drawn(n_layer, n_head, d_head, block_size, vocab_size):
    config = gpt.GPTConfig(n_layer, n_head, n_head * d_head, block_size, vocab_size)
    assert gpt.gpt_param_count(config) == tree.count(gpt.gpt_init(config, np.random.default_rng(0)))


@every_gpt3
def test_a_printed_row_is_kept_where_it_adds_up(name):
    row, config = scale.GPT3_PRINTED[name], scale.GPT3[name]
    assert config.n_head * row.d_head == config.n_embd
    assert (config.n_layer, config.block_size, config.vocab_size) == (row.n_layer, 2048, 50257)
    kept = (config.n_head, config.n_embd) == (row.n_head, row.n_embd)
    assert kept == (row.n_head * row.d_head == row.n_embd) == (name not in ("XL", "13B"))


def test_the_two_rows_that_do_not_add_up_stand_as_printed_and_resolved():
    xl, large = scale.GPT3_PRINTED["XL"], scale.GPT3_PRINTED["13B"]
    assert (xl.n_head, xl.d_head, xl.n_embd) == (24, 128, 2048)
    assert (large.n_head, large.d_head, large.n_embd) == (40, 128, 5140)
    assert (scale.GPT3["XL"].n_head, scale.GPT3["XL"].n_embd) == (16, 2048)
    assert (scale.GPT3["13B"].n_head, scale.GPT3["13B"].n_embd) == (40, 5120)


def test_matmul_parameters_are_the_matrices_and_the_head():
    config = gpt.GPTConfig(n_layer=3, n_head=2, n_embd=8, block_size=5, vocab_size=13)
    params = gpt.gpt_init(config, np.random.default_rng(0))
    matrices = [p for path, p in tree.flatten(params).items() if path.endswith(".W")]
    assert scale.matmul_params(config) == sum(p.size for p in matrices) + params["wte"].size


# FLOPs ----------------------------------------------------------------------------------------------------------------


@every_gpt3
def test_training_flops_are_table_d1s(name):
    exact, _, flops, pf_days = TABLE_D1[name]
    found = scale.training_flops(exact, 300e9)
    assert found == pytest.approx(flops, rel=5e-3)  # the table prints three digits
    assert found / scale.PF_DAY == pytest.approx(pf_days, rel=5e-3)


@pytest.mark.parametrize(
    ("config", "flops"),
    [
        (PADDED, 0.855e9),
        (scale.GPT2["350M"], 2.423e9),
        (dataclasses.replace(scale.GPT3["XL"], vocab_size=50304), 9.074e9),
    ],
)
def test_flops_per_token_are_known_ones(config, flops):
    assert scale.flops_per_token(config) == pytest.approx(flops, rel=0.5e-3 / 0.855)  # rounded to 0.001e9


def test_flops_per_token_count_every_product():
    """By hand: a product of (n, d_in) and (d_in, d_out) is 2 · n · d_in · d_out forward, and twice that backward."""
    L, H, C, T, V = 3, 2, 8, 5, 13
    linear = 2 * (C * 3 * C + C * C + C * 4 * C + 4 * C * C)
    scores_and_values = 2 * (T * C) * 2
    forward = L * (linear + scores_and_values) + 2 * C * V
    config = gpt.GPTConfig(L, H, C, T, V)
    assert scale.flops_per_token(config) == 3 * forward
    assert scale.flops_per_token(config, causal=True) == 3 * (forward - L * scores_and_values // 2)


@pytest.mark.parametrize(("name", "share"), [("Small", 0.23), ("XL", 0.13), ("175B", 0.027)])
def test_attentions_share_falls_with_width(name, share):
    config = scale.GPT3[name]
    attention = 2 * (scale.flops_per_token(config) - scale.flops_per_token(config, causal=True))
    true_total = scale.training_flops(gpt.gpt_param_count(config), 1) + attention
    assert attention / true_total == pytest.approx(share, abs=0.005 if share > 0.1 else 0.0005)


def test_head_and_attention_of_the_smallest_gpt2_are_a_quarter_and_an_eighth():
    total = scale.flops_per_token(PADDED)
    assert 6 * PADDED.vocab_size * PADDED.n_embd / total == pytest.approx(0.27, abs=0.005)
    assert 2 * (total - scale.flops_per_token(PADDED, causal=True)) / total == pytest.approx(0.13, abs=0.005)


@pytest.mark.parametrize(
    ("config", "rate", "causal", "percent"),
    [
        (PADDED, 458e3, False, 39.6),  # llm.c, as in modded-nanogpt's record 1
        (PADDED, 458e3, True, 37.2),
        (PADDED, 462e3, False, 39.9),  # modded-nanogpt's record 7
        (PADDED, 462e3, True, 37.3),
        (scale.GPT2["1.5B"], 46.8e3, False, 48.6),  # llm.c
        (scale.GPT2["1.5B"], 46.8e3, True, 46.5),
        (scale.GPT3["XL"], 45.5e3, False, 41.8),  # MosaicML
    ],
)
def test_mfu_is_what_was_published(config, rate, causal, percent):
    """Within 1 %: rates are rounded to three digits, and llm.c also counts positions, biases and norms (0.7 % at 124M).

    The two conventions lie 4 % apart or more."""
    assert 100 * scale.mfu(rate, config, 989e12, causal) == pytest.approx(percent, rel=0.01)


# Devices --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("device", "peak"),
    [
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA H100 NVL", 835e12),
        ("NVIDIA H200", 989e12),
        ("NVIDIA A100-SXM4-80GB", 312e12),
        ("NVIDIA A100 80GB PCIe", 312e12),
        ("A100-PCIE-40GB", 312e12),
        ("Tesla V100-SXM2-16GB", 125e12),
        ("H100", 989e12),
        ("NVIDIA A10", 125e12),
        ("NVIDIA L4", 121e12),
        ("NVIDIA L40S", 362e12),
        ("NVIDIA GeForce RTX 3090", 71e12),
        ("NVIDIA GeForce RTX 4090", 165e12),
    ],
)
def test_a_devices_peak_is_found_by_the_name_the_driver_gives(device, peak):
    assert scale.peak_flops(device) == peak


@pytest.mark.parametrize(
    "device",
    [
        "Tesla T4",
        "NVIDIA A10G",
        "NVIDIA RTX A1000",
        "NVIDIA L40",
        "NVIDIA GeForce RTX 4090 D",
        "NVIDIA GeForce RTX 4090 Laptop GPU",
        "NVIDIA GeForce RTX 3090 Ti",
        "cpu",
        "",
        "NVIDIA H100 80GB HBM3 MIG 1g.10gb",
    ],
)
def test_no_peak_is_made_up(device):
    with pytest.raises(ValueError, match="no peak is known for"):
        scale.peak_flops(device)


def test_memory_is_sixteen_bytes_a_parameter_in_float32():
    """Gigabytes of FACTS' eight models, to the digit printed there."""
    found = [scale.memory_bytes(exact) / 1e9 for exact, *_ in TABLE_D1.values()]
    assert found == pytest.approx([2.0, 5.7, 12.2, 21.1, 42.4, 106.5, 205.6, 2793.7], abs=0.06)
    assert scale.memory_bytes(10, weights=2, gradients=3, moments=7) == 120


def test_a_cache_of_keys_and_values_has_as_many_bytes_as_ours():
    config = gpt.GPTConfig(n_layer=3, n_head=2, n_embd=8, block_size=7, vocab_size=13)
    params = tree.cast(gpt.gpt_init(config, np.random.default_rng(0)), np.float32)
    _, cache = gpt.gpt_forward(params, np.zeros((5, 6), int), config)
    held = sum(array.nbytes for pair in gpt.keys_and_values(cache) for array in pair)
    assert scale.kv_cache_bytes(config, batch_size=5, tokens=6, itemsize=4) == held
    assert scale.kv_cache_bytes(scale.GPT3["175B"], 1, 2048) == 2 * 96 * 12288 * 2048 * 2  # 9.7 GB in two bytes each


def test_intensity_is_flops_by_bytes_of_three_arrays():
    n, d_in, d_out = 3, 5, 7
    numbers = sum(np.zeros(shape).size for shape in ((n, d_in), (d_in, d_out), (n, d_out)))
    assert scale.matmul_intensity(n, d_in, d_out, itemsize=4) == pytest.approx(2 * n * d_in * d_out / (4 * numbers))
    assert scale.matmul_intensity(6144, 6144, 6144) == pytest.approx(6144 / 3)  # square, in two bytes: n/3
    assert scale.matmul_intensity(1, 12288, 49152) == pytest.approx(1, rel=1e-3)  # one token: a FLOP a byte


def test_a_roof_slopes_up_to_the_ridge_and_is_flat_from_there():
    """H100: 989 TFLOP/s and 3.35 TB/s meet at 295 FLOPs a byte."""
    found = scale.roofline(np.array([0, 1, 100, 989 / 3.35, 1000]), 989e12, 3.35e12)
    np.testing.assert_allclose(found, [0, 3.35e12, 335e12, 989e12, 989e12], rtol=1e-12)


# Schedules in tokens, Brown et al. 2020, appendix B -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tokens", "share"),
    [(0, 0), (187.5e6, 0.5), (375e6, 1), ((375e6 + 260e9) / 2, 0.55), (260e9, 0.1), (280e9, 0.1), (300e9, 0.1)],
)
def test_gpt3s_rate_goes_up_over_375_million_tokens_and_down_to_a_tenth_at_260_billion(tokens, share):
    assert scale.gpt3_lr(tokens, 6e-4) == pytest.approx(share * 6e-4, rel=1e-12)


def test_gpt3s_rate_falls_all_the_way():
    rates = [scale.gpt3_lr(tokens, 1.0) for tokens in np.linspace(375e6, 260e9, 50)]
    assert all(a > b for a, b in itertools.pairwise(rates))


@pytest.mark.parametrize(
    ("tokens", "n_ramp", "batch"),
    [
        (0, 4e9, 32e3),
        (2e9, 4e9, 1.616e6),
        (4e9, 4e9, 3.2e6),
        (300e9, 4e9, 3.2e6),
        (3e9, 12e9, 824e3),
        (12e9, 12e9, 3.2e6),
    ],
)
def test_gpt3s_batch_grows_from_32_thousand_tokens_on_a_line(tokens, n_ramp, batch):
    assert scale.gpt3_batch_size(tokens, scale.GPT3_PRINTED["175B"].batch_size, n_ramp) == pytest.approx(batch)


def test_tokens_below_zero_are_refused():
    with pytest.raises(ValueError, match="tokens must be 0 or more, not -1"):
        scale.gpt3_lr(-1, 6e-4)


# Scaling laws ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("law", "x", "loss"),
    [
        (laws.KAPLAN_N, 8.8e13, 1.0),
        (laws.KAPLAN_N, 1e9, 2.375),  # 11.386 · 0.076 = 0.8654, e^0.8654
        (laws.KAPLAN_D, 5.4e10, 1.9275),  # 1000^0.095
        (laws.KAPLAN_C, 3.1e2, 1.9953),  # a million to the 0.05: 10^0.3
    ],
)
def test_kaplans_laws_at_round_numbers(law, x, loss):
    assert laws.power_law(x, *law) == pytest.approx(loss, rel=1e-3)


@examples
@given(st.floats(0.01, 2), st.floats(1, 15), st.booleans())
def test_a_power_law_is_found_again_from_its_own_points(exponent, log_scale, rising):
    law = 10**log_scale, -exponent if rising else exponent
    x = np.array([1e3, 2e3, 5e4, 1e6])
    assert laws.fit_power_law(x, laws.power_law(x, *law)) == pytest.approx(law, rel=1e-6)  # the scale is an exponential


def test_a_power_law_is_found_through_noise():
    """One percent of noise on 200 points over six decades: the exponent's standard error is 0.00041."""
    rng = np.random.default_rng(3)
    x = 10 ** rng.uniform(3, 9, 200)
    y = laws.power_law(x, *laws.KAPLAN_N) * np.exp(0.01 * rng.standard_normal(200))
    assert laws.fit_power_law(x, y)[1] == pytest.approx(0.076, abs=5 * 0.00041)


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        ([2.0, 2.0, 2.0], [1.0, 2.0, 3.0], "two different x or more are needed, not 1"),
        ([], [], "two different x or more are needed, not 0"),
        ([1.0, 2.0], [3.0, 3.0], "y must change with x"),
        ([1.0, -2.0], [3.0, 4.0], "x must be above 0, not -2.0"),
        ([1.0, 2.0], [0.0, 4.0], "y must be above 0, not 0.0"),
        ([1.0, 2.0, 3.0], [3.0, 4.0], "y must have shape"),
    ],
)
def test_what_has_no_power_law_is_refused(x, y, words):
    with pytest.raises(ValueError, match=words):
        laws.fit_power_law(np.array(x), np.array(y))


@pytest.mark.parametrize(
    ("law", "billions", "tokens_each"),
    [(laws.HOFFMANN, 40.4, 58.9), (laws.BESIROGLU, 72.2, 18.4)],
)
def test_the_best_size_for_chinchillas_budget(law, billions, tokens_each):
    """For 5.76e23 FLOPs Hoffmann's own law asks for 40B parameters, the refit for 72B: they trained 70B."""
    N, D = laws.compute_optimal(5.76e23, law)
    assert np.allclose((N / 1e9, D / N), (billions, tokens_each), rtol=2e-3)


law_of_any_kind = st.builds(
    laws.Chinchilla,
    E=st.floats(0, 3),
    A=st.floats(30, 3000),
    B=st.floats(30, 3000),
    alpha=st.floats(0.2, 0.7),
    beta=st.floats(0.2, 0.7),
)


@examples
@given(law_of_any_kind, st.floats(17, 26))
def test_no_other_size_does_better_on_the_same_budget(law, log_C):
    """Against 20,000 sizes; at the minimum the loss is flat, so the best of them is within 1 % and never lower."""
    C = 10**log_C
    N, D = laws.compute_optimal(C, law)
    assert scale.training_flops(N, D) == pytest.approx(C)
    others = np.geomspace(N / 1e3, N * 1e3, 20_001)
    found = laws.chinchilla_loss(others, C / (6 * others), law)
    assert laws.chinchilla_loss(N, D, law) <= found.min() * (1 + 1e-12)
    assert others[found.argmin()] == pytest.approx(N, rel=0.01)


def test_the_best_sizes_of_many_budgets_come_at_once():
    C = np.array([1e19, 1e21, 1e23])
    N, D = laws.compute_optimal(C, laws.BESIROGLU)
    assert [laws.compute_optimal(c, laws.BESIROGLU) for c in C] == list(zip(N, D, strict=True))


def runs(rng, kind):
    """Sizes and tokens of training runs: scattered ones, a grid, or budgets that are each split in several ways."""
    if kind == "scattered":
        N = 10 ** rng.uniform(7, 10, 30)
        return N, N * 10 ** rng.uniform(0, 2.5, 30)
    if kind == "grid":
        N, D = np.meshgrid(np.geomspace(1e6, 1e9, 5), np.geomspace(1e8, 1e11, 4))
        return N.ravel(), D.ravel()
    C, share = np.meshgrid(np.geomspace(1e17, 1e20, 4), np.geomspace(0.2, 5, 5))
    N = (share * np.sqrt(C / 120)).ravel()
    return N, C.ravel() / (6 * N)


@examples
@given(law_of_any_kind, st.sampled_from(["scattered", "grid", "budgets"]), st.integers(0, 99))
def test_chinchillas_law_is_found_again_from_its_own_runs(law, kind, seed):
    """Losses have 16 digits; on the worst of these runs they leave the law five."""
    N, D = runs(np.random.default_rng(seed), kind)
    found = laws.fit_chinchilla(N, D, laws.chinchilla_loss(N, D, law))
    assert found == pytest.approx(law, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("law", [laws.HOFFMANN, laws.BESIROGLU])
def test_chinchillas_law_is_found_through_noise(law):
    """A fit to losses with an error of 0.005 is at least as near to them as the truth, and predicts a larger run."""
    rng = np.random.default_rng(4)
    N, D = 10 ** rng.uniform(7.5, 10, 240), 10 ** rng.uniform(9, 11.5, 240)
    noisy = laws.chinchilla_loss(N, D, law) + 0.005 * rng.standard_normal(240)
    found = laws.fit_chinchilla(N, D, noisy)
    assert np.sum((laws.chinchilla_loss(N, D, found) - noisy) ** 2) <= 240 * 0.005**2 * 1.2
    assert np.sum((laws.chinchilla_loss(N, D, found) - noisy) ** 2) <= np.sum(
        (laws.chinchilla_loss(N, D, law) - noisy) ** 2
    )
    assert (found.alpha, found.beta) == pytest.approx((law.alpha, law.beta), abs=0.03)
    assert laws.chinchilla_loss(70e9, 1.4e12, found) == pytest.approx(laws.chinchilla_loss(70e9, 1.4e12, law), abs=0.02)


@examples
@given(law_of_any_kind, st.integers(0, 99))
def test_a_fit_to_few_and_noisy_runs_is_nearer_than_the_truth(law, seed):
    """Twelve losses, an error of 0.1 in each: whatever the law found is, it is no worse than the one they come from."""
    rng = np.random.default_rng(seed)
    N, D = 10 ** rng.uniform(7, 10, 12), 10 ** rng.uniform(8, 11, 12)
    noisy = laws.chinchilla_loss(N, D, law) + 0.1 * rng.standard_normal(12) + 1
    found = laws.fit_chinchilla(N, D, noisy)
    far, near = (
        np.sum((laws.chinchilla_loss(N, D, tried) - noisy) ** 2) for tried in (law._replace(E=law.E + 1), found)
    )
    assert near <= far * (1 + 1e-9)


@pytest.mark.parametrize(
    ("N", "D", "words"),
    [
        ([1e6, 2e6, 4e6, 8e6], [1e9, 3e9, 2e9, 5e9], "five runs or more are needed, not 4"),
        ([1e6] * 6, [1e9, 2e9, 3e9, 4e9, 5e9, 6e9], "must vary independently"),
        ([1e6, 2e6, 3e6, 4e6, 5e6, 6e6], [1e9] * 6, "must vary independently"),
        ([1e6, 2e6, 3e6, 4e6, 5e6, 6e6], [2e7, 4e7, 6e7, 8e7, 1e8, 1.2e8], "must vary independently"),  # 20 tokens each
        ([1e6, 2e6, 3e6, 0.0, 5e6, 6e6], [1e9, 2e9, 1e9, 4e9, 5e9, 6e9], "N must be above 0, not 0.0"),
    ],
)
def test_runs_that_tell_too_little_are_refused(N, D, words):
    N, D = np.array(N), np.array(D)
    with pytest.raises(ValueError, match=words):
        laws.fit_chinchilla(N, D, np.linspace(3, 2, len(N)))


# µP -------------------------------------------------------------------------------------------------------------------


def change_of_outputs(width, scales, lr=0.01, base_width=64):
    """How far one step of Adam moves every layer's outputs in an MLP: root mean squares, input to logits."""
    rng = np.random.default_rng(width)
    x, targets = rng.standard_normal((32, 10)), rng.standard_normal((32, 1))
    names, sizes = ("input", "hidden", "hidden", "readout"), (10, width, width, width, 1)
    fan_in = 10, base_width, base_width, base_width  # the spread that is right at the base
    params = [
        {"W": scales[name][1] * n**-0.5 * rng.standard_normal((d_in, d_out)), "b": np.zeros(d_out)}
        for name, n, (d_in, d_out) in zip(names, fan_in, itertools.pairwise(sizes), strict=True)
    ]
    config = mlp.MLPConfig(sizes, activations.tanh, init.lecun_normal)
    logits, cache = mlp.mlp_forward(params, x, config)
    grads = mlp.mlp_backward(losses.mse_backward(1.0, losses.mse_forward(logits, targets)[1]), cache)
    rates = [lr * scales[name][0] for name in names]
    moved = [
        {k: optim.adam_update(layer[k], grad[k], (0.0, 0.0), 1, {"W": rate, "b": 0.0}[k])[0] for k in layer}
        for layer, grad, rate in zip(params, grads, rates, strict=True)
    ]

    def outputs(params):
        """The inputs of all layers but the first, and the logits."""
        logits, (caches, _) = mlp.mlp_forward(params, x, config)
        return [c_linear[0] for c_linear, _ in caches[1:]] + [logits]

    return np.array([np.sqrt(np.mean((a - b) ** 2)) for a, b in zip(outputs(moved), outputs(params), strict=True)])


def standard(width, base_width):
    """What is usual: the initial spread follows the fan-in, and the rate stays."""
    spread = (base_width / width) ** 0.5
    return {"input": (1.0, 1.0), "hidden": (1.0, spread), "readout": (1.0, spread)}


def test_under_mup_a_step_moves_wide_and_narrow_networks_alike():
    """From width 64 to 512, a step of Adam changes every layer's outputs by the same, within a factor of 1.25.

    Without µP they change more and more: hidden units by a factor of more than 2.5, and the logits of more than 5.
    """
    with_mup = change_of_outputs(512, laws.mup_scales(512, 64)) / change_of_outputs(64, laws.mup_scales(64, 64))
    assert np.all(np.abs(np.log(with_mup)) < np.log(1.25)), with_mup
    without = change_of_outputs(512, standard(512, 64)) / change_of_outputs(64, standard(64, 64))
    assert np.all(without[1:3] > 2.5) and without[3] > 5, without


def test_mup_is_the_papers_table_3():
    """Adam: rates by 1/fan-in but for the input; spreads, of which the table has squares, by 1/√fan-in and 1/fan-in."""
    found = laws.mup_scales(width=512, base_width=32)
    assert found == {"input": (1, 1), "hidden": (1 / 16, 1 / 4), "readout": (1 / 16, 1 / 16)}


def test_mup_changes_nothing_at_the_base_width():
    assert set(laws.mup_scales(64, 64).values()) == {(1.0, 1.0)}


# Many GPUs ------------------------------------------------------------------------------------------------------------


@examples
@given(st.integers(1, 7), st.lists(st.integers(0, 5), max_size=3), st.integers(0, 99))
def test_after_a_ring_every_rank_has_the_sum(P, shape, seed):
    """Whole numbers, so that the sum is exact; sizes that P does not divide, or smaller than P, among them."""
    arrays = list(np.random.default_rng(seed).integers(-50, 50, (P, *shape)))
    kept = [array.copy() for array in arrays]
    found, sent = parallel.ring_all_reduce(arrays)
    assert len(found) == len(sent) == P
    for mine in found:
        np.testing.assert_array_equal(mine, np.sum(kept, axis=0), strict=True)
    np.testing.assert_array_equal(arrays, kept)
    size = math.prod(shape)
    assert sum(sent) == 2 * (P - 1) * size
    largest_part = -(-size // P)
    assert max(sent) <= 2 * (P - 1) * largest_part


@pytest.mark.parametrize(("P", "size", "sent"), [(1, 6, 0), (2, 6, 6), (3, 6, 8), (6, 6, 10), (4, 12, 18)])
def test_a_ring_sends_two_parts_less_than_twice_the_array(P, size, sent):
    """2(P - 1)/P of it, on every rank, however many there are."""
    arrays = list(np.random.default_rng(0).standard_normal((P, size)))
    assert parallel.ring_all_reduce(arrays)[1] == [sent] * P
    assert parallel.all_reduce_bytes(size, P) == pytest.approx(sent)


def test_all_ranks_have_the_very_same_sum():
    """Bit by bit, though sums of floats depend on their order: copies of a model must not drift apart."""
    arrays = list(np.random.default_rng(1).standard_normal((5, 3, 7)).astype(np.float32))
    found, _ = parallel.ring_all_reduce(arrays)
    assert all(np.array_equal(mine, found[0]) and mine.dtype == np.float32 for mine in found)
    np.testing.assert_allclose(found[0], np.sum(arrays, axis=0), rtol=1e-5)  # float32: 1.2e-7 a sum, and cancellation


@pytest.mark.parametrize(
    ("arrays", "words"),
    [([np.ones(3), np.ones(4)], "one shape is needed, not 2"), ([], "one shape is needed, not 0")],
)
def test_a_ring_of_unequal_arrays_is_refused(arrays, words):
    with pytest.raises(ValueError, match=words):
        parallel.ring_all_reduce(arrays)


@pytest.mark.parametrize(("stage", "gigabytes"), [(0, 120), (1, 31.4), (2, 16.6), (3, 1.9)])
def test_sharding_is_figure_1_of_the_zero_paper(stage, gigabytes):
    assert parallel.sharded_bytes(7.5e9, 64, stage) / 1e9 == pytest.approx(gigabytes, abs=0.05)
    assert parallel.sharded_bytes(7.5e9, 1, stage) == 16 * 7.5e9


@pytest.mark.parametrize(
    ("stage", "microbatches", "all_reduces"),
    [(0, 1, 1), (1, 1, 1), (2, 1, 1), (3, 1, 1.5), (1, 6, 1), (2, 6, 3.5), (3, 6, 9)],
)
def test_what_zero_sends(stage, microbatches, all_reduces):
    """Section 7 of its paper: as much as without sharding up to stage 2, and half as much again in stage 3."""
    assert parallel.zero_bytes(100, 5, stage, microbatches) == pytest.approx(all_reduces * 2 * 4 / 5 * 100)


@pytest.mark.parametrize("f", [parallel.sharded_bytes, parallel.zero_bytes])
@pytest.mark.parametrize("stage", [-1, 4, 1.5])
def test_stages_that_do_not_exist_are_refused(f, stage):
    with pytest.raises(ValueError, match=rf"stage must be 0, 1, 2 or 3, not {stage}"):
        f(100, 5, stage)


@pytest.mark.parametrize(("stages", "microbatches"), [(1, 1), (1, 9), (4, 1), (4, 12), (3, 2)])
def test_a_bubble_is_what_a_simulated_pipeline_waits(stages, microbatches):
    """Each stage starts a micro-batch once it is free and the stage before is done, one unit of time each."""
    done = np.zeros((stages + 1, microbatches + 1))
    for s in range(1, stages + 1):
        for m in range(1, microbatches + 1):
            done[s, m] = max(done[s - 1, m], done[s, m - 1]) + 1
    total = done[-1, -1]
    assert parallel.pipeline_bubble(stages, microbatches) == pytest.approx((total - microbatches) / total)


def test_a_plan_for_175_billion_by_hand():
    """1024 GPUs, 16 copies of 8 · 8: 64 texts each in 32 micro-batches of 2, of 2048 · 12288 activations at 2 bytes."""
    layout = parallel.Plan(data=16, tensor=8, pipeline=8, micro_batch=2, batch_size=1024)
    found = parallel.plan(scale.GPT3["175B"], layout)
    activation = 2 * 2 * 2048 * 12288  # 100.7 MB
    params = 174_604_259_328 / 64  # 2.73 billion
    assert (layout.gpus, layout.microbatches) == (1024, 32)
    assert found == pytest.approx(
        {
            "params": params,
            "memory": params * (2 + 2 + 12 / 16),  # 13 GB of 80
            "data_bytes": 2 * 15 / 16 * 2 * params,  # bf16 gradients, all-reduced: 10.2 GB
            "tensor_bytes": 32 * (96 / 8) * 4 * (2 * 7 / 8) * activation,  # 271 GB: why it stays in one node
            "pipeline_bytes": 32 * 2 * activation,  # 6.4 GB
            "bubble": 7 / 39,
        },
        rel=1e-12,
    )


def test_one_gpu_keeps_everything_and_sends_nothing():
    config = scale.GPT2["124M"]
    found = parallel.plan(config, parallel.Plan(1, 1, 1, micro_batch=4, batch_size=12))
    exact = gpt.gpt_param_count(config)
    assert found == {
        "params": exact, "memory": 16 * exact, "data_bytes": 0, "tensor_bytes": 0, "pipeline_bytes": 0, "bubble": 0,
    }  # fmt: skip


def test_a_plans_stage_reaches_its_memory_and_its_messages():
    layout = parallel.Plan(data=4, tensor=1, pipeline=1, micro_batch=1, batch_size=12, stage=3)
    found, exact = parallel.plan(scale.GPT2["124M"], layout), 124_439_808
    assert found["memory"] == 16 * exact / 4
    assert found["data_bytes"] == pytest.approx(
        3 * 1.5 * 2 * 3 / 4 * 2 * exact
    )  # gathered anew for all 3 micro-batches


def test_tensor_ranks_share_almost_all_parameters():
    """What a plan counts as shared, and in truth every tensor rank keeps, is 0.13 % of a rank's eighth at 175B."""
    config = scale.GPT3["175B"]
    kept = (
        config.n_layer * 6 * config.n_embd + (config.block_size + 2) * config.n_embd
    )  # two norms, two biases; wpe, ln_f
    assert 7 / 8 * kept / (gpt.gpt_param_count(config) / 8) == pytest.approx(0.0013, abs=5e-5)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"data": 0}, "data must be a whole number, 1 or more, not 0"),
        ({"tensor": -2}, "tensor must be a whole number, 1 or more, not -2"),
        ({"pipeline": 1.5}, "pipeline must be a whole number, 1 or more, not 1.5"),
        ({"micro_batch": 5}, "2 copies of 5 texts do not divide a batch of 12"),
        ({"stage": 4}, "stage must be 0 to 3, not 4"),
        ({"stage": -1}, "stage must be 0 to 3, not -1"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(wrong, words):
    right = {"data": 2, "tensor": 2, "pipeline": 2, "micro_batch": 3, "batch_size": 12}
    parallel.Plan(**right)
    with pytest.raises(ValueError, match=words):
        parallel.Plan(**(right | wrong))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"tensor": 5}, "tensor = 5 does not divide 12 heads"),
        ({"pipeline": 5}, "pipeline = 5 does not divide 12 layers"),
    ],
)
def test_a_plan_that_does_not_fit_a_model_is_refused(wrong, words):
    layout = parallel.Plan(**({"data": 1, "tensor": 1, "pipeline": 1, "micro_batch": 1, "batch_size": 1} | wrong))
    with pytest.raises(ValueError, match=words):
        parallel.plan(scale.GPT2["124M"], layout)
