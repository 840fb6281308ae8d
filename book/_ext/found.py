"""What a reader finds: the names that search looks up before the text, and a link to everything that has an address."""

import html
import json
import re
import unicodedata
from collections import Counter
from pathlib import Path

from docutils import nodes

ROOT = Path(__file__).parents[2]
SYMBOLS = {"partial": "∂", "nabla": "∇", "cdot": "· ", "dots": "…", "times": "× ", "infty": "∞"}


# Deep links -----------------------------------------------------------------------------------------------------------


def mark(app, doctree):
    """An id for every displayed formula and every symbol of the notation."""
    for section in doctree.findall(nodes.section):
        unnamed = [m for m in section.findall(nodes.math_block) if not m["ids"] and nearest(m) is section]
        for number, formula in enumerate(unnamed, 1):
            formula["ids"].append(f"formula-{section['ids'][0]}-{number}")
    seen = Counter()
    for row, (name, *_), *_ in symbols(doctree):
        seen[name] += 1
        row["ids"].append(f"symbol-{name}" if seen[name] == 1 else f"symbol-{name}-{seen[name]}")


def nearest(node):
    """The section a node stands in."""
    while node and not isinstance(node, nodes.section):
        node = node.parent
    return node


def symbols(doctree):
    """(row, names in code, names in formulas, formula, what it is) of the rows of the notation's tables."""
    for table in doctree.findall(nodes.table):
        head, *rows = table.findall(nodes.row)
        titles = [cell.astext() for cell in head]
        if {"in formulas", "in code", "what it is"} <= set(titles):
            for row in rows:
                cells = dict(zip(titles, row, strict=True))
                code = [name.astext() for name in cells["in code"].findall(nodes.literal)]
                written = words(cells["in formulas"])
                parts = [part.strip() for part in re.split(r",|=", written) if part.strip()]
                yield row, code, parts, written, words(cells["what it is"])


def plain(tex):
    """A formula as one would type it: \\partial L / \\partial\\,\\text{out} is ∂L / ∂out."""

    def letter(match):
        name = match[1]
        greek = name.upper().removeprefix("VAR").replace("LAMBDA", "LAMDA")
        try:
            return unicodedata.lookup(f"GREEK {'CAPITAL' if name[0].isupper() else 'SMALL'} LETTER {greek}")
        except KeyError:
            return SYMBOLS.get(name, name + " ")

    tex = re.sub(r"\\(?:text|mathrm|mathbf|operatorname)\s*\{([^}]*)\}", r"\1", tex)
    tex = re.sub(r"\\hat\s*\{?(\w)\}?", "\\1\N{COMBINING CIRCUMFLEX ACCENT}", tex)
    return re.sub(r"\\.|[{}_]", "", re.sub(r"\\([a-zA-Z]+)\s*", letter, tex))


def words(node):
    """A node's text, its formulas as one would type them."""
    parts = (plain(t.astext()) if isinstance(t.parent, nodes.math) else t.astext() for t in node.findall(nodes.Text))
    return " ".join("".join(parts).split())


def linked(body):
    """A page's HTML with a named link on all that has an address: headings, figures, formulas, symbols, exercises."""

    def titled(match):
        name = html.escape(html.unescape(re.sub(r"<[^>]+>", "", match[2])), quote=True)
        return f'{match[1]}{match[2]}{match[3]} aria-label="Link to “{name}”"'

    link = '<a class="headerlink" href="#{0}" title="Link to this {1}" aria-label="Link to this {1}">#</a>'
    body = re.sub(r'(<(?:h[1-6]|dt)\b[^>]*>)([^\n]*?)(<a class="headerlink")', titled, body)
    body = re.sub(r'(<a class="headerlink") (href="[^"]*" title="([^"]*)")', r'\1 aria-label="\3" \2', body)
    for pattern, what in [
        (r'<div class="math[^"]*" id="([^"]+)">(?!<span class="eqno")', "formula"),
        (r'<figure class="play" id="([^"]+)".*?<p class="play-title">[^<]*', "figure"),
        (r'<tr[^>]* id="(symbol-[^"]+)"[^>]*>\s*<td[^>]*>(?:<p>)?', "symbol"),
        (r'<tr id="(exercise-[^"]+)"><td>', "exercise"),
    ]:
        body = re.sub(pattern, lambda m, what=what: m[0] + link.format(m[1], what), body, flags=re.S)
    return body


# The names a reader searches for --------------------------------------------------------------------------------------


def entries(env):
    """[{page, at, names, shown, says, kind}] : what is looked up before the text is searched."""
    found = []
    trees = {page: env.get_doctree(page) for page in sorted(env.found_docs)}
    titles = {page: env.titles[page].astext() for page in trees}

    def add(kind, page, at, names, says):
        shown = html.escape(names[0])
        shown = shown if kind in ("term", "section") else f"<code>{shown}</code>"
        found.append({"kind": kind, "page": page, "at": at, "names": names, "shown": shown, "says": html.escape(says)})

    for page, tree in trees.items():
        for item in tree.findall(nodes.definition_list_item):
            for term in item.findall(nodes.term):
                if term["ids"] and term["ids"][0].startswith("term-"):
                    add("term", page, term["ids"][0], [term.astext()], words(item[-1]))
        for row, code, parts, written, what in symbols(tree):
            add("symbol", page, row["ids"][0], [*code, *parts], f"{written}: {what}" if written else what)
        for block in tree.findall(nodes.literal_block):
            section = nearest(block)
            for name in re.findall(r"^(?:def|class) (\w+)", block.astext(), re.M):
                where = f"function, in {titles[page]}: {section[0].astext()}"
                add("function", page, section["ids"][0], [name], where)
        for name, variable, number, points in exercises(page):
            says = f"exercise {number} of set {int(chapter(page)[2:4])}, {points:g} point{'s' * (points != 1)}"
            add("exercise", page, f"exercise-{chapter(page)}-{name}", [variable or name], says)
    headings = [(page, s) for page, tree in trees.items() for s in tree.findall(nodes.section) if s.parent is not tree]
    often = Counter(section[0].astext() for _, section in headings)
    for page, section in headings:
        if often[section[0].astext()] <= 2:
            add("section", page, section["ids"][0], [words(section[0])], f"section of {titles[page]}")
    return found


def exercises(page):
    """(name, variable or None, number, points) of the exercises in a chapter's set, those in words left out."""
    path = ROOT / "exercises" / chapter(page) / f"{chapter(page)}.ipynb"
    asked = json.loads(path.read_text(encoding="utf-8"))["metadata"]["course"]["exercises"] if path.exists() else {}
    for name, e in sorted(asked.items(), key=lambda item: item[1]["number"]):
        if e["kind"] != "written":
            yield name.rsplit(".", 1)[-1], e["variable"], e["number"], e["points"]


def chapter(page):
    return page.rsplit("/", 1)[-1]


# In a page ------------------------------------------------------------------------------------------------------------


def furnish(app, page, template, context, doctree):
    """Links in every page's body, and the names in the search page."""
    if context.get("body"):
        context["body"] = linked(context["body"])
    if page == "search":
        names = json.dumps(entries(app.env), ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
        context["metatags"] = f"{context.get('metatags') or ''}\n<script>const NAMES = {names}</script>"


def search_by_names(app, config):
    config.html_search_scorer = str(Path(__file__).parent / "search.js")


def setup(app):
    app.connect("config-inited", search_by_names)
    app.connect("doctree-read", mark)
    app.connect("html-page-context", furnish, priority=800)
    app.add_css_file("found.css")
    return {"env_version": 2, "parallel_read_safe": True, "parallel_write_safe": True}
