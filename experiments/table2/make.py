"""Table 2: published, recomputed, measured."""

from __future__ import annotations

from experiments.call import Call
from experiments.comparisons import Made, Measured
from experiments.table2.comparison import comparison_table
from rar_gluon.report.published import read_published
from rar_gluon.report.speed import read_speed


def make(call: Call) -> Made:
    """Published, recomputed, measured."""
    measured = Measured(call)
    names = [sequence.name for sequence in measured.sequences]
    speeds = {name: read_speed(folder, names) for name, folder in measured.folders.items()}
    return measured.made([comparison_table(measured.scores, read_published(), speeds)], {})
