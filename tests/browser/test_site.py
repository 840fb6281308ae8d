"""The built site in Chromium, with every other host out of reach.  (make test-browser)"""

import shutil
from urllib.parse import urldefrag, urljoin

import pytest
from pages import SITE, Page

from grading import spec

HTML = (p.relative_to(SITE) for p in SITE.rglob("*.html") if not {"_static", "lite"} & {*p.parts})
PAGES = sorted(str(p) for p in HTML if str(p) != "index.html")  # which leads on to the welcome page
CHAPTERS = [page for page in PAGES if page.startswith("book/ch")]
WIDTHS = {"phone": 390, "desktop": 1440}

pytestmark = pytest.mark.browser


def test_the_site_opens_at_the_welcome_page(opened):
    _, page = opened("index.html")
    page.wait_for_url("**/book/welcome.html")
    assert "By the authors of From one neuron to GPT scale" in page.locator(".bd-footer-content").inner_text()
    assert len(CHAPTERS) >= 4


def test_formulas_are_readable_without_scripts_and_by_screen_readers(browser, server):
    watched = Page(browser, server, java_script_enabled=False)
    for name in CHAPTERS:
        page = watched.open(urljoin(server, name))
        assert page.locator(".katex .katex-mathml math").count() > 5, name
        assert "$$" not in page.locator("article").inner_text(), name
    watched.context.close()


@pytest.mark.parametrize("name", CHAPTERS)
@pytest.mark.parametrize("width", WIDTHS)
def test_a_playable_figure_changes_when_moved_by_keyboard(opened, name, width):
    watched, page = opened(name, width=WIDTHS[width])
    figures = page.locator("figure.play")
    assert figures.count() >= 1, f"{name} has nothing to play with"
    for figure in figures.all():
        controls = figure.locator("input[type=range], select, button:not([disabled])")
        assert controls.count() >= 1
        for control in controls.all():
            assert control.evaluate("el => (el.getAttribute('aria-label') || el.textContent).trim()"), (
                "a control has no name"
            )
        shown = figure.locator(".play-stage").inner_html()
        for control in controls.all():
            control.focus()
            kind = control.evaluate("el => el.tagName")
            page.keyboard.press("Enter" if kind == "BUTTON" else "ArrowDown" if kind == "SELECT" else "ArrowRight")
        assert figure.locator(".play-stage").inner_html() != shown, f"a figure of {name} does not move"
        assert figure.locator("[aria-live]").first.inner_text().strip(), "a figure says nothing to a screen reader"
    assert watched.faults == []


# What cannot be read of a playable figure: too small as displayed, outside the frame, or on other text; a cut frame.
UNREAD = """figure => {
  const frame = figure.getBoundingClientRect(), faults = [];
  for (let el = figure.parentElement; el; el = el.parentElement) {
    const {left, right} = el.getBoundingClientRect();
    if (getComputedStyle(el).overflowX !== "visible" && (frame.left < left || frame.right > right)) faults.push("cut");
  }
  for (const svg of figure.querySelectorAll(".play-stage svg")) {
    const drawn = [...svg.querySelectorAll("text")].filter(text => text.textContent.trim());
    const texts = drawn.map(text => [text.textContent, text.getBoundingClientRect(), text]);
    texts.forEach(([content, box, text], i) => {
      const size = parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a;
      if (size < 11) faults.push(`${content}: ${size} px`);
      if (box.left < frame.left || box.right > frame.right || box.top < frame.top || box.bottom > frame.bottom)
        faults.push(`${content}: outside`);
      for (const [other, b] of texts.slice(i + 1))
        if (Math.min(box.right, b.right) - Math.max(box.left, b.left) > 1
            && Math.min(box.bottom, b.bottom) - Math.max(box.top, b.top) > 4) faults.push(`${content} on ${other}`);
    });
  }
  return faults;
}"""
MOVE = "(el, end) => { el.value = el[end]; el.dispatchEvent(new Event('input')); }"


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_playable_figure_can_be_read_on_a_phone(opened, name):
    """With every control at each of its ends, and every choice chosen."""
    _, page = opened(name, width=390)
    page.evaluate("delete document.documentElement.dataset.fresh")
    for figure in page.locator("figure.play").all():
        assert figure.locator("svg text").count() > 0
        assert figure.evaluate(UNREAD) == []
        for choice in figure.locator("select").all():
            for value in choice.evaluate("el => [...el.options].map(option => option.value)"):
                choice.select_option(value)
                assert figure.evaluate(UNREAD) == [], value
                for slider in figure.locator("input[type=range]").all():
                    for end in ("max", "min"):
                        slider.evaluate(MOVE, end)
                        assert figure.evaluate(UNREAD) == [], (value, slider.get_attribute("aria-label"), end)


