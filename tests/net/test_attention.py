import numpy as np
import pytest

from rar_gluon.config import NetworkConfig
from rar_gluon.net.attention import ChannelAttention, LevelAttention, SpatialAttention

import mxnet as mx  # isort: skip  (after rar_gluon, which sets its threads)
from mxnet import autograd, nd  # isort: skip

CHANNELS, HIDDEN, HEIGHT, WIDTH = 6, 4, 5, 7
FULL = {"inter_frame": True, "channel": True, "spatial": True}
VARIANTS = {  # Table 4
    "RAR": FULL,
    "NTA": {**FULL, "inter_frame": False},
    "NCA": {**FULL, "channel": False},
    "NSA": {**FULL, "spatial": False},
    "NAA": {**FULL, "channel": False, "spatial": False},
    "NTA+NCA": {"inter_frame": False, "channel": False, "spatial": True},
    "NTA+NSA": {"inter_frame": False, "channel": True, "spatial": False},
    "NTA+NAA": {"inter_frame": False, "channel": False, "spatial": False},
}


def make(**parts):
    config = NetworkConfig(lstm_hidden=HIDDEN, channel_reduction=2, spatial_hidden=3, spatial_kernel=5, **parts)
    block = LevelAttention(CHANNELS, config)
    block.initialize(mx.init.MSRAPrelu(slope=0))
    return block


@pytest.fixture
def maps():
    """φ (2, C, H, W), h and c (2, hidden, H, W), random."""
    rng = np.random.default_rng(0)
    state = [rng.normal(size=(2, HIDDEN, HEIGHT, WIDTH)).astype(np.float32) for _ in "hc"]
    return (rng.normal(size=(2, CHANNELS, HEIGHT, WIDTH)).astype(np.float32), *state)


def run(block, maps):
    """Outputs of the block as arrays; the state goes in only where there is a cell."""
    inputs = maps if block.cell is not None else maps[:1]
    outputs = block(*(nd.array(part) for part in inputs))
    return [part.asnumpy() for part in (outputs if isinstance(outputs, (list, tuple)) else [outputs])]


# The equations in numpy ----------------------------------------------------------------------------------------------


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def convolve(x, layer):
    """Cross-correlation with zero padding that keeps the size; float64."""
    kernel = layer["weight"].astype(np.float64)
    pad = kernel.shape[-1] // 2
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[2:], axis=(2, 3))
    out = np.einsum("bchwij,ocij->bohw", windows, kernel)
    return out + layer["bias"].reshape(1, -1, 1, 1) if "bias" in layer else out


def layers(block):
    """Weights of a block's layers: {"w_hc": {"weight": ..., "bias": ...}, "channel.w_o": ..., "cell": ...}."""
    gradients_by_kind = {}
    for name, parameter in block._collect_params_with_prefix().items():
        layer, _, kind = name.rpartition(".")
        gradients_by_kind.setdefault(layer, {})[kind] = parameter.data().asnumpy()
    return gradients_by_kind


def equations_3_to_7(w, phi, h, c):
    """The paper's equations with the weights `w`; W_hs acts on the current state, W_hc on the previous one."""
    cell = w["cell"]
    gates = convolve(phi, {"weight": cell["i2h_weight"], "bias": cell["i2h_bias"]})
    gates = gates + convolve(h, {"weight": cell["h2h_weight"], "bias": cell["h2h_bias"]})
    i, f, content, o = np.split(gates, 4, axis=1)  # the order in which the cell's kernels are stacked
    c_new = sigmoid(f) * c + sigmoid(i) * np.tanh(content)
    h_new = sigmoid(o) * np.tanh(c_new)
    attended = phi
    if "w_hs" in w:
        h_s = sigmoid(convolve(h_new, w["w_hs"]))
        merged = phi.mean(axis=1, keepdims=True) + phi.max(axis=1, keepdims=True)
        theta = np.tanh(convolve(merged, w["spatial.w_phi"]) + convolve(h_s, w["spatial.w_h"]))
        attended = attended * sigmoid(convolve(theta, w["spatial.w_o"]))
    if "w_hc" in w:
        h_c = sigmoid(convolve(h.mean(axis=(2, 3), keepdims=True), w["w_hc"]))
        merged = phi.mean(axis=(2, 3), keepdims=True) + phi.max(axis=(2, 3), keepdims=True)
        theta = np.tanh(convolve(merged, w["channel.w_phi"]) + convolve(h_c, w["channel.w_h"]))
        attended = attended * sigmoid(convolve(theta, w["channel.w_o"]))
    return attended + phi, h_new, c_new


