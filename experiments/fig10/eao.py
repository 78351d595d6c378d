"""Fig. 10: trackers ranked by expected average overlap, measured and published."""

from __future__ import annotations

import csv
import math
import os
from typing import Dict, Mapping

from matplotlib.figure import Figure

from rar_gluon.common import InputError
from rar_gluon.evaluation.vot.protocol import VotProtocol
from rar_gluon.evaluation.vot.score import Score
from rar_gluon.report.plots import COLORS
from rar_gluon.report.tables import Column, Table


def read_eao(path: str | os.PathLike, challenge: str) -> Dict[str, float]:
    """Published EAO by tracker, of a challenge ("VOT2016", ...); none of a challenge that the file does not have.

    Raises
    ------
    InputError
        The file is no such table.
    """
    column = f"{challenge.lower()}_eao"
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return {row["tracker"]: float(row[column]) for row in rows if row.get(column)}
    except (OSError, csv.Error, KeyError, ValueError) as error:
        raise InputError(f"{path} is no table of published EAO: {error}.") from error


def eao_table(scores: Mapping[str, Score], published: Mapping[str, float], protocol: VotProtocol, where: str) -> Table:
    """Measured EAO, accuracy and failures on `where`, best first, and the published EAO below."""
    ranked = sorted(scores.items(), key=lambda item: -_known(item[1].eao))
    measured = {name: None if math.isnan(s.eao) else s.eao for name, s in ranked}
    rows = [(name, measured[name], s.accuracy, s.failures, s.reliability, published.get(name)) for name, s in ranked]
    others = {name: eao for name, eao in published.items() if name not in scores}
    rows += [(f"{name} (not measured)", None, None, None, None, eao) for name, eao in others.items()]
    columns = (
        *(Column("tracker"), Column("EAO", ".3f"), Column("accuracy", ".3f")),
        *(Column("failures a run", ".2f"), Column("reliability", ".3f"), Column("paper EAO", ".3f")),
    )
    low, high = protocol.interval
    notes = [f"EAO: mean of the expected average overlap over {low} to {high} frames, rules {protocol.rules}."]
    short = [len(s.curve) for s in scores.values() if len(s.curve) < high + protocol.shift]
    if short:
        notes.append(f"The curves end at {max(short)} frames: EAO covers what there is of the interval.")
    title = f"Expected average overlap on {where}"
    return Table("eao", title, columns, tuple(rows), {"rules": protocol.rules}, tuple(notes))


def eao_figure(scores: Mapping[str, Score], published: Mapping[str, float], where: str) -> Figure:
    """Ranking of what was measured, the best on the right as in VOT's reports; published values are dashed lines."""
    ranked = sorted(scores.items(), key=lambda item: -_known(item[1].eao))
    figure = Figure(figsize=(7.2, 4.4), constrained_layout=True)
    axes = figure.add_subplot()
    text = {"textcoords": "offset points", "fontsize": 8}
    for rank, ((name, score), color) in enumerate(zip(ranked, COLORS * len(ranked)), start=1):
        axes.plot(rank, _known(score.eao), "o", markersize=9, color=color)
        axes.annotate(f"{name}: {_known(score.eao):.3f}", (rank, _known(score.eao)), (0, 9), ha="center", **text)
    for name, eao in published.items():
        axes.axhline(eao, color="#606060", linestyle="--", linewidth=1)
        label = f"{name}, the paper's on the whole challenge: {eao:.3f}"
        axes.annotate(label, (len(ranked) + 0.65, eao), (0, 3), color="#606060", **text)
    highest = max([*(_known(score.eao) for score in scores.values()), *published.values()])
    axes.set(xlabel="rank", ylabel="expected average overlap", title=f"EAO on {where}", ylim=(0, 1.15 * highest))
    axes.set_xlim(len(ranked) + 0.7, 0.3)
    axes.set_xticks(range(1, len(ranked) + 1))
    axes.grid(linestyle=":", color="#b0b0b0")
    return figure


def _known(value: float) -> float:
    """0 where there is no value: the curve ends before the interval."""
    return 0.0 if math.isnan(value) else value
