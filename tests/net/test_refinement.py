import numpy as np
import pytest

from rar_gluon.net.operators import unit_energy
from rar_gluon.net.refinement import Concatenation, Identity3x3, StackedRefinement

import mxnet as mx  # isort: skip  (after rar_gluon, which sets its threads)
from mxnet import nd  # isort: skip

COUNTS = (6, 8, 10)


@pytest.fixture
def levels():
    """Maps (2, C, 5, 6) of three levels, of very different energy."""
    rng = np.random.default_rng(0)
    scales = (1.0, 100.0, 0.01)
    return [s * rng.normal(size=(2, c, 5, 6)).astype(np.float32) for c, s in zip(COUNTS, scales)]


def normalised(x):
    return x / np.sqrt((x.astype(np.float64) ** 2).mean(axis=(1, 2, 3), keepdims=True))


def arrays(maps):
    return [nd.array(part) for part in maps]


def project(x, layer):
    """1x1 convolution in numpy."""
    weight, bias = layer.weight.data().asnumpy()[:, :, 0, 0], layer.bias.data().asnumpy()
    return np.einsum("oc,bchw->bohw", weight, x) + bias[None, :, None, None]


def smooth(x, layer):
    """3x3 convolution with zero padding in numpy."""
    weight, bias = layer.weight.data().asnumpy(), layer.bias.data().asnumpy()
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))), (3, 3), axis=(2, 3))
    return np.einsum("bchwij,ocij->bohw", windows, weight) + bias[None, :, None, None]


def make(counts=COUNTS, channels=12, channels_out=7):
    block = StackedRefinement(counts, channels, channels_out)
    block.initialize()
    return block


def test_unit_energy(levels):
    for x in levels:
        out = unit_energy(nd, nd.array(x)).asnumpy()
        np.testing.assert_allclose(out, normalised(x), rtol=1e-4)
        np.testing.assert_allclose((out**2).mean(axis=(1, 2, 3)), 1, rtol=1e-5)


def test_maps_of_zeros_stay_zeros():
    """A black picture may give them: no division by zero."""
    zeros = [nd.zeros((1, count, 5, 5)) for count in COUNTS]
    for block in (make(), Concatenation()):
        assert not block(*zeros).asnumpy().any()


@pytest.mark.parametrize("block", [make, Concatenation])
def test_output_has_unit_energy_whatever_the_levels(levels, block):
    out = block()(*arrays(levels)).asnumpy()
    np.testing.assert_allclose((out**2).mean(axis=(1, 2, 3)), 1, rtol=1e-4)


def test_concatenation_gives_levels_equal_weight(levels):
    out = Concatenation()(*arrays(levels)).asnumpy()
    assert out.shape == (2, sum(COUNTS), 5, 6)
    parts = np.split(out, np.cumsum(COUNTS)[:-1], axis=1)
    energies = [(part**2).sum(axis=(1, 2, 3)) for part in parts]
    np.testing.assert_allclose(energies, np.full((3, 2), sum(COUNTS) * 5 * 6 / 3), rtol=1e-4)
    for part, level in zip(parts, levels):  # each is its level but for a factor, in the levels' order
        np.testing.assert_allclose(normalised(part), normalised(level), rtol=1e-3, atol=1e-5)


def test_untrained_refinement_is_a_sum_of_projections(levels):
    block = make()
    merged = sum(project(normalised(x), getattr(block, f"lateral{index}")) for index, x in enumerate(levels))
    expected = normalised(project(merged, block.out))
    np.testing.assert_allclose(block(*arrays(levels)).asnumpy(), expected, rtol=1e-3, atol=1e-4)


def test_untrained_projections_are_orthogonal():
    block = make()
    for layer in (block.lateral0, block.lateral1, block.lateral2, block.out):
        weight = layer.weight.data().asnumpy()[:, :, 0, 0].astype(np.float64)
        product = weight @ weight.T if weight.shape[0] < weight.shape[1] else weight.T @ weight
        np.testing.assert_allclose(product, np.eye(len(product)), atol=1e-5)
        assert not layer.bias.data().asnumpy().any()


def test_identity_kernel_passes_on(levels):
    layer = mx.gluon.nn.Conv2D(6, 3, 1, 1, in_channels=6, weight_initializer=Identity3x3())
    layer.initialize()
    x = nd.array(levels[0])
    assert (layer(x) == x).asnumpy().all()


@pytest.mark.parametrize("hybrid", [False, True])
def test_levels_enter_from_the_deepest(randomise, levels, hybrid):
    """r5 = conv(lat5), r4 = conv(lat4 + r5), r3 = conv(lat3 + r4), in numpy with random weights."""
    block = randomise(make())
    if hybrid:
        block.hybridize()
    ours = block(*arrays(levels)).asnumpy()
    lateral = [project(normalised(x), getattr(block, f"lateral{index}")) for index, x in enumerate(levels)]
    r5 = smooth(lateral[2], block.smooth2)
    r4 = smooth(lateral[1] + r5, block.smooth1)
    r3 = smooth(lateral[0] + r4, block.smooth0)
    np.testing.assert_allclose(ours, normalised(project(r3, block.out)), rtol=1e-3, atol=1e-4)


def test_one_level(levels):
    out = make(COUNTS[:1])(nd.array(levels[0]))
    assert out.shape == (2, 7, 5, 6)
    np.testing.assert_allclose(
        Concatenation()(nd.array(levels[0])).asnumpy(), normalised(levels[0]), rtol=1e-3, atol=1e-5
    )
