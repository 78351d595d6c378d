"""Your own backbone: RAR on GluonCV's ResNet-18, trained for ten steps on synthetic sequences, then tracking one.

    python examples/backbone.py OUTPUT

A backbone is any block that takes images (B, 3, H, W), BGR 0-255, and returns a list of one map a level; it says the
levels' `channels` and their `strides` in pixels of the input.
"""

from __future__ import annotations

import sys
from pathlib import Path

import rar_gluon as rar  # before mxnet: sets its threads
from rar_gluon.config import from_dict
from rar_gluon.data.clips import training_clips
from rar_gluon.net.rar import RAR, build
from rar_gluon.training.loop import train
from rar_gluon.training.start import set_start

from gluoncv.model_zoo import get_model  # isort: skip
from mxnet import nd  # isort: skip
from mxnet.gluon import HybridBlock  # isort: skip

SETTINGS = {
    "network": {"levels": ["conv3", "conv4"], "refinement_channels": 64, "output_channels": 64},
    "filter": {"contexts": 0},
    "training": {"batch": 4, "epoch_clips": 40, "epochs": 1, "learning_rate": 1e-2, "start": "principal"},
}


class ResNet18(HybridBlock):
    """The second and third stage of GluonCV's dilated ResNet-18, both at stride 8."""

    channels, strides = (128, 256), (8, 8)

    def __init__(self, pretrained: bool = False, **kwargs):
        super().__init__(**kwargs)
        with self.name_scope():
            net = get_model("resnet18_v1b", pretrained=pretrained, dilated=True, norm_kwargs={"use_global_stats": True})
            self.stem = [net.conv1, net.bn1, net.relu, net.maxpool, net.layer1]
            for block in self.stem:
                self.register_child(block)
            self.layer2, self.layer3 = net.layer2, net.layer3
            self.mean = self.params.get_constant("mean", nd.array([123.675, 116.28, 103.53]).reshape((1, 3, 1, 1)))
            self.std = self.params.get_constant("std", nd.array([58.395, 57.12, 57.375]).reshape((1, 3, 1, 1)))

    def hybrid_forward(self, F, image, mean, std):
        x = F.broadcast_div(F.broadcast_sub(F.reverse(image, axis=1), mean), std)  # RGB as ImageNet's networks take it
        for block in self.stem:
            x = block(x)
        conv3 = self.layer2(x)
        return [conv3, self.layer3(conv3)]


def make(seed: int = 0) -> tuple[rar.Config, RAR]:
    """The configuration and the network, untrained."""
    config = from_dict(SETTINGS, base=rar.load_config("rar_thin"))
    return config, build(config.network, seed=seed, backbone=ResNet18())


def main(output: str) -> rar.Tracker:
    """Train for ten steps into `output`; returns a tracker with what was trained."""
    config, net = make()
    clips = training_clips(config, {})
    set_start(net, config, clips)
    train(net, config, clips, Path(output))
    return rar.Tracker(config, net)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
