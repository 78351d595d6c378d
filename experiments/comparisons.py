"""Table 2 and the figures: our tracker, others that run here, and others' published boxes, on the same sequences."""

from __future__ import annotations

import argparse
import dataclasses
import functools
from pathlib import Path
from typing import Dict, List, Mapping, Tuple

import numpy as np
from sizes import HERE, evaluation_of, planned_frames, read_size, row_config, sequences_of

import rar_gluon  # before mxnet: sets its threads
from rar_gluon import config as configuration
from rar_gluon.cli import runnable
from rar_gluon.common import InputError
from rar_gluon.data import otb
from rar_gluon.data import vot as vot_dataset
from rar_gluon.data.sequence import Sequence, read_boxes
from rar_gluon.evaluation import runner, vot
from rar_gluon.evaluation.protocols import load_protocol
from rar_gluon.evaluation.results import read_results, tracker_folders
from rar_gluon.evaluation.score import BenchmarkScore, aligned, score_sequences
from rar_gluon.report.comparison import comparison_table
from rar_gluon.report.document import Pictures, to_text, write_document
from rar_gluon.report.published import read_published
from rar_gluon.report.speed import read_speed
from rar_gluon.report.tables import Table, attribute_table, failure_table

PROTOCOL = "matlab"
SHOWN = 3  # sequences in Figs. 1, 2 and 4
STEP = 10  # frames from the first to the one that Fig. 4 shows
CHALLENGES = {"VOT2016": "vot2016", "VOT2017": "vot2017"}  # of Fig. 10, and their folders

Made = Tuple[List[Table], Pictures]


def run_comparison(arguments: argparse.Namespace, title: str) -> int:
    """Make Table 2 or a figure; returns the exit status."""
    spec = read_size(arguments.size)["comparison"]
    if arguments.dry_run:
        print(plan_text(arguments, spec))
        return 0
    make = {
        "table2": make_table2,
        "fig1_2": make_features,
        "fig4": make_attention,
        "fig7": make_attributes,
        "fig8_9": make_strips,
        "fig10": make_eao,
    }[arguments.target]
    tables, pictures = make(arguments, spec)
    about = [about_size(arguments), f"Written by rar-gluon {rar_gluon.__version__}."]
    write_document(arguments.output, title, about, tables, pictures)
    print("\n\n".join([about[0], *map(to_text, tables), f"see {arguments.output / 'report.html'}"]))
    return 0


def about_size(arguments: argparse.Namespace) -> str:
    """Say what the numbers and pictures of a size are of."""
    if arguments.size == "full":
        return "Size full: the paper's network as run_table3.sh trained it, on the whole benchmark."
    where = {
        "quick": "short synthetic sequences and the demo's clips",
        "local": f"the sequences of {arguments.eval}",
    }
    return (
        f"Size {arguments.size}: rar_thin as it ships with the package, on {where[arguments.size]}. What is measured "
        "here is NOT comparable with the paper's numbers, which are of whole benchmarks and another network."
    )


def our_tracker(arguments: argparse.Namespace, spec: Mapping) -> Tuple[str, str, Path | None]:
    """Name, configuration and weights (None: those of the package) of our tracker."""
    if arguments.size != "full":
        return spec["tracker"], spec["tracker"], arguments.weights
    weights = arguments.weights or arguments.output.parent / "table3-full" / spec["tracker"] / "seed0/training/last.npz"
    if not weights.is_file():
        raise InputError(f"{weights} is not there: run experiments/run_table3.sh --size full, or give --weights FILE.")
    return "RAR", str(HERE / arguments.target / "config.yaml"), weights


def plan_text(arguments: argparse.Namespace, spec: Mapping) -> str:
    """What the target would cost; peers of OpenCV and what is drawn are small beside it."""
    from costs import dry_run

    full = arguments.size == "full"
    config = configuration.load(HERE / arguments.target / "config.yaml" if full else spec["tracker"])
    frames = planned_frames(arguments, spec["supervised" if arguments.target == "fig10" else "sequences"])
    if arguments.target in ("fig1_2", "fig4"):
        frames = SHOWN * (STEP + 1)
    head = f"{arguments.target}, size {arguments.size}: our tracker on {frames} frames; boxes that are there are kept"
    return f"{head}\n{dry_run({'RAR' if full else spec['tracker']: config}, frames, full, trains=False)}"


# --- trackers on sequences


