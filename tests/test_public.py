"""The public door: what `import rar_gluon as rar` offers."""

import ast
import doctest
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import rar_gluon as rar


def test_every_public_name_is_there():
    assert set(rar.__all__) == set(rar._PUBLIC) <= set(dir(rar))
    assert all(callable(getattr(rar, name)) for name in rar.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Trackr'"):
        rar.Trackr  # noqa: B018


@pytest.mark.parametrize("name", rar.__all__)
def test_each_public_name_has_an_example_that_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    examples = [test for test in doctest.DocTestFinder(recurse=False).find(getattr(rar, name), name) if test.examples]
    assert len(examples) == 1
    assert doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(examples[0]).failed == 0


def test_what_type_checkers_see_is_what_is_loaded():
    body = ast.parse(Path(rar.__file__).read_text(encoding="utf-8")).body
    imports = next(node for node in body if isinstance(node, ast.If)).body
    seen = {name.asname or name.name: f"{node.module}:{name.name}" for node in imports for name in node.names}
    assert seen == rar._PUBLIC and Path(rar.__file__).with_name("py.typed").is_file()


def test_the_door_opens_without_waiting():
    heavy = "{'mxnet', 'cv2', 'matplotlib'} & set(sys.modules)"
    code = f"import sys, rar_gluon as rar; assert not {heavy}; rar.load_config('rar'); assert not {heavy}"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_tracker_of_a_name_follows_a_video(make_clip):
    steps = np.arange(6)[:, None]
    truth = np.array([52.0, 42, 36, 32]) + steps * [0.8, 0.4, 0, 0]
    clip = make_clip(truth)
    tracker = rar.Tracker("rar_thin")
    assert tracker.config == rar.load_config("rar_thin") and tracker.weights.name == "rar_thin.npz"
    tracked = list(tracker.track(clip, truth[0]))
    assert all((original == frame).all() for original, (frame, _) in zip(clip, tracked))
    boxes = np.array([box for _, box in tracked])
    assert boxes.shape == (6, 4) and (boxes[0] == truth[0]).all() and np.abs(boxes - truth)[:, :2].max() < 3
    by_hand = rar.Tracker()
    by_hand.init(clip[0], truth[0])
    assert [by_hand.update(frame) for frame in clip[1:]] == [tuple(box) for box in boxes[1:]]


def test_a_tracker_opens_what_it_is_named(tmp_path):
    with pytest.raises(rar.InputError, match="does not exist"):
        next(rar.Tracker("rar_thin").track(tmp_path / "absent.mp4", (1, 2, 3, 4)))
    with pytest.raises(rar.InputError, match="no config"):
        rar.Tracker("rar_fat")


def test_a_filter_of_ones_own(shipped, make_clip):
    """It sees representations and contexts, is asked for responses, and begins anew with each target."""

    rates = []

    class Still:
        def learn(self, z0, zi, rate):
            assert z0.ndim == 3 and zi.shape[1:] == z0.shape
            rates.append(rate)

        def respond(self, x):
            response = np.zeros((len(x), *x.shape[2:]))
            response[:, 0, 0] = 0.5
            return response

    clip = make_clip(np.tile([52.0, 42, 36, 32], (3, 1)))
    config, *weights = shipped
    tracker = rar.Tracker(config, *weights, filter=Still())  # all scales answer alike: the size stays
    for _ in range(2):
        boxes = [box for _, box in tracker.track(clip, (52, 42, 36, 32))]
        assert boxes == [(52, 42, 36, 32)] * 3
    rate = shipped[0].tracking.learning_rate
    assert rates == pytest.approx([1, rate, rate] * 2)
