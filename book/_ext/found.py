"""How the course is found: a search by names, deep links, what a shared link shows, a sitemap, and a page for what is not there.

Where the site will stand is told by `html: baseurl` in _config.yml or by the variable BOOK_URL, which versions of it by
BOOK_VERSION. What needs an absolute address is made when there is one, and only then.
"""

import html
import json
import os
import re
import unicodedata
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from card import draw
from docutils import nodes

ROOT = Path(__file__).parents[2]
SYMBOLS = {"partial": "∂", "nabla": "∇", "cdot": "·", "dots": "…", "times": "×", "infty": "∞"}
DESCRIPTIONS = {
    "search": "Search the course: terms, symbols, functions, exercises and the whole text.",
    "genindex": "Every term of the course in alphabetical order, with the place where it is explained.",
    "404": "There is no page at this address.",
}
# The theme asks for storage at once, and throws where it is switched off; then there is one that lasts as long as the page.
STORAGE = """<script>for (const name of ["localStorage", "sessionStorage"]) try { window[name].length; } catch {
  const kept = new Map();
  Object.defineProperty(window, name, {configurable: true, value: {fleeting: true, getItem: (k) => kept.get(k) ?? null,
    setItem: (k, v) => void kept.set(k, String(v)), removeItem: (k) => void kept.delete(k)}});
}</script>"""
NOT_THERE = """<h1>There is no page here</h1>
<p>It may have moved, or the address has a slip of the pen. Everything is one search away:</p>
<form role="search" action="search.html" class="lost"><input type="search" name="q" aria-label="Search the course">
<button type="submit">Search</button></form>
<p><a href="{home}">To the start of the course</a></p>"""


# Where the site stands ------------------------------------------------------------------------------------------------


def settle(app, config):
    """The address and the version, for this build."""
    config.html_search_scorer = str(Path(__file__).parent / "search.js")
    site = os.environ.get("BOOK_URL") or config.html_baseurl
    version = os.environ.get("BOOK_VERSION", "")
    if not site:
        return
    site = site.rstrip("/") + "/"
    config.html_baseurl = f"{site}{version}/" if version else site
    says = f"Version {version.removeprefix('v')}. " if version else ""
    link = f'<p class="versions">{says}<a href="{urlsplit(site).path}versions.html">All versions</a></p>'
    config.html_theme_options["extra_footer"] = config.html_theme_options.get("extra_footer", "") + link


def sitemap(base, pages):
    """A sitemap's text.  base : ends in /; pages : paths under it."""
    rows = "".join(f"<url><loc>{html.escape(base + page)}</loc></url>\n" for page in sorted(pages))
    head = '<?xml version="1.0" encoding="utf-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
    return f"{head}{rows}</urlset>\n"


def rooted(page, base):
    """A page whose relative addresses begin with base, so that it works at any depth."""
    page = re.sub(r'(\s(?:href|src|action)=")(?![a-z]+:|/|#)(?:\./)*', rf"\g<1>{base}", page)
    return page.replace('data-content_root="./"', f'data-content_root="{base}"')


# Deep links -----------------------------------------------------------------------------------------------------------


def mark(app, doctree):
    """An id for every displayed formula and every symbol of the notation."""
    for section in doctree.findall(nodes.section):
        unnamed = [m for m in section.findall(nodes.math_block) if not m["ids"] and nearest(m) is section]
        for number, formula in enumerate(unnamed, 1):
            formula["ids"].append(f"formula-{section['ids'][0]}-{number}")
    for row, names, _ in symbols(doctree):
        ident = nodes.make_id("symbol-" + names[0])
        row["ids"].append(ident if ident not in doctree.ids else f"{ident}-{len(doctree.ids)}")
        doctree.ids[row["ids"][0]] = row


def nearest(node):
    """The section a node stands in."""
    while node and not isinstance(node, nodes.section):
        node = node.parent
    return node


def symbols(doctree):
    """(row, [name in code, …, name in formulas, …], what it is) of every table with a column "in code"."""
    for table in doctree.findall(nodes.table):
        head, *rows = table.findall(nodes.row)
        titles = [cell.astext() for cell in head]
        if {"in formulas", "in code", "what it is"} <= set(titles):
            for row in rows:
                cells = dict(zip(titles, row, strict=True))
                code = [name.astext() for name in cells["in code"].findall(nodes.literal)]
                written = [plain(m.astext()) for m in cells["in formulas"].findall(nodes.math)]
                parts = [part.strip() for text in written for part in re.split(r",|=", text)]
                yield row, [*code, *dict.fromkeys(parts + written)], words(cells["what it is"])


def plain(tex):
    """A formula as one would type it: \\partial L / \\partial\\,\\text{out} is ∂L / ∂out."""

    def letter(match):
        name = match[1]
        greek = name.upper().removeprefix("VAR").replace("LAMBDA", "LAMDA")
        try:
            return unicodedata.lookup(f"GREEK {'CAPITAL' if name[0].isupper() else 'SMALL'} LETTER {greek}")
        except KeyError:
            return SYMBOLS.get(name, name)

    tex = re.sub(r"\\(?:text|mathrm|mathbf|operatorname)\s*\{([^}]*)\}", r"\1", tex)
    tex = re.sub(r"\\hat\s*\{?(\w)\}?", "\\1\N{COMBINING CIRCUMFLEX ACCENT}", tex)
    return re.sub(r"\\.|[{}_]", "", re.sub(r"\\([a-zA-Z]+)\s*", letter, tex))


def words(node):
    """A node's text, its formulas as one would type them."""
    parts = (plain(t.astext()) if isinstance(t.parent, nodes.math) else t.astext() for t in node.findall(nodes.Text))
    return " ".join("".join(parts).split())