def run_trackers(
    arguments: argparse.Namespace,
    spec: Mapping,
    sequences: List[Sequence],
    folder: Path,
    supervised: vot.VotProtocol | None = None,
) -> Dict[str, Path]:
    """Run our tracker and its peers where boxes are missing; folder of results of each, ours first."""
    ours, config, weights = our_tracker(arguments, spec)
    folders = {}
    for name, source in {ours: config, **{peer: peer for peer in spec["peers"]}}.items():
        make, record = runnable(source, weights if name == ours else None, device=arguments.devices[0])
        if arguments.workers == 1 and arguments.scheduler is None:
            make = functools.lru_cache(maxsize=1)(make)  # one network for all sequences
        folders[name] = folder / name
        finished = runner.run(
            make, sequences, folders[name], record, arguments.workers, arguments.scheduler, supervised
        )
        failures = [result for result in finished if result.failure]
        if failures:
            raise InputError(f"{name} on {failures[0].name}: {failures[0].failure}")
    return folders


def read_boxes_of(folder: Path, sequences: List[Sequence]) -> Dict[str, np.ndarray]:
    """Boxes by sequence, a box a frame, of a tracker that ran here."""
    return {sequence.name: read_boxes(folder / f"{sequence.name}.txt") for sequence in sequences}


def read_published_boxes(folder: Path, sequences: List[Sequence]) -> Dict[str, np.ndarray]:
    """Boxes by sequence, a box a frame, of raw results on OTB that others published; none of other sequences."""
    known = {sequence.name: sequence for sequence in sequences if sequence.name in otb.ENTRIES}
    results, _ = read_results(folder, list(known), allow_missing=True)
    found, protocol = {}, load_protocol(PROTOCOL)
    for name, boxes in results.items():
        entry, truth = otb.ENTRIES[name], known[name].boxes
        boxes, truth, _ = aligned(entry, boxes, (entry.last - len(truth) + 1, truth), protocol)
        if len(boxes) == len(truth) == len(known[name]):
            found[name] = boxes
    return found


class Measured:
    """Trackers on sequences: folders of results and boxes by tracker, scores by set of sequences."""

    def __init__(self, arguments: argparse.Namespace, spec: Mapping):
        self.sequences = sequences_of(evaluation_of(spec["sequences"], arguments))
        self.folders = run_trackers(arguments, spec, self.sequences, arguments.boxes)
        self.ours = next(iter(self.folders))
        others = {} if arguments.results is None else tracker_folders(arguments.results)
        twice = sorted(set(others) & set(self.folders))
        if twice:
            raise InputError(f"{arguments.results} holds {twice[0]}, which runs here too: leave one of them out.")
        boxes = {name: read_boxes_of(path, self.sequences) for name, path in self.folders.items()}
        boxes.update({name: read_published_boxes(path, self.sequences) for name, path in others.items()})
        self.boxes = {name: found for name, found in boxes.items() if found}
        sets = {f"{len(self.sequences)} sequences": self.sequences}
        if arguments.size == "full":
            first = set(otb.sequence_names("otb2013"))
            sets = {"OTB-2013": [s for s in self.sequences if s.name in first], "OTB-2015": self.sequences}
        protocol = load_protocol(PROTOCOL)
        self.scores = {name: score_sequences(self.boxes, part, name, protocol) for name, part in sets.items()}

    @property
    def whole(self) -> BenchmarkScore:
        """Scores on all sequences."""
        return list(self.scores.values())[-1]

    def video(self, name: str) -> Tuple[Sequence, int]:
        """A sequence, and the number of its first image: 0, as `sequence_tracks` counts."""
        return next(sequence for sequence in self.sequences if sequence.name == name), 0


# --- the table and the figures


def make_table2(arguments: argparse.Namespace, spec: Mapping) -> Made:
    """Published, recomputed, measured."""
    measured = Measured(arguments, spec)
    names = [sequence.name for sequence in measured.sequences]
    speeds = {name: read_speed(folder, names) for name, folder in measured.folders.items()}
    return [comparison_table(measured.scores, read_published(HERE / "published"), speeds)], {}


def make_attributes(arguments: argparse.Namespace, spec: Mapping) -> Made:
    """Fig. 7: success and precision by attribute."""
    from rar_gluon.report.plots import PLOTS, attribute_figure

    scores = Measured(arguments, spec).whole
    captions = {"auc": "Success by attribute, AUC in brackets.", "dp": "Precision by attribute, DP@20 in brackets."}
    if scores.attribute_list == "boxes":
        captions = {key: f"{text} The attributes are those that boxes decide." for key, text in captions.items()}
    plots = [plot for plot in PLOTS if plot.number in captions]
    figures = {
        f"attributes_{p.name}": (captions[p.number], attribute_figure(scores, p, scores.benchmark)) for p in plots
    }
    return [attribute_table(scores, number) for number in captions], figures


