import numpy as np
import pytest

from rar_gluon.net.backbone import level_strides
from rar_gluon.net.rar import build, pad_state
from rar_gluon.net.weights import parameters
from tests.net.comparing import VARIANTS, arrays, assert_equal, random_state

from mxnet import autograd, nd  # isort: skip  (after rar_gluon, which sets its threads)

# One function, however it is run -------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
def test_compiled_is_imperative(small_config, make_net, images, variant):
    net = make_net(small_config(**variant))
    inputs = [(images(seed=seed), *random_state(net, (1, 3, 127, 127), seed)) for seed in (0, 1)]
    expected = [arrays(net(*arguments)) for arguments in inputs]
    net.hybridize()
    outputs = [net(*arguments) for arguments in inputs]
    for ours, theirs in zip(outputs, expected):
        assert_equal(arrays(ours), theirs)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_batch_is_its_images_one_by_one(small_config, make_net, images, variant):
    net = make_net(small_config(**variant))
    image = images(batch=3)
    state = random_state(net, image.shape)
    together = arrays(net(image, *state))
    for index in range(3):
        alone = arrays(net(image[index : index + 1], *(part[index : index + 1] for part in state)))
        assert_equal(alone, [part[index : index + 1] for part in together])


def test_the_same_features_in_training_with_frozen_statistics(small_config, make_net, images):
    """One network function for training and for tracking; the statistics stay as they are."""
    net = make_net(small_config())
    image = images(batch=2)
    state = random_state(net, image.shape)
    inference = arrays(net(image, *state))
    statistics = {name: p.data().asnumpy() for name, p in parameters(net).items() if "running" in name}
    with autograd.record():
        training = net(image, *state)
        loss = training[0].sum()
    loss.backward()
    assert_equal(arrays(training), inference)  # other kernels than in inference, where the processor has some
    for name, before in statistics.items():
        assert (parameters(net)[name].data().asnumpy() == before).all(), name


def test_statistics_of_the_batch_are_used_and_gathered_when_trained(small_config, make_net, images):
    net = make_net(small_config(levels=["conv3"], deformable=[], statistics="trained"))
    image = images(batch=2)
    state = net.begin_state(image.shape)
    inference = net(image, *state)[0].asnumpy()
    statistics = [name for name in parameters(net) if "running" in name]
    before = {name: parameters(net)[name].data().asnumpy() for name in statistics}
    with autograd.record():
        training = net(image, *state)[0]
    training.backward()  # MXNet gathers statistics in the backward pass
    assert np.abs(training.asnumpy() - inference).max() > 1e-2
    for name in statistics:
        assert (parameters(net)[name].data().asnumpy() != before[name]).any(), name


# Gradients -----------------------------------------------------------------------------------------------------------


def gradients_of_two_frames(net, image, state, dtype="float32"):
    """Gradients of a projection of the second of two frames, the state handed on."""
    probe = nd.array(np.random.default_rng(5).normal(size=net(image[:1], *state)[0].shape), dtype=dtype)
    with autograd.record():
        _, *state = net(image[:1], *state)
        loss = (net(image[1:], *state)[0] * probe).sum()
    loss.backward()
    return {name: p.grad().asnumpy().copy() for name, p in parameters(net).items() if p.grad_req != "null"}


def test_gradient_with_frozen_statistics_is_right(small_config, make_net, images):
    """In float64 against central differences, in float32 (other code: oneDNN) against float64.

    In plain `record()`: with `record(train_mode=False)` BatchNorm's gradient would be that of statistics of the batch,
    and oneDNN's max pooling keeps no indices, so that its gradient goes to the wrong cells.
    """
    net = make_net(small_config(levels=["conv3"], deformable=[], stem_channels=4, width=0.0625))
    image, state = images(63, batch=2), random_state(net, (1, 3, 63, 63))
    single = gradients_of_two_frames(net, image, state)
    net.cast("float64")
    image, state = image.astype("float64"), [part.astype("float64") for part in state]
    double = gradients_of_two_frames(net, image, state, "float64")
    for name, gradient in double.items():
        np.testing.assert_allclose(single[name], gradient, atol=1e-2 * np.abs(gradient).max(), err_msg=name)

    probe = nd.array(np.random.default_rng(5).normal(size=net(image[:1], *state)[0].shape), dtype="float64")
    checked = [name for name in double if name.endswith(("backbone.bn1.gamma", "0.conv2.weight", "3.bn2.gamma"))]
    checked += ["backbone.conv1.weight", "backbone.conv3.0.project_bn.beta", "attention_conv3.cell.h2h_weight"]
    for name in checked:
        parameter, gradient = parameters(net)[name], double[name]
        data = parameter.data().asnumpy()
        index = np.unravel_index(int(np.abs(gradient).argmax()), gradient.shape)
        step = 1e-6 * np.abs(data).max()
        losses = []
        for sign in (1, -1):
            moved = data.copy()
            moved[index] += sign * step
            parameter.set_data(nd.array(moved, dtype="float64"))
            _, *after = net(image[:1], *state)
            losses.append((net(image[1:], *after)[0] * probe).sum().asscalar())
        parameter.set_data(nd.array(data, dtype="float64"))
        assert (losses[0] - losses[1]) / (2 * step) == pytest.approx(gradient[index], rel=1e-4), name


