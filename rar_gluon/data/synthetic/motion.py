"""Random functions of time: where things go, how they grow and turn."""

from __future__ import annotations

from typing import Tuple

import numpy as np


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


def velocity(path: np.ndarray) -> np.ndarray:
    """Change of a path (N, 2) a frame, (N, 2)."""
    return np.gradient(path, axis=0) if len(path) > 1 else np.zeros_like(path)


def limited(vectors: np.ndarray, longest: np.ndarray) -> np.ndarray:
    """Shorten vectors (N, 2) to at most `longest` (N,)."""
    norm = np.maximum(np.linalg.norm(vectors, axis=1), 1e-6)
    return vectors * np.minimum(1, longest / norm)[:, None]
