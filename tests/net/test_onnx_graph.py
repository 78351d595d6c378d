"""Each operator's rule against MXNet's own operator, in ONNX Runtime."""

import json

import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.net.onnx_graph import RULES, UNARY, Input, onnx_model

import mxnet as mx  # isort: skip  (after rar_gluon, which sets its threads)
from mxnet import nd  # isort: skip

a, b = mx.sym.var("a"), mx.sym.var("b")
GRAPHS = {
    "pooling, whole windows": mx.sym.Pooling(a, kernel=(3, 3), stride=(2, 2), pool_type="max"),
    "pooling, the rest too": mx.sym.Pooling(
        a, kernel=(3, 3), stride=(2, 2), pool_type="max", pooling_convention="full"
    ),
    "mean with its padding": mx.sym.Pooling(a, kernel=(3, 3), stride=(1, 1), pad=(1, 1), pool_type="avg"),
    "mean without": mx.sym.Pooling(
        a, kernel=(3, 3), stride=(1, 1), pad=(1, 1), pool_type="avg", count_include_pad=False
    ),
    "global mean": mx.sym.Pooling(a, kernel=(1, 1), global_pool=True, pool_type="avg"),
    "global maximum": mx.sym.Pooling(a, kernel=(1, 1), global_pool=True, pool_type="max"),
    "slice from the end": mx.sym.slice(a, begin=(None, 1, None, 2), end=(None, 3, -1, None)),
    "parts": mx.sym.Group(list(mx.sym.SliceChannel(a, num_outputs=2, axis=1))),
    "parts without their axis": mx.sym.Group(list(mx.sym.SliceChannel(a, num_outputs=4, axis=1, squeeze_axis=True))),
    "sum along an axis": mx.sym.mean(a, axis=1),
    "sum along axes, kept": mx.sym.mean(a, axis=(2, 3), keepdims=True),
    "largest along an axis": mx.sym.max(a, axis=1, keepdims=True),
    "sum": mx.sym.sum(a, axis=2),
    "norm of channels": mx.sym.L2Normalization(a, mode="channel"),
    "norm of a picture": mx.sym.L2Normalization(a, mode="instance"),
    "norm of places": mx.sym.L2Normalization(a, mode="spatial"),
    "local response": mx.sym.LRN(a, nsize=5, alpha=5e-4, beta=0.75, knorm=2),
    "product with a matrix": mx.sym.dot(a, mx.sym.reshape(mx.sym.ones((3, 4)), (6, 2))),
    "product": mx.sym.batch_dot(mx.sym.reshape(a, (-3, -2)), mx.sym.reshape(b, (-3, -2)), transpose_b=True),
    "product of the first turned": mx.sym.batch_dot(
        mx.sym.reshape(a, (-3, -2)), mx.sym.reshape(b, (-3, -2)), transpose_a=True
    ),
    "scalars": (2 * a + 1 - 0.5) / 4,
    "of both": mx.sym.maximum(a, b) * a - b / (mx.sym.square(a) + 1),
    "functions": mx.sym.tanh(a) + mx.sym.sigmoid(a) + mx.sym.relu(a) + mx.sym.floor(a),
    "roots": mx.sym.rsqrt(mx.sym.square(a) + 1) + mx.sym.sqrt(mx.sym.square(a)),
    "activations": mx.sym.Activation(a, act_type="relu") + mx.sym.Activation(b, act_type="tanh"),
    "beside each other": mx.sym.Concat(a, b, dim=2),
    "above each other": mx.sym.stack(a, b, axis=1),
    "ones": mx.sym.broadcast_add(a + mx.sym.ones_like(b), mx.sym.ones((1, 4, 5, 6))),
    "shape of another": mx.sym.reshape_like(mx.sym.reshape(a, (0, -1)), b),
    "sampled": mx.sym.BilinearSampler(
        a, 1.3 * mx.sym.tanh(mx.sym.slice(b, begin=(None, 0, None, None), end=(None, 2, None, None)))
    ),
    "cut along an axis": mx.sym.slice_axis(a, axis=1, begin=1, end=3) - mx.sym.slice_axis(b, axis=1, begin=2, end=None),
    "turned": mx.sym.transpose(-a, axes=(0, 2, 3, 1)),
    "more axes": mx.sym.expand_dims(mx.sym.expand_dims(a, axis=1), axis=0),
    "padded": mx.sym.pad(a, mode="constant", pad_width=(0, 0, 0, 0, 1, 2, 3, 0), constant_value=0.5),
    "cast": mx.sym.cast(a, dtype="float32"),
    "as often as another": mx.sym.batch_dot(
        mx.sym.broadcast_like(mx.sym.ones((1, 2, 5)), mx.sym.reshape(a, (0, -3, -2)), lhs_axes=(0,), rhs_axes=(0,)),
        mx.sym.slice_axis(mx.sym.reshape(a, (0, -3, -2)), axis=1, begin=0, end=5),
    ),
    "no gradient": mx.sym.BlockGrad(a) + mx.sym.identity(b),
}


