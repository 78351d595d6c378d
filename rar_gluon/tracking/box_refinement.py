"""A box's sides corrected by what the first frame's target looks like today (net/box_head.py); not of the paper.

The middle is the filter's: moving it too, by what a head said of it, gave nothing (docs/training_log.md, section 11).
"""

from __future__ import annotations

from typing import Any, Callable, Sequence, Tuple

import numpy as np
from mxnet import nd

from rar_gluon.net.box_head import BoxHead, correlation_volume
from rar_gluon.tracking import geometry
from rar_gluon.tracking.geometry import Box, Window

PADDING = 1.0  # the target fills half of the window: finer cells than the filter's


def box_window(box: Sequence[float], first: Sequence[float]) -> Window:
    """The window that a box is judged by: of its size, and of the aspect of the target's box on the first frame. So the
    ends of a thin target are in it.
    """
    window, stretch = geometry.window_of(box, PADDING, "square"), (first[2] / first[3]) ** 0.5
    return window._replace(width=window.width * stretch, height=window.height / stretch)


def change_of(box: Sequence[float], window: Window) -> np.ndarray:
    """What a box head is to say of a window: how a box differs from the one that the window was cut for.

    Parameters
    ----------
    box : the target's.
    window : `box_window` of what is believed to be its box.

    Returns
    -------
    (2,): logarithms of width and height over those of a box of the window's size and the first one's aspect.
    """
    return np.log(np.array(box[2:], float)) - _sides(window)


def changed(box: Sequence[float], window: Window, change: np.ndarray, rate: float) -> Box:
    """A box, its sides moved by `rate` of their logarithms to what a change of its window says; the middle stays."""
    x, y, w, h = box
    wanted = np.exp((1 - rate) * np.log([w, h]) + rate * (_sides(window) + change))
    return (x + (w - wanted[0]) / 2, y + (h - wanted[1]) / 2, float(wanted[0]), float(wanted[1]))


def _sides(window: Window) -> np.ndarray:
    """Logarithms of width and height of the box that a window was cut for, but for its aspect, which is the first's."""
    return np.log(np.array([window.width, window.height]) / (1 + PADDING))


class BoxRefinement:
    """Remembers the first frame's target and corrects boxes of later ones.

    Parameters
    ----------
    head : of the network's own weights.
    represent : (frame, window, state) to the window's representation (1, D, H, W) and the new state; the state of None
        is that of the start.
    """

    def __init__(self, head: BoxHead, represent: Callable[[np.ndarray, Window, Any], Tuple[nd.NDArray, Any]]):
        self._head, self._represent = head, represent

    def start(self, frame: np.ndarray, box: Box) -> None:
        """Remember the target of `box` on the first frame (H, W, 3), and what the head says of it there, where nothing
        has changed.
        """
        self._first, window = box, box_window(box, box)
        z, self._state = self._represent(frame, window, None)
        self._z = z.asnumpy()
        self._still = self._said(frame, window)

    def refined(self, frame: np.ndarray, box: Box, rate: float) -> Box:
        """The box, its sides `rate` of the way to those that the head sees."""
        window = box_window(box, self._first)
        return changed(box, window, self._said(frame, window) - self._still, rate)

    def _said(self, frame: np.ndarray, window: Window) -> np.ndarray:
        """What the head says of a window, (2,)."""
        x, _ = self._represent(frame, window, self._state)
        return self._head(nd.array(correlation_volume(self._z, x.asnumpy()), ctx=x.context)).asnumpy()[0]
