import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, nd

from rar_gluon.common import InputError
from rar_gluon.config import FilterConfig
from rar_gluon.filter import closed_form
from rar_gluon.filter.fourier import Spectrum, gaussian_label, hann_window
from rar_gluon.filter.layer import (
    CorrelationFilter,
    OnlineFilter,
    correlation_response,
    desired_response,
    energy_scale,
    invert,
    template_label,
    transform,
)

DENOMINATORS = ["summed", "per-channel"]


def array(values, dtype="float64"):
    return None if values is None else nd.array(values, dtype=dtype)


def respond(maps, dtype="float64", **options):
    """`correlation_response` on numpy maps."""
    parts = (array(part, dtype) for part in (maps.x, maps.z0, maps.zi, maps.y, maps.beta))
    return correlation_response(*parts, **options).asnumpy()


def gradients(function, maps, dtype="float64"):
    """Response of function(x, z0[, zi]) and the gradients of Eq. 12 with respect to its arguments."""
    inputs = [array(part, dtype) for part in (maps.x, maps.z0, maps.zi) if part is not None]
    for part in inputs:
        part.attach_grad()
    with autograd.record():
        g = function(*inputs)
        loss = nd.square(nd.broadcast_sub(g, array(maps.y, dtype))).sum()
    loss.backward()
    nd.waitall()  # the backward of an autograd.Function runs later, on a thread of the engine
    return g.asnumpy(), [part.grad.asnumpy() for part in inputs]


def closed_form_gradients(maps, dtype="float64", **options):
    y, beta = array(maps.y, dtype), array(maps.beta, dtype)

    def function(x, z0, zi=None):
        return correlation_response(x, z0, zi, y, beta, **options)

    return gradients(function, maps, dtype)


def assert_close(actual, expected, tolerance):
    """Norm of the difference relative to the norm of what is expected."""
    assert actual.shape == expected.shape
    assert np.linalg.norm(actual - expected) <= tolerance * np.linalg.norm(expected)


settings = [
    pytest.mark.parametrize("denominator", DENOMINATORS),
    pytest.mark.parametrize("normalize", [False, True]),
    pytest.mark.parametrize("templates", [1, 2]),
    pytest.mark.parametrize("contexts", [0, 4]),
    pytest.mark.parametrize("size", [(5, 4), (4, 5)]),
]


def every_setting(test):
    for mark in settings:
        test = mark(test)
    return test


# The gradient, by three routes ---------------------------------------------------------------------------------------


def central_differences(maps, name, step, **options):
    """Numerical gradient of Eq. 12 with respect to maps.<name>, whose batch is 1: each entry of it moved up and down is
    one item of a batch.
    """
    count = getattr(maps, name).size
    moves = step * np.eye(count).reshape(count, *getattr(maps, name).shape[1:])
    moved = type(maps)(**vars(maps))
    for key in ("x", "z0", "zi"):
        part = getattr(maps, key)
        if part is not None:
            part = np.repeat(part, 2 * count, axis=0)
            setattr(moved, key, part + np.concatenate([moves, -moves]) if key == name else part)
    losses = np.square(respond(moved, **options) - maps.y).sum(axis=(1, 2))
    return ((losses[:count] - losses[count:]) / (2 * step)).reshape(getattr(maps, name).shape)


@every_setting
def test_exact_backward_is_the_limit_of_differences(make_maps, denominator, normalize, templates, contexts, size):
    maps = make_maps(*size, templates=templates, contexts=contexts)
    options = {"denominator": denominator, "normalize": normalize}
    _, exact = closed_form_gradients(maps, **options)
    for name, gradient in zip(("x", "z0", "zi"), exact):
        assert_close(gradient, central_differences(maps, name, 1e-5, **options), 1e-5)


