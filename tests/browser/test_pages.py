"""How the built site looks and weighs, and that everyone can use it: every page, two modes, two widths, offline."""

from urllib.parse import urljoin

import pytest
from pages import Page
from test_site import CHAPTERS, PAGES

from bench import site
from grading import spec

AXE = (spec.ROOT / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
# What need not be looked at again: a formula's boxes, which are hidden from readers, who get its MathML; a drawing's
# lines, which are one picture with one description; and of a listing's tokens all but the first of each colour.
THIN = """() => {
  for (const el of document.querySelectorAll(".katex-html, .drawing > g")) el.remove();
  for (const el of document.querySelectorAll("math")) el.replaceChildren("formula");
  const seen = new Set();
  for (const el of document.querySelectorAll(".highlight span[class]"))
    if (seen.has(el.className)) el.replaceWith(el.textContent); else seen.add(el.className);
}"""
# The whole page at once, and what is done when it is laid out.
WHOLE = """() => {
  delete document.documentElement.dataset.fresh;
  return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
}"""
# Text of its background's very colour, of which axe says no more than that a person should look.
UNSEEN = "node => node.any.some(check => check.data?.messageKey === 'equalRatio')"
ORDINARY = 400_000  # bytes, gzipped, at first load
PLAYABLE = 900_000

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_every_page_opens_offline_without_a_fault_and_axe_has_nothing_to_object_to(browser, server, width, scheme):
    """All of axe's rules on a light phone and a dark desktop, in the other two what depends on the colours."""
    whole = (width, scheme) in [(360, "light"), (1440, "dark")]
    options = {"resultTypes": ["violations", "incomplete"]} | ({} if whole else {"runOnly": ["color-contrast"]})
    watched, found = Page(browser, server, width=width, scheme=scheme), {}
    for name in PAGES:
        page = watched.open(urljoin(server, name))
        assert watched.faults == [], name
        assert page.locator(".katex-error, mjx-merror").count() == 0, name
        assert page.locator("article img:not([alt]), article img[alt='']").count() == 0, name
        page.evaluate(WHOLE)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} scrolls sideways"
        page.evaluate(THIN)
        page.evaluate(AXE)
        violations = page.evaluate(
            "options => axe.run(document, options)"
            ".then(r => [...r.violations, ...r.incomplete.map(v => ({...v, nodes: v.nodes.filter(UNSEEN)}))])"
            ".then(found => found.filter(v => v.nodes.length)"
            ".map(v => [v.id, v.nodes.length, v.nodes[0].html.slice(0, 200)]))".replace("UNSEEN", UNSEEN),
            options,
        )
        # axe takes a column's heading that is a formula for an empty one
        violations = [v for v in violations if not (v[0] == "empty-table-header" and "<math" in v[2])]
        if violations:
            found[name] = violations
    watched.context.close()
    assert found == {}


def test_a_page_is_light_and_stands_still(browser):
    """At first load, from a host that gzips: its bytes, whom it asks, and how far it jumps."""
    with site.served() as address:
        for name in PAGES:
            found = site.weigh(browser, address, name)
            assert found["shift"] < 0.03, f"{name} shifts by {found['shift']}"
            assert found["bytes"] < (PLAYABLE if name in CHAPTERS else ORDINARY), f"{name}: {found['bytes']} bytes"
            assert found["elsewhere"] == [], name


def test_a_new_page_is_laid_out_as_far_as_it_is_seen_and_links_lead_where_they_should(opened):
    _, page = opened("book/ch08_backprop.html", width=390)
    end = page.locator("section#exercises > h2")
    shown = "el => el.checkVisibility({contentVisibilityAuto: true})"
    inside = "el => { const {top, bottom} = el.getBoundingClientRect(); return top >= 0 && bottom <= innerHeight; }"
    assert not end.evaluate(shown)
    page.evaluate("""document.querySelector("a[href='#exercises']").click()""")
    page.wait_for_timeout(300)
    assert end.evaluate(shown) and end.evaluate(inside)
    page.reload()
    assert page.locator("section#pitfalls > h2").evaluate(shown) and end.evaluate(inside)
    page.goto(page.url.replace("ch08_backprop", "welcome"))
    page.go_back()
    page.wait_for_timeout(300)
    assert page.locator("section#pitfalls > h2").evaluate(shown) and end.evaluate(inside)


