"""Fig. 4: attention maps and response on a frame, as `rar show attention` draws them."""

from __future__ import annotations

import argparse
from typing import Mapping

from experiments.comparisons import SHOWN, Made, chosen, our_tracker, plan_frames
from rar_gluon import config as configuration
from rar_gluon.evaluation.trackers import build_tracker
from rar_gluon.report.attention import STEP, attention_figure


def make(arguments: argparse.Namespace, spec: Mapping) -> Made:
    """Fig. 4: attention maps and response on a frame, as `rar show attention` draws them."""
    _, source, weights = our_tracker(arguments, spec)
    tracker = build_tracker(configuration.load(source), weights, device=arguments.devices[0])
    pictures = {}
    for sequence in chosen(arguments, spec):
        frames = [frame for _, frame in zip(range(STEP + 1), sequence.frames)]
        figure = attention_figure(tracker, frames, sequence.pixel_boxes[0])
        caption = f"{sequence.name}: response; φ, inter-frame hˢ, intra-frame Ψˢ and φᵃ of each level (Eq. 4, 6, 7)."
        pictures[sequence.name] = (caption, figure)
    return Made([], pictures)


def plan(arguments: argparse.Namespace, spec: Mapping) -> str:
    """What it would cost."""
    return plan_frames(arguments, spec, SHOWN * (STEP + 1))
