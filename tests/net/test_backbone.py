import csv
from pathlib import Path

import numpy as np
import pytest

from rar_gluon.config import NetworkConfig, from_dict, load
from rar_gluon.net import backbone
from rar_gluon.net.backbone import Bottleneck, build_backbone, level_channels, level_strides
from rar_gluon.net.rar import RAR, build
from rar_gluon.report.published import LITERATURE

import mxnet as mx  # isort: skip  (after rar_gluon, which sets its threads)
from mxnet import autograd, gluon, nd  # isort: skip

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
SIDES_AT_255 = {  # output side of conv3, conv4, conv5, by stride: 63 cells of pool, each stride halves
    4: {"conv3": 63, "conv4": 63, "conv5": 63},
    8: {"conv3": 31, "conv4": 31, "conv5": 31},
    16: {"conv3": 31, "conv4": 16, "conv5": 16},
    32: {"conv3": 31, "conv4": 16, "conv5": 8},
}
CHANNELS = {"conv3": 512, "conv4": 1024, "conv5": 2048}


def shapes_of(symbol, **inputs):
    """Shapes of every intermediate output of a graph, in its order; no forward pass."""
    internals = symbol.get_internals()
    _, shapes, _ = internals.infer_shape_partial(**inputs)
    return dict(zip(internals.list_outputs(), shapes))


# Sizes of Table 1 and Table 3 ----------------------------------------------------------------------------------------


def test_sizes_of_table1():
    net = build_backbone(NetworkConfig())
    maps = mx.sym.Group(net(mx.sym.var("image")))
    shapes = shapes_of(maps, image=(1, 3, 255, 255))
    convolutions = [shape for name, shape in shapes.items() if name.endswith("fwd_output") and "conv" in name]
    pools = [shape for name, shape in shapes.items() if "pooling" in name]
    assert convolutions[0] == (1, 64, 127, 127)
    assert pools == [(1, 64, 63, 63)]
    _, levels, _ = maps.infer_shape(image=(1, 3, 255, 255))
    assert levels == [(1, 512, 31, 31), (1, 1024, 31, 31), (1, 2048, 31, 31)]
    adds = [shape for name, shape in shapes.items() if "plus" in name]  # the end of each residual block
    sides = [(shape[1], shape[2]) for shape in adds]
    assert sides == [(256, 63)] * 3 + [(512, 31)] * 4 + [(1024, 31)] * 6 + [(2048, 31)] * 3


@pytest.mark.parametrize("downsample", ["3x3", "1x1"])
@pytest.mark.parametrize("stride", [4, 8, 16, 32])
def test_sizes_at_every_stride(stride, downsample):
    config = NetworkConfig(stride=stride, downsample=downsample)
    _, levels, _ = mx.sym.Group(build_backbone(config)(mx.sym.var("image"))).infer_shape(image=(2, 3, 255, 255))
    assert levels == [(2, CHANNELS[level], side, side) for level, side in SIDES_AT_255[stride].items()]


with open(LITERATURE / "table3.csv") as table:
    ROWS = list(csv.DictReader(table))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"row{row['row']}")
def test_sizes_and_deformable_stages_of_every_row_of_table3(row):
    config = load(EXPERIMENTS / "table3" / f"row{int(row['row']):02d}" / "config.yaml").network
    stride = int(row["stride"])
    used = [stage for stage in CHANNELS if row[stage.replace("conv", "c")] == "1"]
    net = RAR(config)
    image = mx.sym.var("image")
    maps = mx.sym.Group(net.backbone(image))
    _, levels, _ = maps.infer_shape(image=(1, 3, 255, 255))
    assert levels == [(1, CHANNELS[level], *[SIDES_AT_255[stride][level]] * 2) for level in used]

    state = net.begin_state((1, 3, 255, 255))
    names = [f"state{index}" for index in range(len(state))]
    outputs = mx.sym.Group(net(image, *map(mx.sym.var, names)))
    _, shapes, _ = outputs.infer_shape(image=(1, 3, 255, 255), **{n: s.shape for n, s in zip(names, state)})
    side = {4: 63, 8: 31, 16: 16, 32: 8}[stride]
    assert shapes[0] == (1, 64, side, side)
    assert shapes[1:] == [part.shape for part in state]

    offsets = [name for name in maps.list_arguments() if name.endswith("offset_weight")]
    marked = [stage for stage in CHANNELS if row[f"def_{stage.replace('conv', 'c')}"] == "1"]
    assert len(offsets) == len(marked) and all(f"_{stage}_" in name for stage, name in zip(marked, offsets))


