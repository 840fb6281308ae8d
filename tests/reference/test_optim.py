"""How parameters move: every update rule and schedule against torch.optim, and the longer training loop."""

import itertools
import math
from typing import NamedTuple

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from reference_impl import activations, init, losses, mlp, optim, schedule, train, tree

examples = settings(max_examples=60)


@pytest.fixture
def rng():
    return np.random.default_rng(12)


# Every update rule ----------------------------------------------------------------------------------------------------


class Rule(NamedTuple):
    """An update, and the same of torch.optim.

    ours : (p, g, state, t, lr, **more) -> p, state
    start : the state before the first step
    theirs : (parameters, lr, **more) -> an optimizer
    more : arguments of both, none of them a default, under torch's names where they differ
    """

    ours: object
    start: object
    theirs: object
    more: dict


def stateless(update):
    return lambda p, g, state, t, lr, **more: (update(p, g, lr, **more), state)


def with_state(update):
    return lambda p, g, state, t, lr, **more: update(p, g, state, lr, **more)


# The large eps tell √v + eps from √(v + eps), which are far apart; torch's own are 1e-8 and 1e-10.
RULES = {
    "sgd": Rule(stateless(optim.sgd_update), None, torch.optim.SGD, {}),
    "momentum": Rule(with_state(optim.momentum_update), 0.0, torch.optim.SGD, {"momentum": 0.8}),
    "nesterov": Rule(
        with_state(optim.nesterov_update),
        0.0,
        lambda p, lr, **more: torch.optim.SGD(p, lr, nesterov=True, **more),
        {"momentum": 0.8},
    ),
    "adagrad": Rule(with_state(optim.adagrad_update), 0.0, torch.optim.Adagrad, {"eps": 0.3}),
    "rmsprop": Rule(with_state(optim.rmsprop_update), 0.0, torch.optim.RMSprop, {"alpha": 0.7, "eps": 0.3}),
    "adam": Rule(optim.adam_update, (0.0, 0.0), torch.optim.Adam, {"betas": (0.8, 0.95), "eps": 0.3}),
    "adamw": Rule(optim.adamw_update, (0.0, 0.0), torch.optim.AdamW, {"betas": (0.8, 0.95), "eps": 0.3}),
}
every_rule = pytest.mark.parametrize("name", RULES)


def test_every_update_is_tested():
    assert {f"{name}_update" for name in RULES} == {name for name in vars(optim) if name.endswith("_update")}


def assert_steps_are_torchs(name, rng, **more):
    rule, p, lr = RULES[name], rng.standard_normal((3, 4)), 0.3
    theirs = torch.nn.Parameter(torch.from_numpy(p.copy()))
    optimizer, state = rule.theirs([theirs], lr, **more), rule.start
    for t, g in enumerate(rng.standard_normal((20, 3, 4)), 1):
        g[0, 0] = 0.0  # an entry that never has a gradient
        theirs.grad = torch.from_numpy(g)
        optimizer.step()
        p, state = rule.ours(p, g, state, t, lr, **more)
        np.testing.assert_allclose(p, theirs.detach().numpy(), rtol=1e-12, err_msg=f"step {t}")


@pytest.mark.parametrize("weight_decay", [0.0, 0.2])
@every_rule
def test_twenty_steps_are_torchs(name, weight_decay, rng):
    assert_steps_are_torchs(name, rng, weight_decay=weight_decay, **RULES[name].more)


@pytest.mark.parametrize("name", ["sgd", "adagrad", "rmsprop", "adam", "adamw"])
def test_defaults_are_torchs(name, rng):
    assert_steps_are_torchs(name, rng)


@pytest.mark.parametrize("name", ["momentum", "nesterov"])
def test_momentum_is_nine_tenths_if_nothing_is_said(name, rng):
    p, g = rng.standard_normal((2, 3, 4))
    rule = RULES[name]
    np.testing.assert_array_equal(rule.ours(p, g, g, 1, 0.1)[0], rule.ours(p, g, g, 1, 0.1, momentum=0.9)[0])


