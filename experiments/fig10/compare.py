"""Set the toolkit's numbers beside ours on the same results: `compare.py WORKSPACE TRACKER [--analysis NAME]`.

WORKSPACE holds results (text) of `vot evaluate` and a report of `vot analysis --format json --name NAME`.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path

from rar_gluon.common import InputError, read_json
from rar_gluon.evaluation.vot.annotations import read_annotations
from rar_gluon.evaluation.vot.protocol import load_protocol, rule_names
from rar_gluon.evaluation.vot.results import EXPERIMENT
from rar_gluon.evaluation.vot.score import score_vot
from rar_gluon.table_text import text_table


def toolkit_numbers(path: Path, tracker: str) -> tuple[dict[str, float], tuple[int, int]]:
    """Numbers of a report of `vot analysis`, and the interval that its EAO is over."""
    report = read_json(path)
    trackers = list(report["trackers"])
    if tracker not in trackers:
        raise InputError(f"{path} has no tracker {tracker}: give one of {', '.join(trackers)}, or analyse it first.")
    row = trackers.index(tracker)
    baseline = report["results"][EXPERIMENT]
    by_type = {
        analysis["type"].rsplit(".", 1)[1]: (analysis, result[row])
        for analysis, result in zip(baseline["parameters"]["analyses"], baseline["results"])
    }
    accuracy, failures, (reliability, _), _ = by_type["AverageAccuracyRobustness"][1]
    settings, (eao,) = by_type["EAOScore"]
    numbers = {"accuracy": accuracy, "failures": failures, "reliability": reliability, "eao": eao}
    return numbers, (settings["low"], settings["high"])


def main() -> int:
    """Run the script; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("tracker")
    parser.add_argument("--analysis", default="report", metavar="NAME", help="default: report")
    arguments = parser.parse_args()
    try:
        toolkit, interval = toolkit_numbers(
            arguments.workspace / "analysis" / f"{arguments.analysis}.json", arguments.tracker
        )
        annotations = read_annotations(arguments.workspace / "sequences")
        folder = arguments.workspace / "results" / arguments.tracker
        columns = {"toolkit": toolkit}
        for rules in rule_names():
            protocol = dataclasses.replace(load_protocol(rules=rules), interval=interval)
            score = score_vot(folder, annotations, protocol)[arguments.tracker]
            columns[rules] = {number: getattr(score, number) for number in toolkit}
    except (InputError, OSError, KeyError) as error:
        print(f"compare: {error}", file=sys.stderr)
        return 2
    print(f"{arguments.tracker}, EAO over {interval[0]} to {interval[1]} frames")
    rows = [(label, *(f"{numbers[number]:.6f}" for number in toolkit)) for label, numbers in columns.items()]
    print("\n".join(text_table([("", *toolkit), *rows], [False, *[True] * len(toolkit)])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
