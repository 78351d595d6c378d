"""A cut-out and how it moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

import cv2
import numpy as np

from rar_gluon.data.synthetic.cutouts import Sprite
from rar_gluon.data.synthetic.motion import limited, velocity, wave

ALL = slice(None)


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
        if size:
            points, phase = points.astype(np.float32), phase[:, None].astype(np.float32)
            for _ in range(10):  # inverts `swayed + waves(swayed) = points`, a contraction
                swayed = points - np.float32(size) * np.sin(np.float32(wave_number) * swayed[..., ::-1] + phase)
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
        inside = np.zeros(len(points), bool)
        inside[within] = alpha[row[within].astype(int), column[within].astype(int)] >= 128
        return inside

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
        level = int(np.clip(np.log2(0.75 / self.zoom[frame]) + 0.5, 0, len(self.sprite.levels) - 1))
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
