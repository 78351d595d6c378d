import numpy as np
import pytest

from rar_gluon.config import from_dict
from rar_gluon.tracking import scale


def settings(**values):
    return from_dict({"tracking": values}).tracking


def bell(logs, centre, width=0.2, tilt=0.0):
    """Responses whose logarithm is a parabola about `centre`, tilted."""
    return 0.7 * np.exp(-0.5 * ((logs - centre) / width) ** 2 + tilt * logs)


@pytest.mark.parametrize("count, exponents", [(1, [0]), (2, [-1, 0]), (3, [-1, 0, 1]), (5, [-2, -1, 0, 1, 2])])
def test_log_factors(count, exponents):
    np.testing.assert_allclose(np.exp(scale.log_factors(count, 1.02)), 1.02 ** np.array(exponents, float))


@pytest.mark.parametrize(
    "peaks, smaller, larger, expected",
    [
        ([0.5, 0.6, 0.61], 1.0, 1.0, 1),
        ([0.5, 0.6, 0.61], 0.98, 0.98, 0),  # .598
        ([0.7, 0.6, 0.61], 0.98, 0.98, -1),
        ([0.6, 0.6, 0.6], 0.98, 0.98, 0),
        ([0.61, 0.6, 0.62], 0.99, 0.965, -1),  # .6039, .6, .5983
        ([0.61, 0.6, 0.62], 0.965, 0.99, 1),
        ([0.0, 0.0, 0.0], 0.98, 0.98, -1),  # nothing to choose by: the first
    ],
)
def test_the_papers_rule_takes_the_largest(peaks, smaller, larger, expected):
    logs, peaks = scale.log_factors(3, 1.02), np.array(peaks)
    assert scale.largest(peaks, logs, smaller, larger) == pytest.approx(expected * np.log(1.02))
    given = settings(scale_penalty=smaller, scale_penalty_larger=larger)
    assert scale.change(peaks, logs, given) == scale.largest(peaks, logs, smaller, larger)


@pytest.mark.parametrize("count", [3, 5, 33])
@pytest.mark.parametrize("centre", [0.0, 0.011, -0.02])
def test_vertex_of_a_parabola_is_exact(count, centre):
    logs = scale.log_factors(count, 1.03)
    assert scale.parabola(bell(logs, centre), logs, 0.0, 0.0) == pytest.approx(centre, abs=1e-9)
    assert scale.parabola(bell(logs, centre, tilt=0.4), logs, 0.4, 0.0) == pytest.approx(centre, abs=1e-9)
    assert scale.parabola(3 * bell(logs, centre), logs, 0.0, 0.0) == pytest.approx(centre, abs=1e-9)  # of any height


def test_a_tilt_that_is_left_on_moves_the_vertex():
    """By the tilt over the curvature: why boxes grew."""
    logs = scale.log_factors(3, 1.03)
    assert scale.parabola(bell(logs, 0.0, 0.2, tilt=0.4), logs, 0.0, 0.0) == pytest.approx(0.4 * 0.2**2)


def test_the_prior_is_that_of_a_gaussian():
    """Responses with a variance of .04 and a size known with a variance of .01: a fifth of the way."""
    logs = scale.log_factors(3, 1.03)
    assert scale.parabola(bell(logs, 0.02, 0.2), logs, 0.0, 1 / 0.01) == pytest.approx(0.02 / 5)


def test_damping_makes_a_part_of_the_change():
    logs = scale.log_factors(3, 1.03)
    values = {"scale_rule": "parabola", "scale_tilt": 0.0, "scale_prior": 0.0}
    assert scale.change(bell(logs, 0.02), logs, settings(**values, scale_damping=1.0)) == pytest.approx(0.02)
    assert scale.change(bell(logs, 0.02), logs, settings(**values, scale_damping=0.59)) == pytest.approx(0.59 * 0.02)


@pytest.mark.parametrize("prior", [0.0, 10.0])
def test_never_beyond_the_windows(prior):
    logs = scale.log_factors(3, 1.03)
    limit = np.log(1.03)
    assert scale.parabola(np.array([0.1, 0.5, 0.9]), logs, 0.0, prior) == pytest.approx(limit)
    assert scale.parabola(np.array([0.9, 0.5, 0.1]), logs, 0.0, prior) == pytest.approx(-limit)
    assert scale.parabola(np.array([0.6, 0.5, 0.7]), logs, 0.0, prior) == pytest.approx(limit)  # bends upwards


@pytest.mark.parametrize(
    "peaks", [[0.5, 0.5, 0.5], [0.0, 0.5, 0.6], [-0.1, 0.5, 0.6], [np.nan, 0.5, 0.6], [0.5, np.inf, 0.6], [0, 0, 0]]
)
def test_where_nothing_can_be_said_the_size_stays(peaks):
    assert scale.parabola(np.array(peaks), scale.log_factors(3, 1.03), 0.0, 1.0) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("count, step", [(1, 1.03), (3, 1.0)])
def test_without_windows_of_other_sizes_the_size_stays(count, step):
    assert scale.parabola(np.full(count, 0.5), scale.log_factors(count, step), 0.3, 1.0) == 0.0


def test_a_fitted_tilt_takes_the_bias_off():
    """Of asymmetric responses, flatter above than below the right size, with noise."""
    rng = np.random.default_rng(0)
    logs = scale.log_factors(3, 1.03)
    width = np.where(logs > 0, 0.25, 0.15)
    profiles = np.exp(-0.5 * (logs / width) ** 2 + 0.005 * rng.normal(size=(500, 3)))
    tilt = scale.fitted_tilt(profiles, logs)
    before = np.mean([scale.parabola(one, logs, 0.0, 10.0) for one in profiles])
    after = np.mean([scale.parabola(one, logs, tilt, 10.0) for one in profiles])
    assert before > 0.005 and abs(after) < 0.0005
