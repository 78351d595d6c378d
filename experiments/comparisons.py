"""Table 2 and the figures: our tracker, others that run here, and others' published boxes, on the same sequences."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Mapping, Tuple

import numpy as np

import rar_gluon  # before mxnet: sets its threads
from rar_gluon import config as configuration
from rar_gluon.common import InputError, read_json, write_text
from rar_gluon.data import otb
from rar_gluon.data import vot as vot_dataset
from rar_gluon.data.sequence import Sequence, read_boxes
from rar_gluon.evaluation import runner
from rar_gluon.evaluation.otb.ope import fitted
from rar_gluon.evaluation.otb.protocol import load_protocol
from rar_gluon.evaluation.otb.results import tracker_folders
from rar_gluon.evaluation.otb.score import BenchmarkScore
from rar_gluon.evaluation.sequences import is_otb, protocol_of, score_sequences
from rar_gluon.evaluation.trackers import build_tracker, runnable
from rar_gluon.evaluation.vot.annotations import annotation_of
from rar_gluon.evaluation.vot.protocol import VotProtocol
from rar_gluon.evaluation.vot.protocol import load_protocol as load_vot_protocol
from rar_gluon.evaluation.vot.score import score_vot
from rar_gluon.net.device import find_device
from rar_gluon.report.attention import STEP, attention_figure
from rar_gluon.report.comparison import comparison_table
from rar_gluon.report.document import Pictures, to_text, write_document
from rar_gluon.report.published import LITERATURE, read_published
from rar_gluon.report.speed import read_speed
from rar_gluon.report.tables import Table, attribute_table, failure_table
from sizes import HERE, changes, evaluation_of, planned_frames, read_size, row_config, sequences_of

SHOWN = 3  # sequences in Figs. 1, 2 and 4
VOT_FRAMES = 42811  # of VOT-2016 and VOT-2017
CHALLENGES = {"VOT2016": "vot2016", "VOT2017": "vot2017"}  # of Fig. 10, and their folders


@dataclass(frozen=True)
class Made:
    """What a target is made of: tables, pictures, sentences for below them; and whether a tracker failed."""

    tables: List[Table]
    pictures: Pictures
    notes: List[str] = field(default_factory=list)
    failed: bool = False


def run_comparison(arguments: argparse.Namespace, title: str) -> int:
    """Make Table 2 or a figure; returns the exit status, 1 when a tracker failed on a sequence."""
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
    made = make(arguments, spec)
    about = [about_size(arguments), *changes(arguments), f"Written by rar-gluon {rar_gluon.__version__}.", *made.notes]
    write_document(arguments.output, title, about, made.tables, made.pictures)
    page = os.path.relpath(arguments.output / "report.html")
    print("\n\n".join([about[0], *map(to_text, made.tables), *made.notes, f"see {page}"]))
    return 1 if made.failed else 0


def about_size(arguments: argparse.Namespace) -> str:
    """Say what the numbers and pictures of a size are of."""
    full = arguments.size == "full"
    if arguments.target == "fig1_2":
        seen = "the backbone as pretrained on ImageNet"
    elif arguments.weights is not None:
        seen = "our tracker with the weights that were given"
    else:
        seen = "row 13 as run_table3.sh trained it" if full else "rar_thin as shipped"
    if full:
        return f"Size full: {seen}."
    where = "short synthetic sequences"
    if arguments.size == "local":
        where = f"the sequences of the folder {arguments.eval.resolve().name}"
    elif arguments.target != "fig10":
        where += " and the demo's clips"
    return (
        f"Size {arguments.size}: {seen}, on {where}. What is measured here is NOT comparable with the paper's numbers, "
        "which are of whole benchmarks and another network."
    )


def our_tracker(arguments: argparse.Namespace, spec: Mapping) -> Tuple[str, str, Path | None]:
    """Name, configuration and weights (None: those of the package) of our tracker."""
    full, weights = arguments.size == "full", arguments.weights
    if full and weights is None:
        weights = arguments.output.parent / "table3-full" / spec["tracker"] / "seed0" / "training" / "last.npz"
    if weights is not None and not weights.is_file():
        hint = "run experiments/run_table3.sh --size full, or give --weights FILE" if full else "give a file of weights"
        raise InputError(f"{weights} is not there: {hint}.")
    if full:
        return "RAR", str(HERE / arguments.target / "config.yaml"), weights
    return spec["tracker"], spec["tracker"], weights


def plan_text(arguments: argparse.Namespace, spec: Mapping) -> str:
    """What the target would cost; peers of OpenCV and what is drawn are small beside it."""
    from costs import dry_run

    if arguments.target == "fig1_2":
        return f"fig1_2, size {arguments.size}: {SHOWN} windows are seen by the pretrained backbone: seconds."
    full, repetitions = arguments.size == "full", 1
    config = configuration.load(HERE / arguments.target / "config.yaml" if full else spec["tracker"])
    if arguments.target == "fig4":
        frames = SHOWN * (STEP + 1)
    elif arguments.target == "fig10" and full:
        frames, repetitions = VOT_FRAMES, load_vot_protocol().deterministic_after
    else:
        frames = planned_frames(arguments, spec["supervised" if arguments.target == "fig10" else "sequences"])
    head = f"{arguments.target}, size {arguments.size}: our tracker on {frames} frames, {repetitions} times"
    named = {"RAR" if full else spec["tracker"]: config}
    return f"{head}; boxes that are there are kept\n{dry_run(named, frames * repetitions, full, trains=False)}"


# --- trackers on sequences


def run_trackers(
    arguments: argparse.Namespace,
    spec: Mapping,
    sequences: List[Sequence],
    folder: Path,
    supervised: VotProtocol | None = None,
) -> Tuple[Dict[str, Path], List[str]]:
    """Run our tracker and its peers where results are missing.

    Returns the folder of results of each, ours first, and a sentence on each sequence that one failed on.
    """
    ours, config, weights = our_tracker(arguments, spec)
    folders, failed = {}, []
    for name, source in {ours: config, **{peer: peer for peer in spec["peers"]}}.items():
        tracker = runnable(source, weights if name == ours else None, device=arguments.devices[0])
        folders[name] = folder / name
        finished = runner.run(
            tracker.make,
            sequences,
            folders[name],
            tracker.record(),
            arguments.workers,
            arguments.scheduler,
            supervised,
        )
        failed += [f"{name} failed on {result.name}: {result.reason}" for result in finished if result.failure]
    return folders, failed


def keep_evaluation(folder: Path, evaluation: Mapping) -> None:
    """Write what the boxes of a folder are of, or check that those that are there are of the same."""
    path = folder / "evaluation.json"
    if not path.is_file():
        write_text(path, json.dumps(evaluation, indent=1) + "\n")
    elif read_json(path) != evaluation:
        raise InputError(f"{folder} holds boxes of other sequences or frames: give another --boxes, or remove it.")


def read_boxes_of(folder: Path, sequences: List[Sequence]) -> Dict[str, np.ndarray]:
    """Boxes by sequence, a box a frame, of a tracker that ran here; without those that it failed on."""
    files = {sequence.name: folder / f"{sequence.name}.txt" for sequence in sequences}
    return {name: read_boxes(path) for name, path in files.items() if path.is_file()}


def first_image(sequence: Sequence) -> int:
    """Number of a sequence's first image: OTB's where it is OTB's, else 0."""
    if not is_otb(sequence):
        return 0
    entry = otb.ENTRIES[sequence.name]
    return entry.first + entry.initial_omit  # sequences are loaded without omitted frames


