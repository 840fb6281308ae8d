"""What a student imports: `check(name, answer)` says what is right, what is not, and where to look. NumPy only."""

from checks.judge import check

__all__ = ["check"]
__version__ = "0.1.0"
