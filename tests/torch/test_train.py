"""Training from recipes: the same numbers whatever way they are come by, runs that go on, mistakes in a sentence."""

import dataclasses
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from reference_impl import gpt, scale
from reference_impl import recipes as reference_recipes
from torch_impl import checkpoint, config, data, loop, losses, optim, plot, presets, recipes, runs, stops, train, tree
from torch_impl import gpt as torch_gpt
from torch_impl.machine import utilisation

ROOT = Path(__file__).parents[2]
SIZES = {"n_layer": 1, "n_head": 2, "n_embd": 8, "block_size": 8, "vocab_size": 7, "n_steps": 24, "batch_size": 6}
TINY = [*(f"{name}={value}" for name, value in SIZES.items()), "dtype=float64", "lr=1e-2"]


def trained(recipe, n_steps=None):
    run = loop.Run(recipe)
    source = data.batches(run.source, recipe.batch_size, recipe.seed, run.device, dtype=run.dtype)
    run.losses = [run.update(*next(source)).item() for _ in range(n_steps or recipe.n_steps)]
    source.close()
    return run


def equal(a, b):
    return all(torch.equal(p, q) for p, q in zip(a.model.parameters(), b.model.parameters(), strict=True))


# The same numbers -----------------------------------------------------------------------------------------------------


def test_fit_is_the_updates_one_after_another(tiny):
    run = loop.Run(tiny)
    assert loop.fit(run) == 0
    right = trained(tiny)
    assert run.losses == right.losses
    assert equal(run, right)
    assert run.losses[-1] < run.losses[0] - 0.2


@pytest.mark.parametrize("micro_batch", [1, 2, 3])
def test_small_parts_add_up_to_the_batch(tiny, micro_batch):
    parts = trained(dataclasses.replace(tiny, micro_batch=micro_batch))
    np.testing.assert_allclose(parts.losses, trained(tiny).losses, rtol=1e-10)


def test_what_is_computed_again_is_the_same(tiny):
    np.testing.assert_allclose(trained(dataclasses.replace(tiny, checkpoint=True)).losses, trained(tiny).losses, 1e-12)


@pytest.mark.parametrize("name", ["digits", "names_lstm"])
def test_the_same_recipe_gives_the_same_run_and_another_seed_another(name, tmp_path, monkeypatch):
    monkeypatch.setattr(data, "FOLDER", tmp_path)
    recipe = config.changed(recipes.RECIPES[name](), ["n_steps=3"])
    first, second = trained(recipe), trained(recipe)
    assert first.losses == second.losses
    assert trained(dataclasses.replace(recipe, seed=1)).losses != first.losses


def test_an_evaluation_is_the_references(tiny):
    run = trained(tiny, 5)
    params, val = tree.params_of(run.model), run.source.val_batches(1000)
    right = reference_recipes.mean_loss(gpt.gpt_forward, tiny.model, params, val)
    told = run.evaluate()
    np.testing.assert_allclose([told["val_loss"], told["accuracy"]], [right["loss"], right["accuracy"]], rtol=1e-10)


def test_bfloat16_and_compiling_are_asked_of_pytorch(tiny, monkeypatch):
    """Compiling takes minutes; that it is asked for is all that is looked at."""
    asked = []
    monkeypatch.setattr(torch, "compile", lambda f, dynamic: asked.append(f) or f)
    run = trained(dataclasses.replace(tiny, dtype="bfloat16", compile=True), 3)
    assert asked == [losses.cross_entropy, run.model]
    assert run.model.wte.dtype == torch.float32
    exact = trained(dataclasses.replace(tiny, dtype="float32"), 3)
    assert run.losses != exact.losses
    np.testing.assert_allclose(run.losses, exact.losses, rtol=0.02)


@pytest.mark.slow
def test_digits_are_learnt():
    """The reference's bound; 600 steps take a second."""
    run = loop.Run(recipes.digits())
    loop.fit(run)
    assert run.evaluate()["accuracy"] >= 0.97


