"""Fig. 4: attention maps and response on a frame, as `rar show attention` draws them."""

from __future__ import annotations

from experiments.call import Call
from experiments.comparisons import FIGURE_SEQUENCES, Made, figure_sequences, our_tracker, plan_frames
from rar_gluon import config as configuration
from rar_gluon.evaluation.trackers import build_tracker
from rar_gluon.report.attention import STEP, attention_figure


def make(call: Call) -> Made:
    """Fig. 4: attention maps and response on a frame, as `rar show attention` draws them."""
    _, source, weights = our_tracker(call)
    tracker = build_tracker(configuration.load(source), weights, device=call.devices[0])
    pictures = {}
    for sequence in figure_sequences(call):
        frames = [frame for _, frame in zip(range(STEP + 1), sequence.frames)]
        figure = attention_figure(tracker, frames, sequence.pixel_boxes[0])
        caption = f"{sequence.name}: response; φ, inter-frame hˢ, intra-frame Ψˢ and φᵃ of each level (Eq. 4, 6, 7)."
        pictures[sequence.name] = (caption, figure)
    return Made([], pictures)


def plan(call: Call) -> str:
    """What it would cost."""
    return plan_frames(call, FIGURE_SEQUENCES * (STEP + 1))
