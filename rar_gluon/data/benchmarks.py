"""LaSOT, GOT-10k, UAV123, UAV20L, NfS and TC-128 in their official folders, and in folders of annotations alone.

What a benchmark fixes (names, ranges, where files lie) is data: `lists/NAME.yaml`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Iterable, Mapping
from typing import Sequence as ListOf

import numpy as np
import yaml

from rar_gluon.common import InputError, is_file, read_text
from rar_gluon.data.datasets import split_names
from rar_gluon.data.frames import ImageFolder
from rar_gluon.data.listing import image_files
from rar_gluon.data.nfs import read_corners
from rar_gluon.data.otb import FOR_MISSING, images_of_range, squeezed, summary
from rar_gluon.data.sequence import Sequence, read_boxes

LISTS_FOLDER = Path(__file__).with_name("lists")
# Of each benchmark a name in `data/datasets.py` and a file in `lists/`.
NAMES = ("lasot", "got10k", "got10k_test", "uav123", "uav20l", "nfs30", "nfs240", "tc128")


@dataclass(frozen=True)
class Target:
    """What a benchmark fixes of a sequence: folder of its images, number of the first, frames (0: not listed)."""

    name: str
    folder: str
    first: int = 1
    frames: int = 0


@dataclass(frozen=True)
class Benchmark:
    """A benchmark, without its files.

    Paths are relative to the root; {name}, {folder} and {class} (the name without its number) are filled in, and the
    first path that is there is taken.

    Attributes
    ----------
    key, title : its name here, and as papers write it.
    source : whose list, ranges and rules these are.
    origin : coordinate of the first pixel.
    truth, images : files of boxes and folders of images.
    targets : by name, in the benchmark's order.
    attributes : names by abbreviation, in the order of the numbers in `attribute_files`.
    attribute_files : files of 0 or 1 for each attribute.
    absent : groups of files with a number a frame; a frame is without the target when a file of the first group that
        is there has `absent_value` for it.
    size_files : files with a line `resolution: (WIDTH, HEIGHT)`.
    rows : "boxes", or "nfs" for the rows of `rar_gluon.data.nfs`, of which one in `every` is a frame's.
    withheld : only the first box of each sequence is published.
    prefix : what toolkits may put before a name in their results.
    """

    key: str
    title: str
    source: str
    origin: int
    truth: tuple[str, ...]
    images: tuple[str, ...]
    targets: Mapping[str, Target]
    attributes: Mapping[str, str] = field(default_factory=dict)
    attribute_files: tuple[str, ...] = ()
    absent: tuple[tuple[str, ...], ...] = ()
    absent_value: int = 1
    size_files: tuple[str, ...] = ()
    rows: str = "boxes"
    every: int = 1
    withheld: bool = False
    prefix: str = ""

    @cached_property
    def spellings(self) -> dict[str, str]:
        """Names by their spellings, strict ones first: car1_1 is not car11, although both are squeezed to one."""
        loose = [squeezed(name) for name in self.targets]
        spellings = {key: name for key, name in zip(loose, self.targets) if loose.count(key) == 1}
        spellings.update({_spelled(name): name for name in self.targets})
        spellings.update({name: name for name in self.targets})
        return spellings


@dataclass(frozen=True)
class Truth:
    """Annotations of a sequence.

    Attributes
    ----------
    boxes : (N, 4) float64, (x, y, w, h), NaN where the target is absent and no box says more.
    corners : whether the boxes were read from corners.
    absent : (N,) bool, labels of absence; None where there are none.
    attributes : abbreviations; None where there are no labels of them.
    size : (width, height) of the images; None: not known.
    """

    name: str
    boxes: np.ndarray
    corners: bool = False
    absent: np.ndarray | None = None
    attributes: tuple[str, ...] | None = None
    size: tuple[int, int] | None = None


@lru_cache(maxsize=None)
def read_benchmark(key: str) -> Benchmark:
    """Read `lists/KEY.yaml`; `InputError` when there is no such benchmark."""
    if key not in NAMES:
        raise InputError(f"'{key}' is no benchmark: choose one of {', '.join(NAMES)}.")
    facts = yaml.safe_load((LISTS_FOLDER / f"{key}.yaml").read_text(encoding="utf-8"))
    targets = {target.name: target for target in _targets(facts.pop("sequences"))}
    facts = {name: tuple(value) if isinstance(value, list) else value for name, value in facts.items()}
    facts["absent"] = tuple(map(tuple, facts.get("absent", ())))
    return Benchmark(key=key, targets=targets, **facts)


def _targets(sequences) -> Iterable[Target]:
    if isinstance(sequences, list):
        return [Target(name, name) for name in sequences]
    if "pattern" in sequences:
        names = [sequences["pattern"] % number for number in range(1, sequences["count"] + 1)]
        return [Target(name, name) for name in names]
    facts = {name: value if isinstance(value, dict) else {"frames": value} for name, value in sequences.items()}
    return [Target(name, fields.pop("folder", name), **fields) for name, fields in facts.items()]


# --- names


def _spelled(name: str) -> str:
    return re.sub(r"[-. ]", "_", name).lower()


def name_of(benchmark: Benchmark, text: str) -> str | None:
    """The benchmark's name that a text spells, in any case, with any separators or a toolkit's prefix; None: none."""
    texts = [text]
    if benchmark.prefix and text.lower().startswith(benchmark.prefix):
        texts.append(text[len(benchmark.prefix) :])
    for spelled in texts:
        for spelling in (spelled, _spelled(spelled), squeezed(spelled)):
            if spelling in benchmark.spellings:
                return benchmark.spellings[spelling]
    return None


def chosen(benchmark: Benchmark, sequences: str | os.PathLike | ListOf[str] | None = None) -> tuple[str, ...]:
    """Names of all sequences (None), of A,B,..., of a text file with a name a line, or of a list.

    `InputError` says which name is none of the benchmark's or comes twice.
    """
    if sequences is None:
        return tuple(benchmark.targets)
    if isinstance(sequences, (str, os.PathLike)):
        sequences = read_text(sequences).split() if is_file(sequences) else split_names(str(sequences))
    named = [name_of(benchmark, name) for name in sequences]
    unknown = [text for text, name in zip(sequences, named) if name is None]
    if unknown or not named:
        which = f"{unknown[0]} is no sequence of {benchmark.title}" if unknown else "no sequence is named"
        raise InputError(f"{which}: names are as in {summary(list(benchmark.targets), 3)}.")
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise InputError(f"{', '.join(twice)} of {benchmark.title} is named more than once.")
    return tuple(named)


# --- files


def _filled(templates: Iterable[str], target: Target) -> list[str]:
    words = {"name": target.name, "folder": target.folder, "class": target.name.rpartition("-")[0]}
    return [template.format(**words) for template in templates]


def _first(templates: Iterable[str], target: Target, root: Path) -> Path | None:
    """The first path that is there; in another case when none is as it is written."""
    paths = _filled(templates, target)
    exact = next((root / path for path in paths if (root / path).exists()), None)
    return exact or next(filter(None, (_in_any_case(root, path) for path in paths)), None)


def _in_any_case(root: Path, path: str) -> Path | None:
    """A path below `root` whose parts are spelled in any case; None when there is none."""
    for part in path.split("/"):
        there = root.iterdir() if root.is_dir() else ()
        root = next((entry for entry in sorted(there) if entry.name.lower() == part.lower()), None)
        if root is None:
            return None
    return root


def truth_file(benchmark: Benchmark, root: Path, name: str) -> Path | None:
    """The file of a sequence's boxes; None when there is none."""
    return _first(benchmark.truth, benchmark.targets[name], root)