def read_published_boxes(folder: Path, sequences: List[Sequence]) -> Dict[str, np.ndarray]:
    """Boxes by sequence, a box a frame, of raw results on OTB that others published; none of other sequences."""
    known = {sequence.name: sequence for sequence in sequences if is_otb(sequence)}
    files = otb.match_files(folder.glob("*.txt"), known)
    found, protocol = {}, load_protocol("matlab")
    for name, path in files.items():
        sequence, entry = known[name], otb.ENTRIES[name]
        boxes = read_boxes(path)
        start = first_image(sequence) - (otb.first_row(entry, len(boxes)) or first_image(sequence))
        found[name], _ = fitted(boxes[max(start, 0) :][: len(sequence)], sequence.boxes, protocol)
    return found


class Measured:
    """Trackers on sequences: folders of results and boxes by tracker, scores by set of sequences."""

    def __init__(self, arguments: argparse.Namespace, spec: Mapping):
        evaluation = evaluation_of(spec["sequences"], arguments)
        self.sequences = sequences_of(evaluation)
        others = {} if arguments.results is None else tracker_folders(arguments.results)
        twice = sorted(set(others) & {our_tracker(arguments, spec)[0], *spec["peers"]})
        if twice:
            raise InputError(f"{arguments.results} holds {twice[0]}, which runs here too: leave one of them out.")
        published = {name: read_published_boxes(path, self.sequences) for name, path in others.items()}
        keep_evaluation(arguments.boxes, evaluation)
        self.folders, self.failed = run_trackers(arguments, spec, self.sequences, arguments.boxes)
        self.ours = next(iter(self.folders))
        boxes = {name: read_boxes_of(path, self.sequences) for name, path in self.folders.items()}
        boxes.update(published)
        self.boxes = {name: found for name, found in boxes.items() if found}
        if self.ours not in self.boxes:
            raise InputError(f"{self.ours} failed on every sequence; {self.failed[0]}")
        count = len(self.sequences)
        self.notes = self.failed + [
            f"{name} has results of {len(found)} of the {count} sequences: "
            + ("its numbers are of these alone." if found else "it is left out.")
            for name, found in boxes.items()
            if len(found) < count
        ]
        sets = {f"{len(self.sequences)} sequences": self.sequences}
        if arguments.size == "full":
            first = set(otb.sequence_names("otb2013"))
            sets = {"OTB-2013": [s for s in self.sequences if s.name in first], "OTB-2015": self.sequences}
        protocol = protocol_of(self.sequences)
        self.scores = {name: score_sequences(self.boxes, part, name, protocol) for name, part in sets.items()}

    @property
    def whole(self) -> BenchmarkScore:
        """Scores on all sequences."""
        return list(self.scores.values())[-1]

    def video(self, name: str) -> Tuple[Sequence, int]:
        """A sequence, and the number of its first image."""
        sequence = next(sequence for sequence in self.sequences if sequence.name == name)
        return sequence, first_image(sequence)

    def made(self, tables: List[Table], pictures: Pictures) -> Made:
        """These tables and pictures, with what is to be said of the trackers."""
        return Made(tables, pictures, self.notes, bool(self.failed))


