"""The table of the claims is what the scores by sequence say."""

import csv
import re

import numpy as np
import pytest

from experiments import claims_page as claims
from experiments import pages
from experiments.measures import by_number, read_numbers

ROWS = pages.RESULTS / "rows"


@pytest.fixture(scope="module")
def judged():
    return claims.judged_claims(ROWS)


def test_the_committed_pages_are_made_of_the_scores(judged):
    for path, text in pages.pages(judged).items():
        assert path.read_text(encoding="utf-8") == text, f"{path}: run python -m experiments.pages"


def test_a_row_a_comparable_claim():
    with open(pages.RESULTS / "claims.csv", encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 25 and len({line["claim"] for line in lines}) == 25
    counted = {word: sum(line["matching_verdict"] == word for line in lines) for word in claims.WORDS}
    assert counted == {"supported": 11, "contradicted": 3, "equivalent": 6, "undecided": 5}


def test_a_difference_is_that_of_the_means_by_sequence(judged):
    """By an independent route: stride 8 and 4, which one run alone matched, and a difference that was tracked."""
    one = next(one for one in judged if one.claim.text == "stride 4 is worse than 8")
    matched = by_number(read_numbers(ROWS / "matching" / "table3" / "by_sequence.csv"), "within_1")
    mean = [np.mean(list(matched[row][3].values())) for row in ("row09", "row10")]
    assert one.verdicts["matching"].difference == pytest.approx(mean[0] - mean[1])
    assert one.paper == pytest.approx(0.651 - 0.608)
    tracked = by_number(read_numbers(ROWS / "tracking" / "table3" / "by_sequence.csv"), "auc")
    mean = [np.mean(list(tracked[row][3].values())) for row in ("row09", "row10")]
    assert one.verdicts["tracking"].difference == pytest.approx(mean[0] - mean[1])


def test_disagreements_are_named(judged):
    told = claims.disagreements(judged)
    assert "Deformable conv4 beats conv3: supported by matching, equivalent by tracking." in told and len(told) == 2


def test_readme_counts_as_the_table_does(judged):
    text = (pages.RESULTS.parents[1] / "README.md").read_text(encoding="utf-8")
    counts = claims.counts(judged, "matching")
    named = {
        word: int(number)
        for number, word in re.findall(r"(\d+)\s+(?:are |is )?(supported|contradicted|equivalent|undecided)", text)
    }
    assert named == counts


def test_a_picture_has_a_panel_a_way(judged):
    figure = claims.picture(judged)
    assert len(figure.axes) == 3 and len(figure.axes[0].get_yticks()) == 25


def test_only_what_lies_between_marks_is_made_anew():
    text = "a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n"
    assert pages.filled(text, {"x": "new", "y": "no"}) == "a\n<!-- x: begin -->\nnew\n<!-- x: end -->\nb\n"


def test_a_verdict_of_one_seed_is_marked(judged):
    parts = claims.claims_parts(judged, [])
    (line,) = (line for line in parts["claims"].splitlines() if line.startswith("| stride 4 is worse"))
    assert "**contradicted** ‡ | 1 |" in line and parts["claims"].count("‡") == 1
    axes = claims.picture(judged).axes[0]
    assert "white" in {line.get_markerfacecolor() for line in axes.lines if line.get_marker() == "o"}
    assert "logarithmic" in axes.get_xlabel() and 0.02 in axes.get_xticks()


def test_numbers_of_otb29_stand_in_the_log():
    log = (pages.ROOT / "docs" / "log" / "windows.md").read_text(encoding="utf-8")
    for row in pages.rows_of(pages.RESULTS / "otb29.csv"):
        pair = " / ".join(f"{float(row[key]):.3f}".lstrip("0") for key in ("AUC", "DP@20"))
        assert pair in log, row


def test_a_lead_is_the_mean_difference_over_sequences():
    rows = pages.rows_of(pages.RESULTS / "otb13" / "sequences_auc.csv")
    mean = np.mean([float(row["rar_thin"]) - float(row["KCF"]) for row in rows])
    assert pages.lead_over("KCF", rows).startswith(f"{mean:+.3f}".replace("0.", ".", 1))
    assert pages.lead_over("rar_thin", rows) == "+.000\u00a0[+.000,\u00a0+.000]"
