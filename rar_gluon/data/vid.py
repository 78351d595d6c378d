"""ILSVRC VID: ROOT/Data/VID/{train,val}/.../000000.JPEG and ROOT/Annotations/VID/{train,val}/.../000000.xml."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator
from xml.etree import ElementTree

import numpy as np

from rar_gluon.common import InputError
from rar_gluon.data.frames import ImageFolder
from rar_gluon.data.listing import list_images
from rar_gluon.data.sequence import Sequence

# Where a split's snippets are, and how many the full data set has (ILSVRC2015 and later releases of VID).
SPLITS = {"train": ("*/*", 3862), "val": ("*", 555)}


@dataclass(frozen=True)
class VidObject:
    """One object of one frame; the box is (x, y, w, h)."""

    track: int
    name: str
    box: tuple[float, float, float, float]
    occluded: bool
    generated: bool


def read_annotation(path: str | os.PathLike) -> tuple[tuple[int, int], list[VidObject]]:
    """Read one frame's XML file: the image's (width, height), and its objects.

    VID's corners are inclusive, 0-based pixels, so width = xmax - xmin + 1, as in its development kit.
    """
    try:
        content = Path(path).read_bytes()
        if b"<!DOCTYPE" in content:  # VID has none, and entities can stand for billions of letters
            raise ValueError("it has a DOCTYPE")
        tree = ElementTree.fromstring(content)
        size = int(tree.findtext("size/width")), int(tree.findtext("size/height"))
        objects = []
        for node in tree.iter("object"):
            low_x, low_y, high_x, high_y = (
                float(node.findtext(f"bndbox/{corner}")) for corner in ("xmin", "ymin", "xmax", "ymax")
            )
            box = (low_x, low_y, high_x - low_x + 1, high_y - low_y + 1)
            if not np.isfinite(box).all():
                raise ValueError(f"the box {box} is not finite")
            flags = (node.findtext(flag, "0").strip() == "1" for flag in ("occluded", "generated"))
            objects.append(VidObject(int(node.findtext("trackid")), node.findtext("name"), box, *flags))
        if min(size) <= 0:
            raise ValueError(f"the image's size is {size}")
    except (OSError, ElementTree.ParseError, AttributeError, LookupError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path} cannot be read as an annotation of VID: {reason}.") from None
    return size, objects


def snippets(root: str | os.PathLike, split: str = "train") -> list[str]:
    """Names of the snippets of "train" or "val", relative to Data/VID, e.g. val/ILSVRC2015_val_00000000."""
    if split not in SPLITS:
        raise InputError(f"'{split}' is no annotated split of VID: choose {' or '.join(SPLITS)}.")
    data = Path(root) / "Data" / "VID"
    snippets = sorted(path for path in (data / split).glob(SPLITS[split][0]) if path.is_dir())
    if not snippets:
        raise InputError(f"{data / split} holds no snippet: {root} must hold Data/VID and Annotations/VID.")
    return [path.relative_to(data).as_posix() for path in snippets]


def load_snippet(root: str | os.PathLike, snippet: str) -> list[Sequence]:
    """Load one snippet: a `Sequence` for each track id, over all of the snippet's frames.

    Boxes are NaN where the object is not annotated. The attribute is the class (WordNet id); tags are `occluded` and
    `generated` (interpolated rather than drawn by hand). A snippet without objects gives an empty list.

    Raises
    ------
    InputError
        When images and annotations do not match one to one, or the image size changes.
    """
    images = list_images(Path(root) / "Data" / "VID" / snippet)
    notes = sorted((Path(root) / "Annotations" / "VID" / snippet).glob("*.xml"))
    if [path.stem for path in images] != [path.stem for path in notes]:
        raise InputError(f"{snippet} has {len(images)} images and {len(notes)} annotations that do not match by name.")
    frames, tracks, sizes = ImageFolder(images, snippet), {}, set()
    for index, note in enumerate(notes):
        size, objects = read_annotation(note)
        sizes.add(size)
        for item in objects:
            tracks.setdefault(item.track, []).append((index, item))
    if len(sizes) > 1:
        raise InputError(f"{snippet}: the annotations give more than one image size: {sorted(sizes)}.")
    return [_sequence(f"{snippet}/{track}", frames, seen) for track, seen in sorted(tracks.items())]


def _sequence(name: str, frames: ImageFolder, seen: list[tuple[int, VidObject]]) -> Sequence:
    indices = [index for index, _ in seen]
    if len(set(indices)) != len(indices):
        raise InputError(f"{name}: the track has two boxes in one frame.")
    boxes = np.full((len(frames), 4), np.nan)
    boxes[indices] = [item.box for _, item in seen]
    tags = {flag: np.zeros(len(frames), bool) for flag in ("occluded", "generated")}
    for flag, values in tags.items():
        values[indices] = [getattr(item, flag) for _, item in seen]
    return Sequence(name, frames, boxes, (seen[0][1].name,), tags=tags)


def load(root: str | os.PathLike, split: str = "train") -> Iterator[Sequence]:
    """Load every track of a split, snippet by snippet as they are asked for (the full set has a million files)."""
    for snippet in snippets(root, split):
        yield from load_snippet(root, snippet)