def test_a_phone_on_its_side_gives_its_height_to_the_text(opened):
    for name in CHAPTERS:
        _, page = opened(name, width=844)
        page.set_viewport_size({"width": 844, "height": 390})
        page.evaluate("delete document.documentElement.dataset.fresh")
        for figure in page.locator("figure.play").all():
            assert figure.evaluate(UNREAD) == [], name
            assert figure.locator(".play-stage svg").first.bounding_box()["height"] <= 290, name
            figure.scroll_into_view_if_needed()
        assert page.locator(".bd-header-article").bounding_box()["y"] < -40
        page.context.close()


def test_a_thumb_that_scrolls_over_a_slider_leaves_it_and_one_that_drags_moves_it(opened):
    watched, page = opened(CHAPTERS[0], width=390, has_touch=True, is_mobile=True)
    page.evaluate("delete document.documentElement.dataset.fresh")
    touch, slider = watched.context.new_cdp_session(page).send, page.locator(".play input[type=range]").first

    def swipe(dx, dy):
        slider.evaluate("el => scrollBy(0, el.getBoundingClientRect().top - 400)")
        page.wait_for_timeout(200)
        box, place, value = slider.bounding_box(), page.evaluate("scrollY"), slider.input_value()
        x, y = box["x"] + 0.3 * box["width"], box["y"] + box["height"] / 2
        touch("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
        for part in range(1, 11):
            point = {"x": x + dx * part / 10, "y": y + dy * part / 10}
            touch("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
            page.wait_for_timeout(16)
        touch("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        page.wait_for_timeout(200)
        return page.evaluate("scrollY") - place, float(slider.input_value()) - float(value)

    for dx, dy in [(0, -150), (40, 120)]:
        scrolled, moved = swipe(dx, dy)
        assert abs(scrolled) > 50 and moved == 0, (dx, dy)
    scrolled, moved = swipe(120, 5)
    assert scrolled == 0 and moved != 0


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_quiz_explains_the_chosen_answer(opened, name):
    watched, page = opened(name)
    assert page.locator(".quiz-question").count() >= 5
    first = page.locator(".quiz-question").first
    why = first.locator(".quiz-option").first.locator(".quiz-why")
    assert not why.is_visible()
    first.locator("input").first.focus()
    page.keyboard.press("Space")
    assert why.is_visible() and len(why.inner_text()) > 10
    assert watched.faults == []


def test_a_chapter_works_from_the_file_system(browser):
    watched = Page(browser, "file:")
    page = watched.open((SITE / CHAPTERS[0]).as_uri())
    assert page.locator("figure.play .play-stage svg").count() >= 1
    assert [fault for fault in watched.faults if "CORS" not in fault] == []
    watched.context.close()


def test_no_link_inside_the_site_is_broken(browser, server):
    watched = Page(browser, server)
    targets, anchors = set(), {}
    for name in PAGES:
        page = watched.open(urljoin(server, name))
        anchors[name] = set(page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)"))
        links = page.evaluate("[...document.querySelectorAll('a[href], img[src]')].map(e => e.href || e.src)")
        targets |= {(name, link) for link in links if link.startswith(server)}
    watched.context.close()
    broken = []
    for name, link in sorted(targets):
        url, fragment = urldefrag(link)
        path = url.removeprefix(server) or "index.html"
        if not (SITE / path.split("?")[0]).exists():
            broken.append(f"{name} → {path}")
        elif fragment and path in anchors and fragment not in anchors[path]:
            broken.append(f"{name} → {path}#{fragment}")
    assert broken == []


def test_a_set_is_one_click_away_and_complete(opened, tmp_path):
    for slug in spec.slugs():
        watched, page = opened(f"book/{slug}.html")
        with page.expect_download() as download:
            page.locator("a.set-get[download]").click()
        path = tmp_path / f"{slug}.zip"
        download.value.save_as(path)
        shutil.unpack_archive(path, tmp_path)
        files = {p.name for p in (tmp_path / slug).iterdir()}
        assert {f"{slug}.ipynb", "given.py", "cases.npz", "requirements.txt"} <= files
        assert any(name.startswith("neuron_checks-") for name in files)
        watched.context.close()
