import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.data.clips import Clips, stack_clips
from rar_gluon.data.sequence import Sequence
from rar_gluon.data.synthetic import SyntheticTracks
from rar_gluon.evaluation.otb.ope import evaluate
from rar_gluon.evaluation.otb.protocol import load_protocol
from rar_gluon.net.rar import build
from rar_gluon.tracking.tracker import Tracker
from rar_gluon.training import held_out
from rar_gluon.training.held_out import make_validation, pictures_of
from rar_gluon.training.step import loss, representation_cells, responses, to_batch

import mxnet as mx  # isort: skip  (after rar_gluon, which sets its threads)


class Frames(list):
    """Frames in memory."""

    name, fps = "memory", 25.0


@pytest.fixture
def sequences(tracks):
    return [tracks.sequence(track) for track in range(2)]


@pytest.fixture(autouse=True)
def few_clips(monkeypatch):
    monkeypatch.setattr(held_out, "CLIPS", 16)
    monkeypatch.setattr(held_out, "EVERY", 3)


def test_numbers_are_those_of_clips_and_of_the_tracker(tiny_config, sequences, lively_network):
    config = tiny_config(levels=["conv3"], deformable=[])
    net = lively_network(config)
    numbers = make_validation(config, sequences, 7)(net)
    assert list(numbers) == ["loss", "auc", "dp"]
    clips = Clips([(pictures_of(_first(sequences, 7), config), 1.0)], config, held_out.SEED)
    errors = []
    for number in range(16):
        batch = to_batch(stack_clips([clips[number]]), representation_cells(net, config), config, mx.cpu())
        errors.append(loss(responses(net, batch, config), batch.desired).asscalar())
    assert numbers["loss"] == pytest.approx(np.mean(errors), rel=1e-4)
    scores = []
    for sequence in sequences:
        tracking = Tracker(config, net)
        tracking.init(sequence.frames[0], sequence.boxes[0])
        boxes = [tracking.box] + [tracking.update(sequence.frames[index]) for index in range(1, 7)]
        scores.append(evaluate(np.array(boxes), sequence.boxes[:7], load_protocol("matlab")))
    assert numbers["auc"] == pytest.approx(np.mean([score.auc for score in scores]))
    assert numbers["dp"] == pytest.approx(np.mean([score.dp for score in scores]))


def _first(sequences, count):
    return [Sequence(s.name, Frames(s.frames[i] for i in range(count)), s.boxes[:count]) for s in sequences]


def test_the_same_network_gets_the_same_numbers(tiny_config, sequences, values_of):
    """Again, in another process's order, and with statistics that are trained; the network is left as it was."""
    config = tiny_config(levels=["conv3"], deformable=[], statistics="trained")
    net = build(config.network)
    net.hybridize()
    before = values_of(net)
    validate = make_validation(config, sequences, 7)
    first = validate(net)
    assert validate(net) == first == make_validation(config, sequences, 7)(net)
    assert all(np.array_equal(array, before[name]) for name, array in values_of(net).items())


def test_pictures_are_cut_around_annotated_targets(tiny_config, texture):
    frames = Frames(texture(100, 120, seed) for seed in range(13))
    boxes = np.tile([40.0, 30.0, 24.0, 20.0], (13, 1))
    boxes[3] = np.nan
    boxes[6, 2] = 3.9
    config = tiny_config(tracking={"input_size": 63})
    stored = pictures_of([Sequence("one", frames, boxes), Sequence("short", frames[:3], boxes[:3])], config)
    assert stored.names == ["one"] and stored.frames(0).tolist() == [0, 9, 12]
    picture, box = stored.picture(0, 1)
    x, y, w, h = (round(value) for value in box)
    assert (w, h) == pytest.approx((24, 20), abs=2)
    inside = picture[y + 2 : y + h - 2, x + 2 : x + w - 2].astype(float)
    truth = frames[9][32:48, 42:62].astype(float)
    assert inside.mean() == pytest.approx(truth.mean(), abs=8)


@pytest.mark.parametrize("frames", [-3, 0, 1, 3])
def test_too_few_frames_are_refused(tiny_config, sequences, frames):
    with pytest.raises(InputError, match=r"^[^\n]*--validation-frames[^\n]*\.$"):
        make_validation(tiny_config(), sequences, frames)


def test_sequences_without_targets_are_refused(tiny_config, sequences):
    empty = [Sequence(s.name, s.frames, np.full_like(s.boxes, np.nan)) for s in sequences]
    with pytest.raises(InputError, match=r"^[^\n]*held-out[^\n]*\.$"):
        make_validation(tiny_config(), empty, 10)


def test_synthetic_sequences_can_be_held_out(texture):
    """What the training test relies on: another seed gives other sequences."""
    one, other = (SyntheticTracks(2, 4, seed, (96, 128), backgrounds=[texture(130, 150)]) for seed in (0, 1))
    assert not np.array_equal(one.sequence(0).boxes, other.sequence(0).boxes)
