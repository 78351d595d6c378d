"""2-D Fourier transforms of real maps as matrix products, spectra as pairs of real arrays; labels and windows.

MXNet has no complex numbers and its FFT is 1-D and GPU-only; products with cosine and sine matrices run on every
device, hybridise and are differentiable, and at the sizes of a response map (15 to 31) they are fast.

Functions take `F`, which is `mx.nd` or `mx.sym`. A spectrum holds the half plane that determines a real map, and is
kept transposed: a map (..., H, W) has a `Spectrum` of two arrays (..., K, H), K = W // 2 + 1.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Tuple

import numpy as np


class Spectrum(NamedTuple):
    """Real and imaginary part, arrays or symbols of one shape."""

    re: Any
    im: Any


class Dft(NamedTuple):
    """Matrices of the transform of (H, W) maps, as numpy arrays, NDArrays or symbols."""

    row_cos: Any  # (W, K): along each row, real part
    row_sin: Any  # (W, K)  -sin: imaginary part
    column_cos: Any  # (H, H): along each column
    column_sin: Any  # (H, H)
    inverse_re: Any  # (K, W)  cos / HW, doubled where a frequency stands for two
    inverse_im: Any  # (K, W)  -sin / HW, likewise


def dft_matrices(height: int, width: int) -> Dft:
    """Build the matrices of `rfft2` and `irfft2` for maps of (height, width), in float64."""
    half = width // 2 + 1
    row = 2 * np.pi * np.outer(np.arange(width), np.arange(half)) / width
    column = 2 * np.pi * np.outer(np.arange(height), np.arange(height)) / height
    twice = np.full((half, 1), 2.0)
    twice[0] = 1.0
    if width % 2 == 0:
        twice[-1] = 1.0
    scale = twice / (height * width)
    return Dft(
        *(np.cos(row), -np.sin(row)), *(np.cos(column), np.sin(column)), scale * np.cos(row.T), -scale * np.sin(row.T)
    )


def rfft2(F, x, dft: Dft) -> Spectrum:
    """Transform real maps x (N, ..., H, W), unnormalised: a Spectrum of (N, ..., K, H)."""
    # One product a part: to split the product with [cos | sin] would cost MXNet more than the product.
    re, im = (_transposed(F, F.dot(x, matrix)) for matrix in (dft.row_cos, dft.row_sin))
    return Spectrum(  # (re + i im)(cos - i sin)
        F.dot(re, dft.column_cos) + F.dot(im, dft.column_sin), F.dot(im, dft.column_cos) - F.dot(re, dft.column_sin)
    )


def irfft2(F, x: Spectrum, dft: Dft):
    """Invert `rfft2` (with its 1/HW): Spectrum of (N, ..., K, H) to real maps (N, ..., H, W)."""
    re = F.dot(x.re, dft.column_cos) - F.dot(x.im, dft.column_sin)  # (re + i im)(cos + i sin)
    im = F.dot(x.re, dft.column_sin) + F.dot(x.im, dft.column_cos)
    return F.dot(_transposed(F, re), dft.inverse_re) + F.dot(_transposed(F, im), dft.inverse_im)


def _transposed(F, x):
    """Swap the last two axes, by `transpose` of three: MXNet's `swapaxes` takes ten times as long."""
    flat = F.transpose(F.reshape(x, shape=(-1, 0, 0), reverse=True), axes=(0, 2, 1))
    return F.reshape_like(flat, x, lhs_begin=0, lhs_end=1, rhs_begin=0, rhs_end=-2)


def multiply(F, a: Spectrum, b: Spectrum) -> Spectrum:
    """a b, with broadcasting."""
    return Spectrum(
        F.broadcast_mul(a.re, b.re) - F.broadcast_mul(a.im, b.im),
        F.broadcast_mul(a.re, b.im) + F.broadcast_mul(a.im, b.re),
    )


def conjugate_multiply(F, a: Spectrum, b: Spectrum) -> Spectrum:
    """a* b, with broadcasting."""
    return multiply(F, Spectrum(a.re, -a.im), b)


def conjugate_product_real(F, a: Spectrum, b: Spectrum):
    """Re(a* b), with broadcasting."""
    return F.broadcast_mul(a.re, b.re) + F.broadcast_mul(a.im, b.im)


def scale(F, a: Spectrum, factor) -> Spectrum:
    """A real array times a spectrum, with broadcasting."""
    return Spectrum(F.broadcast_mul(a.re, factor), F.broadcast_mul(a.im, factor))


def divide(F, a: Spectrum, real) -> Spectrum:
    """A spectrum over a real array, with broadcasting."""
    return Spectrum(F.broadcast_div(a.re, real), F.broadcast_div(a.im, real))


def each(function, a: Spectrum) -> Spectrum:
    """Apply a real-linear function (a sum, a reshape) to both parts."""
    return Spectrum(function(a.re), function(a.im))


def channel_sum(F, x):
    """Sum over channels, (N, ..., D, K, H) to (N, ..., 1, K, H): a product with ones, ten times faster than `F.sum`."""
    flat = F.reshape(x, shape=(-1, 0, -3), reverse=True)  # (…, D, KH)
    ones = F.ones_like(F.slice_axis(F.BlockGrad(flat), axis=2, begin=0, end=1))
    total = F.reshape_like(
        F.batch_dot(ones, flat, transpose_a=True), x, lhs_begin=0, lhs_end=1, rhs_begin=0, rhs_end=-3
    )
    return F.reshape_like(total, x, lhs_begin=-1, rhs_begin=-2)


def energy(F, a: Spectrum):
    """|a|², element-wise."""
    return F.square(a.re) + F.square(a.im)


def gaussian_label(
    height: int,
    width: int,
    sigma_y: float,
    sigma_x: float | None = None,
    centre: Tuple[float, float] = (0.0, 0.0),
) -> np.ndarray:
    """Desired response y of Eq. 8: a Gaussian with peak 1 at index `centre` (y, x) and wrap-around, (H, W) float64.

    `sigma_y`, `sigma_x` are in cells (default: the same). Source: DCFNet, EDCF.
    """
    sigma_x = sigma_y if sigma_x is None else sigma_x
    axes = []
    for length, sigma, middle in ((height, sigma_y, centre[0]), (width, sigma_x, centre[1])):
        distance = np.abs(np.arange(length) - middle) % length
        axes.append(np.minimum(distance, length - distance) / sigma)
    return np.exp(-0.5 * (axes[0][:, None] ** 2 + axes[1][None, :] ** 2))


def hann_window(height: int, width: int) -> np.ndarray:
    """Symmetric Hann window without zero border, (H, W) float64. Assumed: standard in correlation filters.

    A border of exact zeros would waste the outermost cells, of which there are few: 15 to 31 a side.
    """
    return np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1])
