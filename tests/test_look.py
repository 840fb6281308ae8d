"""What makes the site's look: drawings for both modes, one small stylesheet, tables of defaults that are read."""

import re
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import yaml

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "book" / "_ext"))
import drawings  # noqa: E402
import light  # noqa: E402
import look  # noqa: E402


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A drawing as the book's cells make them."""
    path = tmp_path_factory.mktemp("drawn") / "it.svg"
    with plt.style.context(ROOT / "book/figures/nn.mplstyle"):
        figure, ax = plt.subplots()
        ax.plot([0, 1, 2], [0, 1, 2], label="a line")
        ax.set(title="Title", xlabel="ink, $x_1$", ylabel="out")
        ax.legend()
        figure.savefig(path)
        plt.close(figure)
    assert ", sans-serif" in path.read_text(
        encoding="utf-8"
    )  # in Jupyter, on a machine without the type it was drawn in
    return drawings.inline(path.read_text(encoding="utf-8"), "Said in words")


def test_a_drawing_names_every_colour_for_both_modes(drawn):
    assert 'role="img" aria-label="Said in words"' in drawn
    for value in re.findall(r"(?:fill|stroke):([^;\"]+)", drawn):
        assert value.startswith(("light-dark(#", "var(--", "none", "url(")), value
    assert "light-dark(#0072b2,#6cb8ec)" in drawn


def test_a_drawing_has_words_for_words_in_the_page_s_type(drawn):
    assert ">Title<" in drawn and "font-family" not in drawn
    formula = re.search(r"<text[^>]*>((?:<tspan[^>]*>[^<]*</tspan>)+)</text>", drawn)[1]
    assert "".join(re.findall(r">([^<]*)</tspan>", formula)).replace("\xa0", " ") == "ink, x1"


def test_ids_of_a_drawing_are_its_own_and_all_used(drawn):
    for name in re.findall(r' id="([^"]+)"', drawn):
        assert drawn.count(f"#{name}") >= 1 and name.startswith("d")


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("M 0 0 L 1 1 L 2 2 L 3 3", "M0.00 0.00L3.00 3.00"),
        ("M 0 0 L 1 1 L 2 0 z", "M0.00 0.00L1.00 1.00L2.00 0.00z"),
        ("M 0 0 L 5 0 L 2 0", "M0.00 0.00L2.00 0.00"),
        ("M 0 0 C 1 1 2 2 3 3", "M 0 0 C 1 1 2 2 3 3"),
        ("M 0 0 L 1 0 L 2 0 M 5 5 L 6 7", "M0.00 0.00L2.00 0.00M5.00 5.00L6.00 7.00"),
    ],
)
def test_points_on_a_straight_line_go(path, kept):
    assert drawings.straight(path) == kept


def test_a_colour_is_as_far_from_dark_paper_as_from_light():
    for bright, dim in [("#ffffff", "#111111"), ("#111111", "#eeeeee")]:
        found = float(re.match(r"oklab\(([\d.]+)", drawings.on_dark(bright))[1])
        assert abs(found - drawings.oklab(dim)[0]) < 0.2


def test_the_stylesheet_keeps_what_a_page_names_and_nothing_else(tmp_path):
    sheet = tmp_path / "styles" / "a.css"
    sheet.parent.mkdir()
    sheet.write_text(
        "/* c */ .used, .unused {color: red} .unused > p {a: b} p:not(.unused) {c: d}"
        "@media (x) {.used b {e: f} .unused {g: h}} @media (y) {.unused {i: j}}"
        "@font-face {font-family: FontAwesome} .used {background: url(../img/x.png)}"
    )
    text = light.purged(sheet, {"used"}, tmp_path)
    assert text == ('.used{color: red}p:not(.unused){c: d}@media (x){.used b{e: f}}.used{background: url("img/x.png")}')


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.9, "0.9"), ((0.9, 0.999), "0.9, 0.999"), (None, "none"), (1e-8, "$10^{-8}$"), (1e-5, "$10^{-5}$"), (0, "0")],
)
def test_a_default_is_written_as_people_write_it(value, said):
    assert look.written(value) == said


def test_the_map_has_the_24_chapters_and_links_those_that_are_written():
    parts = list(look.course())
    chapters = [chapter for _, part in parts for chapter in part]
    written = sorted(path.stem for path in (ROOT / "book").glob("ch*.md"))
    assert len(parts) == 6 and len(chapters) == 24
    assert [slug for slug, *_ in chapters if slug] == written
    assert [int(slug[2:4]) for slug, *_ in chapters if slug] == [i for i, (s, *_) in enumerate(chapters, 1) if s]
    assert all(title and question.endswith("?") for _, title, question in chapters)


def test_no_number_in_the_tables_of_defaults_is_typed():
    text = (ROOT / "book" / "hyperparameters.md").read_text(encoding="utf-8")
    tables = re.findall(r"```\{defaults\}\n(.*?)```", text, re.S)
    entries = [entry for table in tables for entry in yaml.safe_load(table)]
    assert len(entries) > 30 and all(entry.keys() == {"what", "of", "name"} for entry in entries)
