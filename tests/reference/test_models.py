"""Whole models: beside torch.nn with the same weights, in training, continuing text, and read from GPT-2's files.

A model's layers are compared with PyTorch one by one in test_pairs.py.
"""

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, assume, example, given, settings
from torch import nn

from reference_impl import activations, attention, conv, gpt, init, losses, mlp, optim, rnn, tree

# All different within a model, so that a swapped axis cannot pass.
B, T, C, D_IN, HIDDEN, K, V = 2, 6, 7, 4, 8, 5, 9

# The same examples on every run, and no deadline: the machine may be busy.
examples = settings(
    max_examples=200,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@pytest.fixture
def rng():
    return np.random.default_rng(12)


# The same models in torch.nn ------------------------------------------------------------------------------------------


class Model(NamedTuple):
    """A model and its twin.

    init, forward, backward : ours; forward(params, x, config) -> logits, cache
    config : ours
    inputs : rng -> x
    torch : config -> a torch module, and its layout: a tree like params whose leaf, called with get, shows as ours the
        tensor that get makes of one of the module's parameters
    """

    init: Callable
    forward: Callable
    backward: Callable
    config: object
    inputs: Callable
    torch: Callable


def linear(module):
    """The layout of an nn.Linear: (d_out, d_in) there, (d_in, d_out) here."""
    return {"W": lambda get: get(module.weight).T, "b": lambda get: get(module.bias)}


def norm(module):
    return {"g": lambda get: get(module.weight), "b": lambda get: get(module.bias)}


def torch_mlp(config):
    modules = [nn.Linear(d_in, d_out) for d_in, d_out in itertools.pairwise(config.sizes)]
    between = [layer for module in modules for layer in (module, nn.ReLU())][:-1]
    return nn.Sequential(*between), [linear(module) for module in modules]


class ChannelsLast(nn.Module):
    """Rows of an image's numbers in our order: (B, C, H, W) to (B, HWC)."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


class ChannelsFirst(nn.Module):
    def forward(self, x):
        return x.permute(0, 3, 1, 2)


def torch_cnn(config):
    convs = [
        nn.Conv2d(d_in, d_out, config.kernel, padding=config.kernel // 2)
        for d_in, d_out in itertools.pairwise((config.image[2], *config.channels))
    ]
    head = nn.Linear(math.prod(config.features), config.n_classes)
    stages = [part for module in convs for part in (module, nn.ReLU(), nn.MaxPool2d(config.pool))]
    layout = {"conv": [convolution(module) for module in convs], "linear": linear(head)}
    return nn.Sequential(ChannelsFirst(), *stages, ChannelsLast(), head), layout


def convolution(module):
    """The layout of an nn.Conv2d: (d_out, d_in, rows, columns) there, (rows, columns, d_in, d_out) here."""
    return {"W": lambda get: get(module.weight).permute(2, 3, 1, 0), "b": lambda get: get(module.bias)}


class Recurrent(nn.Module):
    """nn.RNN, LSTM or GRU between an embedding and a linear layer. Its second bias stays 0: ours has one."""

    def __init__(self, config):
        super().__init__()
        kind = {rnn.vanilla: nn.RNN, rnn.lstm: nn.LSTM, rnn.gru: nn.GRU}[config.cell]
        self.embedding = nn.Embedding(config.vocab_size, config.n_embd)
        self.rnn = kind(config.n_embd, config.n_hidden, batch_first=True)
        self.linear = nn.Linear(config.n_hidden, config.vocab_size)
        nn.init.zeros_(self.rnn.bias_hh_l0.requires_grad_(False))

    def forward(self, ids):
        return self.linear(self.rnn(self.embedding(ids))[0])


def torch_rnn(config):
    model = Recurrent(config)
    cell = model.rnn
    return model, {
        "embedding": lambda get: get(model.embedding.weight),
        "cell": {
            "Wx": lambda get: get(cell.weight_ih_l0).T,
            "Wh": lambda get: get(cell.weight_hh_l0).T,
            "b": lambda get: get(cell.bias_ih_l0),
        },
        "linear": linear(model.linear),
    }


class Block(nn.Module):
    def __init__(self, n_embd, n_head):
        super().__init__()
        self.n_head = n_head
        self.ln_1, self.ln_2 = nn.LayerNorm(n_embd), nn.LayerNorm(n_embd)
        self.qkv, self.proj = nn.Linear(n_embd, 3 * n_embd), nn.Linear(n_embd, n_embd)
        self.wide, self.narrow = nn.Linear(n_embd, 4 * n_embd), nn.Linear(4 * n_embd, n_embd)

    def forward(self, x):
        heads = [
            part.unflatten(2, (self.n_head, -1)).transpose(1, 2) for part in self.qkv(self.ln_1(x)).chunk(3, dim=2)
        ]
        x = x + self.proj(F.scaled_dot_product_attention(*heads, is_causal=True).transpose(1, 2).flatten(2))
        return x + self.narrow(F.gelu(self.wide(self.ln_2(x)), approximate="tanh"))


class GPT(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.tokens = nn.Embedding(config.vocab_size, config.n_embd)
        self.positions = nn.Embedding(config.block_size, config.n_embd)
        self.blocks = nn.Sequential(*(Block(config.n_embd, config.n_head) for _ in range(config.n_layer)))
        self.norm = nn.LayerNorm(config.n_embd)

    def forward(self, ids):
        x = self.tokens(ids) + self.positions(torch.arange(ids.shape[1]))
        return F.linear(self.norm(self.blocks(x)), self.tokens.weight)


def torch_gpt(config):
    model = GPT(config)
    blocks = [
        {
            "ln_1": norm(block.ln_1),
            "attn": {"qkv": linear(block.qkv), "proj": linear(block.proj)},
            "ln_2": norm(block.ln_2),
            "ffn": {"fc": linear(block.wide), "proj": linear(block.narrow)},
        }
        for block in model.blocks
    ]
    return model, {
        "wte": lambda get: get(model.tokens.weight),
        "wpe": lambda get: get(model.positions.weight),
        "blocks": blocks,
        "ln_f": norm(model.norm),
    }


def ids(rng, B=B, T=T):
    return rng.integers(0, V, (B, T))


GPT_CONFIG = gpt.GPTConfig(n_layer=2, n_head=4, n_embd=12, block_size=8, vocab_size=V)
RNN_CONFIGS = {name: rnn.RNNConfig(cell, V, 4, 5) for name, cell in vars(rnn).items() if isinstance(cell, rnn.Cell)}
MODELS = {
    "mlp": Model(
        mlp.mlp_init,
        mlp.mlp_forward,
        mlp.mlp_backward,
        mlp.MLPConfig((D_IN, HIDDEN, C, K), activations.relu, init.he_normal),
        lambda rng: rng.standard_normal((11, D_IN)),
        torch_mlp,
    ),
    "cnn": Model(
        conv.cnn_init,
        conv.cnn_forward,
        conv.cnn_backward,
        conv.CNNConfig(image=(9, 12, 2), channels=(4, 6), n_classes=K),
        lambda rng: rng.standard_normal((3, 9, 12, 2)),
        torch_cnn,
    ),
    **{
        name: Model(rnn.rnn_init, rnn.rnn_forward, rnn.rnn_backward, config, ids, torch_rnn)
        for name, config in RNN_CONFIGS.items()
    },
    "gpt": Model(gpt.gpt_init, gpt.gpt_forward, gpt.gpt_backward, GPT_CONFIG, ids, torch_gpt),
}
every_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


def drawn(model, rng, scale=0.2):
    """A model's own first parameters, moved a little: no bias is 0, no gain is 1, no weight is too small to matter."""
    params = model.init(model.config, rng)
    return tree.map_tree(lambda p: p + scale * rng.standard_normal(p.shape), params)


def twins(model, rng):
    """Parameters, a torch module with the same ones, its layout, x and targets."""
    params, x = drawn(model, rng), model.inputs(rng)
    module, layout = model.torch(model.config)
    module.double()
    for p, theirs in leaves(params, as_params(layout, lambda parameter: parameter.data)):
        theirs[...] = p
    logits, _ = model.forward(params, x, model.config)
    return params, module, layout, x, rng.integers(0, logits.shape[-1], logits.shape[:-1])


def as_params(layout, get):
    """A module's parameters, or what get makes of them, as a tree like params; arrays are views of the tensors."""
    return tree.map_tree(lambda view: view(get).numpy(), layout)


def leaves(one, other):
    """Corresponding leaves of two trees, whose paths must be the same."""
    one, other = tree.flatten(one), tree.flatten(other)
    assert one.keys() == other.keys()
    return [(one[path], other[path]) for path in one]


def assert_close(got, expected, rtol):
    """One structure, the same shapes, and every entry within rtol of the largest of its array."""
    for a, e in leaves(got, expected):
        assert np.shape(a) == np.shape(e)
        np.testing.assert_allclose(a, e, rtol=0, atol=rtol * np.max(np.abs(e)))


def backpropagated(model, params, x, targets):
    logits, cache = model.forward(params, x, model.config)
    loss, c_loss = losses.cross_entropy_forward(logits, targets)
    return logits, loss, model.backward(losses.cross_entropy_backward(1.0, c_loss), cache)


def backpropagated_torch(module, x, targets):
    logits = module(torch.from_numpy(x))
    loss = F.cross_entropy(logits.flatten(0, -2), torch.from_numpy(targets).flatten())
    loss.backward()
    return logits.detach().numpy(), loss.item()


@every_model
def test_logits_loss_and_every_gradient_are_torchs(model, rng):
    params, module, layout, x, targets = twins(model, rng)
    logits, loss, grads = backpropagated(model, params, x, targets)
    logits_torch, loss_torch = backpropagated_torch(module, x, targets)
    assert_close([logits, loss], [logits_torch, loss_torch], rtol=1e-10)
    assert_close(grads, as_params(layout, lambda parameter: parameter.grad), rtol=1e-10)
    assert all(np.any(g) for g in tree.flatten(grads).values())


def adamw(p, g, state, t):
    return optim.adamw_update(p, g, state or (0.0, 0.0), t, lr=0.02, betas=(0.8, 0.9), weight_decay=0.3)


def momentum(p, g, state, t):
    return optim.momentum_update(p, g, 0.0 if state is None else state, lr=0.05, momentum=0.8, weight_decay=0.1)


def torch_adamw(parameters):
    return torch.optim.AdamW(parameters, lr=0.02, betas=(0.8, 0.9), weight_decay=0.3)


def torch_momentum(parameters):
    return torch.optim.SGD(parameters, lr=0.05, momentum=0.8, weight_decay=0.1)


@pytest.mark.parametrize(
    ("model", "update", "torch_optimizer"),
    [pytest.param(model, adamw, torch_adamw, id=f"{name}-adamw") for name, model in MODELS.items()]
    + [pytest.param(MODELS[name], momentum, torch_momentum, id=f"{name}-momentum") for name in ("cnn", "gpt")],
)
def test_ten_clipped_steps_lead_where_torchs_lead(model, update, torch_optimizer, rng):
    """Rounding grows from step to step, most where AdamW divides by a small √v: 1e-8 is what is asked for."""
    params, module, layout, x, targets = twins(model, rng)
    start, states, norms = params, {}, []
    optimizer = torch_optimizer([parameter for parameter in module.parameters() if parameter.requires_grad])
    _, _, grads = backpropagated(model, params, x, targets)
    max_norm = 0.9 * float(tree.global_norm(grads))  # clips the first step, and not all of them
    for t in range(1, 11):
        _, loss, grads = backpropagated(model, params, x, targets)
        grads, norm = optim.clip_grad_norm(grads, max_norm)
        params, states = optim.update_tree(lambda p, g, s, t=t: update(p, g, s, t), params, grads, states)

        optimizer.zero_grad()
        _, loss_torch = backpropagated_torch(module, x, targets)
        norm_torch = torch.nn.utils.clip_grad_norm_(module.parameters(), max_norm)
        assert (loss, norm) == pytest.approx((loss_torch, norm_torch.item()), rel=1e-8)
        assert_close(grads, as_params(layout, lambda parameter: parameter.grad), rtol=1e-8)
        optimizer.step()
        norms.append(norm)
    assert min(norms) < max_norm < max(norms)
    assert_close(params, as_params(layout, lambda parameter: parameter.detach()), rtol=1e-8)
    assert all(np.abs(p - first).max() > 0.01 for p, first in leaves(params, start))


# Text, token by token -------------------------------------------------------------------------------------------------


@pytest.fixture
def gpt_params(rng):
    return drawn(MODELS["gpt"], rng)


def splits(n):
    """All ways to cut n things into parts: n = 3 gives (3,), (2, 1), (1, 2) and (1, 1, 1)."""
    for cuts in itertools.product([False, True], repeat=n - 1):
        ends = [i + 1 for i, cut in enumerate(cuts) if cut] + [n]
        yield tuple(b - a for a, b in itertools.pairwise([0, *ends]))


def test_with_a_kv_cache_logits_are_those_of_the_whole_text(gpt_params, rng):
    """However the text is cut, up to block_size."""
    text = ids(rng, T=GPT_CONFIG.block_size)
    whole, _ = gpt.gpt_forward(gpt_params, text, GPT_CONFIG)
    for parts in splits(GPT_CONFIG.block_size):
        past, found = None, []
        for part in np.split(text, np.cumsum(parts)[:-1], axis=1):
            logits, cache = gpt.gpt_forward(gpt_params, part, GPT_CONFIG, past)
            past = gpt.keys_and_values(cache)
            found.append(logits)
        assert_close(np.concatenate(found, axis=1), whole, rtol=1e-12)
        assert {a.shape for a in tree.flatten(past).values()} == {(B, 4, GPT_CONFIG.block_size, 3)}


@pytest.mark.parametrize("n_past", [0, 1, 7, 8])
def test_a_text_longer_than_block_size_is_refused(n_past, gpt_params, rng):
    past = None
    if n_past:
        past = gpt.keys_and_values(gpt.gpt_forward(gpt_params, ids(rng, T=n_past), GPT_CONFIG)[1])
    with pytest.raises(ValueError, match=r"^gpt_forward: 9 tokens are more than block_size = 8$"):
        gpt.gpt_forward(gpt_params, ids(rng, T=9 - n_past), GPT_CONFIG, past)


@pytest.mark.parametrize("t", range(1, T))
def test_a_later_token_never_changes_an_earlier_logit(t, gpt_params, rng):
    """Not in the last digit; and what an earlier logit is asked for reaches no later position."""
    text = ids(rng)
    other = text.copy()
    other[:, t:] = (text[:, t:] + rng.integers(1, V, (B, T - t))) % V
    logits, cache = gpt.gpt_forward(gpt_params, text, GPT_CONFIG)
    changed, _ = gpt.gpt_forward(gpt_params, other, GPT_CONFIG)
    np.testing.assert_array_equal(logits[:, :t], changed[:, :t])
    assert np.all(np.any(logits[:, t:] != changed[:, t:], axis=-1))

    dout = np.zeros_like(logits)
    dout[:, t - 1] = rng.standard_normal((B, V))
    by_position = gpt.gpt_backward(dout, cache)["wpe"]
    assert not np.any(by_position[t:])
    assert np.all(np.any(by_position[:t], axis=-1))  # and every earlier one counts


def test_the_causal_mask_lets_a_query_look_at_itself_and_at_all_before_it():
    for S in range(1, 6):
        for queries in range(1, S + 1):
            mask = attention.causal_mask(queries, S)
            assert mask.dtype == bool
            assert mask.tolist() == [[s <= S - queries + t for s in range(S)] for t in range(queries)]
    np.testing.assert_array_equal(attention.causal_mask(4), attention.causal_mask(4, 4))


def one_of(p, rng):
    """For each row of p, the first token whose cumulated share is above the row's number from rng."""
    numbers = rng.random((len(p), 1))
    shares = p.cumsum(axis=1) / p.sum(axis=1, keepdims=True)
    return np.array(
        [[next(i for i, share in enumerate(row) if share > u)] for row, (u,) in zip(shares, numbers, strict=True)]
    )


SAMPLING = [{}, {"temperature": 0.3}, {"top_k": 3}, {"top_p": 0.6}, {"temperature": 1.7, "top_k": 5, "top_p": 0.8}]


@pytest.mark.parametrize("sampling", SAMPLING, ids=str)
@pytest.mark.parametrize(("length", "n_new"), [(1, 5), (3, 12), (7, 1), (7, 2), (8, 3), (11, 4), (2, 0), (11, 0)])
def test_generated_text_is_that_of_recomputing_everything(length, n_new, sampling, gpt_params, rng):
    """Also past block_size, where positions move."""
    text = start = ids(rng, T=length)
    kept, draws = start.copy(), np.random.default_rng(5)
    for _ in range(n_new):
        logits, _ = gpt.gpt_forward(gpt_params, text[:, -GPT_CONFIG.block_size :], GPT_CONFIG)
        p = gpt.next_token_probabilities(logits[:, -1], **sampling)
        text = np.concatenate([text, one_of(p, draws)], axis=1)
    found = gpt.generate(gpt_params, start, n_new, GPT_CONFIG, np.random.default_rng(5), **sampling)
    assert found.dtype.kind == "i"
    np.testing.assert_array_equal(found, text)
    np.testing.assert_array_equal(start, kept)


def test_generated_text_depends_on_rng_and_on_the_sampling(gpt_params, rng):
    start = ids(rng, T=3)
    texts = [
        gpt.generate(gpt_params, start, 12, GPT_CONFIG, np.random.default_rng(seed), **sampling).tolist()
        for seed, sampling in [
            (1, {}),
            (1, {}),
            (2, {}),
            (1, {"temperature": 0.3}),
            (1, {"top_k": 2}),
            (1, {"top_p": 0.3}),
        ]
    ]
    assert texts[0] == texts[1]
    assert all(text != texts[0] for text in texts[2:])


def test_temperature_0_takes_the_likeliest_token(gpt_params, rng):
    text = start = ids(rng, T=3)
    for _ in range(9):
        logits, _ = gpt.gpt_forward(gpt_params, text[:, -GPT_CONFIG.block_size :], GPT_CONFIG)
        text = np.concatenate([text, logits[:, -1].argmax(axis=-1)[:, None]], axis=1)
    for seed in (1, 2):
        found = gpt.generate(gpt_params, start, 9, GPT_CONFIG, np.random.default_rng(seed), temperature=0)
        np.testing.assert_array_equal(found, text)


def test_every_row_of_a_batch_is_a_text_of_its_own(gpt_params, rng):
    text = ids(rng)
    logits, _ = gpt.gpt_forward(gpt_params, text, GPT_CONFIG)
    alone = [gpt.gpt_forward(gpt_params, row[None], GPT_CONFIG)[0] for row in text]
    assert_close(logits, np.concatenate(alone), rtol=1e-12)


@pytest.mark.parametrize("name", RNN_CONFIGS)
def test_a_carried_state_is_as_good_as_the_whole_text(name, rng):
    config, params, text = RNN_CONFIGS[name], drawn(MODELS[name], rng), ids(rng)
    whole, (_, (_, _, end), _, _) = rnn.rnn_forward(params, text, config)
    for parts in splits(T):
        state, found = None, []
        for part in np.split(text, np.cumsum(parts)[:-1], axis=1):
            logits, (_, (_, _, state), _, _) = rnn.rnn_forward(params, part, config, state)
            found.append(logits)
        assert_close(np.concatenate(found, axis=1), whole, rtol=1e-12)
        assert_close(state, end, rtol=1e-12)


@pytest.mark.parametrize("temperature", [1.0, 0.4])
@pytest.mark.parametrize("length", [1, 4])
@pytest.mark.parametrize("name", RNN_CONFIGS)
def test_rnn_generate_is_recomputing_everything(name, length, temperature, rng):
    config, params = RNN_CONFIGS[name], drawn(MODELS[name], rng)
    text = start = ids(rng, T=length)
    draws = np.random.default_rng(5)
    for _ in range(12):
        logits, _ = rnn.rnn_forward(params, text, config)
        text = np.concatenate([text, one_of(np.exp(logits[:, -1] / temperature), draws)], axis=1)
    found = rnn.rnn_generate(params, start, 12, config, np.random.default_rng(5), temperature)
    assert found.dtype.kind == "i"
    np.testing.assert_array_equal(found, text)
    np.testing.assert_array_equal(rnn.rnn_generate(params, start, 0, config, np.random.default_rng(5)), start)


# Which tokens may come next -------------------------------------------------------------------------------------------


def by_definition(logits, temperature, top_k, top_p):
    """next_token_probabilities of one list of logits, in words of Python, and the sums that top_p is compared with."""
    likeliest = sorted(range(len(logits)), key=lambda i: (-logits[i], i))
    if temperature == 0:
        return [float(i == likeliest[0]) for i in range(len(logits))], []
    weights = [math.exp((z - max(logits)) / temperature) for z in logits]
    kept = likeliest[:top_k]
    sums = [share / math.fsum(weights[i] for i in kept) for share in itertools.accumulate(weights[i] for i in kept)]
    if top_p is not None:
        kept = kept[: 1 + sum(share < top_p for share in sums[:-1])]
    total = math.fsum(weights[i] for i in kept)
    return [weights[i] / total if i in kept else 0.0 for i in range(len(logits))], sums


@examples
@given(
    logits=st.lists(st.floats(-8, 8), min_size=1, max_size=7),
    temperature=st.floats(0.05, 5) | st.just(0),
    top_k=st.none() | st.integers(1, 9),
    top_p=st.none() | st.floats(0.01, 1),
)
@example(logits=[1.0, 1.0, 1.0, 1.0], temperature=2.0, top_k=None, top_p=0.5)  # of equals the first, and just enough
@example(logits=[0.0, 3.0, 1.0, 3.0, 2.0], temperature=1.0, top_k=1, top_p=None)
@example(logits=[0.0, 3.0, 1.0, 2.0], temperature=1.0, top_k=3, top_p=1.0)
@example(logits=[0.0, 1.0, 1.0], temperature=0, top_k=2, top_p=0.9)
def test_next_token_probabilities_are_what_they_are_said_to_be(logits, temperature, top_k, top_p):
    expected, sums = by_definition(logits, temperature, top_k, top_p)
    exact = len(set(logits)) == 1 and len(logits) in (1, 2, 4)  # the sums are then free of rounding
    assume(top_p in (None, 1) or exact or all(abs(share - top_p) > 1e-9 for share in sums))
    p = gpt.next_token_probabilities(np.array(logits), temperature, top_k, top_p)
    np.testing.assert_allclose(p, expected, rtol=1e-9, atol=1e-9 if top_p == 1 else 0)  # a sum may be rounded to 1
    assert p.sum() == pytest.approx(1, rel=1e-12)
    assert all(p[i] >= p[j] for i, j in itertools.permutations(range(len(logits)), 2) if logits[i] > logits[j])
    if top_k is not None and top_p is None and temperature:
        assert np.count_nonzero(p) == min(top_k, len(logits))


@pytest.mark.parametrize("lead", [(), (3,), (2, 3), (0,)])
@pytest.mark.parametrize("sampling", [*SAMPLING, {"temperature": 0}], ids=str)
def test_every_row_of_logits_is_sampled_by_itself(sampling, lead, rng):
    logits = rng.standard_normal((*lead, V))
    kept = logits.copy()
    p = gpt.next_token_probabilities(logits, **sampling)
    assert p.shape == logits.shape
    for i in np.ndindex(lead):
        np.testing.assert_allclose(p[i], gpt.next_token_probabilities(logits[i], **sampling), rtol=1e-12)
    np.testing.assert_array_equal(logits, kept)


@pytest.mark.parametrize(
    ("sampling", "sentence"),
    [
        ({"temperature": -0.5}, "temperature must be 0 or more, not -0.5"),
        ({"temperature": math.nan}, "temperature must be 0 or more, not nan"),
        ({"top_k": 0}, "top_k must be 1 or more, not 0"),
        ({"top_p": 0}, "top_p must be in (0, 1], not 0"),
        ({"top_p": 1.5}, "top_p must be in (0, 1], not 1.5"),
    ],
)
def test_sampling_that_makes_no_sense_is_refused(sampling, sentence):
    with pytest.raises(ValueError) as refused:
        gpt.next_token_probabilities(np.zeros(V), **sampling)
    assert str(refused.value) == f"next_token_probabilities: {sentence}"


# GPT-2's published weights --------------------------------------------------------------------------------------------

GPT2_SHAPES = {  # of one layer, as on the Hugging Face hub; C stands for the width
    "ln_1.weight": "C", "ln_1.bias": "C", "attn.c_attn.weight": "C 3C", "attn.c_attn.bias": "3C",
    "attn.c_proj.weight": "C C", "attn.c_proj.bias": "C", "ln_2.weight": "C", "ln_2.bias": "C",
    "mlp.c_fc.weight": "C 4C", "mlp.c_fc.bias": "4C", "mlp.c_proj.weight": "4C C", "mlp.c_proj.bias": "C",
}  # fmt: skip


@pytest.fixture
def gpt2_weights(rng):
    """Arrays named and shaped as GPT-2's, without what it does not need."""
    L, C, T = GPT_CONFIG.n_layer, GPT_CONFIG.n_embd, GPT_CONFIG.block_size
    sizes = {f"{k or ''}C": (k or 1) * C for k in (0, 3, 4)}
    layer = {name: tuple(sizes[letter] for letter in shape.split()) for name, shape in GPT2_SHAPES.items()}
    shapes = {"wte.weight": (V, C), "wpe.weight": (T, C)}
    shapes |= {f"h.{i}.{name}": shape for i in range(L) for name, shape in layer.items()}
    shapes |= {"ln_f.weight": (C,), "ln_f.bias": (C,)}
    return {name: 0.5 * rng.standard_normal(shape) for name, shape in shapes.items()}


def gpt2_logits(weights, text, n_layer, n_head):
    """GPT-2 straight from its weights' names. Its Conv1D is x @ weight + bias; attention is written out."""
    weights = {name: torch.from_numpy(array) for name, array in weights.items()}
    n_text = text.shape[1]
    x = weights["wte.weight"][text] + weights["wpe.weight"][:n_text]

    def conv1d(name, x):
        return x @ weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def norm(name, x):
        return F.layer_norm(x, x.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"], 1e-5)

    for i in range(n_layer):
        query, key, value = conv1d(f"h.{i}.attn.c_attn", norm(f"h.{i}.ln_1", x)).chunk(3, dim=-1)
        heads = []
        for q, k, v in zip(*(part.chunk(n_head, dim=-1) for part in (query, key, value)), strict=True):
            scores = q @ k.mT / math.sqrt(q.shape[-1])
            ahead = torch.ones(n_text, n_text, dtype=torch.bool).triu(1)
            heads.append(scores.masked_fill(ahead, -torch.inf).softmax(dim=-1) @ v)
        x = x + conv1d(f"h.{i}.attn.c_proj", torch.cat(heads, dim=-1))
        wide = conv1d(f"h.{i}.mlp.c_fc", norm(f"h.{i}.ln_2", x))
        gelu = 0.5 * wide * (1 + torch.tanh(math.sqrt(2 / math.pi) * (wide + 0.044715 * wide**3)))
        x = x + conv1d(f"h.{i}.mlp.c_proj", gelu)
    return (norm("ln_f", x) @ weights["wte.weight"].mT).numpy()


@pytest.mark.parametrize("with_head", [False, True], ids=["bare", "as GPT2LMHeadModel saves it"])
def test_gpt2s_weights_give_gpt2s_logits(with_head, gpt2_weights, rng):
    text = ids(rng)
    expected = gpt2_logits(gpt2_weights, text, GPT_CONFIG.n_layer, GPT_CONFIG.n_head)
    weights = gpt2_weights
    if with_head:
        T = GPT_CONFIG.block_size
        buffers = {"attn.bias": np.tri(T)[None, None], "attn.masked_bias": np.array(-1e4)}
        weights = weights | {
            f"h.{i}.{name}": array for i in range(GPT_CONFIG.n_layer) for name, array in buffers.items()
        }
        weights = {f"transformer.{name}": array for name, array in weights.items()}
        weights["lm_head.weight"] = gpt2_weights["wte.weight"]
    params = gpt.from_gpt2(weights, GPT_CONFIG)
    logits, _ = gpt.gpt_forward(params, text, GPT_CONFIG)
    assert_close(logits, expected, rtol=1e-10)
    assert tree.count(params) == gpt.gpt_param_count(GPT_CONFIG) == sum(a.size for a in gpt2_weights.values())


@pytest.mark.parametrize(
    "name", ["wte.weight", "wpe.weight", "h.1.attn.c_attn.bias", "h.0.mlp.c_proj.weight", "ln_f.weight"]
)
def test_an_array_that_is_missing_or_misshapen_is_named(name, gpt2_weights):
    shape = gpt2_weights[name].shape
    wrong = (*shape[:-1], shape[-1] + 1)
    for weights, have in [
        (gpt2_weights | {name: np.zeros(wrong)}, wrong),
        ({k: v for k, v in gpt2_weights.items() if k != name}, "nothing"),
    ]:
        with pytest.raises(ValueError) as refused:
            gpt.from_gpt2(weights, GPT_CONFIG)
        assert str(refused.value) == f"from_gpt2: {name} must have shape {shape}, not {have}"


def test_weights_of_another_size_of_gpt2_are_refused(gpt2_weights):
    """A config for another size than the file's is the likely mistake."""
    for change in ({"n_layer": 3}, {"vocab_size": V + 1}, {"block_size": 16}, {"n_embd": 16}):
        config = gpt.GPTConfig(**vars(GPT_CONFIG) | change)
        with pytest.raises(ValueError, match=r"^from_gpt2: "):
            gpt.from_gpt2(gpt2_weights, config)
