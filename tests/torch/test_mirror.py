"""The models in PyTorch are the reference's: names, parameters, logits, loss, gradients, and training, both ways."""

import importlib
import inspect
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reference_impl import activations, attention, conv, gpt, init, layers, losses, mlp, rnn, train
from reference_impl import tree as reference_tree
from torch_impl import conv as torch_conv
from torch_impl import gpt as torch_gpt
from torch_impl import mlp as torch_mlp
from torch_impl import optim as torch_optim
from torch_impl import rnn as torch_rnn
from torch_impl import schedule, tree
from torch_impl.losses import cross_entropy

RNG = np.random.default_rng
MODULES = "activations", "layers", "losses", "init", "mlp", "conv", "rnn", "attention", "gpt", "optim", "schedule"
# What the reference has for its own backward, or for a tree of parameters, where PyTorch has a module.
WITHOUT = {
    "activations": {"Activation"},
    "mlp": {"mlp_init", "mlp", "ffn", "residual"},
    "conv": {"cnn_init", "cnn", "windows", "places", "unpadded"},
    "rnn": {"Cell", "rnn_init", "rnn", "cell_init"},
    "attention": {"mha", "block"},
    "gpt": {"gpt_init", "block_init", "gpt", "keys_and_values"},
    "optim": {"update_tree"},
}


def names_of(name):
    """{what a module here should have: the reference's function}"""
    module = importlib.import_module(f"reference_impl.{name}")
    own = {key: f for key, f in vars(module).items() if inspect.isfunction(f) and f.__module__ == module.__name__}
    public = {key: f for key, f in own.items() if not key.startswith("_") and not key.endswith("_backward")}
    return {key.removesuffix("_forward").removesuffix("_update"): f for key, f in public.items()}


@pytest.mark.parametrize("name", MODULES)
def test_every_function_of_the_reference_has_its_twin(name):
    ours = importlib.import_module(f"torch_impl.{name}")
    missing = names_of(name).keys() - vars(ours).keys() - WITHOUT.get(name, set())
    assert not missing
    assert not WITHOUT.get(name, set()) - names_of(name).keys() - {"Activation", "Cell"}  # nothing is excused in vain


@pytest.mark.parametrize("name", ["activations", "layers", "losses", "init", "conv", "attention"])
def test_a_twin_takes_the_same_arguments(name):
    ours = importlib.import_module(f"torch_impl.{name}")
    for key, f in names_of(name).items():
        if key in vars(ours):
            theirs = list(inspect.signature(f).parameters.items())
            for (argument, parameter), (other, own) in zip(
                theirs, inspect.signature(vars(ours)[key]).parameters.items(), strict=False
            ):
                assert (argument, parameter.default) == (other, own.default), key


def draw(rng, shape):
    """Numbers on either side of 0, none near it: at a kink the two may differ."""
    x = rng.standard_normal(shape)
    return x + 0.1 * np.sign(x)


SHAPES = {
    "linear": ((2, 3, 5), (5, 4), (4,)),
    "layernorm": ((2, 3, 5), (5,), (5,)),
    "batchnorm": ((2, 3, 5), (5,), (5,)),
    "conv2d": ((2, 5, 6, 3), (3, 2, 3, 4), (4,)),
    "attention": ((2, 3, 4, 5), (2, 3, 6, 5), (2, 3, 6, 7)),
}
POINTWISE = ["sigmoid", "tanh", "relu", "leaky_relu", "elu", "silu", "gelu", "softmax", "log_softmax"]
PAIRS = (
    [(activations, name, ((2, 3, 5),), ()) for name in POINTWISE]
    + [(layers, name, SHAPES[name], ()) for name in ("linear", "layernorm", "batchnorm")]
    + [(conv, "conv2d", SHAPES["conv2d"], extra) for extra in [(), (2, 1)]]
    + [(conv, name, ((2, 6, 7, 3),), extra) for name in ("maxpool", "avgpool") for extra in [(2,), (3, 2)]]
    + [(attention, "attention", SHAPES["attention"], extra) for extra in [(), (np.tri(4, 6, 2, dtype=bool),)]]
    + [(losses, name, ((3, 5), (3, 5)), ()) for name in ("mse", "mae", "huber")]
    + [(losses, name, ((3, 5),), (0.3,)) for name in ("l1", "l2")]
)