# Data -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["digits", "text"])
def test_parts_of_a_batch_make_the_whole(name, text):
    source = data.load(str(text) if name == "text" else name, 8)
    for step in (0, 7, 100):
        whole = source.batch(step, 12, seed=3)
        parts = [source.batch(step, 12, 3, slice(rank, None, 4)) for rank in range(4)]
        for i, array in enumerate(whole):
            for rank in range(4):
                np.testing.assert_array_equal(parts[rank][i], array[rank::4])
        assert not np.array_equal(whole[0], source.batch(step + 1, 12, 3)[0])


def test_examples_are_all_seen_once_before_any_is_seen_twice():
    source = data.load("digits")
    n = len(source.train)
    seen = np.concatenate([source.batch(step, 1, 0)[0] for step in range(n)])
    assert sorted(map(bytes, seen)) == sorted(map(bytes, source.x[source.train]))


def test_targets_are_one_place_further_on(text):
    x, targets = data.load(str(text), 8).batch(0, 5, 0)
    np.testing.assert_array_equal(x[:, 1:], targets[:, :-1])


@pytest.mark.parametrize(("largest", "dtype"), [(65_535, np.uint16), (65_536, np.uint32)])
def test_tokens_take_two_bytes_where_that_is_enough(tmp_path, largest, dtype):
    ids = np.array([0, 1, largest, 3])
    data.write_tokens(tmp_path / "t", {"letters": "abc"}, ids, ids[:3])
    source = data.read_tokens(tmp_path / "t", 2)
    assert isinstance(source.train, np.memmap)
    assert source.train.dtype == dtype
    np.testing.assert_array_equal(source.train, ids)
    assert source.decode([2, 0, 1]) == "cab"


def test_tokens_of_tiktoken_need_no_network_but_for_text(tmp_path):
    data.write_tokens(tmp_path / "t", {"tiktoken": "no such", "size": 50257}, np.arange(9), np.arange(9))
    assert data.read_tokens(tmp_path / "t", 4).vocab_size == 50257


def test_who_is_second_to_write_tokens_changes_nothing(tmp_path):
    for last in (1, 2):
        data.write_tokens(tmp_path / "t", {"letters": "abc"}, np.array([0, 1, last]), np.array([0, 1, 2]))
    assert data.read_tokens(tmp_path / "t", 2).train[2] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["t"]


def test_byte_pairs_are_kept_with_their_merges(tmp_path):
    texts = "the cat sat on the mat. " * 50, "the mat sat on the cat. " * 5
    vocabulary, *ids = data.by_bpe(texts, vocab_size=268)
    data.write_tokens(tmp_path / "t", vocabulary, *ids)
    source = data.read_tokens(tmp_path / "t", 4)
    assert source.vocab_size == 268
    assert source.decode(source.val.tolist()) == texts[1]


def test_the_packaged_texts_are_made_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(data, "FOLDER", tmp_path)
    first = data.load("names", 24)
    assert "once" in capsys.readouterr().err
    second = data.load("names", 24)
    assert capsys.readouterr().err == ""
    assert first.vocab_size == second.vocab_size == 27
    assert set(second.decode(second.val[:100].tolist())) <= set(".abcdefghijklmnopqrstuvwxyz")


def test_a_loader_hands_on_what_went_wrong(text):
    source = data.load(str(text), 8)
    with pytest.raises(TypeError):
        next(data.batches(source, "six", 0, torch.device("cpu")))


# Recipes --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_a_recipe_is_whole_and_can_be_written_down(name):
    recipe = recipes.RECIPES[name]()
    assert recipes.RECIPES[name].__doc__
    told = json.loads(json.dumps(config.described(recipe)))
    assert told["lr"] == recipe.lr
    assert "<" not in json.dumps(told)  # no function's address
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.lr = 1


