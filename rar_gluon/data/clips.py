"""Training clips: T templates with their context patches and one search region, cut from tracks (Section 4.1).

Every clip is a pure function of (seed, number): whatever process cuts it, in whatever order, it is the same, and a
training that is resumed at a step goes on with the clips it would have had.
"""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Mapping, NamedTuple, Protocol, Sequence, Tuple

import cv2
import numpy as np

from rar_gluon import geometry
from rar_gluon.common import InputError, expanded
from rar_gluon.config import Config, TrainingConfig
from rar_gluon.data.records import RecordTracks
from rar_gluon.data.synthetic import (
    Lazy,
    SyntheticTracks,
    load_backgrounds,
    load_cutouts,
    load_stills,
    makers,
    still_backgrounds,
)
from rar_gluon.geometry import Box
from rar_gluon.provenance import folder_hash

SYNTHETIC = 100000  # synthetic tracks that a training draws from
GREY = BLUR = 0.1  # parts of the clips without colour, of the patches with motion blur (assumed: DaSiamRPN)
GREY_BGR = np.array([0.114, 0.587, 0.299], np.float32)  # ITU-R BT.601


class Tracks(Protocol):
    """What clips are cut from: objects seen in several pictures (data/records.py, data/synthetic.py)."""

    names: Sequence[str]

    def __len__(self) -> int: ...

    def frames(self, track: int) -> np.ndarray:
        """Frame numbers, ascending, of the pictures that show the object."""

    def picture(self, track: int, index: int) -> Tuple[np.ndarray, Box]:
        """The picture (H, W, 3) BGR uint8 of the index-th of these frames, and the box in its pixels."""


class Clip(NamedTuple):
    """One training example.

    templates (T, 1 + k, S, S, 3) uint8: the patch centred on the target, then its k context patches, of T frames (with
    contexts by feature 1 + k is 1, and S the larger window's); search (S, S, 3) uint8; shift (2,) the target's
    displacement (dy, dx) in the search region, its pixels; present: how high the desired response is, 1, or 0 where the
    region shows another object.
    """

    templates: np.ndarray
    search: np.ndarray
    shift: np.ndarray
    present: float
    source: str


class Clips:
    """The clips of sources of tracks, endless: `clips[number]`.

    Parameters
    ----------
    sources : (tracks, weight) each; a clip comes from each with a probability in proportion to its weight.
    config : the whole configuration.
    seed : of the sampling; default: the configuration's.
    provenance : what the sources are, for the record of a training: of plain values.

    Raises
    ------
    InputError
        No source has a track.
    """

    def __init__(
        self,
        sources: Sequence[Tuple[Tracks, float]],
        config: Config,
        seed: int | None = None,
        provenance: Sequence[Mapping] = (),
    ):
        self._tracks = [tracks for tracks, weight in sources if len(tracks) and weight > 0]
        if not self._tracks:
            raise InputError("there is no track to train on: give prepared records with objects in them, or synthetic.")
        weights = np.array([weight for tracks, weight in sources if len(tracks) and weight > 0], float)
        self._share = weights / weights.sum()
        self._config, self.provenance = config, list(provenance)
        self._seed = config.training.seed if seed is None else seed

    def __getitem__(self, number: int) -> Clip:
        settings = self._config.training
        rng = np.random.default_rng([self._seed, number])
        tracks, track = self.drawn(rng)
        *chosen, last = choose_frames(tracks.frames(track), settings.templates, settings.max_gap, rng)
        # Half are mirrored, and some are grey (assumed: ours).
        mirror, grey = rng.random() < 0.5, rng.random() < (GREY if settings.photometric else 0)
        present = len(tracks) == 1 or rng.random() >= settings.negatives

        def patches(picture: np.ndarray, windows, size: int) -> np.ndarray:
            cut = np.stack([geometry.crop(picture, window, size) for window in windows])
            return augmented(cut[:, :, ::-1] if mirror else cut, grey, settings, rng)

        templates = []
        for index in chosen:
            picture, box = tracks.picture(track, index)
            templates.append(patches(picture, *self._template_windows(box)))
        other, index = track, last
        if not present:
            other = (track + 1 + int(rng.integers(len(tracks) - 1))) % len(tracks)
            index = int(rng.integers(len(tracks.frames(other))))
        picture, box = tracks.picture(other, index)
        window, shift = self._search_window(box, rng)
        size = self._config.tracking.input_size
        search = patches(picture, [window], size)[0]
        if mirror:
            shift = shift * np.array([1, -1], np.float32)
        return Clip(np.stack(templates), search, shift, float(present), f"{tracks.names[track]}[{chosen[0]}]")

    def drawn(self, rng: np.random.Generator) -> Tuple[Tracks, int]:
        """A source, in proportion to its weight, and the number of one of its tracks."""
        tracks = self._tracks[rng.choice(len(self._tracks), p=self._share)]
        return tracks, int(rng.integers(len(tracks)))

    def _template_windows(self, box: Box) -> Tuple[list, int]:
        """Windows of a target's patch and its contexts, and their size in pixels, as `Tracker` cuts them."""
        tracking, filter_ = self._config.tracking, self._config.filter
        window = geometry.window_of(box, tracking.padding, tracking.window)
        if filter_.contexts == 0:
            return [window], tracking.input_size
        if filter_.context_source == "image":
            return [window, *geometry.context_windows(window, box)], tracking.input_size
        margin = geometry.context_margin(tracking.input_size, self._config.network.stride, tracking.padding)
        larger = tracking.input_size + 2 * margin
        return [geometry.scaled(window, larger / tracking.input_size)], larger

    def _search_window(self, box: Box, rng: np.random.Generator):
        """Window of a search region, off the target's centre and scale; the target's (dy, dx) in its pixels."""
        settings, tracking = self._config.training, self._config.tracking
        window = geometry.window_of(box, tracking.padding, tracking.window)
        limit = np.log1p(settings.scale_jitter)
        logarithm = float(rng.uniform(-limit, limit))
        window = geometry.scaled(window, float(np.exp(logarithm)))
        dy, dx = rng.uniform(-settings.shift_jitter, settings.shift_jitter, 2) * (box[2] * box[3]) ** 0.5
        shift = np.array([dy / window.height, dx / window.width], np.float32) * tracking.input_size
        return geometry.shifted(window, -dx, -dy), shift


