"""Table 2: published, recomputed, measured; on OTB, or on any benchmark."""

from __future__ import annotations

from experiments.call import Call
from experiments.comparisons import Made, Measured, plan_sequences
from experiments.table2.comparison import comparison_table
from experiments.table2.datasets import make_on_datasets, plan_on_datasets
from rar_gluon.report.published import read_published
from rar_gluon.report.speed import read_speed


def make(call: Call) -> Made:
    """Published, recomputed, measured."""
    if call.datasets:
        return make_on_datasets(call)
    measured = Measured(call)
    names = [sequence.name for sequence in measured.sequences]
    speeds = {name: read_speed(folder, names) for name, folder in measured.folders.items()}
    return measured.made([comparison_table(measured.scores, read_published(), speeds)], {})


def plan(call: Call) -> str:
    """What it would cost."""
    return plan_on_datasets(call) if call.datasets else plan_sequences(call)
