"""What can be carried away: the book as a PDF, and the site as a zip that works from a folder."""

import re
import zipfile
from collections import Counter
from pathlib import Path

import pypdf
import pytest
from pages import Page

from grading import offline, pdf

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("carry")]  # one process prints and packs
PARTS = [
    (None, ["book/welcome"]),
    ("One", ["book/ch01_neuron", "book/ch02_layers"]),
    ("Back", ["book/glossary"]),
]


@pytest.fixture(scope="module")
def book(browser, tmp_path_factory):
    """A short book: two chapters between the welcome page and the glossary."""
    path = tmp_path_factory.mktemp("pdf") / "book.pdf"
    pdf.write(path, PARTS, browser)
    return pypdf.PdfReader(path)


def test_the_order_is_the_table_of_contents():
    docs = [doc for _, part in pdf.contents() for doc in part]
    assert docs[:4] == ["book/welcome", "book/notation", "book/hyperparameters", "book/ch01_neuron"]
    chapters = [doc for doc in docs if doc.startswith("book/ch")]
    assert chapters == sorted(chapters) and len(chapters) >= 10


def test_the_outline_has_every_chapter_in_order_and_its_sections(book):
    titles = [
        (item.title, book.get_destination_page_number(item)) for item in book.outline if not isinstance(item, list)
    ]
    names = ["Contents", "From one neuron to GPT scale", "1. One neuron", "2. Layers", "Glossary"]
    assert [title for title, _ in titles] == names
    assert [page for _, page in titles] == sorted({page for _, page in titles})
    assert any(isinstance(item, list) and len(item) > 5 for item in book.outline)


def test_the_contents_give_the_page_numbers_the_outline_has(book):
    shown = book.pages[1].extract_text()
    for item in book.outline[1:]:
        if not isinstance(item, list):
            number = book.get_destination_page_number(item) + 1
            assert re.search(rf"{re.escape(item.title)}\s*{number}\b", shown), (item.title, number, shown)
            assert book.pages[number - 1].extract_text().split()[0] == str(number)  # drawn before the text


def test_it_is_printed_in_the_sites_type(book):
    """Which Chromium prints as shapes without a name, since its weight varies; the machine's own type has names."""
    letters = Counter()

    def count(text, matrix, place, font, size):
        letters[(font or {}).get("/BaseFont", "of the site").split("+")[-1]] += len(text.strip())

    for page in book.pages:
        page.extract_text(visitor_text=count)
    assert letters["of the site"] > 0.6 * letters.total(), letters


def links(book):
    for page in book.pages:
        for annotation in page.get("/Annots") or []:
            yield annotation.get_object()


def test_links_inside_the_book_lead_to_a_place_in_it_and_the_others_to_the_web(book):
    inside = [link["/Dest"] for link in links(book) if "/Dest" in link]
    outside = [link["/A"]["/URI"] for link in links(book) if "/A" in link]
    assert len(inside) > 40
    assert {str(name) for name in inside} <= book.named_destinations.keys()
    assert any("glossary--term-" in name for name in inside) and any(name.endswith("ch02_layers") for name in inside)
    assert all(url.startswith(("https://", "http://", "mailto:")) for url in outside)


def test_formulas_are_text_and_details_are_open(book):
    text = "".join(page.extract_text() for page in book.pages)
    assert "η" in text and "∑" in text
    assert "import numpy as np" in text  # folded on the page
    assert "Right. " in text and "Open in the browser" not in text and "Hide code cell" not in text


@pytest.fixture(scope="module")
def carried(browser, tmp_path_factory):
    """The zip, unpacked and opened with no network."""
    folder = tmp_path_factory.mktemp("offline")
    offline.write(folder / "site.zip")
    with zipfile.ZipFile(folder / "site.zip") as bundle:
        bundle.extractall(folder)
    watched = Page(browser, "file:", offline=True)
    yield watched, folder / offline.OUT.stem
    watched.context.close()


def test_from_a_folder_a_page_shows_and_a_figure_plays(carried):
    watched, folder = carried
    page = watched.open((folder / "index.html").as_uri())
    page.wait_for_url("**/book/welcome.html")
    page = watched.open((folder / "book" / "ch01_neuron.html").as_uri())
    assert page.locator(".katex .katex-mathml math").count() > 5
    assert not page.locator("a.set-live").is_visible() and not (folder / "lite").exists()
    figure = page.locator("figure.play").first
    shown = figure.locator(".play-stage").inner_html()
    figure.locator("input[type=range]").first.focus()
    page.keyboard.press("ArrowRight")
    assert figure.locator(".play-stage").inner_html() != shown
    blocked = "CORS", "net::ERR_FAILED"  # preloaded type: a folder is no server, and the page asks again without
    assert [fault for fault in watched.faults if not any(word in fault for word in blocked)] == []


def test_from_a_folder_search_finds_a_word(carried):
    watched, folder = carried
    page = watched.open((folder / "book" / "welcome.html").as_uri())
    page.keyboard.press("Control+K")
    page.keyboard.type("perceptron")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=perceptron*")
    found = page.locator("#search-results ul.search li a").first
    found.wait_for(timeout=30_000)
    found.click()
    page.wait_for_url("**/book/*.html*")
    assert "perceptron" in page.locator("article").inner_text().lower()
    assert not [fault for fault in watched.faults if "asked for" in fault]


def test_what_needs_a_server_stays_behind():
    assert not offline.wanted(Path("lite/index.html")) and not offline.wanted(Path(offline.OUT.name))
    assert offline.wanted(Path("exercises/ch01_neuron.zip")) and offline.wanted(Path("searchindex.js"))
