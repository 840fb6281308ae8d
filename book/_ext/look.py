"""What the site's look is made of: a head for every chapter, the map of the course, doors, and tables of defaults."""

import importlib
import inspect
import re
import zlib
from html import escape
from itertools import pairwise
from pathlib import Path

import yaml
from docutils import nodes
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parents[2]
ROMAN = ["I", "II", "III", "IV", "V", "VI"]
CHAPTER = re.compile(r"ch(\d\d)_\w+")
NUMBER = re.compile(r"\$?\d")


# Formulas -------------------------------------------------------------------------------------------------------------


class kept(nodes.inline):
    """A formula and what touches it: no line begins with its comma, or ends with its bracket."""


class Keep(SphinxPostTransform):
    """A browser breaks lines on both sides of a formula, whatever stands there: punctuation is kept with it."""

    default_priority = 900

    def run(self, **kwargs):
        for formula in list(self.document.findall(nodes.math)):
            before, after = touching(formula, -1, r"[^\s\w]*\S\Z"), touching(formula, 1, r"^\S[^\s\w]*")
            if before or after:
                group = kept()
                formula.replace_self(group)
                group += [nodes.Text(before), formula, nodes.Text(after)]


def touching(formula, side, pattern):
    """What touches a formula on one side, without a space between; it is taken out of the text there."""
    parent = formula.parent
    place = parent.index(formula) + side
    text = parent[place] if 0 <= place < len(parent) else None
    found = re.search(pattern, text) if isinstance(text, nodes.Text) else None
    if found:
        parent[place] = nodes.Text(text[: found.start()] + text[found.end() :])
    return found[0] if found else ""


def visit_kept(translator, node):
    node.start = len(translator.body)


def depart_kept(translator, node):
    """Between its own parts a formula may still break."""
    inner = "".join(translator.body[node.start :])
    inner = inner.replace('</span><span class="base">', '</span><wbr><span class="base">')
    translator.body[node.start :] = [f'<span class="kept">{inner}</span>']


# Chapters -------------------------------------------------------------------------------------------------------------


class ChapterHead(SphinxTransform):
    """The two paragraphs under a chapter's title, its question and what it takes and gives, set as its head."""

    default_priority = 800

    def apply(self, **kwargs):
        chapter = CHAPTER.fullmatch(self.env.docname.rsplit("/", 1)[-1])
        title = next(self.document.findall(nodes.title), None)
        if not chapter or title is None:
            return
        question, facts = title.parent[1:3]
        asked, told = next(question.findall(nodes.strong), None), next(facts.findall(nodes.emphasis), None)
        if not (asked and told):
            raise ValueError(f"{self.env.docname} wants its question and its minutes under the title")
        question["classes"].append("chapter-question")
        question.children = asked.children
        minutes, need, able = split(told.children)
        rows = [("Time", minutes), ("You need", need), ("You will be able to", able)]
        head = nodes.container(classes=["chapter-facts"])
        for name, content in rows:
            head += nodes.paragraph(
                "", "", nodes.inline("", name, classes=["chapter-fact"]), nodes.inline("", "", *content)
            )
        facts.replace_self(head)


def split(children):
    """“40 minutes. You need … At the end you can …” in its three parts, links and all."""
    parts, current, runs = [[], [], []], 0, []
    for child in children:  # a line's end is a node of its own
        if isinstance(child, nodes.Text) and runs and isinstance(runs[-1], str):
            runs[-1] += str(child)
        else:
            runs.append(str(child) if isinstance(child, nodes.Text) else child.deepcopy())
    for run in runs:
        pieces = (
            re.split(r"(?:^|\.\s+)You\s+need\s+|\s*At\s+the\s+end\s+you\s+can\s+", run)
            if isinstance(run, str)
            else [run]
        )
        for i, piece in enumerate(pieces):
            current += i > 0
            if piece:
                parts[current].append(nodes.Text(piece) if isinstance(piece, str) else piece)
    if current != 2:
        raise ValueError("a chapter's head reads: *N minutes. You need … At the end you can …*")
    for part in parts:
        if isinstance(part[-1], nodes.Text):
            part[-1] = nodes.Text(part[-1].rstrip().rstrip("."))
    return parts


