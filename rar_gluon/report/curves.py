"""Curves of a training: loss, learning rate and what validation gave, over its steps."""

from __future__ import annotations

from pathlib import Path
from typing import Dict

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rar_gluon.common import InputError, atomic_path
from rar_gluon.report.plots import COLORS
from rar_gluon.training.journal import read_rows

WINDOWS = 50  # the running mean is over a fiftieth of the training
ERROR = "loss"  # the validation column that belongs beside the training's


def plot_curves(log: Path, validation: Path, png: Path) -> None:
    """Draw the two logs of a training; there may be no validation yet.

    Raises
    ------
    InputError
        `log` is not there, holds no step, or is no log.
    """
    training = read_columns(log)
    if not training:
        raise InputError(f"{log} holds no step of a training: nothing can be drawn.")
    figure = curves(training, read_columns(validation))
    with atomic_path(png) as temporary:
        figure.savefig(temporary, dpi=150)


def curves(training: Dict[str, np.ndarray], validation: Dict[str, np.ndarray]) -> Figure:
    """Figure of the columns of log.csv and validation.csv."""
    others = [name for name in validation if name not in ("epoch", "step", ERROR)]
    figure = Figure(figsize=(7.2, 6.4 if others else 4.6), constrained_layout=True)
    heights = [3, 1, 2][: 3 if others else 2]
    losses, rates, *rest = figure.subplots(len(heights), sharex=True, gridspec_kw={"height_ratios": heights}).ravel()

    steps, loss = training["step"], training["loss"]
    window = max(1, len(loss) // WINDOWS)
    losses.plot(steps, loss, color=COLORS[1], alpha=0.3 if window > 1 else 1, linewidth=0.8, label="training")
    if window > 1:
        label = f"training, mean of {window} steps"
        losses.plot(steps[window - 1 :], running_mean(loss, window), color=COLORS[1], linewidth=1.8, label=label)
    if ERROR in validation:
        losses.plot(validation["step"], validation[ERROR], "o-", color=COLORS[0], markersize=4, label="validation")
    losses.set(ylabel="loss (Eq. 12)", ylim=(0, None))
    losses.legend(fontsize=9)

    rates.plot(steps, training["learning_rate"], color=COLORS[2], linewidth=1.5)
    rates.set(ylabel="learning rate")
    if (training["learning_rate"] > 0).all():
        rates.set(yscale="log")
        rates.tick_params(which="minor", labelleft=False)

    for axes in rest:
        for color, name in zip(COLORS, others):
            label = f"{name}, last {validation[name][-1]:.3f}"
            axes.plot(validation["step"], validation[name], "o-", color=color, markersize=4, label=label)
        axes.set(ylabel="validation")
        axes.legend(fontsize=9)
    for axes in figure.axes:
        _grid(axes)
    figure.axes[-1].set(xlabel="step")
    return figure


def read_columns(path: Path) -> Dict[str, np.ndarray]:
    """Columns of a log as float64; none when it holds no line yet, or `path` is not there."""
    rows = read_rows(path) if path.is_file() else []
    try:
        return {name: np.array([float(row[name]) for row in rows]) for name in (rows[0] if rows else ())}
    except ValueError as error:
        raise InputError(f"{path} is no log of a training: {error}.") from error


def running_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Mean of each `window` values that follow one another, (N - window + 1,)."""
    return np.convolve(values, np.full(window, 1 / window), mode="valid")


def _grid(axes: Axes) -> None:
    axes.grid(linestyle=":", color="#b0b0b0")
    axes.tick_params(labelsize=9)
