"""A network's graph with its parameters, an input and its output, in files that every route can read; and as ONNX."""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Tuple

import numpy as np


@dataclass(frozen=True)
class Graph:
    """`symbol` is MXNet's JSON, `parameters` and `inputs` are by name, `output` is what comes first."""

    symbol: str
    parameters: Mapping[str, np.ndarray]
    inputs: Mapping[str, np.ndarray]
    output: np.ndarray


class Node(NamedTuple):
    """An operator: its attributes as Python values, its inputs as (node, output) pairs; `op` "null" is a variable."""

    name: str
    op: str
    attributes: Dict[str, Any]
    inputs: List[Tuple[int, int]]


def nodes(graph: Graph) -> Tuple[List[Node], List[Tuple[int, int]]]:
    """Nodes in the order they are computed in, and the outputs."""
    content = json.loads(graph.symbol)

    def pairs(entries) -> List[Tuple[int, int]]:
        return [(entry[0], entry[1]) for entry in entries]

    found = [
        Node(node["name"], node["op"], {k: _value(v) for k, v in node.get("attrs", {}).items()}, pairs(node["inputs"]))
        for node in content["nodes"]
    ]
    return found, pairs(content["heads"])


def write_graph(graph: Graph, folder: Path) -> None:
    """Write what `read_graph` reads."""
    (folder / "symbol.json").write_text(graph.symbol, encoding="utf-8")
    np.savez(folder / "parameters.npz", **graph.parameters)
    np.savez(folder / "inputs.npz", **graph.inputs)
    np.save(folder / "output.npy", graph.output)


def read_graph(folder: Path) -> Graph:
    """Read what `write_graph` wrote."""
    arrays = [dict(np.load(folder / f"{name}.npz", allow_pickle=False)) for name in ("parameters", "inputs")]
    return Graph(
        (folder / "symbol.json").read_text(encoding="utf-8"),
        *arrays,
        np.load(folder / "output.npy", allow_pickle=False),
    )


