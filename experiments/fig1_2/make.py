"""Figs. 1 and 2: features of a pretrained backbone on first frames."""

from __future__ import annotations

from experiments.call import Call
from experiments.comparisons import FIGURE_SEQUENCES, Made, figure_sequences
from experiments.sizes import HERE, row_config
from rar_gluon.net.device import find_device
from rar_gluon.training.start import start_network


def make(call: Call) -> Made:
    """Figs. 1 and 2: features of a pretrained backbone on first frames."""
    from experiments.fig1_2.features import feature_figure
    from rar_gluon import geometry
    from rar_gluon.data.frames import to_bgr8

    config = row_config(HERE / call.target / "config.yaml", call.size.config, 0)
    net = start_network(config, None, find_device(call.devices[0]))
    settings, patches = config.tracking, {}
    for sequence in figure_sequences(call):
        window = geometry.window_of(sequence.pixel_boxes[0], settings.padding, settings.window)
        patches[sequence.name] = geometry.crop(to_bgr8(next(iter(sequence.frames))), window, settings.input_size)
    caption = (
        "Search windows of first frames; for each level the mean magnitude over channels (Fig. 1), and some channels, "
        "drawn at random (seed 0), each stretched from its least to its greatest value (Fig. 2). The backbone is as "
        "pretrained on ImageNet."
    )
    return Made([], {"features": (caption, feature_figure(net, patches))})


def plan(call: Call) -> str:
    """What it would cost."""
    return f"fig1_2, size {call.size.name}: {FIGURE_SEQUENCES} windows are seen by the pretrained backbone: seconds."
