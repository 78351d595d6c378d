import json

import numpy as np
import pytest

from rar_gluon.data.sequence import Sequence
from rar_gluon.evaluation.otb.protocol import load_protocol
from rar_gluon.evaluation.sequences import score_sequences
from rar_gluon.report.page import page, page_data


@pytest.fixture
def scores():
    truth = np.tile([10.0, 10, 30, 30], (4, 1))
    videos = [Sequence(name, [np.zeros((60, 60, 3), np.uint8)] * 4, truth, ("OCC",)) for name in ("a", "b")]
    boxes = {"near": truth + np.array([3, 0, 0, 0]), "far": truth + np.array([25, 0, 0, 0])}
    return score_sequences(
        {name: {"a": b, "b": b} for name, b in boxes.items()}, videos, "two", load_protocol("folder")
    )


def test_the_data_are_the_scores(scores):
    data = page_data(scores)
    assert data["protocol"]["name"] == "folder" and [t["name"] for t in data["trackers"]] == ["near", "far"]
    assert [group["key"] for group in data["groups"]] == ["all", "OCC"] and "(2)" in data["groups"][1]["label"]
    near = data["trackers"][0]
    assert near["groups"]["all"]["numbers"]["auc"] == scores.trackers["near"].overall.auc
    assert near["sequences"]["b"]["dp"] == scores.trackers["near"].sequences["b"].dp
    for plot in data["plots"]:
        assert len(plot["grid"]) == len(near["groups"]["all"]["curves"][plot["name"]])
    json.dumps(data, allow_nan=False)


def test_the_page_cannot_be_left_by_what_it_shows(scores):
    """Titles, notes and names come from folders and files: none may end the script or open a tag."""
    evil = "</script><img src=x onerror=alert(1)>"
    text = page(evil, [evil], scores, [], [], [evil])
    assert evil not in text and "<img src=x" not in text
    assert "&lt;/script&gt;" in text and "\\u003c/script>" in text
    start = text.index("{", text.index('type="application/json"'))
    data = json.loads(text[start : text.index("</script>", start)])
    assert data["about"] == [evil] == data["notes"]
