"""The commands that choices for rar_thin are made with, on a folder that has the names of its split."""

from pathlib import Path

import numpy as np
import pytest

from rar_gluon.data.sequence import write_boxes
from rar_gluon.data.video import VideoSink

ROOT = Path(__file__).parents[2]
NAMES = (ROOT / "recipes" / "rar_thin" / "held_out.txt").read_text().split()[::16]


@pytest.fixture(scope="module")
def split(tmp_path_factory, make_clip):
    """Two of its sequences, thirty frames of a target that moves a little each."""
    folder = tmp_path_factory.mktemp("split")
    boxes = np.array([52.0, 42, 36, 32]) + np.arange(30)[:, None] * [0.8, 0.4, 0, 0]
    for seed, name in enumerate(NAMES):
        with VideoSink(folder / f"{name}.avi", 25.0) as sink:
            for frame in make_clip(boxes, seed=seed):
                sink.write(frame)
        write_boxes(folder / f"{name}.txt", boxes)
    return folder


@pytest.fixture
def run(rar_thin_step, split):
    """Run a command on it."""
    return lambda name, *arguments: rar_thin_step(name, "--root", split, "--every-nth-sequence", 16, *arguments)


def test_sequences_are_tracked_alike_by_any_number_of_processes(run, tmp_path):
    for workers in ("1", "2"):
        found = run("validate", "--frames", 4, "--workers", workers, "--csv", tmp_path / workers)
        assert found.returncode == 0, found.stderr
        assert "sequences 2 frames 8 auc" in found.stdout
    assert (tmp_path / "1").read_text() == (tmp_path / "2").read_text()
