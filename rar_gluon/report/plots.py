"""Success and precision plots, in the look of the OTB toolkit."""

from __future__ import annotations

import base64
import io
import os
from pathlib import Path
from typing import List, Mapping, NamedTuple, Sequence

from matplotlib.axes import Axes
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.figure import Figure

from rar_gluon.common import InputError, atomic_path
from rar_gluon.evaluation.otb.ope import Score
from rar_gluon.evaluation.otb.score import BenchmarkScore
from rar_gluon.report.tables import attribute_counts, sequences_of


class Plot(NamedTuple):
    """What is drawn: a curve of `Score` over a grid of `Protocol`, ranked by a number of `Score`."""

    name: str
    title: str
    curve: str
    grid: str
    number: str
    x: str
    y: str
    legend: str


PLOTS = (
    Plot(
        "success", "Success plots", "success", "overlap_grid", "auc", "Overlap threshold", "Success rate", "lower left"
    ),
    Plot(
        *("precision", "Precision plots", "precision", "error_grid", "dp"),
        *("Location error threshold (pixels)", "Precision", "lower right"),
    ),
    Plot(
        *("norm_precision", "Normalised precision plots", "normalised", "normalised_grid", "norm_precision"),
        *("Location error threshold (sizes of the target)", "Normalised precision", "lower right"),
    ),
)


class Style(NamedTuple):
    """Colour and dashes (points on and off; none: solid) of a tracker, the same in every picture."""

    color: str
    dashes: tuple


# No green, which is the truth's in pictures of frames.
COLORS = ("#d7191c", "#1f5fd0", "#111111", "#e68a00", "#8e3fb8", "#009fb7", "#8c564b", "#e2519d", "#808080", "#a8a800")
DASHES = ((), (5, 2), (1.5, 1.5))
TRUTH = Style("#00c800", ())


def plots_of(scores: BenchmarkScore) -> List[Plot]:
    """The plots of a benchmark: those whose ranking it prints."""
    return [plot for plot in PLOTS if plot.number in scores.numbers]


def styles(scores: BenchmarkScore) -> dict[str, Style]:
    """Style of each tracker; 30 trackers differ."""
    return {name: Style(COLORS[i % len(COLORS)], DASHES[i % len(DASHES)]) for i, name in enumerate(scores.trackers)}


def curve_figure(scores: BenchmarkScore, plot: Plot, label: str) -> Figure:
    """One plot over all sequences; `label` names the benchmark."""
    figure = Figure(figsize=(6.4, 5.2), constrained_layout=True)
    axes = figure.add_subplot()
    overall = {name: score.overall for name, score in scores.trackers.items()}
    _draw(axes, overall, _counts(scores), scores, plot, width=2.5, font=9)
    axes.set_title(f"{plot.title} of OPE - {plain(label)} ({len(sequences_of(scores))})", fontweight="bold")
    axes.set(xlabel=plot.x, ylabel=plot.y)
    _sign(figure, f"protocol {scores.protocol.name}")
    return figure


def attribute_figure(scores: BenchmarkScore, plot: Plot, label: str) -> Figure:
    """Small plots, one an attribute, its number of sequences in brackets (Fig. 7 of the paper)."""
    counts = attribute_counts(scores)
    rows = -(-len(counts) // 4)
    figure = Figure(figsize=(16, 3.9 * rows + 0.5), constrained_layout=True)
    for index, (attribute, count) in enumerate(counts.items()):
        axes = figure.add_subplot(rows, 4, index + 1)
        carrying = {n: s.attributes[attribute] for n, s in scores.trackers.items() if attribute in s.attributes}
        _draw(axes, carrying, {}, scores, plot, width=1.8, font=8)
        axes.set_title(f"{scores.attribute_names[attribute]} - {attribute} ({count})", fontsize=11)
        axes.set(xlabel=plot.x if index + 4 >= len(counts) else "", ylabel=plot.y if index % 4 == 0 else "")
    figure.get_layout_engine().set(h_pad=0.08)
    figure.suptitle(f"{plot.title} of OPE by attribute - {plain(label)}", fontweight="bold", fontsize=14)
    _sign(figure, f"protocol {scores.protocol.name}, attribute list {scores.attribute_list}")
    return figure


def plain(text: str) -> str:
    """A name as matplotlib shows it letter by letter: two $ would begin and end a formula."""
    return text.replace("$", r"\$")


def check_picture_name(path: str | os.PathLike) -> None:
    """Raise `InputError` when no picture can be written under this name."""
    suffixes = sorted(FigureCanvasBase.get_supported_filetypes())
    if Path(path).suffix[1:].lower() not in suffixes:
        raise InputError(f"{path} is no picture name: give one that ends in .{', .'.join(suffixes)}.")


def save(figure: Figure, folder: Path, name: str, suffixes: Sequence[str] = ("png", "pdf")) -> List[Path]:
    """Write a figure as NAME.png and NAME.pdf, or as one of the two."""
    paths = [folder / f"{name}.{suffix}" for suffix in suffixes]
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # laid out once, not again for each file
    for path in paths:
        metadata = {"CreationDate": None} if path.suffix == ".pdf" else {}  # the same input gives the same file
        with atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=150, metadata=metadata)
    return paths


def data_address(figure: Figure) -> str:
    """Figure as a JPEG in a data address, for a page that needs no other file."""
    file = io.BytesIO()
    figure.savefig(file, format="jpeg", dpi=110, pil_kwargs={"quality": 85})
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def _draw(
    axes: Axes,
    curves: Mapping[str, Score],
    counts: Mapping[str, str],
    scores: BenchmarkScore,
    plot: Plot,
    width: float,
    font: float,
) -> None:
    """Curves and their ranking, best first; `counts` is what the legend adds to a name."""
    grid, style = getattr(scores.protocol, plot.grid).values, styles(scores)
    ranked = sorted(curves.items(), key=lambda item: -getattr(item[1], plot.number))
    for rank, (name, score) in enumerate(ranked):
        axes.plot(
            grid,
            getattr(score, plot.curve),
            color=style[name].color,
            dashes=style[name].dashes or (None, None),
            linewidth=width,
            zorder=3 - rank / len(ranked),  # the best on top
            label=f"[{getattr(score, plot.number):.3f}] {plain(name)}{counts.get(name, '')}",
        )
    axes.set(xlim=(grid[0], grid[-1]), ylim=(0, 1))
    axes.grid(linestyle=":", color="#b0b0b0")
    axes.tick_params(labelsize=font)
    axes.legend(loc=plot.legend, fontsize=font if len(curves) <= 10 else 0.75 * font, handlelength=2.8, framealpha=0.85)


def _counts(scores: BenchmarkScore) -> dict[str, str]:
    """Number of sequences of the trackers that lack some: their means are over fewer."""
    total = len(sequences_of(scores))
    return {n: f" ({len(s.sequences)})" for n, s in scores.trackers.items() if len(s.sequences) != total}


def _sign(figure: Figure, text: str) -> None:
    """Small print in the lower right corner."""
    figure.text(0.995, 0.005, text, ha="right", va="bottom", fontsize=7, color="#606060")
