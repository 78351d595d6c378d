import numpy as np
import pytest

from rar_gluon.net.rar import build
from rar_gluon.net.weights import parameters

from mxnet import nd  # isort: skip  (after rar_gluon, which sets its threads)


@pytest.fixture(scope="session")
def randomise():
    """Set every parameter of a block to random values: what starts at zero or one would hide mistakes.

    Kernels have the variance that keeps activations, the first one takes an image's contrast away, BatchNorm's
    variances are positive, offsets stay at zero.
    """

    def run(block, seed=0):
        rng = np.random.default_rng(seed)
        for name, parameter in sorted(block._collect_params_with_prefix().items()):
            shape = parameter.shape
            if name.endswith("mean") and len(shape) == 4 or ".offset_" in name:  # the image's mean; offsets
                continue
            if name.endswith(("gamma", "running_var")):
                value = rng.uniform(0.5, 1.5, shape)
            elif len(shape) > 1:
                value = rng.normal(0, np.sqrt(1.5 / np.prod(shape[1:])), shape)
                value /= 74.0 if name == "backbone.conv1.weight" else 1.0  # standard deviation of uniform 0 to 255
            else:
                value = rng.normal(0, 0.2, shape)
            parameter.set_data(nd.array(value))
        return block

    return run


@pytest.fixture(scope="session")
def make_net(randomise):
    """Build the network of a configuration with random parameters."""

    def make(config, seed=0):
        return randomise(build(config.network), seed)

    return make


@pytest.fixture(scope="session")
def copy_parameters():
    """Copy parameters by name from one network to another; a plain 3x3 kernel also to a deformable one."""

    def copy(source, target):
        values = {name: parameter.data() for name, parameter in parameters(source).items()}
        for name, parameter in parameters(target).items():
            plain = name.replace(".deformable_conv_weight", ".weight")
            if ".offset_" not in name:
                parameter.set_data(values[name] if name in values else values[plain])
        return target

    return copy


@pytest.fixture(scope="session")
def images():
    """Make a batch of images (B, 3, side, side), 0-255, float32."""

    def make(side=127, batch=1, seed=0):
        return nd.array(np.random.default_rng(seed).integers(0, 256, (batch, 3, side, side)), dtype="float32")

    return make
