"""What a page brings with it: the scripts that do something, and one small stylesheet."""

import re
import shutil
from pathlib import Path

import pydata_sphinx_theme
import tinycss2

ROOT = Path(__file__).parents[2]
FONTS = {
    "source-serif-4": "source-serif-4-latin-wght-{}.woff2",
    "source-sans-3": "source-sans-3-latin-wght-{}.woff2",
}
THEME_SCRIPT = "scripts/pydata-sphinx-theme.js"
# What pages do without: icons (look.css draws the few there are), dropdowns and tooltips, widgets' managers and state.
UNUSED = re.compile(
    r"fontawesome|bootstrap|togglebutton|clipboard|copybutton|design-tabs|sphinx_highlight|doctools|thebe"
)


def lighten(app, pagename, templatename, context, doctree):
    """One stylesheet a page, and of the scripts those that do something."""
    context["css_files"] = []
    if "body" in context:  # a corner over a column of names is no header
        context["body"] = re.sub(r'<th class="head">\s*(?:<p>\s*</p>)?\s*</th>', "<td></td>", context["body"])
    if pagename != "search":
        context["script_files"] = [deferred(script) for script in context["script_files"] if needed(script)]


def needed(script):
    """Whether a page has use for a script."""
    attributes = getattr(script, "attributes", {})
    if attributes.get("body") is None:
        return not UNUSED.search(str(script.filename))
    return "widget-state" not in attributes.get("type", "") and not re.search(
        "toggle|DOCUMENTATION_OPTIONS", attributes["body"]
    )


def deferred(script):
    """The same script, once the page is there."""
    if not getattr(script, "filename", None):
        return script
    return type(script)(script.filename, priority=script.priority, **{**script.attributes, "defer": "defer"})


def finish(app, exception):
    """Write the stylesheet: all that the theme and the extensions bring, but only the rules that a page has use for."""
    if exception or app.builder.format != "html":
        return
    out = Path(app.outdir)
    static = out / "_static"
    (static / "fonts").mkdir(exist_ok=True)
    for package, name in FONTS.items():
        for style in ("normal", "italic"):
            file = ROOT / "node_modules/@fontsource-variable" / package / "files" / name.format(style)
            shutil.copy(file, static / "fonts" / f"{package}-{style}.woff2")
    for file in (ROOT / "book/_static").iterdir():  # Sphinx copies them only when a page has changed
        shutil.copy(file, static)
    (static / THEME_SCRIPT).write_text(without_measuring(), encoding="utf-8")
    words = set()
    for file in out.rglob("*.html"):
        for names in re.findall(r"""\b(?:class|id)=["']([^"']+)""", file.read_text(encoding="utf-8")):
            words |= {*names.split()}
    for file in [*static.glob("*.js"), *static.glob("scripts/*theme.js")]:
        words |= {*re.findall(r"[\w-]+", file.read_text(encoding="utf-8"))}
    names = ["styles/pydata-sphinx-theme.css", *(s.filename.removeprefix("_static/") for s in app.builder._css_files)]
    text = "".join(purged(static / name, words, static) for name in dict.fromkeys(names))
    (static / "site.css").write_text(text, encoding="utf-8")


def without_measuring():
    """The theme's script without its last step, which lays out the whole page to find what scrolls: course.js does."""
    script = Path(pydata_sphinx_theme.__file__).parent / "theme/pydata_sphinx_theme" / "static" / THEME_SCRIPT
    text = script.read_text(encoding="utf-8").split("//# sourceMappingURL")[0]
    text, found = re.subn(
        r',"complete"===document.readyState\?(\w+)\(\):window.addEventListener\("load",\1\)', "", text
    )
    if found != 1:
        raise ValueError(f"{script} finds what scrolls in another way than light.py knows")
    return text


def purged(sheet, words, static):
    """A stylesheet without the rules for what no page has, and with its addresses seen from _static."""
    rules = tinycss2.parse_stylesheet(sheet.read_text(encoding="utf-8"), skip_comments=True, skip_whitespace=True)
    text = kept(rules, words)
    here = sheet.parent.relative_to(static).as_posix()

    def move(match):
        if match[1].startswith(("data:", "#", "http")):
            return match[0]
        parts = [*here.split("/"), *match[1].split("?")[0].split("/")] if here != "." else match[1].split("/")
        flat = []
        for part in parts:
            flat.pop() if part == ".." else flat.append(part)
        return f'url("{"/".join(flat)}")'

    return re.sub(r"""url\(["']?([^"')]*)["']?\)""", move, text)


def kept(rules, words):
    """The rules whose selectors name only classes and ids that some page or script names."""
    text = ""
    for rule in rules:
        if rule.type == "at-rule" and rule.at_keyword in ("media", "supports", "layer") and rule.content:
            inner = kept(tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True), words)
            text += f"@{rule.at_keyword} {tinycss2.serialize(rule.prelude).strip()}{{{inner}}}" if inner else ""
        elif rule.type == "at-rule":
            whole = rule.serialize()
            text += "" if "Font Awesome" in whole or "FontAwesome" in whole else whole
        elif rule.type == "qualified-rule":
            selectors = [s for s in split_selectors(tinycss2.serialize(rule.prelude)) if used(s, words)]
            if selectors:
                text += f"{','.join(selectors)}{{{tidy(tinycss2.serialize(rule.content))}}}"
    return text


def split_selectors(prelude):
    """At the commas outside of brackets."""
    return [s.strip() for s in re.split(r",(?![^(]*\))", prelude)]


def used(selector, words):
    plain = re.sub(r":not\([^)]*\)", "", selector)
    return all(name.replace("\\", "") in words for name in re.findall(r"[.#]([A-Za-z_-][\w-]*)", plain))


def tidy(content):
    return re.sub(r"\s*\n\s*", "", re.sub(r"/\*.*?\*/", "", content, flags=re.S)).strip().rstrip(";")


def setup(app):
    app.connect("html-page-context", lighten, priority=990)
    app.connect("build-finished", finish, priority=950)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