def values_of(count):
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=(count, 4, 5, 6)).astype(np.float32) for name in "ab"}


@pytest.mark.parametrize("name", GRAPHS)
def test_an_operator(name):
    """For a batch of another number than the graph was written with."""
    onnxruntime = pytest.importorskip("onnxruntime")
    symbol, inputs = GRAPHS[name], values_of(3)
    used = symbol.list_inputs()
    outputs = [f"out{index}" for index in range(len(symbol.list_outputs()))]
    model = onnx_model(symbol, {}, {key: Input((1, 4, 5, 6)) for key in used}, outputs)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    theirs = session.run(outputs, {key: inputs[key] for key in used})
    ours = symbol.eval(ctx=mx.cpu(), **{key: nd.array(inputs[key]) for key in used})
    assert len(ours) == len(theirs)
    for one, two in zip(ours, theirs):
        assert one.shape == two.shape
        np.testing.assert_allclose(two, one.asnumpy(), rtol=1e-5, atol=1e-5)


def test_a_batch_norm():
    onnxruntime = pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(2)
    names = ("gamma", "beta", "mean", "variance")
    parameters = {name: rng.uniform(0.5, 2, 4).astype(np.float32) for name in names}
    x = values_of(3)["a"]
    symbol = mx.sym.BatchNorm(a, *map(mx.sym.var, names), eps=1e-3, fix_gamma=False, use_global_stats=True)
    model = onnx_model(symbol, parameters, {"a": Input((1, 4, 5, 6))}, ["out"])
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    gamma, beta, mean, variance = (parameters[name].reshape(4, 1, 1) for name in names)
    expected = gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta
    np.testing.assert_allclose(session.run(["out"], {"a": x})[0], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("bias", [False, True])
def test_a_convolution_in_eight_bits(bias):
    """Against the same arithmetic by hand: an input of 256 levels, a kernel of 127, exact sums."""
    onnxruntime = pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(1)
    x, kernel = rng.uniform(-1, 3, (2, 4, 7, 7)), rng.normal(size=(5, 4, 3, 3))
    parameters = {"kernel": kernel, **({"bias": rng.normal(size=5)} if bias else {})}
    first = mx.sym.identity(a, name="first")
    symbols = [mx.sym.var(name) for name in parameters]
    symbol = mx.sym.Convolution(first, *symbols, kernel=(3, 3), num_filter=5, no_bias=not bias, name="second")
    model = onnx_model(
        symbol, parameters, {"a": Input((1, 4, 7, 7))}, ["out"], None, ["second"], {"first": (-1.0, 3.0)}
    )
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (theirs,) = session.run(["out"], {"a": x.astype(np.float32)})

    step, scales = 4 / 255, np.abs(kernel).max(axis=(1, 2, 3)) / 63
    levels = np.clip(np.rint(x.astype(np.float32) / np.float32(step)) + 64, 0, 255) - 64
    integers = np.rint(kernel / scales[:, None, None, None])
    windows = np.lib.stride_tricks.sliding_window_view(levels, (3, 3), axis=(2, 3))
    sums = np.einsum("nchwyx,dcyx->ndhw", windows, integers)
    if bias:
        sums = sums + np.rint(parameters["bias"] / (step * scales))[:, None, None]
    np.testing.assert_allclose(theirs, sums * (step * scales)[:, None, None], rtol=1e-4, atol=1e-4)


def test_every_rule_is_tried_here_or_in_a_network():
    tried = {node["op"] for symbol in GRAPHS.values() for node in json.loads(symbol.tojson())["nodes"]}
    elsewhere = {"BatchNorm", "Convolution", "Reshape", "_contrib_arange_like"}  # here, engine/test_export.py
    assert set(RULES) <= tried | elsewhere
    assert set(UNARY) <= tried | {"_copy", "identity"}


def test_an_operator_without_a_rule():
    pytest.importorskip("onnx")
    with pytest.raises(InputError, match="the operator sin cannot be exported to ONNX: give --format symbol"):
        onnx_model(mx.sym.sin(a), {}, {"a": Input((1, 4, 5, 6))}, ["out"])