@pytest.mark.parametrize("hybrid", [False, True])
@pytest.mark.parametrize("variant", ["RAR", "NCA", "NSA"])
def test_equations_3_to_7(randomise, maps, variant, hybrid):
    block = randomise(make(**VARIANTS[variant]))
    if hybrid:
        block.hybridize()
    expected = equations_3_to_7(layers(block), *maps)
    for ours, theirs in zip(run(block, maps), expected):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_two_frames(randomise, maps):
    """The state that comes out goes in again; channel attention of the second frame sees that of the first."""
    block = randomise(make(**FULL))
    second = maps[0][::-1].copy()
    ours = run(block, (second, *run(block, maps)[1:]))
    theirs = equations_3_to_7(layers(block), second, *equations_3_to_7(layers(block), *maps)[1:])
    for a, b in zip(ours, theirs):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_intra_frame_attention_without_state(randomise, maps):
    """NTA: Eq. 5 and 6 without their second terms."""
    block = randomise(make(**VARIANTS["NTA"]))
    w, phi = layers(block), maps[0]
    along_space = phi.mean(axis=(2, 3), keepdims=True) + phi.max(axis=(2, 3), keepdims=True)
    along_channels = phi.mean(axis=1, keepdims=True) + phi.max(axis=1, keepdims=True)
    channel = sigmoid(convolve(np.tanh(convolve(along_space, w["channel.w_phi"])), w["channel.w_o"]))
    spatial = sigmoid(convolve(np.tanh(convolve(along_channels, w["spatial.w_phi"])), w["spatial.w_o"]))
    (ours,) = run(block, maps)
    np.testing.assert_allclose(ours, phi * spatial * channel + phi, rtol=1e-4, atol=1e-5)


def test_channel_attention_sees_the_previous_frame_and_spatial_the_current(randomise, maps):
    """Nothing of c, which only the current h knows, reaches Ψᶜ; it does reach Ψˢ."""
    other = (*maps[:2], maps[2] + 1)
    channel_only = randomise(make(**VARIANTS["NSA"]))
    first, second = run(channel_only, maps), run(channel_only, other)
    assert (first[0] == second[0]).all() and (first[1] != second[1]).any()
    spatial_only = randomise(make(**VARIANTS["NCA"]))
    assert (run(spatial_only, maps)[0] != run(spatial_only, other)[0]).any()


def test_shapes_of_the_weights_of_attention(randomise, maps):
    """Ψᶜ is a number a channel, Ψˢ a number a cell, both between 0 and 1."""
    channel = randomise(_initialized(ChannelAttention(CHANNELS, 2, inter_frame=True)))
    spatial = randomise(_initialized(SpatialAttention(CHANNELS, 3, 5, inter_frame=True)))
    phi = nd.array(maps[0])
    psi_c = channel(phi, nd.ones((2, CHANNELS, 1, 1))).asnumpy()
    psi_s = spatial(phi, nd.ones((2, 1, HEIGHT, WIDTH))).asnumpy()
    assert psi_c.shape == (2, CHANNELS, 1, 1) and psi_s.shape == (2, 1, HEIGHT, WIDTH)
    for psi in (psi_c, psi_s):
        assert 0 < psi.min() < psi.max() < 1


def _initialized(block):
    block.initialize()
    return block


