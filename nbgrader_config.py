"""nbgrader for this course: every nbgrader command run in this folder reads it."""

import os
import sys
from pathlib import Path

import nbgrader.preprocessors as pp
from nbconvert.preprocessors import ClearMetadataPreprocessor

from grading.executor import TrustedExecute
from grading.fresh import FreshCases, SkipDemos
from grading.notebooks import ReleaseSource
from grading.repair import Repair

c = get_config()  # noqa: F821

CLASS = os.environ.get("COURSE_CLASS", "class")  # everything of a class lives there, the gradebook too
Path(CLASS).mkdir(parents=True, exist_ok=True)
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # nbgrader starts alembic by name

c.CourseDirectory.course_id = "neuron"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"
c.CourseDirectory.submitted_directory = f"{CLASS}/submitted"
c.CourseDirectory.autograded_directory = f"{CLASS}/autograded"
c.CourseDirectory.feedback_directory = f"{CLASS}/feedback"
c.CourseDirectory.db_url = f"sqlite:///{CLASS}/gradebook.db"
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

# What students hand in is first made whole again.
c.Autograde.sanitize_preprocessors = [
    Repair,
    pp.ClearOutput,
    pp.DeduplicateIds,
    pp.OverwriteKernelspec,
    pp.OverwriteCells,
    pp.CheckCellMetadata,
]

# Every submission is graded on cases no student has seen, in a sandbox; demonstrations are not run.
c.Autograde.autograde_preprocessors = [
    FreshCases,
    SkipDemos,
    TrustedExecute,
    pp.IgnorePattern,
    ClearMetadataPreprocessor,
    pp.LimitOutput,
    pp.SaveAutoGrades,
    pp.AssignLatePenalties,
    pp.CheckCellMetadata,
]
c.TrustedExecute.timeout = 90  # seconds for one cell; a check stops an endless loop long before
c.TrustedExecute.learn = False  # `check` asks for plain values alone
c.ExecutePreprocessor.timeout = 90  # where plain `Execute` is used, as for a comparison
c.ExecutePreprocessor.interrupt_on_timeout = True

c.GenerateFeedback.exporter_class = "grading.feedback.PageExporter"

# How Canvas names the files of a download: lovelaceada_LATE_4711_90210_ch08_backprop-1.ipynb is of student 4711.
c.FileNameCollectorPlugin.named_regexp = r".*/[^/_]+_(LATE_)?(?P<student_id>\d+)_\d+_(?P<file_id>ch\d\d_[a-z_]+)"
