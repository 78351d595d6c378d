"""The table of the claims, and Tables 3 and 4 with ours beside, from the scores by sequence that runs left."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Mapping, Sequence, Tuple

from matplotlib.figure import Figure

from experiments.ablation import mean_and_deviation, read_rows, read_verdicts, row_text, scores_of
from experiments.claims import LEVEL, Claim, Verdict, holm, judge, pool, read_claims
from experiments.claims_picture import Panel, claims_picture
from experiments.measures import BY_SEQUENCE, by_number, having, read_numbers
from experiments.sizes import HERE
from rar_gluon.common import csv_text
from rar_gluon.report.published import LITERATURE
from rar_gluon.table_text import markdown_table

TABLES = ("table3", "table4")
DELTA = 0.01  # smaller differences are as good as none: of the pairs, and of AUC
WAYS = ("matching", "tracking", "long")
WORDS = ("supported", "contradicted", "equivalent", "undecided")


@dataclass(frozen=True)
class Judged:
    """A claim of the paper with what it prints and what was measured.

    Attributes
    ----------
    paper : AUC of the better row minus the worse one's on OTB-2015; None: the paper prints none.
    verdicts : by way: "matching", "tracking", and "long" (matching after 450 steps); without those not measured.
    """

    claim: Claim
    paper: float | None
    verdicts: Mapping[str, Verdict]


def judged_claims(rows: Path) -> List[Judged]:
    """Judge the comparable claims of Tables 3 and 4 by the scores in a folder (`docs/results/rows`)."""
    outcomes = []
    for table in TABLES:
        published = read_rows(LITERATURE / f"{table}.csv")
        matched, tracked, long = (_scores(rows, way, table, key) for way, key in zip(WAYS, _KEYS))
        earlier = read_verdicts(rows / "first" / table / "claims_within_1.csv")
        for claim in read_claims(HERE / "claims.yaml", table):
            if claim.not_comparable:
                continue
            pair = [_number(published[row], "otb2015_auc") for row in (claim.better, claim.worse)]
            verdicts = {
                "matching": pool([_judge(matched, claim), earlier.get(claim.text, _NOTHING)], DELTA),
                "tracking": _judge(tracked, claim),
                "long": _judge(long, claim),
            }
            known = {way: verdict for way, verdict in verdicts.items() if verdict.difference is not None}
            outcomes.append(Judged(claim, None if None in pair else pair[0] - pair[1], known))
    return outcomes


_KEYS = ("within_1", "auc", "within_1")
_NOTHING = Verdict("not measured")


def _scores(rows: Path, way: str, table: str, key: str) -> Mapping:
    path = rows / way / table / BY_SEQUENCE
    return by_number(read_numbers(path), key) if path.is_file() else {}


def _judge(scores: Mapping, claim: Claim) -> Verdict:
    return judge(scores.get(claim.better, {}), scores.get(claim.worse, {}), DELTA)


def _number(row: Mapping[str, str], key: str) -> float | None:
    return float(row[key]) if row.get(key) else None


def claims_csv(claims: Sequence[Judged]) -> str:
    """A line a claim, all digits."""
    head = ["claim", "paper_delta"]
    for way in WAYS:
        head += [f"{way}_delta", f"{way}_low", f"{way}_high", f"{way}_verdict"]
    lines = [[*head, "better", "worse", "matching_seeds", "matching_p", "matching_p_holm"]]
    corrected = corrected_p(claims)
    for one in claims:
        line = [one.claim.text, _digits(one.paper)]
        for way in WAYS:
            verdict = one.verdicts.get(way, _NOTHING)
            line += [*map(_digits, (verdict.difference, verdict.low, verdict.high)), verdict.word]
        matching = one.verdicts["matching"]
        numbers = (matching.seeds, _digits(matching.p), _digits(corrected[one.claim.text]))
        lines.append([*line, one.claim.better, one.claim.worse, *numbers])
    return csv_text(lines)


def corrected_p(claims: Sequence[Judged]) -> Dict[str, float]:
    """P-values by matching, corrected by Holm's rule for the number of all claims, by the claim's text."""
    return holm({one.claim.text: one.verdicts["matching"].p for one in claims})


def _digits(value: float | None) -> str:
    return "" if value is None else f"{value:.5f}"


def counts(claims: Sequence[Judged], way: str) -> Dict[str, int]:
    """How many claims have which verdict by a way."""
    tally = Counter(one.verdicts[way].word for one in claims if way in one.verdicts)
    return {word: tally[word] for word in WORDS}


def count_sentence(claims: Sequence[Judged], way: str) -> str:
    """The verdicts of a way in numbers: `of 25 claims 11 supported, 3 contradicted, 6 equivalent and 5 undecided`."""
    numbers = counts(claims, way)
    first, *others = (f"{number} {word}" for word, number in numbers.items())
    return f"of {sum(numbers.values())} claims {first}, {', '.join(others[:-1])} and {others[-1]}"


def disagreements(claims: Sequence[Judged]) -> List[str]:
    """A sentence on each claim that two ways decide differently."""
    sentences = []
    for one in claims:
        words = {way: v.word for way, v in one.verdicts.items() if v.word != "undecided"}
        if len(set(words.values())) > 1:
            parts = ", ".join(f"{word} by {_WAY_WORDS[way]}" for way, word in words.items())
            sentences.append(f"{one.claim.text[0].upper()}{one.claim.text[1:]}: {parts}.")
    return sentences


_WAY_WORDS = {"matching": "matching", "tracking": "tracking", "long": "matching after 450 steps"}


def claims_parts(claims: Sequence[Judged], ours: Sequence[Tuple[Claim, Verdict]]) -> Dict[str, str]:
    """What the command writes into `claims.md`, by the name of its place."""
    corrected = corrected_p(claims)
    head = ("claim", "paper Δ", "matching Δ", "verdict", "seeds", "tracking Δ", "verdict", "450 steps Δ", "verdict")
    body = []
    for one in claims:
        line = [one.claim.text, "" if one.paper is None else _short(one.paper)]
        for way in WAYS:
            verdict = one.verdicts.get(way)
            weak = way == "matching" and corrected[one.claim.text] >= LEVEL
            single = way == "matching" and verdict is not None and verdict.seeds == 1
            line += ["", ""] if verdict is None else [_interval(verdict), _word(verdict, weak, single)]
            line += [str(verdict.seeds)] if way == "matching" else []
        body.append(line)
    own = [(claim.text, _interval(verdict), _word(verdict)) for claim, verdict in ours]
    return {
        "counts": _table(("judged by", "claims", *WORDS), [_count(claims, way) for way in WAYS]),
        "claims": _table(head, body),
        "disagreements": "\n".join(f"* {sentence}" for sentence in disagreements(claims)),
        "ours": _table(("pair", "matching Δ", "verdict"), own),
    }


def _count(claims: Sequence[Judged], way: str) -> Tuple[str, ...]:
    numbers = counts(claims, way)
    return (_WAY_WORDS[way], str(sum(numbers.values())), *map(str, numbers.values()))


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    return "\n".join(markdown_table(head, body, ["Δ" in cell for cell in head]))


def _short(value: float) -> str:
    """`+.016`"""
    return f"{value:+.3f}".replace("0.", ".", 1)


def interval_text(mean: float, low: float, high: float) -> str:
    """`+.016 [+.006, +.025]`, which stays on a line."""
    return f"{_short(mean)}\u00a0[{_short(low)},\u00a0{_short(high)}]"


def _interval(verdict: Verdict) -> str:
    return interval_text(verdict.difference, verdict.low, verdict.high)


def _word(verdict: Verdict, weak: bool = False, single: bool = False) -> str:
    """A verdict, marked where it does not outlast Holm's correction, and where it is of a single seed."""
    signed = verdict.word in ("supported", "contradicted")
    word = f"**{verdict.word}**" if signed else verdict.word
    return word + (" †" if weak and signed else "") + (" ‡" if single else "")


