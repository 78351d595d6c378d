"""The paper's operations from the operators that MXNet 1.9.1 computes fast on CPUs: the same values, other routes.

Its broadcasts and reductions are scalar loops, up to twenty times slower than memory, above all backwards; its
convolutions, matrix products and element-wise operators of equal shapes are not. docs/log/speed.md has the times.
`F` is `mx.nd` or `mx.sym`.
"""

from __future__ import annotations

from mxnet import nd
from mxnet.gluon import HybridBlock


def relu(F, x):
    """max(x, 0): `Activation` is oneDNN's and can be fused into a convolution, `F.relu` is neither."""
    return F.Activation(x, act_type="relu")


def tanh(F, x):
    """Hyperbolic tangent, by oneDNN as in `relu`."""
    return F.Activation(x, act_type="tanh")


def sigmoid(F, x):
    """σ, by oneDNN as in `relu`."""
    return F.Activation(x, act_type="sigmoid")


def channel_mean(F, x, channels: int):
    """Mean over channels, (B, C, H, W) to (B, 1, H, W): a 1x1 convolution, forty times faster than `F.mean`."""
    weight = _ones(F, x, (1, channels, 1, 1)) / channels
    return F.Convolution(x, weight, num_filter=1, kernel=(1, 1), no_bias=True)


def channel_max(F, x, channels: int):
    """Maximum over channels, (B, C, H, W) to (B, 1, H, W): of halves, then of their halves; six times faster than
    `F.max`, which ends it where the number of channels is odd.
    """
    while channels % 2 == 0:
        x = F.maximum(*F.split(x, num_outputs=2, axis=1))
        channels //= 2
    return x if channels == 1 else F.max(x, axis=1, keepdims=True)


def spatial_mean(F, x):
    """Mean over space, (B, C, H, W) to (B, C, 1, 1)."""
    return F.Pooling(x, global_pool=True, pool_type="avg", kernel=(1, 1))


def spatial_max(F, x):
    """Maximum over space, (B, C, H, W) to (B, C, 1, 1)."""
    return F.Pooling(x, global_pool=True, pool_type="max", kernel=(1, 1))


def emphasise(F, phi, psi_s, psi_c):
    """φ ⊗ Ψˢ ⊗ Ψᶜ ⊕ φ of (B, C, H, W), (B, 1, H, W), (B, C, 1, 1)  (Eq. 7).

    A Ψ that is None drops out; without both φᵃ is φ. As φ times the matrix product [Ψᶜ 1] [Ψˢ 1]ᵀ: in training
    ten times faster than `broadcast_mul`.
    """
    if psi_s is None and psi_c is None:
        return phi
    # What is left out is one everywhere; no gradient runs through how its shape is found.
    psi_s = F.ones_like(F.slice_axis(F.BlockGrad(phi), axis=1, begin=0, end=1)) if psi_s is None else psi_s
    psi_c = F.ones_like(spatial_mean(F, F.BlockGrad(phi))) if psi_c is None else psi_c
    psi_c, psi_s = F.reshape(psi_c, shape=(0, 0, 1)), F.reshape(psi_s, shape=(0, 1, -1))
    left, right = F.concat(psi_c, F.ones_like(psi_c), dim=2), F.concat(psi_s, F.ones_like(psi_s), dim=1)
    return phi * F.reshape_like(F.batch_dot(left, right), phi)


def unit_energy(F, x):
    """Scale each map (D, H, W) of x (B, D, H, W) to mean square 1.

    Assumed: ours. λ1 of Eq. 8 only has a meaning relative to the features' energy, and the levels differ in theirs.
    The sum is a pooling, the scaling a matrix product: three times faster than a mean and `broadcast_div`.
    """
    mean_square = F.mean(spatial_mean(F, F.square(x)), axis=1)
    scale = F.reshape(F.rsqrt(mean_square + 1e-12), shape=(0, 1, 1))
    return F.reshape_like(F.batch_dot(scale, F.reshape(x, shape=(0, 1, -1))), x)


