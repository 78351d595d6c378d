"""Figs. 8 and 9: the trackers' boxes where they differ most, and ours where it is worst."""

from __future__ import annotations

from experiments.call import Call
from experiments.comparisons import Made, Measured, first_image
from rar_gluon.report.tables import failure_table


def make(call: Call) -> Made:
    """Figs. 8 and 9: the trackers' boxes where they differ most, and ours where it is worst."""
    from rar_gluon.report.strips import comparison_picture, failure_picture
    from rar_gluon.report.tracks import sequence_tracks

    measured = Measured(call)
    scores, ours = measured.overall, measured.ours
    names = list(scores.carried)
    firsts = {sequence.name: first_image(sequence) for sequence in measured.sequences}
    tracks = {
        name: sequence_tracks(boxes, measured.sequences, firsts, scores.protocol)
        for name, boxes in measured.boxes.items()
    }
    pictures = {
        "fig8": comparison_picture(scores, tracks, ours, measured.video, names),
        "fig9": failure_picture(scores, tracks[ours], ours, measured.video, names),
    }
    return measured.made([failure_table(scores, ours, tracks[ours])], pictures)
