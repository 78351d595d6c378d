import math

import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.data.frames import VideoFile
from rar_gluon.report.overlay import VideoSink, draw_box, overlay, response_picture


def refusal(function, *arguments):
    """Message of the `InputError` that a call raises: one sentence on one line."""
    with pytest.raises(InputError) as caught:
        function(*arguments)
    message = str(caught.value)
    assert "\n" not in message and message.endswith((".", "?"))
    return message


# Writing -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv", ".MP4"])
@pytest.mark.parametrize("size", [(48, 64), (47, 63)])
def test_what_is_written_can_be_read(tmp_path, suffix, size):
    path = tmp_path / f"out{suffix}"
    with VideoSink(path, 20.0) as sink:
        for index in range(5):
            sink.write(np.full((*size, 3), 50 * index, np.uint8))
    frames = list(VideoFile(path))
    assert len(frames) == 5
    assert [abs(frame.mean() - 50 * index) < 8 for index, frame in enumerate(frames)] == [True] * 5
    assert VideoFile(path).fps == pytest.approx(20)


@pytest.mark.parametrize("name", ["out.txt", "out", "out.mp3", ".mp4"])
def test_names_that_are_no_video(tmp_path, name):
    assert "video name" in refusal(VideoSink, tmp_path / name, 25.0)


def test_a_video_that_cannot_be_written(tmp_path, capfd):
    with VideoSink(tmp_path / "absent" / "out.mp4", 25.0) as sink:
        assert "out.mp4" in refusal(sink.write, np.zeros((24, 32, 3), np.uint8))


def test_a_sink_without_frames_writes_nothing(tmp_path):
    with VideoSink(tmp_path / "out.mp4", 25.0):
        pass
    assert list(tmp_path.iterdir()) == []


# Drawing -------------------------------------------------------------------------------------------------------------


def test_a_box_is_drawn_where_it_is():
    frame = np.zeros((60, 80, 3), np.uint8)
    draw_box(frame, (20, 10, 30, 25), thickness=1)
    rows, columns = np.nonzero(frame.any(axis=2))
    edges = (columns.min(), rows.min(), columns.max(), rows.max())
    assert edges == pytest.approx((20, 10, 50, 35), abs=1)  # the line is smoothed
    assert not frame[15:30, 25:45].any()


@pytest.mark.parametrize("box", [(math.nan,) * 4, (1, 2, math.nan, 4)])
def test_a_box_with_nan_is_not_drawn(box):
    assert not draw_box(np.zeros((60, 80, 3), np.uint8), box).any()


@pytest.mark.parametrize("box", [(-50, -40, 500, 400), (-1e5, -1e5, 2e5, 2e5), (70, 50, 30, 30), (0, 0, 0.2, 0.2)])
def test_a_box_beyond_the_frame_can_be_drawn(box):
    draw_box(np.zeros((60, 80, 3), np.uint8), box)


def test_the_middle_of_a_response_picture_is_no_displacement():
    response = np.zeros((15, 15))
    response[0, 0] = 1
    heat = response_picture(response, 60).astype(int)
    red = heat[..., 2] - heat[..., 0]
    row, column = np.unravel_index(red.argmax(), red.shape)
    assert heat.shape == (60, 60, 3) and abs(row - 30) <= 2 and abs(column - 30) <= 2
    response_picture(np.zeros((7, 7)), 20)  # flat: no division by zero
    response_picture(np.full((7, 7), -1.0), 20)


@pytest.mark.parametrize(
    "size, expected", [((100, 150), (400, 600)), ((360, 480), (360, 480)), ((500, 400), (500, 400))]
)
def test_an_overlay_is_large_enough_and_leaves_the_frame_alone(size, expected):
    frame = np.full((*size, 3), 100, np.uint8)
    picture = overlay(frame, (10, 10, 20, 20), 0.5, np.eye(15))
    assert picture.shape == (*expected, 3) and (frame == 100).all() and (picture != 100).any()
    assert overlay(frame, (math.nan,) * 4).shape == picture.shape