def test_every_trained_parameter_gets_a_gradient_and_no_frozen_one(small_config, make_net, images):
    net = make_net(small_config())
    frozen = [name for name in parameters(net) if name.startswith(("backbone.conv1", "backbone.bn1", "backbone.conv2"))]
    for name in frozen:
        parameters(net)[name].grad_req = "null"
    by_name = gradients_of_two_frames(net, images(batch=2), random_state(net, (1, 3, 127, 127)))
    for name, gradient in by_name.items():
        assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0, name
    without = set(parameters(net)) - set(by_name)
    assert without == {*frozen, "backbone.mean", *(name for name in parameters(net) if "running" in name)}


def test_gradient_through_two_frames_is_the_same_hybridized(small_config, make_net, images):
    """Hybridized without static memory, whose gradients of two recorded calls MXNet mixes up."""
    net = make_net(small_config(levels=["conv3", "conv4"]))
    image, state = images(batch=2), random_state(net, (1, 3, 127, 127))
    expected = gradients_of_two_frames(net, image, state)
    net.hybridize()
    ours = gradients_of_two_frames(net, image, state)
    for name, gradient in expected.items():
        np.testing.assert_allclose(ours[name], gradient, atol=1e-4 * np.abs(gradient).max(), err_msg=name)


def test_the_network_is_its_parts_joined(small_config, make_net, images):
    """Backbone, attention of each level with its own h and c, refinement; the new states in the levels' order."""
    net = make_net(small_config(levels=["conv3", "conv4"]))
    image = images()
    h3, c3, h4, c4 = state = random_state(net, image.shape)
    conv3, conv4 = net.backbone(image)
    attended3, *state3 = net.attention_conv3(conv3, h3, c3)
    attended4, *state4 = net.attention_conv4(conv4, h4, c4)
    expected = [net.refinement(attended3, attended4), *state3, *state4]
    assert_equal(arrays(net(image, *state)), arrays(expected), 0)


# State, seeds, twins -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options, sides",
    [
        ({"stride": 4}, [31, 31, 31]),
        ({"stride": 8}, [15, 15, 15]),
        ({"stride": 16}, [15, 8, 8]),
        ({"stride": 16, "levels": ["conv4"]}, [8]),
        ({"stride": 8, "levels": ["conv3", "conv5"]}, [15, 15]),
    ],
)
def test_begin_state_is_zeros_of_each_levels_size(small_config, options, sides):
    net = build(small_config(**options).network)
    state = net.begin_state((2, 3, 127, 127))
    assert [part.shape for part in state] == [(2, 4, side, side) for side in sides for _ in "hc"]
    assert not any(part.asnumpy().any() for part in state)
    outputs = net(nd.ones((2, 3, 127, 127)), *state)
    assert [part.shape for part in outputs[1:]] == [part.shape for part in state]
    side = {4: 31, 8: 15, 16: 8}[net.config.stride]
    assert outputs[0].shape == (2, 6, side, side)


@pytest.mark.parametrize("options", [{"inter_frame": False}, {"channel": False, "spatial": False}])
def test_without_inter_frame_attention_there_is_no_state(small_config, options):
    net = build(small_config(**options, levels=["conv3"], deformable=[]).network)
    assert net.begin_state((1, 3, 127, 127)) == []
    assert len(net(nd.ones((1, 3, 127, 127)))) == 1


