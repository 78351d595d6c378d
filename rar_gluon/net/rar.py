"""The network: (image, state) to (reinforced attentional representation, state)."""

from __future__ import annotations

import math
import warnings
from typing import List, Sequence, Tuple

import mxnet as mx
import numpy as np
from mxnet import nd
from mxnet.gluon import HybridBlock

from rar_gluon.common import InputError
from rar_gluon.config import NetworkConfig
from rar_gluon.net.attention import LevelAttention
from rar_gluon.net.backbone import build_backbone
from rar_gluon.net.refinement import Concatenation, StackedRefinement

PIXEL_STD = 58.0  # of ImageNet's pixels, 0 to 255


class RAR(HybridBlock):
    """Sections 3.1-3.2, one function for training and for tracking.

    `net(image, *state)` takes images (B, 3, H, W), BGR 0-255, and the state (h and c of each level, none without
    inter-frame attention), and returns a list: the representation (B, D, H', W') and the new state.
    `begin_state` makes the zero state.

    Parameters
    ----------
    config : which network; its `stride` and `levels` hold for a given backbone too, other fields of backbones do not.
    backbone : a block in place of the configuration's: images (B, 3, H, W), BGR 0-255, to a list of one map for each of
        `config.levels`, earliest first. It has `channels` and `strides` (input pixels a cell), a number each a level.

    Raises
    ------
    InputError
        A backbone of another number of levels, or of a level coarser than `config.stride` or no power of two finer.
    """

    def __init__(self, config: NetworkConfig, backbone: HybridBlock | None = None, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.recurrent = config.inter_frame and (config.channel or config.spatial)
        with self.name_scope():
            self.backbone = build_backbone(config) if backbone is None else backbone
            channels, self.strides = tuple(self.backbone.channels), tuple(self.backbone.strides)
            _check_levels(config, channels, self.strides)
            # Levels finer than the output stride are average-pooled to it before merging (assumed).
            self._halvings = [int(math.log2(config.stride // stride)) for stride in self.strides]
            for level, count in zip(config.levels, channels):
                setattr(self, f"attention_{level}", LevelAttention(count, config))
            if config.refinement == "stacked":
                self.refinement = StackedRefinement(channels, config.refinement_channels, config.output_channels)
            else:
                self.refinement = Concatenation()

    @property
    def ctx(self) -> mx.Context:
        """The first device that holds the parameters; the CPU where a given backbone leaves none."""
        return next((parameter.list_ctx()[0] for parameter in self.collect_params().values()), mx.cpu())

    def hybrid_forward(self, F, image, *state):
        levels, new_state = [], []
        for index, (level, phi) in enumerate(zip(self.config.levels, self.backbone(image))):
            attention = getattr(self, f"attention_{level}")
            if self.recurrent:
                phi, *level_state = attention(phi, *state[2 * index : 2 * index + 2])
                new_state += level_state
            else:
                phi = attention(phi)
            levels.append(self.to_output_stride(F, index, phi))
        return [self.refinement(*levels), *new_state]

    def to_output_stride(self, F, index: int, phi):
        """Map of the index-th level, average-pooled to the output stride if it is finer."""
        for _ in range(self._halvings[index]):
            phi = _halve(F, phi)
        return phi

    def begin_state(
        self, image_shape: Tuple[int, ...], ctx: mx.Context | None = None, dtype: str = "float32"
    ) -> List[nd.NDArray]:
        """Make the zero state for images of shape (B, 3, H, W)."""
        if not self.recurrent:
            return []
        levels = mx.sym.Group(self.backbone(mx.sym.var("image")))
        _, shapes, _ = levels.infer_shape_partial(image=image_shape)
        hidden = self.config.lstm_hidden
        return [
            nd.zeros((batch, hidden, height, width), ctx=ctx, dtype=dtype)
            for batch, _, height, width in shapes
            for _ in ("h", "c")
        ]


def build(
    config: NetworkConfig, ctx: mx.Context | None = None, seed: int = 0, backbone: HybridBlock | None = None
) -> RAR:
    """Make the network with initial parameters: He for convolutions, the rest as each block says.

    A given `backbone` (see `RAR`) keeps the parameters that it has.
    """
    net = RAR(config, backbone)
    mx.random.seed(seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*already initialized")  # parameters of a given backbone
        net.initialize(mx.init.MSRAPrelu(slope=0), ctx=ctx)
    if backbone is None:
        first = net.backbone.conv1.weight  # He's rule is for inputs of variance 1, and images are 0 to 255
        first.set_data(first.data() / PIXEL_STD)
    size = 16 * config.stride
    image = nd.zeros((1, 3, size, size), ctx=ctx)
    net(image, *net.begin_state(image.shape, ctx))  # what is not yet known of shapes is learned from a first call
    return net


def _check_levels(config: NetworkConfig, channels: Sequence[int], strides: Sequence[int]) -> None:
    """Raise `InputError` when a backbone's levels are not those of the configuration."""
    if not len(channels) == len(strides) == len(config.levels):
        raise InputError(
            f"the backbone has channels {channels} and strides {strides}, but network.levels names "
            f"{len(config.levels)} levels: give one number of each a level."
        )
    unfit = [
        stride
        for stride in strides
        if config.stride % stride or (config.stride // stride) & (config.stride // stride - 1)
    ]
    if unfit:
        raise InputError(
            f"the backbone has a level of stride {unfit[0]}, which cannot be pooled to network.stride {config.stride}: "
            "give levels of that stride, or finer by powers of two."
        )


def to_images(patches: np.ndarray, ctx: mx.Context | None = None) -> nd.NDArray:
    """Patches (..., H, W, 3), BGR uint8, as the network takes them: (..., 3, H, W) float32 on a device."""
    order = (*range(patches.ndim - 3), patches.ndim - 1, patches.ndim - 3, patches.ndim - 2)
    return nd.array(patches, ctx=ctx, dtype="uint8").astype("float32").transpose(order)


def pad_state(state: Sequence, pixels: int, strides: Sequence[int], F=nd) -> List:
    """Surround a state by zeros (or cut them off, `pixels` < 0), for an input larger by `pixels` on each side.

    So hᶜ of Eq. 4 is of a mean over these zeros as well (assumed: ours; in rar_thin by .006 in the mean).

    `strides` are the levels', in input pixels a cell (`RAR.strides`); the state holds h and c of each level. `F` is
    `mx.nd` or `mx.sym`.
    """
    resized = []
    for index, part in enumerate(state):
        cells = pixels // strides[index // 2]
        if cells < 0:
            resized.append(F.slice(part, begin=(None, None, -cells, -cells), end=(None, None, cells, cells)))
        else:
            width = (0, 0, 0, 0, cells, cells, cells, cells)
            resized.append(F.pad(part, mode="constant", pad_width=width, constant_value=0))
    return resized


def _halve(F, x):
    """Average-pool by 2, aligned with a 3x3/2 convolution of padding 1."""
    return F.Pooling(x, kernel=(3, 3), stride=(2, 2), pad=(1, 1), pool_type="avg", count_include_pad=False)