def image_folder(benchmark: Benchmark, root: Path, name: str) -> Path | None:
    """The folder of a sequence's images; None when there is none."""
    folder = _first(benchmark.images, benchmark.targets[name], root)
    return folder if folder is not None and folder.is_dir() else None


def read_labels(path: str | os.PathLike, count: int | None = None) -> np.ndarray:
    """Read whole numbers parted by commas, blanks or lines, (N,) int.

    `InputError` when something else is there, or not `count` of them.
    """
    try:
        labels = np.array([int(float(text)) for text in read_text(path).replace(",", " ").split()], int)
    except (ValueError, OverflowError):
        raise InputError(f"{path} holds something that is no number: a label each is needed.") from None
    if count is not None and len(labels) != count:
        raise InputError(f"{path} has {len(labels)} labels where {count} are needed.")
    return labels


def read_truth_of(benchmark: Benchmark, root: str | os.PathLike, name: str) -> Truth:
    """Read the annotations of a sequence; no image is needed.

    Raises
    ------
    InputError
        When its boxes are not there, cannot be read, or are not as many as the benchmark lists.
    """
    target, root = benchmark.targets[name], Path(root)
    path = truth_file(benchmark, root, name)
    if path is None:
        raise InputError(f"{root} holds no boxes of {name}: {_like(benchmark.truth, target)} is needed.")
    boxes, corners = _read_rows(benchmark, path)
    if benchmark.withheld:
        boxes = boxes[:1]
    elif benchmark.rows == "nfs" and 1 < len(boxes) == target.frames + 1:
        boxes = boxes[: target.frames]  # got10k cuts a difference of one
    elif benchmark.rows != "nfs" and target.frames and len(boxes) != target.frames:
        raise InputError(f"{path} has {len(boxes)} boxes; {benchmark.title}'s {name} has {target.frames} frames.")
    return Truth(
        name,
        boxes,
        corners,
        None if benchmark.withheld else _absent(benchmark, target, root, len(boxes)),
        _attributes(benchmark, target, root),
        _size(_first(benchmark.size_files, target, root)),
    )