def test_gpt3s_rows_are_the_papers():
    recipe = recipes.RECIPES["gpt3_xl"]()
    row = scale.GPT3_PRINTED["XL"]
    assert (recipe.lr, recipe.model.n_head) == (row.lr, 16)
    assert abs(recipe.tokens / row.batch_size - 1) < 0.03
    assert abs(recipe.n_steps * row.batch_size / 300e9 - 1) < 0.01


def test_fields_are_changed_by_hand():
    recipe = config.changed(recipes.char_gpt(), ["lr=1e-4", "n_layer=2", "betas=(0.8,0.9)", "micro_batch=4"])
    assert (recipe.lr, recipe.model.n_layer, recipe.betas, recipe.micro_batch) == (1e-4, 2, (0.8, 0.9), 4)
    assert config.changed(recipe, ["micro_batch=None", "compile=True"]).compile
    assert config.changed(recipes.char_gpt(), ["n_steps=50"]).n_warmup == 5
    assert config.changed(recipes.char_gpt(), ["n_steps=50", "n_warmup=20"]).n_warmup == 20


def test_a_preset_fits_and_keeps_the_batch():
    for name, size in presets.PRESETS.items():
        fitted = presets.preset(recipes.gpt2_124m(), name)
        assert presets.memory_needed(fitted) < size
        assert fitted.tokens == recipes.gpt2_124m().tokens
    wider = [presets.preset(recipes.gpt2_350m(), name).micro_batch for name in presets.PRESETS]
    assert wider == sorted(wider)
    assert presets.preset(recipes.gpt2_774m(), "16GB").checkpoint
    assert presets.preset(recipes.gpt2_124m(), "cpu").dtype == "float32"
    assert presets.preset(recipes.digits(), "8GB") == recipes.digits()


def test_a_preset_is_for_what_was_changed_and_has_not_the_last_word(tmp_path):
    def recipe(*words):
        return runs.recipe_of(train.arguments_of(["gpt2_124m", *words]), loop.ALONE)

    assert recipe("--preset", "24GB", "batch_size=8").micro_batch == 8
    assert recipe("--preset", "80GB", "n_layer=48", "n_embd=1600", "n_head=25").micro_batch == 8
    assert recipe("--preset", "8GB", "micro_batch=8").checkpoint
    with pytest.raises(ValueError, match="more than 8GB: leave micro_batch to the preset"):
        recipe("--preset", "8GB", "micro_batch=16")
    assert recipe("--preset", "cpu", "compile=True").compile


def test_a_preset_counts_the_gpus_that_share_a_model():
    large = recipes.RECIPES["gpt3_13b"]()
    with pytest.raises(
        ValueError, match=r"take 2\d\d GB of a GPU at the least, more than 80GB: 4 such GPUs with --shard"
    ):
        presets.preset(large, "80GB")
    with pytest.raises(ValueError, match="more than 8GB: it takes larger ones"):
        presets.preset(recipes.RECIPES["gpt3_175b"](), "8GB")
    assert presets.preset(large, "80GB", 4).micro_batch
    one = dataclasses.replace(large, micro_batch=1)
    needs = [presets.memory_needed(one, *spread) for spread in ((4, 1), (8, 1), (8, 8))]
    assert needs == sorted(needs, reverse=True)
    fitted = [presets.preset(large, "80GB", *spread) for spread in ((8, 1), (2, 8))]
    assert all(recipe.micro_batch > 1 for recipe in fitted)


# Runs -----------------------------------------------------------------------------------------------------------------


def command(*words, out):
    """The exit code of the command, within this process."""
    with pytest.raises(SystemExit) as end:
        train.main([*words, "--device", "cpu", "--out", str(out)])
    return end.value.code


