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

from experiments.claims_page import (
    Judged,
    claims_csv,
    claims_parts,
    count_sentence,
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


def otb13_parts(scores: Sequence[Mapping[str, str]], speeds: Sequence[Mapping[str, str]]) -> Dict[str, str]:
    """The tables of OTB-13: for README ("results"), and with all numbers ("otb13").

    Parameters
    ----------
    scores : of `rar report`, scores.csv: tracker, AUC, DP@20, SR@0.5, NP@0.2.
    speeds : of docs/results/speed.csv: tracker, frames/s.
    """
    fast = {row["tracker"]: row["frames/s"] for row in speeds}
    short, long = [], []
    for row in sorted(scores, key=lambda row: (row["tracker"] != OURS, -float(row["AUC"]))):
        name = row["tracker"]
        here = name == OURS or name.startswith("opencv-")
        numbers = [f"{float(row[key]):.3f}".lstrip("0") for key in ("AUC", "DP@20", "SR@0.5", "NP@0.2")]
        source = "run here" if here else "published boxes"
        bold = (lambda cell: f"**{cell}**") if name == OURS else str
        short.append((bold(name), *map(bold, numbers[:2]), fast.get(name, ""), source))
        long.append((bold(name), *map(bold, numbers), source))
    sides = [False, True, True, True]
    return {
        "results": "\n".join(markdown_table(("tracker", "OTB-13 AUC", "DP", "frames/s here", "source"), short, sides)),
        "otb13": "\n".join(
            markdown_table(("tracker", "AUC", "DP@20", "SR@0.5", "NP@0.2", "source"), long, [False] + [True] * 4)
        ),
    }


def pages(claims: Sequence[Judged]) -> Dict[Path, str]:
    """Text of each file that the command writes."""
    rows = RESULTS / "rows"
    parts = {
        **claims_parts(claims, pairs_of_ours(rows)),
        **table_parts(rows),
        **otb13_parts(rows_of(RESULTS / "otb13" / "scores.csv"), rows_of(RESULTS / "speed.csv")),
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
