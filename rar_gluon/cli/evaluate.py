"""Run trackers over datasets, score and report: `rar eval`, `score`, `report`, `trax`."""

from __future__ import annotations

import argparse
import json

from rar_gluon.cli.benchmarks import (
    ALL,
    ONE_PASS,
    SUPERVISED,
    add_benchmarks,
    add_table_arguments,
    by_every_protocol,
    check_json,
    named_first,
    report_of,
    show_protocols,
    show_scores,
)
from rar_gluon.cli.options import (
    add_command,
    add_group,
    network_arguments,
    path,
    runtime_argument,
    scoring_arguments,
    weights_arguments,
)
from rar_gluon.common import InputError, output_folder, say, write_text
from rar_gluon.data.datasets import DATASETS, chosen_names


def add_eval(commands) -> None:
    """Add `rar eval`."""
    run = add_command(
        commands,
        "eval",
        eval_command,
        "run a tracker over a dataset",
        "rar eval --dataset otb2015 --root OTB --tracker rar_thin --output runs --workers 2",
    )
    run.add_argument("--dataset", required=True, choices=tuple(DATASETS), help="folder: any folder of sequences")
    run.add_argument("--root", required=True, type=path, metavar="DIR", help="where the dataset is")
    run.add_argument(
        "--tracker",
        required=True,
        metavar="NAME",
        help="a preset, a YAML file, a peer (opencv-kcf, gluoncv-siamrpn, ...), or yours: module:factory",
    )
    weights_arguments(run)
    runtime_argument(run)
    run.add_argument("--output", required=True, type=path, metavar="DIR", help="results go to DIR/TRACKER/SEQUENCE.txt")
    run.add_argument("--name", help="name of the result folder; default: the tracker's")
    run.add_argument(
        "--supervised", metavar="CHALLENGE", help="VOT's experiment with re-initialisation, of VOT2015 to VOT2019"
    )
    run.add_argument("--sequences", metavar="A,B,...", help="only these sequences; default: all")
    run.add_argument("--allow-missing", action="store_true", help="run the sequences that are there")
    run.add_argument("--workers", type=int, default=1, metavar="N", help="processes on this machine; default: 1")
    run.add_argument("--scheduler", metavar="ADDRESS", help="spread over the workers of this Dask scheduler")


def eval_command(arguments: argparse.Namespace) -> int:
    """Run a tracker over a dataset, resumably; a line x,y,w,h is written for each frame (or VOT's format)."""
    from rar_gluon.evaluation.evaluate import evaluate

    finished = evaluate(
        arguments.tracker,
        arguments.dataset,
        arguments.root,
        arguments.output,
        name=arguments.name,
        sequences=arguments.sequences,
        allow_missing=arguments.allow_missing,
        supervised=arguments.supervised,
        weights=arguments.weights,
        pretrained=arguments.pretrained,
        device=arguments.device,
        runtime=arguments.runtime,
        precision=arguments.precision,
        workers=arguments.workers,
        scheduler=arguments.scheduler,
    )
    failures = [result for result in finished if result.failure]
    frames, seconds = sum(r.frames for r in finished if not r.failure), sum(r.seconds for r in finished)
    if seconds:
        done = len(finished) - len(failures)
        print(f"{arguments.output}: {done} sequences, {frames} frames at {frames / seconds:.1f} frames/s")
    elif finished and not failures:
        print(f"{arguments.output}: all sequences are done already")
    for result in failures:
        say(f"rar: {result.name} failed: {result.failure}")
    return 1 if failures else 0


