"""Objects that are made: random shapes cut out of pictures."""

from __future__ import annotations

from functools import partial
from typing import List
from typing import Sequence as Rows

import cv2
import numpy as np

from rar_gluon.data.synthetic.cutouts import CANVAS, Cutout, Source
from rar_gluon.data.synthetic.pictures import recoloured

MADE = 2000  # objects that are made of pictures; all of them are kept once they are


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


def made_sources(pictures: Rows[np.ndarray], seed: int) -> List[Source]:
    """`MADE` objects that are made of pictures, each of its own kind."""
    return [Source(f"made {number}", partial(_made, pictures, seed, number)) for number in range(MADE)]


def _made(pictures: Rows[np.ndarray], seed: int, number: int) -> Cutout:
    return made_cutout(np.random.default_rng([seed, number, MADE]), pictures)
