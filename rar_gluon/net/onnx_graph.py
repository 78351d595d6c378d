"""A traced network as an ONNX graph, so that it can run, and be kept, without MXNet.

MXNet's own exporter (mx.onnx) knows neither `rsqrt`, `reshape_like` nor a bilinear sampler, and declares operators of
a version that its graphs do not follow; so each operator that our networks use is written here, by one rule below.
Images have one size in a graph. Kernels stay as they were stored, in 16 bits where that loses nothing; what is done to
them first (a cast, a batch norm's factor, int8) is in the graph, and ONNX Runtime does it once, when it loads it.
"""

from __future__ import annotations

import ast
import json
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Sequence, Tuple

import mxnet as mx
import numpy as np

from rar_gluon.common import InputError

OPSET = 16  # the first with GridSample
UNARY = {
    **{"tanh": "Tanh", "sigmoid": "Sigmoid", "relu": "Relu", "floor": "Floor", "BlockGrad": "Identity"},
    **{"sqrt": "Sqrt", "identity": "Identity", "_copy": "Identity"},
}
BINARY = {
    **{f"{kind}_{name.lower()}": name for kind in ("elemwise", "broadcast") for name in ("Add", "Sub", "Mul", "Div")},
    **{"_maximum": "Max", "broadcast_maximum": "Max"},
}
WEIGHT_LEVELS = 63  # of a sign in int8: more overflow 16 bits on CPUs that add two products of eight bits there
FLOAT, TYPES = 1, {"float32": 1, "uint8": 2, "float16": 10}  # of ONNX
SCALAR = {"_plus_scalar": "Add", "_minus_scalar": "Sub", "_mul_scalar": "Mul", "_div_scalar": "Div"}


