import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("got10k.experiments")
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def root(tmp_path, monkeypatch):
    """One OTB sequence, Deer, of three frames; the list of sequences is cut to it."""
    from got10k.datasets import OTB

    (tmp_path / "OTB" / "Deer" / "img").mkdir(parents=True)
    for number in range(1, 4):
        frame = np.random.default_rng(number).integers(0, 256, (90, 120, 3)).astype(np.uint8)
        cv2.imwrite(str(tmp_path / "OTB" / "Deer" / "img" / f"{number:04d}.jpg"), frame)
    (tmp_path / "OTB" / "Deer" / "groundtruth_rect.txt").write_text("21,31,24,20\n" * 3)
    monkeypatch.setattr(OTB, "_OTB__version_dict", {2015: ["Deer"]})
    monkeypatch.setattr(OTB, "_download", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return tmp_path / "OTB"


def test_ours_runs_in_their_experiment(root, monkeypatch, capsys):
    import got10k_otb

    class Still:
        def init(self, frame, box):
            assert frame.shape == (90, 120, 3) and tuple(box) == (20, 30, 24, 20)
            self.box = box

        def update(self, frame):
            return self.box

    monkeypatch.setattr(got10k_otb.rar, "Tracker", lambda config: Still())
    monkeypatch.setattr(sys, "argv", ["got10k_otb.py", str(root)])
    got10k_otb.main()
    assert "'precision_score': 1.0" in capsys.readouterr().out
    boxes = np.loadtxt("results/OTB2015/rar_thin/Deer.txt", delimiter=",")
    np.testing.assert_array_equal(boxes, [[21, 31, 24, 20]] * 3)