@every_setting
def test_exact_backward_is_autograds_through_operators(make_maps, denominator, normalize, templates, contexts, size):
    maps = make_maps(*size, batch=2, templates=templates, contexts=contexts)
    options = {"denominator": denominator, "normalize": normalize}
    block = CorrelationFilter(maps.y, 2, maps.beta, dtype="float64", **options)
    block.initialize()
    block.hybridize(static_alloc=True, static_shape=True)
    g, exact = closed_form_gradients(maps, **options)
    for _ in range(2):  # the second time memory is used again
        operators_g, operators = gradients(block, maps)
        assert_close(operators_g, g, 1e-12)
        for ours, theirs in zip(exact, operators):
            assert_close(ours, theirs, 1e-10)


@pytest.mark.filterwarnings("ignore:Cannot decide type")  # of SymbolBlock.imports
@pytest.mark.parametrize("contexts", [0, 4])
def test_operators_compiled_and_exported_respond_alike(make_maps, contexts, tmp_path):
    maps = make_maps(batch=2, contexts=contexts)
    block = CorrelationFilter(maps.y, 2, dtype="float64")
    block.initialize()
    inputs = [array(part) for part in (maps.x, maps.z0, maps.zi) if part is not None]
    plain = block(*inputs).asnumpy()
    block.hybridize()
    compiled = block(*inputs).asnumpy()
    block.export(str(tmp_path / "filter"))
    names = [f"data{i}" for i in range(len(inputs))]
    files = str(tmp_path / "filter-symbol.json"), names, str(tmp_path / "filter-0000.params")
    imported = mx.gluon.SymbolBlock.imports(*files)(*inputs).asnumpy()
    for g in (plain, compiled, imported):
        assert_close(g, respond(maps), 1e-12)


def test_printed_backward_changes_the_gradient_and_not_the_response(make_maps):
    maps = make_maps()
    g, exact = closed_form_gradients(maps)
    printed_g, printed = closed_form_gradients(maps, backward="printed")
    np.testing.assert_array_equal(printed_g, g)
    assert_close(2 * printed[0], exact[0], 1e-12)
    for ours, theirs in zip(exact[1:], printed[1:]):
        assert np.linalg.norm(ours - theirs) > 0.5 * np.linalg.norm(ours)


# Properties ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("denominator", DENOMINATORS)
def test_float32(make_maps, denominator):
    maps = make_maps(31, 31, channels=4, templates=2)
    options = {"denominator": denominator, "normalize": True}
    g, exact = closed_form_gradients(maps, **options)
    single_g, single = closed_form_gradients(maps, "float32", **options)
    assert single_g.dtype == np.float32
    for ours, theirs in zip([single_g, *single], [g, *exact]):
        assert_close(ours, theirs, 1e-4)


def test_items_of_a_batch_do_not_meet(make_maps):
    maps = make_maps(batch=3, templates=2)
    g, together = closed_form_gradients(maps)
    for item in range(3):
        one = type(maps)(**vars(maps))
        one.x, one.z0, one.zi = (part[item : item + 1] for part in (maps.x, maps.z0, maps.zi))
        one_g, alone = closed_form_gradients(one)
        assert_close(one_g[0], g[item], 1e-13)
        for ours, theirs in zip(alone, together):
            assert_close(ours[0], theirs[item], 1e-13)


def test_frames_count_by_their_weight(make_maps):
    maps = make_maps(templates=2)
    alone = type(maps)(**vars(maps))
    alone.z0, alone.zi, alone.beta = maps.z0[:, 1:], maps.zi[:, 1:], np.ones(1)
    maps.beta = np.array([0.0, 3.0])  # one factor for all frames cancels
    assert_close(respond(maps), respond(alone), 1e-12)


@pytest.mark.parametrize("denominator", DENOMINATORS)
def test_shifted_search_region_shifts_the_response(make_maps, denominator):
    maps = make_maps(6, 5)
    g = respond(maps, denominator=denominator)
    maps.x = np.roll(maps.x, (2, -1), axis=(2, 3))
    assert_close(respond(maps, denominator=denominator), np.roll(g, (2, -1), axis=(1, 2)), 1e-12)


