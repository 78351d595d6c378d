import re
import shutil

import cv2
import numpy as np
import pytest

from rar_gluon import cli
from rar_gluon.config import load
from rar_gluon.data.video import VideoSink
from rar_gluon.engine import default_runtime

NOISE = r"frame/s|s/frame|libpng"  # bars, and what is printed of a damaged picture
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


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """A configuration of a small network, and its weights, untrained."""
    from rar_gluon.net.rar import build
    from rar_gluon.net.weights import save_network

    folder = tmp_path_factory.mktemp("small")
    (folder / "small.yaml").write_text(SMALL)
    save_network(build(load(folder / "small.yaml").network), folder / "small.npz")
    return folder


@pytest.fixture
def small(request, tmp_path):
    """Arguments that name a copy of them; none, for what ships, where MXNet is not installed."""
    if default_runtime() == "onnx":
        return []
    built = request.getfixturevalue("built")
    for name in ("small.yaml", "small.npz"):
        shutil.copy(built / name, tmp_path / name)
    return ["--config", str(tmp_path / "small.yaml"), "--weights", str(tmp_path / "small.npz")]


@pytest.fixture
def refused(capfd):
    """Run the command line on bad input; gives the one line it prints.

    Before that line standard error may hold the bar that counts frames, and what libpng prints of a damaged picture.
    """

    def run(*arguments, tracked=0):
        assert cli.main([str(argument) for argument in arguments]) == 2
        out, err = capfd.readouterr()
        assert "Traceback" not in err and (f": {tracked} frames at" in out if tracked else out == "")
        lines = [line for line in err.replace("\r", "\n").split("\n") if line.strip() and not re.search(NOISE, line)]
        assert len(lines) == 1, err
        assert lines[0].startswith("rar: ") and lines[0].endswith((".", "?")), err
        return lines[0]

    return run