def add_score(commands) -> None:
    """Add `rar score`."""
    example = "rar score otb --results runs --annotations OTB --sequences otb2013"
    benchmarks = add_group(commands, "score", "benchmarks", "score results on a benchmark", example)
    otb = add_command(benchmarks, "otb", score_otb_command, "OTB-2013, TB-50, OTB-2015", example)
    otb.add_argument("--results", required=True, type=path, metavar="DIR", help="folder of TRACKER/SEQUENCE.txt")
    scoring_arguments(otb)
    add_table_arguments(otb)

    folder = add_command(
        benchmarks,
        "folder",
        score_folder_command,
        "any folder of sequences",
        "rar score folder --results runs --root sequences",
    )
    folder.add_argument("--results", required=True, type=path, metavar="DIR", help="folder of TRACKER/SEQUENCE.txt")
    folder.add_argument("--root", "--annotations", required=True, type=path, metavar="DIR", help="the sequences")
    folder.add_argument("--protocol", default="folder", help="folder (default), or one of OTB's")
    folder.add_argument("--sequences", metavar="A,B,...", help="only these sequences; default: all")
    folder.add_argument("--allow-missing", action="store_true", help="leave missing sequences out of the means")
    add_table_arguments(folder)
    folder.add_argument("--report", type=path, metavar="DIR", help="write tables, plots and a page there")

    vot = add_command(
        benchmarks,
        "vot",
        score_vot_command,
        "VOT supervised runs",
        "rar score vot --results runs --root VOT2018 --challenge VOT2018",
    )
    vot.add_argument("--results", required=True, type=path, metavar="DIR", help="folder of TRACKER/baseline/SEQUENCE/")
    vot.add_argument(
        "--root",
        "--annotations",
        required=True,
        type=path,
        metavar="PATH",
        help="VOT's folder (no images needed), or pysot's JSON file",
    )
    vot.add_argument("--sizes", type=path, metavar="FILE", help="a line NAME WIDTH HEIGHT each, where images are not")
    vot.add_argument("--sequences", metavar="A,B,...", help="only these sequences; default: all")
    vot.add_argument("--challenge", default="VOT2016", help="VOT2015 to VOT2019; default: VOT2016")
    vot.add_argument("--rules", default="matlab", help="matlab (default), pysot, exact or python-toolkit")
    vot.add_argument("--by-sequence", action="store_true", help="print the sequences too")
    vot.add_argument("--json", type=path, metavar="FILE", help="write everything")
    add_benchmarks(benchmarks)


def score_folder_command(arguments: argparse.Namespace) -> int:
    """Score every tracker of a folder of results on a folder of sequences: what `rar eval --dataset folder` ran."""
    from rar_gluon.evaluation.sequences import score_folder

    check_json(arguments, arguments.results, arguments.root)
    if arguments.report is not None:
        output_folder(arguments.report)
    scores = score_folder(
        arguments.results, arguments.root, arguments.sequences, arguments.protocol, arguments.allow_missing
    )
    if arguments.report is not None:
        from rar_gluon.report.folder import write_folder_report

        write_folder_report(scores, arguments.report)
        print(f"see {arguments.report / 'report.html'}")
    return show_scores(arguments, scores)


def score_otb_command(arguments: argparse.Namespace) -> int:
    """Score every tracker of a folder of results on OTB, under a named protocol."""
    from rar_gluon.evaluation.otb.protocol import protocol_names
    from rar_gluon.evaluation.otb.score import score_otb

    check_json(arguments, arguments.results, arguments.annotations)

    def by(protocol: str):
        files = (arguments.results, arguments.annotations)
        return score_otb(*files, protocol, arguments.sequences, arguments.allow_missing, arguments.attributes)

    if arguments.protocol == ALL:
        names = [name for name in protocol_names() if name != "folder"]
        return show_protocols(arguments, by_every_protocol(names, by))
    return show_scores(arguments, by(arguments.protocol))


def score_vot_command(arguments: argparse.Namespace) -> int:
    """Score supervised runs: accuracy, robustness and expected average overlap, under the rules of a toolkit."""
    from rar_gluon.evaluation.vot.annotations import read_annotations
    from rar_gluon.evaluation.vot.protocol import load_protocol
    from rar_gluon.evaluation.vot.score import format_scores, score_vot, scores_to_dict

    check_json(arguments, arguments.results, arguments.root, *filter(None, [arguments.sizes]))
    protocol = load_protocol(arguments.challenge, arguments.rules)
    names = None if arguments.sequences is None else chosen_names(arguments.sequences)
    scores = score_vot(arguments.results, read_annotations(arguments.root, arguments.sizes, names), protocol)
    if arguments.json is not None:
        write_text(arguments.json, json.dumps(scores_to_dict(scores, protocol), indent=1) + "\n")
    print(format_scores(scores, protocol, arguments.by_sequence))
    return 0