def course():
    """[(part, [(slug or None, title, question)])], from course.yml and the chapters that are there."""
    for part in yaml.safe_load((Path(__file__).parent / "course.yml").read_text(encoding="utf-8")):
        chapters = []
        for chapter in part["chapters"]:
            if isinstance(chapter, str):
                text = (ROOT / "book" / f"{chapter}.md").read_text(encoding="utf-8")
                chapters.append((chapter, *re.search(r"^# \d+\. (.*)\n\n\*\*(.*)\*\*$", text, re.M).groups()))
            else:
                chapters.append((None, *next(iter(chapter.items()))))
        yield part["part"], chapters


class Map(SphinxDirective):
    """The course as a picture: its parts are the layers of a network, its chapters the units."""

    def run(self):
        parts = list(course())
        self.env.note_dependency(str(Path(__file__).parent / "course.yml"))
        for slug in (slug for _, chapters in parts for slug, *_ in chapters if slug):
            self.env.note_dependency(str(ROOT / "book" / f"{slug}.md"))
        tall, number, html, places = max(len(chapters) for _, chapters in parts), 0, "", []
        for i, (part, chapters) in enumerate(parts):
            top = (tall - len(chapters)) / 2
            places.append([((i + 0.5) / len(parts), (top + j + 0.3) / tall) for j in range(len(chapters))])
            units = ""
            for slug, title, question in chapters:
                number += 1
                inner = (
                    f'<span class="map-unit">{number}</span><span class="map-name">{escape(title)}</span>'
                    f'<span class="map-question">{escape(question)}</span>'
                )
                units += (
                    f'<li><a data-chapter="{slug}" href="{slug}.html">{inner}</a></li>'
                    if slug
                    else f'<li><span class="map-planned">{inner}<span class="map-soon">planned</span></span></li>'
                )
            html += f'<li class="map-part"><p>{ROMAN[i]} · {escape(part)}</p><ol>{units}</ol></li>'
        lines = "".join(
            f'<line x1="{1000 * x1:.0f}" y1="{1000 * y1:.0f}" x2="{1000 * x2:.0f}" y2="{1000 * y2:.0f}"/>'
            for left, right in pairwise(places)
            for x1, y1 in left
            for x2, y2 in right
        )
        picture = f'<svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true">{lines}</svg>'
        html = f'<div class="course-map" style="--tall:{tall}">{picture}<ol class="map-parts">{html}</ol></div>'
        return [nodes.raw("", html, format="html")]


class Doors(SphinxDirective):
    """Ways into the course. The body is YAML: a list of {title, text, to: page or "#label", go: what the link says}."""

    has_content = True

    def run(self):
        doors = nodes.container(classes=["doors"])
        for door in yaml.safe_load("\n".join(self.content)):
            link = door["to"] if door["to"].startswith("#") else f"{door['to']}.html"
            text, _ = self.state.inline_text(door["text"], self.lineno)
            go = f'<a class="door-go" href="{link}">{escape(door["go"])}</a>'
            head = nodes.paragraph("", door["title"], classes=["door-title"])
            doors += nodes.container(
                "", head, nodes.paragraph("", "", *text), nodes.raw("", go, format="html"), classes=["door"]
            )
        return [doors]


