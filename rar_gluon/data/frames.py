"""What gives frames: folders of images, video files, cameras."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Iterator, Sequence, Union

import cv2
import numpy as np

from rar_gluon.common import InputError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
VIDEO_SUFFIXES = (
    ".mp4",
    ".avi",
    ".mov",
    ".mkv",
    ".mpg",
    ".mpeg",
    ".webm",
    ".m4v",
    ".wmv",
    ".flv",
    ".ts",
    ".ogv",
    ".gif",
)


def to_bgr8(image: np.ndarray) -> np.ndarray:
    """Turn any image OpenCV can read into what the tracker eats.

    Parameters
    ----------
    image : (H, W) or (H, W, 1|3|4), grey, BGR or BGRA; uint16, floats in [0, 1], or other integers in [0, 255].

    Returns
    -------
    (H, W, 3) uint8, BGR. 16 bits keep their upper 8; alpha is dropped.
    """
    image = np.asarray(image)
    if image.ndim not in (2, 3) or image.size == 0 or (image.ndim == 3 and image.shape[2] not in (1, 3, 4)):
        raise InputError(f"an image of shape {image.shape} is not a frame: grey, BGR or BGRA of some size is needed.")
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    elif image.dtype != np.uint8 and np.issubdtype(image.dtype, np.integer):
        image = np.clip(image, 0, 255).astype(np.uint8)
    elif image.dtype != np.uint8:
        image = np.clip(np.nan_to_num(image.astype(np.float32)) * 255.0 + 0.5, 0, 255).astype(np.uint8)
    if image.ndim == 2 or image.shape[2] == 1:
        return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    return cv2.cvtColor(image, cv2.COLOR_BGRA2BGR) if image.shape[2] == 4 else image


def read_image(path: str | os.PathLike) -> np.ndarray:
    """Read one image file as (H, W, 3) uint8 BGR; `InputError` names the file that cannot be read."""
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        raise InputError(f"{path} cannot be read as an image: is it complete, and is it an image?")
    return to_bgr8(image)


class ImageFolder:
    """Frames that are image files, in the given order. Has a length and can be indexed."""

    fps = 25.0  # assumed: image folders carry no rate; used for overlay videos only

    def __init__(self, paths: Sequence[str | os.PathLike], name: str = ""):
        self.paths = [Path(path) for path in paths]
        self.name = name or (self.paths[0].parent.name if self.paths else "")

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> np.ndarray:
        return read_image(self.paths[index])

    def __iter__(self) -> Iterator[np.ndarray]:
        shape = None
        for path in self.paths:
            frame = read_image(path)
            if shape is not None and frame.shape != shape:
                raise InputError(
                    f"{path} is {frame.shape[1]}x{frame.shape[0]} but the frames before it are "
                    f"{shape[1]}x{shape[0]}: all frames of a sequence must have one size."
                )
            shape = frame.shape
            yield frame


class VideoFile:
    """Frames of a video file, decoded in order on each iteration."""

    def __init__(self, path: str | os.PathLike, start: int = 0, stop: int | None = None):
        """Take frames `start` to `stop` (0-based, exclusive; None: to the end)."""
        self.path, self.start, self.stop = Path(path), start, stop
        self.name = self.path.stem
        capture = self._open()
        self.fps = capture.get(cv2.CAP_PROP_FPS) or 25.0
        self._count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))  # of the container's header: may be wrong or 0
        readable = capture.read()[0]
        capture.release()
        if not readable:
            raise InputError(f"{self.path} holds no frame that can be decoded: is it a complete video?")

    def _open(self) -> cv2.VideoCapture:
        capture = cv2.VideoCapture(str(self.path), cv2.CAP_FFMPEG)
        if not capture.isOpened():
            raise InputError(f"{self.path} cannot be opened as a video: is it complete, and is it a video?")
        return capture

    def __len__(self) -> int:
        stop = self._count if self.stop is None else min(self.stop, self._count)
        return max(stop - self.start, 0)

    def __iter__(self) -> Iterator[np.ndarray]:
        capture = self._open()
        try:
            index = 0
            while self.stop is None or index < self.stop:
                read, frame = capture.read()
                if not read:
                    return
                if index >= self.start:
                    yield frame
                index += 1
        finally:
            capture.release()


class Webcam:
    """Frames of a camera, without end."""

    fps = 25.0  # assumed: cameras report their rate unreliably; used for overlay videos only

    def __init__(self, index: int):
        self.index, self.name = index, f"webcam{index}"

    def __iter__(self) -> Iterator[np.ndarray]:
        capture = cv2.VideoCapture(self.index)
        if not capture.isOpened():
            raise InputError(f"camera {self.index} cannot be opened: is it connected and free?")
        try:
            while True:
                read, frame = capture.read()
                if not read:
                    raise InputError(f"camera {self.index} stopped delivering frames.")
                yield frame
        finally:
            capture.release()


Frames = Union[ImageFolder, VideoFile, Webcam]


def natural_key(path: str | os.PathLike) -> list:
    """Sort key that puts `2.jpg` before `10.jpg`."""
    return [int(part) if part.isdecimal() else part.lower() for part in re.split(r"(\d+)", Path(path).name)]


def list_images(folder: str | os.PathLike) -> list[Path]:
    """List image files of `folder` in natural order; `InputError` when it has none."""
    paths = [path for path in Path(folder).iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()]
    if not paths:
        raise InputError(f"{folder} holds no images ({', '.join(IMAGE_SUFFIXES)}): give a folder with frames in it.")
    return sorted(paths, key=natural_key)


def open_frames(source: str | os.PathLike) -> Frames:
    """Open what the user named: a folder of images, a video file, or a webcam's index."""
    if str(source).isdecimal() and not Path(source).exists():
        return Webcam(int(str(source)))
    path = Path(source)
    if path.is_dir():
        images = list_images(path)
        return ImageFolder(images, path.name)
    if not path.exists():
        raise InputError(f"{path} does not exist: give a folder of images, a video file or a webcam's index.")
    if path.suffix.lower() not in VIDEO_SUFFIXES:  # the decoder takes a text file for a film of letters
        raise InputError(f"{path} is neither a folder nor a video ({', '.join(VIDEO_SUFFIXES)}).")
    return VideoFile(path)
