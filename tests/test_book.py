"""The chapters as text: they give no exercise away, and everything they and the sets speak of is there.

Chapters and sets are found in their folders, so that these tests hold for the next one on the day it appears.
"""

import ast
import re
from functools import cache
from pathlib import Path

import jupytext
import pytest
import yaml

from grading import spec

ROOT = Path(__file__).parent.parent
CHAPTERS = sorted(path.stem for path in (ROOT / "book").glob("ch*.md"))
SETS = spec.slugs()
SECTIONS = ["What you can do now", "Pitfalls", "Check yourself", "Exercises", "Sources and further watching"]

every_chapter = pytest.mark.parametrize("slug", CHAPTERS)
every_page = pytest.mark.parametrize("page", sorted(path.stem for path in (ROOT / "book").glob("*.md")))


# A chapter, taken apart -----------------------------------------------------------------------------------------------


def text_of(page):
    return (ROOT / "book" / f"{page}.md").read_text(encoding="utf-8")


@cache
def code_cells(page):
    """A chapter's code cells, with what is said of them in metadata."""
    return [cell for cell in jupytext.reads(text_of(page), fmt="md:myst").cells if cell.cell_type == "code"]


def directives(page, name):
    """[(argument, options, body)] of every ```{name} directive."""
    found = re.findall(rf"^(`{{3,}}|:{{3,}})\{{{name}\}}[ \t]*(.*)\n((?:.*\n)*?)\1[ \t]*$", text_of(page), re.M)
    for _, argument, content in found:
        options = dict(re.findall(r"^:([\w-]+):[ \t]*(.*)$", content, re.M))
        yield argument.strip(), options, re.sub(r"^:[\w-]+:.*\n", "", content, flags=re.M)


def headings(page):
    """[(level, heading)], code and directives left out."""
    text = re.sub(r"^(`{3,}|:{3,}).*\n(?:.*\n)*?\1[ \t]*$", "", text_of(page), flags=re.M)
    return [(len(marks), heading.strip()) for marks, heading in re.findall(r"^(#+) (.*)$", text, re.M)]


def calls(page):
    """Every call in a chapter's cells: [(cell, node)]."""
    return [
        (cell, node)
        for cell in code_cells(page)
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Call)
    ]


# Chapters and sets ----------------------------------------------------------------------------------------------------


def test_there_are_chapters_and_sets():
    assert CHAPTERS and SETS


@pytest.mark.parametrize("slug", [slug for slug in SETS if slug in CHAPTERS])
def test_the_section_to_read_again_is_a_heading_of_the_chapter(slug):
    found = {heading for _, heading in headings(slug)}
    for e in spec.load(slug).EXERCISES:
        assert set(e.section.values() if isinstance(e.section, dict) else [e.section]) <= found, e.name


@every_chapter
def test_a_chapter_ends_as_all_chapters_do(slug):
    second = [heading for level, heading in headings(slug) if level == 2]
    assert second[-len(SECTIONS) :] == SECTIONS


@every_chapter
def test_a_chapter_has_one_title_with_its_number_and_a_question_under_it(slug):
    assert [level for level, _ in headings(slug)].count(1) == 1
    assert headings(slug)[0][1].startswith(f"{int(slug[2:4])}. ")
    assert re.search(r"^# .*\n\n\*\*.*\?\*\*\n\n\*\d+ minutes\.", text_of(slug), re.M)


@every_chapter
def test_a_chapter_leads_to_its_own_set(slug):
    assert [argument for argument, *_ in directives(slug, "set")] == [slug]


@every_chapter
def test_a_chapter_is_in_the_table_of_contents(slug):
    assert f"file: book/{slug}\n" in (ROOT / "_toc.yml").read_text(encoding="utf-8")


# No answer is given away ----------------------------------------------------------------------------------------------


def asked_from(slug):
    """{function's name: set} that a set or a later one asks for."""
    return {e.reference.__name__: later for later in SETS if later[:4] >= slug[:4] for e in spec.asked(later).values()}


def repairs(slug):
    """The functions of a set's own that it hands out broken."""
    return {e.reference.__name__ for e in spec.load(slug).EXERCISES if getattr(e, "broken", None)}


@every_chapter
def test_a_chapter_lists_no_function_that_its_own_or_a_later_set_asks_for(slug):
    for argument, options, _ in directives(slug, "literalinclude"):
        assert "pyobject" in options, f"{argument} is listed whole"
        assert options["pyobject"].split(".")[0] not in asked_from(slug)


@every_chapter
def test_a_listing_fits_the_page(slug):
    """At 1440 px a line of code has room for 85 characters."""
    for argument, options, _ in directives(slug, "literalinclude"):
        source = (ROOT / "book" / argument).read_text(encoding="utf-8")
        scope = ast.parse(source).body
        for name in options["pyobject"].split("."):
            node = next(node for node in scope if getattr(node, "name", "") == name)
            scope = getattr(node, "body", [])
        last = int(options.get("lines", "-").split("-")[-1] or node.end_lineno - node.lineno + 1)
        lines = source.splitlines()[node.lineno - 1 : node.lineno - 1 + last]
        assert not [line for line in lines if len(line) > 85], argument


@every_chapter
def test_a_chapter_defines_no_function_that_a_set_asks_for(slug):
    """Not in a cell, nor in a block of code that is only to be read; neither by def nor by lambda."""
    secret = {*asked_from(slug), *(repairs(slug) if slug in SETS else ())}
    defined = re.findall(r"\bdef (\w+)\(|\b(\w+) = lambda\b", text_of(slug))
    assert not secret & {name for pair in defined for name in pair}


