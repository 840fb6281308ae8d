"""What a reader does on the built site: search, follow deep links, and be remembered."""

import functools
import http.server
import json
import threading
from urllib.parse import quote, urljoin

import pytest
from pages import SITE, Page

pytestmark = pytest.mark.browser

CHAPTER = "book/ch08_backprop.html"
FIRST = {  # what is typed: where the first results lead
    "dout": ["book/notation.html#symbol-dout"],
    "rstd": ["book/notation.html#symbol-rstd"],
    "linear_backward": ["book/ch08_backprop.html#exercise-ch08_backprop-linear_backward"],
    "cross-entropy": ["book/glossary.html#term-cross-entropy", "book/glossary.html#term-binary-cross-entropy"],
    "Cross entropy": ["book/glossary.html#term-cross-entropy"],
    "η": ["book/notation.html#symbol-lr"],
    "eta": ["book/notation.html#symbol-lr"],
    "softmax": ["book/glossary.html#term-softmax"],
    "weight_decay": ["book/notation.html#symbol-weight_decay", "book/glossary.html#term-weight-decay"],
    "weight decay": ["book/glossary.html#term-weight-decay", "book/notation.html#symbol-weight_decay"],
    "∂L/∂W": ["book/notation.html#symbol-dx"],
    "dL/dW": ["book/notation.html#symbol-dx"],
    "W": ["book/notation.html#symbol-W"],
    "w": ["book/notation.html#symbol-w"],
    "logits": ["book/notation.html#symbol-logits", "book/glossary.html#term-logit"],
    "gradients": ["book/glossary.html#term-gradient"],
    "vanishing": ["book/glossary.html#term-vanishing-gradient", "book/ch08_backprop.html#vanishing-and-exploding"],
}


# Found ----------------------------------------------------------------------------------------------------------------


def search(page, server, words):
    page.goto(urljoin(server, f"search.html?q={quote(words)}"))
    page.wait_for_function("/found \\d+ page|did not match/.test(document.body.innerText)")
    return page.eval_on_selector_all("ul.search > li > a", "links => links.map(a => a.getAttribute('href'))")


def test_names_come_first(opened, server):
    watched, page = opened("search.html")
    wrong = {
        words: found[:3]
        for words, first in FIRST.items()
        if (found := search(page, server, words))[: len(first)] != first
    }
    assert wrong == {}
    assert watched.faults == []


def test_a_symbol_is_found_and_shown_as_it_is_typed(opened, server):
    """dW is neither dx, whose row of the notation it shares, nor a part of handwritten."""
    _, page = opened("search.html")
    for name in ("dW", "db", "dx"):
        assert search(page, server, name)[0] == "book/notation.html#symbol-dx"
        assert page.locator("ul.search a").first.inner_text() == name
    search(page, server, "dW")
    page.locator("ul.search p.context").first.wait_for()
    texts = page.locator("ul.search li:has(a[href^='book/ch']) p.context").all_inner_texts()
    assert texts and all("dW" in text for text in texts)


def test_words_of_the_text_are_still_found(opened, server):
    watched, page = opened("search.html")
    assert "book/ch01_neuron.html" in search(page, server, "dendrites")
    assert search(page, server, "qwertzuiop") == []
    search(page, server, "learning rate")
    shown = page.locator("ul.search p.context").first
    shown.wait_for()
    assert "\\" not in shown.inner_text() and len(shown.inner_text()) > 60
    assert watched.faults == []


def test_search_works_from_the_file_system(browser):
    watched = Page(browser, "file:")
    page = watched.page
    assert search(page, (SITE / "index.html").as_uri(), "dout")[0] == "book/notation.html#symbol-dout"
    assert [fault for fault in watched.faults if "CORS" not in fault] == []
    watched.context.close()


def test_everything_with_an_address_has_a_link_that_the_keyboard_reaches(opened):
    _, page = opened(CHAPTER)
    links = page.locator("article a.headerlink")
    assert links.count() > 20
    for what in ("h2", "figure.align-default", "figure.play", "div.math", "tr[id^=exercise-]"):
        things = page.locator(f"article {what}").count()
        assert things and things == page.locator(f"article {what} a.headerlink").count(), what
    for link in (page.locator(f"article {what} a.headerlink").first for what in ("h2", "figure.play", "div.math")):
        assert link.evaluate("a => getComputedStyle(a).opacity") == "0"
        link.focus()
        assert link.evaluate("a => getComputedStyle(a).opacity") == "1"
        assert link.bounding_box()["width"] > 5
        assert len(link.get_attribute("aria-label")) > 10
        page.keyboard.press("Enter")
        assert page.evaluate("document.querySelector(':target') !== null")


