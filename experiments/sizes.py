"""The three sizes of every experiment: what sizes/NAME.yaml says, and the sequences and pairs that it names."""

from __future__ import annotations

import dataclasses
import itertools
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Tuple, Type, TypeVar
from typing import Sequence as ListOf

from rar_gluon import config as configuration
from rar_gluon import strict_yaml
from rar_gluon.common import InputError
from rar_gluon.config import Config
from rar_gluon.data import otb
from rar_gluon.data.clips import Tracks
from rar_gluon.data.datasets import DATASETS, load_sequences
from rar_gluon.data.sequence import Sequence, content_hash
from rar_gluon.provenance import file_hash

HERE = Path(__file__).resolve().parent
BASE = HERE / "rar.yaml"
SIZES = ("quick", "local", "full")
LOCAL_FRAMES = 20000  # assumed of an evaluation that a dry run was not given
T = TypeVar("T")


@dataclass(frozen=True)
class Evaluation:
    """What is tracked: the sequences of `folders` (of `names`, if any), or synthetic ones and clips of the demo.

    Attributes
    ----------
    frames : of each sequence; 0: all.
    synthetic, seed : how many synthetic sequences, drawn with which seed.
    seen : only synthetic sequences whose target is seen in every frame: VOT's experiment needs a truth everywhere.
    clips : of the demo, by name.
    """

    frames: int
    synthetic: int = 0
    seed: int = 0
    seen: bool = False
    clips: Tuple[str, ...] = ()
    folders: Tuple[str, ...] = ()
    names: Tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_fields(self)
        if self.frames < (1 if self.synthetic else 0):
            raise InputError(f"frames is {self.frames}: give how many, or 0 for all (not of synthetic sequences).")

    def content(self, sequences: ListOf[Sequence]) -> Dict[str, Any]:
        """What the sequences are, wherever they lie: JSON-able, with a hash of those of folders."""
        if not self.folders:
            return {key: value for key, value in plain(self).items() if key not in ("folders", "names")}
        return {"frames": self.frames, "sequences": content_hash(sequences)}


@dataclass(frozen=True)
class Matching:
    """Which pairs are matched: cut from prepared `records`, or from `synthetic` sequences of a seed.

    Attributes
    ----------
    pairs : how many.
    gap : frames between template and search region, at most.
    shift, scale : by which the search region is displaced (target sizes) and enlarged or shrunk, at most.
    steps : of the training after which pairs are matched, besides the last.
    """

    pairs: int
    gap: int
    shift: float
    scale: float
    steps: Tuple[int, ...] = ()
    synthetic: int = 0
    seed: int = 0
    records: Tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_fields(self)
        if self.pairs < 1:
            raise InputError(f"pairs is {self.pairs}, but must be at least 1.")

    @property
    def matched(self) -> int:
        """Pairs that a job matches, after each of the steps and the last."""
        return self.pairs * (len(self.steps) + 1)

    def content(self) -> Dict[str, Any]:
        """What is matched, wherever the records lie: JSON-able."""
        records = [records_identity(folder) for folder in self.records]
        return {**plain(self), "records": records}


@dataclass(frozen=True)
class Comparison:
    """What Table 2 and the figures run: our tracker (of a preset, or a row at size full), peers, on which sequences."""

    tracker: str
    peers: Tuple[str, ...]
    sequences: Evaluation
    supervised: Evaluation | None = None
    repetitions: int = 15

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class Size:
    """A size: its description, what it changes of rar.yaml, and what is matched, tracked and compared."""

    name: str
    description: str
    config: Mapping[str, Mapping[str, Any]]
    matching: Matching
    tracking: Evaluation
    comparison: Comparison | None = None

    def __post_init__(self) -> None:
        check_fields(self)


KINDS = {"int": int, "float": (int, float), "str": str, "bool": bool}


def check_fields(record: Any) -> None:
    """Raise `InputError` where a number, word or list of a record is of another kind; lists become tuples."""
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if field.type.startswith("Tuple"):
            kind = KINDS[field.type[len("Tuple[") :].split(",")[0]]
            good = isinstance(value, (list, tuple)) and all(isinstance(item, kind) for item in value)
            if good:
                object.__setattr__(record, field.name, tuple(value))
        else:
            kind = KINDS.get(field.type)
            good = kind is None or (isinstance(value, kind) and (kind is bool or not isinstance(value, bool)))
        if not good:
            raise InputError(f"{field.name} is {strict_yaml.display_text(value)}, but must be of type {field.type}.")


