"""Fixtures of the tests of grading."""

from small import course, postgres, released_course

__all__ = ["course", "postgres", "released_course"]