def linked(body):
    """A page's HTML with a named link on everything that has an address: headings, figures, formulas, symbols, exercises."""

    def titled(match):
        name = html.escape(html.unescape(re.sub(r"<[^>]+>", "", match[2])), quote=True)
        return f'{match[1]}{match[2]}{match[3]} aria-label="Link to “{name}”"'

    link = '<a class="headerlink" href="#{0}" title="Link to this {1}" aria-label="Link to this {1}">#</a>'
    body = re.sub(r'(<(?:h[1-6]|dt)\b[^>]*>)([^\n]*?)(<a class="headerlink")', titled, body)
    body = re.sub(r'(<a class="headerlink") (href="[^"]*" title="([^"]*)")', r'\1 aria-label="\3" \2', body)
    for pattern, what in [
        (r'<div class="math" id="([^"]+)">(?!<span class="eqno")', "formula"),
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
        for row, names, what in symbols(tree):
            also = ", ".join(names[1:])
            add("symbol", page, row["ids"][0], names, f"{also}: {what}" if also else what)
        for block in tree.findall(nodes.literal_block):
            section = nearest(block)
            for name in re.findall(r"^(?:def|class) (\w+)", block.astext(), re.M):
                where = f"function, in {titles[page]}: {section[0].astext()}"
                add("function", page, section["ids"][0], [name], where)
        for name, number, points in exercises(page):
            says = f"exercise {number} of set {int(chapter(page)[2:4])}, {points:g} points"
            add("exercise", page, exercise_id(chapter(page), name), [name], says)
    headings = [(page, s) for page, tree in trees.items() for s in tree.findall(nodes.section) if s.parent is not tree]
    often = Counter(section[0].astext() for _, section in headings)
    for page, section in headings:
        if often[section[0].astext()] <= 2:
            add("section", page, section["ids"][0], [words(section[0])], f"section of {titles[page]}")
    return found


def chapter(page):
    return page.rsplit("/", 1)[-1]


def exercise_id(slug, name):
    return f"exercise-{slug}-{name.rsplit('.', 1)[-1]}"


def exercises(page):
    """(name, number, points) of the exercises in a chapter's set, those in words left out."""
    path = ROOT / "exercises" / chapter(page) / f"{chapter(page)}.ipynb"
    asked = json.loads(path.read_text(encoding="utf-8"))["metadata"]["course"]["exercises"] if path.exists() else {}
    for name, e in sorted(asked.items(), key=lambda item: item[1]["number"]):
        if e["kind"] != "written":
            yield e["variable"] or name.rsplit(".", 1)[-1], e["number"], e["points"]


# Pages ----------------------------------------------------------------------------------------------------------------


def furnish(app, page, template, context, doctree):
    """A page's head says what it is; everything in its body that has an address shows it."""
    tags = context.get("metatags") or ""
    if page in DESCRIPTIONS:
        tags += f'\n<meta name="description" content="{DESCRIPTIONS[page]}">'
    said = re.search(r'<meta content="([^"]*)" name="description"|name="description" content="([^"]*)"', tags)
    title = html.escape(html.unescape(re.sub(r"<[^>]+>", "", context.get("title") or app.config.html_title)), quote=True)
    card = {
        "og:title": title,
        "og:site_name": html.escape(app.config.html_title, quote=True),
        "og:type": "article" if re.match(r"book/ch\d", page) else "website",
        "og:description": next(filter(None, said.groups())) if said else "",
    }
    if app.config.html_baseurl and doctree is not None:
        card["og:url"] = f"{app.config.html_baseurl}{page}.html"
        card["og:image"] = f"{app.config.html_baseurl}_static/cards/{chapter(page)}.png"
        card |= {"og:image:width": 1200, "og:image:height": 630, "og:image:alt": f"A card that says: {title}"}
        tags += '\n<meta name="twitter:card" content="summary_large_image">'
    tags += "".join(f'\n<meta property="{name}" content="{value}">' for name, value in card.items() if value)
    if page in DESCRIPTIONS:
        tags += '\n<meta name="robots" content="noindex">'
    if page == "search":
        names = json.dumps(entries(app.env), ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
        tags += f"\n<script>const NAMES = {names}</script>"
    context["metatags"] = STORAGE + tags
    if context.get("body"):
        context["body"] = linked(context["body"])


def lost(app):
    """The page for an address where there is none."""
    body = NOT_THERE.format(home=app.builder.get_relative_uri("404", app.config.root_doc))
    yield "404", {"title": "Not found", "body": body}, "page.html"


def finish(app, exception):
    if exception or app.builder.format != "html":
        return
    out, base = Path(app.outdir), app.config.html_baseurl
    page = out / "404.html"
    page.write_text(rooted(page.read_text(encoding="utf-8"), urlsplit(base).path or "/"), encoding="utf-8")
    if base:
        (out / "sitemap.xml").write_text(sitemap(base, [f"{p}.html" for p in app.env.found_docs]), encoding="utf-8")
        (out / "_static" / "cards").mkdir(exist_ok=True)
        for page, title in app.env.titles.items():
            strong = next(app.env.get_doctree(page).findall(nodes.strong), None)
            question = strong.astext() if strong and strong.astext().endswith("?") else ""
            draw(title.astext(), question or app.config.html_title, out / "_static" / "cards" / f"{chapter(page)}.png")


def setup(app):
    app.connect("config-inited", settle, priority=900)
    app.connect("doctree-read", mark)
    app.connect("html-collect-pages", lost)
    app.connect("html-page-context", furnish, priority=900)
    app.connect("build-finished", finish, priority=950)
    app.add_css_file("found.css")
    return {"env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