@pytest.mark.parametrize(
    ("module", "name", "shapes", "extra"), PAIRS, ids=lambda value: getattr(value, "__name__", None)
)
@pytest.mark.parametrize("seed", range(3))
def test_a_function_and_its_gradients_are_the_references(module, name, shapes, extra, seed):
    rng = RNG(seed)
    arrays = [draw(rng, shape) for shape in shapes]
    ours = vars(importlib.import_module(f"torch_impl.{module.__name__.split('.')[1]}"))[name]
    tensors = [torch.from_numpy(a).requires_grad_() for a in arrays]
    out, cache = getattr(module, f"{name}_forward")(*arrays, *extra)
    told = ours(*tensors, *(torch.from_numpy(e) if isinstance(e, np.ndarray) else e for e in extra))
    np.testing.assert_allclose(told.detach().numpy(), out, rtol=1e-10, atol=1e-12)
    dout = rng.standard_normal(np.shape(out)) if np.ndim(out) else 1.0
    told.backward(torch.as_tensor(dout, dtype=torch.float64))
    grads = getattr(module, f"{name}_backward")(dout, cache)
    for tensor, grad in zip(tensors, grads if isinstance(grads, tuple) else (grads,), strict=False):
        np.testing.assert_allclose(tensor.grad.numpy(), grad, rtol=1e-10, atol=1e-12)


def test_losses_of_classes_are_the_references():
    rng = RNG(0)
    logits, targets, soft = draw(rng, (2, 3, 5)), rng.integers(0, 5, (2, 3)), rng.dirichlet(np.ones(5), (2, 3))
    ours = importlib.import_module("torch_impl.losses")
    tensor = torch.from_numpy(logits)
    for name, y in [("cross_entropy", targets), ("soft_cross_entropy", soft), ("binary_cross_entropy", soft)]:
        loss, _ = getattr(losses, f"{name}_forward")(logits, y)
        np.testing.assert_allclose(getattr(ours, name)(tensor, torch.from_numpy(y)), loss, rtol=1e-12)


def test_batchnorms_statistics_and_eval_are_the_references():
    ours, rng = importlib.import_module("torch_impl.layers"), RNG(0)
    x, g, b, mean, var = draw(rng, (2, 3, 5)), *draw(rng, (3, 5)), np.exp(draw(rng, 5))
    tensors = [torch.from_numpy(a) for a in (x, g, b, mean, var)]
    for told, right in zip(
        ours.batchnorm_running(tensors[0], *tensors[3:]), layers.batchnorm_running(x, mean, var), strict=True
    ):
        np.testing.assert_allclose(told, right, rtol=1e-12)
    out, _ = layers.batchnorm_eval_forward(x, g, b, mean, var)
    np.testing.assert_allclose(ours.batchnorm_eval(*tensors), out, rtol=1e-12)
    with pytest.raises(ValueError, match="two rows"):
        ours.batchnorm_running(tensors[0][:1, :1], *tensors[3:])


def test_dropout_keeps_the_mean_and_drops_its_share():
    ours = importlib.import_module("torch_impl.layers")
    out = ours.dropout(torch.ones(100_000, dtype=torch.float64), 0.25, torch.Generator().manual_seed(0))
    assert set(out.unique().tolist()) == {0.0, 1 / 0.75}
    assert abs(out.mean() - 1) < 0.01


@pytest.mark.parametrize(
    "name", ["constant", "normal", "lecun_normal", "he_normal", "he_uniform", "xavier_normal", "xavier_uniform"]
)
def test_an_init_has_the_references_spread(name):
    W = getattr(importlib.import_module("torch_impl.init"), name)(300, 200, torch.Generator().manual_seed(0)).numpy()
    right = getattr(init, name)(300, 200, RNG(0))
    assert W.shape == right.shape
    np.testing.assert_allclose([W.mean(), W.std()], [right.mean(), right.std()], rtol=0.02, atol=1e-3)
    np.testing.assert_allclose(np.abs(W).max(), np.abs(right).max(), rtol=0.3)  # flat or bell-shaped


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4)])
def test_orthogonal_is_orthogonal(shape):
    W = importlib.import_module("torch_impl.init").orthogonal(*shape, torch.Generator().manual_seed(0)).numpy()
    small = W.T @ W if shape[0] >= shape[1] else W @ W.T
    np.testing.assert_allclose(small, np.eye(min(shape)), atol=1e-6)


