"""One picture of all claims: measured differences with their intervals, the paper's beside them."""

from __future__ import annotations

from typing import Mapping, NamedTuple, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from experiments.claims import Verdict

COLORS = {"supported": "#1a7f37", "contradicted": "#c62828", "equivalent": "#1f5fd0", "undecided": "#8a8a8a"}
MEANING = {
    "supported": "supported: above 0",
    "contradicted": "contradicted: below 0",
    "equivalent": "equivalent: within ± .01",
    "undecided": "undecided",
}
LINEAR = 0.02  # differences up to here are drawn to scale, larger ones by their logarithm
TICKS = (-0.1, -0.02, 0, 0.02, 0.1, 0.5)
SCALE = f"linear up to ± {LINEAR:g}, logarithmic beyond".replace(" 0.", " .")


class Panel(NamedTuple):
    """A column of the picture: its title, the label of its axis, and a verdict a claim."""

    title: str
    axis: str
    verdicts: Mapping[str, Verdict]


def claims_picture(published: Mapping[str, float | None], panels: Sequence[Panel], delta: float) -> Figure:
    """Draw each claim on a line: a point with its 95 % interval in each panel, coloured by verdict.

    Parameters
    ----------
    published : the paper's difference by the claim's text, drawn as a diamond; None: no value is printed.
    panels : measured verdicts by the claim's text. A claim that a panel does not have stays empty there.
    delta : half width of the band of differences that are as good as none.

    A verdict of a single seed is drawn hollow.
    """
    texts = list(published)
    figure = Figure(figsize=(4.4 + 2.1 * len(panels), 0.26 * len(texts) + 1.4), constrained_layout=True)
    all_axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, panel in zip(all_axes, panels):
        _draw(axes, texts, published, panel, delta)
    all_axes[0].set_yticks(range(len(texts)), texts, fontsize=9)
    all_axes[0].set_ylim(len(texts) - 0.5, -0.5)
    handles = [Line2D([], [], color=COLORS[word], marker="o", label=MEANING[word]) for word in COLORS]
    handles += [
        Line2D([], [], color="black", marker=marker, markerfacecolor="white", linestyle="", label=label)
        for marker, label in (("o", "hollow: one seed"), ("D", "the paper, AUC"))
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=9)
    return figure


def _draw(axes: Axes, texts: Sequence[str], published: Mapping[str, float | None], panel: Panel, delta: float) -> None:
    axes.axvspan(-delta, delta, color="#1f5fd0", alpha=0.08, linewidth=0)
    axes.axvline(0, color="black", linewidth=0.8)
    for line, text in enumerate(texts):
        verdict = panel.verdicts.get(text)
        if verdict is None or verdict.difference is None:
            continue
        color = COLORS[verdict.word]
        axes.plot([verdict.low, verdict.high], [line, line], color=color, linewidth=2, solid_capstyle="butt")
        face = "white" if verdict.seeds == 1 else color
        axes.plot([verdict.difference], [line], "o", color=color, markerfacecolor=face, markersize=5)
        if published[text] is not None:
            axes.plot([published[text]], [line], "D", color="black", markerfacecolor="none", markersize=5)
    axes.set_xscale("symlog", linthresh=LINEAR)
    axes.set_xlim(-0.2, 0.9)
    axes.set_xticks(TICKS, [f"{tick:+g}".replace("0.", ".") if tick else "0" for tick in TICKS], fontsize=7)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_title(panel.title, fontsize=10)
    axes.set_xlabel(f"{panel.axis}\n{SCALE}", fontsize=8)
    axes.grid(alpha=0.25)
