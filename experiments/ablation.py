"""Tables of ablations: published beside measured, and a verdict on each of the paper's claims."""

from __future__ import annotations

import csv
import os
import statistics
from dataclasses import dataclass, field
from typing import Dict, List, Mapping, Sequence, Tuple

from experiments.claims import DRAWS, SHARED, Claim, Scores, Verdict, holm, interval, judge, pool
from rar_gluon.common import InputError
from rar_gluon.report.tables import Column, Table
from rar_gluon.training.matching import CELL, NEAR

Numbers = Mapping[int, Mapping[str, Mapping[str, float]]]  # {"auc", "dp"} by seed and sequence
POOLED = (
    "Differences and intervals are of this run and of another with other seeds. Both are on the same sequences: the "
    f"mean is weighted by precision, and their errors are taken to correlate by {SHARED:g}."
)
HEADS = {f"within_{cells:g}": f"within {cells * CELL:g} pixels" for cells in NEAR}
PUBLISHED_FOR = {"OTB-2013": "otb2013", "OTB-2015": "otb2015"}  # else the paper's OTB-2015 stands beside


def read_rows(path: str | os.PathLike) -> Dict[str, Dict[str, str]]:
    """Published rows by the name of our folder: `1` of Table 3 is row01, a variant of Table 4 is itself."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return {f"row{int(row['row']):02d}" if "row" in row else row["variant"]: row for row in rows}
    except (OSError, csv.Error, KeyError, ValueError) as error:
        raise InputError(f"{path} is no table of published rows: {error}.") from error


def row_text(row: Mapping[str, str]) -> str:
    """A row of Table 3 in words, as its check marks say: `conv3 conv4, S 16`, or its `what`; "" of another table's."""
    if "stride" not in row:
        return row.get("what", "")
    stages = " ".join(f"conv{key[1]}" for key in ("c3", "c4", "c5") if row[key] == "1")
    deformable = " ".join(f"conv{key[1]}" for key in ("c3", "c4", "c5") if row[f"def_{key}"] == "1")
    parts = [stages, f"S {row['stride']}", f"deformable {deformable}" if deformable else ""]
    return ", ".join([*filter(None, parts), *(["not fine-tuned"] if row["finetuned"] == "0" else [])])


def scores_of(numbers: Numbers, key: str, names: Sequence[str] | None = None) -> Scores:
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
    """Published and measured numbers for each row and benchmark; and their difference, where they are comparable.

    Parameters
    ----------
    rows : what was measured, by row; a row without a seed has empty cells.
    published : of `read_rows`.
    benchmarks : names of the sequences of each benchmark (None: all that were scored). Beside one that the paper does
        not have stand its numbers on OTB-2015, and no difference is taken.
    protocol : name of the one that all of them were scored under.
    """
    words = {row: row_text(published.get(row, {})) for row in rows}
    columns = [Column("row"), *([Column("what")] if any(words.values()) else [])]
    for name in benchmarks:
        for number in ("AUC", "DP"):
            columns += [Column(f"paper {number}, {PUBLISHED_FOR.get(name, 'otb2015')}", ".3f")]
            columns += [Column(f"{number}, {name}", ".3f"), Column("± sd", ".3f")]
            columns += [Column("difference", "+.3f")] if name in PUBLISHED_FOR else []
    columns.append(Column("seeds", "d"))
    body = []
    for row, numbers in rows.items():
        cells: List = [row, words[row]] if any(words.values()) else [row]
        for name, members in benchmarks.items():
            for key in ("auc", "dp"):
                text = published.get(row, {}).get(f"{PUBLISHED_FOR.get(name, 'otb2015')}_{key}") or ""
                printed = float(text) if text else None
                mean, deviation = mean_and_deviation(scores_of(numbers, key, members))
                both = mean is not None and printed is not None
                cells += [printed, mean, deviation]
                cells += [mean - printed if both else None] if name in PUBLISHED_FOR else []
        body.append((*cells, len(numbers)))
    return Table("table", title, tuple(columns), tuple(body), {"protocol": protocol}, tuple(notes))


