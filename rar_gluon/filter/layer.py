"""The contextual attentional correlation layer: templates, contexts and a search region to a response.

Two routes to one function: `correlation_response`, whose backward is the closed form, for training; and
`CorrelationFilter`, a HybridBlock made of operators, for inference, export and as the oracle of the first.
`OnlineFilter` is the same filter as a tracker keeps it, updated frame by frame.
"""

from __future__ import annotations

import copy
from functools import lru_cache
from typing import List, Mapping, Tuple

import mxnet as mx
import numpy as np
from mxnet import autograd, nd
from mxnet.gluon import HybridBlock

from rar_gluon.common import InputError
from rar_gluon.config import FilterConfig
from rar_gluon.filter import closed_form
from rar_gluon.filter.closed_form import Solved
from rar_gluon.filter.fourier import Dft, Spectrum, dft_matrices, gaussian_label, hann_window, irfft2, rfft2

BACKWARDS = {"exact": closed_form.exact_backward, "printed": closed_form.printed_backward}


@lru_cache(maxsize=32)
def _dft(height: int, width: int, dtype: type, ctx: mx.Context) -> Dft:
    """Put the transform's matrices on a device, once."""
    return Dft(*(nd.array(matrix, ctx=ctx, dtype=dtype) for matrix in dft_matrices(height, width)))


def transform(x: nd.NDArray) -> Spectrum:
    """Spectrum of real maps x (N, ..., H, W)."""
    return rfft2(nd, x, _dft(*x.shape[-2:], x.dtype, x.context))


def invert(x: Spectrum, width: int) -> nd.NDArray:
    """Real maps (N, ..., H, W) of a spectrum (N, ..., K, H); W cannot be told from K."""
    return irfft2(nd, x, _dft(x.re.shape[-1], width, x.re.dtype, x.re.context))


def energy_scale(channels: int, height: int, width: int, normalize: bool) -> float:
    """e: what spectra's energy is multiplied by; 1/(HWD) makes λ mean the same at any size (assumed: DCFNet).

    That holds for the summed denominator; per channel, λ1 still weighs D times as much with D channels.
    """
    return 1.0 / (height * width * channels) if normalize else 1.0


def desired_response(
    config: FilterConfig, padding: float, height: int, width: int, centre: Tuple[float, float] = (0.0, 0.0)
) -> np.ndarray:
    """y of Eq. 8 (H, W) for a target displaced by `centre` (dy, dx) cells.

    Its σ is a part of 1 / (1 + padding) of the window: of the target's size, where the window is per axis.
    """
    sigma = config.label_sigma / (1 + padding)
    return gaussian_label(height, width, sigma * height, sigma * width, centre)


def template_label(config: FilterConfig, padding: float, channels: int, height: int, width: int) -> np.ndarray:
    """y of Eq. 8 (H, W) that the filter is solved for on its templates.

    With a denominator for each channel the D of them are solved apart and their responses summed, which would give D·y
    where Eq. 12 asks for y (with D = 64 such a network did not train): each is solved for y / D (assumed: ours).
    """
    label = desired_response(config, padding, height, width)
    return label / channels if config.denominator == "per-channel" else label


class _ClosedForm(autograd.Function):
    """g(x, z0, zi) with Eq. 10-11 forward and a closed-form backward."""

    def __init__(self, y, beta, lambda1, lambda2, summed, backward, e):
        super().__init__()
        self.beta, self.lambda1, self.lambda2 = beta, lambda1, lambda2
        self.summed, self.closed_backward, self.e = summed, BACKWARDS[backward], e
        self.y = transform(y.expand_dims(0))
        self.width = y.shape[-1]

    def forward(self, x, z0, *zi):
        x, z0 = transform(x), transform(z0)
        zi = transform(zi[0]) if zi else None
        n = closed_form.numerator(nd, z0, self.y, self.beta, self.e)
        d = closed_form.denominator(nd, z0, zi, self.beta, self.lambda1, self.lambda2, self.e, self.summed)
        g = closed_form.respond(nd, n, d, x)
        self.solved = Solved(x, z0, zi, self.y, n, d, g, self.beta, self.lambda2, self.e, self.summed)
        return invert(g, self.width)

    def backward(self, grad):
        gradients = self.closed_backward(nd, transform(grad), self.solved)
        return tuple(invert(gradient, self.width) for gradient in gradients if gradient is not None)


