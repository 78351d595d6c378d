"""VOT2016 to VOT2019, short-term, as the toolkit lays them out: ROOT/list.txt, ROOT/NAME/groundtruth.txt, images, tags.

Images are ROOT/NAME/*.jpg or ROOT/NAME/color/*.jpg.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from rar_gluon.common import InputError, inside, read_text
from rar_gluon.data.frames import images_of, open_frames
from rar_gluon.data.sequence import Sequence, polygons_to_boxes, read_regions


def sequence_names(root: str | os.PathLike) -> list[str]:
    """Names in ROOT/list.txt, in its order."""
    path = Path(root) / "list.txt"
    if not path.is_file():
        raise InputError(f"{path} does not exist: VOT names its sequences there, one a line.")
    names = read_text(path).split()
    if not names:
        raise InputError(f"{path} names no sequence.")
    return names


def read_tag(path: str | os.PathLike, frames: int) -> np.ndarray:
    """Read 0 or 1 a line as (N,) bool; the toolkit lets the file end early, the rest is then 0."""
    lines = read_text(path).split()
    if len(lines) > frames or any(line not in ("0", "1") for line in lines):
        raise InputError(f"{path}: a 0 or 1 for each of {frames} frames is needed, one a line.")
    return np.array([line == "1" for line in lines] + [False] * (frames - len(lines)))


def has_images(folder: Path) -> bool:
    """Tell whether the folder of a sequence holds its images."""
    return folder.is_dir() and images_of(folder) is not None


def load_sequence(root: str | os.PathLike, name: str) -> Sequence:
    """Load one sequence with its boxes (N, 4), polygons (N, 8) if it has any, and tags per frame.

    Raises
    ------
    InputError
        When images or polygons are missing, or are not equally many.
    """
    folder = inside(root, name)
    if not folder.is_dir():
        raise InputError(f"{folder} does not exist, but list.txt names it.")
    frames = open_frames(folder)
    regions = read_regions(folder / "groundtruth.txt")
    if len(regions) != len(frames):
        raise InputError(f"{folder} has {len(frames)} images, but its groundtruth.txt has {len(regions)} regions.")
    tags = {path.stem: read_tag(path, len(frames)) for path in sorted(folder.glob("*.tag"))}
    if regions.shape[1] == 4:
        return Sequence(name, frames, regions, tags=tags)
    return Sequence(name, frames, polygons_to_boxes(regions), tags=tags, polygons=regions)


def load(root: str | os.PathLike, names: list[str] | None = None, allow_missing: bool = False) -> list[Sequence]:
    """Load the named sequences, or all that list.txt names; with `allow_missing`, those of them that have a folder."""
    chosen = sequence_names(root) if names is None else names
    there = [name for name in chosen if (Path(root) / name).is_dir()]
    return [load_sequence(root, name) for name in (there if allow_missing and there else chosen)]