def test_a_run_keeps_its_recipe_its_log_and_a_picture(text, tmp_path, capsys):
    assert command("char_gpt", *TINY, f"data={text}", out=tmp_path / "run") == 0
    told = capsys.readouterr()
    assert "24 of 24 steps, val_loss" in told.out
    assert told.err == ""  # no bar where nobody looks
    lines = plot.lines_of(tmp_path / "run")
    assert [line["step"] for line in lines] == [10, 20, 24, 24]
    assert lines[0].keys() == {"step", "loss", "lr", "per_second", "memory"}
    assert lines[-1].keys() == {"step", "val_loss", "accuracy"}
    about = json.loads((tmp_path / "run/recipe.json").read_text())
    assert about["recipe"]["model"]["n_embd"] == 8
    assert about["versions"]["torch"] == torch.__version__
    assert b"<svg" in (tmp_path / "run/loss.svg").read_bytes()


def interrupted(words, out, number):
    """Start the command, send a signal once it has saved a first time, and wait. Returns the exit code."""
    child = subprocess.Popen(
        [sys.executable, "-m", "torch_impl.train", *words, "--device", "cpu", "--out", out, "--save-every", "1"],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    for _ in range(600):
        if checkpoint.latest(out) or child.poll() is not None:
            break
        time.sleep(0.05)
    child.send_signal(number)
    told = child.communicate(timeout=60)[1]
    return child.returncode, told


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_goes_on_as_if_nothing_had_been(text, tmp_path, number):
    """Bit by bit; also where it was killed and could not save."""
    words = ["char_gpt", *TINY, "n_steps=3000", f"data={text}"]
    code, told = interrupted(words, tmp_path / "cut", number)
    assert code == (-9 if number == signal.SIGKILL else 128 + number)
    assert number == signal.SIGKILL or "--resume goes on" in told
    step = checkpoint.about(checkpoint.latest(tmp_path / "cut"))["step"]
    stop = step + 7
    assert 0 < step < 3000
    recipe = config.changed(recipes.char_gpt(), words[1:])
    resumed, whole = loop.Run(recipe), loop.Run(recipe)
    resumed.restore(tmp_path / "cut")
    for run in (resumed, whole):
        source = data.batches(run.source, recipe.batch_size, 0, run.device, run.step, dtype=run.dtype)
        run.losses += [run.update(*next(source)).item() for _ in range(stop - run.step)]
        source.close()
    assert resumed.losses == whole.losses
    assert equal(resumed, whole)


def test_a_resumed_runs_log_has_every_step_once(text, tmp_path):
    words = "char_gpt", *TINY, f"data={text}"
    assert command(*words, out=tmp_path) == 0
    whole = checkpoint.about(checkpoint.latest(tmp_path))["losses"]
    shutil.rmtree(checkpoint.latest(tmp_path))
    run = loop.Run(config.changed(recipes.char_gpt(), words[1:]))
    source = data.batches(run.source, 6, 0, run.device, dtype=run.dtype)
    run.losses = [run.update(*next(source)).item() for _ in range(12)]  # as if it had been killed after step 12
    source.close()
    run.save(tmp_path)
    assert command("char_gpt", "--resume", out=tmp_path) == 0  # what was changed is known
    assert checkpoint.about(checkpoint.latest(tmp_path))["losses"] == whole
    assert [line["step"] for line in plot.lines_of(tmp_path)] == [10, 20, 24, 24]


def test_a_run_is_loaded_from_its_folder_and_continues_a_text(text, tmp_path):
    assert command("char_gpt", *TINY, f"data={text}", out=tmp_path) == 0
    run = runs.load(tmp_path)
    assert run.step == 24
    assert run.evaluate()["val_loss"] == pytest.approx(plot.lines_of(tmp_path)[-1]["val_loss"], rel=1e-12)
    ids = torch_gpt.generate(run.model, torch.tensor([run.source.val[:3].tolist()]), 9)[0].tolist()
    assert len(run.source.decode([*ids, 6])) == 13  # of seven rows five are letters


def test_a_finished_run_is_only_judged_again(text, tmp_path, capsys):
    for words in [(), ("--resume",)]:
        assert command("char_gpt", *TINY, f"data={text}", *words, out=tmp_path) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.split(", at most")[0] == second.split(", at most")[0]


# Mistakes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nope"], "there is no recipe 'nope': it must be one of digits, mnist_mlp,"),
        (["char_gtp"], "there is no recipe 'char_gtp': did you mean char_gpt?"),
        (["digits", "foo=1"], "'foo=1' is not field=value, in one word and with a field that there is: fields are n_"),
        (["char_gpt", "n_layers=1"], "did you mean n_layer?"),
        (["digits", "lr", "=", "1"], "'lr' is not field=value, in one word"),
        (["digits", "lr=fast"], "lr=fast must be like lr=0.005"),
        (["digits", "n_steps=1.5"], "n_steps=1.5 must be like"),
        (["digits", "compile=1"], "compile=1 must be like compile=False"),
        (["digits", "micro_batch=7"], "does not divide batch_size = 64"),
        (["digits", "batch_size=0"], "batch_size must be a whole number"),
        (["digits", "dtype=float8"], "dtype must be float32, bfloat16, float64"),
        (["digits", "lr=-1"], "lr must be 0 or more"),
        (["char_gpt", "n_head=5"], "5 heads do not divide"),
        (["char_gpt", "data=nowhere"], "there is no data 'nowhere'"),
        (["gpt3_13b", "--preset", "24GB"], "at the least, more than 24GB: 16 such GPUs with --shard will do"),
        (["gpt2_124m", "--preset", "24GB", "n_layer=48", "n_embd=1600", "n_head=25"], "1,557,686,400 parameters take"),
        (["char_gpt", "betas=(0.9,)"], "betas must be two numbers"),
        (["char_gpt", "betas=(0.9,'a')"], "must be like betas=(0.9, 0.95)"),
        (["char_gpt", "seed=-1"], "seed must be a whole number from 0"),
        (["char_gpt", "data=digits"], "digits is no text, which the model of this recipe cannot take"),
        (["digits", "data=names"], "names is text, which"),
        (["digits", "sizes=(63,10)"], "digits goes from 64 to 10 classes, not from 63 to 10"),
        (["digits", "sizes=(64,5)"], "digits goes from 64 to 10 classes, not from 64 to 5"),
        (["digits", "sizes=(64,'a',10)"], "must be like sizes=(64, 128, 10)"),
        (["mnist", "image=(28,28,3)"], "mnist goes from (28, 28, 1) to 10 classes, not from (28, 28, 3) to 10"),
        (["digits", "mup_base=0", "weight_decay=0.0"], "mup_base must be 1 or more, not 0"),
        (["digits", "mup_base=4", "weight_decay=0.0", "sizes=(64,10)"], "mup_base is for an MLP with a hidden layer"),
        (["char_gpt", "n_embd=20000000"], "memory is full"),
        ([], "RECIPE is missing"),
        (["digits", "--preset", "1TB"], "there is no preset '1TB'"),
        (["digits", "--resume"], "no checkpoint to go on from: without --resume"),
        (["digits", "--save-every", "0"], "--save-every must be 1 or more"),
        (["char_gpt", "--shard"], "for processes that torchrun starts"),
    ],
)
def test_a_mistake_ends_in_a_sentence_and_leaves_nothing(words, sentence, tmp_path, capsys):
    code = command(*words, out=tmp_path / "run")
    told = capsys.readouterr().err + str(code)
    assert sentence in told
    assert code not in (0, None)
    assert "Traceback" not in told
    assert not (tmp_path / "run").exists()