def test_naa_hands_features_to_the_refinement_untouched(small_config, make_net, images):
    net = make_net(small_config(channel=False, spatial=False))
    image = images()
    assert_equal(arrays(net(image)), arrays([net.refinement(*net.backbone(image))]))


def test_finer_levels_are_averaged_to_the_stride_of_the_network(small_config, make_net, images):
    """Stride 32 and concatenation: conv3 halved twice, conv4 once, by 3x3/2 means of the cells that exist."""
    naa = {"channel": False, "spatial": False}
    config = small_config(tracking={"input_size": 255}, stride=32, refinement="concat", deformable=[], **naa)
    net = make_net(config)
    image = images(255)

    def halve(x):
        side = (x.shape[-1] + 1) // 2
        out = np.empty((*x.shape[:2], side, side))
        for row in range(side):
            for column in range(side):
                rows = slice(max(0, 2 * row - 1), 2 * row + 2)
                columns = slice(max(0, 2 * column - 1), 2 * column + 2)
                out[..., row, column] = x[..., rows, columns].mean(axis=(2, 3))
        return out

    levels = arrays(net.backbone(image))
    levels = [halve(halve(levels[0])), halve(levels[1]), levels[2]]
    assert [level.shape[-1] for level in levels] == [8, 8, 8]
    levels = [level / np.sqrt((level**2).sum()) for level in levels]
    expected = np.concatenate(levels, axis=1)
    expected /= np.sqrt((expected**2).mean())
    np.testing.assert_allclose(net(image)[0].asnumpy(), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("strides", [(8, 8, 8), (8, 16, 32)])
def test_padding_a_state_and_cutting_it_again_gives_it_back(strides):
    rng = np.random.default_rng(0)
    sides = [64 // stride + 3 for stride in strides for _ in "hc"]
    state = [nd.array(rng.normal(size=(2, 3, side, side + 1))) for side in sides]
    padded = pad_state(state, 64, strides)
    for index, (before, after) in enumerate(zip(state, padded)):
        cells = 64 // strides[index // 2]
        assert after.shape == (2, 3, before.shape[2] + 2 * cells, before.shape[3] + 2 * cells)
        assert (after[:, :, cells:-cells, cells:-cells] == before).asnumpy().all()
        assert after.asnumpy().astype(bool).sum() == before.size  # zeros around
    for before, after in zip(state, pad_state(padded, -64, strides)):
        assert (before == after).asnumpy().all()
    assert pad_state([], 64, strides) == []


def test_padding_by_nothing_changes_nothing():
    state = [nd.ones((1, 2, 3, 3))] * 2
    assert all((a == b).asnumpy().all() for a, b in zip(state, pad_state(state, 0, (8,))))


@pytest.mark.parametrize("stride", [8, 16])
def test_a_larger_window_has_the_same_cells_in_its_middle(small_config, make_net, images, stride):
    """What `context_source: feature` rests on: an input larger by a multiple of the stride adds whole cells."""
    config = small_config(stride=stride, levels=["conv3", "conv4"], deformable=[])
    net = make_net(config)
    pixels = 4 * stride
    large = images(255 + 2 * pixels)
    small = large[:, :, pixels:-pixels, pixels:-pixels]
    maps = zip(level_strides(config.network), arrays(net.backbone(small)), arrays(net.backbone(large)))
    for cell, inner, outer in maps:
        margin = pixels // cell
        assert outer.shape[-1] == inner.shape[-1] + 2 * margin
        middle = inner.shape[-1] // 2
        core, moved = slice(middle - 1, middle + 2), slice(margin + middle - 1, margin + middle + 2)
        np.testing.assert_allclose(outer[..., moved, moved], inner[..., core, core], atol=1e-3 * np.abs(inner).max())


def test_a_seed_gives_one_network(small_config, images):
    config = small_config(levels=["conv3", "conv4"]).network
    first, again, other = (parameters(build(config, seed=seed)) for seed in (3, 3, 4))
    for name, parameter in first.items():
        assert (parameter.data() == again[name].data()).asnumpy().all(), name
    kernels = [name for name in first if name.endswith("conv1.weight")]
    assert all((first[name].data() != other[name].data()).asnumpy().any() for name in kernels)