def augmented(patches: np.ndarray, grey: bool, settings: TrainingConfig, rng: np.random.Generator) -> np.ndarray:
    """Patches (n, S, S, 3) of one frame, all with the same change of light, colour and sharpness."""
    gain, bias, colour = rng.uniform(-1, 1, 3) * settings.photometric
    blurred = rng.random() < (BLUR if settings.photometric else 0)
    angle, length = rng.uniform(0, np.pi), rng.integers(3, 10)
    # light + (1 + colour) (patch - light), then contrast about 128 and brightness: one affine map of the colours
    mixed = np.tile(GREY_BGR, (3, 1)) if grey else (1 + colour) * np.eye(3) - colour * np.tile(GREY_BGR, (3, 1))
    colours = np.hstack([(1 + gain) * mixed, np.full((3, 1), 128 * (bias - gain))]).astype(np.float32)
    changed = []
    for patch in patches:
        if blurred:
            patch = cv2.filter2D(np.ascontiguousarray(patch), -1, motion_kernel(int(length), angle))
        if settings.photometric or grey:
            patch = cv2.transform(np.ascontiguousarray(patch), colours)
        changed.append(patch)
    return np.stack(changed)


def training_clips(
    config: Config,
    records: Mapping[Path, float],
    synthetic: float | None = None,
    cutouts: Sequence[Sequence[Path]] = (),
    held_out: Sequence[str] = (),
    stills_held_out: float = 0.0,
) -> Clips:
    """Open the clips of a training.

    Parameters
    ----------
    records : folders made by `rar prepare`, and how often one of their tracks is drawn beside one of the others.
    synthetic : part of the clips that is synthetic; None: all without records, none with them, half with both records
        and `cutouts`.
    cutouts : what synthetic objects and backgrounds come from: (videos, masks), folders of videos and of their masks,
        or (stills,), a folder of photographs with masks. None: bundled pictures.
    held_out : names of sequences that must not be trained on; they are left out of `cutouts`.
    stills_held_out : share of the photographs of `cutouts` that is left out too, by their names (`name_share`).

    Raises
    ------
    InputError
        Records that cannot be read or hold a sequence of `held_out`; a part or a weight that is none.
    """
    opened = {folder: RecordTracks(folder) for folder in records}
    for folder, tracks in opened.items():
        tracks.check_fit(config)
        shared = sorted(set(held_out) & set(tracks.names))
        if shared:
            raise InputError(f"{folder} holds {shared[0]}, which is kept for validation: prepare it with --exclude.")
        if not 0 < records[folder] < float("inf"):
            raise InputError(f"the weight of {folder} is {records[folder]}, but must be above 0.")
    part = synthetic if synthetic is not None else (1.0 if not opened else 0.5 if cutouts else 0.0)
    if not 0 <= part <= 1:
        raise InputError(f"the synthetic part is {part}, but must be from 0 to 1.")
    if not 0 <= stills_held_out < 1:
        raise InputError(f"--stills-held-out is {stills_held_out}, but must be from 0 to below 1.")
    if cutouts and part == 0:
        raise InputError("--cutouts are for synthetic clips: give their part with --synthetic, or leave them out.")
    counts = {folder: records[folder] * len(tracks) for folder, tracks in opened.items()}
    total = sum(counts.values())
    sources = [(tracks, (1 - part) * counts[folder] / total) for folder, tracks in opened.items() if total]
    if part > 0:
        sources.append((_synthetic_tracks(cutouts, held_out, stills_held_out, config.training.seed), part))
    provenance: List[Mapping] = [
        {"records": tracks.identity, "weight": records[folder]} for folder, tracks in opened.items()
    ]
    provenance += [{"cutouts": [folder_hash(folder) for folder in folders]} for folders in cutouts]
    if stills_held_out:  # named only then: trainings that began without it go on
        provenance.append({"stills_held_out": stills_held_out})
    return Clips(sources, config, provenance=[*provenance, {"synthetic": part, "held_out": sorted(held_out)}])


