import numpy as np
import pytest

from rar_gluon.config import Config, from_dict, load
from rar_gluon.net import inference
from rar_gluon.net.cost import clip_macs, count_macs, frame_macs, image_macs, summarise, summary_table
from rar_gluon.net.rar import build
from rar_gluon.tracking.tracker import Tracker
from rar_gluon.training.step import representation_cells, responses, to_batch

import mxnet as mx  # isort: skip  (after rar_gluon, which sets its threads)
from mxnet.gluon import nn  # isort: skip


def resnet50_by_hand(stem, *sides):
    """(parameters, MACs) of ResNet-50 without classifier, from its rows; BatchNorm has two parameters a channel.

    `stem` is the side of conv1's maps, `sides` are those of conv2_x to conv5_x; the stride is on a stage's first 3x3.
    """
    parameters, macs = 64 * 3 * 49 + 2 * 64, 64 * 3 * 49 * stem**2
    channels, cells = 64, sides[0]
    for middle, blocks, side in zip((64, 128, 256, 512), (3, 4, 6, 3), sides):
        for block in range(blocks):
            kernels = [(channels * middle, cells), (middle * middle * 9, side), (middle * middle * 4, side)]
            norms = middle + middle + 4 * middle
            if block == 0:  # projection
                kernels.append((channels * middle * 4, side))
                norms += 4 * middle
            parameters += sum(count for count, _ in kernels) + 2 * norms
            macs += sum(count * size**2 for count, size in kernels)
            channels, cells = 4 * middle, side
    return parameters, macs


TABLE1 = resnet50_by_hand(127, 63, 31, 31, 31)


