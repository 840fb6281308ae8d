"""nbgrader for this course: every nbgrader command run in this folder reads it."""

import os
import sys
from pathlib import Path

import nbgrader.preprocessors as pp
from nbconvert.preprocessors import ClearMetadataPreprocessor

from grading.fresh import FreshCases
from grading.notebooks import ReleaseSource

c = get_config()  # noqa: F821

Path("class").mkdir(exist_ok=True)  # everything of the class lives there, the gradebook too
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # nbgrader starts alembic by name

c.CourseDirectory.course_id = "neuron"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"
c.CourseDirectory.submitted_directory = "class/submitted"
c.CourseDirectory.autograded_directory = "class/autograded"
c.CourseDirectory.feedback_directory = "class/feedback"
c.CourseDirectory.db_url = "sqlite:///class/gradebook.db"
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "*.md", "spec.py"]

# A repair is handed out broken, an answer empty: after nbgrader has taken the solutions out.
c.GenerateAssignment.preprocessors = [
    pp.IncludeHeaderFooter,
    pp.LockCells,
    pp.ClearSolutions,
    ReleaseSource,
    pp.ClearOutput,
    pp.CheckCellMetadata,
    pp.ComputeChecksums,
    pp.SaveCells,
    pp.ClearHiddenTests,
    pp.ClearMarkScheme,
    pp.ComputeChecksums,
    pp.CheckCellMetadata,
]
c.ClearSolutions.code_stub = {"python": "raise NotImplementedError"}

# Every submission is graded on cases no student has seen.
c.Autograde.autograde_preprocessors = [
    FreshCases,
    pp.Execute,
    pp.IgnorePattern,
    ClearMetadataPreprocessor,
    pp.LimitOutput,
    pp.SaveAutoGrades,
    pp.AssignLatePenalties,
    pp.CheckCellMetadata,
]
c.ExecutePreprocessor.timeout = 120  # seconds for one cell; the checks stop an endless loop long before
c.ExecutePreprocessor.interrupt_on_timeout = True
