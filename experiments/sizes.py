"""The three sizes of every experiment: what sizes/NAME.yaml says, and the sequences that it names."""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path
from typing import Dict, List, Mapping

from rar_gluon import config as configuration
from rar_gluon import strict_yaml
from rar_gluon.common import InputError
from rar_gluon.config import Config
from rar_gluon.data.datasets import split_names
from rar_gluon.data.sequence import Sequence

HERE = Path(__file__).resolve().parent
BASE = HERE / "rar.yaml"
SIZES = ("quick", "local", "full")
OTB_FRAMES = 59040  # of OTB-2015
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


def evaluation_of(spec: Mapping, arguments: argparse.Namespace) -> Dict:
    """What is tracked: the size's `spec`, completed by --frames, and --eval or --otb."""
    spec = dict(spec)
    if arguments.frames is not None:
        spec["frames"] = arguments.frames
    if arguments.size == "local":
        spec["folder"] = str(arguments.eval.resolve())
        if arguments.eval_sequences is not None:
            spec["names"] = split_names(arguments.eval_sequences)
            if not spec["names"]:
                raise InputError("--eval-sequences names no sequence: give A,B,..., or leave it out.")
    if arguments.size == "full":
        spec["otb"] = str(arguments.otb.resolve())
    return spec


def changes(arguments: argparse.Namespace) -> List[str]:
    """A sentence on what a call changed of its size, for its report; none when nothing."""
    given = [*arguments.set, *([] if arguments.frames is None else [f"--frames {arguments.frames}"])]
    given += [] if arguments.weights is None else [f"--weights {arguments.weights.name}"]
    return [f"Changed from the size: {', '.join(given)}."] if given else []


def planned_frames(arguments: argparse.Namespace, spec: Mapping) -> int:
    """Frames that each tracker will see, or what is usual where a dry run was not given the sequences."""
    if arguments.size == "quick" or (arguments.eval if arguments.size == "local" else arguments.otb) is not None:
        return sum(map(len, sequences_of(evaluation_of(spec, arguments))))
    return OTB_FRAMES if arguments.size == "full" else LOCAL_FRAMES


def protocol_name(spec: Mapping) -> str:
    """Protocol that the sequences of an evaluation are scored by: OTB's own, or "folder" for all others."""
    from rar_gluon.data import otb

    return "matlab" if "otb" in spec or ("folder" in spec and otb.is_root(spec["folder"])) else "folder"


def sequences_of(spec: Mapping) -> List[Sequence]:
    """Open the sequences of an evaluation: `otb`, a `folder` (and `names`), or `synthetic` ones and the demo's `clips`.

    `frames` is what is taken of each, 0 for all; with `seen`, only synthetic sequences whose target is seen in every
    frame count (VOT's experiment needs a truth everywhere).
    """
    from rar_gluon.data import folder, otb
    from rar_gluon.data.sequence import shortened
    from rar_gluon.data.synthetic import SyntheticTracks
    from rar_gluon.report.demo import demo_sequence

    if "otb" in spec:
        found = otb.load(spec["otb"], "otb2015", skip_initial=True)
    elif "folder" in spec and otb.is_root(spec["folder"]):
        found = otb.load(spec["folder"], spec.get("names", "otb2015"), "names" not in spec, skip_initial=True)
    elif "folder" in spec:
        found = folder.load(spec["folder"], spec.get("names"))
    else:
        made = SyntheticTracks(length=spec["frames"], seed=spec["seed"])
        tracks = (t for t in range(len(made)) if not spec.get("seen") or made.scene(t).visible.all())
        found = [made.sequence(track) for track in itertools.islice(tracks, spec["synthetic"])]
        found += [demo_sequence(name) for name in spec.get("clips", ())]
    return [shortened(sequence, spec["frames"]) for sequence in found] if spec["frames"] else found
