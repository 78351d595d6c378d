"""All that happens in a sequence, decided at random before a frame is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Sequence as Rows
from typing import Tuple

import cv2
import numpy as np

from rar_gluon.data.synthetic.cutouts import Objects, Sprite, camouflaged
from rar_gluon.data.synthetic.layers import Layer, moving, smeared
from rar_gluon.data.synthetic.motion import folded, limited, random_path, velocity, walk, wave
from rar_gluon.data.synthetic.pictures import recoloured

VISIBLE = 0.3  # share of the target that must be seen for a frame to be trained on
SCALES = (0.6, 1.7)  # of the target's own size, over a sequence
SIZES = (0.08, 0.33)  # of the target, √(w h) at scale 1, as a share of √(H W)


@dataclass(frozen=True)
class Scene:
    """A sequence of N frames before it is drawn.

    Attributes
    ----------
    background : (H', W', 3) BGR uint8.
    views : (N, 2, 3), affine maps from the frame's pixels to the background's; `pan`: (N, 2), their motion blur.
    below, target, above : what is drawn before the target, the target, and what is drawn over it.
    tones : (N, 256) uint8, a table from grey level to grey level a frame.
    noise : standard deviation, grey levels.
    visible : (N,), share of the target that is in the frame and under nothing.
    """

    background: np.ndarray
    views: np.ndarray
    pan: np.ndarray
    below: Tuple[Layer, ...]
    target: Layer
    above: Tuple[Layer, ...]
    tones: np.ndarray
    noise: float
    visible: np.ndarray

    @cached_property
    def boxes(self) -> np.ndarray:
        """Boxes (N, 4) of the whole target, seen or not."""
        return self.target.boxes()

    def draw(self, frame: int, size: Tuple[int, int]) -> np.ndarray:
        """Draw a frame of `size` (height, width) without its noise, (H, W, 3) BGR uint8."""
        how, view = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, self.views[frame]
        picture = cv2.warpAffine(self.background, view, size[::-1], flags=how, borderMode=cv2.BORDER_REFLECT_101)
        picture = smeared(picture, self.pan[frame])
        for layer in (*self.below, self.target, *self.above):
            layer.draw(picture, frame)
        return cv2.LUT(picture, self.tones[frame])


def visible_shares(target: Layer, above: Rows[Layer], size: Tuple[int, int]) -> np.ndarray:
    """Share (N,) of the target that is within a frame of `size` (height, width) and under none of the layers above."""
    points = target.to_frame(target.sprite.inside)
    seen = ((points >= 0) & (points < size[::-1])).all(axis=2)
    for layer in above:
        for frame, places in enumerate(points):
            seen[frame] &= ~layer.covers(frame, places)
    return seen.mean(axis=1)


def random_tones(rng: np.random.Generator, length: int) -> np.ndarray:
    """Tables (N, 256) of grey levels: brightness and contrast that change; in a fifth of the tracks, haze or dusk."""
    contrast = 1 + rng.choice([0, 0.1, 0.3]) * wave(rng, length, 30)
    middle = 128 + rng.choice([0, 10, 40]) * wave(rng, length, 30)
    if rng.random() < 0.2:
        contrast, middle = contrast * rng.uniform(0.35, 0.7), rng.uniform(60, 190) + 0.3 * (middle - 128)
    tones = middle[:, None] + contrast[:, None] * (np.arange(256) - 128)
    return np.clip(np.round(tones), 0, 255).astype(np.uint8)


def random_view(
    rng: np.random.Generator, length: int, size: Tuple[int, int], picture: np.ndarray, shutter: float
) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Background, views and pan of a `Scene`: a camera that stands, trembles, or pans, zooms and rolls a little."""
    if rng.random() < 0.5:
        picture = cv2.flip(picture, 1)
    height, width = size
    factor = max(height / picture.shape[0], width / picture.shape[1]) * rng.uniform(1.1, 2)
    if factor < 0.7:  # against aliasing; else the frames are drawn from the picture as it is
        picture = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        factor = 1.0
    if rng.random() < 0.3:
        picture = recoloured(rng, picture)
    extent, frame = np.array(picture.shape[1::-1]) * factor, np.array([width, height], float)
    speed = rng.choice([0, 0.3, 1.5, 5], p=[0.3, 0.3, 0.25, 0.15])
    path = rng.uniform(frame / 2, extent - frame / 2) + speed * walk(rng, length, 15)
    path = folded(path, frame / 2, extent - frame / 2)
    zoom, roll = np.ones(length), np.zeros(length)
    if speed > 1:
        zoom, roll = 1 + 0.05 * wave(rng, length, 60), np.radians(3) * wave(rng, length, 60)
    views = np.zeros((length, 2, 3))
    views[:, 0, 0] = views[:, 1, 1] = zoom * np.cos(roll)
    views[:, 1, 0] = zoom * np.sin(roll)
    views[:, 0, 1] = -views[:, 1, 0]
    views[:, :, 2] = path - views[:, :, :2] @ (frame / 2)
    return picture, views / factor, limited(-shutter * velocity(path), np.full(length, 15.0))


