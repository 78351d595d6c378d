import numpy as np
import pytest
from mxnet import nd

from rar_gluon.filter import fourier
from rar_gluon.filter.fourier import Dft, Spectrum, dft_matrices, gaussian_label, hann_window, irfft2, rfft2

SIZES = [(5, 5), (6, 6), (4, 7), (7, 4), (1, 6), (6, 1), (31, 31)]


def matrices(height, width, dtype="float64"):
    return Dft(*(nd.array(matrix, dtype=dtype) for matrix in dft_matrices(height, width)))


def spectrum(values, dtype="float64"):
    """A complex numpy array as a Spectrum; element by element, no transposition."""
    return Spectrum(nd.array(values.real, dtype=dtype), nd.array(values.imag, dtype=dtype))


def complex_of(result):
    return result.re.asnumpy() + 1j * result.im.asnumpy()


# Transforms ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-13), ("float32", 1e-5)])
@pytest.mark.parametrize("size", SIZES)
def test_rfft2_is_numpys_transposed(size, dtype, tolerance):
    maps = np.random.default_rng(0).normal(size=(2, 3, *size))
    ours = rfft2(nd, nd.array(maps, dtype=dtype), matrices(*size, dtype))
    theirs = np.fft.rfft2(maps).swapaxes(-1, -2)
    assert ours.re.dtype == ours.im.dtype == np.dtype(dtype)
    np.testing.assert_allclose(complex_of(ours), theirs, atol=tolerance * np.abs(theirs).max())


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-13), ("float32", 1e-5)])
@pytest.mark.parametrize("size", SIZES)
def test_irfft2_is_numpys(size, dtype, tolerance):
    # any half plane, of a real map or not: numpy too ignores the imaginary part where a real map has none
    rng = np.random.default_rng(0)
    half = (2, size[0], size[1] // 2 + 1)
    values = rng.normal(size=half) + 1j * rng.normal(size=half)
    ours = irfft2(nd, spectrum(values.swapaxes(-1, -2), dtype), matrices(*size, dtype)).asnumpy()
    theirs = np.fft.irfft2(values, s=size)
    np.testing.assert_allclose(ours, theirs, atol=tolerance * np.abs(theirs).max())


@pytest.mark.parametrize("size", SIZES)
def test_round_trip(size):
    maps = np.random.default_rng(0).normal(size=(3, *size))
    dft = matrices(*size)
    back = irfft2(nd, rfft2(nd, nd.array(maps, dtype="float64"), dft), dft)
    np.testing.assert_allclose(back.asnumpy(), maps, atol=1e-12)


# Products of spectra -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ours, expected",
    [
        (fourier.multiply, lambda a, b: a * b),
        (fourier.conjugate_multiply, lambda a, b: np.conj(a) * b),
        (fourier.conjugate_product_real, lambda a, b: (np.conj(a) * b).real),
        (lambda F, a, b: fourier.scale(F, a, b.re), lambda a, b: a * b.real),
        (lambda F, a, b: fourier.divide(F, a, b.re), lambda a, b: a / b.real),
        (lambda F, a, b: fourier.energy(F, a), lambda a, b: np.abs(a) ** 2),
        (lambda F, a, b: fourier.each(lambda part: part.sum(axis=1), a), lambda a, b: a.sum(axis=1)),
    ],
)
def test_products_are_those_of_complex_numbers(ours, expected):
    rng = np.random.default_rng(0)
    a = rng.normal(size=(2, 3, 4)) + 1j * rng.normal(size=(2, 3, 4))
    b = rng.normal(size=(2, 1, 4)) + 1j * rng.normal(size=(2, 1, 4))  # broadcast
    result = ours(nd, spectrum(a), spectrum(b))
    result = complex_of(result) if isinstance(result, Spectrum) else result.asnumpy()
    np.testing.assert_allclose(result, expected(a, b), rtol=1e-13)


# Label and window ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(5, 5), (6, 9), (31, 30)])
def test_label_is_a_wrapped_gaussian_at_the_origin(size):
    label = gaussian_label(*size, 1.5, 2.5)
    assert label.shape == size and label.dtype == np.float64
    assert label[0, 0] == label.max() == 1.0
    assert label[2, 1] == pytest.approx(np.exp(-0.5 * ((2 / 1.5) ** 2 + (1 / 2.5) ** 2)))
    for axis in (0, 1):  # index -i holds what index i holds
        np.testing.assert_array_equal(label, np.roll(np.flip(label, axis), 1, axis))
    np.testing.assert_array_equal(gaussian_label(*size, 2.0), gaussian_label(*size, 2.0, 2.0))


@pytest.mark.parametrize("size", [(5, 5), (6, 9), (31, 31)])
def test_window_is_hanns_without_its_zeros(size):
    rows, columns = (np.sin(np.pi * np.arange(1, n + 1) / (n + 1)) ** 2 for n in size)
    window = hann_window(*size)
    np.testing.assert_allclose(window, rows[:, None] * columns[None, :], atol=1e-15)
    assert window.min() > 0
