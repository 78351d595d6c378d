"""Eq. 10-11 and the backward pass in closed form, as pure functions on spectra.

Shapes: x (B, D, K, H); z0 (B, T, D, K, H); zi (B, T, k, D, K, H) or None for no context; y (1, K, H); beta (T,).
The filter's numerator n is (B, D, K, H), its denominator d is real, (B, 1, K, H) when summed over channels and
(B, D, K, H) when per channel. `e` scales energies: 1, or 1/(HWD) (`normalize`). `F` is `mx.nd` or `mx.sym`.
Factors without a channel axis are multiplied with each other before they meet the channels.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from rar_gluon.filter.fourier import (
    Spectrum,
    channel_sum,
    conjugate_multiply,
    conjugate_product_real,
    divide,
    each,
    energy,
    multiply,
    scale,
)


class Solved(NamedTuple):
    """A filter that was solved and applied: what a backward pass needs; shapes as above, response g (B, K, H)."""

    x: Spectrum
    z0: Spectrum
    zi: Spectrum | None
    y: Spectrum
    n: Spectrum
    d: Any
    g: Spectrum
    beta: Any
    lambda2: float
    e: float
    summed: bool


def numerator(F, z0: Spectrum, y: Spectrum, beta, e: float) -> Spectrum:
    """n_l = Σ_t β_t ẑ0,t,l ŷ*  (Eq. 10, numerator, times e)."""
    weighted = each(lambda part: _template_sum(F, part, beta * e), z0)
    return conjugate_multiply(F, y, weighted)


def denominator(F, z0: Spectrum, zi: Spectrum | None, beta, lambda1: float, lambda2: float, e: float, summed: bool):
    """D = Σ_t β_t (Σ_l |ẑ0,t,l|² + λ1 + λ2 Σ_i Σ_l |ẑi,t,l|²)  (Eq. 10, denominator), energies times e.

    Without Σ_l if not `summed`.
    """
    total = energy(F, z0)
    if summed:
        total = channel_sum(F, total)
    if zi is not None:
        around = energy(F, zi)
        if summed:  # over contexts and channels at once
            around = channel_sum(F, F.reshape(around, shape=(0, 0, -3, 0, 0)))
        else:
            around = F.sum(around, axis=2)
        total = total + lambda2 * around
    return _template_sum(F, total * e + lambda1, beta)


def respond(F, n: Spectrum, d, x: Spectrum) -> Spectrum:
    """ĝ = Σ_l ŵ_l* x̂_l with ŵ_l = n_l / D  (Eq. 11 with the conjugate that Eq. 10 implies): (B, K, H)."""
    product = conjugate_multiply(F, divide(F, n, d), x)
    return each(lambda part: F.reshape(channel_sum(F, part), shape=(-3, 0, 0)), product)


def exact_backward(F, delta: Spectrum, solved: Solved):
    """Spectra of the gradients with respect to x, z0 and zi (None without contexts), given Δ = F(∂L/∂g) (B, K, H).

    ∂L/∂x_l = Δ ŵ_l;  ∂L/∂z0,t,l = e β_t (Δ* ŷ x̂_l - 2 r ẑ0,t,l) / D;  ∂L/∂zi,t,l = -2 e β_t λ2 r ẑi,t,l / D,
    with r = Re(Δ* ĝ), or r_l = Re(Δ* ŵ_l* x̂_l) for each channel when the denominator is per channel.
    Derived line by line in docs/reference/eq13.md.
    """
    x, z0, zi, y, n, d, g, beta, lambda2, e, summed = solved
    delta, g = (each(lambda part: F.expand_dims(part, axis=1), a) for a in (delta, g))
    grad_x = multiply(F, delta, divide(F, n, d))
    r = conjugate_product_real(F, delta, g) if summed else conjugate_product_real(F, grad_x, x)
    per_template = _per_template(F, beta) * e
    r_over_d = F.broadcast_mul(F.expand_dims(F.broadcast_div(r, d), axis=1), per_template)  # e β_t r / D
    lead = divide(F, conjugate_multiply(F, delta, y), d)  # Δ* ŷ / D
    lead = scale(F, each(lambda part: F.expand_dims(part, axis=1), lead), per_template)
    direct = multiply(F, lead, each(lambda part: F.expand_dims(part, axis=1), x))  # e β_t Δ* ŷ x̂_l / D
    shrink = scale(F, z0, 2.0 * r_over_d)
    grad_z0 = Spectrum(direct.re - shrink.re, direct.im - shrink.im)
    grad_zi = None if zi is None else scale(F, zi, F.expand_dims(r_over_d * (-2.0 * lambda2), axis=2))
    return grad_x, grad_z0, grad_zi


def printed_backward(F, delta: Spectrum, solved: Solved):
    """Eq. 13 to the letter, with ĝ - ŷ read as Δ/2; its arguments are those of `exact_backward`.

    ∂L/∂x = (ĝ-ŷ) ŵ;  ∂L/∂z0 = ((ĝ-ŷ) ẑ0) (ŷ - ŵ ẑ0) / D;  ∂L/∂zi = ((ŷ-ĝ) ẑi) (ŵ ẑi) / D.
    The print has one template: with several, each gets the same expression. It is not the gradient of Eq. 12.
    """
    z0, zi, y, n, d, e = solved.z0, solved.zi, solved.y, solved.n, solved.d, solved.e
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


def _template_sum(F, x, weights):
    """Σ_t weights_t x_t, (B, T, D, K, H) to (B, D, K, H), as a matrix product: `F.sum` takes ten times as long."""
    flat = F.reshape(x, shape=(0, 0, -1))
    row = F.broadcast_like(F.reshape(weights, shape=(1, 1, -1)), flat, lhs_axes=(0,), rhs_axes=(0,))  # (B, 1, T)
    return F.reshape_like(F.batch_dot(row, flat), x, lhs_begin=1, lhs_end=3, rhs_begin=2, rhs_end=5)


def _per_template(F, beta):
    """Shape β (T,) to stand against (B, T, D, K, H)."""
    return F.reshape(beta, shape=(1, -1, 1, 1, 1))
