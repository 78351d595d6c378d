"""How well a network and its filter match single pairs of template and search region: tracking without drift."""

from __future__ import annotations

import contextlib
import csv
import os
from typing import Dict, Iterator, List, NamedTuple, Sequence, Tuple

import numpy as np

from rar_gluon import config as configuration
from rar_gluon.common import InputError, csv_text, write_text
from rar_gluon.config import Config
from rar_gluon.data.clips import Clips, Tracks, stack_clips
from rar_gluon.geometry import peak
from rar_gluon.net.inference import InferenceNetwork
from rar_gluon.net.rar import RAR, to_images
from rar_gluon.training.step import loss, representation_cells, responses, to_batch

CELL = 8  # pixels of the search region that errors are counted in, whatever a network's stride
NEAR = (0.5, 1.0, 2.0)  # of these cells
BATCH = 16
PAIRS_SEED = 1  # of the pairs' sampling


class Match(NamedTuple):
    """A pair: its sequence, the loss of Eq. 12, and how far the response's peak is from the target, in `CELL`s."""

    sequence: str
    loss: float
    error: float


def pairs_of(sources: Sequence[Tuple[Tracks, float]], config: Config, gap: int, shift: float, scale: float) -> Clips:
    """Pairs as training cuts them, but with light, colour and sharpness as they are, and always of one object.

    Parameters
    ----------
    gap : frames between template and search region, at most.
    shift, scale : by which the search region is displaced (target sizes) and enlarged or shrunk, at most.
    """
    plain = {"photometric": 0.0, "negatives": 0.0, "templates": 1}
    changes = {"training": {**plain, "max_gap": gap, "shift_jitter": shift, "scale_jitter": scale}}
    return Clips(sources, configuration.from_dict(changes, base=config), PAIRS_SEED)


def match(net: RAR, config: Config, pairs: Clips, numbers: Sequence[int]) -> Iterator[List[Match]]:
    """Match these of `pairs_of`, `BATCH` at once."""
    cells, ctx = representation_cells(net, config), net.ctx
    compiled = InferenceNetwork(net)  # takes two thirds of the network's time
    for first in range(0, len(numbers), BATCH):
        clips = stack_clips([pairs[number] for number in numbers[first : first + BATCH]])
        batch = to_batch(clips, cells, config, ctx)
        response = responses(compiled, batch, config)
        losses = loss(response, batch.desired).asnumpy()
        places = config.network.stride * np.array([peak(one) for one in response.asnumpy()])
        errors = np.hypot(*(places - clips.shift).T) / CELL
        names = [source.rpartition("[")[0] for source in clips.source]
        yield [Match(*row) for row in zip(names, losses.tolist(), errors.tolist())]


def summary(matches: Sequence[Match]) -> Dict[str, float]:
    """Mean loss, and the parts of the pairs whose peak is within `NEAR` cells: within_0.5, within_1, within_2."""
    errors = np.array([pair.error for pair in matches])
    near = {f"within_{limit:g}": float((errors < limit).mean()) for limit in NEAR}
    return {"loss": float(np.mean([pair.loss for pair in matches])), **near}


def gate_spread(net: RAR, images: np.ndarray) -> Dict[str, float]:
    """How far the attention has left its start, where every gate is 1/2.

    Parameters
    ----------
    images : (N, S, S, 3) BGR uint8, seen as first frames (the state is zero).

    Returns
    -------
    Standard deviation of the intra-frame gates of Eq. 5 over the channels and of Eq. 6 over the places, mean over the
    images: `conv4.channel`, `conv4.spatial`, ... of the parts that the network has.
    """
    images = to_images(images, net.ctx)
    state, spreads = net.begin_state(images.shape, images.context), {}
    for index, (level, phi) in enumerate(zip(net.config.levels, net.backbone(images))):
        attention, hidden = getattr(net, f"attention_{level}"), state[2 * index : 2 * index + 2]
        if attention.channel is not None:
            before = () if attention.w_hc is None else (_gate(attention.w_hc(hidden[0].mean(axis=(2, 3), keepdims=1))),)
            spreads[f"{level}.channel"] = _spread(attention.channel(phi, *before))
        if attention.spatial is not None:
            now = () if attention.w_hs is None else (_gate(attention.w_hs(attention(phi, *hidden)[1])),)
            spreads[f"{level}.spatial"] = _spread(attention.spatial(phi, *now))
    return spreads


def offset_spread(net: RAR, images: np.ndarray) -> Dict[str, float]:
    """How far deformable convolutions have moved their taps from the start, where they lie as in any convolution.

    Parameters
    ----------
    images : (N, S, S, 3) BGR uint8.

    Returns
    -------
    Root mean square of the offsets in cells of the convolution's input: `conv4.offset`, ... of `net.config.deformable`.
    """
    if not net.config.deformable:
        return {}
    spreads = {}
    with contextlib.ExitStack() as hooks:
        for stage in net.config.deformable:

            def measure(convolution, inputs, _, name=f"{stage}.offset"):
                spreads[name] = float(convolution.offsets(inputs[0]).square().mean().sqrt().asscalar())

            hooks.enter_context(getattr(net.backbone, stage)[0].conv2.register_forward_hook(measure))
        net.backbone(to_images(images, net.ctx))
    return spreads


def _gate(values):
    return values.sigmoid()


def _spread(gates) -> float:
    return float(gates.asnumpy().reshape(len(gates), -1).std(axis=1).mean())


def write_matches(path: str | os.PathLike, matches: Sequence[Match]) -> None:
    """Write a CSV of sequence, loss, error, a line a pair."""
    lines = ((pair.sequence, f"{pair.loss:.6g}", f"{pair.error:.6g}") for pair in matches)
    write_text(path, csv_text([Match._fields, *lines]))


def read_matches(path: str | os.PathLike) -> List[Match]:
    """Read what `write_matches` wrote; `InputError` when it is damaged."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = [Match(row["sequence"], float(row["loss"]), float(row["error"])) for row in csv.DictReader(file)]
    except (OSError, csv.Error, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} holds no matches: {error}; remove it, and the same call makes it again.") from error
    return rows