def test_channels_and_strides_of_levels():
    for stride, cells in ((4, (4, 4, 4)), (8, (8, 8, 8)), (16, (8, 16, 16)), (32, (8, 16, 32))):
        assert level_strides(NetworkConfig(stride=stride)) == cells
    assert level_channels(NetworkConfig()) == (512, 1024, 2048)
    assert level_channels(NetworkConfig(width=0.5, levels=("conv3", "conv5"))) == (256, 1024)
    vgg = NetworkConfig(backbone="vgg_m", deformable=(), stride=16, levels=("conv4", "conv5"))
    assert level_channels(vgg) == (512, 512) and level_strides(vgg) == (16, 16)


def test_stages_after_the_last_level_are_not_built(small_config):
    net = build(small_config(levels=["conv3"], deformable=[]).network)
    assert not any(name.startswith(("backbone.conv4", "backbone.conv5")) for name in net._collect_params_with_prefix())


@pytest.mark.parametrize("side, cells", [(255, 31), (225, 27), (127, 15)])
def test_other_input_sizes(side, cells):
    """225, which the text of Section 4.1 prints, gives 27 cells, not Table 1's 31."""
    _, levels, _ = mx.sym.Group(build_backbone(NetworkConfig())(mx.sym.var("image"))).infer_shape(
        image=(1, 3, side, side)
    )
    assert {shape[2:] for shape in levels} == {(cells, cells)}


# Alignment -----------------------------------------------------------------------------------------------------------


def pass_through(block, branch):
    """Make a Bottleneck hand its input's first channel on, through its convolutions or its shortcut only."""
    for parameter in block.collect_params(".*weight").values():
        parameter.set_data(nd.zeros(parameter.shape))
    if branch == "convolutions":
        for convolution in (block.conv1, block.conv2, block.conv3):
            kernel = np.zeros(convolution.weight.shape, np.float32)
            middle = kernel.shape[-1] // 2
            kernel[0, 0, middle, middle] = 1  # a delta at the centre
            convolution.weight.set_data(nd.array(kernel))
    else:
        kernel = np.zeros(block.project.weight.shape, np.float32)
        kernel[0, 0] = 1
        block.project.weight.set_data(nd.array(kernel))


@pytest.mark.parametrize("branch", ["convolutions", "shortcut"])
@pytest.mark.parametrize("stride_on", ["3x3", "1x1"])
@pytest.mark.parametrize("side", [63, 31, 62])
def test_both_branches_of_conv3_1_sample_pixels_1_3_5(side, stride_on, branch):
    block = Bottleneck(3, 2, stride=2, stride_on=stride_on, valid=True)
    block.initialize()
    pass_through(block, branch)
    x = np.zeros((1, 3, side, side), np.float32)
    x[0, 0] = np.arange(1, side * side + 1).reshape(side, side)
    out = block(nd.array(x)).asnumpy()[0, 0]
    np.testing.assert_allclose(out, x[0, 0, 1:-1:2, 1:-1:2], rtol=1e-4)  # but for the epsilon of BatchNorm


@pytest.mark.parametrize("branch", ["convolutions", "shortcut"])
@pytest.mark.parametrize("stride_on", ["3x3", "1x1"])
def test_both_branches_of_other_strided_blocks_sample_pixels_0_2_4(stride_on, branch):
    block = Bottleneck(3, 2, stride=2, stride_on=stride_on)
    block.initialize()
    pass_through(block, branch)
    x = np.zeros((1, 3, 31, 31), np.float32)
    x[0, 0] = np.arange(1, 31 * 31 + 1).reshape(31, 31)
    np.testing.assert_allclose(block(nd.array(x)).asnumpy()[0, 0], x[0, 0, ::2, ::2], rtol=1e-4)


