"""What nbgrader does to a submission of ours before it is executed.

Fresh cases are drawn from a seed that no student can know, so that recorded answers earn nothing. Demonstrations, which
earn nothing either, are not run.
"""

import secrets
import tempfile
from functools import cache
from pathlib import Path

from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool

from checks import cases
from grading import notebooks, spec


class FreshCases(NbGraderPreprocessor):
    """Before a submission is executed, draw fresh cases, for the trusted process alone. All submissions of one run get
    the same ones: where several processes grade, each is told the seed.
    """

    beside = Bool(False, help="put them in the submission's folder, where nbgrader's own executor needs them").tag(
        config=True
    )

    def preprocess(self, nb, resources):
        slug = resources["nbgrader"]["assignment"]
        if slug in spec.slugs():
            content = drawn(slug, resources.get("grading", {}).get("seed"))
            resources.setdefault("trusted_files", {})[cases.FILE] = content
            if self.beside:
                (Path(resources["metadata"]["path"]) / cases.FILE).write_bytes(content)
        return nb, resources


class SkipDemos(NbGraderPreprocessor):
    """Run every cell but our demonstrations, whatever tags a submission's cells bear."""

    def preprocess(self, nb, resources):
        slug = resources["nbgrader"]["assignment"]
        demos = demonstrations(slug) if slug in spec.slugs() else ()
        for cell in nb.cells:
            tags = [tag for tag in cell.metadata.pop("tags", []) if tag != "skip-execution"]
            cell.metadata["tags"] = [*tags, "skip-execution"] if cell.source in demos else tags
        return nb, resources


@cache
def built(slug):
    """A set's notebook, not to be changed."""
    return notebooks.build(slug)


@cache
def demonstrations(slug):
    """The sources of the cells of a set that bear the tag demo."""
    return {c.source for c in built(slug).cells if "demo" in c.metadata.get("tags", [])}


@cache
def drawn(slug, seed=None):
    """The bytes of a cases file for grading, drawn once a process."""
    asked = built(slug).metadata["course"]["exercises"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / cases.FILE
        notebooks.write_records(path, slug, asked, secrets.randbits(32) if seed is None else seed, graded=True)
        return path.read_bytes()
