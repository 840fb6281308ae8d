"""Fresh cases for grading: drawn from a seed that no student can know, so that recorded answers earn nothing."""

import secrets
from functools import cache
from pathlib import Path

from nbgrader.preprocessors import NbGraderPreprocessor

from checks import cases
from grading import notebooks, spec


class FreshCases(NbGraderPreprocessor):
    """Before a submission is executed, put fresh cases in its folder. All submissions of one run get the same ones."""

    def preprocess(self, nb, resources):
        slug = resources["nbgrader"]["assignment"]
        if slug in spec.slugs():
            path = Path(resources["metadata"]["path"]) / cases.FILE
            path.write_bytes(drawn(slug))
        return nb, resources


@cache
def drawn(slug, seed=None):
    """The bytes of a cases file for grading, drawn once a process."""
    import tempfile

    asked = notebooks.build(slug).metadata["course"]["exercises"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / cases.FILE
        notebooks.write_records(path, slug, asked, secrets.randbits(32) if seed is None else seed, graded=True)
        return path.read_bytes()
