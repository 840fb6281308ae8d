"""Put JupyterLite beside the pages: every set opens in the browser, its files and `checks` with it.  (make book)

Python itself, Pyodide, comes from its own host when a reader opens a notebook. PYODIDE=FOLDER, an unpacked release of
Pyodide, is served by the site instead, and nothing then comes from elsewhere.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from importlib import metadata
from pathlib import Path

from grading import spec

OUT = spec.ROOT / "_build" / "html" / "lite"
KERNEL = "@jupyterlite/pyodide-kernel-extension"
APPS = ["notebooks", "tree", "edit"]  # a notebook, the list of files, a text file; no JupyterLab


def stage(folder):
    """Lay out in folder what a reader finds there, a folder a set; the wheel lies open beside each notebook."""
    (wheel,) = (spec.ROOT / "dist").glob("neuron_checks-*.whl")
    for slug in spec.slugs():
        shutil.copytree(
            spec.ROOT / "exercises" / slug, folder / slug, ignore=shutil.ignore_patterns(".*", "__pycache__")
        )
        with zipfile.ZipFile(wheel) as bundle:
            bundle.extractall(folder / slug, [name for name in bundle.namelist() if name.startswith("checks/")])
    return wheel


def wheel_of(name, folder):
    """A pure Python package as it is installed here, as a wheel again."""
    package = metadata.distribution(name)
    path = folder / f"{name}-{package.version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for file in package.files:
            if file.suffix != ".pyc":
                bundle.write(file.locate(), file.as_posix())
    return path


def settings(wheels):
    """What jupyterlite-core reads: as little as opens a notebook, and the wheels that a kernel installs."""
    return {
        "LiteBuildConfig": {
            "apps": APPS,
            "contents": ["files"],
            "output_dir": str(OUT),
            "no_sourcemaps": True,
            "no_unused_shared_packages": True,
            "ignore_sys_prefix": ["federated_extensions"],  # but the kernel: no other extension of this environment
            "federated_extensions": [str(Path(sys.prefix) / "share/jupyter/labextensions" / KERNEL)],
        },
        "PipliteAddon": {"piplite_urls": [str(wheel) for wheel in wheels]},
    }


def main():
    pyodide = os.environ.get("PYODIDE")
    shutil.rmtree(OUT, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        wheels = [stage(folder / "files"), wheel_of("comm", folder)]  # every kernel asks for comm, PyPI if need be
        if pyodide:
            shutil.copytree(pyodide, folder / "static" / "pyodide")  # where jupyterlite-pyodide-kernel looks for it
        (folder / "jupyter_lite_config.json").write_text(json.dumps(settings(wheels)))
        command = [sys.executable, "-m", "jupyterlite_core", "build"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)


if __name__ == "__main__":
    main()
