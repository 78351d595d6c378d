"""Figs. 1 and 2: features of a pretrained backbone on first frames."""

from __future__ import annotations

import argparse
from typing import Mapping

from experiments.comparisons import SHOWN, Made, chosen
from experiments.sizes import HERE, read_size, row_config
from rar_gluon.net.device import find_device
from rar_gluon.training.start import start_network


def make(arguments: argparse.Namespace, spec: Mapping) -> Made:
    """Figs. 1 and 2: features of a pretrained backbone on first frames."""
    from rar_gluon import geometry
    from rar_gluon.data.frames import to_bgr8
    from rar_gluon.report.features import feature_figure

    size = read_size(arguments.size)
    config = row_config(HERE / arguments.target / "config.yaml", size["config"], 0)
    net = start_network(config, None, find_device(arguments.devices[0]))
    settings, patches = config.tracking, {}
    for sequence in chosen(arguments, spec):
        window = geometry.window_of(sequence.pixel_boxes[0], settings.padding, settings.window)
        patches[sequence.name] = geometry.crop(to_bgr8(next(iter(sequence.frames))), window, settings.input_size)
    caption = (
        "Search windows of first frames; for each level the mean magnitude over channels (Fig. 1), and some channels, "
        "drawn at random (seed 0), each stretched from its least to its greatest value (Fig. 2). The backbone is as "
        "pretrained on ImageNet."
    )
    return Made([], {"features": (caption, feature_figure(net, patches))})


def plan(arguments: argparse.Namespace, spec: Mapping) -> str:
    """What it would cost."""
    return f"fig1_2, size {arguments.size}: {SHOWN} windows are seen by the pretrained backbone: seconds."
