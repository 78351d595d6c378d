"""The report of one-pass evaluations on OTB: `rar report DIR... --output report`."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Dict, Mapping, Sequence, Tuple, Union

from matplotlib.figure import Figure

from rar_gluon import __version__
from rar_gluon.common import InputError, output_folder
from rar_gluon.data import otb
from rar_gluon.data.sequence import Sequence as Video
from rar_gluon.evaluation.otb.results import tracker_folders
from rar_gluon.evaluation.otb.score import BenchmarkScore, score_otb
from rar_gluon.report.document import image, write_report
from rar_gluon.report.page import page
from rar_gluon.report.plots import PLOTS, attribute_figure, curve_figure
from rar_gluon.report.published import read_published
from rar_gluon.report.speed import read_speed
from rar_gluon.report.strips import comparison_picture, failure_picture
from rar_gluon.report.tables import (
    BENCHMARKS,
    attribute_table,
    decisions,
    failure_table,
    filled,
    list_name,
    score_table,
    sequence_table,
    sequences_of,
    speed_table,
    to_markdown,
)
from rar_gluon.report.tracks import Track, read_tracks

Names = Union[str, os.PathLike, Sequence[str]]


def make_report(
    results: Sequence[str | os.PathLike],
    annotations: str | os.PathLike,
    output: str | os.PathLike,
    protocol: str = "matlab",
    sequences: Names = "otb2015",
    allow_missing: bool = False,
    attributes: str = "matlab",
    images: str | os.PathLike | None = None,
    published: str | os.PathLike | None = None,
    tracker: str | None = None,
    strips: Sequence[str] | None = None,
) -> BenchmarkScore:
    """Score trackers and write report.html, report.md, tables (CSV) and plots (PNG, PDF) into `output`.

    Parameters
    ----------
    results : folders of TRACKER/SEQUENCE.txt, or trackers' folders of SEQUENCE.txt.
    annotations, protocol, sequences, allow_missing, attributes : as of `score_otb`.
    images : OTB root, for the pictures of frames; without it there are none.
    published : folder of table2.csv and recomputed_otb.csv; None: the package's own, `published.LITERATURE`.
    tracker : whose failures are shown; None: the first of the first folder.
    strips : sequences that the trackers are compared on in pictures; None: those of the paper's Fig. 8 that are
        there, then those where the trackers' AUC differ most.

    Returns
    -------
    The scores, best AUC first.

    Raises
    ------
    InputError
        When something is missing, cannot be read, or is refused by the protocol; nothing is written then.
    """
    output = output_folder(output)
    folders = _folders(results)
    names = otb.sequence_names(sequences)
    scores = _score(results, annotations, protocol, names, allow_missing, attributes)
    tracker = next(iter(folders)) if tracker is None else tracker
    if tracker not in folders:
        raise InputError(f"'{tracker}' is none of the trackers: choose one of {', '.join(folders)}.")
    known = read_published(published)
    truth = otb.read_truth(annotations, sequences_of(scores), allow_missing)
    tracks = {
        name: read_tracks(folders[name], truth, list(score.sequences), scores.protocol)
        for name, score in scores.trackers.items()
    }
    speeds = {name: read_speed(folders[name], sequences_of(scores)) for name in scores.trackers}

    label = BENCHMARKS.get(list_name(names), "OTB-2015 subset")
    plots = {plot.name: curve_figure(scores, plot, label) for plot in PLOTS}
    plots.update({f"attributes_{plot.name}": attribute_figure(scores, plot, label) for plot in PLOTS})
    pictures, notes = {}, ["No pictures of frames: the folder of OTB's images was not given."]
    if images is not None:
        pictures, notes = _pictures(scores, tracks, tracker, Path(images), strips), []
    main = filled(score_table(scores, names, known))
    failures = failure_table(scores, tracker, tracks[tracker])
    speed = filled(speed_table(speeds, known))
    by_attribute = [attribute_table(scores, number) for number in ("auc", "dp")]
    by_sequence = [filled(sequence_table(scores, number)) for number in ("auc", "dp")]
    notes += decisions(scores)
    title = f"One-pass evaluation on {label} ({len(sequences_of(scores))} sequences)"
    sentences = [
        f"Every number measured here is under protocol '{scores.protocol.name}': {scores.protocol.source}.",
        f"Attributes are those of the {attributes} list. Written by rar-gluon {__version__}.",
    ]

    parts = [
        *(f"# {title}", *sentences, "## Scores", image("success"), image("precision"), image("norm_precision")),
        *(to_markdown(main), "## Attributes", *map(to_markdown, by_attribute)),
        *(image(name) for name in plots if name.startswith("attributes_")),
        *("## Speed", to_markdown(speed), "## Failures", to_markdown(failures)),
        *(part for name, (caption, _) in pictures.items() for part in (image(name), caption)),
        *("## Sequences", *map(to_markdown, by_sequence)),
        *(("## Notes", "\n".join(f"* {note}" for note in notes)) if notes else ()),
    ]
    tables = (main, *by_attribute, *by_sequence, speed, failures)
    figures = {**plots, **{name: figure for name, (_, figure) in pictures.items()}}
    text = page(title, sentences, scores, (main, speed, failures), tuple(pictures.values()), notes)
    write_report(output, tables, figures, parts, text)
    return scores


def _folders(results: Sequence[str | os.PathLike]) -> Dict[str, Path]:
    """Folder of each tracker of several folders of results."""
    folders: Dict[str, Path] = {}
    for part in results:
        for name, folder in tracker_folders(part).items():
            if name in folders:
                raise InputError(f"{folders[name]} and {folder} are both of '{name}': rename one of them.")
            folders[name] = folder
    if not folders:
        raise InputError("a report needs a folder of results.")
    return folders


def _score(
    results: Sequence[str | os.PathLike], annotations, protocol: str, names: Sequence[str], allow_missing, attributes
) -> BenchmarkScore:
    """Scores of all folders of results in one, best AUC first."""
    parts = [score_otb(part, annotations, protocol, names, allow_missing, attributes) for part in results]
    trackers = {name: score for part in parts for name, score in part.trackers.items()}
    ranked = dict(sorted(trackers.items(), key=lambda item: -item[1].overall.auc))
    carried = {name: attributes for part in parts for name, attributes in part.carried.items()}
    ordered = {name: carried[name] for name in otb.ENTRIES if name in carried}
    return dataclasses.replace(parts[0], trackers=ranked, carried=ordered)


def _pictures(
    scores: BenchmarkScore,
    tracks: Mapping[str, Mapping[str, Track]],
    tracker: str,
    images: Path,
    strips: Sequence[str] | None,
) -> Dict[str, Tuple[str, Figure]]:
    """Caption and figure of the comparison (Fig. 8) and of a tracker's failures (Fig. 9), by name."""
    present = [name for name in sequences_of(scores) if (images / otb.ENTRIES[name].folder / "img").is_dir()]
    if not present:
        raise InputError(f"{images} holds the images of none of the scored sequences: give the root of OTB.")
    compared = None if strips is None else otb.sequence_names(strips)
    absent = [name for name in compared or () if name not in present]
    if absent:
        raise InputError(f"{', '.join(absent)} is not scored or not among the images of {images}.")

    def video(name: str) -> Tuple[Video, int]:
        return otb.load_sequence(images, name), otb.ENTRIES[name].first

    return {
        "strips": comparison_picture(scores, tracks, tracker, video, present, compared),
        "failures": failure_picture(scores, tracks[tracker], tracker, video, present),
    }