@every_rule
def test_arguments_are_left_as_they_were(name, rng):
    rule, (p, g) = RULES[name], rng.standard_normal((2, 3, 4))
    _, state = rule.ours(p, g, rule.start, 1, 0.3, weight_decay=0.1)
    state = state if state is not None else ()
    before = [np.copy(a) for a in (p, g, *np.atleast_2d(state))]
    new, _ = rule.ours(p, g, state, 2, 0.3, weight_decay=0.1)
    assert new is not p and not np.shares_memory(new, p)
    for now, then in zip((p, g, *np.atleast_2d(state)), before, strict=True):
        np.testing.assert_array_equal(now, then)


@every_rule
def test_float32_stays_float32(name, rng):
    rule, (p, g) = RULES[name], rng.standard_normal((2, 3, 4)).astype(np.float32)
    state = rule.start
    for t in (1, 2):
        p, state = rule.ours(p, g, state, t, 0.3, weight_decay=0.1, **rule.more)
    assert {a.dtype for a in (p, *np.atleast_2d(p if state is None else state))} == {np.dtype(np.float32)}


def test_adams_first_step_is_lr_whatever_the_gradients_size():
    p, _ = optim.adam_update(np.zeros(3), np.array([1e-3, -1.0, 1e3]), (0.0, 0.0), 1, lr=0.25, eps=0.0)
    np.testing.assert_allclose(p, [-0.25, 0.25, -0.25], rtol=1e-12)


def test_adamws_decay_does_not_depend_on_the_gradient(rng):
    """In Adam it does: the decay joins the gradient, and is divided by √v̂ with it."""
    p, g = rng.standard_normal((2, 5))
    for update, apart in ((optim.adamw_update, True), (optim.adam_update, False)):
        shrunk = (
            update(p, g, (0.0, 0.0), 1, 0.1, weight_decay=0.5)[0]
            - update(p, g, (0.0, 0.0), 1, 0.1, weight_decay=0.0)[0]
        )
        assert np.allclose(shrunk, -0.1 * 0.5 * p) == apart


# Clipping, and whole trees --------------------------------------------------------------------------------------------


@pytest.fixture
def params(rng):
    """A tree as models have them: dicts in lists in dicts, and a tuple."""
    return {
        "blocks": [{"W": rng.standard_normal((3, 4)), "b": rng.standard_normal(4)} for _ in range(2)],
        "head": (rng.standard_normal((4, 2)), rng.standard_normal(5)),
    }


@pytest.mark.parametrize("max_norm", [0.5, 5.0, 1e3])
def test_clipping_is_torchs(max_norm, params):
    theirs = [torch.nn.Parameter(torch.zeros(g.shape, dtype=torch.float64)) for g in tree.flatten(params).values()]
    for p, g in zip(theirs, tree.flatten(params).values(), strict=True):
        p.grad = torch.from_numpy(g.copy())
    their_norm = torch.nn.utils.clip_grad_norm_(theirs, max_norm)
    kept = tree.map_tree(np.copy, params)
    clipped, norm = optim.clip_grad_norm(params, max_norm)
    assert norm == pytest.approx(their_norm.item(), rel=1e-12)
    assert tree.global_norm(clipped) <= max_norm
    for g, p in zip(tree.flatten(clipped).values(), theirs, strict=True):
        np.testing.assert_allclose(g, p.grad.numpy(), rtol=1e-12)
    tree.map_tree(np.testing.assert_array_equal, params, kept)


def test_clipping_leaves_what_is_short_enough_and_zeros_and_float32():
    grads = [np.zeros((2, 3), np.float32), np.full(2, 0.5, np.float32)]
    clipped, norm = optim.clip_grad_norm(grads, 1.0)
    assert norm == pytest.approx(math.sqrt(0.5))
    tree.map_tree(np.testing.assert_array_equal, clipped, grads)
    assert {g.dtype for g in optim.clip_grad_norm(grads, 1e-3)[0]} == {np.dtype(np.float32)}
    assert optim.clip_grad_norm([np.zeros(3)], 1.0)[1] == 0


def test_update_tree_updates_every_leaf_with_its_own_gradient_and_state(params, rng):
    grads = tree.map_tree(lambda p: rng.standard_normal(p.shape), params)

    def update(p, g, state):
        return optim.momentum_update(p, g, 0.0 if state is None else state, 0.1)

    new, states = params, {}
    for _ in range(3):
        new, states = optim.update_tree(update, new, grads, states)
    assert list(states) == list(tree.flatten(params))
    assert isinstance(new["head"], tuple) and isinstance(new["blocks"], list)
    for path, p in tree.flatten(params).items():
        state, g = 0.0, tree.flatten(grads)[path]
        for _ in range(3):
            p, state = optim.momentum_update(p, g, state, 0.1)
        np.testing.assert_array_equal(tree.flatten(new)[path], p)
        np.testing.assert_array_equal(states[path], state)


