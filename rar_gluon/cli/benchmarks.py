"""Score results on the benchmarks beside OTB: `rar score lasot`, `got10k`, `uav123`, ..., `vot2018`, `vot2019`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Callable, Dict, List, Tuple

from rar_gluon.cli.options import add_command, path
from rar_gluon.common import InputError, check_outputs, output_folder, output_path, write_text

ALL = "all"  # as --protocol: every one of the benchmark
ONE_PASS = {
    "lasot": "LaSOT's 280 sequences for testing",
    "got10k": "GOT-10k, validation",
    "uav123": "UAV123",
    "uav20l": "UAV20L",
    "nfs30": "NfS at 30 frames a second",
    "nfs240": "NfS at 240 frames a second",
    "tc128": "TC-128",
}
SUPERVISED = ("vot2016", "vot2017", "vot2018", "vot2019")


def add_benchmarks(benchmarks) -> None:
    """Add the benchmarks to `rar score`."""
    for name, title in ONE_PASS.items():
        example = f"rar score {name} --results runs --annotations {name.upper()} --protocol all"
        parser = add_command(benchmarks, name, score_benchmark_command, title, example)
        parser.set_defaults(benchmark=name)
        _add_files(
            parser, "folder of trackers, in the layout of any toolkit", "a file of names, or A,B,...; default: all"
        )
        parser.add_argument("--protocol", metavar="NAME", help="default: the benchmark's own; all: every one")
        parser.add_argument("--allow-missing", action="store_true", help="leave missing sequences out of the means")
        add_table_arguments(parser)
    for name in SUPERVISED:
        example = f"rar score {name} --results runs --annotations {name.upper()}"
        parser = add_command(benchmarks, name, score_challenge_command, f"{name.upper()}, supervised runs", example)
        parser.set_defaults(challenge=name.upper())
        _add_files(parser, "folder of TRACKER/baseline/SEQUENCE/", "only these sequences; default: all")
        parser.add_argument("--sizes", type=path, metavar="FILE", help="a line NAME WIDTH HEIGHT each")
        parser.add_argument("--protocol", default="matlab", help="matlab (default), pysot, exact, ... or all")
        parser.add_argument("--by-sequence", action="store_true", help="print the sequences too")
        parser.add_argument("--json", type=path, metavar="FILE", help="write everything")


def _add_files(parser: argparse.ArgumentParser, results: str, sequences: str) -> None:
    parser.add_argument("--results", required=True, type=path, metavar="DIR", help=results)
    parser.add_argument(
        "--annotations",
        "--root",
        required=True,
        type=path,
        metavar="PATH",
        help="the data set, or its annotations alone",
    )
    parser.add_argument("--sequences", metavar="A,B,...", help=sequences)


def add_table_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what of the scores is printed and written."""
    parser.add_argument(
        "--by", action="append", default=[], choices=("attribute", "sequence"), help="print these tables too"
    )
    parser.add_argument("--json", type=path, metavar="FILE", help="write everything, curves included")


def check_json(arguments: argparse.Namespace, *read: Path) -> None:
    """Raise `InputError`, before the work, when --json cannot be written or would replace a file that is read."""
    if arguments.json is not None:
        output_path(arguments.json)
        if arguments.json.exists():
            check_outputs([arguments.json], (file for path in read for file in [path, *path.rglob("*.*")]))


def show_scores(arguments: argparse.Namespace, scores) -> int:
    """Write and print a `BenchmarkScore` as the arguments say."""
    from rar_gluon.evaluation.otb.score import format_scores, scores_to_dict

    if arguments.json is not None:
        write_text(arguments.json, json.dumps(scores_to_dict(scores), indent=1) + "\n")
    print(format_scores(scores, "attribute" in arguments.by, "sequence" in arguments.by))
    return 0


def show_protocols(arguments: argparse.Namespace, by_protocol: Dict) -> int:
    """Write and print what every protocol gives: a `BenchmarkScore`, or the sentence by which it refuses the boxes."""
    from rar_gluon.evaluation.otb.score import format_protocols, scores_to_dict

    if arguments.json is not None:
        written = {n: {"refused": s} if isinstance(s, str) else scores_to_dict(s) for n, s in by_protocol.items()}
        write_text(arguments.json, json.dumps({"protocols": written}, indent=1) + "\n")
    print(format_protocols(by_protocol))
    return 0


def by_every_protocol(names, score: Callable) -> Dict:
    """What `score` gives for each name; the sentence where it raises `InputError`, which is raised if all do."""
    by_protocol, refusals = {}, []
    for name in names:
        try:
            by_protocol[name] = score(name)
        except InputError as error:
            by_protocol[name] = str(error)
            refusals.append(error)
    if len(refusals) == len(by_protocol):
        raise refusals[0]
    return by_protocol


