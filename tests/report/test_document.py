import csv
import re

import pytest
from matplotlib.figure import Figure

from rar_gluon.report.document import image, to_html, to_text, write_document
from rar_gluon.report.tables import Column, Table

TABLE = Table(
    "scores",
    "Scores <of> two",
    (Column("tracker"), Column("paper AUC", ".3f"), Column("verdict")),
    (("a & b", 0.5, "supported"), ("c", None, "undecided")),
    {"protocol": "folder"},
    ("one note",),
)


@pytest.fixture
def figure():
    figure = Figure(figsize=(1, 1))
    figure.subplots().plot([0, 1])
    return figure


def test_a_terminal_gets_columns_and_heads_in_lines():
    lines = to_text(TABLE).splitlines()
    assert "Scores <of> two" in lines[0] and "protocol folder" in lines[0]
    assert lines[1].split() == ["paper"] and lines[2].split() == ["tracker", "AUC", "verdict"]
    assert lines[3].split() == ["a", "&", "b", "0.500", "supported"]
    assert "AUC" not in to_text(TABLE, skip=["paper AUC"]) and "undecided" in to_text(TABLE, skip=["paper AUC"])


def test_a_page_is_one_file_and_escapes_what_it_is_given(figure):
    page = to_html("A <b> title", ["first & warned", "second"], [TABLE], {"curve": ('a "caption"', figure)})
    assert "<b>" not in page and "A &lt;b&gt; title" in page and "a &amp; b" in page
    assert '<p class="warning">first &amp; warned</p>' in page and "<p>second</p>" in page
    assert '<td class="number">0.500</td>' in page and '<td class="supported">supported</td>' in page
    assert "<li>one note</li>" in page and page.count("<img") == 1
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert len(sources) == 1 and sources[0].startswith("data:image/")


def test_all_files_are_written_whole(tmp_path, figure):
    write_document(tmp_path / "out", "Title", ["about"], [TABLE], {"a_curve": ("caption", figure)})
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["a_curve.png", "report.html", "report.md", "scores.csv"]
    with open(tmp_path / "out" / "scores.csv", newline="") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    assert [row["tracker"] for row in rows] == ["a & b", "c"] and float(rows[0]["paper AUC"]) == 0.5
    text = (tmp_path / "out" / "report.md").read_text()
    assert text.startswith("# Title\n\nabout\n\n") and "![a curve](a_curve.png)" in text and text.endswith("caption\n")
    assert (tmp_path / "out" / "a_curve.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "name, target",
    [("a_curve", "a_curve.png"), ("my clip", "<my clip.png>"), ("clip(1", "<clip(1.png>")],
)
def test_a_picture_is_found_whatever_its_name(name, target):
    assert image(name).endswith(f"]({target})")
