"""Multiply-accumulates of a tracked frame by part, and those of the paper's card."""

from __future__ import annotations

from typing import Dict, List

from benchmarks import filter as filter_part
from benchmarks.report import Row
from rar_gluon.config import Config, load
from rar_gluon.net import cost


def rows(options) -> List[Row]:
    """Rows of each preset."""
    table = []
    for preset in options.preset:
        for part, count in frame_parts(load(preset)).items():
            table.append(Row("flops", preset, part, "GMAC", (count / 1e9,) * 3))
    return table


def frame_parts(config: Config) -> Dict[str, float]:
    """Count the convolutions of a frame's passes (`rar_gluon.net.cost`), and the filter's transforms and products."""
    macs, search, template = cost.frame_macs(config), cost.search_images(config), cost.template_images(config)
    channels, side = cost.summarise(config).representation
    maps = search.count + 1 + config.filter.contexts
    parts = {
        f"search pass, {search.count} x {search.size}x{search.size}": macs["search"],
        f"template pass, {template.count} x {template.size}x{template.size}": macs["template"],
        "filter": filter_part.macs(channels, side, maps, search.count),
    }
    return {**parts, "frame": sum(parts.values())}
