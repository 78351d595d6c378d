"""How likely a box is on its target, from the score."""

from __future__ import annotations

import math


def confidence(score: float, half: float, slope: float) -> float:
    """Part of the frames with this score that are on their target (overlap .2 or more), on sequences kept for choices.

    Parameters
    ----------
    score : maximum of a response; what is not above 0 gives 0.
    half, slope : the score of which half the frames are on their target, and how fast that part rises there; both lie
        with the weights that they were fitted to (`recipes/rar_thin/calibrate.py`).
    """
    return 1 / (1 + math.exp(min(slope * math.log(half / score), 700.0))) if score > 0 else 0.0
