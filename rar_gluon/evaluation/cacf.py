"""CACF, the context-aware correlation filter that the paper starts from, on HOG: a peer that runs here."""

from __future__ import annotations

from typing import Sequence

import numpy as np

from rar_gluon.common import InputError
from rar_gluon.filter.fourier import gaussian_label, hann_window
from rar_gluon.geometry import at_peak, centred, context_windows, crop, limited, window_of

# Mueller et al., CVPR 2017, give the filter; the numbers are assumed (those usual of KCF and DCF), none was tuned.
PADDING = 1.5
SIDE = 96  # of a crop, in pixels
CELL = 6  # of HOG; skimage takes its time for each cell
LAMBDA1, LAMBDA2 = 1e-4, 0.4  # in units of the features' mean energy
RATE = 0.015
SIGMA = 0.1  # of the label, in sides of the target


class CACF:
    """Correlation filter in closed form, trained to answer nothing on the patches beside the target; no scales.

    w_l = conj(z0_l) y / (Σ_l |z0_l|² + λ1 + λ2 Σ_i Σ_l |zi_l|²) with the spectra of a template and four contexts.
    """

    def __init__(self):
        try:
            from skimage.feature import hog
        except ImportError:
            raise InputError("cacf-hog needs scikit-image: pip install 'rar-gluon[train]'.") from None
        self._hog = hog

    def init(self, frame: np.ndarray, box: Sequence[float]) -> None:
        """Start on a frame (H, W, 3), uint8, with the target in box (x, y, w, h)."""
        self._box = tuple(float(value) for value in box)
        self._filter = self._learned(frame)

    def update(self, frame: np.ndarray) -> Sequence[float]:
        """Return the target's box on the next frame."""
        window = window_of(self._box, PADDING, "per-axis")
        numerator, denominator = self._filter
        spectrum = self._spectrum(frame, window)
        response = np.fft.irfft2((numerator * spectrum).sum(axis=0) / denominator, s=self._cells)
        moved = at_peak(window, response, CELL, SIDE)
        self._box = limited(centred(self._box, moved), frame.shape)
        self._filter = tuple((1 - RATE) * old + RATE * new for old, new in zip(self._filter, self._learned(frame)))
        return self._box

    def _learned(self, frame: np.ndarray):
        """Numerator (D, H, K) and denominator (H, K) of the filter on one frame."""
        window = window_of(self._box, PADDING, "per-axis")
        z0 = self._spectrum(frame, window)
        contexts = [self._spectrum(frame, beside) for beside in context_windows(window, self._box)]
        label = gaussian_label(*self._cells, SIGMA * self._cells[0] / (1 + PADDING))
        scale = 1 / (z0.shape[0] * np.prod(self._cells))
        energy = sum(_energy(spectrum) for spectrum in contexts)
        return scale * np.conj(z0) * np.fft.rfft2(label), scale * (_energy(z0) + LAMBDA2 * energy) + LAMBDA1

    def _spectrum(self, frame: np.ndarray, window) -> np.ndarray:
        """Spectra (D, H, K) of a window's HOG, weighted by a cosine window."""
        picture = crop(frame, window, SIDE)
        blocks = self._hog(
            picture, pixels_per_cell=(CELL, CELL), cells_per_block=(2, 2), feature_vector=False, channel_axis=-1
        )
        features = blocks.reshape(*blocks.shape[:2], -1).transpose(2, 0, 1)
        self._cells = features.shape[1:]
        return np.fft.rfft2(features * hann_window(*self._cells))


def _energy(spectrum: np.ndarray) -> np.ndarray:
    return (np.abs(spectrum) ** 2).sum(axis=0)