@pytest.mark.parametrize("path", sorted(ROOT.glob("exercises/*/given.py")), ids=lambda path: path.parent.name)
def test_no_set_is_given_what_it_or_a_later_one_asks_for(path):
    nodes = ast.parse(path.read_text(encoding="utf-8")).body
    given = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    assert given or not spec.load(path.parent.name).GIVEN
    assert not given & {*asked_from(path.parent.name), *repairs(path.parent.name)}


def test_what_a_set_asks_for_is_hidden_from_its_chapter():
    """The tests above are about something: set 8 asks for five functions, and chapter 2 hides these too."""
    assert {"linear_backward", "mlp_backward"} <= asked_from("ch08_backprop").keys()
    assert {"linear_forward", "linear_backward"} <= asked_from("ch02_layers").keys()
    assert "linear_forward" not in asked_from("ch08_backprop")
    assert "scale_shift_backward" in repairs("ch08_backprop")


# Numbers in the prose -------------------------------------------------------------------------------------------------


def glued(page):
    """Names that a chapter's cells give: note(name=…) or glue("name", …)."""
    for _, call in calls(page):
        match call:
            case ast.Call(func=ast.Name("note"), keywords=keywords):
                yield from (keyword.arg for keyword in keywords)
            case ast.Call(func=ast.Name("glue"), args=[ast.Constant(name), *_]):
                yield name


def used(page):
    """Names that a chapter's prose uses: {glue:text}`name:.1f` or a {glue} block."""
    inline = re.findall(r"\{glue(?::\w*)?\}`([^`]+)`", text_of(page))
    blocks = [
        argument for kind in ("", ":", ":figure", ":text", ":math") for argument, *_ in directives(page, "glue" + kind)
    ]
    return {name.split(":")[0].strip() for name in inline + blocks}


@every_page
def test_every_number_in_the_prose_is_given_by_a_cell(page):
    assert not used(page) - set(glued(page))


@every_page
def test_every_number_is_given_once(page):
    names = list(glued(page))
    assert len(names) == len(set(names))


def test_a_number_that_is_used_is_seen_however_it_is_formatted(monkeypatch):
    page = "{glue:text}`one:.1%`, {glue:}`two`, {glue}`worst share`\n\n```{glue:figure} three\n:name: x\n```\n"
    monkeypatch.setitem(globals(), "text_of", lambda _: page)
    assert used("any") == {"one", "two", "worst share", "three"}


# Quizzes --------------------------------------------------------------------------------------------------------------


@every_chapter
def test_a_quiz_has_five_questions_or_more_and_explains_every_option(slug):
    ((_, _, body),) = directives(slug, "quiz")
    questions = yaml.safe_load(body)
    assert len(questions) >= 5
    for question in questions:
        assert question.keys() == {"question", "options"}
        texts = [str(option["text"]).strip() for option in question["options"]]
        assert len(set(texts)) == len(texts) >= 3, question["question"]
        assert all(texts) and all(option["why"].strip() for option in question["options"]), question["question"]
        assert [option.get("right") for option in question["options"]].count(True) == 1, question["question"]


@every_chapter
def test_the_right_answer_is_not_always_in_the_same_place(slug):
    ((_, _, body),) = directives(slug, "quiz")
    places = {[bool(o.get("right")) for o in question["options"]].index(True) for question in yaml.safe_load(body)}
    assert len(places) > 1


# Pictures -------------------------------------------------------------------------------------------------------------


@cache
def figures(module):
    """What the functions of a module of book/figures make: {name: "axes" | "play" | "other"}."""
    tree = ast.parse((ROOT / "book" / "figures" / f"{module}.py").read_text(encoding="utf-8"))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    reads = {name: {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} for name, node in functions.items()}
    made = {name: "play" if "Play" in ids else "axes" if "plt" in ids else "other" for name, ids in reads.items()}
    for _ in functions:  # whoever calls what draws, draws
        made |= {
            n: "axes" for n, ids in reads.items() if made[n] == "other" and any(made.get(i) == "axes" for i in ids)
        }
    return made


def drawing_cells(page):
    """The cells that draw with matplotlib, by a figure of the book or themselves."""
    modules = {path.stem for path in (ROOT / "book" / "figures").glob("*.py")}
    for cell, call in calls(page):
        match call.func:
            case ast.Attribute(ast.Name("plt")):
                yield cell
            case ast.Attribute(ast.Name(module), name) if module in modules and figures(module)[name] == "axes":
                yield cell


@every_page
def test_every_figure_says_in_words_what_it_shows(page):
    for cell in drawing_cells(page):
        notebook = cell.metadata.get("mystnb", {})
        alt, caption = notebook.get("image", {}).get("alt", ""), notebook.get("figure", {}).get("caption", "")
        assert len(alt) > 40, cell.source
        assert len(caption) > 20 and caption != alt, cell.source


@every_page
def test_every_image_has_alt_text(page):
    assert not re.findall(r"!\[\s*\]\(", text_of(page))
    for kind in ("image", "figure"):
        for argument, options, _ in directives(page, kind):
            assert options.get("alt"), argument


def test_every_playable_figure_has_a_title_and_says_what_there_is_to_see():
    found = 0
    for path in (ROOT / "book" / "figures").glob("ch*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name("Play"), args=[ast.Constant(script), ast.Constant(title), summary]):
                    found += 1
                    assert (path.parent / script).exists()
                    assert title and isinstance(summary, ast.Constant | ast.JoinedStr), path.name
                    assert len(ast.unparse(summary)) > 60, path.name
                case ast.Call(func=ast.Name("Play")):
                    pytest.fail(f"{path.name}:{node.lineno}: Play wants a script, a title and a summary")
    assert found
