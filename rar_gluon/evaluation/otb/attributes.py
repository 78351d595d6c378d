"""Attributes of a sequence that its boxes decide, for sequences that nobody has labelled."""

from __future__ import annotations

import numpy as np

from rar_gluon.data.sequence import Sequence

SCALE = 2.0  # SV: the area ratio to the first frame leaves [1/2, 2]
MOTION = 20.0  # FM: the centre moves by more pixels from one frame to the next
PIXELS = 400.0  # LR: the box has fewer pixels


def box_attributes(sequence: Sequence) -> tuple[str, ...]:
    """SV, FM, OV and LR of a sequence, by the definitions of OTB (Wu et al., PAMI 2015, Table 2).

    Its other attributes (IV, OCC, DEF, ...) are a matter of what is seen, and need a person. OV here: a part of the box
    is outside of the frame, or the target is not annotated in a frame.
    """
    boxes = sequence.pixel_boxes
    known = np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > 0).all(axis=1)
    if not known.any():
        return ()
    boxes = np.where(known[:, None], boxes, np.nan)
    height, width = next(iter(sequence.frames)).shape[:2]
    seen = boxes[known]
    areas = np.prod(seen[:, 2:], axis=1)
    ratios = areas / areas[0]
    centres = boxes[:, :2] + boxes[:, 2:] / 2
    steps = np.linalg.norm(np.diff(centres, axis=0), axis=1)  # NaN beside a frame without a box
    outside = (seen[:, :2] < 0).any() or (seen[:, :2] + seen[:, 2:] > (width, height)).any()
    carried_by = {
        "SV": bool(((ratios > SCALE) | (ratios < 1 / SCALE)).any()),
        "FM": bool((steps > MOTION).any()),
        "OV": bool(outside) or not known.all(),
        "LR": bool((areas < PIXELS).any()),
    }
    return tuple(name for name, carried in carried_by.items() if carried)
