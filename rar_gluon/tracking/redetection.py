"""Looking for a lost target: an addition of ours to the paper, an object that `Tracker` can be given.

A target is lost where the score falls below a part of its mean. Then nothing is learned, and eight windows beside the
last one are searched in each frame, until a score is above a larger part of the mean (assumed: ours).
"""

from __future__ import annotations

from typing import Callable, List, Sequence, Tuple

import numpy as np

from rar_gluon.geometry import Window, shifted

SCORE_RATE = 0.05  # of the mean score: twenty frames
LOOKS = 8  # windows that are searched in a frame
REACH = 4  # half windows, on each axis


class Redetection:
    """Searches beside the window while the target is lost.

    Parameters
    ----------
    lost_below, seen_above : parts of the mean score.

    Attributes
    ----------
    lost : whether the target was not seen in the last frame, which must not be learned then.
    """

    def __init__(self, lost_below: float = 0.4, seen_above: float = 0.7):
        self._lost_below, self._seen_above = lost_below, seen_above
        self.lost = False
        self._mean: float | None = None  # score of the frames on the target
        self._frames = 0  # since the target was lost

    def search(
        self,
        response: np.ndarray,
        window: Window,
        base: Window,
        frame_shape: Sequence[int],
        look: Callable[[List[Window]], np.ndarray],
    ) -> Tuple[np.ndarray, Window]:
        """Response (H, W) and window to take in this frame, instead of `response` and `window` where these are not of
        the target.

        Parameters
        ----------
        base : the window at the last frame's size.
        look : responses (S, H, W) of windows.
        """
        if self._mean is None:  # on its own frame a filter scores far higher
            self._mean = float(response.max())
        if not self._sees(response):
            self._frames += 1
            windows = beside(base, frame_shape)
            if windows:
                first = (self._frames - 1) * LOOKS % len(windows)
                windows = windows[first : first + LOOKS]
                responses = look(windows)
                best = int(np.argmax(responses.max(axis=(1, 2))))
            if not windows or not self._sees(responses[best], lost=True):
                self.lost = True
                return response, window._replace(width=base.width, height=base.height)  # the size stays
            response, window = responses[best], windows[best]
        self.lost, self._frames = False, 0
        self._mean += SCORE_RATE * (float(response.max()) - self._mean)
        return response, window

    def _sees(self, response: np.ndarray, lost: bool = False) -> bool:
        return bool(response.max() >= (self._seen_above if self.lost or lost else self._lost_below) * self._mean)


def beside(window: Window, frame_shape: Sequence[int], reach: int = REACH) -> List[Window]:
    """Windows of this size at steps of half of it, whose centre is on the frame (H, W, ...), nearest first.

    They are up to `reach` steps away on each axis, the window itself left out (assumed: ours).
    """
    steps = range(-reach, reach + 1)
    offsets = sorted(((dx, dy) for dy in steps for dx in steps if dx or dy), key=lambda offset: np.hypot(*offset))
    moved = [shifted(window, dx * window.width / 2, dy * window.height / 2) for dx, dy in offsets]
    return [w for w in moved if 0 <= w.cx <= frame_shape[1] and 0 <= w.cy <= frame_shape[0]]
