"""Looking for a lost target: an addition of ours to the paper, an object that `Tracker` may be without.

A target is lost where its score is a small part of the usual one. Then the box stays, and nothing is learned. Its
window is searched, and windows ever farther beside it, until the target is seen.
"""

from __future__ import annotations

from typing import Callable, List, Sequence, Tuple

import numpy as np

from rar_gluon.geometry import Window, at_peak, shifted

LOST_BELOW = 0.3  # parts of the usual score: a target that changes has more, a hidden one less
SEEN_ABOVE = 0.35  # where it was
BESIDE_ABOVE = 0.6  # elsewhere, where others like it are
SCORE_RATE = 0.05  # of the usual score: twenty frames
LOOKS = 8  # windows that are searched in a frame
PATIENCE = 5  # frames until the search goes half a window farther
REACH = 4  # half windows, on each axis


class Redetection:
    """Decides whether one target is seen, and searches for it while it is not (assumed: ours, as all numbers above).

    Parameters
    ----------
    stride, size : pixels of a crop, for one cell of a response and for a side.
    """

    def __init__(self, stride: int, size: int):
        self._stride, self._size = stride, size
        self._usual: float | None = None  # mean score of the frames in which it was seen
        self._frames = 0  # in which it has not been seen, up to the last one

    @property
    def lost(self) -> bool:
        """Whether the target was not seen in the last frame: its box stays, and nothing is learned."""
        return self._frames > 0

    def search(
        self,
        response: np.ndarray,
        window: Window,
        base: Window,
        frame_shape: Sequence[int],
        look: Callable[[Sequence[Window]], np.ndarray],
    ) -> Tuple[np.ndarray, Window]:
        """Response (H, W) and window to take in this frame: those given, or those in which the target is seen.

        Parameters
        ----------
        base : the window of the last frame's box.
        look : responses (S, H, W) of windows.
        """
        score = self._score(response, window, look, SEEN_ABOVE)
        if self._usual is None and score > 0:  # on its own frame a filter scores far higher
            self._usual = score
        if score > 0 and score >= (SEEN_ABOVE if self.lost else LOST_BELOW) * self._usual:
            self._usual += SCORE_RATE * (score - self._usual)
            self._frames = 0
            return response, window
        windows = self._beside(base, frame_shape) if self._usual is not None else []
        self._frames += 1
        if windows:
            responses = look(windows)
            best = int(np.argmax(responses.max(axis=(1, 2))))
            if self._score(responses[best], windows[best], look, BESIDE_ABOVE) >= BESIDE_ABOVE * self._usual:
                self._frames = 0
                return responses[best], windows[best]
        return response, window

    def _score(
        self, response: np.ndarray, window: Window, look: Callable[[Sequence[Window]], np.ndarray], needed: float
    ) -> float:
        """Maximum of a response; one below the part `needed` of the usual score is measured again about the peak.

        The Hann window damps what is at the edges of a window.
        """
        score = float(response.max())
        if self._usual is not None and score >= needed * self._usual:
            return score
        return max(score, float(look([at_peak(window, response, self._stride, self._size)]).max()))

    def _beside(self, base: Window, frame_shape: Sequence[int]) -> List[Window]:
        """Windows beside that are looked at in this frame: `LOOKS` of those within reach, in turn."""
        windows = beside(base, frame_shape, min(REACH, self._frames // PATIENCE))
        first = self._frames * LOOKS % max(len(windows), 1)
        return (windows + windows)[first : first + min(LOOKS, len(windows))]


def beside(window: Window, frame_shape: Sequence[int], reach: int) -> List[Window]:
    """Windows of this size at steps of half of it, whose centre is on the frame (H, W, ...), nearest first.

    They are up to `reach` steps away on each axis, the window itself left out (assumed: ours).
    """
    steps = range(-reach, reach + 1)
    offsets = sorted(((dx, dy) for dy in steps for dx in steps if dx or dy), key=lambda offset: np.hypot(*offset))
    moved = [shifted(window, dx * window.width / 2, dy * window.height / 2) for dx, dy in offsets]
    return [w for w in moved if 0 <= w.cx <= frame_shape[1] and 0 <= w.cy <= frame_shape[0]]
