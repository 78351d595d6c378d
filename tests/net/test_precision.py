"""Halves and int8: the graph that computes them, and what comes out."""

import json

import mxnet as mx
import numpy as np
import pytest
from mxnet import nd

from rar_gluon.common import InputError
from rar_gluon.config import load
from rar_gluon.net.inference import InferenceNetwork, folded, input_names, measure_ranges
from rar_gluon.net.precision import bound, in_half
from rar_gluon.net.weights import SHIPPED, load_network, ranges_path, read_ranges, save_ranges


@pytest.fixture(scope="module")
def shipped():
    return load_network(load("rar_thin"))


def relative(ours, theirs) -> float:
    return float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))


def test_only_convolutions_are_in_half(small_config, make_net):
    symbol, _ = folded(make_net(small_config(deformable=["conv4"])))
    nodes = json.loads(in_half(symbol, "float16").tojson(remove_amp_cast=False))["nodes"]
    for node in nodes:
        types = {nodes[source]["attrs"]["dtype"] for source, *_ in node["inputs"] if nodes[source]["op"] == "amp_cast"}
        if node["op"] == "Convolution":
            assert types == {"float16"}
        elif node["op"] != "amp_cast":
            assert types <= {"float32"}


def test_between_casts_it_is_the_same_function(small_config, make_net, images):
    """In float32, where a cast is none: this CPU computes no halves."""
    net = make_net(small_config(deformable=["conv4"]))
    symbol, values = folded(net)
    state = net.begin_state((2, 3, 127, 127))
    names = input_names(len(state))
    block = bound(
        in_half(symbol, "float32"), {name: nd.array(value) for name, value in values.items()}, names, mx.cpu()
    )
    for ours, theirs in zip(block(images(batch=2), *state), net(images(batch=2), *state)):
        assert relative(ours.asnumpy(), theirs.asnumpy()) < 1e-3  # a random network enlarges rounding


def test_fp16_on_a_cpu_is_refused_in_a_sentence(small_config, make_net, images):
    net = make_net(small_config(levels=["conv3"], deformable=[]))
    image = images()
    with pytest.raises(InputError, match=r"cpu\(0\) computes nothing in fp16: choose fp32"):
        InferenceNetwork(net, "fp16")(image, *net.begin_state(image.shape))


def test_int8_is_near_fp32_and_leaves_sums_unfused(shipped, images):
    """Ranges of these very images; the fusion of sums that is wrong in MXNet 1.9.1 would make it .11."""
    image = images(batch=4, side=127)
    state = shipped.begin_state(image.shape)
    network = InferenceNetwork(shipped, "int8", measure_ranges(shipped, image))
    ours, theirs = network(image, *state)[0].asnumpy(), shipped(image, *state)[0].asnumpy()
    assert 1e-3 < relative(ours, theirs) < 0.1


def test_the_shipped_ranges_are_of_the_shipped_weights(shipped):
    ranges = read_ranges(SHIPPED)
    assert (ranges[:, 0] <= ranges[:, 1]).all()
    assert len(ranges) == len(measure_ranges(shipped, nd.zeros((1, 3, 127, 127))))


def test_ranges_come_back_for_their_weights_alone(tmp_path):
    weights, ranges = tmp_path / "mine.npz", np.array([[0, 1], [-2, 3]], np.float32)
    weights.write_bytes(b"1")
    with pytest.raises(InputError, match=r"int8 needs the ranges .*mine\.int8\.npz"):
        read_ranges(weights)
    save_ranges(weights, ranges)
    assert (read_ranges(weights) == ranges).all()
    weights.write_bytes(b"2")
    with pytest.raises(InputError, match="measured for other weights"):
        read_ranges(weights)
    np.savez(ranges_path(weights), ranges=np.array([[np.nan, 1]], np.float32), weights="")
    with pytest.raises(InputError, match="holds no ranges"):
        read_ranges(weights)
    with pytest.raises(InputError, match="from beside a weights file"):
        read_ranges(None)


def test_ranges_of_another_network_are_refused(shipped):
    with pytest.raises(InputError, match=r"ranges of \d+ outputs of the network, not 2"):
        InferenceNetwork(shipped, "int8", np.zeros((2, 2), np.float32))
