"""What is found: names, deep links, descriptions, cards, the sitemap, and the page for what is not there."""

import json
import re
import struct
import sys

import pytest
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from grading import spec

sys.path.insert(0, str(spec.ROOT / "book" / "_ext"))
import found
import published

PAGES = sorted((spec.ROOT / "book").glob("*.md"))
CONF = """
extensions = ["myst_parser", "found", "published"]
myst_enable_extensions = ["dollarmath"]
html_theme = "sphinx_book_theme"
html_title = "A course"
html_static_path = ["STATIC"]
"""
INDEX = """---
myst:
  html_meta:
    description: "What a page is about."
---
# A < B & more

**Does it work?** See {term}`bias`.

$$
z = xw + b
$$

| in formulas | in code | what it is |
|---|---|---|
| $\\partial L / \\partial W$, $\\lambda$ | `dW`, `weight_decay` | what $\\hat x$ is |

## A part

```python
def walk(steps):
    pass
```

```{glossary}
bias
  A number $\\eta$ of its own.
```
"""


def site(folder, monkeypatch, **where):
    """A small site, built with the course's own extensions. Returns its folder."""
    for name in ("BOOK_URL", "BOOK_VERSION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in where.items():
        monkeypatch.setenv(name, value)
    (folder / "deep").mkdir(parents=True)
    (folder / "conf.py").write_text(CONF.replace("STATIC", str(spec.ROOT / "book" / "_static")))
    (folder / "index.md").write_text(INDEX + "\n```{toctree}\ndeep/ch01_it\n```\n")
    (folder / "deep" / "ch01_it.md").write_text("# It\n\nText.\n")
    with docutils_namespace():
        Sphinx(folder, folder, folder / "out", folder / "trees", "html", status=None, warningiserror=True).build()
    return folder / "out"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        yield site(tmp_path_factory.mktemp("plain"), patch)


@pytest.fixture(scope="module")
def addressed(tmp_path_factory):
    where = {"BOOK_URL": "https://someone.example/course", "BOOK_VERSION": "v0.1.0"}
    with pytest.MonkeyPatch.context() as patch:
        yield site(tmp_path_factory.mktemp("addressed"), patch, **where)


def metas(page):
    """{name or property: content} of a page's head."""
    tags = re.findall(r"<meta [^>]*>", page.read_text())
    pairs = ((re.search(r'(?:name|property)="([^"]*)"', tag), re.search(r'content="([^"]*)"', tag)) for tag in tags)
    return {name[1]: content[1] for name, content in pairs if name and content}


# Names ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tex", "typed"),
    [
        (r"\partial L / \partial\,\text{out}", "∂L / ∂out"),
        (r"\eta", "η"),
        (r"\lambda", "λ"),
        (r"\varepsilon", "ε"),
        (r"\hat x", "x̂"),
        (r"\nabla_\theta L", "∇θL"),
        (r"\beta_1", "β1"),
        (r"-\log p", "-log p"),
        (r"w \cdot x", "w · x"),
        (r"\Delta", "Δ"),
    ],
)
def test_a_formula_is_found_as_it_is_typed(tex, typed):
    assert found.plain(tex) == typed


def test_the_search_page_knows_terms_symbols_functions_and_sections(built):
    text = (built / "search.html").read_text()
    names = json.loads(re.search(r"const NAMES = (.*)</script>", text)[1].replace("<\\/", "</"))
    known = {(e["kind"], e["names"][0]): e for e in names}
    assert known["term", "bias"]["at"] == "term-bias"
    assert known["term", "bias"]["says"] == "A number η of its own."
    symbol = known["symbol", "dW"]
    assert symbol["names"] == ["dW", "weight_decay", "∂L / ∂W", "λ"]
    assert (symbol["page"], symbol["at"]) == ("index", "symbol-dW")
    assert known["function", "walk"]["at"] == known["section", "A part"]["at"] == "a-part"
    for e in names:
        assert f'id="{e["at"]}"' in (built / f"{e['page']}.html").read_text()


def test_exercises_are_found_by_what_they_define():
    names = {name for name, *_ in found.exercises("book/ch08_backprop")}
    assert {"linear_backward", "softmax_backward", "by_hand"} <= names
    assert "vanishing" not in names  # in one's own words
    assert not list(found.exercises("book/glossary"))


