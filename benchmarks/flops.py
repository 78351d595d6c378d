"""Multiply-accumulates of a tracked frame by part, and those of the paper's card."""

from __future__ import annotations

from typing import Dict, List, Mapping

import mxnet as mx

from benchmarks import filter as filter_part
from benchmarks.report import Row
from rar_gluon.config import Config, load
from rar_gluon.net.cost import count_macs, summarise
from rar_gluon.net.rar import build
from rar_gluon.tracking import geometry


def rows(options) -> List[Row]:
    """Rows of each preset."""
    found = []
    for preset in options.preset:
        for part, count in frame_macs(load(preset)).items():
            found.append(Row("flops", preset, part, "GMAC", (count / 1e9,) * 3))
    return found


def frame_macs(config: Config) -> Dict[str, float]:
    """Count the convolutions of the passes, and the transforms and products of the filter; means over the frames."""
    settings, size = config.tracking, config.tracking.input_size
    summary = summarise(config)
    channels, side = summary.representation
    contexts = config.filter.contexts
    if contexts and config.filter.context_source == "feature":
        larger = size + 2 * geometry.context_margin(size, config.network.stride, settings.padding)
        template, seen = pass_macs(config, larger), f"template pass, 1 x {larger}x{larger}"
    else:
        template, seen = (1 + contexts) * summary.macs, f"template pass, {1 + contexts} x {size}x{size}"
    windows, learned = 1 + (settings.scales - 1) / settings.scale_every, 1 / settings.learn_every
    parts = {
        f"search pass, {windows:g} x {size}x{size}": windows * summary.macs,
        seen: template * learned,
        "filter": filter_part.macs(channels, side, windows + (1 + contexts) * learned, windows),
    }
    if settings.box_rate > 0:  # the head's own are a thousandth of it
        parts[f"box head's pass, {1 / settings.box_every:g} x {size}x{size}"] = summary.macs / settings.box_every
    return {**parts, "frame": sum(parts.values())}


def pass_macs(config: Config, size: int) -> int:
    """Multiply-accumulates of the network's convolutions on one image of size x size."""
    net = build(config.network)
    shapes: Mapping = {"image": (1, 3, size, size)}
    state = {f"state{index}": part.shape for index, part in enumerate(net.begin_state(shapes["image"]))}
    output = net(mx.sym.var("image"), *(mx.sym.var(name) for name in state))[0]
    parameters = {name: parameter.shape for name, parameter in net.collect_params().items()}
    return count_macs(output, {**shapes, **state}, parameters)
