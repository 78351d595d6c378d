"""The selection set of rar_thin: sequences of many kinds that choices are made on, and no training sees.

Real targets are named in sets.yaml, with their kinds. Made ones move cut-outs of photographs that
`rar train --stills-held-out 0.05` leaves out; each has one difficulty, which is its kind, and exact truth.
"""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Sequence, Tuple

import numpy as np

from rar_gluon import strict_yaml
from rar_gluon.common import InputError
from rar_gluon.data import folder
from rar_gluon.data import sequence as data
from rar_gluon.data.synthetic import Lazy, SyntheticTracks, load_stills, still_backgrounds
from rar_gluon.data.synthetic.cutouts import Objects, Sprite
from rar_gluon.data.synthetic.layers import Layer, moving, planes
from rar_gluon.data.synthetic.motion import folded, limited, velocity, walk, wave
from rar_gluon.data.synthetic.scenes import Scene, random_view, visible_shares

KINDS = Path(__file__).with_name("sets.yaml")
SETS = ("ground", "held_out", "segments", "more", "made")

EVERY, LENGTH = 50, 100  # frames from a segment's start to the next one's, and of a segment
LEAST = 20  # annotated frames of a segment: fewer cannot say whether the target is lost

HELD_OUT_SHARE = (0.0, 0.05)  # of the photographs
COUNT, FRAMES, SIZE = 8, 90, (240, 320)  # made sequences of a kind, their frames, and height and width of these
HIDDEN = 0.1  # share of the target that must be seen for a frame to have a truth
TRIES = 200  # scenes that are drawn at random until one has a target that is hidden and comes back


@dataclass(frozen=True)
class Run:
    """One pass of a tracker over a sequence, or over a part of it.

    name : of the run; target: what runs over one target share; kind : whose vote it counts in.
    sequence : begins and ends with an annotated frame.
    """

    name: str
    target: str
    kind: str
    sequence: data.Sequence


class Part:
    """Frames `start` to `stop` of a sequence's frames, as they come."""

    def __init__(self, frames: data.Frames, start: int, stop: int):
        self._frames, self._start, self._stop = frames, start, stop

    def __len__(self) -> int:
        return self._stop - self._start

    def __iter__(self) -> Iterator[np.ndarray]:
        return itertools.islice(iter(self._frames), self._start, self._stop)


def read_kinds() -> Dict[str, Dict[str, List[str]]]:
    """Names of the real targets, by set and kind."""
    return strict_yaml.read(KINDS)


def open_runs(
    sets: Sequence[str], roots: Sequence[Path], stills: Sequence[Path], frames: int | None = None, draw: int = 0
) -> List[Run]:
    """Open the runs of some sets, in order.

    Parameters
    ----------
    sets : of `SETS`.
    roots : folders of the real sequences.
    stills : folders of photographs with masks, for the made ones.
    frames : take so many frames of each run at most: a quick look.
    draw : another number makes other sequences of the same kinds, to confirm what was chosen on those of 0.

    Raises
    ------
    InputError
        A set is none, a sequence is in none of the folders or in several, or there is nothing to make sequences of.
    """
    unknown = sorted(set(sets) - set(SETS))
    if unknown or not sets:
        raise InputError(f"--sets is {','.join(sets)!r}, but some of {','.join(SETS)} are needed.")
    if frames is not None and frames < 2:
        raise InputError(f"--frames is {frames}, but must be 2 or more.")
    names = {root: folder.sequence_names(root) for root in roots}
    runs = []
    for one, kinds in read_kinds().items():
        if one not in sets and not (one == "held_out" and "segments" in sets):
            continue
        for kind, targets in kinds.items():
            for target in targets:
                sequence = folder.load_sequence(_root_of(target, names), target)
                runs += [Run(target, target, kind, _trimmed(sequence, 0, len(sequence)))] if one in sets else []
                if one == "held_out" and "segments" in sets:
                    runs += [Run(part.name, target, kind, part) for part in segments(sequence)]
    if "made" in sets:
        runs += made_runs(stills, draw)
    return [_shortened(run, frames) for run in runs]


def _root_of(name: str, names: Dict[Path, List[str]]) -> Path:
    """The folder that holds a sequence."""
    holders = [root for root in names if name in names[root]]
    if len(holders) != 1:
        where = ", ".join(map(str, holders or names)) or "no folder: give --root"
        raise InputError(f"{name} is in {len(holders)} of the folders, but must be in one: {where}.")
    return holders[0]


