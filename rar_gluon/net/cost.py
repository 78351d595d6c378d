"""What a configuration costs: parameters, multiply-accumulates and map sizes, read off the network's graph."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Dict, Mapping, Tuple

import mxnet as mx
import numpy as np

from rar_gluon.config import Config
from rar_gluon.net.rar import RAR

Shape = Tuple[int, ...]


@dataclass(frozen=True)
class Summary:
    """One network at its input size; `macs` are the convolutions' of one forward pass of one image."""

    parameters: int
    macs: int
    levels: Tuple[Tuple[str, int, int], ...]  # name, channels, side of the square map
    representation: Tuple[int, int]  # D, side


def outline(config: Config) -> Tuple[RAR, mx.sym.Symbol, Dict[str, Shape]]:
    """The network of `config` without values, its graph up to the representation, and the shapes of the graph's inputs.

    Parameters have shapes, for one image of `tracking.input_size`; making values, too, would take most of a minute.
    """
    net = RAR(config.network)
    shape = (1, 3, config.tracking.input_size, config.tracking.input_size)
    shapes = {"image": shape}
    shapes.update((f"state{index}", part.shape) for index, part in enumerate(net.begin_state(shape)))
    outputs = mx.sym.Group(net(*map(mx.sym.var, shapes)))
    arguments, _, auxiliary = outputs.infer_shape(**shapes)
    names = [*outputs.list_arguments(), *outputs.list_auxiliary_states()]
    inferred = dict(zip(names, [*arguments, *auxiliary]))
    for name, parameter in net.collect_params().items():
        parameter.shape = inferred[name]
    return net, outputs[0], shapes


def summarise(config: Config) -> Summary:
    """Measure the network of `config` at `tracking.input_size`."""
    net, output, shapes = outline(config)
    _, levels, _ = mx.sym.Group(net.backbone(mx.sym.var("image"))).infer_shape(image=shapes["image"])
    parameters = {name: parameter.shape for name, parameter in net.collect_params().items()}
    counted = [parameter.shape for parameter in net.collect_params().values() if parameter.grad_req != "null"]
    _, (representation,), _ = output.infer_shape_partial(**_present(shapes, output))
    return Summary(
        parameters=sum(int(np.prod(shape)) for shape in counted),
        macs=count_macs(output, shapes, parameters),
        levels=tuple((name, shape[1], shape[2]) for name, shape in zip(config.network.levels, levels)),
        representation=(representation[1], representation[2]),
    )


def count_macs(symbol: mx.sym.Symbol, shapes: Mapping[str, Shape], parameters: Mapping[str, Shape]) -> int:
    """Multiply-accumulates of a graph's convolutions: cells of the output times elements of the kernel.

    `shapes` are those of the inputs, `parameters` of everything else. A deformable convolution is one of its samples.
    """
    internals = symbol.get_internals()
    _, inferred, _ = internals.infer_shape_partial(**_present(shapes, symbol))
    outputs = dict(zip(internals.list_outputs(), inferred))
    nodes = json.loads(symbol.tojson())["nodes"]
    total = 0
    for node in nodes:
        if node["op"] == "Convolution":
            _, _, height, width = outputs[node["name"] + "_output"]
            kernel = nodes[node["inputs"][1][0]]
            if kernel["op"] == "Reshape":  # a deformable convolution's
                kernel = nodes[kernel["inputs"][0][0]]
            if kernel["name"] in parameters:  # else ones: a mean over channels
                total += height * width * int(np.prod(parameters[kernel["name"]]))
    return total


def summary_table(configs: Mapping[str, Config]) -> str:
    """Text table of `summarise` for named configurations."""
    head = ("config", "parameters", "GMAC", "S", "levels (channels x side)", "deformable", "D x side")
    rows = [head]
    for name, config in configs.items():
        summary = summarise(config)
        levels = " ".join(f"{level} {channels}x{side}" for level, channels, side in summary.levels)
        rows.append(
            (
                name,
                f"{summary.parameters / 1e6:.3f} M",
                f"{summary.macs / 1e9:.2f}",
                str(config.network.stride),
                levels,
                " ".join(config.network.deformable) or "-",
                "{}x{}".format(*summary.representation),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def _present(shapes: Mapping[str, Shape], symbol: mx.sym.Symbol) -> Dict[str, Shape]:
    """Keep the shapes of inputs that the graph has: pruned parts of the network take their inputs with them."""
    arguments = set(symbol.list_arguments())
    return {name: shape for name, shape in shapes.items() if name in arguments}
