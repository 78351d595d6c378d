"""examples/backbone.py: a network of GluonCV as backbone, trained, tracking."""

import csv

import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.net.rar import RAR
from rar_gluon.training import start

pytest.importorskip("gluoncv")
pytest.importorskip("skimage")


@pytest.fixture(scope="module")
def example(load_example):
    return load_example("backbone")


@pytest.mark.slow
def test_it_trains_for_ten_steps_and_tracks(example, tmp_path, texture, monkeypatch):
    monkeypatch.setitem(example.SETTINGS, "training", {**example.SETTINGS["training"], "batch": 2, "epoch_clips": 20})
    monkeypatch.setattr(start, "START_CLIPS", 20)
    tracker = example.main(tmp_path / "run")
    with open(tmp_path / "run" / "log.csv") as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert len(losses) == 10 and np.isfinite(losses).all()
    picture = texture(240, 240, 3, 12)
    tracker.init(picture, (90, 80, 40, 40))
    for shift in (3, 6):
        x, y, *_ = tracker.update(np.roll(picture, (0, shift), axis=(0, 1)))
        assert (x, y) == pytest.approx((90 + shift, 80), abs=2)


def test_levels_that_do_not_fit_are_refused(example):
    config, net = example.make()
    backbone = net.backbone
    for channels, strides, words in (((128,), (8,), "network.levels names 2"), ((128, 256), (8, 16), "stride 16")):
        backbone.channels, backbone.strides = channels, strides
        with pytest.raises(InputError, match=words):
            RAR(config.network, backbone)
