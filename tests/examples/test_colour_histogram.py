from pathlib import Path

import cv2
import numpy as np
import pytest

from rar_gluon import cli
from rar_gluon.data.sequence import read_boxes, write_boxes
from rar_gluon.evaluation.otb.ope import overlap

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def root(tmp_path):
    """A red square on grey noise that moves by three pixels a frame."""
    rng = np.random.default_rng(0)
    boxes = np.array([[20.0 + 3 * t, 30 + t, 24, 20] for t in range(15)])
    (tmp_path / "data" / "red").mkdir(parents=True)
    for index, (x, y, w, h) in enumerate(boxes.astype(int)):
        frame = np.repeat(rng.integers(60, 200, (90, 120, 1)), 3, axis=2).astype(np.uint8)
        frame[y : y + h, x : x + w] = (30, 30, 220)
        cv2.imwrite(str(tmp_path / "data" / "red" / f"{index:03d}.png"), frame)
    write_boxes(tmp_path / "data" / "red" / "groundtruth.txt", boxes)
    return tmp_path / "data"


def test_a_tracker_of_ones_own_is_run_and_scored(root, monkeypatch, capsys):
    monkeypatch.chdir(EXAMPLES)
    runs = root.parent / "runs"
    call = ["eval", "--dataset", "folder", "--root", str(root), "--output", str(runs)]
    assert cli.main([*call, "--tracker", "colour_histogram:ColourHistogram"]) == 0
    boxes = read_boxes(runs / "ColourHistogram" / "red.txt")
    assert overlap(boxes, read_boxes(root / "red" / "groundtruth.txt")).min() > 0.7
    assert cli.main(["score", "folder", "--results", str(runs), "--root", str(root)]) == 0
    assert "ColourHistogram" in capsys.readouterr().out
