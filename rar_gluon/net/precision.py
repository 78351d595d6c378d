"""Networks of fewer bits than 32: halves on the devices that have them, int8 for the backbone on the CPU."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Dict, Iterator, List, NamedTuple, Sequence, Tuple

import mxnet as mx
import numpy as np
from mxnet import nd
from mxnet.contrib import quantization
from mxnet.gluon import SymbolBlock

from rar_gluon.common import InputError

HALVES = {"bf16": "bfloat16", "fp16": "float16"}


def in_half(symbol: mx.sym.Symbol, dtype: str) -> mx.sym.Symbol:
    """The graph with its convolutions in `dtype` and the rest, where sums are long, in float32."""
    graph = json.loads(symbol.tojson())
    nodes: List[dict] = []
    moved: Dict[int, int] = {}  # a node's index of before to that of what takes its place

    def cast(source: Sequence[int], to: str) -> int:
        name = f"cast{len(nodes)}"
        nodes.append({"op": "amp_cast", "name": name, "attrs": {"dtype": to}, "inputs": [list(source)]})
        return len(nodes) - 1

    for index, node in enumerate(graph["nodes"]):
        inputs = [[moved[source], *rest] for source, *rest in node["inputs"]]
        if node["op"] == "Convolution":
            inputs = [[cast(entry, dtype), 0, 0] for entry in inputs]
        nodes.append({**node, "inputs": inputs})
        moved[index] = len(nodes) - 1
        if node["op"] == "Convolution":
            moved[index] = cast([moved[index], 0, 0], "float32")
    return mx.sym.load_json(
        json.dumps(
            {
                **graph,
                "nodes": nodes,
                "arg_nodes": [index for index, node in enumerate(nodes) if node["op"] == "null"],
                "node_row_ptr": list(range(len(nodes) + 1)),
                "heads": [[moved[source], *rest] for source, *rest in graph["heads"]],
            }
        )
    )


def quantised(
    symbol: mx.sym.Symbol, parameters: Dict[str, nd.NDArray], layers: Sequence[str], ranges: np.ndarray
) -> Tuple[mx.sym.Symbol, Dict[str, nd.NDArray]]:
    """The graph with some of its convolutions in int8, as oneDNN computes them, and its parameters.

    Parameters
    ----------
    layers : names of these convolutions.
    ranges : (N, 2) of `value_ranges`.

    Raises
    ------
    InputError
        The ranges are of another graph.
    """
    fused = _fused(symbol)
    by_output = _ranges_by_output(fused, ranges)
    kept = [node["name"] for node in json.loads(fused.tojson())["nodes"] if not _computes(node, layers)]
    values = {name: parameters[name] for name in fused.list_inputs() if name in parameters}
    table = _Ranges(by_output)
    calibration = {"calib_mode": "customize", "quantized_dtype": "auto", "logger": None}
    with _silence():
        graph, *_ = quantization.quantize_graph(
            fused, values, {}, excluded_sym_names=kept, LayerOutputCollector=table, **calibration
        )
    graph, values, _ = quantization.calib_graph(graph, values, {}, table, **calibration)
    return graph.get_backend_symbol("MKLDNN_QUANTIZE"), values


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """No lines of MXNet's C++ about each operator that it leaves as it is."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


class _Ranges(NamedTuple):
    """What MXNet's quantisation takes for a collector: least and largest value of each output by its name."""

    min_max_dict: Dict[str, Tuple[float, float]]


def value_ranges(symbol: mx.sym.Symbol, parameters: Dict[str, nd.NDArray], inputs: Dict[str, nd.NDArray]) -> np.ndarray:
    """Least and largest value (N, 2) of each inner output of the graph that `quantised` makes, on images and states."""
    fused = _fused(symbol)
    internals = fused.get_internals()
    block = bound(mx.sym.Group([internals[name] for name in _inner(fused)]), parameters, list(inputs), mx.cpu())
    return np.array([(out.min().asscalar(), out.max().asscalar()) for out in block(*inputs.values())], np.float32)


def ranges_by_node(symbol: mx.sym.Symbol, ranges: np.ndarray) -> Dict[str, Tuple[float, float]]:
    """Those of `value_ranges` by the names of the graph's own nodes; what oneDNN computes along with others has none.

    Raises
    ------
    InputError
        The ranges are of another graph.
    """
    fused = _fused(symbol)
    by_output, found = _ranges_by_output(fused, ranges), {}
    for node in json.loads(fused.tojson())["nodes"]:
        if f"{node['name']}_output" in by_output:
            part = node.get("subgraphs", [None])[0]  # a convolution and what follows it, whose name counts
            name = node["name"] if part is None else part["nodes"][part["heads"][0][0]]["name"]
            found[name] = by_output[f"{node['name']}_output"]
    return found


def _ranges_by_output(fused: mx.sym.Symbol, ranges: np.ndarray) -> Dict[str, Tuple[float, float]]:
    names = _inner(fused)
    if ranges.shape != (len(names), 2):
        raise InputError(f"int8 needs the ranges of {len(names)} outputs of the network, not {ranges.shape[0]}.")
    return {name: (float(low), float(high)) for name, (low, high) in zip(names, ranges)}


def _fused(symbol: mx.sym.Symbol) -> mx.sym.Symbol:
    """Convolutions with what oneDNN computes along, but for sums."""
    return _without_fused_sums(symbol).get_backend_symbol("MKLDNN_QUANTIZE")


def _inner(symbol: mx.sym.Symbol) -> List[str]:
    """Names of a graph's outputs and inner outputs, parameters and inputs left out."""
    given = set(symbol.list_inputs())
    return [name for name in symbol.get_internals().list_outputs() if name not in given]


def _without_fused_sums(symbol: mx.sym.Symbol) -> mx.sym.Symbol:
    """Sums by `add_n`, which is not fused: MXNet 1.9.1's int8 convolution with a fused sum is 10 % wrong."""
    graph = json.loads(symbol.tojson())
    for node in graph["nodes"]:
        if node["op"] == "elemwise_add":
            node.update(op="add_n", attrs={"num_args": "2"})
    return mx.sym.load_json(json.dumps(graph))


def _computes(node: dict, layers: Sequence[str]) -> bool:
    """Whether a node of a fused graph is one of these convolutions with what was fused to it."""
    inner = node.get("subgraphs", [{"nodes": []}])[0]["nodes"]
    return any(each["name"] in layers for each in inner)


def bound(symbol: mx.sym.Symbol, parameters: Dict[str, nd.NDArray], inputs: Sequence[str], ctx) -> SymbolBlock:
    """A graph with its parameters, of their own types, on a device: a block of its inputs."""
    block = SymbolBlock(symbol, [mx.sym.var(name, dtype="float32") for name in inputs])
    for name, parameter in block.collect_params().items():
        value = parameters[name]
        parameter.shape, parameter.dtype, parameter.grad_req = value.shape, value.dtype, "null"
        parameter.initialize(mx.init.Zero(), ctx)
        parameter.set_data(value)
    return block
