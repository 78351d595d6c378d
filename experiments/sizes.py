"""The three sizes of every experiment: what sizes/NAME.yaml says, and the sequences that it names."""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path
from typing import Dict, List, Mapping, Tuple
from typing import Sequence as ListOf

from rar_gluon import config as configuration
from rar_gluon import strict_yaml
from rar_gluon.common import InputError
from rar_gluon.config import Config
from rar_gluon.data import otb
from rar_gluon.data.clips import Tracks
from rar_gluon.data.datasets import DATASETS, load_sequences, split_names
from rar_gluon.data.sequence import Sequence

HERE = Path(__file__).resolve().parent
BASE = HERE / "rar.yaml"
SIZES = ("quick", "local", "full")
LOCAL_FRAMES = 20000  # assumed of an evaluation that a dry run was not given


def read_size(name: str) -> Dict:
    """Read sizes/NAME.yaml."""
    return strict_yaml.read(HERE / "sizes" / f"{name}.yaml")


def layers(path: Path) -> List[Dict]:
    """What a row's file, and the files it is based on, change of rar.yaml, the first to be applied first."""
    values = strict_yaml.read(path) or {}
    base = values.pop("base", "rar")
    parent = path.parent / base
    if base == "rar" or parent.resolve() == BASE:
        return [values]
    return [*layers(parent if parent.is_file() else configuration.PRESETS / f"{base}.yaml"), values]


def row_config(path: Path, size: Mapping, seed: int) -> Config:
    """rar.yaml, made small by the size, then changed by the row: what a row says holds at every size."""
    config = configuration.from_dict(size, "size", configuration.load(BASE))
    for values in layers(path):
        config = configuration.from_dict(values, str(path), config)
    return configuration.from_dict({"training": {"seed": seed}}, "seed", config)


def tracking_of(spec: Mapping, arguments: argparse.Namespace) -> Dict:
    """What is tracked: the size's `spec`, completed by --frames, --sequences, and --eval or --otb."""
    spec = dict(spec)
    if arguments.frames is not None:
        spec["frames"] = arguments.frames
    if arguments.size != "quick":
        folders = arguments.eval if arguments.size == "local" else [arguments.otb]
        spec["folders"] = [str(folder.resolve()) for folder in folders]
        if arguments.sequences is not None:
            spec["names"] = split_names(arguments.sequences)
            if not spec["names"]:
                raise InputError("--sequences names none: give A,B,..., or leave it out.")
    return spec


def matching_of(spec: Mapping, arguments: argparse.Namespace) -> Dict:
    """What a call matches: the size's `matching`, changed by --pairs and --curve."""
    given = {"pairs": arguments.pairs, "steps": arguments.curve}
    return {**spec, **{key: value for key, value in given.items() if value is not None}}


def changes(arguments: argparse.Namespace) -> List[str]:
    """A sentence on what a call changed of its size, for its report; none when nothing."""
    given = [*arguments.set, *([] if arguments.frames is None else [f"--frames {arguments.frames}"])]
    given += [] if arguments.weights is None else [f"--weights {arguments.weights.name}"]
    given += [] if arguments.start is None else [f"--start {Path(arguments.start).name}"]
    given += [] if arguments.pairs is None else [f"--pairs {arguments.pairs}"]
    given += [] if arguments.curve is None else [f"--curve {','.join(map(str, arguments.curve))}"]
    return [f"Changed from the size: {', '.join(given)}."] if given else []


def planned_frames(arguments: argparse.Namespace, spec: Mapping) -> int:
    """Frames that each tracker will see.

    A plan needs no data: OTB's frames are known, and of folders that are not there `LOCAL_FRAMES` are assumed.
    """
    if arguments.size == "full":
        names = otb.sequence_names("otb2015" if arguments.sequences is None else split_names(arguments.sequences))
        counts = [otb.ENTRIES[name].frames - otb.ENTRIES[name].initial_omit for name in names]
        most = spec["frames"] if arguments.frames is None else arguments.frames
        return sum(min(count, most) if most else count for count in counts)
    if arguments.size == "local" and not (arguments.eval and all(folder.is_dir() for folder in arguments.eval)):
        return LOCAL_FRAMES
    return sum(map(len, sequences_of(tracking_of(spec, arguments))))


def protocol_name(spec: Mapping) -> str:
    """Protocols that the sequences of an evaluation are scored by: OTB's own, and "folder" for all others."""
    kinds = {dataset_of(folder) for folder in spec.get("folders", ["none"]) if Path(folder).is_dir()} or {"folder"}
    return " and ".join(sorted({"matlab" if kind == "otb2015" else "folder" for kind in kinds}))


def sequences_of(spec: Mapping) -> List[Sequence]:
    """Open what is tracked: the sequences of `folders` (and `names`), or `synthetic` ones and the demo's `clips`.

    `frames` is what is taken of each, 0 for all; with `seen`, only synthetic sequences whose target is seen in every
    frame count (VOT's experiment needs a truth everywhere).
    """
    from rar_gluon.data.demo import demo_sequence
    from rar_gluon.data.sequence import shortened
    from rar_gluon.data.synthetic import SyntheticTracks

    if "folders" in spec:
        found = _of_folders(spec["folders"], spec.get("names"))
    else:
        made = SyntheticTracks(length=spec["frames"], seed=spec["seed"])
        tracks = (t for t in range(len(made)) if not spec.get("seen") or made.scene(t).visible.all())
        found = [made.sequence(track) for track in itertools.islice(tracks, spec["synthetic"])]
        found += [demo_sequence(name) for name in spec.get("clips", ())]
    return [shortened(sequence, spec["frames"]) for sequence in found] if spec["frames"] else found


def dataset_of(folder: str) -> str:
    """Name of the dataset that a folder of sequences holds: OTB's in its own folders, or any."""
    return "otb2015" if otb.is_root(folder) else "folder"


def names_of(folder: str, names: ListOf[str] | None) -> List[str]:
    """Names of a folder's sequences, all or those of `names`."""
    present = list(DATASETS[dataset_of(folder)].units(Path(folder), "train"))
    return present if names is None else [name for name in present if name in names]


def _of_folders(folders: ListOf[str], names: ListOf[str] | None) -> List[Sequence]:
    """Sequences of several folders; `InputError` when two share a name, or one of `names` is in none."""
    chosen = {folder: names_of(folder, names) for folder in folders}
    every = [name for found in chosen.values() for name in found]
    absent = sorted(set(names or ()) - set(every))
    twice = sorted({name for name in every if every.count(name) > 1})
    if absent or not every:
        raise InputError(f"{', '.join(folders)}: no sequence named {absent[0] if absent else 'anything'} is there.")
    if twice:
        raise InputError(f"{twice[0]} is in two of {', '.join(folders)}: leave it out of one.")
    return [
        sequence
        for folder, found in chosen.items()
        if found
        for sequence in load_sequences(dataset_of(folder), Path(folder), found)
    ]


def sources_of(spec: Mapping) -> List[Tuple[Tracks, float]]:
    """What pairs are cut from: prepared `records`, all tracks alike, or `synthetic` sequences of a seed."""
    from rar_gluon.data.records import RecordTracks
    from rar_gluon.data.synthetic import SyntheticTracks

    if "records" in spec:
        opened = [RecordTracks(folder) for folder in spec["records"]]
        return [(tracks, float(len(tracks))) for tracks in opened]
    return [(SyntheticTracks(spec["synthetic"], seed=spec["seed"]), 1.0)]