class _Writer:
    """Collects nodes and constants; `add` returns the name of what a node gives."""

    def __init__(self):
        self.nodes: List[Any] = []
        self.constants: Dict[str, np.ndarray] = {}  # as they are kept
        self.values: Dict[str, np.ndarray] = {}  # of parameters, as they are computed with
        self._count = 0

    def _name(self) -> str:
        self._count += 1
        return f"v{self._count}"

    def constant(self, value: Any, dtype: str = "float32") -> str:
        name = self._name()
        self.constants[name] = np.asarray(value, dtype)
        return name

    def add(self, kind: str, *inputs: str, outputs: int = 1, **attributes) -> Any:
        from onnx import helper

        names = [self._name() for _ in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def rounded(self, name: str, low: float, high: float) -> str:
        """Values through 256 levels of a range, which holds 0."""
        low, high = min(low, 0.0), max(high, 1e-9)
        scale = (high - low) / 255
        levels = (self.constant(scale), self.constant(round(-low / scale), "uint8"))
        return self.add("DequantizeLinear", self.add("QuantizeLinear", name, *levels), *levels)

    def parameter(self, name: str, value: np.ndarray, factor: np.ndarray | None) -> str:
        """A parameter, times a factor for each output channel; its values by the name that is returned."""
        value = np.asarray(value, np.float32)
        with np.errstate(over="ignore"):
            half = value.astype(np.float16)
        self.constants[name] = half if np.array_equal(half, value) and value.size > 1 else value
        source = self.add("Cast", name, to=1) if self.constants[name] is half else name
        if factor is not None:
            factor = np.asarray(factor, np.float32).reshape(-1, *[1] * (value.ndim - 1))
            source, value = self.add("Mul", source, self.constant(factor)), value * factor
        self.values[source] = value
        return source

    def in_eight_bits(self, sources: List[str], low: float, high: float) -> List[str]:
        """Kernel and bias of a convolution as integers; its input, of a range, is rounded already."""
        image, *rest = sources
        kernel = self.values[rest[0]]
        scales = np.maximum(np.abs(kernel).reshape(len(kernel), -1).max(axis=1), 1e-9) / WEIGHT_LEVELS
        steps = scales * (max(high, 1e-9) - min(low, 0.0)) / 255  # of the sums
        zeros = self.constant(np.zeros(len(scales)), "int8")
        levels = (self.constant(scales), zeros)
        parts = [self.add("DequantizeLinear", self.add("QuantizeLinear", rest[0], *levels, axis=0), *levels, axis=0)]
        for bias in rest[1:]:
            integers = self.constant(np.rint(self.values[bias] / steps), "int32")
            zeros = self.constant(np.zeros(len(scales)), "int32")
            parts.append(self.add("DequantizeLinear", integers, self.constant(steps), zeros, axis=0))
        return [image, *parts]


class Input(NamedTuple):
    """What a graph takes: its shape, whether its first axis is free, and its type."""

    shape: Tuple[int, ...]
    free: bool = True
    dtype: str = "float32"

    def shape_for(self, batch: int | None) -> Tuple[int, ...]:
        """Its shape for a number of images, None: its own."""
        return self.shape if batch is None else (batch, *self.shape[1:])


def onnx_model(
    symbol: mx.sym.Symbol,
    parameters: Mapping[str, np.ndarray],
    inputs: Mapping[str, Input],
    outputs: Sequence[str],
    factors: Mapping[str, np.ndarray] | None = None,
    layers: Sequence[str] = (),
    ranges: Mapping[str, Tuple[float, float]] | None = None,
) -> Any:
    """Write a graph of MXNet as an ONNX model.

    Parameters
    ----------
    symbol, parameters, factors : the graph and its values (`net.inference.Folded`).
    inputs : by name. Where one's first axis is free, that of the others is, too, or is 1 and repeated.
    outputs : names to give to what the graph returns, in its order.
    layers : convolutions that compute with eight bits, with QuantizeLinear and DequantizeLinear about them.
    ranges : of values by the name of the node that gives them (`net.inference.eight_bit_ranges`), for these.

    Returns
    -------
    onnx.ModelProto, checked.

    Raises
    ------
    InputError
        The package onnx is missing, or the graph holds an operator that has no rule here.
    """
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError as error:
        raise InputError("the package onnx is missing: pip install 'rar-gluon[export]'.") from error
    helper = onnx.helper
    graph, writer = json.loads(symbol.tojson(remove_amp_cast=False)), _Writer()
    # Shapes for two numbers of images: where they differ, -1 is said.
    batches = (2, 3) if any(tensor.free for tensor in inputs.values()) else (None, None)
    one, two = (
        _shapes(symbol, {name: tensor.shape_for(batch) for name, tensor in inputs.items()}) for batch in batches
    )
    ranges, factors, nodes = ranges or {}, factors or {}, graph["nodes"]
    small = {index for index, node in enumerate(nodes) if _has_eight_bits(nodes, node, layers, ranges)}
    stored = {index for index in small if nodes[index]["name"] in ranges}  # without what it is fused with
    stored |= {nodes[index]["inputs"][0][0] for index in small}
    tensors: Dict[Tuple[int, int], str] = {}
    for index, node in enumerate(nodes):
        sources = [tensors[source, output] for source, output, *_ in node["inputs"]]
        if node["op"] == "null":
            name = node["name"]
            tensors[index, 0] = name if name in inputs else writer.parameter(name, parameters[name], factors.get(name))
            continue
        shapes = [one[source, output] for source, output, *_ in node["inputs"]]
        target = [-1 if a != b else a for a, b in zip(one[index, 0], two[index, 0])]
        if index in small:
            sources = writer.in_eight_bits(sources, *ranges[nodes[node["inputs"][0][0]]["name"]])
        made = _convert(writer, node["op"], attributes(node), sources, shapes, target)
        for output, name in enumerate(made if isinstance(made, list) else [made]):
            tensors[index, output] = writer.rounded(name, *ranges[node["name"]]) if index in stored else name
    results = []
    for (index, output, *_), name in zip(graph["heads"], outputs):
        writer.nodes.append(helper.make_node("Identity", [tensors[index, output]], [name]))
        sizes = [a if a == b else f"{name}_batch" for a, b in zip(one[index, output], two[index, output])]
        results.append(helper.make_tensor_value_info(name, FLOAT, sizes))
    used = {name for node in writer.nodes for name in node.input}
    made = helper.make_graph(
        writer.nodes,
        "rar",
        [
            helper.make_tensor_value_info(
                name, TYPES[tensor.dtype], ["batch" if tensor.free else tensor.shape[0], *tensor.shape[1:]]
            )
            for name, tensor in inputs.items()
        ],
        results,
        [numpy_helper.from_array(value, name) for name, value in writer.constants.items() if name in used],
    )
    model = helper.make_model(made, producer_name="rar-gluon", opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model


def _has_eight_bits(nodes: List[Dict], node: Dict, layers: Sequence[str], ranges: Mapping) -> bool:
    """Whether a node is one of these convolutions, of a known range, and its kernel is no other node's result."""
    if node["name"] not in layers:
        return False
    source, kernel = (nodes[entry[0]] for entry in node["inputs"][:2])
    return source["name"] in ranges and kernel["op"] == "null"


def _shapes(symbol: mx.sym.Symbol, inputs: Dict[str, Tuple[int, ...]]) -> Dict[Tuple[int, int], Tuple[int, ...]]:
    """Shape of every output of every node, by (node, output)."""
    internals = symbol.get_internals()
    graph = json.loads(internals.tojson(remove_amp_cast=False))
    _, shapes, _ = internals.infer_shape(**inputs)
    return {(index, output): shape for (index, output, *_), shape in zip(graph["heads"], shapes)}


def attributes(node: Dict) -> Dict[str, Any]:
    """Attributes of a node of MXNet's JSON as values: "(1, 1)" is a tuple."""
    values = {}
    for name, text in node.get("attrs", {}).items():
        try:
            values[name] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            values[name] = text
    return values


def _convert(w: _Writer, op: str, a: Dict, sources: List[str], shapes: List[Tuple[int, ...]], target: List[int]) -> Any:
    """Write one operator of attributes `a`; `target` is its result's shape, -1 where that depends on the batch."""
    if op in UNARY:
        return w.add(UNARY[op], *sources)
    if op in BINARY:
        return w.add(BINARY[op], *sources)
    if op in SCALAR:
        return w.add(SCALAR[op], sources[0], w.constant(float(a["scalar"])))
    rule = RULES.get(op)
    if rule is None:
        raise InputError(f"the operator {op} cannot be exported to ONNX: give --format symbol.")
    return rule(w, a, sources, shapes, target)


def _convolution(w, a, sources, shapes, target):
    pad = tuple(a.get("pad", (0, 0)))
    return w.add(
        *("Conv", *sources),
        kernel_shape=a["kernel"],
        pads=[*pad, *pad],
        strides=a.get("stride", (1, 1)),
        dilations=a.get("dilate", (1, 1)),
        group=a.get("num_group", 1),
    )


def _batch_norm(w, a, sources, shapes, target):
    return w.add("BatchNormalization", *sources, epsilon=float(a["eps"]))


def _padded(w, a, sources, shapes, target):
    width = a["pad_width"]
    pads = w.constant([*width[::2], *width[1::2]], "int64")
    return w.add("Pad", sources[0], pads, w.constant(float(a.get("constant_value", 0))))


def _pooling(w, a, sources, shapes, target):
    kind = {"max": "MaxPool", "avg": "AveragePool"}[a.get("pool_type", "max")]
    if a.get("global_pool"):
        return w.add({"MaxPool": "GlobalMaxPool", "AveragePool": "GlobalAveragePool"}[kind], *sources)
    pad = tuple(a.get("pad", (0, 0)))
    more = {"count_include_pad": int(a.get("count_include_pad", True) is not False)} if kind == "AveragePool" else {}
    full = int(a.get("pooling_convention", "valid") == "full")
    return w.add(
        *(kind, *sources), kernel_shape=a["kernel"], pads=[*pad, *pad], strides=a["stride"], ceil_mode=full, **more
    )


def _slice(w, a, sources, shapes, target):
    axes = [axis for axis, (b, e) in enumerate(zip(a["begin"], a["end"])) if (b, e) != (None, None)]
    begin = [a["begin"][axis] or 0 for axis in axes]
    end = [np.iinfo(np.int64).max if a["end"][axis] is None else a["end"][axis] for axis in axes]
    return w.add("Slice", sources[0], *(w.constant(part, "int64") for part in (begin, end, axes)))


def _slice_axis(w, a, sources, shapes, target):
    begin, end, axis = a["begin"], np.iinfo(np.int64).max if a["end"] is None else a["end"], a["axis"]
    return w.add("Slice", sources[0], *(w.constant([part], "int64") for part in (begin, end, axis)))


def _broadcast_like(w, a, sources, shapes, target):
    """Repeated along the first axis, as often as the other has it."""
    first = w.add("Slice", w.add("Shape", sources[1]), *(w.constant([part], "int64") for part in (0, 1)))
    return w.add("Expand", sources[0], w.add("Concat", first, w.constant([1] * (len(target) - 1), "int64"), axis=0))


def _split(w, a, sources, shapes, target):
    count, axis = a["num_outputs"], a.get("axis", 1)
    parts = w.add("Split", sources[0], outputs=count, axis=axis)
    parts = parts if isinstance(parts, list) else [parts]
    if a.get("squeeze_axis"):
        parts = [w.add("Squeeze", part, w.constant([axis], "int64")) for part in parts]
    return parts


def _batch_dot(w, a, sources, shapes, target):
    turned = [
        w.add("Transpose", source, perm=(0, 2, 1)) if a.get(name) else source
        for source, name in zip(sources, ("transpose_a", "transpose_b"))
    ]
    return w.add("MatMul", *turned)


def _reduce(kind: str) -> Callable:
    def rule(w, a, sources, shapes, target):
        axes = a.get("axis")
        axes = [axes] if isinstance(axes, int) else axes
        if axes:
            return w.add(kind, *sources, keepdims=int(bool(a.get("keepdims"))), axes=list(axes))
        return w.add("Reshape", w.add(kind, *sources, keepdims=0), w.constant([1], "int64"))  # as MXNet has a number

    return rule


def _stack(w, a, sources, shapes, target):
    axis = w.constant([a.get("axis", 0)], "int64")
    return w.add("Concat", *(w.add("Unsqueeze", source, axis) for source in sources), axis=a.get("axis", 0))


def _lrn(w, a, sources, shapes, target):
    names = {"alpha": "alpha", "beta": "beta", "knorm": "bias"}
    defaults = {"alpha": 1e-4, "beta": 0.75, "knorm": 2.0}
    renamed = {theirs: float(a.get(ours, defaults[ours])) for ours, theirs in names.items()}
    return w.add("LRN", *sources, size=a["nsize"], **renamed)


def _unit(w, a, sources, shapes, target):
    axes = {"channel": [1], "instance": list(range(1, len(shapes[0]))), "spatial": [2, 3]}[a.get("mode", "instance")]
    energy = w.add("ReduceSum", w.add("Mul", sources[0], sources[0]), w.constant(axes, "int64"), keepdims=1)
    return w.add("Div", sources[0], w.add("Sqrt", w.add("Add", energy, w.constant(float(a.get("eps", 1e-10))))))


def _sampler(w, a, sources, shapes, target):
    grid = w.add("Transpose", sources[1], perm=(0, 2, 3, 1))
    return w.add("GridSample", sources[0], grid, mode="bilinear", padding_mode="zeros", align_corners=1)


def _reshape(w, a, sources, shapes, target):
    return w.add("Reshape", sources[0], w.constant(target, "int64"))


def _filled(value: float) -> Callable:
    def rule(w, a, sources, shapes, target):
        if -1 not in target:
            return w.constant(np.full(target, value))
        zeros = w.add("Mul", sources[0], w.constant(0.0))
        return w.add("Add", zeros, w.constant(value))

    return rule


def _arange_like(w, a, sources, shapes, target):
    count = shapes[0][a["axis"]]
    return w.constant(float(a.get("start", 0)) + float(a.get("step", 1)) * np.arange(count))


RULES: Dict[str, Callable] = {
    "Activation": lambda w, a, s, *_: w.add(UNARY[a["act_type"]], *s),
    "BatchNorm": _batch_norm,
    "BilinearSampler": _sampler,
    "Concat": lambda w, a, s, *_: w.add("Concat", *s, axis=a.get("dim", 1)),
    "Convolution": _convolution,
    "L2Normalization": _unit,
    "LRN": _lrn,
    "Cast": lambda w, a, s, *_: w.add("Cast", *s, to=TYPES[a["dtype"]]),
    "Pad": _padded,
    "Pooling": _pooling,
    "Reshape": _reshape,
    "SliceChannel": _split,
    "_contrib_arange_like": _arange_like,
    "_ones": _filled(1.0),
    "batch_dot": _batch_dot,
    "broadcast_like": _broadcast_like,
    "dot": lambda w, a, s, *_: w.add("MatMul", *s),  # of maps and a matrix
    "expand_dims": _reshape,
    "max": _reduce("ReduceMax"),
    "mean": _reduce("ReduceMean"),
    "ones_like": _filled(1.0),
    "reshape_like": _reshape,
    "rsqrt": lambda w, a, s, *_: w.add("Reciprocal", w.add("Sqrt", *s)),
    "slice": _slice,
    "slice_axis": _slice_axis,
    "square": lambda w, a, s, *_: w.add("Mul", s[0], s[0]),
    "stack": _stack,
    "sum": lambda w, a, s, shapes, t: w.add("ReduceSum", s[0], w.constant([a["axis"]], "int64"), keepdims=0),
    "transpose": lambda w, a, s, *_: w.add("Transpose", *s, perm=a["axes"]),
}