# Schedules ------------------------------------------------------------------------------------------------------------

LR, N_STEPS = 0.3, 37


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lambda t: schedule.constant(t, LR), lambda o: torch.optim.lr_scheduler.ConstantLR(o, factor=1)),
        (lambda t: schedule.step_decay(t, LR, 5), lambda o: torch.optim.lr_scheduler.StepLR(o, 5)),
        (lambda t: schedule.step_decay(t, LR, 7, 0.5), lambda o: torch.optim.lr_scheduler.StepLR(o, 7, 0.5)),
        (lambda t: schedule.exponential(t, LR, 0.9), lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.9)),
        (
            lambda t: schedule.cosine(t, LR, N_STEPS),
            lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, N_STEPS),
        ),
        (
            lambda t: schedule.cosine(t, LR, N_STEPS, 0.02),
            lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, N_STEPS, 0.02),
        ),
        (
            lambda t: schedule.one_cycle(t, LR, N_STEPS + 1),
            lambda o: torch.optim.lr_scheduler.OneCycleLR(o, LR, N_STEPS + 1, cycle_momentum=False),
        ),
        (
            lambda t: schedule.one_cycle(t, LR, N_STEPS + 1, 0.45, 10.0, 100.0),
            lambda o: torch.optim.lr_scheduler.OneCycleLR(
                o, LR, N_STEPS + 1, pct_start=0.45, div_factor=10, final_div_factor=100, cycle_momentum=False
            ),
        ),
    ],
    ids=["constant", "step", "step_half", "exponential", "cosine", "cosine_final", "one_cycle", "one_cycle_other"],
)
def test_every_step_of_a_schedule_is_torchs(ours, theirs):
    """torch works out a cosine's rate from the last one, 37 times over: at the end, where it is near 0, that shows."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], LR)
    scheduler = theirs(optimizer)
    for t in range(N_STEPS + 1):
        assert ours(t) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12, abs=1e-14), t
        optimizer.step()
        if t < N_STEPS:
            scheduler.step()


rates, runs = st.floats(1e-5, 10), st.integers(2, 500)


@examples
@given(rates, runs, st.floats(0, 1), st.data())
def test_a_cosine_falls_is_symmetric_and_stays(lr, n_steps, share, draw):
    final = share * lr
    t = draw.draw(st.integers(0, n_steps))
    now, mirrored = schedule.cosine(t, lr, n_steps, final), schedule.cosine(n_steps - t, lr, n_steps, final)
    assert now + mirrored == pytest.approx(lr + final, rel=1e-12)
    assert schedule.cosine(t + 1, lr, n_steps, final) <= now <= lr
    assert schedule.cosine(n_steps + t, lr, n_steps, final) == final


@examples
@given(rates, runs, st.floats(0, 1), st.data())
def test_warm_up_is_a_line_to_lr_and_what_follows_is_a_cosine(lr, n_steps, share, draw):
    final, n_warmup = share * lr, draw.draw(st.integers(0, n_steps - 1))

    def rate(step):
        return schedule.warmup_cosine(step, lr, n_warmup, n_steps, final)

    assert rate(n_warmup) == pytest.approx(lr, rel=1e-12)
    assert rate(n_steps) == rate(n_steps + 9) == pytest.approx(final, rel=1e-12, abs=1e-300)
    for t in range(n_warmup):
        assert rate(t) == pytest.approx(lr * t / n_warmup, rel=1e-12)
    tail = n_steps - n_warmup
    assert rate(n_warmup + tail / 4) == pytest.approx(final + (lr - final) * (2 + math.sqrt(2)) / 4, rel=1e-12)
    assert rate(n_warmup + tail / 2) == pytest.approx((lr + final) / 2, rel=1e-12)


def test_schedules_may_count_tokens():
    for step in (0, 3, 17, 40):
        assert schedule.warmup_cosine(step * 512, 0.1, 10 * 512, 40 * 512) == schedule.warmup_cosine(step, 0.1, 10, 40)


@examples
@given(rates, st.integers(2, 60), st.floats(0.01, 0.99))
def test_one_cycle_goes_up_once_and_down_once(lr, n_steps, share_up):
    seen = [schedule.one_cycle(t, lr, n_steps, share_up) for t in range(n_steps)]
    top = int(np.argmax(seen))
    assert seen[-1] == pytest.approx(lr / 25e4, rel=1e-9)
    assert max(seen) <= lr * (1 + 1e-12)
    assert all(a <= b for a, b in itertools.pairwise(seen[: top + 1]))
    assert all(a >= b for a, b in itertools.pairwise(seen[top:]))
    assert abs(top - (share_up * n_steps - 1)) <= 1


@pytest.mark.parametrize(("n_steps", "share_up"), [(10, 0.1), (2, 0.5), (2, 0.3)])
def test_one_cycle_may_have_its_top_at_the_first_step(n_steps, share_up):
    """Of share_up · n_steps = 1 steps up, the first is the last; of 0.6, the top lies before the run."""
    first = schedule.one_cycle(0, 0.3, n_steps, share_up)
    assert first == 0.3 if share_up * n_steps == 1 else first < 0.3
    assert schedule.one_cycle(n_steps - 1, 0.3, n_steps, share_up) == pytest.approx(0.3 / 25e4, rel=1e-9)


sizes = st.integers(1, 10**6)


@examples
@given(sizes, sizes, st.integers(1, 10**5), st.integers(0, 2 * 10**5))
def test_a_batch_ramp_is_a_line_and_then_flat(start, end, n_ramp, step):
    assert schedule.batch_ramp(0, start, end, n_ramp) == start
    assert schedule.batch_ramp(n_ramp, start, end, n_ramp) == pytest.approx(end, rel=1e-12)
    done = min(step, n_ramp) / n_ramp
    assert schedule.batch_ramp(step, start, end, n_ramp) == pytest.approx((1 - done) * start + done * end, rel=1e-9)


@examples
@given(st.integers(0, 300), st.integers(1, 40), st.integers(1, 30))
def test_steps_are_counted_as_batches_come(n, batch_size, block_size):
    assert schedule.steps_per_epoch(n, batch_size) == len(range(0, n, batch_size))
    steps = schedule.steps_for_tokens(n, batch_size, block_size)
    assert isinstance(steps, int)
    assert (steps - 1) * batch_size * block_size < n <= steps * batch_size * block_size or n == steps == 0


def test_a_rate_for_another_batch_size():
    assert schedule.scale_lr(0.1, 256, 64) == pytest.approx(0.4)
    assert schedule.scale_lr(0.1, 64, 256) == pytest.approx(0.025)
    assert schedule.scale_lr(0.1, 256, 64, power=0.5) == pytest.approx(0.2)
    assert schedule.scale_lr(0.1, 64, 64, power=0.5) == pytest.approx(0.1)


# The longer training loop ---------------------------------------------------------------------------------------------

RECIPE = train.AdamWConfig(9, lr=0.2, n_warmup=3, final_lr=0.25, betas=(0.8, 0.9), weight_decay=0.3, max_norm=2.0)


def far_from(goal):
    """loss_and_grads of half the squared distance from a goal, shifted by the batch: the gradient is what is left."""

    def loss_and_grads(params, shift):
        grads = tree.map_tree(lambda p, g: p - g - shift, params, goal)
        return 0.5 * tree.global_norm(grads) ** 2, grads

    return loss_and_grads


@pytest.fixture
def task(params, rng):
    """params, and loss_and_grads of a tree like them that brings them elsewhere."""
    return params, far_from(tree.map_tree(lambda p: rng.standard_normal(p.shape), params))


def counted(batches, taken):
    """batches, each noted in taken once somebody has it."""
    for batch in batches:
        taken.append(batch)
        yield batch


def test_adamw_steps_are_torchs_with_clipping_warm_up_and_decay_of_matrices_alone(params, rng):
    theirs = {path: torch.nn.Parameter(torch.from_numpy(p.copy())) for path, p in tree.flatten(params).items()}
    groups = [
        {"params": [p for p in theirs.values() if p.ndim > 1], "weight_decay": 0.3},
        {"params": [p for p in theirs.values() if p.ndim == 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=1.0, betas=(0.8, 0.9), eps=1e-8)
    states, kept, start = {}, tree.map_tree(np.copy, params), params
    for step in range(9):
        scale = (0.1, 10)[step % 2]  # every other one is clipped
        grads = tree.map_tree(lambda p, scale=scale: scale * rng.standard_normal(p.shape), params)
        for path, p in theirs.items():
            p.grad = torch.from_numpy(tree.flatten(grads)[path].copy())
        torch.nn.utils.clip_grad_norm_(list(theirs.values()), 2.0)
        for group in optimizer.param_groups:  # step 0 makes a third of the warm-up's way, step 2 all; step 8 is the end
            progress = max(0, step + 1 - 3) / 6
            group["lr"] = 0.2 * min((step + 1) / 3, 0.25 + 0.75 * 0.5 * (1 + math.cos(math.pi * progress)))
        optimizer.step()
        params, states = train.adamw_step(params, grads, states, step, RECIPE)
        for path, p in tree.flatten(params).items():
            np.testing.assert_allclose(p, theirs[path].detach().numpy(), rtol=1e-11, err_msg=f"{path}, step {step}")
    tree.map_tree(np.testing.assert_array_equal, start, kept)


def test_adamw_train_is_adamw_step_over_and_over(task):
    params, loss_and_grads = task
    kept, shifts = tree.map_tree(np.copy, params), np.linspace(-0.1, 0.1, 9)
    seen = []
    trained, batch_losses = train.adamw_train(
        params, ((s,) for s in shifts), loss_and_grads, RECIPE, lambda batch_losses: seen.append(list(batch_losses))
    )
    expected, states, expected_losses = kept, {}, []
    for step, shift in enumerate(shifts):
        loss, grads = loss_and_grads(expected, shift)
        expected_losses.append(loss)
        expected, states = train.adamw_step(expected, grads, states, step, RECIPE)
    tree.map_tree(np.testing.assert_array_equal, trained, expected)
    assert batch_losses == expected_losses and all(type(loss) is float for loss in batch_losses)
    assert seen == [batch_losses[: k + 1] for k in range(9)]
    tree.map_tree(np.testing.assert_array_equal, params, kept)


@pytest.mark.parametrize(("offered", "taken"), [(4, 4), (9, 9), (None, 9), (0, 0)])
def test_a_run_ends_with_its_batches_or_its_steps_and_takes_no_batch_more(offered, taken, task):
    had, batches = [], itertools.repeat((0.0,)) if offered is None else [(0.0,)] * offered
    _, batch_losses = train.adamw_train(task[0], counted(batches, had), task[1], RECIPE)
    assert len(batch_losses) == len(had) == taken


def interrupted(at, after=None):
    """A function that is Ctrl-C when it is called for the at-th time, and before that what after is."""
    calls = itertools.count(1)

    def press(*args):
        if next(calls) == at:
            raise KeyboardInterrupt
        return after(*args) if after else None

    return press


@pytest.mark.parametrize("where", ["loss_and_grads", "after_step", "batches"])
def test_ctrl_c_keeps_what_was_learnt(where, task):
    """Of five updates, whether the sixth was begun or the fifth just done."""
    params, loss_and_grads = task
    expected, expected_losses = train.adamw_train(params, [(0.0,)] * 5, loss_and_grads, RECIPE)
    batches, after_step = itertools.repeat((0.0,)), None
    if where == "loss_and_grads":
        loss_and_grads = interrupted(6, loss_and_grads)
    elif where == "after_step":
        after_step = interrupted(5)
    else:
        press = interrupted(6)
        batches = ((press() or 0.0,) for _ in itertools.count())
    try:
        trained, batch_losses = train.adamw_train(params, batches, loss_and_grads, RECIPE, after_step)
    except KeyboardInterrupt:  # it would end pytest as well
        pytest.fail("Ctrl-C came through")
    assert batch_losses == expected_losses
    tree.map_tree(np.testing.assert_array_equal, trained, expected)


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf, np.float32("nan")])
def test_a_loss_that_is_no_number_names_its_step(loss, task):
    params, loss_and_grads = task
    steps = itertools.count()

    def breaks(params, shift):
        true_loss, grads = loss_and_grads(params, shift)
        return (loss if next(steps) == 3 else true_loss), grads

    with pytest.raises(FloatingPointError, match=f"^the loss is {loss} at step 3: "):
        train.adamw_train(params, itertools.repeat((0.0,)), breaks, RECIPE)


def test_other_errors_are_not_swallowed(task):
    with pytest.raises(ZeroDivisionError):
        train.adamw_train(task[0], [(0.0,)], lambda params, shift: 1 / 0, RECIPE)


def parabola(curvature):
    """½ · curvature · p² with its slope: a step of SGD multiplies p by 1 - lr · curvature."""
    return lambda params: (0.5 * curvature * params["p"] ** 2, {"p": curvature * params["p"]})


def test_a_range_test_sees_the_loss_before_each_update():
    lrs, params = [0.01, 0.1, 0.2, 0.4], {"p": np.array(3.0)}
    p = 3.0 * np.cumprod([1, *(1 - 2 * np.array(lrs[:-1]))])
    seen = train.lr_range_test(params, itertools.repeat(()), parabola(2.0), lrs)
    np.testing.assert_allclose(seen, p**2, rtol=1e-12)
    assert params["p"] == 3.0
    assert len(train.lr_range_test(params, [(), ()], parabola(2.0), lrs)) == 2


def test_a_range_test_ends_once_the_loss_is_above_four_times_its_lowest():
    """At lr = 1.5/curvature and more, p is multiplied by -½, then -1.9, -1.9, …: from 9/4 up to 8.1, 29, 106."""
    seen = train.lr_range_test({"p": np.array(3.0)}, itertools.repeat(()), parabola(2.0), [0.75, *[1.45] * 9])
    np.testing.assert_allclose(seen, [9, 9 / 4, 9 / 4 * 1.9**2, 9 / 4 * 1.9**4], rtol=1e-12)


@pytest.mark.parametrize("told", [[1.0, math.nan], [1.0, math.inf], [math.nan], [math.inf], [1.0, 4.0, 0.5, 2.1]])
def test_a_range_test_ends_once_the_loss_is_no_number_or_too_large(told):
    more = iter([*told, 0.1, 0.1])
    seen = train.lr_range_test({"p": 1.0}, itertools.repeat(()), lambda p: (next(more), {"p": 0.0}), [0.1] * 9)
    np.testing.assert_array_equal(seen, told)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 7])
def test_gradients_of_parts_add_up_to_those_of_the_whole_batch(n, rng):
    """Seven examples in 2, 3 or 5 parts are parts of different sizes."""
    config = mlp.MLPConfig((4, 6, 3), activations.tanh, init.lecun_normal)
    params, x, targets = mlp.mlp_init(config, rng), rng.standard_normal((7, 4)), rng.integers(0, 3, 7)
    parts = []

    def loss_and_grads(params, x, targets):
        parts.append(len(x))
        logits, c_mlp = mlp.mlp_forward(params, x, config)
        loss, c_loss = losses.cross_entropy_forward(logits, targets)
        return loss, mlp.mlp_backward(losses.cross_entropy_backward(1.0, c_loss), c_mlp)

    whole_loss, whole = loss_and_grads(params, x, targets)
    loss, grads = train.accumulate(params, x, targets, loss_and_grads, n)
    assert len(parts) == n + 1 and sum(parts[1:]) == 7 and max(parts[1:]) - min(parts[1:]) <= 1
    assert loss == pytest.approx(whole_loss, rel=1e-12)
    tree.map_tree(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-14), grads, whole)


def test_the_loss_scale_halves_at_an_overflow_and_doubles_after_a_long_time_without():
    scale, good_steps, seen = 8.0, 0, []
    for finite in [True, True, True, True, False, False, True, True, False, True, True, True]:
        scale, good_steps = train.loss_scale_update(scale, good_steps, finite, growth_interval=3)
        seen.append((scale, good_steps))
    assert seen == [
        (8, 1), (8, 2), (16, 0), (16, 1), (8, 0), (4, 0), (4, 1), (4, 2), (2, 0), (2, 1), (2, 2), (4, 0),
    ]  # fmt: skip
    assert train.loss_scale_update(8.0, 1998, True) == (8.0, 1999)
    assert train.loss_scale_update(8.0, 1999, True) == (16.0, 0)
