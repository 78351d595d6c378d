"""ONNX Runtime's engine, without MXNet: what it computes, and what it refuses."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.config import from_dict, load
from rar_gluon.engine import open_engine
from rar_gluon.engine.onnx import SHIPPED, OnnxEngine
from rar_gluon.tracking.tracker import Tracker

pytest.importorskip("onnxruntime")

ROOT = Path(__file__).parents[2]
START = (52.0, 42, 36, 32)
WITHOUT = "import sys\nsys.modules['mxnet'] = None\nfrom rar_gluon.cli import main\nsys.exit(main(sys.argv[1:]))"


@pytest.fixture(scope="module")
def boxes():
    return np.array(START) + np.arange(6)[:, None] * [0.8, 0.4, 0, 0]


@pytest.fixture(scope="module")
def frames(make_clip, boxes):
    return make_clip(boxes)


@pytest.fixture
def sequence(tmp_path, frames, boxes):
    """A folder of a sequence with its annotation, in a folder of sequences."""
    import cv2

    folder = tmp_path / "sequences" / "ellipse"
    folder.mkdir(parents=True)
    for index, frame in enumerate(frames):
        cv2.imwrite(str(folder / f"{index:04d}.png"), frame)
    np.savetxt(folder / "groundtruth.txt", boxes, "%.2f", ",")
    return folder


def without_mxnet(*arguments, code=WITHOUT):
    """Run Python where MXNet cannot be imported; gives its output."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_it_follows_a_target(frames, boxes, precision):
    tracker = Tracker("rar_thin", runtime="onnx", precision=precision)
    found = np.array([box for _, box in tracker.track(frames, START)])
    assert np.abs(found - boxes).max() < 4
    assert tracker.net is None and tracker.weights == SHIPPED and tracker.runtime == "onnx"
    assert 0 < tracker.score < 1.5 and tracker.response.shape == (15, 15)


def test_its_boxes_are_those_of_mxnet(frames):
    pytest.importorskip("mxnet")
    ours, theirs = (
        np.array([box for _, box in Tracker("rar_thin", runtime=runtime).track(frames, START)])
        for runtime in ("mxnet", "onnx")
    )
    np.testing.assert_allclose(theirs, ours, atol=0.05)


def test_every_command_of_a_tracker_runs_without_mxnet(sequence, tmp_path):
    runs, boxes = tmp_path / "runs", tmp_path / "boxes.txt"
    start = ",".join(map(str, START))
    assert "6 frames" in without_mxnet(
        "track", sequence, "--init", start, "--boxes", boxes, "--video", tmp_path / "v.mp4"
    )
    root = ("folder", "--root", sequence.parent)
    without_mxnet("eval", "--dataset", *root, "--tracker", "rar_thin", "--output", runs, "--precision", "int8")
    assert "rar_thin" in without_mxnet("score", *root, "--results", runs)
    assert "onnx" in (runs / "rar_thin" / "run.json").read_text()
    assert np.loadtxt(boxes, delimiter=",").shape == (6, 4)


def test_what_is_imported_on_the_way_needs_no_mxnet():
    modules = (
        "cli.web",
        "evaluation.vot.trax",
        "report.demo",
        "report.otb",
        "evaluation.vot.score",
        "evaluation.peers",
    )
    code = "import sys; sys.modules['mxnet'] = None\n" + "\n".join(f"import rar_gluon.{name}" for name in modules)
    without_mxnet(code=code)


def test_importing_mxnet_there_is_an_error():
    code = "import sys; sys.modules['mxnet'] = None\nimport rar_gluon\ntry: rar_gluon.correlation_response\n"
    assert "mxnet" in without_mxnet(code=code + "except ImportError as error: print(error)")


def test_a_command_that_needs_mxnet_says_so(tmp_path):
    command = [sys.executable, "-c", WITHOUT, "export", str(tmp_path / "graphs")]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert (
        done.returncode == 2
        and "this needs MXNet, which is not installed" in done.stderr
        and "Traceback" not in done.stderr
    )


# What is refused -----------------------------------------------------------------------------------------------------


def changed(**sections):
    return from_dict(sections, base=load("rar_thin"))


def test_graphs_of_another_tracker(refusal):
    told = refusal(OnnxEngine, changed(tracking={"input_size": 159}, filter={"lambda2": 0.2}), SHIPPED)
    assert "filter.lambda2 is 0.1 there and 0.2 here; tracking.input_size is 127 there and 159 here" in told
    OnnxEngine(changed(tracking={"learning_rate": 0.5, "scales": 1}), SHIPPED)  # is not in the graphs


def test_a_folder_that_is_none_or_damaged(tmp_path, refusal):
    config = load("rar_thin")
    assert "is no folder of graphs" in refusal(OnnxEngine, config, tmp_path)
    assert "is no folder of graphs" in refusal(OnnxEngine, config, tmp_path / "weights.npz")
    shutil.copytree(SHIPPED.parent, tmp_path / "graphs")
    OnnxEngine(config, tmp_path / "graphs")
    with open(tmp_path / "graphs" / "weights.bin", "r+b") as file:
        file.seek(1000)
        file.write(b"\0\1\2\3")
    assert "weights.bin is damaged" in refusal(OnnxEngine, config, tmp_path / "graphs")
    (tmp_path / "graphs" / "weights.bin").unlink()
    assert "weights.bin cannot be read" in refusal(OnnxEngine, config, tmp_path / "graphs")
    whole = json.loads(SHIPPED.read_text())
    for part, value in (
        ("files", []),
        ("config", {}),
        ("confidence", 3),
        ("confidence", ["a", "b"]),
        ("confidence", [0.1]),
        ("graphs", {}),
        ("graphs", {**whole["graphs"], "represent": {}}),
    ):
        (tmp_path / "graphs" / "tracker.json").write_text(json.dumps({**whole, part: value}))
        assert "tracker.json is damaged" in refusal(OnnxEngine, config, tmp_path / "graphs"), part
    (tmp_path / "graphs" / "tracker.json").write_text("{}")
    assert "another version" in refusal(OnnxEngine, config, tmp_path / "graphs")


@pytest.mark.parametrize(
    "how, words",
    [
        ({"runtime": "torch"}, "the runtime is 'torch'; accepted: mxnet, onnx"),
        ({"runtime": "onnx", "precision": "fp16"}, "the precision is 'fp16'; accepted: fp32, int8"),
        ({"runtime": "mxnet", "precision": "int8"}, "int8 is for the runtime onnx"),
        ({"runtime": "onnx", "weights": object()}, "takes a folder of graphs and no network"),
    ],
)
def test_what_cannot_be_opened(how, words):
    with pytest.raises(InputError, match=words):
        open_engine(load("rar_thin"), **{"weights": None, **how})
