"""Pairs that a box head is trained on: a target on its first frame, and a window of a later one cut for a wrong box."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rar_gluon.config import Config
from rar_gluon.data.clips import Clips, augmented, choose_frames
from rar_gluon.tracking import geometry
from rar_gluon.tracking.box_refinement import box_window, change_of

MAX_GAP = 150  # frames; longer than for the filter, which learns as it goes
SIZE_SIGMA, SIZE_LIMIT = 0.13, 0.35  # logarithm of the wrong size over the right one
SHIFT_SIGMA = 0.06  # sizes that its middle is off, on each axis


class BoxPair(NamedTuple):
    """template, search (S, S, 3) uint8; change (2,) that is to be said of them (`box_refinement.change_of`)."""

    template: np.ndarray
    search: np.ndarray
    change: np.ndarray


class BoxPairs:
    """Endless pairs of the sources of `clips`: `pairs[number]` is a function of seed and number alone."""

    def __init__(self, clips: Clips, config: Config, seed: int):
        self._clips, self._config, self._seed = clips, config, seed

    def __getitem__(self, number: int) -> BoxPair:
        settings, size = self._config.training, self._config.tracking.input_size
        rng = np.random.default_rng([self._seed, number])
        tracks, track = self._clips.drawn(rng)
        first, later = choose_frames(tracks.frames(track), 1, MAX_GAP, rng)
        mirror, grey = rng.random() < 0.5, rng.random() < settings.grey
        (before, first_box), (after, box) = tracks.picture(track, first), tracks.picture(track, later)

        wrong = float(np.exp(np.clip(rng.normal(0, SIZE_SIGMA), -SIZE_LIMIT, SIZE_LIMIT)))
        window = geometry.scaled(box_window(box, first_box), wrong)
        dx, dy = rng.normal(0, SHIFT_SIGMA, 2) * wrong * (box[2] * box[3]) ** 0.5
        window = geometry.shifted(window, dx, dy)
        cut = [geometry.crop(before, box_window(first_box, first_box), size), geometry.crop(after, window, size)]
        template, search = (
            augmented(patch[None, :, ::-1] if mirror else patch[None], grey, settings, rng)[0] for patch in cut
        )
        return BoxPair(template, search, change_of(box, window))
