"""What others see of the site: what a shared link shows, a sitemap, a page for what is not there, where versions are.

Where the site will stand is told by `html: baseurl` in _config.yml or by the variable BOOK_URL, and which version it is
by BOOK_VERSION. What needs an absolute address is made when there is one, and only then.
"""

import html
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from card import draw
from docutils import nodes
from found import chapter

DESCRIPTIONS = {
    "search": "Search the course: terms, symbols, functions, exercises and the whole text.",
    "genindex": "Every term of the course in alphabetical order, with the place where it is explained.",
    "404": "There is no page at this address.",
}
# The theme asks for storage at once, and throws where it is switched off. Then one lasts as long as the page.
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


def settle(app, config):
    """The address and the version, for this build."""
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


def furnish(app, page, template, context, doctree):
    """A page's head says what it is."""
    tags = context.get("metatags") or ""
    if page in DESCRIPTIONS:
        tags += f'\n<meta name="description" content="{DESCRIPTIONS[page]}">'
    said = re.search(r'<meta content="([^"]*)" name="description"|name="description" content="([^"]*)"', tags)
    title = re.sub(r"<[^>]+>", "", context.get("title") or "") or app.config.html_title
    title = html.escape(html.unescape(title), quote=True)
    card = {
        "og:title": title,
        "og:site_name": html.escape(app.config.html_title, quote=True),
        "og:type": "article" if re.match(r"ch\d", chapter(page)) else "website",
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
    context["metatags"] = STORAGE + tags


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
    (out / "sitemap.xml").unlink(missing_ok=True)
    if base:
        (out / "sitemap.xml").write_text(sitemap(base, [f"{p}.html" for p in app.env.found_docs]), encoding="utf-8")
        (out / "_static" / "cards").mkdir(exist_ok=True)
        for page, title in app.env.titles.items():
            strong = next(app.env.get_doctree(page).findall(nodes.strong), None)
            question = strong.astext() if strong and strong.astext().endswith("?") else ""
            draw(title.astext(), question, out / "_static" / "cards" / f"{chapter(page)}.png")


def setup(app):
    app.connect("config-inited", settle, priority=900)
    app.connect("html-collect-pages", lost)
    app.connect("html-page-context", furnish, priority=900)
    app.connect("build-finished", finish, priority=950)
    return {"env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
