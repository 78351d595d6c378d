"""The whole method as ONNX graphs in a folder, for `engine/onnx.py` and for whoever has neither MXNet nor this package.

tracker.json              configuration, sizes, inputs and outputs of each graph, hashes of the files
represent.onnx            search regions and the state, to representations (Sections 3.1, 3.2)
template.onnx             a template's patch and the state, to z0, zi and the next state (Eq. 3)
learn.onnx                z0, zi, the filter and a rate, to the filter (Eq. 10; the Hann window is in it)
respond.onnx              representations and the filter, to responses (Eq. 11)
represent_int8.onnx, template_int8.onnx   with the backbone in int8
weights.bin               the larger arrays, which the graphs share
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any, Dict, Iterable, List, Sequence, Tuple

import cv2
import mxnet as mx
import numpy as np

from rar_gluon import geometry
from rar_gluon.common import InputError, atomic_path, write_text
from rar_gluon.config import Config, to_dict
from rar_gluon.engine.mxnet import MxnetEngine
from rar_gluon.engine.onnx import COMPUTES, FILTER, FORMAT, TRACKER, OnnxEngine, template_side
from rar_gluon.filter.layer import Respond, Solve, template_label
from rar_gluon.net.inference import eight_bit_layers, eight_bit_ranges, folded, input_names
from rar_gluon.net.onnx_graph import Input, onnx_model
from rar_gluon.net.rar import RAR, pad_state, to_images

WEIGHTS = "weights.bin"
SHARED = 1024  # bytes from which an array goes there
TOLERANCE = 1e-5  # between MXNet's results and the graphs', of the largest value
STATE_TOLERANCE = 1e-4  # likewise of the state, whose gates enlarge rounding


def export(
    config: Config, engine: MxnetEngine, folder: str | os.PathLike, regions: np.ndarray | None = None
) -> Tuple[List[Path], Dict[str, float]]:
    """Write the method of an engine with its weights; returns the files, and how far each graph is from MXNet.

    Parameters
    ----------
    config : the whole configuration.
    engine : computes it, on the CPU.
    folder : where the files go.
    regions : (N, S, S, 3) search regions that int8 takes its ranges from; None: no graphs in int8.

    Raises
    ------
    InputError
        onnx or onnxruntime is missing, an operator has no rule, or results in 32 bits differ from MXNet's by more than
        1e-5 of the largest value, 1e-4 in the state.
    """
    size = config.tracking.input_size
    shape = engine.represent(np.zeros((1, size, size, 3), np.uint8), engine.begin_state()).shape
    models = {**_network_models(config, engine.net, shape, regions), **_filter_models(config, shape)}
    graphs = {name: _described(model) for name, model in models.items()}
    weights = _take_weights(models.values())
    contents = {f"{name}.onnx": model.SerializeToString() for name, model in models.items()}
    contents[WEIGHTS] = weights
    record = {
        "format": FORMAT,
        "config": {name: section for name, section in to_dict(config).items() if name in COMPUTES},
        "template_size": template_side(config),
        "confidence": list(engine.confidence),
        "graphs": graphs,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()},
    }
    folder = Path(folder)
    for name, content in contents.items():
        with atomic_path(folder / name) as temporary:
            temporary.write_bytes(content)
    write_text(folder / TRACKER, json.dumps(record, indent=1) + "\n")
    errors = differences(engine, OnnxEngine(config, folder), config)
    limits = {"state": STATE_TOLERANCE}
    wrong = [f"{name} by {error:.1e}" for name, error in errors.items() if not error <= limits.get(name, TOLERANCE)]
    if wrong:
        raise InputError(f"the graphs in {folder} differ from MXNet, {', '.join(wrong)} of the largest: report it.")
    return [folder / name for name in (TRACKER, *contents)], errors


def differences(ours: Any, theirs: Any, config: Config) -> Dict[str, float]:
    """Largest difference between two engines' results, over the largest value, of each graph, on a made-up picture."""
    coarse = np.random.default_rng(0).integers(0, 256, (12, 12, 3)).astype(np.uint8)
    size, larger, settings = config.tracking.input_size, template_side(config), config.filter
    templates = 1 + (settings.contexts if settings.context_source == "image" else 0)

    def patches(count: int, side: int) -> np.ndarray:
        larger = (cv2.resize(coarse, (side + 9 * number,) * 2) for number in range(count))
        return np.stack([picture[:side, :side] for picture in larger])

    results = []
    for engine in (ours, theirs):
        z0, zi, state = engine.represent_template(patches(templates, larger), engine.begin_state())
        filter_ = engine.new_filter(z0)
        filter_.learn(z0[0], zi, 1.0)
        z0, zi, state = engine.represent_template(patches(templates + 1, larger)[1:], state)
        filter_.learn(z0[0], zi, 0.3)
        x = engine.represent(patches(3, size), state)
        results.append(
            {
                "represent": [x],
                "template": [z0, *([] if zi is None else [zi])],
                "state": state,
                "respond": [filter_.respond(x)],
            }
        )
    one, two = results
    return {name: max(_difference(*pair) for pair in zip(one[name], two[name])) for name in one if one[name]}


