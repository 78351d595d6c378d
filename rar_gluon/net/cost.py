"""What a configuration costs: parameters, map sizes and the convolutions' multiply-accumulates (MACs).

Everything is read off the network's graph. The filter and element-wise operations are not counted.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Dict, Mapping, NamedTuple, Tuple

import mxnet as mx
import numpy as np

from rar_gluon.config import Config
from rar_gluon.geometry import context_margin
from rar_gluon.net.rar import RAR
from rar_gluon.net.weights import is_frozen, parameters
from rar_gluon.table_text import text_table

Shape = Tuple[int, ...]


@dataclass(frozen=True)
class Summary:
    """One network at its input size; `macs` are those of one forward pass of one image."""

    parameters: int
    macs: int
    levels: Tuple[Tuple[str, int, int], ...]  # name, channels, side of the square map
    representation: Tuple[int, int]  # D, side


class Images(NamedTuple):
    """`count` square images of `size` pixels, which the network sees in one pass."""

    count: int
    size: int


def search_images(config: Config) -> Images:
    """Images of the search in one frame: one a scale (Section 4.1)."""
    return Images(config.tracking.scales, config.tracking.input_size)


def template_images(config: Config) -> Images:
    """Images of one template with its contexts: 1 + k, or one larger image that contexts are cut from as features."""
    size, contexts = config.tracking.input_size, config.filter.contexts
    if contexts and config.filter.context_source == "feature":
        return Images(1, size + 2 * context_margin(size, config.network.stride, config.tracking.padding))
    return Images(1 + contexts, size)


def frame_macs(config: Config) -> Dict[str, int]:
    """MACs of one tracked frame: the search pass at all scales, and the template pass that the filter learns from."""
    passes = {"search": search_images(config), "template": template_images(config)}
    return {name: images.count * image_macs(config, images.size) for name, images in passes.items()}


def clip_macs(config: Config, trained: bool = False) -> int:
    """MACs of one training clip's forward pass: T templates with their contexts, and one search region.

    With `trained`, only convolutions are counted whose weights `training.frozen` leaves free.
    """
    template, size = template_images(config), config.tracking.input_size
    one = template.count * image_macs(config, template.size, trained)
    return config.training.templates * one + image_macs(config, size, trained)


@lru_cache(maxsize=64)  # a network's outline takes a third of a second, and a plan asks again and again
def image_macs(config: Config, size: int, trained: bool = False) -> int:
    """MACs of the network's pass on one image of size x size; with `trained` as in `clip_macs`."""
    net, output, shapes = outline(config, size)
    frozen = config.training.frozen if trained else ()
    counted = {p.name: p.shape for name, p in parameters(net).items() if not is_frozen(name, frozen)}
    return count_macs(output, shapes, counted)


def outline(config: Config, size: int) -> Tuple[RAR, mx.sym.Symbol, Dict[str, Shape]]:
    """Make the network without values, its graph up to the representation, and the shapes of the graph's inputs.

    Parameters have shapes, for one image of size x size; values, too, would take most of a minute.
    """
    net = RAR(config.network)
    shape = (1, 3, size, size)
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
    net, output, shapes = outline(config, config.tracking.input_size)
    _, levels, _ = mx.sym.Group(net.backbone(mx.sym.var("image"))).infer_shape(image=shapes["image"])
    kernels = {parameter.name: parameter.shape for parameter in net.collect_params().values()}
    learned = [parameter.shape for parameter in net.collect_params().values() if parameter.grad_req != "null"]
    _, (representation,), _ = output.infer_shape_partial(**_present(shapes, output))
    return Summary(
        parameters=sum(int(np.prod(shape)) for shape in learned),
        macs=count_macs(output, shapes, kernels),
        levels=tuple((name, shape[1], shape[2]) for name, shape in zip(config.network.levels, levels)),
        representation=(representation[1], representation[2]),
    )


def count_macs(symbol: mx.sym.Symbol, shapes: Mapping[str, Shape], kernels: Mapping[str, Shape]) -> int:
    """MACs of a graph's convolutions: cells of the output times elements of the kernel.

    `shapes` are those of the inputs, `kernels` those of the weights that count. A deformable convolution counts as one
    on its samples.
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
            if kernel["name"] in kernels:  # else frozen, or ones: a mean over channels
                total += height * width * int(np.prod(kernels[kernel["name"]]))
    return total


def summary_table(configs: Mapping[str, Config]) -> str:
    """Text table of `summarise` for named configurations."""
    rows = [("config", "parameters", "GMAC", "S", "levels (channels x side)", "deformable", "D x side")]
    for name, config in configs.items():
        summary = summarise(config)
        rows.append(
            (
                name,
                f"{summary.parameters / 1e6:.3f} M",
                f"{summary.macs / 1e9:.2f}",
                str(config.network.stride),
                " ".join(f"{level} {channels}x{side}" for level, channels, side in summary.levels),
                " ".join(config.network.deformable) or "-",
                "{}x{}".format(*summary.representation),
            )
        )
    return "\n".join(text_table(rows))


def _present(shapes: Mapping[str, Shape], symbol: mx.sym.Symbol) -> Dict[str, Shape]:
    """Keep the shapes of inputs that the graph has: pruned parts of the network take their inputs with them."""
    arguments = set(symbol.list_arguments())
    return {name: shape for name, shape in shapes.items() if name in arguments}
