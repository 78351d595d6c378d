import numpy as np
import pytest

from experiments.table2.comparison import comparison_table
from rar_gluon.data.sequence import Sequence as Video
from rar_gluon.evaluation.otb.protocol import load_protocol
from rar_gluon.evaluation.sequences import score_sequences
from rar_gluon.report.published import read_published
from rar_gluon.report.speed import Speed


@pytest.fixture
def table(published_folder):
    truth = np.tile([10.0, 10, 30, 30], (4, 1))
    sequence = Video("a", [np.zeros((60, 60, 3), np.uint8)] * 4, truth)
    moves = {"rar_thin": 1, "SiamFC-3s": 5, "opencv-kcf": 9}
    boxes = {name: {"a": truth + np.array([x, 0, 0, 0])} for name, x in moves.items()}
    scores = {"1 sequence": score_sequences(boxes, [sequence], "1 sequence", load_protocol())}
    speeds = {"rar_thin": Speed(np.full(4, 0.25), 1, "")}
    return comparison_table(scores, read_published(published_folder), speeds), scores["1 sequence"]


def test_published_recomputed_and_measured_stand_in_one_row(table):
    table, scores = table
    heads = [column.head for column in table.columns]
    rows = {row[0]: dict(zip(heads, row)) for row in table.rows}
    assert list(rows) == ["RAR", "SiamFC (SiamFC-3s)", "CFNet", "rar_thin", "opencv-kcf"]
    siamfc = rows["SiamFC (SiamFC-3s)"]
    assert (siamfc["paper OTB-2015 AUC"], siamfc["recomputed OTB-2015 AUC"]) == (0.578, 0.582)
    assert siamfc["AUC, 1 sequence"] == scores.trackers["SiamFC-3s"].overall.auc
    assert rows["CFNet"]["recomputed OTB-2015 DP"] == 0.748 and rows["CFNet"]["AUC, 1 sequence"] is None
    assert rows["RAR"]["paper frames/s"] == 37 and rows["RAR"]["recomputed OTB-2013 AUC"] is None
    thin = rows["rar_thin"]
    assert thin["paper OTB-2013 AUC"] is None, "a thinner network is not the paper's"
    assert thin["frames/s here"] == 4 and rows["opencv-kcf"]["frames/s here"] is None


def test_aliases_and_doubts_are_said(table):
    table, _ = table
    assert any("SiamFC-3s" in note for note in table.notes) and any(".767" in note for note in table.notes)