def score_benchmark_command(arguments: argparse.Namespace) -> int:
    """Score every tracker of a folder of results, by the benchmark's own rule, by a toolkit's, or by all of them."""
    from rar_gluon.evaluation.benchmarks.protocol import protocol_of_benchmark, protocols_of
    from rar_gluon.evaluation.benchmarks.score import read_inputs, score_inputs

    check_json(arguments, arguments.results, arguments.annotations)
    key = arguments.benchmark
    names = protocols_of(key) if arguments.protocol == ALL else ()
    protocol = None if names else protocol_of_benchmark(key, arguments.protocol)
    inputs = read_inputs(key, arguments.results, arguments.annotations, arguments.sequences, arguments.allow_missing)
    if names:
        by_protocol = by_every_protocol(
            names, lambda name: score_inputs(inputs, protocol_of_benchmark(key, name), True)
        )
        return show_protocols(arguments, by_protocol)
    return show_scores(arguments, score_inputs(inputs, protocol))


def score_challenge_command(arguments: argparse.Namespace) -> int:
    """Score supervised runs: accuracy, robustness and expected average overlap, under the rules of a toolkit."""
    from rar_gluon.data.datasets import chosen_names
    from rar_gluon.evaluation.vot.annotations import UNSIZED, find_annotations, read_annotations
    from rar_gluon.evaluation.vot.protocol import load_protocol, rule_names
    from rar_gluon.evaluation.vot.score import format_scores, score_vot, scores_to_dict

    check_json(arguments, arguments.results, arguments.annotations, *filter(None, [arguments.sizes]))
    rules = rule_names() if arguments.protocol == ALL else (arguments.protocol,)
    protocols = [load_protocol(arguments.challenge, name) for name in rules]
    names = None if arguments.sequences is None else chosen_names(arguments.sequences)
    place = find_annotations(arguments.annotations, arguments.challenge)
    truth = read_annotations(place, arguments.sizes, names, unsized=True)
    unsized = sum(annotation.size == UNSIZED for annotation in truth)
    written = {}
    for protocol in protocols:
        scores = score_vot(arguments.results, truth, protocol)
        written[protocol.rules] = scores_to_dict(scores, protocol)
        print(format_scores(scores, protocol, arguments.by_sequence))
    if unsized:
        print(f"note: {unsized} of {len(truth)} sequences have no size: nothing is cut off at the right and below.")
    if arguments.json is not None:
        content = {"protocols": written} if arguments.protocol == ALL else written[arguments.protocol]
        write_text(arguments.json, json.dumps(content, indent=1) + "\n")
    return 0


def named_first(places: List[Path]) -> Tuple[str, List[Path]]:
    """Data set and folders of results of `rar report [DATASET] DIR...`; a name alone is a folder."""
    name = str(places[0]) if places else ""
    if len(places) > 1 and name in ("otb", "folder", *ONE_PASS, *SUPERVISED):
        return name, places[1:]
    if not places or (name in ONE_PASS and not places[0].is_dir()):
        raise InputError("a report needs a folder of results: rar report [DATASET] DIR --annotations PATH.")
    return "otb", places


def _report_folder(arguments: argparse.Namespace, results: List[Path]) -> None:
    """Make the report on a folder of sequences."""
    from rar_gluon.evaluation.otb.score import format_scores
    from rar_gluon.evaluation.sequences import score_folder
    from rar_gluon.report.folder import write_folder_report

    if len(results) > 1:
        raise InputError("a report on a folder of sequences takes one folder of results, RESULTS/TRACKER/SEQUENCE.txt.")
    output_folder(arguments.output)
    protocol = arguments.protocol or "folder"
    scores = score_folder(results[0], arguments.annotations, arguments.sequences, protocol, arguments.allow_missing)
    write_folder_report(scores, arguments.output)
    print(format_scores(scores))


def report_of(arguments: argparse.Namespace, dataset: str, results: List[Path]) -> int:
    """Make the report on a benchmark beside OTB, whose options are those that `rar report` has of all."""
    from rar_gluon.data.datasets import chosen_names

    for option in ("images", "tracker"):
        if getattr(arguments, option) is not None:
            raise InputError(f"--{option} is for pictures of OTB's frames: leave it out with {dataset}.")
    if arguments.allow_missing and dataset in SUPERVISED:
        raise InputError(f"--allow-missing does not apply to {dataset}: leave it out, or give --sequences.")
    files = (results, arguments.annotations, arguments.output)
    if dataset == "folder":
        _report_folder(arguments, results)
    elif dataset in SUPERVISED:
        from rar_gluon.evaluation.vot.protocol import load_protocol
        from rar_gluon.evaluation.vot.score import format_scores as format_challenge
        from rar_gluon.report.challenge import report_challenge

        rules = arguments.protocol or "matlab"
        names = None if arguments.sequences is None else chosen_names(arguments.sequences)
        scores = report_challenge(dataset, *files, rules, names)
        print(format_challenge(scores, load_protocol(dataset.upper(), rules)))
    else:
        from rar_gluon.evaluation.otb.score import format_scores
        from rar_gluon.report.benchmark import report_benchmark

        scores = report_benchmark(dataset, *files, arguments.protocol, arguments.sequences, arguments.allow_missing)
        print(format_scores(scores))
    print(f"see {arguments.output / 'report.html'}")
    return 0
