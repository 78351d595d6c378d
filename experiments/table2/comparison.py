"""Table 2: what the paper prints of each tracker, what its raw results give again, and what was measured here."""

from __future__ import annotations

from typing import Dict, List, Mapping

from rar_gluon.data.otb import squeezed
from rar_gluon.evaluation.otb.score import BenchmarkScore
from rar_gluon.report.published import DOUBTFUL, Published, find_name, same_as
from rar_gluon.report.speed import Speed
from rar_gluon.report.tables import Cell, Column, Table

KEYS = ("otb2013_auc", "otb2013_dp", "otb2015_auc", "otb2015_dp")
HEADS = ("OTB-2013 AUC", "OTB-2013 DP", "OTB-2015 AUC", "OTB-2015 DP")


def comparison_table(
    scores: Mapping[str, BenchmarkScore], published: Published, speeds: Mapping[str, Speed | None]
) -> Table:
    """Trackers of Table 2 in its order, then those that were only measured, best first.

    Parameters
    ----------
    scores : of all trackers, by the name of the benchmark or set of sequences; all under one protocol.
    speeds : by tracker, of those that ran here.
    """
    protocol = next(iter(scores.values())).protocol.name
    recomputed = published.recomputed.get(protocol, {})
    measured = list(dict.fromkeys(name for part in scores.values() for name in part.trackers))
    rows: Dict[str, List[str]] = {printed: [] for printed in published.paper}  # measured trackers of each row
    alone = []
    for name in measured:
        printed = find_name(same_as(name)[0], published.paper)
        (alone if printed is None else rows[printed]).append(name)
    body = []
    for printed, names in rows.items():
        again = find_again(printed, recomputed)
        for name in names or [None]:
            body.append((_label(printed, name), *_cells(printed, again, name, scores, published, recomputed, speeds)))
    for name in alone:
        again = find_name(name, recomputed)
        body.append((name, *_cells(None, again, name, scores, published, recomputed, speeds)))
    columns = [Column("tracker")]
    columns += [Column(f"{source} {head}", ".3f") for source in ("paper", "recomputed") for head in HEADS]
    columns += [Column(f"{number}, {name}", ".3f") for name in scores for number in ("AUC", "DP")]
    columns += [Column("paper frames/s", "g"), Column("frames/s here", ".1f")]
    notes = [
        "paper: its Table 2, which names no protocol and no grid of thresholds.",
        f"recomputed: from the raw results that the trackers' authors published, protocol {protocol}.",
        *dict.fromkeys(same_as(name)[1] for name in (*measured, *recomputed) if same_as(name)[1]),
        *DOUBTFUL.values(),
        "frames/s here: of one process on this machine, reading of images not counted; the paper's are of its own.",
    ]
    return Table("table2", "Table 2", tuple(columns), tuple(body), {"protocol": protocol}, tuple(notes))


def find_again(printed: str, recomputed: Mapping[str, object]) -> str | None:
    """Name among recomputed trackers of the one that Table 2 prints, if there is one."""
    return next((name for name in recomputed if squeezed(same_as(name)[0]) == squeezed(printed)), None)


def _label(printed: str, measured: str | None) -> str:
    return printed if measured is None or squeezed(measured) == squeezed(printed) else f"{printed} ({measured})"


def _cells(printed, again, name, scores, published, recomputed, speeds) -> List[Cell]:
    """Cells of a row behind its label; `printed`, `again` and `name` are None where there is no such tracker."""
    paper, other = published.paper.get(printed, {}), recomputed.get(again, {})
    cells: List[Cell] = [paper.get(key) for key in KEYS] + [other.get(key) for key in KEYS]
    for part in scores.values():
        score = part.trackers.get(name)
        cells += [None, None] if score is None else [score.overall.auc, score.overall.dp]
    speed = speeds.get(name)
    return [*cells, paper.get("fps"), None if speed is None else speed.fps]
