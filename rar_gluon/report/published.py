"""Numbers of others, to stand beside measured ones: the paper's Table 2, and recomputations from public raw results.

They are files of the package, `literature/`, whose README says where each comes from.
"""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Mapping, Sequence, Tuple

from rar_gluon.common import InputError
from rar_gluon.data.otb import squeezed

ANOTHER_RULE = "Published numbers may follow another rule: a difference below .01 may be the rule's."
LITERATURE = Path(__file__).with_name("literature")

# Results of one name and the row of Table 2 under another, and why they are taken for the same tracker or not
# ("": Table 2 has no row of it). Case and separators need no entry (SA-Siam is SA_Siam); anything else is another
# tracker until it stands here: opencv-kcf is not KCF, and SiamRPN++ is not SiamRPN.
SAME_AS: Mapping[str, Tuple[str, str]] = {
    "SiamFC-3s": (
        "SiamFC",
        "Table 2 prints SiamFC without its number of scales; its 86 frames/s are those of SiamFC-3s.",
    ),
    "CFNet-conv2": ("CFNet", "Table 2 prints CFNet without its depth; its AUC are those of CFNet-conv2."),
    "cacf-hog": (
        "",
        "cacf-hog is our own CACF, on HOG without scales: the paper's row may be another variant.",
    ),
    "rar_thin": ("", "rar_thin is a thinner network than the paper's RAR: Table 2 has no row of it."),
}

# Numbers of Table 2 that are not what their column says; shown, but no difference is taken.
DOUBTFUL: Mapping[Tuple[str, str], str] = {
    ("CFNet", "otb2015_dp"): (
        "Table 2's DP of CFNet on OTB-2015, .767, is neither its DP@20 (.748) nor the mean of its precision curve that "
        "the CFNet paper calls Prec. (.693), but equals SiamFC's: no difference is taken."
    ),
}


@dataclass(frozen=True)
class Published:
    """Tables of others' numbers.

    Attributes
    ----------
    paper : Table 2 by tracker: columns otb2013_auc, otb2013_dp, otb2015_auc, otb2015_dp, fps. It names no protocol.
    recomputed : by protocol and tracker: otb2013_auc, ..., tb50_auc, ..., from raw results that others published.
        Of several rows of a tracker, the first.
    others : the other rows of a tracker, each with the note that tells it apart.
    """

    paper: Mapping[str, Mapping[str, float]]
    recomputed: Mapping[str, Mapping[str, Mapping[str, float]]]
    others: Mapping[str, Sequence[Tuple[str, Mapping[str, float]]]]


def read_published(folder: str | os.PathLike | None = None) -> Published:
    """Read `table2.csv` and `recomputed_otb.csv` of a folder; None: the package's.

    Raises
    ------
    InputError
        When the folder lacks the files, or one of them cannot be read.
    """
    folder = LITERATURE if folder is None else Path(folder)
    paper = {row["tracker"]: _numbers(row) for row in _rows(folder / "table2.csv")}
    recomputed: Dict[str, Dict[str, Dict[str, float]]] = {}
    others: Dict[str, List[Tuple[str, Dict[str, float]]]] = {}
    for row in _rows(folder / "recomputed_otb.csv"):
        name, numbers = row["tracker"], _numbers(row)
        known = recomputed.setdefault(row.get("protocol", ""), {})
        if name in known:
            others.setdefault(name, []).append((row.get("note") or "another recomputation", numbers))
        else:
            known[name] = numbers
    return Published(paper, recomputed, others)


def read_benchmarks() -> Dict[str, List[Dict]]:
    """Read the package's `benchmarks.csv`: rows by benchmark, the numbers of each as floats."""
    benchmarks: Dict[str, List[Dict]] = {}
    for row in _rows(LITERATURE / "benchmarks.csv"):
        texts = {name: row[name] for name in ("tracker", "source")}
        benchmarks.setdefault(row["benchmark"], []).append({**texts, **_numbers(row)})
    return benchmarks


def find_name(tracker: str, names: Mapping[str, object]) -> str | None:
    """Find a tracker among `names`, whatever its case and separators; None when it is not there."""
    return {squeezed(name): name for name in names}.get(squeezed(tracker))


def same_as(tracker: str) -> Tuple[str, str]:
    """Name under which Table 2 prints a tracker ("" when it has no row of it), and why ("" when it needs no reason)."""
    alias = find_name(tracker, SAME_AS)
    return (tracker, "") if alias is None else SAME_AS[alias]


def _rows(path: Path) -> List[Dict[str, str]]:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; published numbers are in it.") from None
    except csv.Error as error:  # a NUL, before Python 3.11
        raise InputError(f"{path} holds no table with a column 'tracker': {error}.") from None
    if not rows or "tracker" not in rows[0]:
        raise InputError(f"{path} holds no table with a column 'tracker'.")
    return rows


def _numbers(row: Mapping[str, str]) -> Dict[str, float]:
    """Keep the cells that are numbers: of an empty cell nothing is known, and the rest is text."""
    numbers = {}
    for column, text in row.items():
        try:
            numbers[column] = float(text)
        except (TypeError, ValueError):
            continue
    return numbers
