"""Objects cut out of pictures, and ready to be drawn."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Callable, Dict, Iterable, List, NamedTuple, Tuple
from typing import Sequence as Rows

import cv2
import numpy as np

from rar_gluon.common import InputError, progress
from rar_gluon.data import folder
from rar_gluon.data.frames import decode_image
from rar_gluon.data.listing import is_visible, list_images
from rar_gluon.data.synthetic.pictures import EVERY, Lazy, makers, photographs, shrunk

Cutout = Tuple[np.ndarray, np.ndarray]  # (H, W, 3) BGR uint8, and how much of each pixel is the object's, (H, W) uint8

CANVAS = 160  # pixels of an object's longest side: a window of 255 pixels shows it with 85
LEVELS = 4  # sizes that an object is kept in, each half of the one before
LEAST_AREA = 32 * 32  # pixels of an object: smaller ones would be enlarged too much
MOST_CUT = 0.5  # of √area: an object with more pixels than that along its picture's border is cut off too much
KEPT_OBJECTS = 2048  # objects ready to be drawn; each takes some 100 kB
OPENING = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))


class Source(NamedTuple):
    """An object that can be cut out: objects of one `kind` look alike; `cut` gives its `Cutout`."""

    kind: str
    cut: Callable[[], Cutout]


@dataclass(frozen=True)
class Sprite:
    """A cut-out that is ready to be drawn. Points are in its pixels, from its middle.

    Attributes
    ----------
    levels : BGRA uint8, the colours multiplied by alpha, in full, half, quarter and eighth size.
    outline : (P, 2), along alpha = 1/2: its convex hull, and points between.
    inside : (Q, 2), a grid over what is inside the outline.
    """

    levels: Tuple[np.ndarray, ...]
    outline: np.ndarray
    inside: np.ndarray

    @property
    def size(self) -> np.ndarray:
        """Width and height of the outline."""
        return np.ptp(self.outline, axis=0)

    @property
    def side(self) -> float:
        """√(w h) of the outline."""
        return float(np.sqrt(self.size.prod()))


class Objects:
    """Objects by number: each is cut out when it is first needed, and the last `KEPT_OBJECTS` are kept.

    Raises
    ------
    InputError
        There is none.
    """

    def __init__(self, sources: Rows[Source]):
        if not sources:
            raise InputError("synthetic sequences need at least one object where objects are given.")
        self._sources = list(sources)
        self._kinds: Dict[str, List[int]] = {}
        for number, source in enumerate(self._sources):
            self._kinds.setdefault(source.kind, []).append(number)
        self._sprites = Lazy([partial(_sprite_of, source) for source in sources], KEPT_OBJECTS)

    def __len__(self) -> int:
        return len(self._sources)

    def sprite(self, number: int) -> Sprite:
        """An object, ready to be drawn."""
        return self._sprites[number]

    def like(self, number: int) -> List[int]:
        """Numbers of the other objects of an object's kind."""
        return [other for other in self._kinds[self._sources[number].kind] if other != number]


def _sprite_of(source: Source) -> Sprite:
    return make_sprite(source.cut())


