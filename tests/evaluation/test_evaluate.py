import sys
import textwrap

import cv2
import numpy as np
import pytest

from rar_gluon import cli
from rar_gluon.common import InputError
from rar_gluon.data.sequence import read_boxes
from rar_gluon.evaluation.evaluate import evaluate
from rar_gluon.evaluation.trackers import runnable


class Still:
    """Leaves the box where it is."""

    def init(self, frame, box):
        self.box = box

    def update(self, frame):
        return self.box


@pytest.fixture
def root(tmp_path):
    for name in ("first", "second"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for index in range(3):
            cv2.imwrite(str(tmp_path / "data" / name / f"{index}.png"), np.full((40, 40, 3), index, np.uint8))
        (tmp_path / "data" / name / "groundtruth.txt").write_text("10,12,20,8\n" * 3)
    return tmp_path / "data"


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module in the working folder, as a user has it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    (tmp_path / "mine.py").write_text(
        textwrap.dedent(
            """
            class Still:
                def init(self, frame, box):
                    self.box = box

                def update(self, frame):
                    return self.box

            def make():
                return Still()

            def useless():
                return 1
            """
        )
    )
    yield "mine"
    sys.modules.pop("mine", None)


@pytest.mark.parametrize("tracker", [Still, Still(), lambda: Still()], ids=["class", "object", "function"])
def test_a_tracker_of_ones_own(root, tmp_path, tracker):
    finished = evaluate(tracker, "folder", root, tmp_path / "runs", name="mine")
    assert [(one.name, one.frames, one.failure) for one in finished] == [("first", 3, ""), ("second", 3, "")]
    assert (read_boxes(tmp_path / "runs" / "mine" / "second.txt") == [10, 12, 20, 8]).all()
    assert evaluate(tracker, "folder", root, tmp_path / "runs", name="mine") == []


def test_it_is_named_after_itself(root, tmp_path):
    evaluate(Still(), "folder", root, tmp_path, sequences=["first"])
    assert (tmp_path / "Still" / "first.txt").is_file() and not (tmp_path / "Still" / "second.txt").exists()


@pytest.mark.parametrize("factory", ["Still", "make"])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_command_line_imports_a_factory(root, tmp_path, module, factory, workers):
    command = ["eval", "--dataset", "folder", "--root", str(root), "--output", str(tmp_path / "runs")]
    assert cli.main([*command, "--tracker", f"{module}:{factory}", "--workers", workers]) == 0
    assert (read_boxes(tmp_path / "runs" / factory / "first.txt") == [10, 12, 20, 8]).all()


def test_results_of_changed_code_are_not_taken_for_its_own(root, tmp_path, module):
    run = runnable("mine:make")
    (tmp_path / "mine.py").write_text((tmp_path / "mine.py").read_text() + "\n# changed\n")
    assert runnable("mine:make").config != run.config


@pytest.mark.parametrize(
    "name, words",
    [
        ("absent:make", "cannot be imported: No module named 'absent'"),
        ("mine:absent", "has no attribute 'absent'"),
        ("mine:useless", "makes a int, which has no methods init and update"),
        ("opencv-none", "no tracker opencv-none"),
        ("mine", "no config mine"),
        (5, "5 is no tracker"),
    ],
)
def test_what_is_no_tracker(root, tmp_path, module, name, words):
    with pytest.raises(InputError, match=words):
        evaluate(name, "folder", root, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_one_object_is_not_shared_by_processes(root, tmp_path):
    with pytest.raises(InputError, match="several processes"):
        evaluate(Still(), "folder", root, tmp_path, workers=2)


def test_ours_is_the_same_by_name_and_as_an_object(shipped):
    from rar_gluon.tracking.tracker import Tracker

    by_name, as_object = runnable("rar_thin"), runnable(Tracker("rar_thin"))
    assert by_name.record() == as_object.record()
    assert runnable(shipped[0]).record() == by_name.record()