def test_draw_is_the_references():
    """Of one random number, one class."""
    ours, p = importlib.import_module("torch_impl.activations"), RNG(0).dirichlet(np.ones(4), 5)
    u = torch.rand((5, 1), generator=torch.Generator().manual_seed(3), dtype=torch.float64).numpy()

    class Fixed:
        def random(self, shape):
            return u

    told = ours.draw(torch.from_numpy(p), torch.Generator().manual_seed(3))
    assert told.tolist() == activations.draw(p, Fixed()).tolist()


# Models ---------------------------------------------------------------------------------------------------------------


def classes(rng, shape, K):
    return lambda: (rng.standard_normal(shape), rng.integers(0, K, shape[0]))


def texts(rng, V, T=7):
    def batch():
        ids = rng.integers(0, V, (3, T + 1))
        return ids[:, :-1], ids[:, 1:]

    return batch


MODELS = {
    "mlp": (mlp.MLPConfig((6, 5, 4, 3), activations.gelu, init.xavier_uniform), mlp.mlp_init, mlp, torch_mlp.MLP),
    "cnn": (conv.CNNConfig((9, 8, 2), (3, 4), 5), conv.cnn_init, conv, torch_conv.CNN),
    "rnn": (rnn.RNNConfig(rnn.vanilla, 11, 3, 5), rnn.rnn_init, rnn, torch_rnn.RNN),
    "rnn truncated": (rnn.RNNConfig(rnn.vanilla, 11, 3, 5, truncate=3), rnn.rnn_init, rnn, torch_rnn.RNN),
    "lstm": (rnn.RNNConfig(rnn.lstm, 11, 3, 5), rnn.rnn_init, rnn, torch_rnn.RNN),
    "lstm truncated": (rnn.RNNConfig(rnn.lstm, 11, 3, 5, truncate=2), rnn.rnn_init, rnn, torch_rnn.RNN),
    "gru": (rnn.RNNConfig(rnn.gru, 11, 3, 5), rnn.rnn_init, rnn, torch_rnn.RNN),
    "gpt": (gpt.GPTConfig(2, 3, 12, 7, 11), gpt.gpt_init, gpt, torch_gpt.GPT),
}


def pair_of(name, seed=0):
    """The same model twice, and batches: params, NumPy's loss and gradients, PyTorch's model, batch()."""
    config, initial, module, model = MODELS[name]
    rng = RNG(seed)
    params, model = initial(config, rng), model(config).double()
    tree.load(model, params)
    kind = name.split()[0] if name.split()[0] in ("mlp", "cnn", "gpt") else "rnn"
    forward, backward = getattr(module, f"{kind}_forward"), getattr(module, f"{kind}_backward")

    def loss_and_grads(params, x, targets):
        logits, cache = forward(params, x, config)
        loss, c_loss = losses.cross_entropy_forward(logits, targets)
        return loss, backward(losses.cross_entropy_backward(1.0, c_loss), cache)

    batch = {"mlp": classes(rng, (4, 6), 3), "cnn": classes(rng, (4, 9, 8, 2), 5)}.get(kind, texts(rng, 11))
    return params, partial(forward, config=config), loss_and_grads, model, batch


def tensors_of(batch):
    return [torch.from_numpy(np.ascontiguousarray(a)) for a in batch]


@pytest.mark.parametrize("name", MODELS)
def test_a_state_dict_is_the_references_tree(name):
    params, _, _, model, _ = pair_of(name)
    flat = reference_tree.flatten(params)
    assert {key: tuple(p.shape) for key, p in model.state_dict().items()} == {k: p.shape for k, p in flat.items()}
    reference_tree.map_tree(np.testing.assert_array_equal, tree.params_of(model), params)