def table_parts(rows: Path) -> Dict[str, str]:
    """What the command writes into `tables_3_4.md`, by the name of its place."""
    parts = {}
    printed = [f"otb{year}_{number}" for year in (2013, 2015) for number in ("auc", "dp")]
    head = ("row", "what", *(f"paper, OTB-{year}, {number}" for year in (2013, 2015) for number in ("AUC", "DP")))
    head += ("within 8 pixels", "AUC here", "DP here")
    for table in TABLES:
        matched = _scores(rows, "matching", table, "within_1")
        tracked = having(read_numbers(rows / "tracking" / table / BY_SEQUENCE), "auc")
        body = []
        for row, cells in read_rows(LITERATURE / f"{table}.csv").items():
            own = [mean_and_deviation(matched.get(row, {}))[0]]
            own += [mean_and_deviation(scores_of(tracked.get(row, {}), key))[0] for key in ("auc", "dp")]
            numbers = [_plain(_number(cells, key)) for key in printed] + [_plain(value) for value in own]
            body.append((row, row_text(cells) or cells.get("note", ""), *numbers))
        parts[table] = "\n".join(markdown_table(head, body, [False, False] + [True] * 7))
    random = _scores(rows, "random", "table4", "within_1")
    lines = [(row, _plain(mean_and_deviation(random[row])[0])) for row in ("RAR", "RAR_VGG", "RAR_ResNet")]
    pairs = [("RAR", "RAR_VGG"), ("RAR_VGG", "RAR_ResNet")]
    judged = {pair: judge(random[pair[0]], random[pair[1]], DELTA) for pair in pairs}
    verdicts = [f"* {' against '.join(pair)}: {_interval(v)}, {v.word}." for pair, v in judged.items()]
    parts["random"] = "\n".join([*markdown_table(("row", "within 8 pixels"), lines, [False, True]), "", *verdicts])
    return parts


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}".replace("0.", ".", 1)


def pairs_of_ours(rows: Path) -> List[Tuple[Claim, Verdict]]:
    """Verdicts on pairs of rows that nobody claimed anything of."""
    scores = _scores(rows, "matching", "extra", "within_1")
    return [(claim, _judge(scores, claim)) for claim in read_claims(HERE / "claims.yaml", "extra")]


def picture(claims: Sequence[Judged]) -> Figure:
    """The figure `claims.png`."""
    published = {one.claim.text: one.paper for one in claims}
    by_way = {way: {one.claim.text: one.verdicts[way] for one in claims if way in one.verdicts} for way in WAYS}
    panels = [
        Panel("matching", "difference of pairs within 8 pixels", by_way["matching"]),
        Panel("tracking", "difference of AUC", by_way["tracking"]),
        Panel("matching, 450 steps", "difference of pairs within 8 pixels", by_way["long"]),
    ]
    return claims_picture(published, panels, DELTA)
