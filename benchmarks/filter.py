"""The filter layer forward and backward: the closed form beside two automatic differentiations."""

from __future__ import annotations

import math
from typing import Callable, List, Tuple

import numpy as np

from benchmarks.alternate import Case, Route

LAMBDA1, LAMBDA2 = 1e-4, 1e-1
SIZE = {"batch": 32, "channels": 64, "side": 31, "contexts": 4, "templates": 1}
SWEEPS = {"channels": (16, 64, 256), "side": (15, 31, 63), "contexts": (0, 1, 4, 8), "templates": (1, 2, 4)}
NAMES = {"channels": "D", "side": "side", "contexts": "k", "templates": "T"}


def cases(options) -> List[Case]:
    """The size of a training step, and the closed form's cost against each of its dimensions."""
    routes = [
        Route("closed form", "benchmarks.filter:closed_form", SIZE),
        Route("MXNet autograd", "benchmarks.filter:mxnet_autograd", SIZE),
        Route("PyTorch autograd, torch.fft", "benchmarks.filter:torch_autograd", SIZE, ours=False),
    ]
    all_cases = [Case("B 32, D 64, 31x31, k 4", routes)]
    for dimension, values in () if options.short else SWEEPS.items():
        routes = [
            Route(
                f"{NAMES[dimension]} {value}", "benchmarks.filter:closed_form", {**SIZE, "batch": 4, dimension: value}
            )
            for value in values
        ]
        all_cases.append(Case(f"closed form, B 4, against {NAMES[dimension]}", routes))
    return all_cases


def closed_form(**size: int) -> Callable:
    """`correlation_response`, as a training step calls it."""
    from rar_gluon.filter.layer import correlation_response

    return _mxnet(size, lambda x, z0, zi, y: correlation_response(x, z0, zi, y, lambda1=LAMBDA1, lambda2=LAMBDA2))


def mxnet_autograd(**size: int) -> Callable:
    """MXNet's autograd through the transforms as matrix products, compiled."""
    from rar_gluon.filter.layer import CorrelationFilter

    block = CorrelationFilter(label(size["side"]), size["channels"], (1.0,) * size["templates"], LAMBDA1, LAMBDA2)
    block.initialize()
    block.hybridize()
    return _mxnet(size, lambda x, z0, zi, y: block(x, z0) if zi is None else block(x, z0, zi))


def torch_autograd(**size: int) -> Callable:
    """PyTorch's autograd through Eq. 10-11 written with complex spectra."""
    import torch

    leaves = [None if array is None else torch.from_numpy(array).requires_grad_() for array in arrays(**size)]
    y_hat = torch.fft.rfft2(torch.from_numpy(label(size["side"]).astype(np.float32)))
    scale, side = 1.0 / (size["side"] ** 2 * size["channels"]), size["side"]

    def respond(x, z0, zi):
        x, z0 = torch.fft.rfft2(x), torch.fft.rfft2(z0)
        numerator = (scale * z0 * y_hat.conj()).sum(1)
        energy = _energy(z0).sum(2, keepdim=True)
        if zi is not None:
            energy = energy + LAMBDA2 * _energy(torch.fft.rfft2(zi)).sum((2, 3)).unsqueeze(2)
        filter_ = numerator / (scale * energy + LAMBDA1).sum(1)
        return torch.fft.irfft2((filter_.conj() * x).sum(1), s=(side, side))

    def run() -> dict:
        for leaf in leaves:
            if leaf is not None:
                leaf.grad = None
        respond(*leaves).square().sum().backward()
        return {"values": {"checksum": float(leaves[0].grad.abs().sum())}}

    return run


def label(side: int) -> np.ndarray:
    """Desired response, a Gaussian that wraps around."""
    distance = np.minimum(np.arange(side), side - np.arange(side))
    return np.exp(-0.5 * (distance[:, None] ** 2 + distance[None] ** 2) / (0.033 * side) ** 2)


def arrays(batch: int, channels: int, side: int, contexts: int, templates: int) -> Tuple[np.ndarray | None, ...]:
    """Random x, z0 and zi (None without contexts)."""
    rng, maps = np.random.default_rng(0), (channels, side, side)
    shapes = ((batch, *maps), (batch, templates, *maps), (batch, templates, contexts, *maps))
    return tuple(rng.normal(size=shape).astype(np.float32) if math.prod(shape) else None for shape in shapes)


def macs(channels: int, side: int, maps: float, inverses: float) -> float:
    """Multiply-accumulates of transforming `maps` maps of D channels, as many products of spectra, and `inverses` maps
    back, as `filter.fourier` does them.
    """
    half = side // 2 + 1
    forward = side * side * 2 * half + 2 * half * side * 2 * side
    back = 2 * half * side * 2 * side + 2 * side * half * side
    return maps * channels * (forward + 4 * half * side) + inverses * back


def _mxnet(size: dict, respond: Callable) -> Callable:
    from mxnet import autograd, nd

    leaves = [None if array is None else nd.array(array) for array in arrays(**size)]
    for leaf in leaves:
        if leaf is not None:
            leaf.attach_grad()
    y = nd.array(label(size["side"]))

    def run() -> dict:
        with autograd.record():
            loss = nd.sum(nd.square(respond(*leaves, y)))
        loss.backward()
        nd.waitall()
        return {"values": {"checksum": float(leaves[0].grad.abs().sum().asscalar())}}

    return run


def _energy(spectrum):
    return spectrum.real.square() + spectrum.imag.square()
