"""Byte-level BPE: against GPT-2's own pattern, a trainer that is slow and plain, and tiktoken."""

import random
from collections import Counter
from itertools import pairwise

import hypothesis.strategies as st
import numpy as np
import pytest
import regex
import tiktoken
from hypothesis import given, settings

from reference_impl import data, tokenizer

examples = settings(max_examples=100)

# As published: github.com/openai/tiktoken, tiktoken_ext/openai_public.py
PAT_STR = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""

VARIED = [
    "",
    " ",
    "a",
    "The cat's on the mat; they'll say we've been, I'd go, you're it, I'm, don't, 'S 'LL 's",
    "x = [i**2 for i in range(10)]\n\tif x:\n\t\treturn  x   # two  spaces\r\n\n\n",
    "100 1000 3.14 1e-5 0xff ²³ x² ½ Ⅷ ① ٣٤ 一二 𝟘𝟙",
    "Ærøskøbing, naïve café, Straße; Ελληνικά, русский язык, עברית, العربية",
    "中文字符 と 日本語のテキスト、한국어 ไทย हिन्दी বাংলা",
    "👋🏽 👨‍👩‍👧‍👦🏳️‍🌈 ☃️ → ∑∫√ €£ “quotes” — …",
    "e\u0301 a\u0308\u0323 z\u200dz \u00a0nbsp\u3000wide\u2028line\ufeff",
    "   leading, and trailing   ",
    "\t\t \n \x0b\x0c \x85 \x1c\x1d\x1e\x1f a\x1cb \x1f c\x00\x01",
    "snake_case __init__ _ a_b CamelCase ___",
    "'''' 'sing 's'll've re're ''s",
]


@pytest.fixture(scope="module")
def sources():
    return data.load_sources()


@pytest.fixture(scope="module")
def corpus(sources):
    """20,000 characters of the standard library, and every script of VARIED a few times."""
    return "".join(sources)[200_000:220_000] + 5 * "\n".join(VARIED)


@pytest.fixture(scope="module")
def trained(corpus):
    return tokenizer.Tokenizer(tokenizer.train(corpus, 700))


@pytest.fixture(scope="module")
def tiktokens(trained):
    """tiktoken's encoding with our merges: tokens are ranked by when they were learnt, and cut as GPT-2 does."""
    ranks = {of: token for token, of in trained.vocab.items()}
    assert len(ranks) == len(trained.vocab) == 700
    return tiktoken.Encoding("ours", pat_str=PAT_STR, mergeable_ranks=ranks, special_tokens={})


# Any text, and mostly what is in texts: words, digits, runs of white space, apostrophes. Characters that are newer than
# Python's own tables are left out: it cannot know which of them are letters.
assigned = st.characters(exclude_categories=("Cs", "Cn"))
texts = st.text(assigned) | st.text("ab't sl 12²_,.\n\t é中👋\x1c\u00a0", max_size=40)


# Cutting --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", VARIED)
def test_text_is_cut_as_gpt2_does(text):
    assert [piece.decode() for piece in tokenizer.pieces(text)] == regex.findall(PAT_STR, text)


@settings(examples, max_examples=300)
@given(texts)
def test_any_text_is_cut_as_gpt2_does(text):
    assert [piece.decode() for piece in tokenizer.pieces(text)] == regex.findall(PAT_STR, text)


def test_pieces_in_words():
    assert tokenizer.pieces("I've  2 cats²!\n") == [b"I", b"'ve", b" ", b" 2", b" cats", "²".encode(), b"!", b"\n"]


@examples
@given(st.binary())
def test_pieces_joined_are_the_whole(raw):
    assert b"".join(tokenizer.pieces(raw)) == raw


# Training -------------------------------------------------------------------------------------------------------------


def naive_train(pieces, n_merges):
    """BPE as one would explain it: count every pair in every piece, join the commonest, start over."""
    pieces, merges = [list(piece) for piece in pieces], []
    while len(merges) < n_merges:
        counts = Counter(pair for piece in pieces for pair in pairwise(piece))
        if not counts:
            break
        most = max(counts.values())
        left, right = min(pair for pair, count in counts.items() if count == most)
        for piece in pieces:
            i = 0
            while i < len(piece) - 1:
                if piece[i : i + 2] == [left, right]:
                    piece[i : i + 2] = [256 + len(merges)]
                i += 1
        merges.append((left, right))
    return merges


@examples
@given(st.text("aab c\n") | st.text("ab", min_size=10) | texts, st.integers(0, 12))
def test_training_is_that_of_a_slow_and_plain_trainer(text, n_merges):
    assert tokenizer.train(text, 256 + n_merges) == naive_train(tokenizer.pieces(text), n_merges)


def test_training_on_real_text_is_that_of_a_slow_and_plain_trainer(corpus):
    text = corpus[:3000]
    merges = tokenizer.train(text, 256 + 150)
    assert len(merges) == 150
    assert merges == naive_train(tokenizer.pieces(text), 150)


def test_of_equally_common_pairs_the_smallest_is_merged():
    assert tokenizer.train("zy\nba\nyz\nab", 258) == [(97, 98), (98, 97)]


