"""JupyterLite inside the site: a set opens with one click, and its check runs where Pyodide's files are at hand."""

import os

import pytest
from pages import SITE

from grading import spec

pytestmark = pytest.mark.browser
PYODIDE = "https://cdn.jsdelivr.net/pyodide/"
SERVED = (SITE / "lite" / "static" / "pyodide").exists()  # the site was built with PYODIDE=FOLDER
STEP = """def step(z):
return np.where(np.asarray(z) > 0, 1.0, 0.0)"""  # the editor indents


@pytest.fixture
def live(browser, server):
    """The first set, opened from its card; asked holds every address of another host."""
    asked = []

    def guard(route):
        if route.request.url.startswith((server, "data:", "blob:")):
            route.continue_()
        else:
            asked.append(route.request.url)
            route.abort()

    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.route("**/*", guard)
    page = context.new_page()
    page.goto(f"{server}book/ch01_neuron.html")
    assert asked == []
    page.get_by_role("link", name="Open in the browser").click()
    page.locator(".jp-CodeCell", has_text="from checks import check").wait_for(timeout=120_000)
    yield page, asked
    context.close()


def test_one_click_opens_the_set_and_nothing_but_python_comes_from_elsewhere(live):
    page, asked = live
    if not SERVED:
        page.wait_for_timeout(3000)
        assert asked and all(url.startswith(PYODIDE) for url in asked)


def test_a_check_runs_in_the_browser(live):
    if not SERVED:
        pytest.skip(
            "not run: a check in the browser, since no release of Pyodide is at hand (make book PYODIDE=FOLDER). "
            "That the notebook opens with its files and the wheel was tested."
        )
    page, asked = live
    cells = page.locator(".jp-CodeCell")
    cells.first.click()
    page.keyboard.press("Shift+Enter")
    cells.nth(1).locator(".cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.type(STEP)
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Shift+Enter")
    page.get_by_text("step: right, 0.5 of 0.5 points").wait_for(timeout=float(os.environ.get("LIVE_TIMEOUT", 180_000)))
    assert asked == []


@pytest.mark.parametrize("slug", spec.slugs())
def test_a_set_lies_there_as_it_is_handed_out_and_checks_as_in_its_wheel(slug, tmp_path):
    folder = SITE / "lite" / "files" / slug
    for file in (spec.ROOT / "exercises" / slug).iterdir():
        if file.is_file():
            assert (folder / file.name).read_bytes() == file.read_bytes()
    for file in (spec.ROOT / "checks").glob("*.py"):
        assert (folder / "checks" / file.name).read_bytes() == file.read_bytes()