def head_by_hand(cells, channels, hidden=64, reduction=16, spatial=16, kernel=7, width=256, out=64):
    """(parameters, MACs) of attention (Eq. 3-7) and refinement (Fig. 6) with the default numbers."""
    parameters = macs = 0

    def convolution(channels_in, channels_out, size, area, bias=True):
        nonlocal parameters, macs
        count = channels_in * channels_out * size**2
        parameters += count + (channels_out if bias else 0)
        macs += count * area

    area = cells**2
    for count in channels:
        convolution(count, 4 * hidden, 1, area)  # ConvLSTM: input to four gates
        convolution(hidden, 4 * hidden, 3, area)  # state to four gates
        convolution(hidden, count, 1, 1)  # W_hc on the pooled state
        convolution(hidden, 1, 3, area)  # W_hs
        convolution(count, count // reduction, 1, 1)  # channel: W_phi
        convolution(count, count // reduction, 1, 1, bias=False)  # W_h
        convolution(count // reduction, count, 1, 1)  # W_o
        convolution(1, spatial, kernel, area)  # spatial: W_phi
        convolution(1, spatial, kernel, area, bias=False)  # W_h
        convolution(spatial, 1, kernel, area)  # W_o
        convolution(count, width, 1, area)  # lateral
        convolution(width, width, 3, area)  # smooth
    convolution(width, out, 1, area)
    return parameters, macs


def test_macs_and_parameters_of_a_tiny_network():
    """Two convolutions and a dense layer, which is none: 5 x 5 outputs of 3x3 x 2 x 4, 3 x 3 outputs of 3x3 x 4 x 6."""
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3, in_channels=2), nn.Conv2D(6, 3, 2, 1, in_channels=4), nn.Dense(10, in_units=54))
    parameters = {name: parameter.shape for name, parameter in net.collect_params().items()}
    macs = count_macs(net(mx.sym.var("image")), {"image": (1, 2, 7, 7)}, parameters)
    assert macs == 25 * 9 * 2 * 4 + 9 * 9 * 4 * 6


def test_macs_do_not_depend_on_the_batch():
    net = nn.Conv2D(4, 3, in_channels=2)
    parameters = {name: parameter.shape for name, parameter in net.collect_params().items()}
    one, three = (count_macs(net(mx.sym.var("image")), {"image": (b, 2, 7, 7)}, parameters) for b in (1, 3))
    assert one == three == 25 * 9 * 2 * 4


def test_the_hand_count_gives_the_known_numbers():
    """torchvision's ResNet-50 at 224: 25,557,032 parameters and 4,089,184,256 MACs, with its 2048 x 1000 classifier."""
    parameters, macs = resnet50_by_hand(112, 56, 28, 14, 7)
    assert (parameters, macs) == (25_557_032 - 2_049_000, 4_089_184_256 - 2_048_000)


def test_the_papers_backbone():
    """Without attention and refinement: 23.42 GMAC, 23.508 M parameters; deforming conv4_1 adds 41,490 of offsets."""
    plain = {"network": {"channel": False, "spatial": False, "refinement": "concat", "deformable": []}}
    summary = summarise(from_dict(plain))
    parameters, macs = TABLE1
    assert (summary.parameters, summary.macs) == (parameters, macs)
    assert (parameters / 1e6, macs / 1e9) == pytest.approx((23.508, 23.42), abs=0.005)
    assert summary.levels == (("conv3", 512, 31), ("conv4", 1024, 31), ("conv5", 2048, 31))
    assert summary.representation == (512 + 1024 + 2048, 31)
    plain["network"]["deformable"] = ["conv4"]
    deformable = summarise(from_dict(plain))
    offsets = 256 * 9 * 18 + 18  # a 3x3 to (dy, dx) of nine taps, and a bias each
    assert offsets == 41_490
    assert deformable.parameters == parameters + offsets
    assert deformable.macs == macs + 256 * 9 * 18 * 31**2


def test_the_papers_network_as_a_whole():
    summary = summarise(Config())
    (parameters, macs), cells = TABLE1, 31
    head_parameters, head_macs = head_by_hand(cells, (512, 1024, 2048))
    assert summary.parameters == parameters + 41_490 + head_parameters
    expected = macs + 256 * 9 * 18 * cells**2 + head_macs
    assert summary.macs == pytest.approx(expected, rel=1e-4)
    assert summary.representation == (64, 31)


def test_a_small_network_and_its_levels(small_config):
    config = small_config(stride=16, levels=["conv3", "conv5"], deformable=[], inter_frame=False)
    summary = summarise(config)
    assert summary.levels == (("conv3", 64, 15), ("conv5", 256, 8))
    assert summary.representation == (6, 8)
    by_parameters = np.sum([np.prod(p.shape) for p in _trained(config)])
    assert summary.parameters == by_parameters


def _trained(config):
    return [p for name, p in build(config.network).collect_params().items() if not name.endswith(("mean", "var"))]


def macs_of_a_call(net, image, *state):
    """MACs of a call by another route: every convolution's own kernel and output, seen by hooks while it runs."""
    total, hooks = [0], []

    def look(block):
        if isinstance(block, nn.Conv2D) and block.weight.shape[2:]:

            def count(block, _, output):
                total[0] += int(np.prod(block.weight.shape)) * int(np.prod(output.shape[2:])) * output.shape[0]

            hooks.append(block.register_forward_hook(count))

    net.apply(look)
    net(image, *state)
    for hook in hooks:
        hook.detach()
    return total[0]


PLAIN = {"deformable": [], "channel": False, "spatial": False}  # every convolution is a block of its own


@pytest.mark.parametrize("source, contexts", [("image", 4), ("feature", 4), ("image", 0)])
def test_a_frames_macs_are_those_of_what_the_tracker_calls(small_config, make_clip, monkeypatch, source, contexts):
    """The images that a tracker gives its network in one frame, each counted by hooks."""
    config = small_config(filter={"contexts": contexts, "context_source": source}, **PLAIN)
    net, calls = build(config.network), []
    called = inference.InferenceNetwork.__call__

    def record(self, image, *state):
        calls.append(image.shape)
        return called(self, image, *state)

    monkeypatch.setattr(inference.InferenceNetwork, "__call__", record)
    boxes = [(50.0, 40.0, 30.0, 30.0)] * 2
    tracker, frames = Tracker(config, net), make_clip(boxes)
    tracker.init(frames[0], boxes[0])
    calls.clear()
    tracker.update(frames[1])
    counted = sum(macs_of_a_call(net, mx.nd.zeros(shape), *net.begin_state(shape)) for shape in calls)
    assert sum(frame_macs(config).values()) == counted > 0


@pytest.mark.parametrize("source, contexts", [("image", 4), ("feature", 4)])
def test_a_clips_macs_are_those_of_what_a_step_calls(small_config, source, contexts):
    config = small_config(
        filter={"contexts": contexts, "context_source": source}, training={"templates": 2, "frozen": []}, **PLAIN
    )
    net = build(config.network)
    cells, calls, total = representation_cells(net, config), [], 0

    class Recorded:
        strides, begin_state = net.strides, staticmethod(net.begin_state)

        def __call__(self, image, *state):
            calls.append(image.shape)
            return net(image, *state)

    from rar_gluon.data.clips import Clips, Stored, stack_clips

    boxes = [[(t, np.zeros((120, 160, 3), np.uint8), (50, 40, 30, 30)) for t in range(4)]]
    clip = stack_clips([Clips([(Stored(["one"], boxes), 1.0)], config)[0]])
    responses(Recorded(), to_batch(clip, cells, config, mx.cpu()), config)
    total = sum(macs_of_a_call(net, mx.nd.zeros(shape), *net.begin_state(shape)) for shape in calls)
    assert clip_macs(config) == clip_macs(config, trained=True) == total > 0


def test_frozen_stages_by_hand():
    """Stem and conv2 of Table 1 on 255 x 255: 64 x 7 x 7 x 3 at 127², three blocks of 1x1, 3x3, 1x1 at 63²."""
    config = load("rar")
    stem = 127**2 * 64 * 7 * 7 * 3
    blocks = 63**2 * ((64 + 256 + 256) * 64 + 3 * 64 * 64 * 9 + 3 * 64 * 256 + 64 * 256)
    assert image_macs(config, 255) - image_macs(config, 255, trained=True) == stem + blocks


def test_the_table_has_a_row_a_config():
    table = summary_table({"thin": load("rar_thin"), "again": load("rar_thin")})
    head, first, second = table.splitlines()
    assert first.split()[1:] == second.split()[1:] and first.split()[0] == "thin"
    assert "conv3 256x15 conv4 512x15" in first and first.endswith("128x15")
    assert head.index("GMAC") == table.splitlines()[0].index("GMAC") and all(
        line == line.rstrip() for line in (head, first)
    )
