"""Drawings become part of their page: words in the page's type, colours that follow its mode, no second request.

Matplotlib draws once, for white paper. Here each SVG is put into the page with the paper taken away and every colour
given with its counterpart on dark paper, so that the browser chooses: light-dark(#0072b2, #6cb8ec).
"""

import re
import xml.etree.ElementTree as ET
import zlib
from functools import cache
from itertools import pairwise
from math import hypot
from pathlib import Path

from docutils import nodes
from matplotlib import get_data_path
from matplotlib.ft2font import FT2Font
from sphinx.transforms.post_transforms import SphinxPostTransform

SVG, LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
PAPER, INK = "var(--paper)", "var(--ink)"
# The colour cycle of nn.mplstyle, and what each is on dark paper: the colours of the playable figures.
CYCLE = {
    "#0072b2": "#6cb8ec",
    "#d55e00": "#ff9d5c",
    "#009e73": "#4fd1a5",
    "#cc79a7": "#ec9fca",
    "#e69f00": "#f0c04a",
    "#56b4e9": "#8fb8e8",
}
NUMBER = re.compile(r"-?\d+\.\d+")


def oklab(color):
    """Lightness from 0 to 1, and two axes of hue (Björn Ottosson, "A perceptual color space", 2020)."""
    r, g, b = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (r, g, b))
    x = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    y = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    z = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    return (
        0.2104542553 * x + 0.7936177850 * y - 0.0040720468 * z,
        1.9779984951 * x - 2.4285922050 * y + 0.4505937099 * z,
        0.0259040371 * x + 0.7827717662 * y - 0.8086757660 * z,
    )


@cache
def on_dark(color):
    """A colour's counterpart on dark paper: as far from it as the colour is from white, and of the same hue."""
    if color in CYCLE:
        return CYCLE[color]
    lightness, a, b = oklab(color)
    chroma = (a * a + b * b) ** 0.5
    lightness = 0.94 - 0.72 * lightness + 1.4 * chroma * (lightness < 0.8)
    vivid = 2.2 if chroma < 0.05 else 1  # a tint of white needs more colour to be seen on black
    return f"oklab({lightness:.3f} {vivid * a:.3f} {vivid * b:.3f})"


def paint(match):
    """`fill: #0072b2` for both modes."""
    color = match[2].lower()
    if len(color) == 4:
        color = "#" + "".join(2 * digit for digit in color[1:])
    both = {"#ffffff": PAPER, "#000000": INK}.get(color) or f"light-dark({color},{on_dark(color)})"
    return f"{match[1]}:{both}"


def restyle(style):
    """An element's style: both modes, and text in the page's type, whose size a phone may raise."""
    style = re.sub(r"\b(fill|stroke): ?(#[0-9a-fA-F]{6}|#[0-9a-fA-F]{3})\b", paint, style)
    style = re.sub(r"font-family: ?[^;]*;? ?", "", style)
    style = re.sub(r"font-size: ?([\d.]+)px", r"font-size:calc(\1px*var(--zoom))", style)
    return re.sub(r"\s*([:;])\s*", r"\1", style).strip(";")


def flow(text):
    """Let the glyphs of a formula follow one another: matplotlib puts each where its own type would have it."""
    glyphs = []
    for span in text.findall(f"{SVG}tspan"):
        xs, ys = ([float(v) for v in span.get(key).split()] for key in "xy")
        ys = ys * len(xs) if len(ys) == 1 else ys
        glyphs += [(x, y, span.get("style"), char) for x, y, char in zip(xs, ys, span.text, strict=True)]
        text.remove(span)
    text.text = None
    glyphs.sort()
    size = max(float(re.search(r"font-size: ?([\d.]+)", style)[1]) for _, _, style, _ in glyphs)
    middle = (glyphs[-1][0] + advance(*glyphs[-1][2:])) / 2
    text.set("style", text.get("style", "") + ";text-anchor:middle")
    text.set("x", f"{middle:.2f}")
    end, base, span = 0, 0, None
    for x, y, style, char in glyphs:
        space = "\u00a0" if x - end > 0.12 * size and span is not None else ""
        if span is None or span.get("style") != style or abs(y - base) > 0.01:
            span = ET.SubElement(text, f"{SVG}tspan", {"style": style})
            span.text = ""
            if abs(y - base) > 0.01:
                span.set("dy", f"{y - base:.2f}")
        span.text += space + char
        end, base = x + advance(style, char), y