class DeformableConvolution(HybridBlock):
    """3x3 convolution whose nine taps are moved by learned offsets (Dai et al. 2017), zero at the start.

    A bilinear sampler and a 1x1 convolution, three times faster in training than MXNet's own operator, and exportable;
    the parameters are named as that operator's block names them. Beyond the border the input is zero, also for the part
    of a sample that lies beyond it (as DCNv2 and torchvision do; MXNet's operator repeats the last row and column
    there), on CPUs and GPUs alike.
    """

    def __init__(self, channels: int, in_channels: int, stride: int = 1, padding: int = 1, dilation: int = 1, **kwargs):
        super().__init__(**kwargs)
        self._channels, self._channels_in = channels, in_channels
        self._stride, self._padding, self._dilation = stride, padding, dilation
        shape = (18, in_channels, 3, 3)
        self.offset_weight = self.params.get("offset_weight", shape=shape, init="zeros")
        self.offset_bias = self.params.get("offset_bias", shape=(18,), init="zeros")
        self.deformable_conv_weight = self.params.get("deformable_conv_weight", shape=(channels, in_channels, 3, 3))

    def offsets(self, x: nd.NDArray) -> nd.NDArray:
        """By how much each tap is moved, (B, 18, H', W') for an input (B, C, H, W): down and across, its cells."""
        return self._offsets(nd, x, self.offset_weight.data(), self.offset_bias.data())

    def _offsets(self, F, x, weight, bias):
        stride, padding, dilation = ((value,) * 2 for value in (self._stride, self._padding, self._dilation))
        window = {"kernel": (3, 3), "stride": stride, "pad": padding, "dilate": dilation}
        return F.Convolution(x, weight, bias, num_filter=18, **window)

    def hybrid_forward(self, F, x, offset_weight, offset_bias, deformable_conv_weight):
        offset = self._offsets(F, x, offset_weight, offset_bias)
        sampled = F.BilinearSampler(x, self._positions(F, x, offset))  # (B, C, 9H', W'): the taps below each other
        taps = F.reshape(sampled, shape=(0, 9 * self._channels_in, -1, 0))
        kernel = F.reshape(deformable_conv_weight, shape=(0, -1, 1, 1))
        return F.Convolution(taps, kernel, num_filter=self._channels, kernel=(1, 1), no_bias=True)

    def _positions(self, F, x, offset):
        """Where x is sampled for each tap and output, (B, 2, 9H', W'): across, down; -1 the first cell, 1 the last."""
        by_tap = F.reshape(offset, shape=(0, -4, 9, 2, -2))
        dy, dx = F.split(by_tap, num_outputs=2, axis=2, squeeze_axis=True)  # (B, 9, H', W')
        tap = F.contrib.arange_like(dy, axis=1)
        row = F.floor(tap / 3)
        axes = []
        for axis, moved, number in ((3, dx, tap - 3 * row), (2, dy, row)):
            output = F.reshape(
                F.contrib.arange_like(dy, axis=axis), shape=(1, 1, 1, -1) if axis == 3 else (1, 1, -1, 1)
            )
            regular = F.reshape(number * self._dilation - self._padding, shape=(1, 9, 1, 1))
            regular = F.broadcast_add(output * self._stride, regular)
            last = F.reshape(F.max(F.contrib.arange_like(x, axis=axis)), shape=(1, 1, 1, 1))
            position = F.broadcast_div(F.broadcast_add(moved, F.BlockGrad(regular)), F.BlockGrad(last)) * 2 - 1
            axes.append(F.reshape(position, shape=(0, -3, 0)))
        return F.stack(*axes, axis=1)


def _ones(F, like, shape):
    """Ones of a shape, on the device of `like`; a symbol takes its device from where it runs."""
    return F.ones(shape, ctx=like.context, dtype=like.dtype) if F is nd else F.ones(shape)
