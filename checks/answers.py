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
    """None where a word is one of the choices or there are none; else the end of a sentence that says which is meant.

    Said only of a slip of the pen in words without figures: anything further off might give the answer away.
    """
    if not choices or digest("", word) in [digest("", choice) for choice in choices]:
        return None
    near = [] if re.search(r"\d", word) else difflib.get_close_matches(word.casefold(), choices, 2, cutoff=0.8)
    return f": did you mean {near[0]!r}?" if len(near) == 1 else "."


def plain(value):
    """An answer as it can be compared: an array's only number, a text's number, a shape as a text."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return value.item()
    if isinstance(value, tuple | list) and value and all(isinstance(v, int | np.integer) for v in value):
        return f"({', '.join(map(str, value))})"
    if isinstance(value, str) and re.fullmatch(r"\s*[-+]?\d+(,\d{3})*(\.\d*)?(e[-+]?\d+)?\s*", value, re.IGNORECASE):
        number = float(value.replace(",", ""))
        return int(number) if number.is_integer() else number
    return value


@np.errstate(all="ignore")  # as in compare: 1e308 * 1.002 would warn
def judge_answer(record, answer):
    """Compare an answer, or each entry of a dict of answers, with the digest recorded for it."""
    expected, sections = record["digests"], record.get("section")
    if not isinstance(expected, dict):
        right, lines = judge_part(record, "It", answer, expected)
        return float(right), ["It is right."] if right else lines
    if not isinstance(answer, dict) or not expected.keys() <= answer.keys():
        return 0.0, [f"It should be a dict with the keys {', '.join(map(repr, expected))}."]
    found = {key: judge_part(record, repr(key), answer[key], digests) for key, digests in expected.items()}
    lines = [line for _, part in found.values() for line in part]
    if isinstance(sections, dict):
        reread = dict.fromkeys(sections[key] for key, (right, _) in found.items() if not right)
        lines += [f"Read again: {'; '.join(reread)}"] if reread else []
    return sum(right for right, _ in found.values()) / len(expected), lines


def judge_part(record, label, answer, wanted):
    """Whether one number or word is right, and the lines that tell."""
    if answer is None or answer is Ellipsis:
        return False, [f"{label}: not answered yet."]
    value = plain(answer)
    if not isinstance(value, str | int | float | np.integer | np.floating | np.bool_) or value != value:
        return False, [f"{label}: should be a number or a word, not {compare.a(value)}."]
    near = [value, value * (1 + 2e-3), value * (1 - 2e-3)] if isinstance(value, float | np.floating) else [value]
    if wanted in [digest(record["name"], v) for v in near if isinstance(v, str) or np.isreal(v)]:
        return True, [f"{label}: right"]
    lines = ["" if label == "It" else f"{label}: "]
    lines[0] += f"{compare.show(value)} is not right."
    if isinstance(value, str) and (meant := unknown_word(value, record["choices"])):
        lines.append(f"    It is none of the words to choose from{meant}")
    elif isinstance(value, str) and not record["choices"] and re.search(r"\d", value):
        lines.append("    This is a text: write a number, as in 0.25, without quotes.")
    known = {m["digest"]: m["sentence"] for m in record["mutants"]}
    mine = digest(f"{record['name']} {label}", value)
    return False, lines + ([f"    {known[mine]}"] if mine in known else [])
