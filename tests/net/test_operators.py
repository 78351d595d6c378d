"""Each operator against the formula it stands for, written with MXNet's plain operators or in numpy."""

import numpy as np
import pytest

from rar_gluon.net import operators

from mxnet import autograd, nd  # isort: skip  (after rar_gluon, which sets its threads)
from mxnet.gluon import HybridBlock, nn  # isort: skip

BATCH, CHANNELS, HEIGHT, WIDTH = 2, 24, 7, 9


class Block(HybridBlock):
    """A function of operators, to be compiled."""

    def __init__(self, function):
        super().__init__()
        self._function = function

    def hybrid_forward(self, F, *inputs):
        return self._function(F, *inputs)


def values_and_gradients(function, arrays, compiled):
    inputs = [nd.array(array) for array in arrays]
    for array in inputs:
        array.attach_grad()
    block = Block(function)
    if compiled:
        block.hybridize()
    with autograd.record():
        out = block(*inputs)
        weights = nd.array(np.random.default_rng(1).normal(size=out.shape))
        total = (out * weights).sum()
    total.backward()
    return [out.asnumpy(), *(array.grad.asnumpy() for array in inputs)]


@pytest.fixture(scope="module")
def maps():
    rng = np.random.default_rng(0)
    return {
        "phi": rng.normal(size=(BATCH, CHANNELS, HEIGHT, WIDTH)),
        "psi_s": rng.uniform(size=(BATCH, 1, HEIGHT, WIDTH)),
        "psi_c": rng.uniform(size=(BATCH, CHANNELS, 1, 1)),
    }


def plain_unit_energy(F, x):
    return F.broadcast_div(x, F.sqrt(F.mean(F.square(x), axis=(1, 2, 3), keepdims=True) + 1e-12))


PAIRS = {
    "relu": (operators.relu, lambda F, x: F.relu(x), ["phi"]),
    "tanh": (operators.tanh, lambda F, x: F.tanh(x), ["phi"]),
    "sigmoid": (operators.sigmoid, lambda F, x: F.sigmoid(x), ["phi"]),
    "channel_mean": (
        lambda F, x: operators.channel_mean(F, x, CHANNELS),
        lambda F, x: F.mean(x, axis=1, keepdims=True),
        ["phi"],
    ),
    "channel_max": (
        lambda F, x: operators.channel_max(F, x, CHANNELS),
        lambda F, x: F.max(x, axis=1, keepdims=True),
        ["phi"],
    ),
    "spatial_mean": (operators.spatial_mean, lambda F, x: F.mean(x, axis=(2, 3), keepdims=True), ["phi"]),
    "spatial_max": (operators.spatial_max, lambda F, x: F.max(x, axis=(2, 3), keepdims=True), ["phi"]),
    "unit_energy": (operators.unit_energy, plain_unit_energy, ["phi"]),
    "emphasise": (
        operators.emphasise,
        lambda F, x, s, c: F.broadcast_mul(F.broadcast_mul(x, s), c) + x,
        ["phi", "psi_s", "psi_c"],
    ),
    "emphasise in space": (
        lambda F, x, s: operators.emphasise(F, x, s, None),
        lambda F, x, s: F.broadcast_mul(x, s) + x,
        ["phi", "psi_s"],
    ),
    "emphasise in channels": (
        lambda F, x, c: operators.emphasise(F, x, None, c),
        lambda F, x, c: F.broadcast_mul(x, c) + x,
        ["phi", "psi_c"],
    ),
}


