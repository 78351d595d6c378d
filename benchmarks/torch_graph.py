"""A network's graph as a PyTorch module, node by node."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

import torch
from torch.nn import functional

from benchmarks.graph import Graph, Node, nodes

ELEMENTWISE = {
    "elemwise_add": torch.add,
    "broadcast_add": torch.add,
    "broadcast_sub": torch.sub,
    "broadcast_mul": torch.mul,
    "elemwise_mul": torch.mul,
    "broadcast_div": torch.div,
    "_maximum": torch.maximum,
    "batch_dot": torch.bmm,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "sqrt": torch.sqrt,
    "square": torch.square,
    "rsqrt": torch.rsqrt,
    "ones_like": torch.ones_like,
    "reshape_like": lambda x, like: x.reshape(like.shape),
}
ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}
SCALARS = {"_plus_scalar": torch.add, "_mul_scalar": torch.mul, "_div_scalar": torch.div}


class TorchGraph(torch.nn.Module):
    """`module(*inputs)` gives the graph's outputs; its inputs are in the order of `graph.inputs`."""

    def __init__(self, graph: Graph):
        super().__init__()
        operators, self._heads = nodes(graph)
        self._inputs: Dict[str, int] = {}
        self._constants: Dict[int, str] = {}
        self._steps: List[Any] = []
        for index, node in enumerate(operators):
            if node.op == "null" and node.name in graph.inputs:
                self._inputs[node.name] = index
            elif node.op == "null":
                self._constants[index] = f"parameter{index}"
                self.register_buffer(f"parameter{index}", torch.from_numpy(graph.parameters[node.name]))
            else:
                self._steps.append((index, operator(node), node.inputs))
        self._order = [self._inputs[name] for name in graph.inputs]

    def forward(self, *inputs):
        values = {(index, 0): value for index, value in zip(self._order, inputs)}
        values.update({(index, 0): getattr(self, name) for index, name in self._constants.items()})
        for index, function, sources in self._steps:
            result = function(*(values[source] for source in sources))
            parts = result if isinstance(result, (tuple, list)) else [result]
            values.update({(index, number): part for number, part in enumerate(parts)})
        return [values[head] for head in self._heads]


def operator(node: Node) -> Callable:
    """The function of a node."""
    attributes, op = node.attributes, node.op
    if op in ELEMENTWISE:
        return ELEMENTWISE[op]
    if op == "Activation":
        return ACTIVATIONS[attributes["act_type"]]
    if op in SCALARS:
        return lambda x, other=float(attributes["scalar"]), apply=SCALARS[op]: apply(x, other)
    if op == "Convolution":
        stride, dilation = attributes.get("stride", (1, 1)), attributes.get("dilate", (1, 1))
        padding = attributes.get("pad", (0, 0))
        return lambda x, weight, bias=None: functional.conv2d(x, weight, bias, stride, padding, dilation)
    if op == "BatchNorm":
        eps = float(attributes["eps"])
        return lambda x, gamma, beta, mean, var: functional.batch_norm(x, mean, var, gamma, beta, eps=eps)
    if op == "Pooling":
        return _pooling(attributes)
    if op == "Concat":
        return lambda *parts: torch.cat(parts, attributes["dim"])
    if op == "SliceChannel":
        return lambda x: torch.chunk(x, attributes["num_outputs"], attributes["axis"])
    if op == "mean":
        return lambda x: x.mean(attributes["axis"], keepdim=bool(attributes.get("keepdims", False)))
    if op == "Reshape":
        return lambda x: x.reshape([x.shape[axis] if n == 0 else n for axis, n in enumerate(attributes["shape"])])
    if op == "_ones":
        return lambda: torch.ones(attributes["shape"])
    if op == "slice":
        cut = tuple(slice(begin, end) for begin, end in zip(attributes["begin"], attributes["end"]))
        return lambda x: x[cut]
    raise NotImplementedError(f"{op} has no counterpart in PyTorch here.")


def _pooling(attributes: Dict[str, Any]) -> Callable:
    largest = attributes["pool_type"] == "max"
    if attributes.get("global_pool"):
        return lambda x: x.amax((2, 3), keepdim=True) if largest else x.mean((2, 3), keepdim=True)
    window = (attributes["kernel"], attributes.get("stride", (1, 1)), attributes.get("pad", (0, 0)))
    if largest:
        return lambda x: functional.max_pool2d(x, *window)
    counted = bool(attributes.get("count_include_pad", True))
    return lambda x: functional.avg_pool2d(x, *window, count_include_pad=counted)
