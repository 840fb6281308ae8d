"""Chromium, and the built site on a port of this machine."""

import functools
import http.server
import threading
from urllib.parse import urljoin

import pytest
from pages import SITE, Page
from playwright.sync_api import sync_playwright

from grading import pdf

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def server():
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=str(SITE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}/"
        running.shutdown()


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=pdf.chromium(), args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def opened(browser, server):
    made = []

    def make(page, **options):
        made.append(Page(browser, server, **options))
        return made[-1], made[-1].open(urljoin(server, page))

    yield make
    for each in made:
        each.context.close()
