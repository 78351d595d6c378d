"""Pages that are held to the code: the tour runs, the list of assumed values is the configuration's."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from rar_gluon import cli
from rar_gluon.config import fields
from rar_gluon.data.sequence import write_boxes
from rar_gluon.data.video import VideoSink

ROOT = Path(__file__).parents[1]
TOUR = (ROOT / "docs" / "guide" / "tour.md").read_text(encoding="utf-8")
REPRODUCTION = ROOT / "docs" / "reference" / "configuration.md"
MARK = re.compile(r"(<!-- assumed: begin -->\n).*?(<!-- assumed: end -->)", re.DOTALL)


def assumed_table():
    """Every value that the paper does not state, as `docs/reference/configuration.md` lists them."""
    lines = ["| value | default | source |", "|---|---|---|"]
    for path, leaf, value in fields():
        if leaf.metadata["mark"] == "assumed":
            shown = ", ".join(value) or "none" if isinstance(value, tuple) else str(value)
            lines.append(f"| `{path}` | {shown} | {leaf.metadata['source'].replace('|', '/')} |")
    return "\n".join(lines) + "\n"


def test_every_assumed_value_is_listed():
    """After a change: `python tests/test_pages.py` writes the list anew."""
    assert assumed_table() in REPRODUCTION.read_text(encoding="utf-8")


def blocks(kind, heading):
    """The code of a kind below a heading of the tour."""
    section = re.search(rf"^## {heading}.*?(?=^## |\Z)", TOUR, re.DOTALL | re.MULTILINE).group(0)
    return re.findall(rf"```{kind}\n(.*?)```", section, re.DOTALL)


@pytest.fixture
def place(tmp_path, monkeypatch, make_clip):
    """A folder with video.mp4 and one annotated sequence, sequences/one."""
    monkeypatch.chdir(tmp_path)
    boxes = np.array([52.0, 42, 36, 32]) + np.arange(6)[:, None] * [0.8, 0.4, 0, 0]
    frames = make_clip(boxes)
    with VideoSink("video.mp4", 25.0) as sink:
        for frame in frames:
            sink.write(frame)
    Path("sequences/one").mkdir(parents=True)
    for number, frame in enumerate(frames):
        cv2.imwrite(f"sequences/one/{number:03d}.png", frame)
    write_boxes("sequences/one/groundtruth.txt", boxes)
    return tmp_path


def commands(text):
    """Run the lines of a block that call rar."""
    for line in text.splitlines():
        if line.startswith("rar "):
            assert cli.main(shlex.split(line, comments=True)[1:]) == 0


@pytest.mark.slow
def test_a_video_to_boxes(place):
    (code,) = blocks("python", "Your video")
    assert len(code.strip().splitlines()) == 5
    exec(compile(code, "tour", "exec"), {})
    assert len(Path("boxes.txt").read_text().splitlines()) == 6


def test_a_tracker_of_ones_own(place, monkeypatch, capsys):
    (code,) = blocks("python", "Your tracker")
    Path("mine.py").write_text(code)
    monkeypatch.syspath_prepend(str(place))
    commands(blocks("bash", "Your tracker")[0])
    assert "Still" in capsys.readouterr().out


@pytest.mark.slow
def test_a_backbone_of_ones_own(place):
    pytest.importorskip("skimage")
    (code,) = blocks("python", "Your backbone")
    exec(compile(code, "tour", "exec"), {"__name__": "tour"})
    assert len(Path("run/log.csv").read_text().splitlines()) == 11


@pytest.mark.slow
def test_a_row_of_ones_own(tmp_path):
    shutil.copytree(ROOT / "experiments", tmp_path / "experiments")
    (text,) = blocks("yaml", "Your row")
    (tmp_path / "experiments" / "table3" / "row16").mkdir()
    (tmp_path / "experiments" / "table3" / "row16" / "config.yaml").write_text(text)
    call = [sys.executable, "-m", "experiments", "table3", "--rows", "row16", "--dry-run"]
    done = subprocess.run(call, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.returncode == 0 and "row16" in done.stdout, done.stderr


if __name__ == "__main__":
    page = REPRODUCTION.read_text(encoding="utf-8")
    REPRODUCTION.write_text(MARK.sub(lambda found: found[1] + assumed_table() + found[2], page), encoding="utf-8")
