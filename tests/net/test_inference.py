import json

import pytest

from rar_gluon.config import load
from rar_gluon.net.inference import InferenceNetwork, convolutions, eight_bit_layers, fold_batch_norms, folded, trace
from rar_gluon.net.weights import load_network
from tests.net.comparing import VARIANTS, arrays, assert_equal, random_state


@pytest.mark.parametrize("variant", VARIANTS)
def test_prepared_for_inference_it_is_the_same_function(small_config, make_net, images, variant):
    """Batch norms folded, operators fused; and the second call must not overwrite what the first returned."""
    net = make_net(small_config(**variant))
    inputs = [(images(seed=seed), *random_state(net, (1, 3, 127, 127), seed)) for seed in (0, 1)]
    expected = [arrays(net(*arguments)) for arguments in inputs]
    inference = InferenceNetwork(net)
    outputs = [inference(*arguments) for arguments in inputs]
    for ours, theirs in zip(outputs, expected):
        assert_equal(arrays(ours), theirs, 1e-3)  # a random network of 50 layers enlarges rounding


def test_prepared_for_inference_the_shipped_network_is_the_same_to_rounding(images):
    net = load_network(load("rar_thin"))
    state = random_state(net, (1, 3, 127, 127))
    assert_equal(arrays(InferenceNetwork(net)(images(), *state)), arrays(net(images(), *state)), 1e-5)


def test_prepared_for_one_shape_it_still_takes_another(small_config, make_net, images):
    net = make_net(small_config(levels=["conv3"], deformable=[]))
    inference = InferenceNetwork(net)
    for side, batch, cells in ((127, 1, 15), (127, 3, 15), (159, 1, 19), (127, 1, 15)):
        image = images(side, batch)
        assert inference(image, *net.begin_state(image.shape))[0].shape == (batch, 6, cells, cells)


def test_every_batch_norm_behind_a_convolution_is_folded(small_config, make_net):
    net = make_net(small_config(deformable=["conv4"]))
    symbol, values = trace(net)
    before = {name: value.copy() for name, value in values.items()}
    graph = fold_batch_norms(symbol, values)
    operators = [node["op"] for node in json.loads(graph.symbol.tojson())["nodes"]]
    assert (
        operators.count("BatchNorm")
        == 0
        < [node["op"] for node in json.loads(symbol.tojson())["nodes"]].count("BatchNorm")
    )
    assert all((values[name] == before[name]).all() for name in before)


def test_eight_bits_are_for_the_backbone_but_not_its_stem(small_config, make_net):
    net = make_net(small_config(levels=["conv3"], deformable=[]))
    symbol = folded(net).symbol
    every, chosen = convolutions(symbol), eight_bit_layers(net, symbol)
    assert len(chosen) == (3 * 3 + 1) + (4 * 3 + 1) and set(chosen) < set(every)  # conv2 and conv3 of Table 1
    assert every[0] == f"{net.backbone.prefix}conv0_fwd" and every[0] not in chosen
