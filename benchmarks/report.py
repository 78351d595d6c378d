"""What was measured, as CSV and Markdown; ratios beside those of a baseline."""

from __future__ import annotations

import csv
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import numpy as np

from rar_gluon.common import InputError, csv_text, write_text
from rar_gluon.evaluation.otb.ope import overlap
from rar_gluon.table_text import markdown_table

UNITS = {  # all else is in milliseconds; of what has "" no ratio is of interest
    **{"peak RSS": "MiB", "error": "", "IoU": "", "checksum": "", "GMAC": "GMAC"},
    **{"GFLOP/s": "/s", "frames/s": "/s", "step / convolutions": "times"},
}
COLUMNS = ("part", "case", "route", "quantity", "unit", "median", "low", "high", "ratio", "ratio_low", "ratio_high")


@dataclass(frozen=True)
class Row:
    """One quantity of one route: (least, median, largest) of the rounds; and of its ratio to the case's first route."""

    part: str
    case: str
    route: str
    quantity: str
    values: Tuple[float, float, float]
    ratios: Tuple[float, float, float] | None = None

    @property
    def unit(self) -> str:
        return UNITS.get(self.quantity, "ms")


def rows_of(part: str, case: str, answers: Mapping[str, Sequence[Mapping[str, Any]]]) -> List[Row]:
    """Rows of a case's `answers` (`alternate`); of boxes, their median overlap with the first route's."""
    if not answers:
        return []
    first, rows = next(iter(answers.values())), []
    for route, measured in answers.items():
        if "boxes" in measured[0]:
            agreed = float(np.nanmedian(overlap(np.array(measured[0]["boxes"]), np.array(first[0]["boxes"]))))
            measured = [{**answer, "IoU": agreed} for answer in measured]
        for quantity, value in measured[0].items():
            if not isinstance(value, (int, float)) or np.isnan(value):
                continue
            values = np.array([answer[quantity] for answer in measured], float)
            ratios = None
            if UNITS.get(quantity) != "" and quantity in first[0] and all(answer[quantity] for answer in first):
                ratios = _spread(values / np.array([answer[quantity] for answer in first], float))
            rows.append(Row(part, case, route, quantity, _spread(values), ratios))
    return rows


def as_csv(rows: Sequence[Row]) -> str:
    """One line a row."""
    lines = []
    for row in rows:
        low, median, high = (f"{value:.5g}" for value in row.values)
        ratios = ["", "", ""] if row.ratios is None else [f"{row.ratios[index]:.4g}" for index in (1, 0, 2)]
        lines.append([row.part, row.case, row.route, row.quantity, row.unit, median, low, high, *ratios])
    return csv_text([COLUMNS, *lines])


def as_markdown(rows: Sequence[Row], heading: str) -> str:
    """A table a case: routes down, quantities across, medians with their spread and the ratio to the first route."""
    lines = [
        f"# {heading}",
        "",
        f"{machine()}. Median [least, largest] of the rounds (ratio to the first route, round by round).",
        "",
    ]
    for part, case in dict.fromkeys((row.part, row.case) for row in rows):
        own = [row for row in rows if (row.part, row.case) == (part, case)]
        quantities = list(dict.fromkeys(row.quantity for row in own))
        cells: Dict[Tuple[str, str], str] = {(row.route, row.quantity): _cell(row) for row in own}
        titles = [
            quantity if quantity in UNITS and quantity != "peak RSS" else f"{quantity} {UNITS.get(quantity, 'ms')}"
            for quantity in quantities
        ]
        routes = dict.fromkeys(row.route for row in own)
        body = [(route, *(cells.get((route, quantity), "") for quantity in quantities)) for route in routes]
        lines += [f"## {part}: {case}", "", *markdown_table(("route", *titles), body), ""]
    return "\n".join(lines)


def write(rows: Sequence[Row], heading: str, folder: Path) -> None:
    """Write HEADING.csv and HEADING.md."""
    write_text(folder / f"{heading}.csv", as_csv(rows))
    write_text(folder / f"{heading}.md", as_markdown(rows, heading))


def moved(rows: Sequence[Row], baseline: Path) -> List[str]:
    """Sentences on the ratios whose spread no longer overlaps that of a baseline.

    Raises
    ------
    InputError
        The baseline is no such file.
    """
    try:
        with baseline.open(newline="", encoding="utf-8") as file:
            old = {
                tuple(line[key] for key in COLUMNS[:4]): [float(line[key]) for key in COLUMNS[-3:]]
                for line in csv.DictReader(file)
                if line["ratio"]
            }
    except (OSError, csv.Error, KeyError, ValueError, TypeError) as error:
        raise InputError(f"{baseline} is no table of benchmarks: make one with --output.") from error
    sentences = []
    for row in rows:
        before = old.get((row.part, row.case, row.route, row.quantity))
        if row.ratios is None or before is None:
            continue
        low, median, high = row.ratios
        if low > before[2] or high < before[1]:
            sentences.append(
                f"{row.part}, {row.case}: {row.quantity} of {row.route} is {median:.2f} [{low:.2f} {high:.2f}] times "
                f"the first route's, and was {before[0]:.2f} [{before[1]:.2f} {before[2]:.2f}]."
            )
    return sentences


def machine() -> str:
    """Name the processor, its cores and the vector instructions that decide how fast its convolutions are."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.processor()}, {os.cpu_count()} cores"
    processor = dict(line.split("\t", 1) for line in lines if "\t" in line)
    processor = {key.strip(): value.split(":", 1)[1].strip() for key, value in processor.items() if ":" in value}
    flags = processor.get("flags", "").split()
    vectors = next((name for flag, name in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if flag in flags), "no AVX2")
    further = [flag for flag in ("avx512_vnni", "avx512_bf16") if flag in flags]
    return f"{processor.get('model name', platform.machine())}, {os.cpu_count()} cores, {' '.join([vectors, *further])}"


def _cell(row: Row) -> str:
    low, median, high = row.values
    text = f"{median:.4g} [{low:.4g} {high:.4g}]" if high > low else f"{median:.4g}"
    return text if row.ratios is None else f"{text} ({row.ratios[1]:.2f})"


def _spread(values: np.ndarray) -> Tuple[float, float, float]:
    return float(values.min()), float(np.median(values)), float(values.max())
