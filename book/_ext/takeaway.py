"""A chapter as a notebook to take away: what only Sphinx can show becomes Markdown that Jupyter shows."""

import json
import re
from ast import literal_eval

import nbformat
import yaml
from sphinx.directives.code import LiteralIncludeReader

RUNS = """This chapter as a notebook. Its figures and models are the course's own code. In a clone of the
repository{where}, install it once: `pip install -r .binder/requirements.txt -e .`.
The notebook then runs in any folder."""


def notebook(executed, source, app):
    """The chapter's cells without their outputs.

    executed : the path of the notebook myst-nb wrote, its glued values beside it
    source : the path of the chapter
    """
    glued = executed.with_suffix(".glue.json")
    values = json.loads(glued.read_text(encoding="utf-8")) if glued.exists() else {}
    made = nbformat.read(executed, as_version=4)
    for cell in made.cells:
        cell.metadata.pop("mystnb", None)
        if cell.cell_type == "markdown":
            cell.source = plain(cell.source, values, source, app.config)
        else:
            cell.outputs, cell.execution_count = [], None
    url = app.config.html_theme_options.get("repository_url")
    runs = RUNS.format(where=f" ({url})" if url else "")
    made.cells = [nbformat.v4.new_markdown_cell(runs, id="how-it-runs"), *(c for c in made.cells if c.source.strip())]
    made.metadata = {key: made.metadata[key] for key in ("kernelspec", "language_info") if key in made.metadata}
    return nbformat.writes(made) + "\n"


def plain(text, values, source, config):
    """MyST to Markdown: values, terms, listings and questions written out; labels and links between pages left out."""

    def block(match):
        name, argument, body = match["name"], match["argument"].strip(), match["body"]
        if name == "literalinclude":
            options = dict(re.findall(r"^:([\w-]+): *(.*)$", body, re.M))
            lines = LiteralIncludeReader(str(source.parent / argument), options, config).read()[0]
            return f"```python\n{lines.rstrip()}\n```"
        return questions(yaml.safe_load(body)) if name == "quiz" else f"The exercises: `exercises/{argument}`."

    def value(match):
        name, _, form = match[1].partition(":")
        return format(literal_eval(values[name]["data"]["text/plain"]), form)

    text = re.sub(
        r"^(?P<fence>```+)\{(?P<name>literalinclude|quiz|set)\}(?P<argument>.*)\n(?P<body>(?s:.*?))^(?P=fence)$",
        block,
        text,
        flags=re.M,
    )
    text = re.sub(r"\{glue:text\}`([^`]+)`", value, text)
    text = re.sub(r"\{term\}`([^`<]+?)(?: *<[^`>]*>)?`", r"\1", text)
    text = re.sub(r"^\([\w-]+\)=\n", "", text, flags=re.M)
    return re.sub(r"\[([^\]]+)\]\((?!https?:)[^)\s]*\)", r"\1", text)


def questions(quiz):
    """A quiz as Markdown: each option opens to its reason."""
    lines = []
    for number, question in enumerate(quiz, 1):
        lines += [f"{number}. {question['question']}", ""]
        for option in question["options"]:
            word = "Right." if option.get("right") else "No."
            lines += [f"<details><summary>{option['text']}</summary>\n\n**{word}** {option['why']}\n\n</details>\n"]
    return "\n".join(lines)