def make_sprite(cutout: Cutout) -> Sprite:
    """Make a cut-out ready to be drawn."""
    picture, mask = cutout
    # Nothing around it, so that its edge is soft at every size, and sides that can be halved.
    unit = 2 ** (LEVELS - 1)
    borders = [(unit, unit + -length % unit) for length in mask.shape]
    mask = np.pad(mask, borders)
    picture = np.pad(picture, [*borders, (0, 0)])
    alpha = mask[..., None].astype(np.float32) / 255
    levels = [np.dstack([np.round(picture * alpha).astype(np.uint8), mask])]
    for _ in range(LEVELS - 1):
        levels.append(cv2.resize(levels[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
    middle = np.array(mask.shape[::-1]) / 2
    fine = (cv2.resize(mask, None, fx=4, fy=4, interpolation=cv2.INTER_LINEAR) >= 128).astype(np.uint8)
    curves, _ = cv2.findContours(fine, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = np.vstack(curves)[:, 0]
    hull = cv2.convexHull(outline)[:, 0]
    outline = np.vstack([hull[:: len(hull) // 80 + 1], outline[:: len(outline) // 60 + 1]])
    step = max(np.sqrt((mask >= 128).sum() / 100), 1)
    grid_y, grid_x = (np.arange(step / 2, length, step).astype(int) for length in mask.shape)
    grid_y, grid_x = np.meshgrid(grid_y, grid_x, indexing="ij")
    chosen = mask[grid_y, grid_x] >= 128
    inside = np.stack([grid_x[chosen], grid_y[chosen]], axis=1)
    return Sprite(tuple(levels), (outline + 0.5) / 4 - middle, inside + 0.5 - middle)


def camouflaged(sprite: Sprite, background: np.ndarray) -> Sprite:
    """The object with its mean and spread of colours half way to the background's."""
    coarse = sprite.levels[1]
    mean, spread = cv2.meanStdDev(coarse[..., :3], mask=(coarse[..., 3] >= 128).astype(np.uint8))
    goal, goal_spread = cv2.meanStdDev(background)
    gain = np.sqrt(goal_spread / np.maximum(spread, 1))[:, 0]
    offset = (mean + goal)[:, 0] / 2 - gain * mean[:, 0]
    levels = []
    for level in sprite.levels:
        alpha = level[..., 3:]
        colours = level[..., :3] * gain + offset * (alpha / 255)
        levels.append(np.dstack([np.clip(colours, 0, alpha).astype(np.uint8), alpha]))
    return replace(sprite, levels=tuple(levels))


def as_sources(cutouts: Rows[Cutout], kind: str | None = None) -> List[Source]:
    """Take cut-outs as they are, all of one kind, or (None) each of its own.

    Raises
    ------
    InputError
        A picture or a mask cannot be used.
    """
    for picture, mask in cutouts:
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
            raise InputError(f"an object's picture of shape {picture.shape} and type {picture.dtype} is no BGR uint8.")
        if mask.shape != picture.shape[:2] or mask.dtype != np.uint8 or mask.max() < 128:
            raise InputError(
                f"an object's mask of shape {mask.shape} and type {mask.dtype} cannot be used: uint8 of its "
                f"picture's size, {picture.shape[:2]}, and 128 or more where the object is, is needed."
            )
    return [Source(kind or f"object {number}", cut) for number, cut in enumerate(makers(cutouts))]


# --- masks


def read_mask(path: str | os.PathLike) -> np.ndarray:
    """Read a mask of any depth; (H, W) uint8, 1 where it is not 0."""
    return (decode_image(path, cv2.IMREAD_ANYDEPTH) > 0).astype(np.uint8)


def largest_part(mask: np.ndarray) -> np.ndarray | None:
    """Leave of a mask (H, W) uint8, 0 and 1, its largest part, without lines (ropes) and specks.

    None where that is too small, or cut off too much by the border of the picture.
    """
    parts, labels, boxes, _ = cv2.connectedComponentsWithStats(cv2.morphologyEx(mask, cv2.MORPH_OPEN, OPENING))
    part = 1 + int(np.argmax(boxes[1:, cv2.CC_STAT_AREA])) if parts > 1 else 0
    area = boxes[part, cv2.CC_STAT_AREA]
    if not part or area < LEAST_AREA:
        return None
    mask = (labels == part).astype(np.uint8)
    on_border = mask[0].sum() + mask[-1].sum() + mask[:, 0].sum() + mask[:, -1].sum()
    return mask if on_border <= MOST_CUT * np.sqrt(area) else None


def cut_out(picture: np.ndarray, mask: np.ndarray) -> Cutout:
    """Cut what a mask (H, W) uint8, 0 and 1, shows out of a picture; longest side up to `CANVAS`.

    The soft edge lies within the mask, so that nothing of what is around the object comes with it.
    """
    x, y, w, h = cv2.boundingRect(mask)
    crop = slice(max(y - 4, 0), y + h + 4), slice(max(x - 4, 0), x + w + 4)
    cut = shrunk(picture[crop], CANVAS).copy()
    mask = cv2.resize(255 * mask[crop], cut.shape[1::-1], interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(mask, (0, 0), 1.2).astype(np.int16)
    return cut, np.clip(2 * soft - 255, 0, 255).astype(np.uint8)


def cutouts_from_masks(frames: Iterable[np.ndarray], masks: Rows[str | os.PathLike], every: int = 10) -> List[Cutout]:
    """Cut the object out of every `every`-th frame of a video.

    Parameters
    ----------
    frames : (H, W, 3) BGR uint8 each.
    masks : one image file of the same size a frame, not 0 where the object is (DAVIS). Frames that `largest_part` finds
        nothing in are left out.

    Raises
    ------
    InputError
        When frames and masks are not equally many, or not equally large.
    """
    cutouts, count = [], 0
    for count, frame in enumerate(frames, start=1):
        if count > len(masks) or (count - 1) % every:
            continue
        mask = read_mask(masks[count - 1])
        if mask.shape != frame.shape[:2]:
            raise InputError(
                f"{masks[count - 1]} is {mask.shape[1]}x{mask.shape[0]}, its frame {frame.shape[1]}x{frame.shape[0]}."
            )
        part = largest_part(mask)
        if part is not None:
            cutouts.append(cut_out(frame, part))
    if count != len(masks):
        where = Path(masks[0]).parent if masks else "a video"
        raise InputError(f"{where} has {len(masks)} masks for {count} frames: one mask a frame is needed.")
    return cutouts


def load_cutouts(
    videos_root: str | os.PathLike,
    masks_root: str | os.PathLike,
    every: int = 10,
    names: Rows[str] | None = None,
    exclude: Rows[str] = (),
) -> List[Source]:
    """Cut objects out of the videos of a folder, whose masks are MASKS/NAME/*.png for the video or folder NAME.

    Those of a video are a kind. `names` (None: all that have masks) are taken but for those of `exclude`: sequences
    that are kept for validation.
    """
    masks_root = Path(masks_root)
    if not masks_root.is_dir():
        raise InputError(f"{masks_root} is no folder: give a folder with a folder of masks for each video.")
    sources = []
    if names is None:
        names = sorted(path.name for path in masks_root.iterdir() if path.is_dir() and path.name[0] != ".")
    for name in progress([name for name in names if name not in exclude], desc="cut-outs", unit="video"):
        if not (masks_root / name).is_dir():
            raise InputError(f"{masks_root} holds no masks of {name}: a folder of that name is needed.")
        frames = folder.open_named(videos_root, name)
        sources += as_sources(cutouts_from_masks(frames, list_images(masks_root / name), every), name)
    return sources


def load_stills(root: str | os.PathLike, share: Tuple[float, float] = EVERY) -> List[Source]:
    """Find the objects of a folder of photographs NAME.jpg and masks NAME.png, not 0 where the object is.

    `share` takes a part of them (`photographs`).

    Names that differ in a number at their end are a kind (dog_1, dog_2). A photograph without a mask has no object;
    objects that `largest_part` refuses are left out. Photographs are decoded when their object is first drawn.

    Raises
    ------
    InputError
        No photograph, a mask without one or of another size, or a file that cannot be read.
    """
    by_stem = {path.stem: path for path in photographs(root)}
    taken = {path.stem for path in photographs(root, share)}
    sources = []
    masks = sorted(path for path in Path(root).iterdir() if is_visible(path, (".png",)))
    for mask in masks:
        if mask.stem not in by_stem:
            raise InputError(f"{root} holds a mask {mask.name}, but no photograph {mask.stem}.jpg.")
    for mask in progress([mask for mask in masks if mask.stem in taken], desc="stills", unit="picture"):
        shape = read_mask(mask).shape
        eighth = decode_image(by_stem[mask.stem], cv2.IMREAD_REDUCED_GRAYSCALE_8)  # as good as its header
        if eighth.shape != tuple(-(-length // 8) for length in shape):
            raise InputError(f"{by_stem[mask.stem]} is not as large as {mask.name}.")
        if largest_part(read_mask(mask)) is not None:
            kind = re.sub(r"[\W_]*\d+$", "", mask.stem)
            sources.append(Source(f"{root}/{kind}", partial(cut_still, by_stem[mask.stem], mask)))
    return sources


def cut_still(photograph: Path, mask: Path) -> Cutout:
    """Cut the object out of a photograph that `load_stills` has found one in."""
    picture, part = decode_image(photograph, cv2.IMREAD_COLOR), largest_part(read_mask(mask))
    if part is None or part.shape != picture.shape[:2]:
        raise InputError(f"{mask} shows no object of {photograph} any more: keep both as they were at the start.")
    return cut_out(picture, part)
