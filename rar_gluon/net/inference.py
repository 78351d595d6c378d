"""A network made ready for tracking: batch norms folded into convolutions, operators fused, memory planned once."""

from __future__ import annotations

import json
from typing import Dict, List, NamedTuple, Sequence, Tuple

import mxnet as mx
import numpy as np
from mxnet import nd
from mxnet.gluon import SymbolBlock

from rar_gluon.net.rar import RAR


class InferenceNetwork:
    """The function of a network as it is now, without gradients: `net(image, *state)` as for `RAR`,
    with its `begin_state`, `strides` and `ctx`.

    It is compiled for each shape of images when they first come, which takes a second; later changes of the network's
    parameters are not seen.

    Parameters
    ----------
    net : the network, on one device.
    """

    def __init__(self, net: RAR):
        graph = folded(net)
        self._symbol = graph.symbol
        self._parameters = {name: nd.array(graph.value(name)) for name in graph.parameters}
        self.ctx, self.strides, self.begin_state = net.ctx, net.strides, net.begin_state
        self._compiled: Dict[Tuple[int, ...], SymbolBlock] = {}

    def __call__(self, image: nd.NDArray, *state: nd.NDArray) -> List[nd.NDArray]:
        """Representation and new state, [(B, D, H', W'), h, c, …], of images (B, 3, H, W) and a state."""
        block = self._compiled.get(image.shape)
        if block is None:
            block = self._compiled[image.shape] = self._compile(image, *state)
        outputs = block(image, *state)
        return outputs if isinstance(outputs, (list, tuple)) else [outputs]

    def _compile(self, image: nd.NDArray, *state: nd.NDArray) -> SymbolBlock:
        block = bound(self._symbol, self._parameters, input_names(len(state)), self.ctx)
        static = {"static_alloc": True, "static_shape": True}
        block.hybridize(**static)
        if self.ctx.device_type == "cpu":
            # oneDNN's fusions of a convolution with what follows it
            block.optimize_for(image, *state, backend="MKLDNN", **static)
        return block


def bound(symbol: mx.sym.Symbol, parameters: Dict[str, nd.NDArray], inputs: Sequence[str], ctx) -> SymbolBlock:
    """A graph with its parameters on a device: a block of its inputs."""
    block = SymbolBlock(symbol, [mx.sym.var(name, dtype="float32") for name in inputs])
    for name, parameter in block.collect_params().items():
        value = parameters[name]
        parameter.shape, parameter.dtype, parameter.grad_req = value.shape, value.dtype, "null"
        parameter.initialize(mx.init.Zero(), ctx)
        parameter.set_data(value)
    return block


def convolutions(symbol: mx.sym.Symbol) -> List[str]:
    """Names of a graph's convolutions in their order."""
    return [node["name"] for node in json.loads(symbol.tojson())["nodes"] if node["op"] == "Convolution"]


def eight_bit_layers(net: RAR, symbol: mx.sym.Symbol) -> List[str]:
    """Names of the convolutions of a network's graph that are computed in int8: the backbone's, but for its stem."""
    return [name for name in convolutions(symbol) if name.startswith(net.backbone.prefix)][1:]


def input_names(states: int) -> List[str]:
    """Names of a traced network's inputs: the image, then so many states."""
    return ["image", *(f"state{index}" for index in range(states))]


class Folded(NamedTuple):
    """A graph without batch norms behind convolutions: kernels by name as they are stored, and by what each output
    channel is multiplied; so a kernel of 16 bits can stay one in a file.
    """

    symbol: mx.sym.Symbol
    parameters: Dict[str, np.ndarray]
    factors: Dict[str, np.ndarray]

    def value(self, name: str) -> np.ndarray:
        """A parameter as the graph computes with it."""
        value = self.parameters[name]
        return value * self.factors[name].reshape(-1, *[1] * (value.ndim - 1)) if name in self.factors else value


def folded(net: RAR) -> Folded:
    """Graph of a network and its parameters, batch norms in the convolutions (`trace`, `fold_batch_norms`)."""
    return fold_batch_norms(*trace(net))


