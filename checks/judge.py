"""Judge an answer by its recorded cases, and say what was found."""

import importlib
from contextlib import contextmanager

import numpy as np

from checks import answers, cases, compare, experiments, guard

_right = {}  # {name: answer}, the last of that name that earned all its points


def check(name, answer):
    """Judge an answer, print what is right, what is not and where to look, and return the points earned.

    name : the exercise, as it stands in the cell
    answer : the function, number, dict or training procedure the exercise asks for
    Returns a float from 0.0 to the exercise's points.
    Raises FileNotFoundError or KeyError where the set's cases are missing or know no such exercise.
    """
    records = cases.load()
    if name not in records:
        raise KeyError(f"{name} is not an exercise of this set. Its exercises: {', '.join(records)}")
    share, lines = judge(records[name], answer, _given())
    points, title = records[name]["points"], name.split(".")[-1]
    earned = round(float(points * share), 2)
    if share == 1:
        _right[title] = answer
    print(f"{title}: {'right, ' if share == 1 else ''}{earned:g} of {points:g} points")
    for line in lines:
        print("  " + line)
    section = records[name].get("section")
    if share < 1 and isinstance(section, str) and section:
        print(f"  Read again: {section}")
    return earned


def judge(record, answer, namespace):
    """The share of its points an answer earns, 0 to 1, and the lines that tell why.

    record : one exercise of a cases file
    namespace : a dict in which Given names are found
    """
    if answer is None or answer is Ellipsis:
        return 0.0, ["It is not answered yet."]
    if record["kind"] == "answer":
        return answers.judge_answer(record, answer)
    if not callable(answer):
        return 0.0, [f"It should be a function, not {compare.a(answer)}."]
    with _standing_in(record.get("standins", {}), answer, namespace):
        if record["kind"] == "experiment":
            return experiments.judge_experiment(record, answer)
        return judge_function(record, answer, namespace)


def _given():
    try:
        return vars(importlib.import_module("given"))
    except ModuleNotFoundError:
        return {}


@contextmanager
def _standing_in(sources, function, namespace):
    """While a function is judged, correct ones stand in for the other exercises it calls: one mistake costs one mark.

    The student's own that earned all their points stay. So what is right runs in grading as it does at home: where
    submissions are graded, a call of a function that stands in takes far longer.

    sources : {name: source}, filled by the grader alone
    """
    scope, right = getattr(function, "__globals__", {}), {}
    for source in sources.values():
        right |= {"np": np, **namespace}
        exec(source, right)
    own = {name: scope[name] for name in sources if name in scope}
    needed = [name for name in sources if name not in own or own[name] is not _right.get(name)]
    scope.update({name: right[name] for name in needed})
    try:
        yield
    finally:
        for name in needed:
            del scope[name]
        scope.update({name: own[name] for name in needed if name in own})


def judge_function(record, function, namespace):
    """Run every recorded case and compare every output; an output that is right in all cases earns its share."""
    outputs = [name for name in record["returns"] if not name.startswith("_")]
    runs = []
    for case in record["cases"]:
        try:
            runs.append(run_case(record, case, function, namespace))
        except guard.Failure as failure:
            runs.append(str(failure))
            if "still running" in str(failure):  # the other cases would hang too
                runs += [str(failure)] * (len(record["cases"]) - len(runs))
                break
    sentences, lines, right = [], [], 0
    failed = [case for case, run in zip(record["cases"], runs, strict=True) if isinstance(run, str)]
    if failed:
        sentence = next(run for run in runs if isinstance(run, str))
        well = [
            case["note"]
            for case, run in zip(record["cases"], runs, strict=True)
            if not isinstance(run, str) and not any(_finding(run, case, output, record["tol"]) for output in outputs)
        ]
        lines += _in_case(failed, f"it {sentence}", well)
    for output in outputs:
        findings = [_finding(run, case, output, record["tol"]) for case, run in zip(record["cases"], runs, strict=True)]
        wrong = [case for case, finding in zip(record["cases"], findings, strict=True) if finding]
        if not wrong and not failed:
            right += 1
            lines.append(f"{output}: right")
            continue
        if wrong:
            finding = next(filter(None, findings))
            well = [
                case["note"]
                for case, run, finding in zip(record["cases"], runs, findings, strict=True)
                if not finding and not isinstance(run, str)
            ]
            lines.append(f"{output}: not yet.")
            lines += _in_case(wrong, f"{output}{'' if finding[0] == '[' else ' '}{finding}", well)
        known = next((m["sentence"] for m in record["mutants"] if is_mutant(record, m, output, runs)), None)
        if known and known not in sentences:
            sentences.append(known)
            lines.append(f"    {known}")
    printed = next((run["printed"] for run in runs if isinstance(run, dict) and run["printed"].strip()), "")
    if printed and right < len(outputs):
        lines.append(f"It printed: {printed.strip()[:300]}")
    return right / len(outputs), lines


