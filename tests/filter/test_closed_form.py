"""Filter, response and both backward passes against numpy's complex numbers and against dense linear algebra.

Conventions are those of docs/reference/eq13.md: F is the unnormalised DFT, Eq. 11 is read with the conjugate of ŵ.
"""

import numpy as np
import pytest
from mxnet import nd

from rar_gluon.filter import closed_form
from rar_gluon.filter.fourier import Spectrum, divide, gaussian_label
from rar_gluon.filter.layer import invert, transform

LAMBDA1, LAMBDA2 = 0.5, 0.1
DENOMINATORS = ["summed", "per-channel"]


def spectrum(maps):
    return None if maps is None else transform(nd.array(maps, dtype="float64"))


def ours(maps, denominator, e=1.0):
    """Spectra (x, z0, zi, y, n, d) and beta of a problem."""
    x, z0, zi, y = (spectrum(part) for part in (maps.x, maps.z0, maps.zi, maps.y[None]))
    beta = nd.array(maps.beta, dtype="float64")
    n = closed_form.numerator(nd, z0, y, beta, e)
    d = closed_form.denominator(nd, z0, zi, beta, LAMBDA1, LAMBDA2, e, denominator == "summed")
    return x, z0, zi, y, n, d, beta


def filter_of(maps, denominator):
    """The filter w (B, D, H, W) in space."""
    *_, n, d, _ = ours(maps, denominator)
    return invert(divide(nd, n, d), maps.x.shape[-1]).asnumpy()


# Eq. 10 and 11 in numpy's complex numbers ----------------------------------------------------------------------------


def equation_10(maps, denominator, e=1.0):
    """(n, d) over the whole plane, straight from Eq. 10."""
    z0, y = np.fft.fft2(maps.z0), np.fft.fft2(maps.y)
    beta = maps.beta[:, None, None, None]
    energy = np.abs(z0) ** 2
    if maps.zi is not None:
        energy = energy + LAMBDA2 * (np.abs(np.fft.fft2(maps.zi)) ** 2).sum(axis=2)
    if denominator == "summed":
        energy = energy.sum(axis=2, keepdims=True)
    return (e * beta * z0 * np.conj(y)).sum(axis=1), (beta * (e * energy + LAMBDA1)).sum(axis=1)


@pytest.mark.parametrize("e", [1.0, 0.01])
@pytest.mark.parametrize("contexts", [0, 4])
@pytest.mark.parametrize("templates", [1, 2])
@pytest.mark.parametrize("denominator", DENOMINATORS)
def test_filter_and_response(make_maps, denominator, templates, contexts, e):
    maps = make_maps(batch=2, channels=3, templates=templates, contexts=contexts)
    n, d = equation_10(maps, denominator, e)
    g = np.fft.ifft2((np.conj(n / d) * np.fft.fft2(maps.x)).sum(axis=1)).real
    x, *_, our_n, our_d, _ = ours(maps, denominator, e)
    assert our_d.shape[1] == (1 if denominator == "summed" else 3)
    width = maps.x.shape[-1]
    np.testing.assert_allclose(invert(our_n, width).asnumpy(), np.fft.ifft2(n).real, atol=1e-12)
    real = Spectrum(our_d, nd.zeros_like(our_d))
    np.testing.assert_allclose(invert(real, width).asnumpy(), np.fft.ifft2(d).real, atol=1e-12)
    np.testing.assert_allclose(invert(closed_form.respond(nd, our_n, our_d, x), width).asnumpy(), g, atol=1e-12)


# Eq. 9: ridge regression on dense circulant matrices -----------------------------------------------------------------


def circulant(map_):
    """(HW, HW) matrix Z of all shifts of a map (H, W): (Z w)(p) = Σ_q w(q) z(q + p), indices modulo H and W."""
    height, width = map_.shape
    shifts = [np.roll(map_, (-i, -j), axis=(0, 1)).ravel() for i in range(height) for j in range(width)]
    return np.stack(shifts)


def ridge(templates, contexts, y, beta, joint):
    """Minimiser w (D, H, W) of Eq. 8 by its normal equations, for templates (T, D, H, W), contexts (T, k, D, H, W).

    joint: every map z counts as ‖Σ_l Z_l w_l‖², its matrix being [Z_1 … Z_D]. Otherwise as its Cauchy-Schwarz bound
    (1/HW) Σ_u (Σ_l |ẑ_l|²)(Σ_l |ŵ_l|²) = Σ_l w_lᵀ (Σ_m Z_mᵀ Z_m) w_l: no product of two channels.
    """
    channels, size = templates.shape[1], y.size

    def gram(maps):
        z = [circulant(map_) for map_ in maps]
        if joint:
            return np.hstack(z).T @ np.hstack(z)
        return np.kron(np.eye(channels), sum(one.T @ one for one in z))

    left, right = np.zeros((channels * size, channels * size)), np.zeros(channels * size)
    for weight, z0, zi in zip(beta, templates, contexts):
        left += weight * (gram(z0) + LAMBDA1 * np.eye(len(left)) + LAMBDA2 * sum(gram(maps) for maps in zi))
        right += weight * np.hstack([circulant(map_) for map_ in z0]).T @ y.ravel()
    return np.linalg.solve(left, right).reshape(channels, *y.shape)


