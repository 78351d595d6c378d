"""What a paper claims of two rows of a table, and what measured rows say to it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from statistics import NormalDist
from typing import Dict, List, Mapping, Sequence, Tuple

import numpy as np

from rar_gluon import strict_yaml
from rar_gluon.common import InputError

LEVEL = 0.05  # part of the intervals that may miss the truth
DRAWS = 10000  # of the bootstrap
SHARED = 0.2  # of the variance of two runs on the same sequences, what these add to both (docs/log/rows_design.md)

Scores = Mapping[int, Mapping[str, float]]  # a number by seed and sequence


@dataclass(frozen=True)
class Claim:
    """One row of a table is better than another.

    Attributes
    ----------
    text, where : the claim in words, and its place ("Section 4.4, p. 20"; "ours": nobody claimed it).
    table, better, worse : the rows' names.
    note : what a reader must know of it; "" if nothing.
    not_comparable : why these rows are not the paper's; "" if they are. It holds unless the rows were started alike, by
        `--start` with the value of `comparable_start`.
    comparable_start : "" for none.
    """

    text: str
    where: str
    table: str
    better: str
    worse: str
    note: str = ""
    not_comparable: str = ""
    comparable_start: str = ""


@dataclass(frozen=True)
class Verdict:
    """What was measured of a claim.

    Attributes
    ----------
    word : "supported", "contradicted", "equivalent", "undecided", "not comparable", or "not measured" (a row is
        missing).
    difference, low, high : mean of the better row minus the worse one's, and its interval; None: not measured.
    p : two-sided; of a difference of 0.
    seeds, sequences : that both rows have, every seed each sequence.
    """

    word: str
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
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


def matrix(scores: Scores, seeds: Sequence[int], names: Sequence[str]) -> np.ndarray:
    """Scores (seeds, sequences) as an array."""
    return np.array([[scores[seed][name] for name in names] for seed in seeds], float)


def common(*parts: Scores) -> Tuple[List[int], List[str]]:
    """Seeds, and sequences that each of them has, of all parts."""
    seeds = sorted(set.intersection(*(set(part) for part in parts)))
    names = [set(part[seed]) for part in parts for seed in seeds]
    return seeds, sorted(set.intersection(*names)) if names else []


def bootstrap(values: np.ndarray, draws: int = DRAWS) -> np.ndarray:
    """Means (draws,) of values (seeds, sequences), sequences and the seeds' own effects drawn anew with replacement.

    A sequence is drawn whole, with what all seeds have of it: pairs and frames of one are no independent samples. A
    seed's effect is what it adds to every sequence. Of the spread of the seeds' means only what exceeds the noise of
    single values is such an effect: that noise is in the sequences' draws already, and drawing the seeds as they are
    would count it twice (Owen, The pigeonhole bootstrap, 2007). One seed alone says nothing of others.
    """
    # Not scipy.stats.bootstrap, which draws along one axis alone; of `holm` it has nothing.
    rng = np.random.default_rng(0)  # the same numbers give the same interval
    seeds, sequences = values.shape
    means = _shares(rng, sequences, draws) @ values.mean(axis=0)
    if seeds == 1:
        return means
    effects = values.mean(axis=1) - values.mean()
    noise = values - values.mean(axis=0) - effects[:, None]
    between, within = sequences * np.square(effects).sum(), np.square(noise).sum() / max(1, sequences - 1)
    if between > within:
        # values lie nearer to their own mean than to the true one
        effects *= np.sqrt((1 - within / between) * seeds / (seeds - 1))
        means += _shares(rng, seeds, draws) @ effects
    return means


def _shares(rng: np.random.Generator, count: int, draws: int) -> np.ndarray:
    """How large a part of so many drawn values each one is, (draws, count)."""
    return rng.multinomial(count, np.full(count, 1 / count), draws) / count


def interval(scores: Scores) -> Tuple[float | None, float | None, float | None]:
    """Mean over seeds and sequences, and its interval; None where there is nothing."""
    seeds, names = common(scores) if scores else ([], [])
    if not names:
        return None, None, None
    values = matrix(scores, seeds, names)
    return (float(values.mean()), *_limits(bootstrap(values)))


def _limits(means: np.ndarray) -> Tuple[float, float]:
    low, high = np.quantile(means, [LEVEL / 2, 1 - LEVEL / 2])
    return float(low), float(high)


def judge(better: Scores, worse: Scores, delta: float) -> Verdict:
    """Compare two rows on the seeds and sequences that both have, by the interval of their mean paired difference.

    Supported when the interval lies above 0, contradicted when it lies below; else equivalent when it lies within
    ± `delta`; else undecided. Fewer than six sequences decide nothing: five that agree come about by chance once in
    sixteen times.
    """
    seeds, names = common(better, worse)
    if not names:
        return Verdict("not measured")
    differences = matrix(better, seeds, names) - matrix(worse, seeds, names)
    means = bootstrap(differences)
    low, high = _limits(means)
    p = min(1.0, 2 * (1 + min((means <= 0).sum(), (means >= 0).sum())) / (1 + len(means)))
    word = _word(low, high, delta, len(names))
    return Verdict(word, float(differences.mean()), low, high, float(p), len(seeds), len(names))


def _word(low: float, high: float, delta: float, sequences: int) -> str:
    """What an interval over so many sequences says."""
    if sequences < 6:
        return "undecided"
    if low > 0:
        return "supported"
    if high < 0:
        return "contradicted"
    return "equivalent" if max(-low, high) < delta else "undecided"


def pool(verdicts: Sequence[Verdict], delta: float) -> Verdict:
    """What runs with other seeds on the same sequences say together, each known by its difference and interval alone.

    The mean weighted by precision; the correlation of two runs' errors is `SHARED`. Where what each gave by sequence is
    there, `judge` on all of it is better.
    """
    measured = [verdict for verdict in verdicts if verdict.p is not None]
    if len(measured) < 2:
        return measured[0] if measured else Verdict("not measured")
    normal = NormalDist()
    z = normal.inv_cdf(1 - LEVEL / 2)
    errors = np.array([max(verdict.high - verdict.low, 1e-12) / (2 * z) for verdict in measured])
    weights = errors**-2 / (errors**-2).sum()
    correlation = np.full((len(measured), len(measured)), SHARED)
    np.fill_diagonal(correlation, 1.0)
    mean = float(weights @ [verdict.difference for verdict in measured])
    error = float(np.sqrt((weights * errors) @ correlation @ (weights * errors)))
    low, high, sequences = mean - z * error, mean + z * error, min(verdict.sequences for verdict in measured)
    word = _word(low, high, delta, sequences)
    p = 2 * normal.cdf(-abs(mean) / error)
    return Verdict(word, mean, low, high, p, sum(verdict.seeds for verdict in measured), sequences)


def holm(values: Mapping[str, float]) -> Dict[str, float]:
    """P-values corrected for their number by Holm's step-down rule, by the same keys."""
    corrected, largest = {}, 0.0
    for rank, (key, p) in enumerate(sorted(values.items(), key=lambda item: item[1])):
        largest = max(largest, min(1.0, p * (len(values) - rank)))
        corrected[key] = largest
    return corrected
