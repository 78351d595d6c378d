import numpy as np
import pytest
from matplotlib.patches import Rectangle

from rar_gluon.data import otb
from rar_gluon.evaluation.otb.protocol import load_protocol
from rar_gluon.report.plots import TRUTH, Style
from rar_gluon.report.strips import (
    PAPER_FRAMES,
    Track,
    compared_frames,
    comparison_strip,
    failed_frames,
    failure_strip,
    strip_figure,
)
from rar_gluon.report.tracks import read_tracks

RED = Style("#ff0000", (4, 2))


def plain_track(count, lost=(), first=1):
    overlaps = np.full(count, 0.5)
    overlaps[list(lost)] = 0
    boxes = np.tile([11.0, 21, 30, 40], (count, 1))
    return Track(first + np.arange(count), boxes, boxes, overlaps, overlaps == 0)


@pytest.fixture
def tracks(made_up):
    truth = otb.read_truth(made_up / "otb", ["Dog"])
    protocol = load_protocol()
    return {
        name: read_tracks(made_up / folder / name, truth, ["Dog"], protocol)["Dog"]
        for folder, name in (("more", "good"), ("results", "SiamFC-3s"))
    }


def test_frames_to_compare():
    assert compared_frames("Deer", plain_track(71)) == [0, 23, 47, 70]
    track = plain_track(252)
    assert [int(track.numbers[i]) for i in compared_frames("CarScale", track)] == [1, 134, 190, 246]
    assert all(frames[-1] <= otb.ENTRIES[name].last for name, frames in PAPER_FRAMES.items())


def test_frames_of_a_failure():
    assert failed_frames(plain_track(20, [3, 10, 11, 12, 13])) == [0, 9, 10, 12]
    assert failed_frames(plain_track(20, range(1, 20))) == [0, 1, 10]
    track = plain_track(20)
    track.overlaps[7] = 0.1
    assert failed_frames(track) == [0, 7], "never lost: the worst frame"


def test_boxes_lie_on_the_pixels_of_their_frames(made_up, tracks):
    video = otb.load_sequence(made_up / "otb", "Dog")
    strip = comparison_strip(video, 1, tracks, {"good": RED, "SiamFC-3s": RED})
    assert [picture.text for picture in strip.pictures] == ["#0001", "#0043", "#0085", "#0127"]
    picture = strip.pictures[1]
    assert picture.frame[0, 0, 0] == 43, "made-up frames are as bright as their number"
    assert len(picture.boxes) == 3 and picture.boxes[0][1] == TRUTH
    assert np.array_equal(picture.boxes[0][0], tracks["good"].truth[42] - [1, 1, 0, 0])
    figure = strip_figure([strip], {"good": RED})
    axes = figure.subfigs[0].axes[1]
    drawn = [patch.get_bbox().bounds for patch in axes.patches if isinstance(patch, Rectangle)]
    assert drawn == [tuple(box) for box, _ in picture.boxes]
    assert axes.get_xlim() == (0, 100) and axes.get_ylim() == (60, 0)


def test_failures_say_the_overlap(made_up, tracks):
    video = otb.load_sequence(made_up / "otb", "Dog")
    strip = failure_strip(video, 1, "SiamFC-3s", tracks["SiamFC-3s"], RED, "Dog: bad")
    assert [picture.text.split()[0] for picture in strip.pictures] == ["#0001", "#0040", "#0041", "#0051"]
    assert strip.pictures[2].text.endswith("IoU 0.00") and not strip.pictures[1].text.endswith("IoU 0.00")


def test_a_box_of_nan_is_not_drawn(made_up, tracks):
    video = otb.load_sequence(made_up / "otb", "Dog")
    tracks["good"].boxes[:] = np.nan
    strip = failure_strip(video, 1, "good", tracks["good"], RED, "")
    figure = strip_figure([strip], {"good": RED})
    assert all(len(axes.patches) == 1 for axes in figure.subfigs[0].axes if axes.patches), "the truth alone"