def write_onnx(graph: Graph, path: Path) -> None:
    """Write a graph for its inputs' shapes as ONNX (opset 13).

    MXNet 1.9.1's own exporter has no conversion of several operators of this graph.

    Raises
    ------
    ImportError
        The package onnx is not there.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    made, initializers, names = [], [], {}
    found, heads = nodes(graph)
    for index, node in enumerate(found):
        if node.op == "null":
            names[index, 0] = node.name
            continue
        inputs = [names[entry] for entry in node.inputs]
        count = node.attributes.get("num_outputs", 1)
        outputs = [f"{node.name}:{number}" for number in range(count)]
        names.update({(index, number): output for number, output in enumerate(outputs)})
        for op, sources, targets, attributes, constants in _converted(node, inputs, outputs):
            initializers += [numpy_helper.from_array(array, name) for name, array in constants.items()]
            made.append(helper.make_node(op, sources, targets, **attributes))
    initializers += [numpy_helper.from_array(array, name) for name, array in graph.parameters.items()]
    inputs = [helper.make_tensor_value_info(k, TensorProto.FLOAT, v.shape) for k, v in graph.inputs.items()]
    outputs = [helper.make_tensor_value_info(names[head], TensorProto.FLOAT, None) for head in heads]
    proto = helper.make_graph(made, "network", inputs, outputs, initializers)
    model = helper.make_model(proto, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))


ELEMENTWISE = {
    "elemwise_add": "Add",
    "broadcast_add": "Add",
    "broadcast_sub": "Sub",
    "elemwise_sub": "Sub",
    "broadcast_mul": "Mul",
    "elemwise_mul": "Mul",
    "broadcast_div": "Div",
    "_maximum": "Max",
    "batch_dot": "MatMul",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "relu": "Relu",
    "sqrt": "Sqrt",
    "BlockGrad": "Identity",
}
ACTIVATIONS = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid"}
SCALARS = {"_plus_scalar": "Add", "_mul_scalar": "Mul", "_div_scalar": "Div", "_minus_scalar": "Sub"}


def _converted(node: Node, inputs: List[str], outputs: List[str]) -> Iterator[tuple]:
    """ONNX nodes of one of MXNet's: (operator, inputs, outputs, attributes, constants by name) each."""
    attributes, op = node.attributes, node.op
    constant = f"{node.name}:constant"
    if op in ELEMENTWISE:
        yield ELEMENTWISE[op], inputs, outputs, {}, {}
    elif op == "Activation":
        yield ACTIVATIONS[attributes["act_type"]], inputs, outputs, {}, {}
    elif op in SCALARS:
        value = np.float32(attributes["scalar"])
        yield SCALARS[op], [inputs[0], constant], outputs, {}, {constant: np.array(value)}
    elif op == "square":
        yield "Mul", inputs * 2, outputs, {}, {}
    elif op == "rsqrt":
        yield "Sqrt", inputs, [f"{node.name}:root"], {}, {}
        yield "Reciprocal", [f"{node.name}:root"], outputs, {}, {}
    elif op == "Convolution":
        window = {"kernel_shape": attributes["kernel"], "group": int(attributes.get("num_group", 1))}
        window["strides"] = attributes.get("stride", (1, 1))
        window["dilations"] = attributes.get("dilate", (1, 1))
        window["pads"] = tuple(attributes.get("pad", (0, 0))) * 2
        yield "Conv", inputs, outputs, window, {}
    elif op == "BatchNorm":
        yield "BatchNormalization", inputs, outputs, {"epsilon": float(attributes["eps"])}, {}
    elif op == "Pooling":
        kind = {"max": "MaxPool", "avg": "AveragePool"}[attributes["pool_type"]]
        if attributes.get("global_pool"):
            yield f"Global{kind}", inputs, outputs, {}, {}
        else:
            window = {"kernel_shape": attributes["kernel"], "strides": attributes.get("stride", (1, 1))}
            window["pads"] = tuple(attributes.get("pad", (0, 0))) * 2
            if kind == "AveragePool":
                window["count_include_pad"] = int(attributes.get("count_include_pad", True))
            yield kind, inputs, outputs, window, {}
    elif op == "Concat":
        yield "Concat", inputs, outputs, {"axis": attributes["dim"]}, {}
    elif op == "SliceChannel":
        yield "Split", inputs, outputs, {"axis": attributes["axis"]}, {}
    elif op == "mean":
        axes = np.atleast_1d(attributes["axis"]).tolist()
        keep = int(attributes.get("keepdims", False))
        yield "ReduceMean", inputs, outputs, {"axes": axes, "keepdims": keep}, {}
    elif op == "Reshape":
        yield "Reshape", [inputs[0], constant], outputs, {}, {constant: np.array(attributes["shape"], np.int64)}
    elif op == "reshape_like":
        yield "Shape", [inputs[1]], [f"{node.name}:shape"], {}, {}
        yield "Reshape", [inputs[0], f"{node.name}:shape"], outputs, {}, {}
    elif op == "ones_like":
        yield "Shape", inputs, [f"{node.name}:shape"], {}, {}
        one = np.ones(1, np.float32)
        from onnx import numpy_helper

        yield "ConstantOfShape", [f"{node.name}:shape"], outputs, {"value": numpy_helper.from_array(one)}, {}
    elif op == "_ones":
        yield "Identity", [constant], outputs, {}, {constant: np.ones(attributes["shape"], np.float32)}
    elif op == "slice":
        axes = [axis for axis, begin in enumerate(attributes["begin"]) if begin is not None]
        bounds = {
            f"{node.name}:{key}": np.array([attributes[key][axis] for axis in axes], np.int64)
            for key in ("begin", "end")
        }
        axes = {f"{node.name}:axes": np.array(axes, np.int64)}
        yield "Slice", [inputs[0], *bounds, *axes], outputs, {}, {**bounds, **axes}
    else:
        raise NotImplementedError(f"{op} has no conversion to ONNX here.")


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
