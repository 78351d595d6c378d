"""What is written: kept whatever ends a run, never over an input, refused in a sentence before the work."""

import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from rar_gluon import cli
from rar_gluon.data.frames import VideoFile
from rar_gluon.data.sequence import read_boxes
from rar_gluon.tracking.tracker import Tracker

BOX = "52,42,36,32"


@pytest.fixture
def at_update(monkeypatch):
    """`at_update(4, act)`: `act` instead of the fourth update."""
    update, calls = Tracker.update, []

    def arrange(number, act):
        def changed(self, frame):
            calls.append(1)
            if len(calls) == number:
                act()
            return update(self, frame)

        monkeypatch.setattr(Tracker, "update", changed)

    return arrange


@pytest.fixture
def outputs(tmp_path):
    return tmp_path / "out" / "boxes.txt", tmp_path / "out" / "video.mp4"


def arguments_of(folder, small, outputs, *more):
    return ["track", str(folder), "--init", BOX, *small, "--boxes", str(outputs[0]), "--video", str(outputs[1]), *more]


def kept(outputs):
    """How many frames both outputs hold, which are alone in their folder."""
    assert sorted(outputs[0].parent.iterdir()) == sorted(outputs)
    boxes, frames = read_boxes(outputs[0]), list(VideoFile(outputs[1]))
    assert len(boxes) == len(frames)
    return len(boxes)


# Whatever ends a run -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal(folder, small, outputs, at_update, capsys, name):
    number = getattr(signal, name)
    before = signal.signal(number, signal.SIG_DFL)  # under nohup a hang-up is ignored
    try:
        at_update(4, lambda: os.kill(os.getpid(), number))
        assert cli.main(arguments_of(folder, small, outputs)) == 128 + number
        assert kept(outputs) == 4 and signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)
    out, err = capsys.readouterr()
    assert ": 4 frames at" in out and err.endswith(f"rar: stopped by {name}.\n")


def test_a_hang_up_that_nohup_ignores(folder, small, outputs, at_update):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        at_update(4, lambda: os.kill(os.getpid(), signal.SIGHUP))
        assert cli.main(arguments_of(folder, small, outputs)) == 0
        assert kept(outputs) == 8
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_fault_of_ours(folder, small, outputs, at_update):
    def fail():
        raise RuntimeError("a bug")

    at_update(4, fail)
    with pytest.raises(RuntimeError, match="a bug"):
        cli.main(arguments_of(folder, small, outputs))
    assert kept(outputs) == 4


def test_a_camera_that_goes_away(frames, small, outputs, refused, monkeypatch, tmp_path):
    left = iter(frames[:3])

    class Camera:
        def __init__(self, index):
            assert index == 0

        def isOpened(self):
            return True

        def read(self):
            frame = next(left, None)
            return frame is not None, frame

        def release(self):
            pass

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rar_gluon.data.frames.cv2.VideoCapture", Camera)
    monkeypatch.setattr("rar_gluon.data.video._can_be_read", lambda _: True)
    message = refused(*arguments_of("0", small, outputs), tracked=3)
    assert "camera 0 stopped delivering frames" in message
    monkeypatch.undo()
    assert kept(outputs) == 3


def test_a_disk_that_fills(folder, small, outputs, refused, monkeypatch):
    free = iter([1 << 30] * 5 + [0])
    monkeypatch.setattr("rar_gluon.data.video.shutil.disk_usage", lambda _: SimpleNamespace(free=next(free)))
    assert "ends after 5 frames, because the disk is full" in refused(*arguments_of(folder, small, outputs), tracked=6)
    assert len(read_boxes(outputs[0])) == 6 and len(list(VideoFile(outputs[1]))) == 5


# Disks that are full or read-only ------------------------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path):
    """`disk(options)`: a small file system in memory."""
    mounted = []

    def make(options):
        path = tmp_path / "disk"
        path.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], capture_output=True)
        if done.returncode:
            pytest.skip("file systems cannot be mounted here")
        mounted.append(path)
        return path

    yield make
    for path in mounted:
        subprocess.run(["umount", str(path)], check=True)