def correlation_response(
    x: nd.NDArray,
    z0: nd.NDArray,
    zi: nd.NDArray | None,
    y: nd.NDArray,
    beta: nd.NDArray | None = None,
    lambda1: float = 1e-4,
    lambda2: float = 1e-1,
    denominator: str = "summed",
    backward: str = "exact",
    normalize: bool = True,
) -> nd.NDArray:
    """Solve the filter of Eq. 8 on templates and contexts, and correlate it with the search region (Eq. 10-11).

    Parameters
    ----------
    x : (B, D, H, W) representation of the search regions.
    z0 : (B, T, D, H, W) representations of the targets of T frames.
    zi : (B, T, k, D, H, W) representations of their context patches, or None for none.
    y : (H, W) desired response, peak at (0, 0) with wrap-around.
    beta : (T,) weights of the frames, β_t >= 0; default 1 each.
    lambda1, lambda2 : regularisation and weight of the contexts (Eq. 8).
    denominator : "summed" over channels (DCFNet, CFNet) or "per-channel" (CACF, EDCF).
    backward : "exact" gradient, or "printed", Eq. 13 to the letter (docs/reference/eq13.md).
    normalize : divide spectra's energy by H·W·D (assumed: DCFNet), so that λ means the same at any size.

    Returns
    -------
    (B, H, W) response g, differentiable in x, z0 and zi through the closed-form backward.
    The window is the caller's: multiply the representations by it before.

    Raises
    ------
    InputError
        Shapes that do not fit each other, an unknown `denominator` or `backward`.

    Examples
    --------
    A search region that is the template: the response is nearly the desired one.

    >>> import mxnet as mx
    >>> import rar_gluon as rar
    >>> mx.random.seed(0)
    >>> x = mx.nd.random.normal(shape=(1, 8, 15, 15))
    >>> y = mx.nd.zeros((15, 15))
    >>> y[0, 0] = 1
    >>> g = rar.correlation_response(x, x.expand_dims(1), None, y)
    >>> g.shape, round(float(g[0, 0, 0].asscalar()), 1)
    ((1, 15, 15), 1.0)
    """
    _check_shapes(x.shape, z0.shape, None if zi is None else zi.shape, y.shape, None if beta is None else beta.shape)
    _check_options(lambda1, lambda2, denominator)
    if backward not in BACKWARDS:
        raise InputError(f"backward is {backward!r}; accepted: {', '.join(BACKWARDS)}.")
    if beta is None:
        beta = nd.ones(z0.shape[1], ctx=x.context, dtype=x.dtype)
    e = energy_scale(*x.shape[1:], normalize)
    layer = _ClosedForm(y, beta, lambda1, lambda2, denominator == "summed", backward, e)
    return layer(x, z0) if zi is None else layer(x, z0, zi)


def _check_options(lambda1: float, lambda2: float, denominator: str) -> None:
    """Raise `InputError` for values that make no filter."""
    for name, value in (("lambda1", lambda1), ("lambda2", lambda2)):
        if not 0 <= value < float("inf"):
            raise InputError(f"{name} is {value}; accepted: numbers from 0 on.")
    if denominator not in ("summed", "per-channel"):
        raise InputError(f"denominator is {denominator!r}; accepted: summed, per-channel.")


def _check_shapes(x, z0, zi, y, beta) -> None:
    """Raise `InputError` where shapes do not fit; None stands for an absent array."""
    if len(x) != 4:
        raise InputError(f"x has shape {x}; (B, D, H, W) is needed.")
    batch, channels, height, width = x
    if len(z0) != 5 or (z0[0], *z0[2:]) != (batch, channels, height, width):
        raise InputError(f"z0 has shape {z0}; ({batch}, T, {channels}, {height}, {width}) is needed to fit x.")
    if zi is not None and (len(zi) != 6 or (*zi[:2], *zi[3:]) != z0):
        raise InputError(
            f"zi has shape {zi}; ({batch}, {z0[1]}, k, {channels}, {height}, {width}) is needed to fit z0."
        )
    if y != (height, width):
        raise InputError(f"y has shape {y}; ({height}, {width}) is needed to fit x.")
    if beta is not None and beta != (z0[1],):
        raise InputError(f"beta has shape {beta}; ({z0[1]},) is needed, one weight for each frame of z0.")


class CorrelationFilter(HybridBlock):
    """Eq. 10-11 from operators: `block(x, z0, zi) -> g`, or `block(x, z0)` without contexts; shapes as in
    `correlation_response`, which checks them. Hybridizable (then for the one call form it was compiled with) and
    exportable; autograd through it gives the exact gradient.

    Parameters
    ----------
    label : (H, W) array, desired response y.
    channels : int, D.
    beta : T weights.

    Examples
    --------
    >>> import mxnet as mx
    >>> import numpy as np
    >>> import rar_gluon as rar
    >>> label = np.zeros((15, 15))
    >>> label[0, 0] = 1
    >>> block = rar.CorrelationFilter(label, channels=8)
    >>> block.initialize()
    >>> x = mx.nd.random.normal(shape=(1, 8, 15, 15))
    >>> block(x, x.expand_dims(1)).shape
    (1, 15, 15)
    """

    def __init__(
        self,
        label: np.ndarray,
        channels: int,
        beta=(1.0,),
        lambda1: float = 1e-4,
        lambda2: float = 1e-1,
        denominator: str = "summed",
        normalize: bool = True,
        dtype: str = "float32",
        **kwargs,
    ):
        super().__init__(**kwargs)
        _check_options(lambda1, lambda2, denominator)
        height, width = label.shape
        self._lambda1, self._lambda2, self._summed = lambda1, lambda2, denominator == "summed"
        self._e = energy_scale(channels, height, width, normalize)
        _set_constants(self, {**dft_matrices(height, width)._asdict(), "label": label, "beta": np.asarray(beta)}, dtype)

    def hybrid_forward(self, F, x, z0, zi=None, *, label, beta, **matrices):
        dft = Dft(**matrices)
        y, x, z0 = (rfft2(F, maps, dft) for maps in (F.expand_dims(label, axis=0), x, z0))
        zi = None if zi is None else rfft2(F, zi, dft)
        n = closed_form.numerator(F, z0, y, beta, self._e)
        d = closed_form.denominator(F, z0, zi, beta, self._lambda1, self._lambda2, self._e, self._summed)
        return irfft2(F, closed_form.respond(F, n, d, x), dft)


