"""Section 3.2, Eq. 3-7: inter-frame, channel-wise and spatial attention of one level, and their sum."""

from __future__ import annotations

from mxnet import nd, sym
from mxnet.gluon import HybridBlock, nn
from mxnet.gluon.contrib.rnn import Conv2DLSTMCell

from rar_gluon.config import NetworkConfig
from rar_gluon.net.operators import channel_max, channel_mean, emphasise, sigmoid, spatial_max, spatial_mean, tanh


class ChannelAttention(HybridBlock):
    """Eq. 5: Ψᶜ (B, C, 1, 1) from φ (B, C, H, W) and, if given, the previous frame's hᶜ (B, C, 1, 1).

    The last layer starts at zero, so that an untrained Ψᶜ is 1/2 everywhere and φᵃ is φ but for a factor (assumed:
    ours; pretrained features then survive until the attention has learned something).
    """

    def __init__(self, channels: int, reduction: int, inter_frame: bool, **kwargs):
        super().__init__(**kwargs)
        hidden = max(1, channels // reduction)
        with self.name_scope():
            self.w_phi = nn.Conv2D(hidden, 1, in_channels=channels)
            self.w_h = nn.Conv2D(hidden, 1, in_channels=channels, use_bias=False) if inter_frame else None
            self.w_o = nn.Conv2D(channels, 1, in_channels=hidden, weight_initializer="zeros")

    def hybrid_forward(self, F, phi, h_c=None):
        theta = self.w_phi(spatial_mean(F, phi) + spatial_max(F, phi))  # Φᶜ = AvgPool ⊕ MaxPool
        if self.w_h is not None:
            theta = theta + self.w_h(h_c)
        return sigmoid(F, self.w_o(tanh(F, theta)))


class SpatialAttention(HybridBlock):
    """Eq. 6: Ψˢ (B, 1, H, W) from φ (B, C, H, W) and, if given, the current hˢ (B, 1, H, W).

    The last layer starts at zero, as in `ChannelAttention`.
    """

    def __init__(self, channels: int, hidden: int, kernel: int, inter_frame: bool, **kwargs):
        super().__init__(**kwargs)
        self._channels, pad = channels, kernel // 2
        with self.name_scope():
            self.w_phi = nn.Conv2D(hidden, kernel, 1, pad, in_channels=1)
            self.w_h = nn.Conv2D(hidden, kernel, 1, pad, in_channels=1, use_bias=False) if inter_frame else None
            self.w_o = nn.Conv2D(1, kernel, 1, pad, in_channels=hidden, weight_initializer="zeros")

    def hybrid_forward(self, F, phi, h_s=None):
        theta = self.w_phi(channel_mean(F, phi, self._channels) + channel_max(F, phi, self._channels))
        if self.w_h is not None:
            theta = theta + self.w_h(h_s)
        return sigmoid(F, self.w_o(tanh(F, theta)))


class LevelAttention(HybridBlock):
    """Eq. 3-7 for one level: (φ, [h, c]) to (φᵃ, [h', c']), or (φ) to (φᵃ) without inter-frame attention.

    Kernels are assumed, ours: 1x1 into the ConvLSTM, 3x3 of its state; W_hc on the mean of h, W_hs 3x3.
    Every part can be left out (Table 4: NTA, NCA, NSA, NAA); a part left out drops out of Eq. 7, and with no
    intra-frame part left φᵃ is φ.
    """

    def __init__(self, channels: int, config: NetworkConfig, **kwargs):
        super().__init__(**kwargs)
        inter_frame = config.inter_frame and (config.channel or config.spatial)
        hidden = config.lstm_hidden
        self.cell = self.channel = self.spatial = self.w_hc = self.w_hs = None
        with self.name_scope():
            if inter_frame:  # Eq. 3; the shape's 0 x 0 is never used: states are always passed in
                self.cell = Conv2DLSTMCell((channels, 0, 0), hidden, 1, 3, activation=_cell_tanh)
            if config.channel:
                self.channel = ChannelAttention(channels, config.channel_reduction, inter_frame)
                self.w_hc = nn.Conv2D(channels, 1, in_channels=hidden) if inter_frame else None
            if config.spatial:
                self.spatial = SpatialAttention(channels, config.spatial_hidden, config.spatial_kernel, inter_frame)
                self.w_hs = nn.Conv2D(1, 3, 1, 1, in_channels=hidden) if inter_frame else None

    def hybrid_forward(self, F, phi, h=None, c=None):
        h_c = h_s = ()  # the inter-frame terms of Eq. 5 and 6, if any
        if self.w_hc is not None:  # Eq. 4 of the previous frame: hᶜ_{t-1} = σ(W_hc h_{t-1})
            h_c = (sigmoid(F, self.w_hc(spatial_mean(F, h))),)
        if self.cell is not None:
            h, (_, c) = self.cell(phi, [h, c])
        if self.w_hs is not None:  # Eq. 4 of the current frame: hˢ_t = σ(W_hs h_t)
            h_s = (sigmoid(F, self.w_hs(h)),)
        psi_s = None if self.spatial is None else self.spatial(phi, *h_s)
        psi_c = None if self.channel is None else self.channel(phi, *h_c)
        attended = emphasise(F, phi, psi_s, psi_c)  # Eq. 7
        return attended if self.cell is None else (attended, h, c)


def _cell_tanh(x, name: str = ""):
    """`operators.tanh` for the cell, whose own "tanh" is the slower `F.tanh`."""
    return tanh(nd if isinstance(x, nd.NDArray) else sym, x)
