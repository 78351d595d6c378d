import dataclasses

import numpy as np
import pytest

from experiments.fig10.eao import eao_figure, eao_table, read_eao
from rar_gluon.common import InputError
from rar_gluon.evaluation.vot.protocol import load_protocol
from rar_gluon.evaluation.vot.score import Score

GOOD = Score(0.6, 1.5, 0.8, 3.0, 400, 0.3, np.full(400, 0.3), {"a": (0.6, 1.5)})
SHORT = dataclasses.replace(GOOD, eao=float("nan"), curve=np.full(50, 0.5))


def test_published_values_are_read(tmp_path):
    path = tmp_path / "eao.csv"
    path.write_text("tracker,vot2016_eao,vot2017_eao\nRAR,0.329,0.283\nOther,,0.1\n")
    assert read_eao(path, "VOT2016") == {"RAR": 0.329}
    assert read_eao(path, "VOT2017") == {"RAR": 0.283, "Other": 0.1}
    path.write_text("tracker,vot2016_eao\nRAR,high\n")
    for wrong in (path, tmp_path / "none.csv"):
        with pytest.raises(InputError, match="published EAO"):
            read_eao(wrong, "VOT2016")


def test_the_best_comes_first_and_a_curve_that_ends_early_is_said():
    protocol = load_protocol("VOT2016")
    better = dataclasses.replace(GOOD, eao=0.4)
    table = eao_table({"good": GOOD, "short": SHORT, "better": better}, {"RAR": 0.329}, protocol, "here")
    assert [row[0] for row in table.rows] == ["better", "good", "short", "RAR (not measured)"]
    assert [row[1] for row in table.rows] == [0.4, 0.3, None, None] and table.rows[-1][-1] == 0.329
    assert any("end at 50 frames" in note for note in table.notes)
    ours = eao_table({"RAR": GOOD}, {"RAR": 0.329, "SiamFC": 0.2}, protocol, "VOT2016")
    assert [(row[0], row[1], row[-1]) for row in ours.rows] == [
        ("RAR", 0.3, 0.329),
        ("SiamFC (not measured)", None, 0.2),
    ]
    table = eao_table({"good": GOOD}, {}, protocol, "here")
    assert not any("end at" in note for note in table.notes)


def test_measured_are_ranked_and_published_are_lines():
    better = dataclasses.replace(GOOD, eao=0.4)
    figure = eao_figure({"good": GOOD, "better": better}, {"RAR": 0.329}, "here")
    (axes,) = figure.axes
    points = {tuple(line.get_xydata()[0]) for line in axes.lines if line.get_marker() == "o"}
    assert points == {(1.0, 0.4), (2.0, 0.3)}
    assert [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == "--"] == [0.329]
    texts = [text.get_text() for text in axes.texts]
    assert texts == ["better: 0.400", "good: 0.300", "RAR, the paper's on the whole challenge: 0.329"]