def test_a_link_to_an_exercise_opens_the_table_it_is_in(opened):
    _, page = opened(f"{CHAPTER}#exercise-ch08_backprop-linear_backward")
    row = page.locator("#exercise-ch08_backprop-linear_backward")
    row.wait_for()
    assert row.is_visible()


@pytest.mark.parametrize("path", ["nope", "book/nope.html", "book/very/deep/nope.html"])
def test_what_is_not_there_has_a_search_and_a_way_home(browser, path):
    class Pages(http.server.SimpleHTTPRequestHandler):
        """As GitHub Pages: every address without a file gets 404.html."""

        def log_message(self, *_):
            pass

        def send_error(self, code, *_):
            body = (SITE / "404.html").read_bytes()
            self.send_response(code)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(body)

    handler = functools.partial(Pages, directory=str(SITE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{running.server_address[1]}/"
        watched = Page(browser, base)
        watched.page.goto(base + path)
        assert [fault for fault in watched.faults if "404" not in fault] == []
        watched.page.get_by_role("heading", name="There is no page here").wait_for()
        watched.page.get_by_role("searchbox", name="Search the course").fill("dout")
        watched.page.keyboard.press("Enter")
        watched.page.wait_for_selector("ul.search a")
        watched.page.goto(base + path)
        watched.page.get_by_role("link", name="To the start of the course").click()
        watched.page.wait_for_url("**/book/welcome.html")
        watched.context.close()
        running.shutdown()


# Remembered -----------------------------------------------------------------------------------------------------------


def answer(page, number, right=True):
    option = page.locator(".quiz-question").nth(number).locator(f"input[data-right={str(right).lower()}]").first
    option.focus()
    page.keyboard.press("Space")
    return option


def test_answers_and_chapters_done_are_remembered_and_shown(opened, server):
    watched, page = opened(CHAPTER)
    total = page.locator(".quiz-question").count()
    answer(page, 0)
    answer(page, 1)
    wrong = answer(page, 2, right=False)
    assert page.locator(".progress-end [role=status]").inner_text() == f"2 of {total} questions right."
    page.reload()
    assert page.locator(".quiz-option.right").count() == 2
    assert wrong.is_checked() and page.locator(".quiz-option.wrong .quiz-why").first.is_visible()

    page.goto(urljoin(server, "book/welcome.html"))
    marks = page.locator("[data-chapter=ch08_backprop]")
    assert marks.count() >= 1
    assert marks.first.evaluate("e => e.classList.contains('begun')")
    assert f"2 of {total} questions" in marks.first.evaluate("e => e.getAttribute('aria-label') ?? e.textContent")

    page.goto(urljoin(server, CHAPTER))
    button = page.get_by_role("button", name="Mark chapter 8 as done")
    button.focus()
    page.keyboard.press("Enter")
    assert (
        page.locator(".progress-end [role=status]").inner_text() == f"Chapter 8 is done. 2 of {total} questions right."
    )
    page.goto(urljoin(server, "book/welcome.html"))
    assert marks.first.evaluate("e => e.classList.contains('done') && !e.classList.contains('begun')")
    assert "done" in marks.first.evaluate("e => e.getAttribute('aria-label') ?? e.textContent")
    assert "1 chapter done, 2 questions answered rightly." in page.locator("#progress").inner_text()
    assert "kept in this browser’s local storage" in page.locator("#progress").inner_text()
    assert page.locator(".bd-sidebar-primary a.done").count() == 1
    assert watched.faults == []


def test_a_map_that_is_a_picture_is_marked_too(opened):
    watched, page = opened("book/ch01_neuron.html")
    answer(page, 0)
    page.evaluate(
        """picture => {
        document.querySelector("article").insertAdjacentHTML("beforeend", picture);
        dispatchEvent(new StorageEvent("storage", {key: null}));
    }""",
        '<svg><a href="#" data-chapter="ch01_neuron" aria-label="1 One neuron"><text y="20">1</text></a>'
        '<a href="#" data-chapter="ch08_backprop"><text y="40">8 Backpropagation</text></a></svg>',
    )
    one, eight = page.locator("svg a[data-chapter]").all()
    assert "begun" in one.get_attribute("class")
    total = page.locator(".quiz-question").count()
    assert one.get_attribute("aria-label") == f"1 One neuron, 1 of {total} questions"
    assert eight.get_attribute("aria-label") == "8 Backpropagation" and not eight.get_attribute("class")
    assert watched.faults == []


def test_a_full_storage_is_said_and_does_no_harm(opened):
    watched, page = opened(CHAPTER)
    page.evaluate("void (Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); })")
    answer(page, 0)
    answer(page, 1)
    assert page.locator(".progress-end [role=status]").inner_text().startswith("2 of ")
    assert "lasts until you leave the page" in page.locator(".progress-where").inner_text()
    assert watched.faults == []


def test_another_tab_follows(opened):
    watched, page = opened("book/welcome.html")
    other = watched.context.new_page()
    other.goto(page.url.replace("welcome", "ch01_neuron"))
    other.get_by_role("button", name="Mark chapter 1 as done").click()
    page.wait_for_selector("[data-chapter=ch01_neuron].done")
    other.get_by_role("button", name="Chapter 1 is not done after all").click()
    page.wait_for_selector("[data-chapter=ch01_neuron]:not(.done)")
    assert watched.faults == []


def test_progress_can_be_taken_along_and_erased(opened, browser, server, tmp_path):
    watched, page = opened(CHAPTER)
    answer(page, 0)
    page.get_by_role("button", name="Mark chapter 8 as done").click()
    page.goto(urljoin(server, "book/welcome.html"))
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    download.value.save_as(path := tmp_path / download.value.suggested_filename)
    data = json.loads(path.read_text())
    assert path.suffix == ".json" and data["done"].keys() == {"ch08_backprop"}

    asked = []
    page.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.get_by_role("button", name="Erase").click()
    assert page.locator("[data-chapter].done").count() == 1
    page.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.accept()))
    page.get_by_role("button", name="Erase").click()
    assert len(asked) == 2 and page.locator("[data-chapter].done").count() == 0
    assert page.evaluate("Object.keys(localStorage).filter(k => k.includes('neuron'))") == []

    page.locator("#progress input[type=file]").set_input_files(path)
    page.wait_for_selector("[data-chapter=ch08_backprop].done")
    for text in ("{}", "not JSON", json.dumps({**data, "quiz": {"ch08_backprop": {"of": "<b>"}}})):
        (tmp_path / "bad.json").write_text(text)
        page.locator("#progress input[type=file]").set_input_files(tmp_path / "bad.json")
        page.get_by_text("That file is not an export of this course. Nothing was changed.").wait_for()
        assert page.locator("[data-chapter=ch08_backprop].done").count() == 1
    assert watched.faults == []


