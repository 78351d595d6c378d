"""The page of a report: one HTML file that holds its data, its pictures and the script that draws them."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Dict, Mapping, Sequence, Tuple

from matplotlib.figure import Figure

from rar_gluon.evaluation.otb.ope import Score
from rar_gluon.evaluation.otb.score import BenchmarkScore
from rar_gluon.report.plots import data_address, plots_of, styles
from rar_gluon.report.tables import Table, attribute_counts, sequences_of, to_json


def page(
    title: str,
    sentences: Sequence[str],
    scores: BenchmarkScore,
    tables: Sequence[Table],
    pictures: Sequence[Tuple[str, Figure]],
    notes: Sequence[str],
) -> str:
    """Fill the template `page.html`.

    Parameters
    ----------
    sentences : below the title.
    tables : those that do not follow the controls.
    pictures : caption and figure.
    notes : sentences for the end.
    """
    data = {
        **page_data(scores),
        "about": list(sentences),
        "tables": [to_json(table) for table in tables],
        "pictures": [{"caption": caption, "source": data_address(figure)} for caption, figure in pictures],
        "notes": list(notes),
    }
    template = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    text = json.dumps(data, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")  # no </script> in it
    # Two places to fill, and all else is JSON: jinja2 would make this no shorter.
    return template.replace("@TITLE@", html.escape(title)).replace("@DATA@", text)


def page_data(scores: BenchmarkScore) -> Dict:
    """JSON-able dict of what follows the controls: curves and numbers by group of sequences, numbers by sequence.

    A group is "all" or an attribute; numbers have every digit, curves five decimals.
    """
    counts = attribute_counts(scores)
    names = sequences_of(scores)
    groups = [{"key": "all", "label": f"all sequences ({len(names)})"}]
    groups += [
        {"key": key, "label": f"{key}: {scores.attribute_names[key]} ({count})"} for key, count in counts.items()
    ]
    trackers = []
    for (name, score), style in zip(scores.trackers.items(), styles(scores).values()):
        trackers.append(
            {
                "name": name,
                "color": style.color,
                "dashes": list(style.dashes),
                "groups": {
                    key: {"numbers": _of_score(value, scores), "curves": _curves(value, scores)}
                    for key, value in {"all": score.overall, **score.attributes}.items()
                },
                "sequences": {key: _of_score(value, scores) for key, value in score.sequences.items()},
            }
        )
    return {
        "protocol": {"name": scores.protocol.name, "source": scores.protocol.source},
        "numbers": dict(scores.numbers),
        "plots": [
            {
                **{"name": plot.name, "title": plot.title, "number": plot.number, "x": plot.x, "y": plot.y},
                "grid": _rounded(getattr(scores.protocol, plot.grid).values),
            }
            for plot in plots_of(scores)
        ],
        "groups": groups,
        "sequences": [{"name": name, "attributes": list(scores.carried[name])} for name in names],
        "trackers": trackers,
    }


def _of_score(score: Score, scores: BenchmarkScore) -> Mapping[str, float]:
    return {number: getattr(score, number) for number in scores.numbers}


def _curves(score: Score, scores: BenchmarkScore) -> Mapping[str, Sequence[float]]:
    return {plot.name: _rounded(getattr(score, plot.curve)) for plot in plots_of(scores)}


def _rounded(values) -> Sequence[float]:
    return [round(float(value), 5) for value in values]