# Untrained, variants, gradients --------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
def test_untrained_attention_is_a_factor(maps, variant):
    """W_o starts at zero, so Ψ is 1/2: φᵃ = φ (1 + 1/4), (1 + 1/2) with one part, φ with none; exactly."""
    parts = VARIANTS[variant]
    factor = {2: 1.25, 1: 1.5, 0: 1.0}[parts["channel"] + parts["spatial"]]
    assert (run(make(**parts), maps)[0] == np.float32(factor) * maps[0]).all()


@pytest.mark.parametrize("variant", VARIANTS)
def test_parameters_and_states_of_the_variants(maps, variant):
    parts = VARIANTS[variant]
    recurrent = parts["inter_frame"] and (parts["channel"] or parts["spatial"])
    expected = set()
    for part, head in (("channel", "w_hc"), ("spatial", "w_hs")):
        if parts[part]:
            expected |= {f"{part}.w_phi", f"{part}.w_o"}
            expected |= {f"{part}.w_h", head} if recurrent else set()
    expected |= {"cell"} if recurrent else set()
    block = make(**parts)
    assert set(layers(block)) == expected
    outputs = run(block, maps)
    assert len(outputs) == (3 if recurrent else 1)
    assert [part.shape for part in outputs[1:]] == [(2, HIDDEN, HEIGHT, WIDTH)] * (2 if recurrent else 0)


def gradients(block, maps):
    """Norm of each parameter's gradient of a random projection of the second of two frames."""
    rng = np.random.default_rng(5)
    probe = nd.array(rng.normal(size=maps[0].shape))
    phi = nd.array(maps[0])
    with autograd.record():
        if block.cell is None:
            out = block(phi)
        else:
            _, *state = block(phi, nd.array(maps[1]), nd.array(maps[2]))
            out, *_ = block(phi[::-1], *state)
        loss = (out * probe).sum()
    loss.backward()
    return {
        name: float(np.abs(parameter.grad().asnumpy()).max())
        for name, parameter in block._collect_params_with_prefix().items()
    }


@pytest.mark.parametrize("variant", [name for name in VARIANTS if not name.endswith("NAA")])
def test_every_parameter_gets_a_gradient_once_trained(randomise, maps, variant):
    gradients_by_kind = gradients(randomise(make(**VARIANTS[variant])), maps)
    assert gradients_by_kind and min(gradients_by_kind.values()) > 1e-6, gradients_by_kind


def test_only_the_last_layers_get_a_gradient_at_first(maps):
    gradients_by_kind = gradients(make(**FULL), maps)
    assert {name for name, size in gradients_by_kind.items() if size > 0} == {
        f"{part}.w_o.{kind}" for part in ("channel", "spatial") for kind in ("weight", "bias")
    }


def test_the_level_attention_gradient_is_right(randomise, maps):
    """Two frames, against central differences, in float64."""
    block = randomise(make(**FULL))
    block.cast("float64")
    phi, h, c = (nd.array(part, dtype="float64") for part in maps)
    probe = nd.array(np.random.default_rng(5).normal(size=maps[0].shape), dtype="float64")

    def loss():
        _, *state = block(phi, h, c)
        return (block(phi * 0.5, *state)[0] * probe).sum()

    parameters = block._collect_params_with_prefix()
    with autograd.record():
        value = loss()
    value.backward()
    step = 1e-5
    for name, parameter in parameters.items():
        data, exact = parameter.data().asnumpy(), parameter.grad().asnumpy()
        index = np.unravel_index(int(np.abs(exact).argmax()), exact.shape)
        moved = []
        for sign in (1, -1):
            changed = data.copy()
            changed[index] += sign * step
            parameter.set_data(nd.array(changed, dtype="float64"))
            moved.append(loss().asscalar())
        parameter.set_data(nd.array(data, dtype="float64"))
        assert (moved[0] - moved[1]) / (2 * step) == pytest.approx(exact[index], rel=1e-5), name