def test_a_vocabulary_that_is_too_small_is_told(text, tmp_path):
    assert "has 5 tokens, more than vocab_size = 4" in command(
        "char_gpt", *TINY, f"data={text}", "vocab_size=4", out=tmp_path / "run"
    )


def test_a_run_is_not_overwritten_nor_mixed_with_another(text, tmp_path):
    words = "char_gpt", *TINY, f"data={text}"
    assert command(*words, out=tmp_path) == 0
    before = checkpoint.latest(tmp_path)
    assert "holds a run already" in command(*words, out=tmp_path)
    assert "is of a run with lr = 0.01, not 0.5" in command(*words, "lr=0.5", "--resume", out=tmp_path)
    assert checkpoint.latest(tmp_path) == before


def test_a_run_in_bfloat16_goes_on_in_it_where_that_is_not_usual(text, tmp_path):
    assert command("char_gpt", *TINY, f"data={text}", "dtype=bfloat16", out=tmp_path) == 0
    told = json.loads((tmp_path / "recipe.json").read_text())
    told["changes"].remove("dtype=bfloat16")  # as on a GPU, of a recipe that has it
    told["changes"].remove("dtype=float64")
    (tmp_path / "recipe.json").write_text(json.dumps(told))
    assert command("char_gpt", "--resume", out=tmp_path) == 0


