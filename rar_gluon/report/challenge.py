"""The report on a challenge of VOT: `rar report vot2019 DIR... --annotations PATH --output DIR`."""

from __future__ import annotations

import math
import os
from typing import Dict, Iterable, List, Mapping, Sequence, Tuple

from matplotlib.figure import Figure

from rar_gluon import __version__
from rar_gluon.common import InputError, output_folder
from rar_gluon.evaluation.vot.annotations import find_annotations, read_annotations
from rar_gluon.evaluation.vot.protocol import VotProtocol, load_protocol
from rar_gluon.evaluation.vot.score import Score, score_vot
from rar_gluon.report.document import write_document
from rar_gluon.report.plots import COLORS, plain
from rar_gluon.report.published import ANOTHER_RULE, read_benchmarks
from rar_gluon.report.tables import Column, Table


def report_challenge(
    key: str,
    results: Sequence[str | os.PathLike],
    annotations: str | os.PathLike,
    output: str | os.PathLike,
    rules: str = "matlab",
    sequences: Sequence[str] | None = None,
) -> Dict[str, Score]:
    """Score supervised runs on a challenge of VOT and write a report of EAO, accuracy and robustness into `output`.

    Raises
    ------
    InputError
        When something is missing or cannot be read; nothing is written then.
    """
    output = output_folder(output)
    challenge = key.upper()
    protocol = load_protocol(challenge, rules)
    truth = read_annotations(find_annotations(annotations, challenge), None, sequences, unsized=True)
    scores: Dict[str, Score] = {}
    for folder in results:
        for name, score in score_vot(folder, truth, protocol).items():
            if name in scores:
                raise InputError(f"{folder} holds {name}, which another folder has too: rename one of them.")
            scores[name] = score
    known = read_benchmarks().get(key, []) if sequences is None else []
    table = challenge_table(scores, known, challenge, rules)
    low, high = protocol.interval
    caption = f"Expected average overlap by length; EAO is the mean over {low} to {high} frames."
    pictures = {"eao_curves": (caption, curves_figure(scores, protocol, challenge))}
    sentences = [
        f"Supervised runs on {challenge} ({len(truth)} sequences), rules '{rules}': {protocol.source}.",
        f"Written by rar-gluon {__version__}.",
    ]
    write_document(output, f"Supervised evaluation on {challenge}", sentences, [table], pictures)
    return scores


def challenge_table(scores: Mapping[str, Score], published: Iterable[Mapping], challenge: str, rules: str) -> Table:
    """Measured and published trackers by EAO, best first."""
    rows: List[Tuple] = [
        (name, _known(s.eao), s.accuracy, 100 * s.lost / s.frames, s.lost, "measured") for name, s in scores.items()
    ]
    for row in published:
        numbers = (row.get(key) for key in ("eao", "accuracy", "robustness"))
        rows.append((row["tracker"], *numbers, None, f"published: {row['source']}"))
    rows.sort(key=lambda row: -(row[1] or 0))
    heads = ("EAO", "accuracy", "robustness", "failures")
    columns = (Column("tracker"), *(Column(head, ".3f" if head != "failures" else ".1f") for head in heads))
    notes = ("Robustness: failures in a hundred frames, as pysot prints it.", ANOTHER_RULE)
    title = f"Ranking on {challenge}"
    return Table("scores", title, (*columns, Column("source")), tuple(rows), {"rules": rules}, notes)


def curves_figure(scores: Mapping[str, Score], protocol: VotProtocol, where: str) -> Figure:
    """Expected average overlap by length of each tracker; the interval of EAO is shaded."""
    figure = Figure(figsize=(7.2, 4.4), constrained_layout=True)
    axes = figure.add_subplot()
    ranked = sorted(scores.items(), key=lambda item: -(_known(item[1].eao) or 0))
    for (name, score), color in zip(ranked, COLORS * len(ranked)):
        lengths = range(1, len(score.curve) + 1)
        axes.plot(lengths, score.curve, color=color, linewidth=2, label=f"[{_known(score.eao) or 0:.3f}] {plain(name)}")
    low, high = protocol.interval
    axes.axvspan(low, high, color="#d0d0d0", alpha=0.5, linewidth=0)
    axes.set(xlabel="length in frames", ylabel="expected average overlap", title=f"EAO by length on {where}")
    axes.set(xlim=(1, 2 * high), ylim=(0, 1))
    axes.grid(linestyle=":", color="#b0b0b0")
    axes.legend(fontsize=9)
    return figure


def _known(value: float) -> float | None:
    """None where there is no value: the curve ends before the interval."""
    return None if math.isnan(value) else value
