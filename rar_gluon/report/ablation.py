"""The report of a table of ablations: published beside measured, and a verdict on each of the paper's claims."""

from __future__ import annotations

import csv
import html
import os
import statistics
from pathlib import Path
from typing import Dict, List, Mapping, Sequence, Tuple

from rar_gluon.common import InputError, write_text
from rar_gluon.report.claims import Claim, Scores, judge
from rar_gluon.report.tables import Column, Table, texts, to_csv, to_markdown

Numbers = Mapping[int, Mapping[str, Mapping[str, float]]]  # {"auc", "dp"} by seed and sequence
PUBLISHED_FOR = {"OTB-2013": "otb2013", "OTB-2015": "otb2015"}  # else the paper's OTB-2015 stands beside

STYLE = """body { font: 15px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; margin: 1em 0; display: block; overflow-x: auto; }
caption { text-align: left; font-weight: 600; padding-bottom: .4em; }
th, td { padding: .25em .7em; border-bottom: 1px solid #ddd; text-align: left; vertical-align: top; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.supported { color: #176b2c; font-weight: 600; } .contradicted { color: #a31515; font-weight: 600; }
.warning { background: #fff4d6; border-left: 4px solid #d9a400; padding: .5em 1em; }"""


def read_rows(path: str | os.PathLike) -> Dict[str, Dict[str, str]]:
    """Published rows by the name of our folder: `1` of Table 3 is row01, a variant of Table 4 is itself."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return {f"row{int(row['row']):02d}" if "row" in row else row["variant"]: row for row in rows}
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{path} is no table of published rows: {error}.") from error


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
    notes: Sequence[str] = (),
) -> Table:
    """Published, measured and their difference, for each row and benchmark.

    Parameters
    ----------
    rows : what was measured, by row; a row without a seed has empty cells.
    published : of `read_rows`.
    benchmarks : names of the sequences of each benchmark (None: all that were scored). Beside one that the paper does
        not have stand its numbers on OTB-2015.
    """
    columns = [Column("row")]
    for name in benchmarks:
        for number in ("AUC", "DP"):
            columns += [Column(f"paper {number}, {PUBLISHED_FOR.get(name, 'otb2015')}", ".3f")]
            columns += [Column(f"{number}, {name}", ".3f"), Column("± sd", ".3f"), Column("difference", "+.3f")]
    columns.append(Column("seeds", "d"))
    body = []
    for row, numbers in rows.items():
        cells: List = [row]
        for name, members in benchmarks.items():
            for key in ("auc", "dp"):
                text = published.get(row, {}).get(f"{PUBLISHED_FOR.get(name, 'otb2015')}_{key}") or ""
                printed = float(text) if text else None
                mean, deviation = mean_and_deviation(of(numbers, key, members))
                both = mean is not None and printed is not None
                cells += [printed, mean, deviation, mean - printed if both else None]
        body.append((*cells, len(numbers)))
    return Table("table", title, tuple(columns), tuple(body), {"protocol": "matlab"}, tuple(notes))


def claims_table(claims: Sequence[Claim], rows: Mapping[str, Numbers], names: Sequence[str] | None = None) -> Table:
    """A verdict on each claim, from the AUC of these sequences (None: all)."""
    columns = (
        *(Column("claim"), Column("where"), Column("better"), Column("worse"), Column("verdict")),
        *(Column("AUC difference", "+.3f"), Column("wins", "d"), Column("losses", "d"), Column("p", ".3f")),
        *(Column("seeds", "d"), Column("sequences", "d")),
    )
    body = []
    for claim in claims:
        found = judge(of(rows.get(claim.better, {}), "auc", names), of(rows.get(claim.worse, {}), "auc", names))
        numbers = (found.difference, found.wins, found.losses, found.p, found.seeds, found.sequences)
        shown = numbers if found.difference is not None else (None,) * len(numbers)
        body.append((claim.text, claim.where, claim.better, claim.worse, found.word, *shown))
    notes = [
        "supported, contradicted: the mean difference of AUC and a two-sided exact sign test over all pairs of seed "
        "and sequence (wins against losses, ties left out) agree at p < 0.05; else undecided at this size.",
        "The seeds of a sequence are not independent of each other: with several, p is smaller than it should be.",
        *dict.fromkeys(f"{claim.better} against {claim.worse}: {claim.note}" for claim in claims if claim.note),
    ]
    return Table("claims", "Claims", columns, tuple(body), notes=tuple(notes))


def to_text(table: Table, skip: Sequence[str] = ()) -> str:
    """Table for a terminal, without the columns `skip`."""
    kept = [index for index, column in enumerate(table.columns) if column.head not in skip]
    rows = [[column.head for column in table.columns], *texts(table)]
    rows = [[row[index] for index in kept] for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(kept))]
    number = [bool(table.columns[index].spec) for index in kept]
    lines = [
        "  ".join(cell.rjust(width) if right else cell.ljust(width) for cell, width, right in zip(row, widths, number))
        for row in rows
    ]
    return "\n".join([table.caption, *(line.rstrip() for line in lines)])


def to_html(title: str, about: Sequence[str], tables: Sequence[Table]) -> str:
    """One page that needs no other file; the first sentence of `about` is set off as a warning."""
    parts = [f"<h1>{html.escape(title)}</h1>"]
    for index, sentence in enumerate(about):
        mark = ' class="warning"' if index == 0 else ""
        parts.append(f"<p{mark}>{html.escape(sentence)}</p>")
    for table in tables:
        kinds = ["number" if column.spec else "" for column in table.columns]
        head = "".join(_cell("th", column.head, kind) for column, kind in zip(table.columns, kinds))
        body = ["".join(_cell("td", text, kind) for text, kind in zip(row, kinds)) for row in texts(table)]
        rows = "".join(f"<tr>{row}</tr>\n" for row in [head, *body])
        parts.append(f"<table><caption>{html.escape(table.caption)}</caption>\n{rows}</table>")
        parts.append("<ul>" + "".join(f"<li>{html.escape(note)}</li>" for note in table.notes) + "</ul>")
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>\n'
        f"<style>\n{STYLE}\n</style></head><body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def _cell(tag: str, text: str, kind: str) -> str:
    kind = kind or (text if text in ("supported", "contradicted") else "")
    return f"<{tag}{f' class={chr(34)}{kind}{chr(34)}' if kind else ''}>{html.escape(text)}</{tag}>"


def write_report(output: Path, title: str, about: Sequence[str], tables: Sequence[Table]) -> None:
    """Write report.html, report.md and a CSV for each table into `output`."""
    for table in tables:
        write_text(output / f"{table.name}.csv", to_csv(table))
    write_text(output / "report.md", "\n\n".join([f"# {title}", *about, *map(to_markdown, tables)]) + "\n")
    write_text(output / "report.html", to_html(title, about, tables))
