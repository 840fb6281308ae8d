"""The whole book as one PDF, printed by Chromium from the built site.  (make pdf)

Each page is opened, its figures drawn, and its article taken out; links between pages become links within the book.
The book is printed twice: the first time tells on which page everything is.
"""

import html
import logging
import os
import shutil
import sys
import time
from pathlib import Path

import pypdf
import yaml
from playwright.sync_api import sync_playwright

from grading import spec

SITE = spec.ROOT / "_build" / "html"
BOOK = spec.ROOT / "_build" / "pdf" / "book.html"
OUT = SITE / "one-neuron-to-gpt-scale.pdf"
ASSETS = Path(__file__).parent / "templates"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


def contents():
    """The book's order: [(a part's caption or None, [docname, …]), …]."""
    toc = yaml.safe_load((spec.ROOT / "_toc.yml").read_text(encoding="utf-8"))
    parts = [(part["caption"], [entry["file"] for entry in part["chapters"]]) for part in toc["parts"]]
    return [(None, [toc["root"]]), *parts]


def chromium():
    """The path of a Chromium or Chrome."""
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if not found:
        sys.exit("A Chromium prints the book, and none was found: install Debian's chromium, or set CHROMIUM to one.")
    return found


def articles(page, docs):
    """Open each page and take out {docname: (title, its article's HTML)}, and the site's stylesheets."""
    take = (ASSETS / "article.js").read_text(encoding="utf-8")
    keys = {(SITE / f"{doc}.html").as_uri(): key(doc) for doc in docs}
    taken = {}
    for doc in docs:
        page.goto((SITE / f"{doc}.html").as_uri(), wait_until="load")
        taken[doc] = page.evaluate(take, [key(doc), keys])
    styles = page.evaluate("[...document.querySelectorAll('link[rel=stylesheet]')].map(e => e.href.split('?')[0])")
    return taken, styles


def key(doc):
    """What a page's ids begin with."""
    return doc.rsplit("/", 1)[-1]


def bound(parts, taken, styles, numbers):
    """The book as one page of HTML: title, contents with page numbers, chapters."""
    config = yaml.safe_load((spec.ROOT / "_config.yml").read_text(encoding="utf-8"))
    title, author, copyright = (html.escape(config[name]) for name in ("title", "author", "copyright"))
    rows = []
    for caption, docs in parts:
        rows += [f'<p class="book-part">{html.escape(caption)}</p>'] if caption else []
        for doc in docs:
            target = key(doc)
            rows.append(
                f'<p class="book-row"><a href="#{target}">{html.escape(taken[doc]["title"])}</a>'
                f'<span class="book-dots"></span><span>{numbers.get(target, "")}</span></p>'
            )
    body = "".join(f'<section id="{key(doc)}" class="book-chapter">{a["html"]}</section>' for doc, a in taken.items())
    links = "".join(f'<link rel="stylesheet" href="{href}">' for href in [*styles, (ASSETS / "book.css").as_uri()])
    return (
        f'<!doctype html><html lang="en" data-theme="light" data-mode="light"><meta charset="utf-8">'
        f"<title>{title}</title>{links}<body><header class='book-title'><p class='book-name'>{title}</p>"
        f"<p>{author}</p><p class='book-rights'>{copyright}</p></header>"
        f'<nav class="book-contents"><h1>Contents</h1>{"".join(rows)}</nav>'
        f'<div class="bd-content"><article class="bd-article">{body}</article></div></body></html>'
    )


def page_numbers(path):
    """{id: the page it is on, from 1} of everything that is linked to."""
    reader = pypdf.PdfReader(path)
    places = reader.named_destinations.items()
    return {name[1:]: reader.get_destination_page_number(place) + 1 for name, place in places}


def finish(path):
    """Name the author, and say each heading of the outline once: Chromium doubles those that begin a page."""
    writer = pypdf.PdfWriter(clone_from=path)
    config = yaml.safe_load((spec.ROOT / "_config.yml").read_text(encoding="utf-8"))
    writer.add_metadata({"/Author": config["author"], "/Creator": "make pdf"})

    def mend(item):
        while item:
            node = item.get_object()
            title = str(node["/Title"])
            half = len(title) // 2
            if title[:half] == title[half:]:
                node[pypdf.generic.NameObject("/Title")] = pypdf.generic.TextStringObject(title[:half])
            mend(node.get("/First"))
            item = node.get("/Next")

    mend(writer.root_object["/Outlines"].get_object().get("/First"))
    writer.write(path)
    return len(writer.pages)


def write(path, parts, browser):
    """Print the pages of parts, as contents() lists them, to path. Returns how many pages of paper they are."""
    BOOK.parent.mkdir(parents=True, exist_ok=True)
    page = browser.new_page(viewport={"width": 1000, "height": 1400}, color_scheme="light")
    taken, styles = articles(page, [doc for _, docs in parts for doc in docs])
    numbers = {}
    for _ in range(2):
        BOOK.write_text(bound(parts, taken, styles, numbers), encoding="utf-8")
        page.goto(BOOK.as_uri(), wait_until="load")
        page.pdf(path=path, prefer_css_page_size=True, print_background=True, tagged=True, outline=True)
        numbers = page_numbers(path)
    page.close()
    return finish(path)


def main():
    logging.getLogger("pypdf").setLevel(logging.ERROR)  # it has a word about Chromium's trailer
    started = time.perf_counter()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        pages = write(OUT, contents(), browser)
        browser.close()
    size = OUT.stat().st_size / 2**20
    print(f"{OUT.relative_to(spec.ROOT)}: {pages} pages, {size:.1f} MiB, {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
