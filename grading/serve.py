"""The site on http://localhost:8000, built again when one of its files changes.  (make serve)"""

import functools
import http.server
import subprocess
import threading

from watchfiles import watch

from grading import spec

WATCHED = ["book", "reference_impl", "solutions", "_config.yml", "_toc.yml"]


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_):
        pass


def main(port=8000):
    handler = functools.partial(Quiet, directory=str(spec.ROOT / "_build" / "html"))
    with http.server.ThreadingHTTPServer(("localhost", port), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"http://localhost:{port}  (Ctrl-C stops it; pages are built again when their files change)")
        try:
            for _ in watch(*(spec.ROOT / path for path in WATCHED), raise_interrupt=False):
                subprocess.run(["make", "--silent", "book"], cwd=spec.ROOT, check=False)
        finally:
            server.shutdown()


if __name__ == "__main__":
    main()
