"""Frames to a video file."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

import cv2
import numpy as np

from rar_gluon.common import InputError, atomic_path, check_unwritten, output_path
from rar_gluon.data.frames import check_decoder_name

VIDEO_CODECS = {".mp4": "mp4v", ".avi": "MJPG", ".mkv": "mp4v"}
LARGEST_SIDE = {"mp4v": 8190, "MJPG": 65500}  # pixels
RATES = (0.1, 600.0)  # frames a second that every format holds; what is beyond is no rate but a mistake in a header
ASSUMED_RATE = 25.0
SPARE = 1 << 18  # bytes of a disk that end a video: for its index, what the writer holds back, and the boxes


def check_video_name(path: str | os.PathLike) -> None:
    """Raise `InputError` when no video can be written under this name."""
    if Path(path).suffix.lower() not in VIDEO_CODECS:
        raise InputError(f"{path} is no video name: give one that ends in {', '.join(VIDEO_CODECS)}.")
    check_decoder_name(path)


class VideoSink:
    """Writes frames of one size to a video file; the format follows the suffix.

    The file has its name when the block ends, however it ends, and holds the frames until then. `InputError` when
    another process is writing one of that name.

    Attributes
    ----------
    notes : sentences on what is not as it was asked for: a rate or a size that the format cannot hold.
    """

    def __init__(self, path: str | os.PathLike, fps: float):
        check_video_name(path)
        place = output_path(path)
        check_unwritten(place)
        self.path, self._folder, self.notes = Path(path), place.parent, []
        self._rate, self._writer, self._count = self._writable_rate(fps), None, 0
        self._stack = contextlib.ExitStack()  # holds the temporary file

    def _writable_rate(self, fps: float) -> float:
        low, high = RATES
        if not low <= fps <= high:
            self.notes.append(f"a video cannot have {fps:g} frames/s: {self.path} is written at {ASSUMED_RATE:g}.")
            return ASSUMED_RATE
        return round(fps, 3 if fps < 65 else 2)  # MPEG-4 has 16 bits for its numerator

    def _open(self, frame: np.ndarray) -> None:
        codec = VIDEO_CODECS[self.path.suffix.lower()]
        height, width = frame.shape[:2]
        shrink = LARGEST_SIDE[codec] / max(height, width)
        self._size = width, height
        if shrink < 1:
            self._size = max(round(width * shrink), 2), max(round(height * shrink), 2)
            size = "{}x{}".format(*self._size)
            self.notes.append(f"{self.path} has frames of {size}, because its format ends at {LARGEST_SIDE[codec]}.")
        self._temporary = self._stack.enter_context(atomic_path(self.path))
        name = os.path.abspath(self._temporary)
        fourcc = cv2.VideoWriter_fourcc(*codec)
        self._writer = cv2.VideoWriter(name, cv2.CAP_FFMPEG, fourcc, self._rate, self._size)
        if not self._writer.isOpened():
            raise InputError(f"{self.path} cannot be written as a video of {width}x{height}: give --boxes only.")

    def write(self, frame: np.ndarray) -> None:
        """Append a frame; `InputError` when the disk is full, and the video ends before it."""
        # The writer tells nobody of a full disk, and a video without its index, which comes last, cannot be played.
        if shutil.disk_usage(self._folder).free < frame.nbytes + SPARE + 64 * self._count:
            raise InputError(f"{self.path} ends after {self._count} frames, because the disk is full.")
        if self._writer is None:
            self._open(frame)
        if frame.shape[1::-1] != self._size:
            frame = cv2.resize(frame, self._size, interpolation=cv2.INTER_AREA)
        self._writer.write(frame)
        self._count += 1

    def __enter__(self) -> VideoSink:
        return self

    def __exit__(self, *error) -> None:
        if self._writer is None:
            return
        self._writer.release()
        if self._count == 0:  # not even one could be written
            self._stack.__exit__(*error)
            return
        with self._stack:
            if not _can_be_read(self._temporary):
                raise InputError(f"{self.path} could not be written whole: is the disk full?")


def _can_be_read(path: Path) -> bool:
    capture = cv2.VideoCapture(os.path.abspath(path), cv2.CAP_FFMPEG)
    try:
        return capture.isOpened() and capture.read()[0]
    finally:
        capture.release()