def solve(maps, joint=True):
    contexts = np.empty((len(maps.beta), 0)) if maps.zi is None else maps.zi[0]
    return ridge(maps.z0[0], contexts, maps.y, maps.beta, joint)


def test_response_is_the_circulant_product(make_maps):
    # fixes what correlation means here: it is this reading that needs ŵ* in Eq. 11
    maps = make_maps(5, 5, channels=2)
    x, *_, n, d, _ = ours(maps, "summed")
    g = sum(circulant(x_l) @ w_l.ravel() for x_l, w_l in zip(maps.x[0], filter_of(maps, "summed")[0]))
    response = invert(closed_form.respond(nd, n, d, x), 5).asnumpy()[0]
    np.testing.assert_allclose(response, g.reshape(5, 5), atol=1e-12)


@pytest.mark.parametrize("contexts", [0, 4])
@pytest.mark.parametrize("templates", [1, 3])
@pytest.mark.parametrize("denominator", DENOMINATORS)
def test_one_channel_is_ridge_regression(make_maps, denominator, templates, contexts):
    maps = make_maps(5, 5, channels=1, templates=templates, contexts=contexts)
    np.testing.assert_allclose(filter_of(maps, denominator)[0], solve(maps), atol=1e-12)


@pytest.mark.parametrize("contexts", [0, 4])
@pytest.mark.parametrize("templates", [1, 3])
def test_per_channel_is_each_channels_own_ridge_regression(make_maps, templates, contexts):
    maps = make_maps(5, 5, channels=3, templates=templates, contexts=contexts)
    for channel, w in enumerate(filter_of(maps, "per-channel")[0]):
        zi = np.empty((templates, 0)) if maps.zi is None else maps.zi[0, :, :, channel : channel + 1]
        own = ridge(maps.z0[0, :, channel : channel + 1], zi, maps.y, maps.beta, joint=True)
        np.testing.assert_allclose(w, own[0], atol=1e-12)


def test_summed_is_ridge_regression_for_one_template_without_contexts(make_maps):
    # (z zᴴ + λ1 I) w = z ŷ* has, by Sherman-Morrison, w = z ŷ* / (‖z‖² + λ1) at every frequency
    maps = make_maps(5, 5, channels=3, contexts=0)
    w = filter_of(maps, "summed")[0]
    np.testing.assert_allclose(w, solve(maps), atol=1e-12)
    # the same in the dual: w_l = Z_lᵀ (Σ_m Z_m Z_mᵀ + λ1 I)⁻¹ y, whose denominator is one for all channels
    z = [circulant(map_) for map_ in maps.z0[0, 0]]
    dual = np.linalg.solve(sum(one @ one.T for one in z) + LAMBDA1 * np.eye(25), maps.y.ravel())
    np.testing.assert_allclose(w, [(one.T @ dual).reshape(5, 5) for one in z], atol=1e-12)


def test_summed_is_ridge_regression_where_all_maps_are_shifts_of_one(make_maps):
    # every spectrum is then a number times one vector of channels, and all of Σ zzᴴ still has rank one
    maps = make_maps(5, 5, channels=3, templates=2, contexts=4)
    maps.z0[0, 1] = -0.7 * np.roll(maps.z0[0, 0], (1, 2), axis=(1, 2))
    for t in range(2):
        for i in range(4):
            maps.zi[0, t, i] = np.roll(maps.z0[0, 0], (i, t - i), axis=(1, 2))
    np.testing.assert_allclose(filter_of(maps, "summed")[0], solve(maps), atol=1e-12)


@pytest.mark.parametrize("contexts", [0, 4])
@pytest.mark.parametrize("templates", [1, 3])
def test_summed_minimises_the_bound_of_eq_8(make_maps, templates, contexts):
    maps = make_maps(5, 5, channels=3, templates=templates, contexts=contexts)
    np.testing.assert_allclose(filter_of(maps, "summed")[0], solve(maps, joint=False), atol=1e-12)


@pytest.mark.parametrize("templates, contexts", [(2, 0), (1, 4)])
def test_summed_is_not_ridge_regression_in_general(make_maps, templates, contexts):
    maps = make_maps(5, 5, channels=3, templates=templates, contexts=contexts)
    exact = solve(maps)
    assert np.linalg.norm(filter_of(maps, "summed")[0] - exact) > 0.1 * np.linalg.norm(exact)


def test_eq_9_as_printed_is_eq_10_for_one_frame_only(make_maps):
    # Eq. 9 adds up the solutions of the frames, Eq. 10 has one w for all of them
    maps = make_maps(5, 5, channels=1, templates=2)
    frames = [(maps.z0[0, t : t + 1], maps.zi[0, t : t + 1]) for t in range(2)]
    printed = sum(beta * ridge(z0, zi, maps.y, [1.0], joint=True) for beta, (z0, zi) in zip(maps.beta, frames))
    w = filter_of(maps, "summed")[0]
    assert np.linalg.norm(printed - w) > 0.1 * np.linalg.norm(w)
    maps.z0, maps.zi, maps.beta = maps.z0[:, :1], maps.zi[:, :1], maps.beta[:1]
    alone = ridge(*frames[0], maps.y, [1.0], joint=True)
    np.testing.assert_allclose(filter_of(maps, "summed")[0], alone, atol=1e-12)


