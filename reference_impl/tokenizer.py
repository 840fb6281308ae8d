"""Byte-level BPE: from any text or bytes to numbers and back (Sennrich et al. 2016; Radford et al. 2019)."""

import re
import sys
import unicodedata
from collections import Counter, defaultdict
from functools import cache
from itertools import pairwise


@cache
def pattern():
    """GPT-2's way to cut text before merging: contractions, words, numbers, the rest, each with a space before it."""
    # \p{L} and \p{N}, which re does not know: \w without _ is both, and all but these numbers are \d.
    numbers = "".join(c for c in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(c) in ("Nl", "No"))
    letter, number = rf"[^\W\d_{numbers}]", rf"[\d{numbers}]"
    # Four separators are space to Python alone.
    space, dense, other = r"[^\S\x1c-\x1f]", r"[\S\x1c-\x1f]", r"(?:[^\s\w]|[_\x1c-\x1f])"
    return re.compile(rf"'(?:[sdmt]|ll|ve|re)| ?{letter}+| ?{number}+| ?{other}+|{space}+(?!{dense})|{space}+")


def as_text(data):
    """str as it is; bytes as str in which whatever is not UTF-8 stands as lone surrogates, so that nothing is lost."""
    return data.decode("utf-8", "surrogateescape") if isinstance(data, bytes) else data


def pieces(data):
    """The pieces of str or bytes across which no merge goes, as bytes; joined, they are the whole."""
    return [piece.encode("utf-8", "surrogateescape") for piece in pattern().findall(as_text(data))]


def merge(ids, pair, new):
    """ids with every occurrence of pair, from the left, replaced by new. ids : a list; returns a list."""
    out, i = [], 0
    while i < len(ids):
        if ids[i] == pair[0] and i + 1 < len(ids) and ids[i + 1] == pair[1]:
            out.append(new)
            i += 2
        else:
            out.append(ids[i])
            i += 1
    return out


def train(data, vocab_size, after_merge=None):
    """Merge the commonest pair of neighbours, again and again, until there are vocab_size tokens or no pair is left.

    data : str or bytes
    vocab_size : 256 or more: the bytes themselves are tokens 0 to 255
    after_merge : called with the number of merges so far, for a progress bar
    Returns merges : a list of (left, right), the k-th making token 256 + k; of equally common pairs, the smallest.
    """
    if vocab_size < 256:
        raise ValueError(f"train: vocab_size must be 256 or more, one for every byte, not {vocab_size}")
    words = [(list(piece), n) for piece, n in Counter(pieces(data)).items()]
    counts, where = Counter(), defaultdict(set)  # of every pair: how often, and in which words
    for i, (ids, n) in enumerate(words):
        count_pairs(ids, n, i, counts, where)
    merges = []
    while len(merges) < vocab_size - 256:
        best = min(counts, key=lambda pair: (-counts[pair], pair), default=None)
        if best is None or counts[best] < 1:
            break
        for i in where.pop(best):
            ids, n = words[i]
            count_pairs(ids, -n, i, counts, where)
            words[i] = merge(ids, best, 256 + len(merges)), n
            count_pairs(words[i][0], n, i, counts, where)
        del counts[best]
        merges.append(best)
        if after_merge:
            after_merge(len(merges))
    return merges


def count_pairs(ids, n, i, counts, where):
    """Add n to the count of every pair of neighbours in word i."""
    for pair in pairwise(ids):
        counts[pair] += n
        if n > 0:
            where[pair].add(i)


class Tokenizer:
    """From text to tokens and back, by merges learnt with train.

    merges : a list of (left, right), in order
    vocab : {token: its bytes}, the bytes first, then the merges
    """

    def __init__(self, merges):
        self.merges = [tuple(pair) for pair in merges]
        self.rank = {pair: k for k, pair in enumerate(self.merges)}
        self.vocab = {i: bytes([i]) for i in range(256)}
        for k, (left, right) in enumerate(self.merges):
            if max(left, right) >= 256 + k:
                raise ValueError(f"merge {k} joins {left} and {right}, but only {256 + k} tokens exist before it")
            self.vocab[256 + k] = self.vocab[left] + self.vocab[right]
        self._known = {}

    def encode(self, data):
        """The tokens of str or bytes, a list of ints."""
        return [token for piece in pieces(data) for token in self._encode_piece(piece)]

    def _encode_piece(self, piece):
        """Merge the pair learnt first, until no neighbours were ever merged. Every piece is worked out once."""
        if piece not in self._known:
            ids = list(piece)
            while len(ids) > 1:
                first = min(pairwise(ids), key=lambda pair: self.rank.get(pair, len(self.rank)))
                if first not in self.rank:
                    break
                ids = merge(ids, first, 256 + self.rank[first])
            self._known[piece] = ids
        return self._known[piece]

    def decode_bytes(self, ids):
        """The bytes that tokens stand for: decode_bytes(encode(data)) == data, whatever the bytes."""
        unknown = [i for i in ids if i not in self.vocab]
        if unknown:
            raise ValueError(f"token {unknown[0]} is not one of the {len(self.vocab)} of this vocabulary")
        return b"".join(self.vocab[int(i)] for i in ids)

    def decode(self, ids):
        """The text that tokens stand for; what is not UTF-8, as half a character is not, becomes U+FFFD."""
        return self.decode_bytes(ids).decode("utf-8", "replace")
