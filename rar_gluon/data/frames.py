"""What gives frames: folders of images, video files, cameras."""

from __future__ import annotations

import codecs
import itertools
import math
import os
from pathlib import Path
from typing import Iterator, Sequence, Union

import cv2
import numpy as np

from rar_gluon.common import InputError, about_reading
from rar_gluon.data.listing import images_of, list_images

MOST_PIXELS = 32766  # of a side, that OpenCV can cut windows from
OVERSHOOT = 0.5  # beyond 0 and 1, of floats that an interpolation has made
LEAST_LEVELS = 16  # of 256 that nearly all of a picture's pixels must spread over, where it has more than 256


def to_bgr8(image: np.ndarray, first: bool = False) -> np.ndarray:
    """Turn any image OpenCV can read into what the tracker eats.

    Parameters
    ----------
    image : (H, W) or (H, W, 1|3|4), grey, BGR or BGRA; uint16, floats in [0, 1], or other integers in [0, 255].
    first : of its sequence. There 16 bits that hold 8-bit values are refused, and contrast that 8 bits would lose (a
        thermal camera's); later they are a dark frame.

    Returns
    -------
    (H, W, 3) uint8, BGR. 16 bits keep their upper 8; alpha is dropped; NaN is black.

    Raises
    ------
    InputError
        No picture, or one with values outside of its type's range.
    """
    image = np.asarray(image)
    if image.ndim not in (2, 3) or image.size == 0 or (image.ndim == 3 and image.shape[2] not in (1, 3, 4)):
        raise InputError(f"an image of shape {image.shape} is not a frame: grey, BGR or BGRA of some size is needed.")
    if max(image.shape[:2]) > MOST_PIXELS:
        raise InputError(
            f"a frame of {image.shape[1]}x{image.shape[0]} is too large: {MOST_PIXELS} pixels a side at most."
        )
    if image.dtype != np.uint8:
        image = _to_8_bits(image, first)
    if image.ndim == 2 or image.shape[2] == 1:
        return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    return cv2.cvtColor(image, cv2.COLOR_BGRA2BGR) if image.shape[2] == 4 else image


def _to_8_bits(image: np.ndarray, first: bool) -> np.ndarray:
    """Values as uint8; `InputError` where they are not what their type should hold."""
    if image.dtype.kind not in "buif":
        raise InputError(f"an image of {image.dtype} is not a frame: give uint8.")
    image = image.astype(image.dtype.newbyteorder("="), copy=False)
    if image.dtype.kind == "f":
        image = np.nan_to_num(image.astype(np.float32), posinf=0, neginf=0)
        low, high = float(image.min()), float(image.max())
        if low < -OVERSHOOT or high > 1 + OVERSHOOT:
            raise InputError(f"an image of {low:g} to {high:g} is not a frame: floats are 0 to 1; else give uint8.")
        levels = np.clip(image * 255.0, 0, 255)
        if first:
            _check_contrast(levels, np.abs(levels - np.round(levels)).max() > 1e-3, f"{low:g} to {high:g}")
        return (levels + 0.5).astype(np.uint8)
    if image.dtype == bool:
        return image.astype(np.uint8) * 255
    low, high = int(image.min()), int(image.max())
    if image.dtype == np.uint16:
        if first and 0 < high <= 255:
            raise InputError(f"the image has 16 bits, but values up to {high} only, which are black: give uint8.")
        if first:
            lower = image & 255  # one value, or the upper 8 bits again, where 8 were made 16
            finer = lower.max() > lower.min() and not (lower == image >> 8).all()
            _check_contrast(image / 256.0, finer, f"{low} to {high}")
        return (image >> 8).astype(np.uint8)
    if low < 0 or high > 255:
        raise InputError(f"an image of {low} to {high} is not a frame: give 0 to 255, or uint16.")
    return image.astype(np.uint8)


def _check_contrast(levels: np.ndarray, finer: bool, values: str) -> None:
    """Raise `InputError` where values `finer` than 8 bits lie so close together that 8 bits (0 to 255) lose them."""
    low, high = np.percentile(levels, [0.5, 99.5]) if finer else (0, 255)
    if finer and high - low < LEAST_LEVELS:
        raise InputError(
            f"the values of the image, {values}, nearly all lie within {math.ceil(high - low)} of the 256 levels that "
            "a tracker sees, so their contrast is lost: scale all frames alike to uint8."
        )