@pytest.mark.parametrize("denominator", DENOMINATORS)
def test_normalize_is_lambda1_in_units_of_hwd(make_maps, denominator):
    maps = make_maps(6, 5, channels=3)
    normalized = respond(maps, lambda1=0.1, normalize=True, denominator=denominator)
    raw = respond(maps, lambda1=0.1 * 6 * 5 * 3, normalize=False, denominator=denominator)
    assert_close(normalized, raw, 1e-12)
    np.testing.assert_array_equal(respond(maps, lambda1=0.1, denominator=denominator), normalized)  # the default


@pytest.mark.parametrize("height, width, channels", [(4, 4, 1), (6, 5, 3), (31, 31, 8)])
def test_normalized_lambda_is_relative_to_the_mean_square_of_the_maps(make_maps, height, width, channels):
    # Parseval: what λ1 is added to, e Σ_l |ẑ_l|², has the mean over frequencies that z² has over cells and channels
    z0 = make_maps(height, width, channels=channels).z0
    e = energy_scale(channels, height, width, normalize=True)
    d = closed_form.denominator(nd, transform(array(z0)), None, array([1.0]), 0.0, 0.0, e, summed=True)
    mean = invert(Spectrum(d, nd.zeros_like(d)), width)[0, 0, 0, 0].asscalar()  # F⁻¹ at (0, 0)
    assert mean == pytest.approx(np.square(z0).mean(), rel=1e-12)


def test_normalized_lambda_means_the_same_at_any_number_of_channels(make_maps):
    maps = make_maps(channels=2)
    g = respond(maps, lambda1=0.5, normalize=True)
    for name, axis in (("x", 1), ("z0", 2), ("zi", 3)):
        setattr(maps, name, np.concatenate([getattr(maps, name)] * 3, axis=axis))
    assert_close(respond(maps, lambda1=0.5, normalize=True), g, 1e-12)


@pytest.mark.parametrize("denominator", DENOMINATORS)
@pytest.mark.parametrize("channels", [2, 16])
def test_a_template_answers_its_own_filter_with_the_desired_response(make_maps, denominator, channels):
    """However many channels are summed (Eq. 12 compares with y, not with D·y)."""
    config = FilterConfig(denominator=denominator, contexts=0, lambda1=1e-9)
    maps = make_maps(9, 8, channels=channels)
    maps.x, maps.zi, maps.y = maps.z0[:, 0], None, template_label(config, 2.0, channels, 9, 8)
    g = respond(maps, lambda1=config.lambda1, denominator=denominator)
    assert_close(g, np.stack([desired_response(config, 2.0, 9, 8)] * len(g)), 1e-5)


# Bad input -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, shape, needed",
    [
        ("x", (2, 5, 4), "(B, D, H, W)"),
        ("x", (1, 1, 2, 5, 4), "(B, D, H, W)"),
        ("z0", (1, 2, 5, 4), "(1, T, 2, 5, 4)"),
        ("z0", (2, 1, 2, 5, 4), "(1, T, 2, 5, 4)"),
        ("z0", (1, 1, 3, 5, 4), "(1, T, 2, 5, 4)"),
        ("z0", (1, 1, 2, 4, 5), "(1, T, 2, 5, 4)"),
        ("zi", (1, 4, 2, 5, 4), "(1, 1, k, 2, 5, 4)"),
        ("zi", (1, 2, 4, 2, 5, 4), "(1, 1, k, 2, 5, 4)"),
        ("zi", (1, 1, 4, 1, 5, 4), "(1, 1, k, 2, 5, 4)"),
        ("y", (4, 5), "(5, 4)"),
        ("y", (1, 5, 4), "(5, 4)"),
        ("beta", (2,), "(1,)"),
        ("beta", (1, 1), "(1,)"),
    ],
)
def test_shapes_that_do_not_fit(make_maps, name, shape, needed):
    maps = make_maps()
    setattr(maps, name, np.ones(shape))
    with pytest.raises(InputError) as error:
        respond(maps)
    message = str(error.value)
    assert message.startswith(f"{name} has shape {shape}") and needed in message
    assert message.endswith(".") and message.count(". ") == 0 and "\n" not in message