def trace(net: RAR) -> Tuple[mx.sym.Symbol, Dict[str, np.ndarray]]:
    """Graph of `net(image, *state)`, its outputs grouped, and the values of its parameters by name."""
    state = net.begin_state((1, 3, 16 * net.config.stride, 16 * net.config.stride))
    inputs = [mx.sym.var(name) for name in input_names(len(state))]
    parameters = {p.name: p.list_data()[0].asnumpy() for p in net.collect_params().values()}
    return mx.sym.Group(net(*inputs)), parameters


def fold_batch_norms(symbol: mx.sym.Symbol, parameters: Dict[str, np.ndarray]) -> Folded:
    """Take batch norms that follow a convolution into its kernel and bias: the same function of fewer operators.

    Parameters
    ----------
    symbol : graph of a network that uses the stored statistics.
    parameters : values by name; copied, not changed.
    """
    graph, folded, factors = json.loads(symbol.tojson()), dict(parameters), {}
    nodes, replaced = graph["nodes"], {}
    uses = [source for node in nodes for source, *_ in node["inputs"]] + [source for source, *_ in graph["heads"]]
    for index, node in enumerate(nodes):
        if node["op"] != "BatchNorm":
            continue
        source, *rest = (entry[0] for entry in node["inputs"])
        convolution = nodes[source]
        if convolution["op"] != "Convolution" or uses.count(source) > 1:
            continue
        gamma, beta, mean, variance = (parameters[nodes[entry]["name"]] for entry in rest)
        factor = gamma / np.sqrt(variance + float(node["attrs"]["eps"]))
        kernel = nodes[convolution["inputs"][1][0]]
        if kernel["op"] == "Reshape":  # a deformable convolution's; output channels stay first
            kernel = nodes[kernel["inputs"][0][0]]
        factors[kernel["name"]] = factor
        shift = beta - mean * factor
        if len(convolution["inputs"]) > 2:
            bias = nodes[convolution["inputs"][2][0]]["name"]
            folded[bias] = parameters[bias] * factor + shift
        else:  # the batch norm's β becomes the bias
            convolution["attrs"]["no_bias"] = "False"
            convolution["inputs"].append([rest[1], 0, 0])
            folded[nodes[rest[1]]["name"]] = shift
        replaced[index] = source
    for entry in [entry for node in nodes for entry in node["inputs"]] + graph["heads"]:
        entry[0] = replaced.get(entry[0], entry[0])
    return Folded(mx.sym.load_json(json.dumps(graph)), folded, factors)


Range = Tuple[float, float]


def eight_bit_ranges(net: RAR, graph: Folded, images: nd.NDArray) -> Dict[str, Range]:
    """Least and largest value, on images (N, 3, H, W), of what int8 rounds: inputs and results of `eight_bit_layers`.

    They are by the name of the node that gives a value; a result that goes through a relu alone is that of the relu.
    """
    content = json.loads(graph.symbol.tojson())
    nodes, layers = content["nodes"], eight_bit_layers(net, graph.symbol)
    users: Dict[int, List[int]] = {}
    for index, node in enumerate(nodes):
        for source, *_ in node["inputs"]:
            users.setdefault(source, []).append(index)
    rounded = set()
    for index, node in enumerate(nodes):
        if node["name"] in layers:
            following = users[index]
            relu = len(following) == 1 and nodes[following[0]].get("attrs", {}).get("act_type") == "relu"
            rounded |= {node["inputs"][0][0], following[0] if relu else index}
    names = [nodes[index]["name"] for index in sorted(rounded)]
    internals = graph.symbol.get_internals()
    values = {name: nd.array(graph.value(name)) for name in graph.parameters}
    outputs = mx.sym.Group([internals[f"{name}_output"] for name in names])
    block = bound(outputs, values, input_names(0), mx.cpu())
    return {name: (float(out.min().asscalar()), float(out.max().asscalar())) for name, out in zip(names, block(images))}
