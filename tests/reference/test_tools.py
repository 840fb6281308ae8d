"""What activations and models are built with, and are no pairs: draws, masks, positions, heads, kernels, states."""

import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from reference_impl import activations, attention, conv, rnn

examples = settings(max_examples=40)


@pytest.fixture
def rng():
    return np.random.default_rng(10)


@pytest.mark.parametrize("lead", [(), (3,), (2, 3), (0,)])
def test_log_sum_exp_is_torchs_and_overflows_for_no_logits(lead, rng):
    x = 3 * rng.standard_normal((*lead, 5))
    for shift in (0, 1e4, -1e4):
        out = activations.log_sum_exp(x + shift)
        np.testing.assert_allclose(out, torch.logsumexp(torch.from_numpy(x + shift), -1).numpy(), rtol=1e-14)
        assert np.shape(out) == lead
    assert activations.log_sum_exp(x.astype(np.float32)).dtype == np.float32


def test_draws_are_as_likely_as_the_rows_say(rng):
    """Two rows, 8,000 draws of each: within five standard errors, and never what has no chance."""
    p = np.array([[0.1, 0.0, 0.6, 0.3], [0.25, 0.25, 0.0, 0.5]])
    drawn = activations.draw(np.broadcast_to(p[:, None], (2, 8000, 4)), rng)
    assert drawn.shape == (2, 8000) and drawn.dtype.kind == "i"
    for row, chances in zip(drawn, p, strict=True):
        shares = np.bincount(row, minlength=4) / 8000
        assert np.all(np.abs(shares - chances) <= 5 * np.sqrt(chances * (1 - chances) / 8000))


class Told:
    """An rng whose random() is told beforehand."""

    def __init__(self, *numbers):
        self.numbers = numbers

    def random(self, shape):
        return np.array(self.numbers).reshape(shape)


def test_a_draw_is_the_first_class_whose_cumulated_probability_is_above_the_number():
    p = np.array([[0.25, 0.5, 0.25]] * 5)
    assert activations.draw(p, Told(0.0, 0.24, 0.25, 0.74, 0.75)).tolist() == [0, 0, 1, 1, 2]
    assert activations.draw(np.array([0.0, 1.0, 0.0]), Told(0.0)) == 1


def test_a_draw_is_a_class_even_where_rounding_leaves_a_row_short():
    """Ten times 0.1 in float32 may add up to less than the largest random number below 1."""
    p = np.full((1, 10), 0.1 * (1 - 1e-6), np.float32)
    assert activations.draw(p, Told(1 - 1e-16)) == 9


@pytest.mark.parametrize(("T", "S"), [(1, 1), (4, 4), (2, 5), (4, None)])
def test_a_causal_mask_lets_nobody_look_ahead(T, S):
    mask = attention.causal_mask(T, S)
    S = S or T
    assert mask.shape == (T, S) and mask.dtype == bool
    for t in range(T):
        assert mask[t].tolist() == [s <= S - T + t for s in range(S)]


def test_sinusoidal_positions_are_the_papers():
    T, C = 5, 6
    positions = attention.sinusoidal_positions(T, C)
    assert positions.shape == (T, C)
    for t in range(T):
        for i in range(C // 2):
            assert positions[t, 2 * i] == pytest.approx(math.sin(t / 10000 ** (2 * i / C)), rel=1e-12, abs=1e-15)
            assert positions[t, 2 * i + 1] == pytest.approx(math.cos(t / 10000 ** (2 * i / C)), rel=1e-12)


def test_heads_are_channels_side_by_side_and_come_together_again(rng):
    x = rng.standard_normal((2, 3, 20))
    heads = attention.split_heads(x, 4)
    assert heads.shape == (2, 4, 3, 5)
    for h in range(4):
        np.testing.assert_array_equal(heads[:, h], x[:, :, 5 * h : 5 * h + 5])
    np.testing.assert_array_equal(attention.merge_heads(heads), x)


@examples
@given(st.integers(1, 12), st.integers(1, 5), st.integers(1, 4), st.integers(0, 3))
def test_a_kernel_has_as_many_places_as_torch_finds(size, kernel, stride, padding):
    if kernel > size + 2 * padding:
        with pytest.raises(ValueError, match=f"a kernel of {kernel} does not fit into {size}"):
            conv.output_size(size, kernel, stride, padding)
        return
    theirs = torch.nn.functional.conv1d(torch.zeros(1, 1, size), torch.zeros(1, 1, kernel), None, stride, padding)
    assert conv.output_size(size, kernel, stride, padding) == theirs.shape[-1]


@examples
@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3)), max_size=4))
def test_the_receptive_field_is_every_input_that_has_a_gradient(stack):
    """One output of convolutions with weights of 1; where a stride leaves inputs out, from the first to the last."""
    kernels, strides = [k for k, _ in stack], [s for _, s in stack]
    x = torch.zeros(1, 1, 300, requires_grad=True)
    out = x
    for kernel, stride in stack:
        out = torch.nn.functional.conv1d(out, torch.ones(1, 1, kernel), None, stride)
    out[0, 0, 0].backward()
    reached = torch.nonzero(x.grad[0, 0])
    assert conv.receptive_field(kernels, strides) == reached.max() - reached.min() + 1


@pytest.mark.parametrize(("cell", "gates"), [(rnn.vanilla, 1), (rnn.lstm, 4), (rnn.gru, 3)])
def test_a_cell_starts_with_weights_of_its_size_and_a_state_of_zeros(cell, gates, rng):
    params = rnn.cell_init(cell, 40, 50, rng)
    assert {name: p.shape for name, p in params.items()} == {
        "Wx": (40, gates * 50),
        "Wh": (50, gates * 50),
        "b": (gates * 50,),
    }
    assert params["Wx"].var() == pytest.approx(1 / 40, rel=5 * math.sqrt(2 / 2000))  # five standard errors
    assert params["Wh"].var() == pytest.approx(1 / 50, rel=5 * math.sqrt(2 / 2500))
    assert not params["b"].any()
    state = rnn.start(cell, 3, 50, np.float32)
    assert list(state) == (["h", "c"] if cell is rnn.lstm else ["h"])
    assert all(part.shape == (3, 50) and part.dtype == np.float32 and not part.any() for part in state.values())
    assert rnn.start(cell, 3, 50)["h"].dtype == np.float64
    new, _ = cell.forward(params, rng.standard_normal((3, 40)), rnn.start(cell, 3, 50))
    assert {name: part.shape for name, part in new.items()} == {name: part.shape for name, part in state.items()}
