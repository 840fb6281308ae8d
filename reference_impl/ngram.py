"""What a language model has to beat, counting; and a text cut into what both are judged on."""

import numpy as np

from reference_impl import contract


def ngram_loss(train_ids, val_ids, n, vocab_size):
    """The cross-entropy on val_ids of counting: how often each token followed the n - 1 before it in train_ids.

    train_ids : (N,) int, 0 or more, below vocab_size
    val_ids : (M,) int, 0 or more, below vocab_size; n tokens or more
    n : 2 for a bigram, 3 for a trigram; 1 or more
    vocab_size : V, 1 or more
    Returns the mean over all but the first n - 1 tokens. Every count starts at 1, 0.1 or 0.01, whatever is best for
    val_ids: the baseline gets every favour.
    """
    if len(val_ids) < n:
        raise ValueError(f"ngram_loss: val_ids must have {n} tokens or more, not {len(val_ids)}")
    if (largest := max(np.max(train_ids, initial=0), np.max(val_ids))) >= vocab_size:
        raise ValueError(f"ngram_loss: tokens must be below vocab_size = {vocab_size}, not {largest}")

    def grams(ids):
        return sum(ids[i : len(ids) - n + 1 + i] * vocab_size ** (n - 1 - i) for i in range(n))

    counts = np.bincount(grams(train_ids), minlength=vocab_size**n).reshape(-1, vocab_size)
    context, token = np.divmod(grams(val_ids), vocab_size)
    seen, all_seen = counts[context, token], counts.sum(axis=1)[context]
    return min(-np.mean(np.log((seen + a) / (all_seen + a * vocab_size))) for a in (1, 0.1, 0.01))


def encode(*texts):
    """Texts as tokens, one a character. Returns the letters in all texts, sorted, and of each text (N,) int."""
    letters = sorted(set().union(*texts))
    number = {letter: i for i, letter in enumerate(letters)}
    return letters, *(np.array([number[letter] for letter in text]) for text in texts)


def whole_batches(ids, batch_size, block_size):
    """A text cut into neighbouring pieces, once through: x, and targets which are x one place further on.

    ids : (N,) int
    batch_size, block_size : 1 or more
    Returns a list of x and targets, (batch_size, block_size) each; what is left over at the end has no batch.
    """
    n = (len(ids) - 1) // (batch_size * block_size) * batch_size * block_size
    if n < 1:
        raise ValueError(f"whole_batches: {len(ids)} tokens are too few for {batch_size} pieces of {block_size}")
    shape = -1, batch_size, block_size
    return list(zip(ids[:n].reshape(shape), ids[1 : n + 1].reshape(shape), strict=True))


contract.enforce(globals())
