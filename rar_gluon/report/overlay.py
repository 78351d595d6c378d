"""Frames with what the tracker says of them drawn in."""

from __future__ import annotations

from typing import Sequence

import cv2
import numpy as np

YELLOW, GREY = (0, 255, 255), (160, 160, 160)


def draw_box(frame: np.ndarray, box: Sequence[float], color=YELLOW, thickness: int = 2) -> np.ndarray:
    """Draw `box` (x, y, w, h) on `frame` in place; a box with NaN is not drawn."""
    if np.all(np.isfinite(box)):
        x, y, w, h = box
        limit = np.array(frame.shape[1::-1]) + thickness + 2  # beyond, a line is not seen; OpenCV takes 16 bits
        ends = (np.clip(corner, -thickness - 2, limit).round() for corner in ((x, y), (x + w, y + h)))
        low, high = (tuple(int(value) for value in end) for end in ends)
        cv2.rectangle(frame, low, high, color, thickness, cv2.LINE_AA)
    return frame


def response_picture(response: np.ndarray, side: int) -> np.ndarray:
    """Colour picture (side, side, 3) of a response (H, W), no displacement in the middle, its maximum red."""
    centred = np.fft.fftshift(response)
    level = np.clip(centred / max(float(centred.max()), 1e-12), 0, 1)
    enlarged = cv2.resize((255 * level).astype(np.uint8), (side, side), interpolation=cv2.INTER_CUBIC)
    return cv2.applyColorMap(enlarged, cv2.COLORMAP_JET)


def overlay(
    frame: np.ndarray,
    box: Sequence[float],
    score: float | None = None,
    response: np.ndarray | None = None,
    confidence: float | None = None,
    lost: bool = False,
) -> np.ndarray:
    """Copy of a frame with the box, and above it score and confidence, and the response map in a corner.

    The box of a lost target, which stays where it was last seen, is grey.

    Small frames are enlarged to 360 rows at least, so that there is something to see, unless they get very wide. A
    frame that is too low or too narrow for the response has none.
    """
    factor = max(1, min(-(-360 // frame.shape[0]), 1920 // frame.shape[1]))
    size = (frame.shape[1] * factor, frame.shape[0] * factor)
    picture = cv2.resize(frame, size, interpolation=cv2.INTER_CUBIC) if factor > 1 else frame.copy()
    draw_box(picture, [value * factor for value in box], GREY if lost else YELLOW)
    side = min(picture.shape[:2]) // 4
    if response is not None and side >= 16:
        picture[8 : 8 + side, -8 - side : -8] = response_picture(response, side)
        cv2.rectangle(picture, (picture.shape[1] - 9 - side, 7), (picture.shape[1] - 8, 8 + side), (255, 255, 255))
    if score is not None:
        text, at = f"score {score:.2f}", (10, 28)
        if confidence is not None:
            text += f", confidence {confidence:.2f}"
        text += ", lost" if lost else ""
        cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.7, (0, 0, 0), 4, cv2.LINE_AA)
        cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255, 255, 255), 1, cv2.LINE_AA)
    return picture