class Solve(HybridBlock):
    """Templates z0 (1, 1, D, H, W) and contexts zi (1, 1, k, D, H, W), if any, to n (real, imaginary part) and D."""

    def __init__(self, config: FilterConfig, label: np.ndarray, channels: int, **kwargs):
        super().__init__(**kwargs)
        self._config, self._e = config, energy_scale(channels, *label.shape, True)
        constants = dft_matrices(*label.shape)._replace(inverse_re=None, inverse_im=None)._asdict()
        _set_constants(self, {**constants, "hann": hann_window(*label.shape), "label": label[None], "beta": np.ones(1)})

    def hybrid_forward(self, F, z0, zi=None, *, hann, label, beta, **matrices):
        config, dft = self._config, Dft(**matrices, inverse_re=None, inverse_im=None)
        y, z0 = rfft2(F, label, dft), rfft2(F, F.broadcast_mul(z0, hann), dft)
        zi = None if zi is None else rfft2(F, F.broadcast_mul(zi, hann), dft)
        summed = config.denominator == "summed"
        n = closed_form.numerator(F, z0, y, beta, self._e)
        return [*n, closed_form.denominator(F, z0, zi, beta, config.lambda1, config.lambda2, self._e, summed)]


class Respond(HybridBlock):
    """Search regions x (S, D, H, W) and a filter, n (real, imaginary part) and D, to responses (S, H, W)."""

    def __init__(self, height: int, width: int, **kwargs):
        super().__init__(**kwargs)
        _set_constants(self, {**dft_matrices(height, width)._asdict(), "hann": hann_window(height, width)})

    def hybrid_forward(self, F, x, n_re, n_im, d, *, hann, **matrices):
        dft = Dft(**matrices)
        spectrum = rfft2(F, F.broadcast_mul(x, hann), dft)
        return irfft2(F, closed_form.respond(F, Spectrum(n_re, n_im), d, spectrum), dft)


class OnlineFilter:
    """The filter a tracker keeps: numerator and denominator of Eq. 10, updated incrementally, for one target.

    Representations come in as the network gives them; the Hann window is applied here. Its two blocks are compiled:
    some seventy small operators a frame cost more one by one than together.
    """

    def __init__(self, config: FilterConfig, label: np.ndarray, ctx: mx.Context | None = None):
        """`label` is the desired response y (H, W)."""
        self._config, self._label, self._ctx = config, label, ctx
        self._solve, self._respond = None, _compiled(Respond(*label.shape), ctx)
        self._parts: List[nd.NDArray] = []  # n (real, imaginary part) and D

    def __deepcopy__(self, memo: dict) -> OnlineFilter:
        return copy.copy(self)  # blocks compute alike for both, and parts are replaced, never changed

    def learn(self, z0: nd.NDArray, zi: nd.NDArray | None, rate: float) -> None:
        """Move the filter towards a template z0 (D, H, W) with contexts zi (k, D, H, W): n ← (1-η)n + ηn', D likewise.

        The first call sets it, whatever the rate η.
        """
        if self._solve is None:
            self._solve = _compiled(Solve(self._config, self._label, z0.shape[0]), self._ctx)
        maps = [z0] if zi is None else [z0, zi]
        parts = self._solve(*(part.expand_dims(0).expand_dims(0) for part in maps))
        if self._parts:
            parts = [(1 - rate) * old + rate * new for old, new in zip(self._parts, parts)]
        self._parts = parts

    def respond(self, x: nd.NDArray) -> np.ndarray:
        """Responses (S, H, W) of search regions x (S, D, H, W); the peak of an unmoved target is at (0, 0)."""
        return self._respond(x, *self._parts).asnumpy()


def _set_constants(block: HybridBlock, arrays: Mapping[str, np.ndarray | None], dtype: str = "float32") -> None:
    """Give a block constants, which its `hybrid_forward` gets by name; None is none."""
    for name, value in arrays.items():
        if value is not None:
            setattr(block, name, block.params.get_constant(name, nd.array(value, dtype=dtype)))


def _compiled(block: HybridBlock, ctx: mx.Context | None) -> HybridBlock:
    """Initialise a block's constants on a device and compile it."""
    block.initialize(ctx=ctx)
    block.hybridize()
    return block
