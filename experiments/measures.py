"""What rows gave, by row, seed and sequence: read from jobs' folders, and kept in a file that another run can add."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Dict, List, Mapping, Sequence

from experiments.jobs import OUTCOMES, Job, has_outcomes
from rar_gluon.common import InputError, csv_text, read_json, write_text
from rar_gluon.training.matching import read_matches, summary

MATCHED, TRACKED = ("within_1", "within_0.5", "within_2", "loss"), ("auc", "dp")
COLUMNS = ("pairs", *MATCHED, *TRACKED)  # pairs: how many of a sequence were matched
BY_SEQUENCE = "by_sequence.csv"

Numbers = Mapping[str, Mapping[int, Mapping[str, Mapping[str, float]]]]  # by row, seed, sequence and measure


def read_outcome(path: Path) -> Dict:
    """What a job's file of an outcome holds; {} where it is not there."""
    return read_json(path) if path.is_file() else {}


def matched(folder: Path, step: int | None = None) -> Dict[str, Dict[str, float]]:
    """Mean of each number of a job's pairs, by sequence, after a step (None: the last); {} where there are none."""
    tables = {int(path.stem): path for path in (folder / "matching").glob("*.csv")}
    if not has_outcomes(folder, ["matching"]) or (step is not None and step not in tables):
        return {}
    by_name: Dict[str, List] = {}
    for pair in read_matches(tables[max(tables) if step is None else step]):
        by_name.setdefault(pair.sequence, []).append(pair)
    return {name: {"pairs": len(pairs), **summary(pairs)} for name, pairs in by_name.items()}


def numbers_of(folder: Path) -> Dict[str, Dict[str, float]]:
    """What a job gave, by sequence: the means of its pairs, AUC and DP, as far as they are there."""
    by_name = {name: dict(means) for name, means in matched(folder).items()}
    for name, scores in read_outcome(folder / OUTCOMES["tracking"]).items():
        by_name.setdefault(name, {}).update(scores)
    return by_name


def gates_of(folder: Path) -> Dict[str, Dict[str, float]]:
    """Spread of a job's gates by step, of the steps that have any."""
    outcome = read_outcome(folder / OUTCOMES["matching"])
    return {step: numbers["gates"] for step, numbers in outcome.items() if numbers["gates"]}


def holds(numbers: Numbers, job: Job, pairs: int) -> bool:
    """Whether these numbers have all that a job is for."""
    by_name = numbers.get(job.row, {}).get(job.seed, {}).values()
    enough = {
        "matching": sum(one.get("pairs", 0) for one in by_name) >= pairs,
        "tracking": any("auc" in one for one in by_name),
    }
    return all(enough[outcome] for outcome in job.outcomes)


def with_added(numbers: Numbers, paths: Sequence[Path]) -> Numbers:
    """These numbers, and those of rows and seeds of other runs that are not among them (`--add`)."""
    merged = {row: dict(by_seed) for row, by_seed in numbers.items()}
    for path in paths:
        for row, by_seed in read_numbers(path).items():
            if row not in merged:
                raise InputError(f"{path} has a row {row!r}, which is none of this table: give a file of it.")
            merged[row] = {**by_seed, **merged[row]}
    return {row: dict(sorted(by_seed.items())) for row, by_seed in merged.items()}


def write_numbers(path: Path, numbers: Numbers) -> None:
    """Write a line a row, seed and sequence; a measure that was not taken has no value."""
    lines = (
        (row, seed, name, *(f"{measures[key]:.6g}" if key in measures else "" for key in COLUMNS))
        for row, by_seed in numbers.items()
        for seed, by_name in by_seed.items()
        for name, measures in by_name.items()
    )
    write_text(path, csv_text([("row", "seed", "sequence", *COLUMNS), *lines]))


def read_numbers(path: Path) -> Dict[str, Dict[int, Dict[str, Dict[str, float]]]]:
    """Read what `write_numbers` wrote; `InputError` for another file."""
    by_row: Dict[str, Dict[int, Dict[str, Dict[str, float]]]] = {}
    try:
        with open(path, encoding="utf-8", newline="") as file:
            for line in csv.DictReader(file):
                numbers = {key: float(line[key]) for key in COLUMNS if line[key]}
                by_row.setdefault(line["row"], {}).setdefault(int(line["seed"]), {})[line["sequence"]] = numbers
    except (OSError, csv.Error, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is no {BY_SEQUENCE} of a report: {error}.") from error
    return by_row


def having(numbers: Numbers, key: str) -> Dict[str, Dict[int, Dict[str, Mapping[str, float]]]]:
    """The numbers of sequences that have a measure; seeds without any are left out."""
    kept = {
        row: {seed: {name: one for name, one in names.items() if key in one} for seed, names in seeds.items()}
        for row, seeds in numbers.items()
    }
    return {row: {seed: names for seed, names in seeds.items() if names} for row, seeds in kept.items()}


def by_number(numbers: Numbers, key: str) -> Dict[str, Dict[int, Dict[str, float]]]:
    """One measure by row, seed and sequence, of all of them."""
    return {
        row: {seed: {name: one[key] for name, one in names.items()} for seed, names in seeds.items()}
        for row, seeds in having(numbers, key).items()
    }
