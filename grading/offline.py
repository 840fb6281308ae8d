"""The whole site as one zip that works from a folder, without a server or a network.  (make offline)

Left out is what a browser runs from a server only: the notebooks that open in it.
"""

import time
import zipfile

from grading import spec

SITE = spec.ROOT / "_build" / "html"
OUT = SITE / "one-neuron-to-gpt-scale.zip"


def wanted(file):
    """Whether a file of the site, its path from there, goes along."""
    return file.parts[0] not in ("lite", OUT.name, ".buildinfo")


def write(path):
    """Pack the site into the zip at path. Returns how many files it holds."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for file in sorted(path.relative_to(SITE) for path in SITE.rglob("*") if path.is_file()):
            if wanted(file):
                bundle.write(SITE / file, f"{OUT.stem}/{file.as_posix()}")
    return len(bundle.namelist())


def main():
    started = time.perf_counter()
    files = write(OUT)
    size = OUT.stat().st_size / 2**20
    print(f"{OUT.relative_to(spec.ROOT)}: {files} files, {size:.1f} MiB, {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