def test_a_phone_reads_at_once_and_has_the_sites_type_from_its_second_page_on(opened):
    """The first page keeps the type it came with, so that who comes back to it finds the place."""
    family = "getComputedStyle(document.querySelector('article p')).fontFamily.includes('Source')"
    _, page = opened("book/ch08_backprop.html", width=390)
    assert not page.evaluate(family)
    page.wait_for_function("localStorage.getItem('type')")
    page.reload()
    assert not page.evaluate(family)
    page.goto(page.url.replace("ch08_backprop", "welcome"))
    assert page.evaluate(family)
    page.wait_for_function(
        "[...document.fonts].filter(f => f.family.includes('Source') && f.status == 'loaded').length > 1"
    )
    page.go_back()
    assert not page.evaluate(family)
    _, page = opened("book/ch08_backprop.html")
    assert page.evaluate(family)


def test_a_phones_list_of_sections_can_be_read_and_makes_way(opened):
    _, page = opened(CHAPTERS[0], width=390)
    page.locator(".secondary-toggle").click()
    shown = page.locator("dialog.bd-sidebar-secondary[open]")
    shown.wait_for()
    assert shown.evaluate("el => getComputedStyle(el).backgroundColor") == page.evaluate(
        "getComputedStyle(document.body).backgroundColor"
    )
    link = shown.locator("a").nth(3)
    target = link.get_attribute("href")
    link.click()
    shown.wait_for(state="detached")
    page.wait_for_timeout(500)
    top = page.locator(f"{target} > h2").evaluate("el => el.getBoundingClientRect().top")
    bar = page.locator(".bd-header-article").evaluate("el => el.getBoundingClientRect().bottom")
    assert bar <= top < 400
    _, page = opened("book/welcome.html", width=390)
    assert not page.locator(".secondary-toggle").is_visible()  # it has no sections


def test_a_card_says_when_the_network_is_away(opened):
    watched, page = opened(CHAPTERS[0], width=390)
    watched.context.set_offline(True)
    page.locator("a[data-card]").first.click()
    assert "network" in page.locator("dialog.card[open] p").inner_text()
    page.keyboard.press("Escape")
    assert page.url.endswith(CHAPTERS[0])


def test_a_symbols_meaning_is_seen_on_a_phone(opened):
    _, page = opened("book/notation.html", width=390)
    for cell in page.locator("table.steady td:last-child").all()[:5]:
        assert cell.evaluate("el => el.getBoundingClientRect().right <= innerWidth")


# What is wider than a phone and does not show that it goes on at the side.
UNSHADED = """() => [...document.querySelectorAll("article *")].filter((el) => {
  const {overflowX, backgroundImage} = getComputedStyle(el);
  return /auto|scroll/.test(overflowX) && el.scrollWidth > el.clientWidth + 1 && el.clientWidth > 0
    && !el.closest(".katex-mathml") && backgroundImage === "none";
}).map((el) => `${el.tagName} ${el.className}: ${el.textContent.trim().slice(0, 60)}`)"""
# A formula's neighbours that stand on another line than it, though there is no space between.
PARTED = """() => {
  const parted = [], range = document.createRange();
  for (const formula of document.querySelectorAll("article .math:not(div) > .katex")) {
    const bases = formula.querySelectorAll(".katex-html > .base"), math = formula.parentElement;
    for (const [side, base] of [["nextSibling", [...bases].at(-1)], ["previousSibling", bases[0]]]) {
      let text = math[side] ?? (math.parentElement.matches(".kept") ? math.parentElement[side] : null);
      if (text?.nodeType !== Node.TEXT_NODE || !text.data || !base) continue;
      const at = side === "nextSibling" ? 0 : text.length - 1;
      if (/\\s/.test(text.data[at])) continue;
      range.setStart(text, at);
      range.setEnd(text, at + 1);
      const [a, b] = [range.getBoundingClientRect(), base.getBoundingClientRect()];
      if (b.width && (a.top > b.bottom || a.bottom < b.top))
        parted.push(`${text.data[at]} ${math.textContent.slice(0, 40)}`);
    }
  }
  return parted;
}"""


def test_on_a_phone_what_is_wide_shows_it_and_no_line_begins_with_a_formulas_comma(browser, server):
    watched = Page(browser, server, width=390)
    for name in PAGES:
        page = watched.open(urljoin(server, name))
        page.evaluate(WHOLE)
        page.evaluate("for (const el of document.querySelectorAll('article details')) el.open = true")
        assert page.evaluate(UNSHADED) == [], name
        for width in (390, 412, 768):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate(PARTED) == [], (name, width)
        page.set_viewport_size({"width": 390, "height": 900})
    watched.context.close()