# --- the table and the figures


def make_table2(arguments: argparse.Namespace, spec: Mapping) -> Made:
    """Published, recomputed, measured."""
    measured = Measured(arguments, spec)
    names = [sequence.name for sequence in measured.sequences]
    speeds = {name: read_speed(folder, names) for name, folder in measured.folders.items()}
    return measured.made([comparison_table(measured.scores, read_published(), speeds)], {})


def make_attributes(arguments: argparse.Namespace, spec: Mapping) -> Made:
    """Fig. 7: success and precision by attribute."""
    from rar_gluon.report.plots import PLOTS, attribute_figure

    measured = Measured(arguments, spec)
    scores = measured.whole
    captions = {"auc": "Success by attribute, AUC in brackets.", "dp": "Precision by attribute, DP@20 in brackets."}
    if scores.attribute_list == "boxes":
        captions = {key: f"{text} The attributes are those that boxes decide." for key, text in captions.items()}
    plots = [plot for plot in PLOTS if plot.number in captions]
    figures = {
        f"attributes_{p.name}": (captions[p.number], attribute_figure(scores, p, scores.benchmark)) for p in plots
    }
    return measured.made([attribute_table(scores, number) for number in captions], figures)


def make_strips(arguments: argparse.Namespace, spec: Mapping) -> Made:
    """Figs. 8 and 9: the trackers' boxes where they differ most, and ours where it is worst."""
    from rar_gluon.report.strips import comparison_picture, failure_picture
    from rar_gluon.report.tracks import sequence_tracks

    measured = Measured(arguments, spec)
    scores, ours, names = measured.whole, measured.ours, list(measured.whole.carried)
    firsts = {sequence.name: first_image(sequence) for sequence in measured.sequences}
    tracks = {
        name: sequence_tracks(boxes, measured.sequences, firsts, scores.protocol)
        for name, boxes in measured.boxes.items()
    }
    pictures = {
        "fig8": comparison_picture(scores, tracks, ours, measured.video, names),
        "fig9": failure_picture(scores, tracks[ours], ours, measured.video, names),
    }
    return measured.made([failure_table(scores, ours, tracks[ours])], pictures)


def make_eao(arguments: argparse.Namespace, spec: Mapping) -> Made:
    """Fig. 10: VOT's supervised experiment, ranked by expected average overlap."""
    from rar_gluon.report.eao import eao_figure, eao_table, read_eao

    tables, pictures = [], {}
    for challenge, (sequences, folders) in supervised_runs(arguments, spec).items():
        protocol, name = load_vot_protocol(challenge), CHALLENGES[challenge]
        where = challenge if arguments.size == "full" else f"{len(sequences)} sequences, rules of {challenge}"
        truths = [annotation_of(sequence) for sequence in sequences]
        scores = {tracker: score_vot(path, truths, protocol)[path.name] for tracker, path in folders.items()}
        published = read_eao(LITERATURE / "vot_eao.csv", challenge)
        table = eao_table(scores, published, protocol, where)
        tables.append(dataclasses.replace(table, name=f"eao_{name}"))
        caption = f"{where}. Dashed: the paper's values, on the whole of {challenge}."
        pictures[f"eao_{name}"] = (caption, eao_figure(scores, published, where))
    return Made(tables, pictures)