def _shortened(run: Run, frames: int | None) -> Run:
    return run if frames is None else dataclasses.replace(run, sequence=_trimmed(run.sequence, 0, frames))


def segments(sequence: data.Sequence) -> List[data.Sequence]:
    """Parts of a sequence of `LENGTH` frames, one from every `EVERY` frames on (OTB's TRE); the first is the sequence.

    A start at which the target is absent moves on. Parts with fewer than `LEAST` annotated frames are left out.
    """
    starts = np.flatnonzero(_annotated(sequence))
    later = [starts[starts >= start] for start in range(EVERY, len(sequence), EVERY)]
    firsts = sorted({int(those[0]) for those in later if len(those)})
    parts = [_trimmed(sequence, first, first + LENGTH, f"{sequence.name}@{first}") for first in firsts]
    return [part for part in parts if _annotated(part).sum() >= LEAST]


def _annotated(sequence: data.Sequence) -> np.ndarray:
    return np.isfinite(sequence.boxes).all(axis=1) & (sequence.boxes[:, 2:] > 0).all(axis=1)


def _trimmed(sequence: data.Sequence, start: int, stop: int, name: str | None = None) -> data.Sequence:
    """Frames `start` to `stop` of a sequence, from the first to the last annotated one: no others are scored."""
    inside = start + np.flatnonzero(_annotated(sequence)[start:stop])
    if not len(inside):
        raise InputError(f"{sequence.name} has no annotated frame of {start} to {stop}.")
    start, stop = int(inside[0]), int(inside[-1]) + 1
    frames = Part(sequence.frames, start, stop)
    return dataclasses.replace(
        sequence, name=name or sequence.name, frames=frames, boxes=sequence.boxes[start:stop], tags={}, polygons=None
    )


# --- made sequences


class Difficulty(NamedTuple):
    """What a kind of made sequences has.

    sizes : of the target, √(w h) as a share of √(H W); speed : in √(w h) a frame; shutter : of the time between frames;
    smooth : frames for which it goes about the same way.
    """

    sizes: Tuple[float, float] = (0.14, 0.25)
    speed: float = 0.08
    shutter: float = 0.3
    smooth: int = 9


MADE = {
    "made_hidden": Difficulty(smooth=40),
    "made_changing": Difficulty(),
    "made_alike": Difficulty(),
    "made_thin_fast": Difficulty(speed=0.6),
    "made_blur": Difficulty(shutter=1.0),
    "made_small": Difficulty(sizes=(0.016, 0.03), speed=0.5),
}


def made_runs(stills: Sequence[Path], draw: int = 0) -> List[Run]:
    """Runs over the made sequences, `COUNT` of each kind: the same ones from the same photographs."""
    if not stills:
        raise InputError("the made sequences are cut from photographs: give their folders with --stills.")
    objects = [source for root in stills for source in load_stills(root, HELD_OUT_SHARE)]
    backgrounds = Lazy([make for root in stills for make in still_backgrounds(root, HELD_OUT_SHARE)])
    runs = []
    for seed, kind in enumerate(MADE, draw * len(MADE)):
        tracks = SyntheticTracks(COUNT, FRAMES, seed, SIZE, objects, backgrounds, partial(make_scene, kind))
        for number in range(COUNT):
            name, sequence = f"{kind}-{number}", tracks.sequence(number)
            seen = tracks.scene(number).visible[:, None] >= HIDDEN
            sequence = dataclasses.replace(sequence, boxes=np.where(seen, sequence.boxes, np.nan))
            runs.append(Run(name, name, kind, _trimmed(sequence, 0, FRAMES, name)))
    return runs


