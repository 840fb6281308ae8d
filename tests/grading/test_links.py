"""Links that lead out: what is broken, what would not say, and what no network could check."""

import http.server
import threading

import pytest

from grading import links

ANSWERS = {"/right": 200, "/gone": 404, "/shy": 403, "/only-get": 200}


@pytest.fixture(scope="module")
def host():
    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self):
            refused = self.path == "/only-get" and self.command == "HEAD"
            self.send_response(405 if refused else ANSWERS[self.path])
            self.end_headers()

        do_GET = do_HEAD = answer

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def site(tmp_path):
    """names -> a site with a page that links to them, and to itself"""

    def make(*addresses):
        (tmp_path / "_static").mkdir(exist_ok=True)
        (tmp_path / "_static" / "vendor.html").write_text('<a href="https://never.example/">')
        anchors = "".join(f'<a class="external" href="{address}">x</a>' for address in addresses)
        (tmp_path / "page.html").write_text(f'{anchors}<a href="other.html"></a><link href="https://no.example/a.css">')
        return tmp_path

    return make


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def test_links_are_told_apart(site, host):
    folder = site(f"{host}/right#part", f"{host}/right", f"{host}/gone", f"{host}/shy", f"{host}/only-get")
    lines, status = links.report(links.check(folder))
    text = "\n".join(lines)
    assert status == 1
    assert f"broken: {host}/gone (404" in text and "on page.html" in text
    assert f"would not say: {host}/shy (403" in text
    assert lines[-1] == "2 of 4 links lead somewhere."


def test_all_right_is_right(site, host):
    assert links.report(links.check(site(f"{host}/right"))) == (["1 of 1 links lead somewhere."], 0)


def test_a_host_out_of_reach_is_no_silent_success(site, host):
    lines, status = links.report(links.check(site(f"{host}/right", "http://nowhere.invalid/")))
    assert status == 1 and lines[0].startswith("out of reach: http://nowhere.invalid/")


def test_without_a_network_it_says_what_it_could_not_check(site, capsys):
    folder = site("http://nowhere.invalid/a?x=1&amp;y=2", "http://127.0.0.1:9/b")
    assert links.main(["--site", str(folder)]) == 2
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "No network: none of 2 links could be checked."
    assert {line.strip() for line in said[1:]} == {"http://nowhere.invalid/a?x=1&y=2", "http://127.0.0.1:9/b"}


def test_a_site_that_is_not_built_ends_in_a_sentence(tmp_path):
    with pytest.raises(SystemExit, match="make book"):
        links.main(["--site", str(tmp_path / "none")])
