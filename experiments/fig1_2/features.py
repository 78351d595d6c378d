"""Figs. 1 and 2: what the levels of the backbone see in a target, channel by channel."""

from __future__ import annotations

from typing import Dict, Mapping

import mxnet as mx
import numpy as np
from matplotlib.figure import Figure

from rar_gluon.net.rar import RAR, to_images
from rar_gluon.report.attention import in_colours, magnitude, over, show

CHANNELS = 20  # of each level, drawn at random as in Fig. 2
SIDE = 64  # pixels of a channel's map in the picture
GAP = 4


def feature_figure(net: RAR, patches: Mapping[str, np.ndarray], seed: int = 0) -> Figure:
    """Draw the levels of the backbone for several search windows (S, S, 3) BGR uint8, by name.

    A row a level: the mean magnitude over all channels (Fig. 1), and `CHANNELS` channels (Fig. 2), the same of each
    window, each stretched from its least to its greatest value.
    """
    config = net.config
    figure = Figure(figsize=(12.5, 4.4 * len(patches)), layout="constrained")
    for part, (name, patch) in zip(np.atleast_1d(figure.subfigures(len(patches), 1)), patches.items()):
        levels = level_features(net, patch)
        grid = part.add_gridspec(len(levels), 3, width_ratios=(3, 1, 5))
        axis = part.add_subplot(grid[:, 0])
        show(axis, patch[..., ::-1], name)
        for row, (level, phi) in enumerate(levels.items()):
            chosen = np.sort(np.random.default_rng(seed).permutation(len(phi))[:CHANNELS])
            mean = magnitude(mx.nd.array(phi[None]))
            show(part.add_subplot(grid[row, 1]), over(patch, mean), f"{level}: mean |φ|")
            channels = f"{len(chosen)} of {len(phi)} channels, {phi.shape[1]}x{phi.shape[2]}, stride {config.stride}"
            show(part.add_subplot(grid[row, 2]), contact_sheet(phi[chosen]), f"{level}: {channels}")
    return figure


def level_features(net: RAR, patch: np.ndarray) -> Dict[str, np.ndarray]:
    """Features (C, H, W) of each level of the backbone for a window (S, S, 3) BGR uint8."""
    image = to_images(patch[None], net.ctx)
    return {level: phi[0].asnumpy() for level, phi in zip(net.config.levels, net.backbone(image))}


def contact_sheet(maps: np.ndarray) -> np.ndarray:
    """Maps (N, H, W), stretched each for itself, in colours in two rows; RGB uint8."""
    columns = -(-len(maps) // 2)
    sheet = np.full((2 * (SIDE + GAP) - GAP, columns * (SIDE + GAP) - GAP, 3), 255, np.uint8)
    for index, values in enumerate(maps):
        top, left = (SIDE + GAP) * (index // columns), (SIDE + GAP) * (index % columns)
        sheet[top : top + SIDE, left : left + SIDE] = in_colours(values, (SIDE, SIDE))[..., ::-1]
    return sheet
