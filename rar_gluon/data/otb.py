"""OTB-2013, TB-50 and OTB-2015 in their official folders: ROOT/NAME/img/*.jpg and ROOT/NAME/groundtruth_rect.txt.

The facts of the benchmark (lists, frame ranges, attributes) are data: `otb.yaml`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Mapping
from typing import Sequence as ListOf

import numpy as np
import yaml

from rar_gluon.common import InputError, is_file
from rar_gluon.data.datasets import split_names
from rar_gluon.data.frames import ImageFolder
from rar_gluon.data.listing import image_files
from rar_gluon.data.sequence import Sequence, read_boxes

ATTRIBUTES = {
    "IV": "illumination variation",
    "OPR": "out-of-plane rotation",
    "SV": "scale variation",
    "OCC": "occlusion",
    "DEF": "deformation",
    "MB": "motion blur",
    "FM": "fast motion",
    "IPR": "in-plane rotation",
    "OV": "out of view",
    "BC": "background clutter",
    "LR": "low resolution",
}
ATTRIBUTE_LISTS = ("matlab", "website")
FOR_MISSING = "--allow-missing goes on without them."  # what a message on missing sequences ends with


@dataclass(frozen=True)
class Entry:
    """What the benchmark fixes about one target; the fields are described in `otb.yaml`."""

    name: str
    folder: str
    frames: int
    truth: str = "groundtruth_rect.txt"
    first: int = 1
    initial_omit: int = 0
    empty_boxes: int = 0
    attributes: tuple[str, ...] = ()
    website: tuple[str, ...] = ()

    @property
    def last(self) -> int:
        """Number of the last image of the range."""
        return self.first + self.frames - 1

    def attribute_list(self, which: str) -> tuple[str, ...]:
        """Attributes as in the "matlab" list (figures of papers) or the "website" list."""
        if which not in ATTRIBUTE_LISTS:
            raise InputError(f"'{which}' is no attribute list: choose {' or '.join(ATTRIBUTE_LISTS)}.")
        chosen = self.attributes + (self.website if which == "website" else ())
        return tuple(attribute for attribute in ATTRIBUTES if attribute in chosen)


def _read_facts() -> tuple[dict[str, Entry], dict[str, tuple[str, ...]]]:
    facts = yaml.safe_load(Path(__file__).with_name("otb.yaml").read_text(encoding="utf-8"))
    entries = {}
    for name, fields in facts["sequences"].items():
        tuples = {key: tuple(fields.pop(key, ())) for key in ("attributes", "website")}
        entries[name] = Entry(name, fields.pop("folder", name), **fields, **tuples)
    lists = {name: tuple(names) for name, names in facts["lists"].items()}
    return entries, {**lists, "otb2015": tuple(entries)}


ENTRIES, LISTS = _read_facts()


def squeezed(name: str) -> str:
    """Spell a sequence's name without case and separators: Jogging-1, Jogging_1, Jogging.1, jogging1 are one."""
    return re.sub(r"[-_. ]", "", name).lower()


def _spellings() -> dict[str, str]:
    names = {squeezed(name): name for name in ENTRIES}
    folders = [entry.folder for entry in ENTRIES.values()]
    alone = {squeezed(entry.folder): entry.name for entry in ENTRIES.values() if folders.count(entry.folder) == 1}
    return {**alone, **names}  # `alone` adds Human4 for Human4-2


SPELLINGS = _spellings()


def match_files(paths: Iterable[Path], names: Iterable[str]) -> dict[str, Path]:
    """Find the file of each sequence by its stem, in any spelling of the name.

    Returns
    -------
    Path by the benchmark's own name; sequences without a file are left out, files of other names are passed over.

    Raises
    ------
    InputError
        When two files spell the same sequence and neither is spelled as the benchmark does.
    """
    names, candidates = set(names), {}
    for path in sorted(paths):
        name = SPELLINGS.get(squeezed(path.stem))
        if name in names:
            candidates.setdefault(name, []).append(path)
    files_of = {}
    for name, files in candidates.items():
        exact = [path for path in files if path.stem == name]
        if len(files) > 1 and not exact:
            raise InputError(f"{files[0]} and {files[1].name} both stand for {name}: keep one of them.")
        files_of[name] = (exact or files)[0]
    return files_of


def sequence_names(sequences: str | os.PathLike | ListOf[str]) -> tuple[str, ...]:
    """Names of "otb2013" (51 targets), "tb50" (50), "otb2015" (100), of a text file with a name a line, of
    A,B,..., or of a list.

    Any spelling of a name is understood; `InputError` says which name is no OTB sequence or comes twice.
    """
    if isinstance(sequences, (str, os.PathLike)):
        if str(sequences) in LISTS:
            return LISTS[str(sequences)]
        where, names = str(sequences), split_names(str(sequences))
        if is_file(sequences):
            names = Path(sequences).read_text(encoding="utf-8", errors="replace").split()
        elif len(names) == 1 and squeezed(names[0]) not in SPELLINGS:
            raise InputError(f"'{where}' is neither one of {', '.join(LISTS)} nor a file, nor a sequence's name.")
        sequences = names
    else:
        where = "the list of sequences"
    unknown = [name for name in sequences if squeezed(name) not in SPELLINGS]
    if unknown or not sequences:
        raise InputError(f"{where} holds {', '.join(unknown) or 'no name'}: names of OTB sequences are needed.")
    names = tuple(SPELLINGS[squeezed(name)] for name in sequences)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{where} names {', '.join(twice)} more than once.")
    return names


