import dataclasses

import numpy as np
import pytest

from rar_gluon.evaluation.otb.score import score_otb
from rar_gluon.report.plots import COLORS, DASHES, PLOTS, attribute_figure, curve_figure, save, styles


@pytest.fixture(scope="module")
def scores(made_up):
    parts = [score_otb(made_up / part, made_up / "otb", sequences=["Crossing", "Dog"]) for part in ("results", "more")]
    return dataclasses.replace(parts[0], trackers={**parts[0].trackers, **parts[1].trackers})


def test_curves_are_the_scores_best_first(scores):
    for plot in PLOTS:
        (axes,) = curve_figure(scores, plot, "OTB-2013").axes
        assert axes.get_title() == f"{plot.title} of OPE - OTB-2013 (2)"
        entries = [text.get_text() for text in axes.get_legend().get_texts()]
        numbers = {name: getattr(score.overall, plot.number) for name, score in scores.trackers.items()}
        ranked = sorted(numbers, key=numbers.get, reverse=True)
        assert entries == [f"[{numbers[name]:.3f}] {name}" for name in ranked]
        for name, line in zip(ranked, axes.get_lines()):
            assert np.array_equal(line.get_ydata(), getattr(scores.trackers[name].overall, plot.curve))
            assert np.array_equal(line.get_xdata(), getattr(scores.protocol, plot.grid).values)


def test_a_name_is_no_formula(scores):
    named = dataclasses.replace(scores, trackers={"a$_$b": next(iter(scores.trackers.values()))})
    figure = curve_figure(named, PLOTS[0], "x")
    figure.draw_without_rendering()
    (entry,) = figure.axes[0].get_legend().get_texts()
    assert entry.get_text().endswith(r"a\$_\$b")


def test_figures_name_their_protocol(scores):
    for figure in (curve_figure(scores, PLOTS[0], "x"), attribute_figure(scores, PLOTS[0], "x")):
        assert any("protocol matlab" in text.get_text() for text in figure.texts)


def test_attributes_have_a_panel_each(scores):
    figure = attribute_figure(scores, PLOTS[1], "OTB-2013")
    titles = [axes.get_title() for axes in figure.axes]
    assert "scale variation - SV (2)" in titles and "out-of-plane rotation - OPR (1)" in titles
    assert len(titles) == len(scores.trackers["good"].attributes)


def test_styles_differ():
    class Many:
        trackers = dict.fromkeys(range(len(COLORS) * len(DASHES)))

    assert len(set(styles(Many).values())) == 30


def test_saved_files_are_reproducible(scores, tmp_path):
    for part in ("a", "b"):
        save(curve_figure(scores, PLOTS[0], "x"), tmp_path / part, "plot")
    for name in ("plot.png", "plot.pdf"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["plot.pdf", "plot.png"]
