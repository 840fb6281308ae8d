"""Figures to play with: one JavaScript module that runs on the static page, where no Python is, and live in Jupyter.

A module defines `function setup(el, data, kit)`: it fills el, and redraws from data and its own controls. kit.js has
the controls, which work by keyboard and touch and tell a screen reader what they show.
"""

import json
from html import escape
from pathlib import Path

import anywidget
import numpy as np
import traitlets

HERE = Path(__file__).parent
KIT = (HERE / "kit.js").read_text(encoding="utf-8")
CSS = (HERE / "play.css").read_text(encoding="utf-8")


class Play(anywidget.AnyWidget):
    """A playable figure.

    module : name of a file in book/figures, "ch08_play.js"
    title : what it is, one line; it names the figure for a screen reader
    summary : what there is to see, for print and where scripts are off
    data : what setup gets; arrays become nested lists
    """

    data = traitlets.Dict().tag(sync=True)

    def __init__(self, module, title, summary, **data):
        self._title, self._summary = title, summary
        self._setup = (HERE / module).read_text(encoding="utf-8")
        frame = json.dumps(f'<p class="play-title">{escape(title)}</p>')
        self._esm = (
            f"{KIT}\n{self._setup}\n"
            "export default {render({model, el}) {"
            f"el.classList.add('play'); el.innerHTML = `<style>${{kit.css}}</style>` + {frame};"
            "const stage = document.createElement('div'); el.append(stage); setup(stage, model.get('data'), kit);}}"
        ).replace("__CSS__", json.dumps(CSS))
        super().__init__(data=plain(data))

    def _repr_mimebundle_(self, **kwargs):
        bundle, metadata = super()._repr_mimebundle_(**kwargs)
        return {**bundle, "text/html": self.html()}, metadata

    def html(self):
        """The figure as a piece of a page that needs nothing else."""
        ident = f"play-{_slug(self._title)}"
        data = json.dumps(self.data, separators=(",", ":")).replace("</", "<\\/")
        kit = KIT.replace("__CSS__", '""')
        return (
            f'<figure class="play" id="{ident}" role="group" aria-label="{escape(self._title)}"><style>{CSS}</style>'
            f'<p class="play-title">{escape(self._title)}</p><div class="play-stage"></div>'
            f'<figcaption class="play-summary">{escape(self._summary)}</figcaption>'
            f'<script type="module">{kit}\n{self._setup}\n'
            f'setup(document.querySelector("#{ident} .play-stage"), {data}, kit);</script></figure>'
        )


def _slug(text):
    return "".join(c if c.isalnum() else "-" for c in text.lower()).strip("-")


def plain(value):
    """Arrays to lists, rounded to six digits, all the way down: JSON that stays small."""
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