@pytest.mark.parametrize("downsample", ["3x3", "1x1"])
@pytest.mark.parametrize("stride", [4, 8, 16])
def test_dilated_network_is_the_strided_one_between_its_cells(
    small_config, make_net, copy_parameters, images, stride, downsample
):
    """À trous: the cells that the network of stride 32 has too are equal, to the borders.

    A network of stride 8 has them at every 2nd (conv4) and 4th (conv5) cell; at stride 4, conv3_1 has no stride and the
    cells that it would have sampled are the odd ones.
    """
    options = {"downsample": downsample, "deformable": []}
    strided = make_net(small_config(tracking={"input_size": 255}, stride=32, **options))
    dilated = copy_parameters(strided, build(small_config(stride=stride, dilate=True, **options).network))
    image = images(255)
    cells = {4: (4, 4, 4), 8: (8, 8, 8), 16: (8, 16, 16)}[stride]  # pixels, of conv3, conv4, conv5
    start = 1 if stride == 4 else 0
    maps = zip(cells, (8, 16, 32), dilated.backbone(image), strided.backbone(image))
    for cell, coarse, ours, theirs in maps:
        ours, theirs = ours.asnumpy(), theirs.asnumpy()
        picked = ours[..., start :: coarse // cell, start :: coarse // cell]
        picked = picked[..., : theirs.shape[-1], : theirs.shape[-1]]
        np.testing.assert_allclose(picked, theirs, atol=1e-5 * np.abs(theirs).max())


def test_undilated_network_is_not(small_config, make_net, copy_parameters, images):
    strided = make_net(small_config(stride=16, deformable=[]))
    plain = copy_parameters(strided, build(small_config(stride=8, deformable=[]).network))
    ours, theirs = (net.backbone(images())[1].asnumpy() for net in (plain, strided))
    assert np.abs(ours[..., ::2, ::2] - theirs).max() > 0.05 * np.abs(theirs).max()


@pytest.mark.parametrize("stride", [8, 16])
def test_a_shift_of_the_image_shifts_each_level_by_its_stride(small_config, make_net, stride):
    """Of a level of stride s, a shift by d pixels is d / s cells; in the middle, where padding hardly reaches."""
    config = small_config(tracking={"input_size": 383}, stride=stride, deformable=[])
    net = make_net(config)
    scene = nd.array(np.random.default_rng(1).integers(0, 256, (1, 3, 415, 415)))
    before = net.backbone(scene[:, :, :383, :383])
    after = net.backbone(scene[:, :, stride : 383 + stride, stride : 383 + stride])
    for cell, first, second in zip(level_strides(config.network), before, after):
        middle = first.shape[-1] // 2
        inner = slice(middle - 2, middle + 2)
        moved = slice(middle - 2 + stride // cell, middle + 2 + stride // cell)
        first, second = first.asnumpy(), second.asnumpy()
        np.testing.assert_allclose(second[..., inner, inner], first[..., moved, moved], atol=1e-3 * np.abs(first).max())


# Deformable ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stride, dilation, valid", [(1, 1, False), (2, 1, False), (2, 1, True), (1, 2, False)])
def test_deformable_without_offsets_is_the_plain_convolution(randomise, copy_parameters, stride, dilation, valid):
    options = {"stride": stride, "dilation": dilation, "valid": valid}
    plain, deformable = (Bottleneck(6, 4, deformable=kind, **options) for kind in (False, True))
    x = nd.array(np.random.default_rng(0).normal(size=(2, 6, 15, 15)))
    for block in (plain, deformable):
        block.initialize()
        block(x)
    randomise(plain)
    values = {name: parameter.data() for name, parameter in plain._collect_params_with_prefix().items()}
    values["conv2.deformable_conv_weight"] = values.pop("conv2.weight")
    for name, parameter in deformable._collect_params_with_prefix().items():
        if "offset" in name:
            assert not parameter.data().asnumpy().any()  # Dai et al. 2017: offsets start at zero
        else:
            parameter.set_data(values[name])
    np.testing.assert_allclose(deformable(x).asnumpy(), plain(x).asnumpy(), atol=1e-5)


def test_an_offset_moves_what_a_deformable_convolution_samples():
    block = Bottleneck(8, 2, deformable=True)
    x = np.random.default_rng(0).uniform(1, 2, (1, 8, 9, 9)).astype(np.float32)
    block.initialize()
    block(nd.array(x))
    for convolution, weight in (
        (block.conv1, "weight"),
        (block.conv2, "deformable_conv_weight"),
        (block.conv3, "weight"),
    ):
        parameter = getattr(convolution, weight)
        kernel = np.zeros(parameter.shape, np.float32)
        kernel[0, 0, kernel.shape[-1] // 2, kernel.shape[-1] // 2] = 1
        parameter.set_data(nd.array(kernel))
    offsets = np.tile([0.0, 1.0], 9)  # (dy, dx) of each of the nine taps: one pixel to the right
    block.conv2.offset_bias.set_data(nd.array(offsets))
    out = block(nd.array(x)).asnumpy()[0, 0]
    np.testing.assert_allclose(out[:, :-1], x[0, 0, :, :-1] + x[0, 0, :, 1:], rtol=1e-4)


def test_deformable_network_starts_as_the_plain_one(small_config, make_net, copy_parameters, images):
    plain = make_net(small_config(deformable=[]))
    deformable = copy_parameters(plain, build(small_config(deformable=["conv3", "conv4", "conv5"]).network))
    for ours, theirs in zip(deformable.backbone(images()), plain.backbone(images())):
        np.testing.assert_allclose(ours.asnumpy(), theirs.asnumpy(), atol=1e-5 * np.abs(theirs.asnumpy()).max())


# VGG-M and the mean --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stride, side", [(16, 14), (8, 29)])
def test_shapes_of_vgg_m(stride, side):
    """255: conv1 7x7/2 125, pool 62, conv2 5x5 padded 1 with stride 2 (30) or 1 (60), pool, then 3x3 padded 1."""
    net = build_backbone(NetworkConfig(backbone="vgg_m", deformable=(), stride=stride))
    maps = mx.sym.Group(net(mx.sym.var("image")))
    _, levels, _ = maps.infer_shape(image=(1, 3, 255, 255))
    assert levels == [(1, 512, side, side)] * 3
    pools = [shape[1:] for name, shape in shapes_of(maps, image=(1, 3, 255, 255)).items() if "pooling" in name]
    assert pools == [(96, 62, 62), (256, side, side)]


@pytest.mark.parametrize("stride", [8, 16])
def test_strides_of_vgg_m(stride):
    config = NetworkConfig(backbone="vgg_m", deformable=(), stride=stride, levels=("conv3",))
    net = build_backbone(config)
    net.initialize(mx.init.MSRAPrelu(slope=0))
    scene = nd.array(np.random.default_rng(1).integers(0, 256, (1, 3, 127 + stride, 127 + stride)))
    first, second = (net(scene[:, :, d : 127 + d, d : 127 + d])[0].asnumpy() for d in (0, stride))
    inner, moved = slice(2, -3), slice(3, -2)
    np.testing.assert_allclose(second[..., inner, inner], first[..., moved, moved], atol=1e-4 * np.abs(first).max())


def test_vgg_m_as_a_whole_network():
    config = from_dict(
        {
            "network": {
                "backbone": "vgg_m",
                "deformable": [],
                "stride": 16,
                "lstm_hidden": 4,
                "refinement_channels": 8,
            },
            "tracking": {"input_size": 127},
        }
    )
    net = build(config.network)
    image = nd.ones((1, 3, 127, 127))
    representation, *state = net(image, *net.begin_state(image.shape))
    assert representation.shape == (1, 64, 6, 6)
    assert [part.shape for part in state] == [(1, 4, 6, 6)] * 6


@pytest.mark.parametrize("kind", ["resnet50", "vgg_m"])
def test_the_mean_is_a_parameter_that_is_subtracted_and_not_trained(small_config, kind):
    if kind == "resnet50":
        config = small_config(deformable=[], levels=["conv3"]).network
    else:
        config = NetworkConfig(backbone="vgg_m", deformable=(), stride=16, levels=("conv3",))
    net = build_backbone(config)
    net.initialize(mx.init.MSRAPrelu(slope=0))
    assert net.mean.grad_req == "null"
    assert net.mean.data().asnumpy().ravel() == pytest.approx(backbone.MEAN_BGR, rel=1e-6)
    assert "mean" in net._collect_params_with_prefix()

    # Adding a number to image and mean changes nothing; the mean of the image alone gives zero but for biases.
    image = nd.array(np.random.default_rng(0).uniform(0, 255, (1, 3, 79, 79)))
    before = net(image)[0].asnumpy()
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1, "wd": 0.1})
    mean = net.mean.data() + nd.array([10, 20, 30]).reshape((1, 3, 1, 1))
    net.mean.set_data(mean)
    after = net(image + nd.array([10, 20, 30]).reshape((1, 3, 1, 1)))[0].asnumpy()
    np.testing.assert_allclose(after, before, atol=1e-4 * np.abs(before).max())
    with autograd.record():
        loss = net(image)[0].sum()
    loss.backward()
    trainer.step(1)
    assert (net.mean.data() == mean).asnumpy().all()


def test_imagenet_mean_is_bgr():
    assert pytest.approx([255 * m for m in (0.406, 0.456, 0.485)], abs=1e-3) == backbone.MEAN_BGR
