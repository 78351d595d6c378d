import math
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.data.frames import VideoFile
from rar_gluon.data.video import VideoSink


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
    monkeypatch.setattr("rar_gluon.data.video.shutil.disk_usage", lambda _: SimpleNamespace(free=next(free)))
    path = tmp_path / f"out{suffix}"
    words = f"out{suffix} ends after 3 frames, because the disk is full"
    with pytest.raises(InputError, match=words), VideoSink(path, 25.0) as sink:
        while True:
            sink.write(GREY)
    assert len(list(VideoFile(path))) == 3


def test_a_video_that_turns_out_unplayable_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("rar_gluon.data.video._can_be_read", lambda _: False)
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


def test_a_video_that_another_process_writes(tmp_path, refusal):
    path, code = tmp_path / "out.mp4", "import sys, time; from rar_gluon.common import atomic_path\n"
    code += "with atomic_path(sys.argv[1]) as place: place.touch(); print(flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    process.stdout.readline()
    assert "another process is writing" in refusal(VideoSink, path, 25)
    process.kill()
    process.wait()
    VideoSink(path, 25)


def test_a_sink_without_frames_writes_nothing(tmp_path):
    with VideoSink(tmp_path / "out.mp4", 25.0):
        pass
    assert list(tmp_path.iterdir()) == []
