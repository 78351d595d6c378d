import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rar_gluon.config import load
from rar_gluon.data.video import VideoSink
from rar_gluon.engine.onnx import SHIPPED
from rar_gluon.tracking.tracker import Tracker

pytest.importorskip("onnxruntime")

FILE = Path(__file__).parents[2] / "examples" / "without_rar.py"
START = (52.0, 42, 36, 32)


def test_it_tracks_as_we_do(make_clip, tmp_path):
    """In a process of its own, as a program: the boxes of `Tracker`, to what is printed."""
    number, growth = np.arange(8)[:, None], 1.06 ** np.arange(8)[:, None]
    centres = np.array([70.0, 58]) + number * [0.8, 0.4]
    sides = growth * START[2:]
    boxes = np.hstack([centres - sides / 2, sides])
    with VideoSink(tmp_path / "clip.avi", 25.0) as sink:
        for frame in make_clip(boxes):
            sink.write(frame)
    command = [sys.executable, str(FILE), str(SHIPPED.parent), str(tmp_path / "clip.avi"), ",".join(map(str, START))]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    theirs = np.array([[float(value) for value in line.split(",")] for line in printed.splitlines()])
    tracker = Tracker("rar_thin", runtime="onnx")
    ours = np.array([box for _, box in tracker.track(tmp_path / "clip.avi", START)])
    np.testing.assert_allclose(theirs, ours, atol=0.02)
    assert ours[-1, 2] > 38  # sizes changed, too


def test_it_needs_three_packages_and_few_lines():
    tree = ast.parse(FILE.read_text(encoding="utf-8"))
    names = {
        alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    names |= {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names - set(sys.stdlib_module_names if sys.version_info >= (3, 10) else ("json", "sys", "pathlib")) == {
        "cv2",
        "numpy",
        "onnxruntime",
    }
    lines = [line for line in FILE.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert len(lines) <= 120
    assert load("rar_thin").tracking.window == "margin"
