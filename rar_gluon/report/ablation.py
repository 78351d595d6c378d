"""Tables of ablations: published beside measured, and a verdict on each of the paper's claims."""

from __future__ import annotations

import csv
import os
import statistics
from typing import Dict, List, Mapping, Sequence, Tuple

from rar_gluon.common import InputError
from rar_gluon.report.claims import Claim, Scores, judge
from rar_gluon.report.tables import Column, Table

Numbers = Mapping[int, Mapping[str, Mapping[str, float]]]  # {"auc", "dp"} by seed and sequence
PUBLISHED_FOR = {"OTB-2013": "otb2013", "OTB-2015": "otb2015"}  # else the paper's OTB-2015 stands beside


def read_rows(path: str | os.PathLike) -> Dict[str, Dict[str, str]]:
    """Published rows by the name of our folder: `1` of Table 3 is row01, a variant of Table 4 is itself."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return {f"row{int(row['row']):02d}" if "row" in row else row["variant"]: row for row in rows}
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{path} is no table of published rows: {error}.") from error


def row_text(row: Mapping[str, str]) -> str:
    """A row of Table 3 in words, as its check marks say: `conv3 conv4, S 16`; "" for a row of another table."""
    if "stride" not in row:
        return ""
    stages = " ".join(f"conv{key[1]}" for key in ("c3", "c4", "c5") if row[key] == "1")
    deformable = " ".join(f"conv{key[1]}" for key in ("c3", "c4", "c5") if row[f"def_{key}"] == "1")
    parts = [stages, f"S {row['stride']}", f"deformable {deformable}" if deformable else ""]
    return ", ".join([*filter(None, parts), *(["not fine-tuned"] if row["finetuned"] == "0" else [])])


def of(numbers: Numbers, key: str, names: Sequence[str] | None = None) -> Scores:
    """Scores of one key, of these sequences (None: all)."""
    return {
        seed: {name: score[key] for name, score in sequences.items() if names is None or name in names}
        for seed, sequences in numbers.items()
    }


def mean_and_deviation(scores: Scores) -> Tuple[float | None, float | None]:
    """Mean over sequences, then over seeds; and the standard deviation (n - 1) over seeds, None for fewer than two."""
    means = [statistics.fmean(values.values()) for values in scores.values() if values]
    return (statistics.fmean(means) if means else None), (statistics.stdev(means) if len(means) > 1 else None)


def measured_table(
    title: str,
    rows: Mapping[str, Numbers],
    published: Mapping[str, Mapping[str, str]],
    benchmarks: Mapping[str, Sequence[str] | None],
    protocol: str,
    notes: Sequence[str] = (),
) -> Table:
    """Published, measured and their difference, for each row and benchmark.

    Parameters
    ----------
    rows : what was measured, by row; a row without a seed has empty cells.
    published : of `read_rows`.
    benchmarks : names of the sequences of each benchmark (None: all that were scored). Beside one that the paper does
        not have stand its numbers on OTB-2015.
    protocol : name of the one that all of them were scored under.
    """
    words = {row: row_text(published.get(row, {})) for row in rows}
    columns = [Column("row"), *([Column("what")] if any(words.values()) else [])]
    for name in benchmarks:
        for number in ("AUC", "DP"):
            columns += [Column(f"paper {number}, {PUBLISHED_FOR.get(name, 'otb2015')}", ".3f")]
            columns += [Column(f"{number}, {name}", ".3f"), Column("± sd", ".3f"), Column("difference", "+.3f")]
    columns.append(Column("seeds", "d"))
    body = []
    for row, numbers in rows.items():
        cells: List = [row, words[row]] if any(words.values()) else [row]
        for name, members in benchmarks.items():
            for key in ("auc", "dp"):
                text = published.get(row, {}).get(f"{PUBLISHED_FOR.get(name, 'otb2015')}_{key}") or ""
                printed = float(text) if text else None
                mean, deviation = mean_and_deviation(of(numbers, key, members))
                both = mean is not None and printed is not None
                cells += [printed, mean, deviation, mean - printed if both else None]
        body.append((*cells, len(numbers)))
    return Table("table", title, tuple(columns), tuple(body), {"protocol": protocol}, tuple(notes))


def claims_table(claims: Sequence[Claim], rows: Mapping[str, Numbers]) -> Table:
    """A verdict on each claim, from the AUC of all sequences."""
    columns = (
        *(Column("claim"), Column("where"), Column("better"), Column("worse"), Column("verdict")),
        *(Column("AUC difference", "+.3f"), Column("wins", "d"), Column("losses", "d"), Column("p", ".3f")),
        *(Column("seeds", "d"), Column("sequences", "d")),
    )
    body = []
    for claim in claims:
        found = judge(of(rows.get(claim.better, {}), "auc"), of(rows.get(claim.worse, {}), "auc"))
        numbers = (found.difference, found.wins, found.losses, found.p, found.seeds, found.sequences)
        shown = numbers if found.difference is not None else (None,) * len(numbers)
        body.append((claim.text, claim.where, claim.better, claim.worse, found.word, *shown))
    notes = [
        "supported, contradicted: the mean difference of AUC and a two-sided exact sign test over the sequences, each "
        "the mean over the seeds (wins against losses, ties left out), agree at p < 0.05; else undecided at this size.",
        "No correction is made for the number of claims: of twenty that are not so, one would come out decided.",
        *dict.fromkeys(f"{claim.better} against {claim.worse}: {claim.note}" for claim in claims if claim.note),
    ]
    return Table("claims", "Claims", columns, tuple(body), notes=tuple(notes))
