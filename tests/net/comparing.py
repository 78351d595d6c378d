"""Networks that tests compare one way of running with another on."""

import numpy as np

from rar_gluon.net.rar import RAR

from mxnet import nd  # isort: skip  (after rar_gluon, which sets its threads)

VARIANTS = [
    {},
    {"stride": 16, "levels": ["conv3", "conv4"], "deformable": ["conv3"]},
    {"stride": 4, "dilate": True, "downsample": "1x1", "deformable": []},
    {"refinement": "concat", "inter_frame": False, "deformable": []},
    {"levels": ["conv5"], "channel": False},
]


def arrays(outputs):
    return [part.asnumpy() for part in outputs]


def random_state(net: RAR, shape, seed=0):
    rng = np.random.default_rng(seed)
    return [nd.array(rng.normal(size=part.shape)) for part in net.begin_state(shape)]


def assert_equal(ours, theirs, tolerance=1e-4):
    """Largest difference relative to the largest value, of each output; sums in float32 depend on batch and threads."""
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, atol=tolerance * np.abs(b).max(), rtol=0)
