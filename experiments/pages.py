"""The numbers in README and docs/results, made from the files that runs left there.

`python -m experiments.pages` writes claims.csv and claims.png, and fills each place between `<!-- NAME: begin -->` and
`<!-- NAME: end -->` of the pages.
"""

from __future__ import annotations

import csv
import re
import sys
from pathlib import Path
from typing import Dict, List, Mapping, Sequence

import numpy as np

from experiments.claims import LEVEL, bootstrap
from experiments.claims_page import (
    Judged,
    claims_csv,
    claims_parts,
    count_sentence,
    interval_text,
    judged_claims,
    pairs_of_ours,
    picture,
    table_parts,
)
from experiments.sizes import HERE
from rar_gluon.common import write_text
from rar_gluon.report.plots import save
from rar_gluon.table_text import markdown_table

ROOT = HERE.parent
RESULTS = ROOT / "docs" / "results"
PAGES = (ROOT / "README.md", RESULTS / "claims.md", RESULTS / "tables_3_4.md", RESULTS / "otb13.md")
OURS = "rar_thin"
RIVAL = "DaSiamRPN"  # the best of those whose boxes on OTB-13 are at hand


def filled(text: str, parts: Mapping[str, str]) -> str:
    """A page with each of these parts in its place, if the page has the place."""
    for name, part in parts.items():
        mark = re.compile(rf"(<!-- {re.escape(name)}: begin -->\n).*?(<!-- {re.escape(name)}: end -->)", re.DOTALL)
        text = mark.sub(lambda match, part=part: f"{match[1]}{part}\n{match[2]}", text)
    return text


def rows_of(path: Path) -> List[Dict[str, str]]:
    """Lines of a CSV file by the heads of its columns."""
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def otb13_parts(
    scores: Sequence[Mapping[str, str]],
    by_sequence: Sequence[Mapping[str, str]],
    speeds: Sequence[Mapping[str, str]],
    aside: Sequence[Mapping[str, str]],
) -> Dict[str, str]:
    """The tables of OTB-13: for README ("results"), and with all numbers ("otb13").

    Parameters
    ----------
    scores : of `rar report`, scores.csv: tracker, AUC, DP@20, SR@0.5, NP@0.2.
    by_sequence : of `rar report`, sequences_auc.csv: a column of AUC a tracker.
    speeds : of docs/results/speed.csv: tracker, frames/s, machine, what.
    aside : of docs/results/otb29.csv: tracker, sequences ("OTB-29"; "OTB-13" of those that `scores` lacks).
    """
    fast = {row["tracker"]: row["frames/s"] for row in speeds}
    others = {row["tracker"]: row["AUC"] for row in aside if row["sequences"] == "OTB-29"}
    short, long = [], []
    rows = [*scores, *(row for row in aside if row["sequences"] == "OTB-13")]
    for row in sorted(rows, key=lambda row: (row["tracker"] != OURS, -float(row["AUC"]))):
        name = row["tracker"]
        here = name == OURS or name.startswith("opencv-")
        numbers = [_short(row.get(key)) for key in ("AUC", "DP@20", "SR@0.5", "NP@0.2")]
        source = "run here" if here else "published boxes"
        bold = (lambda cell: f"**{cell}**" if cell else "") if name == OURS else str
        short.append((bold(name), *map(bold, numbers[:2]), _short(others.get(name)), fast.get(name, ""), source))
        minus = "" if name == OURS or name not in by_sequence[0] else lead_over(name, by_sequence)
        long.append((bold(name), *map(bold, numbers), minus, source))
    head = ("tracker", "OTB-13 AUC", "DP", "OTB-29 AUC, read for us", "frames/s here", "source")
    long_head = ("tracker", "AUC", "DP@20", "SR@0.5", "NP@0.2", f"{OURS} minus it", "source")
    lead = f"`{OURS}` minus {RIVAL}: {lead_over(RIVAL, by_sequence)} AUC on OTB-13, with its 95 % interval."
    return {
        "results": "\n".join([*markdown_table(head, short, [False] + [True] * 4), "", lead]),
        "otb13": "\n".join(markdown_table(long_head, long, [False] + [True] * 5)),
    }


def _short(value: str | None) -> str:
    """`.705`; "" for None."""
    return "" if value is None else f"{float(value):.3f}".lstrip("0")


def lead_over(name: str, by_sequence: Sequence[Mapping[str, str]]) -> str:
    """Mean difference of AUC, ours minus a tracker's, with its 95 % interval over sequences."""
    differences = np.array([[float(row[OURS]) - float(row[name]) for row in by_sequence]])
    low, high = np.quantile(bootstrap(differences), [LEVEL / 2, 1 - LEVEL / 2])
    return interval_text(float(differences.mean()), float(low), float(high))


def pages(claims: Sequence[Judged]) -> Dict[Path, str]:
    """Text of each file that the command writes."""
    rows = RESULTS / "rows"
    parts = {
        **claims_parts(claims, pairs_of_ours(rows)),
        **table_parts(rows),
        **otb13_parts(
            *(rows_of(RESULTS / "otb13" / name) for name in ("scores.csv", "sequences_auc.csv")),
            *(rows_of(RESULTS / name) for name in ("speed.csv", "otb29.csv")),
        ),
    }
    made = {path: filled(path.read_text(encoding="utf-8"), parts) for path in PAGES}
    return {RESULTS / "claims.csv": claims_csv(claims), **made}


def main() -> int:
    """Make all of it anew; returns the exit status."""
    claims = judged_claims(RESULTS / "rows")
    for path, text in pages(claims).items():
        write_text(path, text)
    save(picture(claims), RESULTS, "claims", ("png",))
    print(f"By matching, {count_sentence(claims, 'matching')}; see docs/results/claims.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