@pytest.mark.parametrize("name", MODELS)
def test_logits_loss_and_gradients_are_the_references(name):
    params, forward, loss_and_grads, model, batch = pair_of(name)
    x, targets = batch()
    logits, _ = forward(params, x)
    loss, grads = loss_and_grads(params, x, targets)
    x, targets = tensors_of((x, targets))
    told = model(x)
    np.testing.assert_allclose(told.detach().numpy(), logits, rtol=1e-10, atol=1e-12)
    loss_told = cross_entropy(told, targets)
    np.testing.assert_allclose(loss_told.item(), loss, rtol=1e-12)
    loss_told.backward()
    close = partial(np.testing.assert_allclose, rtol=1e-10, atol=1e-12)
    reference_tree.map_tree(close, tree.grads_of(model), grads)


GPU = pytest.param(
    "cuda", marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU here")]
)


@pytest.mark.parametrize("device", ["cpu", GPU])
@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 1e-4), ("bfloat16", 0.1)])
@pytest.mark.parametrize("name", MODELS)
def test_in_less_precision_loss_and_gradients_stay_close(name, dtype, rtol, device):
    """bf16 by autocast. Of a gradient, rtol is for all entries' length: a maximum may have another winner."""
    params, _, loss_and_grads, model, batch = pair_of(name)
    x, targets = batch()
    loss, grads = loss_and_grads(params, x, targets)
    x, targets = (t.to(device) for t in tensors_of((x, targets)))
    x = x.float() if x.is_floating_point() else x
    model = model.float().to(device)
    with torch.autocast(device, torch.bfloat16, enabled=dtype == "bfloat16"):
        told = cross_entropy(model(x).float(), targets)
    told.backward()
    assert abs(told.item() - loss) < rtol * loss
    apart = reference_tree.map_tree(np.subtract, tree.grads_of(model), grads)
    assert reference_tree.global_norm(apart) < rtol * reference_tree.global_norm(grads)


@pytest.mark.parametrize("name", MODELS)
def test_twenty_steps_of_training_are_the_references(name):
    params, _, loss_and_grads, model, batch = pair_of(name)
    recipe = train.AdamWConfig(20, lr=1e-2, n_warmup=5, max_norm=0.5)
    optimizer = torch_optim.adamw(torch_optim.groups(model, recipe.weight_decay), recipe.lr, recipe.betas, recipe.eps)
    states = {}
    for step in range(20):
        x, targets = batch()
        loss, grads = loss_and_grads(params, x, targets)
        params, states = train.adamw_step(params, grads, states, step, recipe)
        x, targets = tensors_of((x, targets))
        told = cross_entropy(model(x), targets)
        np.testing.assert_allclose(told.item(), loss, rtol=1e-9)
        optimizer.zero_grad()
        told.backward()
        torch_optim.clip_grad_norm(model, recipe.max_norm)
        lr = schedule.warmup_cosine(step + 1, recipe.lr, recipe.n_warmup, recipe.n_steps, 0.1 * recipe.lr)
        schedule.set_lr(optimizer, lr)
        optimizer.step()
    close = partial(np.testing.assert_allclose, rtol=1e-7, atol=1e-9)
    reference_tree.map_tree(close, tree.params_of(model), params)


@pytest.mark.parametrize("update", ["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"])
def test_an_optimizer_steps_as_the_references_update(update):
    reference = getattr(importlib.import_module("reference_impl.optim"), f"{update}_update")
    rng = RNG(0)
    p = rng.standard_normal((3, 4))
    tensor = torch.nn.Parameter(torch.from_numpy(p.copy()))
    optimizer = getattr(torch_optim, update)([tensor], lr=0.1, weight_decay=0.05)
    state = (0.0, 0.0) if update.startswith("adam") else 0.0
    for t in range(1, 11):
        g = rng.standard_normal(p.shape)
        tensor.grad = torch.from_numpy(g)
        optimizer.step()
        arguments = (p, g) if update == "sgd" else (p, g, state)
        extra = {"t": t} if update.startswith("adam") else {}
        found = reference(*arguments, **extra, lr=0.1, weight_decay=0.05)
        p, state = found if isinstance(found, tuple) else (found, state)
        np.testing.assert_allclose(tensor.detach().numpy(), p, rtol=1e-10)


