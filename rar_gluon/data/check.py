"""What of a dataset is there, what is missing, what is inconsistent: `rar data check DATASET ROOT`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterable, Iterator

import numpy as np

from rar_gluon.common import InputError
from rar_gluon.data import benchmarks, folder, otb, vid, vot
from rar_gluon.data.datasets import DATASETS
from rar_gluon.data.frames import ImageFolder
from rar_gluon.data.sequence import Sequence

VOT_SEQUENCES = 60  # in each challenge from VOT2015 to VOT2019


@dataclass(frozen=True)
class Report:
    """What `check` found.

    Attributes
    ----------
    dataset, root : what was checked.
    present : a line for each sequence that can be loaded.
    frames : number of their frames.
    missing : what is not there at all.
    problems : what is there but inconsistent, one sentence each.
    """

    dataset: str
    root: Path
    present: tuple[str, ...]
    frames: int
    missing: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether nothing is missing and nothing is inconsistent."""
        return not self.missing and not self.problems

    def text(self) -> str:
        """Printable, ends with a verdict."""
        parts = [f"{self.dataset} in {self.root}", ""]
        for title, lines in (("Present", self.present), ("Missing", self.missing), ("Inconsistent", self.problems)):
            parts += [f"{title}: {len(lines)}"] + [f"  {line}" for line in lines]
        verdict = "complete" if self.complete else "NOT complete"
        parts += ["", f"{len(self.present)} sequences, {self.frames} frames: {verdict}."]
        return "\n".join(parts)


def _where(rows: np.ndarray) -> str:
    first = np.flatnonzero(rows)[0] + 1
    return f"{rows.sum()} of {len(rows)} boxes, the first in frame {first} of the sequence,"


def _faults(sequence: Sequence, empty_boxes: int = 0) -> Iterator[str]:
    """What is wrong inside a sequence that loaded; `empty_boxes` without area are known of its published truth."""
    if isinstance(sequence.frames, ImageFolder):
        empty = [path for path in sequence.frames.paths if path.stat().st_size == 0]
        if empty:
            yield f"{sequence.name}: {len(empty)} image files are empty, the first is {empty[0]}."
    unknown = np.isnan(sequence.boxes)
    half = unknown.any(axis=1) & ~unknown.all(axis=1)
    if half.any():
        yield f"{sequence.name}: {_where(half)} are NaN in part."
    flat = (sequence.boxes[:, 2:] <= 0).any(axis=1) & ~sequence.tags.get("absent", np.zeros(len(sequence), bool))
    if flat.sum() != empty_boxes:
        yield f"{sequence.name}: {_where(flat) if flat.any() else 'no box'} without area; {empty_boxes} expected."
    if unknown.all():
        yield f"{sequence.name}: no frame has a box."


def _line(sequence: Sequence) -> str:
    absent = int(np.isnan(sequence.boxes).all(axis=1).sum())
    return f"{sequence.name}: {len(sequence)} frames" + (f", {absent} without a box" if absent else "")


def _report(
    dataset: str,
    root: Path,
    loads: Iterable[Callable[[], list[Sequence]]],
    missing: Iterable[str] = (),
    empty_boxes: Callable[[str], int] = lambda name: 0,
) -> Report:
    """Run every load, and note the sentence of each that fails."""
    present, problems, frames = [], [], 0
    for load in loads:
        try:
            sequences = load()
        except InputError as error:
            problems.append(str(error))
            continue
        for sequence in sequences:
            present.append(_line(sequence))
            problems += _faults(sequence, empty_boxes(sequence.name))
        frames += len(sequences[0]) if sequences else 0  # targets that are loaded together share their frames
    return Report(dataset, root, tuple(present), frames, tuple(missing), tuple(problems))


def check_otb(dataset: str, root: Path) -> Report:
    """Check OTB: every target of the list."""
    names = otb.sequence_names(dataset)
    absent = [name for name in names if not (root / otb.ENTRIES[name].folder).is_dir()]
    loads = [lambda name=name: [otb.load_sequence(root, name)] for name in names if name not in absent]
    return _report(dataset, root, loads, absent, lambda name: otb.ENTRIES[name].empty_boxes)


def check_folder(dataset: str, root: Path) -> Report:
    """Check a folder of sequences."""
    names = folder.sequence_names(root)
    return _report(dataset, root, [lambda name=name: [folder.load_sequence(root, name)] for name in names])


def check_vid(dataset: str, root: Path) -> Report:
    """Check both splits of VID."""
    loads, missing = [], []
    for split, (_, full) in vid.SPLITS.items():
        try:
            names = vid.snippets(root, split)
        except InputError as error:
            missing.append(f"{split}: all {full} snippets ({error})")
            continue
        if len(names) != full:
            missing.append(f"{split}: {full - len(names)} of {full} snippets")
        loads += [lambda name=name: vid.load_snippet(root, name) for name in names]
    return _report(dataset, root, loads, missing)


def check_vot(dataset: str, root: Path) -> Report:
    """Check VOT: every sequence of list.txt."""
    names = vot.sequence_names(root)
    absent = [name for name in names if not (root / name).is_dir()]
    missing = absent + ([f"list.txt names {len(names)} of {VOT_SEQUENCES}"] if len(names) != VOT_SEQUENCES else [])
    loads = [lambda name=name: [vot.load_sequence(root, name)] for name in names if name not in absent]
    return _report(dataset, root, loads, missing)


def check_benchmark(dataset: str, root: Path) -> Report:
    """Check one of `benchmarks.NAMES`: boxes and images of every sequence; `InputError` when there is nothing."""
    benchmark = benchmarks.read_benchmark(dataset)
    boxes, images = map(set, benchmarks.missing_targets(benchmark, root, benchmark.targets))
    absent = [name for name in benchmark.targets if name in boxes | images]
    if len(absent) == len(benchmark.targets):
        benchmarks.load_targets(dataset, root)  # says what is needed
    there = [name for name in benchmark.targets if name not in boxes | images]
    loads = [lambda name=name: [benchmarks.load_target(benchmark, root, name)] for name in there]
    return _report(dataset, root, loads, absent)


def check(dataset: str, root: str | os.PathLike) -> Report:
    """Look through a dataset without decoding its images.

    Parameters
    ----------
    dataset : a name of `DATASETS`.
    root : where it lies.

    Raises
    ------
    InputError
        When `dataset` is unknown, `root` is no folder, or nothing in it can be taken for the dataset.
    """
    root = Path(root)
    if dataset not in DATASETS:
        raise InputError(f"'{dataset}' is no dataset that can be checked: choose one of {', '.join(DATASETS)}.")
    if not root.is_dir():
        raise InputError(f"{root} is no folder: give the folder that holds {dataset}.")
    return DATASETS[dataset].check(root)