class Defaults(SphinxDirective):
    """A table of arguments and the values that the reference implementation gives them.

    The body is YAML: a list of {of: module.function, name: argument, what: text, chapter: slug}. Texts are MyST.
    """

    has_content = True

    def run(self):
        rows = [(["what", "in code", "default", "of"], True)]
        for entry in yaml.safe_load("\n".join(self.content)):
            module, name = entry["of"].split(".")
            module = importlib.import_module(f"reference_impl.{module}")
            self.env.note_dependency(module.__file__)
            arguments = inspect.signature(getattr(module, name)).parameters
            if entry["name"] not in arguments:
                raise self.error(f"{entry['of']} has no argument {entry['name']}")
            value = arguments[entry["name"]].default
            shown = "to be chosen" if value is inspect.Parameter.empty else written(value)
            rows.append(([entry["what"], f"`{entry['name']}`", shown, f"`{entry['of']}`"], False))
        return [self.table(rows)]

    def table(self, rows):
        group = nodes.tgroup(cols=len(rows[0][0]))
        group += [nodes.colspec(colwidth=1) for _ in rows[0][0]]
        head, body = nodes.thead(), nodes.tbody()
        numbers = [all(NUMBER.match(cell) for cell in column[1:]) for column in zip(*(r for r, _ in rows), strict=True)]
        for cells, is_head in rows:
            row = nodes.row()
            for cell, right in zip(cells, numbers, strict=True):
                found, _ = self.state.inline_text(cell, self.lineno)
                row += nodes.entry("", nodes.paragraph("", "", *found), classes=["number"] * right)
            (head if is_head else body).append(row)
        group += [head, body]
        return nodes.table("", group)


def written(value):
    """A default as people write it."""
    if isinstance(value, tuple):
        return ", ".join(written(v) for v in value)
    if value is None:
        return "none"
    mantissa, _, exponent = f"{value:g}".partition("e")
    return (
        f"${'' if mantissa == '1' else mantissa + chr(92) + 'cdot '}10^{{{int(exponent)}}}$" if exponent else mantissa
    )


class Rows(Defaults):
    """The rows of table 2.1 as the reference implementation has them."""

    has_content = False

    def run(self):
        scale = importlib.import_module("reference_impl.scale")
        self.env.note_dependency(scale.__file__)
        names = ["parameters", "layers", "width", "heads", "width of a head", "tokens a batch", "learning rate"]
        rows = [(["model", *names], True)]
        for model, row in scale.GPT3_PRINTED.items():
            numbers = [row.n_params, row.n_layer, row.n_embd, row.n_head, row.d_head, row.batch_size]
            shown = [f"{n / 1e9:g} B" if n >= 1e9 else f"{n / 1e6:g} M" if n >= 1e5 else f"{n:,}" for n in numbers]
            rows.append(([model, *shown, written(row.lr)], False))
        return [self.table(rows)]


class Runs(Defaults):
    """The real training runs of `python -m reference_impl.recipes`, with what was chosen for each."""

    has_content = False

    def run(self):
        recipes = importlib.import_module("reference_impl.recipes")
        self.env.note_dependency(recipes.__file__)
        names = ["run", "updates", "examples an update", "learning rate $\\eta$", "updates of warm-up"]
        rows = [([*names, "weight decay $\\lambda$"], True)]
        for name, recipe in recipes.RECIPES.items():
            run, what = recipe(), re.split(r"[:,] |\.$", inspect.getdoc(recipe))[0]
            numbers = [run.recipe.n_steps, len(next(run.batches)[0]), run.recipe.lr, run.recipe.n_warmup]
            shown = [written(number) for number in [*numbers, run.recipe.weight_decay]]
            rows.append(([f"`{name}`: {what[0].lower()}{what[1:]}", *shown], False))
        return [self.table(rows)]


def setup(app):
    app.add_transform(ChapterHead)
    app.add_post_transform(Keep)
    app.add_node(kept, html=(visit_kept, depart_kept))
    app.add_directive("course-map", Map)
    app.add_directive("doors", Doors)
    app.add_directive("defaults", Defaults)
    app.add_directive("gpt3-rows", Rows)
    app.add_directive("recipes", Runs)
    files = [Path(__file__), *(Path(__file__).with_name(name) for name in ("drawings.py", "course.yml"))]
    version = zlib.crc32(b"".join(file.read_bytes() for file in files))  # pages are made again when these change
    return {"env_version": version, "parallel_read_safe": True, "parallel_write_safe": True}
