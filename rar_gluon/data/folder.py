"""Any folder of sequences.

A sequence is a folder of images (its own, or its subfolder img or color) or a video file; its boxes are in
groundtruth.txt, groundtruth_rect.txt or NAME.txt in the folder, or in NAME.txt beside folder or video. Where one folder
or video shows several targets, NAME.ID.txt beside it holds the boxes of one: the sequence is then named NAME.ID.
"""

from __future__ import annotations

import os
from pathlib import Path

from rar_gluon.common import InputError, about_reading, inside
from rar_gluon.data.frames import Frames, open_frames
from rar_gluon.data.listing import VIDEO_SUFFIXES, images_of, is_visible
from rar_gluon.data.sequence import Sequence, count_frames, read_boxes


def sequence_names(root: str | os.PathLike) -> list[str]:
    """Names of the sequences of `root`: of its subfolders and videos, or of several targets in one of them.

    Raises
    ------
    InputError
        There is none, or two have one name.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"{root} is no folder: give a folder of sequences.")
    with about_reading(root):
        entries = sorted(path for path in root.iterdir() if not path.name.startswith("."))
    names = [path.name for path in entries if path.is_dir()]
    names += [path.stem for path in entries if is_visible(path, VIDEO_SUFFIXES)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{root} holds more than one sequence named {twice[0]}: rename one of them.")
    if not names:
        raise InputError(f"{root} holds no sequence: folders of images or videos ({', '.join(VIDEO_SUFFIXES)}).")
    texts = [path.stem for path in entries if path.suffix == ".txt"]
    return sorted(target for name in names for target in _targets(root, name, names, texts))


def _targets(root: Path, name: str, names: list[str], texts: list[str]) -> list[str]:
    """NAME.ID of each target whose boxes lie beside a folder or video without boxes of its own, or NAME."""
    several = [text for text in texts if _video_of(text) == name and text not in names]
    return several if several and not _truths(root, name) else [name]


def _video_of(name: str) -> str:
    """NAME of NAME.ID; "" where there is no ID."""
    return name.rpartition(".")[0]


def open_named(root: str | os.PathLike, name: str) -> Frames:
    """Open the frames of one sequence; `InputError` when there is none of that name, or it is not clear which."""
    folder = inside(root, name)
    with about_reading(folder):
        path = _frames_of(Path(root), name)
        if path is not None:
            return open_frames(path)
        if not folder.is_dir():
            raise InputError(f"{root} holds no sequence named {name}.")
        videos = sum(is_visible(path, VIDEO_SUFFIXES) for path in folder.iterdir())
    raise InputError(f"{folder} holds {videos} videos and no images: images or one video are needed.")


def _frames_of(root: Path, name: str) -> Path | None:
    """The folder of images, or the video, that a sequence's frames are in; None when it is not there, or not clear."""
    folder = inside(root, name)
    if not folder.is_dir():
        videos = [path for path in sorted(root.iterdir()) if path.stem == name and is_visible(path, VIDEO_SUFFIXES)]
        if not videos and _video_of(name) and (root / f"{name}.txt").is_file():
            return _frames_of(root, _video_of(name))
        return videos[0] if videos else None
    if images_of(folder) is not None:
        return folder
    videos = [path for path in folder.iterdir() if is_visible(path, VIDEO_SUFFIXES)]
    return videos[0] if len(videos) == 1 else None


def _truths(root: Path, name: str) -> list[Path]:
    """The files that may hold a sequence's boxes, those of them that are there."""
    folder = inside(root, name)
    candidates = [folder / "groundtruth.txt", folder / "groundtruth_rect.txt", folder / f"{name}.txt"]
    return [path for path in (*candidates, root / f"{name}.txt") if path.is_file()]


def _truth(root: Path, name: str) -> Path:
    paths = _truths(root, name)
    if not paths:
        raise InputError(f"{root} holds no boxes of {name}: write them to {name}.txt, one x,y,w,h a frame.")
    if len(paths) > 1:
        raise InputError(f"{paths[0]} and {paths[1]} both hold boxes of {name}: keep one of them.")
    return paths[0]


def load_sequence(root: str | os.PathLike, name: str, origin: int = 0) -> Sequence:
    """Load one sequence; `origin` is the coordinate of the first pixel in its boxes.

    Raises
    ------
    InputError
        When frames or boxes are missing, or are not equally many.
    """
    frames, truth = open_named(root, name), _truth(Path(root), name)
    boxes = read_boxes(truth)
    count = count_frames(frames, len(boxes))
    if count != len(boxes):
        raise InputError(
            f"{truth} has {len(boxes)} boxes for {count} frames: write NaN,NaN,NaN,NaN where there is none."
        )
    return Sequence(name, frames, boxes, origin=origin)


def load(
    root: str | os.PathLike, names: list[str] | None = None, origin: int = 0, allow_missing: bool = False
) -> list[Sequence]:
    """Load the named sequences, or all of `root`, in order of their names.

    With `allow_missing` those are left out that have no frames or no boxes, unless none is left.
    """
    chosen = sequence_names(root) if names is None else names
    there = [name for name in chosen if is_there(root, name)] if allow_missing else chosen
    return [load_sequence(root, name, origin) for name in there or chosen]


def is_there(root: str | os.PathLike, name: str) -> bool:
    """Tell whether a sequence has frames and boxes that may be looked at, whatever they hold."""
    try:
        return _frames_of(Path(root), name) is not None and bool(_truths(Path(root), name))
    except PermissionError:  # as a disk's lost+found
        return False
