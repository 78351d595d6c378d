import math
from types import SimpleNamespace

import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.data.frames import VideoFile
from rar_gluon.report.overlay import VideoSink, draw_box, overlay, response_picture

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
def test_names_that_are_no_video(tmp_path, name, refusal):
    assert "video name" in refusal(VideoSink, tmp_path / name, 25.0)


def test_a_video_that_cannot_be_written(tmp_path, capfd, refusal):
    (tmp_path / "file").write_text("")
    assert "out.mp4" in refusal(VideoSink, tmp_path / "file" / "out.mp4", 25.0)


GREY = np.full((48, 64, 3), 100, np.uint8)


def test_a_video_is_kept_however_its_block_ends(tmp_path):
    with pytest.raises(RuntimeError), VideoSink(tmp_path / "out.mp4", 25.0) as sink:
        for _ in range(3):
            sink.write(GREY)
        raise RuntimeError
    assert len(list(VideoFile(tmp_path / "out.mp4"))) == 3 and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv"])
def test_a_disk_that_fills_ends_a_video_that_can_be_played(tmp_path, monkeypatch, suffix):
    free = iter([1 << 30] * 3 + [GREY.nbytes])
    monkeypatch.setattr("rar_gluon.report.overlay.shutil.disk_usage", lambda _: SimpleNamespace(free=next(free)))
    path = tmp_path / f"out{suffix}"
    words = f"out{suffix} ends after 3 frames, because the disk is full"
    with pytest.raises(InputError, match=words), VideoSink(path, 25.0) as sink:
        while True:
            sink.write(GREY)
    assert len(list(VideoFile(path))) == 3


def test_a_video_that_turns_out_unplayable_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("rar_gluon.report.overlay._can_be_read", lambda _: False)
    with pytest.raises(InputError, match="could not be written whole"), VideoSink(tmp_path / "out.mp4", 25.0) as sink:
        sink.write(GREY)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fps", [0.0, -5.0, math.nan, math.inf, 1e-3, 90000.0, 1e9])
def test_rates_that_no_format_holds(tmp_path, fps):
    with VideoSink(tmp_path / "out.mp4", fps) as sink:
        sink.write(GREY)
    assert VideoFile(tmp_path / "out.mp4").fps == 25 and "is written at 25" in sink.notes[0]


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv"])
@pytest.mark.parametrize("fps", [0.5, 23.976, 59.94, 119.88, 120.123, 239.76, 599.9])
def test_rates_that_are_no_whole_numbers(tmp_path, suffix, fps):
    path = tmp_path / f"out{suffix}"
    with VideoSink(path, fps) as sink:
        for _ in range(4):
            sink.write(GREY)
    assert sink.notes == [] and len(list(VideoFile(path))) == 4
    assert VideoFile(path).fps == pytest.approx(fps, rel=0.01 if fps >= 1 else 1.1)  # .mkv has no rate below 1


@pytest.mark.parametrize(
    "shape, written", [((32, 8192), (32, 8190)), ((9000, 40), (8190, 36)), ((2, 20000), (2, 8190))]
)
def test_frames_wider_than_the_format_holds(tmp_path, shape, written):
    with VideoSink(tmp_path / "out.mp4", 25.0) as sink:
        for _ in range(2):
            sink.write(np.zeros((*shape, 3), np.uint8))
    assert [frame.shape[:2] for frame in VideoFile(tmp_path / "out.mp4")] == [written] * 2
    assert "8190" in sink.notes[0]


def test_a_name_with_a_colon(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with VideoSink("cam1:out.mp4", 25.0) as sink:
        sink.write(GREY)
    assert [path.name for path in tmp_path.iterdir()] == ["cam1:out.mp4"]


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


@pytest.mark.parametrize(
    "box, seen",
    [
        *(((70, 50, 30, 30), True), ((0, 0, 0.2, 0.2), True)),
        *(((-50, -40, 500, 400), False), ((-1e5, -1e5, 2e5, 2e5), False)),  # about the frame
        *(((1e12, 0, 5, 5), False), ((-1e30, 1e30, 1e31, 1.0), False), ((1e308, 1e308, 1e308, 1e308), False)),
    ],
)
def test_of_a_box_beyond_the_frame_the_part_on_it_is_drawn(box, seen):
    assert draw_box(np.zeros((60, 80, 3), np.uint8), box).any() == seen


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


@pytest.mark.parametrize("size", [(400, 90), (90, 400), (1, 1), (3, 2000), (2000, 3), (64, 8192), (16, 16)])
def test_an_overlay_of_any_frame(size):
    picture = overlay(np.full((*size, 3), 100, np.uint8), (0, 0, 5, 5), 0.5, np.eye(15))
    assert picture.shape[1] <= max(1920, size[1]) and picture.shape[1] * size[0] == picture.shape[0] * size[1]