def lightness(page, selector, key):
    """Of a colour as it is painted, from 0 to 1."""
    script = f"""el => {{
        const canvas = new OffscreenCanvas(1, 1).getContext("2d");
        canvas.fillStyle = getComputedStyle(el)["{key}"]; canvas.fillRect(0, 0, 1, 1);
        const [r, g, b] = canvas.getImageData(0, 0, 1, 1).data; return (r + g + b) / 765; }}"""
    return page.locator(selector).first.evaluate(script)


def test_a_chapter_has_a_head_and_drawings_that_follow_the_mode(browser, server):
    watched = Page(browser, server, scheme="light")
    for name in CHAPTERS:
        page = watched.open(urljoin(server, name))
        # its question, its time, what it takes and gives
        assert page.locator("h1 + .chapter-question").inner_text().endswith("?")
        facts = [row.replace("\n", " ") for row in page.locator(".chapter-facts p").all_inner_texts()]
        assert [fact.split(" ")[0] for fact in facts] == ["Time", "You", "You"], name
        assert "minutes" in facts[0] and all(len(fact) > 20 for fact in facts[1:])
        # drawings are part of the page, described, with words that are words, and no id is there twice
        assert page.locator("article img[src$='.svg']").count() == 0
        labels = page.evaluate("[...document.querySelectorAll('svg.drawing')].map(e => e.getAttribute('aria-label'))")
        assert labels and all(len(label) > 40 for label in labels), name
        assert page.locator("svg.drawing text").count() > 5
        repeated = page.evaluate(
            "[...document.querySelectorAll('[id]')].map(e => e.id).filter((id, i, all) => all.indexOf(id) !== i)"
        )
        assert repeated == [], f"{name} has an id twice"
        # the same drawing is dark on light, and light on dark
        light = lightness(page, "svg.drawing text", "fill"), lightness(page, "body", "backgroundColor")
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        dark = lightness(page, "svg.drawing text", "fill"), lightness(page, "body", "backgroundColor")
        assert light[0] < 0.3 < 0.9 < light[1] and dark[1] < 0.2 < 0.7 < dark[0], name
    watched.context.close()


def test_the_landing_page_has_three_doors_and_a_map_of_the_course(opened):
    watched, page = opened("book/welcome.html")
    assert page.locator(".door a").count() == 3
    assert page.locator(".map-part").count() == 6 and page.locator(".map-unit").count() == 24
    linked = page.evaluate("[...document.querySelectorAll('.course-map a')].map(a => [a.dataset.chapter, a.pathname])")
    assert [f"book/{slug}.html" for slug, _ in linked] == CHAPTERS
    assert all(path.endswith(f"/{slug}.html") for slug, path in linked)
    assert watched.faults == []


@pytest.mark.parametrize(
    "name", ["book/welcome.html", CHAPTERS[0], "book/glossary.html", "genindex.html", "search.html"]
)
def test_both_cards_are_one_key_away(opened, name):
    watched, page = opened(name, width=360)
    assert page.locator("a[data-card]").count() == 2
    for link in page.locator("a[data-card]").all():
        link.focus()
        page.keyboard.press("Enter")
        page.locator("dialog.card[open] table").first.wait_for()
        page.keyboard.press("Escape")
        page.locator("dialog.card").wait_for(state="detached")
        assert link.evaluate("el => el === document.activeElement")
    assert watched.faults == []


def test_cards_are_pages_where_scripts_are_off(opened):
    _, page = opened(CHAPTERS[0], java_script_enabled=False)
    page.locator("a[data-card]").last.click()
    page.wait_for_url("**/hyperparameters.html")


def test_what_has_the_focus_can_be_seen(opened):
    """Everything that Tab reaches in a chapter is framed."""
    _, page = opened(CHAPTERS[0])
    for _ in range(60):
        page.keyboard.press("Tab")
        style = page.evaluate(
            "(s => [s.outlineStyle, parseFloat(s.outlineWidth)])(getComputedStyle(document.activeElement))"
        )
        html = page.evaluate("document.activeElement.outerHTML.slice(0, 120)")
        assert style[0] != "none" and style[1] >= 2, html


def test_the_mode_is_there_before_the_first_paint_and_is_kept(opened):
    _, page = opened(CHAPTERS[0], scheme="dark")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    for _ in range(3):
        page.locator(".theme-switch-button").click()
        mode, theme = page.evaluate("(({mode, theme}) => [mode, theme])(document.documentElement.dataset)")
        page.reload()
        assert page.evaluate("document.documentElement.dataset.mode") == mode
        assert page.evaluate("document.documentElement.dataset.theme") == theme
