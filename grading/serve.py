"""The site on http://localhost:8000, built again when one of its files changes; open pages follow.  (make serve)"""

import argparse
import contextlib
import errno
import functools
import http.server
import json
import os
import queue
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import ClassVar

from watchfiles import watch

from grading import spec

SITE = spec.ROOT / "_build" / "html"
WATCHED = ["book", "reference_impl", "solutions", "checks", "_config.yml", "_toc.yml"]
NEWS = "/~news"
# A page listens for the end of a build: it loads itself again, or says what failed.
LISTENER = f"""<script>new EventSource("{NEWS}").onmessage = ({{data}}) => {{
  const failed = JSON.parse(data);
  if (!failed) return location.reload();
  const note = document.getElementById("serve-failed") ?? document.body.appendChild(document.createElement("pre"));
  Object.assign(note, {{id: "serve-failed", role: "alert", textContent: failed}});
  note.style = "position:fixed;inset:auto 0 0;max-height:50vh;overflow:auto;margin:0;padding:1rem;z-index:9999;" +
    "background:#5c1010;color:#fff;white-space:pre-wrap";
}}</script>"""


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files, says nothing, and tells every open page how a build ended."""

    listeners: ClassVar = set()

    def log_message(self, *_):
        pass

    def handle(self):
        with contextlib.suppress(ConnectionError):  # a page that went on before it was all there
            super().handle()

    def end_headers(self):
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def do_GET(self):
        if self.path == NEWS:
            return self.news()
        path = Path(self.translate_path(self.path))
        if self.path.split("?")[0].endswith("/"):
            path /= "index.html"
        if path.suffix == ".html" or not path.exists():
            return self.page(path)
        return super().do_GET()

    def page(self, path):
        """A page with the listener in it, or the page for what is not there."""
        status = 200 if path.is_file() else 404
        lost = Path(self.directory) / "404.html"
        text = path.read_text(encoding="utf-8") if status == 200 else lost.read_text(encoding="utf-8")
        body = text.replace("</body>", f"{LISTENER}</body>").encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def news(self):
        """Send what is told until the page goes away."""
        mine = queue.SimpleQueue()
        self.listeners.add(mine)
        try:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            while True:
                try:
                    self.wfile.write(b"data: " + json.dumps(mine.get(timeout=15)).encode() + b"\n\n")
                except queue.Empty:
                    self.wfile.write(b":\n\n")  # still there?
                self.wfile.flush()
        except OSError:
            pass
        finally:
            self.listeners.discard(mine)

    @classmethod
    def tell(cls, failed):
        """failed : what a build said as it failed, or "" where it did not"""
        for listener in list(cls.listeners):
            listener.put(failed)


def build():
    """Build the site. Returns "", or what was said of why it failed."""
    alone = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    done = subprocess.run(
        ["make", "--silent", "book"],
        cwd=spec.ROOT,
        env=alone,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return "" if done.returncode == 0 else reason(done.stdout) or f"make book ended with {done.returncode}"


def reason(said):
    """What a failed build said, from its first complaint on and without the builder's frame."""
    lines = [line for line in re.sub(r"\x1b\[[\d;]*m", "", said).splitlines() if line.strip(" =")]
    first = next((i for i, line in enumerate(lines) if re.search(r"warning:|error\b|exception", line, re.I)), 0)
    ending = (i for i, line in enumerate(lines) if line.startswith("Building your book"))
    return "\n".join(lines[first : next(ending, None)])


def follow(changes, build=build):
    """Build for every batch of changes, and say how it went, here and on the open pages."""
    for batch in changes:
        names = sorted({path.removeprefix(f"{spec.ROOT}/") for _, path in batch})
        print(f"{', '.join(names[:3])}{' …' * (len(names) > 3)} changed: building", flush=True)
        failed = build()
        print(f"{failed}\nNot built. The site is as it was before." if failed else "Built.", flush=True)
        Handler.tell(failed)


def server(port, site=SITE):
    """A server that listens on a port of this machine."""
    try:
        return http.server.ThreadingHTTPServer(("localhost", port), functools.partial(Handler, directory=str(site)))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            sys.exit(f"Port {port} is taken by another program: make serve PORT={port + 1}")
        raise


def main(argv=None):
    parser = argparse.ArgumentParser(prog="make serve", description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    port = parser.parse_args(argv).port
    with server(port) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        print(f"http://localhost:{port}  (built again when a file changes; Ctrl-C stops it)", flush=True)
        try:
            follow(watch(*(spec.ROOT / path for path in WATCHED)))
        except KeyboardInterrupt:
            pass
        finally:
            running.shutdown()
    print()


if __name__ == "__main__":
    main()