def _read_rows(benchmark: Benchmark, path: Path) -> tuple[np.ndarray, bool]:
    """Boxes (N, 4) of a file, and whether it has corners, as NfS's own have and copies of it may not."""
    if benchmark.rows == "nfs" and len(read_text(path).partition("\n")[0].split()) > 8:
        return read_corners(path, benchmark.every)[0], True
    return read_boxes(path), False


def _absent(benchmark: Benchmark, target: Target, root: Path, count: int) -> np.ndarray | None:
    for group in benchmark.absent:
        paths = [_first([template], target, root) for template in group]
        if None not in paths:
            return np.any([read_labels(path, count) == benchmark.absent_value for path in paths], axis=0)
    return None


def _attributes(benchmark: Benchmark, target: Target, root: Path) -> tuple[str, ...] | None:
    """Attributes of a sequence; None without a file of them, or where it has another number of labels."""
    path = _first(benchmark.attribute_files, target, root)
    labels = () if path is None else read_labels(path)
    if not benchmark.attributes or len(labels) != len(benchmark.attributes):  # Carchasing_ce3 of TC-128 has one label
        return None
    return tuple(attribute for attribute, label in zip(benchmark.attributes, labels) if label == 1)


def _size(path: Path | None) -> tuple[int, int] | None:
    """(width, height) of a line `resolution: (1920, 1080)`."""
    match = None if path is None else re.search(r"resolution:\s*\((\d{1,6}),\s*(\d{1,6})\)", read_text(path))
    return None if match is None else (int(match[1]), int(match[2]))


def _like(templates: ListOf[str], target: Target) -> str:
    return _filled(templates[:1], target)[0]