def read_image(path: str | os.PathLike, first: bool = False) -> np.ndarray:
    """Read one image file as (H, W, 3) uint8 BGR; `InputError` names the file that cannot be read.

    `first` is `to_bgr8`'s.
    """
    image = decode_image(path, cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    try:
        return to_bgr8(image, first)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def decode_image(path: str | os.PathLike, flags: int) -> np.ndarray:
    """`cv2.imread` with its `flags`, of a file of any name; `InputError` when it is not there whole, or holds several.

    OpenCV takes no name that is not UTF-8, gives grey for what a JPEG that was cut off does not hold, and of several
    pages the first.
    """
    with about_reading(path):
        data = np.fromfile(path, np.uint8)
    content = data.tobytes()
    if count_pages(content) > 1:
        raise InputError(f"{path} holds several pictures, pages or an animation: write each to a file of its own.")
    try:
        image = None if is_cut_off(content) else cv2.imdecode(data, flags)
    except cv2.error:  # nothing in it, or a picture of more pixels than OpenCV takes
        image = None
    if image is None:
        raise InputError(f"{path} cannot be read as an image: is it complete, and is it an image?")
    return image


def count_pages(content: bytes) -> int:
    """Count the pictures in an image file, without the masks and thumbnails of a TIFF; animations have two or more."""
    if content.startswith(b"\x89PNG"):
        return 1 + (b"acTL" in content[:256])
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return 1 + (b"ANIM" in content[:256])
    order = {b"II": "little", b"MM": "big"}.get(content[:2])
    big = order and int.from_bytes(content[2:4], order) == 43
    if order is None or not (big or int.from_bytes(content[2:4], order) == 42):
        return 1

    def number(start: int, size: int) -> int:
        return int.from_bytes(content[start : start + size], order)

    size, head, entry = (8, 8, 20) if big else (4, 2, 12)  # bytes of a place, of a count, of a field
    place, seen, pages = number(8 if big else 4, size), set(), 0
    while 0 < place < len(content) and place not in seen:
        seen.add(place)
        fields = range(place + head, place + head + entry * number(place, head), entry)
        kind = next((number(field + entry - size, 4) for field in fields if number(field, 2) == 254), 0)
        pages += not kind & 5  # NewSubfileType: 1 of lower resolution, 4 a mask
        place = number(fields.stop, size)
    return max(pages, 1)


def is_cut_off(content: bytes) -> bool:
    """Tell whether a file is a JPEG that ends before its picture does."""
    if not content.startswith(b"\xff\xd8\xff"):
        return False
    at = 2
    while at >= 0:
        marker = content[at + 1 : at + 2]
        if marker == b"\xda":  # the picture: in its data 255 is followed by 0, but in markers
            return b"\xff\xd9" not in content[at:]
        if marker == b"\xff":  # filling
            at += 1
        elif b"\xd0" <= marker <= b"\xd9" or marker == b"\x01":
            at += 2
        else:  # a segment, in which a preview with an end of its own may be
            at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        at = content.find(b"\xff", at)
    return True


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
            frame = read_image(path, first=shape is None)
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
        check_decoder_name(self.path)
        # An absolute name, because FFmpeg takes what stands before a colon for a protocol.
        capture = cv2.VideoCapture(os.path.abspath(self.path), cv2.CAP_FFMPEG)
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
    """Frames of a camera from number `start` on, without end."""

    fps = 25.0  # assumed: cameras report their rate unreliably; used for overlay videos only

    def __init__(self, index: int, start: int = 0):
        if not 0 <= index < 1 << 31:
            raise InputError(f"there is no camera {index}: they are counted from 0.")
        self.index, self.start, self.name = index, start, f"webcam{index}"

    def __iter__(self) -> Iterator[np.ndarray]:
        capture = cv2.VideoCapture(self.index)
        if not capture.isOpened():
            raise InputError(f"camera {self.index} cannot be opened: is it connected and free?")
        try:
            for number in itertools.count():
                read, frame = capture.read()
                if not read:
                    raise InputError(f"camera {self.index} stopped delivering frames.")
                if number >= self.start:
                    yield frame
        finally:
            capture.release()


Frames = Union[ImageFolder, VideoFile, Webcam]


def check_decoder_name(path: str | os.PathLike) -> None:
    """Raise `InputError` for a name that OpenCV, which wants UTF-8, crashes on."""
    try:
        os.fspath(path).encode("utf-8")
    except UnicodeEncodeError:
        raise InputError(f"{os.fsencode(path)!r} is a name that is not UTF-8: rename the file.") from None


def _is_text(path: Path) -> bool:
    """Tell whether a file is text, which the decoder takes for a film of letters, or for a list of other files."""
    with open(path, "rb") as file:
        head = file.read(4096)
    if b"\0" in head or head.startswith(b"YUV4MPEG2 "):  # raw video, whose dark pixels are letters
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # the end may be amid a character
    except UnicodeDecodeError:
        return False
    return True


def open_frames(source: str | os.PathLike | int, start: int = 0) -> Frames:
    """Open what the user named: a folder of images, a video file, or a webcam's index; from frame `start` on.

    Raises
    ------
    InputError
        It is not there, is none of these, cannot be read, or is known to end before `start`.
    """
    if start < 0:
        raise InputError(f"frame {start} is none: frames are counted from 0.")
    if str(source).isdecimal() and not Path(str(source)).exists():
        return Webcam(int(str(source)), start)
    path = Path(source)
    try:
        if path.is_dir():
            images = list_images(images_of(path) or path)
            if start >= len(images):
                raise InputError(f"{path} has {len(images)} frames, counted from 0: there is no frame {start}.")
            return ImageFolder(images[start:], path.resolve().name)
        if not path.exists():
            raise InputError(f"{path} does not exist: give a folder of images, a video file or a webcam's index.")
        if not path.is_file():
            raise InputError(f"{path} is neither a folder nor a file: give a folder of images or a video file.")
        if path.suffix.lower() in (".tif", ".tiff"):  # the decoder of videos sees one page of them
            if start:
                raise InputError(f"{path} is one picture, frame 0: there is no frame {start}.")
            read_image(path, first=True)
            return ImageFolder([path], path.stem)
        if _is_text(path):
            raise InputError(f"{path} is text, no video: give a folder of images or a video file.")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    return VideoFile(path, start)