def test_the_folder_of_another_recipe_is_told(text, tmp_path):
    assert command("char_gpt", *TINY, f"data={text}", out=tmp_path) == 0
    assert "holds a run of char_gpt, not of digits" in command("digits", "--resume", out=tmp_path)


def test_a_folder_that_cannot_be_made_is_told(text, tmp_path):
    (tmp_path / "file").touch()
    assert "train: [Errno" in command("char_gpt", *TINY, f"data={text}", out=tmp_path / "file" / "run")


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda folder: (folder / "recipe.json").write_text("{"), "recipe.json is damaged, JSONDecodeError"),
        (lambda folder: (folder / "recipe.json").write_text("{}"), "recipe.json is damaged, KeyError: 'name'"),
        (lambda folder: (folder / "recipe.json").write_text("[]"), "recipe.json is damaged, TypeError"),
        (
            lambda folder: next(folder.glob("*/about.json")).write_text("{}"),
            "00000024 cannot be read, KeyError: 'step'",
        ),
        (lambda folder: next(folder.glob("*/about.json")).write_text(""), "00000024 cannot be read, JSONDecodeError"),
        (lambda folder: next(folder.glob("*/*.distcp")).write_bytes(b"x"), "00000024 cannot be read"),
        (lambda folder: next(folder.glob("*/.metadata")).unlink(), "00000024 cannot be read"),
    ],
)
def test_a_damaged_run_is_told(text, tmp_path, damage, sentence):
    assert command("char_gpt", *TINY, f"data={text}", out=tmp_path) == 0
    damage(tmp_path)
    assert sentence in command("char_gpt", "--resume", out=tmp_path)
    with pytest.raises(stops.Stopped, match=re.escape(sentence)):
        runs.load(tmp_path)


@pytest.mark.parametrize("lost", ["half a line", "all"])
def test_a_log_that_a_kill_has_cut_keeps_nobody_from_going_on(text, tmp_path, lost):
    assert command("char_gpt", *TINY, f"data={text}", out=tmp_path) == 0
    log = tmp_path / plot.LOG
    if lost == "all":
        log.unlink()
    else:
        log.write_text(log.read_text() + '{"step": 2')
    assert command("char_gpt", "--resume", out=tmp_path) == 0
    steps = [line["step"] for line in plot.lines_of(tmp_path)]
    assert steps == ([24] if lost == "all" else [10, 20, 24, 24])


def test_a_run_can_be_trained_in_a_thread_and_kept_by_a_folders_name(tiny, tmp_path):
    with ThreadPoolExecutor(1) as pool:
        run = loop.Run(dataclasses.replace(tiny, n_steps=3))
        assert pool.submit(loop.fit, run).result() == 0
    run.save(str(tmp_path))
    again = loop.Run(run.recipe)
    again.restore(str(tmp_path))
    assert equal(run, again)
    with pytest.raises(stops.Stopped, match="holds no checkpoint"):
        again.restore(str(tmp_path / "nowhere"))


