"""How a target's box differs from the one that a window was cut for; not of the paper (docs/training_log.md, 11).

The filter of Section 3.3 tells where a target is and which of a few windows fits it best; it cannot follow a change of
aspect, and its size drifts. Here each cell of the first frame's target is compared with the cells about its place
today: a coarse flow, whose divergence is growth. What is learned sees similarities alone and no features, so that some
ten thousand pairs are enough, and of any kind of target.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Tuple

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock, nn

from rar_gluon.common import InputError
from rar_gluon.net.weights import assign, check_numbers, check_shipped, parameters, read_npz, write_npz
from rar_gluon.provenance import file_hash

REACH = 2  # cells, on each axis, that a cell is compared across
SHOWN = 2  # 1: square windows; 2: of the first box's aspect. A head of others is of no use
MOST = 100.0  # a parameter that training comes to is far below it
ADVICE = "python experiments/rar_thin/train_box.py trains a box head"


class BoxHead(HybridBlock):
    """`head(volume) -> change`: (B, 25, H, W) of `correlation_volume` to (B, 2), the logarithms of what width and
    height have grown by.

    Parameters
    ----------
    cells : (H, W) of the representation.
    size : of the images that it is of, pixels a side.
    """

    def __init__(self, cells: Tuple[int, int], size: int, **kwargs):
        super().__init__(**kwargs)
        self.cells, self.size = tuple(cells), size
        height, width = ((side + 1) // 2 for side in cells)
        self.conv1 = nn.Conv2D(48, 3, padding=1, in_channels=(2 * REACH + 1) ** 2, activation="relu")
        self.conv2 = nn.Conv2D(48, 3, strides=2, padding=1, in_channels=48, activation="relu")
        self.conv3 = nn.Conv2D(32, 1, in_channels=48, activation="relu")
        self.dropout = nn.Dropout(0.3)
        self.hidden = nn.Dense(96, in_units=32 * height * width, activation="relu")
        self.out = nn.Dense(2, in_units=96)

    def hybrid_forward(self, F, volume):
        x = self.conv3(self.conv2(self.conv1(4 * volume)))  # similarities of .25 are usual
        return self.out(self.dropout(self.hidden(self.dropout(F.flatten(x)))))


def correlation_volume(z: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Cosine of each cell of z with the cells of x about its place; 0 beyond the border.

    Parameters
    ----------
    z, x : (B, D, H, W) representations of the first frame's window and today's.

    Returns
    -------
    (B, 25, H, W) float32, by displacement (dy, dx) from (-2, -2) to (2, 2). The mean of both is taken off before, which
    all places share.
    """
    mean = (z.mean(axis=(2, 3), keepdims=True) + x.mean(axis=(2, 3), keepdims=True)) / 2
    z, x = ((part - mean) / (np.linalg.norm(part - mean, axis=1, keepdims=True) + 1e-6) for part in (z, x))
    height, width = z.shape[2:]
    around = np.pad(x, ((0, 0), (0, 0), (REACH, REACH), (REACH, REACH)))
    side = range(2 * REACH + 1)
    cosines = [
        np.einsum("bdhw,bdhw->bhw", z, around[:, :, dy : dy + height, dx : dx + width]) for dy in side for dx in side
    ]
    return np.stack(cosines, axis=1).astype(np.float32)


def head_path(weights: Path) -> Path:
    """Where the box head of a weights file's network is: beside it."""
    return weights.with_suffix(".box.npz")


def save_head(head: BoxHead, path: str | os.PathLike, weights: Path) -> None:
    """Write a head that was trained on the network of a weights file, atomically, in float16."""
    arrays = {name: parameter.data().asnumpy().astype(np.float16) for name, parameter in parameters(head).items()}
    write_npz(Path(path), weights=file_hash(weights), shown=SHOWN, cells=head.cells, size=head.size, **arrays)


def load_head(weights: Path, ctx: mx.Context) -> BoxHead | None:
    """Read the box head that lies beside a weights file; None where there is none.

    Raises
    ------
    InputError
        It is damaged, no box head, of other weights, or trained for other windows.
    """
    path = head_path(weights)
    if not path.is_file():
        return None
    check_shipped(path)
    stored = read_npz(path, ADVICE)
    if str(stored.pop("weights", "")) != file_hash(weights):
        raise InputError(f"{path} was trained for other weights: {ADVICE}.")
    if str(stored.pop("shown", 1)) != str(SHOWN):
        raise InputError(f"{path} was trained for windows of an earlier version: {ADVICE}.")
    try:
        height, width = (int(side) for side in stored["cells"])
        head = BoxHead((height, width), int(stored["size"]))
        head.initialize(ctx=ctx)
        assign(head, stored, str(path))
    except (InputError, LookupError, TypeError, ValueError) as error:
        raise InputError(f"{path} holds no box head: {ADVICE}.") from error
    for name in parameters(head):
        check_numbers(stored[name], f"{path}: {name}", MOST)
    head.hybridize()
    return head
