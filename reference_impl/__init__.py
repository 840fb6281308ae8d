"""The NumPy reference implementation: what the book lists, the exercises ask for and the graders compare with."""