def weighted_folders(texts: Sequence[str]) -> Dict[Path, float]:
    """Read folders of records, `DIR` or `DIR=WEIGHT` each, as `training_clips` takes them."""
    weights = {}
    for text in texts:
        folder, _, weight = (text, "", "1") if expanded(text).is_dir() else text.rpartition("=")
        try:
            weights[expanded(folder or text)] = float(weight) if folder else 1.0
        except ValueError:
            raise InputError(f"--records is {text!r}, but DIR or DIR=WEIGHT is needed, as in sky=0.2.") from None
    return weights


def _synthetic_tracks(
    cutouts: Sequence[Sequence[Path]], held_out: Sequence[str], stills_held_out: float, seed: int
) -> SyntheticTracks:
    objects, backgrounds = [], []
    share = (stills_held_out, 1.0)
    for folders in cutouts:
        if len(folders) == 1:
            objects += load_stills(folders[0], share)
            backgrounds += still_backgrounds(folders[0], share)
        else:
            objects += load_cutouts(*folders, exclude=held_out)
            backgrounds += makers(load_backgrounds(folders[0], exclude=held_out))
    return SyntheticTracks(
        SYNTHETIC, seed=seed, objects=objects if cutouts else None, backgrounds=Lazy(backgrounds) if cutouts else None
    )


def choose_frames(frames: np.ndarray, templates: int, max_gap: int, rng: np.random.Generator) -> List[int]:
    """Indices of T templates and one search frame, all within `max_gap` frames of each other, forwards or backwards in
    time; distinct where there are enough.
    """
    first = frames[int(rng.integers(len(frames)))]
    low, high = np.searchsorted(frames, [first, first + max_gap + 1])
    if high - low <= templates:  # the last frames of a track: look back instead
        low, high = np.searchsorted(frames, [first - max_gap, first + 1])
    enough = high - low > templates
    chosen = np.sort(low + rng.choice(high - low, templates + 1, replace=not enough))
    return [int(index) for index in (chosen if rng.random() < 0.5 else chosen[::-1])]


def motion_kernel(length: int, angle: float) -> np.ndarray:
    """Line of about `length` pixels at `angle`, sum 1: the kernel of a motion blur that leaves the picture in place."""
    half = length // 2
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    end = np.round(half * np.array([np.cos(angle), np.sin(angle)])).astype(int)
    cv2.line(kernel, *((half + sign * end).tolist() for sign in (-1, 1)), 1.0)
    return kernel / kernel.sum()


def stack_clips(clips: Sequence[Clip]) -> Clip:
    """Join clips into one of arrays with a leading batch axis (sources: a list)."""
    templates, search, shift, present, source = zip(*clips)
    return Clip(np.stack(templates), np.stack(search), np.stack(shift), np.array(present, np.float32), list(source))


class Stored:
    """Tracks held in memory: `pictures[track]` is a list of (frame number, picture, box), ascending."""

    def __init__(self, names: Sequence[str], pictures: Sequence[Sequence[Tuple[int, np.ndarray, Box]]]):
        self.names, self._pictures = names, pictures

    def __len__(self) -> int:
        return len(self.names)

    def frames(self, track: int) -> np.ndarray:
        return np.array([number for number, _, _ in self._pictures[track]])

    def picture(self, track: int, index: int) -> Tuple[np.ndarray, Box]:
        return self._pictures[track][index][1:]
