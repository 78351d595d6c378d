"""Table 2 on a made-up miniature of LaSOT, with trackers of OpenCV."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from experiments import cli
from experiments.call import Call
from experiments.sizes import Comparison, Evaluation, read_size
from experiments.targets import TARGETS
from rar_gluon.common import InputError
from rar_gluon.data.sequence import write_boxes


@pytest.fixture
def lasot(tmp_path):
    """One sequence: a square that moves to the right."""
    place, rng = tmp_path / "LaSOT" / "airplane" / "airplane-1", np.random.default_rng(0)
    (place / "img").mkdir(parents=True)
    square = rng.integers(0, 255, (24, 24, 3)).astype(np.uint8)
    boxes = []
    for index in range(6):
        frame = np.full((60, 90, 3), 90, np.uint8)
        frame[20:44, 10 + 3 * index : 34 + 3 * index] = square
        cv2.imwrite(str(place / "img" / f"{index + 1:08d}.png"), frame)
        boxes.append([11 + 3 * index, 21, 24, 24])
    write_boxes(place / "groundtruth.txt", np.array(boxes, float))
    for name in ("full_occlusion", "out_of_view"):
        (place / f"{name}.txt").write_text(",".join("0" * 6))
    write_boxes(tmp_path / "others" / "Perfect" / "airplane-1.txt", np.array(boxes, float))
    return tmp_path


@pytest.fixture
def make(lasot, peer_in_our_place):
    def run(*datasets, **changes):
        comparison = Comparison(tracker="opencv-mosse", peers=("opencv-kcf",), sequences=Evaluation(8, synthetic=1))
        size = replace(read_size("quick"), comparison=comparison)
        call = Call("table2", size, lasot / "out", lasot / "boxes", datasets=datasets, **changes)
        return TARGETS["table2"].make(call, "Table 2")

    return run


def test_one_data_set_that_is_there_and_one_that_is_not(make, lasot, capsys):
    datasets = (("lasot", lasot / "LaSOT"), ("uav123", lasot / "nowhere"))
    assert make(*datasets, results=lasot / "others") == 0
    out = capsys.readouterr().out
    assert "Table 2 on LaSOT, 1 of 280 sequences (protocol lasot)" in out and "opencv-kcf" in out and "Perfect" in out
    assert "uav123 is left out:" in out and "lacks boxes of 123" in out
    assert (lasot / "out" / "table2_lasot.csv").is_file()
    assert "sequences" in json.loads((lasot / "boxes" / "lasot" / "evaluation.json").read_text())


def test_shortened_sequences_have_boxes_of_their_own(make, lasot):
    assert make(("lasot", lasot / "LaSOT"), frames=3) == 0
    with pytest.raises(InputError, match="holds boxes of other sequences or frames"):
        make(("lasot", lasot / "LaSOT"))


def test_none_is_there(make, lasot):
    with pytest.raises(InputError, match="uav123 is left out: .*nowhere lacks boxes"):
        make(("uav123", lasot / "nowhere"))


def test_options(lasot, capsys):
    call, _ = cli.parse(["table2", "--dataset", "lasot", "--root", str(lasot / "LaSOT"), "--frames", "3"])
    assert call.datasets == (("lasot", (lasot / "LaSOT").resolve()),) and call.frames == 3
    assert "on 3 frames" in TARGETS["table2"].plan(call)
    with pytest.raises(InputError, match="--dataset is given 1 times and --root 0"):
        cli.parse(["table2", "--dataset", "lasot"])
    with pytest.raises(InputError, match="--dataset means nothing for fig7"):
        cli.parse(["fig7", "--dataset", "lasot", "--root", "x"])
