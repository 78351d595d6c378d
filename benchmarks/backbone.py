"""The network alone on one set of weights: our routes beside onnxruntime and PyTorch."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Callable, List

import numpy as np

from benchmarks.alternate import Case, Route
from benchmarks.graph import Graph, read_graph, write_graph

PASSES = 3
SHAPES = {"rar_thin": {"search": (3, 127), "template": (1, 207)}, "rar": {"search": (3, 255)}}


def cases(options) -> List[Case]:
    """The passes of a frame of each preset, by threads."""
    all_cases = []
    for preset in options.preset:
        for name, (batch, side) in SHAPES[preset].items():
            folder = options.scratch / f"{preset}-{name}"
            shared = {"folder": str(folder)}
            for threads in options.threads:
                ours = [Route("as trained", "benchmarks.backbone:plain", {**shared, "preset": preset}, threads)]
                ours += [Route("prepared, fp32", "benchmarks.backbone:prepared", {**shared, "preset": preset}, threads)]
                peers = [
                    Route(
                        f"onnxruntime {precision}",
                        "benchmarks.backbone:onnxruntime_session",
                        {**shared, "precision": precision},
                        threads,
                        False,
                    )
                    for precision in ("fp32", "int8")
                ]
                peers += [
                    Route(
                        f"PyTorch {mode}",
                        "benchmarks.backbone:torch_module",
                        {**shared, "mode": mode},
                        threads,
                        False,
                    )
                    for mode in (("eager",) if options.short else ("eager", "compiled"))
                ]
                before = functools.partial(_prepare, folder, preset, batch, side)
                all_cases.append(
                    Case(f"{preset}, {name} {batch} x {side}x{side}, {threads} threads", ours + peers, before)
                )
    return all_cases


def plain(folder: str, preset: str) -> Callable:
    """The network compiled as it is trained."""
    net = _network(preset)
    net.hybridize(static_alloc=True, static_shape=True)
    return _ours(net, Path(folder))


def prepared(folder: str, preset: str) -> Callable:
    """The network made ready for tracking."""
    from rar_gluon.net.inference import InferenceNetwork

    return _ours(InferenceNetwork(_network(preset)), Path(folder))


def onnxruntime_session(folder: str, precision: str) -> Callable:
    """The same graph in onnxruntime, int8 by its static quantisation, per channel, calibrated on the input."""
    import onnxruntime

    path = Path(folder) / "network.onnx"
    graph = read_graph(Path(folder))
    if precision == "int8":
        path = _quantised(path, graph)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ["OMP_NUM_THREADS"])
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return _measured(lambda: session.run(None, graph.inputs)[0], graph)


def torch_module(folder: str, mode: str) -> Callable:
    """The same graph in PyTorch, node by node."""
    import torch

    from benchmarks.torch_graph import TorchGraph

    graph = read_graph(Path(folder))
    module = TorchGraph(graph).eval()
    inputs = [torch.from_numpy(array) for array in graph.inputs.values()]
    if mode == "compiled":
        import torch._inductor.config as inductor

        inductor.freezing = True
        module = torch.compile(module)

    def call() -> np.ndarray:
        with torch.inference_mode():
            return module(*inputs)[0].numpy()

    call()
    return _measured(call, graph)


def _prepare(folder: Path, preset: str, batch: int, side: int) -> None:
    """Write the graph of a preset's network, inputs, and what comes out; and as ONNX, if that can be had."""
    if folder.is_dir():
        return
    folder.mkdir()
    import cv2
    import mxnet as mx

    from benchmarks import video
    from rar_gluon.common import InputError
    from rar_gluon.net.onnx_graph import Input, onnx_model

    net = _network(preset)
    frame = next(video.frames("bikes", 1))
    picture = cv2.resize(frame, (side, side)).astype(np.float32).transpose(2, 0, 1)
    image = mx.nd.array(np.stack([np.roll(picture, 5 * index, axis=2) for index in range(batch)]))
    state = net(image, *net.begin_state(image.shape))[1:]  # as of a frame before
    names = ["image", *(f"state{index}" for index in range(len(state)))]
    symbol = mx.sym.Group(net(*(mx.sym.var(name) for name in names)))
    parameters = {p.name: p.data().asnumpy() for p in net.collect_params().values()}
    inputs = {name: array.asnumpy() for name, array in zip(names, [image, *state])}
    graph = Graph(symbol.tojson(), parameters, inputs, net(image, *state)[0].asnumpy())
    write_graph(graph, folder)
    shapes = {name: Input(array.shape) for name, array in inputs.items()}
    try:
        model = onnx_model(symbol, parameters, shapes, [f"out{index}" for index in range(len(names))])
    except InputError as error:
        print(f"onnxruntime is left out: {error}")
        return
    (folder / "network.onnx").write_bytes(model.SerializeToString())


def _network(preset: str):
    from rar_gluon.config import load
    from rar_gluon.net.rar import build
    from rar_gluon.net.weights import load_network

    config = load(preset)
    return load_network(config) if preset == "rar_thin" else build(config.network)


def _ours(net: Callable, folder: Path) -> Callable:
    from mxnet import nd

    graph = read_graph(folder)
    inputs = [nd.array(array) for array in graph.inputs.values()]

    def call() -> np.ndarray:
        outputs = net(*inputs)
        nd.waitall()
        return outputs[0].asnumpy()

    return _measured(call, graph)


def _measured(call: Callable, graph: Graph) -> Callable:
    """Call a few times; how far the representation is from that of the plain network, relative to its norm."""

    def run() -> dict:
        for _ in range(PASSES):
            output = call()
        error = np.linalg.norm(output - graph.output) / np.linalg.norm(graph.output)
        return {"items": PASSES, "values": {"error": float(error)}}

    return run


def _quantised(path: Path, graph: Graph) -> Path:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Input(CalibrationDataReader):
        def __init__(self):
            self._left = [graph.inputs]

        def get_next(self):
            return self._left.pop() if self._left else None

    quantised = path.with_name(f"int8-{os.getpid()}.onnx")
    quantize_static(
        str(path),
        str(quantised),
        Input(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        reduce_range="avx512_vnni" not in Path("/proc/cpuinfo").read_text(),  # sums of int8 products saturate without
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["Conv", "MatMul", "Add"],
    )
    return quantised