def first_row(entry: Entry, rows: int) -> int | None:
    """Tell by its length which image number the first row of a text file of boxes belongs to.

    A file holds the range, the range without the frames that MATLAB omits (Tiger1: 349 of 354), or every image from
    number 1 (David: 770 of which 300-770 are the range). None: the length fits none of them.
    """
    starts = {entry.last - first + 1: first for first in (1, entry.first + entry.initial_omit, entry.first)}
    return starts.get(rows)


def images_of_range(folder: Path, first: int, last: int) -> tuple[list[Path], np.ndarray]:
    """Images of a folder, which are named by their numbers, and which of them are of the range, (N,) bool.

    `InputError` when a name is no number, or an image of the range is missing.
    """
    paths = image_files(folder)
    unnumbered = [path for path in paths if not path.stem.isdecimal()]
    if unnumbered:
        raise InputError(f"{unnumbered[0]}: the names of the benchmark's images are their numbers.")
    numbers = np.array([int(path.stem) for path in paths])
    inside = (numbers >= first) & (numbers <= last)
    expected = np.arange(first, last + 1)
    if not np.array_equal(numbers[inside], expected):
        absent = np.setdiff1d(expected, numbers)
        which = f"{len(absent)} missing, the first is {absent[0]}" if len(absent) else "a number comes twice"
        raise InputError(f"{folder}: images {first}-{last} are needed; {which}.")
    return paths, inside


def load_sequence(
    root: str | os.PathLike, name: str, skip_initial: bool = False, attributes: str = "matlab"
) -> Sequence:
    """Load one target.

    Parameters
    ----------
    root : folder that holds the sequences' folders.
    name : the benchmark's name, e.g. "Jogging-1".
    skip_initial : leave out the frames that MATLAB omits (Tiger1 then starts at image 6 and has 349 frames).
    attributes : "matlab" or "website".

    Raises
    ------
    InputError
        When images or boxes of the range are missing, or boxes fit neither the range nor the folder.
    """
    entry = ENTRIES[name]
    folder = Path(root) / entry.folder
    if not (folder / "img").is_dir():
        raise InputError(f"{folder / 'img'} does not exist: the images of {name} belong there.")
    paths, inside = images_of_range(folder / "img", entry.first, entry.last)
    boxes = read_boxes(folder / entry.truth)
    if len(boxes) == len(paths):  # one row an image of the folder
        boxes = boxes[inside]
    if len(boxes) != entry.frames:
        raise InputError(
            f"{folder / entry.truth} has {len(boxes)} boxes, but the range {entry.first}-{entry.last} has "
            f"{entry.frames} frames and the folder {len(paths)} images."
        )
    skipped = entry.initial_omit if skip_initial else 0
    frames = [path for path, keep in zip(paths, inside) if keep][skipped:]
    return Sequence(name, ImageFolder(frames, name), boxes[skipped:], entry.attribute_list(attributes), origin=1)


def load(
    root: str | os.PathLike,
    names: str | os.PathLike | ListOf[str] = "otb2015",
    allow_missing: bool = False,
    skip_initial: bool = False,
    attributes: str = "matlab",
) -> list[Sequence]:
    """Load the sequences of a list (see `sequence_names`) in its order.

    A sequence without a folder raises `InputError`, unless `allow_missing`; a damaged one always does.
    """
    chosen = sequence_names(names)
    present = [name for name in chosen if (Path(root) / ENTRIES[name].folder).is_dir()]
    absent = [name for name in chosen if name not in present]
    if absent and (not allow_missing or not present):
        raise InputError(f"{root} lacks {len(absent)} of {len(chosen)} sequences ({summary(absent)}): {FOR_MISSING}")
    return [load_sequence(root, name, skip_initial, attributes) for name in present]


def is_root(folder: str | os.PathLike) -> bool:
    """Tell whether a folder holds folders of OTB's sequences and no others."""
    folders = {path.name for path in Path(folder).iterdir() if path.is_dir() and not path.name.startswith(".")}
    return bool(folders) and folders <= {entry.folder for entry in ENTRIES.values()}


def summary(names: ListOf[str], most: int = 8) -> str:
    """Join names for a message, the first few of many."""
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def read_truth(
    annotations: str | os.PathLike, names: Iterable[str], allow_missing: bool = False
) -> Mapping[str, tuple[int, np.ndarray]]:
    """Read only the boxes, from a folder of NAME.txt or from an OTB root; no image is needed.

    Returns
    -------
    By name: the image number of the first box, and the boxes (N, 4) of the range.

    Raises
    ------
    InputError
        When a file is missing (unless `allow_missing`), or its length is neither the range's nor the whole video's.
    """
    annotations, names = Path(annotations), tuple(names)
    if not annotations.is_dir():
        raise InputError(
            f"{annotations} is no folder: give a folder of SEQUENCE.txt, or the folder of OTB's sequences."
        )
    files = match_files(annotations.glob("*.txt"), names)
    for name in names:
        official = annotations / ENTRIES[name].folder / ENTRIES[name].truth
        if name not in files and official.is_file():
            files[name] = official
    absent = [name for name in names if name not in files]
    if absent and (not allow_missing or not files):
        raise InputError(
            f"{annotations} lacks the boxes of {len(absent)} of {len(names)} sequences ({summary(absent)}): "
            f"{FOR_MISSING}"
        )
    truth = {}
    for name in names:
        if name not in files:
            continue
        entry, boxes = ENTRIES[name], read_boxes(files[name])
        first = first_row(entry, len(boxes))
        if first is None:
            raise InputError(f"{files[name]} has {len(boxes)} boxes; the benchmark's {name} has {entry.frames}.")
        skipped = max(entry.first - first, 0)
        truth[name] = (first + skipped, boxes[skipped:])
    return truth
