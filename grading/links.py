"""The links that lead out of the built site: which of them are broken.  (make links)"""

import argparse
import html
import http.client
import re
import socket
import sys
import urllib.error
import urllib.request
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urldefrag

from grading import spec

SITE = spec.ROOT / "_build" / "html"
BROKEN = {404, 410}
AGENT = {"User-Agent": "Mozilla/5.0 (link check)", "Accept": "*/*"}


def outgoing(site):
    """{address without its fragment: [page, …]} of all links of a site's pages that lead to another host."""
    found = defaultdict(set)
    for page in Path(site).rglob("*.html"):
        if "_static" not in page.relative_to(site).parts:
            for address in re.findall(r'<a\b[^>]*\shref="(https?://[^"]+)"', page.read_text(encoding="utf-8")):
                found[urldefrag(html.unescape(address))[0]].add(str(page.relative_to(site)))
    return {address: sorted(pages) for address, pages in sorted(found.items())}


def visit(address, timeout=20.0):
    """("right" | "broken" | "unsure" | "unreachable", why).  Unsure: the host is there and would not say."""
    for method in ("HEAD", "GET"):  # some hosts answer only the second
        try:
            with urllib.request.urlopen(urllib.request.Request(address, headers=AGENT, method=method), timeout=timeout):
                return "right", ""
        except urllib.error.HTTPError as error:
            result = ("broken" if error.code in BROKEN else "unsure"), f"{error.code} {error.reason}"
        except OSError as error:
            result = "unreachable", unreachable(getattr(error, "reason", error))
        except http.client.HTTPException as error:
            result = "unsure", f"no proper answer: {type(error).__name__}"
    return result


def unreachable(reason):
    """Why there was no answer, in words."""
    match reason:
        case socket.gaierror():
            return "no such host, or no network"
        case TimeoutError():
            return "no answer in time"
    return str(reason)


def check(site, visit=visit, workers=8):
    """{verdict: [(address, why, pages)]} for every link that leads out."""
    links = outgoing(site)
    with ThreadPoolExecutor(workers) as pool:
        results = list(pool.map(visit, links))
    verdicts = defaultdict(list)
    for (address, pages), (verdict, why) in zip(links.items(), results, strict=True):
        verdicts[verdict].append((address, why, pages))
    return verdicts


def report(verdicts):
    """(lines, exit status) : 0 right or unsure, 1 some broken or out of reach, 2 nothing could be checked at all."""
    total = sum(map(len, verdicts.values()))
    lost = verdicts["unreachable"]
    if total and len(lost) == total:
        lines = [f"No network: none of {total} links could be checked.", *(f"  {address}" for address, *_ in lost)]
        return lines, 2
    lines = []
    for verdict, says in [
        ("broken", "broken"),
        ("unreachable", "out of reach"),
        ("unsure", "not checked, since the host would not say"),
    ]:
        for address, why, pages in verdicts[verdict]:
            lines.append(f"{says}: {address} ({why})\n  on {', '.join(pages)}")
    lines.append(f"{len(verdicts['right'])} of {total} links lead somewhere.")
    return lines, int(bool(verdicts["broken"] or lost))


def main(argv=None):
    parser = argparse.ArgumentParser(prog="make links", description=__doc__)
    parser.add_argument("--site", type=Path, default=SITE)
    site = parser.parse_args(argv).site
    if not site.is_dir():
        sys.exit(f"{site} is not there: make book builds it")
    lines, status = report(check(site))
    print("\n".join(lines))
    return status


if __name__ == "__main__":
    sys.exit(main())