# Eq. 13 as printed ---------------------------------------------------------------------------------------------------


def equation_13(maps, denominator, e=1.0):
    """The three right sides of Eq. 13, letter for letter, with λ1 / e for λ1 (which is what e amounts to)."""
    F, G = np.fft.fft2, lambda spectrum: np.fft.ifft2(spectrum).real
    n, d = equation_10(maps, denominator, e)
    ŵ, D = n / d, d / e
    ŷ, x̂, ẑ0, ẑi = F(maps.y), F(maps.x), F(maps.z0[:, 0]), F(maps.zi[:, 0])
    ĝ = (np.conj(ŵ) * x̂).sum(axis=1, keepdims=True)
    each_context = (slice(None), None)  # (B, D, H, W) against (B, k, D, H, W)
    return (
        G((ĝ - ŷ) * ŵ),
        G(((ĝ - ŷ) * ẑ0) * (ŷ - ŵ * ẑ0) / D),
        G(((ŷ - ĝ)[each_context] * ẑi) * (ŵ[each_context] * ẑi) / D[each_context]),
    )


def backward(maps, denominator, which, e=1.0):
    """Gradients of Eq. 12, ‖g - y‖², by one of the two closed forms; without their axis of templates."""
    x, z0, zi, y, n, d, beta = ours(maps, denominator, e)
    g = closed_form.respond(nd, n, d, x)
    delta = spectrum(2 * (invert(g, maps.x.shape[-1]).asnumpy() - maps.y))
    solved = closed_form.Solved(x, z0, zi, y, n, d, g, beta, LAMBDA2, e, denominator == "summed")
    of_x, of_z0, of_zi = which(nd, delta, solved)
    of_x, of_z0, of_zi = (invert(part, maps.x.shape[-1]).asnumpy() for part in (of_x, of_z0, of_zi))
    return of_x, of_z0[:, 0], of_zi[:, 0]


@pytest.mark.parametrize("e", [1.0, 0.01])
@pytest.mark.parametrize("denominator", DENOMINATORS)
def test_printed_backward_is_eq_13_to_the_letter(make_maps, denominator, e):
    maps = make_maps(5, 4, batch=2, channels=3)
    printed = backward(maps, denominator, closed_form.printed_backward, e)
    for ours, theirs in zip(printed, equation_13(maps, denominator, e)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-13)


def test_each_template_and_no_contexts_get_the_printed_expression(make_maps):
    maps = make_maps(templates=2, contexts=0)
    x, z0, zi, y, n, d, beta = ours(maps, "summed")
    g = closed_form.respond(nd, n, d, x)
    solved = closed_form.Solved(x, z0, zi, y, n, d, g, beta, LAMBDA2, 1.0, True)
    both = closed_form.printed_backward(nd, g, solved)
    assert both[2] is None
    for t in range(2):
        one = Spectrum(z0.re[:, t : t + 1], z0.im[:, t : t + 1])
        alone = closed_form.printed_backward(nd, g, solved._replace(z0=one))[1]
        np.testing.assert_allclose(both[1].re[:, t].asnumpy(), alone.re[:, 0].asnumpy())


@pytest.mark.parametrize("denominator", DENOMINATORS)
def test_printed_backward_is_not_the_gradient(make_maps, denominator):
    # the exact one is checked in test_layer.py; experiments/eq13/measure.py measures the disagreement
    maps = make_maps(31, 31, channels=8)
    maps.y = gaussian_label(31, 31, 1.0)
    e = 1 / (31 * 31 * 8)
    exact = backward(maps, denominator, closed_form.exact_backward, e)
    printed = backward(maps, denominator, closed_form.printed_backward, e)
    np.testing.assert_allclose(2 * printed[0], exact[0], atol=1e-12)  # its first line lacks a factor 2 and no more
    of_z0, of_zi = (cosine(a, b) for a, b in zip(exact[1:], printed[1:]))
    assert of_z0 < 0.2 and abs(of_zi) < 0.1


@pytest.mark.parametrize("denominator", DENOMINATORS)
def test_gradients_of_templates_vanish_with_the_search_region_unless_printed(make_maps, denominator):
    # for x = 0 the response is 0 whatever the filter
    maps = make_maps(channels=3)
    maps.x[:] = 0
    _, *exact = backward(maps, denominator, closed_form.exact_backward)
    _, *printed = backward(maps, denominator, closed_form.printed_backward)
    assert all(np.abs(gradient).max() == 0 for gradient in exact)
    assert all(np.abs(gradient).max() > 1e-3 for gradient in printed)


def cosine(a, b):
    return (a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b)
