"""What a notebook holds, as HTML that runs nothing, asks nothing of any host and names no place on this machine.

Markdown, HTML and pictures come from students. Only what is on the lists below gets through; a page's
Content-Security-Policy forbids scripts and requests once more.
"""

import base64
import functools
import html
import mimetypes
import re
from pathlib import Path
from xml.etree import ElementTree

import bleach
from latex2mathml.converter import convert_to_element
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

TAGS = frozenset(
    """
    a abbr b blockquote br caption code col colgroup dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i img ins kbd
    li mark ol p pre q s samp small span strong sub summary sup table tbody td tfoot th thead tr tt u ul var
    """.split()  # noqa: SIM905
)
VOID = ("area", "br", "col", "hr", "img", "input", "link", "meta", "wbr")
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml")
MATH = {"display", "stretchy", "fence", "form", "accent", "mathvariant", "displaystyle", "scriptlevel", "width"}
MATH |= {"minsize", "maxsize"}
LARGEST = 2_000_000  # bytes of a picture that is taken into the page
LONGEST = 12_000  # characters of one output or cell
MARK = (
    "\ue000"  # a private character: stands before and after the number of a formula while the text around it is cleaned
)


def picture(data, kind, alt=""):
    """A picture as <img>; an SVG in an <img> runs no script and loads nothing.

    data : base64 text
    kind : one of PICTURES
    """
    if len(data) > LARGEST * 4 // 3:
        return "<em>[a picture, too large for this page]</em>"
    data = re.sub(r"[^A-Za-z0-9+/=]", "", data)
    return f'<img src="data:{kind};base64,{data}" alt="{html.escape(alt)}">'


def math(tex, display="inline"):
    """A formula as MathML, which browsers draw and read aloud themselves; the TeX where it cannot be converted."""
    code = f'<code class="tex">{html.escape(tex)}</code>'
    if len(tex) > 2000:
        return code
    try:
        root = convert_to_element(re.sub(r"\{(aligned|gathered)\}", "{align*}", tex), display=display)
    except Exception:  # its exceptions have no common class, and deep nesting ends in a RecursionError
        return code
    for element in root.iter():
        align = element.get("columnalign")
        element.text = html.unescape(element.text) if element.text else element.text
        if "\\" in (element.text or "") or not re.fullmatch(r"m\w+", element.tag):
            return code
        element.attrib = {k: v for k, v in element.attrib.items() if k in MATH}
        if align in ("left", "right"):  # browsers heed the style only
            element.set("style", f"text-align:{align}")
    return ElementTree.tostring(root, encoding="unicode")


class Renderer(IPythonRenderer):
    """Markdown as HTML, its formulas laid aside in `formulas` and marked in the text."""

    def __init__(self, attachments):
        super().__init__(escape=False, exclude_anchor_links=True, attachments=attachments)
        self.formulas = []

    def aside(self, formula):
        self.formulas.append(formula)
        return f"{MARK}{len(self.formulas) - 1}{MARK}"

    def inline_math(self, body):
        return self.aside(math(body))

    def block_math(self, body):
        return self.aside(f'<div class="scroll" tabindex="0">{math(body, "block")}</div>')

    def latex_environment(self, name, body):
        return self.block_math(rf"\begin{{{name}}}{body}\end{{{name}}}")

    def _embed_image_or_attachment(self, src):
        return super()._embed_image_or_attachment(src) if src.partition(":")[2] in self.attachments else src


@functools.lru_cache(4096)
def _markdown(source, folder, attachments):
    renderer = Renderer({name: dict(data) for name, data in attachments})
    source = re.sub(rf"[\x00-\x08\x0b-\x1f{MARK}]", "", shortened(source))
    try:
        raw = MarkdownWithMath(renderer=renderer).render(source)
    except RecursionError:
        return as_text(source)
    return re.sub(f"{MARK}(\\d+){MARK}", lambda m: renderer.formulas[int(m[1])], clean(raw, folder))


def markdown(source, folder=None, attachments=None):
    """Markdown as clean HTML. Its pictures are taken from folder and its attachments, and from nowhere else."""
    attached = tuple((name, tuple(data.items())) for name, data in (attachments or {}).items())
    return _markdown(source, folder if "![" in source or "<img" in source else None, attached)


def clean(text, folder=None):
    """HTML of any origin as HTML that may stand in a page: what is on no list is gone."""
    if deep(text):
        return as_text(text)
    text = re.sub(r"(?is)<(script|style|iframe|object|title|template|noscript)\b.*?(</\1\s*>|\Z)", "", text)
    text = re.sub(r"(?is)<svg\b.*?(</svg\s*>|\Z)", lambda m: picture(_base64(m[0].encode()), PICTURES[-1]), text)
    text = re.sub(r"(?is)<img\b[^>]*>", lambda m: _embedded(m[0], folder), text)
    text = bleach.clean(text, tags=TAGS, attributes=_allowed, protocols={"http", "https", "mailto", "data"}, strip=True)
    head, mark, body = text.partition("</thead>")
    head = head if mark else re.sub("<th(?=[ >])", '<th scope="row"', head)
    text = re.sub("<th(?=[ >])(?! scope)", '<th scope="col"', head) + mark
    text += re.sub("<th(?=[ >])", '<th scope="row"', body)
    text = re.sub(r"<th [^>]*>\s*</th>", "<td></td>", text)
    text = text.replace("<table>", '<div class="scroll" tabindex="0"><table>').replace("</table>", "</table></div>")
    return text.replace("<pre>", '<pre tabindex="0">')