# Text -----------------------------------------------------------------------------------------------------------------


@given(
    seed=st.integers(0, 50),
    temperature=st.sampled_from([0, 0.5, 1.0, 3.0]),
    top_k=st.sampled_from([None, 1, 3, 20]),
    top_p=st.sampled_from([None, 0.1, 0.7, 1.0]),
)
def test_the_next_tokens_probabilities_are_the_references(seed, temperature, top_k, top_p):
    logits = RNG(seed).standard_normal((2, 9))
    logits[0, 3] = logits[0, 5] = 2.0  # of equals the first
    right = gpt.next_token_probabilities(logits, temperature, top_k, top_p)
    told = torch_gpt.next_token_probabilities(torch.from_numpy(logits), temperature, top_k, top_p)
    np.testing.assert_allclose(told.numpy(), right, rtol=1e-10, atol=1e-15)


def test_generation_is_the_references_and_the_cache_changes_nothing():
    """Greedy, beyond block_size, so that the cache fills and is made anew."""
    config = gpt.GPTConfig(2, 3, 12, 7, 11)
    params = reference_tree.map_tree(lambda p: 20 * p if p.ndim > 1 else p, gpt.gpt_init(config, RNG(1)))
    model = torch_gpt.GPT(config).double()
    tree.load(model, params)
    ids = np.array([[1, 2, 3], [4, 5, 6]])
    right = gpt.generate(params, ids, 12, config, RNG(0), temperature=0)
    for model.recompute in (False, True):  # also while it trains
        assert torch_gpt.generate(model, torch.from_numpy(ids), 12, temperature=0).tolist() == right.tolist()
    past = model.no_past()
    logits = model(torch.from_numpy(right[:, :4]), past)
    more = model(torch.from_numpy(right[:, 4:7]), past)
    whole = model(torch.from_numpy(right[:, :7]))
    torch.testing.assert_close(torch.cat([logits, more], dim=1), whole, rtol=1e-10, atol=1e-12)


def test_characters_are_generated_and_the_state_goes_on():
    _, _, _, model, batch = pair_of("lstm")
    ids = torch.from_numpy(batch()[0])
    told = torch_rnn.rnn_generate(model, ids[:, :2], 5, torch.Generator().manual_seed(0))
    assert told.shape == (3, 7)
    assert torch.equal(told[:, :2], ids[:, :2])
    first, state = model.with_state(ids[:, :3])
    second, _ = model.with_state(ids[:, 3:], state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), model(ids), rtol=1e-10, atol=1e-12)


def test_gpt2s_published_layout_loads():
    config = gpt.GPTConfig(2, 3, 12, 7, 11)
    shapes = {"wte": (11, 12), "wpe": (7, 12), "ln_f.g": (12,)}
    like = reference_tree.flatten(gpt.gpt_init(config, RNG(0)))
    assert all(like[path].shape == shape for path, shape in shapes.items())
    weights = {}
    for path, p in like.items():
        name = path
        for ours, theirs in gpt.GPT2_NAMES.items():
            name = name.replace(ours, theirs)
        weights["transformer." + name] = RNG(len(weights)).standard_normal(p.shape).astype(np.float32)
    model = torch_gpt.from_gpt2(weights, config)
    right, _ = gpt.gpt_forward(gpt.from_gpt2(weights, config), np.array([[1, 2, 3]]), config)
    np.testing.assert_allclose(model(torch.tensor([[1, 2, 3]])).detach().numpy(), right, rtol=1e-4, atol=1e-4)


def test_a_fresh_gpt_has_gpt2s_spread():
    model = torch_gpt.GPT(gpt.GPTConfig(8, 4, 64, 32, 500), torch.Generator().manual_seed(0))
    assert abs(model.wte.std().item() - 0.02) < 1e-3
    assert abs(model.blocks[0].attn.proj.W.std().item() - 0.02 / 4) < 5e-4
    assert model.ln_f.g.eq(1).all()
    assert model.blocks[3].attn.qkv.b.eq(0).all()


