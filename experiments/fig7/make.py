"""Fig. 7: success and precision by attribute."""

from __future__ import annotations

from experiments.call import Call
from experiments.comparisons import Made, Measured
from rar_gluon.report.tables import attribute_table


def make(call: Call) -> Made:
    """Fig. 7: success and precision by attribute."""
    from rar_gluon.report.plots import PLOTS, attribute_figure

    measured = Measured(call)
    scores = measured.overall
    captions = {"auc": "Success by attribute, AUC in brackets.", "dp": "Precision by attribute, DP@20 in brackets."}
    if scores.attribute_list == "boxes":
        captions = {key: f"{text} The attributes are those that boxes decide." for key, text in captions.items()}
    plots = [plot for plot in PLOTS if plot.number in captions]
    figures = {
        f"attributes_{p.name}": (captions[p.number], attribute_figure(scores, p, scores.benchmark)) for p in plots
    }
    return measured.made([attribute_table(scores, number) for number in captions], figures)
