import numpy as np
import pytest

from rar_gluon import geometry
from rar_gluon.config import from_dict
from rar_gluon.data.clips import Clip, Clips, Stored, stack_clips
from rar_gluon.filter.layer import OnlineFilter, desired_response
from rar_gluon.net.backbone import level_strides
from rar_gluon.net.rar import build, pad_state
from rar_gluon.net.weights import parameters
from rar_gluon.tracking.tracker import Tracker
from rar_gluon.training.loop import freeze
from rar_gluon.training.step import loss, representation_cells, responses, to_batch

import mxnet as mx  # isort: skip  (after rar_gluon, which sets its threads)
from mxnet import autograd, nd  # isort: skip

CONTEXTS = [{"contexts": 0}, {"context_source": "image"}, {"context_source": "feature"}]
NAMES = ["no contexts", "image", "feature"]


def batch_of(config, net, clips, numbers):
    """Clips of these numbers on the CPU."""
    return to_batch(
        stack_clips([clips[number] for number in numbers]), representation_cells(net, config), config, mx.cpu()
    )


def mean_loss(net, batch, config):
    return loss(responses(net, batch, config), batch.desired).mean()


# One function for training and for tracking --------------------------------------------------------------------------


@pytest.mark.parametrize("settings", CONTEXTS, ids=NAMES)
@pytest.mark.parametrize("network", [{}, {"inter_frame": False}, {"stride": 16}], ids=["", "NTA", "stride 16"])
def test_responses_are_those_of_the_tracker(small_config, plain, lively_network, texture, settings, network):
    """From the pictures on: two frames through Clips, and the same two through Tracker."""
    config = plain(small_config({"scales": 1}, settings, **network), templates=1, max_gap=1)
    net = lively_network(config)
    scene, box = texture(260, 300, 2, 12), (90, 70, 45, 36)
    frames = scene[40:220, 40:260], scene[48:228, 32:252]
    clips = Clips([(Stored(["one"], [[(0, frames[0], box), (1, frames[1], box)]]), 1.0)], config)
    size, window = config.tracking.input_size, geometry.window_of(box, 2.0, "per-axis")
    search = geometry.crop(frames[1], window, size)
    number = next(number for number in range(100) if (clips[number].search == search).all())  # forwards, not mirrored
    ours = responses(net, batch_of(config, net, clips, [number]), config).asnumpy()[0]
    tracking = Tracker(config, net)
    tracking.init(frames[0], box)
    tracking.update(frames[1])
    np.testing.assert_allclose(ours, tracking.response, atol=1e-4 * np.abs(ours).max())
    assert np.unravel_index(ours.argmax(), ours.shape) != (0, 0) or config.network.stride == 16


