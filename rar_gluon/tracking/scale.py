"""How much a target's size changed, from the largest responses of windows of several sizes: pure functions.

Sizes are logarithms of factors: 0 is the size of the last frame. docs/training_log.md says what each rule gave.
"""

from __future__ import annotations

import numpy as np

from rar_gluon.config import TrackingConfig


def log_factors(count: int, step: float) -> np.ndarray:
    """Logarithms (count,) of the scales {a^s} of Section 4.1, ascending, 0 in the middle."""
    return np.log(step) * (np.arange(count) - count // 2)


def change(peaks: np.ndarray, logs: np.ndarray, settings: TrackingConfig) -> float:
    """Logarithm of the target's size over that of the last frame, as `settings.scale_rule` says.

    Parameters
    ----------
    peaks : (S,) largest response of each window.
    logs : (S,) of `log_factors`.
    """
    if settings.scale_rule == "parabola":
        return settings.scale_damping * parabola(peaks, logs, settings.scale_tilt, settings.scale_prior)
    return largest(peaks, logs, settings.scale_penalty, settings.scale_penalty_larger)


def largest(peaks: np.ndarray, logs: np.ndarray, smaller: float, larger: float) -> float:
    """The scale of the largest response (Section 4.1), those of smaller and larger windows multiplied by a penalty."""
    return float(logs[np.argmax(peaks * np.where(logs == 0, 1.0, np.where(logs < 0, smaller, larger)))])


def parabola(peaks: np.ndarray, logs: np.ndarray, tilt: float, prior: float) -> float:
    """Most probable change of size, continuous: the vertex of a parabola through the logarithms of all responses.

    Two things are known beside the responses. A window that is too large loses less than one that is too small, for
    its target is still whole: log responses have a slope of `tilt` at the right size, which is taken off
    (experiments/rar_thin/scale_bias.py measures it). And sizes change little between frames: a Gaussian before the
    responses are seen, of which `prior` is the curvature, the inverse variance in units of the responses' own. Where
    responses say little about size (a parabola nearly flat), size stays nearly as it is. Never beyond the windows.

    Parameters
    ----------
    peaks : (S,); with one that is not positive nothing can be said, and the size stays.
    logs : (S,), at least three for a change other than 0.
    """
    limit = float(np.max(logs))
    if len(logs) < 3 or limit == 0 or not (np.isfinite(peaks).all() and (peaks > 0).all()):
        return 0.0
    bend, slope, _ = np.polyfit(logs, np.log(peaks) - tilt * logs, 2)
    if slope == 0:
        return 0.0
    stiffness = max(-2 * bend, 0.0) + prior  # responses that bend upwards say nothing of where their maximum is
    return float(np.clip(slope / stiffness, -limit, limit)) if stiffness > 0 else float(np.sign(slope)) * limit


def fitted_tilt(profiles: np.ndarray, logs: np.ndarray) -> float:
    """Slope of log responses at the right size: what `parabola` must take off so that its mean is 0 there.

    Parameters
    ----------
    profiles : (N, S) largest responses of windows of the true size times exp(logs), centred on the truth.
    logs : (S,), symmetric about 0.
    """
    return float(np.mean(np.log(profiles) @ logs) / (logs @ logs))
