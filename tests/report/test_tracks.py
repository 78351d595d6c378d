import numpy as np
import pytest

from rar_gluon.data import otb
from rar_gluon.data.sequence import Sequence as Video
from rar_gluon.data.sequence import write_boxes
from rar_gluon.evaluation.otb.ope import evaluate
from rar_gluon.evaluation.otb.protocol import load_protocol
from rar_gluon.report.tracks import Track, longest_loss, read_tracks, sequence_tracks


def track_of(lost):
    lost = np.array(lost, bool)
    boxes = np.zeros((len(lost), 4))
    return Track(np.arange(len(lost)) + 1, boxes, boxes, np.where(lost, 0, 0.5), lost)


def test_longest_loss():
    assert longest_loss(track_of([0, 1, 0, 1, 1, 1, 0, 1, 1])) == (3, 6)
    assert longest_loss(track_of([1, 1, 0, 1, 1])) == (0, 2), "the first of equal ones"
    assert longest_loss(track_of([0, 0, 1])) == (2, 3)
    assert longest_loss(track_of([0, 0])) == (0, 0)


def test_tracks_are_what_is_scored(made_up):
    protocol = load_protocol("matlab")
    truth = otb.read_truth(made_up / "otb", ["Dog"])
    track = read_tracks(made_up / "results" / "SiamFC-3s", truth, ["Dog"], protocol)["Dog"]
    assert np.array_equal(track.numbers, np.arange(1, 128))
    assert np.array_equal(np.flatnonzero(track.lost), np.arange(40, 60))
    assert np.array_equal(track.boxes[0], track.truth[0]), "the first box is the truth's under matlab"
    thresholds = protocol.overlap_grid.values
    success = (track.overlaps[:, None] > thresholds).mean(axis=0)
    assert np.allclose(success, evaluate(track.boxes, track.truth, protocol).success)


@pytest.mark.parametrize(
    ("name", "rows", "protocol", "first", "count"),
    [
        ("Tiger1", 354, "matlab", 6, 349),
        ("Tiger1", 354, "got10k", 1, 354),
        ("Tiger1", 349, "got10k", 6, 349),
        ("David", 770, "matlab", 300, 471),
        ("David", 471, "matlab", 300, 471),
    ],
)
def test_image_numbers(tmp_path, name, rows, protocol, first, count):
    entry = otb.ENTRIES[name]
    truth = np.tile([10.0, 20, 30, 40], (entry.frames, 1))
    write_boxes(tmp_path / f"{name}.txt", np.tile([12.0, 20, 30, 40], (rows, 1)))
    track = read_tracks(tmp_path, {name: (entry.first, truth)}, [name], load_protocol(protocol))[name]
    assert (track.numbers[0], len(track.numbers)) == (first, count)
    assert len(track.boxes) == len(track.truth) == len(track.overlaps) == count


def test_tracks_of_any_sequence_mind_frames_without_truth():
    truth = np.tile([10.0, 10, 20, 20], (5, 1))
    truth[[0, 3]] = np.nan  # begins at frame 1
    boxes = np.tile([100.0, 100, 20, 20], (5, 1))
    boxes[4] = truth[4]
    sequence = Video("a", [np.zeros((60, 60, 3), np.uint8)] * 5, truth)
    track = sequence_tracks({"a": boxes, "b": boxes}, [sequence], {"a": 7}, load_protocol())["a"]
    np.testing.assert_array_equal(track.numbers, range(7, 12))
    np.testing.assert_array_equal(track.overlaps, [0, 1, 0, 0, 1])  # the first is the truth under matlab
    np.testing.assert_array_equal(track.lost, [False, False, True, False, False])
    assert longest_loss(track) == (2, 3)
