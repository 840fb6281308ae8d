"""The solved sets as a part of the book, for those who learn alone.  (make book SOLUTIONS=1)

Copies the solved notebooks, without nbgrader's marks, to book/solved/, and writes a table of contents that lists them.
"""

import shutil

import nbformat
import yaml

from grading import spec

PAGES = spec.ROOT / "book" / "solved"
TOC = spec.ROOT / "_build" / "toc_solutions.yml"


def main():
    shutil.rmtree(PAGES, ignore_errors=True)
    pages = []
    for slug in spec.slugs():
        source = spec.SOLUTIONS / slug
        shutil.copytree(
            source, PAGES / slug, ignore=shutil.ignore_patterns("*.md", "spec.py", "*.ipynb", "__pycache__")
        )
        notebook = nbformat.read(source / f"{slug}.ipynb", as_version=4)
        notebook.cells[0].source = notebook.cells[0].source.replace("# Set", "# Solved: set", 1)
        for cell in notebook.cells:
            cell.source = "\n".join(
                line for line in cell.source.splitlines() if "### BEGIN" not in line and "### END" not in line
            )
        nbformat.write(notebook, PAGES / slug / f"{slug}.ipynb")
        pages.append({"file": f"book/solved/{slug}/{slug}"})
    toc = yaml.safe_load((spec.ROOT / "_toc.yml").read_text())
    toc["parts"].append({"caption": "Solved sets", "chapters": pages})
    TOC.parent.mkdir(exist_ok=True)
    TOC.write_text(yaml.safe_dump(toc, sort_keys=False, allow_unicode=True))


if __name__ == "__main__":
    main()