def test_a_damaged_record_is_no_obstacle(opened, server):
    watched, page = opened(CHAPTER)
    for text in ("{", "[]", '{"course": "from-one-neuron-to-gpt-scale", "done": 3}'):
        page.evaluate("text => localStorage.setItem('from-one-neuron-to-gpt-scale', text)", text)
        page.reload()
        answer(page, 0)
        assert page.locator(".progress-end [role=status]").inner_text().startswith("1 of ")
    assert watched.faults == []


def test_it_works_where_storage_is_switched_off(opened, server):
    """In a frame without an origin, the browser itself throws when storage is asked for."""
    watched, page = opened("book/welcome.html")
    page.set_content(f'<iframe sandbox="allow-scripts" src="{server}{CHAPTER}" width=1200 height=800></iframe>')
    frame = page.frames[1]
    frame.wait_for_selector(".progress-end button")
    assert frame.evaluate("localStorage.fleeting")
    frame.locator(".quiz-question").first.locator("input[data-right=true]").first.check()
    frame.get_by_role("button", name="Mark chapter 8 as done").click()
    assert "Chapter 8 is done. 1 of" in frame.locator(".progress-count").inner_text()
    assert "lasts until you leave the page" in frame.locator(".progress-where").inner_text()
    loading = ("CORS", "ERR_FAILED")  # fonts, which such a frame may not have
    assert [fault for fault in watched.faults if not any(word in fault for word in loading)] == []


def test_it_works_from_the_file_system(browser):
    watched = Page(browser, "file:")
    page = watched.open((SITE / CHAPTER).as_uri())
    page.get_by_role("button", name="Mark chapter 8 as done").click()
    page.goto((SITE / "book/welcome.html").as_uri())
    assert page.locator("[data-chapter=ch08_backprop].done").count() == 1
    assert [fault for fault in watched.faults if "CORS" not in fault] == []
    watched.context.close()