def test_on_the_meta_device_a_gpt_takes_no_memory():
    from reference_impl import scale

    with torch.device("meta"):
        model = torch_gpt.GPT(scale.GPT3["175B"])
    assert (
        sum(p.numel() for p in model.parameters()) == torch_gpt.gpt_param_count(scale.GPT3["175B"]) == 174_604_259_328
    )


def test_mlps_figures_are_the_references():
    params, _, _, model, batch = pair_of("mlp")
    x = batch()[0]
    config = MODELS["mlp"][0]
    np.testing.assert_allclose(
        torch_mlp.variance_probe(model, torch.from_numpy(x)), mlp.variance_probe(params, x, config), rtol=1e-10
    )
    for told, right in zip(torch_mlp.predict(model, torch.from_numpy(x)), mlp.predict(params, x, config), strict=True):
        np.testing.assert_allclose(told, right, rtol=1e-10)


@pytest.mark.parametrize("kind", ["ffn", "residual"])
def test_feed_forward_networks_are_the_references(kind):
    rng = RNG(0)
    params = {"fc": {"W": draw(rng, (4, 6)), "b": draw(rng, 6)}, "proj": {"W": draw(rng, (6, 4)), "b": draw(rng, 4)}}
    model = {"ffn": torch_mlp.FFN, "residual": torch_mlp.Residual}[kind](4, 6).double()
    tree.load(model, params)
    x = draw(rng, (2, 3, 4))
    out, _ = getattr(mlp, f"{kind}_forward")(params, x, activations.gelu)
    np.testing.assert_allclose(model(torch.from_numpy(x)).detach().numpy(), out, rtol=1e-10, atol=1e-12)


# Mistakes -------------------------------------------------------------------------------------------------------------


def test_a_tree_of_another_config_is_refused():
    model = torch_mlp.MLP(MODELS["mlp"][0])
    for wrong in [[], mlp.mlp_init(mlp.MLPConfig((6, 5, 4, 2), activations.gelu, init.he_normal), RNG(0))]:
        before = [p.clone() for p in model.parameters()]
        with pytest.raises(ValueError, match="does not fit"):
            tree.load(model, wrong)
        assert all(torch.equal(p, b) for p, b in zip(model.parameters(), before, strict=True))


def test_a_function_that_is_nobodys_twin_is_named():
    with pytest.raises(ValueError, match=r"torch_impl.init has no mine"):
        torch_mlp.MLP(mlp.MLPConfig((2, 3), activations.relu, mine))


def mine(d_in, d_out, rng):
    return np.zeros((d_in, d_out))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (
            lambda: torch_gpt.GPT(gpt.GPTConfig(1, 1, 2, 3, 4))(torch.zeros(1, 4, dtype=torch.int64)),
            "4 tokens are more",
        ),
        (lambda: torch_gpt.generate(None, torch.zeros(1, 0, dtype=torch.int64), 1), "one token or more"),
        (
            lambda: torch_gpt.next_token_probabilities(torch.zeros(1, 3), top_k=0),
            "top_k 1 or more, .* not 1.0, 0 and None",
        ),
        (
            lambda: torch_gpt.next_token_probabilities(torch.zeros(1, 3), temperature=-1),
            "temperature must be 0 or more",
        ),
        (lambda: torch_gpt.next_token_probabilities(torch.zeros(1, 3), top_p=0), "not 1.0, None and 0"),
        (lambda: torch_conv.CNN(MODELS["cnn"][0])(torch.zeros(1, 8, 8, 2)), r"\(9, 8, 2\), not \(8, 8, 2\)"),
        (lambda: importlib.import_module("torch_impl.attention").split_heads(torch.zeros(1, 2, 5), 2), "do not divide"),
        (lambda: importlib.import_module("torch_impl.attention").sinusoidal_positions(3, 5), "must be even"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        wrong()


def test_positions_are_the_references():
    told = importlib.import_module("torch_impl.attention").sinusoidal_positions(5, 6)
    np.testing.assert_allclose(told.numpy(), attention.sinusoidal_positions(5, 6), rtol=1e-5, atol=1e-6)
