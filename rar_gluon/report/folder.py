"""The report of runs on any folder of sequences: `rar report folder`, or `rar score folder ... --report DIR`."""

from __future__ import annotations

from pathlib import Path

from rar_gluon import __version__
from rar_gluon.evaluation.otb.score import NUMBERS, BenchmarkScore
from rar_gluon.report.document import write_document
from rar_gluon.report.plots import PLOTS, curve_figure
from rar_gluon.report.tables import Column, Table, filled, sequence_table


def write_folder_report(scores: BenchmarkScore, output: Path) -> None:
    """Write report.html, report.md, tables (CSV) and plots (PNG) of scores into `output`."""
    columns = (Column("tracker"), *(Column(head, ".3f") for head in NUMBERS.values()), Column("sequences", "d"))
    rows = tuple(
        (name, *(getattr(score.overall, number) for number in NUMBERS), len(score.sequences))
        for name, score in scores.trackers.items()
    )
    labels = {"protocol": scores.protocol.name}
    tables = [Table("scores", f"Scores on {scores.benchmark}", columns, rows, labels)]
    tables += [filled(sequence_table(scores, number)) for number in ("auc", "dp")]
    pictures = {plot.name: (plot.title, curve_figure(scores, plot, scores.benchmark)) for plot in PLOTS}
    sentences = [
        f"Every number is under protocol '{scores.protocol.name}': {scores.protocol.source}.",
        f"Written by rar-gluon {__version__}.",
    ]
    write_document(output, f"One-pass evaluation on {scores.benchmark}", sentences, tables, pictures)
