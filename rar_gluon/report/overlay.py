"""Frames with what the tracker says of them drawn in, and videos of such frames."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Sequence

import cv2
import numpy as np

from rar_gluon.common import InputError


def draw_box(frame: np.ndarray, box: Sequence[float], color=(0, 255, 255), thickness: int = 2) -> np.ndarray:
    """Draw `box` (x, y, w, h) on `frame` in place; a box with NaN is not drawn."""
    if np.all(np.isfinite(box)):
        x, y, w, h = box
        cv2.rectangle(frame, (round(x), round(y)), (round(x + w), round(y + h)), color, thickness, cv2.LINE_AA)
    return frame


def response_picture(response: np.ndarray, side: int) -> np.ndarray:
    """Colour picture (side, side, 3) of a response (H, W), no displacement in the middle, its maximum red."""
    centred = np.fft.fftshift(response)
    level = np.clip(centred / max(float(centred.max()), 1e-12), 0, 1)
    enlarged = cv2.resize((255 * level).astype(np.uint8), (side, side), interpolation=cv2.INTER_CUBIC)
    return cv2.applyColorMap(enlarged, cv2.COLORMAP_JET)


def overlay(
    frame: np.ndarray, box: Sequence[float], score: float | None = None, response: np.ndarray | None = None
) -> np.ndarray:
    """Copy of a frame with the box, and above it the score and the response map in a corner.

    Small frames are enlarged to 360 rows at least, so that there is something to see.
    """
    factor = max(1, -(-360 // frame.shape[0]))
    size = (frame.shape[1] * factor, frame.shape[0] * factor)
    picture = cv2.resize(frame, size, interpolation=cv2.INTER_CUBIC) if factor > 1 else frame.copy()
    draw_box(picture, [value * factor for value in box])
    if response is not None:
        side = picture.shape[0] // 4
        picture[8 : 8 + side, -8 - side : -8] = response_picture(response, side)
        cv2.rectangle(picture, (picture.shape[1] - 9 - side, 7), (picture.shape[1] - 8, 8 + side), (255, 255, 255))
    if score is not None:
        text, at = f"score {score:.2f}", (10, 28)
        cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.7, (0, 0, 0), 4, cv2.LINE_AA)
        cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255, 255, 255), 1, cv2.LINE_AA)
    return picture


VIDEO_CODECS = {".mp4": "mp4v", ".avi": "MJPG", ".mkv": "mp4v"}


def check_video_name(path: str | os.PathLike) -> None:
    """Raise `InputError` when no video can be written under this name."""
    if Path(path).suffix.lower() not in VIDEO_CODECS:
        raise InputError(f"{path} is no video name: give one that ends in {', '.join(VIDEO_CODECS)}.")


class VideoSink:
    """Writes frames of one size to a video file; the format follows the suffix."""

    def __init__(self, path: str | os.PathLike, fps: float):
        check_video_name(path)
        self.path, self.fps, self._writer = Path(path), fps, None

    def write(self, frame: np.ndarray) -> None:
        if self._writer is None:
            codec = cv2.VideoWriter_fourcc(*VIDEO_CODECS[self.path.suffix.lower()])
            self._writer = cv2.VideoWriter(str(self.path), codec, self.fps, frame.shape[1::-1])
            if not self._writer.isOpened():
                raise InputError(f"{self.path} cannot be written: is the folder writable?")
        self._writer.write(frame)

    def __enter__(self) -> VideoSink:
        return self

    def __exit__(self, *_) -> None:
        if self._writer is not None:
            self._writer.release()
