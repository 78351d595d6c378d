"""What a network starts from: weights of its backbone, and the refinement's principal components of the features."""

from __future__ import annotations

from typing import List

import mxnet as mx
import numpy as np
from mxnet import nd

from rar_gluon.common import InputError
from rar_gluon.config import Config, NetworkConfig
from rar_gluon.data.clips import Clips
from rar_gluon.net.operators import unit_energy
from rar_gluon.net.rar import RAR, build, to_images
from rar_gluon.net.weights import BACKBONE, load_gluoncv, load_network, read_weights
from rar_gluon.provenance import file_hash

START_CLIPS = 200  # whose search regions the components are of


def fitting(network: NetworkConfig) -> str:
    """The start of a network that is given none: ImageNet's weights that fit it, else random ones."""
    if network.backbone != "resnet50":
        return "random"
    return "thin" if (network.width, network.downsample) == (0.5, "1x1") else "gluoncv"


def identity(network: NetworkConfig, start: str | None) -> str:
    """What tells a start from others: its name, or the hash of its file."""
    start = start or fitting(network)
    return start if start in ("random", "gluoncv") else file_hash(BACKBONE if start == "thin" else start)


def start_network(
    config: Config, start: str | None = None, ctx: mx.Context | None = None, clips: Clips | None = None
) -> RAR:
    """Build the network that a training starts with.

    A file that holds a whole network of ours is taken as it was trained. All other starts are of a backbone at most:
    the rest begins as `training.start` says.

    Parameters
    ----------
    start : "random" weights; "thin", the half-width ResNet-50 of ImageNet in the package; "gluoncv", GluonCV's
        ResNet-50 of ImageNet, downloaded on first use; or a file of weights. None: `fitting`.
    clips : what `training.start` is computed from; None leaves it out, for the backbone's features alone, or where a
        checkpoint is loaded next.

    Raises
    ------
    InputError
        The weights do not fit the network, or are not to be had.
    """
    start = start or fitting(config.network)
    trained = False
    if start == "random":
        net = build(config.network, ctx, config.training.seed)
    elif start == "gluoncv":
        net = load_gluoncv(config, ctx)
    else:
        path = BACKBONE if start == "thin" else start
        net, trained = load_network(config, path, ctx), read_weights(path).holds == "network"
    if clips is not None and not trained:
        set_start(net, config, clips)
    return net


def principal_start(net: RAR, images: nd.NDArray) -> float:
    """Set laterals and output of a stacked refinement to the principal components of the levels' features.

    At the start the 3x3 kernels are the identity, so the refinement is one projection of the levels side by side; this
    makes it the one that keeps most of the features' energy (assumed: ours; a random projection, the other start,
    keeps inner products on average only). Uncentred: the filter works on inner products.

    Parameters
    ----------
    images : (N, 3, S, S), BGR 0-255.

    Returns
    -------
    part of the energy that the D channels keep.

    Raises
    ------
    InputError
        The network has no stacked refinement.
    """
    if net.config.refinement != "stacked":
        raise InputError("training.start: principal is for network.refinement: stacked.")
    laterals = [getattr(net.refinement, f"lateral{index}") for index in range(len(net.config.levels))]
    counts = [lateral.weight.shape[1] for lateral in laterals]
    covariance = np.zeros((sum(counts), sum(counts)))
    for image in images:
        levels = _levels(net, image.expand_dims(0))
        features = np.concatenate([level.reshape((level.shape[1], -1)).asnumpy() for level in levels]).astype(
            np.float64
        )
        covariance += features @ features.T
    cells = features.shape[1] * len(images)
    energies, vectors = np.linalg.eigh(covariance / cells)
    order = np.argsort(energies)[::-1]
    width, channels_out = laterals[0].weight.shape[0], net.refinement.out.weight.shape[0]
    projection = np.zeros((width, sum(counts)))
    kept = order[: min(width, len(order))]
    # Whitened: else the few strongest components, which most places share, outweigh those that tell places apart.
    projection[: len(kept)] = (vectors[:, kept] / np.sqrt(np.maximum(energies[kept], 1e-6 * energies[kept[0]]))).T
    first = 0
    for lateral, count in zip(laterals, counts):
        lateral.weight.set_data(nd.array(projection[:, first : first + count]).expand_dims(2).expand_dims(3))
        first += count
    net.refinement.out.weight.set_data(nd.array(np.eye(channels_out, width)).expand_dims(2).expand_dims(3))
    return float(energies[order[:channels_out]].sum() / energies.sum())


def _levels(net: RAR, image: nd.NDArray) -> List[nd.NDArray]:
    """Features of the levels as the refinement takes them in, before any attention has been learned."""
    return [unit_energy(nd, net.to_output_stride(nd, *level)) for level in enumerate(net.backbone(image))]


def set_start(net: RAR, config: Config, clips: Clips) -> None:
    """Give untrained parts the start that `training.start` names."""
    if config.training.start == "principal":
        ctx = net.ctx
        search = np.stack([clips[number].search for number in range(START_CLIPS)])
        principal_start(net, to_images(search, ctx))
