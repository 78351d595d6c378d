"""What scoring needs of VOT's sequences: names, regions, sizes of their frames. Images are not needed."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rar_gluon.common import InputError, inside, read_json, read_text
from rar_gluon.data import vot
from rar_gluon.data.sequence import Sequence, read_regions, stack_regions
from rar_gluon.evaluation.vot.run import truth_regions

UNSIZED = (math.inf, math.inf)  # of frames whose right and lower edges are not known: nothing is cut off there


@dataclass(frozen=True)
class Annotation:
    """Truth of a sequence: boxes (N, 4) or polygons (N, 8) with the first pixel at 0; `size` is (width, height)."""

    name: str
    regions: np.ndarray
    size: tuple[float, float]


def annotation_of(sequence: Sequence) -> Annotation:
    """Truth of a sequence whose frames are there; `InputError` when a frame has no region."""
    height, width = next(iter(sequence.frames)).shape[:2]
    return Annotation(sequence.name, truth_regions(sequence), (width, height))


def read_annotations(
    root: str | os.PathLike,
    sizes: str | os.PathLike | None = None,
    names: list[str] | None = None,
    unsized: bool = False,
) -> list[Annotation]:
    """Read the truth of a benchmark, from any of three.

    Parameters
    ----------
    root : a JSON file as pysot has it (`gt_rect` of each sequence, and `width` and `height`), or VOT's folder
        (list.txt, NAME/groundtruth.txt).
    sizes : text file with a line NAME WIDTH HEIGHT a sequence, for a folder without images or a JSON without sizes.
    names : only these; default: all.
    unsized : a sequence without images or a size gets `UNSIZED`; else it raises.

    Raises
    ------
    InputError
        Something is missing, cannot be read or is no region.
    """
    root = Path(root)
    known = {} if sizes is None else read_sizes(sizes)
    return (_from_json if root.is_file() else _from_folder)(root, known, names, unsized)


def find_annotations(place: str | os.PathLike, challenge: str) -> Path:
    """What `read_annotations` reads of a challenge ("VOT2018", ...): `place` itself, or CHALLENGE.json in it."""
    place = Path(place)
    alone = place / f"{challenge}.json"
    return alone if alone.is_file() and not (place / "list.txt").is_file() else place


def read_sizes(path: str | os.PathLike) -> dict[str, tuple[int, int]]:
    """Read (width, height) by name from lines NAME WIDTH HEIGHT, parted by blanks, tabs or commas."""
    sizes_of = {}
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        name, *numbers = line.replace(",", " ").split() or ["#"]
        if name.startswith("#"):
            continue
        if len(numbers) != 2 or not all(text.isdecimal() and int(text) for text in numbers):
            raise InputError(f"{path}, line {number}: '{line[:60]}' is no NAME WIDTH HEIGHT.")
        sizes_of[name] = (int(numbers[0]), int(numbers[1]))
    return sizes_of


def _from_folder(root: Path, sizes: dict, names: list[str] | None, unsized: bool) -> list[Annotation]:
    annotations = []
    for name in vot.sequence_names(root) if names is None else names:
        folder = inside(root, name)
        if name in sizes or (unsized and not vot.has_images(folder)):
            regions = _finite(read_regions(folder / "groundtruth.txt"), folder)
            annotations.append(Annotation(name, regions, sizes.get(name, UNSIZED)))
        else:
            annotations.append(annotation_of(vot.load_sequence(root, name)))
    return annotations


def _from_json(path: Path, sizes: dict, names: list[str] | None, unsized: bool) -> list[Annotation]:
    entries = read_json(path)
    if not entries:
        raise InputError(f"{path} names no sequence: a JSON file as pysot has it is needed.")
    absent = [name for name in names or () if name not in entries]
    if absent:
        raise InputError(f"{path} holds no sequence named {absent[0]}.")
    annotations = []
    for name in entries if names is None else names:
        try:
            entry = entries[name]
            regions = stack_regions([[float(value) for value in row] for row in entry["gt_rect"]])
            bare = unsized and not {"width", "height"} <= set(entry)
            size = sizes.get(name) or (UNSIZED if bare else (int(entry["width"]), int(entry["height"])))
        except KeyError as error:
            hint = "" if error.args[0] == "gt_rect" else ": give --sizes, a file with a line NAME WIDTH HEIGHT each"
            raise InputError(f"{path}: {name!r} has no {error.args[0]}{hint}.") from None
        except (TypeError, ValueError, OverflowError):
            raise InputError(f"{path}: {name!r} is no list of boxes (4 numbers) or polygons (8) with a size.") from None
        annotations.append(Annotation(name, _finite(regions, f"{path}: {name!r}"), size))
    return annotations


def _finite(regions: np.ndarray, where: object) -> np.ndarray:
    if not len(regions):
        raise InputError(f"{where} has no frame.")
    absent = np.flatnonzero(~np.isfinite(regions).all(axis=1))
    if len(absent):
        raise InputError(f"{where} has no region in frame {absent[0] + 1}: supervised evaluation needs one in each.")
    return regions
