"""Synthetic sequences by number."""

from __future__ import annotations

from functools import lru_cache
from typing import Callable, Iterator, Tuple
from typing import Sequence as Rows

import cv2
import numpy as np

from rar_gluon.common import InputError
from rar_gluon.data.sequence import Sequence
from rar_gluon.data.synthetic.cutouts import Objects, Source
from rar_gluon.data.synthetic.made import made_sources
from rar_gluon.data.synthetic.pictures import Lazy, bundled_pictures
from rar_gluon.data.synthetic.scenes import VISIBLE, Scene, make_scene
from rar_gluon.geometry import Box


class SyntheticFrames:
    """Frames of one synthetic sequence, drawn when they are asked for. Has a length and can be indexed."""

    fps = 25.0  # assumed: the rate that its motion looks natural at

    def __init__(self, tracks: SyntheticTracks, track: int):
        self.tracks, self.track, self.name = tracks, track, tracks.names[track]

    def __len__(self) -> int:
        return self.tracks.length

    def __getitem__(self, index: int) -> np.ndarray:
        return self.tracks.render(self.track, range(len(self))[index])

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[index] for index in range(len(self)))


class SyntheticTracks:
    """Any number of random sequences, each the same whenever, wherever and in whatever order it is drawn.

    Parameters
    ----------
    count, length : sequences, and frames of each.
    seed : another seed, other sequences.
    size : height and width of the frames.
    objects : what moves (`as_sources`, `load_cutouts`, `load_stills`); None: shapes made of the backgrounds.
    backgrounds : pictures (H, W, 3) BGR uint8, of 16x16 or more; None: `bundled_pictures`.
    make : decides what happens in a sequence, called as `make_scene`; picklable.

    Raises
    ------
    InputError
        A number makes no sense, or a picture cannot be used.
    """

    def __init__(
        self,
        count: int = 1000,
        length: int = 40,
        seed: int = 0,
        size: Tuple[int, int] = (240, 320),
        objects: Rows[Source] | None = None,
        backgrounds: Rows[np.ndarray] | None = None,
        make: Callable[..., Scene] = make_scene,
    ):
        self._arguments = (count, length, seed, size, objects, backgrounds, make)
        if count < 1 or length < 1 or seed < 0:
            raise InputError(
                f"synthetic sequences need count and length from 1 and a seed from 0, not {count}, {length}, {seed}."
            )
        if min(size) < 64:
            raise InputError(f"synthetic frames of {size[0]}x{size[1]} are too small: 64 is the least.")
        self.length, self.size, self.seed = length, tuple(size), seed
        self.names = [f"synthetic-{track:06d}" for track in range(count)]
        backgrounds = bundled_pictures() if backgrounds is None else backgrounds
        if not len(backgrounds):
            raise InputError("synthetic sequences need at least one background.")
        for picture in () if isinstance(backgrounds, Lazy) else backgrounds:
            if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or min(picture.shape[:2]) < 16:
                raise InputError(
                    f"a picture of shape {picture.shape} and type {picture.dtype} cannot be used in synthetic "
                    "sequences: BGR uint8 of 16x16 or more is needed."
                )
        self.objects = Objects(made_sources(backgrounds, seed) if objects is None else objects)
        self._noise = np.random.default_rng(seed).standard_normal((self.size[0] + 64, self.size[1] + 64, 3), np.float32)
        self.scene = lru_cache(maxsize=32)(  # by track; a scene takes about a megabyte
            lambda track: make(np.random.default_rng([seed, track]), length, self.size, self.objects, backgrounds)
        )

    def __reduce__(self):
        return SyntheticTracks, self._arguments  # for other processes; they make their own scenes

    def __len__(self) -> int:
        return len(self.names)

    def render(self, track: int, frame: int) -> np.ndarray:
        """Draw one frame, (H, W, 3) BGR uint8."""
        scene = self.scene(track)
        picture = scene.draw(frame, self.size)
        if scene.noise:
            top, left = np.random.default_rng([self.seed, track, frame]).integers(0, 65, 2)
            grain = self._noise[top : top + self.size[0], left : left + self.size[1]]
            picture = cv2.addWeighted(picture, 1.0, grain, float(scene.noise), 0.0, dtype=cv2.CV_8U)
        return picture

    def frames(self, track: int) -> np.ndarray:
        """Numbers (F,), of 0 to length - 1, of the frames in which 30 % or more of the target are seen."""
        return np.flatnonzero(self.scene(track).visible >= VISIBLE)

    def picture(self, track: int, index: int) -> Tuple[np.ndarray, Box]:
        """Draw the `index`-th of `frames(track)`, (H, W, 3) BGR uint8, with the box of the whole target."""
        frame = int(self.frames(track)[index])
        box = self.scene(track).target.boxes(slice(frame, frame + 1))[0]
        return self.render(track, frame), tuple(float(value) for value in box)

    def sequence(self, track: int) -> Sequence:
        """All frames of a track; boxes are NaN where nothing of the target is seen."""
        scene = self.scene(track)
        boxes = np.where(scene.visible[:, None] > 0, scene.boxes, np.nan)
        return Sequence(self.names[track], SyntheticFrames(self, track), boxes)
