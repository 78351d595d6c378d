import numpy as np
import pytest
from mxnet import nd

from rar_gluon.common import InputError
from rar_gluon.data.clips import Stored, stack_clips
from rar_gluon.net.rar import build
from rar_gluon.training import matching, step
from rar_gluon.training.matching import Match


def match(net, config, pairs, numbers):
    return [matched for batch in matching.match(net, config, pairs, numbers) for matched in batch]


@pytest.fixture(scope="module")
def pairs_for(texture):
    """Pairs of two still scenes, with the target always in its place, for a configuration."""
    scenes = [texture(200, 240, seed) for seed in (1, 2)]
    tracks = Stored(["a", "b"], [[(frame, scene, (90.0, 80.0, 40.0, 40.0)) for frame in (0, 9)] for scene in scenes])
    return lambda config, **changes: matching.pairs_of(
        [(tracks, 1.0)], config, **{"gap": 20, "shift": 0.5, "scale": 0.0, **changes}
    )


def test_a_network_finds_what_has_only_moved(tiny_config, pairs_for):
    config = tiny_config(filter={"contexts": 0}, training={"photometric": 0.9})
    matched = match(build(config.network), config, pairs_for(config), range(20))
    assert len(matched) == 20 and {one.sequence for one in matched} == {"a", "b"}
    assert np.median([one.error for one in matched]) < 1
    again = match(build(config.network), config, pairs_for(config), range(3, 8))
    assert [one.sequence for one in again] == [one.sequence for one in matched[3:8]]
    assert [one[1:] for one in again] == [pytest.approx(one[1:], rel=1e-4) for one in matched[3:8]]


@pytest.mark.parametrize("source", ["feature", "image"])
def test_the_loss_is_the_training_steps(tiny_config, lively_network, pairs_for, source):
    """What matches is compiled; the step computes the same with the network itself."""
    config = tiny_config(filter={"contexts": 4, "context_source": source})
    net, pairs = lively_network(config), pairs_for(config)
    batch = step.to_batch(
        stack_clips([pairs[number] for number in range(3)]), step.representation_cells(net, config), config, net.ctx
    )
    expected = step.loss(step.responses(net, batch, config), batch.desired).asnumpy()
    assert [one.loss for one in match(net, config, pairs, range(3))] == pytest.approx(expected, rel=1e-4)


def test_errors_are_in_pixels_whatever_the_stride(tiny_config, pairs_for):
    """Where the filter answers nothing, the peak is at no displacement: the error is the target's own."""
    errors = []
    for stride in (8, 16):
        config = tiny_config(filter={"contexts": 0, "lambda1": 1e6}, tracking={"input_size": 127}, stride=stride)
        net = build(config.network)
        net.refinement.out.weight.set_data(0 * net.refinement.out.weight.data())
        net.refinement.out.bias.set_data(0 * net.refinement.out.bias.data())
        pairs = pairs_for(config)
        errors.append([one.error for one in match(net, config, pairs, range(6))])
        expected = [np.hypot(*pairs[number].shift) / matching.CELL for number in range(6)]
        assert errors[-1] == pytest.approx(expected, rel=1e-5)
    assert errors[0] == pytest.approx(errors[1], rel=1e-5)


def test_a_summary_counts_what_is_near():
    pairs = [Match("a", loss, error) for loss, error in ((0.2, 0.1), (0.4, 0.6), (0.6, 1.5), (0.8, 9.0))]
    expected = {"loss": 0.5, "within_0.5": 0.25, "within_1": 0.5, "within_2": 0.75}
    assert matching.summary(pairs) == pytest.approx(expected)


def test_gates_spread_from_their_start(tiny_config, lively_network, texture):
    config = tiny_config()
    images = np.stack([texture(63, 63, seed) for seed in range(3)])
    still = matching.gate_spread(build(config.network), images)
    assert set(still) == {f"{level}.{part}" for level in ("conv3", "conv4") for part in ("channel", "spatial")}
    assert max(still.values()) == 0
    assert min(matching.gate_spread(lively_network(config), images).values()) > 1e-4
    bare = tiny_config(inter_frame=False, spatial=False)
    assert set(matching.gate_spread(build(bare.network), images)) == {"conv3.channel", "conv4.channel"}


def test_offsets_spread_from_their_start(tiny_config, texture):
    config = tiny_config(deformable=("conv3", "conv4"))
    images = np.stack([texture(63, 63, seed) for seed in range(2)])
    net = build(config.network)
    assert matching.offset_spread(net, images) == {"conv3.offset": 0, "conv4.offset": 0}
    net.backbone.conv4[0].conv2.offset_bias.set_data(nd.array([3.0, -4.0] * 9))  # whatever the images
    assert matching.offset_spread(net, images) == {"conv3.offset": 0, "conv4.offset": pytest.approx(12.5**0.5)}
    assert matching.offset_spread(build(tiny_config(deformable=()).network), images) == {}


def test_matches_are_read_as_they_were_written(tmp_path):
    pairs = [Match("a b", 0.25, 1.5), Match("c,d", 3.0, 0.125)]
    matching.write_matches(tmp_path / "50.csv", pairs)
    assert matching.read_matches(tmp_path / "50.csv") == pairs
    (tmp_path / "50.csv").write_text("sequence,loss,error\na,x,2\n")
    with pytest.raises(InputError, match="holds no matches"):
        matching.read_matches(tmp_path / "50.csv")
