"""A page of the built site, opened with every other host cut off."""

from grading import spec

SITE = spec.ROOT / "_build" / "html"


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
