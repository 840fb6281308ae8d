"""Is an answer right, and if not, how is it wrong? Shape is told before dtype, dtype before value."""

import numbers

import numpy as np

FLOOR = 1e-7  # an absolute error this small is rounding: cases are drawn with entries of about 1


def differences(got, expected, tol, path=""):
    """Every way in which got, a tree of arrays and numbers, is not expected; at most one sentence a leaf.

    tol : the largest error allowed, relative to the largest entry of the expected array
    Returns a list of (path, sentence, got, expected); empty where all is right.
    """
    if isinstance(expected, dict):
        if not isinstance(got, dict) or got.keys() != expected.keys():
            found = f"keys {sorted(map(str, got))}" if isinstance(got, dict) else a(got)
            return [(path, f"should be a dict with the keys {sorted(expected)}, not {found}", None, None)]
        branches = [(f"{path}[{k!r}]", got[k], expected[k]) for k in expected]
    elif isinstance(expected, list | tuple):
        if not isinstance(got, list | tuple) or len(got) != len(expected):
            found = f"{len(got)}" if isinstance(got, list | tuple) else a(got)
            return [(path, f"should be a list of {len(expected)}, not {found}", None, None)]
        branches = [(f"{path}[{i}]", g, e) for i, (g, e) in enumerate(zip(got, expected, strict=True))]
    else:
        sentence = leaf_difference(got, expected, tol)
        return [(path, sentence, got, expected)] if sentence else []
    return [found for name, g, e in branches for found in differences(g, e, tol, name)]


def leaf_difference(got, expected, tol):
    """One sentence on how got is not expected (a number or an array), or None where it is."""
    if got is None:
        return "is None: is a return missing?"
    if isinstance(expected, bool | np.bool_ | str):
        same = isinstance(got, type(expected) | np.bool_) and got == expected
        return None if same else f"is {got!r}, should be {expected!r}"
    wanted = np.asarray(expected)
    if wanted.ndim and not isinstance(got, np.ndarray):
        return f"is {a(got)}, should be an array of shape {wanted.shape}"
    if not isinstance(got, numbers.Number | np.ndarray | np.generic):
        return f"is {a(got)}, should be a number"
    found = np.asarray(got)
    if found.shape != wanted.shape:
        return f"has shape {found.shape}, should be {wanted.shape}" + shape_hint(found.shape, wanted.shape)
    if found.dtype.kind not in "biuf" or (found.dtype.kind == "b") != (wanted.dtype.kind == "b"):
        return f"has dtype {found.dtype}, should be {wanted.dtype}"
    if wanted.ndim and wanted.dtype.kind in "iu" and found.dtype.kind == "f":
        return f"has dtype {found.dtype}, should be whole numbers ({wanted.dtype})"
    return value_difference(found, wanted, tol)


@np.errstate(all="ignore")  # a warning on stderr would cost the cell its points
def value_difference(found, wanted, tol):
    """One sentence on the first entry of found that is too far from wanted's, or None. Both arrays of one shape."""
    if wanted.dtype.kind in "bi" and found.dtype.kind in "bi":
        error, limit = np.abs(found.astype(float) - wanted), 0.0
    else:
        error = np.abs(found.astype(float) - wanted)
        limit = max(tol * np.max(np.abs(wanted), initial=0, where=np.isfinite(wanted)), FLOOR)
    wrong = ~((error <= limit) | (found == wanted) | (np.isnan(found) & np.isnan(wanted)))
    if not wrong.any():
        return None
    i = tuple(int(k) for k in np.argwhere(wrong)[0])
    where = f"[{', '.join(map(str, i))}]" if i else ""
    sentence = f"{where} is {show(found[i])}, should be {show(wanted[i])}".strip()
    if wanted.dtype.kind not in "bi" and np.isfinite(found[i]) and wanted[i]:
        sentence += f" (relative error {error[i] / max(abs(found[i]), abs(wanted[i])):.1g})"
    if found.size > 1:
        sentence += f"; {wrong.sum()} of {found.size} entries differ"
    return sentence + value_hint(found, wanted, tol)


def value_hint(found, wanted, tol):
    """What all wrong entries have in common, as the end of a sentence; empty where nothing stands out."""
    if not np.isfinite(found).all():
        return ". A nan or inf comes from an overflow, a log of 0, or a 0/0"
    if not np.isfinite(wanted).all():  # a mutant's, which may be nan
        return ""

    def same(x, y):
        return x.shape == y.shape and np.allclose(x, y, rtol=0, atol=tol * np.max(np.abs(wanted), initial=1e-300))

    if not found.any():
        return ". All are 0"
    if same(found, -wanted):
        return ". The numbers are right, their sign is not"
    scale = np.sum(found * wanted) / np.sum(found * found)
    if wanted.any() and same(found * scale, wanted):
        factor = 1 / scale
        whole = max(abs(factor), abs(scale))
        if found.size == 1 and abs(whole - round(whole)) > 1e-4:
            return ""
        said = f"{show(factor)} times" if abs(factor) >= 1 else f"1/{show(scale)} of"
        return f". Every entry is {said} the right one" if found.size > 1 else f". That is {said} the right one"
    if found.ndim > 1 and len(set(found.shape)) == 1 and same(found.T, wanted):
        return ". It is the transpose of the right one"
    if found.size > 1 and same(found - np.mean(found - wanted), wanted):
        return f". Every entry is off by the same {show(np.mean(found - wanted))}"
    if found.size > 1 and same(np.sort(found, axis=None), np.sort(wanted, axis=None)):
        return ". The numbers are right, their order is not"
    return ""


def shape_hint(found, wanted):
    """How one shape differs from another, as the end of a sentence; empty where nothing stands out."""
    if len(found) > 1 and found == wanted[::-1]:
        return ". It is transposed"
    if len(found) > 1 and len(found) > len(wanted) and tuple(n for n in found if n != 1) == wanted:
        return ". There is an axis of length 1 too many"
    if len(found) < len(wanted):
        return ". An axis is missing: was it summed over?"
    if len(found) > len(wanted):
        return ". There is an axis too many: should it be summed or averaged over?"
    return ""


def show(x):
    """A number as short as it stays readable."""
    x = x.item() if isinstance(x, np.generic | np.ndarray) else x
    return f"{x + 0.0:.6g}" if isinstance(x, float) else str(x)  # + 0.0 makes a -0 a 0


def a(value):
    """A value's type, in words."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    name = type(value).__name__
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"
