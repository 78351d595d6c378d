import copy
import dataclasses

import numpy as np
import pytest

from rar_gluon.config import from_dict
from rar_gluon.data.clips import Clips
from rar_gluon.data.synthetic import SyntheticTracks
from rar_gluon.net.rar import build
from rar_gluon.net.weights import parameters

from mxnet import nd  # isort: skip  (after rar_gluon, which sets its threads)


@pytest.fixture(scope="session")
def tiny_config(small_config):
    """Make a configuration that trains in a few tenths of a second a step; `tiny_config(training={...}, ...)`."""

    def make(tracking=None, filter=None, training=None, **network):
        return small_config(
            {"input_size": 63, **(tracking or {})},
            filter,
            {"batch": 4, "epoch_clips": 12, "epochs": 2, **(training or {})},
            **{"width": 0.0625, "levels": ["conv3", "conv4"], **network},
        )

    return make


@pytest.fixture(scope="session")
def tracks(texture):
    """A few short synthetic tracks, small."""
    return SyntheticTracks(6, 10, 1, (96, 128), backgrounds=[texture(130, 150, seed, 6) for seed in range(3)])


@pytest.fixture(scope="session")
def clips_of(tracks):
    """The clips of these tracks for a configuration."""
    return lambda config: Clips([(tracks, 1.0)], config)


@pytest.fixture(scope="session")
def lively_network():
    """Build a network whose attention has left its start, where it does nothing: `lively_network(config)`."""

    def make(config):
        net, rng = build(config.network), np.random.default_rng(7)
        for name, parameter in parameters(net).items():
            if ".w_o." in name or ".offset_" in name:
                parameter.set_data(nd.array(rng.normal(0, 0.3, parameter.shape)))
        return net

    return make


@pytest.fixture(scope="session")
def plain():
    """Change a configuration so that clips are cut exactly around their targets and stay as they are."""

    def make(config, **training):
        nothing = ("shift_jitter", "scale_jitter", "photometric", "negatives")
        return from_dict({"training": {**{name: 0.0 for name in nothing}, **training}}, base=config)

    return make


@pytest.fixture(scope="session")
def replaced():
    """Change `training` of a configuration without its checks."""

    def make(config, **training):
        changed = copy.copy(config.training)
        vars(changed).update(training)
        return dataclasses.replace(config, training=changed)

    return make


@pytest.fixture(scope="session")
def values_of():
    """Every parameter of a network as an array."""
    return lambda net: {name: p.list_data()[0].asnumpy() for name, p in parameters(net).items()}