@pytest.mark.parametrize("option", ["denominator", "backward"])
def test_unknown_options(make_maps, option):
    accepted = {"denominator": "summed, per-channel", "backward": "exact, printed"}[option]
    with pytest.raises(InputError, match=f"^{option} is 'mean'; accepted: {accepted}.$"):
        respond(make_maps(), **{option: "mean"})


# The filter of a tracker ---------------------------------------------------------------------------------------------

LABEL = gaussian_label(9, 8, 1.0)
HANN = hann_window(9, 8)


def online(maps, *frames_and_rates, **config):
    """Filter that learned frames t of `maps` one after another; it takes maps without their window, in float32."""
    kept = OnlineFilter(FilterConfig(**config), LABEL)
    for t, rate in frames_and_rates:
        zi = None if maps.zi is None else array(maps.zi[0, t], "float32")
        kept.learn(array(maps.z0[0, t], "float32"), zi, rate)
    return kept


def one_shot(maps, *frames, beta, denominator="summed"):
    """Response of the same by `correlation_response`, in float64."""
    chosen = list(frames)
    z0, zi = maps.z0[:, chosen] * HANN, None if maps.zi is None else array(maps.zi[:, chosen] * HANN)
    arrays = array(maps.x * HANN), array(z0), zi, array(LABEL), array(beta)
    return correlation_response(*arrays, denominator=denominator, normalize=True).asnumpy()


@pytest.mark.parametrize("denominator", DENOMINATORS)
@pytest.mark.parametrize("contexts", [0, 4])
class TestOnlineFilter:
    def test_first_frame_is_the_one_shot_filter_at_any_rate(self, make_maps, contexts, denominator):
        maps = make_maps(9, 8, contexts=contexts)
        kept = online(maps, (0, 0.01), denominator=denominator)
        assert_close(kept.respond(array(maps.x, "float32")), one_shot(maps, 0, beta=[1], denominator=denominator), 1e-4)

    def test_rate_one_forgets(self, make_maps, contexts, denominator):
        maps = make_maps(9, 8, templates=2, contexts=contexts)
        kept = online(maps, (0, 1.0), (1, 1.0), denominator=denominator)
        assert_close(kept.respond(array(maps.x, "float32")), one_shot(maps, 1, beta=[1], denominator=denominator), 1e-4)

    def test_update_is_the_convex_combination(self, make_maps, contexts, denominator):
        # of numerators and of denominators: Eq. 10 on all frames, with β of (1-η)², (1-η)η and η
        maps = make_maps(9, 8, templates=3, contexts=contexts)
        kept = online(maps, (0, 1.0), (1, 0.3), (2, 0.3), denominator=denominator)
        expected = one_shot(maps, 0, 1, 2, beta=[0.49, 0.21, 0.3], denominator=denominator)
        assert_close(kept.respond(array(maps.x, "float32")), expected, 1e-4)

    def test_peak_is_at_the_origin_and_moves_with_the_target(self, make_maps, contexts, denominator):
        maps = make_maps(9, 8, contexts=contexts)
        kept = online(maps, (0, 1.0), denominator=denominator)
        shifts = [(0, 0), (1, 0), (0, 3), (-4, 2)]
        # dividing by the window, which has no zeros, makes the windowed maps exact circular shifts
        moved = [np.roll(maps.z0[0, 0] * HANN, shift, axis=(1, 2)) / HANN for shift in shifts]
        unmoved, *responses = kept.respond(array(np.stack(moved), "float32"))
        assert np.unravel_index(unmoved.argmax(), unmoved.shape) == (0, 0)
        for shift, response in zip(shifts[1:], responses):
            assert np.unravel_index(response.argmax(), response.shape) == (shift[0] % 9, shift[1] % 8)
            assert_close(response, np.roll(unmoved, shift, axis=(0, 1)), 1e-4)