def make_strips(arguments: argparse.Namespace, spec: Mapping) -> Made:
    """Figs. 8 and 9: the trackers' boxes where they differ most, and ours where it is worst."""
    from rar_gluon.report.strips import comparison_picture, failure_picture
    from rar_gluon.report.tracks import sequence_tracks

    measured = Measured(arguments, spec)
    scores, ours, names = measured.whole, measured.ours, [sequence.name for sequence in measured.sequences]
    tracks = {
        name: sequence_tracks(boxes, measured.sequences, scores.protocol) for name, boxes in measured.boxes.items()
    }
    pictures = {
        "fig8": comparison_picture(scores, tracks, ours, measured.video, names),
        "fig9": failure_picture(scores, tracks[ours], ours, measured.video, names),
    }
    return [failure_table(scores, ours, tracks[ours])], pictures


def make_eao(arguments: argparse.Namespace, spec: Mapping) -> Made:
    """Fig. 10: VOT's supervised experiment, ranked by expected average overlap."""
    from rar_gluon.report.eao import eao_figure, eao_table, read_eao

    tables, pictures = [], {}
    for challenge, name in CHALLENGES.items():
        protocol = vot.load_protocol(challenge)
        if arguments.size == "full":
            if not (arguments.vot / name).is_dir():
                continue
            sequences, where = vot_dataset.load(arguments.vot / name), challenge
        else:
            sequences = sequences_of(evaluation_of(spec["supervised"], arguments))
            where = f"{len(sequences)} sequences, rules of {challenge}"
            protocol = dataclasses.replace(protocol, repetitions=spec["repetitions"])
        folder = arguments.boxes / "supervised" / (name if arguments.size == "full" else "")
        folders = run_trackers(arguments, spec, sequences, folder, protocol)
        scores = {
            tracker: vot.score_vot(path, sequences, protocol)[path.resolve().name] for tracker, path in folders.items()
        }
        published = read_eao(HERE / "published" / "vot_eao.csv", challenge)
        table = eao_table(scores, published, protocol, where)
        tables.append(dataclasses.replace(table, name=f"eao_{name}"))
        caption = f"{where}. Dashed: the paper's values, on the whole of {challenge}."
        pictures[f"eao_{name}"] = (caption, eao_figure(scores, published, where))
    if not tables:
        raise InputError(f"{arguments.vot} holds neither {' nor '.join(CHALLENGES.values())}: put VOT's folders there.")
    return tables, pictures


def make_features(arguments: argparse.Namespace, spec: Mapping) -> Made:
    """Figs. 1 and 2: features of a pretrained backbone on first frames."""
    from rar_gluon.net.weights import BACKBONE, load_gluoncv, load_network
    from rar_gluon.report.features import feature_figure
    from rar_gluon.tracking import geometry
    from rar_gluon.tracking.video import to_bgr8

    size = read_size(arguments.size)
    config = row_config(HERE / arguments.target / "config.yaml", size["config"], 0)
    net = load_gluoncv(config) if size["start"] == "gluoncv" else load_network(config, BACKBONE)
    settings, patches = config.tracking, {}
    for sequence in chosen(arguments, spec):
        window = geometry.window_of(sequence.pixel_boxes[0], settings.padding, settings.window)
        patches[sequence.name] = geometry.crop(to_bgr8(next(iter(sequence.frames))), window, settings.input_size)
    caption = (
        "Search windows of first frames; for each level the mean magnitude over channels (Fig. 1), and some channels, "
        "drawn at random (seed 0), each stretched from its least to its greatest value (Fig. 2). The backbone is as "
        "pretrained on ImageNet."
    )
    return [], {"features": (caption, feature_figure(net, patches))}


def make_attention(arguments: argparse.Namespace, spec: Mapping) -> Made:
    """Fig. 4: attention maps and response on a frame, as `rar show attention` draws them."""
    from rar_gluon.cli import build_tracker
    from rar_gluon.report.attention import attention_figure

    _, source, weights = our_tracker(arguments, spec)
    tracker = build_tracker(configuration.load(source), weights, device=arguments.devices[0])
    pictures = {}
    for sequence in chosen(arguments, spec):
        frames = [frame for _, frame in zip(range(STEP + 1), sequence.frames)]
        figure = attention_figure(tracker, frames, sequence.pixel_boxes[0])
        caption = (
            f"{sequence.name}: features before (φ) and after (φᵃ) attention, spatial attention (Ψˢ), and response."
        )
        pictures[sequence.name] = (caption, figure)
    return [], pictures


def chosen(arguments: argparse.Namespace, spec: Mapping) -> List[Sequence]:
    """Sequences whose frames are shown: clips of real video first, and only with a box in the first frame."""
    sequences = sequences_of(evaluation_of(spec["sequences"], arguments))
    shown = [s for s in sequences if np.isfinite(s.boxes[0]).all() and len(s) > STEP]
    if not shown:
        raise InputError(f"no sequence has a box in its first frame and more than {STEP} frames: give others.")
    return sorted(shown, key=lambda s: s.name.startswith("synthetic"))[:SHOWN]