def read_truth(
    benchmark: Benchmark, root: str | os.PathLike, names: Iterable[str], allow_missing: bool = False
) -> dict[str, Truth]:
    """Read the annotations of sequences, from the official folder or from one of annotations alone.

    Raises
    ------
    InputError
        When boxes are missing (unless `allow_missing`, which asks for at least one sequence), or cannot be read.
    """
    root, names = Path(root), tuple(names)
    if not root.is_dir():
        raise InputError(f"{root} is no folder: give the folder of {benchmark.title} or of its annotations.")
    there = [name for name in names if truth_file(benchmark, root, name) is not None]
    absent = [name for name in names if name not in set(there)]
    if absent and (not allow_missing or not there):
        which = _like(benchmark.truth, benchmark.targets[absent[0]]) + (", ..." if len(absent) > 1 else "")
        raise InputError(
            f"{root} lacks the boxes of {len(absent)} of {len(names)} sequences of {benchmark.title} "
            f"({which}): {FOR_MISSING}"
        )
    return {name: read_truth_of(benchmark, root, name) for name in there}


# --- sequences with their frames


def load_target(benchmark: Benchmark, root: str | os.PathLike, name: str) -> Sequence:
    """Load a sequence with its frames.

    Raises
    ------
    InputError
        When images or boxes are missing, or are not equally many.
    """
    target = benchmark.targets[name]
    folder = image_folder(benchmark, Path(root), name)
    if folder is None:
        raise InputError(f"{root} holds no images of {name}: {_like(benchmark.images, target)} is needed.")
    truth = read_truth_of(benchmark, root, name)
    boxes = truth.boxes
    if target.frames and benchmark.rows != "nfs":
        paths, inside = images_of_range(folder, target.first, target.first + target.frames - 1)
        paths = [path for path, kept in zip(paths, inside) if kept]
    else:
        paths = image_files(folder)
    if benchmark.withheld:
        boxes = np.vstack([boxes, np.full((max(len(paths) - 1, 0), 4), np.nan)])
    if benchmark.rows == "nfs" and abs(len(paths) - len(boxes)) == 1:  # got10k cuts a difference of one
        paths, boxes = paths[: len(boxes)], boxes[: len(paths)]
    if len(paths) != len(boxes):
        raise InputError(f"{folder} has {len(paths)} images, but {name} has {len(boxes)} boxes.")
    tags = {} if truth.absent is None else {"absent": truth.absent[: len(boxes)]}
    return Sequence(name, ImageFolder(paths, name), boxes, truth.attributes or (), benchmark.origin, tags)


def missing_targets(benchmark: Benchmark, root: Path, names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Names of the sequences that lack boxes, and of those that lack images."""
    names = tuple(names)
    return (
        [name for name in names if truth_file(benchmark, root, name) is None],
        [name for name in names if image_folder(benchmark, root, name) is None],
    )


def load_targets(
    key: str,
    root: str | os.PathLike,
    names: str | os.PathLike | ListOf[str] | None = None,
    allow_missing: bool = False,
) -> list[Sequence]:
    """Load the sequences of a benchmark, or those of `names`, in the benchmark's order.

    One without boxes or images raises `InputError`, unless `allow_missing`; a damaged one always does.
    """
    benchmark, root = read_benchmark(key), Path(root)
    chosen_names = chosen(benchmark, names)
    lacking = missing_targets(benchmark, root, chosen_names)
    absent = set(lacking[0]) | set(lacking[1])
    if absent and (not allow_missing or len(absent) == len(chosen_names)):
        kinds = (("boxes", benchmark.truth), ("images", benchmark.images))
        parts = [
            f"{what} of {len(part)} ({_like(templates, benchmark.targets[part[0]])}{', ...' if len(part) > 1 else ''})"
            for (what, templates), part in zip(kinds, lacking)
            if part
        ]
        hint = f": {FOR_MISSING}" if len(absent) < len(chosen_names) else "."
        raise InputError(
            f"{root} lacks {' and '.join(parts)} of the {len(chosen_names)} sequences of {benchmark.title}{hint}"
        )
    return [load_target(benchmark, root, name) for name in chosen_names if name not in absent]
