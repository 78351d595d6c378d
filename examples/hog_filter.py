"""Your own filter: CACF on HOG under our tracker, instead of ours on a network's representation.

    python examples/hog_filter.py VIDEO x,y,w,h

A filter is any object with `learn` and `respond`. This one (Mueller et al., CVPR 2017; without contexts, MOSSE of many
channels) wants pixels: `Pixels` is a backbone that hands them on. Windows, scales and boxes stay the tracker's.
"""

from __future__ import annotations

import sys

import numpy as np
from skimage.feature import hog

import rar_gluon as rar  # before mxnet: sets its threads
from rar_gluon.config import from_dict
from rar_gluon.net.rar import build

from mxnet.gluon import HybridBlock  # isort: skip

CELL = 4  # pixels a side, of HOG's cells and of the response's
SETTINGS = {
    "network": {
        "levels": ["conv3"],
        "deformable": [],
        "stride": CELL,
        "inter_frame": False,
        "channel": False,
        "spatial": False,
        "refinement": "concat",
    },
    "tracking": {"input_size": 128, "learning_rate": 0.015, "adaptive_rate": False},
}
LAMBDA1, LAMBDA2 = 1e-4, 0.4  # in units of the features' mean energy; the numbers are those of our peer cacf-hog
SIGMA = 0.1  # of the desired response, in sides of the target


class Pixels(HybridBlock):
    """Hands on the image: the pixels of a cell are its channels."""

    channels, strides = (3 * CELL**2,), (CELL,)

    def hybrid_forward(self, F, image):
        return [F.space_to_depth(image, CELL)]


class HogCACF:
    """w_l = conj(z0_l) y / (Σ_l |z0_l|² + λ1 + λ2 Σ_i Σ_l |zi_l|²), spectra of HOG, moved along from frame to frame."""

    def learn(self, z0, zi, rate: float) -> None:
        """Take in a target z0 (D, H, W) and, if any, its contexts zi (k, D, H, W); begin anew at rate 1."""
        (template,) = spectra(z0.expand_dims(0))
        channels, height, _ = template.shape
        sigma = SIGMA * height / (1 + rar.Config().tracking.padding)
        offsets = np.fft.fftfreq(height, 1 / height)
        gaussian = np.exp(-0.5 * (offsets / sigma) ** 2)
        energy = (np.abs(template) ** 2).sum(axis=0)
        if zi is not None:
            energy = energy + LAMBDA2 * (np.abs(spectra(zi)) ** 2).sum(axis=(0, 1))
        scale = 1 / (channels * height**2)
        new = scale * np.conj(template) * np.fft.rfft2(np.outer(gaussian, gaussian)), scale * energy + LAMBDA1
        if rate < 1:
            new = tuple((1 - rate) * old + rate * part for old, part in zip(self._parts, new))
        self._parts = new

    def respond(self, x) -> np.ndarray:
        """Responses (S, H, W) of search regions x (S, D, H, W); an unmoved target's peak is at (0, 0)."""
        numerator, denominator = self._parts
        return np.fft.irfft2((numerator * spectra(x)).sum(axis=1) / denominator, s=x.shape[2:])


def spectra(maps) -> np.ndarray:
    """Spectra (N, 9, H, K) of the HOG of what `Pixels` handed on (N, D, H, W), under a cosine window."""
    maps = maps.asnumpy()
    count, _, height, width = maps.shape
    cells = maps.reshape(count, CELL, CELL, 3, height, width)
    pictures = cells.transpose(0, 4, 1, 5, 2, 3).reshape(count, CELL * height, CELL * width, 3)
    grid = {"pixels_per_cell": (CELL, CELL), "cells_per_block": (1, 1)}
    features = [hog(picture, **grid, feature_vector=False, channel_axis=-1) for picture in pictures]
    features = np.stack(features).reshape(count, height, width, -1).transpose(0, 3, 1, 2)
    return np.fft.rfft2(features * np.outer(np.hanning(height), np.hanning(width)))


def make() -> rar.Tracker:
    """Our tracker with this filter."""
    config = from_dict(SETTINGS)
    return rar.Tracker(config, build(config.network, backbone=Pixels()), filter=HogCACF())


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, start = sys.argv[1:]
    for _, box in make().track(source, [float(value) for value in start.split(",")]):
        print(*(f"{value:.1f}" for value in box), sep=",")