def add_results(commands) -> None:
    """Add `rar results`."""
    results = add_command(
        commands,
        "results",
        results_command,
        "write results as other toolkits lay them out",
        "rar results runs/rar_thin --layout got10k --benchmark OTB2015 --output results",
    )
    results.add_argument("trackers", nargs="+", type=path, metavar="DIR", help="folders of results, RUNS/TRACKER")
    results.add_argument("--layout", required=True, choices=("pysot", "got10k", "pytracking"), help="the toolkit")
    results.add_argument("--benchmark", required=True, metavar="NAME", help="the toolkit's name of it: OTB100, VOT2018")
    results.add_argument("--output", required=True, type=path, metavar="DIR", help="folder of results of the toolkit")


def results_command(arguments: argparse.Namespace) -> int:
    """Write results in the layout of pysot's or got10k's toolkit, which can then score them."""
    from rar_gluon.evaluation.layouts import write_layout

    names = [folder.resolve().name for folder in arguments.trackers]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"two folders are called {twice[0]}, and their files would mix: rename one.")
    for folder in arguments.trackers:
        written = write_layout(folder, arguments.output, arguments.layout, arguments.benchmark)
        print(f"{len(written)} files of {folder.resolve().name} in {arguments.output / arguments.benchmark}")
    return 0


def add_report(commands) -> None:
    """Add `rar report`."""
    report = add_command(
        commands,
        "report",
        report_command,
        "tables, plots and a page",
        "rar report folder runs --annotations SEQUENCES --output report",
    )
    report.add_argument(
        "results",
        nargs="*",
        type=path,
        metavar="[DATASET] DIR",
        help=f"folders of TRACKER/SEQUENCE.txt, after otb (default), folder, {', '.join((*ONE_PASS, *SUPERVISED))}",
    )
    report.add_argument(
        "--results", dest="more", action="append", default=[], type=path, metavar="DIR", help="the same"
    )
    scoring_arguments(report, every=False)
    report.set_defaults(protocol=None, sequences=None)  # each data set has its own
    report.add_argument("--output", required=True, type=path, metavar="DIR", help="the report goes here")
    report.add_argument(
        "--images", type=path, metavar="DIR", help="OTB with its frames: adds strips of frames with boxes"
    )
    report.add_argument("--tracker", metavar="NAME", help="whose failures are shown; default: the first")


def report_command(arguments: argparse.Namespace) -> int:
    """Make a report on results: tables beside published numbers, plots, an HTML page; on OTB, strips of frames too."""
    from rar_gluon.evaluation.otb.score import format_scores
    from rar_gluon.report.otb import make_report

    dataset, results = named_first([*arguments.results, *arguments.more])
    if dataset != "otb":
        return report_of(arguments, dataset, results)
    scores = make_report(
        results,
        arguments.annotations,
        arguments.output,
        protocol=arguments.protocol or "matlab",
        sequences=arguments.sequences or "otb2015",
        allow_missing=arguments.allow_missing,
        attributes=arguments.attributes,
        images=arguments.images,
        tracker=arguments.tracker,
    )
    print(format_scores(scores))
    print(f"see {arguments.output / 'report.html'}")
    return 0


def add_trax(commands) -> None:
    """Add `rar trax`."""
    trax = add_command(
        commands, "trax", trax_command, "serve the tracker to the VOT toolkit", "rar trax --tracker mine:Tracker"
    )
    trax.add_argument("--tracker", metavar="NAME", help="instead of --config: a peer, or yours, module:factory")
    network_arguments(trax)
    runtime_argument(trax)


def trax_command(arguments: argparse.Namespace) -> int:
    """Speak TraX on standard input and output, as the VOT toolkit expects (experiments/fig10)."""
    from rar_gluon.evaluation.trackers import runnable
    from rar_gluon.evaluation.vot.trax import serve

    name = arguments.tracker or arguments.config
    options = (arguments.weights, arguments.pretrained, arguments.device, arguments.runtime, arguments.precision)
    tracker = runnable(name, *options)
    serve(tracker.make, tracker.name)
    return 0
