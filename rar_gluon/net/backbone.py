"""Section 3.1 and Table 1: an image to feature maps of three levels.

The image convention of every backbone: BGR, 0 to 255, as OpenCV reads it; the mean is a parameter, so that weights
carry their own, and loaders fold other scales and channel orders into the first kernel (net/weights.py).
"""

from __future__ import annotations

from typing import Dict, Tuple

from mxnet import nd
from mxnet.gluon import HybridBlock, nn

from rar_gluon.config import STAGES, NetworkConfig
from rar_gluon.net.operators import DeformableConvolution, relu

MEAN_BGR = (103.53, 116.28, 123.675)  # ImageNet
BLOCKS = {"conv2": 3, "conv3": 4, "conv4": 6, "conv5": 3}  # Table 1
MIDDLE = {"conv2": 64, "conv3": 128, "conv4": 256, "conv5": 512}  # channels of the 3x3, Table 1
EXPANSION = 4


class Bottleneck(HybridBlock):
    """1x1, 3x3, 1x1 convolutions and a shortcut (ResNet v1; `stride_on` says which convolution has the stride).

    With `valid`, the block samples rows and columns 1, 3, 5, … instead of 0, 2, 4, …: its 3x3/2 has no padding, and
    one pixel is cropped from each border before a 1x1/2, which keeps the two aligned (assumed: ours; Table 1 fixes
    only the size, 63 to 31).
    """

    def __init__(
        self,
        channels_in,
        middle,
        stride=1,
        dilation=1,
        stride_on="3x3",
        valid=False,
        deformable=False,
        frozen_statistics=True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        channels = middle * EXPANSION
        first, second = (stride, 1) if stride_on == "1x1" else (1, stride)
        padding = 0 if valid and second > 1 else dilation
        self._crop_first, self._crop_shortcut = valid and first > 1, valid
        with self.name_scope():
            self.conv1 = nn.Conv2D(middle, 1, first, in_channels=channels_in, use_bias=False)
            self.bn1 = _batch_norm(middle, frozen_statistics)
            if deformable:
                self.conv2 = DeformableConvolution(middle, middle, second, padding, dilation)
            else:
                self.conv2 = nn.Conv2D(middle, 3, second, padding, dilation, in_channels=middle, use_bias=False)
            self.bn2 = _batch_norm(middle, frozen_statistics)
            self.conv3 = nn.Conv2D(channels, 1, in_channels=middle, use_bias=False)
            self.bn3 = _batch_norm(channels, frozen_statistics)
            self.project = self.project_bn = None
            if stride > 1 or channels != channels_in:
                self.project = nn.Conv2D(channels, 1, stride, in_channels=channels_in, use_bias=False)
                self.project_bn = _batch_norm(channels, frozen_statistics)

    def hybrid_forward(self, F, x):
        cropped = F.slice(x, begin=(None, None, 1, 1), end=(None, None, -1, -1)) if self._crop_shortcut else x
        shortcut = cropped if self.project is None else self.project_bn(self.project(cropped))
        x = relu(F, self.bn1(self.conv1(cropped if self._crop_first else x)))
        x = relu(F, self.bn2(self.conv2(x)))
        return relu(F, self.bn3(self.conv3(x)) + shortcut)


class ResNet50(HybridBlock):
    """ResNet-50 of Table 1 at output stride 4, 8, 16 or 32: image (B, 3, H, W) to one map for each of `levels`.

    Output strides below 32 come from strides set to 1: conv5_1 (16), conv4_1 too (8, Table 1), conv3_1 too (4).
    conv1 has a padding of 2 and the pool none, so that the maps have Table 1's sizes 127, 63, 31 about their centres.
    """

    def __init__(self, config: NetworkConfig, **kwargs):
        super().__init__(**kwargs)
        self._levels, self.channels, self.strides = config.levels, level_channels(config), level_strides(config)
        deepest = config.levels[-1]
        self._stages = ("conv2", *STAGES[: STAGES.index(deepest) + 1])
        strides = stage_strides(config)
        channels, dilation = config.stem_channels, 1
        frozen_statistics = config.statistics == "frozen"
        with self.name_scope():
            self.mean = self.params.get_constant("mean", nd.array(MEAN_BGR).reshape((1, 3, 1, 1)))
            self.conv1 = nn.Conv2D(channels, 7, 2, 2, in_channels=3, use_bias=False)
            self.bn1 = _batch_norm(channels, frozen_statistics)
            for stage in self._stages:
                middle = max(1, round(MIDDLE[stage] * config.width))
                before = dilation
                if config.dilate and stage != "conv2" and strides[stage] == 1:
                    dilation *= 2  # makes up for the stride taken away, from the 3x3 after it on
                blocks = nn.HybridSequential(prefix=f"{stage}_")
                with blocks.name_scope():
                    for index in range(BLOCKS[stage]):
                        first = index == 0
                        blocks.add(
                            Bottleneck(
                                channels,
                                middle,
                                stride=strides[stage] if first else 1,
                                dilation=before if first and config.downsample == "3x3" else dilation,
                                stride_on=config.downsample,
                                valid=first and stage == "conv3" and strides[stage] == 2,
                                deformable=first and stage in config.deformable,
                                frozen_statistics=frozen_statistics,
                            )
                        )
                        channels = middle * EXPANSION
                setattr(self, stage, blocks)

    def hybrid_forward(self, F, image, mean):
        x = relu(F, self.bn1(self.conv1(F.broadcast_sub(image, mean))))
        x = F.Pooling(x, kernel=(3, 3), stride=(2, 2), pool_type="max")
        return _level_maps(self, x)


class VggM(HybridBlock):
    """VGG-M (Chatfield et al. 2014) up to conv5: image (B, 3, H, W) to one map for each of `levels`.

    Output stride 16 as published, or 8 with conv2 at stride 1 (assumed: Table 4 names the network, no stride).
    """

    def __init__(self, config: NetworkConfig, **kwargs):
        super().__init__(**kwargs)
        self._levels, self.channels, self.strides = config.levels, level_channels(config), level_strides(config)
        self._stages = STAGES[: STAGES.index(config.levels[-1]) + 1]
        with self.name_scope():
            self.mean = self.params.get_constant("mean", nd.array(MEAN_BGR).reshape((1, 3, 1, 1)))
            self.conv1 = nn.Conv2D(96, 7, 2, in_channels=3, activation="relu")
            self.conv2 = nn.Conv2D(256, 5, config.stride // 8, 1, in_channels=96, activation="relu")
            for stage, channels_in in zip(self._stages, (256, 512, 512)):
                setattr(self, stage, nn.Conv2D(512, 3, 1, 1, in_channels=channels_in, activation="relu"))

    def hybrid_forward(self, F, image, mean):
        x = F.broadcast_sub(image, mean)
        for convolution in (self.conv1, self.conv2):
            x = F.LRN(convolution(x), nsize=5, alpha=5e-4, beta=0.75, knorm=2)
            x = F.Pooling(x, kernel=(3, 3), stride=(2, 2), pool_type="max")
        return _level_maps(self, x)


def _level_maps(net: HybridBlock, x) -> list:
    """Run the stages of a backbone one after another; returns the maps of its levels."""
    maps = []
    for stage in net._stages:
        x = getattr(net, stage)(x)
        if stage in net._levels:
            maps.append(x)
    return maps


def build_backbone(config: NetworkConfig) -> HybridBlock:
    """Make the backbone that `config` names."""
    return ResNet50(config) if config.backbone == "resnet50" else VggM(config)


def stage_strides(config: NetworkConfig) -> Dict[str, int]:
    """Stride that each residual stage applies, for the output stride of `config`."""
    return {
        "conv2": 1,
        "conv3": 2 if config.stride >= 8 else 1,
        "conv4": 2 if config.stride >= 16 else 1,
        "conv5": 2 if config.stride >= 32 else 1,
    }


def level_channels(config: NetworkConfig) -> Tuple[int, ...]:
    """C of each level."""
    if config.backbone == "vgg_m":
        return (512,) * len(config.levels)
    return tuple(max(1, round(MIDDLE[level] * config.width)) * EXPANSION for level in config.levels)


def level_strides(config: NetworkConfig) -> Tuple[int, ...]:
    """Input pixels a cell of each level; the levels of one network may differ until they are merged."""
    if config.backbone == "vgg_m":
        return (config.stride,) * len(config.levels)
    strides, total = stage_strides(config), {}
    cell = 4
    for stage in STAGES:
        cell *= strides[stage]
        total[stage] = cell
    return tuple(total[level] for level in config.levels)


def _batch_norm(channels: int, frozen_statistics: bool) -> nn.BatchNorm:
    """Batch normalisation; frozen, it uses and keeps its stored statistics in training too.

    Frozen by its own flag and not by `autograd.record(train_mode=False)`: under that, MXNet 1.9.1 returns wrong
    gradients on CPUs, of batch normalisation (up to NaN) unless `backward` is told the mode too, and of max pooling.
    """
    return nn.BatchNorm(epsilon=1e-5, in_channels=channels, use_global_stats=frozen_statistics)