@pytest.mark.parametrize("settings", CONTEXTS, ids=NAMES)
def test_a_batch_of_clips_of_two_templates(tiny_config, clips_of, lively_network, settings):
    """Each clip through the network alone, state handed on, and through the tracker's filter, where a second template
    that is learned at the rate 1/2 weighs as much as the first.
    """
    config = tiny_config(filter=settings, training={"templates": 2})
    net = lively_network(config)
    batch = batch_of(config, net, clips_of(config), range(3))
    together = responses(net, batch, config).asnumpy()
    size, stride = config.tracking.input_size, config.network.stride
    for clip in range(3):
        state = net.begin_state((1, 3, size, size))
        cells = batch.desired.shape[1:]
        online = OnlineFilter(config.filter, desired_response(config.filter, 2.0, *cells))
        for t, rate in enumerate((1, 0.5)):
            patches = batch.templates[t][clip]
            if settings.get("context_source") == "feature":
                margin, strides = (patches.shape[-1] - size) // 2, level_strides(config.network)
                z, *state = net(patches, *pad_state(state, margin, strides))
                state = pad_state(state, -margin, strides)
                z0, zi = geometry.split_contexts(z[0], z.shape[-1] - 2 * margin // stride)
                online.learn(z0, nd.stack(*zi), rate)
            else:
                around = [net(patch.expand_dims(0), *state)[0] for patch in patches[1:]]
                z, *state = net(patches[:1], *state)
                online.learn(z[0], nd.concat(*around, dim=0) if around else None, rate)
        x, *_ = net(batch.search[clip : clip + 1], *state)
        np.testing.assert_allclose(together[clip], online.respond(x)[0], atol=1e-4 * np.abs(together).max())


def test_the_state_reaches_the_search_region(tiny_config, clips_of, lively_network):
    """With inter-frame attention the response depends on the templates' order; without it, it does not."""
    for inter_frame in (True, False):
        config = tiny_config(training={"templates": 2}, inter_frame=inter_frame)
        net = lively_network(config)
        batch = batch_of(config, net, clips_of(config), [0])
        swapped = batch._replace(templates=batch.templates[::-1])
        change = np.abs((responses(net, batch, config) - responses(net, swapped, config)).asnumpy()).max()
        assert change > 1e-4 if inter_frame else change < 1e-5


# What is desired -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [(0, 0), (16, 0), (0, 16), (-24, 8), (-8, -32)])
def test_the_desired_peak_is_where_the_target_is(small_config, shift):
    """Against a response that is known to be right: that of the target's displacement in cells of 8 pixels."""
    config = small_config()
    clip = Clip(np.zeros((1, 5, 127, 127, 3), np.uint8), np.zeros((127, 127, 3), np.uint8), np.float32(shift), 1.0, "")
    absent = clip._replace(present=0.0)
    batch = to_batch(stack_clips([clip, absent]), (15, 15), config, mx.cpu())
    desired, nothing = batch.desired.asnumpy()
    assert np.unravel_index(desired.argmax(), desired.shape) == (shift[0] // 8 % 15, shift[1] // 8 % 15)
    assert desired.max() == pytest.approx(1) and not nothing.any()
    peak = geometry.peak(desired)
    assert np.array(peak) * 8 == pytest.approx(shift, abs=1e-3)
    assert [part.shape for part in batch.templates] == [(2, 5, 3, 127, 127)] and batch.search.shape == (2, 3, 127, 127)


def test_images_go_to_the_device_as_the_network_takes_them(tiny_config, clips_of):
    config = tiny_config(training={"templates": 3})
    clips = stack_clips([clips_of(config)[number] for number in range(2)])
    batch = to_batch(clips, (7, 7), config, mx.cpu())
    assert len(batch.templates) == 3
    np.testing.assert_array_equal(batch.search.asnumpy().transpose(0, 2, 3, 1), clips.search)
    for t, images in enumerate(batch.templates):
        np.testing.assert_array_equal(images.asnumpy().transpose(0, 1, 3, 4, 2), clips.templates[:, t])


def test_an_untrained_network_answers_where_the_target_is(small_config, texture):
    """Signs and axes of `shift`, from pictures to the peak of the response, mirrored or not."""
    quiet = {"scale_jitter": 0.0, "photometric": 0.0, "shift_jitter": 0.6}
    config = small_config(training=quiet, levels=["conv3"], deformable=[])
    frame = texture(260, 300, 2, 12)
    clips = Clips([(Stored(["one"], [[(t, frame, (130, 110, 42, 42)) for t in range(2)]]), 1.0)], config)
    net = build(config.network)
    predicted = responses(net, batch_of(config, net, clips, range(12)), config).asnumpy()
    shifts = np.array([clips[number].shift for number in range(12)])
    assert np.ptp(shifts, axis=0).min() > 20
    errors = np.abs([geometry.peak(response) for response in predicted] - shifts / 8)
    assert np.median(errors) < 0.5 and errors.max() < 2


def test_the_loss_is_the_sum_over_cells():
    response, desired = np.random.default_rng(0).normal(size=(2, 3, 5, 4))
    ours = loss(nd.array(response), nd.array(desired)).asnumpy()
    assert ours == pytest.approx(((response - desired) ** 2).reshape(3, -1).sum(axis=1), rel=1e-5)


# Gradients -----------------------------------------------------------------------------------------------------------


def gradients(net, batch, config):
    with autograd.record():
        value = loss(responses(net, batch, config), batch.desired).sum()
    value.backward()
    return {name: p.grad().asnumpy() for name, p in parameters(net).items() if p.grad_req != "null"}


@pytest.mark.parametrize("settings", CONTEXTS, ids=NAMES)
def test_gradients_reach_all_that_trains_and_nothing_that_is_frozen(tiny_config, clips_of, lively_network, settings):
    config = tiny_config(
        filter=settings, training={"templates": 2}, levels=["conv3", "conv4", "conv5"], deformable=["conv3", "conv5"]
    )
    net = lively_network(config)
    trained = freeze(net, config.training)
    net.hybridize()
    by_name = gradients(net, batch_of(config, net, clips_of(config), range(2)), config)
    assert set(by_name) == set(trained)
    assert [name for name, gradient in by_name.items() if not gradient.any() or not np.isfinite(gradient).all()] == []
    rest = set(parameters(net)) - set(trained)
    frozen = ("backbone.conv1.", "backbone.bn1.", "backbone.conv2.", "backbone.mean")
    assert all(name.startswith(frozen) or ".running_" in name for name in rest)
    assert not any(name.startswith(frozen) for name in trained)
    with pytest.raises(RuntimeError, match="grad_req='null'"):
        parameters(net)["backbone.conv2.0.conv1.weight"].grad()


def test_gradients_against_differences(tiny_config, clips_of, lively_network):
    """Along the gradient of one parameter at a time, through network, state and filter."""
    config = tiny_config(training={"frozen": [], "templates": 2})
    net = lively_network(config)
    freeze(net, config.training)
    net.hybridize()
    batch = batch_of(config, net, clips_of(config), [3])
    by_name = gradients(net, batch, config)
    for name in (
        "refinement.out.weight",
        "refinement.smooth0.weight",
        "attention_conv4.channel.w_o.weight",
        "attention_conv3.spatial.w_o.weight",
        "backbone.conv4.5.conv3.weight",
        "backbone.conv3.0.bn2.gamma",
    ):
        gradient, parameter = by_name[name].astype(np.float64), parameters(net)[name]
        norm, middle = np.linalg.norm(gradient), parameter.data().asnumpy()
        step = 5e-5 / norm  # the loss changes by 1e-4: above rounding, and few ReLUs change sides
        values = []
        for sign in (-1, 1):
            parameter.set_data(nd.array(middle + sign * step * gradient / norm))
            values.append(float(mean_loss(net, batch, config).asscalar()))
        parameter.set_data(nd.array(middle))
        assert (values[1] - values[0]) / (2 * step) == pytest.approx(norm, rel=0.05), name


def test_two_half_batches_are_one_whole(tiny_config, clips_of, lively_network):
    config = tiny_config()
    net = lively_network(config)
    freeze(net, config.training)
    net.hybridize()
    clips = clips_of(config)
    full_batch, first, second = (
        gradients(net, batch_of(config, net, clips, numbers), config) for numbers in (range(4), range(2), range(2, 4))
    )
    for name, gradient in full_batch.items():
        scale = np.abs(gradient).max()
        np.testing.assert_allclose(first[name] + second[name], gradient, atol=1e-4 * scale, err_msg=name)


def test_without_a_templates_gradient_the_filter_is_a_constant(tiny_config, clips_of, lively_network):
    """TDCF: the loss of the templates' pixels alone. The state, which is none of the filter, is left out."""
    for flag in (True, False):
        config = tiny_config(filter={"template_gradient": flag}, inter_frame=False)
        net = lively_network(config)
        batch = batch_of(config, net, clips_of(config), range(2))
        batch.templates[0].attach_grad()
        batch.search.attach_grad()
        gradients(net, batch, config)
        assert batch.search.grad.asnumpy().any()
        assert batch.templates[0].grad.asnumpy().any() == flag


def test_a_negative_clip_teaches_to_answer_nothing(tiny_config, clips_of, lively_network):
    config = tiny_config(training={"negatives": 0.9})
    net = lively_network(config)
    clips = clips_of(config)
    numbers = [number for number in range(12) if not clips[number].present][:3]
    batch = batch_of(config, net, clips, numbers)
    answer = responses(net, batch, config)
    assert not batch.desired.asnumpy().any()
    np.testing.assert_allclose(
        loss(answer, batch.desired).asnumpy(), (answer.asnumpy() ** 2).sum(axis=(1, 2)), rtol=1e-5
    )


def test_what_is_frozen_computes_in_training_as_in_tracking(tiny_config, clips_of):
    """Its statistics are not gathered, so they must be used, also where those of other stages are trained."""
    config = tiny_config(levels=["conv3"], deformable=[], statistics="trained", training={"frozen": ["conv1", "conv2"]})
    net = build(config.network)
    freeze(net, config.training)
    images, names = nd.random.uniform(0, 255, (2, 3, 63, 63)), ("conv1", "bn1", "conv2")
    before = {name: p.data().asnumpy() for name, p in parameters(net).items() if ".running_" in name}

    def frozen_part():
        features = images
        for name in names:
            features = getattr(net.backbone, name)(features)
        return features.asnumpy()

    expected = frozen_part()
    with autograd.record():
        np.testing.assert_allclose(frozen_part(), expected, rtol=1e-4, atol=1e-4)
    gradients(net, batch_of(config, net, clips_of(config), range(2)), config)
    moved = [name for name, array in before.items() if (parameters(net)[name].data().asnumpy() != array).any()]
    assert moved == [name for name in before if not name.startswith(("backbone.bn1.", "backbone.conv2."))]


@pytest.mark.parametrize("statistics", ["frozen", "trained"])
def test_statistics_move_when_they_are_trained(tiny_config, clips_of, statistics):
    config = tiny_config(statistics=statistics, training={"frozen": []})
    net = build(config.network)
    freeze(net, config.training)
    net.hybridize()
    batch = batch_of(config, net, clips_of(config), range(2))
    before = {name: p.data().asnumpy() for name, p in parameters(net).items() if ".running_" in name}
    gradients(net, batch, config)
    moved = [name for name, array in before.items() if (parameters(net)[name].data().asnumpy() != array).any()]
    assert len(before) > 50 and moved == (list(before) if statistics == "trained" else [])
    between = {name: parameters(net)[name].data().asnumpy() for name in before}
    mean_loss(net, batch, config).wait_to_read()  # outside of training nothing moves
    assert all((parameters(net)[name].data().asnumpy() == array).all() for name, array in between.items())


def test_the_filters_options_are_those_of_the_configuration(tiny_config, clips_of, lively_network):
    """Each changes the response, or, `backward`, the gradient."""
    base = tiny_config()
    net = lively_network(base)
    batch = batch_of(base, net, clips_of(base), [0])
    expected, gradient = responses(net, batch, base).asnumpy(), gradients(net, batch, base)
    for change in (
        {"lambda1": 1.0},
        {"lambda2": 10.0},
        {"denominator": "per-channel"},
        {"label_sigma": 0.3},
    ):
        config = from_dict({"filter": change}, base=base)
        assert np.abs(responses(net, batch, config).asnumpy() - expected).max() > 1e-4, change
    config = from_dict({"filter": {"backward": "printed"}}, base=base)
    printed = gradients(net, batch, config)["refinement.out.weight"]
    assert np.abs(printed - gradient["refinement.out.weight"]).max() > 1e-3
