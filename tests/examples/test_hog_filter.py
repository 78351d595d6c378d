"""examples/hog_filter.py: a filter of one's own, on pixels, under our tracker."""

import numpy as np
import pytest
from mxnet import nd

pytest.importorskip("skimage")


@pytest.fixture(scope="module")
def example(load_example):
    return load_example("hog_filter")


def test_it_tracks(example, texture):
    tracker, picture = example.make(), texture(240, 240, 3, 12)
    for _ in range(2):  # the second target begins anew
        tracker.init(picture, (90, 80, 40, 40))
        for shift in (3, 6, 9):
            x, y, w, h = tracker.update(np.roll(picture, (2 * shift, shift), axis=(0, 1)))
            assert (x, y) == pytest.approx((90 + shift, 80 + 2 * shift), abs=1)
            assert (w, h) == pytest.approx((40, 40), rel=0.05)


def test_pixels_come_through_in_their_places(example):
    """HOG of the picture itself, found by another route."""
    picture = np.random.default_rng(0).random((24, 32, 3))
    maps = example.Pixels()(nd.array(picture.transpose(2, 0, 1)[None]))[0]
    assert maps.shape == (1, 48, 6, 8)
    blocks = example.hog(picture, pixels_per_cell=(4, 4), cells_per_block=(1, 1), feature_vector=False, channel_axis=-1)
    expected = np.fft.rfft2(blocks.reshape(6, 8, 9).transpose(2, 0, 1) * np.outer(np.hanning(6), np.hanning(8)))
    np.testing.assert_allclose(example.spectra(maps)[0], expected, rtol=1e-5, atol=1e-5)


def test_contexts_count(example):
    """What lies beside the target is answered less by a filter that has seen it."""
    rng = np.random.default_rng(1)
    z0, *beside = (nd.array(rng.random((48, 16, 16))) for _ in range(3))
    zi, plain, context = nd.stack(*beside), example.HogCACF(), example.HogCACF()
    plain.learn(z0, None, 1.0)
    context.learn(z0, zi, 1.0)
    assert np.abs(context.respond(zi)).max() < 0.9 * np.abs(plain.respond(zi)).max()