def read_into(kind: Type[T], values: Any, where: str) -> T:
    """Make a record of a mapping; `InputError` for what is unknown, missing or of another type."""
    if not isinstance(values, Mapping):
        raise InputError(f"{where} must hold keys and values.")
    known = {field.name: field for field in dataclasses.fields(kind)}
    unknown = [key for key in values if key not in known]
    missing = [name for name, field in known.items() if field.default is dataclasses.MISSING and name not in values]
    if unknown:
        raise InputError(f"{where} has no setting {unknown[0]}: choose of {', '.join(known)}.")
    if missing:
        raise InputError(f"{where} lacks {missing[0]}.")
    try:
        return kind(**values)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def plain(record: Any) -> Dict[str, Any]:
    """JSON-able mapping of a record, which `read_into` reads."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in vars(record).items()}


def read_size(name: str) -> Size:
    """Read sizes/NAME.yaml; `InputError` for what is unknown, missing or of another type."""
    path = HERE / "sizes" / f"{name}.yaml"
    values = dict(strict_yaml.read(path))
    for key, kind in (("matching", Matching), ("tracking", Evaluation)):
        values[key] = read_into(kind, values.get(key), f"{path}: {key}")
    if "comparison" in values:
        comparison = dict(values["comparison"])
        for key in {"sequences", "supervised"} & set(comparison):
            comparison[key] = read_into(Evaluation, comparison[key], f"{path}: comparison.{key}")
        values["comparison"] = read_into(Comparison, comparison, f"{path}: comparison")
    size = read_into(Size, {"name": name, **values}, str(path))
    configuration.from_dict(size.config, str(path), configuration.load(BASE))
    return dataclasses.replace(size, description=" ".join(size.description.split()))


def layers(path: Path) -> List[Dict]:
    """What a row's file, and the files it is based on, change of rar.yaml, the first to be applied first."""
    values = strict_yaml.read(path) or {}
    base = values.pop("base", "rar")
    parent = path.parent / base
    if base == "rar" or parent.resolve() == BASE:
        return [values]
    return [*layers(parent if parent.is_file() else configuration.PRESETS / f"{base}.yaml"), values]


def row_config(path: Path, overlay: Mapping, seed: int) -> Config:
    """rar.yaml, made small by a size's `overlay`, then changed by the row: what a row says holds at every size."""
    config = configuration.from_dict(overlay, "size", configuration.load(BASE))
    for values in layers(path):
        config = configuration.from_dict(values, str(path), config)
    return configuration.from_dict({"training": {"seed": seed}}, "seed", config)


def planned_frames(evaluation: Evaluation, size: str) -> int:
    """Frames that each tracker will see.

    A plan needs no data: OTB's frames are known, and of folders that are not there `LOCAL_FRAMES` are assumed.
    """
    if size == "full":
        names = otb.sequence_names(list(evaluation.names) or "otb2015")
        counts = [otb.ENTRIES[name].frames - otb.ENTRIES[name].initial_omit for name in names]
        return sum(min(count, evaluation.frames) if evaluation.frames else count for count in counts)
    if size == "local" and not (evaluation.folders and all(Path(folder).is_dir() for folder in evaluation.folders)):
        return LOCAL_FRAMES
    return sum(map(len, sequences_of(evaluation)))


def protocol_name(folders: ListOf[str]) -> str:
    """Protocols that the sequences of folders are scored by: OTB's own, and "folder" for all others."""
    kinds = {dataset_of(folder) for folder in folders if Path(folder).is_dir()} or {"folder"}
    return " and ".join(sorted({"matlab" if kind == "otb2015" else "folder" for kind in kinds}))


def sequences_of(evaluation: Evaluation) -> List[Sequence]:
    """Open what is tracked."""
    from rar_gluon.data.demo import demo_sequence
    from rar_gluon.data.sequence import shortened
    from rar_gluon.data.synthetic import SyntheticTracks

    frames = evaluation.frames
    if evaluation.folders:
        opened = _of_folders(evaluation.folders, evaluation.names)
    else:
        made = SyntheticTracks(length=frames, seed=evaluation.seed)
        tracks = (t for t in range(len(made)) if not evaluation.seen or made.scene(t).visible.all())
        opened = [made.sequence(track) for track in itertools.islice(tracks, evaluation.synthetic)]
        opened += [demo_sequence(name) for name in evaluation.clips]
    return [shortened(sequence, frames) for sequence in opened] if frames else opened


def dataset_of(folder: str) -> str:
    """Name of the dataset that a folder of sequences holds: OTB's in its own folders, or any."""
    return "otb2015" if otb.is_root(folder) else "folder"


def names_of(folder: str, names: ListOf[str]) -> List[str]:
    """Names of a folder's sequences, all or those of `names`, if any."""
    present = list(DATASETS[dataset_of(folder)].units(Path(folder), "train"))
    return [name for name in present if name in names] if names else present


def _of_folders(folders: ListOf[str], names: ListOf[str]) -> List[Sequence]:
    """Sequences of several folders; `InputError` when two share a name, or one of `names` is in none."""
    chosen = {folder: names_of(folder, names) for folder in folders}
    every = [name for part in chosen.values() for name in part]
    absent = sorted(set(names) - set(every))
    twice = sorted({name for name in every if every.count(name) > 1})
    if absent or not every:
        raise InputError(f"{', '.join(folders)}: no sequence named {absent[0] if absent else 'anything'} is there.")
    if twice:
        raise InputError(f"{twice[0]} is in two of {', '.join(folders)}: leave it out of one.")
    return [
        sequence
        for folder, part in chosen.items()
        if part
        for sequence in load_sequences(dataset_of(folder), Path(folder), part)
    ]


def sources_of(matching: Matching) -> List[Tuple[Tracks, float]]:
    """What pairs are cut from, all tracks alike."""
    from rar_gluon.data.records import RecordTracks
    from rar_gluon.data.synthetic import SyntheticTracks

    if matching.records:
        opened = [RecordTracks(folder) for folder in matching.records]
        return [(tracks, float(len(tracks))) for tracks in opened]
    return [(SyntheticTracks(matching.synthetic, seed=matching.seed), 1.0)]


def short_hash(text: str) -> str:
    """Eight letters that tell a folder from others of its kind."""
    return f"{zlib.crc32(text.encode()):08x}"


def records_identity(folder: str | Path) -> str:
    """Hash of prepared records, which `rar train` keeps of them too."""
    return file_hash(Path(folder) / "index.json")