@dataclass(frozen=True)
class Outcome:
    """What rows are compared by.

    Attributes
    ----------
    name, words, unit : of its tables.
    delta : differences smaller than this are as good as none.
    numbers : by row, seed and sequence.
    earlier : the same after fewer steps of the training, by step.
    """

    name: str
    words: str
    unit: str
    delta: float
    numbers: Mapping[str, Scores]
    earlier: Mapping[int, Mapping[str, Scores]] = field(default_factory=dict)


def read_verdicts(path: str | os.PathLike) -> Dict[str, Verdict]:
    """Read the verdicts of a `claims_table` by the text of their claim; `InputError` for another file."""
    verdicts = {}
    try:
        with open(path, encoding="utf-8", newline="") as file:
            for line in csv.DictReader(file):
                (difference,) = (value for key, value in line.items() if key.startswith("difference of "))
                if difference:
                    numbers = map(float, (difference, line["low"], line["high"], line["p"]))
                    verdicts[line["claim"]] = Verdict(
                        line["verdict"], *numbers, int(line["seeds"]), int(line["sequences"])
                    )
    except (OSError, csv.Error, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} holds no verdicts of a report (claims_*.csv): {error}.") from error
    return verdicts


def claims_table(
    claims: Sequence[Claim],
    outcome: Outcome,
    start: str | None = None,
    others: Mapping[str, Verdict] | None = None,
) -> Table:
    """A verdict on each claim by one outcome.

    Parameters
    ----------
    start : the weights that all rows started from, if they were given.
    others : what a run with other seeds found, by the claim's text: verdicts are on both then (`claims.pool`).
    """

    def compared(numbers: Mapping[str, Scores], claim: Claim) -> Verdict:
        return judge(numbers.get(claim.better, {}), numbers.get(claim.worse, {}), outcome.delta)

    steps = sorted(outcome.earlier)
    columns = (
        *(Column("claim"), Column("where"), Column("better"), Column("worse"), Column("verdict")),
        *(Column(f"difference of {outcome.unit}", "+.4f"), Column("low", "+.4f"), Column("high", "+.4f")),
        *(Column("p", ".4f"), Column("p, Holm", ".4f"), Column("seeds", "d"), Column("sequences", "d")),
        *(Column(f"after {step} steps{part}", "+.4f") for step in steps for part in ("", ", low", ", high")),
    )
    others = others or {}
    ours = {claim.text: compared(outcome.numbers, claim) for claim in claims}
    verdicts = {
        key: pool([verdict, others.get(key, Verdict("not measured"))], outcome.delta) for key, verdict in ours.items()
    }
    if others:
        columns += (Column("here", "+.4f"), Column("other run", "+.4f"))
    reasons = {c.text: c.not_comparable for c in claims if c.not_comparable and (start or "") != c.comparable_start}
    tested = {key: verdict.p for key, verdict in verdicts.items() if verdict.p is not None and key not in reasons}
    corrected, body = holm(tested), []
    for claim in claims:
        key, verdict = claim.text, verdicts[claim.text]
        word = "not comparable" if key in reasons and verdict.p is not None else verdict.word
        numbers = (verdict.difference, verdict.low, verdict.high, verdict.p, corrected.get(key))
        counts = (verdict.seeds, verdict.sequences) if verdict.p is not None else (None, None)
        before = (
            number
            for verdict in (compared(outcome.earlier[step], claim) for step in steps)
            for number in (verdict.difference, verdict.low, verdict.high)
        )
        parts = (ours[key].difference, others[key].difference if key in others else None) if others else ()
        body.append((key, claim.where, claim.better, claim.worse, word, *numbers, *counts, *before, *parts))
    decided = [row[4] for row in body if row[4] in ("supported", "contradicted", "equivalent")]
    comparable = [row[4] for row in body if row[4] not in ("not comparable", "not measured")]
    notes = [
        f"{len(decided)} of {len(comparable)} comparable claims that were measured are decided.",
        "supported: the 95 % interval of the mean paired difference lies above 0; contradicted: below 0.",
        f"equivalent: the interval holds 0 and lies within ± {outcome.delta:g}; undecided: all else.",
        f"Intervals: {DRAWS:,} draws of whole sequences and of the seeds' effects. One seed says nothing of others.",
        *([POOLED] if others else []),
        "p is two-sided and of the same draws. Holm corrects it for the number of claims, and changes no verdict.",
        *dict.fromkeys(f"{claim.better} against {claim.worse}: {claim.note}" for claim in claims if claim.note),
        *dict.fromkeys(f"{c.better} against {c.worse}: {reasons[c.text]}" for c in claims if c.text in reasons),
    ]
    return Table(f"claims_{outcome.name}", f"Claims, by {outcome.words}", columns, tuple(body), notes=tuple(notes))