@pytest.mark.parametrize("compiled", [False, True], ids=["imperative", "compiled"])
@pytest.mark.parametrize("name", PAIRS)
def test_values_and_gradients_are_those_of_the_plain_operators(maps, name, compiled):
    ours, plain, inputs = PAIRS[name]
    arrays = [maps[key] for key in inputs]
    for ours_value, expected in zip(
        values_and_gradients(ours, arrays, compiled), values_and_gradients(plain, arrays, False)
    ):
        np.testing.assert_allclose(ours_value, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("channels", [1, 2, 5, 12])
def test_maximum_over_any_number_of_channels(channels):
    x = nd.array(np.random.default_rng(0).normal(size=(2, channels, 3, 4)))
    value = operators.channel_max(nd, x, channels).asnumpy()
    np.testing.assert_array_equal(value, x.asnumpy().max(axis=1, keepdims=True))


def test_nothing_emphasised():
    x = nd.ones((1, 2, 3, 4))
    assert operators.emphasise(nd, x, None, None) is x


# The deformable convolution ------------------------------------------------------------------------------------------


def deformable(stride=1, padding=1, dilation=1, channels=3, channels_in=4, offsets=0.0, seed=0):
    block = operators.DeformableConvolution(channels, channels_in, stride, padding, dilation)
    block.initialize()
    rng = np.random.default_rng(seed)
    block.deformable_conv_weight.set_data(nd.array(rng.normal(size=(channels, channels_in, 3, 3))))
    block.offset_weight.set_data(nd.array(rng.normal(0, offsets / 6, size=(18, channels_in, 3, 3))))
    block.offset_bias.set_data(nd.array(rng.normal(0, offsets, size=18)))
    return block


def sample(image, y, x):
    """Bilinear value of (H, W) at (y, x), zero beyond its border."""
    height, width = image.shape
    total = 0.0
    for row in (int(np.floor(y)), int(np.floor(y)) + 1):
        for column in (int(np.floor(x)), int(np.floor(x)) + 1):
            if 0 <= row < height and 0 <= column < width:
                total += image[row, column] * (1 - abs(y - row)) * (1 - abs(x - column))
    return total


GEOMETRIES = [(1, 1, 1), (1, 2, 2), (2, 1, 1), (2, 0, 1)]


@pytest.mark.parametrize(("stride", "padding", "dilation"), GEOMETRIES)
def test_without_offsets_it_is_a_convolution(stride, padding, dilation):
    block = deformable(stride, padding, dilation)
    plain = nn.Conv2D(3, 3, stride, padding, dilation, in_channels=4, use_bias=False)
    plain.initialize()
    plain.weight.set_data(block.deformable_conv_weight.data())
    x = nd.array(np.random.default_rng(2).normal(size=(2, 4, 9, 11)))
    np.testing.assert_allclose(block(x).asnumpy(), plain(x).asnumpy(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("stride", "padding", "dilation"), GEOMETRIES)
def test_with_offsets_against_its_definition(stride, padding, dilation):
    block = deformable(stride, padding, dilation, offsets=1.0)
    x = np.random.default_rng(3).normal(size=(1, 4, 6, 7))
    window = {"kernel": (3, 3), "stride": (stride,) * 2, "pad": (padding,) * 2, "dilate": (dilation,) * 2}
    moved = nd.Convolution(
        nd.array(x), block.offset_weight.data(), block.offset_bias.data(), num_filter=18, **window
    ).asnumpy()[0]
    kernel = block.deformable_conv_weight.data().asnumpy()
    expected = np.zeros((3, *moved.shape[1:]))
    for row, column in np.ndindex(moved.shape[1:]):
        for tap in range(9):
            y = row * stride - padding + tap // 3 * dilation + moved[2 * tap, row, column]
            at = column * stride - padding + tap % 3 * dilation + moved[2 * tap + 1, row, column]
            values = np.array([sample(channel, y, at) for channel in x[0]])
            expected[:, row, column] += kernel[:, :, tap // 3, tap % 3] @ values
    np.testing.assert_allclose(block(nd.array(x)).asnumpy()[0], expected, rtol=1e-4, atol=1e-4)


def test_values_and_gradients_are_those_of_mxnets_operator_away_from_the_border():
    """Offsets below a cell, and an output cell from whose taps no sample reaches the border."""
    block = deformable(offsets=0.2)
    block.hybridize()
    x = np.random.default_rng(4).normal(size=(1, 4, 9, 9))
    parameters = (block.offset_weight, block.offset_bias, block.deformable_conv_weight)

    def run(forward):
        image = nd.array(x)
        image.attach_grad()
        with autograd.record():
            out = forward(image)[:, :, 3:6, 3:6]
            total = (out * nd.array(np.random.default_rng(5).normal(size=out.shape))).sum()
        total.backward()
        return [out.asnumpy(), image.grad.asnumpy(), *(p.grad().asnumpy().copy() for p in parameters)]

    def theirs(image):
        window = {"kernel": (3, 3), "pad": (1, 1)}
        offset = nd.Convolution(image, block.offset_weight.data(), block.offset_bias.data(), num_filter=18, **window)
        kernel = block.deformable_conv_weight.data()
        return nd.contrib.DeformableConvolution(image, offset, kernel, num_filter=3, no_bias=True, **window)

    for value, expected in zip(run(block), run(theirs)):
        np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
