"""Frames in (folder of images, video file, webcam), overlay video out."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Iterator, Sequence, Tuple, Union

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


def require_display(purpose: str) -> None:
    """Raise `InputError` when this machine or this OpenCV cannot open windows; `purpose` says what wanted one."""
    gui = re.search(r"^\s*GUI:\s*(\S+)", cv2.getBuildInformation(), re.MULTILINE)
    if gui is None or gui.group(1) == "NONE":
        raise InputError(
            f"{purpose} needs windows, and this OpenCV, the headless build, has none: use --init without --show, "
            "or replace it: pip uninstall opencv-contrib-python-headless, pip install opencv-contrib-python==4.8.1.78."
        )
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise InputError(f"{purpose} needs a display, and there is none: give --init x,y,w,h without --show.")


def select_box(frame: np.ndarray) -> Tuple[float, ...]:
    """Ask for the target's box with the mouse."""
    title = "mark the target, then press Enter"
    box = cv2.selectROI(title, frame, showCrosshair=False)
    cv2.destroyWindow(title)
    if box[2] == 0 or box[3] == 0:
        raise InputError("no box was marked: draw one with the mouse and press Enter, or give --init x,y,w,h.")
    return tuple(float(value) for value in box)


def show(title: str, picture: np.ndarray) -> bool:
    """Show a picture in a window; False when the user pressed q."""
    cv2.imshow(title, picture)
    return cv2.waitKey(1) & 0xFF != ord("q")


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