def supervised_runs(arguments: argparse.Namespace, spec: Mapping) -> Dict[str, Tuple[List[Sequence], Dict[str, Path]]]:
    """Run the trackers supervised; sequences and folders of results by challenge.

    At size full each challenge has its sequences; else both rank one run on the same ones, since they differ in the
    interval of EAO only.
    """

    def run(sequences: List[Sequence], folder: Path, protocol: VotProtocol) -> Tuple[List[Sequence], Dict[str, Path]]:
        folders, failed = run_trackers(arguments, spec, sequences, folder, protocol)
        if failed:
            raise InputError(f"EAO needs every sequence, but {failed[0]}")
        return sequences, folders

    folder = arguments.boxes / "supervised"
    if arguments.size != "full":
        evaluation = evaluation_of(spec["supervised"], arguments)
        sequences = sequences_of(evaluation)
        keep_evaluation(folder, evaluation)
        protocol = dataclasses.replace(load_vot_protocol(), repetitions=spec["repetitions"])
        return dict.fromkeys(CHALLENGES, run(sequences, folder, protocol))
    roots = {challenge: arguments.vot / name for challenge, name in CHALLENGES.items()}
    present = {challenge: root for challenge, root in roots.items() if root.is_dir()}
    if not present:
        raise InputError(f"{arguments.vot} holds neither {' nor '.join(CHALLENGES.values())}: put VOT's folders there.")
    return {
        challenge: run(vot_dataset.load(root), folder / root.name, load_vot_protocol(challenge))
        for challenge, root in present.items()
    }


def make_features(arguments: argparse.Namespace, spec: Mapping) -> Made:
    """Figs. 1 and 2: features of a pretrained backbone on first frames."""
    from rar_gluon.data.frames import to_bgr8
    from rar_gluon.net.weights import BACKBONE, load_gluoncv, load_network
    from rar_gluon.report.features import feature_figure
    from rar_gluon.tracking import geometry

    size = read_size(arguments.size)
    config = row_config(HERE / arguments.target / "config.yaml", size["config"], 0)
    ctx = find_device(arguments.devices[0])
    net = load_gluoncv(config, ctx) if size["start"] == "gluoncv" else load_network(config, BACKBONE, ctx)
    settings, patches = config.tracking, {}
    for sequence in chosen(arguments, spec):
        window = geometry.window_of(sequence.pixel_boxes[0], settings.padding, settings.window)
        patches[sequence.name] = geometry.crop(to_bgr8(next(iter(sequence.frames))), window, settings.input_size)
    caption = (
        "Search windows of first frames; for each level the mean magnitude over channels (Fig. 1), and some channels, "
        "drawn at random (seed 0), each stretched from its least to its greatest value (Fig. 2). The backbone is as "
        "pretrained on ImageNet."
    )
    return Made([], {"features": (caption, feature_figure(net, patches))})


def make_attention(arguments: argparse.Namespace, spec: Mapping) -> Made:
    """Fig. 4: attention maps and response on a frame, as `rar show attention` draws them."""
    _, source, weights = our_tracker(arguments, spec)
    tracker = build_tracker(configuration.load(source), weights, device=arguments.devices[0])
    pictures = {}
    for sequence in chosen(arguments, spec):
        frames = [frame for _, frame in zip(range(STEP + 1), sequence.frames)]
        figure = attention_figure(tracker, frames, sequence.pixel_boxes[0])
        caption = f"{sequence.name}: response; φ, inter-frame hˢ, intra-frame Ψˢ and φᵃ of each level (Eq. 4, 6, 7)."
        pictures[sequence.name] = (caption, figure)
    return Made([], pictures)


def chosen(arguments: argparse.Namespace, spec: Mapping) -> List[Sequence]:
    """Sequences whose frames are shown: clips of real video first, and only with a box in the first frame."""
    sequences = sequences_of(evaluation_of(spec["sequences"], arguments))
    shown = [s for s in sequences if np.isfinite(s.boxes[0]).all() and len(s) > STEP]
    if not shown:
        raise InputError(f"no sequence has a box in its first frame and more than {STEP} frames: give others.")
    return sorted(shown, key=lambda s: s.name.startswith("synthetic"))[:SHOWN]
