"""The datasets by name: how each is loaded, checked and prepared. Commands and experiments read this one table.

Nothing is imported for it before it is used, so that the command line can name the datasets without waiting.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence

from rar_gluon.common import InputError

NAMES = Optional[List[str]]  # of sequences; None: all of the dataset


@dataclass(frozen=True)
class Dataset:
    """What can be done with a dataset.

    Attributes
    ----------
    load : (root, names, allow_missing) to sequences that trackers are run on.
    check : root to `rar_gluon.data.check.Report`.
    units, load_unit : for those that can be trained on, (root, split) to the names of what is packed at once, and
        (root, name) to the sequences of one.
    """

    load: Callable
    check: Callable
    units: Callable | None = None
    load_unit: Callable | None = None


def _module(name: str):
    return import_module(f"rar_gluon.data.{name}")


def _load_otb(dataset: str, root: Path, names: NAMES, allow_missing: bool) -> list:
    return _module("otb").load(root, names or dataset, allow_missing, skip_initial=True)


def _otb_names(dataset: str, root: Path, split: str) -> List[str]:
    return [sequence.name for sequence in _load_otb(dataset, root, None, allow_missing=True)]


def _load_vot(root: Path, names: NAMES, allow_missing: bool) -> list:
    return _module("vot").load(root, names, allow_missing)


def _load_vid(root: Path, names: NAMES, allow_missing: bool) -> list:
    sequences = list(_module("vid").load(root, "val"))
    if names is None:
        return sequences
    unknown = [name for name in names if name not in {sequence.name for sequence in sequences}]
    if unknown and not (allow_missing and len(unknown) < len(names)):
        raise InputError(f"{root} holds no sequence named {unknown[0]}: they are named val/SNIPPET/TRACK.")
    return [sequence for sequence in sequences if sequence.name in names]


def _load_folder(root: Path, names: NAMES, allow_missing: bool) -> list:
    return _module("folder").load(root, names, allow_missing=allow_missing)


def _load_benchmark(dataset: str, root: Path, names: NAMES, allow_missing: bool) -> list:
    return _module("benchmarks").load_targets(dataset, root, names, allow_missing)


def _check(kind: str, dataset: str, root: Path):
    return getattr(_module("check"), f"check_{kind}")(dataset, root)


DATASETS: Dict[str, Dataset] = {
    **{
        name: Dataset(
            partial(_load_otb, name),
            partial(_check, "otb", name),
            partial(_otb_names, name),
            lambda root, name: _module("otb").load(root, [name]),
        )
        for name in ("otb2013", "tb50", "otb2015")
    },
    **{name: Dataset(_load_vot, partial(_check, "vot", name)) for name in ("vot2016", "vot2017", "vot2018", "vot2019")},
    **{
        name: Dataset(partial(_load_benchmark, name), partial(_check, "benchmark", name))
        for name in ("lasot", "got10k", "got10k_test", "uav123", "uav20l", "nfs30", "nfs240", "tc128")
    },
    "vid": Dataset(
        _load_vid,
        partial(_check, "vid", "vid"),
        lambda root, split: _module("vid").snippets(root, split),
        lambda root, name: _module("vid").load_snippet(root, name),
    ),
    "folder": Dataset(
        _load_folder,
        partial(_check, "folder", "folder"),
        lambda root, split: _module("folder").sequence_names(root),
        lambda root, name: [_module("folder").load_sequence(root, name)],
    ),
}
PREPARED = tuple(name for name, dataset in DATASETS.items() if dataset.units is not None)


def load_sequences(
    dataset: str, root: Path, names: str | Sequence[str] | None = None, allow_missing: bool = False
) -> list:
    """Load a dataset's sequences, or those of `names`, a list or A,B,...

    Raises
    ------
    InputError
        The dataset is unknown, or not there, or has no sequence of a name; `allow_missing` asks for at least one only.
    """
    if dataset not in DATASETS:
        raise InputError(f"'{dataset}' is no dataset: choose one of {', '.join(DATASETS)}.")
    if names is not None:
        names = chosen_names(names)
    return DATASETS[dataset].load(Path(root), names, allow_missing)


def chosen_names(names: str | Sequence[str]) -> List[str]:
    """A list of names, or A,B,... as one; `InputError` when it is empty."""
    names = split_names(names) if isinstance(names, str) else list(names)
    if not names:
        raise InputError("the list of sequences names none: give A,B,..., or leave it out for all.")
    return names


def split_names(text: str) -> List[str]:
    """Split A,B,... into names, with or without blanks around them; '' has none."""
    return [name.strip() for name in text.split(",") if name.strip()]
