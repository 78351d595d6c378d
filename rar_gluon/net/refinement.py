"""Fig. 6: the levels' attentional representations merged into one."""

from __future__ import annotations

from typing import Sequence

import mxnet as mx
from mxnet.gluon import HybridBlock, nn

from rar_gluon.net.operators import unit_energy


class Identity3x3(mx.init.Initializer):
    """A 3x3 kernel that passes its input on: an untrained refinement is then a sum of projections."""

    def _init_weight(self, _, array):
        array[:] = 0
        array[:, :, 1, 1] = mx.nd.eye(array.shape[0])


class StackedRefinement(HybridBlock):
    """r5 = conv(lat5), r4 = conv(lat4 ⊕ r5), r3 = conv(lat3 ⊕ r4), then 1x1 to D channels, at unit energy.

    The figure shows convolutions and additions and no numbers. Assumed (FPN): 1x1 laterals, 3x3 convolutions, no
    activation. Ours: levels enter at unit energy; orthogonal 1x1 and identity 3x3 at the start, so that an untrained
    refinement keeps the inner products of the features as well as a random projection can.
    """

    def __init__(self, channels_in: Sequence[int], channels: int, channels_out: int, **kwargs):
        super().__init__(**kwargs)
        self._levels = len(channels_in)
        with self.name_scope():
            for index, count in enumerate(channels_in):
                lateral = nn.Conv2D(channels, 1, in_channels=count, weight_initializer=mx.init.Orthogonal(scale=1.0))
                setattr(self, f"lateral{index}", lateral)
                smooth = nn.Conv2D(channels, 3, 1, 1, in_channels=channels, weight_initializer=Identity3x3())
                setattr(self, f"smooth{index}", smooth)
            self.out = nn.Conv2D(
                channels_out, 1, in_channels=channels, weight_initializer=mx.init.Orthogonal(scale=1.0)
            )

    def hybrid_forward(self, F, *levels):
        merged = None
        for index in reversed(range(self._levels)):  # from the last level to the first
            lateral = getattr(self, f"lateral{index}")(unit_energy(F, levels[index]))
            merged = getattr(self, f"smooth{index}")(lateral if merged is None else lateral + merged)
        return unit_energy(F, self.out(merged))


class Concatenation(HybridBlock):
    """The levels side by side with equal energy each, no parameters: what untrained features are matched with."""

    def hybrid_forward(self, F, *levels):
        # Norm 1 each: levels weigh the same, whatever their number of channels.
        equal = [F.L2Normalization(level, mode="instance") for level in levels]
        return unit_energy(F, F.concat(*equal, dim=1))