def _difference(one: Any, two: np.ndarray) -> float:
    one = one.asnumpy() if hasattr(one, "asnumpy") else one  # MXNet's
    return float(np.abs(one - two).max() / np.abs(one).max()) if one.shape == two.shape else float("inf")


def _network_models(config: Config, net: RAR, shape: Sequence[int], regions: np.ndarray | None) -> Dict[str, Any]:
    """The network on search regions, whose representations have a shape, and on templates, as ONNX models by name."""
    size, larger = config.tracking.input_size, template_side(config)
    state = net.begin_state((1, 3, size, size))
    graph, names = folded(net), input_names(len(state))
    states = {name: Input(part.shape, free=False) for name, part in zip(names[1:], state)}
    several = bool(config.filter.contexts) and config.filter.context_source == "image"
    contexts = ["zi"] if config.filter.contexts else []
    parts = {
        "represent": (_search(graph.symbol, names), size, True, ["representation"]),
        "template": (
            _template(config, net, graph.symbol, names, shape[-1]),
            *(larger, several, ["z0", *contexts, *(f"new_{name}" for name in names[1:])]),
        ),
    }
    precisions: Dict[str, Dict] = {"": {}}
    if regions is not None:
        ranges = eight_bit_ranges(net, graph, to_images(regions))
        precisions["_int8"] = {"layers": eight_bit_layers(net, graph.symbol), "ranges": ranges}
    found = {}
    for name, (symbol, side, free, outputs) in parts.items():
        inputs = {"image": Input((1, side, side, 3), free, "uint8"), **states}
        inputs = {name: inputs[name] for name in inputs if name in symbol.list_inputs()}  # a search reads h alone
        for suffix, eight_bits in precisions.items():
            found[name + suffix] = onnx_model(
                symbol, graph.parameters, inputs, outputs, factors=graph.factors, **eight_bits
            )
    return found


def _images(patches: Any) -> Any:
    """Patches (N, S, S, 3), 8 bits, as the network takes them (`rar.to_images`)."""
    return mx.sym.transpose(mx.sym.cast(patches, dtype="float32"), axes=(0, 3, 1, 2))


def _composed(symbol: Any, names: Sequence[str], states: Sequence[Any]) -> Any:
    """The network's graph on patches and states."""
    return symbol(**dict(zip(names, (_images(mx.sym.var(names[0])), *states))))


def _search(symbol: Any, names: Sequence[str]) -> Any:
    return mx.sym.Group([_composed(symbol, names, [mx.sym.var(name) for name in names[1:]])[0]])


