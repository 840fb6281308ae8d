"""make serve: pages that follow, a build that fails, a port that is taken."""

import json
import threading
import urllib.error
import urllib.request

import pytest

from grading import serve


@pytest.fixture
def running(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "index.html").write_text("<body>home</body>")
    (tmp_path / "404.html").write_text("<body>not there</body>")
    (tmp_path / "style.css").write_text("a {}")
    with serve.server(0, tmp_path) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def get(server, path):
    try:
        answer = urllib.request.urlopen(f"http://localhost:{server.server_address[1]}{path}", timeout=10)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return answer.status, answer.read().decode(), answer.headers


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "localhost")


def test_a_page_listens_and_is_never_old(running):
    for path in ("/", "/index.html?q=1"):
        status, text, headers = get(running, path)
        assert status == 200 and "home" in text and "EventSource" in text
        assert headers["Cache-Control"] == "no-store"
    assert get(running, "/style.css")[:2] == (200, "a {}")


def test_what_is_not_there_is_the_sites_own_page(running):
    for path in ("/nope", "/deep/nope.html", "/deep/", "/../../etc/nope"):
        status, text, _ = get(running, path)
        assert status == 404 and "not there" in text


def test_open_pages_hear_how_a_build_ended(running, capsys):
    url = f"http://localhost:{running.server_address[1]}{serve.NEWS}"
    with urllib.request.urlopen(url, timeout=10) as news:
        outcomes = iter(["", "ch01.md:7: no such label"])
        changes = [{(1, str(serve.spec.ROOT / "book/a.md"))}, {(1, f"b{i}") for i in range(5)}]
        serve.follow(changes, build=lambda: next(outcomes))
        told = []
        while len(told) < 2:
            line = news.readline()
            if line.startswith(b"data: "):
                told.append(json.loads(line[6:]))
    assert told == ["", "ch01.md:7: no such label"]
    said = capsys.readouterr().out
    assert "book/a.md changed: building\nBuilt.\n" in said
    assert "b0, b1, b2 … changed: building\nch01.md:7: no such label\nNot built." in said


def test_a_build_that_fails_says_why(monkeypatch, tmp_path):
    make = tmp_path / "make"
    make.write_text("#!/bin/sh\necho '\033[31mno such label\033[0m' >&2; exit 2\n")
    make.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert serve.build() == "no such label"
    make.write_text(
        "#!/bin/sh\necho Running\necho 'a.md:3: WARNING: no label'\necho '====='\necho 'Building your book'\nexit 2\n"
    )
    assert serve.build() == "a.md:3: WARNING: no label"
    make.write_text("#!/bin/sh\nexit 3\n")
    assert serve.build() == "make book ended with 3"
    make.write_text("#!/bin/sh\necho fine\n")
    assert serve.build() == ""


def test_a_taken_port_ends_in_a_sentence(running):
    port = running.server_address[1]
    with pytest.raises(SystemExit, match=f"^Port {port} is taken by another program: make serve PORT={port + 1}$"):
        serve.server(port)
