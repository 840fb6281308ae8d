"""Write a set's source folder, and let nbgrader make the students' copy of it in exercises/.

python -m grading.release [SET ...]
"""

import contextlib
import shutil
import sys

import nbformat
import numpy as np

from checks import cases
from grading import notebooks, sources, spec

RELEASED = spec.ROOT / "exercises"


def write_set(slug):
    """Everything nbgrader's source folder of a set holds: the notebook, given.py, cases.npz and the set's data."""
    folder = spec.SOLUTIONS / slug
    module = spec.load(slug)
    notebook = notebooks.build(slug)
    nbformat.write(notebook, folder / f"{slug}.ipynb")
    title = f"What set {int(slug[2:4])} gives you, from the course's reference implementation."
    (folder / "given.py").write_text(sources.standalone(module.GIVEN, title), encoding="utf-8")
    notebooks.write_records(folder / cases.FILE, slug, notebook.metadata["course"]["exercises"], spec.RECORDED)
    for name, make in getattr(module, "DATA", {}).items():
        with open(folder / name, "wb") as file:
            make(file)
    for path in folder.glob("*.npz"):  # where the content is what it was, so is every byte, on any machine
        released = RELEASED / slug / path.name
        if released.exists() and same_arrays(slug, released, path):
            shutil.copyfile(released, path)


def hand_out(names, folder=RELEASED):
    """Let nbgrader make the students' copies in folder, and enter the sets in the gradebook of the class."""
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import PyFileConfigLoader

    config = PyFileConfigLoader("nbgrader_config.py", path=str(spec.ROOT)).load_config()
    config.GenerateAssignment.force = True
    config.CourseDirectory.root = str(spec.ROOT)
    config.CourseDirectory.release_directory = str(folder)
    api = NbGraderAPI(config=config)
    for slug in names:
        result = api.generate_assignment(slug)
        if not result["success"]:
            raise spec.SpecError(f"nbgrader could not release {slug}:\n{result['log']}")


def release(names):
    """Make the students' copies in exercises/."""
    for slug in names:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(RELEASED / slug)
        hand_out([slug])


def same_arrays(slug, one, other):
    """Whether two npz files of a set hold the same, up to the rounding that differs between machines.

    A set's ROUNDING names the files that record rounding errors, which are alike within a factor of ten.
    """
    with np.load(one) as a, np.load(other) as b:
        if a.files != b.files:
            return False
        if other.name in getattr(spec.load(slug), "ROUNDING", ()):
            return all(np.allclose(np.log10(a[k]), np.log10(b[k]), rtol=0, atol=1) for k in a.files)
        if "json" not in a.files:
            return all(alike(a[k], b[k]) for k in a.files)
    return alike(cases.load(one), cases.load(other))


def alike(a, b):
    """Whether two sets of records are the same up to rounding."""
    if isinstance(a, cases.Given):
        return isinstance(b, cases.Given) and a.name == b.name and alike(a.arguments, b.arguments)
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(alike(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(alike, a, b))
    if isinstance(a, np.ndarray | float):
        a, b = np.asarray(a), np.asarray(b)
        if a.dtype != b.dtype or a.shape != b.shape:
            return False
        if a.dtype.kind not in "fc":
            return np.array_equal(a, b)
        rtol, atol = (1e-9, 1e-12) if a.real.dtype == np.float64 else (1e-5, 1e-6)
        return np.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True)
    return a == b


def main(names):
    try:
        for slug in names:
            write_set(slug)
        release(names)
    except (spec.SpecError, sources.SourceError) as error:
        sys.exit(str(error))
    for slug in names:
        print(f"exercises/{slug}")


if __name__ == "__main__":
    main(sys.argv[1:] or spec.slugs())