def _template(config: Config, net: RAR, symbol: Any, names: Sequence[str], cells: int) -> Any:
    """z0 (1, D, H, W), zi (k, D, H, W) if there are contexts, and the next state, as `MxnetEngine` cuts them."""
    states = [mx.sym.var(name) for name in names[1:]]
    margin = (template_side(config) - config.tracking.input_size) // 2
    composed = _composed(symbol, names, pad_state(states, margin, net.strides, mx.sym) if margin else states)
    z, *states = (composed[index] for index in range(len(names)))
    if not margin:
        contexts = [mx.sym.slice_axis(z, axis=0, begin=1, end=None)] if config.filter.contexts else []
        z0, *states = (mx.sym.slice_axis(part, axis=0, begin=0, end=1) for part in (z, *states))
        return mx.sym.Group([z0, *contexts, *states])
    z0, *contexts = (
        mx.sym.slice(z, begin=(None, None, top, left), end=(None, None, top + cells, left + cells))
        for top, left in geometry.split_corners(margin // config.network.stride)
    )
    return mx.sym.Group([z0, mx.sym.concat(*contexts, dim=0), *pad_state(states, -margin, net.strides, mx.sym)])


def _filter_models(config: Config, shape: Sequence[int]) -> Dict[str, Any]:
    """The filter's learning and its response, as ONNX models by name, for representations of a shape (1, D, H, W)."""
    settings, (_, channels, height, width) = config.filter, shape
    spectrum = (1, channels, width // 2 + 1, height)
    summed = (1, 1 if settings.denominator == "summed" else channels, *spectrum[2:])
    filter_ = {name: Input(each, free=False) for name, each in zip(FILTER, (spectrum, spectrum, summed))}
    given = {name: mx.sym.var(name) for name in ("x", "z0", "zi", "rate", *FILTER)}
    maps = {"z0": Input(tuple(shape), free=False)}
    if settings.contexts:
        maps["zi"] = Input((settings.contexts, *shape[1:]), free=False)

    solve = Solve(settings, template_label(settings, config.tracking.padding, channels, height, width), channels)
    z0, *zi = (given[name].expand_dims(0) for name in maps)
    solved = solve(z0, *(each.expand_dims(0) for each in zi))
    moved = [  # n ← n + η (n' - n), and D likewise
        given[name] + mx.sym.broadcast_mul(mx.sym.reshape(given["rate"], shape=(1, 1, 1, 1)), new - given[name])
        for name, new in zip(FILTER, solved)
    ]
    respond = Respond(height, width)
    responses = respond(given["x"], *(given[name] for name in FILTER))
    rate = {"rate": Input((1,), free=False)}
    return {
        "learn": _model(solve, mx.sym.Group(moved), {**maps, **filter_, **rate}, [f"new_{name}" for name in FILTER]),
        "respond": _model(respond, responses, {"x": Input(tuple(shape)), **filter_}, ["response"]),
    }


def _model(block: mx.gluon.HybridBlock, symbol: Any, inputs: Dict[str, Input], outputs: Sequence[str]) -> Any:
    """The graph of a block as an ONNX model."""
    block.initialize()
    constants = {name: parameter.data().asnumpy() for name, parameter in block.collect_params().items()}
    return onnx_model(symbol, constants, inputs, outputs)


def _described(model: Any) -> Dict[str, Dict[str, List]]:
    """Shapes of a graph's inputs and outputs by name; a text is a size that is free."""
    return {
        kind: {
            value.name: [each.dim_param or each.dim_value for each in value.type.tensor_type.shape.dim]
            for value in getattr(model.graph, kind[:-1])
        }
        for kind in ("inputs", "outputs")
    }


def _take_weights(models: Iterable[Any]) -> bytes:
    """Move the larger arrays out of models, one that several have once; returns what the file of them holds."""
    content, places = bytearray(), {}
    for model in models:
        for array in model.graph.initializer:
            if len(array.raw_data) < SHARED:
                continue
            if array.raw_data not in places:
                content += bytes(-len(content) % 64)
                places[array.raw_data] = len(content)
                content += array.raw_data
            where = {"location": WEIGHTS, "offset": places[array.raw_data], "length": len(array.raw_data)}
            for key, value in where.items():
                array.external_data.add(key=key, value=str(value))
            array.ClearField("raw_data")
            array.data_location = array.EXTERNAL
    return bytes(content)
