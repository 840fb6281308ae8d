"""Judge a training procedure by the model it makes."""

import numpy as np

from checks import compare, guard


def judge_experiment(record, fit):
    """Train with the student's procedure and test the model on examples it was not given.

    The classes are renamed by a random permutation first: whoever learns from the labels passed in is not touched by
    that, whoever brought labels along is.
    """
    rng = np.random.default_rng(record["seed"])
    names = rng.permutation(record["classes"])
    sets = {part: (record[f"x_{part}"].copy(), names[record[f"y_{part}"]]) for part in ("train", "val", "test")}
    try:
        given = [array.copy() for part in ("train", "val") for array in sets[part]]
        predict, printed = guard.call(fit, (*given, rng), record["seconds"])
        if not np.array_equal(given[0], sets["train"][0], equal_nan=True) or not np.array_equal(
            given[2], sets["val"][0], equal_nan=True
        ):
            raise guard.Failure("changed the examples it was given: work on a copy, and treat new ones alike")
        if not callable(predict):
            raise guard.Failure(
                f"returned {compare.a(predict)}, should return a function from examples to class numbers"
            )
        seen, unseen = (_labels(predict, sets[part][0], record["seconds"]) for part in ("train", "test"))
    except guard.Failure as failure:
        return 0.0, [f"It {failure}."]
    on_seen, on_unseen = np.mean(seen == sets["train"][1]), np.mean(unseen == sets["test"][1])
    share = next((share for bar, share in record["bars"] if on_unseen >= bar), 0.0)
    lines = [
        f"Accuracy on {len(unseen)} examples it never saw: {on_unseen:.1%}; the goal is {record['bars'][0][0]:.0%}."
    ]
    if share == 1:
        return share, lines
    lines.append(f"On the examples it was given to train on: {on_seen:.1%}.")
    if printed.strip():
        lines.append("The last it printed: " + " | ".join(printed.strip().splitlines()[-3:])[-300:])
    if np.mean(unseen == record["y_test"]) > on_unseen + 0.2:  # more than chance would give
        lines.append(record["sentences"]["peeked"])
    elif on_seen > 0.99:
        lines.append(record["sentences"]["memorised"])
    else:
        lines.append(record["sentences"]["untrained"])
    if len(np.unique(unseen)) == 1:
        lines.append("It says the same class of every example.")
    return share, lines


def _labels(predict, x, seconds):
    labels, _ = guard.call(predict, (x.copy(),), seconds)
    if isinstance(labels, np.ndarray) and labels.dtype.kind == "f" and np.array_equal(labels, np.rint(labels)):
        labels = labels.astype(np.int64)
    if not isinstance(labels, np.ndarray) or labels.shape != (len(x),) or labels.dtype.kind not in "iu":
        raise guard.Failure(
            f"predicts {compare.a(labels)} for {len(x)} examples, should predict an array of {len(x)} whole class "
            "numbers"
        )
    return labels
