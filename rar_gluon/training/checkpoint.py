"""Checkpoints: everything a training needs to go on bit for bit, in one file that appears whole or not at all.

Clips are a function of their number and the network has no random layers, so sampler and random state are the step.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Dict, List

import mxnet as mx
import numpy as np
from mxnet import nd

from rar_gluon.common import InputError, atomic_path
from rar_gluon.net.rar import RAR
from rar_gluon.net.weights import UNREADABLE, parameters

PARAMETER = "parameter:"


def save(path: Path, net: RAR, trainer: mx.gluon.Trainer, progress: Dict[str, float]) -> None:
    """Write parameters, the optimiser's state and `progress` (step, best value, ...: numbers) to `path`."""
    arrays = {PARAMETER + name: parameter.list_data()[0].asnumpy() for name, parameter in parameters(net).items()}
    with tempfile.TemporaryDirectory() as folder:  # a Trainer writes its state to a file only
        states = Path(folder) / "states"
        trainer.save_states(str(states))
        arrays["trainer"] = np.frombuffer(states.read_bytes(), np.uint8)
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays, **{name: np.float64(value) for name, value in progress.items()})


def load(path: Path, net: RAR, trainer: mx.gluon.Trainer) -> Dict[str, float]:
    """Put a checkpoint into a network and its trainer; returns the progress that was saved.

    Raises
    ------
    InputError
        The file is damaged, or of another network.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except UNREADABLE as error:
        raise InputError(f"{path} is damaged: remove it, and the training resumes from the one before.") from error
    stored = {name[len(PARAMETER) :]: arrays.pop(name) for name in list(arrays) if name.startswith(PARAMETER)}
    own = parameters(net)
    if {name: array.shape for name, array in stored.items()} != {name: p.shape for name, p in own.items()}:
        raise InputError(f"{path} is of another network: give another --output, or the configuration it was made with.")
    for name, parameter in own.items():
        parameter.set_data(nd.array(stored[name], dtype=stored[name].dtype))
    states = arrays.pop("trainer").tobytes()
    with tempfile.TemporaryDirectory() as folder:
        temporary = Path(folder) / "states"
        temporary.write_bytes(states)
        trainer.load_states(str(temporary))
    return {name: float(value) for name, value in arrays.items()}


def existing(folder: Path) -> List[Path]:
    """Checkpoints of a folder, oldest first."""
    return sorted(folder.glob("step-*.npz"))


def path_of(folder: Path, step: int) -> Path:
    """Where the checkpoint of a step goes; names sort by step."""
    return folder / f"step-{step:08d}.npz"


def prune(folder: Path, keep: int) -> None:
    """Remove all but the last `keep` checkpoints."""
    for path in existing(folder)[:-keep]:
        os.remove(path)