def make_scene(
    kind: str,
    rng: np.random.Generator,
    length: int,
    size: Tuple[int, int],
    objects: Objects,
    backgrounds: Sequence[np.ndarray],
) -> Scene:
    """Decide what happens in a made sequence of a kind, for `SyntheticTracks`."""
    sizes, speed, shutter, smooth = MADE[kind]
    picture = backgrounds[int(rng.integers(len(backgrounds)))]
    background, views, pan = random_view(rng, length, size, picture, shutter)
    sprite = _sprite(rng, objects, thin=kind == "made_thin_fast")
    side = float(np.sqrt(size[0] * size[1]) * rng.uniform(*sizes))
    zoom = np.full(length, side / sprite.side)
    extent = float(zoom[0] * sprite.size.max())
    shaken = side if kind == "made_blur" else 0.0  # by so much at most
    centre = _path(rng, length, size, extent + 2 * shaken, speed * side, smooth)
    below: List[Layer] = []
    above: List[Layer] = []
    if shaken:  # by the camera: target and background alike
        shake = shaken * np.stack([wave(rng, length, 9), wave(rng, length, 9)], axis=1)
        centre = centre + shake
        views[:, :, 2] -= np.einsum("nij,nj->ni", views[:, :, :2], shake)
        pan = limited(pan + shutter * velocity(shake), np.full(length, 15.0))
    target = moving(rng, sprite, centre, zoom, shutter, lively=False)
    if kind == "made_changing":
        target = _changing(rng, target, centre)
    if kind == "made_alike":
        ways = 1.2 * extent * np.array([[wave(rng, length, 25) for _ in "xy"] for _ in range(3)])
        first, *below = (moving(rng, sprite, centre + way.T, zoom, shutter, lively=False) for way in ways)
        above = [first] if visible_shares(target, [first], size)[0] > 0.9 else []
    if kind == "made_hidden":
        above = [_occluder(rng, size, objects, target, centre, side, shutter)]
    visible = visible_shares(target, above, size)
    tones = np.tile(np.arange(256, dtype=np.uint8), (length, 1))
    return Scene(background, views, pan, tuple(below), target, tuple(above), tones, 2, visible)


def _sprite(rng: np.random.Generator, objects: Objects, thin: bool) -> Sprite:
    """One of the objects, or the thinnest of some."""
    chosen = [objects.sprite(int(number)) for number in rng.integers(len(objects), size=20 if thin else 1)]
    return max(chosen, key=lambda sprite: sprite.size.max() / sprite.size.min())


def _path(
    rng: np.random.Generator, length: int, size: Tuple[int, int], extent: float, speed: float, smooth: int
) -> np.ndarray:
    """Centres (N, 2) of a thing `extent` pixels large that stays within the frame, `speed` pixels a frame."""
    frame = np.array(size[::-1], float)
    margin = np.minimum(0.6 * extent, 0.45 * frame)
    return folded(rng.uniform(margin, frame - margin) + speed * walk(rng, length, smooth), margin, frame - margin)


def _changing(rng: np.random.Generator, layer: Layer, centre: np.ndarray) -> Layer:
    """The layer, but turning about all axes, swaying, growing and shrinking, and changing brightness."""
    length, side = len(centre), float(layer.sprite.size.max())
    turn = np.stack([limit * wave(rng, length, 25) for limit in np.radians([90, 60, 45])], axis=1)
    zoom = layer.zoom * np.exp(0.5 * wave(rng, length, 30))
    plane = planes(centre, zoom, turn, 3 * side)
    number = 2 * np.pi / side
    phase = rng.uniform(0, 2 * np.pi, 2) + 0.2 * np.arange(length)[:, None]
    return dataclasses.replace(
        layer,
        plane=plane,
        back=np.linalg.inv(plane),
        zoom=zoom,
        sway=(0.4 / number, number),
        phase=phase,
        gain=1 + 0.4 * wave(rng, length, 25),
    )


def _occluder(
    rng: np.random.Generator,
    size: Tuple[int, int],
    objects: Objects,
    target: Layer,
    centre: np.ndarray,
    side: float,
    shutter: float,
) -> Layer:
    """What passes over the target and hides it for some frames, well after the start and well before the end.

    In half of the sequences it is a larger one of the target's look, if one of that shape can hide the target.

    Raises
    ------
    InputError
        None of those that were tried did.
    """
    length, alike = len(centre), rng.random() < 0.5
    for number in range(2 * TRIES):
        sprite = target.sprite if alike and number < TRIES else _sprite(rng, objects, thin=False)
        middle = int(length * rng.uniform(0.4, 0.55))
        times = (np.arange(length) - middle) / rng.uniform(8, 25)  # in times that it is hidden for
        away = side * (0.4 * times + 0.8 * times**3)  # slow while it hides the target
        angle = rng.uniform(0, 2 * np.pi)
        way = centre[middle] + away[:, None] * [np.cos(angle), np.sin(angle)]
        zoom = np.full(length, side * rng.uniform(1.8, 2.6) / sprite.side)
        layer = moving(rng, sprite, way, zoom, shutter, lively=False)
        visible = visible_shares(target, [layer], size)
        if visible[:10].min() > 0.9 and visible[-15:].min() > 0.9 and 10 <= (visible < HIDDEN).sum() <= 30:
            return layer
    raise InputError(f"none of {2 * TRIES} scenes hides its target for a while: give photographs of larger objects.")
