"""What a paper claims of two rows of a table, and what measured rows say to it."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Iterable, List, Mapping, Tuple

from rar_gluon import strict_yaml
from rar_gluon.common import InputError

LEVEL = 0.05  # of the sign test, two-sided

Scores = Mapping[int, Mapping[str, float]]  # AUC by seed and sequence


@dataclass(frozen=True)
class Claim:
    """One row of a table is better than another.

    Attributes
    ----------
    text, where : the claim in words, and its place ("Section 4.4, p. 20"; "ours": nobody claimed it).
    table, better, worse : the rows' names.
    note : what speaks against comparing them here; "" if nothing does.
    """

    text: str
    where: str
    table: str
    better: str
    worse: str
    note: str = ""


@dataclass(frozen=True)
class Verdict:
    """What was measured of a claim.

    Attributes
    ----------
    word : "supported", "contradicted", "undecided", or "not measured" (a row is missing).
    difference : mean AUC of the better row minus the worse one's; None: not measured.
    wins, losses : sequences whose AUC, the mean over the seeds, is higher, lower; ties count as neither.
    p : of the sign test.
    seeds, sequences : that both rows have, every seed each sequence.
    """

    word: str
    difference: float | None = None
    wins: int = 0
    losses: int = 0
    p: float = 1.0
    seeds: int = 0
    sequences: int = 0


def read_claims(path: str | os.PathLike, table: str) -> List[Claim]:
    """Read the claims on one table from a YAML list of them.

    Raises
    ------
    InputError
        The file cannot be read, or an entry lacks a key or has an unknown one.
    """
    try:
        claims = [Claim(**entry) for entry in strict_yaml.read(path)]
    except (ValueError, TypeError) as error:
        raise InputError(f"{path} holds no list of claims: {' '.join(str(error).split())}.") from error
    return [claim for claim in claims if claim.table == table]


def sign_test(differences: Iterable[float]) -> Tuple[int, int, float]:
    """Two-sided exact sign test: how many are above and below 0, and how often chance alone is as uneven.

    Zeros are left out (Conover, Practical Nonparametric Statistics).
    """
    values = list(differences)
    above, below = sum(value > 0 for value in values), sum(value < 0 for value in values)
    count = above + below
    tail = sum(math.comb(count, k) for k in range(min(above, below) + 1)) / 2**count
    return above, below, min(1.0, 2 * tail)


def judge(better: Scores, worse: Scores) -> Verdict:
    """Compare two rows on the seeds and sequences that both have.

    The claim is supported when the mean difference is above 0 and the sign test over the sequences, each the mean over
    the seeds, says so at `LEVEL`; contradicted when both say the contrary; else undecided. Seeds are averaged first
    because those of one sequence are no independent samples. Few sequences decide nothing (five can never reach the
    level).
    """
    seeds = sorted(set(better) & set(worse))
    names = sorted(set.intersection(*(set(part[seed]) for part in (better, worse) for seed in seeds))) if seeds else []
    if not names:
        return Verdict("not measured")
    differences = [sum(better[seed][name] - worse[seed][name] for seed in seeds) / len(seeds) for name in names]
    mean = sum(differences) / len(differences)
    wins, losses, p = sign_test(differences)
    word = "undecided"
    if p < LEVEL and mean > 0 and wins > losses:
        word = "supported"
    elif p < LEVEL and mean < 0 and losses > wins:
        word = "contradicted"
    return Verdict(word, mean, wins, losses, p, len(seeds), len(names))
