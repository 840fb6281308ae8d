"""The folder that is published: the site at its root, each release's own below, and a list of them.  (make public)"""

import argparse
import html
import re
import shutil
import sys
import tarfile
from pathlib import Path

from grading import spec

SITE = spec.ROOT / "_build" / "html"
LIST = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>All versions · From one neuron to GPT scale</title>
<meta name="description" content="Every version of the course From one neuron to GPT scale.">
<style>:root {{ color-scheme: light dark; }}
body {{ font: 1.1rem/1.6 sans-serif; max-width: 36rem; margin: 3rem auto; padding: 0 1rem; }}</style>
</head><body><main><h1>All versions</h1>
<ul>
{rows}
</ul></main></body></html>
"""


def order(tag):
    """Sorts v0.10.0 after v0.9.0, and v1.0.0rc1 before v1.0.0."""
    numbers, rest = re.match(r"v?([\d.]*)(.*)", tag).groups()
    return [int(n) for n in numbers.split(".") if n], rest == "", rest


def versions(tags):
    """The page that lists the site of main and those of the releases, the newest first."""
    rows = ['<li><a href="./">The newest text</a>, as it stands in the repository</li>']
    for tag in sorted(tags, key=order, reverse=True):
        rows.append(f'<li><a href="{html.escape(tag)}/">Version {html.escape(tag.removeprefix("v"))}</a></li>')
    return LIST.format(rows="\n".join(rows))


def publish(site, releases, public):
    """Put a site and the releases' sites (TAG.tar.gz in a folder) together in public. Returns the releases' tags."""
    shutil.rmtree(public, ignore_errors=True)
    shutil.copytree(site, public)
    tags = []
    for archive in sorted(Path(releases).glob("*.tar.gz")):
        tag = archive.name.removesuffix(".tar.gz")
        if not re.fullmatch(r"v?\d[\w.]*", tag):
            sys.exit(f"{archive.name} is no release: its name should be its tag's, as v0.1.0.tar.gz")
        with tarfile.open(archive) as bundle:
            bundle.extraction_filter = getattr(tarfile, "data_filter", None)  # Python has it since 3.11.4
            bundle.extractall(public / tag)
        tags.append(tag)
    (public / "versions.html").write_text(versions(tags), encoding="utf-8")
    (public / ".nojekyll").touch()  # or GitHub leaves out every folder whose name begins with _
    return tags


def main(argv=None):
    parser = argparse.ArgumentParser(prog="make public", description=__doc__)
    parser.add_argument("--releases", type=Path, default=spec.ROOT / "releases", help="folder with TAG.tar.gz")
    parser.add_argument("--public", type=Path, default=spec.ROOT / "_build" / "public")
    args = parser.parse_args(argv)
    tags = publish(SITE, args.releases, args.public)
    print(f"{args.public} holds the site{''.join(f', {tag}' for tag in tags)}")


if __name__ == "__main__":
    main()
