"""Training clips: T templates with their context patches and one search region, cut from tracks (Section 4.1).

Every clip is a pure function of (seed, number): whatever process cuts it, in whatever order, it is the same, and a
training that is resumed at a step goes on with the clips it would have had.
"""

from __future__ import annotations

from pathlib import Path
from typing import List, NamedTuple, Protocol, Sequence, Tuple

import cv2
import numpy as np

from rar_gluon.common import InputError
from rar_gluon.config import Config
from rar_gluon.data.records import RecordTracks
from rar_gluon.data.synthetic import SyntheticTracks, load_backgrounds, load_cutouts
from rar_gluon.tracking import geometry
from rar_gluon.tracking.geometry import Box

SYNTHETIC = 100000  # synthetic tracks that a training draws from
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
    displacement (dy, dx) in the search region, its pixels; present: 1, or 0 where the region shows another object.
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

    Raises
    ------
    InputError
        No source has a track.
    """

    def __init__(self, sources: Sequence[Tuple[Tracks, float]], config: Config, seed: int | None = None):
        self._tracks = [tracks for tracks, weight in sources if len(tracks) and weight > 0]
        if not self._tracks:
            raise InputError("there is no track to train on: give prepared records with objects in them, or synthetic.")
        weights = np.array([weight for tracks, weight in sources if len(tracks) and weight > 0], float)
        self._share = weights / weights.sum()
        self._config = config
        self._seed = config.training.seed if seed is None else seed

    def __getitem__(self, number: int) -> Clip:
        settings = self._config.training
        rng = np.random.default_rng([self._seed, number])
        tracks = self._tracks[rng.choice(len(self._tracks), p=self._share)]
        track = int(rng.integers(len(tracks)))
        *chosen, last = choose_frames(tracks.frames(track), settings.templates, settings.max_gap, rng)
        mirror, grey = rng.random() < 0.5, rng.random() < settings.grey
        present = len(tracks) == 1 or rng.random() >= settings.negatives

        def patches(picture: np.ndarray, windows, size: int) -> np.ndarray:
            cut = np.stack([geometry.crop(picture, window, size) for window in windows])
            return self._augmented(cut[:, :, ::-1] if mirror else cut, grey, rng)

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
        """Window of a search region, off the target's centre and scale, and the target's (dy, dx) in its pixels."""
        settings, tracking = self._config.training, self._config.tracking
        window = geometry.window_of(box, tracking.padding, tracking.window)
        limit = np.log1p(settings.scale_jitter)
        window = geometry.scaled(window, float(np.exp(rng.uniform(-limit, limit))))
        dy, dx = rng.uniform(-settings.shift_jitter, settings.shift_jitter, 2) * (box[2] * box[3]) ** 0.5
        shift = np.array([dy / window.height, dx / window.width], np.float32) * tracking.input_size
        return geometry.shifted(window, -dx, -dy), shift

    def _augmented(self, patches: np.ndarray, grey: bool, rng: np.random.Generator) -> np.ndarray:
        """Patches (n, S, S, 3) of one frame, all with the same change of light, colour and sharpness."""
        settings = self._config.training
        gain, bias, colour = rng.uniform(-1, 1, 3) * settings.photometric
        blurred, angle, length = rng.random() < settings.blur, rng.uniform(0, np.pi), rng.integers(3, 10)
        changed = []
        for patch in patches:
            if blurred:
                patch = cv2.filter2D(np.ascontiguousarray(patch), -1, motion_kernel(int(length), angle))
            if settings.photometric or grey:
                patch = patch.astype(np.float32)
                light = (patch @ GREY_BGR)[..., None]
                patch = light if grey else light + (1 + colour) * (patch - light)
                patch = np.clip((patch - 128) * (1 + gain) + 128 * (1 + bias), 0, 255)
                patch = np.broadcast_to(patch, (*patch.shape[:2], 3)).astype(np.uint8)
            changed.append(patch)
        return np.stack(changed)


def training_clips(
    config: Config,
    records: Sequence[Path],
    synthetic: float | None = None,
    cutouts: Tuple[Path, Path] | None = None,
    held_out: Sequence[str] = (),
) -> Clips:
    """Open the clips of a training.

    Parameters
    ----------
    records : folders made by `rar prepare`; each counts as many clips as it has tracks.
    synthetic : part of the clips that is synthetic; None: all without records, none with them.
    cutouts : folders of videos and of their masks that synthetic objects and backgrounds come from; None: bundled ones.
    held_out : names of sequences that must not be trained on; they are left out of `cutouts`.

    Raises
    ------
    InputError
        Records that cannot be read or hold a sequence of `held_out`; a part that is none.
    """
    opened = [RecordTracks(folder) for folder in records]
    for folder, tracks in zip(records, opened):
        shared = sorted(set(held_out) & set(tracks.names))
        if shared:
            raise InputError(f"{folder} holds {shared[0]}, which is kept for validation: prepare it with --exclude.")
    part = synthetic if synthetic is not None else 0.0 if opened else 1.0
    if not 0 <= part <= 1:
        raise InputError(f"the synthetic part is {part}, but must be from 0 to 1.")
    if cutouts is not None and part == 0:
        raise InputError("--cutouts are for synthetic clips: give their part with --synthetic, or leave them out.")
    count = sum(map(len, opened))
    sources = [(tracks, (1 - part) * len(tracks) / count) for tracks in opened if count]
    if part > 0:
        objects = backgrounds = None
        if cutouts is not None:
            objects = load_cutouts(*cutouts, exclude=held_out)
            backgrounds = load_backgrounds(cutouts[0], exclude=held_out)
        made = SyntheticTracks(SYNTHETIC, seed=config.training.seed, objects=objects, backgrounds=backgrounds)
        sources.append((made, part))
    return Clips(sources, config)


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
