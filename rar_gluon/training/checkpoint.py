"""Checkpoints: everything a training needs to go on bit for bit, in one file that appears whole or not at all.

Clips are a function of their number and the network has no random layers, so sampler and random state are the step.
The file is an .npz of plain arrays: parameter:NAME, momentum:NAME and the progress; nothing is unpickled.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Dict, List

import mxnet as mx
import numpy as np
from mxnet import nd

from rar_gluon.common import InputError, atomic_path
from rar_gluon.net.rar import RAR
from rar_gluon.net.weights import parameters, read_npz

PARAMETER, MOMENTUM = "parameter:", "momentum:"
PROGRESS = ("step", "best")


def save(path: Path, net: RAR, trainer: mx.gluon.Trainer, progress: Dict[str, float]) -> None:
    """Write parameters, momenta and `progress` (step, best value) to `path`."""
    arrays = {PARAMETER + name: parameter.list_data()[0].asnumpy() for name, parameter in parameters(net).items()}
    states = trainer._updaters[0].states  # equal on all devices
    for name, index in _places(net, trainer).items():
        if states.get(index) is not None:
            arrays[MOMENTUM + name] = states[index].asnumpy()
    content = io.BytesIO()  # whole before it is written: a disk that fills leaves numpy's archive in pieces
    np.savez(content, **arrays, **{name: np.float64(progress[name]) for name in PROGRESS})
    with atomic_path(path) as temporary:
        temporary.write_bytes(content.getbuffer())


def load(path: Path, net: RAR, trainer: mx.gluon.Trainer) -> Dict[str, float]:
    """Put a checkpoint into a network and its trainer; returns the progress that was saved.

    Raises
    ------
    InputError
        The file is damaged, of an earlier version, or of another network; nothing is changed then.
    """
    advice = "remove it, and the training resumes from the one before"
    arrays = read_npz(path, advice)
    if "trainer" in arrays:
        raise InputError(f"{path} is of a version that pickled the optimiser, which is not read: train anew.")
    stored, momenta = (
        {name[len(kind) :]: arrays.pop(name) for name in list(arrays) if name.startswith(kind)}
        for kind in (PARAMETER, MOMENTUM)
    )
    own, places = parameters(net), _places(net, trainer)
    if {name: array.shape for name, array in stored.items()} != {name: p.shape for name, p in own.items()}:
        raise InputError(f"{path} is of another network: give another --output, or the configuration it was made with.")
    intact = set(arrays) == set(PROGRESS) and set(momenta) in (set(places), set())
    intact = intact and all(array.shape == own[name].shape for name, array in momenta.items())
    intact = intact and all(array.shape == () and array.dtype == np.float64 for array in arrays.values())
    numbers = [*stored.values(), *momenta.values()]
    if not intact or not all(array.dtype == np.float32 and np.isfinite(array).all() for array in numbers):
        raise InputError(f"{path} is damaged: {advice}.")
    for name, parameter in own.items():
        parameter.set_data(nd.array(stored[name]))
    for updater, ctx in zip(trainer._updaters, trainer._contexts):
        updater.states = {places[name]: nd.array(array, ctx=ctx) for name, array in momenta.items()}
        updater.states_synced = dict.fromkeys(updater.states, True)
    return {name: float(arrays[name]) for name in PROGRESS}


def _places(net: RAR, trainer: mx.gluon.Trainer) -> Dict[str, int]:
    """Where the trainer has each parameter that it trains."""
    names = {id(parameter): name for name, parameter in parameters(net).items()}
    return {names[id(parameter)]: index for index, parameter in enumerate(trainer._params)}


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
