"""What an instructor runs: builds the notebooks, draws the cases, grades a class."""

import sys

sys.modules.setdefault("rfc3987_syntax", None)  # jsonschema would take seconds to load it, for what no notebook has
