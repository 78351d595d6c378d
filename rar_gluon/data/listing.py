"""Which files of a folder are frames, and in which order: said by their names, or asked for in a sentence."""

from __future__ import annotations

import os
import re
from decimal import Decimal
from pathlib import Path
from typing import Sequence

from rar_gluon.common import InputError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
# What a video in a folder is known by; one that is named itself may be called as it will.
VIDEO_SUFFIXES = (
    *(".mp4", ".avi", ".mov", ".mkv", ".mpg", ".mpeg", ".mpe", ".webm", ".m4v", ".wmv", ".flv", ".ts", ".ogv", ".gif"),
    *(".3gp", ".3g2", ".mts", ".m2ts", ".vob", ".mxf", ".asf", ".y4m"),
)
NUMBER = r"(\d+(?:[.,]\d+)?)"  # a decimal point or comma within
EPOCH = 10**8  # seconds: whole parts as large are of times, since 1970


def natural_key(path: str | os.PathLike) -> list:
    """Sort key that puts `2.jpg` before `10.jpg`."""
    name = Path(path)
    parts = [int(part) if part.isdecimal() else part.lower() for part in re.split(r"(\d+)", name.stem)]
    return [parts, name.suffix.lower()]


def decimal_key(path: str | os.PathLike) -> list:
    """Sort key that puts `0.54.jpg` before `0.7.jpg`."""
    name = Path(path)
    parts = re.split(NUMBER, name.stem)
    parts[1::2] = [Decimal(part.replace(",", ".")) for part in parts[1::2]]
    parts[::2] = [part.lower() for part in parts[::2]]
    return [parts, name.suffix.lower()]


def image_files(folder: str | os.PathLike) -> list[Path]:
    """Image files of `folder`, but hidden ones, in natural order; `InputError` when it has none."""
    paths = [path for path in Path(folder).iterdir() if is_visible(path, IMAGE_SUFFIXES)]
    if not paths:
        raise InputError(f"{folder} holds no images ({', '.join(IMAGE_SUFFIXES)}): give a folder with frames in it.")
    return sorted(paths, key=natural_key)


def list_images(folder: str | os.PathLike) -> list[Path]:
    """List `image_files` that are frames, in the order of the numbers in their names.

    Raises
    ------
    InputError
        There is none; they are of two kinds, as frames and their masks; or their order can be read in two ways.
    """
    paths = _in_order(image_files(folder))
    _check_one_kind(paths)
    return paths


def _in_order(paths: list[Path]) -> list[Path]:
    """Paths in natural order, or in that of the decimals in their names where only decimals are written like that."""
    decimals = sorted(paths, key=decimal_key)
    if decimals == paths:
        return paths
    numbers = [re.split("[.,]", number) for path in paths for number in re.findall(NUMBER, path.stem)]
    tails = [tail for _, *rest in numbers for tail in rest if len(tail) > 1]
    are_counters = any(tail.endswith("0") for tail in tails)  # Python writes 0.5, and not 0.50
    are_decimals = any(tail.startswith("0") for tail in tails) or all(int(integer) >= EPOCH for integer, *_ in numbers)
    if are_counters == are_decimals:
        first, second = next((a, b) for a, b in zip(paths, decimals) if a != b)
        raise InputError(
            f"{first.parent} begins with {first.name} if numbers behind a point are counters, but has {second.name} "
            "before it if they are decimals: give all of them as many digits."
        )
    return decimals if are_decimals else paths


def _check_one_kind(paths: Sequence[Path]) -> None:
    """Raise `InputError` where names differ by more than their numbers, or only in their suffixes."""
    by_stem, by_shape = {}, {}
    for path in paths:
        by_stem.setdefault(path.stem.lower(), []).append(path)
        by_shape.setdefault(re.sub(NUMBER, "#", path.stem.lower()), []).append(path)
    pairs = [same[:2] for same in by_stem.values() if len(same) > 1]
    if any("#" in shape for shape in by_shape) and len(by_shape) > 1:
        pairs.append([same[0] for same in by_shape.values()][:2])
    for one, other in pairs[:1]:
        raise InputError(
            f"{one.parent} holds {one.name} and {other.name}, which may be two frames, or a frame and its mask or "
            "preview: keep the frames alone in a folder."
        )


def is_visible(path: Path, suffixes: tuple[str, ...]) -> bool:
    """Tell whether a path is a file with one of these suffixes, and not hidden (macOS leaves `._*` beside files)."""
    return path.suffix.lower() in suffixes and not path.name.startswith(".") and path.is_file()


def images_of(folder: str | os.PathLike) -> Path | None:
    """The folder that a sequence's images are in: itself, or its img (OTB) or color (VOT); None: there are none.

    Raises
    ------
    InputError
        More than one of them holds images, or there is one image beside a video.
    """
    images = {}
    for path in (Path(folder), Path(folder, "img"), Path(folder, "color")):
        files = [file for file in path.iterdir() if is_visible(file, IMAGE_SUFFIXES)] if path.is_dir() else []
        if files:
            images[path] = files
    places = list(images)
    if len(places) > 1:
        raise InputError(f"{places[0]} and {places[1]} both hold images: keep the frames in one of them.")
    if places == [Path(folder)] and len(images[places[0]]) == 1:
        video = next((path for path in Path(folder).iterdir() if is_visible(path, VIDEO_SUFFIXES)), None)
        if video is not None:
            image = images[places[0]][0].name
            raise InputError(f"{folder} holds the video {video.name} and the image {image}: keep what has the frames.")
    return places[0] if places else None