def _in_case(wrong, sentence, well):
    """The lines that say what happened in the first of the cases that went wrong, and which cases went well."""
    stop = "" if sentence[-1] in "?." else "."
    lines = [f"    In the case “{wrong[0]['note']}”, with {wrong[0]['shapes']}:", f"    {sentence}{stop}"]
    return lines + ([f"    Right in: {'; '.join(well)}."] if well else [])


def run_case(record, case, function, namespace):
    """One call: {"values": {output: value}, "printed": text}. Raises guard.Failure where there is no answer."""
    args = [cases.resolve(arg, namespace) for arg in case["args"]]
    value, printed = guard.call(function, args, record["seconds"])
    for name, arg, before in zip(record["arguments"], args, case["args"], strict=True):
        if changed(arg, before):
            raise guard.Failure(f"changed its argument {name}: leave arguments as they are, work on a copy")
    names = record["returns"]
    wanted = ", ".join(name.lstrip("_") for name in names)
    whole = case["expected"].get(names[0])
    if len(names) == 1:
        if isinstance(value, tuple) and not isinstance(whole, tuple) and len(value) > 1:
            raise guard.Failure(f"returned {len(value)} values, should return 1: {wanted}")
        return {"values": {names[0]: value}, "printed": printed}
    several = isinstance(value, tuple) or (isinstance(value, list) and not isinstance(whole, list))
    if not several or len(value) != len(names):
        found = f"{len(value)} value{'s' * (len(value) != 1)}" if several else compare.a(value)
        found = "nothing (None)" if value is None else found
        raise guard.Failure(f"returned {found}, should return {len(names)}: {wanted}")
    return {"values": dict(zip(names, value, strict=True)), "printed": printed}


def changed(now, before):
    """Whether anything in a resolved argument is no longer what the case recorded."""
    if isinstance(before, float | int | str) and not isinstance(before, cases.Seed):
        return not (now is before or now == before or before != before)
    if isinstance(before, np.ndarray):
        return not (isinstance(now, np.ndarray) and np.array_equal(now, before, equal_nan=before.dtype.kind == "f"))
    if isinstance(before, dict):
        return (
            not isinstance(now, dict) or now.keys() != before.keys() or any(changed(now[k], before[k]) for k in before)
        )
    if isinstance(before, list | tuple):
        return type(now) is not type(before) or len(now) != len(before) or any(map(changed, now, before))
    return False


def _finding(run, case, output, tol):
    """One sentence on one output of one case, or None where it is right or there is none."""
    if isinstance(run, str):
        return None
    found = compare.differences(run["values"][output], case["expected"][output], tol)
    if not found:
        return None
    path, sentence, got, _ = found[0]
    glue = "" if not path or sentence.startswith("[") else " "
    for other, value in case["expected"].items():
        if other != output and isinstance(value, np.ndarray) and compare.leaf_difference(got, value, tol) is None:
            return f"{path}{glue}{sentence}. It is what {other} should be"
    return path + glue + sentence


def is_mutant(record, mutant, output, runs):
    """Whether an output is in every case what a known mistake gives, which is in some case not the right answer."""
    telling = False
    for case, run, known in zip(record["cases"], runs, mutant["outputs"], strict=True):
        if isinstance(run, str) or isinstance(known, str):
            if not (isinstance(run, str) and isinstance(known, str) and known in run):
                return False
            telling = True
            continue
        if compare.differences(run["values"][output], known[output], record["tol"]):
            return False
        telling = telling or bool(compare.differences(known[output], case["expected"][output], record["tol"]))
    return telling
