"""Eq. 10-11 and the backward pass in closed form, as pure functions on spectra.

Shapes: x (B, D, K, H); z0 (B, T, D, K, H); zi (B, T, k, D, K, H) or None for no context; y (K, H); beta (T,).
The filter's numerator n is (B, D, K, H), its denominator d is real, (B, 1, K, H) when summed over channels and
(B, D, K, H) when per channel. `e` scales energies: 1, or 1/(HWD) (`normalize`). `F` is `mx.nd` or `mx.sym`.
"""

from __future__ import annotations

from rar_gluon.filter.fourier import (
    Spectrum,
    conjugate_multiply,
    conjugate_product_real,
    divide,
    each,
    energy,
    multiply,
    scale,
)


def numerator(F, z0: Spectrum, y: Spectrum, beta, e: float) -> Spectrum:
    """n_l = Σ_t β_t ẑ0,t,l ŷ*  (Eq. 10, numerator, times e)."""
    weighted = scale(F, conjugate_multiply(F, y, z0), _per_template(F, beta) * e)
    return each(lambda part: F.sum(part, axis=1), weighted)


def denominator(F, z0: Spectrum, zi: Spectrum | None, beta, lambda1: float, lambda2: float, e: float, summed: bool):
    """D = Σ_t β_t (Σ_l |ẑ0,t,l|² + λ1 + λ2 Σ_i Σ_l |ẑi,t,l|²)  (Eq. 10, denominator); without Σ_l if not `summed`."""
    total = energy(F, z0)
    if zi is not None:
        total = total + lambda2 * F.sum(energy(F, zi), axis=2)
    if summed:
        total = F.sum(total, axis=2, keepdims=True)
    return F.sum(F.broadcast_mul(total * e + lambda1, _per_template(F, beta)), axis=1)


def respond(F, n: Spectrum, d, x: Spectrum) -> Spectrum:
    """ĝ = Σ_l ŵ_l* x̂_l with ŵ_l = n_l / D  (Eq. 11 with the conjugate that Eq. 10 implies): (B, K, H)."""
    return each(lambda part: F.sum(part, axis=1), conjugate_multiply(F, divide(F, n, d), x))


def exact_backward(F, delta: Spectrum, x, z0, zi, y, n, d, beta, lambda2: float, e: float, summed: bool):
    """Spectra of the gradients with respect to x, z0 and zi (None without contexts), given Δ = F(∂L/∂g) (B, K, H).

    ∂L/∂x_l = Δ ŵ_l;  ∂L/∂z0,t,l = e β_t (Δ* ŷ x̂_l - 2 r ẑ0,t,l) / D;  ∂L/∂zi,t,l = -2 e β_t λ2 r ẑi,t,l / D,
    with r = Re(Δ* ĝ), or r_l = Re(Δ* ŵ_l* x̂_l) for each channel when the denominator is per channel.
    Derived line by line in docs/eq13.md.
    """
    delta = each(lambda part: F.expand_dims(part, axis=1), delta)
    w = divide(F, n, d)
    r = conjugate_product_real(F, multiply(F, delta, w), x)  # Re(Δ* ŵ_l* x̂_l)
    if summed:
        r = F.sum(r, axis=1, keepdims=True)  # Σ_l turns it into Re(Δ* ĝ)
    r_over_d = F.expand_dims(F.broadcast_div(r, d), axis=1)
    direct = divide(F, multiply(F, conjugate_multiply(F, delta, y), x), d)  # Δ* ŷ x̂_l / D
    direct = each(lambda part: F.expand_dims(part, axis=1), direct)
    shrink = scale(F, z0, 2.0 * r_over_d)
    difference = Spectrum(F.broadcast_sub(direct.re, shrink.re), F.broadcast_sub(direct.im, shrink.im))
    per_template = _per_template(F, beta) * e
    grad_z0 = scale(F, difference, per_template)
    grad_zi = None
    if zi is not None:
        factor = F.broadcast_mul(r_over_d, per_template) * (-2.0 * lambda2)
        grad_zi = scale(F, zi, F.expand_dims(factor, axis=2))
    return multiply(F, delta, w), grad_z0, grad_zi


def printed_backward(F, delta: Spectrum, x, z0, zi, y, n, d, beta, lambda2: float, e: float, summed: bool):
    """Eq. 13 to the letter, with ĝ - ŷ read as Δ/2; its arguments are those of `exact_backward`.

    ∂L/∂x = (ĝ-ŷ) ŵ;  ∂L/∂z0 = ((ĝ-ŷ) ẑ0) (ŷ - ŵ ẑ0) / D;  ∂L/∂zi = ((ŷ-ĝ) ẑi) (ŵ ẑi) / D.
    The print has one template: with several, each gets the same expression. It is not the gradient of Eq. 12.
    """
    half = each(lambda part: F.expand_dims(part, axis=1) * 0.5, delta)
    w = divide(F, n, d)
    half_t, w_t = (each(lambda part: F.expand_dims(part, axis=1), a) for a in (half, w))
    d_t = F.expand_dims(d, axis=1)
    filtered = multiply(F, w_t, z0)
    missing = Spectrum(F.broadcast_sub(y.re, filtered.re), F.broadcast_sub(y.im, filtered.im))
    grad_z0 = divide(F, multiply(F, multiply(F, half_t, z0), missing), d_t)
    grad_zi = None
    if zi is not None:
        half_i, w_i = (each(lambda part: F.expand_dims(part, axis=2), a) for a in (half_t, w_t))
        product = multiply(F, multiply(F, half_i, zi), multiply(F, w_i, zi))
        grad_zi = each(lambda part: part * -e, divide(F, product, F.expand_dims(d_t, axis=2)))
    return multiply(F, half, w), each(lambda part: part * e, grad_z0), grad_zi


def _per_template(F, beta):
    """Shape β (T,) to stand against (B, T, D, K, H)."""
    return F.reshape(beta, shape=(1, -1, 1, 1, 1))
