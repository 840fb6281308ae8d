"""What an instructor runs: builds the notebooks, draws the cases, grades a class."""