def test_pairs_that_overlap_are_merged_from_the_left():
    assert tokenizer.merge([1, 1, 1, 2, 1, 1], (1, 1), 9) == [
        9,
        1,
        2,
        9,
    ]
    assert tokenizer.merge([], (1, 1), 9) == [] and tokenizer.merge([1], (1, 1), 9) == [1]
    ids = [3, 4, 3, 4]
    assert tokenizer.merge(ids, (3, 4), 9) == [9, 9] and ids == [3, 4, 3, 4]


def test_no_merge_goes_across_pieces():
    merges = tokenizer.train("ab ab ab", 300)
    assert merges == [(97, 98), (32, 256)]  # "ab", then " ab": nothing is left to merge


@pytest.mark.parametrize("vocab_size", [256, 257, 300])
def test_the_vocabulary_is_as_large_as_asked(vocab_size, corpus):
    told = []
    merges = tokenizer.train(corpus[:5000], vocab_size, told.append)
    assert len(merges) == vocab_size - 256
    assert len(tokenizer.Tokenizer(merges).vocab) == vocab_size
    assert told == list(range(1, vocab_size - 256 + 1))


@pytest.mark.parametrize("data_", ["", "a", b"", "a1\nb"])
def test_training_ends_where_no_pair_is_left(data_):
    assert tokenizer.train(data_, 1000) == []


def test_bytes_and_their_text_train_alike():
    text = "naïve café naïve café 中文中文"
    assert tokenizer.train(text, 270) == tokenizer.train(text.encode(), 270) != []


def test_a_smaller_vocabulary_is_the_beginning_of_a_larger_one(corpus):
    assert tokenizer.train(corpus[:5000], 290) == tokenizer.train(corpus[:5000], 330)[:34]


# Encoding and decoding ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", VARIED)
def test_varied_text_is_encoded_as_by_tiktoken(text, trained, tiktokens):
    ids = trained.encode(text)
    assert ids == tiktokens.encode_ordinary(text)
    assert trained.decode(ids) == text == tiktokens.decode(ids)


def test_the_standard_library_is_encoded_as_by_tiktoken(sources, trained, tiktokens):
    files = random.Random(3).sample([text for text in sources if len(text) > 5_000], 12)
    total = np.zeros(2)
    for text in files:
        ids = trained.encode(text[:10_000])
        assert ids == tiktokens.encode_ordinary(text[:10_000])
        total += np.array([len(ids), len(text[:10_000])])
    assert total[0] < 0.6 * total[1]  # the merges are used


@settings(examples, max_examples=200)
@given(text=texts)
def test_any_text_is_encoded_as_by_tiktoken_and_comes_back(text, trained, tiktokens):
    ids = trained.encode(text)
    assert ids == tiktokens.encode_ordinary(text)
    assert trained.decode(ids) == text


@settings(examples, max_examples=200)
@given(
    raw=st.binary()
    | st.lists(st.sampled_from([b"the", b" ", "é".encode(), b"\xc3", b"\xff", b"\xed\xb2\x80"])).map(b"".join)
)
def test_any_bytes_come_back(raw, trained):
    ids = trained.encode(raw)
    assert trained.decode_bytes(ids) == raw
    assert trained.decode(ids) == raw.decode("utf-8", "replace")
    assert all(type(i) is int and 0 <= i < 700 for i in ids)


def test_without_merges_tokens_are_bytes():
    assert tokenizer.Tokenizer([]).encode("é!") == [0xC3, 0xA9, 0x21]


def test_merges_are_made_in_the_order_they_were_learnt():
    """abc: as bc is older than ab, ab is never made, though it comes first."""
    ours = tokenizer.Tokenizer([(98, 99), (97, 98), (97, 256)])
    assert ours.encode("abc") == [258] and ours.encode("abab bc") == [257, 257, 32, 256]
    assert ours.vocab[258] == b"abc"


def test_merges_may_come_back_from_a_file():
    merges = tokenizer.train("ab ab abc abc", 259)
    ours = tokenizer.Tokenizer([list(map(int, pair)) for pair in np.array(merges)])
    assert ours.encode("ab abc") == tokenizer.Tokenizer(merges).encode("ab abc")
    assert ours.merges == merges


def test_tokens_of_a_model_are_decoded(trained):
    ids = np.array(trained.encode("def f(x): return x"))
    assert trained.decode(ids) == "def f(x): return x"
    assert trained.decode([]) == ""


def test_half_a_character_is_shown_as_such(trained):
    assert trained.decode(tokenizer.Tokenizer([]).encode("é")[:1]) == "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize("unknown", [700, -1])
def test_an_unknown_token_is_named(unknown, trained):
    with pytest.raises(ValueError, match=f"^token {unknown} is not one of the 700 of this vocabulary$"):
        trained.decode([97, unknown])


def test_merges_that_need_a_later_token_are_refused():
    with pytest.raises(ValueError, match="merge 1 joins 97 and 257, but only 257 tokens exist before it"):
        tokenizer.Tokenizer([(97, 98), (97, 257)])


def test_encoding_twice_gives_the_same_and_lists_of_ones_own(trained):
    first = trained.encode("the")
    first.append(0)
    assert trained.encode("the") == first[:-1]
