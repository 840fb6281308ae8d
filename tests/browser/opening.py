"""The built site's pages, and how they are opened: with every other host out of reach."""

from grading import spec

SITE = spec.ROOT / "_build" / "html"
HTML = (p.relative_to(SITE) for p in SITE.rglob("*.html") if "_static" not in p.parts)
PAGES = sorted(str(p) for p in HTML if str(p) != "index.html")  # which leads on to the welcome page
CHAPTERS = [page for page in PAGES if page.startswith("book/ch")]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDTHS = {"phone": 390, "desktop": 1440}


class Page:
    """A page opened with every other host cut off; what it complained about is in `faults`."""

    def __init__(self, browser, server, width=1440, scheme="light", **options):
        self.context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **options)
        self.faults, self.server = [], server
        self.context.route("**/*", self.guard)
        self.page = self.context.new_page()
        self.page.on(
            "console", lambda m: self.faults.append(m.text) if m.type == "error" and not known(m.text) else None
        )
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))

    def guard(self, route):
        url = route.request.url
        if url.startswith((self.server, "data:", "blob:", "file:")):
            route.continue_()
        else:
            self.faults.append(f"asked for {url}")
            route.abort()

    def open(self, url):
        response = self.page.goto(url, wait_until="load")
        assert response is None or response.ok, url
        return self.page


def known(text):
    """The theme's own word about a mode that was never chosen; it falls back to the system's."""
    return text.startswith("Got invalid theme mode")