def test_a_loss_that_is_no_number_ends_the_run_with_the_last_good_checkpoint(text, tmp_path, monkeypatch):
    update = loop.Run.update

    def broken(run, x, targets):
        loss = update(run, x, targets)
        return loss * float("nan") if run.step >= 15 else loss

    monkeypatch.setattr(loop.Run, "update", broken)
    told = command("char_gpt", *TINY, f"data={text}", "--save-every", "6", out=tmp_path)
    assert "is no finite number at step 15" in told
    assert "00000012 is the last good checkpoint" in told
    assert checkpoint.about(checkpoint.latest(tmp_path))["step"] == 12


@pytest.mark.parametrize(("word", "hint"), [("micro_batch=6", "micro_batch=3"), ("micro_batch=1", "checkpoint=True")])
def test_a_full_memory_is_told_with_what_to_change(text, tmp_path, monkeypatch, word, hint):
    def full(run, x, targets):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate …")

    monkeypatch.setattr(loop.Run, "update", full)
    assert f"try {hint}" in command("char_gpt", *TINY, f"data={text}", word, out=tmp_path)


def test_a_gradient_that_is_no_number_is_not_kept(text, tmp_path, monkeypatch):
    """Its loss was a number, but the weights after it are not."""
    clip = optim.clip_grad_norm

    def broken(model, max_norm):
        model.wte.grad[0, 0] += float("inf") if len(seen) == 14 else 0
        seen.append(clip(model, max_norm))
        return seen[-1]

    seen = []
    monkeypatch.setattr(optim, "clip_grad_norm", broken)
    told = command("char_gpt", *TINY, f"data={text}", "--save-every", "6", out=tmp_path)
    assert "or its gradient, is no finite number at step 15" in told
    run = loop.Run(config.changed(recipes.char_gpt(), [*TINY, f"data={text}"]))
    run.restore(tmp_path)
    assert all(p.isfinite().all() for p in run.model.parameters())


def test_ctrl_c_is_heard_while_pytorch_is_imported(tmp_path):
    words = [sys.executable, "-X", "importtime", "-m", "torch_impl.train", "digits", "--out", tmp_path / "run"]
    with subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, text=True) as child:
        assert any("torch._C" in line for line in child.stderr)  # up to there: the rest takes seconds
        child.send_signal(signal.SIGINT)
        told = [line for line in child.stderr if not line.startswith("import time:")]
    assert (child.returncode, told) == (130, ["train: stopped\n"])
    assert not (tmp_path / "run").exists()


def test_no_gpu_is_told_in_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(SystemExit) as end:
        train.main(["digits", "--device", "cuda", "--out", str(tmp_path / "run")])
    assert "there is no GPU for process 0: PyTorch sees 0; --device cpu" in end.value.code


@pytest.mark.parametrize(("size", "processes", "most"), [(24, 2, 8), (480, 8, 16), (512, 16, 64), (6, 1, 2)])
def test_a_micro_batch_is_never_exceeded(tiny, size, processes, most):
    recipe = dataclasses.replace(tiny, batch_size=size, micro_batch=most)
    parts, whole = config.parts_of(recipe, processes), size // processes
    assert whole % parts == 0
    assert whole // parts <= most


def test_mfu_is_the_references_both_ways(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H100 80GB HBM3")
    recipe = recipes.gpt2_124m()
    told = utilisation(recipe, 400e3, torch.device("cuda"))
    assert told == {name: scale.mfu(400e3, recipe.model, 989e12, name == "mfu6") for name in ("mfu12", "mfu6")}
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Some GPU")
    assert utilisation(recipe, 400e3, torch.device("cuda")) == {}


def test_several_runs_are_drawn_on_one_picture(text, tmp_path, capsys):
    command("char_gpt", *TINY, f"data={text}", out=tmp_path / "a")
    plot.main([str(tmp_path / "a"), str(tmp_path / "a"), "--out", str(tmp_path / "both.png")])
    assert (tmp_path / "both.png").read_bytes()[1:4] == b"PNG"
    with pytest.raises(SystemExit) as end:
        plot.main([str(tmp_path / "b")])
    assert "is not the folder of a run" in end.value.code
