"""Judge an answer, a number or a word, by a fingerprint of the right one."""

import difflib
import hashlib
import re

import numpy as np

from checks import compare


def digest(name, value):
    """A fingerprint of an answer, so that a cases file can judge one without showing it.

    Numbers count as equal to three significant digits, whole numbers exactly, words without regard to case.
    """
    if isinstance(value, float | np.floating) and np.isclose(value, np.round(value), rtol=1e-9, atol=0):
        value = np.round(value)  # 3.0000000000000004 is a whole number, rounding apart
    if isinstance(value, float | np.floating) and not float(value).is_integer():
        text = f"{value:.2e}"
    elif isinstance(value, int | float | np.number) and not isinstance(value, bool):
        text = str(int(value))
    else:
        text = re.sub(r"[\W_]+", " ", str(value)).strip().casefold()
    return hashlib.sha256(f"{name}: {text}".encode()).hexdigest()[:20]


def unknown_word(word, choices):
    """None where a word is one of the choices or there are none; else the end of a sentence that says which is near."""
    if not choices or digest("", word) in [digest("", choice) for choice in choices]:
        return None
    near = difflib.get_close_matches(word.casefold(), choices, 1)
    return f": did you mean {near[0]!r}?" if near else ""


@np.errstate(all="ignore")  # as in compare: 1e308 * 1.002 would warn
def judge_answer(record, answer):
    """Compare an answer, or each entry of a dict of answers, with the digest recorded for it."""
    expected = record["digests"]
    if isinstance(expected, dict):
        if not isinstance(answer, dict) or not expected.keys() <= answer.keys():
            return 0.0, [f"It should be a dict with the keys {', '.join(map(repr, expected))}."]
        parts = [(repr(key), answer[key], expected[key]) for key in expected]
    else:
        parts = [("It", answer, expected)]
    right, lines = 0, []
    for label, value, wanted in parts:
        if value is None or value is Ellipsis:
            lines.append(f"{label}: not answered yet.")
            continue
        if isinstance(value, np.ndarray) and value.ndim == 0:
            value = value.item()
        if not isinstance(value, str | int | float | np.integer | np.floating | np.bool_) or value != value:
            lines.append(f"{label}: should be a number or a word, not {compare.a(value)}.")
            continue
        near = [value, value * (1 + 2e-3), value * (1 - 2e-3)] if isinstance(value, float | np.floating) else [value]
        if wanted in [digest(record["name"], v) for v in near if isinstance(v, str) or np.isreal(v)]:
            right += 1
            lines.append(f"{label}: right" if len(parts) > 1 else "It is right.")
            continue
        lines.append(
            f"{label}: {compare.show(value)} is not right."
            if len(parts) > 1
            else f"{compare.show(value)} is not right."
        )
        if isinstance(value, str) and (near := unknown_word(value, record["choices"])) is not None:
            lines.append(f"    It is none of the words to choose from{near}" + "." * (not near))
        known = {m["digest"]: m["sentence"] for m in record["mutants"]}
        mine = digest(f"{record['name']} {label}", value)
        if mine in known:
            lines.append(f"    {known[mine]}")
    return right / len(parts), lines