def matching_table(
    title: str,
    outcomes: Mapping[str, Mapping[str, Scores]],
    outcome: Outcome,
    published: Mapping[str, Mapping[str, str]],
    pairs: int,
) -> Table:
    """Published AUC beside how well each row matches.

    Parameters
    ----------
    outcomes : by name (`within_1`, `loss`, ...), then row, seed and sequence.
    outcome : the one whose interval is printed; its name is one of `outcomes`.
    pairs : matched by each row and seed.
    """
    rows = outcome.numbers
    words = {row: row_text(published.get(row, {})) for row in rows}
    others = [name for name in outcomes if name != outcome.name]
    steps = sorted(outcome.earlier)
    columns = (
        *(Column("row"), *([Column("what")] if any(words.values()) else [])),
        *(
            Column("paper AUC, otb2015", ".3f"),
            Column(outcome.unit, ".4f"),
            Column("low", ".4f"),
            Column("high", ".4f"),
        ),
        *(Column(HEADS.get(name, name), ".4f") for name in others),
        *(Column(f"after {step} steps", ".4f") for step in steps),
        Column("seeds", "d"),
    )
    body = []
    for row, scores in rows.items():
        printed = published.get(row, {}).get("otb2015_auc") or ""
        cells: List = [row, words[row]] if any(words.values()) else [row]
        cells += [float(printed) if printed else None, *interval(scores)]
        cells += [mean_and_deviation(outcomes[name].get(row, {}))[0] for name in others]
        cells += [mean_and_deviation(outcome.earlier[step].get(row, {}))[0] for step in steps]
        body.append((*cells, len(scores)))
    notes = (
        f"{outcome.words}: {pairs} pairs a row and seed.",
        "low, high: the 95 % interval of the row alone, over sequences and seeds. The claims compare rows pair by "
        "pair, which is far more exact.",
    )
    return Table("matching", title, columns, tuple(body), notes=notes)


def gates_table(gates: Mapping[str, Mapping[int, Mapping[str, Mapping[str, float]]]]) -> Table:
    """Spread of the attention's gates and of deformable offsets, by row and step (mean over the seeds of
    `gates[row][seed][step][part]`).
    """
    parts = sorted(
        {part for seeds in gates.values() for steps in seeds.values() for one in steps.values() for part in one}
    )
    body = []
    for row, seeds in gates.items():
        for step in sorted({step for steps in seeds.values() for step in steps}, key=int):
            measured = [steps[step] for steps in seeds.values() if step in steps]
            means = [[one[part] for one in measured if part in one] for part in parts]
            body.append((row, int(step), *(statistics.fmean(values) if values else None for values in means)))
    note = (
        "Standard deviation of the gates of Eq. 5 over channels, and of Eq. 6 over places. At the start each is 1/2. "
        "offset: root mean square of how far a deformable convolution moves its taps, in cells. At the start it is 0."
    )
    columns = (Column("row"), Column("step", "d"), *(Column(part, ".4f") for part in parts))
    return Table(
        "gates", "Spread of the attention's gates, and of deformable offsets", columns, tuple(body), notes=(note,)
    )