def test_what_has_an_address_has_a_link_with_a_name(built):
    text = (built / "index.html").read_text()
    links = re.findall(r'<a class="headerlink"([^>]*)>', text)
    assert len(links) >= 4
    for link in links:
        assert re.search(r'aria-label="[^"]{8,}"', link)
        assert f'id="{re.search(r"""href="#([^"]*)""", link)[1]}"' in text
    for what in ("Link to “A part”", "Link to this formula", "Link to this symbol"):
        assert f'aria-label="{what}"' in text
    assert text.count('id="formula-') == 1


# What others see ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_page_says_what_it_is_about(path):
    head = re.match(r"---\n(.*?)\n---\n", path.read_text(encoding="utf-8"), re.S)
    said = re.search(r'description: "(.*)"', head[1]) if head else None
    assert said, "a page begins with myst: html_meta: description"
    assert 50 <= len(said[1]) <= 180


def test_no_two_pages_say_the_same():
    said = [re.search(r'description: "(.*)"', path.read_text(encoding="utf-8"))[1] for path in PAGES]
    assert len(set(said)) == len(said)


def test_a_site_without_an_address_claims_none(built):
    seen = metas(built / "index.html")
    assert seen["og:title"] == "A &lt; B &amp; more"
    assert seen["og:description"] == seen["description"] == "What a page is about."
    assert not {"og:image", "og:url", "twitter:card"} & seen.keys()
    assert not (built / "sitemap.xml").exists() and not (built / "_static" / "cards").exists()


def test_a_site_with_an_address_has_cards_a_sitemap_and_its_versions(addressed):
    base = "https://someone.example/course/v0.1.0/"
    seen = metas(addressed / "deep" / "ch01_it.html")
    assert seen["og:url"] == f"{base}deep/ch01_it.html"
    assert seen["og:image"] == f"{base}_static/cards/ch01_it.png"
    assert seen["og:type"] == "article" and seen["og:image:alt"]
    image = (addressed / "_static" / "cards" / "ch01_it.png").read_bytes()
    assert image.startswith(b"\x89PNG") and struct.unpack(">II", image[16:24]) == (1200, 630)
    sitemap = (addressed / "sitemap.xml").read_text()
    assert re.findall(r"<loc>(.*?)</loc>", sitemap) == [f"{base}deep/ch01_it.html", f"{base}index.html"]
    assert f'<link rel="canonical" href="{base}index.html"' in (addressed / "index.html").read_text()


def test_the_setting_in_the_configuration_is_an_address_too(monkeypatch):
    class Config:
        html_baseurl, html_theme_options = "https://someone.example/course/", {}

    monkeypatch.delenv("BOOK_URL", raising=False)
    monkeypatch.setenv("BOOK_VERSION", "v1.2.0")
    published.settle(None, config := Config())
    assert config.html_baseurl == "https://someone.example/course/v1.2.0/"
    assert 'Version 1.2.0. <a href="/course/versions.html">' in config.html_theme_options["extra_footer"]


def test_pages_that_are_no_text_are_not_for_search_engines(built):
    for page in ("search.html", "genindex.html", "404.html"):
        assert metas(built / page)["robots"] == "noindex" and metas(built / page)["description"]
    assert "robots" not in metas(built / "index.html")


@pytest.mark.parametrize(("which", "base"), [("built", "/"), ("addressed", "/course/v0.1.0/")])
def test_the_page_for_what_is_not_there_works_at_any_depth(which, base, request):
    folder = request.getfixturevalue(which)
    text = (folder / "404.html").read_text()
    addresses = re.findall(r'\s(?:href|src|action)="([^"]*)"', text)
    assert [a for a in addresses if not a.startswith(("/", "#", "https:"))] == []
    ours = {a.removeprefix(base).split("?")[0].split("#")[0] for a in addresses if a.startswith(base)} - {""}
    assert {"search.html", "index.html"} <= ours
    assert [a for a in ours if not (folder / a).exists() and a != "versions.html"] == []
    assert f'data-content_root="{base}"' in text