@cache
def advance(style, char):
    """How wide a character is in matplotlib's type."""
    face = FT2Font(get_data_path() + "/fonts/ttf/DejaVuSans.ttf")
    face.set_size(float(re.search(r"font-size: ?([\d.]+)", style)[1]), 72)
    return face.load_char(ord(char)).linearHoriAdvance / 65536


def short(match):
    number = float(match[0])
    return f"{number:.2f}".rstrip("0").rstrip(".") if abs(number) >= 1 else f"{number:.4g}"


def straight(path):
    """A path without the points that lie on the straight line between their neighbours, to a fiftieth of a point."""
    if re.search(r"[^MLz\d\s.e+-]", path):
        return path
    pieces = []
    for piece in re.findall(r"M[^Mz]*z?", path):
        closed, points = (
            piece.endswith("z"),
            [tuple(map(float, p.split())) for p in re.split("[ML]", piece.rstrip("z"))[1:]],
        )
        kept = points[:1]
        for (x, y), (x2, y2) in pairwise(points[1:]):
            x1, y1 = kept[-1]
            long = hypot(x2 - x1, y2 - y1)
            if long == 0 or abs((x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)) > 0.02 * long:
                kept.append((x, y))
        kept += points[1:][-1:]
        pieces.append("M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in kept) + "z" * closed)
    return "".join(pieces)


def inline(source, alt):
    """A drawing of matplotlib's as a piece of a page."""
    root = ET.fromstring(source)
    figure = root.find(f"{SVG}g")
    for child in [c for c in root if c.tag != f"{SVG}g"]:
        if child.tag != f"{SVG}defs" or child.find(f"{SVG}style") is not None:
            root.remove(child)
    first = figure.find(f"{SVG}g")
    if (first.get("id") or "").startswith("patch_"):
        figure.remove(first)  # the paper
    text = ET.tostring(root, encoding="unicode")
    used = {*re.findall(r'href="#([^"]+)"', text), *re.findall(r"url\(#([^)]+)\)", text)}
    prefix = f"d{zlib.crc32(source.encode()):x}-"
    for element in root.iter():
        name = element.attrib.pop("id", None)
        if element.tag == f"{SVG}text" and element.find(f"{SVG}tspan") is not None:
            flow(element)
        if name in used:
            element.set("id", prefix + name)
        target = element.attrib.pop(LINK, None)
        if target:
            element.set("href", f"#{prefix}{target[1:]}" if target.startswith("#") else target)
        for key, value in element.attrib.items():
            if key == "style":
                element.set(key, restyle(value.replace("url(#", f"url(#{prefix}")))
            elif key == "clip-path":
                element.set(key, value.replace("url(#", f"url(#{prefix}"))
            elif key in ("d", "x", "y", "transform", "points", "width", "height"):
                element.set(key, NUMBER.sub(short, straight(" ".join(value.split())) if key == "d" else value))
    width, height = (float(v) for v in root.get("viewBox").split()[2:])
    root.attrib.clear()
    root.attrib.update({"viewBox": f"0 0 {width:g} {height:g}", "role": "img", "aria-label": alt})
    root.set("class", "drawing" + (" drawing-wide" if width > 430 else ""))
    root.set("style", f"--width:{width:g}")
    ET.register_namespace("", SVG[1:-1])
    text = ET.tostring(root, encoding="unicode").replace(' xmlns="http://www.w3.org/2000/svg"', "")
    return re.sub(r">\s+<", "><", text)


class Inline(SphinxPostTransform):
    """Put every drawing that a cell made into its page."""

    default_priority = 900
    formats = ("html",)

    def run(self, **kwargs):
        for image in list(self.document.findall(nodes.image)):
            path = Path(self.env.srcdir) / image["uri"]
            if path.suffix == ".svg" and "jupyter_execute" in path.parts and path.exists():
                html = inline(path.read_text(encoding="utf-8"), image.get("alt", ""))
                image.replace_self(nodes.raw("", html, format="html"))


def setup(app):
    app.add_post_transform(Inline)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
