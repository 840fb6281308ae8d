"""Notebooks through preprocessors, as nbgrader's converters take them, with what is the same for all done once."""

import contextlib
import functools
import json
from types import SimpleNamespace

import jsonschema
from nbconvert.exporters.exporter import ResourcesDict
from nbconvert.preprocessors import ExecutePreprocessor
from nbgrader.nbgraderformat import common
from nbgrader.preprocessors import Execute
from traitlets import HasTraits
from traitlets.utils.importstring import import_item

STATELESS = ("grading", "nbconvert", "nbgrader")


def imported(preprocessors):
    """Preprocessors, of which some may be dotted names, as objects."""
    return [import_item(p) if isinstance(p, str) else p for p in preprocessors]


def is_executor(preprocessor):
    """Whether a preprocessor runs notebooks: nbconvert's executor and ours."""
    cls = preprocessor if isinstance(preprocessor, type) else type(preprocessor)
    return issubclass(cls, ExecutePreprocessor) or any(base.__name__ == "TrustedExecute" for base in cls.__mro__)


def chains(converter, executor):
    """(sanitizing preprocessors, those up to the executor, those after it) of a course, with ours in their places.

    executor : "trusted" or "plain"
    """
    from grading.repair import Repair

    sanitize, execute = imported(converter.sanitize_preprocessors), imported(converter.autograde_preprocessors)
    if not any(isinstance(p, type) and issubclass(p, Repair) for p in sanitize):
        sanitize.insert(0, Repair)
    execute = [chosen(p, executor) if is_executor(p) else p for p in execute]
    split = max((i + 1 for i, p in enumerate(execute) if is_executor(p)), default=0)
    return sanitize, execute[:split], execute[split:]


def chosen(preprocessor, executor):
    """The executor in the place of the one that a configuration names."""
    from grading.executor import TrustedExecute

    ours = isinstance(preprocessor, type) and issubclass(preprocessor, TrustedExecute)
    if executor == "plain":
        return Execute if ours else preprocessor
    return preprocessor if ours else TrustedExecute


def resources_of(converter, assignment, student, notebook, folder):
    """What nbgrader tells its preprocessors of a notebook, which lies in folder."""
    names = {"student": student, "assignment": assignment, "notebook": notebook, "db_url": converter.coursedir.db_url}
    return {
        "unique_key": notebook,
        "output_files_dir": f"{notebook}_files",
        "nbgrader": names,
        "metadata": ResourcesDict(str, name=notebook, path=str(folder)),
    }


def convert(converter, preprocessors, nb, resources):
    """A notebook, which is changed, after the preprocessors."""
    exporter, always = exporter_of(converter)
    made = [made_of(p, exporter) if isinstance(p, type) and issubclass(p, HasTraits) else p for p in preprocessors]
    resources = ResourcesDict(str, resources, output_extension=".ipynb")
    with examined_once():
        for preprocessor in [*(cls(parent=exporter, enabled=True) for cls in always), *made]:
            nb, resources = preprocessor(nb, resources)
    return nb


def made_of(cls, exporter):
    """A preprocessor of a class. A course's own is new for every notebook, for it may remember the one before."""
    return kept(cls, exporter) if cls.__module__.partition(".")[0] in STATELESS else cls(parent=exporter)


@functools.lru_cache(maxsize=64)
def kept(cls, exporter):
    """made_of, where nothing is remembered."""
    return cls(parent=exporter)


@functools.lru_cache(maxsize=1)
def exporter_of(converter):
    """(the exporter of a converter, the classes of nbconvert's own preprocessors that its configuration enables)."""
    exporter = converter.exporter_class(parent=converter, config=converter.config)
    return exporter, [type(p) for p in exporter._preprocessors if p.enabled]


@contextlib.contextmanager
def examined_once():
    """For the time, nbgrader validates its metadata against its schema without examining the schema for every cell."""
    before, common.jsonschema = common.jsonschema, SimpleNamespace(validate=validate)
    try:
        yield
    finally:
        common.jsonschema = before


def validate(instance, schema):
    """jsonschema.validate."""
    error = fault(*map(json.dumps, (instance, schema)))
    if error is not None:
        raise error


@functools.lru_cache(maxsize=4096)  # a class's cells have the same metadata
def fault(instance, schema):
    """What is wrong with an instance of a schema, both JSON texts; None for nothing."""
    return jsonschema.exceptions.best_match(validator(schema).iter_errors(json.loads(instance)))


@functools.lru_cache
def validator(text):
    """The validator of a schema, given as JSON text, once it is examined."""
    schema = json.loads(text)
    cls = jsonschema.validators.validator_for(schema)
    cls.check_schema(schema)
    return cls(schema)