@pytest.fixture
def sequences(tmp_path, frames):
    for name in ("first", "second"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for index, frame in enumerate(frames):
            cv2.imwrite(str(tmp_path / "data" / name / f"{index}.png"), frame)
        (tmp_path / "data" / name / "groundtruth.txt").write_text("52,42,36,32\n" * len(frames))
    return tmp_path / "data"


@pytest.fixture
def commands(folder, small, sequences, tmp_path):
    """Every command that writes, as `rar COMMAND ... where`."""
    run = ["eval", "--dataset", "folder", "--root", sequences, "--tracker", "opencv-kcf", "--output", "{}/runs"]
    box = ["--init", BOX]
    deer = tmp_path / "deer" / "tracker"
    deer.mkdir(parents=True)
    (deer / "Deer.txt").write_text("1,1,9,9\n" * 71)
    otb = ["--annotations", deer, "--sequences", "Deer"]
    return {
        "track": ["track", folder, *box, *small, "--boxes", "{}/boxes.txt"],
        "video": ["track", folder, *box, *small, "--video", "{}/video.mp4"],
        "eval": run,
        "prepare": ["prepare", "folder", sequences, "{}/records", "--side", "63"],
        "score": ["score", "otb", "--results", deer, *otb, "--json", "{}/scores.json"],
        "report": ["report", deer, *otb, "--output", "{}/report"],
        "show": ["show", "attention", folder, *box, *small, "--frame", "1", "--output", "{}/maps.png"],
    }


COMMANDS = ("track", "video", "eval", "prepare", "score", "report", "show")


def said(command, where, capfd):
    """Run a command that cannot write; gives its last line."""
    assert cli.main([str(part).format(where) for part in command]) == 2
    err = capfd.readouterr().err
    assert "Traceback" not in err and not list(where.rglob(".*"))
    return err.splitlines()[-1]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk_is_a_sentence(commands, disk, name, capfd):
    where = disk("size=8k")
    (where / "filler").write_bytes(bytes(8192))
    line = said(commands[name], where, capfd)
    assert line.startswith("rar: ") and ("No space left on device" in line or "disk is full" in line)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_read_only_disk_is_a_sentence_before_the_work(commands, disk, name, capfd, monkeypatch):
    where = disk("size=8k,ro")
    monkeypatch.setattr(Tracker, "update", lambda *_: pytest.fail("tracked before it looked at its output"))
    line = said(commands[name], where, capfd)
    assert line.startswith("rar: ") and "Read-only file system" in line


def test_a_full_disk_amid_packing(sequences, disk, capfd):
    where = disk("size=60k")
    assert cli.main(["prepare", "folder", str(sequences), str(where / "records"), "--side", "255"]) > 0
    out, err = capfd.readouterr()
    assert "cannot be written" in out + err and "Traceback" not in out + err
    assert not list(where.rglob(".*"))


def test_output_that_nobody_can_take():
    code = "import sys; from rar_gluon.cli import main; sys.exit(main(['config']))"
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2 and "Traceback" not in done.stderr


# What an output may be -----------------------------------------------------------------------------------------------


def test_the_input_is_no_output(refused, clip, folder, small, tmp_path):
    content = clip.read_bytes()
    link, hard = tmp_path / "link.avi", tmp_path / "hard.avi"
    link.symlink_to(clip)
    os.link(clip, hard)
    for option in ("--video", "--boxes"):
        for path in (clip, link, hard):
            assert "is read here" in refused("track", clip, "--init", BOX, *small, option, path)
    for path in (folder / "3.png", small[1], small[3]):
        assert "is read here" in refused("track", folder, "--init", BOX, *small, "--boxes", path)
    assert "is read here" in refused("show", "attention", folder, "--init", BOX, *small, "--output", folder / "3.png")
    assert clip.read_bytes() == content


def test_two_outputs_are_two_files(refused, folder, small, tmp_path):
    (tmp_path / "link.mp4").symlink_to(tmp_path / "out.mp4")
    for other in ("out.mp4", "./out.mp4", "link.mp4"):
        rest = ["--boxes", tmp_path / other, "--video", tmp_path / "out.mp4"]
        assert "named for two outputs" in refused("track", folder, "--init", BOX, *small, *rest)


def test_links_are_written_through(folder, small, tmp_path):
    outputs = tmp_path / "boxes.txt", tmp_path / "video.mp4"
    for path in outputs:
        (tmp_path / "there" / path.name).parent.mkdir(exist_ok=True)
        path.symlink_to(tmp_path / "there" / path.name)
    assert cli.main(arguments_of(folder, small, outputs)) == 0
    assert all(path.is_symlink() for path in outputs)
    assert kept([tmp_path / "there" / path.name for path in outputs]) == 8


def test_pipes_and_devices_are_refused(refused, folder, small, tmp_path):
    for name in ("pipe.txt", "pipe.mp4"):
        os.mkfifo(tmp_path / name)
    for option, path in (("--boxes", "pipe.txt"), ("--video", "pipe.mp4"), ("--boxes", "/dev/null")):
        assert "is a pipe or a device" in refused("track", folder, "--init", BOX, *small, option, tmp_path / path)
    assert (tmp_path / "pipe.txt").is_fifo() and (tmp_path / "pipe.mp4").is_fifo()


def test_names_as_long_as_the_file_system_takes(folder, small, tmp_path):
    outputs = tmp_path / "out" / ("b" * 251 + ".txt"), tmp_path / "out" / ("v" * 251 + ".mp4")
    assert cli.main(arguments_of(folder, small, outputs)) == 0
    assert kept(outputs) == 8


def test_names_longer_than_that(folder, small, tmp_path, refused):
    message = refused("track", folder, "--init", BOX, *small, "--boxes", tmp_path / ("b" * 256))
    assert "File name too long" in message


def test_an_old_file_stays_until_there_is_something_new(folder, small, tmp_path, refused):
    (tmp_path / "boxes.txt").write_text("old")
    refused("track", folder, "--init", "500,500,5,5", *small, "--boxes", tmp_path / "boxes.txt")
    assert (tmp_path / "boxes.txt").read_text() == "old"


def test_results_do_not_go_among_the_sequences(sequences, refused):
    run = ["eval", "--dataset", "folder", "--root", sequences, "--tracker", "opencv-kcf"]
    assert "sequences themselves" in refused(*run, "--output", sequences.parent, "--name", sequences.name)
    assert "sequences themselves" in refused(*run, "--output", sequences, "--name", "first")
    for out in (sequences, sequences / "records"):
        assert "taken for a sequence" in refused("prepare", "folder", sequences, out)


def test_scores_do_not_replace_what_they_are_of(commands, refused, tmp_path):
    deer = tmp_path / "deer" / "tracker" / "Deer.txt"
    assert "is read here" in refused(*commands["score"][:-1], deer)
    assert len(read_boxes(deer)) == 71


def test_a_picture_of_no_known_kind(refused, folder, small, tmp_path):
    command = ["show", "attention", folder, "--init", BOX, *small, "--output"]
    assert ".png" in refused(*command, tmp_path / "maps.txt") and ".png" in refused(*command, tmp_path / "maps")


# A frame of one colour -----------------------------------------------------------------------------------------------


def test_a_blank_frame_has_a_response_of_its_own(shipped, frames):
    tracker = Tracker(*shipped)
    tracker.init(frames[0], (52, 42, 36, 32))
    tracker.update(frames[1])
    before, window = tracker.response, tracker.window
    tracker.update(np.zeros_like(frames[0]))
    assert tracker.score == 0 and tracker.response.shape == before.shape and not tracker.response.any()
    assert tracker.window is not window and tracker.window.cx == pytest.approx(tracker.box[0] + tracker.box[2] / 2)