def passer(rng: np.random.Generator, sprite: Sprite, zoom: float, target: np.ndarray, side: float, shutter: float):
    """Layer of what passes in front of a target, whose centres (N, 2) are given, at some time; or just stands there.

    `side` is the target's √(w h), in pixels of the frame.
    """
    length = len(target)
    when = int(rng.integers(length // 5, length))
    reach = side + zoom * float(sprite.size.min())
    way = rng.uniform(0, 2 * np.pi)
    speed = rng.choice([0, 1]) * reach / rng.uniform(4, 15)
    middle = target[when] + rng.normal(0, 0.15, 2) * side
    centre = middle + (np.arange(length)[:, None] - when) * speed * np.array([np.cos(way), np.sin(way)])
    return moving(rng, sprite, centre, np.full(length, zoom), shutter, lively=False)


def make_scene(
    rng: np.random.Generator, length: int, size: Tuple[int, int], objects: Objects, backgrounds: Rows[np.ndarray]
) -> Scene:
    """Decide at random all that happens in a sequence of frames of `size` (height, width)."""
    shutter = rng.choice([0, 0.3, 0.8])
    background, views, pan = random_view(rng, length, size, backgrounds[int(rng.integers(len(backgrounds)))], shutter)
    side = np.sqrt(size[0] * size[1]) * np.exp(rng.uniform(*np.log(SIZES)))
    chosen = int(rng.integers(len(objects)))
    alike = objects.like(chosen)
    sprite = objects.sprite(chosen)
    if rng.random() < 0.1:
        sprite = camouflaged(sprite, background)

    def subject(leaves: bool) -> Layer:
        """The target, or another that looks the same."""
        scale = np.interp(rng.uniform(0.1, 1) * wave(rng, length, 45), (-1, 0, 1), np.log([SCALES[0], 1, SCALES[1]]))
        zoom = side / sprite.side
        centre = random_path(rng, length, size, zoom * float(sprite.size.max()), leaves)
        return moving(rng, sprite, centre, zoom * np.exp(scale), shutter)

    def another(sizes: Tuple[float, float]) -> Tuple[Sprite, float]:
        """Another object, half of the time of the target's kind where there is one; and its zoom."""
        number = alike[int(rng.integers(len(alike)))] if alike and rng.random() < 0.5 else rng.integers(len(objects))
        other = objects.sprite(int(number))
        return other, side * rng.uniform(*sizes) / other.side

    target = subject(leaves=rng.random() < 0.15)
    below = [subject(leaves=True) for _ in range(rng.integers(1, 4))] if rng.random() < 0.3 else []
    for _ in range(rng.integers(0, 3)):
        other, zoom = another((0.5, 1.5))
        path = random_path(rng, length, size, zoom * float(other.size.max()), True)
        below.append(moving(rng, other, path, np.full(length, zoom), shutter))
    above = []
    if rng.random() < 0.5:
        above.append(passer(rng, *another((0.6, 1.3)), target.plane[:, :2, 2], side, shutter))
    visible = visible_shares(target, above, size)
    if visible[0] < 0.9 or (visible >= VISIBLE).mean() < 0.5:  # too much of it to track anything
        above, visible = [], visible_shares(target, [], size)
    tones, noise = random_tones(rng, length), rng.choice([0, 2, 6])
    return Scene(background, views, pan, tuple(below), target, tuple(above), tones, noise, visible)