def deep(text):
    """Whether elements are nested so deep that reading them would take very long."""
    depth = most = 0
    for end, name in re.findall(r"<(/?)([A-Za-z][A-Za-z0-9]*)", text):
        depth = max(0, depth - 1) if end else depth + (name.lower() not in VOID)
        most = max(most, depth)
    return most > 200


def as_text(text):
    """Text as it is, in type of one width."""
    return f'<pre class="printed" tabindex="0">{html.escape(shortened(text))}</pre>'


def _allowed(tag, name, value):
    if tag == "a" and name == "href":
        return bool(re.match(r"(https?|mailto):", value, re.IGNORECASE))
    if tag == "img" and name == "src":
        return bool(re.match(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,", value))
    if name == "class":  # Pygments' own; no student's text may look like the page's verdicts
        return tag in ("span", "div") and bool(re.fullmatch("highlight|[a-z][a-z0-9]{0,2}", value))
    return name in {"img": ("alt",), "td": ("colspan", "rowspan"), "th": ("colspan", "rowspan"), "ol": ("start",)}.get(
        tag, ()
    )


def _embedded(tag, folder):
    """An <img> with its picture inside, or what it would have shown in words."""
    found = dict(re.findall(r"""(?is)\b(src|alt)\s*=\s*["']?((?<=")[^"]*|(?<=')[^']*|[^\s>"']*)""", tag))
    source, alt = html.unescape(found.get("src", "")), html.unescape(found.get("alt", ""))
    data = re.fullmatch(r"data:([\w/+.-]+);base64,(.*)", source, re.DOTALL)
    if data and data[1] in PICTURES:
        return picture(data[2], data[1], alt)
    kind = mimetypes.guess_type(source)[0]
    if folder and kind in PICTURES:
        folder = Path(folder).resolve()
        path = (folder / source).resolve()
        if path.is_relative_to(folder) and path.is_file() and path.stat().st_size <= LARGEST:
            return picture(_base64(path.read_bytes()), kind, alt)
    return f"<em>[a picture{': ' if alt else ''}{html.escape(alt)}]</em>"


def _base64(content):
    return base64.b64encode(content).decode("ascii")


@functools.lru_cache(4096)
def code(source, language="python"):
    """A cell's source, its words coloured by Pygments' classes."""
    inner = highlight(shortened(source), _lexer(language), HtmlFormatter(nowrap=True)).rstrip("\n")
    return f'<pre class="code" tabindex="0"><code>{inner}</code></pre>'


@functools.cache
def _lexer(language):
    try:
        return get_lexer_by_name(language, stripnl=False)
    except ClassNotFound:
        return get_lexer_by_name("text", stripnl=False)


def plain(text):
    """Printed text as it would stand on a terminal: no colours, no overwritten lines, no paths of this machine."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07", "", text)
    text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return pathless(re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "", text))


def pathless(text):
    """Absolute paths shortened to their last name."""
    text = re.sub(r"(?<![\w.:/~])(?:file://)?~?/(?:[\w.@+~ -]*[\w.@+~-]/)+([\w.@+-]*)", r"…/\1", text)
    return re.sub(r"\b[A-Za-z]:\\(?:[\w.@+~ -]+\\)+([\w.@+-]*)", r"…/\1", text)


def shortened(text):
    """Text of at most LONGEST characters: of a longer one its beginning and its end."""
    if len(text) <= LONGEST:
        return text
    left = LONGEST * 3 // 4
    return f"{text[:left]}\n… {len(text) - LONGEST:,} characters are left out here …\n{text[left - LONGEST :]}"


def ticks(text):
    """A plain sentence as HTML, what stands in `backticks` as code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(text))


def headless(text):
    """HTML whose headings are strong paragraphs, for what stands outside the page's outline."""
    return re.sub("<h[1-6]>", "<p><strong>", re.sub("</h[1-6]>", "</strong></p>", text))


def in_order(pieces, level):
    """Pieces of HTML whose headings begin at `level` and never leave out a step, as a page's outline must."""
    shift, last = None, level - 1

    def moved(match):
        nonlocal shift, last
        if not match[1]:
            shift = int(match[2]) if shift is None else min(shift, int(match[2]))
            last = min(6, last + 1, level + int(match[2]) - shift)
        return f"<{match[1]}h{last}>"

    return [re.sub(r"<(/?)h([1-6])>", moved, piece) for piece in pieces]
